"""The panel of the log, as a user follows it, and looks for what was."""

from __future__ import annotations

import statistics

import pytest
from browser.panel_looks import at_terminal, axe_faults, is_within, wide_again

pytestmark = pytest.mark.timeout(180)

SLOW = """
import threading
def feed():
    for n in range(40):
        log.log(f"{n} {time.time()}", cat="lag")
        time.sleep(0.05)
threading.Thread(target=feed).start()
time.sleep(3)
"""

MANY = """
for n in range(5000):
    log.log(f"line {n}", cat="many")
    if n % 100 == 0:
        time.sleep(0.04)
"""

NOTE_LAGS = """() => {
    window.lags = [];
    window.seen = new Set();
    const note = () => {
        const now = Date.now() / 1000;
        for (const one of document.querySelectorAll('.hero-entry')) {
            const text = one.querySelector('.hero-message').textContent;
            if (one.querySelector('.hero-cat').textContent === 'lag' && !window.seen.has(text)) {
                window.seen.add(text);
                window.lags.push(now - Number(text.split(' ')[1]));
            }
        }
    };
    window.notes = new MutationObserver(note);
    window.notes.observe(document.querySelector('.hero-entries'), {childList: true});
}"""


def begin(lab, jupyter, name: str, *cells: str):
    """A notebook whose second cell shows the panel."""
    head = "import time\nimport hero_kernel as hero\nlog = hero.session().logger()"
    jupyter.write(f"{name}.ipynb", [head, "%hero_panel log", *cells])
    lab.open(f"{name}.ipynb")
    lab.run(0)
    lab.run(1)
    panel = lab.page.locator(".hero-view-log")
    panel.wait_for()
    return panel


def is_at_end(entries) -> bool:
    return entries.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight < 9")


@pytest.mark.thorough
def test_a_log_is_followed_during_a_long_cell(jupyter, lab):
    panel = begin(lab, jupyter, "tail", SLOW, MANY, "log.log('after')")
    page = lab.page
    messages = panel.locator(".hero-message")
    panel.get_by_text("nothing is logged yet").wait_for()
    page.evaluate(NOTE_LAGS)
    lab.run(2)
    page.wait_for_function("() => window.lags.length === 40")
    page.evaluate("() => window.notes.disconnect()")
    assert statistics.median(page.evaluate("window.lags")) < 0.3

    at_terminal(jupyter, "-s", "tail", "log", "log", "--error", "from a terminal")
    row = panel.locator(".hero-entry").filter(has_text="from a terminal")
    row.wait_for(timeout=1500)
    assert "ERROR" in row.inner_text()
    assert row.locator("time").get_attribute("title").endswith(" UTC")

    lab.run(3)
    panel.get_by_text("line 4999", exact=True).wait_for()
    entries = panel.locator(".hero-entries")
    shown = messages.all_inner_texts()
    assert len(shown) == 2000
    assert shown == [f"line {n}" for n in range(3000, 5000)]
    assert is_at_end(entries)

    follow = panel.get_by_role("button", name="Follow")
    assert follow.get_attribute("aria-pressed") == "true"
    entries.evaluate("e => { e.scrollTop = e.scrollHeight / 2; }")
    page.wait_for_function("() => document.querySelector('.hero-bar [aria-pressed=true]') === null")
    place = entries.evaluate("e => e.scrollTop")
    lab.run(4)
    panel.get_by_role("button", name="Follow (1 more)").wait_for()  # the page holds no more
    assert entries.evaluate("e => e.scrollTop") == place

    entries.evaluate("e => { e.scrollTop = 0; }")  # older ones come, and what is read stays put
    panel.get_by_text("line 2999", exact=True).wait_for(state="attached")
    assert "line 3000" in messages.nth(200).inner_text()
    assert messages.count() == 2000
    assert entries.evaluate("e => e.scrollTop") > 1000

    follow.click()
    panel.get_by_text("after", exact=True).wait_for()
    assert is_at_end(entries)
    at_terminal(jupyter, "-s", "tail", "log", "log", "the last word")
    panel.get_by_text("the last word").wait_for(timeout=1500)


@pytest.mark.thorough
def test_what_was_is_looked_for_and_written(jupyter, lab):  # noqa: PLR0915  # a user's day
    panel = begin(
        lab,
        jupyter,
        "find",
        "for n in range(300):\n"
        "    log.log(f'stone {n}' if n % 100 else f'apple {n}', cat='fruit')\n"
        "log.error('an APPLE\\nof\\nthree lines', cat='net')\nlog.log('x' * 5000, cat='long')",
        "log.log('a new apple'); log.log('a new stone')",
    )
    page, keys = lab.page, lab.page.keyboard
    lab.run(2)
    messages = panel.locator(".hero-message")
    panel.get_by_text("5000 characters").wait_for()
    panel.get_by_role("searchbox", name="Find").click()
    keys.type("apple")
    panel.get_by_text("4 shown").wait_for()
    assert messages.all_inner_texts() == ["apple 0", "apple 100", "apple 200", "an APPLE"]
    lab.run(3)
    panel.get_by_text("5 shown").wait_for()  # the new one that fits, and not the other
    assert page.evaluate("() => window.shownNotebook.content.widgets.length") == 4  # no commands
    panel.get_by_role("button", name="3 lines").click()
    assert "three lines" in messages.nth(3).inner_text()

    panel.get_by_role("button", name="Only errors").click()
    panel.get_by_text("1 shown").wait_for()
    panel.get_by_role("searchbox", name="From").click()
    keys.type("nonsense")
    panel.locator(".hero-fault").wait_for()  # one line; what was typed stays
    assert panel.get_by_role("searchbox", name="From").input_value() == "nonsense"
    keys.press("Escape")
    panel.locator(".hero-fault").wait_for(state="detached")  # a question that is right ends it
    panel.get_by_role("button", name="Only errors").click()
    panel.get_by_role("searchbox", name="Find").fill("")
    panel.get_by_role("searchbox", name="Category").fill("Long")
    panel.get_by_text("1 shown").wait_for()
    panel.get_by_role("button", name="5000 characters").click()
    page.wait_for_function(
        "() => document.querySelector('.hero-message').textContent.length === 5000"
    )
    panel.get_by_role("searchbox", name="Category").fill("")
    panel.get_by_text("200 shown").wait_for()

    panel.get_by_label("New entry").last.fill("written by hand")
    panel.get_by_label("Its category").fill("far too long for one")
    keys.press("Enter")
    panel.locator(".hero-fault").wait_for()
    assert panel.get_by_role("textbox", name="New entry").input_value() == "written by hand"
    panel.get_by_label("Its category").fill("note")
    panel.get_by_label("error", exact=True).check()
    panel.get_by_role("button", name="Write entry").click()
    panel.locator(".hero-entry").filter(has_text="written by hand").wait_for()
    said = at_terminal(jupyter, "-s", "find", "log", "search", "by hand")
    assert "note" in said
    assert "ERROR" in said

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Copy shown").click()
    panel.get_by_text("Copied").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.endswith("[ERROR] [note] written by hand")

    assert axe_faults(page) == []
    assert is_within(page, 320)
    wide_again(page)
    lab.dark()
    assert axe_faults(page) == []
    lab.dark("JupyterLab Dark High Contrast")
    assert axe_faults(page) == []
    lab.command("apputils:change-theme", theme="JupyterLab Light")  # the server remembers it
