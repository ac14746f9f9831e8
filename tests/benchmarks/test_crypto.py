"""Sealing and opening, against the bare cipher of `cryptography` and its Fernet."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from benchmarks.measuring import OURS, Goal
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from keyrings import created

from hero_kernel import crypto
from hero_kernel.crypto import Kdf
from hero_kernel.keyring import Keyring
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

BARE = "AESGCM"
FERNET = "Fernet"

SIZES = {
    "64 B": (64, 20_000, 4),
    "4 KiB": (4096, 5000, 4),
    "1 MiB": (1 << 20, 20, 15),
}
"""Bytes of a value, how many values, and how many times Fernet's figure must be ours."""


def of_each(work: Callable[..., bytes], *arguments: list) -> Callable[[], list[bytes]]:
    return lambda: [work(*one) for one in zip(*arguments, strict=True)]


@pytest.mark.parametrize("named", SIZES)
def test_a_value_costs_little_more_than_its_cipher(figures, tmp_path, named):
    """Ours is bound to its place, the bare cipher's to one name, Fernet's to nothing."""
    size, count, times = SIZES[named]
    goals = [Goal(BARE, at_most=2), Goal(FERNET, faster=times)]
    ring = created(tmp_path)
    bare, fernet, kid = (
        AESGCM(os.urandom(32)),
        Fernet(Fernet.generate_key()),
        ring.kid,
    )
    count = figures.size(count)
    plains = [os.urandom(size) for _ in range(count)]
    keys = [f"key {number}" for number in range(count)]

    def seal(key: str, plain: bytes) -> bytes:
        return ring.seal("db", key, plain, kid)

    def bare_seal(plain: bytes) -> bytes:
        nonce = os.urandom(12)
        return nonce + bare.encrypt(nonce, plain, b"db")

    def bare_open(envelope: bytes) -> bytes:
        return bare.decrypt(envelope[:12], envelope[12:], b"db")

    sealing = {
        OURS: of_each(seal, keys, plains),
        BARE: of_each(bare_seal, plains),
        FERNET: of_each(fernet.encrypt, plains),
    }
    sealed = {name: work() for name, work in sealing.items()}
    opening = {
        OURS: of_each(lambda key, one: ring.open("db", key, one), keys, sealed[OURS]),
        BARE: of_each(bare_open, sealed[BARE]),
        FERNET: of_each(fernet.decrypt, sealed[FERNET]),
    }

    def check_sealed(_: str, envelopes: list[bytes]) -> None:
        assert len(set(envelopes)) == count
        assert all(plain not in one for plain, one in zip(plains, envelopes, strict=True))

    def check_opened(_: str, opened: list[bytes]) -> None:
        assert opened == plains

    figures.compare(f"seal {named}", sealing, *goals, per=count, check=check_sealed)
    figures.compare(f"open {named}", opening, *goals, per=count, check=check_opened)


def test_unlocking_takes_what_guessing_takes(figures, tmp_path):
    """One derivation, however many values are opened with it."""
    passphrase, kdf = Secret("correct horse battery"), Kdf.new()

    def ring() -> Keyring:
        return Keyring(tmp_path / "db", root=tmp_path, context="prod")

    first = ring()
    first.create(passphrase)
    sealed = [first.seal("db", f"key {n}", b"value", first.kid) for n in range(100)]

    def unlock_and_open() -> int:
        one = ring()
        one.unlock(passphrase)
        return len([one.open("db", f"key {n}", value) for n, value in enumerate(sealed)])

    def check(name: str, answer: object) -> None:
        assert answer == len(sealed) if name == OURS else answer

    works = {OURS: unlock_and_open, "one scrypt": lambda: crypto.master_keys(passphrase, kdf)}
    figures.compare(
        "unlock, and open 100 values",
        works,
        Goal("one scrypt", at_most=1.05),
        check=check,
        rounds=15,  # 128 MiB of fresh memory: one guess takes half as long again as another
    )


def test_asking_a_keyring(figures, tmp_path):
    """What every write asks: which key is in use, and whether the file was changed elsewhere."""
    ring = created(tmp_path)
    path = next(path for path in tmp_path.rglob("*") if path.is_file())
    count = figures.size(2000)

    def kid() -> bytes:
        return [ring.kid for _ in range(count)][-1]

    def stat() -> bytes:
        return [os.stat(path) for _ in range(count)] and ring.kid  # noqa: PTH116 - the bare call

    def check(_: str, answer: bytes) -> None:
        assert answer == ring.kid

    figures.compare(
        "which key is in use",
        {OURS: kid, "os.stat": stat},
        Goal("os.stat", at_most=3),
        per=count,
        check=check,
    )
