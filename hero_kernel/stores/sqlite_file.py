"""An SQLite file of ours: made whole, opened, waited for, and what is said when it fails."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import stat
import struct
import threading
import time
import weakref
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from hero_kernel import files
from hero_kernel.errors import (
    CorruptRecordError,
    HeroError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreAuthError,
    StoreError,
    StoreUnavailableError,
)
from hero_kernel.stores.group import ALONE, IS_POSSIBLE, Queue
from hero_kernel.stores.interrupts import deferred
from hero_kernel.stores.turns import TURN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType, FrameType, TracebackType

    from hero_kernel.stores.group import Offer

T = TypeVar("T")
R = TypeVar("R")

Connection: TypeAlias = sqlite3.Connection
Identity: TypeAlias = "tuple[int, int]"
Stamp: TypeAlias = "tuple[int, int, int]"
Rows: TypeAlias = "list[tuple[Any, ...]]"
Take: TypeAlias = "Callable[[SqliteFile, Connection, Iterator[bytes]], Iterator[int]]"

COMMIT_END_S = 0.002
"""How long the end of a commit takes at most, but for a disk that is slow or busy."""

COMMIT_MS = 50
"""How long a commit waits in SQLite, where Ctrl-C cannot reach it, for readers to end.

It keeps new ones out meanwhile. Everything else waits in Python: SQLite's own waiting sleeps ever
longer, so that a reader beside a busy writer was seen to wait for 0.3 s.
"""

WAIT_S = 30.0
"""How long a call waits for a lock altogether."""

CLAIM_S = 1.0
"""How long an empty file may be another process's, about to be filled; see `_place`."""

FORK_WAIT_S = 5.0
"""How long a fork waits for the transactions of other threads to end."""

SETTLED_NS = 50_000_000
"""A file that has not changed for so long is read without locks; see `SqliteFile`.

Above the tick of the clock that Linux stamps files with (at most 10 ms), so that the next write
is sure to leave another stamp.
"""

READS_BEFORE_UNLOCKED = 32
"""Reads in a row, none of them a write's, after which a settled file is read without locks."""

CACHE_KIB = 16 * 1024
"""How much of a file a kept connection may hold in memory."""

LEADER_S = 5.0
"""How long a writer that gives up waits for a leader that has its change."""

WRITES_UNTIL_A_LOOK = 8
"""How many writes there are between two looks whether somebody has made a queue to wait in."""

JOURNAL_KEPT = 1024 * 1024
"""Bytes of a persistent journal that are left for the next transaction."""


class BusyError(Exception):
    """Somebody else's turn, or the file changed under us; try again."""


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


_HANDED = struct.Struct("=Qq")
"""A token and an answer, as the table `handed` has them."""

_HANDED_TABLE = "CREATE TABLE IF NOT EXISTS handed (one INTEGER PRIMARY KEY, answers BLOB)"


@dataclass
class _Group:
    """The changes of others in a transaction, and what they are told when it is committed."""

    queue: Queue
    offers: list[Offer] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def tell(self) -> None:
        """Tell each its answer."""
        with suppress(OSError, ValueError):
            answers = list(zip(self.offers, self.answers, strict=True))
            self.queue.tell(answers, crowd=len(answers) + 1)

    def fail(self, *, will_try_again: bool) -> None:
        """Have them wait on, or go on alone: they look themselves whether it was committed."""
        if will_try_again:
            with suppress(OSError, ValueError):
                self.queue.release(self.offers)
                self.queue.tell([], crowd=1)
        else:
            self.answers = [ALONE] * len(self.offers)
            self.tell()


class _Kept:
    """What stays open between the calls of one `SqliteFile`: never inside a transaction."""

    def __init__(self) -> None:
        self.changed: Stamp | None = None
        self.connection: Connection | None = None
        self.unlocked: Connection | None = None
        self.stamp: Stamp | None = None
        self.is_prepared = False
        self.state: Rows | None = None
        self.version: int | None = None
        self.reads = 0
        self.writes = 0
        self.openings = 0
        self.queue: Queue | None = None

    def let_go(self) -> None:
        """Close everything; the next call opens anew."""
        connection, self.connection = self.connection, None
        self.stamp, self.is_prepared, self.state = None, False, None
        self.lock_again()
        if connection is not None:
            _shut(connection)

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

    def leave(self) -> None:
        """Let go of the queue unless a thread waits in it."""
        if self.queue is not None and not self.queue.is_waited_in:
            self.queue.close()
            self.queue = None


