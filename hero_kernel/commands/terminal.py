"""What a terminal shows that a pipe does not get: colour, tables that fit, and where a run is."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from hero_kernel.commands import show as shown
from hero_kernel.report import Report
from hero_kernel.report.text import MARKS, plain
from magics.display import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.runner import Progress

LOOKS_A_SECOND = 5
"""How often the line of a run is drawn anew."""

STYLES = {
    "ok": "green",
    "changed": "yellow",
    "failed": "bold red",
    "skipped": "dim",
    "interrupted": "bold magenta",
    "pending": "dim",
    "warning": "yellow",
    "problem": "bold red",
}
"""How a state is coloured, in reports and in what `doctor` finds; none rests on colour alone."""


def show(thing: object, mask: Callable[[str], str]) -> None:
    """Print to the terminal; its width is kept, and foreign text does not draw.

    `NO_COLOR` is heeded.
    """
    console = Console(highlight=False, markup=False, emoji=False)
    if isinstance(thing, Table):
        _table(console, thing, mask)
        return
    said = plain(mask(shown.text(thing)))
    if isinstance(thing, Report):
        for line in said.split("\n"):
            console.print(_row(line), soft_wrap=True)
    else:
        console.print(Text(said), soft_wrap=True)


def _table(console: Console, table: Table, mask: Callable[[str], str]) -> None:
    told = shown.document(table)
    if told["title"]:
        console.print(Text(mask(told["title"]), style="bold"), soft_wrap=True)
    if told["rows"]:
        grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in told["columns"]:
            grid.add_column(Text(column), overflow="fold")
        for row in told["rows"]:
            state, *rest = (mask(cell) for cell in row)
            grid.add_row(Text(state, style=STYLES.get(state, "")), *map(Text, rest))
        console.print(grid)
    note = repr(Table((), (), note=told["note"]))
    if told["total"] > len(told["rows"]):
        cut = f"showing {len(told['rows'])} of {told['total']}"
        note = " · ".join(part for part in (note, cut) if part)
    if note:
        console.print(Text(mask(note), style="dim"), soft_wrap=True)


def _row(line: str) -> Text:
    """A line of a report, with its status in colour."""
    text = Text(line)
    mark, _, rest = line.partition(" ")
    status = rest.partition(" ")[0]
    if MARKS.get(status) == mark:
        text.stylize(STYLES[status], 0, len(mark) + 1 + len(status))
    elif line.lstrip() == "^":
        text.stylize("red")
    return text


@contextmanager
def progress(ask: Callable[[str], str]) -> Iterator[tuple[Line, Callable[[str], str]]]:
    """A line on stderr that says where a run is, and is gone after it.

    Args:
        ask: Asks a question at the terminal.

    Yields:
        The line, and `ask` in such a way that the line does not write over the question.
    """
    line = Line()
    live = Live(
        console=Console(stderr=True, highlight=False, markup=False, emoji=False),
        get_renderable=line.text,
        refresh_per_second=LOOKS_A_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )

    def quietly(question: str) -> str:
        live.stop()
        try:
            return ask(question)
        finally:
            live.start()

    with live:
        yield line, quietly


class Line:
    """Where a run is, in one line of the terminal's width."""

    def __init__(self) -> None:
        self._where: Callable[[], Progress | None] = lambda: None

    def watch(self, where: Callable[[], Progress | None]) -> None:
        """Take in what tells where the run is."""
        self._where = where

    def text(self) -> Text:
        """The line; empty before the first action."""
        progress = self._where()
        if progress is None:
            return Text("")
        said = f" {progress.message}" if progress.message else ""
        part = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
        head = f"▶ {progress.number}/{progress.total} {progress.action}"
        sign = "▶" if (sys.stderr.encoding or "").lower().startswith("utf") else ">"
        line = plain(f"{head}{said}{part}").replace("▶", sign, 1)
        return Text(line, no_wrap=True, overflow="ellipsis")
