"""Sealed values: what opens them, what does not, and that nothing is written in the clear."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import keyrings
import pytest
from databases.ciphers import Cipher, Keys
from stores.children import code_of, forked

from hero_kernel.databases import Database, Databases, writer
from hero_kernel.errors import (
    DatabaseError,
    HeroError,
    LegacyCiphertextError,
    SecretChangedError,
    SecretError,
    SecretRequiredError,
    ValueTamperedError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CANARY = "canary-7f3a91"
MUST_FAIL = pytest.mark.xfail(strict=True, reason="the obvious way loses, or the test is blunt")


@pytest.fixture
def cipher() -> Cipher:
    return Cipher()


@pytest.fixture
def db(tmp_path: Path, cipher: Cipher) -> Database:
    database = Database(tmp_path / "db" / "vault.db", "vault", cipher=cipher, encrypt=True)
    database.update(a="first value", b="second value", c=[1, {"x": None}], d=Secret("hush"))
    database.set(value="alone")
    return database


def raw(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def edit(path: Path, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, parameters)


def reopened(db: Database, cipher: Cipher | None = None, **options: Any) -> Database:
    return Database(db.path, db.name, cipher=cipher or db._cipher, **options)


def test_every_value_is_sealed_and_key_names_are_not(db: Database, tmp_path: Path) -> None:
    content = raw(tmp_path)
    for value in (b"first value", b"second value", b"hush", b"alone", b'{"x"'):
        assert value not in content
    assert db.is_encrypted()
    with closing(sqlite3.connect(db.path)) as connection:
        rows = connection.execute("SELECT key, kind, substr(value, 1, 4) FROM entry").fetchall()
    assert rows == [(key, "sealed", b"HE1\x01") for key in ("a", "b", "c", "d", None)]
    assert db.info().writes == 5


def test_the_file_and_not_the_caller_says_that_it_is_encrypted(
    db: Database, tmp_path: Path
) -> None:
    other = reopened(db)
    other["new"] = CANARY
    with other.transaction():
        other.update(more=CANARY)
    third = reopened(db)
    with third.transaction():
        third["most"] = CANARY
    assert [reopened(db)[key] for key in ("new", "more", "most")] == [CANARY] * 3
    assert CANARY.encode() not in raw(tmp_path)


def test_a_locked_context_reads_no_value_and_writes_none(db: Database, cipher: Cipher) -> None:
    cipher.is_locked = True
    for call in (
        lambda: db["a"],
        lambda: db.set("a", 1),
        lambda: db.update(a=1),
        lambda: list(db.items()),
        lambda: db.transaction().__enter__(),
        db.reseal,
        lambda: reopened(db).decrypt(),
    ):
        with pytest.raises(SecretRequiredError):
            call()
    assert (list(db), len(db), db.exists("a"), db.id_of("a")) == (["a", "b", "c", "d"], 4, True, 1)
    db.delete("b")
    assert db.info().entries == 4
    cipher.is_locked = False
    assert db["a"] == "first value"


def test_without_a_secret_there_are_no_secrets(db: Database, tmp_path: Path) -> None:
    plain = Database(tmp_path / "plain.db", "plain")
    with pytest.raises(SecretRequiredError, match="%hero_secret new"):
        plain["key"] = Secret("hush")
    assert not plain.path.exists()
    plain["key"] = 1
    for call in (plain.encrypt, lambda: plain.update(k=Secret("hush"))):
        with pytest.raises(SecretRequiredError):
            call()
    bare = Database(db.path, db.name)
    for call in (
        lambda: bare["a"],
        lambda: bare.set("z", 1),
        lambda: bare.update(z=1),
        bare.reseal,
    ):
        with pytest.raises(SecretRequiredError):
            call()
    with pytest.raises(SecretRequiredError):
        Database(tmp_path / "new.db", "new", encrypt=True)["key"] = 1
    assert not (tmp_path / "new.db").exists()


def test_a_secret_is_sealed_in_any_database_and_told_to_be_masked(
    tmp_path: Path, cipher: Cipher
) -> None:
    told: list[str] = []
    db = Database(tmp_path / "x.db", "x", cipher=cipher, on_secret=told.append)
    db["before"] = "plain"
    db.update(s=Secret(CANARY), t="clear")
    number = db.set(value=Secret("alone"))
    assert CANARY.encode() not in raw(tmp_path)
    told.clear()
    found = reopened(db, on_secret=told.append)
    assert (found["s"], found.get(id=number), found["t"]) == (
        Secret(CANARY),
        Secret("alone"),
        "clear",
    )
    assert told == [CANARY, "alone"]
    assert not db.is_encrypted()
    assert CANARY not in repr(list(db.items()))
    cipher.is_locked = True
    assert db["t"] == "clear"
    db["t"] = "still"
    with pytest.raises(SecretRequiredError):
        db["s"]


def test_an_export_holds_no_secret(db: Database, tmp_path: Path, cipher: Cipher) -> None:
    path = tmp_path / "x.jsonl"
    plain = Database(tmp_path / "x.db", "x", cipher=cipher)
    plain.update(a=1, s=Secret(CANARY))
    with pytest.raises(DatabaseError, match='secrets="skip"'):
        plain.export(path)
    assert not path.exists()
    assert plain.export(path, secrets="skip") == 1
    with pytest.raises(DatabaseError, match="decrypted=True"):
        db.export(path, secrets="skip")
    assert db.export(path, secrets="skip", decrypted=True) == 4
    assert CANARY.encode() not in path.read_bytes()
    with pytest.raises(DatabaseError, match="refuse or skip"):
        plain.export(path, secrets="clear")


def envelope_of(db: Database, key: str) -> bytes:
    with closing(sqlite3.connect(db.path)) as connection:
        return connection.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()[0]


def test_every_flipped_bit_and_every_truncation_is_noticed(db: Database) -> None:
    good = envelope_of(db, "a")
    flipped = [
        good[:n] + bytes([good[n] ^ 1 << bit]) + good[n + 1 :]
        for n in range(len(good))
        for bit in range(8)
    ]
    cut = [good[:length] for length in range(len(good))]
    statement = "UPDATE entry SET value = ? WHERE key = 'a'"
    with closing(sqlite3.connect(db.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for bad in [*flipped, *cut, good + b"\0", b"garbage"]:
            connection.execute(statement, (bad,))
            with pytest.raises((ValueTamperedError, LegacyCiphertextError)) as caught:
                db["a"]
            assert "'a'" in str(caught.value)
            assert "first" not in str(caught.value)
        connection.execute(statement, (good,))
    assert db["a"] == "first value"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE entry SET kind = NULL, value = 'planted' WHERE key = 'a'", "not sealed"),
        ("UPDATE entry SET kind = 'json', value = '1' WHERE key = 'a'", "not sealed"),
        ("UPDATE entry SET value = 'planted' WHERE key = 'a'", "no envelope"),
        ("UPDATE entry SET value = NULL WHERE key = 'a'", "no envelope"),
        ("UPDATE entry SET kind = 'secret' WHERE key = 'a'", "not the secret"),
        (
            "UPDATE entry SET value = (SELECT value FROM entry WHERE key = 'b') WHERE key = 'a'",
            "'a'",
        ),
        (
            "UPDATE entry SET key = CASE key WHEN 'a' THEN 'z' ELSE 'a' END WHERE key IN ('a')",
            "'z'",
        ),
        (
            "UPDATE entry SET value = (SELECT value FROM entry WHERE key IS NULL) WHERE key = 'a'",
            "'a'",
        ),
        ("UPDATE entry SET kind = 'odd' WHERE key = 'a'", "not sealed"),
    ],
)
def test_what_was_planted_or_moved_is_noticed(db: Database, statement: str, said: str) -> None:
    edit(db.path, statement)
    with pytest.raises(ValueTamperedError, match=said):
        list(db.items())
    assert "first value" not in said


def test_a_value_moved_to_another_database_is_noticed(db: Database, tmp_path: Path) -> None:
    shutil.copy(db.path, tmp_path / "copy.db")
    moved = Database(tmp_path / "copy.db", "copy", cipher=db._cipher)
    with pytest.raises(ValueTamperedError):
        moved["a"]
    with pytest.raises(ValueTamperedError, match=r"'vault'.*rename"):
        moved["a"] = 1
    with pytest.raises(ValueTamperedError, match="'vault'"):
        moved.rebind("else")
    other = Cipher(Keys(known={b"kid 0001": b"2" * 32}))
    with pytest.raises(ValueTamperedError):
        reopened(db, other)["a"]


def test_a_value_in_herolibs_form_is_named(db: Database) -> None:
    edit(db.path, "UPDATE entry SET value = ? WHERE key = 'a'", b"\x01" * 18)
    with pytest.raises(LegacyCiphertextError):
        db["a"]


def test_what_is_documented_as_not_noticed_is_not(db: Database) -> None:
    old = envelope_of(db, "a")
    db["a"] = "newer"
    edit(db.path, "UPDATE entry SET value = ? WHERE key = 'a'", old)
    edit(db.path, "DELETE FROM entry WHERE key = 'b'")
    assert (db["a"], "b" in db) == ("first value", False)


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("fence", ["fence", "NULL"])
def test_a_mark_that_was_taken_away_lets_nothing_be_written_in_the_clear(
    db: Database, tmp_path: Path, encrypt: bool, fence: str
) -> None:
    edit(db.path, f"UPDATE meta SET encrypted = 0, fence = {fence}")  # noqa: S608 - ours
    other = reopened(db, encrypt=encrypt)
    for write in (
        lambda: other.set("new", CANARY),
        lambda: other.update(new=CANARY),
        lambda: other.set(value=CANARY),
    ):
        with pytest.raises(ValueTamperedError, match="says it is not encrypted"):
            write()
    assert CANARY.encode() not in raw(tmp_path)
    assert other["a"] == "first value"


@pytest.mark.xfail(strict=True, reason="without the mark and the values nothing tells it")
def test_an_empty_one_whose_mark_was_taken_away_is_known(db: Database, tmp_path: Path) -> None:
    db.empty()
    edit(db.path, "UPDATE meta SET encrypted = 0")
    reopened(db)["new"] = CANARY
    assert CANARY.encode() not in raw(tmp_path)


def test_a_context_that_encrypts_needs_no_mark(db: Database, tmp_path: Path) -> None:
    db.empty()
    edit(db.path, "UPDATE meta SET encrypted = 0")
    other = reopened(db, encrypt=True)
    other["new"] = CANARY
    assert CANARY.encode() not in raw(tmp_path)
    assert other.is_encrypted()


@pytest.mark.parametrize("how", ["encrypt", "set", "transaction"])
def test_becoming_encrypted_leaves_nothing_in_the_clear(
    tmp_path: Path, cipher: Cipher, how: str
) -> None:
    path = tmp_path / "x.db"
    db = Database(path, "x", cipher=cipher)
    db.update((f"k{n}", f"{CANARY} {n} " + "x" * (n * 10 % 9000)) for n in range(300))
    db["gone"] = f"{CANARY} deleted"
    db["k0"] = f"{CANARY} again"
    del db["gone"]
    db["secret"] = Secret(CANARY)
    assert CANARY.encode() in raw(tmp_path)
    expected = dict(db.items())
    if how == "encrypt":
        assert db.encrypt() == 301
        assert db.encrypt() == 0
    elif how == "set":
        Database(path, "x", cipher=cipher, encrypt=True)["k0"] = expected["k0"]
    else:
        policy = Database(path, "x", cipher=cipher, encrypt=True)
        with policy.transaction():
            policy["k0"] = expected["k0"]
        policy["k0"] = expected["k0"]
    assert CANARY.encode() not in raw(tmp_path)
    assert dict(db.items()) == expected
    assert dict(reopened(db).items()) == expected
    if how == "encrypt":
        db.decrypt()
        assert not db.is_encrypted()
        assert dict(reopened(db).items()) == expected
        with pytest.raises(DatabaseError, match="encrypts"):
            reopened(db, encrypt=True).decrypt()


def test_an_update_seals_what_is_unlike_the_rest_as_well(db: Database, tmp_path: Path) -> None:
    """Wherever it stands among texts that are alike, which are sealed by the piece."""
    count = 2 * writer._PIECE + 10
    db.empty()
    for place in (0, writer._PIECE - 1, writer._PIECE, count - 1):
        for odd in ([1], b"\0", "é", None, Secret("hush hush")):
            data: dict[str, Any] = {f"{n:05}": f"{CANARY} {place} {n}" for n in range(count)}
            data[f"{place:05}"] = odd
            before = db.info().writes
            db.update(data)
            assert dict(db) == data
            assert db.info().writes == before + count
    rows = db.select("SELECT DISTINCT kind FROM entry", ())
    assert rows == [("sealed",)]
    assert CANARY.encode() not in raw(tmp_path)
    with pytest.raises(DatabaseError):
        db.update({**dict.fromkeys(data, "never"), "last": object()})
    assert dict(db) == data


@pytest.mark.xfail(strict=True, reason="SQLite leaves what was there in free pages and the journal")
def test_an_update_alone_leaves_nothing_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute("CREATE TABLE entry (value)")
        connection.execute("INSERT INTO entry VALUES (?)", (CANARY + "x" * 9000,))
        connection.execute("UPDATE entry SET value = 'sealed'")
    assert CANARY.encode() not in raw(tmp_path)


def test_a_kill_before_the_purge_is_made_good(tmp_path: Path, cipher: Cipher) -> None:
    db = Database(tmp_path / "x.db", "x", cipher=cipher)
    db.update((f"k{n}", f"{CANARY} {n}") for n in range(100))

    def die() -> None:
        db._file.vacuum = lambda: os.kill(os.getpid(), signal.SIGKILL)
        db.encrypt()

    assert code_of(forked(die)) == -signal.SIGKILL
    assert db.is_encrypted()
    assert db.encrypt() == 0
    assert CANARY.encode() not in raw(tmp_path)
    assert db["k7"] == f"{CANARY} 7"


def test_a_new_key_is_used_from_the_moment_of_resealing(db: Database, cipher: Cipher) -> None:
    old = cipher.kid
    new = cipher.keys.rotate()
    other = reopened(db)
    other["new"] = 1
    assert db.kids() == {old}
    assert db.reseal() == 6
    assert db.reseal() == 0
    assert db.kids() == {new}
    del cipher.keys.known[old]
    assert (other["new"], other["a"], other["d"]) == (1, "first value", Secret("hush"))
    other["new"] = 2
    assert db["new"] == 2


def test_the_fence_counts_as_in_use(tmp_path: Path, cipher: Cipher) -> None:
    empty = Database(tmp_path / "e.db", "e", cipher=cipher, encrypt=True)
    empty["key"] = 1
    del empty["key"]
    assert empty.kids() == {cipher.kid}
    new = cipher.keys.rotate()
    empty["key"] = 2  # nothing is sealed with the old one any more
    assert empty.kids() == {new}
    plain = Database(tmp_path / "p.db", "p")
    plain["key"] = 1
    assert (plain.kids(), plain.reseal()) == (frozenset(), 0)


def test_a_writer_with_old_keys_is_told(db: Database) -> None:
    stale = Cipher()
    other = reopened(db, stale)
    other["x"] = 1
    db._cipher.keys.rotate()
    db.reseal()
    with pytest.raises(SecretChangedError):
        other["x"] = 2
    with pytest.raises(SecretChangedError):
        other.update(x=2)
    assert db["x"] == 1


class NoFence:
    """A writer that seals with the keys it has, whatever the file says."""

    def __init__(self, path: Path, cipher: Cipher) -> None:
        self._path, self._cipher = path, cipher

    def update(self, pairs: dict[str, str]) -> None:
        for key, value in pairs.items():
            self.set(key, value)

    def set(self, key: str, value: str) -> None:
        kid = self._cipher.keys.active
        envelope = self._cipher.seal("vault", key, b"s" + value.encode(), kid)
        with closing(sqlite3.connect(self._path, isolation_level=None, timeout=10)) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO entry (key, kind, value) VALUES (?, 'sealed', ?)",
                (key, envelope),
            )


class FileKeys(Keys):
    """Keys in a file, as a keyring has them: what another process rotated is not seen by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def save(self) -> None:
        draft = self.path.with_suffix(".new")
        lines = [
            self.active.hex(),
            *(f"{kid.hex()} {key.hex()}" for kid, key in self.known.items()),
        ]
        draft.write_text("\n".join(lines))
        draft.replace(self.path)

    def load(self) -> None:
        active, *known = self.path.read_text().splitlines()
        self.active = bytes.fromhex(active)
        self.known = {
            bytes.fromhex(a): bytes.fromhex(b) for a, b in (line.split() for line in known)
        }


