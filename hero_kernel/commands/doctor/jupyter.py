"""Whether Jupyter finds the kernel, and the kernel finds its extension."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import hero_kernel
from hero_kernel.commands.doctor.finding import OK, PROBLEM, WARNING, Finding
from hero_kernel.kernel.spec import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hero_kernel.commands.doctor.finding import Place

KERNEL_CLASS = "hero_kernel.kernel.HeroKernel"

PATIENCE_S = 30.0
"""How long another Python may take to say what it has."""

_OURS = (
    "import hero_kernel.kernel, magics.extension; from importlib.metadata import version;"
    "print(magics.__file__); print(version('hero-kernel'))"
)


@dataclass(frozen=True)
class Spec:
    """A kernelspec on the disk.

    Attributes:
        folder: Where.
        argv: What it starts; empty when it cannot be read.
        fault: Why it cannot be read; empty when it can.
    """

    folder: Path
    argv: tuple[str, ...] = ()
    fault: str = ""

    @property
    def is_ours(self) -> bool:
        """Whether it starts the Hero kernel, or has its name."""
        return self.folder.name == NAME or any(KERNEL_CLASS in word for word in self.argv)

    @property
    def is_servers(self) -> bool:
        """Whether Jupyter puts the server's own Python in the place of the first word."""
        names = ("python", "python3", f"python3.{sys.version_info.minor}")
        return bool(self.argv) and self.argv[0] in names


def kernelspecs(_: Place) -> Iterator[Finding]:
    """Each kernel of ours that Jupyter lists: what it starts, and what hides it."""
    from jupyter_core.paths import jupyter_path  # noqa: PLC0415  # Jupyter, at its use

    used: dict[str, Spec] = {}
    for spec in _specs(jupyter_path("kernels")):
        first = used.setdefault(spec.folder.name.lower(), spec)
        if first is spec:
            yield _looked_at(spec)
        elif Path(sys.prefix) in first.folder.parents:  # it is there for Jupyters elsewhere
            found = _looked_at(spec)
            yield replace(found, state=WARNING) if found.state == PROBLEM else found
        elif first.argv[:1] != spec.argv[:1]:
            yield Finding(
                WARNING,
                f"the kernel in {spec.folder} is hidden by the one in {first.folder}",
                f"delete the one that is not wanted: rm -r {first.folder}",
            )
    if NAME not in used:
        yield Finding(PROBLEM, "Jupyter does not know the Hero kernel", "hero-kernel install")


def _specs(folders: Sequence[str]) -> Iterator[Spec]:
    """The kernelspecs of ours, in the order in which Jupyter looks for them."""
    for folder in dict.fromkeys(map(Path, folders)):
        try:
            found = sorted(folder.iterdir())
        except OSError:  # it is not there, or not for us
            continue
        for one in found:
            if (one / "kernel.json").exists():
                spec = _read(one)
                if spec.is_ours:
                    yield spec


def _read(folder: Path) -> Spec:
    try:
        found: Any = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
        argv = tuple(found["argv"])
        if not argv or not all(isinstance(word, str) for word in argv):
            return Spec(folder, fault="its argv is no list of words")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Spec(folder, fault=f"{type(error).__name__}: {error}".replace("\n", " "))
    return Spec(folder, argv)


def _looked_at(spec: Spec) -> Finding:
    anew = f"hero-kernel install --name {spec.folder.name}"
    head = f"the kernel in {spec.folder}"
    python = which(spec.argv[0]) if spec.argv else None
    if spec.fault:
        found = Finding(PROBLEM, f"{head} cannot be read: {spec.fault}", anew)
    elif not any(KERNEL_CLASS in word for word in spec.argv):
        found = Finding(
            WARNING,
            f"{head} is not ours: it starts {spec.argv[0]}",
            f"rename or delete it, then {anew}",
        )
    elif spec.is_servers and Path(sys.prefix) in spec.folder.parents:
        found = Finding(OK, f"{head} starts the Jupyter's own Python")
    elif spec.is_servers:
        found = Finding(
            WARNING,
            f"{head} starts whatever Python the Jupyter server has",
            f"{anew} writes this Python's path",
        )
    elif python is None:
        found = Finding(PROBLEM, f"{head} starts {spec.argv[0]}, which is not there", anew)
    elif Path(python) == Path(sys.executable):
        found = Finding(OK, f"{head} starts this Python")
    else:
        found = _of_other(head, python, anew)
    return found


def _of_other(head: str, python: str, anew: str) -> Finding:
    found = _asked(python, _OURS)
    if found.fault:
        return Finding(
            PROBLEM,
            f"{head} starts {python}, which cannot load it: {found.fault}",
            f"{python} -m pip install hero-kernel, or {anew}",
        )
    return Finding(OK, f"{head} starts {python}, with hero-kernel {found.lines[-1]}")


def extension(_: Place) -> Iterator[Finding]:
    """Whether this Python loads the kernel and the extension, and the right ones."""
    found = _asked(sys.executable, _OURS)
    if found.fault:
        yield Finding(
            PROBLEM,
            f"the kernel and the extension do not load: {found.fault}",
            f"{sys.executable} -m pip install --force-reinstall hero-kernel",
        )
        return
    ours = Path(hero_kernel.__file__).parents[1]
    if Path(found.lines[0]).parents[1] != ours:
        yield Finding(
            PROBLEM,
            f"another package is called magics: {found.lines[0]}",
            "uninstall it; both cannot be in one environment",
        )
        return
    yield Finding(OK, f"the extension loads, from {ours / 'magics'}")


def shadows(_: Place) -> Iterator[Finding]:
    """Files in this folder that notebooks in it would import in the place of ours."""
    here = Path.cwd()
    for name in ("magics", "hero_kernel"):
        for one in (here / f"{name}.py", here / name / "__init__.py"):
            if one.is_file() and one.resolve().parents[1] != Path(hero_kernel.__file__).parents[1]:
                yield Finding(
                    WARNING,
                    f"notebooks in this folder import {one} in the place of ours",
                    "rename it",
                )


def folders(place: Place) -> Iterator[Finding]:
    """Jupyter's own folders: where it looks, and where running kernels are written down."""
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415  # as above

    for one in filter(None, place.environ.get("JUPYTER_PATH", "").split(os.pathsep)):
        if not Path(one).is_dir():
            yield Finding(WARNING, f"JUPYTER_PATH names {one}, which is no folder", "mend it")
    runtime = Path(jupyter_runtime_dir())
    there = next(path for path in (runtime, *runtime.parents) if path.exists())
    if os.access(there, os.W_OK | os.X_OK):
        yield Finding(OK, f"running kernels are written down in {runtime}")
    else:
        yield Finding(
            PROBLEM,
            f"no kernel can be started: {there} may not be written",
            "change its permissions, or set JUPYTER_RUNTIME_DIR",
        )


@dataclass(frozen=True)
class _Said:
    lines: tuple[str, ...] = ()
    fault: str = ""


def _asked(python: str, code: str) -> _Said:
    """What a Python prints, run where no file of the user's can be imported."""
    try:
        done = subprocess.run(  # noqa: S603  # a Python that a kernelspec starts anyway
            [python, "-c", f"import sys; sys.path[:] = filter(None, sys.path); {code}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return _Said(fault=f"it took more than {PATIENCE_S:.0f} s")
    except OSError as error:
        return _Said(fault=str(error.strerror))
    if done.returncode:
        said = done.stderr.strip().split("\n")
        return _Said(fault=said[-1] or f"status {done.returncode}")
    return _Said(tuple(done.stdout.strip().split("\n")))
