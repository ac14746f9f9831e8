"""The Redis store against a real server: killed, hanging, full, refusing, lossy."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis_server import RedisServer, require_redis
from stores.wires import Parrot, Swallower, free_port

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
from hero_kernel.stores import redis as redis_store
from hero_kernel.stores import store_for
from hero_kernel.stores.redis import RedisStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALLOWED = {"CLIENT", "SELECT", "GET", "SET", "EVAL", "DEL", "SCAN", "MGET", "INFO", "CONFIG"}
"""What is ever sent to a server; KEYS and FLUSHDB are not among it."""

MUST_FAIL = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="the obvious way does not keep the promise"
)

MUST_MIX_UP = pytest.mark.xfail(
    strict=True,
    raises=(AssertionError, redis.RedisError, AttributeError, TypeError),
    reason="threads on one connection read each other's answers",
)

RETRYING_CLIENT = pytest.mark.skipif(
    int(redis.__version__.split(".")[0]) < 8, reason="older clients do not retry by default"
)

CALLS: dict[str, Callable[[RedisStore], object]] = {
    "get": lambda store: store.get(1, "key"),
    "put": lambda store: store.put(1, "key", "text"),
    "create": lambda store: store.create(1, "key", "text"),
    "update": lambda store: store.update(1, "key", lambda _old: "text"),
    "delete": lambda store: store.delete(1, "key"),
    "scan": lambda store: store.scan(1),
    "numbers": lambda store: store.numbers(),
    "limit": lambda store: store.limit(),
    "watch": lambda store: store.watch(1),
}


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    store = RedisStore(redis_server.url)
    yield store
    store.close()


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server of the test's own, with the options it is parametrised by."""
    require_redis()
    server = RedisServer(*getattr(request, "param", ()))
    yield server
    server.stop()


def counted(old: str | None) -> str:
    return str(int(old or 0) + 1)


def seconds(call: Callable[[], object], error: type[BaseException]) -> float:
    started = time.monotonic()
    with pytest.raises(error):
        call()
    return time.monotonic() - started


def test_records_are_plain_keys_and_plain_text(
    store: RedisStore, redis_server: RedisServer
) -> None:
    store.put(3, "context:config", '{"name":"é"}')
    with redis_server.client(3) as client:
        assert client.get("context:config") == '{"name":"é"}'.encode()
        client.set("sessions:config:a", "théirs")
    assert store.get(3, "sessions:config:a") == "théirs"


def test_a_change_by_another_program_wakes_a_watch(
    store: RedisStore, redis_server: RedisServer
) -> None:
    watch = store.watch(1)
    started = time.monotonic()
    with redis_server.client(1) as client:
        client.set("sessions:config:a", "theirs")
        assert next(watch) is None
        client.append("sessions:config:a", "!")
        assert next(watch) is None
        client.delete("sessions:config:a")
        assert next(watch) is None
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "server", [("--appendonly", "yes", "--appendfsync", "always")], indirect=True
)
def test_a_server_killed_and_started_again_keeps_what_it_acknowledged(server: RedisServer) -> None:
    store = RedisStore(server.url)
    kept: list[str] = []
    failed = 0
    killer = threading.Thread(target=lambda: [restart(server) for _ in range(3)])
    killer.start()
    number = 0
    while killer.is_alive():
        number += 1
        try:
            store.put(3, f"key {number}", "text")
        except (StoreUnavailableError, UncertainResultError):
            failed += 1
        else:
            kept.append(f"key {number}")
    killer.join()
    assert set(kept) <= set(store.scan(3))
    assert store.numbers() == [3]
    assert len(kept) > 100
    store.close()


def restart(server: RedisServer) -> None:
    time.sleep(0.15)
    server.kill()
    time.sleep(0.05)
    server.start()


@pytest.mark.parametrize("call", CALLS)
def test_what_to_do_about_a_server_that_is_down(tmp_path: Path, call: str) -> None:
    port = free_port()
    store = store_for(tmp_path, f"redis://127.0.0.1:{port}")
    started = time.monotonic()
    with pytest.raises(StoreUnavailableError) as caught:
        CALLS[call](store)
    assert time.monotonic() - started < 2
    assert f"redis at 127.0.0.1:{port} does not answer" in str(caught.value)
    assert "start it, or unset HERO_REDIS_URL" in str(caught.value)
    assert list(tmp_path.iterdir()) == []  # nothing is kept in SQLite behind the user's back


