"""Crypto: keys from a passphrase, and values sealed to their place.

How keys come from one another; HKDF is HKDF-SHA256 (RFC 5869) without salt, 32 bytes long:

    pw        NFC of the passphrase without surrounding blanks, UTF-8
    S         scrypt(pw, salt, N=2^17, r=8, p=1), 64 bytes
    KEK       HKDF(S, "hero/kek/v1"), wraps the data keys
    VK        HKDF(S, "hero/verifier/v1"); its MD5 is the `secret` in `context:config`
    MK        HKDF(S, "hero/ring/v1"), authenticates the keyring's file
    DEK       32 random bytes for each generation, named by a kid of 8 random bytes
    Kdb       HKDF(DEK, "db:" + the database's name), seals its values

The MD5 is of 256 bits that nobody has without the passphrase and one scrypt, and opens nothing:
KEK and VK are independent. An envelope is

    "HE1" | 0x01 (AES-256-GCM) | kid, 8 | nonce, 12 | ciphertext | tag, 16

with the associated data ("hero/val/v1", context's id, database, key, kid), each after its length
as 32 bits, little-endian. Opening an older value of the same place, and missing rows, are not
noticed: nothing here knows what was there last.
"""

from __future__ import annotations

import base64
import os
import threading
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from hero_kernel.errors import (
    KeyringTamperedError,
    LegacyCiphertextError,
    SecretError,
    ValueTamperedError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

LOG2_N = 17
"""scrypt's cost: 128 MiB and about half a second a guess.

From OWASP's Password Storage Cheat Sheet: N=2^17, r=8, p=1.
"""

SALT_BYTES = 16
"""NIST SP 800-132 asks for 128 bits."""

KID_BYTES = 8
KID = slice(4, 12)
"""Where an envelope has the name of its key."""

OVERHEAD = 40
"""Bytes an envelope is longer than its value."""

TEXT_PREFIX = "hero:v1:"
"""Before an envelope in base64url, where only text can stand."""

SHORT = 12
"""Characters; a passphrase below this deserves a warning."""

MAX_PASSPHRASE = 4096
"""Bytes; more is a file given by mistake."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_MAGIC = b"HE1\x01"
_MAGIC_TEXT = base64.b64encode(_MAGIC[:3]).decode()
_READABLE = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's 32: no i, l, o, u


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

    def sealer(self, db: str, kid: bytes) -> Callable[[str, bytes], bytes]:
        """What seals many values of a database at once, given the key and the value of each.

        For the one transaction that it is asked for in: the keys are looked at now.
        """

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        """The value in an envelope.

        Raises:
            LegacyCiphertextError: It has herolib's form.
            ValueTamperedError: It was changed, moved or damaged, or is no envelope.
        """


class Key(bytes):
    """Key material: bytes that show themselves as a mask, and are neither pickled nor copied.

    Bytes, and not a box around them, so that the frames of libraries they are passed to show the
    mask as well. Slicing and joining give plain bytes again.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<key>"

    __str__ = __repr__

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a key is not pickled or copied")


def new_key() -> Key:
    """A data key, from the system's randomness."""
    return Key(os.urandom(_KEY_BYTES))


def new_kid() -> bytes:
    """A name for a data key, unlike any other."""
    return os.urandom(KID_BYTES)


def normalised(passphrase: Secret) -> Key:
    """The bytes that are stretched: however a keyboard composes é, and whatever blanks surround it.

    Raises:
        SecretError: Nothing is left, or it is longer than `MAX_PASSPHRASE`.
    """
    # In one expression: a local would be shown by a traceback with locals.
    pw = Key(
        unicodedata.normalize("NFC", passphrase.reveal()).strip().encode("utf-8", "surrogatepass")
    )
    if not pw:
        raise SecretError("an empty text is no secret", hint="give some words, or generate one")
    if len(pw) > MAX_PASSPHRASE:
        raise SecretError(
            f"a secret has at most {MAX_PASSPHRASE} bytes", hint="was the right file given?"
        )
    return pw


def is_short(passphrase: Secret) -> bool:
    """Whether it has fewer than `SHORT` characters; no stretching makes such a one strong."""
    return len(str(normalised(passphrase), "utf-8", "surrogatepass")) < SHORT


def generate() -> Secret:
    """A passphrase of 140 random bits: seven groups of four digits and letters, easily copied."""
    groups = ("".join(_READABLE[byte % 32] for byte in os.urandom(4)) for _ in range(7))
    return Secret("-".join(groups))


_BOUNDS: dict[str, dict[str, tuple[int, int]]] = {
    "scrypt": {"log2_n": (15, 20), "r": (8, 8), "p": (1, 4)},
    "argon2id": {"memory_kib": (19 * 1024, 1024 * 1024), "iterations": (1, 10), "lanes": (1, 8)},
    "pbkdf2-sha256": {"iterations": (600_000, 10_000_000)},
}
"""What is accepted of each way of stretching.

Less would make guessing cheap, more would stop a kernel. The lowest are OWASP's; the highest of
scrypt takes 4 s and 1 GiB.
"""

_SALT_BYTES_MAX = 64


@dataclass(frozen=True)
class Kdf:
    """How a passphrase is stretched: the function's name, the salt and the costs."""

    name: str
    salt: bytes
    costs: Mapping[str, int]

    @classmethod
    def new(cls, log2_n: int = LOG2_N) -> Kdf:
        """A fresh salt, for scrypt."""
        return cls("scrypt", os.urandom(SALT_BYTES), {"log2_n": log2_n, "r": 8, "p": 1})

    @classmethod
    def read(cls, fields: Mapping[str, Any], *, least_log2_n: int = 15) -> Kdf:
        """From the keyring's file, with every cost in its bounds; nothing is computed.

        Raises:
            KeyringTamperedError: A cost is out of bounds, missing or unknown, or the salt is.
        """
        name, costs = fields.get("name"), {**fields}
        costs.pop("name", None)
        bounds = _BOUNDS.get(name) if isinstance(name, str) else None
        if bounds is None:
            raise _hostile("is stretched in an unknown way")
        salt = _from_hex(costs.pop("salt", None))
        if salt is None or not SALT_BYTES <= len(salt) <= _SALT_BYTES_MAX:
            raise _hostile("has no proper salt")
        if costs.keys() != bounds.keys():
            raise _hostile(f"needs {', '.join(bounds)} for {name}")
        for cost, (least, most) in bounds.items():
            found = costs[cost]
            at_least = least_log2_n if cost == "log2_n" else least
            if type(found) is not int or not at_least <= found <= most:
                raise _hostile(f"asks for {name} with {cost} outside {at_least} to {most}")
        return cls(str(name), salt, costs)

    def fields(self) -> dict[str, Any]:
        """As `read` reads them."""
        return {"name": self.name, "salt": self.salt.hex(), **self.costs}


def _hostile(what: str) -> KeyringTamperedError:
    return KeyringTamperedError(f"the keyring {what}", hint="it was changed or damaged")


def _from_hex(text: object) -> bytes | None:
    try:
        return bytes.fromhex(text) if isinstance(text, str) else None
    except ValueError:
        return None


@dataclass(frozen=True)
class MasterKeys:
    """What comes of a passphrase.

    Attributes:
        kek: Wraps the data keys.
        mac: Authenticates the keyring's file.
        verifier: 32 hex digits that tell the right passphrase; the `secret` of `context:config`.
    """

    kek: Key
    mac: Key
    verifier: str


def master_keys(passphrase: Secret, kdf: Kdf) -> MasterKeys:
    """Stretch a passphrase; takes half a second and 128 MiB by default.

    Works in a thread of its own: C code hears no Ctrl-C, waiting for a thread does. Interrupted,
    the thread ends by itself a moment later and its result is dropped.

    Raises:
        SecretError: The passphrase is empty, there is not enough memory, or the libraries here do
            not have the function.
    """
    import hashlib  # noqa: PLC0415 - at first use: it loads OpenSSL

    stretched = _in_a_thread(_stretcher(normalised(passphrase), kdf))
    return MasterKeys(
        kek=_derived(stretched, b"hero/kek/v1"),
        mac=_derived(stretched, b"hero/ring/v1"),
        verifier=hashlib.md5(
            _derived(stretched, b"hero/verifier/v1"), usedforsecurity=False
        ).hexdigest(),
    )


def _stretcher(pw: Key, kdf: Kdf) -> Callable[[], bytes]:
    import hashlib  # noqa: PLC0415 - at first use: it loads OpenSSL

    costs = kdf.costs
    if kdf.name == "scrypt":
        n, r, p = 2 ** costs["log2_n"], costs["r"], costs["p"]
        # OpenSSL refuses at its default of 32 MiB, and at exactly what it needs.
        room = 128 * n * r * p + 2**20
        return lambda: hashlib.scrypt(pw, salt=kdf.salt, n=n, r=r, p=p, maxmem=room, dklen=64)
    if kdf.name == "pbkdf2-sha256":
        return lambda: hashlib.pbkdf2_hmac("sha256", pw, kdf.salt, costs["iterations"], 64)
    return _argon2id(pw, kdf)


def _argon2id(pw: Key, kdf: Kdf) -> Callable[[], bytes]:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - at first use

    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - since 44

        function = Argon2id(
            salt=kdf.salt,
            length=64,
            iterations=kdf.costs["iterations"],
            lanes=kdf.costs["lanes"],
            memory_cost=kdf.costs["memory_kib"],
        )
    except (ImportError, UnsupportedAlgorithm):
        raise SecretError(
            "the keyring is stretched by argon2id, which is not available here",
            hint="install cryptography 44 or newer",
        ) from None
    return lambda: function.derive(pw)


def _in_a_thread(work: Callable[[], bytes]) -> Key:
    results: list[Key] = []
    faults: list[BaseException] = []

    def run() -> None:
        try:
            results.append(Key(work()))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            faults.append(error)

    thread = threading.Thread(target=run, name="hero secret", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)  # Windows hears Ctrl-C only between two waits
    if faults and isinstance(faults[0], MemoryError):
        raise SecretError(
            "there is not enough memory to stretch the secret", hint="128 MiB have to be free"
        ) from None
    if faults:
        raise faults[0]
    return results[0]


def _derived(key: Key, info: bytes) -> Key:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - at first use
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415 - at first use

    return Key(HKDF(SHA256(), _KEY_BYTES, None, info).derive(key))


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, in a time that tells nothing of where they differ."""
    import hmac  # noqa: PLC0415 - as hashlib

    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode())


def mac(key: Key, data: bytes) -> str:
    """HMAC-SHA256, 64 hex digits."""
    import hmac  # noqa: PLC0415 - as hashlib

    return hmac.new(key, data, "sha256").hexdigest()


def wrap(kek: Key, dek: Key, ring: str, kid: bytes) -> bytes:
    """A data key, sealed for the keyring of that id: nonce, ciphertext, tag."""
    aesgcm, _ = _aead()
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + aesgcm(kek).encrypt(nonce, dek, _bound(b"hero/dek/v1", ring.encode(), kid))


def unwrap(kek: Key, wrapped: bytes, ring: str, kid: bytes) -> Key:
    """The data key in what `wrap` made.

    Raises:
        KeyringTamperedError: It was changed, or is of another keyring.
    """
    aesgcm, invalid_tag = _aead()
    changed = _hostile(f"holds a key {kid.hex()} that was changed")
    if len(wrapped) != _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES:
        raise changed
    nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
    try:
        return Key(aesgcm(kek).decrypt(nonce, sealed, _bound(b"hero/dek/v1", ring.encode(), kid)))
    except invalid_tag:
        raise changed from None


class Subkey:
    """The key of one generation for one database's values.

    Args:
        dek: The data key.
        kid: Its name.
        ring: The id of the keyring, which every value is bound to.
        db: The database's name.
    """

    __slots__ = ("_after", "_before", "_db", "_decrypt", "_encrypt", "_head", "_invalid_tag")

    def __init__(self, dek: Key, kid: bytes, ring: str, db: str) -> None:
        aesgcm, self._invalid_tag = _aead()
        name = db.encode("utf-8", "surrogatepass")
        aead = aesgcm(_derived(dek, b"db:" + name))
        self._encrypt, self._decrypt = aead.encrypt, aead.decrypt
        self._head = _MAGIC + kid
        self._before = _bound(b"hero/val/v1", ring.encode(), name)
        self._after = _bound(kid)
        self._db = db

    def seal(self, key: str, plain: bytes) -> bytes:
        """The envelope of a value for that key; no two are alike.

        The nonce is random: a process that was forked, or a machine put back to an earlier state,
        repeats none. Good for 2^32 values a subkey (NIST SP 800-38D).
        """
        name = key.encode("utf-8", "surrogatepass")
        nonce = os.urandom(_NONCE_BYTES)
        bound = b"".join((self._before, len(name).to_bytes(4, "little"), name, self._after))
        return self._head + nonce + self._encrypt(nonce, plain, bound)

    def open(self, key: str, envelope: bytes) -> bytes:
        """The value in an envelope under this kid.

        Raises:
            ValueTamperedError: It was changed, moved or damaged.
        """
        if not envelope.startswith(self._head):
            raise tampered(self._db, key)
        name = key.encode("utf-8", "surrogatepass")
        bound = b"".join((self._before, len(name).to_bytes(4, "little"), name, self._after))
        try:
            return self._decrypt(envelope[12:24], envelope[24:], bound)
        except (self._invalid_tag, ValueError):  # of one that is cut off within the nonce
            raise tampered(self._db, key) from None


def kid_of(db: str, key: str, envelope: bytes) -> bytes:
    """The name of the key that an envelope was sealed with; place as for the message.

    Raises:
        LegacyCiphertextError: It has herolib's form.
        ValueTamperedError: It is no envelope.
    """
    if len(envelope) >= OVERHEAD and envelope.startswith(_MAGIC):
        return envelope[KID]
    if is_legacy(envelope):
        raise LegacyCiphertextError(
            f"{_place(db, key)} was encrypted by herolib", hint="import it, or set it anew"
        )
    raise tampered(db, key)


def tampered(db: str, key: str) -> ValueTamperedError:
    """The error for a value that does not open; it names the place, never the value."""
    return ValueTamperedError(
        f"{_place(db, key)} was changed, moved or damaged",
        hint="put it back from a backup, or set it anew",
    )


def _place(db: str, key: str) -> str:
    if not db and not key:
        return "an encrypted text"
    return f"the value of {key!r} in {db!r}" if db else f"the value of {key!r}"


def to_text(envelope: bytes) -> str:
    """An envelope where only text can stand."""
    return TEXT_PREFIX + base64.urlsafe_b64encode(envelope).decode()


def is_text(text: str) -> bool:
    """Whether a text is what `to_text` makes, be it damaged; whether it is sound, opening it tells.

    Where one half of the prefix and the envelope's own beginning are whole it counts, too: a
    damaged envelope is not a value.
    """
    return text.startswith(TEXT_PREFIX) or (
        text[8:12] == _MAGIC_TEXT and (text[:4] == TEXT_PREFIX[:4] or text[4:8] == TEXT_PREFIX[4:])
    )


def from_text(text: str, db: str = "", key: str = "") -> bytes:
    """The envelope in a text; place as for the message.

    Raises:
        LegacyCiphertextError: It has herolib's form.
        ValueTamperedError: It is no envelope in text.
    """
    sealed = text.removeprefix(TEXT_PREFIX)
    try:
        envelope = base64.b64decode(sealed, b"-_", validate=True) if sealed != text else b""
    except ValueError:
        envelope = b""
    kid_of(db, key, envelope or text.encode("utf-8", "surrogatepass"))
    return envelope


def _bound(*parts: bytes) -> bytes:
    """Parts put together so that no others give the same."""
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


@cache
def _aead() -> tuple[type[AESGCM], type[Exception]]:
    """AESGCM, and what it raises."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - at first use
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - at first use

    return AESGCM, InvalidTag


_BLOCK = 16
_BLANKS = " \n\t\v\f\r"  # what herolib's trim takes away


def is_legacy(data: bytes) -> bool:
    """Whether it has the form in which herolib stores encrypted values."""
    return _legacy_parts(data) is not None


def legacy_secret(passphrase: Secret) -> str:
    """What herolib keeps as `secret`: 32 hex digits, the MD5 of the passphrase."""
    return _md5(passphrase.reveal().strip(_BLANKS))


def is_legacy_secret_of(stored: str, passphrase: Secret) -> bool:
    """Whether herolib stored that for this passphrase.

    It trimmed and hashed, or only hashed, or, in contexts made without `encrypt`, stored the
    passphrase itself.
    """
    text = passphrase.reveal()
    composed = unicodedata.normalize("NFC", text)
    spellings = {text, text.strip(_BLANKS), composed, composed.strip(_BLANKS)}
    forms = [*map(_md5, spellings), *spellings]
    return sum(same(stored, form) for form in forms) > 0  # every form is looked at


def legacy_decrypt(secret: str, text: str) -> bytes:
    """The value that herolib's `secret_encrypt` made: AES-256-CBC without authentication.

    Base64 of the ciphertext, padded with zeros to whole blocks, and the number of those as 16
    bits, little-endian; the key is the hex MD5 of the secret, the first block zero
    (herolib, crypt/aes_symmetric/symmetric.v). A change is noticed only when it hits the padding.

    Args:
        secret: The `secret` as `context:config` has it.
        text: Base64; empty is an empty value.

    Raises:
        ValueTamperedError: It is none, was damaged, or that is not its secret.
    """
    if not text:
        return b""
    parts = _legacy_parts(text.encode("utf-8", "surrogatepass"))
    if parts is None:
        raise ValueTamperedError("it is no value that herolib encrypted", hint="import a backup")
    sealed, pad = parts
    plain = _legacy_cipher(secret, sealed)
    if plain[len(plain) - pad :].strip(b"\0"):
        raise ValueTamperedError(
            "a value of herolib's does not open: it was damaged, or has another secret",
            hint="import it with the secret of the context it comes from",
        )
    return plain[: len(plain) - pad]


def legacy_encrypt(_secret: str, _plain: bytes) -> NoReturn:
    """Refuse: herolib's form is read, never written.

    Raises:
        LegacyCiphertextError: Always.
    """
    raise LegacyCiphertextError(
        "herolib's form of encryption is not written", hint="seal the value in this one's"
    )


def _legacy_parts(data: bytes) -> tuple[bytes, int] | None:
    try:
        raw = base64.b64decode(data, validate=True)
    except ValueError:
        return None
    sealed, pad = raw[:-2], int.from_bytes(raw[-2:], "little")
    whole = len(raw) >= 2 and not len(sealed) % _BLOCK  # noqa: PLR2004 - the pad's two bytes
    return (sealed, pad) if whole and pad < _BLOCK and pad <= len(sealed) else None


def _legacy_cipher(secret: str, sealed: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415 - at first use
        Cipher as Blocks,
    )
    from cryptography.hazmat.primitives.ciphers import algorithms, modes  # noqa: PLC0415

    key = Key(_md5(secret).encode())
    opener = Blocks(algorithms.AES(key), modes.CBC(bytes(_BLOCK))).decryptor()
    return opener.update(sealed) + opener.finalize()


def _md5(text: str) -> str:
    import hashlib  # noqa: PLC0415 - at first use: it loads OpenSSL

    return hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
