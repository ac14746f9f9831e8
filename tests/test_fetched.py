"""Playbooks of others: read after an allowance, kept inside their clone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from git_repos import ENVIRON, Author, author
from git_repos import git as author_git

from hero_kernel import fetched, git
from hero_kernel.errors import GitAddressError, GitError, NotAllowedError, SourceError
from hero_kernel.sources import Origin, SourceText

if TYPE_CHECKING:
    from pathlib import Path

USING = git.Git(ENVIRON)


@dataclass
class Here:
    """A home and a code root."""

    home: Path

    @property
    def coderoot(self) -> Path:
        return self.home.parent / "code"

    def fetch(self, url: str, **options: object) -> tuple[SourceText, ...]:
        given = {"local": True, "using": USING} | options
        return fetched.fetch(url, home=self.home, coderoot=self.coderoot, **given)  # type: ignore[arg-type]

    def refused(self, url: str, **options: object) -> NotAllowedError:
        with pytest.raises(NotAllowedError) as caught:
            self.fetch(url, **options)
        return caught.value

    def allow(self, url: str, **options: object) -> tuple[SourceText, ...]:
        """As a user: see it refused, type what the hint says, and again."""
        hint = self.refused(url, **options).hint
        fetched.allow(self.home, hint.partition("%hero allow ")[2].split()[0])
        return self.fetch(url, **options)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "home")


def test_nothing_is_read_before_it_is_allowed(here: Here, ann: Author) -> None:
    error = here.refused(ann.url)
    commit = ann.git("rev-parse", "HEAD")
    assert error.message.startswith(f"{ann.url}@{commit[:12]} (docs/a.hero, docs/b.hero) is not")
    assert f"read {here.coderoot}/localhost/acc/repo" in error.hint
    texts = here.allow(ann.url)
    assert [(text.path.name, text.text) for text in texts] == [
        ("a.hero", "!!play.echo content:main\n"), ("b.hero", "// nothing\n"),
    ]  # fmt: skip
    root = here.coderoot / "localhost/acc/repo"
    assert texts[0].origin == Origin(ann.url, commit, root)
    assert here.fetch(ann.url) == texts


@pytest.mark.parametrize("word", ["{url}", "{url}@{commit}"])
def test_an_address_allows_too(here: Here, ann: Author, word: str) -> None:
    here.refused(ann.url)
    fetched.allow(here.home, word.format(url=ann.url, commit=ann.git("rev-parse", "HEAD")))
    here.fetch(ann.url)


def test_another_file_of_it_is_another_thing(here: Here, ann: Author) -> None:
    here.allow(f"{ann.url}/docs/a.hero")
    here.refused(f"{ann.url}/docs/b.hero")
    here.refused(ann.url)


def test_one_byte_voids_it(here: Here, ann: Author) -> None:
    (text,) = here.allow(f"{ann.url}/docs/a.hero")
    content = text.path.read_bytes()
    text.path.write_bytes(content.replace(b"main", b"mai\xc3\xb1"))
    here.refused(f"{ann.url}/docs/a.hero")
    text.path.write_bytes(content)
    here.fetch(f"{ann.url}/docs/a.hero")


def test_another_commit_with_the_same_script_voids_it(here: Here, ann: Author) -> None:
    here.allow(f"{ann.url}/docs/a.hero")
    ann.push({"other.txt": "x"})
    here.fetch(f"{ann.url}/docs/a.hero")  # nothing was fetched: the allowed commit
    here.refused(f"{ann.url}/docs/a.hero", pull=True)
    here.allow(f"{ann.url}/docs/a.hero")


def test_another_origin_with_the_same_script_voids_it(here: Here, ann: Author) -> None:
    here.allow(ann.url)
    twin = ann.bare.parent.parent / "other/repo.git"
    author_git("clone", "--quiet", "--bare", str(ann.bare), str(twin), cwd=ann.work)
    here.refused(f"file://{twin}")


def test_a_denial_wins_in_any_spelling(here: Here, ann: Author) -> None:
    here.allow(ann.url)
    assert fetched.deny(here.home, f"{ann.url}/docs") == ann.url
    assert "is denied" in here.refused(ann.url).message
    assert fetched.undeny(here.home, f"{ann.url}/docs/a.hero")
    assert "not allowed" in here.refused(ann.url).message


def test_taken_back(here: Here, ann: Author) -> None:
    here.allow(ann.url)
    assert [what.origin for what in fetched.revoke(here.home, ann.url)] == [ann.url]
    here.refused(ann.url)


def test_a_path_in_the_repository(here: Here, ann: Author) -> None:
    (text,) = here.allow(ann.url, path="docs/a.hero", branch="feature/x")
    assert text.text == "!!play.echo content:feature\n"
    (text,) = here.allow(f"{ann.url}/tree/v1/docs", path="a.hero")
    assert text.text == "!!play.echo content:one\n"


@pytest.mark.parametrize(
    "path", ["../other/x.hero", "/etc/hostname", "docs/../../../x", ".git/config", "docs/a.hero/x"]
)
def test_a_path_that_leads_out(here: Here, ann: Author, path: str) -> None:
    with pytest.raises((GitError, SourceError, NotAllowedError)) as caught:
        here.fetch(ann.url, path=path)
    assert not isinstance(caught.value, NotAllowedError) or "not allowed" not in str(caught.value)


def test_a_repository_of_this_disk_only_for_the_user(here: Here, ann: Author) -> None:
    with pytest.raises(GitAddressError, match="repository of this disk"):
        here.fetch(ann.url, local=False)
    assert not here.coderoot.exists()


def test_nothing_to_run(here: Here, tmp_path: Path) -> None:
    empty = author(tmp_path, "empty")
    with pytest.raises(GitError, match="no commit yet"):
        here.fetch(empty.url)
    empty.push({"readme.txt": "x"})
    with pytest.raises(SourceError, match="holds no script"):
        here.fetch(empty.url, reset=True)


def beside(here: Here, text: SourceText, path: str) -> tuple[SourceText, ...]:
    assert text.origin
    where = text.path.parent / path
    return fetched.beside(text.origin, where, home=here.home, using=USING)


def test_what_lies_beside_is_allowed_with_it(here: Here, ann: Author) -> None:
    (text,) = here.allow(f"{ann.url}/docs/a.hero")
    (other,) = beside(here, text, "b.hero")
    assert (other.text, other.origin) == ("// nothing\n", text.origin)
    assert beside(here, text, ".")[1] == other


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "docs/b.hero").write_text("!!play.echo content:evil"),
        lambda root: (root / "docs/c.hero").write_text("!!play.echo content:evil"),
        lambda root: [
            (root / ".git/info/exclude").write_text("c.hero"),
            (root / "docs/c.hero").write_text("!!play.echo content:evil"),
        ],
    ],
)
def test_what_was_changed_beside_is_not(here: Here, ann: Author, change: object) -> None:
    (text,) = here.allow(f"{ann.url}/docs/a.hero")
    change(text.origin.root)  # type: ignore[operator, union-attr]
    with pytest.raises(NotAllowedError, match="not allowed to run"):
        beside(here, text, ".")


def test_what_was_moved_on_beside_is_not(here: Here, ann: Author) -> None:
    (text,) = here.allow(f"{ann.url}/docs/a.hero")
    ann.push({"docs/b.hero": "!!play.echo content:new"})
    here.refused(f"{ann.url}/docs/a.hero", pull=True)
    with pytest.raises(NotAllowedError, match="not allowed to run"):
        beside(here, text, "b.hero")


@pytest.mark.parametrize(
    "path", ["../../secret.hero", "/etc/hostname", "../../../..", "../.git/config", "link.hero"]
)
def test_a_script_of_others_stays_in_its_clone(here: Here, ann: Author, path: str) -> None:
    (text,) = here.allow(f"{ann.url}/docs/a.hero")
    secret = here.coderoot / "localhost/acc/secret.hero"
    secret.write_text("!!play.echo content:secret")
    (text.path.parent / "link.hero").symlink_to(secret)
    with pytest.raises(NotAllowedError, match="lies outside of its clone"):
        beside(here, text, path)
