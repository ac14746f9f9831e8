"""The database panel's view: what it tells, what it changes, and what it refuses."""

from __future__ import annotations

import gc
import json
import secrets
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from rooms import Place

from hero_kernel.databases import Databases
from hero_kernel.errors import HeroError
from hero_kernel.secret import Secret
from hero_kernel.stores.sqlite_file import SqliteFile
from magics.display import Sheet
from magics.panels import views
from magics.panels.db import View
from magics.panels.shown import Shown
from magics.panels.talk import Talk
from magics.secret import on_line

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel import Session, Workspace
    from hero_kernel.databases import Database


@dataclass
class Door:
    """As much of a notebook's as the view asks for."""

    workspace: Workspace
    panels: Shown = field(default_factory=Shown)


class Front:
    """What a front end says over a talk, and hears."""

    def __init__(self, view: View) -> None:
        self.heard: list[dict[str, Any]] = []
        self.talk = Talk([view], self.heard.append, monotonic)
        self.first = self.talk.state()

    def ask(self, name: str, /, **given: Any) -> dict[str, Any]:
        self.talk.hear({"ask": 1, "view": "db", "name": name, "given": given})
        return next(one for one in reversed(self.heard) if "answer" in one)

    def told(self, name: str, /, **given: Any) -> Any:
        answer = self.ask(name, **given)
        assert "error" not in answer, answer
        return answer["value"]

    def refused(self, name: str, /, **given: Any) -> str:
        """The one line of an error of ours."""
        error = self.ask(name, **given)["error"]
        assert error["type"].endswith("Error")
        assert error["type"] not in {"TypeError", "KeyError", "ValueError", "AttributeError"}
        assert "\n" not in error["message"]
        return f"{error['type']}: {error['message']}"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    workspace = Place(tmp_path / "home").open()
    session = workspace.session_new(name="notes")
    workspace.session_select(session)
    return session


@pytest.fixture
def db(session: Session) -> Database:
    db = session.db_get()
    db.update(
        {
            "text": "one\ntwo",
            "bytes": b"\0abc",
            "int": 2**60 + 1,
            "float": 0.1,
            "yes": True,
            "none": None,
            "list": [1, {"deep": [2**70, "x"]}, None],
            "dict": {f"k{number:03d}": number for number in range(250)},
            "big": "x" * 200_000,
        }
    )
    return db


@pytest.fixture
def view(session: Session, db: Database) -> View:
    return View(Door(session.context.host))  # type: ignore[arg-type]


@pytest.fixture
def front(view: View) -> Front:
    return Front(view)


def test_a_further_panel_knows_what_another_one_has_counted(session, db, monkeypatch, tmp_path):
    door = Door(session.context.host)
    statements: list[str] = []
    select = SqliteFile.rows
    monkeypatch.setattr(
        SqliteFile,
        "rows",
        lambda file, text, *more: statements.append(text) or select(file, text, *more),
    )
    first = Front(View(door))
    assert any("count(*) FROM entry)" in one for one in statements)
    statements.clear()
    second = Front(View(door))
    assert second.first[0]["state"] == first.first[0]["state"]
    assert not [one for one in statements if "count(*) FROM entry)" in one]
    db["another"] = 1  # by a connection of its own, as another program has
    assert Front(View(door)).first[0]["state"]["total"] == len(db) == 10
    assert len(door.panels.databases) == 1
    of_nobody = View.of(door, Databases(tmp_path, tmp_path / "loose").get("stock"))
    assert of_nobody.state()["total"] == 0
    del first, second, of_nobody
    gc.collect()
    assert not door.panels.databases  # its file is closed with the last


def test_a_context_that_encrypts_from_now_on_is_not_written_to_in_the_clear(session):
    front = Front(View(Door(session.context.host)))
    session.context.secrets.set("correct horse battery", encrypt=True)
    front.told("set", kind="str", text="a treasure", key="new")
    db = session.db_get()
    assert db.is_encrypted()
    assert b"a treasure" not in db.path.read_bytes()


