"""`%hero_panel db`, and a database as a cell's value, in a shell."""

from __future__ import annotations

import pytest
from typing_cells import tab


@pytest.fixture
def filled(notebook, session):
    session.db_get().update({"a": "<b>one</b>", "b": 2})
    session.context.db_get("facts")["c"] = 3
    return notebook


def shown(notebook, code: str) -> dict[str, str]:
    data, _ = notebook.shell.display_formatter.format(notebook.ask(code))
    return data


def test_the_session_s_database_or_another_one_by_its_name(filled):
    data = shown(filled, "%hero_panel db")
    assert "database session_notes of context 0:default" in data["text/plain"]
    assert "&lt;b&gt;one&lt;/b&gt;" in data["text/html"]
    for line in ("%hero_panel db facts", "%hero_panel db -d facts"):
        assert "database facts of context 0:default" in shown(filled, line)["text/plain"]


def test_a_database_is_shown_as_a_panel(filled):
    data = shown(filled, "import hero_kernel as hero\nhero.workspace().session().db_get()")
    assert data["text/plain"].startswith("Database('session_notes', ")
    assert "text/html" not in data


def test_a_database_that_is_not_there_is_told_with_the_near_miss(filled):
    text = filled.refused("%hero_panel db fact", "DatabaseNotFoundError")
    assert "did you mean facts" in text
    assert "there is no panel facts" in filled.refused("%hero_panel env facts")


def test_tab_offers_databases(filled):
    filled.ask("%hero")
    assert tab(filled.shell, "%hero_panel db f|").texts == ["facts"]
    assert tab(filled.shell, "%hero_panel db -d f|").texts == ["facts"]
    assert "db" in tab(filled.shell, "%hero_panel d|").texts
