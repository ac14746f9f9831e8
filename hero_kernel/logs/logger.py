"""Logger: what a session logs to."""

from __future__ import annotations

import threading
from itertools import groupby, islice
from math import inf
from time import time
from typing import TYPE_CHECKING

from hero_kernel import times
from hero_kernel.errors import LogError, StoreError
from hero_kernel.logs.entry import LogItem, head, lines, message
from hero_kernel.logs.hours import Skipped, listed
from hero_kernel.logs.writer import Writer
from hero_kernel.times import OurTime

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hero_kernel.logs.entry import LogType
    from hero_kernel.logs.follow import Follow
    from hero_kernel.logs.search import Page, Query

MAX_ITEMS = 10_000
"""Entries that a search returns unless it is told otherwise, as herolib's."""

_FIRST = -(2**62)
_LAST = 2**62
"""Seconds before and after all that can be kept."""


_new = tuple.__new__


def _as_it_is(text: str) -> str:
    return text


def _ignore(_path: Path, _reason: str) -> None:
    """A file whose name is no hour is told by a search."""


class _Own(threading.local):
    """Each thread's own writer."""

    def __init__(self, root: Path, parts: tuple[str, ...]) -> None:
        self.writer = Writer(root, parts)


class Logger:
    """Appends to a session's log and looks in it.

    Entries go to one file an hour, `YYYY-MM-DD HH.log` in UTC, in a form that people, `grep` and
    herolib can read; see `entry`. Safe for threads, forks and other processes that log into the
    same folder. An entry is seen by every reader when `log` returns, and outlives the process;
    it is not synced to the disk, so the last ones may be lost with the power.

    Args:
        folder: Where the files are; made at the first entry.
        root: What the folder must lie in, also when there are links on the way.
        now: The clock.
        mask: Is given every message before it is written, and returns what may be seen of it.
            Categories do not pass through it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        root: Path,
        now: Callable[[], OurTime] = times.now,
        mask: Callable[[str], str] = _as_it_is,
    ) -> None:
        self._root = root
        self._parts = folder.relative_to(root).parts
        self._now = now
        self._mask = mask
        self._own = _Own(root, self._parts)
        self._present = (0.0, 0.0, OurTime())  # what the system's clock said, from when to when

    @property
    def path(self) -> Path:
        """The folder of the files, which may not be there yet."""
        return self._root.joinpath(*self._parts)

    def log(
        self,
        log: str,
        cat: str = "",
        logtype: LogType = "stdout",
        timestamp: OurTime | None = None,
    ) -> LogItem:
        """Append an entry; what was written.

        Args:
            log: The message, of any number of lines. Common indentation and blanks around it are
                cut off, tabs become four blanks; escape sequences and control characters are
                dropped.
            cat: What it is about: up to 10 characters, kept in lower case.
            logtype: "stdout" or "error".
            timestamp: When it happened; None and the empty moment are now.

        Raises:
            LogError: The category is too long or not ASCII, or there is no such type.
            StoreError: It could not be written; nothing of it was.
        """
        began = time()
        fixed, before = head(cat, logtype)
        text = self._mask(log)
        if text.isprintable():
            text = text.strip(" ")
            written = f"{before}{text}\n".encode()
        else:
            text, written = self._odd(text, before, logtype)
        since, until, moment = self._present
        if timestamp:
            moment = timestamp
        elif not since <= began < until:
            moment = self._asked()
        self._own.writer.append(moment.unix, written, began)
        # LogItem(…) in half the time
        return _new(LogItem, (moment, fixed, text, logtype))

    def log_all(self, entries: Iterable[tuple[str, str, LogType, OurTime]]) -> None:
        """Append entries, in one write for those of a second.

        Args:
            entries: Message, category, type and time of each, as `log` takes them.

        Raises:
            HeroError: As `log`; entries of an earlier second may have been written.
        """
        for second, group in groupby(entries, key=lambda entry: entry[3].unix):
            began = time()
            written = [self._lines(log, cat, logtype) for log, cat, logtype, _ in group]
            self._own.writer.append(second, b"".join(written), began)

    def _asked(self) -> OurTime:
        moment = self._now()
        if self._now is times.now:  # which says the same for the rest of the second
            self._present = (float(moment.unix), moment.unix + 1.0, moment)
        return moment

    def _lines(self, log: str, cat: str, logtype: LogType) -> bytes:
        """An entry's lines, without a stamp."""
        before = head(cat, logtype)[1]
        text = self._mask(log)
        if text.isprintable():
            return lines(before, text.strip(" "), logtype)
        return self._odd(text, before, logtype)[1]

    def _odd(self, masked: str, before: str, logtype: LogType) -> tuple[str, bytes]:
        """A message that cannot be written as it is, and the entry's lines."""
        # a secret may show only when what stood within it is dropped
        text = message(self._mask(message(masked)))
        return text, lines(before, text, logtype)

    def error(self, log: str, cat: str = "", timestamp: OurTime | None = None) -> LogItem:
        """Append an entry of type "error"; as `log`."""
        return self.log(log, cat, "error", timestamp)

    def search(  # noqa: PLR0917 - herolib's order
        self,
        timestamp_from: OurTime | str | None = None,
        timestamp_to: OurTime | str | None = None,
        cat: str = "",
        log: str = "",
        logtype: LogType | None = None,
        maxitems: int = MAX_ITEMS,
        ignore_case: bool = True,
        *,
        skipped: list[Skipped] | None = None,
    ) -> list[LogItem]:
        """The first entries, in the order of time, that are like all that is given.

        Files are in the order of their hours; within an hour, entries are in the order of
        writing, also those that were given an earlier time.

        Args:
            timestamp_from: The first second; a text is read as by `times.new`, such as "-1h".
            timestamp_to: The last second.
            cat: The category, spelt in any way that `log` takes.
            log: A text in the message.
            logtype: "stdout", "error", or None for both.
            maxitems: How many entries at most.
            ignore_case: Whether capitals are like small letters, in `log`.
            skipped: Collects what cannot be read, which is left out: files whose name is no
                hour, and entries below a damaged stamp.

        Raises:
            LogError: The times are the wrong way round, the category is too long or not ASCII,
                there is no such type, or `maxitems` is negative.
            OurTimeError: A text is no time.
            StoreError: The folder cannot be read, or leads out of the root.
        """
        if maxitems < 0:
            raise LogError(f"maxitems is {maxitems}", hint="give a number from 0 on")
        query = self._query(timestamp_from, timestamp_to, cat, log, logtype, ignore_case)
        return list(islice(self._iterate(query, None, skipped), maxitems))

    def iterate(  # noqa: PLR0917 - as `search`
        self,
        timestamp_from: OurTime | str | None = None,
        timestamp_to: OurTime | str | None = None,
        cat: str = "",
        log: str = "",
        logtype: LogType | None = None,
        ignore_case: bool = True,
        *,
        last: int | None = None,
        skipped: list[Skipped] | None = None,
    ) -> Iterator[LogItem]:
        """The entries that `search` would return, one by one, read as they are asked for.

        Args:
            timestamp_from: As in `search`, like the others.
            timestamp_to: The last second.
            cat: The category.
            log: A text in the message.
            logtype: "stdout", "error", or None for both.
            ignore_case: Whether capitals are like small letters, in `log`.
            last: How many of the newest ones, the newest first; the files are read from their
                ends. None yields all, the oldest first.
            skipped: Collects what cannot be read.

        Raises:
            HeroError: As `search`, when it is called.
        """
        if last is not None and last < 0:
            raise LogError(f"last is {last}", hint="give a number from 0 on")
        query = self._query(timestamp_from, timestamp_to, cat, log, logtype, ignore_case)
        return self._iterate(query, last, skipped)

    def page(  # noqa: PLR0917 - as `search`
        self,
        timestamp_from: OurTime | str | None = None,
        timestamp_to: OurTime | str | None = None,
        cat: str = "",
        log: str = "",
        logtype: LogType | None = None,
        ignore_case: bool = True,
        *,
        before: str = "",
        limit: int = 200,
        within_s: float = inf,
    ) -> Page:
        """The newest entries that are like all that is given, with where to go on.

        The files are read from their ends, no further than needed; nothing is held open between
        two pages, and what is written meanwhile changes none that is older.

        Args:
            timestamp_from: As in `search`, like the others.
            timestamp_to: The last second.
            cat: The category.
            log: A text in the message.
            logtype: "stdout", "error", or None for both.
            ignore_case: Whether capitals are like small letters, in `log`.
            before: Where to go on: the `before` of the page after it, or the place of an entry;
                empty for the end of the log.
            limit: How many entries at most.
            within_s: After so many seconds it returns what it has, also if that is nothing yet.

        Raises:
            HeroError: As `search`; also when `before` is no place, or `limit` not positive.
        """
        if limit < 1:
            raise LogError(f"limit is {limit}", hint="give a number from 1 on")
        from hero_kernel.logs.search import page, read_place  # noqa: PLC0415 - most only append

        query = self._query(timestamp_from, timestamp_to, cat, log, logtype, ignore_case)
        folder = self._existing_folder()
        end = read_place(before, folder) if before else None
        return page(listed(folder, _ignore), end, query, limit, within_s)

    def at(self, place: str) -> LogItem:
        """The entry at a place that a page or a follower gave.

        Raises:
            LogError: It is no place, or no entry is there any more.
            StoreError: The folder leads out of the root, or the file cannot be read.
        """
        from hero_kernel.logs.search import entry_at, read_place  # noqa: PLC0415 - as `page`

        return entry_at(*read_place(place, self._existing_folder()))

    def follow(self, *, poll_s: float = 0.2) -> Follow:
        """The entries that anyone writes from now on, in an iterator that waits for each.

        Args:
            poll_s: How often the folder is looked at; less often when it holds very many files.

        Raises:
            StoreError: The folder cannot be read, or leads out of the root; also while waiting.
        """
        from hero_kernel.logs.follow import Follow  # noqa: PLC0415 - as `page`
        from hero_kernel.logs.search import Query  # noqa: PLC0415 - as `page`

        return Follow(self._existing_folder, Query(_FIRST, _LAST), poll_s)

    def handler(self, level: int | str = 0) -> logging.Handler:
        """A handler that writes records of standard `logging` into this log.

        Add it to a logger: `logging.getLogger().addHandler(logger.handler())`. The message comes
        with its traceback, the category is the logger's name, cut to 10 characters.

        Args:
            level: Records below it are left out.
        """
        from hero_kernel.logs.handler import Handler  # noqa: PLC0415 - few need logging

        return Handler(self, level)

    def close(self) -> None:
        """Close the file that this thread has open; its next entry opens it again."""
        self._own.writer.close()

    def _iterate(
        self, query: Query, last: int | None, skipped: list[Skipped] | None
    ) -> Iterator[LogItem]:
        from hero_kernel.logs.search import items  # noqa: PLC0415 - as `page`

        def note(path: Path, reason: str) -> None:
            if skipped is not None:
                skipped.append(Skipped(path, reason))

        hours = listed(self._existing_folder(), note)
        if last is None:
            return items(hours, query, backwards=False, note=note)
        return islice(items(reversed(hours), query, backwards=True, note=note), last)

    def _query(  # noqa: PLR0917 - as `search`
        self,
        timestamp_from: OurTime | str | None,
        timestamp_to: OurTime | str | None,
        cat: str,
        log: str,
        logtype: LogType | None,
        ignore_case: bool,
    ) -> Query:
        from hero_kernel.logs.search import Query  # noqa: PLC0415 - as `page`

        begin = self._second(timestamp_from, _FIRST)
        end = self._second(timestamp_to, _LAST)
        if begin > end:
            raise LogError(
                f"from {OurTime(begin)} to {OurTime(end)} is the wrong way round",
                hint="give the earlier time first",
            )
        fixed, _ = head(cat, logtype or "stdout")
        return Query(begin, end, fixed, log, logtype, ignore_case)

    def _second(self, moment: OurTime | str | None, otherwise: int) -> int:
        if isinstance(moment, str):
            return times.new(moment, now=self._now()).unix if moment else otherwise
        return moment.unix if moment else otherwise

    def _existing_folder(self) -> Path:
        """The folder, which need not be there, but if it is, then in the root."""
        folder = self.path
        if not folder.resolve().is_relative_to(self._root.resolve()):
            raise StoreError(f"{folder} leads out of {self._root}", hint="remove the link")
        return folder
