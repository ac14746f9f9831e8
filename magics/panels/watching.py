"""Watching: a thread that tells front ends what has changed, as long as somebody looks."""

from __future__ import annotations

import logging
from threading import Lock, Thread, current_thread
from time import monotonic, sleep, thread_time
from typing import Protocol
from weakref import WeakKeyDictionary

BETWEEN_S = 0.25
"""How often it is looked for changes, while there are some."""

LATEST_S = 0.7
"""How often at least while there are none, so that one shows in a second."""

UNSEEN_S = 15.0
"""Who has not looked for so long is gone: front ends look every five seconds while they show it."""

_LOAD = 0.1
"""At most this share of a processor goes into telling changes, for each who is told."""

_IDLE_LOAD = 0.0025
"""This share goes into looking for them in vain, as far as `LATEST_S` lets it."""

_log = logging.getLogger(__name__)


class Told(Protocol):
    """Whoever tells a front end of changes: a panel's talk, or the notebook's connection."""

    looked_s: float
    """When the front end looked last, by the monotonic clock."""

    def tell(self) -> bool | None:
        """Tell it what has changed; whether there was anything."""


class Watching:
    """Those of one kernel who tell front ends of changes, and the thread that lets them.

    It ends when nobody has looked for a while, and begins again when somebody does.
    """

    def __init__(self) -> None:
        self._talks: WeakKeyDictionary[Told, float] = WeakKeyDictionary()
        self._lock = Lock()
        self._thread: Thread | None = None

    def add(self, talk: Told) -> None:
        """Watch what a talk is about, too."""
        with self._lock:
            self._talks[talk] = 0.0
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
        sleep(BETWEEN_S)
        while self._tell():
            sleep(BETWEEN_S)

    def _tell(self) -> bool:
        """Let those tell whose time it is; whether to go on."""
        with self._lock:
            if self._thread is not current_thread():
                return False
            now_s = monotonic()
            seen = [one for one in self._talks if now_s - one.looked_s < UNSEEN_S]
            if not seen:
                self._thread = None
                return False
            due = [one for one in seen if self._talks[one] <= now_s]
        for talk in due:
            pause_s = _pause_s(talk)
            with self._lock:
                if talk in self._talks:
                    self._talks[talk] = monotonic() + pause_s
        return True


def _pause_s(talk: Told) -> float:
    """Let one tell what has changed; how long it is to be left alone then.

    A store that is slow to answer is asked no more than half of the time, and of the processor a
    share is used, which is small while nothing changes.
    """
    began_s, used_s = monotonic(), thread_time()
    has_told: bool | None = False
    try:
        has_told = talk.tell()
    except Exception:  # noqa: BLE001  # the others are told all the same
        _log.exception("a front end could not be told of a change")
    took_s, used_s = monotonic() - began_s, thread_time() - used_s
    idle_s = 0.0 if has_told else min(used_s / _IDLE_LOAD, LATEST_S)
    return max(used_s / _LOAD, idle_s, took_s) - BETWEEN_S
