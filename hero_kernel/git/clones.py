"""From an address to a folder: cloned when it is absent, on the branch that is meant."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeAlias

from hero_kernel import files
from hero_kernel.errors import GitAddressError, GitError, StoreError, did_you_mean
from hero_kernel.git.addresses import Address, address, check_ref, is_repository
from hero_kernel.git.command import Git, run

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from hero_kernel.git.addresses import RefKind

Ref: TypeAlias = str
"""A branch as `refs/heads/…`, a tag as `refs/tags/…`, or a commit's hash."""

HEADS = "refs/heads/"
TAGS = "refs/tags/"
REMOTE = "refs/remotes/origin/"

_COMMIT = re.compile(r"[0-9a-f]{7,40}|[0-9a-f]{64}")
_PREFIXES: dict[RefKind, tuple[str, ...]] = {
    "any": (HEADS, TAGS),
    "branch": (HEADS,),
    "tag": (TAGS,),
    "commit": (),
}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone, and what in it was meant.

    Attributes:
        path: The clone's folder.
        inner: What the address points at: a file or a folder in it.
        commit: The hash of what is checked out; empty when nothing was committed yet.
        branch: Its name; empty when a tag or a commit is checked out.
        changed: Whether anything was cloned, switched or moved.
    """

    path: Path
    inner: Path
    commit: str
    branch: str
    changed: bool


def checkout(
    where: Address,
    coderoot: Path,
    *,
    using: Git,
    pull: bool = False,
    reset: bool = False,
    branch: str = "",
    light: bool = False,
    foreign: bool = False,
) -> Checkout:
    """Have a repository below the code root, on the branch that the address names.

    An address without a branch means the default one for a new clone, and for one that is there
    whatever is checked out. Processes that ask for the same repository wait for each other.

    Args:
        where: What to have.
        coderoot: It lies below, at the address's `folder`.
        using: How git is called; its time is for each call.
        pull: Fetch, and move forward to what was fetched.
        reset: Fetch, and throw away everything that is not committed and pushed.
        branch: A branch, tag or commit instead of the address's.
        light: Only the last commit of each branch, for a new clone.
        foreign: Only what it takes to read a playbook of others: the last commit of the one
            branch, no symbolic links, and no more than `MAX_FETCHED` bytes.

    Raises:
        GitAddressError: The branch cannot name one.
        GitError: It cannot be had: not there, another repository in its place, uncommitted
            changes in the way of `pull` or of another branch, no network.
    """
    if branch:
        check_ref(branch)
    path = _place(where, coderoot)
    made = False
    if not os.path.lexists(path):
        if using.offline:
            raise GitError(
                f"{where} is not cloned, and the network must not be touched",
                hint="unset OFFLINE for a moment",
            )
        made = _clone(where, path, using=using, branch=branch, light=light, foreign=foreign)
    clone = Clone(path, using, foreign=foreign)
    clone.check_origin(where)
    with alone(path, using.timeout_s):
        before = clone.head()
        if reset:
            clone.discard()
        ref, inner = clone.resolve(where, branch)
        if ref:
            clone.switch(ref)
        if (reset or pull) and not made:
            clone.update(hard=reset)
        after = clone.head()
    return Checkout(
        path,
        inner=_inner(path, inner, where),
        commit=after.commit,
        branch=after.branch,
        changed=made or after != before,
    )


def _place(where: Address, coderoot: Path) -> Path:
    *parents, name = where.folder.split("/")
    try:
        path = files.folder(coderoot, *parents) / name
    except StoreError as error:
        raise GitError(error.message, hint=error.hint) from error
    if path.is_symlink() and not path.resolve().is_relative_to(coderoot.resolve()):
        raise GitError(f"{path} leads out of {coderoot}", hint="remove the link")
    return path


def _clone(
    where: Address, path: Path, *, using: Git, branch: str, light: bool, foreign: bool
) -> bool:
    """Clone beside the place and rename, so that half a clone never stands in it.

    Returns:
        Whether it was this process that did it.
    """
    url, options = where.url(), list[str]()
    if foreign:
        options += ["--depth=1", "--single-branch", *(f"--config={one}" for one in _ONLY_TEXT)]
    elif light:
        options += ["--depth=1", "--no-single-branch"]
    if branch or where.ref_kind is not None:
        ref, _ = _resolved(where, branch, remote_refs(where, path.parent, using))
        if ref.startswith("refs/"):
            options.append(f"--branch={ref.removeprefix(HEADS).removeprefix(TAGS)}")
    _sweep(path)
    try:
        with _draft(path) as draft:
            run(
                ["clone", "--progress", "--no-recurse-submodules", *options, "--", url, str(draft)],
                path.parent,
                using=using,
                protocols=protocols_of(where),
                growing=draft if foreign else None,
            )
            try:
                draft.rename(path)
            except OSError:
                if not is_repository(path):
                    raise
                return False  # another process was faster
    except OSError as error:
        raise GitError(f"{path}: {error.strerror}", hint="check its permissions") from error
    return True


_ONLY_TEXT = (
    "core.symlinks=false",
    *("filter.lfs.process=", "filter.lfs.smudge=", "filter.lfs.clean="),
    "filter.lfs.required=false",
)
"""Settings of a clone of others: a link is a text, and nothing is downloaded by Git LFS."""

_DRAFT = ".clone"
"""The suffix of a folder that is being cloned into."""


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """A folder beside the path to clone into, held while it is used and gone afterwards."""
    handle = None
    while handle is None:
        draft = Path(tempfile.mkdtemp(_DRAFT, f".{path.name}.", path.parent))
        handle = _hold(draft)  # another process may have swept it away before it was held
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(handle)


def _sweep(path: Path) -> None:
    """Delete what killed processes left of their clones: the folders that nobody holds."""
    for draft in path.parent.glob(f".{path.name}.*{_DRAFT}"):
        handle = _hold(draft)
        if handle is not None:
            shutil.rmtree(draft, ignore_errors=True)
            os.close(handle)


def _hold(path: Path) -> int | None:
    """Keep other processes from holding a file or folder until what is returned is closed.

    Returns:
        None when another one holds it, or it is not there.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = path.exists()
    except BlockingIOError:
        held = False
    if not held:
        os.close(handle)
    return handle if held else None


