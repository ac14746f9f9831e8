"""Keyrings for tests: real ones, with a passphrase that is stretched quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.keyring import Keyring
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

LOG2_N = 14
"""About 30 ms a guess; release uses 2^17, and reads nothing below 2^15."""

PASSPHRASE = Secret("correct horse battery")


def keyring(root: Path, number: int = 1, **options: object) -> Keyring:
    """The keyring of a context, as another kernel would find it: made or not, and locked."""
    folder = root / "db" / str(number)
    return Keyring(folder, root=root, context="prod", **{"log2_n": LOG2_N, **options})  # type: ignore[arg-type]


def created(root: Path, number: int = 1, **options: object) -> Keyring:
    """A new keyring, unlocked, that `PASSPHRASE` opens."""
    ring = keyring(root, number, **options)
    ring.create(PASSPHRASE)
    return ring


def unlocked(root: Path, number: int = 1, **options: object) -> Keyring:
    """One that was created before, unlocked in another object."""
    ring = keyring(root, number, **options)
    ring.unlock(PASSPHRASE)
    return ring
