"""The runner: statuses, stopping, interrupts, and whatever a handler may do."""
# handlers print

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from hero_kernel import Changed, Playbook, Skipped, runner
from hero_kernel.errors import ActionError, HeroError, ParamError, UnknownActionError
from hero_kernel.report import Report, Status, to_html

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Session, Workspace


@pytest.fixture
def ws(local: Place) -> Workspace:
    return local.open()


@pytest.fixture
def session(ws: Workspace) -> Session:
    return ws.session_new(ws.context_new("ctx"), "one")


@pytest.fixture
def play(ws: Workspace, session: Session) -> Callable[..., Report]:
    def play(text: str, **options: Any) -> Report:
        return ws.play(text, session=session, name="cell", **options)

    return play


Play = Any


def statuses(report: Report) -> str:
    return " ".join(result.status.value for result in report.results)


@pytest.fixture
def acts(ws: Workspace) -> list[str]:
    """Handlers that succeed and fail in every way; what was called is listed."""
    called: list[str] = []

    @ws.action("t.ok")
    def ok(session: Session, *, n: str = "") -> str:
        called.append(f"ok{n}")
        print("printed", n)
        return f"did {n}"

    @ws.action("t.changed")
    def changed(session: Session) -> Changed:
        called.append("changed")
        return Changed("new")

    @ws.action("t.skip")
    def skip(session: Session) -> Skipped:
        return Skipped("nothing to do")

    @ws.action("t.fail")
    def fail(session: Session) -> None:
        called.append("fail")
        print("before it failed")
        raise ValueError("it broke")

    @ws.action("t.refuse")
    def refuse(session: Session) -> None:
        raise ActionError("not like this", hint="but like that")

    return called


# -- statuses, stopping, going on


def test_statuses_and_rows(play: Play, acts: list[str]) -> None:
    report = play("!!t.ok n:1\n!!t.changed\n!!t.skip")
    assert statuses(report) == "ok changed skipped"
    assert [r.message for r in report.results] == ["did 1", "new", "nothing to do"]
    assert [r.output for r in report.results] == ["printed 1\n", "", ""]
    assert [r.place for r in report.results] == ["cell:1:1", "cell:2:1", "cell:3:1"]
    assert (report.context, report.session, report.source) == ("ctx", "one", "cell")
    assert report.results[0].value == "did 1"
    assert report.ok


def test_the_first_failure_stops(play: Play, acts: list[str]) -> None:
    report = play("!!t.ok n:1\n!!t.fail\n!!t.ok n:2\n!!t.ok n:3")
    assert statuses(report) == "ok failed skipped skipped"
    assert acts == ["ok1", "fail"]
    failure = report.results[1].failure
    assert (failure.kind, failure.message) == ("ValueError", "it broke")
    assert "raise ValueError" in failure.traceback
    assert "hero_kernel" not in failure.traceback
    assert failure.excerpt == ("    !!t.fail", "    ^")
    assert report.results[1].output == "before it failed\n"


def test_going_on(play: Play, acts: list[str]) -> None:
    report = play("!!t.fail\n!!t.refuse\n!!t.ok n:1", keep_going=True)
    assert statuses(report) == "failed failed ok"
    refused = report.results[1].failure
    assert (refused.message, refused.hint, refused.traceback) == (
        "not like this", "but like that", "",
    )  # fmt: skip


def test_done_and_result_are_set(ws: Workspace, session: Session, acts: list[str]) -> None:
    book = Playbook.from_text("!!t.ok n:1\n!!t.fail\n!!t.ok n:2")
    ws.run(session, book)
    assert [a.done for a in book.actions] == [True, False, False]
    assert book.actions[0].result == "did 1"
    ws.action("t.fail")(lambda session: "mended")  # a second run does only the rest
    assert statuses(ws.run(session, book)) == "ok ok"
    assert acts == ["ok1", "fail", "ok2"]
    assert ws.run(session, book).results == ()