@contextmanager
def alone(path: Path, patience_s: float) -> Iterator[None]:
    """Keep other processes of ours out of a clone; a dead one holds nothing.

    Raises:
        GitError: Another one is at work in it for so many seconds, or it is not there.
    """
    deadline = monotonic() + patience_s
    while (handle := _hold(path / ".git")) is None:
        if not (path / ".git").exists():
            raise GitError(f"there is no working copy at {path}", hint="clone it again")
        if monotonic() >= deadline:
            raise GitError(f"another process is at work in {path}", hint="try again")
        sleep(_PAUSE_S)
    try:
        yield
    finally:
        os.close(handle)


_PAUSE_S = 0.02


def protocols_of(where: Address) -> str:
    """What git may fetch over for this address: nothing but its own kind of way."""
    return "file" if where.kind == "file" else "https:ssh"


def remote_refs(where: Address, cwd: Path, using: Git) -> set[Ref]:
    """The branches and tags that the repository has where it comes from."""
    listed = run(
        ["ls-remote", "--heads", "--tags", "--refs", "--", where.url()],
        cwd,
        using=using,
        protocols=protocols_of(where),
    )
    return {line.partition("\t")[2] for line in listed.splitlines()}


def _resolved(where: Address, branch: str, refs: Collection[Ref]) -> tuple[Ref, str]:
    """The ref and the path in the repository that are meant; no ref for the one that is there.

    Raises:
        GitError: There is no such ref.
    """
    ref, inner = "", where.path
    if where.ref_kind is not None:
        ref, inner = _longest(where.tail, where.ref_kind, refs)
        inner = inner if ref else where.path
    if branch:
        ref = _longest(branch, "any", refs, whole=True)[0]
    wanted = branch or where.branch
    if wanted and not ref:
        known = sorted(one.removeprefix(HEADS).removeprefix(TAGS) for one in refs)
        raise GitError(
            f"{where} has no branch, tag or commit {wanted}",
            hint=did_you_mean(wanted, known) or "it has none at all",
        )
    return ref, inner


