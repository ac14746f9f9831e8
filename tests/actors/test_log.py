"""The actor `log`, as a script runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hero_kernel.errors import HeroError
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel import Report, Session, Workspace

    Play = Callable[..., Report]


def found(report: Report) -> list[str]:
    result = report.results[-1]
    assert result.status.value == "ok", result.failure
    return result.message.split("\n") if result.message else []


def test_log_and_search(play: Play, session: Session) -> None:
    report = play(
        "!!log.log log:'the disk is full' cat:disk logtype:error\n!!log.log log:'mail sent'"
    )
    assert [result.status.value for result in report.results] == ["changed", "changed"]
    assert report.results[0].message == "2025-01-02 03:04:05 [ERROR] [disk] the disk is full"
    entries = session.logger().search(log="disk is full", logtype="error")
    assert [(item.cat, item.log) for item in entries] == [("disk", "the disk is full")]
    assert found(play("!!log.search log:'DISK IS' cat:disk")) == [report.results[0].message]
    assert found(play("!!log.search log:'mail sent' logtype:stdout cat:disk")) == []


def test_a_search_that_is_cut_says_so(play: Play, session: Session) -> None:
    for number in range(4):
        session.logger().log(f"entry {number}", cat="mine")
    lines = found(play("!!log.search cat:mine maxitems:3"))
    assert [line.partition("] ")[2] for line in lines[:-1]] == [
        f"[mine] entry {number}" for number in range(3)
    ]
    assert lines[-1] == "…"
    assert len(found(play("!!log.search cat:mine maxitems:4"))) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("!!log.log log:x cat:much_too_long_a_category", "longer than 10"),
        ("!!log.search maxitems:0", "maxitems is 0"),
        ("!!log.search maxitems:-1", "maxitems is -1"),
    ],
)
def test_faults(play: Play, text: str, said: str) -> None:
    (result,) = play(text).results
    assert said in result.failure.message
    assert result.failure.hint


@pytest.mark.parametrize(
    ("text", "said"), [("!!log.log log:x logtype:warning", "warning"), ("!!log.log", "log")]
)
def test_wrong_parameters_are_told_before_anything_runs(play: Play, text: str, said: str) -> None:
    with pytest.raises(HeroError, match=said):
        play(f"!!log.log log:before\n{text}")


def test_a_dry_run_searches_and_writes_nothing(play: Play, session: Session) -> None:
    report = play("!!log.log log:x cat:mine\n!!log.search cat:mine", dry_run=True)
    assert report.ok
    assert session.logger().search(cat="mine") == []


def test_a_known_secret_is_written_masked(ws: Workspace, play: Play, session: Session) -> None:
    ws.redactor.add("canary-55ab")
    play("!!log.log log:'it is canary-55ab' cat:mine")
    [item] = session.logger().search(cat="mine")
    assert item.log == f"it is {MASK}"
