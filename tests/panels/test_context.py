"""The panel of a context: what it shows, what can be done in it, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from time import perf_counter

import pytest

import hero_kernel as hero
from hero_kernel import leases, ownership, sessions
from hero_kernel.errors import HeroError
from hero_kernel.sessions import PREFIX, SessionConfig
from magics.panels import views
from magics.panels.context import PAGE

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE record; --",
    "a\x1b[31mred\x00\n\n<b>",
    "﷽ \u202e evil \U0001f600",
)


@pytest.fixture
def elsewhere(notebook):
    """Another program's view of the same home."""
    return hero.open_workspace(default=False)


@pytest.fixture
def holding(elsewhere):
    """Lets another program be on a session."""
    holds = []

    def hold(name, label="/other.ipynb"):
        holds.append(ownership.Hold(elsewhere.session_new(name=name), label))
        return holds[-1]

    yield hold
    for held in holds:
        held.leave(ends=False)


def names(page):
    return [row["name"] for row in page["rows"]]


def row_of(state, name):
    return next(row for row in state["sessions"]["rows"] if row["name"] == name)


class TestWhatItShows:
    def test_where_things_are_and_who_is_on_the_sessions(self, front, elsewhere, holding):
        elsewhere.context_get().params_set({"region": "north"})
        elsewhere.session_new(name="alone")
        holding("shared")
        state = front("context").state
        here = state["context"]
        assert (here["name"], here["id"], here["guid"]) == ("default", 0, "0:default")
        assert here["here"] is True
        assert here["databases"].endswith("hero/db/0")
        assert here["params"] == [{"name": "region", "text": "north", "state": ""}]
        assert names(state["sessions"]) == ["notes", "shared", "alone"]  # here, live, the others
        assert state["sessions"]["live"] == 2
        own, shared = row_of(state, "notes"), row_of(state, "shared")
        assert own["here"]
        assert own["holders"][0]["own"]
        assert own["state"] == "live"
        assert [one["label"] for one in shared["holders"]] == ["/other.ipynb"]
        assert shared["holders"][0]["pid"] == os.getpid()
        assert row_of(state, "alone")["state"] == "open"

    def test_reading_makes_and_binds_nothing(self, unbound):
        door = unbound.shell._hero_extension.door
        view = views.named(door, "context")
        view.mark()
        state = view.state()
        assert (state["context"], state["contexts"]["total"]) == (None, 0)
        assert view.still()
        assert "No" not in view.title
        assert door.workspace.selected_context is None
        assert not list(unbound.folder.glob("hero/**/*"))

    def test_changes_of_others_are_told_once(self, front, elsewhere):
        one = front("context")
        assert one.tell() == {}
        elsewhere.session_new(name="later")
        assert "context" in one.tell()
        assert "later" in names(one.state["sessions"])
        elsewhere.context_new("beside")
        assert names(one.state["contexts"]) == ["default", "beside"]
        assert one.tell() == {}

    def test_a_process_that_is_killed_is_gone_at_once(self, front, notebook):
        code = (
            "import hero_kernel as hero, sys; ws = hero.workspace();"
            "h = ws.session_hold(ws.session_new(name='doomed'), 'a kernel');"
            "print('on', flush=True); sys.stdin.read()"
        )
        one = front("context")
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout.readline() == "on\n"
            assert row_of(one.state, "doomed")["state"] == "live"
            child.kill()
            child.wait()
        assert row_of(one.state, "doomed")["state"] == "killed"
        record = hero.workspace().store.get(0, PREFIX + "doomed")
        assert SessionConfig.read(record, "").end == ""  # looking has written nothing

    def test_a_record_that_cannot_be_read_is_shown_and_deleted(self, front, notebook):
        hero.workspace().store.put(0, PREFIX + "broken", "{")
        one = front("context")
        assert row_of(one.state, "broken")["state"] == "unreadable"
        assert names(one.ask("sessions", text="brok")) == ["broken"]
        assert one.ask("delete", session="broken") is None
        assert "broken" not in names(one.state["sessions"])

    def test_a_switch_in_a_cell_by_python_and_of_the_context_shows(self, front, notebook):
        one = front("context")
        notebook.ask("%hero_session new second")
        assert row_of(one.state, "second")["here"]
        notebook.ask("import hero_kernel as hero\nhero.session_select('notes')")
        assert row_of(one.state, "notes")["here"]
        notebook.ask("%hero_context new lab")
        assert one.part["title"] == "context lab"
        notebook.ask("hero.context_select('default')")  # no session is chosen with it
        assert one.part["title"] == "context default"
        assert not any(row["here"] for row in one.state["sessions"]["rows"])

    def test_a_thousand_sessions_send_a_page_and_stay_quick(self, front, notebook):
        store = hero.workspace().store
        for n in range(1000):
            config = SessionConfig(
                name=f"s{n:04}", start="2025-01-02 03:04:05", description=f"d{n}"
            )
            store.put(0, PREFIX + config.name, config.text())
        one = front("context")
        began = perf_counter()
        state = one.view.state()
        took_s = perf_counter() - began
        assert state["sessions"]["total"] == 1001
        assert len(state["sessions"]["rows"]) == PAGE
        assert names(state["sessions"])[:2] == ["notes", "s0000"]
        assert len(json.dumps(state)) < 30_000
        assert took_s < 0.5  # reading all of them would take longer; some 20 ms are usual
        found = one.ask("sessions", text="D99", sort="session", descending=True)
        assert names(found)[:3] == ["s0999", "s0998", "s0997"]
        assert found["total"] == 11
        page = one.ask("sessions", count=80)
        assert (len(page["rows"]), page["total"]) == (80, 1001)
        assert names(page)[:PAGE] == names(state["sessions"])

    def test_sorting_and_choosing(self, front, elsewhere, holding):
        elsewhere.session_new(name="ended").close()
        big = elsewhere.session_new(name="big")
        big.logger().log("x" * 5000)
        holding("shared", label="<b>who</b>")
        one = front("context")
        assert names(one.ask("sessions", state="ended")) == ["ended"]
        assert names(one.ask("sessions", sort="size", descending=True))[0] == "big"
        assert names(one.ask("sessions", sort="state"))[-1] == "ended"
        assert names(one.ask("sessions", text="<B>WHO")) == ["shared"]
        assert names(one.ask("sessions", text="nothing")) == []


