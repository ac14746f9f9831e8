"""Where heroscript is read from: a file, or a folder of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hero_kernel.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = (".md", ".hero", ".heroscript")
"""What is read from a folder, in herolib's order: all of the first kind, then the next."""

MAX_BYTES = 16 * 2**20
"""The size of a file that is read; a larger one is no script."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a text that is not the user's own was fetched from.

    Attributes:
        url: The repository's address, in one spelling.
        commit: The hash of the commit it was read at.
        root: The folder of the clone, which its scripts do not leave.
    """

    url: str
    commit: str
    root: Path

    def __str__(self) -> str:
        return f"{self.url}@{self.commit[:12]}"

    def label(self, path: Path) -> str:
        """What a file of the clone is called: the repository, the commit, the path in it."""
        return f"{self}:{path.relative_to(self.root).as_posix()}"


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text and the file it was read from, by its absolute path.

    Attributes:
        path: The file.
        text: Its content.
        origin: Where it was fetched from; None for the user's own.
    """

    path: Path
    text: str
    origin: Origin | None = None


def read(path: Path) -> tuple[SourceText, ...]:
    """Read a file, whatever its suffix, or every script below a folder.

    In a folder, names that begin with `.` or `_` are skipped, and so are symbolic links: they
    may lead out of it.

    Raises:
        SourceError: There is nothing at the path, it is too large or no file, or it is not UTF-8.
    """
    try:
        if path.is_dir():
            return tuple(_read_file(file) for file in _scripts(path))
        return (_read_file(path),)
    except FileNotFoundError as error:
        raise SourceError(
            f"there is no file or folder {path.absolute()}", hint="check the path"
        ) from error
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}", hint="check the path and its permissions"
        ) from error
    except ValueError as error:  # a NUL in the path
        raise SourceError(f"{str(path)!r} is no path: {error}", hint="check the path") from error


def _scripts(folder: Path) -> list[Path]:
    found: dict[str, list[Path]] = {suffix: [] for suffix in SUFFIXES}
    pending = [folder]
    while pending:
        for entry in pending.pop().iterdir():
            if entry.name.startswith((".", "_")) or entry.is_symlink():
                continue
            if entry.is_dir():
                pending.append(entry)
            elif entry.suffix in found:
                found[entry.suffix].append(entry)
    return [file for suffix in SUFFIXES for file in sorted(found[suffix])]


def _read_file(path: Path) -> SourceText:
    if path.exists() and not path.is_file():
        raise SourceError(f"{path} is neither a file nor a folder", hint="check the path")
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise SourceError(f"{path} is larger than {MAX_BYTES >> 20} MiB", hint="split it")
    try:
        return SourceText(path.absolute(), raw.decode())
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not UTF-8 text: byte {error.start} cannot be read", hint="save it as UTF-8"
        ) from error
