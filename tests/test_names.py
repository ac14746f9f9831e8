"""Names that become keys and folders."""
# ruff: noqa: RUF001  # look-alikes are the point

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel import names
from hero_kernel.errors import BadNameError

HOSTILE = [
    "", " ", ".", "..", "...", "../../etc", "/etc/passwd", "a/b", "a\\b", "~", "~root", "-", "_a",
    "-rf", ".hidden", "a\0b", "a\n", "\na", "a\tb", "a\rb", "a\x1b[2Jb", "a" * 64, "a" * 255,
    "a" * 100_000, "con", "CON", "nul", "com1", "lpt9", "con.txt", "aux.db", "name.", "a.db",
    "a.tmp", "a.yaml", "latest", "Latest", "config", "keyring", "$HOME", "`id`", "a;b|c", "*", "?",
    "a'b", 'a"b', "é", "e\u0301", "\u212a", "ſ", "а", "a\u200bb", "a\u202eb", "\u00a0a", "a\u3000",
    "١٢", "ａ", "😀", "%2e%2e", "a%00", "\ud800", "a@b", "a,b", "a=b", "{x}",
]  # fmt: skip


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "a;b|c"] + ["a|b"])
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(BadNameError) as caught:
        names.canonical(name, "context")
    assert caught.value.hint
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("mycontext", "mycontext"),
        ("My Context", "my_context"),
        (" demo ", "demo"),
        ("a-b;c:d e", "a_b_c_d_e"),
        ("2025_01_01_10_20_30", "2025_01_01_10_20_30"),
        ("v1.2", "v1.2"),
        ("A" * 63, "a" * 63),
        ("console", "console"),
    ],
)
def test_names_are_kept_in_one_spelling(written: str, kept: str) -> None:
    assert names.canonical(written, "context") == kept
    assert names.folded(written) == kept


def test_a_sessions_dots_become_underscores() -> None:
    assert names.canonical("v1.2", "session", dots=False) == "v1_2"
    with pytest.raises(BadNameError, match="reserved"):
        names.canonical("x.yaml", "session", dots=False)


def test_the_bad_character_is_named() -> None:
    with pytest.raises(BadNameError, match="holds or begins with '/'"):
        names.canonical("a/b", "context")
    with pytest.raises(BadNameError, match="holds or begins with 'é'"):
        names.canonical("é", "context")


@given(st.text(max_size=12))
def test_what_is_accepted_is_ascii_and_stays_as_it_is(text: str) -> None:
    try:
        kept = names.canonical(text, "context")
    except BadNameError:
        return
    assert names.canonical(kept, "context") == kept
    assert names.is_safe_folder(kept)
    # Nothing was dropped or replaced but case, separators and blanks around.
    assert kept == text.strip(" ").lower().translate(str.maketrans("-;: ", "____"))
    assert text.isascii()


@pytest.mark.parametrize("name", [n for n in HOSTILE if not n.isalnum() or not n.isascii()])
def test_hostile_names_in_records_become_no_folders(name: str) -> None:
    fit = names.is_safe_folder(name)
    assert not fit or (not any(c in name for c in "/\\\0~\n") and name.strip(".") == name)
