"""`%hero_secret`: the context's secret, and the named ones it keeps."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_kernel import crypto, keyring
from hero_kernel.errors import (
    DBKeyError,
    KeyringTamperedError,
    NotInteractiveError,
    SecretRequiredError,
    UsageError,
    WrongSecretError,
    did_you_mean,
)
from hero_kernel.keyring.entry import FILE, PLAIN
from hero_kernel.secret import Secret
from hero_kernel.secrets import PROMPT
from magics.arguments import (
    Command,
    Verb,
    confirmed,
    name_argument,
    names_argument,
    words,
    yes_argument,
)
from magics.display import Line, Table
from magics.status import ago

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hero_kernel import Context
    from hero_kernel.kept import Shown
    from hero_kernel.secrets import Rotated, Secrets
    from magics.doorway import Door


class SecretVerbs:
    """What `%hero_secret` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def _context(self) -> Context:
        return self.door.session().context

    def show(self, _: Namespace) -> Table:
        """Show what may be told of the context's secret, and the names it keeps; never a value."""
        context = self._context()
        secrets = context.secrets
        title = f"context {context.guid}"
        if not secrets.is_set:
            note = "%hero_secret new gives it one"
            rows = (("secret", "none"),)
            if secrets.is_legacy:
                rows = (("secret", "herolib's; whoever can read the records can use it"),)
                note = "%hero_secret import makes it one of ours"
            return Table(("", ""), rows, title=title, note=note)
        info = _advised(lambda: secrets.info)
        names = ", ".join(secrets.names())
        notes = ["%hero_secret unlock unlocks it"] if secrets.is_locked else []
        keys = str(info.generations)
        if info.generations > 1:
            keys += ": a change of keys is not finished"
            notes.append("%hero_secret resume finishes it")
        return Table(
            ("", ""),
            (
                ("secret", "locked" if secrets.is_locked else "unlocked"),
                ("encrypted", "every value" if secrets.encrypts else "what is marked as a secret"),
                ("set", f"{info.changed} UTC, {ago(info.age_s)}"),
                ("key derivation", info.kdf),
                ("key in use", info.kid),
                ("keys kept", keys),
                ("named secrets", names or "none"),
            ),
            title=title,
            note=" · ".join(notes),
        )

    def list_(self, _: Namespace) -> Table:
        """List the names of the kept secrets, and where each is read from."""
        context = self._context()
        environ = self.door.workspace.environ
        rows = []
        for name, source in context.secrets.sources().items():
            variable = keyring.variable(name)
            where = variable if environ.get(variable) else "the context"
            rows.append((name, where, str(source), source.at))
        note = "" if rows else "no secret is kept: %hero_secret set NAME asks for one"
        columns = ("secret", "read from", "source", "when (UTC)")
        return Table(columns, tuple(rows), title=f"context {context.guid}", note=note)

    def new(self, given: Namespace) -> Line:
        """Give the context its secret: asked for twice, or from a file, or made up into one."""
        context = self._context()
        secrets = context.secrets
        if given.file and given.generate:
            raise UsageError("--file and --generate are given", hint="give one of them")
        secrets.check_new()
        encrypt = True if given.encrypt else None
        details = []
        if given.generate:
            path = _path(given.generate)
            secrets.generate(path, encrypt=encrypt)
            details.append(f"it is in {path}, for HERO_SECRET_FILE; nothing else can open the keys")
        else:
            secret = self._handed(given.file, lambda: secrets.asked_twice(PROMPT))
            secrets.set(secret, encrypt=encrypt)
            details += _if_short(secret)
            details.append("it is kept nowhere: without it nobody can read what is encrypted")
        if encrypt:
            details.append("every value is kept encrypted from now on")
        return Line(f"context {context.guid} has a secret, and is unlocked", tuple(details))

    def unlock(self, given: Namespace) -> Line:
        """Unlock what is encrypted, in this kernel, by HERO_SECRET_FILE or by asking."""
        context = self._context()
        secrets = context.secrets
        secrets.require("be unlocked")
        if not secrets.is_locked:
            return Line(f"context {context.guid} is unlocked already")
        secret = keyring.read_secret_file(_path(given.file)) if given.file else None
        _advised(lambda: secrets.unlock(secret, interactive=True))
        self.door.export(self.door.session())
        return Line(f"context {context.guid} is unlocked in this kernel")

    def lock(self, _: Namespace) -> Line:
        """Forget the keys in this kernel, and take secrets out of os.environ."""
        context = self._context()
        context.secrets.require("be locked")
        context.secrets.lock()
        self.door.export(self.door.session())
        return Line(f"context {context.guid} is locked in this kernel")

    def check(self, given: Namespace) -> Line:
        """Ask for the context's secret and say whether it is right; an error when it is not."""
        context = self._context()
        if not context.secrets.is_legacy:
            context.secrets.require("be checked")
        self._right(context, given.file)
        return Line(f"that is the secret of context {context.guid}")

    def set_(self, given: Namespace) -> Line:
        """Keep a secret under a name, encrypted; it is asked for, and not shown."""
        session = self.door.session()
        secrets = session.context.secrets
        if given.file and given.env:
            raise UsageError("--file and --env are given", hint="give one of them")
        variable = keyring.variable(given.name)  # the name is looked at before anybody is asked
        secrets.ready(interactive=True)
        if given.file:
            value = keyring.read_secret_file(_path(given.file))
        elif given.env:
            value = Secret(os.environ.get(given.env, ""))
            if not value:
                raise UsageError(
                    f"{given.env} is not set in the environment", hint="set it before the kernel"
                )
        else:
            otherwise = f"set {variable}, or give --file or --env"
            value = secrets.asked_for(given.name, otherwise=otherwise)
        secrets.put(given.name, value, by=self.door.by("%hero_secret set"))
        return Line(f"{given.name} is kept in context {session.context.guid}, encrypted")

    def get(self, given: Namespace) -> Secret:
        """A kept secret, as an object that shows a mask; `.reveal()` is the value."""
        secrets = self._context().secrets
        try:
            return secrets.get(given.name)
        except SecretRequiredError:
            secrets.ready(interactive=True)
        return secrets.get(given.name)

    def unset(self, given: Namespace) -> Line:
        """Delete kept secrets: all of them, or none."""
        context = self._context()
        there = context.secrets.names()
        names = list(dict.fromkeys(given.names))
        for name in names:
            if name not in there:
                raise DBKeyError(
                    f"context {context.name} keeps no secret {name}",
                    hint=did_you_mean(name, there),
                )
        for name in names:
            context.secrets.delete(name)
        return Line(f"{', '.join(names)} deleted from context {context.guid}")

    def rotate(self, given: Namespace) -> Line:
        """Encrypt everything with a new key; with --new the secret is another one, too."""
        context = self._context()
        secrets = context.secrets
        is_new = given.new or bool(given.new_file)
        if given.new and given.new_file:
            raise UsageError("--new and --new-file are given", hint="give one of them")
        if given.rewrap and not is_new:
            raise UsageError(
                "--rewrap changes the secret alone, and no new one is given", hint="add --new"
            )
        secrets.require("be rotated")
        old = self._right(context, given.old_file) if is_new else self._old(context, given.old_file)
        new = self._new(context, given) if is_new else None
        done = secrets.rotate(new, old=old, rewrap=given.rewrap)
        self.door.export(self.door.session())
        details = [] if given.rewrap else [_counted(done), *_unfinished(secrets)]
        if new is not None:
            details += [*_if_short(new), *self._still_old()]
        details.append("what was leaked stays leaked: change the credentials themselves, too")
        what = "secret" if given.rewrap else "secret and key" if is_new else "key"
        return Line(f"context {context.guid} has a new {what}", tuple(details))

    def resume(self, _: Namespace) -> Line:
        """Finish a change of keys that was interrupted."""
        context = self._context()
        context.secrets.require("be rotated")
        context.secrets.ready(interactive=True)
        done = context.secrets.resume()
        return Line(f"context {context.guid}: {_counted(done)}", _unfinished(context.secrets))

    def upgrade(self, given: Namespace) -> Line:
        """Protect the keys by today's key derivation; the secret stays."""
        context = self._context()
        secrets = context.secrets
        secrets.require("be upgraded")
        before = secrets.info.rev
        secrets.upgrade(self._old(context, given.file))
        kdf = secrets.info.kdf
        if secrets.info.rev == before:
            return Line(f"context {context.guid} is protected by today's {kdf} already")
        return Line(f"context {context.guid} is protected by today's {kdf}")

    def import_(self, given: Namespace) -> Line:
        """Make herolib's secret one of ours, and encrypt anew what herolib encrypted."""
        context = self._context()
        secrets = context.secrets
        secrets.check_legacy()
        if given.new and given.new_file:
            raise UsageError("--new and --new-file are given", hint="give one of them")
        old = self._old(context, given.file)
        new = self._new(context, given) if given.new or given.new_file else None
        count = secrets.import_legacy(old, new)
        self.door.export(self.door.session())
        said = f"context {context.guid} has a secret of its own; {count} values were brought in"
        if new is not None:
            return Line(said, (*_if_short(new), *self._still_old()))
        why = "the old one could be used by everybody who could read the records"
        return Line(said, (f"{why}: change it with %hero_secret rotate --new",))

    def encrypt(self, given: Namespace) -> Line:
        """Keep every value of the context encrypted from now on, or only what is a secret."""
        context = self._context()
        context.secrets.ready(interactive=True)
        context.secrets.encrypt_all(encrypt=given.state == "on")
        what = "every value" if given.state == "on" else "only what is marked as a secret"
        return Line(f"context {context.guid} keeps {what} encrypted")

    def restore(self, given: Namespace) -> Line:
        """Put the last good copy in the place of a damaged keyring; needs --yes."""
        context = self._context()
        confirmed(given, f"replacing the keyring of context {context.name}")
        context.secrets.restore()
        self.door.export(self.door.session())
        return Line(
            f"the keyring of context {context.guid} is restored, and locked",
            ("if there was a damaged one, it is kept beside it",),
        )

    def _handed(self, file: str, ask: Callable[[], Secret]) -> Secret:
        """A secret: from a file, else as the environment hands it over, else asked for."""
        if file:
            return keyring.read_secret_file(_path(file))
        handed = keyring.read_passphrase(self.door.workspace.environ)
        if handed is not None:
            return handed
        try:
            return ask()
        except NotInteractiveError as error:
            raise SecretRequiredError(
                f"the secret is needed, and {error.message}",
                hint="set HERO_SECRET_FILE, or name a file with it on the line",
            ) from error

    def _old(self, context: Context, file: str) -> Secret:
        question = f"Secret of context {context.name}: "
        return self._handed(file, lambda: context.secrets.asked(question))

    def _right(self, context: Context, file: str) -> Secret:
        """The present secret, proved before anything else is asked."""
        secret = self._old(context, file)
        if not context.secrets.check(secret):
            raise WrongSecretError(f"that is not the secret of context {context.name}")
        return secret

    def _new(self, context: Context, given: Namespace) -> Secret:
        if given.new_file:
            return keyring.read_secret_file(_path(given.new_file))
        try:
            return context.secrets.asked_twice(f"New secret of context {context.name}:")
        except NotInteractiveError as error:
            raise SecretRequiredError(
                f"a new secret is needed, and {error.message}", hint="give it by --new-file"
            ) from error

    def _still_old(self) -> tuple[str, ...]:
        """What to say of a variable that hands over the secret, which is another one now."""
        environ = self.door.workspace.environ
        names = [name for name in (FILE, PLAIN) if environ.get(name)]
        return tuple(f"{name} still hands over the old one" for name in names)


