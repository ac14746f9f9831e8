"""`%hero_context`: which context the notebook is in."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING

from hero_kernel import contexts
from hero_kernel.binding import filled
from hero_kernel.errors import ContextNotFoundError, UsageError
from magics.arguments import (
    Command,
    Verb,
    confirmed,
    name_argument,
    remove_arguments,
    settings,
    settings_argument,
    why_argument,
    yes_or_no,
)
from magics.display import Line, Table
from magics.errors import advise
from magics.holding import company_arguments, use
from magics.status import bound_line, use_ephemeral

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Context
    from magics.doorway import Door


class ContextVerbs:
    """What `%hero_context` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def is_there(self, name: str) -> bool:
        """Whether there is a context of that name."""
        return self.door.workspace.context_exists(name)

    def show(self, given: Namespace) -> Line:
        """Show what the notebook is bound to; changes nothing."""
        return bound_line(self.door, explain=given.why, again=True)

    def use(self, given: Namespace) -> Line:
        """Bind the notebook to a context and a session; a session that is missing is created.

        `{user}` in a name is who is logged in.
        """
        workspace = self.door.workspace
        if given.docs is not None:
            self.door.docs_asked = given.docs
        asked = (given.name, given.session, given.coderoot, given.ephemeral)
        if not (any(asked) or given.docs is not None):
            raise UsageError(
                "%hero_context use needs NAME or --session", hint="%hero_context list shows them"
            )
        if given.session and given.ephemeral:
            raise UsageError(
                "--ephemeral and --session contradict each other", hint="leave out one of them"
            )
        if (given.fork or given.takeover) and not given.session:
            raise UsageError("--fork and --takeover need a session", hint="add -s NAME")
        name, session = (filled(one, workspace.environ) for one in (given.name, given.session))
        if name and given.new:
            where = workspace.context_select(workspace.context_new(name))
        elif name:
            where = self._found(name)
        else:
            where = workspace.context()
        if given.coderoot:
            where.configure(coderoot=given.coderoot)
        if given.ephemeral:
            use_ephemeral(self.door, where)
        elif session:
            use(self.door, where, session, given)
        return bound_line(self.door)

    def _found(self, name: str) -> Context:
        try:
            return self.door.workspace.context_select(name)
        except ContextNotFoundError as error:
            advise(error, f"to create it: %hero_context new {name}")
            raise

    def new(self, given: Namespace) -> Line:
        """Create a context, or resume it, and bind the notebook to it."""
        given.new = True
        return self.use(given)

    def list_(self, _: Namespace) -> Table:
        """List the contexts."""
        workspace = self.door.workspace
        there = workspace.contexts_list()
        current = workspace.context()
        rows = tuple(
            (
                "▸" if context == current else "",
                label,
                str(context.id),
                str(len(context.sessions_list())),
                str(context.coderoot),
            )
            for context, label in zip(there, contexts.labels(there), strict=True)
        )
        return Table(("", "context", "id", "sessions", "code root"), rows)

    def set_(self, given: Namespace) -> Line:
        """Change the context's settings: name=NAME, coderoot=PATH, interactive=yes|no."""
        context = self.door.workspace.context()
        wanted = settings(given.settings, ("name", "coderoot", "interactive"))
        interactive = yes_or_no(wanted, "interactive")
        if "name" in wanted:  # first, since it may be refused
            context.rename(wanted["name"])
        context.configure(coderoot=wanted.get("coderoot"), interactive=interactive)
        return Line(f"context {context.guid}: {', '.join(given.settings)}")

    def remove(self, given: Namespace) -> Line:
        """Delete a context with all its sessions; needs --yes."""
        context = self.door.workspace.context_get(given.name)
        confirmed(given, f"deleting context {context.name}")
        self.door.workspace.context_delete(context, files=given.files, db=given.db)
        self.door.release()
        return Line(f"context {context.guid} is deleted")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = ContextVerbs(door)
    return Command(
        "%hero_context",
        "the context the notebook is in",
        {
            "show": Verb(verbs.show, why_argument),
            "list": Verb(verbs.list_),
            "use": Verb(verbs.use, _use_arguments),
            "new": Verb(verbs.new, _new_arguments),
            "set": Verb(verbs.set_, _set_arguments),
            "rm": Verb(verbs.remove, remove_arguments),
        },
        otherwise="use",
        is_name=verbs.is_there,
        names="context",
    )


def _use_arguments(parser: ArgumentParser) -> None:
    name_argument(parser, nargs="?", default="", help="the context")
    _more_arguments(parser)
    parser.add_argument("--new", action="store_true", help="create the context if it is missing")


def _new_arguments(parser: ArgumentParser) -> None:
    name_argument(parser, help="the context")
    _more_arguments(parser)


def _set_arguments(parser: ArgumentParser) -> None:
    settings_argument(parser, "name=", "coderoot=", "interactive=yes", "interactive=no")


def _more_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-s", "--session", default="", metavar="NAME", help="the session in it")
    parser.add_argument("--ephemeral", action="store_true", help="a new session for this run alone")
    parser.add_argument("--coderoot", default="", metavar="PATH", help="where code is checked out")
    parser.add_argument(
        "--docs",
        action=BooleanOptionalAction,
        help="show nothing that the next execution would show otherwise",
    )
    company_arguments(parser)
