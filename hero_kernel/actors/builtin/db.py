"""The `db` actor: keys and values of the session's database, and of others in its context."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

from hero_kernel.actors import foreign
from hero_kernel.actors.builtin.core import refuse_secret
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError, DatabaseError, DatabaseNotFoundError, did_you_mean
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed, Skipped
from hero_kernel.secret import Secret
from hero_kernel.secrets import DATABASE as NAMED_SECRETS
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from hero_kernel.databases import Database, ImportReport, Value


@mark("db.set")
def set_(
    session: Session,
    *,
    key: str,
    value: str,
    db: str = "",
    type: Literal["text", "json"] = "text",  # noqa: A002  # a parameter's name in scripts
) -> Changed | str:
    """Keep a value under a key; one that holds a secret is kept as one.

    Args:
        key: Any text.
        value: What is kept.
        db: The database, made when it is not there; default: the session's own. `config` is
            shared by the context's sessions.
        type: `json` keeps a number, true, false, null, a list or a map as such.
    """
    refuse_secret(session.context.secrets, "key", key)
    refuse_secret(session.context.secrets, "database's name", db)
    target, marked = database(session, db, new=True), session.context.secrets.marked(value)
    if type == "json" and isinstance(marked, Secret):
        raise ActionError(
            "the value holds a secret, which JSON cannot keep as one",
            hint="leave out type:json, and it is kept encrypted",
        )
    wanted = json_value(value) if type == "json" else marked
    if _is_same(target.get(key, _NOTHING), wanted):
        return key
    target.set(key, wanted)
    return Changed(key)


@mark("db.get", harmless=True)
def get(session: Session, *, key: str, db: str = "") -> object:
    """The value of a key; an error when there is none.

    Args:
        key: Its key.
        db: The database; default: the session's own.
    """
    return database(session, db).get(key)


@mark("db.delete")
def delete(session: Session, *, key: str, db: str = "") -> Changed:
    """Delete a key and its value; an error when there is none.

    Args:
        key: Its key.
        db: As for `db.get`.
    """
    database(session, db).delete(key)
    return Changed(key)


@mark("db.list", harmless=True)
def list_(session: Session, *, prefix: str = "", db: str = "", limit: int = 50) -> str:
    """The keys, in order, one a line.

    Args:
        prefix: Only those that begin so.
        db: As for `db.get`.
        limit: How many at most.
    """
    if limit < 1:
        raise ActionError(f"limit is {limit}", hint="give 1 or more")
    keys = database(session, db).keys(prefix)
    found = list(islice(keys, limit))
    left = len(keys) - len(found) if len(found) == limit else 0
    return "\n".join(found + ([f"… {left} more"] if left > 0 else []))


@mark("db.databases", harmless=True)
def databases(session: Session) -> str:
    """The databases of the context, one a line."""
    return "\n".join(session.context.dbcollection().list())


@mark("db.empty")
def empty(session: Session, *, db: str = "") -> Changed | Skipped:
    """Delete every entry.

    Args:
        db: As for `db.get`.
    """
    target = database(session, db)
    count = target.info().entries
    if not count:
        return Skipped(f"{target.name} is empty")
    target.empty()
    return Changed(f"{counted(count, 'entry', 'entries')} deleted from {target.name}")


@mark("db.export")
def export(
    session: Session, *, path: Path, db: str = "", decrypted: bool = False, action: Action
) -> Changed:
    """Write every entry to a file, as lines of JSON; secrets are left out.

    Args:
        path: The file; one that is there is replaced.
        db: As for `db.get`.
        decrypted: Whether the values of an encrypted database may be written in the clear.
    """
    foreign.refuse(action, "write a file where it likes")
    target = database(session, db)
    if target.is_encrypted() and not decrypted:
        raise ActionError(
            f"database {target.name} is encrypted, and an export is not",
            hint="give decrypted:true to have its values written in the clear",
        )
    count = target.export(Path.cwd() / path, secrets="skip", decrypted=decrypted)
    return Changed(f"{count} of {target.info().entries} entries written to {path}")


@mark("db.load")
def load(session: Session, *, path: Path, db: str = "", action: Action) -> Changed:
    """Take in what `db.export` wrote, all of it or nothing.

    Args:
        path: The file.
        db: As for `db.set`.
    """
    foreign.refuse(action, "read a file where it likes")
    target = database(session, db, new=True)
    count = target.load(Path.cwd() / path)
    return Changed(f"{counted(count, 'entry', 'entries')} read into {target.name}")


@mark("db.import_dbfs")
def import_dbfs(session: Session) -> Changed | Skipped:
    """Bring in the databases that herolib wrote in the context's folder; theirs stay."""
    report = session.context.dbcollection().import_dbfs()
    said = "\n".join([imported(report), *map(str, (*report.skipped, *report.notes))])
    return Changed(said) if report.imported else Skipped(said)


def database(session: Session, name: str = "", *, new: bool = False) -> Database:
    """A database of the session's context.

    Args:
        session: Whose.
        name: What it is called; default: the session's own.
        new: Whether it may be one that is not there yet, and is made by writing to it.

    Raises:
        DatabaseError: It is the one of the named secrets, which have commands of their own.
        DatabaseNotFoundError: It is not there, and must be.
    """
    own = session.db_get()
    if not name:
        return own
    collection = session.context.dbcollection()
    found = collection.get(name)
    if found.name == NAMED_SECRETS:
        raise DatabaseError(
            f"database {NAMED_SECRETS} holds the named secrets", hint="use %hero_secret for them"
        )
    always = (own.name, session.db_config_get().name)
    if not new and found.name not in always and not collection.exists(name):
        known = {*collection.list(), *always} - {NAMED_SECRETS}
        raise DatabaseNotFoundError(
            f"context {session.context.name} has no database {found.name}",
            hint=did_you_mean(found.name, known),
        )
    return found


def json_value(text: str) -> Value:
    """The value that a JSON text spells.

    Raises:
        ActionError: It is no JSON, or nested too deeply.
    """
    try:
        value: Value = json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ActionError("the value is nested too deeply", hint="keep its parts apart") from None
    except ValueError as error:
        raise ActionError(f"the value is no JSON: {error}", hint="leave out type:json") from None
    return value


def imported(report: ImportReport) -> str:
    """What an import from herolib did, in one line."""
    values, names = counted(report.imported, "value"), counted(len(report.databases), "database")
    said = f"{values} of {names} brought in"
    kept = f", {report.kept} here already" if report.kept else ""
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    return said + kept + skipped


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 value`, `2 values`."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


_NOTHING = object()


def _is_same(kept: object, wanted: Value) -> bool:
    """Whether a value is what is wanted, as to the types inside of it too: 1 is not true."""
    return kept.__class__ is wanted.__class__ and (
        json.dumps(kept) == json.dumps(wanted) if isinstance(kept, list | dict) else kept == wanted
    )


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")
