"""Ownership: holds, what holders tell each other, true ends, and what may be pruned."""

from __future__ import annotations

import os
import random
import signal
import threading
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from redis_server import RedisServer, require_redis
from rooms import Place

from hero_kernel import leases, ownership, sessions, times
from hero_kernel.errors import SessionError, SessionHeldError, SessionNotFoundError
from hero_kernel.ownership import Hold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hero_kernel import Session, Workspace
    from hero_kernel.times import OurTime

NOW = times.new("2025-01-02 03:04:05")


class Clock:
    """A workspace's, moved by hand."""

    def __init__(self, *workspaces: Workspace) -> None:
        self.now = NOW
        for one in workspaces:
            one.now = self.read

    def read(self) -> OurTime:
        return self.now

    def move(self, by: str) -> None:
        self.now = self.now.warp(by)


@pytest.fixture
def holds() -> Iterator[list[Hold]]:
    """Holds to be left at the end of the test."""
    made: list[Hold] = []
    yield made
    for one in made:
        one.leave(ends=False)


@pytest.fixture
def hold(holds: list[Hold]):
    def take(session: Session, label: str = "/a.ipynb", **options: object) -> Hold:
        made = Hold(session, label, **options)  # type: ignore[arg-type]
        holds.append(made)
        return made

    return take


def looked(held: Hold) -> Hold:
    """As a second later."""
    held._next_look_s = 0.0
    held.check()
    return held


def until(true, patience_s: float = 8.0) -> None:
    end = monotonic() + patience_s
    while not true():
        assert monotonic() < end
        sleep(0.01)


def kinds(ws: Workspace) -> dict[str, str]:
    return {state.session.name: state.kind for state in ws.sessions_states()}


def dead(held: Hold) -> None:
    """Its process is killed: the lease stays, and nobody beats any more."""
    store, number = held._place
    held._left.set()
    gone = replace(held.lease, pid=2**22 + 1)
    store.put(number, gone.key, gone.text())


@contextmanager
def other(place: Place) -> Iterator[Workspace]:
    """Another kernel's view of the place."""
    yield place.open()


def test_nothing_is_there_before_it_is_held_and_after_it_is_left(ws: Workspace, hold) -> None:
    threads = threading.active_count()
    session = ws.session_new(name="one")
    assert ws.store.scan(0, leases.PREFIX) == []
    assert threading.active_count() == threads
    held = hold(session, kernel="k1")
    (lease,) = leases.every(ws.store, 0)
    assert (lease.session, lease.label, lease.kernel) == ("one", "/a.ipynb", "k1")
    assert (lease.pid, lease.started) == (os.getpid(), lease.heartbeat)
    held.leave(ends=True)
    held.leave(ends=True)
    assert ws.store.scan(0, leases.PREFIX) == []
    assert threading.active_count() == threads
    assert session.config.end


def test_the_end_is_true(ws: Workspace, hold) -> None:
    clock = Clock(ws)
    session = ws.session_new(name="one")
    for ends in (False, True):
        held = hold(session)
        clock.move("+1h")
        held.leave(ends=ends)
        assert session.config.end == (str(clock.now) if ends else "")
    assert kinds(ws) == {"one": "ended"}
    hold(session)
    assert not session.config.end
    assert kinds(ws) == {"one": "live"}


def test_a_killed_one_ended_when_it_was_last_heard_of(ws: Workspace, hold) -> None:
    clock = Clock(ws)
    session = ws.session_new(name="one")
    held = hold(session)
    clock.move("+10m")
    held._beat()
    last = str(clock.now)
    held._left.set()  # killed: nobody beats, nothing is given back
    assert kinds(ws) == {"one": "live"}  # as far as anybody can know
    clock.move("+2m")
    assert kinds(ws) == {"one": "killed"}
    assert (session.config.end, session.config.is_killed) == (last, True)
    assert ws.store.scan(0, leases.PREFIX) == []
    assert kinds(ws) == {"one": "killed"}
    ws.session_new(name="one")
    assert kinds(ws) == {"one": "open"}
    session.close()
    assert kinds(ws) == {"one": "ended"}  # the old mark means nothing now


