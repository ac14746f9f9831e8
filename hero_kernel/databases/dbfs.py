"""herolib's databases, which are folders, read with all that may be wrong with them.

The form is that of herolib's `data/dbfs`: below the collection's folder a folder for a database,
in it a file `<a>/<b>/<c>` for each value, whose id is a*65536 + b*256 + c, and a symbolic link
from each key to its value's file; or, where `.meta` says `keyshashed`, the keys in files below
`names/`. An encrypted value is base64 text.
"""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from hero_kernel.databases.values import MAX_VALUE_BYTES
from hero_kernel.errors import (
    DatabaseError,
    HeroError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreUnavailableError,
)
from hero_kernel.stores.bounds import MAX_KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hero_kernel.databases.values import Value

_NUMBER = r"(0|[1-9][0-9]{0,2})"
_TARGET = re.compile(rf"{_NUMBER}/{_NUMBER}/{_NUMBER}(\.[^/]+)?")
_PART = re.compile(_NUMBER)
_NAMES_FILE = re.compile(r"([0-9a-f]{2})/([0-9a-f]{2})\.txt")
_RESERVED = frozenset(["names", "encrypted"])
_LINK_BYTES = 256
_META_BYTES = 64 * 1024
_BYTE = 256


@dataclass(frozen=True)
class Finding:
    """Something that was not as it should be.

    Attributes:
        database: herolib's name of it.
        place: The key or file, below its folder; empty for all of it.
        reason: What was wrong, and what became of it.
    """

    database: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.database}/{self.place}: {self.reason}".replace("/:", ":")


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes:
        databases: The names of the databases, as they are here, that were found.
        imported: How many values were copied.
        kept: How many keys were here already and kept their values.
        skipped: What was not copied, and why.
        notes: What was copied, but not as it was.
    """

    databases: tuple[str, ...] = ()
    imported: int = 0
    kept: int = 0
    skipped: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()


class Target(Protocol):
    """What is asked of a database of ours."""

    name: str

    def transaction(self) -> AbstractContextManager[Any]:
        """One step."""

    def exists(self, key: str | None = None, *, id: int | None = None) -> bool:
        """Whether a key or an id is there."""

    def key_of(self, id: int) -> str | None:
        """The key of an id; None when it has none."""

    def put_entry(self, key: str | None, id: int | None, value: Value) -> int:
        """Write an entry, with its id where that is free; its id."""


@dataclass
class _Source:
    """One database of herolib's, and what is found on the way."""

    folder: Path
    encrypted: bool = False
    hashed: bool = False
    suffix: str = ""
    skipped: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.folder.name

    def skip(self, place: str, reason: str) -> None:
        self.skipped.append(Finding(_readable(self.name), _readable(place), reason))

    def note(self, place: str, reason: str) -> None:
        self.notes.append(Finding(_readable(self.name), _readable(place), reason))


def copy(
    folder: Path,
    target: Callable[..., Target],
    *,
    decrypt: Callable[[str], bytes] | None,
    overwrite: bool,
    has_keys: bool,
) -> ImportReport:
    """Copy every database in a folder; see `Databases.import_dbfs`."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DatabaseError(
            f"{folder} cannot be read: {(error.strerror or str(error)).lower()}",
            hint="give the folder of herolib's databases",
        ) from None
    is_one = any(entry.name == ".meta" for entry in entries)
    sources = [folder] if is_one else [folder / entry.name for entry in entries if _is_one(entry)]
    report = ImportReport()
    for path in sources:
        source = _described(path)
        done = _copied(source, target, decrypt, overwrite=overwrite, has_keys=has_keys)
        report = ImportReport(
            (*report.databases, *done.databases),
            report.imported + done.imported,
            report.kept + done.kept,
            (*report.skipped, *source.skipped),
            (*report.notes, *source.notes),
        )
    return report


def _is_one(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is a database: it says so, or holds a value's folder."""
    if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
        return False
    try:
        inside = os.listdir(entry.path)  # noqa: PTH208 - names are all that is asked for
    except OSError:
        return True  # it is told when it is read
    return ".meta" in inside or any(_PART.fullmatch(name) for name in inside)


