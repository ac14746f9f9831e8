"""Addresses of repositories: every form that is read, and every one that is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from git_repos import fake_git
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel import git
from hero_kernel.errors import GitAddressError, GitError
from hero_kernel.git.addresses import check_ref

if TYPE_CHECKING:
    from pathlib import Path

VECTORS = [  # address, provider, account, name, branch, path, folder below the code root
    ("https://github.com/acc/repo", "github", "acc", "repo", "", "", "github/acc/repo"),
    ("https://github.com/acc/repo.git", "github", "acc", "repo", "", "", "github/acc/repo"),
    ("git@github.com:acc/repo.git", "github", "acc", "repo", "", "", "github/acc/repo"),
    ("ssh://git@github.com/acc/repo.git", "github", "acc", "repo", "", "", "github/acc/repo"),
    ("https://github.com/acc/repo/tree/main/docs/a", "github", "acc", "repo", "main", "docs/a",
     "github/acc/repo"),
    ("https://github.com/acc/repo/blob/main/docs/a.md", "github", "acc", "repo", "main",
     "docs/a.md", "github/acc/repo"),
    ("https://git.threefold.info/tfgrid/docs4/src/branch/main/ebooks/tech", "git.threefold.info",
     "tfgrid", "docs4", "main", "ebooks/tech", "git.threefold.info/tfgrid/docs4"),
    ("https://git.ourworld.tf/t/r/src/tag/v1/docs", "git.ourworld.tf", "t", "r", "v1", "docs",
     "git.ourworld.tf/t/r"),
    ("https://github.com/vlang/v/refs/heads/master/vlib", "github", "vlang", "v", "master", "vlib",
     "github/vlang/v"),
    ("https://github.com/vlang/v/tree/master/vlib#L10", "github", "vlang", "v", "master", "vlib",
     "github/vlang/v"),
    ("https://github.com/acc/user.github.io", "github", "acc", "user.github.io", "", "",
     "github/acc/user.github.io"),
    ("https://git.example.org:3000/acc/repo", "git.example.org:3000", "acc", "repo", "", "",
     "git.example.org_3000/acc/repo"),
    ("http://github.com/acc/repo/", "github", "acc", "repo", "", "", "github/acc/repo"),
    ("github.com/acc/repo", "github", "acc", "repo", "", "", "github/acc/repo"),
    ("file:///srv/git/acc/repo.git", "localhost", "acc", "repo", "", "", "localhost/acc/repo"),
]  # fmt: skip
"""herolib's forms, with what its own parser gets wrong put right."""

MORE = [  # address, folder, branch, path, what git is given
    ("git.example.org:3000/acc/repo", "git.example.org_3000/acc/repo", "", "",
     "https://git.example.org:3000/acc/repo"),
    ("ssh://me@git.example.org:2222/acc/repo", "git.example.org_2222/acc/repo", "", "",
     "ssh://me@git.example.org:2222/acc/repo"),
    ("https://github.com:443/acc/repo", "github/acc/repo", "", "", "https://github.com/acc/repo"),
    ("HTTPS://GitHub.COM/acc/repo.git/", "github/acc/repo", "", "",
     "https://github.com/acc/repo.git"),
    ("git@github.com/acc/repo", "github/acc/repo", "", "", "ssh://git@github.com/acc/repo"),
    ("github.com:acc/repo", "github/acc/repo", "", "", "ssh://git@github.com/acc/repo"),
    ("https://gitlab.com/g/sub/repo/-/tree/main/docs", "gitlab.com/g/sub/repo", "main", "docs",
     "https://gitlab.com/g/sub/repo"),
    ("git@gitlab.com:g/sub/repo.git", "gitlab.com/g/sub/repo", "", "",
     "ssh://git@gitlab.com/g/sub/repo.git"),
    ("https://github.com/acc/repo.git/docs/a", "github/acc/repo", "", "docs/a",
     "https://github.com/acc/repo.git"),
    ("https://github.com/acc/repo/docs/a", "github/acc/repo", "", "docs/a",
     "https://github.com/acc/repo"),
    ("https://github.com/acc/src/src/branch/main/src", "github/acc/src", "main", "src",
     "https://github.com/acc/src"),
    ("https://github.com/acc/tree/tree/tree/tree", "github/acc/tree", "tree", "tree",
     "https://github.com/acc/tree"),
    ("https://bitbucket.org/acc/repo/src/main/a", "bitbucket.org/acc/repo", "main", "a",
     "https://bitbucket.org/acc/repo"),
    ("https://github.com/acc/repo/blob/refs/heads/main/a.md?plain=1#L3", "github/acc/repo", "main",
     "a.md", "https://github.com/acc/repo"),
    ("https://github.com/acc/repo/tree/main/two%20words", "github/acc/repo", "main", "two words",
     "https://github.com/acc/repo"),
    ("https://git.sr.ht/~acc/repo", "git.sr.ht/~acc/repo", "", "", "https://git.sr.ht/~acc/repo"),
    ("https://github.com/acc/.github", "github/acc/.github", "", "",
     "https://github.com/acc/.github"),
    ("  https://github.com/acc/repo ", "github/acc/repo", "", "", "https://github.com/acc/repo"),
]  # fmt: skip

