"""`%hero` and `%hero_help`: where the notebook is, and what there is to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.errors import UnknownActionError, did_you_mean
from magics.allow import (
    AllowVerbs,
    denied_argument,
    origin_argument,
    what_argument,
    whatever_argument,
)
from magics.arguments import Command, Help, Verb, name_argument, why_argument
from magics.display import Line, Table
from magics.status import bound_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.completion.explained import Explained
    from magics.doorway import Door


def command(door: Door) -> Command:
    """`%hero`, for one shell."""

    def show(given: Namespace) -> Line:
        """Show what the notebook is bound to, and with --why how that was decided."""
        return bound_line(door, explain=given.why)

    verbs = AllowVerbs(door)
    return Command(
        "%hero",
        "where the notebook is, and which playbooks of others may run",
        {
            "show": Verb(show, why_argument),
            "allow": Verb(verbs.allow, whatever_argument),
            "revoke": Verb(verbs.revoke, what_argument),
            "deny": Verb(verbs.deny, origin_argument),
            "undeny": Verb(verbs.undeny, denied_argument),
        },
    )


def help_command(door: Door, commands: dict[str, Command]) -> Command:
    """`%hero_help`, for one shell."""

    def explained(asked: list[str], *, source: bool) -> Explained:
        from magics.completion.explained import action  # noqa: PLC0415  # only to explain
        from magics.completion.inspection import magic  # noqa: PLC0415  # as above

        name, *more = asked
        sign = "" if name.startswith("%") else "%"
        found = magic(commands, f"{sign}{name}", more)
        if found is not None:
            return found
        actors = door.workspace.actors
        handler = actors.find(name.lstrip("!"))
        if handler is not None:
            return action(handler, source=source)
        known = [*actors.names(), *(f"%{name}" for name in commands)]
        raise UnknownActionError(
            f"nothing here is called {name}", hint=did_you_mean(name.lstrip("!"), known)
        )

    def show(given: Namespace) -> Help | Table | None:
        """List the magics and the actions, or explain one action, magic or verb of it."""
        if not given.name:
            return Table(("type", "to"), _overview(door, commands))
        found = explained(given.name, source=given.source)
        if not given.page or door.shell is None:
            return Help(str(found))
        from IPython.core import page  # noqa: PLC0415  # a terminal's verbs do without

        page.page(found.bundle())
        return None

    return Command(
        "%hero_help",
        "what there is to type",
        {"show": Verb(show, _name_argument)},
        otherwise="show",
        names="help",
    )


def _overview(door: Door, commands: dict[str, Command]) -> tuple[tuple[str, str], ...]:
    actors = door.workspace.actors
    rows = [(f"%{name}", one.purpose) for name, one in commands.items()]
    rows.append(("%%hero_db KEY", "keep the cell's text under a key"))
    rows.append(("%%hero_config CATEGORY NAME", "write the cell's text to a config file"))
    rows.append(("%%heroscript", "run the cell's actions; %heroscript -h tells the options"))
    for name in actors.names():
        handler = actors.find(name)
        about = handler.doc.split("\n")[0] if handler else ""
        rows.append((f"!!{name}", about))
    return tuple(rows)


def _name_argument(parser: ArgumentParser) -> None:
    name_argument(parser, nargs="*", help="an action, or a magic, and a verb of it")
    parser.add_argument("--source", action="store_true", help="with the source of an action")
    parser.add_argument("--page", action="store_true", help="where `?` shows it: NAME? does so")