def test_a_killed_process_of_this_machine_is_not_waited_for(ws: Workspace, hold) -> None:
    session = ws.session_new(name="one")
    dead(hold(session))
    assert kinds(ws) == {"one": "killed"}
    again = hold(session)
    assert not session.config.end
    assert again.others() == []


def test_an_end_that_was_recorded_stays(ws: Workspace, hold) -> None:
    session = ws.session_new(name="one")
    held = hold(session)
    session.close(NOW)
    held.leave(ends=True)
    assert session.config.end == str(NOW)
    dead(hold(session))
    session.close(NOW)
    assert kinds(ws) == {"one": "ended"}


def test_sessions_that_nobody_ever_held_stay_as_they_are(ws: Workspace) -> None:
    session = ws.session_new(name="one")
    before = session.config
    Clock(ws).move("+900d")
    assert kinds(ws) == {"one": "open"}
    assert session.config == before


def test_it_beats_alone_and_takes_a_lost_lease_anew(ws: Workspace, hold) -> None:
    clock = Clock(ws)
    session = ws.session_new(name="one")
    held = hold(session, beat_s=0.02)
    clock.move("+1m")
    until(lambda: [one.heartbeat for one in leases.every(ws.store, 0)] == [str(clock.now)])
    # the computer slept: somebody else found it gone, and wrote its end
    ws.store.delete(0, held._key)
    session.close(NOW, killed=True)
    until(lambda: not session.config.end and leases.every(ws.store, 0))
    assert kinds(ws) == {"one": "live"}


def test_it_ends_with_the_session(ws: Workspace, hold) -> None:
    session = ws.session_new(name="one")
    held = hold(session, beat_s=0.02)
    ws.session_delete("one")
    until(lambda: not held.is_here)
    assert ws.store.scan(0, "sessions:") == []
    held.check()
    with pytest.raises(SessionNotFoundError):
        hold(session)
    assert ws.store.scan(0, "sessions:") == []


def test_it_follows_a_rename_and_lets_others_go_by(place: Place, hold) -> None:
    session = place.open().session_new(name="one")
    held = hold(session, beat_s=0.02)
    session.rename("two")
    clock = Clock(session.context.host)  # type: ignore[arg-type]
    clock.now = times.now().warp("+5s")
    until(lambda: [one.heartbeat for one in holders(session)] == [str(clock.now)])
    place.open().session_get("two").rename("three")  # by another kernel: this one has lost it
    until(lambda: not held.is_here)
    assert [one.session for one in leases.every(place.open().store, 0)] == ["three"]


def holders(session: Session) -> list[leases.Lease]:
    return ownership.holders(session)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_does_not_hold_what_its_parent_holds(ws: Workspace, hold) -> None:
    session = ws.session_new(name="one")
    held = hold(session)
    with held._lock:  # as if the thread were at work: the child must not wait for it
        child = os.fork()
        if child == 0:
            status = 1
            try:
                held._next_look_s = 0.0
                held.check()
                held.came()
                held.leave(ends=True)
                status = int(held.is_here)
            finally:
                os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert held.is_here
    assert len(holders(session)) == 1
    assert not session.config.end


def test_a_store_that_is_away_is_tried_again_at_the_next_beat(tmp_path: Path, hold) -> None:
    require_redis()
    server = RedisServer()
    try:
        ws = Place(tmp_path / "home", server.url).open()
        session = ws.session_new(name="one")
        held = hold(session, beat_s=0.05)
        record = session.config.text()
        threads = threading.active_count()
        server.kill()
        looked(held)  # says nothing: who uses the session is told by that
        sleep(0.2)
        assert threading.active_count() == threads
        server.start()  # empty: it keeps nothing on the disk
        ws.store.put(0, sessions.PREFIX + "one", record)
        until(lambda: len(holders(session)) == 1)
        server.kill()
        begin = monotonic()
        held.leave(ends=True)
        assert monotonic() - begin < 4
    finally:
        server.stop()


