"""What was acknowledged is kept: kills, power loss, forks, threads, interrupts, damage, no room."""

from __future__ import annotations

import dis
import itertools
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databases.ciphers import Cipher
from stores.children import code_of, forked, in_children, killed
from stores.naive import LongTimeout
from stores.test_kills import MUST_FAIL, NAIVE_WRITER, lock_is_free, locked
from stores.test_sqlite import (
    as_nobody,
    empty,
    foreign,
    garbage,
    half,
    scratched,
    stump,
    unknown_format,
)

import hero_kernel
from hero_kernel.databases import Database
from hero_kernel.errors import (
    CorruptRecordError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreError,
    StoreUnavailableError,
)
from hero_kernel.stores import interrupts, kept, patience, sqlite_file, stamps, transactions
from hero_kernel.stores.turns import TURN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

ROUNDS = int(os.environ.get("HERO_KILLS", "25"))
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(hero_kernel.__file__).parents[1])}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db" / "config.db"


@pytest.fixture
def db(path: Path) -> Database:
    return opened(path)


def opened(path: Path) -> Database:
    return Database(path, "config", cipher=Cipher())


class WholeFile:
    """All values in one JSON file, written over itself."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self._path = path

    def _all(self) -> dict[str, Any]:
        import json  # noqa: PLC0415

        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def __getitem__(self, key: str) -> Any:
        return self._all()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        import json  # noqa: PLC0415

        self._path.write_text(json.dumps(self._all() | {key: value, "": "x" * 200_000}))

    def update(self, values: dict[str, Any]) -> None:
        for key, value in values.items():
            self[key] = value


@pytest.mark.parametrize("kind", [opened, pytest.param(WholeFile, marks=MUST_FAIL)])
def test_a_killed_writer_loses_nothing_acknowledged(
    path: Path, kind: Callable[[Path], Any]
) -> None:
    seed = int(os.environ.get("HERO_SEED", "11"))
    print("seed", seed)
    chance = random.Random(seed)  # noqa: S311 - when to kill
    acknowledged = 0
    for round_ in range(ROUNDS):
        out, into = os.pipe()

        def write(round_: int = round_, into: int = into) -> None:
            db = kind(path)
            for number in itertools.count():
                pair = {f"{round_}:{number}": number, f"{round_}:{number}b": number}
                db.update(pair) if number % 2 else db.__setitem__(f"{round_}:{number}", number)
                os.write(into, number.to_bytes(8))

        pid = forked(write)
        os.close(into)
        numbers = os.read(out, 8)  # a slow disk is to have its time
        time.sleep(chance.uniform(0, 0.03))
        killed(pid)
        with open(out, "rb") as acks:  # noqa: PTH123 - a file descriptor
            numbers += acks.read()
        db = kind(path)
        last = len(numbers) // 8
        for number in range(last):
            assert db[f"{round_}:{number}"] == number
            if number % 2:
                assert db[f"{round_}:{number}b"] == number
        acknowledged += last
        if kind is opened and last % 2:  # the one that was killed is whole or not there
            assert (f"{round_}:{last}" in db) == (f"{round_}:{last}b" in db)
    assert acknowledged >= ROUNDS
    if kind is opened:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


SAFE_WRITER = """
import os, sys
from pathlib import Path
from hero_kernel.databases import Database
db = Database(Path(sys.argv[1]), "config")
for number in range(10):
    if number % 3 == 0:
        db["key"] = number
    elif number % 3 == 1:
        db.update(key=number, other=str(number) * 9000)
    else:
        with db.transaction():
            db.set(value=number)
            db["more"] = number
    os.write(1, b"ACK")
