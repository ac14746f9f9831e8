"""The line of a magic: a verb, words and options; wrong ones are told with the near miss."""

from __future__ import annotations

import argparse
import inspect
import shlex
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NoReturn

from hero_kernel.errors import UsageError, did_you_mean
from magics.expected import expected, taken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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
        self.color = False  # Python 3.14 would colour the text in a terminal
        self.add_argument("-h", "--help", action="store_true", help="show this text")

    def usage_line(self) -> str:
        """The arguments in one line: `%hero_env get NAME`."""
        line = " ".join(self.format_usage().split())
        return line.removeprefix("usage: ").replace(" [-h]", "")

    def options(self) -> list[str]:
        """The options a user may write."""
        shown = [action for action in self._actions if action.help != argparse.SUPPRESS]
        return [option for action in shown for option in action.option_strings]

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Tell an option that is none; argparse would first ask for the words that are missing.

        Raises:
            UsageError: There is one.
        """
        known = self.options()
        for word in takewhile(lambda word: word != "--", words):
            if word.startswith("--") and word.partition("=")[0] not in known:
                self.error(f"unrecognized arguments: {word}")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse found wrong, with the option that was probably meant.

        Raises:
            UsageError: Always.
        """
        fault, _, what = message.partition(": ")
        option = next((word for word in what.split() if word.startswith("-")), "")
        if fault == "unrecognized arguments" and option:
            option = option.partition("=")[0]
            hint = did_you_mean(option, self.options())
            raise UsageError(f"{self.prog} has no option {option}", hint=hint)
        said = {
            "unrecognized arguments": f"{self.prog} does not understand {what}",
            "the following arguments are required": f"{self.prog} needs {what}",
        }
        raise UsageError(
            said.get(fault, f"{self.prog}: {message}"), hint=f"usage: {self.usage_line()}"
        )


@dataclass(frozen=True)
class Verb:
    """One thing a magic does.

    Attributes:
        call: Does it, given what the parser found; its docstring is the help.
        setup: Adds its arguments to a parser.
    """

    call: Callable[[argparse.Namespace], Any]
    setup: Callable[[argparse.ArgumentParser], object] = lambda _: None


