"""Records in one SQLite file."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hero_kernel.errors import CorruptRecordError
from hero_kernel.stores.bounds import (
    NUMBER_LIMIT,
    Nesting,
    check_key,
    check_number,
    check_value,
)
from hero_kernel.stores.sqlite_file import Form, SqliteFile
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel.stores.base import Change
    from hero_kernel.stores.sqlite_file import Connection, Rows, Stamp

APPLICATION_ID = int.from_bytes(b"hrec")

_FORM = Form("a store", APPLICATION_ID, version=1, journal="persist", text=bytes)

_SCHEMA = """
CREATE TABLE record (
  number INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (number, key)
) WITHOUT ROWID;
CREATE TABLE revision (number INTEGER PRIMARY KEY, revision INTEGER NOT NULL);
"""

_REVISION = "SELECT revision FROM revision WHERE number = ?"

# In SQL, so that a change by any other tool is counted as well. No OR IGNORE: the statement that
# fires the trigger would override it.
_TRIGGER = """
CREATE TRIGGER record_{event} AFTER {event} ON record BEGIN
  INSERT INTO revision SELECT {row}.number, 0
    WHERE NOT EXISTS (SELECT 1 FROM revision WHERE number = {row}.number);
  UPDATE revision SET revision = revision + 1 WHERE number = {row}.number;
