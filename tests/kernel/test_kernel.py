"""The Hero kernel as a notebook meets it: Python as ever, and sessions that outlive it."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
from importlib.metadata import version
from time import monotonic, sleep
from typing import Any

import ipykernel
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from kernel.driving import Kernel, environment


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("x = 20\nx + 1", "21"),
        ("import asyncio\nawait asyncio.sleep(0)\n'awaited'", "'awaited'"),
        ("!echo from the shell", "from the shell"),
        ("!!echo two", "['two']"),
        ("lines = !echo three\nlines[0]", "'three'"),
        ("%%bash\necho four", "four"),
        ("%env HOME_OF_TEST=five", "env: HOME_OF_TEST=five"),
        ("from IPython.display import display\ndisplay('six')", "'six'"),
        ("print('seven', end=''); import sys; sys.stdout.flush()", "seven"),
        ("%%capture out\nprint('hidden')\n", ""),
        ("%%time\n_ = 8", "Wall time"),
    ],
)
def test_python_cells_are_ipython_s(kernel, cell, shown):
    assert shown in kernel.ask(cell)


def test_an_error_of_python_keeps_its_traceback(kernel):
    outcome = kernel.run("def inner():\n    1 / 0\ninner()")
    assert outcome.error["ename"] == "ZeroDivisionError"
    assert len(outcome.error["traceback"]) > 2


def info(kernel: Kernel) -> dict[str, Any]:
    kernel.client.kernel_info()
    return kernel.client.get_shell_msg(timeout=10)["content"]


def test_kernel_info_differs_from_the_stock_kernel_s_in_name_only(kernel, stock):
    ours, theirs = info(kernel), info(stock)
    assert ours["implementation"] == "hero"
    assert ours["implementation_version"] == version("hero-kernel")
    assert "%hero_help" in ours["banner"]
    assert ours["language_info"]["name"] == "python"
    for key in theirs.keys() - {"implementation", "implementation_version", "banner"}:
        if key == "language_info":  # pages colour heroscript by a lexer of its own
            assert ours[key].pop("pygments_lexer") == "ipython-hero"
            assert theirs[key].pop("pygments_lexer") == "ipython3"
        assert ours[key] == theirs[key], key  # the debugger is among them


def test_the_spec_is_there_after_pip_install():
    specs = KernelSpecManager().get_all_specs()
    spec = specs["hero"]["spec"]
    assert spec["display_name"] == "Hero"
    assert spec["language"] == "python"
    assert spec["argv"][:3] == ["python", "-m", "ipykernel_launcher"]


def test_installing_writes_a_spec_that_starts_this_python(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hero_kernel", "install", "--prefix", str(tmp_path)],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    folder = tmp_path / "share" / "jupyter" / "kernels" / "hero"
    assert str(folder) in done.stdout
    spec = json.loads((folder / "kernel.json").read_text(encoding="utf-8"))
    assert spec["argv"][0] == sys.executable
    assert {path.name for path in folder.iterdir()} >= {"kernel.json", "logo-64x64.png"}
    # the command as it stands, as a Jupyter of another environment would start it
    with Kernel(tmp_path) as one:
        one.manager.kernel_spec_manager.kernel_dirs.insert(0, str(folder.parent))
        one.restart()
        assert one.ask("import sys; print(sys.executable)") == sys.executable


def test_a_file_named_as_a_module_does_not_kill_the_kernel(tmp_path):
    for name in ("random", "json", "hero_kernel", "magics"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong file')")
    with Kernel(tmp_path) as one:
        assert "✓ ok" in one.ask("!!play.echo content:'x'")


def test_odd_names_of_folders_and_a_plain_locale(tmp_path):
    folder = tmp_path / "with blanks, 'quotes' & ünïcode"
    folder.mkdir()
    with Kernel(folder, LC_ALL="C", PYTHONUTF8="0", HERO_SESSION="odd") as one:
        one.ask("!!session.env_set key:KEPT val:'grüße ✓'")
        one.ask("%%writefile play.hero\n!!play.echo content:'{KEPT}'")
        assert "grüße ✓" in one.ask("%heroscript -f play.hero")


def test_what_is_slow_to_import_is_not_imported(tmp_path):
    ask = "import sys; sorted({'redis', 'cryptography', 'ipywidgets'} & sys.modules.keys())"
    with Kernel(tmp_path) as one:
        assert one.ask(ask) == "[]"
        one.ask("%%heroscript\n!!session.env_set key:K val:V")
        one.ask("%hero --why")
        assert one.ask(ask) == "[]"


def test_a_broken_extension_leaves_a_python_kernel_that_says_so(tmp_path):
    broken = tmp_path / "broken" / "magics"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('it is broken')")
    with Kernel(tmp_path, PYTHONPATH=str(broken.parent)) as one:
        first = one.run("6 * 7")
        assert first.ok
        assert "42" in first.text
        assert "magics" in first.text
        assert "it is broken" in first.text
        assert one.ask("6 * 7") == "42"  # said once


def test_a_broken_store_leaves_a_python_kernel(tmp_path):
    (tmp_path / "hero").write_text("a file where the home folder should be")
    with Kernel(tmp_path) as one:
        assert one.ask("6 * 7") == "42"
        outcome = one.run("%hero")
        assert not outcome.ok
        assert len(outcome.error["traceback"][0].split("\n")) <= 3
        assert one.ask("6 * 7") == "42"
        one.end()


def test_an_address_that_is_none_is_told_by_the_magic(tmp_path):
    with Kernel(tmp_path, HERO_REDIS_URL="nonsense") as one:
        assert one.ask("6 * 7") == "42"
        for cell in ("%hero", "!!play.echo content:'x'", "if 1:\n    !!play.echo content:'x'"):
            outcome = one.run(cell)
            assert outcome.error["ename"].endswith("Error")
            assert "HERO_REDIS_URL" in outcome.text or "redis" in outcome.text
            assert "File" not in outcome.traceback
        one.end()


def test_redis_out_of_reach_is_told_within_two_seconds(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with Kernel(tmp_path, HERO_REDIS_URL=f"redis://{address}") as one:
        assert one.ask("6 * 7") == "42"
        for cell in ("%hero", "!!session.env_set key:K val:V"):
            begin = monotonic()
            outcome = one.run(cell)
            assert monotonic() - begin < 2
            assert outcome.error["ename"] == "StoreUnavailableError"
            assert address in outcome.traceback
            assert "start" in outcome.traceback
            assert "File" not in outcome.traceback
        assert one.ask("6 * 7") == "42"
        begin = monotonic()
        one.end()
        assert monotonic() - begin < 3


def test_a_session_survives_kill_restart_and_shutdown(tmp_path):
    with Kernel(tmp_path, HERO_CONTEXT="lasting", HERO_SESSION="intro") as one:
        assert "(new;" in one.ask("%hero")
        one.ask(
            "!!session.env_set key:KEPT val:'by the store'\n!!core.params_session_set color:red"
        )

        one.kill()
        assert "by the store" in one.ask("%hero_env get KEPT")
        assert "(resumed;" in one.ask("%hero")
        assert one.ask("import os; print(os.environ['KEPT'])") == "by the store"
        one.ask("!!session.env_set key:SECOND val:'2'")

        one.restart()
        assert one.ask("import hero_kernel as hero; hero.session().config.end") == "''"
        assert one.ask("hero.session().env_all()") == "{'KEPT': 'by the store', 'SECOND': '2'}"
        assert one.ask("%hero_param get color") == "'red'"
        one.end()

    with Kernel(tmp_path) as other:
        seen = other.ask(
            "import hero_kernel as hero\n"
            "print(hero.context_get('lasting').session_get('intro').config.end)"
        )
        assert seen[:2] == "20"


def test_killed_during_a_run_the_session_is_as_the_last_action_left_it(tmp_path):
    with Kernel(tmp_path, HERO_SESSION="cut_off") as one:
        one.ask(SLEEPERS)
        message = one.send(
            "!!session.env_set key:BEFORE val:1\n!!sleep.sync\n!!session.env_set key:AFTER val:1"
        )
        one.wait_for(message, "display_data")
        one.kill()
        assert one.ask("import hero_kernel as hero; hero.session().env_all()") == "{'BEFORE': '1'}"
        assert "✓ ok" in one.ask("!!session.env_set key:BEFORE val:1\n!!play.echo content:'again'")


SLEEPERS = """
import asyncio, subprocess, time
from hero_kernel import action

