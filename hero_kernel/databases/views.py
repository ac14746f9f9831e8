"""The views of a database: keys, items and values in order, a page at a time."""

from __future__ import annotations

from collections.abc import ItemsView, KeysView, ValuesView
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.databases.values import Value

PAGE_BYTES = 1024 * 1024
"""About how much of the values a page holds; a page has a row at least."""

PAGE_ROWS = 1024
_FIRST_ROWS = 16
_SIZED = (str, bytes)  # not the union, which is made anew for every cell

Rows = list[tuple[Any, ...]]


class Pages(Protocol):
    """What the views ask of a database."""

    def page(
        self, columns: str, prefix: str, after: str | None, count: int, *, descending: bool
    ) -> Rows:
        """So many rows whose key has the prefix, in the order of their keys, after a key."""

    def count(self, prefix: str) -> int:
        """How many keys have the prefix."""

    def value_of(self, key: str, row: tuple[Any, ...]) -> Value:
        """The value of a row of the columns in `VALUE`."""


VALUE = "kind, value, (SELECT encrypted FROM meta)"


def paged(fetch: Callable[[Any, int], Rows], first: object) -> Iterator[tuple[Any, ...]]:
    """Row by row what `fetch(after, count)` gives; a row begins with what the next is after.

    Nothing is held between two pages, so that what changes meanwhile shows from the next page on,
    and no key comes twice. Pages are small where values are large.
    """
    after, count = first, _FIRST_ROWS
    while rows := fetch(after, count):
        yield from rows
        if len(rows) < count:
            return
        after = rows[-1][0]
        held = sum(len(cell) for row in rows for cell in row if isinstance(cell, _SIZED))
        count = max(1, min(PAGE_ROWS, count * 4, count * PAGE_BYTES // (held + 1)))


class Keys(KeysView[str]):
    """The keys that have a prefix, in the order of their bytes in UTF-8."""

    _mapping: Any

    def __init__(self, database: Pages, prefix: str) -> None:
        super().__init__(database)  # type: ignore[arg-type]
        self._prefix = prefix

    def __len__(self) -> int:
        return self._mapping.count(self._prefix)  # type: ignore[no-any-return]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.startswith(self._prefix) and key in self._mapping

    def __iter__(self) -> Iterator[str]:
        return (key for (key,) in _rows(self._mapping, "key", self._prefix))

    def __reversed__(self) -> Iterator[str]:
        return (key for (key,) in _rows(self._mapping, "key", self._prefix, descending=True))

    def __repr__(self) -> str:
        return f"Keys({self._mapping!r}, {self._prefix!r})"


class Items(ItemsView[str, "Value"]):
    """Keys and values of the keys that have a prefix."""

    _mapping: Any

    def __init__(self, database: Pages, prefix: str) -> None:
        super().__init__(database)  # type: ignore[arg-type]
        self._prefix = prefix

    def __len__(self) -> int:
        return self._mapping.count(self._prefix)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return self._pairs(descending=False)

    def __reversed__(self) -> Iterator[tuple[str, Value]]:
        return self._pairs(descending=True)

    def _pairs(self, *, descending: bool) -> Iterator[tuple[str, Value]]:
        value_of = self._mapping.value_of
        rows = _rows(self._mapping, f"key, {VALUE}", self._prefix, descending=descending)
        for key, kind, value, encrypted in rows:
            if kind is None and not encrypted:
                yield key, value
            else:
                yield key, value_of(key, (kind, value, encrypted))

    def __repr__(self) -> str:
        return f"Items({self._mapping!r}, {self._prefix!r})"


class Values(ValuesView["Value"]):
    """The values of the keys that have a prefix, in the keys' order."""

    _mapping: Any

    def __init__(self, database: Pages, prefix: str) -> None:
        super().__init__(database)  # type: ignore[arg-type]
        self._prefix = prefix

    def __len__(self) -> int:
        return self._mapping.count(self._prefix)  # type: ignore[no-any-return]

    def __contains__(self, value: object) -> bool:
        return any(value == found for found in self)

    def __iter__(self) -> Iterator[Value]:
        return (value for _, value in Items(self._mapping, self._prefix))

    def __reversed__(self) -> Iterator[Value]:
        return (value for _, value in reversed(Items(self._mapping, self._prefix)))

    def __repr__(self) -> str:
        return f"Values({self._mapping!r}, {self._prefix!r})"


def _rows(
    database: Pages, columns: str, prefix: str, *, descending: bool = False
) -> Iterator[tuple[Any, ...]]:
    return paged(
        lambda after, count: database.page(columns, prefix, after, count, descending=descending),
        None,
    )


def after_prefix(prefix: str) -> str | None:
    """The first text beyond those that have the prefix; None when there is none.

    By code points, whose order is that of the bytes in UTF-8; the halves of characters are none.
    """
    for end in range(len(prefix), 0, -1):
        point = ord(prefix[end - 1]) + 1
        if point == _FIRST_HALF:
            point = _AFTER_HALVES
        if point <= _LAST:
            return prefix[: end - 1] + chr(point)
    return None


_FIRST_HALF, _AFTER_HALVES, _LAST = 0xD800, 0xE000, 0x10FFFF
