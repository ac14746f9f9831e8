"""What happened: results of actions, and the report they make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.report.html import to_html
    from hero_kernel.report.model import (
        MIME,
        SCHEMA_VERSION,
        Changed,
        Failure,
        Report,
        Result,
        Skipped,
        State,
        Status,
        Written,
        row_from_dict,
        row_to_dict,
    )

__all__ = [
    "MIME",
    "SCHEMA_VERSION",
    "Changed",
    "Failure",
    "Report",
    "Result",
    "Skipped",
    "State",
    "Status",
    "Written",
    "row_from_dict",
    "row_to_dict",
    "to_html",
]

__getattr__ = found_in(
    __name__,
    {
        "html": ("to_html",),
        "model": (
            "MIME",
            "SCHEMA_VERSION",
            "Changed",
            "Failure",
            "Report",
            "Result",
            "Skipped",
            "State",
            "Status",
            "Written",
            "row_from_dict",
            "row_to_dict",
        ),
    },
)
