"""Runs in a notebook: the last one as an object, only some actions, again, and on from there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hero_kernel as hero
from hero_kernel.errors import ActionError

FOUR = "!!t.do n:a\n!!t.do n:b\n!!t.do n:c\n!!play.echo content:d"


@pytest.fixture
def broken(notebook):
    """What `t.do` fails at; what it was called with is in `called`."""
    broken = {}
    broken["called"] = called = []

    @hero.action("t.do")
    def do(*, n: str) -> str:
        called.append(n)
        if n in broken:
            raise broken[n]
        return f"did {n}"

    return broken


def taken(broken):
    said = " ".join(broken["called"])
    broken["called"].clear()
    return said


def statuses(cell):
    return [row["status"] for row in cell.rows]


class TestLastRun:
    def test_it_is_there_although_the_cell_raised(self, notebook, broken):
        assert notebook.ask("import hero_kernel as hero; hero.last_run is None")
        broken["b"] = ActionError("no")
        assert notebook.run(FOUR).ename == "RunError"
        assert notebook.ask("hero.last_run.ended") == "failed"
        assert notebook.ask("[one.message for one in hero.last_run]") == ["did a", "", "", ""]
        assert notebook.ask("hero.last_run['t.do'][0].value") == "did a"
        assert notebook.ask("hero.last_run.failed[0].failure.message") == "no"
        assert notebook.ask("len(hero.last_run.to_frame())") == 4
        text = notebook.run("hero.last_run['t.od']").traceback[-1]
        assert "no result of 't.od'" in text

    def test_it_takes_nothing_of_the_user_s(self, notebook, broken):
        notebook.run("1 + 1")
        before = set(notebook.shell.user_ns)
        assert notebook.run(FOUR).value is None
        assert notebook.shell.user_ns["_"] == 2
        assert {name for name in set(notebook.shell.user_ns) - before if name[0] != "_"} == set()

    def test_of_a_process_that_ran_nothing_it_is_the_session_s(self, notebook, broken):
        notebook.run(FOUR)
        program = (
            "import hero_kernel as h\nassert h.last_run is None\n"
            "h.session()\nprint(h.last_run.results[3].message)\nprint('last_run' in dir(h))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        assert done.stdout == "d\nTrue\n"


class TestOnly:
    @pytest.mark.parametrize(
        ("line", "called", "skipped"),
        [
            ("--only t.do", "a b c", 1),
            ("--only play", "", 3),
            ("--only play.echo --only 't.*'", "a b c", 0),
            ("--only=p*.echo", "", 3),
        ],
    )
    def test_the_others_are_rows(self, notebook, broken, line, called, skipped):
        cell = notebook.run(f"%%heroscript {line}\n{FOUR}")
        assert cell.ok, cell.traceback
        assert taken(broken) == called
        assert [row["message"] for row in cell.rows].count("not chosen") == skipped

    def test_of_a_file(self, notebook, broken):
        (notebook.folder / "four.hero").write_text(FOUR)
        cell = notebook.run("%heroscript -f four.hero --only play")
        assert statuses(cell) == ["skipped"] * 3 + ["ok"]

    def test_what_matches_nothing(self, notebook, broken):
        text = notebook.refused(f"%%heroscript --only t.od\n{FOUR}", "PlaybookError")
        assert "did you mean t.do?" in text
        notebook.refused(f"%%heroscript --only\n{FOUR}")
        assert taken(broken) == ""

    def test_what_is_wrong_in_the_others_is_wrong_as_text_only(self, notebook, broken):
        assert notebook.run("%%heroscript --only t\n!!t.do n:a\n!!no.such").ok
        notebook.refused("%%heroscript --only t\n!!t.do n:a\n!!no.such n:'x", "HeroscriptError")


class TestRetry:
    def test_what_failed_and_what_was_not_reached(self, notebook, broken):
        notebook.refused("%heroscript --retry", "SessionError")
        broken["b"] = ActionError("no")
        notebook.run(FOUR)
        del broken["b"]
        taken(broken)
        cell = notebook.run("%heroscript --retry -o again")
        assert statuses(cell) == ["ok"] * 3
        assert taken(broken) == "b c"
        assert cell.rows[0]["place"].startswith("In[2]:")
        assert len(notebook.shell.user_ns["again"]) == 3
        text = notebook.refused("%heroscript --retry", "SessionError")
        assert "left nothing" in text

    def test_it_fails_again_as_a_cell_does(self, notebook, broken):
        broken["b"] = ActionError("no", hint="mend it")
        notebook.run(FOUR)
        cell = notebook.run("%heroscript --retry")
        assert cell.traceback == ["RunError: t.do failed (In[1] line 2)", "no", "mend it"]

    @pytest.mark.parametrize(
        "option",
        ["-f x.hero", "--only t", "--resume", "--continue", "--show", "--runs", "--queued"],
    )
    def test_what_does_not_go_with_it(self, notebook, option):
        text = notebook.refused(f"%heroscript --retry {option}")
        assert f"--retry does not go with {option.split()[0]}" in text


class TestQueued:
    @pytest.fixture
    def queue(self, notebook, broken):
        notebook.ask("import hero_kernel as hero; session = hero.session()")
        notebook.ask("session.playbook_add(text='!!t.do n:a\\n!!later.do\\n!!t.do n:b')")
        return notebook

    def test_what_waits_is_carried_out_and_what_nobody_handles_stays(self, queue, broken):
        dry = queue.run("%heroscript --queued --dry-run")
        assert statuses(dry) == ["pending"] * 3
        assert taken(broken) == ""
        cell = queue.run("%heroscript --queued -o report")
        assert statuses(cell) == ["ok", "pending", "ok"]
        assert taken(broken) == "a b"
        assert queue.ask("report.source") == "queue"
        assert queue.ask("[one.full_name for one in session.plbook.find()]") == ["later.do"]
        assert statuses(queue.run("%heroscript --queued")) == ["pending"]
        assert taken(broken) == ""

    def test_only_some_of_it_and_again(self, queue, broken):
        assert queue.run("%heroscript --queued --only later").ok
        assert taken(broken) == ""
        broken["a"] = ActionError("no")
        assert queue.run("%heroscript --queued").ename == "RunError"
        del broken["a"]
        taken(broken)
        assert queue.run("%heroscript --retry").ok
        assert taken(broken) == "a b"

    def test_nothing_waits(self, notebook):
        assert "nothing waits in session notes" in notebook.refused("%heroscript --queued")

    @pytest.mark.parametrize("option", ["-f x.hero", "--show", "--runs"])
    def test_what_does_not_go_with_it(self, notebook, option):
        text = notebook.refused(f"%heroscript --queued {option}")
        assert f"--queued does not go with {option.split()[0]}" in text


class TestResume:
    def test_on_from_where_it_failed(self, notebook, broken):
        broken["b"] = ActionError("no")
        notebook.run(FOUR)
        name = hero.last_run.run
        del broken["b"]
        taken(broken)
        cell = notebook.run(f"%%heroscript --resume\n{FOUR}")
        assert statuses(cell) == ["skipped", "ok", "ok", "ok"]
        assert cell.rows[0]["message"] == f"done in run {name}"
        assert taken(broken) == "b c"
        text = notebook.refused(f"%%heroscript --resume\n{FOUR}", "SessionError")
        assert "no unfinished run" in text
        assert "leave resume out" in text

    def test_on_from_where_it_was_interrupted(self, notebook, broken):
        broken["b"] = KeyboardInterrupt()
        cell = notebook.run(FOUR)
        assert cell.traceback == [
            "KeyboardInterrupt: t.do was interrupted (In[1] line 2); 2 more not started"
        ]
        del broken["b"]
        assert notebook.run("!!play.echo content:'usable'").ok
        taken(broken)
        assert notebook.run(f"%%heroscript --resume\n{FOUR}").ok
        assert taken(broken) == "b c"

    def test_a_file(self, notebook, broken):
        (notebook.folder / "four.hero").write_text(FOUR)
        broken["b"] = ActionError("no")
        notebook.run("%heroscript -f four.hero")
        del broken["b"]
        taken(broken)
        assert notebook.run("%heroscript -f four.hero --resume").ok
        assert taken(broken) == "b c"

    def test_without_a_file(self, notebook):
        text = notebook.refused("%heroscript --resume")
        assert "%%heroscript --resume" in text


def test_runs_tell_how_they_ended(notebook, broken):
    notebook.run(FOUR)
    broken["b"] = ActionError("no")
    notebook.run(FOUR)
    broken["b"] = KeyboardInterrupt()
    notebook.run(FOUR)
    lines = notebook.run("%heroscript --runs").said.split("\n")[2:5]
    assert [line.split()[4] for line in lines] == ["interrupted", "failed", "ok"]
    assert "1 ok, 1 failed, 2 skipped" in lines[1]
    assert "interrupted just now" in notebook.run("%hero").said


def test_a_killed_run_is_listed_and_shown(notebook, session):
    program = (
        "import os, hero_kernel as h\n"
        "@h.action('t.die')\ndef die(): os.kill(os.getpid(), 9)\n"
        "h.play('!!session.env_set key:K val:V\\n!!t.die', name='setup')"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    line = notebook.run("%heroscript --runs").said.split("\n")[2]
    assert line.split()[3:] == ["setup", "killed", "1", "changed,", "1", "interrupted"]
    shown = notebook.run("%heroscript --show")
    assert "its process ended while it ran" in str(shown.value)
    assert "killed" in shown.value.summary
    assert "killed just now" in notebook.run("%hero").said


@pytest.mark.parametrize("magic", ["%heroscript", "%%heroscript"])
def test_the_help_names_the_options(notebook, magic):
    said = notebook.run(f"{magic} -h" + ("\n!!play.echo" if magic[1] == "%" else "")).said
    assert "--only ACTOR[.ACTION]" in said
    assert "--resume" in said
    assert ("--retry" in said) == ("--queued" in said) == (magic == "%heroscript")