@action("sleep.sync")
def sync(session): time.sleep(60)

@action("sleep.loop")
def loop(session):
    while True: pass

@action("sleep.asynchronous")
async def asynchronous(session): await asyncio.sleep(60)

@action("sleep.child")
def child(session): subprocess.run(["sleep", "60"], check=True)
"""


@pytest.fixture(scope="module")
def sleeper(tmp_path_factory):
    with Kernel(tmp_path_factory.mktemp("sleeper"), HERO_SESSION="sleeper") as one:
        one.ask(SLEEPERS)
        yield one


@pytest.mark.parametrize("action", ["sync", "loop", "asynchronous", "child"])
def test_an_interrupt_ends_the_action_and_nothing_else(sleeper, action):
    message = sleeper.send(f"!!play.echo content:first\n!!sleep.{action}\n!!play.echo content:last")
    sleeper.wait_for(message, "display_data")  # it has shown where it is
    begin = monotonic()
    sleeper.manager.interrupt_kernel()
    outcome = sleeper.outcome(message)
    assert monotonic() - begin < 2
    assert outcome.error["ename"] == "KeyboardInterrupt"
    assert outcome.traceback.startswith("KeyboardInterrupt: ")
    assert f"sleep.{action}" in outcome.traceback
    report = json.loads(
        sleeper.ask(
            "import json, hero_kernel as hero\n"
            "print(json.dumps(hero.session().run_get().to_dict()))"
        )
    )
    assert [row["status"] for row in report["results"]] == ["ok", "interrupted", "skipped"]
    assert sleeper.ask("!!play.echo content:'usable'").startswith("✓ ok")
    children = subprocess.run(
        ["pgrep", "-P", str(sleeper.pid), "sleep"], capture_output=True, text=True, check=False
    )
    assert children.stdout == ""


def test_interrupts_at_any_moment_leave_the_kernel_usable(sleeper):
    """While a cell runs: one that comes between two cells ipykernel itself does not survive."""
    setting = "".join(f"!!session.env_set key:K{n} val:{{round}}\n" for n in range(400))
    chance = random.Random(7)  # noqa: S311  # moments, not secrets
    for turn in range(12):
        message = sleeper.send(setting.replace("{round}", str(turn)))
        sleeper.wait_for(message, "execute_input")
        sleep(chance.uniform(0.002, 0.1))
        sleeper.manager.interrupt_kernel()
        outcome = sleeper.outcome(message)
        assert outcome.error["ename"] == "KeyboardInterrupt", outcome.text
        assert sleeper.ask("!!play.echo content:'usable'").startswith("✓ ok")


@pytest.mark.skipif(
    ipykernel.version_info < (7,), reason="ipykernel 6 may lose an interrupt before a cell begins"
)
@pytest.mark.parametrize("name", ["hero", "python3"])
@pytest.mark.parametrize("after_s", [0.003, 0.015, 0.03])
def test_the_very_first_cell_is_interrupted(tmp_path, name, after_s):
    """While it brings the rooms in, before ipykernel itself would answer to an interrupt."""
    with Kernel(tmp_path, name=name, HERO_SESSION="first") as one:
        if name == "python3":
            one.ask("%load_ext magics")
        message = one.send("".join(f"!!session.env_set key:K{n} val:1\n" for n in range(400)))
        one.wait_for(message, "execute_input")
        sleep(after_s)
        one.manager.interrupt_kernel()
        assert one.outcome(message).error["ename"] == "KeyboardInterrupt"
        assert one.ask("!!session.env_set key:A val:1").startswith("● changed")
        assert one.ask("!!play.echo content:'usable'").startswith("✓ ok")


def test_python_is_interrupted_as_ever(sleeper):
    message = sleeper.send("print('here', flush=True)\ntime.sleep(60)")
    sleeper.wait_for(message, "stream")
    sleeper.manager.interrupt_kernel()
    assert sleeper.outcome(message).error["ename"] == "KeyboardInterrupt"


def test_two_kernels_on_one_session_see_each_other(tmp_path):
    same = {"HERO_SESSION": "together"}
    with Kernel(tmp_path, **same) as one, Kernel(tmp_path, **same) as two:
        one.ask("%hero_env set FROM_ONE=1")
        assert two.ask("%hero_env get FROM_ONE") == "'1'"
        two.ask("!!session.env_set key:FROM_TWO val:2")
        assert one.ask("%hero_env get FROM_TWO") == "'2'"
        one.ask("%hero_env")
        assert one.ask("import os; print(os.environ['FROM_TWO'])") == "2"
        setting = "for i in range(30):\n    hero.session().env_set(f'{letter}{i}', 'x')"
        for kernel, letter in ((one, "A"), (two, "B")):
            kernel.ask(f"import hero_kernel as hero; letter = '{letter}'")
        messages = [(kernel, kernel.send(setting)) for kernel in (one, two)]
        for kernel, message in messages:
            assert kernel.outcome(message).ok
        assert one.ask("len(hero.session().env_all())") == "62"


def test_the_next_cell_of_run_all_is_not_run_after_a_failure(kernel):
    first = kernel.send("!!session.env_delete key:NOT_THERE")
    second = kernel.send("raise SystemError('ran all the same')")
    assert kernel.outcome(first).error["ename"] == "RunError"
    assert kernel.outcome(second).reply["status"] == "aborted"
    sleep(0.2)  # ipykernel refuses cells for a moment after it aborted some
    kernel.ask("1")


def test_the_extension_does_the_same_in_a_plain_python_kernel(stock):
    assert stock.ask("%load_ext magics") == ""
    assert "✓ ok" in stock.ask("!!play.echo content:'in python3'")
    failed = stock.run("!!session.env_delete key:NOT_THERE")
    assert failed.error["ename"] == "RunError"
    assert "session stock (new;" in stock.ask("%hero")
    assert stock.ask("%unload_ext magics\n!!echo shell") == "['shell']"
    assert "not found" in stock.run("%hero").text


def test_output_of_a_flood_stays_small(kernel):
    kernel.ask(
        "from hero_kernel import action\n"
        "@action('flood.say')\n"
        "def say(session):\n    print('x' * 50_000_000)\n    return 'y' * 50_000_000"
    )
    outcome = kernel.run("!!flood.say")
    assert outcome.ok
    assert sum(len(str(one)) for one in outcome.outputs) < 200_000


MEANING = """
meaning, asked = 'first', []

def mean(lines):
    asked.append(lines)
    return [line.replace('probe', meaning) for line in lines]

get_ipython().input_transformers_cleanup.append(mean)
"""


def test_a_cell_is_transformed_once_and_means_what_it_means_now(kernel):
    kernel.ask(MEANING)
    first = "'probe'"
    assert kernel.ask(first) == "'first'"
    assert kernel.ask("len(asked)") == "2"  # the question is a cell too
    kernel.ask("meaning = 'second'")
    assert kernel.ask(first) == "'second'"
    # asked within a cell that goes on to change the meaning, and the same text after it
    kernel.ask("get_ipython().transform_cell(\"'probe'\"); meaning = 'third'")
    assert kernel.ask(first) == "'third'"
    waits = "import asyncio; await asyncio.sleep(0); 'probe'"  # ipykernel transforms such once
    assert kernel.ask(waits) == "'third'"
    kernel.ask("meaning = 'fourth'")
    assert kernel.ask(waits) == "'fourth'"
    kernel.ask("get_ipython().input_transformers_cleanup.remove(mean)")
