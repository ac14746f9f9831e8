"""Collection: the sessions of a context, by name."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hero_kernel import files, leases, names, times
from hero_kernel.errors import (
    BadNameError,
    CorruptRecordError,
    DatabaseNotFoundError,
    SessionExistsError,
    SessionNotFoundError,
    did_you_mean,
)
from hero_kernel.heroscript import Params
from hero_kernel.sessions.record import (
    ENV,
    LATEST,
    PARAMS,
    PREFIX,
    SessionConfig,
    canonical,
    database,
    dated,
)
from hero_kernel.sessions.renaming import check_free, taken
from hero_kernel.sessions.session import Session, point_latest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hero_kernel.contexts import Context
    from hero_kernel.databases import Database
    from hero_kernel.secret import Secret


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
        point_latest(session, fresh)
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
        fresh = replace(config, uid=os.urandom(8).hex())
        filled = parsed.with_params(seal(fresh, PARAMS, values, {}))
        fresh = made._with_env(fresh, seal(fresh, ENV, env, {}), env, by)  # noqa: SLF001  # same room
        fresh = made._with_params(fresh, {}, filled, by)  # noqa: SLF001  # same room
        check_free(context, config.name)
        if draft is not None:
            fresh = replace(fresh, description=f"unfinished: {config.description}")
        if not context.host.store.create(context.id, PREFIX + config.name, fresh.text()):
            raise taken(context, f"a session {config.name!r}")
    if draft is not None:
        try:
            draft.move(context.db_get(database(config.name)).path)
        except BaseException as error:
            context.host.store.delete(context.id, PREFIX + config.name)
            if isinstance(error, FileExistsError):
                what = f"a database of a deleted session {config.name!r}"
                raise taken(context, what) from None
            raise
        made.description = config.description
    return Session(context, config.name)


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
            point_latest(session, fresh)
            return session
        wanted = f"{base}_{_last_number(context, base) + 1}"


def new_for_a_run(context: Context, *, notebook: str = "") -> Session:
    """Create a session for one run: kept for its log, and resumed only by its name.

    Args:
        context: Where.
        notebook: The file that is run.
    """
    while True:
        name = f"run_{context.host.now().key()}_{os.urandom(2).hex()}"
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
    now = context.host.now()
    if dated(session.config, now) != session.config:  # else nothing is written, or need be
        session._update(lambda old: dated(old, now))  # noqa: SLF001  # same room
    return session


def _latest(context: Context) -> Session:
    pointed = context.host.store.get(context.id, LATEST)
    if pointed and exists(context, pointed):
        return get(context, pointed)
    started = [
        (config.start, session.name)
        for session, config in every_read(context)
        if not config.ephemeral
    ]
    return get(context, max(started)[1]) if started else new(context)


def exists(context: Context, name: str) -> bool:
    """Whether there is a session of that name; no, for what cannot be a name."""
    try:
        return _found(context, name) is not None
    except BadNameError:
        return False


def every(context: Context) -> list[Session]:
    """The context's sessions, by name."""
    return [Session(context, name) for name in names_of(context)]


def names_of(context: Context, begun: str = "") -> list[str]:
    """The names of the context's sessions, sorted; of those whose name begins so."""
    return [name for name in _names(context, begun) if names.is_safe_folder(name)]


def every_read(context: Context) -> Iterator[tuple[Session, SessionConfig]]:
    """The context's sessions with their records, by name, from one reading.

    Those that cannot be read are left out.
    """
    for key, text in context.host.store.records(context.id, PREFIX).items():
        name = key.removeprefix(PREFIX)
        if key != LATEST and names.is_safe_folder(name):
            session = Session(context, name)
            with suppress(CorruptRecordError):
                yield session, session.read_as(text)


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


def _names(context: Context, begun: str = "") -> list[str]:
    keys = context.host.store.scan(context.id, PREFIX + begun)
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
