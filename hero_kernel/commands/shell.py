"""The outer shell: commands by name, loaded when they are called, and how each one ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

import click

from hero_kernel import default
from hero_kernel.commands.given import Given
from hero_kernel.commands.words import PROGRAM
from hero_kernel.errors import (
    GitAddressError,
    HeroError,
    NotAllowedError,
    SourceError,
    UsageError,
    did_you_mean,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from click.shell_completion import CompletionItem

    from hero_kernel.redaction import Redactor

CALLED_WRONGLY = (SourceError, UsageError, GitAddressError, NotAllowedError)
"""Errors after which nothing ran, and the same command never will as things are."""

FAILED, WRONG, INTERRUPTED = 1, 2, 130
"""Exit statuses; the last one is 128 and SIGINT, as shells tell it."""

UNHEARD = 128 + 13
"""The exit status when nobody reads the answer any more: as SIGPIPE would have it."""

COMMANDS = {
    "run": "carry out a script, a folder of them, a git address or a notebook",
    "status": "where commands act: the context, the session, and why",
    "contexts": "list, make, change and delete contexts",
    "sessions": "list, make, change and delete sessions",
    "env": "the session's environment variables",
    "param": "the session's parameters, or with --shared the context's",
    "db": "keys and values of the session's database, and of others in its context",
    "config": "the context's config files",
    "secret": "the context's secret, and secrets kept under a name",
    "log": "the session's log; --follow shows it while it grows",
    "actions": "list the actions, or explain one",
    "convert": "make a notebook of a script, or a script of a notebook",
    "allow": "let a playbook of others run; alone, show what waits",
    "revoke": "take allowances back",
    "deny": "let nothing of a repository run",
    "undeny": "take a denial back",
    "import": "bring in what herolib or another place wrote",
    "install": "write a kernelspec for a Jupyter that lives elsewhere",
    "doctor": "find what is wrong with the installation and its places",
    "completion": "print what makes a shell complete these commands",
}
"""Every command, in the order of the help."""

OWN = ("run", "convert", "install", "doctor", "completion")
"""Those that are written here; the others are the magics."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 1 something failed, 2 called wrongly or not allowed, 130
        interrupted, 143 and 129 after SIGTERM and SIGHUP, 141 when nobody reads the answer.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack our signs
    with _signals() as came:
        try:
            status = _call(words)
            if sys.stdout is not None:
                sys.stdout.flush()
        except (UnheardError, BrokenPipeError):
            return _unheard()
        except OSError as error:
            _complain(f"the answer cannot be written: {error.strerror}")
            return _unheard(FAILED)
        except KeyboardInterrupt:
            _complain("interrupted")
            status = INTERRUPTED
    return 128 + came[0] if came and status == INTERRUPTED else status


def _call(words: list[str]) -> int:
    as_json = "--json" in words[: words.index("--")] if "--" in words else "--json" in words
    call = Call(guess=as_json)
    try:
        done = commands.main(words, prog_name=PROGRAM, standalone_mode=False, obj=call)
    except HeroError as error:
        _refuse(error, call)
        return WRONG if isinstance(error, CALLED_WRONGLY) else FAILED
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        _refuse(_explained(error), call)
        return WRONG
    return done if isinstance(done, int) else 0


class Call:
    """What is known of the options while a command is read.

    Attributes:
        above: Those before its name.
        final: All of them; None while its own are not read yet.
    """

    def __init__(self, *, guess: bool) -> None:
        self._guess = guess
        self.above = Given()
        self.final: Given | None = None

    @property
    def as_json(self) -> bool:
        """Whether the answer is JSON; as long as that is not read, whether it looks like it."""
        return self._guess if self.final is None else self.final.as_json


class UnheardError(Exception):
    """Nobody reads the answer any more; click would make its own of a BrokenPipeError."""


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
        show.answer(said, as_json=call.as_json, redactor=_redactor())
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


def _redactor() -> Redactor | None:
    """What knows the secrets that this process has met; None when it can have met none."""
    workspace = default.built()
    return None if workspace is None else workspace.redactor


def _refuse(error: HeroError, call: Call) -> None:
    from hero_kernel.commands import show  # noqa: PLC0415  # it brings the tables along

    show.refuse(error, as_json=call.as_json, redactor=_redactor())


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


@contextmanager
def _signals() -> Iterator[list[int]]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: its report is kept, its kernel ended.

    Yields:
        The signals that came.
    """
    came: list[int] = []

    def end(number: int, _: FrameType | None) -> NoReturn:
        came.append(number)
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        with suppress(ValueError):  # not in the main thread
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _complain(said: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # nobody may be there to hear it
        sys.stderr.write(f"{said}\n")
        sys.stderr.flush()


def _unheard(status: int = UNHEARD) -> int:
    """Let nothing more be written: the interpreter would, at its end."""
    with suppress(OSError, ValueError, AttributeError):
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, sys.stdout.fileno())
        os.close(silence)
    return status


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
