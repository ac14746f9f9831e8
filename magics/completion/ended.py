"""Ended: whether a bare cell of a console is ready to run, or goes on in the next line."""

from __future__ import annotations

import re

from hero_kernel.heroscript.spot import spot

_ACTION = re.compile(r"[ \t]*!{1,4}[ \t]*[^ \t\n]*")

INDENT = 4
"""Blanks before the line that goes on with an action."""


def is_ended(cell: str) -> tuple[bool, int]:
    """Whether a bare cell may run, and by how many blanks its next line is indented if not.

    An action on a line of its own may, unless a quote is open in it; what goes on over several
    lines ends with a blank one.

    Args:
        cell: Heroscript, as far as it is typed.
    """
    lines = cell.removesuffix("\n").split("\n")
    last = lines[-1]
    indent = len(last) - len(last.lstrip())
    if not last.strip():
        return True, 0
    action = _ACTION.match(last)
    if action is not None:
        is_open = spot(last.lstrip(" \t"), action.end() - indent).is_open
        return not is_open, INDENT
    if indent or last.startswith("//"):
        return False, indent
    begin = next((n for n in range(len(lines) - 1, -1, -1) if _ACTION.match(lines[n])), None)
    if begin is None:
        return True, 0
    text = "\n".join([lines[begin].lstrip(" \t"), *lines[begin + 1 :]])
    head = _ACTION.match(text)
    return head is None or spot(text, head.end()).what != "value", 0