class TestActs:
    def test_the_lines_that_bind_are_for_the_kernel(self, front, notebook, elsewhere):
        lab = elsewhere.context_new("lab")
        elsewhere.session_new(name="other")
        one = front("context")
        line = one.ask("use", session="other")
        assert line == "%hero_session use other"
        notebook.ask(line)
        assert row_of(one.state, "other")["here"]
        line = one.ask("new_context", name="My Lab 2")
        assert line == "%hero_context new my_lab_2"
        assert one.ask("use_context", context=lab.id) == "%hero_context use lab"
        line = one.ask("use", session="notes", way="fork", new="copied")
        assert line == "%hero_session use notes --fork --as copied"
        notebook.ask(line)
        assert row_of(one.state, "copied")["here"]
        notebook.ask(one.ask("new", name=""))
        assert hero.session().start
        fixed = front("context", lab)
        elsewhere.session_new(context=lab, name="inside")
        line = fixed.ask("use", session="inside", way="takeover")
        assert line == "%hero_context use lab -s inside --takeover"
        notebook.ask(line)
        assert hero.session().guid == "1:lab:inside"
        assert front("context").state["context"]["name"] == "lab"

    def test_what_does_not_bind_is_done_at_once(self, front, elsewhere, tmp_path):
        other = elsewhere.session_new(name="other")
        one = front("context")
        assert one.ask("describe", session="other", text="<i>all</i>", was="") is None
        assert other.description == "<i>all</i>"
        assert one.ask("rename", session="other", name="Better Name") is None
        assert "better_name" in names(one.state["sessions"])
        assert one.ask("end", session="better_name") is None
        assert row_of(one.state, "better_name")["state"] == "ended"
        assert one.ask("delete", session="better_name") is None
        assert names(one.state["sessions"]) == ["notes"]
        assert one.ask("configure", coderoot=str(tmp_path / "src"), was="") is None
        assert one.state["context"]["code root"] == str(tmp_path / "src")
        assert one.ask("interact_context", on=True) is None
        assert one.state["context"]["interactive"] is True

    def test_what_is_the_notebooks_own_goes_through_the_kernel(self, front, notebook):
        one = front("context")
        notebook.ask(one.ask("rename", session="notes", name="chapter"))
        assert row_of(one.state, "chapter")["here"]
        notebook.ask(one.ask("end", session="chapter"))
        assert hero.session().end
        line = one.ask("delete", session="chapter")
        assert line == "%hero_session rm chapter --files --db --yes"
        notebook.ask(line)
        assert names(one.state["sessions"]) == []
        assert one.state["context"]["name"] == "default"

    def test_contexts_are_renamed_and_deleted(self, front, notebook, elsewhere):
        lab = elsewhere.context_new("lab")
        elsewhere.session_new(context=lab, name="inside")
        one = front("context")
        assert one.ask("rename_context", context=lab.id, name="Bench") is None
        assert names(one.state["contexts"]) == ["default", "bench"]
        assert "type it again" in one.refused("delete_context", context=lab.id, typed="lab")
        line = one.ask("delete_context", context=lab.id, typed="bench")
        assert line == "%hero_context rm bench --files --db --yes"
        notebook.ask(line)
        assert names(one.state["contexts"]) == ["default"]

    def test_the_notebooks_context_goes_and_the_panel_recovers(self, front, notebook):
        notebook.ask("%hero_context new lab")
        notebook.ask("%hero_session new inside")
        one = front("context")
        notebook.ask(one.ask("rename_context", context=1, name="bench"))
        assert one.part["title"] == "context bench"
        notebook.ask(one.ask("delete_context", context=1, typed="bench"))
        assert one.state["context"] is None
        assert names(one.state["contexts"]) == ["default"]
        notebook.ask(one.ask("use_context", context=0))
        assert one.part["title"] == "context default"

    def test_one_that_others_delete_is_told_and_the_others_shown(self, front, notebook, elsewhere):
        notebook.ask("%hero_context new lab")
        one = front("context")
        elsewhere.context_delete("lab")
        state = one.state
        assert "no longer in" in state["fault"]["message"]
        assert names(state["contexts"]) == ["default"]
        fixed = front("context", hero.context())
        assert "no longer in" in fixed.part["error"]["message"]
        elsewhere.context_new("lab", id=1)
        assert one.state["context"]["name"] == "lab"
        assert fixed.state["context"]["name"] == "lab"

    def test_a_name_that_looks_like_an_id_is_not_taken_for_one(self, front, notebook, elsewhere):
        seven = elsewhere.context_new("7", id=3)
        elsewhere.context_new("other", id=7)
        one = front("context")
        notebook.ask(one.ask("use_context", context=seven.id))
        assert hero.context().id == 3

    def test_others_on_a_session_are_not_passed_over(self, front, notebook, elsewhere, holding):
        lab = elsewhere.context_new("lab")
        held = ownership.Hold(elsewhere.session_new(context=lab, name="inside"), "/lab.ipynb")
        holding("shared")
        one = front("context")
        for name in ("end", "delete"):
            assert "is on it" in one.refused(name, session="shared")
        assert "is on it" in one.refused("rename", session="shared", name="stolen")
        assert "/lab.ipynb" in one.refused("delete_context", context=lab.id, typed="lab")
        held.leave(ends=False)
        assert one.ask("delete", session="shared", takeover=True) is None
        assert names(one.state["sessions"]) == ["notes"]

    def test_an_edit_says_what_it_was_based_on(self, front, elsewhere, tmp_path):
        other = elsewhere.session_new(name="other")
        one = front("context")
        other.description = "theirs"
        said = one.refused("describe", session="other", text="mine", was="")
        assert "changed meanwhile, to theirs" in said
        assert other.description == "theirs"
        elsewhere.context_get().configure(coderoot=str(tmp_path))
        assert "changed meanwhile" in one.refused("configure", coderoot="/elsewhere", was="")
        assert one.state["context"]["code root"] == str(tmp_path)

    def test_export_tells_a_file_that_is_there(self, front, notebook, elsewhere, tmp_path):
        elsewhere.session_new(name="other").env_set("A", "1")
        one, file = front("context"), tmp_path / "other.zip"
        said = one.ask("export", session="other", file=str(file), runs=True)["said"]
        assert said.startswith(f"{file}: 1 env, ")
        size = file.stat().st_size
        file.write_bytes(b"mine")
        assert one.ask("export", session="other", file=str(file)) == {"there": str(file)}
        assert file.read_bytes() == b"mine"
        one.ask("export", session="other", file=str(file), replace=True)
        assert abs(file.stat().st_size - size) < 200
        assert "no folder" in one.refused("export", session="other", file="/not/there/x.zip")


