"""Sealed: values of records that stand encrypted among the plain ones, as texts.

Each says whether it is a secret, which is never shown, or only kept encrypted, because everything
in its context is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel import crypto
from hero_kernel.errors import SecretError
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from hero_kernel.crypto import Cipher

_SECRET, _KEPT = b"s", b"p"
"""The first byte of what is sealed."""


def is_sealed(stored: str) -> bool:
    """Whether a stored text is an envelope; whether it is sound, opening it tells."""
    return crypto.is_text(stored)


def seal(cipher: Cipher, kid: bytes, db: str, key: str, value: str | Secret) -> str:
    """The value as it is stored at that place; a `Secret` is marked as one."""
    kind, text = (_SECRET, value.reveal()) if isinstance(value, Secret) else (_KEPT, value)
    plain = kind + text.encode("utf-8", "surrogatepass")
    return crypto.to_text(cipher.seal(db, key, plain, kid))


def opened(cipher: Cipher, db: str, key: str, stored: str) -> str | Secret:
    """The value of a stored text: itself when it is plain, a `Secret` when it is marked as one.

    Raises:
        SecretError: It is sealed and cannot be opened; see `Cipher`.
    """
    if not is_sealed(stored):
        return stored
    plain = cipher.open(db, key, crypto.from_text(stored, db, key))
    text = plain[1:].decode("utf-8", "surrogatepass")
    if plain[:1] not in (_SECRET, _KEPT):
        raise crypto.tampered(db, key)
    return Secret(text) if plain[:1] == _SECRET else text


def resealed(cipher: Cipher, kid: bytes, db: str, key: str, stored: str) -> str:
    """The stored text under that key; itself when it is plain or is under it already."""
    if not is_sealed(stored) or kid_of(db, key, stored) == kid:
        return stored
    return seal(cipher, kid, db, key, opened(cipher, db, key, stored))


def kid_of(db: str, key: str, stored: str) -> bytes:
    """The name of the key that a sealed text was sealed with; place as for the message.

    Raises:
        ValueTamperedError: It is no envelope.
    """
    return crypto.kid_of(db, key, crypto.from_text(stored, db, key))


def check_plain(key: str, value: str) -> None:
    """Raise SecretError for a plain value that would be taken for a sealed one."""
    if is_sealed(value):
        raise SecretError(
            f"the value of {key} begins like an encrypted one, {crypto.TEXT_PREFIX}",
            hint="give the value itself; it is encrypted where the context is, or as a Secret",
        )
