"""Errors say where, what, and what instead."""

from __future__ import annotations

import pytest

from hero_kernel import errors, heroscript
from hero_kernel.errors import HeroError, did_you_mean


def test_one_line_and_several() -> None:
    place = heroscript.parse("\n  !!a.b x:1", name="cell")[0].place
    error = HeroError("no such x", hint="use y", place=place)
    assert str(error) == "cell:2:3: no such x; use y"
    assert error.lines() == ["cell:2:3: no such x", "      !!a.b x:1", "      ^", "use y"]
    assert str(HeroError("plain")) == "plain"
    assert HeroError("plain").lines() == ["plain"]


@pytest.mark.parametrize("kind", [errors.ParamError, errors.EnvKeyError])
def test_key_errors_are_not_quoted(kind: type[HeroError]) -> None:
    assert str(kind("x is missing")) == "x is missing"
    assert issubclass(kind, KeyError)


def test_what_callers_catch_by_habit() -> None:
    assert issubclass(errors.ContextNotFoundError, LookupError)
    assert issubclass(errors.SessionNotFoundError, LookupError)
    assert issubclass(errors.BadNameError, ValueError)
    assert issubclass(errors.OurTimeError, ValueError)


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("clnoe", ["clone", "pull"], "did you mean clone?"),
        ("x", ["b", "a"], "there is a, b"),
        ("x", [], ""),
        ("x", [f"n{i:02}" for i in range(20)], "there is " + ", ".join(f"n{i:02}" for i in range(12)) + ", …"),  # noqa: E501
    ],
)  # fmt: skip
def test_did_you_mean(name: str, known: list[str], hint: str) -> None:
    assert did_you_mean(name, known) == hint
