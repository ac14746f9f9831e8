"""What every store promises; a class of tests that each engine's tests inherit."""

from __future__ import annotations

import itertools
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hero_kernel.errors import BadNameError, ContextError, StoreError
from hero_kernel.stores.bounds import MAX_VALUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.stores.base import Store
    from hero_kernel.stores.watch import Watch

IN_PLACE = settings(
    max_examples=60,
    deadline=None,
    # One store for all examples, and one test for three engines: both are meant.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=120)

CALLS: dict[str, Callable[[Store, int, str], object]] = {
    "get": lambda store, number, key: store.get(number, key),
    "put": lambda store, number, key: store.put(number, key, "text"),
    "create": lambda store, number, key: store.create(number, key, "text"),
    "update": lambda store, number, key: store.update(number, key, lambda _old: "text"),
    "delete": lambda store, number, key: store.delete(number, key),
    "scan": lambda store, number, key: store.scan(number, key),
}


def refuse(_old: str | None) -> str:
    raise LookupError("no")


def appended(old: str | None) -> str:
    return f"{old or ''}x"


def woken_within(watch: Watch, seconds: float) -> bool:
    """Whether the watch yields in time; ends it when it does not."""
    timer = threading.Timer(seconds, watch.close)
    timer.start()
    try:
        return next(iter(watch), "ended") is None
    finally:
        timer.cancel()
        timer.join()


class StoreContract:
    def test_what_was_never_written_is_absent(self, store: Store) -> None:
        assert store.get(1, "key") is None
        assert store.scan(1) == []
        assert store.numbers() == []
        assert store.delete(1, "key") is False

    def test_a_record_comes_back(self, store: Store) -> None:
        store.put(1, "context:config", '{"name": "é"}')
        store.put(1, "context:config", '{"name": "ü"}')
        assert store.get(1, "context:config") == '{"name": "ü"}'

    def test_records_come_back_together(self, store: Store) -> None:
        written = {f"a:{number}": f"é {number}" for number in range(1200)}
        for key, value in {**written, "b": "other", "a": "prefix without colon"}.items():
            store.put(1, key, value)
        store.put(2, "a:7", "of another database")
        found = store.records(1, "a:")
        assert found == written
        assert list(found) == sorted(written) == store.scan(1, "a:")
        assert store.records(1, "c") == {}
        assert len(store.records(1)) == len(written) + 2

    def test_create_writes_only_once(self, store: Store) -> None:
        assert store.create(1, "key", "first") is True
        assert store.create(1, "key", "second") is False
        assert store.get(1, "key") == "first"

    def test_delete_says_whether_it_was_there(self, store: Store) -> None:
        store.put(1, "key", "text")
        assert store.delete(1, "key") is True
        assert store.delete(1, "key") is False
        assert store.get(1, "key") is None
        assert store.create(1, "key", "again") is True

    def test_update_makes_changes_and_deletes(self, store: Store) -> None:
        assert store.update(1, "key", appended) == "x"
        assert store.update(1, "key", appended) == "xx"
        assert store.get(1, "key") == "xx"
        assert store.update(1, "key", lambda _old: None) is None
        assert store.get(1, "key") is None
        assert store.update(1, "key", lambda _old: None) is None
        assert store.scan(1) == []

    def test_update_tells_empty_from_absent(self, store: Store) -> None:
        seen: list[str | None] = []
        store.update(1, "key", lambda old: (seen.append(old), "")[1])
        store.update(1, "key", lambda old: (seen.append(old), old)[1])
        assert seen == [None, ""]
        assert store.get(1, "key") == ""

    @pytest.mark.parametrize("error", [LookupError, sqlite3.Error, KeyboardInterrupt, SystemExit])
    def test_what_a_change_raises_passes_and_changes_nothing(
        self, store: Store, error: type[BaseException]
    ) -> None:
        store.put(1, "key", "text")

        def failing(_old: str | None) -> str:
            raise error

        with pytest.raises(error):
            store.update(1, "key", failing)
        assert store.get(1, "key") == "text"
        assert store.update(1, "key", appended) == "textx"

    def test_a_change_must_make_text(self, store: Store) -> None:
        store.put(1, "key", "text")
        for wrong in (b"bytes", 1, "half \ud800"):
            with pytest.raises(StoreError):
                store.update(1, "key", lambda _old, wrong=wrong: wrong)
        assert store.get(1, "key") == "text"

    @pytest.mark.parametrize("call", [*CALLS, "numbers"])
    def test_the_store_cannot_be_used_inside_update(self, store: Store, call: str) -> None:
        calls = CALLS | {"numbers": lambda store, _number, _key: store.numbers()}

        def nested(_old: str | None) -> str:
            calls[call](store, 2, "other")
            return "never"

        with pytest.raises(StoreError, match="inside update"):
            store.update(1, "key", nested)
        assert store.get(1, "key") is None
        store.put(1, "key", "usable")

    def test_scan_is_sorted_and_takes_prefixes_literally(self, store: Store) -> None:
        keys = ["b", "a", "a*b", "axb", "a?", "a[x]", "a\\b", "ä", "sessions:config:x", "A"]
        for key in keys:
            store.put(1, key, key)
        assert store.scan(1) == sorted(keys)
        for prefix in ["a", "a*", "a?", "a[", "a[x]", "a\\", "sessions:config:", "zzz", "ä"]:
            assert store.scan(1, prefix) == sorted(k for k in keys if k.startswith(prefix))

    def test_scan_finds_every_one_of_many(self, store: Store) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: store.put(1, f"many:{n}", ""), range(300)))
        assert store.scan(1, "many:") == sorted(f"many:{n}" for n in range(300))

    def test_databases_do_not_mix(self, store: Store) -> None:
        for number in (0, 3, 7):
            store.put(number, "key", str(number))
        store.delete(3, "key")
        assert [store.get(number, "key") for number in (0, 1, 3, 7)] == ["0", None, None, "7"]
        assert store.numbers() == [0, 7]

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("number", [-1, True, 1.0, "1", "١٦", None, 2**31, 2**32, 2**64])
    def test_other_numbers_are_refused(self, store: Store, call: str, number: object) -> None:
        with pytest.raises(ContextError):
            CALLS[call](store, number, "key")
        assert store.numbers() == []

    def test_numbers_reach_to_the_limit(self, store: Store) -> None:
        last = store.limit() - 1
        store.put(last, "key", "text")
        assert store.numbers() == [last]
        with pytest.raises(ContextError):
            store.put(last + 1, "key", "text")

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize(
        "key", ["nul\0", "x" * 513, "é" * 257, "half\ud800", b"bytes", None, 1]
    )
    def test_other_keys_are_refused(self, store: Store, call: str, key: object) -> None:
        with pytest.raises(BadNameError):
            CALLS[call](store, 1, key)
        assert store.numbers() == []

    @pytest.mark.parametrize(
        "key",
        ["", " ", "../../etc", "/abs", ".", "-rf", "con", "a\nb", "x" * 512, "é" * 256, "'\"%_"],
    )
    def test_a_key_is_data_and_not_a_path(self, store: Store, key: str) -> None:
        store.put(1, key, "text")
        assert store.get(1, key) == "text"
        assert store.scan(1) == [key]

    def test_keys_of_different_letters_stay_apart(self, store: Store) -> None:
        alike = ["café", "cafe\u0301", "CAFÉ", "cafe", "a\u200db", "ab"]
        for key in alike:
            store.put(1, key, key)
        assert [store.get(1, key) for key in alike] == alike

    @pytest.mark.parametrize("value", [b"bytes", None, 1, "half \udc80"])
    def test_other_values_are_refused(self, store: Store, value: object) -> None:
        with pytest.raises(StoreError):
            store.put(1, "key", value)
        with pytest.raises(StoreError):
            store.create(1, "key", value)
        assert store.numbers() == []

    def test_a_value_over_the_limit_is_refused_at_once(self, store: Store) -> None:
        store.put(1, "key", "old")
        large = "x" * (MAX_VALUE_BYTES + 1)
        started = time.monotonic()
        with pytest.raises(StoreError, match="64 MiB"):
            store.put(1, "key", large)
        assert time.monotonic() - started < 0.05
        assert store.get(1, "key") == "old"

    def test_a_value_of_the_limit_is_kept(self, store: Store) -> None:
        large = "é" * (MAX_VALUE_BYTES // 2)
        store.put(1, "key", large)
        assert store.get(1, "key") == large

    @IN_PLACE
    @given(key=KEYS, value=TEXTS)
    def test_any_text_comes_back_as_it_was(self, store: Store, key: str, value: str) -> None:
        store.put(2, key, value)
        assert store.get(2, key) == value
        assert store.update(2, key, lambda old: f"{old}\0") == f"{value}\0"
        assert key in store.scan(2, key[:1])

    @settings(IN_PLACE, max_examples=15)
    @given(
        steps=st.lists(
            st.tuples(st.sampled_from(sorted(CALLS)), st.sampled_from("abc"), TEXTS), max_size=20
        )
    )
    def test_a_store_does_what_a_dict_does(
        self, store: Store, steps: list[tuple[str, str, str]]
    ) -> None:
        for key in store.scan(4):
            store.delete(4, key)
        model: dict[str, str] = {}
        for call, key, value in steps:
            if call == "put":
                store.put(4, key, value)
                model[key] = value
            elif call == "create":
                assert store.create(4, key, value) is (key not in model)
                model.setdefault(key, value)
            elif call == "update":
                expected = model.get(key, "") + value or None
                assert (
                    store.update(4, key, lambda old, v=value: (old or "") + v or None) == expected
                )
                model.pop(key, None)
                model |= {key: expected} if expected else {}
            elif call == "delete":
                assert store.delete(4, key) is (model.pop(key, None) is not None)
            assert store.get(4, key) == model.get(key)
        assert store.scan(4) == sorted(model)

    def test_threads_lose_no_update(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: store.update(1, "count", appended), range(80)))
        assert store.get(1, "count") == "x" * 80

    def test_threads_create_a_record_once(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda n: store.create(1, "id", str(n)), range(16)))
        assert made.count(True) == 1
        assert store.get(1, "id") == str(made.index(True))

    def test_a_purge_leaves_the_records(self, store: Store) -> None:
        store.purge()
        assert store.numbers() == []
        store.put(1, "key", "old")
        store.put(1, "key", "text")
        watch = store.watch(1, interval_s=0.01)
        store.purge()
        assert store.get(1, "key") == "text"
        assert store.scan(1) == ["key"]
        store.put(1, "key", "new")
        assert woken_within(watch, 1)
        assert store.get(1, "key") == "new"

    def test_a_closed_store_opens_anew(self, store: Store) -> None:
        store.put(1, "key", "text")
        store.close()
        store.close()
        assert store.get(1, "key") == "text"

    def test_watch_sees_every_kind_of_change(self, store: Store) -> None:
        watch = store.watch(1, interval_s=0.01)
        changes: list[Callable[[], object]] = [
            lambda: store.put(1, "key", "one"),
            lambda: store.put(1, "key", "two"),
            lambda: store.update(1, "key", appended),
            lambda: store.create(1, "other", ""),
            lambda: store.delete(1, "key"),
        ]
        for change in changes:
            change()
            assert woken_within(watch, 1)
        assert not woken_within(watch, 0.1)

    def test_watch_does_not_wake_for_nothing(self, store: Store) -> None:
        store.put(1, "key", "text")
        watch = store.watch(1, interval_s=0.01)
        store.put(1, "key", "text")
        store.update(1, "key", lambda old: old)
        store.create(1, "key", "other")
        store.delete(1, "absent")
        store.put(2, "key", "text")
        with pytest.raises(LookupError):
            store.update(1, "key", refuse)
        assert not woken_within(watch, 0.1)

    def test_watch_wakes_a_waiting_thread(self, store: Store) -> None:
        watch = store.watch(1, interval_s=0.01)
        threading.Timer(0.1, store.put, (1, "key", "text")).start()
        started = time.monotonic()
        assert list(itertools.islice(watch, 1)) == [None]
        assert time.monotonic() - started < 1
        watch.close()
        watch.close()
        assert list(watch) == []

    def test_a_watch_is_closed_from_another_thread(self, store: Store) -> None:
        watch = store.watch(1, interval_s=60)
        threading.Timer(0.05, watch.close).start()
        started = time.monotonic()
        assert list(watch) == []
        assert time.monotonic() - started < 1

    def test_the_address_is_said(self, store: Store) -> None:
        assert store.address
