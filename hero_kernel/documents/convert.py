"""A notebook as a script, and a script as a notebook."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hero_kernel import heroscript
from hero_kernel.cell_text import MAGIC, looks_bare
from hero_kernel.errors import HeroError
from hero_kernel.heroscript import Source
from hero_kernel.heroscript.parse import HEADER

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

ACTORS = frozenset(
    ["config", "context", "core", "db", "git", "gittools", "log", "play", "secret", "session"]
)
"""The actors that are there in every kernel."""

METADATA = "hero"
"""The key under which a cell's metadata says how the script had it: `prose`, `fence`."""

KERNEL = {"name": "hero", "display_name": "Hero", "language": "python"}
"""What such a notebook says of its kernel."""

_DEFINED = re.compile(r"@(?:\w+\.)?action\(\s*f?[\"']([A-Za-z_][\w-]*)\.")
_FENCE = re.compile(r"[ \t]{0,3}(```+)[ \t]*(?:heroscript|hero)?[ \t]*")
_LINE_END = re.compile(r"\r\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")


def script_from(notebook: Mapping[str, Any]) -> str:
    """The script that does what the heroscript cells of a notebook do.

    Markdown becomes comments. Python cells are left out, and so are cells that change nothing
    (`--dry-run`) or are to fail (`--expect-error`, the tag `raises-exception`), or need Python
    (`--py`): a comment stands for each.

    Args:
        notebook: As nbformat 4 reads it.

    Raises:
        HeroscriptError: A cell is not heroscript that can be read; the place names the cell.
    """
    cells = [cell for cell in notebook.get("cells", ()) if _source(cell).strip()]
    code = [_source(cell) for cell in cells if cell["cell_type"] == "code"]
    actors = ACTORS | {name.lower() for text in code for name in _DEFINED.findall(text)}
    chunks, number = [], 0
    for cell in cells:
        if cell["cell_type"] == "code":
            number += 1
            chunks.append(_chunk(cell, f"In[{cell.get('execution_count') or number}]", actors))
        elif cell["cell_type"] == "markdown":
            text = _text(cell)
            chunks.append(text if _is_prose(cell, text) else _commented(text))
    return "\n\n".join(map(_unindented, chunks)) + ("\n" if chunks else "")


def _chunk(cell: Mapping[str, Any], name: str, actors: Container[str]) -> str:
    """A code cell's part of the script."""
    source = _source(cell)
    magic = MAGIC.match(source)
    if magic is None and not looks_bare(source, actors.__contains__):
        lines = _text(cell).strip().split("\n")
        more = f" and {len(lines) - 1} more lines" if len(lines) > 1 else ""
        return _commented(f"left out, {name} is Python: {lines[0].strip()[:80]}{more}")
    tags = cell.get("metadata", {}).get("tags", ())
    options = magic["options"] if magic is not None else ""
    why = next((why for sign, why in _LEFT_OUT if sign.search(options)), "")
    if "raises-exception" in tags:
        why = "is to fail"
    body = source[magic.end() :] if magic is not None else source
    if why:
        actions = ", ".join(action.full_name for action in _faultless(body))
        return _commented(f"left out, {name} {why}: {actions}")
    heroscript.parse(body, name=name, first_line=1 if magic is None else 2)
    text = Source(body).text.strip("\n").rstrip()
    fence = _noted(cell).get("fence", "")
    opened = _FENCE.fullmatch(fence) if isinstance(fence, str) else None
    return f"{fence}\n{text}\n{opened[1]}" if opened else text


_LEFT_OUT = (
    (re.compile(r"(?:^|\s)--expect-error\b"), "is to fail"),
    (re.compile(r"(?:^|\s)(?:--dry-run\b|-\w*n)"), "is a dry run"),
    (re.compile(r"(?:^|\s)--(?:only|resume)\b"), "is carried out in part"),
    (re.compile(r"(?:^|\s)--py\b"), "needs Python's variables"),
)
"""Options of `%%heroscript` with which a cell's actions are no part of a script, and why."""


def _faultless(body: str) -> list[heroscript.Action]:
    return heroscript.parse(body, on_error=lambda _: None)


def _commented(text: str) -> str:
    return "\n".join(f"// {line}".rstrip() for line in text.split("\n"))


def _unindented(chunk: str) -> str:
    """The chunk so that it goes on with nothing that stands before it."""
    return f"//\n{chunk}" if chunk[:1] in {" ", "\t"} and not HEADER.match(chunk) else chunk


