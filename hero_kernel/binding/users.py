"""Users: names of people as parts of names of contexts and sessions; two never become one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hero_kernel import contexts, names
from hero_kernel.errors import BadNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

HUB = "JUPYTERHUB_USER"
"""JupyterHub sets it for every server it starts."""

_LOGINS = ("LOGNAME", "USER", "LNAME", "USERNAME")
"""Where the login name stands, in the order of Python's `getpass.getuser`."""

_SHORTEST = 3
"""A session's name has three characters at least."""

_LONGEST = 40

_HASHED = re.compile(r".*_[0-9a-f]{12}")


def filled(name: str, environ: Mapping[str, str]) -> str:
    """The name with `{user}` as who uses it: `JUPYTERHUB_USER`, else the login name."""
    if _HOLE not in name:
        return name
    return name.replace(_HOLE, safe(environ.get(HUB) or _login(environ)))


_HOLE = "{user}"


def _login(environ: Mapping[str, str]) -> str:
    named = next((environ[key] for key in _LOGINS if environ.get(key)), "")
    if named:
        return named
    from getpass import getuser  # noqa: PLC0415  # seldom needed

    try:
        return getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        raise BadNameError(
            "{user} stands for nobody: there is no login name here", hint=f"set {HUB}"
        ) from None


def safe(user: str) -> str:
    """A user's name as a name of a context or a session, or a part of one.

    Where writing it so would lose something (`Ann`, `ann.b`, `ann-b`) a hash makes up for it; a
    name that ends as if it had a hash gets one too, and so does a number, which would be an id.
    """
    try:
        kept = names.canonical(user, "user", shortest=_SHORTEST, dots=False)
    except BadNameError:
        kept = ""
    is_taken = user == contexts.DEFAULT or user.isdecimal() or _HASHED.fullmatch(user)
    if user and kept == user and len(user) <= _LONGEST and not is_taken:
        return user
    from hashlib import sha256  # noqa: PLC0415  # it loads OpenSSL, and few names need it

    digest = sha256(user.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    plain = re.sub("[^a-z0-9]+", "_", user.lower()).strip("_")[:_LONGEST]
    return f"{plain or 'user'}_{digest}"
