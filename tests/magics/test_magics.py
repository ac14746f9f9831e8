"""What the magics do with contexts, sessions, variables and parameters."""

from __future__ import annotations

import os
from html.parser import HTMLParser

import pytest

import hero_kernel as hero


def test_hero_says_where_the_notebook_is(notebook):
    line = notebook.run("%hero").said
    assert line.startswith("hero ▸ context default ▸ session notes (new; 0 env, 0 params")
    notebook.run("%hero_env set A=1 B=2\n")
    notebook.run("%hero_param set a:1")
    notebook.run("!!play.echo content:'x'")
    line = notebook.run("%hero").said
    assert "2 env, 1 param, last run ok just now" in line
    notebook.run("!!session.env_delete key:NO")
    assert "last run failed" in notebook.run("%hero").said


def test_showing_changes_nothing(notebook, session):
    notebook.ask("%hero")
    before = session.config
    for line in (
        "%hero",
        "%hero --why",
        "%hero_context",
        "%hero_session show",
        "%hero_env",
        "%hero_param",
        "%hero_context list",
        "%hero_session list",
        "%heroscript --runs",
    ):
        notebook.ask(line)
    assert session.config == before
    assert len(hero.contexts_list()) == 1


def test_a_value_can_be_kept_and_is_not_shown_then(notebook):
    cell = notebook.run("where = %hero")
    assert cell.printed == ""
    assert "session notes" in repr(notebook.shell.user_ns["where"])
    assert notebook.shell.user_ns["where"]._repr_html_().startswith("<div")


class TestContext:
    def test_an_unknown_name_is_refused_with_the_near_one_and_the_way_to_create_it(self, notebook):
        notebook.ask("%hero_context new workshop")
        text = notebook.refused("%hero_context workshp", "ContextNotFoundError")
        assert "did you mean workshop? to create it: %hero_context new workshp" in text
        assert "context workshop ▸" in notebook.run("%hero").said

    def test_new_and_use(self, notebook):
        assert "context demo ▸ session notes (new;" in notebook.run("%hero_context demo --new").said
        assert "context demo ▸ session notes" in notebook.run("%hero_context new demo").said
        line = notebook.run("%hero_context demo -s intro").said
        assert "context demo ▸ session intro (new;" in line
        assert "session intro (resumed;" in notebook.run("%hero_context demo -s intro").said
        assert "context default ▸" in notebook.run("%hero_context use default").said

    def test_options_alone_stay_in_the_context(self, notebook):
        notebook.ask("%hero_context new demo")
        assert "context demo ▸ session intro (new;" in notebook.run("%hero_context -s intro").said
        assert "session two (new;" in notebook.run("%hero_context --session=two").said

    def test_set_changes_all_or_nothing(self, notebook):
        notebook.ask("%hero_context new demo")
        notebook.refused("%hero_context set name=other interactive=maybe")
        assert "context demo ▸" in notebook.run("%hero").said
        notebook.ask("%hero_context set name=other interactive=yes coderoot=~/elsewhere")
        other = hero.context_get("other")
        assert other.interactive
        assert str(other.coderoot).endswith("/elsewhere")
        assert "context other ▸" in notebook.run("%hero").said

    def test_list_marks_the_current_one(self, notebook):
        notebook.ask("%hero")
        notebook.ask("%hero_context new demo")
        text = notebook.run("%hero_context list").said
        assert any(line.startswith("▸") and "demo" in line for line in text.split("\n"))
        assert "default" in text

    def test_rm(self, notebook):
        notebook.ask("%hero_context new demo")
        notebook.ask("%hero_context use default")
        assert "is deleted" in notebook.run("%hero_context rm demo --yes --files").said
        notebook.refused("%hero_context demo", "ContextNotFoundError")
        notebook.refused("%hero_context rm demo --yes", "ContextNotFoundError")


