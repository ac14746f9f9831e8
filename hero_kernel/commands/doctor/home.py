"""The home folder: whose it is, who else may look, on what disk it lies, what was left over."""

from __future__ import annotations

import os
import re
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from hero_kernel.commands.doctor.finding import OK, PROBLEM, WARNING, Finding, plural
from hero_kernel.files import DRAFT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.commands.doctor.finding import Place

LOOKED_AT = 20_000
"""Files and folders that are looked at; a home with more is looked at in part."""

OLD_S = 3600.0
"""After so many seconds a file that was being written is a left-over."""

NETWORK = re.compile(
    r"(nfs\d?|cifs|smb\d?|smbfs|afpfs|afs|9p|ceph|glusterfs|lustre|beegfs|fuse\.(sshfs|rclone|s3fs|gcsfuse"
    r"|glusterfs)|osxfuse|macfuse|davfs|webdav|vboxsf|virtiofs|drvfs)$"
)
"""File systems of other machines: whether locks hold there is for their servers to say."""

_HOT = bytes.fromhex("d9d505f920a163d7")
"""How a rollback journal begins that has not been played back; sqlite.org/fileformat.html."""


def folder(place: Place) -> Iterator[Finding]:
    """Whether the home is there, is the user's, and can be written."""
    home = place.home
    named = place.environ.get("HERO_HOME", "")
    if named and not Path(named).expanduser().is_absolute():
        yield Finding(
            WARNING,
            f"HERO_HOME={named} is another folder wherever a program is started",
            f"set it to {home}",
        )
    try:
        found = home.stat()
    except FileNotFoundError:
        yield _not_there(home)
        return
    except OSError as error:
        yield Finding(PROBLEM, f"{home} cannot be looked at: {error.strerror}", "set HERO_HOME")
        return
    if not stat.S_ISDIR(found.st_mode):
        yield Finding(PROBLEM, f"{home} is not a folder", "move it away, or set HERO_HOME")
    elif not os.access(home, os.W_OK | os.X_OK):
        yield Finding(
            PROBLEM, f"{home} may not be written", "change its permissions, or set HERO_HOME"
        )
    else:
        yield Finding(OK, f"{home} can be written")


def _not_there(home: Path) -> Finding:
    above = next(path for path in home.parents if path.exists())
    if os.access(above, os.W_OK | os.X_OK):
        return Finding(OK, f"{home} is not there yet; the first write makes it")
    return Finding(
        PROBLEM,
        f"{home} is not there, and {above} may not be written",
        "make it, or set HERO_HOME",
    )


def disk(place: Place) -> Iterator[Finding]:
    """On what file system the home lies, and how much room is left."""
    there = next(path for path in (place.home, *place.home.parents) if path.exists()).resolve()
    mount = mounted(there, place.mounts)
    if mount is not None and NETWORK.match(mount.kind):
        state = WARNING if place.redis_url else PROBLEM
        yield Finding(
            state,
            f"{place.home} is on {mount.kind} ({mount.point}), a disk of another machine, where "
            "locks may not hold",
            "set HERO_HOME to a local disk, or keep the records in Redis by HERO_REDIS_URL",
        )
    elif mount is not None:
        yield Finding(OK, f"{place.home} is on {mount.kind}")
    if mount is not None and mount.is_read_only:
        yield Finding(
            PROBLEM, f"the disk of {place.home} ({mount.point}) is read-only", "set HERO_HOME"
        )
    free = shutil.disk_usage(there).free
    if free < place.room:
        yield Finding(
            PROBLEM if free < place.room // 20 else WARNING,
            f"the disk of {place.home} has {free >> 20} MiB free",
            "make room: what does not fit is not kept",
        )


@dataclass(frozen=True)
class Mount:
    """A file system: where it is, of what kind, and whether it may be written."""

    point: str
    kind: str
    is_read_only: bool


