"""`%hero_db`: keys and values of the session's database, and of others in its context."""

from __future__ import annotations

import json
from itertools import islice
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel.actors.builtin.db import counted, database, imported, json_value
from hero_kernel.errors import (
    ActionError,
    CorruptRecordError,
    DBKeyError,
    HeroError,
    KeyringMissingError,
    SecretRequiredError,
    UsageError,
    ValueTamperedError,
)
from hero_kernel.secret import MASK, Secret
from magics.arguments import Command, Help, Parser, Verb, confirmed, count, words, yes_argument
from magics.display import Line, Table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterable
    from typing import Any

    from hero_kernel.databases import Database, Value
    from magics.doorway import Door

ROWS = 20
"""Keys shown unless `-n` says otherwise."""

PREVIEW = 80
"""Characters of a value in a table."""

WINDOW = 64 * 1024
"""Characters of a value in which known secrets are looked for, before it is cut to a preview: one
that was cut in two would not be found."""


class DbVerbs:
    """What `%hero_db` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Table:
        """Show keys, with a preview of each value; secrets are masked."""
        here = self._database(given)
        keys = here.keys(given.prefix)
        total = len(keys)
        extra = 0 if given.prefix else here.info().entries - total
        note = f"{_entries(extra)} more without a key" if extra > 0 else ""
        if not total and not note:
            note = f"no key begins with {given.prefix}" if given.prefix else "it is empty"
        return self._table(here, islice(keys, given.limit), total, note)

    def list_(self, _: Namespace) -> Table:
        """List the databases of the context."""
        session = self.door.session()
        own = session.db_get().name
        collection = session.context.dbcollection()
        rows = []
        for name in collection.list():
            try:
                info = collection.get(name).info()
                said = (str(info.entries), _size(info.bytes), "yes" if info.encrypted else "no")
            except HeroError as error:  # the others can be seen all the same
                said = ("", "", error.message)
            rows.append(("▸" if name == own else "", name, *said))
        return Table(
            ("", "database", "entries", "size", "encrypted"),
            tuple(rows),
            title=f"context {session.context.guid}",
            note="" if rows else "no database is there yet: each is made at its first write",
        )

    def get(self, given: Namespace) -> Value:
        """The value of a key; with --out it is put into a variable and not shown."""
        if given.out is not None and (not given.out.isidentifier() or iskeyword(given.out)):
            raise UsageError(f"--out {given.out} is no variable name", hint="write --out value")
        shell = self.door.shell
        if given.out is not None and shell is None:
            raise UsageError("--out is for notebooks", hint="leave it out, and the value is shown")
        value = self._database(given).get(given.key)
        if given.out is None or shell is None:
            return value
        shell.user_ns[given.out] = value
        return None

    def set_(self, given: Namespace) -> Line:
        """Keep a value under a key: a text, or what JSON spells, or a secret that is asked for."""
        here = self._database(given, new=True)
        if given.secret:
            return self._keep(here, given.key, self._asked(given))
        if given.value is None:
            raise UsageError(
                "%hero_db set needs VALUE", hint="--secret asks for one, which is not shown"
            )
        return self._keep(here, given.key, _json(given.value) if given.json else given.value)

    def _asked(self, given: Namespace) -> Secret:
        secrets = self.door.session().context.secrets
        if given.value is not None or given.json:
            if given.value is not None:
                secrets.hide(given.value)
            raise UsageError(
                "a secret is not written on the line, which is kept in history and in the notebook",
                hint=f"leave it out, and it is asked for: %hero_db set {given.key} --secret",
            )
        secrets.ready(interactive=True)
        return secrets.asked_for(given.key, otherwise="set it in Python: db.set(…, Secret(…))")

    def _keep(self, here: Database, key: str, value: Value) -> Line:
        is_new = not here.path.exists()
        here.set(key, value)
        return Line(f"{key} is kept in database {here.name}" + (", which is new" if is_new else ""))

    def cell(self, given: Namespace, body: str) -> Line:
        """Keep the text of the cell under a key."""
        text = body.removesuffix("\n")
        value = _json(text) if given.json else text
        return self._keep(self._database(given, new=True), given.key, value)

    def unset(self, given: Namespace) -> Line:
        """Delete keys with their values: all of them, or none."""
        here = self._database(given)
        keys = list(dict.fromkeys(given.keys))
        for key in keys:
            here.id_of(key)  # told before anything is deleted, with the near miss
        if len(keys) == 1:
            here.delete(keys[0])
        else:
            with here.transaction():
                for key in keys:
                    here.delete(key)
        return Line(f"{', '.join(keys)} deleted from database {here.name}")

    def find(self, given: Namespace) -> Table:
        """Show the keys that hold a text, in whatever case; with --values also in their values."""
        here = self._database(given)
        wanted = given.text.casefold()
        found, total, unread = [], 0, 0
        for key in here.keys():  # noqa: SIM118 - a mapping, whose keys come in pages
            holds = wanted in key.casefold()
            if not holds and given.values:
                value, fault = _read(here, key)
                unread += fault is not None and not isinstance(fault, DBKeyError)
                holds = fault is None and wanted in _searched(value).casefold()
            if holds:
                total += 1
                if total <= given.limit:
                    found.append(key)
        where = "no key or value" if given.values else "no key"
        notes = [] if total else [f"{where} holds {given.text}"]
        notes += [f"{counted(unread, 'value')} could not be read"] if unread else []
        return self._table(here, found, total, " · ".join(notes))

    def export(self, given: Namespace) -> Line:
        """Write every entry to a file, as lines of JSON; secrets are left out."""
        here = self._database(given)
        if here.is_encrypted() and not given.decrypted:
            raise UsageError(
                f"database {here.name} is encrypted, and an export is not",
                hint="add --decrypted to have its values written in the clear",
            )
        path = Path(given.file).expanduser().absolute()
        count = here.export(path, secrets="skip", decrypted=given.decrypted)
        left = here.info().entries - count
        said = f"{_entries(count)} of database {here.name} written to {path}"
        return Line(said + (f"; {counted(left, 'secret')} left out" if left > 0 else ""))

    def load(self, given: Namespace) -> Line:
        """Take in what `export` wrote, all of it or nothing; a key that is there gets the value."""
        here = self._database(given, new=True)
        path = Path(given.file).expanduser().absolute()
        return Line(f"{_entries(here.load(path))} of {path} read into database {here.name}")

    def import_(self, given: Namespace) -> Table:
        """Bring in databases that herolib wrote; theirs stay as they are."""
        context = self.door.session().context
        folder = Path(given.folder).expanduser().absolute() if given.folder else None
        report = context.dbcollection().import_dbfs(folder, overwrite=given.overwrite)
        rows = [("skipped", one.database, one.place, one.reason) for one in report.skipped]
        rows += [("changed", one.database, one.place, one.reason) for one in report.notes]
        if not report.databases and not rows:
            return Table((), (), note="there is none of herolib's databases")
        note = "encrypted ones come with %hero_secret import" if context.secrets.is_legacy else ""
        columns = ("", "database", "what", "why")
        return Table(columns, tuple(rows), title=imported(report), note=note)

    def empty(self, given: Namespace) -> Line:
        """Delete every entry of the database; needs --yes."""
        here = self._database(given)
        count = here.info().entries
        confirmed(given, f"deleting {_entries(count)} of database {here.name}")
        here.empty()
        return Line(f"{_entries(count)} deleted from database {here.name}")

    def drop(self, given: Namespace) -> Line:
        """Delete a database with its file; needs --yes."""
        here = database(self.door.session(), given.name)
        confirmed(given, f"deleting database {here.name}")
        here.destroy()
        return Line(f"database {here.name} is deleted")

    def encrypt(self, given: Namespace) -> Line:
        """Encrypt every value of the database, now and from now on."""
        here = self._database(given)
        return Line(f"database {here.name} is encrypted: {counted(here.encrypt(), 'value')} sealed")

    def decrypt(self, given: Namespace) -> Line:
        """Keep every value of the database in the clear, but for secrets."""
        here = self._database(given)
        return Line(
            f"database {here.name} is not encrypted: {counted(here.decrypt(), 'value')} opened"
        )

    def frame(self, given: Namespace) -> Any:
        """The entries as a pandas DataFrame: key, id and value."""
        return self._database(given).to_frame()

    def _database(self, given: Namespace, *, new: bool = False) -> Database:
        return database(self.door.session(), given.database, new=new)

    def _table(self, here: Database, keys: Iterable[str], total: int, note: str) -> Table:
        """Keys and previews; one that cannot be read does not hide the others."""
        rows, locked = [], ""
        for key in keys:
            value, fault = _read(here, key)
            if isinstance(fault, DBKeyError):  # deleted since the keys were read
                continue
            if isinstance(fault, SecretRequiredError | KeyringMissingError):
                locked = f"{MASK} is encrypted: {fault.message}"
                rows.append((key, "", MASK))
            elif fault is not None:
                rows.append((key, "", f"✗ {fault.message}"))
            else:
                rows.append((key, _kind(value), self._preview(value)))
        state = " (encrypted)" if here.is_encrypted() else ""
        return Table(
            ("key", "type", "value"),
            tuple(rows),
            title=f"database {here.name} of context {self.door.session().context.guid}{state}",
            note=" · ".join(part for part in (note, locked) if part),
            limit=max(1, len(rows)),
            total=total if len(rows) < total else 0,
        )

    def _preview(self, value: Value) -> str:
        text = self.door.workspace.redactor.mask(_text(value))
        return text if len(text) <= PREVIEW else f"{text[: PREVIEW - 1]}…"


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = DbVerbs(door)
    return Command(
        "%hero_db",
        "keys and values that the session keeps, and the databases of its context",
        {
            "show": Verb(verbs.show, _show_arguments),
            "ls": Verb(verbs.show, _show_arguments),
            "list": Verb(verbs.list_),
            "get": Verb(verbs.get, _get_arguments),
            "set": Verb(verbs.set_, _set_arguments),
            "unset": Verb(verbs.unset, _unset_arguments),
            "rm": Verb(verbs.unset, _unset_arguments),
            "find": Verb(verbs.find, _find_arguments),
            "export": Verb(verbs.export, _export_arguments),
            "load": Verb(verbs.load, _load_arguments),
            "import": Verb(verbs.import_, _import_arguments),
            "empty": Verb(verbs.empty, _empty_arguments),
            "drop": Verb(verbs.drop, _drop_arguments),
            "encrypt": Verb(verbs.encrypt, _database_argument),
            "decrypt": Verb(verbs.decrypt, _database_argument),
            "frame": Verb(verbs.frame, _database_argument),
        },
    )


def cell_parser() -> Parser:
    """What reads the line of `%%hero_db`."""
    parser = Parser("%%hero_db", "Keep the text of the cell under a key.")
    parser.add_argument("key", nargs="?", metavar="KEY")
    _json_argument(parser)
    _database_argument(parser)
    return parser


def cell(door: Door, line: str, body: str) -> Help | Line:
    """`%%hero_db KEY`: keep the text of the cell under a key.

    Raises:
        UsageError: The line is wrong, or the text is no JSON.
    """
    parser = cell_parser()
    given = parser.parse_args(words(line))
    if given.help:
        return Help(parser.format_help())
    if given.key is None:
        parser.error("the following arguments are required: KEY")
    return DbVerbs(door).cell(given, body)


def _read(here: Database, key: str) -> tuple[Value, HeroError | None]:
    """The value of a key, or why it cannot be told."""
    try:
        return here.get(key), None
    except (
        CorruptRecordError,
        DBKeyError,
        KeyringMissingError,
        SecretRequiredError,
        ValueTamperedError,
    ) as error:
        return None, error


def _searched(value: Value) -> str:
    """The text of a value in which something may be looked for."""
    if isinstance(value, Secret | bytes):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")


def _kind(value: Value) -> str:
    return "None" if value is None else type(value).__name__.lower()


def _text(value: Value) -> str:
    """A value as a reader knows it, as much of it as is looked through before it is cut."""
    if isinstance(value, str):
        return value[:WINDOW]
    if isinstance(value, bytes):
        return repr(value[:WINDOW])
    if isinstance(value, list | dict):
        return _searched(value)[:WINDOW]
    return str(value)


def _size(count: int) -> str:
    """Bytes for a reader."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _json(text: str) -> Value:
    try:
        return json_value(text)
    except ActionError as error:
        raise UsageError(
            error.message,
            hint="on a line, put all of it in single quotes: '{\"a\": 1}'; or write it into the "
            "cell of %%hero_db KEY --json",
        ) from None


