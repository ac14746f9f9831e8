"""New entries, as they are written."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from hero_kernel.logs.hours import Hour, entries, listed, opened, settled_size
from hero_kernel.logs.search import place_of, placed
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from io import FileIO
    from pathlib import Path

    from hero_kernel.logs.entry import LogItem
    from hero_kernel.logs.search import Placed, Query

_Identity = tuple[int, int]


class Follow:
    """Entries written by anyone since it was made; waits for each, ends when it is closed.

    May be closed from another thread. Ctrl-C ends it too. Of a file that is renamed or deleted,
    what was written before is still yielded.
    """

    def __init__(self, folder: Callable[[], Path], query: Query, poll_s: float) -> None:
        self._folder = folder
        self._query = query
        self._held: tuple[Hour, FileIO] | None = None
        self._newest: Hour | None = None
        # The watch comes first: what is written while the sizes are taken must wake it.
        self._watch = Watch(lambda: _files(folder()), poll_s)
        files = _files(self._folder())
        self._read_to = {identity: size for _, identity, size in files}
        self._hold(files)
        self._items: Generator[LogItem] | None = None  # made late, for it holds this

    def __iter__(self) -> Iterator[LogItem]:
        return self

    def __next__(self) -> LogItem:
        if self._items is None:
            self._items = self._new_items()
        return next(self._items)

    @property
    def place(self) -> str:
        """Where the entries end that were seen so far, for `Logger.page`; empty without any."""
        if self._newest is None:
            return ""
        file = None if self._held is None else self._held[1]
        return place_of(self._newest, self._read_to.get(_identity(file), 0) if file else 0)

    def fresh(self) -> list[Placed]:
        """The entries that were written since, without waiting for one; each with its place.

        For one thread at a time, and instead of iterating.
        """
        return list(self._unread())

    def close(self) -> None:
        """End it, also while another thread waits in it."""
        self._watch.close()
        with suppress(ValueError):  # another thread is in it, and ends it
            if self._items is not None:
                self._items.close()
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self._release()

    def _new_items(self) -> Generator[LogItem]:
        try:
            for _ in self._watch:
                for one in self._unread():
                    yield one.item
        finally:
            self._release()

    def _unread(self) -> Iterator[Placed]:
        files = _files(self._folder())
        gone = self._hold(files)
        if gone:
            with gone[1]:
                yield from self._rest(*gone)
        for hour, identity, size in files:
            if size != self._read_to.get(identity, 0):
                # It may be gone since, or be no file; it was then left out before.
                with suppress(OSError), opened(hour.path) as file:
                    yield from self._rest(hour, file)
        known = {identity for _, identity, _ in files}
        self._read_to = {one: to for one, to in self._read_to.items() if one in known}

    def _rest(self, hour: Hour, file: FileIO) -> Iterator[Placed]:
        end = settled_size(file)
        start = self._read_to.get(_identity(file), 0)
        if start > end:
            start = 0  # it was emptied, and is written again
        self._read_to[_identity(file)] = end
        found = entries(file, start, end, self._query.needle)
        yield from placed(found, hour, self._query, _ignore)

    def _hold(self, files: list[tuple[Hour, _Identity, int]]) -> tuple[Hour, FileIO] | None:
        """Keep the newest file open; the one before, if it was moved away and may have a rest."""
        before, self._held = self._held, None
        self._newest = files[-1][0] if files else None
        if files:
            hour = files[-1][0]
            with suppress(OSError):
                self._held = hour, opened(hour.path)
        if before and _identity(before[1]) in [identity for _, identity, _ in files]:
            before[1].close()
            return None
        return before

    def _release(self) -> None:
        held, self._held = self._held, None
        if held:
            held[1].close()


def _files(folder: Path) -> list[tuple[Hour, _Identity, int]]:
    files = []
    for hour in listed(folder, _ignore):
        with suppress(FileNotFoundError):
            found = os.lstat(hour.path)
            files.append((hour, (found.st_dev, found.st_ino), found.st_size))
    return files


def _identity(file: FileIO) -> _Identity:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino


def _ignore(_path: Path, _reason: str) -> None:
    """What cannot be read is told by a search."""
