"""What a cell shows of a panel: its widget where one can live, and tables everywhere."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroError, UsageError
from magics.display import Line, Sheet
from magics.panels import views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.cells import Cell
    from magics.door import Door
    from magics.panels.view import View

VARIABLE = "HERO_PANELS"
"""The environment variable that says whether panels are live, for all of them."""

HOW = ("auto", "live", "static")
"""What it says, and `%hero_panel --live` or `--static`; auto: live where somebody looks."""


@dataclass(frozen=True)
class Panels:
    """Views that a magic shows.

    Attributes:
        views: In this order.
        how: One of `HOW`.
    """

    views: tuple[View, ...]
    how: str = "auto"


def decided(asked: str, environ: Mapping[str, str]) -> str:
    """Whether panels are live: one of `HOW`, the first that is said.

    Args:
        asked: What the magic was given; may be empty.
        environ: Environment variables: `HERO_PANELS`.

    Raises:
        UsageError: The variable says something else.
    """
    how = asked or environ.get(VARIABLE, "").strip().lower() or "auto"
    if how not in HOW:
        raise UsageError(f"{VARIABLE}={how} is none of {', '.join(HOW)}", hint=f"unset {VARIABLE}")
    return how


def bundle(door: Door, thing: Any) -> dict[str, Any] | None:
    """A panel, or a value that is shown as one, in every form a front end may choose from.

    None for a value at a terminal that has no form of its own there: Python shows it, in short.

    JupyterLab and Notebook save what stands in an output, and show a saved widget that is not
    there any more as an error. So they get HTML alone, whose place the widget takes in the page
    while there is one. Others get it as a widget, with HTML and text beside it.
    """
    data = None if isinstance(thing, Panels) else door.shown(thing)
    if data is None and not (isinstance(thing, Panels) or _has_kernel(door)):
        return None
    found = thing.views if isinstance(thing, Panels) else (views.of(door, thing),)
    shown = tuple(view for view in found if view is not None)
    if data is None and shown:
        data = door.shown(Sheet(tuple(part for view in shown for part in _still(view))))
    if data is None or not shown or not _is_live(door, thing):
        return data
    from magics.panels.panel import Panel, Script  # noqa: PLC0415  # with a widget only

    script = door.panels.script
    if script is None or script.comm is None:  # ipywidgets can be told to close all widgets
        script = door.panels.script = Script()
    panel, cell = Panel(shown, door.watching, script), door.cell()
    door.panels.add(panel, cell)
    if _is_jupyters(cell):
        return data | {"text/html": panel.around(data["text/html"])}
    return data | {**(panel._repr_mimebundle_() or ({}, {}))[0], "text/plain": data["text/plain"]}


def _still(view: View) -> tuple[Any, ...]:
    try:
        return tuple(view.still())
    except HeroError as error:  # the others are shown all the same
        return (Line(f"{view.kind}: {error}", (error.hint,) if error.hint else ()),)


def _is_live(door: Door, thing: Any) -> bool:
    how = thing.how if isinstance(thing, Panels) else "auto"
    with suppress(HeroError):  # a setting that cannot be read is told by every magic
        how = how if isinstance(thing, Panels) else decided("", os.environ)
        if how == "live":
            return _has_kernel(door) and not door.docs
        return how != "static" and door.is_live
    return False


def _has_kernel(door: Door) -> bool:
    return hasattr(door.shell, "kernel")


def _is_jupyters(cell: Cell | None) -> bool:
    """Whether JupyterLab or Notebook runs the cell: they send its id as the notebook's file has it.

    Visual Studio Code sends an address; most others send none.
    """
    return cell is not None and _NBFORMAT_ID.fullmatch(cell.id) is not None


_NBFORMAT_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""A cell's id in nbformat 4.5: https://nbformat.readthedocs.io/en/latest/format_description.html"""
