"""Values from elsewhere: what is put in, what is refused and when, and that no secret is left."""
# handlers print

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from git_repos import author
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from kernel.driving import environment
from keyboards import Keyboard

from hero_kernel import Playbook, actors
from hero_kernel.errors import (
    HeroError,
    HeroscriptError,
    SecretRequiredError,
    UndefinedError,
)
from hero_kernel.heroscript import Action, escaped
from hero_kernel.report import Report, Status
from hero_kernel.secret import MASK, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms import Place

    from hero_kernel import Session, Workspace

PASS = "correct horse battery"
CANARY = "canary-5b1e-value"
SEALED = "canary-77aa-sealed"


@pytest.fixture
def ws(local: Place, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in [name for name in os.environ if name.startswith("HERO_")]:
        monkeypatch.delenv(name)
    opened = local.open()
    opened.prompt = Keyboard().ask
    return opened


@pytest.fixture
def session(ws: Workspace, tmp_path: Path) -> Session:
    """It has a variable, a parameter, a sealed variable; its context a named secret."""
    context = ws.context_new("ctx", secret=PASS, coderoot=tmp_path / "code")
    context.secrets.put("token", CANARY)
    one = ws.session_new(context, "one")
    one.env_update({"WHO": "Ada", "N": "3", "BAD": "abc", "SEALED": Secret(SEALED)})
    one.params_set({"color": "red", "hidden": Secret(SEALED)})
    return one


@pytest.fixture
def given_(ws: Workspace) -> list[Any]:
    """What the handlers of `t.*` were given."""
    seen: list[Any] = []

    @ws.action("t.take", harmless=True)
    def take(*, text: str = "", more: str = "") -> None:
        seen.append((text, more) if more else text)

    @ws.action("t.typed")
    def typed(
        *,
        number: int = 0,
        names: list[str] | None = None,
        path: Path | None = None,
        flag: bool = False,
        level: Literal["low", "high"] = "low",
        secret: Secret | None = None,
    ) -> None:
        seen.append((number, names, path, flag, level, secret))

    @ws.action("t.any")
    def any_(session: Session, action: Action, **params: str) -> None:
        seen.append((params, dict(action.params)))

    return seen


@pytest.fixture
def play(ws: Workspace, session: Session) -> Callable[..., Report]:
    def play(text: str, **options: Any) -> Report:
        return ws.play(text, session=session, name="cell", **options)

    return play


Play = Any


def failure(report: Report) -> tuple[str, str]:
    (row,) = report.failed
    assert row.failure is not None
    return row.failure.message, row.failure.hint


def take(play: Play, given_: list[Any], value: str, **options: Any) -> str:
    """What a value becomes."""
    report = play(f"!!t.take text:{value}", **options)
    assert report.ok, report
    return str(given_.pop())


class TestPutIn:
    def test_each_kind(self, play: Play, given_: list[Any]) -> None:
        assert take(play, given_, "${env:WHO}") == "Ada"
        assert take(play, given_, "${param:color}") == "red"
        assert take(play, given_, "${param:Color}") == "red"  # keys have no case
        assert take(play, given_, "${secret:token}") == CANARY
        assert take(play, given_, "${env:SEALED}") == SEALED
        assert take(play, given_, "${param:hidden}") == SEALED
        assert take(play, given_, "'${py:1 + 1}'", variables={}) == "2"

    def test_several_with_text_around_them_and_both_spellings(
        self, play: Play, given_: list[Any]
    ) -> None:
        value = "'<${env:WHO} {WHO} {who}|${param:color}> {none} ${WHO} $${env:WHO} $$${env:WHO}'"
        assert take(play, given_, value) == ("<Ada Ada Ada|red> {none} $Ada ${env:WHO} $Ada")

    def test_what_is_not_ours_stays(self, play: Play, given_: list[Any]) -> None:
        for text in ("${HOME:-x}", "${KEY}", "$KEY", "${other:x}", "${env:-x}", "{env:WHO}"):
            assert take(play, given_, f"'{text}'") == text

    def test_in_every_kind_of_value(self, play: Play, given_: list[Any]) -> None:
        assert play("!!t.any a:${env:WHO} b:'\n    one ${env:WHO}\n      two {N}\n    '").ok
        assert given_.pop()[0] == {"a": "Ada", "b": "one Ada\n  two 3"}
        assert play("!!t.typed names:a, ${env:WHO}, 'c ${param:color}'").ok
        assert given_.pop()[1] == ["a", "Ada", "c red"]

    def test_by_type(self, play: Play, given_: list[Any]) -> None:
        python = {"path": Path("/tmp/x"), "yes": True, "names": ["a", "b c", 'd"e,f']}  # noqa: S108
        report = play(
            "!!t.typed number:${env:N} names:'${py:names}' path:${py:path} flag:${py:yes}\n"
            "    level:${py:'HIGH'.lower()} secret:${secret:token}",
            variables=python,
        )
        assert report.ok, report
        assert given_ == [
            (3, python["names"], python["path"], True, "high", Secret(CANARY)),
        ]

    def test_keys_and_the_action_keep_what_is_written(self, play: Play, given_: list[Any]) -> None:
        assert play("!!t.any a:${env:WHO} b:${secret:token}").ok
        assert given_ == [({"a": "Ada", "b": CANARY}, {"a": "${env:WHO}", "b": "${secret:token}"})]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=30))
    def test_any_text_escaped_arrives_as_it_is(
        self, ws: Workspace, session: Session, given_: list[Any], value: str
    ) -> None:
        given_.clear()
        own = Action("t.take", {"text": escaped(value)})
        playbook = Playbook([own, *Playbook.from_text(own.heroscript()).actions])
        assume(not re.search(r"\{(who|n|bad|sealed)\}", value, re.IGNORECASE))
        assert ws.run(session, playbook).ok
        assert given_ == [value, value]

    def test_a_value_is_read_when_its_action_runs(self, play: Play, given_: list[Any]) -> None:
        report = play(
            "!!session.env_set key:LATER val:one\n!!t.take text:${env:LATER}\n"
            "!!session.env_set key:LATER val:two\n!!t.take text:${env:LATER}\n"
            "!!core.params_session_set p:three\n!!t.take text:${param:p}"
        )
        assert report.ok, report
        assert given_ == ["one", "two", "three"]


