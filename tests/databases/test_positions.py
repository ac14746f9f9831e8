"""Entries by position, in part and by search, as lists show them."""

from __future__ import annotations

import json
import random
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from databases.ciphers import Cipher

from hero_kernel.databases import Database, positions
from hero_kernel.errors import BadNameError, CorruptRecordError, DatabaseError, SecretRequiredError
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 7


@pytest.fixture(params=["plain", "encrypted"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    encrypt = request.param == "encrypted"
    database = Database(tmp_path / "x.db", "x", cipher=Cipher(), encrypt=encrypt)
    yield database
    database.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "plain.db", "plain", cipher=Cipher())
    yield database
    database.close()


def never() -> bool:
    return False


def keys(found: list) -> list[str]:
    return [one.key for one in found]


def test_every_position_of_any_prefix_is_the_one_that_counting_finds(db, monkeypatch):
    monkeypatch.setattr(positions, "STEP", 8)
    monkeypatch.setattr(
        positions, "MOST", 16
    )  # less than there are steps: every other is forgotten
    print(f"seed {SEED}")
    chosen = random.Random(SEED)  # noqa: S311 - keys
    letters = "aé\U0001f600\uffff"
    db.update({"".join(chosen.choices(letters, k=chosen.randrange(6))): 1 for _ in range(700)})
    db.set(value="without a key")
    for prefix in ("", "a", "é", "aé\uffff", "\U0001f600", "none"):
        wanted = list(db.keys(prefix))
        found = db.positions(prefix)
        assert found.count() == len(wanted)
        for at in [0, 1, len(wanted) - 1, len(wanted), *chosen.choices(range(700), k=20)]:
            assert keys(found.page(max(0, at), 5, head=0)) == wanted[max(0, at) :][:5]
        for key in wanted[::7]:
            assert found.before(key) == wanted.index(key)
    assert db.positions().before("b") == len([key for key in db if key.encode() < b"b"])


def test_positions_follow_changes_of_others(db):
    db.update({f"k{number:05d}": number for number in range(5000)})
    found = db.positions()
    assert keys(found.page(4000, 1, head=0)) == ["k04000"]
    with closing(Database(db.path, "x", cipher=db._cipher)) as other:
        other["a"] = 1
        assert keys(found.page(4000, 1, head=0)) == ["k03999"]
        assert found.count() == 5001
        other.destroy()
        assert found.page(0, 9, head=0) == []
        assert found.count() == 0
        other["b"] = 1
    assert keys(found.page(0, 9, head=0)) == ["b"]


def test_the_version_is_another_one_after_every_change_by_anyone(db):
    seen = [db.version()]

    def changed() -> bool:
        assert db.version() == db.version()
        seen.append(db.version())
        return seen[-1] not in seen[:-1]

    db["a"] = 1
    assert changed()
    db["a"] = 2  # by the same connection, which data_version does not tell
    assert changed()
    with db.transaction():
        db["a"] = 3
    assert changed()
    with closing(Database(db.path, "x", cipher=db._cipher)) as other:
        other["a"] = 4
        assert changed()
        del other["a"]
        assert changed()
        assert db.get("a", None) is None
        assert not changed()
        other.destroy()
        assert changed()
        other["a"] = 5
        assert changed()


def test_a_glance_does_not_read_what_it_is_not_asked_for(plain):
    large = "é" * 3_000_000
    plain.update({"large": large, "bytes": b"\0" * 5_000_000, "json": {"a": "x" * 2_000_000}})
    one = plain.glance("large", head=101)
    assert (one.kind, one.size, one.is_whole) == ("str", 6_000_000, False)
    assert one.head == "é" * 50  # half a character is left out
    with pytest.raises(ValueError, match="whole"):
        plain.opened(one)
    assert plain.glance("bytes", head=3).head == b"\0\0\0"
    assert plain.glance("json", head=5).head == '{"a":'
    assert plain.glance("json", head=5).kind == "dict"
    assert plain.opened(plain.glance("large", head=6_000_000)) == large
    assert plain.glance("none") is None
    with pytest.raises(BadNameError):
        plain.positions("\0")


VALUES = {
    "str": "text",
    "bytes": b"\xff\0",
    "int": 7,
    "float": 0.5,
    "nan": float("inf"),
    "bool": False,
    "None": None,
    "list": [1, "é"],
    "dict": {"a": None},
    "big": 2**70,
    "empty": "",
    "": "no name",
}


def test_a_glance_opens_to_the_value_that_was_kept(db):
    db.update(VALUES | {"secret": Secret("hush")})
    for key, value in VALUES.items():
        one = db.glance(key, head=100)
        assert one.is_whole
        opened = db.opened(one)
        assert (type(opened), opened) == (type(value), value)
        assert db.glance(id=one.id).key == key
        if not db.is_encrypted():
            assert one.kind == ("None" if value is None else type(value).__name__)
    one = db.glance("secret", head=100)
    assert one.kind == ("sealed" if db.is_encrypted() else "secret")
    assert one.head is None
    assert "hush" not in repr(one)
    assert db.opened(one).reveal() == "hush"
    assert db.unkeyed() == 0
    number = db.set(value="alone")
    assert db.unkeyed() == 1
    assert db.opened(db.glance(id=number, head=100)) == "alone"


def test_a_glance_needs_no_keys_and_opening_does(tmp_path: Path):
    cipher = Cipher()
    with closing(Database(tmp_path / "x.db", "x", cipher=cipher, encrypt=True)) as db:
        db.update(a="b" * 100)
    with closing(Database(tmp_path / "x.db", "x")) as locked:
        (one,) = locked.positions().page(0, 9, head=1000)
        assert (one.key, one.kind, one.size) == ("a", "sealed", 100)
        with pytest.raises(SecretRequiredError):
            locked.opened(one)


def test_a_row_that_is_not_ours_is_told_when_it_is_opened(plain):
    plain["a"] = 1
    plain._file.write(
        lambda connection: connection.execute(
            "UPDATE entry SET kind = 'json', value = '{\"a'"
        ).fetchall()
    )
    one = plain.glance("a", head=100)
    assert one.kind == "dict"
    with pytest.raises(CorruptRecordError):
        plain.opened(one)
    plain._file.write(
        lambda connection: connection.execute("UPDATE entry SET kind = 'new'").fetchall()
    )
    assert plain.glance("a", head=100).kind == "unknown"
    plain._file.write(
        lambda connection: connection.execute(
            "UPDATE entry SET kind = NULL, value = CAST(X'61FF' AS TEXT)"
        ).fetchall()
    )
    one = plain.glance("a", head=100)  # others beside it are shown all the same
    assert (one.kind, one.head) == ("unknown", "a\ufffd")
    with pytest.raises(CorruptRecordError):
        plain.opened(one)


def searched(db: Database, text: str, *, most: int = 10**6, **given) -> list[str]:
    found = db.positions().search(text, most=most, until=never, **given)
    assert found.at is None
    return [db.key_of(one) for one in found.ids]


def test_search_finds_what_looking_at_every_key_finds(db):
    chosen = random.Random(SEED)  # noqa: S311 - keys
    print(f"seed {SEED}")
    letters = "aA%_\\éÉßſ'"
    all_keys = {"".join(chosen.choices(letters, k=chosen.randrange(1, 9))) for _ in range(3000)}
    db.update(dict.fromkeys(all_keys, 1))
    ordered = sorted(all_keys, key=str.encode)
    for text in ("a", "A%", "_", "\\", "'", "é", "Éa", "ss"):
        exact = [key for key in ordered if text in key]
        assert searched(db, text, ignore_case=False) == exact
        if text.isascii():
            folded = [key for key in ordered if text.lower() in _lower(key)]
        else:
            folded = [key for key in ordered if text.casefold() in key.casefold()]
        assert searched(db, text) == folded


def _lower(text: str) -> str:
    return "".join(one.lower() if one.isascii() else one for one in text)


def test_search_looks_into_values_but_not_into_bytes_and_secrets(plain):
    plain.update(VALUES | {"secret": Secret("text"), "x": "Some TEXT", "y": b"text"})
    assert searched(plain, "text", values=True) == ["str", "x"]
    assert searched(plain, "text", values=True, ignore_case=False) == ["str"]
    assert searched(plain, "é", values=True) == ["list"]
    assert searched(plain, "null", values=True) == ["dict"]
    assert searched(plain, "hush", values=True) == []


def test_search_goes_on_where_it_ended_and_counts_what_is_not_listed(db):
    db.update({f"k{number:05d}": 1 for number in range(10_000)})
    places, ids, count, at = db.positions(), [], 0, 0
    steps = 0
    while at is not None:
        found = places.search("k", at, most=3000 - len(ids), until=lambda: True)
        ids += found.ids
        count += found.count
        at = found.at
        steps += 1
    assert steps == 5  # a piece at a time: between them others have their turn
    assert (count, len(ids)) == (10_000, 3000)
    assert [db.key_of(one) for one in ids[:2]] == ["k00000", "k00001"]
    with pytest.raises(DatabaseError, match="longer than 512"):
        places.search("k" * 513, most=1, until=never)
    assert places.search("k", 20_000, most=1, until=never).ids == ()


def test_positions_are_for_any_thread_while_others_write(plain):
    plain.update({f"k{number:05d}": number for number in range(3000)})
    found, faults, end = plain.positions(), [], threading.Event()

    def look() -> None:
        chosen = random.Random(SEED)  # noqa: S311 - keys
        try:
            while not end.is_set():
                rows = found.page(chosen.randrange(3000), 20, head=100)
                assert keys(rows) == sorted(keys(rows))
                found.search("99", most=10, until=never)
                assert found.before("k01000") >= 1000
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for one in threads:
        one.start()
    for number in range(60):
        plain[f"new{number}"] = json.dumps(number)
    end.set()
    for one in threads:
        one.join()
    assert faults == []
    assert found.count() == 3060
