"""Context: a named workspace with an id, kept in the store's database of that number."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from random import random
from time import sleep
from typing import TYPE_CHECKING, Any, Protocol

from hero_kernel import files, names
from hero_kernel.errors import (
    ContextError,
    ContextExistsError,
    ContextNotFoundError,
    CorruptRecordError,
    did_you_mean,
)
from hero_kernel.heroscript import Params
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hero_kernel.playbook import Playbook
    from hero_kernel.report import Report
    from hero_kernel.sessions import Session
    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime

KEY = "context:config"
"""The record's key, the same in every database; herolib's."""

DEFAULT = "default"
"""The name of context 0, which exists without being made."""


class Host(Protocol):
    """What contexts and sessions stand on, and what they hand upward; a `Workspace` is one."""

    @property
    def store(self) -> Store:
        """Where records are kept."""

    @property
    def home(self) -> Path:
        """Where files are kept."""

    @property
    def coderoot(self) -> Path:
        """Where code is checked out when a context names no place."""

    def now(self) -> OurTime:
        """The time, to the second."""

    def session_new(self, *, context: Context, name: str, **options: Any) -> Session:
        """Create or resume a session."""

    def session_get(self, name: str = "", *, context: Context) -> Session:
        """The session of that name, or the latest."""

    def sessions_list(self, *, context: Context) -> list[Session]:
        """The context's sessions."""

    def session_exists(self, name: str, *, context: Context) -> bool:
        """Whether there is a session of that name."""

    def session_delete(self, name: str, *, context: Context, files: bool) -> None:
        """Delete a session."""

    def run(self, session: Session, playbook: Playbook, **options: Any) -> Report:
        """Carry a playbook out."""


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """The record at `context:config`: herolib's nine fields in its order, then unknown ones.

    Attributes:
        id: The database number.
        name: Unique, and the name of the context's folder.
        params: Parameter text, as in an action.
        coderoot: Where code is checked out; empty for the default.
        interactive: Whether questions may be asked.
        secret: 32 hex characters, or empty.
        priv_key: An encrypted key, or empty.
        db_path: Where databases are kept; empty for the default.
        encrypt: Whether values are encrypted.
        extra: Fields of other programs or versions, kept as they are.
    """

    id: int
    name: str = DEFAULT
    params: str = ""
    coderoot: str = ""
    interactive: bool = False
    secret: str = field(default="", repr=False)
    priv_key: str = field(default="", repr=False)
    db_path: str = ""
    encrypt: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, text: str, where: str) -> ContextConfig:
        """Read the record.

        Raises:
            CorruptRecordError: It cannot be read, or has no id.
        """
        found = record.decode(text, where, _DEFAULTS)
        if found["id"] < 0:
            raise CorruptRecordError(f"{where} has no id", hint="mend or delete it")
        known = {name: found.pop(name) for name in _DEFAULTS}
        return cls(**known, extra=found)

    def text(self) -> str:
        """The record as it is written."""
        known = {name: getattr(self, name) for name in _DEFAULTS}
        return record.encode_pretty(known | dict(self.extra))


_DEFAULTS: dict[str, Any] = {
    one.name: -1 if one.name == "id" else one.default
    for one in fields(ContextConfig)
    if one.name != "extra"
}