def test_nothing_runs_when_something_is_wrong(play: Play, acts: list[str]) -> None:
    for text, kind, place in (
        ("!!t.ok\n!!no.such", UnknownActionError, "cell:2:1"),
        ("!!t.ok\n!!t.ok m:1", ParamError, "cell:2:8"),
        ("!!t.ok\n!!session.env_set val:1", ParamError, "cell:2:1"),
        ("!!t.ok\n!!t.ok n:'open", HeroError, "cell:2:10"),
    ):
        with pytest.raises(kind) as caught:
            play(text)
        assert str(caught.value.place).startswith(place[:6])
    assert acts == []


def test_without_a_handler_an_action_waits(
    ws: Workspace, session: Session, acts: list[str]
) -> None:
    session.playbook_add(text="!!mine.do x:1\n!!t.ok")
    report = session.run()
    assert statuses(report) == "pending ok"
    assert [a.full_name for a in session.plbook.find("mine.*")] == ["mine.do"]
    with pytest.raises(HeroError, match=r"mine.do"):
        session.plbook.empty_check()
    assert report.ok


def test_priorities_order_a_run(session: Session, acts: list[str], ws: Workspace) -> None:
    session.playbook_add(text="!!t.ok n:1\n!!t.changed\n!!t.ok n:2")
    session.playbook_add(text="!!t.ok n:3", prio=5)
    session.playbook_priorities_add({1: "t.changed"})
    ws.run(session, session.plbook)
    assert acts == ["changed", "ok3", "ok1", "ok2"]


def test_priorities_count_for_what_a_file_brings_in(
    session: Session, acts: list[str], ws: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "a.hero").write_text("!!t.ok n:inside\n!!t.changed")
    session.playbook_add(text=f"!!play.include path:'{tmp_path}/a.hero'\n!!t.ok n:after")
    session.playbook_priorities_add({10: "play.*", 50: "t.changed", 60: "t.*"})
    ws.run(session, session.plbook)
    assert acts == ["changed", "okinside", "okafter"]


def test_what_a_handler_adds_is_carried_out(
    ws: Workspace, session: Session, acts: list[str]
) -> None:
    @ws.action("t.more")
    def more(session: Session) -> None:
        session.playbook_add(text="!!t.ok n:added")
        session.playbook_add(text="!!t.ok n:urgent", prio=1)

    session.playbook_add(text="!!t.more\n!!t.ok n:1")
    assert statuses(session.run()) == "ok ok ok ok"
    assert acts == ["okurgent", "ok1", "okadded"]


def test_what_a_handler_sees_to_is_not_carried_out(
    ws: Workspace, session: Session, acts: list[str]
) -> None:
    @ws.action("t.batch")
    def batch(session: Session) -> None:
        for action in session.plbook.find("t.ok"):
            action.done = True

    session.playbook_add(text="!!t.batch\n!!t.ok n:1\n!!t.changed")
    assert statuses(session.run()) == "ok changed"


# -- dry run


def test_a_dry_run_changes_nothing(
    local: Place, ws: Workspace, session: Session, acts: list[str], tmp_path: Path
) -> None:
    script = tmp_path / "a.hero"
    script.write_text("!!t.ok n:inside\n!!session.env_set key:A val:1\n!!play.echo content:x")
    session.playbook_add(text=f"!!t.ok n:1\n!!play.include path:'{script}'\n!!core.coderoot_set "
                         f"coderoot:'{tmp_path}/new'")  # fmt: skip
    before = local.records(), local.tree()
    report = session.run(dry_run=True)
    assert statuses(report) == "pending ok pending pending ok pending"
    assert report.dry_run
    assert (local.records(), local.tree()) == before
    assert not (tmp_path / "new").exists()
    assert acts == []
    assert [a.done for a in session.plbook.actions] == [False] * 3
    assert statuses(session.run()) == "ok ok ok changed ok changed"


