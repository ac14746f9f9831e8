"""The panel of a session: what it shows, its runs, and sessions and contexts as values."""

from __future__ import annotations

import json
import os

import pytest

import hero_kernel as hero
from hero_kernel import ownership
from magics.panels import views


@pytest.fixture
def elsewhere(notebook):
    """Another program's view of the same home."""
    return hero.open_workspace(default=False)


@pytest.fixture
def session(elsewhere, door):
    """The notebook's session, as the other program sees it."""
    return elsewhere.session_get("notes")


class TestWhatItShows:
    def test_what_it_holds_and_how_it_was_bound(self, front, session, notebook):
        one = front("session")
        state = one.state
        assert state["decided"]["session"] == "HERO_SESSION in the environment"
        assert (state["name"], state["context"], state["guid"]) == (
            "notes", "default", "0:default:notes",
        )  # fmt: skip
        assert [holder["own"] for holder in state["holders"]] == [True]
        empty = ("env", "params", "log", "runs")
        assert [state[name] for name in empty] == [0, 0, 0, 0]
        assert state["entries"] is None
        session.env_update({"A": "1", "B": "2"})
        session.params_set({"p": "x"})
        session.db_get()["key"] = "value"
        session.logger().log("hello")
        notebook.run("!!play.echo content:'<b>hi</b>'")
        state = one.state
        assert [state[name] for name in ("env", "params", "entries", "runs")] == [2, 1, 1, 1]
        assert state["log"] > 10
        assert state["last"][0]["said"] == "ok: 1 ok"
        lines = one.ask("why")
        assert "session: HERO_SESSION in the environment" in lines
        assert f"records: {hero.workspace().store.address}" in lines

    def test_reading_makes_nothing(self, notebook):
        door = notebook.shell._hero_extension.door
        view = views.named(door, "session")
        with pytest.raises(hero.errors.UsageError, match="bound to no session"):
            view.state()
        assert not list(notebook.folder.glob("hero/**/*"))
        notebook.ask("%hero")
        before = sorted(notebook.folder.glob("hero/**/*"))
        view.mark()
        view.state()
        view.still()
        assert sorted(notebook.folder.glob("hero/**/*")) == before

    def test_each_change_of_others_shows(self, front, session):
        one = front("session")
        changes = [
            lambda: session.env_set("A", "1"),
            lambda: setattr(session, "description", "theirs"),
            lambda: session.db_get().set("k", 1),
            lambda: session.logger().log("one more"),
            session.run,
            lambda: ownership.Hold(session, "/other.ipynb").leave(ends=False),
        ]
        shown = [one.tell() != {} for change in changes if change() or True]
        # a run of nothing is not kept, and who came and went is not there any more
        assert shown[:4] == [True, True, True, True]
        assert one.tell() == {}

    def test_who_takes_it_over_is_told(self, front, session, notebook, door):
        one = front("session")
        other = ownership.Hold(session, "/other.ipynb", takeover=True)
        state = one.state
        assert state["taken_by"].startswith("/other.ipynb (pid ")
        assert [holder["own"] for holder in state["holders"]] == [False]
        with_them = one.ask("use", session="notes", way="share")
        assert with_them == "%hero_session use notes --share"
        door.hold._next_look_s = 0.0  # as a second later
        notebook.ask(with_them)
        state = one.state
        assert (state["taken_by"], len(state["holders"])) == ("", 2)
        other.leave(ends=False)
        assert len(one.state["holders"]) == 1

    def test_a_report_opens_as_text(self, front, session, notebook):
        notebook.run("!!play.echo content:'<b>hi</b>'\n!!session.env_delete key:NOPE")
        notebook.run("!!play.echo content:again")
        one = front("session")
        last = one.state["last"]
        assert [run["ended"] for run in last] == ["ok", "failed"]
        told = one.ask("run", run=last[1]["run"])
        assert "<b>hi</b>" in told["text"]
        assert "NOPE is not set" in told["text"]
        assert told["cut"] is False
        assert "there is no run" in one.refused("run", run="2020")
        assert "no run" in one.refused("run", run="")
        assert "no text" in one.refused("run", run=None)

    def test_only_the_last_runs_are_listed_and_read_once(
        self, front, session, notebook, monkeypatch
    ):
        for n in range(12):
            notebook.run(f"!!play.echo content:{n}")
        one = front("session")
        assert one.state["runs"] == 12
        assert len(one.state["last"]) == 10
        notebook.run("!!play.echo content:more")
        assert one.state["runs"] == 13
        with monkeypatch.context() as patch:
            patch.setattr(type(session), "run_list", None)
            session.env_set("A", "1")
            assert (one.state["env"], one.state["runs"]) == (1, 13)


