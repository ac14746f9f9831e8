"""Holders: who is on a session, as a panel shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel import leases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hero_kernel import Session
    from hero_kernel.leases import Lease
    from magics.doorway import Door


def holders(door: Door, found: Iterable[Lease]) -> list[dict[str, Any]]:
    """Each holder: its id, label, process, host, kernel, since when; and whether it is this one."""
    own = _own(door)
    return [
        {
            "id": one.holder,
            "label": one.label,
            "pid": one.pid,
            "host": one.host,
            "kernel": one.kernel,
            "since": one.started,
            "own": one.holder == own,
        }
        for one in found
    ]


def on(door: Door, session: Session, found: list[Lease]) -> tuple[list[Lease], str]:
    """Who of a session's leases is on it now, and who has told the notebook to leave it, or ""."""
    own = _own(door)
    taken_by = next((one.taken_by for one in found if one.holder == own), "")
    return leases.alive(found, session.context.host.now()), taken_by


def _own(door: Door) -> str:
    hold = door.hold
    return "" if hold is None else hold.lease.holder
