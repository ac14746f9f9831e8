"""Playbooks of others: fetched by git, run after an allowance, kept inside their clone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hero_kernel import allowed, git, sources
from hero_kernel.errors import GitError, NotAllowedError, SourceError
from hero_kernel.sources import Origin, SourceText

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel.allowed import Foreign
    from hero_kernel.git import Git


def fetch(
    url: str,
    *,
    home: Path,
    coderoot: Path,
    using: Git,
    path: str = "",
    pull: bool = False,
    reset: bool = False,
    branch: str = "",
    local: bool = False,
) -> tuple[SourceText, ...]:
    """Read the scripts that an address means, when the user has allowed exactly them.

    The repository is cloned below the code root when it is absent, and stays there to be read
    when it is not allowed. The next call finds it there, at the same commit.

    Args:
        url: Of a repository, or of a file or folder in it.
        home: Where permissions are kept.
        coderoot: Where the clone lies, at `provider/account/name`.
        using: How git is called.
        path: A file or folder in the repository, from where the address points to.
        pull: Move forward to what the repository has now.
        reset: The same, and throw away everything that is not committed and pushed.
        branch: A branch, tag or commit instead of the address's.
        local: Whether `file://` is accepted; only what the user wrote may.

    Raises:
        GitAddressError: It is no address that is fetched from.
        GitError: It cannot be fetched, or has nothing at the path.
        NotAllowedError: It was not allowed; the hint has the command that does.
        SourceError: What it points at cannot be read.
    """
    where = git.address(url, local=local)
    clone = git.checkout(
        where, coderoot, using=using, pull=pull, reset=reset, branch=branch, foreign=True
    )
    if not clone.commit:
        raise GitError(f"{where} has no commit yet", hint="there is nothing to run")
    inner = _inside(clone.path, clone.inner, path)
    origin = Origin(where.origin, clone.commit, clone.path)
    texts = sources.read(inner)
    _check(home, origin, texts, inner)
    return tuple(replace(text, origin=origin) for text in texts)


def beside(origin: Origin, path: Path, *, home: Path, using: Git) -> tuple[SourceText, ...]:
    """Read what a script of others brings in from its own clone.

    It was allowed at its commit, and so are the files beside it as long as they are as they were
    committed; one that was changed needs an allowance of its own.

    Args:
        origin: Where the script is from.
        path: What it asks for, in full.
        home: Where permissions are kept.
        using: How git is called.

    Raises:
        GitError: The clone is not there any more.
        NotAllowedError: The path leads out of the clone, or a file was changed.
        SourceError: There is nothing to read at the path.
    """
    root = origin.root.resolve()
    real = path.resolve()
    if not real.is_relative_to(root) or ".git" in real.relative_to(root).parts:
        raise NotAllowedError(
            f"a script of {origin} brings in {path}, which lies outside of its clone",
            hint="bring it in yourself, if it is meant to run",
        )
    texts = tuple(
        replace(text, path=origin.root / text.path.relative_to(root), origin=origin)
        for text in sources.read(real)
    )
    clone = git.Clone(origin.root, using, foreign=True)
    is_same = clone.head().commit == origin.commit
    if not is_same or not clone.is_as_committed([text.path for text in texts]):
        _check(home, replace(origin, commit=clone.head().commit), texts, path)
    return texts


def allow(home: Path, asked: str) -> Foreign:
    """Allow what was refused; see `allowed.allow`. An address may be in any spelling.

    Raises:
        NotAllowedError: Nothing like it was refused, several things were, or it is denied.
    """
    return allowed.allow(home, _spelt(asked))


def revoke(home: Path, asked: str) -> tuple[Foreign, ...]:
    """Take allowances back, of an address all; which ones."""
    return allowed.revoke(home, _spelt(asked))


def deny(home: Path, url: str) -> str:
    """Let nothing of a repository run, whatever was allowed; its address in one spelling.

    Raises:
        GitAddressError: It is no address.
    """
    origin = git.address(url, local=True).origin
    allowed.deny(home, origin)
    return origin


def undeny(home: Path, url: str) -> bool:
    """Take a denial back, which allows nothing yet; whether there was one.

    Raises:
        GitAddressError: It is no address.
    """
    return allowed.undeny(home, git.address(url, local=True).origin)


def _spelt(asked: str) -> str:
    """An address as origins are spelt, with its commit; a digest as it is."""
    asked = asked.strip()
    if asked.isalnum():
        return asked
    url, at, commit = asked.rpartition("@")
    if not at or not commit.isalnum():
        url, at, commit = asked, "", ""
    return git.address(url, local=True).origin + at + commit


def _inside(root: Path, start: Path, path: str) -> Path:
    """The path from there on, which may not lead out of the clone."""
    inner = start / path
    if path and not (start.is_dir() and inner.resolve().is_relative_to(root.resolve())):
        raise GitError(f"{path} does not lie in {start}", hint="name a file of the repository")
    if ".git" in inner.relative_to(root).parts:
        raise GitError(f"{path} lies in git's own folder", hint="name a file of the repository")
    return inner


def _check(home: Path, origin: Origin, texts: tuple[SourceText, ...], read: Path) -> None:
    if not texts:
        raise SourceError(f"{read} holds no script", hint="name a file, or another folder")
    named = [(text.path.relative_to(origin.root).as_posix(), text.text) for text in texts]
    allowed.check(home, allowed.foreign(origin.url, origin.commit, named), read=str(read))
