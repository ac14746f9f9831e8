"""Panels in JupyterLab and Notebook 7: what is saved, who answers, what is seen, and the frame."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from time import monotonic, sleep

import pytest
from browser import fronts
from kernel.driving import environment
from nbconvert import get_exporter

pytestmark = pytest.mark.timeout(180)

SHOTS = os.environ.get("HERO_SHOTS", "")
"""A folder for pictures, to look at what the tests see."""

KERNEL = "window.shownNotebook.sessionContext.session.kernel"

PATIENCE_MS = 10_000


def shot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/pcore-{name}.png")


def edit(panel, name, text):
    """Change a variable by the keyboard, and wait until it is said to be done."""
    panel.get_by_role("button", name=f"Edit {name}").focus()
    panel.page.keyboard.press("Enter")
    panel.page.keyboard.press("Control+A")
    panel.page.keyboard.type(text)
    panel.page.keyboard.press("Enter")
    panel.get_by_text(text).first.wait_for(timeout=PATIENCE_MS)
    panel.locator("textarea:focus").wait_for(state="detached")


def lost(page):
    page.get_by_role("button", name="Reconnect").wait_for(timeout=PATIENCE_MS)


def reconnect(page):
    page.get_by_role("button", name="Reconnect").click()
    page.get_by_role("button", name="Reconnect").wait_for(state="detached", timeout=PATIENCE_MS)


def command(jupyter, *words):
    """What another program does, meanwhile; what it says."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=environment(jupyter.folder),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def convert(path, to):
    """What nbconvert makes of a notebook."""
    return get_exporter(to)().from_filename(str(path))[0]


BARE = """
import anywidget
class Bare(anywidget.AnyWidget):
    _esm = "export default {render({el}) {el.textContent = 'bare widget'}}"
    def _repr_mimebundle_(self, **_):
        data, more = super()._repr_mimebundle_()
        return data | {'text/html': '<p>bare table</p>'}, more
Bare()
"""
"""What a widget with HTML beside it comes to."""


@pytest.fixture(scope="module")
def saved(browser, jupyter):
    """A notebook that JupyterLab has saved, with the state of its widgets, as it can be told to."""
    settings = jupyter.folder / "config/lab/user-settings/@jupyter-widgets/jupyterlab-manager"
    settings.mkdir(parents=True)
    chosen = settings / "plugin.jupyterlab-settings"
    chosen.write_text(json.dumps({"saveState": True}))
    path = jupyter.write(
        "saved.ipynb",
        [
            "%hero_env set CITY=Ghent 'HOSTILE=<img src=x onerror=alert(1)>'",
            "%hero_panel env",
            "import ipywidgets\nipywidgets.IntSlider(value=42)",
            BARE,
        ],
    )
    try:
        with fronts.tab(browser, jupyter.lab()) as tab:
            tab.open(path.name)
            for index in range(4):
                tab.run(index)
            page = tab.page
            page.locator(".hero-panel").get_by_text("Ghent").first.wait_for()
            page.get_by_text("bare widget", exact=True).wait_for()
            assert page.get_by_text("CITY", exact=True).locator("visible=true").count() == 1
            tab.save()
            page.evaluate("() => window.shownNotebook.sessionContext.shutdown()")
            lost(page)
            tab.check()
    finally:
        chosen.unlink()
    return path


@pytest.fixture(params=["with", "without"])
def kept(request, saved, jupyter):
    """With the widgets' state in the file, and without it."""
    if request.param == "with":
        return saved
    notebook = json.loads(saved.read_text(encoding="utf-8"))
    del notebook["metadata"]["widgets"]
    path = saved.with_name("without.ipynb")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    command(jupyter, "nbformat.sign", str(path))  # as if it was saved so
    return path


def test_what_is_saved_is_no_widget_and_others_are_saved_as_ever(saved):
    notebook = json.loads(saved.read_text(encoding="utf-8"))
    assert set(notebook["cells"][1]["outputs"][0]["data"]) == {"text/html", "text/plain"}
    widgets = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    kinds = sorted(one["model_name"] for one in widgets.values())
    assert kinds == ["AnyModel", "IntSliderModel", "LayoutModel", "LayoutModel", "SliderStyleModel"]
    assert "Ghent" not in json.dumps(widgets)


