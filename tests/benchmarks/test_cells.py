"""Round trips of cells through a real Hero kernel, against other cells in the same kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from benchmarks.measuring import OURS, Goal
from kernel.driving import Kernel
from kernel.rounds import round_trip_s

if TYPE_CHECKING:
    from collections.abc import Iterator

TEN_ACTIONS = "%%heroscript\n" + "".join(f"!!play.echo content:'line {n}'\n" for n in range(10))


@pytest.fixture
def kernel(tmp_path) -> Iterator[Kernel]:
    with Kernel(tmp_path, PLOOMBER_STATS_ENABLED="false") as one:
        yield one


def test_ten_trivial_actions(figures, kernel):
    cells = {OURS: TEN_ACTIONS, "pass": "pass", "%%bash true": "%%bash\ntrue"}
    assert kernel.ask(TEN_ACTIONS).count("play.echo") == 10
    goals = [Goal("pass", at_most=1.25), Goal("%%bash true", at_most=0.5)]
    if figures.peer("sql"):
        kernel.ask("%load_ext sql\n%config SqlMagic.feedback = 0\n%sql sqlite://")
        cells["jupysql"] = "%%sql\nselect 1"
        goals.append(Goal("jupysql", at_most=0.6))
        assert "1" in kernel.ask(cells["jupysql"])
    figures.compare(
        "round trip of a cell",
        {name: lambda code=code: round_trip_s(kernel.client, code) for name, code in cells.items()},
        *goals,
        rounds=150,
    )
