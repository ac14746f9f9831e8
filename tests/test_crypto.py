"""Keys from a passphrase, and values sealed to their place."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as Blocks
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from stores.children import code_of, forked

from hero_kernel import crypto
from hero_kernel.crypto import Kdf, Key, MasterKeys, Subkey
from hero_kernel.errors import (
    HeroError,
    KeyringTamperedError,
    LegacyCiphertextError,
    SecretError,
    ValueTamperedError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

MUST_FAIL = pytest.mark.xfail(strict=True, reason="the obvious way is unsafe, or the test is blunt")
FAST = {"log2_n": 14, "r": 8, "p": 1}
SALT = bytes(range(16))
DEK, KID = Key(bytes(32)), bytes(range(8))


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def subkey(*, dek: Key = DEK, kid: bytes = KID, ring: str = "ab" * 16, db: str = "db") -> Subkey:
    return Subkey(dek, kid, ring, db)


def master(text: str) -> MasterKeys:
    return crypto.master_keys(Secret(text), Kdf("scrypt", SALT, FAST))


def test_a_key_does_not_show_itself_and_goes_nowhere() -> None:
    key = Key(b"0123456789abcdef")
    shown = [
        repr(key),
        str(key),
        f"{key}",
        f"{key!r}",
        f"{key}{key!r}",
        str([key]),
        str({1: key}),
    ]
    assert all("<key>" in text and "0123" not in text for text in shown)
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            take(key)
    assert "0123" not in repr(MasterKeys(key, key, "verifier"))


def test_the_keys_of_a_passphrase_are_those_of_the_format() -> None:
    """Recomputed from the standard library alone: whoever has the format can read a backup."""
    stretched = hashlib.scrypt(
        "é pass".encode(), salt=SALT, n=2**14, r=8, p=1, maxmem=2**25, dklen=64
    )

    def derived(key: bytes, info: bytes) -> bytes:
        extracted = hmac.digest(bytes(32), key, "sha256")
        return hmac.digest(extracted, info + b"\1", "sha256")

    keys = master("é pass")
    assert keys.kek == derived(stretched, b"hero/kek/v1")
    assert keys.mac == derived(stretched, b"hero/ring/v1")
    assert keys.verifier == md5(derived(stretched, b"hero/verifier/v1"))
    envelope = subkey(db="dö").seal("kéy", b"value")
    assert envelope[:12] == b"HE1\x01" + KID

    parts = (b"hero/val/v1", b"ab" * 16, "dö".encode(), "kéy".encode(), KID)
    bound = b"".join(len(part).to_bytes(4, "little") + part for part in parts)
    aead = AESGCM(derived(DEK, b"db:" + "dö".encode()))
    assert aead.decrypt(envelope[12:24], envelope[24:], bound) == b"value"
    assert len(envelope) == len(b"value") + crypto.OVERHEAD


@pytest.mark.parametrize(
    "typed", ["é pass", unicodedata.normalize("NFD", "é pass"), "  é pass\n", "\té pass\u00a0"]
)
def test_however_it_is_typed_it_is_the_same_passphrase(typed: str) -> None:
    assert crypto.normalised(Secret(typed)) == "é pass".encode()


@pytest.mark.parametrize("typed", ["", " \n", "x" * 5000])
def test_what_is_no_passphrase(typed: str) -> None:
    with pytest.raises(SecretError):
        crypto.normalised(Secret(typed))


def test_a_short_passphrase_is_told() -> None:
    assert crypto.is_short(Secret("é" * 11 + "  "))
    assert not crypto.is_short(Secret("é" * 12))


def test_generated_passphrases_are_long_readable_and_unlike() -> None:
    made = {crypto.generate().reveal() for _ in range(1000)}
    assert len(made) == 1000
    for text in made:
        groups = text.split("-")
        assert [len(group) for group in groups] == [4] * 7
        assert not set("".join(groups)) - set("0123456789abcdefghjkmnpqrstvwxyz")
    assert len(set("".join(made))) == 33  # all 32 and the dash


def test_guessing_costs_what_owasp_asks_for() -> None:
    kdf = Kdf.new()
    assert (kdf.name, kdf.costs) == ("scrypt", {"log2_n": 17, "r": 8, "p": 1})
    assert len(kdf.salt) == 16
    assert kdf.salt != Kdf.new().salt
    started = time.perf_counter()
    verifier = crypto.master_keys(Secret("mysecret"), kdf).verifier
    assert time.perf_counter() - started > 0.1
    plain = "06c219e5bc8378f3a8a3f83b4b7e4649"
    assert verifier not in {plain, md5(plain.encode())}


HOSTILE: list[dict[str, object]] = [
    {"log2_n": 1},
    {"log2_n": 14},
    {"log2_n": 40},
    {"log2_n": True},
    {"log2_n": 17.0},
    {"log2_n": "17"},
    {"log2_n": None},
    {"r": 10**6},
    {"r": 1},
    {"p": 0},
    {"p": 5},
    {"salt": ""},
    {"salt": "00" * 15},
    {"salt": "00" * 65},
    {"salt": "zz" * 16},
    {"salt": 16},
    {"name": "md5"},
    {"name": None},
    {"name": ["scrypt"]},
    {"more": 1},
    {"name": "argon2id"},
    {"name": "pbkdf2-sha256"},
]


@pytest.mark.parametrize("change", HOSTILE, ids=str)
def test_hostile_costs_are_refused_before_any_work(change: dict[str, object]) -> None:
    fields = Kdf.new().fields() | change
    started = time.perf_counter()
    with pytest.raises(KeyringTamperedError):
        Kdf.read(fields)
    assert time.perf_counter() - started < 0.05


@pytest.mark.parametrize(
    "costs",
    [
        {"name": "argon2id", "memory_kib": 19 * 1024, "iterations": 2, "lanes": 1},
        {"name": "pbkdf2-sha256", "iterations": 600_000},
        {"name": "scrypt", "log2_n": 15, "r": 8, "p": 1},
    ],
    ids=lambda costs: costs["name"],
)
def test_other_ways_of_stretching_are_read(costs: dict[str, object]) -> None:
    if costs["name"] == "argon2id":
        pytest.importorskip(
            "cryptography.hazmat.primitives.kdf.argon2", reason="cryptography is older than 44"
        )
    kdf = Kdf.read(costs | {"salt": SALT.hex()})
    assert Kdf.read(json.loads(json.dumps(kdf.fields()))) == kdf
    first = crypto.master_keys(Secret("pass"), kdf)
    assert first == crypto.master_keys(Secret("pass"), kdf)
    assert first.verifier != crypto.master_keys(Secret("Pass"), kdf).verifier
    for bad in ({"iterations": 0}, {"memory_kib": 1024}, {"lanes": 9}, {"log2_n": 21}):
        if bad.keys() <= costs.keys():
            with pytest.raises(KeyringTamperedError):
                Kdf.read(costs | bad | {"salt": SALT.hex()})


def test_argon2id_that_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.kdf.argon2", None)
    kdf = Kdf("argon2id", SALT, {"memory_kib": 19 * 1024, "iterations": 2, "lanes": 1})
    with pytest.raises(SecretError, match="argon2id"):
        crypto.master_keys(Secret("pass"), kdf)


def test_too_little_memory_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(hashlib, "scrypt", full)
    with pytest.raises(SecretError, match="memory"):
        master("pass")


def in_the_main_thread(work: Callable[[], bytes]) -> Key:
    return Key(work())


@pytest.mark.parametrize(
    "wait", [crypto._in_a_thread, pytest.param(in_the_main_thread, marks=MUST_FAIL)]
)
def test_ctrl_c_is_heard_while_stretching(
    wait: Callable[[Callable[[], bytes]], Key], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto, "_in_a_thread", wait)
    kdf = Kdf("scrypt", SALT, {"log2_n": 19, "r": 8, "p": 1})  # about a second
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    started = time.perf_counter()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        crypto.master_keys(Secret("pass"), kdf)
    answered = time.perf_counter() - started
    timer.join()
    for thread in threading.enumerate():
        if thread.name == "hero secret":
            thread.join()
    assert answered < 0.4


def test_importing_it_imports_no_cryptography() -> None:
    code = "import sys, hero_kernel.crypto; sys.exit('cryptography' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_wrapped_key_opens_only_in_its_place() -> None:
    kek, dek = crypto.new_key(), crypto.new_key()
    wrapped = crypto.wrap(kek, dek, "ring", KID)
    assert crypto.unwrap(kek, wrapped, "ring", KID) == dek
    damaged = [wrapped[:-1], wrapped + b"x", b"", bytes(60)]
    for bad in damaged:
        with pytest.raises(KeyringTamperedError):
            crypto.unwrap(kek, bad, "ring", KID)
    for other in ((crypto.new_key(), "ring", KID), (kek, "rinG", KID), (kek, "ring", bytes(8))):
        with pytest.raises(KeyringTamperedError):
            crypto.unwrap(other[0], wrapped, *other[1:])


@given(st.text(), st.binary())
def test_what_is_sealed_is_opened(key: str, plain: bytes) -> None:
    envelope = subkey().seal(key, plain)
    assert subkey().open(key, envelope) == plain
    assert crypto.kid_of("db", key, envelope) == KID
    assert crypto.from_text(crypto.to_text(envelope)) == envelope
    assert envelope != subkey().seal(key, plain)


def test_a_lone_surrogate_in_a_name_is_a_name() -> None:
    own = subkey(db="\udcff")
    assert own.open("\ud800", own.seal("\ud800", b"x")) == b"x"


def damaged(envelope: bytes) -> list[bytes]:
    flips = [
        bytes([*envelope[:at], envelope[at] ^ (1 << bit), *envelope[at + 1 :]])
        for at in range(len(envelope))
        for bit in range(8)
    ]
    prefixes = [envelope[:length] for length in range(len(envelope))]
    return [*flips, *prefixes, envelope + b"\0", b"plain", bytes(1000), os.urandom(64)]


def test_every_flip_and_every_truncation_is_noticed() -> None:
    opener = subkey()
    envelope = opener.seal("key", b'{"admin":false}')
    for bad in damaged(envelope):
        with pytest.raises(ValueTamperedError, match="'key' in 'db'") as told:
            opener.open("key", bad)
        assert "admin" not in str(told.value)


def test_a_flip_in_herolibs_form_is_not_noticed() -> None:
    """Why that form is never written: CBC without authentication."""
    text = as_herolib("secret", b'0123456789abcdef{"admin":false}')
    raw = bytearray(base64.b64decode(text))
    raw[3] ^= 1
    changed = base64.b64encode(raw).decode()
    assert crypto.legacy_decrypt("secret", changed).endswith(b'{"aemin":false}')


def test_a_moved_value_does_not_open() -> None:
    envelope = subkey().seal("key", b"value")
    others = [subkey(db="db2"), subkey(ring="cd" * 16), subkey(dek=Key(b"\1" * 32))]
    for other in others:
        with pytest.raises(ValueTamperedError):
            other.open("key", envelope)
    for key in ("key2", "", "KEY", "ke", "key\0"):
        with pytest.raises(ValueTamperedError):
            subkey().open(key, envelope)
    with pytest.raises(ValueTamperedError):
        subkey(kid=bytes(8)).open("key", envelope[:4] + bytes(8) + envelope[12:])


def test_where_one_name_ends_and_the_next_begins_is_bound_too() -> None:
    one, other = subkey(db="ab"), subkey(db="a")
    with pytest.raises(ValueTamperedError):
        other.open("bc", one.seal("c", b"value"))


def test_an_older_value_of_the_same_place_is_not_noticed() -> None:
    """Documented: nothing here knows what was there last. A change of this must be noticed."""
    own = subkey()
    older = own.seal("key", b"old")
    own.seal("key", b"new")
    assert own.open("key", older) == b"old"


@pytest.mark.parametrize(
    "text", ["", "hero:v1:", "hero:v1:!!", "hero:v1:" + "QQ==" * 20, "hero:v1:QUJD", "plain", "é"]
)
def test_what_is_no_envelope_in_text(text: str) -> None:
    with pytest.raises(ValueTamperedError):
        crypto.from_text(text, "db", "key")


@given(st.binary())
def test_only_our_errors_leave(data: bytes) -> None:
    for attempt in (
        lambda: subkey().open("key", data),
        lambda: crypto.kid_of("", "", data),
        lambda: crypto.unwrap(DEK, data, "", KID),
        lambda: crypto.from_text(data.decode("latin-1")),
        lambda: crypto.from_text("hero:v1:" + data.decode("latin-1")),
        lambda: crypto.legacy_decrypt("secret", data.decode("latin-1")),
        lambda: crypto.legacy_decrypt("secret", base64.b64encode(data).decode()),
    ):
        with suppress(HeroError):
            attempt()


def seeded(seed: int = 7) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes  # noqa: S311 - to be caught repeating itself


@pytest.mark.parametrize(
    "randomness", [os.urandom, pytest.param(seeded(), marks=MUST_FAIL, id="seeded")]
)
def test_no_nonce_comes_twice_not_even_after_a_fork(
    randomness: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crypto.os, "urandom", randomness)
    own = subkey()
    nonces = {own.seal("", b"")[12:24] for _ in range(100_000)}
    assert len(nonces) == 100_000
    out, into = os.pipe()

    def child() -> None:
        os.write(into, b"".join(own.seal("", b"")[12:24] for _ in range(1000)))

    assert [code_of(forked(child)) for _ in range(2)] == [0, 0]
    os.close(into)
    with os.fdopen(out, "rb") as file:
        theirs = file.read()
    nonces |= {theirs[at : at + 12] for at in range(0, len(theirs), 12)}
    assert len(nonces) == 102_000


LEGACY = [
    ("0f534c80288ade8d3f7c6dbdade84541", "", "AAA="),
    ("0f534c80288ade8d3f7c6dbdade84541", "data", "fgXo1d4rBG/dXCo0dGHWsgwA"),
    ("0f534c80288ade8d3f7c6dbdade84541", "0123456789abcdef", "rZX/hoIJRA3lkZ/U8L5o0QAA"),
    (
        "0f534c80288ade8d3f7c6dbdade84541",
        "0123456789abcdef0",
        "rZX/hoIJRA3lkZ/U8L5o0fUtQhW2V1jjZHrbreXxgBAPAA==",
    ),
    ("0f534c80288ade8d3f7c6dbdade84541", "multi\nline é", "IytPqU8dwoE5noyh5ClgSQMA"),
    ("0f534c80288ade8d3f7c6dbdade84541", "s3cr3t é", "Udf2GM4xXdVf5IflXnC5XQcA"),
    ("06c219e5bc8378f3a8a3f83b4b7e4649", "", "AAA="),
    ("06c219e5bc8378f3a8a3f83b4b7e4649", "data", "otCug1PorEuKYLAjsMpYqQwA"),
    ("06c219e5bc8378f3a8a3f83b4b7e4649", "0123456789abcdef", "GfQeRJmrlAvptxqV/hLu5gAA"),
    (
        "06c219e5bc8378f3a8a3f83b4b7e4649",
        "0123456789abcdef0",
        "GfQeRJmrlAvptxqV/hLu5p4sgQkfqBRx0R9hA5r1EwUPAA==",
    ),
    ("06c219e5bc8378f3a8a3f83b4b7e4649", "multi\nline é", "QYkiDz+aMYhc2yUoYPNhrgMA"),
    ("mysecret", "data", "kkzFQg1n3G3D6OFWGV043gwA"),
    ("mysecret", "", "AAA="),
    ("mysecret", "0123456789abcdef", "gmAJn9ZQTafdIqrBMQvl1gAA"),
    (
        "mysecret",
        "a longer value with unicode é and\nnewline",
        "+AahpoGPO8d6FNInO1rK/c9ct+3UfBKfKFHg3Dg2s+3qbc8PdXkpfUiDxaHHZ/b9BgA=",
    ),
    (
        "06c219e5bc8378f3a8a3f83b4b7e4649",
        "a longer value with unicode é and\nnewline",
        "GfPpV6hJtRUXTke09deUc70/f/exLN9a0LkELlpb7Mkt0ApI528be3gt6B5MQ+lWBgA=",
    ),
]
"""Secret, text and ciphertext, as herolib's own code writes them."""