WRONG = [
    ("use", {"session": 3}),
    ("use", {"session": "not_there"}),
    ("use", {"session": "notes", "way": "steal"}),
    ("use", {"session": "notes", "way": "fork", "new": "../../up"}),
    ("use", {"session": "notes", "way": "fork", "new": "notes"}),
    ("use", {}),
    ("use", {"session": "notes", "more": 1}),
    ("new", {"name": "notes"}),
    ("new", {"name": "a\nb"}),
    ("new", {"name": ["x"]}),
    ("rename", {"session": "notes", "name": ""}),
    ("rename", {"session": "notes", "name": "latest"}),
    ("rename", {"session": "notes", "name": "new_one", "takeover": "yes"}),
    ("delete", {"session": "../notes"}),
    ("delete", {"session": "notes", "takeover": 1}),
    ("describe", {"session": "notes", "text": "\ud800", "was": ""}),
    ("describe", {"session": "notes", "text": None, "was": ""}),
    ("export", {"session": "notes", "file": ""}),
    ("export", {"session": "notes", "file": "a\0b"}),
    ("configure", {"coderoot": 1, "was": ""}),
    ("interact_context", {"on": "false"}),
    ("use_context", {"context": "0"}),
    ("use_context", {"context": True}),
    ("use_context", {"context": 99}),
    ("new_context", {"name": "default"}),
    ("new_context", {"name": "--yes"}),
    ("rename_context", {"context": 0, "name": "mine"}),
    ("rename_context", {"context": -1, "name": "mine"}),
    ("delete_context", {"context": 0, "typed": "default"}),
    ("sessions", {"sort": "colour"}),
    ("sessions", {"state": ["live"]}),
    ("sessions", {"count": 1e9}),
    ("contexts", {"count": -1}),
    ("reset", {}),
    ("__class__", {}),
]


