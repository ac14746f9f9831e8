"""Records in one SQLite file."""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import stat
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from hero_kernel.errors import (
    CorruptRecordError,
    HeroError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreAuthError,
    StoreError,
    StoreUnavailableError,
)
from hero_kernel.stores.bounds import (
    NUMBER_LIMIT,
    Nesting,
    check_key,
    check_number,
    check_value,
)
from hero_kernel.stores.interrupts import deferred
from hero_kernel.stores.turns import TURN
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.stores.base import Change

T = TypeVar("T")

APPLICATION_ID = int.from_bytes(b"hrec")
"""In the file's header: it is a store of ours, not some other SQLite file."""

FORMAT = 1
"""In the file's header as user_version; a higher one belongs to a newer hero-kernel."""

COMMIT_MS = 50
"""How long a commit waits in SQLite, where Ctrl-C cannot reach it, for readers to end.

It keeps new ones out meanwhile. Everything else waits in Python: SQLite's own waiting sleeps ever
longer, so that a reader beside a busy writer was seen to wait for 0.3 s.
"""

WAIT_S = 30.0
"""How long a call waits for a lock altogether."""

CLAIM_S = 1.0
"""How long an empty file may be another process's, about to be filled; see `_place`."""

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

_Identity: TypeAlias = "tuple[int, int]"
_Rows: TypeAlias = "list[tuple[object, ...]]"


class _BusyError(Exception):
    """Somebody else's turn, or the file changed under us; try again."""


