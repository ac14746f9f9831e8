"""A config file's text: what is done to it before it is written, and places in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from hero_kernel.errors import ConfigError, CorruptConfigError
from hero_kernel.heroscript.source import Place

if TYPE_CHECKING:
    from pathlib import Path

Expansion = Literal["shell", "upstream", False]
"""How the user's home folder gets into a text; see `prepared`."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_BLANK = " \v\f"
_HOME = re.compile(
    r"\$\{HOME\}|\{HOME\}|\$HOME(?![A-Za-z0-9_])"
    r"""|(?<![^\s:=,'"])~(?=[/\s'"]|\Z)"""
)


def prepared(content: str, expand: Expansion, home: Path) -> str:
    """The text as it is written.

    The texts of `"shell"` and `"upstream"` are dedented first, as herolib does it: every tab
    becomes four spaces, lines of blanks become empty, what all others are indented by is taken
    away, and so is a line end that ends the text.

    Args:
        content: What the user wrote.
        expand: `"shell"`: `{HOME}`, `${HOME}`, `$HOME`, and `~` where a shell would expand it,
            become the home folder: at the beginning or after white space, a quote, `:`, `=` or
            `,`, and before `/`, white space, a quote or the end. Once, not again in the result;
            every other `$NAME` is left, for config files use them for their own ends.
            `"upstream"`: herolib's rule, `{HOME}` and every `~`, wherever it stands.
            False: the text is written as it is, not even dedented.
        home: The user's home folder.

    Raises:
        ConfigError: There is no such expansion.
    """
    if expand is False:
        return content
    if expand == "shell":
        return _HOME.sub(lambda _: str(home), _dedented(content))
    if expand == "upstream":
        real = str(home.resolve())
        return _dedented(content).replace("{HOME}", real).replace("~", real)
    raise ConfigError(
        f"there is no expansion {expand!r}", hint="it is 'shell', 'upstream' or False"
    )


def _dedented(content: str) -> str:
    lines = _LINE_END.split(content)
    if not lines[-1]:
        lines.pop()  # what follows the last line end is no line
    lines = [line.replace("\t", "    ") for line in lines]
    shared = min(
        (len(line) - len(line.lstrip(" ")) for line in lines if line.strip(_BLANK)), default=0
    )
    return "\n".join(line[shared:] if line.strip(_BLANK) else "" for line in lines)


def encoded(text: str, name: str) -> bytes:
    """The text's UTF-8.

    Raises:
        ConfigError: It is no text, or half of a surrogate pair is in it.
    """
    if not isinstance(text, str):
        raise ConfigError(
            f"the content of {name} is a {type(text).__name__}, not a text",
            hint="data is written with hero_config_save",
        )
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"character {error.start} of the content of {name} is half of a surrogate pair",
            hint="leave it out",
        ) from None  # the cause carries the text


def decoded(raw: bytes, name: str) -> str:
    """The text of a file's bytes, line ends and all.

    Raises:
        CorruptConfigError: They are not UTF-8.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        raise CorruptConfigError(
            f"byte {error.start} is not UTF-8",
            hint="save the file as UTF-8",
            place=place(before, len(before), name),
        ) from None


def place(text: str, index: int, name: str, *, excerpt: bool = True) -> Place:
    """Where a character of the text stands.

    Args:
        text: The whole text.
        index: The character; the text's length for its end.
        name: What the text is called.
        excerpt: Whether its line may be shown.
    """
    start, line = 0, 1
    for end in _LINE_END.finditer(text, 0, index):
        start, line = end.end(), line + 1
    shown = _LINE_END.split(text[start:], maxsplit=1)[0] if excerpt else ""
    return Place(name, line, index - start + 1, shown)
