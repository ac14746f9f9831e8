"""Offers: what may be put in at a cursor, as a front end shows it."""

from __future__ import annotations

import re
from argparse import SUPPRESS
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from hero_kernel import Params
from hero_kernel.actors.registry import action_name
from hero_kernel.errors import HeroError
from magics.completion.standing import (
    ActionLine,
    ActionName,
    MagicLine,
    MagicName,
    Prose,
    standing,
)
from magics.completion.words import Word, all_quoted, words

if TYPE_CHECKING:
    from argparse import Action as Argument
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hero_kernel.actors import Actors, Handler
    from hero_kernel.actors.bind import Accepts, Parameter
    from magics.arguments import Command, Parser
    from magics.completion.names import Names


_new = tuple.__new__


class Offer(NamedTuple):
    """A text that may be put in; a tuple, for there may be a thousand.

    Attributes:
        text: It, quoted where it must be.
        type: What it is, by the words that front ends have signs for.
    """

    text: str
    type: str


@dataclass(frozen=True, slots=True)
class Found:
    """What may be put in, and in the place of what.

    Attributes:
        begin: The offset of the first character that is replaced; the last one stands before the
            cursor.
        offers: The texts, the best first.
    """

    begin: int
    offers: tuple[Offer, ...] = ()


class Offers:
    """Finds what may be put in, in one shell.

    Args:
        magics: The names of the shell's magics, with their `%`.
        commands: Gives the line magics by name, without their `%`.
        actors: Gives who carries actions out.
        names: Looks names up.
    """

    def __init__(
        self,
        magics: Callable[[], Iterable[str]],
        commands: Callable[[], Mapping[str, Command]],
        actors: Callable[[], Actors],
        names: Names,
    ) -> None:
        self._magics = magics
        self._commands = commands
        self._actors = actors
        self._names = names

    def at(self, cell: str, cursor: int) -> Found | None:
        """What may be put in at a cursor; None where IPython is to be asked.

        Args:
            cell: The whole cell.
            cursor: An offset into it.
        """
        place = standing(cell, cursor, self.has_actor)
        match place:
            case MagicName():
                return self._at_magic(cell[place.begin : cursor], place.begin)
            case MagicLine():
                return self._at_magic_line(place, cell, cursor)
            case ActionName():
                return Found(place.begin, tuple(self._actions(cell[place.begin : cursor])))
            case ActionLine():
                return self._at_parameters(place, cell, cursor)
            case Prose():
                return Found(cursor)
        return None

    def has_actor(self, actor: str) -> bool:
        """Whether an actor is registered; yes, where nobody can tell."""
        try:
            return self._actors().has_actor(actor)
        except HeroError:
            return True

    def handler(self, name: str) -> Handler | None:
        """Who carries an action out that is written so; None for one that cannot be called."""
        try:
            found = self._actors().find(action_name(name))
            _ = found and found.accepts
        except HeroError:
            return None
        return found

    # -- magics

    def _at_magic(self, begun: str, begin: int) -> Found:
        bare = begun.lstrip("%")
        percent = begun[: len(begun) - len(bare)]
        found = sorted(one for one in self._magics() if one.startswith(percent + bare))
        return Found(begin, tuple(Offer(one, "magic") for one in found if one[len(percent)] != "%"))

    def _at_magic_line(self, place: MagicLine, cell: str, cursor: int) -> Found | None:
        line = cell[place.begin : cursor]
        found = words(line)
        is_begun = bool(found) and found[-1].end == len(line)
        last = found.pop() if is_begun else Word(len(line), len(line), "", "")
        texts = [word.text for word in found]
        command = self._commands().get(place.name.lstrip("%"))
        parser = line_parser(place.name)
        if parser is not None:
            offers = list(self._of_parser(parser, command.names if command else "", texts, last))
        elif command is not None and not place.name.startswith("%%"):
            offers = self._of_command(command, texts, last)
        else:
            return None
        return Found(place.begin + last.begin, _unclosed(offers, last.quote, cell[cursor:]))

    def _of_command(self, command: Command, before: list[str], last: Word) -> list[Offer]:
        parser_of = command._parser  # noqa: SLF001  # same room
        if before:
            verb, rest = verb_of(command, before)
            found = self._of_parser(parser_of(verb), command.names, rest, last) if verb else ()
            return list(found)
        offers = [Offer(verb, "keyword") for verb in command.verbs if verb.startswith(last.text)]
        for verb in dict.fromkeys((command.default, command.otherwise)):
            if verb and (verb == command.otherwise or last.text.startswith("-")):
                offers += self._of_parser(parser_of(verb), command.names, [], last)
        return list(dict.fromkeys(offers))

    def _of_parser(
        self, parser: Parser, names: str, before: Sequence[str], last: Word
    ) -> Iterator[Offer]:
        """What may stand for a word of a line.

        Args:
            parser: What will read the line.
            names: The kind of names that `NAME` stands for.
            before: The words before it.
            last: It, as far as it is written.
        """
        line = _read(parser, before, names)
        option, equals, value = last.text.partition("=")
        if line.waiting is not None:
            yield from self._values(line.waiting, names, line.given, last.text, last.quote)
        elif equals and option in line.options:
            for one in self._values(line.options[option], names, line.given, value, ""):
                yield Offer(f"{option}={one.text}", one.type)
        else:
            if line.place is not None and not last.text.startswith("-"):
                yield from self._values(line.place, names, line.given, last.text, last.quote)
            begun = last.text or "--"
            if begun.startswith("-"):
                left = line.unused(parser)
                yield from (Offer(one, "param") for one in left if one.startswith(begun))

    def _values(
        self, argument: Argument, names: str, given: Mapping[str, str], begun: str, quote: str
    ) -> Iterator[Offer]:
        """What may stand for an argument."""
        kind, texts = _offered(argument, names)
        for text in texts:
            if text.startswith(begun):
                yield Offer(text, "keyword")
        sign = "" if "--secret" in given else _sign(argument)  # its value is asked for
        if not (sign and sign in begun):
            found = all_quoted(self._names.of(kind, begun, given), quote)
            if sign:
                found = [name + sign for name in found]
            # Offer(…) in half the time
            pairs = zip(found, repeat(_TYPES.get(kind, "instance")), strict=False)
            yield from [_new(Offer, pair) for pair in pairs]

    # -- actions

    def _actions(self, begun: str) -> Iterator[Offer]:
        """Actors, and once it is clear which, its actions."""
        try:
            names = self._actors().names()
        except HeroError:
            return
        begun = begun.lower()
        there = [name for name in names if name.startswith(begun)]
        actors = list(dict.fromkeys(name.partition(".")[0] for name in there))
        if "." in begun or len(actors) == 1:
            yield from (Offer(name, "statement") for name in there)
        else:
            yield from (Offer(f"{actor}.", "module") for actor in actors)

    def _at_parameters(self, place: ActionLine, cell: str, cursor: int) -> Found:
        spot = place.spot
        handler = self.handler(place.name)
        if spot.what == "key":
            begun = cell[spot.at : cursor].lower()
            keys = [] if handler is None else _missing(handler.accepts, place)
            colon = "" if cell[cursor : cursor + 1] == ":" else ":"
            offers = (Offer(f"{key}{colon}", "param") for key in keys if key.startswith(begun))
            return Found(spot.at, tuple(offers))
        written = cell[spot.at : cursor]
        reference = _REFERENCE.search(written)
        if reference is not None:
            begin = spot.at + reference.start("sign")
            return Found(begin, tuple(self._references(reference, cell[cursor : cursor + 1])))
        parameter = None if handler is None else handler.accepts.parameters.get(spot.key)
        if "\n" in written or parameter is None:
            return Found(cursor)
        actor = action_name(place.name).partition(".")[0]
        value = _value(written)
        quote = written[:1] if written[:1] in {"'", '"'} else ""
        given = {_kind(actor, key): text for key, text in spot.values.items()}
        found = [
            Offer(text, type_)
            for name, type_ in self._accepted(actor, parameter, value, given)
            if (text := _spelt(name, quote)) is not None
        ]
        return Found(spot.at, _unclosed(found, quote, cell[cursor:]))

    def _accepted(
        self, actor: str, parameter: Parameter, begun: str, given: Mapping[str, str]
    ) -> Iterator[tuple[str, str]]:
        """Values that a parameter takes, and what each is."""
        for choice in parameter.choices:
            if choice.casefold().startswith(begun.casefold()):
                yield choice, "keyword"
        kind = "path" if parameter.kind == "path" else _kind(actor, parameter.name)
        for name in self._names.of(kind, begun, given):
            yield name, _TYPES.get(kind, "instance")

    def _references(self, found: re.Match[str], following: str) -> Iterator[Offer]:
        """What may stand for a name in braces."""
        sign, kind, begun = found["sign"], found["kind"], found["name"]
        close = "" if following == "}" else "}"
        if sign == "{":
            for name in self._names.of("env", begun, {}):
                yield Offer(f"{{{name}{close}", "instance")
        elif kind is None:
            yield from (Offer(f"${{{one}:", "keyword") for one in _SOURCES if one.startswith(begun))
        elif kind in _SOURCES:
            for name in self._names.of(kind, begun, {}):
                yield Offer(f"${{{kind}:{name}{close}", "instance")


