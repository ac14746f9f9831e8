"""Registry: which session of a context is a notebook's; the sessions' own records hold it.

A session that is bound by a notebook's path remembers the path, the path below its repository,
the machine, when that was, and a fingerprint of the cells. Two files are one notebook when

- they have one path, or are one file;
- one is not there any more, and the other has the same path below a repository of the same
  name: a project that was moved, or is on another machine too;
- one is not there any more, and half of their cells or more are the same: it was renamed.

When the other file is still there, or was renamed to a third, the new one is a copy, and has a
session of its own.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from hero_kernel import sessions
from hero_kernel.binding import ipynb
from hero_kernel.errors import (
    BadNameError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.contexts import Context
    from hero_kernel.sessions import Session, SessionConfig
    from hero_kernel.times import OurTime

_ROOTS = (".git", ".hg", ".jj")
"""What makes a folder a repository's root."""

_LONGEST = 50
"""Characters of a slug; room is left for a hash."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as it is met.

    Attributes:
        path: Its file.
        root: The code root or the repository that it is in, if any.
        machine: The machine's name.
        cells: The fingerprint of its cells; None when they tell nothing.
        inode: The file's number, which a rename keeps and a copy does not; empty when it is not
            there.
    """

    path: Path
    root: Path | None
    machine: str
    cells: tuple[str, ...] | None
    inode: str = ""

    @property
    def name(self) -> str:
        """The path as a record holds it."""
        return text(self.path)

    @property
    def relative(self) -> str:
        """The path from its root's own folder on; empty without a root."""
        return "" if self.root is None else text(Path(self.root.name, self.below))

    @property
    def below(self) -> str:
        """The path below its root; empty without a root."""
        return "" if self.root is None else text(self.path.relative_to(self.root))

    def seen(self, now: OurTime) -> dict[str, Any]:
        """What a session remembers of it, beside the path."""
        told = {
            "relative": self.relative,
            "machine": self.machine,
            "at": str(now),
            "inode": self.inode,
        }
        return told if self.cells is None else told | {"cells": " ".join(self.cells)}


@dataclass(frozen=True, slots=True)
class Entry:
    """What a session remembers of its notebook.

    Attributes:
        session: The session's name.
        path: The file; empty for a session that was named by hand.
        relative: As `Notebook.relative`.
        machine: Where the file is.
        at: When it was met last, UTC.
        cells: As `Notebook.cells`.
        inode: As `Notebook.inode`.
        is_ephemeral: Whether the session was made for one run, and is no notebook's.
    """

    session: str
    path: str
    relative: str
    machine: str
    at: str
    cells: tuple[str, ...] | None
    inode: str
    is_ephemeral: bool

    @classmethod
    def of(cls, session: Session, config: SessionConfig | None = None) -> Entry:
        """Read it from a session's record; what is not ours counts as nothing."""
        config = session.config if config is None else config
        told = {key: value for key, value in config.seen.items() if isinstance(value, str)}
        cells = tuple(told["cells"].split()) if "cells" in told else None
        relative, machine, at, inode = (
            told.get(key, "") for key in ("relative", "machine", "at", "inode")
        )
        return cls(
            session.name, config.notebook, relative, machine, at, cells, inode, config.ephemeral
        )

    def __str__(self) -> str:
        cells = "no cell ids" if self.cells is None else f"{len(self.cells)} cells known"
        place = f"{self.relative} on {self.machine}".strip() if self.at else ""
        told = f" ({place}; last met {self.at} UTC; {cells})" if self.at else ""
        return f"{self.path}{told}"

    @property
    def below(self) -> str:
        """The path below the root, without the root's own name."""
        return self.relative.partition("/")[2]


How: TypeAlias = Literal["new", "resumed", "renamed", "copied"]


class Found(NamedTuple):
    """The session for a notebook.

    Attributes:
        name: What it is called, or will be.
        how: How the notebook comes to it.
        entry: What decided: the session's notebook until now, or the one that this is a copy of.
    """

    name: str
    how: How
    entry: Entry | None = None


def met(path: Path, coderoot: Path, machine: str, cell_id: str = "") -> Notebook:
    """A notebook as it is on the disk, with the cell that runs: that may not be saved yet."""
    ids = ipynb.read(path).ids
    if ipynb.is_telling(cell_id) and "/" not in cell_id:  # a cell's, and not an address
        ids = (ids or frozenset()) | {cell_id}
    cells = None if ids is None else ipynb.fingerprint(ids)
    return Notebook(path, root(path, coderoot), machine, cells, _inode(path))


def _inode(path: Path) -> str:
    try:
        return str(path.stat().st_ino)
    except (OSError, ValueError):
        return ""


