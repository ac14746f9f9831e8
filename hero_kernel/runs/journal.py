"""The journal of a run that goes on: what a killed one leaves in the place of its report."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hero_kernel import files
from hero_kernel.errors import CorruptRecordError, StoreError
from hero_kernel.report import Report, Result, Status, row_from_dict, row_to_dict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hero_kernel.report import State

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where an open file cannot be deleted: that is a lock as well
    flock = None  # type: ignore[assignment]  # asked for below

_FILE = re.compile(r"run\.([0-9a-f_]{1,60})\.jsonl")
"""JSON lines: the report without its rows; then, in order, actions that are told of, the number of
one that begins, and of one that ended, its number, state and result."""

ENDED_WITH_IT = "its process ended while it ran"
"""What the row of the action says that was being carried out when its process was killed."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_quoted = json.encoder.encode_basestring
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOSE_ON_EXEC = getattr(os, "O_CLOEXEC", 0)


class Journal:
    """The journal of one run, open and locked while the run goes on.

    Written line by line and not synced: what a killed process wrote is there, what a machine
    that lost its power wrote may not be.

    Attributes:
        run: The run's name, under which its report is to be kept.
    """

    def __init__(self, folder: Path, run: str, head: Report) -> None:
        """Begin one.

        Args:
            folder: The session's.
            run: The run's name.
            head: The report of the run as far as it is known: no rows, and no name yet.

        Raises:
            FileNotFoundError: The folder is not there.
            StoreError: There is no room, or the folder may not be written.
        """
        import platform  # noqa: PLC0415  # slow to import, and few runs change anything

        self.run = run
        self._path = folder / f"run.{run}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _CLOSE_ON_EXEC
        try:
            self._file = os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise files.explained(error, self._path) from error
        if flock is not None:
            with suppress(OSError):  # a file system without locks: the process id has to do
                flock(self._file, LOCK_EX)  # whoever looks at it this moment lets it go at once
        document = head.to_dict() | {"run": run, "pid": os.getpid(), "host": platform.node()}
        self._unwritten = [_JSON.encode(document)]

    def plans(self, actions: Sequence[tuple[int, str, str, str]]) -> None:
        """Tell of actions: the id by which they are called from now on, name, place and digest."""
        self._unwritten.append(_JSON.encode({"actions": actions}))

    def ended(self, action: int, state: State, result: Result) -> None:
        """Tell how an action ended, and where that leaves it; written with the next beginning."""
        said = _quoted(result.message)
        if result.output or result.failure is not None:
            failure = row_to_dict(result).get("failure")
            said = f"{said},{_quoted(result.output)},{_JSON.encode(failure)}"
        # by hand: json would make an encoder for each line, and a long run has many
        self._unwritten.append(
            f'[{action},"{state}","{result.status}",{result.duration_s!r},{said}]'
        )

    def begins(self, action: int | None) -> None:
        """Write what was told so far, and that an action begins, if one does.

        Raises:
            StoreError: There is no room.
        """
        if action is not None:
            self._unwritten.append(str(action))
        text = "\n".join([*self._unwritten, ""])
        self._unwritten.clear()
        try:
            os.write(self._file, text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise files.explained(error, self._path) from error

    def remove(self) -> None:
        """Take it away: the report is kept. Then it is closed."""
        with suppress(OSError):  # its folder was moved or deleted
            self._path.unlink()
        self._unwritten.clear()
        self.close()

    def close(self) -> None:
        """Leave it to be found, as that of a run without a report, if it was not removed."""
        if self._file < 0:
            return
        if self._unwritten:
            with suppress(StoreError):
                self.begins(None)
        file, self._file = self._file, -1
        os.close(file)


class Orphan:
    """The journal of a run that has ended without a report; held, so that nobody else takes it.

    Attributes:
        report: What the run did, as far as it was written down.
    """

    def __init__(self, path: Path, file: int, report: Report | None) -> None:
        self.report = report
        self._path = path
        self._file = file

    def remove(self) -> None:
        """Take it away: its report is kept."""
        with suppress(OSError):
            self._path.unlink()

    def close(self) -> None:
        """Let it go."""
        os.close(self._file)


def orphans(folder: Path) -> Iterable[Orphan]:
    """The journals in the folder whose runs go on no more, oldest first; each is to be closed."""
    try:
        found = sorted(path for path in folder.iterdir() if _FILE.fullmatch(path.name))
    except OSError:
        return
    for path in found:
        orphan = _orphan(path)
        if orphan is not None:
            yield orphan


def _orphan(path: Path) -> Orphan | None:
    """The journal if nobody writes it any more."""
    try:
        file = files.open_to_read(path)
    except OSError:
        return None
    try:
        held = _hold(file)
        with open(os.dup(file), "rb") as copy:  # noqa: PTH123  # a file descriptor
            lines = copy.read().split(b"\n")
        head = _decoded(lines[0])
        if held is False and not _is_alive(head, held=held):
            time.sleep(_WAIT_S)
            _hold(file)
        is_there = path.exists()  # its run, or who kept it, may have removed it meanwhile
        is_new = not head and time.time() - os.fstat(file).st_mtime < _NEW_S
        if is_there and not is_new and not _is_alive(head, held=held):
            return Orphan(path, file, _report(path, head, lines[1:-1]))
    except (OSError, CorruptRecordError):  # a newer version's, perhaps: it stays as it is
        pass
    os.close(file)
    return None


_NEW_S = 60.0
"""A journal without a first line that is younger may just be begun by another process."""

_WAIT_S = 0.1
"""Who holds the journal of a dead process for longer is a child of that, and does not write it;
until then it may be another process that is about to keep its report."""


def _hold(file: int) -> bool | None:
    """Lock it for this process; False if another has, None if that cannot be known."""
    if flock is None:
        return None
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_alive(head: dict[str, Any], *, held: bool | None) -> bool:
    """Whether the process that writes the journal is still there.

    The lock tells, unless a child that was forked inherited it, or there are no locks: then the
    process id does, on the machine where it counts.
    """
    if held:
        return False
    import platform  # noqa: PLC0415  # as in `Journal`

    pid, is_here = head.get("pid"), head.get("host") == platform.node()
    if not (isinstance(pid, int) and pid > 0 and is_here):
        return held is False
    if sys.platform == "win32":  # where asking for a process would end it
        return pid == os.getpid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _report(path: Path, head: dict[str, Any], lines: list[bytes]) -> Report | None:
    """What a journal says; None when that is nothing, which a kill at its first line leaves.

    Lines that cannot be read are left out: the last one may be torn.
    """
    if not head and not lines:
        return None
    named = _FILE.fullmatch(path.name)
    run = named[1] if named else ""
    report = Report.from_dict(head | {"results": []}) if head else Report((), run=run)
    rows = _Rows()
    for line in lines:
        with suppress(AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
            rows.take(json.loads(line))
    results = rows.ended if rows.running is None else [*rows.ended, rows.running]
    seconds = round(sum(result.duration_s for result in results), 6)
    return replace(report, results=tuple(results), duration_s=seconds, killed=True)


class _Rows:
    """The rows that the lines of a journal make, taken in one after the other."""

    def __init__(self) -> None:
        self.ended: list[Result] = []
        self.running: Result | None = None
        self._actions: dict[int, tuple[str, str, str]] = {}

    def take(self, line: Any) -> None:
        """Take in a line; KeyError and its like tell that it is none."""
        if isinstance(line, dict):
            self._actions |= {
                int(number): (str(name), str(place), str(digest))
                for number, name, place, digest in line["actions"]
            }
        elif isinstance(line, int):
            self.running = self._row(line, "left", Status.INTERRUPTED.value, 0.0, ENDED_WITH_IT)
        else:
            self.ended.append(self._row(*line))
            self.running = None

    def _row(self, number: int, state: str, *said: Any) -> Result:
        name, place, digest = self._actions[number]
        status, duration_s, message, output, failure = (*said, "", None)[:5]
        row = {
            "action": name,
            "status": status,
            "duration_s": duration_s,
            "message": message,
            "output": output,
            "place": place,
            "failure": failure,
            "written": {"digest": digest, "state": state},
        }
        return row_from_dict(row)
