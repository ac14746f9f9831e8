"""Playbooks of others: what a refusal says can be copied into a cell, and looked at before."""

from __future__ import annotations

import re
import shlex

import pytest
from git_repos import ENVIRON, author

import hero_kernel as hero
from hero_kernel import default
from hero_kernel.commands.shell import main
from magics.allow import FILES


@pytest.fixture
def ann(tmp_path, monkeypatch):
    """An author of one script, and a notebook whose code root is in the test's folder."""
    for name, value in ENVIRON.items():
        if name != "PATH":
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("CODEROOT", str(tmp_path / "code"))
    one = author(tmp_path)
    one.push({"a.hero": "// first\n!!session.env_set key:BY val:ann\n!!play.echo content:'done'\n"})
    return one


@pytest.fixture
def include(ann):
    return f"!!play.include git_url:'{ann.url}'"


def refusal(cell) -> str:
    assert cell.ename == "RunError", cell.traceback
    return "\n".join(cell.traceback)


def rows(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_the_line_of_the_refusal_allows_it(notebook, include, session):
    said = refusal(notebook.run(include))
    assert "is not allowed to run" in said
    assert session.env_all() == {}
    line = re.search(r"%hero allow [0-9a-f]{16}(?= )", said)[0]
    answer = notebook.run(line).said
    assert "may run" in answer
    assert notebook.run(include).ok
    assert session.env_get("BY") == "ann"
    revoke = re.search(r"%hero revoke \w+", answer)[0]
    assert "may not run any more" in notebook.run(revoke).said
    refusal(notebook.run(include))
    assert "nothing called" in notebook.run(revoke).said


def test_the_terminal_s_line_of_the_refusal_allows_it_too(notebook, include, capsys):
    said = refusal(notebook.run(include))
    line = re.search(r"hero-kernel allow [0-9a-f]{16}", said)[0]
    assert main(shlex.split(line)[1:]) == 0
    assert "may run" in capsys.readouterr().out
    assert notebook.run(include).ok


def test_alone_it_shows_what_waits(notebook, include, ann):
    table = notebook.ask("%hero allow")
    assert "nothing was refused" in repr(table)
    refusal(notebook.run(include))
    (row,) = rows(notebook.ask("%hero allow"))
    commit = ann.git("rev-parse", "HEAD")
    assert row["from"] == f"{ann.url}@{commit[:12]}"
    assert row["file"].endswith("code/localhost/acc/repo/a.hero")
    assert row["begins with"].startswith("// first\n!!session.env_set key:BY val:ann\n")
    assert "may run" in notebook.run(row["to change it"]).said
    (row,) = rows(notebook.ask("%hero allow"))
    assert row[""] == "allowed"
    notebook.ask(row["to change it"])
    assert rows(notebook.ask("%hero allow")) == []


def test_first_lines_are_of_what_would_run_or_not_shown(notebook, include, ann, tmp_path):
    refusal(notebook.run(include))
    (tmp_path / "code/localhost/acc/repo/a.hero").write_text("!!play.echo content:harmless\n")
    (row,) = rows(notebook.ask("%hero allow"))
    assert "harmless" not in row["begins with"]
    assert "run the playbook again" in row["begins with"]


def test_many_files_are_counted(notebook, include, ann):
    ann.push({f"n{number:02}.hero": f"!!play.echo {number}" for number in range(FILES + 3)})
    refusal(notebook.run(include))
    table = notebook.ask("%hero allow")
    assert len(table.rows) == FILES + 1
    assert "… 4 more" in repr(table)


def test_an_address_allows_when_one_thing_of_it_was_refused(notebook, include, ann, session):
    refusal(notebook.run(include))
    notebook.ask(f"%hero allow {ann.url}")
    assert notebook.run(include).ok
    ann.push({"a.hero": "!!play.echo content:'two'\n"})
    again = f"{include} git_pull:true"
    assert "is not allowed" in refusal(notebook.run(again))
    ann.push({"a.hero": "!!play.echo content:'three'\n"})
    refusal(notebook.run(again))
    text = notebook.refused(f"%hero allow {ann.url}", "NotAllowedError")
    digests = re.findall(r"\[([0-9a-f]{16})\]", text)
    assert len(digests) == 2
    for digest in digests:
        notebook.ask(f"%hero allow {digest}")
    assert notebook.run(again).rows[-1]["message"] == "three"


def test_deny_and_undeny(notebook, include, ann):
    assert f"nothing of {ann.url} may run" in notebook.run(f"%hero deny {ann.url}").said
    said = refusal(notebook.run(include))
    assert "is denied" in said
    (row,) = rows(notebook.ask("%hero allow"))
    assert row[""] == "denied"
    assert "is not denied any more" in notebook.run(row["to change it"]).said
    assert "was not denied" in notebook.run(row["to change it"]).said
    said = refusal(notebook.run(include))
    assert "is not allowed to run" in said


def test_wrong_words(notebook):
    assert "nothing called" in notebook.refused("%hero allow 0123456789abcdef", "NotAllowedError")
    assert "usage: %hero deny ORIGIN" in notebook.refused("%hero deny")
    assert "usage: %hero revoke WHAT" in notebook.refused("%hero revoke")
    notebook.refused("%hero deny nonsense", "GitAddressError")
    notebook.refused("%hero allow non/sense", "GitAddressError")
    assert "did you mean allow?" in notebook.refused("%hero alow x")


def test_what_others_wrote_does_not_draw(notebook, include, ann):
    ann.push({"a.hero": "// <script>alert(1)</script>\x1b[31m\n!!play.echo content:x\n"})
    refusal(notebook.run(include))
    table = notebook.ask("%hero allow")
    assert "<script" not in table._repr_html_()
    assert "\x1b" not in repr(table)


class TestCommandLine:
    """In this process: `tests/test_command_line.py` starts real ones."""

    @pytest.fixture
    def terminal(self, ann, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("HERO_HOME", str(tmp_path / "hero"))
        monkeypatch.setenv("HERO_SESSION", "nightly")
        monkeypatch.delenv("HERO_REDIS_URL", raising=False)
        monkeypatch.setattr(default, "_workspace", None)

        def terminal(*words: str, status: int = 0) -> str:
            assert main(words) == status
            out, err = capsys.readouterr()
            return err if status else out

        return terminal

    def test_an_address_runs_once_allowed(self, terminal, ann):
        assert "nothing was refused" in terminal("allow")
        said = terminal("run", ann.url, status=2)
        assert "is not allowed to run" in said
        digest = re.search(r"hero-kernel allow (\w+)", said)[1]
        listed = terminal("allow")
        assert f"hero-kernel allow {digest}" in listed
        assert "code/localhost/acc/repo" in listed
        assert "may run" in terminal("allow", digest)
        assert "done" in terminal("run", ann.url)
        assert hero.session_get("nightly").env_get("BY") == "ann"
        assert "hero-kernel revoke" in terminal("allow")
        assert "may not run any more" in terminal("revoke", ann.url)
        assert "nothing called" in terminal("revoke", ann.url)
        terminal("run", ann.url, status=2)

    def test_denied(self, terminal, ann):
        assert ann.url in terminal("deny", ann.url)
        assert "is denied" in terminal("run", ann.url, status=2)
        assert f"hero-kernel undeny {ann.url}" in terminal("allow")
        assert "is not denied any more" in terminal("undeny", ann.url)
        assert "was not denied" in terminal("undeny", ann.url)

    def test_pull_and_branch(self, terminal, ann):
        terminal("run", ann.url, status=2)
        terminal("allow", ann.url)
        ann.push({"a.hero": "!!play.echo content:'second'\n"})
        assert "done" in terminal("run", ann.url)
        terminal("run", ann.url, "--pull", status=2)
        terminal("allow", ann.url)
        assert "second" in terminal("run", ann.url, "--pull")
        ann.push({"a.hero": "!!play.echo content:'third'\n"}, "other")
        terminal("run", ann.url, "--branch", "other", status=2)
        terminal("allow", ann.url)
        assert "third" in terminal("run", ann.url, "--branch", "other")

    def test_called_wrongly(self, terminal, ann, tmp_path):
        (tmp_path / "x.hero").write_text("!!play.echo")
        assert "are for git addresses" in terminal(
            "run", str(tmp_path / "x.hero"), "--pull", status=2
        )
        assert "not run from its address" in terminal("run", f"{ann.url}/a.ipynb", status=2)
        terminal("run", "https://user:pass@example.org/a/b", status=2)
        terminal("allow", "0123456789abcdef", status=2)
        terminal("run", f"file://{tmp_path}/none.git", status=1)
