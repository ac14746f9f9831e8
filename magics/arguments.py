"""The line of a magic: a verb, words and options; wrong ones are told with the near miss."""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from hero_kernel.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Parser(argparse.ArgumentParser):
    """argparse without exits: a fault is a `UsageError`, help is a text."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.add_argument("-h", "--help", action="store_true", help="show this text")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong, with the option that was probably meant.

        Raises:
            UsageError: Always.
        """
        unknown = re.search(r"unrecognized arguments: (.+)", message)
        if unknown:
            words = unknown[1].split()
            option = next((word for word in words if word.startswith("-")), "")
            if option:
                near = did_you_mean(option, [o for o in self._option_string_actions])  # noqa: C416  # a dict's keys
                raise UsageError(f"{self.prog} has no option {option}", hint=near)
            raise UsageError(
                f"{self.prog} does not understand {' '.join(words)}", hint=f"{self.prog} -h"
            )
        raise UsageError(f"{self.prog}: {message}", hint=f"{self.prog} -h")


@dataclass(frozen=True)
class Verb:
    """One thing a magic does.

    Attributes:
        call: Does it, given what the parser found; its docstring is the help.
        setup: Adds its arguments to a parser.
    """

    call: Callable[[argparse.Namespace], Any]
    setup: Callable[[argparse.ArgumentParser], object] = lambda _: None


def words(line: str) -> list[str]:
    """The words of a line, quoted ones whole.

    Raises:
        UsageError: A quote is not closed.
    """
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"{error} in: {line.strip()}", hint="close the quote") from error


@dataclass(frozen=True)
class Command:
    """A magic: a noun, and its verbs; the verb comes first.

    Attributes:
        name: `%hero_env`.
        purpose: One sentence.
        verbs: By word.
        default: The verb when there are no words.
        otherwise: The verb when the first word is none: `%hero_context NAME` is `use NAME`.
    """

    name: str
    purpose: str
    verbs: dict[str, Verb]
    default: str = "show"
    otherwise: str = ""

    def run(self, line: str) -> Any:
        """Do what a line says.

        Raises:
            UsageError: The line is wrong: an unknown verb, option or word, or one is missing.
            HeroError: What the verb raises.
        """
        given = words(line)
        if given[:1] in (["-h"], ["--help"], ["help"]):
            return Help(self.help())
        verb, rest = self._verb(given)
        parser = self._parser(verb)
        arguments = parser.parse_args(rest)
        if arguments.help:
            return Help(parser.format_help())
        return self.verbs[verb].call(arguments)

    def _verb(self, given: Sequence[str]) -> tuple[str, list[str]]:
        if not given:
            return self.default, []
        first, *rest = given
        if first in self.verbs:
            return first, rest
        if first.startswith("-"):  # options alone: of the default verb, else of the other
            known = self._parser(self.default)._option_string_actions  # noqa: SLF001  # as below
            is_default = not self.otherwise or first.partition("=")[0] in known
            return (self.default if is_default else self.otherwise), list(given)
        near = did_you_mean(first, self.verbs)
        if self.otherwise and not (near.startswith("did") and rest):
            return self.otherwise, list(given)
        raise UsageError(f"{self.name} has no verb {first}", hint=near)

    def _parser(self, verb: str) -> Parser:
        chosen = self.verbs[verb]
        parser = Parser(f"{self.name} {verb}", (chosen.call.__doc__ or "").strip())
        chosen.setup(parser)
        for action in parser._actions:  # noqa: SLF001  # argparse offers no public list
            if action.dest != "help" and not action.option_strings and action.nargs is None:
                action.required = True
        return parser

    def help(self) -> str:
        """Every verb, with its arguments and what it does."""
        lines = [f"{self.name}: {self.purpose}", ""]
        for verb in self.verbs:
            usage = " ".join(self._parser(verb).format_usage().split())
            usage = usage.removeprefix("usage: ").replace(" [-h]", "")
            about = (self.verbs[verb].call.__doc__ or "").strip().split("\n")[0]
            lines += [f"  {usage}", f"      {about}"]
        if self.otherwise:
            lines += ["", f"  {self.name} NAME is {self.name} {self.otherwise} NAME"]
        return "\n".join(lines)


@dataclass(frozen=True)
class Help:
    """A text that shows itself as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text
