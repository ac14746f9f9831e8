"""Trusted: which file a front end's words make the notebook's, and what kind of run this is.

The facts of each front end: JupyterLab and Notebook 7 set `JPY_SESSION_NAME` and send a UUID as
cell id; VS Code puts `__vsc_ipynb_file__` into the variables and sends cell ids that are
addresses; nbclient, nbconvert and papermill send no cell id and take no questions.
"""

from __future__ import annotations

import os
import re
from binascii import a2b_base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from hero_kernel.binding import ipynb

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["notebook", "console", "batch", "program"]
"""Who asks: a notebook that a person runs cell by cell, a console, a run that nobody watches, or
a program without IPython."""

CELL_SCHEME = "vscode-notebook-cell:"

_UUID = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_CELL = re.compile(r"[W-Za-fz][0-6]+s(?P<scheme>[A-Za-z0-9+/_-]+=*)$")
_DRIVE = re.compile(r"/([A-Za-z]):/")
_FILES = ("file", "vscode-remote")


@dataclass(frozen=True, slots=True)
class Trusted:
    """The notebook's file, where the front end can be trusted to know it.

    Attributes:
        path: The file; None when nobody knows.
        why: Who named it.
        passed_over: What else was said, and why it did not count.
    """

    path: Path | None = None
    why: str = ""
    passed_over: tuple[str, ...] = ()


def kind(
    variables: Mapping[str, object], cell_id: str, *, in_kernel: bool, takes_questions: bool
) -> Kind:
    """Who asks.

    Args:
        variables: The notebook's.
        cell_id: The running cell's, as the front end sends it; papermill and nbclient send none.
        in_kernel: Whether a kernel runs the cells, and no terminal.
        takes_questions: Whether the front end does (`allow_stdin`); the batch runners do not.
    """
    if cell_id:
        return "notebook"
    if "PAPERMILL_INPUT_PATH" in variables or (in_kernel and not takes_questions):
        return "batch"
    return "console"


def notebook(
    variables: Mapping[str, object],
    environ: Mapping[str, str],
    cell_id: str,
    folder: Path,
    *,
    is_batch: bool = False,
) -> Trusted:
    """The notebook's file; a function of what the front end says and of what is on the disk.

    `JPY_SESSION_NAME` is no path by promise: it is absolute only for a named session, a folder
    for an empty name, stale after a rename, and from VS Code it carries a new UUID at every
    connection. So it counts only when a notebook of that name exists; when it is stale, the cell
    that runs may be found in a notebook beside it.

    Args:
        variables: The notebook's.
        environ: Environment variables.
        cell_id: The running cell's, as the front end sends it.
        folder: The kernel's.
        is_batch: Whether nobody watches: a kernel started from a notebook's cell inherits the
            notebook's `JPY_SESSION_NAME`.
    """
    over: list[str] = []
    address = _vs_code_cell(cell_id, over)
    named = variables.get("__vsc_ipynb_file__")
    if isinstance(named, str) and named:
        path = Path(named)
        if not path.is_absolute():
            over.append(f"__vsc_ipynb_file__ ignored: {named} is not saved yet")
        elif address is not None and address.is_file() and not path.exists():
            over.append(f"__vsc_ipynb_file__ ignored: {named} is no longer there")
        else:
            return Trusted(path, "__vsc_ipynb_file__ of VS Code", tuple(over))
    if address is not None:
        return Trusted(address, "the cell id of VS Code", tuple(over))
    return _jupyter(environ.get("JPY_SESSION_NAME", ""), cell_id, folder, over, is_batch=is_batch)


def _vs_code_cell(cell_id: str, over: list[str]) -> Path | None:
    """The file in a cell id of VS Code: `vscode-notebook-cell:/path/nb.ipynb#W0sZmlsZQ==`.

    The fragment is the cell's number and, in base64, the scheme of the notebook's address.
    """
    if not cell_id.startswith(CELL_SCHEME):
        return None
    try:
        split = urlsplit(cell_id)
    except ValueError:
        over.append("cell id ignored: it is no address")
        return None
    path = Path(local_path(unquote(split.path), is_windows=os.name == "nt"))
    scheme = _scheme(unquote(split.fragment))
    if not path.is_absolute() or scheme == "untitled":
        over.append("cell id ignored: the notebook is not saved yet")
    elif scheme not in _FILES:
        over.append(f"cell id ignored: {scheme} names no file")
    elif path.suffix != ".ipynb":
        over.append(f"cell id ignored: {path.name} is no notebook")
    else:
        return path
    return None


def _scheme(fragment: str) -> str:
    """The scheme in a cell's fragment; a file's where the fragment has another form."""
    cell = _CELL.match(fragment)
    if cell is None:
        return "file"
    text = cell["scheme"].rstrip("=")
    try:
        return a2b_base64(text + "=" * (-len(text) % 4)).decode("ascii")
    except ValueError:
        return "file"


def local_path(path: str, *, is_windows: bool) -> str:
    """The path of an address as one of this system: `/c:/nb.ipynb` is `c:/nb.ipynb` on Windows.

    Elsewhere it stays as it is: it names a file on the front end's machine, and may be a key.
    """
    drive = _DRIVE.match(path)
    if drive is None:
        return path
    path = f"/{drive[1].lower()}:/{path[len(drive[0]) :]}"
    return path[1:] if is_windows else path


def _jupyter(name: str, cell_id: str, folder: Path, over: list[str], *, is_batch: bool) -> Trusted:
    """What `JPY_SESSION_NAME` is worth."""
    path = Path(name)
    fault = ""
    if not name:
        return Trusted(passed_over=tuple(over))
    if is_batch:
        fault = "a batch run inherits it from whoever started it"
    elif path.suffix != ".ipynb" or name.endswith("/"):
        fault = "it names no notebook"
    elif "-jvsc-" in path.name or _UUID.search(path.stem):
        fault = "its name is a new one at every connection"
    if fault:
        return Trusted(passed_over=(*over, f"JPY_SESSION_NAME ignored: {fault}: {name}"))
    path = path if path.is_absolute() else folder / path.name
    if path.is_file():
        return Trusted(path, "JPY_SESSION_NAME", tuple(over))
    over.append(f"JPY_SESSION_NAME ignored: it names no file: {name}")
    renamed = ipynb.holding(path.parent, cell_id)
    if renamed is None:
        return Trusted(passed_over=tuple(over))
    return Trusted(renamed, f"the cell id, which is in it, beside {path.name}", tuple(over))


def batch_input(variables: Mapping[str, object], folder: Path) -> Path | None:
    """The notebook that papermill says it runs (with `--inject-paths`); never a session's key."""
    named = variables.get("PAPERMILL_INPUT_PATH")
    if not isinstance(named, str) or not named.endswith(".ipynb"):
        return None
    path = folder / named
    return path if path.is_file() else None
