"""Masks: a config file's text as a page may show it, and what is kept when it was edited there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hero_kernel.config_files.document import Document, parse
from hero_kernel.config_files.text import encoded
from hero_kernel.crypto import TEXT_PREFIX
from hero_kernel.errors import ConfigError, CorruptConfigError
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SEALED = re.compile(re.escape(TEXT_PREFIX) + "[A-Za-z0-9_-]+={0,2}")


@dataclass(frozen=True)
class Masked:
    """A text without what must not be seen.

    Attributes:
        raw: The text itself.
        text: With a mask for every sealed value, and for secrets that stand there in the clear.
        sealed: What is sealed, by the value's path.
        bare: Paths of values that hold a secret in the clear.
        clear: Paths of the values that could be sealed.
        fault: Why it is not read as YAML; None when it is.
        why: Why it cannot be edited; empty when it can.
        hint: What to do then.
    """

    raw: str
    text: str
    sealed: Mapping[str, str]
    bare: tuple[str, ...] = ()
    clear: tuple[str, ...] = ()
    fault: CorruptConfigError | None = None
    why: str = ""
    hint: str = ""

    @property
    def has_sealed(self) -> bool:
        """Whether anything in it looks sealed."""
        return _SEALED.search(self.raw) is not None


def masked(raw: str, name: str, redact: Callable[[str], str]) -> Masked:
    """The text as it may be seen.

    Args:
        raw: The text.
        name: What it is called in errors.
        redact: Masks the secrets that are known.
    """
    try:
        document = parse(raw.encode(), name, excerpt=False)
    except CorruptConfigError as fault:
        return _as_text(raw, redact, fault)
    scalars = document.scalars
    sealed = {path: one.value for path, one in scalars.items() if one.is_sealed}
    try:
        text = document.spliced(dict.fromkeys(sealed, MASK)).text if sealed else raw
    except ConfigError as error:
        return Masked(raw, redact(_SEALED.sub(MASK, raw)), sealed, why=error.message, hint=_BY_HAND)
    seen = redact(text)
    bare = tuple(path for path, one in scalars.items() if redact(one.value) != one.value)
    clear = [path for path, one in scalars.items() if not (one.is_sealed or one.is_nothing)]
    if seen == text:
        return Masked(raw, text, sealed, clear=tuple(clear))
    why = "it holds a secret in the clear"
    hint = f"encrypt {', '.join(bare)} first" if bare else "take it out of the comments by hand"
    return Masked(raw, seen, sealed, bare, tuple(clear), why=why, hint=hint)


def _as_text(raw: str, redact: Callable[[str], str], fault: CorruptConfigError) -> Masked:
    text = _SEALED.sub(MASK, raw)
    seen = redact(text)
    why = ""
    if text != raw:
        why = "it has encrypted values, and cannot be read as YAML"
    elif seen != text:
        why = "it holds a secret in the clear, and cannot be read as YAML"
    return Masked(raw, seen, {}, fault=fault, why=why, hint=_BY_HAND if why else "")


_BY_HAND = "mend it in the file itself: %hero_config path tells where that is"


def unmasked(old: Masked, new: str, name: str) -> str:
    """What is kept when the text was edited: a mask becomes what is sealed at its place.

    Args:
        old: The text before.
        new: The edited text.
        name: What it is called in errors.

    Raises:
        ConfigError: A mask stands where nothing is sealed: a sealed value opens only in its place.
        CorruptConfigError: The new text is not the YAML that is read here.
    """
    document = parse(encoded(new, name), name, excerpt=False)
    before = _holding(old)
    back = {}
    for path, one in document.scalars.items():
        if MASK not in one.value:
            continue
        if one.value == MASK and path in old.sealed:
            back[path] = old.sealed[path]
        elif before.get(path) != one.value:
            raise ConfigError(
                f"the mask at {path or 'the top'} stands for nothing",
                hint="an encrypted value opens only where it is, and whole: put it back, or give "
                "a new value",
            )
    if _beside(new, document) > _beside(old.text, None if old.fault else _document(old, name)):
        raise ConfigError(
            "a mask stands in a comment or a key, where what it stands for would be lost",
            hint="delete the value, or leave it as it was",
        )
    return document.spliced(back).text if back else new


def _document(old: Masked, name: str) -> Document:
    return parse(old.text.encode(), name, excerpt=False)


def _holding(old: Masked) -> dict[str, str]:
    """Values that hold a mask in the file itself, by path."""
    if old.fault is not None or MASK not in old.raw:
        return {}
    scalars = parse(old.raw.encode(), "", excerpt=False).scalars
    return {path: one.value for path, one in scalars.items() if MASK in one.value}


def _beside(text: str, document: Document | None) -> int:
    """How many masks stand in a text, but not in its values."""
    values = () if document is None else document.scalars.values()
    return text.count(MASK) - sum(one.value.count(MASK) for one in values)