def row(front: Front, db: Database, key: str) -> dict[str, Any]:
    return front.told("value", id=db.id_of(key))


def test_the_first_state_has_the_first_rows(front, db):
    (part,) = front.first
    state = part["state"]
    assert part["title"] == "database session_notes of context 0:default"
    assert state["total"] == 9
    assert [one["key"] for one in state["rows"]] == sorted(db)
    rows = {one["key"]: one for one in state["rows"]}
    assert (rows["text"]["text"], rows["text"]["type"]) == ("one⏎two", "str")
    assert rows["int"]["text"] == str(2**60 + 1)
    assert (rows["big"]["size"], len(rows["big"]["text"])) == (200_000, 80)
    assert len(json.dumps(state)) < 4000


def test_a_database_that_is_not_there_yet_is_empty_and_nothing_is_made(session):
    view = View(Door(session.context.host))
    before = sorted(session.context.host.home.rglob("*"))
    (part,) = Front(view).first
    assert (part["state"]["total"], part["state"]["rows"]) == (0, [])
    assert "it is empty" in repr(view.still()[0])
    assert sorted(session.context.host.home.rglob("*")) == before


def test_a_value_is_told_by_its_type(front, db):
    assert row(front, db, "text")["text"] == "one\ntwo"
    assert row(front, db, "bytes")["text"].startswith("00000000  00 61 62 63")
    assert not row(front, db, "bytes")["editable"]
    assert row(front, db, "none")["text"] == "None"
    tree = row(front, db, "list")["parts"]
    assert tree["items"][:2] == [
        {"label": "0", "kind": "", "text": "1"},
        {"label": "1", "kind": "dict", "count": 1},
    ]
    number = db.id_of("list")
    inner = front.told("parts", id=number, path=[1, 0])
    assert [one["text"] for one in inner["items"]] == [str(2**70), '"x"']
    wide = row(front, db, "dict")["parts"]
    assert (wide["count"], len(wide["items"])) == (250, 100)
    rest = front.told("parts", id=db.id_of("dict"), path=[], start=200)
    assert [one["label"] for one in rest["items"]][:1] == ["k200"]
    big = row(front, db, "big")
    assert (len(big["text"]), big["whole"], big["editable"]) == (65536, False, False)
    assert front.told("value", id=db.id_of("big"), more=True)["editable"]
    assert front.told("value", id=9999) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "  a\n", "  a\n"),
        ("number", " 42 ", 42),
        ("number", str(2**80), 2**80),
        ("number", "-1.5e3", -1500.0),
        ("bool", "true", True),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("json", f"[{2**70}]", [2**70]),
        ("None", "left over", None),
    ],
)
def test_a_value_is_typed_as_its_type(front, db, kind, text, value):
    was = row(front, db, "text")["stamp"]
    number = db.id_of("text")
    assert front.told("set", id=number, kind=kind, text=text, was=was) == {"id": number}
    assert (type(db["text"]), db["text"]) == (type(value), value)
    front.told("set", key=f"new {kind}", kind=kind, text=text)
    assert db[f"new {kind}"] == value


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("number", "4x", "4x is no number"),
        ("number", "", "nothing is no number"),
        ("number", "1_000", "1_000 is no number"),
        ("bool", "yes", "yes is no bool"),
        ("json", "[1,\n 2 3]", "line 2, column 4: expecting ',' delimiter"),
        ("json", "", "line 1, column 1: expecting value"),
        ("json", "[NaN]", "NaN is no number in JSON"),
        ("json", "[" * 100_000, "the value is nested too deeply"),
        ("wrong", "x", "x is no wrong"),
    ],
)
def test_what_cannot_be_typed_is_told_and_changes_nothing(front, db, kind, text, said):
    was, before = row(front, db, "text")["stamp"], db.version()
    assert said in front.refused("set", id=db.id_of("text"), kind=kind, text=text, was=was)
    assert said in front.refused("set", key="new", kind=kind, text=text)
    assert db.version() == before


