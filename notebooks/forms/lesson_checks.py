"""Checks of a lesson's exercises: a teacher's file beside the notebook."""  # noqa: INP001  # not a package

from __future__ import annotations

from hero_kernel import Session, action
from hero_kernel.errors import ActionError


@action("check.station")
def check_station(session: Session) -> str:
    """Check exercise 1."""
    found = session.env_get("STATION", "")
    if not found:
        raise ActionError("STATION is not set yet", hint="!!session.env_set key:STATION val:…")
    if found != "pier":
        raise ActionError(f"STATION is {found}", hint="look at the spelling in the exercise")
    return "well done"


@action("check.depth")
def check_depth(session: Session, *, between: list[str]) -> str:
    """Check exercise 2.

    Args:
        between: The least and the greatest depth.
    """
    low, high = (float(one) for one in between)
    depth = session.env_get("DEPTH", "")
    if not depth:
        raise ActionError("DEPTH is not set yet", hint="set it as you set STATION")
    if not low <= float(depth) <= high:
        raise ActionError(f"DEPTH is {depth}", hint=f"it is between {low:g} and {high:g}")
    return "well done"
