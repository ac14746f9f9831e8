"""Connection: what front ends are told of the notebook while it is used, and what they may ask.

It answers on whatever thread the front end's message comes in, beside a cell that runs. Nothing
is bound, created, unlocked or asked for.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from hero_kernel import default
from hero_kernel.errors import HeroError, UsageError
from magics.comms import beside_cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.secrets import Secrets
    from magics.door import Door

TARGET = "hero.context"
"""The comm's target, and its id too: a front end need not ask a busy kernel for it."""

MOST = 100_000
"""So many nodes of one list may be asked for."""

_log = logging.getLogger(__name__)


class Connection:
    """The comm of one kernel, with every front end that looks at it.

    Front ends send `{"kind": "request_state"}`, answered by `state`, and `{"kind":
    "request_tree", "shown": {node: count}}`, answered by `magics.tree.tree`. An `id` in a request
    stands in its answer, and `kind` is the request's without `request_`. A request that cannot be
    answered gets `{"kind": "error", "error", "hint"}`. Unasked they hear the state when it is
    another one, and `{"kind": "changed"}` when the tree may be, as long as somebody asks for it.

    Attributes:
        looked_s: When the tree was asked for last, by the monotonic clock.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._comm: Any = None
        self._told: tuple[object, ...] = ()
        self._is_heard = False
        self._seen: object = None
        self.looked_s = 0.0

    def open(self) -> None:
        """Let front ends know of it, and begin to listen."""
        from comm import create_comm  # noqa: PLC0415  # kernels have loaded it, consoles need not

        self._comm = create_comm(target_name=TARGET, comm_id=TARGET)
        self._listen(self._comm)
        self._door.on_bound = self.tell_change
        self._door.shell.events.register("post_run_cell", self.tell_change)

    def close(self) -> None:
        """Say goodbye to the front ends."""
        self._door.on_bound = None
        with suppress(ValueError):  # the user may have taken it back himself
            self._door.shell.events.unregister("post_run_cell", self.tell_change)
        self._comm.on_close(None)
        self._comm.close()

    def _listen(self, comm: Any) -> None:
        comm.on_msg(self._hear)
        comm.on_close(self._closed)
        beside_cells(comm)

    def _closed(self, _: object) -> None:
        """One front end closed what is for all of them: go on."""
        from comm import create_comm, get_comm_manager  # noqa: PLC0415  # as above

        self._comm = create_comm(target_name=TARGET, comm_id=TARGET, primary=False)
        get_comm_manager().register_comm(self._comm)
        self._listen(self._comm)

    def tell_change(self, _: object = None) -> None:
        """Send the state if it is another one than was sent last; costs a microsecond if not."""
        facts = self._facts()
        if facts != self._told:
            self._told = facts
            if self._is_heard:
                self._send(self.state())

    def tell(self) -> None:
        """Say that the tree may have changed if anything of the bound context has."""
        seen = _revision()
        if seen != self._seen:
            self._seen = seen
            self._send({"kind": "changed"})

    def _facts(self) -> tuple[object, ...]:
        """What the state is made of, as far as it costs next to nothing to ask."""
        workspace = default.built()
        if workspace is None:
            return ()
        session, known = workspace.selected_session, len(workspace.actors)
        if session is None:
            return (known,)
        context, door = session.context, self._door
        is_locked = context.secrets.is_locked
        return (
            (session.name, context.name, context.id),
            (door.how, door.docs_asked, is_locked, known),
        )

    def state(self) -> dict[str, Any]:
        """What the notebook is bound to, for the line that always shows it.

        `bound` tells whether it is; else the names are empty. `secrets` is none, locked or
        unlocked. `actors` are those that make a bare cell heroscript, where they are loaded, and
        `panel` is the text of a cell with panels.
        """
        workspace, door = default.built(), self._door
        session = None if workspace is None else workspace.selected_session
        docs = False
        with suppress(HeroError):  # every magic tells that the setting is wrong
            docs = door.docs
        context = None if session is None else session.context
        return {
            "kind": "state",
            "bound": session is not None,
            "context": "" if context is None else context.name,
            "context_id": None if context is None else context.id,
            "session": "" if session is None else session.name,
            "how": "" if session is None else door.how or "selected",
            "docs": docs,
            "secrets": "none" if context is None else _secrets(context.secrets),
            "actors": [] if workspace is None else workspace.actors.known(),
            "panel": "%hero_panel",
        }

    def _hear(self, message: Mapping[str, Any]) -> None:
        """Answer a message; whatever it holds, nothing is raised."""
        given = message.get("content", {}).get("data")
        asked: Mapping[str, Any] = given if isinstance(given, dict) else {}
        number = asked.get("id")
        more = {"id": number} if isinstance(number, int | str) else {}
        try:
            answer = self._answer(asked)
        except HeroError as error:
            answer = {"error": error.message, "hint": error.hint}
        except Exception as error:  # noqa: BLE001  # the page shows it; nobody else would
            _log.exception("a front end could not be answered")
            answer = {"error": f"{type(error).__name__}: {error}", "hint": ""}
        if "error" in answer:
            mask = self._door.redactor.mask
            answer = {"kind": "error"} | {key: mask(text) for key, text in answer.items()}
        self._send(answer | more)

    def _answer(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        kind = asked.get("kind")
        if kind == "request_state":
            self._is_heard, self._told = True, self._facts()
            return self.state()
        if kind == "request_tree":
            from magics.tree import tree  # noqa: PLC0415  # it brings every room along

            self._is_heard, self.looked_s = True, monotonic()
            self._seen = self._seen or _revision()
            self._door.watching.add(self)
            return {"kind": "tree", **tree(self._door, _counts(asked.get("shown", {})))}
        raise UsageError(
            f"{kind!r:.40} is nothing to ask for", hint="ask for request_state or request_tree"
        )

    def _send(self, data: dict[str, Any]) -> None:
        self._comm.send(data)


def _counts(given: object) -> dict[str, int]:
    """How many nodes are shown of which lists.

    Raises:
        UsageError: It does not say that.
    """
    fits = isinstance(given, dict) and all(
        isinstance(key, str) and type(count) is int and 0 < count <= MOST
        for key, count in given.items()
    )
    if not fits:
        raise UsageError(
            "shown does not say how many nodes to show", hint=f"give numbers up to {MOST} by node"
        )
    return dict(given)  # type: ignore[call-overload, no-any-return]  # seen above


def _revision() -> object:
    """What is another value after every change in the bound context; None while nothing is."""
    workspace = default.built()
    session = None if workspace is None else workspace.selected_session
    if workspace is None or session is None:
        return None
    return session.context.id, workspace.store.revision(session.context.id)


def _secrets(secrets: Secrets) -> str:
    if not secrets.is_set:
        return "none"
    return "locked" if secrets.is_locked else "unlocked"
