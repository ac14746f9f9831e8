"""Wrong lines get one short error with what was meant; help is complete."""

from __future__ import annotations

import pytest

MAGICS = (
    "%hero", "%hero_context", "%hero_session", "%hero_env", "%hero_param", "%hero_db",
    "%hero_config", "%hero_secret", "%hero_log", "%hero_help",
)  # fmt: skip

WRONG = [
    # no such option
    ("%hero --wy", "%hero show has no option --wy", "--why"),
    ("%hero_context --xyzzy", "has no option --xyzzy", "--session"),
    ("%hero_context show --wy", "%hero_context show has no option --wy", "--why"),
    ("%hero_session list --all", "%hero_session list has no option --all", "--stale"),
    ("%hero_session --bogus", "has no option --bogus", ""),
    ("%hero_env set A=1 --onse", "%hero_env set has no option --onse", "--once"),
    ("%hero_env load .env --overide=1", "has no option --overide", "--override"),
    ("%hero_param --share", "has no option --share", "--shared"),
    ("%hero_help --all", "has no option --all", "--help"),
    ("%heroscript --fil x", "%heroscript has no option --fil", "--file"),
    ("%%heroscript --dry\n!!play.echo", "%%heroscript has no option --dry", "--dry-run"),
    # no such verb
    ("%hero shw", "%hero has no verb shw", "show"),
    ("%hero_env lst", "%hero_env has no verb lst", "list"),
    ("%hero_param sett a:1", "%hero_param has no verb sett", "set"),
    ("%hero_context lsit", "%hero_context has no verb lsit", "%hero_context use lsit"),
    ("%hero_session rset --yes", "%hero_session has no verb rset", "reset"),
    ("%hero_session lst", "%hero_session has no verb lst", "%hero_session use lst"),
    # something is missing
    ("%hero_env get", "%hero_env get needs NAME", "usage: %hero_env get NAME"),
    ("%hero_env set", "%hero_env set needs NAME=VALUE", "usage:"),
    ("%hero_env set A", "A is not NAME=VALUE", "quote"),
    ("%hero_env set =1", "=1 is not NAME=VALUE", ""),
    ("%hero_env load", "%hero_env load needs FILE", "usage:"),
    ("%hero_env unset", "%hero_env unset needs NAME", "usage:"),
    ("%hero_env reset", "deleting 0 variables", "--yes"),
    ("%hero_param set", "%hero_param set needs KEY:VALUE", "usage:"),
    ("%hero_param set a", "a is not key:value", "quote"),
    ("%hero_param get", "%hero_param get needs NAME", "usage:"),
    ("%hero_context -s", "argument -s/--session: expected one argument", "usage:"),
    ("%hero_context use", "%hero_context use needs NAME or --session", "list"),
    ("%hero_context new", "%hero_context new needs NAME", "usage:"),
    ("%hero_context set", "%hero_context set needs NAME=VALUE", "usage:"),
    ("%hero_context set colour=red", "colour=red sets nothing here", "coderoot"),
    ("%hero_context set interactive=maybe", "neither yes nor no", "interactive=yes"),
    ("%hero_context rm", "%hero_context rm needs NAME", "usage:"),
    ("%hero_context rm default", "deleting context default cannot be undone", "--yes"),
    ("%hero_session use", "%hero_session use needs NAME", "usage:"),
    ("%hero_session set description", "description sets nothing here", "description="),
    ("%hero_session reset", "resetting session notes cannot be undone", "--yes"),
    ("%hero_session rm notes", "deleting session notes cannot be undone", "--yes"),
    ("%heroscript", "%heroscript has nothing to do", "-f FILE"),
    ("%heroscript -f", "argument -f/--file: expected one argument", "usage:"),
    ("%%heroscript -o\n!!play.echo", "expected one argument", "usage:"),
    ("%%heroscript -o 2x\n!!play.echo", "2x is no variable name", "--out report"),
    ("%%heroscript -o class\n!!play.echo", "class is no variable name", "--out report"),
    # too much
    ("%hero show now", "%hero show does not understand now", "usage:"),
    ("%hero_env get A B", "%hero_env get does not understand B", "usage:"),
    ("%hero_session one two", "%hero_session use does not understand two", "usage:"),
    ("%heroscript play.hero", "%heroscript does not understand play.hero", "-f FILE"),
    ("%%heroscript now\n!!play.echo", "%%heroscript does not understand now", "usage:"),
    # quotes
    ("%hero_env set A='x", "No closing quotation in: set A='x", "close the quote"),
    ("%%heroscript -o 'x\n!!play.echo", "No closing quotation", "close the quote"),
]


