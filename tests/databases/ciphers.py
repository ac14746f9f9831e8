"""A cipher for tests: real envelopes, keys that are at hand, and a rotation in one step."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hero_kernel.errors import (
    LegacyCiphertextError,
    SecretChangedError,
    SecretRequiredError,
    ValueTamperedError,
)

MAGIC = b"HE1\x01"

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Keys:
    """What a keyring's file holds; shared by the ciphers of a context, over forks by `rotate`."""

    active: bytes = b"kid 0001"
    known: dict[bytes, bytes] = field(default_factory=lambda: {b"kid 0001": b"1" * 32})

    def rotate(self) -> bytes:
        self.active = b"kid %04d" % (int(self.active[4:]) + 1)
        self.known[self.active] = os.urandom(32)
        return self.active


class Cipher:
    """Envelopes by the format that `crypto` documents, written again from its description."""

    def __init__(self, keys: Keys | None = None) -> None:
        self.keys = keys or Keys()
        self.is_locked = False
        self.asked = 0

    @property
    def kid(self) -> bytes:
        self.asked += 1
        self._check()
        return self.keys.active

    def knows(self, kid: bytes) -> bool:
        self._check()
        if kid not in self.keys.known:
            raise SecretChangedError("the secret was changed", hint="unlock again")
        return True

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        self._check()
        nonce = os.urandom(12)
        sealed = AESGCM(self.keys.known[kid]).encrypt(nonce, plain, _bound(db, key, kid))
        return MAGIC + kid + nonce + sealed

    def sealer(self, db: str, kid: bytes) -> Callable[[str, bytes], bytes]:
        return lambda key, plain: self.seal(db, key, plain, kid)

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        self._check()
        if not envelope.startswith(MAGIC):
            raise LegacyCiphertextError(f"{key!r} in {db!r} is herolib's")
        kid = envelope[4:12]
        if len(envelope) < 40 or kid not in self.keys.known:
            raise ValueTamperedError(f"{key!r} in {db!r} was changed")
        try:
            return AESGCM(self.keys.known[kid]).decrypt(
                envelope[12:24], envelope[24:], _bound(db, key, kid)
            )
        except InvalidTag:
            raise ValueTamperedError(f"{key!r} in {db!r} was changed") from None

    def _check(self) -> None:
        if self.is_locked:
            raise SecretRequiredError("the context is locked", hint="unlock it")


def _bound(db: str, key: str, kid: bytes) -> bytes:
    parts = (b"hero/val/v1", b"ring", db.encode(), key.encode(), kid)
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)
