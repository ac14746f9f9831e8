"""The instrument that the benchmarks measure with, on made-up costs."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from benchmarks import table
from benchmarks.conftest import Figures
from benchmarks.measuring import OURS, Figure, Goal, Growth, interleaved, timed

TESTS = Path(__file__).parent


def figure(*goals: Goal, unit: str = "s", **samples: list[float]) -> Figure:
    return Figure("room", "work", unit, samples, goals)


# Rounds


def test_rounds_rotate_and_the_first_is_not_counted() -> None:
    called: list[str] = []
    rounds: list[int] = []
    works = {name: lambda name=name: called.append(name) for name in "abc"}
    times = interleaved(works, 3, before=rounds.append)
    assert "".join(called) == "abc" + "bca" + "cab" + "abc"
    assert rounds == [0, 1, 2, 3]
    assert {name: len(taken) for name, taken in times.items()} == {"a": 3, "b": 3, "c": 3}


def test_an_answer_is_checked_once_and_a_wrong_one_ends_it() -> None:
    seen: list[tuple[str, int]] = []
    works = {"one": lambda: 1, "two": lambda: 2}
    interleaved(works, 5, check=lambda name, answer: seen.append((name, answer)))
    assert seen == [("one", 1), ("two", 2)]

    def check(_: str, answer: int) -> None:
        assert answer == 1

    with pytest.raises(AssertionError):
        interleaved(works, 5, check=check)


def test_the_collector_is_as_it_was_told_and_comes_back() -> None:
    seen: list[bool] = []
    works = {name: lambda: seen.append(gc.isenabled()) for name in ("on", "off")}
    interleaved(works, 1, collector={"off": False})
    assert seen == [True, False, False, True]
    assert gc.isenabled()

    def broken() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        timed(broken, collector=False)
    assert gc.isenabled()


# Figures


def test_ratios_are_of_rounds_where_there_are_as_many() -> None:
    """A busy round hits both: the median of its own ratio, and not the ratio of medians."""
    one = figure(hero=[1, 10, 3], peer=[2, 80, 3])
    assert one.ratio(OURS, "peer") == 0.5
    assert one.median(OURS) / one.median("peer") == 1
    assert figure(hero=[1, 3], peer=[4, 4, 4]).ratio(OURS, "peer") == 0.5


@pytest.mark.parametrize(
    ("goal", "measured", "is_met"),
    [
        (Goal("peer", faster=4), 4, True),
        (Goal("peer", faster=4.1), 4, False),
        (Goal("peer", at_most=0.25), 0.25, True),
        (Goal("peer", at_most=0.24), 0.25, False),
        (Goal(at_most=1), 1, True),
        (Goal(at_most=0.9), 1, False),
        (Goal(at_most=4, of="peer"), 4, True),
        (Goal("peer", faster=2, of="other"), 2, True),
        (Goal("other", at_most=1, of="peer"), 2, False),
    ],
)
def test_goals_are_met_or_not(goal: Goal, measured: float, is_met: bool) -> None:
    (verdict,) = figure(goal, hero=[1], peer=[4], other=[2]).verdicts()
    assert (verdict.measured, verdict.is_met) == (measured, is_met)


def test_a_goal_against_one_who_did_not_take_part_is_none() -> None:
    assert figure(Goal("absent", faster=2), hero=[1]).verdicts() == []


@pytest.mark.parametrize(
    ("cost", "exponent"),
    [(lambda n: 3e-6 * n, 1), (lambda n: 2e-9 * n * n, 2), (lambda _: 0.5, 0)],
    ids=["linear", "quadratic", "constant"],
)
def test_exponents_of_growth(cost, exponent) -> None:
    sizes = (10, 100, 1000)
    assert Growth(sizes, tuple(map(cost, sizes))).exponent == pytest.approx(exponent)
    figures = Figures(quick=False)
    grown = figures.grown("it", {size: [cost(size)] * 3 for size in sizes}, Goal(at_most=1.05))
    assert grown.samples[OURS] == pytest.approx([exponent] * 3)
    assert grown.verdicts()[0].is_met == (exponent < 2)
    assert figures.all == [grown]


def test_a_quick_run_does_little() -> None:
    quick, whole = Figures(quick=True), Figures(quick=False)
    assert [quick.size(5000), quick.size(50), quick.rounds(7)] == [50, 10, 1]
    assert [whole.size(5000), whole.size(50), whole.rounds(7)] == [5000, 50, 7]
    calls: list[int] = []
    quick.compare("it", {OURS: lambda: calls.append(1)}, rounds=7)
    assert len(calls) == 2  # one that is not counted


def test_a_figure_is_of_one_of_many() -> None:
    def work() -> None:
        sum(range(100_000))

    figures = Figures(quick=False)
    whole = figures.compare("whole", {OURS: work}, rounds=5)
    each = figures.compare("each", {OURS: work}, rounds=5, per=1000)
    assert each.median(OURS) < whole.median(OURS) / 100


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures(quick=True)
    assert figures.peer("json") is json
    assert figures.program("sh")
    assert figures.peer("no_such_library") is None
    assert figures.program("no-such-program") is None
    assert sorted(figures.missing) == ["no-such-program", "no_such_library"]
    told = table.whole({}, [], figures.missing, quick=False)
    assert "left out: no-such-program, not on the PATH" in told


# What is told


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (1.5, "s", "1.5 s"),
        (0.0123456, "s", "12.3 ms"),
        (1.87e-6, "s", "1.87 µs"),
        (2.5e-8, "s", "25 ns"),
        (0, "s", "0 s"),
        (512, "B", "512 B"),
        (1536, "B", "1.5 KiB"),
        (3 << 20, "B", "3 MiB"),
        (5 << 30, "B", "5,120 MiB"),
        (0.9999, "s", "1,000 ms"),
        (1234, "x", "1,234"),
        (0.000155, "x", "0.000155"),
        (0.4567, "%", "0.457 %"),
        (1.0349, "exponent", "1.03"),
        (2, "x", "2"),
    ],
)
def test_figures_are_spelt(value: float, unit: str, told: str) -> None:
    assert table.spelt(value, unit) == told


def test_lines_of_a_figure() -> None:
    goals = (
        Goal("peer", faster=4),
        Goal("peer", at_most=0.2, why="it may not"),
        Goal(at_most=0.5e-3),
    )
    one = Figure("room", "work", "s", {OURS: [1e-3, 2e-3], "peer": [4e-3, 8e-3]}, goals, "a word")
    assert table.lines(one).splitlines() == [
        "work (a word)",
        "  hero                             1.5 ms  1 ms - 2 ms",
        "      goal ≤ 500 µs: 1.5 ms, NOT met",
        "  peer                               6 ms  4 ms - 8 ms" + " " * 15 + "hero is 0.25 x",
        "      goal ≥ 4 x: 4, met",
        "      goal ≤ 0.2: 0.25, NOT met (it may not)",
    ]


def test_the_whole_of_a_run() -> None:
    figures = [figure(Goal(at_most=2), hero=[1]), figure(Goal(at_most=0.5), hero=[1])]
    told = table.whole({"cores": "2"}, figures, {}, quick=True)
    assert told.startswith("a quick run: the figures say nothing\ncores 2\n")
    assert told.count("-- room") == 1
    assert told.endswith("1 of 2 goals met")


def test_data_of_a_run_comes_back_from_json() -> None:
    goal = Goal("peer", faster=2, why="none")
    told = table.as_data(
        {"cores": "2"}, [figure(goal, hero=[1], peer=[4])], {"x": "y"}, quick=False
    )
    assert json.loads(json.dumps(told)) == told
    assert told == {
        "quick": False,
        "machine": {"cores": "2"},
        "missing": {"x": "y"},
        "figures": [
            {
                "room": "room",
                "work": "work",
                "unit": "s",
                "note": "",
                "samples": {"hero": [1.0], "peer": [4.0]},
                "goals": [
                    {
                        "of": "hero",
                        "peer": "peer",
                        "faster": 2,
                        "at_most": None,
                        "measured": 4.0,
                        "met": True,
                        "why": "none",
                    }
                ],
            }
        ],
    }


# A run


TINY = """
from time import sleep
import pytest
from benchmarks.measuring import OURS, Goal

