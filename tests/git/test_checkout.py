"""From an address to a folder, with real repositories."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from git_repos import ENVIRON, Author, author, fake_git
from git_repos import git as author_git

from hero_kernel import git
from hero_kernel.errors import GitError
from hero_kernel.git import command

if TYPE_CHECKING:
    from pathlib import Path

USING = git.Git(ENVIRON)


class Here:
    """A code root, and checkouts below it."""

    def __init__(self, folder: Path) -> None:
        self.coderoot = folder / "code"

    def __call__(self, url: str, *, using: git.Git = USING, **options: object) -> git.Checkout:
        where = git.address(url, local=True)
        return git.checkout(where, self.coderoot, using=using, **options)  # type: ignore[arg-type]


@pytest.fixture
def have(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_cloned_once(have: Here, ann: Author) -> None:
    first = have(ann.url)
    assert first.path == first.inner == have.coderoot / "localhost/acc/repo"
    assert (first.branch, first.changed) == ("main", True)
    assert (first.path / "docs/a.hero").read_text() == "!!play.echo content:main\n"
    assert have(ann.url) == replace(first, changed=False)
    assert not list(have.coderoot.rglob("*.clone"))


@pytest.mark.parametrize("before", [False, True], ids=["new", "there"])
@pytest.mark.parametrize("foreign", [False, True], ids=["own", "foreign"])
@pytest.mark.parametrize(
    ("tail", "branch", "content"),
    [
        ("/tree/feature/x/docs/a.hero", "feature/x", "feature"),
        ("/src/branch/feature/x/docs/a.hero", "feature/x", "feature"),
        ("/refs/heads/feature/x/docs/a.hero", "feature/x", "feature"),
        ("/blob/v1/docs/a.hero#L1", "", "one"),
        ("/src/tag/v1/docs/a.hero", "", "one"),
        ("/blob/main/docs/a.hero", "main", "main"),
        ("/docs/a.hero", "main", "main"),
    ],
)
def test_the_branch_of_the_address_is_checked_out(  # noqa: PLR0917  # three of them are a table's
    have: Here, ann: Author, before: bool, foreign: bool, tail: str, branch: str, content: str
) -> None:
    if before:
        have(ann.url, foreign=foreign)
    found = have(ann.url + tail, foreign=foreign)
    assert found.inner.read_text() == f"!!play.echo content:{content}\n"
    assert found.branch == branch
    assert found.commit == git.run(["rev-parse", "HEAD"], found.path, using=USING).strip()
    assert not have(ann.url + tail, foreign=foreign).changed


def test_a_commit_is_checked_out(have: Here, ann: Author) -> None:
    commit = ann.git("rev-parse", "v1")
    ann.push({"docs/a.hero": "new"})
    found = have(f"{ann.url}/blob/{commit}/docs/a.hero")
    assert (found.commit, found.branch) == (commit, "")
    assert found.inner.read_text() == "!!play.echo content:one\n"
    found = have(f"{ann.url}/src/commit/{commit[:12]}/docs/a.hero")
    assert found.commit == commit


def test_a_branch_given_beside_the_address(have: Here, ann: Author) -> None:
    found = have(f"{ann.url}/blob/main/docs/a.hero", branch="feature/x")
    assert found.inner.read_text() == "!!play.echo content:feature\n"
    assert have(ann.url, branch="v1").branch == ""
    assert have(ann.url, branch="main").branch == "main"


def test_a_branch_that_came_later_is_fetched(have: Here, ann: Author) -> None:
    have(ann.url, foreign=True)
    ann.push({"docs/a.hero": "late"}, "late/r")
    found = have(f"{ann.url}/tree/late/r/docs/a.hero", foreign=True)
    assert found.inner.read_text() == "late"
    assert have(found.path and ann.url, branch="main").branch == "main"
    commit = ann.push({"docs/a.hero": "later"}, "late/r")
    assert have(f"{ann.url}/tree/late/r/docs/a.hero", foreign=True, pull=True).commit == commit


@pytest.mark.parametrize(
    ("tail", "words", "hint"),
    [
        ("/tree/mian/docs", "has no branch, tag or commit mian", "did you mean main?"),
        ("/src/branch/v1/docs", "has no branch, tag or commit v1", ""),
        ("/tree/main/dosc/a.hero", "has no dosc/a.hero", "did you mean docs?"),
        ("/tree/main/docs/a.hero/b", "has no docs/a.hero/b", ""),
    ],
)
def test_what_is_not_there_is_said(
    have: Here, ann: Author, tail: str, words: str, hint: str
) -> None:
    with pytest.raises(GitError) as caught:
        have(ann.url + tail)
    assert words in caught.value.message
    assert hint in caught.value.hint
    have(ann.url)


def test_no_repository_there(have: Here, tmp_path: Path) -> None:
    (tmp_path / "srv/acc/none.git").mkdir(parents=True)
    with pytest.raises(GitError, match="does not appear to be a git repository"):
        have(f"file://{tmp_path}/srv/acc/none.git")
    assert not list((have.coderoot / "localhost/acc").iterdir())


def test_an_empty_repository(have: Here, tmp_path: Path) -> None:
    found = have(author(tmp_path).url)
    assert (found.commit, found.branch) == ("", "main")


def test_pull_moves_forward(have: Here, ann: Author) -> None:
    have(ann.url)
    commit = ann.push({"docs/a.hero": "new"})
    assert have(ann.url).commit != commit
    found = have(ann.url, pull=True)
    assert (found.commit, found.changed) == (commit, True)
    assert not have(ann.url, pull=True).changed


def test_pull_in_a_light_clone(have: Here, ann: Author) -> None:
    found = have(ann.url, foreign=True)
    assert git.run(["rev-list", "--count", "HEAD"], found.path, using=USING).strip() == "1"
    for n in range(3):
        commit = ann.push({"docs/a.hero": f"new {n}"})
    assert have(ann.url, foreign=True, pull=True).commit == commit


def test_uncommitted_changes_are_named(have: Here, ann: Author) -> None:
    path = have(ann.url).path
    (path / "docs/a.hero").write_text("mine")
    (path / "new file.txt").write_text("mine")
    ann.push({"docs/a.hero": "theirs"})
    for options in ({"pull": True}, {"branch": "feature/x"}):
        with pytest.raises(GitError) as caught:
            have(ann.url, **options)
        assert "uncommitted changes: docs/a.hero, new file.txt" in caught.value.message
    assert (path / "docs/a.hero").read_text() == "mine"


def test_histories_that_differ_are_not_merged(have: Here, ann: Author) -> None:
    path = have(ann.url).path
    (path / "mine.txt").write_text("mine")
    author_git("add", "-A", cwd=path)
    author_git("commit", "-qm", "mine", cwd=path)
    ann.push({"theirs.txt": "theirs"})
    with pytest.raises(GitError, match="fast-forward"):
        have(ann.url, pull=True)
    assert (path / "mine.txt").exists()


@pytest.mark.parametrize("foreign", [False, True])
def test_reset_throws_everything_away(have: Here, ann: Author, foreign: bool) -> None:
    path = have(ann.url, foreign=foreign).path
    (path / "docs/a.hero").write_text("mine")
    (path / "junk").mkdir()
    (path / "junk/x").write_text("mine")
    commit = ann.push({"docs/a.hero": "theirs", ".gitignore": "junk"})
    found = have(ann.url, foreign=foreign, reset=True)
    assert (found.commit, found.changed) == (commit, True)
    assert (path / "docs/a.hero").read_text() == "theirs"
    assert not (path / "junk").exists()


def test_reset_goes_to_another_branch_too(have: Here, ann: Author) -> None:
    path = have(ann.url).path
    (path / "docs/a.hero").write_text("mine")
    found = have(f"{ann.url}/tree/feature/x/docs/a.hero", reset=True)
    assert found.inner.read_text() == "!!play.echo content:feature\n"


def test_history_that_was_rewritten_is_followed_by_reset_only(have: Here, ann: Author) -> None:
    have(ann.url)
    ann.git("reset", "--quiet", "--hard", "v1")
    ann.git("push", "--quiet", "--force", "origin", "main")
    (ann.work / "x").write_text("y")
    ann.git("add", "x")
    ann.git("commit", "--quiet", "--message=another")
    ann.git("push", "--quiet", "--force", "origin", "main")
    with pytest.raises(GitError, match="fast-forward"):
        have(ann.url, pull=True)
    assert have(ann.url, reset=True).commit == ann.git("rev-parse", "HEAD")


def test_offline_never_starts_a_transfer(have: Here, ann: Author, tmp_path: Path) -> None:
    offline = replace(USING, offline=True)
    with pytest.raises(GitError, match="not cloned, and the network must not be touched"):
        have(ann.url, using=offline)
    have(ann.url)
    ann.push({"docs/a.hero": "new"})
    shutil.rmtree(ann.bare)  # whoever asks it now fails
    for options in ({}, {"pull": True}, {"reset": True}, {"branch": "feature/x"}):
        have(ann.url, using=offline, **options)
    with pytest.raises(GitError, match="has no branch, tag or commit nowhere"):
        have(ann.url, using=offline, branch="nowhere")


def test_a_namesake_is_not_taken_for_it(have: Here, ann: Author, tmp_path: Path) -> None:
    have(ann.url)
    other = author(tmp_path / "other")
    other.push({"docs/a.hero": "!!play.echo content:other\n"})
    with pytest.raises(GitError, match="is no clone of"):
        have(other.url)
    path = have.coderoot / "localhost/acc/plain"
    path.mkdir()
    with pytest.raises(GitError, match="is there, and is no repository"):
        have(author(tmp_path, "plain").url)


def test_a_clone_made_by_hand_is_taken(have: Here, ann: Author) -> None:
    path = have.coderoot / "localhost/acc/repo"
    author_git("clone", "--quiet", str(ann.bare), str(path), cwd=ann.work)
    assert not have(ann.url).changed


def test_links_do_not_lead_out(have: Here, ann: Author, tmp_path: Path) -> None:
    secret = tmp_path / "secret.hero"
    secret.write_text("!!play.echo content:secret")
    (ann.work / "docs/link.hero").symlink_to(secret)
    ann.push({})
    found = have(f"{ann.url}/docs/link.hero", foreign=True)
    assert not found.inner.is_symlink()
    assert found.inner.read_text() == str(secret)
    assert not git.Clone(found.path, USING).changes()  # it is a text for git from now on
    shutil.rmtree(found.path)
    with pytest.raises(GitError, match="leads out of"):  # control: with links it is one
        have(f"{ann.url}/docs/link.hero")
    assert (found.path / "docs/link.hero").is_symlink()


def test_a_link_in_the_code_root_does_not_lead_out(have: Here, ann: Author, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (have.coderoot / "localhost").mkdir(parents=True)
    (have.coderoot / "localhost/acc").symlink_to(tmp_path / "out")
    with pytest.raises(GitError, match="leads out of"):
        have(ann.url)
    assert not list((tmp_path / "out").iterdir())


def test_no_hook_runs(have: Here, ann: Author, tmp_path: Path) -> None:
    path = have(ann.url).path
    for name in ("post-checkout", "post-merge", "reference-transaction"):
        hook = path / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
        hook.chmod(0o755)
    ann.push({"docs/a.hero": "new"})
    have(ann.url, pull=True)
    have(ann.url, branch="feature/x")
    assert not (tmp_path / "pwned").exists()
    author_git("switch", "--quiet", "main", cwd=path)  # control: they are hooks
    assert (tmp_path / "pwned").exists()


def test_no_filter_runs_for_a_foreign_playbook(have: Here, ann: Author, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f'[filter "lfs"]\n smudge = touch {tmp_path}/pwned; cat\n required = true\n')
    using = git.Git({**ENVIRON, "GIT_CONFIG_GLOBAL": str(config)})
    ann.push({".gitattributes": "*.hero filter=lfs\n"})
    path = have(ann.url, using=using, foreign=True).path
    assert not (tmp_path / "pwned").exists()
    shutil.rmtree(path)
    have(ann.url, using=using)  # control: the user's own clone is filtered
    assert (tmp_path / "pwned").exists()


def test_options_are_no_options_behind_the_dashes(have: Here, tmp_path: Path) -> None:
    """§4.6: the address is the command's last word but one, behind `--`."""
    marker = tmp_path / "marker"
    author_git("init", "--quiet", "up", cwd=tmp_path)
    trick = [f"--upload-pack=touch {marker};true", "up", "copy"]
    subprocess.run(["git", "clone", *trick], cwd=tmp_path, check=False, capture_output=True)
    assert marker.exists()  # control: without them it is
    marker.unlink()
    calls = fake_git(tmp_path / "bin")
    with pytest.raises(GitError):
        have("https://github.com/acc/repo", using=git.Git({"PATH": str(tmp_path / "bin")}))
    assert " -- https://github.com/acc/repo " in calls.read_text()


