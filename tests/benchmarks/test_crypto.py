"""Sealing and opening, against the bare cipher of `cryptography` in the same run."""

from __future__ import annotations

import os
from statistics import median
from typing import TYPE_CHECKING

import pytest
from benchmarks.measuring import interleaved, timed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from keyrings import created

from hero_kernel import crypto
from hero_kernel.crypto import Kdf
from hero_kernel.keyring import Keyring
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]

COUNT = 20_000


@pytest.mark.parametrize(("size", "most"), [(64, 5), (4096, 4)])
def test_a_value_costs_little_more_than_its_cipher(tmp_path: Path, size: int, most: float) -> None:
    ring = created(tmp_path)
    bare, kid = AESGCM(os.urandom(32)), ring.kid
    plains = [os.urandom(size) for _ in range(COUNT)]
    keys = [f"key {number}" for number in range(COUNT)]
    sealed = [ring.seal("db", key, plain, kid) for key, plain in zip(keys, plains, strict=True)]
    nonces = [os.urandom(12) for _ in range(COUNT)]
    theirs = [
        bare.encrypt(nonce, plain, b"db") for nonce, plain in zip(nonces, plains, strict=True)
    ]

    def opened() -> list[bytes]:
        return [ring.open("db", key, one) for key, one in zip(keys, sealed, strict=True)]

    assert opened() == plains
    times = interleaved(
        {
            "bare encrypt": lambda: [
                bare.encrypt(os.urandom(12), plain, b"db") for plain in plains
            ],
            "seal": lambda: [
                ring.seal("db", key, plain, kid) for key, plain in zip(keys, plains, strict=True)
            ],
            "bare decrypt": lambda: [
                bare.decrypt(nonce, one, b"db") for nonce, one in zip(nonces, theirs, strict=True)
            ],
            "open": opened,
        },
        5,
        collector=False,
    )
    medians = {name: median(taken) for name, taken in times.items()}
    print(f"\n{size} bytes")
    for name, seconds in medians.items():
        print(f"{name:14} {seconds / COUNT * 1e6:6.2f} µs")
    assert medians["seal"] / medians["bare encrypt"] <= most
    assert medians["open"] / medians["bare decrypt"] <= most


def test_unlocking_takes_what_guessing_takes(tmp_path: Path) -> None:
    def ring() -> Keyring:
        return Keyring(tmp_path / "db", root=tmp_path, context="prod")

    ring().create(Secret("correct horse battery"))
    kdf = Kdf.new()
    times = interleaved(
        {
            "scrypt": lambda: crypto.master_keys(Secret("correct horse battery"), kdf),
            "unlock": lambda: ring().unlock(Secret("correct horse battery")),
        },
        5,
    )
    medians = {name: median(taken) for name, taken in times.items()}
    locked, unlocked = ring(), ring()
    unlocked.unlock(Secret("correct horse battery"))
    kid, _ = timed(lambda: [unlocked.kid for _ in range(1000)])
    print(f"\nscrypt  {medians['scrypt'] * 1e3:7.1f} ms")
    print(f"unlock  {medians['unlock'] * 1e3:7.1f} ms")
    print(f"info    {timed(locked.info)[0] * 1e6:7.1f} µs")
    print(f"kid     {kid * 1e3:7.2f} µs")
    assert medians["scrypt"] > 0.1
    assert medians["unlock"] / medians["scrypt"] < 1.2
