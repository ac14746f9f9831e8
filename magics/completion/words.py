"""Words: a magic's line as `shlex` reads it, where each word is, and the last one unended."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line.

    Attributes:
        begin: The offset of its first character, which may be a quote.
        end: The offset behind it.
        text: What it means, quotes and escapes taken off.
        quote: The quote it begins with, if any.
    """

    begin: int
    end: int
    text: str
    quote: str


_PART = re.compile(
    r"""'(?P<plain>[^']*)(?:'|\Z) | "(?P<escaped>(?:[^"\\]|\\.?)*)(?:"|\Z) | \\(?P<one>.?) | \S""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r'\\(["\\])')
_IN_DOUBLE = re.compile(r'["\\]')
_TO_QUOTE = re.compile(r"[\s'\"\\]")


def words(line: str) -> list[Word]:
    """The words of a line; a quote that is not closed ends with it."""
    found: list[Word] = []
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return found
        begin, parts = at, []
        while at < len(line) and not line[at].isspace():
            part = _PART.match(line, at)
            if part is None:  # there is always one: the last branch takes any character
                break
            at = part.end()
            if part["plain"] is not None:
                parts.append(part["plain"])
            elif part["escaped"] is not None:
                parts.append(_ESCAPE.sub(r"\1", part["escaped"]))
            else:
                parts.append(part[0] if part["one"] is None else part["one"])
        quote = line[begin] if line[begin] in "'\"" else ""
        found.append(Word(begin, at, "".join(parts), quote))


def quoted(text: str, quote: str = "") -> str:
    """A word as it must be written to mean the text, in the quotes that were begun if they can."""
    if quote == '"' and not _IN_DOUBLE.search(text):
        return f'"{text}"'
    if quote == "'" and "'" not in text:
        return f"'{text}'"
    return shlex.quote(text) if not text or _TO_QUOTE.search(text) else text


def all_quoted(texts: list[str], quote: str = "") -> list[str]:
    """Each as it is `quoted`; of a thousand that need none, in a tenth of the time."""
    if quote or not all(texts) or _TO_QUOTE.search("".join(texts)):
        return [quoted(text, quote) for text in texts]
    return texts
