"""The command line: run a script or a notebook, and install the kernel for other environments."""

from __future__ import annotations

import argparse
import json
import os
import sys
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import hero_kernel
from hero_kernel.errors import HeroError, SourceError, UsageError
from hero_kernel.playbook import Playbook
from hero_kernel.report import Status

if TYPE_CHECKING:
    from collections.abc import Sequence


INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 and SIGINT, as shells tell it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 1 something failed, 2 called wrongly, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack our signs
    given = _parser().parse_args(argv)
    try:
        return int(given.call(given))
    except HeroError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 2 if isinstance(error, SourceError | UsageError) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def run(given: argparse.Namespace) -> int:
    """Carry out a script, a folder of them, or a notebook, and show the report."""
    path: Path = given.path.expanduser().absolute()
    for variable, value in (("HERO_CONTEXT", given.context), ("HERO_SESSION", given.session)):
        if value:
            os.environ[variable] = value
    if path.suffix == ".ipynb":
        return _run_notebook(path, given)
    if given.out:
        raise UsageError("--out is for notebooks", hint="a script's report is kept in its session")
    workspace = hero_kernel.workspace()
    report = workspace.run(
        workspace.session(),
        Playbook.from_path(path),
        source=str(path),
        strict=True,
        keep_going=given.keep_going,
        dry_run=given.dry_run,
    )
    print(json.dumps(report.to_dict(), ensure_ascii=False) if given.json else report)
    interrupted = any(result.status is Status.INTERRUPTED for result in report.results)
    return _status(ok=report.ok, interrupted=interrupted)


def _run_notebook(path: Path, given: argparse.Namespace) -> int:
    if given.dry_run:
        raise UsageError(
            "a notebook is Python too and cannot be tried without running it",
            hint="--dry-run is for scripts; in a notebook write %%heroscript --dry-run",
        )
    try:
        from hero_kernel.kernel.notebook import execute  # noqa: PLC0415  # needs the extra `run`
    except ImportError as error:
        raise HeroError(
            f"{error.name} is not installed", hint="pip install 'hero-kernel[run]'"
        ) from error
    executed = execute(path, keep_going=given.keep_going)
    if given.out:
        executed.write(given.out)
    print(executed.json() if given.json else executed)
    return _status(ok=executed.ok, interrupted=executed.interrupted)


def _status(*, ok: bool, interrupted: bool) -> int:
    if interrupted:
        return INTERRUPTED
    return 0 if ok else 1


def install(given: argparse.Namespace) -> int:
    """Write a kernelspec that starts this Python, for a Jupyter that runs elsewhere."""
    from hero_kernel.kernel.spec import install as install_spec  # noqa: PLC0415  # needs Jupyter

    print(f"the Hero kernel is in {install_spec(user=given.user, prefix=given.prefix)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hero-kernel", description=__doc__, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=version("hero-kernel"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("run", help=run.__doc__, description=run.__doc__, allow_abbrev=False)
    one.add_argument("path", type=Path, metavar="PATH", help="a script, a folder, or a .ipynb")
    one.add_argument("-c", "--context", default="", metavar="NAME", help="created if missing")
    one.add_argument("-s", "--session", default="", metavar="NAME", help="created if missing")
    one.add_argument("-n", "--dry-run", action="store_true", help="check, and change nothing")
    one.add_argument("--continue", dest="keep_going", action="store_true", help="after a failure")
    one.add_argument("--json", action="store_true", help="print a document instead of a table")
    one.add_argument("-o", "--out", type=Path, metavar="FILE", help="write the executed notebook")
    one.set_defaults(call=run)

    two = commands.add_parser(
        "install", help=install.__doc__, description=install.__doc__, allow_abbrev=False
    )
    where = two.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for this user; the default")
    where.add_argument("--prefix", default=None, metavar="PATH", help="below a folder")
    two.set_defaults(call=install)
    return parser


if __name__ == "__main__":
    sys.exit(main())
