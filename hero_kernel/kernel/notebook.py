"""A notebook from the command line: executed with the Hero kernel, shown as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroError, SourceError
from hero_kernel.kernel.spec import NAME
from hero_kernel.report import MIME
from hero_kernel.report.text import plain

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Executed:
    """A notebook after its execution; as text, its cells with what they showed."""

    notebook: Any
    ok: bool

    def write(self, path: Path) -> None:
        """Write the executed notebook."""
        import nbformat  # noqa: PLC0415  # part of the extra `run`

        nbformat.write(self.notebook, path)

    def json(self) -> str:
        """The reports in the notebook, as one JSON document."""
        outputs = [out for cell in self._cells() for out in cell.get("outputs", [])]
        reports = [out["data"][MIME] for out in outputs if MIME in out.get("data", {})]
        return json.dumps({"ok": self.ok, "reports": reports}, ensure_ascii=False)

    def __str__(self) -> str:
        return "\n".join(line for cell in self._cells() for line in _shown(cell))

    def _cells(self) -> list[Any]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]


def execute(path: Path, *, keep_going: bool = False) -> Executed:
    """Execute a notebook with the Hero kernel, in its own folder; the file stays as it is.

    Args:
        path: The notebook.
        keep_going: Whether to go on after a cell that failed.

    Raises:
        SourceError: It cannot be read as a notebook.
        HeroError: The extra `run` is not installed, or the kernel cannot be started.
    """
    try:
        import nbformat  # noqa: PLC0415  # part of the extra `run`
        from nbclient import NotebookClient  # noqa: PLC0415  # as above
        from nbclient.exceptions import CellExecutionError, DeadKernelError  # noqa: PLC0415  # as above
    except ImportError as error:
        raise HeroError(
            f"{error.name} is not installed", hint="pip install 'hero-kernel[run]'"
        ) from error
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as a notebook: {error}") from error
    client = NotebookClient(
        notebook,
        kernel_name=NAME,
        allow_errors=keep_going,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError:
        pass  # the cell's own output says what happened
    except DeadKernelError as error:
        raise HeroError("the kernel died", hint="see its own output above") from error
    failed = any(
        output.output_type == "error"
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "raises-exception" not in cell.metadata.get("tags", [])
    )
    return Executed(notebook, ok=not failed)


def _shown(cell: Any) -> list[str]:
    number = cell.get("execution_count") or " "
    lines = [
        f"In [{number}]: {line}" if i == 0 else f"        {line}"
        for i, line in enumerate(cell.source.split("\n"))
    ]
    for output in cell.get("outputs", []):
        if output.output_type == "error":
            text = "\n".join(output.traceback)
        elif output.output_type == "stream":
            text = output.text
        else:
            text = output.data.get("text/plain", "")
        lines += [f"    {plain(line)}" for line in text.rstrip("\n").split("\n")]
    return [*lines, ""]