class Context:
    """A context in the store; what it answers is read there, so another kernel's change shows.

    Attributes:
        id: The database number its records are in.
        name: Unique among contexts; the name of its folder.
    """

    def __init__(self, host: Host, context_id: int, name: str) -> None:
        self.host = host
        self.id = context_id
        self.name = name

    def __repr__(self) -> str:
        return f"<Context {self.guid}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Context)
            and (self.id, self.name) == (other.id, other.name)
            and self.host is other.host
        )

    def __hash__(self) -> int:
        return hash((self.id, self.name))

    @property
    def guid(self) -> str:
        """`id:name`."""
        return f"{self.id}:{self.name}"

    @property
    def config(self) -> ContextConfig:
        """The record as it is now.

        Raises:
            ContextNotFoundError: It was deleted.
        """
        text = self.host.store.get(self.id, KEY)
        if text is None:
            raise _lost(self)
        return ContextConfig.read(text, _where(self.host, self.id))

    @property
    def path(self) -> Path:
        """`HERO_HOME/context/$name`; not created by asking."""
        return self.host.home / "context" / self.name

    @property
    def coderoot(self) -> Path:
        """Where code is checked out: as configured, else the workspace's; `~` expanded."""
        configured = self.config.coderoot
        return Path(configured).expanduser() if configured else self.host.coderoot

    @property
    def interactive(self) -> bool:
        """Whether questions may be asked; setting it is kept."""
        return self.config.interactive

    @interactive.setter
    def interactive(self, value: bool) -> None:
        self.configure(interactive=value)

    @property
    def encrypt(self) -> bool:
        """Whether values are encrypted."""
        return self.config.encrypt

    @property
    def params(self) -> Params:
        """The context's parameters.

        Raises:
            HeroscriptError: What is kept does not parse.
        """
        return Params.from_text(self.config.params)

    def params_set(self, values: Mapping[str, str]) -> Params:
        """Merge parameters into the kept ones, in one step; all of them afterwards."""
        return self._change_params(lambda params: params.with_params(values))

    def params_delete(self, key: str) -> Params:
        """Delete a parameter, in one step; those that are left."""
        return self._change_params(lambda params: params.without(key))

    def _change_params(self, change: Callable[[Params], Params]) -> Params:
        config = self._update(
            lambda old: replace(old, params=change(Params.from_text(old.params)).heroscript())
        )
        return Params.from_text(config.params)

    def configure(self, *, coderoot: str | None = None, interactive: bool | None = None) -> None:
        """Change what is given, in one step."""
        given = {"coderoot": coderoot, "interactive": interactive}
        given = {name: value for name, value in given.items() if value is not None}
        self._update(lambda old: replace(old, **given))  # type: ignore[arg-type]  # by name

    def _update(self, change: Callable[[ContextConfig], ContextConfig]) -> ContextConfig:
        where = _where(self.host, self.id)

        def step(text: str | None) -> str:
            if text is None:
                raise _lost(self)
            return change(ContextConfig.read(text, where)).text()

        text = self.host.store.update(self.id, KEY, step)
        return ContextConfig.read(text or "", where)

    def load(self) -> Context:
        """Check that the context is still there, and finish what a killed rename left undone."""
        _settle(self, self.config)
        return self

    def save(self) -> None:
        """Make sure that the record is there; changes are written when they are made.

        Raises:
            ContextNotFoundError: It was lost, and is not made up again.
        """
        _ = self.config

    def rename(self, name: str) -> Context:
        """Give the context another name, in its record and on its folder; this object follows.

        Killed half-way, the next `load` or `context_get` moves the folder.

        Raises:
            BadNameError: The name cannot name a context.
            ContextExistsError: Another context has it.
        """
        new = names.canonical(name, "context")
        if new == self.name:
            return self
        if self.id == 0:
            raise ContextError("the default context keeps its name", hint="create another one")
        _refuse_taken(self.host, new, but=self.id)
        config = self._update(
            lambda old: replace(old, name=new, extra={**old.extra, _MOVING: self.name})
        )
        self.name = new
        _settle(self, config)
        return self

    def session_new(self, name: str = "", **options: Any) -> Session:
        """Create or resume a session here; see `hero_kernel.session_new`."""
        return self.host.session_new(context=self, name=name, **options)

    def session_get(self, name: str = "") -> Session:
        """The session of that name; without one, the latest; see `sessions.get`."""
        return self.host.session_get(name, context=self)

    def session_latest(self) -> Session:
        """The session created or resumed last; a new one when there is none."""
        return self.host.session_get(context=self)

    def sessions_list(self) -> list[Session]:
        """The context's sessions, by name."""
        return self.host.sessions_list(context=self)

    def session_exists(self, name: str) -> bool:
        """Whether there is a session of that name."""
        return self.host.session_exists(name, context=self)

    def session_delete(self, name: str, *, files: bool = False) -> None:
        """Delete a session; see `sessions.delete`."""
        self.host.session_delete(name, context=self, files=files)


_MOVING = "renamed_from"
"""A field that stands in a record while its folder waits to be moved."""


