"""A session's log."""

from __future__ import annotations

import logging
import os
import random
import signal
import stat
import string
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores.children import without_rights

from hero_kernel import times
from hero_kernel.errors import (
    LogError,
    OurTimeError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreError,
)
from hero_kernel.logs import Logger, LogItem, Skipped
from hero_kernel.logs.entry import category, message
from hero_kernel.logs.handler import short_category
from hero_kernel.logs.hours import PIECE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.logs import LogType
    from hero_kernel.times import OurTime

NOW = times.new("2025-01-01 10:20:30")
FILE = "2025-01-01 10.log"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "session" / "logs"


def logger_in(folder: Path, now: OurTime = NOW) -> Logger:
    return Logger(folder, root=folder.parents[1], now=lambda: now)


@pytest.fixture
def logger(folder: Path) -> Logger:
    return logger_in(folder)


def planted(folder: Path, text: str | bytes, name: str = FILE) -> Logger:
    """A log with a file that somebody else wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode()
    (folder / name).write_bytes(data)
    return logger_in(folder)


def at(text: str) -> OurTime:
    return times.new(text)


def texts(items: list[LogItem]) -> list[str]:
    return [item.log for item in items]


# The form


UPSTREAM = {
    "2022-12-05 20.log": """
2022-12-05 20:14:35
  test_app   - This is a test message
               With a second line
               And a third line
E error_test - This is an error
E              With details

2022-12-05 20:14:36
  test_app   - This is a test message
               With a second line
               And a third line
E error_test - This is an error
E              {0}
E              With details
""",
    "2022-12-05 22.log": """
2022-12-05 22:14:36
E error_test - aaa
E              {0}
E              bbb
E error_test - aaa2
E              {0}
E              bbb2
""",
    "2025-01-01 10.log": """
2025-01-01 10:20:30
             - My log message

2025-01-01 10:20:31
  vm         - short
               b
               {0}
               after blank
                 indented
""",
}
"""What herolib's logger writes, byte for byte; {0} is nothing, and keeps the blanks before it."""

THREE = "This is a test message\nWith a second line\nAnd a third line"
ENTRIES: list[tuple[str, str, LogType, str]] = [
    ("2022-12-05 20:14:35", "test_app", "stdout", THREE),
    ("2022-12-05 20:14:35", "error_test", "error", "This is an error\nWith details"),
    ("2022-12-05 20:14:36", "test_app", "stdout", THREE),
    ("2022-12-05 20:14:36", "error_test", "error", "This is an error\n\nWith details"),
    ("2022-12-05 22:14:36", "error_test", "error", "aaa\n\nbbb"),
    ("2022-12-05 22:14:36", "error_test", "error", "aaa2\n\nbbb2"),
    ("2025-01-01 10:20:30", "", "stdout", "My log message"),
    ("2025-01-01 10:20:31", "vm", "stdout", "short\nb\n\nafter blank\n  indented"),
]


def test_it_writes_what_herolib_writes(logger: Logger, folder: Path) -> None:
    for when, cat, logtype, text in ENTRIES:
        logger.log(log=text, cat=cat, logtype=logtype, timestamp=at(when))
    written = {path.name: path.read_text() for path in folder.iterdir()}
    assert written == {name: text.format("") for name, text in UPSTREAM.items()}


def test_it_reads_what_herolib_wrote(folder: Path) -> None:
    for name, text in UPSTREAM.items():
        logger = planted(folder, text.format(""), name)
    expected = [LogItem(at(when), cat, text, kind) for when, cat, kind, text in ENTRIES]
    skipped: list[Skipped] = []
    assert logger.search(skipped=skipped) == expected
    assert list(logger.iterate(last=100)) == expected[::-1]
    assert skipped == []


def test_the_example_of_herolibs_description(folder: Path) -> None:
    logger = logger_in(folder, at("2022-12-05 21:00:00"))
    logger.log(cat="system", log="System started")
    logger.log(cat="system", log="Failed to connect\nRetrying in 5 seconds...", logtype="error")
    found = logger.search(
        timestamp_from=at("2022-12-05 20:14:35"),
        cat="system",
        log="failed",
        logtype="error",
        maxitems=100,
    )
    assert texts(found) == ["Failed to connect\nRetrying in 5 seconds..."]


def test_an_entry_comes_back_as_it_was_returned(logger: Logger) -> None:
    item = logger.log(log="  Größe \u4e16\n    x\n", cat="My-Cat", logtype="error")
    assert item == LogItem(NOW, "my_cat", "Größe \u4e16\n  x", "error")
    assert logger.search() == [item]
    assert isinstance(item, LogItem)
    assert str(item) == "2025-01-01 10:20:30 [ERROR] [my_cat] Größe \u4e16\n  x"
    assert str(logger.log("a")) == "2025-01-01 10:20:30 [INFO] a"
    assert logger.error("b", cat="c") == LogItem(NOW, "c", "b", "error")


def test_what_the_clock_said_and_what_was_asked_for(folder: Path) -> None:
    moments = iter(map(at, ("2025-01-01 10:59:59", "2025-01-01 11:00:00", "2025-01-01 11:00:01")))
    logger = Logger(folder, root=folder, now=lambda: next(moments))
    for text in "abc":
        logger.log(text)
    logger.log("d", timestamp=at("0999-12-31 23:59:59"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "0999-12-31 23.log",
        "2025-01-01 10.log",
        "2025-01-01 11.log",
    ]
    assert [(str(item.timestamp), item.log) for item in logger.search()] == [
        ("0999-12-31 23:59:59", "d"),
        ("2025-01-01 10:59:59", "a"),
        ("2025-01-01 11:00:00", "b"),
        ("2025-01-01 11:00:01", "c"),
    ]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("test-app", "test_app"),
        ("My Client", "my_client"),
        ("a  b", "a__b"),
        ("a _b", "a__b"),
        ("a#b", "a"),
        ("v1.2.3", "v1_2.3"),
        (".hidden", "_hidden"),
        ("a/b", "ab"),
        ("A;B:C", "a_b_c"),
        ("__x__", "_x_"),
        ("a.\x1b[31m", "a.31m"),
        ("1234567890", "1234567890"),
        (" x ", "x"),
        ("", ""),
    ],
)
def test_categories_are_spelt_as_herolib_does(logger: Logger, given: str, kept: str) -> None:
    assert category(given) == kept
    assert logger.log("x", given).cat == kept
    assert texts(logger.search(cat=given)) == ["x"]