def _described(folder: Path) -> _Source:
    """What `.meta` says; a damaged one is noted, and the plain form assumed."""
    source = _Source(folder)
    try:
        meta = dict(json.loads(_content(folder / ".meta", _META_BYTES)))
    except FileNotFoundError:
        source.note(".meta", "it is missing; the plain form was assumed")
        meta = {}
    except (OSError, TypeError, ValueError, RecursionError):
        source.note(".meta", "it cannot be read; the plain form was assumed")
        meta = {}
    source.encrypted = meta.get("encrypted") is True
    source.hashed = meta.get("keyshashed") is True
    suffix = meta.get("ext")
    if isinstance(suffix, str) and suffix and "/" not in suffix:
        source.suffix = f".{suffix}"
    if not source.encrypted and os.path.lexists(folder / "encrypted"):
        source.note(
            "encrypted",
            "herolib marked it so without encrypting it; values were copied as they are",
        )
    return source


def _copied(
    source: _Source,
    target: Callable[..., Target],
    decrypt: Callable[[str], bytes] | None,
    *,
    overwrite: bool,
    has_keys: bool,
) -> ImportReport:
    if source.encrypted and decrypt is None:
        source.skip("", "it is encrypted, and its secret was not given")
        return ImportReport()
    if source.encrypted and not has_keys:
        source.skip("", "it is encrypted, and the context has no secret to encrypt it with here")
        return ImportReport()
    try:
        database = target(source.name, encrypt=source.encrypted)
    except HeroError as error:
        source.skip("", error.message)
        return ImportReport()
    imported = kept = 0
    # Read before the lock is taken: the files may be many, and slow.
    found = list(_entries(source))
    with database.transaction():
        for key, number, path in found:
            if not overwrite and _is_there(database, key, number):
                kept += 1
            else:
                entry = key, number, path
                imported += _put(source, database, entry, decrypt if source.encrypted else None)
    return ImportReport((database.name,), imported, kept)


def _is_there(database: Target, key: str | None, number: int) -> bool:
    if key is not None:
        return len(key.encode()) <= MAX_KEY_BYTES and database.exists(key)
    return database.exists(id=number) and database.key_of(number) is None


def _put(
    source: _Source,
    database: Target,
    entry: tuple[str | None, int, Path],
    decrypt: Callable[[str], bytes] | None,
) -> bool:
    """Write one entry; whether it could be."""
    key, number, path = entry
    place = key if key is not None else _path(number)
    try:
        is_new = key is None or not database.exists(key)
        got = database.put_entry(key, number, _value(path, decrypt))
    except OSError as error:
        source.skip(place, f"it cannot be read: {(error.strerror or str(error)).lower()}")
    except (StorageFullError, StoreUnavailableError, ReadOnlyStoreError):
        raise
    except (ValueError, HeroError) as error:
        source.skip(place, error.message if isinstance(error, HeroError) else str(error))
    else:
        if is_new and got != number:
            source.note(place, f"its id {number} was taken; it has {got} here")
        return True
    return False


def _entries(source: _Source) -> Iterator[tuple[str | None, int, Path]]:
    """Key, id and file of every value; those without a key last."""
    files = dict(_values(source))
    linked: set[int] = set()
    for key, number in _hashed_keys(source) if source.hashed else _keys(source):
        if number not in files:
            source.skip(key, f"its value {_path(number)} is not there")
        else:
            linked.add(number)
            yield key, number, files[number]
    for number in sorted(files.keys() - linked):
        yield None, number, files[number]


def _values(source: _Source) -> Iterator[tuple[int, Path]]:
    """Id and file of every value; links are not followed."""
    for first in _parts(source, source.folder):
        for second in _parts(source, first):
            for path in _children(source, second):
                stem = path.name.removesuffix(source.suffix)
                if not _PART.fullmatch(stem) or int(stem) >= _BYTE:
                    source.skip(_below(source, path), "it is neither a value nor a key")
                    continue
                found = path.lstat()
                number = (int(first.name) * _BYTE + int(second.name)) * _BYTE + int(stem)
                if not stat.S_ISREG(found.st_mode):
                    source.skip(_below(source, path), "it is a link or a folder, not a value")
                elif number == 0:
                    source.skip(_below(source, path), "0 is no id")
                elif found.st_size > 2 * MAX_VALUE_BYTES:
                    source.skip(_below(source, path), "it is larger than a value may be")
                else:
                    yield number, path


