"""Which cells are heroscript, and that none of them is seen by the shell."""

from __future__ import annotations

import pytest

from hero_kernel import default

TOUCH = "`touch $MARKER`"

OURS = {
    "a registered actor": "!!play.echo content:'x'",
    "no parameters": "!!play.echo",
    "though a program has its name": "!!play.echo ran",
    "three bangs": "!!!play.echo content:'x'",
    "four bangs": "!!!!play.echo content:'x'",
    "indented": "   !!play.echo content:'x'",
    "capitals": "!!Play.Echo content:'x'",
    "a comment first": "// what this is\n!!play.echo content:'x'",
    "a comment of the other kind first": "# what this is\n!!play.echo content:'x'",
    "blank lines first": "\n\n!!play.echo content:'x'",
    "a blank line with blanks first": "   \n!!play.echo content:'x'",
    "continuation lines": "!!play.echo\n    content:'x'",
    "continued by a tab": "!!play.echo\n\tcontent:'x'",
    "several actions": "!!play.echo content:'x'\n!!play.echo content:'y'\n",
    "blank lines between": "!!play.echo content:'x'\n\n\n!!play.echo content:'y'",
    "a text over lines": "!!play.echo content:'\n    one\n    two\n    '",
    "a quote of the shell": '!!play.echo content:"it\'s $HOME `touch $MARKER`"',
    "line ends of Windows": "!!play.echo content:'x'\r\n!!play.echo\r\n    content:'y'\r\n",
    "a comment first, line ends of Windows": "// what\r\n\r\n!!play.echo content:'x'\r\n",
    "a question mark": "!!play.echo content:what?",
}


@pytest.mark.parametrize("cell", OURS.values(), ids=OURS.keys())
def test_these_are_heroscript(notebook, cell):
    done = notebook.run(cell)
    assert done.ok, done.traceback
    assert {row["action"] for row in done.rows} == {"play.echo"}
    assert not notebook.reached_shell


NOBODY_S = {
    "a parameter": f"!!mail.send to:'me' {TOUCH}",
    "a parameter, three bangs": f"!!!mail.send to:'me' {TOUCH}",
    "a continuation": f"!!mail.send\n    to:'me' {TOUCH}",
    "a continuation by a tab": f"!!mail.send {TOUCH}\n\tto:'me'",
    "three parts": f"!!mail.box.send to:'me' {TOUCH}",
    "after a comment": f"// mail\n!!mail.send to:'me' {TOUCH}",
    "a name that an actor has not": f"!!play.ecko {TOUCH}",
    "a blank after the bangs": f"!! play.echo content:'x' {TOUCH}",
    "an email": f"!!mail.send to:me@example.com {TOUCH}",
}


@pytest.mark.parametrize("cell", NOBODY_S.values(), ids=NOBODY_S.keys())
def test_what_has_the_shape_and_no_handler_is_an_error_and_no_command(notebook, cell):
    done = notebook.run(cell)
    assert done.ename in ("UnknownActionError", "HeroscriptError")
    assert not notebook.reached_shell
    if done.ename == "UnknownActionError":
        assert "a shell command begins with one !" in "\n".join(done.traceback)


SHELL_S = {
    "one word": "!!touch $MARKER",
    "options": "!!ls -l; touch $MARKER",
    "a script on the path": "!!script.sh x",
    "a script on the path, with what looks like a parameter": "!!tool.run key:value",
    "a script with a path": "!!./bin/script.sh key:value",
    "a script that is nowhere": "!!other.sh x; touch $MARKER",
    "a version": "!!python3.11 --version; touch $MARKER",
    "an address": "!!fetch.it https://example.com; touch $MARKER",
    "one bang": "!play.echo content:'x'",
    "assigned": "x = !!play.echo content:'x'; touch $MARKER",
    "assigned, one bang": "x = !play.echo content:'x'",
    "comment, then a command": "# what\n!!touch $MARKER",
}


@pytest.mark.parametrize("cell", SHELL_S.values(), ids=SHELL_S.keys())
def test_these_stay_the_shell_s(notebook, cell):
    notebook.run(cell)
    assert notebook.reached_shell


def test_a_bare_cell_refuses_python_before_anything_runs(notebook, session):
    text = notebook.refused("!!session.env_set key:K val:V\nprint('here')", "HeroscriptError")
    assert "In[1]:2" in text
    assert "print('here')" in text
    assert "%%heroscript" in text
    assert session.env_all() == {}


