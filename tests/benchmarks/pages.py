"""A notebook in JupyterLab whose cells are run, and timed until a frame shows what they made."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from browser import fronts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from playwright.sync_api import CDPSession, Page

_PAINT = """async ([index, selector, nth, settle]) => {
    const shown = window.shownNotebook;
    const cell = shown.content.widgets[index];
    const output = cell.node.querySelector('.jp-Cell-outputArea');
    const frame = () => new Promise(requestAnimationFrame);
    const wait = ms => new Promise(resolve => setTimeout(resolve, ms));
    shown.content.deselectAll();
    shown.content.activeCellIndex = index;
    await window.jupyterapp.commands.execute('notebook:clear-cell-output');
    while (output.querySelector(selector)) { await frame(); }
    await wait(300);
    let published = NaN;
    const kernel = shown.sessionContext.session.kernel;
    const heard = (_, message) => {
        if (message.content.data?.['text/html'] !== undefined) {
            published = Date.parse(message.header.date) - performance.timeOrigin;
        }
    };
    kernel.iopubMessage.connect(heard);
    let last = performance.now(), longest = 0, isOver = false;
    const watch = () => {
        const now = performance.now();
        longest = Math.max(longest, now - last);
        last = now;
        if (!isOver) { requestAnimationFrame(watch); }
    };
    await frame();
    watch();
    const begin = performance.now();
    const done = window.jupyterapp.commands.execute('notebook:run-cell');
    while (!output.querySelectorAll(selector)[nth]?.getClientRects().length) {
        if (performance.now() - begin > 60000) { throw new Error(`no ${selector} was painted`); }
        await frame();
    }
    await frame();
    const end = performance.now();
    await done;
    await wait(settle);
    isOver = true;
    kernel.iopubMessage.disconnect(heard);
    return [end - begin, end - published, longest];
}"""

_OUTPUTS = "index => JSON.stringify(window.shownNotebook.model.cells.get(index).toJSON().outputs)"


@dataclass(frozen=True)
class Cell:
    """A cell, and what it has painted when it is done.

    Attributes:
        code: What it runs.
        selector: Elements of its output; CSS.
        nth: How many of them there are before the one that is waited for.
    """

    code: str
    selector: str
    nth: int = 0


@dataclass(frozen=True)
class Painted:
    """Seconds of one run of a cell.

    Attributes:
        all_s: From the command that runs it to the frame after it is there.
        published_s: From its result's publishing by the kernel to the same.
        longest_s: The longest time between two frames, while it was run and painted.
    """

    all_s: float
    published_s: float
    longest_s: float


class Notebook:
    """A notebook that a page shows.

    Args:
        tab: The page.
        cells: By what they are called, as they stand in the notebook.
    """

    def __init__(self, tab: fronts.Tab, cells: Mapping[str, Cell]) -> None:
        self.tab = tab
        self.cells = cells
        self.order = list(cells)

    @property
    def page(self) -> Page:
        return self.tab.page

    def run(self, name: str) -> str:
        """Run a cell, and wait for its end; what it shows as text."""
        self.tab.run(self.order.index(name))
        return self.tab.output(self.order.index(name)).inner_text()

    def paint(self, name: str, *, settle_s: float = 0) -> Painted:
        """Run a cell whose output is empty.

        Args:
            name: Which.
            settle_s: How long frames are watched after it is painted.
        """
        cell = self.cells[name]
        given = [self.order.index(name), cell.selector, cell.nth, settle_s * 1000]
        return Painted(*(ms / 1000 for ms in self.page.evaluate(_PAINT, given)))

    def side_by_side(
        self, names: Sequence[str], rounds: int, *, settle_s: float = 0
    ) -> dict[str, list[Painted]]:
        """Run cells in turn, another one first each round; a first round is not counted."""
        taken: dict[str, list[Painted]] = {name: [] for name in names}
        for number in range(rounds + 1):
            first = number % len(names)
            for name in [*names[first:], *names[:first]]:
                painted = self.paint(name, settle_s=settle_s)
                if number:
                    taken[name].append(painted)
        return taken

    def clear(self) -> None:
        """Take all outputs away."""
        self.tab.command("notebook:clear-all-cell-outputs")

    def outputs(self, name: str) -> str:
        """A cell's outputs as the notebook's file will have them."""
        return str(self.page.evaluate(_OUTPUTS, self.order.index(name)))


@contextmanager
def notebook(folder: Path, cells: Mapping[str, Cell]) -> Iterator[Notebook]:
    """A server, a browser, and a notebook of our kernel's in a page that shows 60 rows or so."""
    with fronts.jupyter(folder) as jupyter, fronts.chromium() as browser:
        jupyter.write("bench.ipynb", [cell.code for cell in cells.values()])
        with fronts.tab(browser, jupyter.lab(), viewport={"width": 1280, "height": 1600}) as tab:
            tab.open("bench.ipynb")
            yield Notebook(tab, cells)


@contextmanager
def inspector(page: Page) -> Iterator[CDPSession]:
    """The browser's own view of a page."""
    session = page.context.new_cdp_session(page)
    yield session
    session.detach()


def heap_bytes(session: CDPSession) -> int:
    """What the page keeps, scripts' objects and elements, without what is garbage."""
    session.send("HeapProfiler.collectGarbage")
    found: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return int(found["usedSize"] + found.get("embedderHeapUsedSize", 0))
