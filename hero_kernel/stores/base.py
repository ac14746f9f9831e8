"""What every store promises: records, which are texts, by database number and key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.stores.watch import Watch

Change: TypeAlias = "Callable[[str | None], str | None]"
"""From the record as it is (None: absent) to the record as it shall be (None: delete it)."""


class Store(Protocol):
    """Records by database number and key; the database number is a context's id.

    Every call is one atomic step, durable when it returns as far as the medium allows, and
    may be made from any thread, in any process, and after a fork. Nothing is opened before the
    first call. Ctrl-C is honoured while waiting and never leaves a lock or a half-made change.

    Raises, from every method: `StoreUnavailableError`, `StoreAuthError`,
    `UncertainResultError` (writes only), `CorruptRecordError`, `StorageFullError`,
    `ReadOnlyStoreError`; `ContextError` when the number is beyond what the server holds.
    """

    @property
    def address(self) -> str:
        """Where the records are, for messages; never a password."""

    def get(self, number: int, key: str) -> str | None:
        """The record, or None."""

    def put(self, number: int, key: str, value: str) -> None:
        """Write the record, over what is there."""

    def create(self, number: int, key: str, value: str) -> bool:
        """Write the record only if the key is absent; whether it was written."""

    def update(self, number: int, key: str, change: Change) -> str | None:
        """Replace the record by what `change` makes of it, as one step; the new record.

        `change` may be called more than once (another writer came first) and must be pure; what
        it raises passes through and nothing is changed. The same text back changes nothing.
        """

    def delete(self, number: int, key: str) -> bool:
        """Delete the record; whether it was there."""

    def scan(self, number: int, prefix: str = "") -> list[str]:
        """The keys with the prefix, sorted."""

    def records(self, number: int, prefix: str = "") -> dict[str, str]:
        """The records whose keys have the prefix, by key, sorted; what is no text is left out.

        On SQLite of one moment; on Redis a few hundred at a time.
        """

    def numbers(self) -> list[int]:
        """The database numbers that hold a record, sorted."""

    def limit(self) -> int:
        """Database numbers are below this."""

    def revision(self, number: int) -> object:
        """Another value after every change in the database, by anyone; to be compared only."""

    def watch(self, number: int, *, interval_s: float = 0.1) -> Watch:
        """Yield after every change in the database since this call; several may be one yield.

        Whoever made the change: another thread, process or program. Polls at the interval and
        blocks the calling thread meanwhile, honours Ctrl-C, and ends when it is closed, which any
        thread may do. An error does not end it: the next step looks again.
        """

    def purge(self) -> None:
        """Leave nothing readable of what was written over or deleted.

        On SQLite the file is written anew. On Redis nothing is done: what its own files on the
        disk hold until they are rewritten is the server's affair.
        """

    def close(self) -> None:
        """Let go of connections; a later call opens anew."""
