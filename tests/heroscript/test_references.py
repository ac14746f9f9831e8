"""Reading references: what is one, what is text, what is a slip, and where each one stands."""

from __future__ import annotations

import random
import sys
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero_kernel.heroscript import Params, escaped, parse, references
from hero_kernel.heroscript.references import Reference, Slip, pieces

PARTS = (
    "$", "$$", "${", "{", "}", "${env:X}", "$${env:X}", "${param:a.b}", "${secret:", "${py:",
    "${py:f(x)}", '${py:{"a": 1}["a"]}', "${envs:X}", "${Secret:y}", "${ env:X}", "${env: X}",
    "${VAR:-x}", "${KEY}", "{KEY}", "${env:-x}", "'", '"', "(", "[", "#", "\n", " ", "x", "é", "\\",
    "\x00", ":", "${env:}", "${env:A${env:B}",
)  # fmt: skip
text = st.one_of(st.lists(st.sampled_from(PARTS), max_size=8).map("".join), st.text(max_size=30))


def names(value: str) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in references(value)]


def slips(value: str) -> list[Slip]:
    return [piece for piece in pieces(value) if isinstance(piece, Slip)]


@settings(max_examples=800, deadline=None)
@given(text)
def test_any_text_escaped_is_that_text(value: str) -> None:
    assert "".join(map(str, pieces(escaped(value)))) == value
    assert references(escaped(value)) == ()
    assert slips(escaped(value)) == []


@settings(max_examples=800, deadline=None)
@given(text)
def test_every_reference_stands_where_it_says(value: str) -> None:
    end = 0
    for one in references(value):
        start = one.span[0]
        assert start >= end
        end = one.span[1]
        assert value[start:end] == one.written


@settings(max_examples=400, deadline=None)
@given(text, text, st.sampled_from(["${env:X}", "${py:{1: '}'}[1]}", "${secret:a-b}"]))
def test_text_around_a_reference_hides_none_and_loses_nothing(
    before: str, after: str, written: str
) -> None:
    read = pieces(escaped(before).rstrip("$") + " " + written + " " + escaped(after))
    assert [str(one) for one in read if not isinstance(one, str)] == [written]
    plain = "".join(one for one in read if isinstance(one, str))
    assert plain.endswith(f"  {after}")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${env:X}", [("env", "X")]),
        ("a ${env:X}/${param:x.y}, ${secret:t-1}!", [
            ("env", "X"), ("param", "x.y"), ("secret", "t-1"),
        ]),
        ("line\n${env:X}\n${env:X}", [("env", "X"), ("env", "X")]),
        ("${foo:${env:X}}", [("env", "X")]),
        ("$$${env:X}", [("env", "X")]),
        ("${env:Größe}", [("env", "Größe")]),
        ('${py:{"a": 1}["a"]} z', [("py", '{"a": 1}["a"]')]),
        ('${py:f"{x!r:>{w}}"}}', [("py", 'f"{x!r:>{w}}"')]),
        ("${py:d['}']} it's", [("py", "d['}']")]),
        ("${py:'''}'''}", [("py", "'''}'''")]),
        ("${py:[\n1,\n2]}é}", [("py", "[\n1,\n2]")]),
        ("${py:'é' + x} ${py:y}", [("py", "'é' + x"), ("py", "y")]),
        ("${py:-x}", [("py", "-x")]),
        ("${py:(lambda a: {a})(1)}", [("py", "(lambda a: {a})(1)")]),
    ],
)  # fmt: skip
def test_references(value: str, expected: list[tuple[str, str]]) -> None:
    assert names(value) == expected
    assert slips(value) == []


@pytest.mark.parametrize(
    "value",
    [
        "${KEY} $KEY ${VAR:-x} ${VAR:=x} ${VAR:+x} ${VAR:?no} ${VAR:0:3} $(x) $",
        "${env:-x} ${secret:=y} ${param:?}",  # bash's variables of these names
        "${ENV:0:3} ${PY:0} ${Env}",
        "${other:x} ${pypi:x} ${environs:x} ${envoy-2:x}",
        "{KEY} {env:X} {{env:X}} ${ } ${}",
        "$${KEY} $${VAR:-x}",
    ],
)
def test_text_stays_as_it_is(value: str) -> None:
    assert pieces(value) == (value,)
    assert escaped(value) == value


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("$${env:X}", "${env:X}"),
        ("$$$${env:X}", "$${env:X}"),
        ("a $${py:f(x)} b", "a ${py:f(x)} b"),
        ("$${envs:X}", "${envs:X}"),
        ("$${env:", "${env:"),
    ],
)
def test_pairs_of_dollars_are_dollars(written: str, text: str) -> None:
    assert pieces(written) == (text,)
    assert escaped(text) == written


