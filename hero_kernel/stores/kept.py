"""What stays open of an SQLite file between calls, in a process that may fork."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeAlias

from hero_kernel.stores.group import Queue
from hero_kernel.stores.turns import TURN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.stores.stamps import Stamp
    from hero_kernel.stores.transactions import Transaction

Connection: TypeAlias = sqlite3.Connection
Identity: TypeAlias = "tuple[int, int]"
Rows: TypeAlias = "list[tuple[Any, ...]]"

FORK_WAIT_S = 5.0
"""How long a fork waits for the transactions of other threads to end."""


class Kept:
    """What stays open between the calls of one `SqliteFile`: never inside a transaction."""

    def __init__(self) -> None:
        self.changed: Stamp | None = None
        self.connection: Connection | None = None
        self.unlocked: Connection | None = None
        self.stamp: Stamp | None = None
        self.is_prepared = False
        self.is_wal = False
        self.state: Rows | None = None
        self.version: int | None = None
        self.reads = 0
        self.writes = 0
        self.unknown = 0
        self.openings = 0
        self.queue: Queue | None = None

    def let_go(self) -> None:
        """Close everything; the next call opens anew."""
        connection, self.connection = self.connection, None
        self.stamp, self.is_prepared, self.state, self.is_wal = None, False, None, False
        self.lock_again()
        if connection is not None:
            shut(connection)

    def is_rolled_back(self) -> bool:
        """Roll back what the connection has begun; whether that is done."""
        try:
            if self.connection is not None and self.connection.in_transaction:
                self.connection.execute("ROLLBACK").fetchall()
        except sqlite3.Error:
            return False
        return True

    def lock_again(self) -> None:
        """Close the connection that reads without locks."""
        unlocked, self.unlocked = self.unlocked, None
        self.reads = 0
        if unlocked is not None:
            unlocked.close()

    def end(self) -> None:
        """Close everything, the queue too unless a thread waits in it."""
        self.let_go()
        self.leave()

    def look_for_queue(self, path: bytes, *, make: bool) -> None:
        """Open the queue that is beside the file now."""
        try:
            if self.queue is not None:
                if self.queue.is_waited_in:
                    return
                found = os.lstat(path)
                if (found.st_dev, found.st_ino) == self.queue.identity:
                    return
        except OSError:
            pass  # it was deleted
        self.leave()
        with suppress(OSError):
            self.queue = Queue(path, make=make)

    def leave(self) -> None:
        """Let go of the queue unless a thread waits in it."""
        if self.queue is not None and not self.queue.is_waited_in:
            self.queue.close()
            self.queue = None


# SQLite keeps its notes on file locks for the whole process, not for a connection, and a fork
# copies them. So what is open must be known for the whole process too.
KEPT: weakref.WeakSet[Kept] = weakref.WeakSet()
OPEN: dict[tuple[str, int], Transaction[Any]] = {}
ORPHANED: set[Identity] = set()


def _before_fork() -> None:
    """Wait for the transactions of other threads, then close what is idle."""
    patience = time.monotonic() + FORK_WAIT_S
    while True:
        TURN.acquire()
        if all(thread == get_ident() for _, thread in OPEN) or time.monotonic() > patience:
            break
        TURN.release()
        time.sleep(0.001)
    for kept in list(KEPT):
        kept.let_go()


def _after_fork_in_child() -> None:
    """Give up transactions that are the parent's: neither rolled back nor closed here."""
    for (path, thread), transaction in list(OPEN.items()):
        transaction.orphan()
        if thread != get_ident():
            del OPEN[path, thread]
    for kept in list(KEPT):
        # The locks in it are the parent's, for as long as one of both has it open.
        queue, kept.queue = kept.queue, None
        if queue is not None:
            queue.close()
    TURN.release()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=TURN.release, after_in_child=_after_fork_in_child
    )


def shut(connection: Connection) -> None:
    """Roll back what was not committed, and close.

    Closing alone leaves the lock while a statement of the connection is alive, be it in the frame
    that an interrupt came to: SQLite puts off the rest until that is gone too.
    """
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK").fetchall()
    except sqlite3.Error:
        pass  # SQLite has rolled back by itself
    finally:
        connection.close()


@contextmanager
def shutting(connection: Connection) -> Iterator[Connection]:
    """Have it shut at the end of a `with` block."""
    try:
        yield connection
    finally:
        shut(connection)
