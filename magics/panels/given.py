"""Given: what a front end sends with a question is foreign JSON, and looked at before use."""

from __future__ import annotations

from hero_kernel.errors import UsageError


def text(value: object, what: str) -> str:
    """A text that can be kept.

    Raises:
        UsageError: It is none.
    """
    if not isinstance(value, str):
        raise UsageError(f"{what} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} holds half a character", hint="type it again") from None
    return value


def flag(value: object, what: str) -> bool:
    """Yes or no.

    Raises:
        UsageError: It is neither.
    """
    if not isinstance(value, bool):
        raise UsageError(f"{what} is neither yes nor no")
    return value


def number(value: object, what: str) -> int:
    """A number from 0 on.

    Raises:
        UsageError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{what} is no number")
    return value


def one_of(value: object, what: str, *known: str) -> str:
    """One of the known words.

    Raises:
        UsageError: It is another one.
    """
    if value not in known:
        raise UsageError(f"{what} is none of {', '.join(word or 'nothing' for word in known)}")
    return str(value)
