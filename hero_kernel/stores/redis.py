"""Records in Redis or Valkey, as other programs read them: plain keys, plain UTF-8 text."""

from __future__ import annotations

import ipaddress
import os
import random
import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hero_kernel.errors import (
    ContextError,
    CorruptRecordError,
    HeroError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreAuthError,
    StoreError,
    StoreUnavailableError,
    UncertainResultError,
)
from hero_kernel.secret import Secret
from hero_kernel.stores.bounds import (
    NUMBER_LIMIT,
    Nesting,
    check_key,
    check_number,
    check_value,
)
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hero_kernel.stores.base import Change

CONNECT_S = 2.0
"""How long a connection may take to be made."""

ANSWER_S = 1.5
"""How long an answer may take; twice that and a connection stay below 5 s."""

PAUSE_S = 0.1
"""Before the one repetition of what may be repeated: a server that restarts is back by then."""

TURN_S = 20.0
"""How long an update goes on while other writers keep coming first."""

_BATCH = 500

_Connection: TypeAlias = "Any"  # redis-py's connections are typed in part only

# Compare and set, so that nobody's write in between is lost. Not WATCH: under contention it needs
# thirteen times the attempts, for it also fails when the value came back to what it was.
_SWAP = """
local now = redis.call('GET', KEYS[1])
if now ~= (ARGV[1] == '1' and ARGV[2]) then return 0 end
if ARGV[3] == '1' then redis.call('SET', KEYS[1], ARGV[4]) else redis.call('DEL', KEYS[1]) end
return 1
"""


TRUSTED_S = 1.0
"""For how long a server's word is taken that it has changed nothing: not every server that speaks
Redis's language counts as Redis does."""

