"""Several kernels at once, over everything a workspace keeps."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from faults.everything import MUST_FAIL, PASS, PLAIN, SEALED, SEED, check, fill, session
from stores.children import code_of, eventually, forked, in_children, killed

from hero_kernel.errors import SecretChangedError, SecretRequiredError, WrongSecretError
from hero_kernel.keyring import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Session

EACH = 12


def by_steps(one: Session, name: str, value: str) -> None:
    """Setting a variable the obvious way: read the record, change it, write it."""
    store, key = one.context.host.store, f"sessions:config:{one.name}"
    old = one.config
    store.put(1, key, type(old)(old.name, env={**old.env, name: value}).text())


@pytest.mark.parametrize("env", ["ours", pytest.param("by steps", marks=MUST_FAIL)])
def test_eight_kernels_on_one_session_lose_nothing(place: Place, env: str) -> None:
    place.open().context_new("prod", 1).session_new("one")
    set_env = PLAIN["env"].write if env == "ours" else by_steps

    def work(number: int) -> None:
        one = session(place)
        for count in range(EACH):
            for kind, way in PLAIN.items():
                write = set_env if kind == "env" else way.write
                write(one, f"k{number}_{count}", f"{kind} {count}")
            one.db_get().change("total", lambda old: old + 1, 0)

    in_children(8, work)
    one = session(place)
    assert len(one.env_all()) == 8 * EACH
    assert one.db_get().get("total") == 8 * EACH
    assert len(one.logger().search(maxitems=1000)) == 8 * EACH
    for number in range(8):
        for count in range(EACH):
            check(one, PLAIN, lambda kind, count=count: f"{kind} {count}", f"k{number}_{count}")


@contextmanager
def unguarded(ring: Keyring) -> Iterator[bytes]:
    yield ring.kid


COUNT = 4
PHRASES = [PASS, *(f"passphrase number {number}" for number in range(2))]


class Writers:
    """Kernels that write sealed values of every kind, with the secrets as they come."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self.folder = folder

    def write(self, number: int) -> None:
        one, phrase, written, told = session(self.place, PASS), 0, 0, 0
        kinds = list(SEALED.items())
        while not (self.folder / "stop").exists():
            name = f"w{number}_{written}"
            kind, way = kinds[(number + written) % len(kinds)]
            try:
                way.write(one, name, f"{kind} of {name}")
            except SecretChangedError:
                told += 1
                phrase = self.unlock(one, phrase + 1)
                continue
            written += 1
            (self.folder / f"{number}.acks").open("a").write(f"{kind}:{name}\n")
        assert phrase == len(PHRASES) - 1
        assert told <= len(PHRASES) - 1  # once for each change at most

    def unlock(self, one: Session, phrase: int) -> int:
        one.context.secret_lock()
        while True:
            try:
                one.context.secret_unlock(PHRASES[phrase])
            except WrongSecretError:
                phrase += 1
            else:
                return phrase

    def acknowledged(self) -> list[list[str]]:
        """What each of them has written, as far as its lines are whole."""
        files = [self.folder / f"{number}.acks" for number in range(COUNT)]
        lines = [file.read_text().splitlines() if file.exists() else [] for file in files]
        return [[line for line in own if line.count(":") == 1] for own in lines]

    def wait(self) -> None:
        """Until every writer has written some more."""
        before = [len(own) for own in self.acknowledged()]
        eventually(
            lambda: all(len(own) > n for own, n in zip(self.acknowledged(), before, strict=True)),
            20,
        )


