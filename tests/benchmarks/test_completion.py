"""Tab in a Hero kernel, against IPython's own completion of a Python word in the same kernel."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import pytest
from benchmarks.measuring import OURS, Goal
from kernel.driving import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

TABS = 5
"""In a row make one sample."""

PYTHON = "a Python word"
WORD = "some_text.upp"
MANY = """
import hero_kernel as hero
from typing import Literal
context = hero.context()
for n in range({sessions}):
    name = f'many_{{n:04}}'
    record = f'{{{{"name": "{{name}}"}}}}'
    context.host.store.create(context.id, f'sessions:config:{{name}}', record)
hero.session().db_get().update((f'key{{n:06}}', n) for n in range({keys}))
for n in range(500):
    @hero.action(f'actor{{n % 25:02}}.action{{n:03}}')
    def act(session, *, name: str, how: Literal['fast', 'slow'] = 'fast'): ...
hero.session().env_update({{f'VARIABLE_{{n}}': str(n) for n in range(100)}})
some_text = 'a'
"""
ASKED = {
    "verb": "%hero_env s",
    "option": "%hero_env set --o",
    "session of 1,000": "%hero_session use many_00",
    "all 1,000 sessions": "%hero_session use ",
    "context": "%hero_context use d",
    "variable": "%hero_env get V",
    "key of 100,000": "%hero_db get key0000",
    "all 100,000 keys": "%hero_db get ",
    "database": "%hero_db get -d s",
    "secret": "%hero_secret get T",
    "file": "%heroscript -f h",
    "actor of 500 actions": "!!a",
    "action of 500": "!!actor07.a",
    "parameter": "!!git.clone ur",
    "value": "!!actor07.action007 how:f",
    "name in braces": "!!play.echo content:'{V",
    "parameter in a long cell": "%%heroscript\n"
    + "!!git.clone url:x light\n" * 500
    + "!!git.clone u",
}
EMPTY = {"secret", "database"}
"""Kinds of which nothing begins so: to find none takes the same way."""


@pytest.fixture
def kernel(tmp_path) -> Iterator[Kernel]:
    with Kernel(tmp_path, HERO_SESSION="bench") as one:
        (tmp_path / "hello.hero").write_text("!!play.echo content:hello\n")
        yield one


def tab(kernel: Kernel, cell: str) -> list[str]:
    reply = kernel.client.complete(cell, len(cell), reply=True, timeout=20)
    assert reply["content"]["status"] == "ok"
    return list(reply["content"]["matches"])


def tabs(kernel: Kernel, cell: str) -> None:
    for _ in range(TABS):
        tab(kernel, cell)


def test_every_kind(figures, kernel):
    kernel.ask(MANY.format(sessions=figures.size(1000), keys=figures.size(100_000, 200)))
    first = {}
    for name, cell in ((OURS, "!!git.clone ur"), (PYTHON, WORD)):
        begin = perf_counter()
        tab(kernel, cell)
        first[name] = [perf_counter() - begin]
    figures.add("the first Tab of a kernel", first)
    for kind, cell in ASKED.items():
        found = tab(kernel, cell)
        assert found or kind in EMPTY, f"nothing is offered for a {kind}"
        figures.compare(
            f"Tab: {kind}",
            {OURS: lambda cell=cell: tabs(kernel, cell), PYTHON: lambda: tabs(kernel, WORD)},
            Goal(at_most=0.003),
            rounds=15,
            per=TABS,
        )


def test_our_part_of_a_python_word(figures, kernel):
    """What looking at every Tab costs, for one that has nothing to do with us."""
    timed = (
        "from time import perf_counter\n"
        "kernel = get_ipython().kernel\n"
        "def time_s(cell):\n"
        "    begin = perf_counter()\n"
        "    kernel.do_complete(cell, len(cell))\n"
        "    return perf_counter() - begin\n"
        "hooks = get_ipython()._hero_extension.hooks\n"
        "cell = 'x = 1\\n' * 100 + 'print'\n"
        "begin = perf_counter()\n"
        "for _ in range(1000): hooks.found(cell, len(cell))\n"
        "ours = (perf_counter() - begin) / 1000\n"
        "time_s(cell)\n"
        "print(ours, sorted(time_s(cell) for _ in range(50))[25])"
    )
    samples: dict[str, list[float]] = {OURS: [], PYTHON: []}
    for _ in range(figures.rounds(3)):
        for who, taken in zip(samples, kernel.ask(timed).split(), strict=True):
            samples[who].append(float(taken))
    figures.add(
        "our look at a Tab that is not ours",
        samples,
        Goal(PYTHON, at_most=0.1),
        note="in a long cell",
    )
