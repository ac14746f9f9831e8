"""A notebook: cells that run in a shell, and what they show."""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from shells import loaded

import hero_kernel as hero

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Shell(InteractiveShell):
    """IPython's own; tracebacks and displays are kept, as a kernel sends them on."""

    def __init__(self, **options: Any) -> None:
        self.tracebacks: list[tuple[str, list[str]]] = []
        super().__init__(display_pub_class=CapturingDisplayPublisher, **options)

    def _showtraceback(self, etype, evalue, stb):
        self.tracebacks.append((etype.__name__, list(stb)))


@dataclass
class Cell:
    """What a cell did."""

    value: Any
    error: BaseException | None
    ename: str
    traceback: list[str]
    shown: list[dict[str, Any]]
    printed: str

    @property
    def ok(self) -> bool:
        return self.error is None

    @property
    def bundle(self) -> dict[str, Any]:
        """What is seen of the one display."""
        assert self.shown, self.traceback
        assert len({one["transient"].get("display_id") for one in self.shown}) == 1
        return self.shown[-1]["data"]

    @property
    def text(self) -> str:
        """The report as text."""
        return self.bundle["text/plain"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The report's rows."""
        return self.bundle["application/vnd.hero.report+json"]["results"]

    @property
    def said(self) -> str:
        """What a magic returned, as text."""
        assert self.ok, self.traceback
        return repr(self.value)


@dataclass
class Notebook:
    """A shell that runs cells, in a folder of its own."""

    shell: Shell
    folder: Path
    marker: Path
    cells: list[Cell] = field(default_factory=list)

    def run(self, code: str, **info: Any) -> Cell:
        self.shell.display_pub.outputs.clear()
        self.shell.tracebacks.clear()
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            done = self.shell.run_cell(code, store_history=True, **info)
        ename, lines = self.shell.tracebacks[0] if self.shell.tracebacks else ("", [])
        error = done.error_before_exec or done.error_in_exec
        shown = list(self.shell.display_pub.outputs)
        return Cell(done.result, error, ename, lines, shown, out.getvalue())

    def ask(self, code: str) -> Any:
        """The value of a cell that must go well."""
        cell = self.run(code)
        assert cell.ok, cell.traceback
        return cell.value

    def refused(self, code: str, ename: str = "UsageError") -> str:
        """The text of the error a cell ends with: short, ours, and nothing was shown."""
        cell = self.run(code)
        assert cell.ename == ename, (cell.ename, cell.traceback)
        text = "\n".join(cell.traceback)
        assert text.startswith(f"{ename}: "), text
        assert len(text.split("\n")) <= 4, text
        assert "Traceback" not in text
        assert ".py" not in text
        return text

    @property
    def reached_shell(self) -> bool:
        """Whether a command was carried out since this was last asked."""
        was = self.marker.exists()
        self.marker.unlink(missing_ok=True)
        return was


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Bound to the session `notes`; commands of the shell leave a marker."""
    yield from _notebook(tmp_path, monkeypatch, HERO_SESSION="notes")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """One a module, for tests that change nothing."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _notebook(tmp_path_factory.mktemp("shared"), monkeypatch, HERO_SESSION="notes")


@pytest.fixture
def unbound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Nothing names its session yet."""
    yield from _notebook(tmp_path, monkeypatch)


def _notebook(folder: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Iterator[Notebook]:
    marker = folder / "marker"
    programs = folder / "bin"
    programs.mkdir()
    for name in ("play.echo", "tool.run", "script.sh"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho "$0 $*" >> {marker}\necho ran\n')
        program.chmod(0o755)
    own = {
        "CODEROOT": str(folder / "code"),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "MARKER": str(marker),
    }
    with loaded(folder, monkeypatch, Shell, **own, **environ) as shell:
        shell.colors = "nocolor"
        yield Notebook(shell, folder, marker)


@pytest.fixture
def session(notebook: Notebook) -> hero.Session:
    """The notebook's session, as another program sees it."""
    return hero.context_get().session_new("notes")
