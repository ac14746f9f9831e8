"""Which cells of a notebook are heroscript, as far as their text tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAGIC = re.compile(r"\s*%%heroscript\b[ \t]*(?P<options>[^\n]*)(?:\n|$)")
"""The first line of a cell that says what it is."""

ACTION = re.compile(
    r"[ \t]*!{2,4}[ \t]*(?P<actor>[A-Za-z_][\w-]*)(?P<name>(?:\.[A-Za-z_][\w-]*)+)"
    r"(?=[ \t]|$)(?P<rest>[^\n]*)"
)
"""A line that is an action of an actor, or a command of the shell."""

COMMENT = re.compile(r"[ \t]*(//|#|$)")
"""A line that is passed over: a comment of either language, or blank."""

_PARAM = re.compile(r"(?:^|\s)[A-Za-z_][\w./,-]*:(?!//|\\)")
_CONTINUED = re.compile(r"(?: {2,}|\t)\S")
_SCRIPTS = frozenset(["bash", "bat", "exe", "js", "pl", "ps1", "py", "rb", "sh", "zsh"])


def first_action(lines: Sequence[str]) -> tuple[re.Match[str], str] | None:
    """The action that a cell begins with, comments and blank lines aside, and the next line."""
    for number, line in enumerate(lines):
        if COMMENT.match(line.rstrip("\r\n")):
            continue
        action = ACTION.match(line.rstrip("\r\n"))
        following = lines[number + 1] if number + 1 < len(lines) else ""
        return None if action is None else (action, following)
    return None


def has_shape(action: re.Match[str], following: str) -> bool:
    """Whether a line looks like heroscript: a `key:value`, or an indented line after it."""
    return bool(_PARAM.search(action["rest"]) or _CONTINUED.match(following))


def looks_bare(cell: str, has_actor: Callable[[str], bool]) -> bool:
    """Whether a cell without `%%heroscript` is heroscript, where no kernel can be asked.

    A kernel also knows which programs there are; here `!!script.sh x` is the shell's by its
    ending, and a name with words that are no parameters behind it counts only for a known actor.

    Args:
        cell: Its text.
        has_actor: Whether an actor is known.
    """
    found = first_action(cell.split("\n"))
    if found is None:
        return False
    action, following = found
    if has_actor(action["actor"].lower()) or has_shape(action, following):
        return True
    ending = action["name"].rpartition(".")[2].lower()
    return not action["rest"].strip() and ending not in _SCRIPTS
