"""A full disk, damaged files, a server that dies: told as what it is, and nothing is lost."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults.everything import KILLS, PASS, PLAIN, SEALED, SEED, check, fill, session
from redis_server import RedisServer, require_redis
from rooms import Place
from stores.children import code_of, forked, without_rights

import hero_kernel
from hero_kernel.errors import (
    ContextNotFoundError,
    HeroError,
    KeyringTamperedError,
    ReadOnlyStoreError,
    SessionNotFoundError,
    StorageFullError,
    StoreUnavailableError,
    UncertainResultError,
    ValueTamperedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel import Session


def filled(place: Place) -> Session:
    """A session with a value of every kind, in a context with a secret, unlocked."""
    one = place.open().context_new("prod", 1, secret=PASS).session_new("one")
    fill(one, PLAIN, lambda kind: f"old {kind}", "plain")
    fill(one, SEALED, lambda kind: f"old {kind}", "sealed")
    return one


def check_old(one: Session) -> None:
    check(one, PLAIN, lambda kind: f"old {kind}", "plain")
    check(one, SEALED, lambda kind: f"old {kind}", "sealed")


def refused_everywhere(one: Session, size: int) -> list[str]:
    """The kinds that a large value, or a new key, cannot be written of; else it is there."""
    told = []
    # of other letters, for a log masks what is known as a secret
    for name, letter, kinds in (("more", "x", PLAIN), ("more_sealed", "y", SEALED)):
        for kind, way in kinds.items():
            value = letter * size
            try:
                way.write(one, name, value)
            except StorageFullError:
                told.append(kind)
            else:
                assert way.read(one, name) == value
    try:
        one.context.secret_rotate("another secret", old=PASS)
    except StorageFullError:
        told.append("rotation")
    return told


def test_where_nothing_can_be_written_everything_is_kept(local: Place) -> None:
    one = filled(local)

    def full() -> None:
        mine = session(local, PASS)
        check_old(mine)  # what is open is open
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        told = refused_everywhere(mine, 20_000)
        assert told == [*PLAIN, *SEALED, "rotation"]
        check_old(mine)
        check_old(session(local, PASS))
        naive = local.home / "naive.json"
        with pytest.raises(OSError, match="large"):
            naive.write_text('{"new": 1}')
        assert naive.read_text() == ""  # the obvious way has lost what was there
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert refused_everywhere(mine, 20_000) == []

    (local.home / "naive.json").write_text('{"old": 1}')
    assert code_of(forked(full)) == 0
    one = session(local, "another secret")
    check_old(one)
    check(one, PLAIN, lambda _: "x" * 20_000, "more")
    assert not [path for path in local.home.rglob("*") if "tmp" in path.name]


FULL = """
import sys
from pathlib import Path
from rooms import Place
from faults.everything import PASS, session
from faults.test_trouble import check_old, filled, refused_everywhere
place = Place(Path(sys.argv[1]) / "home")
one = filled(place)
filler = Path(sys.argv[1]) / "filler"
with filler.open("wb", buffering=0) as file:
    for size in (4096, 1):
        try:
            while file.write(bytes(size)):
                pass
        except OSError:
            pass
