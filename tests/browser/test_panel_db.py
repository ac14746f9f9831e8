"""The database panel in a browser: many keys, by keyboard and mouse; edits seen by others."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from kernel.driving import environment
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.timeout(180)

KEYS = 400_000
"""So many that the scroll bar is a scale: browsers draw no element as high as all rows are."""

FILL = f"""
import hero_kernel as hero
hero.workspace().session().db_get().update(
    (f"user:{{n:06d}}", f"value {{n}}") for n in range({KEYS}))
"""

LONG = """
import pathlib, time
while not pathlib.Path("many.end").exists():
    time.sleep(0.05)
"""

PEOPLE = """
import hero_kernel as hero
db = hero.workspace().session().db_get()
db.update({
    "city": "Ghent", "markup": "<img src=x onerror=alert(1)>", "flag": True, "count": 2**60,
    "bytes": bytes(range(64)), "tree": {"list": [1, {"deep": [None, "x"]}], "<b>": "text"},
})
"""


def opened(page: Page, key: str) -> Locator:
    """The entry that is looked at."""
    return page.get_by_role("region", name=f"Entry {key}")


def choose(page: Page, key: str) -> Locator:
    page.get_by_role("gridcell", name=key, exact=True).click()
    found = opened(page, key)
    found.wait_for()
    return found


def command(jupyter, *words: str) -> str:
    """What the command line answers, in the notebook's session."""
    done = subprocess.run(
        [sys.executable, "-m", "hero_kernel", *words],
        env=environment(jupyter.folder),
        cwd=jupyter.work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong with the panel, and calls serious."""
    found = Axe().run(page, context=".hero-widget").response["violations"]
    return [f"{one['id']}: {one['help']}" for one in found if one["impact"] in _SERIOUS]


_SERIOUS = {"serious", "critical"}


@pytest.mark.thorough
def test_many_keys_are_scrolled_and_searched_also_while_a_cell_runs(jupyter, lab):
    jupyter.write("many.ipynb", [FILL, "%hero_panel db", LONG])
    page = lab.page
    lab.open("many.ipynb")
    lab.run(0)
    for index in (1, 2):  # as Run All does: the panel is there when the next cell runs already
        lab.begin(index)
    grid = page.get_by_role("grid", name="Entries of database")
    grid.wait_for()
    assert grid.get_attribute("aria-rowcount") == str(KEYS + 1)

    def at(index: int) -> Locator:
        return page.locator(f'.hero-grid [aria-rowindex="{index + 2}"]')

    box = page.locator(".hero-grid-box")
    box.evaluate("box => { box.scrollTop = box.scrollHeight / 2 }")
    page.get_by_text("value 200000", exact=True).wait_for(timeout=4000)
    before = page.evaluate("document.querySelector('.hero-grid-box').scrollTop")
    box.hover()
    page.mouse.wheel(0, 240)
    page.get_by_text("value 200010", exact=True).wait_for(timeout=4000)
    page.wait_for_timeout(300)  # the bar settles, and the rows stay
    assert page.get_by_text("value 200010", exact=True).is_visible()
    assert 0 < page.evaluate("document.querySelector('.hero-grid-box').scrollTop") - before < 240

    at(200_005).click()
    opened(page, "user:200005").wait_for(timeout=4000)
    for key, index in [
        ("ArrowDown", 200_006),
        ("Control+End", KEYS - 1),
        ("ArrowUp", KEYS - 2),
        ("Control+Home", 0),
        ("PageDown", 11),
        ("End", KEYS - 1),
        ("Home", 0),
        ("ArrowUp", 0),
    ]:
        page.keyboard.press(key)
        page.wait_for_function(
            "row => document.activeElement.getAttribute('aria-rowindex') === row",
            arg=f"{index + 2}",
        )
        page.locator(".hero-grid").get_by_text(f"user:{index:06d}", exact=True).first.wait_for(
            timeout=4000
        )
        assert at(index).get_attribute("tabindex") == "0"
        assert page.locator('.hero-grid [tabindex="0"]').count() == 1
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    opened(page, "user:000001").wait_for(timeout=4000)
    assert at(1).get_attribute("aria-selected") == "true"

    search = page.get_by_label("Search", exact=True)
    search.fill("user:3999")
    page.get_by_text(f"100 of {KEYS:,} keys").wait_for(timeout=4000)
    page.get_by_label("How to search").select_option("key")
    search.fill("R:12")
    page.get_by_text(f"10,000 of {KEYS:,} keys").wait_for(timeout=4000)
    search.fill("9999")
    page.get_by_text("value 399990", exact=True)
    page.get_by_label("match case").check()
    search.fill("USER")
    page.get_by_text(f"0 of {KEYS:,} keys").wait_for(timeout=4000)
    search.press("Escape")
    page.locator(".hero-grid").get_by_text("user:000000", exact=True).wait_for(timeout=4000)
    prompt = page.locator(".jp-Notebook .jp-Cell").nth(2).locator(".jp-InputPrompt")
    assert prompt.inner_text() == "[*]:"  # it runs still
    (jupyter.work / "many.end").touch()
    expect(prompt).to_have_text("[3]:")


@pytest.mark.thorough
def test_a_value_is_edited_here_and_elsewhere(jupyter, lab):
    jupyter.write("edit.ipynb", [PEOPLE, "db", "db['city'], db.get('new', None)"])
    page = lab.page
    lab.open("edit.ipynb")
    lab.run(0)
    lab.run(1)  # a database is shown as its panel
    panel = page.locator(".hero-panel")
    panel.get_by_role("grid").wait_for()
    assert page.get_by_role("gridcell", name="<img src=x onerror=alert(1)>").is_visible()

    page.get_by_role("row", name="city").focus()
    page.keyboard.press("Enter")
    entry = opened(page, "city")
    entry.get_by_text("Ghent", exact=True).wait_for()
    entry.get_by_role("button", name="Edit city").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Value of city")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("Bruges\nand more")
    page.keyboard.press("Control+Enter")
    page.get_by_text("city set", exact=True).wait_for()
    lab.run(2)
    assert "('Bruges\\nand more', None)" in lab.output(2).inner_text()

    # Somebody else changes it while it is edited: nothing is lost, of either.
    entry.get_by_role("button", name="Edit city").click()
    area = page.get_by_role("textbox", name="Value of city")
    area.fill("mine")
    command(jupyter, "-s", "edit", "db", "set", "city", "theirs")
    page.get_by_text("It was changed meanwhile to: theirs").wait_for(timeout=2000)
    assert area.input_value() == "mine"
    assert page.get_by_role("gridcell", name="theirs").is_visible()
    assert panel.get_by_role("button", name="Save").is_disabled()
    panel.get_by_role("button", name="Keep mine").click()
    panel.get_by_role("button", name="Save").click()
    page.get_by_text("city set", exact=True).wait_for()
    assert command(jupyter, "-s", "edit", "db", "get", "city").strip() == "mine"


def shown(lab, jupyter, name: str) -> Locator:
    """The panel of a database that was just filled."""
    jupyter.write(f"{name}.ipynb", [PEOPLE, "%hero_panel db"])
    lab.open(f"{name}.ipynb")
    lab.run(0)
    lab.run(1)
    panel = lab.page.locator(".hero-panel")
    panel.get_by_role("grid").wait_for()
    return panel


@pytest.mark.thorough
def test_parts_are_opened_and_what_is_wrong_is_shown_where_it_is(jupyter, lab):
    page, panel = lab.page, shown(lab, jupyter, "parts")
    entry = choose(page, "tree")
    entry.get_by_role("button", name="list").click()
    entry.get_by_role("button", name="1 {1}").click()
    entry.get_by_role("button", name="deep").click()
    entry.get_by_text('"x"').wait_for()
    entry.get_by_role("button", name="Edit tree").click()
    area = page.get_by_role("textbox", name="Value of tree")
    area.fill('{"a": 1,\n "b": 2 3}')
    panel.get_by_role("button", name="Save").click()
    page.get_by_role("alert").get_by_text("line 2, column 9: expecting ',' delimiter").wait_for()
    assert area.evaluate("area => [area.selectionStart, document.activeElement === area]") == [
        len('{"a": 1,\n "b": 2 '),
        True,
    ]
    area.fill('{"a": 1}')
    panel.get_by_role("button", name="Save").click()
    page.get_by_text("tree set", exact=True).wait_for()
    assert json.loads(command(jupyter, "-s", "parts", "--json", "db", "get", "tree"))["value"] == {
        "a": 1
    }


@pytest.mark.thorough
def test_keys_come_go_and_come_back(jupyter, lab):
    page, panel = lab.page, shown(lab, jupyter, "keys")
    entry = choose(page, "tree")
    entry.get_by_role("button", name="Delete tree").click()
    panel.get_by_role("button", name="Delete", exact=True).click()
    panel.get_by_role("button", name="Undo").click()
    page.get_by_text("tree is back", exact=True).wait_for()

    panel.get_by_role("button", name="New key").click()
    page.get_by_role("textbox", name="key", exact=True).fill("new")
    page.get_by_label("Type of the value").select_option("number")
    page.get_by_role("textbox", name="Value", exact=True).fill("4x")
    panel.get_by_role("button", name="Save").click()
    page.get_by_text("4x is no number").wait_for()
    page.get_by_role("textbox", name="Value", exact=True).fill("42")
    page.keyboard.press("Control+Enter")
    opened(page, "new").wait_for()
    opened(page, "new").get_by_role("button", name="Rename new").click()
    expect(page.get_by_label("New key")).to_be_focused()
    page.keyboard.type("renamed")
    page.keyboard.press("Enter")
    opened(page, "renamed").wait_for()
    command(jupyter, "-s", "keys", "db", "unset", "renamed")
    page.get_by_text("It was deleted meanwhile.").wait_for(timeout=2000)


@pytest.mark.thorough
def test_files_themes_and_widths(jupyter, lab):
    page, panel = lab.page, shown(lab, jupyter, "filed")
    panel.get_by_role("button", name="Files").click()
    with page.expect_download() as waited:
        panel.get_by_role("button", name="Download").click()
    lines = waited.value.path().read_text("utf-8")
    assert len(lines.splitlines()) == 6
    changed = lines.replace('"Ghent"', '"uploaded"')
    page.get_by_label("File to upload").set_input_files(
        {"name": "in.jsonl", "mimeType": "text/plain", "buffer": changed.encode()}
    )
    page.get_by_role("gridcell", name="uploaded").wait_for(timeout=3000)
    page.get_by_label("path on the kernel's machine").fill("out file.jsonl")
    panel.get_by_role("button", name="Export").click()
    page.get_by_text("6 entries of database").wait_for()
    assert len((jupyter.work / "out file.jsonl").read_text("utf-8").splitlines()) == 6

    command(jupyter, "-s", "filed", "db", "set", "-d", "facts", "a fact", "known")
    panel.get_by_label("Database", exact=True).select_option("facts", timeout=3000)
    page.get_by_role("gridcell", name="a fact").wait_for()
    panel.get_by_label("Database", exact=True).select_option("session_filed")
    page.get_by_role("gridcell", name="uploaded").wait_for()

    assert faults(page) == []
    lab.dark()
    choose(page, "tree")
    assert faults(page) == []
    page.set_viewport_size({"width": 600, "height": 900})
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")


@pytest.mark.thorough
def test_a_secret_is_asked_for_unseen(jupyter, lab):
    cells = [
        "%hero_context vault --new",
        "import hero_kernel as hero",
        "hero.workspace().session().context.secrets.set('correct horse')",
        "%hero_panel db",
        "hero.workspace().session().db_get()['token'].reveal() == 'hidden-' + 'treasure'",
    ]
    path = jupyter.write("vault.ipynb", cells)
    page = lab.page
    lab.open("vault.ipynb")
    for index in range(4):
        lab.run(index)
    panel = page.locator(".hero-panel")
    panel.get_by_text("no key yet").wait_for()
    panel.get_by_role("button", name="New key").click()
    page.get_by_role("textbox", name="key", exact=True).fill("token")
    panel.get_by_role("button", name="As a secret").click()
    hidden = page.get_by_label("Hidden answer")
    hidden.fill("hidden-treasure")
    assert hidden.get_attribute("type") == "password"
    hidden.press("Enter")
    page.get_by_role("gridcell", name="secret").first.wait_for()
    choose(page, "token").get_by_text("set, encrypted").wait_for()
    lab.run(4)
    assert "True" in lab.output(4).inner_text()
    lab.save()
    assert "hidden-treasure" not in path.read_text("utf-8") + page.content()