@pytest.mark.thorough
def test_reopened_it_reads_without_its_kernel(browser, jupyter, kept):
    with fronts.tab(browser, jupyter.lab()) as tab:
        tab.open(kept.name)
        panel = tab.output(1)
        panel.get_by_text("CITY").wait_for()
        if kept.stem == "without":  # the control: another widget is an error
            tab.output(3).get_by_text("Error displaying widget").wait_for()
        assert "Ghent" in panel.inner_text()
        assert "<img src=x" in panel.inner_text()
        assert panel.locator("img").count() == 0
        shot(tab.page, f"reopened-{kept.stem}")
        assert tab.outside == []
        tab.page.evaluate("() => window.shownNotebook.sessionContext.shutdown()")


def test_what_nbconvert_makes_of_it_reads_offline(browser, kept, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(convert(kept, "html"), encoding="utf-8")
    context = browser.new_context()
    context.route(
        "**/*", lambda one: one.continue_() if one.request.url.startswith("file:") else one.abort()
    )
    page = context.new_page()
    page.goto(file.as_uri())
    outputs = page.locator(".jp-OutputArea-output").all_inner_texts()
    shot(page, f"offline-{kept.stem}")
    context.close()
    assert "Ghent" in outputs[1]
    assert "<img src=x" in outputs[1]
    if kept.stem == "saved":
        assert "bare table" not in outputs[3]  # the control: another widget is blank, with its HTML
    for to in ("markdown", "latex"):
        assert "Ghent" in convert(kept, to)


@pytest.mark.thorough
def test_the_kernel_goes_and_comes(jupyter, lab):
    jupyter.write(
        "comes.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env", "import os", "'own'"]
    )
    page = lab.page
    lab.open("comes.ipynb")
    for index in range(3):
        lab.run(index)
    panel = page.locator(".hero-panel")
    edit(panel, "CITY", "Bruges")

    begin = monotonic()
    page.evaluate(f"() => {KERNEL}.restart()")
    lost(page)
    assert monotonic() - begin < 3
    shot(page, "lost")
    panel.get_by_role("button", name="Edit CITY").click()
    page.keyboard.type("Nobody")
    page.keyboard.press("Enter")
    panel.get_by_text("there is no kernel that could answer").wait_for()
    assert panel.locator("textarea").input_value() == "Nobody"  # what was typed is not lost
    page.keyboard.press("Escape")
    reconnect(page)
    edit(panel, "CITY", "Namur")

    pid = page.evaluate(
        f"async () => {{ let pid = ''; const future = {KERNEL}.requestExecute("
        "{code: 'import os; os.getpid()'}); future.onIOPub = message => {"
        "pid = message.content.data?.['text/plain'] ?? pid}; await future.done; return pid}"
    )
    os.kill(int(pid), signal.SIGKILL)  # the server starts another one
    lost(page)
    page.wait_for_function(f"() => {KERNEL}.status === 'idle'")
    if page.locator(".jp-Dialog").count():
        page.locator(".jp-Dialog").get_by_role("button", name="Ok").click()
    reconnect(page)
    edit(panel, "CITY", "Liege")

    page.evaluate("() => window.shownNotebook.sessionContext.shutdown()")
    lost(page)
    page.get_by_role("button", name="Reconnect").click()
    panel.get_by_text("there is no kernel · start one").wait_for()
    page.evaluate("() => window.shownNotebook.sessionContext.startKernel()")
    page.wait_for_function(f"() => {KERNEL}?.status === 'idle'")
    reconnect(page)
    edit(panel, "CITY", "Mons")
    lab.run(1)
    panel.get_by_text("Mons").wait_for()
    assert panel.count() == 1


LATE = """\
from types import SimpleNamespace
from magics.panels.panel import Script
class Late(Script):
    comm = SimpleNamespace(comm_id='hero-late')
    def open(self): pass
get_ipython()._hero_extension.door.panels.script = late = Late()
"""

COMES = """\
import comm
_ = comm.create_comm(target_name='jupyter.widget', comm_id='hero-late',
    data={'state': late.get_state(), 'buffer_paths': []}, metadata={'version': '2.1.0'})
"""