"""


@pytest.mark.parametrize("writer", [SAFE_WRITER, pytest.param(NAIVE_WRITER, marks=MUST_FAIL)])
def test_everything_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path, writer: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    path, log = tmp_path / "config.db", tmp_path / "strace.log"
    calls = "trace=write,pwrite64,ftruncate,fsync,fdatasync,link"
    command = ["strace", "-y", "-e", calls, "-o", str(log), sys.executable, "-c", writer, str(path)]
    ended = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    if b"ptrace" in ended.stderr.lower():
        pytest.skip("strace may not trace here")
    assert ended.stdout == b"ACK" * 10, ended.stderr
    dirty: set[str] = set()
    acks = synced_folders = 0
    for line in log.read_text().splitlines():
        call, file = (
            re.match(r"(\w+)\((?:\d+<([^>]*)>)?", line).groups() if "(" in line else ("", "")
        )
        if call in ("fsync", "fdatasync"):
            dirty.discard(file)
            synced_folders += file == str(tmp_path)
        elif '"ACK"' in line:
            acks += 1
            assert not dirty, f"acknowledgement {acks} came before {dirty} was synced"
            assert synced_folders
        elif file and file.startswith(f"{tmp_path}/"):
            dirty.add(file)
    assert acks == 10


def test_eight_processes_never_get_the_same_id(path: Path) -> None:
    def write(number: int) -> None:
        db = opened(path)
        for n in range(40):
            with db.transaction():
                for m in range(5):
                    db.set(value=f"{number}:{n}:{m}")

    in_children(8, write)
    db = opened(path)
    assert db.ids() == list(range(1, 1601))
    assert len({value for _, _, value in db.entries()}) == 1600


class CountFile:
    """Ids by a file that is read, then written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self._path = path

    def set(self, *, value: object) -> int:
        last = int(self._path.read_text() or 0) if self._path.exists() else 0
        time.sleep(0)
        self._path.write_text(str(last + 1))
        return last + 1


@pytest.mark.parametrize("kind", [opened, pytest.param(CountFile, marks=MUST_FAIL)])
def test_ids_of_two_processes_are_not_the_same(path: Path, kind: Callable[[Path], Any]) -> None:
    out, into = os.pipe()

    def write(_number: int) -> None:
        db = kind(path)
        for _ in range(100):
            os.write(into, b"%8d" % db.set(value="x"))

    in_children(4, write)
    os.close(into)
    with open(out, "rb") as file:  # noqa: PTH123 - a file descriptor
        numbers = file.read()
    ids = [numbers[n : n + 8] for n in range(0, len(numbers), 8)]
    assert len(set(ids)) == len(ids) == 400


def get_then_set(db: Database, key: str, fn: Callable[[int], int]) -> None:
    db[key] = fn(db[key])


@pytest.mark.parametrize("change", [Database.change, pytest.param(get_then_set, marks=MUST_FAIL)])
def test_eight_processes_lose_no_change(path: Path, change: Callable[..., object]) -> None:
    opened(path)["count"] = 0
    in_children(
        8, lambda _number: [change(opened(path), "count", lambda old: old + 1) for _ in range(50)]
    )
    assert opened(path)["count"] == 400


def test_a_reader_sees_old_or_new_and_no_acknowledged_value_is_missed(path: Path) -> None:
    """Also without locks: readers read often enough to go over to that between the writes."""
    opened(path).update(a=0, b=0)
    stop = time.monotonic() + 1.5
    told_out, told_in = os.pipe()
    told = __import__("mmap").mmap(-1, 8)

    def write() -> None:
        db = opened(path)
        chance = random.Random(5)  # noqa: S311 - when to write
        for number in itertools.count(1):
            if time.monotonic() > stop:
                return
            db.update(a=number, b=number)
            told[:8] = number.to_bytes(8)
            time.sleep(chance.choice([0, 0, 0.003, 0.15]))

    def read(number: int) -> None:
        if number == 0:
            write()
            return
        db = opened(path)
        unlocked = 0
        while time.monotonic() < stop:
            least = int.from_bytes(told[:8])
            assert db["a"] >= least
            unlocked += db._file._kept.unlocked is not None
            with db.transaction() if number == 1 else nothing():
                pair = dict(db.items())
            assert pair["a"] == pair["b"] if number == 1 else True
        assert unlocked or number == 1

    in_children(4, read)
    os.close(told_out)
    os.close(told_in)


@contextmanager
def nothing() -> Iterator[None]:
    yield


