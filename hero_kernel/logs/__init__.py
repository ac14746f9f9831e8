"""Logs: what happened in a session, in a readable file an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.logs.entry import LogItem, LogType
    from hero_kernel.logs.follow import Follow
    from hero_kernel.logs.hours import Skipped, is_file_name
    from hero_kernel.logs.logger import Logger
    from hero_kernel.logs.search import Page, Placed

__all__ = [
    "Follow",
    "LogItem",
    "LogType",
    "Logger",
    "Page",
    "Placed",
    "Skipped",
    "is_file_name",
]

__getattr__ = found_in(
    __name__,
    {
        "entry": ("LogItem", "LogType"),
        "follow": ("Follow",),
        "hours": ("Skipped", "is_file_name"),
        "logger": ("Logger",),
        "search": ("Page", "Placed"),
    },
)
