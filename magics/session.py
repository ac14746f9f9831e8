"""`%hero_session`: which session the notebook is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.errors import UsageError
from magics.arguments import Command, Verb
from magics.context import settings, yes_or_no
from magics.display import Line, Table
from magics.status import bound_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.door import Door


class SessionVerbs:
    """What `%hero_session` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Line:
        """Show the session the notebook is bound to; changes nothing."""
        return bound_line(self.door, explain=given.why)

    def use(self, given: Namespace) -> Line:
        """Bind the notebook to a session of the context; created when it is missing."""
        workspace = self.door.workspace
        where = workspace.context()
        is_new = not where.session_exists(given.name)
        session = workspace.session_select(workspace.session_new(where, given.name))
        self.door.bind(session, is_new=is_new)
        return bound_line(self.door)

    def new(self, given: Namespace) -> Line:
        """Create a session and bind the notebook to it; an error when the name is taken."""
        workspace = self.door.workspace
        session = workspace.session_new(workspace.context(), given.name, exist_ok=False)
        workspace.session_select(session)
        self.door.bind(session, is_new=True)
        return bound_line(self.door)

    def list_(self, _: Namespace) -> Table:
        """List the sessions of the context."""
        workspace = self.door.workspace
        current = self.door.session()
        rows = []
        for session in workspace.sessions_list():
            config = session.config
            rows.append(
                (
                    "▸" if session == current else "",
                    session.name,
                    config.start,
                    config.end,
                    str(len(config.env)),
                    config.description,
                )
            )
        return Table(
            ("", "session", "start (UTC)", "end (UTC)", "env", "description"),
            tuple(rows),
            title=f"context {current.context.guid}",
        )

    def set_(self, given: Namespace) -> Line:
        """Change the session's settings: name=NAME, description=TEXT, interactive=yes|no."""
        session = self.door.session()
        for key, value in settings(given.settings, ("name", "description", "interactive")):
            if key == "name":
                session.rename(value)
            elif key == "description":
                session.description = value
            else:
                session.interactive = yes_or_no(key, value)
        return Line(f"session {session.guid}: {', '.join(given.settings)}")

    def reset(self, given: Namespace) -> Line:
        """Empty the session: its variables, parameters and times start over; needs --yes."""
        session = self.door.session()
        if not given.yes:
            raise UsageError(
                f"resetting session {session.name} cannot be undone", hint="add --yes to do it"
            )
        session = self.door.workspace.session_new(session.context, session.name, reset=True)
        self.door.bind(session, is_new=False)
        return Line(f"session {session.guid} starts over")

    def end(self, _: Namespace) -> Line:
        """Record the session's end; binding to it again goes on with it."""
        session = self.door.session()
        session.close()
        return Line(f"session {session.guid} ended {session.end} UTC")

    def remove(self, given: Namespace) -> Line:
        """Delete a session; needs --yes."""
        workspace = self.door.workspace
        session = workspace.session_get(given.name)
        if not given.yes:
            raise UsageError(
                f"deleting session {session.name} cannot be undone", hint="add --yes to do it"
            )
        workspace.session_delete(session.name, files=given.files)
        return Line(f"session {session.guid} is deleted")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = SessionVerbs(door)
    return Command(
        "%hero_session",
        "the session the notebook is on",
        {
            "show": Verb(verbs.show, _show_arguments),
            "list": Verb(verbs.list_),
            "use": Verb(verbs.use, _name_argument),
            "new": Verb(verbs.new, _optional_name_argument),
            "set": Verb(verbs.set_, _set_arguments),
            "reset": Verb(verbs.reset, _yes_argument),
            "end": Verb(verbs.end),
            "rm": Verb(verbs.remove, _remove_arguments),
        },
        otherwise="use",
    )


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--why", action="store_true", help="how the binding was decided")


def _name_argument(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")


def _optional_name_argument(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="default: the time")


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("settings", nargs="+", metavar="NAME=VALUE")


def _yes_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="really do it")


def _remove_arguments(parser: ArgumentParser) -> None:
    _name_argument(parser)
    parser.add_argument("--files", action="store_true", help="also its folder")
    _yes_argument(parser)