def _parts(source: _Source, folder: Path) -> Iterator[Path]:
    """The folders whose names are a byte."""
    for path in _children(source, folder):
        if not _PART.fullmatch(path.name):
            if folder != source.folder:
                source.skip(_below(source, path), "it is neither a value nor a key")
        elif int(path.name) < _BYTE and stat.S_ISDIR(path.lstat().st_mode):
            yield path
        else:
            source.skip(_below(source, path), "it is no folder of values")


def _children(source: _Source, folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        source.skip(_below(source, folder), f"it cannot be read: {reason}")
        return []


def _keys(source: _Source) -> Iterator[tuple[str, int]]:
    """Keys and ids, by links; also by links that some tool has copied as files of text."""
    for path in _children(source, source.folder):
        name = path.name
        if name.startswith(".") or name in _RESERVED or _PART.fullmatch(name):
            continue
        try:
            target = os.readlink(path) if path.is_symlink() else _copied_link(path)  # noqa: PTH115
        except (OSError, ValueError):
            target = ""
        if not target:
            source.skip(name, "it is neither a value nor a key")
            continue
        # herolib writes the folder's own name before it where that has a dot.
        match = _TARGET.fullmatch(target.removeprefix(f"{source.name}/"))
        if match is None or any(int(match[part]) >= _BYTE for part in (1, 2, 3)):
            source.skip(name, f"its link leads to {target[:80]!r}, where no value is")
            continue
        key = name.removesuffix(source.suffix)
        try:
            key.encode()
        except UnicodeEncodeError:
            source.skip(name, "its name is not UTF-8")
            continue
        yield key, (int(match[1]) * _BYTE + int(match[2])) * _BYTE + int(match[3])


def _copied_link(path: Path) -> str:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LINK_BYTES:
        return ""
    return _content(path, _LINK_BYTES).decode().strip()


def _hashed_keys(source: _Source) -> Iterator[tuple[str, int]]:
    """Keys and ids, by lines: `key:data` in `names/<aa>/<bb>.txt`, the id by bytes and line."""
    for folder in _children(source, source.folder / "names"):
        if not folder.is_dir() or folder.is_symlink():
            continue
        for path in _children(source, folder):
            match = _NAMES_FILE.fullmatch(f"{folder.name}/{path.name}")
            if match is None or path.is_symlink():
                source.skip(_below(source, path), "it is no file of keys")
                continue
            try:
                lines = _content(path, MAX_VALUE_BYTES).decode().splitlines()
            except (OSError, ValueError):
                source.skip(_below(source, path), "it cannot be read as keys")
                continue
            start = (int(match[1], 16) * _BYTE + int(match[2], 16)) * _BYTE
            for number, line in enumerate(lines[:_BYTE]):
                if line.strip():
                    yield line.partition(":")[0], start + number


def _value(path: Path, decrypt: Callable[[str], bytes] | None) -> str | bytes:
    """A value's file: text where it is UTF-8, else bytes."""
    data = _content(path, 2 * MAX_VALUE_BYTES)
    if decrypt is not None:
        try:
            text = data.decode("ascii").strip()
        except UnicodeDecodeError:
            raise ValueError("it is not encrypted, in a database that is") from None
        data = decrypt(text)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _content(path: Path, limit: int) -> bytes:
    """A file's bytes; a link in its place is not followed."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError("it is too large")
    return data


def _readable(name: str) -> str:
    """A file's name, which may be no UTF-8, as it can be printed."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _path(number: int) -> str:
    return f"{number >> 16}/{number >> 8 & 255}/{number & 255}"


def _below(source: _Source, path: Path) -> str:
    return path.relative_to(source.folder).as_posix()
