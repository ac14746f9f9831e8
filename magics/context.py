"""`%hero_context`: which context the notebook is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel import contexts
from hero_kernel.errors import ContextNotFoundError, UsageError
from magics.arguments import Command, Verb
from magics.display import Line, Table
from magics.status import bound_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.door import Door


class ContextVerbs:
    """What `%hero_context` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Line:
        """Show what the notebook is bound to; changes nothing."""
        return bound_line(self.door, explain=given.why)

    def use(self, given: Namespace) -> Line:
        """Bind the notebook to a context and a session; a session that is missing is created."""
        workspace = self.door.workspace
        if given.name and (given.new or workspace.context_exists(given.name)):
            where = workspace.context_new(given.name) if given.new else given.name
            where = workspace.context_select(where)
        elif given.name:
            where = _missing(self.door, given.name)
        else:
            where = workspace.context()
        if given.coderoot:
            where.configure(coderoot=given.coderoot)
        if given.session:
            is_new = not where.session_exists(given.session)
            session = workspace.session_select(workspace.session_new(where, given.session))
            self.door.bind(session, is_new=is_new)
        return bound_line(self.door)

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
        for key, value in settings(given.settings, ("name", "coderoot", "interactive")):
            if key == "name":
                context.rename(value)
            elif key == "coderoot":
                context.configure(coderoot=value)
            else:
                context.interactive = yes_or_no(key, value)
        return Line(f"context {context.guid}: {', '.join(given.settings)}")

    def remove(self, given: Namespace) -> Line:
        """Delete a context with all its sessions; needs --yes."""
        if not given.yes:
            raise UsageError(
                f"deleting context {given.name} cannot be undone", hint="add --yes to do it"
            )
        context = self.door.workspace.context_get(given.name)
        self.door.workspace.context_delete(context, files=given.files)
        return Line(f"context {context.guid} is deleted")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = ContextVerbs(door)
    return Command(
        "%hero_context",
        "the context the notebook is in",
        {
            "show": Verb(verbs.show, _show_arguments),
            "list": Verb(verbs.list_),
            "use": Verb(verbs.use, _use_arguments),
            "new": Verb(verbs.new, _use_arguments),
            "set": Verb(verbs.set_, _set_arguments),
            "rm": Verb(verbs.remove, _remove_arguments),
        },
        otherwise="use",
    )


def settings(given: list[str], known: tuple[str, ...]) -> list[tuple[str, str]]:
    """The `name=value` words of a line.

    Raises:
        UsageError: A word is none, or its name is not known.
    """
    pairs = []
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise UsageError(f"{word} sets nothing here", hint=f"write {'=…, '.join(known)}=…")
        pairs.append((key, value))
    return pairs


def yes_or_no(key: str, value: str) -> bool:
    """A setting that is on or off.

    Raises:
        UsageError: The value is neither.
    """
    answer = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if value.lower() not in answer:
        raise UsageError(f"{key}={value} is neither yes nor no", hint=f"write {key}=yes")
    return answer[value.lower()]


def _missing(door: Door, name: str) -> Any:
    try:
        return door.workspace.context_select(name)
    except ContextNotFoundError as error:
        error.hint = f"{error.hint}; to create it: %hero_context {name} --new"
        raise


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--why", action="store_true", help="how the binding was decided")


def _use_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="the context")
    parser.add_argument("-s", "--session", default="", metavar="NAME", help="the session in it")
    parser.add_argument("--new", action="store_true", help="create the context if it is missing")
    parser.add_argument("--coderoot", default="", metavar="PATH", help="where code is checked out")


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("settings", nargs="+", metavar="NAME=VALUE")


def _remove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--files", action="store_true", help="also its folder")
    parser.add_argument("--yes", action="store_true", help="really delete it")
