"""Looking for entries, in the hours' files of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from hero_kernel.logs.entry import LogItem, second_of
from hero_kernel.logs.hours import (
    HOUR_S,
    Hour,
    Needle,
    entries,
    entries_backwards,
    opened,
    settled_size,
)
from hero_kernel.report.text import plain
from hero_kernel.times import OurTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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

    def item(self, found: Found, second: int) -> LogItem | None:
        """The entry, if it fits."""
        logtype: LogType = "error" if found.mark == b"E" else "stdout"
        if not self.begin <= second <= self.end or self.logtype not in (None, logtype):
            return None
        cat = found.category.decode("utf-8", "replace").rstrip(" ")
        if self.cat not in ("", cat):
            return None
        message = plain(found.message)  # herolib writes what it was given
        if self.ignore_case:
            fits = self._folded_log in _folded(message) if self.log else True
        else:
            fits = self.log in message
        return LogItem(OurTime(second), plain(cat), message, logtype) if fits else None

    @cached_property
    def _folded_log(self) -> str:
        return _folded(self.log)


def _folded(text: str) -> str:
    # Whether a sigma is a final one depends on what follows it.
    return text.lower().replace(
        "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"
    )


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
                yield from fitting(found, hour, query, note)
        except FileNotFoundError:
            continue  # deleted meanwhile
        except OSError as error:
            note(hour.path, f"it cannot be read: {error.strerror}")


def fitting(
    found: Iterable[Found], hour: Hour, query: Query, note: Callable[[Path, str], object]
) -> Iterator[LogItem]:
    """The items of the entries that fit; those below a stamp that says no time are noted."""
    bad: set[bytes | None] = set()
    for one in found:
        second = second_of(one.stamp, hour.day) if one.stamp else None
        if second is not None:
            item = query.item(one, second)
            if item:
                yield item
        elif one.stamp not in bad:
            bad.add(one.stamp)
            what = repr(one.stamp.decode("utf-8", "replace")[:40]) if one.stamp else "no stamp"
            note(hour.path, f"entries below {what} have no time")