def test_a_missing_socket_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=f"unix://{tmp_path}/r.sock does not answer"):
        RedisStore(f"unix://{tmp_path}/r.sock").get(1, "key")


def test_a_server_that_hangs_is_given_up(server: RedisServer) -> None:
    store = RedisStore(server.url)
    store.put(1, "key", "old")
    store.put(1, "count", "0")
    server.send(signal.SIGSTOP)
    calls: list[tuple[Callable[[], object], type[HeroError]]] = [
        (lambda: store.get(1, "key"), StoreUnavailableError),
        (lambda: store.put(1, "key", "new"), StoreError),
        (lambda: store.create(1, "other", "text"), StoreError),
        (lambda: store.update(1, "count", counted), StoreUnavailableError),
    ]
    with ThreadPoolExecutor(4) as pool:
        took = list(pool.map(lambda call: seconds(*call), calls))
    assert max(took) < 5
    server.send(signal.SIGCONT)
    assert store.update(1, "count", counted) == "1"
    store.close()


def test_ctrl_c_is_heard_while_a_server_hangs(server: RedisServer) -> None:
    store = RedisStore(server.url)
    store.put(1, "key", "text")
    store.put(1, "other", "other")
    pid = os.getpid()
    for call in (store.get, store.delete):
        server.send(signal.SIGSTOP)
        timer = threading.Timer(0.2, lambda: os.kill(pid, signal.SIGINT))
        timer.start()
        assert seconds(lambda call=call: call(1, "key"), KeyboardInterrupt) < 0.5
        timer.join()
        server.send(signal.SIGCONT)
        # the answer that was not waited for is not taken for this one's
        assert store.get(1, "other") == "other"
    store.close()


@pytest.mark.parametrize("silent", [False, True])
def test_a_write_whose_answer_is_lost_happens_at_most_once(
    redis_server: RedisServer, silent: bool
) -> None:
    with redis_server.client(1) as client:
        client.set("count", "0")
        client.set("gone", "text")
        for mark, call in {
            b"EVAL": lambda store: store.update(1, "count", counted),
            b"NX": lambda store: store.create(1, "made", "text"),
            b"DEL": lambda store: store.delete(1, "gone"),
        }.items():
            wire = Swallower(str(redis_server.socket), mark, silent=silent)
            store = RedisStore(wire.url)
            with pytest.raises(UncertainResultError, match="may or may not be written"):
                call(store)
            assert wire.seen == 1
            store.close()
            wire.close()
        assert [client.get(key) for key in ("count", "made", "gone")] == [b"1", b"text", None]


@MUST_FAIL
@RETRYING_CLIENT
def test_the_default_client_applies_a_lost_write_once(redis_server: RedisServer) -> None:
    wire = Swallower(str(redis_server.socket), b"INCR")
    wire.lose = 2
    try:
        with redis.Redis(port=wire.port) as client:
            assert client.incr("count") == 1
    finally:
        wire.close()


def test_what_may_be_repeated_is_repeated_once(redis_server: RedisServer) -> None:
    calls: dict[bytes, Callable[[RedisStore], object]] = {
        b"\nGET\r\n": lambda store: store.get(1, "key"),
        b"\nSET\r\n": lambda store: store.put(1, "key", "text"),
        b"SCAN": lambda store: store.scan(1),
        b"keyspace": lambda store: store.numbers(),
    }
    for mark, call in calls.items():
        wire = Swallower(str(redis_server.socket), mark)
        store = RedisStore(wire.url)
        call(store)
        assert wire.seen == 2
        wire.lose = 5
        with pytest.raises((StoreUnavailableError, UncertainResultError)):
            call(store)
        assert wire.seen == 4
        store.close()
        wire.close()


@pytest.mark.parametrize("server", [("--requirepass", "right-password")], indirect=True)
@pytest.mark.parametrize("ours", [True, pytest.param(False, marks=[MUST_FAIL, RETRYING_CLIENT])])
def test_a_wrong_password_is_tried_once(server: RedisServer, ours: bool) -> None:
    with server.client(password="right-password") as client:
        client.config_resetstat()
        if ours:
            with pytest.raises(StoreAuthError):
                RedisStore(f"unix://:wrong-password@{server.socket}").get(1, "key")
        else:
            with (
                server.client(password="wrong-password") as other,
                pytest.raises(redis.AuthenticationError),
            ):
                other.get("key")
        stats = client.info("commandstats")
    tried = [stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("auth", "hello")]
    assert sum(tried) == 1


