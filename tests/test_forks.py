"""Forks: a copy has what the session has, in its own place, and nothing is made half."""

from __future__ import annotations

import random
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from hero_kernel import crypto
from hero_kernel.errors import BadNameError, SecretError, SessionExistsError, StoreError
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Context, Session

PASS = "correct horse battery"
CANARY = "hunter2-canary"


def filled(context: Context, *, secret: bool = False) -> Session:
    session = context.session_new("one", description="mine", interactive=False)
    session.env_set("PLAIN", "value {x}")
    session.params_set({"color": "red"})
    db = session.db_get()
    db["key"] = {"any": ["value", b"x".hex()]}
    db["gone"] = "deleted before the copy"
    db.set(value="without a key")
    del db["gone"]
    if secret:
        session.env_set("TOKEN", Secret(CANARY))
        session.params_set({"pin": Secret(CANARY + "p")})
        db["token"] = Secret(CANARY + "d")
    return session


def contents(session: Session) -> object:
    return (session.env_all(), dict(session.params), list(session.db_get().entries()))


def test_a_copy_has_it_all_and_each_goes_its_way(place: Place) -> None:
    session = filled(place.open_at().context_new("ctx"))
    session.close()
    before = session.config
    copy = session.fork()
    assert copy.name == "one_fork"
    assert contents(copy) == contents(session)
    assert (copy.description, copy.interactive) == ("fork of one", False)
    assert not copy.config.end
    assert not copy.config.notebook
    copy.env_set("PLAIN", "changed")
    copy.db_get()["key"] = "changed"
    assert session.config == before
    assert session.db_get()["key"] != "changed"
    assert b"deleted before" not in copy.db_get().path.read_bytes()
    assert copy.db_get().path.stat().st_mode & 0o777 == 0o600


def test_log_and_runs_stay_behind(local: Place) -> None:
    ws = local.open()
    session = ws.session_new(name="one")
    ws.play("!!play.echo content:'x'", session=session)
    copy = session.fork()
    assert session.run_names()
    assert copy.run_names() == []


def test_names(local: Place) -> None:
    session = local.open().session_new(name="one")
    assert [session.fork().name for _ in range(3)] == ["one_fork", "one_fork_2", "one_fork_3"]
    assert session.fork("Other Name").name == "other_name"
    with pytest.raises(SessionExistsError, match="choose another name"):
        session.fork("other_name")
    with pytest.raises(BadNameError):
        session.fork("../up")
    long = local.open().session_new(name="x" * 63)
    assert [len(long.fork().name), len(long.fork().name)] == [63, 63]
    assert local.open().session_fork("one", "by_name").name == "by_name"


def test_what_a_deleted_session_left_is_not_given_away(local: Place) -> None:
    ws = local.open()
    session = filled(ws.context())
    for name in ("one_fork", "other"):
        ws.session_new(name=name).db_get()["key"] = "old"
        ws.session_delete(name)
    assert session.fork().name == "one_fork_2"
    with pytest.raises(SessionExistsError, match="database of a deleted session"):
        session.fork("other")
    assert not ws.session_exists("other")


@pytest.mark.parametrize("encrypt", [False, True])
def test_secrets_are_bound_to_their_new_place(place: Place, *, encrypt: bool) -> None:
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=encrypt)
    session = filled(context, secret=True)
    copy = session.fork()
    assert contents(copy) == contents(session)
    assert {key: shown.state for key, shown in copy.env_shown().items()} == {
        "PLAIN": "encrypted" if encrypt else "", "TOKEN": "secret",
    }  # fmt: skip
    assert copy.params_shown()["pin"].state == "secret"
    assert isinstance(copy.db_get()["token"], Secret)
    kept, copied = session.config.env["TOKEN"], copy.config.env["TOKEN"]
    assert copied.startswith(crypto.TEXT_PREFIX)
    assert copied != kept
    # negative control: a text that is carried over as it is does not open
    moved = {**copy.config.env, "TOKEN": kept}
    copy._update(lambda old: replace(old, env=moved))
    with pytest.raises(SecretError):
        copy.env_get("TOKEN")
    for file in place.home.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes()


def test_of_a_locked_context_nothing_is_made(place: Place) -> None:
    filled(place.open().context_new("prod", 1, secret=PASS), secret=True)
    context = place.open().context_get("prod")
    before, records = place.tree(), place.records()
    with pytest.raises(SecretError):
        context.session_get("one").fork()
    assert (place.tree(), place.records()) == (before, records)
    context.secret_unlock(PASS)
    assert context.session_get("one").fork().env_get("TOKEN") == CANARY


def test_a_locked_context_whose_session_has_no_secret_needs_none(place: Place) -> None:
    filled(place.open().context_new("prod", 1, secret=PASS))
    session = place.open().context_get("prod").session_get("one")
    assert contents(session.fork()) == contents(session)


def test_a_database_that_cannot_be_copied_leaves_nothing(local: Place) -> None:
    session = filled(local.open().context_new("ctx"))
    path = session.db_get().path
    session.db_get().close()
    path.write_bytes(b"damaged" * 1000)
    before = local.tree()
    with pytest.raises(StoreError):
        session.fork()
    assert local.tree() == before
    assert not session.context.session_exists("one_fork")


def test_others_who_write_meanwhile_lose_nothing_and_the_copy_is_of_one_moment(
    local: Place,
) -> None:
    """Two values are always changed together; every copy has them equal."""
    ws = local.open()
    session = ws.session_new(name="one")
    writer = local.start(
        """
db = ws.session_get("one").db_get()
with db.transaction():
    db.update({f"many:{number}": "x" * 1000 for number in range(2000)})
print("there", flush=True)
for number in range(100000):
    db.update({"first": number, "second": number})
"""
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        for _ in range(5):
            db = session.fork().db_get()
            assert db.get("first", 0) == db.get("second", 0)
            assert len(db) >= 2000
    finally:
        writer.kill()
        writer.communicate()
    assert len(session.db_get()) == 2002


def test_a_killed_fork_leaves_the_session_and_no_copy_that_looks_whole(local: Place) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - moments to kill
    print("seed", seed)
    lot = random.Random(seed)  # noqa: S311 - moments and places
    ws = local.open()
    session = filled(ws.context())
    session.db_get().update({f"many:{number}": "x" * 100 for number in range(500)})
    before = contents(session)
    for _ in range(6):
        child = local.start(
            """
session = ws.session_get("one")
print("there", flush=True)
while True:
    session.fork()
"""
        )
        assert child.stdout is not None
        child.stdout.readline()
        with suppress(subprocess.TimeoutExpired):
            child.wait(lot.random() * 0.25)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    assert contents(session) == before
    for copy in ws.sessions_list():
        if copy != session and not copy.description.startswith("unfinished"):
            assert contents(copy) == before
    assert contents(session.fork()) == before
