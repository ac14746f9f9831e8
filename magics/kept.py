"""Kept values as a table: what they are, where each came from, what changed since the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.provenance import UNKNOWN
from magics.display import Table

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from hero_kernel.kept import Shown
    from hero_kernel.provenance import Source

_MARKS = {"": "", "changed": "●", "new": "+"}

_NAMED = 5
"""Deleted values that are named; the others are counted."""


def kept_table(
    what: str,
    shown: Mapping[str, Shown],
    sources: Mapping[str, Source],
    *,
    title: str,
    notes: Sequence[str] = (),
    words: Iterable[str] = (),
    remark: Callable[[str], str] = lambda _: "",
    only_changed: bool = False,
) -> Table:
    """Kept values as they may be shown, with where they came from.

    Args:
        what: What each is, as the heading.
        shown: By name.
        sources: By name; see `Session.env_sources`.
        title: The line above.
        notes: For the line below.
        words: Names without a value.
        remark: What else there is to say of a name.
        only_changed: Whether to leave out what did not change since the last run.
    """
    rows = []
    for key, one in shown.items():
        source = sources.get(key, UNKNOWN)
        if not only_changed or source.changed:
            state = ", ".join(said for said in (one.state, remark(key)) if said)
            rows.append((_MARKS[source.changed], key, one.text, state, str(source), source.at))
    if not only_changed:
        rows += [("", word, "", "", "", "") for word in words]
    if any(one.state == "locked" for one in shown.values()):
        notes = (*notes, "%hero_secret unlock unlocks them")
    if any(row[0] for row in rows):
        notes = (*notes, "since the last run: ● changed, + new")
    gone = [key for key, source in sources.items() if source.changed == "deleted"]
    if gone:
        notes = (*notes, f"deleted since the last run: {_listing(gone, sources)}")
    elif only_changed and not rows:
        notes = ("nothing changed since the last run that is kept",)
    return _table(what, rows, title, " · ".join(notes))


def _table(what: str, rows: Sequence[tuple[str, ...]], title: str, note: str) -> Table:
    """Without the columns that would be empty."""
    columns = ("", what, "value", "state", "source", "when (UTC)")
    used = [at for at in range(len(columns)) if at in (1, 2, 4, 5) or any(row[at] for row in rows)]
    return Table(
        tuple(columns[at] for at in used),
        tuple(tuple(row[at] for at in used) for row in rows),
        title=title,
        note=note,
    )


def _listing(names: Sequence[str], sources: Mapping[str, Source]) -> str:
    said = [f"{name} ({sources[name]})" for name in names[:_NAMED]]
    more = len(names) - len(said)
    return ", ".join(said) + (f" and {more} more" if more else "")


def changed_argument(parser: ArgumentParser) -> None:
    """Add `--changed`."""
    parser.add_argument(
        "--changed", action="store_true", help="only what changed since the last run"
    )
