"""`hero-kernel` and `python -m hero_kernel`, as a shell calls them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep

import nbformat
import pytest
from git_repos import ENVIRON, author
from kernel.driving import environment

import hero_kernel as hero

MODULE = (sys.executable, "-m", "hero_kernel")


class Terminal:
    """Runs the command in a folder and a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = environment(folder)
        self.file(
            "good.hero", "!!session.env_set key:WHO val:world\n!!play.echo content:'hi {WHO}'\n"
        )
        self.file(
            "bad.hero", "!!play.echo\n!!session.env_delete key:NO\n!!play.echo content:last\n"
        )

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def notebook(self, name: str, *cells: str, tags: tuple[str, ...] = ()) -> Path:
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        for cell in made.cells:
            cell.metadata["tags"] = list(tags)
        nbformat.write(made, self.folder / name)
        return self.folder / name

    def __call__(self, *words: str, command: tuple[str, ...] = MODULE, status: int = 0, **env: str):
        done = subprocess.run(
            [*command, *words],
            cwd=self.folder,
            env=self.env | env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            encoding="utf-8",
        )
        assert done.returncode == status, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def session(self, name: str, context: str = "default") -> hero.Session:
        opened = hero.open_workspace(home=self.folder / "hero", default=False)
        return opened.context_get(context).session_get(name)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_the_script_and_the_module_are_one(terminal):
    script = (str(Path(sys.executable).with_name("hero-kernel")),)
    helps = [terminal("--help", command=one).stdout for one in (script, MODULE)]
    assert helps[0] == helps[1]
    assert "run" in helps[0]
    assert "install" in helps[0]
    assert terminal("--version").stdout.strip() == version("hero-kernel")


def test_a_script_is_carried_out_and_its_report_printed(terminal):
    done = terminal("run", "good.hero", "-s", "nightly")
    assert "hi world" in done.stdout
    assert done.stderr == ""
    assert terminal.session("nightly").env_get("WHO") == "world"


def test_context_and_session_are_made(terminal):
    terminal("run", "good.hero", "--context", "shop", "--session", "nightly")
    assert terminal.session("nightly", "shop").env_get("WHO") == "world"
    terminal("run", "good.hero", HERO_CONTEXT="shop", HERO_SESSION="other")
    assert terminal.session("other", "shop").env_get("WHO") == "world"


def test_a_failure_is_status_1(terminal):
    done = terminal("run", "bad.hero", "-s", "nightly", status=1)
    assert "✗ failed" in done.stdout
    assert "- skipped" in done.stdout


def test_continue_carries_out_the_rest(terminal):
    done = terminal("run", "bad.hero", "--continue", status=1)
    assert "last" in done.stdout
    assert "skipped" not in done.stdout


def test_dry_run_changes_nothing(terminal):
    done = terminal("run", "good.hero", "-n", "-s", "nightly")
    assert "dry run" in done.stdout
    assert terminal.session("nightly").env_all() == {}


def test_json_is_one_document(terminal):
    document = json.loads(terminal("run", "good.hero", "--json", "-s", "nightly").stdout)
    assert document["ok"]
    assert document["session"] == "nightly"
    assert document["source"] == str(terminal.folder / "good.hero")
    assert [row["action"] for row in document["results"]] == ["session.env_set", "play.echo"]
    assert not json.loads(terminal("run", "bad.hero", "--json", status=1).stdout)["ok"]


def test_a_folder_is_carried_out(terminal):
    terminal.file("plays/two.hero", "!!play.echo content:two")
    terminal.file("plays/one.md", "# Title\n\n!!play.echo content:one\n\nText.\n")
    terminal.file("plays/other.txt", "!!session.env_delete key:NO")
    done = terminal("run", "plays", "--json")
    assert [row["message"] for row in json.loads(done.stdout)["results"]] == ["one", "two"]


def test_faults_in_the_text_are_told_before_anything_runs(terminal):
    terminal.file("wrong.hero", "!!session.env_set key:K val:V\n!!play.ecko content:x\n")
    done = terminal("run", "wrong.hero", "-s", "nightly", status=1)
    assert done.stdout == ""
    assert "wrong.hero:2" in done.stderr
    assert "did you mean play.echo?" in done.stderr
    assert terminal.session("nightly").env_all() == {}


