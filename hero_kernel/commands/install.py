"""`hero-kernel install`: a kernelspec, for a Jupyter elsewhere or for one context."""

from __future__ import annotations

import re
from typing import Any

import click

from hero_kernel.commands.reader import common, settle
from hero_kernel.errors import UsageError

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@click.command("install", short_help="write a kernelspec for a Jupyter that lives elsewhere")
@click.option("--user", is_flag=True, help="for this user; the default")
@click.option("--prefix", default=None, metavar="PATH", help="below a folder")
@click.option("--name", default="", metavar="NAME", help="of the kernelspec; default: hero")
@click.option("--display-name", default="", metavar="TEXT", help="in the launcher")
@click.option(
    "--env", "pairs", multiple=True, metavar="NAME=VALUE", help="in the kernel; may repeat"
)
@common
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    user: bool,
    prefix: str | None,
    name: str,
    display_name: str,
    pairs: tuple[str, ...],
    **options: Any,
) -> int:
    """Write a kernelspec that starts this Python.

    For a Jupyter that runs elsewhere; the Jupyter of this environment knows the kernel already.
    With --context (and --session) it is a kernel of its own in the launcher, whose notebooks are
    in that context: hero-kernel install --context demo.
    """
    given = settle(ctx, **options)
    if user and prefix is not None:
        raise UsageError("--user and --prefix are given", hint="give one of them")
    env = dict(_pair(word) for word in pairs)
    if given.context:
        env["HERO_CONTEXT"] = given.context
        name = name or f"hero-{given.context}".lower()
        display_name = display_name or f"Hero ({given.context})"
    if given.session:
        env["HERO_SESSION"] = given.session
    from hero_kernel.commands import show  # noqa: PLC0415  # as below
    from hero_kernel.kernel import spec  # noqa: PLC0415  # it needs Jupyter
    from magics.display import Line  # noqa: PLC0415  # as above

    name = name or spec.NAME
    if env and name == spec.NAME:
        raise UsageError(
            f"--env would change the kernel {spec.NAME} itself", hint="give another one a --name"
        )
    folder = spec.install(user=user, prefix=prefix, name=name, display_name=display_name, env=env)
    show.answer(Line(f"the kernel {name} is in {folder}"), as_json=given.as_json)
    return 0


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not _KEY.fullmatch(key):
        raise UsageError(f"--env {word} is not NAME=VALUE", hint="quote a value with blanks")
    if key == "HERO_SECRET" or (
        key.startswith("HERO_SECRET_") and not key.endswith(("_FILE", "_FD"))
    ):
        raise UsageError(
            "a secret is not written into a kernelspec, which others may read",
            hint="write it into a file of mode 0600, and give --env HERO_SECRET_FILE=PATH",
        )
    return key, value