def new(
    host: Host,
    name: str = "",
    context_id: int | None = None,
    *,
    exist_ok: bool = True,
    reset: bool = False,
    **given: Any,
) -> Context:
    """Create a context, or resume the one of that name or id.

    Args:
        host: What the context stands on.
        name: Default: `default`, or with an id the name of the context that has it.
        context_id: Default: the one the name has, 0 for `default`, else the lowest free from 1.
        exist_ok: Whether resuming is allowed.
        reset: Settings and parameters start over; sessions stay.
        given: Fields of the record to write, also when resuming; None leaves one as it is.

    Raises:
        BadNameError: The name cannot name a context.
        ContextExistsError: The id has another name, the name has another id, or it exists and
            may not.
    """
    given = {key: value for key, value in given.items() if value is not None}
    if not name and context_id is not None and (text := host.store.get(context_id, KEY)):
        name = ContextConfig.read(text, _where(host, context_id)).name
    wanted = names.canonical(name or DEFAULT, "context")
    for _ in range(_ATTEMPTS):
        found = _find(host, wanted, context_id)
        if found is not None:
            if not exist_ok:
                raise ContextExistsError(
                    f"context {found.guid} exists", hint="leave out exist_ok=False to resume it"
                )
            if reset:
                fresh = ContextConfig(id=found.id, name=found.name, **given)
                found._update(lambda _, fresh=fresh: fresh)  # type: ignore[misc]  # noqa: SLF001  # same room
            elif given:
                found._update(lambda old: replace(old, **given))  # noqa: SLF001  # same room
            return found
        free = context_id if context_id is not None else _free_id(host, wanted)
        config = ContextConfig(id=free, name=wanted, **given)
        if host.store.create(free, KEY, config.text()):
            if _taken_elsewhere(host, wanted, free) is None:
                return Context(host, free, wanted)
            host.store.delete(free, KEY)  # two kernels took the same name at once: both step back
        sleep(random() * _STEP_BACK_S)  # noqa: S311  # spreads two kernels, guards nothing
    raise ContextError(f"context {wanted} is being created elsewhere", hint="try again")


_ATTEMPTS = 50
_STEP_BACK_S = 0.02


def _find(host: Host, name: str, context_id: int | None) -> Context | None:
    """The context that answers to both, None when neither is taken."""
    if context_id is not None:
        text = host.store.get(context_id, KEY)
        if text is not None:
            config = ContextConfig.read(text, _where(host, context_id))
            if config.name != name:
                raise ContextExistsError(
                    f"context id {context_id} is {config.name!r}, not {name!r}",
                    hint="choose another id, or leave it out",
                )
            return Context(host, context_id, name)
        _refuse_taken(host, name, but=context_id)
        return None
    taken = _taken_elsewhere(host, name, -1)
    return None if taken is None else Context(host, taken, name)


def _refuse_taken(host: Host, name: str, *, but: int) -> None:
    taken = _taken_elsewhere(host, name, but)
    if taken is not None:
        raise ContextExistsError(
            f"context {name!r} has id {taken}", hint="choose another name, or leave out the id"
        )


def _taken_elsewhere(host: Host, name: str, but: int) -> int | None:
    return next((i for i, config in _readable(host) if config.name == name and i != but), None)


def _free_id(host: Host, name: str) -> int:
    if name == DEFAULT:
        return 0
    taken = set(host.store.numbers())  # a database with foreign records is not free
    free = next(number for number in range(1, len(taken) + 2) if number not in taken)
    if free >= host.store.limit():
        raise ContextError(
            f"all {host.store.limit()} context ids of {host.store.address} are taken",
            hint="delete a context, or raise `databases` in redis.conf",
        )
    return free


def get(host: Host, id_or_name: int | str) -> Context:
    """The context with that id or name; `default` (0) is made when it is not there.

    A name that two contexts have (herolib wrote such) means the lower id; the other is
    `name@id`.

    Raises:
        ContextNotFoundError: There is none.
        CorruptRecordError: There is none of that name, but one whose record cannot be read.
    """
    if isinstance(id_or_name, str) and id_or_name.isdecimal() and id_or_name.isascii():
        id_or_name = int(id_or_name)
    if isinstance(id_or_name, int):
        context = _by_id(host, id_or_name)
    else:
        context = _by_name(host, id_or_name)
    return context.load()


