"""Carrying playbooks out, in this process and in ones of their own, and what is kept of them."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks import machine
from benchmarks.measuring import OURS, Goal, interleaved
from kernel.driving import environment

from hero_kernel import heroscript
from hero_kernel.report import to_html

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.conftest import Figures
    from rooms import Place

    from hero_kernel import Report, Session, Workspace

ACTIONS = 10_000

ECHO, OWN = "play.echo", "bench.note"


def script(count: int, name: str = ECHO) -> str:
    return "".join(f"!!{name} content:'line {number}'\n" for number in range(count))


@dataclass
class Bench:
    """A workspace on the disk with a session in it, and an action that may change something."""

    ws: Workspace

    def __post_init__(self) -> None:
        self.context = self.ws.context_new("bench")

        @self.ws.action(OWN)
        def note(*, content: str) -> str:
            return content

    def session(self, name: str) -> Session:
        return self.ws.session_new(self.context, name)

    def play(self, text: str, session: Session) -> Report:
        return self.ws.play(text, session=session, name="cell")


@pytest.fixture
def bench(local: Place) -> Bench:
    return Bench(local.open())


def check_kept(report: Report, session: Session, count: int) -> None:
    """All that a run promises: its rows, the same in the kept run, and a line each in the log."""
    assert report.ok
    assert not report.note
    assert [one.message for one in report] == [f"line {number}" for number in range(count)]
    assert session.run_get(report.run).results == report.results
    logged = session.logger().search(maxitems=count + 1)
    assert [one.log for one in logged] == [f"{one.action} ok: {one.message}" for one in report]


def with_doit(module: Any, folder: Path, contents: list[str]) -> list[str]:
    """What doit's tasks are called with, each in a task of its own."""
    base = __import__("doit.cmd_base").cmd_base
    called: list[str] = []

    def note(content: str) -> None:
        called.append(content)

    def task_note() -> Any:
        for content in contents:
            yield {"name": content, "actions": [(note, [content])]}

    config = {"dep_file": str(folder / "doit.db"), "outfile": os.devnull}
    loader = base.ModuleTaskLoader({"task_note": task_note, "DOIT_CONFIG": config})
    assert module.doit_cmd.DoitMain(loader).run([]) == 0
    return called


def test_trivial_actions(figures: Figures, bench: Bench, tmp_path: Path):
    count = figures.size(ACTIONS)
    texts = {OURS: script(count), "an own action": script(count, OWN)}
    sessions = {name: bench.session(name.split()[-1]) for name in texts}
    contents = [f"line {number}" for number in range(count)]

    def plain() -> list[str]:
        return [note(content=content) for content in contents]

    def note(*, content: str) -> str:
        return content

    works: dict[str, Callable[[], Any]] = {
        name: lambda name=name: bench.play(texts[name], sessions[name]) for name in texts
    }
    works["plain calls"] = plain
    if doit := figures.peer("doit.doit_cmd") and figures.peer("doit"):
        works["doit"] = lambda: with_doit(doit, tmp_path, contents)

    def check(who: str, answer: Any) -> None:
        if who in sessions:
            check_kept(answer, sessions[who], count)
        else:
            assert answer == contents

    figures.compare(
        "a trivial action of a run, parsed, with its result, report and log kept",
        works,
        Goal(at_most=20e-6),
        Goal(at_most=20e-6, of="an own action"),
        rounds=5,
        per=count,
        check=check,
        note=f"of {count:,}; doit keeps what it has done, plain calls keep nothing",
    )


