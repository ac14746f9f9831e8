"""The panel of secrets: how they stand, the lines of its buttons, and never a value."""

from __future__ import annotations

import json
import shlex

import pytest

import hero_kernel as hero
from hero_kernel import keyring

CANARY = "canary-77aa-value"
LEGACY = "06c219e5bc8378f3a8a3f83b4b7e4649"
"""The MD5 of `mysecret`, as herolib keeps it."""


@pytest.fixture
def pane(notebook):
    return notebook.pane("secrets")


def line(pane, what: str, name: str = "") -> str:
    return pane.ask("line", what=what, name=name)


def test_from_none_to_locked_and_back(notebook, pane):
    assert pane.state["standing"] == "none"
    assert line(pane, "new") == "%hero_secret new"
    notebook.run(line(pane, "new_all"), "correct horse battery", "correct horse battery")
    assert pane.changes()
    state = pane.state
    assert state["standing"] == "unlocked"
    assert state["encrypts"]
    assert (state["kdf"], state["generations"]) == ("scrypt", 1)
    notebook.run(line(pane, "lock"))
    assert pane.changes()
    assert pane.state["standing"] == "locked"
    assert not pane.changes()
    notebook.run(line(pane, "unlock"), "correct horse battery")
    assert pane.changes()
    notebook.run(line(pane, "decrypt"))
    assert not pane.state["encrypts"]
    notebook.run(line(pane, "encrypt"))
    kid = pane.state["kid"]
    notebook.run(line(pane, "rotate"), "correct horse battery")
    assert pane.state["kid"] != kid
    new = "another long passphrase"
    notebook.run(line(pane, "rotate_new"), "correct horse battery", new, new)
    assert "unlocked" in pane.still


def test_named_secrets_with_their_age_and_no_value(notebook, pane, secret, elsewhere):
    notebook.run(line(pane, "set", "api_token"), CANARY)
    assert pane.changes()
    [one] = pane.state["named"]
    assert one["name"] == "api_token"
    assert "%hero_secret set" in one["source"]
    assert one["when"] == elsewhere.context.secrets.sources()["api_token"].at > "2020"
    elsewhere.context.secret_unlock(secret)
    elsewhere.context.secrets.put("other", CANARY + "2", by="command line")
    assert pane.changes()  # by another kernel
    assert [(one["name"], one["source"]) for one in pane.state["named"]][1] == (
        "other", "command line",
    )  # fmt: skip
    notebook.run("%hero_secret lock")
    assert len(pane.state["named"]) == 2  # the names are no secrets
    notebook.run(line(pane, "unset", "api_token"))
    assert [one["name"] for one in pane.state["named"]] == ["other"]
    info = json.loads((hero.context_get().keys_path / keyring.FILE_NAME).read_text())
    told = json.dumps(pane.part) + pane.still
    kept = [text for text in _texts(info) if len(text) > 20]
    for text in (CANARY, secret, hero.context_get().config.secret, *kept):
        assert text not in told


def _texts(of) -> list[str]:
    """Every text in a document."""
    if isinstance(of, dict):
        return [text for one in of.values() for text in _texts(one)]
    if isinstance(of, list):
        return [text for one in of for text in _texts(one)]
    return [of] if isinstance(of, str) else []


def test_notes_survive_a_context_that_starts_over(notebook, pane, secret):
    notebook.run("%hero_secret set token", CANARY)
    when = pane.state["named"][0]["when"]
    hero.context_new(name="default", reset=True)
    assert pane.state["named"][0]["when"] == when
    assert "token" in repr(notebook.run("%hero_secret list"))
    assert when in repr(notebook.run("%hero_secret list"))


def test_a_variable_that_stands_before_what_is_kept(notebook, pane, secret, monkeypatch):
    notebook.run("%hero_secret set token", CANARY)
    assert pane.state["named"][0]["variable"] == ""
    hero.workspace().environ["HERO_SECRET_TOKEN"] = "something else"
    assert pane.state["named"][0]["variable"] == "HERO_SECRET_TOKEN"


def test_herolibs_and_a_damaged_keyring(notebook, pane, secret):
    context = hero.context_get()
    file = context.keys_path / keyring.FILE_NAME
    sound = file.read_text()
    file.write_text(sound.replace("scrypt", "sCrypt"))
    assert pane.changes()
    assert pane.state["standing"] == "damaged"
    assert pane.state["fault"]
    assert "cannot be read" in pane.still
    file.write_text(sound)
    assert pane.changes()
    assert pane.state["standing"] in {"locked", "unlocked"}
    other = hero.context_new(name="old")
    other.mirror(secret=LEGACY, encrypt=False)
    notebook.run("%hero_context old")
    assert pane.part["title"] == f"secrets of context {other.guid}"
    assert pane.state["standing"] == "herolib"
    assert LEGACY not in json.dumps(pane.part) + pane.still
    assert line(pane, "import") == "%hero_secret import"


def test_bad_names_and_foreign_json(notebook, pane, secret):
    for name in ("--file", "", "x\ny", "file", "fd", 5, None, ["a"]):
        for what in ("set", "unset"):
            pane.refused("line", what=what, name=name)
    for what in ("delete", "", None, 5, ["new"], {"a": 1}, "__class__"):
        assert "nothing is called" in pane.refused("line", what=what)
    assert "by now" in pane.refused("line", of="7:other", what="new")
    assert pane.state["named"] == []
    for what in ("set", "unset"):
        words = shlex.split(line(pane, what, "my-token"))
        assert words == ["%hero_secret", what, "my-token"]


def test_another_context_than_the_notebooks(notebook, secret):
    other = hero.context_new(name="other").session_new("there")
    notebook.run("%hero_context default -s notes")
    pane = notebook.pane("secrets", other)
    assert pane.state["standing"] == "none"
    assert "run %hero_context other" in pane.refused("line", what="new")
