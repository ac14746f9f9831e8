"""The panel of a session's log: its end as it grows, and all of it by pages."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from hero_kernel import times
from hero_kernel.errors import UsageError
from hero_kernel.logs import Page
from hero_kernel.logs.entry import category
from magics.log import log_table
from magics.panels import given
from magics.panels.view import Followed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Session
    from hero_kernel.logs import Logger, Placed
    from magics.display import Table
    from magics.doorway import Door

FIRST = 200
"""Entries that the panel begins with, and that a page has."""

STILL = 40
"""Entries that a saved notebook shows."""

MOST_NEW = 2000
"""Entries that are told at once: as many as the panel shows; of more, the last ones are told."""

MAX_TEXT = 2000
"""Characters of a message that are sent unasked; the whole of a longer one is asked for."""

PIECE_S = 0.15
"""A page is looked for so long; then it is sent as it is, and the panel asks for more."""

FORGOTTEN_S = 30.0
"""Who did not ask for news for so long begins anew with the end of the log."""


class View(Followed):
    """The newest entries, and those that are written from now on, by anyone."""

    kind = "log"

    def __init__(self, door: Door, session: Session | None = None) -> None:
        super().__init__(door, session)
        self._lock = Lock()
        self._tail: _Tail | None = None

    @property
    def title(self) -> str:
        """The session's name with its context's."""
        return f"log of {self.session().guid}"

    def mark(self) -> object:
        """Whose log is followed, and since when."""
        with self._lock:
            tail = self._followed()
            return tail.guid, tail.began_s

    def state(self) -> dict[str, Any]:
        """The newest entries, where older ones are, and the number of the news that come next."""
        with self._lock:
            tail = self._followed()
            tail.take()
            end = tail.follow.place
            page = tail.logger.page(before=end, limit=FIRST) if end else Page((), None)
            return {"session": tail.guid, "next": tail.count, **_page(page)}

    def news(self) -> tuple[int, list[Any]]:
        """What was written since."""
        with self._lock:
            tail = self._tail
            if tail is None:
                return 0, []
            tail.take()
            new, tail.new = tail.new, []
            return tail.count - len(new), [_row(one) for one in new]

    def still(self) -> Sequence[Table]:
        """The newest entries, the last one below."""
        session = self.session()
        page = session.logger().page(limit=STILL)
        note = "" if page.entries else "nothing is logged yet"
        if page.before is not None:
            note = f"the last {STILL}; %hero_log show -n 200 shows more"
        return [log_table(session, [one.item for one in page.entries], note)]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """A page of what is there, the whole of a long message; and an entry is written."""
        return {"page": self._page, "whole": self._whole, "write": self._write}

    def _page(
        self,
        *,
        before: str = "",
        text: str = "",
        cat: str = "",
        errors: bool = False,
        since: str = "",
        until: str = "",
    ) -> dict[str, Any]:
        now = self.door.workspace.now()
        begin, end = (
            times.new(given.text(moment, what), now=now) if moment else None
            for moment, what in ((since, "from"), (until, "to"))
        )
        about = category(given.text(cat, "the category"))
        page = self.session().logger().page(
            begin,
            end,
            about,
            given.text(text, "the text"),
            "error" if given.flag(errors, "errors") else None,
            before=given.text(before, "the place"),
            limit=FIRST,
            within_s=PIECE_S,
        )  # fmt: skip
        limits = {"since": begin and begin.unix, "until": end and end.unix}
        return {**_page(page), **limits, "cat": about}

    def _whole(self, *, place: str) -> str:
        return self.session().logger().at(given.text(place, "the place")).log

    def _write(self, *, text: str, cat: str = "", error: bool = False) -> None:
        message, category = given.text(text, "the message"), given.text(cat, "the category")
        is_error = given.flag(error, "error")
        if not message.strip():
            raise UsageError("there is nothing to write", hint="type a message")
        logger = self.session().logger()
        (logger.error if is_error else logger.log)(message, cat=category)

    def _followed(self) -> _Tail:
        """What follows the log of the session; another one when it is another, or was left."""
        session = self.session()
        logger, tail = session.logger(), self._tail
        if tail is None or tail.logger is not logger or tail.is_left:
            first = 0
            if tail is not None:
                tail.follow.close()
                first = tail.count + 1  # a number is left out: front ends ask for the state
            tail = self._tail = _Tail(session.guid, logger, first)
        return tail


class _Tail:
    """A log from some moment on: the number of the next entry, and those that were not told."""

    def __init__(self, guid: str, logger: Logger, first: int) -> None:
        self.guid = guid
        self.logger = logger
        self.follow = logger.follow()
        self.began_s = self._taken_s = monotonic()
        self.count = first
        self.new: list[Placed] = []

    @property
    def is_left(self) -> bool:
        """Whether nobody has asked for so long that it would be too much to tell."""
        return monotonic() - self._taken_s > FORGOTTEN_S

    def take(self) -> None:
        """Take in what was written since."""
        self._taken_s = monotonic()
        fresh = self.follow.fresh()
        self.count += len(fresh)
        self.new = (self.new + fresh)[-MOST_NEW:]


def _page(page: Page) -> dict[str, Any]:
    skipped = [str(one) for one in page.skipped]
    return {
        "rows": [_row(one) for one in page.entries],
        "before": page.before,
        "skipped": skipped,
    }


def _row(one: Placed) -> dict[str, Any]:
    item = one.item
    row = {
        "place": one.place,
        "at": item.timestamp.unix,
        "cat": item.cat,
        "error": item.logtype == "error",
        "text": item.log[:MAX_TEXT],
    }
    return row | {"long": len(item.log)} if len(item.log) > MAX_TEXT else row
