"""What was acknowledged is kept: kills, power loss, many writers, forks and interrupts."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from stores.children import code_of, eventually, forked, in_children, killed
from stores.naive import GetThenPut, LongTimeout, LongWal, WholeFile, WithTransaction

import hero_kernel
from hero_kernel.stores.redis import RedisStore
from hero_kernel.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = int(os.environ.get("HERO_KILLS", "12"))
"""Kills in a run; 100 and more for a thorough one."""

MUST_FAIL = pytest.mark.xfail(strict=True, reason="the obvious way loses, or the test is blunt")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hero.db"


def locked(path: Path) -> sqlite3.Connection:
    """A connection that holds the write lock."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


@pytest.mark.parametrize("kind", [SqliteStore, pytest.param(WholeFile, marks=MUST_FAIL)])
def test_a_killed_writer_loses_nothing_acknowledged(
    path: Path, kind: Callable[[Path], Any]
) -> None:
    chance = random.Random(7)  # noqa: S311 - when to kill
    acknowledged = 0
    for round_ in range(ROUNDS):
        out, into = os.pipe()

        def write(round_: int = round_, into: int = into) -> None:
            store = kind(path)
            for number in range(10**6):
                store.put(1, f"{round_}:{number}", f"{number}")
                os.write(into, number.to_bytes(8))

        pid = forked(write)
        os.close(into)
        begun = os.read(out, 8)  # however slow the disk is, it was writing when it was killed
        time.sleep(chance.uniform(0, 0.04))
        killed(pid)
        with open(out, "rb") as acks:  # noqa: PTH123 - a file descriptor
            numbers = begun + acks.read()
        store = kind(path)
        for start in range(0, len(numbers), 8):
            number = int.from_bytes(numbers[start : start + 8])
            assert store.get(1, f"{round_}:{number}") == f"{number}"
            acknowledged += 1
    assert acknowledged >= ROUNDS
    if kind is SqliteStore:
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


SAFE_WRITER = """
import os, sys
from pathlib import Path
from hero_kernel.stores.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
for number in range(10):
    store.put(1, "key", str(number))
    os.write(1, b"ACK")
"""
NAIVE_WRITER = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = NORMAL")
connection.execute("CREATE TABLE record (value)")
for number in range(10):
    connection.execute("INSERT INTO record VALUES (?)", (number,))
    os.write(1, b"ACK")
"""


@pytest.mark.parametrize("writer", [SAFE_WRITER, pytest.param(NAIVE_WRITER, marks=MUST_FAIL)])
def test_everything_is_on_the_disk_before_it_is_acknowledged(path: Path, writer: str) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = path.parent / "strace.log"
    calls = "trace=write,pwrite64,ftruncate,fsync,fdatasync,link"
    command = ["strace", "-y", "-e", calls, "-o", str(log), sys.executable, "-c", writer, str(path)]
    root = str(Path(hero_kernel.__file__).parents[1])
    ended = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": root}, capture_output=True, check=False
    )
    if b"ptrace" in ended.stderr.lower():
        pytest.skip("strace may not trace here")
    assert ended.stdout == b"ACK" * 10, ended.stderr
    dirty: set[str] = set()
    synced_folders = acks = 0
    for line in log.read_text().splitlines():
        call, file = (
            re.match(r"(\w+)\((?:\d+<([^>]*)>)?", line).groups() if "(" in line else ("", "")
        )
        if call in ("fsync", "fdatasync"):
            dirty.discard(file)
            synced_folders += file == str(path.parent)
        elif '"ACK"' in line:
            acks += 1
            assert not dirty, f"acknowledgement {acks} came before {dirty} was synced"
            assert synced_folders
        elif (
            file and file.startswith(f"{path.parent}/") and not file.startswith(f"{path.parent}/#")
        ):
            dirty.add(file)  # but for one without a name, that is only tried out
    assert acks == 10


@pytest.mark.parametrize("engine", ["sqlite", "redis", pytest.param("naive", marks=MUST_FAIL)])
def test_eight_processes_lose_no_update(
    path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    store: Any = SqliteStore(path)
    if engine == "redis":
        store = RedisStore(request.getfixturevalue("redis_server").url)
    if engine == "naive":
        store = GetThenPut(store)
    store.update(1, "count", lambda _old: "0")
    in_children(
        8,
        lambda _number: [
            store.update(1, "count", lambda old: str(int(old) + 1)) for _ in range(100)
        ],
    )
    assert store.get(1, "count") == "800"


@pytest.mark.parametrize("linked", [True, False])
def test_twenty_processes_start_on_a_fresh_home(
    path: Path, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there are no hard links."""

    def unlinked(*_: object, **__: object) -> None:
        raise PermissionError(1, "no hard links here")

    if not linked:
        monkeypatch.setattr(os, "link", unlinked)
    store = SqliteStore(path.parent / "new" / "home" / "hero.db")
    in_children(20, lambda number: store.put(1, str(number), "text"))
    assert len(store.scan(1)) == 20
    folder = path.parent / "new" / "home"
    names = {p.name for p in folder.iterdir()} - {"hero.db-queue"}  # who waited has made one
    assert names == {"hero.db", "hero.db-journal"}


