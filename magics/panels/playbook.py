"""The panel of a session's playbook: what waits, what runs now, and what was run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel.actors import written
from hero_kernel.errors import HeroscriptError, PlaybookError, UsageError
from hero_kernel.report.text import first_line, plain, summary, to_text
from magics.display import Line, Table
from magics.panels import given, reports
from magics.panels.view import Followed, magic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Report, Session
    from hero_kernel.heroscript import Action
    from hero_kernel.playbook import Playbook, Removed
    from hero_kernel.report import Result
    from hero_kernel.runner import Underway
    from magics.doorway import Door

PAGE = 100
"""Actions that are shown at once."""

STILL = 40
"""Actions that a saved notebook shows."""

MAX_VALUE = 120
"""Characters of a parameter in a row; the row opens to all of it."""

KEPT = 20
"""Kept runs that are listed."""

RUNS = {"run": (), "dry run": ("--dry-run",)}
"""How what waits is carried out, and the options that say so."""


class View(Followed):
    """The actions that wait in the session of this kernel, and the runs."""

    kind = "playbook"

    def __init__(self, door: Door, session: Session | None = None) -> None:
        super().__init__(door, session)
        self._removed: tuple[Playbook, Removed] | None = None
        self._kept: tuple[object, Report | None] | None = None

    def session(self) -> Session:
        """The session that is shown: the notebook's own object of it, which has the queue."""
        session, own = super().session(), self.door.workspace.selected_session
        return own if own is not None and own == session else session

    @property
    def title(self) -> str:
        """The session's name with its context's."""
        return f"playbook of {self.session().guid}"

    def mark(self) -> object:
        """What is queued and done, who handles it, and where the run is."""
        session, workspace = self.session(), self.door.workspace
        book, run = session.plbook, self._underway()
        find = workspace.actors.find
        told: object = None
        if run is not None:
            current = run.current()
            ended = len(run.outcomes())
            told = (id(run.playbook), self._is_going(run), ended, run.progress(), id(current))
        return (
            session.guid,
            id(book),
            book.version,
            hash(tuple((one.done, find(one.full_name) is None) for one in book.actions)),
            session.runs_mark,
            told,
        )

    def state(self) -> dict[str, Any]:
        """The first actions of the queue, and the run that goes on or was the last."""
        session = self.session()
        return {
            "queue": self._page(),
            "run": self._run_state(),
            "kept": session.runs_mark,
            "undo": self._removed is not None and self._removed[0] is session.plbook,
        }

    def still(self) -> Sequence[Table | Line]:
        """The first actions of the queue, and what the last run came to."""
        queue = self._page()
        rows = tuple(
            (
                str(row["n"]),
                str(row["priority"]),
                row["action"],
                " ".join(f"{key}:{value}" if key else value for key, value in row["params"]),
                row["status"],
                row["place"],
            )
            for row in queue["rows"][:STILL]
        )
        columns = ("n", "priority", "action", "parameters", "status", "place")
        note = "" if rows else "nothing is queued"
        table = Table(columns, rows, self.title, note, total=queue["total"])
        report = self._report()
        if report is None:
            return [table]
        said = summary(report, timed=not self.door.docs)  # how long it took is another time's
        return [table, Line(f"last run: {said}")]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Pages, what is behind a row, the lines that run what waits; and actions are removed."""
        return {
            "page": self._page,
            "action": self._action,
            "ask_run": self._ask_run,
            "ask_retry": self._ask_retry,
            "remove": self._remove,
            "undo": self._undo,
            "runs": self._runs,
            "run_head": self._run_head,
            "run_page": self._run_page,
            "run_row": self._run_row,
            "run_text": self._run_text,
        }

    def _page(self, *, start: int = 0, text: str = "") -> dict[str, Any]:
        start, text = given.number(start, "the row"), given.text(text, "the text").lower()
        book = self.session().plbook
        results = self._results()
        found = [
            (number, action)
            for number, action in enumerate(book.actions_sorted(), 1)
            if not text or text in _searched(action)
        ]
        names: dict[str, int] = {}
        for one in book.find():
            names[one.full_name] = names.get(one.full_name, 0) + 1
        return {
            "rows": [
                self._row(number, one, results)
                | {"alone": not one.done and names.get(one.full_name) == 1}
                for number, one in found[start : start + PAGE]
            ],
            "start": start,
            "found": len(found),
            "total": len(book),
            "waiting": sum(names.values()),
        }

    def _row(self, number: int, action: Action, results: Mapping[int, Result]) -> dict[str, Any]:
        status, said = self._status(action, results.get(id(action)))
        return {
            "id": action.id,
            "was": self._digest(action),
            "n": number,
            "priority": action.priority,
            "action": plain(action.full_name),
            "params": reports.params(self.door.workspace, action, MAX_VALUE),
            "place": plain(action.where),
            "status": status,
            "said": said,
        }

    def _status(self, action: Action, result: Result | None) -> tuple[str, str]:
        """How an action of the queue stands, and what is said of it."""
        run = self._underway()
        if run is not None and self._is_going(run) and run.current() is action:
            return reports.RUNNING, ""
        said = "" if result is None else reports.cut(first_line(result), MAX_VALUE)
        if result is not None and (action.done or result.status in ("failed", "interrupted")):
            return result.status.value, said
        if action.done:
            return "done", ""
        if self.door.workspace.actors.find(action.full_name) is None:
            return "no handler", ""
        return reports.WAITING, said

    def _digest(self, action: Action) -> str:
        workspace = self.door.workspace
        try:
            handler = workspace.actors.find(action.full_name)
            return written.digest(action, handler, workspace.redactor.mask)
        except HeroscriptError:  # its parameters cannot be read: it says so itself
            return action.full_name

    def _found(self, number: object, was: object) -> Action:
        """The action of the queue that the front end means.

        Raises:
            PlaybookError: It is not there any more.
        """
        number = given.number(number, "the action")
        for one in self.session().plbook.actions:
            if one.id == number and self._digest(one) == was:
                return one
        raise PlaybookError("this action is not in the queue any more", hint="look again")

    def _action(self, *, number: int, was: str, whole: bool = False) -> dict[str, Any]:
        action = self._found(number, was)
        item = self._results().get(id(action), action)
        return reports.details(self.door.workspace, item, whole=whole)

    def _ask_run(self, *, how: str, only: str = "") -> str:
        self._check_own()
        options = RUNS[given.one_of(how, "how", *RUNS)]
        one = given.text(only, "the action")
        return magic("heroscript", "--queued", *options, *(("--only", one) if one else ()))

    def _ask_retry(self) -> str:
        self._check_own()
        return magic("heroscript", "--retry")

    def _check_own(self) -> None:
        """Refuse to run what the line would not run: it is about the notebook's session."""
        if not self.is_notebooks:
            raise UsageError(
                f"the notebook is not on session {self.session().name}",
                hint="%hero_session NAME takes it there",
            )

    def _remove(self, *, number: int, was: str) -> None:
        book = self.session().plbook
        self._removed = book, book.remove(self._found(number, was))

    def _undo(self) -> None:
        book, removed = self._removed or (None, None)
        if book is None or removed is None or book is not self.session().plbook:
            raise UsageError("there is nothing to put back")
        book.put_back(removed)
        self._removed = None

    def _underway(self) -> Underway | None:
        """The session's run that goes on in this kernel, or the last one that did."""
        run = self.door.workspace.running.underway
        return run if run is not None and run.session == self.session() else None

    def _is_going(self, run: Underway) -> bool:
        return self.door.workspace.running.is_running and run.report is None

    def _results(self) -> dict[int, Result]:
        """How actions ended in that run, by what Python knows them by."""
        run = self._underway()
        return {} if run is None else {id(action): result for action, result in run.outcomes()}

    def _report(self, run: str = "") -> Report | None:
        """A kept run; without a name the last one, also a dry run, if it has ended.

        Raises:
            SessionError: There is none of that name.
        """
        session, last = self.session(), self._underway()
        if not run and last is not None:
            return last.report
        key = session.guid, run or session.runs_mark
        if self._kept is None or self._kept[0] != key:
            if run:
                self._kept = key, session.run_get(run)
            else:
                self._kept = key, next(iter(session.run_list(1)), None)
        return self._kept[1]

    def _items(self, run: object) -> tuple[Sequence[Result | Action], Action | None]:
        """What the rows of a run are about, and which of it is being carried out."""
        report = self._report(given.text(run, "the run"))
        if report is not None:
            return report.results, None
        going = self._underway()
        if going is None:
            return (), None
        ended = going.outcomes()
        begun = {id(action) for action, _ in ended}
        left = [
            one for one in going.playbook.actions_sorted() if not one.done and id(one) not in begun
        ]
        running = going.current() if self._is_going(going) else None
        return [*(result for _, result in ended), *left], running

    def _run_state(self) -> dict[str, Any] | None:
        report, going = self._report(), self._underway()
        if report is not None:
            more = {"head": reports.head(report), "left": bool(report.left), "progress": None}
        elif going is not None:
            is_going = self._is_going(going)
            more = {
                "head": {
                    "run": "",
                    "source": plain(going.source),
                    "started": "",
                    "summary": "dry run" if going.dry_run else "",
                    "ended": "" if is_going else "broken off",
                    "actions": "",
                },
                "left": False,
                "progress": self._progress(going) if is_going else None,
            }
        else:
            return None
        return {**more, "page": self._run_page(run="")}

    def _progress(self, going: Underway) -> dict[str, Any]:
        where = going.progress()
        if where is None:
            return {"number": 0, "total": len(going.playbook), "action": "", "said": ""}
        return {
            "number": where.number,
            "total": where.total,
            "action": plain(where.action),
            "said": plain(where.message),
            "fraction": where.fraction,
        }

    def _runs(self) -> list[dict[str, Any]]:
        return [reports.head(one) for one in self.session().run_list(KEPT)]

    def _run_head(self, *, run: str) -> dict[str, Any]:
        report = self._report(given.text(run, "the run"))
        if report is None:
            raise UsageError("no run has ended yet")
        return {"head": reports.head(report), "page": reports.page(report.results)}

    def _run_page(
        self, *, run: str, start: int = 0, status: str = "", text: str = ""
    ) -> dict[str, Any]:
        items, running = self._items(run)
        return reports.page(items, start=start, status=status, text=text, running=running)

    def _run_row(self, *, run: str, n: int, whole: bool = False) -> dict[str, Any]:
        items, _ = self._items(run)
        return reports.details(self.door.workspace, reports.item_at(items, n), whole=whole)

    def _run_text(self, *, run: str) -> str:
        report = self._report(given.text(run, "the run"))
        if report is None:
            raise UsageError("the run goes on", hint="wait until it has ended")
        return to_text(report)


def _searched(action: Action) -> str:
    """Where an action is found by a text; never in its values, which may be secret."""
    return f"{action.full_name} {action.where}".lower()
