"""Finding: one thing that was looked at, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OK, WARNING, PROBLEM = "ok", "warning", "problem"
"""A problem keeps something from working; a warning may, or makes it less safe."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        state: "ok", "warning" or "problem".
        what: How it is, in one line.
        todo: What to do about it, in one line; empty when nothing is to be done.
    """

    state: str
    what: str
    todo: str = ""

    def to_dict(self) -> dict[str, str]:
        """As JSON's kinds of data."""
        return {"state": self.state, "what": self.what, "todo": self.todo}


@dataclass(frozen=True)
class Place:
    """What is looked at.

    Attributes:
        environ: Environment variables.
        home: `HERO_HOME`.
        redis_url: `HERO_REDIS_URL`; empty for SQLite.
        mounts: The system's table of file systems, as `/proc/mounts` or `mount` has it.
        room: Bytes that should be free on the home's disk.
    """

    environ: Mapping[str, str]
    home: Path
    redis_url: str = ""
    mounts: str = ""
    room: int = 200 * 2**20


def plural(count: int, one: str, more: str = "") -> str:
    """`1 file`, `2 files`."""
    return f"{count} {one}" if count == 1 else f"{count} {more or one + 's'}"
