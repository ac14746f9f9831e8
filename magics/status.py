"""What a notebook is bound to, in one line and in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel import times
from magics.display import Line

if TYPE_CHECKING:
    from hero_kernel import Context, Session, Workspace
    from magics.door import Door


def use_session(door: Door, where: Context, name: str) -> None:
    """Bind the notebook to a session, created when it is not there."""
    is_new = not where.session_exists(name)
    session = door.workspace.session_select(door.workspace.session_new(where, name))
    door.bind(session, "new" if is_new else "resumed")


def bound_line(door: Door, *, explain: bool = False) -> Line:
    """What the notebook is bound to, in one line; with an explanation, why, below it."""
    session = door.session()
    workspace = door.workspace
    config = session.config
    count = len(session.params_shown())  # what is locked is counted, not asked for
    said = [door.how, f"{len(config.env)} env", f"{count} param{'' if count == 1 else 's'}"]
    if config.end:
        said.append(f"ended {config.end} UTC")
    secrets = session.context.secrets
    if secrets.is_set:
        said.append("locked" if secrets.is_locked else "unlocked")
    said.append(_last_run(workspace, session))
    inside = f"{said[0]}; {', '.join(part for part in said[1:] if part)}"
    line = f"hero ▸ context {session.context.name} ▸ session {session.name}"
    *why, paste = _why(workspace) if explain else ("",)
    details = (*why, f"shown: {door.docs_why}", paste) if explain else ()
    return Line(line, details, volatile=f" ({inside})")


def _last_run(workspace: Workspace, session: Session) -> str:
    """How the last kept run ended and how long ago; empty when there is none."""
    kept = session.run_list(1)
    if not kept:
        return ""
    report = kept[0]
    seconds = int(workspace.now()) - int(times.new(report.started))
    return f"last run {'ok' if report.ok else 'failed'} {ago(seconds)}"


def ago(seconds: int) -> str:
    """A time that has passed, roughly; `seconds` of it."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


def _why(workspace: Workspace) -> tuple[str, ...]:
    """How the binding was decided, and where things are."""
    session = workspace.session()
    bound = workspace.bound
    return (
        f"context: {bound.context_why if bound else 'chosen by hand'}",
        f"session: {bound.session_why if bound else 'chosen by hand'}",
        f"records: {workspace.store.address}",
        f"files: {session.path}",
        f"to bind another notebook here: %hero_context {session.context.name} -s {session.name}",
    )