@pytest.mark.parametrize("name", ["none.hero", "none.ipynb", "\0"])
def test_what_cannot_be_read_is_called_wrongly(terminal, name):
    if name == "\0":
        name = str(terminal.file("bytes.hero", ""))
        Path(name).write_bytes(b"\xff\xfe\x00")
    done = terminal("run", name, status=2)
    assert Path(name).name in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "COMMAND"),
        (("rnu",), "rnu"),
        (("run",), "PATH"),
        (("run", "good.hero", "--dry"), "--dry"),
        (("run", "good.hero", "-o", "out.ipynb"), "--out is for notebooks"),
        (("run", "n.ipynb", "-n"), "--dry-run is for scripts"),
        (("run", "good.hero", "--pull"), "--pull and --branch are for git addresses"),
        (("run", "https://example.org/a/b/n.ipynb"), "is not run from its address"),
        (("allow", "0123456789abcdef"), "nothing called 0123456789abcdef was refused"),
        (("allow", "a", "b"), "does not understand b"),
        (("deny",), "ORIGIN"),
        (("deny", "nonsense"), "nonsense"),
        (("revoke",), "WHAT"),
        (("install", "--user", "--prefix", "x"), "--user and --prefix are given"),
    ],
)
def test_called_wrongly(terminal, words, said):
    done = terminal(*words, status=2)
    assert said in done.stderr
    assert done.stdout == ""


def test_a_bad_name_is_told(terminal):
    assert "../up" in terminal("run", "good.hero", "-s", "../up", status=1).stderr


def test_redis_out_of_reach_is_told(terminal):
    url = f"redis://127.0.0.1:{_free_port()}"
    begin = monotonic()
    done = terminal("run", "good.hero", status=1, HERO_REDIS_URL=url)
    assert monotonic() - begin < 4
    assert url.removeprefix("redis://") in done.stderr


def test_a_terminal_without_our_signs_shows_the_rest(terminal):
    plain = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = terminal("run", "good.hero", **plain)
    assert "? changed" in done.stdout
    assert "hi world" in done.stdout


def test_ctrl_c_is_status_130_and_a_row(terminal):
    terminal.file("slow.py", "")
    program = (
        "import sys, time\n"
        "from hero_kernel import action\n"
        "from hero_kernel.__main__ import main\n"
        "@action('slow.wait')\n"
        "def wait():\n"
        "    print('begun', file=sys.__stdout__, flush=True)\n"
        "    time.sleep(60)\n"
        "sys.exit(main(['run', 'slow.hero']))\n"
    )
    terminal.file("slow.hero", "!!slow.wait\n!!play.echo\n")
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=terminal.folder,
        env=terminal.env,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as child:
        assert child.stdout.readline() == "begun\n"
        child.send_signal(signal.SIGINT)
        rest = child.stdout.read()
    assert child.returncode == 130
    assert "interrupted" in rest
    assert "skipped" in rest


class TestPlaybooksOfOthers:
    @pytest.fixture
    def ann(self, terminal):
        terminal.env |= ENVIRON | {"CODEROOT": str(terminal.folder / "code")}
        one = author(terminal.folder)
        one.push({"a.hero": "!!session.env_set key:BY val:ann\n!!play.echo content:'hi {BY}'\n"})
        return one

    def test_refused_with_status_2_and_the_line_that_allows_it(self, terminal, ann):
        done = terminal("run", ann.url, "-s", "nightly", status=2)
        assert done.stdout == ""
        message, hint = done.stderr.strip().split("\n")
        assert message.endswith("is not allowed to run")
        with pytest.raises(hero.HeroError, match="nightly"):  # it is not even made
            terminal.session("nightly")
        program, *words = re.search(r"hero-kernel allow [0-9a-f]{16}", hint)[0].split()
        command = (str(Path(sys.executable).with_name(program)),)
        assert "may run" in terminal(*words, command=command).stdout
        done = terminal("run", ann.url, "-s", "nightly", "--json")
        document = json.loads(done.stdout)
        assert document["source"] == ann.url
        assert [row["message"] for row in document["results"]] == ["BY", "hi ann"]
        assert "waits" not in terminal("allow").stdout

    def test_denied_is_status_2(self, terminal, ann):
        terminal("run", ann.url, status=2)
        terminal("allow", ann.url)
        terminal("deny", ann.url)
        assert "is denied" in terminal("run", ann.url, status=2).stderr
        told = [line.split() for line in terminal("allow").stdout.split("\n")]
        assert ["denied", "hero-kernel", "undeny", ann.url, ann.url] in told

    def test_nothing_at_the_address(self, terminal):
        url = f"file://{terminal.folder}/none.git"
        assert "none.git" in terminal("run", url, status=1).stderr
        assert "https://" in terminal("run", "ftp://example.org/a/b", status=2).stderr
        assert "password" in terminal("run", "https://u:p@example.org/a/b", status=2).stderr


