"""Contexts and sessions in sight: the status bar, the toolbar, the side panel, the launcher."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import fronts

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.timeout(180)

UNBOUND = "Hero: \N{EN DASH}"

_SOURCES = """() => window.shownNotebook.content.widgets.map(
    (cell) => cell.model.sharedModel.getSource())"""

_COUNTS = """() => window.shownNotebook.content.widgets.map(
    (cell) => cell.model.executionCount ?? null)"""


def status(page: Page, text: str) -> Locator:
    """The button, when it says that."""
    button = page.locator(".hero-Status-button").filter(has_text=text)
    button.wait_for()
    return button


def said(page: Page, title: str) -> None:
    """Wait until the button explains itself so."""
    page.locator(f".hero-Status-button[title*='{title}']").wait_for()


def faults(page: Page, *where: str) -> list[str]:
    """What axe finds seriously wrong in our elements."""
    found = []
    for one in where:
        violations = Axe().run(page, context=one).response["violations"]
        found += [
            f"{fault['id']}: {fault['nodes'][0]['html']}"
            for fault in violations
            if fault["impact"] in ("serious", "critical")
        ]
    return found


def shown_tree(tab: fronts.Tab) -> Locator:
    tab.command("hero-jupyter:show-contexts")
    tree = tab.page.locator(".hero-Tree")
    tree.wait_for()
    return tree


def item(tree: Locator, label: str) -> Locator:
    """The line of that name."""
    exact = tree.page.locator(
        f".hero-Tree-row:has(> .hero-Tree-label:text-is({json.dumps(label)}))"
    )
    return tree.locator("[role=treeitem]").filter(has=exact).last


def test_the_status_follows_the_notebook_and_switches(jupyter, lab):
    jupyter.write(
        "status.ipynb",
        [
            "%hero_context new stand -s first",
            "%hero_session new second\n",
            "import time; time.sleep(1.5)",
            "%hero_session set name=renamed",
        ],
    )
    page = lab.page
    lab.open("status.ipynb")
    said(page, "bound at its first use")
    lab.run(0)
    status(page, "Hero: stand · first")
    lab.run(1)
    button = status(page, "Hero: stand · second")
    assert "Context stand (id " in button.get_attribute("aria-label")

    button.focus()
    page.keyboard.press("Enter")
    options = page.locator(".hero-Switcher [role=option]")
    options.get_by_text("stand · first").wait_for()
    assert options.first.inner_text().startswith("stand · second")
    assert faults(page, ".hero-Switcher", ".hero-Status") == []
    page.keyboard.type("fir")
    assert options.all_inner_texts()[0].startswith("stand · first")
    assert len(options.all_inner_texts()) == 2  # and the way to any other one
    page.keyboard.press("Enter")
    status(page, "Hero: stand · first")
    page.get_by_text("hero ▸ context stand ▸ session first").first.wait_for()
    assert page.evaluate("() => document.activeElement.className") == "hero-Status-button"

    lab.begin(2)  # a switch waits for the cell that runs
    page.locator(".hero-Status-button").press("Space")
    options.get_by_text("stand · second").click()
    status(page, "Hero: waits for the running cell")
    status(page, "Hero: stand · second")
    assert page.evaluate(_COUNTS)[2] is not None

    lab.run(3)
    status(page, "Hero: stand · renamed").click()
    options.get_by_text("Other…").click()
    assert page.evaluate(_SOURCES)[4] == "%hero_context NAME --new -s SESSION"
    assert page.evaluate(_COUNTS)[4] is None
    status(page, "Hero: stand · renamed").click()
    page.locator(".hero-Switcher-search").press("Escape")
    assert page.locator(".hero-Switcher").count() == 0

    page.evaluate("() => window.shownNotebook.sessionContext.session.kernel.restart()")
    status(page, UNBOUND)
    lab.run(3)
    status(page, "Hero: default · renamed")


@pytest.mark.thorough
def test_the_status_after_a_reload_in_other_notebooks_and_when_a_switch_fails(jupyter, lab):
    jupyter.write("one.ipynb", ["%hero_context new stall -s first", "%hero_session new second"])
    jupyter.write("two.ipynb", ["1"], kernel="python3")
    page = lab.page
    lab.open("one.ipynb")
    lab.run(0)
    status(page, "Hero: stall · first")
    lab.open("two.ipynb", kernel="python3")
    said(page, "%load_ext magics")
    lab.go(jupyter.lab("x"))
    lab.open("one.ipynb")
    status(page, "Hero: stall · first")
    lab.run(1)
    status(page, "Hero: stall · second").click()
    option = page.locator(".hero-Switcher [role=option]").get_by_text("stall · first")
    option.wait_for()
    page.evaluate(
        """() => { const kernel = window.shownNotebook.sessionContext.session.kernel;
            const send = kernel.requestExecute.bind(kernel);
            kernel.requestExecute = (content) =>
                send({...content, code: '%hero_context use gone -s first'}); }"""
    )  # it was deleted while the list was open
    option.click()
    page.get_by_text("ContextNotFoundError: ").first.wait_for()
    status(page, "Hero: stall · second")


@pytest.mark.thorough
def test_the_side_panel_shows_the_tree_and_inserts_cells(jupyter, lab):
    names = {"CITY": "x", "<img/src/onerror>": "x", "a'b": "x"}
    jupyter.write(
        "tree.ipynb",
        [
            "%hero_context new shelf -s books",
            f"import hero_kernel as hero\nhero.session().env_update({names!r})",
            "hero.session().env_update({f'MANY_{n:03}': 'x' for n in range(260)})",
        ],
    )
    page = lab.page
    lab.open("tree.ipynb")
    tree = shown_tree(lab)
    tree.get_by_text("Not bound yet.").or_(tree.get_by_text("There is no context yet.")).wait_for()
    lab.run(0)
    lab.run(1)
    item(tree, "variables").locator(".hero-Tree-twist").first.click()
    item(tree, "CITY").wait_for()
    assert tree.locator("img").count() == 0
    assert faults(page, ".hero-Tree") == []

    page.evaluate(
        """() => { window.asked = 0;
            window.shownNotebook.sessionContext.session.kernel.anyMessage.connect((_, one) => {
                window.asked += one.direction === 'send'; }); }"""
    )
    page.wait_for_timeout(1500)
    assert page.evaluate("() => window.asked") <= 2  # an answer is no reason to ask again

    item(tree, "CITY").click()
    sources = page.evaluate(_SOURCES)
    assert sources[2] == "%hero_env get CITY"
    assert page.evaluate(_COUNTS)[2] is None
    lab.run(2)
    assert lab.output(2).inner_text().strip().endswith("'x'")
    item(tree, "a'b").click()
    assert "%hero_env get 'a'\"'\"'b'" in page.evaluate(_SOURCES)

    lab.run(
        page.evaluate(_SOURCES).index(
            "hero.session().env_update({f'MANY_{n:03}': 'x' for n in range(260)})"
        )
    )
    tree.get_by_text("63 more…").click()
    item(tree, "a'b").wait_for()

    first = tree.locator("[role=treeitem]").first
    first.focus()
    label = "() => document.activeElement.querySelector('.hero-Tree-label')?.textContent"
    last = tree.locator(".hero-Tree-list > [role=treeitem] > .hero-Tree-row > .hero-Tree-label")
    keys = (
        ("ArrowDown", "books"), ("ArrowDown", "variables"), ("ArrowLeft", "variables"),
        ("ArrowDown", "parameters"), ("ArrowLeft", "books"),
        ("End", last.last.inner_text()), ("v", "variables"), ("Home", "shelf"),
        ("ArrowLeft", "shelf"), ("ArrowRight", "shelf"), ("ArrowRight", "books"),
    )  # fmt: skip
    for key, wanted in keys:
        page.keyboard.press(key)
        assert page.evaluate(label) == wanted, key
    page.keyboard.press("Enter")
    assert "%hero_context shelf -s books" in page.evaluate(_SOURCES)

    tree.get_by_label("Filter").fill("city")
    page.wait_for_function("() => document.querySelectorAll('.hero-Tree-list li').length === 4")
    tree.get_by_label("Filter").fill("nothing like that")
    tree.get_by_text("Nothing has that in its name.").wait_for()
    tree.get_by_label("Filter").fill("")
    lab.dark("JupyterLab Dark High Contrast")
    assert faults(page, ".hero-Tree", ".hero-Status") == []


def test_the_side_panel_says_why_it_is_empty(jupyter, lab):
    jupyter.write("plain.ipynb", ["%load_ext magics", "%hero_context new kiosk -s news"], "python3")
    page = lab.page
    tree = shown_tree(lab)
    tree.get_by_text("No notebook is open").wait_for()
    lab.open("plain.ipynb", kernel="python3")
    tree.get_by_text("%load_ext magics").wait_for()
    lab.run(0)
    tree.get_by_text("Not bound yet.").or_(tree.get_by_text("There is no context yet.")).wait_for()
    lab.run(1)
    item(tree, "news").wait_for()
    page.evaluate("() => window.shownNotebook.sessionContext.shutdown()")
    tree.get_by_text("The notebook has no kernel").wait_for()


def test_the_launcher_the_menu_and_the_palette(jupyter, lab):
    page = lab.page
    lab.command("launcher:create")
    cards = page.locator(".jp-LauncherCard")
    cards.filter(has_text="Heroscript File").wait_for()
    hero = cards.filter(has_text="Hero").first
    assert hero.locator("img, svg").count()
    hero.scroll_into_view_if_needed()
    cards.filter(has_text="Heroscript File").click()
    editor = page.locator(".jp-FileEditor .cm-content")
    editor.wait_for()
    editor.click()
    page.keyboard.type("!!git.clone url:x")
    page.wait_for_function(
        "() => document.querySelectorAll('.jp-FileEditor .cm-line span').length > 3"
    )
    assert (jupyter.work / "untitled.hero").exists()
    commands = page.evaluate("() => window.jupyterapp.commands.listCommands()")
    assert {"hero-jupyter:insert-panel", "hero-jupyter:switch"} <= set(commands)
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.locator(".lm-Menu-item").filter(has_text="New").first.hover()
    page.locator(".lm-Menu-item[data-command='hero-jupyter:new-file']").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")

    jupyter.write("panel.ipynb", ["1"])
    lab.open("panel.ipynb")
    status(page, UNBOUND)
    for _ in range(50):  # the kernel may not have said yet what it would be
        lab.command("hero-jupyter:insert-panel")
        if len(page.evaluate(_SOURCES)) > 1:
            break
        page.wait_for_timeout(100)
    assert page.evaluate(_SOURCES)[1] == "%hero_panel"


def _set(page: Page, **values: Any) -> None:
    page.evaluate(
        """async (values) => { const app = window.jupyterapp;
            for (const [key, value] of Object.entries(values))
                await app.serviceManager.settings.save('hero-jupyter:plugin',
                    JSON.stringify(values)); }""",
        values,
    )


@pytest.mark.thorough
def test_settings(jupyter, browser):
    jupyter.write("set.ipynb", ["!!git.clone url:x", "%%heroscript"])
    sign = """() => window.shownNotebook.content.widgets.map(
        (cell) => cell.editor.editor.state.languageDataAt('commentTokens', 0)[0]?.line)"""
    with fronts.tab(browser, jupyter.lab()) as one:
        one.open("set.ipynb")
        status(one.page, UNBOUND)
        assert one.page.evaluate(sign) == ["//", "//"]
        _set(one.page, bareCells=False, status=False)
        one.go(jupyter.lab())
        one.open("set.ipynb")
        one.page.wait_for_function(f"() => ({sign})()[0] === '#'")
        assert one.page.evaluate(sign) == ["#", "//"]
        assert not one.page.locator(".hero-Status-button").is_visible()
        _set(one.page, bareCells=True, status=True)
        one.check()


@pytest.mark.thorough
def test_notebook_7(browser, jupyter):
    jupyter.write("seventh.ipynb", ["%hero_context new booth -s tickets", "%hero_session new sold"])
    with fronts.tab(browser, jupyter.notebook("seventh.ipynb")) as one:
        page = one.page
        one.found()
        status(page, UNBOUND)
        one.run(0)
        status(page, "Hero: booth · tickets")
        one.run(1)
        status(page, "Hero: booth · sold").click()
        option = page.locator(".hero-Switcher [role=option]").get_by_text("booth · tickets")
        option.wait_for()
        assert faults(page, ".hero-Switcher", ".hero-Status") == []
        option.click()
        status(page, "Hero: booth · tickets")
        tree = shown_tree(one)
        item(tree, "sold").click()
        assert page.evaluate(_SOURCES)[2] == "%hero_context booth -s sold"
        assert faults(page, ".hero-Tree") == []
        one.check()
