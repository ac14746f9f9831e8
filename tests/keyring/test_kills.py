"""Whatever is killed, one passphrase opens and every value is there; writers lose nothing."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from keyrings import LOG2_N, PASSPHRASE, created, keyring, unlocked
from stores.children import code_of, eventually, forked, killed

import hero_kernel
from hero_kernel.errors import (
    KeyringMissingError,
    SecretChangedError,
    SecretError,
    StoreUnavailableError,
    ValueTamperedError,
    WrongSecretError,
)
from hero_kernel.keyring import Keyring, locks
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

ROUNDS = int(os.environ.get("HERO_KILLS", "12"))
"""Kills in a run; 100 and more for a thorough one."""

SEED = int(os.environ.get("HERO_SEED", "7"))
MUST_FAIL = pytest.mark.xfail(strict=True, reason="the obvious way loses, or the test is blunt")


VICTIM = """
import os, sys, time
from pathlib import Path
from hero_kernel import files
from hero_kernel.keyring import Keyring
from hero_kernel.secret import Secret

root, number, log2_n, way, act, *passphrases = sys.argv[1:]

def over_itself(path, data):  # the obvious way
    with path.open("wb") as file:
        path.chmod(0o600)
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(0.002)  # as long as a sync takes
        file.write(data[len(data) // 2 :])

write = files.write if way == "whole" else over_itself

def announced(path, data):
    os.write(1, b"!")
    write(path, data)

files.write = announced
folder = Path(root) / "db" / number
ring = Keyring(folder, root=Path(root), context="prod", log2_n=int(log2_n))
getattr(ring, act)(*map(Secret, passphrases))
time.sleep(5)
"""

WAYS = ["whole", pytest.param("over_itself", marks=MUST_FAIL)]


def killed_while_writing(
    root: Path, chance: random.Random, way: str, act: str, *passphrases: Secret, number: int = 1
) -> None:
    """Do it in a process that is killed some moment after it began to write the file, or its copy.

    A process of its own, not a fork of this one: what other tests left running here may hold a
    lock of OpenSSL's, which a forked child would wait for.
    """
    texts = [one.reveal() for one in passphrases]
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(root), f"{number}", f"{LOG2_N}", way, act, *texts],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as out:
        for _ in range(chance.choice([1, 1, 2])):
            os.read(out.fileno(), 1)
        time.sleep(chance.choice([0, chance.uniform(0, 0.003)]))
        process.kill()
        assert process.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_change_leaves_one_passphrase_and_every_value(tmp_path: Path, way: str) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311 - when to kill
    now = PASSPHRASE
    values: list[tuple[str, bytes]] = []
    created(tmp_path)
    changed = 0
    for number in range(ROUNDS):
        then = Secret(f"passphrase number {number}")
        act = "rewrap" if number % 3 == 2 else "rotate"
        killed_while_writing(tmp_path, chance, way, act, now, then)
        opens = [one for one in (now, then) if keyring(tmp_path).check(one)]
        assert len(opens) == 1
        changed += opens == [then]
        now = opens[0]
        ring = keyring(tmp_path)
        ring.unlock(now)
        values.append((f"{number}", ring.seal("db", f"{number}", b"%d" % number, ring.kid)))
        for key, envelope in values:
            assert ring.open("db", key, envelope) == key.encode()
        copy = ring.path.with_name("keyring.json.prev")
        assert copy.read_bytes() == ring.path.read_bytes()
    print(f"{changed} of {ROUNDS} changes were made")
    assert 0 < changed < ROUNDS


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_making_leaves_a_keyring_or_none(tmp_path: Path, way: str) -> None:
    chance = random.Random(SEED)  # noqa: S311 - when to kill
    for number in range(ROUNDS):
        killed_while_writing(tmp_path, chance, way, "create", PASSPHRASE, number=number)
        ring = keyring(tmp_path, number)
        if not ring.exists():
            ring.create(PASSPHRASE)
        unlocked(tmp_path, number)


CREATE = """
import os, sys
from pathlib import Path
import hero_kernel.keyring.ring
from hero_kernel.keyring import Keyring
from hero_kernel.secret import Secret
hero_kernel.keyring.ring.harden = lambda: None  # else no one of the same user sees its paths
root = Path(sys.argv[1])
ring = Keyring(root / "db" / "1", root=root, context="prod", log2_n=int(sys.argv[2]))
ring.create(Secret("first passphrase"))
os.write(1, b"ACK")
ring.rotate(Secret("first passphrase"), Secret("second passphrase"))
os.write(1, b"ACK")
"""


def test_a_keyring_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log, root = tmp_path / "strace.log", tmp_path / "home"
    calls = "trace=write,fsync,rename"
    command = ["strace", "-f", "-y", "-e", calls, "-o", str(log), sys.executable, "-c", CREATE]
    paths = str(Path(hero_kernel.__file__).parents[1])
    ended = subprocess.run(
        [*command, str(root), str(LOG2_N)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        check=False,
    )
    if b"ptrace" in ended.stderr.lower():
        pytest.skip("strace may not trace here")
    assert ended.stdout == b"ACK" * 2, ended.stderr
    dirty: set[str] = set()
    renamed = acks = 0
    for line in log.read_text().splitlines():
        call = re.search(r"(write|fsync|rename)\((?:\d+<([^>]*)>|\"([^\"]*)\")", line)
        if call is None:
            continue
        name, file = call[1], call[2] or call[3]
        if name == "fsync":
            dirty.discard(file)
        elif name == "rename":
            assert file not in dirty, "renamed before it was synced"
            dirty.add(str(root / "db" / "1"))
            renamed += 1
        elif '"ACK"' in line:
            acks += 1
            assert not dirty, f"acknowledgement {acks} came before {dirty} was synced"
        elif file.startswith(str(root)):
            dirty.add(file)
    assert (acks, renamed) == (2, 4)


@contextmanager
def unguarded(ring: Keyring) -> Iterator[bytes]:
    yield ring.kid


PHRASES = [Secret(f"passphrase number {number}") for number in range(4)]


@dataclass
class Values:
    """Sealed values in files of their own, which no transaction guards."""

    root: Path
    guard: Callable[[Keyring], AbstractContextManager[bytes]]

    def ring(self, phrase: int) -> Keyring:
        ring = keyring(self.root)
        ring.unlock(PHRASES[phrase])
        return ring

    def paths(self) -> list[Path]:
        return list((self.root / "values").glob("[0-9]*"))

    def kids(self) -> set[bytes]:
        return {path.read_bytes()[4:12] for path in self.paths()}

    def put(self, name: str, envelope: bytes) -> None:
        draft = self.root / "values" / f".{name}"
        draft.write_bytes(envelope)
        draft.replace(self.root / "values" / name)

    def write(self, writer: int) -> None:
        """Write until told to stop, with the passphrases as they come."""
        ring, phrase, written = self.ring(0), 0, 0
        while not (self.root / "stop").exists():
            name = f"{writer}_{written}"
            try:
                with self.guard(ring) as kid:
                    envelope = ring.seal("file", name, name.encode(), kid)
                    self.dawdle(0.5 if written % 3 == 0 else 0.01)
                    self.put(name, envelope)
                written += 1
            except SecretChangedError:
                phrase = self.unlock(ring, phrase + 1)
        assert phrase == len(PHRASES) - 1

    def dawdle(self, most_s: float) -> None:
        """Until keys were dropped, or that long: the worst moment between sealing and writing."""
        limit, before = time.monotonic() + most_s, self.dropped()
        while time.monotonic() < limit and self.dropped() == before:
            time.sleep(0.005)

    def dropped(self) -> int:
        return len(list(self.root.glob("dropped*")))

    def unlock(self, ring: Keyring, phrase: int) -> int:
        """With the first of the passphrases from this one on that opens."""
        ring.lock()
        while True:
            try:
                ring.unlock(PHRASES[phrase])
            except WrongSecretError:
                phrase += 1
            else:
                return phrase

    def wait_for_all(self) -> None:
        """Until every writer has written once more."""
        before = set(self.paths())
        eventually(lambda: len({p.name[0] for p in {*self.paths()} - before}) == 4, 20)

    def reseal(self, ring: Keyring) -> None:
        with ring.writing() as kid:
            for path in self.paths():
                envelope = path.read_bytes()
                if envelope[4:12] != kid:
                    plain = ring.open("file", path.name, envelope)
                    self.put(path.name, ring.seal("file", path.name, plain, kid))

    def lost(self) -> list[str]:
        ring, lost = self.ring(-1), []
        for path in self.paths():
            try:
                assert ring.open("file", path.name, path.read_bytes()) == path.name.encode()
            except ValueTamperedError:
                lost.append(path.name)
        return lost


@pytest.mark.parametrize("guard", [Keyring.writing, pytest.param(unguarded, marks=MUST_FAIL)])
def test_rotating_under_four_writers_loses_nothing(
    tmp_path: Path, guard: Callable[[Keyring], AbstractContextManager[bytes]]
) -> None:
    values = Values(tmp_path, guard)
    (tmp_path / "values").mkdir()
    ring = keyring(tmp_path)
    ring.create(PHRASES[0])
    writers = [forked(lambda number=number: values.write(number)) for number in range(4)]
    try:
        values.wait_for_all()
        for old, new in pairwise(PHRASES):
            ring.rotate(old, new)
            values.reseal(ring)
            ring.retire(values.kids)
            (tmp_path / f"dropped {values.dropped()}").touch()
            values.wait_for_all()
    finally:
        (tmp_path / "stop").touch()
        codes = [code_of(pid) for pid in writers]
    assert codes == [0] * 4
    assert values.lost() == []
    values.reseal(ring)
    ring.retire(values.kids)
    assert ring.info().generations == 1


def test_writers_without_pause_do_not_keep_the_secret_from_being_changed(tmp_path: Path) -> None:
    ring = created(tmp_path)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            with ring.writing():
                time.sleep(0.01)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        started = time.monotonic()
        for _ in range(3):
            ring.rotate(PASSPHRASE)
        assert time.monotonic() - started < 3
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_killed_writer_holds_no_lock(tmp_path: Path) -> None:
    ring = created(tmp_path)
    out, into = os.pipe()

    def child() -> None:
        mine = unlocked(tmp_path)
        with mine.writing():
            os.write(into, b"!")
            time.sleep(20)

    pid = forked(child)
    os.read(out, 1)
    killed(pid)
    os.close(out)
    os.close(into)
    started = time.monotonic()
    ring.rotate(PASSPHRASE)
    assert time.monotonic() - started < 1


def test_a_forked_child_holds_none_of_its_parents_locks(tmp_path: Path) -> None:
    ring = created(tmp_path)
    out, into = os.pipe()
    with ring.writing():

        def child() -> None:
            os.close(into)
            os.read(out, 1)  # lives on, after the parent's block has ended

        pid = forked(child)
    started = time.monotonic()
    ring.rotate(PASSPHRASE)
    assert time.monotonic() - started < 1
    os.close(into)
    assert code_of(pid) == 0
    os.close(out)


def test_a_child_that_is_forked_inside_writes_with_locks_of_its_own(tmp_path: Path) -> None:
    ring = created(tmp_path)

    def child() -> None:
        ring.unlock(PASSPHRASE)
        with ring.writing():
            pass

    with ring.writing():
        pid = forked(child)
        assert code_of(pid) == 0
    ring.rotate(PASSPHRASE)


def test_writing_may_be_nested_but_the_keys_do_not_change_inside(tmp_path: Path) -> None:
    ring = created(tmp_path)
    with ring.writing() as outer, ring.writing() as inner:
        assert outer == inner == ring.kid
        for change in (lambda: ring.rotate(PASSPHRASE), lambda: ring.retire(set)):
            with pytest.raises(SecretError, match="while values are written"):
                change()
    ring.rotate(PASSPHRASE)
    with pytest.raises(SecretError, match="while values are written"):
        ring.retire(lambda: ring.rotate(PASSPHRASE) or set())
    assert ring.retire(lambda: {ring.writing().__enter__()})


def test_a_lock_that_is_held_for_very_long_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, other = created(tmp_path), unlocked(tmp_path)
    monkeypatch.setattr(locks, "WAIT_S", 0.05)
    with other.writing(), pytest.raises(StoreUnavailableError, match="was locked for"):
        ring.rotate(PASSPHRASE)
    ring.rotate(PASSPHRASE)


def test_ctrl_c_is_heard_while_waiting_for_writers(tmp_path: Path) -> None:
    ring, other = created(tmp_path), unlocked(tmp_path)
    before = ring.path.read_bytes()
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    with other.writing():
        timer.start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            ring.rotate(PASSPHRASE)
        assert time.monotonic() - started < 0.5
    timer.join()
    assert ring.path.read_bytes() == before
    ring.rotate(PASSPHRASE)


def test_writing_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    ring = created(tmp_path)
    shutil.rmtree(ring.path.parent)
    with pytest.raises(KeyringMissingError):
        ring.writing().__enter__()
    with pytest.raises(KeyringMissingError):
        ring.retire(set)


def test_without_flock_it_works_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where writers do not wait for each other."""
    for name in ("_SHARED", "_ALONE"):
        monkeypatch.setattr(locks, name, 0)
    ring = created(tmp_path)
    with ring.writing() as kid:
        envelope = ring.seal("db", "key", b"value", kid)
    ring.rotate(PASSPHRASE)
    assert ring.open("db", "key", envelope) == b"value"
