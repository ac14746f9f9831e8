"""The `session` actor: environment variables and settings of the session."""

from __future__ import annotations

from pathlib import Path

from hero_kernel.actors import foreign
from hero_kernel.actors.builtin.core import news, refuse_secret
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed
from hero_kernel.sessions import Session


@mark("session.env_set")
def env_set(
    session: Session, *, key: str, val: str | None = None, value: str | None = None
) -> Changed | str:
    """Set a variable of the session; `${env:KEY}` and `{KEY}` in later actions become its value.

    A value that holds a secret is kept as one.

    Args:
        key: The variable's name.
        val: Its value.
        value: The same, spelt out.
    """
    secrets = session.context.secrets
    refuse_secret(secrets, "key", key)
    kept = secrets.marked(_value(val, value))
    if not news(secrets, session.env_shown, {key: kept}):
        return key
    session.env_set(key, kept)
    return Changed(key)


@mark("session.env_set_once")
def env_set_once(
    session: Session, *, key: str, val: str | None = None, value: str | None = None
) -> Changed:
    """Set an environment variable that is not set yet; an error when it is.

    Args:
        key: The variable's name.
        val: Its value.
        value: The same, spelt out.
    """
    refuse_secret(session.context.secrets, "key", key)
    session.env_set_once(key, session.context.secrets.marked(_value(val, value)))
    return Changed(key)


@mark("session.env_delete")
def env_delete(session: Session, *, key: str) -> Changed:
    """Delete an environment variable of the session; an error when it is not set.

    Args:
        key: The variable's name.
    """
    session.env_delete(key)
    return Changed(key)


@mark("session.configure")
def configure(
    session: Session, *, interactive: bool | None = None, description: str | None = None
) -> Changed | str:
    """Change the session's settings; what is not given stays.

    Args:
        interactive: Whether questions may be asked.
        description: For people.
    """
    refuse_secret(session.context.secrets, "description", description or "")
    before = session.config
    if interactive is not None and interactive != before.interactive:
        session.interactive = interactive
    if description is not None and description != before.description:
        session.description = description
    return session.guid if session.config == before else Changed(session.guid)


@mark("session.close")
def close(session: Session) -> Changed:
    """Record the session's end; what it holds stays."""
    session.close()
    return Changed(str(session.end))


@mark("session.fork")
def fork(session: Session, *, name: str = "") -> Changed:
    """Copy the session: its variables, parameters and database; this run goes on in the session.

    Args:
        name: What the copy is called; default: `$name_fork`.
    """
    refuse_secret(session.context.secrets, "name", name)
    return Changed(session.fork(name).guid)


@mark("session.export")
def export(
    session: Session, *, path: Path, log: bool = False, runs: bool = False, action: Action
) -> Changed:
    """Write the session into one file, without its secrets.

    Args:
        path: The file; one that is there is replaced.
        log: Also its log.
        runs: Also the reports of its runs.
    """
    foreign.refuse(action, "write a file where it likes")
    return Changed(str(session.export(path, log=log, runs=runs).path))


def _value(val: str | None, value: str | None) -> str:
    text = value if val is None else val
    if text is None or (val is not None and value is not None):
        raise ActionError("give one of val and value", hint="session.env_set key:NAME val:TEXT")
    return text
