"""From a path to texts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hero_kernel import sources
from hero_kernel.errors import SourceError


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"// {name}")


def test_a_file_is_read_whatever_its_suffix(tmp_path: Path) -> None:
    write(tmp_path, "script.txt")
    (source,) = sources.read(tmp_path / "script.txt")
    assert source == sources.SourceText(tmp_path / "script.txt", "// script.txt")


def test_a_folder_is_read_by_kind_then_by_path(tmp_path: Path) -> None:
    write(tmp_path, "b.hero", "a.heroscript", "z/a.md", "c.md", "a/x.hero", "notes.txt")
    write(tmp_path, ".hidden.md", "_draft.md", ".git/a.md", "_old/a.md")
    (tmp_path / "link.md").symlink_to(tmp_path / "c.md")
    (tmp_path / "linked").symlink_to(tmp_path / "z")
    found = [source.path.relative_to(tmp_path).as_posix() for source in sources.read(tmp_path)]
    assert found == ["c.md", "z/a.md", "a/x.hero", "b.hero", "a.heroscript"]


def test_an_empty_folder_has_no_texts(tmp_path: Path) -> None:
    assert sources.read(tmp_path) == ()


def test_a_relative_path_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.hero")
    monkeypatch.chdir(tmp_path)
    assert sources.read(Path("a.hero"))[0].path.is_absolute()


@pytest.mark.parametrize("name", ["missing", "a.hero/b", "a\0b", "n" * 300])
def test_what_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    write(tmp_path, "a.hero")
    with pytest.raises(SourceError) as caught:
        sources.read(tmp_path / name)
    assert caught.value.hint


def test_text_that_is_not_utf8_is_refused_with_its_byte(tmp_path: Path) -> None:
    (tmp_path / "a.hero").write_bytes(b"!!a.b x:\xff")
    with pytest.raises(SourceError, match="byte 8"):
        sources.read(tmp_path / "a.hero")


def test_a_file_too_large_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.hero").open("wb") as file:
        file.truncate(sources.MAX_BYTES + 1)
    with pytest.raises(SourceError, match="larger than 16 MiB"):
        sources.read(tmp_path / "a.hero")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.hero")
    with pytest.raises(SourceError, match="neither a file nor a folder"):
        sources.read(tmp_path / "pipe.hero")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(SourceError):
        sources.read(tmp_path / "a")
