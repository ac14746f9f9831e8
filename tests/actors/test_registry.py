"""Who carries an action out."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from hero_kernel import Playbook, Session
from hero_kernel.actors import Actors, mark
from hero_kernel.cells import Cell
from hero_kernel.errors import ActionError, UnknownActionError

if TYPE_CHECKING:
    from pathlib import Path

    from rooms import Place

BUILTIN = [
    "context.configure", "core.coderoot_set", "core.params_context_set",
    "core.params_session_set", "play.echo", "play.include", "play.run", "session.close",
    "session.configure", "session.env_delete", "session.env_set", "session.env_set_once",
]  # fmt: skip


def first(session: Session, *, x: int = 0) -> str:
    """Say first."""
    return "first"


def second(session: Session) -> str:
    return "second"


def function_of(actors: Actors, name: str) -> object:
    handler = actors.find(name)
    return handler and handler.function


def test_the_builtin_actions() -> None:
    actors = Actors()
    assert set(BUILTIN) <= set(actors.names())
    for name in BUILTIN:
        handler = actors.find(name)
        assert handler
        assert handler.doc
        assert handler.accepts.action == name
    assert [name for name in BUILTIN if (h := actors.find(name)) and h.harmless] == [
        "play.echo", "play.include", "play.run",
    ]  # fmt: skip


def test_one_builtin_actor_is_loaded_at_a_time() -> None:
    program = (
        "import sys\n"
        "from hero_kernel.actors import Actors\n"
        "actors = Actors()\n"
        "print(actors.find('play.echo').name, actors.has_actor('log'))\n"
        "home = 'hero_kernel.actors.builtin.'\n"
        "print(sorted(name[len(home):] for name in sys.modules if name.startswith(home)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["play.echo True", "['log', 'play']"]


def test_adding_replaces_and_removing_removes() -> None:
    actors = Actors()
    actors.add("a.b", first)
    assert actors.add("A.B", second).function is second
    handler = actors.find("a.b")
    assert handler
    assert handler.function is second
    actors.remove("a.b")
    assert actors.find("a.b") is None
    with pytest.raises(UnknownActionError, match=r"no actor handles a.b"):
        actors.remove("a.b")


def test_a_bad_one_does_not_replace_a_good_one() -> None:
    actors = Actors()
    actors.add("a.b", first)

    def bad(session: Session, *, x: set[int]) -> None: ...

    with pytest.raises(ActionError, match="which text cannot become"):
        actors.add("a.b", bad)
    assert function_of(actors, "a.b") is first


def test_a_users_own_replaces_a_builtin_one() -> None:
    actors = Actors()
    actors.add("play.echo", first)
    assert function_of(actors, "play.echo") is first
    assert actors.names().count("play.echo") == 1


@pytest.mark.parametrize("name", ["a.b.c", "", ".", "a.", ".b", "..."])
def test_what_names_no_action(name: str) -> None:
    with pytest.raises(ActionError, match="does not name an action"):
        Actors().add(name, first)


def test_a_name_without_a_dot_is_cores() -> None:
    assert Actors().add("hello", first).name == "core.hello"


def test_has_actor_and_unknown() -> None:
    actors = Actors()
    assert actors.has_actor("session")
    assert not actors.has_actor("sess")
    (action,) = Playbook.from_text("!!session.env_st key:a", name="cell").actions
    error = actors.unknown(action)
    assert str(error) == (
        "cell:1:1: no actor handles session.env_st; "
        "did you mean session.env_set or session.env_set_once or session.env_delete?"
    )


def test_marked_functions_of_a_module() -> None:
    module = ModuleType("made")

    class Hostile:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    module.hello = mark("a.one")(mark("a.two")(first))  # type: ignore[attr-defined]
    module.other = second  # type: ignore[attr-defined]
    module.hostile = Hostile()  # type: ignore[attr-defined]
    actors = Actors()
    actors.add_module(module)
    assert {"a.one", "a.two"} <= set(actors.names())


# -- entry points


def install(root: Path, name: str, code: str, entries: str) -> None:
    """A package as pip would leave it."""
    (root / f"{name}.py").write_text(code)
    info = root / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[hero_kernel.actors]\n{entries}\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.syspath_prepend(root)
    before = set(sys.modules)
    yield root
    for name in set(sys.modules) - before:
        del sys.modules[name]


GOOD = """
from hero_kernel.actors import mark
@mark("{actor}.hello")
def hello(session, *, name: str = "you"):
    "Say hello."
    return f"hello {{name}}"
