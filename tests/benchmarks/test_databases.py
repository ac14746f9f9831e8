"""A database against what else keeps values under keys: one process, and four at once.

Every written value is unique: SQLite does not write what is there already. Who is durable, so that
a write is on the disk when it returns: hero, sqlite3, redis (`appendfsync always`), and files but
for their folders. The others return earlier, and are as fast as that.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import socket
import time
import tracemalloc
from contextlib import ExitStack, contextmanager, nullcontext
from time import perf_counter
from typing import TYPE_CHECKING, Any

import keyrings
import pytest
from benchmarks.keeping import (
    DiskCache,
    Files,
    Hero,
    Redis,
    SealedSqlite,
    Shelve,
    Sqlite,
    SqliteDict,
    bytes_on_disk,
)
from benchmarks.measuring import OURS, Goal
from redis_server import RedisServer
from stores.children import code_of, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

COUNT = 100_000
SEALED = "hero, encrypted"
SQLITE = "sqlite3"
SEALED_SQLITE = "sqlite3 and AESGCM"
REDIS = "redis"

_numbers = itertools.count()


def value() -> str:
    """One that never was before."""
    return f"value {next(_numbers):09d} " + "x" * 84


def filled(count: int) -> dict[str, str]:
    return {f"key:{n:07d}": value() for n in range(count)}


def shuffled(count: int, of: int) -> list[str]:
    order = random.Random(1).sample(range(of), count)  # noqa: S311 - an order
    return [f"key:{n:07d}" for n in order]


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer | None]:
    if shutil.which("redis-server") is None:
        yield None
        return
    one = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    yield one
    one.stop()


PLAIN = {
    OURS: Hero,
    SQLITE: Sqlite,
    SEALED_SQLITE: SealedSqlite,
    "shelve": Shelve,
    "a file a key": Files,
}
PACKAGED = {"diskcache": DiskCache, "sqlitedict": SqliteDict}


class Opened:
    """Those who take part, each opened in a folder of its own; closed and deleted at the end."""

    def __init__(self, folder: Path, figures: Any, server: RedisServer | None) -> None:
        self._folder, self._figures, self._server = folder, figures, server

    def __call__(self, *names: str) -> dict[str, Any]:
        found = {name: self.one(name) for name in names}
        return {name: one for name, one in found.items() if one is not None}

    def one(self, name: str, at: str = "") -> Any:
        """A contestant; None when it is not installed."""
        folder = self._folder / f"{name}{at}"
        folder.mkdir(parents=True, exist_ok=True)
        if name in PACKAGED:
            module = self._figures.peer(name)
            return module and PACKAGED[name](folder, module)
        if name == REDIS:
            self._figures.program("redis-server")
            return self._server and Redis(self._server.client())
        if name == SEALED:
            is_new = not (folder / "ring").exists()
            return Hero(
                folder, (keyrings.created if is_new else keyrings.unlocked)(folder / "ring")
            )
        return PLAIN[name](folder)


@pytest.fixture
def opened(tmp_path, figures, server) -> Iterator[Opened]:
    if server is not None:
        with server.client() as client:
            client.flushall()
    yield Opened(tmp_path, figures, server)
    shutil.rmtree(tmp_path, ignore_errors=True)


ALL = (OURS, SEALED, SQLITE, "diskcache", "sqlitedict", "shelve", "a file a key", REDIS)
SLOW = {"shelve": 50, "a file a key": 5}
"""How many times fewer calls they are given, to be done in our lifetime; all is told per call."""


def each(works: dict[str, Any], counts: dict[str, int], figures: Any, rounds: int) -> Any:
    """Seconds of one call of each in each round, the first round left out."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(figures.rounds(rounds) + 1):
        names = list(works)
        first = number % len(names)
        for name in names[first:] + names[:first]:
            begin = perf_counter()
            works[name]()
            if number:
                times[name].append((perf_counter() - begin) / counts[name])
    return times


def test_one_process(figures, opened):
    """Reading, writing, going through and deleting, of databases that hold 100,000 keys."""
    count = figures.size(COUNT, least=2000)
    kept = opened(*ALL)
    data = filled(count)
    for one in kept.values():
        one.update(data)
    keys = shuffled(min(figures.size(20_000, least=500), count), count)
    assert {one.get(keys[0]) for one in kept.values()} == {data[keys[0]]}
    reading(figures, kept, keys, count)
    writing(figures, kept, keys)
    going_through(figures, kept, count)
    deleting(figures, kept, count)
    for one in kept.values():
        one.close()