class TestNotReadAgain:
    """What is put in is text, whatever it holds."""

    ATTEMPTS = (
        "${secret:token}", "${py:1/0}", "${env:WHO}", "{WHO}", "$${env:WHO}", "${envs:X}", "${env:",
        "' other:1", "\\\\n", "<BR>", "\n!!t.take text:injected",
    )  # fmt: skip

    @pytest.mark.parametrize("evil", ATTEMPTS)
    def test_a_variable(self, play: Play, session: Session, given_: list[Any], evil: str) -> None:
        session.env_set("EVIL", evil)
        assert take(play, given_, "'${env:EVIL}'") == evil
        assert take(play, given_, "'{EVIL}'") == evil
        assert take(play, given_, "'{EVIL}${env:EVIL}'") == evil + evil
        assert given_ == []

    @pytest.mark.parametrize("evil", ATTEMPTS)
    def test_a_secret_a_parameter_and_python(
        self, play: Play, session: Session, given_: list[Any], evil: str
    ) -> None:
        session.context.secrets.put("evil", f"long enough {evil}")
        session.params_set({"evil": evil})
        assert take(play, given_, "${secret:evil}") == f"long enough {evil}"
        assert take(play, given_, "${param:evil}") == evil
        assert take(play, given_, "${py:evil}", variables={"evil": evil}) == evil.strip() or evil

    def test_pieces_do_not_grow_together(
        self, play: Play, session: Session, given_: list[Any]
    ) -> None:
        session.env_update({"A": "${env:", "B": "{W", "C": "$"})
        assert take(play, given_, "${env:A}WHO}") == "${env:WHO}"
        assert take(play, given_, "${env:B}HO}") == "{WHO}"
        assert take(play, given_, "'${env:C}{none}'") == "${none}"


