"""Secrets in a real kernel: typed at its prompt or handed over, and then nowhere to be found."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from kernel.driving import PATIENCE_S, Kernel, Outcome, environment
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from hero_kernel.redaction.spellings import spellings
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator

PASS = "canary one/pa&ss%phrase"
OTHER = "canary two <another> phrase"
VALUE = "canary-three=va'lue-9f"
CANARIES = (PASS, OTHER, VALUE)

QUICK = "import hero_kernel; hero_kernel.workspace().kdf_log2_n = 14"


class Notebook(Kernel):
    """A kernel as users have it, with somebody at its keyboard."""

    def start(self) -> None:
        self.env.pop("PYTEST_CURRENT_TEST", None)
        self.told: list[Any] = []
        super().start()
        self.ask(QUICK)

    def type_(self, code: str, *answers: str) -> Outcome:
        """Run a cell and answer its questions."""
        request = self.send(code, allow_stdin=True)
        for answer in answers:
            question = self.client.get_stdin_msg(timeout=PATIENCE_S)
            assert question["content"]["password"] is True, "the front end would show it"
            self.told.append(question["content"])
            self.client.input(answer)
        outcome = self.outcome(request)
        self.told += [outcome.reply, [message[1:] for message in outcome.messages]]
        return outcome

    def typed(self, code: str, *answers: str) -> str:
        outcome = self.type_(code, *answers)
        assert outcome.ok, outcome.text
        return outcome.text.strip()


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    with Notebook(tmp_path, HERO_SESSION="one") as kernel:
        yield kernel


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """One whose context has a secret, for tests that leave it so."""
    with Notebook(tmp_path_factory.mktemp("secrets"), HERO_SESSION="one") as kernel:
        kernel.typed("%hero_secret new", PASS, PASS)
        yield kernel


def leaks(text: str, values: tuple[str, ...] = CANARIES) -> list[str]:
    """The spellings that stand in a text."""
    return [one for value in values for one in spellings(value) if one in text]


def swept(folder: Path, values: tuple[str, ...] = CANARIES) -> list[str]:
    """The files below a folder, and the commands that run, in which a value stands."""
    found = []
    for path in [*folder.rglob("*"), *Path("/proc").glob("[0-9]*/cmdline")]:
        try:
            data = path.read_bytes() if path.is_file() else b""
        except OSError:  # a process that has ended, or is another user's
            continue
        if leaks(data.decode("utf-8", "replace"), values):
            found.append(str(path))
    return found


SECRET_CELLS: list[tuple[str, tuple[str, ...]]] = [
    ("%hero_secret new --encrypt", (PASS, PASS)),
    ("%hero_secret set TOKEN", (VALUE,)),
    ("%hero_env set --secret TOKEN", (VALUE,)),
    ("%hero_param set --secret token", (VALUE,)),
    ("%hero_db set key --secret", (VALUE,)),
    ("token = %hero_secret get TOKEN", ()),
    ("print(token, token.reveal())", ()),
    ("token.reveal()", ()),
    ("%hero_env\n%hero_param", ()),
    ("%hero_env", ()),
    ("%hero_param", ()),
    ("%hero_secret", ()),
    ("%hero_log log {TOKEN}", ()),
    ("import os; os.environ['TOKEN']", ()),
    ("!echo $TOKEN", ()),
    ("!!play.echo content:'{TOKEN}'", ()),
    ("!!session.env_set key:COPY val:'{TOKEN}'", ()),
    ("!!log.log log:'{TOKEN}' logtype:error", ()),
    ("!!secret.set name:OTHER env:TOKEN", ()),
    ("!!secret.set name:FAILS value:'{TOKEN}'", ()),
    ("%xmode Verbose\n{}[token.reveal()]", ()),
    ("%hero_secret lock", ()),
    ("%hero_secret unlock", ("canary one/pa&ss%phrase, but wrong", PASS)),
    ("%hero_secret rotate --new", (PASS, OTHER, OTHER)),
    ("hero_kernel.session().logger().log(token.reveal())", ()),
    ("%hero_log", ()),
    ("%whos", ()),
    ("%history", ()),
    ("get_ipython().history_manager.writeout_cache()", ()),
]


def test_s1_what_is_typed_is_found_nowhere(notebook: Notebook) -> None:
    for code, answers in SECRET_CELLS:
        outcome = notebook.type_(code, *answers)
        assert outcome.ok or "FAILS" in code or "Verbose" in code, (code, outcome.text)
    told = json.dumps(notebook.told, ensure_ascii=False, default=str)
    assert leaks(told) == []
    assert MASK in told
    notebook.end()
    assert list(notebook.folder.rglob("keyring.json"))
    assert list(notebook.folder.rglob("*.log"))
    assert list(notebook.folder.rglob("runs.jsonl"))
    assert swept(notebook.folder) == []


def test_s1_control_the_sweep_finds_what_was_not_marked_as_a_secret(notebook: Notebook) -> None:
    notebook.ask(f'%hero_env set "TOKEN={VALUE}"\n%hero_log log "{VALUE}"')
    notebook.ask("get_ipython().history_manager.writeout_cache()")
    assert leaks(notebook.ask("%hero_env"))
    notebook.end()
    kinds = {Path(path).suffix for path in swept(notebook.folder)}
    assert kinds >= {".log", ".sqlite"}


def kept_cells(folder: Path) -> str:
    [file] = (folder / "ipython").rglob("history.sqlite")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with sqlite3.connect(file) as db:
        rows = str(list(db.execute("SELECT source, source_raw FROM history")))
    db.close()
    return rows


def test_s4_s5_a_secret_on_the_line_is_refused_and_not_in_the_history(notebook: Notebook) -> None:
    outcome = notebook.run(f'%hero_secret set TOKEN "{VALUE}"')
    assert outcome.reply["ename"] == "UsageError"
    assert "is not written on a line" in outcome.text
    assert leaks(outcome.text) == []
    assert "none" in notebook.ask("%hero_secret")
    notebook.ask("get_ipython().history_manager.writeout_cache()")
    notebook.end()
    cells = kept_cells(notebook.folder)
    assert "%hero_secret set TOKEN" in cells
    assert leaks(cells) == []
    assert swept(notebook.folder) == []


def test_s20_without_stdin_it_fails_at_once(shared: Notebook) -> None:
    shared.typed("%hero_secret set KEPT", VALUE)
    shared.ask("%hero_secret lock")
    for code, hint in (
        ("%hero_secret unlock", "HERO_SECRET_FILE"),
        ("%hero_secret get KEPT", "HERO_SECRET_FILE"),
        ("%hero_env set --secret X", "HERO_SECRET_FILE"),
        ("!!secret.unlock", "HERO_SECRET_FILE"),
    ):
        began = monotonic()
        outcome = shared.run(code, allow_stdin=False)
        assert monotonic() - began < 5
        assert not outcome.ok
        assert "SecretRequiredError" in outcome.text or "!!" in code
        assert hint in outcome.text
    shared.typed("%hero_secret unlock", PASS)
    outcome = shared.run("%hero_secret set OTHER", allow_stdin=False)
    assert outcome.reply["ename"] == "SecretRequiredError"
    assert "HERO_SECRET_OTHER" in outcome.text
    assert shared.ask("1") == "1"


def test_k10_no_answer_is_told_and_nothing_is_kept(shared: Notebook) -> None:
    end_of_file = shared.type_("%hero_secret set NOBODY", "\x04")
    assert end_of_file.reply["ename"] == "SecretRequiredError"
    assert "HERO_SECRET_NOBODY" in end_of_file.text
    nothing = shared.type_("%hero_secret set NOBODY", "")
    assert "nothing was entered" in nothing.text
    assert "NOBODY" not in shared.ask("%hero_secret list")


def test_k3_an_interrupt_at_the_prompt_ends_the_cell(shared: Notebook) -> None:
    request = shared.send("%hero_secret set NOBODY", allow_stdin=True)
    shared.client.get_stdin_msg(timeout=PATIENCE_S)
    began = monotonic()
    shared.manager.interrupt_kernel()
    outcome = shared.outcome(request)
    assert monotonic() - began < 2
    assert outcome.reply["ename"] == "KeyboardInterrupt"
    assert outcome.text.count("\n") <= 2
    assert "NOBODY" not in shared.ask("%hero_secret list")


def test_k10_after_a_front_end_that_died_at_the_prompt_an_interrupt_helps(
    notebook: Notebook,
) -> None:
    notebook.typed("%hero_secret new", PASS, PASS)
    notebook.send("%hero_secret set NOBODY", allow_stdin=True)
    notebook.client.get_stdin_msg(timeout=PATIENCE_S)
    notebook.client.stop_channels()
    notebook.manager.interrupt_kernel()
    notebook._connect()
    assert "named secrets   none" in notebook.ask("%hero_secret")


def test_s21_a_restart_locks_and_the_keys_are_in_no_variable(shared: Notebook) -> None:
    shared.typed("%hero_env set --secret KEPT_BY_RESTART", VALUE)
    shared.typed("%hero_secret set IN_KEYRING", VALUE)
    names = shared.ask("import copy, pickle\nsorted(key for key in globals() if key[0] != '_')")
    assert "secret" not in names.lower()
    for code in ("pickle.dumps(keys)", "copy.deepcopy(keys)", "copy.copy(keys)"):
        outcome = shared.run(f"keys = hero_kernel.context().secrets._keys\n{code}")
        assert outcome.reply["ename"] == "TypeError"
    assert "unlocked" in shared.ask("keys")
    assert shared.ask("'KEPT_BY_RESTART' in __import__('os').environ") == "True"
    shared.restart()
    shared.ask(QUICK)
    assert ", locked" in shared.ask("%hero")
    assert "locked" in shared.ask("%hero_env")
    assert shared.ask("'KEPT_BY_RESTART' in __import__('os').environ") == "False"
    shared.typed("%hero_secret unlock", PASS)
    assert shared.ask("'KEPT_BY_RESTART' in __import__('os').environ") == "True"
    assert MASK in shared.ask("%hero_secret get IN_KEYRING")


def test_s22_one_kernel_unlocks_and_the_other_stays_locked(shared: Notebook) -> None:
    with Notebook(shared.folder, HERO_SESSION="one") as other:
        assert ", unlocked" in shared.ask("%hero")
        assert ", locked" in other.ask("%hero")
        outcome = other.run("%hero_secret set X", allow_stdin=False)
        assert "is locked" in outcome.text
        other.typed("%hero_secret set X", PASS, VALUE)
        other.ask("%hero_secret lock")
        assert MASK in shared.ask("%hero_secret get X")


def executed(folder: Path, *cells: str, **environ: str) -> nbformat.NotebookNode:
    """The cells, run by nbclient, as a file on the disk."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="hero", timeout=60)
    try:
        client.execute(env=environment(folder, HERO_SESSION="one", **environ), cwd=str(folder))
    finally:
        nbformat.write(notebook, folder / "notebook.ipynb")
    return notebook


