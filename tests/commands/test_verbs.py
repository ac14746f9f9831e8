"""The magics' verbs as commands: the same answers, and errors of one or two lines."""

from __future__ import annotations

import json

import pytest

from hero_kernel.commands import nouns
from hero_kernel.commands.door import TerminalDoor
from hero_kernel.commands.given import Given
from hero_kernel.commands.shell import COMMANDS
from magics.arguments import Parser


def test_env_is_the_magic(hk):
    assert hk("env", "set", "A=1", "B=two words").out == "A, B set in session intro\n"
    assert hk.session().env_all() == {"A": "1", "B": "two words"}
    shown = hk("env").out.split("\n")
    assert shown[0] == "session 0:default:intro"
    assert [line.split("  ")[0].split()[0] for line in shown[1:4]] == ["variable", "A", "B"]
    assert "two words" in shown[3]
    assert "hero-kernel env set" in shown[3]
    assert hk("env", "get", "B").out == "two words\n"
    assert hk("env", "unset", "A").out == "A deleted from session intro\n"
    hk("env", "reset", "--yes")
    assert hk.session().env_all() == {}


def test_a_value_that_begins_with_dashes(hk):
    hk("db", "set", "--", "key", "--value")
    assert hk("db", "get", "key").out == "--value\n"


def test_standard_input_is_what_a_cell_is_for_a_magic(hk):
    pem = b"-----BEGIN KEY-----\nabc\n"
    hk("config", "set", "tls", "cert", "-", given=pem)
    assert hk("config", "get", "tls", "cert").out.strip() == pem.decode().strip()
    hk("db", "set", "numbers", "-", "--json", given=b"[1, 2.5, null]\n")
    assert hk.session().db_get()["numbers"] == [1, 2.5, None]
    assert "byte 0" in hk.refused("db", "set", "k", "-", given=b"\xff")
    assert "k" not in hk.session().db_get()


def test_values_are_as_they_are_kept(hk):
    session = hk.session()
    session.db_get().update(
        {"bytes": b"\x00\xff", "none": None, "list": [1, "ä"], "text": "%hero_env"}
    )
    assert hk("db", "get", "text").out == "%hero_env\n"  # a value is not our words
    assert json.loads(hk("db", "get", "list").out) == [1, "ä"]
    assert hk("db", "get", "none", "--json").json == {"value": None}
    assert hk("db", "get", "bytes", "--json").json == {"base64": "AP8="}
    assert hk("db", "get", "list", "--json").json == {"value": [1, "ä"]}


def test_json_before_the_verb_is_ours_and_after_it_the_verbs_where_it_has_one(hk):
    hk("db", "set", "n", "12", "--json")
    assert hk("db", "--json", "set", "m", "13", "--json").json["line"].startswith("m is kept")
    assert [hk.session().db_get()[key] for key in "nm"] == [12, 13]
    assert hk("--json", "db", "get", "n").json == {"value": 12}


@pytest.mark.parametrize("where", ["above", "noun", "verb"])
def test_context_and_session_stand_anywhere(hk, where):
    hk("contexts", "new", "shop")
    hk("sessions", "new", "one", "-c", "shop")
    hk("sessions", "new", "two", "-c", "shop")
    options = ["--context=shop", "-sone"]
    words = {
        "above": [*options, "env", "set", "A=1"],
        "noun": ["env", *options, "set", "A=1"],
        "verb": ["env", "set", "A=1", *options],
    }
    hk(*words[where])
    assert hk.session("one", "shop").env_all() == {"A": "1"}
    assert hk.session("two", "shop").env_all() == {}


def test_contexts(hk):
    assert hk("contexts", "new", "shop", "--coderoot", "code").out == "context 1:shop is new\n"
    assert hk.workspace.context_get("shop").sessions_list() == []
    assert hk("contexts", "new", "shop", "-s", "one").out == (
        "context 1:shop is there, and session one in it\n"
    )
    rows = hk("contexts", "--json").json["rows"]
    assert [row[1:4] for row in rows] == [["default", "0", "1"], ["shop", "1", "1"]]
    hk("contexts", "set", "name=store", "-c", "shop")
    assert "--yes" in hk.refused("contexts", "rm", "store")
    hk("contexts", "rm", "store", "--yes")
    assert [one.name for one in hk.workspace.contexts_list()] == ["default"]


def test_sessions(hk):
    said = hk("sessions", "new", "two").out
    assert said.startswith("hero ▸ context default ▸ session two (new; 0 env, 0 params")
    assert [row[1] for row in hk("sessions", "--json").json["rows"]] == ["intro", "two"]
    hk("sessions", "set", "description=mine", "-s", "intro")
    hk("sessions", "end", "-s", "intro")
    assert hk.session().description == "mine"
    assert hk.session().end
    hk("sessions", "rm", "two", "--yes")
    assert not hk.workspace.session_exists("two")


def test_param_and_log(hk):
    hk("param", "set", "color:red", "--shared")
    assert hk("param", "get", "color", "--shared").out == "red\n"
    hk("log", "log", "the", "server", "answers", "--cat", "net")
    hk("log", "log", "--error", "it does not")
    assert [row[1:] for row in hk("log", "--json").json["rows"]] == [
        ["net", "", "the server answers"], ["", "ERROR", "it does not"],
    ]  # fmt: skip
    assert "server" in hk("log", "search", "server").out
    assert hk("log", "--follow", "--seconds", "0").out == ""
    assert hk("log", "follow", "--seconds", "0", "--json").out == ""
    assert hk("log", "path").out.strip() == str(hk.session().logger().path)


