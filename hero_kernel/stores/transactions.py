"""Transactions over a `with` block, on an SQLite file."""

from __future__ import annotations

import signal
import threading
import time
from threading import get_ident
from typing import TYPE_CHECKING, Generic, TypeVar

from hero_kernel.errors import StoreError, StoreUnavailableError
from hero_kernel.stores import patience
from hero_kernel.stores.faults import BusyError
from hero_kernel.stores.kept import OPEN, ORPHANED, shut
from hero_kernel.stores.patience import pause
from hero_kernel.stores.turns import TURN

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType

    from hero_kernel.stores.kept import Connection, Identity, Rows
    from hero_kernel.stores.sqlite_file import SqliteFile

T = TypeVar("T")
R = TypeVar("R")


class Transaction(Generic[T]):
    """A `with` block whose reads and writes are one step, on a connection of its own.

    An error in the block, Ctrl-C too, rolls back. Ctrl-C is heard in the block and while waiting
    for a lock; where it would come between the block and its end, with nobody left to roll back,
    it is put off until the end is done. Other threads may read meanwhile, and see the old values.
    """

    def __init__(self, file: SqliteFile, result: T) -> None:
        self._file = file
        self._result = result
        self._connection: Connection | None = None
        self._identity: Identity | None = None
        self._key: tuple[str, int] | None = None
        self._pid = 0
        self._is_orphan = False
        self._arrived: FrameType | None = None
        self._previous: Callable[[int, FrameType | None], object] | None = None

    def __enter__(self) -> T:
        if self._file.transaction_here() is not None or self._key is not None:
            raise self._file.faults.nested()
        try:
            self._file.patiently(self._start)
            self._hear()
        except BaseException:
            self._close()
            raise
        return self._result

    def _start(self) -> None:
        file = self._file
        self._close()
        identity = file.identity() or file.make()
        # Held by the object at once: an interrupt at the end of the attempt finds it there.
        self._connection = file._connected("mode=rw")  # noqa: SLF001
        file._ready(self._connection)  # noqa: SLF001
        file._begin(self._connection)  # noqa: SLF001
        self._identity = identity
        self._key = file.address, get_ident()
        OPEN[self._key] = self

    def _hear(self) -> None:
        """Have Ctrl-C told to us first, in the main thread, which alone hears it."""
        previous = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is threading.main_thread() and callable(previous):
            self._previous = previous
            signal.signal(signal.SIGINT, self._interrupted)

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self._is_at_a_door(frame):
            self._arrived = frame
        elif self._previous is not None:
            self._previous(number, frame)

    def _is_at_a_door(self, frame: FrameType | None) -> bool:
        """Whether the interrupt came while the block was being entered or left.

        The frames tell: at the first instruction of __exit__ no statement of ours has run yet.
        """
        while frame is not None:
            if frame.f_code in _DOORS and frame.f_locals.get("self") is self:
                return True
            frame = frame.f_back
        return False

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            self._close()
            previous = self._previous
            if previous is not None and signal.getsignal(signal.SIGINT) == self._interrupted:
                signal.signal(signal.SIGINT, previous)
            arrived, self._arrived, self._previous = self._arrived, None, None
            if previous is not None and arrived is not None:
                previous(signal.SIGINT, arrived)

    def _commit(self) -> None:
        """Commit, as patiently as all else; an interrupt ends the waiting."""
        started = time.monotonic()
        while True:
            try:
                self.run("COMMIT")
                break
            except BusyError:
                waited_s = time.monotonic() - started
            if waited_s > patience.WAIT_S:
                raise self._file.faults.locked()
            if self._arrived is not None:
                return  # __exit__ rolls back, then tells of the interrupt
            pause(waited_s)
        if self._file.identity() != self._identity:
            raise StoreUnavailableError(
                f"{self._file.address} was moved or deleted during the transaction",
                hint="its changes are not in the file that is there now; do it again",
            )

    def _close(self) -> None:
        """Close the connection, which rolls back whatever was not committed."""
        if self._key is not None:
            OPEN.pop(self._key, None)
            self._key = None
        connection, self._connection = self._connection, None
        if connection is not None and not self._is_orphan:
            with TURN:
                shut(connection)

    def orphan(self) -> None:
        """Give it up in a child that was forked inside it; see `_after_fork_in_child`."""
        self._is_orphan = True
        if self._identity is not None:
            ORPHANED.add(self._identity)
        if self._connection is not None:
            _immortal(self._connection)

    @property
    def is_alive(self) -> bool:
        """Whether it can still be committed: SQLite rolls back by itself when a disk is full."""
        return self._connection is not None and self._connection.in_transaction

    def run(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows:
        """What one statement finds."""
        return self.do(lambda connection: self._file.run(connection, statement, parameters))

    def do(self, work: Callable[[Connection], R]) -> R:
        """What `work` does in the transaction.

        Raises:
            StoreError: It is over already: SQLite rolls back by itself when a disk is full.
        """
        connection = self._connection
        if self._is_orphan or connection is None:
            raise StoreError(
                f"{self._file.address}: the process was forked inside this transaction",
                hint="fork before the transaction; it is its parent's",
            )
        if not connection.in_transaction:
            raise StoreError(
                f"{self._file.address}: the transaction was rolled back after an error",
                hint="let the error end its with block, then do it again",
            )
        return work(connection)


_DOORS: frozenset[CodeType] = frozenset(
    method.__code__ for method in (Transaction.__enter__, Transaction.__exit__)
)


def _immortal(connection: Connection) -> None:
    """Have the connection never closed: SQLite would play back the parent's journal."""
    import ctypes  # noqa: PLC0415 - for the one case of a fork inside a transaction

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
