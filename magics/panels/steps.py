"""Steps: the changes that were made in a panel, and the way back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import ChangedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 100
"""Steps that are remembered."""


@dataclass(frozen=True)
class Step:
    """A change.

    Attributes:
        number: Rises from step to step.
        of: The guid of what was changed.
        what: What was done, as in "the change of CITY".
        before: What was there, for the reader who cannot have it back.
        back: Takes it back; ChangedError when something else was changed there since.
    """

    number: int
    of: str
    what: str
    before: str
    back: Callable[[], object]


class Steps:
    """The changes made in one panel, the latest last; of this process, and in no file."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._made: deque[Step] = deque(maxlen=MOST)
        self._last = 0

    def add(self, of: str, what: str, before: str, back: Callable[[], object]) -> None:
        """Remember a change."""
        with self._lock:
            self._last += 1
            self._made.append(Step(self._last, of, what, before, back))

    def told(self, of: str) -> dict[str, Any] | None:
        """What the front end says of the step that is undone next; None when there is none."""
        with self._lock:
            found = [step for step in self._made if step.of == of]
        if not found:
            return None
        return {"number": found[-1].number, "what": found[-1].what, "count": len(found)}

    def mark(self) -> object:
        """Another value when there are others."""
        with self._lock:
            return tuple(step.number for step in self._made)

    def undo(self, number: Any, of: str) -> str:
        """Take a step back, the last one; what it was.

        A step whose place was changed since is given up, so that those before it can be undone.

        Raises:
            ChangedError: That.
            UsageError: It is not the last one any more.
        """
        with self._lock:
            found = [step for step in self._made if step.of == of]
            if not found or found[-1].number != number:
                raise UsageError("that is undone already", hint="look at what is undone next")
            step = found[-1]
            self._made.remove(step)
            try:
                step.back()
            except ChangedError as error:
                raise ChangedError(
                    f"{step.what} is not undone: {error.message}", hint=step.before
                ) from error
            except BaseException:
                self._made.append(step)  # the store is away, say: it can be tried again
                self._made = deque(sorted(self._made, key=lambda one: one.number), MOST)
                raise
            return step.what
