"""What a cell shows of a panel: its widget where one can live, and tables everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroError
from magics.display import Line, Sheet
from magics.panels import views

if TYPE_CHECKING:
    from magics.door import Door
    from magics.panels.view import View


@dataclass(frozen=True)
class Panels:
    """Views that a magic shows."""

    views: tuple[View, ...]


def bundle(door: Door, thing: Any) -> dict[str, Any] | None:
    """A panel, or a value that is shown as one, in every form a front end may choose from.

    None for a value at a terminal, which shows it as any Python does, in short. The widget comes
    last, for it is the front end that prefers it; what stands beside it is what a saved notebook
    shows.
    """
    if not (isinstance(thing, Panels) or hasattr(door.shell, "kernel")):
        return None
    found = thing.views if isinstance(thing, Panels) else (views.of(door, thing),)
    shown = tuple(view for view in found if view is not None)
    parts = tuple(part for view in shown for part in _still(view))
    data = door.shown(parts[0] if len(parts) == 1 else Sheet(parts))
    if data is not None and door.is_live:
        from magics.panels.panel import Panel  # noqa: PLC0415  # with a widget only

        panel = Panel(shown, door.watching)
        data |= (panel._repr_mimebundle_() or ({}, {}))[0] | {"text/plain": data["text/plain"]}
    return data


def _still(view: View) -> tuple[Any, ...]:
    try:
        return tuple(view.still())
    except HeroError as error:  # the others are shown all the same
        return (Line(f"{view.kind}: {error}", (error.hint,) if error.hint else ()),)
