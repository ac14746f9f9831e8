"""Loading registers once, unloading leaves the shell as it was."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from hero_kernel import Report
from hero_kernel.report import MIME


def state(shell):
    """All of a shell that an extension can change."""
    formatters = shell.display_formatter.formatters
    return {
        "magics": {kind: dict(names) for kind, names in shell.magics_manager.magics.items()},
        "registry": dict(shell.magics_manager.registry),
        "cleanup": list(shell.input_transformer_manager.cleanup_transforms),
        "lines": list(shell.input_transformer_manager.line_transforms),
        "tokens": list(shell.input_transformer_manager.token_transformers),
        "events": {name: list(calls) for name, calls in shell.events.callbacks.items()},
        "formatters": {mime: dict(one.type_printers) for mime, one in formatters.items()},
        "bundles": dict(shell.display_formatter.mimebundle_formatter.type_printers),
        "variables": dict(shell.user_ns),
        "environ": dict(os.environ),
    }


def names(shell):
    return {
        name
        for kind in shell.magics_manager.magics.values()
        for name in kind
        if name.startswith("hero")
    }


def test_unloading_leaves_the_shell_as_it_was(notebook):
    shell = notebook.shell
    shell.run_line_magic("unload_ext", "magics")
    before = state(shell)
    assert names(shell) == set()
    shell.run_line_magic("load_ext", "magics")
    assert names(shell) == {
        "hero",
        "hero_context",
        "hero_session",
        "hero_env",
        "hero_param",
        "hero_db",
        "hero_config",
        "hero_secret",
        "hero_log",
        "hero_help",
        "hero_panel",
        "heroscript",
    }
    shell.run_line_magic("hero_env", "set LEFT_BEHIND=1")
    assert os.environ["LEFT_BEHIND"] == "1"
    shell.run_cell_magic("heroscript", "", "!!play.echo content:'x'")
    shell.run_line_magic("unload_ext", "magics")
    after = state(shell)
    for key, value in before.items():
        assert after[key] == value, key


def test_loading_three_times_registers_once(notebook):
    shell = notebook.shell
    before = state(shell)
    for _ in range(3):
        shell.run_line_magic("load_ext", "magics")
    assert state(shell) == before
    shell.run_line_magic("reload_ext", "magics")
    after = state(shell)
    for key in ("cleanup", "tokens", "events"):
        assert str(len(after[key])) == str(len(before[key])), key
    assert len(notebook.run("!!play.echo content:'x'").shown) == 1


def test_nothing_is_shadowed(notebook):
    shell = notebook.shell
    ours = names(shell)
    shell.run_line_magic("unload_ext", "magics")
    theirs = {name for kind in shell.magics_manager.magics.values() for name in kind}
    assert not ours & theirs


def test_after_unloading_bangs_are_ipython_s(notebook):
    notebook.shell.run_line_magic("unload_ext", "magics")
    notebook.run("!!play.echo content:'x'")
    assert notebook.reached_shell
    assert MIME not in notebook.shell.display_formatter.format(Report(()))[0]


def test_unloading_ends_the_thread(notebook):
    notebook.run("!!play.echo content:'x'")
    assert "hero progress" in {thread.name for thread in threading.enumerate()}
    notebook.shell.run_line_magic("unload_ext", "magics")
    for thread in threading.enumerate():
        if thread.name == "hero progress":
            thread.join(2)
    assert "hero progress" not in {thread.name for thread in threading.enumerate()}


def test_unloading_though_the_user_took_something_back(notebook):
    shell = notebook.shell
    shell.input_transformer_manager.cleanup_transforms.pop(0)
    shell.run_line_magic("unload_ext", "magics")
    assert names(shell) == set()


def test_a_report_is_shown_as_one_wherever_it_stands(notebook):
    cell = notebook.run("%%heroscript -q -o r\n!!play.echo content:'x'\n")
    assert cell.ok
    shown = notebook.shell.display_formatter.format(notebook.ask("r"))[0]
    assert shown[MIME]["results"][0]["message"] == "x"
    assert "<table>" in shown["text/html"]
    assert "✓ ok" in repr(notebook.ask("str(r)"))


def test_loading_imports_nothing_slow():
    program = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell()\n"
        "shell.run_line_magic('load_ext', 'magics')\n"
        "slow = {'redis', 'cryptography', 'ipywidgets', 'ipykernel'}\n"
        "print(sorted(slow & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
