"""One log entry: what it says, and how it is written.

The form is herolib's, so that both read each other's files::

    (an empty line)
    2025-01-01 10:20:30
      category   - first line of the message
                   second line
    E category   - an error
    E              its second line

A stamp stands for every entry below it. A message begins in column 15; nothing in it can be
taken for a stamp or an entry, for those begin in column 0.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias, get_args

from hero_kernel.errors import LogError, did_you_mean
from hero_kernel.report.text import plain
from hero_kernel.times import OurTime

LogType: TypeAlias = Literal["stdout", "error"]
"""What kind of entry; any but an error is `stdout`."""

CATEGORY_WIDTH = 10
"""Characters of a category, at most; shorter ones are padded."""

FURTHER_LINE = " " * 14
"""What stands between an entry's mark and its message from the second line on."""

_FURTHER = {"stdout": f"\n {FURTHER_LINE}", "error": f"\nE{FURTHER_LINE}"}
_LINE_END = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\d \d\d|\d\d):([0-5]\d):([0-5]\d)")


class LogItem(NamedTuple):
    """An entry of the log."""

    timestamp: OurTime
    cat: str
    log: str
    logtype: LogType = "stdout"

    def __str__(self) -> str:
        """For a reader: when, how bad, what about, what."""
        level = "ERROR" if self.logtype == "error" else "INFO"
        about = f" [{self.cat}]" if self.cat else ""
        return f"{self.timestamp} [{level}]{about} {self.log}"


def category(text: str) -> str:
    """A category as it is written: lower case, `-`, `;`, `:`, `.` and blanks as `_`.

    As herolib's `name_fix`: what follows a `#` and other characters are dropped, the last dot and
    what follows it stay.

    Raises:
        LogError: It holds a letter outside ASCII, or is longer than 10 characters.
    """
    if not text.isascii():
        raise LogError(f"category {text!r} holds letters outside ASCII", hint="use a-z and 0-9")
    fixed = text.lower().strip().partition("#")[0]
    stem, dot, ending = fixed.rpartition(".")
    if stem and ending and "/" not in ending:
        fixed = _underscored(stem) + dot + _underscored(ending)
    else:
        fixed = _underscored(fixed)
    if len(fixed) > CATEGORY_WIDTH:
        raise LogError(
            f"category {text!r} is longer than {CATEGORY_WIDTH} characters", hint="shorten it"
        )
    return fixed


def _underscored(text: str) -> str:
    # No second underscore after one, but after what became one: herolib looks at what was there.
    text = re.sub(r"(?<=_)[-_;:. ]", "", text)
    return re.sub(r"[^a-z0-9_]", "", re.sub(r"[-;:. ]", "_", text))


@lru_cache(maxsize=256)
def head(cat: str, logtype: str) -> tuple[str, str]:
    """The category as it is written, and what stands before a message of it.

    Raises:
        LogError: As `category`, or there is no such type.
    """
    if logtype not in get_args(LogType):
        known = get_args(LogType)
        raise LogError(f"there is no log type {logtype!r}", hint=did_you_mean(logtype, known))
    fixed = category(cat)
    mark = "E" if logtype == "error" else " "
    return fixed, f"{mark} {fixed:{CATEGORY_WIDTH}} - "


def message(text: str) -> str:
    """A message as it is written: without common indentation, without blanks around it.

    Tabs become four blanks. Escape sequences and control characters are dropped and every line
    end becomes a plain one, so that foreign text neither draws on a terminal nor forges a line.
    """
    text = plain(_LINE_END.sub("\n", text))
    text = text.encode("utf-8", "backslashreplace").decode()  # lone surrogates have no bytes
    lines = text.replace("\t", "    ").split("\n")
    indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip(" ")]
    indent = min(indents, default=0)
    return "\n".join(line[indent:] if line.strip(" ") else "" for line in lines).strip(" \n")


def lines(before: str, text: str, logtype: str) -> bytes:
    """The lines of an entry, from what `head` and `message` made."""
    return (before + text.replace("\n", _FURTHER[logtype]) + "\n").encode()


def stamp(second: int) -> str:
    """YYYY-MM-DD HH:mm:ss; its first 13 characters name the file."""
    return OurTime(second).datetime.replace(tzinfo=None).isoformat(" ")


@lru_cache(maxsize=64)
def second_of(stamp: bytes, day: str = "") -> int | None:
    """The second that a stamp says, since 1970; None when it cannot be read.

    Args:
        stamp: YYYY-MM-DD HH:mm:ss, or HH:mm:ss as herolib's description has it.
        day: YYYY-MM-DD for the second form; "" reads the first only.
    """
    said = _STAMP.fullmatch(stamp)
    if said is None:
        return None
    text, minute, second = said.groups()
    if len(text) == len("HH"):
        if not day:
            return None
        text = f"{day} ".encode() + text
    hour = _hour(text)
    return None if hour is None else hour + 60 * int(minute) + int(second)


@lru_cache(maxsize=64)
def _hour(text: bytes) -> int | None:
    """The first second of YYYY-MM-DD HH, which has many."""
    try:
        return int(datetime.fromisoformat(text.decode()).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
