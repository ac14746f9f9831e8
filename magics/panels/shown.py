"""Shown: which panels the cells of a notebook show; a cell that runs again closes its own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from hero_kernel.cells import Cell
    from magics.panels.db import Keys, Which
    from magics.panels.panel import Script


class Closable(Protocol):
    """A panel, or what a front end talks over with a panel of a kernel before this one."""

    def close(self) -> None:
        """Tell the front end that nobody answers any more; twice does nothing more."""


class Shown:
    """The panels of one notebook; one of `hero_kernel.cells.Holder`.

    Attributes:
        script: What draws them, once there was one; see `magics.panels.panel.Script`.
        databases: Those that they show, as long as one does.
    """

    def __init__(self) -> None:
        self.script: Script | None = None
        self.databases: WeakValueDictionary[Which, Keys] = WeakValueDictionary()
        self._panels: WeakKeyDictionary[Closable, Cell | None] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._panels)

    def add(self, panel: Closable, cell: Cell | None = None) -> None:
        """Keep a panel in mind that a cell shows; its earlier executions' are closed."""
        if cell is not None:
            self.settle(cell)
        self._panels[panel] = cell

    def settle(self, cell: Cell) -> None:
        """Close what earlier executions of a cell have shown: their outputs are gone."""
        self._close(one for one, by in self._all() if by is not None and cell.replaces(by))

    def forget(self, ids: Container[str]) -> None:
        """Close what the cells with these ids have shown: they were deleted."""
        self._close(one for one, by in self._all() if by is not None and by.id and by.id in ids)

    def close(self) -> None:
        """Close them all, and what draws them."""
        self._close(one for one, _ in self._all())
        if self.script is not None:
            self._close([self.script])
            self.script = None

    def _all(self) -> list[tuple[Closable, Cell | None]]:
        return list(self._panels.items())

    def _close(self, panels: Iterable[Closable]) -> None:
        for panel in panels:
            self._panels.pop(panel, None)
            with suppress(Exception):  # the kernel ends, and nobody is there to be told
                panel.close()
