"""Binding: which context and session a notebook or a program is on, and why."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from hero_kernel import contexts, sessions
from hero_kernel.errors import BadNameError, SessionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hero_kernel.contexts import Context
    from hero_kernel.host import Host
    from hero_kernel.sessions import Session


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a binding can be read from.

    Attributes:
        environ: Environment variables: `HERO_CONTEXT`, `HERO_SESSION`.
        variables: The notebook's variables: `hero_context`, `hero_session`.
        notebook: The notebook's file, where the front end can be trusted to know it.
        notebook_why: Who said so.
    """

    environ: Mapping[str, str]
    variables: Mapping[str, object]
    notebook: Path | None = None
    notebook_why: str = ""


@dataclass(frozen=True, slots=True)
class Bound:
    """A session, and how it was arrived at.

    Attributes:
        session: The session.
        is_new: Whether it was created just now.
        context_why: What named the context.
        session_why: What named the session.
    """

    session: Session
    is_new: bool
    context_why: str
    session_why: str


def context(host: Host, around: Surroundings) -> tuple[Context, str]:
    """The context that the surroundings name, created when it is not there, and who named it."""
    name, why = _named(around, "context")
    if not name:
        return contexts.get(host, 0), "the default context, since nothing names another"
    return contexts.new(host, name), why


def session(where: Context, why: str, around: Surroundings) -> Bound:
    """The session in a context that the surroundings name, created when it is not there."""
    name, session_why = _named(around, "session")
    if not name and around.notebook is not None:
        name = _for_notebook(where, around.notebook)
        session_why = f"the notebook {around.notebook}, from {around.notebook_why}"
    if not name:
        found = sessions.new(where)
        return Bound(found, True, why, "the time, since no notebook is known and nothing names one")
    is_new = not sessions.exists(where, name)
    notebook = str(around.notebook) if around.notebook is not None and is_new else ""
    found = sessions.new(where, name, notebook=notebook)
    return Bound(found, is_new, why, session_why)


def _named(around: Surroundings, what: str) -> tuple[str, str]:
    """The name that a variable or the environment gives, and which did."""
    variable, environment = f"hero_{what}", f"HERO_{what.upper()}"
    value = around.variables.get(variable)
    if isinstance(value, str) and value:
        return value, f"the variable {variable}"
    if value is not None and not isinstance(value, str):
        raise SessionError(
            f"the variable {variable} is {type(value).__name__}", hint="make it a name, a str"
        )
    value = around.environ.get(environment, "").strip()
    return value, f"{environment} in the environment" if value else ""


def _for_notebook(where: Context, notebook: Path) -> str:
    """The session that is this notebook's: by its path, with a hash when another has the name."""
    plain = slug(notebook, where.coderoot)
    for name in (plain, f"{plain}_{_hash(notebook)}"):
        if not sessions.exists(where, name):
            return name
        if sessions.get(where, name).config.notebook in ("", str(notebook)):
            return name
    raise SessionError(
        f"two notebooks have the session name {plain}",
        hint="name one with HERO_SESSION or the variable hero_session",
    )


def slug(notebook: Path, coderoot: Path) -> str:
    """A session name from a notebook's path below the code root or its repository.

    `…/project/notebooks/01_intro.ipynb` gives `notebooks_01_intro`. Looks for `.git` on the disk.
    """
    root = next((p for p in notebook.parents if p == coderoot or (p / ".git").exists()), None)
    path = notebook.relative_to(root or notebook.parent).with_suffix("")
    name = re.sub(r"[^a-z0-9]+", "_", str(path).lower()).strip("_")[-_LONGEST:].lstrip("_")
    try:
        return sessions.canonical(name)
    except BadNameError:  # too short, or reserved
        return f"notebook_{name or _hash(notebook)}"


_LONGEST = 50
"""Characters of a slug; room is left for a hash."""


def _hash(notebook: Path) -> str:
    return sha256(os.fsencode(notebook)).hexdigest()[:8]
