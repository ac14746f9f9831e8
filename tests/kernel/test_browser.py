"""JupyterLab in a browser: a bare cell, and its report in the page."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from shutil import which
from time import monotonic, sleep
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import pytest
from kernel.driving import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

CHROMIUM = which("chromium") or which("chromium-browser") or which("google-chrome") or ""
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
OPEN = """async (path) => {
    const app = window.jupyterapp;
    await app.restored;
    const shown = await app.commands.execute(
        'docmanager:open', {path, factory: 'Notebook', kernel: {name: 'hero'}});
    await shown.context.ready;
    await shown.sessionContext.ready;
    await shown.sessionContext.session.kernel.info;
    window.shownNotebook = shown;
}"""
RUN_CELL = """async (index) => {
    window.shownNotebook.content.activeCellIndex = index;
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""


def missing() -> str:
    """What a browser test lacks here."""
    if not CHROMIUM:
        return "chromium"
    packages = ("jupyterlab", "playwright")
    return next((name for name in packages if importlib.util.find_spec(name) is None), "")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a JupyterLab of our own, and its folder."""
    if missing():
        said = f"{missing()} is not installed"
        pytest.fail(said) if os.environ.get("HERO_REQUIRE_ALL") else pytest.skip(said)
    folder = tmp_path_factory.mktemp("lab")
    (folder / "work").mkdir()
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
            f"--IdentityProvider.token={token}",
            "--LabApp.expose_app_in_browser=True",
            f"--ServerApp.root_dir={folder / 'work'}",
        ],
        env=environment(folder),
        cwd=folder / "work",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server)
        yield f"http://127.0.0.1:{port}/lab?token={token}&reset", folder
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
def page(url: str) -> Iterator[tuple[Page, list[str]]]:
    """A page in a browser, and what its console complains of."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # not installed everywhere

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = browser.new_page()
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        shown.goto(url)
        shown.wait_for_function("() => window.jupyterapp !== undefined")
        yield shown, complaints
        browser.close()


@pytest.mark.timeout(180)
def test_a_bare_cell_and_its_report_in_jupyterlab(lab):
    url, folder = lab
    made = nbformat.v4.new_notebook()
    for source in (
        "!!session.env_set key:WHO val:'<b>world</b>'\n!!play.echo content:'hello {WHO}'",
        "!!session.env_delete key:NOT_THERE",
        "%hero",
    ):
        made.cells.append(nbformat.v4.new_code_cell(source))
    nbformat.write(made, folder / "work" / "lesson.ipynb")

    with page(url) as (shown, complaints):
        shown.evaluate(OPEN, "lesson.ipynb")
        shown.evaluate(RUN_CELL, 0)
        rows = shown.locator(".jp-Notebook .hero-report tr")
        rows.first.wait_for()
        assert rows.count() == 2
        assert "changed" in rows.nth(0).inner_text()
        assert "hello <b>world</b>" in rows.nth(1).inner_text()
        assert shown.locator(".hero-report b").count() == 0

        shown.evaluate(RUN_CELL, 1)
        shown.get_by_text("RunError: session.env_delete failed (In[2] line 1)").wait_for()

        shown.evaluate(RUN_CELL, 2)
        line = shown.locator(".hero-table").last
        line.wait_for()
        assert "session lesson (new;" in line.inner_text()  # bound by its path

        colour = "element => getComputedStyle(element).color"
        light = rows.nth(0).locator("td").first.evaluate(colour)
        shown.evaluate(
            "() => window.jupyterapp.commands.execute("
            "'apputils:change-theme', {theme: 'JupyterLab Dark'})"
        )
        shown.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
        assert rows.nth(0).locator("td").first.evaluate(colour) != light
        assert [one for one in complaints if "hero" in one.lower()] == []


@pytest.mark.timeout(180)
def test_a_secret_is_typed_unseen_and_stays_out_of_the_notebook(lab):
    url, folder = lab
    passphrase, token = f"canary {secrets.token_hex(8)}", f"canary-{secrets.token_hex(8)}"
    made = nbformat.v4.new_notebook()
    for source in (
        "%hero_context secrets --new",
        "%hero_secret new",
        "%hero_env set --secret TOKEN",
        "import os\nprint('seen:', os.environ['TOKEN'])\nos.environ['TOKEN']",
        "%hero_env",
    ):
        made.cells.append(nbformat.v4.new_code_cell(source))
    path = folder / "work" / "secrets.ipynb"
    nbformat.write(made, path)

    with page(url) as (shown, _):

        def run(index: int, **answers: str) -> None:
            """Run a cell, and answer what it asks: by the first word of each question."""
            waits = "" if answers else "await "
            shown.evaluate(RUN_CELL.replace("await window", f"{waits}window"), index)
            for question, answer in answers.items():
                prompt = shown.locator("pre", has_text=question).locator(".jp-Stdin-input")
                prompt.wait_for()
                assert prompt.get_attribute("type") == "password"
                prompt.fill(answer)
                prompt.press("Enter")
                prompt.wait_for(state="detached")

        shown.evaluate(OPEN, "secrets.ipynb")
        run(0)
        run(1, Please=passphrase, The=passphrase)
        shown.get_by_text("has a secret, and is unlocked").wait_for()
        run(2, Value=token)
        shown.get_by_text("TOKEN set in session").wait_for()
        run(3)
        shown.get_by_text("seen: ••••••").wait_for()
        run(4)
        table = shown.locator(".hero-table").last
        table.get_by_text("secret", exact=True).wait_for()
        shown.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        shown.wait_for_function("() => !window.shownNotebook.context.model.dirty")
        page_text = shown.content()

    saved = path.read_text(encoding="utf-8")
    assert "••••••" in saved
    files = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
    for canary in (passphrase, token):
        assert canary not in saved + page_text
        assert not [data for data in files if canary.encode() in data]


@pytest.mark.timeout(180)
def test_tab_and_shift_tab_in_jupyterlab(lab):
    url, folder = lab
    made = nbformat.v4.new_notebook()
    made.cells.append(nbformat.v4.new_code_cell(""))
    nbformat.write(made, folder / "work" / "typing.ipynb")

    with page(url) as (shown, complaints):
        shown.evaluate(OPEN, "typing.ipynb")
        shown.locator(".jp-Notebook .jp-Cell .cm-content").first.click()
        shown.keyboard.type("!!git.clone li")
        shown.keyboard.press("Tab")
        completer = shown.locator(".jp-Completer")
        completer.get_by_text("light:").wait_for()
        assert "recursive" not in completer.inner_text()
        shown.keyboard.press("Enter")
        cell = "() => window.shownNotebook.content.activeCell.model.sharedModel.getSource()"
        shown.wait_for_function(f"() => ({cell})().endsWith('light:')")

        shown.keyboard.press("Shift+Tab")
        tooltip = shown.locator(".jp-Tooltip")
        tooltip.get_by_text("!!git.clone light: true or false").wait_for()
        assert "Whether only the last commit" in tooltip.inner_text()
        assert [one for one in complaints if "hero" in one.lower()] == []
