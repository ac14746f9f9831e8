"""Notebooks of each kind, by the tools that execute them: nbclient, papermill, nbconvert."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from time import monotonic

import nbformat
import papermill
import pytest
from kernel.driving import environment
from nbclient import NotebookClient
from nbformat import v4

import hero_kernel as hero
from hero_kernel import Playbook

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FILES = sorted(path.relative_to(NOTEBOOKS) for path in NOTEBOOKS.rglob("*.ipynb"))
FORMS = [path for path in FILES if path.parent.name == "forms"]

MADE_HERE = {
    "06_playbooks_from_git": (r"@[0-9a-f]{12}", r"allow [0-9a-f]{16}", r"tmp\w{8}/"),
}
"""Of a notebook: what differs since it makes a repository, with commits of now, in a folder of a
random name, and prints some of that by Python itself."""


def outputs(notebook: nbformat.NotebookNode, name: str = "") -> list[list[object]]:
    """What the cells show; but for those that Python is to show differently each time."""
    shown = [
        [] if "nbval-ignore-output" in cell.metadata.get("tags", []) else cell.outputs
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    text = json.dumps(shown)
    for pattern in MADE_HERE.get(name, ()):
        text = re.sub(pattern, "…", text)
    return json.loads(text)


class Home:
    """A machine: folders of its own, at another depth than those of the next one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = environment(folder, HERO_DOCS="1")
        self.notebooks = folder / "notebooks"
        copytree(NOTEBOOKS, self.notebooks)

    async def execute(self, name: Path) -> nbformat.NotebookNode:
        path = self.notebooks / name
        notebook = nbformat.read(path, as_version=4)
        about = {"metadata": {"path": path.parent}}
        await NotebookClient(notebook, timeout=60, resources=about).async_execute(env=self.env)
        return notebook

    def run(self, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command, in the folder of the forms."""
        return subprocess.run(
            [sys.executable, "-m", *map(str, words)],
            cwd=self.notebooks / "forms",
            env=self.env,
            capture_output=True,
            text=True,
            check=check,
        )

    def session(self, context: str, name: str) -> hero.Session:
        workspace = hero.open_workspace(home=self.folder / "hero", default=False)
        return workspace.context_get(context).session_get(name)


class Machines:
    """Two homes for each notebook, in which it was executed in docs mode, the second time later."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.homes = {name: (self._home("near", name), self._home("far", name)) for name in FILES}
        self.notebooks: dict[tuple[Path, int], nbformat.NotebookNode] = {}
        asyncio.run(self._execute())

    def _home(self, where: str, name: Path) -> Home:
        folder = self.folder / where / ("x" if where == "near" else "y/z") / name.stem
        folder.mkdir(parents=True)
        return Home(folder)

    async def _execute(self) -> None:
        room = asyncio.Semaphore(3)

        async def one(name: Path, machine: int) -> None:
            async with room:
                home = self.homes[name][machine]
                self.notebooks[name, machine] = await home.execute(name)

        began = monotonic()
        await asyncio.gather(*(one(name, 0) for name in FILES))
        assert monotonic() - began > 1  # of times to the second there are others now
        await asyncio.gather(*(one(name, 1) for name in FILES))

    def home(self, form: str) -> Home:
        """The first one of a form, where it was executed once."""
        return self.homes[Path(f"forms/{form}.ipynb")][0]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Machines:
    return Machines(tmp_path_factory.mktemp("machines"))


def test_there_is_one_of_each_kind():
    assert [path.stem for path in FORMS] == ["documentation", "exploration", "lesson", "parameters"]


@pytest.mark.parametrize("name", FILES, ids=str)
def test_docs_mode_shows_the_same_in_two_homes_at_two_times(machines, name):
    first, second = (outputs(machines.notebooks[name, at], name.stem) for at in (0, 1))
    assert any(first)
    for one, other in zip(first, second, strict=True):
        assert one == other
    for home in machines.homes[name]:
        assert str(home.folder) not in json.dumps([first, second])


def test_without_docs_mode_it_would_not(machines):
    """The control: the same page, in one home, with everything that the mode leaves out."""
    home = machines.home("documentation")
    source = (NOTEBOOKS / "forms" / "documentation.ipynb").read_text()
    path = home.notebooks / "forms" / "plain.ipynb"
    path.write_text(source.replace(" --docs", " --no-docs"))
    plain = asyncio.run(home.execute(path.relative_to(home.notebooks)))
    text = json.dumps(outputs(plain))
    assert str(home.folder) in text
    assert re.search(r'"started": "2\d', text)


def test_a_lesson_shows_errors_as_text_and_goes_on(machines):
    lesson = machines.notebooks[Path("forms/lesson.ipynb"), 0]
    shown = [out for cell in outputs(lesson) for out in cell]
    assert not [out for out in shown if out["output_type"] == "error"]
    text = json.dumps(shown)
    assert "STATION is not set yet" in text
    assert "it takes key, val, value" in text
    assert text.count("well done") >= 2


class TestPapermill:
    def test_parameters_say_where_the_notebook_is_and_what_it_computes(self, machines):
        home = machines.home("parameters")
        for station in ("cellar", "attic"):
            home.run(
                "papermill", "parameters.ipynb", f"{station}.ipynb", "-p", "station", station,
                "-p", "hero_context", "nightly", "-p", "hero_session", f"of_{station}",
                "-y", "readings: [1, 2, 6]", "--log-level", "ERROR",
            )  # fmt: skip
        for station in ("cellar", "attic"):
            session = home.session("nightly", f"of_{station}")
            assert session.params["station"] == station
            assert session.db_get()[f"readings:{station}"] == [1, 2, 6]
            notebook = nbformat.read(home.notebooks / "forms" / f"{station}.ipynb", as_version=4)
            assert f"3 readings of {station}" in json.dumps(outputs(notebook))
            assert notebook.metadata.kernelspec.name == "hero"

    def test_as_a_function(self, machines, monkeypatch):
        """In a home where it was executed before."""
        home = machines.home("parameters")
        for key, value in home.env.items():
            monkeypatch.setenv(key, value)
        notebook = papermill.execute_notebook(
            home.notebooks / "forms" / "parameters.ipynb",
            None,
            parameters={"hero_session": "monthly_report", "station": "attic", "readings": [4]},
            cwd=home.notebooks / "forms",
            progress_bar=False,
        )
        assert "1 readings of attic" in json.dumps(outputs(notebook))
        session = home.session("weather", "monthly_report")
        assert session.params["station"] == "attic"
        assert session.db_get()["readings:attic"] == [4]

    def test_a_failing_cell_ends_it_with_our_own_lines(self, machines):
        home = machines.home("parameters")
        cells = [
            v4.new_code_cell('hero_session = "fails"', metadata={"tags": ["parameters"]}),
            v4.new_code_cell("!!play.echo\n!!session.env_delete key:NOT_THERE"),
            v4.new_code_cell("!!session.env_set key:A val:1"),
        ]
        spec = {"name": "hero", "display_name": "Hero", "language": "python"}
        path = home.notebooks / "forms" / "fails.ipynb"
        nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
        done = home.run("papermill", path.name, "out.ipynb", "--log-level", "ERROR", check=False)
        assert done.returncode == 1
        said = done.stderr[done.stderr.index("PapermillExecutionError") :]
        assert "RunError: session.env_delete failed (In[2] line 2)" in said
        assert "NOT_THERE is not set in session fails" in said
        assert "hero_kernel" not in said
        out = nbformat.read(path.with_name("out.ipynb"), as_version=4)
        [error] = [one for cell in outputs(out) for one in cell if one["output_type"] == "error"]
        assert error["ename"] == "RunError"
        assert len("\n".join(error["traceback"]).split("\n")) <= 3
        assert home.session("default", "fails").env_all() == {}


class TestNbconvert:
    def test_executed_as_a_page_with_heroscript_in_colours(self, machines):
        """The second time in the same home, by another tool: the page is the same."""
        home = machines.home("documentation")
        before = machines.notebooks[Path("forms/documentation.ipynb"), 0]
        home.run(
            "nbconvert", "--execute", "--to", "notebook", "--output", "again", "documentation.ipynb"
        )
        again = nbformat.read(home.notebooks / "forms" / "again.ipynb", as_version=4)
        assert outputs(again) == outputs(before)
        assert again.metadata.language_info.pygments_lexer == "ipython-hero"
        done = home.run("nbconvert", "--to", "html", "again.ipynb")
        assert "No lexer found" not in done.stderr
        html = (home.notebooks / "forms" / "again.html").read_text()
        colours = html[html.index("%%") :]
        assert '<span class="nn">session</span>' in colours
        assert '<span class="nf">env_set</span>' in colours
        assert '<span class="na">key</span>' in colours
        assert 'class="hero-report ' in html

    def test_the_script_of_a_notebook_does_what_the_notebook_did(self, machines):
        """As a file, in another session."""
        home = machines.home("parameters")
        home.run("nbconvert", "--to", "heroscript", "parameters.ipynb")
        script = home.notebooks / "forms" / "parameters.hero"
        text = script.read_text()
        assert text.startswith("// # A notebook with parameters\n//\n// `papermill")
        assert 'left out, In[1] is Python: hero_context = "weather" and 3 more lines' in text
        assert [one.full_name for one in Playbook.from_text(text).actions] == [
            "play.echo",
            "core.params_session_set",
        ]
        was = home.session("weather", "monthly_report")
        other = was.context.session_new("by_script")
        other.env_update(was.env_all())
        home.run("hero_kernel", "run", script.name, "-c", "weather", "-s", "by_script")
        assert dict(home.session("weather", "by_script").params) == dict(was.params) != {}

    def test_what_cannot_be_converted_is_told_in_a_line(self, machines):
        home = machines.home("exploration")
        path = home.notebooks / "forms" / "unclosed.ipynb"
        cells = [v4.new_code_cell("%%heroscript\n!!play.echo content:'x")]
        nbformat.write(v4.new_notebook(cells=cells), path)
        done = home.run("nbconvert", "--to", "heroscript", path.name, check=False)
        assert done.returncode != 0
        assert "In[1]:2:21: the quote is not closed" in done.stderr
        assert not path.with_suffix(".hero").exists()
