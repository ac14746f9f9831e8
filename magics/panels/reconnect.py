"""Reconnect: a panel that a kernel before this one has made, shown again by this one."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from magics.comms import beside_cells
from magics.panels import views
from magics.panels.talk import Talk, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from magics.door import Door

TARGET = "hero.panel"
"""The comm target that front ends open in a kernel which has not made their panels."""


def talk(door: Door, comm: Any, message: Mapping[str, Any]) -> None:
    """Begin to talk with a front end about the views it names, over a comm that it has opened.

    Args:
        door: The notebook's.
        comm: ipykernel's; its handler keeps the talk alive until the front end closes it.
        message: What opened it: `{"parts": [{"key": …, "kind": …, "spec": …}, …]}`.
    """
    found, lost = [], {}
    for part in message["content"]["data"]["parts"]:
        key = str(part["key"])
        try:
            view = views.rebuilt(door, part["spec"])
            view.key = key
            found.append(view)
        except Exception as error:  # noqa: BLE001  # the panel shows it
            lost[key] = {**part, "title": part["kind"], "error": told(error)}
    one = Talk(found, comm.send, monotonic)

    def hear(heard: Mapping[str, Any]) -> None:
        one.hear(heard["content"]["data"])
        door.watching.wake()

    beside_cells(comm)
    comm.on_msg(hear)
    comm.send({"views": lost | {part["key"]: part for part in one.state()}})
    door.watching.add(one)
