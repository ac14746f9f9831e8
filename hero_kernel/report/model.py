"""Status, Result, Report: what happened, as frozen data."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, overload

from hero_kernel.errors import CorruptRecordError, ReportError, did_you_mean
from hero_kernel.report.text import summary, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hero_kernel.heroscript import Action

SCHEMA_VERSION = 2
"""Of the JSON document; it rises when a reader of the old one would misread the new one.

2 came with runs that were killed: a reader of 1 would take what they finished for all of it.
"""

READ_VERSIONS = (1, 2)
"""The schemas that are read; 1 differs only in what it does not have."""


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


State: TypeAlias = Literal["done", "left", "passed", ""]
"""Where a run left an action: done, also in the run that it resumed; still to be done; passed
over, since others were chosen. Empty: a run that goes on carries it out again, since it added
other actions, or nobody handled it."""


@dataclass(frozen=True, slots=True)
class Written:
    """The action behind a row, as another run needs it to go on where this one ended.

    Attributes:
        digest: Equal for actions that say the same; nothing secret can be told from it.
        state: Where the run left it.
        script: The action as it was written, where it is still to be done, nothing in it is
            secret and it is the user's own; else empty.
    """

    digest: str
    state: State
    script: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """How one action ended.

    Attributes:
        action: `actor.name`.
        status: How it ended.
        duration_s: Seconds in its handler; to the microsecond, as a runner tells them.
        message: Its result as text.
        output: What it printed.
        place: `name:line:column` of the action; empty when it was built in Python.
        failure: Why it failed, or None.
        value: What the handler returned; lives as long as the report and is not kept.
        written: The action itself; None where no other run needs it: in one that ended well and
            could change nothing.
        given: The action that was carried out, as the script has it; lives as long as `value`.
    """

    action: str
    status: Status
    duration_s: float = 0.0
    message: str = ""
    output: str = ""
    place: str = ""
    failure: Failure | None = None
    value: Any = field(default=None, repr=False, compare=False)
    written: Written | None = field(default=None, repr=False)
    given: Action | None = field(default=None, repr=False, compare=False)

    @property
    def is_left(self) -> bool:
        """Whether the action is still to be done: it failed, was interrupted or not reached."""
        return self.written is not None and self.written.state == "left"


@dataclass(frozen=True)
class Report:
    """How a run ended: one result an action, in the order they were carried out.

    A sequence of its results; true when nothing failed.

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
        killed: Its process ended before the run did; what it may have changed is here up to then.
        keep_going: It went on after a failure.
        after: The run that this one resumed or retried; empty when it began anew.
        digests: Of the actions that are done after it where no row says so.
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
    killed: bool = False
    keep_going: bool = False
    after: str = ""
    digests: tuple[str, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing was interrupted or killed."""
        return not (self.killed or self.failed)

    @property
    def ended(self) -> str:
        """How the run ended as a whole: `ok`, `failed`, `interrupted` or `killed`."""
        if self.killed:
            return "killed"
        failed = self.failed
        return failed[-1].status.value if failed else "ok"

    @property
    def failed(self) -> tuple[Result, ...]:
        """The results that failed or were interrupted."""
        return tuple(r for r in self.results if r.status in (Status.FAILED, Status.INTERRUPTED))

    @property
    def left(self) -> tuple[Result, ...]:
        """The results whose actions are still to be done: failed, interrupted or not reached."""
        return tuple(result for result in self.results if result.is_left)

    def find(self, filter: str) -> tuple[Result, ...]:
        """The results of the actions that match, in order; see `Playbook.find` for filters."""
        from hero_kernel.heroscript import Action  # noqa: PLC0415  # a report is made without
        from hero_kernel.playbook import matcher  # noqa: PLC0415  # as above

        matches = matcher(filter)
        return tuple(result for result in self.results if matches(Action(result.action)))

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    @overload
    def __getitem__(self, which: int) -> Result: ...
    @overload
    def __getitem__(self, which: slice | str) -> tuple[Result, ...]: ...
    def __getitem__(self, which: int | slice | str) -> Result | tuple[Result, ...]:
        """A result by number; several by slice, or by a filter as in `find`.

        Raises:
            IndexError: There are fewer.
            ReportError: No action matches the filter.
        """
        if not isinstance(which, str):
            return self.results[which]
        found = self.find(which)
        if not found:
            known = {result.action for result in self.results}
            raise ReportError(f"no result of {which!r}", hint=did_you_mean(which, known))
        return found

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a result; `error` is why it failed, and empty otherwise.

        Raises:
            ReportError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise ReportError(
                "pandas is not installed", hint="pip install 'hero-kernel[pandas]'"
            ) from None
        rows = [
            (
                one.action,
                one.status.value,
                one.duration_s,
                one.message,
                one.output,
                one.place,
                f"{one.failure.kind}: {one.failure.message}" if one.failure else "",
            )
            for one in self.results
        ]
        return pandas.DataFrame(rows, columns=list(_FRAME)).astype(_FRAME)

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
            **self._seldom(),
            "results": [row_to_dict(result) for result in self.results],
        }

    def _seldom(self) -> dict[str, Any]:
        """The fields that most runs leave as they are, where this one does not."""
        fields = {
            "killed": self.killed,
            "keep_going": self.keep_going,
            "after": self.after,
            "digests": list(self.digests),
        }
        return {name: value for name, value in fields.items() if value}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Report:
        """Read what `to_dict` wrote.

        Raises:
            CorruptRecordError: It is not a report, or of a newer schema.
        """
        try:
            schema = document["schema"]
            if schema not in READ_VERSIONS:
                raise CorruptRecordError(
                    f"the report has schema {schema}, this version reads up to {SCHEMA_VERSION}",
                    hint="read it with the version of hero-kernel that wrote it",
                )
            return cls(
                results=tuple(row_from_dict(one) for one in document["results"]),
                context=str(document["context"]),
                session=str(document["session"]),
                started=str(document["started"]),
                duration_s=float(document["duration_s"]),
                source=str(document["source"]),
                dry_run=bool(document["dry_run"]),
                run=str(document["run"]),
                note=str(document.get("note", "")),
                killed=bool(document.get("killed", False)),
                keep_going=bool(document.get("keep_going", False)),
                after=str(document.get("after", "")),
                digests=tuple(str(digest) for digest in document.get("digests", ())),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptRecordError(f"this is not a report: {error!r}") from error


_FRAME = {
    "action": "object",
    "status": "object",
    "duration_s": "float64",
    "message": "object",
    "output": "object",
    "place": "object",
    "error": "object",
}
"""The columns of `Report.to_frame` and what is in them, also when there are no rows."""


def row_to_dict(result: Result) -> dict[str, Any]:
    """A result as JSON's kinds of data; `row_from_dict` reads it."""
    row: dict[str, Any] = {
        "action": result.action,
        "status": result.status.value,
        "duration_s": result.duration_s,
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
    if result.written is not None:
        written = result.written
        row["written"] = {"digest": written.digest, "state": written.state}
        if written.script:
            row["written"]["script"] = written.script
    return row


def row_from_dict(row: Mapping[str, Any]) -> Result:
    """Read what `row_to_dict` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: It is no row.
    """
    failure, written = row.get("failure"), row.get("written")
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
        written=None
        if written is None
        else Written(
            str(written["digest"]), _state(written["state"]), str(written.get("script", ""))
        ),
    )


def _state(text: str) -> State:
    if text not in get_args(State):
        raise ValueError(f"no state of an action: {text!r}")
    return text  # type: ignore[return-value]  # just looked up
