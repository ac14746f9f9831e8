"""What is said when an SQLite file of ours fails: SQLite's codes and the system's, in our words."""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hero_kernel.errors import (
    CorruptRecordError,
    HeroError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreAuthError,
    StoreError,
    StoreUnavailableError,
)
from hero_kernel.stores import patience

if TYPE_CHECKING:
    from pathlib import Path

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
# Beyond SQLITE_FULL, which is ENOSPC only: EDQUOT and EFBIG come as these.
_NOT_WRITTEN = frozenset({sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE})


class BusyError(Exception):
    """Somebody else's turn, or the file changed under us; try again."""


@dataclass(frozen=True)
class Faults:
    """The errors of one file.

    Attributes:
        path: Where it is.
        what: What it is, for messages: "a store".
    """

    path: Path
    what: str

    @property
    def address(self) -> str:
        """Its path, as text."""
        return str(self.path)

    def locked(self) -> HeroError:
        """It was somebody else's turn for too long."""
        return StoreUnavailableError(
            f"{self.address} was locked for {patience.WAIT_S:.0f} s by another process",
            hint="end what holds it open, then try again",
        )

    def nested(self) -> HeroError:
        """A transaction of this thread is open on it."""
        return StoreError(
            f"{self.address}: a transaction is open here already",
            hint="do this after its with block, or without one of its own",
        )

    def explanation(self, error: Exception) -> Exception:  # noqa: PLR0911 - a table of causes
        """Our error for one of SQLite, or of its module; BusyError where it may pass."""
        code = getattr(error, "sqlite_errorcode", None)
        # From Python's module, whose message would show the stored text. Damage can put bytes
        # that are no text into SQLite's own message, too.
        if code is None:
            if isinstance(error, UnicodeDecodeError) or "UTF-8" in str(error):
                return self.corrupt("holds a text that is not UTF-8")
            return StoreError(f"{self.address}: {error}", hint="look at it with sqlite3")
        primary = code & 0xFF
        if primary in _BUSY or code == sqlite3.SQLITE_READONLY_DBMOVED:
            return BusyError()
        if primary in _CORRUPT or code == sqlite3.SQLITE_IOERR_SHORT_READ:
            return self.corrupt(f"cannot be read: {error}")
        if primary == sqlite3.SQLITE_FULL or code in _NOT_WRITTEN:
            return StorageFullError(
                f"{self.address} cannot be written: the disk or the quota is full",
                hint="free some space and try again; what was stored is unharmed",
            )
        if primary == sqlite3.SQLITE_READONLY:
            return self.read_only()
        if primary == sqlite3.SQLITE_CANTOPEN:
            return self._unopened()
        if primary == sqlite3.SQLITE_IOERR:
            return StoreUnavailableError(
                f"{self.address}: the disk does not answer ({error})", hint="check the disk"
            )
        return StoreError(f"{self.address}: {error}", hint="look at it with sqlite3")

    def _unopened(self) -> Exception:
        if not self.path.exists():
            return BusyError()
        if not os.access(self.path, os.R_OK):
            return self.refused(PermissionError(errno.EACCES, "permission denied"))
        if not os.access(self.path.parent, os.W_OK):
            return self.read_only()
        return StoreUnavailableError(
            f"{self.address} cannot be opened",
            hint="check its folder, and how many files this process has open",
        )

    def refused(self, error: OSError) -> HeroError:
        """Our error for what the operating system said to the file or its folder."""
        if error.errno == errno.EROFS or (
            error.errno in (errno.EACCES, errno.EPERM) and not self.path.exists()
        ):
            return self.read_only()
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

    def read_only(self) -> ReadOnlyStoreError:
        """It cannot be written."""
        return ReadOnlyStoreError(
            f"{self.address} cannot be written: its file or folder is read-only",
            hint="allow writing, or set HERO_HOME to a folder of your own",
        )

    def corrupt(self, what: str) -> CorruptRecordError:
        """It is not as it should be."""
        return CorruptRecordError(
            f"{self.address} {what}",
            hint="it is left as it is; move it away and put a backup in its place",
        )
