"""A notebook whose panels are driven as a front end drives them: by messages of JSON."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from magics.panels import views
from magics.panels.talk import Talk

# by its file: the package that is tested is called `magics`, too
_SHELLS = importlib.util.spec_from_file_location(
    "shells_of_magics", Path(__file__).parents[1] / "magics" / "conftest.py"
)
_shells = importlib.util.module_from_spec(_SHELLS)
sys.modules["shells_of_magics"] = _shells
_SHELLS.loader.exec_module(_shells)

notebook = _shells.notebook
unbound = _shells.unbound


@dataclass
class Front:
    """A front end that shows one view; messages go through JSON both ways."""

    view: Any
    sent: list[Any] = field(default_factory=list)

    def __post_init__(self):
        self.talk = Talk([self.view], lambda one: self.sent.append(through(one)), monotonic)
        self.parts = {part["key"]: through(part) for part in self.talk.state()}

    def tell(self):
        """Look for changes, as the watching thread does; what has changed."""
        self.sent.clear()
        self.talk.tell()
        changed = self.sent[-1]["views"] if self.sent else {}
        self.parts |= changed
        return changed

    @property
    def part(self):
        self.tell()
        return self.parts[self.view.key]

    @property
    def state(self):
        return self.part["state"]

    def answer(self, name, /, **given):
        message = {"ask": 1, "view": self.view.key, "name": name, "given": given}
        self.sent.clear()
        self.talk.hear(through(message))
        for one in self.sent:
            self.parts |= one.get("views", {})
        return next(one for one in self.sent if "answer" in one)

    def ask(self, name, /, **given):
        """The value of a question that must be answered."""
        answer = self.answer(name, **given)
        assert "error" not in answer, answer
        return answer["value"]

    def refused(self, name, /, **given):
        """The one line of a question that must be refused, by an error of ours."""
        error = self.answer(name, **given)["error"]
        assert error["type"].endswith("Error"), error
        assert error["type"] not in {"TypeError", "ValueError", "KeyError", "AttributeError"}, error
        assert "\n" not in error["message"], error
        return f"{error['type']}: {error['message']}; {error['hint']}"


def through(message):
    return json.loads(json.dumps(message))


@pytest.fixture
def on_redis(tmp_path, monkeypatch, redis_server):
    """As `notebook`, with its records in Redis."""
    more = {"HERO_SESSION": "notes", "HERO_REDIS_URL": redis_server.url}
    yield from _shells._notebook(tmp_path, monkeypatch, **more)


@pytest.fixture
def door(notebook):
    """The notebook's, bound to its session."""
    notebook.ask("%hero")
    return notebook.shell._hero_extension.door


@pytest.fixture
def front(door):
    """Shows the view of a kind: the notebook's own, or of a value."""

    def show(kind, value=None):
        view = views.named(door, kind) if value is None else views.of(door, value)
        return Front(view)

    return show
