"""The teaching notebooks: they run, again and again, and stand in git without outputs."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from shutil import copytree

import nbformat
import pytest
from kernel.driving import environment
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FILES = sorted(path.relative_to(NOTEBOOKS) for path in NOTEBOOKS.rglob("*.ipynb"))
TAUGHT = [path for path in FILES if path.parent.name != "forms"]
"""Those that are executed here; `tests/documents` executes the others, by every tool."""


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


def last(executed, name: Path) -> nbformat.NotebookNode:
    """As it was executed by another test, if it was."""
    file = executed.folder / name.with_suffix(".executed")
    return nbformat.read(file, as_version=4) if file.exists() else executed(name)


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


@pytest.mark.parametrize("name", TAUGHT, ids=str)
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


@pytest.fixture(scope="module")
def pages(executed):
    """The folder of the executed notebooks as pages; nbconvert is started once."""
    if importlib.util.find_spec("nbconvert") is None:
        if os.environ.get("HERO_REQUIRE_ALL"):
            pytest.fail("nbconvert is not installed")
        pytest.skip("nbconvert is not installed")
    folder = executed.folder.parent / "pages"
    folder.mkdir()
    for name in TAUGHT:
        nbformat.write(last(executed, name), folder / name.name)
    subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", *sorted(folder.iterdir())],
        env=environment(executed.folder),
        check=True,
        capture_output=True,
    )
    return folder


@pytest.mark.parametrize("name", TAUGHT, ids=str)
def test_it_becomes_a_page(pages, name):
    """Executed and converted: what we show is in the page."""
    html = (pages / name.with_suffix(".html").name).read_text(encoding="utf-8")
    assert 'class="hero-' in html  # a report or a table


def shown(notebook: nbformat.NotebookNode, source: str) -> str:
    """What the first cell that has the text in its source shows, to a reader of plain text."""
    cell = next(one for one in cells(notebook) if source in one.source)
    texts = []
    for one in cell.outputs:
        if one.output_type == "error":
            texts += one.traceback
        else:
            texts.append(one.get("text") or one.data["text/plain"])
    return "\n".join(texts)


SHOWN = [
    ("04_databases_and_config", "%hero_db get sensor1", ("did you mean sensor:1 or sensor:2?",)),
    ("04_databases_and_config", "the power fails", ("(5, False)",)),
    ("04_databases_and_config", "db.change", ("29",)),
    ("04_databases_and_config", "get station -d config", ("'north sea'",)),
    ("04_databases_and_config", "%hero_db list", ("config ", "recipes ")),
    ("04_databases_and_config", "!!db.get", ("good evening",)),
    ("04_databases_and_config", "copy.load", ("(29, True)",)),
    ("04_databases_and_config", "relay =", ("('mail.example.org', 587, True)",)),
    ("04_databases_and_config", "load mail broken", ("mail__broken.yaml:2:1", "stands twice")),
    ("04_databases_and_config", "%hero_log search", ("ERROR", "sensor 3 does not answer")),
    ("05_secrets", "token = %hero_secret", ("Secret(••••••)",)),
    ("05_secrets", "import base64", ('{"authorization": "Bearer ••••••"}',)),
    ("05_secrets", "import traceback", ("with base 10: '••••••'",)),
    ("05_secrets", "other_token=", ("a secret is not written on a line",)),
    ("05_secrets", "!!play.echo content:'curl", ("Bearer ••••••", "https://example.org")),
    ("05_secrets", "os.environ[", ("'••••••'",)),
    ("05_secrets", "seal mail relay", ("1 value of mail relay encrypted",)),
    ("05_secrets", "my token is", ("SecretRequiredError", "HERO_SECRET_FILE")),
    ("05_secrets", "unlock --file wrong", ("WrongSecretError",)),
    ("05_secrets", "path.read_bytes(), db", ("(False, 'north sea')",)),
    ("05_secrets", "hero_secret rotate", ("1 old key dropped",)),
    ("05_secrets", "check --file secret", ("WrongSecretError",)),
    ("05_secrets", 'db["token"] == token', ("('north sea', True)",)),
    ("06_playbooks_from_git", "path:'welcome", ("is not allowed to run", "%hero allow ")),
    ("06_playbooks_from_git", "%hero_env get RULES", ("'knock before you enter'",)),
    ("06_playbooks_from_git", "NAME:Grace", ("Dear Ada, see you on Monday.", "Dear Grace")),
    ("06_playbooks_from_git", "playbook_url=", ("{'RULES': 'knock before you enter'}",)),
    ("06_playbooks_from_git", "git_pull:true", ("is not allowed to run",)),
    ("06_playbooks_from_git", "undeny", ("True",)),
    ("06_playbooks_from_git", "!!git.list", ("git.list", "2 ok")),
]
"""Of a notebook, in the cell with this in its source: what it must show."""


@pytest.mark.parametrize(("name", "source", "texts"), SHOWN)
def test_it_shows_what_it_teaches(executed, name, source, texts):
    found = shown(last(executed, Path(f"{name}.ipynb")), source)
    assert [text for text in texts if text not in found] == [], found


def test_what_is_left_of_a_secret(tmp_path):
    """Stopped before it cleans up: no token and no pass phrase is in any file, or in an output."""
    home, files, found = tmp_path / "home", tmp_path / "files", tmp_path / "found.json"
    home.mkdir()
    files.mkdir()
    notebook = nbformat.read(NOTEBOOKS / "05_secrets.ipynb", as_version=4)
    end = next(i for i, cell in enumerate(notebook.cells) if "## Clean up" in cell.source)
    harvest = f"""
import json
texts = [path.read_text().strip() for path in folder.iterdir()]
print(*texts)
_ = Path({str(found)!r}).write_text(json.dumps(texts))"""
    notebook.cells[end + 1 :] = [nbformat.v4.new_code_cell(harvest)]
    client = NotebookClient(notebook, timeout=60, resources={"metadata": {"path": home}})
    client.execute(env=environment(home, TMPDIR=str(files)))
    nbformat.write(notebook, home / "executed.ipynb")

    canaries = json.loads(found.read_text())
    assert len(canaries) == 4
    assert shown(notebook, "print(*texts)").count("••••••") == 4  # the wrong one, too
    assert leaks(files, canaries)  # where they are, they are found
    assert (home / "ipython").is_dir()
    assert list((home / "hero").rglob("*.db"))
    assert leaks(home, canaries) == []


def leaks(folder: Path, texts: list[str]) -> list[Path]:
    """The files that hold one of the texts, as it is or in another spelling."""
    spelt = [
        spelling
        for text in texts
        for spelling in (text.encode(), b64encode(text.encode()), text.encode().hex().encode())
    ]
    every = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in every if any(one in path.read_bytes() for one in spelt)]