def offers(argument: argparse.Action, kind: str, *texts: str) -> argparse.Action:
    """Say what Tab offers for an argument; most need not, since their metavar tells.

    Args:
        argument: What `add_argument` returned.
        kind: A kind of names, one of `magics.completion.names.KINDS`; "" for none.
        texts: Words that may stand there.
    """
    argument.offers = (kind, texts)  # type: ignore[attr-defined]  # argparse lets one
    return argument


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
        is_name: Whether a word that looks like a misspelt verb is what `otherwise` is about.
        names: The kind of names that `NAME` stands for in its arguments; see `offers`.
    """

    name: str
    purpose: str
    verbs: dict[str, Verb]
    default: str = "show"
    otherwise: str = ""
    is_name: Callable[[str], bool] = lambda _: False
    names: str = field(default="", kw_only=True)
    _parsers: dict[str, Parser] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )  # by verb: to build one takes longer than most lines, and than Tab may

    def run(self, line: str) -> Any:
        """Do what a line says.

        Raises:
            ExpectationError: With `--expect-error` or `--expect-error=TYPE`, it did not fail.
            UsageError: The line is wrong: an unknown verb, option or word, or one is missing.
            HeroError: What the verb raises.
        """
        given, kind = taken(words(line))
        if kind is not None:
            return expected(kind, lambda: self._run(given))
        return self._run(given)

    def _run(self, given: list[str]) -> Any:
        if given and given[0] in (*_HELP, "help"):
            return Help(self.help())
        verb, rest = self._verb(given)
        parser = self._parser(verb)
        if any(word in _HELP for word in rest):  # before argparse asks for what is missing
            return Help(parser.format_help())
        parser.refuse_unknown(rest)
        return self.verbs[verb].call(parser.parse_args(rest))

    def _verb(self, given: Sequence[str]) -> tuple[str, list[str]]:
        if not given:
            return self.default, []
        first, *rest = given
        if first in self.verbs:
            return first, rest
        if first.startswith("-"):  # options alone: of the default verb, else of the other
            known = self._parser(self.default).options()
            is_default = not self.otherwise or first.partition("=")[0] in known
            return (self.default if is_default else self.otherwise), list(given)
        misspelt = get_close_matches(first, self.verbs, cutoff=_MISSPELT)
        if self.otherwise and (not misspelt or self.is_name(first)):
            return self.otherwise, list(given)
        hint = did_you_mean(first, misspelt or self.verbs)
        if self.otherwise:
            hint += f" for that name: {self.name} {self.otherwise} {first}"
        raise UsageError(f"{self.name} has no verb {first}", hint=hint)

    def _parser(self, verb: str) -> Parser:
        parser = self._parsers.get(verb)
        if parser is None:
            chosen = self.verbs[verb]
            parser = Parser(f"{self.name} {verb}", inspect.getdoc(chosen.call) or "")
            chosen.setup(parser)
            self._parsers[verb] = parser
        return parser

    def help(self) -> str:
        """Every verb, with its arguments and what it does."""
        lines = [f"{self.name}: {self.purpose}", ""]
        also = []
        for word, verb in self.verbs.items():
            same = next(one for one, other in self.verbs.items() if other == verb)
            if same == word:
                about = (inspect.getdoc(verb.call) or "").split("\n")[0]
                lines += [f"  {self._parser(word).usage_line()}", f"      {about}"]
            else:
                also.append(f"  {self.name} {word} is {self.name} {same}")
        lines += ["", f"  {self.name} alone is {self.name} {self.default}"]
        lines += also
        if self.otherwise:
            lines += [f"  {self.name} NAME is {self.name} {self.otherwise} NAME"]
        lines += [f"  {self.name} VERB -h explains the options"]
        lines += ["  --expect-error, or --expect-error=TYPE, with any of them: it is to fail"]
        return "\n".join(lines)


_HELP = ("-h", "--help")

_MISSPELT = 0.75
"""How near a word must be to a verb to be taken for it: `lsit` is list, `test` is not reset."""


@dataclass(frozen=True)
class Help:
    """A text that shows itself as it is."""

    text: str

    def __repr__(self) -> str:
        return self.text


def name_argument(parser: argparse.ArgumentParser, **more: Any) -> argparse.Action:
    """Add `NAME`."""
    return parser.add_argument("name", metavar="NAME", **more)


def names_argument(parser: argparse.ArgumentParser) -> None:
    """Add `NAME`, once or more."""
    parser.add_argument("names", nargs="+", metavar="NAME")


def count(text: str) -> int:
    """The type of an argument that says how many rows are shown.

    Raises:
        argparse.ArgumentTypeError: It is no number from 1 on.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number of rows")
    return int(text)


def why_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--why`."""
    parser.add_argument("--why", action="store_true", help="how the binding was decided")


def settings_argument(parser: argparse.ArgumentParser, *texts: str) -> None:
    """Add `NAME=VALUE`, once or more; see `settings`, and `offers` for the texts."""
    argument = parser.add_argument(
        "settings", nargs="+", metavar="NAME=VALUE", help="a value with blanks in quotes"
    )
    offers(argument, "", *texts)


def yes_argument(parser: argparse.ArgumentParser) -> None:
    """Add `--yes`; see `confirmed`."""
    parser.add_argument("--yes", action="store_true", help="really do it")


def remove_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what deleting something with a folder takes."""
    name_argument(parser)
    parser.add_argument("--files", action="store_true", help="also its folder")
    parser.add_argument("--db", action="store_true", help="also its databases, and their keys")
    yes_argument(parser)


def confirmed(given: argparse.Namespace, doing: str) -> None:
    """Go on only with `--yes`.

    Raises:
        UsageError: It was not given.
    """
    if not given.yes:
        raise UsageError(f"{doing} cannot be undone", hint="add --yes to do it")


def settings(given: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """The `name=value` words of a line.

    Raises:
        UsageError: A word is none, or its name is not known.
    """
    pairs = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise UsageError(f"{word} sets nothing here", hint=f"write {'=…, '.join(known)}=…")
        pairs[key] = value
    return pairs


def yes_or_no(pairs: Mapping[str, str], key: str) -> bool | None:
    """A setting that is on or off; None when it is not among the pairs.

    Raises:
        UsageError: It is neither.
    """
    if key not in pairs:
        return None
    answer = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    if pairs[key].lower() not in answer:
        raise UsageError(f"{key}={pairs[key]} is neither yes nor no", hint=f"write {key}=yes")
    return answer[pairs[key].lower()]
