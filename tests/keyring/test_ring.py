"""A keyring is made, unlocked, locked, followed and changed, as a user does it."""

from __future__ import annotations

import copy
import gc
import hashlib
import hmac
import inspect
import json
import os
import pickle
import re
import resource
import stat
import sys
import time
import traceback
import unicodedata
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.ultratb import VerboseTB
from keyrings import LOG2_N, PASSPHRASE, created, keyring, unlocked
from stores.children import code_of, forked

from hero_kernel import crypto, files, times
from hero_kernel.errors import (
    HeroError,
    KeyringMissingError,
    KeyringTamperedError,
    LegacyCiphertextError,
    SecretChangedError,
    SecretError,
    SecretRequiredError,
    StorageFullError,
    StoreError,
    UnsafePermissionsError,
    ValueTamperedError,
    WrongSecretError,
)
from hero_kernel.keyring import TRIES, Keyring
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hero_kernel.crypto import Cipher

NEW = Secret("another good passphrase")
WRONG = Secret("not the passphrase")
NOW = times.new("2025-01-02 03:04:05")
MUST_FAIL = pytest.mark.xfail(strict=True, reason="the obvious way leaks, or the test is blunt")


def copy_of(ring: Keyring) -> Path:
    return ring.path.with_name("keyring.json.prev")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def stretched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how often a passphrase is stretched."""
    calls: list[int] = []
    scrypt = hashlib.scrypt

    def counted(*args: Any, **kwargs: Any) -> bytes:
        calls.append(kwargs["n"])
        return scrypt(*args, **kwargs)

    monkeypatch.setattr(hashlib, "scrypt", counted)
    return calls


def test_what_is_sealed_today_is_opened_by_another_kernel_tomorrow(tmp_path: Path) -> None:
    ring: Cipher = created(tmp_path)
    envelope = ring.seal("session_a", "token", b"value", ring.kid)
    assert ring.open("session_a", "token", envelope) == b"value"
    assert unlocked(tmp_path).open("session_a", "token", envelope) == b"value"
    assert unlocked(tmp_path).knows(ring.kid)
    assert not ring.knows(bytes(8))


def test_texts_are_sealed_as_text(tmp_path: Path) -> None:
    ring = created(tmp_path)
    text = ring.seal_text("config:mail__default", "smtp.password", "é\nvalue")
    assert text.startswith("hero:v1:")
    assert text.isascii()
    assert ring.open_text("config:mail__default", "smtp.password", text) == "é\nvalue"
    with pytest.raises(ValueTamperedError):
        ring.open_text("config:mail__default", "smtp.user", text)
    movable = ring.seal_text("", "", "anywhere")
    assert ring.open_text("", "", movable) == "anywhere"
    binary = crypto.to_text(ring.seal("", "", b"\xff\xfe", ring.kid))
    with pytest.raises(ValueTamperedError):
        ring.open_text("", "", binary)


def test_a_value_of_another_context_or_of_nobody_does_not_open(tmp_path: Path) -> None:
    ring, other = created(tmp_path, 1), created(tmp_path, 2)
    envelope = other.seal("db", "key", b"value", other.kid)
    forged = envelope[:4] + ring.kid + envelope[12:]
    for bad in (envelope, forged, b"", b"plain", envelope[:20]):
        with pytest.raises(ValueTamperedError):
            ring.open("db", "key", bad)
    with pytest.raises(LegacyCiphertextError):
        ring.open("db", "key", b"fgXo1d4rBG/dXCo0dGHWsgwA")
    with pytest.raises(KeyringTamperedError, match="lacks the key"):
        ring.seal("db", "key", b"value", other.kid)


def test_what_seals_many_values_seals_each_for_its_place(tmp_path: Path) -> None:
    ring = created(tmp_path)
    kid, seal = ring.kid, ring.sealer("db", ring.kid)
    envelopes = {seal("key", b"value") for _ in range(3)}
    assert len(envelopes) == 3
    assert {unlocked(tmp_path).open("db", "key", one) for one in envelopes} == {b"value"}
    with pytest.raises(ValueTamperedError):
        ring.open("db", "other", seal("key", b"value"))
    with pytest.raises(KeyringTamperedError, match="lacks the key"):
        ring.sealer("db", bytes(8))
    ring.lock()
    with pytest.raises(SecretRequiredError):
        ring.sealer("db", kid)


@pytest.mark.parametrize("length", [11, 12, 19, 20, 23, 24, 39])
def test_an_envelope_that_is_cut_off_is_told(tmp_path: Path, length: int) -> None:
    ring = created(tmp_path)
    envelope = ring.seal("db", "key", b"value", ring.kid)
    with pytest.raises(ValueTamperedError):
        ring.open("db", "key", envelope[:length])


def test_every_flip_of_an_envelope_is_noticed(tmp_path: Path) -> None:
    ring = created(tmp_path)
    envelope = ring.seal("db", "key", b"x", ring.kid)
    for at in range(len(envelope)):
        for bit in range(8):
            bad = bytearray(envelope)
            bad[at] ^= 1 << bit
            with pytest.raises(ValueTamperedError):
                ring.open("db", "key", bytes(bad))


def test_files_are_the_owners_alone_under_any_umask(tmp_path: Path) -> None:
    for number, umask in enumerate((0, 0o022, 0o077)):
        before = os.umask(umask)
        try:
            folder = tmp_path / "db" / str(number)
            if number:
                folder.mkdir(parents=True)  # as herolib may have left it
            ring = created(tmp_path, number)
            with ring.writing():
                pass
        finally:
            os.umask(before)
        assert mode(folder) == 0o700
        assert {path.name: mode(path) for path in folder.iterdir()} == dict.fromkeys(
            ["keyring.json", "keyring.json.prev", ".keyring.lock", ".keyring.gate"], 0o600
        )


def test_it_is_made_once(tmp_path: Path, stretched: list[int]) -> None:
    ring = created(tmp_path)
    content, made = ring.path.read_bytes(), len(stretched)
    with pytest.raises(SecretError, match="has a secret already"):
        keyring(tmp_path).create(NEW)
    assert ring.path.read_bytes() == content
    assert len(stretched) == made


def test_two_processes_that_make_it_make_one(tmp_path: Path) -> None:
    children = [forked(lambda: created(tmp_path)) for _ in range(4)]
    assert sorted(code_of(pid) for pid in children) == [0, 1, 1, 1]
    assert unlocked(tmp_path).info().rev == 1


def test_an_empty_passphrase_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match="no secret"):
        keyring(tmp_path).create(Secret("  "))
    assert list(tmp_path.iterdir()) == []


def test_release_asks_for_owasps_cost_and_reads_nothing_below_the_floor(tmp_path: Path) -> None:
    created(tmp_path)
    release = Keyring(tmp_path / "db" / "1", root=tmp_path, context="prod")
    with pytest.raises(KeyringTamperedError, match="log2_n outside 15 to 20"):
        release.unlock(PASSPHRASE)
    made = Keyring(tmp_path / "db" / "2", root=tmp_path, context="prod")
    made.create(PASSPHRASE)
    assert json.loads(made.path.read_text())["kdf"]["log2_n"] == 17
    assert made.verifier not in {
        crypto.legacy_secret(PASSPHRASE),
        hashlib.md5(crypto.legacy_secret(PASSPHRASE).encode()).hexdigest(),  # noqa: S324
    }


def test_the_verifier_and_the_information_are_readable_while_locked(tmp_path: Path) -> None:
    ring = created(tmp_path, now=lambda: NOW)
    closed = keyring(tmp_path, now=lambda: NOW.warp("+2d"))
    assert closed.verifier == ring.verifier
    assert len(bytes.fromhex(closed.verifier)) == 16
    info = closed.info()
    assert (info.created, info.changed, info.age_s, info.rev) == (NOW, NOW, 2 * 86_400, 1)
    assert (info.kdf, info.generations, info.kid) == ("scrypt", 1, ring.kid.hex()[:8])
    assert not closed.is_unlocked


@pytest.mark.parametrize(
    "use",
    [
        lambda ring: ring.kid,
        lambda ring: ring.knows(bytes(8)),
        lambda ring: ring.seal("", "", b"", bytes(8)),
        lambda ring: ring.open("", "", bytes(40)),
        lambda ring: ring.retire(set),
        lambda ring: ring.writing().__enter__(),
    ],
)
def test_locked_it_says_how_to_unlock_and_missing_that_it_is(
    tmp_path: Path, use: Callable[[Keyring], object]
) -> None:
    with pytest.raises(KeyringMissingError, match="no keyring"):
        use(keyring(tmp_path))
    created(tmp_path)
    with pytest.raises(SecretRequiredError, match=r"'prod' is locked; .*HERO_SECRET_FILE"):
        use(keyring(tmp_path))


def test_five_wrong_tries_and_no_more(tmp_path: Path, stretched: list[int]) -> None:
    created(tmp_path)
    ring = keyring(tmp_path)
    before = ring.path.read_bytes()
    stretched.clear()
    for number in range(1, TRIES + 1):
        with pytest.raises(WrongSecretError, match=rf"'prod' \({number} of 5 tries\)"):
            ring.unlock(WRONG)
        assert len(stretched) == number
    for attempt in (ring.unlock, ring.check, lambda right: ring.rotate(right, NEW), ring.upgrade):
        with pytest.raises(WrongSecretError, match="no more secrets are tried"):
            attempt(PASSPHRASE)
    assert len(stretched) == TRIES
    assert ring.path.read_bytes() == before
    assert not ring.is_unlocked
    ring.lock()
    ring.unlock(PASSPHRASE)


def test_a_right_try_starts_the_count_again(tmp_path: Path) -> None:
    created(tmp_path)
    ring = keyring(tmp_path)
    for _ in range(2):
        for _ in range(TRIES - 1):
            assert not ring.check(WRONG)
        assert ring.check(PASSPHRASE)
    assert not ring.is_unlocked


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_the_right_passphrase_opens_however_it_is_typed(tmp_path: Path, form: str) -> None:
    keyring(tmp_path).create(Secret("café crème"))
    keyring(tmp_path).unlock(Secret(f"  {unicodedata.normalize(form, 'café crème')}\n"))


def test_a_rotation_seals_with_a_new_key_and_opens_what_was_sealed(tmp_path: Path) -> None:
    ring = created(tmp_path)
    first = ring.kid
    old = ring.seal("db", "key", b"old", first)
    ring.rotate(PASSPHRASE, NEW)
    assert ring.kid != first
    assert ring.knows(first)
    assert ring.open("db", "key", old) == b"old"
    fresh = keyring(tmp_path)
    with pytest.raises(WrongSecretError):
        fresh.unlock(PASSPHRASE)
    fresh.unlock(NEW)
    assert fresh.open("db", "key", old) == b"old"
    assert fresh.info().generations == 2


def test_a_rotation_with_the_wrong_passphrase_changes_nothing(tmp_path: Path) -> None:
    ring = created(tmp_path)
    before = ring.path.read_bytes()
    for change in (ring.rotate, ring.rewrap):
        with pytest.raises(WrongSecretError):
            change(WRONG, NEW)
    with pytest.raises(SecretError, match="no secret"):
        ring.rotate(PASSPHRASE, Secret(" "))
    assert ring.path.read_bytes() == before


def test_the_old_passphrase_opens_no_copy_either(tmp_path: Path) -> None:
    ring = created(tmp_path)
    ring.rewrap(PASSPHRASE, NEW)
    assert copy_of(ring).read_bytes() == ring.path.read_bytes()
    kept = [path for path in ring.path.parent.iterdir() if path.read_bytes()]
    assert sorted(path.name for path in kept) == ["keyring.json", "keyring.json.prev"]


def test_rewrapping_keeps_the_key(tmp_path: Path) -> None:
    ring = created(tmp_path, now=lambda: NOW)
    kid, salt = ring.kid, json.loads(ring.path.read_text())["kdf"]["salt"]
    ring._now = lambda: NOW.warp("+1h")
    ring.rewrap(PASSPHRASE, NEW)
    assert ring.kid == kid
    assert json.loads(ring.path.read_text())["kdf"]["salt"] != salt
    assert ring.info().changed == NOW.warp("+1h")
    assert ring.info().created == NOW


def test_upgrading_from_a_weaker_way(tmp_path: Path) -> None:
    ring = created(tmp_path, log2_n=15)
    envelope = ring.seal("db", "key", b"value", ring.kid)
    stronger = keyring(tmp_path, log2_n=16)
    with pytest.raises(WrongSecretError):
        stronger.upgrade(WRONG)
    assert stronger.upgrade(PASSPHRASE)
    assert json.loads(ring.path.read_text())["kdf"]["log2_n"] == 16
    assert not stronger.upgrade(PASSPHRASE)
    assert not keyring(tmp_path, log2_n=15).upgrade(PASSPHRASE)  # never to less
    assert stronger.open("db", "key", envelope) == b"value"


def test_keys_that_nothing_uses_are_dropped(tmp_path: Path) -> None:
    ring = created(tmp_path)
    kids = [ring.kid]
    envelopes = [ring.seal("db", "key", b"value", ring.kid)]
    for _ in range(2):
        ring.rotate(PASSPHRASE)
        kids.append(ring.kid)
        envelopes.append(ring.seal("db", "key", b"value", ring.kid))
    assert ring.retire(lambda: {kids[1], bytes(8)}) == {kids[0]}
    assert ring.retire(lambda: {kids[1]}) == frozenset()
    for reader in (ring, unlocked(tmp_path)):
        assert not reader.knows(kids[0])
        with pytest.raises(ValueTamperedError):
            reader.open("db", "key", envelopes[0])
        assert [reader.open("db", "key", envelope) for envelope in envelopes[1:]] == [b"value"] * 2
    assert ring.retire(set) == {kids[1]}
    assert ring.kid == kids[2]


def test_a_new_key_of_another_kernel_is_followed_silently(tmp_path: Path) -> None:
    ring, other = created(tmp_path), unlocked(tmp_path)
    other.rotate(PASSPHRASE)
    sealed = other.seal("db", "key", b"value", other.kid)
    assert ring.open("db", "key", sealed) == b"value"
    assert ring.kid == other.kid
    other.rotate(PASSPHRASE)
    assert ring.knows(other.kid)
    other.rotate(PASSPHRASE)
    assert ring.kid == other.kid


@pytest.mark.parametrize(
    "notice", [lambda ring: ring.kid, lambda ring: ring.knows(bytes(8))], ids=["kid", "knows"]
)
def test_a_new_passphrase_of_another_kernel_is_told_once(
    tmp_path: Path, notice: Callable[[Keyring], object]
) -> None:
    ring = created(tmp_path)
    other = keyring(tmp_path, now=lambda: NOW)
    old = ring.seal("db", "key", b"value", ring.kid)
    other.rotate(PASSPHRASE, NEW)
    local = NOW.datetime.astimezone().strftime("%Y-%m-%d %H:%M")
    with pytest.raises(SecretChangedError, match=f"changed at {local}; unlock again"):
        notice(ring)
    assert not ring.is_unlocked
    with pytest.raises(SecretRequiredError):
        notice(ring)
    ring.unlock(NEW)
    assert ring.open("db", "key", old) == b"value"


def test_a_secret_that_is_changed_while_it_is_changed_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, other = created(tmp_path), unlocked(tmp_path)
    make = crypto.Kdf.new

    def meanwhile(*args: int) -> crypto.Kdf:
        monkeypatch.setattr(crypto.Kdf, "new", make)
        other.rotate(PASSPHRASE, NEW)
        return make(*args)

    monkeypatch.setattr(crypto.Kdf, "new", meanwhile)
    with pytest.raises(SecretChangedError):
        ring.rotate(PASSPHRASE, Secret("a third passphrase"))
    keyring(tmp_path).unlock(NEW)


def test_a_keyring_that_is_lost_is_told_and_never_made_anew(tmp_path: Path) -> None:
    ring = created(tmp_path)
    envelope = ring.seal("db", "key", b"value", ring.kid)
    ring.path.unlink()
    assert not ring.exists()
    assert ring.open("db", "key", envelope) == b"value"  # what is here can still be saved
    for act in (
        lambda: ring.kid,
        lambda: keyring(tmp_path).unlock(PASSPHRASE),
        lambda: keyring(tmp_path).create(NEW),
        lambda: keyring(tmp_path).verifier,
    ):
        with pytest.raises(KeyringMissingError, match=r"last good copy is keyring\.json\.prev"):
            act()
    keyring(tmp_path).restore_previous()
    assert unlocked(tmp_path).open("db", "key", envelope) == b"value"
    assert ring.kid == unlocked(tmp_path).kid


def damage(ring: Keyring) -> None:
    ring.path.write_bytes(ring.path.read_bytes()[:100])


def test_a_damaged_keyring_is_left_until_it_is_restored_by_hand(tmp_path: Path) -> None:
    ring = created(tmp_path)
    ring.rotate(PASSPHRASE, NEW)
    envelope = ring.seal("db", "key", b"value", ring.kid)
    damage(ring)
    damaged = ring.path.read_bytes()
    for act in (lambda: ring.kid, lambda: keyring(tmp_path).unlock(NEW), ring.info):
        with pytest.raises(KeyringTamperedError, match=r"last good copy is keyring\.json\.prev"):
            act()
    assert ring.path.read_bytes() == damaged
    fresh = keyring(tmp_path)
    fresh.restore_previous()
    fresh.unlock(NEW)
    assert fresh.open("db", "key", envelope) == b"value"
    assert ring.path.with_name("keyring.json.damaged").read_bytes() == damaged
    with pytest.raises(SecretError, match="is whole"):
        fresh.restore_previous()


def test_without_a_good_copy_nothing_is_restored(tmp_path: Path) -> None:
    with pytest.raises(KeyringMissingError):
        keyring(tmp_path).restore_previous()
    ring = created(tmp_path)
    damage(ring)
    copy_of(ring).write_bytes(b"{}")
    with pytest.raises(KeyringTamperedError):
        ring.restore_previous()
    copy_of(ring).unlink()
    with pytest.raises(KeyringMissingError):
        ring.restore_previous()


def test_a_copy_that_was_not_written_is_written_at_the_next_unlock(tmp_path: Path) -> None:
    ring = created(tmp_path)
    older = copy_of(ring).read_bytes()
    ring.rotate(PASSPHRASE, NEW)
    copy_of(ring).write_bytes(older)
    copy_of(ring).chmod(0o644)
    keyring(tmp_path).unlock(NEW)
    assert copy_of(ring).read_bytes() == ring.path.read_bytes()
    assert mode(copy_of(ring)) == 0o600


def test_every_flip_in_the_file_is_told_from_a_wrong_passphrase(tmp_path: Path) -> None:
    ring = created(tmp_path)
    content = ring.path.read_bytes()
    whole, told = keyring(tmp_path).info(), 0
    for at in range(len(content)):
        flipped = bytearray(content)
        flipped[at] ^= 1 << (at % 8)
        ring.path.write_bytes(flipped)
        try:
            assert keyring(tmp_path).info() == whole
            assert content[at : at + 1].isspace()
        except KeyringTamperedError:
            told += 1
    assert told > len(content) * 0.9
    for length in range(0, len(content) - 1, 7):
        ring.path.write_bytes(content[:length])
        with pytest.raises(KeyringTamperedError):
            keyring(tmp_path).info()


def forged(ring: Keyring, **change: Any) -> None:
    """Change the file as somebody does who knows the format, and not the passphrase."""
    fields = json.loads(ring.path.read_text()) | change
    fields.pop("digest")
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    fields["digest"] = hashlib.sha256(text.encode()).hexdigest()
    ring.path.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    "change",
    [
        {"kdf": {"name": "scrypt", "log2_n": 40, "r": 8, "p": 1, "salt": "00" * 16}},
        {"kdf": {"name": "scrypt", "log2_n": 1, "r": 8, "p": 1, "salt": "00" * 16}},
        {"kdf": {"name": "scrypt", "log2_n": 14, "r": 10**6, "p": 1, "salt": "00" * 16}},
        {"kdf": {"name": "scrypt", "log2_n": 14, "r": 8, "p": 1, "salt": ""}},
        {"kdf": {"name": "md5", "salt": "00" * 16}},
        {"kdf": {}},
        {"verifier": "x"},
        {"id": ""},
        {"active": "00" * 8},
        {"keys": {}},
        {"keys": {"zz": "00"}, "active": "zz"},
        {"keys": {"00" * 8: 1}, "active": "00" * 8},
        {"created": "now"},
        {"changed": ""},
        {"rev": True},
        {"more": 1},
        {"format": 2},
        {"format": 0},
        {"keys": {"00" * 8: "x" * 2**20}, "active": "00" * 8},
    ],
    ids=lambda change: str(change)[:60],
)
def test_a_forged_file_is_refused_before_any_work(
    tmp_path: Path, change: dict[str, Any], stretched: list[int]
) -> None:
    ring = created(tmp_path)
    forged(ring, **change)
    stretched.clear()
    started = time.perf_counter()
    with pytest.raises(KeyringTamperedError):
        ring.unlock(PASSPHRASE)
    assert time.perf_counter() - started < 0.05
    assert stretched == []


@pytest.mark.parametrize("field", ["active", "changed", "rev", "id", "keys"])
def test_what_is_forged_well_is_noticed_with_the_passphrase(tmp_path: Path, field: str) -> None:
    ring = created(tmp_path)
    first = ring.kid.hex()
    ring.rotate(PASSPHRASE)
    keys = json.loads(ring.path.read_text())["keys"]
    keys.pop(first)
    changes = {
        "active": first, "changed": "2020-01-01 00:00:00", "rev": 9, "id": "0" * 32, "keys": keys,
    }  # fmt: skip
    forged(ring, **{field: changes[field]})
    with pytest.raises(KeyringTamperedError):
        _ = ring.kid
    with pytest.raises(KeyringTamperedError, match="without its secret"):
        unlocked(tmp_path)


def test_a_newer_format_asks_for_a_newer_program(tmp_path: Path) -> None:
    ring = created(tmp_path)
    forged(ring, format=2)
    with pytest.raises(KeyringTamperedError, match="needs a newer hero-kernel"):
        ring.info()


def test_another_or_an_older_keyring_in_its_place_is_noticed(tmp_path: Path) -> None:
    ring = created(tmp_path, 1)
    older = ring.path.read_bytes()
    files.write(ring.path, created(tmp_path, 2).path.read_bytes())
    with pytest.raises(KeyringTamperedError, match="another keyring"):
        _ = ring.kid
    files.write(ring.path, older)
    ring.unlock(PASSPHRASE)
    ring.rotate(PASSPHRASE)
    files.write(ring.path, older)
    with pytest.raises(KeyringTamperedError, match="revision 1 was put back after 2"):
        _ = ring.kid
    assert not ring.is_unlocked


@pytest.mark.parametrize("bits", [0o644, 0o640, 0o602, 0o660])
def test_a_file_that_others_may_use_is_refused_with_the_remedy(tmp_path: Path, bits: int) -> None:
    ring = created(tmp_path)
    ring.path.chmod(bits)
    with pytest.raises(UnsafePermissionsError) as told:
        unlocked(tmp_path)
    assert told.value.hint == f"chmod 600 {ring.path}"
    with pytest.raises(UnsafePermissionsError):
        _ = ring.kid
    ring.path.chmod(0o600)
    unlocked(tmp_path)
    assert ring.knows(ring.kid)


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    ring = created(tmp_path)
    folder = ring.path.parent
    folder.chmod(0o777)
    with pytest.raises(UnsafePermissionsError, match=f"chmod 700 {folder}"):
        unlocked(tmp_path)
    folder.chmod(0o755)
    unlocked(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    ring = created(tmp_path)
    for place in (ring.path, ring.path.parent):
        os.chown(place, 65534, -1)
        with pytest.raises(UnsafePermissionsError, match=f"user 65534; chown 0 {place}"):
            unlocked(tmp_path)
        os.chown(place, 0, -1)


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    ring = created(tmp_path)
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == 0 and place != place.parent:
            place.chmod(mode(place) | 0o011)
    ring.path.parent.parent.chmod(0o711)
    ring.path.parent.chmod(0o711)

    def other() -> None:
        os.setgid(65534)
        os.setuid(65534)
        with pytest.raises(UnsafePermissionsError, match="may not be read"):
            unlocked(tmp_path)

    assert code_of(forked(other)) == 0


def test_links_are_not_followed(tmp_path: Path) -> None:
    ring = created(tmp_path)
    victim = tmp_path / "victim"
    content = ring.path.read_bytes()
    for name in ("keyring.json", ".keyring.lock", ".keyring.gate"):
        victim.write_bytes(content)
        victim.chmod(0o600)
        place = ring.path.with_name(name)
        kept = place.read_bytes()
        place.unlink()
        place.symlink_to(victim)
        with pytest.raises(HeroError) as told:
            unlocked(tmp_path).rotate(PASSPHRASE)
        assert "link" in str(told.value) or "move it away" in str(told.value)
        assert victim.read_bytes() == content
        place.unlink()
        place.write_bytes(kept)
        place.chmod(0o600)
    copy_of(ring).unlink()
    copy_of(ring).symlink_to(victim)
    unlocked(tmp_path).rotate(PASSPHRASE)
    assert victim.read_bytes() == content
    assert not copy_of(ring).is_symlink()


def test_a_folder_that_leads_out_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "home", tmp_path / "outside"
    created(outside, 1)
    (root / "db").mkdir(parents=True)
    (root / "db" / "1").symlink_to(outside / "db" / "1")
    (root / "db" / "2").symlink_to(outside)
    with pytest.raises(StoreError, match="leads out of"):
        unlocked(root, 1)
    with pytest.raises(StoreError, match="leads out of"):
        created(root, 2)
    assert [path.name for path in outside.iterdir()] == ["db"]


@pytest.mark.parametrize("plant", [lambda p: p.mkdir(), lambda p: os.mkfifo(p, 0o600)])
def test_what_is_no_file_is_no_keyring(tmp_path: Path, plant: Callable[[Path], None]) -> None:
    ring = created(tmp_path)
    ring.path.unlink()
    plant(ring.path)
    with pytest.raises(KeyringTamperedError):
        keyring(tmp_path).unlock(PASSPHRASE)


def test_idle_keys_are_forgotten(tmp_path: Path) -> None:
    now = [0.0]
    ring = created(tmp_path, clock=lambda: now[0], idle_s=100)
    kid = ring.kid
    for _ in range(5):
        now[0] += 99
        assert ring.is_unlocked
        ring.seal("db", "key", b"value", kid)  # use puts it off
    now[0] += 101
    assert not ring.is_unlocked
    assert repr(ring) == "<keys: locked>"
    with pytest.raises(SecretRequiredError):
        ring.seal("db", "key", b"value", kid)
    now[0] -= 101
    assert not ring.is_unlocked  # they are gone, not hidden


def test_the_default_is_a_working_day_and_counts_sleep(tmp_path: Path) -> None:
    ring = created(tmp_path)
    assert ring._idle_s == 8 * 3600
    assert abs(ring._clock() - time.clock_gettime(time.CLOCK_BOOTTIME)) < 1


def test_locking_forgets(tmp_path: Path) -> None:
    ring = created(tmp_path)
    assert repr(ring) == "<keys: unlocked>"
    assert "unlocked" in str([ring])
    ring.lock()
    assert not ring.is_unlocked
    assert vars(ring)["_unlocked"] is None


@pytest.mark.parametrize(
    "take", [pickle.dumps, copy.copy, copy.deepcopy], ids=["pickle", "copy", "deepcopy"]
)
def test_it_is_neither_pickled_nor_copied(tmp_path: Path, take: Callable[[object], object]) -> None:
    ring = created(tmp_path)
    things = [ring, ring._unlocked.master.kek, *ring._unlocked.deks.values()]
    if take is not copy.copy:  # which copies nothing that is in a thing
        things += [ring._unlocked, ring._unlocked.master]
    for thing in things:
        with pytest.raises(TypeError, match="not pickled or copied"):
            take(thing)


def test_a_forked_child_has_no_keys(tmp_path: Path) -> None:
    ring = created(tmp_path)
    kid = ring.kid

    def child() -> None:
        assert ring._unlocked is None
        assert not ring.is_unlocked
        with pytest.raises(SecretRequiredError):
            ring.seal("db", "key", b"value", kid)
        ring.unlock(PASSPHRASE)
        ring.rotate(PASSPHRASE)

    assert code_of(forked(child)) == 0
    assert ring.is_unlocked
    assert ring.kid != kid


def test_a_keyring_that_is_gone_is_not_held_for_the_forks(tmp_path: Path) -> None:
    gone = weakref.ref(created(tmp_path))
    gc.collect()
    assert gone() is None
    assert code_of(forked(lambda: None)) == 0


def full(*_: object) -> None:
    raise StorageFullError("no room to write")


def interrupted(*_: object, **__: object) -> bytes:
    raise KeyboardInterrupt


def leaky(ring: Keyring) -> None:
    passphrase = PASSPHRASE.reveal()
    raise ValueError(len(passphrase) and ring.path)


@pytest.mark.parametrize(
    ("act", "where"),
    [
        (lambda ring: ring.rotate(PASSPHRASE, NEW), (files, "write", full)),
        (lambda ring: ring.unlock(PASSPHRASE), (hashlib, "scrypt", interrupted)),
        (lambda ring: ring.unlock(PASSPHRASE), (crypto, "_derived", interrupted)),
        (lambda ring: ring.unlock(PASSPHRASE), (crypto, "unwrap", interrupted)),
        (lambda ring: ring.rotate(PASSPHRASE), (crypto, "wrap", interrupted)),
        (lambda ring: ring.rotate(PASSPHRASE), (hmac, "new", interrupted)),
        (lambda ring: ring.unlock(WRONG), None),
        (lambda ring: ring.open("db", "key", ring.kid * 10), None),
        (lambda ring: ring.open("x", "y", ring.seal("x", "z", b"", ring.kid)), None),
        pytest.param(leaky, None, marks=MUST_FAIL),
    ],
)
def test_a_traceback_with_locals_shows_no_key_and_no_passphrase(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[Keyring], object],
    where: tuple[Any, str, Any] | None,
) -> None:
    ring = created(tmp_path)
    keys = [*ring._unlocked.deks.values(), ring._unlocked.master.kek, ring._unlocked.master.mac]
    hidden = [PASSPHRASE.reveal(), WRONG.reveal(), NEW.reveal()]
    hidden += [repr(bytes(key))[2:-1] for key in keys] + [key.hex() for key in keys]
    if where:
        monkeypatch.setattr(*where)
    try:
        act(ring)
        pytest.fail("it did not raise")
    except (HeroError, ValueError, KeyboardInterrupt) as error:
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
        kind = sys.exc_info()
    coloured = "\n".join(VerboseTB().structured_traceback(*kind))
    shown += re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    # This test's own frame knows them, as a user's own variables are the user's.
    shown = "\n".join(
        line for line in shown.split("\n") if not line.lstrip().startswith(("hidden =", "keys ="))
    )
    assert "ring = <keys" in shown
    for text in hidden:
        assert text not in shown


def test_a_full_disk_leaves_the_old_passphrase(tmp_path: Path) -> None:
    ring = created(tmp_path)

    def child() -> None:
        mine = unlocked(tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(StorageFullError):
            mine.rotate(PASSPHRASE, NEW)
        assert mine.is_unlocked
        mine.seal("db", "key", b"value", mine.kid)

    assert code_of(forked(child)) == 0
    assert ring.kid == unlocked(tmp_path).kid
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_tree_that_is_moved_opens_elsewhere(tmp_path: Path) -> None:
    ring = created(tmp_path / "old", 1)
    envelope = ring.seal("db", "key", b"value", ring.kid)
    (tmp_path / "new" / "db").mkdir(parents=True)
    ring.path.parent.rename(tmp_path / "new" / "db" / "7")
    assert unlocked(tmp_path / "new", 7).open("db", "key", envelope) == b"value"


def test_the_cost_of_tests_is_not_the_cost_of_release() -> None:
    assert LOG2_N < crypto.LOG2_N == 17
    assert inspect.signature(Keyring).parameters["log2_n"].default == 17
    assert not [name for name in os.environ if "KDF" in name]


@pytest.fixture(autouse=True)
def _no_draft_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not list(tmp_path.rglob("*.tmp"))
