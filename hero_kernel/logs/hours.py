"""The hours' files: which there are, and their entries read without loading them whole."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from functools import partial
from io import FileIO
from typing import TYPE_CHECKING, NamedTuple

from hero_kernel.errors import StoreError
from hero_kernel.logs import entry
from hero_kernel.logs.locks import LOCK_SH, LOCK_UN, flock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOUR_S = 3600

PIECE = 2**18
"""Bytes read at a time, forwards; an entry that is longer is read whole."""

LAST_PIECE = 2**15
"""Bytes read at a time, backwards, where often few are wanted; each time twice as many."""

TAIL = 2**14
"""Bytes at the end of a piece in which its last entry is looked for; each time more."""

SAMPLE = 4096
"""Bytes at the beginning of a piece that tell how rare a byte is in it."""

RARE = 1024
"""A byte that stands once in so many, or less often, is found faster than several are."""

_NAME = re.compile(r"(\d{4}-\d\d-\d\d)[ -](\d\d)\.log")

# Everything is found by the line end before it: `re` is fast at searching for one letter.
_STAMP = re.compile(rb"\n(\d[\d: T-]*)(?=\r?\n|\r?\Z)")
_ENTRY = re.compile(
    rb"""
    \n ([ E])[ ]([^\n]{10})[ ]-(?:[ ]([^\n]*)|\r?(?=\n|\Z))
    ( (?: \n (?: [ E][ ]{14}[^\n]* | [ E][ ]{0,13}\r?(?=\n|\Z) ) )* )
    """,
    re.VERBOSE,
)
_START = re.compile(rb"\n(?=\d|[ E] [^\n]{10} -[ \r\n])")
_TEXT_COLUMN = 1 + len(entry.FURTHER_LINE)

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class Hour(NamedTuple):
    """An hour's file."""

    begin: int
    """The hour's first second, since 1970."""

    path: Path

    @property
    def day(self) -> str:
        """YYYY-MM-DD."""
        return self.path.name[:10]


class Needle(NamedTuple):
    """Bytes that stand in the lines of every entry that is looked for."""

    text: bytes
    folds: bool
    """Whether they are in lower case, and found in capitals as well."""


class Found(NamedTuple):
    """An entry's lines, and the stamp they stand under."""

    stamp: bytes | None
    lines: re.Match[bytes]
    begin: int
    """The byte of the file that its first line begins with."""

    @property
    def said(self) -> tuple[bytes, bytes, str]:
        """The mark, `E` for an error or else a blank; the padded category; the message."""
        mark, category, text, further = self.lines.groups()
        text = text or b""
        if further:
            text = b"\n".join([text, *(line[_TEXT_COLUMN:] for line in further.split(b"\n")[1:])])
        if b"\r" in text:
            text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
        return mark, category, text.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a log's folder that was left out because it cannot be read."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path.name}: {self.reason}"


def file_name(second: int) -> str:
    """The name of the file that holds the second's entries."""
    return f"{entry.stamp(second)[:13]}.log"


def is_file_name(name: str) -> bool:
    """Whether a file of that name holds an hour's entries."""
    return _NAME.fullmatch(name) is not None


def hour_of(name: str, folder: Path) -> Hour | None:
    """The hour of a file of that name, whether or not it is there; None when it names none."""
    said = _NAME.fullmatch(name)
    begin = entry.second_of(f"{said[1]} {said[2]}:00:00".encode()) if said else None
    return None if begin is None else Hour(begin, folder / name)


def listed(folder: Path, note: Callable[[Path, str], object]) -> list[Hour]:
    """The hours' files in a folder, oldest first; both spellings of their names are read.

    Args:
        folder: Need not be there.
        note: Is told of every log file whose name says no hour.

    Raises:
        StoreError: The folder cannot be read.
    """
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{folder} cannot be read: {error.strerror}") from error
    hours = []
    for path in paths:
        if path.suffix != ".log":
            continue
        hour = hour_of(path.name, folder)
        if hour is None:
            note(path, "its name is no hour, as in '2025-01-31 23.log'")
        else:
            hours.append(hour)
    return sorted(hours)


