"""Inspection: what stands under a cursor, explained; nothing is bound, created or asked for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hero_kernel import keyring
from magics.completion import explained
from magics.completion.explained import Explained
from magics.completion.offers import line_parser, verb_of
from magics.completion.standing import ActionLine, ActionName, MagicLine, MagicName, standing
from magics.completion.words import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hero_kernel import Session, Workspace
    from magics.arguments import Command
    from magics.completion.names import Names
    from magics.completion.offers import Offers

SHOWN = 80
"""Characters of a value that are shown."""


class Inspection:
    """Explains what is typed, in one shell.

    Args:
        commands: Gives the line magics by name, without their `%`.
        workspace: Gives the workspace.
        offers: Knows who carries actions out.
        names: Looks up, in bounded time.
    """

    def __init__(
        self,
        commands: Callable[[], Mapping[str, Command]],
        workspace: Callable[[], Workspace],
        offers: Offers,
        names: Names,
    ) -> None:
        self._commands = commands
        self._workspace = workspace
        self._offers = offers
        self._names = names

    def at(self, cell: str, cursor: int, detail: int = 0) -> Explained | None:
        """What stands under a cursor; None where IPython is to be asked.

        Args:
            cell: The whole cell.
            cursor: An offset into it.
            detail: 1 shows the source of an action, too.
        """
        reference = _reference_at(cell, cursor)
        end = cursor
        while end < len(cell) and (cell[end].isalnum() or cell[end] in "_.-"):
            end += 1
        place = standing(cell, end, self._offers.has_actor)
        match place:
            case MagicName():
                return magic(self._commands(), cell[place.begin : place.end], [])
            case MagicLine():
                written = words(cell[place.begin : end])
                return magic(self._commands(), place.name, [word.text for word in written])
            case ActionName():
                return self.action(cell[place.begin : place.end], detail)
            case ActionLine() if reference is not None and place.spot.what == "value":
                return self._reference(reference["kind"], reference["name"])
            case ActionLine():
                return self._in_action(place, cell, end, detail)
        return None if place is None else Explained("")

    def action(self, name: str, detail: int = 0) -> Explained:
        """What an action takes and does; nothing where nobody carries it out."""
        handler = self._offers.handler(name)
        return Explained("") if handler is None else explained.action(handler, source=detail > 0)

    def _in_action(self, place: ActionLine, cell: str, end: int, detail: int) -> Explained:
        handler = self._offers.handler(place.name)
        if handler is None:
            return Explained("")
        spot = place.spot
        key = spot.key if spot.what == "value" else cell[spot.at : end].lower()
        one = handler.accepts.parameters.get(key)
        if one is None:
            return explained.action(handler, source=detail > 0)
        return explained.parameter(handler, one)

    def _reference(self, kind: str | None, name: str) -> Explained:
        """Whether a name in braces is set, and where; never what a secret is."""
        head = f"{{{name}}}" if kind is None else f"${{{kind}:{name}}}"
        kinds: dict[str, Callable[[Session], str]] = {
            "env": lambda session: self._env(session, name, is_explicit=kind is not None),
            "param": lambda session: self._param(session, name),
            "secret": lambda session: self._secret(session, name),
        }
        tell = kinds.get(kind or "env")
        if tell is None:
            return Explained(head, "an expression of Python" if kind == "py" else "")
        return Explained(
            head, self._names.within(lambda: self._told(tell), "it cannot be told now")
        )

    def _told(self, tell: Callable[[Session], str]) -> str:
        session = self._names.session
        return "the notebook is bound to no session yet" if session is None else tell(session)

    def _env(self, session: Session, name: str, *, is_explicit: bool) -> str:
        shown = session.env_shown()
        if name not in shown:
            stays = "" if is_explicit else "; it stays as it is written"
            return (
                f"not set in session {session.guid}{stays}\n\nTo set it: `%hero_env set {name}=…`"
            )
        return f"set in session {session.guid}: {self._masked(shown[name].text, shown[name].state)}"

    def _param(self, session: Session, name: str) -> str:
        shown = session.params_shown().get(name.lower())
        if shown is None:
            return (
                f"no parameter of session {session.guid}\n\nTo set it: `%hero_param set {name}:…`"
            )
        return f"a parameter of session {session.guid}: {self._masked(shown.text, shown.state)}"

    def _secret(self, session: Session, name: str) -> str:
        variable = keyring.variable(name)
        if self._workspace().environ.get(variable):
            return f"a secret, read from {variable} in the environment"
        context = session.context
        if name in context.secrets.names():
            return f"a secret that context {context.guid} keeps"
        return f"no secret of context {context.guid}\n\nTo set it: `%hero_secret set {name}`"

    def _masked(self, text: str, state: str) -> str:
        masked = self._workspace().redactor.mask(text)
        cut = masked if len(masked) <= SHOWN else f"{masked[: SHOWN - 1]}…"
        return f"{cut} ({state})" if state else cut


def magic(commands: Mapping[str, Command], name: str, written: list[str]) -> Explained | None:
    """The help of a magic, of its verb, or of the option that stands last; None for others'.

    Args:
        commands: The line magics by name, without their `%`.
        name: With its `%`.
        written: The words behind it.
    """
    command = None if name.startswith("%%") else commands.get(name.lstrip("%"))
    parser = line_parser(name) if command is None else None
    if command is not None:
        verb, _ = verb_of(command, written) if written else ("", [])
        if not verb:
            return Explained(command.help())
        parser = command._parser(verb)  # noqa: SLF001  # same room
    if parser is None:
        return None
    option = written[-1].partition("=")[0] if written else ""
    for argument in parser._actions:  # noqa: SLF001  # argparse tells it in no other way
        if option in argument.option_strings:
            value = "" if argument.nargs == 0 else f" {argument.metavar or ''}"
            head = f"{parser.prog} {', '.join(argument.option_strings)}{value}"
            return Explained(head, argument.help or "")
    return Explained(parser.format_help().rstrip())


_BRACES = re.compile(r"\$?\{(?:(?<=\$\{)(?P<kind>\w+):)?(?P<name>[\w.-]+)\}?")


def _reference_at(cell: str, cursor: int) -> re.Match[str] | None:
    begin = cell.rfind("\n", 0, cursor) + 1
    end = cell.find("\n", cursor)
    line = _BRACES.finditer(cell, begin, len(cell) if end < 0 else end)
    return next((one for one in line if one.start() <= cursor <= one.end()), None)
