"""Session: a place to run in, inside a context; what it holds survives the process."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Self, TypeVar

from hero_kernel import files, heroscript, leases, names, provenance, runs, sealed, times
from hero_kernel.errors import (
    BadNameError,
    CorruptRecordError,
    DatabaseNotFoundError,
    EnvKeyError,
    SecretRequiredError,
    SessionError,
    SessionExistsError,
    SessionNotFoundError,
    did_you_mean,
)
from hero_kernel.heroscript import Params, name_fix
from hero_kernel.kept import Kept, defaults, notes_in, with_notes
from hero_kernel.logs import Logger
from hero_kernel.playbook import DEFAULT_PRIORITY, Playbook
from hero_kernel.secret import Secret
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from hero_kernel.bundles import Exported
    from hero_kernel.contexts import Context
    from hero_kernel.databases import Database
    from hero_kernel.heroscript import Action
    from hero_kernel.host import Host
    from hero_kernel.kept import Sealer, Shown
    from hero_kernel.logs import LogItem
    from hero_kernel.provenance import Source
    from hero_kernel.report import Report
    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime

    T = TypeVar("T")

PREFIX = "sessions:config:"
"""A session's record is at this and its name; herolib's."""

_ENV, _PARAMS = "env", "params"

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
        notebook: The file of the notebook that it is bound to by its path; empty when it was
            named by hand.
        seen: How that notebook was met last; see `binding.registry`.
        ephemeral: Whether it was made for one run, and is not resumed unless it is named.
        uid: What encrypted values of it are bound to, through renames; empty before the first.
        env_from: Where the variables came from; see `provenance`.
        params_from: Where the parameters came from.
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
    uid: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ephemeral: bool = False
    env_from: str = field(default="", repr=False)
    params_from: str = field(default="", repr=False)
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
        if not all(isinstance(value, str) for value in known["env"].values()):
            raise CorruptRecordError(
                f"{where} cannot be read: a value in env is no text", hint="mend or delete it"
            )
        known |= notes_in(found)
        return cls(**known, extra=found)

    @property
    def is_killed(self) -> bool:
        """Whether its end is no end that was recorded, but when its last holder was heard of."""
        return bool(self.end) and self.extra.get(_KILLED) == self.end

    @property
    def used(self) -> str:
        """The day it was resumed last, `YYYY-MM-DD` UTC; empty when not after its first day."""
        day = self.extra.get(USED)
        return day if isinstance(day, str) else ""

    def text(self) -> str:
        """The record as it is written."""
        known = {name: getattr(self, name) for name in _DEFAULTS}
        for name in ("uid", "seen", "ephemeral"):
            if not known[name]:
                del known[name]
        mappings = {name: dict(known[name]) for name in ("env", "seen") if name in known}
        notes = {"env_from": self.env_from, "params_from": self.params_from}
        return record.encode(known | mappings | with_notes(self.extra, notes))


_DEFAULTS = defaults(SessionConfig.__dataclass_fields__, name="", env={}, seen={})

_DUMPED_PARAMS = re.compile(r"\S*Params\{")
_DUMPED_PAIR = re.compile(r"key: '([^'\n]*)'\s*\n\s*value: '([^'\n]*)'")


def _recovered(params: str) -> str:
    """The parameters in a record that herolib garbled by dumping its own struct."""
    if not _DUMPED_PARAMS.match(params):
        return params
    return Params(dict(_DUMPED_PAIR.findall(params))).heroscript()


class Session(Kept[SessionConfig]):
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
        self.plbook = Playbook(cells=context.host.cells)
        self.on_progress: Callable[[str, float | None], None] | None = None
        self._kept_in: Path | None = None
        self._logger: Logger | None = None

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
    def _host(self) -> Host:
        return self.context.host

    @property
    def _place(self) -> tuple[Store, int, str]:
        return self.context.host.store, self.context.id, PREFIX + self.name

    def _read(self, text: str) -> SessionConfig:
        return SessionConfig.read(text, _where(self.context, self.name))

    def _lost(self) -> SessionNotFoundError:
        return SessionNotFoundError(
            f"session {self.guid} is no longer in {self.context.host.store.address}",
            hint="it was deleted or renamed; create it again with session_new",
        )

    @property
    def _secrets(self) -> Sealer:
        return self.context.secrets

    def _sealed_at(self, config: SessionConfig, what: str) -> str:
        return f"session {config.uid} {what}"

    def _mapped(
        self, config: SessionConfig, change: Callable[[str, str, str], str]
    ) -> SessionConfig:
        place = self._sealed_at(config, _ENV)
        env = {key: change(place, key, text) for key, text in config.env.items()}
        notes = provenance.rechecked(config.env_from, config.env, env)
        return replace(self._mapped_params(config, change), env=env, env_from=notes)

    def _before_sealing(self) -> None:
        if not self.config.uid:
            uid = token_hex(8)
            self._update(lambda old: old if old.uid else replace(old, uid=uid))

    def _update(self, change: Callable[[SessionConfig], SessionConfig]) -> SessionConfig:
        """As `Kept._update`; a session that is being renamed is changed under its new name."""

        def step(old: SessionConfig) -> SessionConfig:
            if _TO in old.extra:
                raise _RenamedError
            return change(old)

        try:
            return super()._update(step)
        except _RenamedError:
            self.load()
            return super()._update(change)

    @property
    def path(self) -> Path:
        """`HERO_HOME/context/$context/$name`, created when it is not there."""
        return self._folder()

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

    def env_set(self, key: str, value: str | Secret, *, by: str = "") -> None:
        """Set a variable; kept when this returns.

        It is the session's, not the process's: `os.environ` stays as it is.

        Args:
            key: Its name.
            value: A `Secret` is kept encrypted and masked wherever it would be shown.
            by: What sets it, for `env_sources`; default: the cell or the action that is at it.

        Raises:
            BadNameError: The key is empty or holds `=`, a blank or a control character.
            SecretError: The value is to be encrypted, and the context has no secret or is locked.
            TypeError: The value is not a text.
        """
        self.env_update({key: value}, by=by)

    def env_set_once(self, key: str, value: str | Secret) -> None:
        """Set a variable that is not set yet, in one step.

        Raises:
            EnvKeyError: It is set.
        """
        self.env_update({key: value}, once=True)

    def env_update(
        self, values: Mapping[str, str | Secret], *, once: bool = False, by: str = ""
    ) -> None:
        """Set several variables, in one step.

        Args:
            values: By name.
            once: Whether a variable that is set already is an error.
            by: As in `env_set`.

        Raises:
            BadNameError: As `env_set`; none is set then.
            EnvKeyError: One is set already, and may not be; none is set then.
            SecretError: As `env_set`; none is set then.
        """
        for key, value in values.items():
            check_env(key, value)
        with self._sealing(values.values()) as seal:

            def change(old: SessionConfig) -> SessionConfig:
                taken = sorted(values.keys() & old.env.keys()) if once else []
                if taken:
                    raise EnvKeyError(
                        f"{', '.join(taken)} is already set in session {self.name}",
                        hint="use env_set to change it, or env_delete first",
                    )
                env = {**old.env, **seal(old, _ENV, values, old.env)}
                return self._with_env(old, env, by)

            self._update(change)

    def env_get(self, key: str, default: str | None = None) -> str:
        """A variable's value.

        Raises:
            EnvKeyError: It is not set, and no default is given.
            SecretError: It is encrypted and cannot be opened.
        """
        config = self.config
        if key in config.env:
            return self._opened(config, _ENV, {key: config.env[key]})[key]
        if default is not None:
            return default
        raise _no_env(self, key, config.env)

    def env_delete(self, key: str, *more: str, by: str = "") -> None:
        """Delete a variable, or several in one step.

        Args:
            key: Its name.
            more: Others.
            by: What deletes them, as in `env_set`.

        Raises:
            EnvKeyError: One is not set; none is deleted then.
        """
        keys = (key, *more)

        def change(old: SessionConfig) -> SessionConfig:
            missing = next((key for key in keys if key not in old.env), None)
            if missing is not None:
                raise _no_env(self, missing, old.env)
            env = {key: value for key, value in old.env.items() if key not in keys}
            return self._with_env(old, env, by)

        self._update(change)

    def _with_env(self, old: SessionConfig, env: Mapping[str, str], by: str) -> SessionConfig:
        if env == old.env:
            return old
        notes = provenance.noted(old.env_from, old.env, env, self._change(by))
        return replace(old, env=env, env_from=notes)

    def env_all(self, *, locked: bool = True) -> dict[str, str]:
        """Every variable, by name.

        Args:
            locked: Whether to open what is locked, which may ask for the secret; else it is
                left out.

        Raises:
            SecretError: One is encrypted and cannot be opened.
        """
        config = self.config
        env = {key: config.env[key] for key in sorted(config.env)}
        if not locked and self._secrets.is_locked:
            env = {key: text for key, text in env.items() if not sealed.is_sealed(text)}
        return self._opened(config, _ENV, env)

    def env_shown(self) -> dict[str, Shown]:
        """Every variable as it may be shown, by name."""
        config = self.config
        return self._shown(config, _ENV, {key: config.env[key] for key in sorted(config.env)})

    def env_sources(self) -> dict[str, Source]:
        """Where each variable came from, by name; then what was deleted since the last run.

        A variable that was set to what it was keeps its source. One that another program changed
        has an unknown source.
        """
        config = self.config
        env = {key: config.env[key] for key in sorted(config.env)}
        return self._sources(config.env_from, env)

    def filled(self, texts: Sequence[str]) -> list[str]:
        """The texts with each `{NAME}` that is a variable here as its value.

        Raises:
            SecretError: One that they name is encrypted and cannot be opened.
        """
        opened, _ = self.values_of(alike=heroscript.names_in(texts))
        return [heroscript.replace_names(text, opened) for text in texts]

    def values_of(
        self, env: Container[str] = (), *, alike: Container[str] = (), params: Container[str] = ()
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Some variables and parameters by name, those that are there, from one reading.

        Args:
            env: Names of variables.
            alike: Names of variables after `name_fix`.
            params: Names of parameters.

        Raises:
            HeroscriptError: The kept parameters do not parse.
            SecretError: One of them is encrypted and cannot be opened.
        """
        config = self.config
        kept = {k: v for k, v in config.env.items() if k in env or name_fix(k) in alike}
        opened = self._opened(config, _ENV, kept)
        return opened, self._params_of(config, params) if params else {}

    def opened(self) -> tuple[SessionConfig, dict[str, str | Secret], dict[str, str | Secret]]:
        """The record, its variables, and those of its parameters that are encrypted, opened.

        Raises:
            SecretError: One is encrypted and cannot be opened.
        """
        config = self.load().config
        hidden = {key: text for key, text in self._parsed(config).items() if sealed.is_sealed(text)}
        kept = ((_ENV, config.env), (_PARAMS, hidden))
        env, params = (
            {
                key: sealed.opened(self._secrets, self._sealed_at(config, what), key, text)
                for key, text in texts.items()
            }
            for what, texts in kept
        )
        return config, env, params

    def load(self) -> Session:
        """Check that the session is still there, and finish what a killed rename left undone.

        Raises:
            SessionNotFoundError: It was deleted or renamed.
        """
        self.name = _settled(self.context, self.name, self.config)
        return self

    def resume(
        self, change: Callable[[SessionConfig], SessionConfig] = lambda config: config
    ) -> Session:
        """Go on with the session: it has no end any more; its record is changed in the same step.

        Raises:
            SessionNotFoundError: It was deleted or renamed.
        """
        self.load()
        now = self.context.host.now()
        config = self._update(lambda old: _resumed(change(old), now))
        _point_latest(self, config)
        return self.load()

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

    def close(self, at: OurTime | None = None, *, killed: bool = False) -> None:
        """Record the end; closing twice keeps the first.

        Args:
            at: When; default now.
            killed: Whether nobody closed it, and its holder was last heard of then.
        """
        end = str(at or self.context.host.now())
        more = {_KILLED: end} if killed else {}

        def change(old: SessionConfig) -> SessionConfig:
            return old if old.end else replace(old, end=end, extra={**old.extra, **more})

        self._update(change)

    def reopen(self, end: str = "") -> None:
        """Take the end back, since it goes on; with an end given, only that one.

        Who is about to delete it as one that nobody is on does not.

        Raises:
            SessionNotFoundError: It was deleted or renamed.
        """

        def change(old: SessionConfig) -> SessionConfig:
            if end not in ("", old.end):
                return old
            gone = (_KILLED, DOOMED) if old.end else (DOOMED,)
            extra = {key: value for key, value in old.extra.items() if key not in gone}
            return replace(old, end="", extra=extra)

        self._update(change)

    def fork(self, name: str = "") -> Session:
        """A copy of the session to go on in; see `hero_kernel.Workspace.session_fork`."""
        return self.context.host.session_fork(self, name)

    def export(self, path: str | Path, *, log: bool = False, runs: bool = False) -> Exported:
        """Write the session into a file; see `hero_kernel.Workspace.session_export`."""
        return self.context.host.session_export(self, path, log=log, runs=runs)

    def rename(self, name: str) -> Session:
        """Give the session another name, in its record and on its folder; this object follows.

        Killed half-way, the next `load` or `session_get` finishes it. What was made for one run is
        kept like any other from now on.

        Raises:
            BadNameError: The name cannot name a session.
            SessionExistsError: The context has a session of that name.
        """
        new = canonical(name)
        if new == self.name:
            return self
        context = self.context
        files.check_inside(context.host.home, context.path)
        check_free(context, new)
        databases, own = context.dbcollection(), database(self.name)
        if databases.exists(own) and databases.get(own).kids():
            _ = self._secrets.kid  # unlock now: what is sealed in it is bound to its name
        self._update(lambda old: replace(old, ephemeral=False, extra={**old.extra, _TO: new}))
        self.load()
        self._logger = self._kept_in = None
        _point_latest(self, self.config)
        return self

    def playbook_add(
        self,
        path: Path | str = "",
        text: str = "",
        prio: int = DEFAULT_PRIORITY,
        url: str = "",
        *,
        git_url: str = "",
        git_pull: bool = False,
        git_reset: bool = False,
        git_branch: str = "",
        replace: Mapping[str, str] | None = None,
    ) -> list[Action]:
        """Queue the actions of a file, a folder, a git address or a text; none is carried out.

        What a cell of a notebook queues takes the place of what it queued when it ran before.

        Args:
            path: A file, or a folder of `.md`, `.hero` and `.heroscript` files; with `url`, one
                inside the repository.
            text: Heroscript; after the others when several are given.
            prio: Lower comes first.
            url: A git address; cloned below the context's code root if it is not there.
            git_url: Another word for `url`.
            git_pull: Whether a clone that is there fetches what is new.
            git_reset: Whether what was changed in the clone is thrown away.
            git_branch: A branch or tag; default: the address's, else the repository's.
            replace: Each `@KEY`, `${KEY}` and `{KEY}` in the texts becomes the value.

        Returns:
            The new actions.

        Raises:
            GitError: The address is none, or git cannot fetch it.
            HeroscriptError: A text is not heroscript; nothing is queued then.
            NotAllowedError: What is at the address was not allowed to run.
            SessionError: Nothing is given.
            SourceError: There is nothing to read at the path.
        """
        address = url or git_url
        if not (path or text or address):
            raise SessionError("nothing to add", hint="give path=, text= or url=")
        if not address:
            return self.plbook.add(text, path=path, prio=prio, replace=replace)
        texts = self.context.host.fetch(
            address,
            context=self.context,
            path=str(path),
            pull=git_pull,
            reset=git_reset,
            branch=git_branch,
            on_progress=self.progress,
        )
        return self.plbook.add(text, texts=texts, prio=prio, replace=replace)

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

    def retry(self, **options: Any) -> Report:
        """Carry out again what the last run left; see `hero_kernel.Workspace.retry`."""
        return self.context.host.retry(self, **options)

    def progress(self, message: str, fraction: float | None = None) -> None:
        """Say, from a handler, how far it is; shown while it runs, and not kept.

        Args:
            message: What is going on.
            fraction: From 0 to 1, when it is known.
        """
        if self.on_progress is not None:
            self.on_progress(message, fraction)

    def db_get(self) -> Database:
        """The session's own database; it is made at the first write."""
        self.load()
        return self.context.db_get(database(self.name))

    def db_config_get(self) -> Database:
        """The database `config`, which every session of the context shares."""
        return self.context.db_config_get()

    def logger(self) -> Logger:
        """The session's log, in files by the hour below its folder; `logger().log("…")`.

        Raises:
            SessionNotFoundError: The session was deleted or renamed.
        """
        logger = self._logger
        if logger is None or not logger.path.parent.is_dir():  # renamed by another kernel, or gone
            self.save()  # as in keep_run
            host = self.context.host
            folder = self._folder() / "logs"
            logger = Logger(folder, root=host.home, now=host.now, mask=host.redactor.mask)
            self._logger = logger
        return logger

    def error(self, cat: str, error: str) -> LogItem:
        """Log an error; the entry."""
        return self.logger().log(error, cat=cat, logtype="error")

    def keep_run(self, report: Report) -> Report:
        """Keep a report in the session's folder; the report as it was kept.

        Raises:
            SessionNotFoundError: The session was deleted or renamed.
            StoreError: There is no room, or the folder may not be written.
        """
        key = self.context.host.now().key()
        return self._with_runs(lambda folder: runs.keep(folder, report, key))

    def run_journal(self, head: Report) -> runs.Journal:
        """Begin the journal of a run: what is found of it if it is killed.

        Args:
            head: The run's report, without rows yet.

        Raises:
            HeroError: As `keep_run`.
        """
        name = runs.name(self.context.host.now().key())
        return self._with_runs(lambda folder: runs.Journal(folder, name, head))

    def _with_runs(self, do: Callable[[Path], T]) -> T:
        """Do something in the folder of the runs; what killed ones left there is kept first."""
        if self._kept_in is not None:
            with suppress(FileNotFoundError):  # renamed by another kernel, or deleted
                return do(self._kept_in)
        self.save()  # a folder made for a session that is gone would be another's one day
        self._kept_in = self._folder()
        runs.collect(self._kept_in)
        return do(self._kept_in)

    def run_unfinished(self, digests: Sequence[str]) -> Report | None:
        """The last run of a playbook that did not finish; see `runs.unfinished`.

        Args:
            digests: Of the playbook's actions.
        """
        return runs.unfinished(runs.newest_first(self._runs()), digests)

    def run_names(self) -> list[str]:
        """The names of the kept runs, oldest first."""
        return runs.names(self._runs())

    def run_list(self, count: int = 50) -> list[Report]:
        """The last kept runs, the newest first; one that cannot be read is left out."""
        return runs.recent(self._runs(), count)

    def run_get(self, name: str = "") -> Report:
        """A kept run's report; the last one's without a name.

        Raises:
            SessionError: There is none.
        """
        return runs.load(self._runs(), name)

    def _runs_mark(self) -> str:
        host, context = self.context.host, self.context.name
        return runs.mark(f"{host.home}/context/{context}/{self.name}")

    def _runs(self) -> Path:
        return self.context.path / self.name

    def _folder(self, *parts: str) -> Path:
        context = self.context.load()
        return files.folder(context.host.home, "context", context.name, self.name, *parts)


