"""`%hero_db` as a notebook uses it: values come back as what they were, and nothing leaks."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

import hero_kernel as hero
from hero_kernel.secret import MASK, Secret
from magics.display import MIME, Table

CANARY = "hunter2-s3cret"


@pytest.fixture
def db(session):
    """The notebook's database, as another program sees it."""
    return session.db_get()


@pytest.fixture
def sealed(notebook, session):
    """The context has a secret, quickly stretched, and is unlocked."""
    workspace = hero.workspace()
    workspace.kdf_log2_n = 14
    session.context.secret_set("correct horse battery")
    return session.context


def rows(table: Table) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows}


class TestSetAndGet:
    def test_a_text_comes_back(self, notebook, db):
        line = notebook.run("%hero_db set greeting 'hello there'").said
        assert line == "greeting is kept in database session_notes, which is new"
        assert notebook.ask("%hero_db get greeting") == "hello there"
        assert db["greeting"] == "hello there"
        assert notebook.run("%hero_db set greeting hi").said.endswith("session_notes")

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("12", 12),
            ("-1.5", -1.5),
            ("true", True),
            ("null", None),
            ("'[1, \"two\"]'", [1, "two"]),
            ('\'{"a": {"b": [true]}}\'', {"a": {"b": [True]}}),
            ("'\"12\"'", "12"),
        ],
    )
    def test_json_comes_back_as_what_it_spells(self, notebook, db, text, value):
        notebook.ask(f"%hero_db set k {text} --json")
        found = notebook.ask("%hero_db get k")
        assert found == value
        assert type(found) is type(value)
        assert repr(db["k"]) == repr(value)

    def test_without_json_it_is_text(self, notebook, db):
        for text in ("12", "null", "{x}", "$HOME", "-5"):
            notebook.ask(f"%hero_db set k {text}")
            assert db["k"] == text

    def test_a_value_is_assigned_silently(self, notebook, db):
        db["k"] = [1, 2]
        cell = notebook.run("x = %hero_db get k")
        assert cell.value is None
        assert cell.printed == ""
        assert notebook.shell.user_ns["x"] == [1, 2]
        cell = notebook.run("%hero_db get k -o y")
        assert cell.value is None
        assert notebook.shell.user_ns["y"] == [1, 2]

    def test_a_cell_is_a_value(self, notebook, db):
        notebook.ask("%%hero_db page\n<h1>\n  'two' \"words\" $x {y}\n")
        assert db["page"] == "<h1>\n  'two' \"words\" $x {y}"
        notebook.ask('%%hero_db tree --json -d config\n{"a": [1,\n  2]}\n')
        assert notebook.ask("%hero_db get tree -d config") == {"a": [1, 2]}
        assert "%%hero_db" in notebook.run("%%hero_db -h\n ").said

    def test_config_is_shared_by_the_sessions(self, notebook):
        notebook.ask("%hero_db set tone calm -d config")
        notebook.ask("%hero_db set mine 1")
        notebook.ask("%hero_session other")
        assert notebook.ask("%hero_db get tone -d config") == "calm"
        notebook.refused("%hero_db get mine", "DBKeyError")
        assert notebook.ask("%hero_db get mine -d session_notes") == "1"

    def test_it_is_there_for_another_kernel(self, notebook):
        notebook.ask("%hero_db set k v")
        other = hero.open_workspace(home=notebook.folder / "hero", default=False)
        assert other.context_get().session_get("notes").db_get()["k"] == "v"


