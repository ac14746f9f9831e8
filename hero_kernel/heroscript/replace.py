"""Names in a text that stand for something else, and maps written in one value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript.names import name_fix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME = re.compile(r"\{([A-Za-z0-9_]+)\}")
_VERBATIM = ("@", "$", "[", "{")


def replace_names(value: str, env: Mapping[str, str]) -> str:
    """Put an environment's values for `{NAME}`; unknown names stay.

    Both sides are compared after `name_fix`. What is put in is not looked at again.
    """
    if "{" not in value or not env:
        return value
    fixed = {name_fix(name): text for name, text in env.items()}
    return _NAME.sub(lambda match: fixed.get(name_fix(match[1]), match[0]), value)


def names_in(texts: Iterable[str]) -> set[str]:
    """The names that stand as `{NAME}` in the texts, after `name_fix`."""
    return {name_fix(match[1]) for text in texts for match in _NAME.finditer(text)}


def replace_text(text: str, replace: Mapping[str, str]) -> str:
    """Put values for `@KEY`, `${KEY}` and `{KEY}` anywhere in a text, before it is parsed.

    A key that itself begins with one of `@ $ [ {` is replaced as it stands. All keys are
    replaced in one pass, the longest spelling first; what is put in is not looked at again.
    """
    spellings = {}
    for key, value in replace.items():
        if not key:
            continue
        shapes = (key,) if key.startswith(_VERBATIM) else (f"@{key}", f"${{{key}}}", f"{{{key}}}")
        spellings.update(dict.fromkeys(shapes, value))
    if not spellings:
        return text
    longest_first = sorted(spellings, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return pattern.sub(lambda match: spellings[match[0]], text)


def to_map(text: str) -> dict[str, str]:
    """Read 'NAME:value, NAME2:https://x'; items end at a comma or a line's end.

    Raises HeroscriptError for an item without a colon.
    """
    found = {}
    for part in re.split("[,\n]", text):
        item = part.strip().strip("'\"").strip()
        if not item:
            continue
        name, colon, value = item.partition(":")
        if not colon or not name.strip():
            raise HeroscriptError(
                f"{item!r} is not NAME:value", hint="write NAME:value, NAME2:value"
            )
        found[name.strip()] = value.strip().strip("'\"").strip()
    return found
