"""Steady: what is shown, without what differs between two executions, homes or machines."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.report.model import Failure, Report, Result

_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC)?")
_NUMBER = re.compile(r"\b(context|session) \d+:(?=\w)")
_PROCESS = re.compile(r"\bpid \d+")
_RANDOM = "/tmp[a-z0-9_]{8}"  # noqa: S108  # how `tempfile` calls a folder, below another one
_OF_TIME = re.compile(r"(?:run_)?\d{4}_?\d\d_?\d\d_?\d\d_?\d\d_?\d\d(?:_\w+)?")


def is_of_time(session: str) -> bool:
    """Whether a session's name was made from the time it began at."""
    return _OF_TIME.fullmatch(session) is not None


@dataclass(frozen=True)
class Steady:
    """What things of one machine and one execution are called, so that they read the same anywhere.

    Attributes:
        folders: Absolute paths, and what stands for each; an empty text is the folder that other
            paths are told from.
        names: Whole words, and what stands for each.
        scratch: Folders in which `tempfile` makes others, whose names are random.
    """

    folders: Mapping[str, str]
    names: Mapping[str, str]
    scratch: tuple[str, ...] = ()

    @cached_property
    def _paths(self) -> re.Pattern[str] | None:
        """The folders, the longest first; the root is none, every path is below it."""
        known = sorted((path for path in self.folders if path != "/"), key=len, reverse=True)
        random = [re.escape(path) + _RANDOM for path in self.scratch]
        anyone = "|".join([*map(re.escape, known), *random])
        if not anyone:
            return None
        return re.compile(rf"(?:(?<=://)|(?<![\w./~-]))({anyone})(?![\w-]|\.\w)(/?)")

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        anyone = "|".join(map(re.escape, sorted(self.names, key=len, reverse=True)))
        return re.compile(rf"(?<![A-Za-z0-9])({anyone})(?![A-Za-z0-9])") if anyone else None

    def text(self, text: str) -> str:
        """A text that may be anybody's: folders, names, and addresses in memory."""
        if not text:
            return text
        if self._paths is not None:
            text = self._paths.sub(self._folder, text)
        if self._words is not None:
            text = self._words.sub(lambda found: self.names[found[1]], text)
        return _ADDRESS.sub("0x…", text) if "0x" in text else text

    def words(self, text: str) -> str:
        """A text that is ours: also moments, processes, and the numbers of contexts."""
        text = _MOMENT.sub("…", self.text(text))
        return _NUMBER.sub(r"\1 ", _PROCESS.sub("pid …", text))

    def _folder(self, found: re.Match[str]) -> str:
        stands, slash = self.folders.get(found[1], "TMPDIR"), found[2]
        if stands:
            return stands + slash
        return "" if slash else "."

    def report(self, report: Report) -> Report:
        """The report without times, its run's name and tracebacks; `timed=False` shows it."""
        return replace(
            report,
            results=tuple(map(self._result, report.results)),
            session=self.text(report.session),
            started="",
            duration_s=0.0,
            source=self.text(report.source),
            run="",
            note=self.words(report.note),
        )

    def _result(self, result: Result) -> Result:
        return replace(
            result,
            duration_s=0.0,
            message=self.text(result.message),
            output=self.text(result.output),
            place=self.text(result.place),
            failure=result.failure and self._failure(result.failure),
        )

    def _failure(self, failure: Failure) -> Failure:
        return replace(
            failure,
            message=self.text(failure.message),
            hint=self.text(failure.hint),
            excerpt=tuple(map(self.text, failure.excerpt)),
            traceback="",
        )