@dataclass(frozen=True)
class SecretCommand(Command):
    """A magic on whose line no secret may stand: what looks like one is masked and refused.

    Attributes:
        hide: Masks a text from now on.
    """

    hide: Callable[[str], object] = lambda _: None

    def run(self, line: str) -> Any:
        """As `Command.run`.

        Raises:
            UsageError: As there, or a secret stands on the line.
        """
        found = on_line(self.name.removeprefix("%"), line)
        if found:
            for one in found:
                self.hide(one)
            raise literal()
        return super().run(line)


def literal() -> UsageError:
    """The error for a line with a secret on it."""
    return UsageError(
        "a secret is not written on a line, which the notebook and its history keep",
        hint="leave it out and it is asked for, hidden; the one you wrote was shown: change it",
    )


def on_line(magic: str, line: str) -> list[str]:
    """What looks like a secret among the words of a magic's line, however the line is wrong.

    Args:
        magic: `hero_secret`, or one whose `set --secret` asks for values.
        line: What follows it.
    """
    try:
        given = words(line)
    except UsageError:  # a quote is not closed
        given = [word.strip("'\"") for word in line.split()]
    if not given or {"-h", "--help"} & set(given):
        return []
    if magic == "hero_secret":
        return _on_ours(given)
    verb, *rest = given
    if verb != "set" or "--secret" not in rest:
        return []
    named = [word for word in rest if not word.startswith("-")]
    return named[1:] if magic == "hero_db" else [found for word in named for found in _after(word)]


