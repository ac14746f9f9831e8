"""OurTime: a moment, to the second, in UTC.

`now` is the only function here that looks at a clock; everything else is given the moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time

from hero_kernel.errors import OurTimeError

UNIT_S = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 7 * 86_400,
    "M": 30 * 86_400,
    "Q": 90 * 86_400,
    "Y": 365 * 86_400,
}
"""Seconds of each unit of a relative time; `m` is a minute, `M` a month of 30 days."""

_EARLIEST = -62_135_596_800  # 0001-01-01 00:00:00
_LATEST = 253_402_300_799  # 9999-12-31 23:59:59
_ACCEPTED = (
    "write YYYY-MM-DD, YYYY-MM-DD HH:mm:ss, DD-MM-YYYY or a relative time such as "
    "+1h or '+1w -2d' (units s m h d w M Q Y)"
)
_TERM = re.compile(r"([+-])([0-9]{1,12})([smhdwMQY])")
_ABSOLUTE = re.compile(
    r"""
    (?: (?P<year>[0-9]{4}) [-/] (?P<month>[0-9]{1,2}) [-/] (?P<day>[0-9]{1,2})
      | (?P<day2>[0-9]{1,2}) [-/] (?P<month2>[0-9]{1,2}) [-/] (?P<year2>[0-9]{4}) )
    (?: (?:[ ]+|T) (?P<hour>[0-9]{1,2})
        (?: : (?P<minute>[0-9]{1,2}) (?: : (?P<second>[0-9]{1,2}) (?:[.][0-9]{1,9})? )? )?
        (?: Z | (?P<sign>[+-]) (?P<off_h>[0-9]{2}) :? (?P<off_m>[0-9]{2}) )? )?
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, order=True, slots=True)
class OurTime:
    """A moment, to the second, in UTC; the empty one (0) is false and shows as "".

    Raises OurTimeError for a moment outside the years 1 to 9999.
    """

    unix: int = 0
    """Seconds since 1970-01-01 00:00:00 UTC."""

    def __post_init__(self) -> None:
        if not _EARLIEST <= self.unix <= _LATEST:
            raise OurTimeError(f"{self.unix} seconds lie outside the years 1 to 9999")

    @classmethod
    def from_datetime(cls, moment: datetime) -> OurTime:
        """The moment of a datetime, cut to the second; a naive one is taken as UTC."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return cls((moment - _EPOCH) // timedelta(seconds=1))

    @property
    def datetime(self) -> datetime:
        """The same moment as an aware datetime in UTC."""
        return _EPOCH + timedelta(seconds=self.unix)

    def warp(self, expr: str) -> OurTime:
        """The moment that far from this one: '+1h', '+1w -2d'; '' and '0' stay here."""
        text = expr.strip()
        if text in {"", "0"}:
            return self
        return OurTime(self.unix + _offset_s(text, expr))

    def empty(self) -> bool:
        """Whether no moment was set."""
        return self.unix == 0

    def md(self) -> str:
        """YYYY-MM-DD HH:mm, for a reader."""
        return self._format("%m-%d %H:%M")

    def key(self) -> str:
        """YYYY_MM_DD_HH_mm_ss, for a name."""
        return str(self).translate(_KEY)

    def day(self) -> str:
        """YYYY-MM-DD."""
        return self._format("%m-%d")

    def dayhour(self) -> str:
        """YYYY-MM-DD HH."""
        return self._format("%m-%d %H")

    def _format(self, after_year: str) -> str:
        if self.unix == 0:
            return ""
        moment = self.datetime
        # strftime("%Y") does not pad the year on every platform
        return f"{moment.year:04d}-{moment.strftime(after_year)}"

    def __str__(self) -> str:
        return self.datetime.isoformat(" ")[:19] if self.unix else ""  # without its +00:00

    def __int__(self) -> int:
        return self.unix

    def __bool__(self) -> bool:
        return self.unix != 0


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = str.maketrans("- :", "___")


def now() -> OurTime:
    """The present moment; the one place that reads the clock."""
    return _moment(int(time()))


@lru_cache(maxsize=2)
def _moment(second: int) -> OurTime:
    """Every line of a log asks, and a thousand of them in one second."""
    return OurTime(second)


def new(text: str, *, now: OurTime | None = None) -> OurTime:
    """Read a moment: empty, '0' or 'now', a relative time, or an absolute one in UTC.

    Args:
        text: `+1w -2h`, `2022-12-05 20:14`, `05/12/2022`, `2022-12-05T20:14:35Z`.
            A day beyond its month's end counts on into the next, as upstream does.
        now: What the present is; None looks at the clock when it is needed.

    Raises:
        OurTimeError: the text is none of these.
    """
    short = text.strip()
    if short in {"", "0", "now"}:
        return _resolved(now)
    if short[0] in "+-":
        return OurTime(_resolved(now).unix + _offset_s(short, text))
    return OurTime(_absolute_s(short, text))


def _resolved(moment: OurTime | None) -> OurTime:
    return now() if moment is None else moment


def _offset_s(short: str, text: str) -> int:
    terms = short.replace(" ", "")
    seconds = end = 0
    while match := _TERM.match(terms, end):
        sign, number, unit = match.groups()
        seconds += (-1 if sign == "-" else 1) * int(number) * UNIT_S[unit]
        end = match.end()
    if end != len(terms) or not terms:
        raise OurTimeError(f"{_shown(text)} is not a relative time", hint=_ACCEPTED)
    return seconds


def _absolute_s(short: str, text: str) -> int:
    match = _ABSOLUTE.fullmatch(short)
    if match is None:
        raise OurTimeError(f"{_shown(text)} is not a time", hint=_ACCEPTED)
    part = {name: int(digits) for name, digits in match.groupdict("0").items() if name != "sign"}
    year = part["year"] or part["year2"]
    month = part["month"] or part["month2"]
    day = part["day"] or part["day2"]
    hour, minute, second = part["hour"], part["minute"], part["second"]
    if not (year and 1 <= month <= 12 and 1 <= day <= 31):  # noqa: PLR2004 - months, days
        raise OurTimeError(f"{_shown(text)} is not a date", hint=_ACCEPTED)
    if hour > 23 or minute > 59 or second > 59 or part["off_h"] > 23 or part["off_m"] > 59:  # noqa: PLR2004 - a clock
        raise OurTimeError(f"{_shown(text)} has no such time of day", hint=_ACCEPTED)
    seconds = int(datetime(year, month, 1, tzinfo=UTC).timestamp())
    seconds += (day - 1) * 86_400 + hour * 3600 + minute * 60 + second
    offset = part["off_h"] * 3600 + part["off_m"] * 60
    return seconds + offset if match["sign"] == "-" else seconds - offset


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")  # noqa: PLR2004 - a line's worth