def test_a_fault_in_the_text_is_told_before_anything_runs(notebook, session):
    text = notebook.refused(
        "!!session.env_set key:K val:V\n!!play.echo content:'x", "HeroscriptError"
    )
    assert "In[1]:2" in text
    assert session.env_all() == {}


IN_PYTHON = {
    "after a line": ("x = 1\n!!play.echo content:'a'", 1),
    "in a loop": ("for n in range(3):\n    !!play.echo content:'a'", 3),
    "in a condition": ("if True:\n\t!!play.echo content:'a'\nelse:\n\t!!play.echo content:'b'", 1),
    "in a function": ("def f():\n    !!play.echo content:'a'\n    return 1\nf(); f()", 2),
    "at the end of a block": ("x = 1\nif x:\n    x = 2\n    !!play.echo content:'a'\nx", 1),
    "three bangs": ("1\n!!!play.echo content:'a'", 1),
    "with a question mark": ("1\n!!play.echo content:what?", 1),
    "with braces and dollars": ("x = 1\n!!play.echo content:'a {x} $x $(touch $MARKER)'", 1),
    "twice": ("1\n!!play.echo content:'a'\n2\n!!play.echo content:'a'", 2),
    "with an apostrophe": ('1\n!!play.echo content:"it\'s"', 1),
}


@pytest.mark.parametrize(("cell", "times"), IN_PYTHON.values(), ids=IN_PYTHON.keys())
def test_an_action_between_lines_of_python_is_carried_out(notebook, cell, times):
    done = notebook.run(cell)
    assert done.ok, done.traceback
    assert len(done.shown) == times
    assert not notebook.reached_shell


def test_braces_and_dollars_are_heroscript_s(notebook):
    notebook.run("x = 'python'")
    for cell in (
        "!!play.echo content:'a {x} $x'",
        "1\n!!play.echo content:'a {x} $x'",
        "%%heroscript\n!!play.echo content:'a {x} $x'",
    ):
        assert notebook.run(cell).rows[0]["message"] == "a {x} $x"


def test_an_action_in_python_that_nobody_handles_is_an_error(notebook):
    for cell in (f"1\n!!mail.send to:'me {TOUCH}'", f"1\n!!mail.send\n    to:'me {TOUCH}'"):
        assert notebook.run(cell).ename == "UnknownActionError"
        assert not notebook.reached_shell


@pytest.mark.parametrize(
    "cell",
    [
        f"1\n!!play.echo\n    content:'a {TOUCH}'",
        f"1\n!!play.echo\n    content:'a {TOUCH}'\n2",
        f"if True:\n    !!play.echo\n        content:'a {TOUCH}'\n    x = 2\nx",
        f"if True:\n\t!!play.echo\n\t\tcontent:'a {TOUCH}'\n",
        f"1\r\n!!play.echo\r\n    content:'a {TOUCH}'\r\n",
        f"1\n!!play.echo content:'\n    a {TOUCH}\n    '\n2",
    ],
)
def test_an_action_between_lines_of_python_may_have_more_lines(notebook, cell):
    done = notebook.run(cell)
    assert done.ok, done.traceback
    assert done.rows[0]["message"].strip().startswith("a `touch")
    assert not notebook.reached_shell


def test_an_error_after_an_action_of_more_lines_has_its_own_place(notebook):
    done = notebook.run("1\n!!play.echo\n    content:'a'\n!!session.env_delete key:NO")
    assert "(In[1] line 4)" in done.traceback[0]