def mounted(path: Path, table: str) -> Mount | None:
    """The file system that a path is on; None when the table does not tell.

    Args:
        path: Without links.
        table: `/proc/mounts`, or what `mount` prints on macOS.
    """
    best = None
    for line in table.split("\n"):
        found = _LINUX.match(line) or _MACOS.match(line)
        if found is None:
            continue
        point = _OCTAL.sub(lambda one: chr(int(one[1], 8)), found["point"])
        options = re.split(r",\s*", found["options"])
        inside = path == Path(point) or Path(point) in path.parents
        if inside and (best is None or len(point) >= len(best.point)):
            kind = found["kind"] if "kind" in found.groupdict() else options[0]
            best = Mount(point, kind, bool({"ro", "read-only"} & set(options)))
    return best


_LINUX = re.compile(r"\S+ (?P<point>/\S*) (?P<kind>\S+) (?P<options>\S+) \d+ \d+$")
_MACOS = re.compile(r".+? on (?P<point>/.*) \((?P<options>[^)]+)\)$")
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass
class _Seen:
    """What a walk through the home came upon."""

    count: int = 0
    wide: list[Path] = field(default_factory=list)
    writable: list[Path] = field(default_factory=list)
    foreign: list[Path] = field(default_factory=list)
    drafts: list[Path] = field(default_factory=list)
    journals: list[Path] = field(default_factory=list)


def contents(place: Place) -> Iterator[Finding]:
    """Who may read what lies in the home, whose it is, and what killed processes left there."""
    if not place.home.is_dir():
        return
    seen = _walked(place.home)
    home = place.home
    if seen.foreign:
        yield Finding(
            PROBLEM,
            f"{plural(len(seen.foreign), 'file')} of {home} belong to another user, "
            f"as {seen.foreign[0]}",
            f"sudo chown -R {os.geteuid()} {home}",
        )
    if seen.writable:
        yield Finding(
            PROBLEM,
            f"others may change {plural(len(seen.writable), 'file')} of {home}, "
            f"as {seen.writable[0]}",
            f"chmod -R go-rwx {home}",
        )
    elif seen.wide:
        yield Finding(
            WARNING,
            f"others may read {plural(len(seen.wide), 'file')} of {home}, as {seen.wide[0]}",
            f"chmod -R go-rwx {home}",
        )
    for path in seen.journals:
        yield Finding(
            WARNING,
            f"a write was cut short: {path}",
            "nothing: the next use of it undoes the write",
        )
    if seen.drafts:
        yield Finding(
            WARNING,
            f"{plural(len(seen.drafts), 'file')} left by killed programs, as {seen.drafts[0]}",
            f"delete them: find {home} -name '.*{DRAFT}' -mmin +60 -delete",
        )
    if not (seen.foreign or seen.wide):
        more = " of the first" if seen.count >= LOOKED_AT else ""
        yield Finding(OK, f"nobody else may read{more} {plural(seen.count, 'file')} of {home}")


def _walked(home: Path) -> _Seen:
    seen, now_s = _Seen(), time()
    pending = [home]
    while pending and seen.count < LOOKED_AT:
        path = pending.pop()
        try:
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                continue
            if stat.S_ISDIR(found.st_mode):
                pending += path.iterdir()
        except OSError:  # gone meanwhile, or not for us: its mode says so
            continue
        seen.count += 1
        if hasattr(os, "geteuid"):  # elsewhere modes and owners say nothing
            _judge(path, found, seen)
        age_s = now_s - found.st_mtime
        if path.name.startswith(".") and path.suffix == DRAFT and age_s > OLD_S:
            seen.drafts.append(path)
        if path.name.endswith("-journal") and age_s > 1 and _is_hot(path):
            seen.journals.append(path)
    return seen


def _judge(path: Path, found: os.stat_result, seen: _Seen) -> None:
    if found.st_uid != os.geteuid():
        seen.foreign.append(path)
    if found.st_mode & 0o077:
        seen.wide.append(path)
    if found.st_mode & 0o022:
        seen.writable.append(path)


def _is_hot(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_HOT)) == _HOT
    except OSError:
        return False
