"""Settings: what the environment says, read once and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a workspace keeps things.

    Attributes:
        home: The folder of contexts, databases and the SQLite store (`HERO_HOME`, `~/hero`).
        redis_url: Where records are kept instead of SQLite (`HERO_REDIS_URL`); empty for SQLite.
        coderoot: Where code is checked out when a context names no place
            (`CODEROOT`, else `DIR_CODE`, else `~/code`).
    """

    home: Path
    redis_url: str = ""
    coderoot: Path = Path("~/code")


def read(environ: Mapping[str, str]) -> Settings:
    """Read settings from environment variables."""
    return Settings(
        home=expanded(environ.get("HERO_HOME") or "~/hero"),
        redis_url=environ.get("HERO_REDIS_URL", "").strip(),
        coderoot=expanded(environ.get("CODEROOT") or environ.get("DIR_CODE") or "~/code"),
    )


def expanded(path: str | Path) -> Path:
    """The path with `~` as the user's home folder, absolute: a kernel may change its folder."""
    return Path(path).expanduser().absolute()