@pytest.mark.thorough
def test_what_draws_comes_later_than_the_panel(jupyter, lab):
    """ipywidgets looks for two seconds, and anywidget gives up a model that takes longer."""
    jupyter.write("late.ipynb", ["%hero_env set CITY=Ghent", LATE, "%hero_panel env", COMES])
    page = lab.page
    lab.open("late.ipynb")
    for number in range(3):
        lab.run(number)
    lab.output(2).get_by_text("Ghent").wait_for()
    page.wait_for_timeout(3000)
    panel = lab.output(2).locator(".hero-panel")
    assert panel.count() == 0
    lab.run(3)
    edit(panel, "CITY", "Bruges")


SLOW_SCRIPTS = """() => {
    const url = URL.createObjectURL;
    const late = 'await new Promise(done => setTimeout(done, 1800));';
    URL.createObjectURL = blob => url.call(URL, new Blob([late, blob], {type: blob.type}));
}"""
"""What is brought into the page as a script begins later than it came."""


@pytest.mark.thorough
def test_a_further_panel_does_not_wait_for_scripts(jupyter, lab):
    """anywidget brings the same script in for every one, and a busy page waits for it."""
    jupyter.write("further.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env", BARE])
    page = lab.page
    lab.open("further.ipynb")
    for number in range(2):
        lab.run(number)
    panel = page.locator(".hero-panel")
    panel.wait_for()
    page.evaluate(SLOW_SCRIPTS)
    lab.run(2)
    lab.run(1)
    panel.wait_for(timeout=1500)
    assert page.get_by_text("bare widget", exact=True).count() == 0  # the control: that one waits
    page.get_by_text("bare widget", exact=True).wait_for()
    page.wait_for_timeout(800)
    assert panel.count() == 1  # the script has come, and found it begun
    edit(panel, "CITY", "Bruges")
    lab.run(1)
    panel.get_by_text("Bruges").first.wait_for()
    lab.command("notebook:clear-all-cell-outputs")
    assert panel.count() == 0


@pytest.mark.thorough
def test_long_cells_pages_that_come_again_and_two_at_once(browser, jupyter, lab):
    jupyter.write(
        "both.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env", "import time\ntime.sleep(8)"]
    )
    page = lab.page
    lab.open("both.ipynb")
    lab.run(0)
    lab.run(1)
    lab.save()
    panel = page.locator(".hero-panel")
    edit(panel, "CITY", "Bruges")
    lab.begin(2)
    edit(panel, "CITY", "Namur")  # answered while the cell runs
    assert "[*]" in page.locator(".jp-InputPrompt").nth(2).inner_text()
    edit(panel, "CITY", "Liege")
    with fronts.tab(browser, jupyter.lab()) as other:
        other.open("both.ipynb")
        second = other.page.locator(".hero-panel")
        second.get_by_text("Liege").wait_for()
        edit(second, "CITY", "Mons")
        panel.get_by_text("Mons").first.wait_for()
        edit(panel, "CITY", "Ypres")
        second.get_by_text("Ypres").first.wait_for()
        other.page.reload()
        other.page.wait_for_function("() => window.jupyterapp !== undefined")
        other.open("both.ipynb")
        edit(second, "CITY", "Diest")
        other.check()
    panel.get_by_text("Diest").first.wait_for()


@pytest.mark.thorough
def test_where_answers_cannot_come_while_a_cell_runs(jupyter, lab):
    """As with ipykernel 6, which has no threads for messages of widgets."""
    jupyter.write(
        "busy.ipynb",
        ["%hero_env set CITY=Ghent", "%hero_panel env", "import time\ntime.sleep(4.5)"],
    )
    page = lab.page
    lab.open("busy.ipynb")
    page.evaluate(f"() => {{ {KERNEL}.commsOverSubshells = 'disabled' }}")
    lab.run(0)
    lab.run(1)
    panel = page.locator(".hero-panel")
    edit(panel, "CITY", "Bruges")
    lab.begin(2)
    panel.get_by_role("button", name="Edit CITY").click()
    page.keyboard.type("Liege")
    page.keyboard.press("Enter")
    panel.get_by_text("Waits for the kernel").wait_for(timeout=PATIENCE_MS)
    shot(page, "busy")
    panel.get_by_text("Waits for the kernel").wait_for(state="detached", timeout=PATIENCE_MS)
    panel.get_by_text("Liege").first.wait_for()