def test_a_damaged_store_is_tried_again_too(local: Place, hold, capfd) -> None:
    ws = local.open()
    session = ws.session_new(name="one")
    held = hold(session, beat_s=0.02)
    file = local.home / "hero.db"
    sound = file.read_bytes()
    file.write_bytes(b"damaged" * 1000)
    sleep(0.15)
    looked(held)
    file.write_bytes(sound)
    before = leases.every(ws.store, 0)[0].heartbeat
    Clock(ws).now = times.now().warp("+9s")
    until(lambda: leases.every(ws.store, 0)[0].heartbeat > before)
    assert capfd.readouterr() == ("", "")


def test_who_comes_is_met_and_told(place: Place, hold) -> None:
    first = hold(place.open().session_new(name="one"), "/a.ipynb")
    assert first.others() == []
    second = hold(place.open().session_new(name="one"), "/b.ipynb")
    assert [one.label for one in second.others()] == ["/a.ipynb"]
    assert first.came() == []  # it has not looked yet
    assert [one.label for one in looked(first).came()] == ["/b.ipynb"]
    assert looked(first).came() == []  # told once
    assert looked(second).came() == []  # it was met, and is no news
    third = hold(place.open().session_new(name="one"), "/c.ipynb")
    third.leave(ends=True)
    assert looked(first).came() == []  # who is gone already is no news


def test_looking_costs_nothing_within_a_second(ws: Workspace, hold) -> None:
    session = ws.session_new(name="one")
    held = hold(session)
    looked(held)
    leases.change(ws.store, 0, held._key, taken_by="another")
    held.check()  # not looked yet
    with pytest.raises(SessionHeldError):
        looked(held)


def test_only_the_last_one_ends_it(place: Place, hold) -> None:
    one, two = (hold(place.open().session_new(name="one")) for _ in range(2))
    one.leave(ends=True)
    assert not two.session.config.end
    assert kinds(place.open()) == {"one": "live"}
    two.leave(ends=True)
    assert two.session.config.end


def test_the_last_living_one_ends_it(place: Place, hold) -> None:
    one, two = (hold(place.open().session_new(name="one")) for _ in range(2))
    dead(one)
    two.leave(ends=True)
    assert two.session.config.end
    assert not two.session.config.is_killed


def test_a_takeover_is_told_until_it_is_held_anew(place: Place, hold) -> None:
    one = hold(place.open().session_new(name="one"), "/a.ipynb")
    two = hold(place.open().session_new(name="one"), "/b.ipynb", takeover=True)
    for _ in range(2):
        with pytest.raises(SessionHeldError, match=r"taken over by /b.ipynb .pid .*--share"):
            looked(one)
    assert two.others() == []
    assert [held.label for held in holders(two.session)] == ["/b.ipynb"]
    one._beat()
    with pytest.raises(SessionHeldError):
        one.check()
    one.leave(ends=True)
    assert not two.session.config.end
    again = hold(one.session, "/a.ipynb")
    looked(again)
    assert [held.label for held in again.others()] == ["/b.ipynb"]
    assert [held.label for held in looked(two).came()] == ["/a.ipynb"]


def test_who_slept_through_a_takeover_is_told_when_he_wakes(place: Place, hold) -> None:
    ws = place.open()
    clock = Clock(ws)
    one = hold(ws.session_new(name="one"), "/a.ipynb")
    second = place.open()
    second.now = clock.read
    two = hold(second.session_new(name="one"), "/b.ipynb", takeover=True)
    clock.move("+1h")
    two._beat()
    assert kinds(second) == {"one": "live"}
    with pytest.raises(SessionHeldError):
        looked(one)


