"""The actions that come with the kernel; upstream's faults by their numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hero_kernel import Playbook
from hero_kernel.report import Report, Status
from hero_kernel.sources import Origin, SourceText

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel import Session, Workspace

    Play = Callable[..., Report]


def statuses(report: Report) -> list[str]:
    return [result.status.value for result in report.results]


def test_env(play: Play, session: Session) -> None:
    report = play(
        "!!session.env_set key:A val:1\n!!session.env_set key:B value:'two words'\n"
        "!!session.env_set key:A val:1\n!!session.env_set_once key:C val:3\n"
        "!!session.env_delete key:B"
    )
    assert statuses(report) == ["changed", "changed", "ok", "changed", "changed"]
    assert session.env_all() == {"A": "1", "C": "3"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("!!session.env_set_once key:A val:2", "A is already set"),
        ("!!session.env_delete key:B", "B is not set"),
        ("!!session.env_set key:A", "give one of val and value"),
        ("!!session.env_set key:A val:1 value:2", "give one of val and value"),
        ("!!session.env_set key:'A B' val:1", "cannot be set"),
    ],
)
def test_env_faults(play: Play, session: Session, text: str, words: str) -> None:
    session.env_set("A", "1")
    (result,) = play(text).results
    assert result.failure
    assert words in result.failure.message
    assert result.failure.hint
    assert session.env_all() == {"A": "1"}


def test_session_configure_and_close(play: Play, session: Session) -> None:
    report = play(
        "!!session.configure interactive:false description:'what for'\n"
        "!!session.configure interactive:false\n!!session.close"
    )
    assert statuses(report) == ["changed", "ok", "changed"]
    assert (session.interactive, session.description) == (False, "what for")
    assert session.end


def test_session_fork_and_export(play: Play, session: Session, tmp_path: Path) -> None:
    session.env_set("A", "1")
    report = play("!!session.fork\n!!session.fork name:mine\n!!session.export path:out.zip")
    assert report.ok
    assert [str(result.message).rpartition(":")[2] for result in report.results][:2] == [
        "one_fork",
        "mine",
    ]
    assert session.context.session_get("mine").env_all() == {"A": "1"}
    assert session.context.host.session_import(tmp_path / "out.zip", "again").session.env_all()  # type: ignore[attr-defined]
    assert not play("!!session.fork name:mine").ok
    play("!!session.fork name:never\n!!session.export path:never.zip", dry_run=True)
    assert not session.context.session_exists("never")
    assert not (tmp_path / "never.zip").exists()


def test_a_script_of_others_exports_nothing(session: Session, tmp_path: Path) -> None:
    origin = Origin("https://example.org/a/b", "0" * 40, tmp_path)
    text = SourceText(tmp_path / "a.hero", "!!session.export path:out.zip", origin)
    session.plbook.add(texts=(text,))
    (result,) = session.run().results
    assert result.failure is not None
    assert "a script of others cannot write a file" in result.failure.message
    assert not (tmp_path / "out.zip").exists()


def test_context_configure(play: Play, session: Session, tmp_path: Path) -> None:
    report = play(f"!!context.configure name:ctx coderoot:'{tmp_path}' interactive\n")
    assert statuses(report) == ["changed"]
    assert session.context.coderoot == tmp_path
    assert session.context.interactive
    assert statuses(play("!!context.configure interactive:true")) == ["ok"]
    (result,) = play("!!context.configure name:other").results
    assert "is in context ctx, not other" in result.failure.message


def test_core(play: Play, session: Session, tmp_path: Path) -> None:
    root = tmp_path / "new" / "code"
    report = play(
        f"!!core.coderoot_set coderoot:'{root}'\n!!coderoot_set coderoot:'{root}'\n"
        "!!core.params_context_set color:red session:x\n"
        "!!core.params_session_set name:'two words' path:y\n"
        "!!core.params_session_set path:y"
    )
    assert statuses(report) == ["changed", "ok", "changed", "changed", "ok"]
    assert root.is_dir()
    assert session.context.coderoot == root
    assert dict(session.context.params) == {"color": "red", "session": "x"}
    assert dict(session.params) == {"name": "two words", "path": "y"}
    (result,) = play("!!core.params_session_set").results
    assert "no parameter is given" in result.failure.message


def test_echo(play: Play) -> None:
    report = play("!!play.echo content:'hello there'\n!!play.echo hello there\n!!play.echo")
    assert [result.message for result in report.results] == ["hello there", "hello there", ""]


# -- upstream's faults


def test_34_session_actions_run_without_play_or_core_actions(play: Play, session: Session) -> None:
    assert play("!!session.env_set key:A val:'{HOME}'").ok
    session.env_set("NAME", "you")
    (result,) = play("!!play.echo content:'hello {NAME}'").results
    assert result.message == "hello you"


def test_35_what_was_carried_out_is_done(ws: Workspace, session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!play.echo content:inside")
    book = Playbook.from_text(
        f"!!play.echo content:x\n!!play.include path:'{tmp_path}'\n"
        f"!!play.include path:'{tmp_path}'\n!!session.close"
    )
    report = ws.run(session, book)
    assert statuses(report) == ["ok", "ok", "ok", "skipped", "changed"]
    book.empty_check()


def test_36_included_files_may_include(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!play.include path:b.hero\n!!play.echo content:a")
    (tmp_path / "b.hero").write_text("!!play.include path:c.hero\n!!play.echo content:b")
    (tmp_path / "c.hero").write_text("!!play.echo content:c")
    report = play(f"!!play.include path:'{tmp_path}/a.hero'\n!!play.echo content:end")
    echoed = [r.message for r in report.results if r.action == "play.echo"]
    assert echoed == ["c", "b", "a", "end"]


def test_37_a_relative_include_starts_where_its_script_lies(
    ws: Workspace, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "main.hero").write_text("!!play.include path:er/other.hero")
    (tmp_path / "deep" / "er" / "other.hero").write_text("!!play.include path:../last.hero")
    (tmp_path / "deep" / "last.hero").write_text("!!play.echo content:last")
    book = Playbook.from_path(tmp_path / "deep" / "main.hero")
    assert ws.run(session, book).results[-1].message == "last"
    monkeypatch.chdir(tmp_path)
    report = ws.play("!!play.include path:deep/last.hero", session=session)  # a cell: the cwd
    assert report.results[-1].message == "last"


def test_38_an_include_without_a_path_keeps_its_name(ws: Workspace, session: Session) -> None:
    book = Playbook.from_text("!!play.include", name="cell")
    (result,) = ws.run(session, book).results
    assert result.place == "cell:1:1"
    assert "nothing to bring in" in result.failure.message  # type: ignore[union-attr]
    assert book.actions[0].full_name == "play.include"


# -- includes


def test_run_repeats_and_include_does_not(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!play.echo content:a")
    path = tmp_path / "a.hero"
    report = play(f"!!play.include path:'{path}'\n" * 2 + f"!!play.run path:'{path}'\n" * 2)
    assert [(r.action, r.status.value) for r in report.results] == [
        ("play.include", "ok"), ("play.echo", "ok"), ("play.include", "skipped"),
        ("play.run", "ok"), ("play.echo", "ok"), ("play.run", "ok"), ("play.echo", "ok"),
    ]  # fmt: skip


def test_a_diamond_is_included_once(play: Play, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.hero").write_text("!!play.include path:base.hero")
    (tmp_path / "base.hero").write_text("!!play.echo content:base")
    report = play(
        f"!!play.include path:'{tmp_path}/a.hero'\n!!play.include path:'{tmp_path}/b.hero'"
    )
    assert [r.message for r in report.results if r.action == "play.echo"] == ["base"]
    assert report.results[-1].status is Status.SKIPPED


@pytest.mark.parametrize("verb", ["include", "run"])
def test_a_circle_is_shown_as_its_chain(play: Play, tmp_path: Path, verb: str) -> None:
    for name, other in ("ab", "bc", "ca"):
        (tmp_path / f"{name}.hero").write_text(f"!!play.{verb} path:{other}.hero")
    (tmp_path / "link.hero").symlink_to(tmp_path / "a.hero")
    report = play(f"!!play.{verb} path:'{tmp_path}/link.hero'")
    failure = report.results[-1].failure
    assert failure
    chain = [Path(part.split(": ")[-1]).name for part in failure.message.split(" → ")]
    assert chain == ["a.hero", "b.hero", "c.hero", "a.hero"]
    assert failure.excerpt[0].strip() == f"!!play.{verb} path:a.hero"


def test_a_file_that_includes_itself(ws: Workspace, session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text("!!play.include path:a.hero")
    report = ws.run(session, Playbook.from_path(tmp_path / "a.hero"))
    assert "bring each other in" in report.results[0].failure.message  # type: ignore[union-attr]


def test_a_folder_that_is_played_whole_includes_nothing_twice(
    ws: Workspace, session: Session, tmp_path: Path
) -> None:
    (tmp_path / "a.hero").write_text("!!play.include path:b.hero")
    (tmp_path / "b.hero").write_text("!!play.echo content:b")
    report = ws.run(session, Playbook.from_path(tmp_path))
    assert statuses(report) == ["skipped", "ok"]


def test_too_deep(play: Play, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number}.hero").write_text(f"!!play.include path:{number + 1}.hero")
    report = play(f"!!play.include path:'{tmp_path}/0.hero'")
    assert "more than 16 files" in report.results[-1].failure.message
    assert len(report.results) == 17


def test_a_folder_is_included_in_order(play: Play, tmp_path: Path) -> None:
    for name in ("b.hero", "a.md", "c.heroscript", "_no.hero"):
        (tmp_path / name).write_text(f"!!play.echo content:{name}")
    report = play(f"!!play.include path:'{tmp_path}'\n!!play.echo content:end")
    assert [r.message for r in report.results] == [
        "3 actions from a.md, b.hero, c.heroscript", "a.md", "b.hero", "c.heroscript", "end",
    ]  # fmt: skip


def test_replace(play: Play, tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_text(
        "!!play.echo content:'@WHO ${WHO} {WHO} {OTHER}'\n!!play.echo content:@URL"
    )
    report = play(f"!!play.include path:'{tmp_path}/a.hero' replace:'WHO:you, URL:https://x.org/y'")
    assert [r.message for r in report.results[1:]] == ["you you you {OTHER}", "https://x.org/y"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("!!play.echo content:'open", ""),
        ("!!no.such", "no actor handles no.such"),
        ("!!play.echo contents:x", "takes no contents"),
        (None, "there is no file"),
    ],
)
def test_a_fault_in_a_file_runs_none_of_it(
    play: Play, session: Session, tmp_path: Path, content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "b.hero").write_text(f"!!session.env_set key:A val:1\n{content}")
    report = play(f"!!play.include path:'{tmp_path}/b.hero'\n!!play.echo content:x")
    assert statuses(report) == ["failed", "skipped"]
    assert words in report.results[0].failure.message
    assert session.env_all() == {}


def test_a_file_whose_include_failed_may_be_included_again(play: Play, tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "a.hero").write_text("!!play.echo content:a")
    (folder / "b.hero").write_text("!!no.such")
    report = play(
        f"!!play.include path:'{folder}'\n!!play.include path:'{folder}/a.hero'", keep_going=True
    )
    assert statuses(report) == ["failed", "ok", "ok"]
