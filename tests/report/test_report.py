"""What a report holds, and what it is as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel.errors import CorruptRecordError, ReportError
from hero_kernel.report import SCHEMA_VERSION, Failure, Report, Result, Status, Written

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
    written=st.none()
    | st.builds(Written, texts, st.sampled_from(["done", "left", "passed", ""]), texts),
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
    st.booleans(),
    st.booleans(),
    texts,
    st.lists(texts, max_size=2).map(tuple),
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
    seldom = {"killed", "keep_going", "after", "digests"}
    fields = {one.name for one in dataclasses.fields(Report)}
    assert set(document) == fields - seldom | {"schema", "ok"}
    special = Report((), killed=True, keep_going=True, after="r", digests=("d",)).to_dict()
    assert set(special) == fields | {"schema", "ok"}


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
        {"results": [{**REPORT.to_dict()["results"][0], "written": {"digest": "d"}}]},
        {"results": [{**REPORT.to_dict()["results"][0], "written": {"digest": "d", "state": "x"}}]},
        {"digests": 1},
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


def test_how_a_run_ended_as_a_whole() -> None:
    def ended(*statuses: Status, killed: bool = False) -> str:
        return Report(tuple(Result("a.b", one) for one in statuses), killed=killed).ended

    assert ended() == ended(Status.OK, Status.PENDING, Status.SKIPPED) == "ok"
    assert ended(Status.FAILED, Status.OK) == "failed"
    assert ended(Status.FAILED, Status.INTERRUPTED, Status.SKIPPED) == "interrupted"
    assert ended(Status.OK, killed=True) == "killed"
    assert not Report(ROWS[:2], killed=True)


def test_a_report_is_a_sequence_of_its_results() -> None:
    assert list(REPORT) == list(ROWS)
    assert len(REPORT) == 4
    assert not Report(())[:]
    assert Report(())  # an empty one is true all the same: nothing failed
    assert (REPORT[0], REPORT[-1], REPORT[1:3]) == (ROWS[0], ROWS[3], ROWS[1:3])
    with pytest.raises(IndexError):
        REPORT[4]


def test_results_by_action() -> None:
    assert REPORT["a.c"] == REPORT.find("a.c") == (ROWS[1],)
    assert REPORT["a.*"] == REPORT.find("a.b, a:[cde]") == ROWS
    assert REPORT.find("b.*") == REPORT.find("b") == ()
    with pytest.raises(ReportError, match=r"no result of 'a\.x'") as caught:
        REPORT["a.x"]
    assert "did you mean a.e" in caught.value.hint
    with pytest.raises(LookupError):
        REPORT["b"]


def test_what_is_left() -> None:
    left = dataclasses.replace(ROWS[2], written=Written("d", "left", "!!a.d"))
    done = dataclasses.replace(ROWS[0], written=Written("e", "done"))
    assert Report((done, left, ROWS[3])).left == (left,)


def test_as_a_frame() -> None:
    frame = REPORT.to_frame()
    assert list(frame.columns) == [
        "action", "status", "duration_s", "message", "output", "place", "error",
    ]  # fmt: skip
    assert list(frame["status"]) == ["ok", "changed", "failed", "skipped"]
    assert frame["duration_s"].sum() == 0.85
    assert list(frame["error"]) == ["", "", "ActionError: no", ""]
    assert Report(()).to_frame().dtypes.equals(frame.dtypes)


def test_a_frame_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ReportError, match="pandas is not installed") as caught:
        REPORT.to_frame()
    assert caught.value.hint == "pip install 'hero-kernel[pandas]'"
