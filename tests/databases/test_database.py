"""A database as its user sees it: a mapping that keeps what it was told."""

from __future__ import annotations

import copy
import enum
import gc
import itertools
import json
import math
import pickle
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from databases.ciphers import Cipher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hero_kernel.databases import MAX_VALUE_BYTES, Database, writer
from hero_kernel.errors import (
    BadNameError,
    CorruptRecordError,
    DatabaseError,
    DBKeyError,
    HeroError,
    StoreError,
    ValueTooLargeError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024**2


@pytest.fixture(params=["plain", "encrypted"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    encrypt = request.param == "encrypted"
    database = Database(
        tmp_path / "db" / "1" / "config.db", "config", cipher=Cipher(), encrypt=encrypt
    )
    yield database
    database.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "plain.db", "plain")
    yield database
    database.close()


def again(db: Database) -> Database:
    """The same database, as another kernel opens it."""
    return Database(db.path, db.name, cipher=db._cipher)


class Colour(enum.StrEnum):
    RED = "red"


VALUES: list[Any] = [
    "", "text", "é\0\x01😀", b"", b"\x00\xff", 0, 1, -1, 2**63 - 1, -(2**63), 2**63, -(2**70),
    10**4000, 0.0, 1.0, 1e300, math.inf, -math.inf, True, False, None, [], {},
    [1, 1.0, True, None, "é", [{}]],
    {"": {"b": [1e3]}}, {"n": 10**30}, Secret("hush"), Secret(""),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_what_it_was(db: Database, value: Any) -> None:
    db["key"] = value
    found = again(db)["key"]
    assert (type(found), found) == (type(value), value)
    db.update(key=0)
    db.update(key=value)
    assert repr(again(db)["key"]) == repr(value)


def test_what_equality_hides_comes_back_too(db: Database) -> None:
    db.update(nan=math.nan, inside=[math.nan, -math.inf], minus=-0.0, one=1, true=True, float=1.0)
    assert math.isnan(db["nan"])
    assert repr(db["inside"]) == "[nan, -inf]"
    assert math.copysign(1, db["minus"]) == -1
    assert [type(db[key]) for key in ("one", "true", "float")] == [int, bool, float]
    db["one"] = True
    db["one"] = 1
    assert db["one"] is not True


def test_a_subclass_comes_back_as_what_it_is_of(db: Database) -> None:
    class Whole(int):
        pass

    class Table(dict):
        pass

    db.update(colour=Colour.RED, whole=Whole(7), table=Table(a=1), inside=[Colour.RED])
    assert [type(db[key]) for key in ("colour", "whole", "table")] == [str, int, dict]
    assert (db["colour"], db["whole"], db["table"], db["inside"]) == ("red", 7, {"a": 1}, ["red"])


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ((1, 2), "tuple cannot be kept; make it a list"),
        ([(1, 2)], "a tuple inside"),
        (bytearray(b"x"), "make it bytes"),
        ({1: "x"}, "key is a int"),
        ({True: "x"}, "key is a bool"),
        ([b"x"], "a bytes inside"),
        ([Secret("hush")], "under a key of its own"),
        ({"k": {"s": Secret("hush")}}, "under a key of its own"),
        ({1, 2}, "set cannot be kept"),
        (object(), "object cannot be kept"),
        (1j, "complex cannot be kept"),
        ("half \ud800", "half a character at 5"),
        (["half \udc80"], "half a character"),
        ({"\ud800": 1}, "half a character"),
        (Secret("half \ud800"), "half a character"),
        (10**5000, "4300 digits"),
        ([10**5000], "digits"),
        (DEEP, "nested too deeply"),
        (CYCLE, "nested too deeply"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_what_cannot_be_kept_is_said_before_anything_is_touched(
    db: Database, value: Any, said: str
) -> None:
    for write in (lambda: db.set("key", value), lambda: db.set(value=value)):
        with pytest.raises(DatabaseError, match=said) as caught:
            write()
        assert "hush" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not db.path.exists()
    with pytest.raises(DatabaseError, match=said):
        db.update(other=1, key=value)
    assert len(db) == 0


@pytest.mark.parametrize(
    "value",
    [
        "x" * (MAX_VALUE_BYTES + 1), bytes(MAX_VALUE_BYTES + 1),
        Secret("x" * (MAX_VALUE_BYTES + 1)),
        ["x" * MIB] * 65, {str(n): "x" * MIB for n in range(65)},
    ],
    ids=["str", "bytes", "secret", "list", "dict"],
)  # fmt: skip
def test_a_value_over_the_limit_is_refused_at_once(plain: Database, value: Any) -> None:
    plain["key"] = "old"
    started = time.monotonic()
    with pytest.raises(ValueTooLargeError, match="64 MiB"):
        plain["key"] = value
    assert time.monotonic() - started < 0.05
    assert plain["key"] == "old"


def test_a_value_of_the_limit_is_kept(db: Database) -> None:
    for value in ("x" * MAX_VALUE_BYTES, "é" * (MAX_VALUE_BYTES // 2)):
        db["key"] = value
        assert db["key"] == value
    with pytest.raises(ValueTooLargeError):
        db["key"] = "é" * (MAX_VALUE_BYTES // 2) + "x"


@pytest.mark.parametrize(
    "key", ["nul\0", "x" * 513, "é" * 257, "half\ud800", b"bytes", None, 1, True]
)
def test_other_keys_are_refused(db: Database, key: Any) -> None:
    for call in (
        lambda: db[key],
        lambda: db.__setitem__(key, 1),
        lambda: db.update({key: 1}),
        lambda: db.__delitem__(key),
        lambda: db.id_of(key),
        lambda: db.keys(key),
    ):
        with pytest.raises(HeroError) as caught:
            call()
        assert isinstance(caught.value, BadNameError | DatabaseError)
    assert (key in db) is False if not isinstance(key, str) else True
    assert list(db) == []


@pytest.mark.parametrize("key", ["", " ", "../../etc", "a\nb", "x" * 512, "é" * 256, "'\"%_*?["])
def test_a_key_is_data(db: Database, key: str) -> None:
    db[key] = key
    assert (db[key], list(db), key in db) == (key, [key], True)


def test_reading_makes_nothing(db: Database) -> None:
    assert (list(db), len(db), db.ids(), db.get("key", None), "key" in db) == (
        [],
        0,
        [],
        None,
        False,
    )
    assert db.pop("key", 7) == 7
    db.empty()
    db.destroy()
    assert not db.path.parent.exists()


def test_get_raises_unless_it_is_given_a_default(db: Database) -> None:
    db.update(port=1, ports=2, host=3)
    with pytest.raises(DBKeyError, match="no key 'prot'; did you mean port"):
        db.get("prot")
    with pytest.raises(KeyError):
        db["prot"]
    assert db.get("prot", None) is None
    assert db.get("port", None) == 1
    with pytest.raises(DBKeyError, match="no id 9"):
        db.get(id=9)
    assert db.get(id=9, default="x") == "x"
    for missing in (lambda: db.delete("prot"), lambda: db.delete(id=9), lambda: db.pop("prot")):
        with pytest.raises(DBKeyError):
            missing()


def test_ids_are_given_once(db: Database) -> None:
    assert [db.set("a", 1), db.set("b", 2), db.set("a", 3)] == [1, 2, 1]
    assert db.set(value="alone") == 3
    assert (db.ids(), list(db), len(db), db.info().entries) == ([1, 2, 3], ["a", "b"], 2, 3)
    db.delete(id=3)
    db.delete("b")
    assert db.set(value="next") == 4
    db.empty()
    assert (db.ids(), db.set("c", 0)) == ([], 5)
    assert (db.id_of("c"), db.key_of(5)) == (5, "c")


def test_an_entry_may_have_an_id_alone(db: Database) -> None:
    number = db.set(value={"x": 1})
    assert (db.get(id=number), db.key_of(number), db.exists(id=number)) == ({"x": 1}, None, True)
    assert db.set(id=number, value="new") == number
    assert db.set(id=300, value="theirs") == 300
    assert (db.get(id=number), db.get(id=300), db.set("key", 1)) == ("new", "theirs", 301)
    assert db.set(id=301, value=2) == 301
    assert (db["key"], db.get(id=301)) == (2, 2)


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", 2**53])
def test_other_ids_are_refused(db: Database, number: Any) -> None:
    for call in (
        lambda: db.get(id=number),
        lambda: db.set(id=number, value=1),
        lambda: db.key_of(number),
    ):
        with pytest.raises(DatabaseError, match="is no id"):
            call()
    with pytest.raises(DatabaseError, match="a key and an id"):
        db.get("key", id=1)
    with pytest.raises(DatabaseError, match="neither"):
        db.get()
    with pytest.raises(DatabaseError, match="no value"):
        db.set("key")


KEYS = sorted(
    [
        "",
        "a",
        "a*b",
        "ab",
        "abc",
        "b",
        "é",
        "\uffff",
        "\U0001f600",
        "\U0010ffff",
        "a\U0010ffff",
        "\ud7ff",
        "A",
    ]
)


def test_keys_are_in_the_order_of_their_bytes_and_prefixes_are_literal(db: Database) -> None:
    db.update((key, key) for key in reversed(KEYS))
    assert list(db) == KEYS == sorted(KEYS, key=str.encode)
    assert list(reversed(db)) == KEYS[::-1]
    for prefix in [*KEYS, "a*", "zz", "\U0010ffff\U0010ffff"]:
        expected = [key for key in KEYS if key.startswith(prefix)]
        assert list(db.keys(prefix)) == list(db.values(prefix)) == expected
        assert list(db.items(prefix)) == [(key, key) for key in expected]
        assert (
            list(reversed(db.keys(prefix))) == list(reversed(db.values(prefix))) == expected[::-1]
        )
        assert len(db.keys(prefix)) == len(db.items(prefix)) == len(expected)
        assert all(key in db.keys(prefix) for key in expected)
    assert "b" not in db.keys("a")
    assert ("a", "a") in db.items("a")
    assert "ab" in db.values()
    assert db.keys() & {"a", "zz"} == {"a"}


def test_walking_through_loads_no_more_than_a_page(plain: Database) -> None:
    plain.update((f"{n:06}", "x" * 10_000) for n in range(2000))
    fetched = []
    page = plain.page
    plain.page = lambda *args, **kw: (fetched.append(rows := page(*args, **kw)), rows)[1]
    assert next(iter(plain.items())) == ("000000", "x" * 10_000)
    assert sum(map(len, fetched)) < 50
    assert len(list(plain.items())) == 2000
    assert max(map(len, fetched)) < 200


def test_walking_while_others_change(db: Database) -> None:
    db.update((f"{n:04}", n) for n in range(2000))
    seen = []
    for key in db:
        seen.append(key)
        if key == "0100":
            again(db).delete("1900")
            again(db).set("1999x", 1)
            db.set("0000x", 1)
    assert len(seen) == len(set(seen))
    assert "1900" not in seen
    assert "1999x" in seen
    assert "0000x" not in seen


def test_update_is_all_or_nothing(db: Database) -> None:
    db["old"] = 1

    def failing() -> Iterator[tuple[str, int]]:
        yield "new", 1
        raise LookupError

    for wrong, error in [
        (failing(), LookupError),
        ([("new", 1), ("bad", object())], DatabaseError),
        ([("new", 1), "xyz"], ValueError),
    ]:
        with pytest.raises(error):
            db.update(wrong)
        assert dict(db.items()) == {"old": 1}
    db.update({"a": 1}, b=2)
    db.update([("c", 3)], a=4)
    db.update(self=5)
    db.update(again(db))
    assert dict(db.items()) == {"a": 4, "b": 2, "c": 3, "old": 1, "self": 5}


def test_an_update_may_read_what_it_changes(db: Database) -> None:
    db.update(a=1, b=2)
    db.update((key, db[key] * 10) for key in ("a", "b", "a"))
    assert (db["a"], db["b"]) == (100, 20)


def test_a_transaction_is_one_step(db: Database) -> None:
    db["a"] = 1
    other = again(db)
    with db.transaction() as inside:
        assert inside is db
        db["a"] = 2
        db.update(b=3)
        assert (db["a"], sorted(db.items())) == (2, [("a", 2), ("b", 3)])
        with pytest.raises(LookupError), pytest.MonkeyPatch.context():
            db.update(raising())
        assert list(db) == ["a", "b"]
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(other.items()))
        thread.start()
        thread.join()
        assert seen == [("a", 1)]
    assert dict(other.items()) == {"a": 2, "b": 3}
    with pytest.raises(LookupError), db.transaction():  # noqa: PT012 - a block is what is tried
        db.delete("a")
        db.set(value="alone")
        raise LookupError
    assert dict(other.items()) == {"a": 2, "b": 3}


def raising() -> Iterator[tuple[str, int]]:
    yield "never", 1
    raise LookupError


def test_another_object_of_the_same_file_is_inside_too(db: Database) -> None:
    with db.transaction():
        again(db)["a"] = 1
        assert db["a"] == 1
        with pytest.raises(StoreError, match="open here already"), again(db).transaction():
            pass
        with pytest.raises(StoreError, match="open here already"):
            db.destroy()
    assert db["a"] == 1
    transaction = db.transaction()
    with transaction:
        pass
    with transaction:
        db["a"] = 2
    assert db["a"] == 2


def test_steps_that_read_and_write(db: Database) -> None:
    assert db.change("n", lambda old: (old or 0) + 1) == 1
    assert db.change("n", lambda old: old + 1) == 2
    with pytest.raises(LookupError):
        db.change("n", lambda _old: next(raising()) and (_ for _ in ()).throw(LookupError))
    assert (db.setdefault("n", 9), db.setdefault("m", 9)) == (2, 9)
    assert (db.pop("m"), db.pop("m", None)) == (9, None)
    db["z"] = "last"
    assert db.popitem() == ("z", "last")
    with db.transaction():
        db.change("n", lambda old: old + 1)
    assert dict(db.items()) == {"n": 3}
    db.clear()
    with pytest.raises(KeyError):
        db.popitem()


def test_the_file_is_what_other_tools_read(plain: Database) -> None:
    plain.update(t="text", b=b"\x01", i=7, f=1.5, n=None, y=True, l=[1, "é"], d={"k": 2**70})
    with closing(sqlite3.connect(plain.path)) as connection:
        rows = connection.execute("SELECT key, kind, value FROM entry ORDER BY id").fetchall()
    assert rows == [
        ("t", None, "text"), ("b", None, b"\x01"), ("i", None, 7), ("f", None, 1.5),
        ("n", None, None), ("y", "json", "true"), ("l", "json", '[1,"é"]'),
        ("d", "json", '{"k":1180591620717411303424}'),
    ]  # fmt: skip


def test_what_another_tool_wrote_is_read_or_named(plain: Database) -> None:
    plain["key"] = 1
    with closing(sqlite3.connect(plain.path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO entry (key, value) VALUES ('theirs', 'text')")
        connection.execute("INSERT INTO entry (key, value) VALUES ('bad', CAST(X'ff41' AS TEXT))")
        connection.execute("INSERT INTO entry (key, kind, value) VALUES ('odd', 'odd', 'x')")
        connection.execute("INSERT INTO entry (key, kind, value) VALUES ('json', 'json', '{x')")
    assert plain["theirs"] == "text"
    for key in ("bad", "odd", "json"):
        with pytest.raises(CorruptRecordError, match=str(plain.path)) as caught:
            plain[key]
        assert "{x" not in str(caught.value)
        del plain[key]


def test_a_watch_wakes_for_changes(db: Database) -> None:
    watch = db.watch(interval_s=0.01)
    for change in (
        lambda: db.set("a", 1),
        lambda: again(db).set("a", 2),
        lambda: db.delete("a"),
        db.destroy,
    ):
        timer = threading.Timer(0.02, change)
        timer.start()
        started = time.monotonic()
        assert list(itertools.islice(watch, 1)) == [None]
        assert time.monotonic() - started < 1
        timer.join()
        time.sleep(0.02)
    watch.close()
    assert list(watch) == []


def test_an_export_comes_back(plain: Database, tmp_path: Path) -> None:
    plain.update(
        {f"k{n}": value for n, value in enumerate(VALUES) if not isinstance(value, Secret)}
    )
    plain.update(nan=math.nan, minus=-0.0, deep=[{"x": [math.nan]}])
    plain.set(id=500, value=b"alone")
    plain.delete("k1")
    path = tmp_path / "export.jsonl"
    assert plain.export(path) == len(plain.ids())
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text(encoding="utf-8").splitlines()
    constants = []
    assert [
        json.loads(line, parse_constant=constants.append)["id"] for line in lines
    ] == plain.ids()
    assert constants == []
    fresh = Database(tmp_path / "fresh.db", "fresh")
    assert fresh.load(path) == len(lines)
    assert repr(list(fresh.entries())) == repr(list(plain.entries()))
    assert fresh.set(value=0) == 501
    assert fresh.load(path) == len(lines)
    assert len(fresh.ids()) == len(lines) + 1


def test_loading_beside_other_entries(plain: Database, tmp_path: Path) -> None:
    plain.update(mine=1, both=2)
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"key":"theirs","id":1,"type":"int","value":7}\n\n'
        '{"key":"both","id":9,"type":"str","value":"new"}\n'
        '{"key":null,"id":2,"type":"null","value":null}\n{"type":"bool","value":true}\n'
    )
    assert plain.load(path) == 4
    assert list(plain.entries()) == [
        (1, "mine", 1),
        (2, "both", "new"),
        (3, "theirs", 7),
        (4, None, None),
        (5, None, True),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{x", "expecting"), ("[]", "object with key"),
        ('{"type":"int","value":"x"}', "do not go together"),
        ('{"type":"int","value":true}', "do not go together"), ('{"type":"odd","value":1}', "odd"),
        ('{"type":"bytes","value":"?"}', "base64"), ('{"key":7,"type":"int","value":1}', "its key"),
        ('{"id":0,"type":"int","value":1}', "its id"),
        ('{"key":"a\\u0000","type":"int","value":1}', "NUL"),
        ('{"key":"k","type":"str","value":"\\ud800"}', "half a character"), ("\ud800", ""),
        ("[" * 100_000, ""), ('{"id":99999999999999999999,"type":"int","value":1}', "no id"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_loaded(
    plain: Database, tmp_path: Path, line: str, said: str
) -> None:
    path = tmp_path / "x.jsonl"
    good = b'{"key":"k","id":1,"type":"int","value":1}\n'
    path.write_bytes(good + line.encode("utf-8", "surrogatepass") + b"\n" + good)
    plain["old"] = 1
    with pytest.raises(DatabaseError, match=f"x.jsonl:2: .*{said}") as caught:
        plain.load(path)
    assert "\n" not in str(caught.value)
    assert dict(plain.items()) == {"old": 1}


def test_export_replaces_and_names_what_it_cannot_write(plain: Database, tmp_path: Path) -> None:
    plain["key"] = 1
    path = tmp_path / "x.jsonl"
    victim = tmp_path / "victim"
    victim.write_text("theirs")
    path.symlink_to(victim)
    assert plain.export(path) == 1
    assert victim.read_text() == "theirs"
    with pytest.raises(DatabaseError, match="cannot be written"):
        plain.export(tmp_path / "nowhere" / "x.jsonl")
    with pytest.raises(DatabaseError, match="cannot be read"):
        plain.load(tmp_path / "nowhere.jsonl")
    assert [found.name for found in tmp_path.glob(".x*")] == []


def test_a_frame_has_a_row_for_each_entry(db: Database) -> None:
    pandas = pytest.importorskip("pandas")
    db.update(a=1, b=True, c="x", d=[1])
    db.set(value=None)
    frame = db.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["key", "id", "value"]
    assert frame["value"].tolist() == [1, True, "x", [1], None]
    assert frame["value"].tolist()[1] is True


def test_without_pandas_it_says_how_to_get_it(
    plain: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(DatabaseError, match="pip install pandas"):
        plain.to_frame()


def test_what_is_made_is_the_owners_alone(db: Database, tmp_path: Path) -> None:
    db["key"] = 1
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")} == {
        "db": 0o700, "1": 0o700, "config.db": 0o600, "config.db-journal": 0o600,
    }  # fmt: skip
    assert str(db.path).endswith("config.db")
    info = db.info()
    assert (info.name, info.path, info.entries) == ("config", db.path, 1)
    assert info.bytes == db.path.stat().st_size
    assert "config" in repr(db)


def test_a_database_is_no_value(db: Database) -> None:
    for work in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="a database is a file"):
            work(db)


def test_a_database_that_is_let_go_closes_its_file(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    def handles() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    gc.disable()
    request.addfinalizer(gc.enable)
    before = handles()
    for number in range(20):
        database = Database(tmp_path / "x.db", "x")
        database[f"{number}"] = number
        with database.transaction():
            assert len(list(database.items())) == number + 1
        del database
    assert handles() == before


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(key=NAMES, value=JSON | st.binary() | st.floats())
def test_any_value_comes_back_from_under_any_key(db: Database, key: str, value: Any) -> None:
    with db.transaction():
        db[key] = value
        assert repr(db[key]) == repr(value)
        assert key in db.keys(key[:2])


class Model(RuleBasedStateMachine):
    """A database does what a dict does, over everything that may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.db = Database(Path(self.folder.name) / "m.db", "m", cipher=Cipher())
        self.model: dict[str, Any] = {}

    @rule(key=NAMES, value=JSON | st.binary())
    def set(self, key: str, value: Any) -> None:
        self.db[key] = value
        self.model[key] = value

    @rule(values=st.dictionaries(NAMES, JSON, max_size=5))
    def update(self, values: dict[str, Any]) -> None:
        self.db.update(values)
        self.model.update(values)

    @rule(values=st.dictionaries(NAMES, JSON, max_size=5))
    def roll_back(self, values: dict[str, Any]) -> None:
        with pytest.raises(LookupError), self.db.transaction():  # noqa: PT012 - a block is what is tried
            self.db.update(values)
            raise LookupError

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model)))
        assert self.db.pop(key) == self.model.pop(key)

    @rule()
    def empty(self) -> None:
        self.db.empty()
        self.model.clear()

    @rule(prefix=NAMES)
    def prefixes(self, prefix: str) -> None:
        found = {key: value for key, value in self.model.items() if key.startswith(prefix[:1])}
        assert dict(self.db.items(prefix[:1])) == found

    @rule()
    def encrypt(self) -> None:
        self.db.encrypt()

    @rule()
    def decrypt(self) -> None:
        self.db.decrypt()

    @rule()
    def rotate(self) -> None:
        self.db._cipher.keys.rotate()
        self.db.reseal()
        assert self.db.kids() <= {self.db._cipher.keys.active}

    @rule()
    def reopen(self) -> None:
        self.db.close()
        self.db = again(self.db)

    @rule()
    def export(self) -> None:
        path = self.db.path.with_suffix(".jsonl")
        self.db.export(path, decrypted=True)
        self.db.empty()
        self.db.load(path)

    @invariant()
    def agrees(self) -> None:
        assert repr(dict(self.db.items())) == repr(dict(sorted(self.model.items())))
        assert len(self.db) == len(self.model)

    def teardown(self) -> None:
        self.db.close()
        self.folder.cleanup()


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)


def test_an_update_keeps_what_is_unlike_the_rest(db: Database) -> None:
    """Wherever it stands among values that are alike, and whatever is after it."""
    count = 2 * writer._PIECE + 10
    for place in (0, 1, writer._PIECE - 1, writer._PIECE, count - 1):
        for odd in ([1], {"a": None}, True, b"\0", 7, "é", None, 2**70):
            data: dict[str, Any] = {f"{n}": f"{place} {odd} {n}" for n in range(count)}
            data[f"{place}"] = odd
            db.update(data)
            assert dict(db) == data
    for key in ("é", "x" * 200):
        db.update({**data, key: "its value"})
        assert db[key] == "its value"
    before = dict(db)
    for bad in ("a\0b", "x" * 600, 5, "\ud800"):
        with pytest.raises(BadNameError):
            db.update({**dict.fromkeys(data, "never"), bad: "its value"})
        assert dict(db) == before
