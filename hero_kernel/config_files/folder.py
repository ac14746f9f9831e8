"""A folder below a root, held open: nobody can put another in its place meanwhile."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.errors import StoreAuthError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows: writers there do not wait for each other
    fcntl = None  # type: ignore[assignment]

_BY_HANDLE = os.open in os.supports_dir_fd and os.listdir in os.supports_fd
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe in a file's place would be waited for
_BINARY = getattr(os, "O_BINARY", 0)
_STALE_S = 3600


@dataclass(frozen=True, slots=True)
class Folder:
    """Files by their names in a folder that is held open.

    Names are checked by the caller. Links are neither read nor written through. Where the system
    cannot work from a folder's handle (Windows), paths are used.

    Attributes:
        path: The folder.
        handle: Its descriptor, None where there is no such thing.
    """

    path: Path
    handle: int | None

    def names(self) -> list[str]:
        """The names of all that is in it, sorted."""
        with _explained(self.path):
            found = os.listdir(self.path if self.handle is None else self.handle)  # noqa: PTH208
        return sorted(found)

    def has(self, name: str) -> bool:
        """Whether there is a file of that name; a link is none."""
        found = self._stat(name)
        return found is not None and stat.S_ISREG(found.st_mode)

    def found(self, name: str) -> tuple[int, int] | None:
        """A file's size and the nanoseconds of its last change; None where there is no file."""
        found = self._stat(name)
        is_file = found is not None and stat.S_ISREG(found.st_mode)
        return (found.st_size, found.st_mtime_ns) if found is not None and is_file else None

    def read(self, name: str, limit: int) -> bytes:
        """A file's content, cut one byte after the limit.

        Raises:
            FileNotFoundError: There is nothing of that name.
            StoreAuthError: It may not be read.
            StoreError: It is a link or no file.
        """
        with _explained(self.path / name):
            flags = os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _BINARY
            try:
                descriptor = os.open(self._at(name), flags, dir_fd=self.handle)
            except PermissionError:
                raise StoreAuthError(
                    f"{self.path / name} may not be read", hint="change its permissions"
                ) from None
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise StoreError(f"{self.path / name} is no file", hint="move it away")
                return file.read(limit + 1)

    def write(self, name: str, data: bytes) -> None:
        """Write a file of mode 0600 whole or not at all, durable when this returns.

        Whoever reads meanwhile finds the old content or the new. Drafts that killed processes
        left an hour ago or earlier are removed.

        Raises:
            StoreError: There is no room, or it may not be written; the old content is there.
        """
        draft = f".{name}.{os.urandom(8).hex()}{files.DRAFT}"
        with _explained(self.path / name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
            descriptor = os.open(self._at(draft), flags, 0o600, dir_fd=self.handle)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                    written_s = os.fstat(file.fileno()).st_mtime
                os.replace(
                    self._at(draft), self._at(name), src_dir_fd=self.handle, dst_dir_fd=self.handle
                )
            except BaseException:
                with suppress(OSError):
                    os.unlink(self._at(draft), dir_fd=self.handle)
                raise
            _sync(self.handle)
        self._sweep(written_s)

    def delete(self, name: str) -> bool:
        """Delete a file, or the link in its place; whether it was there.

        Raises:
            StoreError: It is a folder, or it may not be deleted.
        """
        with _explained(self.path / name):
            try:
                os.unlink(self._at(name), dir_fd=self.handle)
            except FileNotFoundError:
                return False
            _sync(self.handle)
            return True

    def _sweep(self, now_s: float) -> None:
        """Remove old drafts; the time is the file system's own, as theirs is."""
        for name in self.names():
            if name.startswith(".") and name.endswith(files.DRAFT):
                found = self._stat(name)
                if found is not None and now_s - found.st_mtime > _STALE_S:
                    with suppress(OSError):
                        os.unlink(self._at(name), dir_fd=self.handle)

    def _stat(self, name: str) -> os.stat_result | None:
        with _explained(self.path / name):
            try:
                return os.stat(self._at(name), dir_fd=self.handle, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def _at(self, name: str) -> str:
        return str(self.path / name) if self.handle is None else name


@contextmanager
def opened(root: Path, path: Path) -> Iterator[Folder]:
    """The folder, for reading.

    Raises:
        FileNotFoundError: It is not there.
        StoreError: It is no folder, may not be read, or a link on the way leads out of the root.
    """
    with _held(root, path, create=False) as folder:
        yield folder


@contextmanager
def alone(root: Path, path: Path, *, create: bool = False) -> Iterator[Folder]:
    """The folder, for changing what is in it.

    Waits while another process or thread changes it; one that was killed is not waited for.

    Args:
        root: What no link is followed out of.
        path: The folder.
        create: Whether it is made, with mode 0700, where it is missing.

    Raises:
        FileNotFoundError: It is not there.
        StoreError: It cannot be made, or as `opened`.
    """
    with _held(root, path, create=create) as folder:
        _lock(folder.handle, free=False)
        try:
            yield folder
        finally:
            # said aloud: a process forked meanwhile would hold the lock as long as it lives
            _lock(folder.handle, free=True)


def _lock(handle: int | None, *, free: bool) -> None:
    if fcntl is not None and handle is not None:
        with suppress(OSError):  # a network's file system may have no locks
            fcntl.flock(handle, fcntl.LOCK_UN if free else fcntl.LOCK_EX)


@contextmanager
def _held(root: Path, path: Path, *, create: bool) -> Iterator[Folder]:
    if create:
        files.folder(root)
    with _explained(path):  # a link may become a folder while it is asked where it leads
        real_root, real = Path(os.path.realpath(root)), Path(os.path.realpath(path))
    if not real.is_relative_to(real_root) or real == real_root:
        raise StoreError(f"{path} leads out of {root}", hint="remove the link")
    parts = real.relative_to(real_root).parts
    if not _BY_HANDLE:
        if create:
            files.folder(root, *parts)
        path.stat()
        yield Folder(path, None)
        return
    with _explained(path):
        handle = _walked(real_root, parts, create=create)
    try:
        yield Folder(path, handle)
    finally:
        os.close(handle)


def _walked(root: Path, parts: tuple[str, ...], *, create: bool) -> int:
    """The folder's handle, reached from the root through folders only.

    The path has no links any more; one that was put into it since is not followed.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | _NO_FOLLOW
    handle = os.open(root, flags)
    for part in parts:
        above = handle
        try:
            if create:
                _make(part, above)
            handle = os.open(part, flags, dir_fd=above)
        finally:
            os.close(above)
    return handle


def _make(name: str, above: int) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=above)
    except FileExistsError:
        return  # or a link, or a file: opening it tells
    _sync(above)


def _sync(handle: int | None) -> None:
    """Make the names in a folder durable, where the system can."""
    if handle is not None:
        with suppress(OSError):
            os.fsync(handle)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the system says into our errors; a missing file is the caller's to explain."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise files.explained(error, path) from error
