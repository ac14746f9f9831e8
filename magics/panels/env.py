"""The panel of environment variables and parameters, a session's and its context's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import ChangedError, HeroscriptError, SecretRequiredError, UsageError
from hero_kernel.heroscript import Params, key_fix
from hero_kernel.kept import Shown, changed_meanwhile
from hero_kernel.provenance import UNKNOWN
from magics.env import NAME
from magics.kept import kept_table
from magics.panels.given import same, text, version
from magics.panels.steps import Steps
from magics.panels.view import Followed, magic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Context, Session
    from hero_kernel.provenance import Source
    from magics.display import Table
    from magics.doorway import Door

    Json = dict[str, Any]

CUT = 300
"""Characters of a value that are sent unasked."""

LONGEST = 200_000
"""Characters of a value that can be edited in a panel."""

STILL = 40
"""Rows of a table that stay in a saved notebook."""

TABLES = ("env", "params", "shared")
"""The session's variables, its parameters, and the parameters of its context."""

_EDITABLE = ("", "encrypted")


@dataclass(frozen=True)
class _Kept:
    """How the values of a table are read and changed.

    Attributes:
        shown: As they may be shown, by name.
        sources: Where they came from, by name.
        update: Takes values by name, `was` and `by`.
        delete: Takes a name, `was` and `by`.
    """

    shown: Callable[[], Mapping[str, Shown]]
    sources: Callable[[], Mapping[str, Source]]
    update: Callable[..., object]
    delete: Callable[..., object]

    def before(self, name: str) -> Shown | None:
        """What is there."""
        return self.shown().get(name)

    def meanwhile(self, name: str, *, was: bool) -> ChangedError:
        """The error for a value that is not what a front end saw."""
        source = self.sources().get(name, UNKNOWN)
        return changed_meanwhile(name, source, was=was, is_there=self.before(name) is not None)


