"""What a config file is called: `$category__$name.yaml`."""

from __future__ import annotations

import re

from hero_kernel.errors import BadNameError
from hero_kernel.names import MAX_LENGTH

SUFFIX = ".yaml"
_BETWEEN = "__"
_ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\..*)?|.*\.(?:tmp|db|yaml)?", re.IGNORECASE
)
"""Windows takes the first for devices, and drops a dot at the end; the rest are our suffixes."""


def stem(category: str, name: str) -> str:
    """The file's name without its suffix.

    Raises:
        BadNameError: One of them cannot be in it.
    """
    _check(name, "config name")
    return check_category(category) + _BETWEEN + name


def check_category(category: str) -> str:
    """The category itself.

    Raises:
        BadNameError: It cannot be one.
    """
    _check(category, "config category")
    if _BETWEEN in category or category.endswith("_"):
        raise BadNameError(
            f"config category {category!r} holds '__' or ends in '_'",
            hint="'__' stands between category and name; use a dash",
        )
    return category


def split(file: str) -> tuple[str, str] | None:
    """Category and name of a file, None when they could not be given."""
    category, between, name = file.removesuffix(SUFFIX).partition(_BETWEEN)
    try:
        return (category, name) if between and stem(category, name) + SUFFIX == file else None
    except BadNameError:
        return None


def refuse_other_case(file: str, files: list[str]) -> None:
    """Raise BadNameError when a file among others differs from this one in case only."""
    if file in files:
        return
    other = next((one for one in files if one.lower() == file.lower()), None)
    if other is not None:
        raise BadNameError(
            f"there is {other}, which some disks cannot tell from {file}",
            hint="use its spelling, or another name",
        )


def _check(name: str, what: str) -> None:
    if len(name) > MAX_LENGTH:
        raise BadNameError(
            f"{what} is {len(name)} characters long", hint=f"at most {MAX_LENGTH} are allowed"
        )
    if not _ALLOWED.fullmatch(name):
        raise BadNameError(
            f"{what} {name!r} is no name of a file",
            hint="it begins with a letter a-z or a digit and goes on with those, ., _ and -",
        )
    if _RESERVED.fullmatch(name):
        raise BadNameError(f"{what} {name!r} is reserved", hint="choose another")
