"""The command line: run scripts and notebooks, allow those of others, install the kernel."""

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
from hero_kernel import allowed, fetched, git
from hero_kernel.errors import (
    GitAddressError,
    HeroError,
    NotAllowedError,
    SourceError,
    UsageError,
)
from hero_kernel.playbook import Playbook
from hero_kernel.report import Status

if TYPE_CHECKING:
    from collections.abc import Sequence


CALLED_WRONGLY = (SourceError, UsageError, GitAddressError, NotAllowedError)
"""Errors after which nothing ran, and the same command never will as things are."""

INTERRUPTED = 130
"""The exit status after Ctrl-C: 128 and SIGINT, as shells tell it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 1 something failed, 2 called wrongly or not allowed, 130
        interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack our signs
    given = _parser().parse_args(argv)
    try:
        return int(given.call(given))
    except HeroError as error:
        print("\n".join(error.lines()), file=sys.stderr)
        return 2 if isinstance(error, CALLED_WRONGLY) else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def run(given: argparse.Namespace) -> int:
    """Carry out a script, a folder of them, a git address, or a notebook, and show the report."""
    for variable, value in (("HERO_CONTEXT", given.context), ("HERO_SESSION", given.session)):
        if value:
            os.environ[variable] = value
    is_fetched = "://" in given.path or given.path.startswith("git@")
    path = Path(given.path).expanduser().absolute()
    if path.suffix == ".ipynb" and not is_fetched:
        return _run_notebook(path, given)
    if given.out:
        raise UsageError("--out is for notebooks", hint="a script's report is kept in its session")
    if is_fetched and path.suffix == ".ipynb":
        raise UsageError(
            "a notebook of others is not run from its address",
            hint="clone it, read it, and run the file",
        )
    if (given.pull or given.branch) and not is_fetched:
        raise UsageError(
            "--pull and --branch are for git addresses", hint=f"{given.path} is taken for a path"
        )
    workspace = hero_kernel.workspace()
    session = workspace.session()
    playbook = Playbook()
    if is_fetched:
        playbook.add(
            texts=workspace.fetch(
                given.path, context=session.context, pull=given.pull, branch=given.branch
            )
        )
    else:
        playbook.add(path=path)
    report = workspace.run(
        session,
        playbook,
        source=given.path if is_fetched else str(path),
        strict=True,
        keep_going=given.keep_going,
        dry_run=given.dry_run,
    )
    print(json.dumps(report.to_dict(), ensure_ascii=False) if given.json else report)
    interrupted = any(result.status is Status.INTERRUPTED for result in report.results)
    return _status(ok=report.ok, interrupted=interrupted)


def allow(given: argparse.Namespace) -> int:
    """Let what was refused run: exactly that, at that commit; alone: list what waits."""
    workspace = hero_kernel.workspace()
    if given.what:
        what = workspace.allow(given.what)
        print(f"{what} may run; hero-kernel revoke {_short(what)} takes it back")
        return 0
    waiting, denied = allowed.pending(workspace.home), allowed.denied(workspace.home)
    roots = [context.coderoot for context in workspace.contexts_list()]
    for what in waiting:
        inside = git.address(what.origin, local=True).folder
        clone = next((root / inside for root in roots if (root / inside).is_dir()), None)
        read = f"read {clone}, then " if clone is not None else ""
        print(f"waits    {what}\n         {read}hero-kernel allow {_short(what)}")
    permitted = allowed.allowed(workspace.home)
    for what in permitted:
        print(f"allowed  {what}\n         hero-kernel revoke {_short(what)}")
    for origin in denied:
        print(f"denied   {origin}\n         hero-kernel undeny {origin}")
    if not (waiting or permitted or denied):
        print("nothing was refused, and nothing is allowed or denied")
    return 0


def revoke(given: argparse.Namespace) -> int:
    """Take allowances back: one, or all of an address."""
    found = fetched.revoke(hero_kernel.workspace().home, given.what)
    for what in found:
        print(f"{what} may not run any more")
    if not found:
        print(f"nothing called {given.what} was allowed")
    return 0


def deny(given: argparse.Namespace) -> int:
    """Let nothing of a repository run, whatever was allowed or will be asked."""
    print(f"nothing of {hero_kernel.workspace().deny(given.url)} may run")
    return 0


def undeny(given: argparse.Namespace) -> int:
    """Take a denial back; that allows nothing yet."""
    was = fetched.undeny(hero_kernel.workspace().home, given.url)
    print(f"{given.url} {'is not denied any more' if was else 'was not denied'}")
    return 0


def _short(what: allowed.Foreign) -> str:
    return what.digest[: allowed.SHORT]


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
    one.add_argument("path", metavar="PATH", help="a script, a folder, a .ipynb, or https://…")
    one.add_argument("-c", "--context", default="", metavar="NAME", help="created if missing")
    one.add_argument("-s", "--session", default="", metavar="NAME", help="created if missing")
    one.add_argument("-n", "--dry-run", action="store_true", help="check, and change nothing")
    one.add_argument("--continue", dest="keep_going", action="store_true", help="after a failure")
    one.add_argument("--pull", action="store_true", help="what the repository has now")
    one.add_argument("--branch", default="", metavar="NAME", help="a branch, tag or commit")
    one.add_argument("--json", action="store_true", help="print a document instead of a table")
    one.add_argument("-o", "--out", type=Path, metavar="FILE", help="write the executed notebook")
    one.set_defaults(call=run)

    for call in (allow, revoke, deny, undeny):
        about = call.__doc__
        other = commands.add_parser(
            call.__name__, help=about, description=about, allow_abbrev=False
        )
        if call in (deny, undeny):
            other.add_argument("url", metavar="URL", help="a repository's address")
        else:
            other.add_argument(
                "what",
                nargs="?" if call is allow else None,
                default="",
                metavar="WHAT",
                help="what the refusal said, or an address",
            )
        other.set_defaults(call=call)

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
