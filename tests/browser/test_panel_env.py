"""The panel of variables and parameters, as a user works with it."""

from __future__ import annotations

import secrets
from time import monotonic

import pytest
from browser.panel_looks import at_terminal, axe_faults, is_within, wide_again

pytestmark = pytest.mark.timeout(180)


def begin(lab, jupyter, name: str, *cells: str):
    """A notebook whose second cell shows the panel."""
    jupyter.write(f"{name}.ipynb", [*cells])
    lab.open(f"{name}.ipynb")
    lab.run(0)
    lab.run(1)
    panel = lab.page.locator(".hero-view-env")
    panel.wait_for()
    return panel


def test_values_are_edited_by_hand_and_seen_everywhere(jupyter, lab):
    panel = begin(
        lab,
        jupyter,
        "values",
        "%hero_env set CITY=Ghent STREET=Korenmarkt 'HTML=<img src=x onerror=window.bad=1>'\n"
        "%hero_param set size:3",
        "%hero_panel env",
        "import os\nos.environ['CITY'], os.environ['STREET']",
        "import time\ntime.sleep(3)",
    )
    page, keys = lab.page, lab.page.keyboard
    said = panel.locator(".hero-said")

    def edit(name: str) -> None:
        panel.get_by_label(f"Value of {name}").wait_for()

    panel.get_by_role("button", name="Edit CITY").focus()
    keys.press("F2")
    edit("CITY")
    keys.type("Bruges")  # over what is selected
    keys.press("Tab")
    said.get_by_text("CITY set").wait_for()
    page.wait_for_function("() => document.activeElement.dataset.value === 'HTML'")
    keys.press("Enter")  # the focus goes on, and the keys are not the notebook's
    edit("HTML")
    assert panel.get_by_label("Value of HTML").input_value().startswith("<img")
    keys.press("Escape")
    page.wait_for_function("() => document.activeElement.dataset.value === 'HTML'")
    keys.press("d")
    keys.press("d")
    assert page.evaluate("() => window.shownNotebook.content.widgets.length") == 4
    panel.get_by_role("button", name="Edit STREET").click()
    edit("STREET")
    keys.type("Steenstraat")
    keys.press("Shift+Enter")
    keys.type("5")
    keys.press("Control+Enter")
    said.get_by_text("STREET set").wait_for()
    lab.run(2)
    assert "('Bruges', 'Steenstraat\\n5')" in lab.output(2).inner_text()
    assert at_terminal(jupyter, "env", "get", "CITY") == "Bruges"

    panel.get_by_role("button", name="Copy STREET").click()
    said.get_by_text("STREET copied").wait_for()
    lab.begin(3)  # answered while a cell runs
    panel.get_by_role("button", name="Edit size").click()
    edit("size")
    keys.type("4")
    begun = monotonic()
    keys.press("Enter")
    said.get_by_text("size set").wait_for()
    assert monotonic() - begun < 2
    assert at_terminal(jupyter, "param", "get", "size") == "4"

    undo = panel.get_by_role("button", name="Undo the change of size")
    undo.click()
    said.get_by_text("the change of size is undone").wait_for()
    panel.get_by_role("button", name="Undo the change of STREET").click()
    said.get_by_text("the change of STREET is undone").wait_for()
    assert at_terminal(jupyter, "env", "get", "STREET") == "Korenmarkt"
    assert page.evaluate("() => window.bad") is None
    assert page.locator(".hero-panel img").count() == 0


