"""The actors git and gittools, and playbooks from repositories, as a notebook's cell runs them."""

from __future__ import annotations

import ast
import inspect
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from git_repos import ENVIRON, Author, author, fake_git
from git_repos import git as author_git

import hero_kernel
from hero_kernel import Playbook, fetched, git
from hero_kernel.playbook import parsed
from hero_kernel.report import Report, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms import Place

    from hero_kernel import Session, Workspace
    from hero_kernel.report import Result

    Play = Callable[..., Report]


@pytest.fixture(autouse=True)
def _environ(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OFFLINE", raising=False)


@pytest.fixture
def ws(local: Place) -> Workspace:
    return local.open()


@pytest.fixture
def session(ws: Workspace, tmp_path: Path) -> Session:
    return ws.session_new(ws.context_new("ctx", coderoot=tmp_path / "code"), "one")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Where the author's repository is cloned to."""
    return tmp_path / "code/localhost/acc/repo"


@pytest.fixture
def play(ws: Workspace, session: Session) -> Play:
    def play(text: str, **options: object) -> Report:
        return ws.play(text, session=session, **options)

    return play


@pytest.fixture
def allow(play: Play, session: Session) -> Play:
    """Play a text, and allow what is refused, as long as it can be."""

    def allow(text: str) -> Report:
        while True:
            report = play(text)
            failed = report.failed
            if not failed or failed[0].failure.kind != "NotAllowedError":
                return report
            hint = failed[0].failure.hint
            if "%hero allow" not in hint:
                return report
            fetched.allow(session.context.host.home, hint.split("%hero allow ")[1].split()[0])

    return allow


def one(report: Report) -> Result:
    (result,) = report.results
    return result


def said(report: Report) -> list[str]:
    return [r.message for r in report.results if r.action == "play.echo"]


def refusal(report: Report) -> str:
    (result,) = report.failed
    assert result.failure
    return f"{result.failure.message}; {result.failure.hint}"


# -- git.*


def test_clone_and_clone_again(play: Play, ann: Author, repo: Path) -> None:
    first, second = play(f"!!git.clone url:'{ann.url}'\n" * 2).results
    assert (first.status, second.status) == (Status.CHANGED, Status.OK)
    assert first.message == second.message == str(repo)
    result = one(play(f"!!git.clone url:'{ann.url}/tree/feature/x/docs/a.hero'"))
    assert (result.status, result.message) == (Status.CHANGED, f"{repo}/docs/a.hero")
    assert "feature" in (repo / "docs/a.hero").read_text()


def test_clone_shows_progress(ws: Workspace, session: Session, ann: Author) -> None:
    ann.push({f"f{n}": str(n) for n in range(50)})
    asked = []
    heard: list[tuple[str, float | None]] = []
    ws.actors.add("t.watch", lambda session: None)
    hear = session.__class__.progress

    def listening(self: Session, message: str, fraction: float | None = None) -> None:
        hear(self, message, fraction)
        where = asked[0]()
        heard.append((where.message, where.fraction))

    session.progress = listening.__get__(session)  # type: ignore[method-assign]
    report = ws.play(f"!!git.clone url:'{ann.url}'", session=session, watch=asked.append)
    assert report.ok
    assert any(message.startswith("receiving objects") for message, _ in heard)
    assert all(fraction is None or 0 <= fraction <= 1 for _, fraction in heard)


def test_clone_full_or_light(play: Play, ann: Author, repo: Path, tmp_path: Path) -> None:
    def count(path: Path) -> str:
        return author_git("rev-list", "--count", "HEAD", cwd=path)

    play(f"!!git.clone url:'{ann.url}'")
    assert count(repo) == "1"
    play(f"!!git.clone url:'{ann.url}' light:false coderoot:'{tmp_path}/other'")
    assert count(tmp_path / "other/localhost/acc/repo") == "2"
    play("!!git.define light:false")
    play(f"!!git.clone url:'{ann.url}/tree/feature/x' coderoot:'{tmp_path}/third'")
    assert count(tmp_path / "third/localhost/acc/repo") == "3"


def test_define(play: Play, session: Session, ann: Author, tmp_path: Path) -> None:
    text = f"!!git.define coderoot:'{tmp_path}/c' light:true offline:true log debug reload"
    assert [r.status for r in play(f"{text}\n{text}").results] == [Status.CHANGED, Status.OK]
    assert session.context.coderoot == tmp_path / "c"
    assert "network must not be touched" in refusal(play(f"!!git.clone url:'{ann.url}'"))
    play("!!git.define offline:false")
    assert play(f"!!git.clone url:'{ann.url}'").ok
    assert "there is no key" in refusal(play("!!git.define ssh_key_path:/no/key"))


def test_offline(play: Play, ann: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFLINE", "1")
    assert "network must not be touched" in refusal(play(f"!!git.clone url:'{ann.url}'"))
    monkeypatch.setenv("OFFLINE", "0")
    assert play(f"!!git.clone url:'{ann.url}'").ok


@pytest.mark.parametrize("recursive", [False, True])
def test_submodules(play: Play, ann: Author, repo: Path, tmp_path: Path, recursive: bool) -> None:
    inner = author(tmp_path, "inner")
    inner.push({"x": "y"})
    author_git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", inner.url,
               "inner", cwd=ann.work)  # fmt: skip
    ann.push({})
    assert play(f"!!git.clone url:'{ann.url}' recursive:{recursive}").ok
    assert (repo / "inner/x").exists() is recursive


def test_commit_push_and_pull(play: Play, ann: Author, repo: Path, tmp_path: Path) -> None:
    play(f"!!git.clone url:'{ann.url}'")
    assert one(play("!!git.repo_action action:commit name:repo message:'nothing'")).message == (
        "localhost/acc/repo: nothing to do"
    )
    (repo / "new.txt").write_text("new")
    report = play(
        "!!git.repo_action action:commit name:repo message:'--amend $(touch X)'\n"
        "!!git.repo_action action:push name:repo\n!!git.repo_action action:push name:repo"
    )
    assert [r.status.value for r in report.results] == ["changed", "changed", "ok"]
    assert author_git("log", "-1", "--format=%s", "main", cwd=ann.bare) == "--amend $(touch X)"
    ann.git("pull", "--quiet", "origin", "main")
    ann.push({"more.txt": "more"})
    report = play("!!git.repo_action action:pull filter:acc/re\n!!git.repo_action action:pull")
    assert [r.status.value for r in report.results] == ["changed", "ok"]
    assert (repo / "more.txt").exists()


def test_branches_and_tags(play: Play, ann: Author, repo: Path) -> None:
    play(f"!!git.clone url:'{ann.url}'")
    verbs = [
        ("branch_create", "branchname:dev"), ("branch_switch", "branchname:dev"),
        ("tag_create", "tagname:v2 message:'two'"), ("branch_switch", "branchname:feature/x"),
        ("tag_switch", "tagname:v1"), ("branch_switch", "branchname:main"),
    ]  # fmt: skip
    heads = []
    for verb, param in verbs:
        text = f"!!git.repo_action action:{verb} name:repo {param}"
        report = play(f"{text}\n{text}")
        assert [r.status.value for r in report.results] == ["changed", "ok"], refusal(report)
        heads.append(author_git("rev-parse", "--abbrev-ref", "HEAD", cwd=repo))
    assert heads == ["main", "dev", "dev", "feature/x", "HEAD", "main"]
    assert "no branchname is given" in refusal(play("!!git.repo_action action:branch_switch"))
    assert "v9" in refusal(play("!!git.repo_action action:tag_switch tagname:v9"))
    text = "!!git.repo_action action:branch_switch branchname:'--detach'"
    assert "cannot name" in refusal(play(text))
    text = "!!git.repo_action action:tag_create tagname:v1"
    assert "tag v1 is at" in refusal(play(text))


def test_reset(play: Play, ann: Author, repo: Path) -> None:
    play(f"!!git.clone url:'{ann.url}'")
    (repo / "docs/a.hero").write_text("mine")
    assert "uncommitted changes: docs/a.hero" in refusal(
        play("!!git.repo_action action:pull name:repo")
    )
    assert "every repository" in refusal(play("!!git.repo_action action:reset"))
    text = "!!git.repo_action action:reset name:repo"
    assert [r.status.value for r in play(f"{text}\n{text}").results] == ["changed", "ok"]
    assert "main" in (repo / "docs/a.hero").read_text()


def test_delete_loses_nothing(play: Play, ann: Author, repo: Path) -> None:
    play(f"!!git.clone url:'{ann.url}'")
    delete = "!!git.repo_action action:delete name:repo"
    (repo / "new.txt").write_text("mine")
    assert "uncommitted changes: new.txt" in refusal(play(delete))
    play("!!git.repo_action action:commit name:repo message:mine")
    assert "1 commit on no branch of the origin's" in refusal(play(delete))
    assert "every repository" in refusal(play("!!git.repo_action action:delete"))
    play("!!git.repo_action action:push name:repo")
    assert one(play(delete)).status is Status.CHANGED
    assert not repo.exists()
    assert "no repository below" in refusal(play(delete))
    assert one(play(f"{delete} error_ignore")).status is Status.SKIPPED


def test_delete_does_not_leave_the_code_root(play: Play, ann: Author, tmp_path: Path) -> None:
    outside = tmp_path / "mine/acc/repo"
    author_git("clone", "--quiet", str(ann.bare), str(outside), cwd=tmp_path)
    (tmp_path / "code").mkdir()
    (tmp_path / "code/localhost").symlink_to(tmp_path / "mine")
    assert "no repository below" in refusal(play("!!git.repo_action action:delete name:repo"))
    assert outside.exists()


def test_one_fault_among_many(play: Play, ann: Author, tmp_path: Path) -> None:
    other = author(tmp_path, "other")
    other.push({"x": "y"})
    play(f"!!git.clone url:'{ann.url}'\n!!git.clone url:'{other.url}'")
    (tmp_path / "code/localhost/acc/other/x").write_text("mine")
    ann.push({"z": "z"})
    text = "!!git.repo_action action:pull account:acc"
    assert "localhost/acc/other: " in refusal(play(text))
    lines = one(play(f"{text} error_ignore")).message.splitlines()
    assert lines[0].startswith("localhost/acc/other: failed: ")
    assert " → " in lines[1]


def test_list(play: Play, ann: Author, repo: Path, tmp_path: Path) -> None:
    assert one(play("!!git.list")).message == "0 repositories"
    play(f"!!git.clone url:'{ann.url}' light:false")
    (repo / "new.txt").write_text("mine")
    ann.push({"z": "z"})
    assert one(play("!!git.list")).message.splitlines() == [
        "1 repository", "localhost/acc/repo: main, 1 changed",
    ]  # fmt: skip
    for text in ("!!git.list status_update", "!!gittools.list"):
        assert one(play(text)).message.endswith("main, 1 changed, 1 to pull")
    for param in ("name:rep", "account:ac", "provider:github", "filter:nothing"):
        assert one(play(f"!!git.list {param}")).message == "0 repositories"
    for param in ("name:REPO", "account:acc", "provider:localhost", "filter:cc/re"):
        assert one(play(f"!!git.list {param}")).message.startswith("1 repository")
    for text in ("!!git.reload_cache", "!!gittools.reload"):
        assert one(play(text)).message == f"1 repository in {tmp_path}/code"


def test_a_bare_repository_below_the_code_root_is_no_working_copy(
    play: Play, ann: Author, repo: Path
) -> None:
    author_git("clone", "--quiet", "--bare", str(ann.bare), str(repo), cwd=ann.work)
    assert one(play("!!git.list")).message == "0 repositories"


def test_lfs(play: Play, ann: Author) -> None:
    play(f"!!git.clone url:'{ann.url}'")
    assert play("!!git.check\n!!git.lfs").ok
    ann.push({".gitattributes": "*.bin filter=lfs\n", "a.bin": "x"})
    play("!!git.repo_action action:pull name:repo")
    assert "Git LFS keeps 1 file of it; !!git.lfs sets it up" in refusal(play("!!git.check"))
    assert "failed: Git LFS keeps" in one(play("!!git.check error_ignore")).message


def test_no_git(play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = "!!git.clone url:'https://github.com/acc/repo'"
    assert refusal(play(text)) == "git is not installed; apt install git"


# -- gittools.*


def test_gittools(play: Play, ann: Author, repo: Path) -> None:
    url, named = f"url:'{ann.url}'", "repo:repo account:acc provider:localhost"
    report = play(f"!!gittools.clone {url}\n!!gittools.clone {url}\n!!gittools.pull {named}")
    assert [r.status.value for r in report.results] == ["changed", "ok", "ok"]
    ann.push({"z": "z"})
    assert one(play(f"!!gittools.pull {url}")).status is Status.CHANGED
    (repo / "new.txt").write_text("new")
    report = play(
        f"!!gittools.commit {named} message:'more'\n!!gittools.push {url} script\n"
        "!!gittools.push filter:acc message:none"
    )
    assert [r.status.value for r in report.results] == ["changed", "changed", "ok"]
    assert author_git("show", "main:new.txt", cwd=ann.bare) == "new"
    for verb in ("cd", "edit", "sourcetree"):
        assert one(play(f"!!gittools.{verb} {url}")).message == str(repo)
    (repo / "new.txt").write_text("mine")
    assert "uncommitted" in refusal(play(f"!!gittools.delete {url}"))
    assert play(f"!!gittools.pull {named} reset").ok
    report = play(f"!!gittools.delete {url}\n!!gittools.delete {url}")
    assert [r.status.value for r in report.results] == ["changed", "skipped"]
    assert not repo.exists()


@pytest.mark.parametrize("verb", ["clone", "pull", "push", "delete", "cd", "edit"])
def test_gittools_needs_to_know_which(play: Play, verb: str) -> None:
    assert "no repository is named" in refusal(play(f"!!gittools.{verb}"))


def test_gittools_of_a_name_goes_to_its_host(
    play: Play, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = fake_git(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    play("!!gittools.pull repo:'repo' account:'acc' provider:'github'")
    assert "-- https://github.com/acc/repo " in calls.read_text()


# -- no value is a command


EVIL = ["$(touch {0}); `touch {0}`; touch {0} | touch {0}", "--upload-pack=touch {0};true",
        "ssh://-oProxyCommand=touch {0}/a/b", "ext::sh -c touch% {0}"]  # fmt: skip


def test_no_value_is_a_command(
    ws: Workspace, play: Play, ann: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    play(f"!!git.clone url:'{ann.url}'")
    marker = tmp_path / "pwned"
    names = [n for n in ws.actors.names() if n.split(".")[0] in ("git", "gittools", "play")]
    for name in names:
        handler = ws.actors.find(name)
        assert handler
        texts = {
            key: parameter.kind
            for key, parameter in handler.accepts.parameters.items()
            if parameter.kind in ("text", "path")
        }
        fixed = " action:pull" if name == "git.repo_action" else ""
        for key, evil in itertools.product(texts, EVIL):
            other = "" if key == "url" or "url" not in texts else f" url:'{ann.url}'"
            more = "" if key == "message" or "message" not in texts else " message:m"
            play(f"!!{name}{fixed} {key}:'{evil.format(marker)}'{other}{more}", dry_run=False)
            assert not marker.exists(), (name, key, evil)


def test_no_shell_is_started_anywhere() -> None:
    root = Path(inspect.getfile(hero_kernel)).parent
    bad = {"system", "popen", "getoutput", "getstatusoutput", "eval", "exec"}
    for path in [*(root / "git").glob("*.py"), *(root / "actors").rglob("*.py"),
                 root / "fetched.py", root / "allowed.py"]:  # fmt: skip
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                assert name not in bad, f"{path}:{node.lineno}"
                assert not any(k.arg == "shell" for k in node.keywords), f"{path}:{node.lineno}"


# -- play.include and play.run


@pytest.mark.parametrize("verb", ["include", "run"])
@pytest.mark.parametrize("key", ["git_url", "url"])
def test_a_playbook_from_a_repository(
    play: Play, allow: Play, ann: Author, verb: str, key: str
) -> None:
    text = f"!!play.{verb} {key}:'{ann.url}/tree/feature/x/docs'\n!!play.echo content:end"
    report = play(text)
    assert "is not allowed to run" in refusal(report)
    assert said(report) == [""]
    assert said(allow(text)) == ["feature", "end"]


def test_pull_reset_branch_path_and_replace(allow: Play, ann: Author, repo: Path) -> None:
    include = f"!!play.include git_url:'{ann.url}' path:docs/a.hero"
    assert said(allow(include)) == ["main"]
    ann.push({"docs/a.hero": "!!play.echo content:'@WHO'"})
    assert said(allow(include)) == ["main"]
    assert said(allow(f"{include} git_pull:true replace:'WHO:you'")) == ["you"]
    (repo / "docs/a.hero").write_text("!!play.echo content:mine")
    assert said(allow(include)) == ["mine"]
    assert "uncommitted" in refusal(allow(f"{include} git_pull"))
    assert said(allow(f"{include} git_reset")) == ["@WHO"]
    assert said(allow(f"{include} git_branch:v1")) == ["one"]


def test_a_dry_run_fetches_nothing(play: Play, ann: Author, repo: Path) -> None:
    report = play(f"!!play.include git_url:'{ann.url}' git_reset", dry_run=True)
    assert one(report).status is Status.PENDING
    assert not repo.exists()


def test_give_one_of_them(play: Play, ann: Author) -> None:
    assert "nothing to bring in" in refusal(play("!!play.include"))
    assert "differ" in refusal(play("!!play.include git_url:'x.y/a/b' url:'x.y/a/c'"))


@pytest.mark.parametrize(
    "alias", ["{0}", "{0}/", "{0}#anchor", "file://localhost{1}", "{0}/src/branch/main/docs/a.hero"]
)
def test_an_alias_is_the_same_file(allow: Play, ann: Author, alias: str) -> None:
    ann.push({"docs/b.hero": ""})
    url = alias.format(ann.url, ann.bare)
    path = "" if "docs" in alias else "path:docs/a.hero"
    report = allow(f"!!play.include url:'{ann.url}/docs/a.hero'\n!!play.include url:'{url}' {path}")
    assert said(report) == ["main"]
    assert report.results[-1].message == "already included"


def test_a_circle_across_repositories_is_shown(allow: Play, tmp_path: Path, ann: Author) -> None:
    other = author(tmp_path, "other")
    # the one knows the other by an address, and file:// is not for scripts of others:
    # so the circle goes by the clones' own files
    other.push({"b.hero": "!!play.run path:c.hero", "c.hero": "!!play.run path:b.hero"})
    report = allow(f"!!play.run url:'{other.url}/b.hero'")
    commit = other.git("rev-parse", "HEAD")[:12]
    label = f"{other.url}@{commit}"
    assert f"{label}:b.hero → {label}:c.hero → {label}:b.hero" in refusal(report)


def test_a_circle_through_addresses_is_shown(
    ws: Workspace, allow: Play, ann: Author, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https addresses, which the user's own git configuration sends to this disk."""
    other = author(tmp_path, "other")
    config = tmp_path / "config"
    config.write_text(f'[url "{tmp_path}/srv/"]\n insteadOf = https://git.example.org/\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setattr("hero_kernel.git.clones.protocols_of", lambda _: "file")
    there = "https://git.example.org/acc"
    ann.push({"a.hero": f"!!play.run url:'{there}/other.git/b.hero'"})
    other.push({"b.hero": "!!play.run git_url:'https://GIT.example.org/acc/repo.git/a.hero'"})
    report = allow(f"!!play.run url:'{there}/repo.git/a.hero'")
    a = f"{there}/repo@{ann.git('rev-parse', 'HEAD')[:12]}:a.hero"
    b = f"{there}/other@{other.git('rev-parse', 'HEAD')[:12]}:b.hero"
    assert f"{a} → {b} → {a}" in refusal(report)


@pytest.mark.parametrize(
    "action",
    [
        "!!play.include path:../../../../../secret.hero",
        "!!play.include path:'{tmp}/secret.hero'",
        "!!play.run path:'{tmp}'",
        "!!play.include git_url:'file://{tmp}/srv/acc/repo.git'",
        "!!play.include git_url:'{tmp}/srv/acc/repo.git'",
        "!!git.clone url:'file://{tmp}/srv/acc/repo.git'",
        "!!git.clone url:'https://github.com/a/b' coderoot:'{tmp}/home'",
        "!!gittools.clone url:'file://{tmp}/srv/acc/repo.git'",
    ],
)
def test_a_script_of_others_stays_inside(
    allow: Play, ann: Author, tmp_path: Path, action: str
) -> None:
    (tmp_path / "secret.hero").write_text("!!play.echo content:secret")
    ann.push({"a.hero": "!!play.include path:b.hero\n", "b.hero": action.format(tmp=tmp_path)})
    report = allow(f"!!play.include url:'{ann.url}/a.hero'")
    assert [r.status.value for r in report.results] == ["ok", "ok", "failed"]


def test_a_link_in_a_repository_of_others_is_a_text(
    allow: Play, ann: Author, tmp_path: Path
) -> None:
    (tmp_path / "secret.hero").write_text("!!play.echo content:secret")
    (ann.work / "link.hero").symlink_to(tmp_path / "secret.hero")
    ann.push({"a.hero": "!!play.include path:link.hero"})
    report = allow(f"!!play.include url:'{ann.url}/a.hero'")
    assert [r.message for r in report.results] == [
        "1 action from a.hero", "0 actions from link.hero",
    ]  # fmt: skip


def test_a_script_of_others_that_is_queued_stays_inside_too(
    ws: Workspace, session: Session, ann: Author, tmp_path: Path
) -> None:
    (tmp_path / "secret.hero").write_text("!!play.echo content:secret")
    ann.push({"a.hero": f"!!play.include path:'{tmp_path}/secret.hero'"})
    given = {"home": ws.home, "coderoot": session.context.coderoot, "local": True}
    with pytest.raises(hero_kernel.HeroError):
        fetched.fetch(ann.url, path="a.hero", using=git.Git(ENVIRON), **given)
    fetched.allow(ws.home, ann.url)
    texts = fetched.fetch(ann.url, path="a.hero", using=git.Git(ENVIRON), **given)
    (action,) = parsed(texts[0])
    assert action.source.origin == texts[0].origin  # type: ignore[union-attr]
    session.plbook.add(texts=texts)
    assert "lies outside of its clone" in refusal(session.run())
    own = Playbook.from_text(f"!!play.include path:'{tmp_path}/secret.hero'")  # control
    assert ws.run(session, own).ok
