"""Front end: where the default workspace looks for what a notebook is bound to, and whom it asks.

A module of its own, and a light one: a shell that loads the extension says so at once, long
before anybody needs a workspace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.binding import Surroundings
    from hero_kernel.redaction import Redactor


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What a shell knows, and a script does not.

    Attributes:
        surroundings: What names the current context and session.
        prompt: Asks a question, without showing the answer while it is typed.
        redactor: Knows the values that the shell must not show.
    """

    surroundings: Callable[[], Surroundings]
    prompt: Callable[[str], str]
    redactor: Redactor


_here: FrontEnd | None = None


def here() -> FrontEnd | None:
    """The one of this process; None in a script."""
    return _here


def replace(front_end: FrontEnd | None) -> FrontEnd | None:
    """Let another one be this process's; the one before it."""
    global _here  # it belongs to the default workspace, and is there before it
    before, _here = _here, front_end
    return before