print(sorted(set(refused_everywhere(one, 50_000))))
check_old(one)
context = place.open().context_get("prod")
(secret,) = [one for one in (PASS, "another secret") if context.secret_check(one)]
check_old(session(place, secret))
filler.unlink()
one = session(place, secret)
one.context.secrets.resume()
assert one.context.secrets.info.generations == 1
check_old(one)
one.env_set("after", "x" * 50_000)
print("goes on")
"""


def test_a_full_disk_harms_nothing(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    mount = 'mount -t tmpfs -o size=1536k none "$0" || exit 77; exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", mount, str(tmp_path)]
    roots = [str(Path(hero_kernel.__file__).parents[1]), str(Path(__file__).parents[1])]
    ended = subprocess.run(
        [*command, sys.executable, "-c", FULL, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(roots)},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 77 or "unshare" in ended.stderr:
        pytest.skip("no file system may be mounted here")
    told, goes_on = ended.stdout.splitlines() or [ended.stderr, ""]
    assert "'database'" in told, ended.stderr
    assert "'log'" in told
    assert goes_on == "goes on"


def test_a_read_only_home_is_read_and_nothing_is_written(local: Place) -> None:
    filled(local)
    before = local.tree()
    everything = [local.home, *local.home.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)

    def look() -> None:
        mine = session(local, PASS)
        check_old(mine)
        context, databases = mine.context, mine.context.dbcollection()
        assert databases.list() == ["config", "secrets", "session_one"]
        assert [one.name for one in context.sessions_list()] == ["one"]
        assert len(mine.db_get()) == len(list(mine.db_get().items())) > 0
        assert context.host.play("!!play.echo content:x", session=mine).ok
        refused: list[Callable[[], object]] = [
            partial(way.write, mine, "more", "more") for way in [*PLAIN.values(), *SEALED.values()]
        ]
        refused += [
            lambda: context.secret_rotate("another secret", old=PASS),
            lambda: context.secrets.encrypt_all(encrypt=True),
            lambda: context.session_new("two"),
            lambda: context.rename("production"),
            lambda: mine.rename("two"),
            lambda: mine.fork("two"),
            lambda: databases.rename("session_one", "other"),
            lambda: databases.delete("session_one"),
            lambda: databases.draft("copy", of="session_one"),
            lambda: mine.db_get().destroy(),
            lambda: context.session_delete("one", files=True, db=True),
        ]
        for act in refused:
            with pytest.raises(ReadOnlyStoreError, match=str(local.home)):
                act()
        check_old(session(local, PASS))

    try:
        without_rights(look)
    finally:
        for path in everything:
            path.chmod(0o700 if path.is_dir() else 0o600)
    assert local.tree() == before


# -- damaged files


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def scribble(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    at, much = chance.randrange(len(data)), chance.randint(1, 600)
    data[at : at + much] = chance.randbytes(len(data[at : at + much]))
    path.write_bytes(data)


DAMAGES = [flip, cut, pytest.param(scribble, marks=pytest.mark.thorough)]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_never_gives_a_wrong_secret(
    local: Place, tmp_path: Path, damage: Callable[[Path, random.Random], None]
) -> None:
    """Every file of a home, one at a time; what is sealed comes back right, or an error of ours."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311 - where to damage
    filled(local)
    whole = tmp_path / "whole"
    shutil.copytree(local.home, whole)
    files = [p.relative_to(whole) for p in whole.rglob("*") if p.is_file() and p.stat().st_size]
    assert {"hero.db", "keyring.json", "secrets.db", "session_one.db"} <= {p.name for p in files}
    wrong: list[str] = []
    told = 0
    for number in range(max(KILLS // 10, 2) * len(files)):
        shutil.rmtree(local.home)
        shutil.copytree(whole, local.home)
        path = local.home / files[number % len(files)]
        damage(path, chance)
        before = path.read_bytes()
        try:
            one = session(local, PASS)
        except HeroError:
            told += 1
            continue
        for kind, way in SEALED.items():
            try:
                value = way.read(one, "sealed")
            except (HeroError, KeyError, TypeError):  # a YAML file may have lost its end
                told += 1
            else:
                # what no longer looks encrypted is taken for plain, and is what stands there;
                # None stands where a YAML file ends after the colon
                if value not in (f"old {kind}", "None") and value.encode() not in before:
                    wrong.append(f"{kind} after {damage.__name__} of {path.name}: {value!r}")
        if path.name in ("hero.db", "keyring.json") or path.suffix == ".yaml":
            assert path.read_bytes() == before, f"{path.name} was changed by reading"
    print(f"{told} errors told")
    assert wrong == []
    assert told > 0


def test_one_damaged_file_is_no_reason_to_lose_the_others(local: Place) -> None:
    one = filled(local)
    for name, lost in {
        "session_one.db": {"database"},
        "config.db": {"config database"},
        "sealed__sealed.yaml": {"config file"},
    }.items():
        (path,) = local.home.rglob(name)
        kept = path.read_bytes()
        # what is left of a config file still says which key it needs
        damaged = (kept if path.suffix == ".yaml" else b"") + b"\0garbage\xff" * 1000
        path.write_bytes(damaged)
        mine = session(local, PASS)
        for kind, way in SEALED.items():
            if kind in lost:
                with pytest.raises(HeroError, match=name):
                    way.read(mine, "sealed")
            else:
                assert way.read(mine, "sealed") == f"old {kind}"
        assert path.read_bytes() == damaged
        with suppress(HeroError):
            one.context.secret_rotate(old=PASS)
        path.write_bytes(kept)
        mine = session(local, PASS)
        check_old(mine)  # the key it needs was not dropped
    mine.context.secrets.resume()
    assert mine.context.secrets.info.generations == 1


# -- Redis


@pytest.fixture
def server() -> Iterator[RedisServer]:
    require_redis()
    one = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    yield one
    one.stop()


def test_redis_killed_and_started_again_under_a_kernel(server: RedisServer, tmp_path: Path) -> None:
    place = Place(tmp_path / "home", server.url)
    one = place.open().context_new("prod", 5, secret=PASS, encrypt=True).session_new("one")
    stop = threading.Event()

    def trouble() -> None:
        for _ in range(3):
            time.sleep(0.15)
            server.kill()
            time.sleep(0.05)
            server.start()
        stop.set()

    killer = threading.Thread(target=trouble)
    killer.start()
    kept: dict[str, str] = {}
    number = 0
    while not stop.is_set():
        number += 1
        for kind in ("env", "context param", "database"):
            key = f"k{number}"
            try:
                SEALED[kind].write(one, key, f"value {number}")
            except (StoreUnavailableError, UncertainResultError):
                continue
            kept[f"{kind}:{key}"] = f"value {number}"
    killer.join()
    again = session(place, PASS)
    found = {"env": again.env_all(), "context param": dict(again.context.params)}
    for name, value in kept.items():
        kind, key = name.split(":")
        have = found[kind][key] if kind in found else SEALED[kind].read(again, key)
        assert have == value
    assert len(kept) > 30
    assert place.open().store.numbers() == [5]
    assert not (place.home / "hero.db").exists()  # nothing was kept elsewhere instead


def flushed(place: Place) -> None:
    store = place.open().store
    for number in store.numbers():
        for key in store.scan(number):
            store.delete(number, key)


def test_an_emptied_store_is_told_and_encryption_stays_on(place: Place) -> None:
    """As by FLUSHALL; naively made anew, the context would say `encrypt: false`."""
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=True)
    one = context.session_new("one")
    fill(one, SEALED, lambda kind: f"old {kind}", "sealed")
    if place.redis_url:
        context.redis().flushall()
    else:
        flushed(place)
    for ask in (
        lambda: place.open().context_get("prod"),
        lambda: place.open().context_get(1),
        lambda: one.env_get("sealed"),
        lambda: one.env_set("new", "never"),
        lambda: place.open().session_get("one", context=1),
    ):
        with pytest.raises((ContextNotFoundError, SessionNotFoundError)) as caught:
            ask()
        assert (
            "is gone" in str(caught.value)
            or "no longer" in str(caught.value)
            or ("no context 'prod'" in str(caught.value))
        )
    assert place.records() == {}
    again = place.open().context_new("prod", 1)
    assert again.encrypt
    assert again.config.encrypt
    again.secret_unlock(PASS)
    for kind in ("database", "config database", "config file", "named secret"):
        assert SEALED[kind].read(again.session_new("one"), "sealed") == f"old {kind}"
    again.session_get("one").env_set("new", "find-me-env")
    again.params_set({"new": "find-me-param"})
    assert "find-me" not in str(place.records())


def test_an_old_dump_of_the_records_is_put_back(place: Place) -> None:
    """From before a rotation: its values are under keys that are gone, and never come out wrong."""
    one = place.open().context_new("prod", 1, secret=PASS).session_new("one")
    fill(one, SEALED, lambda kind: f"old {kind}", "sealed")
    one.env_set("plain", "text")
    dump = place.records()
    before = one.context.secret_get()
    one.context.secret_rotate("another secret", old=PASS)
    new_secret = one.context.secret_get()
    store = place.open().store
    for (number, key), text in dump.items():
        store.put(number, key, str(text))
    again = session(place, "another secret")
    assert again.context.config.secret == new_secret != before
    assert again.env_get("plain") == "text"
    for kind in ("env", "param", "context param"):
        with pytest.raises((ValueTamperedError, KeyringTamperedError)):
            SEALED[kind].read(again, "sealed")
    for kind in ("database", "config database", "config file", "named secret"):
        assert SEALED[kind].read(again, "sealed") == f"old {kind}"
    again.env_set("new", "text")
    assert again.env_get("new") == "text"
