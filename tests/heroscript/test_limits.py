"""Hard texts: too long, made to be slow, or of many parts."""

from __future__ import annotations

import gc
import time

import pytest

from hero_kernel.errors import HeroscriptError
from hero_kernel.heroscript import Params, index, parse, replace_names, replace_text
from hero_kernel.heroscript.source import MAX_TEXT

SLOW = {
    "keys": "a:",
    "open quotes": "x:'\n",
    "open blocks": " x:'\n  a' b\n",
    "quotes": "'",
    "escaped quotes": "x:'\\'",
    "backslashes": "\\",
    "triples": "x:'''",
    "commas": "x:a, ",
    "commas and colons": "a,b:c, ",
    "blanks": " ",
    "lines": "\n",
    "blank lines": "   \n",
    "comments": "// x\n  ",
    "html": "<!--",
    "actions": "\n!!a.b x:'",
    "actions with blocks": "\n!!a.b\n  x:'\n",
    "mixed quotes": "x:'\"",
    "odd quotes": " k:' v",
    "breaks": "<BR",
    "list of quotes": "'a',",
    "fences": "\n  ```\n!",
}


@pytest.mark.parametrize("shard", SLOW.values(), ids=SLOW.keys())
@pytest.mark.parametrize("head", ["!!a.b ", "!!a.b x:'", "!!a.b\n  x:'\n  "])
def test_time_grows_with_the_text_only(head: str, shard: str) -> None:
    text = head + shard * (200_000 // len(shard))
    start = time.perf_counter()
    for action in parse(text, on_error=lambda _: None):
        action.heroscript()
    assert time.perf_counter() - start < 4


def test_a_text_that_is_too_long_is_refused_at_once() -> None:
    start = time.perf_counter()
    for read in (parse, index, Params.from_text):
        with pytest.raises(HeroscriptError, match="more than 16777216"):
            read("a" * (MAX_TEXT + 1))
    assert time.perf_counter() - start < 1


def test_many_args_and_actions() -> None:
    assert (
        len(parse("!!a.b " + " ".join(f"a{nr}" for nr in range(20_000)))[0].params.args) == 20_000
    )
    assert len(parse("!!a.b x:1\n" * 50_000)) == 50_000


def test_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    parse("!!a.b")
    with pytest.raises(HeroscriptError):
        parse("!!a.b.c")
    assert gc.isenabled()
    gc.disable()
    try:
        index("!!a.b")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_names_are_replaced_once() -> None:
    env = {"my_var": "V", "a": "{b}", "b": "x"}
    assert replace_names("{MY_VAR} {my__var} {none} ${a}", env) == "V V {none} ${b}"
    assert replace_names("{a} {b}", env) == "{b} x"


def test_text_is_replaced_in_one_pass() -> None:
    replace = {"NAME": "{KEY}", "KEY": "k", "NAMES": "n", "@X": "at", "[y]": "br"}
    text = "@NAME ${NAME} {NAME} @NAMES {KEY} @X [y] @KEYS {other}"
    assert replace_text(text, replace) == "{KEY} {KEY} {KEY} n k at br kS {other}"
    assert replace_text(text, {}) == text
