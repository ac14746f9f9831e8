"""Door: what a verb sees of the place where it was typed, a notebook or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from hero_kernel import Session, Workspace


class Door(Protocol):
    """Where a verb was typed; `magics.door.Door` is a notebook's, the command line has its own."""

    @property
    def shell(self) -> InteractiveShell | None:
        """IPython's; None in a terminal, where there are no variables and no displays."""

    @property
    def how(self) -> str:
        """How the session was come by, in a word or two."""

    @property
    def workspace(self) -> Workspace:
        """The default workspace."""

    def session(self) -> Session:
        """The session that verbs are about.

        Raises:
            SessionNotFoundError: There is none, and none may be made here.
        """

    def bind(self, session: Session, how: str) -> None:
        """Take a session for the one that verbs are about."""

    def release(self) -> None:
        """A session was deleted, which may have been that one."""

    def export(self, session: Session) -> None:
        """The session's variables have changed."""

    def hide(self, text: str) -> None:
        """Mask a text from now on."""

    def say(self, thing: object) -> None:
        """Show something at once, in a line, while the verb goes on."""