def test_a_cell_of_ten(figures: Figures, bench: Bench):
    """What running ten costs before a notebook shows anything; a cell's round trip is more."""
    text, session = script(10), bench.session("ten")
    times = figures.size(100)

    def often(work: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: [work() for _ in range(times)][-1]

    def check(who: str, answer: Any) -> None:
        assert len(answer) == 10
        if who == OURS:
            assert answer.ok
            assert session.run_get(answer.run) == answer

    figures.compare(
        "ten trivial actions in this process",
        {
            OURS: often(lambda: bench.play(text, session)),
            "parsing them": often(lambda: heroscript.parse(text)),
        },
        rounds=15,
        per=times,
        check=check,
    )


def test_growth_of_a_run(figures: Figures, bench: Bench):
    sizes = [figures.size(count) for count in (1_000, 10_000, 100_000)]
    texts = {size: script(size) for size in sizes}
    sessions = {size: bench.session(f"of_{size}") for size in sizes}
    figures.growth(
        "running trivial actions",
        {size: lambda size=size: bench.play(texts[size], sessions[size]) for size in sizes},
        Goal(at_most=1.05),
    )


def test_keeping_a_run_and_reading_it_again(figures: Figures, bench: Bench):
    sizes = [figures.size(count) for count in (100, 1_000, 10_000)]
    reports = {size: bench.play(script(size), bench.session(f"of_{size}")) for size in sizes}
    sessions = {size: bench.session(f"kept_{size}") for size in sizes}

    def keep_and_read(size: int) -> Report:
        kept = sessions[size].keep_run(reports[size])
        return sessions[size].run_get(kept.run)

    def reset(_: int) -> None:
        """An empty folder each round, and no document that is left of the last one."""
        for size, one in sessions.items():
            (one.path / "runs.jsonl").unlink(missing_ok=True)
            vars(reports[size]).pop("document", None)

    times = interleaved(
        {str(size): lambda size=size: keep_and_read(size) for size in sizes},
        figures.rounds(7),
        before=reset,
        check=lambda name, answer: _same(answer, reports[int(name)]),
    )
    most = sizes[-1]
    figures.add(f"keeping a run of {most:,} rows and reading it again", {OURS: times[str(most)]})
    costs = {int(size): taken for size, taken in times.items()}
    figures.grown("keeping a run and reading it again", costs, Goal(at_most=1.05))


def _same(one: Report, other: Report) -> None:
    assert one.results == other.results


def test_a_report_of_many_rows(figures: Figures, bench: Bench):
    """What a notebook is sent of it; the page that shows it is measured in a browser."""
    count = figures.size(ACTIONS)
    report = bench.play(script(count), bench.session("many"))
    ways: dict[str, Callable[[], str]] = {
        "text": lambda: str(report),
        "HTML": lambda: to_html(report),
        "JSON": lambda: json.dumps(report.to_dict()),
    }

    def check(who: str, answer: Any) -> None:
        for said in answer if who == OURS else [answer]:
            assert "line 0" in said
        if who == "JSON":
            assert len(json.loads(answer)["results"]) == count

    works: dict[str, Callable[[], Any]] = {OURS: lambda: [way() for way in ways.values()], **ways}
    figures.compare(f"a report of {count:,} rows", works, Goal(at_most=0.5), check=check)


def test_memory_of_a_run(figures: Figures, bench: Bench):
    count = figures.size(ACTIONS)
    text, session = script(count), bench.session("memory")
    run = bench.play(text, session).run
    document = json.dumps(session.run_get(run).to_dict())
    ways: dict[str, Callable[[], Any]] = {
        OURS: lambda: session.run_get(run).results,
        "its rows from JSON": lambda: json.loads(document)["results"],
        "with its playbook": lambda: bench.play(text, session).results,
    }
    held: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(figures.rounds(3)):
        for name, way in ways.items():
            bench.play(script(1), session)  # the workspace holds on to the last run
            rows, size = traced(way)
            assert len(rows) == count
            held[name].append(size / count)
    figures.add("memory of a run, an action", held, unit="B")


def traced(work: Callable[[], Any]) -> tuple[Any, int]:
    """An answer, and the bytes that are held while it is."""
    gc.collect()
    tracemalloc.start()
    try:
        answer = work()
        gc.collect()
        return answer, tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@dataclass
class Programs:
    """Whole processes: ours and the peers', in a folder and with a home of their own."""

    folder: Path

    def __post_init__(self) -> None:
        self.env = environment(
            self.folder,
            ANSIBLE_HOME=str(self.folder / "ansible"),
            ANSIBLE_LOCALHOST_WARNING="False",
            ANSIBLE_INVENTORY_UNPARSED_WARNING="False",
            ANSIBLE_NOCOLOR="1",
            LC_ALL="C.UTF-8",
        )

    def ours(self, count: int) -> list[str]:
        path = self.folder / f"ours{count}.hero"
        path.write_text(script(count), encoding="utf-8")
        program = Path(machine.BIN) / "hero-kernel"
        start = [str(program)] if program.exists() else [sys.executable, "-m", "hero_kernel"]
        return [*start, "run", str(path)]

    def ansible(self, program: str, count: int) -> list[str]:
        path = self.folder / f"ansible{count}.yml"
        head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n"
        tasks = "".join(f"    - debug:\n        msg: line {number}\n" for number in range(count))
        path.write_text(head + tasks, encoding="utf-8")
        return [program, str(path)]

    def doit(self, program: str, count: int) -> list[str]:
        path = self.folder / "dodo.py"
        path.write_text(
            "def task_line():\n"
            f"    for number in range({count}):\n"
            "        yield {'name': str(number), 'actions': [lambda: None]}\n",
            encoding="utf-8",
        )
        return [program, "-f", str(path), "--db-file", str(self.folder / "doit.db")]

    def invoke(self, program: str, count: int) -> list[str]:
        one = "@task\ndef line{0}(c):\n    print('line {0}')\n"
        tasks = "".join(one.format(number) for number in range(count))
        text = f"from invoke import task\n{tasks}"
        (self.folder / "tasks.py").write_text(text, encoding="utf-8")
        return [program, "-r", str(self.folder), *(f"line{number}" for number in range(count))]

    def call(self, command: list[str]) -> str:
        """What it printed."""
        done = subprocess.run(
            command, env=self.env, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


LIBRARY = (
    "import collections, contextlib, dataclasses, datetime, functools, json, pathlib, re, sqlite3, "
    "threading, typing"
)
"""What a script, a session in SQLite and a report are made of: no run can do with less."""

MODULES = "import hero_kernel.commands.running, hero_kernel.workspaces, hero_kernel.stores.sqlite"
"""What a run consists of, but for the actors; importing it makes nothing."""

AT_LEAST, WITH_OURS = "the libraries it needs", "they and our modules"
"""Who imports them, and does nothing."""


def test_ten_actions_in_a_process(figures: Figures, tmp_path: Path):
    programs = Programs(tmp_path)
    commands = {
        OURS: programs.ours(10),
        "python -c pass": [sys.executable, "-c", "pass"],
        AT_LEAST: [sys.executable, "-c", LIBRARY],
        WITH_OURS: [sys.executable, "-c", MODULES],
    }
    goals = []
    if doit := figures.program("doit"):
        commands["doit"] = programs.doit(doit, 10)
        why = f"importing takes nearly all of it: {AT_LEAST} 0.4 x, our modules the rest"
        goals.append(Goal("doit", at_most=0.5, why=why))
    if invoke := figures.program("invoke"):
        commands["invoke"] = programs.invoke(invoke, 10)
    if ansible := figures.program("ansible-playbook"):
        commands["ansible-playbook"] = programs.ansible(ansible, 10)
    said = {
        OURS: "10 ok",
        "doit": "line:9",
        "invoke": "line 9",
        "ansible-playbook": "ok=10",
    }

    def check(who: str, answer: str) -> None:
        assert said.get(who, "") in answer

    figures.compare(
        "a process that carries out ten actions",
        {name: lambda one=one: programs.call(one) for name, one in commands.items()},
        *goals,
        rounds=11,
        check=check,
    )


def test_an_action_more_in_a_process(figures: Figures, tmp_path: Path):
    """Slopes: what a process needs for many more actions, by how many more they are."""
    programs = Programs(tmp_path)
    few, many = 10, 10 + figures.size(ACTIONS)
    counts = {OURS: (few, many)}
    commands = {(OURS, count): programs.ours(count) for count in counts[OURS]}
    goals = []
    if ansible := figures.program("ansible-playbook"):
        counts["ansible-playbook"] = (1, 51)
        for count in counts["ansible-playbook"]:
            commands["ansible-playbook", count] = programs.ansible(ansible, count)
        goals.append(Goal("ansible-playbook", faster=500))
    said = {OURS: "{} ok", "ansible-playbook": "ok={}"}

    def check(name: str, answer: str) -> None:
        who, _, count = name.rpartition(" ")
        assert said[who].format(count) in answer

    times = interleaved(
        {
            f"{who} {count}": lambda one=one: programs.call(one)
            for (who, count), one in commands.items()
        },
        figures.rounds(5),
        check=check,
    )
    slopes = {
        who: [
            (long_s - short_s) / (most - least)
            for short_s, long_s in zip(times[f"{who} {least}"], times[f"{who} {most}"], strict=True)
        ]
        for who, (least, most) in counts.items()
    }
    note = "play.echo against debug; from {:,} to {:,}, ansible from 1 to 51".format(*counts[OURS])
    figures.add("an action more in a process", slopes, *goals, note=note)
