"""Hooks: Tab, Shift-Tab and Enter of one shell come here first, and mostly go on to IPython.

IPython's own way for completions, a matcher, hears of one line or is overruled: where a matcher
finds nothing, Python is completed all the same, which takes seconds the first time.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroError
from magics.cells import is_heroscript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from IPython.core.completer import Completion
    from IPython.core.interactiveshell import InteractiveShell

    from magics.arguments import Command
    from magics.completion.explained import Explained
    from magics.completion.inspection import Inspection
    from magics.completion.names import Names
    from magics.completion.offers import Found, Offers
    from magics.door import Door

    Method = Callable[..., Any]

_TYPES = "_jupyter_types_experimental"
"""Where a reply tells front ends what each match is; ipykernel's and JupyterLab's name for it."""

_ASKED = re.compile(
    r"\s*(?P<before>\?{0,2})(?P<what>!{2,4}[ \t]*[\w.-]+|%{1,2}hero\w*(?:[ \t]+[\w-]+)?)"
    r"(?P<after>\?{0,2})\s*"
)


class Hooks:
    """What is put before the methods of one shell that front ends call while somebody types.

    Args:
        shell: IPython's.
        door: The shell's.
        commands: Gives the line magics by name, without their `%`.
    """

    def __init__(
        self, shell: InteractiveShell, door: Door, commands: Callable[[], Mapping[str, Command]]
    ) -> None:
        self._shell = shell
        self._door = door
        self._commands = commands
        self._put = ExitStack()

    def register(self) -> None:
        """Put them in their places."""
        put, shell = self._put.enter_context, self._shell
        put(before(shell.input_transformer_manager, "check_complete", self._check_complete))
        kernel = getattr(shell, "kernel", None)
        if kernel is not None:
            put(before(kernel, "do_complete", self._do_complete))
            put(before(kernel, "do_inspect", self._do_inspect))
        completer = getattr(shell, "Completer", None)
        if completer is not None:
            put(before(completer, "completions", self._completions))
            put(before(completer, "complete", self._complete))

    def unregister(self) -> None:
        """Take them back."""
        self._put.close()

    def found(self, cell: str, cursor: int) -> Found | None:
        """What may be put in at a cursor; None where IPython is to be asked. Never raises."""
        if not _is_candidate(cell):
            return None
        try:
            return self._offers.at(cell, min(max(cursor, 0), len(cell)))
        except Exception:  # noqa: BLE001  # whatever it is, typing goes on
            return None

    def explained(self, cell: str, cursor: int, detail: int = 0) -> Explained | None:
        """What stands under a cursor; None where IPython is to be asked. Never raises."""
        if not _is_candidate(cell):
            return None
        try:
            return self._inspection.at(cell, min(max(cursor, 0), len(cell)), detail)
        except Exception:  # noqa: BLE001  # as above
            return None

    def asked(self, lines: list[str]) -> str:
        """The magic that answers a cell like `!!git.clone?` or `%hero_env?`; "" for another."""
        if not lines or ("?" not in lines[-1] and "?" not in lines[0]):
            return ""
        found = _ASKED.fullmatch("".join(lines))
        if found is None or not (found["before"] or found["after"]):
            return ""
        detail = " --source" if "??" in (found["before"], found["after"]) else ""
        what = found["what"]
        what = "".join(what.split()) if what.startswith("!") else what
        return f"%hero_help --page{detail} {what}"

    def _do_complete(self, method: Method, code: str, cursor_pos: int | None) -> Any:
        cursor = len(code) if cursor_pos is None else cursor_pos
        found = self.found(code, cursor)
        if found is None:
            return method(code, cursor_pos)
        types = [
            {"start": found.begin, "end": cursor, "text": one.text, "type": one.type}
            for one in found.offers
        ]
        return {
            "matches": [one.text for one in found.offers],
            "cursor_start": found.begin,
            "cursor_end": cursor,
            "metadata": {_TYPES: types},
            "status": "ok",
        }

    def _do_inspect(
        self,
        method: Method,
        code: str,
        cursor_pos: int,
        detail_level: int = 0,
        omit_sections: Any = (),
    ) -> Any:
        explained = self.explained(code, cursor_pos, detail_level)
        if explained is None:
            return method(code, cursor_pos, detail_level, omit_sections)
        data = explained.bundle() if explained.head else {}
        return {"status": "ok", "found": bool(data), "data": data, "metadata": {}}

    def _completions(self, method: Method, text: str, offset: int) -> Iterator[Completion]:
        found = self.found(text, offset)
        if found is None:
            yield from method(text, offset)
            return
        from IPython.core.completer import Completion  # noqa: PLC0415  # a terminal has it

        for one in found.offers:
            yield Completion(
                start=found.begin, end=offset, text=one.text, type=one.type, _origin="hero"
            )

    def _complete(
        self,
        method: Method,
        text: str | None = None,
        line_buffer: str | None = None,
        cursor_pos: int | None = None,
    ) -> Any:
        line = text if line_buffer is None else line_buffer
        cursor = len(line or "") if cursor_pos is None else cursor_pos
        found = self.found(line or "", cursor)
        if found is None:
            return method(text, line_buffer, cursor_pos)
        return (line or "")[found.begin : cursor], [one.text for one in found.offers]

    def _check_complete(self, method: Method, cell: str) -> Any:
        if "!!" not in cell or not is_heroscript(cell.splitlines(keepends=True), self._has_actor):
            return method(cell)
        from magics.completion.ended import is_ended  # noqa: PLC0415  # only consoles ask

        ended, indent = is_ended(cell)
        return ("complete", None) if ended else ("incomplete", indent)

    def _has_actor(self, actor: str) -> bool:
        try:
            return self._door.workspace.actors.has_actor(actor)
        except HeroError:  # as where the cell would be claimed
            return True

    @cached_property
    def _names(self) -> Names:
        from magics.completion.names import Names  # noqa: PLC0415  # said above

        return Names(
            lambda: self._door.workspace, lambda: [f"%{name}" for name in self._commands()]
        )

    @cached_property
    def _offers(self) -> Offers:
        from magics.completion.offers import Offers  # noqa: PLC0415  # said above

        return Offers(
            self._magics, self._commands, lambda: self._door.workspace.actors, self._names
        )

    @cached_property
    def _inspection(self) -> Inspection:
        from magics.completion.inspection import Inspection  # noqa: PLC0415  # said above

        return Inspection(self._commands, lambda: self._door.workspace, self._offers, self._names)

    def _magics(self) -> Iterator[str]:
        for kind, sign in (("line", "%"), ("cell", "%%")):
            yield from (sign + name for name in self._shell.magics_manager.magics[kind])


@contextmanager
def before(thing: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Put a function before a method of one object, as long as the block lasts.

    It is called with the method and the method's arguments. Whoever has wrapped it meanwhile keeps
    a plain passage to the method.
    """
    own = vars(thing).get(name)
    method = getattr(thing, name)
    is_on = True

    def call(*args: Any, **options: Any) -> Any:
        return function(method, *args, **options) if is_on else method(*args, **options)

    setattr(thing, name, call)
    try:
        yield
    finally:
        is_on = False
        if vars(thing).get(name) is call:
            delattr(thing, name)
            if own is not None:
                setattr(thing, name, own)


def _is_candidate(cell: str) -> bool:
    """Whether anything of ours may be in a cell; asked at every Tab in Python."""
    return ("!!" in cell or "%hero" in cell) and "\r" not in cell
