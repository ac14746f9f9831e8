"""Entry: one entry of a database as a panel shows it, and a value as it is typed there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from hero_kernel.errors import HeroError, KeyringMissingError, SecretRequiredError, UsageError
from hero_kernel.report.text import plain
from hero_kernel.secret import Secret
from magics.db import PREVIEW, WINDOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hero_kernel.databases import Database, Glance, Value
    from hero_kernel.redaction import Redactor

    Json = dict[str, Any]

FIRST = 64 * 1024
"""Characters of a value that are shown when it is opened."""

MOST = 1024 * 1024
"""Bytes of a value that are shown, edited and brought back after it was deleted."""

CHILDREN = 100
"""Parts of a list or dict that are shown at a time."""

_SIZED = ("str", "bytes", "list", "dict")
_HEX_BYTES = 4096
_LEAF = 2000
_ROW_BYTES = 16

TYPES: Final = ("str", "number", "bool", "json", "None")
"""What may be typed."""


@dataclass(frozen=True)
class Reader:
    """What reads the entries of a database for a panel, and asks nobody for a secret.

    Attributes:
        database: Whose.
        redactor: Knows what must not be seen.
        is_locked: Whether opening a sealed value would need the context's secret first.
    """

    database: Database
    redactor: Redactor
    is_locked: bool

    @property
    def head(self) -> int:
        """How many bytes of a value a row needs: a known secret must not be cut in two."""
        is_plain = self.redactor.is_empty and not self.database.is_encrypted()
        return 4 * PREVIEW if is_plain else WINDOW

    def row(self, one: Glance) -> Json:
        """An entry in a list: `state` is "", "secret", "locked", "large" or "fault"."""
        kind, value, state = self._seen(one)
        return {
            "id": one.id,
            "key": self._line(one.key or ""),
            "type": kind,
            "size": one.size if kind in _SIZED or state else 0,
            "text": "" if value is None and state else self._preview(_text(kind, value)),
            "state": state,
        }

    def opened(self, one: Glance, most: int) -> Json:
        """An entry that is looked at: its row, with so much of its value as text.

        `whole` tells whether all of it is there, `editable` whether it may be typed anew, and
        `parts` are the first ones of a list or dict; see `children`.
        """
        kind, value, state = self._seen(one)
        text = "" if value is None and state else _text(kind, value)
        if kind == "bytes" and not state:
            return {**self.row(one), **self._hex(one, value)}
        found: Any = None
        if kind in ("list", "dict") and not state and one.is_whole:
            found = self.database.opened(one)
            text = _pretty(found, text)
        seen = self.redactor.mask(text)
        is_shown = one.is_whole and len(seen) <= most
        return {
            **self.row(one),
            "text": seen[:most],
            "whole": is_shown,
            "editable": is_shown and not state and seen == text,
            "hides": seen != text,
            "parts": None if found is None else self._children(found, 0),
        }

    def children(self, one: Glance, path: Sequence[int], start: int) -> Json:
        """Parts of a list or dict inside of an entry's value.

        Args:
            one: The entry, read whole.
            path: Which part of which part, each by its position.
            start: The first that is told.

        Raises:
            UsageError: It is not there any more.
        """
        found: Any = self.database.opened(one)
        for at in path:
            inside = list(found.values()) if isinstance(found, dict) else found
            if not isinstance(inside, list) or not 0 <= at < len(inside):
                raise UsageError("the value has changed", hint="open it again")
            found = inside[at]
        if not isinstance(found, list | dict):
            raise UsageError("the value has changed", hint="open it again")
        return self._children(found, start)

    def _children(self, found: list[Any] | dict[str, Any], start: int) -> Json:
        pairs = found.items() if isinstance(found, dict) else enumerate(found)
        return {
            "count": len(found),
            "start": start,
            "items": [
                {"label": self._line(str(label)), **self._node(value)}
                for label, value in islice(pairs, start, start + CHILDREN)
            ],
        }

    def _node(self, value: Any) -> Json:
        if isinstance(value, list | dict):
            return {"kind": type(value).__name__, "count": len(value)}
        text = self.redactor.mask(json.dumps(value, ensure_ascii=False))
        return {"kind": "", "text": text if len(text) <= _LEAF else f"{text[: _LEAF - 1]}…"}

    def _seen(self, one: Glance) -> tuple[str, Any, str]:
        """Type, value or its beginning, and state, of an entry that is not opened in vain."""
        _, value, encrypted = one.row
        if one.kind == "secret":
            return "secret", None, "secret"
        if one.kind == "sealed" and (self.is_locked or not one.is_whole):
            return "", None, "locked" if self.is_locked else "large"
        if one.kind not in {"sealed", "unknown"} and not encrypted:
            return one.kind, value if one.head is None else one.head, ""
        return self._opened(one)

    def _opened(self, one: Glance) -> tuple[str, Any, str]:
        if not one.is_whole:
            return "", None, "large"
        try:
            value = self.database.opened(one)
        except (SecretRequiredError, KeyringMissingError):
            return "", None, "locked"
        except HeroError as error:
            return "", error.message, "fault"
        if isinstance(value, Secret):
            return "secret", None, "secret"
        return "None" if value is None else type(value).__name__, _spelt(value), ""

    def _preview(self, text: str) -> str:
        line = self._line(text[:WINDOW])
        return line if len(line) <= PREVIEW else f"{line[: PREVIEW - 1]}…"

    def _line(self, text: str) -> str:
        return plain(self.redactor.mask(text)).replace("\n", "⏎")

    def _hex(self, one: Glance, value: bytes) -> Json:
        shown = value[:_HEX_BYTES]
        hides = self.redactor.mask_bytes(value) != value
        return {
            "text": "" if hides else _dump(shown),
            "whole": one.is_whole and len(value) <= _HEX_BYTES,
            "editable": False,
            "hides": hides,
            "parts": None,
        }


def typed(kind: str, text: str) -> Value:
    """The value that was typed.

    Args:
        kind: One of `TYPES`.
        text: What stands in the field.

    Raises:
        UsageError: It is none of that type; where it is no JSON, the place is told.
    """
    if kind == "str":
        return text
    if kind == "None":
        return None
    if kind == "number":
        return _number(text.strip())
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    if kind != "json":
        raise UsageError(f"{text or 'nothing'} is no {kind}", hint=f"types are {', '.join(TYPES)}")
    try:
        return json.loads(text, parse_constant=_no_number)  # type: ignore[no-any-return]
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:]
        raise UsageError(
            f"line {error.lineno}, column {error.colno}: {what}", hint="mend the JSON there"
        ) from None
    except RecursionError:
        raise UsageError("the value is nested too deeply", hint="keep its parts apart") from None
    except ValueError as error:
        raise UsageError(str(error), hint="keep it as a number of its own, or as text") from None


def _number(text: str) -> int | float:
    try:
        return int(text) if _WHOLE.fullmatch(text) else float(text.replace("_", " "))
    except ValueError:
        raise UsageError(
            f"{text or 'nothing'} is no number"[:200], hint="write 42, -1.5 or 2e9"
        ) from None


_WHOLE = re.compile(r"[+-]?[0-9]+")


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number in JSON")


def _spelt(value: Value) -> Any:
    """A value that was opened, as one that is in the clear is read: JSON as its text."""
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


def _text(kind: str, value: Any) -> str:
    if isinstance(value, bytes):
        return repr(value)
    return "None" if kind == "None" else str(value)


def _pretty(found: Any, otherwise: str) -> str:
    try:
        return json.dumps(found, ensure_ascii=False, indent=2)
    except RecursionError:  # it was not read by this much of the stack
        return otherwise


def _dump(data: bytes) -> str:
    """Bytes as they are looked at: offset, sixteen in hexadecimal, and what is ASCII of them."""
    lines = []
    for at in range(0, len(data), _ROW_BYTES):
        row = data[at : at + _ROW_BYTES]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)  # noqa: PLR2004  # printable ASCII
        lines.append(f"{at:08x}  {row.hex(' '):<47}  {shown}")
    return "\n".join(lines)
