"""Figures as a table for a terminal, as data, and as the page of the README."""

from __future__ import annotations

import html
from itertools import groupby
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.machine import PACKAGES
from benchmarks.measuring import OURS, Figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.measuring import Goal, Verdict

_SECONDS = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((1 << 20, "MiB"), (1 << 10, "KiB"), (1, "B"))


def spelt(value: float, unit: str) -> str:
    """A figure with three digits and a unit that suits it."""
    if unit in ("s", "B"):
        for size, name in _SECONDS if unit == "s" else _BYTES:
            if abs(value) >= size:
                return f"{digits(value / size)} {name}"
        return f"0 {unit}"
    return digits(value) + (f" {unit}" if unit == "%" else "")


def digits(value: float) -> str:
    """Three of them; more only before the point."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


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
            f"      goal {bound(verdict.goal, figure.unit)}: {_told(verdict, figure.unit)}, "
            + ("met" if verdict.is_met else "NOT met")
            + (f" ({verdict.goal.why})" if verdict.goal.why and not verdict.is_met else "")
            for verdict in verdicts
            if who == (verdict.goal.peer or verdict.goal.of)
        ]
    return "\n".join(out)


def bound(goal: Goal, unit: str) -> str:
    """What a goal asks for: a ratio, or a figure in its unit."""
    return str(goal) if goal.peer else f"≤ {spelt(goal.at_most or 0, unit)}"


def _told(verdict: Verdict, unit: str) -> str:
    return digits(verdict.measured) if verdict.goal.peer else spelt(verdict.measured, unit)


def _compared(figure: Figure, who: str) -> str:
    return f"{OURS} is {digits(figure.ratio(OURS, who))} x"


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


# The page


def summary(*runs: Mapping[str, Any]) -> dict[str, Any]:
    """What the page is made of, from what runs wrote: medians, ranges and ratios, no samples.

    Args:
        runs: As `as_data` made them. A figure of a later one replaces the same of an earlier one;
            the machine is the last one's.

    Raises:
        ValueError: There is none, or one was quick: its figures say nothing.
    """
    if not runs or any(run["quick"] for run in runs):
        raise ValueError("a quick run has no figures for a page" if runs else "there is no run")
    figures = {
        (one["room"], one["work"], one["note"]): one for run in runs for one in run["figures"]
    }
    return {
        "machine": runs[-1]["machine"],
        "missing": {name: why for run in runs for name, why in run["missing"].items()},
        "figures": [_short(one) for one in sorted(figures.values(), key=lambda one: one["room"])],
    }


def _short(told: Mapping[str, Any]) -> dict[str, Any]:
    figure = Figure(told["room"], told["work"], told["unit"], told["samples"])
    sides = {}
    for who, taken in figure.samples.items():
        side = {"median": median(taken), "least": min(taken), "most": max(taken)}
        if who != OURS and OURS in figure.samples:
            side["ours"] = figure.ratio(OURS, who)
        sides[who] = {name: float(f"{one:.4g}") for name, one in side.items()}
    return {
        **{name: told[name] for name in ("room", "work", "unit", "note", "goals")},
        "sides": sides,
    }


_HEAD = ("area", "what", "hero", "against", "ratio", "goal", "met")
_COUNTS = ("measured", "goals met")
_MORE = ("area", "what", "hero", "against", "ratio")


def page(data: Mapping[str, Any]) -> str:
    """The section of the README, in Markdown, from what `summary` made.

    How many goals are met, what was not reached and why; folded, a row for every goal, and the
    other figures.
    """
    figures = data["figures"]
    goals = [(figure, goal) for figure in figures for goal in figure["goals"]]
    met = sum(goal["met"] for _, goal in goals)
    missed = [_missed(figure, goal) for figure, goal in goals if not goal["met"]]
    others = [row for figure in figures for row in _other_rows(figure)]
    out = [_machine(data["machine"]), "", f"{met} of {len(goals)} goals are met.", ""]
    if goals:
        out += _markdown(_COUNTS, _counts(goals))
    if missed:
        out += ["", "Not reached:", "", *missed]
    if data["missing"]:
        left = ", ".join(f"{_cell(name)} ({_cell(why)})" for name, why in data["missing"].items())
        out += ["", f"Left out: {left}."]
    if goals:
        rows = [_goal_row(figure, goal) for figure, goal in goals]
        out += _folded("Every goal, and what was measured", _markdown(_HEAD, rows))
    if others:
        out += _folded("Figures without a goal", _markdown(_MORE, others))
    return "\n".join(out)


def _counts(goals: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[Sequence[str]]:
    """A row an area: how many of its goals are met."""
    rows: list[Sequence[str]] = []
    for room, its in groupby(goals, key=lambda one: one[0]["room"]):
        met = [goal["met"] for _, goal in its]
        rows.append((_cell(room), f"{sum(met)} of {len(met)}"))
    return rows


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return ["", "<details>", f"<summary>{title}</summary>", "", *lines, "", "</details>"]


def _machine(facts: Mapping[str, str]) -> str:
    """One line, of facts that say nothing about whose machine it is."""
    memory = facts.get("memory", "").removesuffix(" kB")
    sync = facts.get("append and fdatasync", "")
    known = [
        facts.get("processor", ""),
        f"{facts['cores']} cores" if "cores" in facts else "",
        f"{int(memory) / (1 << 20):.0f} GiB of memory" if memory.isdecimal() else "",
        facts.get("system", ""),
        facts.get("python", ""),
        f"SQLite {facts['sqlite']}" if "sqlite" in facts else "",
        f"an append with fdatasync in {sync}" if sync else "",
        *(f"{name} {facts[name]}" for name in PACKAGES if name in facts and name != "hero-kernel"),
    ]
    line = ", ".join(_cell(one) for one in known if one)
    return f"Measured on {facts['date']}: {line}." if "date" in facts else f"Measured on: {line}."


def _markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; an area, and what was done, is said once where it stays the same."""
    out = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    before: Sequence[str] = ("", "")
    for row in rows:
        shown = list(row)
        if row[:2] == before[:2]:
            shown[:2] = "", ""
        elif row[0] == before[0]:
            shown[0] = ""
        out.append(f"| {' | '.join(shown)} |")
        before = row
    return out


