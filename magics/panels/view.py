"""View: one noun of a panel, as the front end and as a saved notebook see it."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, Self

from hero_kernel.errors import HeroError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Report, Session
    from magics.display import Line, Table
    from magics.doorway import Door


class View(Protocol):
    """What a panel shows of one noun; it reads what is kept, and never the user's variables.

    Every method may be called from any thread, also while a cell runs, and may raise a HeroError,
    which the panel shows. Nothing that is returned holds the value of a secret.

    Attributes:
        kind: Which view of the front end shows it: a file in `magics/labextension/panels/views`.
        key: What it is called among the views of its panel.
        spec: The names it is about, by which a new kernel finds it again: see `views.rebuilt`.
    """

    kind: str
    key: str

    @property
    def spec(self) -> dict[str, Any]:
        """The names it is about; see `views.rebuilt`."""

    @property
    def title(self) -> str:
        """What it is, in a few words: `env of session intro`."""

    def mark(self) -> object:
        """Another value after every change of what `state` says; asked again and again."""

    def state(self) -> dict[str, Any]:
        """What the front end needs to show it: JSON, and small; the rest it asks for.

        Where it raises, the front end shows the error above what it was told last.
        """

    def still(self) -> Sequence[Table | Line | Report]:
        """What stays when the notebook is saved: the first rows; a report stands alone."""

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """What the front end may ask, by name; each takes keywords of JSON and returns JSON."""


class Telling(View, Protocol):
    """A view of something that only grows: what is new is told, and not everything again.

    The news are numbered from 0. `state` has, as `next`, the number of the first that it does not
    know of; who gets a number above the one that comes next asks for the state again.
    """

    def news(self) -> tuple[int, list[Any]]:
        """What is new since this was last asked, as JSON, and the number of the first of it."""


class Followed:
    """What the views have in common that show the notebook's own session, whichever that is.

    Args:
        door: The notebook's.
        session: Shows this one instead, whichever the notebook's is.
    """

    kind = ""

    def __init__(self, door: Door, session: Session | None = None) -> None:
        self.door = door
        self.key = self.kind
        self._fixed = session
        self._before: Session | None = None

    @classmethod
    def of(cls, door: Door, value: Any) -> Self:
        """The view of a session."""
        return cls(door, value)

    @classmethod
    def rebuilt(cls, door: Door, spec: Mapping[str, Any]) -> Self:
        """The view of the session that a spec names; one that followed the notebook follows it.

        Until the notebook is bound again, that one shows the session of before, too.

        Raises:
            HeroError: It is not there any more.
            UsageError: The spec names none.
        """
        context, session = spec.get("context"), spec.get("session")
        if not (isinstance(context, str) and isinstance(session, str)):
            raise UsageError("the panel does not say which session it shows")
        if not spec.get("follows"):
            return cls(door, door.workspace.session_get(session, context=context))
        view = cls(door)
        with suppress(HeroError):  # the notebook's may be another one by now
            view._before = door.workspace.session_get(session, context=context)
        return view

    def session(self) -> Session:
        """The session that is shown.

        Raises:
            UsageError: The notebook is not bound to one.
        """
        session = self._fixed or self.door.workspace.selected_session or self._before
        if session is None:
            raise UsageError("the notebook is bound to no session", hint="run %hero")
        return session

    @property
    def is_notebooks(self) -> bool:
        """Whether it is the session that the notebook is bound to."""
        return self.session() == self.door.workspace.selected_session

    @property
    def spec(self) -> dict[str, Any]:
        """The names of the session and its context."""
        session = self.session()
        return {
            "kind": self.kind,
            "context": session.context.name,
            "session": session.name,
            "follows": self._fixed is None,
        }

    @property
    def by(self) -> str:
        """What the sources of values call a change that is made here."""
        return f"the {self.kind} panel"

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Nothing, unless a view says otherwise."""
        return {}


def magic(name: str, *words: str) -> str:
    """A line magic that says these words, as it stands in a cell: `%hero_env set A=1`.

    Raises:
        UsageError: A word cannot stand on a line.
    """
    if any(not word.isprintable() for word in words):
        raise UsageError("a line break or a control character does not fit on a line")
    return f"%{name} {shlex.join(words)}" if words else f"%{name}"
