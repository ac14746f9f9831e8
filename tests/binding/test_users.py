"""Users in names: two people never get one context."""

from __future__ import annotations

import getpass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel import contexts, names, sessions
from hero_kernel.binding import users
from hero_kernel.errors import BadNameError


@pytest.mark.parametrize("user", ["ann", "bob_2", "x12345", "maria_lopez"])
def test_a_plain_name_stays(user: str) -> None:
    assert users.safe(user) == user


def test_what_is_lost_is_made_up_for() -> None:
    alike = ["ann.b", "ann-b", "ann_b", "Ann.B", "ann b", "ANN_B", "ann@b", "ann_b "]
    made = [users.safe(user) for user in alike]
    assert len(set(made)) == len(alike)
    assert made[2] == "ann_b"
    assert all(one.startswith("ann_b") for one in made)
    assert users.safe("ann.b") == made[0]


def test_nobody_takes_anothers_name_by_choosing_it() -> None:
    taken = users.safe("ann.b")
    assert users.safe(taken) != taken


@pytest.mark.parametrize(
    "user",
    ["", "a", "1234567", "default", "latest", "config", "con", "józef", "李", "x" * 200, "/"],
)
def test_what_cannot_be_a_name_gets_one(user: str) -> None:
    made = users.safe(user)
    assert made != user
    assert names.canonical(made, "context") == made
    assert sessions.canonical(made) == made
    assert not made.isdecimal()
    assert made != contexts.DEFAULT


@given(st.text(max_size=80), st.text(max_size=80))
def test_two_users_never_share(one: str, other: str) -> None:
    assert (users.safe(one) == users.safe(other)) == (one == other)
    assert names.canonical(users.safe(one), "context", shortest=3, dots=False) == users.safe(one)


def test_who_is_meant() -> None:
    both = {"JUPYTERHUB_USER": "ann", "USER": "jovyan", "LOGNAME": "jovyan"}
    assert users.filled("class_{user}", both) == "class_ann"
    assert users.filled("class_{user}", {"USER": "Bob"}).startswith("class_bob_")
    assert users.filled("class", {}) == "class"
    assert users.filled("{other}", both) == "{other}"
    assert users.filled("{user}", {})  # the system knows


def test_nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(BadNameError, match="JUPYTERHUB_USER"):
        users.filled("{user}", {})
