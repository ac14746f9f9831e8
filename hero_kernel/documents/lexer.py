"""Heroscript in colours, and notebook cells that may be heroscript: lexers for Pygments.

Pygments finds them by entry points, and with it nbconvert, Sphinx and Jupyter Book.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)
from pygments.util import ClassNotFound

from hero_kernel.cell_text import MAGIC, looks_bare
from hero_kernel.documents.convert import ACTORS
from hero_kernel.heroscript.pieces import Part, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pygments.token import _TokenType

    Token = tuple[int, _TokenType, str]

_PLAIN: dict[Part, Any] = {
    Part.BANGS: Keyword,
    Part.ACTOR: Name.Namespace,
    Part.NAME: Name.Function,
    Part.KEY: Name.Attribute,
    Part.ARGUMENT: Name.Constant,
    Part.FAULT: Error,
    Part.PROSE: Text,
}

_BETWEEN = re.compile(r"(?P<blank>\s+)|(?P<sign>[.:,]+)|(?P<other>[^\s.:,]+)")
_INSIDE = re.compile(
    r"(?P<filled>\$?\{[^{}\n]*\})"
    r"|(?P<escape>\\\\(?:n|u\{[0-9A-Fa-f]*\})|\\+['\"]|<{1,2}BR>{1,2})"
)
_NUMBER = re.compile(r"[+-]?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?%?")
_WORD = re.compile(r"true|false|yes|no|on|off", re.IGNORECASE)


class HeroscriptLexer(Lexer):  # type: ignore[misc]  # Pygments ships no types
    """Heroscript: scripts, and Markdown that holds some."""

    name = "Heroscript"
    url = "https://github.com/freeflowuniverse/herolib"
    aliases: ClassVar = ["heroscript", "hero"]
    filenames: ClassVar = ["*.hero", "*.heroscript"]
    mimetypes: ClassVar = ["text/x-heroscript"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[Token]:
        """As Pygments calls it: every character of the text, in order, with what it is."""
        at = 0
        for piece in pieces(text):
            yield from _between(text, at, piece.begin)
            yield from _inside(text, piece.part, piece.begin, piece.end)
            at = piece.end
        yield from _between(text, at, len(text))


class HeroCellLexer(Lexer):  # type: ignore[misc]  # as above
    """Cells of a notebook: `%%heroscript` and bare `!!actor.action` ones, all others IPython's."""

    name = "Hero notebook cell"
    url = HeroscriptLexer.url
    # nbconvert lets magics of other languages have their own lexers where the name begins so
    aliases: ClassVar = ["ipython-hero"]

    def get_tokens_unprocessed(self, text: str) -> Any:
        """As Pygments calls it."""
        magic = MAGIC.match(text)
        if magic is not None:
            return _magic(magic, text)
        if looks_bare(text, ACTORS.__contains__):
            return HeroscriptLexer().get_tokens_unprocessed(text)
        return _ipython().get_tokens_unprocessed(text)


def _magic(magic: re.Match[str], text: str) -> Iterator[Token]:
    sign, options = text.index("%%"), magic.start("options")
    yield from _some(0, Whitespace, text[:sign])
    yield sign, Operator, "%%"
    yield sign + 2, Keyword, "heroscript"
    yield from _some(sign + 12, Text, text[sign + 12 : options])
    yield from _some(options, Text, magic["options"])
    yield from _some(magic.end("options"), Whitespace, text[magic.end("options") : magic.end()])
    for at, kind, part in HeroscriptLexer().get_tokens_unprocessed(text[magic.end() :]):
        yield magic.end() + at, kind, part


def _ipython() -> Lexer:
    try:
        return get_lexer_by_name("ipython3")
    except ClassNotFound:  # it comes with IPython
        return get_lexer_by_name("python3")


def _between(text: str, begin: int, end: int) -> Iterator[Token]:
    kinds = {"blank": Whitespace, "sign": Punctuation, "other": Text}
    for found in _BETWEEN.finditer(text, begin, end):
        yield found.start(), kinds[str(found.lastgroup)], found[0]


def _inside(text: str, part: Part, begin: int, end: int) -> Iterator[Token]:
    said = text[begin:end]
    if part is Part.COMMENT:
        yield begin, Comment.Multiline if said.startswith("<!--") else Comment.Single, said
    elif part is Part.BARE and (_NUMBER.fullmatch(said) or _WORD.fullmatch(said)):
        yield begin, Number if _NUMBER.fullmatch(said) else Keyword.Constant, said
    elif part in (Part.BARE, Part.QUOTED):
        kind = {"'": String.Single, '"': String.Double}.get(said[0], Literal.String)
        at = begin
        for found in _INSIDE.finditer(text, begin, end):
            yield from _some(at, kind, text[at : found.start()])
            is_filled = found.lastgroup == "filled"
            yield found.start(), String.Interpol if is_filled else String.Escape, found[0]
            at = found.end()
        yield from _some(at, kind, text[at:end])
    else:
        yield begin, _PLAIN[part], said


def _some(at: int, kind: Any, text: str) -> Iterator[Token]:
    if text:
        yield at, kind, text
