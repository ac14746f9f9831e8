"""`%hero_env` and `%hero_param`: where values came from, and what changed since the last run."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from keyboards import Keyboard

import hero_kernel as hero
from hero_kernel import cells

if TYPE_CHECKING:
    import pytest
    from conftest import Notebook

TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


def rows(notebook: Notebook, line: str = "%hero_env") -> dict[str, dict[str, str]]:
    """The table's rows by what each is called, by column."""
    table = notebook.ask(line).to_dict()
    what = table["columns"].index("value") - 1
    return {row[what]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}


def marks(notebook: Notebook, line: str = "%hero_env") -> dict[str, str]:
    return {name: row.get("", "") for name, row in rows(notebook, line).items()}


def test_each_way_to_set_one_is_named(notebook: Notebook) -> None:
    (notebook.folder / ".env").write_text("FROM_FILE=1\n")
    notebook.ask("from hero_kernel import session")
    notebook.run("!!session.env_set key:BY_ACTION val:1")
    notebook.ask("%hero_env set BY_MAGIC=1")
    notebook.ask("%hero_env load .env")
    notebook.ask("session().env_set('BY_PYTHON', '1')")
    notebook.run("import time\n!!session.env_set key:BETWEEN val:1")
    found = rows(notebook)
    assert {name: row["source"] for name, row in found.items()} == {
        "BETWEEN": "In[6]:2:1 !!session.env_set",
        "BY_ACTION": "In[2]:1:1 !!session.env_set",
        "BY_MAGIC": "In[3] %hero_env set",
        "BY_PYTHON": "In[5] Python",
        "FROM_FILE": f"In[4] %hero_env load {notebook.folder / '.env'}",
    }
    assert all(re.fullmatch(TIME, row["when (UTC)"]) for row in found.values())
    assert list(found["BY_MAGIC"]) == ["variable", "value", "source", "when (UTC)"]


def test_what_changed_since_the_last_run(notebook: Notebook) -> None:
    notebook.ask("%hero_env set A=1 B=1 C=1")
    assert set(marks(notebook).values()) == {""}
    assert "since the last run" not in notebook.run("%hero_env").said
    notebook.run("!!play.echo hi")
    notebook.ask("%hero_env set A=1 B=2 D=1")
    notebook.ask("%hero_env unset C")
    assert marks(notebook) == {"A": "", "B": "●", "D": "+"}
    said = notebook.run("%hero_env").said
    assert "since the last run: ● changed, + new" in said
    assert "deleted since the last run: C (In[6] %hero_env unset)" in said
    assert marks(notebook, "%hero_env show --changed") == {"B": "●", "D": "+"}
    assert "deleted since" in notebook.run("%hero_env list --changed").said
    notebook.run("!!session.env_set key:B val:3")
    assert "deleted" not in notebook.run("%hero_env").said
    assert set(marks(notebook).values()) == {""}
    assert "nothing changed since the last run" in notebook.run("%hero_env --changed").said


def test_many_deletions_are_counted(notebook: Notebook) -> None:
    notebook.ask("%hero_env set " + " ".join(f"K{n}=1" for n in range(9)))
    notebook.run("!!play.echo hi")
    notebook.ask("%hero_env reset --yes")
    said = notebook.run("%hero_env").said
    assert "K4 (In[3] %hero_env reset) and 4 more" in said
    assert "K5" not in said


def test_what_the_process_has(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAKEN", "the process's own")
    monkeypatch.setenv("EQUAL", "1")
    monkeypatch.setenv("OTHERS_ONLY", "not for a notebook")
    notebook.ask("%hero_env set TAKEN=1 EQUAL=1 FREE=1")
    found = rows(notebook)
    assert found["TAKEN"]["state"] == "hides the process's"
    assert found["EQUAL"]["state"] == found["FREE"]["state"] == ""
    assert "OTHERS_ONLY" not in found
    every = rows(notebook, "%hero_env --all")
    assert every["OTHERS_ONLY"]["state"] == "the process's alone"
    assert every["OTHERS_ONLY"]["value"] == ""
    assert every["TAKEN"]["state"] == "hides the process's"
    said = notebook.run("%hero_env --all").said
    assert "not for a notebook" not in said
    assert "the process's own" not in said
    assert os.environ["OTHERS_ONLY"] == "not for a notebook"


def test_a_secret_shows_its_source_and_not_itself(notebook: Notebook) -> None:
    keyboard = Keyboard()
    keyboard.answers = ["correct horse battery", "correct horse battery", "t0ken-v4lue"]
    notebook.ask("%hero")
    workspace = hero.workspace()
    workspace.kdf_log2_n, workspace.prompt = 14, keyboard.ask
    notebook.ask("%hero_secret new")
    notebook.ask("%hero_env set --secret TOKEN")
    row = rows(notebook)["TOKEN"]
    assert row["state"] == "secret"
    assert row["source"] == "In[3] %hero_env set --secret"
    assert "t0ken" not in notebook.run("%hero_env").said


def test_another_kernels_change(notebook: Notebook, session: hero.Session) -> None:
    notebook.ask("%hero_env set MINE=1")
    session.env_set("THEIRS", "1", by="command line")
    found = rows(notebook)
    assert found["MINE"]["source"] == "In[1] %hero_env set"
    assert found["THEIRS"]["source"].startswith("command line")
    assert cells.process() in session.config.env_from


def test_no_cell_runs(notebook: Notebook, session: hero.Session) -> None:
    """As for a widget's callback: it is no cell's."""
    notebook.ask("%hero_env set A=1")
    session.env_set("LATER", "1")
    assert rows(notebook)["LATER"]["source"] == "Python"


def test_parameters(notebook: Notebook) -> None:
    notebook.ask("%hero_param set color:red size:2")
    notebook.run("!!core.params_session_set shape:round")
    notebook.ask("%hero_param set color:blue")
    notebook.ask("%hero_param unset size")
    found = rows(notebook, "%hero_param")
    assert {name: (row[""], row["source"]) for name, row in found.items()} == {
        "color": ("●", "In[3] %hero_param set"),
        "shape": ("", "In[2]:1:1 !!core.params_session_set"),
    }
    assert "size (In[4] %hero_param unset)" in notebook.run("%hero_param --changed").said
    assert marks(notebook, "%hero_param show --changed") == {"color": "●"}


def test_parameters_of_the_context(notebook: Notebook) -> None:
    notebook.ask("%hero_param set --shared color:red")
    notebook.run("!!core.params_context_set shape:round")
    found = rows(notebook, "%hero_param --shared")
    assert found["color"]["source"] == "In[1] %hero_param set"
    assert found["shape"]["source"] == "In[2]:1:1 !!core.params_context_set"
    text = notebook.refused("%hero_param --shared --changed")
    assert "a context has no runs" in text


def test_wrong_options(notebook: Notebook) -> None:
    assert "--changed" in notebook.refused("%hero_env --chnaged")
    assert "--all" in notebook.refused("%hero_env show --al")
    notebook.refused("%hero_env show X")
    notebook.refused("%hero_param --all")
    assert "--changed" in notebook.run("%hero_env show -h").said


def test_hostile_sources_are_text(notebook: Notebook, session: hero.Session) -> None:
    session.env_set("A", "1", by="<script>alert(1)</script>\n\x1b[31m\tred")
    html = notebook.ask("%hero_env")._repr_html_()
    assert "<script>" not in html
    assert "\x1b" not in notebook.run("%hero_env").said
