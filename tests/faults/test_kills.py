"""What was acknowledged is kept, whoever is killed in the middle of whatever."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from contextlib import closing, suppress
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING

import pytest
from databases.test_dbfs import Folder, sealed
from faults.everything import (
    KILLS,
    MUST_FAIL,
    PASS,
    PLAIN,
    SEALED,
    SEED,
    Kind,
    session,
)
from stores.children import code_of, forked, killed

from hero_kernel import files
from hero_kernel.secret import Secret
from hero_kernel.stores.record import encode_pretty

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Session


def over_itself(path: Path, data: bytes) -> None:
    """Writing a file the obvious way."""
    with path.open("wb") as file:
        path.chmod(0o600)
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(0.002)  # as long as a sync takes
        file.write(data[len(data) // 2 :])


def naive(folder: Path) -> dict[str, Kind]:
    """Each kind in a JSON file that is written over itself."""

    def load(path: Path) -> dict[str, str]:
        return json.loads(path.read_text()) if path.exists() else {}

    def write(path: Path, _: Session, name: str, value: str) -> None:
        path.write_text(json.dumps({**load(path), "": "x" * 200_000, name: value}))

    paths = {kind: folder / f"{kind}.json" for kind in PLAIN}
    return {
        kind: Kind(partial(write, path), lambda _, name, path=path: load(path)[name])
        for kind, path in paths.items()
    }


@pytest.mark.parametrize("way", ["ours", pytest.param("naive", marks=MUST_FAIL)])
def test_a_killed_kernel_loses_nothing_acknowledged(place: Place, tmp_path: Path, way: str) -> None:
    """Records, databases, config files and the log, written in turn until the kill."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311 - when to kill
    kinds = PLAIN if way == "ours" else naive(tmp_path)
    place.open().context_new("prod", 1).session_new("one")
    acknowledged = 0
    for round_ in range(KILLS // 2):  # of each engine
        out, into = os.pipe()
        start = chance.randrange(len(kinds))

        def write(round_: int = round_, into: int = into, start: int = start) -> None:
            one = session(place)
            for number in range(start, 10**6):
                name = list(kinds)[number % len(kinds)]
                kinds[name].write(one, f"k{round_}_{number}", f"v{number}")
                os.write(into, number.to_bytes(8))

        pid = forked(write)
        os.close(into)
        time.sleep(chance.uniform(0.005, 0.05))
        killed(pid)
        with open(out, "rb") as acks:  # noqa: PTH123 - a file descriptor
            told = acks.read()
        one = session(place)
        for at in range(0, len(told), 8):
            number = int.from_bytes(told[at : at + 8])
            name = list(kinds)[number % len(kinds)]
            assert kinds[name].read(one, f"k{round_}_{number}") == f"v{number}", name
            acknowledged += 1
    assert acknowledged > KILLS
    print(f"{acknowledged} acknowledged")
    for path in place.home.rglob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), path


def killed_somewhere(
    act: Callable[[Callable[[], object]], object],
    chance: random.Random,
    *,
    most_s: float,
    writes: int,
) -> int:
    """Do it in a child that is killed, unless it has ended before.

    At any moment within so long, or soon after it told that it begins to write one of so many
    files.
    """
    # A thread of ours that has stretched a secret may still be ending: a child that is forked while
    # it has OpenSSL's lock would wait for that for ever.
    time.sleep(0.02)
    out, into = os.pipe()
    pid = forked(lambda: act(lambda: os.write(into, b"!")))
    os.close(into)
    if chance.random() < 0.3:
        time.sleep(chance.uniform(0, most_s))
    else:
        for _ in range(chance.randint(1, writes)):
            os.read(out, 1)
        time.sleep(chance.uniform(0, chance.choice([0.003, 0.003, 0.02])))
    os.close(out)
    os.kill(pid, signal.SIGKILL)
    return code_of(pid)


