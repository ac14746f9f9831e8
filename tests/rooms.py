"""A workspace of its own for a test, on either engine, with a way to look behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

import hero_kernel as hero
from hero_kernel import Workspace, times

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from redis_server import RedisServer

NOW = times.new("2025-01-02 03:04:05")


@dataclass
class Place:
    """Where a workspace keeps things; every `open` is another kernel."""

    home: Path
    redis_url: str = ""
    opened: list[Workspace] = field(default_factory=list)

    def open(self) -> Workspace:
        workspace = hero.open_workspace(home=self.home, redis_url=self.redis_url, default=False)
        workspace.kdf_log2_n = 14  # a hundred secrets are made; at full cost each takes 0.6 s
        self.opened.append(workspace)
        return workspace

    def open_at(self, moment: times.OurTime = NOW) -> Workspace:
        """With a clock that stands still."""
        workspace = self.open()
        workspace.now = lambda: moment
        return workspace

    def tree(self) -> dict[str, bytes]:
        """Every file below the home but the records, with its content."""
        files = (path for path in self.home.rglob("*") if not path.name.startswith("hero.db"))
        return {
            path.relative_to(self.home).as_posix(): path.read_bytes() if path.is_file() else b""
            for path in files
        }

    def records(self) -> dict[tuple[int, str], str | None]:
        """Every record, by number and key."""
        store = self.open().store
        return {(n, key): store.get(n, key) for n in store.numbers() for key in store.scan(n)}

    def start(self, code: str, *args: str) -> subprocess.Popen[str]:
        """Run code in a process of its own, where `ws` is a workspace here."""
        head = "import sys, hero_kernel as hero\nws = hero.open_workspace()\nws.kdf_log2_n = 14\n"
        where = {"HERO_HOME": str(self.home), "HERO_REDIS_URL": self.redis_url}
        return subprocess.Popen(
            [sys.executable, "-c", head + code, *args],
            env=os.environ | where,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_all(self, code: str, count: int) -> list[str]:
        """Run code in so many processes at once, each told its number; what each printed."""
        children = [self.start(code, str(number)) for number in range(count)]
        ended = [(*child.communicate(timeout=60), child.returncode) for child in children]
        for _, complaint, status in ended:
            assert status == 0, complaint
        return [printed.strip() for printed, _, _ in ended]


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place with its records on each engine in turn."""
    where = Place(tmp_path / "home")
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        where.redis_url = server.url
    yield where
    for workspace in where.opened:  # else sockets wait, open, for the garbage collector
        workspace.store.close()


@pytest.fixture
def local(tmp_path: Path) -> Place:
    """A place with its records in SQLite, for what does not depend on the engine."""
    return Place(tmp_path / "home")


@pytest.fixture
def ws(place: Place) -> Workspace:
    return place.open()
