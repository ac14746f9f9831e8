"""The magics as commands: the same verbs, options and answers, through a terminal's door."""

from __future__ import annotations

import inspect
import shlex
import sys
from dataclasses import dataclass, field, replace
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any

import hero_kernel
from hero_kernel.commands.door import TerminalDoor
from hero_kernel.commands.given import HELP, Given, taken
from hero_kernel.commands.show import Document
from hero_kernel.commands.words import PROGRAM, told
from hero_kernel.errors import UsageError
from magics.arguments import Command, Help, Parser, Verb
from magics.display import Line, Table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Session


@dataclass(frozen=True)
class Noun:
    """How a magic is a command.

    Attributes:
        module: Of `magics`; its `command` makes the magic.
        default: The verb when there is none; empty for the magic's own.
        without: Verbs of the magic that a terminal has not, and what to do instead.
    """

    module: str
    default: str = ""
    without: Mapping[str, str] = field(default_factory=dict)


NOUNS = {
    "contexts": Noun("context", "list", {"use": "give -c NAME, or set HERO_CONTEXT"}),
    "sessions": Noun("session", "list", {"use": "give -s NAME, or set HERO_SESSION"}),
    "env": Noun("env"),
    "param": Noun("param"),
    "db": Noun("db", without={"frame": "hero-kernel db export writes the entries to a file"}),
    "config": Noun("config"),
    "secret": Noun(
        "secret",
        without={
            "unlock": "give --unlock to the command that needs it, or set HERO_SECRET_FILE",
            "lock": "nothing stays unlocked when a command is over",
            "get": "a secret is not printed; scripts and notebooks may use it",
        },
    ),
    "log": Noun("log"),
}
"""The commands that have verbs."""


def noun(name: str, door: TerminalDoor) -> Command:
    """The magic behind a command, as a terminal has it."""
    made: Command = import_module(f"magics.{NOUNS[name].module}").command(door)
    how = NOUNS[name]
    verbs = {word: verb for word, verb in made.verbs.items() if word not in how.without}
    for word, change in _CHANGED.get(name, {}).items():
        verbs[word] = change(verbs[word], door)
    is_kept = made.otherwise in verbs
    return replace(
        made,
        verbs=verbs,
        default=how.default or made.default,
        otherwise=made.otherwise if is_kept else "",
    )


def call(name: str, words: Sequence[str], given: Given) -> tuple[Any, TerminalDoor]:
    """Carry out a command.

    Args:
        name: `env`.
        words: What follows it, without the options of every command.
        given: Those.

    Returns:
        What the verb returned, and the door it went through.

    Raises:
        HeroError: What the verb raises; a `UsageError` for a line that is wrong.
    """
    door = TerminalDoor(given)
    if name in NOUNS:
        command, rest = noun(name, door), list(words)
        if rest and rest[0] in NOUNS[name].without:
            hint = NOUNS[name].without[rest[0]]
            raise UsageError(f"{PROGRAM} {name} {rest[0]} is for notebooks", hint=hint)
        if name == "log" and rest[:1] == ["--follow"]:
            rest[0] = "follow"
    elif name == "actions":
        command = import_module("magics.hero").help_command(door, {})
        rest = ["show", *words]
    else:
        command = import_module("magics.hero").command(door)
        rest = ["show" if name == "status" else name, *words]
    asks_for_help = rest[:1] == ["help"] or bool({"-h", "--help"} & set(_until_dashes(rest)))
    if given.unlock and not asks_for_help:
        door.session().context.secrets.ready(interactive=True)
    said = command.run(shlex.join(rest))
    if isinstance(said, Help):
        text = (
            said.text if name in NOUNS else said.text.replace(f"{command.name} show", command.name)
        )
        return (Help(f"{text.rstrip()}\n\n{HELP}") if asks_for_help else said), door
    if isinstance(said, Table) and name == "allow":  # the cells of one column say what to type
        said = replace(said, rows=tuple((row[0], told(row[1]), *row[2:]) for row in said.rows))
    if isinstance(said, Table) and name == "actions":
        rows = tuple(row for row in said.rows if row[0].startswith("!!"))
        said = replace(said, columns=("action", "does"), rows=rows)
    return said, door


def names(said: object, session: Session) -> bool:
    """Whether an answer names the session already; a table does so in its title."""
    return isinstance(said, Table | Help) or (
        isinstance(said, Line) and session.name in f"{said.text} {' '.join(said.details)}"
    )


