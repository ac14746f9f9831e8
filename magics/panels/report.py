"""The panel of a report: what a run did, row by row, down to outputs and tracebacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from hero_kernel.errors import UsageError
from hero_kernel.report.text import to_text
from magics.panels import given, reports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Report
    from magics.doorway import Door


class View:
    """A report that is a cell's value; the report does not change, and is read from memory.

    Args:
        door: The notebook's.
        report: The report.
    """

    kind = "report"

    def __init__(self, door: Door, report: Report) -> None:
        self.key = self.kind
        self._door = door
        self._report = report

    @classmethod
    def of(cls, door: Door, value: Any) -> Self:
        """The view of a report."""
        return cls(door, value)

    @classmethod
    def rebuilt(cls, door: Door, spec: Mapping[str, Any]) -> Self:
        """The view of the kept run that a spec names.

        Raises:
            HeroError: It is not there any more.
            UsageError: The report was not kept.
        """
        context = given.text(spec.get("context"), "the context")
        session = given.text(spec.get("session"), "the session")
        run = given.text(spec.get("run"), "the run")
        if not run:
            raise UsageError("this report was not kept", hint="run its cell again")
        return cls(door, door.workspace.session_get(session, context=context).run_get(run))

    @property
    def spec(self) -> dict[str, Any]:
        """The run's name, with its session's and context's."""
        one = self._report
        return {"kind": self.kind, "context": one.context, "session": one.session, "run": one.run}

    @property
    def title(self) -> str:
        """What was run."""
        what = "dry run" if self._report.dry_run else "run"
        return f"{what} of {self._report.source}" if self._report.source else what

    def mark(self) -> object:
        """Always the same."""
        return self.kind

    def state(self) -> dict[str, Any]:
        """The head and the first rows."""
        return {"head": reports.head(self._report), "page": reports.page(self._report.results)}

    def still(self) -> Sequence[Report]:
        """The report as every cell shows it."""
        return [self._report]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """More rows, what is behind one, and all of it as text."""
        return {"page": self._page, "row": self._row, "text": self._text}

    def _page(self, *, start: int = 0, status: str = "", text: str = "") -> dict[str, Any]:
        return reports.page(self._report.results, start=start, status=status, text=text)

    def _row(self, *, n: int, whole: bool = False) -> dict[str, Any]:
        item = reports.item_at(self._report.results, n)
        return reports.details(self._door.workspace, item, whole=whole)

    def _text(self) -> str:
        return to_text(self._report)
