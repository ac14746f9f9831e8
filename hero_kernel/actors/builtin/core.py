"""The `core` actor: settings and parameters of the context and the session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import files
from hero_kernel.actors import foreign
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError
from hero_kernel.heroscript import Action
from hero_kernel.report import Changed
from hero_kernel.secret import Secret
from hero_kernel.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hero_kernel.contexts import Context
    from hero_kernel.kept import Shown
    from hero_kernel.secrets import Secrets


@mark("core.coderoot_set")
def coderoot_set(session: Session, *, coderoot: Path, action: Action) -> Changed | str:
    """Say where the context's code is checked out; the folder is made.

    Args:
        coderoot: A folder; `~` is the home folder.
    """
    foreign.refuse(action, "choose the code root")
    root = Path.cwd() / coderoot
    if not root.is_dir():
        files.folder(root)
    if session.context.config.coderoot == str(root):
        return str(root)
    session.context.configure(coderoot=str(root))
    return Changed(str(root))


@mark("core.params_context_set")
def params_context_set(session: Session, /, **params: str) -> Changed | str:
    """Merge parameters into the context's: any key, any value."""
    return _merged(session.context, session.context, params, session.by)


@mark("core.params_session_set")
def params_session_set(session: Session, /, **params: str) -> Changed | str:
    """Merge parameters into the session's: any key, any value."""
    return _merged(session, session.context, params, session.by)


def _merged(
    whose: Context | Session, context: Context, params: dict[str, str], by: str
) -> Changed | str:
    if not params:
        raise ActionError("no parameter is given", hint="write key:value")
    marked = {key: context.secrets.marked(value) for key, value in params.items()}
    if not news(context.secrets, whose.params_shown, marked):
        return ", ".join(params)
    whose.params_set(marked, by=by)
    return Changed(", ".join(params))


def news(
    secrets: Secrets, shown: Callable[[], Mapping[str, Shown]], given: Mapping[str, str | Secret]
) -> bool:
    """Whether any of the values is not kept already; unlocks where everything is encrypted.

    Args:
        secrets: The context's.
        shown: Tells what is kept.
        given: What is to be kept.

    Raises:
        ActionError: One would take the place of a secret, and stand there in the clear.
    """
    if secrets.encrypts:
        secrets.ready()
    kept = shown()
    for key, value in given.items():
        is_secret = key in kept and kept[key].state in ("secret", "locked")
        if is_secret and not isinstance(value, Secret):
            raise ActionError(
                f"{key} is a secret, or locked", hint="delete it first, if it shall be plain text"
            )
    return any(key not in kept or kept[key].text != value for key, value in given.items())


def refuse_secret(secrets: Secrets, what: str, text: str) -> None:
    """Keep a secret, which a script's `{NAME}` became, out of what is never encrypted.

    Args:
        secrets: The context's.
        what: What the text is, for the message: "key".
        text: What would stand in the clear.

    Raises:
        ActionError: It holds a secret.
    """
    if isinstance(secrets.marked(text), Secret):
        raise ActionError(
            f"the {what} holds a secret, and would stand in the clear",
            hint="only a value is kept encrypted",
        )
