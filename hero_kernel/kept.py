"""Kept: what contexts and sessions have in common, a record in the store read at every question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from hero_kernel import cells, provenance, sealed
from hero_kernel.crypto import Cipher
from hero_kernel.errors import ChangedError, HeroscriptError, SecretError
from hero_kernel.heroscript import Params, key_fix
from hero_kernel.secret import MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from hero_kernel.errors import HeroError
    from hero_kernel.host import Host
    from hero_kernel.provenance import Change, Source
    from hero_kernel.stores.base import Store


class Sealer(Cipher, Protocol):
    """A cipher and when to use it; a context's `Secrets` is one."""

    @property
    def encrypts(self) -> bool:
        """Whether every value of the context is kept encrypted."""

    def writing(self) -> AbstractContextManager[bytes]:
        """While sealed values are written: the key's name, which is not retired meanwhile."""

    @property
    def is_locked(self) -> bool:
        """Whether opening a value would need the secret first."""

    def hide(self, text: str) -> None:
        """Mask a text from now on, wherever it would be shown."""


class Config(Protocol):
    """A record's fields, as a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def params(self) -> str:
        """Parameter text, as in an action."""

    @property
    def params_from(self) -> str:
        """Where the parameters came from; see `provenance`."""

    @property
    def interactive(self) -> bool:
        """Whether questions may be asked."""

    def text(self) -> str:
        """The record as it is written."""


C = TypeVar("C", bound=Config)

NOTHING: Mapping[str, str | None] = MappingProxyType({})
"""What a change is based on that is made whatever is there."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A kept value as it may be shown.

    Attributes:
        text: The value; a mask for a secret, and for what is locked.
        state: Empty when it is plain, "encrypted", "secret", or "locked": nobody can tell.
    """

    text: str
    state: str = ""


class Kept(ABC, Generic[C]):
    """Something in the store; what it answers is read there, so another kernel's change shows.

    Attributes:
        by: What changes it, as the sources of its values will say, while it is known better than
            by the cell that runs; a runner names the action here.
    """

    by: str = ""
    _last: tuple[str, C] | None = None

    @property
    @abstractmethod
    def _host(self) -> Host:
        """What it stands on."""

    @property
    @abstractmethod
    def _place(self) -> tuple[Store, int, str]:
        """The store, and the database number and key of the record in it."""

    @property
    @abstractmethod
    def guid(self) -> str:
        """What it is called, unlike anything else in the store."""

    @property
    @abstractmethod
    def _secrets(self) -> Sealer:
        """What seals and opens its values."""

    @abstractmethod
    def _sealed_at(self, config: C, what: str) -> str:
        """The place that values of a kind, "params" or "env", are bound to."""

    @abstractmethod
    def _read(self, text: str) -> C:
        """The record's fields; CorruptRecordError when it cannot be read."""

    @abstractmethod
    def _lost(self) -> HeroError:
        """The error for a record that is not there any more."""

    @property
    def config(self) -> C:
        """The record as it is now.

        Raises:
            CorruptRecordError: It cannot be read.
            ContextNotFoundError: It was a context's, and was deleted.
            SessionNotFoundError: It was a session's, and was deleted or renamed.
        """
        store, number, key = self._place
        text = store.get(number, key)
        if text is None:
            raise self._lost()
        return self.read_as(text)

    def read_as(self, text: str) -> C:
        """The fields of its record, whose text is known; the same text is read once.

        Raises:
            CorruptRecordError: It cannot be read.
        """
        last = self._last
        if last is not None and text == last[0]:
            return last[1]
        found = self._read(text)
        self._last = text, found
        return found

    def _update(self, change: Callable[[C], C]) -> C:
        """Change the record as one step; a change that changes nothing writes nothing."""
        made: list[tuple[str, C]] = []

        def step(text: str | None) -> str:
            if text is None:
                raise self._lost()
            old = self.read_as(text)
            new = change(old)
            made[:] = [(text, old) if new == old else (new.text(), new)]
            return made[0][0]

        store, number, key = self._place
        store.update(number, key, step)
        self._last = made[0]  # only now: what was not written is no record
        return made[0][1]

    def _change(self, by: str) -> Change:
        """What is noted of a change that is made now, by something or else by whoever is at it."""
        host = self._host
        cell = host.cells.current()
        by = by or self.by or (f"{cell.name} Python" if cell else "Python")
        kernel = cells.process() if cell else ""
        return provenance.Change(host.redactor.mask(by), str(host.now()), self._runs_mark(), kernel)

    def _runs_mark(self) -> str:
        """Another text after each run that is kept; empty where none is."""
        return ""

    def _sources(self, notes: str, stored: Mapping[str, str]) -> dict[str, Source]:
        """Where values came from, by what is noted of them."""
        return provenance.sources(notes, stored, self._runs_mark(), cells.process())

    def save(self) -> None:
        """Make sure that the record is there; changes are written when they are made.

        Raises:
            HeroError: As `config`; a lost record is not made up again.
        """
        _ = self.config

    @property
    def interactive(self) -> bool:
        """Whether questions may be asked; setting it is kept."""
        return self.config.interactive

    @interactive.setter
    def interactive(self, value: bool) -> None:
        self._update(lambda old: replace(old, interactive=value))

    @property
    def params(self) -> Params:
        """The kept parameters, encrypted ones as what they are.

        Raises:
            HeroscriptError: What is kept does not parse.
            SecretError: One is encrypted and cannot be opened.
        """
        config = self.config
        kept = self._parsed(config)
        sealed_ones = {key: text for key, text in kept.items() if sealed.is_sealed(text)}
        return kept.with_params(self._opened(config, _PARAMS, sealed_ones)) if sealed_ones else kept

    def _params_of(self, config: C, keys: Container[str]) -> dict[str, str]:
        """Those of the parameters, encrypted ones as what they are."""
        kept = {key: text for key, text in self._parsed(config).items() if key in keys}
        return self._opened(config, _PARAMS, kept)

    def params_shown(self) -> dict[str, Shown]:
        """The kept parameters as they may be shown, in order."""
        config = self.config
        return self._shown(config, _PARAMS, self._parsed(config))

    def params_sources(self) -> dict[str, Source]:
        """Where each kept parameter came from; then what was deleted since the last run.

        A context has no runs of its own: nothing of it is new or changed since one.
        """
        config = self.config
        return self._sources(config.params_from, self._parsed(config))

    def params_set(
        self,
        values: Mapping[str, str | Secret],
        *,
        was: Mapping[str, str | None] = NOTHING,
        by: str = "",
    ) -> Params:
        """Merge parameters into the kept ones, in one step; all of them afterwards, as kept.

        Args:
            values: By key.
            was: What the change is based on, by key: the text that `params_shown` tells, None
                where there was no parameter.
            by: What sets them, for `params_sources`; default: the cell or action at it.

        Raises:
            ChangedError: One is not what it was; none is set then.
            SecretError: A `Secret` is among them, and the context has none or is locked.
        """
        given = {key_fix(key): value for key, value in values.items()}
        with self._sealing(given.values()) as seal:

            def change(old: C, params: Params) -> Params:
                self._check_was(old, _PARAMS, params, was, old.params_from)
                return params.with_params(seal(old, _PARAMS, given, params))

            return self._change_params(change, by)

    def params_replace(self, params: Params, *, by: str = "") -> None:
        """Put parameters in the place of the kept ones, in one step; `by` as in `params_set`."""
        with self._sealing(params.values()) as seal:

            def change(old: C) -> C:
                try:
                    before: Mapping[str, str] = self._parsed(old)
                except HeroscriptError:  # what is kept is beyond reading: the more it is replaced
                    before = {}
                stored = params.with_params(seal(old, _PARAMS, params, before))
                return self._with_params(old, before, stored, by)

            self._update(change)

    def params_delete(
        self, key: str, *more: str, was: Mapping[str, str | None] = NOTHING, by: str = ""
    ) -> Params:
        """Delete a parameter, or several in one step; those that are left, as kept.

        Args:
            key: Its name.
            more: Others.
            was: What the change is based on, as in `params_set`.
            by: What deletes them, as there.

        Raises:
            ChangedError: One is not what it was; none is deleted then.
            ParamError: One is not there; none is deleted then.
        """

        def change(old: C, params: Params) -> Params:
            self._check_was(old, _PARAMS, params, was, old.params_from)
            for one in (key, *more):
                params.get(one)
            return params.without(key, *more)

        return self._change_params(change, by)

    def _change_params(self, change: Callable[[C, Params], Params], by: str) -> Params:
        def step(old: C) -> C:
            before = self._parsed(old)
            return self._with_params(old, before, change(old, before), by)

        return self._parsed(self._update(step))

    def _with_params(self, old: C, before: Mapping[str, str], after: Params, by: str) -> C:
        notes = provenance.noted(old.params_from, before, after, self._change(by))
        return replace(old, params=after.heroscript(), params_from=notes)

    def _parsed(self, config: C) -> Params:
        return Params.from_text(config.params, name=f"params of {self.guid}")

    def _before_sealing(self) -> None:
        """Make sure that the record has what sealed values are bound to."""

    @contextmanager
    def _sealing(self, values: Iterable[str | Secret]) -> Iterator[Seal[C]]:
        """While values are written that may have to be sealed: what makes them what is stored.

        Unlocks before the record is touched: a question must not be asked with a lock held.
        """
        secrets = self._secrets
        hidden = [value.reveal() for value in values if isinstance(value, Secret)]
        if not hidden and not secrets.encrypts:
            yield unsealed
            return
        for text in hidden:
            secrets.hide(text)
        with secrets.writing() as kid:
            self._before_sealing()

            def seal(
                config: C, what: str, given: Mapping[str, str | Secret], stored: Mapping[str, str]
            ) -> dict[str, str]:
                keep_all, place = secrets.encrypts, self._sealed_at(config, what)

                def one(key: str, value: str | Secret) -> str:
                    if not (keep_all or isinstance(value, Secret)):
                        return _checked(key, value)
                    if key in stored and self._is_sealed_as(place, key, stored[key], kid, value):
                        return stored[key]
                    return sealed.seal(secrets, kid, place, key, value)

                return {key: one(key, value) for key, value in given.items()}

            yield seal

    def _is_sealed_as(
        self, place: str, key: str, stored: str, kid: bytes, value: str | Secret
    ) -> bool:
        """Whether a stored text is this value already, so that setting it changes nothing."""
        if not sealed.is_sealed(stored):
            return False
        try:
            is_current = sealed.kid_of(place, key, stored) == kid
            return is_current and sealed.opened(self._secrets, place, key, stored) == value
        except SecretError:  # it is damaged, and is written anew
            return False

    def _opened(self, config: C, what: str, stored: Mapping[str, str]) -> dict[str, str]:
        """The stored texts as what they are; secrets among them are masked from now on."""
        found = {}
        for key, text in stored.items():
            value = sealed.opened(self._secrets, self._sealed_at(config, what), key, text)
            if isinstance(value, Secret):
                value = value.reveal()
                self._secrets.hide(value)
            found[key] = value
        return found

    def _shown(self, config: C, what: str, stored: Mapping[str, str]) -> dict[str, Shown]:
        return {key: self._shown_one(config, what, key, text) for key, text in stored.items()}

    def _shown_one(self, config: C, what: str, key: str, text: str) -> Shown:
        if not sealed.is_sealed(text):
            return Shown(text)
        place = self._sealed_at(config, what)
        try:
            if self._secrets.is_locked:
                return Shown(MASK, "locked")
            value = sealed.opened(self._secrets, place, key, text)
        except SecretError as error:
            return Shown(MASK, str(error.message))
        return Shown(MASK, "secret") if isinstance(value, Secret) else Shown(value, "encrypted")

    def _check_was(
        self,
        config: C,
        what: str,
        stored: Mapping[str, str],
        was: Mapping[str, str | None],
        notes: str,
    ) -> None:
        """Raise ChangedError where a value is shown otherwise than it was; see `params_set`."""
        for key, text in was.items():
            there = self._shown_one(config, what, key, stored[key]).text if key in stored else None
            if there == text:
                continue
            source = self._sources(notes, stored).get(key, provenance.UNKNOWN)
            raise changed_meanwhile(key, source, was=text is not None, is_there=there is not None)

    @abstractmethod
    def _mapped(self, config: C, change: Callable[[str, str, str], str]) -> C:
        """The record with each value that may be sealed changed: by place, key and stored text."""

    def reseal(self, kid: bytes) -> int:
        """Bring every sealed value under that key, in one step; how many were under another."""
        count = 0

        def change(place: str, key: str, stored: str) -> str:
            nonlocal count
            new = sealed.resealed(self._secrets, kid, place, key, stored)
            count += new is not stored
            return new

        def step(old: C) -> C:
            nonlocal count
            count = 0  # the step may be taken again
            return self._mapped(old, change)

        with self._secrets.writing():
            self._update(step)
        return count

    def convert(self, *, encrypt: bool) -> None:
        """Seal every value, or none but secrets, in one step."""
        secrets = self._secrets

        def change(place: str, key: str, stored: str) -> str:
            value = sealed.opened(secrets, place, key, stored)
            if isinstance(value, Secret) or sealed.is_sealed(stored) == encrypt:
                return stored
            return sealed.seal(secrets, kid, place, key, value) if encrypt else value

        with secrets.writing() as kid:
            self._before_sealing()
            self._update(lambda old: self._mapped(old, change))

    def kids(self) -> set[bytes]:
        """The names of the keys that its values are sealed with."""
        found: set[bytes] = set()

        def look(place: str, key: str, stored: str) -> str:
            if sealed.is_sealed(stored):
                found.add(sealed.kid_of(place, key, stored))
            return stored

        self._mapped(self.config, look)
        return found

    def _mapped_params(self, config: C, change: Callable[[str, str, str], str]) -> C:
        """The record with each parameter changed; the record itself when none is."""
        place, kept = self._sealed_at(config, _PARAMS), self._parsed(config)
        new = {key: change(place, key, text) for key, text in kept.items()}
        if new == dict(kept):
            return config
        notes = provenance.rechecked(config.params_from, kept, new)
        return replace(config, params=kept.with_params(new).heroscript(), params_from=notes)


