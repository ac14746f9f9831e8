"""The panel of a session's environment variables and parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel.errors import EnvKeyError
from magics.kept import kept_table
from magics.panels.view import Followed, magic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from magics.display import Table


class View(Followed):
    """Environment variables: where each came from, and what changed; edited in place."""

    kind = "env"

    @property
    def title(self) -> str:
        """The session's name with its context's."""
        return f"env of {self.session().guid}"

    def mark(self) -> object:
        """The revision of the context's records."""
        session = self.session()
        return session.guid, self.door.workspace.store.revision(session.context.id)

    def state(self) -> dict[str, Any]:
        """The variables, by name."""
        session = self.session()
        sources = session.env_sources()
        return {
            "rows": [
                {
                    "name": name,
                    "text": shown.text,
                    "state": shown.state,
                    "source": str(sources[name]),
                    "when": sources[name].at,
                    "changed": sources[name].changed,
                }
                for name, shown in session.env_shown().items()
            ],
        }

    def still(self) -> Sequence[Table]:
        """The variables."""
        session = self.session()
        table = kept_table("variable", session.env_shown(), session.env_sources(), title=self.title)
        return [table]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Set, delete, and the magic that asks for a secret."""
        return {"set": self._set, "delete": self._delete, "ask_secret": self._ask_secret}

    def _set(self, *, name: str, text: str, was: str | None) -> None:
        session = self.session()
        shown = session.env_shown().get(name)
        if (None if shown is None else shown.text) != was:
            raise EnvKeyError(f"{name} was changed meanwhile", hint="look again")
        session.env_set(name, text, by=self.by)
        self._export()

    def _delete(self, *, name: str) -> None:
        self.session().env_delete(name, by=self.by)
        self._export()

    def _ask_secret(self, *, name: str) -> str:
        return magic("hero_env", "set", "--secret", name)

    def _export(self) -> None:
        if self.is_notebooks:
            self.door.export(self.session())
