"""The log: appending against `logging` and structlog, searching against grep and a plain loop."""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import re
import subprocess
import sys
import threading
from functools import partial
from time import monotonic, perf_counter, sleep, time
from typing import TYPE_CHECKING

import pytest
from benchmarks.measuring import OURS, Goal

from hero_kernel import times
from hero_kernel.logs import Logger, LogItem
from hero_kernel.redaction import Redactor
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MESSAGE = "a request was served without any trouble, in less time than it takes to say so"
SECRET = "correct horse battery"
FORMAT = "%(asctime)s %(name)-10s - %(message)s"

LIMIT = "os.write of constant bytes"
CALLS = "its four system calls alone"
"""The lock that keeps an entry under its stamp, the file's size, the write, the lock's end."""
NEEDED = "these, a look at the text, the clock and an item"
"""What no line can do without: no stamp, no mask, no file that was moved, no error."""
FILE_HANDLER = "logging.FileHandler"


# Appending


@pytest.fixture
def standard(tmp_path: Path) -> Iterator[logging.Logger]:
    """Standard logging into `peer.log`: time, category and message, as ours."""
    handler = logging.FileHandler(tmp_path / "peer.log")
    handler.setFormatter(logging.Formatter(FORMAT))
    # Not from `getLogger`: pytest would give it a handler of its own, and make the peer slow.
    logger = logging.Logger("bench", logging.INFO)  # noqa: LOG001
    logger.addHandler(handler)
    yield logger
    handler.close()


LINE = f"  bench      - {MESSAGE}\n".encode()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    descriptors = []

    def make(name: str) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        descriptors.append(os.open(tmp_path / name, flags, 0o600))
        return descriptors[-1]

    yield make
    for one in descriptors:
        os.close(one)


def four_calls(count: int, descriptor: int) -> Callable[[], None]:
    flock, lock, unlock = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
    seek, write = os.lseek, os.write

    def work() -> None:
        for _ in range(count):
            flock(descriptor, lock)
            seek(descriptor, 0, os.SEEK_END)
            write(descriptor, LINE)
            flock(descriptor, unlock)

    return work


def needed(count: int, descriptor: int) -> Callable[[], None]:
    flock, lock, unlock = fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_UN
    seek, write, made, moment = os.lseek, os.write, tuple.__new__, times.now()

    def log(text: str, cat: str) -> LogItem:
        assert text.isprintable()
        time()
        line = f"  {cat:10} - {text}\n".encode()
        flock(descriptor, lock)
        seek(descriptor, 0, os.SEEK_END)
        write(descriptor, line)
        flock(descriptor, unlock)
        return made(LogItem, (moment, cat, text, "stdout"))

    return often(count, log, MESSAGE, "bench")


def ours(folder: Path, mask: Callable[[str], str] | None = None) -> Logger:
    return Logger(folder, root=folder.parent, **({"mask": mask} if mask else {}))


