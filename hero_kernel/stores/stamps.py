"""Stamps: by a look at a file, without opening it, whether it is as it was.

A stamp is the file's inode and the time of its last change. Most systems take that time from a
clock that ticks every few milliseconds, so a file that was changed just now may be changed once
more and keep its stamp. Others, Linux since 6.13 among them, give another time to every change of
a file that was looked at since the one before (docs.kernel.org/filesystems/multigrain-ts.html):
there a stamp tells of every change at once.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Stamp: TypeAlias = "tuple[int, int, int]"

SETTLED_NS = 50_000_000
"""The next change of a file that has not changed for so long leaves another stamp anywhere.

Above the tick of the clock that Linux stamps files with (at most 10 ms).
"""

_LOOKS = 5
_LOOKS_NS = 1_000_000
"""So many changes in so short a time have as many stamps only where they tell of each.

The fastest tick is 1 ms long, and would leave two.
"""


def stamp_of(found: os.stat_result) -> Stamp:
    """The stamp, by what lstat has found."""
    return found.st_dev, found.st_ino, found.st_ctime_ns


def is_settled(found: os.stat_result) -> bool:
    """Whether the file's next change is sure to leave another stamp, wherever the file is."""
    is_fine = found.st_ctime_ns % 1_000_000 != 0 and os.name == "posix"
    return is_fine and time.time_ns() - found.st_ctime_ns > SETTLED_NS


def are_exact(folder: Path, device: int) -> bool:
    """Whether the stamps of a folder's files tell of every change, as it is tried here: 0.05 ms.

    Tried on a file without a name, so on Linux alone.

    Args:
        folder: Where the files are.
        device: On which device they should be; false for another one.
    """
    nameless = getattr(os, "O_TMPFILE", None)
    if nameless is None:
        return False
    with suppress(OSError):  # it is read-only, say
        file = os.open(folder, nameless | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            return any(_tell_of_each(file, device) for _ in range(2))
        finally:
            os.close(file)
    return False


def _tell_of_each(file: int, device: int) -> bool:
    started, seen = time.monotonic_ns(), set[Stamp]()
    for _ in range(_LOOKS):
        os.pwrite(file, b".", 0)
        seen.add(stamp_of(os.fstat(file)))
    is_quick = time.monotonic_ns() - started < _LOOKS_NS
    return is_quick and len(seen) == _LOOKS and all(stamp[0] == device for stamp in seen)
