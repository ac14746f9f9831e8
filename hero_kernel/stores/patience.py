"""Waiting for a lock on a file: for how long, and how often it is tried."""

from __future__ import annotations

import time

COMMIT_END_S = 0.002
"""How long the end of a commit takes at most, but for a disk that is slow or busy."""

WAIT_S = 30.0
"""How long a call waits for a lock altogether."""


def pause(waited_s: float) -> None:
    """Sleep before the next try for a lock."""
    import random  # noqa: PLC0415 - slow to import, and most find the file free

    # Often at first: a writer that writes without pause is away for 0.2 ms in every 1.5.
    pause_s = 0.001 if waited_s < 1 else 0.02
    time.sleep(random.uniform(0, pause_s))  # noqa: S311 - spreads the waiting, no secret


def pause_to_read(waited_s: float) -> None:
    """Sleep before the next try to read: what keeps readers out is the end of a commit, 0.1 ms."""
    if waited_s < COMMIT_END_S:
        time.sleep(0.00002)  # at least; the system makes it 0.08 ms
    else:
        pause(waited_s)
