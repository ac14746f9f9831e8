"""The `secret` actor: the context's secret, and the named ones; none stands in a script."""

from __future__ import annotations

import os
from pathlib import Path

from hero_kernel import files
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError, SecretError
from hero_kernel.crypto import generate
from hero_kernel.keyring import read_secret_file
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
    secrets.put(name, _given(session, name, env, path))
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
    session: Session, *, path: Path | None = None, encrypt: bool | None = None
) -> Changed | str:
    """Give the context its secret: from a file, or asked for twice.

    Args:
        path: A file of mode 0600 that holds it.
        encrypt: Whether every value of the context is kept encrypted from now on.
    """
    secrets = session.context.secrets
    if path is not None:
        secrets.set(read_secret_file(Path.cwd() / path), encrypt=encrypt)
    else:
        secrets.prepare(None, encrypt=encrypt)
    return Changed(session.context.guid)


@mark("secret.generate")
def generate_(session: Session, *, path: Path, encrypt: bool | None = None) -> Changed:
    """Make up a secret for the context, and write it to a file: nobody can guess or remember it.

    Args:
        path: A new file; it gets mode 0600. Keep it where the context's files are not.
        encrypt: Whether every value of the context is kept encrypted from now on.
    """
    file = Path.cwd() / path
    if file.exists():
        raise ActionError(f"{file} is there already", hint="name a new file")
    if session.context.secrets.is_set:
        raise SecretError("the context has a secret", hint="change it with %hero_secret rotate")
    made = generate()
    files.write(file, made.reveal().encode() + b"\n")
    session.context.secrets.set(made, encrypt=encrypt)
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
def lock(session: Session) -> Changed:
    """Forget the keys of the context, in this kernel."""
    session.context.secrets.lock()
    return Changed(session.context.guid)


def _given(session: Session, name: str, env: str, path: Path | None) -> Secret:
    if env and path is not None:
        raise ActionError("env and path are given", hint="give one of them")
    if path is not None:
        return read_secret_file(Path.cwd() / path)
    if not env:
        return session.context.secrets.asked(f"Value of {name}: ")
    found = session.env_all(locked=False).get(env, os.environ.get(env))
    if not found:
        raise ActionError(f"{env} is not set in the environment", hint="set it before the kernel")
    return Secret(found)
