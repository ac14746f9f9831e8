"""Standing: what a cursor in a cell stands in, a magic's line, an action, or Python; text alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hero_kernel.heroscript.source import Source
from hero_kernel.heroscript.spot import Spot, spot
from magics.cells import is_action, is_heroscript

if TYPE_CHECKING:
    from collections.abc import Callable

    HasActor: TypeAlias = "Callable[[str], bool]"


@dataclass(frozen=True, slots=True)
class MagicName:
    """The name of a magic.

    Attributes:
        begin: The offset of its first `%`.
        end: The offset behind it.
    """

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class MagicLine:
    """What follows the name of a magic on its line.

    Attributes:
        name: The magic's, with its `%`.
        begin: The offset behind the name.
        end: The offset of the line's end.
    """

    name: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ActionName:
    """The name of an action, or where one begins.

    Attributes:
        begin: The offset behind its bangs.
        end: The offset behind it.
    """

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ActionLine:
    """What follows the name of an action.

    Attributes:
        name: As it is written.
        name_begin: The offset of the name.
        spot: What is written at the cursor; its offset is one into the cell.
        behind: The text from the cursor on that may belong to the action.
    """

    name: str
    name_begin: int
    spot: Spot
    behind: str


@dataclass(frozen=True, slots=True)
class Prose:
    """Text that is not Python, and in which nothing can be offered: a comment, a cell's data."""


Standing: TypeAlias = MagicName | MagicLine | ActionName | ActionLine | Prose

_CELL = re.compile(r"\s*(%%(\w*))([^\n]*)")
_LINE = re.compile(r"[ \t]*(?:[A-Za-z_][\w.\[\], \t]*=[ \t]*)?(%(hero\w*))(?![%\w])")
_HEAD = re.compile(r"[ \t]*!{1,4}[ \t]*([^ \t\n]*)")
_BANGS = re.compile(r"[ \t]*!!")
_NAMED = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]*)?|")
_QUOTED = re.compile(
    r"'''(?:.*?)(?:'''|(\Z))|\"\"\"(?:.*?)(?:\"\"\"|(\Z))|'[^'\n]*'|\"[^\"\n]*\"|\#[^\n]*",
    re.DOTALL,
)
_RUN_BY_PYTHON = frozenset(["capture", "prun", "time", "timeit"])
"""IPython's cell magics whose text is run as a cell is."""


def standing(cell: str, cursor: int, has_actor: HasActor) -> Standing | None:  # noqa: PLR0911 - each return is a case
    """What the cursor stands in; None for Python, and for what belongs to others.

    Args:
        cell: The whole cell.
        cursor: An offset into it.
        has_actor: Whether an actor is registered.
    """
    head = _CELL.match(cell)
    if head is None:
        return _in_python(cell, cursor, has_actor)
    name = head[2]
    if cursor <= head.end():
        if not name.startswith("hero") or cursor <= head.start(1):
            return None
        if cursor <= head.end(1):
            return MagicName(head.start(1), head.end(1))
        return MagicLine(head[1], head.end(1), head.end())
    if name == "heroscript":
        return _in_heroscript(cell, cursor, head.end() + 1)
    if name in _RUN_BY_PYTHON:
        return _in_python(cell, cursor, has_actor)
    return Prose() if name.startswith("hero") else None


def _in_python(cell: str, cursor: int, has_actor: HasActor) -> Standing | None:  # noqa: PLR0911 - each return is a case
    if is_heroscript(cell.splitlines(keepends=True), has_actor):
        return _in_heroscript(cell, cursor, 0)
    begin = cell.rfind("\n", 0, cursor) + 1
    end = _line_end(cell, cursor)
    magic = _LINE.match(cell, begin, end)
    if magic is not None:
        if cursor <= magic.start(1) or _is_in_string(cell, begin):
            return None
        if cursor <= magic.end(1):
            return MagicName(magic.start(1), magic.end(1))
        return MagicLine(magic[1], magic.end(1), end)
    action = _action_above(cell, begin, cursor)
    if action is None or _is_in_string(cell, action):
        return None
    head = _HEAD.match(cell, action)
    if head is None or cursor < head.start(1):
        return Prose() if head is not None else None
    if cursor <= head.end(1):
        is_word = _NAMED.fullmatch(cell, head.start(1), cursor)
        return ActionName(head.start(1), head.end(1)) if is_word else None
    indent = _indent(cell, action)
    after = _line_end(cell, action) + 1
    first, following = cell[action + len(indent) : after], cell[after : _line_end(cell, after)]
    if not is_action(first, following.removeprefix(indent), has_actor):
        return None
    return _action(cell, cursor, action, indent)


