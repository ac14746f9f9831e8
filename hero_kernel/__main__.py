"""The command line, as `python -m hero_kernel` and as `hero-kernel`."""

from __future__ import annotations

import sys

from hero_kernel.commands.shell import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
