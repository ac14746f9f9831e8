"""Runs that were kept."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from hero_kernel import runs
from hero_kernel.errors import CorruptRecordError, SessionError
from hero_kernel.report import Report, Result, Status

if TYPE_CHECKING:
    from pathlib import Path

NOW = "2025_01_02_03_04_05"


def report(word: str = "x") -> Report:
    return Report((Result("a.b", Status.OK, message=word),), source=word)


def test_a_kept_run_comes_back(tmp_path: Path) -> None:
    kept = runs.keep(tmp_path, report(), NOW)
    assert kept.run == NOW
    assert runs.load(tmp_path) == kept
    assert runs.load(tmp_path, NOW) == kept


def test_runs_of_one_second_are_numbered_and_in_order(tmp_path: Path) -> None:
    kept = [runs.keep(tmp_path, report(str(n)), NOW).run for n in range(12)]
    later = runs.keep(tmp_path, report(), "2025_01_02_03_04_06").run
    assert runs.names(tmp_path) == [*kept, later]
    assert kept[1:3] == [f"{NOW}_2", f"{NOW}_3"]


def test_runs_kept_at_once_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda n: runs.keep(tmp_path, report(str(n)), NOW), range(64)))
    assert len({one.run for one in kept}) == 64
    assert sorted(runs.load(tmp_path, one.run).source for one in kept) == sorted(
        str(n) for n in range(64)
    )


def test_the_oldest_go_and_other_files_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "KEPT", 10)
    (tmp_path / "0notes.txt").write_text("mine")
    (tmp_path / "0folder").mkdir()
    for _ in range(12):
        runs.keep(tmp_path, report(), NOW)
    assert runs.names(tmp_path) == [f"{NOW}_{n}" for n in range(3, 13)]
    assert (tmp_path / "0notes.txt").exists()


def test_no_run_yet_and_no_such_run(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no run is kept yet"):
        runs.load(tmp_path / "missing")
    runs.keep(tmp_path, report(), NOW)
    with pytest.raises(SessionError, match=f"did you mean {NOW}"):
        runs.load(tmp_path, NOW[:-1] + "6")
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
def test_a_damaged_file_is_said_by_name_and_left(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / f"{NOW}.json"
    path.write_bytes(damage)
    with pytest.raises(CorruptRecordError, match=NOW):
        runs.load(tmp_path)
    assert path.read_bytes() == damage
    assert runs.keep(tmp_path, report(), NOW).run == f"{NOW}_2"


def test_halves_of_characters_are_kept(tmp_path: Path) -> None:
    kept = runs.keep(tmp_path, report("a\ud800b"), NOW)
    assert runs.load(tmp_path).source == kept.source
    assert json.loads((tmp_path / f"{NOW}.json").read_bytes())
