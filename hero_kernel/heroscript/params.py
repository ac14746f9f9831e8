"""Params: what an action was given, as text, with a typed getter for every kind of value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from hero_kernel.errors import ParamError, did_you_mean
from hero_kernel.heroscript import values
from hero_kernel.heroscript.escapes import param_comment, spell
from hero_kernel.heroscript.names import name_fix
from hero_kernel.heroscript.quick import is_uncommented
from hero_kernel.heroscript.scan import Scanned, list_item_text, scan
from hero_kernel.heroscript.source import Place, Source, check_characters, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from hero_kernel.heroscript.currency import Amount
    from hero_kernel.times import OurTime

_T = TypeVar("_T")
_D = TypeVar("_D")

_KEY = re.compile("(?!,)[a-z0-9_.,/]*")
_ARG = re.compile("(?!,)[A-Za-z0-9_.,/]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MISSING = object()
_NOTHING: Mapping[str, str] = MappingProxyType({})

_I8 = (-(2**7), 2**7 - 1)
_I16 = (-(2**15), 2**15 - 1)
_I32 = (-(2**31), 2**31 - 1)
_I64 = (-(2**63), 2**63 - 1)
_U8 = (0, 2**8 - 1)
_U16 = (0, 2**16 - 1)
_U32 = (0, 2**32 - 1)
_U64 = (0, 2**64 - 1)


def key_fix(key: str) -> str:
    """The spelling under which a key is stored and looked up."""
    return key.lower().strip().lstrip("/")


class Params(Mapping[str, str]):
    """Keys with their text, in order, and bare words (`args`); never changed once made.

    Keys are found whatever their case; a missing one raises ParamError, which is a KeyError
    and a ValueError. Two Params are equal if keys, texts and args are; comments are for people.

    Args:
        mapping: Texts by key. A list becomes its text, items quoted where they need it; other
            values become the text `str` gives, True and False `true` and `false`.
        args: Bare words, of letters, digits and `_ . , /`; one that comes again is left out.
        comments: Comments by key.
        arg_comments: Comments by arg.
        end_comment: A comment behind the last parameter.

    Raises ParamError for a key or arg the language cannot write, and for half a character.
    """

    __slots__ = ("_notes", "_origin", "_scanned", "_values", "args")

    args: tuple[str, ...]
    _values: dict[str, str]
    _notes: tuple[Mapping[str, str], Mapping[str, str], str] | None
    _origin: tuple[Source, int, bool] | None
    _scanned: Scanned | None

    def __init__(
        self,
        mapping: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        *,
        args: Iterable[str] = (),
        comments: Mapping[str, str] = _NOTHING,
        arg_comments: Mapping[str, str] = _NOTHING,
        end_comment: str = "",
    ) -> None:
        pairs = mapping.items() if isinstance(mapping, Mapping) else mapping
        self._values = {}
        for key, value in pairs:
            fixed = _checked_key(key)
            self._values.pop(fixed, None)
            self._values[fixed] = _checked(_text(value), fixed)
        if isinstance(mapping, Params):
            args = (*mapping.args, *args)
        self.args = tuple(dict.fromkeys(_checked_arg(arg) for arg in args))
        self._notes = (
            _checked_comments({key_fix(key): text for key, text in comments.items()}, self._values),
            _checked_comments(arg_comments, self.args),
            _checked(param_comment(end_comment), "end_comment"),
        )
        self._origin = None
        self._scanned = None

    @classmethod
    def _make(
        cls,
        found: dict[str, str],
        args: tuple[str, ...],
        origin: tuple[Source, int, bool] | None,
        scanned: Scanned | None,
    ) -> Params:
        """Params of what was read from a text; nothing is checked again."""
        self = cls.__new__(cls)
        self._values = found
        self.args = args
        self._origin = origin
        self._scanned = scanned
        self._notes = None
        return self

    @classmethod
    def from_text(cls, text: str, *, name: str = "<params>") -> Params:
        """Read parameters written without an action; lines and their indentation do not matter.

        Raises HeroscriptError.
        """
        source = open_source(text, name)
        check_characters(source)
        scanned = scan(source, 0, lines_end=False)
        if scanned.fault is not None:
            raise scanned.fault
        return cls._make(scanned.values, tuple(scanned.args), (source, 0, False), scanned)

    # -- the mapping

    def __getitem__(self, key: str) -> str:
        try:
            return self._values[key]
        except KeyError:
            return self.get(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __bool__(self) -> bool:
        return bool(self._values or self.args)

    def __contains__(self, key: object) -> bool:
        return key in self._values or (isinstance(key, str) and key_fix(key) in self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Params):
            return self._values == other._values and self.args == other.args
        if isinstance(other, Mapping):
            return not self.args and self._values == dict(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # equal to plain mappings, which have no hash

    def __repr__(self) -> str:
        words = [f"{key}:…" for key in self._values]
        return f"Params({' '.join([*words, *['…'] * len(self.args)])})"

    def __str__(self) -> str:
        return self.heroscript()

    # -- comments and places

    @property
    def comments(self) -> Mapping[str, str]:
        """The comments on parameters, by key."""
        return MappingProxyType(dict(self._all_notes()[0]))

    @property
    def arg_comments(self) -> Mapping[str, str]:
        """The comments on args, by arg."""
        return MappingProxyType(dict(self._all_notes()[1]))

    @property
    def end_comment(self) -> str:
        """The comment behind the last of them."""
        return self._all_notes()[2]

    def _all_notes(self) -> tuple[Mapping[str, str], Mapping[str, str], str]:
        """The comments on keys, on args, and at the end; read from the text when first needed."""
        if self._notes is None:
            scanned = None if self._is_uncommented() else self._scan()
            if scanned is None:
                self._notes = ({}, {}, "")
            else:
                of_keys = {
                    key: note for key, note in scanned.comments.items() if key in self._values
                }
                self._notes = (of_keys, scanned.arg_comments, scanned.end_comment)
        return self._notes

    def _is_uncommented(self) -> bool:
        """Whether they come from the shortcut, out of a text without comments."""
        if self._scanned is not None or self._origin is None:
            return False
        source, start, lines_end = self._origin
        return lines_end and is_uncommented(source.text, start)

    def place(self, key: str) -> Place | None:
        """Where the value of a key stands; None when it was not read from a text."""
        return self._place_in("value_at", key)

    def key_place(self, key: str) -> Place | None:
        """Where a key stands; None when it was not read from a text."""
        return self._place_in("key_at", key)

    def arg_place(self, nr: int) -> Place | None:
        """Where an arg stands, counted from 0; None when it was not read from a text."""
        scanned = self._scan()
        if scanned is None or self._origin is None or not 0 <= nr < len(self.args):
            return None
        arg = self.args[nr]
        if arg not in scanned.args:
            return None
        return self._origin[0].place(scanned.arg_at[scanned.args.index(arg)])

    def place_of(self, key: str, written: str) -> Place | None:
        """Where a piece of a key's value stands in the text, as it was written there.

        Where the value does, when the piece was written with escapes.
        """
        scanned = self._scan()
        begin = None if scanned is None else scanned.value_at.get(key_fix(key))
        if scanned is None or self._origin is None or begin is None:
            return None
        found = self._origin[0].text.find(written, begin, scanned.end)
        return self._origin[0].place(max(begin, found))

    def _place_in(self, table: str, key: str) -> Place | None:
        scanned = self._scan()
        if scanned is None or self._origin is None:
            return None
        offset = getattr(scanned, table).get(key_fix(key))
        return None if offset is None else self._origin[0].place(offset)

    def _scan(self) -> Scanned | None:
        """The careful reading of the same text: it knows the places."""
        if self._scanned is None and self._origin is not None:
            source, start, lines_end = self._origin
            self._scanned = scan(source, start, lines_end=lines_end)
        return self._scanned

    def _start_place(self) -> Place | None:
        """Where the action these belong to stands, or their text begins."""
        if self._origin is None:
            return None
        source, start, lines_end = self._origin
        if lines_end:
            start = source.text.find("!", source.text.rfind("\n", 0, start) + 1)
        return source.place(start)

    # -- other Params from this one

    def with_params(self, more: Mapping[str, Any], *, args: Iterable[str] = ()) -> Params:
        """These with others merged in: a known key keeps its position, args are added."""
        added = more if isinstance(more, Params) and not args else Params(more, args=args)
        own, new = self._all_notes(), added._all_notes()  # noqa: SLF001 - another of us
        return self._derived(
            {**self._values, **added._values},  # noqa: SLF001 - another of us
            tuple(dict.fromkeys((*self.args, *added.args))),
            ({**own[0], **new[0]}, {**own[1], **new[1]}, own[2] or new[2]),
        )

    def without(self, *keys: str) -> Params:
        """These without some keys; one that is not there is no error."""
        gone = {key_fix(key) for key in keys}
        of_keys, of_args, at_end = self._all_notes()
        return self._derived(
            {key: text for key, text in self._values.items() if key not in gone},
            self.args,
            ({key: note for key, note in of_keys.items() if key not in gone}, of_args, at_end),
        )

    def _derived(
        self,
        found: dict[str, str],
        args: tuple[str, ...],
        notes: tuple[Mapping[str, str], Mapping[str, str], str],
    ) -> Params:
        # the scan is kept for its places
        derived = Params._make(found, args, self._origin, self._scanned)
        derived._notes = notes  # noqa: SLF001 - one of us, in the making
        return derived

    # -- text

    def heroscript(self) -> str:
        """All of it but the comments on one line, which `from_text` reads back."""
        return " ".join(
            [arg or "/" for arg in self.args]
            + [f"{key}:{spell(value)}" for key, value in self._values.items()]
        )

    # -- getters: text

    @overload
    def get(self, key: str) -> str: ...
    @overload
    def get(self, key: str, default: _D) -> str | _D: ...
    def get(self, key: str, default: Any = _MISSING) -> Any:
        """The text of a key; without a default a missing one raises ParamError."""
        text = self._values.get(key)
        if text is None:
            text = self._values.get(key_fix(key))
        if text is not None:
            return text
        if default is not _MISSING:
            return default
        raise ParamError(
            f"parameter {key} is missing",
            hint=did_you_mean(key_fix(key), self._values),
            place=self._start_place(),
        )

    def get_default(self, key: str, default: _D) -> str | _D:
        """The text of a key, or the default."""
        return self.get(key, default)

    def get_map(self) -> dict[str, str]:
        """The texts by key, in a dict of its own."""
        return dict(self._values)

    def exists(self, key: str) -> bool:
        """Whether a key is there."""
        return key in self

    def exists_arg(self, arg: str) -> bool:
        """Whether an arg is there, whatever its case."""
        wanted = arg.strip().lower()
        return any(wanted == own.lower() for own in self.args)

    def get_from_hashmap(self, key: str, default: str, choices: Mapping[str, _T]) -> _T:
        """The choice one of whose comma-separated names is the value (or the default)."""
        text = self.get(key, default)
        wanted = text.strip().lower()
        for names, choice in choices.items():
            if wanted in [name.strip().lower() for name in names.split(",")]:
                return choice
        accepted = " or ".join(name.strip() for names in choices for name in names.split(","))
        raise self._bad(key, text, accepted)

    def get_params(self, key: str) -> Params:
        """The value read as parameters of its own."""
        return Params.from_text(self.get(key), name=f"<{key_fix(key)}>")

    # -- getters: numbers

    def get_int(self, key: str) -> int:
        """A whole number of 32 bits with sign."""
        return self._read(key, _integer(_I32))

    def get_int_default(self, key: str, default: _D) -> int | _D:
        """As `get_int`, or the default when the key is missing."""
        return self._read_or(key, default, _integer(_I32))

    def get_i64(self, key: str) -> int:
        """A whole number of 64 bits with sign."""
        return self._read(key, _integer(_I64))

    def get_i64_default(self, key: str, default: _D) -> int | _D:
        """As `get_i64`, or the default when the key is missing."""
        return self._read_or(key, default, _integer(_I64))

    def get_u8(self, key: str) -> int:
        """A whole number from 0 to 255."""
        return self._read(key, _integer(_U8))

    def get_u8_default(self, key: str, default: _D) -> int | _D:
        """As `get_u8`, or the default when the key is missing."""
        return self._read_or(key, default, _integer(_U8))

    def get_u32(self, key: str) -> int:
        """A whole number of 32 bits without sign."""
        return self._read(key, _integer(_U32))

    def get_u32_default(self, key: str, default: _D) -> int | _D:
        """As `get_u32`, or the default when the key is missing."""
        return self._read_or(key, default, _integer(_U32))

    def get_u64(self, key: str) -> int:
        """A whole number of 64 bits without sign."""
        return self._read(key, _integer(_U64))

    def get_u64_default(self, key: str, default: _D) -> int | _D:
        """As `get_u64`, or the default when the key is missing."""
        return self._read_or(key, default, _integer(_U64))

    def get_float(self, key: str) -> float:
        """A decimal number; with a `%` in it, its hundredth."""
        return self._read(key, values.number_or_percent)

    def get_float_default(self, key: str, default: _D) -> float | _D:
        """As `get_float`, or the default when the key is missing."""
        return self._read_or(key, default, values.number_or_percent)

    def get_percentage(self, key: str) -> float:
        """A percentage from 0 to 100, with or without `%`, as a part of one."""
        return self._read(key, values.percentage)

    def get_percentage_default(self, key: str, default: str) -> float:
        """As `get_percentage`; the default is text and read the same way."""
        if key not in self:
            return self._typed(key, default, values.percentage)
        return self.get_percentage(key)

    # -- getters: yes and no

    def get_bool(self, key: str) -> bool:
        """A yes or a no: true, false, yes, no, on, off, 1, 0; anything else is an error."""
        return self._read(key, values.boolean)

    def get_bool_default(self, key: str, default: _D) -> bool | _D:
        """As `get_bool`, or the default when the key is missing."""
        return self._read_or(key, default, values.boolean)

    def get_default_true(self, key: str) -> bool:
        """True when missing, empty, 1, true, y or yes; everything else is False, `on` too."""
        return key not in self or values.default_true(self.get(key))

    def get_default_false(self, key: str) -> bool:
        """False when missing, empty, 0, false, n or no; everything else is True, `off` too."""
        return key in self and values.default_false(self.get(key))

    # -- getters: lists

    def get_list(self, key: str) -> list[str]:
        """The items of a list; quotes protect commas, brackets around it do not count."""
        return values.items(self.get(key))

    def get_list_default(self, key: str, default: _D) -> list[str] | _D:
        """As `get_list`, or the default when the key is missing."""
        return self.get_list(key) if key in self else default

    def get_list_namefix(self, key: str) -> list[str]:
        """As `get_list`, each item through `name_fix`."""
        return [name_fix(item) for item in self.get_list(key)]

    def get_list_namefix_default(self, key: str, default: _D) -> list[str] | _D:
        """As `get_list_namefix`, or the default when the key is missing."""
        return self.get_list_namefix(key) if key in self else default

    def get_list_u8(self, key: str) -> list[int]:
        """Whole numbers from 0 to 255."""
        return self._list(key, _integer(_U8))

    def get_list_u8_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_u8`, or the default when the key is missing."""
        return self.get_list_u8(key) if key in self else default

    def get_list_u16(self, key: str) -> list[int]:
        """Whole numbers of 16 bits without sign."""
        return self._list(key, _integer(_U16))

    def get_list_u16_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_u16`, or the default when the key is missing."""
        return self.get_list_u16(key) if key in self else default

    def get_list_u32(self, key: str) -> list[int]:
        """Whole numbers of 32 bits without sign."""
        return self._list(key, _integer(_U32))

    def get_list_u32_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_u32`, or the default when the key is missing."""
        return self.get_list_u32(key) if key in self else default

    def get_list_u64(self, key: str) -> list[int]:
        """Whole numbers of 64 bits without sign."""
        return self._list(key, _integer(_U64))

    def get_list_u64_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_u64`, or the default when the key is missing."""
        return self.get_list_u64(key) if key in self else default

    def get_list_i8(self, key: str) -> list[int]:
        """Whole numbers of 8 bits with sign."""
        return self._list(key, _integer(_I8))

    def get_list_i8_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_i8`, or the default when the key is missing."""
        return self.get_list_i8(key) if key in self else default

    def get_list_i16(self, key: str) -> list[int]:
        """Whole numbers of 16 bits with sign."""
        return self._list(key, _integer(_I16))

    def get_list_i16_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_i16`, or the default when the key is missing."""
        return self.get_list_i16(key) if key in self else default

    def get_list_int(self, key: str) -> list[int]:
        """Whole numbers of 32 bits with sign."""
        return self._list(key, _integer(_I32))

    def get_list_int_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_int`, or the default when the key is missing."""
        return self.get_list_int(key) if key in self else default

    def get_list_i64(self, key: str) -> list[int]:
        """Whole numbers of 64 bits with sign."""
        return self._list(key, _integer(_I64))

    def get_list_i64_default(self, key: str, default: _D) -> list[int] | _D:
        """As `get_list_i64`, or the default when the key is missing."""
        return self.get_list_i64(key) if key in self else default

    def get_list_f32(self, key: str) -> list[float]:
        """Decimal numbers; Python has one kind of float, so this is `get_list_f64`."""
        return self.get_list_f64(key)

    def get_list_f32_default(self, key: str, default: _D) -> list[float] | _D:
        """As `get_list_f32`, or the default when the key is missing."""
        return self.get_list_f64_default(key, default)

    def get_list_f64(self, key: str) -> list[float]:
        """Decimal numbers."""
        return self._list(key, values.number)

    def get_list_f64_default(self, key: str, default: _D) -> list[float] | _D:
        """As `get_list_f64`, or the default when the key is missing."""
        return self.get_list_f64(key) if key in self else default

    def get_list_bool(self, key: str) -> list[bool]:
        """Whether each item is `true` or `t`; anything else is False, as upstream reads it."""
        return [item in {"true", "t"} for item in self.get_list(key)]

    def get_list_bool_default(self, key: str, default: _D) -> list[bool] | _D:
        """As `get_list_bool`, or the default when the key is missing."""
        return self.get_list_bool(key) if key in self else default

    # -- getters: times

    def get_time(self, key: str, *, now: OurTime | None = None) -> OurTime:
        """A moment, absolute or relative; see `times.new`. None looks at the clock."""
        from hero_kernel import times  # noqa: PLC0415 - only texts that hold times pay for it

        return self._read(key, lambda text: times.new(text, now=now))

    def get_time_default(
        self, key: str, default: _D, *, now: OurTime | None = None
    ) -> OurTime | _D:
        """As `get_time`, or the default when the key is missing."""
        return self.get_time(key, now=now) if key in self else default

    def get_time_interval(self, key: str, *, now: OurTime | None = None) -> timedelta:
        """How long from one moment to a later one, written `begin, end` or `begin - end`."""
        from hero_kernel import times  # noqa: PLC0415 - only texts that hold times pay for it

        def read(text: str) -> timedelta:
            begin, comma, end = text.partition("," if "," in text else " - ")
            if not comma:
                raise ValueError("two times: begin, end")
            present = now or times.now()
            length = times.new(end, now=present).datetime - times.new(begin, now=present).datetime
            if length.total_seconds() < 0:
                raise ValueError("two times, the later one second")
            return length

        return self._read(key, read)

    def get_timestamp(self, key: str) -> timedelta:
        """A time of day, as the time since midnight: `7`, `10:30`, `10:30PM`."""
        return self._read(key, _time_of_day)

    def get_timestamp_default(self, key: str, default: _D) -> timedelta | _D:
        """As `get_timestamp`, or the default when the key is missing."""
        return self._read_or(key, default, _time_of_day)

    # -- getters: money, sizes, people

    def get_currencyamount(self, key: str) -> Amount:
        """A sum of money: `10 usd`, `EUR 5`, `€5`, `10k`."""
        from hero_kernel.heroscript.currency import parse_amount  # noqa: PLC0415 - seldom needed

        return self._read(key, parse_amount)

    def get_currencyamount_default(self, key: str, default: str | Amount) -> Amount:
        """As `get_currencyamount`; a default that is text is read the same way."""
        from hero_kernel.heroscript.currency import parse_amount  # noqa: PLC0415 - seldom needed

        if key in self:
            return self.get_currencyamount(key)
        return self._typed(key, default, parse_amount) if isinstance(default, str) else default

    def get_currencyfloat(self, key: str) -> float:
        """As `get_currencyamount`, the bare number in its own currency."""
        return self.get_currencyamount(key).value

    def get_currencyfloat_default(self, key: str, default: _D) -> float | _D:
        """As `get_currencyfloat`, or the default when the key is missing."""
        return self.get_currencyfloat(key) if key in self else default

    def get_storagecapacity_in_bytes(self, key: str) -> int:
        """A size in bytes: `500`, `10KB`, `10MB`, `2GB`, in powers of 1024."""
        return self._read(key, values.capacity_bytes)

    def get_storagecapacity_in_bytes_default(self, key: str, default: _D) -> int | _D:
        """As `get_storagecapacity_in_bytes`, or the default when the key is missing."""
        return self._read_or(key, default, values.capacity_bytes)

    def get_storagecapacity_in_gigabytes(self, key: str) -> int:
        """A size in gigabytes, rounded up; a number without a unit already is one."""
        return self._read(key, values.capacity_gigabytes)

    def get_email(self, key: str) -> str:
        """An address in lower case; it is not checked."""
        return self._read(key, values.email)

    def get_email_default(self, key: str, default: _D) -> str | _D:
        """As `get_email`, or the default when the key is missing."""
        return self._read_or(key, default, values.email)

    def get_emails(self, key: str) -> list[str]:
        """Addresses in lower case, between commas."""
        return [values.email(item) for item in values.bracketless_items(self.get(key))]

    def get_emails_default(self, key: str, default: _D) -> list[str] | _D:
        """As `get_emails`, or the default when the key is missing."""
        return self.get_emails(key) if key in self else default

    def get_telnr(self, key: str) -> str:
        """A telephone number without `+` and `-`; it is not checked."""
        return self._read(key, values.telephone)

    def get_telnr_default(self, key: str, default: _D) -> str | _D:
        """As `get_telnr`, or the default when the key is missing."""
        return self._read_or(key, default, values.telephone)

    def get_telnrs(self, key: str) -> list[str]:
        """Telephone numbers, between commas."""
        return [values.telephone(item) for item in values.bracketless_items(self.get(key))]

    def get_telnrs_default(self, key: str, default: _D) -> list[str] | _D:
        """As `get_telnrs`, or the default when the key is missing."""
        return self.get_telnrs(key) if key in self else default

    # -- getters: paths; the only ones that look at the disk

    def get_path(self, key: str) -> str:
        """A path that exists, `~` at its start being the home folder."""
        from pathlib import Path  # noqa: PLC0415 - only these two know of a disk

        text = self.get(key)
        try:
            path = Path(text).expanduser()
            if path.exists():
                return str(path)
        except (OSError, RuntimeError, ValueError):
            pass
        raise self._bad(key, text, "a path that exists")

    def get_path_create(self, key: str) -> str:
        """As `get_path`; a folder that is missing is made."""
        from pathlib import Path  # noqa: PLC0415 - only these two know of a disk

        text = self.get(key)
        try:
            path = Path(text).expanduser()
            if not path.exists():
                path.mkdir(parents=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise self._bad(key, text, "a path that can be made") from error
        return str(path)

    # -- args

    def get_arg(self, nr: int) -> str:
        """The arg of a number, counted from 0."""
        if 0 <= nr < len(self.args):
            return self.args[nr]
        raise ParamError(
            f"argument {nr} is missing",
            hint=f"there are {len(self.args)}, counted from 0",
            place=self._start_place(),
        )

    def get_arg_default(self, nr: int, default: _D) -> str | _D:
        """As `get_arg`, or the default when there are fewer."""
        return self.args[nr] if 0 <= nr < len(self.args) else default

    def get_arg_int(self, nr: int) -> int:
        """An arg as a whole number of 32 bits with sign."""
        text = self.get_arg(nr)
        try:
            return values.integer(text, *_I32)
        except ValueError as error:
            raise ParamError(
                f"argument {nr} is {_shown(text)}",
                hint=f"it takes {error}",
                place=self.arg_place(nr),
            ) from None

    def get_arg_int_default(self, nr: int, default: _D) -> int | _D:
        """As `get_arg_int`, or the default when there are fewer."""
        return self.get_arg_int(nr) if 0 <= nr < len(self.args) else default

    def get_arg_check(self, nr: int, count: int) -> str:
        """As `get_arg`, when there are exactly so many."""
        self.check_arg_len(count)
        return self.get_arg(nr)

    def check_arg_len(self, count: int) -> None:
        """Raise ParamError unless there are exactly so many args."""
        if len(self.args) != count:
            raise ParamError(
                f"found {len(self.args)} arguments, expected {count}", place=self._start_place()
            )

    def len_arg(self) -> int:
        """How many args there are."""
        return len(self.args)

    # -- filters

    def filter_match(self, include: Iterable[str] = (), exclude: Iterable[str] = ()) -> bool:
        """Whether one of `include` fits and none of `exclude`; an empty `include` always fits.

        Within an item `+` joins what must all fit: `key:glob` or a glob for an arg.
        """
        include = list(include)
        if any(self._fits(item) for item in exclude):
            return False
        return not include or any(self._fits(item) for item in include)

    def _fits(self, item: str) -> bool:
        return all(self._fits_one(part.strip()) for part in item.split("+"))

    def _fits_one(self, part: str) -> bool:
        from fnmatch import fnmatchcase  # noqa: PLC0415 - only filters need it

        key, colon, pattern = part.partition(":")
        if colon:
            text = self._values.get(key.strip())
            return text is not None and fnmatchcase(text, pattern.strip())
        return any(fnmatchcase(arg, part) for arg in self.args)

    # -- reading

    def _read(self, key: str, read: Callable[[str], _T]) -> _T:
        return self._typed(key, self.get(key), read)

    def _read_or(self, key: str, default: _D, read: Callable[[str], _T]) -> _T | _D:
        return self._read(key, read) if key in self else default

    def _list(self, key: str, read: Callable[[str], _T]) -> list[_T]:
        text = self.get(key)
        return [self._typed(key, part, read) for part in values.plain_items(text)]

    def _typed(self, key: str, text: str, read: Callable[[str], _T]) -> _T:
        try:
            return read(text)
        except ValueError as error:
            hint = getattr(error, "hint", "") or f"it takes {error}"
            raise self._bad(key, text, "", hint) from None

    def _bad(self, key: str, text: str, accepted: str, hint: str = "") -> ParamError:
        return ParamError(
            f"parameter {key_fix(key)} is {_shown(text)}",
            hint=hint or f"it takes {accepted}",
            place=self.place(key),
        )


def _integer(limits: tuple[int, int]) -> Callable[[str], int]:
    return lambda text: values.integer(text, *limits)


def _time_of_day(text: str) -> timedelta:
    from datetime import timedelta  # noqa: PLC0415 - only texts that hold times pay for it

    return timedelta(seconds=values.clock_s(text))


def _text(value: object) -> str:
    """The text of a Python value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join([list_item_text(_text(item)) for item in value])
    if value is None:
        return ""
    return str(value)


def _checked_key(key: str) -> str:
    fixed = key_fix(key)
    if not _KEY.fullmatch(fixed):
        raise ParamError(
            f"{_shown(key)} is not a key", hint="a key is made of letters, digits and _ . , /"
        )
    return fixed


def _checked_arg(arg: str) -> str:
    fixed = arg.strip(" '").lstrip("/")
    if not _ARG.fullmatch(fixed):
        raise ParamError(
            f"{_shown(arg)} is not an argument",
            hint="an argument is made of letters, digits and _ . , /; give other text a key",
        )
    return fixed


def _checked(text: str, key: str) -> str:
    if not text.isascii() and _SURROGATE.search(text):
        raise ParamError(f"the text of {key} holds half of a surrogate pair")
    return text


def _checked_comments(comments: Mapping[str, str], owners: Iterable[str]) -> dict[str, str]:
    known = set(owners)
    fixed = {key: _checked(param_comment(text), key) for key, text in comments.items()}
    return {key: text for key, text in fixed.items() if text and key in known}


def _shown(text: str) -> str:
    """A text in a message, cut to what is needed to find it again."""
    return repr(text if len(text) <= 40 else text[:39] + "…")  # noqa: PLR2004 - a line's worth
