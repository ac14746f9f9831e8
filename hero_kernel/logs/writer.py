"""Appending to the hours' files, beside other threads and processes."""

from __future__ import annotations

import errno
import os
import stat as modes
from contextlib import suppress
from os import SEEK_END, SEEK_SET, lseek, write
from time import time
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.logs.entry import second_of, stamp
from hero_kernel.logs.hours import HOUR_S, file_name, last_stamp
from hero_kernel.logs.locks import LOCK_EX, LOCK_UN, flock

if TYPE_CHECKING:
    from pathlib import Path

BURST_S = 1e-6
"""A pause between two calls in which nobody can have forked, or renamed or deleted a file."""

TRUST_S = 1e-3
"""How long calls without such a pause go on without looking whether the file is in its place."""

READ_BACK = 65_536
"""Bytes before the end in which the last stamp is looked for; without one it is written again."""

_FLAGS = (
    os.O_RDWR
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in the file's place would block
    | getattr(os, "O_BINARY", 0)
)


class Writer:
    """Appends entries, each below the right stamp, whoever else appends.

    Keeps the hour's file open. The stamp an entry needs depends on what stands before it, so
    every append takes the file's lock, and reads back what others have added. Where there are no
    locks, every entry gets its stamp.

    For one thread: what shares the open file would share the lock. A process that was forked
    opens it anew.
    """

    def __init__(self, root: Path, parts: tuple[str, ...]) -> None:
        self._root = root
        self._parts = parts
        self._path = root
        self._name = ""  # its text, which is faster to look for
        self._descriptor = -1
        self._identity = (0, 0)
        self._has_locks = True
        self._process = 0  # that opened it
        self._look_again = 0.0
        self._left = 0.0  # when the last append was done, while the file is open
        self._hour: int | None = None
        self._size = 0
        self._second: int | None = None  # of the stamp that holds at that size

    def append(self, second: int, lines: bytes, began: float) -> None:
        """Write an entry of that second; other readers see it when this returns.

        Args:
            second: Since 1970.
            lines: The entry, without a stamp.
            began: When the caller was called, by `time.time`.

        Raises:
            StoreError: It could not be written, and nothing of it was.
        """
        try:
            if (
                second != self._second
                or began >= self._look_again
                or not 0 <= began - self._left <= BURST_S
            ):
                self._find(second, began)
            descriptor = self._descriptor
            has_locks = self._has_locks
            try:
                if has_locks:
                    flock(descriptor, LOCK_EX)
                size = lseek(descriptor, 0, SEEK_END)
                if size != self._size:
                    self._read_back(size)
                if second != self._second:
                    lines = f"\n{stamp(second)}\n".encode() + lines
                written = write(descriptor, lines)
                if written != len(lines):
                    if has_locks:
                        os.ftruncate(descriptor, size)
                    raise OSError(errno.ENOSPC, "no room")
                self._size = size + written
                self._second = second if has_locks else None
            finally:  # also when Ctrl-C came between the lock and knowing of it
                if has_locks:
                    flock(descriptor, LOCK_UN)
        except OSError as error:
            self.close()  # whatever it was, the next call opens the file anew
            raise files.explained(error, self._path) from error
        self._left = time()

    def _read_back(self, size: int) -> None:
        """Learn which stamp holds at the end of the file, from what others have added."""
        known = self._size
        if known > size:
            known, self._second = 0, None
        start = max(known, size - READ_BACK)
        if start > known:
            self._second = None
        lseek(self._descriptor, start, SEEK_SET)
        added = os.read(self._descriptor, size - start)
        found = last_stamp(added if start else b"\n" + added)
        if not added.endswith(b"\n"):
            self._second = None  # a line was torn; what comes before a stamp ends it
        elif found is not None:
            self._second = second_of(found[1])
        self._size = size

    def _find(self, second: int, began: float) -> None:
        """Make sure that the open file is the one in the hour's place."""
        hour = second // HOUR_S
        self._look_again = began + TRUST_S
        process = os.getpid()
        if hour == self._hour and process == self._process:
            try:
                found = os.lstat(self._name)
            except FileNotFoundError:
                pass
            else:
                if (found.st_dev, found.st_ino) == self._identity:
                    return
        self.close()
        self._path = files.folder(self._root, *self._parts) / file_name(second)
        self._name = str(self._path)
        self._descriptor = os.open(self._path, _FLAGS, 0o600)
        found = os.fstat(self._descriptor)
        if not modes.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        self._identity = (found.st_dev, found.st_ino)
        self._has_locks = _can_lock(self._descriptor)
        self._size, self._second = 0, None
        self._hour, self._process = hour, process

    def close(self) -> None:
        """Close the file; the next append opens it again."""
        descriptor, self._descriptor, self._hour = self._descriptor, -1, None
        self._left = 0.0
        if descriptor >= 0:
            with suppress(OSError):  # somebody closed it already
                os.close(descriptor)

    def __del__(self) -> None:
        self.close()


def _can_lock(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_EX)
        flock(descriptor, LOCK_UN)
    except OSError:
        return False
    return True
