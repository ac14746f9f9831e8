"""`%hero_log`: the session's log."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError
from collections import deque
from contextlib import suppress
from itertools import islice
from math import inf
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

from magics.arguments import Command, Verb, count, offers
from magics.display import Line, Table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from hero_kernel import Session
    from hero_kernel.logs import Follow, LogItem, Skipped
    from magics.doorway import Door

ROWS = 20
"""Entries shown unless `-n` says otherwise: the newest."""

COUNTED = 10_000
"""Entries that are counted beyond those shown; more are only said to be more."""

BETWEEN_SHOWN_S = 0.2
"""At most five updates of a display a second."""

WAIT_S = 1.0
"""Waiting is done in pieces: what a wait on a queue takes as the longest differs by system."""


class LogVerbs:
    """What `%hero_log` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Table:
        """Show the newest entries, the last one below."""
        logger = self.door.session().logger()
        skipped: list[Skipped] = []
        newest = logger.iterate(last=given.limit + COUNTED, skipped=skipped)
        return self._found(newest, given.limit, skipped, "nothing is logged yet")

    def search(self, given: Namespace) -> Table:
        """Show the newest entries that hold a text, and are like all that is given."""
        logger = self.door.session().logger()
        skipped: list[Skipped] = []
        newest = logger.iterate(
            given.since,
            given.until,
            cat=given.cat,
            log=given.text,
            logtype="error" if given.errors else None,
            ignore_case=given.ignore_case,
            last=given.limit + COUNTED,
            skipped=skipped,
        )
        return self._found(newest, given.limit, skipped, "no entry is like that")

    def _found(
        self, newest: Iterator[LogItem], limit: int, skipped: list[Skipped], none: str
    ) -> Table:
        items = list(islice(newest, limit))
        more = sum(1 for _ in newest)
        notes = [] if items else [none]
        if more == COUNTED:
            notes.append(f"showing {limit} of more than {COUNTED}")
        notes += [f"{one.path.name} is left out: {one.reason}" for one in skipped]
        total = limit + more if 0 < more < COUNTED else 0
        return log_table(self.door.session(), items[::-1], " · ".join(notes), total)

    def log(self, given: Namespace) -> Line:
        """Write an entry."""
        logger = self.door.session().logger()
        write = logger.error if given.error else logger.log
        return Line(str(write(" ".join(given.words), cat=given.cat)))

    def follow(self, given: Namespace) -> None:
        """Show entries as they are written, by any kernel, until Ctrl-C."""
        session = self.door.session()
        end_s = inf if given.seconds is None else monotonic() + given.seconds
        shell = self.door.shell
        show: Callable[[list[LogItem]], None] = self._say
        if shell is not None and hasattr(shell, "kernel"):
            show = self._live(shell, session, given.limit)
        with session.logger().follow() as follow:
            try:
                for items in _batches(follow, end_s):
                    show(items)
            except KeyboardInterrupt:
                return  # it is how one stops looking

    def _say(self, items: list[LogItem]) -> None:
        """A terminal cannot change what it has shown."""
        for item in items:
            self.door.say(item)

    def _live(
        self, shell: InteractiveShell, session: Session, limit: int
    ) -> Callable[[list[LogItem]], None]:
        """What shows the newest entries in one display, and takes in more of them."""
        publisher, display_id = shell.display_pub, os.urandom(16).hex()
        newest: deque[LogItem] = deque(maxlen=limit)
        count = -1

        def show(items: list[LogItem]) -> None:
            nonlocal count
            is_update, count = count >= 0, max(0, count) + len(items)
            newest.extend(items)
            note = "" if newest else "waiting for the next entry"
            table = log_table(session, newest, note, count if count > limit else 0)
            publisher.publish(
                self.door.shown(table),
                metadata={},
                transient={"display_id": display_id},
                update=is_update,
            )

        return show

    def path(self, _: Namespace) -> Path:
        """The folder of the log's files, one an hour."""
        return self.door.session().logger().path


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = LogVerbs(door)
    return Command(
        "%hero_log",
        "the session's log",
        {
            "show": Verb(verbs.show, _limit_argument),
            "list": Verb(verbs.show, _limit_argument),
            "search": Verb(verbs.search, _search_arguments),
            "log": Verb(verbs.log, _log_arguments),
            "follow": Verb(verbs.follow, _follow_arguments),
            "path": Verb(verbs.path),
        },
    )


def log_table(session: Session, items: Collection[LogItem], note: str, total: int = 0) -> Table:
    """Entries of a session's log, the last one below."""
    rows = tuple(
        (
            str(item.timestamp),
            item.cat,
            "ERROR" if item.logtype == "error" else "",
            item.log,
        )
        for item in items
    )
    return Table(
        ("time (UTC)", "category", "", "message"),
        rows,
        title=f"log of session {session.guid}",
        note=note,
        limit=max(1, len(rows)),
        total=total,
    )


def _batches(follow: Follow, end_s: float) -> Iterator[list[LogItem]]:
    """What is written, as often as it is to be shown; first nothing.

    Args:
        follow: Waits for entries, in a thread of its own, so that the last ones of many are shown
            even when no other follows. It ends when `follow` is closed.
        end_s: When to end, by the monotonic clock.
    """
    queue: SimpleQueue[LogItem | Exception] = SimpleQueue()

    def read() -> None:
        try:
            for item in follow:
                queue.put(item)
        except Exception as error:  # noqa: BLE001  # it is raised where it is seen
            queue.put(error)

    Thread(target=read, name="hero log", daemon=True).start()
    yield []
    while True:
        left_s = end_s - monotonic()
        items = []
        with suppress(Empty):
            one = queue.get(timeout=min(max(left_s, 0), WAIT_S))
            while True:
                if isinstance(one, Exception):
                    raise one
                items.append(one)
                one = queue.get_nowait()
        if items:
            yield items
            sleep(BETWEEN_SHOWN_S)
        elif left_s <= 0:
            return


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < inf:
        raise ArgumentTypeError(f"{text} is no number of seconds")
    return seconds


def _limit_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-n", "--limit", type=count, default=ROWS, metavar="N", help=f"entries; default: {ROWS}"
    )


def _category_argument(parser: ArgumentParser) -> None:
    category = parser.add_argument(
        "--cat", default="", metavar="CATEGORY", help="at most ten characters"
    )
    offers(category, "")


_NEGATIVE = re.compile(r"-\.?\d")
"""What argparse takes for a value, not for an option, from Python 3.14 on: `--since -1h`."""


def _search_arguments(parser: ArgumentParser) -> None:
    parser._negative_number_matcher = _NEGATIVE  # noqa: SLF001  # said above
    parser.add_argument(
        "text", nargs="?", default="", metavar="TEXT", help="in the message; one with blanks quoted"
    )
    parser.add_argument("-i", "--ignore-case", action="store_true", help="in whatever case")
    _category_argument(parser)
    parser.add_argument("--errors", action="store_true", help="only errors")
    parser.add_argument("--since", default="", metavar="TIME", help="-1h, or 2025-01-31 10:20")
    parser.add_argument("--until", default="", metavar="TIME", help="likewise")
    _limit_argument(parser)


def _log_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="TEXT", help="what happened")
    _category_argument(parser)
    parser.add_argument("--error", action="store_true", help="it went wrong")


def _follow_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=_seconds, metavar="S", help="for how long; default: until Ctrl-C"
    )
    _limit_argument(parser)