@pytest.mark.parametrize("server", [("--requirepass", "right-password")], indirect=True)
def test_a_password_is_shown_nowhere(
    server: RedisServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    right = RedisStore(f"unix://:right-password@{server.socket}")
    right.put(1, "key", "text")
    shown = [repr(right), right.address, repr(vars(right)["_server"])]
    for url in (f"unix://some-user:wrong-password@{server.socket}", server.url):
        store = RedisStore(url)
        for call in CALLS.values():
            with pytest.raises(StoreAuthError) as caught:
                call(store)
            shown += traceback.format_exception(caught.value)
    right.close()
    for url in (
        "redis://:wrong-password@host:port",
        "redis://:wrong-password@host/7",
        "x://:wrong-password@",
    ):
        with pytest.raises(StoreError) as caught:
            RedisStore(url)
        shown += traceback.format_exception(caught.value)
    everything = "".join(shown) + caplog.text + "".join(capfd.readouterr())
    assert "right-password" not in everything
    assert "wrong-password" not in everything
    assert "some-user" not in everything


@pytest.mark.parametrize("server", [("--maxclients", "60", "--databases", "20")], indirect=True)
def test_a_user_of_few_rights(server: RedisServer) -> None:
    """What the hint of a refusal asks for is enough; the rest is found out by trying."""
    rights = ["~context:*", "~sessions:*", "+@read", "+@write", "+@scripting", "+select"]
    with server.client() as client:
        client.execute_command(
            "ACL", "SETUSER", "few", "on", ">few-password", *rights, "-@dangerous"
        )
        client.set("foreign", "text")
    store = RedisStore(f"unix://few:few-password@{server.socket}")
    store.put(3, "context:config", "text")
    assert store.update(3, "context:config", lambda old: f"{old}!") == "text!"
    assert store.create(3, "sessions:config:a", "text")
    assert store.scan(3) == ["context:config", "sessions:config:a"]
    assert store.delete(3, "sessions:config:a")
    assert store.limit() == 20
    assert store.numbers() == [0, 3]
    with pytest.raises(StoreAuthError, match=r"may not do this.*ACL SETUSER"):
        store.get(3, "foreign")
    store.close()


def test_a_full_server_is_read_and_not_written(server: RedisServer) -> None:
    store = RedisStore(server.url)
    store.put(1, "key", "old")
    with server.client() as client:
        client.config_set("maxmemory", 1)
    for call in ("put", "create", "update"):
        with pytest.raises(StorageFullError, match="maxmemory"):
            CALLS[call](store)
    assert store.get(1, "key") == "old"
    with server.client() as client:
        client.config_set("maxmemory", 0)
    store.put(1, "key", "new")
    store.close()


def test_a_replica_is_read_and_not_written(server: RedisServer) -> None:
    store = RedisStore(server.url)
    store.put(1, "key", "old")
    with server.client() as client:
        client.replicaof("127.0.0.1", str(free_port()))
    for call in ("put", "create", "update", "delete"):
        with pytest.raises(ReadOnlyStoreError, match="replica"):
            CALLS[call](store)
    assert store.get(1, "key") == "old"
    store.close()


@pytest.mark.parametrize("server", [("--save", "3600 1")], indirect=True)
def test_a_server_that_cannot_save_is_read_and_not_written(server: RedisServer) -> None:
    store = RedisStore(server.url)
    store.put(1, "key", "old")
    (server.folder / "dump.rdb").mkdir()
    with server.client() as client:
        client.bgsave()
        for _ in range(200):
            if client.info("persistence")["rdb_last_bgsave_status"] == "err":
                break
            time.sleep(0.01)
    with pytest.raises(ReadOnlyStoreError, match="cannot save"):
        store.put(1, "key", "new")
    assert store.get(1, "key") == "old"
    store.close()


@pytest.mark.parametrize("server", [("--busy-reply-threshold", "20")], indirect=True)
def test_a_server_busy_with_a_script_says_so(server: RedisServer) -> None:
    store = RedisStore(server.url)
    store.put(1, "key", "old")

    def spin() -> None:
        with server.client() as client, pytest.raises(redis.ResponseError):
            client.eval("while true do end", 0)

    thread = threading.Thread(target=spin)
    thread.start()
    time.sleep(0.1)
    with pytest.raises(StoreUnavailableError, match="busy with a script"):
        store.put(1, "key", "new")
    with server.client() as client:
        client.script_kill()
    thread.join()
    assert store.get(1, "key") == "old"
    store.close()


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        (b"-LOADING Redis is loading the dataset in memory", StoreUnavailableError, "loading"),
        (b"-MASTERDOWN Link with MASTER is down", StoreUnavailableError, "master"),
        (b"-NOREPLICAS Not enough good replicas", ReadOnlyStoreError, "replicas"),
        (b"-CLUSTERDOWN The cluster is down", StoreUnavailableError, "cluster"),
        (b"-MOVED 3999 127.0.0.1:6381", ContextError, "cluster"),
        (b"-ERR something new", StoreError, "something new"),
        (b"-NOAUTH Authentication required.", StoreAuthError, "password"),
    ],
)
def test_a_refusal_is_asked_once_and_explained(
    line: bytes, error: type[HeroError], said: str
) -> None:
    wire = Parrot(line)
    store = RedisStore(wire.url)
    try:
        for count, call in enumerate(("get", "put", "create", "delete"), 1):
            with pytest.raises(error, match=said) as caught:
                CALLS[call](store)
            assert f"127.0.0.1:{wire.port}" in str(caught.value)
            assert sum(b"key" in asked for asked in wire.asked) == count
    finally:
        store.close()
        wire.close()


