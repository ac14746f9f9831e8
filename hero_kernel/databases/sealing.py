"""Sealing: one database's values in their envelopes, each bound to its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel.databases import values
from hero_kernel.databases.values import SEALED, SECRET, Value
from hero_kernel.errors import (
    CorruptRecordError,
    HeroError,
    SecretRequiredError,
    ValueTamperedError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hero_kernel.crypto import Cipher


class Sealing:
    """What opens the values of a database, and says what is wrong with them.

    Args:
        name: The database's name, which its values are bound to.
        path: Its file, for messages.
        cipher: None when the context has no secret.
        on_secret: Told the text of every secret that is read or written.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        cipher: Cipher | None,
        on_secret: Callable[[str], object] | None,
    ) -> None:
        self.name = name
        self.path = path
        self.cipher = cipher
        self._on_secret = on_secret

    @property
    def keys(self) -> Cipher:
        """The cipher; SecretRequiredError when there is none."""
        if self.cipher is None:
            raise SecretRequiredError(
                f"database {self.name} needs the context's secret, and the context has none",
                hint="give it one: %hero_secret new",
            )
        return self.cipher

    def ask(self) -> None:
        """Have the keys unlocked now: nobody is asked for them under a lock."""
        _ = self.keys.kid

    def tell(self, secret: Secret) -> None:
        """Have a secret masked from now on."""
        if self._on_secret is not None:
            self._on_secret(secret.reveal())

    def value_of(self, place: str, row: tuple[Any, ...]) -> Value:
        """The value of a row's kind and value, beside whether the database is encrypted.

        Raises:
            ValueTamperedError: It is not sealed and ought to be, or does not belong there.
            CorruptRecordError: It cannot be read.
            SecretError: As a `Cipher`.
        """
        kind, value, encrypted = row
        if kind in (SEALED, SECRET):
            return self._opened(place, kind, value)
        if encrypted:
            raise self.tampered(place, "is not sealed, as all else in this encrypted database is")
        try:
            return values.decoded(kind, value)
        except ValueError as error:
            raise CorruptRecordError(
                f"{self.path}: {shown(place)} cannot be read: {error}",
                hint="it is left as it is; look at it with sqlite3, or delete it",
            ) from None

    def _opened(self, place: str, kind: str, envelope: object) -> Value:
        if not isinstance(envelope, bytes):
            raise self.tampered(place, "is no envelope")
        plain = self.keys.open(self.name, place, envelope)
        try:
            found = values.read(plain)
        except ValueError:
            raise self.tampered(place, "holds no value of ours") from None
        if isinstance(found, Secret):
            self.tell(found)
        elif kind == SECRET:
            raise self.tampered(place, "is not the secret it is said to be")
        return found

    def tampered(self, place: str, what: str) -> HeroError:
        """The error for a value that somebody else put there."""
        return ValueTamperedError(
            f"database {self.name}: {shown(place)} {what}",
            hint="it was changed from outside; restore it from a backup, or delete it",
        )

    def moved(self, name: str) -> HeroError:
        """The error for a file whose values are bound to another name."""
        return ValueTamperedError(
            f"{self.path} holds values that are bound to a database of the name {name!r}",
            hint="its file was copied or renamed; give it its old name, or use rename",
        )

    def named(self, place: str) -> str:
        """A place in the database, for messages."""
        return f"{self.name}: {shown(place)}"


def place_of(key: str | None, number: int | None) -> str:
    """Where a value stands, for its envelope: its key, else its id after a NUL."""
    return key if key is not None else f"\0{number}"


def shown(place: str) -> str:
    """A place, as a reader sees it."""
    return f"id {place[1:]}" if place.startswith("\0") else f"{place!r:.80}"
