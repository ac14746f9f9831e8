"""`hero-kernel convert`, as it is typed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "// # A title\n\n!!play.echo content:'one'\n\n// and then\n\n!!play.echo content:'two'\n"


@pytest.fixture
def script(hk) -> Path:
    path = hk.folder / "guide.hero"
    path.write_text(SCRIPT)
    return path


def test_there_and_back(hk, script):
    made = script.with_suffix(".ipynb")
    assert hk("convert", str(script)).out == f"{made} is made of {script}\n"
    notebook = nbformat.read(made, as_version=4)
    nbformat.validate(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown", "code"]
    assert notebook.metadata.kernelspec.name == "hero"
    back = hk.folder / "back.hero"
    hk("convert", str(made), "--out", str(back))
    assert [line for line in back.read_text().split("\n") if line] == [
        line for line in SCRIPT.split("\n") if line
    ]
    assert "one" in hk("run", str(back)).out


def test_what_is_there_is_not_written_over_unasked(hk, script):
    made = script.with_suffix(".ipynb")
    made.write_text("mine")
    refused = hk("convert", str(script), status=2)
    assert refused.err == f"{made} is there already\n--force writes over it\n"
    assert made.read_text() == "mine"
    said = json.loads(hk("--json", "convert", str(script), "--force").out)
    assert said["line"] == f"{made} is made of {script}"
    nbformat.read(made, as_version=4)


@pytest.mark.parametrize(
    ("name", "text", "status", "said"),
    [
        ("a.txt", "x", 2, "is neither a script nor a notebook"),
        ("a.ipynb", "{", 2, "cannot be read as a notebook"),
        ("a.hero", "!!play.echo content:'open", 1, "a.hero:1:"),
        ("gone.hero", None, 2, "cannot be read as a script: No such file"),
    ],
)
def test_what_cannot_be_converted_makes_nothing(hk, name, text, status, said):
    path = hk.folder / name
    if text is not None:
        path.write_text(text)
    before = sorted(hk.folder.iterdir())
    assert said in hk("convert", str(path), status=status).err
    assert sorted(hk.folder.iterdir()) == before


def test_one_kind_is_not_made_into_itself(hk, script):
    refused = hk("convert", str(script), "-o", "b.hero", status=2)
    assert "b.hero is a script too" in refused.err
