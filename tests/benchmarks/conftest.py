"""Gathers the figures of a run, prints them as a table, and keeps them as JSON.

A benchmark fails when it is broken: when a side did not do its work, or not the same. A goal that
is not met is said in the table and fails nothing, for this machine may only be slow.
"""

from __future__ import annotations

import compileall
import importlib
import json
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks import machine, table
from benchmarks.measuring import OURS, Figure, Goal, Growth, interleaved

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

HERE = Path(__file__).parent


class Figures:
    """What a run measures; a room's tests add to it under the room's name."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.room = ""
        self.all: list[Figure] = []
        self.missing: dict[str, str] = {}

    def size(self, count: int, least: int = 10) -> int:
        """How much work to do: of so much a hundredth, when the run is to be quick."""
        return max(least, count // 100) if self.quick else count

    def rounds(self, count: int) -> int:
        """How many rounds to do: one, when the run is to be quick."""
        return 1 if self.quick else count

    def peer(self, name: str) -> ModuleType | None:
        """A library to measure against; without it its part is left out, and the table says so."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a peer's own deprecations are not ours to mend
                return importlib.import_module(name)
        except ImportError:
            self.missing[name] = "not installed: pip install -e '.[bench]'"
            return None

    def program(self, name: str) -> str | None:
        """The path of a program to measure against, as `peer`."""
        found = shutil.which(name) or shutil.which(name, path=str(Path(machine.BIN)))
        if not found:
            self.missing[name] = "not on the PATH"
        return found

    def add(
        self,
        work: str,
        samples: Mapping[str, Sequence[float]],
        *goals: Goal,
        unit: str = "s",
        note: str = "",
    ) -> Figure:
        """Keep a figure; less is better."""
        figure = Figure(self.room, work, unit, samples, goals, note)
        self.all.append(figure)
        print(f"\n{table.lines(figure)}", end="")
        return figure

    def compare(
        self,
        work: str,
        works: Mapping[str, Callable[[], Any]],
        *goals: Goal,
        rounds: int = 7,
        per: int = 1,
        before: Callable[[int], None] | None = None,
        check: Callable[[str, Any], None] | None = None,
        collector: Mapping[str, bool] | bool = True,
        note: str = "",
    ) -> Figure:
        """Time works side by side as `interleaved`, and keep the seconds of one of `per`."""
        times = interleaved(
            works, self.rounds(rounds), before=before, check=check, collector=collector
        )
        samples = {name: [one / per for one in taken] for name, taken in times.items()}
        return self.add(work, samples, *goals, note=note)

    def growth(
        self,
        work: str,
        works: Mapping[int, Callable[[], Any]],
        *goals: Goal,
        rounds: int = 5,
        collector: bool = True,
    ) -> Figure:
        """Time the same work at several sizes, and keep the exponent of its growth."""
        times = interleaved(
            {str(size): one for size, one in works.items()},
            self.rounds(rounds),
            collector=collector,
        )
        return self.grown(work, {int(size): taken for size, taken in times.items()}, *goals)

    def grown(self, work: str, costs: Mapping[int, Sequence[float]], *goals: Goal) -> Figure:
        """Keep the exponent of costs that were measured at several sizes, a sample a round."""
        sizes = tuple(costs)
        exponents = [
            Growth(sizes, tuple(one)).exponent for one in zip(*costs.values(), strict=True)
        ]
        note = f"from {sizes[0]:,} to {sizes[-1]:,}"
        return self.add(f"growth: {work}", {OURS: exponents}, *goals, unit="exponent", note=note)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("benchmarks")
    group.addoption(
        "--quick",
        action="store_true",
        help="a hundredth of the work and one round: shows that all run; the figures say nothing",
    )
    group.addoption(
        "--figures",
        metavar="FILE",
        default="benchmarks.json",
        help="where the figures go as JSON; benchmarks.json, unless it is given",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[KEPT] = Figures(quick=config.getoption("quick", default=False))


KEPT = pytest.StashKey[Figures]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Whatever lies here is a benchmark, and may take its time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.benchmark)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session", autouse=True)
def _byte_code() -> None:
    """Compiled as an installer does it: starts would measure the compiler of a fresh checkout."""
    for package in ("hero_kernel", "magics"):
        compileall.compile_dir(HERE.parents[1] / package, quiet=1)


@pytest.fixture(scope="module")
def figures(request: pytest.FixtureRequest) -> Figures:
    """Where a benchmark puts what it measures, under the name of its module."""
    kept = request.config.stash[KEPT]
    kept.room = request.module.__name__.rpartition("test_")[2].replace("_", " ")
    return kept


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    kept = config.stash[KEPT]
    if not kept.all:
        return
    facts = machine.facts()
    terminalreporter.section("benchmarks")
    terminalreporter.write_line(table.whole(facts, kept.all, kept.missing, quick=kept.quick))
    target = Path(config.getoption("figures"))
    told = table.as_data(facts, kept.all, kept.missing, quick=kept.quick)
    target.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"written to {target}")
