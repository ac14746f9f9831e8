"""A notebook's shell, and its panels as a front end talks with them: in JSON."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from keyboards import Keyboard
from shells import loaded

import hero_kernel as hero
from magics.panels import views
from magics.panels.talk import Talk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

PASS = "correct horse battery"


@dataclass
class Pane:
    """A view, as its front end sees it."""

    talk: Talk
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def view(self) -> Any:
        [view] = self.talk.views.values()
        return view

    @property
    def part(self) -> dict[str, Any]:
        """Everything that is told of it."""
        [part] = json.loads(json.dumps(self.talk.state()))
        return part

    @property
    def state(self) -> dict[str, Any]:
        assert "error" not in self.part, self.part
        return self.part["state"]

    def changes(self) -> bool:
        """Whether the front end is told of a change since this was last asked."""
        self.sent.clear()
        self.talk.tell()
        return bool(self.sent)

    def answer(self, name: str, /, **given: Any) -> dict[str, Any]:
        self.sent.clear()
        self.talk.hear({"ask": "1", "view": self.view.key, "name": name, "given": given})
        return json.loads(json.dumps(next(one for one in self.sent if "answer" in one)))

    def ask(self, name: str, /, **given: Any) -> Any:
        """What it answers, and it is no error."""
        answer = self.answer(name, of=self.view.state()["of"], **given)
        assert "error" not in answer, answer
        return answer["value"]

    def refused(self, name: str, /, **given: Any) -> str:
        """The one line of the error it answers with, which is one of ours."""
        error = self.answer(name, **{"of": self.view.state()["of"], **given})["error"]
        assert error["type"].endswith("Error")
        assert error["type"] not in {"TypeError", "KeyError", "AttributeError", "ValueError"}, error
        assert "\n" not in error["message"]
        return f"{error['type']}: {error['message']}; {error['hint']}"

    @property
    def still(self) -> str:
        """What a saved notebook keeps, as text and HTML."""
        return "".join(repr(one) + one._repr_html_() for one in self.view.still())


@dataclass
class Notebook:
    """A shell on the session `notes`."""

    shell: InteractiveShell
    keyboard: Keyboard

    @property
    def door(self) -> Any:
        return self.shell._hero_extension.door

    @property
    def session(self) -> hero.Session:
        return hero.workspace().selected_session

    def run(self, code: str, *answers: str) -> Any:
        """What a cell comes to, and it went well; what it asks is typed."""
        self.keyboard.answers = list(answers)
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(out):
            done = self.shell.run_cell(code, store_history=True)
        assert done.success, out.getvalue()
        return done.result

    def pane(self, kind: str, session: hero.Session | None = None) -> Pane:
        pane = Pane(Talk([], lambda _: None, monotonic))
        pane.talk = Talk([views.named(self.door, kind, session)], pane.sent.append, monotonic)
        return pane


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """Bound, and unlocked quickly when it gets a secret."""
    with loaded(tmp_path, monkeypatch, HERO_SESSION="notes") as shell:
        one = Notebook(shell, Keyboard())
        one.run("%hero")
        workspace = hero.workspace()
        workspace.kdf_log2_n = 14
        workspace.prompt = one.keyboard.ask
        yield one


@pytest.fixture
def elsewhere(notebook: Notebook) -> hero.Session:
    """The notebook's session as another kernel sees it, with a workspace of its own."""
    workspace = hero.open_workspace(home=hero.workspace().home, default=False)
    workspace.kdf_log2_n = 14
    return workspace.session_get("notes", context="default")


@pytest.fixture
def secret(notebook: Notebook) -> str:
    """The context has a secret, and is unlocked; what it is."""
    notebook.run("%hero_secret new", PASS, PASS)
    return PASS