class FileCipher(Cipher):
    @property
    def kid(self) -> bytes:
        self.keys.load()
        return self.keys.active

    def knows(self, kid: bytes) -> bool:
        if kid not in self.keys.known:
            self.keys.load()
        return kid in self.keys.known


@pytest.mark.parametrize("fenced", [True, pytest.param(False, marks=MUST_FAIL)])
def test_rotation_under_live_writers_loses_nothing(tmp_path: Path, fenced: bool) -> None:
    keys = FileKeys(tmp_path / "keys")
    keys.save()
    path = tmp_path / "vault.db"
    db = Database(path, "vault", cipher=FileCipher(keys), encrypt=True)
    db["key"] = 1
    stop = time.monotonic() + 1.2
    outs = []

    def write(number: int, into: int) -> None:
        mine = FileCipher(FileKeys(keys.path))
        mine.keys.load()
        store: Any = Database(path, "vault", cipher=mine) if fenced else NoFence(path, mine)
        while time.monotonic() < stop:
            for n in itertools.count():
                key = f"{number}:{n}"
                store.set(key, key)
                store.update({f"{key} too": key})
                os.write(into, f"{key}\n".encode())
                if time.monotonic() > stop or n > 400:
                    return

    pids = []
    for number in range(3):
        out, into = os.pipe()
        pids.append(forked(lambda number=number, into=into: write(number, into)))
        os.close(into)
        outs.append(out)
    while time.monotonic() < stop:
        keys.load()
        old = set(keys.known)
        keys.rotate()
        keys.save()
        db.reseal()
        for kid in old - db.kids():
            del keys.known[kid]
        keys.save()
        time.sleep(0.02)
    codes = [code_of(pid) for pid in pids]
    acknowledged = []
    for out in outs:
        with open(out, "rb") as file:  # noqa: PTH123 - a file descriptor
            acknowledged += file.read().decode().split()
    assert codes == [0, 0, 0]
    db.reseal()
    assert len(acknowledged) > 20
    for key in acknowledged:
        assert db[key] == db[f"{key} too"] == key
    assert len(keys.known) < 4


