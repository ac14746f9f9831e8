"""What is written at a cursor, held against what the language reads when one goes on writing."""

from __future__ import annotations

import os
import re
from random import Random

import pytest

from hero_kernel import heroscript
from hero_kernel.heroscript.spot import spot

HEAD = "!!a.b"

PIECES = (
    " ", "  ", "\n", "\n  ", "\n    ", "\n\t", "\n\n    ", "\n ", "key:", "key: ", "x:1", "x:'a b'",
    "'", '"', "'''", "word", "w,", "a,b", ", ", "l:a, b", "x:'", "x:\n", "x:'\n    ", "\n    '",
    "//", " // c", "<!-- c", "<!-- c -->", "-->", "#", "=", "\\", "\\'", "{N}", "${env:N}", "!",
    "\n!!c.d ", "\n```", "\nprose", "é", "https://x/y", ":",
)  # fmt: skip


def read(text: str) -> heroscript.Action | None:
    """The last action of a text, or None where it has a fault."""
    faults: list[Exception] = []
    found = heroscript.parse(text, on_error=faults.append)
    return None if faults or not found else found[-1]


@pytest.mark.parametrize(
    ("text", "what", "written", "key"),
    [
        ("!!a.b", "", "", ""),
        ("!!a.b ", "key", "", ""),
        ("!!a.b k", "key", "k", ""),
        ("!!a.b key:", "value", "", "key"),
        ("!!a.b key:  ", "value", "", "key"),
        ("!!a.b KEY:v", "value", "v", "key"),
        ("!!a.b key:'v w", "value", "'v w", "key"),
        ("!!a.b key:'v w'", "value", "'v w'", "key"),
        ("!!a.b key:'v w' ", "key", "", ""),
        ("!!a.b l:a, ", "value", "", "l"),
        ("!!a.b l:a, b", "value", "b", "l"),
        ("!!a.b k:1 k", "key", "k", ""),
        ("!!a.b k:1\n    ", "key", "", ""),
        ("!!a.b k:1\n", "", "", ""),
        ("!!a.b k:1 // com", "", "", ""),
        ("!!a.b k:1 <!-- com", "", "", ""),
        ("!!a.b k:'\n  block", "value", "'\n  block", "k"),
        ("!!a.b 'q", "", "", ""),
        ("!!a.b k:1\nprose", "", "", ""),
    ],
)
def test_a_spot(text, what, written, key):
    found = spot(text, len(HEAD))
    assert (found.what, found.key) == (what, key)
    assert text[found.at :] == written
    assert found.is_open is (what == "value" and written[:1] == "'" and written[-1:] != "'")


def test_what_stands_before_is_told():
    found = spot("!!a.b x:1 flag y:'two words' x:3 z", len(HEAD))
    assert found.values == {"y": "two words", "x": "3"}
    assert found.words == ("flag",)


def test_going_on_writing_gives_what_was_said():
    seed = int(os.environ.get("HERO_SEED", "20250102"))
    print(f"HERO_SEED={seed}")
    random = Random(seed)  # noqa: S311  # made-up cells
    seen = {"key": 0, "value": 0, "": 0}
    for _ in range(6000):
        text = HEAD + " " + "".join(random.choices(PIECES, k=random.randint(0, 6)))
        found = spot(text, len(HEAD))
        assert len(HEAD) <= found.at <= len(text)
        if re.search(r"\n\s*!", text) or (read(text) is None and not found.is_open):
            continue  # another action; or a fault stands before, and nothing can be told
        written = text[found.at :]
        if found.what == "key":
            after = read(f"{text}zz:1")
            if after is None or text.rstrip().endswith(","):  # an item of the list, or a key
                continue
            assert after.params[written.lower().lstrip("/") + "zz"] == "1", text
        elif found.what == "value":
            is_closed = written[:1] in ("'", '"') and not found.is_open
            after = None if is_closed else read(f"{text}zz{written[0] if found.is_open else ''}")
            if after is None:
                continue
            assert "zz" in after.params[found.key], text
        else:
            after = read(f"{text}zz:1")
            if after is None:
                continue
            assert "zz" not in after.params, text
        seen[found.what] += 1
    assert min(seen.values()) > 50, seen