_TO = "renamed_to"
"""A field of a session's record that holds still: only its renaming is still to be done."""

_KILLED = "killed"
"""A field that repeats the end when nobody recorded it; of a session with another end it is old."""

DOOMED = "doomed"
"""A field that stands in a record while it is looked whether anybody is on the session still; who
comes takes it away, and so does any other change: then the session stays."""

USED = "used"
"""A field with the day of the last resuming, which tells what may be pruned."""

_FROM = "renamed_from"
"""A field that stands in the new record until the old one is gone and the folder moved."""


class _RenamedError(Exception):
    """The record may not be changed any more under this name."""


def canonical(name: str) -> str:
    """A session's name as it is kept.

    Raises:
        BadNameError: It is shorter than three characters, reserved, or holds a character that
            cannot be kept.
    """
    return names.canonical(name, "session", shortest=SHORTEST_NAME, dots=False)


def new(
    context: Context,
    name: str = "",
    *,
    interactive: bool | None = None,
    start: str = "",
    description: str | None = None,
    params: str | None = None,
    notebook: str = "",
    seen: Mapping[str, Any] | None = None,
    ephemeral: bool | None = None,
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
        seen: How that file was met.
        ephemeral: Whether it is made for one run; the latest session stays what it is then.
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
    given |= {"notebook": notebook or None, "seen": seen, "ephemeral": ephemeral}
    wanted_params = None if params is None else Params.from_text(params)
    given = {key: value for key, value in given.items() if value is not None}
    started = str(times.new(start, now=host.now()))
    if not name:
        return _with_params(_new_by_time(context, started, given), wanted_params)
    wanted = _found(context, name) or canonical(name)
    fresh = SessionConfig(name=wanted, start=started, **given)
    session = Session(context, wanted)
    if host.store.create(context.id, PREFIX + wanted, fresh.text()):
        _point_latest(session, fresh)
        return _with_params(session, wanted_params)
    session.load()
    if not exist_ok:
        raise SessionExistsError(
            f"session {session.guid} exists", hint="leave out exist_ok=False to resume it"
        )

    def change(old: SessionConfig) -> SessionConfig:
        if not reset:
            return replace(old, **given)
        stays = ("notebook", "seen", "ephemeral")  # whose it is
        return replace(fresh, **{name: given.get(name, getattr(old, name)) for name in stays})

    return _with_params(session.resume(change), wanted_params)


def establish(
    context: Context,
    config: SessionConfig,
    *,
    env: Mapping[str, str | Secret],
    params: Mapping[str, str | Secret],
    by: str,
    draft: Database | None = None,
) -> Session:
    """Make a session of what another one holds; nothing is made when that cannot be.

    Killed at its very end, before the data is in its place, its description says so.

    Args:
        context: Where.
        config: Its record, without variables and with a name in canonical form.
        env: Its variables, encrypted here as the context and each value demand.
        params: Values for its parameters that are encrypted so, or all of them.
        by: What its values come from.
        draft: A database in the context's folder that becomes its own, bound to its name.

    Raises:
        SecretError: Something is to be encrypted, and the context has no secret or is locked.
        SessionExistsError: The name is taken, or a database of a deleted session has it.
    """
    context.save()
    parsed = Params.from_text(config.params)
    values = {**(parsed if context.secrets.encrypts else {}), **params}
    made = _Unmade(context, config.name)
    with made._sealing([*env.values(), *values.values()]) as seal:  # noqa: SLF001  # same room
        fresh = replace(config, uid=token_hex(8))
        filled = parsed.with_params(seal(fresh, _PARAMS, values, {}))
        fresh = made._with_env(fresh, seal(fresh, _ENV, env, {}), by)  # noqa: SLF001  # same room
        fresh = made._with_params(fresh, {}, filled, by)  # noqa: SLF001  # same room
        check_free(context, config.name)
        if draft is not None:
            fresh = replace(fresh, description=f"unfinished: {config.description}")
        if not context.host.store.create(context.id, PREFIX + config.name, fresh.text()):
            raise _taken(context, f"a session {config.name!r}")
    if draft is not None:
        try:
            draft.move(context.db_get(database(config.name)).path)
        except BaseException as error:
            context.host.store.delete(context.id, PREFIX + config.name)
            if isinstance(error, FileExistsError):
                what = f"a database of a deleted session {config.name!r}"
                raise _taken(context, what) from None
            raise
        made.description = config.description
    return Session(context, config.name)


def check_free(context: Context, name: str) -> None:
    """Raise SessionExistsError when a session has the name, or a deleted one left data under it."""
    if context.host.store.get(context.id, PREFIX + name) is not None:
        raise _taken(context, f"a session {name!r}")
    if files.is_left_over(context.path / name):
        raise _taken(context, f"a folder of a deleted session {name!r}")
    if context.dbcollection().exists(database(name)):
        raise _taken(context, f"a database of a deleted session {name!r}")


def _taken(context: Context, what: str) -> SessionExistsError:
    return SessionExistsError(f"context {context.name} has {what}", hint="choose another name")


class _Unmade(Session):
    """A session that has no record yet."""

    def _before_sealing(self) -> None:
        """Its record will have what sealed values are bound to."""


def _with_params(session: Session, params: Params | None) -> Session:
    if params is not None:
        session.params_replace(params)
    return session


def _new_by_time(context: Context, started: str, given: dict[str, Any]) -> Session:
    base = context.host.now().key()
    wanted = base
    while True:
        fresh = SessionConfig(name=wanted, start=started, **given)
        if context.host.store.create(context.id, PREFIX + wanted, fresh.text()):
            session = Session(context, wanted)
            _point_latest(session, fresh)
            return session
        wanted = f"{base}_{_last_number(context, base) + 1}"


def new_for_a_run(context: Context, *, notebook: str = "") -> Session:
    """Create a session for one run: kept for its log, and resumed only by its name.

    Args:
        context: Where.
        notebook: The file that is run.
    """
    while True:
        name = f"run_{context.host.now().key()}_{token_hex(2)}"
        with suppress(SessionExistsError):
            return new(context, name, notebook=notebook, ephemeral=True, exist_ok=False)


def is_for_a_run(name: str) -> bool:
    """Whether a name is one that `new_for_a_run` gives."""
    return _RUN.fullmatch(name) is not None


_RUN = re.compile("run_[0-9]{4}(_[0-9]{2}){5}_[0-9a-f]{4}")


def _last_number(context: Context, base: str) -> int:
    """The highest n of the sessions `base_n`; `base` alone is 1."""
    head = f"{PREFIX}{base}_"
    tails = [key.removeprefix(head) for key in context.host.store.scan(context.id, head)]
    return max((int(tail) for tail in tails if _COUNT.fullmatch(tail)), default=1)


_COUNT = re.compile("[0-9]{1,9}")


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
            f"context {context.name} has no session {canonical(name)!r}",
            hint=did_you_mean(name, _names(context)) or "create it with session_new",
        )
    session = Session(context, found).load()
    session._update(lambda old: _dated(old, context.host.now()))  # noqa: SLF001  # same room
    return session


