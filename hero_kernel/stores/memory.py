"""Records in the memory of this process."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from hero_kernel.stores.bounds import (
    NUMBER_LIMIT,
    Nesting,
    check_key,
    check_number,
    check_value,
)
from hero_kernel.stores.turns import TURN
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from hero_kernel.stores.base import Change


class MemoryStore:
    """Keep records while this process lives; for tests and trials.

    After a fork, parent and child each have their own records.
    """

    def __init__(self) -> None:
        self._records: defaultdict[int, dict[str, str]] = defaultdict(dict)
        self._revisions: Counter[int] = Counter()
        self._nesting = Nesting()

    @property
    def address(self) -> str:
        """Always `memory`."""
        return "memory"

    def get(self, number: int, key: str) -> str | None:
        """The record, or None."""
        self._check(number, key)
        with TURN:
            return self._records[number].get(key)

    def put(self, number: int, key: str, value: str) -> None:
        """Write the record, over what is there."""
        self._check(number, key)
        check_value(key, value)
        with TURN:
            self._set(number, key, value)

    def create(self, number: int, key: str, value: str) -> bool:
        """Write the record only if the key is absent; whether it was written."""
        self._check(number, key)
        check_value(key, value)
        with TURN:
            if key in self._records[number]:
                return False
            self._set(number, key, value)
            return True

    def update(self, number: int, key: str, change: Change) -> str | None:
        """Replace the record by what `change` makes of it, as one step; the new record."""
        self._check(number, key)
        with TURN, self._nesting.inside():
            new = change(self._records[number].get(key))
            if new is not None:
                check_value(key, new)
            self._set(number, key, new)
            return new

    def delete(self, number: int, key: str) -> bool:
        """Delete the record; whether it was there."""
        self._check(number, key)
        with TURN:
            there = key in self._records[number]
            self._set(number, key, None)
            return there

    def scan(self, number: int, prefix: str = "") -> list[str]:
        """The keys with the prefix, sorted."""
        self._check(number, prefix)
        with TURN:
            return sorted(key for key in self._records[number] if key.startswith(prefix))

    def records(self, number: int, prefix: str = "") -> dict[str, str]:
        """The records whose keys have the prefix, by key, sorted."""
        self._check(number, prefix)
        with TURN:
            found = self._records[number]
            return {key: found[key] for key in sorted(found) if key.startswith(prefix)}

    def numbers(self) -> list[int]:
        """The database numbers that hold a record, sorted."""
        self._nesting.refuse()
        with TURN:
            return sorted(number for number, records in self._records.items() if records)

    def limit(self) -> int:
        """Database numbers are below this."""
        return NUMBER_LIMIT

    def revision(self, number: int) -> object:
        """Another value after every change in the database; to be compared only."""
        check_number(number)
        return self._revisions[number]

    def watch(self, number: int, *, interval_s: float = 0.1) -> Watch:
        """Yield after every change in the database."""
        return Watch(lambda: self.revision(number), interval_s)

    def purge(self) -> None:
        """Nothing is left of what was written over or deleted."""

    def close(self) -> None:
        """Nothing to let go of: the records stay."""

    def _check(self, number: int, key: str) -> None:
        self._nesting.refuse()
        check_number(number)
        check_key(key)

    def _set(self, number: int, key: str, value: str | None) -> None:
        """Set or delete; the caller has the turn."""
        if self._records[number].get(key) == value:
            return
        # The revision first: interrupted in between, a watch wakes for nothing, and misses nothing.
        self._revisions[number] += 1
        if value is None:
            del self._records[number][key]
        else:
            self._records[number][key] = value