def test_what_is_wrong_is_one_line_and_changes_nothing(front, notebook):
    one = front("context")
    store = hero.workspace().store
    before = {key: store.get(0, key) for key in store.scan(0) if ":lease:" not in key}
    for name, given in WRONG:
        one.refused(name, **given)
    assert {key: store.get(0, key) for key in store.scan(0) if ":lease:" not in key} == before


def test_what_others_wrote_is_text(front, notebook, elsewhere):
    for at, text in enumerate(HOSTILE):
        session = elsewhere.session_new(name=f"hostile{at}")
        session.description = text
        elsewhere.context_get().params_set({f"p{at}": text.replace("\x00", "")})
    one = front("context")
    told = [row["description"] for row in one.state["sessions"]["rows"]]
    assert set(HOSTILE) <= set(told)
    bundle = notebook.shell._hero_extension._panel(views_shown(one.view))
    for form in ("text/html", "text/plain"):
        assert "<script" not in bundle["text/html"]
        assert "<img" not in bundle["text/html"]
        assert "\x1b" not in bundle[form]


def views_shown(view):
    from magics.panels.display import Panels  # noqa: PLC0415  # one test's

    return Panels((view,))


def test_no_secret_is_told(front, notebook, elsewhere):
    secret = hero.Secret("canary-4711-value")
    context = hero.context()
    context.secret_set("a long passphrase")
    context.params_set({"token": secret})
    hero.session().env_set("TOKEN", secret)
    one = front("context")
    assert one.state["context"]["secret"] == "unlocked"
    told = json.dumps([one.state, one.ask("sessions"), [repr(part) for part in one.view.still()]])
    assert "canary-4711" not in told
    assert "a long passphrase" not in told
    context.secret_lock()
    assert one.state["context"]["secret"] == "locked"