def _longest(
    spelt: str, kind: RefKind, refs: Collection[Ref], *, whole: bool = False
) -> tuple[Ref, str]:
    """The longest beginning of the text that is a ref, and what follows it."""
    parts = spelt.split("/")
    for end in range(len(parts), len(parts) - 1 if whole else 0, -1):
        name = "/".join(parts[:end])
        for prefix in _PREFIXES[kind]:
            if prefix + name in refs:
                return prefix + name, "/".join(parts[end:])
    if kind in ("any", "commit") and _COMMIT.fullmatch(parts[0]):
        return parts[0], "/".join(parts[1:])
    return "", ""


def _inner(root: Path, inner: str, where: Address) -> Path:
    """What lies at the path in the clone.

    Raises:
        GitError: Nothing does, or a link that leads out.
    """
    path = root / inner
    if not path.exists():
        parent = next(one for one in path.parents if one.is_dir())
        there = [one.name for one in parent.iterdir() if one.name != ".git"]
        near = did_you_mean(path.relative_to(parent).parts[0], there)
        raise GitError(f"{where} has no {inner} in {root}", hint=near)
    if not path.resolve().is_relative_to(root.resolve()):
        raise GitError(f"{path} leads out of {root}", hint="name a file of the repository")
    return path


@dataclass(frozen=True, slots=True)
class Head:
    """What is checked out: a commit and the branch it is on; either is empty when there is none."""

    commit: str
    branch: str


