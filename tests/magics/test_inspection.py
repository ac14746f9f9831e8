"""Shift-Tab and `?`: what is told of actions, parameters, magics and names in braces."""

from __future__ import annotations

from typing import Literal

import pytest
from typing_cells import cut

import hero_kernel as hero
from hero_kernel.actors.registry import Handler
from magics.completion import explained


def told(notebook, marked: str, detail: int = 0) -> str | None:
    """What Shift-Tab tells where the `|` is; None where IPython is asked."""
    found = notebook.shell._hero_extension.hooks.explained(*cut(marked), detail)
    return None if found is None else str(found)


@pytest.fixture
def greet(notebook):
    @hero.action("greet.hello")
    def hello(
        session, *, name: str, tone: Literal["calm", "loud"] = "calm", times: int = 2, dry: bool = 0
    ) -> str:
        """Say hello to `somebody`.

        It goes on <b>here</b>.

        Args:
            name: Who is greeted,
                and how they are called.
            tone (str): How: calm or loud.

        Returns:
            What was said.
        """
        return "hello"

    del hello
    return notebook


SIGNATURE = "!!greet.hello name:… [tone:…] [times:…] [dry:…]"


@pytest.mark.parametrize(
    "marked",
    [
        "!!gre|et.hello",
        "!!greet.hello|",
        "!!|greet.hello name:x",
        "!!greet.hello | name:x",
        "%%heroscript\n!!greet.he|llo",
        "x = 1\n!!greet.he|llo",
        "for x in y:\n    !!greet.he|llo",
        "!!greet.hello unknown|:x",
    ],
)
def test_an_action(greet, marked):
    text = told(greet, marked)
    assert text.startswith(f"{SIGNATURE}\n\nSay hello to `somebody`.\n\nIt goes on <b>here</b>.")
    assert "Returns:\n    What was said." in text
    assert "name: text, required\n      Who is greeted, and how they are called.\n" in text
    assert "tone: calm or loud = 'calm'\n      How: calm or loud." in text
    assert "times: whole number = 2" in text
    assert "Args:" not in text


@pytest.mark.parametrize(
    "marked",
    [
        "!!greet.hello to|ne:calm",
        "!!greet.hello tone|:calm",
        "!!greet.hello tone:ca|lm",
        "!!greet.hello tone:'ca|lm'",
        "!!greet.hello name:x\n    TO|NE:calm",
        "!!greet.hello |tone:calm name:x",
    ],
)
def test_a_parameter(greet, marked):
    assert told(greet, marked) == (
        "!!greet.hello tone: calm or loud = 'calm'\n\nHow: calm or loud.\n\n"
        "  accepts\n      calm, loud"
    )


def test_markdown_shows_what_was_written_and_runs_none_of_it(greet):
    hooks = greet.shell._hero_extension.hooks
    markdown = hooks.explained("!!greet.hello", 5).markdown
    assert "<b>" not in markdown
    assert "&lt;b&gt;here&lt;/b&gt;" in markdown
    assert "`somebody`" in markdown
    assert f"```\n{SIGNATURE}\n```" in markdown
    assert "- `name: text, required`: Who is greeted" in markdown

    def odd(*, x: str = "a`b") -> None:
        """``` <script>alert(1)</script> [link](javascript:x) *stars*."""

    shown = explained.action(Handler("a.b", odd), source=True).markdown
    before, fence, _ = shown.partition("````python")
    assert fence
    assert "<script>" not in before
    assert "\\[link\\](javascript:x)" in before
    assert "\\*stars\\*" in before


def test_more_detail_shows_the_source(greet):
    assert "def clone(" not in told(greet, "!!git.clo|ne")
    assert "def clone(" in told(greet, "!!git.clo|ne", 1)
    exec("def typed(): 'x'", space := {"__name__": "typed_in"})  # noqa: S102  # nothing keeps its source
    assert "typed_in.typed" in str(explained.action(Handler("a.b", space["typed"]), source=True))


def test_an_action_without_parameters_and_one_with_any(notebook):
    assert "It takes no parameters." in told(notebook, "!!secret.li|st")
    assert "[key:…]" in told(notebook, "!!core.params_session_s|et")
    assert "[word …]" in told(notebook, "!!play.ec|ho")


def test_magics(notebook):
    said = notebook.run("%hero_env -h").said
    assert told(notebook, "%hero_e|nv") == told(notebook, "%hero_env |") == said
    said = notebook.run("%hero_env set -h").said.rstrip()
    assert told(notebook, "%hero_env s|et A=1") == told(notebook, "%hero_env set A|=1") == said
    assert told(notebook, "%hero_env set --on|ce").startswith("%hero_env set --once\n\nan error")
    assert told(notebook, "%hero_env st|") == told(notebook, "%hero_env|")
    assert "--dry-run" in told(notebook, "%%hero|script\n!!play.echo")
    assert "-f FILE" in told(notebook, "%heroscri|pt")
    assert told(notebook, "%%heroscript --o|ut x\n").startswith("%%heroscript -o, --out VAR\n")
    assert "CATEGORY" in told(notebook, "%%hero_config ma|il smtp\n")
    assert "KEY" in told(notebook, "%%hero_d|b key\n")


