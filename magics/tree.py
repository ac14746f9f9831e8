"""Tree: contexts, their sessions, what is in the bound one, and for each the line about it."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hero_kernel import Params, contexts, leases, sessions
from hero_kernel.errors import BadNameError, HeroError
from magics import context as context_magic
from magics.expected import OPTION
from magics.holding import described
from magics.panels import views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hero_kernel import Context, Session, Workspace
    from hero_kernel.leases import Lease
    from magics.door import Door

PAGE = 200
"""So many nodes of a list are shown until more are asked for."""


@dataclass(frozen=True, slots=True)
class Node:
    """What one line of the tree shows.

    Attributes:
        id: Unique, and the same as long as it stands for the same thing.
        kind: What it is: context, session, group, env, param, database, key, config or action.
        label: Its name.
        detail: A few words behind the name.
        cell: The text of a cell about it; empty where no line can hold its name.
        children: What is in it.
        more: How many children there are beyond those.
        is_current: Whether the notebook is bound to it.
        switch: The text that binds the notebook to it, for sessions.
    """

    id: str
    kind: str
    label: str
    detail: str = ""
    cell: str = ""
    children: tuple[Node, ...] = ()
    more: int = 0
    is_current: bool = False
    switch: str = ""

    def told(self) -> dict[str, Any]:
        """As it is sent; what is empty is left out."""
        children = [one.told() for one in self.children]
        said = {
            "detail": self.detail,
            "cell": self.cell,
            "children": children,
            "more": self.more,
            "current": self.is_current,
            "switch": self.switch,
        }
        must = {"id": self.id, "kind": self.kind, "label": self.label}
        return must | {name: value for name, value in said.items() if value}


def tree(door: Door, shown: Mapping[str, int]) -> dict[str, Any]:
    """The contexts, by id, and what is in them; no value of anything.

    Args:
        door: The notebook's.
        shown: How many children are shown, by the id of a node; default `PAGE`. The list of
            contexts has the id `contexts`.

    Raises:
        StoreError: The store does not answer.
    """
    found = _Tree(door, shown).contexts()
    return {
        "nodes": [one.told() for one in found.children],
        "more": found.more,
        "other": "%hero_context NAME --new -s SESSION",
    }


class _Tree:
    """The tree of one moment."""

    def __init__(self, door: Door, shown: Mapping[str, int]) -> None:
        self.door = door
        self.workspace: Workspace = door.workspace
        self.bound = self.workspace.selected_session
        self._shown = shown
        self._verbs = (*context_magic.command(door).verbs, "help")

    def _most(self, id_: str) -> int:
        return self._shown.get(id_, PAGE)

    def _some(self, id_: str, every: Sequence[Any], make: Callable[[Any], Node]) -> dict[str, Any]:
        """As many children as are shown, and how many there are besides."""
        most = self._most(id_)
        children = tuple(make(one) for one in every[:most])
        return {"children": children, "more": max(0, len(every) - most)}

    def contexts(self) -> Node:
        """All of them."""
        there = self.workspace.contexts_list()
        named = list(zip(there, contexts.labels(there), strict=True))
        if self.bound is not None:  # it is seen, however many there are
            named.sort(key=lambda pair: pair[0] != self.bound.context)  # type: ignore[union-attr]  # said above
        here = self._some("contexts", named, lambda pair: self._context(*pair))
        return Node("contexts", "group", "contexts", **here)

    def _context(self, context: Context, label: str) -> Node:
        id_ = f"context:{context.id}"
        words = ["%hero_context", *(["use"] if label in self._verbs else []), label]
        try:
            children = self._sessions(id_, context, words)
        except HeroError as error:
            children = {"detail": error.message}
        return Node(
            id_,
            "context",
            label,
            **({"detail": f"id {context.id}"} | children),
            cell=line(*words),
            is_current=self.bound is not None and context == self.bound.context,
        )

    def _sessions(self, id_: str, context: Context, words: list[str]) -> dict[str, Any]:
        store = context.host.store
        latest = store.get(context.id, sessions.LATEST) or ""
        there: dict[str, list[Lease]] = {}
        for lease in leases.every(store, context.id):
            there.setdefault(lease.session, []).append(lease)

        def rank(session: Session) -> tuple[bool, ...]:
            is_bound, name = session == self.bound, session.name
            return (not is_bound, name != latest, sessions.is_for_a_run(name))

        every = sorted(context.sessions_list(), key=rank)
        return self._some(
            id_,
            every,
            lambda one: self._session(one, there.get(one.name, []), words, latest=latest),
        )

    def _session(
        self, session: Session, held: list[Lease], words: list[str], *, latest: str
    ) -> Node:
        id_ = f"session:{session.context.id}:{session.name}"
        is_bound = session == self.bound
        if is_bound and self.bound is not None:
            session = self.bound  # the object that has the playbook
        try:
            config = session.config
            live = leases.alive(held, session.context.host.now())
            detail = [self._who(one) for one in live] or [_kind(config, held)]
            detail += ["latest"] if session.name == latest else []
            detail += ["for one run"] if config.ephemeral else []
        except HeroError as error:
            detail = [error.message]
        cell = line(*words, "-s", session.name)
        return Node(
            id_,
            "session",
            session.name,
            ", ".join(detail),
            cell,
            children=tuple(self._inside(id_, session)) if is_bound else (),
            is_current=is_bound,
            switch=cell,
        )

    def _who(self, lease: Lease) -> str:
        hold = self.door.hold
        is_own = hold is not None and hold.lease.holder == lease.holder
        if is_own:
            return "this notebook"
        label = lease.label
        if label.startswith("/"):  # a notebook: there is little room, and its name says most
            lease = replace(lease, label=label.rsplit("/", 1)[-1])
        return f"on it: {described(lease)}"

    def _inside(self, id_: str, session: Session) -> Iterator[Node]:
        """What the bound session, and its context, hold."""
        groups: tuple[tuple[str, str, Callable[[str], dict[str, Any]]], ...] = (
            ("variables", _panel("env", "%hero_env"), lambda one: self._env(one, session)),
            ("parameters", "%hero_param", lambda one: self._params(one, session)),
            ("databases", _panel("db", "%hero_db list"), lambda one: self._databases(one, session)),
            (
                "config files",
                _panel("config", "%hero_config"),
                lambda one: self._configs(one, session),
            ),
            (
                "playbook",
                _panel("playbook", "%heroscript --runs"),
                lambda one: self._playbook(one, session),
            ),
        )
        for label, cell, look in groups:
            own = f"{id_}:{label}"
            try:
                found = look(own)
            except HeroError as error:  # the others can be seen all the same
                found = {"detail": error.message}
            total = len(found.get("children", ())) + found.get("more", 0)
            yield Node(own, "group", label, cell=cell, **({"detail": str(total)} | found))

    def _env(self, id_: str, session: Session) -> dict[str, Any]:
        return self._some(
            id_,
            sorted(session.config.env),
            lambda key: Node(f"{id_}:{key}", "env", key, cell=line("%hero_env", "get", key)),
        )

    def _params(self, id_: str, session: Session) -> dict[str, Any]:
        return self._some(
            id_,
            sorted(Params.from_text(session.config.params)),
            lambda key: Node(f"{id_}:{key}", "param", key, cell=line("%hero_param", "get", key)),
        )

    def _databases(self, id_: str, session: Session) -> dict[str, Any]:
        own = ""
        with suppress(BadNameError):  # herolib may have made a name that no database can have
            own = sessions.database(session.name)
        there = sorted(session.context.dbcollection().list(), key=lambda name: name != own)
        return self._some(id_, there, lambda name: self._database(id_, session, name, own))

    def _database(self, id_: str, session: Session, name: str, own: str) -> Node:
        here = session.context.dbcollection().get(name)
        id_ = f"{id_}:{name}"
        cell = "%hero_db" if name == own else line("%hero_db", "-d", name)
        more = [] if name == own else ["-d", name]
        try:
            most = self._most(id_)
            keys = [key for (key,) in here.page("key", "", None, most, descending=False)]
            total = here.count("") if len(keys) == most else len(keys)
        except HeroError as error:  # the others can be seen all the same
            return Node(id_, "database", name, error.message, cell)
        finally:
            here.close()
        children = tuple(
            Node(f"{id_}:{key}", "key", key, cell=line("%hero_db", "get", *more, key))
            for key in keys
        )
        said = f"{total:,} key{'' if total == 1 else 's'}"
        return Node(id_, "database", name, said, cell, children, total - len(keys))

    def _configs(self, id_: str, session: Session) -> dict[str, Any]:
        return self._some(
            id_,
            session.context.config_files().list(),
            lambda pair: Node(
                f"{id_}:{pair[0]}__{pair[1]}",
                "config",
                " ".join(pair),
                cell=line("%hero_config", "get", *pair),
            ),
        )

    def _playbook(self, id_: str, session: Session) -> dict[str, Any]:
        """What waits; its parameters may hold anything, so only names are told."""
        waiting = [one.full_name for one in session.plbook.actions if not one.done]
        numbered = list(enumerate(waiting))
        found = self._some(
            id_,
            numbered,
            lambda pair: Node(
                f"{id_}:{pair[0]}", "action", pair[1], cell=line("%hero_help", f"!!{pair[1]}")
            ),
        )
        return found | {"detail": f"{len(waiting)} waiting"}


def _panel(kind: str, otherwise: str) -> str:
    """The line that shows a panel, where there is such a panel."""
    return f"%hero_panel {kind}" if kind in views.KINDS else otherwise


def line(magic: str, *words: str) -> str:
    """The line of a magic with words that may be names; empty where no line can hold one of them.

    Names that begin with a dash stand last, behind `--`; those that a magic takes for a question
    or an option even there cannot be written.
    """
    last = words[-1] if words else ""
    names = [*words[:-1]] + (["--", last] if last.startswith("-") else [last] if last else [])
    never = ("-h", "--help", "--", OPTION)
    if not all(map(str.isprintable, words)) or last.partition("=")[0] in never:
        return ""
    return " ".join([magic, *map(shlex.quote, names)])


def _kind(config: Any, held: Iterable[Lease]) -> str:
    """`open`, `ended`, or `killed`: its holders are gone, and nobody has written that down yet."""
    gone = any(not one.taken_by for one in held)
    if config.is_killed or (gone and not config.end):
        return "killed"
    return "ended" if config.end else "open"
