"""The `context` actor: the settings of the context the session is in."""

from __future__ import annotations

from pathlib import Path

from hero_kernel.actors import foreign
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed
from hero_kernel.sessions import Session


@mark("context.configure")
def configure(
    session: Session,
    *,
    name: str | None = None,
    coderoot: Path | None = None,
    interactive: bool | None = None,
    action: Action,
) -> Changed | str:
    """Change the context's settings; what is not given stays.

    Args:
        name: Must be the name of the context the session is in: a guard for shared scripts.
        coderoot: Where its code is checked out.
        interactive: Whether questions may be asked.
    """
    context = session.context
    if name is not None and name != context.name:
        raise ActionError(
            f"the session is in context {context.name}, not {name}",
            hint=f"bind the notebook to {name} first",
        )
    if coderoot is not None:
        foreign.refuse(action, "choose the code root")
    before = context.config
    context.configure(
        coderoot=None if coderoot is None else str(Path.cwd() / coderoot), interactive=interactive
    )
    return context.guid if context.config == before else Changed(context.guid)