def test_what_is_no_redis_is_named() -> None:
    wire = Parrot(b"HTTP/1.1 400 Bad Request")
    try:
        with pytest.raises(StoreUnavailableError, match=str(wire.port)):
            RedisStore(wire.url).get(1, "key")
    finally:
        wire.close()


def test_a_cluster_is_named() -> None:
    wire = Parrot(b"-ERR SELECT is not allowed in cluster mode", to=b"SELECT")
    try:
        with pytest.raises(ContextError, match="is a cluster, which has no database 1"):
            RedisStore(wire.url).get(1, "key")
    finally:
        wire.close()


@pytest.mark.parametrize("call", ["get", "put", "scan", "watch"])
@pytest.mark.parametrize("number", [16, 17, 2**31 - 1])
def test_an_id_beyond_the_databases_has_three_ways_out(
    store: RedisStore, call: str, number: int
) -> None:
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: store.get(number, "key"),
        "put": lambda: store.put(number, "key", "text"),
        "scan": lambda: store.scan(number),
        "watch": lambda: store.watch(number),
    }
    with pytest.raises(ContextError) as caught:
        calls[call]()
    said = str(caught.value)
    assert f"context id {number} needs database {number}" in said
    assert "has 16 (0 to 15)" in said
    for way in ("raise `databases`", "a lower id", "unset HERO_REDIS_URL"):
        assert way in said
    assert store.numbers() == []


@pytest.mark.parametrize("databases", [1, 16, 17, 1000])
def test_the_limit_is_the_servers(databases: int) -> None:
    require_redis()
    server = RedisServer("--databases", str(databases))
    store = RedisStore(server.url)
    try:
        assert store.limit() == databases
        assert store._probed_limit() == databases
    finally:
        store.close()
        server.stop()


class SharedConnection:
    """One connection for all databases, with SELECT when a context is opened."""

    def __init__(self, url: str) -> None:
        # threads that mix up each other's answers may also wait for one that never comes
        self._client = redis.Redis.from_url(
            url, single_connection_client=True, socket_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        for number in range(4):
            self._client.execute_command("SELECT", number)

    def put(self, _number: int, key: str, value: str) -> None:
        self._client.set(key, value)

    def get(self, _number: int, key: str) -> str:
        return self._client.get(key).decode()

    def close(self) -> None:
        self._client.close()


@pytest.mark.parametrize("kind", [RedisStore, pytest.param(SharedConnection, marks=MUST_MIX_UP)])
def test_databases_do_not_mix_over_threads(
    redis_server: RedisServer, kind: Callable[[str], Any]
) -> None:
    store = kind(redis_server.url)

    def use(number: int) -> None:
        for step in range(200):
            store.put(number % 4, "key", str(number % 4))
            assert store.get(number % 4, "key") == str(number % 4), step

    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(use, range(8)))
        for number in range(4):
            with redis_server.client(number) as client:
                assert client.get("key") == str(number).encode()
    finally:
        store.close()


