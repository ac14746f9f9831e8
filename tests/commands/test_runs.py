"""Running: from standard input, as a program, at a terminal, into a pipe, and until a signal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import nbformat
import pytest
from commands.terminals import Terminal
from kernel.driving import environment

MODULE = (sys.executable, "-m", "hero_kernel")


def start(folder, *words, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    environ = environment(folder) | options.pop("environ", {})
    return subprocess.Popen([*MODULE, *words], cwd=folder, env=environ, text=True, **options)


def installed(folder):
    """The environment in which `hero-kernel` is this one."""
    program = folder / "bin" / "hero-kernel"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hero_kernel "$@"\n')
    program.chmod(0o755)
    return environment(folder, PATH=f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_standard_input_is_a_script(hk):
    said = hk("run", "-", "-s", "intro", "--json", given=b"!!play.echo content:hello").json
    assert said["source"] == "<stdin>"
    assert [row["message"] for row in said["results"]] == ["hello"]
    said = hk("run", "-", status=1, given=b"!!play.echo\n!!play.ecko").err
    assert said.startswith("<stdin>:2:1: no actor handles play.ecko\n")
    assert "byte 1" in hk.refused("run", "-", given=b"x\xff")


def test_a_run_that_cannot_be_read_makes_no_session(bare):
    bare.refused("run", "none.hero", "-c", "shop", "-s", "one")
    (bare.folder / "bad.hero").write_text("!!play.echo 'open")
    bare("run", "bad.hero", status=1)
    assert not bare.home.exists()


def test_names_are_filled_in(hk):
    (hk.folder / "hi.hero").write_text("!!play.echo content:'{GREETING} {WHO}'\n")
    assert "hello two words" in hk("run", "hi.hero", "GREETING=hello", "WHO=two words").out
    assert "is not NAME=VALUE" in hk.refused("run", "hi.hero", "other.hero")


def test_a_script_is_a_program(hk):
    program = hk.folder / "hi"
    program.write_text("#!/usr/bin/env -S hero-kernel run\n!!play.echo content:'hi {WHO}'\n")
    program.chmod(0o755)
    done = subprocess.run(
        [program, "WHO=ann", "-s", "intro"],
        env=installed(hk.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "hi ann" in done.stdout


SLOW = (
    "import signal, sys, time\n"
    "from hero_kernel import action\n"
    "from hero_kernel.__main__ import main\n"
    "@action('slow.wait')\n"
    "def wait(session, *, seconds: float = 60):\n"
    "    session.progress('half way', 0.5)\n"
    "    print('begun', file=sys.__stderr__, flush=True)\n"
    "    time.sleep(seconds)\n"
    "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # also where nohup has the tests ignore it
    "sys.exit(main(sys.argv[1:]))\n"
)


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)])
def test_a_signal_ends_a_run_and_keeps_its_report(hk, name, status):
    (hk.folder / "slow.hero").write_text("!!slow.wait\n!!play.echo\n")
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, "run", "slow.hero", "-s", "intro"],
        cwd=hk.folder,
        env=environment(hk.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr.readline() == "begun\n"
        child.send_signal(getattr(signal, name))
        out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (status, "")
    assert "interrupted" in out
    assert len(hk.session().run_names()) == 1


def test_sigterm_ends_a_notebook_and_its_kernel(hk):
    begun = hk.folder / "begun"
    code = f"import os, time; open({str(begun)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    cells = [nbformat.v4.new_code_cell(text) for text in (code, "print('next')")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), hk.folder / "n.ipynb")
    with start(hk.folder, "run", "n.ipynb") as child:
        until = monotonic() + 30
        while not begun.exists() or not begun.read_text():
            assert monotonic() < until
            sleep(0.05)
        child.terminate()
        out, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (143, "")
    assert out.rstrip().endswith("In [ ]: print('next')")
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


def test_a_notebooks_kernel_is_reached_by_files_of_ours(hk):
    code = "from ipykernel.kernelapp import IPKernelApp as A; a = A.instance(); [a.transport, a.ip]"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(notebook, hk.folder / "n.ipynb")
    with start(hk.folder, "run", "n.ipynb", "-o", "out.ipynb") as child:
        out, err = child.communicate(timeout=60)
    assert (child.returncode, err) == (0, ""), out
    shown = nbformat.read(hk.folder / "out.ipynb", as_version=4).cells[0].outputs[0]
    transport, ip = json.loads(shown.data["text/plain"].replace("'", '"'))
    assert transport == "ipc"
    assert not Path(ip).parent.exists()  # gone with the kernel


def test_at_a_terminal_the_line_of_a_run_is_there_and_gone(hk):
    (hk.folder / "slow.py").write_text(SLOW)
    (hk.folder / "slow.hero").write_text("!!play.echo content:a\n!!slow.wait seconds:1\n")
    program = "import runpy, sys; sys.argv[0] = 'x'; runpy.run_path('slow.py')"
    with Terminal(hk.folder, "run", "slow.hero", "-s", "intro", program=program) as one:
        one.wait_for("▶ 2/2 slow.wait half way 50%")
        assert one.end() == 0, one.seen
    report = one.seen.rpartition("▶")[2]
    assert "\x1b[32m✓ ok" in report
    assert "2 ok" in report


def test_no_color_is_heeded_and_a_dumb_terminal_gets_plain_text(hk):
    (hk.folder / "a.hero").write_text("!!play.echo content:a\n")
    for environ in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        with Terminal(hk.folder, "run", "a.hero", "-s", "intro", **environ) as one:
            assert one.end() == 0
        assert "\x1b[32m" not in one.seen
        assert "✓ ok" in one.seen
    with Terminal(hk.folder, "env", TERM="dumb") as one:
        one.end()
    assert "\x1b" not in one.seen


def test_foreign_text_does_not_draw_at_a_terminal(hk):
    hk.session().db_get()["evil"] = "\x1b[2Jgone\x1b]0;title\x07"
    with Terminal(hk.folder, "db", "get", "evil") as one:
        one.end()
    assert "\x1b[2J" not in one.seen
    assert "\x1b]0;" not in one.seen
    assert "gone" in one.seen
    assert "\x1b[2J" in hk("db", "get", "evil").out  # a pipe gets what is kept


def test_nobody_reads_the_answer(hk):
    hk.session().db_get().update({f"key{i}": "x" * 70 for i in range(3000)})
    reader, writer = os.pipe()
    buffered = {"PYTHONUNBUFFERED": ""}  # Python tells no short write from a whole one without
    with start(hk.folder, "db", "-n", "3000", stdout=writer, environ=buffered) as child:
        os.close(writer)
        os.read(reader, 100)
        os.close(reader)
        _, err = child.communicate(timeout=30)
    assert (child.returncode, err) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_an_answer_that_cannot_be_written_is_an_error(hk):
    with Path("/dev/full").open("w") as full, start(hk.folder, "status", stdout=full) as child:
        _, err = child.communicate(timeout=30)
    assert child.returncode == 1
    assert err.strip().split("\n")[-1] == "the answer cannot be written: No space left on device"


def test_closed_streams(hk):
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f'exec "$0" -m hero_kernel env set A=1 {closed}', sys.executable],
            cwd=hk.folder,
            env=environment(hk.folder),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (closed, done)
        assert "Traceback" not in done.stderr
    assert hk.session().env_all() == {"A": "1"}


def test_a_stream_without_our_signs(hk):
    environ = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    with start(hk.folder, "status", environ=environ) as child:
        out, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    assert out.startswith("hero ? context default")
    with Terminal(hk.folder, "doctor", **environ) as one:
        one.end()
    assert "Traceback" not in one.seen


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_run_of_its_own_that_did_nothing_leaves_no_session(hk):
    script = hk.folder / "a.hero"
    script.write_text("!!play.echo content:${env:NOPE}\n")
    hk("contexts", "new", "shop", "-s", "till")
    before = hk("sessions", "-c", "shop").out
    hk("run", "-c", "shop", str(script), status=1)
    script.write_text("!!play.echo content:one\n")
    hk("run", "-c", "shop", "-n", str(script))
    assert hk("sessions", "-c", "shop").out == before
    hk("run", "-c", "shop", str(script))
    assert "run_" in hk("sessions", "-c", "shop").out


@pytest.mark.parametrize("command", ["sessions", "env", "log", "status", "db"])
def test_looking_makes_no_session_where_only_runs_left_some(hk, command):
    def names() -> list[str]:
        return [one.name for one in hk.workspace.context_get("runs").sessions_list()]

    script = hk.folder / "a.hero"
    script.write_text("!!session.env_set key:A val:1\n")
    hk("run", str(script), "-c", "runs")
    (name,) = names()
    assert name.startswith("run_")
    shown = hk(command, "-c", "runs")
    assert name in shown.out + shown.err
    assert names() == [name]


def test_bash_completes(hk):
    """In a bash that reads the script, as a user's does at its start."""
    hk("contexts", "new", "shop", "-s", "till")
    hk("sessions", "new", "second")
    program = (
        'eval "$(hero-kernel completion bash)"\n'
        'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=();'
        ' _hero_kernel_completion hero-kernel; echo "${COMPREPLY[@]}"; }\n'
        "ask hero-kernel se\n"
        "ask hero-kernel env ''\n"
        "ask hero-kernel db set --\n"
        "ask hero-kernel env -c s\n"
        "ask hero-kernel -c shop env -s ''\n"
        "ask hero-kernel env -s ''\n"
        "ask hero-kernel import ''\n"
        "ask hero-kernel completion ''\n"
        "ask hero-kernel run --c\n"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", program],
        cwd=hk.folder,
        env=installed(hk.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    answers = [set(line.split()) for line in done.stdout.split("\n")[:-1]]
    assert answers[0] == {"sessions", "secret"}
    assert {"set", "get", "show"} <= answers[1]
    assert {"--json", "--secret", "--database", "--context"} <= answers[2]
    assert answers[3] == {"shop"}
    assert answers[4] == {"till"}
    assert answers[5] == {"intro", "second"}
    assert answers[6] == {"db", "secret", "session"}
    assert answers[7] == {"bash", "zsh", "fish"}
    assert answers[8] == {"--continue", "--context"}