def _database_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-d",
        "--database",
        default="",
        metavar="DB",
        help="default: the session's own; config is shared by the context's sessions",
    )


def _limit_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-n", "--limit", type=count, default=ROWS, metavar="N", help=f"rows; default: {ROWS}"
    )


def _json_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="it is JSON: a number, true, null, a list, a map"
    )


def _show_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("prefix", nargs="?", default="", metavar="PREFIX", help="of the keys")
    _database_argument(parser)
    _limit_argument(parser)


def _get_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY")
    _database_argument(parser)
    parser.add_argument("-o", "--out", metavar="VAR", help="put the value into a variable")


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="one with blanks in quotes")
    _json_argument(parser)
    parser.add_argument("--secret", action="store_true", help="ask for it, hidden; it is encrypted")
    _database_argument(parser)


def _unset_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("keys", nargs="+", metavar="KEY")
    _database_argument(parser)


def _find_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument(
        "--values", action="store_true", help="look into values too, but for secrets and bytes"
    )
    _database_argument(parser)
    _limit_argument(parser)


def _export_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="is replaced if it is there")
    parser.add_argument("--decrypted", action="store_true", help="write sealed values in the clear")
    _database_argument(parser)


def _load_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    _database_argument(parser)


def _import_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", default="", metavar="FOLDER", help="default: the context's own"
    )
    parser.add_argument("--overwrite", action="store_true", help="change what is here already")


def _empty_arguments(parser: ArgumentParser) -> None:
    _database_argument(parser)
    yes_argument(parser)


def _drop_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="DB")
    yes_argument(parser)
