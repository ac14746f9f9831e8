"""What is being written where a text ends: for completion and help while somebody types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hero_kernel.heroscript.scan import _BLANK, _end, _Scanner, _Unclosed
from hero_kernel.heroscript.source import Source


@dataclass(frozen=True, slots=True)
class Spot:
    """What stands at the end of a text that was cut at the cursor.

    Attributes:
        what: "key" where a key or a bare word is written or may begin, "value" in one, or
            nothing: in a comment, behind a fault, or outside of the action.
        at: The offset where it begins; a value's quote is part of it.
        key: Whose value it is.
        values: The parameters that were complete before, by key.
        words: The bare words before.
        is_open: Whether it is a value whose quote is not closed.
    """

    what: Literal["key", "value", ""]
    at: int
    key: str
    values: dict[str, str]
    words: tuple[str, ...]
    is_open: bool = False


def spot(text: str, start: int = 0) -> Spot:
    """What is being written at the end of a text.

    Args:
        text: An action, from the beginning of its first line up to the cursor.
        start: The offset behind its name.
    """
    return _Recorder(Source(text), start, lines_end=True).spot()


class _Recorder(_Scanner):
    """Reads as the scanner reads, since that is the definition, and remembers what came last."""

    what: Literal["key", "value", ""] = ""
    begin = 0
    key = ""
    is_open = False
    is_in_comment = False

    def spot(self) -> Spot:
        """Read up to the end, and tell what is there."""
        self.run()
        size, found = len(self.text), self.found
        before = {key: text for key, text in found.values.items() if key != self.key}
        args = [arg for arg, at in zip(found.args, found.arg_at, strict=True) if at != self.begin]
        if self.what:
            return Spot(self.what, self.begin, self.key, before, tuple(args), self.is_open)
        if self.at_end and self.may_begin():
            return Spot("key", size, "", found.values, tuple(found.args))
        return Spot("", size, "", found.values, tuple(found.args))

    @property
    def at_end(self) -> bool:
        """Whether only blanks and empty lines are left."""
        return not self.text[self.at :].strip(" \t\n")

    def may_begin(self) -> bool:
        """Whether an item may stand at the very end: behind a blank, on a line of the action."""
        rest = self.text[self.at :]
        indent = rest.rpartition("\n")[2]
        if "\n" in rest:
            return len(indent) > 1 or "\t" in indent
        return self.text.endswith((" ", "\t", "-->")) and not self.is_in_comment

    def line_comment(self, at: int) -> None:
        super().line_comment(at)
        self.is_in_comment = self.at == len(self.text)

    def html_comment(self, at: int) -> None:
        super().html_comment(at)
        self.is_in_comment = not self.text.startswith("-->", self.at - 3)

    def arg(self, at: int, end: int) -> None:
        super().arg(at, end)
        if end == len(self.text):
            self.what, self.begin = "key", at

    def param(self, at: int, colon: int) -> None:
        self.begin = -1
        super().param(at, colon)
        size = len(self.text)
        key = self.text[at:colon].lower().lstrip("/")
        if self.is_open:
            self.what, self.key, self.at = "value", key, size
        elif self.at == size and self.begin >= 0:
            self.what, self.key = "value", key
        elif self.begin < 0 and _end(_BLANK, self.text, self.at) == size:  # nothing behind `key:`
            self.what, self.key, self.begin, self.at = "value", key, size, size

    def value(self) -> tuple[str, int]:
        try:
            return super().value()
        except _Unclosed:
            self.is_open = True
            raise

    def list_item(self) -> str:
        self.begin = self.at
        return super().list_item()

    def continues(self, *, colon: bool) -> bool:
        goes_on = super().continues(colon=colon)
        if self.text[self.at - 1 : self.at] == "," and not self.text[self.at :].strip(" \t"):
            self.begin, self.at = len(self.text), len(self.text)
        return goes_on
