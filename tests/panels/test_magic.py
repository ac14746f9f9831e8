"""`%hero_panel` as it is typed, and what stands in a terminal and in executed notebooks."""

from __future__ import annotations

from copy import deepcopy

import nbformat
import pytest
from IPython.core.completer import provisionalcompleter
from kernel.driving import environment
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

from hero_kernel import workspaces
from magics.panels import views

VIEW = "application/vnd.jupyter.widget-view+json"


def text(notebook, line):
    """What a terminal shows of it."""
    value = notebook.ask(line)
    return notebook.shell.display_formatter.format(value)[0]["text/plain"]


def test_alone_it_shows_every_panel_and_else_those_that_are_named(notebook):
    notebook.ask("%hero_env set CITY=Ghent")
    for line in ("%hero_panel", "%hero_panel all", "%hero_panel all env"):
        made = notebook.ask(line)
        assert sorted(one.kind for one in made.views) == sorted(views.KINDS), line
    assert [one.kind for one in notebook.ask("%hero_panel env env").views] == ["env"]
    shown = text(notebook, "%hero_panel env")
    assert "CITY" in shown
    assert "Ghent" in shown
    assert "<" not in shown


def test_a_wrong_word_is_one_line(notebook):
    for line, fault, hint in (
        ("evn", "there is no panel evn", "did you mean env?"),
        ("--lve", "has no option --lve", "did you mean --live?"),
        ("env --live --static", "not allowed with", "usage: "),
        ("--live", "a terminal shows no panel", "leave out --live"),
    ):
        said = notebook.refused(f"%hero_panel {line}")
        assert fault in said
        assert hint in said


def test_the_environment_decides_for_every_panel(notebook, monkeypatch):
    monkeypatch.setenv("HERO_PANELS", "lively")
    assert "HERO_PANELS=lively is none of auto, live, static" in notebook.refused("%hero_panel env")
    for how in ("", "auto", "LIVE ", "static"):
        monkeypatch.setenv("HERO_PANELS", how)
        assert "env" in text(notebook, "%hero_panel env")  # at a terminal always as text


def test_help_and_tab(notebook):
    said = notebook.run("%hero_panel -h").said
    assert "%hero_panel show [-d DB] [--live | --static] [PANEL ...]" in said
    more = notebook.run("%hero_panel show -h").said
    assert "HERO_PANELS=live" in more
    assert "hero_panel" in notebook.run("%hero_help").said
    with provisionalcompleter():
        found = {one.text for one in notebook.shell.Completer.completions("%hero_panel en", 14)}
    assert "env" in found


def test_a_store_that_is_away_is_said_in_the_panels_place(notebook, monkeypatch):
    made = notebook.ask("%hero_panel env")

    def fail(*_):
        raise workspaces.HeroError("nothing answers", hint="start it")

    monkeypatch.setattr(made.views[0], "still", fail)
    data, _ = notebook.shell.display_formatter.format(made)
    assert data["text/plain"].startswith("env: nothing answers")
    assert "Traceback" not in data["text/plain"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """A notebook as nbconvert --execute, papermill and Jupyter Book execute it: by nbclient."""
    folder = tmp_path_factory.mktemp("executed")
    cells = ["%hero_env set 'X=<script>alert(1)</script>'", "%hero_panel env",
             "import ipywidgets; ipywidgets.IntSlider()", "%hero_panel env --live"]  # fmt: skip
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata.kernelspec = {"name": "hero", "display_name": "Hero", "language": "python"}
    NotebookClient(made, timeout=60, resources={"metadata": {"path": folder}}).execute(
        env=environment(folder)
    )
    return made


def test_an_executed_notebook_has_tables_though_widgets_are_stored(executed):
    assert executed.metadata.widgets
    data = executed.cells[1].outputs[0].data
    assert set(data) == {"text/html", "text/plain"}
    assert VIEW in executed.cells[3].outputs[0].data  # the control: a widget, asked for by hand


def test_its_page_and_its_markdown_read_without_any_script_of_ours(executed):
    made = deepcopy(executed)
    del made.cells[3], made.metadata["widgets"]
    page, _ = HTMLExporter().from_notebook_node(made)
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;</td>") == 1
    assert "<script>alert(1)" not in page
    markdown, _ = MarkdownExporter().from_notebook_node(made)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in markdown
