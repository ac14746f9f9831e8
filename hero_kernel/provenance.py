"""Provenance: where the values of a record came from, noted in a field beside them.

The field is text, a line a key, the latest change last: key, check, time, mark of the runs, kernel
and by what, with tabs between. A record is read far more often than anybody asks where its values
came from, and a text costs a reader next to nothing. No line holds a value. A line that is damaged
says nothing, and so does one whose check does not fit the value: another program has changed it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARS = 64_000
"""Of a field; what was noted first is forgotten first. Some six hundred values have room."""

MAX_BY = 300
"""Characters of what made a change."""

Changed: TypeAlias = Literal["", "new", "changed", "deleted"]


class Change(NamedTuple):
    """What is noted of a change.

    Attributes:
        by: What makes it: `In[3] %hero_env set`.
        at: When, `YYYY-MM-DD HH:mm:ss` UTC.
        runs: Is another text after each run that is kept; empty while there is none.
        kernel: Whose cell makes it, see `cells.process`; empty when no cell does.
    """

    by: str
    at: str
    runs: str = ""
    kernel: str = ""


ELSEWHERE = ", another kernel"
"""What is said of a source that another process than the one that asks has named."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from.

    Attributes:
        by: What set it last: `In[3]:2:1 !!session.env_set`, `In[4] %hero_env set`, `In[5] Python`,
            `command line`; empty when nobody knows.
        at: When, `YYYY-MM-DD HH:mm:ss` UTC; empty when nobody knows.
        changed: Whether it is "new", "changed" or "deleted" since the last run that was kept, and
            not by that run itself; empty when it is not, and when there was none.
        kernel: Whose cell it was, `pid@host`; empty when it was none.
        is_elsewhere: Whether that kernel is not the one that asks.
    """

    by: str = ""
    at: str = ""
    changed: Changed = ""
    kernel: str = ""
    is_elsewhere: bool = False

    def __str__(self) -> str:
        return f"{self.by}{ELSEWHERE}" if self.is_elsewhere else self.by or "unknown"


UNKNOWN = Source()


def noted(notes: str, before: Mapping[str, str], after: Mapping[str, str], change: Change) -> str:
    """The notes after a change; what it left as it was keeps its own.

    Args:
        notes: The notes until now.
        before: The values as they were stored.
        after: The values as they will be stored.
        change: What makes it.
    """
    end = _end(change)
    for key, text in after.items():
        if key not in before or before[key] != text:
            place = _place(notes, key)
            is_new = _is_new(notes, place, change.runs, was_there=key in before)
            notes = _moved(notes, place, key, f"{'+' * is_new}{_check(text)}{end}")
    gone = before.keys() - after.keys()
    if gone:
        notes = _without_old_deletions(notes, change.runs)
    for key in sorted(gone):
        place = _place(notes, key)
        if change.runs and not _is_new(notes, place, change.runs, was_there=True):
            notes = _moved(notes, place, key, f"{_DELETED}{end}")
        else:
            notes = notes[: place[0]] + notes[place[1] :]
    return notes if len(notes) <= MAX_CHARS else _bounded(notes)


def rechecked(notes: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The notes after values were stored in another form: encrypted, or no longer.

    Args:
        notes: The notes until now.
        before: The values as they were stored.
        after: The same values as they will be stored.
    """
    for key, text in after.items():
        if before[key] == text:
            continue
        begin, end = _place(notes, key)
        note = _parsed(notes[begin:end].rstrip("\n"))
        line = ""
        if note is not None and note.fits(before[key]):
            line = note._replace(check=f"{note.new}{_check(text)}").line
        notes = notes[:begin] + line + notes[end:]
    return notes


