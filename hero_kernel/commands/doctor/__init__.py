"""`hero-kernel doctor`: what is wrong with the installation and its places; it changes nothing."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hero_kernel import settings
from hero_kernel.commands import show
from hero_kernel.commands.doctor import home, jupyter, packages, records
from hero_kernel.commands.doctor.finding import OK, PROBLEM, WARNING, Finding, Place, plural
from hero_kernel.commands.reader import common, settle
from hero_kernel.commands.shell import FAILED
from hero_kernel.commands.words import told
from magics.display import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

CHECKS = (
    packages.packages,
    jupyter.kernelspecs,
    jupyter.extension,
    jupyter.shadows,
    jupyter.folders,
    home.folder,
    home.disk,
    home.contents,
    records.store,
    records.records,
    records.keyrings,
    records.handed,
    packages.git,
)
"""In the order in which they are told; each looks at one thing, and changes nothing."""


@click.command("doctor", short_help="find what is wrong with the installation and its places")
@common
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> int:
    """Find what is wrong with the installation and its places, and say what to do about it.

    It changes nothing. The exit status is 1 when there is a problem; a warning is none.
    """
    given = settle(ctx, **options)
    found = findings(place())
    ok = all(one.state != PROBLEM for one in found)
    if given.as_json:
        document = show.Document(ok=ok, findings=[one.to_dict() for one in found])
        show.answer(document, as_json=True)
    else:
        show.answer(_table(found), as_json=False)
    return 0 if ok else FAILED


def place() -> Place:
    """What there is to look at from here."""
    given = settings.read(os.environ)
    return Place(os.environ, given.home, given.redis_url, _mounts())


def findings(where: Place) -> list[Finding]:
    """What every check finds; one that breaks off is a finding, too."""
    found: list[Finding] = []
    for check in CHECKS:
        try:
            found += check(where)
        except Exception as error:  # noqa: BLE001  # it looks at broken things
            name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
            said = f"{type(error).__name__}: {error}".replace("\n", " ")
            found.append(Finding(PROBLEM, f"the check {name} broke off: {said}", "report it"))
    return [Finding(one.state, told(one.what), told(one.todo)) for one in found]


def _table(found: Iterable[Finding]) -> Table:
    rows = tuple((one.state, one.what, one.todo) for one in found)
    counts = [sum(state == one for state, _, _ in rows) for one in (PROBLEM, WARNING, OK)]
    return Table(
        ("", "what", "what to do"),
        rows,
        title=f"hero-kernel {version('hero-kernel')}, Python {platform.python_version()} in "
        f"{sys.prefix}, {platform.system()}",
        note=f"{plural(counts[0], PROBLEM)}, {plural(counts[1], WARNING)}, {counts[2]} in order",
        limit=len(rows),
    )


def _mounts() -> str:
    table = Path("/proc/mounts")
    if table.exists():
        return table.read_text(encoding="utf-8", errors="replace")
    try:
        done = subprocess.run(["mount"], capture_output=True, text=True, check=False, timeout=10)  # noqa: S607  # macOS
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
