"""Group commit: nothing lost, nothing twice, nothing told early, whoever is killed or gives up."""

from __future__ import annotations

import itertools
import os
import random
import resource
import signal
import socket
import sqlite3
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from databases.ciphers import Cipher, Keys
from stores.children import code_of, eventually, forked, in_children, killed
from stores.test_kills import MUST_FAIL

from hero_kernel.databases import Database
from hero_kernel.databases.changes import Change, packed, unpacked
from hero_kernel.errors import DBKeyError, StorageFullError
from hero_kernel.stores import group, kept, leading
from hero_kernel.stores.group import ALONE, Queue
from hero_kernel.stores.sqlite_file import SqliteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not group.IS_POSSIBLE, reason="there are no groups here")

ROUNDS = int(os.environ.get("HERO_KILLS", "25"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db" / "config.db"


def opened(path: Path, keys: Keys | None = None, *, encrypt: bool = False) -> Database:
    return Database(path, "config", cipher=Cipher(keys), encrypt=encrypt)


def queue_of(path: Path) -> Queue:
    return Queue(os.fsencode(f"{path}-queue"), make=True)


def look_for_queue(db: Database) -> None:
    """Have it find the queue at its next write, and not only at one of the next."""
    db._file._kept.look_for_queue(db._file._queue_path, make=False)


def holding(path: Path) -> sqlite3.Connection:
    """A connection that has SQLite's lock to write, and leads nobody."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[Any]]:
    told: list[Any] = []

    def done() -> None:
        try:
            told.append(work())
        except BaseException as error:  # noqa: BLE001 - told to the test
            told.append(error)

    thread = threading.Thread(target=done)
    thread.start()
    return thread, told


def led_by(child: Callable[[], object], path: Path, work: Callable[[], object]) -> Any:
    """A child that shall lead a thread's work: its id, the thread, its answers, the offer."""
    gate_out, gate_in = os.pipe()

    def done() -> None:
        os.read(gate_out, 1)
        child()

    # Before anything is locked: a fork copies SQLite's notes on locks.
    pid = forked(done)
    lock = holding(path)
    thread, told = in_thread(work)
    (offer,) = asked(path)
    lock.close()
    os.write(gate_in, b".")
    return pid, thread, told, offer


def woken(offer: group.Offer) -> None:
    """Have a writer look before its time whether its leader has gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(b"", offer.address)


def asked(path: Path, count: int = 1) -> list[group.Offer]:
    """What waits in the queue, looked at as a leader would."""
    with closing(queue_of(path)) as queue:
        found: list[group.Offer] = []

        def there() -> bool:
            nonlocal found
            found = list(queue.gather() or [])
            queue.release(found)
            queue._write(0, bytes(group._CROWD.size))  # nobody leads, and nobody is woken
            return len(found) == count

        eventually(there)
        return found


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_change_is_made_by_the_one_who_has_the_lock(path: Path, *, encrypt: bool) -> None:
    one, other, third = (opened(path, encrypt=encrypt) for _ in range(3))
    one.update(there="old", gone="old", kept=b"old")
    ids = {key: one.id_of(key) for key in one}
    values = {
        "there": "new",
        "fresh": [1, None],
        "kept": b"\0",
        "n": 2**70,
        "f": -0.5,
        "none": None,
    }
    lock = holding(path)
    made = set()
    for key, value in values.items():
        thread, told = in_thread(lambda key=key, value=value: other.set(key, value))
        (offer,) = asked(path)
        assert unpacked(offer.change).key == key
        lock.execute("COMMIT")
        before = one._file._kept.writes
        one.set("mine", key)
        thread.join()
        assert told == [one.id_of(key)]
        assert ids.get(key, told[0]) == told[0]
        assert one[key] == other[key] == third[key] == value
        made.add(one._file._kept.writes - before)
        lock.close()
        lock = holding(path)
    lock.close()
    assert made == {1}
    lock = holding(path)
    thread, told = in_thread(lambda: other.delete("gone"))
    asked(path)
    lock.close()
    one.set("mine", "again")
    thread.join()
    assert told == [None]
    assert "gone" not in third
    lock = holding(path)
    thread, told = in_thread(lambda: other.delete("gone"))
    asked(path)
    lock.close()
    one.set("mine", "and again")
    thread.join()
    assert isinstance(told[0], DBKeyError)
    with closing(sqlite3.connect(path)) as connection:
        sealed = connection.execute("SELECT count(*) FROM entry WHERE kind = 'sealed'").fetchone()
        assert sealed == ((len(one),) if encrypt else (0,))


def test_what_waits_is_in_the_queue_for_a_moment_only(path: Path) -> None:
    one, other = opened(path), opened(path)
    one["a"] = 1
    lock = holding(path)
    thread, _ = in_thread(lambda: other.set("b", "a passing value"))
    asked(path)
    queue = path.with_name(f"{path.name}-queue")
    assert b"a passing value" in queue.read_bytes()
    assert queue.stat().st_mode & 0o777 == 0o600
    lock.close()
    one["a"] = 2
    thread.join()
    assert b"a passing value" not in queue.read_bytes()
    one.destroy()
    assert list(path.parent.iterdir()) == []


def test_a_value_that_is_too_large_is_written_by_its_own(path: Path) -> None:
    one, other = opened(path), opened(path)
    one["a"] = 1
    lock = holding(path)
    thread, told = in_thread(lambda: other.set("b", "x" * 100_000))
    time.sleep(0.02)
    assert asked(path, 0) == []
    lock.close()
    thread.join()
    assert told == [2]
    assert one["b"] == "x" * 100_000


class ToldEarly(Queue):
    """A leader that answers as soon as it has taken a change."""

    def gather(self) -> Iterator[group.Offer] | None:
        offers = list(super().gather() or [])
        super().tell([(offer, 1) for offer in offers])
        time.sleep(0.002)
        return iter(offers)


class ToldLate(Queue):
    """A leader that has time to be killed between its commit and its answers."""

    def tell(self, answers: Any, *, crowd: int = 0) -> None:
        time.sleep(0.001)
        super().tell(answers, crowd=crowd)


def killed_by_and_by(
    write: Callable[[int, Callable[[int], object]], object],
    check: Callable[[int, int], object],
    *,
    seed: int,
) -> None:
    """Have four processes write, and kill one after the other, each followed by a new one.

    Args:
        write: Writes without end, by a name of its own; says each number that is acknowledged.
        check: Looks what is there of a name whose writer was killed, after its last number.
        seed: When they are killed, unless HERO_SEED says it.
    """
    seed = int(os.environ.get("HERO_SEED", seed))
    print("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - when to kill
    names = itertools.count()
    alive: dict[int, tuple[int, int]] = {}

    def start() -> None:
        out, into = os.pipe()
        name = next(names)
        pid = forked(lambda: write(name, lambda number: os.write(into, number.to_bytes(8))))
        os.close(into)
        alive[pid] = out, name

    def end(pid: int) -> None:
        out, name = alive.pop(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        assert code_of(pid) == -signal.SIGKILL, "it ended before it was killed"
        with open(out, "rb") as file:  # noqa: PTH123 - a file descriptor
            check(name, len(file.read()) // 8)

    try:
        for _ in range(4):
            start()
        for _ in range(ROUNDS):
            time.sleep(chance.uniform(0.005, 0.04))
            end(chance.choice(list(alive)))
            start()
    finally:
        for pid in alive:  # all of them, whatever becomes of the first
            os.kill(pid, signal.SIGKILL)
        for pid in list(alive):
            end(pid)


def write_on(db: Database, name: int, told: Callable[[int], object]) -> None:
    """Write without end: a key with rising numbers, keys of their own, some deleted at once."""
    for number in itertools.count(1):
        db[f"last {name}"] = number
        db[f"w {name} {number}"] = number
        if number % 4 == 0:
            del db[f"w {name} {number}"]
        told(number)


@pytest.mark.parametrize(
    "kind",
    [
        Queue,
        ToldLate,
        pytest.param(ToldEarly, marks=MUST_FAIL),
    ],
)
def test_killed_writers_lose_nothing_acknowledged_and_write_nothing_twice(
    path: Path, kind: type[Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four write, and one after the other is killed: as a leader, waiting, told or not.

    A change made twice puts an older number back, or finds deleted what it is to delete.
    """
    monkeypatch.setattr(kept, "Queue", kind)
    reader = opened(path)
    reader["there"] = 1

    def check(name: int, last: int) -> None:
        assert last <= reader.get(f"last {name}", 0) <= last + 1
        reader["there"] = name  # after the leader that may have taken its last change
        found = reader.get(f"last {name}", 0)
        assert last <= found <= last + 1
        time.sleep(0.005)
        assert reader.get(f"last {name}", 0) == found, "made after its writer was killed"
        kept = {int(key.rpartition(" ")[2]) for key in reader.keys(f"w {name} ")}
        assert kept >= {number for number in range(1, last + 1) if number % 4}
        assert not {number for number in kept if number <= last and number % 4 == 0}

    killed_by_and_by(lambda name, told: write_on(opened(path), name, told), check, seed=17)
    assert reader._rows("SELECT answers FROM handed"), "nothing was handed over"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_eight_at_once_are_told_what_became_of_theirs(path: Path) -> None:
    opened(path).update({f"gone {n}": n for n in range(400)})

    def write(number: int) -> None:
        db = opened(path)
        for n in range(50):
            id_ = db.set(f"{number}:{n}", n)
            assert db.id_of(f"{number}:{n}") == id_
            if n % 3 == 0:
                del db[f"gone {number * 50 + n}"]
                assert f"gone {number * 50 + n}" not in db
            with pytest.raises(DBKeyError):
                db.delete(f"never {n}")
            assert db[f"{number}:{n}"] == n

    in_children(8, write)
    db = opened(path)
    assert len(db.ids()) == len(set(db.ids())) == 8 * 50 + 400 - 8 * 17
    assert {db[f"{number}:{n}"] for number in range(8) for n in range(50)} == set(range(50))


@pytest.mark.parametrize("holder", ["a transaction", "a leader that is stopped"])
def test_who_gives_up_has_written_nothing_and_never_will(path: Path, holder: str) -> None:
    """Ctrl-C while it waits, be it for somebody who leads nobody."""
    db = opened(path)
    db["key"] = "old"
    lock = holding(path)

    def interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            opened(path)["key"] = "given up"

    pid = forked(interrupted)
    (offer,) = asked(path)
    if holder != "a transaction":
        with closing(queue_of(path)) as leader:
            (offer,) = list(leader.gather() or [])
            os.kill(pid, signal.SIGINT)
            time.sleep(0.05)
            assert os.waitpid(pid, os.WNOHANG) == (0, 0), "what a leader has is waited for"
    else:
        os.kill(pid, signal.SIGINT)
    assert code_of(pid) == 0
    assert asked(path, 0) == []
    lock.close()
    db["other"] = 1
    assert db["key"] == "old"
    assert offer.token


def test_a_rotation_meanwhile_has_the_writer_seal_anew(path: Path) -> None:
    keys = Keys()
    one, other = opened(path, keys, encrypt=True), opened(path, keys, encrypt=True)
    one["key"] = "old"
    lock = holding(path)
    thread, told = in_thread(lambda: other.set("key", "sealed with the old key"))
    asked(path)
    keys.rotate()
    lock.close()
    one.reseal()
    thread.join()
    assert told == [1]
    assert one["key"] == "sealed with the old key"
    assert one.kids() == {keys.active}


def test_an_encryption_meanwhile_leaves_nothing_in_the_clear(path: Path) -> None:
    keys = Keys()
    one, other = opened(path, keys), opened(path, keys)
    one["key"] = "old"
    lock = holding(path)
    thread, told = in_thread(lambda: other.set("key", "on its way in the clear"))
    asked(path)
    lock.close()
    one.encrypt()
    thread.join()
    assert told == [1]
    assert one["key"] == "on its way in the clear"
    one["more"] = "so that all of it was written"
    for file in path.parent.iterdir():
        assert b"in the clear" not in file.read_bytes(), file


def test_an_encryption_leaves_nothing_of_what_a_killed_writer_asked(path: Path) -> None:
    keys = Keys()
    one = opened(path, keys)
    one["key"] = "old"
    gate_out, gate_in = os.pipe()

    def write() -> None:
        os.read(gate_out, 1)
        opened(path, keys)["key"] = "asked in the clear"

    pid = forked(write)
    lock = holding(path)
    os.write(gate_in, b".")
    asked(path)
    killed(pid)
    lock.close()
    assert b"in the clear" in path.with_name(f"{path.name}-queue").read_bytes()
    one.encrypt()
    for file in path.parent.iterdir():
        assert b"in the clear" not in file.read_bytes(), file
    assert one["key"] == "old"


def test_who_is_to_blame_alone_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that cannot be made with others is made by its own writer; the others' are made."""
    one, others = opened(path), [opened(path) for _ in range(3)]
    one["there"] = 1
    for broken in (b"", b"no change of ours", packed(Change("k", ("sealed", b"no envelope")))):
        lock = holding(path)
        told = [
            in_thread(lambda n=n, broken=broken: others[n].set(f"key {n}", broken))
            for n in range(2)
        ]
        monkeypatch.setattr(others[2], "_change", lambda *_, broken=broken: broken)
        told.append(in_thread(lambda broken=broken: others[2].set("key 2", broken)))
        asked(path, 3)
        lock.close()
        one["there"] = broken
        for thread, _ in told:
            thread.join()
        assert sorted(answer for _, answers in told for answer in answers) == [2, 3, 4]
        assert [one[f"key {n}"] for n in range(3)] == [broken] * 3
        assert one["there"] == broken


def test_a_full_disk_of_the_leader_is_told_to_it_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = opened(path), opened(path)
    one.update({f"{n}": "x" * 3000 for n in range(20)})
    monkeypatch.setattr(group, "LOOK_S", 20)  # for the child to lead, and not this one

    def lead() -> None:
        room = path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        db = opened(path)
        look_for_queue(db)
        with pytest.raises(StorageFullError):
            db["mine"] = "z" * 3500

    pid, thread, told, _ = led_by(lead, path, lambda: other.set("other", "y" * 3500))
    assert code_of(pid) == 0
    thread.join(5)
    assert told == [21]
    assert one["other"] == "y" * 3500
    assert "mine" not in one


class Stalls(Queue):
    """A leader that stops before it tells, and says so."""

    said = -1

    def tell(self, answers: Any, *, crowd: int = 0) -> None:
        if answers:
            os.write(self.said, b"!")
            time.sleep(30)
        super().tell(answers, crowd=crowd)


@pytest.mark.parametrize("forgets", [False, pytest.param(True, marks=MUST_FAIL)])
@pytest.mark.parametrize("is_done_by", ["its own writer", "the next leader"])
def test_what_a_killed_leader_has_committed_is_not_made_again(
    path: Path, *, forgets: bool, is_done_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = opened(path), opened(path)
    one.update(gone=1, there=1)
    if forgets:
        monkeypatch.setattr(leading, "handed", lambda *_: {})
    monkeypatch.setattr(group, "LOOK_S", 20)  # for the child to lead, and not this one
    out, into = os.pipe()

    def lead() -> None:
        monkeypatch.setattr(kept, "Queue", type("Loud", (Stalls,), {"said": into}))
        db = opened(path)
        look_for_queue(db)
        db["there"] = 2

    pid, thread, told, offer = led_by(lead, path, lambda: other.delete("gone"))
    assert os.read(out, 1) == b"!"
    killed(pid)
    assert "gone" not in one
    if is_done_by == "the next leader":
        time.sleep(group.RECENT_NS / 1e9)  # it seems to be led for so long
        look_for_queue(one)
        one["there"] = 3
    else:
        woken(offer)
    thread.join()
    assert told == [None], "it was deleted, and then not found"
    assert "gone" not in one


def test_what_a_killed_leader_has_not_committed_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = opened(path), opened(path)
    one.update(gone=1, there=1)
    monkeypatch.setattr(group, "LOOK_S", 20)  # for the child to lead, and not this one
    out, into = os.pipe()

    def lead() -> None:
        def stop(*_: object) -> None:
            os.write(into, b"!")
            time.sleep(30)

        monkeypatch.setattr(SqliteFile, "_commit", stop)
        db = opened(path)
        look_for_queue(db)
        db["there"] = 2

    pid, thread, told, offer = led_by(lead, path, lambda: other.delete("gone"))
    assert os.read(out, 1) == b"!"
    assert "gone" in one
    assert told == []
    killed(pid)
    woken(offer)
    thread.join()
    assert told == [None]
    assert dict(one) == {"there": 1}


def test_threads_and_forks_share_no_place_in_the_queue(path: Path) -> None:
    db = opened(path)
    db["there"] = 1
    stop = threading.Event()

    def work(number: int) -> None:
        n = 0
        while not stop.is_set():
            db[f"{number}"] = n
            assert db[f"{number}"] == n
            n += 1

    def child(name: int) -> None:
        for n in range(60):
            db[f"child {name}"] = n
            assert db[f"child {name}"] == n

    threads = [in_thread(lambda n=n: work(n)) for n in range(2)]
    for round_ in range(3):
        pids = [forked(lambda name=name: child(name)) for name in range(3)]
        assert [code_of(pid) for pid in pids] == [0, 0, 0]
        assert [db[f"child {name}"] for name in range(3)] == [59] * 3, round_
    stop.set()
    for thread, told in threads:
        thread.join()
        assert told == [None]


def test_a_queue_that_is_deleted_or_damaged_hinders_nobody(path: Path) -> None:
    opened(path)["there"] = 1
    queue = path.with_name(f"{path.name}-queue")

    def write(number: int) -> None:
        db = opened(path)
        chance = random.Random(number)  # noqa: S311
        for n in range(80):
            db[f"{number}:{n}"] = n
            if number == 0 and n % 8 == 0:
                queue.unlink(missing_ok=True)
            if number == 1 and n % 8 == 0 and queue.exists():
                with suppress(OSError), queue.open("r+b") as file:
                    file.seek(chance.randrange(8000))
                    file.write(chance.randbytes(300))

    in_children(4, write)
    db = opened(path)
    assert all(db[f"{number}:{n}"] == n for number in range(4) for n in range(80))
    assert len(db) == 321


def test_one_process_at_a_time_in_a_slot_and_the_dead_make_room(path: Path) -> None:
    path.parent.mkdir()
    queues = [queue_of(path) for _ in range(group.SLOTS + 1)]
    assert [queue.ask(b"x") for queue in queues] == [True] * group.SLOTS + [False]
    queues[3].close()
    assert queues[-1].ask(b"y")
    with closing(queue_of(path)) as leader:
        offers = list(leader.gather() or [])
        assert sorted(offer.change for offer in offers) == [b"x"] * (group.SLOTS - 1) + [b"y"]
        assert not any(queue.withdraw() for queue in queues if queue is not queues[3])
        assert not queues[-1].ask(b"z"), "the leader would tell of the one before"
        leader.tell([(offer, ALONE) for offer in offers], crowd=1)
        assert queues[-1].wait() == ALONE
        assert queues[-1].ask(b"z")
        assert queues[-1].answer() is None
        assert queues[-1].withdraw()
        assert not leader.gather()
    for queue in queues:
        queue.close()


def test_a_storm_of_interrupts_leaves_nothing_to_be_made_later(path: Path) -> None:
    """Whoever was interrupted has written or not, and that stays as it is."""
    opened(path)["there"] = 1
    stop = time.monotonic() + 1.5

    def write(name: int) -> None:
        db, last, heard, is_writing = opened(path), 0, 0, False

        def interrupted(*_: object) -> None:
            if is_writing:
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, interrupted)
        for number in itertools.count(1):
            if time.monotonic() > stop:
                break
            try:
                is_writing = True
                db[f"{name}"] = number
                is_writing = False
                last = number
            except KeyboardInterrupt:
                is_writing = False
                heard += 1
            found = db.get(f"{name}", 0)
            assert found in (last, number)
            if number % 8 == 0:
                time.sleep(0.004)
                assert db.get(f"{name}", 0) == found
            last = found
        assert heard

    pids = [forked(lambda name=name: write(name)) for name in range(4)]
    time.sleep(0.2)
    chance = random.Random(3)  # noqa: S311 - when to interrupt
    while time.monotonic() < stop - 0.1:
        os.kill(chance.choice(pids), signal.SIGINT)
        time.sleep(chance.uniform(0, 0.002))
    assert [code_of(pid) for pid in pids] == [0] * 4
    assert opened(path)._rows("SELECT answers FROM handed"), "nothing was handed over"
