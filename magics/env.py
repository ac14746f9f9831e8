"""`%hero_env`: the session's environment variables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel.errors import EnvKeyError, SourceError, UsageError
from magics.arguments import (
    Command,
    Verb,
    confirmed,
    name_argument,
    names_argument,
    yes_argument,
)
from magics.display import Line, Table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.door import Door


class EnvVerbs:
    """What `%hero_env` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, _: Namespace) -> Table:
        """Show the session's variables."""
        session = self.door.session()
        self.door.export(session)  # another kernel may have changed them
        rows = tuple(session.env_all().items())
        note = "kept in the session, and set in os.environ" if rows else "no variable is set"
        return Table(("variable", "value"), rows, title=f"session {session.guid}", note=note)

    def set_(self, given: Namespace) -> Line:
        """Set variables, in the session and in os.environ."""
        session = self.door.session()
        pairs = dict(_pair(word) for word in given.pairs)
        session.env_update(pairs, once=given.once)
        self.door.export(session)
        return Line(f"{', '.join(pairs)} set in session {session.name} and in os.environ")

    def get(self, given: Namespace) -> str:
        """The value of a variable of the session."""
        return self.door.session().env_get(given.name)

    def unset(self, given: Namespace) -> Line:
        """Delete variables from the session; os.environ gets back what it had."""
        session = self.door.session()
        session.env_delete(*given.names)
        self.door.export(session)
        return Line(f"{', '.join(given.names)} deleted from session {session.name}")

    def load(self, given: Namespace) -> Line:
        """Set the variables of a .env file: NAME=VALUE lines, # comments."""
        session = self.door.session()
        pairs = _read(Path(given.file).expanduser())
        try:
            session.env_update(pairs, once=not given.override)
        except EnvKeyError as error:
            error.hint = "add --override to change it"
            raise
        self.door.export(session)
        return Line(f"{len(pairs)} variables of {given.file} set in session {session.name}")

    def reset(self, given: Namespace) -> Line:
        """Delete every variable of the session; needs --yes."""
        session = self.door.session()
        names = list(session.env_all())
        confirmed(given, f"deleting {len(names)} variables of session {session.name}")
        if names:
            session.env_delete(*names)
        self.door.export(session)
        return Line(f"{len(names)} variables deleted from session {session.name}")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = EnvVerbs(door)
    return Command(
        "%hero_env",
        "the session's environment variables; {NAME} in heroscript becomes the value",
        {
            "show": Verb(verbs.show),
            "list": Verb(verbs.show),
            "set": Verb(verbs.set_, _set_arguments),
            "get": Verb(verbs.get, name_argument),
            "unset": Verb(verbs.unset, names_argument),
            "load": Verb(verbs.load, _load_arguments),
            "reset": Verb(verbs.reset, yes_argument),
        },
    )


_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not _KEY.fullmatch(key):
        raise UsageError(
            f"{word} is not NAME=VALUE", hint="quote a value with blanks: NAME='two words'"
        )
    return key, value


def _read(path: Path) -> dict[str, str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SourceError(
            f"{path.absolute()} cannot be read: {why}", hint="nothing was set"
        ) from error
    pairs = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise SourceError(f"{path}:{number}: this is not NAME=VALUE", hint="nothing was set")
        value = found[2]
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        pairs[found[1]] = value[1:-1] if quoted else value
    return pairs


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "pairs", nargs="+", metavar="NAME=VALUE", help="a value with blanks in quotes"
    )
    parser.add_argument("--once", action="store_true", help="an error when it is set already")


def _load_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--override", action="store_true", help="change what is set already")
