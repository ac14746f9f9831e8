"""What importing the package costs, against a bare Python."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter

import pytest

pytestmark = pytest.mark.benchmark


def python_s(program: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return perf_counter() - begin


def test_import_costs_at_most_60_ms_over_bare_python():
    bare, ours, whole = [], [], []
    for _ in range(15):
        bare.append(python_s("pass"))
        ours.append(python_s("import hero_kernel"))
        whole.append(python_s("import hero_kernel.workspaces"))
    over_ms = (median(ours) - median(bare)) * 1e3
    print(
        f"\nbare {median(bare) * 1e3:.0f} ms, hero_kernel {over_ms:.0f} ms over it (goal 60), "
        f"with every room {(median(whole) - median(bare)) * 1e3:.0f} ms"
    )
    assert over_ms <= 60
