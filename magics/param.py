"""`%hero_param`: the parameters of the session, or of its context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel import Params
from hero_kernel.errors import UsageError
from magics.arguments import Command, Verb, name_argument, names_argument
from magics.display import Line, Table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Context, Session
    from magics.door import Door


class ParamVerbs:
    """What `%hero_param` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def _owner(self, given: Namespace) -> Session | Context:
        session = self.door.session()
        return session.context if given.shared else session

    def show(self, given: Namespace) -> Table:
        """Show the parameters."""
        whose = self._owner(given)
        params = whose.params
        rows = (*params.items(), *((word, "") for word in params.args))
        note = "" if rows else "no parameter is set"
        return Table(("parameter", "value"), rows, title=_named(given, whose), note=note)

    def set_(self, given: Namespace) -> Line:
        """Set parameters: key:value, or key=value."""
        whose = self._owner(given)
        pairs = dict(_pair(word) for word in given.pairs)
        whose.params_set(pairs)
        return Line(f"{', '.join(pairs)} set in {_named(given, whose)}")

    def get(self, given: Namespace) -> str:
        """The value of a parameter."""
        return self._owner(given).params.get(given.name)

    def unset(self, given: Namespace) -> Line:
        """Delete parameters."""
        whose = self._owner(given)
        whose.params_delete(*given.names)
        return Line(f"{', '.join(given.names)} deleted from {_named(given, whose)}")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = ParamVerbs(door)
    return Command(
        "%hero_param",
        "the parameters of the session; with --shared those of its context",
        {
            "show": Verb(verbs.show, _shared_argument),
            "list": Verb(verbs.show, _shared_argument),
            "set": Verb(verbs.set_, _set_arguments),
            "get": Verb(verbs.get, _get_arguments),
            "unset": Verb(verbs.unset, _unset_arguments),
        },
    )


def _named(given: Namespace, whose: Session | Context) -> str:
    return f"{'context' if given.shared else 'session'} {whose.guid}"


def _pair(word: str) -> tuple[str, str]:
    for sign in (":", "="):
        key, found, value = word.partition(sign)
        if found and key.replace("_", "").isalnum():
            return next(iter(Params({key: value}).items()))
    raise UsageError(f"{word} is not key:value", hint="quote the value if it holds blanks")


def _shared_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--shared", action="store_true", help="the context's, for all sessions")


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "pairs", nargs="+", metavar="KEY:VALUE", help="a value with blanks in quotes"
    )
    _shared_argument(parser)


def _get_arguments(parser: ArgumentParser) -> None:
    name_argument(parser)
    _shared_argument(parser)


def _unset_arguments(parser: ArgumentParser) -> None:
    names_argument(parser)
    _shared_argument(parser)
