"""`%%heroscript` and `%heroscript`: options, files, reports, errors and progress."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from time import sleep

import pytest

import hero_kernel as hero
from hero_kernel.errors import ActionError
from hero_kernel.report import MIME
from magics.live import BETWEEN_PROGRESS_S, FIRST_PROGRESS_S

THREE = (
    "!!session.env_set key:ONE val:1\n!!session.env_delete key:NO\n!!session.env_set key:TWO val:2"
)


def test_a_report_has_every_form(notebook):
    bundle = notebook.run("!!play.echo content:'x'").bundle
    assert set(bundle) == {"text/plain", "text/html", MIME}
    assert bundle["text/plain"].startswith("✓ ok")
    assert "<script" not in bundle["text/html"]
    document = json.loads(json.dumps(bundle[MIME]))
    assert document["ok"]
    assert document["source"] == "In[1]"
    assert document["session"] == "notes"


def test_a_quick_run_is_one_display_and_no_output(notebook):
    cell = notebook.run("!!play.echo content:'x'\n!!play.echo content:'y'")
    assert len(cell.shown) == 1
    assert cell.shown[0]["transient"]["display_id"]
    assert not cell.shown[0]["update"]
    assert cell.value is None
    assert cell.printed == ""


def test_every_run_has_a_display_of_its_own(notebook):
    ids = [notebook.run("!!play.echo").shown[0]["transient"]["display_id"] for _ in range(2)]
    assert len(set(ids)) == 2


def test_a_failure_stops_the_run_and_is_raised(notebook, session):
    cell = notebook.run(f"%%heroscript\n{THREE}")
    assert [row["status"] for row in cell.rows] == ["changed", "failed", "skipped"]
    assert cell.ename == "RunError"
    lines = "\n".join(cell.traceback).split("\n")
    assert lines[0] == "RunError: session.env_delete failed (In[1] line 3)"
    assert 2 <= len(lines) <= 3
    assert "NO is not set" in lines[1]
    assert session.env_all() == {"ONE": "1"}


def test_continue_goes_on_and_still_raises(notebook, session):
    cell = notebook.run(f"%%heroscript --continue\n{THREE}\n!!session.env_delete key:NO2")
    assert [row["status"] for row in cell.rows] == ["changed", "failed", "changed", "failed"]
    assert cell.traceback[0].startswith("RunError: session.env_delete failed (In[1] line 3), and 1")
    assert session.env_all() == {"ONE": "1", "TWO": "2"}


def test_an_error_of_a_handler_is_named_and_its_traceback_is_in_the_report(notebook):
    @hero.action("trouble.make")
    def make():
        {}["nothing"]

    cell = notebook.run("!!trouble.make")
    assert cell.ename == "RunError"
    assert cell.traceback[1] == "KeyError: 'nothing'"
    assert "in make" in cell.rows[0]["failure"]["traceback"]
    assert "in make" in cell.bundle["text/html"]
    assert "File" not in "\n".join(cell.traceback)


def test_what_an_action_advises_is_the_third_line(notebook):
    @hero.action("advice.give")
    def give():
        raise ActionError("the door is shut", hint="open it")

    cell = notebook.run("!!advice.give")
    assert cell.traceback[1:] == ["the door is shut", "open it"]


def test_dry_run_changes_nothing_and_keeps_no_run(notebook, session):
    cell = notebook.run("%%heroscript -n\n!!session.env_set key:K val:V\n!!play.echo content:'x'")
    assert cell.ok
    assert [row["status"] for row in cell.rows] == ["pending", "ok"]
    assert "dry run" in cell.text
    assert session.env_all() == {}
    assert session.run_names() == []


def test_out_puts_the_report_into_a_variable(notebook):
    notebook.run("%%heroscript -o kept\n!!play.echo content:'x'")
    report = notebook.shell.user_ns["kept"]
    assert report.ok
    assert report.results[0].value == "x"
    shown = notebook.shell.display_formatter.format(report)[0]
    assert set(shown) == {"text/plain", "text/html", MIME}
    assert shown["text/plain"].startswith("✓ ok")


def test_out_has_the_report_of_a_failed_run_too(notebook):
    notebook.run("%%heroscript --out=kept\n!!session.env_delete key:NO")
    assert not notebook.shell.user_ns["kept"].ok


def test_quiet_shows_only_what_failed(notebook):
    assert notebook.run("%%heroscript -q\n!!play.echo content:'x'").shown == []
    cell = notebook.run("%%heroscript -q\n!!session.env_delete key:NO")
    assert cell.rows[0]["status"] == "failed"


def test_text_around_actions_is_passed_over(notebook):
    cell = notebook.run("%%heroscript\n# A title\n\nSome text.\n\n!!play.echo content:'x'\n\nMore.")
    assert cell.ok
    assert len(cell.rows) == 1


@pytest.mark.parametrize("body", ["\n", "only text\n"])
def test_a_cell_without_actions_says_so(notebook, body):
    cell = notebook.run(f"%%heroscript\n{body}")
    assert cell.ok, cell.traceback
    assert "no actions" in cell.text


def test_output_of_an_action_is_in_its_row_and_nowhere_else(notebook):
    @hero.action("talk.say")
    def say():
        sys.stdout.write("to stdout\n")
        sys.stderr.write("to stderr\n")

    cell = notebook.run("!!talk.say")
    assert cell.printed == ""
    assert cell.rows[0]["output"] == "to stdout\nto stderr\n"


class TestFiles:
    @pytest.fixture
    def folder(self, notebook):
        folder = notebook.folder / "plays"
        folder.mkdir()
        (folder / "one.hero").write_text("!!play.echo content:'one'\n!!play.run path:two.hero\n")
        (folder / "two.hero").write_text("!!play.echo content:'two'\n")
        (folder / "bad.heroscript").write_text("!!play.echo\n!!session.env_delete key:NO\n")
        return folder

    def test_a_file_relative_to_the_notebook(self, notebook, folder):
        cell = notebook.run("%heroscript -f plays/one.hero")
        assert [row["message"] for row in cell.rows if row["action"] == "play.echo"] == [
            "one",
            "two",
        ]
        assert cell.bundle[MIME]["source"] == str(folder / "one.hero")
        assert cell.value is None

    def test_a_folder_and_options(self, notebook, folder):
        (folder / "bad.heroscript").unlink()
        cell = notebook.run("%heroscript -n -o plan --file plays")
        assert cell.ok, cell.traceback
        assert notebook.shell.user_ns["plan"].dry_run

    def test_a_failure_names_file_and_line(self, notebook, folder):
        cell = notebook.run("%heroscript -f plays/bad.heroscript")
        assert cell.ename == "RunError"
        assert "bad.heroscript line 2" in cell.traceback[0]

    def test_a_path_with_blanks(self, notebook, folder):
        (folder / "with blanks.hero").write_text("!!play.echo content:'x'")
        assert notebook.run("%heroscript -f 'plays/with blanks.hero'").ok

    def test_a_file_that_is_missing(self, notebook, folder):
        assert "none.hero" in notebook.refused("%heroscript -f plays/none.hero", "SourceError")

    def test_a_file_that_is_no_heroscript(self, notebook, folder):
        (folder / "wrong.hero").write_text("!!play.echo content:'x\n")
        assert "wrong.hero:1" in notebook.refused(
            "%heroscript -f plays/wrong.hero", "HeroscriptError"
        )


class TestRuns:
    def test_runs_are_listed_and_shown_again(self, notebook):
        assert "no run is kept yet" in notebook.run("%heroscript --runs").said
        notebook.run("!!play.echo content:'first'")
        notebook.run("!!session.env_delete key:NO")
        lines = notebook.run("%heroscript --runs").said.split("\n")
        assert "In[3]" in lines[2]
        assert "1 failed" in lines[2]
        assert "In[2]" in lines[3]
        name = lines[3].split()[0]
        again = notebook.ask(f"%heroscript --show {name}")
        assert again.results[0].message == "first"
        last = notebook.run("%heroscript --show")
        assert last.ok  # shown, not raised again
        assert not last.value.ok

    def test_a_run_that_is_not_there(self, notebook):
        notebook.refused("%heroscript --show", "SessionError")
        notebook.run("!!play.echo content:'first'")
        notebook.refused("%heroscript --show 1999", "SessionError")


class TestProgress:
    def test_a_slow_silent_action_is_seen_at_work(self, notebook):
        @hero.action("slow.silent")
        def silent():
            sleep(FIRST_PROGRESS_S + 0.25)

        cell = notebook.run("!!play.echo content:'x'\n!!slow.silent")
        assert [one["update"] for one in cell.shown] == [False, True]
        assert cell.shown[0]["data"] == {"text/plain": "▶ 2/2 slow.silent"}
        assert len(cell.rows) == 2

    def test_the_next_silent_action_is_seen_too(self, notebook):
        @hero.action("slow.nap")
        def nap():
            sleep(FIRST_PROGRESS_S + 0.1)

        cell = notebook.run("!!slow.nap\n!!slow.nap\n!!slow.nap")
        texts = [one["data"]["text/plain"] for one in cell.shown[:-1]]
        assert texts == ["▶ 1/3 slow.nap", "▶ 2/3 slow.nap", "▶ 3/3 slow.nap"]
        assert len({one["transient"]["display_id"] for one in cell.shown}) == 1

    def test_what_an_action_says_is_shown_but_not_more_than_five_times_a_second(self, notebook):
        @hero.action("slow.chatty")
        def chatty(session: hero.Session):
            for number in range(100):
                session.progress(f"at {number}", number / 100)
                sleep(0.01)

        cell = notebook.run("!!slow.chatty")
        seconds = cell.rows[0]["duration_s"]
        between = cell.shown[:-1]
        assert 2 <= len(between) <= (seconds - FIRST_PROGRESS_S) / BETWEEN_PROGRESS_S + 2
        assert between[-1]["data"]["text/plain"].startswith("▶ 1/1 slow.chatty at ")
        assert between[-1]["data"]["text/plain"].endswith("%")

    def test_a_quiet_run_leaves_nothing_of_its_progress(self, notebook):
        @hero.action("slow.silent")
        def silent():
            sleep(FIRST_PROGRESS_S + 0.1)

        assert notebook.run("%%heroscript -q\n!!slow.silent").bundle == {"text/plain": ""}

    def test_an_interrupt_is_a_row_and_a_keyboard_interrupt(self, notebook):
        @hero.action("slow.interrupted")
        def interrupted():
            raise KeyboardInterrupt

        cell = notebook.run("!!play.echo\n!!slow.interrupted\n!!play.echo\n!!play.echo")
        assert [row["status"] for row in cell.rows] == ["ok", "interrupted", "skipped", "skipped"]
        assert cell.ename == "KeyboardInterrupt"
        assert cell.traceback == [
            "KeyboardInterrupt: slow.interrupted was interrupted (In[1] line 2); 2 more not started"
        ]


def test_an_async_action_runs_where_an_event_loop_runs_already(notebook):
    @hero.action("slow.wait")
    async def wait(session: hero.Session) -> str:
        await asyncio.sleep(0.01)
        return "waited"

    cell = notebook.run("import asyncio\nawait asyncio.sleep(0)\n!!slow.wait")
    assert cell.rows[0]["message"] == "waited"


def test_an_action_defined_again_is_replaced(notebook):
    for said in ("first", "second"):
        notebook.ask(
            "from hero_kernel import action\n"
            f"@action('again.say')\ndef say(session) -> str:\n    return '{said}'\n"
        )
        assert notebook.run("!!again.say").rows[0]["message"] == said


def test_a_second_program_sees_what_an_action_did(notebook):
    notebook.run("!!session.env_set key:SEEN val:'by all'")
    program = "import hero_kernel as h; print(h.context_get().session_get('notes').env_get('SEEN'))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout == "by all\n"
