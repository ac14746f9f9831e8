"""The panels of a playbook and of reports, as a user works with them."""

from __future__ import annotations

import pytest
from browser import fronts
from browser.panel_looks import at_terminal, axe_faults, wide_again
from report.test_html import HOSTILE

pytestmark = pytest.mark.timeout(180)

ACTIONS = """
import threading
import hero_kernel as hero
session = hero.session()
broken, go_on = {"b"}, threading.Event()

@hero.action("t.do")
def do(session, *, n: str, token: hero.Secret | None = None):
    print("printed", n * 6000)
    if n in broken:
        raise ValueError(f"no {n}")
    return f"did {n}"

@hero.action("t.slow")
def slow(session):
    session.progress("half-way", 0.5)
    go_on.wait(20)
"""

QUEUE = '''
session.playbook_add(text="""//the first
!!t.do n:a token:canary-aa11bb22
!!no.body x:1
!!t.slow
!!t.do n:b
!!t.do n:c""");
'''

TAGS = {
    "button", "dd", "div", "dl", "dt", "h3", "h4", "input", "label", "p", "pre", "section", "span",
    "strong", "table", "tbody", "td", "th", "thead", "time", "tr",
}  # fmt: skip

OPEN_ALL = """panel => {
    const closed = [...panel.querySelectorAll('.hero-opener[aria-expanded=false]')];
    closed.filter(one => !/Kept/.test(one.textContent)).forEach(one => one.click());
    return closed.length;
}"""

MADE_OF = """panel => {
    const all = [...panel.querySelectorAll('*')];
    const tags = new Set(all.map(one => one.tagName.toLowerCase()));
    const names = new Set(all.flatMap(one => [...one.attributes].map(a => a.name)));
    return [[...tags], [...names]];
}"""

INTERRUPT = "() => window.shownNotebook.sessionContext.session.kernel.interrupt()"


@pytest.mark.thorough
def test_a_queue_is_run_interrupted_and_retried(jupyter, lab, browser):  # noqa: PLR0915  # a user's day
    mend = "broken.clear(); go_on.set()"
    jupyter.write("queue.ipynb", [ACTIONS, "%hero_panel playbook", mend, QUEUE])
    lab.open("queue.ipynb")
    lab.run(0)
    lab.run(1)
    page = lab.page
    panel = page.locator(".hero-view-playbook")
    panel.get_by_text("nothing is queued").wait_for()
    lab.run(3)
    panel.get_by_text("5 of 5 waiting").wait_for()
    assert "canary" not in panel.inner_text()

    def button(name: str):
        return panel.get_by_role("button", name=name, exact=True)

    def statuses() -> list[str]:
        found = panel.locator(".hero-queue .hero-status").all_inner_texts()
        return [text.split(" ", 1)[1] for text in found]

    assert statuses() == ["waiting", "no handler", "waiting", "waiting", "waiting"]
    button("Remove no.body (2)").click()
    button("Cancel").click()
    panel.get_by_text("5 of 5 waiting").wait_for()
    button("Remove no.body (2)").click()
    button("Remove").last.click()
    panel.get_by_text("4 of 4 waiting").wait_for()
    button("Put back").click()
    panel.get_by_text("5 of 5 waiting").wait_for()
    button("Dry run").click()
    panel.locator(".hero-said").get_by_text("dry run, nothing was changed").wait_for()

    with fronts.tab(browser, jupyter.lab()) as other:  # another page of the same notebook
        lab.save()
        other.open("queue.ipynb")
        theirs = other.page.locator(".hero-view-playbook")
        theirs.wait_for()
        button("Run").click()
        for one in (panel, theirs):
            one.locator(".hero-going").get_by_text("3/5 t.slow half-way 50%").wait_for()
            one.locator(".hero-queue .hero-is-running").wait_for()
    assert statuses()[:3] == ["ok", "no handler", "running"]
    page.evaluate(INTERRUPT)
    panel.locator(".hero-fault").get_by_text("t.slow was interrupted").wait_for()
    panel.locator(".hero-queue .hero-is-interrupted").wait_for()
    assert statuses() == ["ok", "no handler", "interrupted", "waiting", "waiting"]
    button("Dismiss").click()

    lab.run(2)
    button("Retry").click()
    panel.get_by_text("1 of 5 waiting").wait_for()
    panel.locator(".hero-said").get_by_text("3 ok").wait_for()
    assert statuses() == ["done", "no handler", "ok", "ok", "ok"]

    button("Last run").click()
    panel.locator(".hero-run").get_by_text("did b").wait_for()
    button("Kept runs").click()
    kept = panel.get_by_role("region", name="Kept runs")
    kept.get_by_text("interrupted", exact=True).wait_for()
    kept.get_by_role("button").last.focus()
    page.keyboard.press("Space")
    kept.locator(".hero-run").get_by_text("interrupted 1").wait_for()
    logged = at_terminal(jupyter, "-s", "queue", "log", "search", "t.slow")
    assert "t.slow interrupted" in logged

    assert axe_faults(page) == []
    panel.evaluate("e => { e.closest('.hero-widget').style.width = '320px'; }")
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth")
    wide_again(page)
    lab.dark()
    assert axe_faults(page) == []
    lab.command("apputils:change-theme", theme="JupyterLab Light")  # the server remembers it


