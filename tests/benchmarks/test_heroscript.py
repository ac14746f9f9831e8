"""Reading, finding and writing actions, against other languages' readers of the same data."""

from __future__ import annotations

import gc
import json
import string
import tomllib
import tracemalloc
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from benchmarks import documents
from benchmarks.measuring import OURS, Goal, interleaved

from hero_kernel.heroscript import Action, index, parse, render, replace_text
from hero_kernel.heroscript.quick import ITEM, PLAIN
from hero_kernel.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.conftest import Figures

COUNT = 100_000
LAZY = "hero index"
FORCED = "hero index, all read"
YAML = "PyYAML, C loader"
JSON = "json"
TOML = "tomllib"
RTOML = "rtoml"
LARK = "lark, LALR"
LEAST = "patterns, dicts, no checks"
MUCH = {OURS, LAZY, FORCED, LEAST, YAML, JSON, TOML, RTOML}

GRAMMAR = r"""
start: action*
action: [COMMENT] HEAD (ARG | param | REMARK)*
param: KEY (BARE | QUOTED | BLOCK)

COMMENT.2: /(?<![^\n])\/\/[^\n]*/
REMARK: /\/\/[^\n]*/
HEAD: /!![a-z]+\.[a-z]+/
KEY: /[a-z]+:/
ARG: /[a-z_]+(?![a-z_:])/
BARE: /[^ \n']+/
QUOTED: /'[^'\n]*'/
BLOCK: /'\n[^']*\n *'/
%ignore /[ \n]+/
"""


@cache
def made(count: int) -> list[documents.Item]:
    return documents.make(count)


@cache
def written(count: int, how: Callable[[list[documents.Item]], str]) -> str:
    return how(made(count))


def plain(actions: list[Action]) -> list[dict[str, Any]]:
    """Actions as the data that the other readers find."""
    return [
        {
            "actor": action.actor,
            "name": action.name,
            "comments": action.comments,
            "args": list(action.params.args),
            "params": dict(action.params),
        }
        for action in actions
    ]


def forced(script: str) -> list[Action]:
    actions = index(script)
    for action in actions:
        action.params  # noqa: B018  # read when it is asked for
    return actions


def least(script: str) -> list[tuple[Any, dict[str, str]]]:
    """What no reader by patterns leaves out: matching, and an empty action and a dict for each."""
    made = []
    for match in PLAIN.finditer(script):
        head, body = match.groups()
        if head:
            params = {key: value for key, value, _ in ITEM.findall(body)}
            made.append((Action.__new__(Action), params))
    return made


def lark_reader(lark: Any) -> Callable[[str], Any]:
    """A parser made for just what the documents hold, which builds the data as it goes."""

    class Data(lark.Transformer):
        def start(self, actions):
            return actions

        def action(self, parts):
            comment, head, *items = parts
            actor, _, name = head[2:].partition(".")
            data = {"actor": actor, "name": name, "comments": str(comment or "")[3:]}
            data["args"] = [str(item) for item in items if getattr(item, "type", "") == "ARG"]
            data["params"] = dict(item for item in items if type(item) is tuple)
            return data

        def param(self, parts):
            key, value = parts
            return str(key[:-1]), value

        def BARE(self, token):  # noqa: N802  # a terminal's name
            return str(token)

        def QUOTED(self, token):  # noqa: N802  # as above
            return str(token[1:-1])

        def BLOCK(self, token):  # noqa: N802  # as above
            return "\n".join([line.strip() for line in token[1:-1].strip().split("\n")])

    return lark.Lark(GRAMMAR, parser="lalr", transformer=Data()).parse


def readers(figures: Figures, count: int) -> dict[str, Callable[[], Any]]:
    """Every reader with its document of so many actions."""
    script = written(count, documents.as_heroscript)
    of_yaml, of_json = written(count, documents.as_yaml), written(count, documents.as_json)
    of_toml = written(count, documents.as_toml)
    works = {
        OURS: lambda: parse(script),
        LAZY: lambda: index(script),
        FORCED: lambda: forced(script),
        LEAST: lambda: least(script),
        YAML: lambda: yaml.load(of_yaml, yaml.CSafeLoader),
        JSON: lambda: json.loads(of_json),
        TOML: lambda: tomllib.loads(of_toml),
    }
    if rtoml := figures.peer("rtoml"):
        works[RTOML] = lambda: rtoml.loads(of_toml)
    if lark := figures.peer("lark"):
        read = lark_reader(lark)
        works[LARK] = lambda: read(script)
    return works


