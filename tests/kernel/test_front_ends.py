"""Each front end as it is: what it sends, and which session its notebook comes to, and why."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen
from uuid import uuid4

import nbformat
import pytest
from jupyter_client import BlockingKernelClient
from kernel.driving import PATIENCE_S, Kernel, Outcome, environment
from nbclient import NotebookClient

import hero_kernel as hero

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Session(Kernel):
    """A kernel with a front end that sends cells as it sends them."""

    def cell(
        self, code: str, cell_id: str = "", *, takes_questions: bool = True, **content: Any
    ) -> str:
        """Run a cell; what it shows."""
        outcome = self.outcome(execute(self.client, code, cell_id, takes_questions, **content))
        assert outcome.ok, outcome.text
        return outcome.text.strip()


def execute(
    client: BlockingKernelClient, code: str, cell_id: str, takes_questions: bool, **content: Any
) -> str:
    """Send an execute_request with a cell id in its metadata; the message's id."""
    asked = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": takes_questions,
        "stop_on_error": True,
    }
    message = client.session.msg("execute_request", asked | content)
    message["metadata"] = {"cellId": cell_id} if cell_id else {}
    client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def write(path: Path, *sources: str, ids: list[str] | None = None, hero: Any = None) -> Path:
    """Write a notebook, with ids of its own if none are given."""
    ids = ids or [str(uuid4()) for _ in sources]
    cells = [
        nbformat.v4.new_code_cell(source, id=one) for source, one in zip(sources, ids, strict=True)
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {"name": "hero", "display_name": "Hero", "language": "python"}
    if hero is not None:
        notebook.metadata.hero = hero
    nbformat.write(notebook, path)
    return path


def ids_of(path: Path) -> list[str]:
    return [cell.id for cell in nbformat.read(path, as_version=4).cells]


def kept(folder: Path, context: str = "default") -> dict[str, Any]:
    """The sessions that are there, by name."""
    workspace = hero.open_workspace(home=folder / "hero", redis_url="", default=False)
    there = workspace.context_get(context).sessions_list()
    return {session.name: session.config for session in there}


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A folder of notebooks."""
    folder = tmp_path / "books"
    folder.mkdir()
    return folder


def test_jupyterlab_killed_renamed_copied(tmp_path: Path, books: Path) -> None:
    path = write(books / "intro.ipynb", "1", "2")
    first, second = ids_of(path)
    with Session(tmp_path, cwd=books, JPY_SESSION_NAME=str(path)) as lab:
        assert "session intro (new;" in lab.cell("%hero", first)
        lab.cell("%hero_env set K=v", second)
        lab.kill()
        assert "session intro (resumed; 1 env" in lab.cell("%hero", first)

        # renamed in the browser: the kernel runs on, and what it was told is stale
        new = path.rename(books / "lesson.ipynb")
        copy = shutil.copy(new, books / "copy.ipynb")
        with Session(tmp_path, cwd=books, JPY_SESSION_NAME=str(copy)) as other:
            line, told = other.cell("%hero", first).split("\n")
            assert "session copy (copied; 0 env" in line
            assert told == (
                f"copied from {path}; to share its session: %hero_context default -s intro"
            )
            assert "K" not in other.cell("%hero_env", first)
        copy.unlink()
        why = lab.cell("%hero --why", second)
        assert "session intro (renamed; 1 env" in why
        assert f"renamed from {path} while the kernel ran" in why
        assert f"notebook: {new}" in why
        assert f"JPY_SESSION_NAME ignored: it names no file: {path}" in why
        lab.end()

    with Session(tmp_path, cwd=books, JPY_SESSION_NAME=str(new)) as lab:
        why = lab.cell("%hero --why", first)
        assert "session intro (resumed; 1 env" in why
        assert f"session: the notebook {new}, from JPY_SESSION_NAME" in why
    assert sorted(kept(tmp_path)) == ["copy", "intro"]


def test_vs_code_without_a_server(tmp_path: Path, books: Path) -> None:
    path = write(books / "my notes.ipynb", "1")

    def cell_id(path: Path, number: int) -> str:
        return f"vscode-notebook-cell:{str(path).replace(' ', '%20')}#W{number}sZmlsZQ%3D%3D"

    with Session(tmp_path, cwd=books) as code:
        inject = f"__vsc_ipynb_file__ = {str(path)!r}"
        code.cell(inject, silent=True, store_history=False)  # as it is sent, after the start
        assert "session my_notes (new;" in code.cell("%hero", cell_id(path, 1))
        assert "__vsc_ipynb_file__ of VS Code" in code.cell("%hero --why", cell_id(path, 2))
        code.cell("%hero_env set K=v", cell_id(path, 3))
        new = path.rename(books / "renamed.ipynb")
        assert "session my_notes (renamed; 1 env" in code.cell("%hero", cell_id(new, 1))
        code.kill()
        code.cell(f"__vsc_ipynb_file__ = {str(new)!r}", silent=True, store_history=False)
        assert "session my_notes (resumed; 1 env" in code.cell("%hero", cell_id(new, 1))
    assert list(kept(tmp_path)) == ["my_notes"]


def test_vs_code_on_a_server_makes_no_session_at_every_connection(
    tmp_path: Path, books: Path
) -> None:
    """A new name each time, the kernel in the server's root, the notebook on another machine."""
    cell_id = "vscode-notebook-cell:/home/ann/far/away/study.ipynb#X10sZmlsZQ%3D%3D"
    for how in ("new", "resumed"):
        name = books / f"study-{uuid4()}.ipynb"
        write(name, "1")  # it is there while the connection lasts
        with Session(tmp_path, cwd=books, JPY_SESSION_NAME=str(name)) as code:
            assert f"session study ({how};" in code.cell("%hero", cell_id)
    assert list(kept(tmp_path)) == ["study"]


def test_an_untitled_notebook_of_vs_code(tmp_path: Path, books: Path) -> None:
    with Session(tmp_path, cwd=books) as code:
        untitled = "vscode-notebook-cell:Untitled-1.ipynb?jupyter-notebook#W0sdW50aXRsZWQ%3D"
        line, told = code.cell("%hero", untitled).split("\n")
        assert "session run_2" in line
        assert "(ephemeral;" in line
        assert "the front end does not tell this notebook's file" in told
        assert "cell id ignored: the notebook is not saved yet" in code.cell(
            "%hero --why", untitled
        )


def test_a_console_of_a_kernel(tmp_path: Path) -> None:
    with Session(tmp_path) as console:
        assert "a console is no notebook" in console.cell("%hero")
        assert "session intro (new;" in console.cell("%hero_context default -s intro")
        console.cell("%hero_env set K=v")
        console.kill()
        assert "(ephemeral; 0 env" in console.cell("%hero")


def nbclient(path: Path, folder: Path, **environ: str) -> str:
    """Execute a notebook; what its cells show."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": path.parent}})
    client.execute(env=environment(folder, **environ))
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    return Outcome({}, outputs).text


def test_nbclient(tmp_path: Path, books: Path) -> None:
    path = write(books / "job.ipynb", "%%heroscript\n!!session.env_set key:K val:v", "%hero --why")
    shown = [nbclient(path, tmp_path), nbclient(path, tmp_path, JPY_SESSION_NAME=str(path))]
    for text in shown:
        assert text.startswith("a batch run has a session of its own")
        assert "(ephemeral; 1 env" in text
        assert "since a batch run resumes only a session that is named" in text
    assert "JPY_SESSION_NAME ignored: a batch run inherits it" in shown[1]
    runs = kept(tmp_path)
    assert len(runs) == 2
    assert all(name.startswith("run_2") and config.ephemeral for name, config in runs.items())

    (books / "hero.toml").write_text("context = 'nightly'\nsession = 'job'\n")
    for how in ("new; 1 env", "resumed; 1 env"):
        text = nbclient(path, tmp_path)
        assert f"context nightly ▸ session job ({how}" in text
        assert f"session: the project file {books}/hero.toml" in text
    assert len(kept(tmp_path)) == 2


def tool(*arguments: str, cwd: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nbconvert(tmp_path: Path, books: Path) -> None:
    path = write(books / "page.ipynb", "%hero", hero={"session": "read_by_nobody"})
    tool("nbconvert", "--to", "notebook", "--execute", "--output", "done", str(path),
         cwd=books, folder=tmp_path)  # fmt: skip
    assert "(ephemeral;" in shown_in(books / "done.ipynb")


def shown_in(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return Outcome({}, [output for cell in cells for output in cell.get("outputs", [])]).text


def test_papermill(tmp_path: Path, books: Path) -> None:
    path = write(books / "job.ipynb", "%hero --why")

    def run(*arguments: str) -> str:
        tool("papermill", "--no-progress-bar", *arguments, str(path), "done.ipynb",
             cwd=tmp_path, folder=tmp_path)  # fmt: skip
        return shown_in(tmp_path / "done.ipynb")

    named = run("-p", "hero_context", "x", "-p", "hero_session", "monday")
    assert "context x ▸ session monday (new;" in named
    assert "session: the variable hero_session" in named
    assert "context x ▸ session run_2" in run("-p", "hero_context", "x", "--inject-paths")
    runs = {name: config for name, config in kept(tmp_path, "x").items() if config.ephemeral}
    assert [config.notebook for config in runs.values()] == [str(path)]  # for its log


def test_plain_ipython(tmp_path: Path) -> None:
    (tmp_path / "quit.py").write_text("print(get_ipython().run_line_magic('hero', ''))")
    shown = tool(
        "IPython", "--colors=NoColor", "--ext=magics", "quit.py", cwd=tmp_path, folder=tmp_path
    )
    assert "session run_2" in shown
    assert "a console is no notebook" in shown


@contextmanager
def server(folder: Path, root: Path) -> Iterator[str]:
    """A Jupyter server without a token; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    options = {
        "port": port, "port_retries": 0, "ip": "127.0.0.1", "root_dir": root, "allow_root": True,
        "open_browser": False, "jpserver_extensions": {}, "log_level": "ERROR",
    }  # fmt: skip
    arguments = [f"--ServerApp.{key}={value}" for key, value in options.items()]
    arguments += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *arguments],
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = monotonic() + PATIENCE_S
        while monotonic() < until:
            try:
                urlopen(f"{address}/api", timeout=5).close()  # noqa: S310  # ours
                break
            except URLError:
                assert process.poll() is None
                sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def call(address: str, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{address}/api/{path}", data, method=method)  # noqa: S310  # ours
    with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310  # as above
        text = answer.read()
    return json.loads(text) if text else None


@contextmanager
def attached(folder: Path, kernel: str) -> Iterator[BlockingKernelClient]:
    client = BlockingKernelClient()
    client.load_connection_file(str(folder / "runtime" / f"kernel-{kernel}.json"))
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE_S)
    try:
        yield client
    finally:
        client.stop_channels()


