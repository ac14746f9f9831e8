"""A cell that runs again replaces what it defined before: actions, and what it queued."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import hero_kernel as hero

if TYPE_CHECKING:
    from conftest import Cell, Notebook

HELLO = "@hero.action('greet.hello')\ndef hello() -> str:\n    return '{}'\n"
BYE = "@hero.action('greet.bye')\ndef bye() -> str:\n    return '{}'\n"
QUEUE = "session.playbook_add(text='!!later.{}')\n"


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    """A notebook whose front end names its cells, and who tells which are deleted."""
    notebook.ask("import hero_kernel as hero\nsession = hero.session()")
    return notebook


def run(lab: Notebook, cell_id: str, code: str, **metadata: Any) -> Cell:
    """Run a cell; the request lies where every ipykernel leaves it."""
    lab.shell.parent_header = {"metadata": {"cellId": cell_id, **metadata}}
    try:
        return lab.run(code, cell_id=cell_id)
    finally:
        lab.shell.parent_header = {}


def said(lab: Notebook, action: str = "greet.hello") -> str:
    """What the action says; empty when nobody carries it out."""
    cell = run(lab, "asking", f"!!{action}")
    return cell.rows[0]["message"] if cell.ok else ""


def queued(lab: Notebook) -> list[str]:
    return [action.name for action in lab.ask("session.plbook.actions")]


# -- actions


def test_a_renamed_action_is_gone_under_its_old_name(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one"))
    assert said(lab) == "one"
    run(lab, "a", HELLO.format("two"))
    assert said(lab) == "two"
    run(lab, "a", BYE.format("three"))
    assert said(lab, "greet.bye") == "three"
    text = lab.refused("!!greet.hello", "UnknownActionError")
    assert "no actor handles greet.hello" in text
    assert "In[6] defined it before, and does not any more" in text
    run(lab, "a", HELLO.format("four"))
    assert said(lab) == "four"


def test_one_of_two_taken_out(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one") + BYE.format("one"))
    run(lab, "a", HELLO.format("two"))
    assert said(lab) == "two"
    assert said(lab, "greet.bye") == ""


def test_other_cells_are_left_alone(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one"))
    run(lab, "b", BYE.format("two"))
    run(lab, "b", "1 + 1")
    assert said(lab) == "one"
    run(lab, "c", "2 + 2")
    assert said(lab) == "one"


def test_what_was_replaced_comes_back(lab: Notebook) -> None:
    echo = "@hero.action('play.echo')\ndef echo() -> str:\n    return '{}'\n"
    run(lab, "a", echo.format("from a"))
    run(lab, "b", echo.format("from b"))
    assert said(lab, "play.echo") == "from b"
    run(lab, "b", "pass")
    assert said(lab, "play.echo") == "from a"
    run(lab, "a", "pass")
    assert said(lab, "play.echo content:builtin") == "builtin"


def test_an_earlier_cell_run_again_is_the_latest(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("from a"))
    run(lab, "b", HELLO.format("from b"))
    run(lab, "a", HELLO.format("a again"))
    assert said(lab) == "a again"
    run(lab, "a", "pass")
    assert said(lab) == "from b"
    run(lab, "b", "pass")
    assert said(lab) == ""


def test_a_cell_that_fails_half_way_takes_nothing_back(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one") + BYE.format("one"))
    assert not run(lab, "a", HELLO.format("two") + "1 / 0\n" + BYE.format("two")).ok
    assert said(lab) == "two"
    assert said(lab, "greet.bye") == "one"
    assert not run(lab, "a", "def broken(:").ok
    assert said(lab) == "two"
    run(lab, "a", HELLO.format("three"))
    assert said(lab) == "three"
    assert said(lab, "greet.bye") == ""


def test_deleted_cells(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one"))
    run(lab, "b", BYE.format("two"))
    run(lab, "c", "pass", deletedCells=["a", "unknown"])
    text = lab.refused("!!greet.hello", "UnknownActionError")
    assert "the cell that defined it was deleted" in text
    assert said(lab, "greet.bye") == "two"


def test_a_deletion_that_was_undone(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one"))
    run(lab, "a", HELLO.format("two"), deletedCells=["a"])
    assert said(lab) == "two"


@pytest.mark.parametrize("told", [None, "a", 7, {"a": 1}, [None, 3, ["a"], {}], [""]])
def test_deletions_that_are_none(lab: Notebook, told: object) -> None:
    run(lab, "a", HELLO.format("one"))
    assert run(lab, "b", "pass", deletedCells=told).ok
    assert said(lab) == "one"
    lab.run(BYE.format("of a cell without an id"))
    run(lab, "c", "pass", deletedCells=[""])
    assert said(lab, "greet.bye") == "of a cell without an id"


def test_the_same_text_that_defines_nothing_this_time(lab: Notebook) -> None:
    """It found what it had defined, and let it be."""
    guarded = "if 'greet.hello' not in hero.workspace().actors.names():\n    "
    guarded += "hero.action('greet.hello')(lambda: 'one')"
    run(lab, "a", guarded)
    run(lab, "a", guarded)
    assert said(lab) == "one"


def test_an_action_that_is_gone_never_reaches_the_shell(lab: Notebook) -> None:
    """`tool.run` is a program on the path here, and the actor was heroscript's."""
    run(lab, "a", "hero.action('tool.run')(lambda: 'ours')")
    assert said(lab, "tool.run") == "ours"
    run(lab, "a", "pass")
    assert "does not any more" in lab.refused("!!tool.run", "UnknownActionError")
    run(lab, "a", "hero.action('tool.run')(lambda: 'ours')")
    run(lab, "b", "hero.workspace().actors.remove('tool.run')")
    assert "it was removed" in lab.refused("!!tool.run", "UnknownActionError")
    assert not lab.reached_shell


