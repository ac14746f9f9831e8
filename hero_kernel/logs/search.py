"""Looking for entries, in the hours' files of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby, islice
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from hero_kernel.errors import LogError, StoreError
from hero_kernel.logs.entry import LogItem, second_of
from hero_kernel.logs.hours import (
    HOUR_S,
    Hour,
    Needle,
    Skipped,
    batches_backwards,
    entries,
    entries_backwards,
    hour_of,
    opened,
    settled_size,
)
from hero_kernel.report.text import plain
from hero_kernel.times import OurTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from hero_kernel.logs.entry import LogType
    from hero_kernel.logs.hours import Found


@dataclass(frozen=True)
class Query:
    """What an entry must be like: all that is given must hold."""

    begin: int
    """The first second, since 1970."""

    end: int
    """The last second."""

    cat: str = ""
    log: str = ""
    logtype: LogType | None = None
    ignore_case: bool = True

    def may_stand_in(self, hour: Hour) -> bool:
        """Whether an hour has seconds that are asked for."""
        return self.begin < hour.begin + HOUR_S and hour.begin <= self.end

    @cached_property
    def needle(self) -> Needle | None:
        """What stands in the lines of every entry that fits; None when nothing is known to."""
        text = max(self.log.split("\n"), key=len)
        if self.ignore_case:
            text = max(_steady_parts(_folded(text)), key=len)
        if text:
            return Needle(text.encode("utf-8", "backslashreplace"), self.ignore_case)
        if self.cat:
            return Needle(b" %-10s -" % self.cat.encode(), folds=False)
        return Needle(b"\nE ", folds=False) if self.logtype == "error" else None

    def item(self, found: Found, moment: OurTime) -> LogItem | None:
        """The entry, if it fits; its second does."""
        mark, category, message = found.said
        logtype: LogType = "error" if mark == b"E" else "stdout"
        if self.logtype not in (None, logtype):
            return None
        cat, shown = _category(category)
        if self.cat not in ("", cat):
            return None
        if not message.isprintable():
            message = plain(message)  # herolib writes what it was given
        if self.log and (
            self._folded_log not in _folded(message)
            if self.ignore_case
            else self.log not in message
        ):
            return None
        # LogItem(…) in half the time
        return _new(LogItem, (moment, shown, message, logtype))

    @cached_property
    def _folded_log(self) -> str:
        return _folded(self.log)


_new = tuple.__new__


@lru_cache(maxsize=256)
def _category(written: bytes) -> tuple[str, str]:
    """A category as it is looked for, and as it is shown."""
    cat = written.decode("utf-8", "replace").rstrip(" ")
    return cat, plain(cat)


class Placed(NamedTuple):
    """An entry with its place in the log."""

    place: str
    """The name of its file, and the byte there that it begins with: see `Logger.page`."""

    item: LogItem


@dataclass(frozen=True)
class Page:
    """Entries that stand one after the other, the oldest first, and where there are older ones.

    Attributes:
        entries: Each with its place.
        before: Where the page before this one ends; None when nothing is there.
        skipped: What could not be read.
    """

    entries: tuple[Placed, ...]
    before: str | None
    skipped: tuple[Skipped, ...] = ()


def _folded(text: str) -> str:
    low = text.lower()
    # Whether a sigma is a final one depends on what follows it.
    return low if low.isascii() else low.replace(_FINAL_SIGMA, _SIGMA)


_FINAL_SIGMA = "\N{GREEK SMALL LETTER FINAL SIGMA}"
_SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


def _steady_parts(folded: str) -> Iterable[str]:
    """Parts that have the same bytes however they are spelt, if ASCII is put in lower case."""
    for is_steady, part in groupby(folded, lambda c: c.isascii() or c == c.upper() == c.lower()):
        if is_steady:
            yield "".join(part)
    yield ""


def items(
    hours: Iterable[Hour],
    query: Query,
    *,
    backwards: bool,
    note: Callable[[Path, str], object],
) -> Iterator[LogItem]:
    """The entries that fit, file by file; what cannot be read is left out and noted."""
    for hour in hours:
        if not query.may_stand_in(hour):
            continue
        try:
            with opened(hour.path) as file:
                end = settled_size(file)
                if backwards:
                    found = entries_backwards(file, end, query.needle)
                else:
                    found = entries(file, 0, end, query.needle)
                for _, item in _fitting(found, hour, query, note):
                    yield item
        except FileNotFoundError:
            continue  # deleted meanwhile
        except OSError as error:
            note(hour.path, f"it cannot be read: {error.strerror}")


def placed(
    found: Iterable[Found], hour: Hour, query: Query, note: Callable[[Path, str], object]
) -> Iterator[Placed]:
    """The items of the entries that fit, each with its place; see `_fitting`."""
    for one, item in _fitting(found, hour, query, note):
        yield Placed(place_of(hour, one.begin), item)


def place_of(hour: Hour, byte: int) -> str:
    """A place in the log."""
    return f"{hour.path.name}:{byte}"


def read_place(text: str, folder: Path) -> tuple[Hour, int]:
    """What `place_of` wrote.

    Raises:
        LogError: It did not.
    """
    name, _, byte = text.rpartition(":")
    hour = hour_of(name, folder)
    if hour is None or not (byte.isascii() and byte.isdecimal() and len(byte) <= _DIGITS):
        raise LogError(f"{text[:60]!r} is no place in a log", hint="give one that a page has")
    return hour, int(byte)


def entry_at(hour: Hour, byte: int) -> LogItem:
    """The entry that begins at a byte of a file; see `Logger.at`."""
    query = Query(hour.begin, hour.begin + HOUR_S)
    try:
        with opened(hour.path) as file:
            found = entries(file, byte, max(byte, settled_size(file)), None)
            one = next(_fitting(found, hour, query, lambda _path, _reason: None), None)
    except FileNotFoundError:
        one = None
    except OSError as error:
        raise StoreError(f"{hour.path} cannot be read: {error.strerror}") from error
    if one is None or one[0].begin != byte:
        raise LogError("this entry is not in the log any more", hint="look again")
    return one[1]


_DIGITS = 18
"""Of a byte's place; no file is as long."""


