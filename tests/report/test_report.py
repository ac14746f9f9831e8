"""What a report holds, and what it is as JSON."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel.errors import CorruptRecordError
from hero_kernel.report import SCHEMA_VERSION, Failure, Report, Result, Status

ROWS = (
    Result("a.b", Status.OK, 0.5, "made", "printed\n", "cell:1:1"),
    Result("a.c", Status.CHANGED, 0.25, place="cell:2:1"),
    Result("a.d", Status.FAILED, 0.1, failure=Failure("ActionError", "no", "yes", ("x", "^"), "t")),
    Result("a.e", Status.SKIPPED),
)
REPORT = Report(ROWS, "ctx", "ses", "2025-01-02 03:04:05", 1.25, "cell", dry_run=True, run="r")

texts = st.text(max_size=20)
failures = (
    st.builds(Failure, texts, texts, texts, st.lists(texts, max_size=2).map(tuple), texts)
    | st.none()
)
rows = st.builds(
    Result,
    texts,
    st.sampled_from(Status),
    st.integers(0, 10**6).map(lambda n: n / 1000),
    texts,
    texts,
    texts,
    failures,
)
reports = st.builds(
    Report,
    st.lists(rows, max_size=4).map(tuple),
    texts,
    texts,
    texts,
    st.integers(0, 10**6).map(lambda n: n / 1000),
    texts,
    st.booleans(),
    texts,
    texts,
)


@given(reports)
def test_json_and_back(report: Report) -> None:
    again = Report.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again == report


def test_the_document_has_its_schema() -> None:
    document = REPORT.to_dict()
    assert document["schema"] == SCHEMA_VERSION == 2
    assert set(document) == {
        "schema", "run", "context", "session", "source", "started", "duration_s", "dry_run", "ok",
        "note", "results",
    }  # fmt: skip
    for row in document["results"]:
        assert set(row) - {"failure"} == {
            "action", "status", "duration_s", "message", "output", "place",
        }  # fmt: skip
    failure = document["results"][2]["failure"]
    assert set(failure) == {"kind", "message", "hint", "excerpt", "traceback"}
    assert set(document) == {one.name for one in dataclasses.fields(Report)} | {"schema", "ok"}


def test_a_report_without_a_note_is_read() -> None:
    """Reports kept by the first version have none."""
    document = REPORT.to_dict()
    del document["note"]
    assert Report.from_dict(document) == REPORT


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 3},
        {"schema": "1"},
        {"results": None},
        {"results": [1]},
        {"results": [{}]},
        {"duration_s": "long"},
        {"results": [{**REPORT.to_dict()["results"][0], "status": "odd"}]},
        {"results": [{**REPORT.to_dict()["results"][2], "failure": 1}]},
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CorruptRecordError):
        Report.from_dict(REPORT.to_dict() | change)


def test_counts_and_ok() -> None:
    assert REPORT.counts() == {s: 1 for s in Status if s.value in "ok changed failed skipped"}
    assert list(REPORT.counts()) == [Status.OK, Status.CHANGED, Status.FAILED, Status.SKIPPED]
    assert not REPORT.ok
    assert not REPORT
    assert REPORT.failed == (ROWS[2],)
    assert Report(ROWS[:2]).ok
    assert not Report((Result("a.b", Status.INTERRUPTED),)).ok
    assert Report((Result("a.b", Status.PENDING), Result("a.b", Status.SKIPPED))).ok


def test_reports_are_frozen_and_values_are_not_compared() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        REPORT.run = "x"  # type: ignore[misc]
    assert Result("a.b", Status.OK, value=1) == Result("a.b", Status.OK, value=2)
    assert "value" not in repr(Result("a.b", Status.OK, value="big"))