class TestRefusedBefore:
    """What nothing can define is told before anything ran, in one line with its place."""

    @pytest.mark.parametrize(
        ("value", "column", "message", "hint"),
        [
            ("'a ${env:WHOM}'", "18", "${env:WHOM}: session one has no variable WHOM",
             "did you mean WHO? or set it with %hero_env set WHOM=…"),
            ("${env:who}", "15", "no variable who", "did you mean WHO? or set it with"),
            ("${env:QQQQ}", "15", "no variable QQQQ", "set it with %hero_env set QQQQ=…"),
            ("${param:colour}", "15", "session one has no parameter colour",
             "did you mean color? or set it with !!core.params_session_set colour:…"),
            ("${secret:tokem}", "15", "${secret:tokem}: context ctx keeps no secret tokem",
             "did you mean token? or set it with %hero_secret set tokem, or HERO_SECRET_TOKEM"),
            ("${secret:file}", "15", "a secret cannot be named", ""),
            ("${envs:X}", "15", "${envs:X} is no reference", "did you mean ${env:X}?"),
            ("'x ${Secret:X}'", "18", "is no reference", "did you mean ${secret:X}?"),
            ("${env:X", "15", "${env:X… is not closed", "end it with }"),
            ("'${env:WHO} ${env:}'", "27", "${env:} names nothing", "write ${env:NAME}"),
            ("${py:1}", "15", "${py:1} is Python", "begin the cell with %%heroscript --py"),
        ],
    )  # fmt: skip
    def test_at_its_place(
        self, *, play: Play, given_: list[Any], value: str, column: str, message: str, hint: str
    ) -> None:
        with pytest.raises(HeroError) as caught:
            play(f"!!t.take text:first\n!!t.take text:{value}")
        error = caught.value
        assert str(error.place) == f"cell:2:{column}"
        assert message in error.message
        assert error.hint.startswith(hint)
        assert "\n" not in str(error)
        assert given_ == []

    def test_kept_parameters_that_do_not_parse_are_told(
        self, play: Play, session: Session, given_: list[Any]
    ) -> None:
        session._update(lambda old: type(old)(**{**_fields(old), "params": "a:'b"}))
        with pytest.raises(HeroscriptError, match="params of 1:ctx:one"):
            play("!!t.take text:${param:color}")
        assert play("!!t.take text:${env:WHO}").ok  # they are not asked
        assert given_ == ["Ada"]

    def test_only_an_action_that_may_change_something_may_define_it(
        self, play: Play, ws: Workspace, given_: list[Any]
    ) -> None:
        report = play("!!t.typed\n!!t.take text:${env:NEW}", keep_going=True)
        assert [row.status for row in report.results] == [Status.OK, Status.FAILED]
        assert failure(report)[0] == "${env:NEW}: session one has no variable NEW"
        assert report.results[1].place == "cell:2:1"
        given_.clear()
        for before in ("!!t.take text:harmless", "!!db.list", "!!t.take text:${env:WHO}"):
            with pytest.raises(UndefinedError, match="no variable NEW"):
                play(f"{before}\n!!t.take text:${{env:NEW}}\n!!session.env_set key:NEW val:1")
        assert given_ == []

    def test_the_order_is_the_one_of_carrying_out(
        self, ws: Workspace, session: Session, given_: list[Any]
    ) -> None:
        session.plbook.add("!!t.take text:${env:NEW}", prio=20)
        session.plbook.add("!!session.env_set key:NEW val:set", prio=10)
        assert session.run().ok
        assert given_ == ["set"]
        session.plbook.add("!!t.take text:${env:NEWER}", prio=5)
        session.plbook.add("!!session.env_set key:NEWER val:set", prio=10)
        with pytest.raises(UndefinedError, match="NEWER"):
            session.run()

    def test_what_nobody_handles_defines_nothing_and_is_left_alone(
        self, session: Session, given_: list[Any]
    ) -> None:
        session.playbook_add(text="!!mine.thing a:${env:NEW} b:${py:x} c:${envs:x}")
        assert session.run().results[0].status is Status.PENDING
        session.playbook_add(text="!!t.take text:${env:NEW}")
        with pytest.raises(UndefinedError, match="NEW"):
            session.run()

    @pytest.mark.parametrize("text", ["${env:WHO}", "{who}", r"\\u{24}\\u{7b}env:WHO}"])
    @pytest.mark.parametrize("how", ["text", "built"])
    def test_what_a_handler_adds_to_a_run_with_nothing_to_fill(
        self, ws: Workspace, session: Session, given_: list[Any], text: str, how: str
    ) -> None:
        @ws.action("t.add")
        def add(session: Session) -> None:
            if how == "text":
                session.playbook_add(text=f"!!t.take text:'{text}'")
            else:
                session.plbook.add(actions=Playbook.from_text(f"!!t.take text:'{text}'").actions)

        session.env_set("WHO", "world")
        session.playbook_add(text="!!t.add")
        assert session.run().ok
        assert given_ == ["world"]

    def test_what_is_done_is_passed_over(self, session: Session, given_: list[Any]) -> None:
        (action,) = session.playbook_add(text="!!t.take text:${env:NEW}")
        action.done = True
        assert session.run().ok

    def test_a_text_brought_in_may_define_it(
        self, play: Play, given_: list[Any], tmp_path: Path
    ) -> None:
        (tmp_path / "set.hero").write_text("!!session.env_set key:NEW val:brought")
        assert play(f"!!play.include path:{tmp_path}/set.hero\n!!t.take text:${{env:NEW}}").ok
        assert given_ == ["brought"]

    def test_a_text_brought_in_is_checked_as_a_whole(
        self, play: Play, given_: list[Any], tmp_path: Path
    ) -> None:
        script = tmp_path / "wrong.hero"
        script.write_text("!!t.take text:first\n!!t.take text:${env:NEW}")
        report = play(f"!!play.include path:{script}")
        assert failure(report)[0] == "${env:NEW}: session one has no variable NEW"
        assert report.results[0].failure.excerpt[0].strip() == "!!t.take text:${env:NEW}"
        assert given_ == []
        script.write_text("!!session.env_set key:NEW val:own\n!!t.take text:${env:NEW}")
        assert play(f"!!play.include path:{script}").ok
        assert given_ == ["own"]

    def test_a_reference_spelt_with_an_escape_is_one(self, play: Play, given_: list[Any]) -> None:
        with pytest.raises(UndefinedError, match="NEW"):
            play(r"!!t.take text:'\\u{24}{env:NEW}'")
        assert take(play, given_, r"'\\u{24}{env:WHO}'") == "Ada"


