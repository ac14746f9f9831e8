"""Expected errors: a cell or a line that is to fail, and is in order when it does."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from hero_kernel import errors
from hero_kernel.errors import ExpectationError, HeroError, RunError, StoreError
from magics.display import Refusal
from magics.errors import brief

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Sequence

OPTION = "--expect-error"


def expect_argument(parser: ArgumentParser) -> None:
    """Add `--expect-error [TYPE]`."""
    parser.add_argument(
        OPTION,
        nargs="?",
        const="",
        metavar="TYPE",
        help="it is to fail, with an error of that class; if it does, all is well",
    )


def taken(words: Sequence[str]) -> tuple[list[str], str | None]:
    """The words of a line without `--expect-error` or `--expect-error=TYPE`, and the TYPE.

    Behind a noun's verb a TYPE stands after a `=`: else nobody could tell it from an argument.
    None when it is not among the words.
    """
    left = [word for word in words if word.partition("=")[0] != OPTION]
    found = [word for word in words if word not in left]
    return left, found[-1].partition("=")[2] if found else None


def expected(
    kind: str, act: Callable[[], object], *, but: tuple[type[HeroError], ...] = ()
) -> Refusal:
    """Do what is to fail; what it failed with, to be shown.

    A store that does not do its work is not the failure, unless its class is asked for: a lesson
    would go on that has taught something else.

    Args:
        kind: The class of the error, one it is derived from, or that of an action's failure;
            empty for any.
        act: Does it.
        but: Errors that are never the one.

    Raises:
        ExpectationError: It did not fail, or otherwise.
        HeroError: It failed with what is never the one.
    """
    try:
        act()
    except but:
        raise
    except HeroError as error:
        kinds = (type(error).__name__, *(error.kinds if isinstance(error, RunError) else ()))
        if kind in {"", *(name for one in kinds for name in _lineage(one))}:
            if not kind and isinstance(error, StoreError):
                raise
            return Refusal(tuple(brief(error)))
        raise ExpectationError(
            f"{kind} was expected, and it failed with {' of '.join(dict.fromkeys(kinds))}",
            hint=brief(error)[-1],
        ) from error
    raise ExpectationError(
        f"{kind or 'an error'} was expected, and nothing failed", hint=f"leave out {OPTION}"
    )


def _lineage(name: str) -> list[str]:
    """An error's class by its name, and the classes it is derived from, where it is a known one."""
    known = getattr(errors, name, None) or getattr(builtins, name, None)
    return [one.__name__ for one in known.__mro__] if isinstance(known, type) else [name]