def test_actions_are_listed_and_explained(hk):
    listed = hk("actions").out
    assert "!!play.echo" in listed
    assert "%" not in listed
    assert hk("actions", "play.echo").out.startswith("!!play.echo [content:…]")
    assert "did you mean play.echo?" in hk.refused("actions", "play.ecko", status=1)


def test_help_of_everything_names_commands_and_no_magic(hk):
    for name in COMMANDS:
        if name == "import":
            continue
        said = hk(name, "-h").out
        assert f"hero-kernel {name}" in said
        lines = [said]
        if name in nouns.NOUNS:
            lines += [hk(name, verb, "--help").out for verb in nouns.verbs(name)]
        for text in lines:
            assert "%hero" not in text, text
            assert "%%" not in text, text
            assert "os.environ" not in text, text
            assert "--unlock" in text


WRONG = [
    *((name, "wrnog") for name in COMMANDS if name not in ("actions", "revoke")),
    ("wrnog",),
    (),
    *((name, "--wrnog") for name in COMMANDS),
    *((name, "-c") for name in COMMANDS if name != "import"),
    ("--context",),
    ("run",),
    ("run", "x.hero", "y.hero"),
    ("run", "x.ipynb", "A=1"),
    ("run", "x.ipynb", "--pull"),
    ("run", "x.ipynb", "--unlock"),
    ("run", "x.hero", "-o"),
    ("install", "--env", "A"),
    ("install", "--env", "A=1"),
    ("install", "--env", "HERO_SECRET=x", "--name", "x"),
    ("import",),
    ("import", "moon"),
    ("import", "db", "--moon"),
    ("completion",),
    ("contexts", "use", "x"),
    ("sessions", "use", "x"),
    ("secret", "unlock"),
    ("secret", "get", "x"),
    ("db", "frame"),
    ("db", "get", "k", "--out", "x"),
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_called_wrongly(hk, words):
    before = hk.records()
    hk.refused(*words)
    assert hk.records() == before


VERBS = [(name, verb) for name in nouns.NOUNS for verb in nouns.verbs(name)]


@pytest.mark.parametrize(("name", "verb"), VERBS, ids=" ".join)
def test_every_verb_refuses_what_it_does_not_know_and_asks_for_what_is_missing(hk, name, verb):
    before = hk.records()
    said = hk.refused(name, verb, "--wrnog")
    assert said.startswith(f"hero-kernel {name} {verb} has no option --wrnog")
    many = ["word"] * 9
    parser = Parser("", "")
    nouns.noun(name, TerminalDoor(Given())).verbs[verb].setup(parser)
    asked = [one for one in parser._actions if not one.option_strings and one.nargs != "*"]
    if any(one.nargs in (None, "+") for one in asked):
        assert hk.refused(name, verb).startswith(f"hero-kernel {name} {verb} needs ")
    if not any(one.nargs in ("+", "*") for one in parser._actions):
        hk.refused(name, verb, *many)
    for option in parser._actions:
        if option.option_strings and option.nargs is None:
            hk.refused(name, verb, option.option_strings[-1])
    assert hk.records() == before


def test_an_error_is_a_document_too(hk):
    for words, kind, status in (
        (("env", "get", "NO", "--json"), "EnvKeyError", 1),
        (("--json", "env", "stt"), "UsageError", 2),
        (("run", "--json", "--wrnog"), "UsageError", 2),
        (("run", "none.hero", "--json"), "SourceError", 2),
        (("wrnog", "--json"), "UsageError", 2),
    ):
        answer = hk(*words, status=status)
        error = answer.json["error"]
        assert error["type"] == kind
        assert error["message"]
        assert set(error) == {"type", "message", "hint"}
        assert "hero-kernel" not in answer.err


def test_import_is_the_nouns_own(hk):
    hk("db", "set", "key", "value")
    assert "there is none of herolib's databases" in hk("import", "db").out
    assert hk("import", "-h").out.startswith("hero-kernel import session|db|secret: ")
    assert "usage: hero-kernel db import" in hk("import", "db", "-h").out
    assert hk("--json", "import", "db").json["note"] == "there is none of herolib's databases"
    hk.refused("import", "secret", status=1)


def test_foreign_text_does_not_draw_at_a_terminal(hk):
    """Neither as rich's markup nor as the terminal's own."""
    markup, escapes = (
        "[bold red]x[/bold red] [link=http://e]y[/link]",
        "\x1b]0;title\x07\x1b[31mred",
    )
    hk.session().env_update({"MARKUP": markup, "ESCAPES": escapes})
    shown = hk("env", tty=True).out
    assert "\x1b[" in shown  # it is drawn as for a terminal
    assert "[bold red]x[/bold red]" in shown
    assert "[link=http://e]y[/link]" in shown
    for drawn in ("\x1b]0;", "\x1b]8;", "\x1b[31m", "\x1b[1;31m"):
        assert drawn not in shown
        assert drawn not in hk("env", "get", "ESCAPES", tty=True).out