@pytest.mark.thorough
def test_what_others_do_and_what_is_refused(jupyter, lab):  # noqa: PLR0915  # one sitting at the panel
    panel = begin(lab, jupyter, "others", "%hero_env set CITY=Ghent OLD=1", "%hero_panel env", "1")
    page, keys = lab.page, lab.page.keyboard
    said, fault = panel.locator(".hero-said"), panel.locator(".hero-fault")

    panel.get_by_role("button", name="Edit CITY").click()
    panel.get_by_label("Value of CITY").wait_for()
    keys.type("Bruges")
    at_terminal(jupyter, "env", "set", "CITY=Antwerp", "NEW=1")
    panel.get_by_role("button", name="Edit NEW").wait_for(timeout=1500)
    panel.get_by_text("By now it is Antwerp").wait_for()
    assert panel.get_by_label("Value of CITY").input_value() == "Bruges"
    keys.press("Enter")
    fault.get_by_text("CITY was changed meanwhile by").wait_for()
    assert panel.get_by_label("Value of CITY").input_value() == "Bruges"
    assert at_terminal(jupyter, "env", "get", "CITY") == "Antwerp"
    panel.get_by_role("button", name="Replace it").click()
    said.get_by_text("CITY set").wait_for()
    assert at_terminal(jupyter, "env", "get", "CITY") == "Bruges"

    panel.get_by_role("button", name="Add variable").click()
    form = panel.get_by_role("group", name="New variable")
    form.get_by_label("Name").fill("TWO WORDS")
    form.get_by_label("Value").fill("kept text")
    keys.press("Enter")
    fault.get_by_text("environment variable 'TWO WORDS' cannot be set").wait_for()
    assert form.get_by_label("Value").input_value() == "kept text"
    form.get_by_label("Name").fill("TWO_WORDS")
    keys.press("Enter")
    panel.get_by_role("button", name="Edit TWO_WORDS").wait_for()
    assert fault.count() == 0

    panel.get_by_role("button", name="Delete OLD").focus()
    keys.press("Enter")
    page.get_by_text("Delete variable OLD?").wait_for()
    keys.press("Escape")  # the focus was on Cancel, and nothing happens
    assert "OLD" in at_terminal(jupyter, "env")
    panel.get_by_role("button", name="Delete OLD").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    said.get_by_text("OLD deleted; Undo takes it back").wait_for()
    page.wait_for_function("() => document.activeElement.dataset.value === 'TWO_WORDS'")
    assert "OLD" not in at_terminal(jupyter, "env")
    panel.get_by_role("button", name="Undo the deletion of OLD").click()
    panel.get_by_role("button", name="Edit OLD").wait_for()

    panel.get_by_label("Filter").fill("two")
    assert panel.locator("[data-value]").all_inner_texts() == ["kept text"]
    panel.get_by_label("Filter").fill("")
    panel.get_by_label("Parameters shared by the context").check()
    panel.get_by_role("button", name="Add parameter").last.click()
    form = panel.get_by_role("group", name="New parameter")
    form.get_by_label("Name").fill("region")
    form.get_by_label("Value").fill("west")
    keys.press("Enter")
    panel.get_by_role("button", name="Edit region").wait_for()
    assert at_terminal(jupyter, "param", "get", "--shared", "region") == "west"

    assert axe_faults(page) == []
    panel.get_by_role("button", name="Edit CITY").click()
    panel.get_by_label("Value of CITY").wait_for()
    assert is_within(page, 320)
    assert axe_faults(page) == []
    wide_again(page)
    lab.dark()
    assert axe_faults(page) == []

    page.evaluate("() => window.shownNotebook.sessionContext.session.kernel.restart()")
    page.get_by_text("The kernel that showed this is gone").wait_for(timeout=20000)
    at_terminal(jupyter, "env", "set", "AFTER=1")
    page.get_by_role("button", name="Reconnect").click()
    panel.get_by_role("button", name="Edit AFTER").wait_for(timeout=20000)


