"""Which cells and lines are heroscript: text in, text out."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from hero_kernel.cell_text import ACTION, COMMENT, first_action, has_shape

if TYPE_CHECKING:
    from collections.abc import Callable
    from re import Match


def is_heroscript(lines: list[str], has_actor: Callable[[str], bool]) -> bool:
    """Whether a cell is bare heroscript.

    It is when its first line, comments and blank ones aside, is an action whose actor is
    registered, or one with heroscript's shape (a `key:value`, an indented line after it) that
    names no program: `!!ls -l` and `!!script.sh x` are the shell's.

    Args:
        lines: The cell.
        has_actor: Whether an actor is registered.
    """
    found = first_action(lines)
    return found is not None and _is_ours(*found, has_actor)


def is_action(line: str, following: str, has_actor: Callable[[str], bool]) -> bool:
    """Whether a line of a Python cell is an action, which must not reach the shell.

    Args:
        line: From where a statement may begin.
        following: The next line, from the same column.
        has_actor: Whether an actor is registered.
    """
    action = ACTION.match(line.rstrip("\r\n"))
    return action is not None and _is_ours(action, following, has_actor)


def action_end(lines: list[str], begin: int, indent: str) -> int:
    """The index after an action's last line: deeper lines go on with it, and are no Python.

    Args:
        lines: The cell.
        begin: The index of the action's line.
        indent: What stands before it.
    """
    end = begin + 1
    while end < len(lines):
        rest = lines[end].removeprefix(indent)
        if not lines[end].startswith(indent) or not rest.strip() or rest[0] not in " \t":
            break
        end += 1
    return end


def _is_ours(action: Match[str], following: str, has_actor: Callable[[str], bool]) -> bool:
    if has_actor(action["actor"].lower()):
        return True
    if not has_shape(action, following):
        return False
    return shutil.which(action["actor"] + action["name"]) is None


def foreign_lines(text: str, covered: list[tuple[int, int]]) -> list[int]:
    """The numbers, from 1, of lines that are neither part of an action, blank, nor a comment.

    Args:
        text: A bare cell.
        covered: The beginning and end of each action in it, in order.
    """
    found = []
    begin = nearest = 0
    for number, line in enumerate(text.split("\n"), 1):
        end = begin + len(line)
        while nearest < len(covered) and covered[nearest][1] <= begin:
            nearest += 1
        is_covered = nearest < len(covered) and covered[nearest][0] <= end
        if not is_covered and not COMMENT.match(line.rstrip("\r")):
            found.append(number)
        begin = end + 1
    return found
