"""The command line, as `python -m hero_kernel` and as `hero-kernel`."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SELDOM = 50_000
"""How many objects more there must be for Python to look for garbage, instead of 700: what a
command imports stays, and most commands make little else."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command in a process that is there for it alone; see `commands.shell.main`."""
    gc.set_threshold(SELDOM)
    from hero_kernel.commands.shell import main as command  # noqa: PLC0415  # as said

    status = command(argv)
    gc.freeze()  # else the interpreter looks through all of it twice before it ends
    return status


if __name__ == "__main__":
    sys.exit(main())
