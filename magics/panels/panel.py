"""Panel: a widget that shows views, and stands in a saved notebook as plain HTML and text."""

from __future__ import annotations

from importlib.resources import files
from time import monotonic
from typing import TYPE_CHECKING, Any

import anywidget
from traitlets import List

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

    def __init__(self, views: Sequence[View], watching: Watching) -> None:
        self._watching = watching
        self._talk = Talk(views, self.send, monotonic)
        super().__init__(views=self._talk.state())
        beside_cells(self.comm)
        self.on_msg(self._heard)
        watching.add(self._talk)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """The traits as a front end gets them that comes later: as things are by then."""
        state = super().get_state(key=key, drop_defaults=drop_defaults)
        if "views" in state and key is None and self.comm is not None:
            state["views"] = self._talk.state()
        return state  # type: ignore[no-any-return]  # ipywidgets has no types

    def _heard(self, _: Any, message: object, __: Any) -> None:
        self._talk.hear(message)
        self._watching.wake()
