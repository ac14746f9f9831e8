"""Cells: which cell of a notebook runs, and who holds what cells have defined."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Container


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One execution of a cell; equal only to itself.

    Attributes:
        id: The front end's name for the cell; empty where it gives none.
        source: The cell's text.
        name: `In[3]`.
    """

    id: str
    source: str
    name: str

    @property
    def key(self) -> str:
        """What tells the cell from others: its id, else its text."""
        return self.id or self.source

    def replaces(self, before: Cell) -> bool:
        """Whether that is an earlier execution of this cell."""
        return before is not self and before.key == self.key

    def drops(self, before: Cell) -> bool:
        """Whether what that execution defined, and this one did not, is no longer meant.

        A cell whose text is what it was still means it: it found it there, and let it be.
        """
        return self.replaces(before) and before.source != self.source


class Holder(Protocol):
    """Something that keeps what cells define, and which execution defined it."""

    def settle(self, cell: Cell) -> None:
        """Let go of what the cell, which has ended well, does not define any more."""

    def forget(self, ids: Container[str]) -> None:
        """Let go of what the cells with these ids defined: they were deleted."""


class Cells:
    """The cells that run in this process; without a notebook there are none.

    Attributes:
        current: Tells which cell runs; None between cells.
    """

    def __init__(self) -> None:
        self.current: Callable[[], Cell | None] = nobody
        self._holders: WeakSet[Holder] = WeakSet()

    def __bool__(self) -> bool:
        """Whether anything that a cell defined is held."""
        return bool(self._holders)

    def held_by(self, holder: Holder) -> None:
        """Remember who is to be told how cells end."""
        self._holders.add(holder)

    def ended(self, cell: Cell) -> None:
        """A cell has ended without an error."""
        for holder in list(self._holders):
            holder.settle(cell)

    def deleted(self, ids: Container[str]) -> None:
        """Cells with these ids were deleted."""
        for holder in list(self._holders):
            holder.forget(ids)


def nobody() -> None:
    """No cell runs."""


def process() -> str:
    """This process, unlike any other that shares the store: `pid@host`."""
    from platform import node  # noqa: PLC0415  # not needed at import

    return f"{os.getpid()}@{node()}"