def test_an_odd_dollar_more_begins_a_reference() -> None:
    assert pieces("$$${env:X}") == ("$", Reference("env", "X", (2, 10)))


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ("${envs:X}", "${envs:X} is no reference", "did you mean ${env:X}?"),
        ("${Secret:T}", "${Secret:T} is no reference", "did you mean ${secret:T}?"),
        ("${evn:X}", "${evn:X} is no reference", "did you mean ${env:X}?"),
        ("${environment:X}", "is no reference", "did you mean ${env:X}?"),
        ("${params:x}", "is no reference", "did you mean ${param:x}?"),
        ("${python:f(1)}", "is no reference", "did you mean ${py:f(1)}?"),
        ("${ env:X}", "is no reference", "did you mean ${env:X}?"),
        ("${env :X}", "is no reference", "did you mean ${env:X}?"),
        ("${env: X}", "${env: X} is no reference", "write ${env:NAME}"),
        ("${env:X:-5}", "${env:X:-5} is no reference", "write ${env:NAME}"),
        ("${env:}", "${env:} names nothing", "write ${env:NAME}"),
        ("${py: }", "${py: } names nothing", "write ${py:EXPRESSION}"),
        ("${env:X and more", "${env:X and more… is not closed", "end it with }"),
        ("${py:f(x}", "is not closed", "end it with }"),
        ("${py:x) + (y}", "is not closed", "end it with }"),
    ],
)
def test_what_is_nearly_one_is_no_silent_text(value: str, message: str, hint: str) -> None:
    slip = slips(f"before {value}")[0]
    assert message in slip.message
    assert slip.hint.startswith(hint)
    assert "is the text itself" in slip.hint
    assert references(value) == ()
    assert pieces(escaped(value)) == (value,)


@pytest.mark.parametrize(
    "many", ["$", "${py:(", "${py:1} ", "${env:", "${x", "${env:}", "{", "${py:'"]
)
def test_long_texts_are_read_in_time(many: str) -> None:
    """With a search from each dollar, or to the end from each opener, one takes minutes."""
    value = many * 5000 + "${"
    begin = perf_counter()
    pieces(value)
    escaped(value)
    assert perf_counter() - begin < 2


@pytest.mark.parametrize(
    "many", ["${py:a}", "${py:a}\n", "${py:?}", "${py:'}\n", "${env:", "${env:a b}"]
)
def test_time_grows_with_the_text_only(many: str) -> None:
    """With each one's end looked for in all that follows, it grows with its square."""
    taken = []
    for count in (1000, 8000):
        value = many * count + "}"
        rounds = []
        for _ in range(3):
            begin = perf_counter()
            pieces(value)
            rounds.append(perf_counter() - begin)
        taken.append(min(rounds))
    assert taken[1] / taken[0] < 8 * 4


@pytest.mark.parametrize("behind", ["", "x", "x" * 5000, "\n" * 5000, "'", '"""', "\0", "}" * 400])
def test_an_expression_ends_where_it_ends_however_long_it_is(behind: str) -> None:
    """A quote that is open where a first look ends hides what stands in it."""
    for far in range(240, 261):
        for expression in (
            f"'{'x' * far}}}}}'",
            f"f({'a, ' * (far // 3)})",
            f"[{'1' * far}]['}}']",
            f'"""{"}" * far}\n}}"""',
            f"f(  # {'x' * far}}}\n)",
        ):
            assert references(f"${{py:{expression}}}{behind}")[0].name == expression


@pytest.mark.parametrize("seed", range(3))
def test_a_first_look_changes_no_answer(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same every time is what is wanted
    texts = [
        "${py:" + "".join(rng.choices((*PARTS, *"}}}}"), k=rng.randrange(12))) for _ in range(1000)
    ]
    module = sys.modules[Reference.__module__]  # the package has a function of its name
    monkeypatch.setattr(module, "_LOOK", 10**6)
    whole = [references(text) for text in texts]
    monkeypatch.setattr(module, "_LOOK", 2)
    assert [references(text) for text in texts] == whole
    assert sum(map(len, whole)) > 100


def test_a_long_one_is_shown_on_a_short_line() -> None:
    one = references("${py:[\n" + "x,\n" * 100 + "]}")[0]
    assert len(str(one)) < 80
    assert "\n" not in str(one)


SCRIPT = """\
!!a.b x:${env:X} l:a, ${env:B}, 'c d' y:'two ${param:p} words'
    z:'
    line ${secret:s}
      and ${py:{"k": 1}["k"]}
    '
    w:"it's ${py:d['k']}"
"""


def test_references_in_every_kind_of_value() -> None:
    params = parse(SCRIPT)[0].params
    found = {key: names(value) for key, value in params.items()}
    assert found == {
        "x": [("env", "X")],
        "l": [("env", "B")],
        "y": [("param", "p")],
        "z": [("secret", "s"), ("py", '{"k": 1}["k"]')],
        "w": [("py", "d['k']")],
    }
    again = Params.from_text(params.heroscript())
    assert again == params


def test_the_place_of_a_piece_of_a_value() -> None:
    params = parse(SCRIPT, name="cell")[0].params
    for key, written, place in (
        ("x", "${env:X}", "cell:1:9"),
        ("l", "${env:B}", "cell:1:23"),
        ("y", "${param:p}", "cell:1:46"),
        ("z", "${secret:s}", "cell:3:10"),
        ("z", '${py:{"k": 1}["k"]}', "cell:4:11"),
        ("y", "${env:X}", "cell:1:41"),  # not in it: where the value stands
    ):
        assert str(params.place_of(key, written)) == place
    assert params.place_of("none", "x") is None
    assert Params({"x": "${env:X}"}).place_of("x", "${env:X}") is None