@pytest.mark.parametrize("guard", [Keyring.writing, pytest.param(unguarded, marks=MUST_FAIL)])
def test_rotating_under_four_live_kernels_loses_nothing(
    place: Place,
    tmp_path: Path,
    guard: Callable[[Keyring], AbstractContextManager[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = place.open().context_new("prod", 1, secret=PASS)
    context.session_new("one")
    writers = Writers(place, tmp_path)
    print(f"seed {SEED}")
    chance = random.Random()  # noqa: S311 - when to wait
    rotations = tmp_path / "rotations"
    rotations.touch()

    @contextmanager
    def dawdling(ring: Keyring) -> Iterator[bytes]:
        """The worst moment, after the key is known: until a rotation has ended."""
        with guard(ring) as kid:
            before, limit = rotations.stat().st_size, time.monotonic() + 0.8
            waits = chance.random() < 0.4
            while waits and time.monotonic() < limit and rotations.stat().st_size == before:
                time.sleep(0.005)
            yield kid

    def write(number: int) -> None:
        chance.seed(SEED + number)
        monkeypatch.setattr(Keyring, "writing", dawdling)
        writers.write(number)

    children = [forked(lambda number=number: write(number)) for number in range(COUNT)]
    try:
        writers.wait()
        for old, new in pairwise(PHRASES):
            context.secret_rotate(new, old=old)
            with rotations.open("a") as file:
                file.write("!")
            writers.wait()
    finally:
        (tmp_path / "stop").touch()
        codes = [code_of(pid) for pid in children]
    assert codes == [0] * COUNT
    told = [line.split(":") for own in writers.acknowledged() for line in own]
    context.secrets.resume()
    one = session(place, PHRASES[-1])
    for kind, name in told:
        assert SEALED[kind].read(one, name) == f"{kind} of {name}"
    assert len(told) > 12
    assert one.context.secrets.info.generations == 1


def test_a_kernel_killed_while_it_writes_blocks_nobody(place: Place) -> None:
    context = place.open().context_new("prod", 1, secret=PASS)
    one = context.session_new("one")
    fill(one, PLAIN, lambda kind: f"old {kind}")
    out, into = os.pipe()

    def stuck() -> None:
        mine = session(place, PASS)
        with mine.context.secrets.writing(), mine.db_get().transaction() as db:
            db["k"] = "never"

            def change(_: str | None) -> str:
                os.write(into, b"!")
                time.sleep(20)
                return "never"

            mine.context.host.store.update(1, "sessions:config:one", change)

    pid = forked(stuck)
    os.read(out, 1)
    killed(pid)
    os.close(out)
    os.close(into)
    began = time.monotonic()
    check(one, PLAIN, lambda kind: f"old {kind}")
    fill(one, PLAIN, lambda kind: f"new {kind}", "later")
    check(one, PLAIN, lambda kind: f"new {kind}", "later")
    context.secret_rotate(old=PASS)
    assert time.monotonic() - began < 1.5  # with a rotation


LOOK = """
import sqlite3, sys
from contextlib import closing
for path in sys.argv[1:]:
    with closing(sqlite3.connect(path)) as connection:
        table = "record" if path.endswith("hero.db") else "entry"
        print(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
"""


def test_reading_the_files_in_the_same_process_loses_nothing(place: Place) -> None:
    """A backup cell, pandas, shutil.copy: closing a file drops a process's locks on it."""
    one = place.open().context_new("prod", 1).session_new("one")

    def others_see() -> list[int]:
        paths = sorted(str(path) for path in place.home.rglob("*.db"))
        code = f"import sys; sys.argv[1:] = {paths!r}\n{LOOK}"
        child = place.start(code)
        printed, complaint = child.communicate(timeout=30)
        assert child.returncode == 0, complaint
        return [int(line) for line in printed.split()]

    fill(one, PLAIN, lambda kind: f"a {kind}", "k0")
    before = others_see()
    for number in range(1, 11):
        fill(one, PLAIN, lambda kind: f"a {kind}", f"k{number}")
        for path in place.home.rglob("*"):
            if path.is_file():
                path.read_bytes()
    databases = [n for n, path in zip(before, others_see(), strict=True) if path == n + 10]
    assert len(databases) == 2
    for number in range(11):
        check(session(place), PLAIN, lambda kind: f"a {kind}", f"k{number}")


@pytest.mark.parametrize("end", ["quietly", "by an error", "by sys.exit"])
def test_a_forked_child_has_its_own_connections_and_no_keys(place: Place, end: str) -> None:
    context = place.open().context_new("prod", 1, secret=PASS)
    one = context.session_new("one")
    fill(one, PLAIN, lambda kind: f"a {kind}", "before")
    fill(one, SEALED, lambda kind: f"sealed {kind}", "sealed")

    def child() -> None:
        assert one.env_get("before") == "a env"
        assert one.db_get()["before"] == "a database"
        for kind, way in SEALED.items():
            for act in (
                lambda way=way: way.read(one, "sealed"),
                lambda way=way, kind=kind: way.write(one, "child", f"never {kind}"),
            ):
                with pytest.raises(SecretRequiredError):
                    act()
        fill(one, PLAIN, lambda kind: f"a {kind}", "child")
        one.context.secret_unlock(PASS)
        check(one, SEALED, lambda kind: f"sealed {kind}", "sealed")
        if end == "by an error":
            raise LookupError
        if end == "by sys.exit":
            sys.exit(3)

    pid = forked(child)
    for number in range(5):
        fill(one, PLAIN, lambda kind: f"a {kind}", f"p{number}")
        fill(one, SEALED, lambda kind: f"a {kind}", f"ps{number}")
    assert code_of(pid) == (0 if end == "quietly" else 1)
    check(one, PLAIN, lambda kind: f"a {kind}", "child")
    check(one, SEALED, lambda kind: f"sealed {kind}", "sealed")
    for number in range(5):
        check(session(place, PASS), PLAIN, lambda kind: f"a {kind}", f"p{number}")
        check(session(place, PASS), SEALED, lambda kind: f"a {kind}", f"ps{number}")
    for path in place.home.rglob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
