"""Tab, Shift-Tab and Enter through real kernels, as a front end asks: ours, and ipykernel's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kernel.driving import PATIENCE_S, Kernel
from typing_cells import cut

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCH = """
completer, asked = get_ipython().Completer, []
inner = completer._complete
completer._complete = lambda **given: asked.append(1) or inner(**given)
"""


@pytest.fixture(scope="module", params=["hero", "python3"])
def typing(request, tmp_path_factory) -> Iterator[Kernel]:
    """Our kernel, and ipykernel's with the extension; with names to complete."""
    folder = tmp_path_factory.mktemp("typing")
    with Kernel(folder, name=request.param, HERO_SESSION="typing") as one:
        if request.param == "python3":
            one.ask("%load_ext magics")
        one.ask(WATCH)
        yield one


def tab(kernel: Kernel, marked: str) -> tuple[list[str], str]:
    """What Tab offers where the `|` is, and what it would be put in the place of."""
    cell, cursor = cut(marked)
    reply = kernel.client.complete(cell, cursor, reply=True, timeout=PATIENCE_S)["content"]
    assert reply["status"] == "ok"
    assert reply["cursor_end"] == cursor
    return reply["matches"], cell[reply["cursor_start"] : reply["cursor_end"]]


def told(kernel: Kernel, marked: str, detail: int = 0) -> dict[str, Any]:
    cell, cursor = cut(marked)
    found = kernel.client.inspect(cell, cursor, detail, reply=True, timeout=PATIENCE_S)
    assert found["content"]["found"] is bool(found["content"]["data"])
    return found["content"]["data"]


def enter(kernel: Kernel, cell: str) -> tuple[str, str | None]:
    message = kernel.client.is_complete(cell)
    reply = kernel.client.get_shell_msg(timeout=PATIENCE_S)
    assert reply["parent_header"]["msg_id"] == message
    return reply["content"]["status"], reply["content"].get("indent")


def test_heroscript_and_magics_never_wake_python(typing):
    assert tab(typing, "!!gi|") == (["git.", "gittools."], "gi")
    assert tab(typing, "!!xyz|") == ([], "xyz")
    assert tab(typing, "!!git.clone url:x\n    ti|") == (["timeout:"], "ti")
    assert tab(typing, "%%heroscript\n!!git.clone nothing|")[0] == []
    assert tab(typing, "%%heroscript\nSome prose|")[0] == []
    assert tab(typing, "%%heroscript --dr|") == (["--dry-run"], "--dr")
    assert tab(typing, "%hero_env ge|") == (["get"], "ge")
    assert tab(typing, "%hero_env get nothing|")[0] == []
    assert tab(typing, "%hero_e|") == (["%hero_env"], "%hero_e")
    assert typing.ask("print(asked)") == "[]"


def test_python_words_are_pythons(typing):
    typing.ask("some_number = 12")
    assert tab(typing, "some_num|") == (["some_number"], "some_num")
    assert "bit_length" in tab(typing, "some_number.bit_l|")[0][0]
    assert tab(typing, "!git status\nsome_num|") == (["some_number"], "some_num")
    assert typing.ask("print(len(asked) > 0)") == "True"


def test_front_ends_are_told_what_each_match_is(typing):
    reply = typing.client.complete("!!git.cl", 8, reply=True, timeout=PATIENCE_S)["content"]
    (one,) = reply["metadata"]["_jupyter_types_experimental"]
    assert one == {"start": 2, "end": 8, "text": "git.clone", "type": "statement"}


def test_names_of_the_session(typing):
    assert typing.run("%hero_env set WHO=world").ok
    assert typing.run("%hero_db set first 1").ok
    assert tab(typing, "%hero_env get W|") == (["WHO"], "W")
    assert tab(typing, "!!db.get key:f|") == (["first"], "f")
    assert tab(typing, "!!play.echo content:'hi {W|") == (["{WHO}"], "{W")
    assert "typing" in tab(typing, "%hero_session use t|")[0]


