"""Actors: which function carries an action out."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from hero_kernel.actors import bind
from hero_kernel.cells import Cells
from hero_kernel.errors import ActionError, UnknownActionError, did_you_mean
from hero_kernel.heroscript import name_fix

if TYPE_CHECKING:
    from collections.abc import Callable, Container
    from types import ModuleType

    from hero_kernel.cells import Cell
    from hero_kernel.errors import Located
    from hero_kernel.heroscript import Action

    Function = TypeVar("Function", bound=Callable[..., Any])

ENTRY_POINTS = "hero_kernel.actors"
"""The group in which a package names the modules that hold its handlers."""

BUILTIN = (
    "config", "context", "core", "db", "git", "gittools", "log", "play", "secret", "session",
)  # fmt: skip
"""Modules of `hero_kernel.actors.builtin`, one an actor."""

_MARK = "__hero_actions__"
_HARMLESS = "__hero_harmless__"


@dataclass(frozen=True)
class Handler:
    """A function and the action it carries out.

    Attributes:
        name: `actor.name`.
        function: The function.
        cell: The cell of a notebook that defined it, if one did.
    """

    name: str
    function: Callable[..., Any]
    cell: Cell | None = field(default=None, compare=False)

    @property
    def harmless(self) -> bool:
        """Whether it changes nothing, so that a dry run may carry it out."""
        return bool(getattr(self.function, _HARMLESS, False))

    @cached_property
    def accepts(self) -> bind.Accepts:
        """What the function accepts, read from its annotations once.

        Raises:
            ActionError: An annotation is of no type that text can become.
        """
        return bind.accepts(self.name, self.function)

    @property
    def doc(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.function) or ""


def mark(name: str, *, harmless: bool = False) -> Callable[[Function], Function]:
    """A decorator that says which action a function carries out; `Actors.add_module` finds it.

    Args:
        name: `actor.name`.
        harmless: Whether it changes nothing, so that a dry run may carry it out.

    Raises:
        ActionError: The name is not `actor.name`.
    """
    fixed = action_name(name)

    def decorate(function: Function) -> Function:
        setattr(function, _MARK, (*getattr(function, _MARK, ()), fixed))
        setattr(function, _HARMLESS, harmless)
        return function

    return decorate


def action_name(name: str) -> str:
    """`actor.name` as actions spell it; a name without a dot belongs to `core`.

    Raises:
        ActionError: It has three parts or an empty one.
    """
    parts = [name_fix(part) for part in name.split(".")]
    if len(parts) == 1:
        parts = ["core", *parts]
    if len(parts) != 2 or not all(parts):  # noqa: PLR2004  # actor and name
        raise ActionError(f"{name!r} does not name an action", hint="write actor.name")
    return ".".join(parts)


class Actors:
    """Handlers by action.

    Handlers of other packages, named by entry points, are imported when an action is asked for
    that nobody here carries out, or when all are listed.

    A cell of a notebook that runs again takes back what it defined before and does not define any
    more; what that had replaced comes back.

    Attributes:
        cells: Tells which cell defines something.
    """

    def __init__(self) -> None:
        self.cells = Cells()
        self._handlers: dict[str, Handler] = {}
        self._from_cells: set[str] = set()  # names of actions that cells may take back
        self._replaced: dict[str, list[Handler]] = {}  # whose place they took; the latest is last
        self._gone: dict[str, str] = {}  # why nobody carries an action out any more
        self._broken: list[str] = []
        self._foreign_loaded = False
        self._builtin = set(BUILTIN)  # those that are not loaded yet

    def add(self, name: str, function: Callable[..., Any]) -> Handler:
        """Let a function carry the action out; the one before it is replaced.

        One of an imported module is the module's, whatever cell imports it: the import happens
        once, and the cell may run again.

        Raises:
            ActionError: The name names no action, or an annotation is of no type that text can
                become; the one before it stays.
        """
        fixed = action_name(name)
        # first, so that a user's own replaces them and not the reverse
        self._load_builtin_of(fixed)
        cell = self.cells.current() if function.__module__ == "__main__" else None
        handler = Handler(fixed, function, cell)
        _ = handler.accepts  # a bad signature is told here, not at the first call
        self._put(handler)
        return handler

    def _put(self, handler: Handler) -> None:
        name, cell = handler.name, handler.cell
        waiting = [one for one in self._all(name) if _waits(one, handler)]
        if waiting:
            self._replaced[name] = waiting
        else:
            self._replaced.pop(name, None)
        self._handlers[name] = handler
        self._gone.pop(name, None)
        if cell is not None and cell.id:
            self._from_cells.add(name)
            self.cells.held_by(self)

    def _all(self, name: str) -> list[Handler]:
        """Who carries the action out, the last, and before it those whose place it took."""
        last = self._handlers.get(name)
        return [] if last is None else [*self._replaced.get(name, ()), last]

    def settle(self, cell: Cell) -> None:
        """Take back what the cell defined before, and does not define any more."""
        why = f"{cell.name} defined it before, and does not any more"
        self._take_back(cell.drops, why)

    def forget(self, ids: Container[str]) -> None:
        """Take back what the cells with these ids defined."""
        self._take_back(lambda cell: cell.id in ids, "the cell that defined it was deleted")

    def _take_back(self, is_gone: Callable[[Cell], bool], why: str) -> None:
        for name in list(self._from_cells):
            every = self._all(name)
            kept = [one for one in every if one.cell is None or not is_gone(one.cell)]
            if len(kept) == len(every):
                continue
            if kept:
                self._handlers[name], self._replaced[name] = kept[-1], kept[:-1]
            else:
                del self._handlers[name]
                self._replaced.pop(name, None)
                self._gone[name] = why

    def add_module(self, module: ModuleType) -> None:
        """Add every marked function of a module."""
        for function in vars(module).values():
            names = getattr(function, _MARK, ()) if inspect.isfunction(function) else ()
            for name in names:
                self._handlers[name] = Handler(name, function)

    def remove(self, name: str) -> None:
        """Let nobody carry the action out.

        Raises:
            UnknownActionError: Nobody does.
        """
        fixed = action_name(name)
        self._replaced.pop(fixed, None)
        if self._handlers.pop(fixed, None) is None:
            raise self._unknown(fixed, None)
        self._gone[fixed] = "it was removed"

    def find(self, name: str) -> Handler | None:
        """Who carries out `actor.name`, or None."""
        handler = self._handlers.get(name)
        if handler is None and not self._foreign_loaded:
            self._load_builtin_of(name)
            if name not in self._handlers:
                self._load_foreign()
            handler = self._handlers.get(name)
        return handler

    def unknown(self, action: Action) -> UnknownActionError:
        """The error for an action that nobody carries out: its place, and the near misses."""
        if not action.name:
            return UnknownActionError(
                "the action has no name", hint="write !!actor.name", place=action.place
            )
        return self._unknown(action.full_name, action.place)

    def has_actor(self, actor: str) -> bool:
        """Whether any action of the actor is carried out, or was: it is not the shell's then."""
        self._load_builtin_of(actor)
        prefix = actor + "."
        if any(name.startswith(prefix) for name in (*self._handlers, *self._gone)):
            return True
        return any(name.startswith(prefix) for name in self.names())

    def __len__(self) -> int:
        """How many actions are carried out, as far as they are loaded."""
        return len(self._handlers)

    def __bool__(self) -> bool:
        return True

    def known(self) -> list[str]:
        """The built-in actors and those whose actions are loaded, sorted; nothing is loaded."""
        return sorted({*BUILTIN, *(name.partition(".")[0] for name in tuple(self._handlers))})

    def names(self) -> list[str]:
        """Every action that is carried out, sorted."""
        self._load_builtin()
        self._load_foreign()
        return sorted(self._handlers)

    def _unknown(self, name: str, place: Located | None) -> UnknownActionError:
        actor = name.partition(".")[0]
        names = self.names()
        near = [one for one in names if one.startswith(actor + ".")]
        hint = self._gone.get(name) or did_you_mean(name, near or names)
        if self._broken:
            hint += "; not loaded: " + ", ".join(self._broken)
        return UnknownActionError(f"no actor handles {name}", hint=hint, place=place)

    def _load_builtin_of(self, name: str) -> None:
        """Load the built-in actor that an action would belong to, if there is one."""
        actor = name.partition(".")[0]
        if actor in self._builtin:
            self.add_module(import_module(f"hero_kernel.actors.builtin.{actor}"))
            self._builtin.discard(actor)  # only now: Ctrl-C may have come between

    def _load_builtin(self) -> None:
        for actor in BUILTIN:
            self._load_builtin_of(actor)

    def _load_foreign(self) -> None:
        """Import what entry points name; one that fails is remembered, and the others work."""
        if self._foreign_loaded:
            return
        self._load_builtin()  # they are not replaced
        self._foreign_loaded = True  # what is loaded may ask for actions itself
        try:
            self._load_entries()
        except BaseException:  # Ctrl-C: the next one who asks loads the rest
            self._foreign_loaded = False
            raise

    def _load_entries(self) -> None:
        from importlib.metadata import entry_points  # noqa: PLC0415  # slow, and rarely needed

        self._broken = []
        for entry in entry_points(group=ENTRY_POINTS):
            own = self._handlers.copy()
            try:
                loaded = entry.load()
                self.add_module(loaded if inspect.ismodule(loaded) else _home(loaded))
            except (Exception, SystemExit) as error:  # noqa: BLE001  # foreign code: its fault
                self._broken.append(f"{entry.name} ({type(error).__name__}: {error})")
            for name in own.keys() & self._handlers.keys():
                if own[name].cell is not None and own[name] is not self._handlers[name]:
                    self._replaced.setdefault(name, []).insert(0, self._handlers[name])
            self._handlers |= own  # what the user defined here stays


def _waits(old: Handler, new: Handler) -> bool:
    """Whether a handler may come back when the one that took its place is taken back.

    Only a cell with an id can take anything back; and what it defined before, it replaces.
    """
    if new.cell is None or not new.cell.id:
        return False
    return old.cell is None or old.cell.key != new.cell.key


def _home(thing: Any) -> ModuleType:
    return sys.modules[thing.__module__]
