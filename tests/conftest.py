"""What several rooms' tests need."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from redis_server import RedisServer, require_redis

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["rooms", "git_repos"]
pytest.register_assert_rewrite("stores.contract")


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    require_redis()
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture
def redis_server(redis_process: RedisServer) -> RedisServer:
    """An empty server, shared by the tests of a run; its `url` is a HERO_REDIS_URL."""
    with redis_process.client() as client:
        client.flushall()
    return redis_process


def pytest_collection_finish() -> None:
    """Thousands of tests are there until the end, and need not be looked through for garbage.

    IPython collects it at the end of every shell, which would take a third of a second each time.
    """
    gc.collect()
    gc.freeze()
