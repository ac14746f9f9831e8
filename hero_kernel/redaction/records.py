"""Records: what `logging` is given, masked before any handler writes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hero_kernel.redaction.redactor import Redactor

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""The attributes that every record has; the others came as `extra`."""

_FORMATTER = logging.Formatter()


def mask_record(record: logging.LogRecord, redactor: Redactor) -> None:
    """Mask a record's message, traceback, stack and extra fields in place.

    A record without any value keeps its template and arguments. One with a value loses them, and
    the exception itself, for the text: a formatter must not find it again.
    """
    if redactor.is_empty:
        return
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # the arguments do not fit: the handler says so, in its way
        message = f"{record.msg} {record.args}"
    masked = redactor.mask(message)
    if masked != message:
        record.msg, record.args = masked, ()
    told = record.exc_text or ""
    if not told and record.exc_info and record.exc_info[0] is not None:
        told = _FORMATTER.formatException(record.exc_info)
    if (masked := redactor.mask(told)) != told:
        record.exc_text, record.exc_info = masked, None
    if record.stack_info:
        record.stack_info = redactor.mask(record.stack_info)
    for key in vars(record).keys() - _OWN:
        setattr(record, key, _masked_field(getattr(record, key), redactor))


def _masked_field(value: Any, redactor: Redactor) -> Any:
    """A field's value, with those of any other type as the text they would be written as."""
    if value is None or isinstance(value, (str, bytes, int, float, list, tuple, dict)):
        return redactor.mask_data(value)
    told = str(value)
    masked = redactor.mask(told)
    return value if masked == told else masked
