"""JupyterLab and Notebook 7 on loopback, shown by a real browser, and driven as a user does."""

from __future__ import annotations

import importlib.util
import json
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copytree, ignore_patterns, which
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import nbformat
import pytest
from kernel.driving import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome") or ""

BUILT = Path(__file__).parents[2] / "magics" / "labextension" / "built"
"""The tree's own extension, whatever is installed."""

PACKAGES = ("jupyterlab", "notebook", "playwright", "axe_playwright_python")

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)

FOREIGN = (
    "reading 'schema'",
    "Could not restore the debugger state",
    "Canceled future for create_subshell_request",
)
"""What Notebook 7, and JupyterLab when kernels are changed fast, complain of without us too."""

_OPEN = """async ([path, kernel]) => {
    const app = window.jupyterapp;
    await app.restored;
    const shown = await app.commands.execute(
        'docmanager:open', {path, factory: 'Notebook', kernel: {name: kernel}});
    await shown.context.ready;
    await shown.sessionContext.ready;
    await shown.sessionContext.session.kernel.info;
    window.shownNotebook = shown;
}"""

_FOUND = """async () => {
    const app = window.jupyterapp;
    await app.restored;
    const shown = app.shell.currentWidget;
    await shown.context.ready;
    await shown.sessionContext.ready;
    await shown.sessionContext.session.kernel.info;
    window.shownNotebook = shown;
}"""

_RUN = """async (index) => {
    window.shownNotebook.content.activeCellIndex = index;
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""

_BEGIN = _RUN.replace("await window.jupyterapp", "window.jupyterapp")


def missing() -> str:
    """What a browser test lacks here; empty when it lacks nothing."""
    if not CHROMIUM:
        return "chromium"
    return next((name for name in PACKAGES if importlib.util.find_spec(name) is None), "")


@dataclass(frozen=True)
class Jupyter:
    """A running server.

    Attributes:
        address: `http://127.0.0.1:PORT`.
        token: Lets a browser in.
        folder: Its home; notebooks are in `work`, records in `hero`.
    """

    address: str
    token: str
    folder: Path

    @property
    def work(self) -> Path:
        """The folder that the server shows."""
        return self.folder / "work"

    def lab(self, query: str = "reset") -> str:
        """The address of JupyterLab."""
        return f"{self.address}/lab?token={self.token}&{query}"

    def notebook(self, name: str) -> str:
        """The address of a notebook in Notebook 7."""
        return f"{self.address}/notebooks/{name}?token={self.token}"

    def write(self, name: str, cells: Sequence[str], kernel: str = "hero") -> Path:
        """Make a notebook of code cells; a cell that begins with `md:` is Markdown."""
        made = nbformat.v4.new_notebook()
        spec = {"name": kernel, "display_name": kernel, "language": "python"}
        made.metadata["kernelspec"] = spec
        for source in cells:
            is_text = source.startswith("md:")
            new = nbformat.v4.new_markdown_cell if is_text else nbformat.v4.new_code_cell
            made.cells.append(new(source.removeprefix("md:")))
        nbformat.write(made, self.work / name)
        return self.work / name


DISTURBING = "jupysql-plugin"
"""An extension that a peer of the benchmarks brings along; it disturbs editors and the launcher."""


@contextmanager
def jupyter(folder: Path, **environ: str) -> Iterator[Jupyter]:
    """A server of our own that offers JupyterLab and Notebook 7; it is ended with the block."""
    (folder / "work").mkdir(parents=True)
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    extensions = folder / "labextensions"
    copytree(
        Path(sys.prefix) / "share" / "jupyter" / "labextensions",
        extensions,
        ignore=ignore_patterns("hero-jupyter", DISTURBING),
    )
    (extensions / "hero-jupyter").symlink_to(BUILT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
            f"--IdentityProvider.token={token}",
            f"--LabApp.labextensions_path={extensions}",
            f"--JupyterNotebookApp.labextensions_path={extensions}",
            "--LabApp.expose_app_in_browser=True",
            "--JupyterNotebookApp.expose_app_in_browser=True",
            f"--ServerApp.root_dir={folder / 'work'}",
        ],
        env=environment(folder, **environ),
        cwd=folder / "work",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server)
        yield Jupyter(f"http://127.0.0.1:{port}", token, folder)
    finally:
        _end(server)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = monotonic() + 60
    while monotonic() < until:
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(url, timeout=2):  # noqa: S310  # our own server
                return
        except (URLError, OSError):
            sleep(0.1)
    pytest.fail("the server does not answer")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)  # it shuts its kernels down
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; it is ended with the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # not installed everywhere

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Tab:
    """A page of the browser with a notebook in it.

    Attributes:
        page: Playwright's.
        complaints: Errors of scripts, and what the console calls errors.
        outside: Addresses that were asked for outside of this machine.
    """

    page: Page
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Begin to note complaints and requests."""
        self.page.on("pageerror", lambda error: self.complaints.append(error.stack or str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        self.page.on("request", lambda request: self._asked(request.url))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname not in {
            "127.0.0.1",
            "localhost",
        }:
            self.outside.append(url)

    def go(self, url: str) -> None:
        """Go to a front end, and wait until it is there."""
        self.page.goto(url)
        self.page.wait_for_function("() => window.jupyterapp !== undefined")

    def open(self, name: str, kernel: str = "hero") -> None:
        """Open a notebook in JupyterLab, and wait until its kernel is ready."""
        self.page.evaluate(_OPEN, [name, kernel])

    def found(self) -> None:
        """Wait until the notebook that Notebook 7 shows is ready, and its kernel."""
        self.page.evaluate(_FOUND)

    def run(self, index: int) -> None:
        """Run a cell, and wait for its end."""
        self.page.evaluate(_RUN, index)

    def begin(self, index: int) -> None:
        """Run a cell, and do not wait."""
        self.page.evaluate(_BEGIN, index)

    def output(self, index: int) -> Locator:
        """What a cell shows."""
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        return cells.nth(index).locator(".jp-Cell-outputArea")

    def dark(self, theme: str = "JupyterLab Dark") -> None:
        """Change the theme, and wait until it is there."""
        self.command("apputils:change-theme", theme=theme)
        self.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")

    def command(self, name: str, **given: Any) -> None:
        """Carry out a command of the front end, and wait for its end."""
        self.page.evaluate(
            "([name, given]) => window.jupyterapp.restored.then(() =>"
            " window.jupyterapp.commands.execute(name, given)).then(() => null)",
            [name, given],
        )

    def save(self) -> None:
        """Save the notebook."""
        self.command("docmanager:save")
        self.page.wait_for_function("() => !window.shownNotebook.context.model.dirty")

    def slow_down(self, times: int) -> None:
        """Take away processor time from the page, as a busy or small machine does."""
        client = self.page.context.new_cdp_session(self.page)
        client.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def check(self) -> None:
        """Nothing of ours complained, and nothing left the machine."""
        ours = [one for one in self.complaints if not any(other in one for other in FOREIGN)]
        assert (ours, self.outside) == ([], []), (ours, self.outside)


@contextmanager
def tab(browser: Browser, url: str, **options: Any) -> Iterator[Tab]:
    """A page in a context of its own.

    Args:
        browser: The browser.
        url: Where it goes; empty for nowhere yet.
        options: Of Playwright's `new_context`: `viewport`, `color_scheme`.
    """
    context = browser.new_context(**options)
    try:
        one = Tab(context.new_page())
        one.watch()
        if url:
            one.go(url)
        yield one
    finally:
        context.close()
