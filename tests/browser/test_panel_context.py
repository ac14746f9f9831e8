"""The panels of context and session in a browser: found, switched, shared, renamed, deleted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager

import pytest
from axe_playwright_python.sync_playwright import Axe

import hero_kernel as hero
from hero_kernel import ownership

pytestmark = pytest.mark.timeout(180)

SEEN = "[role=tabpanel]:not([hidden])"
"""The panel of the tab that is chosen; the others keep what was typed in them."""

SOON_MS = 2000
"""A change elsewhere shows within one second; the rest is for a machine that is busy."""


@pytest.fixture
def elsewhere(jupyter):
    """Another program in the same home."""
    return hero.open_workspace(home=jupyter.folder / "hero", redis_url="", default=False)


@contextmanager
def held(workspace, session, label):
    hold = ownership.Hold(session, label)
    try:
        yield hold
    finally:
        hold.leave(ends=False)


def command(jupyter, *words):
    """A line at the command line, in the same home."""
    done = subprocess.run(
        [sys.executable, "-m", "hero_kernel", *words],
        env=os.environ | {"HERO_HOME": str(jupyter.folder / "hero")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def accessible(page):
    """What axe-core finds that is serious, in the panels."""
    found = Axe().run(page, context=".hero-panel").response["violations"]
    return [
        (one["id"], node["html"][:200])
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def begin(jupyter, lab, name, *cells):
    """A notebook in the context `name` whose second cell shows a panel; the panel."""
    first = f"%hero_context use {name} --new -s intro"
    jupyter.write(f"{name}.ipynb", [first, *cells])
    lab.open(f"{name}.ipynb")
    lab.run(0)
    lab.run(1)
    panel = lab.output(1).locator(".hero-panel")
    panel.wait_for()
    return panel


@pytest.mark.thorough
def test_sessions_are_switched_shared_and_kept_in_sight(jupyter, lab, elsewhere):
    panel = begin(
        jupyter,
        lab,
        "bench",
        "%hero_panel",
        "%hero_session new",
        "import hero_kernel as hero\nhero.session_select('third')",
        "hero.session().name, hero.session().description",
        "import time; time.sleep(3)",
    )
    page = lab.page
    context = elsewhere.context_get("bench")

    def row(name):
        fold = page.locator(".hero-fold").get_by_text(name, exact=True)
        return panel.locator("tbody", has=fold)

    # what other programs do
    command(jupyter, "-c", "bench", "sessions", "new", "third")
    row("third").wait_for(timeout=SOON_MS)
    with held(elsewhere, context.session_new("second"), "/far/away.ipynb") as hold:
        row("second").get_by_text("away.ipynb").wait_for(timeout=SOON_MS)

        # a switch onto a session that somebody is on asks how
        row("second").get_by_role("button", name="Switch to second").click()
        asked = panel.get_by_role("dialog")
        asked.get_by_text("/far/away.ipynb").wait_for()
        assert asked.get_by_role("button", name="Cancel").evaluate(
            "element => element === document.activeElement"
        )
        asked.get_by_role("button", name="Share it").click()
        panel.get_by_text("hero ▸ context bench ▸ session second").wait_for()
        row("second").locator(".hero-fold[aria-current=true]").wait_for(timeout=SOON_MS)
        assert len(hold.others()) == 1
        panel.get_by_role("tab", name="session").click()
        panel.get_by_text("session second of context bench").wait_for()
        panel.locator(SEEN).get_by_text("this kernel: ").wait_for()

        # the other one takes it over
        taker = ownership.Hold(context.session_get("second"), "/taker.ipynb", takeover=True)
        panel.get_by_text("was taken over by /taker.ipynb").wait_for(timeout=SOON_MS)
        panel.get_by_role("button", name="Fork it").click()
        panel.get_by_text("session second_fork of context bench").wait_for()
        taker.leave(ends=False)

    # a cell, and Python
    lab.run(2)
    panel.get_by_text(re.compile(r"session \d{4}_.* of context bench")).wait_for(timeout=SOON_MS)
    lab.run(3)
    panel.get_by_text("session third of context bench").wait_for(timeout=SOON_MS)

    # the description by keyboard, while a cell runs
    lab.begin(5)
    panel.get_by_role("button", name="Edit the description").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("<b>bold</b> words")
    context.session_get("third").description = "theirs"
    page.wait_for_timeout(700)  # what comes from elsewhere leaves the field alone
    assert page.evaluate("document.activeElement.value") == "<b>bold</b> words"
    page.keyboard.press("Enter")
    panel.get_by_text("the description was changed meanwhile, to theirs").wait_for()
    assert page.evaluate("document.activeElement.value") == "<b>bold</b> words"
    page.keyboard.press("Enter")
    panel.get_by_role("button", name="Edit the description", exact=True).get_by_text(
        "<b>bold</b> words"
    ).wait_for()
    assert context.session_get("third").description == "<b>bold</b> words"
    lab.run(4)
    assert "('third', '<b>bold</b> words')" in lab.output(4).inner_text()
    assert panel.locator("b").count() == 0
    assert accessible(page) == []


@pytest.mark.thorough
def test_runs_links_exports_and_what_cannot_be_undone(jupyter, lab, elsewhere):
    panel = begin(
        jupyter,
        lab,
        "desk",
        "%hero_panel",
        "!!play.echo content:'<img src=x onerror=alert(1)>'\n!!session.env_set key:A val:1",
    )
    page = lab.page
    context = elsewhere.context_get("desk")
    panel.get_by_role("tab", name="session").click()
    lab.run(2)
    panel.get_by_text("ok: 1 ok, 1 changed").wait_for(timeout=SOON_MS)
    panel.locator(f"{SEEN} .hero-fold").first.focus()
    page.keyboard.press("Enter")
    panel.locator("pre").get_by_text("<img src=x onerror=alert(1)>").wait_for()
    panel.get_by_text("Why").click()
    panel.get_by_text("records: ").wait_for()
    panel.get_by_role("button", name="1 variable", exact=True).click()
    panel.get_by_role("tab", name="env", selected=True).wait_for()
    assert panel.get_by_role("tab", name="env").evaluate("one => one === document.activeElement")
    panel.get_by_role("tab", name="session").click()

    # export, and not over a file that is there
    for answer in ("", "Replace it"):
        panel.get_by_role("button", name="Export").click()
        panel.get_by_label("File", exact=True).fill("intro.zip")
        panel.get_by_label("with its runs").check()
        panel.get_by_role("button", name="Write the file").click()
        if answer:
            panel.get_by_text("intro.zip is there already.").wait_for()
            panel.get_by_role("button", name=answer).click()
        panel.get_by_text("intro.zip: 1 env, 0 params, 0 database entries, 1 run").wait_for()
    assert (jupyter.work / "intro.zip").is_file()

    # reset needs the name
    panel.get_by_role("button", name="Reset").click()
    sure = panel.get_by_role("dialog").get_by_role("button", name="Reset")
    assert sure.is_disabled()
    page.keyboard.type("intro")
    page.keyboard.press("Enter")
    panel.get_by_text("0 variables").wait_for()
    assert context.session_get("intro").env_all() == {}
    assert accessible(page) == []


@pytest.mark.thorough
def test_contexts_come_and_go_and_values_are_panels(jupyter, lab, elsewhere):
    panel = begin(
        jupyter,
        lab,
        "store",
        "%hero_panel",
        "import hero_kernel as hero\nhero.session()",
        "hero.context()",
    )
    page = lab.page

    # a context is made, left, renamed elsewhere, and deleted by its name
    panel.get_by_role("button", name="New context").click()
    page.keyboard.type("scratch")
    page.keyboard.press("Enter")
    panel.get_by_role("heading", name="context scratch").wait_for()
    panel.get_by_role("button", name="Switch to context store").click()
    panel.get_by_role("heading", name="context store").wait_for()
    elsewhere.context_get("scratch").rename("draft")
    fold = page.locator(".hero-fold").get_by_text("draft", exact=True)
    fold.click(timeout=SOON_MS)
    panel.locator("tbody", has=fold).get_by_role("button", name="Delete").click()
    page.keyboard.type("draft")
    panel.get_by_role("dialog").get_by_role("button", name="Delete").click()
    fold.wait_for(state="detached")
    assert not elsewhere.context_exists("draft")
    page.get_by_text("is deleted").first.wait_for()
    assert accessible(page) == []

    # values are panels, and what is saved is good reading without them
    lab.run(2)
    value = lab.output(2).locator(".hero-panel")
    value.get_by_role("heading", name="session store of context store").wait_for()
    value.get_by_text("this kernel").wait_for()
    lab.run(3)
    value = lab.output(3).locator(".hero-panel")
    value.get_by_role("heading", name="context store").wait_for()
    value.get_by_role("button", name="Open").wait_for(state="detached")

    lab.dark()
    assert accessible(page) == []
    page.screenshot(path=os.environ.get("HERO_SHOT", str(jupyter.folder / "dark.png")))
    page.evaluate("document.querySelectorAll('.hero-widget').forEach(e => e.style.width = '320px')")
    for wide in page.locator(".hero-panel").all():
        assert wide.evaluate("one => one.scrollWidth <= one.clientWidth + 1")


@pytest.mark.thorough
def test_a_thousand_sessions_are_filtered_and_sorted(jupyter, lab, elsewhere):
    context = elsewhere.context_new("crowd")
    from hero_kernel.sessions import PREFIX, SessionConfig  # noqa: PLC0415  # records, at once

    for n in range(1000):
        config = SessionConfig(name=f"s{n:04}", start="2025-01-02 03:04:05", description=f"no {n}")
        elsewhere.store.put(context.id, PREFIX + config.name, config.text())
    panel = begin(jupyter, lab, "crowd", "%hero_panel context")
    panel.get_by_text("1001, 1 live").wait_for()
    table = panel.get_by_role("region", name="Sessions of context crowd")
    rows = table.locator("tbody")
    assert rows.count() == 40
    panel.get_by_label("Filter").first.fill("s077")
    rows.nth(9).wait_for()
    panel.get_by_text("s0770", exact=True).wait_for()
    assert rows.count() == 10
    table.get_by_role("button", name="session", exact=True).click()
    panel.locator("th[aria-sort=ascending]").wait_for()
    table.get_by_role("button", name="session ↑").click()
    panel.locator("th[aria-sort=descending]").wait_for()
    rows.first.get_by_text("s0779").wait_for()
    panel.get_by_role("button", name="Show all").click()
    panel.get_by_text("40 of 1001").wait_for()
    panel.get_by_role("button", name="Show more").click()
    panel.get_by_text("80 of 1001").wait_for()
    assert rows.count() == 80


@pytest.mark.thorough
def test_a_restarted_kernel_is_found_and_followed(jupyter, lab):
    panel = begin(jupyter, lab, "again", "%hero_panel", "%hero_session new later")
    page = lab.page
    page.evaluate("() => window.shownNotebook.sessionContext.session.kernel.restart()")
    again = panel.get_by_role("button", name="Reconnect")
    for _ in range(4):  # a kernel that takes long to come back is asked once more
        again.click()
        panel.locator(".hero-standing button:disabled").wait_for(state="detached")
        if not again.count():
            break
    panel.get_by_role("heading", name="context again").wait_for()
    panel.get_by_role("tab", name="session").click()
    panel.get_by_role("heading", name="session intro of context again").wait_for()
    panel.get_by_text("The notebook is not on this session.").wait_for()  # not bound yet
    panel.get_by_role("button", name="Switch to it").click()
    panel.get_by_text("hero ▸ context again ▸ session intro").wait_for()
    panel.locator(SEEN).get_by_text("this kernel: ").wait_for()
    lab.run(2)
    panel.get_by_role("heading", name="session later of context again").wait_for(timeout=SOON_MS)
