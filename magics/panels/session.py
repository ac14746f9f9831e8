"""The panel of a session: why the notebook is on it, who else is, what it holds, its last runs."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from hero_kernel import leases, runs, sessions
from hero_kernel.errors import BadNameError, HeroError, HeroscriptError
from hero_kernel.report.text import duration, to_text
from magics.display import Line, Table
from magics.panels import acts, given
from magics.panels.holders import holders, on
from magics.panels.view import Followed
from magics.status import decided, why

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hero_kernel import Report, Session
    from hero_kernel.databases import Database
    from hero_kernel.leases import Lease
    from hero_kernel.sessions import SessionConfig

RUNS = 10
"""Runs that are listed: the last ones."""

_MAX_REPORT = 200_000
"""Characters of a report that are sent."""


@dataclass(frozen=True)
class _Records:
    """What the records say of a session.

    Attributes:
        as_of: Another value after every change of theirs.
        config: The session's own.
        leases: Of those who are on it, and of those who were.
        params: How many parameters it has.
        folder: Where it keeps its log and its runs; it need not be there.
        database: Its own; None when there can be none.
    """

    as_of: object
    config: SessionConfig
    leases: list[Lease]
    params: int
    folder: Path
    database: Database | None


class View(Followed):
    """A session: how the notebook came to it, who is on it, and what there is in it."""

    kind = "session"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._read: _Records | None = None
        self._runs: tuple[object, int, list[Report]] = (None, 0, [])
        self._entries: tuple[object, int | None] = (None, None)

    @property
    def title(self) -> str:
        """The session's name with its context's."""
        session = self.session()
        return f"session {session.name} of context {session.context.name}"

    def mark(self) -> object:
        """What the records say, who is on it, and the state of its files."""
        session = self.session()
        records = self._records(session)
        live, taken_by = on(self.door, session, records.leases)
        return (
            records.as_of,
            self.is_notebooks,
            tuple(one.holder for one in live),
            taken_by,
            runs.mark(str(records.folder)),
            _size(records.folder / "logs"),
            _stat(records.database),
        )

    def state(self) -> dict[str, Any]:
        """What it is, who is on it, what it holds, and its last runs."""
        session = self.session()
        records, context = self._records(session), session.context
        config = records.config
        live, taken_by = on(self.door, session, records.leases)
        count, last = self._kept_runs(session, records.folder)
        return {
            "name": session.name,
            "context": context.name,
            "id": context.id,
            "guid": session.guid,
            "here": self.is_notebooks,
            "decided": dict(decided(self.door.workspace)) if self.is_notebooks else {},
            "start": config.start,
            "end": "" if live else config.end,
            "killed": config.is_killed,
            "description": config.description,
            "interactive": config.interactive,
            "ephemeral": config.ephemeral,
            "notebook": config.notebook,
            "holders": holders(self.door, live),
            "taken_by": taken_by,
            "env": len(config.env),
            "params": records.params,
            "entries": self._count(records.database),
            "log": _size(records.folder / "logs"),
            "runs": count,
            "last": [_row(report) for report in last],
        }

    def still(self) -> Sequence[Table | Line]:
        """What it is and what it holds, and its last runs."""
        session = self.session()
        state = self.state()
        is_docs = self.door.docs
        entries = state["entries"]
        rows = {
            "context": state["context"],
            "guid": state["guid"],
            **{f"{what} named by": giver for what, giver in state["decided"].items()},
            "start (UTC)": state["start"],
            "end (UTC)": state["end"],
            "who is on it": ", ".join(one["label"] for one in state["holders"]),
            "description": state["description"],
            "env": str(state["env"]),
            "params": str(state["params"]),
            "database": "" if entries is None else f"{entries:,} entries",
            "log": "" if is_docs or not state["log"] else f"{state['log']:,} bytes",
            "runs": "" if is_docs else str(state["runs"]),
        }
        told = tuple((name, text) for name, text in rows.items() if text)
        parts: list[Table | Line] = [Line(repr(session))] if self._fixed is not None else []
        parts.append(Table(("", ""), told, title=f"session {session.name}"))
        if state["last"] and not is_docs:  # what ran before changes with every execution
            heads = ("run", "started (UTC)", "result", "took", "source")
            lines = tuple(
                (one["run"], one["started"], one["said"], one["took"], one["source"])
                for one in state["last"]
            )
            parts.append(Table(heads, lines, title="last runs", total=state["runs"]))
        return parts

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """How it was bound, a run's report, and what can be done with it; see `acts`."""
        door, context = self.door, self.session().context
        found: dict[str, Callable[..., Any]] = {"why": self._why, "run": self._run}
        for name in ("use", "rename", "end", "delete", "reset", "export", "describe"):
            found[name] = partial(getattr(acts, name), door, context)
        found["interact"] = partial(acts.interact, context)
        return found

    def _why(self) -> list[str]:
        """How the binding was decided, in lines; none for a session the notebook is not on."""
        return list(why(self.door.workspace, self.session())) if self.is_notebooks else []

    def _run(self, *, run: str) -> dict[str, Any]:
        """A run's report as text."""
        report = self.session().run_get(given.text(run, "the run") or " ")
        text = to_text(report)
        return {"text": text[:_MAX_REPORT], "cut": len(text) > _MAX_REPORT}

    def _records(self, session: Session) -> _Records:
        """What the records say, which is asked all the time; read anew when they have changed."""
        context = session.context
        store = context.host.store
        as_of = session.guid, store.revision(context.id)
        found = self._read
        if found is None or found.as_of != as_of:
            found = self._read = _Records(
                as_of,
                session.config,
                leases.every(store, context.id, session.name),
                _params(session),
                context.path / session.name,  # `Session.path` would make it
                _database(session),
            )
        return found

    def _kept_runs(self, session: Session, folder: Path) -> tuple[int, list[Report]]:
        """How many runs are kept, and the last; read anew when one was kept since."""
        as_of = folder, runs.mark(str(folder))
        if self._runs[0] != as_of:
            found = (len(session.run_names()), session.run_list(RUNS)) if as_of[1] else (0, [])
            self._runs = as_of, *found
        return self._runs[1], self._runs[2]

    def _count(self, own: Database | None) -> int | None:
        """How many entries its database has; None when there is none, or it cannot be read."""
        as_of = _stat(own)
        if self._entries[0] != as_of or own is None:
            count = None
            with suppress(HeroError):
                count = own.info().entries if own is not None and as_of is not None else None
            self._entries = as_of, count
        return self._entries[1]


def _database(session: Session) -> Database | None:
    with suppress(BadNameError):  # herolib may have made a name that no database can have
        return session.context.dbcollection().get(sessions.database(session.name))
    return None


def _stat(own: Database | None) -> tuple[object, ...] | None:
    """What tells that a database has changed; None when it is not there."""
    if own is None:
        return None
    try:
        found = os.stat(own.path)  # noqa: PTH116  # asked four times a second
    except OSError:
        return None
    return str(own.path), found.st_ino, found.st_mtime_ns, found.st_size


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; none where there is no folder."""
    size = 0
    with suppress(OSError), os.scandir(folder) as found:
        for one in found:
            with suppress(OSError):
                size += one.stat(follow_symlinks=False).st_size
    return size


def _params(session: Session) -> int:
    with suppress(HeroscriptError):  # what is kept does not parse: the panel of parameters tells
        return len(session.params_shown())
    return 0


def _row(report: Report) -> dict[str, Any]:
    said = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    return {
        "run": report.run,
        "started": report.started,
        "ended": report.ended,
        "said": f"{report.ended}: {said}" if said else report.ended,
        "took": duration(report.duration_s),
        "source": report.source,
    }