def test_a_dry_run_finds_what_is_wrong(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!no.such")
    report = play(f"!!play.include path:'{tmp_path}/a.hero'", dry_run=True)
    assert statuses(report) == "failed"
    with pytest.raises(UnknownActionError):
        play("!!no.such", dry_run=True)


# -- names in braces


def test_names_are_filled_in_at_their_turn(play: Play, session: Session) -> None:
    session.env_set("HOME_DIR", "/h")
    report = play(
        "!!play.echo content:'{A} {home_dir} {Home_Dir} ${A} @A {UNKNOWN}'\n"
        "!!session.env_set key:A val:'{HOME_DIR}/a'\n"
        "!!play.echo content:'{A}'\n"
        "!!session.env_set key:B val:'{C}'\n"
        "!!session.env_set key:C val:'no'\n"
        "!!play.echo content:'{B}'"
    )
    said = [r.message for r in report.results if r.action == "play.echo"]
    assert said == ["{A} /h /h ${A} @A {UNKNOWN}", "/h/a", "{C}"]


def test_a_filled_in_value_is_converted_at_its_turn(ws: Workspace, play: Play) -> None:
    @ws.action("t.number")
    def number(session: Session, *, n: int) -> int:
        return n + 1

    report = play("!!session.env_set key:N val:41\n!!t.number n:'{N}'")
    assert report.results[1].value == 42
    report = play("!!session.env_set key:N val:x\n!!t.number n:'{N}'\n")
    assert "it takes a whole number" in report.results[1].failure.hint


# -- handlers of all kinds


def test_async_handlers(ws: Workspace, play: Play) -> None:
    @ws.action("t.later")
    async def later(session: Session, *, n: int) -> int:
        await asyncio.sleep(0.001)
        print("slept")
        return n * 2

    @ws.action("t.fails")
    async def fails(session: Session) -> None:
        await asyncio.sleep(0)
        raise ActionError("async no")

    @ws.action("t.cancels")
    async def cancels(session: Session) -> None:
        raise asyncio.CancelledError

    report = play("!!t.later n:21\n!!t.fails\n!!t.cancels", keep_going=True)
    assert statuses(report) == "ok failed failed"
    assert report.results[0].value == 42
    assert report.results[0].output == "slept\n"
    assert report.results[1].failure.message == "async no"
    assert report.results[2].failure.kind == "CancelledError"

    async def in_a_loop() -> Report:  # as a notebook's cell is
        return play("!!t.later n:1")

    assert asyncio.run(in_a_loop()).ok


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3), SystemExit("text"), GeneratorExit(), RecursionError("deep"), MemoryError(),
        BaseException("odd"), StopIteration(), StopAsyncIteration(),
        ExceptionGroup("g", [OSError()]),
    ],
    ids=repr,
)  # fmt: skip
def test_whatever_a_handler_raises_is_its_result(
    ws: Workspace, play: Play, error: BaseException
) -> None:
    @ws.action("t.raise")
    def raises(session: Session) -> None:
        raise error

    report = play("!!t.raise\n!!play.echo content:x", keep_going=True)
    assert statuses(report) == "failed ok"
    assert report.results[0].failure.kind == type(error).__name__


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no str")


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no str")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), ("text", "text"), (42, "42"), (True, "True"), ([1, "a"], "[1, 'a']"),
        (Hostile(), "<Hostile instance at 0x"),
        ([Hostile()], "[<Hostile instance at 0x"),
        (Text("x"), "<Text that cannot be shown: RuntimeError>"),
        (10**5000, "<int that cannot be shown: ValueError>"),
        ("\ud800", "\\ud800"), (b"\xff", "b'\\xff'"),
    ],
    ids=range(11),
)  # fmt: skip
def test_whatever_a_handler_returns_is_shown(
    ws: Workspace, play: Play, value: object, shown: str
) -> None:
    ws.action("t.value")(lambda session: value)
    (result,) = play("!!t.value").results
    assert result.status is Status.OK
    assert result.message.startswith(shown)
    assert result.value is value


def test_an_error_that_cannot_be_shown(ws: Workspace, play: Play) -> None:
    @ws.action("t.hostile")
    def hostile(session: Session) -> None:
        raise HostileError

    (result,) = play("!!t.hostile").results
    assert result.failure.message == "<HostileError that cannot be shown: RuntimeError>"


