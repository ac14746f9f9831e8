"""Records: what `logging` writes, to files and terminals, is masked."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hero_kernel.redaction import WITHHELD, mask_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.redaction import Redactor


@contextmanager
def masked(redactor: Redactor) -> Iterator[None]:
    """Mask every record when it is made, and again, with its extra fields, at the root's handlers.

    Extra fields are added only after a record is made; handlers that other loggers have of their
    own write them as they are.
    """
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        mask(record)
        return record

    def mask(record: logging.LogRecord) -> bool:
        try:
            mask_record(record, redactor)
        except Exception:  # noqa: BLE001  # whatever it is, nothing must get out
            record.msg, record.args = WITHHELD, ()
            record.exc_info = record.exc_text = record.stack_info = None
        return True

    handlers = [*logging.root.handlers, *filter(None, [logging.lastResort])]
    for handler in handlers:
        handler.addFilter(mask)
    logging.setLogRecordFactory(factory)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(mask)
        if logging.getLogRecordFactory() is factory:
            logging.setLogRecordFactory(before)
