"""`${…}` in cells: with `--py` and without, what is told, and where a secret is not seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from kernel.driving import Kernel, environment
from nbclient import NotebookClient

import hero_kernel as hero
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASS = "correct horse battery"
CANARY = "canary-42c0-value"


@pytest.fixture
def secrets(notebook, session):
    """A context with a named secret, in the notebook's own process."""
    notebook.ask("%hero")
    hero.workspace().kdf_log2_n = 14
    context = hero.context_get()
    context.secret_set(PASS)
    context.secrets.put("token", CANARY)
    return context.secrets


class TestPython:
    def test_the_notebook_s_variables(self, notebook):
        notebook.run("guests = ['Ada', 'Grace H']; who = lambda n: guests[n]")
        cell = notebook.run(
            "%%heroscript --py\n"
            "!!play.echo content:'${py:len(guests)} guests: ${py:guests}'\n"
            "!!play.echo content:${py:who(0)}\n"
            '!!play.echo content:\'${py:f"{guests[1]!r:>12}"} ${py:{"a": "b}"}["a"]}\''
        )
        assert [row["message"] for row in cell.rows] == [
            '2 guests: Ada,"Grace H"', "Ada", "   'Grace H' b}",
        ]  # fmt: skip

    def test_it_is_evaluated_once_and_sets_nothing(self, notebook):
        notebook.run("calls = []\ndef tick():\n    calls.append(1)\n    return len(calls)")
        cell = notebook.run(
            "%%heroscript --py\n!!play.echo content:'${py:tick()} ${py:(made := 1)}'"
        )
        assert cell.rows[0]["message"] == "1 1"
        assert notebook.shell.user_ns["calls"] == [1]
        assert "made" not in notebook.shell.user_ns

    @pytest.mark.parametrize("opening", ["", "%%heroscript\n", "%%heroscript -n\n"])
    def test_without_the_option_it_is_refused(self, notebook, session, opening):
        notebook.run("x = 1")
        text = notebook.refused(
            f"{opening}!!session.env_set key:A val:1\n!!play.echo content:${{py:x}}",
            "UndefinedError",
        )
        assert "${py:x} is Python" in text
        assert "begin the cell with %%heroscript --py" in text
        assert "!!play.echo content:${py:x}" in text
        assert session.env_all() == {}

    def test_a_file_may_not_hold_it(self, notebook, tmp_path):
        script = tmp_path / "one.hero"
        script.write_text("!!play.echo content:${py:x}")
        notebook.run("x = 1")
        assert "--py" in notebook.refused(f"%heroscript -f {script}", "UndefinedError")
        assert "no option --py" in notebook.refused(f"%heroscript -f {script} --py")
        cell = notebook.run(f"%%heroscript --py\n!!play.include path:{script}")
        assert cell.ename == "RunError"
        assert "is Python" in "\n".join(cell.traceback)

    def test_its_error_is_three_lines_and_nothing_ran(self, notebook, session):
        text = notebook.refused(
            "%%heroscript --py\n!!session.env_set key:A val:1\n!!play.echo content:'${py:1/0}'",
            "UndefinedError",
        )
        assert text.startswith(
            "UndefinedError: In[1]:3:22: ${py:1/0}: ZeroDivisionError: division by zero"
        )
        assert session.env_all() == {}
        notebook.run("visitors = 1")
        text = notebook.refused(
            "%%heroscript --py\n!!play.echo content:${py:visitor}", "UndefinedError"
        )
        assert "NameError: name 'visitor' is not defined" in text
        assert "did you mean visitors?" in text

    def test_a_dry_run_evaluates_nothing(self, notebook):
        notebook.run("calls = []")
        cell = notebook.run(
            "%%heroscript --py -n\n!!play.echo content:'${py:calls.append(1)} ${py:calls}'"
        )
        assert cell.rows[0]["message"] == "would run; reads py calls.append(1), py calls"
        assert notebook.shell.user_ns["calls"] == []


