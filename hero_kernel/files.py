"""Files and folders below a root: private, written whole, never through a link that leads out."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from hero_kernel.errors import ReadOnlyStoreError, StorageFullError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
            try:
                found = path.lstat()
            except FileNotFoundError:
                path.mkdir(mode=0o700, exist_ok=True)
                found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                _check_inside(root, path)
            if not path.is_dir():
                raise FileExistsError
    except FileExistsError as error:
        raise StoreError(f"{path} is not a folder", hint="move it away") from error
    except OSError as error:
        _raise(error, path)
    return path


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file of mode 0600 whole: a reader, or a crash, sees the old content or the new.

    Args:
        path: Its folder exists.
        data: The new content.
        durable: Whether it survives a power cut once this returns; costs an fsync or two.
    """
    try:
        with _scratch(path, data, durable=durable) as scratch:
            scratch.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        _raise(error, path)


def create(path: Path, data: bytes) -> bool:
    """Write a file whole, as `write` without syncing it, unless it is there; whether it was.

    Of several processes that create the same file, one does.
    """
    try:
        with _scratch(path, data, durable=False) as scratch:
            try:
                os.link(scratch, path)
            except FileExistsError:
                return False
            except OSError:  # a file system without hard links: the second best
                if path.exists():
                    return False
                scratch.replace(path)
    except OSError as error:
        _raise(error, path)
    return True


@contextmanager
def _scratch(path: Path, data: bytes, *, durable: bool) -> Iterator[Path]:
    """A file beside the path with the data in it; gone at the end, unless it was moved away."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def move(old: Path, new: Path) -> None:
    """Rename a folder if it is there and the new name is free; another process may be faster."""
    if not old.is_dir() or new.exists():
        return
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
    try:
        if path.is_symlink():
            path.unlink()
            return
        _check_inside(root, path)
        if path.exists():
            shutil.rmtree(path)
    except OSError as error:
        _raise(error, path)


_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)  # Windows has no such flag, nor links by default


def _check_inside(root: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(root.resolve()) or path.resolve() == root.resolve():
        raise StoreError(f"{path} leads out of {root}", hint="remove the link")


def _sync_folder(path: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _raise(error: OSError, path: Path) -> NoReturn:
    import errno  # noqa: PLC0415  # only when something failed

    code = errno.errorcode.get(error.errno or 0, "")
    if code in _FULL:
        raise StorageFullError(
            f"no room to write {path}", hint="free some; nothing stored was harmed"
        ) from error
    if code in _READ_ONLY:
        raise ReadOnlyStoreError(
            f"{path} may not be written", hint="change its permissions, or set HERO_HOME"
        ) from error
    raise StoreError(f"{path}: {error.strerror}") from error
