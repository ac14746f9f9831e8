"""A real kernel, driven as a front end drives it, with a home and folders of its own."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE_S = 30
"""A test that waits longer has failed."""


@dataclass
class Outcome:
    """What a cell answered and showed; an update replaces its display, as in a front end."""

    reply: dict[str, Any]
    outputs: list[dict[str, Any]] = field(default_factory=list)
    messages: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.reply["status"] == "ok"

    @property
    def error(self) -> dict[str, Any]:
        return next(one for one in self.outputs if one["output_type"] == "error")

    @property
    def traceback(self) -> str:
        return "\n".join(self.error["traceback"])

    @property
    def text(self) -> str:
        """All that a reader of plain text sees."""
        shown = []
        for one in self.outputs:
            if one["output_type"] == "stream":
                shown.append(one["text"])
            elif one["output_type"] == "error":
                shown.append("\n".join(one["traceback"]))
            else:
                shown.append(one["data"].get("text/plain", "") + "\n")
        return "".join(shown)

    def data(self, mime: str) -> Any:
        found = [one["data"][mime] for one in self.outputs if mime in one.get("data", {})]
        assert len(found) == 1, f"{len(found)} outputs have {mime}"
        return found[0]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a program that must not see the developer's own notebooks."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("HERO_", "JPY_", "JUPYTER_", "IPYTHON"))
    }
    own = {
        "HOME": str(folder),
        "HERO_HOME": str(folder / "hero"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return kept | own | more


class Kernel:
    """A kernel that runs cells; as a context manager it is ended with the block."""

    def __init__(
        self, folder: Path, *, name: str = "hero", cwd: Path | None = None, **environ: str
    ) -> None:
        self.folder = folder
        self.cwd = cwd or folder
        self.env = environment(folder, **environ)
        # sockets that are files: a TCP port could be another process's when the kernel comes back,
        # and the path of a test's own folder is too long for one
        self._sockets = tempfile.TemporaryDirectory(prefix="hero-")
        self.manager = KernelManager(
            kernel_name=name,
            transport="ipc",
            connection_file=f"{self._sockets.name}/kernel.json",
        )
        self.start()

    def start(self) -> None:
        self.manager.start_kernel(env=self.env, cwd=str(self.cwd))
        self._connect()

    def _connect(self) -> None:
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end(now=True)

    def end(self, *, now: bool = False) -> None:
        if self.manager.has_kernel:
            self.client.stop_channels()
            self.manager.shutdown_kernel(now=now)
        self.manager.cleanup_resources()
        self.manager.context.destroy()
        self._sockets.cleanup()

    def kill(self) -> None:
        """As the machine's `kill -9`; then a new kernel in the same place."""
        self.client.stop_channels()
        self.manager.signal_kernel(9)
        self.manager.provisioner.process.wait()
        self.manager.restart_kernel(now=True)
        self._connect()

    def restart(self) -> None:
        self.client.stop_channels()
        self.manager.restart_kernel()
        self._connect()

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)

    def send(self, code: str, **options: Any) -> str:
        return self.client.execute(code, **options)

    def wait_for(self, message: str, kind: str, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """The next message of a kind that a cell publishes; what comes before it is dropped."""
        until = monotonic() + patience_s
        while True:
            got = self.client.get_iopub_msg(timeout=until - monotonic())
            if got["parent_header"].get("msg_id") == message and got["msg_type"] == kind:
                return got["content"]

    def outcome(self, message: str, patience_s: float = PATIENCE_S) -> Outcome:
        until = monotonic() + patience_s
        outcome = Outcome({})
        while True:
            got = self.client.get_iopub_msg(timeout=until - monotonic())
            if got["parent_header"].get("msg_id") != message:
                continue
            kind, content = got["msg_type"], got["content"]
            outcome.messages.append((monotonic(), kind, content))
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind == "update_display_data":
                _update(outcome.outputs, content)
            elif kind in ("stream", "display_data", "execute_result", "error"):
                outcome.outputs.append({"output_type": kind, **content})
        while True:
            reply = self.client.get_shell_msg(timeout=until - monotonic())
            if reply["parent_header"].get("msg_id") == message:
                outcome.reply = reply["content"]
                return outcome

    def run(self, code: str, **options: Any) -> Outcome:
        return self.outcome(self.send(code, **options))

    def ask(self, code: str) -> str:
        """What a cell that must go well shows."""
        outcome = self.run(code)
        assert outcome.ok, outcome.text
        return outcome.text.strip()


def _update(outputs: list[dict[str, Any]], content: dict[str, Any]) -> None:
    wanted = content["transient"]["display_id"]
    for one in outputs:
        if one.get("transient", {}).get("display_id") == wanted:
            one["data"] = content["data"]
