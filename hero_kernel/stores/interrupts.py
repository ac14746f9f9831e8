"""Ctrl-C, put off for a moment."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal`'s own make enums: 2 µs each
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGINT = int(signal.SIGINT)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold back SIGINT until the block has ended, then deliver it.

    For short blocks that must not stop half-way. Python runs signal handlers in the main thread
    only, so in other threads there is nothing to hold back.
    """
    previous = _signal.getsignal(_SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    arrived: list[FrameType | None] = []
    # From this call to the next one nothing raises here, so there is no gap before the `try`.
    _signal.signal(_SIGINT, lambda _number, frame: arrived.append(frame))
    try:
        yield
    finally:
        _signal.signal(_SIGINT, previous)
        if arrived:
            previous(_SIGINT, arrived[0])
