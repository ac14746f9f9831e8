"""Provenance: where each value came from, and what changed since the last run."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hero_kernel import Secret, provenance, times
from hero_kernel.cells import Cell, process
from hero_kernel.provenance import UNKNOWN, Change, Source
from hero_kernel.runs import kept
from hero_kernel.sessions import PREFIX

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Context, Session, Workspace

SET = "!!session.env_set key:{} val:'{}'"


@pytest.fixture
def session(local: Place) -> Session:
    workspace = local.open_at()
    return workspace.session_new(workspace.context_new("ctx"), "one")


def in_cell(workspace: Workspace, number: int) -> None:
    """From now on that cell runs."""
    cell = Cell(f"id-{number}", f"source {number}", f"In[{number}]")
    workspace.cells.current = lambda: cell


def run(session: Session) -> None:
    """A run that changes nothing, and is kept."""
    session.context.host.play("!!play.echo hi", session=session)  # type: ignore[attr-defined]


def changed(session: Session) -> dict[str, str]:
    """What changed since the last run, by name."""
    return {key: one.changed for key, one in session.env_sources().items() if one.changed}


def text_of(session: Session) -> str:
    found = session.context.host.store.get(session.context.id, PREFIX + session.name)
    assert found is not None
    return found


# -- who it was


def test_who_set_it(session: Session) -> None:
    workspace = session.context.host
    session.env_set("A", "1")
    in_cell(workspace, 3)
    session.env_set("B", "1")
    session.env_set("C", "1", by="command line")
    workspace.play("\n" + SET.format("D", 1), session=session, name="In[4]")
    session.env_set_once("E", "1")
    found = session.env_sources()
    said = {key: (one.by, one.at, one.kernel != "") for key, one in found.items()}
    at = "2025-01-02 03:04:05"
    assert said == {
        "A": ("Python", at, False),
        "B": ("In[3] Python", at, True),
        "C": ("command line", at, True),
        "D": ("In[4]:2:1 !!session.env_set", at, True),
        "E": ("In[3] Python", at, True),
    }
    assert not any(one.is_elsewhere for one in found.values())
    assert {str(found[key]) for key in "BC"} == {"In[3] Python", "command line"}


def test_a_handler_is_named_only_while_it_runs(session: Session) -> None:
    workspace = session.context.host
    report = workspace.play("!!session.env_delete key:none", session=session)
    assert not report.ok
    assert session.by == ""
    session.env_set("A", "1")
    assert session.env_sources()["A"].by == "Python"


def test_what_a_handler_calls_is_the_action(session: Session) -> None:
    workspace = session.context.host

    def outer(session: Session) -> None:
        workspace.play(SET.format("INNER", 1), session=session, name="inner")
        session.env_set("OUTER", "1")

    workspace.actors.add("try.outer", outer)
    assert workspace.play("!!try.outer", session=session, name="outer").ok
    found = session.env_sources()
    assert found["INNER"].by == "inner:1:1 !!session.env_set"
    assert found["OUTER"].by == "outer:1:1 !!try.outer"


def test_the_same_value_again_is_no_change(session: Session) -> None:
    session.env_set("A", "1", by="first")
    before = text_of(session)
    session.env_update({"A": "1"}, by="second")
    assert text_of(session) == before
    session.env_update({"A": "1", "B": "1"}, by="third")
    assert {key: one.by for key, one in session.env_sources().items()} == {
        "A": "first",
        "B": "third",
    }


def test_another_kernel(place: Place) -> None:
    ws = place.open()
    session = ws.session_new(ws.context_new("ctx"), "one")
    place.run_all(
        "from hero_kernel.cells import Cell\n"
        "ws.cells.current = lambda: Cell('', '', 'In[7]')\n"
        "session = ws.session_get('one', context='ctx')\n"
        "session.env_set('THEIRS', '1'); session.params_set({'theirs': '1'})",
        1,
    )
    in_cell(ws, 7)
    session.env_set("MINE", "1")
    found = session.env_sources()
    assert str(found["MINE"]) == "In[7] Python"
    assert str(found["THEIRS"]) == "In[7] Python, another kernel"
    assert str(session.params_sources()["theirs"]) == "In[7] Python, another kernel"
    assert found["MINE"].kernel == process() != found["THEIRS"].kernel


def test_kernels_that_write_at_once_lose_no_source(place: Place) -> None:
    ws = place.open()
    session = ws.session_new(ws.context_new("ctx"), "one")
    place.run_all(
        "session = ws.session_get('one', context='ctx')\n"
        "for n in range(25): session.env_set(f'{sys.argv[1]}_{n}', 'x', by=f'by {sys.argv[1]}')",
        3,
    )
    found = session.env_sources()
    assert len(found) == 75
    assert all(one.by == f"by {key.partition('_')[0]}" for key, one in found.items())


# -- since the last run


def test_nothing_changed_before_the_first_run(session: Session) -> None:
    session.env_set("A", "1")
    session.env_set("A", "2")
    assert changed(session) == {}
    run(session)
    assert changed(session) == {}


def test_changes_since_the_last_run(session: Session) -> None:
    session.env_update({"A": "1", "B": "1", "C": "1"})
    run(session)
    session.env_set("A", "2")
    session.env_set("B", "1")
    session.env_set("D", "1")
    session.env_set("D", "2")
    session.env_delete("C", by="In[9] %hero_env unset")
    assert changed(session) == {"A": "changed", "D": "new", "C": "deleted"}
    assert session.env_sources()["C"].by == "In[9] %hero_env unset"
    assert "C" not in session.env_all()
    run(session)
    assert changed(session) == {}
    assert list(session.env_sources()) == ["A", "B", "D"]


def test_deleted_and_set_again(session: Session) -> None:
    session.env_set("OLD", "1")
    run(session)
    session.env_delete("OLD")
    session.env_set("NEW", "1")
    session.env_delete("NEW")
    assert changed(session) == {"OLD": "deleted"}
    session.env_set("OLD", "1")
    session.env_set("NEW", "2")
    assert changed(session) == {"OLD": "changed", "NEW": "new"}


def test_a_run_does_not_count_its_own_changes(session: Session) -> None:
    run(session)
    session.env_set("MINE", "1")
    session.context.host.play(SET.format("ITS", 1), session=session)  # type: ignore[attr-defined]
    assert changed(session) == {}
    session.context.host.play(SET.format("X", 1), session=session, dry_run=True)  # type: ignore[attr-defined]
    session.env_set("MINE", "2")
    assert changed(session) == {"MINE": "changed"}


def test_another_kernels_run_counts(local: Place) -> None:
    ws = local.open()
    session = ws.session_new(ws.context_new("ctx"), "one")
    other = local.open().session_get("one", context=1)
    run(session)
    session.env_set("A", "1")
    assert changed(other) == {"A": "new"}
    run(other)
    assert changed(session) == changed(other) == {}


def test_the_first_runs_file_put_aside(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_BYTES", 10)
    session.env_set("BEFORE", "1")
    run(session)
    assert not (session.path / kept.FILE_NAME).exists()
    session.env_set("AFTER", "1")
    assert changed(session) == {"AFTER": "new"}
    run(session)
    assert not (session.path / kept.FILE_NAME).exists()
    assert changed(session) == {}


def test_any_order_of_changes_and_runs(session: Session) -> None:
    seed = random.randrange(10**6)  # noqa: S311  # no secret
    print("seed", seed)
    chance = random.Random(seed)  # noqa: S311  # no secret
    there: dict[str, str] = {}
    at_run: dict[str, str] | None = None
    touched: set[str] = set()
    for _ in range(300):
        what, key = chance.choice("ssddr"), chance.choice("ABCDE")
        if what == "s":
            value = chance.choice("12")
            if there.get(key) != value:
                touched.add(key)
            session.env_set(key, value)
            there[key] = value
        elif what == "d" and key in there:
            session.env_delete(key)
            touched.add(key)
            del there[key]
        elif what == "r" and chance.random() < 0.3:
            run(session)
            at_run, touched = dict(there), set()
        expected = {}
        for one in touched if at_run is not None else ():
            assert at_run is not None
            if one in there:
                expected[one] = "changed" if one in at_run else "new"
            elif one in at_run:
                expected[one] = "deleted"
        assert changed(session) == expected
        assert all(session.env_sources()[one].by == "Python" for one in there)


# -- parameters, also a context's


def test_parameters_have_sources(session: Session) -> None:
    in_cell(session.context.host, 2)
    session.params_set({"color": "red", "Size": "2"})
    run(session)
    session.params_set({"color": "blue"}, by="In[3] %hero_param set")
    session.params_delete("size", by="In[4] %hero_param unset")
    found = session.params_sources()
    assert {key: (one.by, one.changed) for key, one in found.items()} == {
        "color": ("In[3] %hero_param set", "changed"),
        "size": ("In[4] %hero_param unset", "deleted"),
    }
    again = session.context.session_new("one", params="color:blue word:new")
    found = again.params_sources()
    assert found["color"].by == "In[3] %hero_param set"
    assert found["word"].by == "In[2] Python"


def test_a_context_knows_the_sources_of_its_parameters(session: Session) -> None:
    context = session.context
    host = context.host
    assert host.play("!!core.params_context_set a:1\n!!git.define", session=session).ok  # type: ignore[attr-defined]
    run(session)
    context.params_set({"b": "1"}, by="In[3] %hero_param set")
    found = context.params_sources()
    assert {key: one.by for key, one in found.items()} == {
        "a": "<text>:1:1 !!core.params_context_set",
        "git_light": "<text>:2:1 !!git.define",
        "git_offline": "<text>:2:1 !!git.define",
        "b": "In[3] %hero_param set",
    }
    assert not any(one.changed for one in found.values())
    context.host.context_new("ctx", reset=True)  # type: ignore[attr-defined]
    assert context.params_sources() == {}


def test_damaged_parameters_can_still_be_replaced(session: Session) -> None:
    session._update(lambda old: replace(old, params="a:'never closed"))
    workspace = session.context.host
    again = workspace.session_new(session.context, "one", params="a:1")
    assert again.params.get("a") == "1"
    assert again.params_sources()["a"].by == "Python"


# -- in the record


def test_renaming_keeps_sources_and_a_reset_clears_them(session: Session) -> None:
    session.env_set("A", "1", by="me")
    session.rename("two")
    assert session.env_sources()["A"].by == "me"
    again = session.context.session_new("two", reset=True)
    assert again.env_sources() == {}
    assert "_from" not in text_of(again)


def test_one_write_a_change(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    store = session.context.host.store
    update = type(store).update
    monkeypatch.setattr(
        type(store), "update", lambda *given: written.append(given[2]) or update(*given)
    )
    session.env_set("A", "1")
    assert written == [PREFIX + "one"]


def test_a_record_of_an_older_version(local: Place) -> None:
    ws = local.open()
    ws.context_new("ctx")
    fields = {
        "name": "one", "start": "2025-01-01 10:00:00", "description": "", "params": "p:1",
        "interactive": True, "end": "", "env": {"A": "1"}, "notebook": "",
    }  # fmt: skip
    ws.store.put(1, PREFIX + "one", json.dumps(fields, separators=(",", ":")))
    session = ws.session_get("one", context=1)
    run(session)
    assert session.env_sources() == {"A": UNKNOWN}
    assert session.params_sources() == {"p": UNKNOWN}
    session.env_set("A", "2")
    session.env_delete("A")
    assert changed(session) == {"A": "deleted"}


def test_a_record_of_herolib(local: Place) -> None:
    ws = local.open()
    ws.context_new("ctx")
    ws.store.put(
        1, PREFIX + "one", '{"name":"one","start":"2025-01-01 10:00","description":"","params":""}'
    )
    session = ws.session_get("one", context=1)
    assert session.env_sources() == session.params_sources() == {}
    session.env_set("A", "1", by="me")
    fields = json.loads(text_of(session))
    assert list(fields)[:4] == ["name", "start", "description", "params"]
    assert session.env_sources()["A"].by == "me"


def test_what_another_program_changed_has_no_source(session: Session) -> None:
    """An older version keeps the notes as they are, and changes the values."""
    session.env_update({"SAME": "1", "OTHER": "1", "GONE": "1"}, by="me")
    run(session)
    fields = json.loads(text_of(session))
    fields["env"] = {"SAME": "1", "OTHER": "2", "ADDED": "1"}
    host = session.context.host
    host.store.put(session.context.id, PREFIX + "one", json.dumps(fields))
    found = session.env_sources()
    assert found.pop("SAME").by == "me"
    assert found == {"OTHER": UNKNOWN, "ADDED": UNKNOWN}
    assert str(UNKNOWN) == "unknown"


@pytest.mark.parametrize("value", [None, 1, [], {"A": "1"}, True])
def test_a_field_of_another_kind_is_passed_over_and_kept(session: Session, value: object) -> None:
    session.env_set("A", "1")
    fields = json.loads(text_of(session)) | {"env_from": value, "params_from": value}
    host = session.context.host
    host.store.put(session.context.id, PREFIX + "one", json.dumps(fields))
    assert session.env_sources() == {"A": UNKNOWN}
    session.description = "changed"
    assert json.loads(text_of(session))["env_from"] == value
    session.env_set("B", "1", by="me")
    assert session.env_sources()["B"].by == "me"
    assert json.loads(text_of(session))["params_from"] == value


def test_damage_of_the_notes_harms_nothing_else(session: Session) -> None:
    seed = random.randrange(10**6)  # noqa: S311  # no secret
    print("seed", seed)
    chance = random.Random(seed)  # noqa: S311  # no secret
    host = session.context.host
    number, key = session.context.id, PREFIX + "one"
    values = {f"K{n}": str(n) for n in range(8)}
    session.env_update(values, by="In[3] Python")
    session.env_delete("K7")
    run(session)
    session.env_set("K6", "x")
    values = session.env_all()
    good = json.loads(text_of(session))
    unharmed = 0
    for n in range(150):
        notes = list(good["env_from"])
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(len(notes))
            notes[at : at + chance.randint(0, 9)] = chance.choices(
                "\t\n-+aK3.\x00\x1b\ud800é:", k=3
            )
        host.store.put(number, key, json.dumps(good | {"env_from": "".join(notes)}))
        found = session.env_sources()
        assert session.env_all() == values
        assert found.keys() >= values.keys()
        assert found.keys() <= values.keys() | {one for one in found if found[one].changed}
        unharmed += all(found[one].by == "In[3] Python" for one in values if one != "K6")
        session.env_set("K0", f"again {n}", by="mended")
        session.env_delete("K1")
        assert session.env_sources()["K0"].by == "mended"
        assert json.loads(text_of(session))["env"]["K2"] == "2"
    assert unharmed < 150, "nothing was damaged"


def test_the_notes_are_bounded(session: Session) -> None:
    for n in range(0, 1500, 100):
        session.env_update({f"K{one}": "x" for one in range(n, n + 100)}, by="long " * 100)
    notes = session.config.env_from
    assert len(notes) <= provenance.MAX_CHARS
    found = session.env_sources()
    assert found["K1499"].by.startswith("long long")
    assert len(found["K1499"].by) <= provenance.MAX_BY
    assert found["K0"] == UNKNOWN
    assert len(session.env_all()) == 1500


def test_old_deletions_are_forgotten(session: Session) -> None:
    for n in range(30):
        session.env_set(f"K{n}", "1")
        run(session)
        session.env_delete(f"K{n}")
    assert session.config.env_from.count("\n") == 1


# -- what is secret


@pytest.fixture
def guarded(local: Place) -> Context:
    ws = local.open()
    return ws.context_new("ctx", secret="correct horse battery")


VALUE = "s3cr3t-v4lue-1234567890"


def test_no_note_holds_a_value(guarded: Context) -> None:
    session = guarded.session_new("one")
    session.env_set("TOKEN", Secret(VALUE), by=f"In[3] with {VALUE}")
    session.params_set({"token": Secret(VALUE)})
    assert VALUE not in text_of(session)
    assert session.env_sources()["TOKEN"].by == "In[3] with ••••••"
    assert not any(VALUE in line for line in session.config.env_from.split("\n"))


def test_sources_survive_encryption_and_a_change_of_keys(guarded: Context) -> None:
    session = guarded.session_new("one")
    session.env_update({"A": VALUE, "B": "other"}, by="me")
    session.params_set({"p": "1"}, by="me")
    guarded.params_set({"c": "1"}, by="me")
    before = session.config.env_from
    run(session)
    session.env_set("B", "changed", by="me")
    for step in (
        lambda: guarded.secrets.encrypt_all(encrypt=True),
        lambda: guarded.secrets.rotate(old="correct horse battery"),
        lambda: guarded.secrets.encrypt_all(encrypt=False),
    ):
        step()
        found = [session.env_sources(), session.params_sources(), guarded.params_sources()]
        assert {one.by for sources in found for one in sources.values()} == {"me"}, step
        assert changed(session) == {"B": "changed"}
    # the check of a clear value must not stay beside the encrypted one
    guarded.secrets.encrypt_all(encrypt=True)
    assert before.split("\t")[1] not in session.config.env_from


def test_the_same_secret_again_is_no_change(guarded: Context) -> None:
    session = guarded.session_new("one")
    session.env_set("TOKEN", Secret(VALUE), by="me")
    session.params_set({"token": Secret(VALUE)}, by="me")
    run(session)
    before = text_of(session)
    session.env_set("TOKEN", Secret(VALUE))
    session.params_set({"token": Secret(VALUE)})
    assert text_of(session) == before
    session.env_set("TOKEN", Secret(f"{VALUE}!"))
    assert changed(session) == {"TOKEN": "changed"}
    guarded.secrets.encrypt_all(encrypt=True)
    session.env_set("PLAIN", VALUE)
    before = text_of(session)
    session.env_set("PLAIN", VALUE)
    assert text_of(session) == before
    session.env_set("PLAIN", Secret(VALUE))
    assert session.env_shown()["PLAIN"].state == "secret"


def test_a_damaged_secret_is_written_anew(guarded: Context) -> None:
    session = guarded.session_new("one")
    session.env_set("TOKEN", Secret(VALUE))
    fields = json.loads(text_of(session))
    fields["env"]["TOKEN"] = fields["env"]["TOKEN"][:-6] + "AAAAAA"
    session.context.host.store.put(guarded.id, PREFIX + "one", json.dumps(fields))
    session.env_set("TOKEN", Secret(VALUE))
    assert session.env_get("TOKEN") == VALUE


def test_what_another_program_changed_is_not_sealed_into_a_source(guarded: Context) -> None:
    session = guarded.session_new("one")
    session.env_set("A", "1", by="me")
    fields = json.loads(text_of(session))
    fields["env"]["A"] = "2"
    session.context.host.store.put(guarded.id, PREFIX + "one", json.dumps(fields))
    guarded.secrets.encrypt_all(encrypt=True)
    assert session.env_sources() == {"A": UNKNOWN}
    assert session.config.env_from == ""


# -- the notes alone


def test_values_that_were_taken_over_whole() -> None:
    """As a copy of a session does it: every value from one place."""
    values = {"A": "1", "B": "2"}
    change = Change("forked from one", str(times.new("2025-01-01 10:00:00")))
    notes = provenance.noted("", {}, values, change)
    assert provenance.sources(notes, values, "77", "me@here") == dict.fromkeys(
        values, Source("forked from one", "2025-01-01 10:00:00")
    )


def test_notes_that_another_program_left_without_an_end_or_twice() -> None:
    """A line more is written on its own, and what is told of a key is its last line."""
    change = Change("x", "2025-01-01 10:00:00")
    lines = provenance.noted("", {}, {"A": "1", "B": "1"}, change)
    for notes in (lines.rstrip("\n"), lines + lines):
        found = provenance.noted(notes, {"A": "1"}, {"A": "2"}, change._replace(by="y"))
        told = provenance.sources(found, {"A": "2", "B": "1"}, "", "")
        assert [told[key].by for key in ("A", "B")] == ["y", "x"]


def test_one_name_is_not_taken_for_the_end_of_another() -> None:
    change = Change("x", "2025-01-01 10:00:00", "5")
    values = {"AB": "1", "B": "1"}
    notes = provenance.noted("", {}, values, change)
    notes = provenance.noted(notes, values, {"AB": "1", "B": "2"}, change._replace(by="y"))
    found = provenance.sources(notes, {"AB": "1", "B": "2"}, "5", "")
    assert [found[key].by for key in ("AB", "B")] == ["x", "y"]
