"""`%%heroscript`: a cell's actions are carried out, and its output is the report."""

from __future__ import annotations

import uuid
from argparse import SUPPRESS
from pathlib import Path
from threading import Lock, Timer
from time import monotonic
from typing import TYPE_CHECKING, Any

from hero_kernel import Playbook, Report, heroscript
from hero_kernel.errors import HeroscriptError, UsageError
from hero_kernel.report import to_html
from magics.arguments import Help, Parser, words
from magics.cells import foreign_lines
from magics.display import Table
from magics.errors import raise_for

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.displaypub import DisplayPublisher

    from hero_kernel.runner import Progress
    from magics.door import Door

MIME = "application/vnd.hero.report+json"
"""The report as a document, beside its text and HTML."""

FIRST_PROGRESS_S = 0.3
"""A run that takes longer says where it is; a shorter one shows only its report."""

BETWEEN_PROGRESS_S = 0.2
"""At most five updates a second."""


def cell(door: Door, line: str, body: str) -> None:
    """Carry out a cell's actions.

    Raises:
        HeroError: The cell cannot be carried out as it stands; nothing ran.
        RunError: An action failed; the report is shown.
    """
    given = _parser("%%heroscript", files=False).parse_args(words(line))
    if given.help:
        _print(door, _parser("%%heroscript", files=False).format_help())
        return
    first_line = 1 if given.bare else given.line or 2  # the magic's own line is the first
    name = f"In[{_cell_number(door)}]"
    actions = heroscript.parse(body, name=name, first_line=first_line)
    if given.bare:
        _refuse_foreign_lines(body, actions, name)
    _run(door, Playbook(actions), given, source=name)


def line(door: Door, line: str) -> Help | Table | Report | None:
    """Carry out a file or folder, or show a run again.

    Raises:
        HeroError: It cannot be carried out as it stands; nothing ran.
        RunError: An action failed; the report is shown.
    """
    parser = _parser("%heroscript", files=True)
    given = parser.parse_args(words(line))
    if given.help:
        return Help(parser.format_help())
    if given.runs:
        return _kept(door)
    if given.show is not None:
        return door.session().run_get("" if given.show == "last" else given.show)
    if not given.file:
        raise UsageError("%heroscript has nothing to do", hint="%heroscript -f FILE")
    path = Path(given.file).expanduser().absolute()
    _run(door, Playbook.from_path(path), given, source=str(path))
    return None


def _parser(prog: str, *, files: bool) -> Parser:
    parser = Parser(prog, "Carry out actions, one after the other, in the notebook's session.")
    if files:
        parser.add_argument("-f", "--file", metavar="FILE", help="carry out a file or a folder")
        parser.add_argument("--runs", action="store_true", help="list the runs that are kept")
        parser.add_argument(
            "--show", nargs="?", const="last", metavar="RUN", help="show a kept run, or the last"
        )
    else:
        parser.add_argument("--bare", action="store_true", help=SUPPRESS)
        parser.add_argument("--line", type=int, default=0, help=SUPPRESS)
    parser.add_argument("-n", "--dry-run", action="store_true", help="check, and change nothing")
    parser.add_argument(
        "--continue", dest="keep_going", action="store_true", help="go on after a failure"
    )
    parser.add_argument("-o", "--out", metavar="VAR", help="put the report into a variable")
    parser.add_argument("-q", "--quiet", action="store_true", help="show only what failed")
    return parser


def _run(door: Door, playbook: Playbook, given: Namespace, *, source: str) -> None:
    if given.out is not None and not given.out.isidentifier():
        raise UsageError(f"--out {given.out} is no variable name", hint="write --out report")
    session = door.session()
    live = Live(door.shell.display_pub)
    report = Report(())
    try:
        report = door.workspace.run(
            session,
            playbook,
            source=source,
            strict=True,
            keep_going=given.keep_going,
            dry_run=given.dry_run,
            watch=live.watch,
        )
    finally:
        live.end(None if given.quiet and report.ok else report)
    if given.out:
        door.shell.user_ns[given.out] = report
    if any(result.status == "changed" for result in report.results):
        door.export(session)
    raise_for(report)


class Live:
    """One display: a line that says where the run is, then the report in its place.

    A timer shows the first line, so that a quick run costs one message and a slow action that
    says nothing is seen at work all the same.
    """

    def __init__(self, publisher: DisplayPublisher) -> None:
        self._publisher = publisher
        self._lock = Lock()
        self._display_id = ""
        self._last: Progress | None = None
        self._next_s = monotonic() + FIRST_PROGRESS_S
        self._timer = Timer(FIRST_PROGRESS_S, self._show)
        self._timer.daemon = True
        self._timer.start()

    def watch(self, progress: Progress) -> None:
        """Take in where the run is; shown now if it is time."""
        self._last = progress
        if monotonic() >= self._next_s:
            self._show()

    def _show(self) -> None:
        progress = self._last
        if progress is None:
            return
        with self._lock:
            if self._timer is None:
                return
            self._next_s = monotonic() + BETWEEN_PROGRESS_S
            said = f" {progress.message}" if progress.message else ""
            part = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            text = f"▶ {progress.number}/{progress.total} {progress.action}{said}{part}"
            self._publish({"text/plain": text})

    def end(self, report: Report | None) -> None:
        """Show the report where the line was; nothing for a quiet run that showed none."""
        self._timer.cancel()
        with self._lock:
            self._timer = None  # type: ignore[assignment]  # a timer that fires late sees it
            if report is not None and report.results:
                self._publish(bundle(report))
            elif self._display_id:
                self._publish({"text/plain": ""})

    def _publish(self, data: dict[str, Any]) -> None:
        update = bool(self._display_id)
        self._display_id = self._display_id or uuid.uuid4().hex
        self._publisher.publish(
            data, metadata={}, transient={"display_id": self._display_id}, update=update
        )


def bundle(report: Report) -> dict[str, Any]:
    """The report in every form a front end may choose from."""
    return {"text/plain": str(report), "text/html": to_html(report), MIME: report.to_dict()}


def _kept(door: Door) -> Table:
    session = door.session()
    rows = []
    for name in reversed(session.run_names()[-50:]):
        report = session.run_get(name)
        counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
        rows.append((name, report.started, report.source, counts))
    return Table(
        ("run", "started (UTC)", "of", "ended"),
        tuple(rows),
        title=f"session {session.guid}",
        note="%heroscript --show RUN shows one again" if rows else "no run is kept yet",
    )


def _refuse_foreign_lines(body: str, actions: list[heroscript.Action], name: str) -> None:
    """A bare cell is heroscript alone: text that would be passed over may be meant as Python.

    Raises:
        HeroscriptError: A line is neither an action's, nor blank, nor a comment.
    """
    source = actions[0].source if actions else None
    read = source.text if source is not None else body
    foreign = foreign_lines(read, [action.span for action in actions])
    if foreign:
        text = read.split("\n")[foreign[0] - 1]
        raise HeroscriptError(
            f"this line is no action: {text.strip()[:60]}",
            hint="indent it to continue an action, put Python into a cell of its own, "
            "or begin the cell with %%heroscript to have text between actions",
            place=heroscript.Place(name, foreign[0], 1, text),
        )


def _cell_number(door: Door) -> int:
    """The number the front end shows beside the cell.

    `execution_count` is already the next cell's in some versions of IPython; the history has
    one input more than there were cells before, in all of them.
    """
    history = door.shell.history_manager
    return door.shell.execution_count if history is None else len(history.input_hist_parsed) - 1


def _print(door: Door, text: str) -> None:
    door.shell.display_pub.publish({"text/plain": text}, metadata={})
