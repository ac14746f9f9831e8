"""What a script of others may not do, though it was allowed to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.errors import ActionError

if TYPE_CHECKING:
    from hero_kernel.heroscript import Action


def is_foreign(action: Action) -> bool:
    """Whether the action stands in a script that was fetched."""
    return action.source is not None and action.source.origin is not None


def refuse(action: Action, what: str) -> None:
    """Keep an action to the user's own scripts.

    Args:
        action: The action that asks.
        what: What it may not do, after "a script of others cannot".

    Raises:
        ActionError: It stands in a script that was fetched.
    """
    if is_foreign(action):
        raise ActionError(
            f"a script of others cannot {what}",
            hint=f"do it in a script of your own: {action.where}",
        )
