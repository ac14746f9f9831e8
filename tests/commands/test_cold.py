"""What a command imports: what it needs, and no more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from kernel.driving import environment

WATCHED = (
    "IPython", "ipykernel", "ipywidgets", "jupyter_client", "nbclient", "nbformat", "redis", "rich",
    "click.shell_completion", "magics", "hero_kernel.workspaces", "packaging",
)  # fmt: skip


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["wrnog"], set()),
        (["-c", "default", "env"], {"magics", "hero_kernel.workspaces"}),
        (["run", "a.hero"], {"hero_kernel.workspaces"}),
        (["run", "-h"], set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_no_more_is_imported(hk, words, wanted):
    assert imported(hk, words, WATCHED) == wanted


SELDOM = (
    "click", "difflib", "getpass", "gettext", "hashlib", "hero_kernel.logs.search", "platform",
    "random", "socket",
)  # fmt: skip
"""What a run without options does without; they are a fifth of its time."""


def test_a_run_without_options_starts_with_less(hk):
    assert imported(hk, ["run", "a.hero"], SELDOM) == set()
    assert "click" in imported(hk, ["run", "-n", "a.hero"], SELDOM)


def imported(hk, words: list[str], watched: tuple[str, ...]) -> set[str]:
    """Which of these a command brings along, in a process of its own."""
    (hk.folder / "a.hero").write_text("!!play.echo content:a\n")
    program = (
        "import json, sys\n"
        "from hero_kernel.__main__ import main\n"
        f"main({words!r})\n"
        f"print(json.dumps([one for one in {watched!r} if one in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(hk.folder),
        cwd=hk.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.strip().split("\n")[-1]))


def test_verbs_are_there_without_ipython(hk):
    program = (
        "import sys; sys.modules['IPython'] = None\n"
        "from hero_kernel.__main__ import main\n"
        "from hero_kernel.commands import nouns\n"
        "print([name for name in nouns.NOUNS if nouns.verbs(name)])\n"
        "sys.exit(main(['env', 'set', 'A=1']) or main(['status']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(hk.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert hk.session().env_all() == {"A": "1"}
