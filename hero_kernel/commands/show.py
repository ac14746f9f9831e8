"""What a command answers: as text, as text in colour where a terminal reads it, or as JSON."""

from __future__ import annotations

import base64
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_kernel.commands.words import told
from hero_kernel.errors import HeroError
from hero_kernel.report import Report
from hero_kernel.report.text import plain
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from hero_kernel.redaction import Redactor
    from magics.display import Table


class Document(dict[str, Any]):
    """What is a document already; an empty one is no answer."""


def document(thing: object) -> dict[str, Any]:
    """What a verb returned, as JSON's kinds of data."""
    if isinstance(thing, Report):  # a run's answer needs no magics
        return thing.to_dict()
    from magics.arguments import Help  # noqa: PLC0415  # as said
    from magics.display import Line, Table  # noqa: PLC0415  # as said

    match thing:
        case Document():
            shown = dict(thing)
        case HeroError():
            shown = {"error": _fault(thing)}
        case Table():
            shown = thing.to_dict()
            shown |= {key: told(shown[key]) for key in ("title", "note")}
        case Line():
            shown = {"line": told(thing.text), "details": [told(one) for one in thing.details]}
        case Help():
            shown = {"help": told(thing.text)}
        case Secret():
            shown = {"value": str(thing), "secret": True}
        case tuple() if hasattr(thing, "_asdict"):  # an entry of a log
            shown = dict(thing._asdict())
        case bytes():
            shown = {"base64": base64.b64encode(thing).decode()}
        case _:
            shown = {"value": thing}
    return shown


def text(thing: object) -> str:
    """What a verb returned, for a reader; a value is as it is kept."""
    if isinstance(thing, Report):
        return str(thing)
    from magics.arguments import Help  # noqa: PLC0415  # as above
    from magics.display import Line, Table  # noqa: PLC0415  # as above

    if isinstance(thing, Table):
        return repr(_translated(thing))
    if isinstance(thing, Line | Help):
        return told(repr(thing))
    if isinstance(thing, list | dict):
        return json.dumps(thing, ensure_ascii=False, indent=2, default=_as_json)
    return str(thing)


def lines(error: HeroError) -> list[str]:
    """An error for somebody at a terminal."""
    return [told(line) for line in error.lines()]


def answer(thing: object, *, as_json: bool, redactor: Redactor | None = None) -> None:
    """Print what a command returns; known secrets are masked.

    Raises:
        OSError: Nobody reads it any more, or it cannot be written.
    """
    if isinstance(thing, Document) and not thing:
        return
    if as_json:
        shown = document(thing) if redactor is None else redactor.mask_data(document(thing))
        write(sys.stdout, json.dumps(shown, ensure_ascii=False, default=_as_json))
        return
    if thing is None:
        return
    if isinstance(thing, bytes):
        sys.stdout.buffer.write(thing if redactor is None else redactor.mask_bytes(thing))
        sys.stdout.flush()
        return
    mask: Callable[[str], str] = (lambda whole: whole) if redactor is None else redactor.mask
    if is_terminal(sys.stdout):
        from hero_kernel.commands import terminal  # noqa: PLC0415  # rich, where it is seen

        terminal.show(thing, mask)
    else:
        write(sys.stdout, mask(text(thing)))


def refuse(error: HeroError, *, as_json: bool, redactor: Redactor | None = None) -> None:
    """Print an error: on stderr for a reader, on stdout as a document."""
    if as_json:
        answer(error, as_json=True, redactor=redactor)
        return
    said = plain("\n".join(lines(error)))
    write(sys.stderr, said if redactor is None else redactor.mask(said))


def remark(said: str) -> None:
    """Tell what a pipe must not get."""
    write(sys.stderr, plain(told(said)))


def write(stream: TextIO, line: str) -> None:
    """Write a line, also where the stream was closed before the program began."""
    if stream is not None:
        stream.write(f"{line}\n")
        stream.flush()


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody reads it who can see colours and movement."""
    return bool(stream and stream.isatty() and os.environ.get("TERM") != "dumb")


def _translated(table: Table) -> Table:
    return replace(table, title=told(table.title), note=told(table.note))


def _fault(error: HeroError) -> Mapping[str, str]:
    message, *rest = error.lines()
    hint = error.hint
    more = rest[:-1] if hint else rest
    return {
        "type": type(error).__name__,
        "message": told("\n".join((message, *more))),
        "hint": told(hint),
    }


def _as_json(thing: object) -> Any:
    """A value that JSON has no form for; a secret is its mask."""
    if isinstance(thing, bytes):
        return base64.b64encode(thing).decode()
    if isinstance(thing, Path | Secret):
        return str(thing)
    return str(thing)
