"""A shortcut for plain actions: patterns that find them and read their parameters.

They give up wherever the text might mean anything else than it seems to, and the careful
scanner takes over. They never decide on their own: a test holds them against it.
"""

from __future__ import annotations

import re

_NEXT = r"\n(?:[ ][ ]|\t|[ ]\t)[ \t]*+"  # to the contents of a line that may continue an action
_EMPTY = r"\n[ \t]*+(?=\n)"
_END = rf"(?!{_NEXT})"
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

# Lines on which the last quote, if there is one, stands where no value could begin, and is not
# escaped: then every value that begins with a quote ends on its line.
_CLOSED = re.compile(r"(?:[^']*+(?>'(?:[^\n]*')?)(?<![:, \t\\]')(?<!'''))*+")
_BLOCK = re.compile(
    rf"""
    (?<![,\ \t]) {_NEXT} [a-z0-9_]++:' [ \t]*+
    (?: {_NEXT} (?![!`'\n]) [^'\\\n]*+ | {_EMPTY} )*+
    (?<![,\ \t]) {_NEXT} ' (?![^ \t\n])
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
            closed = _CLOSED.match(text, at, stop)
            at = closed.end() if closed else at
            quote = text.find("'", at, stop)
            line = text.rfind("\n", 0, stop if quote < 0 else quote)
            if quote < 0:
                return stop if stop == len(text) else line
            block = _BLOCK.match(text, line, stop) if line >= 0 else None
            if block is None:
                return line
            at = block.end()


_ODD = r"'\\<\n\t\v\f"
_KEY = r"([a-z0-9_.]++):'?+"
_BARE = rf"""(?<=:)[^ ,{_ODD}"][^ {_ODD}"]*+(?<!,)(?!')"""
_QUOTED = rf"(?<=')(?![ ])[^{_ODD}]*+(?<![ ])(?=')"
_BLOCK_TEXT = rf"(?<=')\n(?:(?![ ]*+')[^{_ODD}]*+\n)*+[ ]*+(?='(?![^ \n]))"
_KEY_VALUE = rf"{_KEY}({_BARE}|{_QUOTED}|{_BLOCK_TEXT})'?+(?:[ \n]++|\Z)"
_WORD = r"(//[^\n]*+|[A-Za-z0-9_.][A-Za-z0-9_.,/]*+(?![^ \n]))"
ITEM = re.compile(rf"{_KEY_VALUE}|{_WORD}|[^ \n]++")
"""Within an action's lines: a key and its value, or a bare word or comment, or what needs care."""

_COMMENT = re.compile(r"//(?<![^ \t\n]//)|<!--")

Found = dict[str, str] | tuple[dict[str, str], tuple[str, ...]]
"""Texts by key; with args a pair of both. Comments are read when they are asked for."""


def quick_params(body: str, keys: dict[str, str]) -> Found | None:
    """The parameters in an action's own lines; None where the careful scanner must look.

    Args:
        body: The lines, from behind the action's name.
        keys: The keys that are known by now, each as the one text that all actions share.
    """
    shared = keys.setdefault
    items = ITEM.findall(body)
    found: dict[str, str] = {}
    args: dict[str, None] = {}
    words = 0
    for key, value, word in items:
        if key:
            found[shared(key, key)] = value
        elif not word:
            return None
        else:
            words += 1
            if word[:2] != "//":
                args[word] = None
    if len(found) + words != len(items) or "id" in found:
        return None
    if ":'\n" in body:
        for key, value in found.items():
            if value[:1] == "\n":
                found[key] = _block(value)
    return (found, tuple(args)) if args else found


def is_uncommented(text: str, start: int) -> bool:
    """Whether an action that the shortcut has read has no comment; False if that is not sure.

    Args:
        start: The offset behind its name.
    """
    lines = LINES.match(text, start)
    return lines is not None and not _COMMENT.search(text, start, lines.end())


def _block(raw: str) -> str:
    """The value of a block: its lines without the indentation they share."""
    text = raw.rstrip(" \n")
    indent = text[: len(text) - len(text.lstrip(" \n"))]
    if text.count(indent) == text.count("\n") and " \n" not in text:  # that of all lines
        return text.replace(indent, "\n")[1:]
    lines = raw.partition("\n")[2].split("\n")
    lines = [line if line.strip(" ") else "" for line in lines]
    shared = min([len(line) - len(line.lstrip(" ")) for line in lines if line], default=0)
    return "\n".join([line[shared:] for line in lines]).strip(" \n")
