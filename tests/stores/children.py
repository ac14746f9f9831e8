"""Child processes that tests fork, kill and wait for."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import time
import traceback
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


def forked(work: Callable[[], object]) -> int:
    """The id of a child that does the work and ends with 0, or with 1 when it raised."""
    pid = os.fork()
    if pid:
        return pid
    # A deadlock becomes a stack trace instead of a test run that hangs.
    faulthandler.dump_traceback_later(25, exit=True)
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the parent learns of it by the code
        traceback.print_exc()
    finally:
        os._exit(code)


def code_of(pid: int) -> int:
    """How the child ended: its exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def without_rights(work: Callable[[], object]) -> None:
    """Do the work in a child to which permission bits mean something, as they do not to root."""

    def lowered() -> None:
        if os.geteuid() == 0:
            faulthandler.cancel_dump_traceback_later()  # only a process of one thread may do it
            if ctypes.CDLL(None).unshare(CLONE_NEWUSER):
                os._exit(NOT_HERE)
        work()

    code = code_of(forked(lowered))
    if code == NOT_HERE:
        pytest.skip("root cannot give up its rights here")
    assert code == 0


CLONE_NEWUSER = 0x10000000
"""Of unshare(2): its files belong to nobody whom the child could overrule."""

NOT_HERE = 77


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert code_of(pid) == -signal.SIGKILL


def in_children(count: int, work: Callable[[int], object]) -> None:
    """Do the work in so many children at once, each with its number; all must end well."""
    gate_out, gate_in = os.pipe()

    def started(number: int) -> None:
        os.close(gate_in)
        os.read(gate_out, 1)  # until every child is there
        work(number)

    pids = [forked(lambda number=number: started(number)) for number in range(count)]
    os.close(gate_out)
    os.close(gate_in)
    assert [code_of(pid) for pid in pids] == [0] * count


def eventually(true: Callable[[], bool], within_s: float = 5) -> None:
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.005)
