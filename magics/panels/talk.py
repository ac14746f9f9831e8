"""Talk: what the front end asks of the views of a panel, and what they answer."""

from __future__ import annotations

import inspect
import logging
import math
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from hero_kernel.errors import HeroError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from magics.panels.view import Telling, View

    Json = dict[str, Any]

_MAX_ID = 100
"""Characters of what a front end calls its messages; ours has sixteen or so."""

_HIDDEN_S = 6.0
"""A view that was not looked at for so long is not shown: front ends look every five seconds."""

_log = logging.getLogger(__name__)


class Talk:
    """One conversation with the views of a panel, over whatever carries messages.

    Every front end that shows the panel hears it, so each calls its messages by names of its own.
    A message is JSON: `{"look": NAME, "view": KEY}` says that somebody looks, and at which view, or
    at all of them without a key; it is answered by `{"looked": NAME}` at once, whatever the views
    do; `{"ask": NAME, "view": KEY, "name": …,
    "given": {…}}` is answered by `{"answer": NAME, "value": …}` or `{"answer": NAME, "error":
    {"type": …, "message": …, "hint": …}}`. `{"views": {KEY: …}}` tells what has changed: after
    either, unasked, and to `{"again": [KEY, …]}`; `{"news": {KEY: {"first": N, "items": […]}}}`
    comes of views that tell news: see `Telling`. What is no such message is dropped.

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
        self._tellers: dict[str, Telling] = {
            key: cast("Telling", view) for key, view in self.views.items() if hasattr(view, "news")
        }
        self._send = send
        self._clock = clock
        self._telling = Lock()  # held until the change is sent: an older one must not come after
        self._looked_s = dict.fromkeys(self.views, self.looked_s)
        self._marks: dict[str, object] = {}
        self._shown: dict[str, Json] = {}

    def state(self) -> list[Json]:
        """Everything a front end needs to begin, a part a view; those before it hear of changes."""
        with self._telling:
            is_first = not self._shown
            changed = self._changed(self.views)
            if changed and not is_first:
                self._say({"views": changed})
            # what only grows has gone on since, and those before it have heard of that as news
            grown = {key: _part(self.views[key], self._shown[key]) for key in self._tellers}
            return list((self._shown | grown).values())

    def hear(self, message: object) -> None:
        """Answer a message; whatever it holds, nothing is raised."""
        if not isinstance(message, dict):
            return
        if _is_id(message.get("look")):
            self._look(message.get("view"))
            self._say({"looked": message["look"]})
            self.tell(waits=False)
        elif "again" in message:
            self._forget(message["again"])
            self.tell()
        elif _is_id(message.get("ask")):
            self._look(message.get("view"))
            self._answer(message)
            self.tell(waits=False)

    def tell(self, *, waits: bool = True) -> bool:
        """Send what has changed since it was last sent, and what is new; whether anything has.

        Of a view that nobody has looked at lately, a change is sent when somebody does.

        Args:
            waits: Whether to wait for another thread that does the same; what it has not seen yet
                is told the next time.
        """
        if not self._telling.acquire(blocking=waits):
            return False
        try:
            found = {"views": self._changed(self._watched()), "news": self._news()}
            if message := {name: value for name, value in found.items() if value}:
                self._say(message)
            return bool(message)
        finally:
            self._telling.release()

    def end(self) -> None:
        """Let go of the views: nobody looks, and nothing is answered any more."""
        self.views, self._tellers = {}, {}
        self.looked_s = -math.inf

    def _look(self, key: object) -> None:
        self.looked_s = self._clock()
        shown = [key] if isinstance(key, str) and key in self.views else self.views
        self._looked_s |= dict.fromkeys(shown, self.looked_s)

    def _watched(self) -> set[str]:
        """The views that somebody looks at, and those of which nothing was sent yet."""
        since_s = self._clock() - _HIDDEN_S
        return {
            key for key, at_s in self._looked_s.items() if at_s >= since_s or key not in self._shown
        }

    def _answer(self, message: Mapping[str, Any]) -> None:
        name = message["ask"]
        try:
            value = self._asked(message)()
        except Exception as error:  # noqa: BLE001  # the panel shows it; nobody else would
            self._say({"answer": name, "error": told(error)})
            return
        try:
            self._send({"answer": name, "value": value})
        except (TypeError, ValueError) as error:  # the view returned no JSON
            self._say({"answer": name, "error": told(error)})
        except Exception as error:  # noqa: BLE001  # as in `_say`
            _log.debug("a panel could not be answered", exc_info=error)

    def _asked(self, message: Mapping[str, Any]) -> Callable[[], Any]:
        key, name, given = (message.get(one) for one in ("view", "name", "given"))
        view = self.views.get(key) if isinstance(key, str) else None
        ask = view.asks.get(name) if view is not None and isinstance(name, str) else None
        if ask is None:
            raise UsageError("the panel knows no such question", hint="run the cell again")
        given = {} if given is None else given
        try:
            inspect.signature(ask).bind(**given)
        except TypeError:
            raise UsageError(f"the panel asked wrongly for {name}") from None
        return partial(ask, **given)

    def _say(self, message: Json) -> None:
        try:
            self._send(message)
        except Exception as error:  # noqa: BLE001  # the kernel ends, and its sockets are closed
            _log.debug("a panel could not be told", exc_info=error)

    def _changed(self, keys: Container[str]) -> dict[str, Json]:
        """The parts that are not what was sent last, which they are from now on."""
        changed = {}
        for key, view in self.views.items():
            if key not in keys:
                continue
            mark = _or_none(view.mark)
            if mark is not None and mark == self._marks.get(key):
                continue
            self._marks[key] = mark
            before = self._shown.get(key, {})
            part = _part(view, before)
            if part != before:
                self._shown[key] = changed[key] = part
        return changed

    def _news(self) -> dict[str, Json]:
        news: dict[str, Json] = {}
        for key, view in self._tellers.items():
            first, items = _or_none(view.news) or (0, [])
            if items:
                news[key] = {"first": first, "items": items}
        return news

    def _forget(self, keys: object) -> None:
        """Have views sent again, changed or not."""
        with self._telling:
            for key in keys if isinstance(keys, list) else ():
                if isinstance(key, str):
                    self._marks.pop(key, None)
                    self._shown.pop(key, None)


def _is_id(name: object) -> bool:
    if isinstance(name, str):
        return len(name) <= _MAX_ID
    return isinstance(name, int) and not isinstance(name, bool) and abs(name) < 2**53


def _or_none(say: Callable[[], Any]) -> Any:
    try:
        return say()
    except Exception:  # noqa: BLE001  # what the view says instead tells why
        return None


def _part(view: View, before: Json) -> Json:
    """What the front end is told of a view; where it fails, why, and what it is about."""
    part: Json = {"key": view.key, "kind": view.kind}
    try:
        return part | {"title": view.title, "spec": view.spec, "state": view.state()}
    except Exception as error:  # noqa: BLE001  # as above
        spec = before.get("spec") or _or_none(lambda: view.spec) or {"kind": view.kind}
        part |= {"title": before.get("title", view.kind), "spec": spec}
        return part | {"error": told(error, is_new="error" not in before)}


def told(error: Exception, *, is_new: bool = True) -> dict[str, str]:
    """An error as the front end shows it; one that is not ours is logged too, once."""
    if isinstance(error, HeroError):
        return {"type": type(error).__name__, "message": str(error.message), "hint": error.hint}
    if is_new:
        _log.error("a panel failed", exc_info=error)
    kind = type(error).__name__
    return {"type": kind, "message": f"{kind}: {error}" if str(error) else kind, "hint": ""}