class TestTold:
    def test_the_line_that_mends_it_mends_it(self, notebook):
        text = notebook.refused("!!play.echo content:'to ${env:WHO}'", "UndefinedError")
        assert text.split("\n") == [
            "UndefinedError: In[1]:1:25: ${env:WHO}: session notes has no variable WHO",
            "    !!play.echo content:'to ${env:WHO}'",
            "                            ^",
            "set it with %hero_env set WHO=…",
        ]
        notebook.ask("%hero_env set WHO=Ada")
        assert notebook.run("!!play.echo content:'to ${env:WHO}'").rows[0]["message"] == "to Ada"
        text = notebook.refused("!!play.echo content:${param:x}", "UndefinedError")
        assert text.endswith("set it with !!core.params_session_set x:…")
        notebook.run("!!core.params_session_set x:1")
        assert notebook.run("!!play.echo content:${param:x}").rows[0]["message"] == "1"

    def test_the_same_for_a_secret(self, notebook, session, monkeypatch):
        text = notebook.refused("!!play.echo content:${secret:api_key}", "UndefinedError")
        assert "context default keeps no secret api_key" in text
        assert "%hero_secret set api_key, or HERO_SECRET_API_KEY where nobody" in text
        monkeypatch.setenv("HERO_SECRET_API_KEY", CANARY)
        cell = notebook.run("!!play.echo content:'is ${secret:api_key}'")
        assert cell.rows[0]["message"] == f"is {MASK}"

    def test_an_error_while_it_runs_has_its_place(self, notebook):
        cell = notebook.run("!!session.env_set key:A val:1\n!!play.echo content:${env:B}")
        assert cell.ename == "RunError"
        assert cell.traceback == [
            "RunError: play.echo failed (In[1] line 2)",
            "${env:B}: session notes has no variable B",
            "set it with %hero_env set B=…",
        ]

    def test_help_and_dry_run(self, notebook, secrets):
        for magic in ("%%heroscript -h\n//", "%heroscript -h"):
            said = notebook.ask(magic)
            for word in ("${env:NAME}", "${param:name}", "${secret:NAME}", "${py:EXPR}", "{NAME}"):
                assert word in repr(said)
        assert "--py" in repr(notebook.ask("%%heroscript -h\n//"))
        notebook.ask("%hero_env set WHO=Ada")
        cell = notebook.run(
            "%%heroscript -n\n!!session.env_set key:A val:'${env:WHO} ${secret:token}'"
        )
        assert "would run; reads env WHO, secret token" in cell.text


def test_a_secret_is_in_no_cell(notebook, secrets, session):
    """Not in reports, errors, displays, the history and what is kept: references are."""
    notebook.run(
        "from hero_kernel import action\n"
        "from hero_kernel.secret import Secret\n"
        "got = []\n"
        "@action('t.use')\n"
        "def use(session, *, token: Secret, text: str = '', fail: bool = False):\n"
        "    got.append((token.reveal(), text))\n"
        "    print('with', text, token.reveal())\n"
        "    session.progress(text)\n"
        "    if fail:\n"
        "        raise ValueError(text)\n"
        "    return text"
    )
    cells = [
        notebook.run("!!t.use token:${secret:token} text:'a ${secret:token}'"),
        notebook.run("!!t.use token:${secret:token} text:${secret:token} fail:true"),
        notebook.run("!!t.use token:x fail:${secret:token}"),
        notebook.run("%%heroscript -o report\n!!t.use token:${secret:token} text:${secret:token}"),
        notebook.run("!!t.use token:x text:${secret:tokem}"),
        notebook.run("%heroscript --show last"),
        notebook.run("%hero_log show"),
        notebook.run("report"),
    ]
    got = notebook.shell.user_ns["got"]
    assert got == [(CANARY, f"a {CANARY}"), (CANARY, CANARY), (CANARY, CANARY)]
    seen = "\n".join(
        part
        for cell in cells
        for part in (
            *cell.traceback, cell.printed, json.dumps(cell.shown, default=str), repr(cell.value),
        )
    )  # fmt: skip
    assert MASK in seen
    assert "canary" not in seen
    history = notebook.shell.history_manager
    assert "${secret:token}" in "".join(history.input_hist_raw)
    assert "canary" not in "".join([*history.input_hist_raw, *history.input_hist_parsed])
    for path in notebook.folder.rglob("*"):
        assert path.is_dir() or CANARY.encode() not in path.read_bytes(), path


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path, HERO_SECRET_TOKEN=CANARY) as one:
        yield one


def test_in_a_real_kernel(kernel: Kernel, tmp_path: Path) -> None:
    told: list[Any] = []

    def run(code: str) -> str:
        outcome = kernel.run(code)
        told.extend([outcome.reply, [message[1:] for message in outcome.messages]])
        return outcome.text

    run("x = [1, 2]")
    assert "2 ••" in run("%%heroscript --py\n!!play.echo content:'${py:len(x)} ${secret:token}'")
    assert "does not fit, filled from ${secret:token}" in run(
        "!!play.run path:. git_pull:${secret:token}"
    )
    assert "keeps no secret tokem" in run("!!play.echo content:${secret:tokem}")
    assert "canary" not in json.dumps(told, default=str)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


ECHO = "!!play.echo content:'${env:N} {N} ${secret:token}'"


def test_run_all_by_nbclient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment(tmp_path, HERO_SECRET_TOKEN=CANARY).items():
        monkeypatch.setenv(key, value)
    cells = [
        "%load_ext magics",
        "n = 3",
        "%%heroscript --py\n!!session.env_set key:N val:${py:n} // kept\n" + ECHO,
    ]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(
        made, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    text = nbformat.writes(made)
    assert f"3 3 {MASK}" in made.cells[2].outputs[-1]["data"]["text/plain"]
    assert "canary" not in text