def test_python_is_ipythons(notebook):
    for marked in ("pri|nt", "%ti|me", "%%ba|sh\n!!ls", "!!ls |", "x = '!!git.clo|ne'", "%hero_|x"):
        if "hero" not in marked:
            assert told(notebook, marked) is None, marked


def test_nothing_is_told_of_what_is_unknown(notebook):
    assert told(notebook, "!!git.nothi|ng") == ""
    assert told(notebook, "!!nobody.here ke|y:1") == ""
    assert told(notebook, "!!git.clone // comm|ent") == ""


def test_names_in_braces(notebook):
    for cell in ("%hero_env set WHO=world", "%hero_param set tone:calm"):
        notebook.ask(cell)
    told_env = "set in session 0:default:notes: world"
    for marked in ("{W|HO}", "{WHO}|", "|{WHO}", "'hi {WHO|}'", "${env:W|HO}", "'a ${env:WHO|}'"):
        assert told_env in told(notebook, f"!!play.echo content:{marked}"), marked
    said = told(notebook, "!!play.echo content:{NOB|ODY}")
    assert "not set in session 0:default:notes; it stays" in said
    assert "%hero_env set NOBODY=…" in said
    assert "stays" not in told(notebook, "!!play.echo content:${env:NOB|ODY}")
    assert "session 0:default:notes: calm" in told(notebook, "!!play.echo content:${param:to|ne}")
    assert "%hero_param set far:…" in told(notebook, "!!play.echo content:${param:fa|r}")
    assert "expression" in told(notebook, "!!play.echo content:${py:x|}")


def test_a_secret_is_never_shown(notebook, monkeypatch):
    workspace = hero.workspace()
    workspace.kdf_log2_n = 14
    session = workspace.session()
    secrets = session.context.secrets
    secrets.set("correct horse battery")
    secrets.put("TOKEN", "canary-4711")
    session.env_set("API_KEY", hero.Secret("canary-4712"))
    session.params_set({"pin": hero.Secret("canary-4713")})
    session.env_set("COPY", "canary-4711")

    def everything():
        return "".join(
            told(notebook, f"!!play.echo content:{one}|")
            for one in (
                "{API_KEY}",
                "${secret:TOKEN}",
                "${param:pin}",
                "${env:COPY}",
                "${secret:X}",
            )
        )

    text = everything()
    assert "canary" not in text
    assert "•••••• (secret)" in text
    assert "a secret that context 0:default keeps" in text
    assert "%hero_secret set X" in text
    secrets.lock()
    monkeypatch.setattr(workspace, "prompt", lambda _: pytest.fail("it asked"))
    assert "(locked)" in everything()
    assert "canary" not in everything()
    monkeypatch.setitem(workspace.environ, "HERO_SECRET_TOKEN", "canary-4711")
    assert "read from HERO_SECRET_TOKEN" in told(notebook, "!!play.echo content:${secret:TOKEN|}")


def test_asking_binds_nothing(unbound):
    assert "bound to no session" in told(unbound, "!!play.echo content:{WHO|}")
    assert "[timeout:…]" in told(unbound, "!!git.clo|ne")
    assert "NAME" in told(unbound, "%hero_session us|")
    assert hero.workspace().selected_session is None
    assert not (unbound.folder / "hero").exists()


# -- `?` in a terminal


@pytest.mark.parametrize(
    ("cell", "told_of"),
    [
        ("!!git.clone?", "!!git.clone url:…"),
        ("?!!git.clone", "!!git.clone url:…"),
        ("  !!! git.clone?\n", "!!git.clone url:…"),
        ("!!git.clone??", "def clone("),
        ("%hero_env?", "%hero_env: the session's"),
        ("?%hero_env", "%hero_env: the session's"),
        ("%hero_env set?", "usage: %hero_env set"),
        ("%%heroscript?", "--dry-run"),
        ("%heroscript?", "--file"),
        ("%%hero_db?", "KEY"),
    ],
)
def test_a_question_is_answered_in_the_pager(notebook, cell, told_of):
    ran = notebook.run(cell)
    assert ran.ok, ran.traceback
    assert ran.value is None
    assert told_of in ran.printed
    assert not notebook.reached_shell


def test_a_question_about_nothing_is_one_line(notebook):
    assert "play.echo" in notebook.refused("!!play.ecko?", "UnknownActionError")
    assert "%hero_env" in notebook.refused("%hero_emv?", "UnknownActionError")


def test_other_questions_are_ipythons(notebook):
    assert "Signature" in notebook.run("print?").printed
    assert notebook.run("!!play.echo content:'what?'").ok
    assert notebook.run("x = 'what?'").ok
    assert not notebook.reached_shell


def test_help_explains_a_verb(notebook):
    said = notebook.run("%hero_help hero_env set").said
    assert said == notebook.run("%hero_env set -h").said.rstrip()
    assert "def clone(" in notebook.run("%hero_help git.clone --source").said
    assert notebook.run("%hero_help --page git.clone").value is None