def test_foreign_keys_are_left_alone_and_nothing_dangerous_is_sent(
    store: RedisStore, redis_server: RedisServer
) -> None:
    with redis_server.client(1) as client:
        client.mset({f"foreign:{number}": str(number) for number in range(3000)})
        client.set(b"foreign:\xff", b"\xff")
        client.hset("context:openai", "name", "{}")
        with redis_server.client() as watcher, watcher.monitor() as monitor:
            for call in CALLS.values():
                call(store)
            client.echo("that was all")
            sent = set()
            for event in monitor.listen():
                if "that was all" in event["command"]:
                    break
                if event["client_type"] != "lua":
                    sent.add(event["command"].split()[0].upper())
        assert sent <= ALLOWED
        assert client.dbsize() == 3002
        assert client.get("foreign:2999") == b"2999"
        assert client.hgetall("context:openai") == {b"name": b"{}"}
    assert len(store.scan(1)) == 3001  # a key that is no text is no record


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda client: client.hset("key", "field", "text"), "database 1: key is not a text"),
        (lambda client: client.rpush("key", "text"), "database 1: key is not a text"),
        (lambda client: client.set("key", b"caf\xc3\xa9 \xff"), "key is not UTF-8 at byte 6"),
    ],
)
def test_a_record_that_is_no_text_is_left_as_it_is(
    store: RedisStore,
    redis_server: RedisServer,
    spoil: Callable[[redis.Redis], object],
    said: str,
) -> None:
    with redis_server.client(1) as client:
        spoil(client)
        before = client.dump("key")
        for call in ("get", "update"):
            with pytest.raises(CorruptRecordError, match=said):
                CALLS[call](store)
        assert store.create(1, "key", "text") is False
        assert client.dump("key") == before


@pytest.mark.parametrize(
    "url", ["redis://10.0.0.1", "redis://redis.example:6379", "redis://user@[2001:db8::1]:7000"]
)
def test_another_machine_without_tls_and_password_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis.Connection, "connect", lambda _self: pytest.fail("connected"))
    with pytest.raises(StoreError, match="another machine, and HERO_REDIS_URL has neither"):
        RedisStore(url)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://", "redis at localhost:6379"),
        ("redis://localhost/0", "redis at localhost:6379"),
        ("redis://127.0.0.2:7000/", "redis at 127.0.0.2:7000"),
        ("redis://[::1]:7000", "redis at [::1]:7000"),
        ("redis://10.0.0.1?allow_insecure=true", "redis at 10.0.0.1:6379"),
        ("redis://:p%40ss@redis.example", "redis at redis.example:6379"),
        ("rediss://redis.example:6380", "redis at redis.example:6380"),
        ("rediss://redis.example?ssl_ca_certs=/etc/ca.pem", "redis at redis.example:6379"),
        ("unix:///run/redis/r.sock", "redis at unix:///run/redis/r.sock"),
        ("unix://user:pass@/run/r.sock", "redis at unix:///run/r.sock"),
    ],
)
def test_an_address_is_taken_and_nothing_is_opened(
    url: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in (redis.Connection, redis.UnixDomainSocketConnection):
        monkeypatch.setattr(kind, "connect", lambda _self: pytest.fail("connected"))
    store = RedisStore(url)
    assert store.address == address
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://localhost",
        "redis://localhost:port",
        "redis://localhost:99999",
        "redis://localhost/3",
        "redis://localhost?db=3",
        "redis://localhost?",
        "redis://[::1",
        "unix://",
        "unix://relative/r.sock",
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    if url.endswith("?"):
        RedisStore(url)  # an empty query is none
        return
    with pytest.raises(StoreError, match=re.escape("HERO_REDIS_URL is no address of Redis")):
        RedisStore(url)


def test_a_look_for_changes_reads_no_record_while_there_are_none(
    store: RedisStore, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "TRUSTED_S", 60.0)

    def reads() -> int:
        told = client.info("commandstats")
        return told.get("cmdstat_mget", {}).get("calls", 0)

    with redis_server.client(1) as client:
        for number in range(3):
            store.put(1, f"key {number}", "x")
        before = store.revision(1)
        at_first = reads()
        assert {store.revision(1) for _ in range(20)} == {before}
        assert reads() == at_first
        client.set("key 1", "y")  # another program
        changed = store.revision(1)
        assert changed != before
        assert reads() == at_first + 1
        client.set("key 1", "x")  # as it was
        assert store.revision(1) == before


def test_a_server_that_counts_no_changes_is_not_believed_for_long(
    store: RedisStore, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "_COUNTS", re.compile(rb"^(loading:\d)", re.MULTILINE))
    monkeypatch.setattr(redis_store, "TRUSTED_S", 0.2)
    before = store.revision(1)
    with redis_server.client(1) as client:
        client.set("key", "theirs")
    time.sleep(0.25)
    assert store.revision(1) != before
