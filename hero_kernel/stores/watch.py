"""A watch on a database: polls a token and yields when it differs."""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOAD = 0.05
"""At most this share of the time goes into polling: a slow token is polled less often."""


class Watch:
    """Yields after every change since it was made; ends when closed, from any thread.

    An error of the store passes through and does not end the watch: the next step polls anew.
    """

    def __init__(self, token: Callable[[], object], interval_s: float) -> None:
        self._token = token
        self._interval_s = interval_s
        self._closed = False
        # A bare lock that close() releases, not an Event: Ctrl-C inside an Event's condition
        # can leave it locked for good.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._seen = token()

    def __iter__(self) -> Iterator[None]:
        return self

    def __next__(self) -> None:
        while not self._closed:
            started = monotonic()
            token = self._token()
            if token != self._seen:
                self._seen = token
                return
            pause_s = max(self._interval_s, (monotonic() - started) / _LOAD)
            if self._gate.acquire(timeout=pause_s):
                self._gate.release()
        raise StopIteration

    def close(self) -> None:
        """End the watch, also while another thread waits in it."""
        self._closed = True
        with suppress(RuntimeError):  # closed twice
            self._gate.release()
