"""`%hero_session`: which session the notebook is on, and what becomes of the others."""

from __future__ import annotations

import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from hero_kernel import ownership
from hero_kernel.errors import SessionHeldError, UsageError
from magics.arguments import (
    Command,
    Verb,
    confirmed,
    name_argument,
    offers,
    remove_arguments,
    settings,
    settings_argument,
    why_argument,
    yes_argument,
    yes_or_no,
)
from magics.display import Line, Table
from magics.holding import company_arguments, described, fork, use
from magics.status import bound_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Session
    from hero_kernel.bundles import Exported, LeftOut
    from hero_kernel.ownership import State
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
        use(self.door, self.door.workspace.context(), given.name, given)
        return bound_line(self.door)

    def new(self, given: Namespace) -> Line:
        """Create a session and bind the notebook to it; an error when the name is taken."""
        workspace = self.door.workspace
        session = workspace.session_new(workspace.context(), given.name, exist_ok=False)
        self.door.bind(workspace.session_select(session), "new")
        return bound_line(self.door)

    def fork(self, given: Namespace) -> Line:
        """Copy the session, and bind the notebook to the copy.

        Variables, parameters and the session's database are copied; log and runs are not.
        """
        fork(self.door, self.door.session(), given.name)
        return bound_line(self.door)

    def list_(self, given: Namespace) -> Table:
        """List the sessions of the context, and who is on them; with --stale those to prune."""
        workspace = self.door.workspace
        if given.older and not given.stale:
            raise UsageError("--older needs --stale", hint="%hero_session list --stale --older 30d")
        current = self._current()
        if given.stale:
            older = given.older or ownership.OLDER
            found = workspace.sessions_stale(older)
            return _stale(found, f"context {current.context.guid}, not touched for {older}")
        found = workspace.sessions_states()
        rows = tuple(
            (
                "▸" if state.session == current else "",
                state.session.name,
                self._kind(state),
                ", ".join(map(described, state.holders)),
                state.config.start,
                state.end if not state.holders else "",
                str(len(state.config.env)),
                state.config.description,
            )
            for state in found
        )
        heads = "session", "state", "who is on it", "start (UTC)", "end (UTC)", "env", "description"
        unread = {one.name for one in workspace.sessions_list()} - {
            state.session.name for state in found
        }
        note = f"cannot be read: {', '.join(sorted(unread))}" if unread else ""
        return Table(("", *heads), rows, title=f"context {current.context.guid}", note=note)

    def _current(self) -> Session:
        """The notebook's session, also while another kernel has taken it over."""
        with suppress(SessionHeldError):
            return self.door.session()
        return self.door.workspace.session()

    def _kind(self, state: State) -> str:
        held = self.door.hold
        own = held is not None and held.lease.holder in [one.holder for one in state.holders]
        return f"{state.kind} here" if own else state.kind

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
        """Empty the session: variables, parameters, database and times start over; needs --yes.

        Its log and its runs stay.
        """
        session = self.door.session()
        confirmed(given, f"resetting session {session.name}")
        self._alone("resetting", session, given)
        workspace = self.door.workspace
        own = session.db_get()
        count = own.info().entries
        own.empty()
        session = workspace.session_new(session.context, session.name, reset=True)
        self.door.bind(workspace.session_select(session), "reset")
        entries = (
            f", {counted(count, 'database entry', 'database entries')} deleted" if count else ""
        )
        return Line(f"session {session.guid} starts over{entries}; its log and runs stay")

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
        self._alone("deleting", session, given)
        workspace.session_delete(session.name, files=given.files, db=given.db)
        self.door.release()
        return Line(f"session {session.guid} is deleted")

    def _alone(self, doing: str, session: Session, given: Namespace) -> None:
        ownership.free(session, doing, hold=self.door.hold, takeover=given.takeover)

    def prune(self, given: Namespace) -> Table:
        """Delete sessions that nobody needs, with their folders and databases; needs --yes.

        That is: nobody is on it, and it was made for one run or not touched for --older. Never the
        notebook's own, nor the one that was created or resumed last.
        """
        workspace = self.door.workspace
        self._current()
        if not given.dry_run and not given.yes:
            count = len(workspace.sessions_stale(given.older))
            raise UsageError(
                f"pruning {counted(count, 'session', 'sessions')} cannot be undone",
                hint="--dry-run shows them, --yes deletes them",
            )
        found = workspace.sessions_prune(given.older, dry_run=given.dry_run)
        return _stale(found, "would be deleted" if given.dry_run else "deleted")

    def export(self, given: Namespace) -> Line:
        """Write the session into a file, without its secrets, to hand on or to attach."""
        workspace = self.door.workspace
        made = workspace.session_export(
            self.door.session(), given.file, log=given.log, runs=given.runs
        )
        return exported(made, log=given.log, runs=given.runs)

    def import_(self, given: Namespace) -> Line:
        """Make a session of an exported one; tells what secrets must be set again."""
        made = self.door.workspace.session_import(given.file, given.name)
        name = made.session.name
        again = _again(made.left_out)
        first = [f"%hero_session {name}"]
        if again:
            first.append("and set again what was not in the file:")
        return Line(
            f"session {made.session.guid} is made; to bind the notebook to it:", (*first, *again)
        )


