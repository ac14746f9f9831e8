"""News: what a view tells of something that only grows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from magics.panels.talk import Talk


class Growing:
    """A view of numbers."""

    kind = key = "numbers"
    title = "numbers"

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.told = 0
        self.changes = 0
        self.is_away = False

    @property
    def spec(self) -> dict[str, Any]:
        return {"kind": self.kind}

    def mark(self) -> object:
        return self.changes

    def state(self) -> dict[str, Any]:
        return {"next": len(self.numbers), "rows": self.numbers[-3:]}

    def news(self) -> tuple[int, list[int]]:
        if self.is_away:
            raise OSError("away")
        first, self.told = self.told, len(self.numbers)
        return first, self.numbers[first:]

    @property
    def asks(self) -> dict[str, Any]:
        return {"add": self.numbers.append}


@pytest.fixture
def view() -> Growing:
    return Growing()


@pytest.fixture
def sent() -> list[Any]:
    return []


@pytest.fixture
def talk(view: Growing, sent: list[Any]) -> Talk:
    talk = Talk([view], lambda message: sent.append(json.loads(json.dumps(message))), lambda: 0.0)
    talk.state()
    return talk


def news(sent: list[Any]) -> list[tuple[int, list[int]]]:
    found = [one["news"]["numbers"] for one in sent if one.get("news")]
    sent.clear()
    return [(one["first"], one["items"]) for one in found]


def test_news_are_numbered_and_told_once(view: Growing, talk: Talk, sent: list[Any]) -> None:
    talk.tell()
    assert sent == []
    view.numbers += [7, 8]
    talk.tell()
    assert not any("views" in one for one in sent)  # the rest is not told again
    assert news(sent) == [(0, [7, 8])]
    talk.tell()
    assert sent == []
    view.numbers.append(9)
    talk.hear({"look": 1})
    assert any(one.get("looked") == 1 for one in sent)
    assert news(sent) == [(2, [9])]


def test_the_state_says_which_come_next(view: Growing, talk: Talk, sent: list[Any]) -> None:
    view.numbers += [1, 2]
    assert talk.state()[0]["state"] == {"next": 2, "rows": [1, 2]}
    talk.tell()  # a front end that was there before hears of them all the same
    assert news(sent) == [(0, [1, 2])]


def test_what_was_missed_is_asked_for(view: Growing, talk: Talk, sent: list[Any]) -> None:
    view.numbers += range(10)
    talk.tell()
    sent.clear()
    talk.hear({"again": ["numbers", "other", 3]})
    assert sent[-1]["views"]["numbers"]["state"] == {"next": 10, "rows": [7, 8, 9]}
    sent.clear()
    for foreign in ("numbers", None, 3, {"numbers": 1}, [["numbers"]]):
        talk.hear({"again": foreign})
    assert sent == []


def test_a_view_that_cannot_tell_is_no_error_of_the_others(
    view: Growing, talk: Talk, sent: list[Any]
) -> None:
    view.is_away = True
    view.numbers.append(1)
    talk.tell()
    assert sent == []
    view.is_away = False
    talk.tell()
    assert news(sent) == [(0, [1])]


def test_an_ask_is_followed_by_its_news(view: Growing, talk: Talk, sent: list[Any]) -> None:
    view.asks["add"](4)
    talk.hear({"ask": 1, "view": "numbers", "name": "no", "given": {}})
    assert "error" in sent[0]
    assert news(sent) == [(0, [4])]
