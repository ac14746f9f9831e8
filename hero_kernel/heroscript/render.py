"""Actions as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.heroscript.escapes import spell, spell_block

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hero_kernel.heroscript.action import Action

_INDENT = "    "
_WIDTH = 80  # an action that fits stays on one line


def render(actions: Iterable[Action]) -> str:
    """All actions as one text, an empty line between them, which `parse` reads back."""
    return "\n".join([action_text(action) for action in actions])


def action_text(action: Action) -> str:
    """One action: its comments, then one line, or a line for each parameter."""
    params = action.params
    values = params.get_map()
    of_keys, of_args, at_end = params.comments, params.arg_comments, params.end_comment
    head = f"{action.kind.bangs}{action.full_name}"
    above = [_comment(line) for line in action.comments.split("\n")] if action.comments else []
    args = [arg or "/" for arg in params.args]
    words = [f"{key}:{spell(value)}" for key, value in values.items()]
    short = " ".join([head, *args, *words])
    commented = of_keys or of_args or at_end
    if not commented and len(short) <= _WIDTH and not any("\n" in text for text in values.values()):
        return "\n".join([*above, short, ""])
    lines = [*above, head]
    for arg, word in zip(params.args, args, strict=True):
        lines += _comments(of_args.get(arg, ""))
        lines.append(_INDENT + word)
    for (key, value), word in zip(values.items(), words, strict=True):
        lines += _comments(of_keys.get(key, ""))
        block = spell_block(value, _INDENT * 2)
        lines.append(f"{_INDENT}{key}:{block}" if block else _INDENT + word)
    lines += _comments(at_end)
    return "\n".join([*lines, ""])


def _comment(line: str) -> str:
    return f"// {line}".rstrip(" ")


def _comments(text: str) -> list[str]:
    return [f"{_INDENT}{_comment(line)}" for line in text.split("\n")] if text else []
