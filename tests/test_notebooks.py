"""The teaching notebooks: they run, again and again, and stand in git without outputs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import nbformat
import pytest
from kernel.driving import environment
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FILES = sorted(path.relative_to(NOTEBOOKS) for path in NOTEBOOKS.rglob("*.ipynb"))


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory):
    """Execute a notebook in a copy of the folder, once for each asking, in one home."""
    folder = tmp_path_factory.mktemp("notebooks")
    copytree(NOTEBOOKS, folder / "notebooks")

    def execute(name: Path) -> nbformat.NotebookNode:
        path = folder / "notebooks" / name
        notebook = nbformat.read(path, as_version=4)
        client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": path.parent}})
        client.execute(env=environment(folder))
        nbformat.write(notebook, path.with_suffix(".executed"))
        return notebook

    execute.folder = folder / "notebooks"
    return execute


def cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks():
    assert len(FILES) >= 3


@pytest.mark.parametrize("name", FILES, ids=str)
def test_it_stands_in_git_without_outputs(name):
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "hero"
    assert notebook.metadata.kernelspec.language == "python"
    for cell in cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert cell.source.strip()


@pytest.mark.parametrize("name", FILES, ids=str)
@pytest.mark.parametrize("time", ["first", "again"])
def test_it_runs_from_top_to_bottom(executed, name, time):
    """The second time in the home that the first has filled: as Restart & Run All does."""
    for cell in cells(executed(name)):
        errors = [one for one in cell.outputs if one.output_type == "error"]
        expected = "raises-exception" in cell.metadata.get("tags", [])
        assert bool(errors) == expected, (time, cell.source, cell.outputs)
        for error in errors:
            assert len("\n".join(error.traceback).split("\n")) <= 4, error.traceback
        assert not [one for one in cell.outputs if one.get("name") == "stderr"], cell.outputs


@pytest.mark.parametrize("name", FILES, ids=str)
def test_it_becomes_a_page(executed, name):
    """Executed and converted: what we show is in the page."""
    if importlib.util.find_spec("nbconvert") is None:
        if os.environ.get("HERO_REQUIRE_ALL"):
            pytest.fail("nbconvert is not installed")
        pytest.skip("nbconvert is not installed")
    file = executed.folder / name.with_suffix(".executed")
    if not file.exists():
        executed(name)
    page = file.with_suffix(".html")
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--output", page, file],
        env=environment(executed.folder),
        check=True,
        capture_output=True,
    )
    html = page.read_text(encoding="utf-8")
    assert 'class="hero-' in html  # a report or a table
