"""Sessions: created, resumed, changed from everywhere at once, renamed and deleted."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from rooms import NOW
from test_names import HOSTILE

from hero_kernel import files, sessions, times
from hero_kernel.errors import (
    BadNameError,
    ChangedError,
    ContextNotFoundError,
    CorruptRecordError,
    EnvKeyError,
    HeroscriptError,
    OurTimeError,
    ParamError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
    SourceError,
    StoreError,
)
from hero_kernel.sessions import LATEST, PREFIX

if TYPE_CHECKING:
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Context, Session, Workspace

FIELDS = ["name", "start", "description", "params"]


@pytest.fixture
def context(ws: Workspace) -> Context:
    return ws.context_new("ctx")


@pytest.fixture
def session(context: Context) -> Session:
    return context.session_new("one")


def record(context: Context, name: str) -> dict[str, Any]:
    """The record as herolib's decoder and encoder would have it: compact, its fields first."""
    text = context.host.store.get(context.id, PREFIX + name) or ""
    fields = json.loads(text)
    assert list(fields)[: len(FIELDS)] == FIELDS
    assert json.dumps(fields, separators=(",", ":"), ensure_ascii=False) == text
    return dict(fields)


def upstream(name: str, start: str = "2025-01-01 10:00", params: str = "") -> str:
    fields = {"name": name, "start": start, "description": "", "params": params}
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False)


# -- creating and resuming


def test_a_new_session_is_open_interactive_and_empty(context: Context) -> None:
    session = context.session_new("one")
    assert session.guid == "1:ctx:one"
    assert session.context is context
    assert session.interactive
    assert abs(int(session.start) - int(times.now())) <= 2
    assert session.end.empty()
    assert session.env_all() == {}
    assert dict(session.params) == {}
    assert len(session.plbook.actions) == 0
    assert list(record(context, "one")) == [*FIELDS, "interactive", "end", "env", "notebook"]


def test_the_same_name_resumes(context: Context) -> None:
    first = context.session_new("one", params="a:1", description="d", interactive=False)
    first.env_set("K", "v")
    first.close()
    again = context.session_new("One")
    assert again == first
    assert again.env_get("K") == "v"
    assert not again.interactive  # kept
    assert (dict(again.params), again.description) == ({"a": "1"}, "d")
    assert again.end.empty()  # open again
    assert again.start == first.start
    again = context.session_new("one", params="b:2", description="e", interactive=True)
    assert (dict(again.params), again.description, again.interactive) == ({"b": "2"}, "e", True)


def test_exist_ok_and_reset(context: Context) -> None:
    first = context.session_new("one", exist_ok=False)
    first.env_set("K", "v")
    with pytest.raises(SessionExistsError, match="exists"):
        context.session_new("one", exist_ok=False)
    assert context.session_new("one", reset=True).env_all() == {}


def test_one_name_in_two_contexts(ws: Workspace) -> None:
    a = ws.context_new("a").session_new("same")
    b = ws.context_new("b").session_new("same")
    a.env_set("K", "a")
    assert b.env_all() == {}
    assert a != b


def test_default_names_are_the_time_and_never_collide(place: Place) -> None:
    context = place.open_at().context_new("ctx")
    made = [context.session_new().name for _ in range(12)]
    assert made[:3] == [NOW.key(), f"{NOW.key()}_2", f"{NOW.key()}_3"]
    assert len(set(made)) == 12
    context.session_delete(made[5])
    assert context.session_new().name == f"{NOW.key()}_13"  # a number is not used again


def test_a_hundred_more_after_a_thousand_in_one_second(local: Place) -> None:
    context = local.open_at().context_new("ctx")
    context.session_new(NOW.key())
    context.host.store.put(context.id, f"{PREFIX}{NOW.key()}_999", upstream("x"))
    made = {context.session_new().name for _ in range(100)}
    assert made == {f"{NOW.key()}_{number}" for number in range(1000, 1100)}


def test_the_clock_may_go_back(local: Place) -> None:
    late = local.open_at(times.new("2030-01-01")).context_new("ctx")
    early = local.open_at(times.new("2020-01-01")).context_get("ctx")
    first, second = late.session_new(), early.session_new()
    first.env_set("K", "v")
    assert early.session_get().name == second.name
    second.close()
    assert early.session_get(first.name).env_get("K") == "v"


