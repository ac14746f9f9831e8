"""Live: one display, from progress to the final report."""

from __future__ import annotations

import uuid
from queue import SimpleQueue
from threading import Lock, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from hero_kernel.report import MIME, to_html

if TYPE_CHECKING:
    from IPython.core.displaypub import DisplayPublisher

    from hero_kernel import Report
    from hero_kernel.runner import Progress

FIRST_PROGRESS_S = 0.3
"""A run that takes longer says where it is; a shorter one shows only its report."""

BETWEEN_PROGRESS_S = 0.2
"""At most five updates a second."""


class Ticker:
    """A thread that shows the first line of runs that take long.

    A quick run so costs one message and no thread of its own, and a slow action that says
    nothing is seen at work all the same.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Live | None] = SimpleQueue()
        self._thread: Thread | None = None

    def add(self, live: Live) -> None:
        """Show the run's line when its time has come, if it still goes on."""
        if self._thread is None or not self._thread.is_alive():  # none yet, or lost by a fork
            self._waiting = SimpleQueue()
            self._thread = Thread(target=self._work, name="hero progress", daemon=True)
            self._thread.start()
        self._waiting.put(live)

    def stop(self) -> None:
        """End the thread, once it has seen to the runs that wait."""
        self._waiting.put(None)

    def _work(self) -> None:
        while (live := self._waiting.get()) is not None:
            sleep(max(0.0, live.next_s - monotonic()))
            if live.show():  # as long as it runs: its next action may say nothing either
                self._waiting.put(live)


class Live:
    """One display: a line that says where the run is, then the report in its place.

    Attributes:
        next_s: When the line may be shown next, by the monotonic clock.
    """

    def __init__(self, publisher: DisplayPublisher, ticker: Ticker) -> None:
        self.next_s = monotonic() + FIRST_PROGRESS_S
        self._publisher = publisher
        self._lock = Lock()
        self._display_id = ""
        self._last: Progress | None = None
        self._shown: Progress | None = None
        self._ended = False
        ticker.add(self)

    def watch(self, progress: Progress) -> None:
        """Take in where the run is; shown now if it is time."""
        self._last = progress
        if monotonic() >= self.next_s:
            self.show()

    def show(self) -> bool:
        """Show where the run is, if that is news; whether the run still goes on."""
        with self._lock:
            progress = self._last
            if self._ended:
                return False
            self.next_s = monotonic() + BETWEEN_PROGRESS_S
            if progress is None or progress is self._shown:
                return True
            self._shown = progress
            said = f" {progress.message}" if progress.message else ""
            part = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            text = f"▶ {progress.number}/{progress.total} {progress.action}{said}{part}"
            self._publish({"text/plain": text})
            return True

    def end(self, report: Report | None) -> None:
        """Show the report where the line was; without one, take the line away."""
        with self._lock:
            self._ended = True
            if report is not None:
                self._publish(bundle(report))
            elif self._display_id:
                self._publish({"text/plain": ""})

    def _publish(self, data: dict[str, Any]) -> None:
        update = bool(self._display_id)
        self._display_id = self._display_id or uuid.uuid4().hex
        self._publisher.publish(
            data, metadata={}, transient={"display_id": self._display_id}, update=update
        )


def bundle(report: Report) -> dict[str, Any]:
    """The report in every form a front end may choose from."""
    return {"text/plain": str(report), "text/html": to_html(report), MIME: report.to_dict()}