def test_an_action_of_the_users_own(typing):
    code = (
        "from hero_kernel import action\nfrom typing import Literal\n"
        "@action('greet.hello')\n"
        "def hello(session, *, name: str, how: Literal['calm', 'very loud'] = 'calm') -> str:\n"
        "    '''Say hello.\n\n    Args:\n        how: The tone of it.\n    '''\n"
    )
    typing.ask(code)
    assert tab(typing, "!!greet.|")[0] == ["greet.hello"]
    assert tab(typing, "!!greet.hello |")[0] == ["name:", "how:"]
    assert tab(typing, "!!greet.hello how:|")[0] == ["calm", "'very loud'"]
    data = told(typing, "!!greet.hello ho|w:calm")
    assert data["text/plain"].startswith(
        "!!greet.hello how: calm or very loud = 'calm'\n\nThe tone"
    )
    assert "The tone of it." in data["text/markdown"]


def test_shift_tab(typing):
    assert told(typing, "!!git.clo|ne")["text/plain"].startswith("!!git.clone url:… ")
    assert "def clone(" in told(typing, "!!git.clo|ne", 1)["text/markdown"]
    assert "def clone(" not in told(typing, "!!git.clo|ne")["text/markdown"]
    assert "--once" in told(typing, "%hero_env se|t")["text/plain"]
    assert told(typing, "!!git.nothi|ng") == {}
    assert "sep" in told(typing, "pri|nt")["text/plain"]


def test_a_question_opens_the_pager(typing):
    (page,) = typing.run("!!git.clone?").reply["payload"]
    assert page["source"] == "page"
    assert page["data"]["text/plain"].startswith("!!git.clone url:… ")
    assert page["data"]["text/markdown"].startswith("```\n!!git.clone url:… ")


def test_enter(typing):
    assert enter(typing, "!!play.echo content:'x'") == ("complete", None)
    assert enter(typing, "!!play.echo content:'x") == ("incomplete", "    ")
    assert enter(typing, "!!play.echo\n  content:'x'") == ("incomplete", "  ")
    assert enter(typing, "!!play.echo\n  content:'x'\n") == ("incomplete", "  ")
    assert enter(typing, "!!play.echo\n  content:'x'\n\n") == ("complete", None)
    assert enter(typing, "%%heroscript\n!!play.echo")[0] == "incomplete"
    assert enter(typing, "%%heroscript\n!!play.echo\n\n") == ("complete", None)
    assert enter(typing, "def f():")[0] == "incomplete"
    assert enter(typing, "x = = 1")[0] == "invalid"


def test_history_keeps_a_bare_cell_whole(typing):
    cell = "// greet\n!!play.echo\n    content:'kept whole'"
    assert typing.run(cell).ok
    reply = typing.client.history(
        hist_access_type="search", pattern="*kept whole*", raw=True, reply=True, timeout=PATIENCE_S
    )
    assert [one[2] for one in reply["content"]["history"]] == [cell]


def test_a_cursor_anywhere_and_none(typing):
    cell = "!!git.clone url:'x"
    for cursor in (None, 0, 1, 2, len(cell), len(cell) + 7):
        reply = typing.client.complete(cell, cursor, reply=True, timeout=PATIENCE_S)["content"]
        assert reply["status"] == "ok", cursor
        assert (
            typing.client.inspect(cell, cursor, reply=True, timeout=PATIENCE_S)["content"]["status"]
            == "ok"
        )


def test_unloading_gives_the_kernel_its_methods_back(typing):
    typing.ask("%unload_ext magics")
    own = "print([name for name in vars(get_ipython().kernel) if name.startswith('do_')])"
    assert typing.ask(own) == "[]"
    assert "get" not in tab(typing, "%hero_env ge|")[0]
    typing.ask("%load_ext magics")
    assert tab(typing, "%hero_env ge|")[0] == ["get"]