def read(path: Path) -> str:
    """A log's text, or that of all the files of ours."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return "".join(file.read_text(encoding="utf-8") for file in files)


def often(count: int, log: Callable[..., object], *args: object) -> Callable[[], None]:
    def work() -> None:
        for _ in range(count):
            log(*args)

    return work


def test_appending_a_line(figures, tmp_path, standard, opened):
    """Each line can be read by others before the next is written."""
    count = figures.size(20_000)
    why = "what no line can do without takes more than a fifth of it"
    goals = [Goal(FILE_HANDLER, faster=5, why=why)]
    works = {
        OURS: often(count, ours(tmp_path / OURS).log, MESSAGE, "bench"),
        FILE_HANDLER: often(count, standard.info, MESSAGE),
        CALLS: four_calls(count, opened("calls.log")),
        NEEDED: needed(count, opened("needed.log")),
        LIMIT: often(count, os.write, opened("raw.log"), LINE),
    }
    files = {
        OURS: OURS,
        FILE_HANDLER: "peer.log",
        CALLS: "calls.log",
        NEEDED: "needed.log",
        LIMIT: "raw.log",
        "structlog": "structlog.log",
    }

    def check(name: str, _: object) -> None:
        assert read(tmp_path / files[name]).count(MESSAGE) == count

    structlog = figures.peer("structlog")
    with (tmp_path / "structlog.log").open("w", encoding="utf-8") as file:
        if structlog:
            processors = [
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S"),
                structlog.processors.KeyValueRenderer(key_order=["timestamp", "event"]),
            ]
            peer = structlog.wrap_logger(structlog.WriteLogger(file), processors, cat="bench")
            works["structlog"] = often(count, peer.bind().info, MESSAGE)
            goals.append(Goal("structlog", faster=3))
        figures.compare("a line", works, *goals, rounds=11, per=count, check=check)


def test_appending_a_line_now_and_then(figures, tmp_path, standard):
    """Other work lies between two lines: the first look at the file is part of each."""
    count = figures.size(5000)
    ours_log, peer_log = ours(tmp_path / OURS).log, standard.info

    def apart(log: Callable[..., object], *args: object) -> Callable[[], float]:
        def work() -> float:
            taken = 0.0
            for _ in range(count):
                sum(range(300))
                begin = perf_counter()
                log(*args)
                taken += perf_counter() - begin
            return taken / count

        return work

    works = {OURS: apart(ours_log, MESSAGE, "bench"), FILE_HANDLER: apart(peer_log, MESSAGE)}
    taken = {name: [] for name in works}
    for _ in range(figures.rounds(9) + 1):
        for name, work in works.items():
            gc.collect()
            taken[name].append(work())
    assert read(tmp_path / OURS).count(MESSAGE) == count * len(taken[OURS])
    samples = {name: times[1:] for name, times in taken.items()}
    figures.add("a line, with other work between two", samples)


def test_appending_a_line_with_a_secret_in_force(figures, tmp_path, standard):
    """Ours looks for every spelling of it; the peer's filter for the value itself."""
    count = figures.size(20_000)
    redactor = Redactor()
    redactor.add(SECRET)
    masked = ours(tmp_path / OURS, redactor.mask)

    def mask(record: logging.LogRecord) -> bool:
        record.msg, record.args = record.getMessage().replace(SECRET, MASK), ()
        return True

    standard.addFilter(mask)
    works = {
        OURS: often(count, masked.log, MESSAGE, "bench"),
        FILE_HANDLER: often(count, standard.info, MESSAGE),
    }

    def check(name: str, _: object) -> None:
        assert read(tmp_path / (OURS if name == OURS else "peer.log")).count(MESSAGE) == count

    figures.compare(
        "a line, a secret in force",
        works,
        rounds=11,
        per=count,
        check=check,
    )
    for log in (masked.log, standard.info):
        log(f"it is {SECRET}")
    for file in (OURS, "peer.log"):
        assert f"it is {MASK}" in read(tmp_path / file)
        assert SECRET not in read(tmp_path / file)


APPENDING = {
    OURS: """
from pathlib import Path
from hero_kernel.logs import Logger, LogItem
log = Logger(Path(sys.argv[1]), root=Path(sys.argv[1])).log
""",
    FILE_HANDLER: f"""
import logging
logging.basicConfig(filename=sys.argv[1] + "/peer.log", format="{FORMAT}", level="INFO")
log = logging.getLogger("bench").info
""",
}
PROCESS = """
import sys
from time import monotonic
{made}
me, count = sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
begin = monotonic()
for number in range(count):
    log(f"process {{me}} line {{number}} ends here")
print(begin, monotonic())
"""


def test_four_processes_append_to_one_log(figures, tmp_path):
    """None loses a line of its own or breaks one of the others'."""
    count = figures.size(10_000)
    taken = {name: [] for name in APPENDING}
    for number in range(figures.rounds(5) + 1):
        for name, made in APPENDING.items():
            folder = tmp_path / f"{name} {number}"
            folder.mkdir()
            taken[name].append(four_processes_s(PROCESS.format(made=made), folder, count))
            lines = read(folder).splitlines()
            said = [line.partition(" - ")[2] for line in lines if line.endswith(" ends here")]
            assert sorted(said) == sorted(
                f"process {me} line {one} ends here" for me in range(4) for one in range(count)
            )
    samples = {
        name: [one / (4 * count) for one in times[1:] or times] for name, times in taken.items()
    }
    figures.add("a line of four processes at once", samples)


def four_processes_s(code: str, folder: Path, count: int) -> float:
    """Seconds from when the first begins to when the last is done."""
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), str(me), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for me in range(4)
    ]
    for child in children:
        assert child.stdout
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    moments = [[float(one) for one in child.communicate()[0].split()] for child in children]
    assert all(child.returncode == 0 for child in children)
    return max(end for _, end in moments) - min(begin for begin, _ in moments)


