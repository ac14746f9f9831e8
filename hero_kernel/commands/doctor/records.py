"""The records: whether their store answers, and whether they can be read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import hero_kernel
from hero_kernel import contexts, keyring, sessions
from hero_kernel.commands.doctor.finding import OK, PROBLEM, WARNING, Finding, plural
from hero_kernel.contexts import ContextConfig
from hero_kernel.errors import CorruptRecordError, HeroError
from hero_kernel.keyring.entry import FD, FILE, PLAIN
from hero_kernel.keyring.locks import LOCK
from hero_kernel.sessions import SessionConfig
from hero_kernel.stores import store_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.commands.doctor.finding import Place
    from hero_kernel.stores.base import Store

SKEW_S = 2.0
"""How far this machine's clock may be from Redis's: times in records are told to the second."""

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None  # type: ignore[assignment]


def store(place: Place) -> Iterator[Finding]:
    """Whether the records' store answers, and how much it holds."""
    try:
        records = store_for(place.home, place.redis_url)
        numbers, limit = records.numbers(), records.limit()
    except HeroError as error:
        yield _problem(error)
        return
    if place.redis_url:
        yield from _redis(records, numbers, limit)
        return
    where = Path(records.address)
    if not where.exists():
        yield Finding(OK, f"no record is kept yet; they will be in {where}")
    elif not os.access(where, os.W_OK):
        yield Finding(PROBLEM, f"{where} may not be written", f"chmod u+w {where}")
    else:
        yield Finding(OK, f"the records in {where} can be read")


def _redis(records: Store, numbers: list[int], limit: int) -> Iterator[Finding]:
    """What a server that answers says of itself; what it keeps from us is passed over."""
    yield Finding(OK, f"{records.address} answers, and has {limit} databases")
    if max(numbers, default=0) >= limit - 2:
        yield Finding(
            WARNING,
            f"{records.address} has room for {limit} contexts, and nearly all ids are taken",
            "raise `databases` in redis.conf",
        )
    said = _asked(records, "time")
    if said is not None:
        away_s = abs(time() - (said[0] + said[1] / 1e6))
        if away_s > SKEW_S:
            yield Finding(
                WARNING,
                f"the clocks of this machine and of {records.address} are {away_s:.0f} s apart",
                "set both by the network's time (NTP)",
            )
    said = _asked(records, "info", "persistence")
    if said is not None and not said.get("aof_enabled"):
        yield Finding(
            WARNING,
            f"{records.address} writes to its disk only now and then: what it has acknowledged "
            "may be lost when it is killed",
            "set `appendonly yes` in redis.conf",
        )
    policy = (_asked(records, "config_get", "maxmemory-policy") or {}).get("maxmemory-policy")
    limited = (_asked(records, "config_get", "maxmemory") or {}).get("maxmemory", "0") != "0"
    if limited and policy not in (None, "noeviction"):
        yield Finding(
            PROBLEM,
            f"{records.address} deletes records when its memory is full ({policy})",
            "set `maxmemory-policy noeviction` in redis.conf",
        )


def _asked(records: Any, what: str, *arguments: str) -> Any:
    """What the server answers; None when it may not be asked that."""
    try:
        with records.client(0) as client:
            return getattr(client, what)(*arguments)
    except Exception:  # noqa: BLE001  # redis-py's, whose home is the store
        return None


def records(place: Place) -> Iterator[Finding]:
    """Whether every context and session can be read, and no renaming is half done."""
    try:
        kept = store_for(place.home, place.redis_url)
        numbers = kept.numbers()
    except HeroError:  # told by `store`
        return
    count = 0
    for number in numbers:
        for key in (contexts.KEY, *kept.scan(number, sessions.PREFIX)):
            if key == sessions.LATEST:
                continue
            try:
                text = kept.get(number, key)
                extra = {} if text is None else _extra(key, text, f"{key} in database {number}")
            except CorruptRecordError as error:
                yield Finding(PROBLEM, error.message, error.hint or "restore it from a backup")
                continue
            count += text is not None
            if {"renamed_to", "renamed_from"} & set(extra):
                yield Finding(
                    WARNING,
                    f"a renaming was cut short: {key} in database {number}",
                    "nothing: the next use of it finishes the renaming",
                )
    if count:
        yield Finding(OK, f"{plural(count, 'context or session', 'contexts and sessions')} read")


def _extra(key: str, text: str, where: str) -> Any:
    kind = ContextConfig if key == contexts.KEY else SessionConfig
    return kind.read(text, where).extra


def keyrings(place: Place) -> Iterator[Finding]:
    """The keys of each context: undamaged, private, and not held by anybody for long."""
    try:
        workspace = hero_kernel.open_workspace(place.home, place.redis_url, default=False)
        there = workspace.contexts_list()
    except HeroError:  # as above
        return
    for context in there:
        secrets = context.secrets
        try:
            if not secrets.is_set:
                continue
            info = secrets.info
        except HeroError as error:
            yield _problem(error)
            continue
        if info.generations > 1:
            yield Finding(
                WARNING,
                f"a change of keys of context {context.name} is not finished",
                f"hero-kernel secret resume -c {context.name}",
            )
        holders = _held(context.keys_path / LOCK)
        if holders is not None:
            yield Finding(
                WARNING,
                f"the keyring of context {context.name} is held by {holders}",
                "wait until it is done; end it if it hangs",
            )
        else:
            yield Finding(OK, f"the keyring of context {context.name} is in order ({info.kdf})")


def _held(path: Path) -> str | None:
    """Who holds a lock alone: "process 123", or "another process"; None when nobody does."""
    if fcntl is None:
        return None
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            inode = os.fstat(descriptor).st_ino
            return _holder(inode)
        finally:
            os.close(descriptor)
    return None


def _holder(inode: int) -> str:
    """Who has a file locked, as Linux tells it."""
    with suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii").split("\n"):
            words = line.split()
            if len(words) > 5 and words[1] == "FLOCK" and words[5].endswith(f":{inode}"):  # noqa: PLR2004  # columns
                return f"process {words[4]}"
    return "another process"


def handed(place: Place) -> Iterator[Finding]:
    """The variables that hand over a secret: readable, private, and not in the clear."""
    environ = place.environ
    if environ.get(PLAIN):
        yield Finding(
            WARNING,
            f"{PLAIN} shows the secret to every program that is started here",
            f"write it into a file of mode 0600, and set {FILE} to that",
        )
    elif environ.get(FILE) and not environ.get(FD):
        try:
            keyring.read_secret_file(Path(environ[FILE]).expanduser())
        except HeroError as error:
            yield Finding(PROBLEM, f"{FILE}: {error.message}", error.hint or f"mend {FILE}")
        else:
            yield Finding(OK, f"{FILE} names a file that only you may read")


def _problem(error: HeroError) -> Finding:
    return Finding(PROBLEM, error.message, error.hint)
