"""JupyterLab in a browser: a bare cell and its report, hidden answers, Tab and Shift-Tab."""

from __future__ import annotations

import secrets

import pytest
from browser import fronts

pytestmark = pytest.mark.timeout(180)


def test_a_bare_cell_and_its_report(jupyter, lab):
    jupyter.write(
        "lesson.ipynb",
        [
            "!!session.env_set key:WHO val:'<b>world</b>'\n!!play.echo content:'hello {WHO}'",
            "!!session.env_delete key:NOT_THERE",
            "%hero",
            "!!play.echo content:'it costs $5 or $6'",
            "from IPython.display import HTML\nHTML('it costs $5 or $6')",
        ],
    )
    page = lab.page
    lab.open("lesson.ipynb")
    lab.run(0)
    rows = page.locator(".jp-Notebook .hero-report tr")
    rows.first.wait_for()
    assert rows.count() == 2
    assert "changed" in rows.nth(0).inner_text()
    assert "hello <b>world</b>" in rows.nth(1).inner_text()
    assert page.locator(".hero-report b").count() == 0

    lab.run(1)
    page.get_by_text("RunError: session.env_delete failed (In[2] line 1)").wait_for()

    lab.run(2)
    line = page.locator(".hero-table").last
    line.wait_for()
    assert "session lesson (new;" in line.inner_text()  # bound by its path

    colour = "element => getComputedStyle(element).color"
    light = rows.nth(0).locator("td").first.evaluate(colour)
    lab.run(3)
    lab.output(3).get_by_text("it costs $5 or $6").wait_for()
    lab.run(4)
    lab.output(4).locator("mjx-container").wait_for()  # of others, dollars make formulas
    assert lab.output(3).locator("mjx-container").count() == 0
    lab.dark()
    assert rows.nth(0).locator("td").first.evaluate(colour) != light


def test_a_secret_is_typed_unseen_and_stays_out_of_the_notebook(jupyter, lab):
    passphrase, token = f"canary {secrets.token_hex(8)}", f"canary-{secrets.token_hex(8)}"
    path = jupyter.write(
        "secrets.ipynb",
        [
            "%hero_context secrets --new",
            "%hero_secret new",
            "%hero_env set --secret TOKEN",
            "import os\nprint('seen:', os.environ['TOKEN'])\nos.environ['TOKEN']",
            "%hero_env",
        ],
    )
    page = lab.page

    def run(index: int, **answers: str) -> None:
        """Run a cell, and answer what it asks: by the first word of each question."""
        lab.begin(index)
        for question, answer in answers.items():
            prompt = page.locator("pre", has_text=question).locator(".jp-Stdin-input")
            prompt.wait_for()
            assert prompt.get_attribute("type") == "password"
            prompt.fill(answer)
            prompt.press("Enter")
            prompt.wait_for(state="detached")

    lab.open("secrets.ipynb")
    lab.run(0)
    run(1, Please=passphrase, The=passphrase)
    page.get_by_text("has a secret, and is unlocked").wait_for()
    run(2, Value=token)
    page.get_by_text("TOKEN set in session").wait_for()
    lab.run(3)
    page.get_by_text("seen: ••••••").wait_for()
    lab.run(4)
    table = page.locator(".hero-table").last
    table.get_by_text("secret", exact=True).wait_for()
    lab.save()
    text = page.content()

    saved = path.read_text(encoding="utf-8")
    assert "••••••" in saved
    files = [one.read_bytes() for one in jupyter.folder.rglob("*") if one.is_file()]
    for canary in (passphrase, token):
        assert canary not in saved + text
        assert not [data for data in files if canary.encode() in data]


def test_tab_and_shift_tab(jupyter, lab):
    jupyter.write("typing.ipynb", [""])
    page = lab.page
    lab.open("typing.ipynb")
    page.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
    page.keyboard.type("!!git.clone li")
    page.keyboard.press("Tab")
    completer = page.locator(".jp-Completer")
    completer.get_by_text("light:").wait_for()
    assert "recursive" not in completer.inner_text()
    page.keyboard.press("Enter")
    cell = "() => window.shownNotebook.content.activeCell.model.sharedModel.getSource()"
    page.wait_for_function(f"() => ({cell})().endsWith('light:')")

    page.keyboard.press("Shift+Tab")
    tooltip = page.locator(".jp-Tooltip")
    tooltip.get_by_text("!!git.clone light: true or false").wait_for()
    assert "Whether only the last commit" in tooltip.inner_text()


def test_a_bare_cell_in_notebook_7(browser, jupyter):
    jupyter.write("seven-lab.ipynb", ["!!play.echo content:'hello seven'"])
    with fronts.tab(browser, jupyter.notebook("seven-lab.ipynb")) as one:
        one.found()
        one.run(0)
        one.output(0).get_by_text("hello seven").wait_for()
        one.check()
