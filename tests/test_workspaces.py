"""The workspace: where settings become parts, and the way of a cell."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hero_kernel as hero
from hero_kernel import settings
from hero_kernel.errors import (
    HeroscriptError,
    ParamError,
    RunError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
    SourceError,
    StoreUnavailableError,
    UnknownActionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rooms import Place

    from hero_kernel import Workspace


# -- settings


def test_settings_from_the_environment() -> None:
    given = settings.read(
        {"HERO_HOME": "~/h", "HERO_REDIS_URL": " redis://x ", "CODEROOT": "/c", "DIR_CODE": "/d"}
    )
    assert given == settings.Settings(Path("~/h").expanduser(), "redis://x", Path("/c"))
    assert settings.read({"DIR_CODE": "/d"}).coderoot == Path("/d")
    assert settings.read({}) == settings.Settings(
        Path("~/hero").expanduser(), "", Path("~/code").expanduser()
    )
    assert settings.read({"HERO_HOME": "rel"}).home == Path.cwd() / "rel"


# -- the way of a cell


def test_play(ws: Workspace) -> None:
    session = ws.session_new(name="one")
    report = ws.play("!!session.env_set key:A val:1\n!!play.echo content:'{A}'", session=session)
    assert [r.message for r in report.results] == ["A", "1"]
    assert report.ok


def test_play_goes_to_the_current_session(ws: Workspace) -> None:
    ws.play("!!session.env_set key:A val:1")
    assert ws.session().env_get("A") == "1"


def test_play_names_the_cell_in_its_errors(ws: Workspace) -> None:
    for text, kind in (("!!a.b x:'open", HeroscriptError), ("!!no.such", UnknownActionError)):
        with pytest.raises(kind, match=r"^In\[3\]:7:"):
            ws.play(text, name="In[3]", first_line=7)


def test_nothing_is_kept_of_an_empty_or_dry_run(ws: Workspace) -> None:
    session = ws.session_new(name="one")
    assert ws.play("only words", session=session).results == ()
    ws.play("!!play.echo", session=session, dry_run=True)
    assert session.run_names() == []


def test_playing_marks_nothing_in_the_sessions_own_playbook(ws: Workspace) -> None:
    session = ws.session_new(name="one")
    ws.play("!!play.echo", session=session)
    assert len(session.plbook.actions) == 0


# -- session_new


def test_session_new_plays_what_it_is_given(ws: Workspace, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!session.env_set key:A val:path\n!!mine.first x:1")
    session = ws.session_new(
        name="one",
        playbook_path=tmp_path / "a.hero",
        playbook_text="!!session.env_set key:B val:'{A}!'\n!!mine.second",
        playbook_priorities={1: "session.*"},
    )
    assert session.env_all() == {"A": "path", "B": "path!"}
    assert [a.full_name for a in session.plbook.find("mine.*")] == ["mine.first", "mine.second"]
    with pytest.raises(hero.HeroError, match=r"not done yet: mine.first .*, mine.second"):
        session.plbook.empty_check()
    for action in session.plbook.find("mine.*"):
        action.done = True
    session.plbook.empty_check()
    assert len(session.run_names()) == 1


def test_session_new_says_when_its_playbook_failed(ws: Workspace) -> None:
    with pytest.raises(RunError, match=r"session.env_delete failed: NOPE is not set"):
        ws.session_new(name="one", playbook_text="!!session.env_delete key:NOPE")
    assert ws.session_get("one").run_get().failed


def test_a_playbook_that_cannot_be_read_creates_nothing(ws: Workspace, tmp_path: Path) -> None:
    ws.context_get(0)
    for wrong in (
        {"playbook_path": tmp_path / "missing"},
        {"playbook_text": "!!a.b x:'open"},
    ):
        with pytest.raises((SourceError, HeroscriptError)):
            ws.session_new(name="one", **wrong)  # type: ignore[arg-type]
    assert ws.sessions_list() == []
    with pytest.raises(ParamError):
        ws.session_new(name="one", playbook_text="!!session.env_set val:1\n!!play.echo")


def test_contradictions(ws: Workspace) -> None:
    context, session = ws.context_new("ctx"), ws.session_new(name="one")
    for given in (
        {"session": session, "context": context},
        {"session": session, "name": "two"},
        {"session": session, "context_name": "ctx"},
        {"session": session, "session_name": "two"},
        {"context": context, "context_name": "other"},
        {"name": "one", "session_name": "two"},
    ):
        with pytest.raises(SessionError) as caught:
            ws.session_new(**given)  # type: ignore[arg-type]
        assert caught.value.hint
    assert ws.session_new(name="two", session_name="two").name == "two"
    with pytest.raises(SessionExistsError):
        ws.session_new(session=session, exist_ok=False)


def test_going_on_in_a_session(ws: Workspace) -> None:
    session = ws.session_new(name="one")
    session.playbook_add(text="!!mine.waits")
    session.close()
    again = ws.session_new(
        session=session, playbook_text="!!session.env_set key:A val:1", description="more"
    )
    assert again is session
    assert again.env_get("A") == "1"
    assert again.description == "more"
    assert again.end.empty()
    assert [a.full_name for a in again.plbook.find()] == ["mine.waits"]
    ws.session_delete("one")
    with pytest.raises(SessionNotFoundError):
        ws.session_new(session=session)


def test_session_new_by_context_name_and_coderoot(ws: Workspace, tmp_path: Path) -> None:
    session = ws.session_new(context_name="fresh", session_name="one", coderoot=tmp_path)
    assert session.guid == "1:fresh:one"
    assert session.context.coderoot == tmp_path
    assert ws.session_new("fresh", "two").context == session.context
    assert ws.session_new(1, "three").context == session.context


def test_sessions_of_a_context(ws: Workspace) -> None:
    ws.context_new("a")
    ws.session_new("a", "one")
    assert ws.session_exists("one", context="a")
    assert not ws.session_exists("one")
    assert [s.name for s in ws.sessions_list(context="a")] == ["one"]
    assert ws.session_get(context="a").name == "one"
    ws.context_rename("a", "b")
    assert ws.session_get("one", context="b").guid == "1:b:one"


# -- the default workspace


@pytest.fixture
def default(local: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(hero.default, "_workspace", None)
    for name in ("HERO_CONTEXT", "HERO_SESSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HERO_HOME", str(local.home))
    monkeypatch.setenv("HERO_REDIS_URL", local.redis_url)
    return local


def test_module_level_functions_share_one_workspace(default: Place) -> None:
    context = hero.context_new("ctx")
    session = hero.session_new(context, "one")
    assert hero.session_get("one", context="ctx") == session
    hero.session_select(session)
    assert hero.session() is session
    assert hero.context() == context
    assert hero.workspace().home == default.home
    assert [c.name for c in hero.contexts_list()] == ["ctx"]
    assert hero.context_exists("ctx")
    hero.context_rename("ctx", "new")
    assert hero.sessions_list(context="new") == [session]
    hero.session_delete("one")
    hero.context_delete("new")
    assert hero.contexts_list() == []


def test_the_environment_names_the_session(default: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERO_CONTEXT", "env_c")
    monkeypatch.setenv("HERO_SESSION", "env_s")
    assert hero.session().guid == "1:env_c:env_s"


def test_actions_come_along_to_another_workspace(default: Place, tmp_path: Path) -> None:
    @hero.action("mine.hello")
    def hello(session: hero.Session, *, name: str = "you") -> str:
        return f"hello {name}"

    assert hello(None, name="me") == "hello me"  # type: ignore[arg-type]  # an ordinary function
    opened = hero.open_workspace(home=tmp_path / "other")
    assert hero.workspace() is opened
    assert hero.play("!!mine.hello").results[0].message == "hello you"
    assert not default.home.exists()
    apart = hero.open_workspace(home=tmp_path / "third", default=False)
    assert hero.workspace() is opened
    assert apart.actors.find("mine.hello") is None


def test_opening_opens_nothing(default: Place) -> None:
    began = time.perf_counter()
    workspace = hero.open_workspace(redis_url="redis://127.0.0.1:1")
    assert not default.home.exists()
    assert "127.0.0.1:1" in repr(workspace)
    with pytest.raises(StoreUnavailableError) as caught:
        hero.session()
    assert "127.0.0.1:1" in str(caught.value)
    assert caught.value.hint
    assert time.perf_counter() - began < 2.5
    assert not default.home.exists()
