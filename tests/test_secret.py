"""A value that does not show itself."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import pytest

from hero_kernel.secret import MASK, Secret

PLAIN = "correct horse"


def test_no_way_of_showing_it_shows_it() -> None:
    secret = Secret(PLAIN)
    shown = [
        str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", f"{[secret]}", "%s" % secret,  # noqa: UP031
        str({"a": secret}), ascii(secret), logging.makeLogRecord({"msg": secret}).getMessage(),
    ]  # fmt: skip
    assert all(PLAIN not in text for text in shown)
    assert str(secret) == MASK


def test_it_is_not_in_a_traceback() -> None:
    with pytest.raises(ValueError, match="••••••") as caught:
        raise ValueError(Secret(PLAIN))
    shown = traceback.format_exception(caught.value)
    assert PLAIN not in "".join(shown)


@pytest.mark.parametrize(
    "out", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars], ids=lambda f: f.__name__
)
def test_it_does_not_leave(out: object) -> None:
    with pytest.raises(TypeError):
        out(Secret(PLAIN))  # type: ignore[operator]


def test_it_is_revealed_when_asked() -> None:
    assert Secret(PLAIN).reveal() == PLAIN


def test_equal_values_are_equal_and_empty_ones_false() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"
    assert Secret("a")
    assert not Secret("")
