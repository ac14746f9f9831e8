"""From running a cell to 200 painted variables, against as many rows of ipywidgets."""

from __future__ import annotations

from statistics import median
from time import monotonic

import pytest
from browser import fronts

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

ROUNDS = 5

PEER = """import ipywidgets as w
rows = [w.HBox([w.Label(f'NAME{n:03}'), w.Text(f'value {n}', description=''),
                w.Label('In[1] %hero_env set'), w.Button(description='Delete')])
        for n in range(200)]
w.VBox(rows, layout=w.Layout(height='24em', overflow='auto'))"""


def test_200_variables_against_rows_of_ipywidgets(tmp_path):
    if missing := fronts.missing():
        pytest.skip(f"{missing} is not installed")
    pairs = " ".join(f"'NAME{n:03}=value {n}'" for n in range(200))
    with fronts.jupyter(tmp_path / "jupyter") as server, fronts.chromium() as browser:
        cells = [f"%hero_env set {pairs}", "%hero_panel env", PEER]
        server.write("rows.ipynb", cells)
        with fronts.tab(browser, server.lab()) as tab:
            tab.open("rows.ipynb")
            tab.run(0)

            def painted_s(index: int, last: str) -> float:
                """From running the cell until its last row has been painted."""
                tab.command("notebook:deselect-all")
                tab.page.evaluate(
                    "index => { window.shownNotebook.content.activeCellIndex = index; }", index
                )
                tab.command("notebook:clear-cell-output")
                begun = monotonic()
                tab.begin(index)
                tab.output(index).locator(last).nth(199).wait_for()
                tab.page.evaluate(
                    "() => new Promise(done =>"
                    " requestAnimationFrame(() => requestAnimationFrame(() => done())))"
                )
                return monotonic() - begun

            ours, peers = [], []
            for _ in range(ROUNDS + 1):
                ours.append(painted_s(1, "[data-value]"))
                peers.append(painted_s(2, ".widget-hbox input"))
    ratio = median(mine / peer for mine, peer in zip(ours[1:], peers[1:], strict=True))
    print(
        f"\n200 variables: {median(ours[1:]) * 1e3:.0f} ms, rows of ipywidgets "
        f"{median(peers[1:]) * 1e3:.0f} ms, ratio {ratio:.2f} (goal 0.25)"
    )
    assert ratio <= 0.25
