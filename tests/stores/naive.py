"""Stores that are written the obvious way; the fault tests must tell them from ours."""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hero_kernel.stores.base import Store


class WholeFile:
    """All records in one JSON file, written over itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, _number: int, key: str) -> str | None:
        records = json.loads(self._path.read_text()) if self._path.exists() else {}
        return records.get(key)

    def put(self, _number: int, key: str, value: str) -> None:
        records = json.loads(self._path.read_text()) if self._path.exists() else {}
        records[key] = value
        # long enough that the writing takes a while, as it does in a store that is in use
        self._path.write_text(json.dumps(records | {"": "x" * 200_000}))


class GetThenPut:
    """An update that reads, changes and writes in three steps."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.get = store.get

    def update(self, number: int, key: str, change: Callable[[str | None], str]) -> None:
        self._store.put(number, key, change(self._store.get(number, key)))


class LongWal:
    """One connection, kept open, with the write-ahead log."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value)")

    def get(self, _number: int, key: str) -> str | None:
        row = self.connection.execute("SELECT value FROM record WHERE key = ?", (key,)).fetchone()
        return row and row[0]

    def put(self, _number: int, key: str, value: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (key, value))


class WithTransaction:
    """One connection, kept open, and a context manager around each transaction."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        # fast, so that more of the interrupts meet Python and not SQLite
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA journal_mode = MEMORY")
        self._connection.execute("CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value)")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def get(self, _number: int, key: str) -> str | None:
        found = self._connection.execute("SELECT value FROM record WHERE key = ?", (key,))
        return next(found, (None,))[0]

    def update(self, number: int, key: str, change: Callable[[str | None], str]) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        with self._transaction():
            value = change(self.get(number, key))
            self._connection.execute("INSERT OR REPLACE INTO record VALUES (?, ?)", (key, value))


class LongTimeout:
    """Waits for a lock inside SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def put(self, _number: int, key: str, value: str) -> None:
        connection = sqlite3.connect(self._path, timeout=2, isolation_level=None)
        try:
            connection.execute("UPDATE record SET value = ? WHERE key = ?", (value, key))
        finally:
            connection.close()
