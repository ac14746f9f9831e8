"""Runs: the reports that are kept, the journals of those that go on, and which are unfinished."""

from hero_kernel.runs.journal import Journal
from hero_kernel.runs.kept import (
    collect,
    every,
    is_name,
    keep,
    load,
    mark,
    name,
    names,
    newest_first,
    recent,
    restore,
)
from hero_kernel.runs.unfinished import done_before, unfinished

__all__ = [
    "Journal",
    "collect",
    "done_before",
    "every",
    "is_name",
    "keep",
    "load",
    "mark",
    "name",
    "names",
    "newest_first",
    "recent",
    "restore",
    "unfinished",
]
