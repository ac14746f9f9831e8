"""The spelling of values: escapes, folding and indentation, in both directions."""

from __future__ import annotations

import re

WHITE = " \t\n\v\f\r"
"""What is trimmed from the ends of a value."""

_MAX_CODE = 0x10FFFF
_CODE = re.compile(r"\\\\u\{([0-9A-Fa-f]{1,8})\}")
# the look behind keeps every pattern here linear: a run is looked at once, from its start
_ESCAPE = re.compile(r"""(?<!\\)(\\++)(['"n])|<<BR>>|<BR>""")
_LINE_ENDS = re.compile(r"(?<![ \t])[ \t]*+\n[ \t\n]*+")


class BadEscapeError(ValueError):
    r"""A `\\u{…}` names no character; never leaves this package."""


def unescape(raw: str) -> str:
    """The value that a spelling stands for, trimmed; written-out characters are not trimmed."""
    if "\\" not in raw and "<" not in raw:
        return raw.strip(WHITE)
    parts = _CODE.split(raw)
    parts[::2] = [_ESCAPE.sub(_meaning, part) for part in parts[::2]]
    parts[0] = parts[0].lstrip(WHITE)
    parts[-1] = parts[-1].rstrip(WHITE)
    parts[1::2] = [_character(code) for code in parts[1::2]]
    return "".join(parts)


def unescape_quoted(raw: str) -> str:
    """As `unescape`, for what stood between quotes: backslashes before the closing one pair up."""
    run = len(raw) - len(raw.rstrip("\\"))
    return unescape(raw[: len(raw) - run // 2] if run else raw)


def _meaning(match: re.Match[str]) -> str:
    run, char = match.groups()
    if run is None:
        return "\n"
    if char == "n":
        return run[2:] + "\n" if len(run) > 1 else match[0]
    return run[: len(run) // 2] + str(char)


def _character(code: str) -> str:
    number = int(code, 16)
    if number > _MAX_CODE or 0xD800 <= number <= 0xDFFF:  # noqa: PLR2004 - the surrogates
        raise BadEscapeError(code)
    return chr(number)


def fold(raw: str) -> str:
    """A quoted value broken over lines, on one."""
    return _LINE_ENDS.sub(" ", raw) if "\n" in raw else raw


def expand_tabs(raw: str) -> str:
    """Four spaces for each tab, wherever it stands."""
    return raw.replace("\t", "    ")


def dedent(raw: str) -> str:
    """The lines of a block without the indentation they share; blank lines are empty."""
    lines = [line if line.strip(" ") else "" for line in raw.split("\n")]
    indent = min((len(line) - len(line.lstrip(" ")) for line in lines if line), default=0)
    return "\n".join([line[indent:] for line in lines])


def comment_text(lines: str) -> str:
    """A comment as it is kept: each line trimmed and without its slashes."""
    if "\r" in lines:
        lines = lines.replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join([comment_line(line) for line in lines.split("\n")])


def param_comment(lines: str) -> str:
    """As `comment_text`, without empty lines: a comment within an action."""
    return "\n".join([line for line in comment_text(lines).split("\n") if line])


def comment_line(line: str) -> str:
    """One line of a comment without slashes and blanks around it."""
    return expand_tabs(line.strip(WHITE).lstrip("/" + WHITE))


_BARE_ITEM = r"[A-Za-z0-9_.+%@~/*$&=^;?|()\[\]{}-]+"
_BARE = re.compile(rf"(?!//){_BARE_ITEM}(?:,{_BARE_ITEM})*")
_SPELT_OUT = re.compile(
    r"""(?<!\\)\\++(?=['"n]|u\{|\Z)|'|<(?=<?BR>)|\A[ \t\n\v\f\r]+"""
    r"|(?<![ \t\n\v\f\r])[ \t\n\v\f\r]++\Z"
    "|[\\x00-\\x1f\\x7f-\\x9f\u00a0\u2028\u2029\ufeff]"
)
_AS_BLOCK = re.compile(r"\S[^\t\r\v\f]*[^\s\\]", re.DOTALL)
_IN_BLOCK = re.compile(
    r"""(?<!\\)\\++(?=['"n]|u\{)|<(?=<?BR>)"""
    "|[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\u00a0\u2028\u2029\ufeff]"
    "|(?<=\n)[ ]+(?=\n)"
)


def spell(value: str) -> str:
    """The value on one line: bare if it can be, else in single quotes."""
    if _BARE.fullmatch(value) and "//" not in value:
        return value
    return "'" + _SPELT_OUT.sub(lambda match: _spelling(match, value), value) + "'"


def _spelling(match: re.Match[str], value: str) -> str:
    text = match[0]
    if text == "'":
        return "\\'"
    if text[0] == "\\":
        return _spelt_run(text, value[match.end() : match.end() + 1])
    if text == "\n" and match.start() > 0 and match.end() < len(value):
        return "\\\\n"
    return _spelt_codes(text)


def _spelt_run(run: str, following: str) -> str:
    """Backslashes that would be read as an escape with what follows them."""
    if following in {"n", "u"}:
        # the last one alone means itself; those before it are spelt out
        return _spelt_codes(run[:-1]) + "\\" if len(run) > 1 else run
    return run * 2  # before a quote, the closing one too, backslashes pair up


def _spelt_codes(text: str) -> str:
    return "".join([f"\\\\u{{{ord(char):x}}}" for char in text])


def spell_block(value: str, indent: str) -> str | None:
    """The value as a quoted block with its lines indented, or None where a block cannot hold it."""
    if "\n" not in value or not _AS_BLOCK.fullmatch(value):
        return None
    quote = '"' if "'" in value and '"' not in value else "'"
    text = _IN_BLOCK.sub(lambda match: _block_spelling(match, value), value)
    if quote == "'":
        text = text.replace("'", "\\'")
    lines = [indent + line if line else "" for line in text.split("\n")]
    return "\n".join([quote, *lines, indent + quote])


def _block_spelling(match: re.Match[str], value: str) -> str:
    text = match[0]
    if text[0] == "\\":
        return _spelt_run(text, value[match.end() : match.end() + 1])
    return _spelt_codes(text)