def test_a_settled_file_is_read_without_locks_and_a_write_is_seen_at_once(
    path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stamps, "SETTLED_NS", 20_000_000)
    other = opened(path)
    for number in range(15):
        db["key"] = number if number % 2 else str(number)
        time.sleep(0.05)
        for _ in range(100):
            assert other["key"] == db["key"]
        assert other._file._kept.unlocked is not None
        db["key"] = -number
        assert other["key"] == -number
    time.sleep(0.05)
    for _ in range(100):
        assert other["key"] == -14
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign_one:
        foreign_one.execute("UPDATE entry SET value = 'theirs'")
    assert other["key"] == "theirs"
    for _ in range(100):
        _ = other["key"]
    path.unlink()
    assert other.get("key", None) is None


@pytest.mark.xfail(
    strict=True, reason="a connection that takes the file for immutable sees no write"
)
def test_without_the_stamp_a_write_is_seen(path: Path, db: Database) -> None:
    db["key"] = "old"
    with closing(sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)) as connection:
        select = "SELECT value FROM entry"
        assert connection.execute(select).fetchall() == [("old",)]
        db["key"] = "new"
        assert connection.execute(select).fetchall() == [("new",)]


def test_a_writer_killed_inside_its_transaction_blocks_nobody(path: Path, db: Database) -> None:
    db["key"] = "old"
    out, into = os.pipe()

    def stuck() -> None:
        with db.transaction():
            db.update((str(n), "x" * 10_000) for n in range(2000))  # more than the cache holds
            os.write(into, b"!")
            time.sleep(20)

    pid = forked(stuck)
    os.read(out, 1)
    killed(pid)
    os.close(out)
    os.close(into)
    started = time.monotonic()
    assert dict(db.items()) == {"key": "old"}
    db["key"] = "new"
    assert time.monotonic() - started < 1
    assert list(opened(path).values()) == ["new"]