def test_too_large_a_repository(have: Here, ann: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.push({"large": os.urandom(600_000).hex()})
    monkeypatch.setattr(command, "MAX_FETCHED", 1 << 20)
    with pytest.raises(GitError, match="more than 1 MiB come in"):
        have(ann.url, foreign=True)
    assert not list((have.coderoot / "localhost/acc").iterdir())
    assert have(ann.url).changed  # the user's own may be large


def test_too_slow_a_host_leaves_nothing(have: Here, tmp_path: Path) -> None:
    fake_git(tmp_path / "bin", "for last; do :; done; mkdir -p $last/.git; sleep 30")
    using = git.Git({"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}, timeout_s=0.3)
    with pytest.raises(GitError, match="took longer"):
        have("https://github.com/acc/repo", using=using)
    assert not list((have.coderoot / "github/acc").iterdir())


CHILD = """
import os, sys
from pathlib import Path
from hero_kernel import git
where = git.address(sys.argv[1], local=True)
found = git.checkout(where, Path(sys.argv[2]), using=git.Git(os.environ), foreign=True)
print(found.commit, (found.path / "docs/a.hero").exists(), found.changed)
"""


def child(have: Here, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(have.coderoot)],
        env=ENVIRON,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_clone_at_once_all_get_it(have: Here, ann: Author) -> None:
    children = [child(have, ann.url) for _ in range(6)]
    ended = [(*one.communicate(timeout=60), one.returncode) for one in children]
    assert [code for _, _, code in ended] == [0] * 6, ended
    said = {out.rpartition(" ")[0] for out, _, _ in ended}
    assert said == {f"{ann.git('rev-parse', 'main')} True"}
    assert [path.name for path in (have.coderoot / "localhost/acc").iterdir()] == ["repo"]


def test_processes_that_want_different_branches_wait_for_each_other(
    have: Here, ann: Author
) -> None:
    have(ann.url)
    tails = ["/tree/main", "/tree/feature/x", "/tree/v1"] * 2
    children = [child(have, ann.url + tail) for tail in tails]
    ended = [(*one.communicate(timeout=60), one.returncode) for one in children]
    assert [code for _, _, code in ended] == [0] * 6, ended
    commits = [out.split()[0] for out, _, _ in ended]
    assert commits == [ann.git("rev-parse", f"{tail[6:]}^{{commit}}") for tail in tails]


def test_a_killed_clone_never_looks_finished(have: Here, ann: Author) -> None:
    seed = random.randrange(10**6)  # noqa: S311  # chooses moments
    print("seed", seed)
    rng = random.Random(seed)  # noqa: S311
    ann.push({f"f{n}": rng.randbytes(2000).hex() for n in range(200)})
    path = have.coderoot / "localhost/acc/repo"
    halves = 0
    for _ in range(8):
        one = child(have, ann.url)
        drafts: list[Path] = []
        deadline = time.monotonic() + 20
        while not drafts and not path.exists() and time.monotonic() < deadline:
            drafts = list(path.parent.glob(".repo.*.clone"))
        time.sleep(rng.uniform(0, 0.02))
        one.send_signal(signal.SIGKILL)
        one.communicate()
        if path.exists():
            assert author_git("status", "--porcelain", cwd=path) == ""
            assert (path / "f199").exists()
            time.sleep(0.2)
            shutil.rmtree(path)
        else:
            halves += 1
    assert halves
    have(ann.url)
    deadline = time.monotonic() + 10
    while list(path.parent.glob(".repo.*.clone")):  # what the killed left is swept away,
        assert time.monotonic() < deadline  # when a git that outlived them has ended
        time.sleep(0.05)
        shutil.rmtree(path)
        have(ann.url)


def test_a_clone_that_is_being_made_is_not_swept_away(have: Here, ann: Author) -> None:
    go = have.coderoot.parent / "go"
    slow = f'while [ ! -e {go} ]; do sleep 0.01; done; PATH=${{PATH#*:}} exec git "$@"'
    fake_git(have.coderoot.parent / "bin", slow)
    one = subprocess.Popen(
        [sys.executable, "-c", CHILD, ann.url, str(have.coderoot)],
        env={**ENVIRON, "PATH": f"{have.coderoot.parent}/bin:{ENVIRON['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    parent = have.coderoot / "localhost/acc"
    while not list(parent.glob(".repo.*.clone")):
        time.sleep(0.01)
    assert have(ann.url).changed
    assert list(parent.glob(".repo.*.clone"))
    go.touch()
    said, _ = one.communicate(timeout=30)
    assert said.split()[1:] == ["True", "False"]


def test_progress_of_a_clone(have: Here, ann: Author) -> None:
    ann.push({f"f{n}": str(n) for n in range(50)})
    heard: list[tuple[str, float | None]] = []
    have(ann.url, using=replace(USING, on_progress=lambda *one: heard.append(one)))
    assert any(message.startswith("receiving objects") for message, _ in heard)
    fractions = [fraction for _, fraction in heard if fraction is not None]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < fractions[-1] <= 1
