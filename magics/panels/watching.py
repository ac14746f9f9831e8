"""Watching: a thread that tells front ends what has changed, as long as somebody looks."""

from __future__ import annotations

import logging
from threading import Lock, Thread, current_thread
from time import monotonic, sleep
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from magics.panels.talk import Talk

BETWEEN_S = 0.25
"""A change shows after twice that at most, if the store is not slow."""

UNSEEN_S = 15.0
"""Who has not looked for so long is gone: front ends look every five seconds while they show it."""

_LOAD = 0.1
"""At most this share of the time goes into looking for changes."""

_log = logging.getLogger(__name__)


class Watching:
    """The panels of one kernel, and the thread that watches what they show.

    It ends when nobody has looked for a while, and begins again when somebody does.
    """

    def __init__(self) -> None:
        self._talks: WeakSet[Talk] = WeakSet()
        self._lock = Lock()
        self._thread: Thread | None = None

    def add(self, talk: Talk) -> None:
        """Watch what a talk is about, too."""
        with self._lock:
            self._talks.add(talk)
        self.wake()

    def wake(self) -> None:
        """Begin again, if it has ended."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # ended, or lost by a fork
                self._thread = Thread(target=self._work, name="hero panels", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread at its next look."""
        with self._lock:
            self._thread = None
            self._talks.clear()

    def _work(self) -> None:
        own, pause_s = current_thread(), BETWEEN_S
        while True:
            sleep(pause_s)
            with self._lock:
                now_s = monotonic()
                seen = [one for one in self._talks if now_s - one.looked_s < UNSEEN_S]
                if self._thread is not own or not seen:
                    if self._thread is own:
                        self._thread = None
                    return
            for talk in seen:
                try:
                    talk.tell()
                except Exception:  # noqa: BLE001  # the others are told all the same
                    _log.exception("a panel could not be told of a change")
            pause_s = max(BETWEEN_S, (monotonic() - now_s) / _LOAD)
