"""The bare peers of the stores: SQLite and Redis as their own clients speak to them."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Sqlite:
    """A table of texts in a file of its own, over one open connection.

    With full sync a put is durable when it returns, as ours.
    """

    def __init__(self, path: Path, journal: str) -> None:
        self._run = sqlite3.connect(path, isolation_level=None, timeout=30).execute
        self._run(f"PRAGMA journal_mode = {journal}").fetchall()
        self._run("PRAGMA synchronous = FULL").fetchall()
        self._run("CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value TEXT)")

    def get(self, key: str) -> Any:
        found = self._run("SELECT value FROM record WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]

    def put(self, key: str, value: str) -> None:
        self._run("BEGIN IMMEDIATE")
        self._run("INSERT OR REPLACE INTO record VALUES (?, ?)", (key, value))
        self._run("COMMIT")

    def put_together(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Put several with one commit."""
        self._run("BEGIN IMMEDIATE")
        for pair in pairs:
            self._run("INSERT OR REPLACE INTO record VALUES (?, ?)", pair)
        self._run("COMMIT")

    def change(self, key: str, field: str, name: str, value: str) -> None:
        """Set a value in an object of a record that is JSON, as one step."""
        self._run("BEGIN IMMEDIATE")
        record = json.loads(self.get(key))
        record[field][name] = value
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        self._run("INSERT OR REPLACE INTO record VALUES (?, ?)", (key, text))
        self._run("COMMIT")


class Redis:
    """A client of redis-py over a unix socket, whose answers Python parses: without hiredis."""

    def __init__(self, socket: Path | str) -> None:
        import redis  # noqa: PLC0415  # a peer may be missing
        from redis.connection import _RESP2Parser  # noqa: PLC0415  # as above

        pool = redis.ConnectionPool(
            connection_class=redis.UnixDomainSocketConnection,
            path=str(socket),
            decode_responses=True,
            protocol=2,
            parser_class=_RESP2Parser,
        )
        self.client = redis.Redis.from_pool(pool)
        self.get, self.put = self.client.get, self.client.set


class Synced:
    """What the disk allows: a dict, and for each put one append to a file, which is synced."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._records: dict[str, str] = {}
        self.get = self._records.get

    def put(self, key: str, value: str) -> None:
        os.write(self._file, f"{key} {value}\n".encode())
        os.fdatasync(self._file)
        self._records[key] = value
