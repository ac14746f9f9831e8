"""The bounds of a record: number, key and value, checked before anything is opened."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hero_kernel.errors import BadNameError, ContextError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_KEY_BYTES = 512
"""Bytes of a key in UTF-8; far below what either engine takes, so that both take the same."""

MAX_VALUE_BYTES = 64 * 1024 * 1024
"""Bytes of a value in UTF-8. Redis drops the connection above 512 MiB, SQLite refuses at 10**9."""

NUMBER_LIMIT = 2**31
"""Database numbers are below this: Redis reads them as signed 32-bit integers."""

_SHOWN = 60


def check_number(number: int) -> None:
    """Raise ContextError unless it is a database number: an int, not a bool, 0 ≤ n < 2**31."""
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < NUMBER_LIMIT:
        raise ContextError(
            f"{number!r:.{_SHOWN}} is no context id",
            hint=f"an id is a whole number from 0 to {NUMBER_LIMIT - 1}",
        )


def check_key(key: str) -> bytes:
    """The key in UTF-8; raise BadNameError when it is too long, holds a NUL or is not text."""
    if not isinstance(key, str):
        raise BadNameError(f"{key!r:.{_SHOWN}} is no key", hint="a key is a str")
    if len(key) > MAX_KEY_BYTES:
        raise _too_long(key)
    if "\0" in key:
        raise BadNameError(f"the key {key!r:.{_SHOWN}} holds a NUL", hint="leave it out")
    try:
        encoded = key.encode()
    except UnicodeEncodeError as error:
        raise BadNameError(
            f"the key {key!r:.{_SHOWN}} holds half a character at {error.start}",
            hint="a key is text that UTF-8 can spell",
        ) from None
    if len(encoded) > MAX_KEY_BYTES:
        raise _too_long(key)
    return encoded


def check_value(key: str, value: str) -> bytes:
    """The value in UTF-8; raise StoreError when it is too long or is not text."""
    if not isinstance(value, str):
        raise StoreError(
            f"{key}: a {type(value).__name__} is no record", hint="a record is a str, such as JSON"
        )
    if len(value) > MAX_VALUE_BYTES:
        raise _too_large(key)
    try:
        encoded = value.encode()
    except UnicodeEncodeError as error:
        raise StoreError(
            f"{key}: the value holds half a character at {error.start}",
            hint="a record is text that UTF-8 can spell",
        ) from None
    if len(encoded) > MAX_VALUE_BYTES:
        raise _too_large(key)
    return encoded


def _too_long(key: str) -> BadNameError:
    return BadNameError(
        f"the key {key!r:.{_SHOWN}} is longer than {MAX_KEY_BYTES} bytes", hint="shorten it"
    )


def _too_large(key: str) -> StoreError:
    return StoreError(
        f"{key}: the value is larger than {MAX_VALUE_BYTES // 1024**2} MiB",
        hint="keep it in a file and record its path",
    )


class Nesting:
    """Notices that a store is called from inside its own `update`, which could only deadlock."""

    def __init__(self) -> None:
        self._here = threading.local()

    def refuse(self) -> None:
        """Raise StoreError when this thread is inside a change."""
        if getattr(self._here, "inside", False):
            raise StoreError(
                "the store was called from inside update",
                hint="a change only turns the record it is given into the new one; "
                "read other records before",
            )

    @contextmanager
    def inside(self) -> Iterator[None]:
        """While a change is running on this thread."""
        self._here.inside = True
        try:
            yield
        finally:
            self._here.inside = False
