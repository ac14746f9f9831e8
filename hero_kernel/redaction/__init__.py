"""Redaction: values that must not be seen are cut out of text, however they are spelt.

A seat belt, not access control: it sees literal values in the spellings of `spellings`, not what
was transformed on purpose (reversed, hashed, printed letter by letter with spaces between), and
neither images nor binary buffers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.redaction.records import mask_record
    from hero_kernel.redaction.redactor import Redactor, Stream

__all__ = ["WITHHELD", "Redactor", "Stream", "mask_record"]

WITHHELD = "[output withheld: redaction error]"
"""What stands for an output that could not be masked: rather none than one that may leak."""

__getattr__ = found_in(
    __name__,
    {
        "records": ("mask_record",),
        "redactor": ("Redactor", "Stream"),
    },
)
