"""Document: what stands in a keyring's file, strictly read.

JSON, for a reader of a backup in ten years: the format, a random id that every value is bound to,
a revision, times in UTC, how the passphrase is stretched, the verifier, whether everything is to
be encrypted, the name of the key to seal with, and the wrapped keys by name. Two checks close it.
`digest`, SHA-256, tells damage from a wrong passphrase before any work; `mac`, under a key that
comes of the passphrase, tells changes that somebody made.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hero_kernel import crypto, times
from hero_kernel.crypto import Kdf
from hero_kernel.errors import CorruptRecordError, KeyringTamperedError, OurTimeError
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.crypto import Key, MasterKeys
    from hero_kernel.times import OurTime

FORMAT = 1
"""A higher one belongs to a newer hero-kernel."""

MAX_BYTES = 2**20
"""Some thousand keys; a file larger than this is no keyring."""

_DEFAULTS: dict[str, Any] = {
    "format": 0,
    "id": "",
    "rev": 0,
    "created": "",
    "changed": "",
    "kdf": {},
    "verifier": "",
    "encrypts": False,
    "active": "",
    "keys": {},
    "mac": "",
    "digest": "",
}
_HEX32 = re.compile(r"[0-9a-f]{32}")
_KID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Document:
    """A revision of a keyring; holds no key that is not wrapped.

    Attributes:
        id: 32 hex digits, the same for ever; every value is bound to it.
        rev: Counts the changes.
        created: When the keyring was made.
        changed: When its passphrase was set last.
        kdf: How the passphrase is stretched.
        verifier: 32 hex digits that tell the right passphrase.
        encrypts: Whether every value of the context is kept encrypted.
        active: The name of the key to seal with.
        keys: The data keys by name, each wrapped under the KEK.
        mac: HMAC-SHA256 over all of these.
    """

    id: str
    rev: int
    created: OurTime
    changed: OurTime
    kdf: Kdf
    verifier: str
    encrypts: bool
    active: bytes
    keys: Mapping[bytes, bytes]
    mac: str = ""

    def signed(self, master: MasterKeys) -> Document:
        """With the mac that belongs to it."""
        return replace(self, mac=crypto.mac(master.mac, self._content()))

    def is_signed_by(self, master: MasterKeys) -> bool:
        """Whether the mac is right."""
        return crypto.same(self.mac, crypto.mac(master.mac, self._content()))

    def opens_as(self, other: Document) -> bool:
        """Whether the same passphrase opens both."""
        return self.kdf == other.kdf and self.verifier == other.verifier

    def unwrapped(self, master: MasterKeys) -> dict[bytes, Key]:
        """The data keys.

        Raises:
            KeyringTamperedError: The mac is wrong, or a key.
        """
        if not self.is_signed_by(master):
            raise KeyringTamperedError("the keyring was changed by somebody without its secret")
        return {
            kid: crypto.unwrap(master.kek, wrapped, self.id, kid)
            for kid, wrapped in self.keys.items()
        }

    def encoded(self) -> bytes:
        """The file's content."""
        fields = self._fields() | {"mac": self.mac}
        fields["digest"] = _digest(fields)
        return json.dumps(fields, indent=1).encode() + b"\n"

    def _content(self) -> bytes:
        return _canonical(self._fields())

    def _fields(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "id": self.id,
            "rev": self.rev,
            "created": str(self.created),
            "changed": str(self.changed),
            "kdf": self.kdf.fields(),
            "verifier": self.verifier,
            "encrypts": self.encrypts,
            "active": self.active.hex(),
            "keys": {kid.hex(): wrapped.hex() for kid, wrapped in self.keys.items()},
        }


def read(data: bytes, where: str, *, least_log2_n: int) -> Document:
    """The document in a file's content; takes microseconds, whatever the file asks for.

    Args:
        data: The content.
        where: The path, for the message.
        least_log2_n: scrypt's lowest accepted cost.

    Raises:
        KeyringTamperedError: It is not one, was damaged, or is of a newer hero-kernel.
    """
    try:
        fields = record.decode(data.decode("ascii"), where, _DEFAULTS)
    except UnicodeDecodeError:
        raise KeyringTamperedError(f"{where} was damaged: it is not plain text") from None
    except CorruptRecordError as error:
        raise KeyringTamperedError(f"{error.message}") from None
    if fields["format"] > FORMAT:
        raise KeyringTamperedError(
            f"{where} needs a newer hero-kernel: its format is {fields['format']}, "
            f"known here is {FORMAT}",
            hint="upgrade hero-kernel",
        )
    digest = fields.pop("digest")
    if not crypto.same(digest, _digest(fields)):
        raise KeyringTamperedError(f"{where} was changed or damaged")
    document = _document(fields, where, least_log2_n)
    # Nothing is accepted that would not be written: no unknown field, no other spelling.
    if document._fields() | {"mac": fields["mac"]} != fields:
        raise KeyringTamperedError(f"{where} is not a keyring as hero-kernel writes it")
    return document


def _document(fields: dict[str, Any], where: str, least_log2_n: int) -> Document:
    kdf = Kdf.read(fields["kdf"], least_log2_n=least_log2_n)
    if not (_HEX32.fullmatch(fields["id"]) and _HEX32.fullmatch(fields["verifier"])):
        raise KeyringTamperedError(f"{where} has no proper id or verifier")
    keys = fields["keys"]
    if fields["active"] not in keys:
        raise KeyringTamperedError(f"{where} lacks its active key")
    try:
        return Document(
            id=fields["id"],
            rev=fields["rev"],
            created=times.new(fields["created"]),
            changed=times.new(fields["changed"]),
            kdf=kdf,
            verifier=fields["verifier"],
            encrypts=fields["encrypts"],
            active=_kid(fields["active"]),
            keys={_kid(kid): bytes.fromhex(wrapped) for kid, wrapped in keys.items()},
            mac=fields["mac"],
        )
    except (ValueError, TypeError, OurTimeError):
        raise KeyringTamperedError(f"{where} has a key or a time that cannot be read") from None


def _kid(text: str) -> bytes:
    if not _KID.fullmatch(text):
        raise ValueError(text)
    return bytes.fromhex(text)


def _digest(fields: Mapping[str, Any]) -> str:
    import hashlib  # noqa: PLC0415 - at first use: it loads OpenSSL

    return hashlib.sha256(_canonical(fields)).hexdigest()


def _canonical(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