def test_much_is_bounded(ws: Workspace, play: Play) -> None:
    @ws.action("t.much")
    def much(session: Session) -> object:
        for _ in range(300):
            print("x" * 10_000)
        return "y" * 3_000_000

    @ws.action("t.nested")
    def nested(session: Session) -> object:
        found: list[Any] = []
        for _ in range(100_000):
            found = [found]
        return {"deep": found, "wide": list(range(10**6)), "long": "z" * 10**6}

    @ws.action("t.error")
    def error(session: Session) -> None:
        raise ValueError("e" * 3_000_000)

    report = play("!!t.much\n!!t.nested\n!!t.error")
    first, second, third = report.results
    assert len(first.output) < 21_000
    assert first.output.endswith("characters more")
    assert len(first.message) < 21_000
    assert len(second.message) < 21_000
    assert len(third.failure.message) < 21_000


def test_a_whole_report_is_bounded(ws: Workspace, session: Session) -> None:
    @ws.action("t.much")
    def much(session: Session) -> str:
        print("x" * 30_000)
        return "y" * 30_000

    report = ws.run(session, Playbook.from_text("!!t.much\n" * 1000))
    kept = sum(len(r.output) + len(r.message) for r in report.results)
    assert kept < runner.MAX_KEPT + 1000 * 2 * (runner.FEW + 50)
    assert len(to_html(report)) < 2_000_000
    assert all(r.output.startswith("xxx") and r.message.startswith("yyy") for r in report.results)


def test_output_looks_like_a_terminals(ws: Workspace, play: Play) -> None:
    @ws.action("t.ask")
    def ask(session: Session) -> list[object]:
        sys.stderr.write("to stderr\n")
        sys.stdout.flush()
        return [sys.stdout.encoding, sys.stdout.isatty(), sys.stdout.writable()]

    (result,) = play("!!t.ask").results
    assert result.value == ["utf-8", False, True]
    assert result.output == "to stderr\n"


def test_stdout_is_given_back(ws: Workspace, play: Play, acts: list[str]) -> None:
    before = sys.stdout, sys.stderr
    play("!!t.ok\n!!t.fail")
    assert (sys.stdout, sys.stderr) == before


def test_a_run_inside_a_run(ws: Workspace, session: Session, acts: list[str]) -> None:
    @ws.action("t.inner")
    def inner(session: Session) -> str:
        return statuses(ws.play("!!t.ok n:inner\n!!t.fail", session=session))

    report = ws.play("!!t.inner\n!!t.ok n:outer", session=session)
    assert report.results[0].message == "ok failed"
    assert acts == ["okinner", "fail", "okouter"]


def test_a_handler_does_not_run_the_playbook_it_is_in(
    ws: Workspace, session: Session, acts: list[str]
) -> None:
    @ws.action("t.again")
    def again(session: Session) -> None:
        session.run()

    session.playbook_add(text="!!t.again\n!!t.ok n:1")
    first = session.run().results[0].failure
    assert first
    assert "being carried out" in first.message
    assert acts == []
    ws.action("t.again")(lambda session: None)
    assert session.run().ok


# -- progress


def test_progress(ws: Workspace, play: Play) -> None:
    seen: list[runner.Progress | None] = []
    ask: list[Callable[[], runner.Progress | None]] = []

    @ws.action("t.slow")
    def slow(session: Session) -> None:
        seen.append(ask[0]())
        session.progress("half", 0.5)
        seen.append(ask[0]())
        session.progress("nearly")
        seen.append(ask[0]())

    @ws.action("t.next")
    def following() -> None:
        seen.append(ask[0]())

    def watch(where: Callable[[], runner.Progress | None]) -> None:
        ask.append(where)
        assert where() is None

    play("!!t.slow\n!!t.next", watch=watch)
    assert seen == [
        runner.Progress(1, 2, "t.slow"),
        runner.Progress(1, 2, "t.slow", "half", 0.5),
        runner.Progress(1, 2, "t.slow", "nearly"),
        runner.Progress(2, 2, "t.next"),
    ]
    assert ask[0]() == runner.Progress(2, 2, "t.next")
    ask[0] = lambda: None
    play("!!t.slow")  # nobody watches: nothing happens


