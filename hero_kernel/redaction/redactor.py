"""Redactor: masks the values it was told of, in whole texts and in streams."""

from __future__ import annotations

import re
import warnings
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn

from hero_kernel.redaction.spellings import SHORTEST, SHORTEST_LINE, spellings
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    Span = tuple[int, int]


class Redactor:
    """The values that must not be seen; made for many threads.

    It holds them in memory for as long as it lives: what was once a secret stays one.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._names: dict[str, str] = {}
        self._finder = _Finder()
        self._fresh: set[str] = set()  # spellings that the finder does not know yet
        self._waiting: list[Callable[[], None]] = []
        self._has_warned = False

    def add(self, value: str, name: str = "") -> None:
        """Mask a value from now on.

        Args:
            value: The value; shorter than 4 characters it is not masked, and a warning, the first
                time, says so.
            name: What it is called, for `names`.
        """
        if len(value.strip()) < SHORTEST:
            self._warn(value, name)
            return
        with self._lock:
            if value in self._names:
                return
            self._fresh |= spellings(value)
            self._names[value] = name
            waiting, self._waiting = self._waiting, []
            for call in waiting:  # with the lock held: another thread's value waits for it too
                call()

    def _warn(self, value: str, name: str) -> None:
        if value and not self._has_warned:
            self._has_warned = True
            which = f"the value of {name}" if name else "a value"
            warnings.warn(
                f"{which} is too short to mask: fewer than {SHORTEST} characters", stacklevel=3
            )

    def names(self) -> tuple[str, ...]:
        """What the values are called, each name once, sorted."""
        with self._lock:
            return tuple(sorted({name for name in self._names.values() if name}))

    @property
    def is_empty(self) -> bool:
        """Whether no value is known, so that nothing is masked."""
        return not self._names

    def when_filled(self, call: Callable[[], None]) -> None:
        """Call once when the first value is known, before `add` returns; now if one is."""
        with self._lock:
            if self.is_empty:
                self._waiting.append(call)
                return
        call()

    def cancel(self, call: Callable[[], None]) -> None:
        """Take a call of `when_filled` back, if it was not made yet."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one != call]

    def mask(self, text: str) -> str:
        """The text with a mask in place of every value; masks of values that touch are one.

        Values that terminal colours break up are found too.
        """
        if not self._names:
            return text
        spans = self.finder.spans(text)
        if not spans:
            return text
        shown: list[str] = []
        at = 0
        for start, end in spans:
            shown += (text[at:start], _masked(text[start:end]))
            at = end
        return "".join((*shown, text[at:]))

    def mask_bytes(self, data: bytes) -> bytes:
        """The same for text in UTF-8; bytes that are none stay as they are."""
        if self.is_empty:
            return data
        return self.mask(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def mask_data(self, data: Any, *, keep: Container[str] = ()) -> Any:
        """The same for mappings, lists and tuples of texts and numbers, as in a message.

        What holds no value is handed back itself, and nothing is changed in place.

        Args:
            data: Anything; bytes are left alone.
            keep: Keys that stay as they are.
        """
        if self.is_empty:
            return data
        return self._mask_data(data, keep)

    def _mask_data(self, data: Any, keep: Container[str]) -> Any:
        if isinstance(data, str):
            return self.mask(data)
        if data is None or isinstance(data, (bool, bytes, bytearray, memoryview)):
            return data
        if isinstance(data, (int, float)):
            return MASK if self.finder.is_numeric and self.finder.spans(repr(data)) else data
        if isinstance(data, Mapping):
            pairs = list(data.items())
            masked: list[Any] = [
                (
                    self.mask(key) if isinstance(key, str) and key not in keep else key,
                    self._mask_data(value, keep),
                )
                for key, value in pairs
            ]
            same = all(
                old[0] is new[0] and old[1] is new[1]
                for old, new in zip(pairs, masked, strict=True)
            )
            return data if same else dict(masked)
        if isinstance(data, Iterable):
            items = list(data)
            masked = [self._mask_data(item, keep) for item in items]
            same = all(old is new for old, new in zip(items, masked, strict=True))
            return data if same and isinstance(data, (list, tuple)) else masked
        return data

    def stream(self) -> Stream:
        """For text that arrives in pieces."""
        return Stream(self)

    @property
    def finder(self) -> _Finder:
        """What finds the values known now; it learns of new ones when it is first needed."""
        if self._fresh:
            with self._lock:
                if self._fresh:  # still: another thread may have been here meanwhile
                    self._finder, self._fresh = self._finder.extended(self._fresh), set()
        return self._finder

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor knows secrets, and is not pickled")


class Stream:
    """Masks a text that arrives in pieces, as `Redactor.mask` would mask the whole of it.

    The end of what came, where it may be the beginning of a value, is kept back until more comes
    or it is flushed. What was flushed is remembered: of a value that goes on afterwards, the rest
    is masked. One stream is for one thread at a time.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._tail = ""
        self._out = 0  # so much of the tail has been let out, raw or under a mask
        self._is_masked = False  # the last that was let out is a mask

    @property
    def held(self) -> int:
        """How many characters are kept back."""
        return max(0, len(self._tail) - self._out)

    def feed(self, text: str) -> str:
        """Take the next piece; what of the text so far may be seen, and was not handed out yet."""
        if self._redactor.is_empty:
            return text
        self._tail += text
        return self._let_out(len(self._tail) - self._redactor.finder.partial(self._tail))

    def _let_out(self, until: int) -> str:
        """Mask what begins before a place in the tail; what comes after that is the new tail."""
        text, at = self._tail, self._out
        shown: list[str] = []
        for start, end in self._redactor.finder.spans(text):
            if end <= at or start >= until:
                continue
            if start > at:
                shown.append(text[at:start])
                self._is_masked = False
            if not self._is_masked:
                shown.append(_masked(text[max(at, start) : end]))
                self._is_masked = True
            at = end
        if at < until:
            shown.append(text[at:until])
            self._is_masked = False
            at = until
        self._tail, self._out = text[until:], at - until
        return "".join(shown)

    def pause(self) -> str:
        """What is kept back, when nothing came for a while: unless it is most of a value.

        Fewer than 4 characters give nothing away; with more, the value may be on its way, letter
        by letter, and the rest of the line waits for `flush`.
        """
        return self.flush() if len(self._tail) < SHORTEST else ""

    def flush(self) -> str:
        """What is kept back, because something else is to be seen after it."""
        if not self._tail:
            self._is_masked = False
            return ""
        known = self._tail
        rest = self._let_out(len(known))
        self._tail, self._out, self._is_masked = known, len(known), False
        return rest


GRAM = 4
"""Characters of a text that are looked up at once; no spelling is shorter."""

STEP = 12
"""Larger steps find little sooner, and make the tables larger."""

LAYER = 4
"""How many times larger a layer is, at least, than the next."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""Colours and other commands to a terminal: ECMA-48's CSI, and OSC as terminals end it."""

_BEGUN = re.compile(r"\x1b(?:\[[0-?]{0,24}[ -/]{0,2})?\Z")
"""The beginning of one; longer than any colour's, it is none."""

_NUMBER = frozenset("0123456789+-.e")


class _Finder:
    """Finds a fixed set of texts, kept in layers, each some times smaller than the one before.

    So a text that is added costs little, however many there are.
    """

    def __init__(self, layers: tuple[_Layer, ...] = ()) -> None:
        self._layers = layers
        self._longest = max((layer.longest for layer in layers), default=0)
        self.is_numeric = any(layer.is_numeric for layer in layers)

    def extended(self, texts: set[str]) -> _Finder:
        """One that finds these texts too."""
        layers = list(self._layers)
        while layers and len(layers[-1].texts) < LAYER * len(texts):
            texts = texts | layers.pop().texts
        return _Finder((*layers, _Layer(texts)))

    def spans(self, text: str) -> list[Span]:
        """Where any of the texts stands, in order; what overlaps or touches is one."""
        found: list[Span] = []
        for layer in self._layers:
            found += layer.hits(text)
        if "\x1b" in text:
            plain, places = _without_escapes(text)
            hits = (span for layer in self._layers for span in layer.hits(plain))
            found += [(places[start], places[end - 1] + 1) for start, end in hits]
        if not found:
            return found
        merged: list[Span] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def partial(self, text: str) -> int:
        """How long the longest end of the text is with which one of the texts may begin."""
        text = text[-8 * self._longest :]  # with more colours than this between, it is no value
        if "\x1b" not in text:
            return self._beginning(text)
        plain, places = _without_escapes(text)
        begun = _BEGUN.search(plain)
        if begun:
            plain = plain[: begun.start()]
        held = self._beginning(plain)
        end = places[len(plain)] if begun else len(text)
        return len(text) - (places[len(plain) - held] if held else end)

    def _beginning(self, text: str) -> int:
        return max((layer.beginning(text) for layer in self._layers), default=0)


class _Layer:
    """Finds a fixed set of texts.

    Every `step`th group of four characters is looked up among those of the texts, where `step` is
    such that none can lie between: a long text is passed over quickly. As short texts ask for
    small steps, long ones are looked for by themselves.
    """

    def __init__(self, texts: set[str]) -> None:
        self.texts = texts
        self.longest = max(map(len, texts))
        self.is_numeric = any(_NUMBER.issuperset(text) for text in texts)
        self._sorted = sorted(texts)
        self._firsts = frozenset(text[0] for text in texts)
        short = [text for text in texts if len(text) < SHORTEST_LINE]
        long = [text for text in texts if len(text) >= SHORTEST_LINE]
        self._tables = [_table(group) for group in (short, long) if group]

    def hits(self, text: str) -> list[Span]:
        """Where a text stands, in no order, and some places more than once."""
        found: list[Span] = []
        for step, table in self._tables:
            grams = range(0, len(text) - GRAM + 1, step)
            for at in [at for at in grams if text[at : at + GRAM] in table]:
                for before, one in table[text[at : at + GRAM]]:
                    start = at - before
                    if start >= 0 and text.startswith(one, start):
                        found.append((start, start + len(one)))
        return found

    def beginning(self, text: str) -> int:
        """How long the longest end of `text` is with which one of the texts may begin."""
        for at in range(max(0, len(text) - self.longest + 1), len(text)):
            if text[at] in self._firsts:
                end = text[at:]
                near = bisect_left(self._sorted, end)
                if near < len(self._sorted) and self._sorted[near] == end:
                    near += 1  # the whole of one is found by itself, and may begin another
                if near < len(self._sorted) and self._sorted[near].startswith(end):
                    return len(end)
        return 0


def _table(texts: list[str]) -> tuple[int, dict[str, list[tuple[int, str]]]]:
    """The step, and where in which text each group of characters stands."""
    step = min(min(map(len, texts)) - GRAM + 1, STEP)
    table = defaultdict(list)
    for text in texts:
        for at in range(step):
            table[text[at : at + GRAM]].append((at, text))
    return step, dict(table)


def _without_escapes(text: str) -> tuple[str, list[int]]:
    """What a terminal shows of a text, and where each character stands in the text."""
    plain: list[str] = []
    places: list[int] = []
    at = 0
    for escape in _ESCAPE.finditer(text):
        plain.append(text[at : escape.start()])
        places += range(at, escape.start())
        at = escape.end()
    plain.append(text[at:])
    return "".join(plain), [*places, *range(at, len(text))]


def _masked(text: str) -> str:
    """The mask for a value, with the terminal's commands that stood in it: colours go on."""
    return MASK + "".join(_ESCAPE.findall(text)) if "\x1b" in text else MASK
