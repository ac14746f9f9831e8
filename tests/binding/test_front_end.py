"""Which file the words of each front end make the notebook's, and what kind of run they make it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel import binding
from hero_kernel.binding import front_end

UUID = "0b31a2e4-11f2-4a8e-9d3c-0f3c1f7f0a11"


@pytest.fixture
def files(tmp_path: Path) -> Path:
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
    found = binding.notebook(
        {key: here(value) for key, value in variables.items()},
        {key: here(value) for key, value in environ.items()},
        here(cell_id),
        files,
    )
    assert found.path == (files / expected if expected else None)
    assert bool(found.why) == bool(expected)
