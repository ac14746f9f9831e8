"""`%hero_session` beyond one notebook: who else is on it, forks, pruning, export and import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import zipfile
from dataclasses import replace

import pytest
from kernel.driving import environment

import hero_kernel as hero
from hero_kernel import leases, ownership, times
from hero_kernel.secret import Secret

CANARY = "hunter2-canary"


@pytest.fixture
def other(notebook):
    """Another program's view of the same home, and what it holds there."""
    workspace = hero.open_workspace(default=False)
    holds = []

    def hold(name="notes", label="/other.ipynb", **options):
        held = ownership.Hold(workspace.session_new(name=name), label, **options)
        holds.append(held)
        return held

    yield hold
    for held in holds:
        held.leave(ends=False)


def later(notebook):
    """As a second later: the next use looks whether there is news."""
    own_hold(notebook)._next_look_s = 0.0


def own_hold(notebook):
    return notebook.shell._hero_extension.door.holding.hold


def shown(cell):
    return "\n".join(one["data"]["text/plain"] for one in cell.shown)


def state_of(notebook, name):
    lines = notebook.run("%hero_session list").said.split("\n")
    return next(line for line in lines if f" {name} " in line)


class TestCompany:
    def test_alone_nothing_is_said(self, notebook):
        for _ in range(2):
            assert "\n" not in notebook.run("%hero").said
            later(notebook)
        assert "live here" in state_of(notebook, "notes")

    def test_the_newcomer_is_told_with_its_bound_line(self, notebook, other):
        other()
        lines = notebook.run("%hero").said.split("\n")
        assert lines[1].startswith(f"shared with /other.ipynb (pid {os.getpid()} on ")
        assert ", since " in lines[1]
        assert "--fork" in lines[2]
        assert "--takeover" in lines[2]

    def test_the_one_that_was_there_is_told_once(self, notebook, other):
        notebook.ask("%hero")
        other()
        later(notebook)
        cell = notebook.run("%hero_env set A=1")
        assert shown(cell).startswith("session notes is now shared with /other.ipynb (pid ")
        assert len(cell.shown) == 1
        later(notebook)
        assert notebook.run("%hero_env").shown == []

    def test_a_cell_of_heroscript_tells_it_too(self, notebook, other):
        notebook.ask("%hero")
        other()
        later(notebook)
        first, *report = notebook.run("!!play.echo content:'x'").shown
        assert "now shared with" in first["data"]["text/plain"]
        assert report

    def test_within_a_second_a_cell_does_not_ask_the_store(self, notebook, other):
        notebook.ask("%hero")
        other()
        own_hold(notebook)._next_look_s = float("inf")
        assert notebook.run("%hero_env set A=1").shown == []

    def test_a_label_of_another_program_is_text(self, notebook, other):
        notebook.ask("%hero")
        other(label="<img src=x onerror=alert(1)>\x1b[31m")
        later(notebook)
        page = notebook.run("%hero_env").shown[0]["data"]["text/html"]
        assert "&lt;img" in page
        assert "<img" not in page
        assert "\x1b" not in page
        assert "<img" not in notebook.ask("%hero")._repr_html_()

    def test_takeover_and_back(self, notebook, other):
        notebook.ask("%hero")
        held = other(takeover=True)
        later(notebook)
        for line in ("%hero", "%hero_env set A=1", "!!play.echo content:'x'", "%hero --why"):
            text = notebook.refused(line, "SessionHeldError")
            assert "session notes was taken over by /other.ipynb" in text
            assert "%hero_session use notes --share" in text
        assert "live" in state_of(notebook, "notes")  # who is on it can be looked up
        assert notebook.ask("1 + 1") == 2
        assert "shared with /other.ipynb" in notebook.run("%hero_session use notes --share").said
        notebook.ask("%hero_env set A=1")
        assert "\n" not in notebook.run("%hero_session use notes --takeover").said
        held._next_look_s = 0.0
        with pytest.raises(hero.HeroError, match="taken over by console"):
            held.check()

    def test_another_session_is_a_way_out_as_well(self, notebook, other):
        notebook.ask("%hero")
        other(takeover=True)
        later(notebook)
        notebook.refused("%hero", "SessionHeldError")
        assert "session quiet (new" in notebook.run("%hero_session quiet").said

    def test_fork_instead_of_sharing(self, notebook, other):
        held = other()
        held.session.env_set("A", "1")
        held.session.db_get()["key"] = "value"
        said = notebook.run("%hero_session use notes --fork").said
        assert "session notes_fork (forked; 1 env" in said
        assert "shared" not in said
        assert os.environ["A"] == "1"
        notebook.ask("%hero_env set A=2")
        assert held.session.env_get("A") == "1"
        assert (
            "session mine (forked"
            in notebook.run("%hero_context default -s notes --fork --as mine").said
        )
        assert "value" in notebook.run("%hero_db get key").said
        assert "session last_one (forked" in notebook.run("%hero_session fork last_one").said

    @pytest.mark.parametrize(
        ("line", "ename", "words"),
        [
            ("%hero_session use notes --fork --share", "UsageError", "not allowed with"),
            ("%hero_session use notes --forc", "UsageError", "--fork"),
            ("%hero_session use gone_one --fork", "SessionNotFoundError", "gone_one"),
            ("%hero_context default --takeover", "UsageError", "-s NAME"),
            ("%hero_session fork a/b", "BadNameError", "a/b"),
            ("%hero_session list --older 3d", "UsageError", "--stale"),
            ("%hero_session list --stale --older soon", "SessionError", "30d"),
            ("%hero_session prune", "UsageError", "--yes"),
            ("%hero_session prune --older -3d", "UsageError", "usage"),
            ("%hero_session export", "UsageError", "FILE"),
            ("%hero_session export /nowhere/x.zip", "BundleError", "/nowhere"),
            ("%hero_session import gone.zip", "BundleError", "gone.zip"),
            ("%hero_session import", "UsageError", "FILE"),
        ],
    )
    def test_wrong_lines(self, notebook, line, ename, words):
        notebook.ask("%hero")
        before = hero.sessions_list()
        assert words in notebook.refused(line, ename)
        assert hero.sessions_list() == before


