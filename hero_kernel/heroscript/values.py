"""Typed values from text: each function reads one kind, or raises ValueError with what it takes."""

from __future__ import annotations

import re

from hero_kernel.heroscript.escapes import WHITE
from hero_kernel.heroscript.names import name_fix_no_underscore

TRUE_WORDS = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE_WORDS = frozenset({"0", "false", "f", "no", "n", "off"})

_INTEGER = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CAPACITY = re.compile(r"([0-9]+(?:_[0-9]+)*)(KB|MB|GB|)", re.IGNORECASE)
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{1,2}))?[ ]?(AM|PM|)", re.IGNORECASE)
_UNIT_BYTES = {"": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}
_MAX_DIGITS = 40  # more than any type holds; int() of a longer text is slow


def integer(text: str, low: int, high: int) -> int:
    """A whole number in decimal digits, `_` between them; a sign only in a range with negatives."""
    accepted = f"a whole number from {low} to {high}"
    signed = text[:1] in {"+", "-"}
    if len(text) > _MAX_DIGITS or not _INTEGER.fullmatch(text) or (signed and low == 0):
        raise ValueError(accepted)
    number = int(text)
    if not low <= number <= high:
        raise ValueError(accepted)
    return number


def number(text: str) -> float:
    """A decimal number."""
    if len(text) > 400 or not _FLOAT.fullmatch(text):  # noqa: PLR2004 - longer than any float is written
        raise ValueError("a number such as 1, -2.5 or 1e3")
    found = float(text)
    if found in {float("inf"), float("-inf")}:
        raise ValueError("a number that a float can hold")
    return found


def number_or_percent(text: str) -> float:
    """A decimal number; with a `%` anywhere, its hundredth."""
    return number(text.replace("%", "")) / 100 if "%" in text else number(text)


def percentage(text: str) -> float:
    """A percentage from 0 to 100, as a part of one; the `%` may be left out."""
    accepted = "a percentage from 0% to 100%"
    try:
        found = number(text.replace("%", ""))
    except ValueError:
        raise ValueError(accepted) from None
    if not 0 <= found <= 100:  # noqa: PLR2004 - percent
        raise ValueError(accepted)
    return found / 100


def boolean(text: str) -> bool:
    """A yes or a no, and nothing else."""
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("true, false, yes, no, on, off, 1 or 0")


def default_true(text: str) -> bool:
    """True only for an empty text, 1, true, y and yes, as upstream reads it."""
    return name_fix_no_underscore(text) in {"", "1", "true", "y", "yes"}


def default_false(text: str) -> bool:
    """False only for an empty text, 0, false, n and no, as upstream reads it."""
    return name_fix_no_underscore(text) not in {"", "0", "false", "n", "no"}


def capacity_bytes(text: str) -> int:
    """A number of bytes; KB, MB and GB are powers of 1024."""
    size, unit = _capacity(text)
    return _u64(size * _UNIT_BYTES[unit])


def capacity_gigabytes(text: str) -> int:
    """A number of gigabytes, rounded up; without a unit it already is one."""
    size, unit = _capacity(text)
    return size if unit == "" else -(-_u64(size * _UNIT_BYTES[unit]) // 2**30)


def _capacity(text: str) -> tuple[int, str]:
    match = _CAPACITY.fullmatch(text) if len(text) <= _MAX_DIGITS else None
    if match is None:
        raise ValueError("a size such as 500, 10KB, 10MB or 2GB")
    return _u64(int(match[1])), match[2].upper()


def _u64(size: int) -> int:
    if size >= 2**64:
        raise ValueError("a size below 2^64 bytes")
    return size


def clock_s(text: str) -> int:
    """A time of day in seconds since midnight: 7, 10:30, 10:30PM."""
    accepted = "a time of day such as 7, 10:30 or 10:30PM"
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise ValueError(accepted)
    hour, minute, half = int(match[1]), int(match[2] or 0), match[3].upper()
    in_range = 1 <= hour <= 12 if half else hour <= 23  # noqa: PLR2004 - a clock
    if not in_range or minute > 59:  # noqa: PLR2004 - a clock
        raise ValueError(accepted)
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return hour * 3600 + minute * 60


def email(text: str) -> str:
    """An address, trimmed and in lower case; it is not checked."""
    return text.strip(" ").lower()


def telephone(text: str) -> str:
    """A number without the `+` before it and the `-` in it; it is not checked."""
    return text.strip("+ ").replace("-", "")


def items(text: str) -> list[str]:
    """The items of a list: between commas, quotes protect them; empty ones are left out."""
    return [item for item in _split(_unbracketed(text)) if item]


def plain_items(text: str) -> list[str]:
    """The parts between commas, trimmed, whatever quotes and brackets they hold."""
    return [part.strip(WHITE) for part in text.split(",")]


def bracketless_items(text: str) -> list[str]:
    """As `plain_items`, brackets around the whole left out."""
    return plain_items(text.strip("[] "))


def _unbracketed(text: str) -> str:
    return text.strip("[] ")


def _split(text: str) -> list[str]:
    found = []
    at = 0
    while at <= len(text):
        while text[at : at + 1] == " ":
            at += 1
        match = _QUOTED.match(text, at)
        if match:
            body = match[1] if match[1] is not None else match[2]
            found.append(_ITEM_ESCAPE.sub(_unescaped, body).strip(WHITE))
            at = match.end()
        else:
            comma = text.find(",", at)
            comma = len(text) if comma < 0 else comma
            found.append(text[at:comma].strip("\"' " + WHITE))
            at = comma + 1
    return found


_BODY = r"((?:[^{q}\\]++|\\++(?!{q})|(?:\\\\)*+\\{q})*+(?:\\\\)*+)"
_QUOTED = re.compile(
    '"' + _BODY.replace("{q}", '"') + '"[ ]*+(?:,|\\Z)'
    "|'" + _BODY.replace("{q}", "'") + "'[ ]*+(?:,|\\Z)"
)
_ITEM_ESCAPE = re.compile(r"""(?<!\\)(\\++)(["']|\Z)""")


def _unescaped(match: re.Match[str]) -> str:
    return str(match[1][: len(match[1]) // 2]) + str(match[2])