REFUSED = [
    "",
    " ",
    "ext::sh -c 'touch pwned'",
    "fd::17",
    "git://github.com/acc/repo",
    "ftp://github.com/acc/repo",
    "http://git.example.org:8080/acc/repo",
    "git+https://github.com/acc/repo",
    "file:///srv/git/acc/repo.git",
    "FILE:///srv/git/acc/repo.git",
    "/srv/git/acc/repo.git",
    "./repo",
    "../acc/repo",
    "~/repo",
    "C:\\repo",
    "\\\\host\\acc\\repo",
    "acc/repo",
    "-u./pwned",
    "--upload-pack=touch pwned",
    "--upload-pack=touch pwned;true",
    "ssh://-oProxyCommand=touch/acc/repo",
    "git@-oProxyCommand=touch:acc/repo",
    "-oProxyCommand=touch:acc/repo",
    "https://github.com/acc/repo\n--upload-pack=x",
    "https://github.com/acc/re\0po",
    "https://github.com/acc/re\tpo",
    "https://github.com/acc/re\u202epo",
    "https://github.com/acc/re\x1b[2Jpo",
    "https://user:hunter2@github.com/acc/repo",
    "https://hunter2@github.com/acc/repo",
    "https://user:hun/ter2hunter2@github.com/acc/repo",
    "user:hunter2@github.com/acc/repo",
    "ssh://git:hunter2@github.com/acc/repo",
    "https://github.com/acc/repo?access_token=hunter2",
    "https://github.com/../repo",
    "https://github.com/acc/..",
    "https://github.com/acc/.",
    "https://github.com/acc/.git",
    "https://github.com/acc/%2e%2e",
    "https://github.com/acc/-repo",
    "https://github.com/acc",
    "https://github.com/",
    "https:///acc/repo",
    "https://git hub.com/acc/repo",
    "https://github..com/acc/repo",
    "https://g\u0131thub.com/acc/repo",
    "https://github.com:99999/acc/repo",
    "https://github.com:x/acc/repo",
    "https://github.com/acc/repo/tree",
    "https://github.com/acc/repo/tree/-x/a",
    "https://github.com/acc/repo/tree/main/../../../a",
    "https://github.com/acc/repo/tree/main/%2e%2e/a",
    "https://github.com/acc/repo/tree/main/..%2fa",
    "https://github.com/acc/repo/tree/main/a%0ab",
    "https://github.com/acc/repo/tree/main/.git/config",
    "https://github.com/acc/repo/" + "a" * 3000,
    "git@host:2222/acc/repo",
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_the_forms_that_herolib_reads(vector: tuple[str, ...]) -> None:
    text, *expected = vector
    found = git.address(text, local=True)
    said = [found.provider, found.account, found.name, found.branch, found.path, found.folder]
    assert said == expected


@pytest.mark.parametrize("form", MORE, ids=lambda form: form[0])
def test_more_forms(form: tuple[str, ...]) -> None:
    text, *expected = form
    found = git.address(text)
    assert [found.folder, found.branch, found.path, found.url()] == expected


def test_an_anchor_is_kept_apart() -> None:
    found = git.address("https://github.com/acc/repo/blob/main/a.md#L10")
    assert (found.path, found.anchor) == ("a.md", "L10")


def test_https_and_ssh_spell_each_other() -> None:
    found = git.address("https://github.com/acc/repo.git")
    assert found.url("ssh") == "ssh://git@github.com/acc/repo.git"
    assert git.address(found.url("ssh")).url("https") == found.url()
    assert git.address(found.url("ssh")).is_same_repository(found)
    assert not git.address("https://github.com/acc/other").is_same_repository(found)
    assert not git.address("https://github.com:8443/acc/repo").is_same_repository(found)


@pytest.mark.parametrize(
    "alias",
    [
        "https://github.com/acc/repo.git",
        "https://GITHUB.com/acc/repo/",
        "http://github.com/acc/repo",
        "github.com/acc/repo",
        "https://github.com:443/acc/repo.git/",
        "https://github.com/acc/repo/tree/main/docs",
    ],
)
def test_an_origin_has_one_spelling(alias: str) -> None:
    assert git.address(alias).origin == "https://github.com/acc/repo"


def test_a_local_one_ends_where_a_repository_is(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "acc" / "repo" / ".git"
    inner.mkdir(parents=True)
    found = git.address(f"file://{tmp_path}/tree/acc/repo/src/branch/main/docs", local=True)
    assert found.local == f"{tmp_path}/tree/acc/repo"
    assert (found.name, found.branch, found.path) == ("repo", "main", "docs")


@pytest.mark.parametrize(
    "text",
    ["file://host/acc/repo", "file:///repo", "file:///srv/../etc/acc/x.git", "file:///srv/a%0ab/x"],
)
def test_local_ones_that_are_refused(text: str) -> None:
    with pytest.raises(GitAddressError):
        git.address(text, local=True)


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: repr(text[:60]))
def test_refused_before_git_starts(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = fake_git(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(GitAddressError) as caught:
        git.checkout(git.address(text), tmp_path / "code", using=git.Git({}))
    assert caught.value.hint
    assert not {"hunter2", "ter2hunter2"} & set(str(caught.value).replace("/", " ").split())
    assert "hunter2" not in str(caught.value)
    assert str(caught.value).isprintable()
    assert not calls.exists()


def test_the_recorder_records(tmp_path: Path) -> None:
    calls = fake_git(tmp_path / "bin")
    where, using = git.address("https://github.com/acc/repo"), git.Git({"PATH": str(calls.parent)})
    with pytest.raises(GitError):
        git.checkout(where, tmp_path / "code", using=using)
    (call,) = calls.read_text().splitlines()
    assert " -- https://github.com/acc/repo " in call


@given(st.text(max_size=60) | st.from_regex(r"(https://|git@|)[a-z./:@#?%-]{0,40}", fullmatch=True))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = git.address(text)
    except GitAddressError:
        return
    assert not set(found.folder.split("/")) & {"", ".", "..", ".git"}
    assert not set(found.tail.split("/")) & {".", "..", ".git"}
    assert found.url().startswith(("https://", "ssh://"))
    assert git.address(found.url()).folder == found.folder


@pytest.mark.parametrize("name", ["main", "feature/x", "v1.0", "a-b_c", "ümlaut"])
def test_names_of_branches(name: str) -> None:
    assert check_ref(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "-x", "a b", "a..b", "a~1", "a^", "a:b", "@{-1}", "@", "HEAD", "/a", "a/", "a.lock",
     "a\nb", ".a", "a/.b", "a//b", "$(x)*", "a\\b"],
)  # fmt: skip
def test_what_cannot_name_a_branch(name: str) -> None:
    with pytest.raises(GitAddressError):
        check_ref(name)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("fatal: https://u:p@h/a/b failed", "fatal: https://…@h/a/b failed"),
        ("https://ghp_abc@github.com/a", "https://…@github.com/a"),
        ("ssh://git@github.com/a", "ssh://git@github.com/a"),
        ("https://h/a?private_token=abc&x=1", "https://h/a?private_token=…&x=1"),
    ],
)
def test_credentials_are_cut_out(said: str, shown: str) -> None:
    assert git.without_credentials(said) == shown
