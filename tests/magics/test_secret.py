"""`%hero_secret`, and secrets in `%hero_env` and `%hero_param`: asked for, kept, never shown."""

from __future__ import annotations

import os
import pickle
import select
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from time import sleep
from typing import TYPE_CHECKING

import pytest
from keyboards import Keyboard

import hero_kernel as hero
from hero_kernel import front_end
from hero_kernel.secret import MASK, Secret
from magics.secret import VERBS, in_cell, on_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PASS = "correct horse battery"
OTHER = "another long passphrase"
CANARY = "canary-8d1f-value"
LEGACY = "06c219e5bc8378f3a8a3f83b4b7e4649"
"""The MD5 of `mysecret`, as herolib keeps it."""


@pytest.fixture
def keyboard(notebook) -> Keyboard:
    notebook.ask("%hero")
    one = Keyboard()
    workspace = hero.workspace()
    workspace.kdf_log2_n = 14
    workspace.prompt = one.ask
    return one


@pytest.fixture
def type_(notebook, keyboard) -> Callable[..., str]:
    """Run a line that must go well, and type the answers; what it said."""

    def run(line: str, *answers: str) -> str:
        keyboard.answers, keyboard.questions = list(answers), []
        said = repr(notebook.ask(line))
        assert not keyboard.answers, "it asked less"
        for one in answers:
            assert one not in said
        return said

    return run


@pytest.fixture
def secrets(notebook, type_):
    """The context's, which has a secret and is unlocked."""
    type_("%hero_secret new", PASS, PASS)
    return hero.context_get().secrets


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