@pytest.mark.parametrize("cat", ["12345678901", "é", "\u212a"])
def test_a_category_that_does_not_fit_is_refused(logger: Logger, folder: Path, cat: str) -> None:
    for call in (lambda: logger.log("x", cat), lambda: logger.search(cat=cat)):
        with pytest.raises(LogError, match="category"):
            call()
    assert not folder.exists()


def test_a_type_that_there_is_not_is_refused(logger: Logger, folder: Path) -> None:
    with pytest.raises(LogError, match=r"no log type 'eror'; did you mean error\?"):
        logger.log("x", logtype="eror")  # type: ignore[arg-type]
    with pytest.raises(LogError, match="no log type"):
        logger.search(logtype="eror")  # type: ignore[arg-type]
    assert not folder.exists()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("\n  a\n    b\n  c\n", "a\n  b\nc"),
        ("\ta\tb\n\t\tc", "a    b\n    c"),
        ("x\n y\n", "x\n y"),
        ("a\n \t \nb", "a\n\nb"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("a\ud800b", "a\\ud800b"),
        (" \n ", ""),
        ("\u3000x\u00a0", "\u3000x\u00a0"),
    ],
)
def test_messages_lose_common_indentation_and_blanks(logger: Logger, given: str, kept: str) -> None:
    item = logger.log(given)
    assert item.log == kept
    assert logger.search() == [item]


ANY_TEXT = st.text(st.characters() | st.sampled_from("\n\r\t \x1b[]E-\x00\u2028\ud800 2025:"))


SWAPPED = {ord(char): char.swapcase() for char in string.ascii_letters}


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(st.tuples(ANY_TEXT, st.booleans(), st.integers(0, 4)), max_size=8))
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, bool, int]]
) -> None:
    logger = Logger(root := tmp_path_factory.mktemp("logs"), root=root)
    logged = [
        logger.log(text, logtype="error" if bad else "stdout", timestamp=NOW.warp(f"+{second}s"))
        for text, bad, second in entries
    ]
    assert [item.log for item in logged] == [message(text) for text, _, _ in entries]
    skipped: list[Skipped] = []
    assert logger.search(skipped=skipped) == logged
    assert list(logger.iterate(last=99)) == logged[::-1]
    assert skipped == []
    for item in logged:
        assert item in logger.search(log=item.log)
        assert item in logger.search(log=item.log.translate(SWAPPED))
        assert item in logger.search(log=item.log, ignore_case=False)


@pytest.mark.parametrize(
    "forged",
    [
        "ok\n\n2030-01-01 00:00:00\nE admin      - forged",
        "ok\r\nE admin      - forged",
        "ok\rE admin      - forged",
        "ok\u2028E admin      - forged",
        "E admin      - forged",
        "2030-01-01 00:00:00",
    ],
)
def test_no_message_passes_for_another_entry(logger: Logger, folder: Path, forged: str) -> None:
    logger.log(forged)
    logger.log("after")
    assert [(item.logtype, item.cat, item.timestamp) for item in logger.search()] == [
        ("stdout", "", NOW)
    ] * 2
    lines = (folder / FILE).read_text().splitlines()
    assert lines[1] == str(NOW)
    assert all(line.startswith(" " * 13) for line in lines[2:])


@pytest.mark.parametrize("text", ["\x1b]8;;http://x\x07a\x1b]8;;\x07", "\x1b[2Ja", "\x9b2Ja\x00"])
def test_no_escape_sequence_is_written_or_read(folder: Path, text: str) -> None:
    logger = planted(folder, f"\n2025-01-01 10:20:30\n  up\x1b[2J     - {text}\n")
    logger.log(text)
    read = " ".join(map(str, logger.search()))
    assert "a" in read
    assert not set("\x1b\x07\x9b\x00") & set(read)
    assert not set(b"\x1b\x07\x00") & set((folder / FILE).read_bytes().splitlines()[-1])


def test_the_mask_sees_what_is_written(folder: Path) -> None:
    def mask(text: str) -> str:
        return text.replace("s3cr3t", "***").replace("line1\nline2", "***")

    logger = Logger(folder, root=folder, now=lambda: NOW, mask=mask)
    for text in ("a s3cr3t", "s3\x00cr\x1b[0m3t!", "x\n  line1\n  line2", "  line1\n  line2"):
        item = logger.log(text)
        assert "s3cr3t" not in item.log
    written = (folder / FILE).read_text()
    assert "s3cr3t" not in written
    assert "line2" not in written.splitlines()[-1]
    assert texts(logger.search())[:2] == ["a ***", "***!"]


def test_a_mask_that_fails_lets_nothing_through(folder: Path) -> None:
    def mask(text: str) -> str:
        raise RuntimeError

    logger = Logger(folder, root=folder, now=lambda: NOW, mask=mask)
    with pytest.raises(RuntimeError):
        logger.log("a s3cr3t")
    assert not folder.exists()


# The faults of herolib's logger


def test_1_without_times_everything_is_found(logger: Logger) -> None:
    logger.log("a")
    assert texts(logger.search()) == ["a"]
    assert texts(logger.search(timestamp_from=NOW)) == ["a"]
    assert texts(logger.search(timestamp_to=NOW)) == ["a"]


def test_2_an_hour_that_began_before_is_looked_at(logger: Logger) -> None:
    for minute in (10, 20, 30):
        logger.log(str(minute), timestamp=at(f"2025-01-01 10:{minute}:00"))
    assert texts(logger.search(at("2025-01-01 10:20"), at("2025-01-01 10:20"))) == ["20"]
    assert texts(logger.search("2025-01-01 10:20:01")) == ["30"]
    assert texts(logger.search("-10m")) == ["20", "30"]
    assert texts(logger.search(timestamp_to="-10m")) == ["10"]


def test_3_any_type_is_found(logger: Logger) -> None:
    logger.log("a")
    logger.error("b")
    assert texts(logger.search()) == ["a", "b"]
    assert texts(logger.search(logtype="stdout")) == ["a"]
    assert texts(logger.search(logtype="error")) == ["b"]


