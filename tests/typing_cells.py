"""Cells with a cursor in them, and what Tab and Shift-Tab say there, as a terminal asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.completer import provisionalcompleter

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@dataclass(frozen=True)
class Tabbed:
    """What Tab offers, and the cell with each of it put in."""

    texts: list[str]
    types: list[str | None]
    cells: list[str]


def cut(marked: str) -> tuple[str, int]:
    """A cell and the cursor, from a cell with a `|` where the cursor is."""
    assert marked.count("|") == 1, marked
    return marked.replace("|", ""), marked.index("|")


def tab(shell: InteractiveShell, marked: str) -> Tabbed:
    """Press Tab where the `|` is, in a terminal."""
    return tab_at(shell, *cut(marked))


def tab_at(shell: InteractiveShell, cell: str, cursor: int) -> Tabbed:
    with provisionalcompleter():
        found = list(shell.Completer.completions(cell, cursor))
    assert all(one.end == cursor for one in found)
    return Tabbed(
        [one.text for one in found],
        [one.type for one in found],
        [cell[: one.start] + one.text + cell[one.end :] for one in found],
    )
