"""Explained: what a person is told about an action, a parameter, a magic or a name in braces."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hero_kernel.actors import Handler
    from hero_kernel.actors.bind import Parameter


@dataclass(frozen=True, slots=True)
class Explained:
    """A text in parts, for a pager and for a tooltip.

    Attributes:
        head: What is explained, as it is typed.
        text: Sentences.
        rows: What belongs to it: a heading each, and what is told of it.
        code: Python, shown as it is.
    """

    head: str
    text: str = ""
    rows: Sequence[tuple[str, str]] = ()
    code: str = ""

    def __str__(self) -> str:
        parts = [self.head, self.text.rstrip()]
        parts.append("\n".join(f"  {head}" + _below(about) for head, about in self.rows))
        parts.append(self.code.rstrip())
        return "\n\n".join(part for part in parts if part)

    @property
    def markdown(self) -> str:
        """The same in Markdown, whatever is in it shown as it is."""
        parts = [_fenced(self.head), _plain(self.text.rstrip())]
        parts.append("\n".join(f"- {_code(head)}" + _beside(about) for head, about in self.rows))
        parts.append(_fenced(self.code.rstrip(), "python") if self.code else "")
        return "\n\n".join(part for part in parts if part)

    def bundle(self) -> dict[str, str]:
        """Both, by MIME type."""
        return {"text/plain": str(self), "text/markdown": self.markdown}


def action(handler: Handler, *, source: bool = False) -> Explained:
    """What an action takes and does.

    Args:
        handler: Who carries it out.
        source: Whether the function's source is shown, too.
    """
    accepted = handler.accepts
    text, about = documented(handler.doc)
    parameters = sorted(accepted.parameters.values(), key=lambda one: not one.required)
    written = [f"!!{handler.name}", *(_written(one) for one in parameters)]
    rows = [(_headed(one), about.get(one.keyword, "")) for one in parameters]
    if accepted.words:
        written.append("[word …]")
        rows.append(("bare words", ""))
    if accepted.any_key:
        written.append("[key:…]")
        rows.append(("any other key: text", ""))
    code = ""
    if source:
        try:
            code = inspect.getsource(handler.function)
        except (OSError, TypeError):  # it was typed where nothing keeps it
            text += f"\n\nIt is {handler.function.__module__}.{handler.function.__qualname__}."
    if not rows:
        text = f"It takes no parameters.\n\n{text}"
    return Explained(" ".join(written), text, rows, code)


def parameter(handler: Handler, one: Parameter) -> Explained:
    """What one parameter of an action takes."""
    about = documented(handler.doc)[1].get(one.keyword, "")
    rows = [("accepts", ", ".join(one.choices))] if one.choices else []
    if one.flag:
        rows.append((one.name, "alone, as a bare word, means true"))
    return Explained(f"!!{handler.name} {_headed(one)}", about, rows)


def documented(doc: str) -> tuple[str, dict[str, str]]:
    """A docstring without its parameters, and what it says of each; as Google writes them.

    https://google.github.io/styleguide/pyguide.html, 3.8.3.
    """
    found: dict[str, str] = {}
    kept: list[str] = []
    is_inside, name, width = False, "", 0
    for line in doc.split("\n"):
        indent = len(line) - len(line.lstrip())
        if not indent and line.strip():
            is_inside, name, width = line.rstrip() in {"Args:", "Arguments:"}, "", 0
            if is_inside:
                continue
        if not is_inside:
            kept.append(line)
            continue
        width = width or indent
        begun = _ARGUMENT.match(line) if indent == width else None
        if begun is not None:
            name = begun[1]
            found[name] = begun[2].strip()
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}".strip()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip(), found


_ARGUMENT = re.compile(r"\s*\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:(.*)")

_SHOWN = 60
"""Characters of a default that are shown."""


def _written(one: Parameter) -> str:
    """A parameter as it is typed."""
    return f"{one.name}:…" if one.required else f"[{one.name}:…]"


def _headed(one: Parameter) -> str:
    """A parameter, its type, and what it is when it is not given."""
    if one.required:
        return f"{one.name}: {one.kind}, required"
    if one.default is None or one.default == "":
        return f"{one.name}: {one.kind}"
    default = str(one.default).lower() if isinstance(one.default, bool) else repr(one.default)
    return f"{one.name}: {one.kind} = {default[:_SHOWN]}"


def _below(about: str) -> str:
    return f"\n      {about}" if about else ""


def _beside(about: str) -> str:
    return f": {_plain(about)}" if about else ""


def _plain(text: str) -> str:
    """Text as Markdown that shows it, its code spans and paragraphs apart."""
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(
        part if number % 2 else _MARKS.sub(r"\\\1", escape(part, quote=False))
        for number, part in enumerate(parts)
    )


_MARKS = re.compile(r"([\\*_\[\]#|~])")


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _fenced(text: str, language: str = "") -> str:
    """A block of code; its fence is longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
