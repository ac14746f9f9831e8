"""Notebooks as scripts, and scripts as notebooks."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from heroscript import strategies
from hypothesis import example, given
from hypothesis import strategies as st
from nbformat import v4

from hero_kernel import Playbook, heroscript
from hero_kernel.actors import Actors
from hero_kernel.documents import notebook_from, script_from
from hero_kernel.documents.convert import ACTORS
from hero_kernel.errors import HeroscriptError

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def notebook(*cells: str, **metadata: object) -> nbformat.NotebookNode:
    """Cells of code; one that begins with `md:` is Markdown."""
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell(cell.removeprefix("md:"))
            if cell.startswith("md:")
            else v4.new_code_cell(cell, metadata=dict(metadata))
            for cell in cells
        ]
    )


def keys(text: str) -> list[str]:
    """What a script does: its actions, without their comments."""
    return [action.hashkey() for action in heroscript.parse(text)]


def squeezed(text: str) -> str:
    """Without blanks, and without comments that say nothing."""
    lines = heroscript.Source(text).text.split("\n")
    return re.sub(r"\s+", "", "\n".join(line for line in lines if not re.fullmatch("//\\s*", line)))


class TestToAScript:
    def test_heroscript_stays_and_markdown_becomes_comments(self):
        script = script_from(
            notebook(
                "md:# Tides\n\nWhat we measure.",
                "%%heroscript -o report\n!!play.echo content:'one'",
                "// why\n!!play.echo\n    content:'two'\n",
            )
        )
        assert script == (
            "// # Tides\n//\n// What we measure.\n\n"
            "!!play.echo content:'one'\n\n"
            "// why\n!!play.echo\n    content:'two'\n"
        )

    @pytest.mark.parametrize(
        ("cell", "said"),
        [
            ("x = 1\ny = 2\nz = 3", "In[1] is Python: x = 1 and 2 more lines"),
            ("%hero_env set A=1", "In[1] is Python: %hero_env set A=1"),
            ("!!ls -l", "In[1] is Python: !!ls -l"),
            ("!!script.sh", "In[1] is Python: !!script.sh"),
            ("%%heroscript -n\n!!play.echo", "In[1] is a dry run: play.echo"),
            ("%%heroscript --dry-run\n!!play.echo", "In[1] is a dry run: play.echo"),
            ("%%heroscript --expect-error X\n!!no.such x:'", "In[1] is to fail: "),
            ("%%heroscript --py\n!!play.echo", "In[1] needs Python's variables: play.echo"),
            ("%%heroscript --only git\n!!play.echo", "In[1] is carried out in part: play.echo"),
        ],
    )
    def test_what_is_no_part_of_a_script_is_told(self, cell, said):
        script = script_from(notebook(cell))
        assert script == f"// left out, {said}".rstrip() + "\n"
        assert heroscript.parse(script) == []

    def test_what_may_fail_by_its_tag_is_left_out_as_well(self):
        script = script_from(notebook("!!no.such x:1", tags=["raises-exception"]))
        assert script == "// left out, In[1] is to fail: no.such\n"

    def test_options_that_look_alike_do_not_leave_a_cell_out(self):
        for options in ("--continue", "-o plan", "-q", "--quiet --out=n"):
            assert keys(script_from(notebook(f"%%heroscript {options}\n!!a.b"))) == keys("!!a.b")

    def test_an_actor_that_the_notebook_defines_is_known(self):
        cells = ["@action('greet.all')\ndef f(session): ...", "!!greet.all loudly"]
        assert keys(script_from(notebook(*cells))) == keys("!!greet.all loudly")
        assert keys(script_from(notebook(cells[1]))) == []

    def test_a_line_end_in_python_does_not_become_an_action(self):
        """A carriage return ends a line of heroscript."""
        for cell in ("x = 1\r!!git.delete all:true", "md:a\r!!git.delete all:true"):
            assert heroscript.parse(script_from(notebook(cell))) == []

    def test_an_action_does_not_hide_in_markdown(self):
        cell = v4.new_markdown_cell(
            "see\n!!git.delete all:true", metadata={"hero": {"prose": True}}
        )
        assert script_from(v4.new_notebook(cells=[cell])) == "// see\n// !!git.delete all:true\n"

    def test_half_a_character_can_be_written(self):
        assert "�" in script_from(notebook("md:x \ud800 y"))

    def test_an_indented_cell_does_not_go_on_with_the_one_before(self):
        first, second = "!!a.b x:1", "    force\n!!c.d"
        assert keys(f"{first}\n\n{second}") != keys(first) + keys(second)  # a naive join would
        script = script_from(notebook(f"%%heroscript\n{first}", f"%%heroscript\n{second}"))
        assert keys(script) == keys(first) + keys(second)

    def test_a_cell_that_cannot_be_read_is_an_error_that_names_it(self):
        cell = "%%heroscript\n!!play.echo content:'x"
        with pytest.raises(HeroscriptError, match=r"^In\[2\]:2:21: the quote is not closed"):
            script_from(notebook("!!play.echo", cell))

    def test_an_empty_notebook(self):
        assert script_from(notebook()) == ""
        assert script_from(notebook("", "md:  ")) == ""

    def test_sources_may_be_lists_of_lines(self):
        cell = {"cell_type": "code", "source": ["!!a.b\n", "    x:1"], "metadata": {}}
        assert keys(script_from({"cells": [cell]})) == keys("!!a.b x:1")

    def test_the_actors_are_those_of_every_kernel(self):
        assert {name.partition(".")[0] for name in Actors().names()} == ACTORS

    @pytest.mark.parametrize("path", sorted(NOTEBOOKS.rglob("*.ipynb")), ids=lambda path: path.stem)
    def test_every_teaching_notebook_becomes_a_script_that_can_be_read(self, path):
        script = script_from(nbformat.read(path, as_version=4))
        Playbook.from_text(script)
        assert "// # " in script


class TestToANotebook:
    def test_comments_become_markdown_and_groups_become_cells(self):
        made = notebook_from(
            "// # Setting up\n//\n// Two steps.\n\n"
            "!!session.env_set key:A val:1\n!!session.env_set key:B val:2\n\n"
            "// and\n// then\n!!play.echo\n    // how\n    content:'\n    a\n\n    b\n    '\n"
        )
        nbformat.validate(made)
        assert [(cell.cell_type, cell.source) for cell in made.cells] == [
            ("markdown", "# Setting up\n\nTwo steps."),
            (
                "code",
                "%%heroscript\n!!session.env_set key:A val:1\n!!session.env_set key:B val:2",
            ),
            ("markdown", "and\nthen"),
            (
                "code",
                "%%heroscript\n!!play.echo\n    // how\n    content:'\n    a\n\n    b\n    '",
            ),
        ]
        assert made.metadata.kernelspec.name == "hero"

    def test_it_is_the_same_notebook_every_time(self):
        text = "// a\n!!a.b\n\n!!c.d"
        assert notebook_from(text) == notebook_from(text)

    def test_fences_of_a_markdown_file_go_around_cells(self):
        text = (
            "# Title\n\nSome *text*.\n\n```heroscript\n// first\n!!a.b x:1\n\n!!c.d\n```\n\n"
            "More.\n\n```bash\nls\n```\n\n!!e.f\n"
        )
        made = notebook_from(text)
        assert [(cell.cell_type, cell.source) for cell in made.cells] == [
            ("markdown", "# Title\n\nSome *text*."),
            ("code", "%%heroscript\n// first\n!!a.b x:1\n\n!!c.d"),
            ("markdown", "More.\n\n```bash\nls\n```"),
            ("code", "%%heroscript\n!!e.f"),
        ]
        assert squeezed(script_from(made)) == squeezed(text)

    def test_a_cell_never_reaches_the_shell(self):
        """Where the extension is not loaded, `!!rm.sh x` alone would be a command."""
        code = [c.source for c in notebook_from("!!rm.sh x\n").cells if c.cell_type == "code"]
        assert code == ["%%heroscript\n!!rm.sh x"]

    def test_a_fault_is_an_error(self):
        with pytest.raises(HeroscriptError, match=r"^play.hero:2:7: the quote"):
            notebook_from("// a\n!!a x:'", name="play.hero")

    def test_nothing_becomes_nothing(self):
        assert notebook_from("").cells == []
        assert script_from(notebook_from("\n\n")) == ""


PLAYBOOK = "#!/usr/bin/env -S hero-kernel run\n// a\n\n// b\n!!a.b x:1\n  x\n y\n\n!c"

parts = st.one_of(
    strategies.action().map(lambda action: action.heroscript()),
    st.sampled_from(
        [
            "\n",
            "// a comment\n",
            "//\n",
            "///\n",
            "# prose\n",
            "    indented\n",
            " x\n",
            "- a\n",
            "```heroscript\n",
            "```\n",
            "````hero\n",
            "```bash\n",
            "![image](x)\n",
            "\t\n",
            "%%x\n",
        ]
    ),
)


@given(st.lists(parts, max_size=12).map("".join))
@example(PLAYBOOK)
@example("```hero\n!!a.b\n```\n```\n!!c.d\n```")
@example("prose\n !!a.b x:1\n  y:2\n")  # in a cell of its own the indentation would be shared
@example("```\n\n// c\n\n```\n!!a.b\n    x:1\n```")
def test_a_script_comes_back_as_it_was(text):
    """Up to blanks and empty comments; and it does the same."""
    try:
        before = keys(text)
    except HeroscriptError:
        return
    made = notebook_from(text)
    nbformat.validate(made)
    back = script_from(made)
    assert squeezed(back) == squeezed(text)
    assert keys(back) == before
    again = notebook_from(back)
    assert script_from(again) == back  # and from then on not a blank changes


@given(
    st.lists(
        st.one_of(
            st.lists(strategies.action(), max_size=3).map(
                lambda actions: "%%heroscript\n" + heroscript.render(actions)
            ),
            st.sampled_from(
                [
                    "x = 1",
                    "md:# T\n\ntext",
                    "md:!!a.b",
                    "%hero",
                    "%%heroscript\n  !!a.b\n   x:1",
                    "md:    code\n",
                    "%%heroscript\nprose\n!!a.b\nprose",
                    "# c\n!!a.b x:1",
                    "%%heroscript -n\n!!a.b",
                    "!!a.b x:'\n  1\n  '",
                    "%%heroscript\n// c",
                ]
            ),
        ),
        max_size=6,
    )
)
def test_a_notebook_keeps_its_actions(cells):
    """notebook → script → notebook."""
    made = notebook(*cells)
    carried_out = [
        cell.partition("\n")[2] if cell.startswith("%%heroscript\n") else cell
        for cell in cells
        if not cell.startswith(("md:", "x", "%hero", "%%heroscript -n"))
        or cell.startswith("%%heroscript\n")
    ]
    wanted = [key for body in carried_out for key in keys(body)]
    script = script_from(made)
    assert keys(script) == wanted
    again = notebook_from(script)
    bodies = [c.source.partition("\n")[2] for c in again.cells if c.cell_type == "code"]
    assert [key for body in bodies for key in keys(body)] == wanted
