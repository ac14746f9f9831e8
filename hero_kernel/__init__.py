"""Contexts, sessions and heroscript for notebooks.

The functions here work in the default workspace; see `open_workspace` for another one. Importing
the package loads nothing: each name brings its room when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hero_kernel.contexts import Context
    from hero_kernel.default import open_workspace, workspace
    from hero_kernel.errors import HeroError
    from hero_kernel.functions import (
        action,
        allow,
        context,
        context_delete,
        context_exists,
        context_get,
        context_new,
        context_rename,
        context_select,
        contexts_list,
        deny,
        git_path,
        play,
        revoke,
        session,
        session_delete,
        session_exists,
        session_export,
        session_fork,
        session_get,
        session_import,
        session_new,
        session_select,
        sessions_list,
        sessions_prune,
        sessions_stale,
        sessions_states,
        undeny,
    )
    from hero_kernel.heroscript import Action, Params
    from hero_kernel.playbook import Playbook
    from hero_kernel.report import Changed, Report, Result, Skipped, Status
    from hero_kernel.secret import Secret
    from hero_kernel.sessions import Session
    from hero_kernel.workspaces import Workspace

    last_run: Report | None
    """The last run in this process; see `Workspace.last_run`."""

__all__ = [
    "Action",
    "Changed",
    "Context",
    "HeroError",
    "Params",
    "Playbook",
    "Report",
    "Result",
    "Secret",
    "Session",
    "Skipped",
    "Status",
    "Workspace",
    "action",
    "allow",
    "context",
    "context_delete",
    "context_exists",
    "context_get",
    "context_new",
    "context_rename",
    "context_select",
    "contexts_list",
    "deny",
    "git_path",
    "open_workspace",
    "play",
    "revoke",
    "session",
    "session_delete",
    "session_exists",
    "session_export",
    "session_fork",
    "session_get",
    "session_import",
    "session_new",
    "session_select",
    "sessions_list",
    "sessions_prune",
    "sessions_stale",
    "sessions_states",
    "undeny",
    "workspace",
]

_ROOMS = {
    "Action": "heroscript",
    "Changed": "report",
    "Context": "contexts",
    "HeroError": "errors",
    "Params": "heroscript",
    "Playbook": "playbook",
    "Report": "report",
    "Result": "report",
    "Secret": "secret",
    "Session": "sessions",
    "Skipped": "report",
    "Status": "report",
    "Workspace": "workspaces",
    "open_workspace": "default",
    "workspace": "default",
}
"""Where a name comes from; the others come from `functions`."""


def __getattr__(name: str) -> Any:
    if name == "last_run":  # another one at every question
        return import_module(f"{__name__}.default").workspace().last_run
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = import_module(f"{__name__}.{_ROOMS.get(name, 'functions')}")
    value = globals()[name] = getattr(room, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "last_run"})
