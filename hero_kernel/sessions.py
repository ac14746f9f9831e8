"""Session: a place to run in, inside a context; what it holds survives the process."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Self

from hero_kernel import files, names, runs, times
from hero_kernel.errors import (
    BadNameError,
    EnvKeyError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
    did_you_mean,
)
from hero_kernel.heroscript import Params
from hero_kernel.playbook import DEFAULT_PRIORITY, Playbook
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from hero_kernel.contexts import Context
    from hero_kernel.heroscript import Action
    from hero_kernel.report import Report
    from hero_kernel.times import OurTime

PREFIX = "sessions:config:"
"""A session's record is at this and its name; herolib's."""

LATEST = "sessions:config:latest"
"""The bare name of the session created or resumed last; so no session may be called `latest`."""

SHORTEST_NAME = 3
"""herolib's rule."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The record of a session: herolib's four fields in its order, then ours, then unknown ones.

    Attributes:
        name: Unique in the context.
        start: When it was created, `YYYY-MM-DD HH:mm:ss` UTC; herolib leaves out the seconds.
        description: For people.
        params: Parameter text, as in an action.
        interactive: Whether questions may be asked.
        end: When it was closed; empty while it is open.
        env: Its environment variables.
        notebook: The file of the notebook it was made for; empty when it was named by hand.
        extra: Fields of other programs or versions, kept as they are.
    """

    name: str
    start: str = ""
    description: str = ""
    params: str = ""
    interactive: bool = True
    end: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    notebook: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, text: str, where: str) -> SessionConfig:
        """Read the record.

        Raises:
            CorruptRecordError: It cannot be read.
        """
        found = record.decode(text, where, _DEFAULTS)
        known = {name: found.pop(name) for name in _DEFAULTS}
        known["params"] = _recovered(known["params"])
        known["env"] = {str(key): str(value) for key, value in known["env"].items()}
        return cls(**known, extra=found)

    def text(self) -> str:
        """The record as it is written."""
        known = {name: getattr(self, name) for name in _DEFAULTS}
        return record.encode(known | {"env": dict(self.env)} | dict(self.extra))


_DEFAULTS: dict[str, Any] = {
    one.name: {"name": "", "env": {}}.get(one.name, one.default)
    for one in fields(SessionConfig)
    if one.name != "extra"
}

_DUMPED_PARAMS = re.compile(r"\S*Params\{")
_DUMPED_PAIR = re.compile(r"key: '([^'\n]*)'\s*\n\s*value: '([^'\n]*)'")


def _recovered(params: str) -> str:
    """The parameters in a record that herolib garbled by dumping its own struct."""
    if not _DUMPED_PARAMS.match(params):
        return params
    return Params(dict(_DUMPED_PAIR.findall(params))).heroscript()


class Session:
    """A session in the store; what it answers is read there, so another kernel's change shows.

    As a context manager it is closed at the end of the block.

    Attributes:
        context: The context it is in.
        name: Unique in the context.
        plbook: The actions queued here; of this object, not kept.
    """

    def __init__(self, context: Context, name: str) -> None:
        self.context = context
        self.name = name
        self.plbook = Playbook()
        self.on_progress: Callable[[str, float | None], None] | None = None

    def __repr__(self) -> str:
        return f"<Session {self.guid}>"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Session) and self.name == other.name and self.context == other.context
        )

    def __hash__(self) -> int:
        return hash((self.context, self.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def guid(self) -> str:
        """`context id:context name:name`."""
        return f"{self.context.guid}:{self.name}"

    @property
    def config(self) -> SessionConfig:
        """The record as it is now.

        Raises:
            SessionNotFoundError: It was deleted or renamed.
        """
        text = self.context.host.store.get(self.context.id, PREFIX + self.name)
        if text is None:
            raise _lost(self)
        return SessionConfig.read(text, _where(self))

    @property
    def path(self) -> Path:
        """`HERO_HOME/context/$context/$name`, created when it is not there."""
        return files.folder(self.context.host.home, "context", self.context.name, self.name)

    @property
    def start(self) -> OurTime:
        """When the session was created."""
        return times.new(self.config.start)

    @property
    def end(self) -> OurTime:
        """When it was closed; empty while it is open."""
        end = self.config.end
        return times.new(end) if end else times.OurTime(0)

    @property
    def description(self) -> str:
        """For people; setting it is kept."""
        return self.config.description

    @description.setter
    def description(self, value: str) -> None:
        self._update(lambda old: replace(old, description=value))

    @property
    def interactive(self) -> bool:
        """Whether questions may be asked; setting it is kept."""
        return self.config.interactive

    @interactive.setter
    def interactive(self, value: bool) -> None:
        self._update(lambda old: replace(old, interactive=value))

    @property
    def params(self) -> Params:
        """The session's parameters.

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

    def env_set(self, key: str, value: str) -> None:
        """Set a variable; kept when this returns.

        It is the session's, not the process's: `os.environ` stays as it is.

        Raises:
            BadNameError: The key is empty or holds `=`, a blank or a control character.
            TypeError: The value is not a text.
        """
        _check_env(key, value)
        self._update(lambda old: replace(old, env={**old.env, key: value}))

    def env_set_once(self, key: str, value: str) -> None:
        """Set a variable that is not set yet, in one step.

        Raises:
            EnvKeyError: It is set.
        """
        _check_env(key, value)

        def change(old: SessionConfig) -> SessionConfig:
            if key in old.env:
                raise EnvKeyError(
                    f"{key} is already set in session {self.name}",
                    hint="use env_set to change it, or env_delete first",
                )
            return replace(old, env={**old.env, key: value})

        self._update(change)

    def env_get(self, key: str, default: str | None = None) -> str:
        """A variable's value.

        Raises:
            EnvKeyError: It is not set, and no default is given.
        """
        env = self.config.env
        if key in env:
            return env[key]
        if default is not None:
            return default
        raise _no_env(self, key, env)

    def env_delete(self, key: str) -> None:
        """Delete a variable.

        Raises:
            EnvKeyError: It is not set.
        """

        def change(old: SessionConfig) -> SessionConfig:
            if key not in old.env:
                raise _no_env(self, key, old.env)
            return replace(old, env={k: v for k, v in old.env.items() if k != key})

        self._update(change)

    def env_all(self) -> dict[str, str]:
        """Every variable, by name."""
        env = self.config.env
        return {key: env[key] for key in sorted(env)}

    def _update(self, change: Callable[[SessionConfig], SessionConfig]) -> SessionConfig:
        where = _where(self)

        def step(text: str | None) -> str:
            if text is None:
                raise _lost(self)
            return change(SessionConfig.read(text, where)).text()

        text = self.context.host.store.update(self.context.id, PREFIX + self.name, step)
        return SessionConfig.read(text or "", where)

    def load(self) -> Session:
        """Check that the session is still there, and finish what a killed rename left undone."""
        _settle(self, self.config)
        return self

    def save(self) -> None:
        """Make sure that the record is there; changes are written when they are made.

        Raises:
            SessionNotFoundError: It was lost, and is not made up again.
        """
        _ = self.config

    def check(self) -> None:
        """Check the session's name by the rules for new ones.

        Raises:
            BadNameError: It is too short, or not in the form in which names are kept.
        """
        if canonical(self.name) != self.name:
            raise BadNameError(
                f"session name {self.name!r} is not in canonical form",
                hint=f"rename it to {canonical(self.name)!r}",
            )

    def close(self, at: OurTime | None = None) -> None:
        """Record the end, now or at a time given; closing twice keeps the first."""
        end = str(at or self.context.host.now())
        self._update(lambda old: old if old.end else replace(old, end=end))

    def rename(self, name: str) -> Session:
        """Give the session another name, in its record and on its folder; this object follows.

        Killed half-way, the next `load` or `session_get` finishes it.

        Raises:
            BadNameError: The name cannot name a session.
            SessionExistsError: The context has a session of that name.
        """
        new = canonical(name)
        if new == self.name:
            return self
        moved = replace(self.config, name=new)
        moved = replace(moved, extra={**moved.extra, _MOVING: self.name})
        if not self.context.host.store.create(self.context.id, PREFIX + new, moved.text()):
            raise SessionExistsError(
                f"context {self.context.name} has a session {new!r}", hint="choose another name"
            )
        self.name = new
        _settle(self, moved)
        _point_latest(self)
        return self

    def playbook_add(
        self,
        path: Path | str = "",
        text: str = "",
        prio: int = DEFAULT_PRIORITY,
    ) -> list[Action]:
        """Queue the actions of a file, a folder or a text; nothing is carried out.

        Args:
            path: A file, or a folder of `.md`, `.hero` and `.heroscript` files.
            text: Heroscript; after the path's when both are given.
            prio: Lower comes first.

        Returns:
            The new actions.

        Raises:
            HeroscriptError: A text is not heroscript; nothing is queued then.
            SessionError: Neither is given.
            SourceError: There is nothing to read at the path.
        """
        if not path and not text:
            raise SessionError("nothing to add", hint="give path= or text=")
        return self.plbook.add(text, path=path, prio=prio)

    def playbook_priorities_add(self, prios: Mapping[int, str]) -> None:
        """Say which queued actions come first; see `Playbook.priorities_add`."""
        self.plbook.priorities_add(prios)

    def heroscript(self, *, show_done: bool = False) -> str:
        """The queued actions as text, in the order of carrying out.

        It is what the scripts say: a secret that stands in one stands here too.
        """
        return self.plbook.heroscript(show_done=show_done)

    def run(self, **options: Any) -> Report:
        """Carry out what is queued; see `hero_kernel.Workspace.run` for the options.

        Actions that no handler takes stay pending.
        """
        return self.context.host.run(self, self.plbook, **options)

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Say, from a handler, how far it is; shown while it runs, and not kept.

        Args:
            message: What is going on.
            fraction: From 0 to 1, when it is known.
        """
        if self.on_progress is not None:
            self.on_progress(message, fraction)

    def keep_run(self, report: Report) -> Report:
        """Keep a report in the session's folder; the report as it was kept."""
        return runs.keep(self._runs(), report, self.context.host.now().key())

    def run_names(self) -> list[str]:
        """The names of the kept runs, oldest first."""
        return runs.names(self._runs())

    def run_get(self, name: str = "") -> Report:
        """A kept run's report; the last one's without a name.

        Raises:
            SessionError: There is none.
        """
        return runs.load(self._runs(), name)

    def _runs(self) -> Path:
        return files.folder(self.context.host.home, "context", self.context.name, self.name, "runs")


