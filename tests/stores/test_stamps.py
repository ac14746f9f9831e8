"""What is remembered of a file holds no longer than the file is as it was."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from stores.children import forked, killed
from stores.test_kills import MUST_FAIL

from hero_kernel.errors import CorruptRecordError
from hero_kernel.stores import sqlite, sqlite_file, stamps
from hero_kernel.stores.sqlite import SqliteStore
from hero_kernel.stores.stamps import are_exact

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hero.db"


def coarse(found: os.stat_result) -> stamps.Stamp:
    """A stamp of a system whose clock ticks a hundred times a second."""
    return found.st_dev, found.st_ino, found.st_ctime_ns // 10_000_000


@pytest.mark.parametrize(
    "kind", ["as they are here", "coarse", pytest.param("taken for exact", marks=MUST_FAIL)]
)
def test_every_change_by_another_tool_is_seen_at_once(
    path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind != "as they are here":
        monkeypatch.setattr(sqlite_file, "are_exact", lambda *_: kind == "taken for exact")
        monkeypatch.setattr(sqlite_file, "stamp_of", coarse)
    store = SqliteStore(path)
    store.put(1, "key", "0")
    with closing(sqlite3.connect(path, isolation_level=None)) as tool:
        tool.execute("PRAGMA synchronous = OFF")
        for number in range(300):
            tool.execute("UPDATE record SET value = ?", (f"{number}",))
            assert store.get(1, "key") == f"{number}"
            assert store.get(1, "key") == f"{number}"
            assert store.get(1, "none") is None


def test_where_stamps_are_exact_the_next_change_has_another(tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    file = tmp_path / "file"
    file.touch()
    is_exact = are_exact(tmp_path, device)
    assert list(tmp_path.iterdir()) == [file]
    assert not are_exact(tmp_path, device + 1)
    assert not are_exact(tmp_path / "missing", device)
    if not is_exact:
        pytest.skip("stamps are coarse here")
    seen = set()
    for _ in range(300):
        file.write_bytes(b"x")
        seen.add(stamps.stamp_of(file.lstat()))
    assert len(seen) == 300


@pytest.mark.parametrize("forgets", [False, pytest.param(True, marks=MUST_FAIL)])
def test_a_file_in_wal_mode_is_not_remembered(
    path: Path, *, forgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written to it is in another file at first."""
    store = SqliteStore(path)
    store.put(1, "key", "0")
    with closing(sqlite3.connect(path, isolation_level=None)) as tool:
        tool.execute("PRAGMA journal_mode = WAL")
        time.sleep(0.06)
        for number in range(5):
            tool.execute("UPDATE record SET value = ?", (f"{number}",))
            assert store.get(1, "key") == f"{number}"
            if forgets:
                store._file._kept.is_wal = False
                store.get(1, "key")


def test_what_was_read_together_is_told_as_it_is(path: Path) -> None:
    store = SqliteStore(path)
    for key in "abcd":
        store.put(1, key, key)
        store.put(2, key, f"of another number {key}")
    assert [store.get(1, key) for key in "abcde"] == ["a", "b", "c", "d", None]
    with closing(sqlite3.connect(path, isolation_level=None)) as tool:
        tool.execute("DELETE FROM record WHERE number = 1 AND key = 'b'")
        tool.execute("UPDATE record SET value = CAST(x'ff' AS TEXT) WHERE key = 'c'")
        tool.execute("INSERT INTO record VALUES (1, 'e', '')")
    assert store.get(1, "a") == "a"
    assert store.get(2, "a") == "of another number a"
    assert [store.get(1, key) for key in "bde"] == [None, "d", ""]
    for number in (1, 2, 1):
        with pytest.raises(CorruptRecordError, match="c is not UTF-8"):
            store.get(number, "c")
    assert [store.get(2, key) for key in "bd"] == [f"of another number {key}" for key in "bd"]


def test_only_few_and_small_records_are_read_together(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = SqliteStore(path), SqliteStore(path)
    keys = [f"{number}" for number in range(sqlite.TOGETHER)]
    for key in keys:
        store.put(1, key, "x" * 100)
    asked: list[int] = []
    rows = store._file.stamped_rows

    def noted(stamp: stamps.Stamp | None, statement: str, parameters: tuple[object, ...]) -> object:
        asked.append(len(parameters) - 1)
        return rows(stamp, statement, parameters)

    monkeypatch.setattr(store._file, "stamped_rows", noted)

    def looked(keys: list[str]) -> int:
        """How many were read at the first get after a change."""
        other.put(2, "other", f"{len(asked)}")
        asked.clear()
        for key in keys:
            store.get(1, key)
        return asked[0]

    time.sleep(0.06)  # so that they are remembered wherever this runs
    for key in keys:
        store.get(1, key)
    assert looked(keys) == len(keys)
    if are_exact(path.parent, path.stat().st_dev):
        assert len(asked) == 1
    other.put(1, "large", "x" * sqlite.TOGETHER_SIZE)
    looked(keys)
    time.sleep(0.06)
    assert len(store.get(1, "large")) == sqlite.TOGETHER_SIZE
    assert looked(["large"]) == 1
    time.sleep(0.06)
    for number in range(sqlite.TOGETHER + 1):
        store.get(1, f"none {number}")
    assert looked(["0"]) == 1


def test_a_hot_journal_is_rolled_back_before_anything_is_remembered(path: Path) -> None:
    """A writer is killed when half of its pages are in the file."""
    store = SqliteStore(path)
    store.put(1, "key", "old")
    out, into = os.pipe()

    def half() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as tool:
            tool.execute("PRAGMA cache_size = 1")
            tool.execute("BEGIN IMMEDIATE")
            tool.execute("UPDATE record SET value = 'never'")
            for number in range(300):  # the cache is full, and pages go into the file
                tool.execute("INSERT INTO record VALUES (3, ?, ?)", (f"{number}", "x" * 3000))
            os.write(into, b"!")
            time.sleep(20)

    pid = forked(half)
    os.read(out, 1)
    killed(pid)
    for _ in range(3):
        assert store.get(1, "key") == "old"
    assert store.scan(3) == []
