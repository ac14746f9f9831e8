"""name_fix: the one spelling of a name."""

from __future__ import annotations

import re

_RUN = re.compile("_{2,}")
_PLAIN = re.compile("[a-z0-9]+(?:_[a-z0-9]+)*")
_KEPT = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TO_UNDERSCORE = frozenset("-;:. ")


def name_fix(name: str) -> str:
    """The name in lower case, with `_` for blanks and `- ; : .`, everything else foreign dropped.

    A file extension stays as it is: `Read Me.TXT` becomes `read_me.txt`.
    """
    if _PLAIN.fullmatch(name):
        return name
    name = name.lower().strip().partition("#")[0]
    stem, extension = _split_extension(name)
    fixed = []
    before = ""
    for char in stem:
        if char in _KEPT or (char == "_" and before != "_"):
            fixed.append(char)
        elif char in _TO_UNDERSCORE:
            if before != "_":
                fixed.append("_")
        elif char != "_":
            continue
        before = char
    return "".join(fixed) + extension


def name_fix_no_underscore(name: str) -> str:
    """As `name_fix`, and without any `_`."""
    return name_fix(name).replace("_", "")


def action_name_fix(part: str) -> str:
    """A part of an action's name: as `name_fix`, with single `_` only, so it fixes to itself."""
    if _PLAIN.fullmatch(part):
        return part
    return _RUN.sub("_", name_fix(part))


def _split_extension(name: str) -> tuple[str, str]:
    """Stem and extension, which begins at the last dot within the last part of a path."""
    if len(name.encode(errors="replace")) < 3:  # noqa: PLR2004 - "a.b" is the shortest
        return name, ""
    part = name.rpartition("/")[2]
    dot = part.rfind(".")
    if dot <= 0 or dot == len(part) - 1:
        return name, ""
    cut = len(name) - len(part) + dot
    return name[:cut], name[cut:]
