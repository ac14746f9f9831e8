"""A handler's signature is its parameter list."""

from __future__ import annotations

import asyncio
import functools
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional

import pytest

from hero_kernel import Params, Secret, Session, heroscript, times
from hero_kernel.actors import bind
from hero_kernel.errors import ActionError, HeroError, ParamError
from hero_kernel.heroscript import Action  # noqa: TC001  # annotations are read
from hero_kernel.times import OurTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from nowhere import Unknown  # type: ignore[import-not-found]

NOW = times.new("2025-01-02 03:04:05")


class Colour(Enum):
    LIGHT_RED = "light"
    DARK = 2


def bound(function: Callable[..., Any], text: str) -> tuple[list[str], dict[str, Any]]:
    """What a handler for `a.b` is given for the parameters."""
    accepted = bind.accepts("a.b", function)
    (action,) = heroscript.parse(f"!!a.b {text}", name="cell")
    bind.check(accepted, action, NOW)
    return bind.arguments(accepted, action, action.params, NOW)


def one(annotation: Any, text: str) -> Any:
    """What `x:text` becomes for a parameter of that type."""

    def handler(session: Session, *, x: Any) -> None: ...

    handler.__annotations__["x"] = annotation
    return bound(handler, f"x:{text}")[1]["x"]


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str, "'two words'", "two words"),
        (Any, "text", "text"),
        (int, "42", 42),
        (int, "-7", -7),
        (int, "1_000", 1000),
        (int, "'9007199254740993'", 9007199254740993),
        (float, "1.5", 1.5),
        (float, "3", 3.0),
        (bool, "true", True),
        (bool, "no", False),
        (bool, "1", True),
        (Path, "/srv/x", Path("/srv/x")),
        (Path, "'~/a~b'", Path("~/a~b").expanduser()),
        (list, "a,b", ["a", "b"]),
        (list[str], "'a b',c", ["a b", "c"]),
        (list[int], "1,2,3", [1, 2, 3]),
        (list[Path], "a,b", [Path("a"), Path("b")]),
        (tuple[int, ...], "1,2,3", (1, 2, 3)),
        (tuple[int, str], "1,2", (1, "2")),
        (tuple[float, float], "1,2.5", (1.0, 2.5)),
        (Literal["fast", "slow"], "FAST", "fast"),
        (Literal[1, 2], "2", 2),
        (Colour, "dark", Colour.DARK),
        (Colour, "light_red", Colour.LIGHT_RED),
        (Colour, "light", Colour.LIGHT_RED),
        (list[Colour], "dark,light", [Colour.DARK, Colour.LIGHT_RED]),
        (datetime, "'2025-03-04 05:06'", datetime(2025, 3, 4, 5, 6, tzinfo=UTC)),
        (OurTime, "'+1h'", NOW.warp("+1h")),
        (Secret, "hush", Secret("hush")),
        (Params, "'k:1 l:2'", Params({"k": "1", "l": "2"})),
        (int | None, "5", 5),
        (Optional[int], "5", 5),  # noqa: UP045  # the old spelling is spelt, too
    ],
    ids=str,
)
def test_text_becomes_a_value_by_annotation(annotation: Any, text: str, value: Any) -> None:
    found = one(annotation, text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("annotation", "text", "words"),
    [
        (int, "4.2", "'4.2'; it takes a whole number"),
        (int, "''", "''; it takes a whole number"),
        (int, "1__0", "it takes a whole number"),
        (int, "'١٢'", "it takes a whole number"),
        (int, "'" + "9" * 5000 + "'", "9…'; it takes a whole number"),
        (float, "nothing", "it takes"),
        (bool, "perhaps", "it takes"),
        (Path, "'~nobody_here/x'", "there is no such user"),
        (list[int], "1,b", "'b'; it takes a whole number"),
        (tuple[int, int], "1,2,3", "'1,2,3'; it takes whole number, whole number, and has 3 items"),
        (tuple[int, int], "1", "and has 1 items"),
        (Literal["fast", "slow"], "medium", "'medium'; it takes fast or slow"),
        (Colour, "blue", "'blue'; it takes light_red or dark"),
        (datetime, "someday", "write YYYY-MM-DD"),
        (OurTime, "'+1x'", "write YYYY-MM-DD"),
        (Params, '"k:\'open"', "x"),
    ],
    ids=str,
)
def test_a_bad_value_points_at_its_place(annotation: Any, text: str, words: str) -> None:
    with pytest.raises(ParamError) as caught:
        one(annotation, text)
    assert words in f"{caught.value.message}; {caught.value.hint}"
    assert caught.value.message.startswith("a.b ")
    assert str(caught.value.place) == "cell:1:9"
    assert caught.value.place
    assert caught.value.place.excerpt[1].index("^") == 4 + 8
    assert len(str(caught.value)) < 400


