"""Cells as JupyterLab and VS Code name them, in real kernels; and none, as nbclient runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from kernel.driving import Kernel, environment
from nbclient import NotebookClient

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.driving import Outcome

DEFINE = (
    "import hero_kernel as hero\n@hero.action('greet.{0}')\ndef {0}() -> str:\n    return '{1}'\n"
)
IDS = {
    "JupyterLab": "f2d3c1a0-5d6e-4f7a-8b9c-0d1e2f3a4b{:02}",
    "VS Code": "vscode-notebook-cell:/nowhere/intro.ipynb#W{}sZmlsZQ%3D%3D",
}


def run(kernel: Kernel, cell_id: str, code: str, deleted: tuple[str, ...] = ()) -> Outcome:
    """Run a cell with the metadata that JupyterLab sends along."""
    client = kernel.client
    content = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {},
        "allow_stdin": False, "stop_on_error": True,
    }  # fmt: skip
    metadata: dict[str, Any] = {
        "cellId": cell_id, "deletedCells": list(deleted), "recordTiming": False, "trusted": True,
    }  # fmt: skip
    message = client.session.msg("execute_request", content, metadata=metadata)
    client.shell_channel.send(message)
    return kernel.outcome(message["header"]["msg_id"])


@pytest.mark.parametrize("front_end", IDS)
@pytest.mark.parametrize("name", ["hero", "python3"])
def test_a_cell_that_runs_again(tmp_path: Path, name: str, front_end: str) -> None:
    ids = [IDS[front_end].format(n) for n in range(5)]
    with Kernel(tmp_path, name=name, HERO_SESSION="cells") as kernel:
        kernel.ask("%load_ext magics")
        assert run(kernel, ids[0], DEFINE.format("hello", "one")).ok
        assert run(kernel, ids[1], DEFINE.format("bye", "two")).ok
        assert run(kernel, ids[2], "hero.session().playbook_add(text='!!later.one')").ok
        assert "one" in run(kernel, ids[3], "!!greet.hello").text
        assert run(kernel, ids[0], DEFINE.format("hallo", "three")).ok
        gone = run(kernel, ids[3], "!!greet.hello")
        assert gone.error["ename"] == "UnknownActionError"
        assert "defined it before, and does not any more" in gone.traceback
        assert "three" in run(kernel, ids[3], "!!greet.hallo").text
        assert run(kernel, ids[2], "hero.session().playbook_add(text='!!later.one')").ok
        assert kernel.ask("len(hero.session().plbook)") == "1"
        deleted = run(kernel, ids[4], "!!greet.bye", deleted=(ids[1], ids[2]))
        assert "the cell that defined it was deleted" in deleted.traceback
        assert kernel.ask("len(hero.session().plbook)") == "0"
        assert "three" in run(kernel, ids[3], "!!greet.hallo").text


def test_two_kernels_tell_their_changes_apart(tmp_path: Path) -> None:
    with (
        Kernel(tmp_path, HERO_SESSION="both") as one,
        Kernel(tmp_path, HERO_SESSION="both") as two,
    ):
        one.ask("%hero_env set A=1 B=1")
        one.ask("!!play.echo hi")
        two.ask("%hero_env set B=2 C=1")
        shown = one.run("%hero_env").data("application/vnd.hero.table+json")
        assert [row[:3] + row[3:4] for row in shown["rows"]] == [
            ["", "A", "1", "In[1] %hero_env set"],
            ["●", "B", "2", "In[1] %hero_env set, another kernel"],
            ["+", "C", "1", "In[1] %hero_env set, another kernel"],
        ]
        two.ask("!!session.env_set key:B val:3")
        shown = one.run("%hero_env").data("application/vnd.hero.table+json")
        assert [row[-2] for row in shown["rows"]] == [
            "In[1] %hero_env set",
            "In[2]:1:1 !!session.env_set, another kernel",
            "In[1] %hero_env set, another kernel",
        ]
        assert all(len(row) == 4 for row in shown["rows"]), "a mark is left"


def test_a_restarted_kernel_is_another(tmp_path: Path) -> None:
    with Kernel(tmp_path, HERO_SESSION="again") as kernel:
        kernel.ask("%hero_env set A=1")
        kernel.restart()
        assert "In[1] %hero_env set, another kernel" in kernel.ask("%hero_env")


def test_a_run_without_a_front_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """nbclient names no cells: a definition stays, whatever runs after it."""
    for key, value in environment(tmp_path, HERO_SESSION="batch").items():
        monkeypatch.setenv(key, value)
    codes = [
        DEFINE.format("hello", "one") + "session = hero.session()",
        "session.playbook_add(text='!!later.one')",
        "session.playbook_add(text='!!later.one')",
        "session.playbook_add(text='!!later.two')",
        "len(session.plbook)",
        "!!greet.hello",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in codes])
    executed = NotebookClient(notebook, kernel_name="hero", timeout=30).execute()
    assert executed.cells[4].outputs[0]["data"]["text/plain"] == "2"
    assert "one" in executed.cells[5].outputs[0]["data"]["text/plain"]
