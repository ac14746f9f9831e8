"""Docs mode: a notebook shows the same at every execution, in every home, on every machine.

This is the one place where a thing of ours becomes what a cell shows: as it is, or made steady.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroError, UsageError
from hero_kernel.heroscript import Place
from hero_kernel.provenance import ELSEWHERE
from hero_kernel.report import MIME, Report, to_html
from hero_kernel.report.steady import Steady, is_of_time
from hero_kernel.report.text import plain, to_text
from magics.display import Line, Refusal, Sheet, Table, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel import Session

VARIABLE = "HERO_DOCS"
"""The environment variable that asks for it."""

_YES, _NO = ("1", "yes", "true", "on"), ("", "0", "no", "false", "off")

VOLATILE = frozenset(
    [
        "run", "start", "started", "end", "time", "when", "at", "since", "changed", "age", "took",
        "last seen", "heartbeat", "pid", "host", "holder", "who is on it", "id",
    ]
)  # fmt: skip
"""Headings of columns that are left out, as far as ` (UTC)` does not say it already."""

VOLATILE_ROWS = frozenset(
    ["set", "key in use", "id", "guid", "start (UTC)", "end (UTC)", "who is on it"]
)
"""Likewise in tables without headings, by what stands first in a row."""

VOLATILE_FACTS = ("front end", "notebook")
"""Likewise among the facts below a line, by what stands before the colon."""


def decided(
    asked: bool | None, environ: Mapping[str, str], project: bool | None = None
) -> tuple[bool, str]:
    """Whether things are shown steady, and who said so; the first that says anything.

    Args:
        asked: What `%hero_context --docs` or `--no-docs` said last; None when neither did.
        environ: Environment variables: `HERO_DOCS`.
        project: What the configuration of the notebook's project says; None for nothing.

    Raises:
        UsageError: `HERO_DOCS` is neither yes nor no.
    """
    if asked is not None:
        return asked, f"%hero_context --{'' if asked else 'no-'}docs"
    text = environ.get(VARIABLE, "").strip().lower()
    if text not in (*_YES, *_NO):
        raise UsageError(f"{VARIABLE}={text} is neither yes nor no", hint=f"set {VARIABLE}=1")
    if not text and project is not None:
        return project, "the project's configuration"
    return text in _YES, f"{VARIABLE} in the environment" if text else ""


def steady_for(home: Path, session: Session | None, folder: Path | None) -> Steady:
    """What stands for the folders and names of this machine.

    Args:
        home: The workspace's.
        session: The one that is shown; its context has the code root.
        folder: The notebook's.
    """
    stands: dict[Path, str] = {}
    if folder is not None:
        stands[folder] = ""
    stands[home] = "HERO_HOME"
    if session is not None:
        stands[home / "db" / str(session.context.id)] = "HERO_HOME/db/…"
        stands.setdefault(session.context.coderoot, "CODEROOT")
    stands.setdefault(Path.home(), "~")
    folders: dict[str, str] = {}
    for path, name in stands.items():
        for spelt in (path, path.resolve()):  # a temporary folder of macOS is a link
            folders.setdefault(str(spelt), name)
    names = {}
    if session is not None and is_of_time(session.name):
        names[session.name] = "unnamed"
    scratch = Path(tempfile.gettempdir())
    return Steady(folders, names, tuple({str(scratch), str(scratch.resolve())}))


def steady(thing: Any, how: Steady) -> Any:  # noqa: PLR0911  # a return a kind
    """The thing as it is shown in docs mode; one of a kind that is not ours is left as it is."""
    match thing:
        case Report():
            return how.report(thing)
        case Table():
            return _table(thing, how)
        case Line():
            facts = (one for one in thing.details if one.partition(": ")[0] not in VOLATILE_FACTS)
            return Line(how.words(thing.text), tuple(map(how.words, facts)))
        case Sheet():
            return Sheet(tuple(steady(part, how) for part in thing.parts))
        case Refusal():
            return Refusal(tuple(map(how.words, thing.lines)))
        case Text() | Path():
            return type(thing)(how.text(str(thing)))
    return thing


def _table(table: Table, how: Steady) -> Table:
    is_sheet = not any(table.columns)  # what it is about stands in its first column
    kept = [
        at
        for at, heading in enumerate(table.columns)
        if not heading.endswith("(UTC)") and heading not in VOLATILE
    ]
    return replace(
        table,
        columns=tuple(table.columns[at] for at in kept),
        rows=tuple(
            tuple(how.text(row[at]).removesuffix(ELSEWHERE) for at in kept)
            for row in table.rows
            if not (is_sheet and row[0] in VOLATILE_ROWS)
        ),
        title=how.words(table.title),
        note=how.words(table.note),
    )


def steady_error(error: BaseException, how: Steady) -> None:
    """Make an error's own words steady."""
    if isinstance(error, HeroError):
        error.message, error.hint = how.words(error.message), how.words(error.hint)
        if isinstance(error.place, Place):
            error.place = replace(error.place, name=how.text(error.place.name))
        error.args = (error.message,)
    render = getattr(error, "_render_traceback_", None)
    if render is not None:
        lines = [how.words(line) for line in render()]
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]  # IPython's name


def bundle(thing: Any, *, docs: bool) -> dict[str, Any] | None:
    """A thing of ours in every form a front end may choose from; None for one of a foreign kind.

    Args:
        thing: Steady already, where `docs` says so.
        docs: Whether durations are left out.
    """
    if isinstance(thing, Report):
        html, text = to_html(thing, timed=not docs), to_text(thing, timed=not docs)
        return {"text/plain": text, "text/html": html, MIME: thing.document}
    if isinstance(thing, (Table, Line, Sheet, Refusal)):
        more = thing._repr_mimebundle_() if isinstance(thing, Table) else {}
        return {"text/plain": repr(thing), "text/html": thing._repr_html_(), **more}
    if isinstance(thing, Text):
        return {"text/plain": plain(thing)}
    return {"text/plain": repr(thing)} if docs and isinstance(thing, Path) else None
