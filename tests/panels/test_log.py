"""The log's panel: what it says, and what it answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest

import hero_kernel as hero
from hero_kernel import times
from hero_kernel.errors import HeroError, LogError, SessionNotFoundError, UsageError
from magics.panels import log, views


@pytest.fixture
def view(door):
    return views.named(door, "log")


@pytest.fixture
def logger(view):
    return view.session().logger()


def texts(rows):
    return [row["text"] for row in rows]


class TestTail:
    def test_the_newest_and_what_is_written_from_then_on(self, view, logger):
        for number in range(250):
            logger.log(f"{number}")
        state = view.state()
        assert texts(state["rows"]) == [str(number) for number in range(50, 250)]
        assert view.news() == (0, [])
        logger.error("bad\nindeed", cat="net")
        first, rows = view.news()
        assert (first, state["next"]) == (0, 0)
        row = rows[0]
        assert (row["text"], row["cat"], row["error"]) == ("bad\nindeed", "net", True)
        assert view.news() == (1, [])
        assert view.state()["next"] == 1
        assert texts(view.state()["rows"])[-1] == "bad\nindeed"

    def test_nothing_is_told_twice_or_left_out_whoever_writes(self, view):
        state = view.state()
        code = "import hero_kernel as h; log = h.context_get().session_get('notes').logger()\n"
        code += "for n in range(200): log.log(f'{WHO} {n}')"
        writers = [
            subprocess.Popen([sys.executable, "-c", f"WHO = {who}\n{code}"], env=os.environ)
            for who in range(2)
        ]
        seen, numbers = [], []
        while any(one.poll() is None for one in writers):
            first, rows = view.news()
            numbers += range(first, first + len(rows))
            seen += texts(rows)
        seen += texts(view.news()[1])
        assert state["rows"] == []
        assert numbers == list(range(numbers[-1] + 1))
        for who in range(2):
            own = [text for text in seen if text.startswith(f"{who} ")]
            assert own == [f"{who} {n}" for n in range(200)]

    def test_what_is_written_while_the_state_is_read_comes_once(self, view, logger):
        """A state that were read after the follower began would have it twice."""
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                logger.log(str(number))
                number += 1
                time.sleep(0.0002)  # a flood is told from its end: another test

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(30):
                view._tail = None
                state = view.state()
                first, rows = view.news()
                both = state["rows"] + rows[state["next"] - first :]
                assert first <= state["next"]
                numbers = [int(text) for text in texts(both)]
                assert numbers == list(range(numbers[0], numbers[-1] + 1)) if numbers else True
        finally:
            stop.set()
            writer.join()

    def test_a_flood_is_told_from_its_end(self, view, logger):
        view.state()
        now = times.now()
        logger.log_all((str(n), "", "stdout", now) for n in range(log.MOST_NEW + 5))
        first, rows = view.news()
        assert first == 5  # the front end sees that five are missing
        assert len(rows) == log.MOST_NEW

    def test_who_comes_back_late_begins_anew(self, view, logger, monkeypatch):
        mark = view.mark()
        assert view.mark() == mark
        view.state()
        monkeypatch.setattr(log, "FORGOTTEN_S", -1.0)
        assert view.mark() != mark
        monkeypatch.setattr(log, "FORGOTTEN_S", 30.0)
        view.session().logger().log("new")
        first, rows = view.news()
        assert first > 0  # who had the state before sees that something is missing
        assert texts(rows) == ["new"]

    def test_a_long_message_comes_whole_when_asked(self, view, logger):
        logger.log("x" * 5000)
        row = view.state()["rows"][0]
        assert (len(row["text"]), row["long"]) == (log.MAX_TEXT, 5000)
        assert view.asks["whole"](place=row["place"]) == "x" * 5000
        for place in ("", "x", 3, None, row["place"] + "1"):
            with pytest.raises(HeroError):
                view.asks["whole"](place=place)


class TestPages:
    def test_back_to_the_beginning(self, view, logger):
        for number in range(450):
            logger.log(str(number))
        state = view.state()
        one = view.asks["page"](before=state["before"])
        two = view.asks["page"](before=one["before"])
        both = two["rows"] + one["rows"] + state["rows"]
        assert texts(both) == [str(number) for number in range(450)]
        assert two["before"] is None

    def test_what_is_looked_for(self, view, logger):
        logger.log("an Apple", cat="fruit", timestamp=times.new("2025-01-01 10:00:00"))
        logger.error("no apple", cat="fruit", timestamp=times.new("2025-02-01 10:00:00"))
        logger.log("a stone", cat="rock")

        def found(**wanted):
            return texts(view.asks["page"](**wanted)["rows"])

        assert found(text="APPLE") == ["an Apple", "no apple"]
        assert found(cat=" Rock") == ["a stone"]
        assert found(errors=True) == ["no apple"]
        assert found(since="2025-01-15", until="2025-03-01") == ["no apple"]
        assert found(since="-1h") == ["a stone"]
        page = view.asks["page"](cat="My Cat", until="2025-03-01")
        assert (page["cat"], page["since"]) == ("my_cat", None)
        assert page["until"] == times.new("2025-03-01").unix

    @pytest.mark.parametrize(
        "wanted",
        [
            {"before": 3}, {"before": "x"}, {"before": None}, {"text": ["a"]}, {"cat": {}},
            {"cat": "far too long to be one"}, {"errors": "yes"}, {"since": "yesterdayish"},
            {"since": 5}, {"until": ["x"]}, {"since": "2025-02-01", "until": "2025-01-01"},
            {"text": "\ud800"},
        ],
    )  # fmt: skip
    def test_what_cannot_be_looked_for(self, view, logger, wanted):
        logger.log("a")
        with pytest.raises(HeroError) as refused:
            view.asks["page"](**wanted)
        assert "\n" not in str(refused.value)

    def test_files_that_cannot_be_read_are_told(self, view, logger):
        logger.log("a", timestamp=times.new("2025-01-01"))
        (logger.path / "2025-01-01 00.log").rename(logger.path / "2024-01-01 00.log")
        (logger.path / "2025-01-01 00.log").mkdir()
        state = view.state()
        assert texts(state["rows"]) == ["a"] or state["skipped"]
        assert "2025-01-01 00.log" in state["skipped"][0]


class TestWriting:
    def test_an_entry(self, view, logger):
        view.asks["write"](text="hello", cat="Note")
        view.asks["write"](text="oh", cat="", error=True)
        assert [(i.log, i.cat, i.logtype) for i in logger.search()] == [
            ("hello", "note", "stdout"),
            ("oh", "", "error"),
        ]

    @pytest.mark.parametrize(
        "entry",
        [{"text": " \n"}, {"text": 3}, {"text": "a", "cat": "x" * 11}, {"text": "a", "error": 1}],
    )
    def test_what_is_none(self, view, logger, entry):
        with pytest.raises((UsageError, LogError)):
            view.asks["write"](**entry)
        assert logger.search() == []

    def test_a_secret_is_masked(self, door, view):
        door.hide("canary-5f3a9b1c")
        view.asks["write"](text="it is canary-5f3a9b1c")
        assert "canary-5f3a9b1c" not in json.dumps([view.state(), view.news()])


class TestSession:
    def test_another_name_is_followed(self, door, view, logger):
        logger.log("before")
        mark = view.mark()
        door.workspace.selected_session.rename("other")
        assert view.mark() != mark
        assert texts(view.state()["rows"]) == ["before"]
        assert view.state()["session"].endswith(":other")
        view.session().logger().log("after")
        assert texts(view.news()[1]) == ["after"]

    def test_renamed_by_another_kernel_it_is_not_there_any_more(self, view):
        view.state()
        hero.context_get().session_get("notes").rename("other")
        with pytest.raises(SessionNotFoundError):
            view.mark()
        assert view.news() == (0, [])

    def test_one_that_is_gone_says_so_and_one_that_is_back_is_shown(self, door, view, logger):
        view.state()
        context = hero.context_get()
        hero.session_delete("notes", files=True)
        with pytest.raises(UsageError, match="bound to no session"):
            view.mark()
        door.workspace.session_select(context.session_new("notes"))
        view.session().logger().log("new")
        assert texts(view.state()["rows"]) == ["new"]

    def test_the_notebook_s_other_session(self, door, view, logger):
        logger.log("one")
        mark = view.mark()
        door.workspace.session_select(hero.context_get().session_new("two"))
        assert view.mark() != mark
        assert view.state()["rows"] == []
        door.workspace.session_select("notes")
        fixed = views.rebuilt(door, {**view.spec, "session": "notes", "follows": False})
        door.workspace.session_select("two")
        assert texts(fixed.state()["rows"]) == ["one"]


def test_what_stays_in_a_saved_notebook(notebook, door, view, logger):
    assert "nothing is logged yet" in repr(view.still()[0])
    for number in range(50):
        logger.log(f"<b>{number}</b>")
    cell = notebook.run("%hero_panel log")
    bundle = notebook.shell.display_formatter.format(cell.value)[0]
    assert "<b>49</b>" in bundle["text/plain"]
    assert "&lt;b&gt;49&lt;/b&gt;" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert "&lt;b&gt;9&lt;/b&gt;" not in bundle["text/html"]  # the last forty