@pytest.mark.thorough
def test_a_report_opens_to_its_outputs(jupyter, lab):
    many = "hero.play('\\n'.join(f'!!play.echo content:{n}' for n in range(10_000)))"
    jupyter.write(
        "report.ipynb",
        [ACTIONS, "!!t.do n:a\n!!t.do n:b\n!!t.do n:c", "hero.last_run", f"many = {many}\nmany"],
    )
    lab.open("report.ipynb")
    lab.run(0)
    lab.run(1)
    lab.run(2)
    page = lab.page
    panel = page.locator(".hero-view-report").first
    panel.get_by_text("1 ok, 1 failed, 1 skipped").wait_for()
    assert page.locator(".hero-view-report").count() == 1  # the cell of actions has none
    panel.get_by_role("button", name="t.do").nth(1).focus()
    page.keyboard.press("Space")
    panel.get_by_text("ValueError: no b").wait_for()
    assert "in do" in panel.get_by_role("region", name="traceback").inner_text()
    output = panel.get_by_role("region", name="output")
    assert len(output.inner_text()) == 4000
    panel.get_by_role("button", name="Show all").click()
    page.wait_for_function(
        "() => document.querySelector('pre[aria-label=output]').textContent.length > 6000"
    )
    panel.get_by_role("button", name="failed 1").click()
    panel.get_by_role("button", name="t.do").nth(1).wait_for(state="detached")
    assert axe_faults(page) == []
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    panel.get_by_role("button", name="Copy as text").click()
    panel.get_by_text("Copied").wait_for()
    assert "✗ failed" in page.evaluate("() => navigator.clipboard.readText()")
    panel.evaluate("e => { e.closest('.hero-widget').style.width = '320px'; }")
    assert panel.evaluate("e => e.scrollWidth <= e.clientWidth")

    lab.run(3)
    panel = page.locator(".hero-view-report").last
    panel.get_by_text("of 10000").wait_for()
    assert panel.locator("tbody > tr").count() == 100
    panel.get_by_role("button", name="Last", exact=True).click()
    panel.get_by_text("9901-10000 of 10000").wait_for()
    panel.get_by_role("searchbox", name="Find").fill("777")
    panel.get_by_text("9901-10000").wait_for(state="detached")
    panel.get_by_text("7770", exact=True).wait_for()

    page.evaluate("() => window.shownNotebook.sessionContext.session.kernel.restart()")
    page.get_by_text("The kernel that showed this is gone").first.wait_for()
    panel = page.locator(".hero-panel").first
    panel.get_by_role("button", name="Reconnect").click()
    panel.get_by_text("The kernel that showed this is gone").wait_for(state="detached")
    panel.get_by_role("button", name="All 3").click()
    panel.get_by_role("button", name="t.do").nth(2).click()  # found by the run's name
    panel.get_by_text("n", exact=True).first.wait_for()


@pytest.mark.thorough
def test_nothing_hostile_becomes_more_than_text(jupyter, lab):
    jupyter.write(
        "hostile.ipynb",
        [
            ACTIONS,
            f"HOSTILE = {HOSTILE!r}",
            """
@hero.action("t.say")
def say(*, text: str):
    print(text, text, sep="\\n")
    return text

@hero.action("t.bad")
def bad(*, text: str):
    print(text)
    raise type("E" + text, (ValueError,), {})(text)

log = session.logger()
book = hero.Playbook()
for text in HOSTILE:
    log.log(text, cat="x")
    log.error(f"{text}\\n{text}", cat="x")
    for name in ("say", "bad"):
        action = hero.Action(f"t.{name}", {"text": text}, comments=text)
        book.add(actions=[action])
        session.plbook.add(actions=[hero.Action(f"t.{name}", {"text": text}, comments=text)])
report = session.context.host.run(session, book, keep_going=True, source="<img src=x>")""",
            "%hero_panel log",
            "%hero_panel playbook",
            "report",
        ],
    )
    lab.open("hostile.ipynb")
    page = lab.page
    page.evaluate("() => { window.alert = () => { window.bad = 1; }; }")
    for cell in range(3):
        lab.run(cell)
    for cell, name in ((3, "log"), (4, "playbook"), (5, "report")):
        lab.run(cell)
        panel = page.locator(f".hero-view-{name}")
        panel.wait_for()
        if name == "playbook":
            panel.get_by_role("button", name="Last run").click()
            panel.locator(".hero-run .hero-opener").first.wait_for()
        assert panel.evaluate(OPEN_ALL) > 60
        if name != "log":
            page.wait_for_function(
                "name => document.querySelectorAll(`.hero-view-${name} .hero-behind`).length > 60",
                arg=name,
            )
        tags, attributes = panel.evaluate(MADE_OF)
        assert set(tags) <= TAGS
        assert [one for one in attributes if one.startswith("on")] == []
        assert {"href", "src", "style", "action", "formaction", "srcdoc"}.isdisjoint(attributes)
        text = panel.inner_text()
        for one in HOSTILE:
            if one.isascii() and one.isprintable() and one == one.strip() and len(one) < 100:
                assert one in text, (name, one)
    assert page.evaluate("() => window.bad") is None