def _stale(found: list[State], title: str) -> Table:
    rows = tuple(
        (
            state.session.name,
            f"{state.kind}, for one run" if state.is_ephemeral else state.kind,
            str(state.touched),
            f"{state.bytes:,}",
            str(len(state.config.env)),
            state.config.description,
        )
        for state in found
    )
    size = sum(state.bytes for state in found)
    return Table(
        ("session", "state", "last touched (UTC)", "bytes", "env", "description"),
        rows,
        title=title,
        note=f"{counted(len(found), 'session', 'sessions')}, {size:,} bytes",
    )


def exported(made: Exported, *, log: bool, runs: bool) -> Line:
    """What was written into a file, with what was asked for; and what was left out."""
    parts = [f"{made.env} env", counted(made.params, "param", "params")]
    parts.append(counted(made.entries, "database entry", "database entries"))
    if runs:
        parts.append(counted(made.runs, "run", "runs"))
    if log:
        parts.append(counted(made.logs, "hour of log", "hours of log"))
    left = [f"left out {name}" for name in _named(made.left_out)]
    return Line(f"{made.path}: {', '.join(parts)}", tuple(left))


def counted(count: int, one: str, many: str) -> str:
    """A number of things, in words."""
    return f"{count} {one if count == 1 else many}"


def _named(left_out: LeftOut) -> list[str]:
    kinds = (("env", left_out.env), ("param", left_out.params), ("database", left_out.database))
    return [f"{kind} {name}" for kind, names in kinds for name in names]


def _again(left_out: LeftOut) -> list[str]:
    """The lines that set what was left out; names that no line can hold are told alone."""
    kinds = (
        ("%hero_env set --secret", left_out.env),
        ("%hero_param set --secret", left_out.params),
        ("%hero_db set --secret", left_out.database),
    )
    return [
        f"{line} {shlex.quote(name)}" if name.isprintable() else f"{line.split()[0]}: {name!r}"
        for line, names in kinds
        for name in names
    ]


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = SessionVerbs(door)
    return Command(
        "%hero_session",
        "the session the notebook is on",
        {
            "show": Verb(verbs.show, why_argument),
            "list": Verb(verbs.list_, _list_arguments),
            "use": Verb(verbs.use, _use_arguments),
            "new": Verb(verbs.new, _optional_name_argument),
            "fork": Verb(verbs.fork, _copy_argument),
            "set": Verb(verbs.set_, _set_arguments),
            "reset": Verb(verbs.reset, _reset_arguments),
            "end": Verb(verbs.end),
            "rm": Verb(verbs.remove, _remove_arguments),
            "prune": Verb(verbs.prune, _prune_arguments),
            "export": Verb(verbs.export, _export_arguments),
            "import": Verb(verbs.import_, _import_arguments),
        },
        otherwise="use",
        is_name=verbs.is_there,
        names="session",
    )


def _optional_name_argument(parser: ArgumentParser) -> None:
    offers(name_argument(parser, nargs="?", default="", help="default: the time"), "")


def _set_arguments(parser: ArgumentParser) -> None:
    settings_argument(parser, "name=", "description=", "interactive=yes", "interactive=no")


def _use_arguments(parser: ArgumentParser) -> None:
    name_argument(parser)
    company_arguments(parser)


def _copy_argument(parser: ArgumentParser) -> None:
    copy = name_argument(parser, nargs="?", default="", help="of the copy; default: NAME_fork")
    offers(copy, "")


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--stale", action="store_true", help="those that prune would delete")
    _older_argument(parser, default="")


def _older_argument(parser: ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--older",
        default=default,
        metavar="TIME",
        help=f"not touched for so long: 12h, 1w; default {ownership.OLDER}",
    )


def _takeover_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--takeover", action="store_true", help="also when others are on it, who must leave"
    )


def _reset_arguments(parser: ArgumentParser) -> None:
    yes_argument(parser)
    _takeover_argument(parser)


def _remove_arguments(parser: ArgumentParser) -> None:
    remove_arguments(parser)
    _takeover_argument(parser)


def _prune_arguments(parser: ArgumentParser) -> None:
    _older_argument(parser, default=ownership.OLDER)
    parser.add_argument("-n", "--dry-run", action="store_true", help="show, and delete nothing")
    yes_argument(parser)


def _file_argument(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="such as lesson.zip")


def _export_arguments(parser: ArgumentParser) -> None:
    _file_argument(parser)
    parser.add_argument("--log", action="store_true", help="also its log")
    parser.add_argument("--runs", action="store_true", help="also the reports of its runs")


def _import_arguments(parser: ArgumentParser) -> None:
    _file_argument(parser)
    name_argument(parser, nargs="?", default="", help="what it is called here")
