"""Real repositories for a test: a working copy of the author's, and the bare one he pushes to."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Ann Author" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "ann@example.org" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2025-01-02T03:04:05Z" for who in ("AUTHOR", "COMMITTER")},
}
"""Whoever runs the tests, commits are the same to the byte."""


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", *args], cwd=cwd, env=ENVIRON, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Author:
    """Who writes a repository, and where he pushes it to."""

    work: Path
    bare: Path

    @property
    def url(self) -> str:
        return f"file://{self.bare}"

    def git(self, *args: str) -> str:
        return git(*args, cwd=self.work)

    def push(self, files: dict[str, str], branch: str = "main") -> str:
        """Commit and push files on a branch, made where it is not there; the commit's hash."""
        if branch != self.git("symbolic-ref", "--short", "HEAD"):
            there = self.git("branch", "--list", branch)
            self.git("switch", "--quiet", *([] if there else ["--create"]), branch)
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=more")
        self.git("push", "--quiet", "origin", branch)
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        self.git("tag", name)
        self.git("push", "--quiet", "origin", f"refs/tags/{name}")


def author(root: Path, name: str = "repo", account: str = "acc") -> Author:
    """An author of an empty repository `account/name`, on branch main."""
    bare = root / "srv" / account / f"{name}.git"
    bare.mkdir(parents=True)
    git("init", "--quiet", "--bare", "--initial-branch=main", cwd=bare)
    work = root / "author" / account / name
    work.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    # a relative one, so that both may be copied elsewhere
    git("remote", "add", "origin", os.path.relpath(bare, work), cwd=work)
    return Author(work, bare)


@pytest.fixture(scope="session")
def ann_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("ann")
    ann = author(root)
    ann.push({"docs/a.hero": "!!play.echo content:one\n"})
    ann.tag("v1")
    ann.push({"docs/a.hero": "!!play.echo content:main\n", "docs/b.hero": "// nothing\n"})
    ann.push({"docs/a.hero": "!!play.echo content:feature\n"}, "feature/x")
    ann.git("switch", "--quiet", "main")
    return root


@pytest.fixture
def ann(ann_once: Path, tmp_path: Path) -> Author:
    """An author of `acc/repo` with a script on main, one on feature/x, and a tag v1 before."""
    shutil.copytree(ann_once, tmp_path, dirs_exist_ok=True, symlinks=True)
    return Author(tmp_path / "author/acc/repo", tmp_path / "srv/acc/repo.git")


RECORDER = """#!/bin/sh
printf '%s\\n' "$*" >> "${{0%/*}}/calls"
{then}
"""


def fake_git(folder: Path, then: str = "exit 1") -> Path:
    """A program called git that writes down how it was called; its record, in the folder."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(RECORDER.format(then=then))
    program.chmod(0o755)
    return folder / "calls"