_COUNTS = re.compile(
    rb"^(?:rdb_changes_since_last_save|rdb_last_save_time|aof_current_size):\d+", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class _Digest:
    """The digest of a database, what the server had counted before it was made, and when."""

    digest: bytes
    mark: tuple[bytes, ...]
    begun_s: float

    def holds(self, mark: tuple[bytes, ...]) -> bool:
        """Whether it need not be made again."""
        return mark == self.mark != () and time.monotonic() - self.begun_s < TRUSTED_S


class _LostError(Exception):
    """The connection broke after the command was sent."""


class RedisStore:
    """Keep records in a Redis server, a context in the database of its id.

    Every connection belongs to one database for life. What is sent at most once: `create`,
    `update`, `delete`. What is repeated once when the answer is lost: reads, and `put`, whose
    repetition writes the same. How durable a record is when a call returns is the server's
    configuration (appendonly, appendfsync).

    Args:
        url: `redis://[user:password@]host[:port]`, `rediss://…` or `unix:///path/of/socket`.
            `?ssl_ca_certs=FILE` for a private authority; `?allow_insecure=true` to go to another
            machine without TLS and password.

    Raises:
        StoreError: The address is none, or would send records in the clear to another machine.
    """

    def __init__(self, url: str) -> None:
        self._server = _read_address(url)
        self._nesting = Nesting()
        # By process as well: a connection must not be used on both sides of a fork. Lists and
        # no lock: append and pop are atomic, and a lock could be held by a thread at the fork.
        self._idle: dict[tuple[int, int], list[_Connection]] = {}
        self._digests: dict[int, _Digest] = {}

    def __repr__(self) -> str:
        return f"RedisStore({self.address!r})"

    @property
    def address(self) -> str:
        """The server's address, without user and password."""
        return self._server.address

    def get(self, number: int, key: str) -> str | None:
        """The record, or None."""
        name = self._check(number, key)
        return self._text(key, self._read(number, "GET", name))

    def put(self, number: int, key: str, value: str) -> None:
        """Write the record, over what is there."""
        name = self._check(number, key)
        self._write(number, "SET", name, check_value(key, value), repeatable=True)

    def create(self, number: int, key: str, value: str) -> bool:
        """Write the record only if the key is absent; whether it was written."""
        name = self._check(number, key)
        return self._write(number, "SET", name, check_value(key, value), "NX") is not None

    def update(self, number: int, key: str, change: Change) -> str | None:
        """Replace the record by what `change` makes of it, as one step; the new record."""
        name = self._check(number, key)
        give_up = time.monotonic() + TURN_S
        pause_s = 0.001
        while True:
            old = self.get(number, key)
            with self._nesting.inside():
                new = change(old)
            after = b"" if new is None else check_value(key, new)
            if new == old:
                return new
            before = b"" if old is None else old.encode()
            flags = (int(old is not None), int(new is not None))
            if self._write(number, "EVAL", _SWAP, 1, name, flags[0], before, flags[1], after):
                return new
            if time.monotonic() > give_up:
                raise StoreUnavailableError(
                    f"{self.address}: other writers of {key} came first for {TURN_S:.0f} s",
                    hint="try again when they are done",
                )
            time.sleep(random.uniform(0, pause_s))  # noqa: S311 - spreads the writers, no secret
            pause_s = min(pause_s * 2, 0.05)

    def delete(self, number: int, key: str) -> bool:
        """Delete the record; whether it was there."""
        return bool(self._write(number, "DEL", self._check(number, key)))

    def scan(self, number: int, prefix: str = "") -> list[str]:
        """The keys with the prefix, sorted."""
        self._check(number, prefix)
        keys = []
        for name in self._names(number, prefix):
            with suppress(UnicodeDecodeError):  # not text, so it is no record
                keys.append(name.decode())
        return sorted(keys)

    def records(self, number: int, prefix: str = "") -> dict[str, str]:
        """The records whose keys have the prefix, by key, sorted; what is no text is left out."""
        self._check(number, prefix)
        found = {}
        for name, value in self._pairs(number, prefix):
            if value is not None:  # deleted meanwhile, or no string
                with suppress(UnicodeDecodeError):
                    found[name.decode()] = value.decode()
        return found

    def numbers(self) -> list[int]:
        """The database numbers that hold a record, sorted."""
        self._nesting.refuse()
        try:
            keyspace = self._read(0, "INFO", "keyspace", raw=True)
        except redis.ResponseError:  # INFO is kept from us
            return self._probed_numbers()
        return sorted(
            int(found) for found in re.findall(rb"^db(\d+):keys=[1-9]", keyspace, re.MULTILINE)
        )

    def limit(self) -> int:
        """Database numbers are below this."""
        self._nesting.refuse()
        try:
            return int(self._read(0, "CONFIG", "GET", "databases", raw=True)[1])
        except (redis.ResponseError, IndexError):  # CONFIG is kept from us
            return self._probed_limit()

    def revision(self, number: int) -> object:
        """Another value after every change in the database, by anyone; to be compared only.

        See `watch`.
        """
        self._check(number, "")
        return self._digest(number)

    def watch(self, number: int, *, interval_s: float = 0.1) -> Watch:
        """Yield after every change in the database, by anyone; polls a digest of its records.

        Redis keeps no revision, a key of ours would be found by others, and notifications are
        off unless its owner turns them on. So every record is read, once a second and whenever
        the server says that it has changed anything. A large database is polled less often, so
        that the polling never takes more than a twentieth of the time.
        """
        self._check(number, "")
        return Watch(lambda: self._digest(number), interval_s)

    def client(self, number: int) -> redis.Redis:
        """A client of redis-py on the database, for what is no record; connects when it is used.

        It answers in text, and its errors are redis-py's.
        """
        check_number(number)
        pool = redis.ConnectionPool(
            connection_class=self._server.kind,
            decode_responses=True,
            **self._server.arguments(number),
        )
        return redis.Redis.from_pool(pool)

    def purge(self) -> None:
        """Nothing: what the server's own files hold until it rewrites them is its affair."""

    def close(self) -> None:
        """Let go of this process's connections; a later call opens anew."""
        for pid, number in list(self._idle):
            if pid == os.getpid():
                for connection in self._idle.pop((pid, number), []):
                    connection.disconnect()

    def _check(self, number: int, key: str) -> bytes:
        self._nesting.refuse()
        check_number(number)
        return check_key(key)

    def _text(self, key: str, stored: bytes | None) -> str | None:
        if stored is None:
            return None
        try:
            return stored.decode()
        except UnicodeDecodeError as error:
            raise CorruptRecordError(
                f"{self.address}: {key} is not UTF-8 at byte {error.start}",
                hint="it is left as it is; look at it with redis-cli",
            ) from None

    def _names(self, number: int, prefix: str) -> set[bytes]:
        """The keys as they are; a set, for SCAN may return a key twice."""
        pattern = re.sub(rb"([\\*?\[\]])", rb"\\\1", prefix.encode()) + b"*"
        names: set[bytes] = set()
        cursor = b"0"
        while True:
            cursor, found = self._read(number, "SCAN", cursor, "MATCH", pattern, "COUNT", _BATCH)
            names.update(found)
            if cursor == b"0":
                return names

    def _digest(self, number: int) -> bytes:
        mark, known = self._mark(), self._digests.get(number)
        if known is not None and known.holds(mark):
            return known.digest
        begun_s, digest = time.monotonic(), blake2b()
        for pair in self._pairs(number, ""):
            digest.update(repr(pair).encode())
        self._digests[number] = _Digest(digest.digest(), mark, begun_s)
        return self._digests[number].digest

    def _mark(self) -> tuple[bytes, ...]:
        """What the server counts its changes by, in all databases; empty where it may not say.

        The count since the last snapshot of the disk, when that was, and the length of the log.
        """
        try:
            return tuple(_COUNTS.findall(self._read(0, "INFO", "persistence", raw=True)))
        except redis.ResponseError:
            return ()

    def _pairs(self, number: int, prefix: str) -> Iterator[tuple[bytes, bytes | None]]:
        """Keys with the prefix and their values, sorted; None for what is no string."""
        names = sorted(self._names(number, prefix))
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            yield from zip(batch, self._read(number, "MGET", *batch), strict=True)

    def _read(self, number: int, *command: object, raw: bool = False) -> Any:
        """The answer; asked a second time when the first is lost.

        With `raw`, what the server refuses is raised as redis.ResponseError, to be caught here.
        """
        with self._explained(number, command, raw=raw):
            try:
                return self._ask(number, command)
            except _LostError:
                time.sleep(PAUSE_S)
            try:
                return self._ask(number, command)
            except _LostError as error:
                raise self._unavailable(str(error)) from None

    def _write(self, number: int, *command: object, repeatable: bool = False) -> Any:
        with self._explained(number, command):
            try:
                return self._ask(number, command)
            except _LostError as error:
                if not repeatable:
                    raise self._uncertain(command, error) from None
                time.sleep(PAUSE_S)
            try:
                return self._ask(number, command)
            except (_LostError, StoreUnavailableError) as error:
                raise self._uncertain(command, error) from None

    def _ask(self, number: int, command: tuple[object, ...]) -> Any:
        """Send once, read once; the connection is kept only if it is clean."""
        connection = self._connection(number)
        try:
            connection.send_command(*command)
            answer = connection.read_response()
        except redis.ResponseError:
            self._keep(number, connection)
            raise
        except (redis.AuthenticationError, redis.BusyLoadingError):
            connection.disconnect()
            raise
        except (redis.RedisError, OSError) as error:
            connection.disconnect()
            raise _LostError(_reason(error)) from None
        except BaseException:
            # Ctrl-C: an answer that is still to come must not be taken for the next one's.
            connection.disconnect()
            raise
        self._keep(number, connection)
        return answer

    def _keep(self, number: int, connection: _Connection) -> None:
        self._idle.setdefault((os.getpid(), number), []).append(connection)

    def _connection(self, number: int) -> _Connection:
        """A connection of this process to the database, kept or new."""
        idle = self._idle.setdefault((os.getpid(), number), [])
        with suppress(IndexError):
            while True:
                connection = idle.pop()
                if _clean(connection):
                    return connection
                connection.disconnect()
        return self._connected(number)

    def _connected(self, number: int) -> _Connection:
        """A new connection; nothing was sent yet, so making it may be tried again."""
        connection = self._server.connection(number)
        try:
            try:
                connection.connect()
            except (redis.AuthenticationError, redis.BusyLoadingError, redis.TimeoutError):
                raise
            except redis.ConnectionError:
                time.sleep(PAUSE_S)
                connection.connect()
        except redis.ResponseError as error:
            connection.disconnect()
            raise self._explanation(error, number, ("SELECT",)) from None
        except (redis.AuthenticationError, redis.BusyLoadingError) as error:
            connection.disconnect()
            raise self._explanation(error, number, ("AUTH",)) from None
        except (redis.RedisError, OSError) as error:
            connection.disconnect()
            raise self._unavailable(_reason(error)) from None
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def _selects(self, connection: _Connection, number: int) -> bool:
        """Whether the server has the database; on a connection that is thrown away after."""
        connection.send_command("SELECT", number)
        try:
            connection.read_response()
        except redis.ResponseError:
            return False
        return True

    @contextmanager
    def _probe(self) -> Iterator[_Connection]:
        connection = self._connected(0)
        try:
            yield connection
        except (redis.RedisError, OSError) as error:
            raise self._unavailable(_reason(error)) from None
        finally:
            connection.disconnect()

    def _probed_limit(self) -> int:
        with self._probe() as connection:
            below, above = 0, 1
            while above < NUMBER_LIMIT and self._selects(connection, above):
                below, above = above, above * 2
            while above - below > 1:
                middle = (below + above) // 2
                if self._selects(connection, middle):
                    below = middle
                else:
                    above = middle
            return above

    def _probed_numbers(self) -> list[int]:
        limit = self.limit()
        with self._probe() as connection:
            found = []
            for number in range(limit):
                self._selects(connection, number)
                connection.send_command("DBSIZE")
                if connection.read_response():
                    found.append(number)
            return found

    @contextmanager
    def _explained(
        self, number: int, command: tuple[object, ...], *, raw: bool = False
    ) -> Iterator[None]:
        """Turn what the server refuses into our errors."""
        try:
            yield
        except redis.RedisError as error:
            if raw and isinstance(error, redis.ResponseError):
                raise
            raise self._explanation(error, number, command) from None

    def _explanation(
        self, error: redis.RedisError, number: int, command: tuple[object, ...]
    ) -> HeroError:
        text = str(error)
        where = f"{self.address}, database {number}"
        if "DB index is out of range" in text or "invalid DB index" in text:
            return self._beyond(number)
        if "cluster mode" in text or _word(error) == "MOVED":
            return ContextError(
                f"{self.address} is a cluster, which has no database {number}",
                hint="set HERO_REDIS_URL to a server that is no cluster, "
                "or unset it to keep records in SQLite",
            )
        if "WRONGTYPE" in text:
            return CorruptRecordError(
                f"{where}: {_key(command)} is not a text", hint="it is left as it is; rename it"
            )
        for kind, word, fault, hint in _REFUSALS:
            if word == _word(error):
                return kind(f"{where}: {fault} ({text})", hint=hint)
        return StoreError(f"{where}: {text}", hint="look at it with redis-cli")

    def _beyond(self, number: int) -> ContextError:
        has = "fewer"
        with suppress(HeroError):
            limit = self.limit()
            has = f"{limit} (0 to {limit - 1})"
        return ContextError(
            f"context id {number} needs database {number}, but {self.address} has {has}",
            hint="raise `databases` in redis.conf (10000 cost 4.5 MB), choose a lower id, "
            "or unset HERO_REDIS_URL to keep records in SQLite",
        )

    def _unavailable(self, reason: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.address} does not answer: {reason}",
            hint="start it, or unset HERO_REDIS_URL to keep records in SQLite",
        )

    def _uncertain(self, command: tuple[object, ...], error: Exception) -> UncertainResultError:
        return UncertainResultError(
            f"{self.address}: the answer to writing {_key(command)} was lost ({error}); "
            "it may or may not be written",
            hint="read it, then decide",
        )