def reading(figures: Any, kept: dict[str, Any], keys: list[str], count: int) -> None:
    def read(one: Any) -> None:
        for key in keys:
            one.get(key)

    figures.compare(
        f"get of a key, of {count:,}, shuffled",
        {name: (lambda one=one: read(one)) for name, one in kept.items() if name != "shelve"},
        Goal("diskcache", faster=1),
        Goal(SQLITE, at_most=2),
        Goal(OURS, at_most=2, of=SEALED),
        per=len(keys),
        note="sqlite3: SELECT on a kept connection",
    )


def writing(figures: Any, kept: dict[str, Any], keys: list[str]) -> None:
    sets = figures.size(400)

    def write(one: Any) -> None:
        for key in random.choices(keys, k=sets):  # noqa: S311 - an order
            one.set(key, value())

    figures.add(
        "set of a key, written over",
        each(
            {name: (lambda one=one: write(one)) for name, one in kept.items()},
            dict.fromkeys(kept, sets),
            figures,
            9,
        ),
        Goal(SQLITE, at_most=1.3),
        Goal(OURS, at_most=2, of=SEALED),
        note="durable: hero, sqlite3, redis, a file a key but for its folder",
    )
    for name, one in kept.items():
        last = value()
        one.set(keys[0], last)
        assert one.get(keys[0]) == last, name


def keys_of(one: Any) -> int:
    return sum(1 for _ in iter(one.keys()))


def going_through(figures: Any, kept: dict[str, Any], count: int) -> None:
    figures.compare(
        f"all of {count:,} keys",
        {name: (lambda one=one: keys_of(one)) for name, one in kept.items()},
        Goal(SQLITE, at_most=2),
        check=lambda name, answer: _same(name, answer, count),
        rounds=5,
        note="in order: hero, sqlite3",
    )
    few = {name: one for name, one in kept.items() if name != "shelve"}
    figures.compare(
        f"all of {count:,} items",
        {
            name: (lambda one=one: sum(len(found) for _, found in one.items()))
            for name, one in few.items()
        },
        Goal(SQLITE, at_most=2),
        check=lambda name, answer: _same(name, answer, count * 100),
        rounds=3,
    )
    figures.compare(
        f"items of a prefix, 1,000 of {count:,}",
        {
            name: (lambda one=one: sum(1 for _ in one.items("key:0001")))
            for name, one in few.items()
        },
        Goal(SQLITE, at_most=3),
        check=lambda name, answer: _same(name, answer, 1000),
        rounds=3,
        note="all but hero and sqlite3 look at every key",
    )


