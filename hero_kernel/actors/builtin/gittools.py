"""The `gittools` actor: what herolib's older scripts call `git`, a verb an action.

A repository is named by `url`, or by `repo`, `account` and `provider`; `filter` takes all whose
`provider/account/name` has the text in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hero_kernel import git as tools
from hero_kernel.actors.builtin import git
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.git import repositories as repos
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed, Skipped
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from hero_kernel.git import Address
    from hero_kernel.git.repositories import Repository


@mark("gittools.clone")
def clone(
    session: Session,
    *,
    url: str = "",
    repo: str = "",
    account: str = "",
    provider: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    reset: bool = False,
    pull: bool = False,
    action: Action,
) -> Changed | str:
    """Have a repository below the code root; the result is its path.

    Args:
        url: Of a repository, or of a branch, file or folder in it.
        repo: Its name, with `account` and `provider` instead of the address.
        account: Who has it.
        provider: Its host; `github` for github.com.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
        reset: Throw away what is not committed and pushed in one that is there.
        pull: Move one that is there forward to what its origin has.
    """
    _ = script
    where = _address(_Which(url, repo, account, provider), action)
    if where is None:
        raise _nothing_named()
    return _have(session, where, coderoot, action, pull=pull, reset=reset)


@mark("gittools.pull")
def pull(
    session: Session,
    *,
    url: str = "",
    repo: str = "",
    account: str = "",
    provider: str = "",
    filter: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    reset: bool = False,
    action: Action,
) -> Changed | Skipped | str:
    """Move repositories forward to what their origins have; one that is named and absent is cloned.

    Args:
        url: Of a repository, or of a branch, file or folder in it.
        repo: Its name, with `account` and `provider` instead of the address.
        account: Who has it.
        provider: Its host; `github` for github.com.
        filter: Stands somewhere in `provider/account/name`.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
        reset: Throw away what is not committed and pushed.
    """
    _ = script
    which = _Which(url, repo, account, provider, filter)
    where = _address(which, action)
    if where is not None:
        return _have(session, where, coderoot, action, pull=True, reset=reset)
    found = _found(session, which, coderoot, action)
    return git.on_each(session, found, git.update(hard=reset))


@mark("gittools.commit")
def commit(
    session: Session,
    *,
    message: str,
    url: str = "",
    repo: str = "",
    account: str = "",
    provider: str = "",
    filter: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    action: Action,
) -> Changed | Skipped | str:
    """Commit every change, new files too.

    Args:
        message: What the commit says.
        url: Of the repository.
        repo: Its name, with `account` and `provider` instead of the address.
        account: Who has it.
        provider: Its host; `github` for github.com.
        filter: Stands somewhere in `provider/account/name`.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
    """
    _ = script
    which = _Which(url, repo, account, provider, filter)
    found = _found(session, which, coderoot, action)
    return git.on_each(session, found, git.commit(message))


@mark("gittools.push")
def push(
    session: Session,
    *,
    url: str = "",
    repo: str = "",
    account: str = "",
    provider: str = "",
    filter: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    message: str = "",
    action: Action,
) -> Changed | Skipped | str:
    """Push what is checked out.

    Args:
        url: Of the repository.
        repo: Its name, with `account` and `provider` instead of the address.
        account: Who has it.
        provider: Its host; `github` for github.com.
        filter: Stands somewhere in `provider/account/name`.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
        message: Commit every change first, with this message.
    """
    _ = script
    which = _Which(url, repo, account, provider, filter)
    found = _found(session, which, coderoot, action)

    def step(one: Repository, here: tools.Clone) -> str:
        said = [git.commit(message)(one, here)] if message else []
        return ", ".join(part for part in (*said, git.push(one, here)) if part)

    return git.on_each(session, found, step)


@mark("gittools.delete")
def delete(
    session: Session,
    *,
    url: str = "",
    repo: str = "",
    account: str = "",
    provider: str = "",
    filter: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    action: Action,
) -> Changed | Skipped | str:
    """Delete clones from the disk; one in which something would be lost is refused.

    Args:
        url: Of the repository.
        repo: Its name, with `account` and `provider` instead of the address.
        account: Who has it.
        provider: Its host; `github` for github.com.
        filter: Stands somewhere in `provider/account/name`.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
    """
    _ = script
    which = _Which(url, repo, account, provider, filter)
    found = _found(session, which, coderoot, action, may_lack=True)
    return git.on_each(session, found, git.delete) if found else Skipped("it is not there")


@mark("gittools.list", harmless=True)
def list_(
    session: Session,
    *,
    repo: str = "",
    account: str = "",
    provider: str = "",
    filter: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    action: Action,
) -> str:
    """List the repositories: where each stands, and what is not committed or pushed.

    Args:
        repo: The repository's name.
        account: Who has it.
        provider: Its host; `github` for github.com.
        filter: Stands somewhere in `provider/account/name`.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
    """
    _ = script
    found = repos.matching(
        repos.repositories(git.coderoot_of(session, coderoot, action)),
        filter=filter,
        name=repo,
        account=account,
        provider=provider,
    )
    return git.listing(session, found)


@mark("gittools.reload", harmless=True)
def reload(session: Session, *, coderoot: Path | None = None, action: Action) -> str:
    """Count the repositories; nothing is cached, so nothing can be out of date.

    Args:
        coderoot: Where, instead of the context's code root.
    """
    return git.reload_cache(session, coderoot=coderoot, action=action)


@mark("gittools.edit", harmless=True)
@mark("gittools.sourcetree", harmless=True)
@mark("gittools.cd", harmless=True)
def cd(
    session: Session,
    *,
    url: str = "",
    repo: str = "",
    account: str = "",
    provider: str = "",
    filter: str = "",
    coderoot: Path | None = None,
    script: bool = False,
    action: Action,
) -> str:
    """Say where a repository lies.

    That is all a kernel can do of what these open on a desktop: it may run on another computer,
    and the notebook's own folder is the notebook's.

    Args:
        url: Of the repository.
        repo: Its name, with `account` and `provider` instead of the address.
        account: Who has it.
        provider: Its host; `github` for github.com.
        filter: Stands somewhere in `provider/account/name`.
        coderoot: Where, instead of the context's code root.
        script: Accepted for herolib's scripts; nobody is asked.
    """
    _ = script
    which = _Which(url, repo, account, provider, filter)
    found = _found(session, which, coderoot, action)
    if len(found) > 1:
        raise ActionError(
            "several match: " + ", ".join(one.key for one in found), hint="name one of them"
        )
    return str(found[0].path)


class _Which(NamedTuple):
    """How an action names repositories."""

    url: str = ""
    repo: str = ""
    account: str = ""
    provider: str = ""
    filter: str = ""


def _address(which: _Which, action: Action) -> Address | None:
    """The address that is given, or that name, account and provider make up."""
    if which.url:
        return git.address(which.url, action)
    if not (which.repo and which.account and which.provider) or which.provider == "localhost":
        return None
    # as a host, or as the folder of one: a port stands behind _ there
    host = "github.com" if which.provider == "github" else which.provider.replace("_", ":")
    return tools.address(f"https://{host}/{which.account}/{which.repo}")


def _have(
    session: Session,
    where: Address,
    coderoot: Path | None,
    action: Action,
    *,
    pull: bool,
    reset: bool,
) -> Changed | str:
    found = tools.checkout(
        where,
        git.coderoot_of(session, coderoot, action),
        using=git.calling(session),
        pull=pull,
        reset=reset,
        light=True,
    )
    return Changed(str(found.inner)) if found.changed else str(found.inner)


def _found(
    session: Session,
    which: _Which,
    coderoot: Path | None,
    action: Action,
    *,
    may_lack: bool = False,
) -> list[Repository]:
    """The repositories on the disk that an action names.

    Raises:
        ActionError: It names none, or none is there.
    """
    if not any(which):
        raise _nothing_named()
    where = _address(which, action)
    if where is not None:
        provider = where.folder.partition("/")[0]
        which = _Which("", where.name, where.account, provider, which.filter)
    root = git.coderoot_of(session, coderoot, action)
    found = repos.matching(
        repos.repositories(root),
        filter=which.filter,
        name=which.repo,
        account=which.account,
        provider=which.provider,
    )
    if not found and not may_lack:
        raise ActionError(
            f"no repository below {root} matches", hint="gittools.list shows which are there"
        )
    return found


def _nothing_named() -> ActionError:
    return ActionError("no repository is named", hint="give url, or repo, account and provider")