class TestHolding:
    def test_nothing_is_held_before_the_first_use(self, unbound):
        unbound.ask("x = 1")
        assert not [one for one in threading.enumerate() if one.name == "hero heartbeat"]
        unbound.ask("%hero")
        assert [one for one in threading.enumerate() if one.name == "hero heartbeat"]

    def test_python_s_session_is_held_from_the_end_of_the_cell(self, notebook):
        notebook.ask("import hero_kernel as hero; session = hero.session()")
        assert [one.session for one in leases.every(hero.workspace().store, 0)] == ["notes"]
        notebook.ask("x = 1")
        notebook.ask("%hero")
        assert len(leases.every(hero.workspace().store, 0)) == 1

    def test_one_at_a_time_and_the_one_that_was_left_does_not_end(self, notebook, session):
        notebook.ask("%hero")
        first = own_hold(notebook)
        notebook.ask("%hero_session notes")
        assert own_hold(notebook) is first
        notebook.ask("%hero_session quiet")
        assert [one.session for one in leases.every(hero.workspace().store, 0)] == ["quiet"]
        assert not session.config.end
        assert " open " in state_of(notebook, "notes")
        assert not first._thread.is_alive()

    def test_unloading_ends_the_session_and_leaves_no_thread(self, notebook, session):
        before = threading.active_count()
        notebook.ask("%hero")
        notebook.shell.run_line_magic("unload_ext", "magics")
        assert session.config.end
        assert threading.active_count() == before
        assert hero.workspace().store.scan(0, leases.PREFIX) == []
        notebook.shell.run_line_magic("load_ext", "magics")
        notebook.ask("%hero")
        assert not session.config.end

    def test_unloading_one_of_two_does_not(self, notebook, session, other):
        other()
        notebook.ask("%hero")
        notebook.shell.run_line_magic("unload_ext", "magics")
        assert not session.config.end
        notebook.shell.run_line_magic("load_ext", "magics")

    def test_a_rename_is_followed(self, notebook):
        notebook.ask("%hero")
        notebook.ask("%hero_session set name=renamed")
        own_hold(notebook)._beat()
        assert [one.session for one in leases.every(hero.workspace().store, 0)] == ["renamed"]
        assert "live here" in state_of(notebook, "renamed")

    def test_the_end_of_a_console_is_recorded(self, notebook, tmp_path):
        """Plain IPython, ended by its `exit`."""
        done = subprocess.run(
            [sys.executable, "-m", "IPython", "--simple-prompt", "--ext", "magics", "-c", "%hero"],
            env=environment(tmp_path, HERO_HOME=os.environ["HERO_HOME"], HERO_SESSION="typed"),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "session typed" in done.stdout
        assert hero.session_get("typed").config.end
        assert hero.workspace().store.scan(0, leases.PREFIX) == []


class TestList:
    def test_every_state_in_words(self, notebook, other):
        held = other("elsewhere")
        killed = other("killed_one")
        killed._left.set()
        gone = replace(killed.lease, pid=2**22 + 1)
        hero.workspace().store.put(0, gone.key, gone.text())
        hero.session_new(name="closed").close()
        hero.session_new(name="scripted")
        notebook.ask("%hero")
        states = {
            name: state_of(notebook, name)
            for name in ("notes", "elsewhere", "killed_one", "closed", "scripted")
        }
        assert "live here" in states["notes"]
        assert "live " in states["elsewhere"]
        assert "live here" not in states["elsewhere"]
        assert held.lease.label in states["elsewhere"]
        assert " killed " in states["killed_one"]
        assert gone.heartbeat in states["killed_one"]
        assert " ended " in states["closed"]
        assert " open " in states["scripted"]

    def test_a_damaged_record_is_named(self, notebook):
        notebook.ask("%hero")
        hero.workspace().store.put(0, "sessions:config:damaged", "{")
        assert "cannot be read: damaged" in notebook.run("%hero_session list").said

    def test_listing_first_binds_the_notebook_as_any_magic(self, notebook):
        assert "live here" in state_of(notebook, "notes")


class TestPrune:
    def old(self, name, days=90):
        session = hero.session_new(name=name)
        then = str(times.now().warp(f"-{days}d"))
        session._update(lambda config: replace(config, start=then))
        return session

    def test_show_then_do(self, notebook, other):
        notebook.ask("%hero")
        self.old("long_ago").env_set("A", "1")
        other(self.old("in_use").name)
        hero.session_select(hero.session_new(name="notes"))
        shown = notebook.run("%hero_session list --stale").said
        assert "long_ago" in shown
        assert "in_use" not in shown
        assert (
            notebook.run("%hero_session prune --dry-run").said.split("\n")[1:]
            == shown.split("\n")[1:]
        )
        assert "pruning 1 session cannot" in notebook.refused("%hero_session prune")
        assert hero.session_exists("long_ago")
        said = notebook.run("%hero_session prune --yes").said
        assert said.startswith("deleted\n")
        assert "1 session, " in said
        assert sorted(one.name for one in hero.sessions_list()) == ["in_use", "notes"]
        assert "0 sessions" in notebook.run("%hero_session prune --yes").said

    def test_older(self, notebook):
        notebook.ask("%hero")
        self.old("a_while", days=10)
        hero.session_select(hero.session_new(name="notes"))
        assert "0 sessions" in notebook.run("%hero_session list --stale").said
        assert "a_while" in notebook.run("%hero_session list --stale --older 1w").said
        notebook.ask("%hero_session prune --older 1w --yes")
        assert not hero.session_exists("a_while")

    def test_the_notebook_s_own_never(self, notebook, session):
        notebook.ask("%hero")
        session._update(lambda config: replace(config, extra={"ephemeral": True}))
        own_hold(notebook).leave(ends=True)
        assert "0 sessions" in notebook.run("%hero_session prune --older 0d --yes").said


class TestResetAndRm:
    def test_reset_empties_all_but_log_and_runs(self, notebook, session):
        notebook.ask("%hero_env set A=1")
        notebook.ask("%hero_param set color:red")
        session.db_get()["key"] = "value"
        notebook.run("!!play.echo content:'x'")
        session.logger().log("kept")
        said = notebook.run("%hero_session reset --yes").said
        assert "1 database entry deleted; its log and runs stay" in said
        assert (session.env_all(), dict(session.params), dict(session.db_get())) == ({}, {}, {})
        assert session.run_names()
        assert "kept" in [item.log for item in session.logger().search()]
        assert "starts over; its log" in notebook.run("%hero_session reset --yes").said

    @pytest.mark.parametrize("line", ["reset --yes", "rm notes --yes"])
    def test_not_while_others_are_on_it(self, notebook, session, other, line):
        notebook.ask("%hero_env set A=1")
        held = other()
        text = notebook.refused(f"%hero_session {line}", "SessionHeldError")
        assert "/other.ipynb" in text
        assert "--takeover" in text
        assert session.env_all() == {"A": "1"}
        notebook.ask(f"%hero_session {line} --takeover")
        held._next_look_s = 0.0
        if "rm" in line:
            held.check()
            assert not held.is_here
        else:
            with pytest.raises(hero.HeroError, match="taken over"):
                held.check()

    def test_rm_of_the_own_one_lets_it_go(self, notebook):
        notebook.ask("%hero")
        notebook.ask("%hero_session rm notes --yes")
        assert hero.workspace().store.scan(0, "sessions:") == []
        assert "session notes (new;" in notebook.run("%hero").said
        assert "live here" in state_of(notebook, "notes")


class TestExportAndImport:
    def test_there_and_back(self, notebook, session):
        notebook.ask("%hero_env set A=1 B=2")
        notebook.ask("%hero_param set color:red")
        session.db_get()["key"] = "value"
        notebook.run("!!play.echo content:'x'")
        session.logger().log("a line")
        said = notebook.run("%hero_session export lesson.zip --log --runs").said
        assert said.endswith(
            "lesson.zip: 2 env, 1 param, 1 database entry, 1 run, 1 hour of log"
        ), said
        text = notebook.refused("%hero_session import lesson.zip", "SessionExistsError")
        assert "choose another name" in text
        lines = notebook.run("%hero_session import lesson.zip lesson").said.split("\n")
        assert "session 0:default:lesson is made" in lines[0]
        assert lines[1] == "%hero_session lesson"
        assert len(lines) == 2
        assert "session lesson (resumed; 2 env, 1 param, last run ok" in notebook.run(lines[1]).said

    def test_what_was_secret_is_told_line_by_line(self, notebook, session):
        context = session.context
        context.secret_set("correct horse battery")
        session.env_set("TOKEN", Secret(CANARY))
        session.params_set({"pin": Secret(CANARY)})
        session.db_get()["two words; rm -rf"] = Secret(CANARY)
        session.db_get()["a\nnewline"] = Secret(CANARY)
        said = notebook.run("%hero_session export lesson.zip").said
        assert "left out env TOKEN" in said
        assert "left out param pin" in said
        with zipfile.ZipFile("lesson.zip") as archive:
            assert CANARY.encode() not in b"".join(map(archive.read, archive.namelist()))
            assert json.loads(archive.read("manifest.json"))["left_out"]["env"] == ["TOKEN"]
        lines = notebook.run("%hero_session import lesson.zip lesson").said.split("\n")
        assert "%hero_env set --secret TOKEN" in lines
        assert "%hero_param set --secret pin" in lines
        assert "%hero_db set --secret 'two words; rm -rf'" in lines
        assert "%hero_db: 'a\\nnewline'" in lines
        # the lines are what the magics take
        notebook.ask("%hero_session lesson")
        hero.workspace().prompt = lambda _: CANARY
        for line in lines:
            if "--secret" in line:
                notebook.ask(line)
        assert hero.session_get("lesson").env_get("TOKEN") == CANARY

    def test_the_actions(self, notebook, session):
        notebook.ask("%hero_env set A=1")
        assert notebook.run("!!session.fork name:'copied'").ok
        assert notebook.run("!!session.export path:'lesson.zip' runs:true").ok
        assert hero.session_get("copied").env_all() == {"A": "1"}
        assert zipfile.is_zipfile("lesson.zip")
        assert "session notes" in notebook.run("%hero").said