def deleting(figures: Any, kept: dict[str, Any], count: int) -> None:
    going = {name: iter(shuffled(count, count)) for name in kept}
    deletes = {name: max(2, figures.size(400) // SLOW.get(name, 1)) for name in kept}

    def delete(name: str, one: Any) -> None:
        for key in itertools.islice(going[name], deletes[name]):
            one.delete(key)

    taken = each(
        {name: (lambda name=name, one=one: delete(name, one)) for name, one in kept.items()},
        deletes,
        figures,
        9,
    )
    rounds = figures.rounds(9) + 1
    for name, one in kept.items():
        assert keys_of(one) == count - deletes[name] * rounds, name
    figures.add("delete of a key", taken, Goal(SQLITE, at_most=1.3), note="durable as set")


def _same(name: str, answer: int, expected: int) -> None:
    assert answer == expected, (name, answer, expected)


SEALED_GOALS = (
    Goal(SEALED_SQLITE, at_most=2, of=SEALED),
    Goal(OURS, at_most=2, of=SEALED, why=f"{SEALED_SQLITE} is itself more than twice sqlite3"),
)


def test_bulk_update(figures, opened):
    """All in one transaction, where there are any."""
    count = figures.size(COUNT, least=1000)
    numbers = itertools.count()
    names = [*(name for name in ALL if name != "a file a key"), SEALED_SQLITE]
    data: dict[str, str] = {}
    stores: dict[str, Any] = {}

    def anew(round_: int) -> None:
        for name, one in stores.items():
            assert keys_of(one) == count, name
            one.close()
        for name in names:
            at = f" {next(numbers)}"
            if (one := opened.one(name, at)) is not None:
                stores[name] = one
        if REDIS in stores:
            stores[REDIS].forget()
        data.clear()
        data.update(filled(count))

    present = [name for name in names if opened.one(name) is not None]
    figures.compare(
        f"update with {count:,} new keys",
        {name: (lambda name=name: stores[name].update(data)) for name in present},
        Goal(SQLITE, faster=0.6),
        Goal("diskcache", faster=5),
        *SEALED_GOALS,
        rounds=5,
        per=count,
        before=anew,
        check=lambda name, _: _same(name, len(stores[name].get("key:0000001")), 100),
        note="sqlite3: executemany in one transaction of the same journal and sync",
    )
    kept = {name: stores[name] for name in (OURS, SEALED, SQLITE, SEALED_SQLITE)}

    def other(_round: int) -> None:
        data.update(filled(count))

    figures.compare(
        f"update of {count:,} keys, written over",
        {name: (lambda one=one: one.update(data)) for name, one in kept.items()},
        Goal(SQLITE, faster=0.6),
        *SEALED_GOALS,
        rounds=5,
        per=count,
        before=other,
    )
    for name, one in kept.items():
        assert one.get("key:0000007") == data["key:0000007"], name
        one.close()


PROCESSES = 4
CONTESTANTS = (OURS, SEALED, SQLITE, "diskcache", REDIS)


def at_once(
    work: Callable[[int], Callable[[int], object]], count: int, least_s: float = 0.3
) -> tuple[float, float]:
    """Seconds from the start of four processes to the end of the last, and of the longest call.

    Args:
        work: Given the number of a process, in it: what to call with 0, 1 and so on.
        count: How many calls each does.
        least_s: What they have to get ready.
    """
    go = time.monotonic() + least_s
    out, into = os.pipe()

    def done(number: int) -> None:
        call = work(number)
        while time.monotonic() < go:
            time.sleep(0.0005)
        worst, last = 0.0, time.monotonic()
        for nth in range(count):
            call(nth)
            now = time.monotonic()
            worst, last = max(worst, now - last), now
        os.write(into, f"{last} {worst}\n".encode())

    pids = [forked(lambda number=number: done(number)) for number in range(PROCESSES)]
    os.close(into)
    with open(out) as told:  # noqa: PTH123 - a file descriptor
        ends = [[float(one) for one in line.split()] for line in told]
    assert [code_of(pid) for pid in pids] == [0] * PROCESSES
    return max(end for end, _ in ends) - go, max(worst for _, worst in ends)


BEST = "one sqlite3, 4 in a commit"
"""What four writers could reach who hand over their changes at no cost."""


def four_in_a_commit_s(one: Sqlite, count: int) -> float:
    begin = perf_counter()
    for _ in range(count):
        one.set_together([(f"w:{next(_numbers)}", value()) for _ in range(PROCESSES)])
    seconds = (perf_counter() - begin) / (count * PROCESSES)
    one.close()
    return seconds


HANDED = "one sqlite3, handed to"
"""Three writers hand over to one as plainly as it goes: a socket each, and a commit of all four.

A kill of the one stops all, and it takes what it is given as it is.
"""


def written(number: int, nth: int, round_: int) -> tuple[str, str]:
    """What a process writes, and under which key."""
    return f"w{number}:{nth:06d}", f"{round_} {number} {nth} " + "x" * 90


@contextmanager
def handing_over(
    opened: Callable[[], Sqlite], round_: int
) -> Iterator[Callable[[int], Callable[[int], object]]]:
    """What each process does, as `at_once` asks for it: the first commits for all."""
    pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(1, PROCESSES)]

    def of(number: int) -> Callable[[int], object]:
        if not number:
            one, others = opened(), [ours for ours, _ in pairs]

            def commit(nth: int) -> None:
                found = [written(0, nth, round_)]
                for other in others:
                    key, text = other.recv(4096).decode().split("\0")
                    found.append((key, text))
                one.set_together(found)
                for other in others:
                    other.send(b"1")

            return commit
        own = pairs[number - 1][1]

        def hand(nth: int) -> None:
            own.send("\0".join(written(number, nth, round_)).encode())
            own.recv(1)

        return hand

    try:
        yield of
    finally:
        for one in itertools.chain.from_iterable(pairs):
            one.close()


def test_four_writers(figures, opened):
    """Four processes write keys of their own into one database: nothing is lost."""
    names = [name for name in CONTESTANTS if opened.one(name) is not None] + [HANDED]
    count = figures.size(1500, least=25)
    took: dict[str, list[float]] = {name: [] for name in names}
    worst: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(figures.rounds(7) + 1):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            is_handed = name == HANDED
            file, at = (SQLITE, f" handed {round_}") if is_handed else (name, f" {round_}")
            first = opened.one(file, at)
            first.update({f"there:{nth:05d}": value() for nth in range(1000)})
            first.close()

            def again(file: str = file, at: str = at) -> Any:
                return opened.one(file, at)

            def writer(number: int, again: Callable[[], Any] = again, r: int = round_) -> Any:
                one = again()
                return lambda n: one.set(*written(number, n, r))

            with handing_over(again, round_) if is_handed else nullcontext(writer) as work:
                seconds, longest = at_once(work, count)
            found = again()
            for whose in itertools.product(range(PROCESSES), range(count)):
                key, expected = written(*whose, round_)
                assert found.get(key) == expected, (name, *whose)
            found.close()
            if round_:
                took[name].append(seconds / (count * PROCESSES))
                worst[name].append(longest)
        best_s = four_in_a_commit_s(opened.one(SQLITE, f" best {round_}"), count)
        if round_:
            took.setdefault(BEST, []).append(best_s)
    figures.add(
        "a write, of four processes that write at once",
        took,
        Goal(REDIS, faster=0.8, why=f"{HANDED}, safe from nothing, does not reach it either"),
        note="durable: all but diskcache; seconds of all by the number of writes of all",
    )
    figures.add("the longest that one write took", worst, Goal(REDIS, at_most=2))


def test_four_readers(figures, opened):
    names = [name for name in CONTESTANTS if opened.one(name) is not None]
    count, held = figures.size(20_000, least=200), figures.size(20_000, least=1000)
    data = filled(held)
    for name in names:
        one = opened.one(name)
        one.update(data)
        one.close()
    time.sleep(0.1)
    took: dict[str, list[float]] = {name: [] for name in names}
    for round_ in range(figures.rounds(5) + 1):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:

            def reader(number: int, name: str = name) -> Any:
                one = opened.one(name)
                keys = random.Random(number).choices(list(data), k=count)  # noqa: S311

                def read(n: int) -> None:
                    assert one.get(keys[n]) == data[keys[n]]

                return read

            seconds, _ = at_once(reader, count)
            if round_:
                took[name].append(seconds / (count * PROCESSES))
    figures.add("a read, of four processes that read at once", took, Goal("diskcache", faster=1))


def test_memory_and_room(figures, opened):
    """Going through a database holds a page of it, and not more of a larger one."""
    most = figures.size(1_000_000, least=10_000)
    peaks: dict[str, list[float]] = {}
    for size in (most // 10, most):
        one = opened.one(OURS, f" {size}")
        one.update((f"key:{n:07d}", f"value {n}" + "x" * 84) for n in range(size))
        for what, going in (("keys", one.keys()), ("items", one.items())):
            tracemalloc.start()
            assert sum(1 for _ in going) == size
            peaks.setdefault(what, []).append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        one.close()
    for what, (few, many) in peaks.items():
        figures.add(
            f"memory at most, going through the {what}",
            {OURS: [many], f"of {most // 10:,} keys": [few]},
            Goal(f"of {most // 10:,} keys", at_most=1.1),
            unit="B",
            note=f"of {most:,} keys; Python's own memory",
        )
    count = figures.size(COUNT, least=1000)
    data = filled(count)
    room = {}
    for name, one in opened(OURS, SEALED, SQLITE, "diskcache", "sqlitedict", "shelve").items():
        one.update(data)
        one.close()
        room[name] = [bytes_on_disk(one.path) / count]
    files = Files(opened._folder)
    files.update(dict(itertools.islice(data.items(), count // 10)))
    room["a file a key"] = [bytes_on_disk(files.path) / (count // 10)]
    figures.add("room on the disk a key", room, unit="B", note="a key of 11 bytes, a value of 100")


def test_growth(figures, opened):
    sizes = [figures.size(size, least=size // 10) for size in (1000, 10_000, COUNT)]
    calls = figures.size(500, least=50)
    with ExitStack() as stack:
        kept = {}
        for size in sizes:
            kept[size] = opened.one(OURS, f" {size}")
            stack.callback(kept[size].close)
            kept[size].update(filled(size))

        def get(size: int) -> None:
            for key in shuffled(min(calls, size), size):
                kept[size].get(key)

        def put(size: int) -> None:
            for key in shuffled(min(calls // 5, size), size):
                kept[size].set(key, value())

        def works(one: Callable[[int], object]) -> dict[int, Callable[[], object]]:
            return {size: (lambda size=size: one(size)) for size in sizes}

        time.sleep(0.1)
        figures.growth("get of a key, by the keys there are", works(get), Goal(at_most=0.1))
        figures.growth("set of a key, by the keys there are", works(put), Goal(at_most=0.1))
        figures.growth(
            "all keys",
            works(lambda size: keys_of(kept[size])),
            Goal(at_most=1.05),
        )
        figures.growth(
            "all items",
            works(lambda size: sum(1 for _ in kept[size].items())),
            Goal(at_most=1.05),
        )
        figures.growth(
            "update of all keys",
            works(lambda size: kept[size].update(filled(size))),
            Goal(at_most=1.05),
        )