class SqliteStore:
    """Keep records in one SQLite file, made at the first write.

    Safe for several threads and processes of one machine. Not for network file systems: SQLite's
    locks do not hold there (sqlite.org/faq.html, question 5).

    Every call opens the file, runs one transaction and closes it: 0.03 ms beside the 1.5 ms of a
    durable write. A connection that was kept would have to be guarded against forks, against
    threads that end, against a file replaced under it, and against any `open(path).close()` in
    the process, which drops its locks (sqlite.org/howtocorrupt.html, 2.2). The rollback journal is
    used rather than the write-ahead log, which cannot be read in a read-only folder, and loses
    acknowledged writes when its files are removed under an open connection.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links
        self._nesting = Nesting()

    def __repr__(self) -> str:
        return f"SqliteStore({self.address!r})"

    @property
    def address(self) -> str:
        """The file's path."""
        return str(self._path)

    def get(self, number: int, key: str) -> str | None:
        """The record, or None."""
        self._check(number, key)
        return self._text(key, self._read(_SELECT, number, key))

    def put(self, number: int, key: str, value: str) -> None:
        """Write the record, over what is there."""
        self._check(number, key)
        check_value(key, value)
        self._write(lambda connection: self._run(connection, _PUT, number, key, value))

    def create(self, number: int, key: str, value: str) -> bool:
        """Write the record only if the key is absent; whether it was written."""
        self._check(number, key)
        check_value(key, value)
        return self._write(
            lambda connection: self._changed(connection, _CREATE, number, key, value)
        )

    def update(self, number: int, key: str, change: Change) -> str | None:
        """Replace the record by what `change` makes of it, as one step; the new record."""
        self._check(number, key)

        def work(connection: sqlite3.Connection) -> str | None:
            old = self._text(key, self._run(connection, _SELECT, number, key))
            with self._nesting.inside():
                new = change(old)
            if new is not None:
                check_value(key, new)
                self._run(connection, _PUT, number, key, new)
            elif old is not None:
                self._run(connection, _DELETE, number, key)
            return new

        return self._write(work)

    def delete(self, number: int, key: str) -> bool:
        """Delete the record; whether it was there."""
        self._check(number, key)
        return self._write(
            lambda connection: self._changed(connection, _DELETE, number, key), absent=False
        )

    def scan(self, number: int, prefix: str = "") -> list[str]:
        """The keys with the prefix, sorted."""
        self._check(number, prefix)
        rows = self._read(_SCAN, number, prefix, len(prefix), prefix)
        return [self._decoded("a key", key) for (key,) in rows]

    def numbers(self) -> list[int]:
        """The database numbers that hold a record, sorted."""
        self._nesting.refuse()
        rows = self._read("SELECT DISTINCT number FROM record ORDER BY number")
        return [number for (number,) in rows if isinstance(number, int)]

    def limit(self) -> int:
        """Database numbers are below this."""
        return NUMBER_LIMIT

    def watch(self, number: int, *, interval_s: float = 0.1) -> Watch:
        """Yield after every change in the database, by anyone; polls the file's revision."""
        self._check(number, "")

        def token() -> object:
            # With the file's identity, for a new file counts from the start.
            return self._identity(), self._rows(_REVISION, number)

        return Watch(lambda: self._patiently(token), interval_s)

    def close(self) -> None:
        """Nothing to let go of: no connection outlives its call."""

    def _check(self, number: int, key: str) -> None:
        self._nesting.refuse()
        check_number(number)
        check_key(key)

    def _read(self, statement: str, *parameters: object) -> _Rows:
        """What the statement finds; nothing when there is no file."""
        return self._patiently(lambda: self._rows(statement, *parameters))

    def _rows(self, statement: str, *parameters: object) -> _Rows:
        if not self._identity():
            return []
        with closing(self._connect()) as connection:
            self._run(connection, "BEGIN")
            self._verify(connection)
            return self._run(connection, statement, *parameters)

    def _write(self, work: Callable[[sqlite3.Connection], T], *, absent: T | None = None) -> T:
        """What `work` returns, its changes committed; it may be called again.

        With `absent`, a file that is not there is not made: that is the answer then.
        """

        def attempt() -> T:
            identity = self._identity()
            if identity is None and absent is not None:
                return absent
            identity = identity or self._make()
            # Closing rolls back whatever was not committed.
            with closing(self._connect()) as connection:
                self._verify(connection)
                # A file that some tool has set to WAL returns to the rollback journal here.
                ((mode,),) = self._run(connection, "PRAGMA journal_mode = TRUNCATE")
                if mode != b"truncate":
                    raise _BusyError
                self._run(connection, "PRAGMA synchronous = FULL")
                self._run(connection, "BEGIN IMMEDIATE")
                self._run(connection, f"PRAGMA busy_timeout = {COMMIT_MS}")
                result = work(connection)
                self._run(connection, "COMMIT")
            if self._identity() != identity:
                raise _BusyError  # the file was moved or deleted meanwhile, and our change with it
            return result

        return self._patiently(attempt)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        """Try until it is our turn; Ctrl-C is held back over an attempt, not over the waiting."""
        started = time.monotonic()
        while True:
            try:
                with TURN, deferred():
                    return attempt()
            except _BusyError:
                waited_s = time.monotonic() - started
            if waited_s > WAIT_S:
                break
            # Often at first: a writer that writes without pause is away for 0.2 ms in every 1.5.
            pause_s = 0.001 if waited_s < 1 else 0.02
            time.sleep(random.uniform(0, pause_s))  # noqa: S311 - spreads the waiting, no secret
        raise StoreUnavailableError(
            f"{self.address} was locked for {WAIT_S:.0f} s by another process",
            hint="end what holds it open, then try again",
        )

    def _connect(self) -> sqlite3.Connection:
        # rw: a file that has just been deleted is not made anew, empty and world-readable.
        uri = f"{self._path.as_uri()}?mode=rw"
        with self._explained():
            connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None)
        # Bytes, to be decoded here: a text that is not UTF-8 is named with its offset.
        connection.text_factory = bytes
        return connection

    def _run(self, connection: sqlite3.Connection, statement: str, *parameters: object) -> _Rows:
        with self._explained():
            return connection.execute(statement, parameters).fetchall()

    def _changed(self, connection: sqlite3.Connection, statement: str, *parameters: object) -> bool:
        self._run(connection, statement, *parameters)
        return self._run(connection, "SELECT changes()") != [(0,)]

    def _verify(self, connection: sqlite3.Connection) -> None:
        """Raise unless the file is a store of ours, of a format known here."""
        ((application_id,),) = self._run(connection, "PRAGMA application_id")
        if application_id != APPLICATION_ID:
            raise self._corrupt("is not a store of hero-kernel")
        ((version,),) = self._run(connection, "PRAGMA user_version")
        if not isinstance(version, int) or version < 1:
            raise self._corrupt(f"has the unknown format {version}")
        if version > FORMAT:
            raise StoreError(
                f"{self.address} needs a newer hero-kernel: its format is {version}, "
                f"known here is {FORMAT}",
                hint="upgrade hero-kernel",
            )

    def _identity(self) -> _Identity | None:
        """Device and inode; None when there is no file.

        By lstat alone: opening and closing the file here would drop the locks that another thread
        of this process holds on it.
        """
        try:
            found = os.lstat(self._path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._refused(error) from None
        if not stat.S_ISREG(found.st_mode):
            kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a file"
            raise StoreError(
                f"{self.address} is {kind}",
                hint="move it away; to keep records elsewhere, set HERO_HOME",
            )
        if not found.st_size:
            if abs(time.time() - found.st_mtime) < CLAIM_S:
                raise _BusyError
            raise self._corrupt("is empty, which no store ever is")
        return found.st_dev, found.st_ino

    def _make(self) -> _Identity | None:
        """Make the file, complete at the instant it appears; whoever is first makes it."""
        folder = self._path.parent
        try:
            _make_folder(folder)
            # mkstemp makes files of mode 0600
            handle, draft = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=folder)
            os.close(handle)
            try:
                self._draft(draft)
                with suppress(FileExistsError):
                    _place(draft, self._path)
            finally:
                Path(draft).unlink(missing_ok=True)
            _sync_folder(folder)
        except OSError as error:
            raise self._refused(error) from None
        return self._identity()

    def _draft(self, path: str) -> None:
        triggers = [
            _TRIGGER.format(event=event, row=row)
            for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
        ]
        with (
            self._explained(),
            closing(sqlite3.connect(path, isolation_level=None)) as connection,
        ):
            # No journal beside the draft: it is thrown away unless it is whole.
            connection.executescript(
                f"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; BEGIN;"
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
                f"{_SCHEMA}{''.join(triggers)} COMMIT;"
            )

    def _text(self, key: str, rows: _Rows) -> str | None:
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

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours, at the statement, so that a change's own ones pass."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._explanation(error) from None

    def _explanation(self, error: sqlite3.Error) -> Exception:  # noqa: PLR0911 - a table of causes
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        primary = code & 0xFF
        if primary in _BUSY or code == sqlite3.SQLITE_READONLY_DBMOVED:
            return _BusyError()
        if primary in _CORRUPT or code == sqlite3.SQLITE_IOERR_SHORT_READ:
            return self._corrupt(f"cannot be read: {error}")
        if primary == sqlite3.SQLITE_FULL or code in _NOT_WRITTEN:
            return StorageFullError(
                f"{self.address} cannot be written: the disk or the quota is full",
                hint="free some space and try again; what was stored is unharmed",
            )
        if primary == sqlite3.SQLITE_READONLY:
            return self._read_only()
        if primary == sqlite3.SQLITE_CANTOPEN:
            return self._unopened()
        if primary == sqlite3.SQLITE_IOERR:
            return StoreUnavailableError(
                f"{self.address}: the disk does not answer ({error})", hint="check the disk"
            )
        return StoreError(f"{self.address}: {error}", hint="look at it with sqlite3")

    def _unopened(self) -> Exception:
        if not self._path.exists():
            return _BusyError()
        if not os.access(self._path, os.R_OK):
            return self._refused(PermissionError(errno.EACCES, "permission denied"))
        if not os.access(self._path.parent, os.W_OK):
            return self._read_only()
        return StoreUnavailableError(
            f"{self.address} cannot be opened",
            hint="check its folder, and how many files this process has open",
        )

    def _refused(self, error: OSError) -> HeroError:
        """Our error for what the operating system said to the file or its folder."""
        if error.errno == errno.EROFS or (
            error.errno in (errno.EACCES, errno.EPERM) and not self._path.exists()
        ):
            return self._read_only()
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return StorageFullError(
                f"{self.address} cannot be made: the disk or the quota is full",
                hint="free some space and try again",
            )
        reason = (error.strerror or str(error)).lower()
        kind = StoreAuthError if isinstance(error, PermissionError) else StoreError
        return kind(
            f"{self.address} cannot be used: {reason}",
            hint="mend its folder's place and rights, or set HERO_HOME to another folder",
        )

    def _read_only(self) -> ReadOnlyStoreError:
        return ReadOnlyStoreError(
            f"{self.address} cannot be written: its file or folder is read-only",
            hint="allow writing, or set HERO_HOME to a folder of your own",
        )

    def _corrupt(self, what: str) -> CorruptRecordError:
        return CorruptRecordError(
            f"{self.address} {what}",
            hint="it is left as it is; move it away and put a backup in its place",
        )


_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
# Beyond SQLITE_FULL, which is ENOSPC only: EDQUOT and EFBIG come as these.
_NOT_WRITTEN = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE})


def _make_folder(folder: Path) -> None:
    """Make the folder and what is missing above it, each for the owner alone."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync_folder(folder.parent)


def _place(draft: str, path: Path) -> None:
    """Give the draft its name, unless the name is taken."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        # No hard links here (exFAT, Android): claim the name, then put the draft in its place.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        Path(draft).replace(path)


def _sync_folder(folder: Path) -> None:
    """Make the names in the folder durable, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