class TestSecrets:
    def test_it_is_asked_for_and_never_shown(self, notebook, sealed, db):
        notebook.ask("%hero")  # which tells the workspace to ask by this shell
        asked: list[str] = []
        hero.workspace().prompt = lambda question: asked.append(question) or CANARY
        cell = notebook.run("%hero_db set token --secret")
        assert asked == ["Value of token: "]
        assert cell.said == "token is kept in database session_notes, which is new"
        db["plain"] = "x"
        table = notebook.ask("%hero_db")
        assert rows(table) == {"plain": ("str", "x"), "token": ("secret", MASK)}
        value = notebook.ask("%hero_db get token")
        assert isinstance(value, Secret)
        assert value.reveal() == CANARY
        everything = repr(table) + table._repr_html_() + json.dumps(table.to_dict()) + repr(value)
        assert CANARY not in everything
        assert CANARY.encode() not in db.path.read_bytes()

    def test_on_the_line_it_is_refused_and_masked(self, notebook, sealed, db):
        text = notebook.refused(f"%hero_db set token {CANARY} --secret")
        assert "is not written on the line" in text
        assert "%hero_db set token --secret" in text
        assert CANARY not in text
        assert not db.exists("token")
        assert CANARY not in sealed.host.redactor.mask(f"a {CANARY} b")

    def test_a_known_secret_is_masked_before_a_value_is_cut(self, notebook, sealed, db):
        long = "s" * 20 + "-canary-" + "t" * 40
        sealed.host.redactor.add(long)
        assert "sss" in sealed.host.redactor.mask(("." * 60 + long)[:79])  # cut first, it leaks
        db["k"] = "." * 60 + long
        db["list"] = ["." * 60, long]
        for line in ("%hero_db", "%hero_db find canary --values"):
            shown = repr(notebook.ask(line))
            assert "sss" not in shown
            assert "canary-" not in shown

    def test_a_locked_context_shows_keys(self, notebook, sealed, db):
        db["plain"] = "seen"
        db["token"] = Secret(CANARY)
        sealed.secret_lock()
        table = notebook.ask("%hero_db")
        assert rows(table) == {"plain": ("str", "seen"), "token": ("", MASK)}
        assert "is locked" in repr(table)
        sealed.secret_unlock("correct horse battery")
        notebook.ask("%hero_db encrypt")
        sealed.secret_lock()
        table = notebook.ask("%hero_db")
        assert rows(table) == {"plain": ("", MASK), "token": ("", MASK)}
        assert "(encrypted)" in repr(table)
        assert "could not be read" in repr(notebook.ask("%hero_db find seen --values"))
        notebook.refused("%hero_db get plain", "SecretRequiredError")

    def test_encrypt_and_decrypt(self, notebook, sealed, db):
        db["k"] = CANARY
        assert "is encrypted" in notebook.run("%hero_db encrypt").said
        assert CANARY.encode() not in db.path.read_bytes()
        assert rows(notebook.ask("%hero_db list"))["▸"][3] == "yes"
        assert notebook.ask("%hero_db get k") == CANARY
        assert "is not encrypted" in notebook.run("%hero_db decrypt").said
        assert CANARY.encode() in db.path.read_bytes()

    def test_without_a_secret_it_says_what_to_do(self, notebook):
        notebook.ask("%hero_db set k v")
        assert "%hero_secret" in notebook.refused("%hero_db encrypt", "SecretRequiredError")

    def test_the_named_secrets_have_their_own_magic(self, notebook, sealed):
        sealed.secrets.put("TOKEN", CANARY)
        for line in ("show", "get TOKEN", "set TOKEN x", "find T", "export f", "encrypt"):
            text = notebook.refused(f"%hero_db {line} -d secrets", "DatabaseError")
            assert "%hero_secret" in text
        notebook.refused("%hero_db drop secrets --yes", "DatabaseError")
        assert sealed.secrets.get("TOKEN").reveal() == CANARY

    def test_one_damaged_value_does_not_hide_the_others(self, notebook, sealed, db):
        db["a"] = Secret(CANARY)
        db["b"] = "seen"
        ((envelope,),) = db.page("value", "a", None, 1, descending=False)
        damaged = envelope[:-1] + bytes([envelope[-1] ^ 1])
        with closing(sqlite3.connect(db.path)) as raw, raw:
            raw.execute("UPDATE entry SET value = ? WHERE key = 'a'", (damaged,))
        table = rows(notebook.ask("%hero_db"))
        assert table["a"][1].startswith("✗ ")
        assert table["b"] == ("str", "seen")
        notebook.refused("%hero_db get a", "ValueTamperedError")


