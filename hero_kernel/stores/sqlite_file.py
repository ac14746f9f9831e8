"""An SQLite file of ours: opened, read, written, and waited for."""

from __future__ import annotations

import os
import sqlite3
import struct
import time
import weakref
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from hero_kernel import files
from hero_kernel.errors import CorruptRecordError, HeroError, StoreError
from hero_kernel.stores import patience
from hero_kernel.stores.faults import BusyError, Faults
from hero_kernel.stores.group import ALONE, IS_POSSIBLE
from hero_kernel.stores.interrupts import deferred
from hero_kernel.stores.journals import nonce_of
from hero_kernel.stores.kept import (
    KEPT,
    OPEN,
    ORPHANED,
    Connection,
    Identity,
    Kept,
    Rows,
    shutting,
)
from hero_kernel.stores.leading import led, made_already
from hero_kernel.stores.making import Form, identity_of, make, make_with_parents
from hero_kernel.stores.patience import pause, pause_to_read
from hero_kernel.stores.stamps import are_exact, is_settled, stamp_of
from hero_kernel.stores.transactions import Transaction
from hero_kernel.stores.turns import TURN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hero_kernel.stores.group import Queue
    from hero_kernel.stores.leading import Group
    from hero_kernel.stores.stamps import Stamp

__all__ = ["Connection", "Form", "Rows", "SqliteFile", "Transaction"]

T = TypeVar("T")

Take: TypeAlias = "Callable[[SqliteFile, Connection, Iterator[bytes]], Iterator[int]]"

COMMIT_S = 0.05
"""How long a commit waits for readers to end, and keeps new ones out meanwhile.

We wait in Python: SQLite's own waiting sleeps ever longer, so that a reader beside a busy writer
was seen to wait for 0.3 s.
"""

READER_S = 0.0005
"""How long a read takes at most, but for a large one."""

READS_BEFORE_UNLOCKED = 32
"""Reads in a row, none of them a write's, after which a settled file is read without locks."""

CACHE_KIB = 16 * 1024
"""How much of a file a kept connection may hold in memory."""

WRITES_UNTIL_A_LOOK = 8
"""How many writes there are between two looks whether somebody has made a queue to wait in."""

