"""Records in one SQLite file."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import CorruptRecordError
from hero_kernel.stores.bounds import (
    NUMBER_LIMIT,
    Nesting,
    check_key,
    check_number,
    check_value,
)
from hero_kernel.stores.group import ALONE, MAX_CHANGE_BYTES
from hero_kernel.stores.handed import CREATE, PUT, SWAP, digest, packed, unpacked
from hero_kernel.stores.handed import Change as Handed
from hero_kernel.stores.sqlite_file import Form, SqliteFile
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hero_kernel.stores.base import Change
    from hero_kernel.stores.sqlite_file import Connection, Rows
    from hero_kernel.stores.stamps import Stamp

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

TOGETHER = 24
"""How many records are read anew at once, after another process has written."""

TOGETHER_SIZE = 64 * 1024
"""Characters of records up to which they are."""

TOLD = 1000
"""How many remembered records are carried over what others tell; more are read anew."""

_UNKNOWN: Any = object()


def _stored(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


def _size(key: str, text: str | None) -> int:
    return len(key) + len(text or "") + 200


class _Seen:
    """What was read of the file while it had one stamp.

    Attributes:
        stamp: The file's.
        records: By number and key; None for what is not there.
        fresh: What was read together and is not among those yet, as it is stored, by key.
        number: The database number of that.
    """

    def __init__(self, stamp: Stamp | None) -> None:
        self.stamp = stamp
        self.records: dict[tuple[int, str], str | None] = {}
        self.fresh: dict[str, Any] = {}
        self.number = -1
        self._size = 0

    def after(self, stamp: Stamp, news: list[tuple[Handed, bool]]) -> _Seen:
        """What is known when these changes were made."""
        then = _Seen(stamp)
        then.records, then.fresh = dict(self.records), dict(self.fresh)
        then.number, then._size = self.number, self._size
        for change, has_changed in news:
            place = change.number, change.key
            if not has_changed and change.what != PUT:
                continue
            if place in then.records:
                then._size -= _size(change.key, then.records.pop(place))
                then.add(place, change.text)
            elif change.number == then.number and change.key in then.fresh:
                old, then.fresh[change.key] = then.fresh[change.key], _stored(change.text)
                then._size += len(then.fresh[change.key] or b"") - len(old or b"")
        return then

    def add(self, place: tuple[int, str], text: str | None) -> None:
        """Remember a record; where there is no room, nothing but that."""
        size = _size(place[1], text)
        if self._size + size > REMEMBERED:
            self.records, self.fresh, self._size = {}, {}, 0
        if size <= REMEMBERED:
            self.records[place] = text
            self._size += size

    def add_fresh(self, number: int, found: dict[str, Any]) -> None:
        """Remember what was read together, as far as there is room."""
        try:
            size = len(found) * 200 + sum(map(len, filter(None, found.values())))
        except TypeError:  # one is no text, which whoever asks for it is told
            return
        if self._size + size <= REMEMBERED:
            self.number, self.fresh = number, found
            self._size += size

    def taken(self, number: int, key: str) -> Any:
        """A record as it is stored, out of what was read together, to be added; or `_UNKNOWN`."""
        if number != self.number:
            return _UNKNOWN
        stored = self.fresh.pop(key, _UNKNOWN)
        if stored is not _UNKNOWN:
            self._size -= len(stored or b"") + 200
        return stored

    def beside(self, number: int, key: str) -> list[str]:
        """The keys to read together with one, when the file is another; that one is the first."""
        if self._size > TOGETHER_SIZE:
            return [key]
        keys = {key: None} | (dict.fromkeys(self.fresh) if number == self.number else {})
        keys |= {other: None for of, other in self.records if of == number}
        return list(keys) if len(keys) <= TOGETHER else [key]


class SqliteStore:
    """Keep records in one SQLite file, made at the first write.

    Safe for several threads and processes of one machine, not for network file systems. The file
    stays open between calls, without a lock; see `sqlite_file`. What was read is remembered, and
    holds for as long as the file's stamp says that nobody has changed it; after a commit it goes
    on with what has changed, if it made that or is told of it, or reads what it knew anew, at once.

    Where several processes write, one commits for those that wait; see `group`. An `update` is
    handed over as a swap: made while the record is what it was made of, and else made again.
    """

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path, _FORM, _script, keep=True, take=_take)
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
        if stamp != seen.stamp:
            seen, stamp = self._told(seen, stamp)
        if stamp is not None and stamp == seen.stamp:
            text: str | None = seen.records.get((number, key), _UNKNOWN)
            if text is not _UNKNOWN:
                return text
            stored = seen.taken(number, key)
            if stored is not _UNKNOWN:
                text = self._stored(key, stored)
                seen.add((number, key), text)
                return text
            keys = [key]
        else:
            # Reading several takes little more than reading one, in a file that has changed.
            keys = seen.beside(number, key)
        rows, stamp = self._file.stamped_rows(stamp, _selects()[len(keys)], (number, *keys))
        if not rows:  # there is no file
            return None
        found = dict(zip(keys, rows[0], strict=True))
        text = self._stored(key, found.pop(key))
        if stamp is not None:
            if stamp != seen.stamp:
                seen = _Seen(stamp)
                seen.add_fresh(number, found)
                self._seen = seen
            seen.add((number, key), text)
        return text

    def _told(self, seen: _Seen, stamp: Stamp | None) -> tuple[_Seen, Stamp | None]:
        """What is known at a stamp, when all is known that has changed since what was seen.

        With the stamp; the one before while a commit that goes on from there has not ended.
        """
        if stamp is None or seen.stamp is None or len(seen.records) > TOLD:
            return seen, stamp
        news = self._file.news(seen.stamp, stamp)
        if news is None:
            before = self._file.stamp_before_commit()
            if before is None or (news := self._file.news(seen.stamp, before)) is None:
                return seen, stamp
            stamp = before
        if stamp != seen.stamp:
            with suppress(ValueError):
                changes = [(unpacked(data), has_changed) for data, has_changed in news]
                seen = self._seen = seen.after(stamp, changes)
        return seen, stamp

    def put(self, number: int, key: str, value: str) -> None:
        """Write the record, over what is there."""
        self._check(number, key)
        check_value(key, value)
        change = Handed(PUT, number, key, value)
        self._hand(
            lambda connection: self._changed(connection, _PUT, number, key, value),
            lambda: _offer(change),
            lambda _: change,
        )

    def create(self, number: int, key: str, value: str) -> bool:
        """Write the record only if the key is absent; whether it was written."""
        self._check(number, key)
        check_value(key, value)
        made = self._hand(
            lambda connection: self._changed(connection, _CREATE, number, key, value),
            lambda: _offer(Handed(CREATE, number, key, value)),
            lambda is_new: Handed(PUT, number, key, value) if is_new else None,
        )
        return bool(made)

    def update(self, number: int, key: str, change: Change) -> str | None:
        """Replace the record by what `change` makes of it, as one step; the new record.

        Where another writer makes it, only while the record is what `change` was given; else it
        is called again.
        """
        self._check(number, key)
        new: str | None = None

        def changed(old: str | None) -> str | None:
            nonlocal new
            with self._nesting.inside():
                new = change(old)
            if new is not None:
                check_value(key, new)
            return new

        def work(connection: Connection) -> int:
            old = self._text(key, self._run(connection, _SELECT, number, key))
            if changed(old) is not None:
                self._run(connection, _PUT, number, key, new)
            elif old is not None:
                self._run(connection, _DELETE, number, key)
            return 1

        def offer() -> bytes | None:
            rows = self._file.rows_now(_SELECT, (number, key))
            if rows is None:
                return None
            old = self._text(key, rows)
            was = digest(_stored(old))
            return _offer(Handed(SWAP, number, key, changed(old), was))

        while not self._hand(work, offer, lambda _: Handed(PUT, number, key, new)):
            pass
        return new

    def delete(self, number: int, key: str) -> bool:
        """Delete the record; whether it was there."""
        self._check(number, key)
        change = Handed(PUT, number, key, None)
        deleted = self._hand(
            lambda connection: self._changed(connection, _DELETE, number, key),
            lambda: _offer(change),
            lambda _: change,
            absent=0,
        )
        return bool(deleted)

    def _hand(
        self,
        work: Callable[[Connection], int],
        offer: Callable[[], bytes | None],
        left: Callable[[int], Handed | None],
        *,
        absent: int | None = None,
    ) -> int:
        """As `SqliteFile.hand`; `left` tells how `work` has left the record, None if as it was."""

        def made(answer: int) -> bytes | None:
            change = left(answer)
            return b"" if change is None else _offer(change)

        def wrote(before: Stamp, after: Stamp, answer: int) -> None:
            seen = self._seen
            if seen.stamp == before and len(seen.records) <= TOLD:
                change = left(answer)
                self._seen = seen.after(after, [] if change is None else [(change, True)])

        return self._file.hand(work, offer, made=made, wrote=wrote, absent=absent)

    def scan(self, number: int, prefix: str = "") -> list[str]:
        """The keys with the prefix, sorted."""
        self._check(number, prefix)
        rows = self._read(_SCAN, number, prefix, len(prefix), prefix)
        try:
            return [key.decode() for (key,) in rows]
        except (AttributeError, UnicodeDecodeError):  # one of them is told by name
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

    def _changed(self, connection: Connection, statement: str, *parameters: object) -> int:
        return _changed(self._file, connection, statement, parameters)

    def _run(self, connection: Connection, statement: str, *parameters: object) -> Rows:
        return self._file.run(connection, statement, parameters)

    def _text(self, key: str, rows: Rows) -> str | None:
        return self._decoded(key, rows[0][0]) if rows else None

    def _stored(self, key: str, stored: object) -> str | None:
        return None if stored is None else self._decoded(key, stored)

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


@cache
def _selects() -> list[str]:
    """What reads so many records of one number, a column each, by how many."""
    one = "(SELECT value FROM record WHERE number = ?1 AND key = ?{})"
    columns = [one.format(2 + nth) for nth in range(TOGETHER)]
    return [f"SELECT {', '.join(columns[:count])}" for count in range(TOGETHER + 1)]


def _changed(
    file: SqliteFile, connection: Connection, statement: str, parameters: tuple[object, ...]
) -> int:
    """Whether the statement has changed anything."""
    file.run(connection, statement, parameters)
    return int(file.run(connection, "SELECT changes()") != [(0,)])


def _offer(change: Handed) -> bytes | None:
    """A change as others are told it; None when it is too large for that."""
    if change.text is not None and len(change.text) > MAX_CHANGE_BYTES:
        return None
    return packed(change)


def _take(file: SqliteFile, connection: Connection, changes: Iterator[bytes]) -> Iterator[int]:
    """Make what others have handed over; see `SqliteFile`."""
    for data in changes:
        yield _made(file, connection, unpacked(data))


def _made(file: SqliteFile, connection: Connection, change: Handed) -> int:
    """Whether a change was made; of a swap, whether the record was still what it was."""
    place = change.number, change.key
    if change.what == CREATE:
        return _changed(file, connection, _CREATE, (*place, change.text))
    if change.what == SWAP:
        rows = file.run(connection, _SELECT, place)
        stored = rows[0][0] if rows else None
        if stored is not None and not isinstance(stored, bytes):
            return ALONE  # its own writer tells what is wrong
        if digest(stored) != change.old:
            return 0
    if change.text is None:
        was_there = _changed(file, connection, _DELETE, place)
    else:
        was_there = _changed(file, connection, _PUT, (*place, change.text))
    return 1 if change.what == SWAP else was_there


def _script() -> str:
    triggers = (
        _TRIGGER.format(event=event, row=row)
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    )
    return _SCHEMA + "".join(triggers)
