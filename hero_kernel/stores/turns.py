"""Turns among the threads of a process, over which no fork happens."""

from __future__ import annotations

import os
import threading

TURN = threading.RLock()
"""Held over every step that must be whole in memory.

A fork waits for it. A child forked in the middle of another thread's step would inherit a lock
that nobody releases, and SQLite's notes on file locks that the child does not hold. Reentrant,
so that a change may look into another store.
"""

if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=TURN.acquire, after_in_parent=TURN.release, after_in_child=TURN.release
    )