def test_nothing_is_lost_to_a_change_of_somebody_else(front, db):
    was, number = row(front, db, "int")["stamp"], db.id_of("int")
    db["int"] = 5
    for name, given in [
        ("set", {"kind": "number", "text": "6"}),
        ("delete", {}),
        ("rename", {"key": "other"}),
    ]:
        assert "int was changed meanwhile" in front.refused(name, id=number, was=was, **given)
    assert db["int"] == 5
    was = row(front, db, "int")["stamp"]
    db["int"] = 5.0  # equal, and of another type
    assert "meanwhile" in front.refused("set", id=number, was=was, kind="number", text="6")
    assert "has that key" in front.refused("set", key="int", kind="number", text="6")
    db.delete("int")
    assert "not there any more" in front.refused("set", id=number, was=was, kind="str", text="")
    assert "int" not in db


def test_of_many_who_edit_at_once_one_wins(view, db):
    db["count"] = 0
    number, started = db.id_of("count"), threading.Barrier(6)
    was = view.asks["value"](id=number)["stamp"]
    won = []

    def edit(one: int) -> None:
        started.wait()
        try:
            view.asks["set"](id=number, was=was, kind="number", text=str(one))
        except HeroError:
            return
        won.append(one)

    threads = [threading.Thread(target=edit, args=(one,)) for one in range(1, 7)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert won == [db["count"]]


def test_what_was_deleted_comes_back_as_it_was(front, db):
    for key in ("text", "bytes", "none", "list", "big", "yes"):
        value, number = db[key], db.id_of(key)
        assert front.told("delete", id=number, was=row(front, db, key)["stamp"]) == {
            "key": key,
            "undo": True,
        }
        assert key not in db
        assert front.told("undo") == {"id": number}
        assert (type(db[key]), db[key], db.id_of(key)) == (type(value), value, number)
    assert "nothing to bring back" in front.refused("undo")
    front.told("delete", id=db.id_of("text"), was=row(front, db, "text")["stamp"])
    db["text"] = "meanwhile"
    assert "set anew meanwhile" in front.refused("undo")
    assert db["text"] == "meanwhile"
    db["huge"] = "x" * 2_000_000
    assert not front.told("delete", id=db.id_of("huge"), was=row(front, db, "huge")["stamp"])[
        "undo"
    ]


def test_a_key_is_renamed_with_its_id(front, db):
    number, value = db.id_of("list"), db["list"]
    stamp = row(front, db, "list")["stamp"]
    assert "has that key" in front.refused("rename", id=number, key="text", was=stamp)
    assert "holds a NUL" in front.refused("rename", id=number, key="a\0", was=stamp)
    assert front.told("rename", id=number, key="a list", was=stamp) == {"id": number}
    assert db["a list"] == value
    assert "list" not in db


def test_pages_by_position_prefix_and_where_an_entry_is(front, db):
    db.update({f"user:{number:04d}": number for number in range(1000)})
    page = front.told("page", at=500, count=3, prefix="user:")
    assert [one["key"] for one in page["rows"]] == ["user:0500", "user:0501", "user:0502"]
    assert page["total"] == 1000
    number = db.id_of("user:0500")
    db.update({f"user:00{one:02d}x": 1 for one in range(7)})
    page = front.told("page", at=500, count=1, prefix="user:", near=number, was=500)
    assert (page["at"], page["rows"][0]["key"]) == (507, "user:0500")
    gone = front.told("rows", ids=[number, 9999, db.id_of("int")])
    assert [one["key"] for one in gone] == ["user:0500", "int"]


def test_a_search_answers_in_pieces(front, db):
    db.update({f"user:{number:05d}": "Some value" for number in range(5000)})
    found = front.told("search", text="R:0499", most=1000)
    assert (found["count"], found["at"]) == (10, None)
    assert [one["key"] for one in front.told("rows", ids=found["ids"][:1])] == ["user:04990"]
    assert front.told("search", text="R:0499", case=True, most=9)["count"] == 0
    assert front.told("search", text="some", values=True, most=3)["count"] == 5000
    assert "nothing to look for" in front.refused("search", text="")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("page", {"at": -1, "count": 1}),
        ("page", {"at": "0", "count": 1}),
        ("page", {"at": 0, "count": True}),
        ("page", {"at": 0, "count": 1, "prefix": None}),
        ("page", {"at": 0, "count": 1, "prefix": "x" * 10_000}),
        ("page", {"at": 0, "count": 1, "near": "1"}),
        ("page", {"at": 2**60, "count": 1}),
        ("rows", {"ids": 3}),
        ("rows", {"ids": ["a"]}),
        ("rows", {"ids": [1] * 1000}),
        ("search", {"text": 1}),
        ("search", {"text": "a", "case": "yes"}),
        ("search", {"text": "a" * 10_000}),
        ("search", {"text": "\ud800"}),
        ("page", {"at": 0, "count": 1, "prefix": "\udfff"}),
        ("value", {"id": None}),
        ("value", {"id": 1.5}),
        ("parts", {"id": 1, "path": "0"}),
        ("parts", {"id": 1, "path": [0, -1]}),
        ("parts", {"id": 1, "path": [0, 0]}),
        ("set", {"kind": 1, "text": "a", "key": "k"}),
        ("set", {"kind": "str", "text": ["a"], "key": "k"}),
        ("set", {"kind": "str", "text": "a", "key": {}}),
        ("set", {"kind": "str", "text": "a", "key": "k\0"}),
        ("set", {"kind": "str", "text": "\ud800", "key": "k"}),
        ("set", {"kind": "str", "text": "a", "id": {}, "was": ""}),
        ("set", {"kind": "str", "text": "a", "id": 1, "was": None}),
        ("set", {"kind": "str", "text": "a", "id": 1}),
        ("rename", {"id": 1, "key": "a"}),
        ("delete", {"id": 1}),
        ("open", {"name": "../x"}),
        ("open", {"name": 5}),
        ("open", {"name": "nowhere"}),
        ("open", {"name": "secrets"}),
        ("download", {"decrypted": 1}),
        ("downloaded", {"at": -5}),
        ("upload", {"name": "f", "at": 7, "text": "", "last": True}),
        ("upload", {"name": "f", "at": 0, "text": "{", "last": True}),
        ("upload", {"name": "f", "at": 0, "text": 5, "last": True}),
        ("ask_export", {"path": ""}),
        ("ask_export", {"path": "a\nb"}),
        ("ask_secret", {"key": "a\x1b[0m"}),
        ("wrong", {}),
    ],
)
def test_what_is_wrong_from_the_front_end_is_one_line_and_changes_nothing(front, db, name, given):
    before = db.version()
    assert front.refused(name, **given)
    assert db.version() == before
    assert front.told("page", at=0, count=1)["total"] == 9


