"""What other kernels and magics get wrong, tried in real kernels."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from kernel.driving import Kernel, environment
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "hunter2-of-the-canary"


@pytest.fixture(scope="module", params=["hero", "python3"])
def either(request, tmp_path_factory) -> Iterator[Kernel]:
    """The Hero kernel, and IPython's with the extension."""
    folder = tmp_path_factory.mktemp(request.param)
    with Kernel(folder, name=request.param, HERO_SESSION="pitfalls") as one:
        if request.param == "python3":
            one.ask("%load_ext magics")
        yield one


@pytest.mark.parametrize(
    "cell",
    [
        "!!touch.it marker:x",
        "!!touch.it\n    marker: x",
        "// a comment\n!!touch.it marker:x",
        "1\n!!touch.it marker:x",
        "for n in range(2):\n    !!touch.it marker:x",
    ],
)
def test_heroscript_does_not_reach_the_shell_and_succeed(either, cell):
    outcome = either.run(cell)
    assert outcome.error["ename"] == "UnknownActionError"
    assert "not found" not in outcome.text


def test_a_shell_command_still_does(either):
    assert "['from the shell']" in either.ask("!!echo from the shell")


def executed(folder: Path, *sources: str, kernel: str = "hero") -> tuple[Any, Exception | None]:
    """A notebook after nbclient has run it as far as it goes, and what it raised."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook, kernel_name=kernel, timeout=60, resources={"metadata": {"path": str(folder)}}
    )
    try:
        client.execute(env=environment(folder, HERO_SESSION="batch"))
    except CellExecutionError as error:
        return notebook, error
    return notebook, None


FAULTS = [
    ("%%heroscript\n!!core.no_such_action", "UnknownActionError"),
    ("%%heroscript\n!!play.include path:'/no/such/file'", "RunError"),
    ("%%heroscript --bogus\n!!play.echo content:x", "UsageError"),
    ("%hero_env get NO_SUCH_VARIABLE", "EnvKeyError"),
    ("%hero_db --bogus", "UsageError"),
    ("!!play.echo conten:x", "ParamError"),
]


@pytest.mark.parametrize("kernel", ["hero", "python3"])
def test_every_failure_stops_run_all_and_leaves_an_error_output(tmp_path, kernel):
    """Not a text on stderr, not a traceback of ours, not an empty red box."""
    load = [] if kernel == "hero" else ["%load_ext magics"]
    for number, (fault, ename) in enumerate(FAULTS):
        folder = tmp_path / str(number)
        folder.mkdir()
        if number and kernel == "python3":
            break  # one is enough to see that it is no matter of the kernel
        notebook, raised = executed(folder, *load, fault, "print('went on')", kernel=kernel)
        assert raised is not None
        assert raised.ename == ename, fault
        failed, after = notebook.cells[-2:]
        errors = [one for one in failed.outputs if one.output_type == "error"]
        assert len(errors) == 1
        assert errors[0].ename == ename
        assert errors[0].evalue
        assert 1 <= len("\n".join(errors[0].traceback).split("\n")) <= 4
        assert not [one for one in failed.outputs if one.output_type == "stream"]
        assert after.outputs == []


def test_a_value_is_masked_whatever_its_name(either):
    """IPython's own `%env` shows DB_PASSWORD: it knows values by three parts of names only."""
    either.ask("import hero_kernel as hero; from hero_kernel import Secret")
    either.ask("hero.context().secrets.set('a long passphrase')")
    either.ask(f"hero.session().env_set('DB_PASSWORD', Secret('{CANARY[:8]}' + '{CANARY[8:]}'))")
    either.ask("%hero_env")
    for cell in ("%hero_env", "%env DB_PASSWORD", "import os; print(os.environ['DB_PASSWORD'])"):
        shown = either.run(cell)
        assert CANARY not in json.dumps(shown.outputs), cell


def test_a_widget_that_held_a_secret_leaves_none_in_the_notebook(tmp_path):
    """What nbclient stores of widgets passes the same choke as every output."""
    notebook, raised = executed(
        tmp_path,
        "import hero_kernel as hero; from hero_kernel import Secret\n"
        "hero.context().secrets.set('a long passphrase')\n"
        f"hero.session().env_set('TOKEN', Secret('{CANARY[:8]}' + '{CANARY[8:]}'))",
        "import ipywidgets\nipywidgets.Password(value=hero.session().env_get('TOKEN'))",
        "hero.session().env_get('TOKEN')",
    )
    assert raised is None, raised
    text = nbformat.writes(notebook)
    assert "widgets" in notebook.metadata
    assert CANARY not in text
    assert "••••••" in text


def subshell(kernel: Kernel) -> str:
    """The id of a new subshell: a thread of the kernel, where front ends send widget messages."""
    client = kernel.client
    client.kernel_info()
    features = client.get_shell_msg(timeout=10)["content"].get("supported_features", [])
    if "kernel subshells" not in features:
        pytest.skip("this ipykernel has no subshells")
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    return str(client.get_control_msg(timeout=10)["content"]["subshell_id"])


def test_stores_and_databases_may_be_used_from_another_thread(either):
    """A shared sqlite3 connection raises there."""
    either.ask(
        "session = hero.session() if 'hero' in globals() else __import__('hero_kernel').session()\n"
        "session.env_set('FROM', 'main'); db = session.db_get(); db['k'] = 1"
    )
    client = either.client
    message = client.session.msg(
        "execute_request",
        {
            "code": "import threading\n"
            "print(threading.current_thread() is threading.main_thread(), "
            "session.env_get('FROM'), db['k'])\n"
            "session.env_set('FROM', 'sub'); db['k'] = 2",
            "silent": False,
            "store_history": False,
            "allow_stdin": False,
        },
    )
    message["header"]["subshell_id"] = subshell(either)
    client.shell_channel.send(message)
    outcome = either.outcome(message["header"]["msg_id"])
    assert outcome.ok, outcome.text
    assert outcome.text.strip() == "False main 1"
    assert either.ask("print(session.env_get('FROM'), db['k'])") == "sub 2"


def test_the_spec_s_python_is_the_server_s():
    """jupyter_client puts its own Python for the word; a path would be of the building machine."""
    spec = KernelSpecManager().get_kernel_spec("hero")
    assert spec.argv[0] == "python"
    assert spec.language == "python"  # papermill and VS Code know no other
    with_path = [word for word in spec.argv if Path(sys.prefix).as_posix() in word]
    assert with_path == []
