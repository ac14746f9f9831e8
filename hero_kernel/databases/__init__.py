"""Databases: the keys and values that a context keeps, one SQLite file for each database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.databases.collection import Databases
    from hero_kernel.databases.database import Database, DatabaseInfo
    from hero_kernel.databases.dbfs import Finding, ImportReport
    from hero_kernel.databases.glances import Glance
    from hero_kernel.databases.positions import Found, Positions
    from hero_kernel.databases.values import MAX_VALUE_BYTES, Value

__all__ = [
    "MAX_VALUE_BYTES",
    "Database",
    "DatabaseInfo",
    "Databases",
    "Finding",
    "Found",
    "Glance",
    "ImportReport",
    "Positions",
    "Value",
]

__getattr__ = found_in(
    __name__,
    {
        "collection": ("Databases",),
        "database": ("Database", "DatabaseInfo"),
        "dbfs": ("Finding", "ImportReport"),
        "glances": ("Glance",),
        "positions": ("Found", "Positions"),
        "values": ("MAX_VALUE_BYTES", "Value"),
    },
)
