"""OurTime: reading and writing moments."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel import times
from hero_kernel.errors import HeroError, OurTimeError
from hero_kernel.times import OurTime

NOW = OurTime(1_735_726_830)  # 2025-01-01 10:20:30

RELATIVE = {
    "+1h": 3600,
    "-30m": -1800,
    "+1w +2d -4h": 763_200,
    "+1Y -2Q +2M +4h -60s": 21_182_340,
    " - 1 s ": -1,
    "- 1s+   1   h": 3599,
}
ABSOLUTE = {
    "2022-12-05 20:14:35": 1_670_271_275,
    "2022-12-05 20:14": 1_670_271_240,
    "2022-12-05 20": 1_670_270_400,
    "2022-12-05": 1_670_198_400,
    "05-12-2022": 1_670_198_400,
    "12/01/1999": 916_099_200,
    "2000/09/09": 968_457_600,
    "2022-12-5 1:00": 1_670_202_000,
    "2022-12-05T20:14:35Z": 1_670_271_275,
    "2022-12-05T20:14:35.123Z": 1_670_271_275,
    "2022-12-05T22:14:35+02:00": 1_670_271_275,
    "2022-02-31": 1_646_265_600,
}
REFUSED = [
    "1h",
    "2022-12",
    "20:14:35",
    "2022-12-05 20-14",
    "2022-13-01",
    "+1x",
    "05-12-22",
    "+1w2d",
    "+xh",
    "+1.5h",
    "+",
    "2022-12-05 24:00",
    "2022-12-05 10:60",
    "2022-00-01",
    "2022-01-00",
    "0000-01-01",
    "+1h x",
    "٢٠٢٢-01-01",
    "+999999999999Y",
    "9999-12-32",
    "yesterday",
    "2022-12-05 20:14:35 x",
]


@pytest.mark.parametrize(("text", "offset"), RELATIVE.items())
def test_relative(text: str, offset: int) -> None:
    assert times.new(text, now=NOW).unix == NOW.unix + offset
    assert NOW.warp(text).unix == NOW.unix + offset


@pytest.mark.parametrize(("text", "unix"), ABSOLUTE.items())
def test_absolute(text: str, unix: int) -> None:
    assert times.new(text).unix == unix


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(OurTimeError) as caught:
        times.new(text, now=NOW)
    assert isinstance(caught.value, (HeroError, ValueError))


@pytest.mark.parametrize("text", ["", "  ", "0", "now"])
def test_the_present(text: str) -> None:
    assert times.new(text, now=NOW) == NOW
    assert abs(times.new(text).unix - times.now().unix) <= 1


def test_formats() -> None:
    assert str(NOW) == "2025-01-01 10:20:30"
    assert NOW.md() == "2025-01-01 10:20"
    assert NOW.key() == "2025_01_01_10_20_30"
    assert NOW.day() == "2025-01-01"
    assert NOW.dayhour() == "2025-01-01 10"
    assert int(NOW) == 1_735_726_830
    assert str(times.new("0012-01-01")) == "0012-01-01 00:00:00"


def test_the_empty_moment() -> None:
    assert not OurTime()
    assert OurTime().empty()
    assert str(OurTime()) == OurTime().key() == ""
    assert NOW


def test_warping_by_nothing_stays() -> None:
    assert NOW.warp("0") == NOW.warp("") == NOW
    with pytest.raises(OurTimeError):
        NOW.warp("2022-01-01")


def test_order_and_datetimes() -> None:
    assert OurTime(1) < OurTime(2)
    assert NOW.datetime == datetime(2025, 1, 1, 10, 20, 30, tzinfo=UTC)
    east = timezone(timedelta(hours=2))
    assert OurTime.from_datetime(datetime(2025, 1, 1, 12, 20, 30, 999, tzinfo=east)) == NOW
    assert OurTime.from_datetime(datetime(2025, 1, 1, 10, 20, 30)) == NOW  # noqa: DTZ001 - naive is UTC
    with pytest.raises(OurTimeError):
        OurTime(10**12)


@given(st.integers(-62_135_596_800, 253_402_300_799).filter(bool))
def test_what_is_written_is_read(unix: int) -> None:
    assert times.new(str(OurTime(unix))).unix == unix


@given(st.text(alphabet="0123456789-+:/ TZhdwnow.\u0660", max_size=20))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(OurTimeError):
        times.new(text, now=NOW)