_TYPES = {"path": "path", "folder": "path", "action": "statement", "help": "statement"}

_SOURCES = ("env", "param", "secret", "py")
"""What a `${kind:name}` may be taken from; of a `py` expression nothing is known."""

_REFERENCE = re.compile(
    r"(?<!\$)(?:\$\$)*+(?P<sign>\$\{|(?<!\$)\{)(?:(?<=\$\{)(?P<kind>\w*):)?(?P<name>[\w.-]*)\Z"
)

_METAVARS = {
    "ACTION": "action",
    "ACTOR[.ACTION]": "action",
    "CATEGORY": "category",
    "CONTEXT": "context",
    "DB": "database",
    "FILE": "path",
    "FOLDER": "folder",
    "KEY": "key",
    "PATH": "path",
    "PREFIX": "key",
    "RUN": "run",
    "SESSION": "session",
}
"""What a metavar in the help of a magic stands for; `NAME` is what the magic is about."""

_DESTINATIONS = {"session": "session", "context": "context"}
"""The same for options that are called `NAME` in the help."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What the words of a line were taken for.

    Attributes:
        options: Every option, by each of its spellings.
        used: Those that stand on the line.
        waiting: The option whose value comes next.
        place: The argument without a name that comes next.
        given: Names on the line, by kind, and by itself what each option was given.
    """

    options: Mapping[str, Argument]
    used: frozenset[int]
    waiting: Argument | None
    place: Argument | None
    given: Mapping[str, str]

    def unused(self, parser: Parser) -> list[str]:
        """The options that may still be given, the long spellings first, but for help."""
        known = (one for one in parser.options() if id(self.options[one]) not in self.used)
        left = (one for one in known if one not in {"-h", "--help"})
        return sorted(left, key=lambda one: not one.startswith("--"))


