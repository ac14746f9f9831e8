"""`%%heroscript`: a cell's actions are carried out, and its output is the report."""

from __future__ import annotations

from argparse import SUPPRESS
from functools import cache, lru_cache
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import Playbook, Report, heroscript
from hero_kernel.errors import HeroscriptError, UnknownActionError, UsageError
from magics.arguments import Help, Parser, words
from magics.cells import foreign_lines
from magics.display import Table
from magics.door import cell_number
from magics.errors import advise, raise_for
from magics.expected import expect_argument, expected
from magics.live import Live

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from magics.display import Refusal
    from magics.door import Door


def cell(door: Door, line: str, body: str) -> Help | Refusal | None:
    """Carry out a cell's actions, or explain how.

    Raises:
        HeroError: The cell cannot be carried out as it stands; nothing ran.
        RunError: An action failed; the report is shown.
        ExpectationError: It was to fail, and did not.
    """
    given = _given("%%heroscript", line, files=False)
    if given.help:
        return Help(_parser("%%heroscript", files=False).format_help())
    return _as_expected(given, lambda: _cell(door, given, body))


def _cell(door: Door, given: Namespace, body: str) -> None:
    name = f"In[{cell_number(door.shell)}]"
    actions = heroscript.parse(body, name=name, first_line=_first_line(door.raw_cell, body, given))
    if given.bare:
        _refuse_foreign_lines(body, actions, name)
    try:
        is_whole = given.bare or door.raw_cell.lstrip().startswith("%%heroscript")
        _run(door, Playbook(actions), given, source=name, is_whole_cell=is_whole)
    except UnknownActionError as error:
        if given.bare or given.line:
            advise(error, "a shell command begins with one !")
        raise


def line(door: Door, line: str) -> Help | Table | Report | Refusal | None:
    """Carry out a file or folder, or show a run again.

    Raises:
        HeroError: It cannot be carried out as it stands; nothing ran.
        RunError: An action failed; the report is shown.
        ExpectationError: It was to fail, and did not.
    """
    parser = _parser("%heroscript", files=True)
    given = _given("%heroscript", line, files=True)
    if given.help:
        return Help(parser.format_help())
    if given.retry:
        _check_alone("--retry", given, hint=_RETRIES)
        _run(door, None, given, source="")
        return None
    if given.queued:
        _check_alone("--queued", given, hint=_QUEUED)
        return _as_expected(given, lambda: _queued(door, given))
    if given.runs:
        return _kept(door)
    if given.show is not None:
        return door.session().run_get("" if given.show == "last" else given.show)
    if given.resume and not given.file:
        raise UsageError(
            "%heroscript --resume needs a file",
            hint="add -f FILE; above the actions of a cell write %%heroscript --resume; "
            "%heroscript --retry carries out what the last run left",
        )
    if not given.file:
        raise UsageError("%heroscript has nothing to do", hint=f"usage: {parser.usage_line()}")
    return _as_expected(given, lambda: _file(door, given))


def _file(door: Door, given: Namespace) -> None:
    path = Path(given.file).expanduser().absolute()
    _run(door, Playbook.from_path(path), given, source=str(path))


def _queued(door: Door, given: Namespace) -> None:
    session = door.session()
    if not session.plbook.find():
        raise UsageError(
            f"nothing waits in session {session.name}",
            hint="session.playbook_add queues actions, in Python",
        )
    _run(door, session.plbook, given, source="queue", strict=False)


def _as_expected(given: Namespace, act: Callable[[], None]) -> Refusal | None:
    if given.expect_error is not None:
        return expected(given.expect_error, act, but=(UsageError,))
    act()
    return None


REFERENCES = """\
values from elsewhere, in any value of an action:
  ${env:NAME}     a variable of the session
  ${param:name}   a parameter of the session
  ${secret:NAME}  a named secret of the context; reports and logs keep the reference
  ${py:EXPR}      Python of the notebook, in a cell with --py; evaluated once, before anything runs
  {NAME}          a variable of the session, if there is one of that name; else it stays
  $${env:NAME}    the text ${env:NAME} itself
What names nothing is an error, and before anything runs if no action before it can define it."""
"""What `-h` says of values that are not in the script."""


