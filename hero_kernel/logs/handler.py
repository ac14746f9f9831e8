"""Python's standard logging, into a log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from hero_kernel.logs.entry import CATEGORY_WIDTH, category
from hero_kernel.times import OurTime

if TYPE_CHECKING:
    from hero_kernel.logs.logger import Logger


class Handler(logging.Handler):
    """Writes records into a log: the message and the traceback, under the logger's name.

    A record from ERROR on is an error. Its time is when it was made, not when it gets here. What
    cannot be written is reported as `logging` reports it, on stderr; it never stops the program.
    """

    def __init__(self, log: Logger, level: int | str = logging.NOTSET) -> None:
        super().__init__(level)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            self._log.log(
                self.format(record),
                cat=short_category(record.name),
                logtype="error" if record.levelno >= logging.ERROR else "stdout",
                timestamp=OurTime(int(record.created)),
            )
        except Exception:  # noqa: BLE001 - as every handler of logging does
            self.handleError(record)


def short_category(name: str) -> str:
    """A logger's name as a category: whole where it fits, else the beginning of its last part."""
    plain = "".join(char for char in name if char.isascii() and char != "#")
    if len(plain) > CATEGORY_WIDTH:
        plain = plain.rpartition(".")[2]
    return category(plain[:CATEGORY_WIDTH])
