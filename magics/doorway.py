"""Door: what a verb sees of the place where it was typed, a notebook or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from hero_kernel import Session, Workspace
    from hero_kernel.binding import Surroundings
    from hero_kernel.ownership import Hold
    from magics.panels.shown import Shown


class Door(Protocol):
    """Where a verb was typed; `magics.door.Door` is a notebook's, the command line has its own.

    Attributes:
        notice: What the user should know about a new binding, until it is shown; may be empty.
        docs_asked: What `--docs` or `--no-docs` said last; None when neither did.
    """

    notice: str
    docs_asked: bool | None

    @property
    def shell(self) -> InteractiveShell | None:
        """IPython's; None in a terminal, where there are no variables and no displays."""

    @property
    def how(self) -> str:
        """How the session was come by, in a word or two."""

    @property
    def workspace(self) -> Workspace:
        """The default workspace."""

    @property
    def hold(self) -> Hold | None:
        """The lease on the session; None where none is held."""

    @property
    def panels(self) -> Shown | None:
        """The panels that its cells show; None in a terminal, where there are none."""

    @property
    def docs(self) -> bool:
        """Whether what is shown must be the same at the next execution: docs mode."""

    @property
    def docs_why(self) -> str:
        """How things are shown, in words, and who said so."""

    def session(self, *, tell: bool = True) -> Session:
        """The session that verbs are about.

        Args:
            tell: Whether to show the notice; else it is left.

        Raises:
            SessionHeldError: Another kernel has taken it over.
            SessionNotFoundError: There is none, and none may be made here.
        """

    def surroundings(self) -> Surroundings:
        """What names the context and the session."""

    def shared(self) -> tuple[str, ...]:
        """Who else is on the session, in lines; none when nobody is."""

    def bind(self, session: Session, how: str, *, takeover: bool = False) -> None:
        """Take a session for the one that verbs are about; others on it may have to leave."""

    def release(self) -> None:
        """A session was deleted, which may have been that one."""

    def export(self, session: Session) -> None:
        """The session's variables have changed."""

    def by(self, what: str) -> str:
        """What the sources of values call a verb's change: `In[3] %hero_env set`."""

    def hides(self, name: str) -> bool:
        """Whether the process has another value of a variable than the session."""

    def hide(self, text: str) -> None:
        """Mask a text from now on."""

    def shown(self, thing: Any) -> dict[str, Any] | None:
        """A thing of ours as front ends show it; None for a foreign one, and in a terminal."""

    def say(self, thing: object) -> None:
        """Show something at once, in a line, while the verb goes on."""