def _latest(context: Context) -> Session:
    pointed = context.host.store.get(context.id, LATEST)
    if pointed and exists(context, pointed):
        return get(context, pointed)
    started: list[tuple[str, str]] = []
    for session in every(context):
        with suppress(CorruptRecordError):
            config = session.config
            if not config.ephemeral:
                started.append((config.start, session.name))
    return get(context, max(started)[1]) if started else new(context)


def exists(context: Context, name: str) -> bool:
    """Whether there is a session of that name; no, for what cannot be a name."""
    try:
        return _found(context, name) is not None
    except BadNameError:
        return False


def every(context: Context) -> list[Session]:
    """The context's sessions, by name."""
    return [Session(context, name) for name in _names(context) if names.is_safe_folder(name)]


def database(name: str) -> str:
    """What the database of the session of that name is called; herolib's."""
    return f"session_{name}"


def delete(context: Context, name: str, *, with_files: bool, with_db: bool) -> None:
    """Delete a session's record, readable or not; its folder and its database too, if asked.

    Raises:
        SessionNotFoundError: There is none of that name.
    """
    found = _found(context, name) or get(context, name).name  # raises, with the near misses
    leases.drop_all(context.host.store, context.id, found)  # first: later they may be a new one's
    context.host.store.delete(context.id, PREFIX + found)
    forget(context, found, with_files=with_files, with_db=with_db)