def test_4_short_and_blank_lines_stay(logger: Logger) -> None:
    text = "short\nb\n\n\n  c\n" + "x" * 200 + "\nd"
    logger.log(text)
    logger.error(text)
    assert texts(logger.search()) == [text, text]


def test_5_an_empty_message_is_an_entry(logger: Logger, folder: Path) -> None:
    logger.log("", "vm")
    logger.error("")
    assert (folder / FILE).read_text().endswith("\n  vm         - \nE            - \n")
    with (folder / FILE).open("a") as file:
        file.write("  vm         -\nE vm         -\n")  # as herolib would write them
    assert [(item.cat, item.log, item.logtype) for item in logger.search()] == [
        ("vm", "", "stdout"),
        ("", "", "error"),
        ("vm", "", "stdout"),
        ("vm", "", "error"),
    ]


def test_6_an_earlier_time_gets_its_stamp(logger: Logger, folder: Path) -> None:
    seconds = ["10:20:30", "10:20:10", "10:20:30", "10:20:30", "10:20:31"]
    for second in seconds:
        logger.log(second, timestamp=at(f"2025-01-01 {second}"))
    assert [(str(item.timestamp)[11:], item.log) for item in logger.search()] == [
        (second, second) for second in seconds
    ]
    assert (folder / FILE).read_text().count("2025-01-01") == 4


def test_7_capitals_are_like_small_letters_unless_asked(logger: Logger) -> None:
    logger.log("Failed")
    assert texts(logger.search(log="failed")) == ["Failed"]
    assert texts(logger.search(log="FAILED")) == ["Failed"]
    assert texts(logger.search(log="failed", ignore_case=False)) == []
    assert texts(logger.search(log="Failed", ignore_case=False)) == ["Failed"]


def test_8_what_cannot_be_read_is_left_out_and_told(folder: Path) -> None:
    logger = planted(
        folder,
        "  early      - no stamp\n"
        "\n2025-01-01 10:00:00\n  a          - one\n"
        "\n2025-13-45 10:00:00\n  a          - lost\n  a          - lost too\n"
        "\n2025-01-01 10:00:02\nnonsense\n404 is no stamp\n  a          - two\n",
    )
    for name in ("notes.log", "2025-02-30 10.log", "2025-01-01 25.log"):
        (folder / name).write_text("\n2025-01-01 10:00:00\n  a          - never\n")
    (folder / "2025-01-01 11.log").mkdir()
    (folder / "2025-01-01 12.log").symlink_to("/etc/passwd")
    os.mkfifo(folder / "2025-01-01 13.log")
    (folder / "readme.txt").touch()
    for read in (logger.search, lambda **how: list(logger.iterate(last=9, **how))[::-1]):
        skipped: list[Skipped] = []
        assert texts(read(skipped=skipped)) == ["one", "two"]
        assert sorted(map(str, skipped)) == [
            "2025-01-01 10.log: entries below '2025-13-45 10:00:00' have no time",
            "2025-01-01 10.log: entries below no stamp have no time",
            "2025-01-01 11.log: it cannot be read: Is a directory",
            "2025-01-01 12.log: it cannot be read: Too many levels of symbolic links",
            "2025-01-01 13.log: it cannot be read: not a file",
            "2025-01-01 25.log: its name is no hour, as in '2025-01-31 23.log'",
            "2025-02-30 10.log: its name is no hour, as in '2025-01-31 23.log'",
            "notes.log: its name is no hour, as in '2025-01-31 23.log'",
        ]


def test_both_spellings_of_names_and_stamps_are_read(folder: Path) -> None:
    text = "\n10:20:31\n  b          - two\n"
    planted(folder, text, "2025-01-01-10.log")
    planted(folder, "\n10:20:32\n  c          - three\n", "2025-01-01-11.log")
    logger = planted(folder, "\n2025-01-01 10:20:30\n  a          - one\n")
    found = [(str(item.timestamp), item.log) for item in logger.search()]
    assert found == [
        ("2025-01-01 10:20:30", "one"),
        ("2025-01-01 10:20:31", "two"),
        ("2025-01-01 10:20:32", "three"),
    ]


def test_files_with_line_ends_of_windows_are_read(folder: Path) -> None:
    text = "".join(part.format("") for part in list(UPSTREAM.values())[:1])
    logger = planted(folder, text.replace("\n", "\r\n"), "2022-12-05 20.log")
    assert logger.search() == [
        LogItem(at(when), cat, text, kind) for when, cat, kind, text in ENTRIES[:4]
    ]
    logger.log("more", timestamp=at("2022-12-05 20:14:36"))
    assert logger.search()[-1] == LogItem(at("2022-12-05 20:14:36"), "", "more")


def test_blanks_that_an_editor_cut_off_do_no_harm(folder: Path) -> None:
    text = "\n2025-01-01 10:20:30\nE x          - a\nE\nE              b\n"
    assert texts(planted(folder, text).search()) == ["a\n\nb"]
    assert texts(planted(folder, text.rstrip("\n")).search()) == ["a\n\nb"]
    assert texts(planted(folder, text.lstrip("\n")).search()) == ["a\n\nb"]


def test_bytes_that_are_no_utf_8_are_read(folder: Path) -> None:
    logger = planted(folder, b"\n2025-01-01 10:20:30\n  a          - caf\xe9 x\n")
    assert texts(logger.search(log="caf")) == ["caf\ufffd x"]


# Searching


def test_all_that_is_given_must_hold(logger: Logger) -> None:
    for cat in ("a", "b"):
        for kind in ("stdout", "error"):
            for second in range(3):
                text = f"{cat} {kind} {second}"
                logger.log(text, cat, kind, NOW.warp(f"+{second}s"))
    found = logger.search(NOW.warp("+1s"), NOW.warp("+1s"), "a", "STDOUT", "stdout")
    assert texts(found) == ["a stdout 1"]
    assert len(logger.search(cat="b")) == 6
    assert len(logger.search(logtype="error")) == 6
    assert texts(logger.search(maxitems=2)) == ["a stdout 0", "a stdout 1"]
    assert logger.search(maxitems=0) == []
    newest = logger.iterate(cat="a", last=2)
    assert texts(list(newest)) == ["a error 2", "a error 1"]
    assert list(logger.iterate(last=0)) == []


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Größe", "GRÖSSE".replace("SS", "ß")),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c3"),
        ("\u03bf\u03b4\u03bf\u03c2", "\u039f\u0394\u039f\u03a3"),
        ("5 \u212a", "5 k"),
        ("\u0130stanbul", "i\u0307s"),
        ("one\ntwo\nthree", "E\nTwo\nT"),
        ("\u4e16\u754c", "\u4e16"),
        ("ΑΒΓ", "αβ"),
        ("x - y", "X - Y"),
        ("  test_app   - x", "test_app"),
    ],
)
def test_letters_beyond_ascii_and_lines_are_found(logger: Logger, text: str, asked: str) -> None:
    logger.log("before")
    logger.log(text)
    logger.log("after")
    assert texts(logger.search(log=asked)) == [message(text)]