_REFUSALS: tuple[tuple[type[HeroError], str, str, str], ...] = (
    (
        StoreAuthError,
        "AUTH",
        "it refuses the user or the password",
        "put both into HERO_REDIS_URL, as redis://user:password@host",
    ),
    (
        StoreUnavailableError,
        "LOADING",
        "it is still loading its records",
        "try again in a moment",
    ),
    (
        StoreAuthError,
        "NOPERM",
        "the user may not do this",
        "give it ~context:* ~sessions:* +@read +@write +@scripting +select, by ACL SETUSER",
    ),
    (
        StorageFullError,
        "OOM",
        "its memory is full",
        "raise maxmemory, or delete records; what was stored is unharmed",
    ),
    (
        ReadOnlyStoreError,
        "READONLY",
        "it is a replica that is only read",
        "set HERO_REDIS_URL to its master",
    ),
    (
        ReadOnlyStoreError,
        "MISCONF",
        "it refuses to write because it cannot save",
        "mend its disk, then try again",
    ),
    (
        ReadOnlyStoreError,
        "NOREPLICAS",
        "it refuses to write without its replicas",
        "start its replicas, then try again",
    ),
    (
        StoreUnavailableError,
        "BUSY",
        "it is busy with a script",
        "wait, or end the script with redis-cli SCRIPT KILL",
    ),
    (StoreUnavailableError, "MASTERDOWN", "it has lost its master", "start the master"),
    (StoreUnavailableError, "CLUSTERDOWN", "its cluster is down", "start the cluster"),
)
"""Our kind, the server's word for it, what is said, what to do."""