def right(count: int) -> Callable[[str, Any], None]:
    """A check that a reader has found everything."""

    def check(who: str, answer: Any) -> None:
        found = answer
        if who == LEAST:
            assert len(answer) in (count, count - 1)  # the first stands behind no line's end
            return
        if who.startswith(OURS):
            found = plain(answer)
        elif isinstance(answer, dict):
            found = answer["action"]
        assert found == documents.as_data(made(count)), f"{who} has read something else"

    return check


def shown(
    figures: Figures, work: str, times: Mapping[str, list[float]], *goals: Goal, ours: str = OURS
) -> None:
    """A figure of those that are compared with one of our ways to read."""
    peers = {who: taken for who, taken in times.items() if who not in (OURS, LAZY)}
    note = "the collector off for all"
    figures.add(work, {OURS: times[ours], **peers}, *goals, note=note)


def test_reading_a_large_document(figures):
    count = figures.size(COUNT)
    works = {who: one for who, one in readers(figures, count).items() if who in MUCH}
    times = interleaved(works, figures.rounds(5), check=right(count), collector=False)
    goals = [Goal(YAML, faster=12), Goal(TOML, faster=7)]
    goals.append(Goal(RTOML, faster=1.2, why=f"{LEAST}: these alone take 0.8 of it"))
    shown(figures, f"parse {count:,} actions", times, *goals)
    del times[FORCED], times[LEAST]
    goals = [Goal(YAML, faster=45), Goal(JSON, faster=0.9)]
    shown(figures, f"index {count:,} actions", times, *goals, ours=LAZY)


