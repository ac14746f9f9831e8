"""The IPython extension: `%load_ext magics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magics, bare `!!actor.action` cells and how reports are shown."""
    from magics.extension import load  # noqa: PLC0415  # importing a package loads no IPython

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take back whatever `load_ipython_extension` registered."""
    from magics.extension import unload  # noqa: PLC0415  # as above

    unload(shell)
