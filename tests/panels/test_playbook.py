"""The playbook's panel: what waits, what runs, what was run."""

from __future__ import annotations

import json
import threading

import pytest

import hero_kernel as hero
from hero_kernel.errors import ActionError, HeroError, PlaybookError, UsageError
from hero_kernel.secret import MASK
from magics.panels import playbook, views

QUEUE = """//why
!!t.do n:a
!!no.body x:1
!!t.do n:b token:canary-77aa55ee
!!play.echo content:'<b>end</b>'"""


@pytest.fixture
def broken(door):
    """What `t.do` fails at."""
    broken = set()

    @hero.action("t.do")
    def do(*, n: str, token: hero.Secret | None = None) -> str:
        if n in broken:
            raise ActionError(f"no {n}")
        return f"did {n}"

    return broken


@pytest.fixture
def session(door, broken):
    session = door.workspace.selected_session
    session.playbook_add(text=QUEUE)
    return session


@pytest.fixture
def view(door, session):
    return views.named(door, "playbook")


def statuses(view):
    return [row["status"] for row in view.state()["queue"]["rows"]]


def line(view, **given):
    return view.asks["ask_run"](**given)


class TestQueue:
    def test_what_waits(self, view, session):
        queue = view.state()["queue"]
        assert statuses(view) == ["waiting", "no handler", "waiting", "waiting"]
        assert [row["action"] for row in queue["rows"]] == [
            "t.do",
            "no.body",
            "t.do",
            "play.echo",
        ]
        assert queue["rows"][3]["params"] == [["content", "<b>end</b>"]]
        assert [row["alone"] for row in queue["rows"]] == [False, True, False, True]
        assert queue["rows"][0]["place"] == "<text>:2:1"
        assert view.state()["run"] is None
        session.playbook_priorities_add({5: "play.*"})
        first = view.state()["queue"]["rows"][0]
        assert (first["n"], first["action"]) == (1, "play.echo")

    def test_no_secret_is_in_it(self, view):
        rows = view.state()["queue"]["rows"]
        assert rows[2]["params"] == [["n", "b"], ["token", MASK]]
        details = view.asks["action"](number=rows[2]["id"], was=rows[2]["was"])
        assert view.asks["page"](text="canary")["found"] == 0
        assert "canary" not in json.dumps([view.state(), details])
        assert "canary" not in repr(view.still())

    def test_what_is_behind_an_action(self, view):
        row = view.state()["queue"]["rows"][0]
        details = view.asks["action"](number=row["id"], was=row["was"])
        assert details["comments"] == "why"
        assert details["params"] == [["n", "a"]]
        assert details["texts"] == {}

    def test_many_come_by_pages(self, view, session):
        session.playbook_add(text="\n".join(f"!!later.n{n}" for n in range(5000)))
        assert len(json.dumps(view.state())) < 100_000
        page = view.asks["page"](start=5000)
        assert page["rows"][-1]["action"] == "later.n4999"
        assert view.asks["page"](text="later.n42")["found"] == 111

    def test_every_change_has_another_mark(self, view, session, broken):
        marks = {view.mark()}
        session.playbook_add(text="!!one.more")
        marks.add(view.mark())

        @hero.action("one.more")
        def more() -> None:
            """Nothing."""

        marks.add(view.mark())
        session.plbook.get("one.more").done = True
        marks.add(view.mark())
        session.run()
        marks.add(view.mark())
        hero.play("!!play.echo content:x")
        marks.add(view.mark())
        assert len(marks) == 6
        assert view.mark() in marks

    def test_text_that_is_no_heroscript_is_told_in_its_row(self, view, session):
        book = hero.Playbook.from_text("!!t.do n:'open", lazy=True)
        session.plbook.add(actions=book.actions)
        row = view.state()["queue"]["rows"][-1]
        assert row["params"][0][1].startswith("cannot be read")
        view.asks["remove"](number=row["id"], was=row["was"])