_WORDS: dict[type[Exception], str] = {
    redis.AuthenticationError: "AUTH",
    redis.BusyLoadingError: "LOADING",
    redis.exceptions.NoPermissionError: "NOPERM",
    redis.OutOfMemoryError: "OOM",
    redis.ReadOnlyError: "READONLY",
    redis.exceptions.MasterDownError: "MASTERDOWN",
    redis.exceptions.ClusterDownError: "CLUSTERDOWN",
    redis.exceptions.MovedError: "MOVED",
}
"""Where redis-py has a class for the server's word, it cuts the word from the text."""


@dataclass(frozen=True, slots=True)
class _Server:
    """Where a server is and how to come in.

    Attributes:
        address: For messages: without user and password.
        kind: The class of redis that connects.
        options: What that class is given.
    """

    address: str
    kind: type[Any]
    options: dict[str, Any]
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))

    def arguments(self, number: int) -> dict[str, Any]:
        """What a connection to the database is made with."""
        return {
            "db": number,
            "username": self.user or None,
            "password": self.password.reveal() or None,
            "socket_timeout": ANSWER_S,
            "socket_connect_timeout": CONNECT_S,
            "retry": Retry(NoBackoff(), 0),  # by default it tries ten times, wrong passwords too
            "protocol": 2,
            **self.options,
        }

    def connection(self, number: int) -> _Connection:
        return self.kind(**self.arguments(number))


