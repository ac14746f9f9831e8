"""The magics' texts, told at a terminal."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import hero_kernel
from hero_kernel.commands.shell import COMMANDS
from hero_kernel.commands.words import told

ROOT = Path(hero_kernel.__file__).parents[1]


@pytest.mark.parametrize(
    ("magic", "command"),
    [
        ("%hero_env set A=1", "hero-kernel env set A=1"),
        ("to create it: %hero_context new shop", "to create it: hero-kernel contexts new shop"),
        (
            "run %hero_secret unlock, or set HERO_SECRET_FILE",
            "give --unlock, or set HERO_SECRET_FILE",
        ),
        ("%hero_secret unlock unlocks them", "--unlock unlocks them"),
        ("unlock again: %hero_secret unlock", "unlock again: give --unlock"),
        ("%hero_secret unlock, or set X", "give --unlock, or set X"),
        (
            "read ~/code/x, then %hero allow 5e6d or, on a command line, hero-kernel allow 5e6d",
            "read ~/code/x, then hero-kernel allow 5e6d",
        ),
        ("to take it back: %hero revoke 5e6d", "to take it back: hero-kernel revoke 5e6d"),
        ("%hero --why", "hero-kernel status --why"),
        ("A set in session x and in os.environ", "A set in session x"),
        ("kept in the session, and set in os.environ", "kept in the session"),
        ("100% %hero_unknown x", "100% hero-kernel unknown x"),
        ("nothing of ours", "nothing of ours"),
    ],
)
def test_told(magic, command):
    assert told(magic) == command


NOTEBOOKS_ALONE = ("heroscript.py", "extension.py", "panel.py", "connection.py", "tree.py")
"""Magics that no command stands for: a terminal shows no panel, and `run` carries out files."""


def texts() -> list[str]:
    """Every text of ours that names a magic, as it may be seen; f-strings with X in the holes."""
    found = []
    for file in [*(ROOT / "hero_kernel").rglob("*.py"), *(ROOT / "magics").rglob("*.py")]:
        if {"commands", "panels"} & set(file.parts) or file.name in NOTEBOOKS_ALONE:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (one.value if isinstance(one, ast.Constant) else "X" for one in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return [text for text in found if "%hero" in text and "\n" not in text]


def test_no_text_of_ours_names_a_magic_at_a_terminal():
    """Whatever is written elsewhere later: it is told as a command that there is."""
    seen = texts()
    assert len(seen) > 40
    for text in seen:
        said = told(text)
        assert "%hero" not in said, text
        for noun in re.findall(r"hero-kernel ([a-z_]+)", said):
            assert noun in COMMANDS, (text, said)
