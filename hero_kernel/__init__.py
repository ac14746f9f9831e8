"""Contexts, sessions and heroscript for notebooks.

The functions here work in the default workspace; see `open_workspace` for another one.
"""

from hero_kernel.contexts import Context
from hero_kernel.errors import HeroError
from hero_kernel.heroscript import Action, Params
from hero_kernel.playbook import Playbook
from hero_kernel.report import Changed, Report, Result, Skipped, Status
from hero_kernel.secret import Secret
from hero_kernel.sessions import Session
from hero_kernel.workspace import (
    Workspace,
    action,
    context,
    context_delete,
    context_exists,
    context_get,
    context_new,
    context_rename,
    context_select,
    contexts_list,
    open_workspace,
    play,
    session,
    session_delete,
    session_exists,
    session_get,
    session_new,
    session_select,
    sessions_list,
    workspace,
)

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
    "context",
    "context_delete",
    "context_exists",
    "context_get",
    "context_new",
    "context_rename",
    "context_select",
    "contexts_list",
    "open_workspace",
    "play",
    "session",
    "session_delete",
    "session_exists",
    "session_get",
    "session_new",
    "session_select",
    "sessions_list",
    "workspace",
]