HOSTILE = [
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "a\u202eb",
    "${env:HOME}",
    "'; DROP TABLE entry; --",
    "x" * 512,
    "\n",
    "",
]


def test_hostile_keys_and_values_stay_text(front, db, view):
    db.update({key: key for key in HOSTILE})
    db["nested"] = {"<b>": ["<i>x</i>", "\x1b[1m"]}
    rows = front.told("page", at=0, count=50)["rows"]
    assert len(rows) == 9 + len(HOSTILE) + 1
    assert "\x1b" not in json.dumps(rows, ensure_ascii=False)
    for key in HOSTILE:
        number = db.id_of(key)
        assert front.told("value", id=number)["text"] == key
        stamp = front.told("value", id=number)["stamp"]
        front.told("set", id=number, kind="str", text=f"{key}!", was=stamp)
        assert db[key] == f"{key}!"
    text = Sheet(tuple(view.still()))._repr_html_()
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_a_secret_is_told_to_be_there_and_no_more(session, view, front):
    canary, passphrase = f"canary-{secrets.token_hex(8)}", "correct horse battery"
    context = session.context
    context.secrets.set(passphrase)
    db = session.db_get()
    db.update({"token": Secret(canary), "url": f"https://{canary}@x", "long": "y" * 75 + canary})
    db[f"key {canary}"] = 1
    said = [front.told("page", at=0, count=50)]
    assert {one["state"] for one in said[0]["rows"] if one["key"] == "token"} == {"secret"}
    said += [front.told("value", id=db.id_of(key)) for key in db]
    said += [view.state(), [repr(one) for one in view.still()]]
    assert canary not in json.dumps(said)
    assert canary[:5] not in json.dumps(said)  # nor cut in two
    url = front.told("value", id=db.id_of("url"))
    assert url["hides"]
    assert not url["editable"]  # the mask would be kept in the secret's place
    assert front.told("ask_secret", id=db.id_of("token")) == (
        "%hero_db set --secret --database=session_notes -- token"
    )
    assert on_line("hero_db", front.told("ask_secret", key="k").partition(" ")[2]) == []
    assert "known secrets" in front.refused("download")
    stamp = front.told("value", id=db.id_of("token"))["stamp"]
    assert front.told("delete", id=db.id_of("token"), was=stamp) == {"key": "token", "undo": False}