class TestShow:
    def test_twenty_of_many(self, notebook, db):
        db.update({f"k{number:03}": number for number in range(412)})
        table = notebook.ask("%hero_db")
        assert len(table.rows) == 20
        assert repr(table).endswith("showing 20 of 412")
        assert repr(table).startswith("database session_notes of context 0:default")
        assert len(notebook.ask("%hero_db show k1 -n 7").rows) == 7
        assert "showing 7 of 100" in repr(notebook.ask("%hero_db ls k1 --limit 7"))
        many = notebook.ask("%hero_db -n 300")
        assert "showing 300 of 412" in repr(many)
        assert repr(many).count("\n") == 302
        assert "showing" not in repr(notebook.ask("%hero_db -n 1000"))

    def test_types_and_previews(self, notebook, db):
        db.update(
            {"n": None, "t": "a\nb", "b": b"\x00x", "d": {"a": "é"}, "f": 1.5, "long": "x" * 9999}
        )
        db["big"] = ["y" * 50] * 100_000
        db["deep"] = json.loads("[" * 900 + "]" * 900)
        seen = rows(notebook.ask("%hero_db"))
        assert seen["n"] == ("None", "None")
        assert seen["b"] == ("bytes", r"b'\x00x'")
        assert seen["d"] == ("dict", '{"a": "é"}')
        assert seen["f"] == ("float", "1.5")
        assert seen["long"] == ("str", "x" * 79 + "…")
        assert len(seen["big"][1]) == 80
        assert seen["deep"] == ("list", "[" * 79 + "…")
        assert "a⏎b" in repr(notebook.ask("%hero_db"))
        assert "deep" in repr(notebook.ask("%hero_db find [[[ --values"))

    def test_entries_without_a_key_are_counted(self, notebook, db):
        db.set(value="an id alone")
        db["k"] = "v"
        assert "1 entry more without a key" in repr(notebook.ask("%hero_db"))

    def test_empty(self, notebook):
        assert "it is empty" in repr(notebook.ask("%hero_db"))
        assert not (notebook.folder / "hero/db").exists()  # looking makes nothing
        assert "no key begins with x" in repr(notebook.ask("%hero_db show x"))
        assert "no database is there yet" in repr(notebook.ask("%hero_db list"))

    def test_a_document_stands_beside_text_and_html(self, notebook, db):
        db["k"] = "<b>\x1b[31mred"
        table = notebook.ask("%hero_db")
        shown = notebook.shell.display_formatter.format(table)[0]
        assert set(shown) == {"text/plain", "text/html", MIME}
        assert shown[MIME]["columns"] == ["key", "type", "value"]
        assert shown[MIME]["rows"] == [["k", "str", "<b>red"]]
        assert shown[MIME]["total"] == 1
        assert "application/json" not in shown  # JupyterLab would show it in the table's place
        assert "<b>" not in shown["text/html"]
        assert "\x1b" not in shown["text/html"] + shown["text/plain"]

    def test_list(self, notebook, db):
        db["k"] = "v"
        notebook.ask("%hero_db set a b -d config")
        notebook.ask("%hero_db set a b -d stock")
        (Path(db.path.parent) / "broken.db").write_bytes(b"no database" * 100)
        table = notebook.ask("%hero_db list")
        assert [row[1] for row in table.rows] == ["broken", "config", "session_notes", "stock"]
        assert [row[0] for row in table.rows] == ["", "", "▸", ""]
        assert table.rows[2][2] == "1"
        assert "KiB" in table.rows[2][3]
        assert table.rows[2][4] == "no"
        assert "broken" in table.rows[0][4]


