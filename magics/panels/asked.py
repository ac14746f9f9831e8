"""Asked: what a front end sends with a question, looked at before it is used."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import ChangedError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def text(given: Any, what: str) -> str:
    """A text that was sent.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(given, str):
        raise UsageError(f"{what} is no text")
    return given


def same(given: Any, now: str) -> None:
    """Make sure that a question is about what the panel shows by now.

    Raises:
        ChangedError: The notebook has gone elsewhere since.
    """
    if given != now:
        raise ChangedError(f"this panel shows {now} by now", hint="look, and try again")


def version(of: str) -> str:
    """Another text for another text: what an edit says it is based on, without saying it all."""
    return blake2b(of.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def stamp(path: Path) -> object:
    """Another value after every change of a file, or when it comes or goes; cheap."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
