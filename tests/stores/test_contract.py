"""One suite over the three engines, Redis a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from stores.contract import StoreContract

from hero_kernel.stores.memory import MemoryStore
from hero_kernel.stores.redis import RedisStore
from hero_kernel.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis_server import RedisServer


class TestMemory(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestSqlite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> SqliteStore:
        return SqliteStore(tmp_path / "home of é & ?#%41" / "hero.db")


class TestRedis(StoreContract):
    @pytest.fixture
    def store(self, redis_server: RedisServer) -> Iterator[RedisStore]:
        store = RedisStore(redis_server.url)
        yield store
        store.close()