def in_cell(cell: str) -> list[str]:
    """What looks like a secret on the lines of a cell that are magics."""
    return [found for one in _MAGIC.finditer(cell) for found in on_line(one[1], one[2])]


_MAGIC = re.compile(
    r"^[^\S\n]*(?:[\w., \t]+=[^\S\n]*)?%{0,2}(hero_(?:secret|env|param|db))[^\S\n]+(.*)$",
    re.MULTILINE,
)
VERBS = (
    "show", "list", "new", "unlock", "lock", "check", "set", "get", "unset", "rotate", "resume",
    "upgrade", "import", "encrypt", "restore",
)  # fmt: skip
"""Those of `%hero_secret`."""

_ASKING = ("new", "unlock", "check", "rotate", "upgrade", "import")
_WITH_VALUE = ("--file", "--env", "--old-file", "--new-file", "--generate")


def _on_ours(given: list[str]) -> list[str]:
    """The same for `%hero_secret`."""
    verb = next(iter(get_close_matches(given[0], VERBS, n=1)), "")
    found, left, words = [], [], iter(given[1:])
    for word in words:
        option, equals, value = word.partition("=")
        if not word.startswith("--"):
            left.append(word)
        elif _is_like(option, _WITH_VALUE):
            if not equals:
                next(words, "")
        elif value:
            found.append(value)
    if verb in _ASKING or not verb:
        found += left
    elif verb == "set":
        found += left[1:]
    else:
        found = []
    if verb in ("set", "get", "unset"):
        found += [value for word in left for value in _after(word)]
    return [one for one in (*found, *_after(given[0])) if one not in ("=", ":")]


