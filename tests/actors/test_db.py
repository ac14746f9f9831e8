"""The actor `db`, as a script runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from git_repos import ENVIRON, Author

from hero_kernel import fetched
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hero_kernel import Report, Session

    Play = Callable[..., Report]


def statuses(report: Report) -> list[str]:
    return [result.status.value for result in report.results]


def messages(report: Report) -> list[str]:
    assert report.ok, report
    return [result.message for result in report.results]


def failure(report: Report) -> str:
    (failed,) = report.failed
    assert failed.failure is not None
    assert failed.failure.traceback == ""
    return f"{failed.failure.message}; {failed.failure.hint}"


def test_set_and_get(play: Play, session: Session) -> None:
    report = play(
        "!!db.set key:greeting value:'two words'\n!!db.set key:greeting value:'two words'\n"
        "!!db.get key:greeting\n!!db.set key:greeting value:other"
    )
    assert statuses(report) == ["changed", "ok", "ok", "changed"]
    assert report.results[2].message == "two words"
    assert session.db_get()["greeting"] == "other"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.0", 1.0), ("true", True), ("null", None), ("[1]", [1]), ("[true]", [True])],
)
def test_json_is_kept_as_what_it_spells(
    play: Play, session: Session, text: str, value: object
) -> None:
    session.db_get()["k"] = "1"
    for before in ("1", 1, [1], [True], None):
        session.db_get()["k"] = before
        (status,) = statuses(play(f"!!db.set key:k value:'{text}' type:json"))
        assert repr(session.db_get()["k"]) == repr(value)
        assert status == ("ok" if repr(before) == repr(value) else "changed")
    assert play("!!db.get key:k").results[0].value == value


@pytest.mark.parametrize("text", ["{a", "NaN", "[" * 3000 + "]" * 3000, "1" * 5000])
def test_what_is_no_json(play: Play, session: Session, text: str) -> None:
    assert failure(play(f"!!db.set key:k value:'{text}' type:json"))
    assert not session.db_get().exists("k")


def test_dry_run_writes_nothing(play: Play, session: Session, tmp_path: Path) -> None:
    session.db_get()["k"] = "v"
    play(
        "!!db.set key:a value:b\n!!db.delete key:k\n!!db.empty\n!!db.export path:out.jsonl",
        dry_run=True,
    )
    assert dict(session.db_get()) == {"k": "v"}
    assert not (tmp_path / "out.jsonl").exists()


def test_list_and_databases(play: Play, session: Session) -> None:
    session.db_get().update({f"k{n}": n for n in range(5)} | {"other": 1})
    session.db_config_get()["c"] = 1
    report = play(
        "!!db.list\n!!db.list prefix:k limit:2\n!!db.list prefix:k limit:5\n!!db.databases\n"
        "!!db.list db:config"
    )
    assert messages(report) == [
        "k0\nk1\nk2\nk3\nk4\nother", "k0\nk1\n… 3 more", "k0\nk1\nk2\nk3\nk4",
        "config\nsession_one", "c",
    ]  # fmt: skip
    assert "limit is 0" in failure(play("!!db.list limit:0"))


def test_delete_and_empty(play: Play, session: Session) -> None:
    session.db_get().update({"alpha": 1, "beta": 2})
    session.db_get().set(value="an id alone")
    assert "did you mean alpha?" in failure(play("!!db.delete key:alpho"))
    report = play("!!db.delete key:alpha\n!!db.empty\n!!db.empty")
    assert statuses(report) == ["changed", "changed", "skipped"]
    assert report.results[1].message == "2 entries deleted from session_one"
    assert session.db_get().ids() == []


def test_a_database_by_name(play: Play, session: Session) -> None:
    assert play("!!db.set key:k value:v db:stock").ok
    assert session.context.db_get("stock")["k"] == "v"
    assert messages(play("!!db.get key:k db:stock")) == ["v"]
    assert "did you mean stock?" in failure(play("!!db.get key:k db:stok"))
    assert not session.context.dbcollection().exists("stok")
    assert messages(play("!!db.list db:config\n!!db.list db:session_one")) == ["", ""]
    assert "../up" in failure(play("!!db.set key:k value:v db:'../up'"))


def test_export_and_load(play: Play, session: Session, tmp_path: Path) -> None:
    session.context.secret_set("correct horse battery")
    session.db_get().update({"a": 1, "b": b"\xff"})
    session.db_get()["token"] = Secret("hunter2-s3cret")
    report = play("!!db.export path:out.jsonl\n!!db.load path:out.jsonl db:copy")
    assert statuses(report) == ["changed", "changed"]
    assert report.results[0].message == "2 of 3 entries written to out.jsonl"
    assert dict(session.context.db_get("copy")) == {"a": 1, "b": b"\xff"}
    assert "hunter2" not in (tmp_path / "out.jsonl").read_text()
    session.db_get().encrypt()
    (tmp_path / "out.jsonl").unlink()
    assert "decrypted:true" in failure(play("!!db.export path:out.jsonl"))
    assert not (tmp_path / "out.jsonl").exists()
    assert play("!!db.export path:out.jsonl decrypted:true").ok


def test_a_secret_is_not_shown(play: Play, session: Session) -> None:
    session.context.secret_set("correct horse battery")
    session.db_get()["token"] = Secret("hunter2-s3cret")
    report = play("!!db.get key:token\n!!db.list")
    assert "hunter2" not in json.dumps(report.to_dict()) + str(report)


@pytest.mark.parametrize(
    "action", ["get key:T", "set key:T value:x", "delete key:T", "list", "empty"]
)
def test_named_secrets_are_out_of_reach(play: Play, session: Session, action: str) -> None:
    session.context.secret_set("correct horse battery")
    session.context.secrets.put("T", "hunter2-s3cret")
    for name in ("secrets", "Secrets"):
        assert "holds the named secrets" in failure(play(f"!!db.{action} db:{name}"))
    assert session.context.secrets.get("T").reveal() == "hunter2-s3cret"


def test_import_of_herolib_s(play: Play, session: Session) -> None:
    folder = session.context.db_path / "stock"
    (folder / "0/0").mkdir(parents=True)
    (folder / ".meta").write_text('{"encrypted":false}')
    (folder / "0/0/1").write_text("one")
    (folder / "first").symlink_to("0/0/1")
    (folder / "gone").symlink_to("0/0/2")
    report = play("!!db.import_dbfs\n!!db.get key:first db:stock\n!!db.import_dbfs")
    assert statuses(report) == ["changed", "ok", "skipped"]
    assert report.results[0].message.startswith(
        "1 value of 1 database brought in, 1 skipped\nstock/gone: "
    )
    assert report.results[1].message == "one"
    assert "1 here already" in report.results[2].message


@pytest.mark.parametrize("action", ["export path:'{out}'", "load path:'{out}'"])
def test_a_script_of_others_touches_no_file(  # noqa: PLR0917  # fixtures
    play: Play,
    session: Session,
    ann: Author,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    session.db_get()["k"] = "v"
    out = tmp_path / "out.jsonl"
    ann.push({"docs/a.hero": f"!!db.get key:k\n!!db.{action.format(out=out)}\n"})
    include = f"!!play.include git_url:'{ann.url}/docs/a.hero'"
    hint = failure(play(include))
    fetched.allow(session.context.host.home, hint.split("%hero allow ")[1].split()[0])
    assert "a script of others cannot" in failure(play(include))
    assert not out.exists()
