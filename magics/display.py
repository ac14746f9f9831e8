"""What magics show: tables and lines, each as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from hero_kernel.report.html import NO_FORMULAS
from hero_kernel.report.text import plain

if TYPE_CHECKING:
    from IPython.lib.pretty import RepresentationPrinter

MAX_ROWS = 200
"""Rows shown; the rest is counted."""

MIME = "application/vnd.hero.table+json"
"""What a notebook calls the document among a table's outputs. JupyterLab prefers
`application/json` to HTML, and would show a tree in the table's place."""

SCHEMA_VERSION = 1
"""Of that document; it rises when a reader of the old one would misread the new one."""

_STYLE = (
    "<style>.hero-table{font-size:13px;color:var(--jp-ui-font-color1,inherit)}"
    # the class twice: a notebook's own rules for tables are as strong as one class and a half
    ".hero-table.hero-table table{border-collapse:collapse;margin:.2em 0;font-size:inherit}"
    ".hero-table.hero-table tr{background:none}"
    ".hero-table.hero-table td,.hero-table.hero-table th{text-align:left;vertical-align:top;"
    "padding:.1em .9em .1em 0;border:0;background:none;max-width:none;white-space:pre-wrap}"
    ".hero-table.hero-table th,.hero-table .q"
    "{color:var(--jp-ui-font-color2,#6e7781);font-weight:400}"
    "</style>"
)


@dataclass(frozen=True)
class Table:
    """Rows under headings, with a line above and one below.

    Attributes:
        columns: The headings.
        rows: As many texts each.
        title: The line above; may be empty.
        note: The line below; may be empty.
        limit: How many rows are shown.
        total: How many rows there are, where these are only the first; 0 when they are all.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    note: str = ""
    limit: int = MAX_ROWS
    total: int = 0

    def __repr__(self) -> str:
        shown = [self.columns, *self._shown()] if self.rows else []
        widths = (
            [max(len(row[i]) for row in shown) for i in range(len(self.columns))] if shown else []
        )
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in shown
        ]
        return "\n".join(part for part in (plain(self.title), *lines, self._note()) if part)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._shown()
        )
        title = f"<div>{escape(plain(self.title))}</div>" if self.title else ""
        note = f'<div class="q">{escape(self._note())}</div>' if self._note() else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        rows = table if self.rows else ""
        return f'<div class="hero-table {NO_FORMULAS}">{_STYLE}{title}{rows}{note}</div>'

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The document for programs, beside text and HTML: what is shown, and no more."""
        return {MIME: self.to_dict()}

    def to_dict(self) -> dict[str, Any]:
        """What is shown, as JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "title": plain(self.title),
            "columns": list(self.columns),
            "rows": [list(row) for row in self._shown()],
            "total": self._total,
            "note": plain(self.note),
        }

    @property
    def _total(self) -> int:
        return self.total or len(self.rows)

    def _shown(self) -> list[tuple[str, ...]]:
        return [tuple(_cell(cell) for cell in row) for row in self.rows[: self.limit]]

    def _note(self) -> str:
        shown = min(self.limit, len(self.rows))
        cut = f"showing {shown} of {self._total}" if shown < self._total else ""
        return " · ".join(part for part in (plain(self.note), cut) if part)


@dataclass(frozen=True)
class Line:
    """One line that says what is, or what was done; `details` are shown below it.

    Attributes:
        text: The line.
        details: Lines below it.
        volatile: What the line ends with and the next execution would say otherwise: left out in
            docs mode.
    """

    text: str
    details: tuple[str, ...] = ()
    volatile: str = ""

    def __repr__(self) -> str:
        return "\n".join(plain(line) for line in (self.text + self.volatile, *self.details))

    def _repr_html_(self) -> str:
        details = "".join(f'<div class="q">{escape(plain(line))}</div>' for line in self.details)
        return (
            f'<div class="hero-table {NO_FORMULAS}">{_STYLE}'
            f"<div>{escape(plain(self.text + self.volatile))}</div>{details}</div>"
        )


@dataclass(frozen=True)
class Sheet:
    """Tables and lines, one below the other."""

    parts: tuple[Table | Line, ...]

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.parts))

    def _repr_html_(self) -> str:
        return "".join(part._repr_html_() for part in self.parts)


@dataclass(frozen=True)
class Refusal:
    """An error that was expected, as the lines that it would have ended its cell with."""

    lines: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join(map(plain, self.lines))

    def _repr_html_(self) -> str:
        said = escape(repr(self))
        return f'<div class="hero-table {NO_FORMULAS}">{_STYLE}<pre>{said}</pre></div>'


class Text(str):
    """A text that a cell shows as it is, and not quoted in one line."""

    __slots__ = ()

    def _repr_pretty_(self, printer: RepresentationPrinter, _: bool) -> None:
        printer.text(plain(self))


def _cell(text: str) -> str:
    """A value for a table: one line, at most 200 characters, nothing that draws."""
    line = plain(text).replace("\n", "⏎")
    return line if len(line) <= 200 else f"{line[:199]}…"  # noqa: PLR2004  # said above
