"""Crypto: keys from a passphrase, and values sealed to their place."""

from __future__ import annotations

from typing import Protocol


class Cipher(Protocol):
    """Seals and opens values; what databases, config files and records are handed.

    A value is bound to where it stands: opened at another place it is `ValueTamperedError`.
    The places: a database's name and the key in it; see `keyring` for those of other values.

    Raises, from every method: `SecretRequiredError` when it is locked and nobody can be asked,
    `SecretChangedError` when another process changed the secret, `KeyringMissingError`,
    `KeyringTamperedError`, `UnsafePermissionsError`.
    """

    @property
    def kid(self) -> bytes:
        """The 8 bytes that name the key to seal with now; looks whether the file has changed."""

    def knows(self, kid: bytes) -> bool:
        """Whether the key of that name can be used; looks at the file again when it is unknown."""

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        """The envelope of a value for that place, under the key of that name."""

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        """The value in an envelope.

        Raises:
            LegacyCiphertextError: It has herolib's form.
            ValueTamperedError: It was changed, moved or damaged, or is no envelope.
        """