def test_free_is_refused_while_others_are_on_it(place: Place, hold) -> None:
    one = hold(place.open().session_new(name="one"), "/a.ipynb")
    ownership.free(one.session, "resetting", hold=one)
    two = hold(place.open().session_new(name="one"), "/b.ipynb")
    with pytest.raises(SessionHeldError, match=r"resetting session one: /b.ipynb .*--takeover"):
        ownership.free(one.session, "resetting", hold=one)
    ownership.free(one.session, "resetting", hold=one, takeover=True)
    with pytest.raises(SessionHeldError, match=r"/a.ipynb"):
        looked(two)


HOLDER = """
from hero_kernel import ownership
session = ws.session_new(name="one")
held = ownership.Hold(session, "child " + sys.argv[1])
session.env_set("BY_" + sys.argv[1], "1")
print("there", flush=True)
sys.stdin.readline()
held.leave(ends=True)
"""


def test_processes_that_come_and_are_killed(place: Place) -> None:
    """Twelve come to one session; each is killed at any instant or leaves; the end is true."""
    seed = random.randrange(10**6)  # noqa: S311 - who is killed when
    print("seed", seed)
    lot = random.Random(seed)  # noqa: S311 - moments and places
    ws = place.open()
    session = ws.session_new(name="one")
    children = [place.start(HOLDER, str(number)) for number in range(4)]
    for child in children:
        assert child.stdout is not None
        if lot.random() < 0.7:
            assert child.stdout.readline() == "there\n"
        child.send_signal(signal.SIGKILL)
    for child in children:
        child.communicate()
    until = monotonic() + 5
    (state,) = ws.sessions_states()
    while ws.store.scan(0, leases.PREFIX) and monotonic() < until:
        (state,) = ws.sessions_states()  # what a killed process has sent may be carried out later
    assert state.kind in ("killed", "open")  # open: killed before it was there
    assert ws.store.scan(0, leases.PREFIX) == []
    assert bool(session.config.end) == (state.kind == "killed")


def old(ws: Workspace, name: str, days: int = 90, **fields: object) -> Session:
    """A session as it was left so long ago."""
    session = ws.session_new(name=name)
    then = str(times.now().warp(f"-{days}d"))
    session._update(lambda config: replace(config, start=then, **fields))  # type: ignore[arg-type]
    return session


def stale(ws: Workspace, older: str = "30d") -> list[str]:
    return [state.session.name for state in ws.sessions_stale(older)]


def test_what_is_stale(ws: Workspace, hold) -> None:
    old(ws, "long_ago")
    old(ws, "newer", days=20)
    old(ws, "for_one_run", days=0, extra={"ephemeral": True})
    hold(old(ws, "held"))
    old(ws, "written_to").db_get()["key"] = "just now"
    old(ws, "logged").logger().log("just now")
    used = old(ws, "resumed_today")
    ws.session_new(name=used.name)
    ws.session_select(old(ws, "current"))
    old(ws, "made_last")
    assert stale(ws) == ["for_one_run", "long_ago"]
    assert stale(ws, "10d") == ["for_one_run", "long_ago", "newer"]
    assert stale(ws, "100d") == ["for_one_run"]


def test_pruning_deletes_them_with_all_they_have(ws: Workspace) -> None:
    session = old(ws, "long_ago")
    session.db_get()["key"] = "value"
    session.path.joinpath("note.txt").write_text("x" * 1000)
    for path in (session.db_get().path, session.path / "note.txt"):
        os.utime(path, (0, 0))
    kept = ws.session_new(name="kept")
    assert ws.sessions_prune(dry_run=True)[0].bytes > 1000
    assert ws.session_exists("long_ago")
    assert [one.session for one in ws.sessions_prune()] == [session]
    assert ws.sessions_list() == [kept]
    assert not (ws.home / "context" / "default" / "long_ago").exists()
    assert ws.context().dbcollection().list() == []
    assert ws.session_get() == kept