class OneSealer(FileCipher):
    """It goes on sealing with the key that was there when many were first sealed at once."""

    sealing: Callable[[str, bytes], bytes] | None = None

    def sealer(self, db: str, kid: bytes) -> Callable[[str, bytes], bytes]:
        if self.sealing is None:
            self.sealing = Cipher(Keys(kid, dict(self.keys.known))).sealer(db, kid)
        return self.sealing


@pytest.mark.parametrize("kind", [FileCipher, pytest.param(OneSealer, marks=MUST_FAIL)])
def test_many_at_once_are_sealed_with_the_key_of_their_own_transaction(
    tmp_path: Path, kind: type[FileCipher]
) -> None:
    keys = FileKeys(tmp_path / "keys")
    keys.save()
    path = tmp_path / "vault.db"
    db = Database(path, "vault", cipher=kind(keys), encrypt=True)
    before = {f"before {number}": f"{number}" for number in range(700)}
    db.update(before)
    old = set(keys.known)
    keys.rotate()
    keys.save()
    db.reseal()
    for kid in old:
        del keys.known[kid]
    keys.save()
    after = {f"after {number}": f"{number}" for number in range(700)}
    db.update(after)
    reader = FileKeys(keys.path)
    reader.load()
    assert dict(Database(path, "vault", cipher=FileCipher(reader)).items()) == before | after