def check(_, answer):
    assert answer == 1

def slow():
    sleep(0.002)
    return 1

def test_slow(figures):
    works = {OURS: slow, "peer": lambda: ANSWER}
    figures.compare("little", works, Goal("peer", faster=1000), rounds=2, check=check)

def test_with_a_peer_that_is_not_there(figures):
    if figures.peer("no_such_library") is None:
        figures.add("alone", {OURS: [1.0]})
"""


def run(folder: Path, answer: int, *options: str) -> SimpleNamespace:
    """pytest in a process of its own, with the benchmarks' conftest and no other."""
    folder.mkdir()
    (folder / "test_tiny_room.py").write_text(TINY.replace("ANSWER", str(answer)), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = benchmark\n", encoding="utf-8")
    command = "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "benchmarks.conftest", *options
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        [sys.executable, *command, "test_tiny_room.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    written = [path for path in folder.iterdir() if path.suffix == ".json"]
    told = json.loads(written[0].read_bytes()) if written else None
    return SimpleNamespace(code=done.returncode, out=done.stdout, told=told, written=written)


def test_slow_is_no_failure_and_broken_is_one(tmp_path: Path) -> None:
    slow = run(tmp_path / "slow", 1)
    assert slow.code == 0, slow.out
    assert "goal ≥ 1000 x: " in slow.out
    assert "NOT met" in slow.out
    assert "0 of 1 goals met" in slow.out
    assert "left out: no_such_library, not installed" in slow.out
    assert [path.name for path in slow.written] == ["benchmarks.json"]
    assert [one["work"] for one in slow.told["figures"]] == ["little", "alone"]
    assert {one["room"] for one in slow.told["figures"]} == {"tiny room"}
    assert len(slow.told["figures"][0]["samples"][OURS]) == 2
    assert not slow.told["quick"]
    broken = run(tmp_path / "broken", 2, "--quick", "--figures", "other.json")
    assert broken.code == 1, broken.out
    assert [path.name for path in broken.written] == ["other.json"]
    assert [one["work"] for one in broken.told["figures"]] == ["alone"]
    assert broken.told["quick"]
    assert "a quick run: the figures say nothing" in broken.out