def verb_of(command: Command, written: Sequence[str]) -> tuple[str, list[str]]:
    """The verb of a line and the words behind it; "" where it has none.

    A word that is like a verb is taken for a name unasked: to ask would bind the notebook.
    """
    unasked = replace(command, is_name=lambda _: True)
    try:
        return unasked._verb(written)  # noqa: SLF001  # same room
    except HeroError:
        return "", []


def line_parser(name: str) -> Parser | None:
    """What reads the line of a magic that has no verbs; None for one of others."""
    from magics import config, db, heroscript  # noqa: PLC0415  # they bring every room along

    if name in {"%heroscript", "%%heroscript"}:
        return heroscript.line_parser(name)
    cells = {"%%hero_db": db.cell_parser, "%%hero_config": config.cell_parser}
    return cells[name]() if name in cells else None


def _read(parser: Parser, before: Sequence[str], names: str) -> _Line:
    """Take words for what argparse will take them."""
    arguments = parser._actions  # noqa: SLF001  # argparse tells it in no other way
    options = {spelt: one for one in arguments for spelt in one.option_strings}
    places = [one for one in arguments if not one.option_strings and one.help != SUPPRESS]
    used, given = set(), {}
    waiting: Argument | None = None
    for text in before:
        option, equals, value = text.partition("=")
        if waiting is not None:
            given[_offered(waiting, names)[0]], waiting = text, None
        elif text.startswith("-") and option in options:
            one = options[option]
            used.add(id(one))
            given[one.option_strings[-1]] = value
            if equals:
                given[_offered(one, names)[0]] = value
            elif one.nargs != 0:
                waiting = one
        elif places:
            given[_offered(places[0], names)[0]] = text
            if places[0].nargs not in {"+", "*"}:
                places.pop(0)
    return _Line(options, frozenset(used), waiting, places[0] if places else None, given)


