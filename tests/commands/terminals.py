"""A command at a terminal of its own: its answers are read, and it is typed at."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

from kernel.driving import environment

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 30.0
"""A test that waits longer has failed."""

# the child takes the terminal for its own, which asking for a password needs
_LAUNCH = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, '-c', *sys.argv[1:]])"
)
_MAIN = "import sys; from hero_kernel.__main__ import main; sys.exit(main())"


class Terminal:
    """As a context manager it is ended with the block.

    Attributes:
        seen: All that was written to it.
    """

    def __init__(self, folder: Path, *words: str, program: str = _MAIN, **environ: str) -> None:
        self.seen = ""
        self._read_to = 0
        self._master, slave = pty.openpty()
        own = {"COLUMNS": "100", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, program, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env=environment(folder) | own | environ,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def wait_for(self, text: str) -> None:
        """Read on until a text was seen that was not waited for before."""
        until = monotonic() + PATIENCE_S
        while (at := self.seen.find(text, self._read_to)) < 0:
            assert monotonic() < until, f"no {text!r} in {self.seen!r}"
            assert self._read(), f"ended without {text!r}: {self.seen!r}"
        self._read_to = at + len(text)

    def type(self, line: str) -> None:
        os.write(self._master, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C, as late after what was seen as a hand would.

        One that comes between the question and the wait for its answer, a few instructions later,
        is heard by Python at the next key.
        """
        sleep(0.3)
        os.write(self._master, b"\x03")

    def end(self) -> int:
        """Read to the end; the exit status."""
        until = monotonic() + PATIENCE_S
        while self._read():
            assert monotonic() < until, self.seen
        return self.process.wait(timeout=PATIENCE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], 0.5)
        if not ready:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody holds the other side any more
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)
