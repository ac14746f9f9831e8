"""Claims: one process at a time takes a name or an id."""

from __future__ import annotations

import os
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.stores.base import Store

LOCK = "context:lock"
"""A record of database 0 that is there while a process claims a name or an id."""

_DEAD_S = 5.0
"""A lock that one process holds for longer is a dead one's; claiming takes milliseconds."""

_PAUSE_S = 0.02


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """Keep every other process from claiming a name or an id; a dead holder is passed over.

    No clock but this process's own is trusted: a holder is dead when it was watched for long.
    """
    own, seen, since = os.urandom(8).hex(), "", monotonic()
    while not store.create(0, LOCK, own):
        holder = store.get(0, LOCK) or ""
        if holder != seen:
            seen, since = holder, monotonic()
        elif holder and monotonic() - since > _DEAD_S:
            _swap(store, holder, None)
        from random import random  # noqa: PLC0415  # others are seldom at it

        sleep(random() * _PAUSE_S)  # noqa: S311  # spreads the waiting, guards nothing
    try:
        yield
    finally:
        _swap(store, own, None)


def _swap(store: Store, old: str, new: str | None) -> None:
    store.update(0, LOCK, lambda text: new if text == old else text)