def _read_address(url: str) -> _Server:
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
        query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        _no_address("it cannot be read")
    user = unquote(parts.username or "")
    password = Secret(unquote(parts.password or ""))
    secure = parts.scheme == "rediss"
    insecure_allowed = query.pop("allow_insecure", "") == "true"
    authorities = query.pop("ssl_ca_certs", None) if secure else None
    if query:
        _no_address(f"it has the unknown option {min(query)}")
    if parts.scheme == "unix":
        path = unquote(parts.path)
        if not path or parts.hostname:
            _no_address("after unix:// goes the path of a socket, from the root")
        return _Server(
            f"redis at unix://{path}",
            redis.UnixDomainSocketConnection,
            {"path": path},
            user,
            password,
        )
    if parts.scheme not in ("redis", "rediss"):
        _no_address("it starts with none of redis://, rediss://, unix://")
    if parts.path not in ("", "/", "/0"):
        _no_address("it names a database, which is the context's to choose")
    host = parts.hostname or "localhost"
    shown = f"[{host}]" if ":" in host else host
    address = f"redis at {shown}:{port}"
    if not (secure or password or insecure_allowed or _is_here(host)):
        raise StoreError(
            f"{address} is another machine, and HERO_REDIS_URL has neither TLS nor a password",
            hint="use rediss://, or a password, or add ?allow_insecure=true "
            "when the network is yours alone",
        )
    options: dict[str, Any] = {"host": host, "port": port}
    if secure:
        options |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        options |= {"ssl_ca_certs": authorities} if authorities else {}
    kind = redis.SSLConnection if secure else redis.Connection
    return _Server(address, kind, options, user, password)


def _no_address(fault: str) -> NoReturn:
    # Without the address itself, which may hold a password.
    raise StoreError(
        f"HERO_REDIS_URL is no address of Redis: {fault}",
        hint="write redis://host:6379, rediss://user:password@host, or unix:///path/of/socket",
    )


def _is_here(host: str) -> bool:
    """Whether the host is this machine, by its name or address alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _clean(connection: _Connection) -> bool:
    """Whether nothing waits to be read: neither an old answer nor the end of the connection."""
    try:
        return not connection.can_read()
    except (redis.RedisError, OSError):
        return False


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__


def _word(error: Exception) -> str:
    """The server's word for a refusal; which of them have a class depends on redis-py's version."""
    for kind, word in _WORDS.items():
        if isinstance(error, kind):
            return word
    return str(error).partition(" ")[0]


def _key(command: tuple[object, ...]) -> str:
    """The key that a command is about, for messages."""
    name = command[3 if command[0] == "EVAL" else 1]
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
