"""Playbook: the actions of one or more scripts, found by name and put in order."""

from __future__ import annotations

import dataclasses
import re
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from hero_kernel import heroscript, sources
from hero_kernel.errors import PlaybookError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from hero_kernel.cells import Cell, Cells
    from hero_kernel.heroscript import Action, Params

DEFAULT_PRIORITY = 99
"""What an action has when nobody said otherwise; lower numbers come first."""


@dataclass(frozen=True, slots=True)
class Include:
    """What a handler returns to bring in the actions of other texts, next after its own.

    Attributes:
        texts: Each with the file it was read from.
        once: A file that was brought in before in this run is left out.
        fetch: Gets the texts, instead, from elsewhere; a dry run leaves it alone.
    """

    texts: tuple[sources.SourceText, ...] = ()
    once: bool = True
    fetch: Callable[[], tuple[sources.SourceText, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """An action that was taken out of a playbook.

    Attributes:
        action: The action.
        position: Where it stood.
        cell: The cell that added it, in whose place the cell's next execution adds.
    """

    action: Action
    position: int
    cell: Cell | None


class Playbook:
    """Actions in script order, each done or not, with an order to carry them out in.

    Adding changes only the playbook: nothing is carried out, and only `from_path` and
    `add(path=…)` read a file.

    Args:
        actions: To begin with.
        cells: Tells which cell of a notebook adds: what it adds takes the place of what it added
            when it ran before.
    """

    def __init__(self, actions: Iterable[Action] = (), *, cells: Cells | None = None) -> None:
        self._actions: list[Action] = []
        self._cells = cells
        self._from: dict[int, Cell] = {}  # which cell added an action, by id()
        self._last: Cell | None = None  # the last cell that did
        self._next_id = 1
        self._priorities: list[tuple[int, str]] = []
        self._version = 0
        self._is_carried_out = False
        self._insert(list(actions), 0)

    @classmethod
    def from_text(cls, text: str, *, name: str = "<text>", lazy: bool = False) -> Playbook:
        """The playbook that a text spells.

        Args:
            text: Heroscript, or any Markdown that holds some.
            name: What places in errors call the text.
            lazy: Only find the actions now; parameters are parsed, and their faults raised,
                when each action's are first looked at.

        Raises:
            HeroscriptError: The text is not heroscript; its `errors` name every fault.
        """
        read = heroscript.index if lazy else heroscript.parse
        return cls(read(text, name=name))

    @classmethod
    def from_path(cls, path: Path | str) -> Playbook:
        """The playbook that a file spells, or every script below a folder.

        Raises:
            HeroscriptError: As `from_text`.
            SourceError: There is nothing to read at the path.
        """
        playbook = cls()
        playbook.add(path=path)
        return playbook

    @property
    def actions(self) -> Sequence[Action]:
        """Every action, in script order; changes with the playbook."""
        return self._actions

    @contextmanager
    def carried_out(self) -> Iterator[None]:
        """While a runner is at work in it.

        Raises:
            PlaybookError: One is already.
        """
        if self._is_carried_out:
            raise PlaybookError(
                "this playbook is being carried out",
                hint="a handler adds to it with playbook_add, and what it adds is carried out too",
            )
        self._is_carried_out = True
        try:
            yield
        finally:
            self._is_carried_out = False

    @property
    def version(self) -> int:
        """A number that rises whenever an action is added or the order may have changed."""
        return self._version

    def copy(self) -> Playbook:
        """The same actions in the same order; what is added to the one is not in the other."""
        twin = Playbook()
        twin._actions, twin._priorities = self._actions.copy(), self._priorities.copy()
        twin._next_id, twin._version = self._next_id, self._version
        return twin

    def __len__(self) -> int:
        return len(self._actions)

    def __repr__(self) -> str:
        done = sum(action.done for action in self._actions)
        return f"<Playbook of {len(self._actions)} actions, {done} done>"

    def add(
        self,
        text: str = "",
        *,
        path: Path | str = "",
        texts: Iterable[sources.SourceText] = (),
        actions: Iterable[Action] = (),
        prio: int = DEFAULT_PRIORITY,
        name: str = "<text>",
        after: Action | None = None,
        replace: Mapping[str, str] | None = None,
    ) -> list[Action]:
        """Add what a path holds, then texts that were read, then a text, then actions.

        They go to the end, or after an action. In the texts, with `replace`, each `@KEY`,
        `${KEY}` and `{KEY}` becomes the value.

        All of it is parsed before any of it is added.

        Returns:
            The new actions.

        Raises:
            HeroscriptError: A text is not heroscript.
            PlaybookError: The priority is negative, or `after` is not in this playbook.
            SourceError: There is nothing to read at the path.
        """
        _check_priority(prio)
        new: list[Action] = []
        values = replace or {}
        for source in (*(sources.read(_as_path(path)) if path else ()), *texts):
            filled = heroscript.replace_text(source.text, values)
            new += parsed(dataclasses.replace(source, text=filled))
        if text:
            new += heroscript.parse(heroscript.replace_text(text, values), name=name)
        new += actions
        for action in new:
            action.priority = prio
        cell = self._adding(after)
        at = len(self._actions) if after is None else self._position(after) + 1
        self._insert(new, at)
        if cell is not None:
            self._from |= dict.fromkeys(map(id, new), cell)
        return new

    def remove(self, action: Action) -> Removed:
        """Take an action out, whether it is done or not; what `put_back` takes.

        Raises:
            PlaybookError: It is not in this playbook, or the playbook is being carried out.
        """
        self._check_at_rest()
        position = self._position(action)
        del self._actions[position]
        self._version += 1
        return Removed(action, position, self._from.pop(id(action), None))

    def put_back(self, removed: Removed) -> None:
        """Put an action in again where it stood, with its priority, under a new id.

        Raises:
            PlaybookError: The playbook is being carried out.
        """
        self._check_at_rest()
        self._insert([removed.action], removed.position)
        if removed.cell is not None:
            self._from[id(removed.action)] = removed.cell

    def _check_at_rest(self) -> None:
        if self._is_carried_out:
            raise PlaybookError(
                "this playbook is being carried out", hint="wait until the run has ended"
            )

    def _adding(self, after: Action | None) -> Cell | None:
        """The cell that adds; what it added before makes room.

        What is brought in after an action belongs to the cell that added the action.
        """
        if self._cells is None or after is not None:
            return None if after is None else self._from.get(id(after))
        cell = self._cells.current()
        if cell is not None and cell is not self._last:
            self._drop(cell.replaces)
            self._cells.held_by(self)
            self._last = cell
        return cell

    def settle(self, cell: Cell) -> None:
        """Remove what the cell added before, and does not add any more; see `cells.Holder`."""
        self._drop(cell.drops)

    def forget(self, ids: Container[str]) -> None:
        """Remove what the cells with these ids added."""
        self._drop(lambda cell: cell.id in ids)

    def _drop(self, is_gone: Callable[[Cell], bool]) -> None:
        gone = {number for number, cell in self._from.items() if is_gone(cell)}
        if gone:
            self._actions[:] = [one for one in self._actions if id(one) not in gone]
            self._from = {number: c for number, c in self._from.items() if number not in gone}
            self._version += 1

    def _insert(self, new: list[Action], at: int) -> None:
        for action_id, action in enumerate(new, self._next_id):
            action.id = action_id
        self._next_id += len(new)
        self._actions[at:at] = new
        self._version += 1

    def _position(self, action: Action) -> int:
        for position, one in enumerate(self._actions):
            if one is action:
                return position
        raise PlaybookError(f"{action.full_name} is not in this playbook")

    def priorities_add(self, priorities: Mapping[int, str]) -> None:
        """Say which actions come first: number → filter, lower numbers first.

        A filter item that was given before keeps its first number.

        Raises:
            PlaybookError: A number is negative.
        """
        known = {item for _, item in self._priorities}
        for number in sorted(priorities):
            _check_priority(number)
            for item in _items(priorities[number]):
                if item not in known:
                    known.add(item)
                    self._priorities.append((number, item))
        self._priorities.sort(key=lambda entry: entry[0])
        self._version += 1

    @property
    def has_priorities(self) -> bool:
        """Whether `priorities_add` has said that some come first."""
        return bool(self._priorities)

    def filtersort(self, priorities: Mapping[int, str]) -> list[Action]:
        """Give matching actions a priority for good, and return all in the order that follows.

        The lowest number wins where several filters match; the others keep their priority.

        Raises:
            PlaybookError: A number is negative.
        """
        entries: list[tuple[int, str]] = []
        for number in sorted(priorities):
            _check_priority(number)
            entries += [(number, item) for item in _items(priorities[number])]
        rank = _ranking(entries)
        for action in self._actions:
            action.priority = rank(action)
        self._version += 1
        return self.actions_sorted()

    def actions_sorted(self) -> list[Action]:
        """Every action in the order of carrying out: by priority, then as they stand."""
        return sorted(self._actions, key=_ranking(self._priorities))

    def find(self, filter: str = "*.*", *, include_done: bool = False) -> list[Action]:
        """The actions that match, in script order.

        Args:
            filter: `actor.name` items with a comma for "or"; no dot means the actor `core`, an
                empty part means any, `* ? [abc] [^abc]` are wildcards, `:` is read as a dot.
            include_done: Also those that are done.
        """
        fits = _Fits(filter)
        return [a for a in self._actions if (include_done or not a.done) and fits[a.actor, a.name]]

    def exists(self, filter: str, *, include_done: bool = False) -> bool:
        """Whether any action matches."""
        return bool(self.find(filter, include_done=include_done))

    def exists_once(self, filter: str, *, include_done: bool = False) -> bool:
        """Whether exactly one action matches."""
        return len(self.find(filter, include_done=include_done)) == 1

    def max_once(self, filter: str, *, include_done: bool = False) -> bool:
        """Whether one action matches.

        Raises:
            PlaybookError: More than one does.
        """
        found = self.find(filter, include_done=include_done)
        if len(found) > 1:
            raise PlaybookError(f"{_listing(found)} match {filter!r}", hint="keep at most one")
        return len(found) == 1

    def get(self, filter: str, *, include_done: bool = False) -> Action:
        """The one action that matches.

        Raises:
            PlaybookError: None does, or more than one.
        """
        found = self.find(filter, include_done=include_done)
        if not found:
            raise PlaybookError(
                f"no action matches {filter!r}", hint=did_you_mean(filter, self.names())
            )
        if len(found) > 1:
            raise PlaybookError(f"{_listing(found)} match {filter!r}", hint="keep one of them")
        return found[0]

    ensure_once = get

    def ensure_processed(self, filter: str) -> None:
        """Check that every matching action is done.

        Raises:
            PlaybookError: Some are not; the message names them.
        """
        left = self.find(filter)
        if left:
            raise PlaybookError(f"not done yet: {_listing(left)}")

    def params_get(self, filter: str, *, include_done: bool = False) -> Params:
        """The parameters of every matching action as one; a later action's win."""
        merged = heroscript.Params()
        for action in self.find(filter, include_done=include_done):
            merged = merged.with_params(action.params)
        return merged

    def names(self) -> list[str]:
        """The full name of each action, once, sorted."""
        return sorted({action.full_name for action in self._actions})

    def empty_check(self) -> None:
        """Check that nothing is left to do.

        Raises:
            PlaybookError: Some actions are not done; the message names them and their places.
        """
        left = [action for action in self.actions_sorted() if not action.done]
        if left:
            raise PlaybookError(
                f"not done yet: {_listing(left)}",
                hint="no handler took them, or they wait for run()",
            )

    def heroscript(self, *, show_done: bool = False) -> str:
        """The playbook as text, in the order of carrying out.

        Args:
            show_done: Also the actions that are done.
        """
        shown = [a for a in self.actions_sorted() if show_done or not a.done]
        return heroscript.render(shown)

    def hashkey(self) -> str:
        """BLAKE2b-160 in hex of the actions' own, in script order; not of priority or outcome."""
        from hashlib import blake2b  # noqa: PLC0415  # not needed at import

        keys = "\n".join(action.hashkey() for action in self._actions)
        return blake2b(keys.encode(), digest_size=20).hexdigest()


def parsed(text: sources.SourceText) -> list[Action]:
    """The actions of a text that was read; their source knows where it was fetched from.

    Raises:
        HeroscriptError: The text is not heroscript.
    """
    actions = heroscript.parse(text.text, name=str(text.path))
    if text.origin is not None and actions and actions[0].source is not None:
        actions[0].source.origin = text.origin  # the one source of them all
    return actions


def matcher(filter: str) -> Callable[[Action], bool]:
    """The question that a filter asks of an action; see `Playbook.find`."""
    fits = _Fits(filter)
    return lambda action: fits[action.actor, action.name]


class _Fits(dict[tuple[str, str], bool]):
    """Whether an actor and a name match a filter; each pair is looked at once."""

    def __init__(self, filter: str) -> None:
        patterns = [_pattern(item) for item in filter.split(",") if item.strip()]
        # an empty filter is herolib's way to say "any action of core"
        self._patterns = patterns or [_pattern("")]

    def __missing__(self, names: tuple[str, str]) -> bool:
        actor, name = names
        fits = self[names] = any(a(actor) and n(name) for a, n in self._patterns)
        return fits


def _pattern(item: str) -> tuple[Callable[[str], bool], Callable[[str], bool]]:
    parts = item.strip().replace(":", ".").split(".")
    actor, name = (parts[0], parts[-1]) if len(parts) > 1 else ("core", parts[0])
    return _part(actor.strip()), _part(name.strip())


def _part(text: str) -> Callable[[str], bool]:
    if text in ("", "*"):
        return lambda _: True
    if not any(wildcard in text for wildcard in "*?["):
        return text.lower().__eq__
    compiled = re.compile("".join(_glob(text)), re.DOTALL)
    return lambda value: compiled.fullmatch(value) is not None


def _glob(text: str) -> Iterable[str]:
    """The regular expression of a glob: `*`, `?`, `[abc]` and `[^abc]`, without ranges."""
    rest = text
    while rest:
        closing = rest.find("]", 2) if rest[0] == "[" else -1
        if closing > 0:
            negated = rest[1] == "^"
            members = "".join(re.escape(c) for c in rest[1 + negated : closing])
            yield f"[{'^' if negated else ''}{members}]"
            rest = rest[closing + 1 :]
        else:
            yield {"*": ".*", "?": "."}.get(rest[0], re.escape(rest[0]))
            rest = rest[1:]


def _items(filters: str) -> list[str]:
    """The items of a comma list; empty ones say nothing (herolib took them for "all of core")."""
    return [item.strip() for item in filters.split(",") if item.strip()]


def _ranking(entries: Sequence[tuple[int, str]]) -> Callable[[Action], int]:
    """What number an action has: the first entry's that matches it, else its own priority."""
    if not entries:
        return attrgetter("priority")
    matchers = [(number, matcher(item)) for number, item in entries]
    known: dict[tuple[str, str], int | None] = {}

    def rank(action: Action) -> int:
        name = action.actor, action.name
        if name not in known:
            known[name] = next((number for number, fits in matchers if fits(action)), None)
        number = known[name]
        return action.priority if number is None else number

    return rank


def _check_priority(number: int) -> None:
    if number < 0:
        raise PlaybookError(f"priority {number} is negative", hint="0 comes first")


def _listing(actions: Sequence[Action]) -> str:
    shown = [f"{a.full_name} ({a.place})" if a.place else a.full_name for a in actions[:10]]
    more = len(actions) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _as_path(path: Path | str) -> Path:
    from pathlib import Path  # noqa: PLC0415  # not needed at import

    return Path(path).expanduser()
