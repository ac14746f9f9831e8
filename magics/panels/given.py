"""Given: what a front end sends with a question is foreign JSON, and looked at before use."""

from __future__ import annotations

from hashlib import blake2b

from hero_kernel.errors import ChangedError, UsageError


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


def same(value: object, now: str) -> None:
    """Make sure that a question is about what the panel shows by now.

    Raises:
        ChangedError: The notebook has gone elsewhere since.
    """
    if value != now:
        raise ChangedError(f"this panel shows {now} by now", hint="look, and try again")


def version(of: str) -> str:
    """Another text for another text: what an edit says it is based on, without saying it all."""
    return blake2b(of.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