def text(path: Path) -> str:
    """A path as a record can hold it: a name on a disk need not be text."""
    return path.as_posix().encode("utf-8", "backslashreplace").decode()


def root(notebook: Path, coderoot: Path) -> Path | None:
    """The nearest folder above a notebook that is the code root or a repository's."""
    return next(
        (p for p in notebook.parents if p == coderoot or any((p / r).exists() for r in _ROOTS)),
        None,
    )


def slug(notebook: Path, coderoot: Path) -> str:
    """A session name from a notebook's path below the code root or its repository.

    `…/project/notebooks/01_intro.ipynb` gives `notebooks_01_intro`. Looks for repositories on the
    disk.
    """
    return _slug(notebook, root(notebook, coderoot))


def _slug(notebook: Path, root: Path | None) -> str:
    below = notebook.with_suffix("").relative_to(root or notebook.parent)
    name = re.sub(r"[^a-z0-9]+", "_", str(below).lower()).strip("_")[-_LONGEST:].lstrip("_")
    try:
        return sessions.canonical(name)
    except BadNameError:  # too short, or reserved
        return f"notebook_{name or _hash(notebook)}"


def claim(where: Context, notebook: Notebook, now: OurTime) -> tuple[Session, Found]:
    """The session of a context that is a notebook's, made when there is none; and how it was found.

    The record is changed only as it was when it was found: of two kernels that come at once for
    two notebooks, the second looks again.

    Raises:
        SessionError: Others were always quicker.
        CorruptRecordError: The session that the path names cannot be read.
    """
    seen, path = notebook.seen(now), notebook.name
    for _ in range(_TURNS):
        found = find(where, notebook)
        with suppress(SessionExistsError, SessionNotFoundError, _TakenError):
            if found.how in ("new", "copied"):
                return sessions.new(
                    where, found.name, notebook=path, seen=seen, exist_ok=False
                ), found
            expected = found.entry.path if found.entry is not None else ""

            def take(old: SessionConfig, expected: str = expected) -> SessionConfig:
                if old.ephemeral or old.notebook != expected:
                    raise _TakenError
                return replace(old, notebook=path, seen=seen)

            session = sessions.Session(where, found.name).resume(take)
            if found.how == "renamed" or expected not in ("", path):
                _point(where, notebook.path, session)
            return session, found
    raise SessionError(
        f"no session for {path} was to be had: others were quicker", hint="run the cell again"
    )


_TURNS = 20
"""Nobody is bound so often meanwhile; a loop without an end would hide a fault."""


class _TakenError(Exception):
    """Another kernel has bound the session meanwhile."""


def moved(session: Session, notebook: Notebook, now: OurTime) -> bool:
    """Note that the notebook of a session is another file now; whether it is.

    It is not while the old file still has it: then two notebooks use one kernel, and the session
    stays the first one's.
    """
    entry = Entry.of(session)
    if not entry.path or entry.is_ephemeral or _is_there(Path(entry.path), entry):
        return False
    seen, path = notebook.seen(now), notebook.name
    session.resume(
        lambda old: replace(old, notebook=path, seen=seen) if old.notebook == entry.path else old
    )
    _point(session.context, notebook.path, session)
    return True


POINTER = "sessions:notebook:"
"""At this and a hash of a path is the name of the session of a notebook that was renamed to it: a
short way, to be believed only when the session's own record says so too."""


def _point(where: Context, notebook: Path, session: Session) -> None:
    where.host.store.put(where.id, POINTER + _hash(notebook), session.name)


def _pointed(where: Context, notebook: Path) -> Entry | None:
    name = where.host.store.get(where.id, POINTER + _hash(notebook))
    return _entry(where, name) if name else None


def find(where: Context, notebook: Notebook) -> Found:
    """The session of a context that is a notebook's, or the name of one to be made.

    The session that the path's slug names is looked at first, and mostly it is the one; every
    record is read only for a notebook that is met the first time, or has just been renamed.
    """
    free = ""
    for name in _guesses(notebook):
        entry = _entry(where, name)
        if entry is None:
            free = name
            break
        if _is_surely(entry, notebook):
            return Found(name, "resumed", entry)
    entry = _pointed(where, notebook.path)
    if entry is not None and _is_surely(entry, notebook):
        return Found(entry.session, "resumed", entry)
    candidates = [one for entry in _entries(where) if (one := _compared(entry, notebook))]
    best = max(candidates, key=lambda one: (one.rank, one.share, one.entry.at), default=None)
    if best is not None and best.rank is not _Rank.COPY:
        how: How = "renamed" if best.rank is _Rank.RENAMED else "resumed"
        return Found(best.entry.session, how, best.entry)
    by_hand = _entry(where, _slug(notebook.path, notebook.root))
    if by_hand is not None and not by_hand.path and not by_hand.is_ephemeral:
        return Found(by_hand.session, "resumed", by_hand)
    return Found(free, "new") if best is None else Found(free, "copied", best.entry)


