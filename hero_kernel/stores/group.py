"""Group commit: writers that wait hand their changes to the one who writes, which commits them all.

A commit waits for the disk several times, however much is in it. So a writer that finds another
at it puts its change into a file beside the database, its queue, and the other, the leader, makes
the change in its own transaction. SQLite's lock alone decides who leads, and only what SQLite has
committed is told: the queue is a means to be quick. It is never synced, holds nothing that counts
once its writers have ended, and may be deleted at any time.

Each change is made once and told truly, whoever is killed:

- A leader takes changes while it has SQLite's lock to write, and only of writers that are alive:
  each holds a lock on its slot of the queue, which the system drops when the process ends.
- The tokens of the changes are written in the transaction that makes them. The next leader looks
  there first, so that a change whose leader was killed before it told is told, not made again; a
  writer that nobody tells asks there as soon as it has the lock itself.
- A writer that gives up locks its slot against leaders before it takes its change back. If one has
  taken it already, it waits for what becomes of it.

The queue also holds the last commits' news: what each has changed, between which two stamps of the
file (see `stamps`). Whoever remembers what the file held at the first knows what it holds at the
second, and asks neither SQLite nor for a lock. What is known at the first counts on while the
commit waits for the disk: as long as the journal is the one that the leader has named. A leader
tells only of what lies between two stamps that its commit alone can have left: one seen under the
lock, and one after, when SQLite has counted no other commit. A commit by any other tool, or one
whose leader was killed, is a gap in the news, and the file is read.
"""

from __future__ import annotations

import os
import struct
import sys
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from hero_kernel.stores.interrupts import deferred

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from hero_kernel.stores.stamps import Stamp

IS_POSSIBLE = sys.platform == "linux" and hasattr(fcntl, "F_OFD_SETLK")
"""Whether there are locks of an open file, and sockets that the system names: on Linux."""

SLOTS = 16
"""How many writers may wait in a queue; more wait without one."""

MAX_CHANGE_BYTES = 4000
"""How large a change may be that is handed over; a larger one is made by its own writer."""

ALONE = -1
"""The answer that the change was not made, and that its writer shall make it."""

LOOK_S = 0.002
"""How long a writer waits before it looks whether anybody leads at all."""

GATHER_NS = 250_000
"""How long a leader waits for those who were in the last group: about what a commit takes."""

LEADER_S = 5.0
"""How long a writer that gives up waits for a leader that has its change."""

RECENT_NS = 5_000_000
"""How long after a group those who were in it are expected again."""

# The file: when a leader began, when the last group ended, and how many were in it; a token a
# slot of what is asked, a token a slot of what was answered; an answer a slot; the slots.
_CROWD = struct.Struct("=QQQ")
_TOKENS = struct.Struct(f"={SLOTS}Q")
_TOKEN = struct.Struct("=Q")
_ANSWER = struct.Struct("=QqI")  # token, answer and a checksum of both
_ASKED = struct.Struct("=QHHI")  # token, bytes of address and change, and a checksum of all
_ASKED_AT = 64
_ANSWERED_AT = _ASKED_AT + _TOKENS.size
_ANSWERS_AT = _ANSWERED_AT + _TOKENS.size
_HEAD_BYTES = _ANSWERS_AT
_SLOTS_AT = _SLOT_BYTES = 4096

# Behind the slots: what the last commits have changed, each at its place in turn; a checksum of
# what follows, bytes, number, stamps before and after.
_NEWS = struct.Struct("=IHQ6q")
_MADE = struct.Struct("=?H")  # whether it has changed anything, bytes
_NEWS_KEPT = 4
_NEWS_BYTES = 2048
_NEWS_AT = _SLOTS_AT + SLOTS * _SLOT_BYTES

_COMMITTING = struct.Struct("=I3qI")  # a checksum of what follows, the stamp before, the nonce
_COMMITTING_AT = _NEWS_AT + _NEWS_KEPT * _NEWS_BYTES
_NEWS_PLACES = range(0, _NEWS_KEPT * _NEWS_BYTES, _NEWS_BYTES)

_FLOCK = struct.Struct("hhqqi4x")  # type, from where, start, length, process: fcntl(2) of Linux


@dataclass(frozen=True, slots=True)
class Offer:
    """A change of another writer, taken.

    Attributes:
        slot: Where it waits.
        token: What it is known by; no two changes have the same.
        address: Its writer's socket.
        change: What it is, in the words of the file's owner.
    """

    slot: int
    token: int
    address: bytes
    change: bytes


