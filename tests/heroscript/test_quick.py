"""The shortcut never reads anything otherwise than the careful scanner does."""

from __future__ import annotations

import random

from heroscript import strategies as hs
from hypothesis import example, given, settings

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript import Action, index, parse
from hero_kernel.heroscript.parse import _careful
from hero_kernel.heroscript.quick import PLAIN
from hero_kernel.heroscript.source import Source

QUICK_SHAPES = (
    "!!a.b x:1 y:'two words' z:a,b",
    "!!a.b x:[a,b] y:0,] z:'[a','b]'",
    "!!a.b x:a,it's y:1",
    "!!a.b\n    x:1\n    text:'\n        one\n\n          two\n        '\n    y:2",
    "!a x:it's y:'b'",
    "!!a.b x:1 // it's",
    "!!a.b x:'a' // c\n  y:'b",
    "!!a.b arg x:1 arg Arg",
    "!!a.b l:a:b,\n    text:'\n    c\n    '",
    "!!a.b // x:'\n  y:'\n  z\n  '",
    "!!a.b x:a:'b y:'c' d\n!!c.d",
    "!!a.b x:'b\n!!c.d y:'e'",
    "!!a.b text:'\n  it\n  '\n!!c.d",
    "!!a.b x:1\n  <!--\n  t:'\n  -->\n  y:'\n  '",
    "!!a.b x:'a\tb'\n\ty:c\td",
    "!!a.b x:'a' ,b",
    "!!a.b x:a, b y:c,",
    "!!a.b\n  x:1\n  ```\n  y:1",
    "!!a.b\n  x:1\n  ![i](j)\n  y:1",
    "!!a.b x:1\n   \n \n  y:2\n   ",
    "!!a.b\n  x:'\n    it\n    ' // it's\n  y:'b'",
    "!!a.b\n  x:'\n    it\n      is\n\n    ' y:1\n!!c.d",
    "!!a.b\n  x:'\n\n    it  \n    is\n        \n    so\n  '",
    "!!a.b x:'a'\n!!c.d y:'''\n!!e.f z:'g'",
    "!!a.b x:it's y:'b\n!!c.d z:'e'",
    "!!a.b x:'b\\'\n!!c.d y:'e'",
    "!!a.b x:'a' //c\n  y://d e://f // g",
    "!!a.b\n  // c\n  x:http://d <!-- e -->",
)


def carefully(text: str) -> tuple[list[Action], list[HeroscriptError]]:
    """Every action by the careful scanner alone."""
    source = Source(text)
    actions: list[Action] = []
    faults: list[HeroscriptError] = []
    at = end = 0
    while at <= len(source.text):
        line_end = source.text.find("\n", at)
        line_end = len(source.text) if line_end < 0 else line_end
        line = source.text[at:line_end].lstrip(" \t")
        if line.startswith("!") and not line.startswith("!["):
            end = _careful(source, at, end, actions, faults, eager=True)
            line_end = source.text.find("\n", end)
            line_end = len(source.text) if line_end < 0 else line_end
        at = line_end + 1
    return actions, faults


def shown(action: Action) -> tuple:
    params = action.params
    return (
        action.kind,
        action.full_name,
        action.comments,
        list(params.items()),
        params.args,
        dict(params.comments),
        dict(params.arg_comments),
        params.end_comment,
        str(action.place),
        [str(params.place(key)) for key in params],
        [str(params.arg_place(nr)) for nr in range(len(params.args))],
    )


def compare(text: str) -> None:
    expected, expected_faults = carefully(text)
    faults: list[HeroscriptError] = []
    actions = parse(text, on_error=faults.append)
    assert [shown(action) for action in actions] == [shown(action) for action in expected]
    assert list(map(str, faults)) == list(map(str, expected_faults))
    try:
        lazy = index(text)
    except HeroscriptError:
        return
    for action in lazy:
        try:
            found = shown(action)
        except HeroscriptError as error:
            assert str(error) in map(str, faults)  # noqa: PT017 - both outcomes are right
        else:
            assert found in [shown(other) for other in expected]
    assert len(lazy) <= len(expected) + len(faults)


def test_shapes_at_the_edge_of_the_shortcut() -> None:
    for text in QUICK_SHAPES:
        compare(text)


@settings(max_examples=800, deadline=None)
@given(hs.script)
@example("!!a.b x:'b c\n!!c.d")
def test_any_text_reads_the_same_both_ways(text: str) -> None:
    compare(text)


def test_the_keys_of_all_actions_are_the_same_texts() -> None:
    first, second = parse("!!a.b some_key:1\n!!c.d arg some_key:2 // c")
    assert next(iter(first.params)) is next(iter(second.params))


def test_shuffled_plain_scripts_read_the_same_both_ways() -> None:
    """Many texts that are nearly plain, so that the shortcut does take part."""
    rng = random.Random(7)  # noqa: S311 - the same every time is what is wanted
    words = [
        "x:1",
        "y:'a b'",
        "z:it's",
        "'",
        '"',
        "k:'",
        "//",
        "arg",
        "l:a,b",
        ",",
        "u:h://x",
        "e:''",
        "t:'\n    q\n    '",
        "\n  ",
        "\n",
        "\n    ",
        "\n!!c.d",
        "\n// c\n!e",
        "p:'\\n'",
        "a:<b>",
        "b:'it\\'s'",
        "c:'\n      d\n  '",
        "g:'h\n  i'",
        "\t",
        "\n\t",
        "m:'n'o",
        "r:s'",
        "w:' v'",
        "s:'''",
        "o:'\n  a\n  ' // don't",
        "n:'a',\n  'b",
        "\\",
    ]
    taken = 0
    for _ in range(4000):
        text = "!!a.b " + " ".join(rng.choice(words) for _ in range(rng.randint(1, 9)))
        compare(text)
        taken += bool((match := PLAIN.match("\n" + text)) and match[1])
    assert taken > 1000
