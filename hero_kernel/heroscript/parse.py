"""From text to actions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript.action import KINDS, PRIORITY, Action, split_name
from hero_kernel.heroscript.scan import scan
from hero_kernel.heroscript.source import Source, open_source

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = re.compile(r"^[ \t]*+(?!!\[)(!++)([^ \t\n]*+)", re.MULTILINE)


def parse(
    text: str,
    *,
    name: str = "<text>",
    first_line: int = 1,
    on_error: Callable[[HeroscriptError], None] | None = None,
) -> list[Action]:
    """Read every action of a text, with its parameters.

    Args:
        name: What places in the text are called.
        first_line: The number of the text's first line.
        on_error: Is handed each fault; the action that has it is left out. Without it the
            first fault is raised, and all of them are its `errors`.
    """
    faults: list[HeroscriptError] = []
    actions: list[Action] = []
    try:
        actions = _actions(open_source(text, name, first_line), faults, eager=True)
    except HeroscriptError as error:
        faults.append(error)
    if on_error is None:
        _raise_first(faults)
    else:
        for fault in faults:
            on_error(fault)
    return actions


def index(text: str, *, name: str = "<text>", first_line: int = 1) -> list[Action]:
    """Find the actions of a text; the parameters of each are read when they are asked for."""
    faults: list[HeroscriptError] = []
    actions = _actions(open_source(text, name, first_line), faults, eager=False)
    _raise_first(faults)
    return actions


def _raise_first(faults: list[HeroscriptError]) -> None:
    if faults:
        faults[0].errors = tuple(faults)
        raise faults[0]


def _actions(source: Source, faults: list[HeroscriptError], *, eager: bool) -> list[Action]:
    actions: list[Action] = []
    text = source.text
    end = 0
    while header := _HEADER.search(text, end):
        floor = end
        bangs, written = header.groups()
        scanned = scan(source, header.end())
        end = scanned.end
        fault = _name_fault(source, header) or (scanned.fault if eager else None)
        if fault is not None:
            faults.append(fault)
            continue
        action = Action.__new__(Action)
        action.actor, action.name = split_name(written)
        action.kind = KINDS[len(bangs) - 1]
        action.id = len(actions) + 1
        action.priority = PRIORITY
        action.done = False
        action.result = None
        action.source = source
        action._params = None  # noqa: SLF001 - the parser fills in what it found
        action._comments = None  # noqa: SLF001 - as above
        action._start = header.end()  # noqa: SLF001 - as above
        action._floor = floor  # noqa: SLF001 - as above
        if eager:
            _ = action.params
        actions.append(action)
    return actions


def _name_fault(source: Source, header: re.Match[str]) -> HeroscriptError | None:
    bangs, written = header.groups()
    place = source.place(header.start(1))
    if len(bangs) > len(KINDS):
        return HeroscriptError(
            f"no action begins with {len(bangs)} exclamation marks",
            hint="one to four: ! dal, !! sal, !!! macro, !!!! wal",
            place=place,
        )
    if "\u00a0" in written:
        place = source.place(header.start(2) + written.index("\u00a0"))
        return HeroscriptError(
            "found a non-breaking space", hint="write a plain space", place=place
        )
    if written.count(".") > 1:
        return HeroscriptError(
            f"{written} has {written.count('.') + 1} parts",
            hint="an action is called actor.name, or name for the actor core",
            place=place,
        )
    return None