class TestSession:
    def test_use_creates_and_resumes(self, notebook):
        notebook.ask("%hero")
        assert "session other (new;" in notebook.run("%hero_session other").said
        assert "session notes (resumed;" in notebook.run("%hero_session use notes").said
        assert "session other (resumed;" in notebook.run("%hero_session other").said

    def test_new_refuses_a_taken_name(self, notebook):
        notebook.ask("%hero")
        assert "notes" in notebook.refused("%hero_session new notes", "SessionExistsError")
        assert "session fresh (new;" in notebook.run("%hero_session new fresh").said
        assert "(new;" in notebook.run("%hero_session new").said  # named by the time

    def test_a_bad_name_is_told(self, notebook):
        assert "at least" in notebook.refused("%hero_session x", "BadNameError")
        assert "../up" in notebook.refused("%hero_session ../up", "BadNameError")

    def test_set_changes_all_or_nothing(self, notebook):
        notebook.refused("%hero_session set name=other interactive=2")
        notebook.ask("%hero_session set name=other 'description=a text' interactive=no")
        session = hero.context_get().session_get("other")
        assert session.description == "a text"
        assert not session.interactive
        assert "session other" in notebook.run("%hero").said

    def test_reset_starts_over_and_gives_the_process_back_its_variables(self, notebook):
        notebook.ask("%hero_env set FOR_RESET=1")
        assert "starts over" in notebook.run("%hero_session reset --yes").said
        assert "FOR_RESET" not in os.environ
        assert "session notes (reset; 0 env" in notebook.run("%hero").said

    def test_end_and_go_on(self, notebook, session):
        assert "ended 20" in notebook.run("%hero_session end").said
        assert session.config.end
        assert "ended" in notebook.run("%hero").said
        notebook.ask("%hero_session notes")
        assert not session.config.end

    def test_rm_of_the_current_one_gives_back_its_variables(self, notebook):
        notebook.ask("%hero_env set FOR_RM=1")
        assert "is deleted" in notebook.run("%hero_session rm notes --yes").said
        assert "FOR_RM" not in os.environ
        assert "session notes (new; 0 env" in notebook.run("%hero").said

    def test_list(self, notebook):
        notebook.ask("%hero_session other")
        lines = notebook.run("%hero_session list").said.split("\n")
        assert [line.split()[0] for line in lines if "other" in line] == ["▸"]


class TestEnv:
    def test_set_get_unset(self, notebook, session):
        assert "A, B set in session notes" in notebook.run("%hero_env set A=1 B='two words'").said
        assert session.env_all() == {"A": "1", "B": "two words"}
        assert os.environ["B"] == "two words"
        assert notebook.ask("%hero_env get B") == "two words"
        notebook.ask("%hero_env unset A B")
        assert session.env_all() == {}
        assert "B" not in os.environ

    def test_set_is_all_or_nothing(self, notebook, session):
        notebook.refused("%hero_env set A=1 B")
        notebook.refused("%hero_env set A=1 'B C=2'")
        assert session.env_all() == {}
        notebook.ask("%hero_env set TAKEN=1")
        notebook.refused("%hero_env set A=1 TAKEN=2 --once", "EnvKeyError")
        assert session.env_all() == {"TAKEN": "1"}

    def test_unset_is_all_or_nothing(self, notebook, session):
        notebook.ask("%hero_env set ALPHA=1")
        assert "ALPHA" in notebook.refused("%hero_env unset ALPHA ALPHO", "EnvKeyError")
        assert session.env_all() == {"ALPHA": "1"}

    def test_get_of_something_unknown_names_the_near(self, notebook):
        notebook.ask("%hero_env set STAGE=test")
        assert "did you mean STAGE?" in notebook.refused("%hero_env get STAG", "EnvKeyError")

    def test_values_are_taken_as_they_stand(self, notebook, session):
        notebook.run("x = 'python'")
        notebook.ask("%hero_env set A={x} B=$x C='${HOME} {x}' D=a=b E=")
        assert session.env_all() == {
            "A": "{x}",
            "B": "$x",
            "C": "${HOME} {x}",
            "D": "a=b",
            "E": "",
        }

    def test_load(self, notebook, session):
        file = notebook.folder / "my.env"
        file.write_text(
            "# comment\n\nexport A=1\n B = two words \nC='quoted #'\nD=\"x=y\"\r\nE=\nF=a#b\n"
        )
        assert "6 variables of my.env" in notebook.run("%hero_env load my.env").said
        assert session.env_all() == {
            "A": "1",
            "B": "two words",
            "C": "quoted #",
            "D": "x=y",
            "E": "",
            "F": "a#b",
        }
        assert os.environ["B"] == "two words"
        file.write_text("A=2\n")
        text = notebook.refused("%hero_env load my.env", "EnvKeyError")
        assert "--override" in text
        notebook.ask("%hero_env load my.env --override")
        assert session.env_get("A") == "2"

    def test_load_of_what_cannot_be_read_sets_nothing(self, notebook, session):
        assert "missing.env" in notebook.refused("%hero_env load missing.env", "SourceError")
        (notebook.folder / "bad.env").write_text("A=1\nnot a pair\n")
        assert "bad.env:2" in notebook.refused("%hero_env load bad.env", "SourceError")
        (notebook.folder / "bytes.env").write_bytes(b"A=\xff\xfe\n")
        assert "bytes.env" in notebook.refused("%hero_env load bytes.env", "SourceError")
        assert "directory" in notebook.refused("%hero_env load .", "SourceError")
        assert session.env_all() == {}

    def test_reset(self, notebook, session):
        notebook.ask("%hero_env set A=1 B=2")
        notebook.ask("%hero_env reset --yes")
        assert session.env_all() == {}

    def test_switching_sessions_switches_the_environment(self, notebook, monkeypatch):
        monkeypatch.setenv("SHARED_NAME", "the process's")
        notebook.ask("%hero_env set SHARED_NAME=one ONLY_ONE=1")
        assert os.environ["SHARED_NAME"] == "one"
        notebook.ask("%hero_session other")
        assert os.environ["SHARED_NAME"] == "the process's"
        assert "ONLY_ONE" not in os.environ
        notebook.ask("%hero_env set SHARED_NAME=two")
        notebook.ask("%hero_session notes")
        assert os.environ["SHARED_NAME"] == "one"
        notebook.ask("%hero_env unset SHARED_NAME")
        assert os.environ["SHARED_NAME"] == "the process's"

    def test_an_action_s_variables_are_exported(self, notebook):
        notebook.run("!!session.env_set key:BY_ACTION val:yes")
        assert os.environ["BY_ACTION"] == "yes"
        notebook.run("!!session.env_delete key:BY_ACTION")
        assert "BY_ACTION" not in os.environ

    def test_what_no_process_can_hold_stays_in_the_session(self, notebook, session):
        session.env_set("ODD", "a\0b")
        session.env_set("EVEN", "fine")
        notebook.ask("%hero_env")
        assert "ODD" not in os.environ
        assert os.environ["EVEN"] == "fine"