def _fields(config: Any) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__dataclass_fields__}


class TestTypes:
    def test_the_fault_points_at_the_reference(self, play: Play, given_: list[Any]) -> None:
        report = play("!!t.typed number:${env:BAD}")
        assert failure(report) == (
            "t.typed parameter number is 'abc', filled from ${env:BAD}", "it takes a whole number",
        )  # fmt: skip
        assert report.results[0].failure.excerpt == (
            "    !!t.typed number:${env:BAD}", "                     ^",
        )  # fmt: skip
        report = play("!!t.typed number:'4${param:color}'")
        assert "is '4red', filled from ${param:color}" in failure(report)[0]
        report = play("!!t.typed level:{BAD}")
        assert failure(report) == ("t.typed parameter level is 'abc'", "it takes low or high")

    @pytest.mark.parametrize(
        ("value", "origin"),
        [
            ("${secret:token}", "${secret:token}"),
            ("${env:SEALED}", "${env:SEALED}"),
            ("${param:hidden}", "${param:hidden}"),
            ("{SEALED}", ""),
            ("'a b ${secret:token}'", "${secret:token}"),
        ],
    )
    @pytest.mark.parametrize("parameter", ["number", "flag", "level"])
    def test_a_secret_that_does_not_fit_is_not_shown(
        self, play: Play, given_: list[Any], parameter: str, value: str, origin: str
    ) -> None:
        report = play(f"!!t.typed {parameter}:{value}")
        message, hint = failure(report)
        assert f"parameter {parameter} is a secret that does not fit" in message
        assert origin in message
        assert hint.startswith("it takes")
        assert "canary" not in json.dumps(report.to_dict())

    def test_not_even_the_half_that_an_error_would_cut_out(
        self, play: Play, session: Session, given_: list[Any]
    ) -> None:
        """The message of a long value has its first 40 characters, which no mask knows."""
        session.context.secrets.put("long", "long-canary-" + "x1y2z3" * 20)
        report = play("!!t.typed number:${secret:long}")
        assert "long-canary" not in json.dumps(report.to_dict())

    def test_what_is_written_is_still_checked_before(self, play: Play, given_: list[Any]) -> None:
        with pytest.raises(HeroError, match="number is 'x'"):
            play("!!t.take text:first\n!!t.typed number:x level:${env:WHO}")
        assert given_ == []


