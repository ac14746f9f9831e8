"""`hero-kernel run`: scripts, folders of them, git addresses, standard input, and notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hero_kernel.commands.reader import common, settle
from hero_kernel.commands.running import run


@click.command("run", short_help="carry out a script, a git address or a notebook")
@click.argument("path", metavar="PATH")
@click.argument("pairs", nargs=-1, metavar="[NAME=VALUE]…")
@click.option("-n", "--dry-run", is_flag=True, help="check, and change nothing")
@click.option("--continue", "keep_going", is_flag=True, help="go on after a failure")
@click.option("--only", multiple=True, metavar="ACTION", help="an actor or action; may be repeated")
@click.option("--resume", is_flag=True, help="pass over what the last unfinished run has done")
@click.option("--pull", is_flag=True, help="what the repository has now")
@click.option("--branch", default="", metavar="NAME", help="a branch, tag or commit")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="write the executed notebook",
)
@common
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    path: str,
    pairs: tuple[str, ...],
    dry_run: bool,
    keep_going: bool,
    only: tuple[str, ...],
    resume: bool,
    pull: bool,
    branch: str,
    out: Path | None,
    **options: Any,
) -> int:
    """Carry out what PATH holds, and show the report.

    PATH is a script, a folder of scripts, a notebook, a git address, or - for standard input. The
    context and the session are made where they are missing. In a script each {NAME} becomes the
    VALUE that is given for it. A script whose first line is `#!/usr/bin/env -S hero-kernel run`
    is a program.
    """
    return run(
        path,
        pairs,
        settle(ctx, **options),
        dry_run=dry_run,
        keep_going=keep_going,
        only=only,
        resume=resume,
        pull=pull,
        branch=branch,
        out=out,
    )
