"""Which session a command acts on, and that looking makes none."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "words",
    [
        ("env",),
        ("env", "set", "A=1"),
        ("param",),
        ("db", "set", "k", "v"),
        ("config", "set", "a", "b", "c"),
        ("secret",),
        ("secret", "new"),
        ("log", "log", "x"),
        ("sessions", "end"),
        ("status",),
    ],
    ids=" ".join,
)
def test_where_there_is_no_session_none_is_made(bare, words):
    said = bare.refused(*words, status=1)
    assert said.startswith("context default has no session\n")
    assert "hero-kernel sessions new NAME" in said
    assert not bare.home.exists()


def test_listing_what_is_not_there(bare):
    assert bare("contexts").out.startswith("there is no context yet: hero-kernel contexts new ")
    assert bare("sessions").out.startswith("there is no session yet: hero-kernel sessions new ")
    assert bare("allow").out
    assert not (bare.home / "context").exists()


def test_a_name_that_is_not_there_is_an_error_with_the_near_one(hk):
    before = hk.records()
    said = hk.refused("env", "-s", "intor", status=1)
    assert "intor" in said
    assert "did you mean intro?" in said
    assert "hero-kernel sessions new intor" in said
    assert "intor" in hk.refused("env", "set", "A=1", status=1, HERO_SESSION="intor")
    said = hk.refused("env", "-c", "defualt", status=1)
    assert "did you mean default?" in said
    assert "hero-kernel contexts new defualt" in said
    hk.refused("env", status=1, HERO_CONTEXT="other")
    assert hk.records() == before


def test_options_come_before_the_environment_and_that_before_the_latest(hk):
    for name in ("one", "two", "three"):
        hk("sessions", "new", name)

    def acted_on(*words, **environ):
        answer = hk("env", *words, **environ)
        return answer.out.split("\n")[0].rpartition(":")[2]

    assert acted_on() == "three"
    assert acted_on(HERO_SESSION="two") == "two"
    assert acted_on("-s", "one", HERO_SESSION="two") == "one"
    hk("contexts", "new", "shop", "-s", "till")
    assert acted_on(HERO_CONTEXT="shop") == "till"
    assert acted_on("-c", "default", HERO_CONTEXT="shop") == "three"


def test_looking_changes_no_record(hk):
    hk.session().close()
    before = hk.records()
    for words in (("env",), ("status",), ("sessions",), ("contexts",), ("log",), ("db",)):
        hk(*words)
    assert hk.records() == before


def test_a_session_that_nothing_named_is_told(hk):
    answer = hk("env", "get", "A", status=1)
    hk("env", "set", "A=1")
    answer = hk("env", "get", "A")
    assert answer.out == "1\n"
    assert answer.err == "session 0:default:intro: the latest of context default\n"
    assert hk("env", "get", "A", "-s", "intro").err == ""
    assert hk("env", "get", "A", HERO_SESSION="intro").err == ""
    assert hk("env").err == ""  # the table's title tells it


def test_status_says_how(hk):
    assert "session intro (the latest of context default; 0 env" in hk("status").out
    assert "session intro (--session; 0 env" in hk("status", "-s", "intro").out
    assert "(HERO_SESSION in the environment;" in hk("status", HERO_SESSION="intro").out
    assert str(hk.home) in hk("status", "--why").out
    assert hk("status", "--json").json["line"].startswith("hero ▸ context default")
