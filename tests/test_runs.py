"""Runs that were kept."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hero_kernel import runs
from hero_kernel.errors import CorruptRecordError, SessionError, StoreError
from hero_kernel.report import Failure, Report, Result, Status
from hero_kernel.runs import kept as kept_runs

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2025_01_02_03_04_05"


def report(word: str = "x") -> Report:
    return Report((Result("a.b", Status.OK, message=word),), source=word)


def test_a_kept_run_comes_back(tmp_path: Path) -> None:
    kept = runs.keep(tmp_path, report(), NOW)
    assert kept.run.startswith(f"{NOW}_")
    assert runs.load(tmp_path) == kept
    assert runs.load(tmp_path, kept.run) == kept


def test_runs_are_in_the_order_of_keeping(tmp_path: Path) -> None:
    kept = [runs.keep(tmp_path, report(str(n)), NOW) for n in range(12)]
    assert runs.names(tmp_path) == [one.run for one in kept]
    assert runs.recent(tmp_path, 3) == kept[:-4:-1]


def test_runs_kept_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda n: runs.keep(tmp_path, report(str(n)), NOW), range(64)))
    assert sorted(runs.names(tmp_path)) == sorted(one.run for one in kept)
    assert sorted(one.source for one in runs.recent(tmp_path, 100)) == sorted(map(str, range(64)))


def test_the_oldest_go_and_other_files_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_runs, "MAX_BYTES", 2000)
    (tmp_path / "notes.txt").write_text("mine")
    kept = [runs.keep(tmp_path, report(str(n)), NOW).run for n in range(100)]
    left = runs.names(tmp_path)
    assert left == kept[-len(left) :]
    assert 10 <= len(left) < 40
    assert (tmp_path / "notes.txt").exists()


def test_no_run_yet_and_no_such_run(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no run is kept yet"):
        runs.load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        runs.keep(tmp_path / "missing", report(), NOW)
    kept = runs.keep(tmp_path, report(), NOW)
    with pytest.raises(SessionError, match=f"did you mean {kept.run}"):
        runs.load(tmp_path, NOW)
    with pytest.raises(SessionError):
        runs.load(tmp_path, "../../etc/passwd")


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"[]", b"null", b'{"schema":1}', b'{"schema":99}', b"\xff", b"[" * 100_000,
        b'{"schema":1,"results":[{"status":"odd"}]}',
    ],
    ids=range(9),
)  # fmt: skip
def test_a_damaged_line_harms_no_other(tmp_path: Path, damage: bytes) -> None:
    first = runs.keep(tmp_path, report("1"), NOW)
    with (tmp_path / kept_runs.FILE_NAME).open("ab") as file:
        file.write(damage + b"\n")
    second = runs.keep(tmp_path, report("2"), NOW)
    assert runs.recent(tmp_path, 9) == [second, first]
    assert runs.load(tmp_path, first.run) == first


def test_a_run_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / kept_runs.FILE_NAME).write_bytes(b'{"schema":9,"run":"1"}\n{"schema":1,"run":"2"\n')
    for name, said in (("1", "schema 9"), ("2", "cannot be read")):
        with pytest.raises(CorruptRecordError, match=said):
            runs.load(tmp_path, name)


@pytest.mark.parametrize("name", [kept_runs.FILE_NAME, kept_runs.OLD_NAME, "run.1_ab.jsonl"])
@pytest.mark.parametrize("what", ["a pipe", "a link", "a folder"])
def test_what_is_no_file_is_neither_waited_for_nor_followed(
    tmp_path: Path, name: str, what: str
) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    theirs = runs.keep(elsewhere, report("theirs"), NOW)
    if what == "a pipe":
        os.mkfifo(folder / name)
    elif what == "a link":
        (folder / name).symlink_to(elsewhere / kept_runs.FILE_NAME)
    else:
        (folder / name).mkdir()
    is_a_journal = name.startswith("run.")
    for ask in (
        lambda: runs.names(folder),
        lambda: runs.load(folder),
        lambda: runs.recent(folder, 9),
    ):
        with suppress(SessionError) if is_a_journal else pytest.raises(CorruptRecordError) as told:
            assert not ask()
        assert is_a_journal or name in str(told.value)
    if name == kept_runs.FILE_NAME:
        with pytest.raises(StoreError, match=name):
            runs.keep(folder, report(), NOW)
    assert runs.recent(elsewhere, 9) == [theirs]


def test_halves_of_characters_are_kept(tmp_path: Path) -> None:
    kept = runs.keep(tmp_path, report("a\ud800b"), NOW)
    assert runs.load(tmp_path).source == kept.source


LINE = (
    b'{"schema":1,"run":"2025_01_02_03_04_05_beef","context":"ctx","session":"one",'
    b'"source":"In[2]","started":"2025-01-02 03:04:05","duration_s":0.25,"dry_run":false,'
    b'"ok":false,"note":"","results":[{"action":"a.b","status":"ok","duration_s":0.1,'
    b'"message":"m","output":"","place":"In[2]:1:1"},{"action":"a.c","status":"failed",'
    b'"duration_s":0.15,"message":"","output":"o","place":"In[2]:2:1","failure":{"kind":'
    b'"ActionError","message":"no","hint":"yes","excerpt":["x","^"],"traceback":""}}]}\n'
)


def test_lines_of_the_first_schema_are_read(tmp_path: Path) -> None:
    """They say nothing of what the actions were: there is nothing to go on with."""
    (tmp_path / kept_runs.FILE_NAME).write_bytes(LINE)
    new = runs.keep(tmp_path, report(), NOW)
    first = runs.load(tmp_path, "2025_01_02_03_04_05_beef")
    assert runs.recent(tmp_path, 9) == [new, first]
    assert first.ended == "failed"
    assert first.left == ()
    assert first.failed[0].failure == Failure("ActionError", "no", "yes", ("x", "^"))
    assert runs.unfinished(runs.newest_first(tmp_path), ["d"]) is None


def test_a_run_that_has_a_name_keeps_it(tmp_path: Path) -> None:
    named = replace(report(), run=runs.name(NOW))
    assert runs.keep(tmp_path, named, "later") is named
    assert runs.names(tmp_path) == [named.run]