def greet(session: Session, *, name: str, times: int = 1, loud: bool = False) -> None: ...


def test_defaults_are_left_to_the_function() -> None:
    assert bound(greet, "name:you") == ([], {"name": "you"})


def test_names_are_found_in_any_case() -> None:
    assert bound(greet, "NAME:you Times:3") == ([], {"name": "you", "times": 3})


@pytest.mark.parametrize("text", ["name:x loud", "name:x LOUD", "name:x loud:true", "loud name:x"])
def test_a_flag_may_be_a_bare_word(text: str) -> None:
    assert bound(greet, text)[1] == {"name": "x", "loud": True}
    assert bound(greet, "name:x loud:false")[1] == {"name": "x", "loud": False}


@pytest.mark.parametrize(
    ("text", "where", "words", "hint"),
    [
        ("", "cell:1:1", "a.b needs name", "it takes name, times, loud"),
        ("name:x nmae:y", "cell:1:14", "a.b takes no nmae", "did you mean name?"),
        ("name:x\n  other:y", "cell:2:3", "a.b takes no other", "it takes name, times, loud"),
        ("name:x loudly", "cell:1:14", "a.b takes no bare word loudly", "did you mean loud?"),
        ("name:x name2", "cell:1:14", "a.b takes no bare word name2", "write key:value"),
    ],
)
def test_missing_and_unknown_point_at_their_place(
    text: str, where: str, words: str, hint: str
) -> None:
    with pytest.raises(ParamError) as caught:
        bound(greet, text)
    assert str(caught.value.place) == where
    assert caught.value.message == words
    assert hint in caught.value.hint


def test_a_handler_without_parameters_says_so() -> None:
    def nothing(session: Session) -> None: ...

    with pytest.raises(ParamError, match="takes no x; it takes no parameters"):
        bound(nothing, "x:1")


def test_a_keyword_of_python_is_spelt_with_an_underscore() -> None:
    def handler(session: Session, *, from_: str, class_: int = 0) -> None: ...

    assert bound(handler, "from:here class:3")[1] == {"from_": "here", "class_": 3}
    assert list(bind.accepts("a.b", handler).parameters) == ["from", "class"]


def test_names_in_capitals() -> None:
    def handler(session: Session, *, maxSize: int) -> None: ...  # noqa: N803

    assert bound(handler, "maxsize:3")[1] == {"maxSize": 3}


def test_words_and_flags() -> None:
    def handler(session: Session, *words: str, loud: bool = False) -> None: ...

    assert bound(handler, "one loud two") == (["one", "two"], {"loud": True})
    assert bound(handler, "") == ([], {})


def test_any_key() -> None:
    def handler(session: Session, *, known: int = 0, **params: str) -> None: ...

    assert bound(handler, "a:1 known:2 b:'x y'")[1] == {"known": 2, "a": "1", "b": "x y"}


def test_any_key_cannot_be_the_sessions_or_the_actions() -> None:
    def handler(session: Session, *, action: Action, **params: str) -> None: ...

    for key in ("session", "action"):
        with pytest.raises(ParamError, match=f"takes no {key}"):
            bound(handler, f"{key}:1")

    def free(session: Session, /, **params: str) -> None: ...

    assert bound(free, "session:1")[1] == {"session": "1"}


