"""Values: how each type is kept in a row, and how it is spelt inside an envelope."""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from typing import TYPE_CHECKING, Any, TypeAlias

from hero_kernel.errors import DatabaseError, ValueTooLargeError
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

Value: TypeAlias = "str | bytes | int | float | bool | list[Any] | dict[str, Any] | Secret | None"
"""What a database holds. Subclasses are kept as these; a list or dict holds no bytes or secrets."""

Stored: TypeAlias = "str | bytes | int | float | None"

MAX_VALUE_BYTES = 64 * 1024 * 1024
"""Bytes of a value as it is kept, before it is sealed; the stores' limit too."""

JSON = "json"
"""The kind of a row whose value is JSON text: what SQLite has no type for."""

SEALED = "sealed"
"""The kind of a row of an encrypted database: an envelope."""

SECRET = "secret"  # noqa: S105 - the name of a kind
"""The kind of a row that holds a `Secret` in a database that is not encrypted: an envelope."""

_INT64 = 2**63
_MIB = MAX_VALUE_BYTES // 1024**2
_DUMPS = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def encoded(value: object, name: str) -> tuple[str | None, Stored]:
    """The kind and value of a row that holds it in the clear.

    Text, bytes, whole numbers of 64 bits, other numbers and None are what every SQLite tool shows
    them as, and their kind is None. The rest is JSON text; NaN too, which SQLite makes NULL.

    Args:
        value: Anything but a `Secret`.
        name: The key or id, for messages.

    Raises:
        DatabaseError: It is of no type that is kept, or not spelt in UTF-8.
        ValueTooLargeError: It is larger than `MAX_VALUE_BYTES`.
    """
    kind = type(value)
    if kind is str:
        if len(value) > _SURELY_FITS or not value.isascii():  # type: ignore[arg-type, attr-defined]
            _check_text(value, name)  # type: ignore[arg-type]
        return None, value  # type: ignore[return-value]
    if kind is int:
        return _whole(value, name)  # type: ignore[arg-type]
    if kind is bytes:
        _check_length(len(value), name)  # type: ignore[arg-type]
        return None, value  # type: ignore[return-value]
    if kind is float:
        return (None, value) if value == value else (JSON, "NaN")  # type: ignore[return-value] # noqa: PLR0124 - NaN alone is unlike itself
    if value is None:
        return None, None
    return _encoded_otherwise(value, name)


def _encoded_otherwise(value: object, name: str) -> tuple[str | None, Stored]:
    if isinstance(value, bool):
        return JSON, "true" if value else "false"
    for base in (str, int, bytes, float):
        if isinstance(value, base):
            return encoded(_BASES[base](value), name)
    if isinstance(value, list | dict):
        return JSON, _json(value, name)
    hint = (
        "make it a list: it would come back as one"
        if isinstance(value, tuple)
        else "make it bytes"
        if isinstance(value, bytearray | memoryview)
        else "kept are str, bytes, int, float, bool, None, list, dict and Secret"
    )
    raise DatabaseError(f"{name}: a {type(value).__name__} cannot be kept", hint=hint)


# By the base's own method, for a subclass may have another: `str` of an enum is its name.
_BASES: dict[type, Callable[[Any], Any]] = {
    str: str.__str__,
    int: int.__int__,
    bytes: bytes.__bytes__,
    float: float.__float__,
}

_SURELY_FITS = MAX_VALUE_BYTES // 4


def _check_text(text: str, name: str) -> int:
    """The length of a text in UTF-8."""
    if text.isascii():
        length = len(text)
        _check_length(length, name)
        return length
    _check_length(len(text), name)
    try:
        length = len(text.encode())
    except UnicodeEncodeError as error:
        raise DatabaseError(
            f"{name}: the text holds half a character at {error.start}",
            hint="keep text that UTF-8 can spell, or bytes",
        ) from None
    _check_length(length, name)
    return length


def _check_length(length: int, name: str) -> None:
    if length > MAX_VALUE_BYTES:
        raise ValueTooLargeError(
            f"{name}: the value is larger than {_MIB} MiB",
            hint="keep it in a file, and the file's path here",
        )


def _whole(number: int, name: str) -> tuple[str | None, Stored]:
    if -_INT64 <= number < _INT64:
        return None, number
    try:
        return JSON, str(number)
    except ValueError:  # Python's limit, for the time that more would take
        raise DatabaseError(
            f"{name}: the whole number has more than 4300 digits",
            hint="keep it as bytes: n.to_bytes()",
        ) from None


def _json(value: object, name: str) -> str:
    try:
        _check_tree(value, name)
        text = _DUMPS(value)
    except RecursionError:
        raise DatabaseError(
            f"{name}: the value is nested too deeply, or inside itself",
            hint="keep its parts under keys of their own",
        ) from None
    except ValueError as error:
        if isinstance(error, DatabaseError):
            raise
        raise DatabaseError(f"{name}: {error}".lower(), hint="keep such a number as text") from None
    _check_text(text, name)
    return text


