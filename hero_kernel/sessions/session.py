"""Session: a place to run in, inside a context; what it holds survives the process."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from os.path import isdir
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from hero_kernel import files, heroscript, provenance, runs, sealed, times
from hero_kernel.errors import (
    BadNameError,
    EnvKeyError,
    SessionError,
    SessionNotFoundError,
    did_you_mean,
)
from hero_kernel.heroscript import name_fix
from hero_kernel.kept import NOTHING, Kept
from hero_kernel.logs import Logger
from hero_kernel.playbook import DEFAULT_PRIORITY, Playbook
from hero_kernel.sessions import renaming
from hero_kernel.sessions.record import (
    DOOMED,
    ENV,
    KILLED,
    LATEST,
    PARAMS,
    PREFIX,
    TO,
    SessionConfig,
    canonical,
    check_env,
    database,
    resumed,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
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
    from hero_kernel.secret import Secret
    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime

    T = TypeVar("T")


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
        self._logged_in = ""

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
        return SessionConfig.read(text, where(self.context, self.name))

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
        place = self._sealed_at(config, ENV)
        env = {key: change(place, key, text) for key, text in config.env.items()}
        notes = provenance.rechecked(config.env_from, config.env, env)
        mapped = self._mapped_params(config, change)
        return replace(mapped, env=MappingProxyType(env), env_from=notes)

    def _before_sealing(self) -> None:
        if not self.config.uid:
            uid = os.urandom(8).hex()
            self._update(lambda old: old if old.uid else replace(old, uid=uid))

    def _update(self, change: Callable[[SessionConfig], SessionConfig]) -> SessionConfig:
        """As `Kept._update`; a session that is being renamed is changed under its new name."""

        def step(old: SessionConfig) -> SessionConfig:
            if TO in old.extra:
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
        self,
        values: Mapping[str, str | Secret],
        *,
        once: bool = False,
        was: Mapping[str, str | None] = NOTHING,
        by: str = "",
    ) -> None:
        """Set several variables, in one step.

        Args:
            values: By name.
            once: Whether a variable that is set already is an error.
            was: What the change is based on, by name: the text that `env_shown` tells, None where
                there was no variable.
            by: As in `env_set`.

        Raises:
            BadNameError: As `env_set`; none is set then.
            ChangedError: One is not what it was; none is set then.
            EnvKeyError: One is set already, and may not be; none is set then.
            SecretError: As `env_set`; none is set then.
        """
        for key, value in values.items():
            check_env(key, value)
        with self._sealing(values.values()) as seal:

            def change(old: SessionConfig) -> SessionConfig:
                self._check_was(old, ENV, old.env, was, old.env_from)
                taken = sorted(values.keys() & old.env.keys()) if once else []
                if taken:
                    raise EnvKeyError(
                        f"{', '.join(taken)} is already set in session {self.name}",
                        hint="use env_set to change it, or env_delete first",
                    )
                env = {**old.env, **seal(old, ENV, values, old.env)}
                return self._with_env(old, env, values, by)

            self._update(change)

    def env_get(self, key: str, default: str | None = None) -> str:
        """A variable's value.

        Raises:
            EnvKeyError: It is not set, and no default is given.
            SecretError: It is encrypted and cannot be opened.
        """
        config = self.config
        text = config.env.get(key)
        if text is not None:
            if not sealed.is_sealed(text):
                return text
            return self._opened(config, ENV, {key: text})[key]
        if default is not None:
            return default
        raise _no_env(self, key, config.env)

    def env_delete(
        self, key: str, *more: str, was: Mapping[str, str | None] = NOTHING, by: str = ""
    ) -> None:
        """Delete a variable, or several in one step.

        Args:
            key: Its name.
            more: Others.
            was: What the change is based on, as in `env_update`.
            by: What deletes them, as in `env_set`.

        Raises:
            ChangedError: One is not what it was; none is deleted then.
            EnvKeyError: One is not set; none is deleted then.
        """
        keys = (key, *more)

        def change(old: SessionConfig) -> SessionConfig:
            self._check_was(old, ENV, old.env, was, old.env_from)
            missing = next((key for key in keys if key not in old.env), None)
            if missing is not None:
                raise _no_env(self, missing, old.env)
            env = {key: value for key, value in old.env.items() if key not in keys}
            return self._with_env(old, env, keys, by)

        self._update(change)

    def _with_env(
        self, old: SessionConfig, env: Mapping[str, str], keys: Iterable[str], by: str
    ) -> SessionConfig:
        """The record with other variables, which differ in some keys at most."""
        before = {key: old.env[key] for key in keys if key in old.env}
        after = {key: env[key] for key in keys if key in env}
        if before == after:
            return old
        notes = provenance.noted(old.env_from, before, after, self._change(by))
        return replace(old, env=MappingProxyType(env), env_from=notes)

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
        return self._opened(config, ENV, env)

    def env_shown(self) -> dict[str, Shown]:
        """Every variable as it may be shown, by name."""
        config = self.config
        return self._shown(config, ENV, {key: config.env[key] for key in sorted(config.env)})

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
        opened = self._opened(config, ENV, kept)
        return opened, self._params_of(config, params) if params else {}

    def opened(self) -> tuple[SessionConfig, dict[str, str | Secret], dict[str, str | Secret]]:
        """The record, its variables, and those of its parameters that are encrypted, opened.

        Raises:
            SecretError: One is encrypted and cannot be opened.
        """
        config = self.load().config
        hidden = {key: text for key, text in self._parsed(config).items() if sealed.is_sealed(text)}
        kept = ((ENV, config.env), (PARAMS, hidden))
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
        self.name = renaming.settled(self, self.config)
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
        config = self._update(lambda old: resumed(change(old), now))
        point_latest(self, config)
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
        more = {KILLED: end} if killed else {}

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
            gone = (KILLED, DOOMED) if old.end else (DOOMED,)
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
        renaming.check_free(context, new)
        databases, own = context.dbcollection(), database(self.name)
        if databases.exists(own) and databases.get(own).kids():
            _ = self._secrets.kid  # unlock now: what is sealed in it is bound to its name
        self._update(lambda old: replace(old, ephemeral=False, extra={**old.extra, TO: new}))
        self.load()
        self._logger = self._kept_in = None
        point_latest(self, self.config)
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
        # each run asks, and Path would take as long as the disk
        if logger is None or not isdir(self._logged_in):  # noqa: PTH112  # as said
            # renamed by another kernel, or gone
            self.save()  # as in keep_run
            host = self.context.host
            home = self._folder()
            folder, self._logged_in = home / "logs", str(home)
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

    @property
    def runs_mark(self) -> str:
        """Another text after each run that was kept here; see `hero_kernel.runs.mark`."""
        return self._runs_mark()

    def _runs_mark(self) -> str:
        host, context = self.context.host, self.context.name
        return runs.mark(f"{host.home}/context/{context}/{self.name}")

    def _runs(self) -> Path:
        return self.context.path / self.name

    def _folder(self, *parts: str) -> Path:
        context = self.context.load()
        return files.folder(context.host.home, "context", context.name, self.name, *parts)


class _RenamedError(Exception):
    """The record may not be changed any more under this name."""


def point_latest(session: Session, config: SessionConfig) -> None:
    """Make a session the context's latest, unless it was made for one run."""
    context = session.context
    if not config.ephemeral:
        context.host.store.put(context.id, LATEST, session.name)


def _no_env(session: Session, key: str, env: Mapping[str, str]) -> EnvKeyError:
    return EnvKeyError(
        f"{key} is not set in session {session.name}",
        hint=did_you_mean(key, env) or "set it with env_set",
    )
