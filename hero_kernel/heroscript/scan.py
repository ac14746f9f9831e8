"""The careful scanner: what the parameters of one action are, and where the action ends.

This is the definition of the language inside an action; whatever is faster must agree with it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript.escapes import (
    BadEscapeError,
    dedent,
    expand_tabs,
    fold,
    param_comment,
    unescape,
    unescape_quoted,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.heroscript.source import Source

_BLANK = re.compile(r"[ \t]*+")
_WHITE = re.compile(r"[ \t\n]*+")
_KEY = re.compile(r"[A-Za-z0-9_,./]*+")
_BARE = re.compile(r"[^ \t\n,]*+")
_WORD = re.compile(r"[^ \t\n]*+")
_BLOCK_OPEN = re.compile(r"""('''|\"""|'|")[ \t]*+(?://([^\n'"]*+))?(?=\n)""")
_NEXT_PARAM = re.compile(r"[A-Za-z_./][A-Za-z0-9_./]*+:(?!//)")
_PARAM_LINE = re.compile(r"[A-Za-z0-9_./]*+:(?!//)|//|!")
_AFTER_BLOCK = re.compile(r"[ \t]++(?://|[A-Za-z0-9_./]++:[^ \t\n])")
_ALPHABET = "parameters are key:value or bare words of letters, digits and _ . , /"


class Scanned:
    """The parameters of one action, where each was found, and the first fault among them."""

    __slots__ = (
        "arg_at",
        "arg_comments",
        "args",
        "comments",
        "end",
        "end_comment",
        "fault",
        "key_at",
        "value_at",
        "values",
    )

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.args: list[str] = []
        self.comments: dict[str, str] = {}
        self.arg_comments: dict[str, str] = {}
        self.end_comment = ""
        self.key_at: dict[str, int] = {}
        self.value_at: dict[str, int] = {}
        self.arg_at: list[int] = []
        self.end = 0
        self.fault: HeroscriptError | None = None


def scan(source: Source, start: int, *, lines_end: bool = True) -> Scanned:
    """Read parameters from an offset on, until a line that does not continue the action.

    Args:
        lines_end: False reads to the end of the text whatever its lines look like.
    """
    return _Scanner(source, start, lines_end=lines_end).run()


class _Unclosed(Exception):  # noqa: N818 - a signal between two methods, not an error of ours
    """A quote has no end; carries its offset."""


class _Scanner:
    """Walks over one action; `at` is the offset reached."""

    def __init__(self, source: Source, start: int, *, lines_end: bool) -> None:
        self.source = source
        self.text = source.text
        self.at = start
        self.lines_end = lines_end
        self.found = Scanned()
        self.natural = -1  # where the action ends if every quote is closed before
        self.unclosed: set[tuple[str, int]] = set()  # blocks known to have no end, per natural end
        self.pending: list[str] = []  # comment lines waiting for an item
        self.first_item: tuple[dict[str, str], str] | None = None  # on this line
        self.last_item: tuple[dict[str, str], str] | None = None

    # -- lines

    def run(self) -> Scanned:
        """Scan it all."""
        text, size = self.text, len(self.text)
        while True:
            self.at = _end(_BLANK, text, self.at)
            if self.at == size or text[self.at] == "\n":
                following = self.next_line(self.at)
                if following is None:
                    break
                self.at = following
                self.first_item = None
            else:
                self.item()
        if self.pending:
            self.found.end_comment = _joined(self.pending)
        self.found.end = self.at
        return self.found

    def next_line(self, at: int) -> int | None:
        """Where the contents of the next line of this action begin, `at` being a line's end."""
        text = self.text
        following = _end(_WHITE, text, at)
        if following == len(text):
            return None
        if self.lines_end:
            indent = text[text.rfind("\n", at, following) + 1 : following]
            if len(indent) < 2 and "\t" not in indent:  # noqa: PLR2004 - two spaces continue
                return None
            if text[following] == "!" or text.startswith("```", following):
                return None
        return following

    def natural_end(self, at: int) -> int:
        """Where the action ends if no quote is open."""
        if at > self.natural:
            size = len(self.text)
            self.unclosed.clear()
            if not self.lines_end:
                self.natural = size
                return size
            while True:
                end = self.text.find("\n", at)
                following = self.next_line(end) if end >= 0 else None
                if following is None:
                    self.natural = end if end >= 0 else size
                    break
                at = following
        return self.natural

    # -- items

    def item(self) -> None:
        """Read the comment, parameter or argument that begins here."""
        text, at = self.text, self.at
        if text.startswith("//", at):
            self.line_comment(at)
        elif text.startswith("<!--", at):
            self.html_comment(at)
        else:
            end = _end(_KEY, text, at)
            following = text[end : end + 1]
            if text[at] in "/," and text[at:end].lstrip("/").startswith(","):
                self.fail(at, "a comma continues a list, and there is none before it", _ALPHABET)
            elif following == ":":
                self.param(at, end)
            elif following in {"", " ", "\t", "\n"}:
                self.arg(at, end)
            else:
                self.not_an_item(at)

    def line_comment(self, at: int) -> None:
        end = self.text.find("\n", at)
        self.at = len(self.text) if end < 0 else end
        self.comment(self.text[at : self.at])

    def html_comment(self, at: int) -> None:
        end = self.text.find("-->", at + 4, self.natural_end(at))
        if end < 0:
            self.at = self.natural
            self.fault(at, "the comment is not closed", "end it with -->")
            return
        self.at = end + 3
        self.comment(self.text[at + 4 : end])

    def comment(self, raw: str) -> None:
        """Attach a comment to the first item of its line, or keep it for the next item."""
        if self.first_item is None:
            self.pending.append(param_comment(raw))
        else:
            comments, key = self.first_item
            text = _joined([comments.get(key, ""), param_comment(raw)])
            if text:
                comments[key] = text

    def began(self, comments: dict[str, str], key: str) -> None:
        """Note that an item begins; comments before it are its own."""
        item = (comments, key)
        if self.pending:
            text = _joined(self.pending)
            self.pending = []
            if text:
                comments[key] = text
        if self.first_item is None:
            self.first_item = item
        self.last_item = item

    def arg(self, at: int, end: int) -> None:
        self.at = end
        arg = self.text[at:end].lstrip("/")
        found = self.found
        if arg not in found.args:
            found.args.append(arg)
            found.arg_at.append(at)
        self.began(found.arg_comments, arg)

    def param(self, at: int, colon: int) -> None:
        found = self.found
        key = self.text[at:colon].lower().lstrip("/")
        for earlier in (found.values, found.comments, found.key_at, found.value_at):
            earlier.pop(key, None)  # the last one wins and stands where it was written
        self.began(found.comments, key)
        self.at = colon + 1
        try:
            value, value_at = self.value()
        except _Unclosed as unclosed:
            quote = int(str(unclosed))
            self.at = self.natural_end(quote)
            self.fault(quote, "the quote is not closed", _closing_hint(self.text, quote))
            return
        found.values[key] = value
        found.key_at[key] = at
        found.value_at[key] = value_at

    # -- values

    def value(self) -> tuple[str, int]:
        """Read a value or a list; the offset is that of its first character."""
        text = self.text
        after_colon = self.at
        first = self.at = _end(_BLANK, text, self.at)
        if first == len(text) or text[first] == "\n":
            return "", after_colon
        if first > after_colon and text.startswith("//", first):
            return "", after_colon
        items: list[str] = []
        starts: list[str] = []
        colon = False
        while not items or self.continues(colon=colon):
            starts.append(text[self.at : self.at + 1])
            items.append(self.list_item())
            colon = colon or ":" in items[-1]
        if len(items) == 1:
            return items[0], first
        parts = [
            list_item_text(item, bare=start not in {"'", '"'})
            for item, start in zip(items, starts, strict=True)
        ]
        return ",".join(parts), first

    def continues(self, *, colon: bool) -> bool:  # noqa: PLR0911 - each return is a rule
        """Step over a comma and the blanks around it; False when the list is complete."""
        text = self.text
        comma = _end(_BLANK, text, self.at)
        if comma < len(text) and text[comma] == "\n":
            following = self.next_line(comma)
            if following is None or text[following] != ",":
                return False
            comma = following
        if text[comma : comma + 1] != ",":
            return False
        self.at = comma + 1
        following = _end(_BLANK, text, self.at)
        if following == len(text) or text[following] == "\n":
            next_line = self.next_line(following)
            if next_line is None:
                return False  # a trailing comma
            if text.startswith(("//", "<!--"), next_line):
                return False
            following = next_line
        elif following > self.at and text.startswith("//", following):
            return False
        # after `a, ` a word with a colon is the next parameter, unless the list has such words
        if following > self.at and not colon and _NEXT_PARAM.match(text, following):
            return False
        self.at = following
        return True

    def list_item(self) -> str:
        """Read one quoted or bare item."""
        text, at = self.text, self.at
        quote = text[at : at + 1]
        if quote in {"'", '"'}:
            return self.quoted(at, quote)
        self.at = _end(_BARE, text, at)
        return self.meaning(unescape, text[at : self.at], at)

    def quoted(self, at: int, quote: str) -> str:
        text = self.text
        block = _BLOCK_OPEN.match(text, at)
        if block:
            if block[2] is not None:
                self.comment(block[2])
            start = block.end() + 1
            end, self.at = self.block_end(at, block[1], start)
            raw = dedent(expand_tabs(text[start:end]))
        else:
            end = self.quote_end(at, quote)
            self.at = end + 1
            raw = expand_tabs(fold(text[at + 1 : end]))
        if block or text.find("\n", at, end) >= 0:
            self.first_item = self.last_item  # it is the first that stands on this line
        value = self.meaning(unescape_quoted, raw, at)
        self.check_after(at, quote)
        return value

    def check_after(self, at: int, quote: str) -> None:
        """After a closing quote a new item may begin at once, but neither quote nor colon."""
        following = self.text[self.at : self.at + 1]
        if following == quote and self.at == at + 2:
            self.fail(at, "a triple quote opens a block", "let nothing follow it on its line")
        elif following in {"'", '"'}:
            self.fail(self.at, "a value is followed by a quote", "put a blank or a comma between")
        elif following == ":":
            self.fail(self.at, "a quoted value is followed by a colon", "quote the whole value")

    def meaning(self, read: Callable[[str], str], raw: str, at: int) -> str:
        try:
            return read(raw)
        except BadEscapeError as bad:
            self.fault(
                at, f"\\\\u{{{bad}}} names no character", "it takes a hexadecimal code point"
            )
            return ""

    def quote_end(self, at: int, quote: str) -> int:
        """The offset of the quote that closes the one at `at`."""
        text = self.text
        end = text.find(quote, at + 1)
        while end >= 0 and _backslashes(text, at + 1, end) % 2:
            end = text.find(quote, end + 1)
        if end < 0:
            raise _Unclosed(at)
        beyond = text.find("\n", at, end) >= 0 and end > self.natural_end(at)
        looks_closing = text[end + 1 : end + 2] in _CLOSE_FOLLOWS and not _opens(text, at + 1, end)
        if beyond and not looks_closing:
            raise _Unclosed(at)
        return end

    def block_end(self, at: int, opening: str, start: int) -> tuple[int, int]:
        """Where a block's text ends, and the offset behind its closing quote."""
        natural = self.natural_end(at)
        if (opening, natural) not in self.unclosed:
            found = self.strong_end(opening, start, natural)
            if found:
                return found
            self.unclosed.add((opening, natural))
        found = self.weak_end(opening, start, natural)
        if found is None:
            raise _Unclosed(at)
        return found

    def strong_end(self, opening: str, at: int, natural: int) -> tuple[int, int] | None:
        """The first quote that closes a block by what stands around it.

        That is one alone on its line or first on it, or one at the end of its line (or before
        another parameter or a comment there) with no quote open before it on the line; at the
        end of a line the next line must not go on with prose.
        """
        text, quote = self.text, opening[0]
        while (hit := text.find(quote, at)) >= 0:
            line, end = _line_around(text, max(hit, at))
            line = max(line, at)
            marks = _marks(text, quote, line, end)
            for nr, mark in enumerate(marks[::2]):
                if _opens(text, line, mark):
                    if mark > natural:
                        return None  # another value begins: ours was never closed
                elif self.closes(opening, mark, end, first=nr == 0 and _blank(text, line, mark)):
                    return mark, mark + _width(text, mark)
            if len(opening) == 3:  # noqa: PLR2004 - a triple quote
                triple = text.find(opening, line, end)
                if triple >= 0 and _backslashes(text, line, triple) % 2 == 0:
                    return triple, triple + 3
            at = end + 1
            if at > len(text):
                break
        return None

    def closes(self, opening: str, mark: int, end: int, *, first: bool) -> bool:
        """Whether a quote closes a block; `first` says that only blanks stand before it."""
        text = self.text
        after = mark + _width(text, mark)
        blank_after = _blank(text, after, end)
        if first and blank_after:
            return True
        if len(opening) == 3:  # noqa: PLR2004 - a triple quote
            return False
        if first:
            return text[after] in _CLOSE_FOLLOWS
        if blank_after:
            following = self.next_line(end)
            return following is None or _PARAM_LINE.match(text, following) is not None
        return _AFTER_BLOCK.match(text, after, end + 1) is not None

    def weak_end(self, opening: str, at: int, natural: int) -> tuple[int, int] | None:
        """The first quote among the action's own lines that could close a block at all."""
        text, quote = self.text, opening[0]
        while at < natural:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            stripped = text[at:end].strip(" \t")
            if stripped in {"'", '"', "'''", '"""'}:
                return at, end
            if len(opening) == 1:
                for mark in _marks(text, quote, at, end)[::2]:
                    closes = text[mark + 1 : mark + 2] in _CLOSE_FOLLOWS
                    if closes and not _opens(text, at, mark):
                        return mark, mark + 1
            at = end + 1
        return None

    # -- faults

    def not_an_item(self, at: int) -> None:
        """Say why this is no parameter, and step over it."""
        text = self.text
        if text[at] in "'\"":
            close = text.find(text[at], at + 1)
            on_line = close >= 0 and text.find("\n", at, close) < 0
            self.at = close + 1 if on_line else _end(_WORD, text, at)
            if self.found.fault is None:
                found = _cut(text[at : self.at])
                self.fault(at, f"found {found} without a key", "write key:'value'")
            return
        self.at = _end(_WORD, text, at)
        if text[at] == "#":
            line_end = text.find("\n", at)
            self.at = len(text) if line_end < 0 else line_end
            self.fault(at, f'found "{_cut(text[at : self.at])}"', "comments start with //")
        elif self.found.fault is None:
            self.fault(at, *_odd_word(text[at : self.at]))

    def fail(self, at: int, message: str, hint: str) -> None:
        """Note a fault and step over the word it stands in."""
        self.at = max(self.at, _end(_WORD, self.text, at), at + 1)
        self.fault(at, message, hint)

    def fault(self, at: int, message: str, hint: str) -> None:
        """Keep the first fault; those after it often follow from it."""
        if self.found.fault is None:
            place = self.source.place(at)
            self.found.fault = HeroscriptError(message, hint=hint, place=place)


_CLOSE_FOLLOWS = frozenset({"", " ", "\t", "\n", ","})


def list_item_text(item: str, *, bare: bool = False) -> str:
    """An item as it stands in a list's text: quoted where it would not be read back as it is.

    Args:
        bare: It was written without quotes: `[a,b]` stays as it is.
    """
    special = _BARE_SPECIAL if bare else _LIST_SPECIAL
    if not item or not special.search(item):
        return item
    return (
        '"' + _LIST_ESCAPED.sub(lambda run: run[0] * 2 if run[0][0] == "\\" else '\\"', item) + '"'
    )


_BARE_SPECIAL = re.compile(r"""[ \t\n\v\f\r,"']""")
_LIST_SPECIAL = re.compile(r"""[ \t\n\v\f\r,"']|\A[\[\]]|[\[\]]\Z""")
_LIST_ESCAPED = re.compile(r"""(?<!\\)\\++(?=["']|\Z)|\"""")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where a pattern that matches anywhere ends."""
    match = pattern.match(text, at)
    return match.end() if match else at


def _backslashes(text: str, start: int, end: int) -> int:
    """How many backslashes stand directly before `end`, not looking before `start`."""
    at = end
    while at > start and text[at - 1] == "\\":
        at -= 1
    return end - at


def _opens(text: str, start: int, mark: int) -> bool:
    """Whether a quote stands where a value begins: behind a colon or comma of its line."""
    at = mark
    while at > start and text[at - 1] in " \t":
        at -= 1
    return at > start and text[at - 1] in ":,"


def _blank(text: str, start: int, end: int) -> bool:
    """Whether only blanks stand between two offsets."""
    return _end(_BLANK, text, start) >= end


def _width(text: str, mark: int) -> int:
    return 3 if text.startswith(text[mark] * 3, mark) else 1


def _line_around(text: str, at: int) -> tuple[int, int]:
    end = text.find("\n", at)
    return text.rfind("\n", 0, at) + 1, len(text) if end < 0 else end


def _marks(text: str, quote: str, start: int, end: int) -> list[int]:
    """The offsets of the quotes on a line that no backslash escapes; a triple one counts once."""
    marks = []
    at = text.find(quote, start, end)
    while at >= 0:
        width = _width(text, at)
        if _backslashes(text, start, at) % 2 == 0:
            marks.append(at)
        else:
            width = 1
        at = text.find(quote, at + width, end)
    return marks


def _joined(comments: list[str]) -> str:
    return "\n".join([comment for comment in comments if comment])


def _odd_word(word: str) -> tuple[str, str]:
    """What to say of a word that is no parameter: message and hint."""
    key, colon, _ = word.partition(":")
    if "\u00a0" in key:
        return "found a non-breaking space", "write a plain space"
    plain = key.replace("-", "_")
    if colon and plain and _KEY.fullmatch(plain):
        return f'found "{_cut(key)}:"', f"a key has no -; write {_cut(plain)}:"
    name, equals, _ = word.partition("=")
    hint = _ALPHABET
    if equals and name and _KEY.fullmatch(name):
        hint = f"write {_cut(word.replace('=', ':', 1))}"
    return f'expected key:value, found "{_cut(word)}"', hint


def _closing_hint(text: str, at: int) -> str:
    if _BLOCK_OPEN.match(text, at):
        return f"close it with {text[at]} alone on a line"
    return f"close it with {text[at]}, and write a {text[at]} inside it as \\{text[at]}"


def _cut(word: str, size: int = 40) -> str:
    return word if len(word) <= size else word[: size - 1] + "…"
