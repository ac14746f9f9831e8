"""The `db` actor: keys and values of the session's database, and of others in its context."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.report import Changed, Skipped
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from hero_kernel.databases import Database, Value


@mark("db.set")
def set_(
    session: Session,
    *,
    key: str,
    value: str,
    db: str = "",
    type: Literal["text", "json"] = "text",  # noqa: A002  # a parameter's name in scripts
) -> Changed | str:
    """Keep a value under a key.

    Args:
        key: Any text.
        value: What is kept.
        db: The database; default: the session's own. `config` is shared by its context.
        type: `json` keeps a number, true, false, null, a list or a map as such.
    """
    database, wanted = _database(session, db), _value(value, type)
    kept = database.get(key, _NOTHING)
    if kept == wanted and kept.__class__ is wanted.__class__:
        return key
    database.set(key, wanted)
    return Changed(key)


@mark("db.get", harmless=True)
def get(session: Session, *, key: str, db: str = "") -> object:
    """The value of a key; an error when there is none.

    Args:
        key: Its key.
        db: As for `db.set`.
    """
    return _database(session, db).get(key)


@mark("db.delete")
def delete(session: Session, *, key: str, db: str = "") -> Changed:
    """Delete a key and its value; an error when there is none.

    Args:
        key: Its key.
        db: As for `db.set`.
    """
    _database(session, db).delete(key)
    return Changed(key)


@mark("db.list", harmless=True)
def list_(session: Session, *, prefix: str = "", db: str = "", limit: int = 50) -> str:
    """The keys, in order, one a line.

    Args:
        prefix: Only those that begin so.
        db: As for `db.set`.
        limit: How many at most.
    """
    found: list[str] = []
    for key in _database(session, db).keys(prefix):
        if len(found) == limit:
            found.append("…")
            break
        found.append(key)
    return "\n".join(found)


@mark("db.databases", harmless=True)
def databases(session: Session) -> str:
    """The databases of the context, one a line."""
    return "\n".join(session.context.dbcollection().list())


@mark("db.empty")
def empty(session: Session, *, db: str = "") -> Changed | Skipped:
    """Delete every key.

    Args:
        db: As for `db.set`.
    """
    database = _database(session, db)
    count = len(database)
    if not count:
        return Skipped(f"{database.name} is empty")
    database.empty()
    return Changed(f"{count} keys deleted from {database.name}")


@mark("db.export", harmless=True)
def export(session: Session, *, path: Path, db: str = "") -> str:
    """Write every key and value to a file, as JSON lines; secrets are left out.

    Args:
        path: The file; it is replaced.
        db: As for `db.set`.
    """
    database = _database(session, db)
    count = database.export(Path.cwd() / path, secrets="skip")
    return f"{count} of {len(database)} entries written to {path}"


@mark("db.load")
def load(session: Session, *, path: Path, db: str = "") -> Changed:
    """Take in what `db.export` wrote, all of it or nothing.

    Args:
        path: The file.
        db: As for `db.set`.
    """
    database = _database(session, db)
    return Changed(f"{database.load(Path.cwd() / path)} entries in {database.name}")


@mark("db.import_dbfs")
def import_dbfs(session: Session) -> Changed | Skipped:
    """Bring in the databases that herolib wrote in the context's folder; theirs stay."""
    report = session.context.dbcollection().import_dbfs()
    return Changed(str(report)) if report.imported else Skipped(str(report))


_NOTHING = object()


def _database(session: Session, name: str) -> Database:
    return session.context.db_get(name) if name else session.db_get()


def _value(text: str, kind: str) -> Value:
    if kind == "text":
        return text
    try:
        value: Value = json.loads(text)
    except ValueError as error:
        raise ActionError(f"the value is no JSON: {error}", hint="leave out type:json") from error
    return value