def _by_id(host: Host, context_id: int) -> Context:
    text = host.store.get(context_id, KEY)
    if text is not None:
        config = ContextConfig.read(text, _where(host, context_id))
        return Context(host, context_id, _folder_name(config, context_id))
    if context_id == 0:
        return new(host)
    raise ContextNotFoundError(f"there is no context with id {context_id}", hint=_known(host))


def _by_name(host: Host, name: str) -> Context:
    base, _, number = name.rpartition("@")
    if base and number.isdecimal():
        context = _by_id(host, int(number))
        if names.canonical(base, "context") == context.name.lower():
            return context
    wanted = name.strip()
    damaged: list[CorruptRecordError] = []
    for context_id, config in _readable(host, damaged):
        if config.name in (wanted, wanted.lower()):
            return Context(host, context_id, _folder_name(config, context_id))
    wanted = names.canonical(name, "context")
    taken = _taken_elsewhere(host, wanted, -1)
    if taken is not None:
        return Context(host, taken, wanted)
    if wanted == DEFAULT:
        return new(host)
    if damaged:
        raise damaged[0]
    raise ContextNotFoundError(f"there is no context {wanted!r}", hint=_known(host, wanted))


def _known(host: Host, near: str = "") -> str:
    there = did_you_mean(near, [config.name for _, config in _readable(host)])
    return there or "create it with context_new"


def every(host: Host) -> list[Context]:
    """Every context whose record can be read, by id; the second of a name as `name@id`."""
    return [Context(host, i, _folder_name(config, i)) for i, config in _readable(host)]


def labels(contexts: list[Context]) -> list[str]:
    """What to call each of them: the name, `name@id` where an earlier one has it."""
    seen: set[str] = set()
    found = []
    for context in contexts:
        found.append(f"{context.name}@{context.id}" if context.name in seen else context.name)
        seen.add(context.name)
    return found


def delete(host: Host, context: Context, *, with_files: bool, with_db: bool, force: bool) -> None:
    """Delete the record and every session's; other programs' keys in the database stay.

    Raises:
        ContextError: It is the default context, and not forced.
    """
    if context.id == 0 and not force:
        raise ContextError("the default context is not deleted by accident", hint="force=True")
    store = host.store
    for key in store.scan(context.id, "sessions:"):
        store.delete(context.id, key)
    store.delete(context.id, KEY)
    if with_files:
        files.remove(host.home, context.path)
    if with_db:
        files.remove(host.home, host.home / "db" / str(context.id))


def _readable(
    host: Host, damaged: list[CorruptRecordError] | None = None
) -> Iterator[tuple[int, ContextConfig]]:
    for context_id in host.store.numbers():
        try:
            text = host.store.get(context_id, KEY)
            if text is not None:
                yield context_id, ContextConfig.read(text, _where(host, context_id))
        except CorruptRecordError as error:
            if damaged is not None:
                damaged.append(error)


def _folder_name(config: ContextConfig, context_id: int) -> str:
    if not names.is_safe_folder(config.name):
        raise CorruptRecordError(
            f"context {context_id} is called {config.name!r}, which cannot be a folder",
            hint="rename it where it was made",
        )
    return config.name


def _settle(context: Context, config: ContextConfig) -> None:
    """Move the folder of a renamed context, then forget the old name."""
    old = config.extra.get(_MOVING)
    if not isinstance(old, str):
        return
    if names.is_safe_folder(old) and _taken_elsewhere(context.host, old, context.id) is None:
        files.move(context.host.home / "context" / old, context.path)
    context._update(  # noqa: SLF001  # same room
        lambda c: replace(c, extra={k: v for k, v in c.extra.items() if k != _MOVING})
    )


def _where(host: Host, context_id: int) -> str:
    return f"{KEY} of context {context_id} in {host.store.address}"


def _lost(context: Context) -> ContextNotFoundError:
    return ContextNotFoundError(
        f"context {context.guid} is no longer in {context.host.store.address}",
        hint="it was deleted or the store was emptied; create it again with context_new",
    )
