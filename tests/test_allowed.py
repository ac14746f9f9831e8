"""What may run of others: exactly what was allowed, byte for byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from hero_kernel import allowed
from hero_kernel.errors import NotAllowedError

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "https://github.com/acc/repo"
COMMIT = "1a2b3c4d5e6f" + "0" * 28
TEXTS = [("a.hero", "!!play.echo content:a\n"), ("b.hero", "")]
WHAT = allowed.foreign(ORIGIN, COMMIT, TEXTS)


def refuse(home: Path, what: allowed.Foreign = WHAT) -> NotAllowedError:
    with pytest.raises(NotAllowedError) as caught:
        allowed.check(home, what)
    return caught.value


def test_nothing_is_allowed_unasked(tmp_path: Path) -> None:
    error = refuse(tmp_path)
    assert error.message == f"{ORIGIN}@1a2b3c4d5e6f (a.hero, b.hero) is not allowed to run"
    assert f"%hero allow {WHAT.digest[:16]}" in error.hint
    assert f"hero-kernel allow {WHAT.digest[:16]}" in error.hint


def test_what_the_error_says_allows_exactly_that(tmp_path: Path) -> None:
    hint = refuse(tmp_path).hint
    word = hint.partition("%hero allow ")[2].split()[0]
    assert allowed.pending(tmp_path) == [WHAT]
    assert allowed.allow(tmp_path, word) == WHAT
    allowed.check(tmp_path, WHAT)
    assert allowed.pending(tmp_path) == []
    assert allowed.allowed(tmp_path) == [WHAT]
    assert allowed.allow(tmp_path, word) == WHAT  # again


@pytest.mark.parametrize(
    "changed",
    [
        (ORIGIN + "x", COMMIT, TEXTS),
        (ORIGIN, "0" * 40, TEXTS),
        (ORIGIN, COMMIT, [("a.hero", "!!play.echo content:b\n"), ("b.hero", "")]),
        (ORIGIN, COMMIT, [("a.hero", "!!play.echo content:a\n "), ("b.hero", "")]),
        (ORIGIN, COMMIT, [("c.hero", "!!play.echo content:a\n"), ("b.hero", "")]),
        (ORIGIN, COMMIT, TEXTS[:1]),
        (ORIGIN, COMMIT, TEXTS[::-1]),
        (ORIGIN, COMMIT, [("a.hero", "!!play.echo content:a\nb.hero\n0\n")]),
        (f"{ORIGIN}\n{COMMIT}", "", TEXTS),
    ],
)
def test_one_byte_more_or_less_is_another_thing(
    tmp_path: Path, changed: tuple[str, str, list[tuple[str, str]]]
) -> None:
    refuse(tmp_path)
    allowed.allow(tmp_path, WHAT.digest)
    refuse(tmp_path, allowed.foreign(*changed))
    allowed.check(tmp_path, WHAT)


@pytest.mark.parametrize("word", [ORIGIN, f"{ORIGIN}@1a2b3c4", WHAT.digest, WHAT.digest[:16]])
def test_what_may_be_said_instead(tmp_path: Path, word: str) -> None:
    refuse(tmp_path)
    assert allowed.allow(tmp_path, f" {word} ") == WHAT


@pytest.mark.parametrize("word", ["", "x", WHAT.digest[:8], "https://github.com/acc", "../allow"])
def test_what_was_not_refused_cannot_be_allowed(tmp_path: Path, word: str) -> None:
    refuse(tmp_path)
    with pytest.raises(NotAllowedError, match="was refused"):
        allowed.allow(tmp_path, word)
    assert allowed.allowed(tmp_path) == []


def test_an_origin_of_which_two_things_were_refused_is_not_enough(tmp_path: Path) -> None:
    later = allowed.foreign(ORIGIN, "f" * 40, TEXTS)
    refuse(tmp_path)
    refuse(tmp_path, later)
    with pytest.raises(NotAllowedError) as caught:
        allowed.allow(tmp_path, ORIGIN)
    assert WHAT.digest[:16] in caught.value.message
    assert later.digest[:16] in caught.value.message
    assert allowed.allow(tmp_path, f"{ORIGIN}@ffffffff") == later


def test_a_denial_wins(tmp_path: Path) -> None:
    refuse(tmp_path)
    allowed.allow(tmp_path, WHAT.digest)
    allowance = tmp_path / "allow" / WHAT.digest
    content = allowance.read_bytes()
    allowed.deny(tmp_path, ORIGIN)
    assert allowed.denied(tmp_path) == [ORIGIN]
    assert "is denied" in refuse(tmp_path).message
    allowance.write_bytes(content)  # even then
    assert "is denied" in refuse(tmp_path).message
    with pytest.raises(NotAllowedError):
        allowed.allow(tmp_path, WHAT.digest)
    allowance.unlink()
    assert allowed.undeny(tmp_path, ORIGIN)
    assert not allowed.undeny(tmp_path, ORIGIN)
    refuse(tmp_path)  # taking a denial back allows nothing


def test_taken_back(tmp_path: Path) -> None:
    refuse(tmp_path)
    allowed.allow(tmp_path, WHAT.digest)
    assert allowed.revoke(tmp_path, "https://github.com/acc/other") == ()
    assert allowed.revoke(tmp_path, ORIGIN) == (WHAT,)
    refuse(tmp_path)


def test_files_are_private_and_damaged_ones_are_passed_over(tmp_path: Path) -> None:
    os.umask(before := os.umask(0))
    try:
        os.umask(0)
        refuse(tmp_path)
        allowed.allow(tmp_path, WHAT.digest)
    finally:
        os.umask(before)
    path = tmp_path / "allow" / WHAT.digest
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    for name, text in (("0" * 64, "{"), ("1" * 64, "[]"), ("2" * 64, "{}"), ("note.txt", "x")):
        (tmp_path / "allow" / name).write_text(text)
    os.mkfifo(tmp_path / "allow" / ("3" * 64))
    assert allowed.allowed(tmp_path) == [WHAT]


def test_the_oldest_refusals_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "MAX_PENDING", 3)
    for number in range(6):
        refuse(tmp_path, allowed.foreign(ORIGIN, f"{number}" * 40, TEXTS))
        path = max((tmp_path / "pending").iterdir(), key=lambda one: one.stat().st_mtime_ns)
        os.utime(path, ns=(number, number))
    commits = {what.commit[0] for what in allowed.pending(tmp_path)}
    assert len(commits) == 3
    assert "5" in commits
