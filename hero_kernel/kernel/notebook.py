"""A notebook from the command line: executed with the Hero kernel, shown as text.

Importing this needs the extra `run`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

from hero_kernel.errors import HeroError, SourceError
from hero_kernel.kernel.spec import NAME
from hero_kernel.report import MIME
from hero_kernel.report.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Executed:
    """A notebook after its execution; as text, its cells with what they showed.

    Attributes:
        notebook: With its outputs.
        ok: Whether no cell failed that was not expected to.
        interrupted: The signal that ended it, as Ctrl-C does; 0 when none did.
    """

    notebook: Any
    ok: bool
    interrupted: int

    def write(self, path: Path) -> None:
        """Write the executed notebook.

        Raises:
            HeroError: It cannot be written there.
        """
        try:
            nbformat.write(self.notebook, path)
        except OSError as error:
            raise HeroError(
                f"{path} cannot be written: {error.strerror}", hint="check the path"
            ) from error

    def to_dict(self) -> dict[str, Any]:
        """The reports in the notebook, as JSON's kinds of data."""
        outputs = [out for cell in self._cells() for out in cell.get("outputs", [])]
        reports = [out["data"][MIME] for out in outputs if MIME in out.get("data", {})]
        return {"ok": self.ok, "reports": reports}

    def __str__(self) -> str:
        return "\n".join(line for cell in self._cells() for line in _shown(cell))

    def _cells(self) -> list[Any]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]


def execute(path: Path, *, keep_going: bool = False) -> Executed:
    """Execute a notebook with the Hero kernel, in its own folder; the file stays as it is.

    Args:
        path: The notebook.
        keep_going: Whether to go on after a cell that failed.

    Raises:
        SourceError: It cannot be read as a notebook.
        HeroError: The kernel cannot be started, or died.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a notebook: {error}") from error
    with _sockets() as config:
        client = NotebookClient(
            notebook,
            kernel_name=NAME,
            allow_errors=keep_going,
            resources={"metadata": {"path": str(path.parent)}},
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
            config=config,
        )
        stop = _Stop(client)
        _execute(client)
    return Executed(notebook, ok=not _failed(notebook), interrupted=stop.asked)


def _execute(client: NotebookClient) -> None:
    try:
        client.execute()
    except NoSuchKernel as error:
        raise HeroError(
            "Jupyter does not know the Hero kernel", hint="hero-kernel install"
        ) from error
    except DeadKernelError as error:
        raise HeroError("the kernel died", hint="see its own output above") from error
    except (CellExecutionError, KeyboardInterrupt):
        pass  # the cell's own output says what happened


LONGEST_SOCKET = 100
"""Bytes of a socket's path; the systems allow 104 to 108 with the NUL at the end."""


@contextmanager
def _sockets() -> Iterator[Config]:
    """How the kernel is reached: by files that only this user opens, where the system has such.

    TCP ports, which it is otherwise, can be another process's by the time the kernel opens them,
    and everybody on the machine may connect to them.
    """
    config = Config()
    with ExitStack() as stack:
        if hasattr(socket, "AF_UNIX") and sys.platform != "win32":
            for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  # a new folder of mode 0700
                file = os.path.join(parent, "hero-12345678", "kernel.json")  # noqa: PTH118
                if len(os.fsencode(file)) + len("-ipc-1") <= LONGEST_SOCKET:
                    folder = stack.enter_context(
                        tempfile.TemporaryDirectory(prefix="hero-", dir=parent)
                    )
                    config.KernelManager.transport = "ipc"
                    config.KernelManager.connection_file = str(Path(folder) / "kernel.json")
                    break
        yield config


class _Stop:
    """Ctrl-C, SIGTERM or SIGHUP interrupts the cell that runs, and no other is begun.

    nbclient would take the kernel away under itself; its hooks come after it has set that up.
    """

    def __init__(self, client: Any) -> None:
        self.asked = 0
        self._client = client
        client.on_notebook_start = self._listen
        client.on_cell_start = self._go_on

    def _listen(self, **_: Any) -> None:
        with suppress(RuntimeError, NotImplementedError, AttributeError):  # no main thread; Windows
            loop = asyncio.get_running_loop()
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name)
                loop.add_signal_handler(number, self._ask, number)

    def _ask(self, number: int) -> None:
        self.asked = self.asked or number
        self._interrupt = asyncio.ensure_future(self._client.km.interrupt_kernel())

    def _go_on(self, **_: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt


def _failed(notebook: Any) -> bool:
    return any(
        output.output_type == "error"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "raises-exception" not in cell.metadata.get("tags", [])
    )


def _shown(cell: Any) -> list[str]:
    number = cell.get("execution_count") or " "
    lines = [
        f"In [{number}]: {line}" if i == 0 else f"        {line}"
        for i, line in enumerate(cell.source.split("\n"))
    ]
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            text = "\n".join(output.traceback)
        elif output.output_type == "stream":
            text = output.text
        else:
            text = output.data.get("text/plain", "")
        lines += [f"    {plain(line)}" for line in text.rstrip("\n").split("\n")]
    return [*lines, ""]