COUNT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM entry").fetchone()[0])
connection.execute("INSERT INTO entry (key, value) VALUES (?, 1)", (sys.argv[2],))
connection.commit()
connection.close()
"""


def counted_and_added(path: Path, key: str) -> int:
    ended = subprocess.run(
        [sys.executable, "-c", COUNT, path, key], capture_output=True, check=True
    )
    return int(ended.stdout)


class LongWal:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("CREATE TABLE entry (key TEXT PRIMARY KEY, value)")

    def __setitem__(self, key: str, value: object) -> None:
        self.connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (key, value))

    def __len__(self) -> int:
        return self.connection.execute("SELECT count(*) FROM entry").fetchone()[0]

    def close(self) -> None:
        self.connection.close()


@pytest.mark.parametrize("kind", [opened, pytest.param(LongWal, marks=MUST_FAIL)])
def test_a_foreign_open_and_close_of_the_file_loses_nothing(
    path: Path, kind: Callable[[Path], Any]
) -> None:
    db = kind(path)
    db["0"] = 1
    for _ in range(100):
        len(db)
    try:
        path.read_bytes()  # a backup cell, pandas, shutil.copy: its close drops the process's locks
        seen = [counted_and_added(path, "theirs")]
        for number in range(1, 11):
            db[str(number)] = number
            path.read_bytes()
        seen.append(counted_and_added(path, "theirs too"))
    finally:
        db.close()
    assert seen == [1, 12]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (13,)


def test_a_fork_gets_its_own_connection(path: Path, db: Database) -> None:
    db["before"] = 0
    for _ in range(100):
        assert db["before"] == 0

    def fail() -> None:
        db["failed"] = 1
        raise LookupError

    def leave() -> None:
        db.update(left=1)
        sys.exit(0)

    def close() -> None:
        with db.transaction():
            db["closed"] = 1
        db.close()

    children = [forked(work) for work in (fail, leave, close)]
    for number in range(50):
        db["parent"] = number
        assert db["parent"] == number
    assert [code_of(pid) for pid in children] == [1, 1, 0]
    assert list(db) == ["before", "closed", "failed", "left", "parent"]


def test_a_child_inherits_nothing_that_is_open(db: Database) -> None:
    db["key"] = 1
    for _ in range(100):
        assert db["key"] == 1

    def look() -> None:
        # -1: the one by which the folder itself is read is gone again
        links = [
            path.readlink() for path in sorted(Path("/dev/fd").iterdir())[:-1] if path.exists()
        ]
        assert not [link for link in links if "config.db" in str(link)]

    assert code_of(forked(look)) == 0
    assert db["key"] == 1


def test_a_fork_inside_a_transaction_is_given_up_by_the_child(path: Path, db: Database) -> None:
    db["key"] = "old"
    out, into = os.pipe()

    def child() -> None:
        for call in (lambda: db["key"], lambda: db.set("key", 1), lambda: opened(path)["key"],
                     lambda: opened(path).set("key", 1)):  # fmt: skip
            with pytest.raises(StoreError, match="forked inside"):
                call()
        os.write(into, b"!")

    with db.transaction():
        db.update((str(n), "x" * 10_000) for n in range(1000))  # so much that the journal is in use
        pid = forked(child)
        assert code_of(pid) == 0
        # a child that leaves the block, as multiprocessing's do, and ends with all its destructors
        code = os.fork()
        if code == 0:
            with pytest.raises(StoreError, match="forked inside"):
                db._file.transaction_here().__exit__(None, None, None)
            del db
            __import__("gc").collect()
            os._exit(0)
        assert code_of(code) == 0
        db["key"] = "new"
    os.close(out)
    os.close(into)
    assert (opened(path)["key"], len(opened(path))) == ("new", 1001)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_fork_beside_a_busy_thread_waits_for_its_turn(path: Path, db: Database) -> None:
    db["count"] = 0
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            db.change("count", lambda old: old + 1)
            db.update(a=1, b=2)

    def look() -> None:
        db[f"child {os.getpid()}"] = 1
        assert db["count"] >= 0
        with opened(path).transaction():
            db["count"] += 0

    thread = threading.Thread(target=write)
    thread.start()
    try:
        children = []
        for _ in range(15):
            time.sleep(0.005)
            children.append(forked(look))
        assert [code_of(pid) for pid in children] == [0] * 15
    finally:
        stop.set()
        thread.join()
    assert len(db.keys("child")) == 15


def test_sixteen_threads_share_a_database(path: Path, db: Database) -> None:
    def write(thread: int) -> None:
        for number in range(15):
            key = f"{thread}:{number}"
            if number % 5 == 0:
                with db.transaction():
                    db[key] = key
            else:
                db[key] = key
            assert db[key] == key
            assert number < len(list(db.keys(f"{thread}:")))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    assert len(db) == 16 * 15
    assert not kept.OPEN


class WithTransaction:
    """One connection, and a context manager around each transaction, written the obvious way."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA journal_mode = MEMORY")
        self._connection.execute("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value)")

    def __del__(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def __getitem__(self, key: str) -> Any:
        return self._connection.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()[
            0
        ]

    def __setitem__(self, key: str, value: object) -> None:
        self._connection.execute("INSERT OR REPLACE INTO entry VALUES (?, ?)", (key, value))


@pytest.mark.parametrize("kind", [opened, pytest.param(WithTransaction, marks=MUST_FAIL)])
def test_a_storm_of_interrupts_leaves_nothing_half_made(
    tmp_path: Path, kind: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bank.db"
    first = kind(path)
    with first.transaction():
        first["a"], first["b"], first["count"] = 1000, 0, 0
    del first
    out, into = os.pipe()
    ready_out, ready_in = os.pipe()

    def transfer() -> None:
        db = kind(path)
        armed = False

        def interrupt(*_: object) -> None:
            nonlocal armed
            if armed:
                armed = False
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, interrupt)
        os.write(ready_in, b"!")
        done = interrupted = held = 0
        stop = time.monotonic() + 1.6
        while time.monotonic() < stop and done + interrupted < 10**6:
            try:
                armed = True
                with db.transaction():
                    amount = (db["count"] * 7) % 20 - 10
                    db["a"] = db["a"] - amount
                    db["b"] = db["b"] + amount
                    db["count"] = db["count"] + 1
                armed = False
                done += 1
            except KeyboardInterrupt:
                interrupted += 1
                held += not lock_is_free(path)
                assert signal.getsignal(signal.SIGINT) is interrupt
            armed = False
        os.write(into, f"{done} {interrupted} {held}".encode())

    pid = forked(transfer)
    os.read(ready_out, 1)
    chance = random.Random(3)  # noqa: S311 - when to interrupt
    for _ in range(300):
        time.sleep(chance.uniform(0.0005, 0.008))
        os.kill(pid, signal.SIGINT)
    assert code_of(pid) == 0
    done, interrupted, held = (int(word) for word in os.read(out, 100).split())
    for handle in (out, into, ready_out, ready_in):
        os.close(handle)
    db = kind(path)
    a, b, count = db["a"], db["b"], db["count"]
    print(f"{done} done, {interrupted} interrupted, {held} left a lock")
    assert held == 0
    assert a + b == 1000
    assert interrupted > 30
    assert done <= count <= done + interrupted


LISTENING = ("CALL", "RESUME", "JUMP_BACKWARD")
"""The instructions after which CPython looks for signals."""


@cache
def ears(code: CodeType) -> frozenset[int]:
    """Where in the code an interrupt can come."""
    instructions = [found for found in dis.get_instructions(code) if found.opname != "CACHE"]
    return frozenset(
        after.offset
        for before, after in itertools.pairwise(instructions)
        if before.opname.startswith(LISTENING)
    )


@pytest.mark.skipif(
    sys.version_info[:2] == (3, 12),
    reason="Python 3.12 does not trace instructions when it is asked to in a call",
)
@pytest.mark.parametrize(
    "kind",
    [opened, pytest.param(WithTransaction, marks=MUST_FAIL)],
)
def test_an_interrupt_wherever_one_can_come_leaves_no_lock(
    tmp_path: Path, kind: Callable[[Path], Any]
) -> None:
    """Not by chance: at every such place in our code on the way of a transaction, one by one."""
    path = tmp_path / "bank.db"
    db = kind(path)
    db["a"], db["b"] = 0, 0
    ours = {room.__file__ for room in (sqlite_file, transactions, kept, interrupts)} | {__file__}
    left = signal.getsignal(signal.SIGINT)
    for number in itertools.count(1):
        seen = 0

        def trace(frame: FrameType, event: str, _arg: object, number: int = number) -> Any:
            nonlocal seen
            if frame.f_code.co_filename not in ours:
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            if event == "opcode" and frame.f_lasti in ears(frame.f_code):
                seen += 1
                if seen == number:
                    signal.raise_signal(signal.SIGINT)
            return trace

        before = db["a"]
        done = 0
        sys.settrace(trace)
        try:
            with db.transaction():
                db["a"] = before + 1
                db["b"] = before + 1
            done = 1
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert lock_is_free(path)
        assert not kept.OPEN
        assert signal.getsignal(signal.SIGINT) is left
        assert before + done <= db["a"] == db["b"]
        if seen < number:
            break
    assert number > 100
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(TURN.acquire, timeout=1).result()
        pool.submit(TURN.release).result()


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        (opened, "set"),
        (opened, "transaction"),
        pytest.param(LongTimeout, "put", marks=MUST_FAIL),
    ],
)
def test_ctrl_c_is_heard_while_waiting_for_a_lock(
    path: Path, kind: Callable[[Path], Any], call: str
) -> None:
    db = opened(path)
    db["key"] = "old"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE record (key, value)")
    db.close()
    pid, out_in = os.getpid(), os.pipe()

    def interrupt() -> None:
        with closing(locked(path)):
            os.write(out_in[1], b"!")
            time.sleep(0.3)
            os.kill(pid, signal.SIGINT)
            time.sleep(3)

    child = forked(interrupt)
    try:
        os.read(out_in[0], 1)
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - a block is what is tried
            if kind is not opened:
                kind(path).put(1, "key", "new")
            elif call == "set":
                db["key"] = "new"
            else:
                with db.transaction():
                    pass
        assert time.monotonic() - started < 0.3 + 0.5
    finally:
        killed(child)
        for handle in out_in:
            os.close(handle)
    db["key"] = "new"


