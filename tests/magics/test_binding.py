"""Which session a notebook is on: who names it, when it is asked, and that it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import hero_kernel as hero


def why(notebook):
    """What `%hero --why` says, by its first word; the last line is the one to paste."""
    lines = notebook.run("%hero --why").said.split("\n")
    assert lines[-1].startswith("%hero_context ")
    return dict(line.split(": ", 1) for line in lines[1:-1]) | {"paste": lines[-1]}


def test_nothing_is_bound_before_it_is_used(unbound):
    unbound.ask("x = 1")
    unbound.run("!ls")
    assert hero.workspace().selected_session is None
    assert not (unbound.folder / "hero").exists()


def test_nothing_names_it(unbound):
    told = why(unbound)
    assert told["context"].startswith("the default context")
    assert told["session"].startswith("this run alone, since a console is no notebook")
    assert told["project"].startswith("no hero.toml")
    assert told["records"].endswith("hero.db")
    assert "session run_2" in (line := unbound.run("%hero").said)
    assert "(ephemeral;" in line


def test_the_environment_names_it(unbound, monkeypatch):
    monkeypatch.setenv("HERO_CONTEXT", "workshop")
    monkeypatch.setenv("HERO_SESSION", "morning")
    assert "context workshop ▸ session morning (new;" in unbound.run("%hero").said
    assert why(unbound)["context"] == "HERO_CONTEXT in the environment"
    assert why(unbound)["session"] == "HERO_SESSION in the environment"


def test_variables_come_before_the_environment(unbound, monkeypatch):
    monkeypatch.setenv("HERO_CONTEXT", "workshop")
    monkeypatch.setenv("HERO_SESSION", "morning")
    unbound.ask("hero_context = 'evening'; hero_session = 'late'")
    assert "context evening ▸ session late" in unbound.run("%hero").said
    assert why(unbound)["session"] == "the variable hero_session"


def test_a_variable_that_is_no_name_is_told(unbound):
    unbound.ask("hero_session = 7")
    assert "hero_session is int" in unbound.refused("%hero", "SessionError")
    unbound.ask("hero_session = 'seven'")
    assert "session seven" in unbound.run("%hero").said


def test_the_notebook_s_path_names_it(unbound, monkeypatch):
    (unbound.folder / "lesson.ipynb").write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(unbound.folder / "lesson.ipynb"))
    assert "session lesson (new;" in unbound.run("%hero").said
    told = why(unbound)["session"]
    assert "lesson.ipynb" in told
    assert "JPY_SESSION_NAME" in told


def test_vs_code_names_it_in_the_cell_s_id(unbound):
    cell_id = f"vscode-notebook-cell:{unbound.folder}/in_code.ipynb#W0sZmlsZQ%3D%3D"
    assert "session in_code (new;" in unbound.run("%hero", cell_id=cell_id).said
    assert "VS Code" in why(unbound)["session"]


def test_vs_code_names_it_in_a_variable_that_comes_late(unbound):
    unbound.ask("x = 1")
    unbound.shell.user_ns["__vsc_ipynb_file__"] = str(unbound.folder / "late.ipynb")
    assert "session late (new;" in unbound.run("%hero").said


def test_a_magic_names_it(notebook):
    notebook.ask("%hero_context workshop --new -s morning")
    told = why(notebook)
    assert told["context"] == "chosen by hand"
    assert told["session"] == "chosen by hand"
    assert told["paste"] == "%hero_context workshop -s morning"


def test_python_has_the_notebook_s_session(unbound, monkeypatch):
    (unbound.folder / "lesson.ipynb").write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(unbound.folder / "lesson.ipynb"))
    assert unbound.ask("import hero_kernel as hero\nhero.session().name") == "lesson"
    assert "session lesson (new;" in unbound.run("%hero").said


def test_python_s_session_is_exported_at_the_first_magic(notebook, session):
    session.env_set("FROM_PYTHON", "1")
    notebook.ask("import hero_kernel as hero; hero.session()")
    notebook.ask("%hero")
    assert os.environ["FROM_PYTHON"] == "1"


def test_a_session_selected_in_python_is_the_magics_too(notebook):
    notebook.ask("%hero_env set HERE=1")
    notebook.ask("import hero_kernel as hero\nhero.session_select(hero.session_new(name='chosen'))")
    assert "session chosen (selected;" in notebook.run("%hero").said
    assert "HERE" not in os.environ
    assert notebook.ask("%hero_session notes") is not None
    assert os.environ["HERE"] == "1"


def test_creating_a_session_in_python_does_not_move_the_notebook(notebook):
    notebook.ask("%hero")
    notebook.ask("import hero_kernel as hero\nhero.session_new(name='other')")
    assert "session notes" in notebook.run("%hero").said


def test_the_same_line_twice_says_the_same(notebook):
    notebook.ask("%hero_context workshop --new -s morning")
    first = notebook.run("%hero_context workshop -s morning").said
    assert notebook.run("%hero_context workshop -s morning").said == first


def test_another_workspace_is_taken_up(notebook, tmp_path):
    notebook.ask("%hero_env set HERE=1")
    hero.open_workspace(home=tmp_path / "second")
    assert "session notes (new; 0 env" in notebook.run("%hero").said
    assert "HERE" not in os.environ
    assert Path(tmp_path / "second" / "hero.db").exists()


def test_a_folder_that_was_removed_stops_nothing(unbound, monkeypatch):
    gone = unbound.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "context default" in unbound.run("%hero").said
    monkeypatch.chdir(unbound.folder)
