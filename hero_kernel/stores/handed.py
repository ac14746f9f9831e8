"""Changes of one record as bytes, for another writer to make: see `group`."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_HEAD = struct.Struct("=cIH")  # what is done, the database number, bytes of the key

PUT, CREATE, SWAP = b"=", b"+", b"~"
_ABSENT = {PUT: b"-", SWAP: b"!"}  # the same, and there is no record afterwards
_PRESENT = {code: what for what, code in _ABSENT.items()}

DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Change:
    """A record that is written, or deleted.

    Attributes:
        what: `PUT` over what is there, `CREATE` where nothing is, or `SWAP` while it is as it was.
        number: The database number.
        key: The record's key.
        text: What it becomes; None when it is deleted.
        old: The `digest` of what a `SWAP` replaces.
    """

    what: bytes
    number: int
    key: str
    text: str | None
    old: bytes = b""


def digest(stored: bytes | None) -> bytes:
    """What tells whether a record, its text in UTF-8, is still the same; None is no record."""
    if stored is None:
        return bytes(DIGEST_BYTES)
    from hashlib import blake2b  # noqa: PLC0415 - 2 ms, for those alone whom another one writes for

    return blake2b(stored, digest_size=DIGEST_BYTES).digest()


def packed(change: Change) -> bytes:
    """The change as bytes."""
    what = change.what if change.text is not None else _ABSENT[change.what]
    key = change.key.encode()
    text = b"" if change.text is None else change.text.encode()
    return _HEAD.pack(what, change.number, len(key)) + key + change.old + text


def unpacked(data: bytes) -> Change:
    """The change that `packed` made the bytes of.

    Raises:
        ValueError: It did not make them.
    """
    try:
        code, number, length = _HEAD.unpack_from(data)
    except struct.error as error:
        raise ValueError("no change of ours") from error
    what = _PRESENT.get(code, code)
    at = _HEAD.size + length
    end = at + (DIGEST_BYTES if what == SWAP else 0)
    if what not in (PUT, CREATE, SWAP) or len(data) < end:
        raise ValueError("no change of ours")
    text = None if code in _PRESENT else data[end:].decode()
    return Change(what, number, data[_HEAD.size : at].decode(), text, data[at:end])
