"""Runs of some actions, of what another run left, and on from where one ended."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from stores.children import forked, in_children, killed

from hero_kernel import Changed, Playbook, Secret, Session, Skipped, runner
from hero_kernel.errors import ActionError, PlaybookError, SessionError, UnknownActionError
from hero_kernel.report import Report, Status
from hero_kernel.runs import kept as kept_runs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Workspace

Play = Any


@pytest.fixture
def ws(local: Place) -> Workspace:
    return local.open()


@pytest.fixture
def session(ws: Workspace) -> Session:
    return ws.session_new(ws.context_new("ctx"), "one")


class Acts:
    """Handlers that write down that they were called; `broken` says which fail, and how."""

    def __init__(self, *workspaces: Workspace) -> None:
        self.called: list[str] = []
        self.broken: dict[str, BaseException] = {}
        for ws in workspaces:
            self.add_to(ws)

    def add_to(self, ws: Workspace) -> None:
        @ws.action("t.do")
        def do(*, n: str, token: Secret | None = None) -> Changed:
            self.called.append(n)
            if n in self.broken:
                raise self.broken[n]
            return Changed(n)

        @ws.action("t.look", harmless=True)
        def look(*, n: str) -> str:
            self.called.append(n)
            if n in self.broken:
                raise self.broken[n]
            return n

        @ws.action("t.skip")
        def skip() -> Skipped:
            self.called.append("skip")
            return Skipped("nothing to do")

        @ws.action("t.add")
        def add(session: Session, *, text: str) -> str:
            self.called.append("add")
            session.playbook_add(text=text)
            return "added"

    def taken(self) -> str:
        """What was called since this was last asked."""
        said, self.called = " ".join(self.called), []
        return said


@pytest.fixture
def acts(ws: Workspace) -> Acts:
    return Acts(ws)


@pytest.fixture
def play(ws: Workspace, session: Session) -> Callable[..., Report]:
    return lambda text, **options: ws.play(text, session=session, name="In[1]", **options)


def rows(report: Report) -> list[str]:
    return [f"{one.status}: {one.message}" if one.message else str(one.status) for one in report]


FOUR = "!!t.do n:a\n!!t.look n:b\n!!t.do n:c\n!!t.do n:d"


# -- only some


@pytest.mark.parametrize(
    ("only", "called"),
    [
        ("t.do", "a c d"),
        (["t.look"], "b"),
        (["t.look", "t.skip"], "b skip"),
        ("t.look,t.skip", "b skip"),
        ("t", "a b c d skip"),
        ("*.look", "b"),
        ("t:l*", "b"),
        (" t.look ", "b"),
    ],
)
def test_only_the_chosen_are_carried_out(
    play: Play, acts: Acts, only: str | list[str], called: str
) -> None:
    report = play(f"{FOUR}\n!!t.skip", only=only)
    assert acts.taken() == called
    assert len(report) == 5
    assert {one.message for one in report if one.status == "skipped"} <= {
        "not chosen", "nothing to do",
    }  # fmt: skip
    assert report.ok


def test_a_word_without_a_dot_is_an_actor_or_an_action_of_core(play: Play, acts: Acts) -> None:
    text = "!!params_session_set a:1\n!!t.do n:a\n!!core.coderoot_set coderoot:/tmp"
    assert rows(play(text, only="params_session_set"))[1:] == ["skipped: not chosen"] * 2
    assert rows(play(text, only="core", dry_run=True))[1] == "skipped: not chosen"


def test_the_others_stay_not_done(ws: Workspace, session: Session, acts: Acts) -> None:
    book = Playbook.from_text(FOUR)
    ws.run(session, book, only="t.look")
    assert [one.done for one in book.actions] == [False, True, False, False]
    ws.run(session, book)
    assert acts.taken() == "b a c d"


def test_a_filter_that_chooses_nothing_is_told_before_anything_ran(play: Play, acts: Acts) -> None:
    for only, hint in (("t.lok", "t.look"), ("tt", "did you mean t?"), ("", "t")):
        with pytest.raises(PlaybookError, match="no action that waits matches") as caught:
            play(FOUR, only=["t.do", only])
        assert hint in caught.value.hint
    assert acts.taken() == ""


def test_the_whole_is_parsed_and_the_chosen_are_checked(play: Play, acts: Acts) -> None:
    assert rows(play("!!no.such\n!!t.do n:a", only="t")) == ["skipped: not chosen", "changed: a"]
    with pytest.raises(UnknownActionError):
        play("!!no.such\n!!t.do n:b", only=["no", "t"])
    with pytest.raises(Exception, match="closed"):
        play("!!t.do n:b\n!!t.look n:'x", only="t.do")
    assert acts.taken() == "a"


def test_what_a_chosen_one_brings_in_is_chosen(play: Play, acts: Acts, tmp_path: Path) -> None:
    (tmp_path / "more.hero").write_text("!!t.do n:x\n!!t.look n:y")
    text = f"!!t.do n:a\n!!play.include path:'{tmp_path / 'more.hero'}'"
    play(text, only="play.include")
    assert acts.taken() == "x y"


def test_a_dry_run_of_some(play: Play, acts: Acts) -> None:
    report = play(FOUR, only="t.do", dry_run=True)
    assert rows(report)[:2] == ["pending: would run", "skipped: not chosen"]
    assert acts.taken() == ""


# -- again what is left


def test_what_failed_and_was_not_reached_is_carried_out_again(
    ws: Workspace, session: Session, play: Play, acts: Acts
) -> None:
    acts.broken["c"] = ActionError("no")
    first = play(FOUR)
    assert acts.taken() == "a b c"
    assert [one.action for one in first.left] == ["t.do", "t.do"]
    again = session.retry()
    assert acts.taken() == "c"
    assert again.after == first.run
    acts.broken.clear()
    assert rows(ws.retry(session)) == ["changed: c", "changed: d"]
    assert acts.taken() == "c d"
    with pytest.raises(SessionError, match="left nothing to carry out again"):
        session.retry()


def test_again_with_the_same_options(play: Play, session: Session, acts: Acts) -> None:
    acts.broken = {"a": ActionError("no"), "c": ActionError("no")}
    play(FOUR, keep_going=True, only="t.do")
    assert acts.taken() == "a c d"
    again = session.retry()
    assert acts.taken() == "a c"
    assert again.keep_going
    assert again.source == "In[1]"
    assert rows(again)[1] == "skipped: not chosen"


def test_a_dry_run_is_not_what_is_carried_out_again(
    play: Play, session: Session, acts: Acts
) -> None:
    acts.broken["d"] = ActionError("no")
    play(FOUR)
    play("!!t.do n:z", dry_run=True)
    assert rows(session.retry(dry_run=True)) == ["pending: would run"]
    acts.broken.clear()
    assert rows(session.retry()) == ["changed: d"]


def test_another_process_carries_out_again_what_is_kept(
    local: Place, play: Play, acts: Acts, tmp_path: Path
) -> None:
    """Text between the actions, several lines, a file next to the script, and the order."""
    (tmp_path / "more.hero").write_text("!!t.do n:e\n")
    script = tmp_path / "all.hero"
    script.write_text(
        "!!t.do n:a\n!!t.do\n    n:'c d'\ntext\n!!play.include path:more.hero\n!!t.look n:f\n"
    )
    acts.broken["c d"] = ActionError("no")
    other = local.open()
    acts.add_to(other)
    ws = local.open()
    acts.add_to(ws)
    session = ws.context_get("ctx").session_get("one")
    report = ws.run(session, Playbook.from_path(script), source=str(script), strict=True)
    assert acts.taken() == "a c d"
    acts.broken.clear()
    theirs = other.context_get("ctx").session_get("one")
    again = theirs.retry()
    assert acts.called == ["c d", "e", "f"]
    assert again.results[0].place == f"{script}:2:1"
    assert again.after == report.run


def test_what_is_kept_without_its_text_is_refused(
    local: Place, ws: Workspace, play: Play, acts: Acts, session: Session
) -> None:
    acts.broken["a"] = ActionError("no")
    play("!!t.do n:a token:'find-me-secret'")
    other = local.open()
    acts.add_to(other)
    acts.taken()
    with pytest.raises(SessionError, match="is not known here: t") as caught:
        other.context_get("ctx").session_get("one").retry()
    assert "--resume" in caught.value.hint
    assert session.run_get().left[0].written.script == ""
    ws.redactor.add("another-secret")
    acts.broken["another-secret"] = ActionError("no")
    play("!!t.do n:'another-secret'")
    with pytest.raises(SessionError, match="is not known here"):
        other.context_get("ctx").session_get("one").retry()
    assert "another-secret" not in (session.path / "runs.jsonl").read_text()
    acts.taken()
    acts.broken.clear()
    assert session.retry().ok  # the process that ran it has the text


def test_of_very_many_actions_no_text_is_kept(
    local: Place, play: Play, acts: Acts, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "MAX_SCRIPTS", 1)
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    assert [one.written.script for one in session.run_get().left] == ["", ""]
    with pytest.raises(SessionError, match="is not known here"):
        local.open().context_get("ctx").session_get("one").retry()
    acts.broken.clear()
    assert play(FOUR, resume=True).ok


def test_nothing_was_run_yet(session: Session) -> None:
    with pytest.raises(SessionError, match="no run is kept yet"):
        session.retry()


# -- going on after a run that did not finish


def test_a_failed_run_is_gone_on_with(play: Play, acts: Acts) -> None:
    acts.broken["c"] = ActionError("no")
    first = play(FOUR)
    acts.broken.clear()
    acts.taken()
    report = play(FOUR, resume=True)
    done = f"skipped: done in run {first.run}"
    assert rows(report) == [done, done, "changed: c", "changed: d"]
    assert acts.taken() == "c d"
    assert report.after == first.run
    with pytest.raises(SessionError, match="no unfinished run") as caught:
        play(FOUR, resume=True)
    assert "leave resume out" in caught.value.hint
    assert acts.taken() == ""


def test_by_another_process(local: Place, play: Play, acts: Acts) -> None:
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    acts.broken.clear()
    acts.taken()
    other = local.open()
    acts.add_to(other)
    theirs = other.context_get("ctx").session_get("one")
    assert other.play(FOUR, session=theirs, resume=True).ok
    assert acts.taken() == "c d"


def test_an_interrupted_run_is_gone_on_with_exactly_there(play: Play, acts: Acts) -> None:
    acts.broken["c"] = KeyboardInterrupt()
    assert rows(play(FOUR))[2:] == ["interrupted", "skipped"]
    acts.broken["c"] = KeyboardInterrupt()
    assert rows(play(FOUR, resume=True))[2:] == ["interrupted", "skipped"]
    acts.broken.clear()
    acts.taken()
    assert play(FOUR, resume=True).ok
    assert acts.taken() == "c d"


def test_a_finished_run_closes_an_unfinished_one(play: Play, acts: Acts) -> None:
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    acts.broken.clear()
    assert play(FOUR).ok
    with pytest.raises(SessionError, match="no unfinished run"):
        play(FOUR, resume=True)


def test_a_run_of_some_closes_none(play: Play, acts: Acts) -> None:
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    acts.broken.clear()
    assert play(FOUR, only="t").ok
    acts.broken["d"] = ActionError("no")
    play(FOUR)
    acts.broken.clear()
    play(f"{FOUR}\n!!t.skip", only="t.do")
    acts.taken()
    assert play(FOUR, resume=True).ok
    assert acts.taken() == "d"


def test_another_playbook_that_shares_an_action_does_not_count(play: Play, acts: Acts) -> None:
    """Neither when it finished nor when it failed later."""
    acts.broken = {"c": ActionError("no"), "z": ActionError("no")}
    first = play(FOUR)
    assert play("!!t.do n:a\n!!t.do n:y").ok
    play("!!t.do n:a\n!!t.do n:z")
    acts.broken.clear()
    assert play("!!t.do n:a\n!!t.do n:z").ok
    acts.taken()
    assert play(FOUR, resume=True).after == first.run
    assert acts.taken() == "c d"


def test_one_begun_anew_counts_and_not_the_one_before_it(play: Play, acts: Acts) -> None:
    acts.broken["d"] = ActionError("no")
    play(FOUR)
    acts.broken = {"a": ActionError("no")}
    play(FOUR)
    acts.broken.clear()
    acts.taken()
    assert play(FOUR, resume=True).ok
    assert acts.taken() == "a b c d"


def test_edited_below_the_point_reached(play: Play, acts: Acts) -> None:
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    acts.taken()
    text = "// a comment\n!!t.do\n    n:'a'\ntext\n!!t.look n:b\n!!t.do n:c2\n!!t.do n:e"
    assert play(text, resume=True).ok
    assert acts.taken() == "c2 e"


def test_equal_actions_are_counted(play: Play, acts: Acts) -> None:
    text = "!!t.do n:a\n!!t.do n:a\n!!t.do n:c\n!!t.do n:a"
    acts.broken["c"] = ActionError("no")
    play(text)
    acts.broken.clear()
    acts.taken()
    assert play(text, resume=True).ok
    assert acts.taken() == "c a"


def test_after_going_on_in_spite_of_a_failure(play: Play, acts: Acts) -> None:
    acts.broken["b"] = ActionError("no")
    play(FOUR, keep_going=True)
    acts.broken.clear()
    acts.taken()
    assert play(FOUR, resume=True).ok
    assert acts.taken() == "b"


def test_after_a_retry(play: Play, acts: Acts, session: Session) -> None:
    """What the retried run had done is not forgotten."""
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    acts.broken = {"d": ActionError("no")}
    assert rows(session.retry())[0] == "changed: c"
    acts.broken.clear()
    acts.taken()
    assert play(FOUR, resume=True).ok
    assert acts.taken() == "d"
    with pytest.raises(SessionError):
        play(FOUR, resume=True)


def test_a_handler_that_skipped_is_done(play: Play, acts: Acts) -> None:
    acts.broken["c"] = ActionError("no")
    play("!!t.skip\n!!t.do n:c")
    acts.broken.clear()
    acts.taken()
    play("!!t.skip\n!!t.do n:c", resume=True)
    assert acts.taken() == "c"


def test_what_brings_in_others_does_so_again(play: Play, acts: Acts, tmp_path: Path) -> None:
    """Else what is left of the others would be lost."""
    (tmp_path / "more.hero").write_text("!!t.do n:x\n!!t.do n:y\n!!t.do n:z")
    text = f"!!play.include path:'{tmp_path / 'more.hero'}'"
    acts.broken["y"] = ActionError("no")
    play(text)
    acts.broken.clear()
    acts.taken()
    assert play(text, resume=True).ok
    assert acts.taken() == "y z"


def test_a_handler_that_adds_actions_does_so_again(
    ws: Workspace, session: Session, acts: Acts
) -> None:
    acts.broken["y"] = ActionError("no")
    text = "!!t.add text:'!!t.do n:x\\n!!t.do n:y'"
    session.plbook.add(text)
    session.run()
    acts.broken.clear()
    acts.taken()
    again = session.context.session_get("one")
    again.plbook.add(text)
    assert again.run(resume=True).ok
    assert acts.taken() == "add y"


def test_a_dry_run_shows_where_it_would_go_on(
    ws: Workspace, session: Session, play: Play, acts: Acts
) -> None:
    acts.broken["c"] = ActionError("no")
    play(FOUR)
    acts.taken()
    book = Playbook.from_text(FOUR)
    report = ws.run(session, book, resume=True, dry_run=True)
    assert [one.status for one in report] == ["skipped", "skipped", "pending", "pending"]
    assert not any(action.done for action in book.actions)
    assert acts.taken() == ""


def test_what_is_wrong_is_told_before_what_cannot_be_resumed(play: Play, acts: Acts) -> None:
    with pytest.raises(UnknownActionError):
        play("!!no.such", resume=True)
    with pytest.raises(SessionError):
        play(FOUR, resume=True)
    with pytest.raises(SessionError):
        play("", resume=True)


def test_a_secret_does_not_tell_actions_apart_and_a_reference_does(
    play: Play, acts: Acts, session: Session
) -> None:
    acts.broken["c"] = ActionError("no")
    session.env_set("X", "1")
    play("!!t.do n:a token:one\n!!t.do n:'{X}'\n!!t.do n:c")
    session.env_set("X", "2")
    acts.broken.clear()
    acts.taken()
    assert play("!!t.do n:a token:two\n!!t.do n:'{X}'\n!!t.do n:c", resume=True).ok
    assert acts.taken() == "c"


# -- killed


def killed_at(place: Place, text: str, word: str, **options: Any) -> None:
    """Play the text in a child that is killed in the action that says the word."""

    def work() -> None:
        ws = place.open()
        acts = Acts(ws)
        session = ws.context_get("ctx").session_get("one")

        @ws.action("t.wait")
        def wait(*, n: str) -> None:
            if n == word:
                os.write(into, b"!")
                time.sleep(30)

        assert acts.called == []
        ws.play(text, session=session, name="In[1]", **options)

    out, into = os.pipe()
    pid = forked(work)
    os.close(into)
    assert os.read(out, 1) == b"!"
    os.close(out)
    killed(pid)


KILLED = "!!t.look n:a\n!!t.do n:b\n!!t.wait n:c\n!!t.do n:d"


def journals(session: Session) -> list[str]:
    return sorted(path.name for path in session.path.glob("run.*"))


@pytest.fixture
def mended(acts: Acts, ws: Workspace) -> Acts:
    ws.action("t.wait")(lambda *, n: acts.called.append(n))
    return acts


def test_a_killed_run_is_found_shown_and_gone_on_with(
    local: Place, play: Play, session: Session, mended: Acts
) -> None:
    killed_at(local, KILLED, "c")
    assert len(journals(session)) == 1
    (report,) = session.run_list()
    assert (report.killed, report.ok, report.ended) == (True, False, "killed")
    assert rows(report) == ["ok: a", "changed: b", "interrupted: its process ended while it ran"]
    assert (report.context, report.session, report.source) == ("ctx", "one", "In[1]")
    assert str(report).endswith("· ctx · one")
    assert "killed: its process ended before it did" in report.summary
    assert session.run_names() == [report.run]
    assert session.run_get() == session.run_get(report.run) == report
    assert journals(session) == []
    again = play(KILLED, resume=True)
    assert mended.taken() == "c d"
    assert again.after == report.run
    assert rows(again)[0] == f"skipped: done in run {report.run}"
    with pytest.raises(SessionError, match="no unfinished run"):
        play(KILLED, resume=True)


def test_killed_while_going_on(local: Place, play: Play, session: Session, mended: Acts) -> None:
    text = KILLED + "\n!!t.wait n:e\n!!t.do n:f"
    killed_at(local, text, "c")
    killed_at(local, text, "e", resume=True)
    assert play(text, resume=True).ok
    assert mended.taken() == "e f"


def test_killed_in_what_was_brought_in(
    local: Place, play: Play, mended: Acts, tmp_path: Path, session: Session
) -> None:
    """The cell has no action but the one that brings in others, which changes nothing itself."""
    (tmp_path / "more.hero").write_text(KILLED)
    text = f"!!play.include path:'{tmp_path / 'more.hero'}'"
    killed_at(local, text, "c")
    assert play(text, resume=True).ok
    assert mended.taken() == "c d"


def test_a_killed_run_is_not_enough_for_a_retry(
    local: Place, session: Session, mended: Acts
) -> None:
    killed_at(local, KILLED, "c")
    with pytest.raises(SessionError, match="it was killed") as caught:
        session.retry()
    assert "--resume" in caught.value.hint


def test_a_run_that_goes_on_is_not_taken_for_killed(
    local: Place, ws: Workspace, session: Session, acts: Acts
) -> None:
    """Two at once, and each is looked at by another kernel meanwhile."""
    seen: list[int] = []

    @ws.action("t.peek")
    def peek(*, deep: bool = False) -> None:
        theirs = local.open().context_get("ctx").session_get("one")
        seen.append(len(theirs.run_list()))
        seen.append(len(journals(session)))
        if deep:
            ws.play("!!t.do n:x\n!!t.peek", session=session)

    assert ws.play("!!t.do n:a\n!!t.peek deep:1\n!!t.do n:b", session=session).ok
    assert seen == [0, 1, 0, 2]
    assert journals(session) == []
    assert [one.killed for one in session.run_list()] == [False, False]


def test_a_child_that_outlives_its_process_does_not_keep_its_run_alive(
    local: Place, session: Session
) -> None:
    """A forked worker inherits the lock."""

    def work() -> None:
        ws = local.open()

        @ws.action("t.fork")
        def fork() -> None:
            child = os.fork()
            if child:
                os.write(into, child.to_bytes(4))
            time.sleep(30)

        ws.play("!!t.fork", session=ws.context_get("ctx").session_get("one"))

    out, into = os.pipe()
    pid = forked(work)
    worker = int.from_bytes(os.read(out, 4))
    try:
        assert session.run_list() == []
        killed(pid)
        assert [one.killed for one in session.run_list()] == [True]
    finally:
        os.kill(worker, signal.SIGKILL)
        os.close(out)
        os.close(into)


def test_several_that_look_at_once_keep_a_killed_run_once(local: Place, session: Session) -> None:
    for _ in range(4):
        killed_at(local, KILLED, "c")

    def look(_: int) -> None:
        local.open().context_get("ctx").session_get("one").run_list()

    in_children(4, look)
    assert len(session.run_names()) == len(set(session.run_names())) == 4
    assert journals(session) == []


@pytest.mark.parametrize("cut", [1, 2])
def test_a_torn_last_line_is_left_out(
    local: Place, play: Play, session: Session, mended: Acts, cut: int
) -> None:
    killed_at(local, KILLED, "c")
    path = session.path / journals(session)[0]
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    (report,) = session.run_list()
    assert rows(report) == ["ok: a", "changed: b"]
    assert report.killed
    assert not report
    assert play(KILLED, resume=True).ok
    assert mended.taken() == "c d"


def test_damaged_lines_and_heads(local: Place, session: Session) -> None:
    killed_at(local, KILLED, "c")
    path = session.path / journals(session)[0]
    head, *lines = path.read_bytes().split(b"\n")
    path.unlink()

    def found(*parts: bytes, name: str = "run.1.jsonl") -> list[list[str]]:
        for old in session.path.glob("runs*.jsonl"):
            old.unlink()
        (session.path / name).write_bytes(b"\n".join(parts))
        os.utime(session.path / name, (1, 1))
        return [rows(one) for one in session.run_list()]

    whole = ["ok: a", "changed: b", "interrupted: its process ended while it ran"]
    assert found(head, *lines) == [whole]
    assert found(head, b"\xff{", b"[]", b"{}", b'{"begins":1}', *lines) == [whole]
    assert found(b"\xff", *lines) == [whole]
    assert found(b"") == found(head[:20]) == []  # killed at its first line: nothing was done
    assert journals(session) == []
    newer = head.replace(b'"schema":2', b'"schema":9')
    assert found(newer, *lines) == []
    assert journals(session) == ["run.1.jsonl"]  # it is not ours to judge
    (session.path / "run.2.jsonl").touch()
    assert session.run_list() == []
    assert journals(session) == ["run.1.jsonl", "run.2.jsonl"]  # it may have just been begun


def test_a_report_kept_just_before_the_kill_counts_once(
    local: Place, session: Session, mended: Acts, play: Play
) -> None:
    killed_at(local, KILLED, "c")
    path = session.path / journals(session)[0]
    data = path.read_bytes()
    assert len(session.run_list()) == 1
    path.write_bytes(data)  # as if it had been killed between the two steps
    assert len(session.run_list()) == 1
    assert journals(session) == []


def test_journals_go_the_way_of_old_runs(
    local: Place, session: Session, play: Play, mended: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_runs, "MAX_BYTES", 4000)
    killed_at(local, KILLED, "c")
    for number in range(40):
        play(f"!!t.do n:{number}")
    assert not any(one.killed for one in session.run_list(100))
    assert sorted(path.name for path in session.path.glob("run*")) == [
        "runs.jsonl", "runs.old.jsonl",
    ]  # fmt: skip


def test_a_run_that_changes_nothing_leaves_no_journal(
    ws: Workspace, session: Session, acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Report] = []
    monkeypatch.setattr(Session, "run_journal", lambda _, head: asked.append(head))
    report = ws.play("!!t.look n:a\n!!play.echo content:x\n!!play.echo", session=session)
    assert report.ok
    ws.play("!!t.do n:a", session=session, dry_run=True)
    assert asked == []
    assert all(one.written is None for one in report)


def test_a_journal_that_cannot_be_written_stops_no_run(
    ws: Workspace, session: Session, acts: Acts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    assert ws.play("!!t.do n:a", session=session).note == ""
    monkeypatch.setattr("hero_kernel.runs.journal.os.write", full)
    report = ws.play("!!t.do n:a\n!!t.do n:b", session=session)
    monkeypatch.undo()
    assert report.results[1].status is Status.CHANGED
    assert "could not be resumed if it were killed: no room" in report.note
    assert journals(session) == []


def test_a_journal_is_private_and_a_link_is_not_followed(
    local: Place, session: Session, tmp_path: Path
) -> None:
    killed_at(local, KILLED, "c")
    path = session.path / journals(session)[0]
    assert path.stat().st_mode & 0o777 == 0o600
    elsewhere = tmp_path / "elsewhere.jsonl"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert session.run_list() == []
    assert elsewhere.exists()


def test_a_session_renamed_while_it_runs(ws: Workspace, session: Session, acts: Acts) -> None:
    @ws.action("t.rename")
    def rename(session: Session) -> None:
        session.rename("two")

    assert ws.play("!!t.do n:a\n!!t.rename\n!!t.do n:b", session=session).ok
    assert [one.killed for one in session.run_list()] == [False]
    assert journals(session) == []


# -- the last run


def test_the_last_run_of_the_process_else_of_the_session(
    local: Place, ws: Workspace, session: Session, play: Play, acts: Acts
) -> None:
    assert ws.last_run is None
    ws.session_select(session)
    assert ws.last_run is None
    report = play("!!t.do n:a")
    assert ws.last_run is report
    assert report.results[0].value == "a"
    play("!!t.do n:b", dry_run=True)
    play("")
    assert ws.last_run is report
    acts.broken["c"] = ValueError("no")
    assert play("!!t.do n:c") is ws.last_run
    other = local.open()
    before = local.tree(), local.records()
    assert other.last_run is None  # nothing tells which session is meant
    assert (local.tree(), local.records()) == before
    other.session_select(other.context_get("ctx").session_get("one"))
    kept = other.last_run
    assert kept is not None
    assert kept == ws.last_run
    assert json.loads(json.dumps(kept.to_dict())) == kept.to_dict()
