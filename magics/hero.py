"""`%hero` and `%hero_help`: where the notebook is, and what there is to type."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from hero_kernel.errors import UnknownActionError, did_you_mean
from magics.allow import AllowVerbs, origin_argument, what_argument, whatever_argument
from magics.arguments import Command, Help, Verb, name_argument, why_argument
from magics.display import Line, Table
from magics.status import bound_line

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel.actors import Handler
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
            "undeny": Verb(verbs.undeny, origin_argument),
        },
    )


def help_command(door: Door, commands: dict[str, Command]) -> Command:
    """`%hero_help`, for one shell."""

    def show(given: Namespace) -> Help | Table:
        """List the magics and the actions, or explain one action or magic."""
        if not given.name:
            return Table(("type", "to"), _overview(door, commands))
        magic = commands.get(given.name.removeprefix("%"))
        if magic is not None:
            return Help(magic.help())
        actors = door.workspace.actors
        handler = actors.find(given.name.lstrip("!"))
        if handler is not None:
            return Help(_explained(handler))
        known = [*actors.names(), *(f"%{name}" for name in commands)]
        raise UnknownActionError(
            f"nothing here is called {given.name}", hint=did_you_mean(given.name, known)
        )

    return Command(
        "%hero_help",
        "what there is to type",
        {"show": Verb(show, _name_argument)},
        otherwise="show",
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


def _explained(handler: Handler) -> str:
    accepted = handler.accepts
    keys = []
    for one in accepted.parameters.values():
        default = "" if one.default is inspect.Parameter.empty else f" = {one.default!r}"
        keys.append(f"  {one.name}: {one.kind}{default}")
    if accepted.words:
        keys.append("  bare words")
    if accepted.any_key:
        keys.append("  any other key: text")
    return "\n".join(
        [f"!!{handler.name}", *(keys or ["  takes no parameters"]), "", handler.doc]
    ).rstrip()


def _name_argument(parser: ArgumentParser) -> None:
    name_argument(parser, nargs="?", default="", help="a magic or an action")
