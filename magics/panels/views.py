"""Views by their kinds: of a notebook, of a value, and found again by a new kernel."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel import Session
    from magics.doorway import Door
    from magics.panels.view import View

KINDS = ("context", "session", "env", "db", "config", "secrets", "log", "playbook")
"""Of a notebook, in the order of `%hero_panel all`; each is a module here that has a `View`."""

VALUES = {
    "hero_kernel.contexts.Context": "context",
    "hero_kernel.sessions.session.Session": "session",
    "hero_kernel.databases.database.Database": "db",
    "hero_kernel.report.model.Report": "report",
}
"""What is shown as a panel when it is a cell's value, by the kind that shows it."""


def named(door: Door, kind: str, session: Session | None = None) -> View:
    """The view of a kind, of a session or of whichever the notebook is bound to.

    Raises:
        UsageError: There is no such kind.
    """
    if kind not in KINDS:
        raise UsageError(f"there is no panel {kind}", hint=did_you_mean(kind, ("all", *KINDS)))
    view: View = _class(kind)(door, session)
    return view


def of(door: Door, value: Any) -> View | None:
    """The view of a value; None when it is no value of ours."""
    kind = VALUES.get(f"{type(value).__module__}.{type(value).__name__}")
    return None if kind is None else _class(kind).of(door, value)


def rebuilt(door: Door, spec: Mapping[str, Any]) -> View:
    """A view that a kernel before this one had, by its `spec`.

    Raises:
        HeroError: What it was about is not there any more.
        UsageError: It is no spec.
    """
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in {*KINDS, *VALUES.values()}:
        raise UsageError("the panel does not say what it shows", hint="run the cell again")
    view: View = _class(kind).rebuilt(door, spec)
    return view


def _class(kind: str) -> Any:
    return import_module(f"magics.panels.{kind}").View
