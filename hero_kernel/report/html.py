"""A report as HTML: escaped, without script or outside resources, light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from hero_kernel.report.text import (
    MARKS,
    MAX_LINE,
    duration,
    first_line,
    plain,
    said,
    shown,
    summary,
)

if TYPE_CHECKING:
    from hero_kernel.report.model import Report, Result

NO_FORMULAS = "tex2jax_ignore mathjax_ignore"
"""Classes of HTML in which MathJax takes no text between two dollars for a formula: 2 goes by the
first, 3 and 4 by the second. JupyterLab and nbconvert have it read every output."""

_STYLE = (
    "<style>"
    ".hero-report{--ok:#1a7f37;--changed:#9a6700;--failed:#cf222e;--quiet:#6e7781;"
    "font-size:13px;line-height:1.45;color:var(--jp-ui-font-color1,inherit)}"
    # the class twice: a notebook's own rules for tables are as strong as one class and a half
    ".hero-report.hero-report table{border-collapse:collapse;margin:0 0 .3em;font-size:inherit}"
    ".hero-report.hero-report tr{background:none}"
    ".hero-report.hero-report td{text-align:left;vertical-align:top;padding:.15em .9em .15em 0;"
    "border:0;background:none;max-width:none}"
    ".hero-report.hero-report td:first-child{white-space:nowrap}"
    ".hero-report.hero-report td.t{text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}"
    ".hero-report.hero-report code{background:none;padding:0}"
    ".hero-report.hero-report pre{margin:.2em 0;white-space:pre-wrap;background:none;"
    "color:inherit}"
    ".hero-report .ok{color:var(--ok)}.hero-report .changed{color:var(--changed)}"
    ".hero-report .failed,.hero-report .interrupted{color:var(--failed);font-weight:600}"
    ".hero-report .q,.hero-report .skipped,.hero-report .pending{color:var(--quiet)}"
    "@media(prefers-color-scheme:dark){.hero-report"
    "{--ok:#3fb950;--changed:#d29922;--failed:#f85149;--quiet:#8b949e}}"
    "[data-jp-theme-light=true] .hero-report"
    "{--ok:#1a7f37;--changed:#9a6700;--failed:#cf222e;--quiet:#6e7781}"
    "[data-jp-theme-light=false] .hero-report"
    "{--ok:#3fb950;--changed:#d29922;--failed:#f85149;--quiet:#8b949e}"
    "</style>"
)
"""Read by a browser that keeps style elements; without it the table still says everything."""

MAX_DETAILS = 300_000
"""Characters behind the rows' clicks, all rows together; the rest is in the kept run."""


def to_html(report: Report, *, timed: bool = True) -> str:
    """The report for a notebook's output, a page or a book; `timed=False` leaves durations out."""
    results, left = shown(report)
    rows, room = [], MAX_DETAILS
    for result in results:
        details = _details(result)
        room -= sum(map(len, details))
        rows.append(_row(result, details if room >= 0 else [], timed=timed))
    last = report.summary if timed else summary(report, timed=False)
    more = f'<p class="q">and {left} more rows</p>' if left else ""
    return (
        f'<div class="hero-report {NO_FORMULAS}">{_STYLE}<table><tbody>'
        f"{''.join(rows)}</tbody></table>{more}"
        f'<div class="q">{_text(last)}</div></div>'
    )


def _row(result: Result, details: list[str], *, timed: bool) -> str:
    status = result.status.value
    took = f'<td class="t q">{_text(duration(result.duration_s))}</td>' if timed else ""
    return (
        f'<tr><td class="{status}">{MARKS[status]} {status}</td>'
        f"<td><code>{_text(result.action)}</code></td>"
        f"{took}<td>{_said(result, details)}</td></tr>"
    )


def _said(result: Result, details: list[str]) -> str:
    """The row's words, and behind a click whatever did not fit into them."""
    line = _text(first_line(result))
    failure = result.failure
    if failure is not None and failure.hint:
        line += f'<br><span class="q">{_text(failure.hint)}</span>'
    if not details:
        return line
    opened = " open" if failure is not None and failure.excerpt else ""
    blocks = "".join(f"<pre>{_text(part.rstrip())}</pre>" for part in details)
    return f"<details{opened}><summary>{line}</summary>{blocks}</details>"


def _details(result: Result) -> list[str]:
    """What stands behind a row's click, block by block."""
    failure, parts, words = result.failure, [], said(result)
    if failure is not None and failure.excerpt:
        parts.append("\n".join((result.place, *failure.excerpt)))
    if "\n" in words or len(words) > MAX_LINE:
        parts.append(words)
    if failure is not None:
        parts.append(failure.traceback)
    if result.output.strip() != words:
        parts.append(result.output)
    return [part for part in parts if part.strip()]


def _text(text: str) -> str:
    return escape(plain(text))
