"""Where records are kept: memory, one SQLite file, or Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel.stores.base import Store

__all__ = ["FILE_NAME", "store_for"]

FILE_NAME = "hero.db"
"""The SQLite store's file, in the home folder."""


def store_for(home: Path, redis_url: str = "") -> Store:
    """The store of a home: Redis when an address is given, else one SQLite file.

    Opens nothing. There is no way from one to the other by itself: with Redis out of reach every
    call says so, for records written elsewhere meanwhile would be two truths.
    """
    # The engines are imported where they are chosen: redis alone takes 0.1 s.
    if redis_url:
        from hero_kernel.stores.redis import RedisStore  # noqa: PLC0415 - see above

        return RedisStore(redis_url)
    from hero_kernel.stores.sqlite import SqliteStore  # noqa: PLC0415 - see above

    return SqliteStore(home / FILE_NAME)
