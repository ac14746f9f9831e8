"""herolib's folders come over, with all that may be wrong with them."""

from __future__ import annotations

import base64
import json
import os
from hashlib import md5
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as Symmetric
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from databases.ciphers import Cipher

from hero_kernel.crypto import legacy_decrypt
from hero_kernel.databases import Databases, dbfs
from hero_kernel.errors import DatabaseError, SecretError

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "0f534c80288ade8d3f7c6dbdade84541"
VAULT = "Udf2GM4xXdVf5IflXnC5XQcA"
"""Of herolib's own making, with that secret."""


@pytest.fixture
def databases(tmp_path: Path) -> Databases:
    return Databases(tmp_path, tmp_path / "db" / "1", cipher=Cipher())


class Folder:
    """A database as herolib writes it."""

    def __init__(
        self, path: Path, *, encrypted: bool = False, hashed: bool = False, ext: str = ""
    ) -> None:
        self.path = path
        self.suffix = f".{ext}" if ext else ""
        path.mkdir(parents=True)
        meta = {
            "encrypted": encrypted,
            "name": path.name,
            "withkeys": True,
            "keyshashed": hashed,
            "ext": ext,
        }
        (path / ".meta").write_text(json.dumps(meta, separators=(",", ":")))

    def value(self, place: str, content: bytes) -> None:
        path = self.path / f"{place}{self.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def key(
        self, key: str, place: str, content: bytes | None = None, *, copied: bool = False
    ) -> None:
        link = self.path / f"{key}{self.suffix}"
        if copied:
            link.write_text(f"{place}{self.suffix}")
        else:
            link.symlink_to(f"{place}{self.suffix}")
        if content is not None:
            self.value(place, content)

    def hashed(self, key: str, content: bytes) -> None:
        first, second = md5(key.encode(), usedforsecurity=False).digest()[:2]
        names = self.path / "names" / f"{first:02x}" / f"{second:02x}.txt"
        names.parent.mkdir(parents=True, exist_ok=True)
        names.write_text(f"{key}:\n")
        (self.path / "names" / ".meta").touch()
        self.value(f"{first}/{second}/0", content)