def test_ctrl_c_ends_a_block_and_rolls_back(path: Path, db: Database) -> None:
    db["key"] = "old"
    with pytest.raises(KeyboardInterrupt), db.transaction():  # noqa: PT012 - a block is what is tried
        db["key"] = "new"
        signal.raise_signal(signal.SIGINT)
        pytest.fail("it went on")

    def endless() -> Iterator[tuple[str, int]]:
        for number in itertools.count():
            if number == 1000:
                signal.raise_signal(signal.SIGINT)
            yield str(number), number

    with pytest.raises(KeyboardInterrupt):
        db.update(endless())
    assert dict(db.items()) == {"key": "old"}
    assert lock_is_free(path)


CALLS: dict[str, Callable[[Database], object]] = {
    "get": lambda db: db["key"],
    "items": lambda db: list(db.items()),
    "len": len,
    "ids": lambda db: db.ids(),
    "info": lambda db: db.info(),
    "set": lambda db: db.set("key", "new"),
    "update": lambda db: db.update(key="new"),
    "delete": lambda db: db.delete("key"),
    "empty": lambda db: db.empty(),
    "encrypt": lambda db: db.encrypt(),
    "destroy": lambda db: db.destroy(),
}
WRITES = ("set", "update", "delete", "empty", "encrypt", "destroy")