def _offered(argument: Argument, names: str) -> tuple[str, Sequence[str]]:
    """The kind of names, and the texts, that may stand for an argument."""
    declared: tuple[str, Sequence[str]] | None = getattr(argument, "offers", None)
    if declared is not None:
        return declared
    if argument.choices is not None:
        return "", [str(one) for one in argument.choices]
    if argument.dest in _DESTINATIONS:
        return _DESTINATIONS[argument.dest], ()
    name = re.split("[=:]", str(argument.metavar))[0]
    return (names if name == "NAME" or _sign(argument) else _METAVARS.get(name, "")), ()


def _sign(argument: Argument) -> str:
    """What comes behind a name whose value stands in the same word."""
    found = re.fullmatch(r"[A-Z]+([=:])[A-Z]+", str(argument.metavar))
    return found[1] if found else ""


def _missing(accepted: Accepts, place: ActionLine) -> list[str]:
    """The keys that an action may still be given, those that it must be given first."""
    written = {*place.spot.values, *(word.lower() for word in place.spot.words)}
    behind = {key.lower() for key in _KEY.findall(place.behind)}
    left = [one for key, one in accepted.parameters.items() if key not in written | behind]
    return [one.name for one in sorted(left, key=lambda one: not one.required)]


_KEY = re.compile(r"(?<=[ \t\n])([A-Za-z0-9_./]+):")


def _kind(actor: str, key: str) -> str:
    """What kind of names the parameter of an action takes, as it is called."""
    return _KINDS.get((actor, key)) or _KINDS.get(("", key), "")


_KINDS = {
    ("", "context"): "context",
    ("", "context_name"): "context",
    ("", "session"): "session",
    ("", "session_name"): "session",
    ("config", "category"): "category",
    ("config", "name"): "config",
    ("db", "db"): "database",
    ("db", "key"): "key",
    ("db", "prefix"): "key",
    ("secret", "name"): "secret",
    ("session", "key"): "env",
}
"""Parameters that take names, by actor, or of any actor."""


def _value(written: str) -> str:
    """What a value means as far as it is written."""
    if written[:1] not in {"'", '"'}:
        return written
    text = written[1:]
    return text.removesuffix(written[0]).replace(f"\\{written[0]}", written[0])


def _spelt(value: str, quote: str) -> str | None:
    """A value as it must be written, in the quotes that were begun if it can be; else None."""
    if not value.isprintable() or value != value.strip():
        return None
    if quote and quote not in value and "\\" not in value:
        return f"{quote}{value}{quote}"
    text = Params({"x": value}).heroscript().removeprefix("x:")
    return f"{quote}{text}{quote}" if quote and text[:1] not in {"'", '"'} else text


def _unclosed(offers: Iterable[Offer], quote: str, behind: str) -> tuple[Offer, ...]:
    """The offers without their last quote where it stands behind the cursor already."""
    if not quote or not behind.startswith(quote):
        return tuple(offers)
    return tuple(
        Offer(one.text[:-1], one.type) if one.text.endswith(quote) else one for one in offers
    )
