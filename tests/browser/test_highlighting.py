"""Heroscript in colours: in cells, files and Markdown; and Python stays Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browser import fronts

from hero_kernel.cell_text import MAGIC, looks_bare
from hero_kernel.documents.convert import ACTORS
from hero_kernel.heroscript.pieces import Part, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(180)

_SIGNS = """(index) => window.shownNotebook.content.widgets.map((cell) => {
    const view = cell.editor && cell.editor.editor;
    const found = view ? view.state.languageDataAt('commentTokens', 0) : [];
    return found.length ? found[0].line : '';
})"""
"""What begins a comment in each cell, as its editor believes: `//` in heroscript, `#` in Python."""

_SHOWN = f"(wanted) => JSON.stringify(({_SIGNS})()) === JSON.stringify(wanted)"

_WORDS = """() => {
    const editor = window.shownNotebook.content.activeCell.editor;
    return editor.getTokens().map((one) => [one.type, one.offset, one.value]);
}"""

CELLS = (
    "!!git.clone",
    "!!git.clone url:'x'",
    "  !!git.clone",
    "// why\n\n# and so\n!!git.clone light",
    "!!GIT.clone light",
    "!!greet.hello",
    "!!greet.hello name:Ada",
    "!!greet.hello\n    loud",
    "!!!git.clone",
    "!!!!git.clone x",
    "!!a.b.c x:1",
    "%%heroscript",
    "\n\n%%heroscript --py -q\n!!py.thing",
    "%%heroscript\nprose alone",
    "!!ls",
    "!!ls -la",
    "!!script.sh",
    "!!script.sh x",
    "!!python3.11 x",
    "!!greet.hello loud",
    "!git.clone",
    "!!!!!git.clone",
    "x = 1\n!!git.clone",
    "'''\n!!git.clone\n'''",
    "# only this",
    "",
    "%%heroscripts\nx",
    "%heroscript -f x.hero",
    "import os",
    "!!curl https://example.com/a.b",
)
"""Texts of cells of either language."""


def sign(text: str) -> str:
    """What begins a comment in a cell, by the rule that documents follow."""
    return "//" if MAGIC.match(text) or looks_bare(text, ACTORS.__contains__) else "#"


def signs(tab: fronts.Tab) -> list[str]:
    return tab.page.evaluate(_SIGNS)


def wait_for(tab: fronts.Tab, *wanted: str) -> None:
    """Wait until the cells have these signs."""
    tab.page.wait_for_function(_SHOWN, arg=list(wanted))


def test_cells_are_what_their_text_says_while_it_is_typed(jupyter, lab):
    jupyter.write("cells.ipynb", CELLS)
    lab.page.set_viewport_size({"width": 1280, "height": 3000})  # so that every cell is drawn
    lab.open("cells.ipynb")
    wanted = [sign(text) for text in CELLS]
    assert wanted.count("//") == 14
    wait_for(lab, *wanted)

    editors = lab.page.locator(".jp-Notebook .jp-Cell .cm-content")
    last = editors.nth(len(CELLS) - 2)
    last.click()
    keyboard = lab.page.keyboard
    keyboard.press("Control+a")
    seen = []
    for letter in "!!git.clone":
        keyboard.type(letter)
        seen.append(signs(lab)[-2])
    assert seen == [sign("!!git.clone"[:n]) for n in range(1, 12)]
    assert seen[-1] == "//"
    for _ in range(6):
        keyboard.press("Backspace")
    assert signs(lab)[-2] == "#"
    keyboard.type(".clone")
    assert signs(lab)[-2] == "//"


TEXTS = (
    "// a comment\n!!git.clone url:https://x.com/it's branch:main force",
    "!!git.clone\n    // another\n    message:'two words'\n    labels:a, 'b c', d",
    "!!play.echo content:'\n    it is {NAME}, ${env:X}\n    the boy's\n    ' n:3 ok:true",
    "!!play.echo a:'1'b:\"2\" c:-1.5e3 d:50% e:No f:x,y,z // end",
    "!!play.echo text:'''\n    it's '' here\n    '''\n    after:1",
    "%%heroscript\nprose\n!!a.b x: y:2 z:\n    next:1\n\n    more:2\nprose again\n!!c.d",
    "!!a.b l:a,b, x:1 m:a:1, b:2 n:0:5, 12:7",
    "!!a.b l:a,\n    b,\n    c\n    d:1",
    "!!a.b x:1 <!-- of\n    two lines --> y:2",
    "!!a.b p:'C:\\new' q:'it\\'s' r:'\\\\' s:'a<BR>b' t:'\\\\n \\\\u{1F680}'",
    "!!!macro.it x:'folded\n    over lines' y:1\n![image](x.png)\n!sal.x ok",
    "%%heroscript --py -o name\n!!a.b x:{x}y${param:z} arg/one 2",
)
"""Heroscript of every kind."""

KINDS = {
    "bangs": Part.BANGS,
    "actor": Part.ACTOR,
    "name": Part.NAME,
    "key": Part.KEY,
    "argument": Part.ARGUMENT,
    "comment": Part.COMMENT,
    "string": "value",
    "number": "value",
    "boolean": "value",
    "filled": "value",
    "escape": "value",
    "fault": Part.FAULT,
}


def in_documents(text: str) -> dict[int, object]:
    """What documents show each character as, but blanks and what stands for itself."""
    begin = text.index("\n") + 1 if text.startswith("%%") else 0
    found = {}
    for piece in pieces(text[begin:]):
        kind = "value" if piece.part in (Part.QUOTED, Part.BARE) else piece.part
        for at in range(begin + piece.begin, begin + piece.end):
            if kind is not Part.PROSE and not text[at].isspace():
                found[at] = kind
    return found


def in_editor(words: list[tuple[str, int, str]], text: str) -> Iterator[tuple[int, object]]:
    begin = text.index("\n") + 1 if text.startswith("%%") else 0
    for kind, offset, value in words:
        for at, letter in enumerate(value, offset):
            if kind in KINDS and at >= begin and not letter.isspace():
                yield at, KINDS[kind]


def test_words_are_what_they_are_in_documents(jupyter, lab):
    jupyter.write("words.ipynb", TEXTS)
    lab.page.set_viewport_size({"width": 1280, "height": 3000})
    lab.open("words.ipynb")
    for number, text in enumerate(TEXTS):
        lab.page.evaluate("(n) => { window.shownNotebook.content.activeCellIndex = n; }", number)
        lab.page.wait_for_function(f"(n) => ({_SIGNS})()[n] === '//'", arg=number)
        shown = dict(in_editor(lab.page.evaluate(_WORDS), text))
        wanted = in_documents(text)
        assert len(wanted) > 5
        wrong = {
            at: (text[at - 5 : at + 5], shown.get(at), wanted.get(at))
            for at in shown.keys() | wanted.keys()
            if shown.get(at) != wanted.get(at)
        }
        assert wrong == {}, text


def test_cells_follow_the_kernel(jupyter, lab):
    cells = [
        "!!git.clone url:x",
        "%%heroscript\n!!play.echo",
        "import os",
        "%load_ext magics",
        "%unload_ext magics",
        "!!greet.hello loud",
        "from hero_kernel import action\n@action('greet.hello')\ndef hello(session): ...",
    ]
    jupyter.write("kernels.ipynb", cells, kernel="python3")
    lab.open("kernels.ipynb", kernel="python3")
    rest = ("#", "#", "#")
    wait_for(lab, "#", "//", *rest, "#", "#")  # a plain kernel gives `!!` to the shell
    lab.run(3)
    wait_for(lab, "//", "//", *rest, "#", "#")
    lab.run(6)
    wait_for(lab, "//", "//", *rest, "//", "#")  # the kernel knows one more actor
    lab.run(4)
    wait_for(lab, "#", "//", *rest, "#", "#")

    change = "(name) => window.shownNotebook.sessionContext.changeKernel({name})"
    lab.page.evaluate(change, "hero")
    wait_for(lab, "//", "//", *rest, "#", "#")
    lab.page.evaluate(change, "python3")
    wait_for(lab, "#", "//", *rest, "#", "#")


SLOW = ("!!git.clone url:x", "import os", "%%heroscript\n!!play.echo", "x = 1\n!!git.clone")


@pytest.mark.thorough
@pytest.mark.parametrize("front_end", ["lab", "notebook 7"])
def test_a_slow_machine_shows_the_right_language(browser, jupyter, front_end):
    names = [f"slow{n}.ipynb" for n in range(2 if front_end == "lab" else 1)]
    for name in names:
        jupyter.write(name, SLOW)
    with fronts.tab(browser, "") as one:
        one.slow_down(4)
        one.go(jupyter.lab() if front_end == "lab" else jupyter.notebook(names[0]))
        for name in names:
            one.open(name) if front_end == "lab" else one.found()
            one.page.wait_for_timeout(600)  # the grammar of Python comes in, late
            assert signs(one) == ["//", "#", "//", "#"]
        one.check()


def test_files_markdown_and_consoles(jupyter, lab):
    script = "// why\n!!git.clone url:'x' // note\n"
    (jupyter.work / "setup.hero").write_text(script)
    (jupyter.work / "setup.heroscript").write_text(script)
    (jupyter.work / "page.md").write_text(f"# Page\n\n```heroscript\n{script}```\n")
    jupyter.write("fences.ipynb", [f"md:# Text\n\n```heroscript\n{script}```", "import os"])
    page = lab.page
    colour = "(node) => getComputedStyle(node).color"

    def coloured(where: str, word: str, other: str) -> None:
        """A word has another colour than another one."""
        found = page.locator(where).get_by_text(word, exact=True).first
        plain = page.locator(where).get_by_text(other, exact=True).first
        found.wait_for()
        assert found.evaluate(colour) != plain.evaluate(colour)

    for name in ("setup.hero", "setup.heroscript", "page.md"):
        lab.command("docmanager:open", path=name, factory="Editor")
        coloured(".jp-FileEditor:not(.lm-mod-hidden *) .cm-content", "url", "'x'")
    lab.command("docmanager:open", path="page.md", factory="Markdown Preview")
    coloured(".jp-MarkdownViewer code", "url", "'x'")

    lab.open("fences.ipynb")
    coloured(".jp-Notebook .jp-RenderedMarkdown code", "url", "'x'")
    before = page.locator(".jp-Notebook .jp-RenderedMarkdown code").get_by_text("'x'").first
    light = before.evaluate(colour)
    lab.dark()
    page.wait_for_function(
        "([node, light]) => getComputedStyle(node).color !== light",
        arg=[before.element_handle(), light],
    )
    page.evaluate("() => { window.shownNotebook.content.widgets[0].rendered = false; }")
    coloured(".jp-Notebook .jp-MarkdownCell .cm-content", "url", "'x'")
