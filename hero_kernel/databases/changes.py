"""Changes of one key as bytes, for another writer to make: see `stores.group`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hero_kernel.databases.values import JSON, SEALED, SECRET

if TYPE_CHECKING:
    from hero_kernel.databases.values import Stored

_HEAD = struct.Struct("=ccH")  # what is done, of what type the value is, bytes of the key
_INT = struct.Struct("=q")
_FLOAT = struct.Struct("=d")

_KINDS = {None: b"=", JSON: b"j", SECRET: b"x", SEALED: b"e"}
_KINDS_BACK = {code: kind for kind, code in _KINDS.items()}
_DELETE = b"-"


@dataclass(frozen=True, slots=True)
class Change:
    """A key that is written, or deleted.

    Attributes:
        key: The entry's key.
        row: Kind and value as they are kept; None when it is deleted.
    """

    key: str
    row: tuple[str | None, Stored] | None = None


def packed(change: Change) -> bytes:
    """The change as bytes."""
    key = change.key.encode()
    if change.row is None:
        return _HEAD.pack(_DELETE, b"n", len(key)) + key
    kind, value = change.row
    if isinstance(value, str):
        code, data = b"s", value.encode()
    elif isinstance(value, bytes):
        code, data = b"b", value
    elif isinstance(value, float):
        code, data = b"f", _FLOAT.pack(value)
    elif value is None:
        code, data = b"n", b""
    else:
        code, data = b"i", _INT.pack(value)
    return _HEAD.pack(_KINDS[kind], code, len(key)) + key + data


def unpacked(data: bytes) -> Change:
    """The change that `packed` made the bytes of.

    Raises:
        ValueError: It did not make them.
    """
    try:
        what, code, length = _HEAD.unpack_from(data)
        end = _HEAD.size + length
        key, rest = data[_HEAD.size : end].decode(), data[end:]
        if what == _DELETE:
            return Change(key)
        value: Stored
        if code == b"s":
            value = rest.decode()
        elif code == b"b":
            value = rest
        elif code == b"n":
            value = None
        else:
            (value,) = (_FLOAT if code == b"f" else _INT).unpack(rest)
        kind = _KINDS_BACK[what]
    except (struct.error, KeyError) as error:
        raise ValueError("no change of ours") from error
    return Change(key, (kind, value))
