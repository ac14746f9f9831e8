"""Kept: what contexts and sessions have in common, a record in the store read at every question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from hero_kernel.heroscript import Params

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hero_kernel.errors import HeroError
    from hero_kernel.stores.base import Store


class Config(Protocol):
    """A record's fields, as a frozen dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def params(self) -> str:
        """Parameter text, as in an action."""

    @property
    def interactive(self) -> bool:
        """Whether questions may be asked."""

    def text(self) -> str:
        """The record as it is written."""


C = TypeVar("C", bound=Config)


class Kept(ABC, Generic[C]):
    """Something in the store; what it answers is read there, so another kernel's change shows."""

    @property
    @abstractmethod
    def _place(self) -> tuple[Store, int, str]:
        """The store, and the database number and key of the record in it."""

    @property
    @abstractmethod
    def guid(self) -> str:
        """What it is called, unlike anything else in the store."""

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
        return self._read(text)

    def _update(self, change: Callable[[C], C]) -> C:
        """Change the record as one step; a change that changes nothing writes nothing."""

        def step(text: str | None) -> str:
            if text is None:
                raise self._lost()
            old = self._read(text)
            new = change(old)
            return text if new == old else new.text()

        store, number, key = self._place
        return self._read(store.update(number, key, step) or "")

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
        """The kept parameters.

        Raises:
            HeroscriptError: What is kept does not parse.
        """
        return self._parsed(self.config)

    def params_set(self, values: Mapping[str, str]) -> Params:
        """Merge parameters into the kept ones, in one step; all of them afterwards."""
        return self._change_params(lambda params: params.with_params(values))

    def params_delete(self, key: str, *more: str) -> Params:
        """Delete a parameter, or several in one step; those that are left.

        Raises:
            ParamError: One is not there; none is deleted then.
        """

        def change(params: Params) -> Params:
            for one in (key, *more):
                params.get(one)
            return params.without(key, *more)

        return self._change_params(change)

    def _change_params(self, change: Callable[[Params], Params]) -> Params:
        config = self._update(
            lambda old: replace(old, params=change(self._parsed(old)).heroscript())
        )
        return self._parsed(config)

    def _parsed(self, config: C) -> Params:
        return Params.from_text(config.params, name=f"params of {self.guid}")


def defaults(fields: Mapping[str, Any], **required: Any) -> dict[str, Any]:
    """What each known field of a record is when it is absent, in the order of writing.

    Args:
        fields: `__dataclass_fields__` of the record's class; `extra` is no field of the record.
        required: What stands for fields without a simple default.
    """
    return {
        name: required.get(name, field.default) for name, field in fields.items() if name != "extra"
    }
