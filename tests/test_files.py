"""Files and folders below a root."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from stores.children import without_rights

from hero_kernel import files
from hero_kernel.errors import ReadOnlyStoreError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    files.append(folder / "one", b"1")
    assert [mode(p) for p in (tmp_path / "home", folder, folder.parent)] == [0o700] * 3
    assert mode(folder / "one") == 0o600


def test_of_many_that_append_none_comes_between(tmp_path: Path) -> None:
    path = tmp_path / "file"
    lines = [b"%03d" % n * 1000 + b"\n" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        sizes = list(pool.map(lambda line: files.append(path, line), lines))
    assert sorted(path.read_bytes().splitlines(keepends=True)) == lines
    assert max(sizes) == path.stat().st_size


def test_appending_follows_no_link_and_makes_no_folder(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "link").symlink_to(victim)
    with pytest.raises(StoreError):
        files.append(tmp_path / "link", b"x")
    with pytest.raises(FileNotFoundError):
        files.append(tmp_path / "missing" / "file", b"x")
    assert victim.read_text() == "mine"


def test_only_a_large_file_is_rotated(tmp_path: Path) -> None:
    path, old = tmp_path / "file", tmp_path / "old"
    files.append(path, b"12345")
    files.rotate(path, old, 5)
    assert path.exists()
    files.rotate(path, old, 4)
    assert old.read_bytes() == b"12345"
    files.rotate(path, old, 4)  # another process was faster
    assert names(tmp_path) == ["old"]


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
    files.move(tmp_path, tmp_path / "a", tmp_path / "b")
    files.move(tmp_path, tmp_path / "never was", tmp_path / "d")
    assert names(tmp_path) == ["a", "b"]
    files.move(tmp_path, tmp_path / "a", tmp_path / "c")
    assert names(tmp_path) == ["b", "c"]


def test_nothing_is_moved_or_removed_behind_a_link(tmp_path: Path) -> None:
    home, outside = tmp_path / "home", tmp_path / "outside"
    for path in (home, outside / "a"):
        path.mkdir(parents=True)
    (outside / "link").symlink_to(outside / "a")
    (home / "out").symlink_to(outside)
    for act in (
        lambda: files.move(home, home / "out" / "a", home / "out" / "b"),
        lambda: files.move(home, home / "out" / "a", home / "b"),
        lambda: files.remove(home, home / "out" / "a"),
        lambda: files.remove(home, home / "out" / "link"),
        lambda: files.check_inside(home, home / "out" / "a"),
    ):
        with pytest.raises(StoreError, match="leads out of"):
            act()
    assert names(outside) == ["a", "link"]


def test_what_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "full" / "x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    left = [
        name for name in ("empty", "full", "link", "none") if files.is_left_over(tmp_path / name)
    ]
    assert left == ["full", "link"]


def test_a_place_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    def look() -> None:
        with pytest.raises(ReadOnlyStoreError, match="may not be written"):
            files.append(tmp_path / "file", b"")
        with pytest.raises(ReadOnlyStoreError):
            files.folder(tmp_path, "a")

    try:
        without_rights(look)
    finally:
        tmp_path.chmod(0o700)


def test_no_room_says_so_and_keeps_the_old(tmp_path: Path) -> None:
    """In a process that may write no file larger than 4 KiB."""
    program = f"""
import resource
from pathlib import Path
from hero_kernel import files
from hero_kernel.errors import StorageFullError
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
path = Path({str(tmp_path / "file")!r})
files.append(path, b"a" * 4000 + b"\\n")
try:
    files.append(path, b"b" * 4000 + b"\\n")
except StorageFullError as error:
    print(error.message)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"no room to write {tmp_path / 'file'}\n"
    assert (tmp_path / "file").read_bytes().startswith(b"a" * 4000 + b"\n")


def test_write_is_whole_private_and_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    files.write(path, b"first")
    files.write(path, b"second")
    assert path.read_bytes() == b"second"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["one.yaml"]


def test_write_replaces_a_planted_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "one.yaml").symlink_to(victim)
    files.write(tmp_path / "one.yaml", b"new")
    assert victim.read_text() == "mine"
    assert not (tmp_path / "one.yaml").is_symlink()
