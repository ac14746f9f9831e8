"""Figures as a table for a terminal, as data, and as the page of the README."""

from __future__ import annotations

from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import OURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.measuring import Figure

_SECONDS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))


def spelt(value: float, unit: str) -> str:
    """A figure with three digits and a unit that suits it."""
    if unit in ("s", "B"):
        for size, name in _SECONDS if unit == "s" else _BYTES:
            if abs(value) >= size:
                return (
                    f"{value / size:.3g} {name}" if value / size < 1000 else f"{value:.0f} {name}"
                )
        return f"0 {unit}"
    return f"{value:.3g}" + (f" {unit}" if unit == "%" else "")


def lines(figure: Figure) -> str:
    """A line a contestant, ours first: median, range, how we compare, goals."""
    out = [figure.work + (f" ({figure.note})" if figure.note else "")]
    verdicts = figure.verdicts()
    for who in figure.samples:
        taken = figure.samples[who]
        row = f"  {who:28} {spelt(median(taken), figure.unit):>10}"
        if len(taken) > 1:
            row += f"  {spelt(min(taken), figure.unit)} - {spelt(max(taken), figure.unit)}"
        row = f"{row:66}"
        if OURS in figure.samples and who != OURS:
            row += f" {_compared(figure, who):>16}"
        out.append(row.rstrip())
        out += [
            f"      goal {verdict.goal}: {verdict.measured:.3g}, "
            + ("met" if verdict.is_met else "NOT met")
            + (f" ({verdict.goal.why})" if verdict.goal.why and not verdict.is_met else "")
            for verdict in verdicts
            if who == (verdict.goal.peer or verdict.goal.of)
        ]
    return "\n".join(out)


def _compared(figure: Figure, who: str) -> str:
    return f"{OURS} is {figure.ratio(OURS, who):.3g} x"


def whole(
    facts: Mapping[str, str],
    figures: Sequence[Figure],
    missing: Mapping[str, str],
    *,
    quick: bool,
) -> str:
    """All of a run."""
    out = [", ".join(f"{name} {fact}" for name, fact in facts.items()), ""]
    if quick:
        out.insert(0, "a quick run: the figures say nothing")
    for room, its in groupby(figures, key=lambda one: one.room):
        out += [f"-- {room}", *(lines(figure) for figure in its), ""]
    out += [f"left out: {name}, {why}" for name, why in missing.items()]
    verdicts = [verdict for figure in figures for verdict in figure.verdicts()]
    met = sum(verdict.is_met for verdict in verdicts)
    out.append(f"{met} of {len(verdicts)} goals met")
    return "\n".join(out)


def as_data(
    facts: Mapping[str, str],
    figures: Sequence[Figure],
    missing: Mapping[str, str],
    *,
    quick: bool,
) -> dict[str, Any]:
    """All of a run as plain data; seconds and bytes, whatever the table's units."""
    return {
        "quick": quick,
        "machine": dict(facts),
        "missing": dict(missing),
        "figures": [_figure_data(figure) for figure in figures],
    }


def _figure_data(figure: Figure) -> dict[str, Any]:
    return {
        "room": figure.room,
        "work": figure.work,
        "unit": figure.unit,
        "note": figure.note,
        "samples": {
            who: [float(f"{one:.6g}") for one in taken] for who, taken in figure.samples.items()
        },
        "goals": [
            {
                "of": verdict.goal.of,
                "peer": verdict.goal.peer,
                "faster": verdict.goal.faster,
                "at_most": verdict.goal.at_most,
                "measured": float(f"{verdict.measured:.4g}"),
                "met": verdict.is_met,
                "why": verdict.goal.why,
            }
            for verdict in figure.verdicts()
        ],
    }
