"""Hardening: this process's memory, closed to the user's other processes."""

from __future__ import annotations

import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def harden() -> bool:
    """Keep the user's other processes, and core dumps, from this process's memory.

    On Linux, by PR_SET_DUMPABLE and RLIMIT_CORE; elsewhere only core dumps are switched off,
    where there are limits. Debuggers and profilers of the same user that attach from outside
    (gdb, py-spy) are locked out as well, root's are not. Lasts until the process ends, and in
    processes it forks; programs it starts are not hardened. Calling it again changes nothing.

    Returns:
        Whether other processes are kept out; it is not an error where they are not.
    """
    with suppress(ImportError, OSError, ValueError):
        import resource  # noqa: PLC0415 - not on Windows

        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.platform != "linux":
        return False
    with suppress(ImportError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - at first use

        return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    return False
