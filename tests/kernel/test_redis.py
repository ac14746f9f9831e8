"""The Hero kernel on records in a real Redis."""

from __future__ import annotations

from time import monotonic

import pytest
from kernel.driving import Kernel
from redis_server import RedisServer, require_redis


# redis-py 5.0 leaves the socket of a refused connection to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_session_in_redis_survives_kernel_and_server_trouble(tmp_path):
    require_redis()
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    try:
        with Kernel(tmp_path, HERO_REDIS_URL=server.url, HERO_SESSION="remote") as one:
            one.ask("!!session.env_set key:KEPT val:'by redis'")
            one.kill()
            assert one.ask("%hero_env get KEPT") == "'by redis'"
            assert "redis" in one.ask("%hero --why")

            server.kill()
            begin = monotonic()
            outcome = one.run("!!session.env_set key:LOST val:1")
            assert monotonic() - begin < 2
            assert not outcome.ok
            assert str(server.socket) in outcome.text
            assert one.ask("6 * 7") == "42"

            server.start()
            one.ask("!!session.env_set key:SECOND val:2")
            assert one.ask("import hero_kernel as hero; hero.session().env_all()") == (
                "{'KEPT': 'by redis', 'SECOND': '2'}"
            )
    finally:
        server.stop()