class TestRunning:
    def test_the_lines_are_the_magics(self, notebook, view, session, broken):
        assert line(view, how="dry run") == "%heroscript --queued --dry-run"
        assert line(view, how="run", only="play.echo") == "%heroscript --queued --only play.echo"
        assert notebook.run(line(view, how="run", only="play.echo")).ok
        assert statuses(view) == ["waiting", "no handler", "waiting", "ok"]
        broken.add("b")
        assert notebook.run(line(view, how="run")).ename == "RunError"
        assert statuses(view) == ["ok", "no handler", "failed", "done"]
        state = view.state()["run"]
        assert state["left"]
        assert state["head"]["ended"] == "failed"
        broken.clear()
        assert notebook.run(view.asks["ask_retry"]()).ok
        assert statuses(view)[2] == "ok"
        assert not view.state()["run"]["left"]

    def test_a_dry_run_is_told_and_changes_nothing(self, notebook, view):
        assert notebook.run(line(view, how="dry run")).ok
        queue = view.state()["queue"]
        assert [row["status"] for row in queue["rows"]] == [
            "waiting",
            "no handler",
            "waiting",
            "waiting",
        ]
        assert queue["rows"][0]["said"] == "would run"
        assert "dry run" in view.state()["run"]["head"]["summary"]
        assert view.state()["kept"] == ""

    def test_while_it_runs(self, notebook, view, session):
        seen, go_on = [], threading.Event()

        @hero.action("t.slow")
        def slow(session: hero.Session) -> None:
            session.progress("half-way", 0.5)
            looking.start()
            go_on.wait(10)

        def look():
            seen.append((view.mark(), view.state(), view.asks["run_page"](run="")))
            row = view.state()["queue"]["rows"][0]
            with pytest.raises(PlaybookError, match="is being carried out"):
                view.asks["remove"](number=row["id"], was=row["was"])
            go_on.set()

        looking = threading.Thread(target=look)
        session.playbook_add(text="!!t.slow\n!!t.do n:c")
        before = view.mark()
        assert notebook.run("%heroscript --queued").ok
        looking.join()
        mark, state, page = seen[0]
        assert mark != before != view.mark()
        assert [row["status"] for row in state["queue"]["rows"]][3:] == ["ok", "running", "waiting"]
        assert state["run"]["progress"] == {
            "number": 5, "total": 6, "action": "t.slow", "said": "half-way", "fraction": 0.5,
        }  # fmt: skip
        assert [row["status"] for row in page["rows"]] == [
            "ok", "pending", "ok", "ok", "running", "waiting",
        ]  # fmt: skip
        assert view.state()["run"]["progress"] is None

    def test_a_cell_s_run_is_shown_and_is_not_the_queue(self, notebook, view):
        notebook.run("!!play.echo content:x")
        run = view.state()["run"]
        assert run["head"]["source"] == "In[2]"
        assert [row["said"] for row in run["page"]["rows"]] == ["x"]
        assert statuses(view)[0] == "waiting"

    def test_another_session_s_run_is_not_shown(self, door, notebook, view):
        other = hero.context_get().session_new("other")
        hero.play("!!play.echo content:x", session=other)
        assert view.state()["run"] is None

    @pytest.mark.parametrize(
        "given",
        [
            {"how": "now"},
            {"how": ["run"]},
            {"how": "run", "only": 3},
            {"how": "run", "only": "a\nb"},
        ],
    )
    def test_what_cannot_be_asked(self, view, given):
        with pytest.raises(UsageError):
            line(view, **given)

    def test_words_stay_words(self, view):
        assert line(view, how="run", only="a; --retry") == (
            "%heroscript --queued --only 'a; --retry'"
        )


class TestSession:
    def test_found_again_it_shows_the_notebook_s_own_queue(self, door, view):
        """Another object of the session would have an empty one."""
        again = views.rebuilt(door, view.spec)
        assert again.state() == view.state()
        assert again.state()["queue"]["total"] == 4

    def test_what_the_line_would_not_run_is_refused(self, door, view):
        fixed = views.rebuilt(door, {**view.spec, "follows": False})
        door.workspace.session_select(hero.context_get().session_new("other"))
        for ask in (lambda: line(fixed, how="run"), fixed.asks["ask_retry"]):
            with pytest.raises(UsageError, match="the notebook is not on session notes"):
                ask()
        assert view.state()["queue"]["total"] == 0  # it follows the notebook


class TestRemoving:
    def test_one_and_put_back(self, view, session):
        row = view.state()["queue"]["rows"][1]
        view.asks["remove"](number=row["id"], was=row["was"])
        assert len(statuses(view)) == 3
        assert view.state()["undo"]
        with pytest.raises(PlaybookError, match="is not in the queue any more"):
            view.asks["remove"](number=row["id"], was=row["was"])
        view.asks["undo"]()
        assert [one.full_name for one in session.plbook.actions][1] == "no.body"
        assert not view.state()["undo"]
        with pytest.raises(UsageError, match="nothing to put back"):
            view.asks["undo"]()

    def test_another_one_of_that_number_stays(self, view, session):
        """A kernel that was restarted counts from 1 again."""
        row = view.state()["queue"]["rows"][0]
        for was in ("", None, 3, view.state()["queue"]["rows"][1]["was"]):
            with pytest.raises(PlaybookError):
                view.asks["remove"](number=row["id"], was=was)
        for number in ("1", None, -1, 99):
            with pytest.raises(HeroError):
                view.asks["remove"](number=number, was=row["was"])
        assert len(session.plbook) == 4


class TestRuns:
    def test_kept_ones_open(self, notebook, view):
        notebook.run("!!play.echo content:one")
        notebook.run("!!play.echo content:two")
        heads = view.asks["runs"]()
        assert [head["source"] for head in heads] == ["In[3]", "In[2]"]
        opened = view.asks["run_head"](run=heads[1]["run"])
        assert opened["page"]["rows"][0]["said"] == "one"
        assert view.asks["run_row"](run=heads[1]["run"], n=0)["texts"]["result"] == "one"
        assert "one" in view.asks["run_text"](run=heads[1]["run"])
        for wrong in ("nosuch", 3, None, "../x"):
            with pytest.raises(HeroError):
                view.asks["run_head"](run=wrong)

    def test_the_last_one_of_a_kernel_before(self, notebook, door, view):
        notebook.run("!!play.echo content:one")
        door.workspace.running.underway = None
        run = view.state()["run"]
        assert run["page"]["rows"][0]["said"] == "one"


def test_what_stays_in_a_saved_notebook(notebook, view, session):
    notebook.run("%heroscript --queued")
    bundle = notebook.shell.display_formatter.format(notebook.ask("%hero_panel playbook"))[0]
    text = bundle["text/plain"]
    assert "t.do" in text
    assert "last run: 3 ok, 1 pending" in text
    assert "&lt;b&gt;end&lt;/b&gt;" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert "canary" not in str(bundle)
    session.playbook_add(text="\n".join(f"!!later.n{n}" for n in range(100)))
    table = view.still()[0]
    assert len(table.rows) == playbook.STILL
    assert table.total == 104