def snapshot(folder: Path) -> dict[str, object]:
    return {
        str(path): path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


def findings(found: tuple[dbfs.Finding, ...]) -> list[str]:
    return [str(finding) for finding in found]


@pytest.mark.parametrize("copied", [False, True], ids=["links", "links copied as text"])
def test_the_fixtures_come_over(databases: Databases, copied: bool) -> None:
    """Beside ours, in the collection's own folder; the values are those of herolib's fixtures."""
    config = Folder(databases.folder / "config")
    config.key("big_id", "0/1/44", b"id 300 lives in 0/1/44 (v2)", copied=copied)
    config.key("myclient_config_default", "0/0/1", b'{\n\t"keyname":\t"somekey"\n}', copied=copied)
    config.key("read_me.txt", "0/0/4", b"key keeps its extension: read_me.txt", copied=copied)
    (databases.folder / "incr_0").write_text("300")
    session = Folder(databases.folder / "session_mysession1")
    session.key("last_run", "0/0/2", b"2025-01-01", copied=copied)
    session.value("0/0/3", b"value stored by id only")
    session.key("gone", "0/0/5", copied=copied)
    before = snapshot(databases.folder)
    report = databases.import_dbfs()
    assert (report.databases, report.imported, report.kept) == (
        ("config", "session_mysession1"),
        5,
        0,
    )
    assert findings(report.skipped) == ["session_mysession1/gone: its value 0/0/5 is not there"]
    assert report.notes == ()
    ours = databases.get("config")
    assert list(ours.entries()) == [
        (1, "myclient_config_default", '{\n\t"keyname":\t"somekey"\n}'),
        (4, "read_me.txt", "key keeps its extension: read_me.txt"),
        (300, "big_id", "id 300 lives in 0/1/44 (v2)"),
    ]
    assert list(databases.get("session_mysession1").entries()) == [
        (2, "last_run", "2025-01-01"),
        (3, None, "value stored by id only"),
    ]
    assert databases.list() == ["config", "session_mysession1"]
    assert {
        key: value for key, value in snapshot(databases.folder).items() if ".db" not in key
    } == before


def test_an_extension_and_hashed_keys(databases: Databases, tmp_path: Path) -> None:
    Folder(tmp_path / "theirs" / "jsondb", ext="json").key("a1", "0/0/2", b'{"a":1}')
    hashed = Folder(tmp_path / "theirs" / "hashed", hashed=True)
    for key in ("alpha", "beta", "gamma"):
        hashed.hashed(key, f"value of {key}".encode())
    report = databases.import_dbfs(tmp_path / "theirs")
    assert (report.imported, report.skipped, report.notes) == (4, (), ())
    assert list(databases.get("jsondb").entries()) == [(2, "a1", '{"a":1}')]
    found = databases.get("hashed")
    assert dict(found.items()) == {key: f"value of {key}" for key in ("alpha", "beta", "gamma")}
    assert [found.id_of(key) for key in ("alpha", "beta", "gamma")] == [2889472, 9992960, 372736]


def sealed(secret: str, plain: bytes) -> bytes:
    """As herolib encrypts; only read by us."""
    key = md5(secret.encode(), usedforsecurity=False).hexdigest().encode()
    pad = -len(plain) % 16
    encryptor = Symmetric(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
    blocks = encryptor.update(plain + bytes(pad)) + encryptor.finalize()
    return base64.b64encode(blocks + pad.to_bytes(2, "little"))


def test_encrypted_values_come_over_encrypted(databases: Databases, tmp_path: Path) -> None:
    vault = Folder(tmp_path / "theirs" / "vault", encrypted=True)
    vault.key("token", "0/0/1", VAULT.encode())
    vault.key("binary", "0/0/2", sealed(SECRET, b"\xff\x00"))
    vault.key("broken", "0/0/3", b"AAAA")
    vault.key("clear", "0/0/4", b"caf\xe9")
    before = snapshot(tmp_path / "theirs")
    report = databases.import_dbfs(
        tmp_path / "theirs", decrypt=lambda text: legacy_decrypt(SECRET, text)
    )
    assert report.imported == 2
    assert [finding.place for finding in report.skipped] == ["broken", "clear"]
    db = databases.get("vault")
    assert db.is_encrypted()
    assert db["binary"] == b"\xff\x00"
    token = db["token"]
    assert isinstance(token, str)
    content = b"".join(path.read_bytes() for path in databases.folder.iterdir())
    assert token.encode() not in content
    assert snapshot(tmp_path / "theirs") == before
    assert "AAAA" not in str(report)


def test_encrypted_ones_need_both_secrets(tmp_path: Path) -> None:
    Folder(tmp_path / "theirs" / "vault", encrypted=True).key("token", "0/0/1", VAULT.encode())
    Folder(tmp_path / "theirs" / "plain").key("key", "0/0/1", b"value")
    databases = Databases(tmp_path, tmp_path / "db")
    report = databases.import_dbfs(tmp_path / "theirs")
    assert (report.databases, report.imported) == (("plain",), 1)
    assert findings(report.skipped) == ["vault: it is encrypted, and its secret was not given"]
    report = databases.import_dbfs(tmp_path / "theirs", decrypt=lambda text: text.encode())
    assert "no secret to encrypt it with" in str(report.skipped[0])
    assert not databases.exists("vault")

    def wrong(_text: str) -> bytes:
        raise SecretError("that is not the secret")

    report = Databases(tmp_path, tmp_path / "db", cipher=Cipher()).import_dbfs(
        tmp_path / "theirs", decrypt=wrong
    )
    assert findings(report.skipped) == ["vault/token: that is not the secret"]


def test_damage_is_told_and_the_rest_comes_over(databases: Databases, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "1").write_text("theirs")
    dotted = Folder(tmp_path / "theirs" / "session_a.b")
    (dotted.path / "key").symlink_to("session_a.b/0/0/1")
    dotted.value("0/0/1", b"dotted")
    bad = Folder(tmp_path / "theirs" / "bad")
    bad.key("good", "0/0/1", b"good")
    bad.key("empty", "0/0/2", b"")
    bad.key("binary", "0/0/3", b"caf\xe9\x00")
    bad.key("x" * 200, "0/0/4", b"long")
    bad.key("é" * 120, "0/0/5", b"wide")
    (bad.path / "out").symlink_to(outside / "1")
    (bad.path / "up").symlink_to("../../outside/1")
    (bad.path / "big").symlink_to("0/0/256")
    (bad.path / "loop").symlink_to("loop")
    (bad.path / "stray").write_text("no link")
    (bad.path / "0" / "0" / "7").symlink_to(outside / "1")
    (bad.path / "0" / "0" / "x").write_text("no number")
    (bad.path / "0" / "0" / "0").write_text("no id")
    (bad.path / "0" / "8").symlink_to(outside)
    (bad.path / "9").symlink_to(outside)
    (bad.path / "300").mkdir()
    os.mkfifo(bad.path / "pipe")
    os.mkfifo(bad.path / "0" / "0" / "9")
    (bad.path / "encrypted").touch()
    with open(os.path.join(os.fsencode(bad.path), b"\xff"), "w"):  # noqa: PTH118, PTH123 - bytes
        pass
    none = Folder(tmp_path / "theirs" / "no_meta")
    none.key("key", "0/0/1", b"value")
    (none.path / ".meta").write_text("{")
    (tmp_path / "theirs" / "not_one").mkdir()
    Folder(tmp_path / "theirs" / "con").key("key", "0/0/1", b"value")
    before = snapshot(tmp_path / "theirs")
    report = databases.import_dbfs(tmp_path / "theirs")
    assert snapshot(tmp_path / "theirs") == before
    assert dict(databases.get("session_a.b").items()) == {"key": "dotted"}
    assert dict(databases.get("bad").items()) == {
        "good": "good", "empty": "", "binary": b"caf\xe9\x00", "x" * 200: "long", "é" * 120: "wide",
    }  # fmt: skip
    assert dict(databases.get("no_meta").items()) == {"key": "value"}
    places = {(finding.database, finding.place) for finding in report.skipped}
    assert places == {("con", "")} | {
        ("bad", place)
        for place in ("out", "up", "big", "loop", "stray", "pipe", "\\xff", "0/0/7", "0/0/x",
                      "0/0/0", "0/8", "9", "300", "0/0/9")
    }  # fmt: skip
    assert [finding.place for finding in report.notes] == ["encrypted", ".meta"]
    assert "theirs" not in str(dict(databases.get("bad").items()))


def test_what_is_here_is_kept_unless_it_is_to_be_replaced(
    databases: Databases, tmp_path: Path
) -> None:
    theirs = Folder(tmp_path / "theirs" / "config")
    theirs.key("both", "0/0/1", b"theirs")
    theirs.key("new", "0/0/2", b"new")
    theirs.value("0/0/3", b"alone")
    db = databases.get("config")
    db.update(mine=1, both="ours")
    report = databases.import_dbfs(tmp_path / "theirs" / "config")
    assert (report.imported, report.kept) == (2, 1)
    assert findings(report.notes) == [
        "config/new: its id 2 was taken; it has 3 here",
        "config/0/0/3: its id 3 was taken; it has 4 here",
    ]
    assert list(db.entries()) == [
        (1, "mine", 1),
        (2, "both", "ours"),
        (3, "new", "new"),
        (4, None, "alone"),
    ]
    report = databases.import_dbfs(tmp_path / "theirs", overwrite=True)
    assert db["both"] == "theirs"


def test_twice_is_as_once(databases: Databases, tmp_path: Path) -> None:
    theirs = Folder(tmp_path / "theirs" / "config")
    theirs.key("key", "0/0/1", b"value")
    theirs.value("0/0/3", b"alone")
    assert databases.import_dbfs(tmp_path / "theirs").imported == 2
    for overwrite, imported, kept in [(False, 0, 2), (True, 2, 0)]:
        report = databases.import_dbfs(tmp_path / "theirs", overwrite=overwrite)
        assert (report.imported, report.kept, report.notes) == (imported, kept, ())
    assert list(databases.get("config").entries()) == [(1, "key", "value"), (3, None, "alone")]


def test_a_folder_that_is_not_there(databases: Databases, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="cannot be read"):
        databases.import_dbfs(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert databases.import_dbfs(tmp_path / "empty") == dbfs.ImportReport()
