"""Action: one thing to do, with its parameters and where it was written."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import BadNameError, HeroscriptError
from hero_kernel.heroscript.escapes import comment_text
from hero_kernel.heroscript.names import action_name_fix
from hero_kernel.heroscript.params import Params
from hero_kernel.heroscript.quick import LINES, quick_params
from hero_kernel.heroscript.render import action_text
from hero_kernel.heroscript.scan import Scanned, scan
from hero_kernel.heroscript.source import check_characters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hero_kernel.heroscript.source import Place, Source

PRIORITY = 99
"""The priority of an action nobody gave another one."""


class Kind(StrEnum):
    """What an action is for, told by the number of its exclamation marks."""

    DAL = "dal"
    SAL = "sal"
    MACRO = "macro"
    WAL = "wal"

    @property
    def bangs(self) -> str:
        """The exclamation marks it is written with."""
        return "!" * (KINDS.index(self) + 1)


KINDS = (Kind.DAL, Kind.SAL, Kind.MACRO, Kind.WAL)


class Action:
    """One action. `id`, `priority`, `done` and `result` may be set; the rest is read only.

    Equal actions have the same actor, name, kind, comments and parameters.

    Args:
        full_name: `actor.name`, or a name alone for the actor `core`.
        params: Texts by key; see `Params`. `id` is reserved and left out.
        args: Bare words, when `params` is not a `Params` already.
        comments: Lines for people before the action; blanks and slashes around each are trimmed.
    """

    __slots__ = (
        "_comments",
        "_floor",
        "_params",
        "_start",
        "actor",
        "done",
        "id",
        "kind",
        "name",
        "priority",
        "result",
        "source",
    )

    def __init__(
        self,
        full_name: str,
        params: Mapping[str, Any] | None = None,
        *,
        args: Iterable[str] = (),
        kind: Kind | str = Kind.SAL,
        comments: str = "",
        id: int = 0,
        priority: int = PRIORITY,
    ) -> None:
        try:
            self.actor, self.name = split_name(full_name)
        except ValueError as error:
            raise BadNameError(str(error)) from None
        if not isinstance(params, Params) or args:
            params = Params(params or {}, args=args)
        self.kind = Kind(kind)
        self.id = id
        self.priority = priority
        self.done = False
        self.result: Any = None
        self.source: Source | None = None
        self._params: Any = params.without("id") if "id" in params else params
        self._comments: str | None = comment_text(comments)
        self._start = 0
        self._floor = 0

    @property
    def params(self) -> Params:
        """What the action was given; raises HeroscriptError if its text is bad and not yet read."""
        params = self._params
        if type(params) is not Params:
            params = self._params = self._read_params(params)
        return params

    def _read_params(self, found: Any) -> Params:
        """Params of what the parser left: nothing, a careful scan, or what the shortcut found."""
        source = self.source
        assert source is not None  # noqa: S101 - else the params were given
        origin = (source, self._start, True)
        if found is None:
            lines = LINES.match(source.text, self._start)
            found = (lines and quick_params(lines[0], source.keys)) or scan(source, self._start)
            end = found.end if isinstance(found, Scanned) else lines.end() if lines else None
            check_characters(source, self._start, end)
        if isinstance(found, Scanned):
            if found.fault is not None:
                raise found.fault
            found.values.pop("id", None)
            found.comments.pop("id", None)
            return Params._make(found.values, tuple(found.args), origin, found)
        values, args = found if isinstance(found, tuple) else (found, ())
        return Params._make(values, args, origin, None)

    @property
    def comments(self) -> str:
        """The comment lines directly before the action, without their slashes."""
        if self._comments is None:
            self._comments = self._read_comments()
        return self._comments

    def _read_comments(self) -> str:
        source = self.source
        if source is None:
            return ""
        text = source.text
        start = text.rfind("\n", 0, self._start)
        lines: list[str] = []
        while start > self._floor:
            end, start = start, text.rfind("\n", 0, start)
            line = text[max(start + 1, self._floor) : end]
            if line.startswith("//"):
                lines.append(line)
            elif (rest := line.strip()) and not rest.startswith("!["):
                break
        return comment_text("\n".join(reversed(lines)))

    @property
    def full_name(self) -> str:
        """`actor.name`."""
        return f"{self.actor}.{self.name}"

    @property
    def place(self) -> Place | None:
        """The place of the first exclamation mark; None when built in Python."""
        return None if self.source is None else self.source.place(self._bang())

    @property
    def where(self) -> str:
        """The place as text; empty when built in Python."""
        return "" if self.source is None else self.source.label(self._bang())

    def _bang(self) -> int:
        text = self.source.text if self.source is not None else ""
        return text.find("!", text.rfind("\n", 0, self._start) + 1)

    @property
    def span(self) -> tuple[int, int]:
        """Where it stands in its source's text: from the beginning of its line to its end.

        (0, 0) when it was built in Python.
        """
        if self.source is None:
            return 0, 0
        begin = self.source.text.rfind("\n", 0, self._start) + 1
        return begin, scan(self.source, self._start).end

    def place_of(self, key: str) -> Place | None:
        """The place of a key, or the action's own when that is not known."""
        try:
            return self.params.key_place(key) or self.place
        except HeroscriptError:
            return self.place

    def heroscript(self) -> str:
        """The action as text, with its comments, ending in a newline."""
        return action_text(self)

    def hashkey(self) -> str:
        """BLAKE2b-160 in hex, equal for equal actions but for comments.

        Upstream hashes the text with the running id in it, so that moving an action changes
        its hash; here neither id nor comments count.
        """
        from hashlib import blake2b  # noqa: PLC0415 - seldom needed

        params = self.params
        in_order = Params({key: params[key] for key in sorted(params)}, args=params.args)
        text = f"{self.kind.bangs}{self.full_name} {in_order.heroscript()}"
        return blake2b(text.encode(), digest_size=20).hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Action):
            return NotImplemented
        return (
            self.actor == other.actor
            and self.name == other.name
            and self.kind is other.kind
            and self.comments == other.comments
            and self.params == other.params
        )

    __hash__ = None  # type: ignore[assignment]  # what it is equal to does not cover its state

    def __repr__(self) -> str:
        where = f" at {self.place}" if self.source is not None else ""
        return f"<Action {self.kind.bangs}{self.full_name}{where}>"


def split_name(written: str) -> tuple[str, str]:
    """Actor and name of what stands behind the exclamation marks; ValueError for three parts."""
    parts = written.split(".")
    if len(parts) > 2:  # noqa: PLR2004 - actor and name
        raise ValueError(f"{written} has {len(parts)} parts")
    actor, name = parts if len(parts) == 2 else ("core", written)  # noqa: PLR2004 - actor and name
    return action_name_fix(actor), action_name_fix(name)