def test_start_is_resolved_once(place: Place) -> None:
    context = place.open_at().context_new("ctx")
    session = context.session_new("one", start="+1h")
    assert record(context, "one")["start"] == "2025-01-02 04:04:05"
    later = place.open_at(NOW.warp("+5h")).context_get("ctx").session_get("one")
    assert later.start == session.start == NOW.warp("+1h")
    with pytest.raises(OurTimeError):
        context.session_new("two", start="soon")
    assert not context.session_exists("two")


def test_bad_params_create_nothing(context: Context) -> None:
    with pytest.raises(HeroscriptError):
        context.session_new("one", params="x:'open")
    assert context.sessions_list() == []


@pytest.mark.parametrize(
    "name", [*(name for name in HOSTILE if name != "con.txt"), "ab", "a", "x.yaml"]
)
def test_hostile_names_create_nothing(local: Place, name: str) -> None:
    context = local.open().context_new("ctx")
    before = local.records()
    if name:
        for use in (context.session_new, context.session_get, context.session_delete):
            with pytest.raises(BadNameError):
                use(name)
        assert not context.session_exists(name)
    assert local.tree() == {}
    assert local.records() == before


def test_an_environment_that_names_a_hostile_session(local: Place) -> None:
    with pytest.raises(BadNameError):
        local.open().session_new(name="../../etc/passwd")


# -- finding


def test_get_exists_list_and_latest(context: Context) -> None:
    for name in ("one", "two", "three"):
        context.session_new(name).env_set("K", name)
    assert [s.name for s in context.sessions_list()] == ["one", "three", "two"]
    assert context.session_get().name == context.session_latest().name == "three"
    assert context.session_get(" TWO ").env_get("K") == "two"
    assert context.session_exists("Two")
    context.session_new("one")
    assert context.session_latest().name == "one"
    with pytest.raises(SessionNotFoundError, match=r"did you mean three\?"):
        context.session_get("thre")


def test_latest_without_its_pointer_is_the_newest(place: Place) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    put = ws.store.put
    put(1, PREFIX + "new", upstream("new", "2025-03-01 10:00"))
    put(1, PREFIX + "old", upstream("old", "2024-03-01 10:00"))
    put(1, PREFIX + "broken", "{")
    assert context.session_get().name == "new"
    put(1, LATEST, "old")
    assert context.session_get().name == "old"
    for lost in ("gone", "../../x", "", "latest"):
        put(1, LATEST, lost)
        assert context.session_get().name == "new"


def test_with_no_session_the_latest_is_a_new_one(context: Context) -> None:
    assert context.session_latest().name == context.sessions_list()[0].name


# -- upstream's records


def test_upstreams_records_are_read(place: Place) -> None:
    ws = place.open_at()
    context = ws.context_new("ctx")
    put = ws.store.put
    put(1, PREFIX + "mysession1", upstream("mysession1"))
    put(1, PREFIX + "withparams", upstream("withparams", params="param1:'111'\nparam2:'222' red"))
    put(1, PREFIX + "relstart", upstream("relstart", "+1h"))
    put(1, LATEST, "mysession1")
    assert context.session_get().name == "mysession1"
    assert str(context.session_get("mysession1").start) == "2025-01-01 10:00:00"
    params = context.session_get("withparams").params
    assert (dict(params), params.args) == ({"param1": "111", "param2": "222"}, ("red",))
    assert context.session_get("relstart").start == NOW.warp("+1h")
    assert record(context, "relstart")["start"] == "2025-01-02 04:04:05"


def test_reading_does_not_rewrite(place: Place) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    text = upstream("mysession1")
    ws.store.put(1, PREFIX + "mysession1", text)
    session = context.session_get("mysession1")
    _ = session.start, session.end, session.params, session.env_all(), session.path
    assert ws.store.get(1, PREFIX + "mysession1") == text


def test_what_upstreams_save_garbled_is_recovered(place: Place) -> None:
    dump = (
        "some.where.paramsparser.Params{\n    params: [some.where.Param{\n        key: 'color'\n"
        "        value: 'light red'\n        comment: ''\n    }, some.where.Param{\n"
        "        key: 'size'\n        value: '3'\n    }]\n    args: []\n}"
    )
    ws = place.open()
    context = ws.context_new("ctx")
    ws.store.put(1, PREFIX + "aftersave_BUG", upstream("aftersave_BUG", params=dump))
    session = context.session_get("aftersave_bug")
    assert dict(session.params) == {"color": "light red", "size": "3"}
    session.env_set("K", "v")
    assert dict(session.params) == {"color": "light red", "size": "3"}