def test_resealing_waits_for_a_writer_that_began_with_the_old_key(
    tmp_path: Path, cipher: Cipher
) -> None:
    """Its first secret is not there to be seen yet; and the old key is about to be dropped."""
    db = Database(tmp_path / "x.db", "x", cipher=cipher)
    db["plain"] = 1
    sealed, rotated = threading.Event(), threading.Event()

    def write() -> None:
        with db.transaction():
            db["secret"] = Secret(CANARY)
            sealed.set()
            rotated.wait(5)
            time.sleep(0.1)

    thread = threading.Thread(target=write)
    thread.start()
    sealed.wait(5)
    new = cipher.keys.rotate()
    rotated.set()
    assert reopened(db).reseal() == 0 or db.kids() == {new}
    thread.join()
    assert db.kids() == {new}
    assert db["secret"] == Secret(CANARY)


def test_a_rename_binds_the_values_anew(tmp_path: Path, cipher: Cipher) -> None:
    databases = Databases(tmp_path, tmp_path / "db" / "1", cipher=cipher, encrypt=True)
    old = databases.get("session_one")
    old.update(a=1, b=Secret("hush"))
    number = old.set(value=[1])
    new = databases.rename("session_one", "session_two")
    assert (new["a"], new["b"], new.get(id=number)) == (1, Secret("hush"), [1])
    assert databases.list() == ["session_two"]
    assert not list(tmp_path.rglob("session_one*"))
    new["a"] = 2
    assert new.rebind("session_one") == 0
    with pytest.raises(DatabaseError, match="no database session_one"):
        databases.rename("session_one", "session_two")