@pytest.mark.parametrize(
    "older", ["", "soon", "-30d", "+30d", "30", "3 d", "30x", "9999999999999d"]
)
def test_a_time_that_is_none_is_refused(ws: Workspace, older: str) -> None:
    old(ws, "long_ago")
    with pytest.raises(SessionError, match="30d"):
        ws.sessions_prune(older)
    assert ws.session_exists("long_ago")


def test_more_time_than_there_was_is_not_stale(ws: Workspace) -> None:
    old(ws, "long_ago")
    ws.session_new(name="latest_one")
    assert stale(ws, "999999Y") == []


def test_a_killed_one_waits_a_day(ws: Workspace, hold) -> None:
    """Its holder may live on a host whose clock is wrong, and says so at its next heartbeat."""
    session = old(ws, "killed_one", days=0, extra={"ephemeral": True})
    dead(hold(session))
    ws.session_new(name="latest_one")
    assert stale(ws, "0d") == []
    ws.now = lambda: times.now().warp("+25h")
    assert "killed_one" in stale(ws, "0d")


def test_a_damaged_record_hides_no_other(ws: Workspace) -> None:
    old(ws, "long_ago")
    ws.store.put(0, sessions.PREFIX + "damaged", "{")
    ws.session_new(name="latest_one")
    assert stale(ws) == ["long_ago"]
    ws.sessions_prune()
    assert ws.store.get(0, sessions.PREFIX + "damaged") == "{"


def test_who_comes_between_looking_and_deleting_keeps_the_session(
    place: Place, hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step of a pruning somebody comes; he has the session, or is told it is gone."""
    for step in range(6):
        ws = place.open()
        name = f"contested_{step}"
        old(ws, name, extra={"ephemeral": True}).db_get()["key"] = "value"
        (state,) = [one for one in ws.sessions_stale() if one.session.name == name]
        came: list[Hold | None] = []
        asked = 0

        def come(name: str = name, step: int = step, came: list[Hold | None] = came) -> None:
            nonlocal asked
            asked += 1
            if asked == step + 1:
                try:
                    came.append(hold(place.open().session_get(name)))
                except SessionNotFoundError:
                    came.append(None)

        class Watched:
            """The store, with somebody who comes before the n-th call."""

            def __init__(self, store: object) -> None:
                self.store = store

            def __getattr__(self, called: str) -> object:
                come()
                return getattr(self.store, called)

        ws.store = Watched(ws.store)  # type: ignore[assignment]
        deleted = ownership._delete(state.session, state.config)
        there = place.open().session_exists(name)
        assert there is not deleted
        if came and came[0] is not None:
            assert there
            assert came[0].session.db_get()["key"] == "value"
        else:
            assert deleted


def test_pruning_beside_many_who_come_and_go_deletes_no_live_session(place: Place) -> None:
    """Four processes hold sessions that look old while two prune; who holds one keeps its data."""
    code = """
import random, time
from dataclasses import replace
from hero_kernel import ownership, times
from hero_kernel.errors import HeroError, SessionNotFoundError
number = int(sys.argv[1])
end = time.monotonic() + 1.5
lot = random.Random(number)
lost = pruned = 0
while time.monotonic() < end:
    if number >= 4:
        pruned += len(ws.sessions_prune("0d"))
        continue
    name = "name_%d" % lot.randrange(6)
    try:
        session = ws.session_new(name=name)
        session._update(lambda old: replace(old, start="2020-01-01", extra={"ephemeral": True}))
        held = ownership.Hold(session, "x")
    except SessionNotFoundError:
        continue
    session.env_set("OWN%d" % number, "1")
    time.sleep(lot.random() / 50)
    try:
        lost += session.env_get("OWN%d" % number) != "1"
    except HeroError:
        lost += 1
    session.env_delete("OWN%d" % number)
    held.leave(ends=lot.random() < 0.5)
print(lost if number < 4 else pruned > 0)
"""
    assert place.run_all(code, 6) == ["0"] * 4 + ["True"] * 2