@pytest.mark.parametrize(
    "damage", [garbage, half, stump, empty, scratched, foreign, unknown_format]
)
@pytest.mark.parametrize("is_open", [True, False])
def test_a_damaged_file_is_named_and_left_as_it_is(
    path: Path, damage: Callable[[Path], None], is_open: bool
) -> None:
    db = opened(path)
    db["key"] = "old"
    db["large"] = "x" * 30_000
    beside = opened(path.with_name("beside.db"))
    beside["key"] = "fine"
    if not is_open:
        db.close()
    damage(path)
    before = path.read_bytes()
    for name in WRITES if is_open else CALLS:
        with pytest.raises(CorruptRecordError, match=str(path)):
            CALLS[name](db)
        assert path.read_bytes() == before
    assert beside["key"] == "fine"


def test_a_newer_format_is_refused(path: Path, db: Database) -> None:
    db["key"] = "old"
    db.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    for call in CALLS.values():
        with pytest.raises(StoreError, match="needs a newer hero-kernel"):
            call(db)


@pytest.mark.parametrize("call", CALLS)
def test_a_link_in_the_files_place_is_not_followed(path: Path, tmp_path: Path, call: str) -> None:
    victim = tmp_path / "victim.db"
    opened(victim)["key"] = "theirs"
    before = victim.read_bytes()
    path.parent.mkdir()
    path.symlink_to(victim)
    with pytest.raises(StoreError, match="symbolic link"):
        CALLS[call](opened(path))
    assert victim.read_bytes() == before


def test_a_link_put_there_later_is_not_followed(path: Path, tmp_path: Path, db: Database) -> None:
    db["key"] = "ours"
    for _ in range(100):
        assert db["key"] == "ours"
    victim = tmp_path / "victim.db"
    opened(victim)["key"] = "theirs"
    path.unlink()
    path.symlink_to(victim)
    for call in CALLS.values():
        with pytest.raises(StoreError, match="symbolic link"):
            call(db)
    assert opened(victim)["key"] == "theirs"


def test_a_replaced_or_deleted_file_is_noticed(path: Path, tmp_path: Path, db: Database) -> None:
    db["key"] = "old"
    backup = tmp_path / "backup"
    shutil.copy(path, backup)
    db["key"] = "new"
    assert db["key"] == "new"
    backup.replace(path)
    assert db["key"] == "old"
    path.unlink()
    assert db.get("key", None) is None
    db["key"] = "again"
    assert opened(path)["key"] == "again"
    with pytest.raises(StoreUnavailableError, match="moved or deleted"), db.transaction():  # noqa: PT012 - a block is what is tried
        db["key"] = "lost"
        path.unlink()


