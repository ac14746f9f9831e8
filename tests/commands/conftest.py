"""The command line in this process, each call as if it were a process of its own."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import hero_kernel as hero
from hero_kernel import crypto, default
from hero_kernel.commands.shell import main

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Answer:
    """What a command wrote, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document on stdout: one, on one line."""
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)


class Stream(io.TextIOWrapper):
    """A pipe, or what looks like a terminal."""

    def __init__(self, data: bytes = b"", *, tty: bool = False) -> None:
        super().__init__(io.BytesIO(data), encoding="utf-8", write_through=True)
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    @property
    def text(self) -> str:
        return self.buffer.getvalue().decode()


class Hero:
    """Calls commands in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "hero"

    def __call__(
        self, *words: str, status: int = 0, given: bytes = b"", tty: bool = False, **environ: str
    ) -> Answer:
        before, stdin, built = dict(os.environ), sys.stdin, default._workspace
        out, err = Stream(tty=tty), Stream(tty=tty)
        os.environ.update(environ)
        default._workspace, sys.stdin = None, Stream(given)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                ended = main(words)
        finally:
            default._workspace, sys.stdin = built, stdin
            for key in os.environ.keys() - before.keys():
                del os.environ[key]
            os.environ.update(before)
        answer = Answer(ended, out.text, err.text)
        assert answer.status == status, answer
        assert "Traceback" not in answer.err
        return answer

    def refused(self, *words: str, status: int = 2, **options: Any) -> str:
        """What a command says that is called wrongly: one or two lines, and nothing else."""
        answer = self(*words, status=status, **options)
        assert answer.out == ""
        lines = answer.err.rstrip("\n").split("\n")
        assert 1 <= len(lines) <= 2, answer.err
        assert lines[0], answer.err
        assert "%" not in answer.err
        return answer.err

    @property
    def workspace(self) -> hero.Workspace:
        """As another process sees it."""
        return hero.open_workspace(home=self.home, default=False)

    def session(self, name: str = "intro", context: str = "default") -> hero.Session:
        return self.workspace.context_get(context).session_get(name)

    def records(self) -> dict[tuple[int, str], str | None]:
        store = self.workspace.store
        return {(n, key): store.get(n, key) for n in store.numbers() for key in store.scan(n)}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hero:
    """Where nothing was ever kept."""
    for key in list(os.environ):
        if key.startswith(("HERO_", "JPY_", "JUPYTER")):
            monkeypatch.delenv(key)
    own = {
        "HOME": str(tmp_path),
        "HERO_HOME": str(tmp_path / "hero"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "CODEROOT": str(tmp_path / "code"),
        "COLUMNS": "100",
    }
    for key, value in own.items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(crypto, "LOG2_N", 15)  # at full cost a secret takes half a second
    return Hero(tmp_path)


@pytest.fixture
def hk(bare: Hero) -> Hero:
    """With a session `intro` in the default context."""
    bare.workspace.session_new(name="intro")
    return bare
