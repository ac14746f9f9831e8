"""The panel of config files: texts with masks, and what is kept when they are edited."""

from __future__ import annotations

import json

import pytest

import hero_kernel as hero
from hero_kernel.config_files.document import parse
from hero_kernel.secret import MASK
from magics.panels.masks import masked, unmasked

CANARY = "canary-93be-value"
SMTP = f"# mail\nsmtp:\n  host: mail.example\n  password: '{CANARY}'\n  port: 25\n"


@pytest.fixture
def pane(notebook):
    return notebook.pane("config")


@pytest.fixture
def sealed(notebook, secret) -> str:
    """A file with a sealed value; its text as it is kept."""
    hero.context_get().hero_config_set("app", "mail", SMTP, expand=False, secrets=["smtp.password"])
    return hero.context_get().hero_config_get("app", "mail")


def opened(pane, category: str = "app", name: str = "mail") -> dict:
    return pane.ask("open", category=category, name=name)


def save(pane, value: str, was, category: str = "app", name: str = "mail", **given):
    return pane.ask("save", category=category, name=name, value=value, was=was, **given)


def undo(pane) -> str:
    return pane.ask("undo", number=pane.state["undo"]["number"])


def test_make_change_delete_and_undo(pane, elsewhere):
    context = elsewhere.context
    assert pane.state["files"] == []
    assert save(pane, "a: ~/x\n", None) == {"gone": []}
    assert context.hero_config_get("app", "mail") == "a: ~/x\n"  # as it was typed
    [file] = pane.state["files"]
    assert (file["category"], file["name"], file["size"]) == ("app", "mail", 7)
    was = opened(pane)["version"]
    save(pane, "a: 2\n", was)
    pane.ask("delete", category="app", name="mail", was=opened(pane)["version"])
    assert pane.state["files"] == []
    assert undo(pane) == "the deletion of app mail"
    assert context.hero_config_get("app", "mail") == "a: 2\n"
    assert undo(pane) == "the change of app mail"
    assert context.hero_config_get("app", "mail") == "a: ~/x\n"
    assert undo(pane) == "making app mail"
    assert pane.state["files"] == []
    assert pane.state["undo"] is None


def test_a_sealed_value_is_masked_and_stays_sealed(notebook, pane, sealed, elsewhere):
    seen = opened(pane)
    assert seen["text"] == SMTP.replace(CANARY, MASK)
    assert seen["sealed"] == ["smtp.password"]
    assert "hero:v1" not in json.dumps(seen) + pane.still
    notebook.run("%hero_secret lock")  # the other lines need no secret
    edited = seen["text"].replace("port: 25", "port: 465").replace("# mail", "# the mail")
    assert save(pane, edited, seen["version"]) == {"gone": []}
    kept = elsewhere.context.hero_config_get("app", "mail")
    assert kept == sealed.replace("port: 25", "port: 465").replace("# mail", "# the mail")
    elsewhere.context.secret_unlock("correct horse battery")
    data = elsewhere.context.hero_config_load("app", "mail")
    assert data["smtp"]["password"].reveal() == CANARY
    undo(pane)
    assert elsewhere.context.hero_config_get("app", "mail") == sealed


def test_what_an_old_key_encrypted_is_not_brought_back(notebook, pane, sealed, secret):
    """It would be there, and nobody could open it."""
    was = opened(pane)["version"]
    pane.ask("delete", category="app", name="mail", was=was)
    notebook.run("%hero_secret rotate", secret)
    said = pane.refused("undo", number=pane.state["undo"]["number"])
    assert "the deletion of app mail is not undone" in said
    assert "another key" in said
    assert pane.state["files"] == []


