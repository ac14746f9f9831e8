"""Several processes on the same records, some of what they do being writes: one of them, and all.

Run by itself this is one of the processes: it is told by its arguments what to use, where that is,
its number, which share are writes and for how long; it says that it is ready, waits for a line,
and prints what it has done.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, time_ns
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import raw

KEYS = tuple(f"key:{number:02}" for number in range(20))

HERE = Path(__file__)


@dataclass(frozen=True)
class Mix:
    """What several processes have done together.

    Attributes:
        reads: How many there were, of all.
        writes: The same.
        read_s: What one took, for the process that waited for it.
        write_s: The same.
        worst_s: The longest wait for a write.
        wall_s: For how long they went on.
    """

    reads: int
    writes: int
    read_s: float
    write_s: float
    worst_s: float
    wall_s: float


def run(what: str, where: Path, *, processes: int, writes: float, wall_s: float) -> Mix:
    """Let so many processes work on the same twenty records.

    Every value is unique, and says who has written it and in which order; each process makes sure
    that it never reads an older one than it has read before.
    """
    children = []
    for number in range(processes):
        arguments = [sys.executable, str(HERE), what, where, number, writes, wall_s]
        path = f"{HERE.parents[1]}{os.pathsep}{HERE.parents[2]}"
        children.append(
            subprocess.Popen(
                [str(one) for one in arguments],
                env=os.environ | {"PYTHONPATH": path},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [json.loads(child.communicate()[0]) for child in children]
    assert not any(child.returncode for child in children)
    reads, written = sum(one["reads"] for one in told), sum(one["writes"] for one in told)
    return Mix(
        reads,
        written,
        sum(one["read_s"] for one in told) / max(reads, 1),
        sum(one["write_s"] for one in told) / max(written, 1),
        max(one["worst_s"] for one in told),
        wall_s,
    )


def ideal(where: Path, *, processes: int, writes: float, wall_s: float) -> float:
    """Seconds a read, where writers and readers stand in nobody's way.

    One process writes for all: a bare SQLite commits one write of each together. All reads there
    are for so many writes are looked up in a dict meanwhile.
    """
    one, records = raw.Sqlite(where, "PERSIST"), dict.fromkeys(KEYS, "")
    each = round(processes * (1 - writes) / writes)
    reads, value, written = 0, "x" * 90, itertools.count(time_ns())
    begin = perf_counter()
    while perf_counter() - begin < wall_s:
        pairs = [
            (KEYS[nth % len(KEYS)], f"0 {nth} {value}")
            for nth in itertools.islice(written, processes)
        ]
        one.put_together(pairs)
        records.update(pairs)
        for nth in range(each):
            records.get(KEYS[nth % len(KEYS)])
        reads += each
    return (perf_counter() - begin) / reads


def opened(what: str, where: str) -> Any:
    """Something with `get` and `put`."""
    if what == "sqlite":
        return raw.Sqlite(Path(where), "PERSIST")
    if what == "redis":
        return raw.Redis(where)
    if what == "synced":
        return raw.Synced(Path(where))
    from hero_kernel.stores import store_for  # noqa: PLC0415  # peers are not to pay for it

    return _Ours(store_for(Path(where)))


class _Ours:
    def __init__(self, store: Any) -> None:
        self._store = store

    def get(self, key: str) -> str | None:
        return self._store.get(1, key)

    def put(self, key: str, value: str) -> None:
        self._store.put(1, key, value)


def work(records: Any, number: int, writes: float, wall_s: float) -> dict[str, Any]:
    """What one of the processes does."""
    chance = random.Random(number)  # noqa: S311  # an order
    seen: dict[tuple[str, str], int] = {}
    reads, first = 0, time_ns()  # of an earlier run are lower numbers
    written = first
    read_s = write_s = worst_s = 0.0
    begin = now = perf_counter()
    while now - begin < wall_s:
        key = chance.choice(KEYS)
        is_write = chance.random() < writes
        before = perf_counter()
        if is_write:
            written += 1
            records.put(key, f"{number} {written} {'x' * 90}")
            now = perf_counter()
            write_s += now - before
            worst_s = max(worst_s, now - before)
            continue
        found = records.get(key)
        now = perf_counter()
        read_s += now - before
        reads += 1
        if found:
            by, count, _ = found.split(" ", 2)
            assert int(count) >= seen.get((key, by), 0), f"{found} is older than what was read"
            seen[key, by] = int(count)
    counts = {"reads": reads, "writes": written - first}
    return counts | {"read_s": read_s, "write_s": write_s, "worst_s": worst_s}


def main() -> None:
    what, where, number, writes, wall_s = sys.argv[1:]
    records = opened(what, where)
    for key in KEYS:
        records.get(key)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(work(records, int(number), float(writes), float(wall_s))))


if __name__ == "__main__":
    main()