# -- what is kept


def test_a_run_is_kept_and_can_be_shown_again(
    local: Place, play: Play, session: Session, acts: list[str]
) -> None:
    report = play("!!t.ok n:1")
    again = local.open().context_get("ctx").session_get("one").run_get()
    assert again == report
    assert session.run_names() == [report.run]
    assert report.run in (session.path / "runs.jsonl").read_text(encoding="utf-8")


def test_a_run_that_cannot_be_kept_is_still_reported(
    play: Play, session: Session, acts: list[str]
) -> None:
    (session.path / "runs.jsonl").mkdir()
    report = play("!!t.ok n:1")
    assert report.ok
    assert report.run == ""
    assert "this run is not kept" in report.note
    assert "Is a directory" in str(report)


# -- Ctrl-C


def test_ctrl_c_in_a_handler(ws: Workspace, play: Play, acts: list[str]) -> None:
    @ws.action("t.wait")
    def wait(session: Session) -> None:
        print("waiting")
        raise KeyboardInterrupt

    report = play("!!t.ok n:1\n!!t.wait\n!!t.ok n:2", keep_going=True)
    assert statuses(report) == "ok interrupted skipped"
    assert report.results[1].output == "waiting\n"
    assert not report.ok
    assert acts == ["ok1"]


def test_ctrl_c_between_actions_is_no_success(
    ws: Workspace, session: Session, acts: list[str]
) -> None:
    class Interrupted(Playbook):
        """Ctrl-C comes when the runner looks for the second action."""

        looked = 0

        @property
        def version(self) -> int:
            self.looked += 1
            if self.looked == 3:
                raise KeyboardInterrupt
            return super().version

    playbook = Interrupted()
    playbook.add("!!t.ok n:1\n!!t.ok n:2\n!!t.ok n:3")
    report = ws.run(session, playbook)
    assert statuses(report) == "ok interrupted skipped"
    assert not report.ok
    assert acts == ["ok1"]


INTERRUPTED = """
import asyncio, signal, threading, time
import _thread
s = ws.session_new(ws.context_new("ctx"), "one")
cleaned = []
@ws.action("t.sync")
def sync(session):
    print("READY", file=sys.__stdout__, flush=True)
    time.sleep(30)
@ws.action("t.later")
async def later(session):
    print("READY", file=sys.__stdout__, flush=True)
    try:
        await asyncio.sleep(30)
    finally:
        cleaned.append(True)
@ws.action("t.many")
def many(session, *, n: int):
    if n == 50:
        print("READY", file=sys.__stdout__, flush=True)
book = {book}
began = time.monotonic()
report = ws.run(s, hero.Playbook.from_text(book))
names = [r.status.value for r in report.results]
print(names.count("ok"), names.count("interrupted"), names.count("skipped"), len(names))
print(len(cleaned), s.run_get().run == report.run, time.monotonic() - began < 10)
print(ws.play("!!play.echo content:usable", session=s).results[0].message)
"""


@pytest.mark.parametrize(
    ("book", "counts", "cleaned"),
    [
        ("'!!play.echo\\n!!t.sync\\n!!play.echo'", "1 1 1 3", "0"),
        ("'!!play.echo\\n!!t.later\\n!!play.echo'", "1 1 1 3", "1"),
    ],
)
def test_a_signal_in_a_handler(local: Place, book: str, counts: str, cleaned: str) -> None:
    child = local.start(INTERRUPTED.replace("{book}", book))
    assert child.stdout
    assert child.stdout.readline() == "READY\n"
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    printed, complaint = child.communicate(timeout=30)
    assert printed.splitlines() == [counts, f"{cleaned} True True", "usable"], complaint