def test_a_file_in_wal_mode_comes_back_to_the_journal(path: Path, db: Database) -> None:
    db["key"] = "old"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert db["key"] == "old"
    db["key"] = "new"
    db.close()
    assert path.read_bytes()[18:20] == b"\x01\x01"
    assert opened(path)["key"] == "new"


def test_a_read_only_home_is_read_and_not_written() -> None:
    import tempfile  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="hero-open-"))
    folder.chmod(0o755)
    try:
        path = folder / "config.db"
        db = opened(path)
        db["key"] = "old"
        db.close()
        for found in folder.iterdir():
            found.chmod(0o444)
        folder.chmod(0o555)

        def look() -> None:
            mine = opened(path)
            for _ in range(100):
                assert mine["key"] == "old"
            for name in WRITES:
                with pytest.raises(ReadOnlyStoreError, match=str(path)):
                    CALLS[name](mine)
            assert list(mine.items()) == [("key", "old")]

        as_nobody(look)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_full_quota_harms_nothing(path: Path, db: Database) -> None:
    db["key"] = "old"

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192, hard))
        with pytest.raises(StorageFullError, match=str(path)):
            db["large"] = "x" * 100_000
        with pytest.raises(StorageFullError, match=str(path)):
            db.update(key="new", large="x" * 100_000)
        with pytest.raises(StoreError, match="rolled back"), db.transaction():  # noqa: PT012 - a block is what is tried
            db["key"] = "new"
            with pytest.raises(StorageFullError):
                db["large"] = "x" * 30_000_000
            if not db._file.transaction_here().is_alive:
                db["key"] = "never"
            raise StoreError("rolled back")
        assert db["key"] == "old"
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        db["large"] = "x" * 100_000

    assert code_of(forked(fill)) == 0
    assert (list(db), db["key"]) == (["key", "large"], "old")


FILLER = """
import sys
from pathlib import Path
from hero_kernel.databases import Database
from hero_kernel.errors import StorageFullError
db = Database(Path(sys.argv[1]) / "config.db", "config")
db["key"] = "old"
filler = Path(sys.argv[1]) / "filler"
with filler.open("wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError:
        pass
for number in range(2):
    try:
        db.update({f"{number} {n}": "x" * 5_000 for n in range(100)})
    except StorageFullError:
        print("full")
assert dict(db.items()) == {"key": "old"}
filler.unlink()
db["key"] = "new"
print(db["key"])
"""


def test_a_full_disk_harms_nothing(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    mount = 'mount -t tmpfs -o size=512k none "$0" || exit 77; exec "$@"'
    ended = subprocess.run(
        [
            "unshare",
            "-Urm",
            "sh",
            "-c",
            mount,
            str(tmp_path),
            sys.executable,
            "-c",
            FILLER,
            str(tmp_path),
        ],
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    if ended.returncode == 77 or b"unshare" in ended.stderr:
        pytest.skip("no file system may be mounted here")
    assert ended.stdout.split() == [b"full", b"full", b"new"], ended.stderr


def test_a_lock_that_is_never_freed_is_named(
    path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    db["key"] = "old"
    monkeypatch.setattr(patience, "WAIT_S", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        for call in CALLS.values():
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError, match=str(path)):
                call(db)
            assert 0.1 < time.monotonic() - started < 1
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM entry").fetchall()
        with pytest.raises(StoreUnavailableError, match=str(path)), db.transaction():
            db["key"] = "new"
    assert db["key"] == "old"
    assert lock_is_free(path)


def test_nothing_piles_up(path: Path) -> None:
    def state() -> tuple[int, int]:
        return len(list(Path("/dev/fd").iterdir())), threading.active_count()

    db = opened(path)
    db["key"] = 0
    for _ in range(50):
        _ = db["key"]
    before = state()
    for number in range(500):
        db["key"] = number
        assert db["key"] == number
    for _ in range(50):
        other = opened(path)
        assert other["key"] == 499
        with other.transaction():
            other["key"] = 499
        other.close()
    assert state() == before


def test_importing_databases_imports_no_sqlite() -> None:
    code = (
        "import sys, hero_kernel.databases;"
        "sys.exit('sqlite3' in sys.modules or 'cryptography' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, check=True)
