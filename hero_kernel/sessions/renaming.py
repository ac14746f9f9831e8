"""Renaming: a session gets another name, in its record, on its folder and its database.

The record under the old name is marked, and changed no more; a copy is made under the new one; the
old one is deleted, the folder moved, the mark taken off. Whoever comes upon a mark goes on from
there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hero_kernel import files, leases, names
from hero_kernel.errors import (
    BadNameError,
    CorruptRecordError,
    DatabaseNotFoundError,
    SecretRequiredError,
    SessionExistsError,
)
from hero_kernel.sessions.record import FROM, PREFIX, TO, SessionConfig, canonical, database

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.contexts import Context
    from hero_kernel.sessions.session import Session


def settled(session: Session, config: SessionConfig) -> str:
    """Finish the renaming that a session's record speaks of; its name afterwards."""
    context, name = session.context, session.name
    new, old = config.extra.get(TO), config.extra.get(FROM)
    if isinstance(new, str):
        new = canonical(new)
        renamed = type(session)(context, new)
        _copy(session, config, renamed)
        return settled(renamed, renamed.config)
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
    session._update(lambda c: replace(c, extra=_without(c.extra, FROM)))  # noqa: SLF001  # same room
    return name


def _copy(session: Session, marked: SessionConfig, renamed: Session) -> None:
    context, old, new = session.context, session.name, renamed.name
    store, rest = context.host.store, _without(marked.extra, TO)
    copy = replace(marked, name=new, extra={**rest, FROM: old})
    if store.create(context.id, PREFIX + new, copy.text()):
        return
    if renamed.config.extra.get(FROM) == old:
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
        return SessionConfig.read(text, "").extra.get(TO) == new
    except CorruptRecordError:
        return False


def _without(extra: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name != key}


def check_free(context: Context, name: str) -> None:
    """Raise SessionExistsError when a session has the name, or a deleted one left data under it."""
    if context.host.store.get(context.id, PREFIX + name) is not None:
        raise taken(context, f"a session {name!r}")
    if files.is_left_over(context.path / name):
        raise taken(context, f"a folder of a deleted session {name!r}")
    if context.dbcollection().exists(database(name)):
        raise taken(context, f"a database of a deleted session {name!r}")


def taken(context: Context, what: str) -> SessionExistsError:
    """The error for a name that something has already."""
    return SessionExistsError(f"context {context.name} has {what}", hint="choose another name")
