"""Glances: entries as lists show them, read without the whole of large values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hero_kernel.crypto import OVERHEAD
from hero_kernel.databases.values import JSON, SEALED, SECRET

if TYPE_CHECKING:
    from hero_kernel.stores.sqlite_file import Connection, SqliteFile

COLUMNS = """
id, key, kind, typeof(value),
CASE WHEN typeof(value) IN ('text', 'blob') THEN NULL ELSE value END,
(SELECT encrypted FROM meta)
"""
"""What `glance` takes of a row: SQLite does not load a text or a blob for its type alone."""

_TYPES = {"text": "str", "blob": "bytes", "integer": "int", "real": "float", "null": "None"}

_JSON_TYPES = {"[": "list", "{": "dict", "t": "bool", "f": "bool", "N": "float"}


@dataclass(frozen=True, slots=True)
class Glance:
    """An entry, with as much of its value as was asked for.

    Attributes:
        id: Its id.
        key: Its key; None when it has none.
        kind: The type of the value: str, bytes, int, float, bool, None, list, dict or secret.
            "sealed" when it must be opened to tell; "unknown" for what is no value of ours.
        size: Bytes of a text, of bytes or of JSON, as it is kept; 0 for anything else.
        head: The beginning of a text, of bytes or of JSON; None for anything else, and for what
            is sealed.
        is_whole: Whether nothing is missing, so that `Database.opened` can tell the value.
        row: The value's row as far as it was read, for `Database.opened`.
    """

    id: int
    key: str | None
    kind: str
    size: int
    head: str | bytes | None
    is_whole: bool
    row: tuple[Any, ...]


def glance(file: SqliteFile, connection: Connection, row: tuple[Any, ...], head: int) -> Glance:
    """The glance of a row of `COLUMNS`.

    Args:
        file: The database's.
        connection: Where a transaction is open.
        row: What was found there.
        head: How many bytes of the value are read at most.
    """
    number, key, kind, stored, value, encrypted = row
    size, is_whole = 0, True
    if stored in ("text", "blob"):
        size, value = file.part(connection, ("entry", "value", number), head)
        is_whole = len(value) == size
        if stored == "text":
            kind, value = _text(kind, value, is_whole=is_whole)
    if kind in (SEALED, SECRET):
        size = max(0, size - OVERHEAD - 1)  # a byte for the type: see `values.spelt`
    beginning = None if kind in (SEALED, SECRET) or not isinstance(value, str | bytes) else value
    whole = (kind, value, encrypted)
    return Glance(number, key, _kind(kind, stored, value), size, beginning, is_whole, whole)


def _text(kind: str | None, data: bytes, *, is_whole: bool) -> tuple[str | None, str]:
    """Kind and text; text that is none, and was put there by others, is of an unknown kind."""
    try:
        return kind, data.decode("utf-8", "strict" if is_whole else "ignore")  # cut at its end
    except UnicodeDecodeError:
        return "text that is not UTF-8", data.decode("utf-8", "replace")


def _kind(kind: str | None, stored: str, value: object) -> str:
    if kind in (SEALED, SECRET):
        return kind
    if kind is None:
        return _TYPES[stored]
    if kind != JSON or not isinstance(value, str):
        return "unknown"
    return _JSON_TYPES.get(value[:1], "int")
