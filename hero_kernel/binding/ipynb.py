"""Ipynb: what a notebook's file says about itself; it is read and never written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

MAX_BYTES = 16 * 2**20
"""A larger file is not looked into: reading it would hold up the first cell for a second."""

NEIGHBOURS = 64
"""Notebooks of a folder that are looked into when one is looked for, the newest first."""

SKETCH = 32
"""Cells that a fingerprint remembers; it stands in the session's record, which magics read."""

HALF = 0.5
"""Two notebooks are one when at least this share of their cells is; see `share`."""

_MADE_BY_HAND = re.compile(r"[A-Za-z_ -]*\d*")
"""Ids that tell nothing: `7`, `cell-7`, `intro`. Tools that count give every notebook the same."""

_SHORTEST = 8
"""nbformat's own ids have eight characters."""


@dataclass(frozen=True, slots=True)
class Ipynb:
    """What is in a file.

    Attributes:
        hero: `metadata.hero`.
        ids: The cells' ids that were made by chance (nbformat 4.5 and later); None when there are
            cells and they have none, or the file was not read.
        fault: Why it was not read; empty when it was.
    """

    hero: Mapping[str, Any] = field(default_factory=dict)
    ids: frozenset[str] | None = None
    fault: str = ""


def read(path: Path) -> Ipynb:
    """Read a notebook's file; one that is broken, too large or no file is passed over."""
    import json  # noqa: PLC0415  # a program without a notebook does without

    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            return Ipynb(fault="it is no file")
        if status.st_size > MAX_BYTES:
            return Ipynb(fault=f"it is larger than {MAX_BYTES // 2**20} MiB")
        found = json.loads(path.read_bytes())
    except OSError as error:
        return Ipynb(fault=error.strerror or "it cannot be read")
    except (ValueError, RecursionError):
        return Ipynb(fault="it is no notebook")
    if not isinstance(found, dict):
        return Ipynb(fault="it is no notebook")
    metadata, cells = found.get("metadata"), found.get("cells")
    hero = metadata.get("hero") if isinstance(metadata, dict) else None
    ids = None
    if isinstance(cells, list):
        given = [cell.get("id") for cell in cells if isinstance(cell, dict)]
        telling = frozenset(one for one in given if isinstance(one, str) and is_telling(one))
        ids = telling if telling or not cells else None
    return Ipynb(hero if isinstance(hero, dict) else {}, ids)


def is_telling(cell_id: str) -> bool:
    """Whether an id was made by chance, so that no other notebook's cell has it."""
    return len(cell_id) >= _SHORTEST and _MADE_BY_HAND.fullmatch(cell_id) is None


def holding(folder: Path, cell_id: str) -> Path | None:
    """The one notebook in a folder that has a cell; None when none has it, or several copies."""
    if not is_telling(cell_id):
        return None
    found = [path for path in neighbours(folder) if cell_id in (read(path).ids or ())]
    return found[0] if len(found) == 1 else None


def neighbours(folder: Path) -> list[Path]:
    """The notebooks in a folder, the newest first, so many that looking into each is quick."""
    try:
        dated = [(path.stat().st_mtime, path) for path in islice(folder.glob("*.ipynb"), 1000)]
    except OSError:
        return []
    return [path for _, path in sorted(dated, reverse=True)[:NEIGHBOURS]]


def fingerprint(ids: Iterable[str]) -> tuple[str, ...]:
    """What is remembered of cells: the smallest of their ids' hashes, so that any two compare."""
    from hashlib import sha256  # noqa: PLC0415  # it loads OpenSSL, and a script has no notebook

    return tuple(sorted(sha256(one.encode("utf-8", "replace")).hexdigest()[:8] for one in ids))[
        :SKETCH
    ]


def share(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> float | None:
    """The share of the cells of the smaller notebook that the larger has too, from 0 to 1.

    Of the smaller, so that a notebook which has grown since is still itself. Each fingerprint
    speaks for the hashes up to its largest, and both are compared so far.

    Returns:
        None when one of them tells nothing.
    """
    if one is None or other is None or not (one or other):
        return None
    ends = [print_[-1] for print_ in (one, other) if len(print_) >= SKETCH]
    end = min(ends, default="g")  # after every hex digit
    ours, theirs = ({cell for cell in print_ if cell <= end} for print_ in (one, other))
    smaller = min(len(ours), len(theirs))
    return len(ours & theirs) / smaller if smaller else 0.0