class _Rank(IntEnum):
    """What a session's notebook is to the one that is met; the strongest decides."""

    REPLACED = 0  # at this path was one with other cells
    COPY = 1
    RENAMED = 2
    ELSEWHERE = 3  # the project is in another place
    SAME = 4


class _Candidate(NamedTuple):
    rank: _Rank
    share: float
    entry: Entry


def _compared(entry: Entry, notebook: Notebook) -> _Candidate | None:
    """What a session's notebook is to this one; None for nothing."""
    if not entry.path or entry.is_ephemeral:
        return None
    share = ipynb.share(entry.cells, notebook.cells)
    rank = _rank(entry, notebook, share)
    return None if rank is None else _Candidate(rank, share or 0.0, entry)


def _rank(entry: Entry, notebook: Notebook, share: float | None) -> _Rank | None:
    if _is_path(entry, notebook):
        is_replaced = share == 0
        if is_replaced and _is_beside(entry, notebook):
            return None
        return _Rank.REPLACED if is_replaced else _Rank.SAME
    is_alike = share is not None and share >= ipynb.HALF
    is_placed_alike = entry.relative == notebook.relative != ""
    if not (is_alike or (share is None and is_placed_alike)):
        return None
    is_there = any(_is_there(path, entry) for path in _former(entry, notebook))
    if is_there or (is_alike and _is_renamed_beside(entry, notebook)):
        return _Rank.COPY if is_alike else None
    if is_placed_alike or entry.below == notebook.below != "":
        return _Rank.ELSEWHERE
    is_in_reach = entry.machine == notebook.machine or (entry.below and notebook.below)
    return _Rank.RENAMED if is_in_reach else _Rank.COPY  # elsewhere it may well be there


def _is_surely(entry: Entry, notebook: Notebook) -> bool:
    """Whether a session is the notebook's, whatever the others say."""
    is_same = not entry.is_ephemeral and _is_path(entry, notebook)
    return is_same and ipynb.share(entry.cells, notebook.cells) != 0


def _is_path(entry: Entry, notebook: Notebook) -> bool:
    """Whether both are at one path, or are one file."""
    if entry.path == notebook.name:
        return True
    try:
        return bool(entry.path) and notebook.path.samefile(entry.path)
    except (OSError, ValueError):
        return False


def _former(entry: Entry, notebook: Notebook) -> Iterator[Path]:
    """Where a session's notebook was, seen from here: also in this copy of its repository."""
    yield Path(entry.path)
    here = None if notebook.root is None or not entry.below else notebook.root / entry.below
    if here is not None and here != notebook.path:
        yield here


def _is_there(path: Path, entry: Entry) -> bool:
    """Whether a file still has a session's notebook; yes, for one that may not be looked at."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError:
        return True
    share = ipynb.share(entry.cells, _cells(path))
    return share is None or share >= ipynb.HALF


def _is_beside(entry: Entry, notebook: Notebook) -> bool:
    """Whether another notebook of the folder has the cells that the session's notebook had."""
    beside = (path for path in ipynb.neighbours(notebook.path.parent) if path != notebook.path)
    shares = (ipynb.share(entry.cells, _cells(path)) for path in beside)
    return any(share is not None and share >= ipynb.HALF for share in shares)


def _is_renamed_beside(entry: Entry, notebook: Notebook) -> bool:
    """Whether a session's notebook was renamed to another one: the very file is in the folder."""
    if entry.machine != notebook.machine or entry.inode in ("", notebook.inode):
        return False
    beside = ipynb.neighbours(Path(entry.path).parent)
    return any(_inode(path) == entry.inode and _is_there(path, entry) for path in beside)


def _cells(path: Path) -> tuple[str, ...] | None:
    ids = ipynb.read(path).ids
    return None if ids is None else ipynb.fingerprint(ids)


def _entry(where: Context, name: str) -> Entry | None:
    return Entry.of(sessions.get(where, name)) if sessions.exists(where, name) else None


def _entries(where: Context) -> Iterator[Entry]:
    for session, config in sessions.every_read(where):
        if not sessions.is_for_a_run(session.name):
            yield Entry.of(session, config)


def _guesses(notebook: Notebook) -> Iterator[str]:
    plain = _slug(notebook.path, notebook.root)
    yield plain
    hashed = f"{plain}_{_hash(notebook.path)}"
    yield hashed
    for number in count(2):
        yield f"{hashed}_{number}"


def _hash(notebook: Path) -> str:
    return sha256(str(notebook).encode(errors="surrogatepass")).hexdigest()[:8]
