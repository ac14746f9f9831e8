"""A config file's text as YAML: strictly read, typed as YAML 1.2 types it, and written.

Only scalars, lists and mappings are read. A tag, an anchor, an alias, a directive, a second
document, a key that stands twice or is a collection, more than `MAX_NODES` values, more than
`MAX_DEPTH` levels and more than `MAX_BYTES` are faults with a place, and so are a byte order
mark, control characters, and the line ends that only some readers take for such.

A quoted scalar is a text, whatever it spells. A plain one is typed by the core schema of
YAML 1.2 (yaml.org/spec/1.2.2, section 10.3.2): `null`, `~` and nothing; `true` and `false`;
whole numbers, also `0x1F` and `0o17`; numbers with a point or an exponent, `.inf` and `.nan`.
Everything else is a text, among it what YAML 1.1 made something else of: `no`, `on`, `12:30:45`,
`2025-01-02`, `1_000`. So is a decimal number that begins with a needless 0, such as `0777`,
which the schema calls a number: it is a mode or a postal code, and the 0 would be lost. `1.10`
is the number 1.1; a version is quoted. A number that is too large to be kept is a text.

Keys are always texts, as in JSON, so that `1` and `"1"` cannot both be there. `<<` is a key
like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeAlias

import yaml

from hero_kernel.config_files.text import decoded, encoded, place
from hero_kernel.crypto import is_text
from hero_kernel.errors import ConfigError, CorruptConfigError
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Data: TypeAlias = Any
"""str, int, float, bool, None or Secret, or a list of such, or a dict of such by text."""

MAX_BYTES = 2**20
"""The size of a text that is read; a larger one is no configuration."""

MAX_NODES = 100_000
"""Keys, values and collections in a text."""

MAX_DEPTH = 64
"""Collections within each other."""

_HINT = "the file is left as it is; mend it"
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_HALF = re.compile("[\ud800-\udfff]")
_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_BOOL = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_MAX_DIGITS = 640
"""Of a number, with its sign: what every Python converts, however it is limited.

See sys.int_info.str_digits_check_threshold.
"""

_MAX_BITS = 2122
"""The most that whole numbers of 639 digits and no more have."""


class Scalar(NamedTuple):
    """A value as it is written, and where: from `start` to before `end`, in characters."""

    value: str
    is_plain: bool
    start: int
    end: int

    @property
    def is_sealed(self) -> bool:
        """Whether it has the form of a sealed value."""
        return is_text(self.value)

    @property
    def is_nothing(self) -> bool:
        """Whether it is typed as None."""
        return self.is_plain and self.value in _NULL


Node: TypeAlias = "Scalar | list[Node] | dict[str, Node]"


@dataclass(frozen=True, slots=True)
class Document:
    """A text that was read.

    Attributes:
        name: What the text is called in errors.
        text: The text itself.
        root: What is in it.
    """

    name: str
    text: str
    root: Node

    @property
    def raw(self) -> bytes:
        """The file's bytes."""
        return self.text.encode()

    @property
    def scalars(self) -> dict[str, Scalar]:
        """Every value by its path; see `join`."""
        return dict(_scalars(self.root, ()))

    def data(self, opened: Callable[[str, str], Data]) -> Data:
        """The typed values.

        Args:
            opened: What a sealed value becomes, given its path and text.
        """
        return _data(self.root, (), opened)

    def spliced(self, values: Mapping[str, str]) -> Document:
        """The text with other values at some paths, all else as it was: layout, comments.

        Args:
            values: New text by path; it needs no quotes anywhere, as a sealed value does not.

        Raises:
            ConfigError: The new text does not say the same, but for those values.
        """
        scalars, done = self.scalars, 0
        pieces: list[str] = []
        for path, value in sorted(values.items(), key=lambda item: scalars[item[0]].start):
            old = scalars[path]
            pieces += self.text[done : old.start], _dressed(value, self.text[old.start : old.end])
            done = old.end
        text = "".join([*pieces, self.text[done:]])
        new = parse(text.encode(), self.name, excerpt=False)
        wanted = {path: values.get(path, old.value) for path, old in scalars.items()}
        if {path: one.value for path, one in new.scalars.items()} != wanted:
            raise ConfigError(
                f"{', '.join(values)} cannot be changed in place in {self.name}",
                hint="put each on a line of its own, in quotes",
            )
        return new


def _dressed(value: str, written: str) -> str:
    """The new value in the old one's quotes; after a block scalar its last line ends stay."""
    if written[:1] in ("'", '"'):
        return written[0] + value + written[0]
    tail = written[len(written.rstrip("\r\n ")) :] if written[:1] in ("|", ">") else ""
    return value + tail


