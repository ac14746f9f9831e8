"""Leases: records of holders, who of them is alive, and that nobody else is confused by them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hero_kernel import leases, sessions, times
from hero_kernel.leases import FREE_AFTER_S, Lease, Process

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Workspace

NOW = times.new("2025-01-02 03:04:05")
HERE = leases.this_process()


def lease(holder: str = "a", session: str = "one", **fields: object) -> Lease:
    """Of this process, just now."""
    given = {
        "host": HERE.host, "pid": HERE.pid, "machine": HERE.machine, "born": HERE.born,
        "label": "/nb.ipynb", "started": str(NOW), "heartbeat": str(NOW),
    }  # fmt: skip
    return Lease(session, holder, **(given | fields))  # type: ignore[arg-type]


def keep(ws: Workspace, *given: Lease) -> None:
    for one in given:
        ws.store.put(0, one.key, one.text())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_process_is_another_one() -> None:
    assert leases.this_process() == HERE
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        here = leases.this_process()
        os.write(told, f"{here.pid} {here.born} {HERE.has_ended(here)}".encode())
        os._exit(0)
    os.close(told)
    with os.fdopen(heard) as answer:
        pid, born, has_ended = answer.read().split(" ")
    assert (int(pid), has_ended) == (child, "False")
    there = leases.Process(HERE.host, child, HERE.machine, born)
    os.waitpid(child, 0)
    assert there.has_ended(HERE)
    assert not HERE.has_ended(leases.this_process())


def test_what_is_kept_comes_back(ws: Workspace) -> None:
    one = lease(came={"b": {"label": "x", "pid": 3}}, taken_by="somebody")
    keep(ws, one)
    assert leases.every(ws.store, 0, "one") == [one] == leases.every(ws.store, 0)
    assert leases.get(ws.store, 0, one.key) == one
    assert leases.get(ws.store, 0, lease("other").key) is None


def test_a_session_s_leases_are_not_those_of_one_whose_name_goes_on(ws: Workspace) -> None:
    keep(ws, lease("a", "one"), lease("b", "one_more"), lease("c", "one:two"))
    assert [one.holder for one in leases.every(ws.store, 0, "one")] == ["a"]
    assert {one.session for one in leases.every(ws.store, 0)} == {"one", "one_more", "one:two"}
    leases.drop_all(ws.store, 0, "one")
    assert {one.holder for one in leases.every(ws.store, 0)} == {"b", "c"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid":"1"}', '{"came":[]}', "null", "x" * 999])
def test_a_damaged_one_is_left_out_and_goes_with_the_session(ws: Workspace, text: str) -> None:
    session = ws.session_new("default", "one")
    ws.store.put(0, lease("bad").key, text)
    keep(ws, lease("good"))
    assert [one.holder for one in leases.every(ws.store, 0, "one")] == ["good"]
    assert leases.beat(ws.store, 0, lease("bad").key, NOW) is None
    ws.session_delete(session.name)
    assert ws.store.scan(0, leases.PREFIX) == []


ALIVE = {
    "just now": ({}, True),
    "a little late": ({"heartbeat": str(NOW.warp(f"-{FREE_AFTER_S}s"))}, True),
    "too late": ({"heartbeat": str(NOW.warp(f"-{FREE_AFTER_S + 1}s"))}, False),
    "a clock that is a little ahead": ({"heartbeat": str(NOW.warp("+30s"))}, True),
    "a clock that is far ahead": ({"heartbeat": str(NOW.warp("+1h"))}, False),
    "no heartbeat": ({"heartbeat": ""}, False),
    "a heartbeat that is none": ({"heartbeat": "soon"}, False),
    "a heartbeat that is always now": ({"heartbeat": "now"}, False),
    "told to leave": ({"taken_by": "x"}, False),
    "a process that was never": ({"pid": 2**22 + 1}, False),
    "a process of another boot": ({"pid": 2**22 + 1, "machine": "other"}, True),
    "a process elsewhere": ({"pid": 2**22 + 1, "machine": ""}, True),
    "a number that was used again": ({"born": "1"}, False),
    "a number that is none": ({"pid": 0}, True),
    "a number that is a group": ({"pid": -1}, True),
    "a number beyond all": ({"pid": 2**70}, False),
}


@pytest.mark.skipif(not HERE.machine, reason="the system does not tell")
@pytest.mark.parametrize(("fields", "alive"), ALIVE.values(), ids=ALIVE.keys())
def test_who_is_alive(fields: dict[str, object], alive: bool) -> None:
    assert lease(**fields).is_alive(NOW, HERE) is alive


def test_a_killed_process_is_known_at_once_and_while_nobody_has_buried_it() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mine = replace(HERE, pid=child.pid, born=leases._stat(child.pid)[1])
        assert not mine.has_ended(HERE)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert mine.has_ended(HERE)  # a zombie still has its number
    assert mine.has_ended(HERE)


def test_a_process_of_others_may_run() -> None:
    """Negative control: init is nobody's to signal but root's, and is not taken for dead."""
    assert not Process(HERE.host, 1, HERE.machine, leases._stat(1)[1]).has_ended(HERE)


def test_a_heartbeat_changes_the_lease_alone(ws: Workspace) -> None:
    session = ws.session_new("default", "one")
    before = ws.store.get(0, sessions.PREFIX + "one")
    one = lease()
    keep(ws, one)
    later = NOW.warp("+15s")
    beaten = leases.beat(ws.store, 0, one.key, later)
    assert beaten == replace(one, heartbeat=str(later))
    assert ws.store.get(0, sessions.PREFIX + "one") == before
    assert ws.sessions_list(context=0) == [session]
    assert ws.session_get(context=0) == session  # the latest


def test_a_heartbeat_brings_no_lost_lease_back_and_does_not_undo_a_takeover(ws: Workspace) -> None:
    one = lease()
    assert leases.beat(ws.store, 0, one.key, NOW) is None
    assert ws.store.get(0, one.key) is None
    keep(ws, one)
    leases.change(ws.store, 0, one.key, taken_by="b")
    beaten = leases.beat(ws.store, 0, one.key, NOW.warp("+15s"))
    assert beaten is not None
    assert (beaten.taken_by, beaten.heartbeat) == ("b", one.heartbeat)


def test_what_a_holder_is_told_adds_up_until_it_has_heard(ws: Workspace) -> None:
    one = lease()
    leases.change(ws.store, 0, one.key, came={"b": {"pid": 1}})
    assert ws.store.get(0, one.key) is None
    keep(ws, one)
    leases.change(ws.store, 0, one.key, came={"b": {"pid": 1}})
    leases.change(ws.store, 0, one.key, came={"c": {"pid": 2}})
    assert leases.every(ws.store, 0)[0].came == {"b": {"pid": 1}, "c": {"pid": 2}}
    leases.change(ws.store, 0, one.key, came={})
    assert leases.every(ws.store, 0) == [one]


def test_a_lease_that_was_refreshed_meanwhile_is_not_dropped(ws: Workspace) -> None:
    one = lease()
    keep(ws, one)
    leases.beat(ws.store, 0, one.key, NOW.warp("+15s"))
    assert not leases.drop(ws.store, 0, one)
    assert leases.drop(ws.store, 0, leases.every(ws.store, 0)[0])
    assert leases.every(ws.store, 0) == []


def test_a_rename_takes_them_along(ws: Workspace) -> None:
    session = ws.session_new("default", "one")
    keep(ws, lease("a"), lease("b"), lease("c", "one_more"))
    session.rename("two")
    found = {(one.session, one.holder) for one in leases.every(ws.store, 0)}
    assert found == {("two", "a"), ("two", "b"), ("one_more", "c")}


def test_a_deleted_context_takes_them_along(ws: Workspace) -> None:
    context = ws.context_new("ctx")
    ws.session_new(context, "one")
    ws.store.put(context.id, lease().key, lease().text())
    ws.context_delete(context)
    assert ws.store.scan(context.id, "") == []


def test_two_who_beat_and_tell_at_once_lose_nothing(place: Place) -> None:
    """Each tells the other a hundred things while both beat."""
    code = """
from hero_kernel import leases, times
own, other = ("a", "b") if sys.argv[1] == "0" else ("b", "a")
key = lambda holder: leases.Lease("one", holder).key
if ws.store.get(0, key(own)) is None:
    ws.store.create(0, key(own), leases.Lease("one", own).text())
while ws.store.get(0, key(other)) is None:
    pass
for number in range(40):
    leases.change(ws.store, 0, key(other), came={f"{own}{number}": {}})
    leases.beat(ws.store, 0, key(own), times.now())
"""
    place.run_all(code, 2)
    found = leases.every(place.open().store, 0, "one")
    assert [len(one.came) for one in found] == [40, 40]
    assert all(one.heartbeat for one in found)