def test_the_action_itself() -> None:
    def handler(session: Session, *, action: Action, x: int) -> None: ...

    found = bound(handler, "x:1")[1]
    assert found["action"].full_name == "a.b"
    assert "action" not in bind.accepts("a.b", handler).parameters


def test_without_a_session() -> None:
    def plain(name: str, times: int = 1) -> None: ...

    def keyword_only(*, name: str) -> None: ...

    def nothing() -> None: ...

    for function in (plain, keyword_only, nothing):
        assert not bind.accepts("a.b", function).takes_session
    assert bound(plain, "name:x times:2")[1] == {"name": "x", "times": 2}


def test_what_the_first_parameter_must_be_to_be_the_session() -> None:
    def named(session: Any) -> None: ...

    def bare(s) -> None: ...  # type: ignore[no-untyped-def]

    def annotated(where: Session) -> None: ...

    def for_checkers(where: Unknown) -> None: ...

    for function in (named, bare, annotated, for_checkers):
        assert bind.accepts("a.b", function).takes_session


def test_without_annotations_the_default_tells_the_type() -> None:
    def handler(session, *, name, size=3, ratio=0.5, on=False, more=None):  # type: ignore[no-untyped-def]
        ...

    found = bound(handler, "name:x size:4 ratio:1 on more:y")[1]
    assert found == {"name": "x", "size": 4, "ratio": 1.0, "on": True, "more": "y"}


def bad_type(session: Session, *, x: set[int]) -> None: ...
def bad_union(session: Session, *, x: int | str) -> None: ...
def bad_item(session: Session, *, x: list[dict[str, str]]) -> None: ...
def bad_tuple(session: Session, *, x: tuple[int, set[int]]) -> None: ...
def unreadable(session: Session, *, x: Unknown) -> None: ...
def by_position(session: Session, x: int, /) -> None: ...
def before_words(session: Session, x: int, *words: str) -> None: ...


@pytest.mark.parametrize(
    "function",
    [bad_type, bad_union, bad_item, bad_tuple, unreadable, by_position, before_words],
)
def test_a_signature_that_text_cannot_fill_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ActionError, match=r"^a.b: ") as caught:
        bind.accepts("a.b", function)
    assert caught.value.hint


def test_methods_partials_and_wrapped_functions() -> None:
    class Holder:
        def handle(self, session: Session, *, x: int) -> None: ...

    @functools.wraps(greet)
    def wrapped(*args: Any, **kwargs: Any) -> None: ...

    assert bound(Holder().handle, "x:1")[1] == {"x": 1}
    assert bound(wrapped, "name:a times:2")[1] == {"name": "a", "times": 2}
    assert bound(functools.partial(greet, times=3), "name:a")[1] == {"name": "a"}

    async def later(session: Session, *, x: int) -> None:
        await asyncio.sleep(0)

    assert bound(later, "x:1")[1] == {"x": 1}


def test_values_with_names_in_them_wait() -> None:
    accepted = bind.accepts("a.b", greet)
    (action,) = heroscript.parse("!!a.b name:x times:'{N}'")
    bind.check(accepted, action, NOW)
    with pytest.raises(ParamError):
        bind.arguments(accepted, action, action.params, NOW)


def test_choices_for_completion() -> None:
    def handler(
        session: Session, *, a: bool, b: Colour, c: Literal["x", "y"], d: int | None = None
    ) -> None: ...

    accepted = bind.accepts("a.b", handler).parameters
    assert [accepted[k].choices for k in "abcd"] == [
        ("true", "false"), ("light_red", "dark"), ("x", "y"), (),
    ]  # fmt: skip
    assert [accepted[k].required for k in "abcd"] == [True, True, True, False]
    assert accepted["d"].kind == "whole number"


def test_a_secret_does_not_show_in_an_error() -> None:
    def handler(session: Session, *, token: Secret, n: int) -> None: ...

    with pytest.raises(HeroError) as caught:
        bound(handler, "token:hush n:x")
    assert "hush" not in caught.value.message + caught.value.hint
