"""Where a text came from, and the places in it."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Any

from hero_kernel.errors import HeroscriptError

MAX_TEXT = 16 * 2**20
"""Longest text that is read, in characters; a longer one is a mistake, not a playbook."""

_EXCERPT = 96  # columns of a line shown around a place
_SURROGATE = re.compile("[\ud800-\udfff]")
_UNINDENTED = re.compile(r"^[^ \t\n]", re.MULTILINE)
_CONTROL = dict.fromkeys((*range(9), *range(10, 32), 127), "�")


@dataclass(frozen=True, slots=True)
class Place:
    """A line and a column of a named text, both counted from 1."""

    name: str
    line: int
    column: int
    """In characters of the text as it was written; a tab is one."""
    text_line: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.line}:{self.column}"

    @property
    def excerpt(self) -> tuple[str, ...]:
        """The line and a caret below the column, indented by four; long lines are cut around it."""
        at = self.column - 1
        start = 0 if at < _EXCERPT - 16 else at - _EXCERPT // 2
        shown = self.text_line[start : start + _EXCERPT].translate(_CONTROL)
        before = shown[: at - start]
        lead = "…" if start else ""
        tail = "…" if start + _EXCERPT < len(self.text_line) else ""
        # the caret's line repeats the tabs, so that it lines up at any tab width
        blank = " " * len(lead) + "".join("\t" if char == "\t" else " " for char in before)
        return f"    {lead}{shown}{tail}", f"    {blank}^"


class Source:
    r"""A text with a name, ready to be scanned.

    `text` has `\n` line ends, no byte order mark, and no indentation common to all lines;
    `place` counts in the text as it was written. `origin` says where the text was fetched from,
    None for the user's own; whoever fetched it sets it. `keys` holds every parameter key once, so
    that all actions share its text.
    """

    __slots__ = ("_ends", "_lines", "_shifts", "first_line", "keys", "name", "origin", "text")

    def __init__(self, text: str, name: str = "<text>", first_line: int = 1) -> None:
        text = text.removeprefix("\ufeff")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.text = text
        self._shifts: list[tuple[int, int]] | None = None
        self._lines: list[str] = []  # as they were written, when they were shifted
        self._ends: list[int] | None = None
        self.name = name
        self.origin: Any = None
        self.first_line = first_line
        self.keys: dict[str, str] = {}
        if text[:1] in {" ", "\t", "\n"} and not _UNINDENTED.search(text):
            self._dedent()

    def __repr__(self) -> str:
        return f"Source({self.name!r})"

    def _dedent(self) -> None:
        """Take away the indentation all lines share, a tab being four spaces."""
        split = [(line, line.lstrip(" \t")) for line in self.text.split("\n")]
        widths = [_width(line[: len(line) - len(rest)]) for line, rest in split]
        shared = min(
            (width for width, (_, rest) in zip(widths, split, strict=True) if rest), default=0
        )
        lines, self._shifts = [], []
        self._lines = [line for line, _ in split]
        for width, (line, rest) in zip(widths, split, strict=True):
            indent = max(width - shared, 0)
            lines.append(" " * indent + rest)
            self._shifts.append((indent, len(line) - len(rest)))
        self.text = "\n".join(lines)

    def place(self, offset: int) -> Place:
        """The place of an offset into `text`."""
        line, column = self._position(offset)
        return Place(self.name, self.first_line + line, column + 1, self._line(line))

    def label(self, offset: int) -> str:
        """As the place of the offset shows itself, for a fraction of its cost."""
        line, column = self._position(offset)
        return f"{self.name}:{self.first_line + line}:{column + 1}"

    def _position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 0."""
        if self._ends is None:
            self._ends = [match.start() for match in re.finditer("\n", self.text)]
        line = bisect_left(self._ends, offset)
        column = offset - (self._ends[line - 1] + 1 if line else 0)
        if self._shifts is not None:
            indent, written = self._shifts[line]
            column = column - indent + written if column >= indent else min(column, written)
        return line, column

    def _line(self, line: int) -> str:
        if self._shifts is not None:
            return self._lines[line]
        ends = self._ends or []
        start = ends[line - 1] + 1 if line else 0
        return self.text[start : ends[line]] if line < len(ends) else self.text[start:]


def open_source(text: str, name: str, first_line: int = 1) -> Source:
    """A Source of a text that may be read; raises HeroscriptError for one that is too long."""
    if len(text) > MAX_TEXT:
        raise HeroscriptError(
            f"the text has {len(text)} characters, more than {MAX_TEXT}",
            hint="split it into several files",
            place=Place(name, first_line, 1),
        )
    return Source(text, name, first_line)


def check_characters(source: Source, start: int = 0, end: int | None = None) -> None:
    """Raise HeroscriptError for half of a surrogate pair between two offsets."""
    text = source.text if start == 0 and end is None else source.text[start:end]
    if not text.isascii() and (half := _half_character(text)) is not None:
        raise HeroscriptError(
            "half of a surrogate pair is not a character",
            hint="save the text as UTF-8",
            place=source.place(start + half),
        )


def _half_character(text: str) -> int | None:
    try:
        text.encode("utf-16-le")  # refuses them as any Unicode encoding does, and is the fastest
    except UnicodeEncodeError:
        match = _SURROGATE.search(text)
        return match.start() if match else None
    return None


def _width(indent: str) -> int:
    return len(indent) + 3 * indent.count("\t")
