"""A real redis-server of our own: on a private socket, in a folder of its own, ended by its pid."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class RedisServer:
    """Listens on a unix socket, or on a loopback port when one is given."""

    def __init__(self, *options: str, port: int = 0) -> None:
        # Not pytest's tmp_path: the path of a socket has room for about 100 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="hero-redis-"))
        self.socket = self.folder / "r.sock"
        self.port = port
        self.url = f"redis://127.0.0.1:{port}" if port else f"unix://{self.socket}"
        self._options = options
        self.start()

    def start(self) -> None:
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--unixsocket", str(self.socket)]
        self._process = subprocess.Popen(
            ["redis-server", *where, "--dir", str(self.folder), "--save", "", *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(500):
            try:
                with self.client(retry=Retry(NoBackoff(), 0)) as client:
                    client.execute_command("CLIENT", "ID")
            except redis.AuthenticationError:
                return
            except redis.ConnectionError:
                time.sleep(0.01)
            else:
                return
        self.stop()
        pytest.fail("redis-server did not start")

    def client(self, number: int = 0, **options: object) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), db=number, **options)

    def send(self, number: int) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process.poll() is None:
            self.send(signal.SIGCONT)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def require_redis() -> None:
    """Skip where there is no redis-server; fail instead where everything has to run."""
    if shutil.which("redis-server") is None:
        if os.environ.get("CI") or os.environ.get("HERO_REQUIRE_ALL"):
            pytest.fail("redis-server is not installed")
        pytest.skip("redis-server is not installed")
