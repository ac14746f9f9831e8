"""Reading 100,000 actions, against PyYAML's C loader on the same data in the same run."""

from __future__ import annotations

import gc
import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from benchmarks.documents import as_heroscript, as_yaml, make

from hero_kernel.heroscript import index, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.heroscript import Action

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

COUNT = 100_000
ROUNDS = 5


def timed(work: Callable[[], Any], *, collector: bool = False) -> tuple[float, Any]:
    """Seconds and result, the collector off unless it is asked for."""
    gc.collect()
    if not collector:
        gc.disable()
    try:
        start = time.perf_counter()
        result = work()
        return time.perf_counter() - start, result
    finally:
        gc.enable()


def interleaved(works: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each, all of them once in every round: a busy moment hits them alike."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(timed(work, collector=name.endswith("gc on"))[0])
    return {name: statistics.median(seconds) for name, seconds in times.items()}


def as_data(actions: list[Action]) -> list[tuple]:
    return [
        (action.actor, action.name, dict(action.params), list(action.params.args), action.comments)
        for action in actions
    ]


def report(medians: dict[str, float], base: str) -> dict[str, float]:
    ratios = {name: medians[base] / seconds for name, seconds in medians.items()}
    for name, seconds in medians.items():
        print(f"{name:16} {seconds * 1e3:9.1f} ms  {ratios[name]:6.1f}x")
    return ratios


def test_speed_against_yaml() -> None:
    items = make(COUNT)
    script, document = as_heroscript(items), as_yaml(items)
    expected = [
        (item["actor"], item["name"], item["params"], item["args"], item["comments"])
        for item in items
    ]
    assert as_data(parse(script)) == expected
    assert as_data(index(script)) == expected
    loaded = yaml.load(document, yaml.CSafeLoader)
    assert [
        (item["actor"], item["name"], item["params"], item["args"], item["comments"])
        for item in loaded
    ] == expected
    del loaded, expected

    ratios = report(
        interleaved(
            {
                "yaml": lambda: yaml.load(document, yaml.CSafeLoader),
                "parse": lambda: parse(script),
                "index": lambda: index(script),
                "parse, gc on": lambda: parse(script),
                "index, gc on": lambda: index(script),
            }
        ),
        "yaml",
    )
    assert ratios["parse"] >= 10
    assert ratios["index"] >= 35
    assert ratios["parse"] / ratios["parse, gc on"] <= 1.1
    assert ratios["index"] / ratios["index, gc on"] <= 1.1


def test_a_cell_of_ten_actions() -> None:
    items = make(10)
    script, document = as_heroscript(items), as_yaml(items)
    ratios = report(
        interleaved(
            {
                "yaml": lambda: [yaml.load(document, yaml.CSafeLoader) for _ in range(50)],
                "parse": lambda: [parse(script) for _ in range(50)],
            },
            rounds=15,
        ),
        "yaml",
    )
    assert ratios["parse"] >= 6


@pytest.mark.parametrize("read", [parse, index])
def test_twice_the_text_takes_twice_the_time(read: Callable[[str], Any]) -> None:
    once, twice = as_heroscript(make(COUNT // 4)), as_heroscript(make(COUNT // 2))
    medians = interleaved({"once": lambda: read(once), "twice": lambda: read(twice)}, rounds=7)
    report(medians, "once")
    assert medians["twice"] / medians["once"] < 2.6