def test_an_encrypted_database_is_looked_at_without_asking_for_its_secret(
    session, view, db, monkeypatch
):
    canary = f"canary-{secrets.token_hex(8)}"
    context = session.context
    context.secrets.set("correct horse battery", encrypt=True)
    db.update({"token": Secret(canary), "plain": "in sight"})
    front = Front(view)
    rows = {one["key"]: one for one in front.told("page", at=0, count=50)["rows"]}
    assert rows["plain"]["text"] == "in sight"
    assert (rows["token"]["text"], rows["token"]["state"]) == ("", "secret")
    assert rows["big"]["state"] == "large"
    assert rows["list"]["type"] == "list"
    assert row(front, db, "list")["parts"]["count"] == 3
    assert front.told("value", id=db.id_of("big"))["text"] == "x" * 65536
    stamp = row(front, db, "plain")["stamp"]
    front.told("set", id=db.id_of("plain"), was=stamp, kind="number", text="3")
    assert db["plain"] == 3
    assert "is encrypted" in front.refused("download")
    assert front.told("download", decrypted=True)["left"] == 1

    def asked(*_: object, **__: object) -> None:
        pytest.fail("the secret was asked for")

    context.secrets.lock()
    monkeypatch.setattr(context.secrets, "ready", asked)
    front.heard.clear()
    front.talk.tell()
    (state,) = [one["views"]["db"]["state"] for one in front.heard]
    assert state["locked"]
    assert {one["state"] for one in state["rows"]} == {"locked"}
    assert "in sight" not in json.dumps(state)
    repr(view.still())
    stamp = row(front, db, "plain")["stamp"]
    assert row(front, db, "plain")["state"] == "locked"
    for name, given in [
        ("set", {"kind": "str", "text": "x", "id": db.id_of("plain"), "was": stamp}),
        ("set", {"kind": "str", "text": "x", "key": "new"}),
        ("delete", {"id": db.id_of("plain"), "was": stamp}),
        ("rename", {"id": db.id_of("plain"), "was": stamp, "key": "y"}),
        ("download", {"decrypted": True}),
        ("upload", {"name": "f", "at": 0, "text": "", "last": True}),
    ]:
        assert "locked" in front.refused(name, **given)
    assert front.told("ask_unlock") == "%hero_secret unlock"


