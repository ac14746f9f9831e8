"""The panel of a context: what it is, where it keeps things, its sessions; and other contexts."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from hero_kernel import contexts, leases, ownership, sessions
from hero_kernel.errors import (
    ContextNotFoundError,
    HeroError,
    HeroscriptError,
    SecretError,
)
from hero_kernel.sessions import Session
from magics.display import Line, Table
from magics.holding import described
from magics.panels import acts, given
from magics.panels.holders import holders
from magics.panels.talk import told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Context
    from hero_kernel.leases import Lease
    from hero_kernel.ownership import State
    from magics.doorway import Door

PAGE = 40
"""Rows that are sent at once, and that a saved notebook keeps."""

SETTLE_S = 10.0
"""How often sizes and times of what the sessions keep on the disk are looked at unasked."""

_MAX_TEXT = 200
"""Characters shown of a parameter; the panel of parameters shows it whole."""

KINDS = ("live", "open", "ended", "killed")
"""States of sessions that rows are chosen by; see `ownership.State.kind`."""

_SORTS: dict[str, Callable[[State], Any]] = {
    "session": lambda state: state.session.name,
    "state": lambda state: KINDS.index(state.kind),
    "touched": lambda state: int(state.touched),
    "size": lambda state: state.bytes,
    "description": lambda state: state.config.description.casefold(),
}


class View:
    """A context's identity, paths, settings and sessions; beside them, the other contexts.

    Args:
        door: The notebook's.
        shown: The context that is shown, or one of its sessions; default: the notebook's,
            whichever that is.
    """

    kind = "context"

    def __init__(self, door: Door, shown: Context | Session | None = None) -> None:
        self.door = door
        self.key = self.kind
        self._fixed = shown.context if isinstance(shown, Session) else shown
        self._before: Context | None = None
        self._every: tuple[object, list[State]] = (None, [])
        self._leases: tuple[object, list[Lease]] = (None, [])

    @classmethod
    def of(cls, door: Door, value: Any) -> Self:
        """The view of a context."""
        return cls(door, value)

    @classmethod
    def rebuilt(cls, door: Door, spec: Mapping[str, Any]) -> Self:
        """The view of the context that a spec names; one that followed the notebook follows it.

        Raises:
            ContextNotFoundError: It is not there any more.
            UsageError: The spec names none.
        """
        number, follows = spec.get("id"), bool(spec.get("follows"))
        if not follows:
            return cls(door, acts.context_of(door, number))
        view = cls(door)
        if number is not None:
            with suppress(ContextNotFoundError):  # the notebook's may be another one by now
                view._before = acts.context_of(door, number)
        return view

    def context(self) -> Context | None:
        """The context that is shown; None while the notebook is in none."""
        return self._fixed or self.door.workspace.selected_context or self._before

    @property
    def spec(self) -> dict[str, Any]:
        """The context's id, and whether it is the notebook's, whichever that is."""
        context = self.context()
        number = None if context is None else context.id
        return {"kind": self.kind, "id": number, "follows": self._fixed is None}

    @property
    def title(self) -> str:
        """The context's name."""
        context = self.context()
        return "contexts" if context is None else f"context {_name(context)}"

    def mark(self) -> object:
        """What the records say, who is on the sessions, and every ten seconds the disk."""
        context, current = self.context(), self.door.workspace.selected_session
        seen = None if context is None else (self._revision(context), _secret(context))
        where = "" if current is None else current.guid
        return where, seen, self._others(), monotonic() // SETTLE_S

    def state(self) -> dict[str, Any]:
        """What the context is, the first sessions, and the first contexts."""
        context = self.context()
        state: dict[str, Any] = {
            "context": None,
            "sessions": None,
            "contexts": self._more_contexts() if self._fixed is None else None,
            "revision": "",
        }
        if context is None:
            return state
        try:
            state["context"] = self._facts(context)
            state["sessions"] = self._first(context)
            state["revision"] = str(hash(repr(self._revision(context))))
        except HeroError as error:
            if self._fixed is not None:
                raise
            state["fault"] = told(error)  # the other contexts are shown all the same
        return state

    def still(self) -> Sequence[Table | Line]:
        """What the context is, and its sessions; of the notebook's own, the contexts too."""
        context = self.context()
        if context is None:
            return [self._still_contexts()]
        facts = self._facts(context)
        settings = {
            "interactive": "yes" if facts["interactive"] else "no",
            "secret": facts["secret"] + (", encrypts everything" if facts["encrypts"] else ""),
        }
        rows = {"id": str(context.id), **{name: facts[name] for name in _PATHS}, **settings}
        params = {f"param {one['name']}": one["text"] for one in facts["params"]}
        title = f"context {facts['name']}"
        parts: list[Table | Line] = [] if self._fixed is None else [Line(repr(context))]
        parts.append(Table(("", ""), tuple((rows | params).items()), title=title))
        if not self.door.docs:  # what else there is changes from one execution to the next
            parts.append(self._still_sessions(context))
            parts += [self._still_contexts()] if self._fixed is None else []
        return parts

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Pages of sessions and contexts, and what can be done with them; see `acts`."""
        door = self.door
        found: dict[str, Callable[..., Any]] = {
            "contexts": self._more_contexts,
            "use_context": partial(acts.use_context, door),
            "new_context": partial(acts.new_context, door),
            "rename_context": partial(acts.rename_context, door),
            "delete_context": partial(acts.delete_context, door),
        }
        context = self.context()
        if context is not None:
            found["sessions"] = partial(self._more_sessions, context)
            found["configure"] = partial(acts.configure, context)
            found["interact_context"] = partial(acts.interact_context, context)
            for name in ("use", "new", "rename", "end", "delete", "export", "describe"):
                found[name] = partial(getattr(acts, name), door, context)
        return found

    def _revision(self, context: Context) -> tuple[Any, ...]:
        store = context.host.store
        revision = store.revision(context.id)
        as_of, found = self._leases
        if as_of != (context.id, revision):
            found = leases.every(store, context.id)
            self._leases = (context.id, revision), found
        live = leases.alive(found, context.host.now())
        return revision, tuple(one.holder for one in live)

    def _others(self) -> object:
        """What tells that the list of the contexts has changed."""
        if self._fixed is not None:
            return None
        store = self.door.workspace.store
        numbers = store.numbers()
        return len(numbers), [
            (number, store.get(number, contexts.KEY), len(store.scan(number, sessions.PREFIX)))
            for number in numbers[:PAGE]
        ]

    def _facts(self, context: Context) -> dict[str, Any]:
        config, home = context.config, context.host.home
        try:
            shown = context.params_shown()
            fault = ""
        except HeroscriptError as error:
            shown, fault = {}, str(error)
        return {
            "id": context.id,
            "name": config.name,
            "guid": f"{context.id}:{config.name}",
            "here": self.door.workspace.selected_context == context,
            "kept": config.coderoot,
            "code root": str(context.coderoot),
            "home": str(home),
            "folder": str(home / "context" / config.name),
            "keys": str(context.keys_path),
            "databases": str(context.db_path),
            "records": context.host.store.address,
            "interactive": config.interactive,
            **_secret(context),
            "params": [
                {"name": name, "text": _cut(one.text), "state": one.state}
                for name, one in list(shown.items())[:PAGE]
            ],
            "params_total": len(shown),
            "params_fault": fault,
        }

    def _first(self, context: Context) -> dict[str, Any]:
        """The sessions that are shown first: the notebook's, those somebody is on, the latest."""
        there, live = [one.name for one in sessions.every(context)], ownership.held(context)
        current = self.door.workspace.selected_session
        own = current.name if current is not None and current.context == context else ""
        latest = context.host.store.get(context.id, sessions.LATEST)
        there.sort(key=lambda name: (name != own, name not in live, name != latest, name))
        first = there[:PAGE]
        states = ownership.states(context, set(first), settle=False)
        by_name = {state.session.name: self._row(state) for state in states}
        rows = [by_name.get(name) or _unreadable(name) for name in first]
        return {"total": len(there), "live": len(live), "rows": rows}

    def _row(self, state: State) -> dict[str, Any]:
        config = state.config
        return {
            "name": state.session.name,
            "state": state.kind,
            "here": state.session == self.door.workspace.selected_session,
            "holders": holders(self.door, state.holders),
            "start": config.start,
            "end": "" if state.holders else state.end,
            "touched": str(state.touched),
            "size": state.bytes,
            "latest": state.is_latest,
            "ephemeral": state.is_ephemeral,
            "env": len(config.env),
            "description": config.description,
        }

    def _more_sessions(
        self,
        context: Context,
        *,
        text: str = "",
        state: str = "",
        sort: str = "",
        descending: bool = False,
        count: int = PAGE,
    ) -> dict[str, Any]:
        """The sessions that are asked for, as many as are wanted.

        Args:
            context: Which.
            text: Stands in the name, the description, or what somebody on it is called.
            state: One of `KINDS`; empty for all.
            sort: What they are sorted by, one of `_SORTS`; empty for the order of `_first`.
            descending: Whether the largest comes first.
            count: At most so many rows.
        """
        needle = given.text(text, "the filter").casefold()
        state = given.one_of(state, "the state", "", *KINDS)
        sort = given.one_of(sort, "the order", "", *_SORTS)
        descending, count = given.flag(descending, "descending"), given.number(count, "count")
        found = [
            one
            for one in self._states(context)
            if state in ("", one.kind) and (not needle or needle in _words(one))
        ]
        current = self.door.workspace.selected_session
        order = _SORTS.get(sort) or (
            lambda one: (one.session != current, not one.holders, not one.is_latest)
        )
        found.sort(key=order, reverse=descending)  # stable: by name where it says no more
        rows = [self._row(one) for one in found[:count]]
        if not (state or sort):  # what cannot be read is told last, and can be deleted
            unread = self._unread(context, needle)
            rows += [_unreadable(name) for name in unread][: count - len(rows)]
            return {"total": len(found) + len(unread), "rows": rows}
        return {"total": len(found), "rows": rows}

    def _unread(self, context: Context, needle: str) -> list[str]:
        read = {state.session.name for state in self._states(context)}
        there = [one.name for one in sessions.every(context)]
        return [name for name in there if name not in read and needle in name.casefold()]

    def _states(self, context: Context) -> list[State]:
        """All of them, as they were when something changed last; a thousand take a while."""
        as_of = context, self._revision(context), monotonic() // SETTLE_S
        if self._every[0] != as_of:
            self._every = as_of, ownership.states(context, settle=False)
        return list(self._every[1])

    def _more_contexts(self, *, text: str = "", count: int = PAGE) -> dict[str, Any]:
        """The first contexts by id; `text` stands in the name or the code root."""
        needle, count = given.text(text, "the filter").casefold(), given.number(count, "count")
        workspace = self.door.workspace
        current = workspace.selected_context
        found = [
            one
            for one in workspace.contexts_list()
            if not needle or needle in f"{one.name}\n{one.coderoot}".casefold()
        ]
        rows = [
            {
                "id": one.id,
                "name": one.name,
                "here": one == current,
                "sessions": len(one.sessions_list()),
                "code root": str(one.coderoot),
            }
            for one in found[:count]
        ]
        return {"total": len(found), "rows": rows}

    def _still_sessions(self, context: Context) -> Table:
        first = self._first(context)
        rows = tuple(
            (
                "▸" if row["here"] else "",
                row["name"],
                row["state"],
                ", ".join(one["label"] for one in row["holders"]),
                row["touched"],
                row["description"],
            )
            for row in first["rows"]
        )
        heads = ("", "session", "state", "who is on it", "last touched (UTC)", "description")
        return Table(heads, rows, title="sessions", limit=PAGE, total=first["total"])

    def _still_contexts(self) -> Table:
        page = self._more_contexts()
        rows = tuple(
            (
                "▸" if row["here"] else "",
                row["name"],
                str(row["id"]),
                str(row["sessions"]),
                row["code root"],
            )
            for row in page["rows"]
        )
        heads = ("", "context", "id", "sessions", "code root")
        return Table(heads, rows, title="contexts", limit=PAGE, total=page["total"])


_PATHS = ("code root", "home", "folder", "databases", "keys", "records")


def _name(context: Context) -> str:
    """As it is kept; as it was known last, where it cannot be read."""
    try:
        return context.config.name
    except HeroError:
        return context.name


def _secret(context: Context) -> dict[str, Any]:
    """Whether there is a secret, and what it is for."""
    secrets = context.secrets
    try:
        state = "none" if not secrets.is_set else "locked" if secrets.is_locked else "unlocked"
        encrypts = secrets.encrypts
    except SecretError as error:
        return {"secret": str(error.message), "encrypts": False}
    return {"secret": state, "encrypts": encrypts}


def _unreadable(name: str) -> dict[str, Any]:
    texts = dict.fromkeys(("start", "end", "touched", "description"), "")
    empty = {"here": False, "latest": False, "ephemeral": False, "holders": [], "size": 0, "env": 0}
    return {"name": name, "state": "unreadable", **texts, **empty}


def _words(state: State) -> str:
    said = (state.session.name, state.config.description, *map(described, state.holders))
    return "\n".join(said).casefold()


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"
