"""Appending against logging's FileHandler, and searching against grep, in the same run."""

from __future__ import annotations

import logging
import shutil
import subprocess
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import pytest

from hero_kernel.logs import Logger

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]

ROUNDS = 11
LINES = 20_000
MESSAGE = "a request was served without any trouble, in less time than it takes to say so"

COUNT = 1_000_000
NEEDLE = "Needle 777"


def each_us(log: Callable[[], object]) -> float:
    begin = perf_counter()
    for _ in range(LINES):
        log()
    return (perf_counter() - begin) / LINES * 1e6


def test_a_line_against_file_handler(tmp_path: Path) -> None:
    """Both write time, category and message, and other readers see it at return."""
    handler = logging.FileHandler(tmp_path / "peer.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)-10s - %(message)s"))
    peer = logging.getLogger("bench")
    peer.propagate = False
    peer.setLevel(logging.INFO)
    peer.addHandler(handler)
    ours = Logger(tmp_path / "ours", root=tmp_path)
    ways = (
        lambda: peer.info(MESSAGE),
        lambda: ours.log(log=MESSAGE, cat="bench"),
    )
    rounds = [[each_us(way) for way in ways] for _ in range(ROUNDS)]
    handler.close()
    peer.removeHandler(handler)
    peer_us, ours_us = map(median, zip(*rounds, strict=True))
    assert len(ours.search(maxitems=10**9)) == ROUNDS * LINES
    print(
        f"\nFileHandler {peer_us:.2f} µs, ours {ours_us:.2f} µs: "
        f"{peer_us / ours_us:.1f} times as fast (goal 3)"
    )
    assert peer_us / ours_us >= 3


@pytest.mark.parametrize("ignore_case", [True, False])
@pytest.mark.parametrize("files", [1, 24])
def test_a_rare_needle_against_grep(tmp_path: Path, files: int, ignore_case: bool) -> None:
    grep = shutil.which("grep")
    if not grep:
        pytest.skip("there is no grep")
    for hour in range(files):
        lines = []
        for number in range(COUNT // files):
            if number % 500 == 0:
                second = number * 3600 // (COUNT // files)
                lines.append(f"\n2025-01-01 {hour:02}:{second // 60:02}:{second % 60:02}\n")
            rare = f"{NEEDLE} " if number == 777 else ""
            lines.append(f"  app        - {rare}request {number} was served to a client\n")
        (tmp_path / f"2025-01-01 {hour:02}.log").write_text("".join(lines))
    logger = Logger(tmp_path, root=tmp_path)
    needle = NEEDLE.lower() if ignore_case else NEEDLE
    command = [grep, "-r", "-F", *(["-i"] if ignore_case else []), needle, str(tmp_path)]
    grep_s, ours_s = [], []
    for _ in range(ROUNDS):
        begin = perf_counter()
        done = subprocess.run(command, capture_output=True, check=True)
        grep_s.append(perf_counter() - begin)
        begin = perf_counter()
        found = logger.search(log=needle, ignore_case=ignore_case)
        ours_s.append(perf_counter() - begin)
        assert len(found) == done.stdout.count(b"\n") == files
    ratio = median(ours_s) / median(grep_s)
    print(
        f"\n{files} files, ignore_case={ignore_case}: grep {median(grep_s) * 1e3:.0f} ms, "
        f"ours {median(ours_s) * 1e3:.0f} ms, ratio {ratio:.1f} (goal 5)"
    )
    assert ratio <= 5
