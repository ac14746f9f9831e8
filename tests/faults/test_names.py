"""Names, links and rights, through everything that takes a name or makes a file."""
# look-alikes are the point

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

import pytest
from faults.everything import PASS, PLAIN, SEALED, check, fill, session
from hypothesis import given
from hypothesis import strategies as st
from stores.children import code_of, forked
from test_names import HOSTILE

from hero_kernel import names
from hero_kernel.errors import BadNameError, HeroError
from hero_kernel.heroscript import name_fix

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Session

TAKERS: dict[str, Callable[[Session, str], object]] = {
    "context_new": lambda s, name: s.context.host.context_new(name),
    "context_get": lambda s, name: s.context.host.context_get(name),
    "context.rename": lambda s, name: s.context.rename(name),
    "context_delete": lambda s, name: s.context.host.context_delete(name, files=True, db=True),
    "session_new": lambda s, name: s.context.session_new(name),
    "session_get": lambda s, name: s.context.session_get(name),
    "session.rename": lambda s, name: s.rename(name),
    "session_delete": lambda s, name: s.context.session_delete(name, files=True, db=True),
    "db_get": lambda s, name: s.context.db_get(name).set("key", "value"),
    "db.delete": lambda s, name: s.context.dbcollection().delete(name),
    "db.rename": lambda s, name: s.context.dbcollection().rename("session_one", name),
    "db.rename from": lambda s, name: s.context.dbcollection().rename(name, "other"),
    "config category": lambda s, name: s.context.hero_config_set(name, "name", "a: 1\n"),
    "config name": lambda s, name: s.context.hero_config_set("category", name, "a: 1\n"),
    "config delete": lambda s, name: s.context.hero_config_delete(name, name),
    "config get": lambda s, name: s.context.hero_config_get(name, name),
    "action context": lambda s, name: play(s, f"!!context.new name:{quoted(name)}"),
    "action session": lambda s, name: play(s, f"!!session.new name:{quoted(name)}"),
    "action db": lambda s, name: play(s, f"!!db.set db:{quoted(name)} key:k value:v"),
    "action config": lambda s, name: play(
        s, f"!!config.set category:{quoted(name)} name:{quoted(name)} content:'a: 1'"
    ),
}
"""Everything that makes a folder, a file or a key of a name."""