class Queue:
    """The queue of one file; one thread at a time may wait in it.

    Attributes:
        identity: Its file's device and inode.
        is_waited_in: Whether a thread has it for itself.
        asks: Whether there is a change of this one's in it.

    Args:
        path: The queue's file.
        make: Whether it is made when it is not there.

    Raises:
        OSError: There is none to be had.
    """

    def __init__(self, path: bytes, *, make: bool) -> None:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if make else 0)
        # An object, not a number: closed by one thread, it is no other file for the next.
        self._file = open(  # noqa: SIM115 - closed by close()
            path, "r+b", buffering=0, opener=lambda name, _: os.open(name, flags, 0o600)
        )
        found = os.fstat(self._file.fileno())
        self.identity = found.st_dev, found.st_ino
        self.is_waited_in = False
        self.asks = False
        self._socket: socket.socket | None = None
        self._address = b""
        self._slot = -1
        self._token = 0

    def close(self) -> None:
        """Let go of it; also in the child of a fork, whose parent goes on with it."""
        self._file.close()
        if self._socket is not None:
            self._socket.close()

    # What a writer does that waits.

    def is_led(self) -> bool:
        """Whether a leader is at work, so that it is no use to try for the lock."""
        began: int = _CROWD.unpack(self._read(0, _CROWD.size))[0]
        return 0 <= time.monotonic_ns() - began < RECENT_NS

    def ask(self, change: bytes) -> bool:
        """Hand a change over; False when there is no room for it now."""
        if len(change) > MAX_CHANGE_BYTES or not self._has_slot():
            return False
        if not self._lock(fcntl.F_WRLCK, self._slot):
            return False  # a leader has still to tell of the change before
        self._lock(fcntl.F_RDLCK, self._slot)
        self._token = self._token % (2**64 - 1) + 1
        sizes = len(self._address), len(change)
        checksum = _checksum(self._token, self._address + change)
        asked = _ASKED.pack(self._token, *sizes, checksum) + self._address + change
        self._write(_SLOTS_AT + self._slot * _SLOT_BYTES, asked)
        # Only then: whoever sees the token finds the change.
        self._write(_ASKED_AT + self._slot * _TOKEN.size, _TOKEN.pack(self._token))
        self.asks = True
        return True

    def _has_slot(self) -> bool:
        if self._slot >= 0:
            return True
        for slot in range(SLOTS):
            if self._lock(fcntl.F_WRLCK, slot):
                break
        else:
            return False
        self._slot = slot
        self._token = int.from_bytes(os.urandom(8), "little")
        self._speaking()
        self._erase(slot)  # what one that was killed has left
        self._lock(fcntl.F_RDLCK, slot)
        return True

    def _speaking(self) -> socket.socket:
        if self._socket is None:
            import socket  # noqa: PLC0415 - slow to import, and most writers are alone

            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # The system's own timeout: one call less than Python's.
            timeout = struct.pack("@ll", int(LOOK_S), int(LOOK_S % 1 * 1e6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
            self._socket.bind("")  # a name of the system's: no file, and gone with the process
            self._address = self._socket.getsockname()
        return self._socket

    def wait(self) -> int | None:
        """The answer, if there is one within `LOOK_S`; None also when it is our turn to lead."""
        with suppress(BlockingIOError):  # the time is over
            self._speaking().recv(1)
        return self.answer()

    def answer(self) -> int | None:
        """What a leader has told about the change that was asked; None when nothing."""
        at = _ANSWERS_AT + self._slot * _ANSWER.size
        token, answer, checksum = _ANSWER.unpack(self._read(at, _ANSWER.size))
        if token != self._token or checksum != _checksum(token, b"%d" % answer):
            return None
        return answer  # type: ignore[no-any-return]

    @property
    def token(self) -> int:
        """The token of the change that was asked last."""
        return self._token

    def clear(self) -> None:
        """Take the change back; by whoever has SQLite's lock, or an answer."""
        self.asks = False
        self._erase(self._slot)

    def _erase(self, slot: int) -> None:
        self._write(_ASKED_AT + slot * _TOKEN.size, bytes(_TOKEN.size))
        at = _SLOTS_AT + slot * _SLOT_BYTES
        _, address, change, _ = _ASKED.unpack(self._read(at, _ASKED.size))
        self._write(at, bytes(min(_ASKED.size + address + change, _SLOT_BYTES)))

    def withdraw(self) -> bool:
        """Take the change back, unless a leader has taken it: False then."""
        if not self._lock(fcntl.F_WRLCK, self._slot):
            return False
        self.clear()
        self._lock(fcntl.F_RDLCK, self._slot)
        return True

    def give_up(self) -> int | None:
        """Take back what is asked, over any more interrupts; the answer, if a leader has given it.

        Where one has taken it, its end is waited for, which comes within moments, unless it is
        stopped: then what it has taken is unknown.
        """
        is_done = False
        try:
            with deferred():
                answer = self._given_up()
                is_done = True
        except KeyboardInterrupt:
            if not is_done:  # it came before they were deferred
                with deferred():
                    self._given_up()
            raise
        return answer

    def _given_up(self) -> int | None:
        answer: int | None = None
        with suppress(OSError, ValueError):
            patience = time.monotonic() + LEADER_S
            while (answer := self.answer()) is None and not self.withdraw():
                if time.monotonic() > patience:
                    break
                time.sleep(0.001)
            if answer is not None:
                self.clear()
        self.is_waited_in = False
        return answer

    # What a leader does.

    def gather(self) -> Iterator[Offer] | None:
        """Take what is asked, as it comes; those who were in the last group are waited for.

        For whoever has SQLite's lock to write. Their writers wait until `tell` or `release`; what
        is not None, even nothing, wants a `tell` with a crowd.
        """
        now = time.monotonic_ns()
        (_, ended, crowd), waiting = self._head()
        expected = crowd - 1 if 0 <= now - ended < RECENT_NS else 0
        if not waiting and expected <= 0:
            return None
        self._write(0, _TOKEN.pack(now))
        return self._coming(waiting, expected, now + GATHER_NS)

    def _coming(self, waiting: list[int], expected: int, until_ns: int) -> Iterator[Offer]:
        seen: set[int] = set()
        while True:
            for slot in waiting:
                if slot not in seen and (offer := self._taken(slot)) is not None:
                    yield offer
            seen.update(waiting)
            if len(seen) >= expected or time.monotonic_ns() > until_ns:
                return
            os.sched_yield()
            _, waiting = self._head()

    def _head(self) -> tuple[tuple[int, ...], list[int]]:
        """What is known of the last group, and the slots where something is asked."""
        head = self._read(0, _HEAD_BYTES)
        asked = _TOKENS.unpack_from(head, _ASKED_AT)
        if not any(asked):
            return _CROWD.unpack_from(head), []
        answered = _TOKENS.unpack_from(head, _ANSWERED_AT)
        waiting = [
            slot
            for slot, token in enumerate(asked)
            if token and token != answered[slot] and slot != self._slot
        ]
        return _CROWD.unpack_from(head), waiting

    def _taken(self, slot: int) -> Offer | None:
        held = _FLOCK.pack(fcntl.F_WRLCK, 0, slot, 1, 0)
        held = fcntl.fcntl(self._file.fileno(), fcntl.F_OFD_GETLK, held)
        if _FLOCK.unpack(held)[0] == fcntl.F_UNLCK:
            self._erase(slot)  # its writer has ended
            return None
        if not self._lock(fcntl.F_RDLCK, slot):
            return None  # its writer is taking it back
        found = self._read(_SLOTS_AT + slot * _SLOT_BYTES, _SLOT_BYTES)
        token, address, change, checksum = _ASKED.unpack_from(found)
        said = found[_ASKED.size : _ASKED.size + address + change]
        if not token or checksum != _checksum(token, said):
            self._lock(fcntl.F_UNLCK, slot)
            return None
        return Offer(slot, token, said[:address], said[address:])

    def tell(self, answers: Sequence[tuple[Offer, int]], *, crowd: int = 0) -> None:
        """Give each its answer, and let it go on.

        With a crowd, how many were in the group, it is the end of the lead; one that has asked
        meanwhile is woken to lead the next.
        """
        others: list[bytes] = []
        for offer, answer in answers:
            checksum = _checksum(offer.token, b"%d" % answer)
            at = _ANSWERS_AT + offer.slot * _ANSWER.size
            self._write(at, _ANSWER.pack(offer.token, answer, checksum))
            self._write(_ANSWERED_AT + offer.slot * _TOKEN.size, _TOKEN.pack(offer.token))
        if crowd:
            # Before anybody is woken, who may lead before this one goes on.
            self._write(0, _CROWD.pack(0, time.monotonic_ns(), crowd))
            others = [self._address_of(slot) for slot in self._head()[1][:1]]
        self.release([offer for offer, _ in answers])
        for address in [offer.address for offer, _ in answers] + others:
            self._wake(address)

    def release(self, offers: Sequence[Offer]) -> None:
        """Let the writers of what was taken take it back."""
        for offer in offers:
            self._lock(fcntl.F_UNLCK, offer.slot)

    def publish(self, before: Stamp, after: Stamp, made: Sequence[tuple[bytes, bool]]) -> None:
        """Let others know what a commit has changed, unless it is too much.

        Args:
            before: The file's stamp when nobody else could write any more.
            after: The one that this commit has left, and no other.
            made: The changes, and whether each has changed anything.
        """
        said = b"".join(_MADE.pack(has, len(change)) + change for change, has in made)
        if _NEWS.size + len(said) > _NEWS_BYTES:
            return
        area = self._read(_NEWS_AT, _NEWS_KEPT * _NEWS_BYTES)
        number = 1 + max(_NEWS.unpack_from(area, at)[2] % 2**63 for at in _NEWS_PLACES)
        head = _NEWS.pack(0, len(said), number, *before, *after)[4:]
        at = _NEWS_AT + number % _NEWS_KEPT * _NEWS_BYTES
        self._write(at, zlib.crc32(head + said).to_bytes(4, sys.byteorder) + head + said)

    def commit_begins(self, before: Stamp, nonce: int) -> None:
        """Let others know from which stamp a commit goes on, and by which nonce it is known."""
        said = _COMMITTING.pack(0, *before, nonce)[4:]
        self._write(_COMMITTING_AT, zlib.crc32(said).to_bytes(4, sys.byteorder) + said)

    def last_begun(self) -> tuple[Stamp, int] | None:
        """The stamp and the nonce that the last commit went on from, and is known by."""
        found = self._read(_COMMITTING_AT, _COMMITTING.size)
        checksum, device, inode, changed, nonce = _COMMITTING.unpack(found)
        if checksum != zlib.crc32(found[4:]):  # it is being written
            return None
        return (device, inode, changed), nonce

    def news(self, since: Stamp, until: Stamp) -> list[tuple[bytes, bool]] | None:
        """What was changed between two stamps, as `publish` was told; None when it is not known."""
        area = self._read(_NEWS_AT, _NEWS_KEPT * _NEWS_BYTES)
        places = {_NEWS.unpack_from(area, at)[3:6]: at for at in _NEWS_PLACES}
        found: list[tuple[bytes, bool]] = []
        while since != until:
            at = places.pop(since, -1)
            if at < 0:
                return None
            checksum, length, _, *stamps = _NEWS.unpack_from(area, at)
            end = at + _NEWS.size + length
            if zlib.crc32(area[at + 4 : end]) != checksum:  # it is being written
                return None
            since = stamps[3], stamps[4], stamps[5]
            at += _NEWS.size
            while at < end:
                has, length = _MADE.unpack_from(area, at)
                at += _MADE.size
                found.append((area[at : at + length], has))
                at += length
        return found

    def _address_of(self, slot: int) -> bytes:
        found = self._read(_SLOTS_AT + slot * _SLOT_BYTES, _ASKED.size + 128)
        return found[_ASKED.size : _ASKED.size + _ASKED.unpack_from(found)[1]]

    def _wake(self, address: bytes) -> None:
        import socket  # noqa: PLC0415 - as above

        with suppress(OSError):  # it has ended, or it looks by itself a little later
            self._speaking().sendto(b"", socket.MSG_DONTWAIT, address)

    def _lock(self, kind: int, slot: int) -> bool:
        """Lock a slot, or unlock it; False when somebody else is in the way."""
        try:
            fcntl.fcntl(self._file.fileno(), fcntl.F_OFD_SETLK, _FLOCK.pack(kind, 0, slot, 1, 0))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _read(self, at: int, count: int) -> bytes:
        return os.pread(self._file.fileno(), count, at).ljust(count, b"\0")

    def _write(self, at: int, data: bytes) -> None:
        os.pwrite(self._file.fileno(), data, at)


def _checksum(token: int, data: bytes) -> int:
    return zlib.crc32(data, token & 0xFFFFFFFF) ^ (token >> 32)