def test_a_signal_between_actions(local: Place) -> None:
    """At whatever point of a run of quick actions it comes, every action has one row."""
    book = "'\\n'.join(f'!!t.many n:{n}' for n in range(100_000))"
    child = local.start(INTERRUPTED.replace("{book}", book))
    assert child.stdout
    assert child.stdout.readline() == "READY\n"
    child.send_signal(signal.SIGINT)
    printed, complaint = child.communicate(timeout=60)
    counts, kept, usable = printed.splitlines() or [complaint] * 3
    ok, interrupted, skipped, rows = map(int, counts.split())
    assert ok + interrupted + skipped == rows == 100_000
    assert skipped > 0
    assert interrupted == 1  # in an action, or before the next one began
    assert kept.endswith("True True")
    assert usable == "usable"


def test_killed_in_the_middle(local: Place) -> None:
    """What was carried out before is there, and nothing is damaged."""
    code = (
        "import os, signal\ns = ws.session_new(ws.context_new('ctx'), 'one')\n"
        "@ws.action('t.die')\ndef die(session): os.kill(os.getpid(), signal.SIGKILL)\n"
        "ws.play('!!session.env_set key:A val:1\\n!!t.die\\n!!session.env_set key:B val:2',"
        " session=s)"
    )
    child = local.start(code)
    child.communicate(timeout=60)
    session = local.open().context_get("ctx").session_get("one")
    assert session.env_all() == {"A": "1"}
    (report,) = session.run_list()
    assert report.killed
    assert statuses(report) == "changed interrupted"


# -- speed


def test_ten_thousand_actions_take_linear_time(ws: Workspace, session: Session) -> None:
    ws.action("t.nothing")(lambda session, *, n=0: None)

    def seconds(count: int) -> float:
        book = Playbook.from_text("\n".join(f"!!t.nothing n:{n}" for n in range(count)))
        gc.collect()
        began = time.perf_counter()
        assert runner.run(session, book, ws.actors, now=ws.now).ok
        return time.perf_counter() - began

    small = min(seconds(1000) for _ in range(3))
    large = min(seconds(10_000) for _ in range(2))
    assert large < 30 * small
    assert large < 2.0


