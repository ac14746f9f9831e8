"""What a notebook is bound to, in one line and in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel import binding, times
from hero_kernel.errors import HeroError
from magics.display import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel import Context, Session, Workspace
    from hero_kernel.binding import Evidence, What
    from magics.doorway import Door


def use_session(door: Door, where: Context, name: str, *, takeover: bool = False) -> None:
    """Bind the notebook to a session, created when it is not there."""
    is_new = not where.session_exists(name)
    session = door.workspace.session_select(door.workspace.session_new(where, name))
    door.bind(session, "new" if is_new else "resumed", takeover=takeover)


def use_ephemeral(door: Door, where: Context) -> None:
    """Bind the notebook to a new session for this run alone."""
    session = binding.ephemeral(where, door.surroundings())
    door.bind(door.workspace.session_select(session), "ephemeral")


def bound_line(door: Door, *, explain: bool = False, again: bool = False) -> Line:
    """What the notebook is bound to, in one line, and what is to be told once, below it.

    Args:
        door: The notebook's.
        explain: Whether to say how that was decided.
        again: Whether to end with the line that binds another notebook, or this one, here.
    """
    session = door.session(tell=False)
    notice, door.notice = door.notice, ""
    workspace = door.workspace
    config = session.config
    count = len(session.params_shown())  # what is locked is counted, not asked for
    how = "kept" if door.how == "ephemeral" and not config.ephemeral else door.how
    said = [how, f"{len(config.env)} env", f"{count} param{'' if count == 1 else 's'}"]
    if config.end:
        said.append(f"ended {config.end} UTC")
    secrets = session.context.secrets
    if secrets.is_set:
        said.append("locked" if secrets.is_locked else "unlocked")
    said.append(_last_run(workspace, session))
    inside = f"{said[0]}; {', '.join(part for part in said[1:] if part)}"
    line = f"hero ▸ context {session.context.name} ▸ session {session.name}"
    details = [] if door.docs else [*filter(None, [notice]), *door.shared()]
    if explain:
        details += [*why(workspace, session), f"shown: {door.docs_why}"]
    if again or explain:
        details.append(f"%hero_context {session.context.name} -s {session.name}")
    return Line(line, tuple(details), volatile=f" ({inside})")


def _last_run(workspace: Workspace, session: Session) -> str:
    """How the last kept run ended and how long ago; empty when there is none."""
    kept = session.run_list(1)
    if not kept:
        return ""
    report = kept[0]
    seconds = int(workspace.now()) - int(times.new(report.started))
    return f"last run {report.ended} {ago(seconds)}"


def ago(seconds: int) -> str:
    """A time that has passed, roughly; `seconds` of it."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


def decided(workspace: Workspace) -> tuple[tuple[What, str], ...]:
    """What named the context, and what the session."""
    bound = workspace.bound
    return (
        ("context", workspace.context_why),
        ("session", bound.session_why if bound else "chosen by hand"),
    )


def why(workspace: Workspace, session: Session) -> Iterator[str]:
    """How the binding to a session was decided, by what it was not, and where things are."""
    evidence = workspace.evidence()
    for what, giver in decided(workspace):
        yield f"{what}: {giver}"
        yield from (f"{what} passed over: {one}" for one in _others(evidence, what, giver))
    for one in evidence.around.passed_over:
        yield f"front end: {one}"
    if evidence.document.fault:
        yield f"notebook: {evidence.path} is not looked into: {evidence.document.fault}"
    entry = binding.Entry.of(session)
    if entry.path:
        yield f"notebook: {entry}"
    yield f"project: {_projects(evidence)}"
    yield f"records: {workspace.store.address}"
    yield f"files: {session.path}"


def _others(evidence: Evidence, what: What, decisive: str) -> Iterator[str]:
    """The names that were given and did not decide."""
    try:
        for name, giver in evidence.named(what):
            if giver != decisive:
                yield f"{name}, from {giver}"
    except HeroError as error:  # it did not stop what was chosen by hand
        yield str(error)


def _projects(evidence: Evidence) -> str:
    try:
        found = evidence.projects
    except HeroError as error:
        return str(error)
    return ", ".join(str(one) for one in found) or "no hero.toml, and no [tool.hero]"
