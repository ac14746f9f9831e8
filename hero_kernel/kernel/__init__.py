"""The Hero kernel: IPython's, with the extension loaded and the session left at the end."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ipykernel.ipkernel import IPythonKernel
from traitlets import List, Unicode

from hero_kernel import default

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HeroKernel"]

IDLE_S = 0.2
"""How long after the start a kernel is taken to be idle: its first replies are away by then."""

BETWEEN_S = 0.03
"""Between one room and the next: a cell that comes meanwhile waits for one of them at most."""

ROOMS = (
    "heroscript", "report", "times", "config_files", "databases", "keyring", "logs", "playbook",
    "contexts", "sessions", "ownership", "git", "actors", "runner", "workspaces", "functions",
)  # fmt: skip
"""What a first use needs, each with what it stands on; a few milliseconds apiece."""


class HeroKernel(IPythonKernel):
    """A Python kernel whose notebooks are bound to a session.

    Everything a notebook can type comes from the extension, which any IPython can load; the
    kernel adds what only a kernel can do.
    """

    implementation = "hero"
    implementation_version = version("hero-kernel")
    # Python in all but the colours of pages, where cells of heroscript have a lexer of their own
    language_info = IPythonKernel.language_info | {"pygments_lexer": "ipython-hero"}

    extensions = List(
        Unicode(), ["magics"], help="IPython extensions to load before the first cell"
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]  # ipykernel's is
        _transform_once(self.shell)
        for name in self.extensions:
            self._load(name)

    def _load(self, name: str) -> None:
        """Load an extension; a kernel without it still runs Python, and says what is missing."""
        shell: Any = self.shell
        try:
            shell.extension_manager.load_extension(name)
        except Exception as error:
            self.log.exception("extension %s could not be loaded", name)
            said = f"the extension {name} could not be loaded: {type(error).__name__}: {error}"

            def say() -> None:
                shell.events.unregister("pre_execute", say)
                sys.stderr.write(f"{said}; only Python works here\n")

            shell.events.register("pre_execute", say)  # the log is not seen from a notebook

    def start(self) -> None:
        """Start, and load what a first use needs while the kernel waits for it."""
        super().start()  # type: ignore[no-untyped-call]  # ipykernel's is
        self.io_loop.call_later(IDLE_S, self._bring, iter(ROOMS))

    def _bring(self, rooms: Iterator[str]) -> None:
        room = next(rooms, None)
        if room is not None:
            import_module(f"hero_kernel.{room}")
            self.io_loop.call_later(BETWEEN_S, self._bring, rooms)

    @property
    def banner(self) -> str:  # type: ignore[override]  # read only in ipykernel too
        """What a console shows first."""
        return f"Hero: contexts, sessions and heroscript; %hero_help\n{self.shell.banner}"  # type: ignore[union-attr]  # there is one

    def do_shutdown(self, restart: bool) -> Any:
        """Leave the session; record its end, unless the kernel comes back at once."""
        _leave_session(ends=not restart)
        return super().do_shutdown(restart)  # type: ignore[no-untyped-call]  # ipykernel's is


def _transform_once(shell: Any) -> None:
    """Have a cell's text transformed into Python once.

    ipykernel does it to see whether the cell is asynchronous, and most are not: those it hands to
    IPython as they were written, which does it again.
    """
    transform = shell.transform_cell
    known: tuple[str, str] | None = None

    def transform_cell(raw_cell: str) -> str:
        nonlocal known
        before, known = known, None
        if before is not None and before[0] == raw_cell:
            return before[1]
        cell: str = transform(raw_cell)
        known = raw_cell, cell
        return cell

    def forget() -> None:
        nonlocal known
        known = None

    shell.transform_cell = transform_cell
    shell.events.register("pre_execute", forget)  # what the cell does may change what others mean
    shell.events.register("post_execute", forget)


def _leave_session(*, ends: bool) -> None:
    """Leave the session this kernel was bound to; a store that is away loses only that."""
    workspace = default.built()
    if workspace is not None:
        workspace.session_release(ends=ends)