@pytest.mark.parametrize("when", ["after the file", "before the file"])
def test_a_killed_rename_is_finished_by_the_same_call(
    tmp_path: Path, cipher: Cipher, when: str
) -> None:
    databases = Databases(tmp_path, tmp_path / "db", cipher=cipher, encrypt=True)
    databases.get("one").update((f"{n}", n) for n in range(100))

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def rename() -> None:
        if when == "after the file":
            Database.rebind = die
        else:
            os.link = die
        databases.rename("one", "two")

    assert code_of(forked(rename)) == -signal.SIGKILL
    assert databases.rename("one", "two")["7"] == 7
    assert databases.list() == ["two"]


@pytest.mark.parametrize("step", ["encrypt", "reseal", "decrypt"])
def test_a_killed_conversion_leaves_the_old_or_the_new(
    tmp_path: Path, cipher: Cipher, step: str
) -> None:
    db = Database(tmp_path / "x.db", "x", cipher=cipher)
    expected = {f"k{n:03}": f"value {n} " + "x" * 500 for n in range(400)}
    db.update(expected)
    if step != "encrypt":
        db.encrypt()
    db.close()
    delays = [0.001 * n for n in range(1, 13)]
    for delay_s in delays:
        cipher.keys.known[cipher.keys.rotate()] = os.urandom(32)
        pid = forked(getattr(db, step))
        time.sleep(delay_s)
        killed_or_done(pid)
        assert dict(reopened(db).items()) == expected
    with closing(sqlite3.connect(db.path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def killed_or_done(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    assert code_of(pid) in (0, -signal.SIGKILL)


def test_the_keyring_is_such_a_cipher(tmp_path: Path) -> None:
    ring = keyrings.created(tmp_path)
    told: list[str] = []
    databases = Databases(
        tmp_path, tmp_path / "db" / "1", cipher=ring, encrypt=True, on_secret=told.append
    )
    db = databases.get("config")
    db.update(a=CANARY, s=Secret("hush"))
    other = Databases(tmp_path, tmp_path / "db" / "1", cipher=keyrings.unlocked(tmp_path))
    assert other.get("config")["a"] == CANARY
    assert (databases.list(), told) == (["config"], ["hush"])
    before = ring.kid
    ring.rotate(keyrings.PASSPHRASE)
    assert databases.reseal() == 2
    assert ring.retire(databases.kids) == {before}
    assert other.get("config")["a"] == CANARY
    other.get("config")["b"] = 2
    assert db["b"] == 2
    ring.lock()
    with pytest.raises(SecretRequiredError):
        db["a"]
    ring.unlock(keyrings.PASSPHRASE)
    ring.rotate(keyrings.PASSPHRASE, Secret("another horse battery"))
    with pytest.raises(SecretError):
        other.get("config")["b"] = 3
    assert b"canary" not in b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
    edit(db.path, "UPDATE entry SET value = ? WHERE key = 'a'", envelope_of(db, "b"))
    with pytest.raises(ValueTamperedError, match="'a'"):
        db["a"]


def test_no_key_is_asked_for_under_a_lock(db: Database, tmp_path: Path) -> None:
    """Somebody may have to type the secret; others are not to wait for that."""

    class Asking(Cipher):
        @property
        def kid(self) -> bytes:
            if self.is_locked:
                with closing(sqlite3.connect(db.path, isolation_level=None, timeout=0)) as other:
                    other.execute("BEGIN EXCLUSIVE")
                self.is_locked = False
            return super().kid

    for write in (
        lambda other: other.set("z", 1),
        lambda other: other.update(z=1),
        lambda other: other.set("z", Secret("hush")),
        lambda other: other.encrypt(),
        lambda other: other.reseal(),
        lambda other: other.rebind("vault"),
    ):
        asking = Asking()
        asking.is_locked = True
        write(reopened(db, asking))
        assert not asking.is_locked


def test_only_our_errors_leave_the_room(db: Database) -> None:
    for kind, value in itertools.product(
        ["sealed", "secret", "json", None, "odd"],
        [b"", b"HE1\x01", "text", 7, None, 1.5, b"\xff" * 100],
    ):
        edit(db.path, "UPDATE entry SET kind = ?, value = ? WHERE key = 'a'", kind, value)
        with pytest.raises(HeroError):
            db["a"]