# SQLite keeps its notes on file locks for the whole process, not for a connection, and a fork
# copies them. So what is open must be known for the whole process too.
_KEPT: weakref.WeakSet[_Kept] = weakref.WeakSet()
_OPEN: dict[tuple[str, int], Transaction[Any]] = {}
_ORPHANED: set[Identity] = set()


def _before_fork() -> None:
    """Wait for the transactions of other threads, then close what is idle."""
    patience = time.monotonic() + FORK_WAIT_S
    while True:
        TURN.acquire()
        if all(thread == get_ident() for _, thread in _OPEN) or time.monotonic() > patience:
            break
        TURN.release()
        time.sleep(0.001)
    for kept in list(_KEPT):
        kept.let_go()


def _after_fork_in_child() -> None:
    """Give up transactions that are the parent's: neither rolled back nor closed here."""
    for (path, thread), transaction in list(_OPEN.items()):
        transaction.orphan()
        if thread != get_ident():
            del _OPEN[path, thread]
    for kept in list(_KEPT):
        # The locks in it are the parent's, for as long as one of both has it open.
        queue, kept.queue = kept.queue, None
        if queue is not None:
            queue.close()
    TURN.release()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=_before_fork, after_in_parent=TURN.release, after_in_child=_after_fork_in_child
    )


