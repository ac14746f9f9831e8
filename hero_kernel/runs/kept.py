"""Runs that were kept: one report a line, in a file of the session's folder.

Runs that were killed left a journal instead; it becomes a line when somebody looks.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.errors import CorruptRecordError, SessionError, StoreError, did_you_mean
from hero_kernel.report import Report
from hero_kernel.runs import journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FILE_NAME = "runs.jsonl"
"""JSON lines, the newest last."""

OLD_NAME = "runs.old.jsonl"
"""The lines before those; the ones before these are gone."""

MAX_BYTES = 8 * 2**20
"""The size from which the file becomes the old one: some thousand runs."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_NAME = re.compile(rb'\{"schema":\d+,"run":"([0-9a-f_]{1,60})"')


def name(time_key: str) -> str:
    """A name for a run; it begins with the time."""
    return f"{time_key}_{os.urandom(2).hex()}"


def keep(folder: Path, report: Report, time_key: str) -> Report:
    """Append the report to the folder's runs, under its name or one that begins with the time.

    One write, which no other process's can come between. Not synced to the disk: what a run did
    is kept by its handlers, this is the record of it.

    Raises:
        FileNotFoundError: The folder is not there.
        StoreError: There is no room, or the folder may not be written.
    """
    kept = report if report.run else replace(report, run=name(time_key))
    line = _JSON.encode(kept.document)
    # without Path, as in `mark`
    size = files.append(f"{folder}/{FILE_NAME}", line.encode("utf-8", "backslashreplace") + b"\n")
    if size > MAX_BYTES:
        files.rotate(folder / FILE_NAME, folder / OLD_NAME, MAX_BYTES)
    return kept


def mark(folder: str) -> str:
    """Another text after each run that was kept in the folder; empty before the first.

    It is the size of the file, one question to the disk, for which no run is read: whoever
    remembers it can tell later whether a run has ended since.
    """
    # each change of a session asks, and Path would take as long as the disk
    try:
        return str(os.stat(f"{folder}/{FILE_NAME}").st_size)  # noqa: PTH116  # as said
    except OSError:
        pass
    try:
        last = os.stat(f"{folder}/{OLD_NAME}").st_mtime_ns  # noqa: PTH116  # as said
    except OSError:
        return ""
    return f"0.{last}"  # the file was just put aside


def collect(folder: Path) -> None:
    """Keep the reports of runs that were killed, from their journals, which are removed.

    What cannot be written stays where it is, and is found again.
    """
    for orphan in journal.orphans(folder):
        try:
            report = orphan.report
            if report is not None and report.run.encode() not in _names(_lines(folder)):
                with suppress(FileNotFoundError):
                    keep(folder, report, "")
            orphan.remove()
        except StoreError:
            continue
        finally:
            orphan.close()


def names(folder: Path) -> list[str]:
    """The names of the kept runs, oldest first."""
    collect(folder)
    return [found.decode() for found in _names(_lines(folder))]


def _names(lines: list[bytes]) -> list[bytes]:
    found = (_NAME.match(line) for line in lines)
    return [match[1] for match in found if match]


def load(folder: Path, name: str = "") -> Report:
    """The kept run of that name; the last one when no name is given.

    Raises:
        SessionError: There is none.
        CorruptRecordError: Its line cannot be read.
    """
    collect(folder)
    last: bytes | None = None
    for line in reversed(_lines(folder)):
        match = _NAME.match(line)
        if match and name in ("", match[1].decode()):
            last = line
            break
    if last is None:
        known = names(folder)
        if not known:
            raise SessionError("no run is kept yet", hint="run a %%heroscript cell first")
        raise SessionError(f"there is no run {name!r}", hint=did_you_mean(name, known[-50:]))
    return _report(folder, last)


def every(folder: Path) -> list[Report]:
    """All kept runs, oldest first; a line that cannot be read is left out."""
    return list(newest_first(folder))[::-1]


def restore(folder: Path, reports: Sequence[Report]) -> None:
    """Write reports of another folder's runs, under the names they had there.

    Raises:
        StoreError: There is no room, or the folder may not be written.
    """
    lines = (_JSON.encode(report.to_dict()) for report in reports)
    text = "".join(f"{line}\n" for line in lines)
    files.write(folder / FILE_NAME, text.encode("utf-8", "backslashreplace"))


def is_name(name: str) -> bool:
    """Whether a run can be called so."""
    return re.fullmatch("[0-9a-f_]{1,60}", name) is not None


def recent(folder: Path, count: int) -> list[Report]:
    """The last runs, the newest first; a line that cannot be read is left out."""
    return list(islice(newest_first(folder), count))


def newest_first(folder: Path) -> Iterator[Report]:
    """Every kept run, the newest first, read as they are asked for; else as `recent`."""
    collect(folder)
    for line in reversed(_lines(folder)):
        with suppress(CorruptRecordError):
            yield _report(folder, line)


def _report(folder: Path, line: bytes) -> Report:
    try:
        return Report.from_dict(json.loads(line))
    except CorruptRecordError as error:
        raise CorruptRecordError(f"a run in {folder}: {error.message}", hint=error.hint) from error
    except (ValueError, RecursionError) as error:
        raise CorruptRecordError(
            f"a run in {folder / FILE_NAME} cannot be read: {error}", hint="delete its line"
        ) from error


def _lines(folder: Path) -> list[bytes]:
    lines: list[bytes] = []
    for name in (OLD_NAME, FILE_NAME):
        try:
            lines += files.read(folder / name).split(b"\n")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise CorruptRecordError(
                f"{folder / name} cannot be read: {error.strerror}", hint="move it away"
            ) from error
    return [line for line in lines if line]
