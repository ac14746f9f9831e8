"""Values in config files that are sealed: a text that begins with `hero:v1:`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hero_kernel import crypto
from hero_kernel.config_files.text import encoded
from hero_kernel.errors import (
    ConfigError,
    HeroError,
    KeyringMissingError,
    SecretRequiredError,
    did_you_mean,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hero_kernel.config_files.document import Document
    from hero_kernel.crypto import Cipher

_LOOKS_SEALED = re.compile(re.escape(crypto.TEXT_PREFIX.encode()) + rb"[A-Za-z0-9_-]+={0,2}")


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals and opens the values of one file.

    A value's place is, as the cipher calls it, the database `config:` + the file's stem and the
    value's path as key.

    Attributes:
        stem: The file's name without its suffix.
        cipher: None when the context has no secret.
        on_secret: Told every value.
    """

    stem: str
    cipher: Cipher | None
    on_secret: Callable[[str], None]

    def seal(self, path: str, value: Secret) -> str:
        """What stands in the file for a value.

        Raises:
            SecretRequiredError: The context has no secret, or is locked.
            SecretError: As the cipher says.
        """
        if self.cipher is None:
            raise SecretRequiredError(
                f"{path or 'a value'} in {self.stem} is sealed only in a context with a secret",
                hint="set a secret first",
            )
        self.on_secret(value.reveal())
        plain = encoded(value.reveal(), f"{self.stem}, at {path}")
        return crypto.to_text(self.cipher.seal(self._database, path, plain, self.cipher.kid))

    def open(self, path: str, text: str) -> Secret:
        """The value that a text in the file stands for.

        Raises:
            KeyringMissingError: The context has no secret.
            ValueTamperedError: It was changed, moved or damaged.
            SecretError: As the cipher says.
        """
        if self.cipher is None:
            raise KeyringMissingError(
                f"{path or 'a value'} in {self.stem} is sealed, and the context has no keyring",
                hint="put keyring.json back from a backup",
            )
        envelope = crypto.from_text(text, self._database, path)
        value = Secret(self.cipher.open(self._database, path, envelope).decode())
        self.on_secret(value.reveal())
        return value

    def sealed(self, document: Document, paths: Iterable[str]) -> Document:
        """The document with the values at some paths sealed, all else as it was."""
        scalars = document.scalars
        return document.spliced(
            {path: self.seal(path, Secret(scalars[path].value)) for path in paths}
        )

    def resealed(self, document: Document) -> tuple[Document, int]:
        """The document with every value that an old key sealed sealed anew, and how many."""
        new = {
            path: self.seal(path, self.open(path, scalar.value))
            for path, scalar in document.scalars.items()
            if scalar.is_sealed and self._is_old(path, scalar.value)
        }
        return (document.spliced(new) if new else document), len(new)

    def _is_old(self, path: str, text: str) -> bool:
        envelope = crypto.from_text(text, self._database, path)
        kid = crypto.kid_of(self._database, path, envelope)
        return self.cipher is None or kid != self.cipher.kid

    @property
    def _database(self) -> str:
        return f"config:{self.stem}"


def sealed_with(raw: bytes) -> set[bytes]:
    """The names of the keys that sealed whatever looks like a sealed value in a text."""
    found = set()
    for match in _LOOKS_SEALED.finditer(raw):
        try:
            found.add(crypto.kid_of("", "", crypto.from_text(match[0].decode())))
        except HeroError:
            continue  # a text that only begins like one
    return found


def still_clear(document: Document, paths: Iterable[str]) -> list[str]:
    """Those of the paths whose values are not yet sealed.

    Raises:
        ConfigError: There is no value at one of them.
    """
    scalars = document.scalars
    for path in paths:
        if path not in scalars:
            raise ConfigError(
                f"there is no value {path!r} in {document.name}", hint=did_you_mean(path, scalars)
            )
        if scalars[path].is_nothing:
            raise ConfigError(f"{path} in {document.name} is empty", hint="give it a value first")
    return [path for path in dict.fromkeys(paths) if not scalars[path].is_sealed]
