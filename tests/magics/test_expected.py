"""`--expect-error`: what is to fail, and is in order when it does."""

from __future__ import annotations

import pytest

import hero_kernel as hero
from hero_kernel.errors import ActionError, StoreUnavailableError
from magics.display import Refusal


@pytest.fixture
def lesson(notebook):
    @hero.action("fail.key")
    def key():
        return {}["nothing"]

    @hero.action("fail.action")
    def action():
        raise ActionError("the door is shut", hint="open it")

    notebook.ask("%hero")
    return notebook


FAILING = [
    ("!!fail.action", ("", "RunError", "ActionError", "HeroError", "Exception")),
    ("!!fail.key", ("", "RunError", "KeyError", "LookupError")),
    ("!!session.env_delete key:NO", ("", "EnvKeyError", "KeyError", "RunError")),
    ("!!fail.akshun", ("", "UnknownActionError", "ActionError", "LookupError")),
    ("!!play.echo content:'", ("", "HeroscriptError")),
    ("!!play.echo contents:x", ("", "ParamError", "ValueError")),
]


@pytest.mark.parametrize(
    ("cell", "kind"), [(cell, kind) for cell, kinds in FAILING for kind in kinds]
)
def test_a_cell_that_fails_as_it_is_to_is_in_order(lesson, cell, kind):
    plain = lesson.run(f"%%heroscript\n{cell}")
    assert not plain.ok
    done = lesson.run(f"%%heroscript --expect-error {kind}\n{cell}")
    assert done.ok, done.traceback
    assert isinstance(done.value, Refusal)
    number = lesson.shell.execution_count - 1
    was = "\n".join(plain.traceback).replace(f"In[{number - 1}]", f"In[{number}]")
    assert repr(done.value) == was
    assert len(done.shown) == len(plain.shown)  # the report is shown as it would be


@pytest.mark.parametrize(
    ("cell", "kind", "said"),
    [
        ("!!play.echo", "", "an error was expected, and nothing failed"),
        ("!!play.echo", "ParamError", "ParamError was expected, and nothing failed"),
        ("!!fail.action", "ParamError", "it failed with RunError of ActionError"),
        ("!!fail.akshun", "ParamError", "it failed with UnknownActionError"),
        ("!!fail.action", "ActionEror", "ActionEror was expected, and it failed with"),
    ],
)
def test_one_that_does_not_is_an_error(lesson, cell, kind, said):
    text = lesson.refused(f"%%heroscript --expect-error {kind}\n{cell}", "ExpectationError")
    assert said in text


def test_run_all_goes_on_and_the_report_is_given_out(lesson):
    lesson.ask("%%heroscript --expect-error -o report\n!!play.echo\n!!fail.action")
    assert [str(result.status) for result in lesson.shell.user_ns["report"].results] == [
        "ok",
        "failed",
    ]


def test_a_line_that_is_wrong_itself_is_not_what_was_expected(lesson):
    for options in (
        "--expect-error --bogus",
        "--expect-error -o 1x",
        "--expect-error UsageError -o 1x",
    ):
        lesson.refused(f"%%heroscript {options}\n!!fail.action", "UsageError")


def test_interrupting_is_not_failing(lesson):
    @hero.action("fail.interrupt")
    def interrupt():
        raise KeyboardInterrupt

    cell = lesson.run("%%heroscript --expect-error\n!!fail.interrupt")
    assert cell.ename == "KeyboardInterrupt"


def test_a_store_that_is_away_is_expected_only_by_name(lesson, monkeypatch):
    def away(*_):
        raise StoreUnavailableError("nothing answers", hint="start it")

    monkeypatch.setattr(hero.workspace(), "run", lambda *_, **__: away())
    lesson.refused("%%heroscript --expect-error\n!!play.echo", "StoreUnavailableError")
    assert lesson.ask("%%heroscript --expect-error StoreError\n!!play.echo")


def test_a_file(lesson):
    (lesson.folder / "f.hero").write_text("!!fail.action\n")
    assert "the door is shut" in repr(
        lesson.ask("%heroscript -f f.hero --expect-error ActionError")
    )
    lesson.refused("%heroscript -f f.hero --expect-error ParamError", "ExpectationError")
    assert "no file" in repr(lesson.ask("%heroscript -f no.hero --expect-error SourceError"))


class TestOtherMagics:
    def test_the_error_is_shown_as_text(self, lesson):
        plain = lesson.run("%hero_env get NO")
        done = lesson.ask("%hero_env get NO --expect-error")
        assert repr(done) == "\n".join(plain.traceback)
        assert "<pre>EnvKeyError: NO is not set" in done._repr_html_()

    @pytest.mark.parametrize(
        "line",
        [
            "%hero_env get NO --expect-error=EnvKeyError",
            "%hero_env --expect-error=KeyError get NO",
            "%hero_env gett NO --expect-error=UsageError",
            "%hero_context nowhere --expect-error=ContextNotFoundError",
            "%hero_db get no --expect-error",
            "%hero_secret get no --expect-error=DBKeyError",
            "%hero_help nothing.here --expect-error",
        ],
    )
    def test_every_verb_has_it(self, lesson, line):
        assert isinstance(lesson.ask(line), Refusal)

    def test_a_line_that_goes_well_is_an_error(self, lesson):
        text = lesson.refused("%hero_env set A=1 --expect-error", "ExpectationError")
        assert "nothing failed" in text
        assert lesson.ask("%hero_env get A") == "1"
        lesson.refused("%hero_env get NO --expect-error=ParamError", "ExpectationError")

    def test_help_tells_of_it(self, lesson):
        assert "--expect-error=TYPE" in repr(lesson.ask("%hero_env -h"))
        assert "--expect-error [TYPE]" in repr(lesson.ask("%%heroscript -h\n!!a.b"))


def test_in_docs_mode_its_folders_have_names(lesson, monkeypatch):
    monkeypatch.setenv("HERO_DOCS", "1")
    refusal = lesson.ask("%heroscript -f no.hero --expect-error")
    shown = lesson.shell.display_formatter.format(refusal)[0]
    assert shown["text/plain"].split("\n")[0] == "SourceError: there is no file or folder no.hero"
    assert str(lesson.folder) not in shown["text/html"]
