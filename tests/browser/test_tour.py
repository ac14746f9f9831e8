"""The notebook about panels in both front ends, and README's pictures of it.

HERO_PICTURES=notebooks/images pytest tests/browser/test_tour.py
"""

from __future__ import annotations

import os
from pathlib import Path
from shutil import copy

import nbformat
import pytest
from browser import fronts

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "07_state_at_a_glance.ipynb"
PICTURES = os.environ.get("HERO_PICTURES", "")
SEEN = "[role=tabpanel]:not([hidden])"

pytestmark = pytest.mark.timeout(180)


def picture(page, name):
    if PICTURES:
        page.wait_for_timeout(600)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def code_cells():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    return [(at, cell.source) for at, cell in enumerate(cells) if cell.cell_type == "code"]


def at(line):
    """The cell that begins with this line."""
    return next(number for number, text in code_cells() if text.split("\n")[0] == line)


def scroll_to(tab, number):
    tab.page.evaluate("at => window.shownNotebook.content.scrollToItem(at, 'start')", number)


def test_in_jupyterlab(browser, jupyter):
    copy(NOTEBOOK, jupyter.work / "glance.ipynb")
    with fronts.tab(browser, jupyter.lab(), viewport={"width": 1180, "height": 720}) as one:
        page = one.page
        one.open("glance.ipynb")
        for number, _ in code_cells():
            one.run(number)
            assert one.output(number).locator("[data-mime-type*=stderr]").count() == 0
        panel = one.output(at("%hero_panel env"))
        env = panel.locator(".hero-view-env")
        env.get_by_role("button", name="Edit CITY").click()
        page.keyboard.press("Control+A")
        page.keyboard.type("Bruges")
        page.keyboard.press("Enter")
        panel.locator(".hero-said").get_by_text("CITY set").wait_for()
        one.run(at("import os"))
        one.output(at("import os")).get_by_text("('Bruges', 'rehearsal')").wait_for()
        every = one.output(at("%hero_panel"))
        for tab in ("session", "db", "config", "secrets", "log", "playbook", "context"):
            every.get_by_role("tab", name=tab, exact=True).click()
            every.locator(f"{SEEN} .hero-view-{tab} h3.hero-title").wait_for()
        page.evaluate("() => window.jupyterapp.shell.activateById('hero-jupyter:tree')")
        scroll_to(one, at("%hero_env set CITY=Ghent STAGE=test"))
        picture(page, "panel_env")
        one.dark()
        scroll_to(one, at("%hero_panel playbook log"))
        picture(page, "panel_playbook")
        one.command("apputils:change-theme", theme="JupyterLab Light")
        one.check()


def test_in_notebook_7(browser, jupyter):
    copy(NOTEBOOK, jupyter.work / "glance7.ipynb")
    address = jupyter.notebook("glance7.ipynb")
    with fronts.tab(browser, address, viewport={"width": 1000, "height": 640}) as one:
        one.found()
        for number, _ in code_cells():
            if number <= at("db"):
                one.run(number)
        grid = one.output(at("db")).get_by_role("grid")
        grid.wait_for()
        assert grid.get_attribute("aria-rowcount") == "20002"
        one.page.get_by_role("button", name="Hero: tutorial").first.wait_for()
        one.output(at("db")).get_by_label("Search", exact=True).fill("sensor:199")
        one.output(at("db")).get_by_text("100 of 20,001 keys").wait_for()
        grid.get_by_text("sensor:19900", exact=True).wait_for()
        scroll_to(one, at("db"))
        picture(one.page, "panel_db")
        one.check()
