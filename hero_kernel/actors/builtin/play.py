"""The `play` actor: say something, and bring in other playbooks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hero_kernel import heroscript, sources
from hero_kernel.actors import foreign
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.heroscript import Action
from hero_kernel.playbook import Include
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from hero_kernel.sources import SourceText


@mark("play.echo", harmless=True)
def echo(*words: str, content: str = "") -> str:
    """Say something: the text is the result.

    Args:
        content: What is said; bare words do as well.
    """
    return content or " ".join(words)


@mark("play.include", harmless=True)
def include(
    session: Session,
    *,
    path: Path | None = None,
    git_url: str = "",
    url: str = "",
    git_pull: bool = False,
    git_reset: bool = False,
    git_branch: str = "",
    replace: str = "",
    action: Action,
) -> Include:
    """Bring in the actions of a file or folder, next after this one; each file once a run.

    What is fetched runs when the user has allowed exactly that, and stays in its clone: its own
    paths do not lead out.

    Args:
        path: A file, or a folder of `.md`, `.hero` and `.heroscript` files; a relative one
            starts where the including script lies, or with `git_url` where that points to.
        git_url: A repository, or a file or folder in it, cloned below the code root.
        url: Another word for `git_url`.
        git_pull: Move the clone forward to what the repository has now.
        git_reset: The same, and throw away what is not committed and pushed.
        git_branch: A branch, tag or commit instead of the address's.
        replace: `NAME:value, NAME2:value2`; each `@NAME`, `${NAME}` and `{NAME}` in the text
            becomes the value.
    """
    what = _What(_one_of(git_url, url), path, git_pull, git_reset, git_branch, replace)
    return _include(session, action, what, once=True)


@mark("play.run", harmless=True)
def run(
    session: Session,
    *,
    path: Path | None = None,
    git_url: str = "",
    url: str = "",
    git_pull: bool = False,
    git_reset: bool = False,
    git_branch: str = "",
    replace: str = "",
    action: Action,
) -> Include:
    """Carry out the actions of a file or folder, next after this one, as often as it is asked.

    Args:
        path: As for `play.include`.
        git_url: As for `play.include`.
        url: As for `play.include`.
        git_pull: As for `play.include`.
        git_reset: As for `play.include`.
        git_branch: As for `play.include`.
        replace: As for `play.include`.
    """
    what = _What(_one_of(git_url, url), path, git_pull, git_reset, git_branch, replace)
    return _include(session, action, what, once=False)


class _What(NamedTuple):
    """What an action asks to bring in."""

    url: str
    path: Path | None
    pull: bool
    reset: bool
    branch: str
    replace: str


def _include(session: Session, action: Action, what: _What, *, once: bool) -> Include:
    values = heroscript.to_map(what.replace) if what.replace else {}

    def texts() -> tuple[SourceText, ...]:
        found = _fetched(session, action, what) if what.url else _read(session, action, what.path)
        if not values:
            return found
        return tuple(
            dataclasses.replace(one, text=heroscript.replace_text(one.text, values))
            for one in found
        )

    return Include(fetch=texts, once=once) if what.url else Include(texts(), once=once)


def _fetched(session: Session, action: Action, what: _What) -> tuple[SourceText, ...]:
    from hero_kernel import fetched  # noqa: PLC0415  # most playbooks fetch nothing
    from hero_kernel.actors.builtin import git  # noqa: PLC0415  # as above
    from hero_kernel.git import TIMEOUT_S  # noqa: PLC0415  # as above

    context = session.context
    return fetched.fetch(
        what.url,
        home=context.host.home,
        coderoot=context.coderoot,
        using=git.calling(session, timeout_s=TIMEOUT_S),
        path="" if what.path is None else str(what.path),
        pull=what.pull,
        reset=what.reset,
        branch=what.branch,
        local=not foreign.is_foreign(action),
    )


def _read(session: Session, action: Action, path: Path | None) -> tuple[SourceText, ...]:
    if path is None:
        raise ActionError("nothing to bring in", hint="give path, or git_url")
    path = _base(action) / path
    if action.source is None or action.source.origin is None:
        return sources.read(path)
    from hero_kernel import fetched  # noqa: PLC0415  # as in _fetched
    from hero_kernel.actors.builtin import git  # noqa: PLC0415  # as above

    using = git.calling(session)
    return fetched.beside(action.source.origin, path, home=session.context.host.home, using=using)


def _one_of(git_url: str, url: str) -> str:
    if git_url and url and git_url != url:
        raise ActionError("git_url and url differ", hint="give one of them")
    return git_url or url


def _base(action: Action) -> Path:
    """The folder a relative path starts from: the script's own, for a cell the current one."""
    script = Path(action.source.name) if action.source is not None else Path()
    return script.parent if script.is_absolute() else Path.cwd()
