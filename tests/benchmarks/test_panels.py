"""Panels and reports in JupyterLab, against widgets of ipywidgets and their like.

A time is from the command that runs a cell to the frame after its last row in question is there.
"""

from __future__ import annotations

import random
from time import sleep
from typing import TYPE_CHECKING

import pytest
from benchmarks import pages
from benchmarks.measuring import OURS, Goal
from benchmarks.pages import Cell
from browser import fronts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.conftest import Figures
    from benchmarks.pages import Notebook, Painted

KEYS = 1_000_000
ACTIONS = 10_000
VARIABLES = 200
LABELS = 20

ANY = ".jp-OutputArea-output"

FILL = """
import hero_kernel as hero
hero.workspace().session().db_get().update(
    (f"user:{{n:07d}}", f"value {{n}} " + "x" * (n % 50)) for n in range({keys}))
len(hero.workspace().session().db_get())
"""

PREPARE = """
import IPython.display
import ipywidgets
import pandas
ROWS = [(f"user:{n:07d}", "str", 60, f"value {n}" + "x" * (n % 50)) for n in range(40)]
TABLE = "<table>" + "".join(
    "<tr>" + "".join(f"<td class='bench-cell'>{cell}</td>" for cell in row) + "</tr>"
    for row in ROWS) + "</table>"
FRAME = pandas.DataFrame({"key": [f"user:{n:07d}" for n in range(1000)], "value": range(1000)})
for n in range(VARIABLES):
    hero.workspace().session().env_set(f"NAME{n:03}", f"value {n}")
"""

GRID = "import ipydatagrid\nipydatagrid.DataGrid(FRAME)"
TABLES = "import itables\nitables.init_notebook_mode(connected=False)\nitables.show(FRAME)"
FIELDS = """ipywidgets.VBox([
    ipywidgets.HBox([ipywidgets.Label(f'NAME{n:03}'), ipywidgets.Text(f'value {n}'),
                     ipywidgets.Label('In[1] %hero_env set'),
                     ipywidgets.Button(description='Delete')])
    for n in range(VARIABLES)], layout=ipywidgets.Layout(height='24em', overflow='auto'))"""
VBOX = f"ipywidgets.VBox([ipywidgets.Label(f'name {{n}}: value {{n}}') for n in range({LABELS})])"
VALUES = (
    ".hero-place > div:not([hidden]) tbody tr:last-child, "
    ".hero-view-session .hero-counts li:nth-child(5)"
)
"""Of a session: the last in the table whose place its panel takes, or in the panel."""
STATIC = "from magics.live import bundle\nget_ipython().display_pub.publish(bundle(report))"


def cells(keys: int, actions: int, variables: int) -> dict[str, Cell]:
    script = "".join(f"!!play.echo content:'line {n}'\n" for n in range(actions))
    return {
        "fill": Cell(FILL.format(keys=keys), ANY),
        "prepare": Cell(f"VARIABLES = {variables}\n{PREPARE}", ANY),
        "db": Cell("%hero_panel db", '.hero-grid [aria-rowindex="2"] [role=gridcell]'),
        "ipywidgets.HTML": Cell("ipywidgets.HTML(TABLE)", ".bench-cell"),
        "ipydatagrid": Cell(GRID, ".lm-DataGrid canvas, .p-DataGrid canvas"),
        "itables": Cell(TABLES, "table.dataTable tbody td + td"),
        "session": Cell("%hero_panel session", ".hero-view-session .hero-counts li", 4),
        "its values": Cell("%hero_panel session", VALUES),
        "VBox of 20 labels": Cell(VBOX, ".widget-label", LABELS - 1),
        "one bare widget": Cell("ipywidgets.HTML('<p class=bare>one</p>')", "p.bare"),
        "a line of HTML": Cell("IPython.display.HTML('<p class=line>a line</p>')", "p.line"),
        "env": Cell("%hero_panel env", ".hero-view-env [data-value]", variables - 1),
        "rows of ipywidgets": Cell(FIELDS, ".widget-hbox input", variables - 1),
        "tabs": Cell("%hero_panel", ".hero-panel .hero-view-context .hero-rows td"),
        "script": Cell(f"%%heroscript -o report\n{script}", ".hero-report > .q:last-child"),
        "value": Cell("report", ".hero-view-report tbody tr", min(actions, 100) - 1),
        "static": Cell(STATIC, ".hero-report > .q:last-child"),
        "processor": Cell("import time\ntime.process_time()", ANY),
        **{f"panel {n}": Cell("%hero_panel session", ".hero-panel") for n in range(10)},
        **{f"labels {n}": Cell(VBOX, ".widget-label") for n in range(10)},
    }


