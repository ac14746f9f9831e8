"""Faults of the first implementation, by their number in the list kept with the project's facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hero_kernel.errors import HeroscriptError, ParamError
from hero_kernel.heroscript import Action, Params, parse, render, to_map

if TYPE_CHECKING:
    from pathlib import Path


def params(text: str) -> dict[str, str]:
    (action,) = parse(text)
    return dict(action.params)


def test_fault_01_both_quotes_are_honoured() -> None:
    assert params('!!a.b x:"it\'s here" y:1') == {"x": "it's here", "y": "1"}
    assert params("!!a.b x:'say \"hi\"'") == {"x": 'say "hi"'}
    assert params('!!a.b x:{"a":1} y:\'{"a":1}\'') == {"x": '{"a":1}', "y": '{"a":1}'}


def test_fault_02_a_block_keeps_its_quotes() -> None:
    assert params("!!a.b\n  t:'\n    it's \"one\"\n    '") == {"t": 'it\'s "one"'}


def test_fault_03_a_block_keeps_its_blank_lines() -> None:
    assert params("!!a.b\n  t:'\n    one\n\n\n    two\n    '") == {"t": "one\n\n\ntwo"}


def test_fault_04_a_quoted_value_may_hold_any_line() -> None:
    text = (
        "!!a.b\n    t:'\n        one\n          !!not.action x:1\nbare\n        '\n    y:1\n!!c.d"
    )
    first, second = parse(text)
    assert (
        first.params["t"]
        == "one\n          !!not.action x:1\nbare".replace("one", "        one").strip()
    )
    assert first.params["y"] == "1"
    assert second.full_name == "c.d"


def test_fault_05_a_block_may_follow_other_parameters() -> None:
    assert params("!!a.b x:1 t:'\n    one\n    '\n    y:2") == {"x": "1", "t": "one", "y": "2"}


def test_fault_06_any_number_of_blanks_before_a_block() -> None:
    assert params("!!a.b\n  t:       '\n    one\n    two\n    '") == {"t": "one\ntwo"}


def test_fault_07_a_quote_on_a_line_of_text_closes() -> None:
    assert params("!!a.b\n    t:'\n        one\n        two'\n    y:1") == {
        "t": "one\ntwo",
        "y": "1",
    }
    with pytest.raises(HeroscriptError, match="t:2:7: the quote is not closed"):
        parse("!!a.b\n    t:'\n        one\n    y:1\n!!c.d x:1", name="t")


def test_fault_08_a_comment_needs_a_blank_before_it() -> None:
    assert params("!!a.b url:https://x.com/y z:1") == {"url": "https://x.com/y", "z": "1"}
    assert params("!!a.b x:a//b y:1") == {"x": "a//b", "y": "1"}
    assert (
        params("!!a.b d:'see https://x.com\n   for more' y:1")["d"] == "see https://x.com for more"
    )
    assert params("!!a.b https://x.com/y") == {"https": "//x.com/y"}


def test_fault_09_a_comment_runs_to_the_end_of_its_line() -> None:
    assert params("!!a.b\n  x:1 // it's a comment\n  y:2") == {"x": "1", "y": "2"}
    assert params("!!a.b\n  // see https://x.com/y\n  x:1") == {"x": "1"}
    (action,) = parse("!!a.b\n  /// doc\n  x:1 // see https://x.com")
    assert action.params.args == ()
    assert action.params.comments == {"x": "doc\nsee https://x.com"}


def test_faults_10_to_14_a_list_is_its_items() -> None:
    assert params("!!a.b l:'a b',c x:1")["l"] == '"a b",c'
    assert params("!!a.b l:'a, b','c'")["l"] == '"a, b",c'
    assert params("!!a.b l:a,'c d' x:1")["l"] == params("!!a.b l:a,'c d'")["l"] == 'a,"c d"'
    assert params("!!a.b l:'a','b' t:'hello world'")["t"] == "hello world"
    assert params("!!a.b l:a,b, x:1") == {"l": "a,b", "x": "1"}
    assert params("!!a.b l:a,b,") == {"l": "a,b"}
    assert params("!!a.b\n  l:'a',\n  x:'b'") == {"l": "a", "x": "b"}


def test_fault_15_an_empty_value_ends_with_its_line() -> None:
    assert params("!!a.b x:\n  y:2") == {"x": "", "y": "2"}
    assert params("!!a.b x:") == {"x": ""}
    assert params("!!a.b x: // c\n  y:1") == {"x": "", "y": "1"}


def test_fault_16_the_last_comment_is_kept() -> None:
    (action,) = parse("!!a.b\n  x:1\n  // dangling\n")
    assert action.params.end_comment == "dangling"
    assert parse(render([action]))[0].params.end_comment == "dangling"
    (action,) = parse("!!a.b\n  x:1 // ends-/early y:2")
    assert action.params.comments == {"x": "ends-/early y:2"}


def test_fault_17_an_html_comment_may_have_lines() -> None:
    (action,) = parse("!!a.b\n  <!-- one\n  two -->\n  x:1")
    assert action.params.comments == {"x": "one\ntwo"}


def test_fault_18_a_backslash_can_end_a_value() -> None:
    assert params(r"!!a.b x:'abc\\' y:1") == {"x": "abc\\", "y": "1"}


@pytest.mark.parametrize(
    "value", [r"C:\new\table", "a\nb", "a\\nb", 'a,"b c",d', "a\n\n\nb\n```\nc"]
)
def test_faults_19_to_24_what_is_written_is_what_was_meant(value: str) -> None:
    action = Action(
        "a.b", {"a/b": value, "my__key": "1", "my_key": "2"}, args=["Arg1", "Arg1", "./y"]
    )
    (again,) = parse(action.heroscript())
    assert again == action
    assert again.params["a/b"] == value
    assert again.params.args == ("Arg1", "./y")


def test_fault_25_comments_are_written() -> None:
    (action,) = parse("// c\n!!a.b x:1")
    assert action.heroscript() == "// c\n!!a.b x:1\n"


def test_fault_26_keys_are_looked_up_as_they_are_stored() -> None:
    found = Params.from_text("a/b:1 my__k:2 A.b.c:true")
    assert (found.get("a/b"), found["my__k"], found.get("/A.B.C")) == ("1", "2", "true")
    assert found.get_default_true("a.b.c")
    assert not found.get_default_false("none")


def test_fault_27_quotes_protect_commas_in_a_list() -> None:
    assert Params.from_text("l:a,'b, c'").get_list("l") == ["a", "b, c"]


def test_fault_28_an_interval_reads_two_times() -> None:
    found = Params({"i": "2022-01-01, 2022-01-02 01:00", "j": "2022-01-02 - 2022-01-01"})
    assert found.get_time_interval("i").total_seconds() == 25 * 3600
    with pytest.raises(ParamError, match="the later one second"):
        found.get_time_interval("j")


@pytest.mark.parametrize(
    ("text", "seconds"), [("12PM", 43200), ("12AM", 0), ("10:30PM", 81000), ("7", 25200)]
)
def test_fault_29_a_clock_has_twelve_hours(text: str, seconds: int) -> None:
    assert Params({"t": text}).get_timestamp("t").total_seconds() == seconds


@pytest.mark.parametrize("text", ["13PM", "0AM", "24:00", "10:60", "abc", "", "10:30:15"])
def test_fault_29_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ParamError, match="time of day"):
        Params({"t": text}).get_timestamp("t")


def test_faults_31_and_32_amounts() -> None:
    found = Params({"e": "10 eur", "n": "-5usd", "empty": "", "k": "3meur", "x": "10XXX"})
    assert found.get_currencyamount("e").usd > 10
    assert found.get_currencyamount("n").value == -5
    assert found.get_currencyamount("k").value == 3e6
    for key in ("empty", "x"):
        with pytest.raises(ParamError, match="a number with a currency"):
            found.get_currencyamount(key)


def test_fault_33_lists_of_numbers_check_their_range() -> None:
    with pytest.raises(ParamError, match="from -128 to 127"):
        Params({"l": "1,300"}).get_list_i8("l")


def test_fault_41_a_fault_has_a_place() -> None:
    with pytest.raises(HeroscriptError, match=r"t:2:1: a\.b\.c has 3 parts"):
        parse("!!a.b\n!!a.b.c", name="t")


def test_fault_42_a_home_only_begins_a_path(tmp_path: Path) -> None:
    path = tmp_path / "b~1"
    assert Params({"p": str(path)}).get_path_create("p") == str(path)
    assert Params({"p": str(path)}).get_path("p") == str(path)
    with pytest.raises(ParamError, match="a path that exists"):
        Params({"p": str(tmp_path / "none")}).get_path("p")


def test_fault_43_a_byte_order_mark_hides_nothing() -> None:
    assert params("\ufeff!!a.b x:1") == {"x": "1"}


@pytest.mark.timeout(5)
def test_fault_45_garbage_is_no_amount() -> None:
    with pytest.raises(ParamError):
        Params({"x": "U+.0UX92{"}).get_currencyamount("x")


def test_fault_46_a_map_is_split_at_the_first_colon() -> None:
    assert to_map("U:https://x, B:'two words',") == {"U": "https://x", "B": "two words"}
    with pytest.raises(HeroscriptError, match="NAME:value"):
        to_map("U:1, broken")
