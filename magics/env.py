"""`%hero_env`: the session's environment variables.

IPython's own `%env X=…`, and `os.environ`, are the process's alone, and show what they hold: what
must not be seen is set here, with `--secret`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel.errors import EnvKeyError, SourceError, UsageError
from hero_kernel.kept import Shown
from hero_kernel.provenance import Source
from hero_kernel.secret import Secret
from magics.arguments import (
    Verb,
    confirmed,
    name_argument,
    names_argument,
    yes_argument,
)
from magics.display import Line, Table
from magics.kept import changed_argument, kept_table
from magics.secret import SecretCommand, keep_secret

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Session
    from magics.arguments import Command
    from magics.doorway import Door


class EnvVerbs:
    """What `%hero_env` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Table:
        """Show the session's variables, and where each came from; secrets are masked."""
        session = self.door.session()
        self.door.export(session)  # another kernel may have changed them
        shown, sources = session.env_shown(), session.env_sources()
        note = "kept in the session, and set in os.environ" if shown else "no variable is set"
        if any(one.state == "locked" for one in shown.values()):
            note += " but for what is locked"
        notes, own = [note], shown.keys()
        if given.all:
            others = sorted(os.environ.keys() - own)
            shown = shown | dict.fromkeys(others, Shown("", "the process's alone"))
            sources |= dict.fromkeys(others, Source("the process"))
            notes.append("{NAME} in heroscript is the session's only; %env shows the process's")
        return kept_table(
            "variable",
            shown,
            sources,
            title=f"session {session.guid}",
            notes=notes,
            remark=lambda name: (
                "hides the process's" if name in own and self.door.hides(name) else ""
            ),
            only_changed=given.changed,
        )

    def set_(self, given: Namespace) -> Line:
        """Set variables, in the session and in os.environ; with --secret each is asked for."""
        session = self.door.session()
        if given.secret:
            return self._ask(session, given)
        pairs = dict(_pair(word) for word in given.pairs)
        keep_secret(pairs, session.env_shown, session.context.secrets, "%hero_env")
        session.env_update(pairs, once=given.once, by=self.door.by("%hero_env set"))
        self.door.export(session)
        return Line(f"{', '.join(pairs)} set in session {session.name} and in os.environ")

    def _ask(self, session: Session, given: Namespace) -> Line:
        for name in given.pairs:
            if not NAME.fullmatch(name):
                raise UsageError(f"{name} is no name of a variable", hint="give names alone")
        there = session.env_shown()
        taken = [name for name in given.pairs if given.once and name in there]
        if taken:  # before anything is asked
            raise EnvKeyError(f"{', '.join(taken)} is set already", hint="leave out --once")
        secrets = session.context.secrets
        secrets.ready(interactive=True)
        otherwise = "%hero_env load FILE --secret sets those of a file"
        values = {name: secrets.asked_for(name, otherwise=otherwise) for name in given.pairs}
        session.env_update(values, once=given.once, by=self.door.by("%hero_env set --secret"))
        self.door.export(session)
        names = ", ".join(values)
        return Line(f"{names} set in session {session.name}, encrypted, and in os.environ")

    def get(self, given: Namespace) -> str | Secret:
        """The value of a variable of the session; a secret shows a mask, and `.reveal()`s it."""
        session = self.door.session()
        shown = session.env_shown().get(given.name)
        if shown is None or not shown.state:
            return session.env_get(given.name)
        session.context.secrets.ready(interactive=True)
        value = session.env_get(given.name)
        return Secret(value) if session.env_shown()[given.name].state == "secret" else value

    def unset(self, given: Namespace) -> Line:
        """Delete variables from the session; os.environ gets back what it had."""
        session = self.door.session()
        session.env_delete(*given.names, by=self.door.by("%hero_env unset"))
        self.door.export(session)
        return Line(f"{', '.join(given.names)} deleted from session {session.name}")

    def load(self, given: Namespace) -> Line:
        """Set the variables of a .env file: NAME=VALUE lines, # comments."""
        session = self.door.session()
        if given.secret:
            session.context.secrets.ready(interactive=True)
        path = Path(given.file).expanduser().absolute()
        pairs = _read(path)
        if not given.secret:
            keep_secret(pairs, session.env_shown, session.context.secrets, "%hero_env")
        values = {key: Secret(text) if given.secret else text for key, text in pairs.items()}
        try:
            session.env_update(
                values, once=not given.override, by=self.door.by(f"%hero_env load {path}")
            )
        except EnvKeyError as error:
            error.hint = "add --override to change it"
            raise
        self.door.export(session)
        encrypted = ", encrypted" if given.secret else ""
        said = f"{len(pairs)} variables of {given.file} set in session {session.name}{encrypted}"
        return Line(said)

    def reset(self, given: Namespace) -> Line:
        """Delete every variable of the session; needs --yes."""
        session = self.door.session()
        names = list(session.env_shown())
        confirmed(given, f"deleting {len(names)} variables of session {session.name}")
        if names:
            session.env_delete(*names, by=self.door.by("%hero_env reset"))
        self.door.export(session)
        return Line(f"{len(names)} variables deleted from session {session.name}")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = EnvVerbs(door)
    return SecretCommand(
        "%hero_env",
        "the session's environment variables; {NAME} in heroscript becomes the value",
        {
            "show": Verb(verbs.show, _show_arguments),
            "list": Verb(verbs.show, _show_arguments),
            "set": Verb(verbs.set_, _set_arguments),
            "get": Verb(verbs.get, name_argument),
            "unset": Verb(verbs.unset, names_argument),
            "load": Verb(verbs.load, _load_arguments),
            "reset": Verb(verbs.reset, yes_argument),
        },
        hide=door.hide,
        names="env",
    )


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
"""Of a variable, as a line can say it."""

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not NAME.fullmatch(key):
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


def _show_arguments(parser: ArgumentParser) -> None:
    changed_argument(parser)
    parser.add_argument(
        "--all", action="store_true", help="also the names that only the process has"
    )


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "pairs", nargs="+", metavar="NAME=VALUE", help="a value with blanks in quotes"
    )
    parser.add_argument(
        "--secret", action="store_true", help="NAME alone: ask for the value, and keep it encrypted"
    )
    parser.add_argument("--once", action="store_true", help="an error when it is set already")


def _load_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--secret", action="store_true", help="keep them encrypted, and mask them")
    parser.add_argument("--override", action="store_true", help="change what is set already")
