"""Records on SQLite and Redis, against bare clients of both: alone, and four processes at once.

Every written value is unique: SQLite does not write what is there already.
"""

from __future__ import annotations

import itertools
from contextlib import closing
from time import sleep
from typing import TYPE_CHECKING

import pytest
from benchmarks import mixed, raw
from benchmarks.measuring import OURS, Goal
from redis_server import RedisServer, require_redis

from hero_kernel.stores import store_for
from hero_kernel.stores.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "sessions:config:notes"
EVERYSEC, ALWAYS = "redis-py", "redis-py, synced always"
IDEAL = "one sqlite3, 4 in a commit, reads from a dict"
"""What four processes could reach who hand over writes and learn of them at no cost."""


def texts() -> Iterator[str]:
    """Values of 500 characters, each another one."""
    return (f"{number} {'x' * 490}" for number in itertools.count())


@pytest.fixture
def redis_at() -> Iterator[Callable[[str], RedisServer]]:
    """A server that appends every write to a file, and syncs it by a policy."""
    require_redis()
    started = []

    def start(policy: str) -> RedisServer:
        started.append(RedisServer("--appendonly", "yes", "--appendfsync", policy))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def gets(get: Callable[[], object], count: int) -> Callable[[], object]:
    def work() -> object:
        found = None
        for _ in range(count):
            found = get()
        return found

    return work


def puts(put: Callable[[str], object], count: int) -> Callable[[], None]:
    values = texts()

    def work() -> None:
        for value in itertools.islice(values, count):
            put(value)

    return work


def test_a_record_in_sqlite(figures, tmp_path):
    store = store_for(tmp_path)
    bare = {
        f"sqlite3, {journal}": raw.Sqlite(tmp_path / f"{journal}.db", journal)
        for journal in ("PERSIST", "DELETE")
    }
    value = next(texts())
    store.put(0, KEY, value)
    for one in bare.values():
        one.put(KEY, value)
    sleep(0.1)
    count = figures.size(2000)
    first = "sqlite3, PERSIST"

    def check(_who: str, found: str) -> None:
        assert found == value

    figures.compare(
        "a get on SQLite, nothing changed",
        {
            OURS: gets(lambda: store.get(0, KEY), count),
            "sqlite3": gets(lambda: bare[first].get(KEY), count),
        },
        per=count,
        check=check,
    )
    count = figures.size(60)
    figures.compare(
        "a durable put on SQLite",
        {OURS: puts(lambda value: store.put(0, KEY, value), count)}
        | {
            who: puts(lambda value, one=one: one.put(KEY, value), count)
            for who, one in bare.items()
        },
        Goal(first, at_most=1.3),
        rounds=11,
        per=count,
        note="the same journal and sync; DELETE is SQLite's default",
    )
    store.close()


def test_a_record_in_redis(figures, redis_at):
    server = redis_at("everysec")
    with closing(RedisStore(server.url)) as store:
        bare = raw.Redis(server.socket)
        value = next(texts())
        store.put(0, KEY, value)

        def check(_who: str, found: str) -> None:
            assert found == value

        count = figures.size(1000)
        figures.compare(
            "a get on Redis",
            {
                OURS: gets(lambda: store.get(0, KEY), count),
                EVERYSEC: gets(lambda: bare.get(KEY), count),
            },
            per=count,
            check=check,
        )
        figures.compare(
            "a put on Redis",
            {
                OURS: puts(lambda value: store.put(0, KEY, value), count),
                EVERYSEC: puts(lambda value: bare.put(KEY, value), count),
            },
            per=count,
        )


def test_four_processes_that_read_and_write(figures, tmp_path, redis_at):
    """Ours is durable at return, and so is Redis that syncs always; everysec may lose a second."""
    contestants = {
        OURS: ("hero", tmp_path),
        EVERYSEC: ("redis", redis_at("everysec").socket),
        ALWAYS: ("redis", redis_at("always").socket),
        "sqlite3": ("sqlite", tmp_path / "bare.db"),
        "a dict, and a sync a write": ("synced", tmp_path / "synced"),
    }
    wall_s, processes, writes = 0.2 if figures.quick else 2.0, 4, 0.1
    took = {who: [] for who in contestants}
    ideal_s = []
    names = list(contestants)
    for number in range(figures.rounds(4) + 1):
        first = number % len(names)
        for who in names[first:] + names[:first]:
            what, where = contestants[who]
            mix = mixed.run(what, where, processes=processes, writes=writes, wall_s=wall_s)
            assert mix.reads > mix.writes * 3 > 0
            if number:
                took[who].append(mix)
        best_s = mixed.ideal(
            tmp_path / "ideal.db", processes=processes, writes=writes, wall_s=wall_s / 2
        )
        if number:
            ideal_s.append(best_s)
    figures.add(
        "four processes, a tenth are writes: a read, as its caller waits",
        {who: [mix.read_s for mix in mixes] for who, mixes in took.items()},
        Goal(EVERYSEC, faster=5),
        Goal(ALWAYS, faster=5),
        note="20 records; redis-py by itself may lose a second of writes, all others none",
    )
    why = f"nine reads wait for one durable write; see {IDEAL}"
    figures.add(
        "the same: all reads, by the clock",
        {who: [mix.wall_s / mix.reads for mix in mixes] for who, mixes in took.items()}
        | {IDEAL: ideal_s},
        Goal(EVERYSEC, faster=5, why=why),
        Goal(ALWAYS, faster=5, why=why),
        note="the writes between them and Redis's server are in it, on the same cores",
    )
    figures.add(
        "the same: a write",
        {who: [mix.write_s for mix in mixes] for who, mixes in took.items()},
    )
    figures.add(
        "the same: the longest wait for a write",
        {who: [mix.worst_s for mix in mixes] for who, mixes in took.items()},
    )


@pytest.mark.parametrize("engine", ["SQLite", "Redis"])
def test_a_watch(figures, tmp_path, redis_at, engine):
    """What a watch costs while nothing changes: the token it polls ten times a second."""
    url = redis_at("everysec").url if engine == "Redis" else ""
    with closing(store_for(tmp_path, url)) as store:
        for number in range(50):
            store.put(0, f"key:{number}", "x" * 500)
        count = figures.size(500)
        token = store.revision(0)
        figures.compare(
            f"a look whether anything has changed, on {engine}",
            {OURS: gets(lambda: store.revision(0), count)},
            per=count,
            check=lambda _who, found: found == token,
            note="50 records",
        )
