"""The panel of variables and parameters: what it tells, and what may be done in it."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import hero_kernel as hero
from hero_kernel.secret import MASK, Secret

CANARY = "canary-51c7-value"
HOSTILE = ["<img src=x onerror=alert(1)>", "</script>", "\x1b[31m", "\u202eevil", "a\tb\nc", "'\"&"]


@pytest.fixture
def pane(notebook):
    return notebook.pane("env")


def row(pane, name: str, table: str = "env") -> dict:
    return next(one for one in pane.state[table] if one["name"] == name)


def put(pane, name: str, value: str, table: str = "env"):
    """Change what is there, as a front end that sees it."""
    was = next((one["version"] for one in pane.state[table] if one["name"] == name), None)
    return pane.ask("set", table=table, name=name, value=value, was=was)


def test_a_value_that_is_set_is_the_sessions_and_the_processs(notebook, pane, elsewhere):
    assert put(pane, "CITY", "Ghent") == "CITY"
    assert elsewhere.env_get("CITY") == os.environ["CITY"] == "Ghent"
    assert row(pane, "CITY")["source"] == "the env panel"
    put(pane, "CITY", "Bruges")
    assert notebook.run("import os; os.environ['CITY']") == "Bruges"
    assert put(pane, "Size", "3", "params") == "size"  # as it is kept
    assert elsewhere.params["size"] == "3"
    put(pane, "region", "west\n\nnorth", "shared")
    assert elsewhere.context.params["region"] == "west\n\nnorth"
    assert row(pane, "region", "shared")["source"] == "the env panel"


def test_what_was_changed_meanwhile_is_not_overwritten(pane, elsewhere):
    put(pane, "CITY", "Ghent")
    seen = row(pane, "CITY")["version"]
    elsewhere.env_set("CITY", "Liège", by="In[7] Python")
    given = {"table": "env", "name": "CITY", "was": seen}
    said = pane.refused("set", value="Bruges", **given)
    assert said.startswith("ChangedError: CITY was changed meanwhile by In[7] Python; look at")
    assert "changed meanwhile" in pane.refused("delete", **given)
    assert "CITY was set meanwhile" in pane.refused(
        "set", table="env", name="CITY", value="Bruges", was=None
    )
    assert elsewhere.env_get("CITY") == "Liège"
    elsewhere.env_delete("CITY")
    assert "CITY was deleted meanwhile" in pane.refused("set", value="Bruges", **given)
    assert "CITY" not in elsewhere.env_shown()


def test_of_two_who_change_at_once_one_is_told(notebook, pane, elsewhere):
    """Looking first and then writing would let both through."""
    elsewhere.env_set("COUNT", "0")
    other = notebook.pane("env")

    def add(one) -> int:
        done = 0
        while done < 25:
            now = int(row(one, "COUNT")["text"])
            given = {"table": "env", "name": "COUNT", "value": str(now + 1)}
            answer = one.answer("set", of=one.view.state()["of"], was=version(now), **given)
            assert answer.get("error", {"type": "ChangedError"})["type"] == "ChangedError"
            done += "error" not in answer
        return done

    def version(number: int) -> str:
        from magics.panels.given import version as version_of  # noqa: PLC0415  # this test's

        return version_of(str(number))

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(add, [pane, other])) == 50
    assert elsewhere.env_get("COUNT") == "50"


def test_undo_goes_back_step_by_step(pane, elsewhere):
    put(pane, "CITY", "Ghent")
    put(pane, "CITY", "Bruges")
    put(pane, "size", "3", "params")
    pane.ask("delete", table="env", name="CITY", was=row(pane, "CITY")["version"])

    def undo() -> str:
        return pane.ask("undo", number=pane.state["undo"]["number"])

    assert pane.state["undo"]["count"] == 4
    assert undo() == "the deletion of CITY"
    assert elsewhere.env_get("CITY") == os.environ["CITY"] == "Bruges"
    assert undo() == "the adding of size"
    assert "size" not in elsewhere.params
    assert undo() == "the change of CITY"
    assert elsewhere.env_get("CITY") == "Ghent"
    assert undo() == "the adding of CITY"
    assert elsewhere.env_shown() == {}
    assert "CITY" not in os.environ
    assert pane.state["undo"] is None
    assert "undone already" in pane.refused("undo", number=1)


def test_undo_of_what_was_changed_since_says_so_and_gives_way(pane, elsewhere):
    put(pane, "FIRST", "1")
    put(pane, "CITY", "Ghent")
    put(pane, "CITY", "Bruges")
    elsewhere.env_set("CITY", "Liège", by="In[7] Python")
    number = pane.state["undo"]["number"]
    said = pane.refused("undo", number=number)
    assert "the change of CITY is not undone: CITY was changed meanwhile by In[7]" in said
    assert "it was 'Ghent' before" in said
    assert elsewhere.env_get("CITY") == "Liège"
    assert "not undone" in pane.refused("undo", number=pane.state["undo"]["number"])
    assert pane.ask("undo", number=pane.state["undo"]["number"]) == "the adding of FIRST"


def test_marks_and_what_hides(notebook, pane, monkeypatch):
    monkeypatch.setenv("EDITOR", "vi")
    notebook.run("%hero_env set EDITOR=ed GONE=1 KEPT=1")
    notebook.run("!!play.echo content:'hello'")
    notebook.run("%hero_env set KEPT=2 NEW=1\n%hero_env unset GONE")
    rows = {one["name"]: one for one in pane.state["env"]}
    assert {name: one["changed"] for name, one in rows.items()} == {
        "EDITOR": "", "KEPT": "changed", "NEW": "new", "GONE": "deleted",
    }  # fmt: skip
    assert rows["EDITOR"]["hides"]
    assert not rows["NEW"]["hides"]
    assert "%hero_env set" in rows["NEW"]["source"]
    assert rows["NEW"]["when"] > "2020"


def test_changes_elsewhere_are_told(notebook, pane, elsewhere, secret):
    assert pane.state["env"] == []
    assert not pane.changes()
    elsewhere.env_set("CITY", "Ghent")
    assert pane.changes()
    assert not pane.changes()
    elsewhere.context.params_set({"region": "west"})
    assert pane.changes()
    notebook.run("%hero_env set --secret TOKEN", CANARY)
    assert pane.changes()
    notebook.run("%hero_secret lock")
    assert pane.changes()
    assert row(pane, "TOKEN")["state"] == "locked"
    os.environ["HOME"] = os.environ["HOME"]  # nothing of ours
    assert not pane.changes()


def test_no_secret_is_told_and_none_becomes_plain(notebook, pane, elsewhere, secret):
    for table, line in (
        ("env", "%hero_env set --secret TOKEN"),
        ("params", "%hero_param set --secret token"),
        ("shared", "%hero_param set --secret --shared token"),
    ):
        name = line.split()[-1]
        assert pane.ask("ask_secret", table=table, name=name) == line
        notebook.run(line, f"{CANARY}-{table}")
        assert row(pane, name, table)["state"] == "secret"
        assert "not shown" in pane.refused("value", table=table, name=name)
        for was in ("hidden", row(pane, name, table)["version"]):
            said = pane.refused("set", table=table, name=name, value="plain", was=was)
            assert f"{name} is a secret, and would no longer be one" in said
    notebook.run(f"%hero_env set URL=postgres://u:{CANARY}-env@host/db")
    assert row(pane, "URL")["state"] == "holds a secret"
    assert CANARY not in json.dumps(pane.part) + pane.still
    assert MASK in row(pane, "URL")["text"]

    assert pane.ask("delete", table="env", name="TOKEN", was="hidden") is False  # for good
    assert pane.state["undo"] is None
    assert list(elsewhere.env_shown()) == ["URL"]


def test_locked_means_asked_by_nobody(notebook, pane, secret, elsewhere):
    """Setting would unlock, and ask over a comm that nobody answers."""
    notebook.run("%hero_secret encrypt on")
    put(pane, "CITY", "Ghent")
    assert row(pane, "CITY")["state"] == "encrypted"
    version = row(pane, "CITY")["version"]
    notebook.run("%hero_secret lock")
    hero.context_get().interactive = True
    notebook.keyboard.questions = []
    assert pane.state["locked"]
    assert pane.ask("unlock") == "%hero_secret unlock"
    for was in (version, "hidden", None):
        pane.refused("set", table="env", name="CITY", value="Bruges", was=was)
    said = pane.refused("set", table="env", name="NEW", value="1", was=None)
    assert said == (
        "SecretRequiredError: context default is locked, and keeps every value encrypted; "
        "unlock it first"
    )
    assert "locked" in pane.refused("undo", number=pane.state["undo"]["number"])
    assert notebook.keyboard.questions == []
    notebook.run("%hero_secret unlock", secret)
    assert row(pane, "CITY")["version"] == version
    assert pane.ask("undo", number=pane.state["undo"]["number"]) == "the adding of CITY"
    put(pane, "CITY", "Bruges")
    assert elsewhere._host is not notebook.session._host


def test_bad_names_and_foreign_json(pane, elsewhere):
    put(pane, "CITY", "Ghent")
    before = elsewhere.config
    good = {"table": "env", "name": "A", "value": "1", "was": None}
    for wrong, said in (
        ({"name": "A B"}, "BadNameError"),
        ({"name": "A=B"}, "BadNameError"),
        ({"name": ""}, "BadNameError"),
        ({"name": "A\n"}, "BadNameError"),
        ({"name": 3}, "the name is no text"),
        ({"name": ["A"]}, "the name is no text"),
        ({"value": None}, "the value is no text"),
        ({"value": {"a": 1}}, "the value is no text"),
        ({"value": "hero:v1:AAAA"}, "begins like an encrypted one"),
        ({"table": "all"}, "there is no table all"),
        ({"table": ["env"]}, "there is no table"),
        ({"was": 5}, "ChangedError"),
        ({"was": "0000"}, "A was deleted meanwhile"),
        ({"table": "params", "name": "a b"}, "ParamError"),
        ({"of": "0:default:other"}, "this panel shows 0:default:notes by now"),
        ({"extra": 1}, "asked wrongly for set"),
    ):
        assert said in pane.refused("set", **{**good, **wrong}), wrong
    for was in ("0000", None):
        assert "meanwhile" in pane.refused("delete", table="env", name="MISSING", was=was)
    for name in ("--once", "A B", "A;ls", "A'", "$(ls)", "A?", "A\nB", ""):
        assert "no name of a variable" in pane.refused("ask_secret", table="env", name=name)
        pane.refused("ask_secret", table="params", name=name)
    for number in (None, "1", 99, [1], True):
        if number is not True:  # which is 1 in Python, and JSON
            assert "undone already" in pane.refused("undo", number=number)
    assert "no such question" in pane.refused("unset")
    assert elsewhere.config == before


def test_hostile_values_come_back_as_they_are_and_draw_nothing(pane):
    for number, value in enumerate(HOSTILE):
        put(pane, f"V{number}", value)
        put(pane, f"v{number}", value, "params")
    for number, value in enumerate(HOSTILE):
        assert row(pane, f"V{number}")["text"] == value
        assert row(pane, f"v{number}", "params")["text"] == value
    html = "".join(table._repr_html_() for table in pane.view.still())
    assert "<img" not in html
    assert "</script" not in html
    assert "\x1b" not in pane.still


def test_long_values_are_cut_and_asked_for_whole(pane, elsewhere):
    long = "".join(chr(97 + n % 26) for n in range(5000))
    elsewhere.env_set("LONG", long)
    seen = row(pane, "LONG")
    assert seen["cut"]
    assert len(seen["text"]) == 300
    whole = pane.ask("value", table="env", name="LONG")
    assert whole == {"text": long, "version": seen["version"]}
    pane.ask("set", table="env", name="LONG", value=long + "!", was=whole["version"])
    assert elsewhere.env_get("LONG") == long + "!"
    elsewhere.env_set("LONG", "x" * 300_000)
    assert "300000 characters" in pane.refused("value", table="env", name="LONG")
    assert "deleted meanwhile" in pane.refused("value", table="env", name="NONE")


def test_what_is_saved(notebook, pane):
    assert "no variable is set" in pane.still
    notebook.run("%hero_env set " + " ".join(f"V{n:03}={n}" for n in range(60)))
    notebook.run("%hero_param set --shared region:west")
    assert "showing 40 of 60" in pane.still
    assert "V039" in pane.still
    assert "V040" not in pane.still
    assert "parameters of context 0:default" in pane.still


def test_a_session_that_is_renamed_or_gone(notebook, pane, elsewhere):
    put(pane, "CITY", "Ghent")
    of = pane.state["of"]
    notebook.session.rename("other")
    assert pane.part["title"].endswith("0:default:other")
    given = {"table": "env", "name": "CITY", "value": "Bruges", "was": row(pane, "CITY")["version"]}
    assert "shows 0:default:other by now" in pane.refused("set", of=of, **given)
    pane.ask("set", **given)
    elsewhere.context.session_delete("other")
    assert "is no longer in" in pane.part["error"]["message"]
    elsewhere.context.session_new("other")
    assert pane.state["env"] == []


def test_parameters_that_cannot_be_read_hide_nothing_else(pane, elsewhere):
    elsewhere.env_set("CITY", "Ghent")
    store, number, key = elsewhere._place
    store.update(number, key, lambda text: text.replace('"params":""', '"params":"a:\'b"'))
    assert row(pane, "CITY")["text"] == "Ghent"
    assert pane.state["params"] == []
    assert "params" in pane.state["params_fault"]


def test_another_session_than_the_notebooks_asks_for_no_secret(notebook, secret):
    other = hero.context_get().session_new("other")
    notebook.run("%hero_session notes")
    pane = notebook.pane("env", other)
    put(pane, "CITY", "Ghent")
    assert other.env_get("CITY") == "Ghent"
    assert "CITY" not in os.environ
    said = pane.refused("ask_secret", table="env", name="TOKEN")
    assert "run %hero_session other" in said
    assert "another session" in pane.refused("unlock")


def test_a_secret_over_a_plain_value_is_not_undone_into_the_clear(notebook, pane, secret):
    put(pane, "TOKEN", "not yet secret")
    notebook.run("%hero_env unset TOKEN\n%hero_env set --secret TOKEN", CANARY)
    said = pane.refused("undo", number=pane.state["undo"]["number"])
    assert "is not undone" in said
    assert notebook.session.env_shown()["TOKEN"].state == "secret"
    assert isinstance(notebook.run("%hero_env get TOKEN"), Secret)