_MOVING = "renamed_from"
"""A field that stands in a record while its folder waits to be moved."""


def canonical(name: str) -> str:
    """A session's name as it is kept.

    Raises:
        BadNameError: It is shorter than three characters, `latest`, or holds a character that
            cannot be kept.
    """
    fixed = names.canonical(name, "session", shortest=SHORTEST_NAME, dots=False)
    if fixed in _RESERVED:
        raise BadNameError(f"session name {fixed!r} is reserved", hint="choose another")
    return fixed


_RESERVED = frozenset(["latest", "config"])


def new(
    context: Context,
    name: str = "",
    *,
    interactive: bool | None = None,
    start: str = "",
    description: str | None = None,
    params: str | None = None,
    notebook: str = "",
    exist_ok: bool = True,
    reset: bool = False,
) -> Session:
    """Create a session, or resume the one of that name.

    Args:
        context: Where.
        name: Default: the time, `YYYY_MM_DD_HH_MM_SS`, with `_2` and so on when that is taken.
        interactive: Whether questions may be asked; true for a new session.
        start: When it starts: a time, or relative like `+1h`; resolved once. Only for a new one.
        description: For people.
        params: Parameter text; when resuming it replaces the kept ones.
        notebook: The file it is made for.
        exist_ok: Whether resuming is allowed.
        reset: Everything kept in the record starts over; the folder stays.

    Raises:
        BadNameError: The name cannot name a session.
        ContextNotFoundError: The context was deleted.
        HeroscriptError: `params` do not parse.
        OurTimeError: `start` is no time.
        SessionExistsError: It exists and may not.
    """
    host = context.host
    context.save()
    given: dict[str, Any] = {"interactive": interactive, "description": description}
    given["notebook"] = notebook or None
    if params is not None:
        given["params"] = Params.from_text(params).heroscript()
    given = {key: value for key, value in given.items() if value is not None}
    started = str(times.new(start, now=host.now()))
    if not name:
        return _new_by_time(context, started, given)
    wanted = _found(context, name) or canonical(name)
    fresh = SessionConfig(name=wanted, start=started, **given)
    session = Session(context, wanted)
    if host.store.create(context.id, PREFIX + wanted, fresh.text()):
        _point_latest(session)
        return session
    if not exist_ok:
        raise SessionExistsError(
            f"session {session.guid} exists", hint="leave out exist_ok=False to resume it"
        )
    if reset:
        session._update(lambda _: fresh)  # noqa: SLF001  # same room
    else:
        session._update(lambda old: replace(_dated(old, host.now()), end="", **given))  # noqa: SLF001  # same room
    _point_latest(session)
    return session.load()