def test_files_come_and_go_in_parts(front, db, session):
    db["long"] = "é" * 700_000
    made = front.told("download")
    parts = [""]
    while sum(map(len, parts)) < made["chars"]:
        parts.append(front.told("downloaded", at=sum(map(len, parts))))
    assert len(parts) == 3
    text = "".join(parts)
    assert made["count"] == len(db) == len(text.splitlines())
    assert front.told("downloaded", at=0) == ""  # it is let go of
    kept = dict(db)
    front.told("open", name="config")
    cut = len(text) // 2
    assert front.told("upload", name="a", at=0, text=text[:cut], last=False) is None
    told = front.told("upload", name="a", at=cut, text=text[cut:], last=True)
    assert told == {"count": len(kept)}
    assert dict(session.db_config_get()) == kept
    said = front.refused("upload", name="my.jsonl", at=0, text='{"key": 1}\n', last=True)
    assert "my.jsonl:1" in said
    db.update({f"big{number}": "x" * 1_000_000 for number in range(12)})
    front.told("open", name=db.name)
    assert "larger than 10 MiB" in front.refused("download")


def test_changes_of_others_are_told_and_only_then(front, db):
    front.talk.tell()
    assert front.heard == []
    with_others = Databases(db.path.parent, db.path.parent).get(db.name)
    with_others["new"] = 1
    front.talk.tell()
    (told,) = front.heard
    state = told["views"]["db"]["state"]
    assert state["total"] == 10
    assert state["version"] != front.first[0]["state"]["version"]
    front.heard.clear()
    front.talk.tell()
    assert front.heard == []
    with_others["new"] = 2  # the same rows otherwise
    front.talk.tell()
    assert len(front.heard) == 1


def test_a_database_that_goes_is_told_and_shows_again_when_it_is_back(session, db):
    other = session.context.db_get("other")
    other["a"] = 1
    front = Front(View(Door(session.context.host), name="other"))
    assert front.first[0]["state"]["total"] == 1
    other.destroy()
    front.talk.tell()
    assert "no database other" in front.heard[-1]["views"]["db"]["error"]["message"]
    assert "no database other" in front.refused("page", at=0, count=1)
    other["b"] = 1
    front.talk.tell()
    assert [one["key"] for one in front.heard[-1]["views"]["db"]["state"]["rows"]] == ["b"]


def test_a_session_that_goes_is_told(session, front):
    workspace = session.context.host
    workspace.session_delete("notes")
    front.talk.tell()
    assert "error" in front.heard[-1]["views"]["db"]
    workspace.session_select(workspace.session_new(name="later"))
    front.talk.tell()
    assert front.heard[-1]["views"]["db"]["state"]["name"] == "session_later"


def test_a_database_is_a_view_and_is_found_again_by_another_kernel(session, db, tmp_path):
    workspace = session.context.host
    door = Door(workspace)
    other = workspace.context_new(name="elsewhere").db_get("facts")
    other["a"] = 1
    view = views.of(door, other)
    assert view.spec == {"kind": "db", "context": "elsewhere", "database": "facts"}
    assert view.title == "database facts of context 1:elsewhere"
    assert views.rebuilt(door, view.spec).state() == view.state()
    assert "another context" in Front(view).refused("ask_export", path="x")
    followed = View(door)
    assert views.rebuilt(door, followed.spec).title == followed.title

    alone = Databases(tmp_path, tmp_path / "alone").get("mine")
    alone["x"] = [1]
    view = views.of(door, alone)
    assert view.title == "database mine"
    assert Front(view).told("page", at=0, count=1)["total"] == 1
    for spec in (view.spec, {"kind": "db", "database": "facts"}, {"kind": "db", "database": 5}):
        with pytest.raises(HeroError):
            views.rebuilt(door, spec)
    hostile = {"kind": "db", "context": "elsewhere", "database": "../../../etc/passwd"}
    with pytest.raises(HeroError):
        views.rebuilt(door, hostile).state()
