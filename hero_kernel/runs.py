"""Runs that were kept: one report a file, in a session's folder."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.errors import CorruptRecordError, SessionError, did_you_mean
from hero_kernel.report import Report

if TYPE_CHECKING:
    from pathlib import Path

KEPT = 300
"""Runs a session keeps; the oldest go first, some at a time."""

_NAME = re.compile(r"[0-9_]{1,40}")


def keep(folder: Path, report: Report, name: str) -> Report:
    """Write the report under a name that begins with its time; the report as it was kept.

    Not synced to the disk: what a run did is kept by its handlers, this is the record of it.
    """
    there = os.listdir(folder)  # noqa: PTH208  # a tenth of the time, at every cell
    same = [entry.removesuffix(".json") for entry in there if entry.startswith(name)]
    number = 1 + max((_number(one, name) for one in same), default=0)
    while True:  # another process may be faster
        report = replace(report, run=name if number == 1 else f"{name}_{number}")
        if files.create(_path(folder, report.run), _document(report)):
            break
        number += 1
    if len(there) >= KEPT + KEPT // 20:
        kept = names(folder)
        for old in kept[: max(0, len(kept) - KEPT)]:
            _path(folder, old).unlink(missing_ok=True)
    return report


def _number(kept: str, name: str) -> int:
    """Which of the runs of that name it is: 1 for `name`, n for `name_n`, 0 for another's."""
    head, _, tail = kept.rpartition("_")
    return 1 if kept == name else int(tail) if head == name and tail.isdecimal() else 0


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _document(report: Report) -> bytes:
    document = json.dumps(report.to_dict(), ensure_ascii=False, separators=(",", ":"))
    return document.encode("utf-8", "backslashreplace")


def names(folder: Path) -> list[str]:
    """The names of the kept runs, oldest first."""
    if not folder.is_dir():
        return []
    return sorted(
        (path.stem for path in folder.glob("*.json") if _NAME.fullmatch(path.stem)), key=_order
    )


def load(folder: Path, name: str = "") -> Report:
    """The kept run of that name; the last one when no name is given.

    Raises:
        SessionError: There is none.
        CorruptRecordError: Its file cannot be read.
    """
    known = names(folder)
    if not known:
        raise SessionError("no run is kept yet", hint="run a %%heroscript cell first")
    wanted = name or known[-1]
    if wanted not in known:
        raise SessionError(f"there is no run {wanted!r}", hint=did_you_mean(wanted, known))
    path = _path(folder, wanted)
    try:
        return Report.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except CorruptRecordError as error:
        raise CorruptRecordError(f"{path}: {error.message}", hint=error.hint) from error
    except (ValueError, RecursionError, OSError) as error:
        raise CorruptRecordError(f"{path} cannot be read: {error}", hint="delete it") from error


def _order(name: str) -> tuple[int, ...]:
    """By time, then by number within the second: `_10` comes after `_9`."""
    return tuple(int(part) for part in name.split("_") if part)