def _in_heroscript(cell: str, cursor: int, body: int) -> Standing:
    """In a text that is heroscript from an offset on."""
    begin = cell.rfind("\n", 0, cursor) + 1
    while not _is_head(cell, begin):
        if begin <= body:
            return Prose()
        begin = cell.rfind("\n", 0, begin - 1) + 1
    head = _HEAD.match(cell, begin)
    if head is None or cursor < head.start(1):
        return Prose()
    if cursor <= head.end(1):
        return ActionName(head.start(1), head.end(1))
    shifted = cell[body:]
    shared = "" if Source(shifted).text == shifted else _indent(cell, begin)
    return _action(cell, cursor, begin, shared)


def _is_head(cell: str, begin: int) -> bool:
    head = _HEAD.match(cell, begin)
    return head is not None and not head[0].lstrip().startswith("![")


def _action(cell: str, cursor: int, begin: int, indent: str) -> Standing:
    """In the parameters of the action whose line begins there."""
    head = _HEAD.match(cell, begin)
    if head is None:  # the caller has seen to it
        return Prose()
    written = cell[begin:cursor].split("\n")
    lines = [written[0].lstrip(" \t"), *(line.removeprefix(indent) for line in written[1:])]
    start = head.end(1) - begin - (len(written[0]) - len(lines[0]))
    found = spot("\n".join(lines), start)
    if not found.what:
        return Prose()
    shift, left = begin, found.at
    for line, short in zip(written, lines, strict=True):  # back to an offset into the cell
        shift += len(line) - len(short)
        if left <= len(short):
            break
        left -= len(short) + 1
        shift += len(short) + 1
    at = Spot(found.what, shift + left, found.key, found.values, found.words)
    behind = _rest(cell, cursor, indent)
    return ActionLine(head[1], head.start(1), at, f" {behind}" if at.at == cursor else behind)


def _rest(cell: str, cursor: int, indent: str) -> str:
    """What follows the cursor and may belong to its action."""
    end = _line_end(cell, cursor)
    while end < len(cell):
        after = _line_end(cell, end + 1)
        line = cell[end + 1 : after].removeprefix(indent)
        if line.strip() and (line[0] not in " \t" or line.lstrip()[0] == "!"):
            break
        end = after
    return cell[cursor:end]


def _action_above(cell: str, begin: int, cursor: int) -> int | None:
    """Where the action's line begins that the cursor's line is, or goes on with."""
    at = begin
    while not _BANGS.match(cell, at):
        if at == 0 or not cell[at : at + 1].isspace():
            return None
        at = cell.rfind("\n", 0, at - 1) + 1
    indent = _indent(cell, at)
    following = _line_end(cell, at) + 1
    while following <= begin and at != begin:
        line = cell[following : cursor if following == begin else _line_end(cell, following)]
        is_deeper = line.startswith(indent) and line[len(indent) : len(indent) + 1] in (" ", "\t")
        if not is_deeper or not (line.strip() or following == begin):
            return None
        following = _line_end(cell, following) + 1
    return at


def _is_in_string(cell: str, offset: int) -> bool:
    """Whether a string with three quotes is open there."""
    before = cell[:offset]
    if "'''" not in before and '"""' not in before:
        return False
    return any(found.lastindex for found in _QUOTED.finditer(before))


def _line_end(cell: str, offset: int) -> int:
    end = cell.find("\n", offset)
    return len(cell) if end < 0 else end


def _indent(cell: str, begin: int) -> str:
    line = cell[begin : _line_end(cell, begin)]
    return line[: len(line) - len(line.lstrip(" \t"))]
