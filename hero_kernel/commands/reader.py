"""Reader: what click makes of the words of a command line; each command is loaded when called."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from hero_kernel.commands.given import Given
from hero_kernel.commands.shell import COMMANDS, OWN, UnheardError, redactor
from hero_kernel.commands.words import PROGRAM
from hero_kernel.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from hero_kernel.commands.shell import Call


def carry_out(words: Sequence[str], call: Call) -> int:
    """Read the words, and carry out the command they name.

    Returns:
        The exit status.

    Raises:
        HeroError: It was called wrongly, or failed.
        KeyboardInterrupt: It was interrupted.
        UnheardError: See there.
    """
    try:
        done = commands.main(words, prog_name=PROGRAM, standalone_mode=False, obj=call)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        raise _explained(error) from None
    return done if isinstance(done, int) else 0


class Commands(click.Group):
    """The commands; each is loaded when it is called."""

    def invoke(self, ctx: click.Context) -> Any:
        """Carry out the command that the words name.

        Raises:
            UnheardError: See there.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise UnheardError from None

    def list_commands(self, _: click.Context) -> list[str]:
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """The command of that name, or None."""
        if name not in COMMANDS:
            return None
        if name in OWN:
            command: click.Command = import_module(f"hero_kernel.commands.{name}").command
            return command
        return Worded(name)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words begin with.

        Raises:
            UsageError: There is none of that name.
        """
        name = args[0]
        if name not in COMMANDS and not context.resilient_parsing:
            option = name.startswith("-")
            known = ["-h", "--help", "--version", "--json"] if option else COMMANDS
            said = f"has no option {name}" if option else f"has no command {name}"
            raise UsageError(f"{PROGRAM} {said}", hint=did_you_mean(name, known))
        return super().resolve_command(context, args)

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """List them without loading any."""
        with formatter.section("commands"):
            formatter.write_dl(list(COMMANDS.items()))


class Worded(click.Command):
    """A command whose words the magic's own parser reads."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=COMMANDS[name], add_help_option=False)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the words as they are."""
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> int:
        """Carry it out and show what comes of it."""
        from hero_kernel.commands import nouns, show  # noqa: PLC0415  # at its use

        call: Call = ctx.obj
        name, words = str(self.name), list(ctx.args)
        if name == "import":
            there = nouns.importing()
            if {"-h", "--help"} & set(words[:1]):
                show.answer(nouns.import_help(there), as_json=call.as_json)
                return 0
            name, words = _imported(words, there)
        given, rest = nouns.split(name, words)
        call.final = given.over(call.above)
        said, door = nouns.call(name, rest, call.final)
        if door.is_guessed and not nouns.names(said, door.session()):
            show.remark(f"session {door.session().guid}: {door.how}")
        show.answer(said, as_json=call.as_json, redactor=redactor())
        return 0

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What may come next: verbs, then options, and names after `-c` and `-s`."""
        from hero_kernel.commands.completion import following  # noqa: PLC0415  # at its use

        above = ctx.parent.params if ctx.parent is not None else {}
        context = above.get("context") or ""
        return following(str(self.name), list(ctx.args), incomplete, context)


def _imported(words: list[str], there: list[str]) -> tuple[str, list[str]]:
    """`import db FOLDER` is `db import FOLDER`."""
    singular = {name.removesuffix("s"): name for name in there}
    what = next((word for word in words if not word.startswith("-")), "")
    name = singular.get(what.removesuffix("s"), "")
    if not name:
        said = f"has no {what}" if what else f"needs {'|'.join(singular)}"
        hint = f"{PROGRAM} import {'|'.join(singular)} -h explains one"
        raise UsageError(f"{PROGRAM} import {said}", hint=hint)
    at = words.index(what)
    return name, [*words[:at], "import", *words[at + 1 :]]


def _explained(error: click.ClickException) -> UsageError:
    """What click found wrong, in our words."""
    where = getattr(error, "ctx", None)
    path = where.command_path if where is not None else PROGRAM
    if isinstance(error, click.NoSuchOption):
        known = [
            name
            for one in (where.command.get_params(where) if where is not None else ())
            for name in (*one.opts, *one.secondary_opts)
            if name.startswith("-")
        ]
        hint = did_you_mean(error.option_name, known)
        return UsageError(f"{path} has no option {error.option_name}", hint=hint)
    usage = where.get_usage().replace("Usage: ", "usage: ") if where is not None else ""
    hint = " ".join(usage.split())
    if isinstance(error, click.MissingParameter) and error.param is not None:
        needed = getattr(error.param, "metavar", None) or error.param.human_readable_name
        return UsageError(f"{path} needs {needed}", hint=hint)
    said = error.format_message().rstrip(".")
    return UsageError(f"{path}: {said[:1].lower()}{said[1:]}", hint=hint)


def _context_names(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from hero_kernel.commands.completion import context_names  # noqa: PLC0415  # at its use

    return context_names(incomplete)


def _session_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    from hero_kernel.commands.completion import session_names  # noqa: PLC0415  # at its use

    return session_names(ctx.params.get("context") or "", incomplete)


def common(function: Any) -> Any:
    """Add the options that every command has to one of click's."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="answer with one JSON document"),
        click.option("--unlock", is_flag=True, help="ask for the context's secret first"),
        click.option(
            "-s", "--session", default="", metavar="NAME", shell_complete=_session_names,
            help="the session; default: HERO_SESSION, or the context's latest",
        ),
        click.option(
            "-c", "--context", default="", metavar="NAME", shell_complete=_context_names,
            help="the context; default: HERO_CONTEXT, or the default one",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


def settle(ctx: click.Context, **options: Any) -> Given:
    """The options of one of click's commands, with those before its name."""
    call: Call = ctx.obj
    call.final = Given(**options).over(call.above)
    return call.final


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="COMMAND …",
    options_metavar="[-c NAME] [-s NAME] [--json]",
    epilog=f"{PROGRAM} COMMAND -h explains one.",
)
@common
@click.version_option(package_name="hero-kernel", message="%(version)s")
@click.pass_context
def commands(ctx: click.Context, /, **options: Any) -> None:
    """Contexts, sessions and heroscript from a terminal: what a notebook's magics do."""
    ctx.obj.above = Given(**options)
    if ctx.invoked_subcommand is None:
        raise UsageError(f"{PROGRAM} needs COMMAND", hint=f"{PROGRAM} -h lists them")
