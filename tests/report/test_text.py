"""A report for a terminal."""

from __future__ import annotations

import pytest

from hero_kernel.report import Failure, Report, Result, Status
from hero_kernel.report.text import MARKS, MAX_ROWS, duration, plain


def test_it_reads_like_a_table_then_what_failed() -> None:
    failure = Failure("ParamError", "greet.hello needs name", "it takes name", ("    !!g", "    ^"))
    rows = (
        Result("greet.hello", Status.OK, 0.0001, "hi"),
        Result("a.b", Status.CHANGED, 0.02, "one\ntwo"),
        Result("greet.hello", Status.FAILED, 1.5, place="cell:3:1", output="x\n", failure=failure),
        Result("a.b", Status.SKIPPED),
    )
    assert str(Report(rows, "ctx", "ses", duration_s=75.0)) == (
        "✓ ok          greet.hello    <1 ms  hi\n"
        "● changed     a.b            20 ms  one …\n"
        "✗ failed      greet.hello    1.5 s  greet.hello needs name\n"
        "- skipped     a.b            <1 ms\n"
        "\n"
        "cell:3:1: greet.hello: ParamError: greet.hello needs name\n"
        "    !!g\n"
        "    ^\n"
        "it takes name\n"
        "it printed:\n"
        "    x\n"
        "\n"
        "1 ok, 1 changed, 1 failed, 1 skipped · 1 min 15 s · ctx · ses"
    )


def test_nothing_at_all() -> None:
    assert str(Report(())) == "no actions · <1 ms"
    assert str(Report((), dry_run=True)).startswith("dry run, nothing was changed")
    assert str(Report((), note="this run is not kept")).endswith("this run is not kept")


def test_every_status_has_a_mark() -> None:
    assert set(MARKS) == {status.value for status in Status}
    assert len(set(MARKS.values())) == len(MARKS)


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2J", "\x1b[31m", "\x1b]8;;http://x\x07", "\x1b]0;title\x1b\\", "\x1b[?1049h", "\r",
        "\x07", "\x08" * 9, "\x9b2J", "\x85", "\x1b", "\x00", "\x1bP+q\x1b\\", "\x7f",
        "\u202egnp.exe", "\u2067", "\u2069",
    ],
)  # fmt: skip
def test_foreign_text_does_not_draw(text: str) -> None:
    row = Result(
        f"a{text}", Status.FAILED, 0.0, text, f"out{text}", text,
        Failure(text, f"m{text}", text, (text,), text),
    )  # fmt: skip
    shown = str(Report((row,), text, text, text, 0.0, text, note=text))
    assert not [c for c in shown if (c != "\n" and ord(c) < 32) or 127 <= ord(c) < 160]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_plain_keeps_words_tabs_and_lines() -> None:
    assert plain("a\tb\nc é 漢 😀") == "a\tb\nc é 漢 😀"
    assert plain("\x1b[1mbold\x1b[0m") == "bold"
    assert plain("שלום\u200f مرحبا") == "שלום\u200f مرحبا"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "<1 ms"), (0.0012, "1 ms"), (0.9, "900 ms"), (0.9996, "1.0 s"), (1.04, "1.0 s"),
        (59.94, "59.9 s"), (59.96, "1 min 0 s"), (60, "1 min 0 s"), (119.6, "2 min 0 s"),
        (3599.7, "60 min 0 s"),
    ],
)  # fmt: skip
def test_duration(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_many_rows_are_cut_and_what_failed_is_shown() -> None:
    rows = [Result("a.b", Status.OK)] * 10_000
    rows[7777] = Result("bad.one", Status.FAILED, failure=Failure("E", "broke"))
    shown = str(Report(tuple(rows)))
    assert shown.count("\n") < MAX_ROWS + 20
    assert "and 8999 more" in shown
    assert shown.count("bad.one") == 2
    assert "9999 ok, 1 failed" in shown
