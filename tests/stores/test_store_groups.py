"""Records that several processes write at once: one commits for all, and nobody is told wrongly."""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from stores.children import in_children, killed
from stores.test_group import (
    Stalls,
    ToldLate,
    asked,
    holding,
    in_thread,
    killed_by_and_by,
    led_by,
    woken,
)
from stores.test_kills import MUST_FAIL

from hero_kernel.errors import CorruptRecordError
from hero_kernel.stores import group, handed, kept, leading, sqlite
from hero_kernel.stores.group import Queue
from hero_kernel.stores.handed import CREATE, PUT, SWAP, Change, digest, packed, unpacked
from hero_kernel.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not group.IS_POSSIBLE, reason="there are no groups here")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hero.db"


def counted(old: str | None) -> str:
    return str(int(old or 0) + 1)


def look_for_queue(store: SqliteStore) -> None:
    """Have it find the queue at its next write, and not only at one of the next."""
    store._file._kept.look_for_queue(store._file._queue_path, make=False)


def were_handed(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as connection:
        return bool(connection.execute("SELECT answers FROM handed").fetchall())


@pytest.mark.parametrize(
    ("call", "answer", "left"),
    [
        (lambda store: store.put(1, "key", "é new"), None, "é new"),
        (lambda store: store.put(1, "fresh", ""), None, ""),
        (lambda store: store.create(1, "fresh", "new"), True, "new"),
        (lambda store: store.create(1, "key", "new"), False, "old"),
        (lambda store: store.delete(1, "key"), True, None),
        (lambda store: store.delete(1, "fresh"), False, None),
        (lambda store: store.update(1, "key", lambda old: f"{old} é"), "old é", "old é"),
        (lambda store: store.update(1, "key", lambda old: old), "old", "old"),
        (lambda store: store.update(1, "key", lambda _old: None), None, None),
        (lambda store: store.update(1, "fresh", lambda old: f"{old}"), "None", "None"),
        (lambda store: store.update(1, "fresh", lambda _old: None), None, None),
    ],
)
def test_a_change_is_made_by_the_one_who_has_the_lock(
    path: Path,
    call: Callable[[SqliteStore], Any],
    answer: object,
    left: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(group, "LOOK_S", 20)  # for it to be told, and not to look itself
    one, other = SqliteStore(path), SqliteStore(path)
    one.put(1, "key", "old")
    lock = holding(path)
    thread, told = in_thread(lambda: call(other))
    (offer,) = asked(path)
    key = unpacked(offer.change).key
    lock.close()
    look_for_queue(one)
    one.put(2, "mine", "text")
    thread.join(5)
    assert told == [answer]
    assert one.get(1, key) == other.get(1, key) == SqliteStore(path).get(1, key) == left
    assert one.get(2, "mine") == "text"


@pytest.mark.parametrize("is_blind", [False, pytest.param(True, marks=MUST_FAIL)])
def test_a_swap_that_lost_is_made_again_of_what_is_there_now(
    path: Path, *, is_blind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_blind:
        monkeypatch.setattr(sqlite, "digest", lambda _text: bytes(handed.DIGEST_BYTES))
    one, other = SqliteStore(path), SqliteStore(path)
    one.put(1, "key", "old")
    given: list[str | None] = []
    monkeypatch.setattr(group, "LOOK_S", 20)  # for it to be told, and not to look itself
    lock = holding(path)
    thread, told = in_thread(
        lambda: other.update(1, "key", lambda old: (given.append(old), f"{old}, more")[1])
    )
    asked(path)
    lock.close()
    look_for_queue(one)
    one.put(1, "key", "theirs")
    thread.join(5)
    assert one.get(1, "key") == "theirs, more"
    assert given == ["old", "theirs"]
    assert told == ["theirs, more"]


@pytest.mark.parametrize("is_blind", [False, pytest.param(True, marks=MUST_FAIL)])
def test_eight_processes_count_on_one_record(
    path: Path, *, is_blind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_blind:
        monkeypatch.setattr(sqlite, "digest", lambda _text: bytes(handed.DIGEST_BYTES))
    SqliteStore(path).put(1, "count", "0")

    def count(number: int) -> None:
        store = SqliteStore(path)
        for _ in range(60):
            store.update(1, "count", counted)
            store.put(1, f"mine {number}", store.update(1, f"own {number}", counted))

    in_children(8, count)
    store = SqliteStore(path)
    assert were_handed(path)
    assert [store.get(1, f"own {number}") for number in range(8)] == ["60"] * 8
    assert [store.get(1, f"mine {number}") for number in range(8)] == ["60"] * 8
    assert store.get(1, "count") == "480"


def test_what_a_change_raises_while_it_is_handed_over_passes(path: Path) -> None:
    one, other = SqliteStore(path), SqliteStore(path)
    one.put(1, "key", "old")

    def refuse(old: str | None) -> str:
        raise LookupError(old)

    lock = holding(path)
    thread, told = in_thread(lambda: other.update(1, "key", refuse))
    thread.join(5)
    assert isinstance(told[0], LookupError)
    assert asked(path, 0) == []
    lock.close()
    assert other.update(1, "key", lambda old: f"{old} new") == "old new"


def test_a_record_that_is_no_text_is_told_to_its_own_writer(path: Path) -> None:
    one, other, third = (SqliteStore(path) for _ in range(3))
    one.put(1, "key", "old")
    one.put(1, "count", "1")
    lock = holding(path)
    first = in_thread(lambda: other.update(1, "key", lambda old: f"{old} new"))
    second = in_thread(lambda: third.update(1, "count", counted))
    asked(path, 2)
    # By whoever has the lock: stored bytes that are no text at all.
    lock.execute("UPDATE record SET value = x'ff' WHERE key = 'key'")
    lock.execute("COMMIT")
    one.put(1, "mine", "text")
    for thread, _ in (first, second):
        thread.join()
    assert isinstance(first[1][0], CorruptRecordError)
    assert second[1] == ["2"]
    lock.close()


def test_a_change_that_is_too_large_is_made_by_its_own(path: Path) -> None:
    one, other = SqliteStore(path), SqliteStore(path)
    one.put(1, "key", "x" * 100_000)
    lock = holding(path)
    thread, told = in_thread(lambda: other.update(1, "key", lambda old: f"{old}y"))
    time.sleep(0.02)
    assert asked(path, 0) == []
    lock.close()
    thread.join()
    assert told == ["x" * 100_000 + "y"]
    lock = holding(path)
    # What it was may be large: its digest goes along.
    thread, told = in_thread(lambda: other.update(1, "key", lambda old: str(len(old or ""))))
    asked(path)
    lock.close()
    one.put(1, "mine", "text")
    thread.join()
    assert told == ["100001"]


@pytest.mark.parametrize("forgets", [False, pytest.param(True, marks=MUST_FAIL)])
@pytest.mark.parametrize("is_done_by", ["its own writer", "the next leader"])
@pytest.mark.parametrize("call", ["create", "update"])
def test_what_a_killed_leader_has_committed_is_told_and_not_made_again(
    path: Path, *, forgets: bool, is_done_by: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = SqliteStore(path), SqliteStore(path)
    one.put(1, "there", "1")
    if forgets:
        monkeypatch.setattr(leading, "handed", lambda *_: {})
    monkeypatch.setattr(group, "LOOK_S", 20)  # for the child to lead, and not this one
    out, into = os.pipe()

    def lead() -> None:
        monkeypatch.setattr(kept, "Queue", type("Loud", (Stalls,), {"said": into}))
        store = SqliteStore(path)
        look_for_queue(store)
        store.put(1, "there", "2")

    def work() -> object:
        if call == "create":
            return other.create(1, "key", "1")
        return other.update(1, "key", counted)

    pid, thread, told, offer = led_by(lead, path, work)
    assert os.read(out, 1) == b"!"
    killed(pid)
    assert one.get(1, "key") == "1"
    if is_done_by == "the next leader":
        time.sleep(group.RECENT_NS / 1e9)  # it seems to be led for so long
        look_for_queue(one)
        one.put(1, "there", "3")
    else:
        woken(offer)
    thread.join()
    assert told == [True if call == "create" else "1"], "it was made, and then once more"
    assert one.get(1, "key") == "1"


class ToldAndForgotten(Queue):
    """A leader that answers what it has taken, and does not make it."""

    def gather(self) -> Iterator[group.Offer] | None:
        super().tell([(offer, 1) for offer in super().gather() or []])
        return iter(())


@pytest.mark.parametrize("kind", [Queue, ToldLate, pytest.param(ToldAndForgotten, marks=MUST_FAIL)])
def test_killed_writers_lose_nothing_and_count_nothing_twice(
    path: Path, kind: type[Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four count, and one after the other is killed: as a leader, waiting, told or not."""
    monkeypatch.setattr(kept, "Queue", kind)
    reader = SqliteStore(path)
    reader.put(1, "there", "")

    def write_on(name: int, told: Callable[[int], object]) -> None:
        store = SqliteStore(path)
        for number in itertools.count(1):
            assert store.update(1, f"last {name}", counted) == str(number)
            assert store.create(1, f"w {name} {number}", ""), "made twice"
            assert store.delete(1, f"w {name} {number}"), "made twice"
            told(number)

    def check(name: int, last: int) -> None:
        reader.put(1, "there", str(name))  # after the leader that may have taken its last change
        found = int(reader.get(1, f"last {name}") or 0)
        assert last <= found <= last + 1
        time.sleep(0.005)
        assert int(reader.get(1, f"last {name}") or 0) == found, "made after its writer was killed"

    killed_by_and_by(write_on, check, seed=23)
    assert were_handed(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    "change",
    [
        Change(PUT, 0, "", ""),
        Change(PUT, 2**31 - 1, "é" * 250, "é\0"),
        Change(PUT, 1, "key", None),
        Change(CREATE, 1, "key", "text"),
        Change(SWAP, 1, "key", "text", digest(None)),
        Change(SWAP, 1, "key", None, digest(b"old")),
    ],
)
def test_a_change_comes_back_from_its_bytes(change: Change) -> None:
    assert unpacked(packed(change)) == change


@pytest.mark.parametrize(
    "data", [b"", b"=", b"?" + bytes(20), packed(Change(SWAP, 1, "key", "", b"too short"))]
)
def test_other_bytes_are_no_change(data: bytes) -> None:
    with pytest.raises(ValueError, match="no change of ours"):
        unpacked(data)
