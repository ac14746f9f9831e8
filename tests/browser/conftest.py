"""One server and one browser a worker; every test has a page and notebooks of its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from browser import fronts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def everything() -> None:
    """What these tests need is installed."""
    if missing := fronts.missing():
        said = f"{missing} is not installed"
        pytest.fail(said) if os.environ.get("HERO_REQUIRE_ALL") else pytest.skip(said)


@pytest.fixture(scope="module")
def browser(everything) -> Iterator[Browser]:
    """A browser; while it is there an event loop runs in this thread, which others must not see."""
    with fronts.chromium() as one:
        yield one


@pytest.fixture(scope="session")
def jupyter(everything, tmp_path_factory: pytest.TempPathFactory) -> Iterator[fronts.Jupyter]:
    """The server of this worker."""
    with fronts.jupyter(tmp_path_factory.mktemp("jupyter")) as one:
        yield one


@pytest.fixture
def lab(browser: Browser, jupyter: fronts.Jupyter) -> Iterator[fronts.Tab]:
    """JupyterLab in a page of its own, in the light; at the end nothing may have complained."""
    settings = jupyter.folder / "config" / "lab" / "user-settings" / "@jupyterlab"
    chosen = settings / "apputils-extension" / "themes.jupyterlab-settings"
    chosen.unlink(missing_ok=True)  # a test before this one may have chosen the dark
    with fronts.tab(browser, jupyter.lab()) as one:
        yield one
        one.check()
