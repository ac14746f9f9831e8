"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import tempfile
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from time import perf_counter

BIN = Path(sys.executable).parent
"""Where the programs of this environment are."""

PACKAGES = (
    "hero-kernel",
    "ipykernel",
    "ipython",
    "ipywidgets",
    "redis",
    "cryptography",
    "pyyaml",
    "rtoml",
    "lark",
    "doit",
    "invoke",
    "ansible-core",
    "diskcache",
    "sqlitedict",
    "structlog",
    "jupysql",
    "ipydatagrid",
    "itables",
    "jupyterlab",
)


def facts() -> dict[str, str]:
    """Facts by name, as text; what this system does not tell is left out."""
    found = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _field("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "load": " ".join(f"{one:.1f}" for one in os.getloadavg()),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "append and fdatasync": f"{_sync_us():.0f} µs",
    }
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {name: fact for name, fact in found.items() if fact}


def _field(path: str, name: str) -> str:
    """A field of one of Linux's tables, "" elsewhere."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":") for line in lines)
    return next((value.strip() for key, _, value in found if key.strip() == name), "")


def _sync_us() -> float:
    """What the disk of temporary files needs for a durable append: the limit of durable writes."""
    taken = []
    with tempfile.TemporaryFile(buffering=0) as file:
        for _ in range(50):
            begin = perf_counter()
            file.write(b"x" * 130)
            os.fdatasync(file.fileno())
            taken.append(perf_counter() - begin)
    return median(taken) * 1e6
