"""The `log` actor: the session's log."""

from __future__ import annotations

from typing import Literal

from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.report import Changed
from hero_kernel.sessions import Session


@mark("log.log")
def log(
    session: Session, *, log: str, cat: str = "", logtype: Literal["stdout", "error"] = "stdout"
) -> Changed:
    """Leave a message in the session's log.

    Args:
        log: The message.
        cat: A category of at most ten characters.
        logtype: `error` for what went wrong.
    """
    return Changed(str(session.logger().log(log, cat=cat, logtype=logtype)))


@mark("log.search", harmless=True)
def search(
    session: Session,
    *,
    log: str = "",
    cat: str = "",
    logtype: Literal["stdout", "error"] | None = None,
    maxitems: int = 100,
) -> str:
    """The first entries of the session's log that hold a text, one after the other.

    Args:
        log: The text, whatever its case; empty for every entry.
        cat: Only of one category.
        logtype: Only of one kind.
        maxitems: How many at most; an ellipsis tells that there are more.
    """
    if maxitems < 1:
        raise ActionError(f"maxitems is {maxitems}", hint="give 1 or more")
    found = session.logger().search(log=log, cat=cat, logtype=logtype, maxitems=maxitems + 1)
    said = [str(item) for item in found[:maxitems]]
    return "\n".join(said + ["…"] * (len(found) > maxitems))
