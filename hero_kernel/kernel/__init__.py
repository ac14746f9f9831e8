"""The Hero kernel: IPython's, with the extension loaded and the session ended at the end."""

from __future__ import annotations

from typing import Any

from ipykernel.ipkernel import IPythonKernel
from traitlets import List, Unicode

import hero_kernel
from hero_kernel.errors import HeroError

__all__ = ["HeroKernel"]


class HeroKernel(IPythonKernel):  # type: ignore[misc]  # ipykernel ships no types
    """A Python kernel whose notebooks are bound to a session.

    Everything a notebook can type comes from the extension, which any IPython can load; the
    kernel adds what only a kernel can do.
    """

    extensions = List(
        Unicode(), ["magics"], help="IPython extensions to load before the first cell"
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in self.extensions:
            self.shell.extension_manager.load_extension(name)

    @property
    def banner(self) -> str:
        """What a console shows first."""
        return f"Hero: contexts, sessions and heroscript; %hero_help\n{super().banner}"

    async def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """Record the session's end, unless the kernel comes back at once."""
        if not restart:
            _end_session()
        reply: dict[str, Any] = await _awaited(super().do_shutdown(restart))
        return reply


def _end_session() -> None:
    """End the session this kernel was bound to, if it was; a store that is away loses only that."""
    session = hero_kernel.workspace().selected_session
    if session is not None:
        try:
            session.close()
        except HeroError:
            return


async def _awaited(reply: Any) -> Any:
    """A reply that is a dict in one version of ipykernel and a coroutine in another."""
    return await reply if hasattr(reply, "__await__") else reply