def test_modules_are_left_alone(lab: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module is imported once, whatever cell asks for it, and however often."""
    module = (
        "from hero_kernel import action\n@action('mine.one')\ndef one() -> str:\n    return '1'"
    )
    (lab.folder / "mine_actions.py").write_text(module)
    monkeypatch.syspath_prepend(str(lab.folder))
    run(lab, "a", "import mine_actions")
    run(lab, "a", "import mine_actions  # again")
    run(lab, "b", "pass", deletedCells=["a"])
    assert said(lab, "mine.one") == "1"


def test_vscode_names_cells_by_address(lab: Notebook) -> None:
    name = "vscode-notebook-cell:/home/ada/intro.ipynb#W{}sZmlsZQ%3D%3D"
    run(lab, name.format(0), HELLO.format("one"))
    run(lab, name.format(1), BYE.format("one"))
    run(lab, name.format(0), "pass")
    assert said(lab) == ""
    assert said(lab, "greet.bye") == "one"


def test_without_ids_nothing_is_taken_back(lab: Notebook) -> None:
    lab.run(HELLO.format("one"))
    lab.run(HELLO.format("one"))
    lab.run("pass")
    assert said(lab) == "one"
    lab.run(HELLO.format("two"))
    assert said(lab) == "two"


def test_handlers_without_an_id_do_not_pile_up(lab: Notebook) -> None:
    lab.run(HELLO.format("one"))
    first = weakref.ref(hero.workspace().actors.find("greet.hello").function)
    for n in range(3):
        lab.run(HELLO.format(n))
    lab.run("pass")
    gc.collect()
    assert first() is None


def test_a_cell_within_a_cell_is_the_outer_one(lab: Notebook) -> None:
    run(lab, "a", "%%capture\n" + HELLO.format("one"))
    assert said(lab) == "one"
    run(lab, "a", "%%capture\npass")
    assert said(lab) == ""


def test_an_action_that_was_removed_by_hand(lab: Notebook) -> None:
    run(lab, "a", HELLO.format("one"))
    run(lab, "b", "hero.workspace().actors.remove('greet.hello')")
    run(lab, "a", "pass")
    run(lab, "c", "pass", deletedCells=["a"])
    assert said(lab) == ""


# -- what is queued


def test_running_a_cell_again_queues_once(lab: Notebook) -> None:
    run(lab, "a", QUEUE.format("one") + QUEUE.format("two"))
    run(lab, "b", QUEUE.format("three"))
    assert queued(lab) == ["one", "two", "three"]
    run(lab, "a", QUEUE.format("one") + QUEUE.format("four"))
    assert queued(lab) == ["three", "one", "four"]
    run(lab, "a", "pass")
    assert queued(lab) == ["three"]
    run(lab, "c", "pass", deletedCells=["b"])
    assert queued(lab) == []


def test_a_loop_queues_all(lab: Notebook) -> None:
    code = "for n in range(3): session.plbook.add(f'!!later.n{n}')"
    run(lab, "a", code)
    run(lab, "a", code)
    assert queued(lab) == ["n0", "n1", "n2"]


def test_queued_and_run_in_one_cell(lab: Notebook) -> None:
    run(lab, "def", "ran = []\nhero.action('later.one')(lambda: ran.append(1))")
    code = "session.playbook_add(text='!!later.one')\nprint(session.run())"
    for _ in range(3):
        assert run(lab, "a", code).ok
    assert lab.ask("ran") == [1, 1, 1]
    assert queued(lab) == ["one"]


def test_what_is_done_is_replaced_too(lab: Notebook) -> None:
    run(lab, "a", QUEUE.format("one"))
    lab.ask("for action in session.plbook.find(): action.done = True")
    run(lab, "a", QUEUE.format("one"))
    assert lab.ask("[action.done for action in session.plbook.actions]") == [False]


def test_what_was_brought_in_goes_with_its_include(lab: Notebook) -> None:
    (lab.folder / "more.hero").write_text("!!later.brought\n")
    code = "session.playbook_add(text='!!play.include path:{}')"
    run(lab, "a", code.format("more.hero"))
    for _ in range(2):  # the cell that runs it adds nothing of its own
        run(lab, "b", "print(session.run())")
        assert queued(lab) == ["include", "brought"]
    run(lab, "b", "print(session.run())  # edited")
    assert queued(lab) == ["include", "brought"]
    run(lab, "a", "pass")
    assert queued(lab) == []


def test_a_faulty_text_replaces_nothing(lab: Notebook) -> None:
    run(lab, "a", QUEUE.format("one"))
    assert not run(lab, "a", "session.playbook_add(text='!!bad.one x:\\'open')").ok
    assert queued(lab) == ["one"]


def test_a_cell_that_only_looks_first(lab: Notebook) -> None:
    code = "if not session.plbook.exists('later.one'):\n    " + QUEUE.format("one")
    for _ in range(3):
        run(lab, "a", code)
        assert queued(lab) == ["one"]


def test_without_ids_the_text_tells(lab: Notebook) -> None:
    lab.run(QUEUE.format("one"))
    lab.run(QUEUE.format("one"))
    lab.run(QUEUE.format("two"))
    assert queued(lab) == ["one", "two"]


def test_equal_cells_with_ids_are_two(lab: Notebook) -> None:
    run(lab, "a", QUEUE.format("one"))
    run(lab, "b", QUEUE.format("one"))
    assert queued(lab) == ["one", "one"]


def test_a_playbook_of_ones_own_is_ones_own(lab: Notebook) -> None:
    """`Playbook` without a session knows no cells, and the actions of one keep their owner."""
    run(lab, "a", QUEUE.format("one"))
    run(lab, "b", "own = hero.Playbook(session.plbook.actions)\nown.add('!!later.two')")
    run(lab, "b", "own.add('!!later.two')")
    assert lab.ask("len(own)") == 3
    run(lab, "a", QUEUE.format("new"))
    assert queued(lab) == ["new"]


def test_scripts_outside_of_notebooks_queue_as_often_as_they_say(tmp_path: Any) -> None:
    workspace = hero.open_workspace(home=tmp_path, default=False)
    session = workspace.session_new(workspace.context_new("ctx"), "one")
    for _ in range(2):
        session.playbook_add(text="!!later.one")
    assert len(session.plbook) == 2


def test_unloading_ends_it(lab: Notebook) -> None:
    run(lab, "a", QUEUE.format("one"))
    lab.shell.run_line_magic("unload_ext", "magics")
    assert hero.workspace().cells.current() is None
    run(lab, "a", QUEUE.format("two"))
    assert [one.name for one in lab.shell.user_ns["session"].plbook.actions] == ["one", "two"]
