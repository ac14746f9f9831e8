"""What a shell completes: commands, verbs, options, and the names of contexts and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem, get_completion_class

import hero_kernel
from hero_kernel.commands import show
from hero_kernel.commands.given import OPTIONS
from hero_kernel.commands.reader import common, settle
from hero_kernel.commands.words import PROGRAM, told
from hero_kernel.errors import HeroError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "_HERO_KERNEL_COMPLETE"
"""What the shell's script sets to ask; click derives the name from the program's."""

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="print what makes a shell complete these commands")
@click.argument("shell", metavar="|".join(SHELLS), type=click.Choice(SHELLS))
@common
@click.pass_context
def command(ctx: click.Context, /, *, shell: str, **options: Any) -> int:
    """Print what makes a shell complete these commands.

    Write eval "$(hero-kernel completion bash)" into ~/.bashrc, the same with zsh into ~/.zshrc,
    or hero-kernel completion fish | source into ~/.config/fish/config.fish.
    """
    given = settle(ctx, **options)
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"{shell} is not known here", hint=" or ".join(SHELLS))
    root: Any = ctx.find_root().command
    script = kind(root, {}, PROGRAM, VARIABLE).source().strip()
    show.answer(script, as_json=given.as_json)
    return 0


def following(
    name: str, words: list[str], incomplete: str, context: str = ""
) -> list[CompletionItem]:
    """What may follow a command's words; nothing where it cannot be told.

    Args:
        name: The command.
        words: Those between it and the one that is typed.
        incomplete: That one, as far as it is typed.
        context: The context that was named before the command.
    """
    from hero_kernel.commands import nouns  # noqa: PLC0415  # the magics, at their use

    before = words[-1] if words else ""
    if before in ("-c", "--context"):
        return [CompletionItem(one) for one in context_names(incomplete)]
    if before in ("-s", "--session"):
        return [
            CompletionItem(one) for one in session_names(_context_of(words) or context, incomplete)
        ]
    if name == "import" and not words:
        there = [one.removesuffix("s") for one in nouns.importing()]
        return _matching(dict.fromkeys(there, ""), incomplete)
    if name == "import":
        name, words = (
            next((one for one in nouns.importing() if one.removesuffix("s") == words[0]), ""),
            ["import", *words[1:]],
        )
    if name not in nouns.NOUNS:
        return _matching(dict.fromkeys(OPTIONS, ""), incomplete, only_asked=True)
    verb = next((word for word in nouns.split(name, words)[1] if not word.startswith("-")), "")
    if not verb and not incomplete.startswith("-"):
        return _matching(nouns.verbs(name), incomplete)
    known = dict.fromkeys([*nouns.options(name, verb), *OPTIONS], "")
    return _matching(known, incomplete, only_asked=True)


def context_names(incomplete: str) -> list[str]:
    """The contexts whose names begin so; none where the store cannot be read."""
    return _names(lambda: [one.name for one in hero_kernel.workspace().contexts_list()], incomplete)


def session_names(context: str, incomplete: str) -> list[str]:
    """The sessions of a context whose names begin so; none where the store cannot be read."""

    def read() -> list[str]:
        workspace = hero_kernel.workspace()
        if context or workspace.contexts_list():
            return [one.name for one in workspace.sessions_list(context=context or None)]
        return []

    return _names(read, incomplete)


def _names(read: Callable[[], list[str]], incomplete: str) -> list[str]:
    try:
        return [name for name in read() if name.startswith(incomplete)]
    except HeroError:
        return []


def _context_of(words: list[str]) -> str:
    at = next((i for i, word in enumerate(words) if word in ("-c", "--context")), None)
    return "" if at is None else "".join(words[at + 1 : at + 2])


def _matching(
    known: dict[str, str], incomplete: str, *, only_asked: bool = False
) -> list[CompletionItem]:
    """Those that begin so; options only where a dash asks for them."""
    if only_asked and not incomplete.startswith("-"):
        return []
    return [
        CompletionItem(word, help=told(about))
        for word, about in known.items()
        if word.startswith(incomplete)
    ]
