"""`%hero_config` as a notebook uses it: what is written is read back, byte for byte."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

import pytest

import hero_kernel as hero
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "hunter2-s3cret"


@pytest.fixture
def home(notebook, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(notebook.folder))
    return notebook.folder


def test_a_cell_is_written_to_its_file(notebook, session, home):
    line = notebook.run("%%hero_config mail main\n    host: example.org\n    spool: ~/spool\n").said
    path = session.context.path / "mail__main.yaml"
    assert line == f"mail main is written to {path}"
    assert path.read_text() == f"host: example.org\nspool: {home}/spool"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert notebook.ask("%hero_config load mail main") == {
        "host": "example.org",
        "spool": f"{home}/spool",
    }


def test_raw_is_as_it_stands(notebook, session, home):
    body = "\tnot: 'yaml' \"at\" all\n\n  ~ {HOME} $HOME {x} $x\\n\r\n"
    notebook.shell.run_cell_magic("hero_config", "mail main --raw", body)
    assert session.context.config_files().path("mail", "main").read_bytes() == body.encode()
    assert notebook.ask("%hero_config get mail main") == body


def test_a_text_on_the_line_keeps_its_quotes(notebook, session):
    notebook.ask("""%hero_config set app main 'debug: "yes"'""")
    assert notebook.ask("%hero_config load app main") == {"debug": "yes"}
    text = notebook.refused('%hero_config set app main debug: "yes"')
    assert "quotes and blanks would be lost" in text
    assert "%%hero_config" in text
    assert notebook.ask("%hero_config load app main") == {"debug": "yes"}


def test_a_file_is_taken_over(notebook, session, home):
    (home / "my.yaml").write_text("a: 1\nb: ~/x\n")
    notebook.ask("%hero_config set app one -f my.yaml")
    assert notebook.ask("%hero_config load app one") == {"a": 1, "b": f"{home}/x"}
    notebook.ask("%hero_config set app two --file my.yaml --raw")
    assert notebook.ask("%hero_config get app two") == "a: 1\nb: ~/x\n"


def test_a_text_is_shown_as_it_is_and_is_a_text(notebook, session):
    notebook.ask("%%hero_config app main\na: 1\nb: \x1b[31m2\n")
    cell = notebook.run("x = %hero_config get app main")
    assert cell.printed == ""
    text = notebook.shell.user_ns["x"]
    assert isinstance(text, str)
    assert text == "a: 1\nb: \x1b[31m2"
    shown = notebook.shell.display_formatter.format(text)[0]
    assert shown == {"text/plain": "a: 1\nb: 2"}


def test_list_path_and_rm(notebook, session):
    assert "there is none yet" in repr(notebook.ask("%hero_config"))
    for name in ("mail main", "mail other", "app main"):
        notebook.ask(f"%hero_config set {name} 'a: 1'")
    table = notebook.ask("%hero_config list")
    assert [row[:2] for row in table.rows] == [("app", "main"), ("mail", "main"), ("mail", "other")]
    assert len(notebook.ask("%hero_config show mail").rows) == 2
    folder = session.context.path
    assert notebook.ask("%hero_config path") == str(folder)
    assert notebook.ask("%hero_config path app new") == str(folder / "app__new.yaml")
    assert table.rows[0][2] == str(folder / "app__main.yaml")
    notebook.ask("%hero_config rm mail main")
    text = notebook.refused("%hero_config rm mail man", "HeroConfigNotFoundError")
    assert "app main" in text
    assert len(notebook.ask("%hero_config").rows) == 2


def test_it_is_there_for_another_kernel(notebook):
    notebook.ask("%hero_config set app main 'a: 1'")
    other = hero.open_workspace(home=notebook.folder / "hero", default=False)
    assert other.context_get().hero_config_get("app", "main") == "a: 1"


class TestSeal:
    @pytest.fixture
    def sealed(self, notebook, session):
        hero.workspace().kdf_log2_n = 14
        session.context.secret_set("correct horse battery")
        return session.context

    def test_values_are_encrypted_in_place(self, notebook, sealed):
        text = f"smtp:\n  host: example.org # comment\n  password: {CANARY}\ntoken: {CANARY}\n"
        (notebook.folder / "mail.yaml").write_text(text)
        notebook.ask("%hero_config set mail main -f mail.yaml")
        said = notebook.run("%hero_config seal mail main smtp.password token").said
        assert said == "2 values of mail main encrypted"
        again = notebook.run("%hero_config seal mail main token smtp.password").said
        assert again == "0 values of mail main encrypted; 2 already"
        kept = notebook.ask("%hero_config get mail main")
        assert CANARY not in kept
        assert "host: example.org # comment" in kept
        data = notebook.ask("%hero_config load mail main")
        assert data["smtp"]["password"] == Secret(CANARY)
        assert CANARY not in repr(data)

    def test_a_path_that_is_not_there(self, notebook, sealed):
        notebook.ask("%hero_config set app main 'a: 1'")
        assert "b.c" in notebook.refused("%hero_config seal app main b.c", "ConfigError")

    def test_locked(self, notebook, sealed):
        notebook.ask("%hero_config set app main 'a: hidden'")
        notebook.ask("%hero_config seal app main a")
        sealed.secret_lock()
        assert "hero:v1:" in notebook.ask("%hero_config get app main")
        notebook.refused("%hero_config load app main", "SecretRequiredError")


@pytest.mark.parametrize(
    ("line", "ename", "said"),
    [
        ("get", "UsageError", "usage: %hero_config get CATEGORY NAME"),
        ("get app", "UsageError", "needs NAME"),
        ("get app mian", "HeroConfigNotFoundError", "did you mean app__main"),
        ("set app main", "UsageError", "CONTENT is missing"),
        ("set app main x -f y", "UsageError", "CONTENT and --file are given"),
        ("set app main -f missing.yaml", "SourceError", "missing.yaml cannot be read"),
        ("set app main -f bytes.yaml", "SourceError", "byte 3"),
        ("set ../up main x", "BadNameError", "../up"),
        ("set app ../../up x", "BadNameError", "../../up"),
        ("path app", "UsageError", "needs NAME too"),
        ("seal app main", "UsageError", "needs PATH"),
        ("load app bad", "CorruptConfigError", "bad"),
        ("shw", "UsageError", "did you mean show?"),
        ("get app main --rw", "UsageError", "has no option --rw"),
    ],
)
def test_a_wrong_line_is_told_shortly(notebook, line, ename, said):
    notebook.ask("%hero_config set app main 'a: 1'")
    notebook.ask("%hero_config set app bad 'a: [1'")
    (notebook.folder / "bytes.yaml").write_bytes(b"a: \xff")
    cell = notebook.run(f"%hero_config {line}")
    assert cell.ename == ename
    assert said in "\n".join(cell.traceback)
    assert len(cell.traceback) <= 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "needs CATEGORY, NAME"),
        ("app", "needs CATEGORY, NAME"),
        ("app main more", "does not understand more"),
        ("app main --rw", "has no option --rw"),
    ],
)
def test_a_wrong_cell_is_told_shortly(notebook, line, said):
    assert said in notebook.refused(f"%%hero_config {line}\na: 1\n")


def test_help(notebook):
    text = repr(notebook.ask("%hero_config -h"))
    for verb in ("show", "get", "load", "set", "seal", "rm", "path"):
        assert re.search(rf"^  %hero_config {verb}\b", text, re.MULTILINE), verb
    assert "--raw" in repr(notebook.ask("%%hero_config -h\n "))
