"""Runs: the reports that are kept, the journals of those that go on, and which are unfinished."""

from hero_kernel.runs.journal import Journal
from hero_kernel.runs.kept import collect, keep, load, name, names, newest_first, recent
from hero_kernel.runs.unfinished import done_before, unfinished

__all__ = [
    "Journal",
    "collect",
    "done_before",
    "keep",
    "load",
    "name",
    "names",
    "newest_first",
    "recent",
    "unfinished",
]
