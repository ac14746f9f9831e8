"""Round trips of cells through a real Hero kernel, against other cells in the same kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks.measuring import OURS, Goal
from kernel.driving import Kernel
from kernel.rounds import round_trip_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CELLS = 5
"""In a row make one sample: a single one also measures how long the kernel had been idle."""

OTHERS = """\
from IPython.core.magic import register_cell_magic
from IPython.display import HTML, display

@register_cell_magic
def empty(line, cell):
    pass

@register_cell_magic
def table(line, cell):
    rows = ''.join(f'<tr><td>{n}</td><td>{text}</td></tr>' for n, text in enumerate(cell.split()))
    display(HTML(f'<table>{rows}</table>'))

import hero_kernel
from magics import live

@register_cell_magic
def shown(line, cell):
    live.Live(get_ipython().display_pub, None, is_whole_cell=True, bundle=lambda _: forms).end(last)
"""
"""Magics that do less than ours: what a cell costs that does nothing, or only shows something."""

LAST = "last = hero_kernel.session().run_get(); forms = live.bundle(last)"


def actions(count: int) -> str:
    return "%%heroscript\n" + "".join(f"!!play.echo content:'line {n}'\n" for n in range(count))


@pytest.fixture
def kernel(tmp_path) -> Iterator[Kernel]:
    with Kernel(tmp_path, PLOOMBER_STATS_ENABLED="false") as one:
        one.ask(OTHERS)
        yield one


def works(kernel: Kernel, cells: dict[str, str]) -> dict[str, Callable[[], None]]:
    def run(code: str) -> None:
        for _ in range(CELLS):
            round_trip_s(kernel.client, code)

    return {name: lambda code=code: run(code) for name, code in cells.items()}


def test_ten_trivial_actions(figures, kernel):
    shows, nothing = "a magic that shows its report", "a magic that does nothing"
    cells = {
        OURS: actions(10),
        "pass": "pass",
        shows: actions(10).replace("heroscript", "shown"),
        nothing: actions(10).replace("heroscript", "empty"),
        "%%bash true": "%%bash\ntrue",
    }
    assert kernel.ask(cells[OURS]).count("play.echo") == 10
    kernel.ask(LAST)
    assert kernel.ask(cells[shows]).count("play.echo") == 10
    goals = [
        Goal("pass", at_most=1.25, why="showing ten rows of HTML, and nothing else, takes 1.2 x"),
        Goal("%%bash true", at_most=0.5, why="pass alone takes more, see below"),
    ]
    if figures.peer("sql"):
        kernel.ask("%load_ext sql\n%config SqlMagic.feedback = 0\n%sql sqlite://")
        cells["jupysql"] = "%%sql\nselect 1"
        goals.append(Goal("jupysql", at_most=0.6, why="pass alone takes nearly all, see below"))
        assert "1" in kernel.ask(cells["jupysql"])
    taken = figures.compare(
        "round trip of a cell of ten actions", works(kernel, cells), *goals, rounds=60, per=CELLS
    )
    limits = (
        (nothing, "pass"),
        (shows, "pass"),
        ("pass", "%%bash true"),
        (shows, "%%bash true"),
        ("pass", "jupysql"),
        (shows, "jupysql"),
    )
    for of, one in limits:
        if one in taken.samples:
            both = zip(taken.samples[of], taken.samples[one], strict=True)
            figures.add(f"limit: {of}, in {one}", {of: [a / b for a, b in both]}, unit="x")


def test_fewer_and_more(figures, kernel):
    many = figures.size(100)
    cells = {
        OURS: actions(1),
        f"hero, {many} actions": actions(many),
        "pass": "pass",
        "print(1)": "print(1)",
        "a magic that does nothing": "%%empty\n1",
        "a magic that shows ten rows": "%%table\n" + "\n".join("abcdefghij"),
    }
    assert kernel.ask(cells[f"hero, {many} actions"]).count("play.echo") >= many
    assert "IPython.core.display.HTML" in kernel.ask(cells["a magic that shows ten rows"])
    figures.compare(
        "round trip of a cell of one action", works(kernel, cells), rounds=40, per=CELLS
    )