class TestPython:
    def test_once_before_anything_and_in_order(
        self, play: Play, ws: Workspace, given_: list[Any]
    ) -> None:
        calls: list[str] = []

        def tick(name: str) -> str:
            assert given_ == []
            calls.append(name)
            return name

        report = play(
            "!!t.take text:${py:tick('a')}\n!!t.take text:\"${py:tick('b')} ${py:tick('b')}\"",
            variables={"tick": tick},
        )
        assert report.ok, report
        assert calls == ["a", "b", "b"]
        assert given_ == ["a", "b b"]

    def test_nothing_is_evaluated_when_the_cell_is_at_fault(
        self, play: Play, given_: list[Any]
    ) -> None:
        calls: list[int] = []
        first = "!!t.take text:'${py:calls.append(1) or 1}'\n"
        for fault in ("!!t.take text:${env:NO}", "!!t.take nothing:1", "!!no.such", "!!t.take x:'"):
            with pytest.raises(HeroError):
                play(first + fault, variables={"calls": calls})
        assert calls == []
        assert play(first, variables={"calls": calls}).ok
        assert calls == [1]

    @pytest.mark.parametrize(
        ("code", "said", "hint"),
        [
            ("1/0", "ZeroDivisionError: division by zero", ""),
            ("guest", "NameError: name 'guest' is not defined", "did you mean guests?"),
            ("1 +", "SyntaxError: invalid syntax", ""),
            ("None", "TypeError: None is no value of a parameter", ""),
            ("{1: 2}", "TypeError: dict is no value of a parameter", ""),
            ("object()", "TypeError: object is no value of a parameter", ""),
            ("exit()", "SystemExit", ""),
            ("fail('two\\nlines')", "ValueError: two lines", ""),
            ("fail(lone)", "ValueError: ", ""),
            ("lone", "ParamError: ", ""),
        ],
    )
    def test_its_error_has_the_class_the_message_and_the_place(
        self, play: Play, given_: list[Any], code: str, said: str, hint: str
    ) -> None:
        def fail(text: str) -> None:
            raise ValueError(text)

        variables = {"guests": [], "fail": fail, "lone": "\ud800", "exit": sys.exit}
        with pytest.raises(UndefinedError) as caught:
            play(f'!!t.take text:first\n!!t.take text:"${{py:{code}}}"', variables=variables)
        assert f": {said}" in caught.value.message
        assert caught.value.hint == hint
        assert str(caught.value.place) == "cell:2:16"
        assert "\n" not in str(caught.value)
        assert given_ == []

    def test_its_error_shows_no_secret_not_even_a_half_of_one(
        self, play: Play, given_: list[Any]
    ) -> None:
        for before in range(190, 245, 3):
            code = f"{{}}['{'x' * before} {CANARY}' + 'y' * 300]"
            with pytest.raises(UndefinedError) as caught:
                play(f'!!t.take text:"${{py:{code}}}"', variables={})
            said = str(caught.value)
            assert "KeyError" in said
            assert len(said) < 400
            assert "canary" not in said

    def test_ctrl_c_ends_it(self, play: Play, given_: list[Any]) -> None:
        def stop() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            play("!!t.take text:${py:stop()}", variables={"stop": stop})
        assert given_ == []

    @pytest.mark.parametrize(
        ("code", "text"),
        [
            ("d['}']", "brace"), ('f"{x!r:>{w}}"', "    1"), ("{'a': 2}['a']", "2"), ("-x", "-1"),
            ("True", "true"), ("1.5", "1.5"), ("(1, 'b c')", '1,"b c"'), ("''", ""),
            ("x if x else 2", "1"),
            ("[\n  x,\n  x + 1,\n]", "1,2"), ("[y for y in (x,)][0]", "1"), ("(y := x) + y", "2"),
            ("(lambda a: a + x)(1)", "2"), ("date(2025, 1, 2)", "2025-01-02"),
        ],
    )  # fmt: skip
    def test_what_it_becomes(self, play: Play, given_: list[Any], code: str, text: str) -> None:
        from datetime import date  # noqa: PLC0415

        variables = {"d": {"}": "brace"}, "x": 1, "w": 5, "date": date}
        known = dict(variables)
        value = Action("t.take", {"text": f"${{py:{code}}}"}).heroscript()
        assert play(value, variables=variables).ok
        assert given_ == [text]
        assert variables == known  # neither `:=` nor eval leaves anything there

    def test_a_secret_of_the_notebook_is_one(
        self, play: Play, ws: Workspace, given_: list[Any]
    ) -> None:
        report = play(
            "!!play.echo content:'is ${py:token}'\n!!t.typed secret:${py:token}",
            variables={"token": Secret("canary-of-python")},
        )
        assert report.results[0].message == f"is {MASK}"
        assert given_[0][5] == Secret("canary-of-python")
        with pytest.raises(UndefinedError, match="stands alone"):
            play("!!t.take text:${py:[token]}", variables={"token": Secret("canary-of-python")})

    def test_only_the_text_of_the_cell_holds_any(
        self, ws: Workspace, session: Session, given_: list[Any], tmp_path: Path
    ) -> None:
        called: list[int] = []
        variables = {"f": lambda: called.append(1) or "x"}
        text = "!!t.take text:${py:f()}"
        script = tmp_path / "py.hero"
        script.write_text(text)
        refused = "is Python, which is evaluated only in a cell's own text"
        for playbook in (
            Playbook.from_path(script),
            Playbook([Action("t.take", {"text": "${py:f()}"})]),  # its text may be from anywhere
        ):
            with pytest.raises(UndefinedError, match=refused) as caught:
                ws.run(session, playbook, variables=variables)
            assert "--py" in caught.value.hint
        with pytest.raises(UndefinedError, match=refused):
            ws.play(text, session=session)
        session.playbook_add(text=text)
        with pytest.raises(UndefinedError, match=refused):
            session.run()
        for bring_in in (
            f"!!play.include path:{script}",
            f"!!play.run path:{script}",
            f"!!play.include path:{tmp_path}/replaced.hero replace:'X:y}}'",
        ):
            (tmp_path / "replaced.hero").write_text("!!t.take text:'${py:f()@X'")
            report = ws.play(bring_in, session=session, variables=variables)
            assert refused in failure(report)[0]
        assert called == []
        assert given_ == []

    def test_what_a_handler_adds_while_it_runs_holds_none(
        self, ws: Workspace, session: Session, given_: list[Any]
    ) -> None:
        called: list[int] = []

        @ws.action("t.add")
        def add(session: Session) -> None:
            session.playbook_add(text="!!t.take text:${py:f()}")

        session.playbook_add(text="!!t.add")
        report = session.run(variables={"f": lambda: called.append(1)})
        assert "is Python" in failure(report)[0]
        assert called == []

    def test_from_a_playbook_of_others(
        self, ws: Workspace, session: Session, given_: list[Any], tmp_path: Path
    ) -> None:
        repo = author(tmp_path)
        repo.push({"evil.hero": "!!t.take text:${py:f()}\n"})
        called: list[int] = []
        variables = {"f": lambda: called.append(1)}
        cell = f"!!play.include git_url:'{repo.url}'"
        ws.play(cell, session=session, variables=variables)
        ws.allow(repo.url)
        report = ws.play(cell, session=session, variables=variables)
        assert "is Python" in failure(report)[0]
        assert called == []


