"""Leases: who is on a session, each holder with a record of its own that it keeps fresh.

A lease lies beside the session's record, not in it: a heartbeat changes nothing that anybody reads
of the session, and no two holders write the same record but to tell each other something.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_kernel import times
from hero_kernel.errors import CorruptRecordError, OurTimeError
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime

PREFIX = "sessions:lease:"
"""A lease is at this, the session's name, a colon and the holder's; herolib has no such key."""

HEARTBEAT_S = 15.0
"""Between two heartbeats: three may be missed before the fourth would be too late."""

FREE_AFTER_S = 60
"""A lease whose heartbeat is further from now than this is free.

Heartbeats are by the holder's clock and read by another's, so hosts that share a store should
agree within half a minute. Where they do not, a holder that lives may count as gone: then nobody
is told of it, which harms no record, and its next heartbeat takes back an end that was written.
"""

FORGOTTEN_AFTER_S = 86_400
"""How long the lease of a holder that was told to leave stays for it to read."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process, so that it can be told from a later one of the same number.

    Attributes:
        host: The computer's name, for people.
        pid: Its number.
        machine: What its number counts in: the boot and the process namespace of Linux; empty
            where the system does not say, and nobody can look whether it still runs.
        born: When it started, as that system counts.
    """

    host: str
    pid: int
    machine: str = ""
    born: str = ""

    def has_ended(self, here: Process) -> bool:
        """Whether it is sure that it does not run any more, as seen from another process."""
        if self == here:
            return False
        if not self.machine or self.machine != here.machine or self.pid <= 0:
            return False
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except OSError:
            return False
        state, born = _stat(self.pid)
        return state in ("Z", "X") or (bool(born) and born != self.born)


def this_process() -> Process:
    """The process that asks."""
    return _process(os.getpid())


@lru_cache(maxsize=1)  # it stays the same until a fork, and panels ask four times a second
def _process(pid: int) -> Process:
    machine = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        machine = f"{boot.strip()} {Path('/proc/self/ns/pid').readlink()}"
    host = os.uname().nodename if hasattr(os, "uname") else os.environ.get("COMPUTERNAME", "")
    return Process(host, pid, machine, _stat(pid)[1])


def _stat(pid: int) -> tuple[str, str]:
    """State and start of a process, from `/proc/$pid/stat` (proc(5)); empty where it is not told.

    The fields follow the command's name, which stands in brackets and may hold blanks and more.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return fields[0].decode(), fields[19].decode()
    except (OSError, IndexError, UnicodeDecodeError):
        return "", ""