class TestUnset:
    def test_all_or_none(self, notebook, db):
        db.update(dict.fromkeys(["alpha", "beta", "gamma"], 1))
        text = notebook.refused("%hero_db rm alpha gama", "DBKeyError")
        assert "did you mean gamma?" in text
        assert len(db) == 3
        assert "alpha, gamma deleted" in notebook.run("%hero_db unset alpha gamma alpha").said
        assert list(db) == ["beta"]

    def test_empty_and_drop_need_yes(self, notebook, db):
        db.update(dict.fromkeys("abc", 1))
        assert "3 entries" in notebook.refused("%hero_db empty")
        assert "--yes" in notebook.refused("%hero_db drop session_notes")
        assert len(db) == 3
        assert "3 entries deleted" in notebook.run("%hero_db empty --yes").said
        assert len(db) == 0
        notebook.ask("%hero_db drop session_notes --yes")
        assert not db.path.exists()
        notebook.ask("%hero_db set k v")


class TestFind:
    def test_in_keys_and_values(self, notebook, db):
        db.update({"Straße": 1, "other": "in der STRASSE", "list": ["strasse"], "none": b"strasse"})
        assert list(rows(notebook.ask("%hero_db find strasse"))) == ["Straße"]
        found = notebook.ask("%hero_db find strasse --values")
        assert list(rows(found)) == ["Straße", "list", "other"]
        assert "showing 1 of 3" in repr(notebook.ask("%hero_db find strasse --values -n 1"))
        assert "no key holds x" in repr(notebook.ask("%hero_db find x"))
        assert "no key or value holds x" in repr(notebook.ask("%hero_db find x --values"))

    def test_secrets_are_not_looked_into(self, notebook, sealed, db):
        db["token"] = Secret(CANARY)
        assert rows(notebook.ask("%hero_db find hunter --values")) == {}


class TestFiles:
    def test_export_and_load(self, notebook, sealed, db):
        values = {"a": 1, "b": [True, None], "c": b"\xff", "d": "ü"}
        db.update(values)
        db["token"] = Secret(CANARY)
        line = notebook.run("%hero_db export out.jsonl").said
        assert line.startswith("4 entries of database session_notes written to /")
        assert "1 secret left out" in line
        assert CANARY not in (notebook.folder / "out.jsonl").read_text()
        assert "4 entries of /" in notebook.run("%hero_db load out.jsonl -d copy").said
        assert dict(sealed.db_get("copy")) == values

    def test_a_bad_file_loads_nothing(self, notebook, db):
        db["k"] = 1
        notebook.ask("%hero_db export out.jsonl")
        with (notebook.folder / "out.jsonl").open("a") as file:
            file.write("nonsense\n")
        assert "out.jsonl:2" in notebook.refused("%hero_db load out.jsonl -d copy", "DatabaseError")
        assert len(db) == len(hero.context_get().db_get("copy")) + 1
        notebook.refused("%hero_db load missing.jsonl", "DatabaseError")
        notebook.refused("%hero_db export no/such/folder", "DatabaseError")

    def test_an_encrypted_one_is_written_in_the_clear_only_when_asked(self, notebook, sealed, db):
        db["k"] = "v"
        notebook.ask("%hero_db encrypt")
        assert "--decrypted" in notebook.refused("%hero_db export out.jsonl")
        assert not (notebook.folder / "out.jsonl").exists()
        notebook.ask("%hero_db export out.jsonl --decrypted")
        assert '"v"' in (notebook.folder / "out.jsonl").read_text()

    def test_herolib_s_are_brought_in(self, notebook, session):
        theirs = session.context.db_path / "stock"
        _dbfs(theirs, {"one": "1", "two": "2"})
        _dbfs(notebook.folder / "elsewhere" / "more", {"three": "3"})
        table = notebook.ask("%hero_db import")
        assert "2 values of 1 database brought in" in repr(table)
        assert notebook.ask("%hero_db get two -d stock") == "2"
        assert "2 here already" in repr(notebook.ask("%hero_db import"))
        shutil.rmtree(theirs)
        (notebook.folder / "elsewhere/more/.meta").write_text("{broken")
        table = notebook.ask("%hero_db import elsewhere")
        assert ("changed", "more", ".meta") in [row[:3] for row in table.rows]
        assert notebook.ask("%hero_db get three -d more") == "3"
        notebook.refused("%hero_db import nowhere", "DatabaseError")

    def test_none_of_herolib_s(self, notebook):
        notebook.ask("%hero_db set k v")
        assert repr(notebook.ask("%hero_db import")) == "there is none of herolib's databases"

    def test_a_frame_needs_pandas(self, notebook, monkeypatch):
        monkeypatch.setitem(sys.modules, "pandas", None)
        assert "pip install pandas" in notebook.refused("%hero_db frame", "DatabaseError")


