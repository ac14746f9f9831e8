"""`hero-kernel convert`: a script becomes a notebook, and a notebook a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hero_kernel.commands.reader import common, settle
from hero_kernel.errors import HeroError, UsageError


@click.command("convert", short_help="make a notebook of a script, or a script of a notebook")
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="FILE", help="where to")
@click.option("--force", is_flag=True, help="also over a file that is there")
@common
@click.pass_context
def command(
    ctx: click.Context, /, *, path: Path, out: Path | None, force: bool, **options: Any
) -> int:
    """Make a notebook of a script, or a script of a notebook.

    PATH ends in .hero, .heroscript, .md or .ipynb. What is made lies beside it, under the same
    name, unless --out names another place. Comments and Markdown become each other; Python cells
    have no place in a script, and a comment says so.
    """
    from hero_kernel import documents  # noqa: PLC0415  # only here

    given = settle(ctx, **options)
    from_notebook = documents.is_notebook(path)
    out = out or path.with_suffix(documents.SCRIPTS[0] if from_notebook else documents.NOTEBOOK)
    if documents.is_notebook(out) == from_notebook:
        kind = "notebook" if from_notebook else "script"
        raise UsageError(f"{out} is a {kind} too", hint=f"{path} is made into the other kind")
    _write(out, documents.converted(path), force=force)
    from hero_kernel.commands import show  # noqa: PLC0415  # after what may be refused
    from magics.display import Line  # noqa: PLC0415  # as above

    show.answer(Line(f"{out} is made of {path}"), as_json=given.as_json)
    return 0


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} is there already", hint="--force writes over it") from None
    except OSError as error:
        raise HeroError(
            f"{path} cannot be written: {error.strerror}", hint="choose another --out"
        ) from error
