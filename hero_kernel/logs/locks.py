"""Locks on open files: what is written together is seen together."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    LOCK_SH, LOCK_EX, LOCK_UN = 1, 2, 8

    def flock(fd: int, operation: int, /) -> None:
        """Refuse, as a file system without locks does."""
        raise OSError(f"lock {operation} on {fd}: not on Windows")

else:
    from fcntl import LOCK_EX, LOCK_SH, LOCK_UN, flock

__all__ = ["LOCK_EX", "LOCK_SH", "LOCK_UN", "flock"]
