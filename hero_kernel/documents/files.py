"""Files: a script or a notebook on the disk, as the text of the other kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.documents.convert import notebook_from, script_from
from hero_kernel.errors import HeroError, SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NOTEBOOK = ".ipynb"

SCRIPTS = (".hero", ".heroscript", ".md")
"""How the names of files with heroscript end; the first is what a new one gets."""


def is_notebook(path: Path) -> bool:
    """Whether a file's name is a notebook's, and not a script's.

    Raises:
        UsageError: It is neither's.
    """
    if path.suffix not in (NOTEBOOK, *SCRIPTS):
        raise UsageError(
            f"{path} is neither a script nor a notebook",
            hint=f"its name ends in {', '.join(SCRIPTS)} or {NOTEBOOK}",
        )
    return path.suffix == NOTEBOOK


def converted(path: Path) -> str:
    """The script that a notebook's file makes, or the notebook's file that a script makes.

    Raises:
        HeroError: `nbformat` is not installed.
        HeroscriptError: What is to be heroscript cannot be read as such.
        SourceError: The file cannot be read.
        UsageError: Its name is neither a script's nor a notebook's.
    """
    is_script = not is_notebook(path)
    try:
        import nbformat  # noqa: PLC0415  # the rest works without it
    except ImportError as error:
        raise HeroError(
            "nbformat is not installed", hint="pip install 'hero-kernel[documents]'"
        ) from error
    try:
        text = path.read_text(encoding="utf-8")
        if not is_script:
            return script_from(nbformat.reads(text, as_version=4))
    except (OSError, ValueError) as error:
        kind = "a script" if is_script else "a notebook"
        why = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"{path} cannot be read as {kind}: {why}") from error
    return f"{nbformat.writes(notebook_from(text, name=str(path)))}\n"