@pytest.fixture(scope="module")
def shown(figures: Figures, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A notebook of these cells, whose database is filled."""
    if missing := fronts.missing():
        figures.missing[missing] = "not installed: no benchmark in a browser"
        pytest.skip(f"{missing} is not installed")
    keys, actions, variables = map(figures.size, (KEYS, ACTIONS, VARIABLES))
    folder = tmp_path_factory.mktemp("bench")
    with pages.notebook(folder, cells(keys, actions, variables)) as one:
        assert f"\n{keys}" in one.run("fill")
        one.run("prepare")
        yield one


def peers(figures: Figures, *names: str) -> list[str]:
    return [name for name in names if figures.peer(name)]


def add(
    figures: Figures, work: str, taken: dict[str, list[Painted]], ours: str, *goals: Goal
) -> None:
    samples = {
        OURS if name == ours else name: [one.all_s for one in its] for name, its in taken.items()
    }
    figures.add(work, samples, *goals)


def test_the_first_row_of_a_database(figures, shown):
    names = ["db", "ipywidgets.HTML", *peers(figures, "ipydatagrid", "itables")]
    taken = shown.side_by_side(names, figures.rounds(9))
    work = f"first row of {figures.size(KEYS):,} keys, of 40 in HTML, of 1,000 in a grid"
    add(figures, work, taken, "db", Goal("ipywidgets.HTML", at_most=2))


def test_a_session(figures, shown):
    names = ["session", "its values", "VBox of 20 labels", "one bare widget", "a line of HTML"]
    taken = shown.side_by_side(names, figures.rounds(15))
    goal = Goal("VBox of 20 labels", at_most=0.3, why="a line of HTML alone takes longer")
    add(figures, "a session, painted", taken, "session", goal)


def test_variables(figures, shown):
    taken = shown.side_by_side(["env", "rows of ipywidgets"], figures.rounds(5))
    work = f"{figures.size(VARIABLES)} variables, painted"
    add(figures, work, taken, "env", Goal("rows of ipywidgets", at_most=0.25))


def test_eight_panels_in_tabs(figures, shown):
    taken = shown.side_by_side(["tabs", "VBox of 20 labels"], figures.rounds(5))
    assert shown.page.locator(".hero-panel [role=tab]").count() == 8
    add(figures, "eight panels in tabs, painted", taken, "tabs")


_JUMP = """async ([at, keys]) => {
    const box = document.querySelector('.hero-grid-box');
    const begin = performance.now();
    box.scrollTop = (box.scrollHeight - box.clientHeight) * at;
    const frame = () => new Promise(requestAnimationFrame);
    await frame();
    const shown = () => {
        const { top, bottom } = box.getBoundingClientRect();
        return [...box.querySelectorAll('[role=row]')].filter(row => {
            const place = row.getBoundingClientRect();
            return place.bottom > top && place.top < bottom;
        });
    };
    const first = Math.floor(at * keys);
    const isThere = () => shown().length > 5 && shown().every(
        row => row.getAttribute('aria-busy') === 'false'
            && Math.abs(row.getAttribute('aria-rowindex') - first) < 60);
    while (!isThere()) { await frame(); }
    await frame();
    return (performance.now() - begin) / 1000;
}"""

_SCROLL = """async () => {
    const box = document.querySelector('.hero-grid-box');
    const frames = [];
    let empty = 0, last = performance.now();
    for (let step = 0; step < 120; step++) {
        box.scrollTop += 60;
        await new Promise(requestAnimationFrame);
        frames.push((performance.now() - last) / 1000);
        last = performance.now();
        const { top, bottom } = box.getBoundingClientRect();
        empty += [...box.querySelectorAll('[aria-busy=true]')].some(row => {
            const place = row.getBoundingClientRect();
            return place.bottom > top && place.top < bottom;
        });
    }
    return [frames, empty];
}"""

_SEARCH = """async ([text, found]) => {
    const field = document.querySelector('.hero-view-db input[placeholder=Search]');
    const status = document.querySelector('.hero-counted');
    const type = text => {
        field.value = text;
        field.dispatchEvent(new Event('input', { bubbles: true }));
    };
    const frame = () => new Promise(requestAnimationFrame);
    type('');
    await new Promise(resolve => setTimeout(resolve, 300));
    const begin = performance.now();
    type(text);
    while (!status.textContent.startsWith(found) || status.textContent.includes('so far')) {
        if (performance.now() - begin > 60000) { throw new Error(status.textContent); }
        await frame();
    }
    return (performance.now() - begin) / 1000;
}"""


@pytest.fixture
def database(shown: Notebook) -> Iterator[Notebook]:
    """The panel of the database, which has come to rest."""
    shown.clear()
    shown.paint("db")
    shown.page.wait_for_timeout(1000)
    yield shown
    shown.clear()


def test_jumps_and_a_scroll(figures, database):
    chosen = random.Random(1)  # noqa: S311 - places
    keys = figures.size(KEYS)
    jumps = [
        float(database.page.evaluate(_JUMP, [chosen.random(), keys]))
        for _ in range(figures.size(30, least=3))
    ]
    figures.add(f"a jump among {keys:,} keys", {OURS: jumps}, Goal(at_most=0.150))
    frames, empty = database.page.evaluate(_SCROLL)
    note = f"{empty} of {len(frames)} with a row that was not there yet"
    figures.add("a frame of a scroll", {OURS: frames}, Goal(at_most=0.017), note=note)


def test_searches(figures, database):
    keys = figures.size(KEYS)
    found = [(f"user:{n:07d}", f"value {n} " + "x" * (n % 50)) for n in range(keys)]
    begins = f"user:{keys // 2:07d}".rstrip("0")
    middle = str(keys // 10 - 877)
    searches: Sequence[tuple[str, str, int, float]] = (
        ("begins", begins, sum(key.startswith(begins) for key, _ in found), 0.5),
        ("key", middle, sum(middle in key for key, _ in found), 1),
        ("key", "r:0", keys, 1),
        ("value", f"e {middle} x", sum(f"e {middle} x" in value for _, value in found), 2),
    )
    for way, text, count, goal_s in searches:
        database.page.get_by_label("How to search").select_option(way)
        given = [text, f"{count:,} of"]
        taken = [float(database.page.evaluate(_SEARCH, given)) for _ in range(figures.rounds(5))]
        work = f"{count:,} of {keys:,} keys found: {way} {text!r}"
        figures.add(work, {OURS: taken}, Goal(at_most=goal_s), note="with the pause after typing")


def test_a_report(figures, shown):
    rounds, actions = figures.rounds(5), figures.size(ACTIONS)
    shown.clear()
    taken = shown.side_by_side(["script", "value", "static"], rounds, settle_s=0.5)
    its = taken["script"]
    figures.add(
        f"report of {actions:,} actions, from publishing to paint",
        {OURS: [one.published_s for one in its]},
        Goal(at_most=0.5),
    )
    for name, what in (("value", "as a value"), ("static", "in its static forms")):
        samples = {OURS: [one.all_s for one in taken[name]]}
        figures.add(
            f"report of {actions:,} actions {what}, run and painted", samples, Goal(at_most=0.5)
        )
    for name, paints in taken.items():
        samples = {OURS: [one.longest_s for one in paints]}
        figures.add(f"longest time without a frame: {name}", samples, Goal(at_most=0.2))
    kept = {name: [float(len(shown.outputs(name)))] for name in taken}
    figures.add(
        f"what a report of {actions:,} actions leaves in the notebook",
        {OURS: kept["script"], "as a value, in a panel": kept["value"]},
        unit="B",
    )
    shown.clear()


def test_what_a_panel_keeps_in_the_page(figures, shown):
    count = figures.size(10, least=2)
    shown.clear()
    for name in ("panel", "labels"):
        shown.paint(f"{name} 0")
    taken = {}
    with pages.inspector(shown.page) as session:
        for name in ("panel", "labels"):
            before = pages.heap_bytes(session)
            for n in range(1, count):
                shown.paint(f"{name} {n}", settle_s=0.3)
            taken[name] = [(pages.heap_bytes(session) - before) / (count - 1)]
        before = pages.heap_bytes(session)
        for _ in range(count):
            shown.paint("panel 0", settle_s=0.3)
        again = [(pages.heap_bytes(session) - before) / count]
    figures.add(
        "memory of the page a panel",
        {OURS: taken["panel"], "VBox of 20 labels": taken["labels"]},
        Goal("VBox of 20 labels", at_most=1),
        unit="B",
    )
    figures.add(
        "memory of the page that a panel leaves when its cell runs again", {OURS: again}, unit="B"
    )
    shown.clear()


def test_what_looking_costs(figures, shown):
    seconds = 1 if figures.quick else 10
    shown.clear()
    taken: dict[str, list[float]] = {"no panel": [], OURS: []}
    for _ in range(figures.rounds(2)):
        for name, samples in taken.items():
            if name == OURS:
                shown.paint("tabs")
            shown.page.wait_for_timeout(1000 if figures.quick else 7000)  # it comes to rest
            begin_s = float(shown.run("processor").split("\n")[-1])
            sleep(seconds)
            used_s = float(shown.run("processor").split("\n")[-1]) - begin_s
            samples.append(100 * used_s / seconds)
            shown.clear()
    figures.add(
        "processor of the kernel while a panel is looked at", taken, Goal(at_most=0.5), unit="%"
    )