def as_herolib(secret: str, plain: bytes) -> str:
    """herolib's encryption, which no code of ours has."""
    key = md5(secret.encode()).encode()
    pad = -len(plain) % 16
    cipher = Blocks(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    sealed = cipher.update(plain + bytes(pad)) + cipher.finalize()
    return base64.b64encode(sealed + pad.to_bytes(2, "little")).decode()


@pytest.mark.parametrize(("secret", "text", "sealed"), LEGACY)
def test_herolibs_values_are_read_byte_for_byte(secret: str, text: str, sealed: str) -> None:
    assert crypto.legacy_decrypt(secret, sealed) == text.encode()
    assert as_herolib(secret, text.encode()) == sealed
    assert crypto.is_legacy(sealed.encode())
    with pytest.raises(LegacyCiphertextError, match="herolib"):
        crypto.kid_of("db", "key", sealed.encode())
    with pytest.raises(LegacyCiphertextError):
        crypto.from_text(sealed)


@given(st.binary(), st.text())
def test_whatever_herolib_writes_is_read_anywhere(plain: bytes, secret: str) -> None:
    """Not bound to a place, as Vault's first format: a moved value opens."""
    key = secret.encode("utf-8", "replace").decode()
    assert crypto.legacy_decrypt(key, as_herolib(key, plain)) == plain


def test_herolibs_private_key_is_read() -> None:
    sealed = (
        "Ul2Xkv3NpVBCfNtaSiUrMt8oO/1h6wMU5LALvVGxwiy23BsGVDpEJD9eQhd9c9P823jpI2GXeA0llmkGEDLi+gAA"
    )
    plain = crypto.legacy_decrypt("0f534c80288ade8d3f7c6dbdade84541", sealed)
    assert len(bytes.fromhex(plain.decode())) == 32


@pytest.mark.parametrize(
    "text", ["x", "AA==", "AAAA", "AQA=", "EAA=", "é", "AAA=\n", "AAA", "fgXo1d4rBG/dXCo0dGHWshAA"]
)
def test_what_is_no_value_of_herolibs(text: str) -> None:
    assert not crypto.is_legacy(text.encode())
    with pytest.raises(ValueTamperedError):
        crypto.legacy_decrypt("secret", text)


def test_another_secret_is_noticed_by_the_padding() -> None:
    with pytest.raises(ValueTamperedError, match="another secret"):
        crypto.legacy_decrypt("06c219e5bc8378f3a8a3f83b4b7e4649", "fgXo1d4rBG/dXCo0dGHWsgwA")


def test_herolibs_form_is_not_written() -> None:
    with pytest.raises(LegacyCiphertextError, match="not written"):
        crypto.legacy_encrypt("secret", b"data")


@pytest.mark.parametrize(
    ("plain", "stored"),
    [
        ("mysecret", "06c219e5bc8378f3a8a3f83b4b7e4649"),
        ("  mysecret \n", "06c219e5bc8378f3a8a3f83b4b7e4649"),
        ("my hero secret", "0f534c80288ade8d3f7c6dbdade84541"),
        ("é", "66ddcd97cfdeabb2f6fb8a999b4bc76f"),
    ],
)
def test_herolibs_stored_secrets_are_recognised(plain: str, stored: str) -> None:
    assert crypto.legacy_secret(Secret(plain)) == stored
    assert crypto.is_legacy_secret_of(stored, Secret(plain))
    assert crypto.is_legacy_secret_of(stored, Secret(unicodedata.normalize("NFD", plain)))
    assert not crypto.is_legacy_secret_of(stored, Secret(plain + "x"))


def test_a_secret_that_herolib_stored_as_it_is_or_untrimmed_is_recognised() -> None:
    leaked = "not hashed because encrypt was false"
    assert crypto.is_legacy_secret_of(leaked, Secret(leaked))
    untrimmed = md5(b" mysecret ")
    assert crypto.is_legacy_secret_of(untrimmed, Secret(" mysecret "))
    assert not crypto.is_legacy_secret_of(untrimmed, Secret("mysecret"))
    assert not crypto.is_legacy_secret_of("", Secret("mysecret"))
