"""The floors of the house: code looks only down. See DESIGN's table of folders."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hero_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

CORE = Path(hero_kernel.__file__).parent

FLOORS = (
    ("errors", "lazily"),
    ("secret", "names", "times", "settings", "front_end", "cells", "cell_text", "provenance"),
    ("heroscript", "sources", "crypto", "redaction"),
    ("playbook",),
    ("report", "documents"),
    ("files",),
    ("stores",),
    ("host", "claims", "sealed", "runs", "leases"),
    ("keyring", "databases", "config_files", "logs", "git", "allowed"),
    ("kept", "fetched"),
    ("contexts",),
    ("sessions",),
    ("secrets", "ownership", "forks", "bundles"),
    ("binding", "actors", "expressions"),
    ("filling",),
    ("runner",),
    ("running",),
    ("workspaces",),
    ("default",),
    ("functions",),
    ("base", "gittools"),
    ("", "kernel", "magics"),
    ("commands",),
    ("__main__",),
)
"""From the ground up; "" is hero_kernel/__init__.py, the shop window."""

DOORS = next(rooms for rooms in FLOORS if "" in rooms)

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

PURE = (
    "heroscript", "times", "report", "names", "secret", "settings", "errors", "cell_text",
    "provenance",
)  # fmt: skip
IMPURE = frozenset(
    ["os", "io", "socket", "subprocess", "shutil", "tempfile", "time", "random", "secrets", "sys"]
)
SPEAKING = frozenset(["print", "open", "input", "exec", "eval"])
TOUCHING = frozenset(
    [
        "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "iterdir",
        "stat", "exists", "is_file", "is_dir", "resolve", "cwd", "rename", "touch", "glob",
    ]
)  # fmt: skip

ASKS_THE_DISK = ("get_path", "get_path_create")
"""Getters of herolib that look for a path when they are called; nothing else in there does."""

HOMES = {
    "redis": ("stores/redis.py",),
    "sqlite3": ("stores/",),
    "cryptography": ("crypto.py",),
    "yaml": ("config_files/",),
    "ipykernel": ("kernel/",),
    "IPython": ("kernel/", "magics/"),
    "anywidget": ("magics/panels/",),
    "comm": ("magics/",),
    "ipywidgets": ("magics/panels/",),
    "click": ("commands/",),
    "rich": ("commands/",),
    "nbconvert": ("documents/",),
    "nbformat": ("documents/", "kernel/"),
    "pygments": ("documents/",),
}


class Import(NamedTuple):
    line: int
    module: str


def _imports(tree: ast.Module) -> Iterator[Import]:
    """What a file imports when it runs, also inside functions.

    Imports for type checkers may look anywhere: they vanish when the code runs. One floor needs
    it: a session knows its context, and a context hands out sessions, so `contexts` and `host`
    name `Session` in annotations; what is called is the `Host` that was given.
    """
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            pending += node.orelse
        elif isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports here are absolute"
            yield from (Import(node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        else:
            pending += ast.iter_child_nodes(node)


def _room(module: str, core: Path) -> str | None:
    """The room a dotted name belongs to, None for a foreign library."""
    first, _, rest = module.partition(".")
    if first == "magics":
        return "magics"
    if first != "hero_kernel":
        return None
    room = rest.partition(".")[0]
    return room if (core / room).is_dir() or (core / f"{room}.py").is_file() else ""


def faults(root: Path) -> list[str]:
    """Every look upward or sideways in a tree that holds `hero_kernel` and `magics`."""
    core = root / "hero_kernel"
    found = []
    for file in sorted([*core.rglob("*.py"), *(root / "magics").rglob("*.py")]):
        path = file.relative_to(root).as_posix()
        parts = path.removesuffix(".py").split("/")
        own = "magics" if parts[0] == "magics" else parts[1].replace("__init__", "")
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if own not in FLOOR:
            found.append(f"{path}: {own} stands on no floor")
            continue
        for line, module in _imports(tree):
            found += [f"{path}:{line}: {fault}" for fault in _fault(path, own, module, core)]
        if own in PURE:
            found += [f"{path}:{line}: {fault}" for line, fault in _impurities(tree, path)]
    return found


def _fault(path: str, own: str, module: str, core: Path) -> Iterator[str]:
    library = module.partition(".")[0]
    inside = path.removeprefix("hero_kernel/")
    if library in HOMES and not inside.startswith(HOMES[library]):
        yield f"{library} has its home in {' and '.join(HOMES[library])}"
    if own in PURE and library in IMPURE and (own, module) != ("times", "time.time"):
        yield f"{own} is pure, and imports {library}"
    other = _room(module, core)
    if other is None or other == own:
        return
    if other not in FLOOR:
        yield f"{other} stands on no floor"
    elif FLOOR[other] >= FLOOR[own] and not (own in DOORS and other == ""):
        yield f"{own} imports {module}, which is not below it"


def _impurities(tree: ast.Module, path: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func
        if isinstance(name, ast.Name) and name.id in SPEAKING:
            yield node.lineno, f"calls {name.id}"
        if (
            isinstance(name, ast.Attribute)
            and name.attr in TOUCHING
            and not _in(tree, node, ASKS_THE_DISK)
        ):
            yield node.lineno, f"calls {name.attr}"
        is_clock = ast.unparse(name) in ("datetime.now", "datetime.utcnow", "date.today", "time")
        if is_clock and not (path.endswith("/times.py") and _in(tree, node, ("now",))):
            yield node.lineno, "reads the clock"


def _in(tree: ast.Module, call: ast.Call, functions: tuple[str, ...]) -> bool:
    return any(
        isinstance(node, ast.FunctionDef) and node.name in functions and call in ast.walk(node)
        for node in ast.walk(tree)
    )


def test_code_looks_only_down() -> None:
    assert faults(CORE.parent) == []


def test_every_room_stands_on_a_floor() -> None:
    rooms = {path.stem for path in CORE.iterdir() if path.suffix == ".py" or path.is_dir()}
    rooms -= {"__init__", "__pycache__"}
    assert set(FLOOR) - {"", "magics"} == rooms


PLANTED = {
    "hero_kernel/names.py": ("from hero_kernel import files", "not below"),
    "hero_kernel/contexts.py": ("def f():\n    from hero_kernel.sessions import Session", "not"),
    "hero_kernel/playbook.py": ("import hero_kernel.report.model", "not below"),
    "hero_kernel/workspaces.py": ("import magics", "not below"),
    "hero_kernel/runner.py": ("import redis", "home"),
    "hero_kernel/kernel/__init__.py": ("from cryptography import fernet", "home"),
    "hero_kernel/heroscript/scan.py": ("import os", "pure"),
    "hero_kernel/report/html.py": ("print('hello')", "print"),
    "hero_kernel/settings.py": ("from pathlib import Path\nPath('x').read_text()", "read_text"),
    "hero_kernel/times.py": (
        "from datetime import datetime\ndef now(): ...\ndatetime.now()",
        "clo",
    ),
    "hero_kernel/attic.py": ("", "no floor"),
    "hero_kernel/binding.py": ("from hero_kernel.actors import Actors", "not below"),
}


def test_a_planted_fault_is_found(tmp_path: Path) -> None:
    for path, (code, _) in PLANTED.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
    for room in ("files.py", "sessions.py", "report/model.py", "actors/__init__.py"):
        (tmp_path / "hero_kernel" / room).parent.mkdir(exist_ok=True)
        (tmp_path / "hero_kernel" / room).touch()
    found = {fault.partition(":")[0]: fault for fault in faults(tmp_path)}
    assert set(found) == set(PLANTED)
    for path, (_, words) in PLANTED.items():
        assert words in found[path]


def test_imports_for_type_checkers_may_look_anywhere(tmp_path: Path) -> None:
    (tmp_path / "hero_kernel").mkdir()
    (tmp_path / "hero_kernel/sessions.py").touch()
    (tmp_path / "hero_kernel/contexts.py").write_text(
        "if TYPE_CHECKING:\n    from hero_kernel.sessions import Session\n"
    )
    assert faults(tmp_path) == []


HEAVY = ("IPython", "ipykernel", "ipywidgets", "redis", "cryptography", "asyncio", "sqlite3")


def test_importing_the_package_imports_nothing_heavy_and_opens_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); import hero_kernel;"
        f"print([m for m in {HEAVY!r} if m in sys.modules and m not in before])"
    )
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"HERO_HOME": str(home), "HERO_REDIS_URL": "redis://127.0.0.1:1", "PATH": ""},
    )
    assert done.stdout.strip() == "[]"
    assert not home.exists()
