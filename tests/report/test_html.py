"""A report as HTML: nothing in it is active, whatever the fields hold."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from hero_kernel.report import Failure, Report, Result, Status, to_html
from hero_kernel.report.html import NO_FORMULAS

TAGS = {
    "div", "style", "table", "tbody", "tr", "td", "code", "span", "br", "p", "details", "summary",
    "pre",
}  # fmt: skip
CLASSES = {f"hero-report {NO_FORMULAS}", "t q", "q", *(status.value for status in Status)}

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<iframe src=javascript:alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=//evil.example>x</a>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<style>@import 'http://evil.example'</style>",
    "</style><script>alert(1)</script>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href=http://evil.example>",
    "<form action=http://evil.example><input name=a>",
    "<object data=x>", "<embed src=x>", "<math><mtext></mtext></math>", "<video src=x>",
    "</pre></details></td></tr></table></div><h1>out</h1>",
    "</code><b>", "</summary><b>",
    '" onmouseover="alert(1)', "' onmouseover='alert(1)", "` onmouseover=`alert(1)",
    "<!-- ", "-->", "]]>", "<![CDATA[<script>alert(1)</script>]]>", "<?xml version='1.0'?>",
    "&lt;script&gt;", "&#60;script&#62;", "&amp;lt;", "javascript:alert(1)",
    "\x00<\x00script>", "<scr\x00ipt>", "\x1b]8;;http://evil.example\x07x", "\u2028<script>",
    "{{7*7}}", "${7*7}", "$$x$$", "<%= 1 %>", "\u202e<script>", "\ufeff<script>", "<" * 1000,
]  # fmt: skip


class Page(HTMLParser):
    """Collects what a browser would see, and refuses what is not on the list."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert (name, value) == ("open", None) or (name == "class" and value in CLASSES)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            assert "url" not in data
            assert "@import" not in data
        else:
            self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


@pytest.mark.parametrize("text", HOSTILE)
def test_no_field_can_be_more_than_words(text: str) -> None:
    failure = Failure(text, text, text, (text, text), text)
    rows = (
        Result(text, Status.FAILED, 0.0, text, text + "\n" + text, text, failure),
        Result(text, Status.OK, 0.0, text, text, text),
        Result(text, Status.OK, 0.0, text + "\n" + text),
    )
    page = Page(to_html(Report(rows, text, text, text, 0.0, text, run=text, note=text)))
    shown = "".join(c for c in text if c.isprintable())
    if shown == text:
        assert text.strip() in "".join(page.words)


def test_it_says_what_happened() -> None:
    failure = Failure("ValueError", "line one\nline two", "do this", ("    !!a", "    ^"), "File x")
    rows = (
        Result("a.b", Status.OK, 0.5, "made it", "printed"),
        Result("c.d", Status.FAILED, 0.1, place="cell:2:1", output="said", failure=failure),
    )
    words = "".join(Page(to_html(Report(rows, "ctx", "ses", duration_s=0.6))).words)
    for part in (
        "✓ ok", "a.b", "500 ms", "made it", "printed", "✗ failed", "c.d", "line one", "line two",
        "do this", "cell:2:1", "!!a", "File x", "said", "1 ok, 1 failed · 600 ms · ctx · ses",
    ):  # fmt: skip
        assert part in words, part


def test_a_failure_with_a_place_stands_open() -> None:
    row = Result("a.b", Status.FAILED, failure=Failure("E", "m", excerpt=("    x",)))
    assert "<details open>" in to_html(Report((row,)))


def test_light_and_dark() -> None:
    page = to_html(Report(()))
    assert "prefers-color-scheme:dark" in page
    assert "data-jp-theme-light=false" in page


def test_ten_thousand_rows_of_much_output_are_bounded() -> None:
    rows = [Result("a.b", Status.OK, 0.0, "x\n" * 10_000, "<" * 20_000)] * 10_000
    rows[9000] = Result("bad.one", Status.FAILED, failure=Failure("E", "broke"))
    page = to_html(Report(tuple(rows)))
    assert len(page) < 3_000_000
    words = "".join(Page(page).words)
    assert "and 8999 more rows" in words
    assert "bad.one" in words


def test_every_angle_bracket_is_a_tag_s() -> None:
    quick = Report((Result("a.b", Status.OK, 0.0), Result("a.b", Status.OK, 0.5)))
    html = to_html(quick).partition("</style>")[2]
    assert re.findall("<(?!/?[a-z])", html) == []
    assert "&lt;1 ms" in html
    assert "500 ms" in html
