"""What an import and a kernel start cost, against a bare Python and the stock kernel."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

import pytest
from jupyter_client.manager import KernelManager

pytestmark = pytest.mark.benchmark


def python_s(program: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return perf_counter() - begin


def kernel_start_s(name: str) -> float:
    """Seconds from starting the process to its first reply."""
    manager = KernelManager(kernel_name=name)
    begin = perf_counter()
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.kernel_info()
        client.get_shell_msg(timeout=60)
        return perf_counter() - begin
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_import_costs_at_most_60_ms_over_bare_python():
    bare, ours, stock = [], [], []
    for _ in range(15):
        bare.append(python_s("pass"))
        ours.append(python_s("import hero_kernel"))
        stock.append(python_s("import json, dataclasses, pathlib"))
    over_ms = (median(ours) - median(bare)) * 1e3
    print(
        f"\nbare {median(bare) * 1e3:.0f} ms, json+dataclasses+pathlib "
        f"{median(stock) * 1e3:.0f} ms, hero_kernel {median(ours) * 1e3:.0f} ms: "
        f"{over_ms:.0f} ms over bare (goal 60)"
    )
    assert over_ms <= 60


def test_the_hero_kernel_starts_nearly_as_fast_as_the_stock_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HERO_HOME", str(tmp_path))
    ratios, stock, hero = [], [], []
    for _ in range(8):
        stock.append(kernel_start_s("python3"))
        hero.append(kernel_start_s("hero"))
        ratios.append(hero[-1] / stock[-1])
    print(
        f"\npython3 {median(stock) * 1e3:.0f} ms, hero {median(hero) * 1e3:.0f} ms, "
        f"ratio {median(ratios):.2f} (goal 1.10)"
    )
    assert median(ratios) <= 1.10