def _is_like(option: str, known: Sequence[str]) -> bool:
    """Whether it is one of the options, or one of them misspelt."""
    return bool(get_close_matches(option, known, n=1, cutoff=0.8))


def _after(word: str) -> list[str]:
    """The value in NAME=VALUE or NAME:VALUE."""
    value = re.split("[=:]", word, maxsplit=1)[1:]
    return [one for one in value if one]


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = SecretVerbs(door)
    return SecretCommand(
        "%hero_secret",
        "the context's secret, and secrets kept under a name; each is asked for, and not shown",
        {
            "show": Verb(verbs.show),
            "list": Verb(verbs.list_),
            "new": Verb(verbs.new, _new_arguments),
            "unlock": Verb(verbs.unlock, _file_argument),
            "lock": Verb(verbs.lock),
            "check": Verb(verbs.check, _file_argument),
            "set": Verb(verbs.set_, _set_arguments),
            "get": Verb(verbs.get, name_argument),
            "unset": Verb(verbs.unset, names_argument),
            "rotate": Verb(verbs.rotate, _rotate_arguments),
            "resume": Verb(verbs.resume),
            "upgrade": Verb(verbs.upgrade, _file_argument),
            "import": Verb(verbs.import_, _import_arguments),
            "encrypt": Verb(verbs.encrypt, _encrypt_arguments),
            "restore": Verb(verbs.restore, yes_argument),
        },
        hide=door.hide,
        names="secret",
    )


