"""Door: a terminal's, through which the magics' verbs are carried out without a notebook."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import hero_kernel
from hero_kernel import binding, ownership
from hero_kernel.commands import show
from hero_kernel.commands.words import told
from hero_kernel.errors import (
    ContextNotFoundError,
    CorruptRecordError,
    SessionNotFoundError,
    UsageError,
)
from hero_kernel.redaction.spellings import SHORTEST
from magics.holding import described

if TYPE_CHECKING:
    from hero_kernel import Context, Session, Workspace
    from hero_kernel.binding import Surroundings, What
    from hero_kernel.commands.given import Given
    from hero_kernel.ownership import Hold


class TerminalDoor:
    """One command and the default workspace; it finds what is there, and makes nothing.

    Attributes:
        shell: None; see `magics.doorway.Door`.
        how: What named the session.
        hold: None: a command is on no session when it is over.
        panels: None: it shows none.
        notice: Empty.
        docs_asked: Not asked here: a terminal shows things as they are.
        is_guessed: Whether nothing named it, so that the user should be told which one it is.
    """

    def __init__(self, given: Given) -> None:
        self.shell = None
        self.how = ""
        self.hold: Hold | None = None
        self.panels = None
        self.notice = ""
        self.docs_asked: bool | None = None
        self.docs = False
        self.docs_why = "as things are"
        self.is_guessed = False
        self._given = given
        self._is_placed = False

    @property
    def workspace(self) -> Workspace:
        """The default workspace, in the context that was named.

        Raises:
            ContextNotFoundError: There is no such context.
        """
        workspace = hero_kernel.workspace()
        if not self._is_placed:
            name = self._given.context or _named("context")[0]
            if name:
                workspace.context_select(_context(workspace, name))
            self._is_placed = True
        return workspace

    def session(self, *, tell: bool = True) -> Session:  # noqa: ARG002  # there is no notice
        """The session that was named, else the context's latest.

        Raises:
            SessionNotFoundError: There is none.
        """
        workspace = self.workspace
        found = workspace.selected_session
        if found is None:
            found, self.how = self._found(workspace)
            workspace.session_select(found)
        return found

    def has_sessions(self) -> bool:
        """Whether there is any session in the context."""
        return _is_there(self.workspace) and bool(self.workspace.sessions_list())

    def _found(self, workspace: Workspace) -> tuple[Session, str]:
        name, why = (self._given.session, "--session")
        if not name:
            name, why = _named("session")
        if name:
            return _session(workspace, name), why
        if not self.has_sessions():
            raise SessionNotFoundError(
                f"context {_context_name(workspace)} has no session",
                hint="%hero_session new NAME makes one, and so does a notebook or a run",
            )
        self.is_guessed = True
        where = workspace.context().name
        for_runs = _for_runs(workspace)
        if for_runs is not None:
            return for_runs, f"the last run's of context {where}, which has no other"
        return workspace.session_get(), f"the latest of context {where}"

    def surroundings(self) -> Surroundings:
        """What names the context and the session: the environment, and the folder's project."""
        return binding.program(os.environ)

    def shared(self) -> tuple[str, ...]:
        """Who is on the session, in lines; none when nobody is."""
        found = ownership.holders(self.session())
        return tuple(f"on it: {described(one)}" for one in found)

    def bind(self, session: Session, how: str, *, takeover: bool = False) -> None:
        """A verb has made a session, or chosen one.

        Raises:
            UsageError: Others are told to leave it, though a command does not stay.
        """
        if takeover:
            raise UsageError(
                "a command is on no session, and takes none over",
                hint="leave out --takeover; in a notebook it is %hero_session use NAME --takeover",
            )
        self.how = how
        self.workspace.session_select(session)

    def release(self) -> None:
        """Nothing is held."""

    def export(self, session: Session) -> None:
        """Nothing comes after this process that could see its environment."""

    def by(self, what: str) -> str:
        """What the sources of values call a command's change."""
        return told(what)

    def hides(self, name: str) -> bool:  # noqa: ARG002  # as `export`
        """False: the variables of this process are nobody's."""
        return False

    def hide(self, text: str) -> None:
        """Mask a text from now on; one that is too short for it is left."""
        if len(text.strip()) >= SHORTEST:
            hero_kernel.workspace().redactor.add(text)

    def shown(self, thing: Any) -> None:
        """None: a terminal has no displays."""

    def say(self, thing: object) -> None:
        """Show something in a line of its own, with --json as a document."""
        as_json = self._given.as_json
        show.answer(thing, as_json=as_json, redactor=hero_kernel.workspace().redactor)


def _named(what: What) -> tuple[str, str]:
    """The context or session that the surroundings name, and what names it; empty when none do."""
    first = next(hero_kernel.workspace().evidence().named(what), None)
    return ("", "") if first is None else (first.name, first.why)


def _for_runs(workspace: Workspace) -> Session | None:
    """The newest session of a context where each was made for one run; None where one was not.

    None of them is the context's latest, so asking for that would make another one.
    """
    started: list[tuple[str, str, Session]] = []
    for session in workspace.sessions_list():
        with suppress(CorruptRecordError):
            config = session.config
            if not config.ephemeral:
                return None
            started.append((config.start, session.name, session))
    return max(started)[2] if started else None


def _context(workspace: Workspace, name: str) -> Context:
    try:
        return workspace.context_get(name)
    except ContextNotFoundError as error:
        error.hint = _advice(error.hint, f"%hero_context new {name}")
        raise


def _session(workspace: Workspace, name: str) -> Session:
    try:
        return workspace.session_get(name)
    except SessionNotFoundError as error:
        error.hint = _advice(error.hint, f"%hero_session new {name}")
        raise


def _advice(hint: str, line: str) -> str:
    near = hint if hint.startswith(("did you mean", "there is")) else ""
    return f"{near}{' ' if near.endswith('?') else '; ' if near else ''}to create it: {line}"


def _is_there(workspace: Workspace) -> bool:
    """Whether the context is; the default one is named before it is made."""
    return bool(workspace.contexts_list())


def _context_name(workspace: Workspace) -> str:
    return workspace.context().name if _is_there(workspace) else "default"