@dataclass(frozen=True)
class Clone:
    """A repository on the disk, and how git is called in it."""

    path: Path
    using: Git
    foreign: bool = False

    def git(self, *args: str, growing: bool = False) -> str:
        """Run git here, over no protocol at all."""
        return self._run(args, "", growing=growing)

    def transfer(self, *args: str) -> str:
        """Run git here, over the protocols that the origin is reached by."""
        return self._run(args, protocols_of(self.origin()), growing=True)

    def _run(self, args: Sequence[str], protocols: str, *, growing: bool) -> str:
        return run(
            args,
            self.path,
            using=self.using,
            protocols=protocols,
            growing=self.path if growing and self.foreign else None,
        )

    def head(self) -> Head:
        """What is checked out; in a repository without a commit, only a branch."""
        try:
            said = self.git("rev-parse", "HEAD", "--symbolic-full-name", "HEAD").split("\n")
        except GitError:
            return Head("", self.git("symbolic-ref", "--short", "HEAD").strip())
        return Head(said[0], said[1].removeprefix(HEADS) if said[1].startswith(HEADS) else "")

    def origin(self) -> Address:
        """Where it was cloned from.

        Raises:
            GitError: It was cloned from nowhere.
            GitAddressError: That is no address.
        """
        if not is_repository(self.path):
            raise GitError(f"{self.path} is there, and is no repository", hint="move it away")
        try:
            url = self.git("config", "--get", "remote.origin.url").strip()
        except GitError as error:
            raise GitError(
                f"{self.path} has no remote called origin", hint="git remote add origin URL"
            ) from error
        if url.startswith("/"):
            url = f"file://{url}"
        # a clone made by hand may have a user in it; git needs it, a comparison does not
        return address(re.sub(r"^(https?://)[^/]*@", r"\1", url), local=True)

    def check_origin(self, where: Address) -> None:
        """Check that this is a clone of what is meant, and not of a namesake.

        Raises:
            GitError: It is not.
        """
        with suppress(GitAddressError):
            if self.origin().is_same_repository(where):
                return
        raise GitError(
            f"{self.path} is there, and is no clone of {where}",
            hint="move it away, or choose another coderoot",
        )

    def changes(self) -> list[str]:
        """The files that differ from what is committed, new ones too."""
        said = self.git("status", "--porcelain=v1", "-z", "--no-renames")
        return [line[3:] for line in said.split("\0") if line]

    def check_clean(self, what: str) -> None:
        """Check that nothing is uncommitted.

        Raises:
            GitError: Something is; the message names the files.
        """
        changed = self.changes()
        if changed:
            shown = ", ".join(changed[:_SHOWN])
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            raise GitError(
                f"{self.path} has uncommitted changes: {shown}{more}",
                hint=f"commit them, or reset, before you {what}",
            )

    def refs(self) -> set[Ref]:
        """The branches and tags known here, those of the origin as its own."""
        listed = self.git("for-each-ref", "--format=%(refname)", HEADS, REMOTE, TAGS)
        names = (line.replace(REMOTE, HEADS, 1) for line in listed.splitlines())
        return {name for name in names if name != f"{HEADS}HEAD"}

    def resolve(self, where: Address, branch: str) -> tuple[Ref, str]:
        """The ref and the path that are meant, asking the origin for a ref unknown here.

        Raises:
            GitError: There is no such ref.
        """
        if not branch and where.ref_kind is None:
            return "", where.path
        try:
            return _resolved(where, branch, self.refs())
        except GitError:
            if self.using.offline:
                raise
        ref, inner = _resolved(where, branch, remote_refs(where, self.path, self.using))
        self.fetch(ref)
        return ref, inner

    def fetch(self, ref: Ref) -> None:
        """Bring a branch, a tag or a commit from the origin."""
        if ref.startswith(HEADS):
            ref = f"+{ref}:{REMOTE}{ref.removeprefix(HEADS)}"
        elif ref.startswith(TAGS):
            ref = f"+{ref}:{ref}"
        is_shallow = (self.path / ".git" / "shallow").exists()
        known = self.commit_of(ref.rpartition(":")[2])
        depth = ["--depth=1"] if is_shallow and not known else []
        self.transfer("fetch", "--progress", "--no-recurse-submodules", *depth, "origin", ref)

    def commit_of(self, ref: Ref) -> str:
        """The hash of the commit that a ref means here; empty when there is none."""
        with suppress(GitError):
            return self.git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        return ""

    def switch(self, ref: Ref) -> bool:
        """Check out a branch, tag or commit that is not; whether it was not.

        Raises:
            GitError: Uncommitted changes are in the way, or it cannot be fetched.
        """
        head = self.head()
        if ref.startswith(HEADS):
            branch = ref.removeprefix(HEADS)
            if head.branch == branch:
                return False
            self.check_clean(f"go to {branch}")
            if self.commit_of(ref):
                self.git("switch", branch, growing=True)
            else:
                self._follow(branch)
                self.git("switch", "--create", branch, "--track", f"origin/{branch}", growing=True)
            return True
        if not ref.startswith(TAGS) and not self.commit_of(ref) and not self.using.offline:
            self.fetch(ref)
        commit = self.git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()
        if not head.branch and head.commit == commit:
            return False
        self.check_clean(f"go to {ref.removeprefix(TAGS)}")
        self.git("switch", "--detach", commit, growing=True)
        return True

    def _follow(self, branch: str) -> None:
        """Let a clone of a single branch know another one of the origin's."""
        known = self.git("config", "--get-all", "remote.origin.fetch").split()
        covered = (f"+{HEADS}*:{REMOTE}*", f"+{HEADS}{branch}:{REMOTE}{branch}")
        if not any(one in covered for one in known):
            self.git("remote", "set-branches", "--add", "origin", branch)

    def discard(self) -> None:
        """Throw away every uncommitted change, new and ignored files too."""
        if self.changes():
            self.git("reset", "--hard", "--quiet", "HEAD")
        self.git("clean", "-f", "-d", "-x", "--quiet")

    def update(self, *, hard: bool) -> bool:
        """Fetch the branch and move forward to what the origin has; whether it moved.

        What is checked out without a branch stays. Offline, nothing is fetched.

        Args:
            hard: Throw away what is not committed, and commits that the origin has not.

        Raises:
            GitError: There are uncommitted changes, or commits that the origin has not, and
                they may not be thrown away.
        """
        before = self.head()
        if not hard:
            self.check_clean("pull")
        if not before.branch:
            return False
        if not self.using.offline:
            self.fetch(HEADS + before.branch)
        there = REMOTE + before.branch
        if not self.commit_of(there):
            raise GitError(f"origin has no branch {before.branch}", hint="push it first")
        if hard:
            self.git("reset", "--hard", "--quiet", there, growing=True)
            self.git("clean", "-f", "-d", "-x", "--quiet")
        else:
            self.git("merge", "--ff-only", "--quiet", there, growing=True)
        return self.head() != before

    def is_as_committed(self, paths: Sequence[Path]) -> bool:
        """Whether files of the clone have the content that is committed."""
        names = [f":(top,literal){path.relative_to(self.path).as_posix()}" for path in paths]
        return not self.git(
            "status", "--porcelain=v1", "-z", "--no-renames", "--ignored", "--", *names
        )


_SHOWN = 5
