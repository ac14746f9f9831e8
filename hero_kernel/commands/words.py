"""The magics' texts, told to somebody at a terminal: `%hero_env set` is `hero-kernel env set`."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    _Words = str | Callable[[re.Match[str]], str]

PROGRAM = "hero-kernel"

NOUNS = {
    "context": "contexts",
    "session": "sessions",
    "env": "env",
    "param": "param",
    "db": "db",
    "config": "config",
    "secret": "secret",
    "log": "log",
    "help": "actions",
}
"""The command for each magic `%hero_…`."""


_STDIN = "standard input, and give - for it"


def told(text: str) -> str:
    """The text with commands in the place of magics, and without what only a notebook has."""
    for pattern, words in _rules():
        text = pattern.sub(words, text)
    return text


def _noun(found: re.Match[str]) -> str:
    return f"{PROGRAM} {NOUNS.get(found[1], found[1])}"


@cache
def _rules() -> list[tuple[re.Pattern[str], _Words]]:
    return [(re.compile(pattern), words) for pattern, words in _RULES]


_RULES: tuple[tuple[str, _Words], ...] = (
    # what a process of its own cannot do: nothing stays unlocked, exported or bound after it
    (r"(?:run |first: )?%hero_secret unlock\b(?! -)", "give --unlock"),
    (r"give --unlock unlocks (it|them)", r"--unlock unlocks \1"),
    (r"unlock again: give", "unlock again: give"),
    (r",? and(?: set)? in os\.environ", ""),
    (r"; os\.environ gets back what it had", ""),
    (r", and `\.reveal\(\)`s it", ""),
    (r" and bind the notebook to it", ""),
    (r"the (context|session) the notebook is (?:in|on)\b", r"the \1 that commands act on"),
    (r"what the notebook is bound to", "what commands act on"),
    (r"(?<=[:;] )%hero_session use (\S+)", r"give -s \1"),
    (r"%hero_session use (\S+)", r"-s \1"),
    (r"%hero_context (\S+) -s (\S+)", rf"{PROGRAM} -c \1 -s \2"),
    (r"to bind another notebook here", "to be here again"),
    (r"to bind the notebook to it:", "to act on it:"),
    (
        r"%hero_session (?!(?:show|list|new|set|reset|end|rm|fork|prune|export|import)\b)(\w+)",
        r"give -s \1",
    ),
    # a cell's text is standard input
    (
        r"a cell that begins with %%hero_config CATEGORY NAME",
        "standard input, and give - for it",
    ),
    (r"the cell of %%hero_db KEY --json", "standard input, and give - for it"),
    (r"run a %%heroscript cell first", f"{PROGRAM} run FILE makes one"),
    (r"(?<=; )`%%hero_config` writes a cell", "- is standard input"),
    # both doors named
    (r"%hero (\w+) \S+ or, on a command line, (?=hero-kernel)", ""),
    (r"which the notebook and its history keep", "which the shell's history keeps"),
    (r"which is kept in history and in the notebook", "which the shell's history keeps"),
    (r"before the kernel", "before the command"),
    (r"in this kernel", "here"),
    # and the rest by name
    (r"%{1,2}hero_([a-z]+)", _noun),
    (r"%hero (allow|revoke|deny|undeny)\b", rf"{PROGRAM} \1"),
    (r"%{1,2}heroscript\b", f"{PROGRAM} run"),
    (r"%hero(?: show)?\b", f"{PROGRAM} status"),
)
"""In their order: what stands above is not seen by what stands below."""
