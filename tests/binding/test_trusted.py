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
from hero_kernel.binding import trusted

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


def test_why_each_word_did_not_count(files: Path) -> None:
    """For every trap of `JPY_SESSION_NAME` and VS Code's words, one line that says what it is."""
    cases = {
        f"{files}/gone.ipynb": "it names no file",
        f"{files}/": "it names no notebook",
        f"{files}/Console 1": "it names no notebook",
        f"{files}/intro-{UUID}.ipynb": "a new one at every connection",
        f"{files}/intro-{UUID.upper()}.ipynb": "a new one at every connection",
        f"{files}/intro-jvsc-1.ipynb": "a new one at every connection",
    }
    for name, told in cases.items():
        found = binding.notebook({}, {"JPY_SESSION_NAME": name}, "", files)
        assert found.path is None
        assert len(found.passed_over) == 1
        assert told in found.passed_over[0]
    for cell_id, told in {
        "vscode-notebook-cell:Untitled-1.ipynb?jupyter#W0sdW50aXRsZWQ%3D": "not saved yet",
        "vscode-notebook-cell:/home/ann/new.ipynb#W0sdW50aXRsZWQ%3D": "not saved yet",
        "vscode-notebook-cell:/ann/repo/nb.ipynb#X10sdnNjb2RlLXZmcw%3D%3D": "vscode-vfs",
        "vscode-notebook-cell:/home/ann/notes.md#W0sZmlsZQ%3D%3D": "is no notebook",
        "vscode-notebook-cell://[/x.ipynb#W0": "no address",
    }.items():
        found = binding.notebook({}, {}, cell_id, files)
        assert found.path is None
        assert told in found.passed_over[0]


def test_a_batch_run_does_not_take_over_its_parents_notebook(files: Path) -> None:
    """A kernel that nbconvert starts from a cell of intro.ipynb has that one's environment."""
    environ = {"JPY_SESSION_NAME": str(files / "intro.ipynb")}
    assert binding.notebook({}, environ, "", files).path == files / "intro.ipynb"
    found = binding.notebook({}, environ, "", files, is_batch=True)
    assert found.path is None
    assert "inherits" in found.passed_over[0]


def test_a_notebook_renamed_in_vs_code_while_the_kernel_runs(files: Path) -> None:
    """The variable is as old as the kernel; the cell's id is as new as the cell."""
    variables = {"__vsc_ipynb_file__": str(files / "old.ipynb")}
    cell_id = f"vscode-notebook-cell:{files}/intro.ipynb#W0sZmlsZQ%3D%3D"
    found = binding.notebook(variables, {}, cell_id, files)
    assert found.path == files / "intro.ipynb"
    assert "no longer there" in found.passed_over[0]
    (files / "old.ipynb").touch()  # it is: then two notebooks use one kernel
    assert binding.notebook(variables, {}, cell_id, files).path == files / "old.ipynb"


def written(path: Path, *ids: str) -> Path:
    cells = [{"cell_type": "code", "id": one, "source": ""} for one in ids]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return path


def test_a_notebook_renamed_in_jupyter_before_the_first_use(files: Path) -> None:
    """The name is stale; the running cell is found in the notebook beside it."""
    renamed = written(files / "renamed.ipynb", UUID, "cell-1")
    written(files / "another.ipynb", "cell-1")
    environ = {"JPY_SESSION_NAME": str(files / "gone.ipynb")}
    found = binding.notebook({}, environ, UUID, files)
    assert found.path == renamed
    assert "gone.ipynb" in found.why
    assert binding.notebook({}, environ, "cell-1", files).path is None  # any notebook's
    assert binding.notebook({}, environ, UUID[::-1], files).path is None
    written(files / "a copy.ipynb", UUID)
    assert binding.notebook({}, environ, UUID, files).path is None  # which of them?


@pytest.mark.parametrize(
    ("path", "windows", "elsewhere"),
    [
        ("/c:/Users/ann/nb.ipynb", "c:/Users/ann/nb.ipynb", "/c:/Users/ann/nb.ipynb"),
        ("/C:/Users/ann/nb.ipynb", "c:/Users/ann/nb.ipynb", "/c:/Users/ann/nb.ipynb"),
        ("/home/ann/nb.ipynb", "/home/ann/nb.ipynb", "/home/ann/nb.ipynb"),
        ("/c/nb.ipynb", "/c/nb.ipynb", "/c/nb.ipynb"),
    ],
)
def test_drives(path: str, windows: str, elsewhere: str) -> None:
    assert trusted.local_path(path, is_windows=True) == windows
    assert trusted.local_path(path, is_windows=False) == elsewhere


def test_a_reconnect_of_vs_code_changes_nothing(files: Path) -> None:
    """A fresh UUID in the name each time, the kernel in the server's root: the cell id knows."""
    found = {
        binding.notebook(
            {},
            {"JPY_SESSION_NAME": f"{files}/intro-{UUID[:-1]}{n}.ipynb"},
            f"vscode-notebook-cell:/home/ann/intro.ipynb#X{n}sZmlsZQ%3D%3D",
            files,
        ).path
        for n in range(8)
    }
    assert found == {Path("/home/ann/intro.ipynb")}


KINDS = [
    # variables, cell id, in a kernel, takes questions
    ({}, UUID, True, True, "notebook"),  # JupyterLab, Notebook 7
    ({}, "vscode-notebook-cell:/nb.ipynb#X", True, True, "notebook"),
    ({}, UUID, True, False, "notebook"),  # a front end that takes no questions
    ({}, "", True, True, "console"),  # jupyter console, qtconsole
    ({}, "", False, True, "console"),  # ipython
    ({}, "", True, False, "batch"),  # nbclient, nbconvert, papermill
    ({"PAPERMILL_INPUT_PATH": "a.ipynb"}, "", True, True, "batch"),  # another engine of papermill's
    ({"PAPERMILL_INPUT_PATH": "a.ipynb"}, UUID, True, True, "notebook"),  # its output, opened
]


@pytest.mark.parametrize(("variables", "cell_id", "in_kernel", "takes_questions", "kind"), KINDS)
def test_who_asks(
    variables: dict[str, Any], cell_id: str, in_kernel: bool, takes_questions: bool, kind: str
) -> None:
    found = binding.kind(variables, cell_id, in_kernel=in_kernel, takes_questions=takes_questions)
    assert found == kind


def test_what_papermill_says_it_runs(files: Path) -> None:
    def told(named: object) -> Path | None:
        return binding.batch_input({"PAPERMILL_INPUT_PATH": named}, files)

    assert told("intro.ipynb") == files / "intro.ipynb"
    assert told(str(files / "intro.ipynb")) == files / "intro.ipynb"
    for other in ("s3://bucket/intro.ipynb", "gone.ipynb", "script.py", 7, None, "\0.ipynb"):
        assert told(other) is None


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["", "vscode-notebook-cell:"]))
def test_no_words_break_it(cell_id: str, name: str, scheme: str) -> None:
    variables = {"__vsc_ipynb_file__": name, "PAPERMILL_INPUT_PATH": name}
    for folder in (Path(os.devnull), Path("/")):
        for said in ({}, variables):
            found = binding.notebook(said, {"JPY_SESSION_NAME": name}, scheme + cell_id, folder)
            assert found.path is None or found.path.is_absolute()
        binding.batch_input(variables, folder)