class SqliteFile:
    """One SQLite file, made at the first write.

    Safe for several threads and processes of one machine. Not for network file systems: SQLite's
    locks do not hold there (sqlite.org/faq.html, question 5). The rollback journal is used rather
    than the write-ahead log, which cannot be read in a read-only folder, and loses acknowledged
    writes when its files are removed under an open connection.

    A file that is not `kept` is opened for every call, 0.03 ms. A kept one leaves its connection
    open between calls, which is safe because:

    - it is never inside a transaction then, and no cursor has a name that an interrupt's
      traceback could keep: there is no lock that a foreign `open(path).close()` in the process
      could drop (sqlite.org/howtocorrupt.html, 2.2), and no journal of its own;
    - the file's stamp is looked at in every call, so a file moved, replaced or copied over is
      noticed, and opened anew;
    - it is closed before a fork, so that a child inherits neither it nor SQLite's notes on it;
    - it is used by one thread at a time, over `TURN`, and closed with its `SqliteFile`.

    Reading one that has not changed for a while goes without locks, through a second connection
    that takes the file for immutable. What it finds counts only if the file's stamp, its inode and
    the time of its last change, is afterwards still what it was under a lock; any write makes
    another stamp. Not on Windows, nor where stamps are coarser than a millisecond.

    Where several processes write a kept file at once, those who wait hand over what they `hand`;
    see `group`. Its queue is a file beside this one, with "-queue" after its name.

    Args:
        path: Where it is; a link there is not followed.
        form: What makes it one of ours.
        script: The SQL that fills a new file, made at need.
        keep: Whether the connection stays open between calls.
        take: Makes changes that others `hand` over, as they come, in an open transaction, and
            gives an answer to each: what their `work` would have returned, or `ALONE` for one
            that it has not made.
        make_folder: Makes the folder; by default with what is missing above it, mode 0700.
    """

    def __init__(
        self,
        path: Path,
        form: Form,
        script: Callable[[], str],
        *,
        keep: bool = False,
        take: Take | None = None,
        make_folder: Callable[[], object] | None = None,
    ) -> None:
        self.path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links
        self.address = str(self.path)
        self.form = form
        self._script = script
        self._take = take if IS_POSSIBLE else None
        self._make_folder = make_folder or partial(_make_folder, self.path.parent)
        self._kept = _Kept() if keep else None
        self._encoded = os.fsencode(self.path)
        if self._kept is not None:
            _KEPT.add(self._kept)
            weakref.finalize(self, self._kept.end)

    def close(self) -> None:
        """Close what is kept open; a later call opens anew."""
        if self._kept is not None:
            with TURN:
                self._kept.end()

    @property
    def openings(self) -> int:
        """How often the kept connection was opened, or the file was changed by others under it."""
        return self._kept.openings if self._kept is not None else 0

    def settled_stamp(self) -> Stamp | None:
        """What is another value after any change that comes now, by anyone; 1 µs.

        None for a file that is not there, and for one that was changed just now, whose stamp the
        next change may leave as it is. What is read after the stamp was taken is what the file
        holds for as long as it has that stamp.
        """
        try:
            found = os.lstat(self._encoded)
        except OSError:
            return None
        return _stamp(found) if _is_settled(found) else None

    def rows(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows:
        """What one statement finds, in the open transaction if there is one; [] without a file."""
        if _OPEN and (transaction := _OPEN.get((self.address, get_ident()))) is not None:
            return transaction.run(statement, parameters)
        kept = self._kept
        if kept is None or (unlocked := kept.unlocked) is None:
            return self.locked_rows(statement, parameters)
        try:
            with TURN:
                rows = unlocked.execute(statement, parameters).fetchall()
                found = os.lstat(self._encoded)
        except (sqlite3.Error, UnicodeDecodeError, OSError):
            return self._again(kept, statement, parameters)
        stamp = kept.stamp
        if (
            stamp is not None
            and found.st_ctime_ns == stamp[2]
            and found.st_ino == stamp[1]
            and found.st_dev == stamp[0]
        ):
            return rows
        return self._again(kept, statement, parameters)

    def _again(self, kept: _Kept, statement: str, parameters: tuple[object, ...]) -> Rows:
        """The answer under a lock, for the one without did not count."""
        with TURN:
            kept.lock_again()
        return self.locked_rows(statement, parameters)

    def locked_rows(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows:
        """What one statement finds, read under SQLite's lock."""
        kept = self._kept
        if kept is not None and kept.connection is not None:
            try:
                with TURN:
                    connection = kept.connection
                    if connection is not None and _stamp(os.lstat(self._encoded)) == kept.stamp:
                        rows = connection.execute(statement, parameters).fetchall()
                        kept.reads += 1
                        if kept.reads >= READS_BEFORE_UNLOCKED:
                            self._settle(kept, connection)
                        return rows
            except (sqlite3.Error, UnicodeDecodeError, OSError, BusyError):
                pass  # it is tried once more, patiently, and explained
        return self.read(lambda connection: self.run(connection, statement, parameters), absent=[])

    def _settle(self, kept: _Kept, connection: Connection) -> None:
        """Open the file without locks, if it has not changed for a while."""
        kept.reads = 0
        if not _is_settled(os.lstat(self._encoded)):
            return
        with deferred():
            try:
                # Under the lock nobody writes, and a journal that a killed writer left is done.
                connection.execute("BEGIN").fetchall()
                connection.execute("SELECT 1 FROM sqlite_master").fetchall()
                found = os.lstat(self._encoded)
                if _is_settled(found) and _stamp(found) == kept.stamp:
                    unlocked = kept.unlocked = self._connected("immutable=1")
                    unlocked.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
                    unlocked.execute("SELECT 1 FROM sqlite_master").fetchall()
            finally:
                connection.execute("ROLLBACK").fetchall()

    def read(self, work: Callable[[Connection], T], *, absent: T) -> T:
        """What `work` finds in one transaction; `absent` when there is no file."""
        if (transaction := self.transaction_here()) is not None:
            return transaction.do(work)

        def attempt() -> T:
            identity = self.identity()
            if identity is None:
                return absent
            with self._lent() as connection:
                self.run(connection, "BEGIN")
                self._verify(connection)
                result = work(connection)
                self.run(connection, "ROLLBACK")
            return result

        return self.patiently(attempt, reading=True)

    def write(self, work: Callable[[Connection], T], *, absent: T | None = None) -> T:
        """What `work` returns, its changes committed; it may be called again.

        With `absent`, a file that is not there is not made: that is the answer then.
        """
        if (transaction := self.transaction_here()) is not None:
            return transaction.do(work)

        return self.patiently(lambda: self._written(work, absent))

    def hand(
        self,
        work: Callable[[Connection], int],
        change: Callable[[], bytes | None],
        *,
        absent: int | None = None,
    ) -> int:
        """As `write`, or by another writer, if one has the lock: in its transaction, with its own.

        Either way the change is committed when this returns, in the order of this one's calls.

        Args:
            work: Makes the change; what it returns is no less than zero.
            change: The same for the `take` of whoever has the lock; None when it must not be.
            absent: The answer when there is no file.
        """
        kept = self._kept
        if kept is None or self._take is None or self.transaction_here() is not None:
            return self.write(work, absent=absent)
        started = time.monotonic()
        queue: Queue | None = None
        answer: int | None = None
        try:
            with suppress(BusyError), TURN, deferred():
                if kept.queue is None or not kept.queue.is_led():
                    return self._written(work, absent)
            with TURN, deferred():
                queue = self._asked(kept, change)
            while (waited_s := time.monotonic() - started) <= WAIT_S:
                if queue is None or not queue.asks:
                    pause(waited_s)
                elif (answer := queue.wait()) == ALONE:
                    queue.clear()
                elif answer is not None:
                    return answer
                with suppress(BusyError), TURN, deferred():
                    return self._written(work, absent, queue)
        finally:
            if queue is not None:
                answer = self._left(queue)
        if answer is not None and answer != ALONE:
            return answer
        raise self._locked()

    def _asked(self, kept: _Kept, change: Callable[[], bytes | None]) -> Queue | None:
        """The queue where the change is handed over; None when it is not."""
        self._look_for_queue(kept, make=True)
        queue = kept.queue
        if queue is None or queue.is_waited_in or (offer := change()) is None:
            return None
        try:
            if not queue.ask(offer):
                return None
        except OSError:  # no room on the disk, say
            kept.leave()
            return None
        queue.is_waited_in = True
        return queue

    def _look_for_queue(self, kept: _Kept, *, make: bool) -> None:
        """Open the queue that is beside the file now."""
        path = self._encoded + b"-queue"
        try:
            if kept.queue is not None:
                if kept.queue.is_waited_in:
                    return
                found = os.lstat(path)
                if (found.st_dev, found.st_ino) == kept.queue.identity:
                    return
        except OSError:
            pass  # it was deleted
        kept.leave()
        with suppress(OSError):
            kept.queue = Queue(path, make=make)

    def _left(self, queue: Queue) -> int | None:
        """Take back what is asked; where a leader has taken it, after that one's end: the answer.

        A leader has ended within moments, unless it is stopped, and what it has taken is unknown.
        """
        answer: int | None = None
        with suppress(OSError, ValueError):
            if (answer := queue.answer()) is None:
                answer = self._withdrawn(queue)
            else:
                queue.clear()
        queue.is_waited_in = False
        return answer

    def _withdrawn(self, queue: Queue) -> int | None:
        patience = time.monotonic() + LEADER_S
        with deferred():
            while not queue.withdraw() and time.monotonic() < patience:
                if (answer := queue.answer()) is not None:
                    queue.clear()
                    return answer
                time.sleep(0.001)
        return None

    def _written(
        self, work: Callable[[Connection], T], absent: T | None, asked: Queue | None = None
    ) -> T:
        """What `work` returns, its changes committed, with those that others handed over.

        With a queue, what this one has `asked` there is taken back, if it is not made already.
        """
        identity = self.identity()
        if identity is None and absent is not None:
            return absent
        identity = identity or self.make()
        kept, group = self._kept, None
        with self._writing(identity) as connection:
            if asked is not None:
                answer = self._made_already(connection, asked)
                if answer is not None:
                    self.run(connection, "ROLLBACK")
                    return answer  # type: ignore[return-value]  # what `hand` is for returns int
                asked.clear()
            result = work(connection)
            if kept is not None:
                group = self._group(kept, connection)
            try:
                self._commit(connection)
                stamp = self._stamp_of(identity)
            except BaseException as error:
                if group is not None:
                    group.fail(will_try_again=isinstance(error, BusyError))
                raise
        if kept is not None:
            kept.lock_again()
            kept.stamp = stamp
        if group is not None:
            group.tell()
        return result

    def _stamp_of(self, identity: Identity | None) -> Stamp:
        """The file's stamp; BusyError when it was moved or deleted, and our change with it."""
        try:
            stamp = _stamp(os.lstat(self._encoded))
        except FileNotFoundError:
            raise BusyError from None
        except OSError as error:
            raise self._refused(error) from None
        if stamp[:2] != identity:
            raise BusyError
        return stamp

    def _made_already(self, connection: Connection, asked: Queue) -> int | None:
        """The answer to what was asked, if a leader has committed it."""
        answer = asked.answer()
        if answer in (None, ALONE):
            answer = self._handed(connection).get(asked.token)
        return answer

    def _handed(self, connection: Connection) -> dict[int, int]:
        """The answers of the last group that was committed, by the tokens of its changes."""
        try:
            rows = connection.execute("SELECT answers FROM handed").fetchall()
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # there is no such table yet
                return {}
            raise self._explanation(error) from None
        answers = rows[0][0] if rows else b""
        if not isinstance(answers, bytes) or len(answers) % _HANDED.size:
            return {}
        return dict(_HANDED.iter_unpack(answers))

    def _group(self, kept: _Kept, connection: Connection) -> _Group | None:
        """Make the changes of those who wait, in the open transaction; None when nobody does."""
        kept.writes += 1
        if kept.writes % WRITES_UNTIL_A_LOOK == 0:
            self._look_for_queue(kept, make=False)
        queue, take = kept.queue, self._take
        if queue is None or take is None:
            return None
        try:
            offers = queue.gather()
        except (OSError, ValueError):
            kept.leave()
            return None
        if offers is None:
            return None
        group = _Group(queue)
        try:
            group.answers.extend(take(self, connection, self._changes(connection, group, offers)))
            made = [
                _HANDED.pack(offer.token, answer)
                for offer, answer in zip(group.offers, group.answers, strict=True)
                if answer != ALONE
            ]
            if made:
                self._keep_handed(connection, b"".join(made))
        except BusyError:
            group.fail(will_try_again=True)
            raise
        except (HeroError, sqlite3.Error, OSError, ValueError) as error:
            group.fail(will_try_again=False)  # whoever is to blame, this one tries alone, too
            raise BusyError from error
        except BaseException:
            group.fail(will_try_again=False)
            raise
        return group

    def _changes(
        self, connection: Connection, group: _Group, offers: Iterator[Offer]
    ) -> Iterator[bytes]:
        """The changes to be made, as they come; an offer of one that is made already is told."""
        known: dict[int, int] | None = None
        for offer in offers:
            known = self._handed(connection) if known is None else known
            if offer.token in known:
                group.queue.tell([(offer, known[offer.token])])
            else:
                group.offers.append(offer)
                yield offer.change

    def _keep_handed(self, connection: Connection, answers: bytes) -> None:
        statement = "REPLACE INTO handed VALUES (1, ?)"
        try:
            connection.execute(statement, (answers,)).fetchall()
        except sqlite3.OperationalError:  # one that was made before there were groups
            self.run(connection, _HANDED_TABLE)
            self.run(connection, statement, (answers,))
            if self._kept is not None:
                self._kept.state = None  # the schema is another one

    def transaction(self, result: T) -> Transaction[T]:
        """A transaction over a `with` block, which is given `result`."""
        return Transaction(self, result)

    def transaction_here(self) -> Transaction[Any] | None:
        """The transaction that is open on this file in this thread."""
        return _OPEN.get((self.address, get_ident()))

    @contextmanager
    def _writing(self, identity: Identity | None) -> Iterator[Connection]:
        """A connection with a transaction that may write; what is not committed is rolled back."""
        kept = self._kept
        if kept is None:
            with self._lent() as connection:
                self._begin(connection)
                yield connection
            return
        connection = self._begun(kept, identity)
        done = False
        try:
            yield connection
            done = True
        finally:
            if not done:
                kept.let_go()

    def _begun(self, kept: _Kept, identity: Identity | None) -> Connection:
        """The kept connection in a transaction that may write; opened anew where it must be."""
        if not self._goes_on(kept, identity):
            try:
                connection = self._kept_connection(kept)
                self._begin(connection)
                kept.version, kept.state = self._state(connection)
            except BaseException:
                kept.let_go()
                raise
        return kept.connection  # type: ignore[return-value]  # both have opened it

    def _goes_on(self, kept: _Kept, identity: Identity | None) -> bool:
        """Begin on the open connection; False when there is none that may be gone on with.

        It may when SQLite has noticed all that others did to the file since: by the count of
        their commits, which makes void what it holds in memory. Of a file that was copied over it
        notices nothing, if both have counted alike.
        """
        connection, stamp = kept.connection, kept.stamp
        if connection is None or kept.state is None or stamp is None or stamp[:2] != identity:
            return False
        try:
            self.run(connection, "BEGIN IMMEDIATE")
            found = _stamp(os.lstat(self._encoded))  # nobody else writes now
            if found == stamp and kept.is_prepared:
                return True
            kept.lock_again()
            version, state = self._state(connection)
            # One that a read has noticed already counts no more, but may have changed the modes.
            is_noticed = found == stamp or (found[:2] == identity and version != kept.version)
            if is_noticed and state == kept.state:
                kept.stamp, kept.version, kept.changed = found, version, None
                kept.is_prepared = True
                return True
        except BusyError:
            if connection.in_transaction:
                kept.let_go()
            raise
        except (HeroError, OSError):
            pass  # a new connection tells what is wrong
        except BaseException:
            kept.let_go()
            raise
        kept.let_go()
        return False

    def _state(self, connection: Connection) -> tuple[int, Rows]:
        """The count of others' commits, and what has to be as it was for a connection to go on."""
        ((version, *modes),) = self.run(connection, _MODES)
        return version, [tuple(modes), *self.run(connection, _SCHEMA)]

    def _begin(self, connection: Connection, lock: str = "IMMEDIATE") -> None:
        """Start writing, in the safe modes; a file that some tool set to WAL returns from it."""
        kept = self._kept
        # A kept one is unprepared after any change by others, so that its modes are as they were.
        if kept is None or connection is not kept.connection or not kept.is_prepared:
            self._verify(connection)
            ((mode,),) = self.run(connection, f"PRAGMA journal_mode = {self.form.journal}")
            if mode not in (self.form.journal, self.form.journal.encode()):
                raise BusyError
            if kept is not None and connection is kept.connection:
                kept.is_prepared = True
        self.run(connection, f"BEGIN {lock}")

    def _commit(self, connection: Connection) -> None:
        """Commit, and wait a little where readers are in the way."""
        try:
            self.run(connection, "COMMIT")
        except BusyError:
            self.run(connection, f"PRAGMA busy_timeout = {COMMIT_MS}")
            self.run(connection, "COMMIT")
            self.run(connection, "PRAGMA busy_timeout = 0")

    def remove(self) -> None:
        """Delete the file, if it is there, while nobody else reads or writes it."""

        def work() -> None:
            # The journal first: one that is left would be played back into the next file.
            for suffix in ("-journal", "-wal", "-shm", "-queue", ""):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

        self._exclusively(work)

    def move(self, new: Path) -> None:
        """Give the file another name, which must be free, while nobody else uses it.

        Raises:
            FileExistsError: Something of that name is there.
        """

        def work() -> None:
            # A link and not a rename, which would replace what came there meanwhile.
            os.link(self.path, new)
            self.path.unlink()
            for suffix in ("-journal", "-queue"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
            files.sync_folder(new.parent)

        self._exclusively(work)

    def _exclusively(self, work: Callable[[], None]) -> None:
        """Do what no transaction can hold; no journal is in use then."""
        if self.transaction_here() is not None:
            raise self._nested()

        def attempt() -> None:
            if self.identity() is None:
                return
            if self._kept is not None:
                self._kept.let_go()
            with _shutting(self._connected("mode=rw")) as connection:
                self._begin(connection, "EXCLUSIVE")
                try:
                    work()
                except FileExistsError:
                    raise
                except PermissionError:
                    raise self._read_only() from None
                except OSError as error:
                    raise self._refused(error) from None

        self.patiently(attempt)

    def copy(self, target: Path) -> None:
        """Write what is committed, of one moment and without what was deleted, into an empty file.

        Others may read and write meanwhile.
        """
        if self.transaction_here() is not None:
            raise self._nested()

        def attempt() -> None:
            if self.identity() is None:
                return
            with _shutting(self._connected("mode=rw")) as connection:
                self._ready(connection)
                self._verify(connection)
                self.run(connection, "VACUUM INTO ?", (str(target),))
            with target.open("rb") as file:
                os.fsync(file.fileno())

        self.patiently(attempt)

    def vacuum(self) -> None:
        """Write the file anew, without what was deleted, and empty its journal."""
        if self.transaction_here() is not None:
            raise self._nested()

        def attempt() -> None:
            if self._kept is not None:
                self._kept.let_go()
            with _shutting(self._connected("mode=rw")) as connection:
                self._ready(connection)
                self._verify(connection)
                self.run(connection, "PRAGMA journal_mode = truncate")
                self.run(connection, f"PRAGMA busy_timeout = {COMMIT_MS}")
                self.run(connection, "VACUUM")

        self.patiently(attempt)

    def patiently(self, attempt: Callable[[], T], *, reading: bool = False) -> T:
        """Try until it is our turn; Ctrl-C is held back over an attempt, not over the waiting."""
        started = time.monotonic()
        while True:
            try:
                with TURN, deferred():
                    return attempt()
            except BusyError:
                waited_s = time.monotonic() - started
            if waited_s > WAIT_S:
                break
            (pause_to_read if reading else pause)(waited_s)
        raise self._locked()

    def _locked(self) -> HeroError:
        return StoreUnavailableError(
            f"{self.address} was locked for {WAIT_S:.0f} s by another process",
            hint="end what holds it open, then try again",
        )

    def _nested(self) -> HeroError:
        return StoreError(
            f"{self.address}: a transaction is open here already",
            hint="do this after its with block, or without one of its own",
        )

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        """A connection for one call: the kept one, or one that is closed afterwards."""
        kept = self._kept
        if kept is None:
            with _shutting(self._connected("mode=rw")) as connection:
                self._ready(connection)
                yield connection
            return
        done = False
        try:
            connection = self._kept_connection(kept)
            yield connection
            done = True
        except BusyError:  # the next try may well go on with it
            done = kept.is_rolled_back()
            raise
        finally:
            if not done:  # whatever it had begun is rolled back
                kept.let_go()

    def _kept_connection(self, kept: _Kept) -> Connection:
        """The connection that is open, or a new one when another file is in the place of its."""
        try:
            stamp = _stamp(os.lstat(self._encoded))
        except OSError:
            raise BusyError from None  # it is gone again
        before, connection = kept.stamp, kept.connection
        if connection is not None and before == stamp:
            return connection
        if connection is not None and before is not None and before[:2] == stamp[:2]:
            kept.lock_again()
        else:
            kept.let_go()
            connection = kept.connection = self._connected("mode=rw")
            self._ready(connection)
            kept.version = None
        kept.changed, kept.is_prepared = stamp, False
        kept.openings += 1
        return connection

    def _notice(self, kept: _Kept, connection: Connection) -> None:
        """Make sure that SQLite has noticed, too, that somebody changed the file.

        It notices others' writes, and then forgets what it holds in memory of the file. But not
        that the file was copied over by one that was written as often: that would be mixed. A
        version that is not another one tells it.

        Raises:
            BusyError: It has not; the connection is thrown away.
        """
        ((version,),) = self.run(connection, "PRAGMA data_version")
        if version == kept.version:
            kept.let_go()
            raise BusyError
        kept.version, kept.stamp, kept.changed = version, kept.changed, None

    def _connected(self, mode: str) -> Connection:
        # rw: a file that has just been deleted is not made anew, empty and world-readable.
        if self.identity() in _ORPHANED:
            raise StoreError(
                f"{self.address} cannot be used: this process was forked inside a transaction",
                hint="fork before the transaction, or start a new process",
            )
        uri = f"{self.path.as_uri()}?{mode}"
        try:
            connection = sqlite3.connect(
                uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False
            )
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._explanation(error) from None
        connection.text_factory = self.form.text
        return connection

    def _ready(self, connection: Connection) -> None:
        """Set what lasts as long as the connection; none of it touches the file."""
        # On the connection, not in the file: a tool's own connection chooses for itself.
        self.run(connection, "PRAGMA synchronous = FULL")
        if self.form.secure_delete:
            self.run(connection, "PRAGMA secure_delete = ON")
        if self._kept is not None:
            self.run(connection, f"PRAGMA cache_size = -{CACHE_KIB}")
            self.run(connection, f"PRAGMA journal_size_limit = {JOURNAL_KEPT}")

    def run(
        self, connection: Connection, statement: str, parameters: tuple[object, ...] = ()
    ) -> Rows:
        """What one statement finds, its errors as ours."""
        # At the statement, so that the errors of a caller's own functions pass.
        try:
            return connection.execute(statement, parameters).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._explanation(error) from None

    def run_many(
        self, connection: Connection, statement: str, parameters: Iterable[tuple[object, ...]]
    ) -> None:
        """Run one statement for every row of parameters."""
        try:
            connection.executemany(statement, parameters).close()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._explanation(error) from None

    def part(
        self, connection: Connection, place: tuple[str, str, int], count: int
    ) -> tuple[int, bytes]:
        """How many bytes a text or a blob has, and the first of them; the rest is not read.

        Args:
            connection: Where a transaction is open.
            place: Table, column and row.
            count: How many bytes at most.
        """
        table, column, row = place
        try:
            with connection.blobopen(table, column, row, readonly=True) as blob:
                return len(blob), blob.read(count)
        except sqlite3.Error as error:
            raise self._explanation(error) from None

    def _verify(self, connection: Connection) -> None:
        """Raise unless the file is one of ours, of a version known here."""
        if (kept := self._kept) is not None and kept.changed and connection is kept.connection:
            self._notice(kept, connection)
        ((application_id,),) = self.run(connection, "PRAGMA application_id")
        if application_id != self.form.application_id:
            raise self.corrupt(f"is not {self.form.what} of hero-kernel")
        ((version,),) = self.run(connection, "PRAGMA user_version")
        if not isinstance(version, int) or version < 1:
            raise self.corrupt(f"has the unknown format {version}")
        if version > self.form.version:
            raise StoreError(
                f"{self.address} needs a newer hero-kernel: its format is {version}, "
                f"known here is {self.form.version}",
                hint="upgrade hero-kernel",
            )

    def identity(self) -> Identity | None:
        """Device and inode; None when there is no file.

        By lstat alone: opening and closing the file here would drop the locks that another thread
        of this process holds on it.
        """
        try:
            found = os.lstat(self._encoded)
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
                raise BusyError
            raise self.corrupt(f"is empty, which {self.form.what} never is")
        return found.st_dev, found.st_ino

    def make(self) -> Identity | None:
        """Make the file, complete at the instant it appears; whoever is first makes it."""
        import tempfile  # noqa: PLC0415  # a file is made once, and it brings compression along

        folder = self.path.parent
        try:
            self._make_folder()
            # mkstemp makes files of mode 0600
            handle, draft = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=folder)
            os.close(handle)
            try:
                self._draft(draft)
                with suppress(FileExistsError):
                    _place(draft, self.path)
            finally:
                Path(draft).unlink(missing_ok=True)
            files.sync_folder(folder)
        except OSError as error:
            raise self._refused(error) from None
        return self.identity()

    def _draft(self, path: str) -> None:
        # No journal beside the draft: it is thrown away unless it is whole.
        script = (
            f"PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; BEGIN;"
            f"PRAGMA application_id = {self.form.application_id};"
            f"PRAGMA user_version = {self.form.version};"
            f"{self._script()} COMMIT;"
        )
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                connection.executescript(script)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._explanation(error) from None

    def _explanation(self, error: Exception) -> Exception:  # noqa: PLR0911 - a table of causes
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
            return self._read_only()
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
            return self._refused(PermissionError(errno.EACCES, "permission denied"))
        if not os.access(self.path.parent, os.W_OK):
            return self._read_only()
        return StoreUnavailableError(
            f"{self.address} cannot be opened",
            hint="check its folder, and how many files this process has open",
        )

    def _refused(self, error: OSError) -> HeroError:
        """Our error for what the operating system said to the file or its folder."""
        if error.errno == errno.EROFS or (
            error.errno in (errno.EACCES, errno.EPERM) and not self.path.exists()
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

    def corrupt(self, what: str) -> CorruptRecordError:
        """The error for a file that is not as it should be."""
        return CorruptRecordError(
            f"{self.address} {what}",
            hint="it is left as it is; move it away and put a backup in its place",
        )


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
            raise self._file._nested()  # noqa: SLF001 - a part of the same file
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
        _OPEN[self._key] = self

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
            if waited_s > WAIT_S:
                raise self._file._locked()  # noqa: SLF001
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
            _OPEN.pop(self._key, None)
            self._key = None
        connection, self._connection = self._connection, None
        if connection is not None and not self._is_orphan:
            with TURN:
                _shut(connection)

    def orphan(self) -> None:
        """Give it up in a child that was forked inside it; see `_after_fork_in_child`."""
        self._is_orphan = True
        if self._identity is not None:
            _ORPHANED.add(self._identity)
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


def pause(waited_s: float) -> None:
    """Sleep before the next try for a lock."""
    import random  # noqa: PLC0415 - slow to import, and most find the file free

    # Often at first: a writer that writes without pause is away for 0.2 ms in every 1.5.
    pause_s = 0.001 if waited_s < 1 else 0.02
    time.sleep(random.uniform(0, pause_s))  # noqa: S311 - spreads the waiting, no secret


def pause_to_read(waited_s: float) -> None:
    """Sleep before the next try to read: what keeps readers out is the end of a commit, 0.1 ms."""
    if waited_s < COMMIT_END_S:
        time.sleep(0.0001)
    else:
        pause(waited_s)


def _shut(connection: Connection) -> None:
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
def _shutting(connection: Connection) -> Iterator[Connection]:
    try:
        yield connection
    finally:
        _shut(connection)


def _stamp(found: os.stat_result) -> Stamp:
    """What differs after any change to a file, but for one within the clock's tick."""
    return found.st_dev, found.st_ino, found.st_ctime_ns


def _is_settled(found: os.stat_result) -> bool:
    """Whether the file's next change is sure to leave another stamp."""
    is_fine = found.st_ctime_ns % 1_000_000 != 0 and os.name == "posix"
    return is_fine and time.time_ns() - found.st_ctime_ns > SETTLED_NS


_MODES = """
SELECT data_version, application_id, user_version, journal_mode
FROM pragma_data_version, pragma_application_id, pragma_user_version, pragma_journal_mode
"""
_SCHEMA = "SELECT name, rootpage, sql FROM sqlite_master"

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
