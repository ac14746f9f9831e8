"""A playbook that fails or is killed in the middle; and what the source never does."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults.everything import session

import hero_kernel
from hero_kernel.errors import ActionError
from hero_kernel.report import Status

if TYPE_CHECKING:
    from rooms import Place

BOOK = "\n".join(f"!!t.step n:{n}" for n in range(10))

STEP = """
import os, signal
@ws.action("t.step")
def step(session, *, n: int):
    session.env_set(f"K{n}", "done")
    session.db_get().change("steps", lambda old: [*old, n], [])
    if n == POINT:
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("point", range(10))
def test_killed_at_any_action_nothing_is_half_made(place: Place, point: int) -> None:
    place.open().context_new("prod", 1).session_new("one")
    where = "ws.context_get('prod').session_get('one')"
    code = f"POINT = {point}\n{STEP}\nws.play({BOOK!r}, session={where})"
    child = place.start(code)
    child.communicate(timeout=30)
    assert child.returncode == -9
    one = session(place)
    assert one.env_all() == {f"K{n}": "done" for n in range(point + 1)}
    assert one.db_get().get("steps") == list(range(point + 1))
    killed = one.run_get()
    assert killed.ended == "killed"
    assert [result.status for result in killed][:point] == ["ok"] * point
    again = place.start(code.replace(f"POINT = {point}", "POINT = -1", 1))
    _, complaint = again.communicate(timeout=30)
    assert again.returncode == 0, complaint
    assert len(one.env_all()) == 10
    assert one.run_get().ok


def test_a_failure_is_reported_and_the_rest_can_be_run(place: Place) -> None:
    ws = place.open()
    one = ws.context_new("prod", 1).session_new("one")
    done: list[int] = []
    mended = False

    @ws.action("t.step")
    def step(session: object, *, n: int) -> None:
        if n == 5 and not mended:
            raise ActionError("not yet", hint="mend it")
        done.append(n)

    one.playbook_add(text=BOOK)
    report = one.run()
    assert not report.ok
    statuses = [result.status for result in report.results]
    assert statuses[:6] == [Status.OK] * 5 + [Status.FAILED]
    assert set(statuses[6:]) == {Status.SKIPPED}
    assert place.open().context_get("prod").session_get("one").run_get().results == report.results
    mended = True
    assert one.run().ok
    assert done == list(range(10))  # only the rest


# -- the source

NEVER = {
    "os.system", "os.popen", "eval", "exec", "subprocess.getoutput", "subprocess.getstatusoutput",
    "yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "yaml.unsafe_load_all",
    "tempfile.mktemp", "marshal.loads", "marshal.load", "shelve.open",
    "os.spawnl", "os.spawnlp", "os.spawnv", "pty.spawn",
    "asyncio.create_subprocess_shell", "__import__", "compile",
}  # fmt: skip
UNSAFE = {"pickle", "shelve", "dill", "marshal", "cPickle", "pty", "commands"}


RUNS_TEXT = {"expressions.py": ["compile", "eval"]}
"""The one place that may, once each: Python in the user's own cell, under `--py`."""


def faults_of(source: str) -> list[str]:
    """What is never done, where it is done."""
    tree, found = ast.parse(source), []
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name: one.name for one in node.names}
            found += [one.name for one in node.names if one.name.split(".")[0] in UNSAFE]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
            found += [node.module] if node.module.split(".")[0] in UNSAFE else []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        head, dot, rest = called.partition(".")
        called = names.get(head, head) + dot + rest
        if called in NEVER:
            found.append(f"{called} at {node.lineno}")
        for word in node.keywords:
            if word.arg == "shell" and not (
                isinstance(word.value, ast.Constant) and word.value.value is False
            ):
                found.append(f"shell= at {node.lineno}")
    return found


def sources() -> list[Path]:
    root = Path(inspect.getfile(hero_kernel)).parents[1]
    return [*(root / "hero_kernel").rglob("*.py"), *(root / "magics").rglob("*.py")]


@pytest.mark.parametrize("path", sources(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_source_starts_no_shell_and_runs_no_text(path: Path) -> None:
    found = faults_of(path.read_text(encoding="utf-8"))
    assert [fault.partition(" at ")[0] for fault in found] == RUNS_TEXT.get(path.name, [])


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.system('ls')", "from os import system as s\ns('ls')", "eval('1')",
        "import subprocess as sp\nsp.run('ls', shell=True)", "import pickle",
        "from pickle import loads", "import yaml\nyaml.load('a')",
        "from yaml import unsafe_load\nunsafe_load('a')", "exec('1')",
    ],
)  # fmt: skip
def test_the_look_at_the_source_finds(source: str) -> None:
    assert faults_of(source)