def page(
    hours: Sequence[Hour],
    before: tuple[Hour, int] | None,
    query: Query,
    limit: int,
    within_s: float,
) -> Page:
    """The last entries that fit, before a place; see `Logger.page`.

    Args:
        hours: Oldest first.
        before: A file, and a byte in it where a line begins; None is the end.
        query: What they must be like.
        limit: How many at most.
        within_s: After so many seconds it ends with what it has.
    """
    until_s = monotonic() + within_s
    skipped: list[Skipped] = []
    pages: list[list[Placed]] = []

    def note(path: Path, reason: str) -> None:
        skipped.append(Skipped(path, reason))

    def ended(older: str | None) -> Page:
        entries = tuple(one for batch in reversed(pages) for one in batch)
        return Page(entries, older, tuple(skipped))

    for hour in reversed(hours):
        if (before is not None and hour > before[0]) or not query.may_stand_in(hour):
            continue
        end = before[1] if before is not None and hour == before[0] else None
        for begin, batch in _batches(hour, end, query, note):
            room = limit - sum(map(len, pages))
            pages.append(list(islice(batch, room))[::-1])
            if len(pages[-1]) == room:
                return ended(pages[-1][0].place)
            if monotonic() > until_s:
                return ended(place_of(hour, begin))
    return ended(None)


def _batches(
    hour: Hour, end: int | None, query: Query, note: Callable[[Path, str], object]
) -> Iterator[tuple[int, Iterator[Placed]]]:
    """The entries of a file that fit, before a byte of it, piece by piece; the last ones first."""
    try:
        with opened(hour.path) as file:
            size = settled_size(file)
            end = size if end is None else min(size, end)
            for begin, batch in batches_backwards(file, end, query.needle):
                yield begin, placed(reversed(batch), hour, query, note)
    except FileNotFoundError:
        return  # deleted meanwhile
    except OSError as error:
        note(hour.path, f"it cannot be read: {error.strerror}")


def _fitting(
    found: Iterable[Found], hour: Hour, query: Query, note: Callable[[Path, str], object]
) -> Iterator[tuple[Found, LogItem]]:
    """The entries that fit, with their items; those below a stamp that says no time are noted."""
    bad: set[bytes | None] = set()
    day = hour.day
    stamp: bytes | None = b""
    moment: OurTime | None = None
    for one in found:
        if one.stamp != stamp:
            stamp = one.stamp
            second = second_of(stamp, day) if stamp else None
            moment = OurTime(second) if second is not None else None
            is_in_time = second is not None and query.begin <= second <= query.end
        if moment is not None:
            if is_in_time and (item := query.item(one, moment)):
                yield one, item
        elif stamp not in bad:
            bad.add(stamp)
            what = repr(stamp.decode("utf-8", "replace")[:40]) if stamp else "no stamp"
            note(hour.path, f"entries below {what} have no time")
