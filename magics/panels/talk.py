"""Talk: what the front end asks of the views of a panel, and what they answer."""

from __future__ import annotations

import inspect
import logging
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from magics.panels.view import View

    Json = dict[str, Any]

_log = logging.getLogger(__name__)


class Talk:
    """One conversation with the views of a front end, over whatever carries messages.

    A message is JSON: `{"look": N}` says that somebody looks, and is answered by
    `{"looked": N, "views": …}` with what has changed; `{"ask": N, "view": KEY, "name": …,
    "given": {…}}` is answered by `{"answer": N, "value": …}` or `{"answer": N, "error":
    {"type": …, "message": …, "hint": …}}`. `{"views": {KEY: …}}` comes unasked after a change.

    Args:
        views: What it is about.
        send: Sends a message to the front end; from any thread.
        clock: Seconds, rising.

    Attributes:
        looked_s: When somebody looked last, by the clock.
    """

    def __init__(
        self, views: Sequence[View], send: Callable[[Json], object], clock: Callable[[], float]
    ) -> None:
        self.views = {view.key: view for view in views}
        self.looked_s = clock()
        self._send = send
        self._clock = clock
        self._lock = Lock()
        self._marks: dict[str, object] = {}
        self._shown: dict[str, Json] = {}

    def state(self) -> list[Json]:
        """Everything the front end needs to begin, a part a view."""
        with self._lock:
            for key, view in self.views.items():
                self._marks[key] = _or_none(view.mark)
                self._shown[key] = _part(view)
            return list(self._shown.values())

    def hear(self, message: object) -> None:
        """Answer a message; whatever it holds, nothing is raised."""
        if not isinstance(message, dict):
            return
        if "look" in message:
            self.looked_s = self._clock()
            self._send({"looked": message["look"], "views": self._changed()})
        elif "ask" in message:
            self.looked_s = self._clock()
            self._send({"answer": message["ask"], **self._answer(message)})
            self.tell()

    def tell(self) -> None:
        """Send what has changed since it was last sent, if anything."""
        if changed := self._changed():
            self._send({"views": changed})

    def _answer(self, message: Mapping[str, Any]) -> Json:
        try:
            return {"value": self._asked(message)()}
        except Exception as error:  # noqa: BLE001  # the panel shows it; nobody else would
            return {"error": told(error)}

    def _asked(self, message: Mapping[str, Any]) -> Callable[[], Any]:
        view = self.views.get(str(message.get("view")))
        ask = None if view is None else view.asks.get(str(message.get("name")))
        given = message.get("given", {})
        if ask is None or not isinstance(given, dict):
            raise UsageError(f"there is no {message.get('view')}.{message.get('name')} to ask")
        try:
            inspect.signature(ask).bind(**given)
        except TypeError as error:
            raise UsageError(f"{message.get('name')}: {error}") from None
        return partial(ask, **given)

    def _changed(self) -> dict[str, Json]:
        with self._lock:
            changed = {}
            for key, view in self.views.items():
                mark = _or_none(view.mark)
                if mark is not None and mark == self._marks.get(key):
                    continue
                self._marks[key] = mark
                part = _part(view)
                if part != self._shown.get(key):
                    self._shown[key] = changed[key] = part
            return changed


def beside_cells(comm: Any) -> None:
    """Have what comes over a comm heard by the subshell that the front end sends it to.

    ipykernel 7.4 sends it to the shell that used the comm last instead, which is the main one
    after every word of ours: there it would wait for the cell that runs.
    """
    if hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda _, asked: asked  # noqa: SLF001  # it has no other way


def _or_none(mark: Callable[[], object]) -> object:
    try:
        return mark()
    except Exception:  # noqa: BLE001  # what the view says instead tells why
        return None


def _part(view: View) -> Json:
    part: Json = {"key": view.key, "kind": view.kind}
    try:
        return part | {"title": view.title, "spec": view.spec, "state": view.state()}
    except Exception as error:  # noqa: BLE001  # as above
        return part | {"title": view.kind, "spec": {"kind": view.kind}, "error": told(error)}


def told(error: Exception) -> dict[str, str]:
    """An error as the front end shows it; one that is not ours is logged too."""
    if isinstance(error, HeroError):
        return {"type": type(error).__name__, "message": str(error.message), "hint": error.hint}
    _log.error("a panel failed", exc_info=error)
    return {"type": type(error).__name__, "message": str(error) or "it failed", "hint": ""}
