"""Project: what `hero.toml` or `[tool.hero]` of `pyproject.toml` says for a folder and below."""

from __future__ import annotations

import re
from dataclasses import dataclass
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import ProjectError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

FILE = "hero.toml"
"""At a project's root, or in `HERO_HOME` for all of a user's projects."""

MAX_BYTES = 2**20

_TYPES = {"context": str, "session": str, "docs": bool}
_SHOWN = {str: '"NAME"', bool: "true or false"}
_SECTION = re.compile(
    rb"""^[ \t]*(\[[ \t]*["']?tool["']?[ \t]*(\]|\.[ \t]*["']?hero\b)|["']?tool["']?[ \t]*[.=])""",
    re.MULTILINE,
)
"""Where a `tool.hero` may begin."""


@dataclass(frozen=True, slots=True)
class Project:
    """What a file says; what it leaves open is empty or None.

    Attributes:
        file: Where it stands.
        context: The context's name; may hold `{user}`.
        session: The session's name; may hold `{user}`.
        docs: Whether output is to be the same every time.
    """

    file: Path
    context: str = ""
    session: str = ""
    docs: bool | None = None

    def __str__(self) -> str:
        return f"{self.file} [tool.hero]" if self.file.name == _PYPROJECT else str(self.file)


_PYPROJECT = "pyproject.toml"


def above(folder: Path) -> Project | None:
    """The nearest file from a folder upward that says anything.

    One without a word for us is passed over.

    Raises:
        ProjectError: It cannot be read as TOML, or says what nobody understands.
    """
    for place in (folder, *folder.parents):
        found = at(place / FILE) or _pyproject(place / _PYPROJECT)
        if found is not None:
            return found
    return None


def at(path: Path) -> Project | None:
    """What a `hero.toml` says; None when there is none, or it says nothing.

    Raises:
        ProjectError: As `above`.
    """
    text = _text(path)
    return None if text is None else _project(path, _parsed(path, text))


def _pyproject(path: Path) -> Project | None:
    text = _text(path)
    if text is None or not _SECTION.search(
        text
    ):  # most have none; what else is in it may be broken
        return None
    tool = _parsed(path, text).get("tool")
    return _project(path, tool.get("hero", {}) if isinstance(tool, dict) else {})


def _text(path: Path) -> bytes | None:
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            return None
        return path.read_bytes()
    except (OSError, ValueError):  # not there, or not for us
        return None


def _parsed(path: Path, text: bytes) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  # most folders have no such file

    try:
        return tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # of TOML and of UTF-8
        raise ProjectError(f"{path} cannot be read: {error}", hint="mend or delete it") from None


def _project(path: Path, said: object) -> Project | None:
    if not isinstance(said, dict):
        raise ProjectError(f"{path}: hero is no table", hint="write [tool.hero]")
    for key, value in said.items():
        if key not in _TYPES:
            raise ProjectError(f"{path}: unknown key {key}", hint=did_you_mean(key, _TYPES))
        wanted = _TYPES[key]
        if type(value) is not wanted or value == "":
            what = "empty" if value == "" else f"a {_TOML.get(type(value), 'date or time')}"
            raise ProjectError(f"{path}: {key} is {what}", hint=f"write {key} = {_SHOWN[wanted]}")
    return Project(path, **said) if said else None


_TOML = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    list: "list",
    dict: "table",
}
