"""The Hero kernel against the stock one: starting it, and a cell of Python in it."""

from __future__ import annotations

from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import pytest
from kernel.driving import Kernel
from kernel.rounds import round_trip_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jupyter_client.blocking import BlockingKernelClient

pytestmark = pytest.mark.benchmark

STARTS = 15
ROUNDS = 600
PYTHON = "total = 0\nfor n in range(1000):\n    total += n\ntotal"


def start_s(folder: Path, name: str) -> float:
    """Seconds from the start of the process until a first cell of Python is done."""
    begin = perf_counter()
    kernel = Kernel(folder, name=name)
    round_trip_s(kernel.client, "pass")
    elapsed = perf_counter() - begin
    kernel.end(now=True)
    return elapsed


def test_starting_costs_at_most_a_tenth_more(tmp_path):
    for name in ("python3", "hero"):
        start_s(tmp_path, name)
    ratios, stock, ours = [], [], []
    for n in range(STARTS):
        for name in ("python3", "hero") if n % 2 else ("hero", "python3"):
            (ours if name == "hero" else stock).append(start_s(tmp_path, name))
        ratios.append(ours[-1] / stock[-1])
    print(
        f"\nstart: stock {median(stock) * 1e3:.0f} ms, hero {median(ours) * 1e3:.0f} ms, "
        f"ratio {median(ratios):.3f} (goal 1.10)"
    )
    assert median(ratios) <= 1.10


@contextmanager
def started(folder: Path, name: str) -> Iterator[BlockingKernelClient]:
    with Kernel(folder, name=name) as kernel:
        yield kernel.client


@pytest.mark.parametrize("bound", [False, True], ids=["before the first use", "bound"])
def test_a_cell_of_python_costs_at_most_a_fiftieth_more(tmp_path, bound):
    with started(tmp_path, "python3") as stock, started(tmp_path, "hero") as ours:
        for _ in range(20):
            round_trip_s(stock, PYTHON)
            round_trip_s(ours, PYTHON)
        if bound:
            round_trip_s(ours, "%hero_context demo --new -s notes")
        ratios, stocks, heroes = [], [], []
        for n in range(ROUNDS):
            for client in (stock, ours) if n % 2 else (ours, stock):
                (stocks if client is stock else heroes).append(round_trip_s(client, PYTHON))
            ratios.append(heroes[-1] / stocks[-1])
    print(
        f"\na cell of Python: stock {median(stocks) * 1e3:.2f} ms, "
        f"hero {median(heroes) * 1e3:.2f} ms, "
        f"ratio of medians {median(heroes) / median(stocks):.3f}, median ratio "
        f"{median(ratios):.3f} (goal 1.02)"
    )
    assert min(median(ratios), median(heroes) / median(stocks)) <= 1.02