@dataclass(frozen=True, slots=True)
class Lease:
    """A holder of a session.

    Attributes:
        session: The session's name; from the key, not in the record.
        holder: What tells it from every other one; from the key too.
        host: Where it runs.
        pid: Its process's number.
        machine: As `Process.machine`.
        born: As `Process.born`.
        kernel: The kernel's id, as Jupyter knows it; empty for another program.
        label: What people know it by: the notebook's path, or "console".
        started: When it came, by its clock.
        heartbeat: When it was last heard of, by its clock.
        taken_by: Who told it to leave; empty while it may stay.
        came: Who came since it last looked: `label`, `pid`, `host` and `started` by holder.
    """

    session: str
    holder: str
    host: str = ""
    pid: int = 0
    machine: str = ""
    born: str = ""
    kernel: str = ""
    label: str = ""
    started: str = ""
    heartbeat: str = ""
    taken_by: str = ""
    came: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Where its record is."""
        return f"{PREFIX}{self.session}:{self.holder}"

    @property
    def process(self) -> Process:
        """Its process."""
        return Process(self.host, self.pid, self.machine, self.born)

    @property
    def who(self) -> str:
        """Its label, process and host, for people."""
        return f"{self.label} (pid {self.pid} on {self.host})"

    def is_alive(self, now: OurTime, here: Process) -> bool:
        """Whether it holds the session: heard of lately, and neither ended nor told to leave."""
        if self.taken_by or abs(self.silent_s(now)) > FREE_AFTER_S:
            return False
        return not self.process.has_ended(here)

    def silent_s(self, now: OurTime) -> int:
        """For how long it was not heard of; below zero when its clock is ahead."""
        try:
            return int(now) - int(times.new(self.heartbeat, now=times.OurTime(1)))
        except OurTimeError:
            return int(now)

    def text(self) -> str:
        """The record as it is written."""
        fields = {name: getattr(self, name) for name in _DEFAULTS}
        return record.encode(fields | {"came": dict(self.came)})


_DEFAULTS: dict[str, Any] = {
    "host": "", "pid": 0, "machine": "", "born": "", "kernel": "", "label": "", "started": "",
    "heartbeat": "", "taken_by": "", "came": {},
}  # fmt: skip


def read(key: str, text: str) -> Lease:
    """The lease of a record.

    Raises:
        CorruptRecordError: It cannot be read.
    """
    found = record.decode(text, key, _DEFAULTS)
    session, _, holder = key.removeprefix(PREFIX).rpartition(":")
    return Lease(session, holder, **{name: found[name] for name in _DEFAULTS})


def get(store: Store, number: int, key: str) -> Lease | None:
    """The lease with that key; None when it is not there or cannot be read."""
    text = store.get(number, key)
    with suppress(CorruptRecordError):
        return None if text is None else read(key, text)
    return None


def every(store: Store, number: int, session: str = "") -> list[Lease]:
    """The leases of a session, or of all in the context; one that cannot be read is left out."""
    head, found = _head(session), []
    for key, text in store.records(number, head).items():
        if _is_of(key, head, session):
            with suppress(CorruptRecordError):
                found.append(read(key, text))
    return found


def _head(session: str) -> str:
    return f"{PREFIX}{session}:" if session else PREFIX


def _is_of(key: str, head: str, session: str) -> bool:
    """Whether a key is of a lease of the session: another program's name may hold a colon."""
    return not session or ":" not in key.removeprefix(head)


def _keys(store: Store, number: int, session: str) -> list[str]:
    head = _head(session)
    return [key for key in store.scan(number, head) if _is_of(key, head, session)]


def alive(found: list[Lease], now: OurTime, *, but: str = "") -> list[Lease]:
    """Those of them that hold their session, without one holder, the oldest first."""
    here = this_process()
    there = [one for one in found if one.holder != but and one.is_alive(now, here)]
    return sorted(there, key=lambda one: (one.started, one.holder))


def beat(store: Store, number: int, key: str, now: OurTime) -> Lease | None:
    """Say that the holder is there; its lease as it is now, None when it is gone."""

    def change(text: str | None) -> str | None:
        if text is None:
            return None
        try:
            lease = read(key, text)
        except CorruptRecordError:
            return None
        return text if lease.taken_by else replace(lease, heartbeat=str(now)).text()

    text = store.update(number, key, change)
    return None if text is None else read(key, text)


def change(store: Store, number: int, key: str, **fields: Any) -> None:
    """Change fields of a lease that is there; `came` is merged, and an empty one empties it."""

    def step(text: str | None) -> str | None:
        if text is None:
            return None
        try:
            lease = read(key, text)
        except CorruptRecordError:
            return text
        came = fields.get("came")
        more = {"came": {**lease.came, **came}} if came else {}
        return replace(lease, **{**fields, **more}).text()

    store.update(number, key, step)


def drop(store: Store, number: int, lease: Lease) -> bool:
    """Delete a lease unless its holder was heard of since it was read; whether it is gone."""

    def step(text: str | None) -> str | None:
        if text is None:
            return None
        try:
            found = read(lease.key, text)
        except CorruptRecordError:
            return None
        is_same = (found.heartbeat, found.taken_by) == (lease.heartbeat, lease.taken_by)
        return None if is_same else text

    return store.update(number, lease.key, step) is None


def drop_all(store: Store, number: int, session: str) -> None:
    """Delete all leases of a session, readable or not."""
    for key in _keys(store, number, session):
        store.delete(number, key)


def move(store: Store, number: int, old: str, new: str) -> None:
    """Take the leases of a session along to its new name; again, to finish it."""
    for key in _keys(store, number, old):
        text = store.get(number, key)
        if text is not None:
            store.create(number, f"{PREFIX}{new}:{key.rpartition(':')[2]}", text)
        store.delete(number, key)