class TestParam:
    def test_set_get_unset(self, notebook, session):
        notebook.ask("%hero_param set color:red 'motto:two words' size=12 url:http://x/y")
        assert dict(session.params) == {
            "color": "red",
            "motto": "two words",
            "size": "12",
            "url": "http://x/y",
        }
        assert notebook.ask("%hero_param get motto") == "two words"
        notebook.ask("%hero_param unset color size")
        assert "color" not in session.params

    def test_wrong_ones(self, notebook, session):
        notebook.ask("%hero_param set color:red")
        notebook.refused("%hero_param get colour", "ParamError")
        notebook.refused("%hero_param unset color nothing", "ParamError")
        notebook.refused("%hero_param set a:1 b")
        assert dict(session.params) == {"color": "red"}

    def test_shared_ones_are_the_context_s(self, notebook, session):
        notebook.ask("%hero_param set tone:calm --shared")
        assert session.context.params.get("tone") == "calm"
        assert "tone" not in session.params
        assert "context 0:default" in notebook.run("%hero_param --shared").said


PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</td></table><h1>out</h1>",
    "\"'><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "<!-- ]]> --> \u2028 &lt;b&gt;",
    "\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_foreign_text_is_text_in_every_html(notebook, session, payload):
    session.env_set("VALUE", payload)
    session.params_set({"value": payload})
    session.description = payload
    pages = [
        notebook.ask(line)._repr_html_()
        for line in ("%hero_env", "%hero_param", "%hero_session list", "%hero --why")
    ]
    pages.append(notebook.run("!!play.echo content:'{VALUE}'").bundle["text/html"])
    pages.append(notebook.run("!!session.env_delete key:'{VALUE}'").bundle["text/html"])

    class Seen(HTMLParser):
        def handle_starttag(self, tag, attrs):
            assert tag in {
                "div",
                "style",
                "table",
                "thead",
                "tbody",
                "tr",
                "th",
                "td",
                "code",
                "br",
                "details",
                "summary",
                "pre",
                "span",
                "p",
            }
            assert {name for name, _ in attrs} <= {"class", "open"}

    for page in pages:
        Seen().feed(page)
        assert "\x1b" not in page
