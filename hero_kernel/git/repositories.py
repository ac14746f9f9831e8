"""The repositories below a code root, and what people do in them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.errors import GitError, StoreError
from hero_kernel.git.addresses import check_ref
from hero_kernel.git.clones import HEADS, TAGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hero_kernel.git.clones import Clone

MAX_DEPTH = 6
"""Folders between a code root and a repository that are looked through."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A clone below a code root.

    Attributes:
        coderoot: The code root.
        provider: The first folder: a host, `github` for github.com.
        account: The folders between.
        name: The last one.
    """

    coderoot: Path
    provider: str
    account: str
    name: str

    @property
    def key(self) -> str:
        """`provider/account/name`, which is where it lies below the code root."""
        return f"{self.provider}/{self.account}/{self.name}"

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.coderoot / self.provider / self.account / self.name


def repositories(coderoot: Path) -> list[Repository]:
    """Every working copy below the code root, by its key; links are not followed."""
    return sorted(_below(coderoot, coderoot, ()), key=lambda one: one.key)


def _below(coderoot: Path, folder: Path, parts: tuple[str, ...]) -> Iterator[Repository]:
    try:
        with os.scandir(folder) as found:
            entries = [one for one in found if one.is_dir(follow_symlinks=False)]
    except OSError:  # not there, or not ours to read
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        inner, path = (*parts, entry.name), Path(entry.path)
        if len(inner) > 2 and (path / ".git").exists():  # noqa: PLR2004  # provider/account/name
            yield Repository(coderoot, inner[0], "/".join(inner[1:-1]), inner[-1])
        elif len(inner) < MAX_DEPTH:
            yield from _below(coderoot, path, inner)


def matching(
    found: Iterable[Repository],
    *,
    filter: str = "",
    name: str = "",
    account: str = "",
    provider: str = "",
) -> list[Repository]:
    """Those that are asked for; what is left empty matches all.

    Args:
        found: Among these.
        filter: Stands somewhere in the key.
        name: Is the name, in upper or lower case; likewise the account and the provider.
        account: As `name`.
        provider: As `name`; `github.com` is `github`.
    """
    provider = "github" if provider.lower() == "github.com" else provider
    wanted = ((name, "name"), (account, "account"), (provider, "provider"))
    return [
        one
        for one in found
        if filter.lower() in one.key.lower()
        and all(not text or text.lower() == getattr(one, field).lower() for text, field in wanted)
    ]


@dataclass(frozen=True, slots=True)
class State:
    """How a repository stands.

    Attributes:
        branch: What is checked out; the commit's hash in parentheses when on no branch.
        ahead: Commits that the origin has not, as far as known here.
        behind: Commits that the origin has more.
        changed: Files that are not committed.
    """

    branch: str
    ahead: int
    behind: int
    changed: int

    def __str__(self) -> str:
        said = [f"{self.changed} changed"] if self.changed else []
        said += [f"{self.ahead} to push"] if self.ahead else []
        said += [f"{self.behind} to pull"] if self.behind else []
        return ", ".join([self.branch, *said])


def state(clone: Clone) -> State:
    """How a repository stands, as far as known without the network."""
    said = clone.git("status", "--porcelain=v2", "--branch", "-z", "--no-renames").split("\0")
    facts = dict(line[2:].split(" ", 1) for line in said if line.startswith("# "))
    branch = facts.get("branch.head", "")
    if branch == "(detached)":
        branch = f"({facts.get('branch.oid', '')[:12]})"
    count = re.fullmatch(r"\+(\d+) -(\d+)", facts.get("branch.ab", ""))
    ahead, behind = (int(count[1]), int(count[2])) if count else (0, 0)
    changed = sum(1 for line in said if line and not line.startswith("# "))
    return State(branch, ahead, behind, changed)


def commit(clone: Clone, message: str) -> str:
    """Commit every change, new files too; the commit's hash, empty when there is none to make.

    Raises:
        GitError: git does not know who the user is.
    """
    if not clone.changes():
        return ""
    clone.git("add", "--all")
    # the message is one argument with its option: one that begins with - is no option
    clone.git("commit", "--quiet", "--no-verify", f"--message={message}")
    return clone.head().commit


def push(clone: Clone) -> bool:
    """Push the branch that is checked out to the origin; whether there was anything to push.

    Raises:
        GitError: No branch is checked out, or the origin has commits that are not here.
    """
    head = clone.head()
    if not head.branch:
        raise GitError(f"{clone.path} is on no branch", hint="switch to one first")
    if not head.commit:
        raise GitError(f"{clone.path} has no commit yet", hint="commit first")
    if clone.using.offline:
        raise GitError("the network must not be touched", hint="unset OFFLINE to push")
    if head.commit == clone.commit_of(f"refs/remotes/origin/{head.branch}"):
        return False
    ref = HEADS + head.branch
    clone.transfer("push", "--progress", "--no-verify", "origin", f"{ref}:{ref}")
    return True


def branch_create(clone: Clone, name: str) -> bool:
    """Make a branch where the repository stands, without going there; whether it was not there."""
    check_ref(name)
    if clone.commit_of(HEADS + name):
        return False
    clone.git("branch", "--no-track", name)
    return True


def tag_create(clone: Clone, name: str, message: str = "") -> bool:
    """Tag the commit that is checked out; whether it was not tagged so.

    Raises:
        GitError: The tag is at another commit.
    """
    check_ref(name)
    there, here = clone.commit_of(TAGS + name), clone.head().commit
    if there:
        if there != here:
            raise GitError(f"tag {name} is at {there[:12]}, not here", hint="choose another name")
        return False
    clone.git("tag", *([f"--message={message}"] if message else ["--no-sign"]), "--", name)
    return True


def tag_switch(clone: Clone, name: str) -> bool:
    """Check out a tag, fetched when it is unknown here; whether something else was.

    Raises:
        GitError: There is none, or uncommitted changes are in the way.
    """
    ref = TAGS + check_ref(name)
    if not clone.commit_of(ref) and not clone.using.offline:
        clone.fetch(ref)
    return clone.switch(ref)


def branch_switch(clone: Clone, name: str) -> bool:
    """Check out a branch, fetched when it is unknown here; whether another was.

    Raises:
        GitError: There is none, or uncommitted changes are in the way.
    """
    ref = HEADS + check_ref(name)
    if ref not in clone.refs() and not clone.using.offline:
        clone.fetch(ref)
    return clone.switch(ref)


def submodules(clone: Clone) -> None:
    """Bring the submodules to what the commit says, over https and ssh, or file for a local one."""
    if (clone.path / ".gitmodules").exists() and not clone.using.offline:
        clone.transfer("submodule", "update", "--init", "--recursive", "--progress")


def unpushed(clone: Clone) -> int:
    """How many commits are on no branch of the origin's, as known here, and under no tag."""
    said = clone.git("rev-list", "--count", "--all", "--not", "--remotes", "--tags")
    return int(said)


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    if count == 1:
        return f"1 {what}"
    return f"{count} {what[:-1]}ies" if what.endswith("y") else f"{count} {what}s"


