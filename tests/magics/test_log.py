"""`%hero_log`: what is in the session's log, what is written to it, and what comes meanwhile."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import run
from threading import Timer

import pytest

import hero_kernel as hero
from hero_kernel import times
from hero_kernel.secret import MASK
from magics import log as room


def rows(notebook, line):
    """What a line shows, from its JSON."""
    return notebook.ask(line).to_dict()["rows"]


def test_it_is_empty_at_first_and_showing_writes_nothing(notebook):
    assert "nothing is logged yet" in notebook.run("%hero_log").said
    folder = notebook.ask("%hero_log path")
    assert isinstance(folder, Path)
    assert not folder.exists()


def test_log_and_show(notebook, session):
    said = notebook.run("%hero_log log something  'has happened' --cat Build").said
    assert said.endswith("[INFO] [build] something has happened")
    assert notebook.run("%hero_log log it failed --error").said.endswith("[ERROR] it failed")
    session.logger().log("first\nsecond")
    shown = rows(notebook, "%hero_log")
    assert [row[1:] for row in shown] == [
        ["build", "", "something has happened"],
        ["", "ERROR", "it failed"],
        ["", "", "first⏎second"],
    ]
    [file] = notebook.ask("%hero_log path").iterdir()
    assert "something has happened" in file.read_text()


def test_the_newest_are_shown_and_the_rest_is_counted(notebook, session):
    for number in range(25):
        session.logger().log(f"entry {number}")
    shown = rows(notebook, "%hero_log")
    assert [row[3] for row in shown] == [f"entry {number}" for number in range(5, 25)]
    assert notebook.run("%hero_log").said.endswith("showing 20 of 25")
    assert notebook.run("%hero_log -n 2").said.endswith("showing 2 of 25")
    assert "showing" not in notebook.run("%hero_log show -n 25").said
    assert notebook.run("%hero_log search 'entry 1' -n 2").said.endswith("showing 2 of 11")


def test_very_many_are_not_counted(notebook, session, monkeypatch):
    monkeypatch.setattr(room, "COUNTED", 10)
    for number in range(12):
        session.logger().log(f"entry {number}")
    assert notebook.run("%hero_log -n 3").said.endswith("showing 3 of 12")
    assert notebook.run("%hero_log -n 2").said.endswith("showing 2 of more than 10")


def test_search(notebook, session):
    logger = session.logger()
    now = hero.workspace().now()
    for hours, text, cat, write in (
        (5, "Disk is full", "disk", logger.error),
        (3, "disk has room", "disk", logger.log),
        (1, "mail sent", "mail", logger.log),
    ):
        write(text, cat=cat, timestamp=times.OurTime(now.unix - hours * 3600))

    def found(line):
        return [row[3] for row in rows(notebook, f"%hero_log search {line}")]

    assert found("disk") == ["disk has room"]
    assert found("DISK -i") == ["Disk is full", "disk has room"]
    assert found("'is full'") == ["Disk is full"]
    assert found("--cat disk") == ["Disk is full", "disk has room"]
    assert found("--errors") == ["Disk is full"]
    assert found("--since -4h") == ["disk has room", "mail sent"]
    assert found("--until -2h") == ["Disk is full", "disk has room"]
    assert found("--since -4h --until -2h") == ["disk has room"]
    assert found("disk --cat mail") == []
    assert "no entry is like that" in notebook.run("%hero_log search nothing").said


def test_what_cannot_be_read_is_told(notebook, session):
    session.logger().log("sound")
    folder = notebook.ask("%hero_log path")
    (folder / "2024-13-99 77.log").write_text("x")
    said = notebook.run("%hero_log").said
    assert "sound" in said
    assert "2024-13-99 77.log is left out" in said


def test_a_known_secret_is_written_masked(notebook):
    notebook.ask("%hero")
    hero.workspace().redactor.add("canary-77aa")
    notebook.ask("%hero_log log 'the token is canary-77aa'")
    assert MASK in notebook.run("%hero_log").said
    [file] = notebook.ask("%hero_log path").iterdir()
    assert "canary" not in file.read_text()


def test_foreign_text_is_text(notebook, session):
    session.logger().log("<script>alert(1)</script> \x1b[31mred", cat="x")
    page = notebook.ask("%hero_log")._repr_html_()
    assert "<script" not in page
    assert "\x1b" not in page


WRITER = """
import sys, time, hero_kernel as hero
session = hero.context_get().session_get("notes")
for number in range(int(sys.argv[1])):
    session.logger().log(f"from outside {number}")
"""


class TestFollow:
    def test_entries_of_another_process_are_printed_as_they_come(self, notebook, session):
        session.logger().log("before")
        command = [sys.executable, "-c", WRITER, "3"]
        timer = Timer(0.3, run, args=(command,), kwargs={"check": True})
        timer.start()
        cell = notebook.run("%hero_log follow --seconds 3")
        timer.join()
        assert cell.ok
        lines = cell.printed.split("\n")
        assert [line.partition("] ")[2] for line in lines if line] == [
            f"from outside {number}" for number in range(3)
        ]

    def test_ctrl_c_ends_it_and_not_the_cell(self, notebook, session, monkeypatch):
        def ctrl_c(_: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(room, "sleep", ctrl_c)
        timer = Timer(0.3, session.logger().log, args=("one",))
        timer.start()
        assert notebook.run("%hero_log follow\nafter = 1").ok
        timer.join()
        assert notebook.shell.user_ns["after"] == 1

    def test_no_time_shows_nothing(self, notebook):
        cell = notebook.run("%hero_log follow --seconds 0")
        assert (cell.ok, cell.printed) == (True, "")

    def test_an_error_while_it_waits_is_the_cells(self, notebook, session):
        session.logger().log("one")
        folder = session.logger().path
        away = folder.with_name("away")

        def lead_out() -> None:
            folder.rename(away)
            folder.symlink_to("/")

        timer = Timer(0.3, lead_out)
        timer.start()
        assert "leads out" in notebook.refused("%hero_log follow --seconds 5", "StoreError")
        timer.join()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%hero_log lst", "did you mean list"),
        ("%hero_log log", "needs TEXT"),
        ("%hero_log -n 0", "0 is no number of rows"),
        ("%hero_log show -n x", "x is no number of rows"),
        ("%hero_log follow --seconds -1", "-1 is no number of seconds"),
        ("%hero_log follow --seconds nan", "nan is no number of seconds"),
        ("%hero_log search a b", "does not understand b"),
        ("%hero_log search --error", "--errors"),
    ],
)
def test_a_wrong_line_is_told_shortly(notebook, line, said):
    assert said in notebook.refused(line)


def test_wrong_times_and_categories_are_told(notebook):
    notebook.refused("%hero_log search --since yesterdayish", "OurTimeError")
    notebook.refused("%hero_log search --since -1h --until -2h", "LogError")
    notebook.refused("%hero_log log x --cat much-too-long-for-one", "LogError")


def test_help_says_each_verb(notebook):
    text = repr(notebook.ask("%hero_log -h"))
    for verb in ("show", "search", "log", "follow", "path", "list"):
        assert f"\n  %hero_log {verb}" in text
    assert "%hero_log" in repr(notebook.ask("%hero_help"))
