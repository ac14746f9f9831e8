"""Functions: a workspace's methods, as functions that work in the default one."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from hero_kernel import default
from hero_kernel.workspaces import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., Any])

P = ParamSpec("P")
R = TypeVar("R")


def _in_default(method: Callable[Concatenate[Workspace, P], R]) -> Callable[P, R]:
    """The method as a function that works in the default workspace."""

    @wraps(method)
    def function(*args: P.args, **kwargs: P.kwargs) -> R:
        return method(default.workspace(), *args, **kwargs)

    return function


context_new = _in_default(Workspace.context_new)
context_get = _in_default(Workspace.context_get)
context_exists = _in_default(Workspace.context_exists)
context_select = _in_default(Workspace.context_select)
context = _in_default(Workspace.context)
contexts_list = _in_default(Workspace.contexts_list)
context_rename = _in_default(Workspace.context_rename)
context_delete = _in_default(Workspace.context_delete)
session_new = _in_default(Workspace.session_new)
session_get = _in_default(Workspace.session_get)
session_exists = _in_default(Workspace.session_exists)
session_select = _in_default(Workspace.session_select)
session = _in_default(Workspace.session)
sessions_list = _in_default(Workspace.sessions_list)
session_delete = _in_default(Workspace.session_delete)
session_fork = _in_default(Workspace.session_fork)
session_export = _in_default(Workspace.session_export)
session_import = _in_default(Workspace.session_import)
sessions_states = _in_default(Workspace.sessions_states)
sessions_stale = _in_default(Workspace.sessions_stale)
sessions_prune = _in_default(Workspace.sessions_prune)
play = _in_default(Workspace.play)
play.session_new = session_new  # type: ignore[attr-defined]  # herolib's name for it
allow = _in_default(Workspace.allow)
deny = _in_default(Workspace.deny)
undeny = _in_default(Workspace.undeny)
revoke = _in_default(Workspace.revoke)
git_path = _in_default(Workspace.git_path)


def action(name: str, *, harmless: bool = False) -> Callable[[Function], Function]:
    """A decorator: let a function carry out the action, in the default workspace.

    See `Workspace.action`.
    """
    return default.workspace().action(name, harmless=harmless)
