"""Acts: what the panels do to contexts and sessions.

What binds the notebook, or is about the session it is on, becomes a line that runs in the kernel
as a cell does, after the cells that run; it is returned. Everything else is done at once, and
nothing is returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel import contexts, names, ownership, sessions, settings
from hero_kernel.errors import (
    ContextError,
    ContextExistsError,
    ContextNotFoundError,
    SecretRequiredError,
    SessionError,
    SessionExistsError,
    SessionHeldError,
    SessionNotFoundError,
    UsageError,
)
from magics.panels import given
from magics.panels.view import magic
from magics.session import exported

if TYPE_CHECKING:
    from hero_kernel import Context, Session
    from magics.doorway import Door

WAYS = ("", "share", "fork", "takeover")
"""What to do about others who are on a session; as `magics.holding.company_arguments`."""


def session_of(context: Context, name: object) -> Session:
    """The session of exactly that name.

    Raises:
        SessionNotFoundError: There is none.
    """
    wanted = given.text(name, "the session")
    for one in sessions.every(context):
        if one.name == wanted:
            return one
    raise SessionNotFoundError(
        f"context {context.name} has no session {wanted!r}",
        hint="it was deleted or renamed meanwhile",
    )


def context_of(door: Door, number: object) -> Context:
    """The context of that id; the default one is not made for it.

    Raises:
        ContextNotFoundError: There is none.
    """
    wanted = given.number(number, "the context")
    for one in door.workspace.contexts_list():
        if one.id == wanted:
            return one
    raise ContextNotFoundError(
        f"there is no context with id {wanted}", hint="it was deleted meanwhile"
    )


def label(context: Context) -> str:
    """What a magic calls a context so that no other one is meant."""
    name, there = context.config.name, context.host
    if name.isdecimal():  # as a word of a magic it would be an id
        return f"{name}@{context.id}"
    same = [one for one in contexts.every(there) if one.name == name]
    return name if same[:1] == [context] else f"{name}@{context.id}"


def use(door: Door, context: Context, *, session: str, way: str = "", new: str = "") -> str:
    """The line that binds the notebook to a session of a context.

    Args:
        door: The notebook's.
        context: Where the session is.
        session: Its name.
        way: What to do about others who are on it, one of `WAYS`.
        new: What a fork is called; default `$name_fork`.
    """
    found = session_of(context, session)
    way, new = given.one_of(way, "the way", *WAYS), given.text(new, "the name of the copy")
    options = [f"--{way}"] if way else []
    if way == "fork" and new.strip():
        options += ["--as", _free(context, new)]
    if _is_notebooks(door, context):
        return magic("hero_session", "use", found.name, *options)
    return magic("hero_context", "use", label(context), "-s", found.name, *options)


def new(door: Door, context: Context, *, name: str) -> str:
    """The line that makes a session and binds the notebook to it; without a name, by the time.

    Raises:
        UsageError: One without a name would be in another context than the notebook's.
    """
    wanted = given.text(name, "the name").strip()
    wanted = _free(context, wanted) if wanted else ""
    if _is_notebooks(door, context):
        return magic("hero_session", "new", *filter(None, [wanted]))
    if not wanted:
        raise UsageError("a session in another context needs a name", hint="type one")
    return magic("hero_context", "use", label(context), "-s", wanted)


def rename(
    door: Door, context: Context, *, session: str, name: str, takeover: bool = False
) -> str | None:
    """Give a session another name.

    Args:
        door: The notebook's.
        context: Where the session is.
        session: Its name.
        name: The new one.
        takeover: Whether also when others are on it, who must bind to it again.

    Raises:
        SecretRequiredError: Its database is bound to its name, and is locked.
        SessionExistsError: The name is taken.
        SessionHeldError: Others are on it.
    """
    found = session_of(context, session)
    wanted = sessions.canonical(given.text(name, "the name"))
    if wanted == found.name:
        return None
    wanted = _free(context, wanted)
    if not given.flag(takeover, "takeover"):
        _refuse_held(door, found, "renaming")
    if _is_on(door, found):
        return magic("hero_session", "set", f"name={wanted}")
    secrets, databases = context.secrets, context.dbcollection()
    own = sessions.database(found.name)
    if secrets.is_locked and databases.exists(own) and databases.get(own).kids():
        raise SecretRequiredError(
            f"the database of session {found.name} is bound to its name, and locked",
            hint=f"%hero_secret unlock in context {context.name}, then rename it",
        )
    found.rename(wanted)
    return None


def end(door: Door, context: Context, *, session: str) -> str | None:
    """Record a session's end.

    Raises:
        SessionHeldError: Others are on it.
    """
    found = session_of(context, session)
    if _is_on(door, found):
        return magic("hero_session", "end")
    _refuse_held(door, found, "ending")
    found.close()
    return None


def delete(door: Door, context: Context, *, session: str, takeover: bool = False) -> str | None:
    """Delete a session with its folder and its database.

    Raises:
        SessionHeldError: Others are on it, and need not leave.
    """
    found, takeover = session_of(context, session), given.flag(takeover, "takeover")
    if _is_on(door, found):
        options = ["--files", "--db", "--yes", *(["--takeover"] if takeover else [])]
        return magic("hero_session", "rm", found.name, *options)
    ownership.free(found, "deleting", hold=door.hold, takeover=takeover)
    door.workspace.session_delete(found.name, context=context, files=True, db=True)
    return None


def reset(door: Door, context: Context, *, session: str, takeover: bool = False) -> str:
    """The line that empties the notebook's session.

    Raises:
        SessionError: It is another one.
    """
    found = session_of(context, session)
    if not _is_on(door, found):
        raise SessionError(f"the notebook is not on session {found.name}", hint="switch to it")
    more = ["--takeover"] if given.flag(takeover, "takeover") else []
    return magic("hero_session", "reset", "--yes", *more)


def export(
    door: Door,
    context: Context,
    *,
    session: str,
    file: str,
    log: bool = False,
    runs: bool = False,
    replace: bool = False,
) -> dict[str, Any]:
    """Write a session into a file; a file that is there is only told, unless it is replaced.

    Returns:
        `{"said": …}`, or `{"there": PATH}` when there is one, and nothing was written.
    """
    found, wanted = session_of(context, session), given.text(file, "the file").strip()
    log, runs = given.flag(log, "log"), given.flag(runs, "runs")
    if not wanted or "\0" in wanted:
        raise UsageError("the session needs a file to go to", hint="such as lesson.zip")
    path = settings.expanded(wanted)
    if path.exists() and not given.flag(replace, "replace"):
        return {"there": str(path)}
    made = door.workspace.session_export(found, path, log=log, runs=runs)
    return {"said": repr(exported(made, log=log, runs=runs))}


def describe(door: Door, context: Context, *, session: str, text: str, was: str) -> None:
    """Change a session's description.

    Raises:
        SessionError: It was changed meanwhile, or holds a secret and was not seen whole.
    """
    found, wanted = session_of(context, session), given.text(text, "the description")
    now = found.description
    _refuse_other("the description", was, now, door)
    found.description = wanted


def interact(context: Context, *, session: str, on: bool) -> None:
    """Say whether a session may ask questions."""
    session_of(context, session).interactive = given.flag(on, "on")


def use_context(door: Door, *, context: int) -> str:
    """The line that binds the notebook to a context."""
    return magic("hero_context", "use", label(context_of(door, context)))


def new_context(door: Door, *, name: str) -> str:
    """The line that makes a context and binds the notebook to it.

    Raises:
        ContextExistsError: There is one of that name.
    """
    wanted = names.canonical(given.text(name, "the name"), "context")
    _refuse_context(door, wanted)
    return magic("hero_context", "new", wanted)


def rename_context(door: Door, *, context: int, name: str) -> str | None:
    """Give a context another name.

    Raises:
        ContextError: It is the default context.
        ContextExistsError: Another one has the name.
    """
    found = context_of(door, context)
    wanted = names.canonical(given.text(name, "the name"), "context")
    if wanted == found.name:
        return None
    if found.id and _is_notebooks(door, found):
        _refuse_context(door, wanted)
        return magic("hero_context", "set", f"name={wanted}")
    found.rename(wanted)
    return None


def delete_context(door: Door, *, context: int, typed: str) -> str:
    """The line that deletes a context with its sessions, files, databases and keys.

    Args:
        door: The notebook's.
        context: Its id.
        typed: Its name, as the user has typed it to confirm that.

    Raises:
        ContextError: It is the default context, or the name is another one.
        SessionHeldError: Others are on a session of it.
    """
    found = context_of(door, context)
    if found.id == 0:
        raise ContextError("the default context is not deleted here", hint="delete its sessions")
    if given.text(typed, "the name") != found.name:
        raise ContextError(f"{typed} is not the name of context {found.name}", hint="type it again")
    for name in ownership.held(found):
        _refuse_held(door, sessions.Session(found, name), f"deleting context {found.name} with")
    return magic("hero_context", "rm", label(found), "--files", "--db", "--yes")


def configure(context: Context, *, coderoot: str, was: str) -> None:
    """Change where a context's code is checked out; empty for the default.

    Raises:
        ContextError: It was changed meanwhile.
    """
    wanted, now = given.text(coderoot, "the code root").strip(), context.config.coderoot
    if "\0" in wanted:
        raise ContextError("the code root holds a control character", hint="type it again")
    if now != was:
        raise ContextError(
            f"the code root was changed meanwhile, to {now or 'the default'}",
            hint="look at it, then save again",
        )
    context.configure(coderoot=wanted)


def interact_context(context: Context, *, on: bool) -> None:
    """Say whether a context may ask questions."""
    context.configure(interactive=given.flag(on, "on"))


def _is_notebooks(door: Door, context: Context) -> bool:
    """Whether a verb of `%hero_session` would be about that context."""
    return door.workspace.selected_context == context


def _is_on(door: Door, session: Session) -> bool:
    return session == door.workspace.selected_session


def _free(context: Context, name: str) -> str:
    wanted = sessions.canonical(given.text(name, "the name"))
    if context.session_exists(wanted):
        raise SessionExistsError(f"session {wanted} exists", hint="choose another name")
    return wanted


def _refuse_context(door: Door, name: str) -> None:
    if door.workspace.context_exists(name):
        raise ContextExistsError(f"context {name} exists", hint="choose another name")


def _refuse_held(door: Door, session: Session, doing: str) -> None:
    hold = door.hold
    others = ownership.holders(session, but="" if hold is None else hold.lease.holder)
    if others:
        raise SessionHeldError(
            f"{doing} session {session.name}: {others[0].who} is on it", hint="end that one first"
        )


def _refuse_other(what: str, was: object, now: str, door: Door) -> None:
    """Refuse an edit of a text that has become another one since, or was seen masked."""
    if was == now:
        return
    seen = door.workspace.redactor.mask(now)
    if was == seen:
        raise SessionError(
            f"{what} holds a secret, and is not shown whole",
            hint="%hero_session set description=… writes another one",
        )
    raise SessionError(
        f"{what} was changed meanwhile, to {seen or 'nothing'}", hint="look at it, then save again"
    )