def forget(context: Context, name: str, *, with_files: bool, with_db: bool) -> None:
    """Delete what is left of a session whose record is gone."""
    store = context.host.store
    store.update(context.id, LATEST, lambda latest: None if latest == name else latest)
    if with_files:
        files.remove(context.host.home, context.path / name)
    if with_db:
        with suppress(DatabaseNotFoundError, BadNameError):
            context.dbcollection().delete(database(name))


def _names(context: Context) -> list[str]:
    keys = context.host.store.scan(context.id, PREFIX)
    return [key.removeprefix(PREFIX) for key in keys if key != LATEST]


def _found(context: Context, name: str) -> str | None:
    """The name in the store that is meant: as written, in canonical form, or kept unlike it.

    Raises:
        BadNameError: There is none, and there cannot be one.
    """
    store = context.host.store
    if name != "latest" and names.is_safe_folder(name):
        if store.get(context.id, PREFIX + name) is not None:
            return name
        wanted = names.folded(name, dots=False)
        for one in _names(context):
            if names.folded(one, dots=False) == wanted and names.is_safe_folder(one):
                return one
    wanted = canonical(name)
    return wanted if store.get(context.id, PREFIX + wanted) is not None else None


def _dated(config: SessionConfig, now: OurTime) -> SessionConfig:
    """A start like `+1h`, which herolib reads anew each time, resolved once."""
    if not config.start or config.start.lstrip()[:1] in "+-":
        return replace(config, start=str(times.new(config.start, now=now)))
    return config


