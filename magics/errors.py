"""How an error of ours looks in a cell: a few lines, and Run All stops."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from hero_kernel.errors import HeroError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.report import Report, Result
    from magics.door import Door

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=BaseException)


def shown_briefly(function: Callable[P, R]) -> Callable[P, R]:
    """Let a magic's `HeroError` appear as its own lines, without a traceback; Ctrl-C as one.

    The error keeps its class, so the notebook's error output carries its name.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (HeroError, KeyboardInterrupt) as error:
            door: Door | None = getattr(args[0], "door", None) if args else None
            if door is not None:
                door.show_steady(error)
            _render(error, brief(error))
            raise

    return call


def brief(error: BaseException) -> list[str]:
    """The lines that an error is shown with."""
    render = getattr(error, "_render_traceback_", None)
    if render is not None:
        return list(render())
    lines = error.lines() if isinstance(error, HeroError) else [str(error) or "Ctrl-C"]
    return [f"{type(error).__name__}: {lines[0]}", *lines[1:]]


def advise(error: HeroError, more: str) -> None:
    """Add another thing to do to an error's hint."""
    sign = "" if not error.hint else " " if error.hint.endswith("?") else "; "
    error.hint += sign + more


def raise_for(report: Report) -> None:
    """Raise what a run that did not end well is for a notebook; nothing when it did.

    Raises:
        RunError: An action failed: which, where, why and what to do, in two or three lines.
        KeyboardInterrupt: Ctrl-C ended it; front ends know it by this name.
    """
    if report.ok:
        return
    last = report.failed[-1]
    if last.status == "interrupted":
        skipped = sum(result.is_left and result.status == "skipped" for result in report)
        left = f"; {skipped} more not started" if skipped else ""
        said = f"{last.action} was interrupted ({_where(last)}){left}"
        raise _render(KeyboardInterrupt(said), [f"KeyboardInterrupt: {said}"])
    first = report.failed[0]
    failure = first.failure
    head = f"{first.action} failed ({_where(first)})"
    if len(report.failed) > 1:
        head += f", and {len(report.failed) - 1} more"
    error = RunError(head)
    error.kinds = tuple(result.failure.kind for result in report.failed if result.failure)
    lines = [f"RunError: {head}"]
    if failure is not None:
        kind = "" if failure.traceback == "" else f"{failure.kind}: "
        lines.append(f"{kind}{failure.message}")
        lines += [failure.hint] if failure.hint else []
    raise _render(error, lines)


def _where(result: Result) -> str:
    name, _, rest = result.place.rpartition(":")
    source, _, line = name.rpartition(":")
    return f"{source} line {line}" if rest and line else "built in Python"


def _render(error: E, lines: list[str]) -> E:
    """The error with the lines as its traceback; IPython asks for them by this name."""
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]  # not the class's
    return error
