"""Holding: a shell is on its session, beside others, in their place or on a copy of its own."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_kernel import times
from hero_kernel.errors import OurTimeError, SessionHeldError
from magics.status import use_session

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Context, Session
    from hero_kernel.leases import Lease
    from hero_kernel.ownership import Hold
    from magics.door import Door as Notebook
    from magics.doorway import Door


class Holding:
    """What one shell holds: the lease on its session, of which it hears who else comes."""

    def __init__(self, door: Notebook) -> None:
        self._door = door
        self._hold: Hold | None = None

    @property
    def hold(self) -> Hold | None:
        """The lease, while it is this process's."""
        return self._hold if self._hold is not None and self._hold.is_here else None

    def take(self, session: Session, *, takeover: bool = False) -> None:
        """Hold a session, and no other one; again, to go on after it was taken over."""
        held = self.hold
        if held is not None:
            with suppress(SessionHeldError):  # that it was taken over is heard here at the latest
                held.check()
        goes_on = held is not None and held.session == session and not held.is_taken_over
        if held is not None and goes_on and not takeover:
            held.session = session
            return
        kernel = _kernel_id(self._door.shell)
        self._workspace = self._door.workspace
        self._hold = self._workspace.session_hold(
            session, self._label(), kernel=kernel, takeover=takeover
        )

    def check(self) -> None:
        """Tell who came since the last time, and go on unless the session was taken over.

        Raises:
            SessionHeldError: It was.
        """
        held = self._hold
        if held is None:
            return
        held.check()
        for text in self.notices():
            self._door.tell(text)

    def notices(self) -> list[str]:
        """What there is to say of those who came since this was asked last, a line each."""
        if self._hold is None:
            return []
        name = self._hold.session.name
        return [
            f"session {name} is now shared with {described(one)}; "
            f"%hero_session use {name} --fork or --takeover parts them"
            for one in self._hold.came()
        ]

    def shared(self) -> tuple[str, ...]:
        """Who else is on the session now, for the line that tells where the notebook is."""
        held = self.hold
        others = held.others() if held is not None else []
        if held is None or not others:
            return ()
        name = held.session.name
        ways = f"%hero_session use {name} --fork copies it, --takeover has it alone"
        return (f"shared with {' and '.join(map(described, others))}", ways)

    def leave(self) -> None:
        """Give the lease back; the session ends if nobody else is on it."""
        if self._hold is not None:
            self._workspace.session_release()

    def _label(self) -> str:
        around = self._door.surroundings()
        if around.notebook is not None:
            return str(around.notebook)
        if getattr(self._door.shell, "kernel", None) is None:
            return "console"
        try:
            return f"a kernel in {Path.cwd()}"
        except FileNotFoundError:  # it was removed
            return "a kernel"


def _kernel_id(shell: Any) -> str:
    """The id by which Jupyter knows the kernel: it is in the name of its connection file."""
    app = getattr(getattr(shell, "kernel", None), "parent", None)
    name = Path(str(getattr(app, "connection_file", ""))).stem
    return name.removeprefix("kernel-")


def described(lease: Lease) -> str:
    """Who a holder is, and since when, by the clock on the wall here."""
    try:
        since = datetime.fromtimestamp(int(times.new(lease.started))).astimezone()
    except (OurTimeError, OverflowError, OSError):
        return lease.who
    is_today = since.date() == datetime.now().astimezone().date()
    said = since.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")
    return f"{lease.label} (pid {lease.pid} on {lease.host}, since {said})"


def company_arguments(parser: ArgumentParser) -> None:
    """Add what to do about others who are on the session; see `use`."""
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--share", action="store_true", help="go on beside others who are on it; the default"
    )
    ways.add_argument("--fork", action="store_true", help="go on in a copy of it")
    ways.add_argument("--takeover", action="store_true", help="the others on it must leave")
    parser.add_argument(
        "--as", dest="new_name", default="", metavar="NEW", help="what a copy is called"
    )


def use(door: Door, where: Context, name: str, given: Namespace) -> None:
    """Bind the notebook to a session as `company_arguments` say.

    Raises:
        SessionNotFoundError: There is none to copy.
    """
    if given.fork:
        fork(door, where.session_get(name), given.new_name)
    else:
        use_session(door, where, name, takeover=given.takeover)


def fork(door: Door, session: Session, name: str) -> None:
    """Copy a session, and bind the notebook to the copy."""
    copy = session.fork(name)
    door.bind(door.workspace.session_select(copy), "forked")