_PARAMS = "params"


def changed_meanwhile(key: str, source: Source, *, was: bool, is_there: bool) -> ChangedError:
    """The error for a value that is not what a change was based on.

    Args:
        key: Its name.
        source: Where it came from.
        was: Whether there was to be one.
        is_there: Whether there is one.
    """
    how = "deleted" if not is_there else "changed" if was else "set"
    by = f" by {source}" if source.by else ""
    return ChangedError(
        f"{key} was {how} meanwhile{by}", hint="look at what is there now, and try again"
    )


Seal: TypeAlias = (
    "Callable[[C, str, Mapping[str, str | Secret], Mapping[str, str]], dict[str, str]]"
)
"""From a record, the kind of values, the values by key, and the texts that are stored now, to the
texts that are stored; one that is the value already stays as it is."""


def unsealed(_: object, __: str, given: Mapping[str, str | Secret], ___: object) -> dict[str, str]:
    """What is stored where nothing has to be sealed: the values."""
    return {key: _checked(key, value) for key, value in given.items()}


def _checked(key: str, value: str | Secret) -> str:
    text = str(value)
    sealed.check_plain(key, text)
    return text


def defaults(fields: Mapping[str, Any], **required: Any) -> dict[str, Any]:
    """What each known field of a record is when it is absent, in the order of writing.

    Args:
        fields: `__dataclass_fields__` of the record's class; `extra` is no field of the record,
            and `NOTES` are read on their own.
        required: What stands for fields without a simple default.
    """
    others = ("extra", *NOTES)
    return {
        name: required.get(name, field.default)
        for name, field in fields.items()
        if name not in others
    }


NOTES = ("env_from", "params_from", "secrets_from")
"""Fields with notes of where values came from; a record is good without them."""


def notes_in(fields: dict[str, Any], *names: str) -> dict[str, str]:
    """Take notes out of a record's other fields; what is none stays, as another program's."""
    found = {name: fields.pop(name) for name in names if isinstance(fields.get(name), str)}
    return {name: _writable(text) for name, text in found.items()}


def _writable(text: str) -> str:
    """Without halves of surrogate pairs: damage that would keep the record from being written."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def with_notes(extra: Mapping[str, Any], notes: Mapping[str, str]) -> dict[str, Any]:
    """A record's other fields after the notes there are, which take the place of what is none."""
    own: dict[str, Any] = {name: text for name, text in notes.items() if text}
    return own | {name: value for name, value in extra.items() if name not in own}
