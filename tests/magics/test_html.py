"""Nothing that a magic shows is active, whatever stands in values, names and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from report import test_html

from hero_kernel.report.html import NO_FORMULAS
from magics import display

if TYPE_CHECKING:
    from magics.conftest import Notebook

    import hero_kernel as hero

HOSTILE = [text for text in test_html.HOSTILE if "\0" not in text]


class Page(test_html.Page):
    """Also what a table has."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("th", "thead"):
            assert attrs == []
            self.open.append(tag)
        elif attrs == [("class", f"hero-table {NO_FORMULAS}")]:
            self.open.append(tag)
        else:
            super().handle_starttag(tag, attrs)


@pytest.mark.parametrize("text", test_html.HOSTILE)
def test_a_table_and_a_line_are_text_only(text: str) -> None:
    Page(display.Table((text,), ((text,),), title=text, note=text)._repr_html_())
    Page(display.Line(text, (text,))._repr_html_())


def test_what_is_kept_is_shown_as_text(notebook: Notebook, session: hero.Session) -> None:
    for number, text in enumerate(HOSTILE):
        session.env_set(f"K{number}", text)
        session.db_get()[text[:100] or "empty"] = text
        session.context.db_config_get()[f"k{number}"] = [text, {text: text}]
        session.logger().log(text or "empty")
        session.context.hero_config_set("demo", f"k{number}", f"# {text}\n", expand=False)
    session.description = HOSTILE[0]
    shown = 0
    for line in (
        "%hero", "%hero_env", "%hero_param", "%hero_db", "%hero_db list", "%hero_config",
        "%hero_log", "%hero_session", "%hero_context", "%hero_secret", "%hero_session list",
    ):  # fmt: skip
        cell = notebook.run(line)
        assert cell.ok, (line, cell.traceback)
        outputs = [one["data"].get("text/html", "") for one in cell.shown]
        if hasattr(cell.value, "_repr_html_"):
            outputs.append(cell.value._repr_html_())
        for html in filter(None, outputs):
            Page(html)
            shown += 1
    assert shown > 5


@pytest.mark.parametrize("text", HOSTILE[:30])
def test_reports_and_errors_are_text(notebook: Notebook, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    for cell in (f"!!play.echo content:'{quoted}'", f"!!play.include path:'{quoted}'"):
        done = notebook.run(cell)
        for one in done.shown:
            Page(one["data"]["text/html"])


def test_the_page_has_teeth() -> None:
    for active in ("<script>", "<b onclick='x'>", "<a href='javascript:x'>"):
        with pytest.raises(AssertionError):
            Page(active)
