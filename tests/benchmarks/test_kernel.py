"""The Hero kernel against the stock one: starting it, the extension, and a cell of Python."""

from __future__ import annotations

from contextlib import ExitStack
from time import perf_counter
from typing import TYPE_CHECKING

import pytest
import zmq
from benchmarks.measuring import OURS, Goal, interleaved
from kernel.driving import PATIENCE_S, Kernel
from kernel.rounds import round_trip_s

if TYPE_CHECKING:
    from pathlib import Path

STOCK = "ipykernel"
SECOND = "ipykernel, a second one"
NAMES = {OURS: "hero", STOCK: "python3"}

CELLS = 10
"""In a row make one sample: a single one also measures how long the kernel had been idle."""

PYTHON = "total = 0\nfor n in range(1000):\n    total += n\ntotal"


class Started(Kernel):
    """A kernel that is connected to as soon as it answers.

    What it is asked is not repeated, and what it publishes is not waited for.
    """

    def _connect(self) -> None:
        # 0MQ tries again after a tenth of a second otherwise, a third of the time of a start
        self.manager.context.setsockopt(zmq.RECONNECT_IVL, 1)
        self.client = self.manager.blocking_client()
        self.client.start_channels(hb=False)
        self.client.kernel_info(reply=True, timeout=PATIENCE_S)


def start_s(folder: Path, name: str) -> tuple[float, float]:
    """Seconds from the start until it answers, and until a first cell is done."""
    begin = perf_counter()
    kernel = Started(folder, name=name)
    answered = perf_counter()
    reply = kernel.client.execute("1", reply=True, timeout=PATIENCE_S)
    ended = perf_counter()
    assert reply["content"]["status"] == "ok"
    kernel.end(now=True)
    return answered - begin, ended - begin


def test_starting(figures, tmp_path):
    rounds = figures.rounds(20)
    answered: dict[str, list[float]] = {name: [] for name in NAMES}
    ended: dict[str, list[float]] = {name: [] for name in NAMES}
    for number in range(rounds + 1):
        for who in NAMES if number % 2 else reversed(NAMES):
            one, other = start_s(tmp_path, NAMES[who])
            answered[who].append(one)
            ended[who].append(other)
    for work, taken in (("until it answers", answered), ("until a first cell is done", ended)):
        samples = {who: times[1:] for who, times in taken.items()}
        figures.add(f"start of a kernel, {work}", samples, Goal(STOCK, at_most=1.05))


def test_loading_the_extension(figures, tmp_path):
    extensions = {OURS: "magics", "autoreload": "autoreload"}
    if figures.peer("sql"):
        extensions["jupysql"] = "sql"
    taken: dict[str, list[float]] = {who: [] for who in (*extensions, "pass")}
    for number in range(figures.rounds(9) + 1):
        for who, name in (*extensions.items(), ("pass", "")):
            code = f"%load_ext {name}" if name else "pass"
            with Kernel(tmp_path, name="python3", PLOOMBER_STATS_ENABLED="false") as kernel:
                round_trip_s(kernel.client, "1")
                seconds = round_trip_s(kernel.client, code)
                if number:
                    taken[who].append(seconds)
                elif name:
                    loaded = kernel.ask("get_ipython().extension_manager.loaded")
                    assert f"{name}'" in loaded
    figures.add("loading an extension in a stock kernel", taken, Goal("autoreload", at_most=1))


@pytest.mark.parametrize("bound", [False, True], ids=["before the first use", "bound"])
def test_a_cell_of_python(figures, tmp_path, bound):
    """In several kernels of each kind: two of the same kind differ by a few percent."""

    def run(kernel: Kernel) -> None:
        for _ in range(CELLS):
            round_trip_s(kernel.client, PYTHON)

    taken: dict[str, list[float]] = {OURS: [], STOCK: [], SECOND: []}
    for number in range(figures.rounds(4)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with ExitStack() as opened:
            kernels = {
                who: opened.enter_context(Kernel(folder, name=NAMES.get(who, "python3")))
                for who in taken
            }
            if bound:
                kernels[OURS].ask("%hero_context demo --new -s notes")
            for kernel in kernels.values():
                assert "499500" in kernel.ask(PYTHON)
            works = {who: lambda kernel=kernel: run(kernel) for who, kernel in kernels.items()}
            for who, times in interleaved(works, figures.rounds(30)).items():
                taken[who] += [one / CELLS for one in times]
    work = f"a cell of Python, {'bound' if bound else 'before the first use'}"
    figures.add(
        work, taken, Goal(STOCK, at_most=1.01), note="two of ipykernel show what chance makes"
    )
