"""`%hero_session`: which session the notebook is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magics.arguments import (
    Command,
    Verb,
    confirmed,
    name_argument,
    remove_arguments,
    settings,
    settings_argument,
    why_argument,
    yes_argument,
    yes_or_no,
)
from magics.display import Line, Table
from magics.status import bound_line, use_session

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.doorway import Door


class SessionVerbs:
    """What `%hero_session` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def is_there(self, name: str) -> bool:
        """Whether the context has a session of that name."""
        return self.door.workspace.session_exists(name)

    def show(self, given: Namespace) -> Line:
        """Show the session the notebook is bound to; changes nothing."""
        return bound_line(self.door, explain=given.why)

    def use(self, given: Namespace) -> Line:
        """Bind the notebook to a session of the context; created when it is missing."""
        use_session(self.door, self.door.workspace.context(), given.name)
        return bound_line(self.door)

    def new(self, given: Namespace) -> Line:
        """Create a session and bind the notebook to it; an error when the name is taken."""
        workspace = self.door.workspace
        session = workspace.session_new(workspace.context(), given.name, exist_ok=False)
        self.door.bind(workspace.session_select(session), "new")
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
        wanted = settings(given.settings, ("name", "description", "interactive"))
        interactive = yes_or_no(wanted, "interactive")
        if "name" in wanted:  # first, since it may be refused
            session.rename(wanted["name"])
        if "description" in wanted:
            session.description = wanted["description"]
        if interactive is not None:
            session.interactive = interactive
        return Line(f"session {session.guid}: {', '.join(given.settings)}")

    def reset(self, given: Namespace) -> Line:
        """Empty the session: its variables, parameters and times start over; needs --yes."""
        session = self.door.session()
        confirmed(given, f"resetting session {session.name}")
        workspace = self.door.workspace
        session = workspace.session_new(session.context, session.name, reset=True)
        self.door.bind(workspace.session_select(session), "reset")
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
        confirmed(given, f"deleting session {session.name}")
        workspace.session_delete(session.name, files=given.files, db=given.db)
        self.door.release()
        return Line(f"session {session.guid} is deleted")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = SessionVerbs(door)
    return Command(
        "%hero_session",
        "the session the notebook is on",
        {
            "show": Verb(verbs.show, why_argument),
            "list": Verb(verbs.list_),
            "use": Verb(verbs.use, name_argument),
            "new": Verb(verbs.new, _optional_name_argument),
            "set": Verb(verbs.set_, settings_argument),
            "reset": Verb(verbs.reset, yes_argument),
            "end": Verb(verbs.end),
            "rm": Verb(verbs.remove, remove_arguments),
        },
        otherwise="use",
        is_name=verbs.is_there,
    )


def _optional_name_argument(parser: ArgumentParser) -> None:
    name_argument(parser, nargs="?", default="", help="default: the time")