def parse(raw: bytes, name: str, *, excerpt: bool = True) -> Document:
    """Read a text.

    Args:
        raw: The file's bytes.
        name: What it is called, for the places in errors.
        excerpt: Whether an error may show the line it points at.

    Raises:
        CorruptConfigError: It is not the YAML that is read here.
    """
    if len(raw) > MAX_BYTES:
        raise CorruptConfigError(f"{name} is larger than {MAX_BYTES >> 20} MiB", hint="split it")
    return _Reading(decoded(raw, name), name, excerpt=excerpt).document()


class _Reading:
    """One pass over the events of a text."""

    def __init__(self, text: str, name: str, *, excerpt: bool) -> None:
        self._text = text
        self._name = name
        self._excerpt = excerpt
        self._events = _events(text)

    def document(self) -> Document:
        self._check_characters()
        try:
            self._check_count()
            return Document(self._name, self._text, self._root())
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            index = mark.index if mark else 0
            if self._text.startswith("\t", index):
                self._refuse("a tab cannot stand here", index, "indent with spaces")
            self._refuse(error.problem or error.context or "not YAML", index)
        except yaml.YAMLError:
            self._refuse("not YAML", 0)

    def _check_characters(self) -> None:
        if self._text.startswith("\ufeff"):
            self._refuse("the text begins with a byte order mark", 0, "save it without")
        bad = _REFUSED.search(self._text)
        if bad:
            self._refuse(
                f"character U+{ord(bad[0]):04X} is not allowed",
                bad.start(),
                "write it as an escape in double quotes",
            )

    def _check_count(self) -> None:
        """Refuse too many values before anything is made of them."""
        if len(self._text) < MAX_NODES // 2:
            return  # nothing is denser than `[:,:,:]`, three values in two characters
        count = depth = 0
        for event in _events(self._text):
            if isinstance(event, yaml.NodeEvent):
                count += 1
                if count > MAX_NODES:
                    at = event.start_mark.index  # type: ignore[union-attr]  # events have marks
                    self._refuse(f"there are more than {MAX_NODES} values", at)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return  # refused in a moment; going on would take long
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1

    def _refuse(self, fault: str, index: int, hint: str = _HINT) -> NoReturn:
        where = place(self._text, index, self._name, excerpt=self._excerpt)
        raise CorruptConfigError(fault, hint=hint, place=where) from None

    def _root(self) -> Node:
        next(self._events)  # the stream begins
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            end = len(self._text)
            return Scalar("", is_plain=True, start=end, end=end)
        if start.version or start.tags:
            self._refuse("a directive is not read", start.start_mark.index)
        root = self._node(next(self._events), 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse("a second document begins", after.start_mark.index)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        at: int = event.start_mark.index
        if isinstance(event, yaml.AliasEvent):
            self._refuse("an alias is not read", at, "write the value out, or quote it")
        if event.anchor is not None:
            self._refuse("an anchor is not read", at, "leave it out, or quote the value")
        if event.tag is not None:
            self._refuse("a tag is not read", at, "leave it out, or quote the value")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, at)
        if depth == MAX_DEPTH:
            self._refuse(f"more than {MAX_DEPTH} levels are nested", at)
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self._items(depth))
        return self._mapping(depth)

    def _scalar(self, event: Any, at: int) -> Scalar:
        value: str = event.value
        if event.style == '"' and not _is_whole(value):  # libyaml refuses it itself
            self._refuse("half of a surrogate pair is not a character", at)
        return Scalar(value, not event.style, at, event.end_mark.index)

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _mapping(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            if not isinstance(key, Scalar):
                self._refuse("a key is a collection", event.start_mark.index)
            if key.value in found:
                self._refuse(f"key {key.value!r} stands twice", key.start)
            found[key.value] = self._node(next(self._events), depth + 1)
        return found


def _events(text: str) -> Iterator[Any]:
    # libyaml where it is there: twenty times as fast, the same events
    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _is_whole(text: str) -> bool:
    """Whether no half of a surrogate pair is in it."""
    return text.isascii() or _HALF.search(text) is None


def join(parts: tuple[str, ...]) -> str:
    r"""A value's path: its keys and the numbers of list items, from 0, with dots between them.

    A dot in a key is written `\.` and a backslash `\\`, so that two values never share a path.
    """
    return ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in parts)


def _scalars(node: Node, at: tuple[str, ...]) -> Iterator[tuple[str, Scalar]]:
    if isinstance(node, Scalar):
        yield join(at), node
        return
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield from _scalars(value, (*at, str(key)))


def _data(node: Node, at: tuple[str, ...], opened: Callable[[str, str], Data]) -> Data:
    if isinstance(node, dict):
        return {key: _data(value, (*at, key), opened) for key, value in node.items()}
    if isinstance(node, list):
        return [_data(value, (*at, str(n)), opened) for n, value in enumerate(node)]
    return opened(join(at), node.value) if node.is_sealed else _typed(node)


