"""Names that become a record's key or a folder: checked once, at the door.

Letters that would have to be dropped are refused instead, so that two different names never
come to mean the same place.
"""

from __future__ import annotations

import re

from hero_kernel.errors import BadNameError

MAX_LENGTH = 63
"""Characters; a name stays far below every file system's limit with a suffix added."""

_CANONICAL = re.compile(r"[a-z0-9][a-z0-9_.]{0,62}")
_ON_DISK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}")
_SEPARATORS = str.maketrans("-;: ", "____")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]
)
_OURS = frozenset(["latest", "config", "keyring"])
_SUFFIXES = (".tmp", ".db", ".yaml", ".")


def folded(name: str, *, dots: bool = True) -> str:
    """What two spellings of one name have in common: lower case, `-`, `;`, `:`, blanks as `_`.

    Args:
        name: Any text; it need not be allowed as a name.
        dots: Whether a dot is kept; else it becomes `_`.
    """
    fixed = name.strip(" ").lower().translate(_SEPARATORS)
    return fixed if dots else fixed.replace(".", "_")


def canonical(name: str, what: str, *, shortest: int = 1, dots: bool = True) -> str:
    """The name as it is stored: folded, and proved to be fit for a key and a folder.

    Args:
        name: What the user wrote.
        what: What it names, for the message: "context", "session".
        shortest: The fewest characters allowed.
        dots: Whether a dot is kept; else it becomes `_`.

    Raises:
        BadNameError: The name is empty, too long or reserved, or holds a character that would
            have to be dropped.
    """
    fixed = folded(name, dots=dots)
    if len(fixed) < shortest:
        raise BadNameError(
            f"{what} name {name!r} is too short", hint=f"give it at least {shortest} characters"
        )
    if len(fixed) > MAX_LENGTH:
        raise BadNameError(
            f"{what} name is {len(fixed)} characters long", hint=f"at most {MAX_LENGTH} are allowed"
        )
    # Asked of the name as written: some letters outside ASCII become ASCII in lower case.
    if not name.isascii() or not _CANONICAL.fullmatch(fixed):
        bad = next((c for c in name.strip(" ") if not _fits(c)), fixed[0])
        raise BadNameError(
            f"{what} name {name!r} holds or begins with {bad!r}",
            hint="a name begins with a letter a-z or a digit and goes on with those, _ and .",
        )
    if _is_reserved(fixed) or folded(name).endswith(_SUFFIXES):
        raise BadNameError(f"{what} name {name!r} is reserved", hint="choose another")
    return fixed


def _fits(char: str) -> bool:
    return char.isascii() and _CANONICAL.fullmatch("a" + folded(f"a{char}a")[1:-1]) is not None


def _is_reserved(fixed: str) -> bool:
    return fixed in _OURS or fixed.partition(".")[0] in _DEVICES


def is_safe_folder(name: str) -> bool:
    """Whether a name found in a record, perhaps another program's, may become a folder's name."""
    return _ON_DISK.fullmatch(name) is not None and not name.endswith(".")
