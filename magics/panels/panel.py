"""Panel: a widget that shows views, in the place that a notebook's output leaves it."""

from __future__ import annotations

from importlib.resources import files
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, Any

import anywidget
from ipywidgets import Widget
from traitlets import Any as Anything
from traitlets import List, TraitType, Unicode

from hero_kernel.report.html import NO_FORMULAS
from magics.comms import beside_cells
from magics.panels.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from magics.panels.view import View
    from magics.panels.watching import Watching

_STATIC = files("magics.panels") / "static"


class Script(Widget):  # type: ignore[misc]  # ipywidgets has no types
    """What draws the panels of a kernel: a hundred times what a panel says, so it is sent once.

    A front end keeps it as it keeps every widget, and gets it from the kernel when it comes later.
    """

    js: Unicode[str, Any] = Unicode((_STATIC / "panel.js").read_text("utf-8")).tag(sync=True)

    css: Unicode[str, Any] = Unicode((_STATIC / "panel.css").read_text("utf-8")).tag(sync=True)

    hero: Unicode[str, Any] = Unicode("panels").tag(sync=True)
    """By this the front end keeps it out of what it saves."""


class Panel(anywidget.AnyWidget):
    """A widget that shows views.

    Args:
        views: What it shows, in this order.
        watching: Tells it of changes.
        script: Draws it, and others.
    """

    _esm = Unicode((_STATIC / "begin.js").read_text("utf-8")).tag(sync=True)

    _anywidget_id = Unicode("magics.panels.panel.Panel").tag(sync=True)

    script: Unicode[str, Any] = Unicode().tag(sync=True)
    """The model of what draws it."""

    views: List[Any] = List().tag(sync=True)

    place: Unicode[str, Any] = Unicode().tag(sync=True)
    """The class of the elements that it is shown in, which nobody can guess; see `around`."""

    layout = Anything(None, allow_none=True).tag(sync=True)
    """None: ipywidgets would make a second widget a panel for it, which nothing here uses."""

    def __init__(self, views: Sequence[View], watching: Watching, script: Script) -> None:
        self._watching = watching
        self._talk = Talk(views, self.send, monotonic)
        place = f"hero-place-{token_hex(8)}"
        super().__init__(views=self._talk.state(), place=place, script=script.model_id)
        beside_cells(self.comm)
        self.on_msg(self._heard)
        watching.add(self._talk)

    def add_traits(self, **traits: TraitType[Any, Any]) -> None:
        """Add those that its class lacks: anywidget would make a class for every panel."""
        if missing := {name: one for name, one in traits.items() if not self.has_trait(name)}:
            super().add_traits(**missing)

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
