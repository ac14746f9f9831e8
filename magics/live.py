"""Live: one display, from progress to the final report."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext
from threading import Lock, Thread, current_thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from hero_kernel.report import MIME, to_html
from hero_kernel.runner import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.displaypub import DisplayPublisher

    from hero_kernel import Report
    from hero_kernel.runner import Progress

FIRST_PROGRESS_S = 0.3
"""A run that takes longer says where it is; a shorter one shows only its report."""

BETWEEN_PROGRESS_S = 0.2
"""At most five updates a second."""

LOOK_S = 0.1
"""How often the ticker looks."""

IDLE_S = 5.0
"""How long after the last run it goes on looking."""


class Ticker:
    """A thread that shows the line of a run that takes long, also while its action is silent.

    It looks every tenth of a second and ends when nothing ran for a while, so that a run neither
    starts nor wakes it, which would cost more than ten quick actions.
    """

    def __init__(self) -> None:
        self._live: Live | None = None
        self._used_s = 0.0
        self._thread: Thread | None = None

    def begin(self, live: Live) -> None:
        """Watch a run."""
        self._used_s = monotonic()
        self._live = live
        thread = self._thread
        if thread is None or not thread.is_alive():  # none yet, ended, or lost by a fork
            self._thread = Thread(target=self._work, name="hero progress", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Watch no run."""
        self._live = None

    def stop(self) -> None:
        """End the thread at its next look."""
        self._thread = self._live = None

    def _work(self) -> None:
        own = current_thread()
        while self._thread is own:
            sleep(LOOK_S)
            live = self._live
            if live is not None and monotonic() >= live.next_s:
                live.show()
            elif live is None and monotonic() - self._used_s > IDLE_S:
                self._thread = None
                if self._live is not None:  # a run began just now, and saw this thread alive
                    self._thread = own


class Live:
    """One display: a line that says where the run is, then the report in its place.

    Args:
        publisher: IPython's.
        ticker: Shows the line; None shows only the report.
        is_whole_cell: Whether nothing of the cell's has been printed.
        bundle: Makes the forms of the report; None for the usual ones.

    Attributes:
        next_s: When the line may be shown next, by the monotonic clock.
    """

    def __init__(
        self,
        publisher: DisplayPublisher,
        ticker: Ticker | None,
        *,
        is_whole_cell: bool = False,
        bundle: Callable[[Report], dict[str, Any] | None] | None = None,
    ) -> None:
        self.next_s = monotonic() + FIRST_PROGRESS_S
        self._publisher = publisher
        self._lock = Lock()
        self._display_id = ""
        self._where: Callable[[], Progress | None] = lambda: None
        self._shown: Progress | None = None
        self._ended = False
        self._ticker = ticker
        self._is_whole_cell = is_whole_cell
        self._bundle = bundle
        if ticker is not None:
            ticker.begin(self)

    def watch(self, where: Callable[[], Progress | None]) -> None:
        """Take in what tells where the run is."""
        self._where = where

    def show(self) -> None:
        """Show where the run is, if it still goes on and that is news."""
        with self._lock:
            self.next_s = monotonic() + BETWEEN_PROGRESS_S
            progress = self._where()
            if self._ended or progress is None or progress == self._shown:
                return
            self._shown = progress
            said = f" {progress.message}" if progress.message else ""
            part = f" {progress.fraction:.0%}" if progress.fraction is not None else ""
            text = f"▶ {progress.number}/{progress.total} {progress.action}{said}{part}"
            self._publish({"text/plain": text})

    def end(self, report: Report | None) -> None:
        """Show the report where the line was; without one, take the line away."""
        if self._ticker is not None:
            self._ticker.end()
        with self._lock:
            self._ended = True
            if report is not None:
                with _nothing_to_flush() if self._is_whole_cell else nullcontext():
                    self._publish((self._bundle and self._bundle(report)) or bundle(report))
            elif self._display_id:
                self._publish({"text/plain": ""})

    def _publish(self, data: dict[str, Any]) -> None:
        update = bool(self._display_id)
        self._display_id = self._display_id or os.urandom(16).hex()
        self._publisher.publish(
            data, metadata={}, transient={"display_id": self._display_id}, update=update
        )


@contextmanager
def _nothing_to_flush() -> Iterator[None]:
    """Spare a display the flushing of both streams before it, a tenth of a quick cell's time.

    Only where the cell has printed nothing itself: else the display would come before the text.
    What other threads print meanwhile is passed on.
    """
    printed = Output()
    with printed:
        yield
    if text := printed.text():
        sys.stdout.write(text)


def bundle(report: Report) -> dict[str, Any]:
    """The report in every form a front end may choose from."""
    return {"text/plain": str(report), "text/html": to_html(report), MIME: report.document}
