"""Panel: a widget that shows views, in the place that a notebook's output leaves it."""

from __future__ import annotations

from importlib.resources import files
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

import anywidget
from traitlets import Any as Anything
from traitlets import List, Unicode

from hero_kernel.report.html import NO_FORMULAS
from magics.comms import beside_cells
from magics.panels.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magics.panels.view import View
    from magics.panels.watching import Watching

_STATIC = files("magics.panels") / "static"


class Panel(anywidget.AnyWidget):
    """A widget that shows views.

    Args:
        views: What it shows, in this order.
        watching: Tells it of changes.
    """

    _esm = (_STATIC / "panel.js").read_text("utf-8")
    _css = (_STATIC / "panel.css").read_text("utf-8")

    views: List[Any] = List().tag(sync=True)

    place: Unicode[str, Any] = Unicode().tag(sync=True)
    """The class of the elements that it is shown in, which nobody can guess; see `around`."""

    layout = Anything(None, allow_none=True).tag(sync=True)
    """None: ipywidgets would make a second widget a panel for it, which nothing here uses."""

    def __init__(self, views: Sequence[View], watching: Watching) -> None:
        self._watching = watching
        self._talk = Talk(views, self.send, monotonic)
        super().__init__(views=self._talk.state(), place=f"hero-place-{token_hex(8)}")
        beside_cells(self.comm)
        self.on_msg(self._heard)
        watching.add(self._talk)

    def around(self, html: str) -> str:
        """HTML that a front end shows until the panel takes its place, and a saved notebook always.

        The panel's script looks for it in the page: `magics/labextension/panels/places.ts`.
        """
        return f'<div class="hero-place {self.place} {NO_FORMULAS}"><div>{html}</div></div>'

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The traits as a front end gets them that comes later: as things are by then."""
        state = super().get_state(key=key, drop_defaults=drop_defaults)
        if "views" in state and key is None and self.comm is not None:
            state["views"] = self._talk.state()
        return state  # type: ignore[no-any-return]  # ipywidgets has no types

    def close(self) -> None:
        """Let go of the views, and tell the front end, which shows what stands in the notebook."""
        self._talk.end()
        super().close()

    def _heard(self, _: Any, message: object, __: Any) -> None:
        self._talk.hear(message)
        self._watching.wake()