class TestSecrets:
    @pytest.fixture
    def leaky(self, ws: Workspace) -> None:
        @ws.action("t.leak")
        def leak(session: Session, *, token: str, fail: bool = False) -> str:
            print("printed", token, token.encode().hex())
            session.progress(f"at {token}")
            session.logger().log(f"logged {token}")
            if fail:
                raise RuntimeError(f"raised {token}")
            return f"returned {token}"

    CELL = (
        "!!t.leak token:${secret:token}\n!!t.leak token:'x ${env:SEALED}' fail:true\n"
        "!!t.typed number:${secret:token}\n!!t.leak token:{SEALED}\n"
        "!!session.env_set key:COPY val:'a ${secret:token}'\n"
        "!!core.params_session_set copy:${secret:token}\n"
        "!!db.set key:copy value:${secret:token}\n"
        "!!config.set category:mail name:one content:'password: ${secret:token}' secrets:password\n"
        "!!config.set category:mail name:two content:'password: ${secret:token}'\n"
    )

    def test_it_is_nowhere_but_in_the_handler(
        self, local: Place, ws: Workspace, session: Session, leaky: None, given_: list[Any]
    ) -> None:
        said: list[str] = []

        def watch(progress: Callable[[], Any]) -> None:
            inner = session.__class__.progress

            def progress_too(self: Session, *args: Any) -> None:
                inner(self, *args)
                said.append(progress().message)

            session.progress = progress_too.__get__(session)

        session.playbook_add(text=self.CELL)
        report = session.run(keep_going=True, watch=watch)
        assert [row.status.value for row in report.results] == [
            "ok", "failed", "failed", "ok", "changed", "changed", "changed", "changed", "failed",
        ], report  # fmt: skip
        assert report.results[0].message == f"returned {MASK}"
        assert said[0] == f"at {MASK}"
        shown = "\n".join([
            str(report), json.dumps(report.to_dict()), repr(report), *said,
            session.heroscript(show_done=True), repr(session.plbook.actions),
            json.dumps(session.run_get().to_dict()),
            *(str(entry) for entry in session.logger().search(log="")),
        ])  # fmt: skip
        assert "${secret:token}" in session.heroscript(show_done=True)
        assert_nowhere(shown.encode())
        swept = {name: data for name, data in local.tree().items() if data}
        assert any(name.endswith("runs.jsonl") for name in swept)
        assert any("/logs/" in name for name in swept)
        for name, data in swept.items():
            assert_nowhere(data, name)
        for record in local.records().values():
            assert_nowhere((record or "").encode())
        assert session.env_get("COPY") == f"a {CANARY}"
        assert session.db_get().get("copy") == Secret(CANARY)

    def test_the_sweep_would_find_it(self, local: Place, ws: Workspace, session: Session) -> None:
        session.env_set("PLAIN", CANARY)
        (session.path / "note.txt").write_text(CANARY)
        found = [data for data in local.tree().values() if CANARY.encode() in data]
        assert len(found) == 1
        with pytest.raises(AssertionError):
            assert_nowhere(found[0])
        assert any(CANARY in (record or "") for record in local.records().values())

    def test_a_variable_of_the_process_stands_in_for_it(
        self, local: Place, ws: Workspace, session: Session, given_: list[Any]
    ) -> None:
        other = local.open()
        other.environ = {"HERO_SECRET_API_KEY": "canary-from-environ"}
        other.actors = ws.actors
        plain = other.session_new(other.context_new("plain"), "two")  # it has no keyring at all
        assert other.play("!!play.echo content:${secret:api_key}", session=plain).ok
        report = other.play("!!play.echo content:'${secret:API-KEY}!'", session=plain)
        assert report.results[0].message == f"{MASK}!"

    def test_a_locked_context_is_told_before_anything_ran(
        self, local: Place, ws: Workspace, session: Session, given_: list[Any]
    ) -> None:
        other = local.open()
        other.actors = ws.actors
        keyboard = Keyboard()
        other.prompt = keyboard.ask
        there = other.context_get("ctx").session_get("one")
        cell = "!!t.take text:first\n!!t.take text:${secret:token}"
        with pytest.raises(SecretRequiredError, match="is locked") as caught:
            other.play(cell, session=there, name="cell")
        assert str(caught.value.place) == "cell:2:15"
        assert "%hero_secret unlock" in caught.value.hint
        assert given_ == []
        for cell_too in ("${env:SEALED}", "'x ${param:hidden}'"):
            with pytest.raises(SecretRequiredError, match="is locked"):
                other.play(f"!!t.take text:first\n!!t.take text:{cell_too}", session=there)
        assert other.play("!!t.take text:${env:WHO}${param:color}", session=there).ok
        assert given_ == ["Adared"]
        given_.clear()
        with pytest.raises(UndefinedError, match="keeps no secret tokem"):  # seen while locked
            other.play("!!t.take text:${secret:tokem}", session=there)
        there.context.configure(interactive=True)
        keyboard.answers = [PASS]
        assert other.play(cell, session=there).ok
        assert keyboard.questions[-1] == "Secret of context ctx: "
        assert given_ == ["first", CANARY]

    def test_unlocked_by_an_action_before(
        self, local: Place, ws: Workspace, session: Session, given_: list[Any]
    ) -> None:
        other = local.open()
        other.actors = ws.actors
        keyboard = Keyboard()
        other.prompt = keyboard.ask
        keyboard.answers = [PASS]
        there = other.context_get("ctx").session_get("one")
        assert other.play("!!secret.unlock\n!!t.take text:${secret:token}", session=there).ok
        assert given_ == [CANARY]


