"""Reconnect: a panel that a kernel before this one has made, shown again by this one."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from magics.comms import beside_cells
from magics.panels import views
from magics.panels.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Report
    from magics.display import Line, Table
    from magics.door import Door
    from magics.panels.view import View

TARGET = "hero.panel"
"""The comm target that front ends open in a kernel which has not made their panels."""

_MAX_PARTS = 100


def talk(door: Door, comm: Any, message: Mapping[str, Any]) -> None:
    """Begin to talk with a front end about the views it names, over a comm that it has opened.

    What opened it is `{"parts": [{"key": …, "kind": …, "spec": …}, …]}`; a comm that was opened
    otherwise is closed.

    Args:
        door: The notebook's.
        comm: ipykernel's; its handler keeps the talk alive until the front end closes it.
        message: What opened it.
    """
    parts = message["content"]["data"].get("parts")
    if not isinstance(parts, list) or len(parts) > _MAX_PARTS or not all(map(_is_part, parts)):
        comm.close()
        return
    one = Talk([Again(door, **part) for part in parts], comm.send, monotonic)

    def hear(heard: Mapping[str, Any]) -> None:
        one.hear(heard["content"]["data"])
        door.watching.wake()

    beside_cells(comm)
    comm.on_msg(hear)
    comm.on_close(lambda _: one.end())
    comm.send({"views": {part["key"]: part for part in one.state()}})
    door.watching.add(one)
    door.panels.add(comm)


class Again:
    """A view that is found again by its `spec`, as soon as what it is about is there.

    Args:
        door: The notebook's.
        key: What the front end calls it.
        kind: Its kind.
        spec: The names it was about.
    """

    def __init__(self, door: Door, key: str, kind: str, spec: dict[str, Any]) -> None:
        self.door = door
        self.key = key
        self.kind = kind
        self.spec = spec
        self._found: View | None = None

    def _view(self) -> View:
        if self._found is None:
            self._found = views.rebuilt(self.door, self.spec)
            self._found.key = self.key
        return self._found

    @property
    def title(self) -> str:
        """The view's."""
        found = self._view()
        self.spec = found.spec
        return found.title

    def mark(self) -> object:
        """The view's."""
        return self._view().mark()

    def state(self) -> dict[str, Any]:
        """The view's."""
        return self._view().state()

    def news(self) -> tuple[int, list[Any]]:
        """The view's, if it tells any."""
        view = self._view()
        return view.news() if hasattr(view, "news") else (0, [])

    def still(self) -> Sequence[Table | Line | Report]:
        """The view's."""
        return self._view().still()

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """The view's."""
        return self._view().asks


def _is_part(part: object) -> bool:
    return (
        isinstance(part, dict)
        and set(part) == {"key", "kind", "spec"}
        and isinstance(part["key"], str)
        and isinstance(part["kind"], str)
        and isinstance(part["spec"], dict)
    )