END;
"""

_SELECT = "SELECT value FROM record WHERE number = ? AND key = ?"
# The same value again is no change: nothing is written and no watch wakes.
_PUT = """
INSERT INTO record VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value
"""
_CREATE = "INSERT INTO record VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DELETE = "DELETE FROM record WHERE number = ? AND key = ?"
_SCAN = """
SELECT key FROM record WHERE number = ? AND key >= ? AND substr(key, 1, ?) = ? ORDER BY key
"""
_RECORDS = """
SELECT key, value FROM record
WHERE number = ? AND key >= ? AND substr(key, 1, ?) = ? ORDER BY key
"""


REMEMBERED = 4 * 1024 * 1024
"""Characters of records that are remembered at once."""


class _Seen:
    """What was read of the file while it had one stamp; None for what is not there."""

    def __init__(self, stamp: Stamp | None) -> None:
        self.stamp = stamp
        self.records: dict[tuple[int, str], str | None] = {}
        self._size = 0

    def add(self, key: tuple[int, str], text: str | None) -> None:
        """Remember a record; where there is no room, nothing but that."""
        size = len(key[1]) + len(text or "") + 200
        if self._size + size > REMEMBERED:
            self.records, self._size = {}, 0
        if size <= REMEMBERED:
            self.records[key] = text
            self._size += size


class SqliteStore:
    """Keep records in one SQLite file, made at the first write.

    Safe for several threads and processes of one machine, not for network file systems. The file
    stays open between calls, without a lock; see `sqlite_file`. What was read is remembered, and
    holds for as long as the file's stamp says that nobody has changed it.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _FORM, _script, keep=True)
        self._nesting = Nesting()
        self._seen = _Seen(None)

    def __repr__(self) -> str:
        return f"SqliteStore({self.address!r})"

    @property
    def address(self) -> str:
        """The file's path."""
        return self._file.address

    def get(self, number: int, key: str) -> str | None:
        """The record, or None."""
        self._check(number, key)
        stamp, seen = self._file.settled_stamp(), self._seen
        if stamp is not None and stamp == seen.stamp:
            text = seen.records.get((number, key), "")
            if text != "":
                return text
        text = self._text(key, self._read(_SELECT, number, key))
        if stamp is not None:
            if stamp != seen.stamp:
                seen = self._seen = _Seen(stamp)
            seen.add((number, key), text)
        return text

    def put(self, number: int, key: str, value: str) -> None:
        """Write the record, over what is there."""
        self._check(number, key)
        check_value(key, value)
        self._file.write(lambda connection: self._run(connection, _PUT, number, key, value))

    def create(self, number: int, key: str, value: str) -> bool:
        """Write the record only if the key is absent; whether it was written."""
        self._check(number, key)
        check_value(key, value)
        return self._file.write(
            lambda connection: self._changed(connection, _CREATE, number, key, value)
        )

    def update(self, number: int, key: str, change: Change) -> str | None:
        """Replace the record by what `change` makes of it, as one step; the new record."""
        self._check(number, key)

        def work(connection: Connection) -> str | None:
            old = self._text(key, self._run(connection, _SELECT, number, key))
            with self._nesting.inside():
                new = change(old)
            if new is not None:
                check_value(key, new)
                self._run(connection, _PUT, number, key, new)
            elif old is not None:
                self._run(connection, _DELETE, number, key)
            return new

        return self._file.write(work)

    def delete(self, number: int, key: str) -> bool:
        """Delete the record; whether it was there."""
        self._check(number, key)
        return self._file.write(
            lambda connection: self._changed(connection, _DELETE, number, key), absent=False
        )

    def scan(self, number: int, prefix: str = "") -> list[str]:
        """The keys with the prefix, sorted."""
        self._check(number, prefix)
        rows = self._read(_SCAN, number, prefix, len(prefix), prefix)
        return [self._decoded("a key", key) for (key,) in rows]

    def records(self, number: int, prefix: str = "") -> dict[str, str]:
        """The records whose keys have the prefix, by key, sorted; what is no text is left out."""
        self._check(number, prefix)
        found = {}
        for key, value in self._read(_RECORDS, number, prefix, len(prefix), prefix):
            with suppress(CorruptRecordError):
                found[self._decoded("a key", key)] = self._decoded("a record", value)
        return found

    def numbers(self) -> list[int]:
        """The database numbers that hold a record, sorted."""
        self._nesting.refuse()
        rows = self._read("SELECT DISTINCT number FROM record ORDER BY number")
        return [number for (number,) in rows if isinstance(number, int)]

    def limit(self) -> int:
        """Database numbers are below this."""
        return NUMBER_LIMIT

    def revision(self, number: int) -> object:
        """Another value after every change in the database, by anyone; to be compared only."""
        self._check(number, "")

        def token() -> object:
            # With the file's identity, for a new file counts from the start.
            return self._file.identity(), self._read(_REVISION, number)

        return self._file.patiently(token)

    def watch(self, number: int, *, interval_s: float = 0.1) -> Watch:
        """Yield after every change in the database, by anyone; polls the file's revision."""
        self._check(number, "")
        return Watch(lambda: self.revision(number), interval_s)

    def purge(self) -> None:
        """Write the file anew, without what was written over or deleted."""
        self._nesting.refuse()
        self._file.vacuum()

    def close(self) -> None:
        """Close the file; a later call opens it anew."""
        self._seen = _Seen(None)
        self._file.close()

    def _check(self, number: int, key: str) -> None:
        self._nesting.refuse()
        check_number(number)
        check_key(key)

    def _read(self, statement: str, *parameters: object) -> Rows:
        """What the statement finds; nothing when there is no file."""
        return self._file.rows(statement, parameters)

    def _changed(self, connection: Connection, statement: str, *parameters: object) -> bool:
        self._run(connection, statement, *parameters)
        return self._run(connection, "SELECT changes()") != [(0,)]

    def _run(self, connection: Connection, statement: str, *parameters: object) -> Rows:
        return self._file.run(connection, statement, parameters)

    def _text(self, key: str, rows: Rows) -> str | None:
        return self._decoded(key, rows[0][0]) if rows else None

    def _decoded(self, name: str, stored: object) -> str:
        if not isinstance(stored, bytes):
            raise CorruptRecordError(
                f"{self.address}: {name} holds a {type(stored).__name__}, not text",
                hint="it is left as it is; look at it with sqlite3",
            )
        try:
            return stored.decode()
        except UnicodeDecodeError as error:
            raise CorruptRecordError(
                f"{self.address}: {name} is not UTF-8 at byte {error.start}",
                hint="it is left as it is; look at it with sqlite3",
            ) from None


def _script() -> str:
    triggers = (
        _TRIGGER.format(event=event, row=row)
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    )
    return _SCHEMA + "".join(triggers)
