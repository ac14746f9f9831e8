"""A shortcut for plain actions: patterns that find them and read their parameters.

They give up wherever the text might mean anything else than it seems to, and the careful
scanner takes over. They never decide on their own: a test holds them against it.
"""

from __future__ import annotations

import re

_NEXT = r"\n(?:[ ][ ]|\t|[ ]\t)[ \t]*+"  # to the contents of a line that may continue an action
_EMPTY = r"\n[ \t]*+(?=\n)"
_END = rf"(?![^\n])(?!{_NEXT})"
_ACTION = r"(?: (!{1,4}+ (?![!\[]) [^ \t\n]++) %s | [ \t]*+ (?!!\[) ! )"

_LINES = rf"[^\n]*+ (?: {_NEXT} (?![!\n`]) [^\n]*+ | {_EMPTY} )*+ {_END}"

LINES = re.compile(_LINES, re.VERBOSE)
"""From behind an action's name: the lines that are its own if no quote is open at their end."""

PLAIN = re.compile(r"\n" + _ACTION % f"({_LINES})", re.VERBOSE)
"""From a line's end: bangs and name, and LINES; or the first bang of an odd line, no groups."""

PLAIN_FIRST = re.compile(_ACTION % f"({_LINES})", re.VERBOSE)
"""As PLAIN, for the first line of a text."""

PLAIN_NAME = re.compile(r"\n" + _ACTION % _LINES, re.VERBOSE)
"""As PLAIN, with the first group only."""

PLAIN_NAME_FIRST = re.compile(_ACTION % _LINES, re.VERBOSE)
"""As PLAIN_NAME, for the first line of a text."""

# Quotes that pair up on their line. No quote that closes a pair may stand where a value could
# begin: then every value that begins with a quote does so at a pair's first quote, and ends at
# its second.
_RUN = re.compile(r"(?:[^']*+'[^'\n\\]*+(?<![:,\ \t])'(?!'))*+")
_BLOCK = re.compile(
    rf"""
    (?<![,\ \t]) {_NEXT} [a-z0-9_]++:' [ \t]*+
    (?: {_NEXT} (?![!`'\n]) [^'\\\n]*+ | {_EMPTY} )*+
    (?<![,\ \t]) {_NEXT} ' [ \t]*+ (?![^\n])
    """,
    re.VERBOSE,
)


class Closed:
    """Knows how far a text's quotes are closed by the end of their lines, or of a plain block."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._odd = {'"': -1, "<!--": -1}  # where each that we do not follow comes next

    def until(self, at: int) -> int:
        """The offset up to which no quote is open at a line's end, seen from an action's start."""
        text = self._text
        stop = len(text)
        for odd in self._odd:
            if self._odd[odd] < at:
                found = text.find(odd, at)
                self._odd[odd] = len(text) if found < 0 else found
            stop = min(stop, self._odd[odd])
        while True:
            run = _RUN.match(text, at, stop)
            at = run.end() if run else at
            quote = text.find("'", at, stop)
            line = text.rfind("\n", 0, stop if quote < 0 else quote)
            if quote < 0:
                return stop if stop == len(text) else line
            block = _BLOCK.match(text, line, stop) if line >= 0 else None
            if block is None:
                return line
            at = block.end()


_KEY = r"([a-z0-9_.]++):'?"
_BARE = r"""(?<=:)(?!,)[^ \n\t\v\f'"\\<]++(?<!,)(?![^ \n])"""
_QUOTED = r"""(?<=')(?![ ])[^'\\<\n\t\v\f]*+(?<![ ])(?='(?![^ \n]))"""
_BLOCK_TEXT = r"""(?<=')\n(?:(?![ ]*+')[^'\\<\n\t\v\f]*+\n)*+[ ]*+(?='[ ]*+(?![^\n]))"""
_KEY_VALUE = rf"{_KEY}({_QUOTED}|{_BARE}|{_BLOCK_TEXT})'?"
_PAIRS = re.compile(rf"{_KEY_VALUE}|[^ \n]++")
_WORDS = re.compile(rf"{_KEY_VALUE}|(//[^\n]*+|[A-Za-z0-9_.][A-Za-z0-9_.,/]*+(?![^ \n]))|[^ \n]++")

Found = dict[str, str] | tuple[dict[str, str], tuple[str, ...]]
"""Texts by key; with args a pair of both. Comments are read when they are asked for."""


def quick_params(body: str) -> Found | None:
    """The parameters in an action's own lines; None where the careful scanner must look."""
    pairs = _PAIRS.findall(body)
    found = dict(pairs)
    args: tuple[str, ...] = ()
    if "" in found:
        words = _WORDS.findall(body)
        if ("", "", "") in words:
            return None
        args = tuple(dict.fromkeys([word for _, _, word in words if word and word[:2] != "//"]))
        pairs = [(key, value) for key, value, _ in words if key]
        found = dict(pairs)
    if len(found) != len(pairs) or "id" in found:
        return None
    if ":'\n" in body:
        for key, value in found.items():
            if "\n" in value:
                found[key] = _block(value)
    return (found, args) if args else found


def _block(raw: str) -> str:
    lines = raw.partition("\n")[2].split("\n")
    lines = [line if line.strip(" ") else "" for line in lines]
    indent = min([len(line) - len(line.lstrip(" ")) for line in lines if line], default=0)
    return "\n".join([line[indent:] for line in lines]).strip(" \n")