def test_reading_a_document_that_fits_every_reader(figures):
    count = figures.size(COUNT // 10)
    works = readers(figures, count)
    times = interleaved(works, figures.rounds(7), check=right(count), collector=False)
    shown(figures, f"parse {count:,} actions", times)
    del times[FORCED], times[LEAST]
    shown(figures, f"index {count:,} actions", times, ours=LAZY)


@pytest.mark.parametrize("read", [parse, index])
def test_reading_with_the_collector_on(figures, read):
    count = figures.size(COUNT)
    script = written(count, documents.as_heroscript)
    off = f"{OURS}, the collector off"
    figures.compare(
        f"{read.__name__} {count:,} actions with the collector on",
        {OURS: lambda: read(script), off: lambda: read(script)},
        Goal(off, at_most=1.1),
        collector={OURS: True, off: False},
        check=right(count),
    )


def test_a_cell_of_ten_actions(figures):
    times = figures.size(100)
    works = readers(figures, 10)
    del works[LEAST]

    def again(read: Callable[[], Any]) -> Any:
        for _ in range(times):
            answer = read()
        return answer

    figures.compare(
        "parse a cell of ten actions",
        {who: lambda read=read: again(read) for who, read in works.items()},
        Goal(YAML, faster=8.3),
        rounds=15,
        per=times,
        check=right(10),
        collector=False,
        note="the collector off for all",
    )


def test_writing_a_large_document(figures):
    count = figures.size(COUNT)
    script, data = written(count, documents.as_heroscript), documents.as_data(made(count))
    actions: list[Action] = []

    def before(_: int) -> None:
        actions[:] = parse(script)  # those of the last round know what they look like

    def check(who: str, text: str) -> None:
        if who == OURS:  # in two parts: all of it is more than is read at once
            half = text.index("\n\n!!", len(text) // 2) + 1
            assert plain(parse(text[:half])) + plain(parse(text[half:])) == data
        else:
            assert (json.loads(text) if who == JSON else yaml.load(text, yaml.CSafeLoader)) == data

    figures.compare(
        f"render {count:,} actions",
        {
            OURS: lambda: render(actions),
            "PyYAML, C dumper": lambda: yaml.dump(
                data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False
            ),
            JSON: lambda: json.dumps(data, ensure_ascii=False, indent=1),
        },
        rounds=3,
        before=before,
        check=check,
        collector=False,
        note="the collector off for all; ours are fresh from their text",
    )


FILTERS: dict[str, Callable[[Action], bool]] = {
    "git.clone": lambda one: one.actor == "git" and one.name == "clone",
    "git.*": lambda one: one.actor == "git",
    "*.gen*,b*.add": lambda one: (
        fnmatchcase(one.name, "gen*") or (one.name == "add" and fnmatchcase(one.actor, "b*"))
    ),
}


@pytest.mark.parametrize("filter", FILTERS)
def test_finding(figures, filter):
    count = figures.size(COUNT)
    playbook = Playbook.from_text(written(count, documents.as_heroscript))
    wanted, actions = FILTERS[filter], playbook.actions
    expected = [one for one in actions if not one.done and wanted(one)]
    assert expected

    def check(_: str, found: list[Action]) -> None:
        assert [one.id for one in found] == [one.id for one in expected]

    figures.compare(
        f"find {filter} in {count:,} actions",
        {
            OURS: lambda: playbook.find(filter),
            "a list comprehension": lambda: [o for o in actions if not o.done and wanted(o)],
        },
        Goal("a list comprehension", at_most=2),
        check=check,
    )


def test_replacing(figures):
    count = figures.size(COUNT // 10)
    names = ["HOST", "USER", "HOME", "REGION"]
    values = {name: name.lower() for name in names}
    script = written(count, documents.as_heroscript)
    expected = script.replace("/var/lib", "home").replace("example.com", "host")
    text = script.replace("/var/lib", "${HOME}").replace("example.com", "${HOST}")

    def one_by_one() -> str:
        done = text
        for name, value in values.items():
            for spelling in (f"${{{name}}}", f"@{name}", f"{{{name}}}"):
                done = done.replace(spelling, value)
        return done

    def check(who: str, done: str) -> None:
        assert done == expected, f"{who} has put in something else"

    figures.compare(
        f"replace names in {count:,} actions",
        {
            OURS: lambda: replace_text(text, values),
            "string.Template": lambda: string.Template(text).safe_substitute(values),
            "str.replace for each": one_by_one,
        },
        check=check,
        note="str.replace looks again at what was put in",
    )


SIZES = (1_000, 10_000, 100_000)


def growth_works(
    figures: Figures, work: Callable[[Any], Any], ready: Callable[[str], Any] = str
) -> dict[int, Callable[[], Any]]:
    """The same work at every size."""
    works = {}
    for size in SIZES:
        count = figures.size(size)
        given = ready(written(count, documents.as_heroscript))
        works[count] = lambda given=given: work(given)
    return works


@pytest.mark.parametrize("read", [parse, index])
def test_growth_of_reading(figures, read):
    figures.growth(f"{read.__name__} actions", growth_works(figures, read), Goal(at_most=1.05))


def test_growth_of_writing(figures):
    works = growth_works(figures, render, parse)
    figures.growth("render actions", works, Goal(at_most=1.05))


def test_growth_of_finding(figures):
    works = growth_works(figures, lambda playbook: playbook.find("git.clone"), Playbook.from_text)
    figures.growth("find actions", works, Goal(at_most=1.05))


def test_memory(figures):
    count = figures.size(COUNT // 10)
    works = readers(figures, count)
    for unmeasured in (LARK, FORCED, LEAST):
        works.pop(unmeasured, None)
    held = {who: [held_bytes(read) / count] for who, read in works.items()}
    note = "held after reading, the text itself left out for all"
    lazy = held.pop(LAZY)
    figures.add("memory of an action", held, Goal(JSON, at_most=0.9), unit="B", note=note)
    held = {**held, OURS: lazy}
    figures.add("memory of an indexed action", held, Goal(JSON, at_most=0.45), unit="B", note=note)


def held_bytes(read: Callable[[], Any]) -> int:
    """What an answer keeps in memory, and whatever else reading leaves behind."""
    read()  # what is kept for good, as patterns, is there before
    gc.collect()
    tracemalloc.start()
    try:
        answer = read()
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        del answer
        return held
    finally:
        tracemalloc.stop()