def test_s20_nbclient(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "pass"
    file.parent.mkdir()
    file.write_text(PASS)
    file.chmod(0o600)
    cells = (
        QUICK,
        "%hero_secret new",
        "%hero_secret set TOKEN --env CI_TOKEN",
        "%hero_secret lock",
        "%hero_secret get TOKEN",
        "print((_).reveal())",
    )
    executed(tmp_path, *cells, HERO_SECRET_FILE=str(file), CI_TOKEN=VALUE)
    text = (tmp_path / "notebook.ipynb").read_text()
    assert text.count(MASK) == 2
    file.rename(file.with_name("moved"))
    began = monotonic()
    with pytest.raises(CellExecutionError, match="SecretRequiredError") as told:
        executed(tmp_path, QUICK, "%hero_secret get TOKEN")
    assert monotonic() - began < 20
    assert "HERO_SECRET_FILE" in str(told.value)
    file.with_name("moved").chmod(0o644)
    with pytest.raises(CellExecutionError, match="chmod 600"):
        executed(
            tmp_path, QUICK, "%hero_secret unlock", HERO_SECRET_FILE=str(file.with_name("moved"))
        )
    assert swept(tmp_path) == [str(file.with_name("moved"))]


def test_the_log_is_followed_in_one_display_until_the_interrupt(shared: Notebook) -> None:
    shared.ask(
        "import threading, time\n"
        "def write():\n"
        "    logger = hero_kernel.session().logger()\n"
        "    for number in range(40):\n"
        "        time.sleep(0.05)\n"
        "        logger.log(f'entry {number}')\n"
        "threading.Thread(target=write).start()"
    )
    request = shared.send("%hero_log follow -n 5")
    sleep(3)
    shared.manager.interrupt_kernel()
    outcome = shared.outcome(request)
    assert outcome.ok, outcome.text
    updates = [at for at, kind, _ in outcome.messages if kind == "update_display_data"]
    assert 5 < len(updates) < 20
    assert [one["output_type"] for one in outcome.outputs] == ["display_data"]
    assert "entry 39" in outcome.text
    assert "showing 5 of" in outcome.text
