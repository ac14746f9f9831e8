"""What importing the package costs, against a bare Python."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from benchmarks.measuring import OURS, Goal

PROGRAMS = {
    "bare Python": "pass",
    OURS: "import hero_kernel",
    "every room": "import hero_kernel.workspaces",
    "redis-py": "import redis",
    "ipywidgets": "import ipywidgets",
}


def python_s(program: str) -> float:
    begin = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return perf_counter() - begin


def test_importing_the_package(figures):
    taken = {name: [] for name in PROGRAMS}
    for _ in range(figures.rounds(15) + 1):
        for name, program in PROGRAMS.items():
            taken[name].append(python_s(program))
    bare = taken.pop("bare Python")
    over = {
        name: [all_s - bare_s for all_s, bare_s in zip(times, bare, strict=True)][1:]
        for name, times in taken.items()
    }
    figures.add("import, over a bare Python", over, Goal(at_most=0.040))
