"""Which playbooks of others may run: what the user has read and allowed, byte for byte.

As direnv does it: an allowance is a file whose name is the SHA-256 of where the texts come from,
of the commit, and of what they say. When one of these changes, the name does, and the allowance
is void. A denial is by origin, and wins.

    HERO_HOME/allow/$digest      allowed
    HERO_HOME/deny/$origin       denied; the name is the SHA-256 of the origin
    HERO_HOME/pending/$digest    refused, and waiting for an answer

Each file says in JSON what its name stands for. Playbooks of the user's own, cells, files and
folders of the disk, need no allowance.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.errors import NotAllowedError, ReadOnlyStoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHORT = 16
"""Hex digits of a digest that a user is asked to type: 64 bits, which nobody finds a second
playbook for."""

MAX_PENDING = 100
"""How many refusals are remembered; the oldest make room."""

_ALLOW, _DENY, _PENDING = "allow", "deny", "pending"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_HASH = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True, slots=True)
class Foreign:
    """Texts that came from elsewhere, by what tells them from all others.

    Attributes:
        origin: The repository's address, in one spelling.
        commit: The hash of the commit they were read at.
        digest: SHA-256 in hex of origin, commit and texts.
        names: Their paths in the repository.
    """

    origin: str
    commit: str
    digest: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(self.names[:3]) + (", …" if len(self.names) > 3 else "")  # noqa: PLR2004
        return f"{self.origin}@{self.commit[:12]}" + (f" ({shown})" if shown else "")


def foreign(origin: str, commit: str, texts: Sequence[tuple[str, str]]) -> Foreign:
    """What tells these texts from all others.

    Args:
        origin: The repository's address, in one spelling.
        commit: The hash of the commit.
        texts: Path in the repository and content of each, in the order of reading.
    """
    seen = sha256(f"{origin}\n{commit}\n".encode())
    for name, text in texts:
        content = text.encode("utf-8", "surrogatepass")
        seen.update(f"{name}\n{len(content)}\n".encode("utf-8", "surrogatepass"))
        seen.update(content)
    return Foreign(origin, commit, seen.hexdigest(), tuple(name for name, _ in texts))


def is_allowed(home: Path, what: Foreign) -> bool:
    """Whether exactly these texts were allowed, and their origin is not denied."""
    return not is_denied(home, what.origin) and (home / _ALLOW / what.digest).is_file()


def is_denied(home: Path, origin: str) -> bool:
    """Whether nothing of this origin may run."""
    return (home / _DENY / _key(origin)).is_file()


def check(home: Path, what: Foreign, *, read: str = "") -> None:
    """Let texts pass that were allowed; remember others as refused, so that they can be.

    Args:
        home: Where permissions are kept.
        what: The texts.
        read: Where the user can read them.

    Raises:
        NotAllowedError: They were not allowed, or their origin is denied; the hint has the
            command that allows exactly them.
    """
    if is_denied(home, what.origin):
        raise NotAllowedError(
            f"{what.origin} is denied",
            hint=f"%hero undeny {what.origin} takes it back",
        )
    if is_allowed(home, what):
        return
    _keep(home, _PENDING, what.digest, what)
    _forget_oldest(home)
    short = what.digest[:SHORT]
    where = f"read {read}, then " if read else ""
    raise NotAllowedError(
        f"{what} is not allowed to run",
        hint=f"{where}%hero allow {short} or, on a command line, hero-kernel allow {short}",
    )


def allow(home: Path, asked: str) -> Foreign:
    """Allow texts that were refused: exactly those, at that commit.

    Args:
        home: Where permissions are kept.
        asked: The beginning of the digest, `origin@commit`, or an origin of which only one
            thing was refused.

    Returns:
        What is allowed now.

    Raises:
        NotAllowedError: Nothing like it was refused, several things were, or it is denied.
    """
    asked = asked.strip()
    found = _asked(pending(home), asked) or _asked(allowed(home), asked)
    if not found:
        raise NotAllowedError(
            f"nothing called {asked} was refused",
            hint="run the playbook first: only what was fetched and shown can be allowed",
        )
    if len(found) > 1:
        raise NotAllowedError(
            f"{asked} may mean " + ", ".join(f"{one} [{one.digest[:SHORT]}]" for one in found),
            hint="%hero allow, and what stands in brackets",
        )
    (what,) = found
    if is_denied(home, what.origin):
        raise NotAllowedError(
            f"{what.origin} is denied", hint=f"%hero undeny {what.origin} comes first"
        )
    _keep(home, _ALLOW, what.digest, what)
    _drop(home / _PENDING / what.digest)
    return what


def revoke(home: Path, asked: str) -> tuple[Foreign, ...]:
    """Take allowances back; which ones.

    Args:
        home: Where permissions are kept.
        asked: As for `allow`; an origin means all of its.
    """
    found = _asked(allowed(home), asked.strip())
    for what in found:
        _drop(home / _ALLOW / what.digest)
    return tuple(found)


def deny(home: Path, origin: str) -> None:
    """Let nothing of an origin run, allowed before or not; its allowances are taken back."""
    _keep(home, _DENY, _key(origin), Foreign(origin, "", _key(origin)))
    revoke(home, origin)
    for what in _asked(pending(home), origin):
        _drop(home / _PENDING / what.digest)


def undeny(home: Path, origin: str) -> bool:
    """Take a denial back, which allows nothing yet; whether there was one."""
    path = home / _DENY / _key(origin)
    was = path.is_file()
    _drop(path)
    return was


def allowed(home: Path) -> list[Foreign]:
    """What may run, by origin."""
    return _kept(home, _ALLOW)


def denied(home: Path) -> list[str]:
    """The origins of which nothing may run."""
    return [what.origin for what in _kept(home, _DENY)]


def pending(home: Path) -> list[Foreign]:
    """What was refused and waits for an answer, by origin."""
    return _kept(home, _PENDING)


def _asked(known: list[Foreign], asked: str) -> list[Foreign]:
    """Those that a user may mean."""
    if _HASH.fullmatch(asked) and len(asked) >= SHORT:
        return [what for what in known if what.digest.startswith(asked)]
    origin, _, commit = asked.rpartition("@")
    if origin and _HASH.fullmatch(commit):
        return [w for w in known if w.origin == origin and w.commit.startswith(commit)]
    return [what for what in known if what.origin == asked]


def _key(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()


def _keep(home: Path, kind: str, key: str, what: Foreign) -> None:
    text = json.dumps(asdict(what), ensure_ascii=False, indent=1)
    files.write(files.folder(home, kind) / key, text.encode("utf-8", "backslashreplace"))


def _kept(home: Path, kind: str) -> list[Foreign]:
    """What the files say; one that cannot be read, or says what it is not called, is left out."""
    found: list[Foreign] = []
    folder = home / kind
    for path in folder.iterdir() if folder.is_dir() else ():
        if not _DIGEST.fullmatch(path.name):
            continue
        try:
            said = json.loads(files.read(path))
            what = Foreign(
                str(said["origin"]), str(said["commit"]), path.name, tuple(map(str, said["names"]))
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found.append(what)
    return sorted(found, key=lambda what: (what.origin, what.commit, what.names))


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ReadOnlyStoreError(
            f"{path} cannot be deleted: {error.strerror}", hint="check its permissions"
        ) from error


def _forget_oldest(home: Path) -> None:
    folder = home / _PENDING
    paths = [path for path in folder.iterdir() if _DIGEST.fullmatch(path.name)]
    if len(paths) > MAX_PENDING:
        with suppress(FileNotFoundError):  # another process forgets too
            paths.sort(key=lambda path: path.stat().st_mtime_ns)
        for path in paths[:-MAX_PENDING]:
            _drop(path)