@pytest.mark.thorough
def test_the_way_to_the_server_is_lost_and_found(browser, jupyter):
    jupyter.write("cable.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env"])
    with fronts.tab(browser, jupyter.lab()) as tab:  # its own: JupyterLab complains of the loss
        tab.open("cable.ipynb")
        tab.run(0)
        tab.run(1)
        page = tab.page
        panel = page.locator(".hero-panel")
        edit(panel, "CITY", "Bruges")
        page.context.set_offline(True)
        page.evaluate(f"() => {KERNEL}._ws.close()")
        panel.get_by_role("button", name="Edit CITY").click()
        page.keyboard.type("Namur")
        page.keyboard.press("Enter")
        panel.get_by_text("Waits for the kernel").wait_for(timeout=PATIENCE_MS)
        assert panel.locator("textarea").input_value() == "Namur"
        page.context.set_offline(False)
        page.evaluate(f"() => {KERNEL}.reconnect()")
        panel.get_by_text("Waits for the kernel").wait_for(state="detached", timeout=PATIENCE_MS)
        panel.locator("textarea").wait_for(state="detached")
        panel.get_by_text("Namur").wait_for()


COUNT = f"""() => {{
    window.looks = 0;
    {KERNEL}.anyMessage.connect((_, one) => {{
        if (one.direction === 'send' && one.msg.header.msg_type === 'comm_msg') window.looks += 1;
    }});
}}"""


@pytest.mark.thorough
def test_nobody_looks_at_what_is_not_seen(jupyter, lab):
    jupyter.write(
        "far.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env", *["print('x\\n' * 60)"] * 3]
    )
    page = lab.page
    lab.open("far.ipynb")
    for index in range(5):
        lab.run(index)
    page.locator(".hero-panel").wait_for(state="attached")
    page.evaluate("() => window.shownNotebook.content.scrollToItem(4)")
    sleep(0.5)
    page.evaluate(COUNT)
    sleep(5.5)
    assert page.evaluate("() => window.looks") == 0
    command(jupyter, "hero_kernel", "env", "set", "CITY=Bruges", "-s", "far")
    page.evaluate("() => window.shownNotebook.content.scrollToItem(0)")
    page.locator(".hero-panel").get_by_text("Bruges").wait_for(timeout=1500)
    assert page.evaluate("() => window.looks") > 0
    command(jupyter, "hero_kernel", "env", "set", "CITY=Namur", "-s", "far")
    page.locator(".hero-panel").get_by_text("Namur").wait_for(timeout=1500)
    lab.command("notebook:clear-all-cell-outputs")
    assert page.locator(".hero-panel").count() == 0
    page.evaluate("() => { window.looks = 0 }")
    sleep(5.5)
    assert page.evaluate("() => window.looks") == 0


@pytest.mark.thorough
def test_a_tab_that_is_not_shown_is_told_of_when_it_is(jupyter, lab):
    jupyter.write("hidden.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env log"])
    page = lab.page
    lab.open("hidden.ipynb")
    lab.run(0)
    lab.run(1)
    panel = page.locator(".hero-panel")
    panel.get_by_text("Ghent").wait_for()
    panel.get_by_role("tab", name="log").click()
    sleep(7)
    command(jupyter, "hero_kernel", "env", "set", "CITY=Bruges", "-s", "hidden")
    sleep(1.5)
    variables = panel.locator(".hero-view-env")
    assert "Ghent" in variables.text_content()  # nobody looks at it
    panel.get_by_role("tab", name="env").click()
    variables.get_by_text("Bruges").wait_for(timeout=1000)


TABS = """
import hero_kernel as hero
from magics.panels.display import Panels
from magics.panels.env import View
door = get_ipython()._hero_extension.door
class Broken(View):
    def state(self): return {}
class Foreign(View):
    kind = 'unheard'
second = hero.context_get().session_new('second')
second.env_set('RIVER', 'Lys')
made = {'one': View(door), 'two': View(door, second), 'broken': Broken(door), 'new': Foreign(door)}
for key, view in made.items(): view.key = key
Panels(tuple(made.values()))
"""


