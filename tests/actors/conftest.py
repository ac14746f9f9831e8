"""A session, and scripts carried out in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Report, Session, Workspace

    Play = Callable[..., Report]


@pytest.fixture
def ws(local: Place) -> Workspace:
    return local.open_at()


@pytest.fixture
def session(ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    return ws.session_new(ws.context_new("ctx", coderoot=tmp_path / "code"), "one")


@pytest.fixture
def play(ws: Workspace, session: Session) -> Play:
    def play(text: str, **options: object) -> Report:
        return ws.play(text, session=session, **options)

    return play
