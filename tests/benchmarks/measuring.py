"""Timing side by side, and what one figure is.

All contestants take part in every round of one run, the first of them another one each round, so
that a busy moment hits them alike. Times are medians, ratios are the median of the rounds' ratios.
"""

from __future__ import annotations

import gc
import math
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

OURS = "hero"
"""The contestant that goals are about."""


@dataclass(frozen=True)
class Goal:
    """A bound for our figure, or, with a peer, for its ratio to the peer's.

    Args:
        peer: Whose figure is the measure; "" for a bound in the figure's own unit.
        faster: How many times the peer's figure must at least be ours.
        at_most: How many times the peer's figure ours may be, or the figure itself.
        of: Whose figure it is about, when it is not `OURS`.
        why: What stands in the way, where a goal is known to be out of reach.
    """

    peer: str = ""
    faster: float | None = None
    at_most: float | None = None
    of: str = OURS
    why: str = ""

    def __str__(self) -> str:
        return f"≥ {self.faster:g} x" if self.faster is not None else f"≤ {self.at_most:g}"


@dataclass(frozen=True)
class Verdict:
    """A goal, and what was measured: a ratio, or a figure in its own unit."""

    goal: Goal
    measured: float

    @property
    def is_met(self) -> bool:
        if self.goal.faster is not None:
            return self.measured >= self.goal.faster
        assert self.goal.at_most is not None, "a goal has a bound"
        return self.measured <= self.goal.at_most


@dataclass(frozen=True)
class Figure:
    """One piece of work, and what each contestant needed for it, a sample a round.

    Args:
        room: Where it belongs in the table.
        work: What was done.
        unit: "s", "B", "x" (a ratio in itself) or "%".
        samples: By contestant; less is better.
        goals: What ours should be.
        note: A word on what is not equal, or how it was done.
    """

    room: str
    work: str
    unit: str
    samples: Mapping[str, Sequence[float]]
    goals: tuple[Goal, ...] = ()
    note: str = ""

    def median(self, who: str) -> float:
        return median(self.samples[who])

    def ratio(self, one: str, other: str) -> float:
        """How many times the other's figure the one's is; by rounds, where they share them."""
        ones, others = self.samples[one], self.samples[other]
        if len(ones) == len(others):
            return median(a / b for a, b in zip(ones, others, strict=True))
        return median(ones) / median(others)

    def verdicts(self) -> list[Verdict]:
        """One for every goal whose peer took part."""
        return [
            Verdict(goal, self._measured(goal))
            for goal in self.goals
            if not goal.peer or goal.peer in self.samples
        ]

    def _measured(self, goal: Goal) -> float:
        if not goal.peer:
            return self.median(goal.of)
        if goal.faster is not None:
            return self.ratio(goal.peer, goal.of)
        return self.ratio(goal.of, goal.peer)


def interleaved(
    works: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    before: Callable[[int], None] | None = None,
    check: Callable[[str, Any], None] | None = None,
    collector: Mapping[str, bool] | bool = True,
) -> dict[str, list[float]]:
    """Seconds of each work in each round.

    A first round is not counted: there `check` looks at what each has answered, so that all have
    done the same.

    Args:
        works: By contestant.
        rounds: How many are counted.
        before: Called ahead of each round with its number, from 0 for the one not counted.
        check: Called with a contestant and its answer; raises AssertionError when it is wrong.
        collector: Whether Python's garbage collector is on meanwhile, for all or by contestant.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for number in range(rounds + 1):
        if before:
            before(number)
        first = number % len(names)
        for name in names[first:] + names[:first]:
            is_on = collector if isinstance(collector, bool) else collector.get(name, True)
            seconds, answer = timed(works[name], collector=is_on)
            if number:
                times[name].append(seconds)
            elif check:
                check(name, answer)
            del answer
    return times


def timed(work: Callable[[], Any], *, collector: bool = True) -> tuple[float, Any]:
    """Seconds and answer, after a collection of what earlier work left."""
    gc.collect()
    was_on = gc.isenabled()
    if not collector:
        gc.disable()
    try:
        begin = perf_counter()
        answer = work()
        return perf_counter() - begin, answer
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True)
class Growth:
    """What a work costs at several sizes, and how fast that grows.

    Args:
        sizes: How much there was to do, rising.
        costs: The median of each size.
    """

    sizes: tuple[int, ...]
    costs: tuple[float, ...] = field(default=())

    @property
    def exponent(self) -> float:
        """The slope over all sizes on logarithmic scales: 1 is as the work, 2 its square."""
        x, y = [math.log(one) for one in self.sizes], [math.log(one) for one in self.costs]
        mid_x, mid_y = sum(x) / len(x), sum(y) / len(y)
        over = sum((a - mid_x) * (b - mid_y) for a, b in zip(x, y, strict=True))
        return over / sum((a - mid_x) ** 2 for a in x)