def test_a_record_is_read_and_not_written_to(session: Session) -> None:
    """It is handed out again as long as it is the same in the store."""
    session.env_set("NAME", "kept")
    for config in (session.config, type(session)(session.context, "one").config):
        with pytest.raises(TypeError):
            config.env["NAME"] = "lost"  # type: ignore[index]  # what a notebook may try
    assert session.env_get("NAME") == "kept"


def test_what_could_not_be_written_is_not_known(session: Session) -> None:
    session.env_set("NAME", "kept")
    with pytest.raises(StoreError):
        session.env_set("NAME", "half a character: \ud800")
    assert session.env_get("NAME") == session.config.env["NAME"] == "kept"


def test_a_change_by_another_object_is_seen_at_once(place: Place) -> None:
    here, there = (place.open().session_new(name="one") for _ in range(2))
    for number in range(30):
        there.env_set("NAME", str(number))
        assert here.env_get("NAME") == str(number)
        here.env_set("OTHER", str(number))
        assert (there.env_get("NAME"), there.env_get("OTHER")) == (str(number), str(number))


def test_params_survive_env_set(session: Session) -> None:
    """Upstream's env_set garbled them."""
    session.params_set({"x": "two words", "y": "it's"})
    session.env_set("K", "v")
    assert dict(session.params) == {"x": "two words", "y": "it's"}


def test_unknown_fields_are_kept(place: Place) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    ws.store.put(1, PREFIX + "one", upstream("one")[:-1] + ',"later":{"a":[1,2.5,null]}}')
    session = context.session_get("one")
    session.env_set("K", "v")
    session.rename("two")
    fields = record(context, "two")
    assert fields["later"] == {"a": [1, 2.5, None]}
    assert list(fields)[-1] == "later"


CORRUPT = [
    "", "{", "[]", "null", '{"name":1}', '{"name":"one","start":null}', '{"name":"one","env":[]}',
    '{"name":"one","env":{"A":1}}', '{"name":"one","env":{"A":null}}', '{"name":"one","name":"b"}',
    '{"name":"one","interactive":1}', '{"name":"one","x":NaN}', "\ufeff{}", "[" * 100_000,
    '{"name":"one"}garbage', '"' + "x" * 9_000_000 + '"',
]  # fmt: skip


@pytest.mark.parametrize("text", CORRUPT, ids=range(len(CORRUPT)))
def test_a_corrupt_record_is_said_and_left(place: Place, text: str) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    context.session_new("two")
    ws.store.put(1, PREFIX + "one", text)
    uses = (
        lambda: context.session_get("one"),
        lambda: context.session_new("one"),
        lambda: sessions.Session(context, "one").env_set("K", "v"),
        lambda: sessions.Session(context, "one").rename("three"),
    )
    for use in uses:
        with pytest.raises(CorruptRecordError, match="sessions:config:one of context 1"):
            use()
    assert ws.store.get(1, PREFIX + "one") == text
    assert [s.name for s in context.sessions_list()] == ["one", "two"]
    context.session_delete("one")
    assert [s.name for s in context.sessions_list()] == ["two"]


# -- environment, parameters, settings


def test_env(session: Session, place: Place) -> None:
    session.env_set("KEY", "value")
    session.env_set("EMPTY", "")
    session.env_set("ALPHA", "é\n{x} 'q' \"d\" 😀")
    other = place.open().context_get("ctx").session_get("one")
    assert list(other.env_all()) == ["ALPHA", "EMPTY", "KEY"]
    assert other.env_get("ALPHA") == "é\n{x} 'q' \"d\" 😀"
    assert other.env_get("EMPTY") == ""
    assert other.env_get("NONE", "default") == "default"
    with pytest.raises(EnvKeyError, match=r"KEYS is not set in session one; did you mean KEY\?"):
        other.env_get("KEYS")
    other.env_delete("KEY")
    assert "KEY" not in session.env_all()
    with pytest.raises(EnvKeyError):
        session.env_delete("KEY")


def test_env_set_once(session: Session, context: Context) -> None:
    session.env_set_once("KEY", "first")
    with pytest.raises(EnvKeyError, match="already set"):
        context.session_get("one").env_set_once("KEY", "second")
    assert session.env_get("KEY") == "first"


