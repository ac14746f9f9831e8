"""Which session a notebook is on: who names it, when it is asked, and that it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import hero_kernel as hero
from magics.door import notebook_path

UUID = "0b31a2e4-11f2-4a8e-9d3c-0f3c1f7f0a11"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in (
        "intro.ipynb",
        "sub/other.ipynb",
        f"intro-{UUID}.ipynb",
        "intro-jvsc-1.ipynb",
        "with blank #1.ipynb",
        "script.py",
    ):
        (tmp_path / name).write_text("{}")
    return tmp_path


SIGNALS = {
    "nothing": ({}, {}, "", None),
    "Jupyter, absolute": ({}, {"JPY_SESSION_NAME": "{dir}/intro.ipynb"}, "", "intro.ipynb"),
    "Jupyter, a cell id of its own": (
        {},
        {"JPY_SESSION_NAME": "{dir}/intro.ipynb"},
        "d3adbeef",
        "intro.ipynb",
    ),
    "Jupyter, elsewhere": (
        {},
        {"JPY_SESSION_NAME": "{dir}/sub/other.ipynb"},
        "",
        "sub/other.ipynb",
    ),
    "Jupyter, relative": ({}, {"JPY_SESSION_NAME": "some/where/intro.ipynb"}, "", "intro.ipynb"),
    "Jupyter, relative and not here": ({}, {"JPY_SESSION_NAME": "sub/other.ipynb"}, "", None),
    "Jupyter, renamed meanwhile": ({}, {"JPY_SESSION_NAME": "{dir}/gone.ipynb"}, "", None),
    "Jupyter, a folder": ({}, {"JPY_SESSION_NAME": "{dir}/"}, "", None),
    "Jupyter, a folder named so": ({}, {"JPY_SESSION_NAME": "{dir}/sub"}, "", None),
    "a console": ({}, {"JPY_SESSION_NAME": "{dir}/Console 1"}, "", None),
    "a script": ({}, {"JPY_SESSION_NAME": "{dir}/script.py"}, "", None),
    "a drive": ({}, {"JPY_SESSION_NAME": "{dir}/RTC:intro.ipynb"}, "", None),
    "VS Code on a server": ({}, {"JPY_SESSION_NAME": f"{{dir}}/intro-{UUID}.ipynb"}, "", None),
    "VS Code on a server, the other form": (
        {},
        {"JPY_SESSION_NAME": "{dir}/intro-jvsc-1.ipynb"},
        "",
        None,
    ),
    "VS Code": ({"__vsc_ipynb_file__": "{dir}/gone.ipynb"}, {}, "", "gone.ipynb"),
    "VS Code, unsaved": ({"__vsc_ipynb_file__": "Untitled-1.ipynb"}, {}, "", None),
    "VS Code, no text": ({"__vsc_ipynb_file__": 7}, {}, "", None),
    "VS Code before Jupyter": (
        {"__vsc_ipynb_file__": "{dir}/sub/other.ipynb"},
        {"JPY_SESSION_NAME": "{dir}/intro.ipynb"},
        "",
        "sub/other.ipynb",
    ),
    "a cell id of VS Code": (
        {},
        {},
        "vscode-notebook-cell:{dir}/intro.ipynb#W2sZmlsZQ==",
        "intro.ipynb",
    ),
    "a cell id with blanks": (
        {},
        {},
        "vscode-notebook-cell:{dir}/with%20blank%20%231.ipynb#X1",
        "with blank #1.ipynb",
    ),
    "a cell id on another machine": (
        {},
        {},
        "vscode-notebook-cell://ssh-remote%2Bhost{dir}/intro.ipynb#X1",
        "intro.ipynb",
    ),
    "a cell id, unsaved": (
        {},
        {},
        "vscode-notebook-cell:Untitled-1.ipynb?jupyter-notebook#X1",
        None,
    ),
    "an interactive window": ({}, {}, "vscode-interactive-input:/InteractiveInput-1", None),
    "a cell id before a server's name": (
        {},
        {"JPY_SESSION_NAME": f"{{dir}}/intro-{UUID}.ipynb"},
        "vscode-notebook-cell:{dir}/sub/other.ipynb#X1",
        "sub/other.ipynb",
    ),
    "papermill": ({"PAPERMILL_INPUT_PATH": "{dir}/intro.ipynb"}, {}, "", None),
}


@pytest.mark.parametrize("row", SIGNALS.values(), ids=SIGNALS.keys())
def test_which_file_is_the_notebook(files, row):
    def here(value):
        return value.replace("{dir}", str(files)) if isinstance(value, str) else value

    variables, environ, cell_id, expected = row
    path, why = notebook_path(
        {key: here(value) for key, value in variables.items()},
        {key: here(value) for key, value in environ.items()},
        here(cell_id),
        files,
    )
    assert path == (files / expected if expected else None)
    assert bool(why) == bool(expected)


def why(notebook):
    lines = notebook.run("%hero --why").said.split("\n")
    return {line.split(": ")[0]: line.split(": ", 1)[1] for line in lines[1:]}


def test_nothing_is_bound_before_it_is_used(unbound):
    unbound.ask("x = 1")
    unbound.run("!ls")
    assert hero.workspace().selected_session is None
    assert not (unbound.folder / "hero").exists()


def test_nothing_names_it(unbound):
    told = why(unbound)
    assert told["context"].startswith("the default context")
    assert told["session"].startswith("the time")
    assert told["records"].endswith("hero.db")
    line = unbound.run("%hero").said
    assert "(new;" in line


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
    assert "%hero_context workshop -s morning" in list(told.values())[-1]


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
