"""Positions: the keys of a database by their place in the order of keys."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from hero_kernel.databases.views import after_prefix
from hero_kernel.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.databases.glances import Glance

    Rows = list[tuple[Any, ...]]

STEP = 2048
"""Every so many keys one is remembered: counting from there to any other takes 30 µs."""

MOST = 4096
"""So many are remembered at most; beyond, every other one is forgotten."""

MAX_TEXT = 512
"""Characters that may be looked for."""

_KEYS_AT_ONCE = 2048
_VALUES_AT_ONCE = 128
"""How many entries one statement looks through: others wait for no more than that."""

_IN_VALUE = "(kind IS NULL OR kind = 'json') AND typeof(value) <> 'blob'"


class Counted(Protocol):
    """What is asked of a database."""

    def version(self) -> str:
        """Another text after every change."""

    def count(self, prefix: str) -> int:
        """How many keys have the prefix."""

    def select(self, statement: str, parameters: tuple[object, ...]) -> Rows:
        """What a statement of ours finds."""

    def glances(self, where: str, parameters: tuple[object, ...], head: int) -> list[Glance]:
        """The entries that a condition of ours names."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has come to.

    Attributes:
        ids: Of the entries found, in the order of their keys; not more than were asked for.
        count: How many were found.
        at: The position where the next search goes on; None at the end.
    """

    ids: tuple[int, ...]
    count: int
    at: int | None


class Positions:
    """The keys that have a prefix, by their position.

    To find the millionth key means to count up to it. On the way some keys are remembered, with
    the version of the database, so that the next is found at once; after a change by anyone it is
    counted anew. For use by any thread.

    Args:
        database: Whose.
        prefix: "" for all keys.
    """

    def __init__(self, database: Counted, prefix: str) -> None:
        self._database = database
        self._prefix = prefix
        self._end = after_prefix(prefix)
        self._lock = Lock()
        self._forget("")

    def _forget(self, version: str) -> None:
        self._version = version
        self._step = STEP
        self._marks = [self._prefix]  # no key that has the prefix comes before it
        self._total: int | None = None

    def count(self) -> int:
        """How many keys there are."""
        with self._lock:
            self._check()
            if self._total is None:
                self._total = self._database.count(self._prefix)
            return self._total

    def page(self, position: int, count: int, *, head: int) -> list[Glance]:
        """So many entries from a position on; fewer at the end.

        Args:
            position: From 0.
            count: How many.
            head: How many bytes of each value are read at most.
        """
        with self._lock:
            self._check()
            mark, offset = self._mark_before(position)
        bound, more = self._bound(mark)
        where = f"{bound} ORDER BY key LIMIT ? OFFSET ?"
        return self._database.glances(where, (*more, count, offset), head)

    def before(self, key: str) -> int:
        """How many of the keys come before a key, which need not be there: its position."""
        with self._lock:
            self._check()
            while self._marks[-1] <= key and self._extend():
                pass
            at = max(0, bisect_right(self._marks, key) - 1)
            mark, position = self._marks[at], at * self._step
        rows = self._database.select(
            "SELECT count(*) FROM entry WHERE key >= ? AND key < ?",
            (mark, key if self._end is None else min(key, self._end)),
        )
        return position + int(rows[0][0] if rows else 0)

    def search(
        self,
        text: str,
        at: int = 0,
        *,
        ignore_case: bool = True,
        values: bool = False,
        most: int,
        until: Callable[[], bool],
    ) -> Found:
        """Look for a text in the keys, from a position on, until it is enough.

        Without case, a text of ASCII is found whatever the case of its letters is, and any other
        by Unicode's case folding. Bytes, secrets and sealed values are not looked into; numbers,
        lists and dicts are as they are kept, in JSON.

        Args:
            text: At most `MAX_TEXT` characters.
            at: Where to begin.
            ignore_case: Whether case does not matter.
            values: Whether to look into values too.
            most: How many ids are wanted; what is found beyond is counted.
            until: Asked after every piece of the keys, some thousands; true ends the search.

        Raises:
            DatabaseError: The text is longer.
        """
        if len(text) > MAX_TEXT:
            raise DatabaseError(
                f"the text to look for is longer than {MAX_TEXT} characters", hint="shorten it"
            )
        size = _VALUES_AT_ONCE if values else _KEYS_AT_ONCE
        with self._lock:
            self._check()
            mark, offset = self._mark_before(at)
        start = self._key_after(mark, offset)
        look = _Look(text, ignore_case=ignore_case, values=values)
        ids: list[int] = []
        count = 0
        while start is not None:
            end = self._key_after(start, size)
            bound, more = self._bound(start, end)
            if len(ids) < most:
                found = look.found(self._database, bound, more)
                count += len(found)
                ids += found[: most - len(ids)]
            else:
                count += look.count(self._database, bound, more)
            start, at = end, at + size
            if until():
                break
        return Found(tuple(ids), count, None if start is None else at)

    def _check(self) -> None:
        version = self._database.version()
        if version != self._version:
            self._forget(version)

    def _mark_before(self, position: int) -> tuple[str, int]:
        """A remembered key, and how many more lie between it and a position."""
        while len(self._marks) * self._step <= position and self._extend():
            pass
        at = min(position // self._step, len(self._marks) - 1)
        return self._marks[at], position - at * self._step

    def _extend(self) -> bool:
        """Remember one key more; false at the end."""
        found = self._key_after(self._marks[-1], self._step)
        if found is None:
            return False
        self._marks.append(found)
        if len(self._marks) > MOST:
            self._marks, self._step = self._marks[::2], self._step * 2
        return True

    def _key_after(self, start: str, count: int) -> str | None:
        bound, more = self._bound(start)
        statement = f"SELECT key FROM entry WHERE {bound} ORDER BY key LIMIT 1 OFFSET ?"  # noqa: S608 - ours
        for (key,) in self._database.select(statement, (*more, count)):
            return str(key)
        return None

    def _bound(self, start: str, end: str | None = None) -> tuple[str, tuple[str, ...]]:
        """The condition that a key is among ours, from `start` on, and before `end`."""
        end = end or self._end
        return ("key >= ?", (start,)) if end is None else ("key >= ? AND key < ?", (start, end))


class _Look:
    """What a text is looked for with."""

    _what: tuple[str, ...]

    def __init__(self, text: str, *, ignore_case: bool, values: bool) -> None:
        self._values = values
        self._folded = text.casefold() if ignore_case and not text.isascii() else ""
        if ignore_case:  # SQLite's LIKE knows the case of ASCII
            escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            test, what = "{} LIKE ? ESCAPE '\\'", f"%{escaped}%"
        else:
            test, what = "instr({}, ?) > 0", text
        self._holds, self._what = test.format("key"), (what,)
        if values:
            self._holds = f"({self._holds} OR {_IN_VALUE} AND {test.format('value')})"
            self._what = (what, what)

    def found(self, database: Counted, bound: str, more: tuple[str, ...]) -> list[int]:
        """The ids of the entries within a bound that hold the text, in the order of their keys."""
        if self._folded:
            return self._found_folded(database, bound, more)
        statement = f"SELECT id FROM entry WHERE {bound} AND {self._holds} ORDER BY key"  # noqa: S608 - ours
        return [number for (number,) in database.select(statement, (*more, *self._what))]

    def count(self, database: Counted, bound: str, more: tuple[str, ...]) -> int:
        """How many entries within a bound hold the text."""
        if self._folded:
            return len(self._found_folded(database, bound, more))
        statement = f"SELECT count(*) FROM entry WHERE {bound} AND {self._holds}"  # noqa: S608 - ours
        return sum(number for (number,) in database.select(statement, (*more, *self._what)))

    def _found_folded(self, database: Counted, bound: str, more: tuple[str, ...]) -> list[int]:
        value = f", CASE WHEN {_IN_VALUE} THEN value END" if self._values else ""
        statement = f"SELECT id, key{value} FROM entry WHERE {bound} ORDER BY key"  # noqa: S608 - ours
        return [
            number
            for number, *texts in database.select(statement, more)
            if any(self._folded in text.casefold() for text in texts if isinstance(text, str))
        ]
