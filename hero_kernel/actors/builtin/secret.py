"""The `secret` actor: the context's secret, and the named ones; none stands in a script."""

from __future__ import annotations

import os
from pathlib import Path

from hero_kernel import keyring
from hero_kernel.actors import foreign
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed, Skipped
from hero_kernel.secret import Secret
from hero_kernel.sessions import Session


@mark("secret.set")
def set_(
    session: Session,
    *,
    name: str,
    env: str = "",
    path: Path | None = None,
    value: Secret | None = None,
    action: Action,
) -> Changed:
    """Keep a named secret, encrypted; it is asked for, hidden, unless it is said where it is.

    Args:
        name: What it is called.
        env: A variable of the process that holds it.
        path: A file of mode 0600 that holds it.
        value: Refused: the script, its history and its output would hold the secret.
    """
    secrets = session.context.secrets
    if value is not None:
        secrets.hide(value.reveal())
        raise ActionError(
            "a secret is not written into a script, which is kept and shown",
            hint="leave value out to be asked for it, or give env: or path:",
        )
    if env and path is not None:
        raise ActionError("env and path are given", hint="give one of them")
    if env or path is not None:
        foreign.refuse(action, "read a file or a variable where it likes")
    variable = keyring.variable(name)  # the name is looked at before anybody is asked
    secrets.ready(interactive=True)
    if path is not None:
        given = keyring.read_secret_file(Path.cwd() / path)
    elif env:
        given = _from_environment(session, env)
    else:
        given = secrets.asked_for(name, otherwise=f"set {variable}, or give env: or path:")
    secrets.put(name, given)
    return Changed(name)


@mark("secret.delete")
def delete(session: Session, *, name: str) -> Changed:
    """Delete a named secret; an error when there is none.

    Args:
        name: What it is called.
    """
    session.context.secrets.delete(name)
    return Changed(name)


@mark("secret.list", harmless=True)
def list_(session: Session) -> str:
    """The names of the kept secrets, one a line."""
    return "\n".join(session.context.secrets.names())


@mark("secret.new")
def new(
    session: Session, *, path: Path | None = None, encrypt: bool | None = None, action: Action
) -> Changed | str:
    """Give the context its secret: from a file, or asked for twice; one that it has may stay.

    Args:
        path: A file of mode 0600 that holds it; an error when the context has another one.
        encrypt: Whether every value of the context is kept encrypted from now on.
    """
    foreign.refuse(action, "choose the context's secret")
    secrets = session.context.secrets
    before = secrets.is_set, secrets.encrypts
    given = None if path is None else keyring.read_secret_file(Path.cwd() / path)
    secrets.prepare(given, encrypt=encrypt, interactive=True)
    name = session.context.guid
    return name if (secrets.is_set, secrets.encrypts) == before else Changed(name)


@mark("secret.generate")
def generate(
    session: Session, *, path: Path, encrypt: bool | None = None, action: Action
) -> Changed:
    """Make up a secret for the context, and write it to a file: nobody can guess or remember it.

    Args:
        path: A new file; it gets mode 0600. Keep it where the context's files are not.
        encrypt: Whether every value of the context is kept encrypted from now on.
    """
    foreign.refuse(action, "choose the context's secret")
    file = Path.cwd() / path
    session.context.secrets.generate(file, encrypt=encrypt)
    return Changed(f"written to {file}")


@mark("secret.unlock")
def unlock(session: Session) -> Skipped | Changed:
    """Unlock what the context keeps encrypted, by `HERO_SECRET_FILE` or by asking."""
    secrets = session.context.secrets
    if not secrets.is_locked:
        return Skipped("it is unlocked")
    secrets.unlock(interactive=True)
    return Changed(session.context.guid)


@mark("secret.lock")
def lock(session: Session) -> Skipped | Changed:
    """Forget the keys of the context, in this kernel."""
    secrets = session.context.secrets
    if secrets.is_locked:
        return Skipped("it is locked")
    secrets.lock()
    return Changed(session.context.guid)


def _from_environment(session: Session, name: str) -> Secret:
    found = Secret(session.env_all(locked=False).get(name) or os.environ.get(name, ""))
    if not found:
        raise ActionError(f"{name} is not set in the environment", hint="set it before the kernel")
    return found
