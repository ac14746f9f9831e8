"""A context's databases: names, files, links, and herolib's folders beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from databases.ciphers import Cipher

from hero_kernel.databases import Database, Databases
from hero_kernel.errors import (
    BadNameError,
    CorruptRecordError,
    DatabaseError,
    DatabaseNotFoundError,
    StoreError,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def databases(tmp_path: Path) -> Databases:
    return Databases(tmp_path, tmp_path / "db" / "1", cipher=Cipher())


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_database_is_made_at_its_first_write(databases: Databases, tmp_path: Path) -> None:
    db = databases.get("config")
    assert isinstance(db, Database)
    assert (databases.list(), databases.exists("config"), list(db)) == ([], False, [])
    assert tree(tmp_path) == []
    db["key"] = 1
    assert databases.get("config")["key"] == 1
    assert (databases.list(), databases.exists("config")) == (["config"], True)
    assert tree(tmp_path) == ["db", "db/1", "db/1/config.db", "db/1/config.db-journal"]
    assert str(db.path).endswith("db/1/config.db")


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("config", "config"), (" Config ", "config"), ("session_mysession1", "session_mysession1"),
        ("Session-My Session", "session_my_session"),
        ("x", "x"), ("a.b", "a.b"),
        ("session_" + "x" * 63, "session_" + "x" * 63),
    ],
)  # fmt: skip
def test_names_are_folded(databases: Databases, name: str, stored: str) -> None:
    databases.get(name)["key"] = 1
    assert databases.list() == [stored]
    assert databases.exists(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/etc/x", "a/b", "a\\b", "a\0", "a\n", "-rf", "con", "keyring",
     "latest",
     "x.db", "x.yaml", "x" * 64, "session_", "session_../x", "session_latest", "session_config",
     "session_" + "x" * 64, "é",
     "con\u212aig", "\u017fession_x", "café", "\u200bx", ".x", "x.tmp"],
)  # fmt: skip
def test_other_names_are_refused_and_nothing_is_made(
    databases: Databases, tmp_path: Path, name: str
) -> None:
    for call in (databases.get, databases.exists, databases.delete):
        with pytest.raises(BadNameError):
            call(name)
    with pytest.raises(BadNameError):
        databases.rename("config", name)
    assert tree(tmp_path) == []


def test_delete_and_rename(databases: Databases, tmp_path: Path) -> None:
    databases.get("one")["key"] = 1
    databases.get("two")["key"] = 2
    kept = databases.get("one")
    assert kept["key"] == 1
    with pytest.raises(DatabaseError, match="a database two already"):
        databases.rename("one", "two")
    assert databases.rename("one", "three")["key"] == 1
    assert kept.get("key", None) is None
    assert databases.list() == ["three", "two"]
    databases.delete("two")
    with pytest.raises(DatabaseNotFoundError, match="no database thre; did you mean three"):
        databases.delete("thre")
    for call in (lambda: databases.rename("gone", "x"), lambda: databases.rename("gone", "gone")):
        with pytest.raises(DatabaseNotFoundError):
            call()
    assert databases.rename("three", "three")["key"] == 1
    assert not list(tmp_path.rglob("two*"))
    assert not list(tmp_path.rglob("one*"))


def test_what_is_no_database_is_not_listed(databases: Databases, tmp_path: Path) -> None:
    databases.get("real")["key"] = 1
    folder = tmp_path / "db" / "1"
    for name in (".real.db.x1", "keyring.json", "Big.db", "a b.db", "real.db-wal", "incr_0"):
        (folder / name).write_text("")
    (folder / "folder.db").mkdir()
    (folder / "linked.db").symlink_to(folder / "real.db")
    assert databases.list() == ["real"]
    assert not databases.exists("linked")
    with pytest.raises(StoreError, match="symbolic link"):
        databases.get("linked")["key"] = 2
    with pytest.raises(DatabaseError, match="linked already"):
        databases.rename("real", "linked")


@pytest.mark.parametrize("where", ["db", "db/1"])
def test_a_link_that_leads_out_is_not_followed(tmp_path: Path, where: str) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    (outside / "1").mkdir()
    databases = Databases(home, home / "db" / "1")
    made_before = databases.get("config")
    (home / where).parent.mkdir(parents=True)
    (home / where).symlink_to(outside)
    with pytest.raises(StoreError, match="leads out"):
        databases.get("config")
    with pytest.raises(StoreError, match="leads out"):
        made_before["key"] = 1
    assert tree(outside) == ["1"]


def test_a_folder_of_the_contexts_choice(tmp_path: Path) -> None:
    databases = Databases(tmp_path / "home", tmp_path / "else" / "where")
    databases.get("config")["key"] = 1
    assert (tmp_path / "else" / "where" / "config.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "else" / "where").stat().st_mode & 0o777 == 0o700


def test_every_database_is_sealed_anew(databases: Databases, tmp_path: Path) -> None:
    cipher = databases._cipher
    encrypting = Databases(tmp_path, databases.folder, cipher=cipher, encrypt=True)
    encrypting.get("one").update(a=1, b=2)
    encrypting.get("two")["c"] = 3
    databases.get("plain")["d"] = 4
    new = cipher.keys.rotate()
    assert len(databases.kids()) == 1
    assert databases.reseal() == 3
    assert databases.kids() == {new}
    assert databases.get("two")["c"] == 3


def test_a_copy_of_a_damaged_one_names_that_and_leaves_nothing(databases: Databases) -> None:
    db = databases.get("one")
    db["key"] = "x" * 10_000
    db.path.write_bytes(db.path.read_bytes()[:8192])
    before = tree(databases.folder)
    with pytest.raises(CorruptRecordError, match=r"/one\.db cannot be read"):
        databases.draft("two", of="one")
    assert tree(databases.folder) == before