class View(Followed):
    """Variables and parameters: where each came from, and what changed; edited in place."""

    kind = "env"

    def __init__(self, door: Door, session: Session | None = None) -> None:
        super().__init__(door, session)
        self._steps = Steps()
        self._names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The session's name with its context's."""
        return f"env and parameters of {self.session().guid}"

    def mark(self) -> object:
        """The revision of the context's records, and what of this process the state tells."""
        session = self.session()
        revision = self.door.workspace.store.revision(session.context.id)
        hides = self._hides()
        hidden = tuple(name for name in self._names if hides(name))
        is_locked = session.context.secrets.is_locked
        return session.guid, revision, is_locked, hidden, self._steps.mark()

    def state(self) -> Json:
        """Each table's rows."""
        session = self.session()
        env = session.env_shown()
        self._names = tuple(env)
        state: Json = {
            "of": session.guid,
            "context": session.context.guid,
            "env": self._rows(env, session.env_sources(), self._hides()),
            "undo": self._steps.told(session.guid),
        }
        for table in ("params", "shared"):
            state |= self._params_state(session, table)
        rows = [row for table in TABLES for row in state[table]]
        return state | {"locked": any(row["state"] == "locked" for row in rows)}

    def _params_state(self, session: Session, table: str) -> Json:
        kept = _kept(session, table)
        try:
            rows = self._rows(kept.shown(), kept.sources(), lambda _: False)
            return {table: rows, f"{table}_words": _words(_owner(session, table))}
        except HeroscriptError as error:  # another program's: the variables are shown all the same
            return {table: [], f"{table}_words": (), f"{table}_fault": str(error)}

    def _rows(
        self,
        shown: Mapping[str, Shown],
        sources: Mapping[str, Source],
        hides: Callable[[str], bool],
    ) -> list[Json]:
        rows = []
        for name, seen in self._all_masked(shown).items():
            row = {
                "name": name,
                "text": seen.text[:CUT],
                "cut": len(seen.text) > CUT,
                "state": seen.state,
                "version": _version(seen),
                "hides": hides(name),
            }
            rows.append(row | _told(sources.get(name, UNKNOWN)))
        gone = [name for name, source in sources.items() if source.changed == "deleted"]
        return rows + [{"name": name, "state": "deleted"} | _told(sources[name]) for name in gone]

    def _masked(self, one: Shown) -> Shown:
        """A value as the page may see it: a part of one may be a secret."""
        masked = self.door.workspace.redactor.mask(one.text)
        return one if masked == one.text else Shown(masked, "holds a secret")

    def _all_masked(self, shown: Mapping[str, Shown]) -> dict[str, Shown]:
        return {name: self._masked(one) for name, one in shown.items()}

    def _hides(self) -> Callable[[str], bool]:
        """Tells of a name whether the process has another value of it."""
        return self.door.hides if self.is_notebooks else lambda _: False

    def still(self) -> Sequence[Table]:
        """The variables, the parameters, and those that are shared if there are any."""
        session = self.session()
        env = self._all_masked(session.env_shown())
        tables = [
            kept_table(
                "variable",
                env,
                session.env_sources(),
                title=f"env of {session.guid}",
                notes=() if env else ("no variable is set",),
            )
        ]
        for owner in (session, session.context):
            shown, words = self._all_masked(owner.params_shown()), _words(owner)
            if not (shown or words):
                continue
            whose = "session" if owner is session else "context"
            title = f"parameters of {whose} {owner.guid}"
            tables.append(
                kept_table("parameter", shown, owner.params_sources(), title=title, words=words)
            )
        return [replace(table, limit=STILL) for table in tables]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Look at a value, set, delete, undo, and the magics for what a hidden prompt must ask."""
        return {
            "value": self._value,
            "set": self._set,
            "delete": self._delete,
            "undo": self._undo,
            "ask_secret": self._ask_secret,
            "unlock": self._unlock,
        }

    def _at(self, of: Any, table: Any = "env") -> tuple[Session, _Kept]:
        session = self.session()
        same(of, session.guid)
        if table not in TABLES:
            raise UsageError(f"there is no table {table}", hint=f"one of {', '.join(TABLES)}")
        return session, _kept(session, table)

    def _value(self, *, of: Any, table: Any, name: Any) -> Json:
        _, kept = self._at(of, table)
        one = kept.before(text(name, "the name"))
        if one is None:
            raise kept.meanwhile(name, was=True)
        seen = self._masked(one)
        if seen.state not in _EDITABLE:
            raise UsageError(f"the value of {name} is not shown: {seen.state}")
        if len(seen.text) > LONGEST:
            raise UsageError(
                f"the value of {name} has {len(seen.text)} characters", hint="set it in a cell"
            )
        return {"text": seen.text, "version": _version(seen)}

    def _set(self, *, of: Any, table: Any, name: Any, value: Any, was: Any) -> Any:
        """The name as it is kept."""
        session, kept = self._at(of, table)
        value = text(value, "the value")
        name = text(name, "the name") if table == "env" else key_fix(text(name, "the name"))
        before = self._seen(session, kept, name, was)
        if before is not None and before.state in ("secret", "locked"):
            raise UsageError(
                f"{name} is a secret, and would no longer be one",
                hint="replace it by another secret, or delete it first",
            )
        self._put(kept, name, value, before)

        def back() -> None:
            self._check_open(session)
            now = kept.before(name)
            if now is None or now.text != value:
                raise kept.meanwhile(name, was=True)
            if before is None:
                self._drop(kept, name, now)
            else:
                self._put(kept, name, before.text, now)

        what = f"the adding of {name}" if before is None else f"the change of {name}"
        self._steps.add(session.guid, what, self._told_before(before), back)
        return name

    def _delete(self, *, of: Any, table: Any, name: Any, was: Any) -> bool:
        """Whether it can be undone."""
        session, kept = self._at(of, table)
        before = self._seen(session, kept, text(name, "the name"), was)
        if before is None:
            raise kept.meanwhile(name, was=True)
        self._drop(kept, name, before)
        if before.state not in _EDITABLE:
            return False

        def back() -> None:
            self._check_open(session)
            self._put(kept, name, before.text, None)

        what = f"the deletion of {name}"
        self._steps.add(session.guid, what, self._told_before(before), back)
        return True

    def _undo(self, *, of: Any, number: Any) -> str:
        session, _ = self._at(of)
        return self._steps.undo(number, session.guid)

    def _ask_secret(self, *, of: Any, table: Any, name: Any) -> str:
        self._at(of, table)
        self._check_notebooks()
        name = text(name, "the name")
        if table == "env":
            if not NAME.fullmatch(name):
                raise UsageError(f"{name!r} is no name of a variable", hint=_LETTERS)
            return magic("hero_env", "set", "--secret", name)
        name = next(iter(Params({name: ""})))
        if not name.replace("_", "").isalnum():
            raise UsageError(f"{name!r} is no key that is set on a line", hint=_LETTERS)
        return magic("hero_param", "set", "--secret", *["--shared"] * (table == "shared"), name)

    def _unlock(self, *, of: Any) -> str:
        self._at(of)
        self._check_notebooks()
        return magic("hero_secret", "unlock")

    def _check_notebooks(self) -> None:
        if not self.is_notebooks:
            raise UsageError(
                "the notebook is on another session, and a secret is typed for that one",
                hint=f"run {magic('hero_session', self.session().name)}, then try again",
            )

    def _seen(self, session: Session, kept: _Kept, name: str, was: Any) -> Shown | None:
        """What is there, which is what the front end saw."""
        there = kept.before(name)
        if was != (None if there is None else _version(self._masked(there))):
            raise kept.meanwhile(name, was=was is not None)
        self._check_open(session)
        return there

    def _check_open(self, session: Session) -> None:
        """Refuse where setting would have to ask for the secret: nobody sees that question."""
        secrets = session.context.secrets
        if secrets.encrypts and secrets.is_locked:
            raise SecretRequiredError(
                f"context {session.context.name} is locked, and keeps every value encrypted",
                hint="unlock it first",
            )

    def _told_before(self, was: Shown | None) -> str:
        if was is None:
            return "there was none before"
        seen = self._masked(was).text
        return f"it was {seen if len(seen) <= CUT else f'{seen[:CUT]}…'!r} before"

    def _put(self, kept: _Kept, name: str, value: str, was: Shown | None) -> None:
        kept.update({name: value}, was={name: None if was is None else was.text}, by=self.by)
        self._export()

    def _drop(self, kept: _Kept, name: str, was: Shown) -> None:
        kept.delete(name, was={name: was.text}, by=self.by)
        self._export()

    def _export(self) -> None:
        if self.is_notebooks:
            self.door.export(self.session())


_LETTERS = "letters a-z, digits and _"


def _owner(session: Session, table: str) -> Session | Context:
    return session.context if table == "shared" else session


def _kept(session: Session, table: str) -> _Kept:
    if table == "env":
        return _Kept(session.env_shown, session.env_sources, session.env_update, session.env_delete)
    owner = _owner(session, table)
    return _Kept(owner.params_shown, owner.params_sources, owner.params_set, owner.params_delete)


def _words(owner: Session | Context) -> tuple[str, ...]:
    """Parameters without a value, as they stand in the record: nothing is opened."""
    return Params.from_text(owner.config.params, name=f"params of {owner.guid}").args


def _version(seen: Shown) -> str:
    """What an edit of a value is based on; of what is not shown, that it is not shown."""
    return version(seen.text) if seen.state in _EDITABLE else "hidden"


def _told(source: Source) -> Json:
    return {"source": str(source), "when": source.at, "changed": source.changed}