@pytest.mark.parametrize(
    ("line", "ename", "said"),
    [
        ("shw", "UsageError", "did you mean show?"),
        ("get", "UsageError", "usage: %hero_db get"),
        ("get a b", "UsageError", "does not understand b"),
        ("get k -o 2x", "UsageError", "2x is no variable name"),
        ("get k -d stok", "DatabaseNotFoundError", "did you mean stock?"),
        ("drop stok --yes", "DatabaseNotFoundError", "did you mean stock?"),
        ("set k", "UsageError", "--secret asks for one"),
        ("set k two words", "UsageError", "does not understand words"),
        ('set k {"a": 1} --json', "UsageError", "does not understand"),
        ("set k {a:1} --json", "UsageError", "single quotes"),
        ("set k NaN --json", "UsageError", "NaN is no number in JSON"),
        ("set k '[[[[' --json", "UsageError", "is no JSON"),
        (f"set k {'[' * 50_000}{']' * 50_000} --json", "UsageError", "nested too deeply"),
        ("set '' v -d ../up", "BadNameError", "../up"),
        ("show -n 0", "UsageError", "0 is no number of rows"),
        ("show -n x", "UsageError", "x is no number of rows"),
        ("show --limt 3", "UsageError", "--limit"),
        ("find", "UsageError", "usage: %hero_db find"),
        (f"set {'k' * 600} v", "BadNameError", "512"),
    ],
)
def test_a_wrong_line_is_told_shortly(notebook, line, ename, said):
    notebook.ask("%hero_db set there 1 -d stock")
    assert said in notebook.refused(f"%hero_db {line}", ename)


def test_a_wrong_cell_is_told_shortly(notebook):
    assert "needs KEY" in notebook.refused("%%hero_db\nx\n")
    assert "is no JSON" in notebook.refused("%%hero_db k --json\nx\n")
    assert "has no option --jso" in notebook.refused("%%hero_db k --jso\nx\n")


def test_help_names_every_verb(notebook):
    text = repr(notebook.ask("%hero_db -h"))
    for verb in ("show", "list", "get", "set", "unset", "find", "export", "import", "frame"):
        assert re.search(rf"^  %hero_db {verb}\b", text, re.MULTILINE), verb
    assert "%hero_db ls is %hero_db show" in text
    assert "%hero_db rm is %hero_db unset" in text
    listed = repr(notebook.ask("%hero_help"))
    for magic in ("%hero_db", "%hero_config", "%%hero_db KEY", "%%hero_config CATEGORY NAME"):
        assert magic in listed


def _dbfs(folder: Path, values: dict[str, str]) -> None:
    """A database as herolib's `dbfs` writes it: values by the bytes of their id, keys as links."""
    (folder / "0/0").mkdir(parents=True)
    (folder / ".meta").write_text(json.dumps({"encrypted": False, "keyshashed": False}))
    for number, (key, value) in enumerate(values.items(), 1):
        (folder / "0/0" / str(number)).write_text(value)
        (folder / key).symlink_to(f"0/0/{number}")