def _resumed(config: SessionConfig, now: OurTime) -> SessionConfig:
    dated, today = _dated(config, now), now.day()
    extra = dated.extra
    if today not in (config.used, dated.start[: len(today)]):  # once a day, for the cost of a write
        extra = {**extra, USED: today}
    return replace(dated, end="", extra=extra)


def _point_latest(session: Session, config: SessionConfig) -> None:
    context = session.context
    if not config.ephemeral:
        context.host.store.put(context.id, LATEST, session.name)


def _settled(context: Context, name: str, config: SessionConfig) -> str:
    """Finish the renaming that a record speaks of; the session's name afterwards.

    The record under the old name is marked, and changed no more; a copy is made under the new
    one; the old one is deleted, the folder moved, the mark taken off. Whoever comes upon a mark
    goes on from there.
    """
    new, old = config.extra.get(_TO), config.extra.get(_FROM)
    if isinstance(new, str):
        new = canonical(new)
        _copy_renamed(context, name, config, new)
        return _settled(context, new, Session(context, new).config)
    if not isinstance(old, str):
        return name
    store, key = context.host.store, PREFIX + old
    before = store.get(context.id, key)
    is_copied = before is not None and _is_marked(before, name)
    if is_copied:
        store.update(context.id, key, lambda text: None if text == before else text)
    if is_copied or before is None:  # else another session has the old name by now
        leases.move(store, context.id, old, name)
    if names.is_safe_folder(old) and (is_copied or before is None):
        files.move(context.host.home, context.path / old, context.path / name)
        try:
            context.dbcollection().rename(database(old), database(name))
        except (DatabaseNotFoundError, BadNameError):
            pass  # it has none, or that is done; or herolib made the name, and none can have it
        except SecretRequiredError:
            return name  # it was moved; it is bound to its new name when it is unlocked
    here = Session(context, name)
    here._update(lambda c: replace(c, extra=_without(c.extra, _FROM)))  # noqa: SLF001  # same room
    return name


def _copy_renamed(context: Context, old: str, marked: SessionConfig, new: str) -> None:
    store, rest = context.host.store, _without(marked.extra, _TO)
    copy = replace(marked, name=new, extra={**rest, _FROM: old})
    if store.create(context.id, PREFIX + new, copy.text()):
        return
    if Session(context, new).config.extra.get(_FROM) == old:
        return
    unmarked = replace(marked, extra=rest).text()
    if store.update(context.id, PREFIX + old, lambda text: text and unmarked) is None:
        return  # another process has finished the renaming meanwhile
    raise SessionExistsError(
        f"context {context.name} has a session {new!r}, made while {old!r} was being renamed",
        hint="choose another name",
    )


def _is_marked(text: str, new: str) -> bool:
    """Whether the record is one that is being renamed to the new name."""
    try:
        return SessionConfig.read(text, "").extra.get(_TO) == new
    except CorruptRecordError:
        return False


def _without(extra: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != key}


def check_env(key: str, value: str | Secret) -> None:
    """Raise BadNameError for what cannot name a variable, TypeError for a value that is no text."""
    if not isinstance(value, str | Secret):
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


def _where(context: Context, name: str) -> str:
    return f"{PREFIX}{name} of context {context.id} in {context.host.store.address}"