def test_what_stands_in_a_string_is_a_string(notebook):
    text = notebook.ask("text = '''\n!!play.echo content:'x'\n!!mail.send to:'me'\n'''\ntext")
    assert text == "\n!!play.echo content:'x'\n!!mail.send to:'me'\n"
    assert not notebook.reached_shell


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ("!!session.env_delete key:NO", "In[1] line 1"),
        ("\n\n!!session.env_delete key:NO", "In[1] line 3"),
        ("// a comment\n\n!!play.echo\n!!session.env_delete key:NO", "In[1] line 4"),
        ("%%heroscript\n!!session.env_delete key:NO", "In[1] line 2"),
        ("\n%%heroscript\n\n!!session.env_delete key:NO", "In[1] line 4"),
        ("%%heroscript --continue\ntext\n!!session.env_delete key:NO\n\n", "In[1] line 3"),
        ("%%capture out\n%%heroscript\n!!session.env_delete key:NO", "In[1] line 3"),
        ("%%capture out\n!!session.env_delete key:NO", "In[1] line 2"),
        ("x = 1\n!!session.env_delete key:NO", "In[1] line 2"),
        ("\n\nx = 1\n\n!!session.env_delete key:NO", "In[1] line 5"),
        ("for x in [1]:\n    !!session.env_delete key:NO", "In[1] line 2"),
        ("!!play.echo\r\n!!session.env_delete key:NO\r\n", "In[1] line 2"),
    ],
)
def test_places_count_as_the_user_does(notebook, cell, place):
    done = notebook.run(cell)
    assert done.ename == "RunError"
    assert f"({place})" in done.traceback[0]


def test_places_carry_the_cell_s_number(notebook):
    notebook.run("1")
    notebook.run("2")
    text = notebook.refused("!!play.ecko content:'x'", "UnknownActionError")
    assert text.startswith("UnknownActionError: In[3]:1")
    assert "play.echo" in text


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("!!play.echo content:'x'", "complete"),
        ("!!play.echo content:'x", "incomplete"),
        ("!!play.echo\n    content:'x'", "incomplete"),
        ("!!play.echo\n    content:'x'\n\n", "complete"),
        ("%%heroscript\n!!play.echo", "incomplete"),
        ("%%heroscript\n!!play.echo\n\n", "complete"),
        ("!!ls -l", "complete"),
        ("x = 1", "complete"),
        ("for x in y:", "incomplete"),
        ("for x in y:\n    !!play.echo content:'x'\n\n", "complete"),
        ("x = = 1", "invalid"),
    ],
)
def test_a_console_knows_when_a_cell_is_complete(notebook, cell, status):
    assert notebook.shell.check_complete(cell)[0] == status
    assert not notebook.reached_shell


def test_settings_that_are_wrong_let_nothing_through_to_the_shell(notebook, monkeypatch):
    monkeypatch.setenv("HERO_REDIS_URL", "nonsense")
    monkeypatch.setattr(default, "_workspace", None)
    for cell in (f"!!play.echo content:'{TOUCH}'", f"1\n!!play.echo content:'{TOUCH}'"):
        assert notebook.run(cell).ename == "StoreError"
        assert not notebook.reached_shell
    assert notebook.ask("6 * 7") == 42
    monkeypatch.setattr(default, "_workspace", None)
    monkeypatch.delenv("HERO_REDIS_URL")


@pytest.mark.parametrize(
    ("cell", "status", "indent"),
    [
        ("!!play.echo", "complete", ""),
        ("!!nobody.here x:1", "complete", ""),
        ("// why\n!!play.echo content:'x'", "complete", ""),
        ("!!play.echo\n!!play.echo content:x", "complete", ""),
        ("!!play.echo content:'x", "incomplete", "    "),
        ("!!play.echo content:'", "incomplete", "    "),
        ("!!play.echo content:'\n    a block", "incomplete", "    "),
        ("!!play.echo content:'\n    a block\n", "incomplete", "    "),
        ("!!play.echo content:'\n    a block\n    '", "incomplete", "    "),
        ("!!play.echo content:'\nat the margin", "incomplete", ""),
        ("!!play.echo content:'\nat the margin\n'", "incomplete", ""),
        ("!!play.echo content:'\n    a block\n\n", "complete", ""),
        ("!!play.echo\n  content:'x'", "incomplete", "  "),
        ("!!play.echo\n  content:'x'\n", "incomplete", "  "),
        ("!!play.echo\n  content:'x'\n  ", "complete", ""),
        ("!!play.echo\n  content:'x'\n\n", "complete", ""),
        ("!!play.echo\n// why", "incomplete", ""),
        ("!!play.echo\nx = 1", "complete", ""),  # it is told at once that this is no action
        ("!!script.sh x", "complete", ""),
        ("!!play.echo?", "complete", ""),
    ],
)
def test_enter_runs_a_bare_cell_or_goes_on_with_it(notebook, cell, status, indent):
    assert notebook.shell.check_complete(cell) == (status, indent)