def delete(one: Repository, clone: Clone) -> None:
    """Delete a repository from the disk, when nothing in it would be lost.

    Raises:
        GitError: It has uncommitted changes, or commits that are nowhere else, or it does not
            lie below the code root.
    """
    clone.check_clean("delete it")
    count = unpushed(clone)
    if count:
        raise GitError(
            f"{clone.path} has {counted(count, 'commit')} on no branch of the origin's",
            hint="push them, or delete the folder by hand",
        )
    try:
        files.remove(one.coderoot, one.path)
    except StoreError as error:
        raise GitError(error.message, hint=error.hint) from error


def lfs_files(clone: Clone) -> int:
    """How many files of the repository are kept by Git LFS."""
    listed = clone.git("ls-files", "-z", "--", ":(attr:filter=lfs)")
    return listed.count("\0")


def lfs_is_set_up(clone: Clone) -> bool:
    """Whether git knows here what to do with files that Git LFS keeps."""
    try:
        return bool(clone.git("config", "--get", "filter.lfs.process").strip())
    except GitError:
        return False


def lfs_set_up(clone: Clone) -> None:
    """Let Git LFS keep files in this repository, and bring those that are missing.

    Raises:
        GitError: It is not installed.
    """
    clone.git("lfs", "install", "--local", "--skip-repo")
    if not clone.using.offline:
        clone.transfer("lfs", "pull")