def _check_tree(value: object, name: str) -> None:
    """Raise for what JSON would change on the way: tuples, keys other than text.

    Adds up lengths as it goes, so that what is much too large is told before it is spelt.
    """
    length = 0

    def walk(part: Any) -> None:
        nonlocal length
        if isinstance(part, str):
            length += len(part)
        elif isinstance(part, dict):
            for key, inner in part.items():
                if not isinstance(key, str):
                    raise DatabaseError(
                        f"{name}: a dict's key is a {type(key).__name__}",
                        hint="make it a str: JSON has no other keys",
                    )
                length += len(key)
                walk(inner)
        elif isinstance(part, list):
            length += len(part)
            for inner in part:
                walk(inner)
        elif part is not None and not isinstance(part, int | float):
            raise _unfit(part, name)
        _check_length(length, name)

    walk(value)


def _unfit(part: object, name: str) -> DatabaseError:
    hint = "a list or dict holds str, int, float, bool, None, list and dict"
    if isinstance(part, Secret):
        hint = "keep the secret under a key of its own"
    kind = type(part).__name__
    return DatabaseError(f"{name}: a {kind} inside a list or dict cannot be kept", hint=hint)


def decoded(kind: str | None, value: Stored) -> Value:
    """The value of a row in the clear.

    Raises:
        ValueError: The row is not what `encoded` makes.
    """
    if kind is None:
        return value
    if kind != JSON or not isinstance(value, str):
        raise ValueError(f"a row of the unknown kind {kind!r}")
    try:
        return json.loads(value)  # type: ignore[no-any-return]
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


TEXT = b"s"
"""The byte before a text inside an envelope."""


def spelt(value: object, name: str) -> bytes:  # noqa: PLR0911 - a table of types
    """A value as it stands inside an envelope: a byte for its type, then its bytes.

    Raises:
        DatabaseError: As `encoded`.
        ValueTooLargeError: As `encoded`.
    """
    if type(value) is str and value.isascii():
        _check_length(len(value), name)
        return b"s" + value.encode()
    if isinstance(value, Secret):
        text = value.reveal()
        if not isinstance(text, str):
            raise DatabaseError(f"{name}: the secret is no text", hint="make it a str")
        _check_text(text, name)
        return b"x" + text.encode()
    kind, stored = encoded(value, name)
    if kind == JSON:
        return b"j" + str(stored).encode()
    if isinstance(stored, str):
        return b"s" + stored.encode()
    if isinstance(stored, bytes):
        return b"b" + stored
    if isinstance(stored, int):
        return b"i%d" % stored
    if isinstance(stored, float):
        return b"f" + struct.pack(">d", stored)
    return b"n"


def read(plain: bytes) -> Value:  # noqa: PLR0911 - a table of types
    """The value that `spelt` made the bytes of.

    Raises:
        ValueError: It did not make them.
    """
    kind, rest = plain[:1], plain[1:]
    if kind == b"s":
        return rest.decode()
    if kind == b"x":
        return Secret(rest.decode())
    if kind == b"b":
        return rest
    if kind == b"j":
        return decoded(JSON, rest.decode())
    if kind == b"i":
        return int(rest)
    if kind == b"f" and len(rest) == _DOUBLE:
        return struct.unpack(">d", rest)[0]  # type: ignore[no-any-return]
    if plain == b"n":
        return None
    raise ValueError("no value of ours")


_DOUBLE = 8


def to_json(value: Value) -> tuple[str, Any]:
    """The type and value of a line of an export; strict JSON, so that every tool reads it.

    What JSON has no word for is text: bytes in base64, NaN and the infinities by name, and a list
    or dict that holds these as JSON with those words in it.
    """
    if isinstance(value, bytes):
        return "bytes", base64.b64encode(value).decode()
    if isinstance(value, float):
        return "float", value if math.isfinite(value) else repr(value)
    if isinstance(value, list | dict):
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            return "json", _DUMPS(value)
        return type(value).__name__, value
    return _TYPES[type(value)], value


_TYPES = {str: "str", bool: "bool", int: "int", type(None): "null"}
_JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "str": str, "bool": bool, "int": int, "null": type(None), "list": list, "dict": dict,
}  # fmt: skip


def from_json(kind: object, value: object) -> Value:
    """The value of a line of an export.

    Raises:
        ValueError: The line's type and value do not go together.
    """
    if kind == "bytes" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error:
            raise ValueError("its value is not base64") from None
    if kind == "float" and (isinstance(value, float) or value in ("nan", "inf", "-inf")):
        return float(value)
    if kind == "json" and isinstance(value, str):
        found = json.loads(value)
        if isinstance(found, list | dict):
            return found
    wanted = _JSON_TYPES.get(kind) if isinstance(kind, str) else None
    is_bool = isinstance(value, bool)
    if wanted is None or not isinstance(value, wanted) or (is_bool and kind != "bool"):
        raise ValueError(f"its type {kind!r} and its value do not go together")
    return value  # type: ignore[return-value]