@mark("play.echo")
def echo(session): return "hijacked"
@mark("{actor}.own")
def own(session): return "the package's"
"""


def test_another_packages_actions_are_found(packages: Path, local: Place) -> None:
    install(packages, "hero_good", GOOD.format(actor="good"), "good = hero_good")
    ws = local.open()
    ws.action("good.own")(second)
    report = ws.play("!!good.hello name:me\n!!good.own\n!!play.echo content:x")
    assert [r.message for r in report.results] == ["hello me", "second", "x"]
    assert ws.actors.has_actor("good")


def test_a_cell_that_took_a_packages_action_gives_it_back(packages: Path, local: Place) -> None:
    """Also when the package is only loaded later; and a builtin's comes back to the builtin."""
    install(packages, "hero_lent", GOOD.format(actor="lent"), "lent = hero_lent")
    ws = local.open()

    def mine() -> str:
        return "the cell's"

    mine.__module__ = "__main__"
    ws.cells.current = lambda: before
    before, after = Cell("a", "defines them", "In[1]"), Cell("a", "defines none", "In[2]")
    ws.action("lent.own")(mine)
    ws.action("play.echo")(mine)
    said = ws.play("!!lent.hello\n!!lent.own\n!!play.echo").results
    assert [result.message for result in said] == ["hello you", "the cell's", "the cell's"]
    ws.cells.ended(after)
    said = ws.play("!!lent.own\n!!play.echo x").results
    assert [result.message for result in said] == ["the package's", "x"]


def test_no_entry_replaces_a_builtin_action_that_nobody_has_asked_for(packages: Path) -> None:
    install(packages, "heroalike", GOOD.format(actor="log"), "log = heroalike")
    code = "from hero_kernel.actors import mark\n@mark('log.log')\ndef mine(session): ...\n"
    install(packages, "heroother", code, "other = heroother")
    actors = Actors()
    assert actors.find("log.hello")
    assert getattr(function_of(actors, "log.log"), "__module__", "").startswith("hero_kernel.")


def test_an_entry_may_name_a_function(packages: Path) -> None:
    install(packages, "hero_one", GOOD.format(actor="one"), "one = hero_one:hello")
    assert Actors().find("one.hello")


def test_importing_waits_until_an_action_is_unknown(packages: Path) -> None:
    install(packages, "hero_lazy", GOOD.format(actor="lazy"), "lazy = hero_lazy")
    actors = Actors()
    assert actors.find("play.echo")
    assert "hero_lazy" not in sys.modules
    assert actors.find("lazy.hello")


@pytest.mark.parametrize(
    ("code", "entries", "why"),
    [
        ("raise RuntimeError('broken inside')", "bad = hero_bad", "RuntimeError: broken inside"),
        ("import sys; sys.exit(3)", "bad = hero_bad", "SystemExit: 3"),
        ("import nowhere_at_all", "bad = hero_bad", "ModuleNotFoundError"),
        ("", "bad = hero_missing", "ModuleNotFoundError"),
        ("x = 1", "bad = hero_bad:x", "AttributeError"),
        ("x = 1", "bad = hero_bad:y", "AttributeError"),
    ],
)
def test_a_broken_package_harms_no_other(packages: Path, code: str, entries: str, why: str) -> None:
    install(packages, "hero_bad", code, entries)
    install(packages, "hero_good2", GOOD.format(actor="good2"), "good2 = hero_good2")
    actors = Actors()
    assert actors.find("good2.hello")
    assert actors.find("play.echo")
    (action,) = Playbook.from_text("!!bad.thing").actions
    assert f"not loaded: bad ({why}" in actors.unknown(action).hint


@pytest.mark.parametrize("text", ["!! play.echo", "!!", "!!play."])
def test_an_action_without_a_name_says_so(text: str) -> None:
    (action,) = Playbook.from_text(text).actions
    assert str(Actors().unknown(action)).startswith("<text>:1:1: the action has no name")