JOURNAL_KEPT = 1024 * 1024
"""Bytes of a persistent journal that are left for the next transaction."""


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
    see `group`. Its queue is a file beside this one, with "-queue" after its name. Who keeps what
    was read, by the stamp that `stamped_rows` gives, learns there what commits have changed since:
    the `news`, where stamps are exact.

    What goes before is in rooms of its own: `making`, `kept`, `transactions`; the other side of a
    commit for several in `leading`.

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
        self._make_folder = make_folder or partial(make_with_parents, self.path.parent)
        self._exact: tuple[int | None, bool] = None, False
        self._kept = Kept() if keep else None
        self._encoded = os.fsencode(self.path)
        self._queue_path = self._encoded + b"-queue"
        self.faults = Faults(self.path, form.what)
        if self._kept is not None:
            KEPT.add(self._kept)
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

        None for a file that is not there, and for one whose stamp the next change may leave as it
        is: one that was changed just now, unless stamps are exact where it is; see `stamps`. What
        is read after the stamp was taken is what the file holds for as long as it has that stamp.
        """
        try:
            found = os.lstat(self._encoded)
        except OSError:
            return None
        is_sure = self._stamps_are_exact(found.st_dev) or is_settled(found)
        return stamp_of(found) if is_sure else None

    def _stamps_are_exact(self, device: int) -> bool:
        """Whether they are where the file is, which is tried once."""
        tried_on, are = self._exact
        if tried_on != device:
            are = are_exact(self.path.parent, device)
            self._exact = device, are
        return are

    def stamped_rows(
        self, stamp: Stamp | None, statement: str, parameters: tuple[object, ...] = ()
    ) -> tuple[Rows, Stamp | None]:
        """As `rows`; and a stamp by which what is found may be kept.

        There is none in a transaction, nor of a file that some tool has set to WAL: what is
        written to one is in another file at first, and its own stamp stays.

        Args:
            stamp: The `settled_stamp`.
            statement: What is to be found.
            parameters: What stands for the question marks in it.
        """
        kept = self._kept
        if stamp is None or kept is None or self.transaction_here() is not None:
            return self.rows(statement, parameters), None
        if kept.unlocked is not None:
            return self.rows(statement, parameters), stamp

        def work(connection: Connection) -> tuple[Rows, Stamp]:
            # Under the lock: before, it may be one that a commit leaves when half of it is done.
            rows, opened = self.run(connection, statement, parameters), kept.stamp
            return rows, self._stamp_of(opened[:2] if opened else None)

        nothing: tuple[Rows, Stamp] = [], stamp
        rows, found = self.read(work, absent=nothing)
        is_sure = found == stamp or self._stamps_are_exact(found[0])
        return rows, found if is_sure and not kept.is_wal else None

    def rows(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows:
        """What one statement finds, in the open transaction if there is one; [] without a file."""
        if OPEN and (transaction := OPEN.get((self.address, get_ident()))) is not None:
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

    def _again(self, kept: Kept, statement: str, parameters: tuple[object, ...]) -> Rows:
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
                    if connection is not None and stamp_of(os.lstat(self._encoded)) == kept.stamp:
                        rows = connection.execute(statement, parameters).fetchall()
                        kept.reads += 1
                        if kept.reads >= READS_BEFORE_UNLOCKED:
                            self._settle(kept, connection)
                        return rows
            except (sqlite3.Error, UnicodeDecodeError, OSError, BusyError):
                pass  # it is tried once more, patiently, and explained
        return self.read(lambda connection: self.run(connection, statement, parameters), absent=[])

    def rows_now(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows | None:
        """What one statement finds, read at once; None when that takes waiting, or no file is."""
        try:
            with TURN, deferred():
                return self._read_once(lambda one: self.run(one, statement, parameters), None)
        except BusyError:
            return None

    def _settle(self, kept: Kept, connection: Connection) -> None:
        """Open the file without locks, if it has not changed for a while."""
        kept.reads = 0
        if kept.is_wal or not is_settled(os.lstat(self._encoded)):
            return
        with deferred():
            try:
                # Under the lock nobody writes, and a journal that a killed writer left is done.
                connection.execute("BEGIN").fetchall()
                connection.execute("SELECT 1 FROM sqlite_master").fetchall()
                found = os.lstat(self._encoded)
                if is_settled(found) and stamp_of(found) == kept.stamp:
                    unlocked = kept.unlocked = self._connected("immutable=1")
                    unlocked.execute(f"PRAGMA cache_size = -{CACHE_KIB}").fetchall()
                    unlocked.execute("SELECT 1 FROM sqlite_master").fetchall()
            finally:
                connection.execute("ROLLBACK").fetchall()

    def read(self, work: Callable[[Connection], T], *, absent: T) -> T:
        """What `work` finds in one transaction; `absent` when there is no file."""
        if (transaction := self.transaction_here()) is not None:
            return transaction.do(work)

        return self.patiently(lambda: self._read_once(work, absent), reading=True)

    def _read_once(self, work: Callable[[Connection], T], absent: T) -> T:
        if self.identity() is None:
            return absent
        with self._lent() as connection:
            self.run(connection, "BEGIN")
            self._verify(connection)
            result = work(connection)
            self.run(connection, "ROLLBACK")
        return result

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
        made: Callable[[int], bytes | None] | None = None,
        wrote: Callable[[Stamp, Stamp, int], object] | None = None,
        absent: int | None = None,
    ) -> int:
        """As `write`, or by another writer, if one has the lock: in its transaction, with its own.

        Either way the change is committed when this returns, in the order of this one's calls.

        Args:
            work: Makes the change; what it returns is no less than zero.
            change: The same for the `take` of whoever has the lock; None when it must not be.
            made: What `work` has done, by its answer, for the `news` of others: a change, or b""
                for none; None when it is too large. Without, there are no news of it.
            wrote: Told the two stamps of a commit in which was only what `work` did, and its
                answer; where stamps are exact. What was known at the first holds at the second.
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
                    return self._written(work, absent, made=made, wrote=wrote)
            with TURN, deferred():
                queue = self._asked(kept, change)
            while (waited_s := time.monotonic() - started) <= patience.WAIT_S:
                if queue is None or not queue.asks:
                    pause(waited_s)
                elif (answer := queue.wait()) == ALONE:
                    queue.clear()
                elif answer is not None:
                    return answer
                with suppress(BusyError), TURN, deferred():
                    return self._written(work, absent, queue, made, wrote)
        finally:
            if queue is not None:
                answer = queue.give_up()
        if answer is not None and answer != ALONE:
            return answer
        raise self.faults.locked()

    def _asked(self, kept: Kept, change: Callable[[], bytes | None]) -> Queue | None:
        """The queue where the change is handed over; None when it is not."""
        kept.look_for_queue(self._queue_path, make=True)
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

    def _written(
        self,
        work: Callable[[Connection], T],
        absent: T | None,
        asked: Queue | None = None,
        made: Callable[[T], bytes | None] | None = None,
        wrote: Callable[[Stamp, Stamp, T], object] | None = None,
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
                answer = made_already(connection, asked, self.faults)
                if answer is not None:
                    self.run(connection, "ROLLBACK")
                    return answer  # type: ignore[return-value]  # what `hand` is for returns int
                asked.clear()
            # Nobody else writes now: what this one leaves is this, and what it has changed.
            before = self._stamp_before(identity) if made is not None or wrote is not None else None
            result = work(connection)
            if kept is not None:
                group = self._group(kept, connection)
                self._begin_commit(kept.queue, before)
            stamp = self._committed(connection, identity, group)
        if kept is not None:
            kept.lock_again()
            kept.stamp = stamp
            if before is not None and self._is_last_commit(kept):
                if group is not None and made is not None:
                    self._publish(group, (before, stamp), made(result))
                elif group is None and wrote is not None:
                    wrote(before, stamp, result)
        if group is not None:
            group.tell()
        return result

    def _committed(
        self, connection: Connection, identity: Identity | None, group: Group | None
    ) -> Stamp:
        """The stamp of the file when the transaction was committed; else its group learns of it."""
        try:
            self._commit(connection)
            return self._stamp_of(identity)
        except BaseException as error:
            if group is not None:
                group.fail(will_try_again=isinstance(error, BusyError))
            raise

    def _stamp_before(self, identity: Identity | None) -> Stamp | None:
        """The stamp that a transaction begins from; None where stamps are not exact."""
        if identity is None or not self._stamps_are_exact(identity[0]):
            return None
        return self._stamp_of(identity)

    def _is_last_commit(self, kept: Kept) -> bool:
        """Whether nobody else had committed since when the stamp after it was taken."""
        with suppress(sqlite3.Error):
            if kept.connection is not None:
                ((version,),) = kept.connection.execute("PRAGMA data_version").fetchall()
                return bool(version == kept.version)
        return False

    def _begin_commit(self, queue: Queue | None, before: Stamp | None) -> None:
        """Name the transaction that is about to be committed, where anybody might ask."""
        if queue is None or before is None:
            return
        if nonce := nonce_of(self._encoded, is_hot=False):
            with suppress(OSError, ValueError):
                queue.commit_begins(before, nonce)

    def stamp_before_commit(self) -> Stamp | None:
        """The stamp that a commit goes on from which has not ended; None without one, 8 µs.

        Its pages may be in the file, and it waits for the disk; if it ends now it is undone. So
        what the file held at this stamp is what is committed in it.
        """
        kept, begun = self._kept, None
        if kept is None:
            return None
        with TURN, suppress(OSError, ValueError):
            if kept.queue is not None:
                begun = kept.queue.last_begun()
        if begun is None or begun[1] != nonce_of(self._encoded, is_hot=True):
            return None
        return begun[0]

    def _publish(self, group: Group, stamps: tuple[Stamp, Stamp], own: bytes | None) -> None:
        """Let readers know what was committed."""
        if own is None:
            return
        with suppress(OSError, ValueError):
            mine = [(own, True)] if own else []
            group.queue.publish(*stamps, mine + group.news())

    def news(self, since: Stamp, until: Stamp) -> list[tuple[bytes, bool]] | None:
        """What was changed between two of the `settled_stamp`s, in its order; 5 µs.

        The changes that were handed over, or `made`, with whether they have changed anything.
        None when that is not known: nobody has to tell.
        """
        kept = self._kept
        if kept is None or self._take is None:
            return None
        with TURN:
            found = None
            if kept.queue is not None:
                with suppress(OSError, ValueError, struct.error):
                    found = kept.queue.news(since, until)
            if found is None:
                kept.unknown += 1
                if kept.unknown % WRITES_UNTIL_A_LOOK == 0:
                    kept.look_for_queue(self._queue_path, make=False)
        return found

    def _stamp_of(self, identity: Identity | None) -> Stamp:
        """The file's stamp; BusyError when it was moved or deleted, and our change with it."""
        try:
            stamp = stamp_of(os.lstat(self._encoded))
        except FileNotFoundError:
            raise BusyError from None
        except OSError as error:
            raise self.faults.refused(error) from None
        if stamp[:2] != identity:
            raise BusyError
        return stamp

    def _group(self, kept: Kept, connection: Connection) -> Group | None:
        """Make the changes of those who wait, in the open transaction; None when nobody does."""
        kept.writes += 1
        if kept.writes % WRITES_UNTIL_A_LOOK == 0:
            kept.look_for_queue(self._queue_path, make=False)
        queue, take = kept.queue, self._take
        if queue is None or take is None:
            return None
        try:
            group = led(connection, queue, partial(take, self, connection), self.faults)
        except (OSError, ValueError):
            kept.leave()
            return None
        if group is not None and group.has_made_table:
            kept.state = None  # the schema is another one
        return group

    def transaction(self, result: T) -> Transaction[T]:
        """A transaction over a `with` block, which is given `result`."""
        return Transaction(self, result)

    def transaction_here(self) -> Transaction[Any] | None:
        """The transaction that is open on this file in this thread."""
        return OPEN.get((self.address, get_ident()))

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

    def _begun(self, kept: Kept, identity: Identity | None) -> Connection:
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

    def _goes_on(self, kept: Kept, identity: Identity | None) -> bool:
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
            found = stamp_of(os.lstat(self._encoded))  # nobody else writes now
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
                kept.is_prepared, kept.is_wal = True, False
        self.run(connection, f"BEGIN {lock}")

    def _commit(self, connection: Connection) -> None:
        """Commit, and wait a little where readers are in the way."""
        try:
            self.run(connection, "COMMIT")
        except BusyError:
            self._commit_after_readers(connection)

    def _commit_after_readers(self, connection: Connection) -> None:
        """Commit as soon as those who read have ended; new ones are kept out meanwhile."""
        started = time.monotonic()
        while True:
            waited_s = time.monotonic() - started
            # A reader is at it for 0.01 ms: SQLite's own waiting would sleep for a hundred times.
            time.sleep(0 if waited_s < READER_S else READER_S)
            try:
                self.run(connection, "COMMIT")
            except BusyError:
                if waited_s > COMMIT_S:
                    raise
            else:
                return

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
            raise self.faults.nested()

        def attempt() -> None:
            if self.identity() is None:
                return
            if self._kept is not None:
                self._kept.let_go()
            with shutting(self._connected("mode=rw")) as connection:
                self._begin(connection, "EXCLUSIVE")
                try:
                    work()
                except FileExistsError:
                    raise
                except PermissionError:
                    raise self.faults.read_only() from None
                except OSError as error:
                    raise self.faults.refused(error) from None

        self.patiently(attempt)

    def copy(self, target: Path) -> None:
        """Write what is committed, of one moment and without what was deleted, into an empty file.

        Others may read and write meanwhile.
        """
        if self.transaction_here() is not None:
            raise self.faults.nested()

        def attempt() -> None:
            if self.identity() is None:
                return
            with shutting(self._connected("mode=rw")) as connection:
                self._ready(connection)
                self._verify(connection)
                self.run(connection, "VACUUM INTO ?", (str(target),))
            with target.open("rb") as file:
                os.fsync(file.fileno())

        self.patiently(attempt)

    def vacuum(self) -> None:
        """Write the file anew, without what was deleted, empty its journal, delete its queue."""
        if self.transaction_here() is not None:
            raise self.faults.nested()

        def attempt() -> None:
            if self.identity() is None:
                return
            if self._kept is not None:
                self._kept.let_go()
            with shutting(self._connected("mode=rw")) as connection:
                self._ready(connection)
                self._verify(connection)
                self.run(connection, "PRAGMA journal_mode = truncate")
                self.run(connection, f"PRAGMA busy_timeout = {COMMIT_S * 1000:.0f}")
                self.run(connection, "VACUUM")
            with suppress(OSError):  # there is none, mostly; in it is what killed writers asked
                self.path.with_name(f"{self.path.name}-queue").unlink()

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
            if waited_s > patience.WAIT_S:
                break
            (pause_to_read if reading else pause)(waited_s)
        raise self.faults.locked()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        """A connection for one call: the kept one, or one that is closed afterwards."""
        kept = self._kept
        if kept is None:
            with shutting(self._connected("mode=rw")) as connection:
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

    def _kept_connection(self, kept: Kept) -> Connection:
        """The connection that is open, or a new one when another file is in the place of its."""
        try:
            stamp = stamp_of(os.lstat(self._encoded))
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

    def _notice(self, kept: Kept, connection: Connection) -> None:
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
        ((mode,),) = self.run(connection, "PRAGMA journal_mode")
        kept.is_wal = mode in ("wal", b"wal")
        kept.version, kept.stamp, kept.changed = version, kept.changed, None

    def _connected(self, mode: str) -> Connection:
        # rw: a file that has just been deleted is not made anew, empty and world-readable.
        if self.identity() in ORPHANED:
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
            raise self.faults.explanation(error) from None
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
            raise self.faults.explanation(error) from None

    def run_many(
        self, connection: Connection, statement: str, parameters: Iterable[tuple[object, ...]]
    ) -> None:
        """Run one statement for every row of parameters."""
        try:
            connection.executemany(statement, parameters).close()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self.faults.explanation(error) from None

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
            raise self.faults.explanation(error) from None

    def _verify(self, connection: Connection) -> None:
        """Raise unless the file is one of ours, of a version known here."""
        if (kept := self._kept) is not None and kept.changed and connection is kept.connection:
            self._notice(kept, connection)
        ((application_id,),) = self.run(connection, "PRAGMA application_id")
        if application_id != self.form.application_id:
            raise self.faults.corrupt(f"is not {self.form.what} of hero-kernel")
        ((version,),) = self.run(connection, "PRAGMA user_version")
        if not isinstance(version, int) or version < 1:
            raise self.faults.corrupt(f"has the unknown format {version}")
        if version > self.form.version:
            raise StoreError(
                f"{self.address} needs a newer hero-kernel: its format is {version}, "
                f"known here is {self.form.version}",
                hint="upgrade hero-kernel",
            )

    def identity(self) -> Identity | None:
        """Device and inode; None when there is no file."""
        return identity_of(self._encoded, self.faults)

    def make(self) -> Identity | None:
        """Make the file, complete at the instant it appears; whoever is first makes it."""
        make(self.path, self.faults, self.form, self._script, self._make_folder)
        return self.identity()

    def corrupt(self, what: str) -> CorruptRecordError:
        """The error for a file that is not as it should be."""
        return self.faults.corrupt(what)


_MODES = """
SELECT data_version, application_id, user_version, journal_mode
FROM pragma_data_version, pragma_application_id, pragma_user_version, pragma_journal_mode
"""
_SCHEMA = "SELECT name, rootpage, sql FROM sqlite_master"