def quoted(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def play(one: Session, text: str) -> object:
    report = one.context.host.play(text, session=one)
    if not report.ok:
        raise BadNameError("refused")
    return report


def everything_below(folder: Path) -> set[str]:
    """Names only: a session that was asked for may have been dated anew."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if "journal" not in p.name}


@pytest.mark.parametrize("taker", TAKERS)
def test_no_hostile_name_leaves_the_home_or_shares_a_place(
    local: Place, tmp_path: Path, taker: str
) -> None:
    one = local.open().context_new("prod", 1).session_new("one")
    fill(one, PLAIN, lambda kind: kind)
    (tmp_path / "victim").write_text("as it was")
    made: dict[frozenset[str], str] = {}
    hostile = [*HOSTILE, "../../victim", str(tmp_path / "victim"), "a__b", "..\\victim"]
    refused = 0
    for name in hostile:
        before, records = everything_below(tmp_path), local.records()
        runs = {path for path in before if "runs" in path or "logs" in path}
        try:
            TAKERS[taker](one, name)
        except (HeroError, TypeError):
            refused += 1
            now = {path for path in everything_below(tmp_path) if "runs" not in path}
            assert now - {p for p in now if "logs" in p} == before - runs, repr(name)
            assert local.records() == records, repr(name)
            continue
        new = {
            p for p in everything_below(tmp_path) - before if "runs" not in p and "logs" not in p
        }
        assert all(path.startswith("home/") and path.isascii() for path in new), repr(name)
        if new:
            assert frozenset(new) not in made, f"{name!r} and {made[frozenset(new)]!r}"
            made[frozenset(new)] = name
    assert refused > 50
    assert (tmp_path / "victim").read_text() == "as it was"
    naive = local.home / "context" / "../../victim"
    assert naive.resolve() == (tmp_path / "victim").resolve()  # joining is not enough


def seen(name: str) -> str:
    """A name up to what is folded visibly: case, separators, blanks around."""
    return name.strip(" ").lower().translate(str.maketrans("-;: ", "____"))


PAIRS = [
    ("prod", "pröd"), ("prod", "prod\u200b"), ("null", "nul\0l"), ("prod", "prod#"), ("e", "é"),
]  # fmt: skip


ALIKE = st.text(st.sampled_from([*"aAbB19._-;: é\u200b#"]), min_size=1, max_size=3)


@given(ALIKE, ALIKE)
def test_two_names_share_a_place_only_if_they_look_it(one: str, two: str) -> None:
    try:
        folded = [names.canonical(name, "context") for name in (one, two)]
    except BadNameError:
        return
    assert (folded[0] == folded[1]) == (seen(one) == seen(two))


@pytest.mark.parametrize(("plain", "like"), PAIRS)
def test_look_alikes_do_not_become_each_other(plain: str, like: str) -> None:
    for kind, dots in (("context", True), ("session", False), ("database", True)):
        with pytest.raises(BadNameError):
            names.canonical(like, kind, dots=dots)
    assert name_fix(like) in (plain, "prd", "null", "")  # herolib's drops what it does not know


def test_names_that_two_files_would_share(local: Place) -> None:
    context = local.open().context_new("prod", 1)
    context.hero_config_set("a", "b__c", "a: 1\n")
    with pytest.raises(BadNameError):
        context.hero_config_set("a__b", "c", "a: 2\n")
    for name in ("latest", "x.yaml"):
        with pytest.raises(BadNameError):
            context.session_new(name)
    assert f"{'a__b'}__{'c'}" == f"{'a'}__{'b__c'}"  # as the obvious path would be


# -- links


def targets(place: Place) -> list[Path]:
    """Every file and folder of a home that is in use, and what a writer would make beside it."""
    there = sorted(path for path in place.home.rglob("*"))
    drafts = [
        path.with_name(f"{path.name}{end}")
        for path in there
        if path.is_file() and path.suffix == ".db"
        for end in ("-journal", "-wal", "-queue")
    ]
    return there + [path for path in drafts if not path.exists()]


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def use(place: Place) -> int:
    """Write everything; how much of it was refused."""
    refused = 0
    try:
        one = session(place, PASS)
    except HeroError:
        return 1
    for kinds in (PLAIN, SEALED):
        for way in kinds.values():
            try:
                way.write(one, "more", "more than before")
            except HeroError:
                refused += 1
    for act in (
        lambda: one.context.secret_rotate("another secret", old=PASS),
        lambda: play(one, "!!play.echo content:x"),
        lambda: one.rename("two"),
        lambda: one.context.rename("production"),
        lambda: one.context.session_delete("two", files=True, db=True),
        lambda: one.context.host.context_delete("production", files=True, db=True),
    ):
        try:
            act()
        except HeroError:
            refused += 1
    return refused


def test_no_planted_link_is_followed_out_of_the_home(local: Place, tmp_path: Path) -> None:
    """In the place of every file and folder, one at a time."""
    one = local.open().context_new("prod", 1, secret=PASS).session_new("one")
    fill(one, PLAIN, lambda kind: f"a {kind}")
    fill(one, SEALED, lambda kind: f"sealed {kind}", "sealed")
    play(one, "!!play.echo content:x")
    whole, outside = tmp_path / "whole", tmp_path / "outside"
    shutil.copytree(local.home, whole)
    refused = 0
    relative = [path.relative_to(local.home) for path in targets(local)]
    assert len(relative) > 15
    for part in relative:
        for folder in (local.home, outside):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, local.home)
        link, victim = local.home / part, outside / part
        if (whole / part).is_dir():
            shutil.copytree(whole / part, victim)
            shutil.rmtree(link)
        else:
            victim.parent.mkdir(parents=True)
            victim.write_bytes((whole / part).read_bytes() if (whole / part).exists() else b"it")
            link.unlink(missing_ok=True)
        link.symlink_to(victim)
        before = snapshot(outside)
        refused += use(local)
        assert snapshot(outside) == before, f"through {part}"
    assert refused > 0
    (tmp_path / "naive").symlink_to(outside / "naive")
    (tmp_path / "naive").write_text("written")
    assert (outside / "naive").read_text() == "written"  # the obvious way goes through


# -- rights


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_everything_made_is_the_owners_alone(local: Place, tmp_path: Path, umask: int) -> None:
    def demo() -> None:
        os.umask(umask)
        one = local.open().context_new("prod", 1, secret=PASS).session_new("one")
        fill(one, PLAIN, lambda kind: f"a {kind}")
        fill(one, SEALED, lambda kind: f"sealed {kind}", "sealed")
        play(one, "!!play.echo content:x")
        one.db_get().export(local.home / "export.jsonl", secrets="skip")
        one.context.secret_rotate("another secret", old=PASS)
        (tmp_path / "naive").write_text("the obvious way")

    assert code_of(forked(demo)) == 0
    open_to_others = [
        str(path)
        for path in [local.home, *local.home.rglob("*")]
        if stat.S_IMODE(path.lstat().st_mode) != (0o700 if path.is_dir() else 0o600)
    ]
    assert open_to_others == []
    if umask == 0:
        assert stat.S_IMODE((tmp_path / "naive").stat().st_mode) == 0o666


def test_everything_is_there_after_it(local: Place) -> None:
    """What the tests of this file write is what they think it is."""
    one = local.open().context_new("prod", 1, secret=PASS).session_new("one")
    fill(one, SEALED, lambda kind: f"sealed {kind}", "sealed")
    assert use(local) == 0
    with pytest.raises(HeroError):
        check(session(local, PASS), SEALED, lambda kind: f"sealed {kind}", "sealed")