def _noted(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    noted = cell.get("metadata", {}).get(METADATA)
    return noted if isinstance(noted, dict) else {}


def _is_prose(cell: Mapping[str, Any], text: str) -> bool:
    """Whether a text was prose of a script, and holds no action: its readers would not see one."""
    return bool(_noted(cell).get("prose")) and not any(map(HEADER.match, text.split("\n")))


def _source(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _text(cell: Mapping[str, Any]) -> str:
    """A cell's text with the lines that a script has: no half characters, no stray line ends."""
    return _SURROGATE.sub("�", _LINE_END.sub("\n", _source(cell)))


def notebook_from(playbook_text: str, *, name: str = "<text>") -> Any:
    """The notebook that holds what a script holds: an `nbformat` 4 node for the Hero kernel.

    Comments and prose become Markdown. Actions become cells, one for those that no blank line
    separates, each with `%%heroscript` at its top, so that no kernel takes it for the shell's.
    Fences around actions, as in a Markdown file, are kept in the cell's metadata, and prose is
    marked there: `script_from` gives the same script back, but for blanks and empty comments.

    Args:
        playbook_text: Heroscript, or Markdown that holds some.
        name: What places in errors call the text.

    Raises:
        HeroError: `nbformat` is not installed.
        HeroscriptError: The text is not heroscript.
    """
    try:
        from nbformat import v4  # noqa: PLC0415  # the rest works without it
    except ImportError as error:
        raise HeroError(
            "nbformat is not installed", hint="pip install 'hero-kernel[documents]'"
        ) from error
    cells = []
    for number, block in enumerate(_blocks(playbook_text, name), 1):
        noted = {METADATA: dict(block.noted)} if block.noted else {}
        new = v4.new_code_cell if block.is_code else v4.new_markdown_cell
        cells.append(new(block.text, metadata=noted, id=f"cell-{number}"))  # type: ignore[no-untyped-call]  # nbformat's is
    return v4.new_notebook(
        cells=cells, metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )


@dataclass(frozen=True, slots=True)
class _Block:
    """A cell to be."""

    text: str
    is_code: bool = False
    noted: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Unit:
    """An action with all its lines, or a line outside of actions."""

    kind: str
    text: str


def _blocks(text: str, name: str) -> Iterator[_Block]:
    units = list(_units(text, name))
    at = 0
    while at < len(units):
        if units[at].kind == "blank":
            at += 1
            continue
        end = _block_end(units, at)
        block = units[at:end]
        opened = block[-1].text if block[0].kind == "prose" and _opens(units, end) else ""
        if block[0].kind == "action":
            yield _code(block)
        elif block[0].kind == "comment":
            yield _Block("\n".join(unit.text[2:].removeprefix(" ") for unit in block))
        else:
            kept = block[:-1] if opened else block
            prose = "\n".join(unit.text for unit in kept).strip("\n")
            if prose.strip():
                yield _Block(prose, noted=(("prose", True),))
        at = end
        if opened:
            close = next(i for i in range(end, len(units)) if units[i].kind == "prose")
            yield _code(units[end:close], opened)
            at = close + 1


def _code(block: list[_Unit], fence: str = "") -> _Block:
    body = "\n".join(unit.text for unit in block).strip("\n")
    return _Block(f"%%heroscript\n{body}", True, (("fence", fence.strip()),) if fence else ())


def _block_end(units: list[_Unit], at: int) -> int:
    """Where what belongs to a unit ends."""
    kind, end = units[at].kind, at + 1
    if kind == "prose":  # goes on over blank lines, up to a fence around actions
        while end < len(units) and units[end].kind in ("prose", "blank") and not _opens(units, end):
            end += 1
        while units[end - 1].kind == "blank":
            end -= 1
        return end
    if kind == "comment":
        while end < len(units) and units[end].kind == "comment":
            end += 1
        return end
    last = end
    while end < len(units) and units[end].kind in ("action", "comment"):
        end += 1
        last = end if units[end - 1].kind == "action" else last
    return last


def _opens(units: list[_Unit], at: int) -> bool:
    """Whether the line before opens a fence around actions: nothing else is in it up to its end."""
    fence = _FENCE.fullmatch(units[at - 1].text)
    inside = at
    while fence and inside < len(units) and units[inside].kind != "prose":
        inside += 1
    if fence is None or inside == len(units) or units[inside].text.strip() != fence[1]:
        return False
    return any(unit.kind == "action" for unit in units[at:inside])


def _units(text: str, name: str) -> Iterator[_Unit]:
    actions = heroscript.parse(text, name=name)
    source = actions[0].source if actions else None
    read = source.text if source is not None else Source(text).text
    at = 0
    for action in actions:
        begin, end = action.span
        yield from _lines(read[at:begin])
        # unindented, so that a cell of it has no indentation that could be taken for shared
        yield _Unit("action", read[begin:end].strip())
        at = end + 1
    yield from _lines(read[at:])


def _lines(text: str) -> Iterator[_Unit]:
    """The lines outside of actions."""
    for line in text.removesuffix("\n").split("\n") if text else ():
        kind = "comment" if line.startswith("//") else "prose" if line.strip() else "blank"
        yield _Unit(kind, line)