@pytest.mark.parametrize("key", ["", "A B", "A=B", "A\n", "\0", "A\x1b"])
def test_bad_env_keys(session: Session, key: str) -> None:
    for setter in (session.env_set, session.env_set_once):
        with pytest.raises(BadNameError):
            setter(key, "v")
    assert session.env_all() == {}


def test_several_variables_are_one_step(session: Session) -> None:
    session.env_update({"A": "1", "B": "2"})
    with pytest.raises(EnvKeyError, match="B is already set"):
        session.env_update({"B": "3", "C": "3"}, once=True)
    with pytest.raises(BadNameError):
        session.env_update({"D": "4", "a b": "5"})
    with pytest.raises(EnvKeyError, match="E is not set"):
        session.env_delete("A", "E")
    assert session.env_all() == {"A": "1", "B": "2"}
    session.env_delete("A", "B")
    assert session.env_all() == {}


def test_bad_env_values(session: Session) -> None:
    with pytest.raises(TypeError, match="int; give a str"):
        session.env_set("K", 1)  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="half a character"):
        session.env_set("K", "\ud800")
    assert session.env_all() == {}


def test_env_is_not_the_processes(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HERO_TEST_KEY", raising=False)
    session.env_set("HERO_TEST_KEY", "v")
    assert "HERO_TEST_KEY" not in os.environ


def test_params_and_settings(session: Session, context: Context) -> None:
    session.params_set({"a": "1"})
    assert dict(session.params_set({"b": "two words"})) == {"a": "1", "b": "two words"}
    with pytest.raises(ParamError):
        session.params_delete("a", "c")
    assert dict(session.params_delete("a")) == {"b": "two words"}
    session.interactive = False
    session.description = "what it is for"
    again = context.session_get("one")
    assert dict(again.params) == {"b": "two words"}
    assert (again.interactive, again.description) == (False, "what it is for")


def test_closing_and_with(place: Place) -> None:
    context = place.open_at().context_new("ctx")
    with context.session_new("one") as session:
        assert session.end.empty()
    assert session.end == NOW
    session.close(NOW.warp("+1h"))
    assert session.end == NOW  # the first end stays
    with pytest.raises(ValueError, match="inside"), context.session_new("two") as session:
        raise ValueError("inside")
    assert context.session_get("two").end == NOW
    other = context.session_new("three")
    other.close(times.new("2025-02-01"))
    assert str(other.end) == "2025-02-01 00:00:00"


def test_check(ws: Workspace, session: Session) -> None:
    session.check()
    ws.store.put(1, PREFIX + "My-Old", upstream("My-Old"))
    with pytest.raises(BadNameError, match="rename it to 'my_old'"):
        session.context.session_get("my_old").check()
    ws.store.put(1, PREFIX + "ab", upstream("ab"))
    with pytest.raises(BadNameError, match="too short"):
        session.context.session_get("ab").check()


def test_a_lost_session_is_not_made_up(session: Session, context: Context) -> None:
    context.session_delete("one")
    for use in (
        session.save,
        session.load,
        lambda: session.env_set("K", "v"),
        lambda: session.params,
        session.close,
        lambda: session.rename("two"),
    ):
        with pytest.raises(SessionNotFoundError, match="no longer in"):
            use()
    assert context.sessions_list() == []


def test_path_is_created_when_asked(session: Session, place: Place) -> None:
    assert not (place.home / "context").exists()
    assert session.path == place.home / "context" / "ctx" / "one"
    assert session.path.is_dir()


def test_path_of_a_deleted_context(session: Session, ws: Workspace, place: Place) -> None:
    ws.context_delete("ctx")
    with pytest.raises(ContextNotFoundError):
        _ = session.path
    assert not (place.home / "context").exists()


def test_deleting(context: Context, place: Place) -> None:
    for name in ("one", "two"):
        _ = context.session_new(name).path
    context.session_delete("One")
    context.session_delete("two", files=True)
    assert context.sessions_list() == []
    assert [p.name for p in (place.home / "context" / "ctx").iterdir()] == ["one"]
    assert context.host.store.get(context.id, LATEST) is None
    with pytest.raises(SessionNotFoundError):
        context.session_delete("one")


def test_deleting_another_leaves_the_pointer(context: Context) -> None:
    context.session_new("one")
    context.session_new("two")
    context.session_delete("one")
    assert context.host.store.get(context.id, LATEST) == "two"


def test_equality_and_repr(session: Session, context: Context) -> None:
    assert repr(session) == "<Session 1:ctx:one>"
    assert session == context.session_get("one")
    assert len({session, context.session_get("one")}) == 1
    assert session != "one"


# -- renaming


def test_renaming(session: Session, context: Context, place: Place) -> None:
    session.env_set("K", "v")
    (session.path / "file").write_text("x")
    assert session.rename("New Name").guid == "1:ctx:new_name"
    assert (session.path / "file").read_text() == "x"
    assert [s.name for s in context.sessions_list()] == ["new_name"]
    assert context.session_latest().env_get("K") == "v"
    assert [p.name for p in (place.home / "context" / "ctx").iterdir()] == ["new_name"]
    kept = {*FIELDS, "interactive", "end", "env", "notebook", "env_from"}
    assert set(record(context, "new_name")) == kept
    assert session.rename("new-name") is session


def test_renaming_to_what_is_taken(session: Session, context: Context) -> None:
    (context.session_new("two").path / "file").touch()
    with pytest.raises(SessionExistsError, match="has a session 'two'"):
        session.rename("two")
    context.session_delete("two")
    with pytest.raises(SessionExistsError, match="folder of a deleted session"):
        session.rename("two")
    assert session.load().name == "one"
    session.env_set("K", "v")


class Killed(BaseException):
    """What the test raises where a kernel is killed."""


@pytest.mark.parametrize("step", ["create", "delete", "move", "unmark"])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("asked", ["old", "new"])
def test_killed_at_any_step_of_a_rename(
    place: Place, monkeypatch: pytest.MonkeyPatch, step: str, asked: str, *, after: bool
) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    session = context.session_new("old")
    session.env_set("K", "v")
    (session.path / "file").touch()

    def killed_at(owner: Any, method: str, number: int = 1) -> None:
        real, seen = getattr(owner, method), []

        def call(*args: Any) -> Any:
            seen.append(args)
            if len(seen) < number:
                return real(*args)
            if after:
                real(*args)
            raise Killed

        monkeypatch.setattr(owner, method, call)

    store = ws.store
    if step == "create":
        killed_at(store, "create")
    elif step == "move":
        killed_at(files, "move")
    else:  # updates: the mark, the deletion, the unmarking
        killed_at(store, "update", {"delete": 2, "unmark": 3}[step])
    with pytest.raises(Killed):
        session.rename("new")
    monkeypatch.undo()

    other = place.open().context_get("ctx")
    there = [s.name for s in other.sessions_list()]
    found = other.session_get(asked if asked in there else there[0])
    assert found.name == "new"
    assert found.env_get("K") == "v"
    assert (found.path / "file").exists()
    assert [s.name for s in other.sessions_list()] == ["new"]
    assert "renamed" not in (ws.store.get(1, PREFIX + "new") or "")
    assert session.name in ("old", "new")


def test_a_write_during_a_rename_is_not_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = place.open()
    session = ws.context_new("ctx").session_new("old")
    other = place.open().context_get("ctx").session_get("old")
    create = ws.store.create

    def meanwhile(*args: Any) -> bool:
        other.env_set("MEANWHILE", "v")  # after the mark, before the copy
        return create(*args)

    monkeypatch.setattr(ws.store, "create", meanwhile)
    session.rename("new")
    assert session.env_get("MEANWHILE") == "v"
    assert other.name == "new"


def test_a_new_session_of_the_old_name_is_left_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    session = context.session_new("old")

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(files, "move", killed)
    with pytest.raises(Killed):
        session.rename("new")
    monkeypatch.undo()
    stranger = context.session_new("old")
    stranger.env_set("MINE", "v")
    assert context.session_get("new").name == "new"
    assert stranger.env_get("MINE") == "v"


def test_a_rename_into_a_name_taken_meanwhile_is_undone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    session = context.session_new("old")
    create = ws.store.create

    def meanwhile(*args: Any) -> bool:
        monkeypatch.undo()
        place.open().context_get("ctx").session_new("new").env_set("MINE", "v")
        return create(*args)

    monkeypatch.setattr(ws.store, "create", meanwhile)
    with pytest.raises(SessionExistsError, match="made while 'old' was being renamed"):
        session.rename("new")
    session.env_set("K", "v")
    assert context.session_get("old").env_all() == {"K": "v"}
    assert context.session_get("new").env_all() == {"MINE": "v"}


@pytest.mark.parametrize("to", ["../../x", "", "a/b", "latest"])
def test_a_hostile_mark_leads_nowhere(place: Place, to: str) -> None:
    ws = place.open()
    context = ws.context_new("ctx")
    text = upstream("one")[:-1] + f',"renamed_to":"{to}"}}'
    ws.store.put(1, PREFIX + "one", text)
    with pytest.raises((BadNameError, CorruptRecordError)):
        context.session_get("one")
    ws.store.put(1, PREFIX + "two", upstream("two")[:-1] + f',"renamed_from":"{to}"}}')
    assert context.session_get("two").name == "two"
    assert place.tree() == {}


# -- many at once


def test_eight_processes_set_a_hundred_variables_each(place: Place) -> None:
    place.open().context_new("ctx").session_new("one")
    code = (
        "s = ws.context_get('ctx').session_get('one')\n"
        "for i in range(100): s.env_set(f'K{sys.argv[1]}_{i}', str(i))"
    )
    place.run_all(code, 8)
    env = place.open().context_get("ctx").session_get("one").env_all()
    assert len(env) == 800
    assert env["K7_99"] == "99"


def test_eight_processes_create_sessions_without_a_name(place: Place) -> None:
    place.open().context_new("ctx")
    code = (
        "from hero_kernel import times; ws.now = lambda: times.new('2025-01-01')\n"
        "c = ws.context_get('ctx')\n"
        "for _ in range(5): print(c.session_new().name)"
    )
    printed = [name for lines in place.run_all(code, 8) for name in lines.split()]
    assert len(printed) == len(set(printed)) == 40


def test_of_many_that_set_once_one_does(place: Place) -> None:
    place.open().context_new("ctx").session_new("one")
    code = (
        "try:\n ws.context_get('ctx').session_get('one').env_set_once('K', sys.argv[1])\n"
        "except hero.HeroError: print('no')\nelse: print('yes')"
    )
    assert sorted(place.run_all(code, 8)) == ["no"] * 7 + ["yes"]


def test_a_killed_kernel_has_lost_nothing(place: Place) -> None:
    code = (
        "import os, signal\ns = ws.context_new('ctx').session_new('one')\n"
        "s.env_set('K', 'v'); s.params_set({'p': '1'}); _ = s.path\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    child = place.start(code)
    child.communicate(timeout=60)
    session = place.open().context_get("ctx").session_get("one")
    assert session.env_get("K") == "v"
    assert dict(session.params) == {"p": "1"}


# -- playbooks


def test_playbook_add_queues(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!from.path")
    added = session.playbook_add(path=tmp_path / "a.hero", text="!!from.text", prio=7)
    assert [(a.full_name, a.priority) for a in added] == [("from.path", 7), ("from.text", 7)]
    assert [a.full_name for a in session.plbook.actions] == ["from.path", "from.text"]
    session.playbook_priorities_add({1: "from.text"})
    assert session.heroscript().index("from.text") < session.heroscript().index("from.path")
    with pytest.raises(SessionError, match="nothing to add"):
        session.playbook_add()
    with pytest.raises(SourceError):
        session.playbook_add(path=tmp_path / "missing")
    with pytest.raises(HeroscriptError):
        session.playbook_add(text="!!a.b x:'open")
    assert len(session.plbook.actions) == 2


def test_a_change_that_says_what_it_is_based_on(ws: Workspace) -> None:
    session = ws.session_new(name="notes")
    session.env_update({"A": "1"}, was={"A": None}, by="In[1] Python")
    with pytest.raises(ChangedError, match="A was set meanwhile by In"):
        session.env_update({"A": "2", "B": "1"}, was={"A": None, "B": None})
    session.env_update({"A": "2"}, was={"A": "1"})
    with pytest.raises(ChangedError, match="A was changed meanwhile"):
        session.env_delete("A", was={"A": "1"})
    assert session.env_all() == {"A": "2"}
    session.env_delete("A", was={"A": "2"})
    with pytest.raises(ChangedError, match="A was deleted meanwhile"):
        session.env_update({"A": "3"}, was={"A": "2"})
    for owner in (session, session.context):
        owner.params_set({"Size": "1"}, was={"size": None})
        with pytest.raises(ChangedError, match="size was changed meanwhile"):
            owner.params_set({"size": "3"}, was={"size": "2"})
        with pytest.raises(ChangedError, match="size was changed meanwhile"):
            owner.params_delete("size", was={"size": "2"})
        owner.params_delete("size", was={"size": "1"})
        assert dict(owner.params) == {}
