"""An action as it may be remembered: what tells it from others, and its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.actors import foreign
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.actors.registry import Handler
    from hero_kernel.heroscript import Action

MAX_SCRIPT = 20_000
"""Characters of an action that are remembered; of a longer one, none."""

_DIGEST_BYTES = 10
"""Enough to tell the actions of a session apart; it protects nothing."""


def digest(action: Action, handler: Handler | None, mask: Callable[[str], str]) -> str:
    """What is equal for actions that say the same, wherever and however they stand.

    It is made of the action as it was written: references to secrets unfilled, known secrets
    masked, and values that the handler takes as secrets left out.

    Args:
        action: The action.
        handler: Who carries it out, if anybody does.
        mask: Masks known secrets.
    """
    import hashlib  # noqa: PLC0415  # it loads OpenSSL, and runs that change nothing need none

    params, hidden = action.params, _secret_keys(handler)
    said = [action.kind.value, action.full_name, *params.args]
    texts = params.get_map()
    said += [f"{key}:{'' if key in hidden else texts[key]}" for key in sorted(texts)]
    text = mask("\n\0".join(said))
    data = text.encode("utf-8", "replace")
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def script(action: Action, handler: Handler | None, mask: Callable[[str], str]) -> str:
    """The action as text that may be kept and parsed again; empty when it may not be.

    That is so for one with a secret in it, for a script of others, which loses its origin in
    being kept, and for a very long one.
    """
    if foreign.is_foreign(action) or not _secret_keys(handler).isdisjoint(action.params):
        return ""
    text = action.heroscript()
    return "" if len(text) > MAX_SCRIPT or mask(text) != text else text


def shown(
    action: Action, handler: Handler | None, mask: Callable[[str], str]
) -> list[tuple[str, str]]:
    """The parameters of an action as people may see them, in the order of writing.

    Bare words come first, with an empty key; references are unfilled. What the handler takes as
    a secret is masked, and so are known secrets.

    Raises:
        HeroscriptError: Their text is not heroscript.
    """
    params, hidden = action.params, _secret_keys(handler)
    words = [("", mask(word)) for word in params.args]
    return words + [(key, MASK if key in hidden else mask(params[key])) for key in params]


def _secret_keys(handler: Handler | None) -> frozenset[str]:
    """The parameters whose text becomes a `Secret`, or a list of them."""
    return frozenset() if handler is None else handler.accepts.secrets