def test_many_writers_lose_nothing(front, elsewhere, notebook):
    one = front("context")
    failed = []

    def work(number):
        for n in range(8):
            session = elsewhere.session_new(name=f"w{number}_{n}")
            try:
                one.view.asks["describe"](session=session.name, text=f"{number} {n}", was="")
            except HeroError as error:
                failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        one.view.state()
        one.view.mark()
    assert failed == []
    kept = {one.name: one.description for one in elsewhere.sessions_list()}
    assert all(kept[f"w{i}_{n}"] == f"{i} {n}" for i in range(4) for n in range(8))


def test_a_new_kernel_finds_it_again(front, notebook, door, elsewhere):
    lab = elsewhere.context_new("lab")
    fixed = views.rebuilt(door, through_json(front("context", lab).view.spec))
    follows = views.rebuilt(door, through_json(front("context").view.spec))
    assert (fixed.title, follows.title) == ("context lab", "context default")
    notebook.ask("%hero_context lab")
    assert (fixed.title, follows.title) == ("context lab", "context lab")
    notebook.ask("%hero_context default")
    elsewhere.context_delete("lab")
    with pytest.raises(hero.errors.ContextNotFoundError):
        views.rebuilt(door, {"kind": "context", "id": lab.id})
    for spec in ({"id": "lab"}, {"id": None}, {}):
        with pytest.raises(hero.errors.HeroError):
            views.rebuilt(door, {"kind": "context", **spec})


def through_json(spec):
    return json.loads(json.dumps(spec))


def test_the_store_is_away_and_comes_back(front, notebook, monkeypatch):
    one = front("context")
    store = hero.workspace().store

    def away(*_):
        raise hero.errors.StoreUnavailableError("nobody answers", hint="start it")

    with monkeypatch.context() as patch:
        for name in ("revision", "get", "scan", "numbers"):
            patch.setattr(store, name, away)
        assert one.part["error"]["message"] == "nobody answers"
    assert one.state["context"]["name"] == "default"


def test_leases_are_not_taken_for_sessions(front, holding):
    holding("shared")
    one = front("context")
    keys = hero.workspace().store.scan(0, leases.PREFIX)
    assert keys
    assert names(one.ask("sessions")) == [one.name for one in sessions.every(hero.context())]


def test_records_in_redis(on_redis):
    on_redis.ask("%hero")
    other = hero.open_workspace(default=False)
    door = on_redis.shell._hero_extension.door
    view = views.named(door, "context")
    state, before = view.state(), view.mark()
    assert names(state["sessions"]) == ["notes"]
    assert view.mark() == before
    other.session_new(name="later")
    assert view.mark() != before
    assert names(view.state()["sessions"]) == ["notes", "later"]
    before = view.mark()
    other.context_new("beside")
    assert view.mark() != before
    assert names(view.state()["contexts"]) == ["default", "beside"]
    on_redis.ask(view.asks["use"](session="later"))
    assert views.named(door, "session").state()["name"] == "later"
    other.store.close()