def keep_secret(
    names: Iterable[str], shown: Callable[[], Mapping[str, Shown]], secrets: Secrets, magic: str
) -> None:
    """Make ready for plain values: unlock where all is encrypted, and refuse to replace a secret.

    Args:
        names: What is to be set.
        shown: Tells what is there.
        secrets: The context's.
        magic: What to type instead.

    Raises:
        UsageError: One of them is a secret, and would be shown from then on.
    """
    if secrets.encrypts:
        secrets.ready(interactive=True)
    there = shown()
    for name in names:
        # nothing else can be locked here
        if name in there and there[name].state in ("secret", "locked"):
            raise UsageError(
                f"{name} is a secret, and would no longer be one",
                hint=f"{magic} set --secret {name} asks for another value; or unset it first",
            )


def _advised(call: Callable[[], Any]) -> Any:
    """What a call returns; a damaged keyring's error tells how to have the copy back."""
    try:
        return call()
    except KeyringTamperedError as error:
        if error.hint.endswith("restore it"):
            error.hint += " with %hero_secret restore --yes"
        raise


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _if_short(secret: Secret) -> tuple[str, ...]:
    if not crypto.is_short(secret):
        return ()
    return (f"it has fewer than {crypto.SHORT} characters: a longer one is harder to guess",)


def _counted(done: Rotated) -> str:
    values = "1 value" if done.values == 1 else f"{done.values} values"
    retired = f"{done.retired} old key{'' if done.retired == 1 else 's'}"
    return f"{values} encrypted anew, {retired} dropped"


def _unfinished(secrets: Secrets) -> tuple[str, ...]:
    if secrets.info.generations == 1:
        return ()
    return ("values of an older key are left: %hero_secret resume goes on",)


def _file_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--file", default="", metavar="FILE", help="the secret is in it; of mode 0600"
    )


def _new_file_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--new", action="store_true", help="ask for another secret, twice")
    parser.add_argument(
        "--new-file", default="", metavar="FILE", help="the other secret is in it; of mode 0600"
    )


def _new_arguments(parser: ArgumentParser) -> None:
    _file_argument(parser)
    parser.add_argument(
        "--generate", default="", metavar="FILE", help="make one up, and write it to a new file"
    )
    parser.add_argument("--encrypt", action="store_true", help="keep every value encrypted")


def _set_arguments(parser: ArgumentParser) -> None:
    name_argument(parser)
    _file_argument(parser)
    parser.add_argument(
        "--env", default="", metavar="VAR", help="a variable of the process that holds it"
    )


def _rotate_arguments(parser: ArgumentParser) -> None:
    _new_file_arguments(parser)
    parser.add_argument("--rewrap", action="store_true", help="change the secret alone, at once")
    parser.add_argument(
        "--old-file", default="", metavar="FILE", help="the present secret is in it; of mode 0600"
    )


def _import_arguments(parser: ArgumentParser) -> None:
    _file_argument(parser)
    _new_file_arguments(parser)


def _encrypt_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "state", choices=("on", "off"), metavar="on|off", help="whether every value is encrypted"
    )
