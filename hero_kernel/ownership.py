"""Ownership: who is on a session, when it ended, and which ones nobody is on any more."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING

from hero_kernel import leases, sessions, times
from hero_kernel.errors import (
    BadNameError,
    HeroError,
    OurTimeError,
    SessionError,
    SessionHeldError,
    SessionNotFoundError,
    StoreError,
)
from hero_kernel.leases import Lease
from hero_kernel.names import folded
from hero_kernel.sessions import PREFIX, Session, database

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from hero_kernel.contexts import Context
    from hero_kernel.sessions import SessionConfig
    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime

LOOK_S = 1.0
"""How often at most a holder looks, when it is used, whether it was told something."""

JOIN_S = 1.0
"""How long leaving waits for the heartbeat's thread, which may be waiting for the store."""

OLDER = "30d"
"""How long ago a session was touched last that counts as stale."""


class Hold:
    """This process on a session: its lease, and the thread that keeps it fresh.

    The thread is a daemon, says nothing and raises nothing; when the store is away it tries again
    at the next heartbeat. A child made by a fork does not hold what its parent holds.

    Attributes:
        session: The session; set it anew for another object of the same one, whose rename is
            followed then.
        lease: As it was taken.
    """

    def __init__(
        self,
        session: Session,
        label: str,
        *,
        kernel: str = "",
        takeover: bool = False,
        beat_s: float = leases.HEARTBEAT_S,
    ) -> None:
        """Take a lease on a session, beside others or in their place, and keep it fresh.

        An end of the session's is taken back, and leases that are free are dropped. While the store
        can be read and not written, the thread goes on trying.

        Args:
            session: Which.
            label: What people know the holder by: the notebook's path, or "console".
            kernel: The kernel's id.
            takeover: Whether the others are told to leave.
            beat_s: Seconds between two heartbeats.

        Raises:
            SessionNotFoundError: It was deleted or renamed.
            StoreError: The others cannot be told to leave.
        """
        self.session = session
        here, now = leases.this_process(), str(session.context.host.now())
        self.lease = Lease(
            session.name,
            os.urandom(8).hex(),
            host=here.host,
            pid=here.pid,
            machine=here.machine,
            born=here.born,
            kernel=kernel,
            label=label,
            started=now,
            heartbeat=now,
        )
        self._pid = os.getpid()
        self._lock = Lock()
        self._taken_by = ""
        self._came: list[Lease] = []
        self._next_look_s = monotonic() + LOOK_S
        self._beat_s = beat_s
        self._left = Event()
        self._known: set[str] = set()
        try:
            self._arrive(takeover=takeover)
        except StoreError:
            if takeover:
                self._drop()
                raise
        self._thread = Thread(target=self._work, name="hero heartbeat", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<Hold on {self.session.guid}>"

    @property
    def is_here(self) -> bool:
        """Whether it is held still, and by this process: not by the one it was forked from."""
        return self._pid == os.getpid() and not self._left.is_set()

    @property
    def is_taken_over(self) -> bool:
        """Whether another holder has told this one to leave, as far as it has heard."""
        return bool(self._taken_by)

    def check(self) -> None:
        """Make sure that the session was not taken over; looks at most once a second.

        Raises:
            SessionHeldError: It was, until somebody takes a new lease.
        """
        if monotonic() >= self._next_look_s and self.is_here and self._lock.acquire(blocking=False):
            try:
                store, number = self._place
                self._heed(leases.get(store, number, self._key))
            except HeroError:
                pass  # whoever goes on to use the session is told the same by it
            finally:
                self._next_look_s = monotonic() + LOOK_S
                self._lock.release()
        if self._taken_by:
            name = self.session.name
            raise SessionHeldError(
                f"session {name} was taken over by {self._taken_by}",
                hint=f"%hero_session use {name} --share goes on beside it, --fork copies it",
            )

    def came(self) -> list[Lease]:
        """Who came onto the session since this was asked last, and is on it still."""
        if not self._came or not self.is_here or not self._lock.acquire(blocking=False):
            return []  # while the thread is at work it is told the next time
        came, self._came = self._came, []
        self._lock.release()
        with suppress(HeroError):
            still = {one.holder for one in self.others()}
            return [one for one in came if one.holder in still]
        return []

    def others(self) -> list[Lease]:
        """Who else is on the session now."""
        return holders(self.session, but=self.lease.holder)

    def leave(self, *, ends: bool) -> None:
        """Give the lease back; the store being away loses only that.

        Args:
            ends: Whether the session ends, if nobody else is on it.
        """
        if not self.is_here:
            return
        self._left.set()
        if self._thread is not current_thread():
            self._thread.join(JOIN_S)
        with suppress(HeroError):
            store, number = self._place
            store.delete(number, self._key)
            if ends and not self._taken_by:
                _end(self.session, str(self.session.context.host.now()))

    @property
    def _place(self) -> tuple[Store, int]:
        context = self.session.context
        return context.host.store, context.id

    @property
    def _key(self) -> str:
        return replace(self.lease, session=self.session.name).key

    def _arrive(self, *, takeover: bool) -> None:
        """Take the lease for the first time; who is met here is known, and no news later."""
        self._put()
        live, _ = _settle(self.session.context, self.session.name)
        others = [one for one in live.get(self.session.name, []) if one.holder != self.lease.holder]
        if takeover:
            self._dismiss(others)
        else:
            self._tell(others)
        self._known = {one.holder for one in others}

    def _put(self) -> None:
        """Write the lease, then take back an end; in this order, see `_end`."""
        store, number = self._place
        lease = replace(self.lease, heartbeat=str(self.session.context.host.now()))
        store.put(number, self._key, lease.text())
        try:
            self.session.reopen()
        except HeroError:
            self._drop()
            raise

    def _drop(self) -> None:
        store, number = self._place
        with suppress(HeroError):
            store.delete(number, self._key)

    def _dismiss(self, others: list[Lease]) -> None:
        """Tell the others to leave; they read it at their next look."""
        store, number = self._place
        for other in others:
            leases.change(store, number, other.key, taken_by=self.lease.who)

    def _tell(self, others: list[Lease]) -> None:
        """Let the others know who came; they read it at their next look."""
        store, number = self._place
        own = {name: getattr(self.lease, name) for name in ("label", "pid", "host", "started")}
        for other in others:
            with suppress(HeroError):
                leases.change(store, number, other.key, came={self.lease.holder: own})

    def _heed(self, lease: Lease | None) -> None:
        """Take in what the lease's record says; a lost one is made anew while the session is."""
        store, number = self._place
        if self._left.is_set():
            return
        if lease is None:
            self._come_back()
            return
        self._taken_by = lease.taken_by
        if lease.came:
            leases.change(store, number, self._key, came={})
            self._meet([_guest(self.session.name, *pair) for pair in lease.came.items()])

    def _come_back(self) -> None:
        """Take the lost lease anew: it counted as free while the computer slept, or the like."""
        if self._taken_by:
            return
        try:
            self._put()
        except SessionNotFoundError:  # deleted, or renamed by another kernel: nothing is left
            self._left.set()
            return
        others = self.others()
        self._tell(others)
        self._meet(others)

    def _meet(self, others: list[Lease]) -> None:
        self._came += [one for one in others if one.holder not in self._known]
        self._known |= {one.holder for one in others}

    def _work(self) -> None:
        while not self._left.wait(self._beat_s):
            with suppress(Exception):  # nobody is there to be told, and the next one may go well
                self._beat()

    def _beat(self) -> None:
        with self._lock:
            if self._left.is_set():
                return
            store, number = self._place
            now = self.session.context.host.now()
            self._heed(leases.beat(store, number, self._key, now))


def _guest(session: str, holder: str, told: object) -> Lease:
    """Who came, as far as the text that another process wrote says so."""
    said = told if isinstance(told, dict) else {}
    label, host, started = (str(said.get(name, "")) for name in ("label", "host", "started"))
    pid = said.get("pid")
    number = pid if isinstance(pid, int) else 0
    return Lease(session, holder, host=host, pid=number, label=label, started=started)


def holders(session: Session, *, but: str = "") -> list[Lease]:
    """Who is on a session now, the oldest first, without one of them."""
    context = session.context
    found = leases.every(context.host.store, context.id, session.name)
    return leases.alive(found, context.host.now(), but=but)


def held(context: Context) -> dict[str, list[Lease]]:
    """Who is on the sessions of a context now, by the names of those that anybody is on."""
    return _standing(context)[0]


def _end(session: Session, end: str, *, killed: bool = False) -> None:
    """Record an end unless somebody is on the session.

    Whoever comes writes its lease before it takes an end back; here the end is written before the
    leases are read again. So either sees the other, and a session that somebody is on has no end.
    """
    with suppress(SessionNotFoundError):
        if holders(session):
            return
        session.close(times.new(end), killed=killed)
        if holders(session):
            session.reopen(end)


@dataclass(frozen=True, slots=True)
class State:
    """A session, and who is on it.

    Attributes:
        session: The session.
        config: Its record.
        holders: Who is on it, the oldest first.
        end: When it ended; empty while it is open.
        is_killed: Whether that is when its last holder was heard of.
        touched: When anything of it was used or changed last, as far as is known.
        bytes: The size of its folder and its own database.
        is_latest: Whether it is the one created or resumed last in its context.
    """

    session: Session
    config: SessionConfig
    holders: tuple[Lease, ...]
    end: str
    is_killed: bool
    touched: OurTime
    bytes: int
    is_latest: bool

    @property
    def kind(self) -> str:
        """`live`, `ended`, `killed`, or `open`: not ended, and nobody is on it."""
        if self.holders:
            return "live"
        return "killed" if self.is_killed else "ended" if self.end else "open"

    @property
    def is_ephemeral(self) -> bool:
        """Whether it was made for one run only."""
        return self.config.ephemeral

    def is_stale(self, before: OurTime, now: OurTime) -> bool:
        """Whether nobody is on it, and it was made for one run or not touched since a moment.

        A killed one is not for a day: its holder may live, on a host whose clock is wrong.
        """
        if self.holders or (self.is_killed and self.touched > now.warp("-1d")):
            return False
        return self.is_ephemeral or (self.touched < before and not self.is_latest)


def states(
    context: Context, names: Container[str] | None = None, *, settle: bool = True
) -> list[State]:
    """The context's sessions and who is on them, by name; those that cannot be read are left out.

    Args:
        context: Where.
        names: Only these; default: all.
        settle: Whether ends of sessions whose holders were killed are written into their records.
    """
    live, gone = _settle(context) if settle else _standing(context)
    latest = context.host.store.get(context.id, sessions.LATEST)
    folder, databases = context.path, context.dbcollection()
    folders, own, found = _names_in(folder), set[str](), []
    with suppress(StoreError):
        own |= set(databases.list())
    for session, config in sessions.every_read(context):
        if names is not None and session.name not in names:
            continue
        beats = [one.heartbeat for one in gone.get(session.name, []) if not one.taken_by]
        end = config.end or max(beats, default="")
        paths = _below(folder / session.name) if session.name in folders else []
        if (name := folded(database(session.name))) in own:
            with suppress(StoreError):  # it is told when it is used
                paths.append(databases.get(name).path)
        moments, size = _traces(paths)
        found.append(
            State(
                session,
                config,
                tuple(live.get(session.name, ())),
                end,
                config.is_killed or (bool(beats) and not config.end),
                max([_moment(config.start), _moment(end), _day(config.used), *moments]),
                size,
                session.name == latest,
            )
        )
    return found


def _settle(
    context: Context, name: str = ""
) -> tuple[dict[str, list[Lease]], dict[str, list[Lease]]]:
    """As `_standing`, and what it found is written.

    A session of which only free ones are left has ended when the last of them was heard of: that
    is written, and they are dropped. Where nothing can be written they stay.
    """
    store = context.host.store
    live, gone = _standing(context, name)
    for session_name, dead in gone.items():
        with suppress(StoreError):
            if session_name not in live:
                _end_killed(context, session_name, dead)
            for lease in dead:
                leases.drop(store, context.id, lease)
    return live, gone


def _standing(
    context: Context, name: str = ""
) -> tuple[dict[str, list[Lease]], dict[str, list[Lease]]]:
    """Who is on the sessions, and whose leases were free, both by session; nothing is written."""
    now = context.host.now()
    found = leases.every(context.host.store, context.id, name)
    alive = leases.alive(found, now)
    live: dict[str, list[Lease]] = {}
    for lease in alive:
        live.setdefault(lease.session, []).append(lease)
    gone: dict[str, list[Lease]] = {}
    for lease in found:
        if lease not in alive and not _waits(lease, now):
            gone.setdefault(lease.session, []).append(lease)
    return live, gone


def _waits(lease: Lease, now: OurTime) -> bool:
    """Whether it is there for a holder that was told to leave and has not looked yet."""
    return (
        bool(lease.taken_by)
        and abs(lease.silent_s(now)) <= leases.FORGOTTEN_AFTER_S
        and not lease.process.has_ended(leases.this_process())
    )


def _end_killed(context: Context, name: str, dead: list[Lease]) -> None:
    beats = [str(moment) for one in dead if (moment := _moment(one.heartbeat)) and not one.taken_by]
    if beats and context.host.store.get(context.id, PREFIX + name) is not None:
        _end(Session(context, name), max(beats), killed=True)


def _moment(text: str) -> OurTime:
    """The moment a text says; the empty one when it says none."""
    with suppress(OurTimeError):
        return times.new(text) if text[:1].isdigit() else times.OurTime()
    return times.OurTime()


def _day(text: str) -> OurTime:
    """The last second of a day; the empty moment for no day."""
    begin = _moment(text)
    return begin.warp("+1d -1s") if begin else begin


def _names_in(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def _below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _traces(paths: list[Path]) -> tuple[list[OurTime], int]:
    """When each of the files was changed, and how large they are together."""
    moments, size = [times.OurTime()], 0
    for path in paths:
        with suppress(OSError, OurTimeError):
            found = path.lstat()
            moments.append(times.OurTime(int(found.st_mtime)))
            size += found.st_size
    return moments, size


def stale(context: Context, older: str = OLDER, *, but: Session | None = None) -> list[State]:
    """The sessions that nobody is on and that were made for one run, or not touched for so long.

    Never the one created or resumed last, unless it was made for one run.

    Args:
        context: Where.
        older: How long ago, as `30d`, `12h` or `1w`.
        but: One that is left out: the current one.

    Raises:
        SessionError: `older` is no time that has passed.
    """
    now = context.host.now()
    before = _before(older, now)
    return [one for one in states(context) if one.session != but and one.is_stale(before, now)]


_AGO = re.compile(r"(\d{1,6}[smhdwMQY])+")


def _before(older: str, now: OurTime) -> OurTime:
    if not _AGO.fullmatch(older):
        raise SessionError(f"{older!r:.40} is no time that has passed", hint="write 30d, 12h or 1w")
    try:
        return now.warp("".join(f"-{term}" for term in re.findall(r"\d+[smhdwMQY]", older)))
    except OurTimeError:
        return times.OurTime()


def prune(
    context: Context, older: str = OLDER, *, but: Session | None = None, dry_run: bool = False
) -> list[State]:
    """Delete stale sessions with their folders and their own databases; which ones.

    One that anybody has come onto meanwhile stays, with all it has.

    Args:
        context: Where.
        older: As `stale`.
        but: As `stale`.
        dry_run: Whether nothing is deleted.

    Raises:
        SessionError: `older` is no time that has passed.
    """
    found = stale(context, older, but=but)
    return [one for one in found if dry_run or _delete(one.session, one.config)]


def forget_if_bare(session: Session) -> None:
    """Delete a session that was made for one run, if nobody is on it and nothing in it."""
    context, config = session.context, session.config
    if not config.ephemeral or config.env or config.params or config.description:
        return
    with suppress(BadNameError):
        if context.dbcollection().exists(database(session.name)):
            return
    if not (context.path / session.name).exists():
        _delete(session, config)


def _delete(session: Session, config: SessionConfig) -> bool:
    """Delete a session that nobody is on; whether it was.

    Whoever comes writes its lease before it takes the mark off the record; here the mark is set
    before the leases are read again, and the record deleted if the mark is on it still.
    """
    context, key = session.context, PREFIX + session.name
    store = context.host.store
    mark = os.urandom(8).hex()
    marked = replace(config, extra={**config.extra, sessions.DOOMED: mark}).text()

    def doom(text: str | None) -> str | None:
        same = text is not None and sessions.SessionConfig.read(text, key) == config
        return marked if same else text

    if store.update(context.id, key, doom) != marked:
        return False
    found = leases.every(store, context.id, session.name)
    if leases.alive(found, context.host.now()):
        session.reopen(config.end)
        return False
    for lease in found:  # and none that is written from here on: it may be of a new session
        leases.drop(store, context.id, lease)
    if store.update(context.id, key, lambda text: None if text == marked else text) is not None:
        return False
    sessions.forget(context, session.name, with_files=True, with_db=True)
    return True


def free(session: Session, doing: str, *, hold: Hold | None = None, takeover: bool = False) -> None:
    """Make sure that nobody else is on a session before something is done to it.

    Args:
        session: Which.
        doing: What, for the message.
        hold: This process's own, if it has one.
        takeover: Whether the others are told to leave.

    Raises:
        SessionHeldError: Others are on it, and are not told to leave.
    """
    own = hold.lease.holder if hold is not None and hold.is_here else ""
    others = holders(session, but=own)
    if others and not takeover:
        raise SessionHeldError(
            f"{doing} session {session.name}: {others[0].who} is on it",
            hint="end that one first, or add --takeover",
        )
    store = session.context.host.store
    me = hold.lease.who if hold is not None else f"pid {os.getpid()}"
    for other in others:
        leases.change(store, session.context.id, other.key, taken_by=me)
