"""References: `${kind:name}` in a value, which stands for something outside of the text."""

from __future__ import annotations

import re
from dataclasses import dataclass

KINDS = ("env", "param", "secret", "py")
"""What a reference may be of: a variable, a parameter, a named secret, a Python expression."""

_OPENER = re.compile(r"(?<!\$)(\$++)\{([ \t]*[A-Za-z_]\w*[ \t]*):")
_BLANKS = re.compile(r"\s*+")
_NAME = re.compile(r"[^\s{}:=$'\"]+")
_BASH = re.compile(r"[-=+?]")
_AFTER_NEAR_MISS = re.compile(r"[ \t]*[A-Za-z_(\[{'\"]")
_SPELT_OUT = {
    "environ": "env", "environment": "env", "parameter": "param", "parameters": "param",
    "python": "py",
}  # fmt: skip
_NEAR = 0.75
_LONGEST_SHOWN = 60
_LOOK = 256  # characters of a slip that are kept, and in which an expression's end is looked for


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference.

    Attributes:
        kind: One of `KINDS`.
        name: What it names; for `py` the expression, as it is written.
        span: Where it begins and ends in the text; its last `$` is the first character.
    """

    kind: str
    name: str
    span: tuple[int, int]

    @property
    def written(self) -> str:
        """It as it stands in the text."""
        return f"${{{self.kind}:{self.name}}}"

    @property
    def shown_name(self) -> str:
        """Its name on one line of bounded length."""
        return _cut(self.name)

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.shown_name}}}"


@dataclass(frozen=True, slots=True)
class Slip:
    """What begins like a reference and is none.

    Attributes:
        message: What is wrong with it.
        hint: What was probably meant.
        written: Its text, or the beginning of it.
        is_last: Whether it has no end, and swallows what follows.
    """

    message: str
    hint: str
    written: str
    is_last: bool = False


def references(text: str) -> tuple[Reference, ...]:
    """The references in a value, in order; what is escaped or malformed is left out."""
    return tuple(piece for piece in pieces(text) if isinstance(piece, Reference))


def pieces(text: str) -> tuple[str | Reference | Slip, ...]:
    """A value taken apart: text, in which escaped references are what they stand for, and the rest.

    Of dollars before `{kind:` each pair is one dollar, and an odd one more begins a reference, as
    backslashes before a quote are read. `${VAR}`, `${VAR:-x}` and words that are not like a kind
    are text.
    """
    if "${" not in text:
        return (text,)
    found: list[str | Reference | Slip] = []
    plain = ""
    begin = at = 0
    brace = -1  # the next one that closes: looked for once, however many openers are before it
    while opener := _OPENER.search(text, at):
        at = opener.end()
        kind = _kind(opener, text)
        if not kind:
            continue
        dollars = len(opener[1])
        plain += text[begin : opener.start()] + "$" * (dollars // 2)
        begin = opener.end(1)
        if dollars % 2 == 0:
            continue
        if plain:
            found.append(plain)
            plain = ""
        if kind == "py":
            end = _python_end(text, begin)
        else:
            brace = end = text.find("}", at) if brace < at else brace
        piece = _piece(text, opener, kind, end)
        found.append(piece)
        if isinstance(piece, Reference):
            at = piece.span[1]
        elif piece.is_last:  # to look for every other end would take as long again for each
            at = len(text)
        begin = at
    plain += text[begin:]
    return (*found, plain) if plain else tuple(found)


def escaped(text: str) -> str:
    """The value that, when it is filled, becomes the text: nothing in it is a reference."""
    return _OPENER.sub(
        lambda opener: opener[1] + opener[0] if _kind(opener, text) else opener[0], text
    )


def _kind(opener: re.Match[str], text: str) -> str:
    """The kind that an opener is of, or is like; empty when it is text."""
    word, after = opener[2], opener.end()
    if word in KINDS:
        return "" if word != "py" and _BASH.match(text, after) else word
    if not _AFTER_NEAR_MISS.match(text, after):
        return ""
    folded = word.strip().lower()
    if folded in _SPELT_OUT:
        return _SPELT_OUT[folded]
    swapped = [kind for kind in KINDS if sorted(kind) == sorted(folded)]
    if swapped:
        return swapped[0]
    from difflib import get_close_matches  # noqa: PLC0415  # seldom is anything like a kind

    return "".join(get_close_matches(folded, KINDS, 1, _NEAR))


def _piece(text: str, opener: re.Match[str], kind: str, end: int) -> Reference | Slip:
    """What stands from an opener to the brace at `end`, of which a slip has only the beginning."""
    start, inside = opener.end(1) - 1, opener.end()
    begun = text[start:inside]
    if end < 0:
        rest = text[inside : inside + 20].partition("\n")[0]
        hint = f"end it with }}; $${begun[1:]} is the text itself"
        return Slip(f"{begun}{rest}… is not closed", hint, begun + rest, is_last=True)
    written = text[start : min(end + 1, start + _LOOK)]
    if opener[2] != kind:
        meant = _cut(f"${{{kind}:{text[inside : min(end, inside + _LOOK)].strip()}}}")
        hint = f"did you mean {meant}? $${begun[1:]}…}} is the text itself"
        return Slip(f"{_cut(written)} is no reference", hint, written)
    is_blank = _BLANKS.fullmatch(text, inside, end) is not None
    if is_blank or (kind != "py" and not _NAME.fullmatch(text, inside, end)):
        what = "names nothing" if is_blank else "is no reference"
        thing = "EXPRESSION" if kind == "py" else "NAME"
        hint = f"write ${{{kind}:{thing}}}; $${begun[1:]}…}} is the text itself"
        return Slip(f"{_cut(written)} {what}", hint, written)
    return Reference(kind, text[inside:end], (start, end + 1))


def _python_end(text: str, brace: int) -> int:
    """Where the brace that closes the one at `brace` stands, by Python's own reading; else -1.

    Python reads whole lines. As most expressions are short, it is shown more only where it is
    not sure of the end.
    """
    size = _LOOK
    while True:
        is_all = brace + size >= len(text)
        end = _closing(text[brace : brace + size], is_all=is_all)
        if end is not None:
            return brace + end if text[brace + end : brace + end + 1] == "}" else -1
        if is_all:
            return -1
        size *= 8


def _closing(text: str, *, is_all: bool) -> int | None:
    """Where the bracket that a text begins with is closed; None when it is not, or not for sure."""
    import tokenize  # noqa: PLC0415  # only expressions need it

    # a NUL behind the end would fail the whole line, from Python 3.12 on
    lines = [line + "\n" for line in text.replace("\0", "?").split("\n")]
    depth = 0
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            is_open = token.type == tokenize.ERRORTOKEN and token.string[0] in _QUOTES
            if is_open and not is_all and token.end[0] == len(lines):
                break  # it may be closed behind what is shown of its line
            if token.type != tokenize.OP:
                continue
            depth += (token.string in _OPENING) - (token.string in _CLOSING)
            if depth == 0:
                row, column = token.start
                return sum(map(len, lines[: row - 1])) + column
    except (tokenize.TokenError, SyntaxError):  # a quote or a bracket is open
        pass
    return None


_QUOTES = frozenset("'\"")
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 1] + "…"