def test_a_reader_sees_old_or_new_and_never_waits_long(path: Path) -> None:
    store = SqliteStore(path)
    store.put(1, "key", "0 0")
    stop = time.monotonic() + 1

    def write() -> None:
        while time.monotonic() < stop:
            store.update(1, "key", lambda old: " ".join([str(int(old.split()[0]) + 1)] * 2))

    def read(number: int) -> None:
        if number == 0:
            write()
        while time.monotonic() < stop:
            started = time.monotonic()
            first, second = store.get(1, "key").split()
            assert first == second
            assert time.monotonic() - started < 0.5

    in_children(4, read)
    assert int(store.get(1, "key").split()[0]) > 10


def test_a_writer_killed_inside_its_transaction_blocks_nobody(path: Path) -> None:
    store = SqliteStore(path)
    store.put(1, "key", "old")
    out, into = os.pipe()

    def stuck(_old: str | None) -> str:
        os.write(into, b"!")
        time.sleep(20)
        return "never"

    pid = forked(lambda: store.update(1, "key", stuck))
    os.read(out, 1)
    killed(pid)
    os.close(out)
    os.close(into)
    started = time.monotonic()
    assert store.update(1, "key", lambda old: f"{old} new") == "old new"
    assert time.monotonic() - started < 1


COUNT = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM record").fetchone()[0])
connection.close()
"""


@pytest.mark.parametrize("kind", [SqliteStore, pytest.param(LongWal, marks=MUST_FAIL)])
def test_a_foreign_open_and_close_of_the_file_loses_nothing(
    path: Path, kind: Callable[[Path], Any]
) -> None:
    holder = kind(path)
    holder.put(1, "0", "text")
    path.read_bytes()  # a backup cell, pandas, shutil.copy: its close drops the process's locks

    def seen_by_another_process() -> int:
        counted = subprocess.run(
            [sys.executable, "-c", COUNT, path], capture_output=True, check=True
        )
        return int(counted.stdout)

    assert seen_by_another_process() == 1
    for number in range(1, 11):
        holder.put(1, str(number), "text")
        path.read_bytes()
    seen = seen_by_another_process()
    if kind is LongWal:
        holder.connection.close()
    assert seen == 11


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
def test_a_fork_gets_its_own_connections(
    path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    store: Any = SqliteStore(path)
    if engine == "redis":
        store = RedisStore(request.getfixturevalue("redis_server").url)
    store.put(1, "before", "text")

    def fail() -> None:
        store.put(1, "failed", "text")
        raise LookupError

    def leave() -> None:
        store.put(1, "left", "text")
        sys.exit(0)

    def close() -> None:
        store.put(1, "closed", "text")
        store.close()

    children = [forked(work) for work in (fail, leave, close)]
    for number in range(50):
        store.put(1, "parent", str(number))
        assert store.get(1, "parent") == str(number)
    assert [code_of(pid) for pid in children] == [1, 1, 0]
    assert store.scan(1) == ["before", "closed", "failed", "left", "parent"]
    store.close()


def test_a_fork_beside_a_busy_thread_waits_for_its_turn(path: Path) -> None:
    """A child forked inside another thread's transaction would believe it held the lock too."""
    store = SqliteStore(path)
    store.put(1, "count", "0")
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            store.update(1, "count", lambda old: str(int(old) + 1))

    def look() -> None:
        store.put(1, f"child {os.getpid()}", "text")
        assert int(store.get(1, "count")) > 0

    thread = threading.Thread(target=write)
    thread.start()
    try:
        children = []
        for _ in range(20):
            time.sleep(0.005)
            children.append(forked(look))
        assert [code_of(pid) for pid in children] == [0] * 20
    finally:
        stop.set()
        thread.join()
    assert len(store.scan(1, "child")) == 20


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
def test_sixteen_threads_share_a_store(
    path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    store: Any = SqliteStore(path)
    if engine == "redis":
        store = RedisStore(request.getfixturevalue("redis_server").url)

    def write(thread: int) -> None:
        for number in range(15):
            key = f"{thread}:{number}"
            store.put(1, key, key)
            assert store.get(1, key) == key

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(write, range(16)))
    assert len(store.scan(1)) == 16 * 15
    store.close()


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
def test_two_processes_see_each_other(
    path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_server").url if engine == "redis" else ""

    def store() -> Any:
        return RedisStore(url) if url else SqliteStore(path)

    mine = store()
    mine.put(1, "ping", "0")

    def answer() -> None:
        theirs = store()
        for number in range(1, 6):
            eventually(lambda number=number: theirs.get(1, "ping") == str(number))
            theirs.put(1, "pong", str(number))

    pid = forked(answer)
    watch = mine.watch(1)
    for number in range(1, 6):
        mine.put(1, "ping", str(number))
        started = time.monotonic()
        for _ in watch:
            if mine.get(1, "pong") == str(number):
                break
        assert time.monotonic() - started < 1
    assert code_of(pid) == 0
    mine.close()


def lock_is_free(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as connection:
            connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.parametrize("kind", [SqliteStore, pytest.param(WithTransaction, marks=MUST_FAIL)])
def test_a_storm_of_interrupts_leaves_nothing_half_made(
    path: Path, kind: Callable[[Path], Any]
) -> None:
    out, into = os.pipe()
    ready_out, ready_in = os.pipe()
    kind(path).update(1, "bank", lambda _old: "1000 0 0")

    def transferred(old: str | None) -> str:
        a, b, count = (int(word) for word in old.split())
        amount = (count * 7) % 20 - 10
        return f"{a - amount} {b + amount} {count + 1}"

    def transfer() -> None:
        store = kind(path)
        armed = False

        def interrupt(*_: object) -> None:
            nonlocal armed
            if armed:
                armed = False
                raise KeyboardInterrupt

        signal.signal(signal.SIGINT, interrupt)
        os.write(ready_in, b"!")
        done = interrupted = held = 0
        stop = time.monotonic() + 1.2
        while time.monotonic() < stop:
            try:
                armed = True
                store.update(1, "bank", transferred)
                armed = False
                done += 1
            except KeyboardInterrupt:
                interrupted += 1
                held += not lock_is_free(path)
        os.write(into, f"{done} {interrupted} {held}".encode())

    pid = forked(transfer)
    os.read(ready_out, 1)
    chance = random.Random(3)  # noqa: S311 - when to interrupt
    stop = time.monotonic() + 1
    while time.monotonic() < stop:
        time.sleep(chance.uniform(0.0005, 0.006))
        os.kill(pid, signal.SIGINT)
    assert code_of(pid) == 0
    done, interrupted, held = (int(word) for word in os.read(out, 100).split())
    for handle in (out, into, ready_out, ready_in):
        os.close(handle)
    a, b, count = (int(word) for word in kind(path).get(1, "bank").split())
    assert held == 0
    assert a + b == 1000
    assert interrupted > 20
    assert done <= count <= done + interrupted


@pytest.mark.parametrize("kind", [SqliteStore, pytest.param(LongTimeout, marks=MUST_FAIL)])
def test_ctrl_c_is_heard_while_waiting_for_a_lock(path: Path, kind: Callable[[Path], Any]) -> None:
    SqliteStore(path).put(1, "key", "text")
    pid = os.getpid()

    def interrupt() -> None:
        with closing(locked(path)):
            os.kill(pid, signal.SIGUSR1)
            time.sleep(0.3)
            os.kill(pid, signal.SIGINT)
            time.sleep(3)

    arrived: list[int] = []
    previous = signal.signal(signal.SIGUSR1, lambda number, _frame: arrived.append(number))
    child = forked(interrupt)
    try:
        eventually(lambda: bool(arrived))
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            kind(path).put(1, "key", "new")
        assert time.monotonic() - started < 0.3 + 0.3
    finally:
        signal.signal(signal.SIGUSR1, previous)
        killed(child)
    SqliteStore(path).put(1, "key", "new")


def test_an_interrupt_in_another_threads_write_waits_for_nothing(path: Path) -> None:
    store = SqliteStore(path)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lambda: [store.put(1, "key", str(n)) for n in range(50)])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        writing.result()
    assert store.get(1, "key") == "49"
    assert threading.active_count() >= 1
