"""The `core` actor: settings and parameters of the context and the session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.actors import foreign
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from hero_kernel.heroscript import Params


@mark("core.coderoot_set")
def coderoot_set(session: Session, *, coderoot: Path, action: Action) -> Changed | str:
    """Say where the context's code is checked out; the folder is made.

    Args:
        coderoot: A folder; `~` is the home folder.
    """
    foreign.refuse(action, "choose the code root")
    root = Path.cwd() / coderoot
    if not root.is_dir():
        files.folder(root)
    if session.context.config.coderoot == str(root):
        return str(root)
    session.context.configure(coderoot=str(root))
    return Changed(str(root))


@mark("core.params_context_set")
def params_context_set(session: Session, /, **params: str) -> Changed | str:
    """Merge parameters into the context's: any key, any value."""
    before = session.context.params
    return _merged(before, session.context.params_set(_some(params)), params)


@mark("core.params_session_set")
def params_session_set(session: Session, /, **params: str) -> Changed | str:
    """Merge parameters into the session's: any key, any value."""
    before = session.params
    return _merged(before, session.params_set(_some(params)), params)


def _some(params: dict[str, str]) -> dict[str, str]:
    if not params:
        raise ActionError("no parameter is given", hint="write key:value")
    return params


def _merged(before: Params, after: Params, given: dict[str, str]) -> Changed | str:
    message = ", ".join(given)
    return message if before == after else Changed(message)