def test_what_folds_into_ascii_is_what_the_search_takes_care_of() -> None:
    """The promise behind searching bytes: no other letter's lower case holds a steady one."""
    odd = {
        char
        for char in map(chr, range(128, sys.maxunicode + 1))
        if char.lower() != char
        and any(low.isascii() or low == low.upper() == low.lower() for low in char.lower())
    }
    assert odd == {"\u212a", "\u0130"}


def test_wrong_questions_are_told(logger: Logger) -> None:
    with pytest.raises(LogError, match="wrong way round"):
        logger.search(NOW.warp("+1s"), NOW)
    with pytest.raises(LogError, match="maxitems"):
        logger.search(maxitems=-1)
    with pytest.raises(LogError, match="last"):
        logger.iterate(last=-1)
    with pytest.raises(OurTimeError):
        logger.search("yesterday")


def test_a_log_that_is_not_there_is_empty(logger: Logger, folder: Path) -> None:
    assert logger.search() == []
    assert not folder.exists()


@pytest.mark.parametrize("needle", ["", "needle", "x"])
def test_pieces_are_put_together(folder: Path, needle: str, rng_seed: int) -> None:
    """Entries of all lengths across the places where reading is cut, under few and many stamps."""
    rng = random.Random(rng_seed)  # noqa: S311 - lengths of lines
    logger = logger_in(folder)
    second = 0
    logged = []
    for number in range(1000):
        second += rng.random() < 0.05
        length = rng.choice((5, 50, 500, 5000))
        line = ("needle " if rng.random() < 0.02 else "word ") + "x" * length
        text = f"{number}\n" + "\n".join([line] * rng.choice((1, 1, 3)))
        logged.append(logger.log(text, timestamp=NOW.warp(f"+{second}s")))
    huge = logger.log("needle\n" + ("y" * 99 + "\n") * (PIECE // 50) + "x", timestamp=NOW)
    logged += [huge, logger.log("needle x", timestamp=NOW)]
    assert (folder / FILE).stat().st_size > 3 * PIECE
    wanted = [item for item in logged if needle in item.log]
    assert logger.search(log=needle) == wanted
    assert list(logger.iterate(log=needle, last=9999)) == wanted[::-1]


@pytest.fixture
def rng_seed() -> int:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    return seed


def a_long_log(folder: Path, count: int, seconds: int) -> Logger:
    """Lines of requests, under so many stamps."""
    parts = []
    for second in range(seconds):
        parts.append(f"\n{NOW.warp(f'+{second}s')}\n")
        numbers = range(second * count // seconds, (second + 1) * count // seconds)
        parts += [f"  app        - request {number} was served well\n" for number in numbers]
    return planted(folder, "".join(parts))


@pytest.mark.parametrize("seconds", [1, 2000])
def test_a_long_log_is_searched_in_little_memory(folder: Path, seconds: int) -> None:
    logger = a_long_log(folder, 400_000, seconds)
    size = (folder / FILE).stat().st_size
    tracemalloc.start()
    try:
        assert texts(logger.search(log="request 399999 "))[0].startswith("request 399999 ")
        assert len(list(logger.iterate(log="request 399999 ", last=5))) == 1
        newest = [item.log.split()[1] for item in logger.iterate(last=3)]
        assert newest == ["399999", "399998", "399997"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * PIECE < size


@pytest.mark.parametrize("folds", [False, True])
@pytest.mark.parametrize(
    "needle", ["Zebra 1", "zebra 2", "q", "Qq", "x~y", "request 39", "é1", "served\nwell", "never"]
)
def test_what_is_rare_or_not_is_found_alike(folder: Path, needle: str, folds: bool) -> None:
    """Bytes that a piece's beginning has not: rare, in both cases, and many all the same."""
    lines = []
    for number in range(50_000):
        odd = "Zebra 1" if number % 9000 == 8999 else "zEBRA 2" if number % 7000 == 6999 else ""
        odd += "q Qq" if number > 2000 and number % 3 else ""  # none first, then far more than rare
        odd += "x~y é1" if number == 40_000 else ""
        if number % 20_000 == 0:  # a stamp lies pieces before what stands under it
            lines.append(f"\n{NOW.warp(f'+{number // 100}s')}\n")
        lines.append(f"  app        - request {number} was served {odd}\n               well\n")
    logger = planted(folder, "".join(lines))
    assert (folder / FILE).stat().st_size > 2 * PIECE
    every = logger.search(maxitems=10**6)
    assert len(every) == 50_000
    assert len({item.timestamp for item in every}) == 3
    wanted = [
        item
        for item in every
        if (needle.lower() in item.log.lower() if folds else needle in item.log)
    ]
    how = {"log": needle, "ignore_case": folds, "maxitems": 10**6}
    assert logger.search(**how) == wanted
    assert list(logger.iterate(log=needle, ignore_case=folds, last=10**6)) == wanted[::-1]


def test_a_byte_is_not_rare_because_a_sample_has_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a search that gives up at so many would miss what comes after them."""
    text = "".join(f"  app        - z {number}\n" for number in range(1000))
    quiet = "  app        - nothing\n" * 500
    logger = planted(folder, f"\n{NOW}\n{quiet}{text}")
    assert len(logger.search(log="z 999", ignore_case=False)) == 1
    monkeypatch.setattr("hero_kernel.logs.hours._hits_by_rarest", lambda *_: [])
    assert logger.search(log="z 999", ignore_case=False) == []


@pytest.mark.parametrize("often", [3, 40, 700])
@pytest.mark.parametrize("folds", [False, True])
def test_what_a_search_finds_stands_under_its_own_stamp(
    folder: Path, folds: bool, often: int, rng_seed: int
) -> None:
    """Stamps go back and forth between hits, of a byte that is neither rare nor common."""
    rng = random.Random(rng_seed)  # noqa: S311 - the same every time is what is wanted
    lines = []
    expected = []
    for number in range(30_000):
        if number % often == 0 or rng.random() < 0.001:
            moment = NOW.warp(f"+{rng.randrange(600)}s")
            lines.append(f"\n{moment}\n")
        what = rng.choice(("zulu", "ZULU", "z", "uluz")) if rng.random() < 0.012 else "none"
        lines.append(f"  app        - entry {number} is {what} at all\n")
        if rng.random() < 0.05:
            lines.append("               2025-01-01 10:59:59\n")
            what += " at all\n2025-01-01 10:59:59"
        if what.startswith(("zulu", "ZULU") if folds else "zulu"):
            expected.append((moment, number))
    found = planted(folder, "".join(lines)).search(log="is zulu at", ignore_case=folds)
    assert [(item.timestamp, int(item.log.split()[1])) for item in found] == expected
    assert len(expected) > 40


@pytest.mark.parametrize("when", ["10:60:00", "10:20:60", "24:00:00", "99:99:99"])
def test_a_stamp_that_no_clock_shows_is_told(folder: Path, when: str) -> None:
    logger = planted(
        folder, f"\n2025-01-01 {when}\n  a          - lost\n\n{NOW}\n  a          - b\n"
    )
    skipped: list[Skipped] = []
    assert texts(logger.search(skipped=skipped)) == ["b"]
    assert [one.reason for one in skipped] == [f"entries below '2025-01-01 {when}' have no time"]


# Appending


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders_are_private(logger: Logger, folder: Path) -> None:
    logger.log("x")
    assert [mode(folder), mode(folder.parent), mode(folder / FILE)] == [0o700, 0o700, 0o600]


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    folder.mkdir(parents=True)
    (folder / FILE).symlink_to(victim)
    with pytest.raises(StoreError, match="is a link; remove it"):
        logger_in(folder).log("x")
    assert victim.read_text() == "mine"
    (folder / FILE).unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    logger = logger_in(folder)
    for call in (lambda: logger.log("x"), logger.search, logger.follow):
        with pytest.raises(StoreError, match="leads out of"):
            call()
    assert not list(tmp_path.glob("*.log"))


def test_what_is_no_file_is_not_written(logger: Logger, folder: Path) -> None:
    folder.mkdir(parents=True)
    os.mkfifo(folder / FILE)
    with pytest.raises(StoreError):
        logger.log("x")
    (folder / FILE).unlink()
    assert logger.log("x") in logger.search()


def test_a_folder_that_may_not_be_written_says_so(logger: Logger, folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)

    def look() -> None:
        with pytest.raises(ReadOnlyStoreError, match="may not be written"):
            logger.log("x")

    try:
        without_rights(look)
    finally:
        folder.chmod(0o700)
    assert logger.log("x") in logger.search()


def run(code: str, *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_room_says_so_and_leaves_no_half_of_it(folder: Path) -> None:
    """In a process that may write no file larger than 4 KiB."""
    code = """
import resource, sys
from pathlib import Path
from hero_kernel.errors import StorageFullError
from hero_kernel.logs import Logger
from hero_kernel.times import OurTime
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
folder = Path(sys.argv[1])
logger = Logger(folder, root=folder, now=lambda: OurTime(1735726830))
kept = [logger.log("a" * 3000)]
try:
    logger.log("b" * 3000)
except StorageFullError as error:
    print(error.message)
kept.append(logger.log("c"))
assert logger.search() == kept
"""
    assert run(code, str(folder)) == f"no room to write {folder / FILE}\n"
    assert StorageFullError.__mro__[1] is StoreError


def test_a_torn_line_does_not_swallow_the_next(folder: Path) -> None:
    logger = planted(folder, "\n2025-01-01 10:20:30\n  a          - whole\n  a          - to")
    logger.log("next")
    assert texts(logger.search()) == ["whole", "to", "next"]
    (folder / FILE).write_text("\n2025-01-01 10:2")
    logger.log("again")
    assert texts(logger.search()) == ["again"]


def test_each_line_has_the_second_that_it_was_logged_in(folder: Path) -> None:
    """Also the first of the next second, among lines that follow each other at once."""
    logger = Logger(folder, root=folder)
    end = time.monotonic() + 1.1
    kept = []
    while time.monotonic() < end:
        before = times.now()
        kept.append(logger.log("x"))
        assert before <= kept[-1].timestamp <= times.now()
    assert len({item.timestamp for item in kept}) > 1
    assert logger.search(maxitems=len(kept) + 1) == kept


def test_a_clock_that_is_set_back_hides_no_deleted_file(
    logger: Logger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [float(NOW.unix)]
    for module in ("logger", "writer"):
        monkeypatch.setattr(f"hero_kernel.logs.{module}.time", lambda: moment[0])
    logger.log("before")
    (folder / FILE).unlink()
    moment[0] -= 3600
    logger.log("after")
    assert texts(logger.search()) == ["after"]
    (folder / FILE).unlink()
    logger.log("no time went by")  # the control
    assert logger.search() == []


@pytest.mark.parametrize("how", ["delete", "rename", "replace", "empty", "folder"])
def test_a_file_that_is_gone_is_noticed_at_once(logger: Logger, folder: Path, how: str) -> None:
    path = folder / FILE
    for _ in range(50):
        logger.log("before")
    if how == "delete":
        path.unlink()
    elif how == "rename":
        path.rename(folder / "old")
    elif how == "replace":
        same = path.read_bytes().replace(b":20:30", b":20:31")
        path.rename(folder / "old")
        path.write_bytes(same)
    elif how == "empty":
        os.truncate(path, 0)
    else:
        path.unlink()
        folder.rmdir()
    logger.log("after")
    last = logger.search()[-1]
    assert (last.log, last.timestamp) == ("after", NOW)
    assert len(logger.search()) == (51 if how == "replace" else 1)


def test_without_looking_a_deleted_file_is_not_noticed(
    logger: Logger, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: calls that trust each other for too long lose what they write."""
    monkeypatch.setattr("hero_kernel.logs.writer.BURST_S", 60)
    monkeypatch.setattr("hero_kernel.logs.writer.TRUST_S", 60)
    logger.log("before")
    (folder / FILE).unlink()
    logger.log("after")
    assert logger.search() == []


def test_a_file_that_was_closed_under_it_costs_one_error(logger: Logger) -> None:
    logger.log("a")
    os.close(logger._own.writer._descriptor)
    with pytest.raises(StoreError):
        logger.log("b")
    logger.log("c")
    assert texts(logger.search()) == ["a", "c"]


def test_a_new_logger_reads_the_stamp_back(folder: Path) -> None:
    for text in "abc":
        logger_in(folder).log(text)
    assert (folder / FILE).read_text() == (
        "\n2025-01-01 10:20:30\n             - a\n             - b\n             - c\n"
    )


def test_loggers_in_turns_share_stamps(folder: Path) -> None:
    one, two = logger_in(folder), logger_in(folder, NOW.warp("+1s"))
    for logger in (one, two, two, one, one, two):
        logger.log("x")
    seconds = [item.timestamp.unix - NOW.unix for item in one.search()]
    assert seconds == [0, 1, 1, 0, 0, 1]
    assert (folder / FILE).read_text().count("2025") == 4


def test_closing_and_forgetting_close_the_file(logger: Logger, folder: Path) -> None:
    def opened() -> int:
        return sum(
            path.readlink() == folder / FILE
            for path in Path("/proc/self/fd").iterdir()
            if path.is_symlink()
        )

    logger.log("a")
    assert opened() == 1
    logger.close()
    logger.close()
    assert opened() == 0
    logger.log("b")
    thread = threading.Thread(target=logger.log, args=("c",))
    thread.start()
    thread.join()
    assert opened() == 1
    assert texts(logger.search()) == ["a", "b", "c"]
    del logger


MANY = """
import random, sys, time
from pathlib import Path
from hero_kernel.logs import Logger
from hero_kernel.times import OurTime
folder, me, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
rng = random.Random(seed + int(me))
logger = Logger(folder, root=folder)
for number in range(200):
    second = 1735726800 + rng.randrange(5)
    line = "z" * rng.choice((1, 10, 9000))
    logger.log(f"{me} {number} {second}\\n{line}", timestamp=OurTime(second))
"""


def test_of_many_processes_every_entry_has_its_second(folder: Path, rng_seed: int) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", MANY, str(folder), str(me), str(rng_seed)])
        for me in range(8)
    ]
    assert [child.wait(timeout=60) for child in children] == [0] * 8
    found = [
        (*map(int, item.log.split("\n")[0].split()), item.timestamp.unix)
        for item in logger_in(folder).search()
    ]
    assert sorted((me, number) for me, number, _, _ in found) == [
        (me, number) for me in range(8) for number in range(200)
    ]
    assert all(said == dated for _, _, said, dated in found)
    for me in range(8):
        mine = [number for one, number, _, _ in found if one == me]
        assert mine == sorted(mine)


def test_without_reading_back_seconds_go_wrong(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what others have written is what a stamp depends on."""
    monkeypatch.setattr("hero_kernel.logs.writer.Writer._read_back", lambda *_: None)
    one, two = logger_in(folder), logger_in(folder, NOW.warp("+1s"))
    for logger in (one, two, one):
        logger.log("x")
    assert [item.timestamp.unix - NOW.unix for item in one.search()] != [0, 1, 0]


def test_threads_and_forks(folder: Path) -> None:
    code = """
import os, sys, threading
from pathlib import Path
from hero_kernel.logs import Logger
from hero_kernel.times import OurTime
folder = Path(sys.argv[1])
logger = Logger(folder, root=folder)
def many(name):
    for number in range(300):
        second = 1735726800 + number % 3
        logger.log(f"{name} {number} {second}", timestamp=OurTime(second))
threads = [threading.Thread(target=many, args=(f"t{n}",)) for n in range(4)]
for thread in threads: thread.start()
children = []
for n in range(4):
    child = os.fork()
    if not child:
        many(f"c{n}")
        os._exit(0)
    children.append(child)
for thread in threads: thread.join()
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
"""
    run("import warnings; warnings.simplefilter('ignore')\n" + code, str(folder))
    found = [(item.log.split(), item.timestamp.unix) for item in logger_in(folder).search()]
    assert len(found) == 8 * 300
    assert all(int(said[2]) == dated for said, dated in found)


def test_where_there_are_no_locks_every_entry_has_its_stamp(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("hero_kernel.logs.writer.flock", refuse)
    monkeypatch.setattr("hero_kernel.logs.hours.flock", refuse)
    one, two = logger_in(folder), logger_in(folder, NOW.warp("+1s"))
    for logger in (one, one, two, one):
        logger.log("x")
    assert [item.timestamp.unix - NOW.unix for item in one.search()] == [0, 0, 1, 0]
    assert (folder / FILE).read_text().count("2025") == 4


def test_whoever_is_told_reads_it(folder: Path, rng_seed: int) -> None:
    """Killed at any moment, a process loses nothing it has said it had logged."""
    code = """
import sys
from pathlib import Path
from hero_kernel.logs import Logger
folder = Path(sys.argv[1])
logger = Logger(folder, root=folder)
number = 0
while True:
    logger.log(f"entry {number}\\n" + "x" * (number % 50))
    print(number, flush=True)
    number += 1
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    rng = random.Random(rng_seed)  # noqa: S311 - a moment to kill
    told = [int(child.stdout.readline()) for _ in range(rng.randrange(200, 400))]
    child.kill()
    told += [int(line) for line in child.stdout.read().splitlines() if line]
    child.stdout.close()
    child.wait()
    logger = logger_in(folder)
    logger.log("next", timestamp=times.now())
    found = texts(logger.search())
    assert found.pop() == "next"
    assert [text.split()[1] for text in found[: len(told)]] == [str(number) for number in told]
    assert len(found) - len(told) in (0, 1)


def test_ctrl_c_leaves_no_lock_and_no_half_entry(folder: Path) -> None:
    code = """
import signal, sys, time
from pathlib import Path
from hero_kernel.logs import Logger
folder = Path(sys.argv[1])
logger = Logger(folder, root=folder)
other = Logger(folder, root=folder)
stopped = number = 0
armed = []
def interrupt(*_):
    if armed:
        armed.clear()
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.0013)
end = time.monotonic() + 0.7
def work():  # of its own: no jump of this loop belongs to the one that catches
    global number
    armed.append(True)
    while time.monotonic() < end:
        number += 1
        logger.log(f"entry {number}\\nsecond line")
    armed.clear()
while time.monotonic() < end:
    try:
        work()
    except KeyboardInterrupt:
        stopped += 1
signal.setitimer(signal.ITIMER_REAL, 0)
other.log("last")
found = [item.log for item in other.search(maxitems=10**7)]
assert found.pop() == "last"
assert all(text.endswith("\\nsecond line") for text in found)
numbers = [int(text.split()[1]) for text in found]
assert numbers == sorted(set(numbers))
assert number - len(numbers) <= stopped
print(stopped)
"""
    assert int(run(code, str(folder))) > 20


# Following


def next_items(follow: Iterator[LogItem], count: int) -> list[str]:
    return [next(follow).log for _ in range(count)]


def test_new_entries_are_followed_whoever_writes_them(folder: Path) -> None:
    mine, other = logger_in(folder), logger_in(folder, NOW.warp("+1h"))
    mine.log("before")
    with mine.follow(poll_s=0.01) as follow:
        mine.log("a\nb")
        assert next_items(follow, 1) == ["a\nb"]
        other.error("c")
        mine.log("d")
        assert sorted(next_items(follow, 2)) == ["c", "d"]
        item = mine.log("e")
        assert next(follow) == item


def test_following_begins_before_there_is_a_folder(logger: Logger) -> None:
    with logger.follow(poll_s=0.01) as follow:
        item = logger.log("first")
        assert next(follow) == item


@pytest.mark.parametrize("how", ["rename", "delete", "empty"])
def test_following_survives_rotation(logger: Logger, folder: Path, how: str) -> None:
    logger.log("before" * 9)
    path = folder / FILE
    with logger.follow(poll_s=0.01) as follow:
        logger.log("a")
        assert next_items(follow, 1) == ["a"]
        if how == "empty":
            os.truncate(path, 0)
            logger.log("c")
            assert next_items(follow, 1) == ["c"]
            return
        logger.log("b")
        if how == "rename":
            path.rename(folder / "old")
        else:
            path.unlink()
        logger.log("c")
        assert next_items(follow, 2) == ["b", "c"]


def test_following_ends_when_it_is_closed_from_elsewhere(logger: Logger) -> None:
    logger.log("before")
    follow = logger.follow(poll_s=30)
    seen: list[LogItem] = []
    thread = threading.Thread(target=lambda: seen.extend(follow))
    thread.start()
    time.sleep(0.05)
    follow.close()
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert seen == []
    follow.close()
    assert list(follow) == []


def test_following_while_others_write_misses_and_repeats_nothing(folder: Path) -> None:
    folder.mkdir(parents=True)
    logger = logger_in(folder)
    with logger.follow(poll_s=0.005) as follow:
        children = [
            subprocess.Popen([sys.executable, "-c", MANY, str(folder), str(me), "1"])
            for me in range(2)
        ]
        found = [next(follow) for _ in range(400)]
        assert [child.wait(timeout=60) for child in children] == [0, 0]
    lines = [item.log.split("\n")[0].split() for item in found]
    assert all(int(line[2]) == item.timestamp.unix for line, item in zip(lines, found, strict=True))
    assert len({(line[0], line[1]) for line in lines}) == 400


def test_ctrl_c_ends_following(folder: Path) -> None:
    code = """
import sys
from pathlib import Path
from hero_kernel.logs import Logger
folder = Path(sys.argv[1])
print("ready", flush=True)
try:
    for item in Logger(folder, root=folder).follow(poll_s=20):
        print(item)
except KeyboardInterrupt:
    print("stopped")
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=5)[0] == "stopped\n"


# Standard logging


@pytest.fixture
def record(logger: Logger) -> Iterator[Callable[[str], logging.Logger]]:
    """Loggers of standard logging that lead into our log."""
    handler = logger.handler(logging.INFO)
    made: list[logging.Logger] = []

    def make(name: str) -> logging.Logger:
        one = logging.getLogger(name)
        one.setLevel(logging.DEBUG)
        one.addHandler(handler)
        one.propagate = False
        made.append(one)
        return one

    yield make
    for one in made:
        one.removeHandler(handler)


def test_standard_logging_leads_into_the_log(
    logger: Logger, record: Callable[[str], logging.Logger]
) -> None:
    log = record("app.db")
    log.debug("too low")
    log.info("hello %s", "world")
    log.warning("careful")
    log.error("bad")
    try:
        int("broken")
    except ValueError:
        log.exception("it failed")
    found = logger.search()
    assert [(item.cat, item.logtype) for item in found] == [
        ("app.db", "stdout"),
        ("app.db", "stdout"),
        ("app.db", "error"),
        ("app.db", "error"),
    ]
    assert texts(found)[:3] == ["hello world", "careful", "bad"]
    lines = found[3].log.splitlines()
    assert lines[:2] == ["it failed", "Traceback (most recent call last):"]
    assert lines[2].startswith('  File "')
    assert lines[-1].startswith("ValueError: invalid literal")
    assert abs(found[0].timestamp.unix - time.time()) < 60


@pytest.mark.parametrize(
    ("name", "cat"),
    [
        ("root", "root"),
        ("urllib3.connectionpool", "connection"),
        ("a.b", "a.b"),
        ("hero_kernel.runner", "runner"),
        ("Straße.größe#1", "strae.gre1"),
        ("", ""),
    ],
)
def test_a_loggers_name_becomes_a_category(name: str, cat: str) -> None:
    assert short_category(name) == cat


def test_a_record_that_cannot_be_written_stops_nothing(
    folder: Path, record: Callable[[str], logging.Logger], capsys: pytest.CaptureFixture[str]
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    record("x").info("hello")
    assert "is not a folder" in capsys.readouterr().err


def test_importing_logs_is_cheap() -> None:
    code = "import sys, hero_kernel.logs; print([m for m in sys.argv[1:] if m in sys.modules])"
    assert run(code, "logging", "asyncio", "sqlite3", "cryptography", "IPython") == "[]\n"


# Pages


def all_pages(logger: Logger, **options: object) -> list[LogItem]:
    """Every page there is, put together."""
    found: list[LogItem] = []
    before: str | None = ""
    while before is not None:
        page = logger.page(before=before, **options)
        found[:0] = [one.item for one in page.entries]
        before = page.before
    return found


@pytest.mark.parametrize("limit", [1, 7, 5000])
def test_pages_put_together_are_the_log(folder: Path, limit: int) -> None:
    for hour in range(3):
        logger = logger_in(folder, at(f"2025-01-0{hour + 1} 10:20:30"))
        for number in range(40):
            text = f"{hour}.{number}\nand more"
            logger.log(text, cat=f"c{number % 3}")
            if number % 5 == 0:
                bad = f"bad {number}"
                logger.error(bad, timestamp=at(f"2025-01-0{hour + 1} 10:20:31"))
    assert all_pages(logger, limit=limit) == logger.search()
    for like in ({"cat": "c1"}, {"logtype": "error"}, {"log": "BAD 1"}, {"log": "nowhere"}):
        assert all_pages(logger, limit=limit, **like) == logger.search(**like)
    some = {"timestamp_from": "2025-01-02", "timestamp_to": "2025-01-02 10:20:30"}
    assert all_pages(logger, limit=limit, **some) == logger.search(**some)


@given(
    st.lists(
        st.tuples(st.text("ab\n E-", max_size=30), st.integers(0, 9000), st.booleans()),
        max_size=40,
    ),
    st.integers(1, 9),
)
@settings(max_examples=40, deadline=None)
def test_a_page_goes_on_where_the_one_after_it_begins(
    tmp_path_factory: pytest.TempPathFactory,
    written: list[tuple[str, int, bool]],
    limit: int,
) -> None:
    folder = tmp_path_factory.mktemp("home") / "session" / "logs"
    logger = logger_in(folder)
    for text, second, is_error in written:
        logger.log(text, "a", "error" if is_error else "stdout", times.OurTime(10**9 + second))
    assert all_pages(logger, limit=limit) == logger.search()


def test_a_page_is_the_same_whatever_is_written_meanwhile(logger: Logger) -> None:
    for number in range(20):
        logger.log(str(number))
    newest = logger.page(limit=5)
    logger.log("new")
    older = logger.page(limit=5, before=newest.before or "")
    assert texts([one.item for one in newest.entries]) == ["15", "16", "17", "18", "19"]
    assert texts([one.item for one in older.entries]) == ["10", "11", "12", "13", "14"]
    place = newest.entries[2].place  # an entry's own place will do as well
    assert logger.page(limit=1, before=place).entries[0].item.log == "16"


def test_a_page_over_much_that_does_not_fit_comes_in_time(folder: Path) -> None:
    line = "  cat        - nothing to see\n" * 200_000
    logger = planted(folder, f"\n2025-01-01 10:00:00\n  cat        - here\n{line}")
    page = logger.page(log="here", within_s=0)
    assert page.entries == ()
    assert page.before is not None
    found = []
    pieces = 1
    while page.before is not None:
        page = logger.page(log="here", before=page.before, within_s=0)
        found += [one.item for one in page.entries]
        pieces += 1
    assert texts(found) == ["here"]
    assert pieces > 3


def test_a_page_before_a_file_that_is_gone_goes_on_with_the_ones_before(folder: Path) -> None:
    logger_in(folder, at("2025-01-01 09:00:00")).log("old")
    logger = logger_in(folder)
    logger.log("new")
    page = logger.page(limit=1)
    (folder / FILE).unlink()
    assert texts([one.item for one in logger.page(before=page.before or "").entries]) == ["old"]


@pytest.mark.parametrize(
    "place",
    [
        "x",
        ":",
        f"{FILE}:",
        f"{FILE}:-1",
        f"{FILE}:٣",
        f"{FILE}:{'9' * 30}",
        f"../{FILE}:0",
        "\x00:1",
    ],
)
def test_what_is_no_place_is_told(logger: Logger, place: str) -> None:
    logger.log("a")
    with pytest.raises(LogError, match="is no place in a log"):
        logger.page(before=place)
    with pytest.raises(LogError, match="limit is 0"):
        logger.page(limit=0)


def test_fresh_entries_have_their_places_and_begin_where_the_page_ends(folder: Path) -> None:
    mine, other = logger_in(folder), logger_in(folder)
    for number in range(3):
        mine.log(str(number))
    with mine.follow() as follow:
        assert follow.fresh() == []
        mine.log("3\nlong")
        page = mine.page(before=follow.place)  # the new one is not on it
        assert texts([one.item for one in page.entries]) == ["0", "1", "2"]
        other.error("4")
        fresh = follow.fresh()
        assert texts([one.item for one in fresh]) == ["3\nlong", "4"]
        assert follow.fresh() == []
        assert mine.page(before=follow.place, limit=2).entries == tuple(fresh)
        assert mine.page(before=fresh[1].place, limit=1).entries == (fresh[0],)


def test_fresh_entries_of_an_empty_log_have_no_page_before_them(logger: Logger) -> None:
    with logger.follow() as follow:
        assert not follow.place
        logger.log("first")
        assert texts([one.item for one in follow.fresh()]) == ["first"]
        assert follow.place == f"{FILE}:{(logger.path / FILE).stat().st_size}"


def test_an_entry_is_found_by_its_place(folder: Path) -> None:
    logger = logger_in(folder)
    for number in range(30):
        logger.log(f"{number}\n" * 3, timestamp=times.OurTime(NOW.unix + number // 4))
    for one in logger.page().entries:
        assert logger.at(one.place) == one.item
    place = logger.page(limit=1).entries[0].place
    name, _, byte = place.rpartition(":")
    for other in (f"{name}:{int(byte) + 1}", f"{name}:{int(byte) - 1}", f"{name}:{10**9}"):
        with pytest.raises(LogError, match="is not in the log any more"):
            logger.at(other)
    (folder / FILE).unlink()
    with pytest.raises(LogError, match="is not in the log any more"):
        logger.at(place)
