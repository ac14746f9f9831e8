"""The panel of a context's secret, and of the secrets it keeps by name; never of a value."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hero_kernel import keyring
from hero_kernel.errors import HeroError, UsageError
from hero_kernel.secrets import DATABASE
from magics.display import Line, Table
from magics.panels.given import same, text
from magics.panels.view import Followed, magic
from magics.status import ago

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from hero_kernel import Context

    Json = dict[str, Any]

STILL = 40
"""Rows that stay in a saved notebook."""

_LINES = {
    "new": ("new",),
    "new_all": ("new", "--encrypt"),
    "import": ("import",),
    "unlock": ("unlock",),
    "lock": ("lock",),
    "rotate": ("rotate",),
    "rotate_new": ("rotate", "--new"),
    "resume": ("resume",),
    "restore": ("restore", "--yes"),
    "encrypt": ("encrypt", "on"),
    "decrypt": ("encrypt", "off"),
}
"""What a button says, as the words of `%hero_secret`; everything secret is asked for, hidden."""

_NAMED = ("set", "unset")
"""Those that a name follows."""


class View(Followed):
    """The context's secret: whether it is locked, how it is kept, and what it keeps by name."""

    kind = "secrets"

    def context(self) -> Context:
        """The context that is shown: that of the session."""
        return self.session().context

    @property
    def title(self) -> str:
        """The context's name."""
        return f"secrets of context {self.context().guid}"

    def mark(self) -> object:
        """The records, the files of keys and named secrets, the lock, and what variables say."""
        context = self.context()
        revision = self.door.workspace.store.revision(context.id)
        files = _stamp(context.keys_path / keyring.FILE_NAME), _stamp(context.db_get(DATABASE).path)
        given = [name for name in self.door.workspace.environ if name.startswith("HERO_SECRET_")]
        return context.guid, revision, files, context.secrets.is_locked, given

    def state(self) -> Json:
        """How the secret stands, and the names with the time they were set."""
        context = self.context()
        state: Json = {"of": context.guid, "name": context.name, "named": [], "fault": ""}
        try:
            state |= self._standing(context)
        except HeroError as error:
            state |= {"standing": "damaged", "fault": str(error)}
        try:
            state["named"] = self._named(context)
        except HeroError as error:
            state["named_fault"] = str(error)
        return state

    def _standing(self, context: Context) -> Json:
        secrets = context.secrets
        if not secrets.is_set:
            return {"standing": "herolib" if secrets.is_legacy else "none"}
        info = secrets.info
        return {
            "standing": "locked" if secrets.is_locked else "unlocked",
            "encrypts": secrets.encrypts,
            "when": str(info.changed),
            "kdf": info.kdf,
            "kid": info.kid,
            "generations": info.generations,
        }

    def _named(self, context: Context) -> list[Json]:
        environ = self.door.workspace.environ
        rows = []
        for name, source in context.secrets.sources().items():
            variable = _variable(name)
            is_given = bool(environ.get(variable))  # it stands before what is kept
            row = {"name": name, "when": source.at, "source": str(source)}
            rows.append(row | {"variable": variable if is_given else ""})
        return rows

    def still(self) -> Sequence[Table | Line]:
        """How the secret stands, and the names."""
        state = self.state()
        standing: str = state["standing"]
        rows = [("secret", _SAID.get(standing, standing))]
        if standing in ("locked", "unlocked"):
            age = self.context().secrets.info.age_s
            rows += [
                ("encrypted", "every value" if state["encrypts"] else "what is marked as a secret"),
                ("set", f"{state['when']} UTC, {ago(age)}"),
                ("key derivation", state["kdf"]),
                ("key in use", state["kid"]),
            ]
        parts: list[Table | Line] = [
            Table(("", ""), tuple(rows), title=self.title, note=state["fault"])
        ]
        if state["named"]:
            named = tuple((one["name"], one["source"], one["when"]) for one in state["named"])
            parts.append(
                Table(("named secret", "source", "when (UTC)"), named, limit=STILL),
            )
        return parts

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """The lines of the magics that do what a button says."""
        return {"line": self._line}

    def _line(self, *, of: Any, what: Any, name: Any = "") -> str:
        same(of, self.context().guid)
        here = self.door.workspace.selected_session
        if here is None or here.context != self.context():
            raise UsageError(
                "the notebook is in another context, and a secret is typed for that one",
                hint=f"run {magic('hero_context', self.context().name)}, then try again",
            )
        if what in _NAMED:
            keyring.variable(text(name, "the name"))
            return magic("hero_secret", what, name)
        if not isinstance(what, str) or what not in _LINES:
            raise UsageError(f"nothing is called {what} here")
        return magic("hero_secret", *_LINES[what])


_SAID = {
    "none": "none",
    "herolib": "herolib's; whoever can read the records can use it",
    "damaged": "its keyring cannot be read",
}


def _variable(name: str) -> str:
    """The variable that stands before a kept secret; empty for a name of another program's."""
    with suppress(HeroError):
        return keyring.variable(name)
    return ""


def _stamp(path: Path) -> object:
    """Another value after every change of a file, or when it comes or goes; cheap."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