def opened(path: Path) -> FileIO:
    """The file, open for reading.

    Raises:
        OSError: It cannot be opened, or is no file: a link, a pipe, a folder.
    """
    file = FileIO(path, opener=lambda name, _flags: os.open(name, _READ))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a file")
    return file


def settled_size(file: FileIO) -> int:
    """The file's size at a moment when nobody is writing to it."""
    number = file.fileno()
    try:
        flock(number, LOCK_SH)
    except OSError:  # no locks here
        return os.fstat(number).st_size
    try:
        return os.fstat(number).st_size
    finally:
        flock(number, LOCK_UN)


def entries(file: FileIO, start: int, end: int, needle: Needle | None) -> Iterator[Found]:
    """The entries between two places in a file, as they stand there.

    Args:
        file: Nobody else moves its position while this runs.
        start: Where a line begins.
        end: Where one ends.
        needle: Entries that do not have it in their lines may be left out.
    """
    looked, stamp = 0, None  # the last stamp before that byte
    for offset, piece in _forwards(file, start, end):
        for found in _in_piece(piece, needle, offset):
            if found.stamp is None:
                if looked < offset:
                    stamp = _stamp_before(file, offset, looked)[1] or stamp
                    looked = offset
                yield found._replace(stamp=stamp)
            else:
                looked, stamp = found.begin, found.stamp
                yield found


def entries_backwards(file: FileIO, end: int, needle: Needle | None) -> Iterator[Found]:
    """The entries before a place in a file where a line ends, the last one first."""
    for _, batch in batches_backwards(file, end, needle):
        yield from reversed(batch)


def batches_backwards(
    file: FileIO, end: int, needle: Needle | None
) -> Iterator[tuple[int, list[Found]]]:
    """The same, piece by piece of the file: each with where it begins, its entries in order."""
    at, stamp = end + 1, None
    for offset, piece in _backwards(file, end):
        batch = list(_in_piece(piece, needle, offset))
        if batch and batch[0].stamp is None and at >= offset:
            at, stamp = _stamp_before(file, offset)
        yield offset + 1, [one if one.stamp else one._replace(stamp=stamp) for one in batch]


def last_stamp(data: bytes) -> re.Match[bytes] | None:
    """The last line that is a stamp, or a damaged one; its text is group 1."""
    return _last(_STAMP, data)


def _in_piece(piece: bytes, needle: Needle | None, offset: int) -> Iterator[Found]:
    """Its entries; those before its first stamp have none."""
    done, stamp, first = 0, None, offset + 1
    for lines in _matches(piece, needle):
        begin, end = lines.span()
        # Most often there is none, which is known sooner forwards.
        if begin > done and (next_one := _STAMP.search(piece, done, begin)):
            last = _last(_STAMP, piece, next_one.start(), begin) or next_one
            stamp = last[1]
        done = end
        # Found(…) in half the time
        yield _new(Found, (stamp, lines, first + begin))


_new = tuple.__new__

_FOLD_INTO_ASCII = ("\u212a".encode(), "\u0130".encode())
"""The Kelvin sign and the dotted I: the only letters that have ASCII in their lower case."""


def _matches(piece: bytes, needle: Needle | None) -> Iterator[re.Match[bytes]]:
    if needle is None:
        return _ENTRY.finditer(piece)
    if needle.folds and not piece.isascii() and any(odd in piece for odd in _FOLD_INTO_ASCII):
        return _ENTRY.finditer(piece)
    return _around_hits(piece, _finder(piece, needle))


def _around_hits(piece: bytes, find: Callable[[int], int]) -> Iterator[re.Match[bytes]]:
    done = 0
    while (hit := find(done)) >= 0:
        lines = _entry_around(piece, done, hit)
        if lines is None:
            done = hit + 1
        else:
            yield lines
            done = lines.end()


