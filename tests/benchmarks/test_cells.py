"""Round trips of cells through a real Hero kernel, against a `pass` cell in the same kernel."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import pytest
from jupyter_client.manager import start_new_kernel
from kernel.rounds import round_trip_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking import BlockingKernelClient

pytestmark = pytest.mark.benchmark

ROUNDS = 150
TEN_ACTIONS = "%%heroscript\n" + "".join(f"!!play.echo content:'line {n}'\n" for n in range(10))


@pytest.fixture
def client(tmp_path, monkeypatch) -> Iterator[BlockingKernelClient]:
    monkeypatch.setenv("HERO_HOME", str(tmp_path))
    manager, client = start_new_kernel(kernel_name="hero")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_cell_of_ten_trivial_actions_against_pass(client):
    for code in ("pass", TEN_ACTIONS) * 5:
        round_trip_s(client, code)
    ratios, passes, cells = [], [], []
    for _ in range(ROUNDS):
        passes.append(round_trip_s(client, "pass"))
        cells.append(round_trip_s(client, TEN_ACTIONS))
        ratios.append(cells[-1] / passes[-1])
    print(
        f"\npass {median(passes) * 1e3:.2f} ms, ten actions {median(cells) * 1e3:.2f} ms, "
        f"ratio {median(ratios):.2f} (goal 1.35)"
    )
    assert median(ratios) <= 1.35
