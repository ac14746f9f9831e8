"""Fork: a copy of a session to go on in, while the other goes on as it is."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from hero_kernel import names, sessions
from hero_kernel.errors import SessionExistsError
from hero_kernel.sessions import SessionConfig, canonical, database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.sessions import Session


def fork(session: Session, name: str = "") -> Session:
    """Copy a session: its variables, its parameters and its own database; not its log and runs.

    Values that are encrypted are so in the copy, bound to their new place. The database is copied
    as it is at one moment, whatever its size; others may write to it meanwhile. The copy is no
    notebook's yet, starts now, and its description tells where it is from.

    Args:
        session: Which; it stays as it is.
        name: What the copy is called; default `$name_fork`, with `_2` and so on when that is taken.

    Raises:
        BadNameError: The name cannot name a session.
        SecretError: Something is encrypted, and the secret is not to be had; nothing is made.
        SessionExistsError: The name is taken, or a deleted session left data under it.
    """
    context = session.load().context
    databases, own = context.dbcollection(), database(session.name)
    has_own = databases.exists(own)
    secrets = context.secrets
    needs_keys = secrets.encrypts or session.kids() or (has_own and databases.get(own).kids())
    # a key that the copy is made with is not retired before the copy is where it is looked for
    with secrets.writing() if needs_keys else nullcontext():
        config, env, params = session.opened()
        copy = SessionConfig(
            name="",
            start=str(context.host.now()),
            description=f"fork of {session.name}",
            params=config.params,
            interactive=config.interactive,
        )
        for new in [canonical(name)] if name else _free_names(session.name):
            draft = None
            try:
                sessions.check_free(context, new)
                if has_own:
                    draft = databases.draft(database(new), of=own)
                return sessions.establish(
                    context,
                    replace(copy, name=new),
                    env=env,
                    params=params,
                    by=f"forked from {session.name}",
                    draft=draft,
                )
            except SessionExistsError:
                if name:
                    raise
            finally:
                if draft is not None:
                    draft.destroy()
        raise AssertionError  # there is always another name


def _free_names(name: str) -> Iterator[str]:
    """Names to try, each as long as a name may be."""
    number = 1
    while True:
        tail = "_fork" if number == 1 else f"_fork_{number}"
        yield canonical(f"{name[: names.MAX_LENGTH - len(tail)]}{tail}")
        number += 1