def split(name: str, words: Sequence[str]) -> tuple[Given, list[str]]:
    """Tell the options of every command from a verb's own.

    Before the verb all are the command's; after it, those that the verb has not.
    """
    if name not in NOUNS:
        return taken(words)
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in ("-c", "--context", "-s", "--session") else 1
    before, rest = taken(words[:at])
    own = options(name, words[at]) if at < len(words) else []
    after, left = taken(words[at:], own)
    return after.over(before), [*rest, *left]


def options(name: str, verb: str) -> list[str]:
    """The options of a verb; none of what is no verb."""
    found = noun(name, _nowhere()).verbs.get(verb)
    if found is None:
        return []
    parser = Parser("", "")
    found.setup(parser)
    return parser.options()


def verbs(name: str) -> dict[str, str]:
    """The verbs of a command, each with the first line of what it does."""
    return {
        word: (inspect.getdoc(verb.call) or "").split("\n")[0]
        for word, verb in noun(name, _nowhere()).verbs.items()
    }


def importing() -> list[str]:
    """The commands with a verb `import`."""
    return [name for name in NOUNS if "import" in noun(name, _nowhere()).verbs]


def import_help(there: Sequence[str]) -> Help:
    """What `import` does, given the commands with such a verb."""
    words = "|".join(name.removesuffix("s") for name in there)
    lines = [f"{PROGRAM} import {words}: bring in what herolib or another place wrote", ""]
    lines += [
        f"  {PROGRAM} import {name.removesuffix('s')} is {PROGRAM} {name} import" for name in there
    ]
    return Help("\n".join([*lines, "", HELP]))


def _nowhere() -> TerminalDoor:
    """A door for what is only looked at."""
    return TerminalDoor(Given())


def _until_dashes(words: list[str]) -> list[str]:
    return words[: words.index("--")] if "--" in words else words


def _from_input(verb: Verb, _: TerminalDoor) -> Verb:
    """The verb, for which the word `-` is what standard input holds, as a cell is for a magic."""

    @wraps(verb.call)
    def call(given: Namespace) -> Any:
        for name, value in vars(given).items():
            if value == "-":
                setattr(given, name, _input())
            elif value == ["-"]:
                setattr(given, name, [_input()])
        return verb.call(given)

    return replace(verb, call=call)


def _input() -> str:
    if sys.stdin is None:
        raise UsageError("- is standard input, which is closed", hint="write the text instead")
    try:
        return sys.stdin.read().removesuffix("\n")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"standard input is not UTF-8: byte {error.start} cannot be read",
            hint="nothing was set",
        ) from None


def _told_already(verb: Verb, _: TerminalDoor) -> Verb:
    """The verb, which says what it has to say while it goes on."""

    @wraps(verb.call)
    def call(given: Namespace) -> Document:
        verb.call(given)
        return Document()

    return replace(verb, call=call)


def _maybe_none(verb: Verb, door: TerminalDoor) -> Verb:
    """The verb, or a line where there is no session to list."""

    @wraps(verb.call)
    def call(given: Namespace) -> Any:
        if door.has_sessions():
            return verb.call(given)
        return Table((), (), note="there is no session yet: %hero_session new NAME makes one")

    return replace(verb, call=call)


def _maybe_no_context(verb: Verb, _: TerminalDoor) -> Verb:
    """The verb, or a line where there is no context to list."""

    @wraps(verb.call)
    def call(given: Namespace) -> Any:
        if hero_kernel.workspace().contexts_list():
            return verb.call(given)
        return Table((), (), note="there is no context yet: %hero_context new NAME makes one")

    return replace(verb, call=call)


def _new_context(verb: Verb, _: TerminalDoor) -> Verb:
    """Creating a context, in which a session is made only when one is named."""

    def call(given: Namespace) -> Line:
        """Create a context, or resume it; with --session also a session in it."""
        workspace = hero_kernel.workspace()
        is_new = not workspace.context_exists(given.name)
        context = workspace.context_select(workspace.context_new(given.name))
        if given.coderoot:
            context.configure(coderoot=given.coderoot)
        said = f"context {context.guid} is {'new' if is_new else 'there'}"
        if not given.session:
            return Line(said)
        session = workspace.session_new(context, given.session)
        return Line(f"{said}, and session {session.name} in it")

    return replace(verb, call=call)


_CHANGED: dict[str, dict[str, Callable[[Verb, TerminalDoor], Verb]]] = {
    "contexts": {"list": _maybe_no_context, "new": _new_context},
    "sessions": {"list": _maybe_none},
    "db": {"set": _from_input},
    "config": {"set": _from_input},
    "log": {"follow": _told_already},
}
"""Verbs that a terminal has in another way."""
