"""Reports as the panels show them: a head, rows by pages, and what is behind a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel import heroscript
from hero_kernel.actors import written
from hero_kernel.errors import HeroscriptError, UsageError
from hero_kernel.heroscript import Action
from hero_kernel.report import Result, Status
from hero_kernel.report.text import duration, first_line, plain, summary
from magics.panels import given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hero_kernel import Report, Workspace

    Json = dict[str, Any]

PAGE = 100
"""Rows that are shown at once."""

MAX_OUTPUT = 4000
"""Characters of an output, a result or a traceback that are shown until more is asked for."""

WAITING, RUNNING = "waiting", "running"
"""Of actions that have no result yet."""

STATUSES = (*(status.value for status in Status), WAITING, RUNNING)


def head(report: Report) -> Json:
    """What stands above the rows."""
    return {
        "run": report.run,
        "source": plain(report.source),
        "started": report.started,
        "summary": summary(report),
        "ended": report.ended,
        "actions": ", ".join(f"{count} {status}" for status, count in report.counts().items()),
    }


def page(
    items: Sequence[Result | Action],
    *,
    start: int = 0,
    status: str = "",
    text: str = "",
    running: Action | None = None,
) -> Json:
    """Rows from a place on, of those with a status and a text.

    Args:
        items: Results; an action in their place has none yet.
        start: The number of the first row among those that fit.
        status: One of `STATUSES`; empty for any. `failed` is `interrupted`, too.
        text: In the action's name or in what is said, in whatever case.
        running: The action that is being carried out.
    """
    start, text = given.number(start, "the row"), given.text(text, "the text").lower()
    given.one_of(status, "the status", "", *STATUSES)
    wanted = {"failed", "interrupted"} if status == "failed" else {status}
    found: list[tuple[int, str, Result | Action]] = []
    counts: dict[str, int] = {}
    for number, item in enumerate(items):
        its = _status(item, running)
        counts[its] = counts.get(its, 0) + 1
        if status and its not in wanted:
            continue
        if not text or text in _searched(item):
            found.append((number, its, item))
    return {
        "rows": [_row(*one) for one in found[start : start + PAGE]],
        "start": start,
        "found": len(found),
        "total": len(items),
        "counts": counts,
    }


def details(workspace: Workspace, item: Result | Action, *, whole: bool = False) -> Json:
    """What is behind a row: parameters, result, output, and why it failed.

    Args:
        workspace: Whose actors know what is secret.
        item: A result, or an action that has none yet.
        whole: All of it, however long.
    """
    room = None if given.flag(whole, "whole") else MAX_OUTPUT
    mask = workspace.redactor.mask
    action = item if isinstance(item, Action) else _action(item)
    texts: dict[str, str] = {}
    if isinstance(item, Result):
        if item.failure is not None:
            failure = item.failure
            texts = {
                "error": f"{failure.kind}: {failure.message}",
                "hint": failure.hint,
                "excerpt": "\n".join(failure.excerpt),
                "traceback": failure.traceback,
            }
        texts |= {"result": item.message, "output": item.output}
    shown = {name: plain(text).rstrip() for name, text in texts.items()}
    return {
        "place": plain(item.place if isinstance(item, Result) else item.where),
        "comments": "" if action is None else plain(mask(action.comments)),
        "params": None if action is None else params(workspace, action),
        "texts": {name: text[:room] for name, text in shown.items() if text},
        "long": room is not None and any(len(text) > room for text in shown.values()),
    }


def params(workspace: Workspace, action: Action, room: int | None = None) -> list[list[str]]:
    """The parameters of an action, each with its key; no secret is among them."""
    handler = workspace.actors.find(action.full_name)
    try:
        found = written.shown(action, handler, workspace.redactor.mask)
    except HeroscriptError as error:
        found = [("", f"cannot be read: {error.message}")]
    return [[plain(key), cut(plain(value), room)] for key, value in found]


def item_at(items: Sequence[Result | Action], number: object) -> Result | Action:
    """The one of that number.

    Raises:
        UsageError: There is none.
    """
    at = given.number(number, "the row")
    if at >= len(items):
        raise UsageError(f"there is no row {at}", hint="look again")
    return items[at]


def cut(text: str, room: int | None) -> str:
    """The beginning of a text, and a sign where that is not all of it."""
    return text if room is None or len(text) <= room else f"{text[:room]}…"


def _action(result: Result) -> Action | None:
    """The action behind a result, if that is known here."""
    if result.given is not None:
        return result.given
    script = result.written.script if result.written is not None else ""
    try:
        return heroscript.parse(script)[0] if script else None
    except (HeroscriptError, IndexError):
        return None


def _status(item: Result | Action, running: Action | None) -> str:
    if isinstance(item, Result):
        return item.status.value
    return RUNNING if item is running else WAITING


def _searched(item: Result | Action) -> str:
    if isinstance(item, Action):
        return item.full_name
    failure = item.failure
    said = f"{item.action}\n{item.message}\n{item.output}"
    return (f"{said}\n{failure.kind}\n{failure.message}" if failure else said).lower()


def _row(number: int, status: str, item: Result | Action) -> Json:
    row: Json = {"n": number, "status": status}
    if isinstance(item, Action):
        return row | {"action": plain(item.full_name), "took": "", "said": "", "hint": ""}
    return row | {
        "action": plain(item.action),
        "took": duration(item.duration_s) if item.duration_s else "",
        "said": first_line(item),
        "hint": plain(item.failure.hint) if item.failure else "",
    }