def _new_by_time(context: Context, started: str, given: dict[str, Any]) -> Session:
    host = context.host
    base = host.now().key()
    for wanted in _numbered(base):
        fresh = SessionConfig(name=wanted, start=started, **given)
        if host.store.create(context.id, PREFIX + wanted, fresh.text()):
            session = Session(context, wanted)
            _point_latest(session)
            return session
    raise AssertionError("unreachable: the numbers do not end")


def _numbered(base: str) -> Iterator[str]:
    yield base
    number = 2
    while True:
        yield f"{base}_{number}"
        number += 1


def get(context: Context, name: str = "") -> Session:
    """The session of that name; without one, the latest, or a new one when there is none.

    Raises:
        SessionNotFoundError: There is none of that name.
    """
    if not name:
        return _latest(context)
    found = _found(context, name)
    if found is None:
        raise SessionNotFoundError(
            f"context {context.name} has no session {name!r}",
            hint=did_you_mean(name, _names(context)) or "create it with session_new",
        )
    session = Session(context, found)
    session._update(lambda old: _dated(old, context.host.now()))  # noqa: SLF001  # same room
    return session.load()


def _latest(context: Context) -> Session:
    pointed = context.host.store.get(context.id, LATEST)
    if pointed and _found(context, pointed) == pointed:
        return get(context, pointed)
    there = every(context)
    if not there:
        return new(context)
    return max(there, key=lambda session: session.start)


