"""What the tests of panels do beside looking: type at a terminal, and ask axe and the layout."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from kernel.driving import environment

if TYPE_CHECKING:
    from browser.fronts import Jupyter
    from playwright.sync_api import Page


def at_terminal(jupyter: Jupyter, *words: str) -> str:
    """What `hero-kernel` says, on the home that the kernels of the server use."""
    done = subprocess.run(
        [sys.executable, "-m", "hero_kernel", *words],
        env=environment(jupyter.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def axe_faults(page: Page, selector: str = ".hero-panel") -> list[str]:
    """What axe-core calls serious or critical there."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415  # not everywhere

    found = Axe().run(page, context=selector).response["violations"]
    return [
        f"{one['id']}: {[node['html'] for node in one['nodes']][:3]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def is_within(page: Page, width: int, selector: str = ".hero-panel") -> bool:
    """Whether a panel of that width needs no horizontal scrolling."""
    return page.locator(selector).first.evaluate(
        """async (panel, width) => {
            const host = panel.closest('.hero-widget');
            host.style.width = `${width}px`;
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            const fits = panel.scrollWidth <= panel.clientWidth && panel.offsetWidth <= width;
            const inner = [...panel.querySelectorAll('.hero-scroll')].every(
                one => one.scrollWidth <= one.clientWidth);
            return fits && inner;
        }""",
        width,
    )


def wide_again(page: Page, selector: str = ".hero-panel") -> None:
    """Give the panel its width back."""
    page.locator(selector).first.evaluate(
        "panel => { panel.closest('.hero-widget').style.width = ''; }"
    )
