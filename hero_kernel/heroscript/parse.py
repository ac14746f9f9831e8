"""From text to actions."""

from __future__ import annotations

import gc
import re
from functools import lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript.action import KINDS, PRIORITY, Action, split_name
from hero_kernel.heroscript.quick import (
    PLAIN,
    PLAIN_FIRST,
    PLAIN_NAME,
    PLAIN_NAME_FIRST,
    Closed,
    quick_params,
)
from hero_kernel.heroscript.scan import scan
from hero_kernel.heroscript.source import Source, check_characters, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.heroscript.action import Kind

HEADER = re.compile(r"[ \t]*+(?!!\[)(!++)([^ \t\n]*+)")
"""What a line that begins an action begins with: its exclamation marks and its name."""

_NEW = Action.__new__


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
        source = open_source(text, name, first_line)
        check_characters(source)
        actions = _read(source, faults, eager=True)
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
    source = open_source(text, name, first_line)
    actions = _read(source, faults, eager=False)
    _raise_first(faults)
    return actions


def _read(source: Source, faults: list[HeroscriptError], *, eager: bool) -> list[Action]:
    """All actions, with the garbage collector paused: it would walk over them again and again.

    Nothing in a cycle is made meanwhile. When two threads parse at once, the first to end may
    start the collector again for both; it never stays off.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        return _actions(source, faults, eager=eager)
    finally:
        if paused:
            gc.enable()


def _raise_first(faults: list[HeroscriptError]) -> None:
    if faults:
        faults[0].errors = tuple(faults)
        raise faults[0]


def _actions(source: Source, faults: list[HeroscriptError], *, eager: bool) -> list[Action]:
    """All actions; the plain ones by the shortcut, every other one by the careful scanner."""
    actions: list[Action] = []
    text = source.text
    run = _plain_run if eager else partial(_plain_names, Closed(text))
    first, plain = (PLAIN_FIRST, PLAIN) if eager else (PLAIN_NAME_FIRST, PLAIN_NAME)
    end = 0
    matches: Iterator[re.Match[str]] = plain.finditer(text)
    if head := first.match(text):
        matches = chain([head], plain.finditer(text, head.end()))
    while (odd := run(source, end, matches, actions)) is not None:
        line = odd.start() + (odd[0][0] == "\n")
        end = _careful(source, line, end, actions, faults, eager=eager)
        matches = plain.finditer(text, end)
    return actions


def _plain_run(
    source: Source, floor: int, matches: Iterator[re.Match[str]], actions: list[Action]
) -> re.Match[str] | None:
    """Read plain actions with their parameters; returns the first match that needs care."""
    known: dict[str, tuple[Kind, str, str]] = {}
    new, priority, keys = _NEW, PRIORITY, source.keys
    for nr, match in enumerate(matches, len(actions) + 1):
        head, body = match.groups()
        header = known.get(head) or _header(head, known)
        if header is None or (found := quick_params(body, keys)) is None:
            return match
        action = new(Action)
        action.kind, action.actor, action.name = header
        action.id = nr
        action.priority = priority
        action.done = False
        action.result = None
        action.source = source
        action._params = found  # noqa: SLF001 - the parser fills in what it found
        action._comments = None  # noqa: SLF001 - as above
        action._start = match.end(1)  # noqa: SLF001 - as above
        action._floor = floor  # noqa: SLF001 - as above
        actions.append(action)
    return None


def _plain_names(
    quotes: Closed,
    source: Source,
    floor: int,
    matches: Iterator[re.Match[str]],
    actions: list[Action],
) -> re.Match[str] | None:
    """As `_plain_run`, leaving the parameters for later."""
    known: dict[str, tuple[Kind, str, str]] = {}
    new, priority = _NEW, PRIORITY
    closed = -1
    for nr, match in enumerate(matches, len(actions) + 1):
        head = match[1]
        header = known.get(head) or _header(head, known)
        if match.end() > closed:
            closed = quotes.until(match.start())
        if header is None or match.end() > closed:
            return match
        action = new(Action)
        action.kind, action.actor, action.name = header
        action.id = nr
        action.priority = priority
        action.done = False
        action.result = None
        action.source = source
        action._params = None  # noqa: SLF001 - the parser fills in what it found
        action._comments = None  # noqa: SLF001 - as above
        action._start = match.end(1)  # noqa: SLF001 - as above
        action._floor = floor  # noqa: SLF001 - as above
        actions.append(action)
    return None


def _header(
    head: str | None, known: dict[str, tuple[Kind, str, str]]
) -> tuple[Kind, str, str] | None:
    """Kind, actor and name, kept for the next action of that name; None for what needs care."""
    if head is None or head.count(".") > 1 or "\u00a0" in head:
        return None
    return known.setdefault(head, _read_header(head))


@lru_cache(maxsize=1024)
def _read_header(head: str) -> tuple[Kind, str, str]:
    """Kind, actor and name; the cells of a notebook say the same few again and again."""
    written = head.lstrip("!")
    return KINDS[len(head) - len(written) - 1], *split_name(written)


def _careful(
    source: Source,
    line: int,
    floor: int,
    actions: list[Action],
    faults: list[HeroscriptError],
    *,
    eager: bool,
) -> int:
    """Read the action whose line begins at an offset; returns where it ends."""
    header = HEADER.match(source.text, line)
    assert header is not None  # noqa: S101 - the callers have seen a bang there
    scanned = scan(source, header.end())
    fault = _name_fault(source, header) or (scanned.fault if eager else None)
    if fault is not None:
        faults.append(fault)
        return scanned.end
    action = _NEW(Action)
    action.actor, action.name = split_name(header[2])
    action.kind = KINDS[len(header[1]) - 1]
    action.id = len(actions) + 1
    action.priority = PRIORITY
    action.done = False
    action.result = None
    action.source = source
    action._params = scanned if eager else None  # noqa: SLF001 - the parser fills in what it found
    action._comments = None  # noqa: SLF001 - as above
    action._start = header.end()  # noqa: SLF001 - as above
    action._floor = floor  # noqa: SLF001 - as above
    actions.append(action)
    return scanned.end


def _name_fault(source: Source, header: re.Match[str]) -> HeroscriptError | None:
    """What is wrong with the bangs and the name."""
    bangs, written = header.groups()
    parts = written.count(".") + 1
    at = header.start(1)
    if len(bangs) > len(KINDS):
        message = f"no action begins with {len(bangs)} exclamation marks"
        hint = "one to four: ! dal, !! sal, !!! macro, !!!! wal"
    elif "\u00a0" in written:
        at = header.start(2) + written.index("\u00a0")
        message, hint = "found a non-breaking space", "write a plain space"
    elif parts > 2:  # noqa: PLR2004 - actor and name
        message = f"{written} has {parts} parts"
        hint = "an action is called actor.name, or name for the actor core"
    else:
        return None
    # finding a place means finding all lines before it: only for a fault
    return HeroscriptError(message, hint=hint, place=source.place(at))