def assert_nowhere(data: bytes, where: str = "") -> None:
    for canary in (CANARY, SEALED):
        for form in (canary.encode(), canary.encode().hex().encode()):
            assert form not in data, where


class TestDryRun:
    def test_it_tells_what_would_be_read(
        self, play: Play, ws: Workspace, given_: list[Any]
    ) -> None:
        report = play(
            "!!play.echo content:'${env:WHO} {N} ${param:color}'\n"
            "!!t.typed secret:${secret:token} number:{N}\n"
            "!!t.typed number:'${py:len([1])}'\n!!t.typed\n"
            "!!play.echo content:'${secret:token}'\n"
            "!!session.env_set key:NEW val:${env:WHO}\n!!play.echo content:${env:NEW}",
            dry_run=True,
            variables={},
        )
        assert [(row.status.value, row.message) for row in report.results] == [
            ("ok", "reads env WHO, env N, param color; Ada 3 red"),
            ("pending", "would run; reads secret token, env N"),
            ("pending", "would run; reads py len([1])"),
            ("pending", "would run"),
            ("pending", "would run; reads secret token"),
            ("pending", "would run; reads env WHO"),
            ("pending", "would run; reads env NEW"),
        ]
        assert given_ == []

    def test_it_evaluates_nothing_and_unlocks_nothing(
        self, local: Place, ws: Workspace, session: Session
    ) -> None:
        called: list[int] = []
        other = local.open()
        there = other.context_get("ctx").session_get("one")
        report = other.play(
            "!!play.echo content:'${py:f()} ${secret:token}'",
            session=there,
            dry_run=True,
            variables={"f": lambda: called.append(1)},
        )
        assert report.results[0].message == "would run; reads py f(), secret token"
        assert called == []
        assert there.context.secrets.is_locked

    @pytest.mark.parametrize(
        "value",
        ["${env:NO}", "${param:no}", "${secret:no}", "${envs:X}", "${py:no}", "'${py:1 +}'",
         "'${py:[a for a in b]}'"],
    )  # fmt: skip
    def test_what_is_undefined_is_an_error(self, play: Play, value: str) -> None:
        with pytest.raises(UndefinedError):
            play(f"!!play.echo content:{value}", dry_run=True, variables={})

    def test_names_of_an_expression_s_own_are_none(self, play: Play) -> None:
        code = "[a for a in (lambda b, *c: (b, d := 1))(1)][:len(str(x))]"
        assert play(f"!!play.echo content:'${{py:{code}}}'", dry_run=True, variables={"x": 1}).ok

    def test_a_text_brought_in_after_what_would_have_defined_it(
        self, play: Play, tmp_path: Path
    ) -> None:
        script = tmp_path / "more.hero"
        script.write_text("!!play.echo content:${env:NEW}")
        report = play(
            f"!!session.env_set key:NEW val:1\n!!play.include path:{script}", dry_run=True
        )
        assert report.ok, report
        assert report.results[-1].message == "would run; reads env NEW"


