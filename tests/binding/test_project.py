"""`hero.toml` and `[tool.hero]`: the nearest one that says something, and faults by name."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from hero_kernel.binding import project
from hero_kernel.errors import ProjectError

if TYPE_CHECKING:
    from pathlib import Path

DEEP = "a/b/c"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / DEEP).mkdir(parents=True)
    return tmp_path


def said(folder: Path) -> tuple[str, str, str, bool | None] | None:
    found = project.above(folder / DEEP)
    if found is None:
        return None
    return found.file.relative_to(folder).as_posix(), found.context, found.session, found.docs


def test_there_is_none(folder: Path) -> None:
    assert said(folder) is None


def test_each_form(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.hero]\ncontext = 'one'\ndocs = true\n")
    assert said(folder) == ("pyproject.toml", "one", "", True)
    (folder / "hero.toml").write_text("context = 'two'\nsession = 'intro'\ndocs = false\n")
    assert said(folder) == ("hero.toml", "two", "intro", False)  # of one folder, this one
    (folder / "a/pyproject.toml").write_text("[tool]\nhero = {session = 'three'}\n")
    assert said(folder) == ("a/pyproject.toml", "", "three", None)  # the nearest, and no mixture
    (folder / "a/b/pyproject.toml").write_text('[ "tool" . "hero" ]\ncontext = "four"\n')
    assert said(folder) == ("a/b/pyproject.toml", "four", "", None)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[project]\nname = 'hero'\n[tool.ruff]\n"),
        ("pyproject.toml", "[tool.hero]\n"),
        ("pyproject.toml", "[tool.heron]\ncontext = 'other'\n"),
        ("pyproject.toml", "<<<<<<< ours\n[project\n>>>>>>> theirs\n"),  # broken, and not ours
        ("pyproject.toml", "[tool]\n"),
        ("hero.toml", "# nothing yet\n"),
        ("hero.toml", ""),
    ],
)
def test_a_file_without_a_word_for_us_is_passed_over(folder: Path, name: str, text: str) -> None:
    (folder / "hero.toml").write_text("context = 'above'\n")
    (folder / DEEP / name).write_text(text)
    assert said(folder) == ("hero.toml", "above", "", None)


def test_what_is_no_file_is_passed_over(folder: Path) -> None:
    (folder / "hero.toml").write_text("context = 'above'\n")
    (folder / DEEP / "hero.toml").mkdir()
    os.mkfifo(folder / "a/b/hero.toml")  # reading it would wait for ever
    (folder / "a/b/pyproject.toml").symlink_to("pyproject.toml")
    (folder / "a/hero.toml").write_bytes(b"#" * (project.MAX_BYTES + 1))
    assert said(folder) == ("hero.toml", "above", "", None)


FAULTS = [
    ("contxt = 'x'", "unknown key contxt", "did you mean context?"),
    ("frobnicate = 1", "unknown key frobnicate", "there is context, docs, session"),
    ("context = 7", "context is a number", 'write context = "NAME"'),
    ("context = ''", "context is empty", 'write context = "NAME"'),
    ("session = ['a']", "session is a list", 'write session = "NAME"'),
    ("docs = 'yes'", "docs is a text", "write docs = true or false"),
    ("docs = 1", "docs is a number", "write docs = true or false"),
    ("docs = 2020-01-01", "docs is a date or time", "write docs = true or false"),
    ("context = {a = 1}", "context is a table", 'write context = "NAME"'),
    ("context = ", "cannot be read", "mend or delete it"),
    ("a = 1\na = 2", "cannot be read", "mend or delete it"),
    ("x = " + "[" * 5000, "cannot be read", "mend or delete it"),
]


@pytest.mark.parametrize(("text", "fault", "hint"), FAULTS)
@pytest.mark.parametrize("name", ["hero.toml", "pyproject.toml"])
def test_a_fault_is_told_by_file_and_key(
    folder: Path, name: str, text: str, fault: str, hint: str
) -> None:
    head = "[tool.hero]\n" if name == "pyproject.toml" else ""
    (folder / name).write_text(f"{head}{text}\n")
    gc.collect()  # else what other tests left may be ended at the bottom of a recursion, and fails
    with pytest.raises(ProjectError) as told:
        said(folder)
    assert str(folder / name) in told.value.message
    assert fault in told.value.message
    assert hint in told.value.hint
    assert "\n" not in told.value.message


def test_text_that_is_no_utf_8(folder: Path) -> None:
    (folder / "hero.toml").write_bytes(b"context = '\xff'\n")
    with pytest.raises(ProjectError, match="cannot be read"):
        said(folder)


def test_a_table_that_is_none(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool]\nhero = 'x'\n")
    with pytest.raises(ProjectError, match="hero is no table"):
        said(folder)
