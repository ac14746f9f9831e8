"""The `git` actor: repositories below the code root.

Git runs without a shell, without hooks and without asking anybody; see `hero_kernel.git`. With
`OFFLINE=1` in the environment nothing is fetched or pushed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from hero_kernel import files, git
from hero_kernel.actors import foreign
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError, GitError
from hero_kernel.git import repositories as repos
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed, Skipped
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hero_kernel.git import Address, Clone, Git
    from hero_kernel.git.repositories import Repository

TIMEOUT_S = 600
"""How long a transfer may take that the user asked for and watches."""

LIGHT, OFFLINE, SSH_KEY = "git_light", "git_offline", "git_ssh_key_path"
"""Parameters of the context that `git.define` sets."""

RepoAction: TypeAlias = Literal[
    "pull",
    "commit",
    "push",
    "reset",
    "branch_create",
    "branch_switch",
    "tag_create",
    "tag_switch",
    "delete",
]


@mark("git.define")
def define(
    session: Session,
    *,
    coderoot: Path | None = None,
    light: bool = True,
    log: bool = True,
    debug: bool = False,
    offline: bool = False,
    ssh_key_path: str = "",
    reload: bool = False,
    action: Action,
) -> Changed | str:
    """Say how repositories are had from now on; kept in the context, its parameters `git_…`.

    Args:
        coderoot: Where the context's code is checked out; the folder is made.
        light: Whether a new clone has only the last commit of each branch.
        log: Accepted for herolib's scripts; a run is always kept.
        debug: Accepted for herolib's scripts; an error always says what git said.
        offline: Whether the network must not be touched.
        ssh_key_path: The file of the key that ssh uses.
        reload: Accepted for herolib's scripts; nothing is cached.
    """
    _ = log, debug, reload
    context = session.context
    before = context.config
    if coderoot is not None:
        root = coderoot_of(session, coderoot, action)
        files.folder(root)
        context.configure(coderoot=str(root))
    values = {LIGHT: str(light).lower(), OFFLINE: str(offline).lower()}
    if ssh_key_path:
        values[SSH_KEY] = str(_key(ssh_key_path))
    context.params_set(values, by=session.by)
    said = f"repositories lie in {context.coderoot}"
    return said if context.config == before else Changed(said)


@mark("git.clone")
def clone(
    session: Session,
    *,
    url: str,
    coderoot: Path | None = None,
    sshkey: str = "",
    light: bool | None = None,
    recursive: bool = False,
    timeout: int = TIMEOUT_S,
    action: Action,
) -> Changed | str:
    """Have a repository below the code root, on the branch that the address names.

    One that is there is left as it is, but for the branch. The result is the path of what the
    address points at.

    Args:
        url: Of a repository, or of a branch, file or folder in it; `file:///…` for one of this
            disk.
        coderoot: Where, instead of the context's code root.
        sshkey: The file of the key that ssh uses.
        light: Whether only the last commit of each branch is fetched; by default as
            `git.define` said, else so.
        recursive: Whether submodules are fetched too.
        timeout: Seconds that a transfer may take.
    """
    context = session.context
    if light is None:
        light = context.params.get_default(LIGHT, "true") == "true"
    called = calling(session, timeout_s=timeout, ssh_key=sshkey)
    root = coderoot_of(session, coderoot, action)
    found = git.checkout(address(url, action), root, using=called, light=light)
    if recursive:
        repos.submodules(git.Clone(found.path, called))
    return Changed(str(found.inner)) if found.changed else str(found.inner)


@mark("git.repo_action")
def repo_action(
    session: Session,
    *,
    action: RepoAction,
    filter: str = "",
    name: str = "",
    account: str = "",
    provider: str = "",
    message: str = "",
    branchname: str = "",
    tagname: str = "",
    submodules: bool = False,
    error_ignore: bool = False,
) -> Changed | Skipped | str:
    """Do something with every repository that matches.

    Args:
        action: `pull` moves forward, and refuses uncommitted changes. `commit` takes every
            change. `reset` fetches and throws away whatever is not pushed. `delete` refuses to
            lose anything.
        filter: Stands somewhere in `provider/account/name`.
        name: The repository's name.
        account: Who has it.
        provider: Its host; `github` for github.com.
        message: Of the commit, or of the tag.
        branchname: For `branch_create` and `branch_switch`.
        tagname: For `tag_create` and `tag_switch`.
        submodules: Whether `pull` and `reset` bring submodules too.
        error_ignore: Whether to go on with the next one after an error, and to say so only.
    """
    if action in ("delete", "reset") and not (filter or name or account or provider):
        raise ActionError(
            f"{action} would touch every repository", hint="give filter, name, account or provider"
        )
    found = _matching(session, filter, name, account, provider)
    step = _step(action, message=message, branch=branchname, tag=tagname, submodules=submodules)
    return on_each(session, found, step, error_ignore=error_ignore)


@mark("git.list", harmless=True)
def list_(
    session: Session,
    *,
    filter: str = "",
    name: str = "",
    account: str = "",
    provider: str = "",
    status_update: bool = False,
) -> str:
    """List the repositories below the code root: where each stands, and what is not committed.

    Args:
        filter: Stands somewhere in `provider/account/name`.
        name: The repository's name.
        account: Who has it.
        provider: Its host; `github` for github.com.
        status_update: Whether to ask the origins first what they have now.
    """
    found = _matching(session, filter, name, account, provider)
    return listing(session, found, status_update=status_update)


@mark("git.reload_cache", harmless=True)
def reload_cache(session: Session, *, coderoot: Path | None = None, action: Action) -> str:
    """Count the repositories; nothing is cached, so nothing can be out of date.

    Args:
        coderoot: Where, instead of the context's code root.
    """
    root = coderoot_of(session, coderoot, action)
    return f"{repos.counted(len(repos.repositories(root)), 'repository')} in {root}"


@mark("git.check", harmless=True)
def check(
    session: Session,
    *,
    filter: str = "",
    name: str = "",
    account: str = "",
    provider: str = "",
    error_ignore: bool = False,
) -> Changed | Skipped | str:
    """Check that Git LFS is set up in every repository that keeps files by it.

    Args:
        filter: Stands somewhere in `provider/account/name`.
        name: The repository's name.
        account: Who has it.
        provider: Its host; `github` for github.com.
        error_ignore: Whether a fault is only said.
    """
    found = _matching(session, filter, name, account, provider)

    def step(_: Repository, clone: Clone) -> str:
        count = repos.lfs_files(clone)
        if count and not repos.lfs_is_set_up(clone):
            raise GitError(
                f"Git LFS keeps {repos.counted(count, 'file')} of it", hint="!!git.lfs sets it up"
            )
        return ""

    return on_each(session, found, step, error_ignore=error_ignore)


@mark("git.lfs")
def lfs(
    session: Session,
    *,
    filter: str = "",
    name: str = "",
    account: str = "",
    provider: str = "",
    error_ignore: bool = False,
) -> Changed | Skipped | str:
    """Set Git LFS up in every repository that keeps files by it, and fetch them.

    Args:
        filter: Stands somewhere in `provider/account/name`.
        name: The repository's name.
        account: Who has it.
        provider: Its host; `github` for github.com.
        error_ignore: Whether to go on with the next one after an error, and to say so only.
    """
    found = _matching(session, filter, name, account, provider)

    def step(_: Repository, clone: Clone) -> str:
        if not repos.lfs_files(clone):
            return ""
        repos.lfs_set_up(clone)
        return "set up"

    return on_each(session, found, step, error_ignore=error_ignore)


Step: TypeAlias = "Callable[[Repository, Clone], str]"
"""Does something in a repository, and says what; says nothing when there was nothing to do."""


def _step(what: RepoAction, *, message: str, branch: str, tag: str, submodules: bool) -> Step:
    if what in ("pull", "reset"):
        return update(hard=what == "reset", submodules=submodules)
    if what == "commit":
        return commit(message)
    if what in ("push", "delete"):
        return push if what == "push" else delete
    change: Callable[[Clone, str], bool]
    if what.startswith("branch"):
        name = _given("branchname", branch)
        change = repos.branch_create if what == "branch_create" else repos.branch_switch
    else:
        name = _given("tagname", tag)
        change = repos.tag_switch if what == "tag_switch" else _tag_create(message)
    said = f"{what} {name}"
    return lambda _, clone: said if change(clone, name) else ""


def _tag_create(message: str) -> Callable[[Clone, str], bool]:
    return lambda clone, name: repos.tag_create(clone, name, message)


def _given(what: str, text: str) -> str:
    if not text:
        raise ActionError(f"no {what} is given", hint=f"write {what}:…")
    return text


def update(*, hard: bool, submodules: bool = False) -> Step:
    """Move forward to what the origin has; hard, throw away what it has not."""

    def step(_: Repository, clone: Clone) -> str:
        before = clone.head()
        lost = bool(hard and clone.changes())
        if hard:
            clone.discard()
        clone.update(hard=hard)
        if submodules:
            repos.submodules(clone)
        after = clone.head()
        if before == after:
            return "changes thrown away" if lost else ""
        return f"{before.commit[:12]} → {after.commit[:12]}"

    return step


def commit(message: str) -> Step:
    """Commit every change."""
    _given("message", message)

    def step(_: Repository, clone: Clone) -> str:
        made = repos.commit(clone, message)
        return f"committed {made[:12]}" if made else ""

    return step


def push(_: Repository, clone: Clone) -> str:
    """Push what is checked out."""
    return "pushed" if repos.push(clone) else ""


def delete(one: Repository, clone: Clone) -> str:
    """Delete a clone from the disk, when nothing would be lost."""
    repos.delete(one, clone)
    return "deleted"


def on_each(
    session: Session,
    found: Sequence[Repository],
    step: Step,
    *,
    error_ignore: bool = False,
) -> Changed | Skipped | str:
    """Do something in one repository after the other; what each said, a line each.

    Raises:
        ActionError: There is no repository, and that may not be ignored.
        GitError: From the first one that failed, if that may not be ignored.
    """
    if not found:
        if error_ignore:
            return Skipped("no repository matches")
        raise ActionError(
            f"no repository below {session.context.coderoot} matches",
            hint="git.list shows which are there; git.clone brings one",
        )
    called = calling(session)
    lines, changed = [], False
    for number, one in enumerate(found):
        session.progress(one.key, number / len(found))
        try:
            with git.alone(one.path, called.timeout_s):
                said = step(one, git.Clone(one.path, called))
            changed |= bool(said)
        except GitError as error:
            if not error_ignore:
                raise GitError(f"{one.key}: {error.message}", hint=error.hint) from error
            said = f"failed: {error.message}"
        lines.append(f"{one.key}: {said or 'nothing to do'}")
    text = "\n".join(lines)
    return Changed(text) if changed else text


def listing(session: Session, found: Sequence[Repository], *, status_update: bool = False) -> str:
    """A line for each repository: where it lies, its branch, what is not committed or pushed."""
    called = calling(session)
    lines = [repos.counted(len(found), "repository")]
    for number, one in enumerate(found):
        clone = git.Clone(one.path, called)
        try:
            if status_update and not called.offline:
                session.progress(one.key, number / len(found))
                clone.transfer("fetch", "--progress", "--no-recurse-submodules", "origin")
            said = str(repos.state(clone))
        except GitError as error:
            said = error.message
        lines.append(f"{one.key}: {said}")
    return "\n".join(lines)


def calling(session: Session, *, timeout_s: float = TIMEOUT_S, ssh_key: str = "") -> Git:
    """How a handler calls git: as `git.define` said, and telling the session how far it is."""
    params = session.context.params
    key = ssh_key or params.get_default(SSH_KEY, "")
    return git.calling(
        os.environ,
        offline=params.get_default(OFFLINE, "") == "true",
        timeout_s=timeout_s,
        ssh_key=str(_key(key)) if key else "",
        on_progress=session.progress,
    )


def address(text: str, action: Action) -> Address:
    """Read an address; only the user's own scripts may name a repository of this disk.

    Raises:
        GitAddressError: It is none.
    """
    return git.address(text, local=not foreign.is_foreign(action))


def coderoot_of(session: Session, coderoot: Path | None, action: Action) -> Path:
    """The code root that an action means; only the user's own scripts may choose another.

    Raises:
        ActionError: A script of others chooses one.
    """
    if coderoot is None:
        return session.context.coderoot
    foreign.refuse(action, "choose the code root")
    return Path.cwd() / coderoot


def _key(path: str) -> Path:
    key = Path(path).expanduser().absolute()
    if not key.is_file():
        raise ActionError(f"there is no key {key}", hint="check the path")
    return key


def _matching(
    session: Session, filter: str, name: str, account: str, provider: str
) -> list[Repository]:
    return repos.matching(
        repos.repositories(session.context.coderoot),
        filter=filter,
        name=name,
        account=account,
        provider=provider,
    )
