"""The pieces a text consists of, each with its kind: for whoever colours it.

Nothing here judges: what is not heroscript is prose, what is faulty is a piece like the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hero_kernel.heroscript.parse import HEADER
from hero_kernel.heroscript.scan import _Scanner, _Unclosed
from hero_kernel.heroscript.source import MAX_TEXT, Source

if TYPE_CHECKING:
    from collections.abc import Iterator


class Part(StrEnum):
    """What a piece is."""

    BANGS = "bangs"
    ACTOR = "actor"
    NAME = "name"
    KEY = "key"
    QUOTED = "quoted"
    BARE = "bare"
    ARGUMENT = "argument"
    COMMENT = "comment"
    FAULT = "fault"
    PROSE = "prose"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, from an offset to another; between pieces stand blanks and `. : ,`."""

    part: Part
    begin: int
    end: int


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a text, in order, none over another.

    Quoted values may have any number of lines, and so may comments. A text that is too long to be
    read is one piece of prose.
    """
    if len(text) > MAX_TEXT:
        yield Piece(Part.PROSE, 0, len(text))
        return
    if "\r" in text:  # what a source would shorten is as long here
        text = text.replace("\r\n", " \n").replace("\r", "\n")
    text = " " + text[1:] if text.startswith("\ufeff") else text
    source = Source(text)
    if source.text == text:
        yield from _pieces(source)
        return
    begins = [0, *(found.end() for found in re.finditer("\n", text))]

    def written(offset: int) -> int:
        """The offset in a text whose lines share an indentation, which the source leaves out."""
        place = source.place(offset)
        return begins[place.line - 1] + place.column - 1

    for piece in _pieces(source):
        yield Piece(piece.part, written(piece.begin), written(piece.end))


def _pieces(source: Source) -> Iterator[Piece]:
    text, at = source.text, 0
    while at < len(text):
        header = HEADER.match(text, at)
        if header is not None:
            yield from _header(header)
            marker = _Marker(source, header.end())
            at = marker.run().end
            yield from marker.pieces
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if header is None and text[at:end].strip():
            yield Piece(Part.COMMENT if text.startswith("//", at) else Part.PROSE, at, end)
        at = end + 1


def _header(header: re.Match[str]) -> Iterator[Piece]:
    yield Piece(Part.BANGS, *header.span(1))
    actor, dot, _ = header[2].partition(".")
    begin, end = header.span(2)
    if dot:
        yield Piece(Part.ACTOR, begin, begin + len(actor))
        begin += len(actor) + 1
    yield Piece(Part.NAME, begin, end)


class _Marker(_Scanner):
    """Notes where the scanner finds what."""

    def __init__(self, source: Source, start: int) -> None:
        super().__init__(source, start, lines_end=True)
        self.pieces: list[Piece] = []

    def _mark(self, part: Part, begin: int, end: int) -> None:
        if end > begin:
            self.pieces.append(Piece(part, begin, end))

    def line_comment(self, at: int) -> None:
        super().line_comment(at)
        self._mark(Part.COMMENT, at, self.at)

    def html_comment(self, at: int) -> None:
        super().html_comment(at)
        self._mark(Part.COMMENT, at, self.at)

    def arg(self, at: int, end: int) -> None:
        self._mark(Part.ARGUMENT, at, end)
        super().arg(at, end)

    def param(self, at: int, colon: int) -> None:
        self._mark(Part.KEY, at, colon)
        super().param(at, colon)

    def list_item(self) -> str:
        at = self.at
        try:
            item = super().list_item()
        except _Unclosed:
            self._mark(Part.FAULT, at, self.natural_end(at))
            raise
        is_quoted = self.text[at : at + 1] in {"'", '"'}
        self._mark(Part.QUOTED if is_quoted else Part.BARE, at, self.at)
        return item

    def not_an_item(self, at: int) -> None:
        super().not_an_item(at)
        self._mark(Part.FAULT, at, self.at)