def _cell(text: str) -> str:
    """Text that is nothing but text in a table of Markdown."""
    text = html.escape(" ".join(text.split()), quote=False)
    return "".join(f"\\{char}" if char in "\\|*_`[]~" else char for char in text)


def _what(figure: Mapping[str, Any]) -> str:
    return _cell(figure["work"] + (f" ({figure['note']})" if figure["note"] else ""))


def _whose(figure: Mapping[str, Any], goal: Mapping[str, Any]) -> str:
    return _what(figure) + ("" if goal["of"] == OURS else f", {_cell(goal['of'])}")


def _side(figure: Mapping[str, Any], who: str) -> str:
    return spelt(figure["sides"][who]["median"], figure["unit"])


def _goal_row(figure: Mapping[str, Any], goal: Mapping[str, Any]) -> tuple[str, ...]:
    measured, limit = _goal_words(figure, goal)
    peer = goal["peer"]
    return (
        _cell(figure["room"]),
        _whose(figure, goal),
        _side(figure, goal["of"]),
        f"{_cell(peer)} {_side(figure, peer)}" if peer else "-",
        measured if peer else "-",
        limit,
        "yes" if goal["met"] else "**no**",
    )


def _goal_words(figure: Mapping[str, Any], goal: Mapping[str, Any]) -> tuple[str, str]:
    """What was measured, and the bound."""
    if not goal["peer"]:
        unit = figure["unit"]
        return spelt(goal["measured"], unit), f"≤ {spelt(goal['at_most'], unit)}"
    limit = goal["at_most"] if goal["faster"] is None else goal["faster"]
    measured = digits(goal["measured"])
    if not goal["met"] and measured == digits(limit):
        measured = f"{goal['measured']:g}"  # rounded, it would look as if it were met
    if goal["faster"] is None:
        return f"{measured} x", f"≤ {limit:g} x"
    return f"{measured} x {'as fast' if figure['unit'] == 's' else 'less'}", f"≥ {limit:g} x"


def _missed(figure: Mapping[str, Any], goal: Mapping[str, Any]) -> str:
    measured, limit = _goal_words(figure, goal)
    peer = f", against {_cell(goal['peer'])}" if goal["peer"] else ""
    why = f": {_cell(goal['why'])}" if goal["why"] else ""
    what = _whose(figure, goal)
    return f"- {_cell(figure['room'])}, {what}{peer}: {measured}, not {limit}{why}."


def _other_rows(figure: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Those that no goal is about, a row each; a figure of ours alone has one."""
    sides = figure["sides"]
    told = {name for goal in figure["goals"] for name in (goal["of"], goal["peer"])}
    others = [who for who in sides if who not in told and who != OURS]
    hero = _side(figure, OURS) if OURS in sides else "-"
    if not others and OURS not in told and OURS in sides:
        return [(_cell(figure["room"]), _what(figure), hero, "-", "-")]
    return [
        (
            _cell(figure["room"]),
            _what(figure),
            hero,
            f"{_cell(who)} {_side(figure, who)}",
            f"{digits(sides[who]['ours'])} x" if "ours" in sides[who] else "-",
        )
        for who in others
    ]
