"""`%hero_param`: the parameters of the session, or of its context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel import Params, sealed
from hero_kernel.errors import UsageError
from hero_kernel.heroscript import key_fix
from hero_kernel.secret import Secret
from magics.arguments import Verb, name_argument, names_argument
from magics.display import Line
from magics.kept import changed_argument, kept_table
from magics.secret import SecretCommand, keep_secret

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Context, Session
    from magics.arguments import Command
    from magics.display import Table
    from magics.doorway import Door


class ParamVerbs:
    """What `%hero_param` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def _owner(self, given: Namespace) -> Session | Context:
        session = self.door.session()
        return session.context if given.shared else session

    def show(self, given: Namespace) -> Table:
        """Show the parameters, and where each came from; secrets are masked."""
        if given.shared and given.changed:
            raise UsageError(
                "a context has no runs to have changed since",
                hint="leave out --changed or --shared",
            )
        whose = self._owner(given)
        shown, bare = whose.params_shown(), _stored(whose).args
        return kept_table(
            "parameter",
            shown,
            whose.params_sources(),
            title=_named(given, whose),
            notes=() if shown or bare else ("no parameter is set",),
            words=bare,
            only_changed=given.changed,
        )

    def set_(self, given: Namespace) -> Line:
        """Set parameters: key:value, or key=value; with --secret each is asked for."""
        whose = self._owner(given)
        secrets = self.door.session().context.secrets
        if given.secret:
            keys = [key for word in given.pairs for key, _ in [_pair(f"{word}:")]]
            secrets.ready(interactive=True)
            otherwise = f"set it by Python: {'context' if given.shared else 'session'}.params_set"
            values = {key: secrets.asked_for(key, otherwise=otherwise) for key in keys}
            whose.params_set(values, by=self.door.by("%hero_param set --secret"))
            return Line(f"{', '.join(keys)} set in {_named(given, whose)}, encrypted")
        pairs = dict(_pair(word) for word in given.pairs)
        keep_secret(pairs, whose.params_shown, secrets, "%hero_param")
        whose.params_set(pairs, by=self.door.by("%hero_param set"))
        return Line(f"{', '.join(pairs)} set in {_named(given, whose)}")

    def get(self, given: Namespace) -> str | Secret:
        """The value of a parameter; a secret shows a mask, and `.reveal()`s it."""
        whose = self._owner(given)
        stored = _stored(whose).get(given.name)  # also tells that there is none, and the near one
        if not sealed.is_sealed(stored):
            return stored
        self.door.session().context.secrets.ready(interactive=True)
        value = whose.params.get(given.name)
        shown = whose.params_shown()[key_fix(given.name)]
        return Secret(value) if shown.state == "secret" else value

    def unset(self, given: Namespace) -> Line:
        """Delete parameters."""
        whose = self._owner(given)
        whose.params_delete(*given.names, by=self.door.by("%hero_param unset"))
        return Line(f"{', '.join(given.names)} deleted from {_named(given, whose)}")


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = ParamVerbs(door)
    return SecretCommand(
        "%hero_param",
        "the parameters of the session; with --shared those of its context",
        {
            "show": Verb(verbs.show, _show_arguments),
            "list": Verb(verbs.show, _show_arguments),
            "set": Verb(verbs.set_, _set_arguments),
            "get": Verb(verbs.get, _get_arguments),
            "unset": Verb(verbs.unset, _unset_arguments),
        },
        hide=door.hide,
        names="param",
    )


def _stored(whose: Session | Context) -> Params:
    """The parameters as they stand in the record: nothing is opened, and nobody asked."""
    return Params.from_text(whose.config.params, name=f"params of {whose.guid}")


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


def _show_arguments(parser: ArgumentParser) -> None:
    changed_argument(parser)
    _shared_argument(parser)


def _set_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "pairs", nargs="+", metavar="KEY:VALUE", help="a value with blanks in quotes"
    )
    parser.add_argument(
        "--secret", action="store_true", help="KEY alone: ask for the value, and keep it encrypted"
    )
    _shared_argument(parser)


def _get_arguments(parser: ArgumentParser) -> None:
    name_argument(parser)
    _shared_argument(parser)


def _unset_arguments(parser: ArgumentParser) -> None:
    names_argument(parser)
    _shared_argument(parser)