class TestActs:
    def test_reset_and_end_go_through_the_kernel(self, front, session, notebook):
        session.env_set("A", "1")
        one = front("session")
        line = one.ask("reset", session="notes")
        assert line == "%hero_session reset --yes"
        notebook.ask(line)
        assert one.state["env"] == 0
        notebook.ask(one.ask("end", session="notes"))
        assert session.config.end
        assert one.ask("interact", session="notes", on=False) is None
        assert one.state["interactive"] is False
        assert "neither yes nor no" in one.refused("interact", session="notes", on=0)

    def test_only_the_notebooks_own_is_reset(self, front, elsewhere):
        other = elsewhere.session_new(name="other")
        other.env_set("A", "1")
        one = front("session", other)
        assert one.state["here"] is False
        assert "decided" in one.state
        assert one.state["decided"] == {}
        assert one.ask("why") == []
        assert "is not on session other" in one.refused("reset", session="other")
        assert other.env_all() == {"A": "1"}

    def test_deleted_and_renamed_under_it(self, front, session, notebook, elsewhere):
        one = front("session")
        elsewhere.session_delete("notes")
        assert "is no longer in" in one.part["error"]["message"]
        elsewhere.session_new("default", "notes")
        assert one.state["name"] == "notes"
        notebook.ask(one.ask("rename", session="notes", name="chapter"))
        assert one.part["title"] == "session chapter of context default"
        notebook.ask(one.ask("delete", session="chapter"))
        assert one.part["error"]["message"] == "the notebook is bound to no session"
        notebook.ask("%hero_session new again")
        assert one.state["name"] == "again"

    def test_its_context_is_renamed_under_it(self, front, notebook, elsewhere):
        notebook.ask("%hero_context new lab -s inside")
        notebook.run("!!play.echo content:hi")
        one = front("session")
        elsewhere.context_get("lab").rename("bench")
        assert one.part["title"] == "session inside of context bench"
        assert (one.state["context"], one.state["runs"]) == ("bench", 1)
        notebook.run("!!play.echo content:again")
        assert one.state["runs"] == 2

    def test_a_locked_database_is_not_renamed_behind_a_prompt(self, front, elsewhere, notebook):
        context = hero.context()
        context.secret_set("a long passphrase", encrypt=True)
        other = hero.session_new(name="other")
        hero.session_select("notes")
        other.db_get()["key"] = "value"
        context.secret_lock()
        one = front("session", other)
        said = one.refused("rename", session="other", name="renamed")
        assert "locked" in said
        assert "%hero_secret unlock" in said
        assert hero.session_exists("other")


class TestValues:
    def test_a_terminal_shows_the_short_text(self, notebook):
        cell = notebook.run("import hero_kernel as hero\nhero.session()")
        shown = notebook.shell.display_formatter.format(cell.value)[0]
        assert shown["text/plain"] == "<Session 0:default:notes>"
        shown = notebook.shell.display_formatter.format(cell.value.context)[0]
        assert shown == {"text/plain": "<Context 0:default>"}

    def test_a_front_end_gets_the_text_with_its_rows(self, door, session, monkeypatch):
        session.description = "<i>first</i>"
        format_ = door.shell.display_formatter.format
        with monkeypatch.context() as patch:  # as in a kernel that nobody looks at
            patch.setattr(type(door), "is_live", property(lambda _: False))
            patch.setattr(door.shell, "kernel", object(), raising=False)
            shown, of_context = (format_(one)[0] for one in (hero.session(), session.context))
        first, title, *rows = shown["text/plain"].split("\n")
        assert first == "<Session 0:default:notes>"
        assert "session notes" in [title, *rows]
        assert "&lt;i&gt;first" in shown["text/html"]
        assert "<i>first" not in shown["text/html"]
        assert of_context["text/plain"].startswith("<Context 0:default>\n")
        assert "notes" in of_context["text/plain"]

    def test_docs_mode_says_nothing_of_this_moment(self, notebook, door, session):
        notebook.ask("%hero_context use --docs -s notes")
        notebook.run("!!play.echo content:hi")
        hero.session_new(name="another_session")
        hero.session_select("notes")
        for kind in ("session", "context"):
            parts = views.named(door, kind).still()
            text = "\n".join(door.shown(part)["text/plain"] for part in parts)
            for volatile in (
                str(os.getpid()),
                "20",
                "0:default",
                "another_session",
                str(notebook.folder),
            ):
                assert volatile not in text, text

    def test_no_secret_is_told(self, front, session):
        context = hero.context()
        context.secret_set("a long passphrase")
        hero.session().env_set("TOKEN", hero.Secret("canary-4711-value"))
        hero.session().db_get()["k"] = hero.Secret("canary-4711-value")
        one = front("session")
        told = json.dumps([one.state, one.ask("why"), [repr(part) for part in one.view.still()]])
        assert "canary-4711" not in told
        assert one.state["env"] == 1

    def test_a_secret_in_a_description_is_not_written_over_unseen(self, front, session):
        redactor = hero.workspace().redactor
        redactor.add("canary-4711-value")
        session.description = "uses canary-4711-value"
        one = front("session")
        masked = redactor.mask(session.description)  # as the kernel lets it out
        said = one.refused("describe", session="notes", text=f"{masked}!", was=masked)
        assert "holds a secret" in said
        assert "canary" not in one.refused("describe", session="notes", text="x", was="y")
        assert session.description == "uses canary-4711-value"


def test_a_new_kernel_finds_it_again_and_follows(front, door, notebook, elsewhere):
    spec = json.loads(json.dumps(front("session").view.spec))
    other = elsewhere.session_new(name="other")
    fixed = json.loads(json.dumps(front("session", other).view.spec))
    notebook.ask("%hero_session new second")
    assert views.rebuilt(door, spec).title == "session second of context default"
    assert views.rebuilt(door, fixed).title == "session other of context default"
    door.workspace._session = None  # as in a kernel that is not bound yet
    assert views.rebuilt(door, spec).title == "session notes of context default"
    elsewhere.session_delete("notes")
    with pytest.raises(hero.errors.UsageError, match="bound to no session"):
        views.rebuilt(door, spec).state()
