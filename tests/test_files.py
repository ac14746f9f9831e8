"""Files and folders below a root."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hero_kernel import files
from hero_kernel.errors import ReadOnlyStoreError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture(params=[0, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield int(request.param)
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders_are_private_under_any_umask(tmp_path: Path, umask: int) -> None:
    folder = files.folder(tmp_path / "home", "context", "a")
    files.write(folder / "one", b"1")
    assert files.create(folder / "two", b"2")
    assert [mode(p) for p in (tmp_path / "home", folder, folder.parent)] == [0o700] * 3
    assert [mode(folder / name) for name in ("one", "two")] == [0o600] * 2


def test_a_write_replaces_the_whole_file_and_leaves_no_scratch(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write(path, b"long content")
    files.write(path, b"short")
    assert path.read_bytes() == b"short"
    assert names(tmp_path) == ["file"]


def test_of_many_that_create_a_file_one_does(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: files.create(path, b"%d" % n), range(100)))
    assert made.count(True) == 1
    assert path.read_bytes() == b"%d" % made.index(True)
    assert names(tmp_path) == ["file"]


def test_creating_does_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert files.create(tmp_path / "a", b"1")
    assert not files.create(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"1"


def test_a_link_in_a_files_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "home").mkdir()
    link = tmp_path / "home" / "file"
    link.symlink_to(victim)
    files.write(link, b"new")
    assert victim.read_text() == "mine"
    assert not link.is_symlink()


@pytest.mark.parametrize("part", ["context", "a"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, part: str) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    outside.mkdir()
    where = home if part == "context" else home / "context"
    where.mkdir(parents=True)
    (where / part).symlink_to(outside)
    with pytest.raises(StoreError, match="leads out of"):
        files.folder(home, "context", "a", "b")
    assert list(outside.iterdir()) == []


def test_what_is_no_folder_is_not_one(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").symlink_to(tmp_path / "nowhere")
    for name in ("a", "b"):
        with pytest.raises(StoreError, match="is not a folder"):
            files.folder(tmp_path, name)


def test_removing_follows_no_link_and_stays_below_the_root(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "a" / "b").mkdir(parents=True)
    outside.mkdir()
    (outside / "kept").touch()
    (home / "a" / "out").symlink_to(outside)
    (home / "link").symlink_to(outside)
    files.remove(home, home / "a")
    files.remove(home, home / "link")
    files.remove(home, home / "never was")
    assert (outside / "kept").exists()
    assert list(home.iterdir()) == []
    for path in (outside, home, home / ".."):
        with pytest.raises(StoreError, match="leads out of"):
            files.remove(home, path)


def test_a_folder_moves_only_to_a_free_place(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "file").touch()
    files.move(tmp_path / "a", tmp_path / "b")
    files.move(tmp_path / "never was", tmp_path / "d")
    assert names(tmp_path) == ["a", "b"]
    files.move(tmp_path / "a", tmp_path / "c")
    assert names(tmp_path) == ["b", "c"]


def test_what_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full" / "x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    left = [
        name for name in ("empty", "full", "link", "none") if files.is_left_over(tmp_path / name)
    ]
    assert left == ["full", "link"]


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ReadOnlyStoreError, match="may not be written"):
            files.write(tmp_path / "file", b"")
        with pytest.raises(ReadOnlyStoreError):
            files.folder(tmp_path, "a")
    finally:
        tmp_path.chmod(0o700)


def test_no_room_says_so_and_keeps_the_old(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(StoreError):
        files.folder(tmp_path / "full", "a")
