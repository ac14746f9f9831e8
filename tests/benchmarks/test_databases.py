"""A database against diskcache and bare SQLite, and an encrypted one against itself in the clear.

Every written value is unique: SQLite does not write what is there already.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

import keyrings
import pytest

from hero_kernel.databases import Databases

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hero_kernel.databases import Database

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

COUNT = 100_000
ROUNDS = 7
SETS = 300


def timed_s(work: Callable[[], object]) -> float:
    begin = perf_counter()
    work()
    return perf_counter() - begin


def values(round_: int) -> dict[str, str]:
    return {f"key:{n:06d}": f"value {round_} {n} " + "x" * 90 for n in range(COUNT)}


def read_all(mapping: Any, keys: list[str]) -> None:
    for key in keys:
        mapping[key]


def shuffled(data: dict[str, str]) -> list[str]:
    keys = list(data)
    random.Random(1).shuffle(keys)  # noqa: S311 - an order
    return keys


def compared(name: str, ours: list[float], theirs: list[float]) -> float:
    """How many times faster we are, the median over the rounds."""
    ratio = median(b / a for a, b in zip(ours, theirs, strict=True))
    print(
        f"\n{name}: {median(ours):.3f} s against {median(theirs):.3f} s, {ratio:.2f} times", end=""
    )
    return ratio


def test_reading_and_writing_against_diskcache(tmp_path: Path) -> None:
    diskcache = pytest.importorskip("diskcache")
    reads: dict[str, list[float]] = {"ours": [], "theirs": []}
    writes: dict[str, list[float]] = {"ours": [], "theirs": []}
    for round_ in range(ROUNDS):
        data = values(round_)
        keys = shuffled(data)
        db = Databases(tmp_path, tmp_path / "db").get(f"r{round_}")
        with diskcache.Cache(tmp_path / f"cache{round_}") as cache:

            def fill(cache: Any = cache, data: dict[str, str] = data) -> None:
                with cache.transact():
                    for key, value in data.items():
                        cache[key] = value

            writes["theirs"].append(timed_s(fill))
            writes["ours"].append(timed_s(lambda db=db, data=data: db.update(data)))
            reads["theirs"].append(timed_s(lambda cache=cache, keys=keys: read_all(cache, keys)))
            reads["ours"].append(timed_s(lambda db=db, keys=keys: read_all(db, keys)))
            assert db[keys[0]] == cache[keys[0]] == data[keys[0]]
        db.destroy()
    read = compared(f"reading {COUNT} keys one by one", reads["ours"], reads["theirs"])
    write = compared(f"writing {COUNT} in one step", writes["ours"], writes["theirs"])
    assert read >= 1
    assert write >= 5


def test_what_encryption_costs(tmp_path: Path) -> None:
    ring = keyrings.created(tmp_path)
    plain_folder = Databases(tmp_path, tmp_path / "db" / "1")
    sealed_folder = Databases(tmp_path, tmp_path / "db" / "2", cipher=ring, encrypt=True)
    reads: dict[str, list[float]] = {"plain": [], "sealed": []}
    writes: dict[str, list[float]] = {"plain": [], "sealed": []}
    for round_ in range(ROUNDS):
        data = values(round_)
        keys = shuffled(data)
        dbs: dict[str, Database] = {
            "plain": plain_folder.get(f"r{round_}"),
            "sealed": sealed_folder.get(f"r{round_}"),
        }
        for name, db in dbs.items():
            writes[name].append(timed_s(lambda db=db, data=data: db.update(data)))
        for name, db in dbs.items():
            reads[name].append(timed_s(lambda db=db, keys=keys: read_all(db, keys)))
            db.destroy()
    read = compared("reading, in the clear against sealed", reads["plain"], reads["sealed"])
    write = compared("writing, in the clear against sealed", writes["plain"], writes["sealed"])
    assert read <= 2
    assert write <= 2


@pytest.mark.parametrize("journal", ["PERSIST", "TRUNCATE", "DELETE"])
def test_a_durable_set_against_a_bare_transaction(tmp_path: Path, journal: str) -> None:
    """The bare one keeps its connection too, and syncs as much; DELETE is SQLite's default."""
    db = Databases(tmp_path, tmp_path / "db").get("x")
    bare = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    bare.execute(f"PRAGMA journal_mode = {journal}")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE entry (key TEXT PRIMARY KEY, value)")

    def set_bare(number: int) -> None:
        bare.execute("BEGIN IMMEDIATE")
        bare.execute(
            "INSERT OR REPLACE INTO entry VALUES (?, ?)", (f"key {number}", f"value {number}")
        )
        bare.execute("COMMIT")

    ours, theirs = [], []
    for number in itertools.chain(range(SETS), range(SETS)):
        theirs.append(timed_s(lambda number=number: set_bare(number)))
        ours.append(timed_s(lambda number=number: db.set(f"key {number}", f"value {len(ours)}")))
    bare.close()
    ratio = median(ours) / median(theirs)
    ours_ms, theirs_ms = median(ours) * 1e3, median(theirs) * 1e3
    print(f"\na set: {ours_ms:.3f} ms, bare {journal} {theirs_ms:.3f} ms, {ratio:.2f}")
    assert ratio <= 1.3