@pytest.mark.thorough
def test_secrets_are_asked_for_and_never_in_the_page(jupyter, lab):
    passphrase, token = f"canary {secrets.token_hex(8)}", f"canary-{secrets.token_hex(8)}"
    panel = begin(
        lab,
        jupyter,
        "hidden",
        "%hero_context hidden --new\n%hero_env set CITY=Ghent",
        "%hero_panel env",
        "import os\nlen(os.environ['TOKEN'])",
        "%hero_secret lock",
        "%hero_secret new",
    )
    page, keys = lab.page, lab.page.keyboard

    def answer(text: str) -> None:
        field = page.get_by_label("Hidden answer")
        field.wait_for()
        assert field.get_attribute("type") == "password"
        field.fill(text)
        keys.press("Enter")
        field.wait_for(state="detached")

    lab.begin(4)
    for question in ("Please", "The same"):
        prompt = page.locator("pre", has_text=question).locator(".jp-Stdin-input")
        prompt.fill(passphrase)
        prompt.press("Enter")
        prompt.wait_for(state="detached")
    lab.output(4).get_by_text("is unlocked").wait_for()
    panel.get_by_role("button", name="Add variable").click()
    form = panel.get_by_role("group", name="New variable")
    form.get_by_label("Name").fill("TOKEN")
    form.get_by_label("Secret").check()
    form.get_by_role("button", name="Ask for its value").click()
    answer(token)
    panel.get_by_text("set, just now").wait_for()
    panel.locator(".hero-said").get_by_text("TOKEN set in session").wait_for()
    assert page.get_by_role("dialog").count() == 0  # the key that answered has asked nothing again
    lab.run(2)
    assert str(len(token)) in lab.output(2).inner_text()

    lab.run(3)
    panel.get_by_text("Some values are locked").wait_for()
    assert panel.get_by_text("locked", exact=True).count() == 1
    panel.get_by_role("button", name="Unlock").click()
    answer(passphrase)
    panel.get_by_text("set, just now").wait_for()
    panel.get_by_role("button", name="Replace TOKEN").click()
    answer(f"{token}-2")
    panel.get_by_role("button", name="Delete TOKEN").click()
    page.get_by_text("so that this cannot be undone").wait_for()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    panel.get_by_text("TOKEN deleted", exact=True).wait_for()
    assert panel.get_by_role("button", name="Nothing to undo").is_disabled()
    lab.save()
    files = [one.read_bytes() for one in jupyter.folder.rglob("*") if one.is_file()]
    for canary in (passphrase, token):
        assert canary not in page.content()
        assert not [data for data in files if canary.encode() in data]


TURNED = "abc\u202egnp.exe"
"""Reads as `abcexe.png` where it may turn what follows around."""

LOOKS = f"""
import hero_kernel as hero
session = hero.workspace().session()
session.env_update({{f"NAME{{n:03}}": "x" for n in range(207)}})
session.env_update({{"A" * 120: "long", "EMPTY": "", "FILE": {TURNED!r}}})
session.logger().log({TURNED!r}, cat="notes")
session.description = {TURNED!r} * 300
"""


@pytest.mark.thorough
def test_what_is_long_empty_or_turned_around_is_shown_as_it_is(jupyter, lab):
    panel = begin(lab, jupyter, "looks", LOOKS, "%hero_panel env log context")
    page = lab.page
    assert (
        panel.get_by_title("A" * 120, exact=True).bounding_box()["height"] < 90
    )  # of a dozen lines, four
    assert "empty" in panel.get_by_role("button", name="Edit EMPTY").evaluate(
        "one => getComputedStyle(one, '::before').content"
    )
    panel.get_by_role("button", name="Show 10 more").click()
    panel.get_by_text("NAME206", exact=True).wait_for()
    shown = panel.get_by_role("button", name="Edit FILE")
    assert shown.inner_text() == "abcgnp.exe"
    shown.click()
    assert panel.get_by_label("Value of FILE").input_value() == TURNED  # it is not changed by it
    page.keyboard.press("Escape")
    for tab, selector in (("log", ".hero-message"), ("context", ".hero-brief")):
        page.get_by_role("tab", name=tab, exact=True).click()
        text = page.locator(f".hero-view-{tab} {selector}").get_by_text("abcgnp.exe").first
        text.wait_for()
        assert "\u202e" not in text.text_content()
    assert text.bounding_box()["height"] < 90
    mark, name = page.locator(".hero-view-context .hero-fold span").all()[:2]
    page.set_viewport_size({"width": 420, "height": 800})
    lab.command("application:toggle-left-area")
    assert abs(mark.bounding_box()["y"] - name.bounding_box()["y"]) < 4  # one beside the other
    page.locator(".hero-Status-text").get_by_text("looks").wait_for()