def test_growth_of_appending(figures, tmp_path):
    logger = ours(tmp_path / OURS)
    works = {
        size: often(size, logger.log, MESSAGE, "bench")
        for size in (figures.size(1000), figures.size(10_000), figures.size(100_000))
    }
    figures.growth("appending lines", works, Goal(at_most=1.05))


# Searching

COUNT = 1_000_000
RARE = "Needle 777"
COMMON = "every hundredth"
"""In one line of a hundred."""


def written(folder: Path, count: int, files: int) -> Path:
    """A day's log of so many lines in all, with a rare needle in the midst of each file."""
    folder.mkdir()
    each = count // files
    for hour in range(files):
        lines = []
        for number in range(each):
            if number % max(1, each // 2000) == 0:
                second = number * 3600 // each
                lines.append(f"\n2025-01-01 {hour:02}:{second // 60:02}:{second % 60:02}\n")
            what = f"{RARE} " if number == each // 2 else ""
            what += f"{COMMON} " if number % 100 == 0 else ""
            lines.append(f"  app        - {what}request {number} was served to a client\n")
        path = folder / f"2025-01-01 {hour:02}.log"
        path.write_text("".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=[1, 24])
def day(request, tmp_path_factory) -> tuple[int, Path]:
    quick = request.config.getoption("quick")
    count = COUNT // 100 if quick else COUNT
    files: int = request.param
    return files, written(tmp_path_factory.mktemp("day") / "logs", count, files)


def grepped(program: str, folder: Path, *options: str, told: str = "\n") -> Callable[[], int]:
    """How many lines it prints that hold what is told."""
    command = [program, "-r", "-h", *options, str(folder)]

    def work() -> int:
        printed = subprocess.run(command, capture_output=True, check=True).stdout
        return printed.lower().count(told.lower().encode())

    return work


def looped(folder: Path, needle: str, *, folds: bool) -> Callable[[], int]:
    """What one writes without a thought: line by line."""

    def work() -> int:
        found = []
        for path in sorted(folder.iterdir()):
            with path.open(encoding="utf-8") as file:
                if folds:
                    found += [line for line in file if needle in line.lower()]
                else:
                    found += [line for line in file if needle in line]
        return len(found)

    return work


BAREST = "bytes.find, a pattern for stamps, an object a line"


def pieces(path: Path) -> Iterator[bytes]:
    """Of a size that stays in the processor's cache, each up to a line's end."""
    with path.open("rb") as file:
        while piece := file.read(2**18) + file.readline():
            yield piece


def barest(folder: Path, needle: bytes, *, folds: bool) -> Callable[[], int]:
    """No stamp is read, no long entries, no odd letters: what Python takes at the least."""
    moment = times.new("2025-01-01 00:00:00")
    stamps = re.compile(rb"\n\d")

    def work() -> int:
        found = []
        for data in (piece for path in sorted(folder.iterdir()) for piece in pieces(path)):
            text = data.lower() if folds else data
            at = text.find(needle)
            done = 0
            while at >= 0:
                begin, end = text.rfind(b"\n", 0, at), text.find(b"\n", at)
                stamps.search(data, done, begin)
                message = data[begin + 16 : end].decode()
                found.append(LogItem(moment, "app", message))
                at, done = text.find(needle, end), end
        return len(found)

    return work


TIMED = "grep for stamps and the text"


@pytest.mark.parametrize("folds", [False, True], ids=["as it is", "any case"])
@pytest.mark.parametrize("kind", ["rare", "common"])
def test_searching_a_million_lines(figures, day, kind, folds):
    """Our answer is an object for every entry; the barest search makes the same in one loop."""
    files, folder = day
    needle = RARE if kind == "rare" else COMMON
    needle = needle.lower() if folds else needle
    logger = Logger(folder, root=folder)
    works = {
        OURS: lambda: len(logger.search(log=needle, ignore_case=folds, maxitems=COUNT)),
        "a loop in Python": looped(folder, needle, folds=folds),
        BAREST: barest(folder, needle.encode(), folds=folds),
    }
    goals = []
    grep = figures.program("grep")
    if grep:
        options = ["-i"] if folds else []
        works["grep"] = grepped(grep, folder, "-F", *options, needle)
        works[TIMED] = grepped(grep, folder, "-E", *options, f"^[0-9]|{needle}", told=needle)
        why = (
            ""
            if kind == "rare"
            else "grep leaves out the times; asked for them it takes over a third of ours"
        )
        goals.append(Goal("grep", at_most=5, why=why))
    expected = files if kind == "rare" else len(read(folder).split(COMMON)) - 1

    def check(_: str, found: int) -> None:
        assert found == expected

    figures.compare(
        f"search 1,000,000 lines in {files} file{'s' * (files > 1)} for a {kind} text",
        works,
        *goals,
        check=check,
        note="capitals as small letters" if folds else "",
    )


def test_growth_of_searching(figures, tmp_path):
    sizes = [figures.size(size) for size in (10_000, 100_000, 1_000_000)]
    logs = {size: ours(written(tmp_path / str(size), size, 1)) for size in sizes}
    works = {size: partial(logger.search, log=RARE.lower()) for size, logger in logs.items()}
    assert all(len(work()) == 1 for work in works.values())
    figures.growth("searching lines for a rare text", works, Goal(at_most=1.05))


# A page, a place, and what is new


def test_the_newest_page_of_a_million_lines(figures, day):
    files, folder = day
    logger = Logger(folder, root=folder)
    newest = max(folder.iterdir())

    def page() -> list[str]:
        return [one.item.log for one in logger.page(limit=200).entries]

    works = {OURS: page}
    goals = []
    tail = figures.program("tail")
    if tail:
        command = [tail, "-n", "200", str(newest)]
        works["tail"] = partial(output_lines, command)
        goals.append(Goal("tail", at_most=3))

    def check(_: str, found: list[str]) -> None:
        assert len(found) == 200
        assert found[-1].endswith(read(newest).splitlines()[-1].partition(" - ")[2])

    figures.compare(
        f"the newest 200 entries of {files} file{'s' * (files > 1)}", works, *goals, check=check
    )


def output_lines(command: list[str]) -> list[str]:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()


def test_an_entry_by_its_place(figures, day):
    files, folder = day
    logger = Logger(folder, root=folder)
    entry = logger.page(log=RARE, limit=1).entries[0]
    count = figures.size(200)

    def works() -> list[str]:
        return [logger.at(entry.place).log for _ in range(count)]

    assert works() == [entry.item.log] * count
    figures.compare(
        f"an entry by its place, in {files} file{'s' * (files > 1)}",
        {OURS: works},
        Goal(at_most=0.001),
        per=count,
    )


def test_a_follower_sees_a_new_entry(figures, tmp_path):
    """From when it was logged; `tail` is told by the system, ours looks five times a second."""
    logger = ours(tmp_path / OURS)
    logger.log("first")
    path = next((tmp_path / OURS).iterdir())
    rounds = figures.rounds(15)
    samples = {OURS: [], "tail -F": []}
    seen: list[float] = []
    follow = logger.follow()
    here = threading.Event()

    def watch() -> None:
        for _ in follow:
            seen.append(monotonic())
            here.set()

    thread = threading.Thread(target=watch)
    thread.start()
    # Into the file that `tail` was given, also when the hour ends meanwhile.
    moment = times.new(f"{path.stem}:00:00")
    tail = figures.program("tail")
    command = [tail or "", "-n", "0", "-F", str(path)]
    peer = subprocess.Popen(command, stdout=subprocess.PIPE) if tail else None
    sleep(0.3)
    try:
        for number in range(rounds):
            sleep(0.013 * (number % 16))  # at any moment between two looks
            here.clear()
            begin = monotonic()
            logger.log(f"entry {number}", timestamp=moment)
            if peer:
                assert peer.stdout
                while f"entry {number}" not in peer.stdout.readline().decode():
                    pass
                samples["tail -F"].append(monotonic() - begin)
            assert here.wait(5)
            samples[OURS].append(seen[-1] - begin)
    finally:
        follow.close()
        thread.join()
        if peer:
            peer.terminate()
            peer.communicate()
    assert len(seen) == rounds
    figures.add(
        "a follower sees a new entry",
        {name: taken for name, taken in samples.items() if taken},
        Goal(at_most=0.2),
    )