def _typed(scalar: Scalar) -> Data:
    text = scalar.value
    if not scalar.is_plain or len(text) > _MAX_DIGITS:
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text) or _RADIX.fullmatch(text):
        return int(text, 0)
    return _number(text) if _FLOAT.fullmatch(text) else text


def _number(text: str) -> float | str:
    if text[-1] in "fFnN":
        return float(text.replace(".", "", 1))
    number = float(text)
    return text if isinf(number) else number


def _as_written(_path: str, text: str) -> str:
    return text


def dump(data: Data, sealed: Callable[[str, Secret], str], name: str) -> bytes:
    """Data as YAML that every reader of YAML 1.1 and 1.2 takes for the same; see `parse`.

    Args:
        data: What `Document.data` gives back.
        sealed: What a Secret becomes, given its path.
        name: What the text is called in errors.

    Raises:
        ConfigError: A value would not come back as what it is.
    """
    clear = _Checking(name, sealed).cleared(data, ())
    text = yaml.dump(
        clear,
        Dumper=_dumper(),
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        width=2**30,
    )
    raw = encoded(text, name)
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"the data of {name} is larger than {MAX_BYTES >> 20} MiB as YAML")
    # repr tells 1 from True and from 1.0, and holds nan equal to itself
    if repr(parse(raw, name, excerpt=False).data(_as_written)) != repr(clear):
        raise ConfigError(
            f"the data of {name} would not come back as it is", hint="simplify its texts"
        )
    return raw


def has_secrets(data: Data, name: str) -> bool:
    """Whether there is a Secret in data that is to be written; raises as `dump`."""
    found: list[str] = []

    def noted(path: str, _secret: Secret) -> str:
        found.append(path)
        return ""

    _Checking(name, noted).cleared(data, ())
    return bool(found)


class _Checking:
    """One pass over data that is to be written."""

    def __init__(self, name: str, sealed: Callable[[str, Secret], str]) -> None:
        self._name = name
        self._sealed = sealed
        self._count = 0

    def cleared(self, data: Data, at: tuple[str, ...]) -> Data:
        """The data with secrets sealed."""
        self._count += 1
        if self._count > MAX_NODES:
            self._refuse("has too many values", ())
        if isinstance(data, Secret):
            return self._sealed(join(at), data)
        if type(data) in (dict, list):
            return self._collection(data, at)
        if data is not None and type(data) not in (str, int, float, bool):
            self._refuse(f"is a {type(data).__name__}, which YAML does not give back", at)
        if type(data) is str:
            self._check_text(data, at)
        if type(data) is int and data.bit_length() > _MAX_BITS:
            self._refuse("has too many digits", at)
        return data

    def _collection(self, data: Data, at: tuple[str, ...]) -> Data:
        if len(at) == MAX_DEPTH:
            self._refuse("is nested too deeply", at[:3])
        if isinstance(data, list):
            return [self.cleared(value, (*at, str(n))) for n, value in enumerate(data)]
        return {self._key(key, at): self.cleared(data[key], (*at, key)) for key in data}

    def _check_text(self, text: str, at: tuple[str, ...]) -> None:
        if is_text(text):
            self._refuse("looks like a sealed value", at)
        if not _is_whole(text):
            self._refuse("holds half of a surrogate pair", at)

    def _key(self, key: object, at: tuple[str, ...]) -> str:
        if type(key) is not str or not _is_whole(key):
            self._refuse(f"has the key {key!r}, which is not a text", at)
        self._count += 1
        return key

    def _refuse(self, fault: str, at: tuple[str, ...]) -> NoReturn:
        what = f"{join(at)} in {self._name}" if at else f"the data of {self._name}"
        raise ConfigError(
            f"{what} {fault}",
            hint="write texts, numbers, true, false, None, lists and dicts by text",
        )


def _dumper() -> type[yaml.SafeDumper]:
    """Texts that a reader of YAML 1.1 or 1.2 would take for something else are quoted."""

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        def ignore_aliases(self, _data: object) -> bool:
            return True

    def text(_dumper: Dumper, value: str) -> yaml.ScalarNode:
        # escapes stand in double quotes only; libyaml writes some line ends without them
        style = '"' if _REFUSED.search(value) else "|" if "\n" in value else None
        return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    for pattern in (_INT.pattern, _RADIX.pattern, _FLOAT.pattern, "[yYnN]"):
        whole = re.compile(f"(?:{pattern})\\Z")
        Dumper.add_implicit_resolver("tag:yaml.org,2002:float", whole, list("-+.0123456789yYnN"))
    return Dumper
