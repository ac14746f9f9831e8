"""`%hero_session`: which session the notebook is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.errors import UsageError
from magics.arguments import Command, Verb
from magics.context import settings, yes_or_no
from magics.display import Line, Table
from magics.status import bound_line, why

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.door import Door


def command(door: Door) -> Command:
    """The magic, for one shell."""

    def show(given: Namespace) -> Line:
        """Show the session the notebook is bound to; changes nothing."""
        workspace = door.workspace
        line = bound_line(workspace, door.session(), "bound")
        return Line(line.text, why(workspace)) if given.why else line

    def use(given: Namespace) -> Line:
        """Bind the notebook to a session of the context; created when it is missing."""
        workspace = door.workspace
        where = workspace.context()
        how = "resumed" if where.session_exists(given.name) else "new"
        session = workspace.session_new(where, given.name)
        door.export(session)
        return bound_line(workspace, session, how)

    def new(given: Namespace) -> Line:
        """Create a session and bind the notebook to it; an error when the name is taken."""
        workspace = door.workspace
        session = workspace.session_new(workspace.context(), given.name, exist_ok=False)
        door.export(session)
        return bound_line(workspace, session, "new")

    def list_(_: Namespace) -> Table:
        """List the sessions of the context."""
        workspace = door.workspace
        current = door.session()
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

    def set_(given: Namespace) -> Line:
        """Change the session's settings: name=NAME, description=TEXT, interactive=yes|no."""
        session = door.session()
        for key, value in settings(given.settings, ("name", "description", "interactive")):
            if key == "name":
                session.rename(value)
            elif key == "description":
                session.description = value
            else:
                session.interactive = yes_or_no(key, value)
        return Line(f"session {session.guid}: {', '.join(given.settings)}")

    def reset(given: Namespace) -> Line:
        """Empty the session: its variables, parameters and times start over; needs --yes."""
        session = door.session()
        if not given.yes:
            raise UsageError(
                f"resetting session {session.name} cannot be undone", hint="add --yes to do it"
            )
        workspace = door.workspace
        session = workspace.session_new(session.context, session.name, reset=True)
        door.export(session)
        return bound_line(workspace, session, "reset")

    def end(_: Namespace) -> Line:
        """Record the session's end; binding to it again goes on with it."""
        session = door.session()
        session.close()
        return Line(f"session {session.guid} ended {session.end} UTC")

    def remove(given: Namespace) -> Line:
        """Delete a session; needs --yes."""
        workspace = door.workspace
        session = workspace.session_get(given.name)
        if not given.yes:
            raise UsageError(
                f"deleting session {session.name} cannot be undone", hint="add --yes to do it"
            )
        workspace.session_delete(session.name, files=given.files)
        return Line(f"session {session.guid} is deleted")

    return Command(
        "%hero_session",
        "the session the notebook is on",
        {
            "show": Verb(show, _show_arguments),
            "list": Verb(list_),
            "use": Verb(use, _name_argument),
            "new": Verb(new, _optional_name_argument),
            "set": Verb(set_, _set_arguments),
            "reset": Verb(reset, _yes_argument),
            "end": Verb(end),
            "rm": Verb(remove, _remove_arguments),
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
