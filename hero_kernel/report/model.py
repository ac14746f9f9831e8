"""Status, Result, Report: what happened, as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import CorruptRecordError
from hero_kernel.report.text import summary, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION = 1
"""Of the JSON document; it rises when a reader of the old one would misread the new one."""


MIME = "application/vnd.hero.report+json"
"""What a notebook calls the document among a cell's outputs."""


class Status(StrEnum):
    """How an action ended."""

    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Changed:
    """What a handler returns to say that it changed something; `value` is its result."""

    value: object = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """What a handler returns to say that there was nothing to do; `reason` is its result."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an action failed.

    Attributes:
        kind: The error's class.
        message: What is wrong.
        hint: What to do instead; may be empty.
        excerpt: The lines of the script that it points at, with a caret; may be empty.
        traceback: Where it was raised, for errors that are not ours; may be empty.
    """

    kind: str
    message: str
    hint: str = ""
    excerpt: tuple[str, ...] = ()
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How one action ended.

    Attributes:
        action: `actor.name`.
        status: How it ended.
        duration_s: Seconds in its handler.
        message: Its result as text.
        output: What it printed.
        place: `name:line:column` of the action; empty when it was built in Python.
        failure: Why it failed, or None.
        value: What the handler returned; lives as long as the report and is not kept.
    """

    action: str
    status: Status
    duration_s: float = 0.0
    message: str = ""
    output: str = ""
    place: str = ""
    failure: Failure | None = None
    value: Any = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Report:
    """How a run ended: one result an action, in the order they were carried out.

    Attributes:
        results: One an action.
        context: The context's name.
        session: The session's name.
        started: `YYYY-MM-DD HH:mm:ss`, UTC.
        duration_s: Seconds, the whole run.
        source: What was run: a cell, a file.
        dry_run: Nothing was carried out.
        run: The run's name in the session's folder; empty when it is not kept.
        note: What else a reader should know: why the run could not be kept.
    """

    results: tuple[Result, ...]
    context: str = ""
    session: str = ""
    started: str = ""
    duration_s: float = 0.0
    source: str = ""
    dry_run: bool = False
    run: str = ""
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing was interrupted."""
        return not any(r.status in (Status.FAILED, Status.INTERRUPTED) for r in self.results)

    @property
    def failed(self) -> tuple[Result, ...]:
        """The results that failed or were interrupted."""
        return tuple(r for r in self.results if r.status in (Status.FAILED, Status.INTERRUPTED))

    def counts(self) -> dict[Status, int]:
        """How many ended in which way; statuses that did not occur are left out."""
        counts: dict[Status, int] = {}
        for result in self.results:
            counts[result.status] = counts.get(result.status, 0) + 1
        return {status: counts[status] for status in Status if status in counts}

    @cached_property
    def summary(self) -> str:
        """One line: what happened to how many, where, and in what time."""
        return summary(self)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return to_text(self)

    @cached_property
    def document(self) -> Mapping[str, Any]:
        """As `to_dict`, made once and only to be read: it is kept and shown."""
        return self.to_dict()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON's kinds of data; `from_dict` reads it."""
        return {
            "schema": SCHEMA_VERSION,
            "run": self.run,
            "context": self.context,
            "session": self.session,
            "source": self.source,
            "started": self.started,
            "duration_s": round(self.duration_s, 6),
            "dry_run": self.dry_run,
            "ok": self.ok,
            "note": self.note,
            "results": [_result_to_dict(result) for result in self.results],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Report:
        """Read what `to_dict` wrote.

        Raises:
            CorruptRecordError: It is not a report, or of a newer schema.
        """
        try:
            schema = document["schema"]
            if schema != SCHEMA_VERSION:
                raise CorruptRecordError(
                    f"the report has schema {schema}, this version reads {SCHEMA_VERSION}",
                    hint="read it with the version of hero-kernel that wrote it",
                )
            return cls(
                results=tuple(_result_from_dict(one) for one in document["results"]),
                context=str(document["context"]),
                session=str(document["session"]),
                started=str(document["started"]),
                duration_s=float(document["duration_s"]),
                source=str(document["source"]),
                dry_run=bool(document["dry_run"]),
                run=str(document["run"]),
                note=str(document.get("note", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptRecordError(f"this is not a report: {error!r}") from error


def _result_to_dict(result: Result) -> dict[str, Any]:
    row: dict[str, Any] = {
        "action": result.action,
        "status": result.status.value,
        "duration_s": round(result.duration_s, 6),
        "message": result.message,
        "output": result.output,
        "place": result.place,
    }
    if result.failure is not None:
        failure = result.failure
        row["failure"] = {
            "kind": failure.kind,
            "message": failure.message,
            "hint": failure.hint,
            "excerpt": list(failure.excerpt),
            "traceback": failure.traceback,
        }
    return row


def _result_from_dict(row: Mapping[str, Any]) -> Result:
    failure = row.get("failure")
    return Result(
        action=str(row["action"]),
        status=Status(row["status"]),
        duration_s=float(row["duration_s"]),
        message=str(row["message"]),
        output=str(row["output"]),
        place=str(row["place"]),
        failure=None
        if failure is None
        else Failure(
            kind=str(failure["kind"]),
            message=str(failure["message"]),
            hint=str(failure["hint"]),
            excerpt=tuple(str(line) for line in failure["excerpt"]),
            traceback=str(failure["traceback"]),
        ),
    )
