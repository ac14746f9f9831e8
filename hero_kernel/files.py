"""Files and folders below a root: private, never through a link that leads out."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from hero_kernel.errors import ReadOnlyStoreError, StorageFullError, StoreError

_FULL = frozenset(["ENOSPC", "EDQUOT", "EFBIG"])
_READ_ONLY = frozenset(["EROFS", "EACCES", "EPERM"])


def folder(root: Path, *parts: str) -> Path:
    """The folder below the root, created with mode 0700 where it is missing.

    Raises:
        StoreError: Something on the way is not a folder, or a link that leads out of the root.
        ReadOnlyStoreError: It cannot be created.
    """
    path = root
    try:
        if not root.is_dir():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for part in parts:
            path = path / part
            _step(root, path)
    except FileExistsError as error:
        raise StoreError(f"{path} is not a folder", hint="move it away") from error
    except OSError as error:
        _raise(error, path)
    return path


def _step(root: Path, path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        path.mkdir(mode=0o700, exist_ok=True)
        return
    if stat.S_ISLNK(found.st_mode):
        _check_inside(root, path)
    if not path.is_dir():
        raise FileExistsError


def read(path: Path) -> bytes:
    """A file's content; a link in its place is not followed, nor a pipe waited for.

    Raises:
        OSError: It is not there, no file, or may not be read.
    """
    with os.fdopen(open_to_read(path), "rb") as file:
        return file.read()


def open_to_read(path: Path) -> int:
    """A descriptor of a file, for reading; as `read`."""
    descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NO_WAIT | _BINARY | _CLOSE_ON_EXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file")
    return descriptor


def append(path: Path | str, data: bytes) -> int:
    """Append to a file of mode 0600, in one write and without syncing; its size afterwards.

    Raises:
        FileNotFoundError: Its folder is not there.
        StoreError: There is no room, or it may not be written.
    """
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_FOLLOW | _NO_WAIT
        descriptor = os.open(path, flags, 0o600)
        try:
            if os.write(descriptor, data) < len(data):
                os.write(descriptor, b"\n")  # so that the next line is not taken for its end
                raise OSError(errno.ENOSPC, "no room")
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        _raise(error, path)


def write(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, durable when this returns.

    Whoever reads meanwhile finds the old content or the new. A link in the file's place is
    replaced, not followed.

    Raises:
        StoreError: There is no room, or it may not be written; the old content is there.
    """
    import tempfile  # noqa: PLC0415  # it brings compression along

    draft = ""
    try:
        # mkstemp makes files of mode 0600
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", suffix=DRAFT, dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
        draft = ""
        sync_folder(path.parent)
    except OSError as error:
        _raise(error, path)
    finally:
        if draft:
            with suppress(OSError):
                Path(draft).unlink()


def write_new(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that was not there; durable when this returns.

    Raises:
        StoreError: Something is there already, also a link; or as `write`, and nothing is left.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise StoreError(f"{path} is there already", hint="name a new file") from None
    except OSError as error:
        _raise(error, path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        _raise(error, path)


DRAFT = ".tmp"
"""The suffix of a file that is being written; one that a killed process left is never read."""


def sync_folder(folder: Path) -> None:
    """Make the names in the folder durable, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def rotate(path: Path, old: Path, size: int) -> None:
    """Rename a file that is larger than a size; another process may have been faster."""
    try:
        if path.stat().st_size > size:
            path.replace(old)
    except FileNotFoundError:
        return
    except OSError as error:
        _raise(error, path)


def move(root: Path, old: Path, new: Path) -> None:
    """Rename a folder if it is there and the new name is free; another process may be faster.

    Raises:
        StoreError: One of them does not lie below the root.
        ReadOnlyStoreError: It may not be renamed.
    """
    if not old.is_dir() or new.exists():
        return
    check_inside(root, old.parent)
    check_inside(root, new.parent)
    try:
        old.rename(new)
    except FileNotFoundError:
        return
    except OSError as error:
        _raise(error, new)


def is_left_over(path: Path) -> bool:
    """Whether something is there that moving a folder to the path would hide or lose."""
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return os.path.lexists(path)


def remove(root: Path, path: Path) -> None:
    """Delete a folder and all in it; a link in its place is not followed.

    Raises:
        StoreError: The path does not lie below the root.
        ReadOnlyStoreError: It may not be deleted.
    """
    import shutil  # noqa: PLC0415  # it brings compression along

    try:
        if path.is_symlink():
            check_inside(root, path.parent)
            path.unlink()
            return
        _check_inside(root, path)
        if path.exists():
            shutil.rmtree(path)
    except OSError as error:
        _raise(error, path)


_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has no such flag, nor links by default
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe in a file's place would be waited for
_BINARY = getattr(os, "O_BINARY", 0)
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)


def check_inside(root: Path, path: Path) -> None:
    """Raise StoreError for a path that leads out of the root, through a link or by itself."""
    if path.resolve() != root.resolve():
        _check_inside(root, path)


def _check_inside(root: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(root.resolve()) or path.resolve() == root.resolve():
        raise StoreError(f"{path} leads out of {root}", hint="remove the link")


def explained(error: OSError, path: Path | str) -> StoreError:
    """Our error for what the operating system said to a file or folder."""
    code = errno.errorcode.get(error.errno or 0, "")
    if code in _FULL:
        return StorageFullError(
            f"no room to write {path}", hint="free some; nothing stored was harmed"
        )
    if code in _READ_ONLY:
        return ReadOnlyStoreError(
            f"{path} may not be written", hint="change its permissions, or set HERO_HOME"
        )
    if code == "ELOOP":
        return StoreError(f"{path} is a link", hint="remove it")
    if code == "ENOTDIR":
        return StoreError(f"{path} lies behind what is no folder", hint="move that away")
    return StoreError(f"{path}: {error.strerror}", hint="look what is there")


def _raise(error: OSError, path: Path | str) -> NoReturn:
    raise explained(error, path) from error
