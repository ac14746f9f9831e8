"""Every magic with every verb, called wrongly: one clear line, and nothing is changed."""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING

import pytest

from magics.door import Door
from magics.extension import HeroMagics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from magics.arguments import Command


@cache
def commands() -> dict[str, Command]:
    """The magics as they are registered, but of no shell: only their arguments are looked at."""
    return HeroMagics(None, Door(None)).commands  # type: ignore[arg-type]


def every_verb() -> Iterator[tuple[str, str]]:
    for name, command in commands().items():
        for verb in command.verbs:
            yield name, verb


VERBS = list(every_verb())


def parser(magic: str, verb: str) -> argparse.ArgumentParser:
    return commands()[magic]._parser(verb)


def required(magic: str, verb: str) -> bool:
    return any(
        not action.option_strings and action.nargs not in ("?", "*")
        for action in parser(magic, verb)._actions
    )


def takes_many(magic: str, verb: str) -> bool:
    return any(
        not action.option_strings and action.nargs in ("+", "*", argparse.REMAINDER)
        for action in parser(magic, verb)._actions
    )


def valued_options(magic: str, verb: str) -> list[str]:
    return [
        action.option_strings[-1]
        for action in parser(magic, verb)._actions
        if action.option_strings and action.nargs is None
    ]


def ids(case: tuple[str, ...]) -> str:
    return " ".join(case)


@pytest.fixture
def unchanged(shared):
    """Nothing that is called wrongly changes a record."""
    shared.ask("%hero")
    store = shared.shell.find_line_magic("hero").__self__.door.workspace.store

    def records() -> dict[tuple[int, str], str | None]:
        return {
            (n, key): store.get(n, key)
            for n in store.numbers()
            for key in store.scan(n)
            if "lease" not in key  # its heartbeat goes on
        }

    before = records()
    yield shared
    assert records() == before


@pytest.mark.parametrize("case", VERBS, ids=ids)
def test_an_option_that_is_none(unchanged, case):
    magic, verb = case
    said = unchanged.refused(f"%{magic} {verb} --bogus-option")
    assert f"%{magic} {verb} has no option --bogus-option" in said
    assert "did you mean" in said or "known:" in said or "-h" in said, said


@pytest.mark.parametrize("case", [case for case in VERBS if required(*case)], ids=ids)
def test_a_word_that_is_missing(unchanged, case):
    magic, verb = case
    said = unchanged.refused(f"%{magic} {verb}")
    assert "needs" in said
    assert f"%{magic} {verb}" in said


@pytest.mark.parametrize("case", [case for case in VERBS if not takes_many(*case)], ids=ids)
def test_words_too_many(unchanged, case):
    magic, verb = case
    cell = unchanged.run(f"%{magic} {verb} one two three four five six")
    assert not cell.ok
    assert cell.ename == "UsageError", (cell.ename, cell.traceback)
    assert len("\n".join(cell.traceback).split("\n")) <= 4


@pytest.mark.parametrize(
    "case",
    [(*case, option) for case in VERBS for option in valued_options(*case)],
    ids=ids,
)
def test_an_option_without_its_value(unchanged, case):
    magic, verb, option = case
    cell = unchanged.run(f"%{magic} {verb} {option}")
    assert cell.ename == "UsageError", (cell.ename, cell.traceback)
    assert len("\n".join(cell.traceback).split("\n")) <= 4


@pytest.mark.parametrize("case", VERBS, ids=ids)
def test_every_verb_explains_itself(unchanged, case):
    magic, verb = case
    for line in (f"%{magic} {verb} -h", f"%{magic} {verb} --help"):
        text = repr(unchanged.ask(line))
        assert text.startswith(f"usage: %{magic} {verb}"), text
        explained = text.split("\n\n")[1].strip()
        assert len(explained) >= len("Write an entry."), text
        assert explained[0].isupper(), text
        assert explained.rstrip().endswith("."), text


@pytest.mark.parametrize("magic", list(commands()))
@pytest.mark.parametrize("line", ["--bogus-option", "'never closed", "sohw --bogus", "-Z"])
def test_a_line_that_makes_no_sense(unchanged, magic, line):
    said = unchanged.refused(f"%{magic} {line}")
    assert said.count("\n") <= 1, said


@pytest.mark.parametrize("magic", [name for name in commands() if not commands()[name].otherwise])
@pytest.mark.parametrize("verb", ["sett", "lsit", "remvoe", "🚀", "..", "%s", "<b>"])
def test_a_verb_that_is_none(unchanged, magic, verb):
    said = unchanged.refused(f"%{magic} {verb}")
    assert f"%{magic} has no verb {verb}" in said


@pytest.mark.parametrize(
    "line",
    [
        "%%heroscript --bogus",
        "%%heroscript -o",
        "%%heroscript -o 1x",
        "%%heroscript 'x",
        "%%heroscript x",
    ],
)
def test_options_of_a_cell(unchanged, line):
    said = unchanged.refused(f"{line}\n!!session.env_set key:A val:1")
    assert said.count("\n") <= 1