def _finder(piece: bytes, needle: Needle) -> Callable[[int], int]:
    """What tells where the needle stands next, from a place on; -1 when nowhere.

    No place may be before the one asked for last.
    """
    hits = _hits_by_rarest(piece, needle)
    if hits is None:
        return partial((piece.lower() if needle.folds else piece).find, needle.text)
    following = iter(hits)

    def find(start: int) -> int:
        for hit in following:
            if hit >= start:
                return hit
        return -1

    return find


def _hits_by_rarest(piece: bytes, needle: Needle) -> list[int] | None:
    """Where the needle stands, when one of its bytes is rare in the piece.

    One byte is found many times as fast as several, if it is not found often.
    """
    text, folds = needle
    sample = piece[:SAMPLE].lower() if folds else piece[:SAMPLE]
    rarest = min(set(text), key=sample.count)
    if sample.count(rarest) * RARE > SAMPLE:
        return None
    before, length = text.index(rarest), len(text)
    letter = bytes([rarest])
    hits = []
    for one in {letter, letter.upper()} if folds else {letter}:
        at = before - 1
        for _ in range(len(piece) // RARE + 1):
            at = piece.find(one, at + 1)
            if at < 0:
                break
            there = piece[at - before : at - before + length]
            if there == text or (folds and there.lower() == text):
                hits.append(at - before)
        else:
            return None
    return sorted(hits)


def _entry_around(piece: bytes, start: int, place: int) -> re.Match[bytes] | None:
    """The entry whose lines hold a place, if it begins after the start."""
    line = place + 1
    while (line := piece.rfind(b"\n", start, line)) >= 0:
        lines = _ENTRY.match(piece, line)
        if lines:
            return lines if lines.end() > place else None
    return None


def _forwards(file: FileIO, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """What stands between two places, cut before entries and stamps, with the line end before.

    Each piece comes with the place of that line end; the first line of a file has one before it.
    """
    at, size, tail = start - 1, PIECE, TAIL
    while True:
        begin = max(at, 0)
        stop = min(begin + size, end)
        if stop < end:
            # Looked for first: cutting what was read would copy all of it.
            cut = _last(_START, _read(file, max(stop - tail, begin + 1), stop))
            if not cut:
                size, tail = 2 * size, 8 * tail
                continue
            stop = max(stop - tail, begin + 1) + cut.start()
        piece = _read(file, begin, stop)
        yield at, piece if at >= 0 else b"\n" + piece
        if stop == end or begin + len(piece) < stop:  # or the file was cut short meanwhile
            return
        at, size, tail = stop, PIECE, TAIL


def _backwards(file: FileIO, end: int) -> Iterator[tuple[int, bytes]]:
    """The same from the end on, each piece with its place."""
    size = LAST_PIECE
    while end > 0:
        start = max(end - size, 0)
        piece = _read(file, start, end)
        if start == 0:
            yield -1, b"\n" + piece
            return
        cut = _START.search(piece)
        if cut:
            end = start + cut.start()
            yield end, piece[cut.start() :]
            size = min(2 * size, PIECE)
        else:
            size *= 2


def _stamp_before(file: FileIO, end: int, floor: int = 0) -> tuple[int, bytes | None]:
    """The stamp that holds at a place where a line ends, and its own place, from the floor on."""
    size = LAST_PIECE
    while end > floor:
        start = max(end - size, 0)
        before = _read(file, start, end)
        last = last_stamp(before if start else b"\n" + before)
        if last:
            return start + last.start(), last[1]
        end = start and start + 1 + len("YYYY-MM-DD HH:mm:ss")  # it may stand across the cut
        size = min(2 * size, PIECE)
    return -1, None


def _last(
    pattern: re.Pattern[bytes], data: bytes, start: int = 0, end: int | None = None
) -> re.Match[bytes] | None:
    """The last match, found from the end on; none is longer than its line."""
    end = len(data) if end is None else end
    size = 1024
    while True:
        low = max(start, end - size)
        last = None
        for last in pattern.finditer(data, low, end):  # noqa: B007 - the last one is wanted
            pass
        if last or low == start:
            return last
        size *= 16


def _read(file: FileIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