def asked(client: BlockingKernelClient, code: str, cell_id: str) -> str:
    message = execute(client, code, cell_id, takes_questions=True)
    shown = []
    while True:
        got = client.get_iopub_msg(timeout=PATIENCE_S)
        if got["parent_header"].get("msg_id") != message:
            continue
        if got["msg_type"] in ("execute_result", "display_data"):
            shown.append(got["content"]["data"]["text/plain"])
        elif got["msg_type"] == "error":
            shown += got["content"]["traceback"]
        elif got["msg_type"] == "status" and got["content"]["execution_state"] == "idle":
            return "\n".join(shown)


def test_jupyter_server(tmp_path: Path, books: Path) -> None:
    """A session of a server, renamed in it, its kernel restarted by it."""
    path = write(books / "intro.ipynb", "1")
    cell = ids_of(path)[0]
    with server(tmp_path, books) as address:
        opened = call(address, "POST", "sessions", {
            "path": "intro.ipynb", "name": "intro.ipynb", "type": "notebook",
            "kernel": {"name": "hero"},
        })  # fmt: skip
        kernel = opened["kernel"]["id"]
        with attached(tmp_path, kernel) as client:
            assert "session intro (new;" in asked(client, "%hero", cell)
            call(address, "PATCH", "contents/intro.ipynb", {"path": "lesson.ipynb"})
            call(address, "PATCH", f"sessions/{opened['id']}", {
                "path": "lesson.ipynb", "name": "lesson.ipynb",
            })  # fmt: skip
            assert "session intro (renamed;" in asked(client, "%hero", cell)
        call(address, "POST", f"kernels/{kernel}/restart")
        with attached(tmp_path, kernel) as client:
            why = asked(client, "%hero --why", cell)
            assert "session intro (resumed;" in why
            assert f"session: the notebook {books}/lesson.ipynb, from " in why

        nameless = call(address, "POST", "kernels", {"name": "hero"})
        with attached(tmp_path, nameless["id"]) as client:
            assert "(ephemeral;" in asked(client, "%hero", str(uuid4()))
        for one in (kernel, nameless["id"]):
            call(address, "DELETE", f"kernels/{one}")
    assert [name for name in kept(tmp_path) if not name.startswith("run_")] == ["intro"]
