"""How an SQLite file of ours is made: whole at the instant it appears, by whoever is first."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.errors import StoreError
from hero_kernel.stores.faults import BusyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.stores.faults import Faults
    from hero_kernel.stores.kept import Identity

CLAIM_S = 1.0
"""How long an empty file may be another process's, about to be filled; see `_place`."""


@dataclass(frozen=True)
class Form:
    """What makes an SQLite file one of ours.

    Attributes:
        what: What the file is, for messages: "a store".
        application_id: In the file's header: it is ours, not some other SQLite file.
        version: In the header as user_version; a higher one belongs to a newer hero-kernel.
        journal: The rollback journal's mode, "truncate" or "persist". Both sync the journal
            itself; `persist` leaves its length alone and so saves the file system's own journal
            a sync (0.2 ms instead of 1.2 a write), at 1.5 µs more for a read under a lock.
        secure_delete: Whether what is deleted is overwritten with zeros.
        text: What a TEXT becomes; bytes leave the decoding to the caller.
    """

    what: str
    application_id: int
    version: int
    journal: str = "truncate"
    secure_delete: bool = False
    text: type[str | bytes] = str


def identity_of(path: bytes, faults: Faults) -> Identity | None:
    """Device and inode; None when there is no file.

    By lstat alone: opening and closing the file here would drop the locks that another thread
    of this process holds on it.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise faults.refused(error) from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a file"
        raise StoreError(
            f"{faults.address} is {kind}",
            hint="move it away; to keep records elsewhere, set HERO_HOME",
        )
    if not found.st_size:
        if abs(time.time() - found.st_mtime) < CLAIM_S:
            raise BusyError
        raise faults.corrupt(f"is empty, which {faults.what} never is")
    return found.st_dev, found.st_ino


def make(
    path: Path,
    faults: Faults,
    form: Form,
    script: Callable[[], str],
    make_its_folder: Callable[[], object],
) -> None:
    """Make the file, complete at the instant it appears; whoever is first makes it."""
    import tempfile  # noqa: PLC0415  # a file is made once, and it brings compression along

    folder = path.parent
    try:
        make_its_folder()
        # mkstemp makes files of mode 0600
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=folder)
        os.close(handle)
        try:
            _draft(draft, faults, form, script())
            with suppress(FileExistsError):
                _place(draft, path)
        finally:
            Path(draft).unlink(missing_ok=True)
        files.sync_folder(folder)
    except OSError as error:
        raise faults.refused(error) from None


def _draft(path: str, faults: Faults, form: Form, filling: str) -> None:
    # No journal beside the draft: it is thrown away unless it is whole.
    script = (
        f"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; BEGIN;"
        f"PRAGMA application_id = {form.application_id};"
        f"PRAGMA user_version = {form.version};"
        f"{filling} COMMIT;"
    )
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.executescript(script)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise faults.explanation(error) from None


def make_with_parents(folder: Path) -> None:
    """Make the folder and what is missing above it, each for the owner alone."""
    if folder.is_dir():
        return
    make_with_parents(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    files.sync_folder(folder.parent)


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
