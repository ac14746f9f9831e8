"""Terminal: what is written there, by the shell or by a kernel's server, is masked."""

from __future__ import annotations

import atexit
import codecs
import os
import sys
from contextlib import ExitStack, contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING, Any

from hero_kernel.redaction import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from hero_kernel.redaction import Redactor

CHUNK = 65536
"""Bytes read at once: what a pipe holds on Linux."""

END_S = 0.5
"""How long the last bytes may take on their way to the terminal."""


@contextmanager
def tapped(redactor: Redactor) -> Iterator[None]:
    """Mask what a kernel writes to the terminal of its server.

    ipykernel copies whatever arrives at the process's standard output and error, from subprocesses
    and from C, not only to the notebook but as it is to the descriptors it found there, and writes
    its own log to them. It keeps those in `_original_stdstream_copy`, in 6.29 and 7; where it does
    not watch the descriptors, they lead to the terminal by themselves.
    """
    with ExitStack() as taps:
        for stream, original in ((sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__)):
            descriptor = getattr(stream, "_original_stdstream_copy", None)
            if descriptor is None:
                with suppress(AttributeError, OSError, ValueError):  # there is none, or no longer
                    descriptor = original.fileno()  # type: ignore[union-attr]  # said above
            if isinstance(descriptor, int):
                tap = Tap(descriptor, redactor)
                taps.callback(tap.close)
                atexit.register(tap.close)  # before ipykernel closes its own
                taps.callback(atexit.unregister, tap.close)
            echo = getattr(stream, "echo", None)
            if echo is not None:
                setattr(stream, "echo", Masked(echo, redactor))  # noqa: B010  # no text file has it
                taps.callback(setattr, stream, "echo", echo)
        yield


class Tap:
    """A pipe in the place of a descriptor, and a thread that masks what comes through it."""

    def __init__(self, descriptor: int, redactor: Redactor) -> None:
        self._descriptor = descriptor
        self._redactor = redactor
        self._terminal = os.dup(descriptor)
        self._out, into = os.pipe()
        os.dup2(into, descriptor, inheritable=os.get_inheritable(descriptor))
        self._pipe = os.fstat(into)
        self._pid = os.getpid()
        os.close(into)
        self._thread = Thread(target=self._work, name="hero terminal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Put the descriptor back, and let what is on its way arrive."""
        if os.getpid() != self._pid or not self._thread.is_alive():
            return
        with suppress(OSError):  # it was closed meanwhile, and may be another's by now
            if os.path.samestat(os.fstat(self._descriptor), self._pipe):
                inheritable = os.get_inheritable(self._descriptor)
                os.dup2(self._terminal, self._descriptor, inheritable=inheritable)
        self._thread.join(END_S)  # a subprocess that holds the pipe goes on by itself

    def _work(self) -> None:
        stream = self._redactor.stream()
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        while True:
            data = os.read(self._out, CHUNK)
            try:
                text = stream.feed(decoder.decode(data, final=not data))
                text += stream.flush() if not data else stream.pause()
            except Exception:  # noqa: BLE001  # whatever it is, nothing must get out
                stream, text = self._redactor.stream(), f"{WITHHELD}\n"
            self._write(text.encode("utf-8", "surrogateescape"))
            if not data:
                break
        os.close(self._out)
        os.close(self._terminal)

    def _write(self, data: bytes) -> None:
        with suppress(OSError):  # the terminal is gone: nobody reads it
            while data:
                data = data[os.write(self._terminal, data) :]


class Masked:
    """A text file that masks what is written to it; else it is the file."""

    def __init__(self, file: Any, redactor: Redactor) -> None:
        self.file = file
        self._stream = redactor.stream()

    def write(self, text: str) -> int:
        """Write what may be seen; the end is kept back if it may be a value's beginning."""
        try:
            shown = self._stream.feed(text)
        except Exception:  # noqa: BLE001  # whatever it is, nothing must get out
            shown = f"{WITHHELD}\n"
        if shown:
            self.file.write(shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Write what is kept back if it is short, and flush the file."""
        self.file.write(self._stream.pause())
        self.file.flush()

    def settle(self) -> None:
        """Write what is kept back."""
        self.file.write(self._stream.flush())
        self.file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@contextmanager
def masked_while_a_cell_runs(
    shell: InteractiveShell, redactor: Redactor, depth: int
) -> Iterator[None]:
    """Mask what Python writes to standard output and error during a cell, in a plain IPython.

    Values, displays and tracebacks are written there too. What subprocesses write goes to the
    terminal without us.

    Args:
        shell: Whose cells.
        redactor: Masks.
        depth: How many cells are running now, within each other.
    """
    running = [depth]

    def before() -> None:
        running[0] += 1
        _wrap(redactor)

    def after() -> None:
        running[0] = max(0, running[0] - 1)
        if not running[0]:
            _unwrap()

    shell.events.register("pre_execute", before)
    shell.events.register("post_execute", after)
    if depth:
        _wrap(redactor)
    try:
        yield
    finally:
        with suppress(ValueError):  # the user may have taken it back himself
            shell.events.unregister("pre_execute", before)
            shell.events.unregister("post_execute", after)
        _unwrap()


def _wrap(redactor: Redactor) -> None:
    for name in ("stdout", "stderr"):
        file = getattr(sys, name)
        if file is not None and not isinstance(file, Masked):
            setattr(sys, name, Masked(file, redactor))


def _unwrap() -> None:
    for name in ("stdout", "stderr"):
        file = getattr(sys, name)
        if isinstance(file, Masked):
            with suppress(ValueError, OSError):  # it was closed
                file.settle()
            setattr(sys, name, file.file)
