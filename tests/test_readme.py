"""The README: it says the seeds' names, its Python runs, and its table has every magic."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kernel.driving import environment

from hero_kernel.commands.shell import COMMANDS
from magics.extension import HeroMagics

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

HEADINGS = (
    "Context & Sessions", "Context", "Sessions", "Storage Structure", "Database Structure",
    "Hero Configuration", "Example Usage", "Security", "File Structure", "Logging",
    "play.session", "The PlayArgs", "use playbook", "use the kvs database",
)  # fmt: skip
"""The seeds' own."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("heading", HEADINGS)
def test_it_has_the_seeds_headings(heading: str) -> None:
    there = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    assert heading.casefold() in [one.casefold() for one in there]


def test_its_python_runs(tmp_path: Path) -> None:
    """One block after the other, in one process with a home of its own."""
    source = "\n".join(blocks("python"))
    assert source.count("hero.context_new") == 1
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "tides" in done.stdout
    home = tmp_path / "hero"
    assert (home / "context" / "mycontext" / "category__name.yaml").read_text() == "content"
    assert (home / "db" / "1" / "session_mysession1.db").is_file()


def test_its_table_has_every_magic() -> None:
    named = HeroMagics.magics
    ours = {f"%{name}" for name in named["line"]} | {f"%%{name}" for name in named["cell"]}
    assert len(ours) > 10
    table = README.partition("| magic | does |")[2].partition("\n\n")[0]
    assert {one for one in ours if not re.search(rf"`{one}[ `]", table)} == set()


def test_its_table_has_every_command() -> None:
    table = README.partition("| command | does |")[2].partition("\n\n")[0]
    assert {one for one in COMMANDS if not re.search(rf"`{one}[ `]", table)} == set()


def test_its_commands_answer_so(tmp_path: Path) -> None:
    """Line after line, as somebody types them who follows it."""
    program = tmp_path / "bin" / "hero-kernel"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m hero_kernel "$@"\n')
    program.chmod(0o755)
    environ = environment(tmp_path, PATH=f"{program.parent}:{os.environ['PATH']}")
    (shown,) = blocks("console")
    said = ""
    for line in shown.split("\n"):
        if line.startswith("$ "):
            done = subprocess.run(
                ["sh", "-c", line.removeprefix("$ ")],
                env=environ,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            said += f"{line}\n{done.stdout}"
    assert said == shown


def test_its_links_lead_somewhere() -> None:
    links = [one for one in re.findall(r"\]\(([^)]+)\)", README) if "://" not in one]
    assert len(links) > len(list(Path(__file__).parents[1].glob("notebooks/*.ipynb")))
    assert [one for one in links if not (Path(__file__).parents[1] / one).exists()] == []
