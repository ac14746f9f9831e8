"""A database as lines of JSON, written and read one by one."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from hero_kernel.databases import values
from hero_kernel.errors import DatabaseError, HeroError, ValueTooLargeError
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.databases.values import Value

_LINE_BYTES = 8 * values.MAX_VALUE_BYTES
"""A longer line is none of ours: text escaped in JSON grows sixfold."""


class Entries(Protocol):
    """What is asked of a database."""

    name: str

    def entries(self) -> Iterator[tuple[int, str | None, Value]]:
        """Id, key and value of every entry."""

    def put_entry(self, key: str | None, id: int | None, value: Value) -> int:
        """Write an entry, with its id where that is free."""


class Lines(Protocol):
    """A file, as far as it is read here."""

    def readline(self, size: int, /) -> bytes:
        """The next line, or so many bytes of it; nothing at the end."""


def write(database: Entries, path: Path, secrets: str) -> int:
    """Write the entries, the file whole or not at all; how many.

    Raises:
        DatabaseError: A secret is among them and `secrets` is "refuse", or the file cannot be
            written.
    """
    if secrets not in ("refuse", "skip"):
        raise DatabaseError(f"secrets={secrets!r} is unknown", hint="it is refuse or skip")
    path = Path(path)
    draft, count = "", 0
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for number, key, value in database.entries():
                if isinstance(value, Secret):
                    if secrets == "refuse":
                        raise DatabaseError(
                            f"database {database.name}: {_named(key, number)} is a secret, and an "
                            "export is read by everybody",
                            hint='pass secrets="skip" to leave secrets out',
                        )
                    continue
                file.write(line_of(number, key, value))
                count += 1
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
        draft = ""
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be written: {(error.strerror or str(error)).lower()}",
            hint="choose another place",
        ) from None
    finally:
        if draft:
            with suppress(OSError):
                Path(draft).unlink()
    return count


def line_of(number: int, key: str | None, value: Value) -> str:
    """An entry as a line; a `Secret` has none."""
    kind, plain = values.to_json(value)
    line = {"key": key, "id": number, "type": kind, "value": plain}
    return json.dumps(line, ensure_ascii=False) + "\n"


def _named(key: str | None, number: int) -> str:
    return f"id {number}" if key is None else repr(key)


def read(database: Entries, path: Path) -> int:
    """Write the entries of a file into a database, inside its open transaction; how many.

    Raises:
        DatabaseError: A line is not what `write` makes, or the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return read_lines(database, file, str(path))
    except OSError as error:
        raise DatabaseError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}",
            hint="check its path and rights",
        ) from None


def read_lines(database: Entries, file: Lines, path: str) -> int:
    """As `read`, from what hands out lines.

    Args:
        database: Where.
        file: What hands them out.
        path: What it is called in messages.

    Raises:
        DatabaseError: A line is not what `write` makes.
        OSError: It cannot be read.
    """
    number = count = 0
    try:
        while line := file.readline(_LINE_BYTES):
            number += 1
            if line.strip():
                key, id_, value = _entry(line)
                database.put_entry(key, id_, value)
                count += 1
    except (ValueError, RecursionError) as error:
        # A bad name is a ValueError of ours, and says what is wrong with it.
        what = error.message if isinstance(error, HeroError) else str(error).lower()
        raise DatabaseError(
            f"{path}:{number}: {what}", hint="nothing was loaded; mend the line"
        ) from None
    except (DatabaseError, ValueTooLargeError) as error:
        raise DatabaseError(
            f"{path}:{number}: {error.message}", hint="nothing was loaded; mend the line"
        ) from None
    return count


def _entry(line: bytes) -> tuple[str | None, int | None, Any]:
    if len(line) >= _LINE_BYTES:
        raise ValueError(f"the line is longer than {_LINE_BYTES} bytes")
    found = json.loads(line)
    if not isinstance(found, dict) or not {"type", "value"} <= set(found):
        raise ValueError("a line is an object with key, id, type and value")
    key, number = found.get("key"), found.get("id")
    if key is not None and not isinstance(key, str):
        raise ValueError("its key is neither a text nor null")
    if number is not None and (type(number) is not int or number < 1):
        raise ValueError("its id is neither a whole number above 0 nor null")
    return key, number, values.from_json(found["type"], found["value"])
