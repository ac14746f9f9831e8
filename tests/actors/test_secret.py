"""The actor `secret`, as a script runs it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from git_repos import ENVIRON, Author
from keyboards import Keyboard

from hero_kernel import fetched
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Report, Session, Workspace

    Play = Callable[..., Report]

PASS = "correct horse battery"
VALUE = "canary-value-71"


@pytest.fixture
def keyboard() -> Keyboard:
    return Keyboard()


@pytest.fixture
def ws(local: Place, keyboard: Keyboard) -> Workspace:
    workspace = local.open()
    workspace.environ = {}
    workspace.prompt = keyboard.ask
    return workspace


@pytest.fixture
def protected(session: Session) -> Session:
    session.context.secret_set(PASS)
    return session


def statuses(report: Report) -> list[str]:
    return [result.status.value for result in report.results]


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_new_asks_twice_and_again_changes_nothing(
    play: Play, session: Session, keyboard: Keyboard
) -> None:
    keyboard.answers = [PASS, PASS]
    assert statuses(play("!!secret.new")) == ["changed"]
    assert len(keyboard.questions) == 2
    assert session.context.secret_check(PASS)
    assert statuses(play("!!secret.new\n!!secret.new encrypt:false")) == ["ok", "ok"]
    assert statuses(play("!!secret.new encrypt:true\n!!secret.new encrypt:true")) == [
        "changed", "ok",
    ]  # fmt: skip
    assert session.context.encrypt


def test_new_from_a_file(play: Play, session: Session, tmp_path: Path) -> None:
    private(tmp_path / "pass", PASS)
    assert statuses(play("!!secret.new path:pass encrypt:true")) == ["changed"]
    assert session.context.secret_check(PASS)
    assert statuses(play("!!secret.new path:pass")) == ["ok"]
    private(tmp_path / "pass", "another one entirely")
    (result,) = play("!!secret.new path:pass").results
    assert "not the secret" in result.failure.message
    (tmp_path / "pass").chmod(0o644)
    (result,) = play("!!secret.new path:pass").results
    assert result.failure.hint.startswith("chmod 600")


def test_generate(play: Play, session: Session, tmp_path: Path) -> None:
    report = play("!!secret.generate path:made")
    assert statuses(report) == ["changed"]
    made = (tmp_path / "made").read_text().strip()
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o600
    assert made not in str(report.to_dict())
    assert session.context.secret_check(made)
    (result,) = play("!!secret.generate path:other").results
    assert "has a secret" in result.failure.message
    assert not (tmp_path / "other").exists()


def test_generate_overwrites_nothing(play: Play, session: Session, tmp_path: Path) -> None:
    private(tmp_path / "made", "precious")
    (result,) = play("!!secret.generate path:made").results
    assert "is there already" in result.failure.message
    assert (tmp_path / "made").read_text() == "precious"
    assert not session.context.secrets.is_set


def test_set_list_delete(
    play: Play,
    protected: Session,
    keyboard: Keyboard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keyboard.answers = [VALUE]
    assert statuses(play("!!secret.set name:ASKED")) == ["changed"]
    assert keyboard.questions == ["Value of ASKED: "]
    private(tmp_path / "key", "line one\nline two\n")
    monkeypatch.setenv("CI_TOKEN", VALUE)
    protected.env_set("SESSIONS", "own value")
    report = play(
        "!!secret.set name:FILED path:key\n!!secret.set name:GIVEN env:CI_TOKEN\n"
        "!!secret.set name:OWN env:SESSIONS\n!!secret.list"
    )
    assert statuses(report) == ["changed", "changed", "changed", "ok"]
    assert report.results[-1].message == "ASKED\nFILED\nGIVEN\nOWN"
    secrets = protected.context.secrets
    found = [secrets.get(name).reveal() for name in secrets.names()]
    assert found == [VALUE, "line one\nline two", VALUE, "own value"]
    assert statuses(play("!!secret.delete name:GIVEN")) == ["changed"]
    assert "GIVEN" in failure(play("!!secret.delete name:GIVEN"))
    assert "GIVEN" not in secrets.names()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"!!secret.set name:A value:'{VALUE}'", "not written into a script"),
        ("!!secret.set name:A env:X path:y", "env and path are given"),
        ("!!secret.set name:A env:NOT_SET_HERE", "NOT_SET_HERE is not set"),
        ("!!secret.set name:A path:missing", "cannot be read"),
        ("!!secret.set name:file", "passphrase's"),
        ("!!secret.set name:A", "nobody can be asked"),
    ],
)
def test_set_faults(play: Play, protected: Session, text: str, said: str) -> None:
    report = play(text)
    (result,) = report.results
    assert said in result.failure.message
    assert VALUE not in str(protected.run_get().to_dict()), "the report is kept, and shown"
    assert protected.context.secrets.names() == []


def test_a_value_in_the_script_is_masked_from_then_on(
    ws: Workspace, play: Play, protected: Session
) -> None:
    play(f"!!secret.set name:A value:'{VALUE}'")
    assert VALUE not in ws.redactor.mask(f"it was {VALUE}")


def test_without_a_context_that_has_a_secret_nothing_is_asked(
    play: Play, session: Session, keyboard: Keyboard
) -> None:
    for text in ("!!secret.set name:A", "!!secret.unlock"):
        assert "has no secret" in failure(play(text))
    assert keyboard.questions == []


def test_lock_and_unlock(play: Play, protected: Session, keyboard: Keyboard) -> None:
    keyboard.answers = [PASS]
    report = play("!!secret.lock\n!!secret.lock\n!!secret.unlock\n!!secret.unlock")
    assert statuses(report) == ["changed", "skipped", "changed", "skipped"]
    assert not protected.context.secrets.is_locked
    play("!!secret.lock")
    (result,) = play("!!secret.unlock").results
    assert "HERO_SECRET_FILE" in result.failure.hint


def test_set_while_it_is_locked_asks_for_both(
    play: Play, protected: Session, keyboard: Keyboard
) -> None:
    protected.context.secret_lock()
    keyboard.answers = [PASS, VALUE]
    assert statuses(play("!!secret.set name:A")) == ["changed"]
    assert protected.context.secrets.get("A").reveal() == VALUE


def test_a_dry_run_asks_and_keeps_nothing(
    play: Play, protected: Session, keyboard: Keyboard
) -> None:
    report = play("!!secret.set name:A\n!!secret.lock\n!!secret.list", dry_run=True)
    assert report.ok
    assert keyboard.questions == []
    assert not protected.context.secrets.is_locked


@pytest.mark.parametrize(
    "action",
    [
        "new path:'{key}'",
        "generate path:'{made}'",
        "set name:A path:'{key}'",
        "set name:A env:HOME",
    ],
)
def test_a_script_of_others_reads_nothing_and_chooses_no_secret(  # noqa: PLR0917  # fixtures
    play: Play,
    session: Session,
    ann: Author,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    if "set" in action:
        session.context.secret_set(PASS)
    key, made = private(tmp_path / "key", VALUE), tmp_path / "made"
    ann.push({"a.hero": f"!!secret.{action.format(key=key, made=made)}\n"})
    include = f"!!play.include git_url:'{ann.url}/a.hero'"
    hint = failure(play(include))
    fetched.allow(session.context.host.home, hint.split("%hero allow ")[1].split()[0])
    assert "a script of others cannot" in failure(play(include))
    assert not made.exists()
    assert session.context.secrets.names() == []


def failure(report: Report) -> str:
    found = report.failed[0].failure
    assert found is not None
    return f"{found.message}; {found.hint}"


def test_a_locked_value_is_not_in_the_way_of_others(
    ws: Workspace, session: Session, play: Play
) -> None:
    session.context.secret_set(PASS)
    session.env_set("TOKEN", Secret(VALUE))
    session.params_set({"token": Secret(VALUE)})
    session.context.secret_lock()
    assert play("!!session.env_set key:A val:1\n!!core.params_session_set a:1").ok
    assert session.env_shown()["A"].text == "1"
    for text in ("!!session.env_set key:TOKEN val:plain", "!!core.params_session_set token:plain"):
        report = play(text)
        assert "is a secret" in str(report)
    session.context.secret_unlock(PASS)
    assert session.env_get("TOKEN") == session.params["token"] == VALUE


def test_a_copy_of_a_secret_is_one(session: Session, play: Play, local: Place) -> None:
    session.context.secret_set(PASS)
    session.env_set("TOKEN", Secret(VALUE))
    assert play(
        "!!session.env_set key:COPY val:'Bearer {TOKEN}'\n"
        "!!session.env_set_once key:ONCE val:{TOKEN}\n"
        "!!core.params_session_set copy:{TOKEN}\n"
        "!!db.set key:copy value:{TOKEN}\n"
        "!!config.set category:mail name:one content:'password: {TOKEN}' secrets:password"
    ).ok
    assert session.env_get("COPY") == f"Bearer {VALUE}"
    assert session.db_get()["copy"] == Secret(VALUE)
    assert session.context.hero_config_load("mail", "one") == {"password": Secret(VALUE)}
    assert play("!!session.env_set key:COPY val:{TOKEN}").ok
    for refused in (
        "!!config.set category:mail name:two content:'password: {TOKEN}'",
        "!!db.set key:list value:'[\"{TOKEN}\"]' type:json",
    ):
        assert "holds a secret" in str(play(refused))
    kept = [*local.tree().values(), *(str(text).encode() for text in local.records().values())]
    assert not [data for data in kept if VALUE.encode() in data]


@pytest.mark.parametrize(
    "text",
    [
        "session.env_set key:'{TOKEN}' val:1",
        "session.env_set_once key:'{TOKEN}' val:1",
        "session.configure description:'of {TOKEN}'",
        "session.fork name:'{TOKEN}'",
        "db.set key:'{TOKEN}' value:1",
        "db.set key:k value:1 db:'{TOKEN}'",
        "config.set category:'{TOKEN}' name:n content:'a: 1'",
        "config.set category:c name:'{TOKEN}' content:'a: 1'",
        "config.set category:c name:n content:'a: {TOKEN}'",
        "config.set category:c name:n secrets:a content:'\n    a: {TOKEN}\n    b: {TOKEN}\n    '",
        "config.set category:c name:n secrets:a content:'\n    # {TOKEN}\n    a: {TOKEN}\n    '",
    ],
)
def test_what_is_never_encrypted_takes_no_secret(
    local: Place, play: Play, protected: Session, text: str
) -> None:
    protected.env_set("TOKEN", Secret(VALUE))
    (failed,) = play(f"!!{text}").failed
    assert failed.failure is not None
    assert "in the clear" in failed.failure.message
    assert failed.failure.traceback == ""
    assert found(local) == []


def test_a_secret_that_is_encrypted_wherever_it_stands_is_taken(
    local: Place, play: Play, protected: Session
) -> None:
    protected.env_set("TOKEN", Secret(VALUE))
    content = "'\n    a: {TOKEN}\n    b: {TOKEN}\n    '"
    report = play(
        f"!!config.set category:c name:n secrets:a,b content:{content}\n"
        "!!session.env_set key:A val:'{TOKEN}'\n!!db.set key:k value:'{TOKEN}'\n"
        "!!core.params_session_set a:'{TOKEN}'"
    )
    assert statuses(report) == ["changed"] * 4
    assert found(local) == []
    loaded = protected.context.hero_config_load("c", "n")
    assert [loaded[key].reveal() for key in "ab"] == [VALUE] * 2
    protected.description = f"of {VALUE}"
    assert [path.name for path in found(local)] == ["hero.db"]  # as the obvious way would leave it


def found(place: Place) -> list[Path]:
    """The files that hold the secret, or are called by it."""
    everything = place.home.rglob("*")
    return [
        path
        for path in everything
        if VALUE in path.name or (path.is_file() and VALUE.encode() in path.read_bytes())
    ]
