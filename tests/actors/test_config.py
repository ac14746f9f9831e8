"""The actor `config`, as a script runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel import Report, Session

    Play = Callable[..., Report]


def statuses(report: Report) -> list[str]:
    return [result.status.value for result in report.results]


def failure(report: Report) -> str:
    (failed,) = report.failed
    assert failed.failure is not None
    assert failed.failure.traceback == ""
    return f"{failed.failure.message}; {failed.failure.hint}"


SET = """!!config.set category:mail name:main
    content:'
        host: example.org
        spool: ~/x
        '
"""


def test_set_get_list_delete(play: Play, session: Session) -> None:
    report = play(
        SET
        + SET
        + "!!config.get category:mail name:main\n!!config.list\n!!config.list category:app\n"
        "!!config.delete category:mail name:main\n!!config.delete category:mail name:main"
    )
    assert statuses(report) == ["changed", "ok", "ok", "ok", "ok", "changed", "skipped"]
    assert report.results[0].message == str(session.context.path / "mail__main.yaml")
    assert report.results[2].message.split("\n")[-2:] == [
        "host: example.org",
        f"spool: {Path.home()}/x",
    ]
    assert [result.message for result in report.results[3:5]] == ["mail main", ""]
    assert not session.context.hero_config_exists("mail", "main")


def test_without_expansion_it_is_as_it_stands(play: Play, session: Session) -> None:
    play("!!config.set category:a name:b content:'at ~/x $HOME' expand:false")
    assert session.context.hero_config_get("a", "b") == "at ~/x $HOME"


def test_a_damaged_file_is_written_anew(play: Play, session: Session) -> None:
    path = session.context.hero_config_set("a", "b", "x")
    path.write_bytes(b"\xff")
    assert "UTF-8" in failure(play("!!config.get category:a name:b"))
    assert statuses(play("!!config.set category:a name:b content:x")) == ["changed"]
    assert session.context.hero_config_get("a", "b") == "x"


def test_seal(play: Play, session: Session) -> None:
    session.context.secret_set("correct horse battery")
    session.context.hero_config_set(
        "mail", "main", "smtp:\n  password: hunter2-s3cret\ntoken: hunter2x"
    )
    seal = "!!config.seal category:mail name:main paths:'smtp.password, token'"
    report = play(f"{seal}\n{seal}\n!!config.get category:mail name:main")
    assert statuses(report) == ["changed", "skipped", "ok"]
    assert "hunter2" not in str(report)
    assert session.context.hero_config_load("mail", "main")["token"].reveal() == "hunter2x"


def test_dry_run_writes_nothing(play: Play, session: Session) -> None:
    session.context.hero_config_set("a", "b", "x")
    play(SET + "!!config.delete category:a name:b", dry_run=True)
    assert session.context.hero_config_list() == [("a", "b")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("get category:mail name:man", "did you mean mail__main?"),
        ("get category:mail", "name"),
        ("set category:'../up' name:x content:y", "../up"),
        ("set category:mail name:'a/b' content:y", "a/b"),
        ("seal category:mail name:main paths:nothing", "nothing"),
        ("list category:'../up'", "../up"),
    ],
)
def test_faults(play: Play, session: Session, text: str, said: str) -> None:
    session.context.secret_set("correct horse battery")
    session.context.hero_config_set("mail", "main", "a: 1")
    try:
        told = failure(play(f"!!config.{text}"))
    except Exception as error:  # noqa: BLE001  # told before anything runs
        told = str(error)
    assert said in told
    assert session.context.hero_config_list() == [("mail", "main")]