class TestNotebooks:
    def test_it_is_executed_and_shown(self, terminal):
        path = terminal.notebook(
            "n.ipynb", "6 * 7", "!!play.echo content:'hello'", "print('there')"
        )
        before = path.read_text()
        done = terminal("run", "n.ipynb", "-s", "nightly", "-o", "out.ipynb")
        for text in ("In [1]: 6 * 7", "42", "✓ ok", "hello", "there"):
            assert text in done.stdout
        assert path.read_text() == before
        executed = nbformat.read(terminal.folder / "out.ipynb", as_version=4)
        assert executed.cells[0].outputs[0].data["text/plain"] == "42"
        assert len(terminal.session("nightly").run_names()) == 1

    def test_a_failed_action_is_status_1_and_ends_it(self, terminal):
        terminal.notebook("n.ipynb", "!!session.env_delete key:NO", "print('next')")
        done = terminal("run", "n.ipynb", "--json", "-o", "out.ipynb", status=1)
        document = json.loads(done.stdout)
        assert not document["ok"]
        assert [report["ok"] for report in document["reports"]] == [False]
        first, second = nbformat.read(terminal.folder / "out.ipynb", as_version=4).cells
        assert first.outputs[-1].ename == "RunError"
        assert second.execution_count is None

    def test_continue_executes_the_rest(self, terminal):
        terminal.notebook("n.ipynb", "!!session.env_delete key:NO", "print('a' + 'fter')")
        done = terminal("run", "n.ipynb", "--continue", status=1)
        assert "    RunError: session.env_delete failed (In[1] line 1)" in done.stdout
        assert "after" in done.stdout

    def test_an_expected_failure_is_none(self, terminal):
        terminal.notebook("n.ipynb", "!!session.env_delete key:NO", tags=("raises-exception",))
        terminal("run", "n.ipynb")

    def test_a_file_that_is_no_notebook(self, terminal):
        terminal.file("n.ipynb", "not json")
        assert "cannot be read as a notebook" in terminal("run", "n.ipynb", status=2).stderr

    def test_a_place_that_cannot_be_written(self, terminal):
        terminal.notebook("n.ipynb", "1")
        done = terminal("run", "n.ipynb", "-o", "no/such/folder.ipynb", status=1)
        assert "cannot be written" in done.stderr

    def test_without_the_extra_it_says_what_to_install(self, terminal):
        terminal.notebook("n.ipynb", "1")
        program = (
            "import sys; sys.modules['nbclient'] = None\n"
            "from hero_kernel.__main__ import main\n"
            "sys.exit(main(['run', 'n.ipynb']))"
        )
        done = terminal(command=(sys.executable, "-c", program), status=1)
        assert "pip install 'hero-kernel[run]'" in done.stderr

    def test_ctrl_c_ends_the_kernel_too(self, terminal):
        begun = terminal.folder / "begun"
        terminal.notebook(
            "n.ipynb",
            f"import os, pathlib, time\npathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\n"
            "time.sleep(60)",
            "print('next')",
        )
        with subprocess.Popen(
            [*MODULE, "run", "n.ipynb"],
            cwd=terminal.folder,
            env=terminal.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            while not begun.exists() or not begun.read_text():
                assert child.poll() is None
                sleep(0.05)
            os.killpg(child.pid, signal.SIGINT)  # a terminal tells the whole group
            out, err = child.communicate(timeout=30)
        assert "KeyboardInterrupt" in out
        assert "next" in out  # the cell is there, and was not run
        assert out.rstrip().endswith("In [ ]: print('next')")
        assert child.returncode == 130, (out, err)
        assert err == ""
        assert not _is_alive(int(begun.read_text()))


def test_the_spec_is_installed_for_the_user(terminal):
    done = terminal("install")
    folder = terminal.folder / "data" / "kernels" / "hero"
    assert str(folder) in done.stdout
    assert json.loads((folder / "kernel.json").read_text())["argv"][0] == sys.executable
    terminal("install")  # again is no error


def test_a_place_where_no_spec_can_be_written(terminal):
    done = terminal("install", "--prefix", "good.hero", status=1)
    assert "good.hero" in done.stderr
    assert "--prefix" in done.stderr


def test_importing_the_command_line_is_quick_and_pulls_in_no_jupyter(terminal):
    program = (
        "import sys, hero_kernel.__main__\n"
        "print(sorted({'IPython', 'ipykernel', 'jupyter_client', 'redis'} & sys.modules.keys()))"
    )
    assert terminal(command=(sys.executable, "-c", program)).stdout.strip() == "[]"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