def test_many_includes_in_a_long_playbook(ws: Workspace, session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!play.echo content:x")
    text = "\n".join(f"!!play.run path:'{tmp_path}/a.hero'" for _ in range(500))
    book = Playbook.from_text(text + "\n!!play.echo content:y" * 5000)
    began = time.perf_counter()
    report = runner.run(session, book, ws.actors, now=ws.now)
    assert len(report.results) == 6000
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("gone", ["renamed", "deleted"])
def test_a_run_in_a_session_that_is_gone_makes_no_folder_for_it(
    play: Play, session: Session, acts: list[str], gone: str
) -> None:
    assert play("!!t.ok n:1").run
    context, folder = session.context, session.path
    if gone == "renamed":
        context.session_get("one").rename("two")
    else:
        context.session_delete("one", files=True)
    report = play("!!t.ok n:2")
    assert report.ok
    assert "this run is not kept: session 1:ctx:one is no longer in" in report.note
    assert not folder.exists()


def test_a_run_leaves_its_lines_in_the_sessions_log(
    play: Play, session: Session, acts: list[str]
) -> None:
    play("!!t.ok n:1\n!!t.fail\n!!t.ok n:2", keep_going=True)
    play("!!t.ok n:3", dry_run=True)
    found = [(item.cat, item.logtype, item.log) for item in session.logger().search()]
    assert found[0] == ("t", "stdout", "t.ok ok: did 1\nprinted 1")
    assert found[1][:2] == ("t", "error")
    assert found[1][2].startswith("t.fail failed: ")
    assert len(found) == 3


def test_what_is_logged_is_not_logged_again(play: Play, session: Session) -> None:
    play("!!log.log log:'once upon a time'\n!!log.search log:once")
    assert [item.log for item in session.logger().search()] == ["once upon a time"]


def test_a_handler_finds_the_lines_of_those_before_it(
    ws: Workspace, play: Play, session: Session
) -> None:
    seen: list[str] = []

    @ws.action("t.look")
    def look(session: Session) -> None:
        seen.extend(item.log for item in session.logger().search())
        session.logger().log("by the handler")

    play("!!play.echo content:a\n!!play.echo content:b\n!!t.look\n!!play.echo content:c")
    assert seen == ["play.echo ok: a", "play.echo ok: b"]
    assert [item.log for item in session.logger().search()] == [
        *seen, "by the handler", "t.look ok", "play.echo ok: c",
    ]  # fmt: skip


def test_a_log_that_cannot_be_written_stops_no_run(play: Play, session: Session) -> None:
    (session.path / "logs").write_text("in the way")
    report = play("!!play.echo content:hello")
    assert report.ok
    assert "this run is not logged" in report.note
    assert report.run


def test_known_secrets_are_cut_out_of_everything_a_run_leaves(
    ws: Workspace, session: Session
) -> None:
    ws.redactor.add("find-me-secret")

    @ws.action("t.leak")
    def leak() -> str:
        print("printed find-me-secret")
        return "returned find-me-secret"

    @ws.action("t.raise")
    def fail() -> None:
        raise ValueError("raised find-me-secret")

    report = ws.play(
        "!!t.leak\n!!t.raise\n!!play.echo content:'find-me-secret'",
        session=session,
        keep_going=True,
    )
    assert report.results[0].value == "returned find-me-secret"
    shown = [str(report), to_html(report), str(report.to_dict())]
    kept = [path.read_text() for path in session.path.rglob("*") if path.is_file()]
    assert len(kept) == 2
    assert not [text for text in shown + kept if "find-me" in text]
    assert shown[0].count("••••••") >= 4


class TestUnderway:
    def test_what_can_be_seen_while_it_runs(self, ws: Workspace, session: Session) -> None:
        seen: list[tuple[bool, list[str], str]] = []

        @ws.action("t.look")
        def look() -> None:
            run = ws.running.underway
            assert run is not None
            ended = [f"{a.name} {r.status}" for a, r in run.outcomes()]
            current = run.current()
            seen.append((ws.running.is_running, ended, current.full_name if current else ""))

        assert ws.running.underway is None
        book = Playbook.from_text("!!t.look\n!!no.body\n!!t.look")
        report = ws.run(session, book, source="here")
        assert seen == [(True, [], "t.look"), (True, ["look ok", "body pending"], "t.look")]
        run = ws.running.underway
        assert run is not None
        assert not ws.running.is_running
        assert (run.session, run.source, run.playbook, run.dry_run) == (
            session, "here", book, False,
        )  # fmt: skip
        assert [result for _, result in run.outcomes()] == list(report)
        assert run.current() is None

    def test_a_run_within_a_run_is_over_before_it(self, ws: Workspace, session: Session) -> None:
        inner = Playbook.from_text("!!t.in")
        outer = Playbook.from_text("!!t.out")
        seen = []

        @ws.action("t.in")
        def within() -> None:
            seen.append(ws.running.underway and ws.running.underway.playbook is inner)

        @ws.action("t.out")
        def out(session: Session) -> None:
            ws.run(session, inner)
            seen.append(
                ws.running.underway
                and ws.running.underway.playbook is outer
                and ws.running.is_running
            )

        assert ws.run(session, outer)
        assert seen == [True, True]
        assert not ws.running.is_running

    def test_one_that_never_begins_leaves_the_last_one(
        self, ws: Workspace, session: Session
    ) -> None:
        ws.play("!!session.env_set key:A val:b", session=session)
        before = ws.running.underway
        with pytest.raises(UnknownActionError):
            ws.play("!!no.body", session=session)
        assert ws.running.underway is before
        assert not ws.running.is_running

    def test_a_row_knows_its_action_and_no_document_does(self, play: Play) -> None:
        report = play("!!play.echo content:x\n!!session.env_delete key:NONE\n!!play.echo content:y")
        assert [r.given.params.get_default("content", "") for r in report] == ["x", "", "y"]
        assert "given" not in str(report.to_dict())
        assert Report.from_dict(report.to_dict()) == report