def test_handlers_tell_whether_they_bring_in_texts(ws: Workspace) -> None:
    found = {name for name in ws.actors.names() if ws.actors.find(name).accepts.brings_in}  # type: ignore[union-attr]
    assert found == {"play.include", "play.run"}
    assert isinstance(ws.actors, actors.Actors)


def test_on_the_command_line(tmp_path: Path) -> None:
    env = environment(tmp_path, HERO_SECRET_TOKEN=CANARY)
    script = tmp_path / "one.hero"

    def run(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        script.write_text(text)
        command = [sys.executable, "-m", "hero_kernel", "run", str(script), "-s", "one", *options]
        return subprocess.run(
            command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    done = run("!!session.env_set key:A val:1\n!!play.echo content:'${env:A} ${secret:token}'")
    assert (done.returncode, done.stderr) == (0, ""), done
    assert f"1 {MASK}" in done.stdout
    done = run("!!play.echo content:${env:B}")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert re.match(r".*one\.hero:1:21: \$\{env:B\}: session one has no variable B$", lines[0])
    assert lines[-1] == "set it with hero-kernel env set B=…"
    done = run("!!play.echo content:${py:1}")
    assert "--py" in done.stderr
    done = run("!!play.echo content:${secret:token}", "--dry-run")
    assert "would run; reads secret token" in done.stdout
    for path in (tmp_path / "hero").rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes()