def sources(notes: str, values: Mapping[str, str], runs: str, kernel: str) -> dict[str, Source]:
    """Where each value came from, by key; then what was deleted since the last run.

    Args:
        notes: The notes, damaged or not.
        values: The values as they are stored.
        runs: As in `Change`, now.
        kernel: Who asks.
    """
    read = {note.key: note for note in map(_parsed, notes.split("\n")) if note is not None}
    found = dict.fromkeys(values, UNKNOWN)
    for key, note in read.items():
        is_latest = bool(runs) and note.runs == runs
        changed: Changed = ""
        if note.check == _DELETED:
            if key in values or not is_latest:
                continue
            changed = "deleted"
        elif key not in values or not note.fits(values[key]):
            continue
        elif is_latest:
            changed = "new" if note.new else "changed"
        elsewhere = note.kernel not in ("", kernel)
        found[key] = Source(note.by, note.at, changed, note.kernel, elsewhere)
    return found


class _Note(NamedTuple):
    """A line."""

    key: str
    check: str
    at: str
    runs: str
    kernel: str
    by: str

    @property
    def line(self) -> str:
        """The line, with its end."""
        return "\t".join(self) + "\n"

    @property
    def new(self) -> str:
        """A plus sign when the value was not there at the last run, else nothing."""
        return "+" if self.check.startswith("+") else ""

    def fits(self, stored: str) -> bool:
        """Whether it speaks of the value that is stored."""
        return self.check.lstrip("+") == _check(stored)


_DELETED = "-"
"""The check of a value that is not there."""

_CHECK, _RUNS = 2, 4
"""The groups of a line with its check and its runs."""

_LINE = re.compile(
    r"([^\t\n]+)\t(\+?[0-9a-f]{4}|-)\t(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|)"
    r"\t([0-9.]*)\t([^\t\n]*)\t([^\t\n]+)"
)


def _parsed(line: str) -> _Note | None:
    found = _LINE.fullmatch(line)
    return None if found is None else _Note(*found.groups())


def _check(stored: str) -> str:
    """Sixteen bits of the stored text: enough to see that it is another, too few to guess it by."""
    return f"{crc32(stored.encode('utf-8', 'surrogatepass')) & 0xFFFF:04x}"


def _place(notes: str, key: str) -> tuple[int, int]:
    """Where the line of a key begins and ends; at the end of the notes when there is none.

    Looked for from the end: what was changed last will often be changed next.
    """
    head = key + "\t"
    begin = notes.rfind("\n" + head) + 1
    if not begin and not notes.startswith(head):
        return len(notes), len(notes)
    end = notes.find("\n", begin) + 1
    return begin, end or len(notes)


def _is_new(notes: str, place: tuple[int, int], runs: str, *, was_there: bool) -> bool:
    """Whether there was no key of the line at that place when the last run ended."""
    begin, end = place
    found = _LINE.fullmatch(notes, begin, end - notes.endswith("\n", begin, end))
    if found is None or found[_RUNS] != runs:
        return not was_there
    return found[_CHECK].startswith("+") if was_there else found[_CHECK] != _DELETED


def _end(change: Change) -> str:
    """What stands in a line after the check."""
    by = " ".join(change.by.split())[:MAX_BY] or "unknown"
    kernel = "".join(change.kernel.split())
    return f"\t{change.at}\t{change.runs}\t{kernel}\t{by}\n"


def _moved(notes: str, place: tuple[int, int], key: str, rest: str) -> str:
    """The notes with another line for a key, the last one, in the place of the line there is."""
    if "\t" in key or "\n" in key:  # no name of ours; another program's
        return notes
    kept = notes[: place[0]] + notes[place[1] :]
    begin = "" if not kept or kept.endswith("\n") else "\n"
    return f"{kept}{begin}{key}\t{rest}"


def _without_old_deletions(notes: str, runs: str) -> str:
    read = map(_parsed, notes.split("\n"))
    return "".join(
        note.line for note in read if note and (note.check != _DELETED or note.runs == runs)
    )


def _bounded(notes: str) -> str:
    cut = notes.find("\n", len(notes) - MAX_CHARS)
    return notes[cut + 1 :] if cut >= 0 else ""