def test_a_mask_that_stands_for_nothing_is_refused(pane, sealed, elsewhere):
    """Written as it is, the secret would be gone, and nobody told."""
    seen = opened(pane)
    text, was = seen["text"], seen["version"]
    for wrong in (
        text.replace("password", "token"),
        text.replace("host: mail.example", f"host: {MASK}"),
        text.replace(MASK, f"{MASK}x"),
        text.replace("  password", "  # password"),
        text.replace("smtp:", "mail:"),
        text + f"# {MASK}\n",
        text + f"{MASK}: 1\n",
    ):
        said = pane.refused("save", category="app", name="mail", value=wrong, was=was)
        assert said.startswith("ConfigError: "), wrong
        assert "mask" in said
    assert elsewhere.context.hero_config_get("app", "mail") == sealed
    refused = pane.refused("save", category="a", name="b", value=f"x: {MASK}", was=None)
    assert "stands for nothing" in refused
    gone = save(pane, "smtp:\n  host: mail.example\n", was)
    assert gone == {"gone": ["smtp.password"]}


def test_what_is_no_yaml_is_told_at_its_line(pane, sealed, elsewhere):
    seen = opened(pane)
    answer = save(pane, seen["text"] + "\tx: 1\n", seen["version"])
    assert answer["fault"]["line"] == 6
    assert "tab" in answer["fault"]["message"]
    assert not answer["may_be_plain"]  # the mask could not be told from the rest
    answer = save(pane, seen["text"] + "a: [\n", seen["version"], plain=True)
    assert answer["fault"]["line"] >= 6
    assert elsewhere.context.hero_config_get("app", "mail") == sealed

    answer = save(pane, "[section\nkey=1\n", None, name="ini")
    assert answer["may_be_plain"]
    assert save(pane, "[section\nkey=1\n", None, name="ini", plain=True) == {"gone": []}
    seen = opened(pane, name="ini")
    assert seen["fault"]["line"] >= 1
    assert seen["why"] == ""
    assert "fault" in save(pane, "[section\nkey=2\n", seen["version"], name="ini")
    assert "fault" not in save(pane, "key: 2\n", seen["version"], name="ini")


def test_what_was_changed_meanwhile_is_not_overwritten(pane, elsewhere):
    context = elsewhere.context
    context.hero_config_set("app", "mail", "a: 1")
    was = opened(pane)["version"]
    context.hero_config_set("app", "mail", "a: 2")
    given = {"category": "app", "name": "mail", "was": was}
    assert "ChangedError: app mail was changed meanwhile" in pane.refused(
        "save", value="a: 3", **given
    )
    assert "changed meanwhile" in pane.refused("delete", **given)
    said = pane.refused("save", category="app", name="mail", value="a: 3", was=None)
    assert "app__mail.yaml was made meanwhile" in said
    assert context.hero_config_get("app", "mail") == "a: 2"
    save(pane, "a: 3", opened(pane)["version"])
    context.hero_config_set("app", "mail", "a: 4")
    said = pane.refused("undo", number=pane.state["undo"]["number"])
    assert "the change of app mail is not undone: app__mail.yaml was changed meanwhile" in said
    assert context.hero_config_get("app", "mail") == "a: 4"
    context.hero_config_delete("app", "mail")
    assert "no config file" in pane.refused("save", value="a: 5", **given)


def test_a_secret_in_the_clear_is_not_shown(notebook, pane, secret):
    context = hero.context_get()
    notebook.run("%hero_secret set token", CANARY)
    context.hero_config_set("app", "mail", SMTP, expand=False)
    context.hero_config_set("app", "note", f"# {CANARY}\na: 1\n", expand=False)
    context.hero_config_set("app", "ini", f"[{CANARY}\n", expand=False)
    for name in ("mail", "note", "ini"):
        seen = opened(pane, name=name)
        assert CANARY not in json.dumps(seen)
        assert "secret in the clear" in seen["why"]
        said = pane.refused(
            "save", category="app", name=name, value=seen["text"], was=seen["version"]
        )
        assert "not edited here" in said
        assert CANARY in context.hero_config_get("app", name)
    assert opened(pane)["bare"] == ["smtp.password"]
    line = pane.ask("seal", category="app", name="mail", path="smtp.password")
    assert line == "%hero_config seal app mail smtp.password"
    notebook.run(line)
    seen = opened(pane)
    assert (seen["why"], seen["sealed"]) == ("", ["smtp.password"])