def exists(context: Context, name: str) -> bool:
    """Whether there is a session of that name."""
    return _found(context, name) is not None


def every(context: Context) -> list[Session]:
    """The context's sessions, by name."""
    return [Session(context, name) for name in _names(context) if names.is_safe_folder(name)]


def delete(context: Context, name: str, *, with_files: bool) -> None:
    """Delete a session's record, and with its files its folder too.

    Raises:
        SessionNotFoundError: There is none of that name.
    """
    session = get(context, name)
    store = context.host.store
    store.delete(context.id, PREFIX + session.name)
    if store.get(context.id, LATEST) == session.name:
        store.delete(context.id, LATEST)
    if with_files:
        files.remove(context.host.home, context.path / session.name)


def _names(context: Context) -> list[str]:
    keys = context.host.store.scan(context.id, PREFIX)
    return [key.removeprefix(PREFIX) for key in keys if key != LATEST]


def _found(context: Context, name: str) -> str | None:
    """The name in the store that is meant: as written, in canonical form, or kept unlike it."""
    store = context.host.store
    if name != "latest" and names.is_safe_folder(name):
        if store.get(context.id, PREFIX + name) is not None:
            return name
        wanted = names.canonical(name, "session", dots=False)
        there = [one for one in _names(context) if names.is_safe_folder(one)]
        return next(
            (one for one in there if names.canonical(one, "session", dots=False) == wanted), None
        )
    wanted = canonical(name)
    return wanted if store.get(context.id, PREFIX + wanted) is not None else None


def _dated(config: SessionConfig, now: OurTime) -> SessionConfig:
    """A start like `+1h`, which herolib reads anew each time, resolved once."""
    if not config.start or config.start.lstrip()[:1] in "+-":
        return replace(config, start=str(times.new(config.start, now=now)))
    return config


def _point_latest(session: Session) -> None:
    store = session.context.host.store
    store.update(session.context.id, LATEST, lambda _: session.name)


def _settle(session: Session, config: SessionConfig) -> None:
    """Delete the record and move the folder of a renamed session, then forget the old name."""
    old = config.extra.get(_MOVING)
    if not isinstance(old, str):
        return
    context = session.context
    if names.is_safe_folder(old):
        context.host.store.delete(context.id, PREFIX + old)
        files.move(context.path / old, context.path / session.name)
    session._update(  # noqa: SLF001  # same room
        lambda c: replace(c, extra={k: v for k, v in c.extra.items() if k != _MOVING})
    )


def _check_env(key: str, value: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"the value of {key} is {type(value).__name__}; give a str")
    if not key or "=" in key or not key.isprintable() or " " in key:
        raise BadNameError(
            f"environment variable {key!r} cannot be set",
            hint="a name has at least one character, and no blank, no = and no control character",
        )


def _no_env(session: Session, key: str, env: Mapping[str, str]) -> EnvKeyError:
    return EnvKeyError(
        f"{key} is not set in session {session.name}",
        hint=did_you_mean(key, env) or "set it with env_set",
    )


def _where(session: Session) -> str:
    context = session.context
    return f"{PREFIX}{session.name} of context {context.id} in {context.host.store.address}"


def _lost(session: Session) -> SessionNotFoundError:
    return SessionNotFoundError(
        f"session {session.guid} is no longer in {session.context.host.store.address}",
        hint="it was deleted or renamed; create it again with session_new",
    )