@pytest.mark.parametrize(("cell", "said", "hint"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_line_is_told_shortly(notebook, cell, said, hint):
    notebook.ask("%hero")
    text = notebook.refused(cell)
    assert said in text
    assert hint in text
    assert "--bare" not in text
    assert "--line" not in text


@pytest.mark.parametrize("name", MAGICS)
@pytest.mark.parametrize("ask", ["-h", "--help", "help"])
def test_help_names_every_verb_with_its_words(notebook, name, ask):
    text = notebook.run(f"{name} {ask}").said
    command = notebook.shell.find_line_magic(name[1:]).__self__.commands[name[1:]]
    assert text.startswith(f"{name}: ")
    for verb in command.verbs:
        assert text.count(f"\n  {name} {verb}") == 1
    assert "\n      \n" not in text, "a verb says nothing about itself"
    assert "usage:" not in text


@pytest.mark.parametrize(
    "line",
    [
        "%hero_env get -h",
        "%hero_env set --help",
        "%hero_env load -h",
        "%hero_context use -h",
        "%hero_context rm -h",
        "%hero_session new -h",
        "%hero_param unset -h",
        "%hero show -h",
        "%heroscript -h",
    ],
)
def test_help_of_a_verb_explains_its_arguments(notebook, line):
    text = notebook.run(line).said
    assert text.startswith("usage: " + line.rsplit(maxsplit=1)[0])
    assert "show this text" in text
    assert "==SUPPRESS==" not in text


def test_help_of_the_cell_magic(notebook):
    text = notebook.run("%%heroscript -h\n!!session.env_set key:K val:V").said
    assert "--dry-run" in text
    assert "--continue" in text
    assert "--bare" not in text
    notebook.refused("%hero_env get K", "EnvKeyError")


def test_help_binds_nothing(unbound):
    for line in ("%hero -h", "%hero_env get -h", "%heroscript -h", "%hero_help"):
        unbound.ask(line)
    assert not (unbound.folder / "hero" / "hero.db").exists()


def test_hero_help_lists_magics_and_actions(notebook):
    text = notebook.run("%hero_help").said
    for word in (*MAGICS, "%%heroscript", "!!play.echo", "!!session.env_set"):
        assert word in text


def test_hero_help_explains_an_action(notebook):
    text = notebook.run("%hero_help play.include").said
    assert text.startswith("!!play.include [path:…] ")
    assert "\n  path: path\n" in text
    assert "Bring in the actions" in text
    assert notebook.run("%hero_help !!play.include").said == text


def test_hero_help_explains_a_magic(notebook):
    text = notebook.run("%hero_help hero_env").said
    assert text == notebook.run("%hero_env -h").said == notebook.run("%hero_help %hero_env").said


def test_hero_help_of_something_unknown_names_the_near(notebook):
    assert "play.echo" in notebook.refused("%hero_help play.ecko", "UnknownActionError")
    assert "%hero_env" in notebook.refused("%hero_help hero_emv", "UnknownActionError")


def test_a_name_that_looks_like_a_verb(notebook):
    for name in ("list", "use", "news", "test"):
        assert f"context {name} ▸" in notebook.run(f"%hero_context new {name}").said
    notebook.ask("%hero_context new other")
    assert "context list ▸" in notebook.run("%hero_context use list").said
    assert (
        "context news ▸" in notebook.run("%hero_context news").said
    )  # it is there: no misspelling
    assert "context test ▸" in notebook.run("%hero_context test").said
    assert "session test (new" in notebook.run("%hero_session test").said
    assert "session resett (new" in notebook.run("%hero_session use resett").said


def test_question_mark_tells_what_a_magic_does(notebook):
    page = notebook.run("%hero_env?")
    assert page.ok
    info = notebook.shell.object_inspect("%hero_env")
    assert "%hero_env -h" in info["docstring"]
    assert "%%heroscript -h" in notebook.shell.object_inspect("%%heroscript")["docstring"]
