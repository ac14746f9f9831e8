"""The `play` actor: say something, and bring in other playbooks."""

from __future__ import annotations

from pathlib import Path

from hero_kernel import heroscript, sources
from hero_kernel.actors.registry import mark
from hero_kernel.heroscript import Action
from hero_kernel.playbook import Include


@mark("play.echo", harmless=True)
def echo(*words: str, content: str = "") -> str:
    """Say something: the text is the result.

    Args:
        content: What is said; bare words do as well.
    """
    return content or " ".join(words)


@mark("play.include", harmless=True)
def include(*, path: Path, replace: str = "", action: Action) -> Include:
    """Bring in the actions of a file or folder, next after this one; each file once a run.

    Args:
        path: A file, or a folder of `.md`, `.hero` and `.heroscript` files; a relative one
            starts where the including script lies.
        replace: `NAME:value, NAME2:value2`; each `@NAME`, `${NAME}` and `{NAME}` in the text
            becomes the value.
    """
    return _include(action, path, replace, once=True)


@mark("play.run", harmless=True)
def run(*, path: Path, replace: str = "", action: Action) -> Include:
    """Carry out the actions of a file or folder, next after this one, as often as it is asked.

    Args:
        path: As for `play.include`.
        replace: As for `play.include`.
    """
    return _include(action, path, replace, once=False)


def _include(action: Action, path: Path, replace: str, *, once: bool) -> Include:
    texts = sources.read(_base(action) / path)
    values = heroscript.to_map(replace) if replace else {}
    if values:
        texts = tuple(
            sources.SourceText(text.path, heroscript.replace_text(text.text, values))
            for text in texts
        )
    return Include(texts, once=once)


def _base(action: Action) -> Path:
    """The folder a relative path starts from: the script's own, for a cell the current one."""
    script = Path(action.source.name) if action.source is not None else Path()
    return script.parent if script.is_absolute() else Path.cwd()
