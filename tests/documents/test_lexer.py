"""Heroscript in colours."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from heroscript import strategies
from hypothesis import given
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename, get_lexer_for_mimetype
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, String, Text

from hero_kernel.documents.lexer import HeroCellLexer, HeroscriptLexer
from hero_kernel.heroscript.pieces import pieces

SCRIPT = """\
# A title
// why
!!git.clone url:'https://x.org/{NAME}' depth:12 force Labels:a, "b \\"c\\"" on:true
    // how
    text:'
        It's a block: key:value

        // no comment
        '  // a comment
    token:${secret:TOKEN} <!-- more
    of it --> k:\\\\u{41}
More prose.
!core
!!!!a.b c
"""


def tokens(text: str, lexer=HeroscriptLexer) -> list[tuple[object, str]]:
    """What is coloured how, blanks aside."""
    found = lexer().get_tokens(text)
    return [
        (kind, part) for kind, part in found if part.strip() and str(kind) != "Token.Punctuation"
    ]


def test_every_construct():
    assert tokens(SCRIPT) == [
        (Text, "# A title"),
        (Comment.Single, "// why"),
        (Keyword, "!!"),
        (Name.Namespace, "git"),
        (Name.Function, "clone"),
        (Name.Attribute, "url"),
        (String.Single, "'https://x.org/"),
        (String.Interpol, "{NAME}"),
        (String.Single, "'"),
        (Name.Attribute, "depth"),
        (Number, "12"),
        (Name.Constant, "force"),
        (Name.Attribute, "Labels"),
        (String, "a"),
        (String.Double, '"b '),
        (String.Escape, '\\"'),
        (String.Double, "c"),
        (String.Escape, '\\"'),
        (String.Double, '"'),
        (Name.Attribute, "on"),
        (Keyword.Constant, "true"),
        (Comment.Single, "// how"),
        (Name.Attribute, "text"),
        (
            String.Single,
            "'\n        It's a block: key:value\n\n        // no comment\n        '",
        ),
        (Comment.Single, "// a comment"),
        (Name.Attribute, "token"),
        (String.Interpol, "${secret:TOKEN}"),
        (Comment.Multiline, "<!-- more\n    of it -->"),
        (Name.Attribute, "k"),
        (String.Escape, "\\\\u{41}"),
        (Text, "More prose."),
        (Keyword, "!"),
        (Name.Function, "core"),
        (Keyword, "!!!!"),
        (Name.Namespace, "a"),
        (Name.Function, "b"),
        (Name.Constant, "c"),
    ]


def test_faults_are_errors_and_what_follows_is_not():
    found = tokens("!!a.b x:'never closed\n!!c.d y-z:1 w:2")
    assert (Error, "'never closed") in found
    assert (Error, "y-z:1") in found
    assert found[-2:] == [(Name.Attribute, "w"), (Number, "2")]


def test_an_indented_script_is_coloured_alike():
    def indented(text: str) -> str:
        return "\n".join(f"   {line}" if line else "" for line in text.split("\n"))

    plain = [(kind, part.split()) for kind, part in tokens(SCRIPT)]
    assert [(kind, part.split()) for kind, part in tokens(indented(SCRIPT))] == plain


@given(strategies.script)
def test_every_character_comes_out_once_and_in_its_place(text):
    for lexer in (HeroscriptLexer(), HeroCellLexer()):
        found = list(lexer.get_tokens_unprocessed(text))
        assert "".join(part for _, _, part in found) == text
        assert all(at + len(part) == after for (at, _, part), (after, _, _) in pairwise(found))


@given(strategies.action())
def test_what_is_written_rightly_has_no_fault(action):
    text = action.heroscript()
    assert Error not in [kind for kind, _ in tokens(text)]
    assert [text[one.begin : one.end] for one in pieces(text) if one.part == "key"] == [
        key for key in action.params if key
    ]


HOSTILE = [
    "!" * 100_000,
    "!!a.b " + "x:'" * 30_000,
    "!!a.b x:'" + "{" * 100_000,
    "!!a.b x:'" + "\\" * 100_000,
    "!!a.b x:'" + "<BR" * 30_000,
    "!!a.b x:'\n" * 10_000,
    '!!a.b x:"""\n' * 10_000,
    "!!a.b x:'\n  '''\n  \"" * 8_000,
    "!!a.b " + "<!--" * 25_000,
    "!!a.b\n" + "  // c\n" * 15_000,
    "!!a.b x:" + "a, " * 30_000,
    "  !!a.b\n" * 12_000,
    "%%heroscript\n" + "!!a.b x:'" * 12_000,
    "```\n" * 25_000,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_hostile_texts_take_no_longer_than_they_are_long(text):
    """Twice the text takes about twice the time; where it took four times, this would not end."""
    began = time.process_time()
    assert "".join(part for _, part in HeroCellLexer().get_tokens(text)).strip() == text.strip()
    assert time.process_time() - began < 4


class TestCells:
    def test_a_cell_that_says_so(self):
        found = tokens("%%heroscript --dry-run\n!!a.b x:1", HeroCellLexer)
        assert found[:4] == [
            (Operator, "%%"),
            (Keyword, "heroscript"),
            (Text, "--dry-run"),
            (Keyword, "!!"),
        ]
        assert found[-1] == (Number, "1")

    @pytest.mark.parametrize("cell", ["// c\n!!a.b x:1", "!!git.list", "!!a.b\n  x", "!!x.y"])
    def test_a_bare_cell(self, cell):
        assert (Keyword, "!!") in tokens(cell, HeroCellLexer)

    @pytest.mark.parametrize(
        "cell", ["import os", "!!ls -l", "!!run.sh x", "%hero_env", "%%bash\nls"]
    )
    def test_every_other_cell_is_ipythons(self, cell):
        ours = list(HeroCellLexer().get_tokens(cell))
        assert ours == list(get_lexer_by_name("ipython3").get_tokens(cell))


class TestAsItIsInstalled:
    """By the entry points."""

    def test_pygments_finds_them(self):
        for found in (
            get_lexer_by_name("heroscript"),
            get_lexer_by_name("hero"),
            get_lexer_for_filename("setup.hero"),
            get_lexer_for_filename("setup.heroscript"),
            get_lexer_for_mimetype("text/x-heroscript"),
        ):
            assert type(found).__name__ == "HeroscriptLexer"
        assert type(get_lexer_by_name("ipython-hero")).__name__ == "HeroCellLexer"

    def test_a_code_block_of_sphinx(self):
        """`.. code-block:: heroscript` is this call."""
        html = highlight("!!a.b x:1\n", get_lexer_by_name("heroscript"), HtmlFormatter())
        assert '<span class="nn">a</span>' in html
        assert '<span class="na">x</span>' in html
