"""A report as plain text: an aligned table, then what failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hero_kernel.report.model import Report, Result

MARKS = {
    "ok": "✓",
    "changed": "●",
    "failed": "✗",
    "skipped": "-",
    "interrupted": "■",
    "pending": "○",
}
"""One sign a status, so that no report rests on colour alone."""

MAX_ROWS = 1000
"""Rows shown, and those that failed beyond them; more would freeze a page, a run keeps them all."""

MAX_FAILED = 100
"""Rows shown beyond `MAX_ROWS` because they failed."""

MAX_LINE = 300
"""Characters of a row's words."""

_CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """The text without escape sequences and control characters: foreign text does not draw.

    Those that turn the direction of writing around are left out too: a file's `abcgnp.exe` could
    be made to read as `abcexe.png`.
    """
    return _CONTROL.sub("", text) if text and not text.isprintable() else text


def duration(seconds: float) -> str:
    """A duration for a reader: microseconds are noise, minutes want seconds."""
    if seconds < 0.001:  # noqa: PLR2004  # below a millisecond
        return "<1 ms"
    if round(seconds * 1000) < 1000:  # noqa: PLR2004  # a second
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def shown(report: Report) -> tuple[Sequence[Result], int]:
    """The rows to show, and how many are left out; what failed is left out last."""
    rows = report.results[:MAX_ROWS]
    late = [row for row in report.results[MAX_ROWS:] if row.status in ("failed", "interrupted")]
    rows = (*rows, *late[:MAX_FAILED])
    return rows, len(report.results) - len(rows)


def summary(report: Report, *, timed: bool = True) -> str:
    """One line: what happened to how many, where, and in what time unless that is left out."""
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    where = " · ".join(part for part in (report.context, report.session) if part)
    took = duration(report.duration_s) if timed else ""
    parts = [counts or "no actions", took, where, report.note]
    if report.dry_run:
        parts.insert(0, "dry run, nothing was changed")
    if report.killed:
        parts.insert(0, "killed: its process ended before it did")
    return plain(" · ".join(part for part in parts if part))


def said(result: Result) -> str:
    """What a row is about: why it failed, else the result, else its output."""
    failure = result.failure
    return (failure.message if failure is not None else result.message or result.output).strip()


def first_line(result: Result) -> str:
    """As much of what is said as a row has room for."""
    text = said(result)
    line = plain(text.split("\n", 1)[0][:MAX_LINE])
    return f"{line} …" if len(text) > MAX_LINE or "\n" in text else line


def to_text(report: Report, *, timed: bool = True) -> str:
    """The report for a terminal; `timed=False` leaves durations out."""
    results, left = shown(report)
    width = max((len(result.action) for result in results), default=0)
    rows = [
        f"{MARKS[result.status]} {result.status:<11} {plain(result.action):<{width}}"
        f"{_took(result) if timed else ''}  {first_line(result)}".rstrip()
        for result in results
    ]
    if left:
        rows.append(f"and {left} more")
    details = [line for result in report.failed[:MAX_FAILED] for line in _why(result)]
    last = report.summary if timed else summary(report, timed=False)
    return "\n".join([*rows, *details, last])


def _took(result: Result) -> str:
    return f"  {duration(result.duration_s):>7}"


def _why(result: Result) -> list[str]:
    failure = result.failure
    if failure is None:
        return []
    where = f"{result.place}: " if result.place else ""
    lines = ["", f"{where}{result.action}: {failure.kind}: {failure.message}", *failure.excerpt]
    if failure.hint:
        lines.append(failure.hint)
    if result.output:
        lines += [
            "it printed:",
            *(f"    {line}" for line in result.output.rstrip().split("\n")[-20:]),
        ]
    return [*(plain(line) for line in lines), ""]