@pytest.mark.parametrize("write", [files.write, pytest.param(over_itself, marks=MUST_FAIL)])
@pytest.mark.parametrize("encrypt", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_a_killed_rotation_leaves_one_secret_and_every_value(
    place: Place,
    write: Callable[[Path, bytes], None],
    encrypt: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311 - when to kill
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=encrypt)
    one = context.session_new("one")
    kinds = dict(SEALED)
    if encrypt:
        kinds |= {f"plain {kind}": way for kind, way in PLAIN.items() if "file" not in kind}
    names = {kind: f"{'p' if 'plain' in kind else 's'}{n}" for n, kind in enumerate(kinds)}
    for kind, way in kinds.items():
        way.write(one, names[kind], f"value of {kind}")

    def rotate(now: str, then: str, tell: Callable[[], object]) -> None:
        def announced(path: Path, data: bytes) -> None:
            with suppress(BrokenPipeError):
                tell()
            write(path, data)

        monkeypatch.setattr(files, "write", announced)
        place.open().context_get("prod").secret_rotate(then, old=now)

    began = time.monotonic()
    place.open().context_get("prod").secret_rotate(now := "the first", old=PASS)
    most_s = 1.1 * (time.monotonic() - began)
    ends = {0: 0, -signal.SIGKILL: 0}
    changed = 0
    for number in range(KILLS // 4):  # of each engine, encrypted as a whole and not
        then = f"passphrase number {number}"
        act = partial(rotate, now, then)
        ends[killed_somewhere(act, chance, most_s=most_s, writes=4)] += 1
        context = place.open().context_get("prod")
        (opens,) = [secret for secret in (now, then) if context.secret_check(secret)]
        changed += opens != now
        now = opens
        one = session(place, now)
        for kind, way in kinds.items():
            assert way.read(one, names[kind]) == f"value of {kind}"
        if number % 5 == 0:  # otherwise the next rotation meets what this one left
            one.context.secrets.resume()
            assert one.context.secrets.info.generations == 1
            assert one.context.secret_get() == one.context.config.secret
    print(f"{ends[-signal.SIGKILL]} killed; {changed} times the new secret opens")
    assert ends[-signal.SIGKILL] > KILLS // 10
    assert 0 < changed < KILLS // 4


def herolibs(place: Place) -> None:
    """A context as herolib leaves it, with an encrypted database."""
    vault = Folder(place.home / "db" / "1" / "vault", encrypted=True)
    for number in range(20):
        vault.key(f"key{number}", f"0/0/{number + 1}", sealed(STORED, b"value %d" % number))
    fields = {
        "id": 1, "name": "prod", "params": "", "coderoot": "", "interactive": False,
        "secret": STORED, "priv_key": "otCug1PorEuKYLAjsMpYqQwA", "db_path": "", "encrypt": True,
    }  # fmt: skip
    place.open().store.put(1, "context:config", encode_pretty(fields))


STORED = md5(b"mysecret", usedforsecurity=False).hexdigest()


def forget_and_make_anew(place: Place) -> None:
    """Bringing it in the obvious way: the old secret goes, then what it encrypts is converted."""
    context = place.open().context_get("prod")
    context.mirror(secret="", encrypt=True)
    time.sleep(0.3)
    context.mirror(secret=STORED, encrypt=True)
    bring_in(place)


def bring_in(place: Place) -> None:
    place.open().context_get("prod").secrets.import_legacy("mysecret", PASS)


@pytest.mark.parametrize("way", [bring_in, pytest.param(forget_and_make_anew, marks=MUST_FAIL)])
def test_a_killed_import_goes_on(
    local: Place, way: Callable[[Place], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311 - when to kill
    ended = {0: 0, -signal.SIGKILL: 0}
    write = files.write

    def announcing(tell: Callable[[], object]) -> None:
        def announced(path: Path, data: bytes) -> None:
            with suppress(BrokenPipeError):
                tell()
            write(path, data)

        monkeypatch.setattr(files, "write", announced)
        way(local)

    for _ in range(KILLS // 5):
        shutil.rmtree(local.home, ignore_errors=True)
        herolibs(local)
        ended[killed_somewhere(announcing, chance, most_s=0.15, writes=2)] += 1
        context = local.open().context_get("prod")
        if context.secrets.is_set and chance.random() < 0.5:
            context.secret_unlock(PASS)  # which must not take away what is still needed
        if context.config.secret == STORED:
            context.secrets.import_legacy("mysecret", PASS)  # goes on, or begins
        again = local.open().context_get("prod")
        again.secret_unlock(PASS)
        assert again.priv_key_get() == Secret("data")
        vault = again.db_get("vault")
        assert vault.is_encrypted()
        for number in range(20):
            assert vault[f"key{number}"] == f"value {number}"
        assert STORED not in str(local.records())
    print(f"{ended[-signal.SIGKILL]} killed")
    assert ended[-signal.SIGKILL] > KILLS // 20