def test_sealed_values_that_cannot_be_told_apart(pane, sealed, elsewhere):
    elsewhere.context.hero_config_set("app", "mail", sealed + "\t- [", expand=False)
    seen = opened(pane)
    assert "encrypted values" in seen["why"]
    assert "hero:v1" not in seen["text"]
    assert "%hero_config path" in seen["hint"]


def test_names_and_foreign_json(notebook, pane, elsewhere):
    good = {"category": "app", "name": "mail", "value": "a: 1", "was": None}
    for wrong in (
        {"category": "../x"},
        {"name": "a/b"},
        {"name": ""},
        {"name": "con"},
        {"category": "a__b"},
        {"name": 5},
        {"category": None},
        {"value": 5},
        {"value": "\ud800"},
        {"was": 5},
        {"was": "0000"},
        {"of": "9:other"},
    ):
        pane.refused("save", **{**good, **wrong})
    for ask in ("open", "delete", "seal"):
        more = {"was": None} if ask == "delete" else {"path": "a"} if ask == "seal" else {}
        for names in (("..", "x"), ("app", "none"), (1, 2)):
            pane.refused(ask, category=names[0], name=names[1], **more)
    save(pane, "a: 1", None)
    for path in ("b", 5, None, "--help"):
        pane.refused("seal", category="app", name="mail", path=path)
    pane.refused("save", **{**good, "name": "MAIL"})  # some disks cannot tell them apart
    assert [one["name"] for one in pane.state["files"]] == ["mail"]


def test_large_and_foreign_files(pane, elsewhere):
    context = elsewhere.context
    context.hero_config_set("app", "large", "x" * 300_000, expand=False)
    (context.path / "app__latin.yaml").write_bytes(b"a: \xe9")
    (context.path / "readme.txt").write_text("not ours")
    assert [one["name"] for one in pane.state["files"]] == ["large", "latin"]
    assert "300000 characters" in pane.refused("open", category="app", name="large")
    assert "UTF-8" in pane.refused("open", category="app", name="latin")


def test_changes_elsewhere_are_told(pane, elsewhere):
    assert not pane.changes() or not pane.changes()
    elsewhere.context.hero_config_set("app", "mail", "a: 1")
    assert pane.changes()
    elsewhere.context.hero_config_set("app", "mail", "a: 2")
    assert pane.changes()
    assert not pane.changes()
    elsewhere.context.hero_config_delete("app", "mail")
    assert pane.changes()


def test_what_is_saved(pane, elsewhere):
    assert "there is none yet" in pane.still
    for number in range(50):
        elsewhere.context.hero_config_set("app", f"f{number:02}", "a: 1")
    assert "showing 40 of 50" in pane.still
    assert "f39" in pane.still


LAYOUTS = (
    "a: {s}\n",
    "a: '{s}'\nb: 2",
    'a: "{s}" # why\n',
    "- x\n- {s}\n",
    "a: [1, '{s}', {{b: {s}}}]\n",
    "a:\n  b:\n    c: >-\n      {s}\n  d: 1\n",
    "{s}",
    "'a.b': {s}\r\nc: |\r\n  text\r\n",
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_comes_back(layout):
    raw = layout.format(s="hero:v1:QUJDREVGR0g")
    seen = masked(raw, "x", lambda text: text)
    assert seen.why == ""
    assert "hero:v1" not in seen.text
    assert seen.text.count(MASK) == raw.count("hero:v1")
    for edited in (seen.text, f"# new\n{seen.text}"):
        back = unmasked(seen, edited, "x")
        assert values(back) == values(raw)
        assert ">-" in raw or back.removeprefix("# new\n") == raw


def values(text: str) -> dict[str, str]:
    return {path: one.value for path, one in parse(text.encode(), "x").scalars.items()}
