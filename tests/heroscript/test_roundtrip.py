"""Whatever can be held can be written, and what is written reads back the same."""

from __future__ import annotations

import pytest
from heroscript import strategies as hs
from hypothesis import given, settings
from hypothesis import strategies as st

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript import Action, Params, index, parse, render


def comments(action: Action) -> tuple:
    params = action.params
    return (dict(params.comments), dict(params.arg_comments), params.end_comment, list(params))


@settings(max_examples=400, deadline=None)
@given(st.lists(hs.action(), max_size=3))
def test_rendered_actions_read_back_equal(actions: list[Action]) -> None:
    again = parse(render(actions))
    assert again == actions
    assert [comments(action) for action in again] == [comments(action) for action in actions]


@settings(max_examples=500, deadline=None)
@given(hs.params())
def test_params_on_one_line_read_back_equal(params: Params) -> None:
    text = params.heroscript()
    assert "\n" not in text
    again = Params.from_text(text)
    assert again == params
    assert list(again) == list(params)


@settings(max_examples=500, deadline=None)
@given(hs.value)
def test_any_text_can_be_a_value(value: str) -> None:
    action = Action("a.b", {"x": value, "y": "1"}, args=["z"])
    assert parse(action.heroscript())[0].params["x"] == value


@settings(max_examples=600, deadline=None)
@given(hs.script)
def test_parsing_what_was_rendered_changes_nothing(text: str) -> None:
    faults: list[HeroscriptError] = []
    actions = parse(text, on_error=faults.append)
    for fault in faults:
        assert isinstance(fault, HeroscriptError)
        assert fault.place is not None
    again = parse(render(actions))
    assert again == actions
    assert [comments(action) for action in again] == [comments(action) for action in actions]


@settings(max_examples=400, deadline=None)
@given(hs.script)
def test_index_finds_what_parse_finds(text: str) -> None:
    faults: list[HeroscriptError] = []
    actions = parse(text, on_error=faults.append)
    try:
        found = index(text)
    except HeroscriptError as error:
        assert set(map(str, error.errors)) <= set(map(str, faults))  # noqa: PT017 - as below
        return
    good = []
    for action in found:
        try:
            _ = action.params
        except HeroscriptError as error:
            assert str(error) in map(str, faults)  # noqa: PT017 - both outcomes are right
        else:
            good.append(action)
    assert good == actions
    assert [str(action.place) for action in good] == [str(action.place) for action in actions]
    assert [comments(action) for action in good] == [comments(action) for action in actions]


@settings(max_examples=200, deadline=None)
@given(st.lists(hs.value, min_size=2, max_size=4))
def test_a_list_keeps_its_items(items: list[str]) -> None:
    items = ["first", *(item.strip(" \t\n\v\f\r") for item in items)]
    params = Params({"l": items})
    assert Params.from_text(params.heroscript()).get_list("l") == params.get_list("l")
    assert params.get_list("l") == [item for item in items if item]


def test_half_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogate"):
        Params({"x": "\ud800"})
    with pytest.raises(HeroscriptError, match="surrogate"):
        parse("!!a.b x:'\udfff'")