@cache  # building one costs as much as running a few actions
def _parser(prog: str, *, files: bool) -> Parser:
    parser = Parser(prog, "Carry out actions, one after the other, in the notebook's session.")
    parser.epilog = REFERENCES
    parser.set_defaults(py=False)
    if files:
        parser.add_argument("-f", "--file", metavar="FILE", help="carry out a file or a folder")
        parser.add_argument(
            "--retry", action="store_true", help="carry out again what the last run left"
        )
        parser.add_argument(
            "--queued", action="store_true", help="carry out what waits in the session's playbook"
        )
        parser.add_argument("--runs", action="store_true", help="list the runs that are kept")
        parser.add_argument(
            "--show", nargs="?", const="last", metavar="RUN", help="show a kept run, or the last"
        )
    else:
        parser.add_argument(
            "--py", action="store_true", help="evaluate ${py:…} in the cell, as Python of its own"
        )
        parser.add_argument("--bare", action="store_true", help=SUPPRESS)
        parser.add_argument("--line", type=int, default=0, help=SUPPRESS)
    parser.add_argument("-n", "--dry-run", action="store_true", help="check, and change nothing")
    parser.add_argument(
        "--continue", dest="keep_going", action="store_true", help="go on after a failure"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ACTOR[.ACTION]",
        help="carry out only these; again for more, and with wildcards: 'git.*'",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="pass over what the last run of these actions has done, if it did not finish",
    )
    parser.add_argument("-o", "--out", metavar="VAR", help="put the report into a variable")
    parser.add_argument("-q", "--quiet", action="store_true", help="show only what failed")
    expect_argument(parser)
    return parser


def line_parser(prog: str) -> Parser:
    """What reads the line of `%heroscript`, or of `%%heroscript`."""
    return _parser(prog, files=prog == "%heroscript")


@lru_cache(maxsize=32)
def _given(prog: str, line: str, *, files: bool) -> Namespace:
    """What a line says; to be read only. Mostly it says nothing, and is the same for every cell."""
    return _parser(prog, files=files).parse_args(words(line))


def _run(
    door: Door,
    playbook: Playbook | None,
    given: Namespace,
    *,
    source: str,
    strict: bool = True,
    is_whole_cell: bool = False,
) -> None:
    """Carry a playbook out, or again what the last run left, and show the report."""
    if given.out is not None and (not given.out.isidentifier() or iskeyword(given.out)):
        raise UsageError(f"--out {given.out} is no variable name", hint="write --out report")
    session = door.session()
    docs = door.docs
    live = Live(
        door.shell.display_pub,
        None if docs else door.ticker,
        is_whole_cell=is_whole_cell,
        bundle=door.shown if docs else None,
    )
    report = None
    try:
        if playbook is None:
            report = door.workspace.retry(session, dry_run=given.dry_run, watch=live.watch)
        else:
            report = door.workspace.run(
                session,
                playbook,
                source=source,
                strict=strict,
                keep_going=given.keep_going,
                dry_run=given.dry_run,
                watch=live.watch,
                only=given.only,
                resume=given.resume,
                variables=door.shell.user_ns if given.py else None,
            )
    finally:
        live.end(None if given.quiet and report is not None and report.ok else report)
    if given.out:
        door.shell.user_ns[given.out] = report
    if any(result.status == "changed" for result in report.results):
        door.export(session)
    raise_for(report)


_RETRIES = "it carries out what the last run left, with that run's options"
_QUEUED = "it carries out what waits in the session's playbook"


def _check_alone(option: str, given: Namespace, *, hint: str) -> None:
    """Refuse what `--retry` and `--queued` cannot have: they say which actions are carried out.

    Raises:
        UsageError: It was given with another that says so too, or that shows what was run.
    """
    also = {"-f": given.file, "--show": given.show, "--runs": given.runs}
    if option == "--retry":
        also |= {
            "--queued": given.queued,
            "--only": given.only,
            "--resume": given.resume,
            "--continue": given.keep_going,
        }
    for other, value in also.items():
        if value:
            raise UsageError(f"{option} does not go with {other}", hint=hint)


def _kept(door: Door) -> Table:
    session = door.session()
    rows = []
    for report in session.run_list():
        counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
        rows.append((report.run, report.started, report.source, report.ended, counts))
    return Table(
        ("run", "started (UTC)", "of", "ended", "actions"),
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


def _first_line(cell: str, body: str, given: Namespace) -> int:
    """The number of a body's first line in the cell as the user sees it.

    IPython takes blank lines off the top, and other cell magics take off their own lines.
    """
    if given.line:
        return int(given.line) + _lines_before(cell, cell.lstrip())
    if cell.rstrip().endswith(body.rstrip()):
        return 1 + _lines_before(cell.rstrip(), body.rstrip())
    return 1 if given.bare else 2


def _lines_before(cell: str, end: str) -> int:
    return cell.count("\n", 0, len(cell) - len(end))
