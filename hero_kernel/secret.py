"""Secret: a value that does not show itself."""

from __future__ import annotations

from typing import NoReturn

MASK = "••••••"
"""Of fixed width, without prefix or suffix of the value: even a length is a leak."""


class Secret:
    """A text that is shown as a mask wherever it is printed, formatted or represented.

    Protects against accidents, not against code that asks for `reveal()`.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; let it go no further than it must."""
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled; reveal() it where it is needed")
