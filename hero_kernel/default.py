"""Default: the workspace that is meant where none is named; a light module, until it is built."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING

from hero_kernel import front_end

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel.binding import Surroundings
    from hero_kernel.cells import Cell
    from hero_kernel.workspaces import Workspace

_workspace: Workspace | None = None

_building = RLock()
"""A cell and a front end's question may come to need the workspace at the same moment."""


def workspace() -> Workspace:
    """The default workspace, built at first use from the environment."""
    global _workspace  # noqa: PLW0603  # the state of the module-level functions
    if _workspace is None:
        with _building:
            if _workspace is None:
                from hero_kernel import settings, workspaces  # noqa: PLC0415  # every room
                from hero_kernel.actors import Actors  # noqa: PLC0415  # as above

                here = front_end.here()
                redactor = None if here is None else here.redactor
                made = workspaces.build(settings.read(os.environ), Actors(), redactor)
                made.surroundings, made.prompt = _surroundings, _prompt
                made.cells.current = _cell
                _workspace = made
    return _workspace


def built() -> Workspace | None:
    """The default workspace if anybody has needed it yet; asking imports nothing."""
    return _workspace


def open_workspace(
    home: str | Path | None = None, redis_url: str | None = None, *, default: bool = True
) -> Workspace:
    """Open a workspace at another place than the environment says.

    Args:
        home: Where files are kept, and records too unless in Redis.
        redis_url: Where records are kept; empty for SQLite.
        default: Whether it becomes the one that module-level functions use; actions that were
            defined before come along.
    """
    from dataclasses import replace  # noqa: PLC0415  # every room comes now

    from hero_kernel import settings, workspaces  # noqa: PLC0415  # as above
    from hero_kernel.actors import Actors  # noqa: PLC0415  # as above

    global _workspace  # noqa: PLW0603  # as above
    given = settings.read(os.environ)
    if home is not None:
        given = replace(given, home=settings.expanded(home))
    if redis_url is not None:
        given = replace(given, redis_url=redis_url)
    before = workspace() if default else _workspace
    # The redactor is the same: what leaves the process is shown to the same people.
    redactor = None if before is None else before.redactor
    if before is None or not default:
        return workspaces.build(given, Actors(), redactor)
    opened = workspaces.build(given, before.actors, redactor)
    opened.surroundings, opened.prompt = before.surroundings, before.prompt
    opened.held = before.held
    _workspace = opened
    return opened


def _surroundings() -> Surroundings:
    from hero_kernel import binding  # noqa: PLC0415  # whoever asks has every room

    here = front_end.here()
    return binding.program(os.environ) if here is None else here.surroundings()


def _cell() -> Cell | None:
    here = front_end.here()
    return None if here is None else here.cell()


def _prompt(question: str) -> str:
    from hero_kernel.workspaces import terminal_prompt  # noqa: PLC0415  # as above

    here = front_end.here()
    return terminal_prompt(question) if here is None else here.prompt(question)
