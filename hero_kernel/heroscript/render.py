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
    head = f"{action.kind.bangs}{action.full_name}"
    above = [_comment(line) for line in action.comments.split("\n")] if action.comments else []
    short = f"{head} {params.heroscript()}".rstrip(" ")
    commented = params.comments or params.arg_comments or params.end_comment
    if not commented and len(short) <= _WIDTH and not any("\n" in text for text in params.values()):
        return "\n".join([*above, short, ""])
    lines = [*above, head]
    for arg in params.args:
        lines += _comments(params.arg_comments.get(arg, ""))
        lines.append(f"{_INDENT}{arg or '/'}")
    for key, value in params.items():
        lines += _comments(params.comments.get(key, ""))
        spelt = spell_block(value, _INDENT * 2) or spell(value)
        lines.append(f"{_INDENT}{key}:{spelt}")
    lines += _comments(params.end_comment)
    return "\n".join([*lines, ""])


def _comment(line: str) -> str:
    return f"// {line}".rstrip(" ")


def _comments(text: str) -> list[str]:
    return [f"{_INDENT}{_comment(line)}" for line in text.split("\n")] if text else []