def faults(page, selector=".hero-panel"):
    """What axe-core finds serious."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # not everywhere

    found = Axe().run(page, context=selector).response["violations"]
    return [
        (one["id"], one["nodes"][0]["html"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.thorough
def test_the_frame(jupyter, lab):
    jupyter.write("frame.ipynb", ["%hero_env set CITY=Ghent", TABS, "'below'"])
    page = lab.page
    lab.open("frame.ipynb")
    lab.run(0)
    lab.run(1)
    panel = page.locator(".hero-panel").first
    tabs = panel.get_by_role("tab")
    tabs.nth(3).wait_for()
    assert tabs.all_inner_texts() == ["one", "two", "broken", "new"]
    assert faults(page) == []
    panel.get_by_role("button", name="Edit CITY").click()
    page.keyboard.type("half typed")
    tabs.nth(0).focus()
    for key, name in (("ArrowRight", "two"), ("End", "new"), ("ArrowRight", "one"),
                      ("ArrowLeft", "new"), ("Home", "one"), ("ArrowRight", "two")):  # fmt: skip
        page.keyboard.press(key)
        selected = panel.locator("[role=tab][aria-selected=true]")
        assert selected.inner_text() == name
        assert selected.evaluate("one => one === document.activeElement")
    panel.get_by_text("RIVER").wait_for()
    command(jupyter, "hero_kernel", "env", "set", "RIVER=Scheldt", "-s", "second")
    panel.get_by_text("Scheldt").wait_for()
    assert panel.locator("[role=tab][aria-selected=true]").inner_text() == "two"
    tabs.nth(0).click()
    assert panel.locator("textarea:visible").input_value() == "half typed"
    panel.locator("textarea:visible").press("Escape")
    for plain in ("a", "d", "d", "x", "b"):  # JupyterLab's commands: add, delete, cut
        page.keyboard.press(plain)
    assert page.locator(".jp-Notebook .jp-Cell").count() == 3
    tabs.nth(2).click()
    panel.get_by_text("This panel failed:").wait_for()
    panel.get_by_role("button", name="Try again").click()
    panel.get_by_text("This panel failed:").wait_for()
    tabs.nth(3).click()
    panel.get_by_text("shows no unheard").wait_for()
    tabs.nth(0).click()

    lab.command("notebook:create-output-view")
    page.locator(".hero-panel").nth(1).wait_for()
    edit(page.locator(".hero-panel").nth(1), "CITY", "Bruges")
    panel.get_by_text("Bruges").first.wait_for()
    shot(page, "two-views")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.close()")
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast"):
        lab.dark(theme)
        page.locator("#jupyterlab-splash").wait_for(state="detached")  # it stumbles over the next
        assert faults(page) == []
        shot(page, theme.replace(" ", "-"))
    lab.command("apputils:change-theme", theme="JupyterLab Light")
    page.set_viewport_size({"width": 420, "height": 800})
    lab.command("application:toggle-left-area")
    sleep(0.3)
    width = panel.evaluate(
        "one => [one.scrollWidth, one.clientWidth, one.getBoundingClientRect().width]"
    )
    assert width[0] <= width[1] + 1, width
    shot(page, "narrow")


@pytest.mark.thorough
def test_a_console_and_notebook_7(browser, jupyter, lab):
    page = lab.page
    jupyter.write("seven.ipynb", ["%hero_env set CITY=Ghent", "%hero_panel env"])
    lab.open("seven.ipynb")
    page.evaluate(
        "async () => { const app = window.jupyterapp; const console_ = await app.commands.execute("
        "'console:create', {kernelPreference: {id: window.shownNotebook.sessionContext.session"
        ".kernel.id}, activate: true}); await console_.sessionContext.ready;"
        "await console_.console.inject('%hero_env set CITY=Ghent');"
        "await console_.console.inject('%hero_panel env') }"
    )
    panel = page.locator(".jp-CodeConsole .hero-panel")
    panel.get_by_text("Ghent").wait_for()
    command(jupyter, "hero_kernel", "env", "set", "CITY=Bruges", "-s", "seven")
    panel.get_by_text("Bruges").wait_for()
    shot(page, "console")
    with fronts.tab(browser, jupyter.notebook("seven.ipynb")) as seven:
        seven.found()
        seven.run(0)
        seven.run(1)
        panel = seven.page.locator(".hero-panel")
        edit(panel, "CITY", "Namur")
        assert faults(seven.page) == []
        shot(seven.page, "seven")
        seven.check()