class TestTheContextsOwn:
    def test_none_at_first(self, type_):
        assert "%hero_secret new" in type_("%hero_secret")
        assert "locked" not in type_("%hero")

    def test_new_asks_twice_and_shows_all_but_the_secret(self, type_, keyboard):
        said = type_("%hero_secret new", PASS, PASS)
        assert said.startswith("context 0:default has a secret, and is unlocked")
        assert len(keyboard.questions) == 2
        shown = type_("%hero_secret")
        info = hero.context_get().secrets.info
        for word in ("unlocked", "what is marked as a secret", "just now", info.kdf, info.kid):
            assert word in shown
        assert ", unlocked" in type_("%hero")
        keyring = (hero.workspace().home / "db" / "0" / "keyring.json").read_text()
        assert '"verifier"' in keyring
        for field in ("id", "verifier", "mac"):  # nor any of what guesses could be tried on
            value = keyring.partition(f'"{field}": "')[2].partition('"')[0]
            assert len(value) >= 32
            assert value not in shown

    def test_new_refuses_what_differs_or_is_nothing(self, notebook, keyboard, type_):
        keyboard.answers = [PASS, OTHER]
        assert "not the same" in notebook.refused("%hero_secret new", "SecretError")
        keyboard.answers = ["", ""]
        assert "no secret" in notebook.refused("%hero_secret new", "SecretError")
        assert "none" in type_("%hero_secret")

    def test_new_a_second_time_asks_nothing(self, notebook, secrets, keyboard):
        keyboard.questions.clear()
        assert "rotate" in notebook.refused("%hero_secret new", "SecretError")
        assert keyboard.questions == []

    def test_a_short_one_is_told(self, type_):
        assert "fewer than 12" in type_("%hero_secret new", "short1", "short1")

    def test_new_from_a_file(self, notebook, type_, keyboard):
        file = private(notebook.folder / "pass", f"{PASS}\n")
        file.chmod(0o644)
        assert "chmod 600" in notebook.refused(
            f"%hero_secret new --file {file}", "UnsafePermissionsError"
        )
        file.chmod(0o600)
        assert "every value" in type_(f"%hero_secret new --file {file} --encrypt")
        assert keyboard.questions == []
        assert hero.context_get().encrypt
        type_("%hero_secret lock")
        type_(f"%hero_secret unlock --file {file}")

    def test_generate(self, notebook, type_, monkeypatch):
        file = notebook.folder / "made"
        said = type_(f"%hero_secret new --generate {file}")
        made = file.read_text().strip()
        assert len(made) == 34
        assert made not in said
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        type_("%hero_secret lock")
        monkeypatch.setenv("HERO_SECRET_FILE", str(file))
        type_("%hero_secret unlock")

    def test_generate_overwrites_nothing(self, notebook, type_):
        file = private(notebook.folder / "there", "precious")
        link = notebook.folder / "link"
        link.symlink_to(notebook.folder / "elsewhere")
        for path in (file, link):
            assert "is there already" in notebook.refused(
                f"%hero_secret new --generate {path}", "StoreError"
            )
        assert file.read_text() == "precious"
        assert not (notebook.folder / "elsewhere").exists()
        assert "none" in type_("%hero_secret")

    def test_lock_unlock_check(self, notebook, secrets, type_, keyboard):
        type_("%hero_secret lock")
        assert "locked" in type_("%hero_secret")
        assert ", locked" in type_("%hero")
        assert "is unlocked in" in type_("%hero_secret unlock", "wrong one", PASS)
        assert "already" in type_("%hero_secret unlock")
        assert "that is the secret" in type_("%hero_secret check", f"  {PASS} ")
        keyboard.answers = ["wrong two"]
        notebook.refused("%hero_secret check", "WrongSecretError")
        type_("%hero_secret lock")
        keyboard.answers = ["wrong three"] * 3
        text = notebook.refused("%hero_secret unlock", "WrongSecretError")
        assert "3 of 5 tries" in text
        assert secrets.is_locked

    def test_showing_asks_nothing_while_it_is_locked(self, notebook, secrets, type_, keyboard):
        type_("%hero_secret set TOKEN", CANARY)
        type_("%hero_env set --secret E", CANARY)
        type_("%hero_param set --secret p", CANARY)
        type_("%hero_secret lock")
        for line in (
            "%hero", "%hero --why", "%hero_context", "%hero_session", "%hero_env", "%hero_param",
            "%hero_secret", "%hero_secret list", "%hero_log", "%hero_param --shared",
        ):  # fmt: skip
            assert CANARY not in type_(line)
        assert keyboard.questions == []

    def test_rotate(self, notebook, secrets, type_, keyboard):
        type_("%hero_secret set TOKEN", CANARY)
        before = secrets.info
        said = type_("%hero_secret rotate", PASS)
        assert "1 value encrypted anew, 1 old key dropped" in said
        assert "change the credentials" in said
        assert secrets.info.kid != before.kid
        type_("%hero_secret rotate --new", PASS, OTHER, OTHER)
        assert notebook.ask("%hero_secret get TOKEN").reveal() == CANARY
        assert secrets.check(OTHER)
        kid = secrets.info.kid
        type_("%hero_secret rotate --new --rewrap", OTHER, PASS, PASS)
        assert secrets.info.kid == kid
        assert secrets.check(PASS)
        notebook.refused("%hero_secret rotate --rewrap")
        assert "0 values" in type_("%hero_secret resume")

    def test_rotate_asks_for_no_new_one_before_the_old_is_right(self, notebook, secrets, keyboard):
        keyboard.questions, keyboard.answers = [], ["wrong"]
        notebook.refused("%hero_secret rotate --new", "WrongSecretError")
        assert len(keyboard.questions) == 1

    def test_rotate_by_files_where_nobody_sits(
        self, notebook, secrets, type_, keyboard, monkeypatch
    ):
        old = private(notebook.folder / "old", PASS)
        new = private(notebook.folder / "new", OTHER)
        monkeypatch.setenv("HERO_SECRET_FILE", str(old))
        said = type_(f"%hero_secret rotate --old-file {old} --new-file {new}")
        assert "HERO_SECRET_FILE still hands over the old one" in said
        assert secrets.check(OTHER)
        monkeypatch.delenv("HERO_SECRET_FILE")
        keyboard.questions.clear()
        text = notebook.refused("%hero_secret rotate", "SecretRequiredError")
        assert "HERO_SECRET_FILE" in text

    def test_what_was_interrupted_is_told_and_resumed(self, secrets, type_, monkeypatch):
        type_("%hero_secret set TOKEN", CANARY)
        with monkeypatch.context() as broken:
            broken.setattr(type(secrets), "resume", lambda _: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                secrets.rotate(old=PASS)
        hero.workspace().prompt = None  # nobody is asked for what follows
        assert "%hero_secret resume" in type_("%hero_secret")
        assert "1 value encrypted anew, 1 old key dropped" in type_("%hero_secret resume")
        assert "resume" not in type_("%hero_secret")

    def test_encrypt_on_and_off(self, secrets, type_):
        type_("%hero_env set PLAIN=find-me")
        type_("%hero_secret encrypt on")
        store = hero.workspace().store
        texts = [store.get(0, key) or "" for key in store.scan(0)]
        assert not any("find-me" in text for text in texts)
        assert "encrypted" in type_("%hero_env")
        assert "find-me" in type_("%hero_env get PLAIN")
        type_("%hero_secret encrypt off")
        assert "encrypted" not in type_("%hero_env")

    def test_upgrade(self, notebook, secrets, type_):
        assert "already" in type_("%hero_secret upgrade", PASS)
        hero.workspace().kdf_log2_n = 15
        hero.workspace()._secrets.clear()  # as in another kernel
        assert "protected by today's scrypt" in type_("%hero_secret upgrade", PASS)
        assert hero.context_get().secrets.check(PASS)

    def test_import_of_herolibs(self, notebook, type_):
        context = hero.context_get()
        context.mirror(secret=LEGACY, encrypt=False)
        assert "herolib" in type_("%hero_secret")
        assert "%hero_secret import" in notebook.refused("%hero_secret new", "SecretRequiredError")
        assert "%hero_secret import" in notebook.refused(
            "%hero_secret set TOKEN", "SecretRequiredError"
        )
        said = type_("%hero_secret import --new", "mysecret", OTHER, OTHER)
        assert "could be used" not in said
        assert context.secrets.check(OTHER)
        assert "nothing to do" in notebook.refused("%hero_secret import", "SecretError")

    def test_import_that_keeps_the_secret_says_what_is_wrong_with_that(self, notebook, type_):
        hero.context_get().mirror(secret=LEGACY, encrypt=False)
        assert "rotate --new" in type_("%hero_secret import", "mysecret")

    def test_restore(self, notebook, secrets, type_):
        type_("%hero_secret set TOKEN", CANARY)
        notebook.refused("%hero_secret restore --yes", "SecretError")
        file = hero.workspace().home / "db" / "0" / "keyring.json"
        file.write_bytes(file.read_bytes()[:-40])
        hero.workspace()._secrets.clear()
        assert "%hero_secret restore --yes" in notebook.refused(
            "%hero_secret", "KeyringTamperedError"
        )
        notebook.ask("%hero")  # what is plain can be used all the same
        assert "cannot be undone" in notebook.refused("%hero_secret restore")
        type_("%hero_secret restore --yes")
        type_("%hero_secret unlock", PASS)
        assert notebook.ask("%hero_secret get TOKEN").reveal() == CANARY


class TestNamed:
    def test_set_get_unset(self, notebook, secrets, type_, keyboard):
        assert "TOKEN is kept" in type_("%hero_secret set TOKEN", CANARY)
        assert keyboard.questions == ["Value of TOKEN: "]
        notebook.ask("token = %hero_secret get TOKEN")
        token = notebook.shell.user_ns["token"]
        assert token == Secret(CANARY)
        assert repr(notebook.ask("token")) == f"Secret({MASK})"
        with pytest.raises(TypeError):
            pickle.dumps(token)
        assert "TOKEN" in type_("%hero_secret list")
        assert "did you mean TOKEN?" in notebook.refused("%hero_secret get TOKN", "DBKeyError")
        assert "did you mean TOKEN?" in notebook.refused(
            "%hero_secret unset TOKEN TOKN", "DBKeyError"
        )
        assert secrets.names() == ["TOKEN"]
        type_("%hero_secret unset TOKEN")
        assert "set NAME" in type_("%hero_secret list")

    def test_set_from_a_file_and_from_the_environment(self, notebook, secrets, type_, monkeypatch):
        file = private(notebook.folder / "key", "line one\nline two\n")
        type_(f"%hero_secret set PEM --file {file}")
        assert secrets.get("PEM").reveal() == "line one\nline two"
        monkeypatch.setenv("CI_TOKEN", CANARY)
        type_("%hero_secret set TOKEN --env CI_TOKEN")
        assert secrets.get("TOKEN").reveal() == CANARY
        notebook.refused("%hero_secret set TOKEN --env NOT_SET")
        notebook.refused(f"%hero_secret set TOKEN --env CI_TOKEN --file {file}")

    def test_get_while_it_is_locked_asks_for_the_contexts_secret(self, secrets, type_, keyboard):
        type_("%hero_secret set TOKEN", CANARY)
        type_("%hero_secret lock")
        assert MASK in type_("%hero_secret get TOKEN", PASS)
        type_("%hero_secret lock")
        type_("%hero_secret set OTHER", PASS, CANARY)
        assert keyboard.questions == ["Secret of context default: ", "Value of OTHER: "]

    def test_the_environment_comes_first(self, notebook, secrets, type_, keyboard, monkeypatch):
        type_("%hero_secret set my-token", "kept value")
        type_("%hero_secret lock")
        monkeypatch.setenv("HERO_SECRET_MY_TOKEN", CANARY)
        assert notebook.ask("%hero_secret get my-token").reveal() == CANARY
        assert "HERO_SECRET_MY_TOKEN" in type_("%hero_secret list")

    def test_a_name_that_could_not_be_read_again_is_refused_before_asking(
        self, notebook, secrets, keyboard
    ):
        keyboard.questions.clear()
        for name in ("file", "FD", "clé", "''"):
            notebook.refused(f"%hero_secret set {name}", "BadNameError")
        assert keyboard.questions == []

    def test_nothing_is_asked_without_a_context_that_has_a_secret(self, notebook, keyboard):
        for line in (
            "set TOKEN", "unlock", "lock", "check", "rotate", "resume", "upgrade", "encrypt on",
        ):  # fmt: skip
            text = notebook.refused(f"%hero_secret {line}", "SecretRequiredError")
            assert "%hero_secret new" in text
        for line in ("%hero_env set --secret E", "%hero_param set --secret p"):
            assert "%hero_secret new" in notebook.refused(line, "SecretRequiredError")
        assert keyboard.questions == []


def test_s20_without_a_reader_every_question_is_one_clear_error(notebook, secrets, type_, keyboard):
    type_("%hero_secret set TOKEN", CANARY)
    for line, hint in (
        ("%hero_secret set OTHER", "HERO_SECRET_OTHER"),
        ("%hero_secret rotate", "HERO_SECRET_FILE"),
        ("%hero_secret check", "HERO_SECRET_FILE"),
        ("%hero_env set --secret E", "%hero_env load FILE --secret"),
        ("%hero_param set --secret p", "params_set"),
    ):
        assert hint in notebook.refused(line, "SecretRequiredError")
    type_("%hero_secret lock")
    for line in ("%hero_secret unlock", "%hero_secret get TOKEN", "%hero_secret set OTHER"):
        assert "HERO_SECRET_FILE" in notebook.refused(line, "SecretRequiredError")
    notebook.ask("%hero_session set interactive=no")
    keyboard.questions.clear()
    text = notebook.refused("%hero_secret unlock", "SecretRequiredError")
    assert "asks no questions" in text
    assert keyboard.questions == []


@pytest.mark.parametrize("by", ["file", "value", "descriptor"])
def test_s20_the_environment_unlocks(notebook, type_, keyboard, monkeypatch, by):
    type_("%hero_secret new", PASS, PASS)
    type_("%hero_secret set TOKEN", CANARY)
    type_("%hero_secret lock")
    file = private(notebook.folder / "pass", f"{PASS}\n")
    if by == "descriptor":
        monkeypatch.setenv("HERO_SECRET_FD", str(os.open(file, os.O_RDONLY)))
    elif by == "file":
        monkeypatch.setenv("HERO_SECRET_FILE", str(file))
    else:
        monkeypatch.setenv("HERO_SECRET", PASS)
    keyboard.questions.clear()
    assert notebook.ask("%hero_secret get TOKEN").reveal() == CANARY
    assert keyboard.questions == []


LITERALS = [
    f"%hero_secret set TOKEN {CANARY}",
    f"%hero_secret set TOKEN={CANARY}",
    f"%hero_secret set TOKEN:{CANARY}",
    f"%hero_secret set TOKEN = {CANARY}",
    f"%hero_secret set TOKEN --value {CANARY}",
    f"%hero_secret set TOKEN --value={CANARY}",
    f"%hero_secret set TOKEN --env HOME {CANARY}",
    f"%hero_secret set TOKEN '{CANARY}",
    f"%hero_secret st TOKEN {CANARY}",
    f"%hero_secret TOKEN={CANARY}",
    f"%hero_secret TOKEN {CANARY}",
    f"%hero_secret new {CANARY}",
    f"%hero_secret unlock {CANARY}",
    f"%hero_secret check {CANARY}",
    f"%hero_secret rotate {CANARY} --new",
    f"%hero_secret get TOKEN={CANARY}",
    f"%hero_env set --secret TOKEN={CANARY}",
    f"%hero_env set TOKEN={CANARY} --secret",
    f"%hero_param set --secret token:{CANARY}",
    f"hero_secret set TOKEN {CANARY}",
    f"x = %hero_secret set TOKEN {CANARY}",
    f"if True:\n    %hero_secret set TOKEN {CANARY}",
]


def kept_cells(notebook) -> str:
    notebook.shell.history_manager.writeout_cache()
    with sqlite3.connect(notebook.shell.history_manager.hist_file) as db:
        rows = str(list(db.execute("SELECT source, source_raw FROM history")))
    db.close()
    return rows


@pytest.mark.parametrize("line", LITERALS)
def test_s5_a_secret_on_the_line_is_refused_and_masked(notebook, keyboard, line):
    keyboard.questions.clear()
    text = notebook.refused(line)
    assert "is not written on a line" in text
    assert CANARY not in text
    assert keyboard.questions == []
    assert not hero.context_get().secrets.is_set
    assert hero.context_get().secrets.names() == []
    assert hero.workspace().redactor.mask(CANARY) == MASK
    assert notebook.run(f"print('{CANARY[:6]}' + '{CANARY[6:]}')").printed == f"{MASK}\n"
    cells = kept_cells(notebook)
    assert CANARY not in cells  # S4: masked before the cell was put into the history
    assert "print" in cells


def test_s5_control_a_plain_magic_keeps_what_is_on_its_line(notebook):
    notebook.ask(f"%hero_env set TOKEN={CANARY}")
    assert CANARY in kept_cells(notebook)


@pytest.mark.parametrize(
    "line",
    [
        "", "show", "list", "new --file some/path", "new --generat some/path --encrypt",
        "set TOKEN", "set TOKEN --file x=y", "set TOKEN --env VARIABLE", "get TOKEN",
        "unset ONE TWO", "encrypt on", "unlock --file=some/path", "-h", "lst", "set -h TOKEN x",
        "rotate --old-file a --new-file b --rewrap",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_not_taken_for_one(line):
    assert on_line("hero_secret", line) == []


def test_secrets_are_found_on_the_lines_of_a_cell():
    cell = "a = 1\n%hero_env set A=plain\n%hero_env set --secret B=one\n%hero_secret set C two\n"
    assert in_cell(cell) == ["one", "two"]
    assert in_cell("%hero_db set key three --secret\nhero_secret\nx = %hero_param set p:q") == [
        "three"
    ]


class TestEnv:
    def test_set_shown_get(self, notebook, secrets, type_, session):
        type_("%hero_env set PLAIN=one")
        assert "state" not in type_("%hero_env")
        said = type_("%hero_env set --secret TOKEN KEY", CANARY, "second value")
        assert said.startswith("TOKEN, KEY set in session notes, encrypted")
        assert os.environ["TOKEN"] == CANARY
        shown = type_("%hero_env")
        rows = [line.split() for line in shown.split("\n")]
        assert ["TOKEN", MASK, "secret"] in rows
        assert ["PLAIN", "one"] in rows
        assert notebook.ask("%hero_env get TOKEN") == Secret(CANARY)
        assert notebook.ask("%hero_env get PLAIN") == "one"
        assert CANARY not in str(session.config.env)

    def test_locked_ones_are_taken_out_of_the_process_and_come_back(self, secrets, type_):
        type_("%hero_env set PLAIN=one")
        type_("%hero_env set --secret TOKEN", CANARY)
        type_("%hero_secret lock")
        assert "TOKEN" not in os.environ
        assert os.environ["PLAIN"] == "one"
        shown = type_("%hero_env")
        assert "locked" in shown
        assert "%hero_secret unlock" in shown
        assert "'one'" in type_("%hero_env get PLAIN")
        assert MASK in type_("%hero_env get TOKEN", PASS)
        type_("%hero_env")
        assert os.environ["TOKEN"] == CANARY

    def test_a_secret_does_not_become_plain_by_accident(self, notebook, secrets, type_, session):
        type_("%hero_env set --secret TOKEN", CANARY)
        for lock in (False, True):
            if lock:
                type_("%hero_secret lock")
            text = notebook.refused("%hero_env set TOKEN=new-plain-value")
            assert "set --secret TOKEN" in text
        type_("%hero_env unset TOKEN")
        type_("%hero_env set TOKEN=now-plain")
        assert session.env_get("TOKEN") == "now-plain"

    def test_where_all_is_encrypted_a_plain_one_is_set_after_unlocking(
        self, notebook, secrets, type_, keyboard
    ):
        type_("%hero_secret encrypt on")
        type_("%hero_env set --secret TOKEN", CANARY)
        for line in ("%hero_env set A=1", "%hero_param set a:1"):
            type_("%hero_secret lock")
            type_(line, PASS)
        type_("%hero_secret lock")
        keyboard.answers = [PASS]
        assert "is a secret" in notebook.refused("%hero_env set TOKEN=new-plain-value")

    def test_load_as_secrets(self, notebook, secrets, type_, session):
        (notebook.folder / "my.env").write_text(f"A={CANARY}\nB='second value'\n")
        assert "encrypted" in type_("%hero_env load my.env --secret")
        assert {one.state for one in session.env_shown().values()} == {"secret"}
        assert os.environ["A"] == CANARY
        (notebook.folder / "my.env").write_text("A=plain-now\n")
        notebook.refused("%hero_env load my.env --override")

    def test_wrong_names_and_once_are_told_before_anything_is_asked(
        self, notebook, secrets, type_, keyboard
    ):
        type_("%hero_env set TAKEN=1")
        keyboard.questions.clear()
        notebook.refused("%hero_env set --secret 'A B'")
        notebook.refused("%hero_env set --secret NEW TAKEN --once", "EnvKeyError")
        assert keyboard.questions == []

    def test_reset_needs_no_secret(self, notebook, secrets, type_, session):
        type_("%hero_env set --secret TOKEN", CANARY)
        type_("%hero_secret lock")
        type_("%hero_env reset --yes")
        assert session.config.env == {}

    def test_a_damaged_value_does_not_stop_the_magics(self, notebook, secrets, type_, session):
        type_("%hero_env set PLAIN=one")
        type_("%hero_env set --secret TOKEN OTHER", CANARY, "other value")
        session._update(lambda old: replace(
            old, env=old.env | {"TOKEN": old.env["TOKEN"][:-4] + "AAAA"}))  # fmt: skip
        assert "PLAIN" in type_("%hero_env")
        assert (os.environ["PLAIN"], os.environ["OTHER"]) == ("one", "other value")
        assert "TOKEN" not in os.environ
        type_("%hero_env unset TOKEN")


class TestParam:
    def test_set_shown_get(self, notebook, secrets, type_, session):
        type_("%hero_param set color:red")
        type_("%hero_param set --secret token", CANARY)
        rows = [line.split() for line in type_("%hero_param").split("\n")]
        assert ["token", MASK, "secret"] in rows
        assert notebook.ask("%hero_param get token") == Secret(CANARY)
        assert CANARY not in session.config.params
        notebook.refused("%hero_param set token:plain-value")
        type_("%hero_secret lock")
        assert "'red'" in type_("%hero_param get color")
        notebook.refused("%hero_param get colour", "ParamError")
        assert MASK in type_("%hero_param get TOKEN", PASS)

    def test_shared(self, notebook, secrets, type_, session):
        type_("%hero_param set --secret token --shared", CANARY)
        assert session.context.params.get("token") == CANARY
        assert "token" not in session.params
        assert MASK in type_("%hero_param --shared")

    def test_bare_words_are_shown(self, notebook, session):
        session.params_replace(hero.Params.from_text("fast color:red"))
        assert "fast" in repr(notebook.ask("%hero_param"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("%hero_secret get", "needs NAME"),
        ("%hero_secret set", "needs NAME"),
        ("%hero_secret unset", "needs NAME"),
        ("%hero_secret encrypt", "needs on|off"),
        ("%hero_secret encrypt maybe", "invalid choice: 'maybe'"),
        ("%hero_secret unlok", "did you mean unlock"),
        ("%hero_secret show --al", "has no option --al"),
        ("%hero_secret new --fil x", "did you mean --file"),
        ("%hero_secret show now", "does not understand now"),
        ("%hero_secret new --file a --generate b", "give one of them"),
        ("%hero_secret rotate --new --new-file b", "give one of them"),
        ("%hero_secret restore", "--yes"),
        ("%hero_env set --secret", "needs NAME=VALUE"),
        ("%hero_param set --secret 'a b'", "is not key:value"),
    ],
)
def test_a_wrong_line_is_told_shortly(notebook, line, said):
    notebook.ask("%hero")
    assert said in notebook.refused(line)


def test_help_says_each_verb(notebook):
    text = repr(notebook.ask("%hero_secret -h"))
    command = notebook.shell.find_line_magic("hero_secret").__self__.commands["hero_secret"]
    assert all(f"\n  %hero_secret {verb}" in text for verb in command.verbs)
    assert set(VERBS) == set(command.verbs)
    assert "%hero_secret" in repr(notebook.ask("%hero_help"))
    assert "--generate" in repr(notebook.ask("%hero_secret new -h"))


def test_unloading_gives_the_prompt_back(notebook):
    mine = front_end.here()
    assert mine is not None
    notebook.shell.run_line_magic("unload_ext", "magics")
    assert front_end.here() is None
    notebook.shell.run_line_magic("load_ext", "magics")
    assert front_end.here() not in (None, mine)


def test_a_terminal_that_is_none_is_told(notebook):
    text = notebook.refused("%hero_secret new", "SecretRequiredError")
    assert "nobody can be asked here" in text
    assert "HERO_SECRET_FILE" in text


def test_a_terminal_asks_hidden(tmp_path):
    """A real IPython on a terminal of its own; what is typed is not echoed, and in no file."""
    environ = {key: text for key, text in os.environ.items() if not key.startswith("HERO_")}
    own = {"HERO_HOME": str(tmp_path / "hero"), "IPYTHONDIR": str(tmp_path / "ipython")}
    options = ["--simple-prompt", "--no-banner", "--ext", "magics", "--colors", "nocolor"]
    terminal, end = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "IPython", *options],
        env=environ | own | {"HERO_SESSION": "one"},
        stdin=end,
        stdout=end,
        stderr=end,
        start_new_session=True,
    )
    seen = ""
    try:
        for wait_for, typed in (
            ("In [1]: ", "%hero_secret new\n"),
            ("string: ", f"{CANARY}\n"),
            ("again: ", f"{CANARY}\n"),
            ("In [2]: ", "%hero_secret set TOKEN\n"),
            ("Value of TOKEN: ", "\x04"),
            ("In [3]: ", "%hero_secret set TOKEN\n"),
            ("Value of TOKEN: ", f"{CANARY}\n"),
            ("In [4]: ", "%hero_secret get TOKEN\n"),
            ("In [5]: ", "exit\n"),
        ):
            part = ""
            while wait_for not in part:
                ready, _, _ = select.select([terminal], [], [], 30)
                assert ready, seen + part
                part += os.read(terminal, 65536).decode()
            seen += part
            sleep(0.05)  # getpass throws away what comes before it has turned the echo off
            os.write(terminal, typed.encode())
    finally:
        child.kill()
        child.wait()
        os.close(terminal)
        os.close(end)
    assert "is unlocked" in seen
    assert "nobody answered" in seen
    assert f"Secret({MASK})" in seen
    assert CANARY not in seen
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in path.read_bytes() for path in files)
