"""The SQLite store's file: how it is made, and what happens when it is not as it should be."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from stores.children import code_of, forked

import hero_kernel
from hero_kernel.errors import (
    CorruptRecordError,
    ReadOnlyStoreError,
    StorageFullError,
    StoreError,
    StoreUnavailableError,
)
from hero_kernel.stores import patience, sqlite, store_for
from hero_kernel.stores.sqlite import APPLICATION_ID, SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 65534

CALLS: dict[str, Callable[[SqliteStore], object]] = {
    "get": lambda store: store.get(1, "key"),
    "scan": lambda store: store.scan(1),
    "numbers": lambda store: store.numbers(),
    "watch": lambda store: store.watch(1),
    "put": lambda store: store.put(1, "key", "new"),
    "create": lambda store: store.create(1, "other", "new"),
    "update": lambda store: store.update(1, "key", lambda _old: "new"),
    "delete": lambda store: store.delete(1, "key"),
}
WRITES = ("put", "create", "update", "delete")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hero.db"


@pytest.fixture
def store(path: Path) -> SqliteStore:
    store = SqliteStore(path)
    store.put(1, "key", "old")
    return store


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="hero-open-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def as_nobody(work: Callable[[], object]) -> None:
    """Do the work in a child without root's rights, to which permission bits mean nothing."""

    def lowered() -> None:
        if os.getuid() == 0:
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        work()

    assert code_of(forked(lowered)) == 0


def files(folder: Path) -> list[str]:
    return sorted(str(found.relative_to(folder)) for found in folder.rglob("*"))


def test_reading_makes_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "home" / "hero.db")
    assert (store.get(1, "key"), store.scan(1), store.numbers()) == (None, [], [])
    assert not store.delete(1, "key")
    store.watch(1)
    assert files(tmp_path) == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_what_is_made_is_the_owners_alone(tmp_path: Path, mask: int) -> None:
    previous = os.umask(mask)
    try:
        SqliteStore(tmp_path / "a" / "b" / "hero.db").put(1, "key", "text")
    finally:
        os.umask(previous)
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in files(tmp_path)}
    assert modes == {
        "a": 0o700,
        "a/b": 0o700,
        "a/b/hero.db": 0o600,
        "a/b/hero.db-journal": 0o600,
    }


def test_the_file_is_what_other_tools_read(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM record").fetchall() == [(1, "key", "old")]
        assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_change_by_another_tool_wakes_a_watch(store: SqliteStore, path: Path) -> None:
    watch = store.watch(1, interval_s=0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT OR REPLACE INTO record VALUES (1, 'key', 'theirs')")
    assert next(watch) is None
    assert store.get(1, "key") == "theirs"


def test_a_deleted_file_is_noticed(store: SqliteStore, path: Path) -> None:
    watch = store.watch(1, interval_s=0.01)
    path.unlink()
    assert next(watch) is None
    assert store.get(1, "key") is None
    store.put(1, "key", "new")
    assert next(watch) is None
    assert store.get(1, "key") == "new"


def test_a_replaced_file_is_noticed(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    shutil.copy(path, backup)
    store.put(1, "key", "new")
    watch = store.watch(1, interval_s=0.01)
    backup.replace(path)
    assert next(watch) is None
    assert store.get(1, "key") == "old"


def test_every_write_of_another_store_is_seen_at_once(store: SqliteStore, path: Path) -> None:
    """Also by one that reads so often that it knows the record, and right after a write."""
    other = SqliteStore(path)
    for number in range(100):
        other.put(1, "key", f"{number}")
        assert store.get(1, "key") == f"{number}"
        assert store.get(1, "none") is None
    for number in range(4):
        time.sleep(0.06)  # from here on the file counts as settled
        for _ in range(40):
            assert store.get(1, "key") == f"{99 + number}"
        other.put(1, "key", f"{100 + number}")
        assert store.get(1, "key") == f"{100 + number}"
    time.sleep(0.06)
    assert store.get(1, "key") == "103"
    other.delete(1, "key")
    assert store.get(1, "key") is None


def test_a_known_record_needs_no_lock(store: SqliteStore, path: Path) -> None:
    time.sleep(0.06)
    assert (store.get(1, "key"), store.get(1, "none")) == ("old", None)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert (store.get(1, "key"), store.get(1, "none")) == ("old", None)
        holder.execute("UPDATE record SET value = 'new'")
        holder.execute("COMMIT")
    assert store.get(1, "key") == "new"


def test_what_is_remembered_has_bounds(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "REMEMBERED", 2000)
    store = SqliteStore(path)
    values = {f"key {number}": f"{number} {'x' * 100 * number}" for number in range(30)}
    for key, value in values.items():
        store.put(1, key, value)
    time.sleep(0.06)
    for _ in range(3):
        assert {key: store.get(1, key) for key in values} == values
    assert len(store._seen.records) < 10


def test_a_file_that_was_written_as_often_is_copied_over(
    store: SqliteStore, path: Path, tmp_path: Path
) -> None:
    """SQLite knows a change by a count in the file, which the copy has alike."""
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    SqliteStore(copy).put(1, "key", "theirs")
    SqliteStore(path).put(1, "key", "ours")
    with closing(sqlite3.connect(path)) as bare:
        select = "SELECT value FROM record"
        assert (store.get(1, "key"), bare.execute(select).fetchall()) == ("ours", [("ours",)])
        shutil.copyfile(copy, path)
        assert bare.execute(select).fetchall() == [("ours",)], "SQLite alone notices nothing"
        assert store.get(1, "key") == "theirs"


@pytest.mark.parametrize("reads_before", [False, True])
def test_a_write_after_the_copy_is_not_mixed_with_what_was_there(
    store: SqliteStore, path: Path, tmp_path: Path, reads_before: bool
) -> None:
    store.put(1, "key", "mine")  # it goes on from here, on a connection that is open
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    for number in range(40):
        SqliteStore(copy).put(1, f"their {number}", "x" * 500)
        SqliteStore(path).put(1, f"our {number}", "y" * 500)
    if reads_before:
        assert store.get(1, "our 0") == "y" * 500
    shutil.copyfile(copy, path)
    store.put(1, "new", "value")
    assert store.get(1, "new") == "value"
    assert (store.get(1, "their 39"), store.get(1, "our 0")) == ("x" * 500, None)
    with closing(sqlite3.connect(path)) as bare:
        assert bare.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_file_deleted_under_a_write_is_written_anew(store: SqliteStore, path: Path) -> None:
    """Otherwise the acknowledged record would be in a file that nobody finds."""

    def changed(old: str | None) -> str:
        if old:
            path.unlink()
        return f"{old} new"

    assert store.update(1, "key", changed) == "None new"
    assert SqliteStore(path).get(1, "key") == "None new"


def test_a_file_in_wal_mode_comes_back_to_the_journal(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert store.get(1, "key") == "old"
    store.put(1, "key", "new")
    assert path.read_bytes()[18:20] == b"\x01\x01"  # the header's mark of a rollback journal


def garbage(path: Path) -> None:
    path.write_bytes(random.Random(1).randbytes(20_000))  # noqa: S311 - any bytes will do


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def stump(path: Path) -> None:
    os.truncate(path, 100)


def empty(path: Path) -> None:
    os.truncate(path, 0)
    os.utime(path, (0, 0))  # a fresh empty file could be another process's that is being made


def scratched(path: Path) -> None:
    pages = bytearray(path.read_bytes())
    pages[4096 - 1000 : 4096 * 3] = bytes(1000 + 4096 * 2)
    path.write_bytes(pages)


def misnamed(path: Path) -> None:
    """SQLite repeats the name in its message, which then is no UTF-8."""
    pages = path.read_bytes().replace(b"record", b"rec\x87rd")
    path.write_bytes(pages.replace(b"CREATE TABLE", b"CREATE TABLF"))


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (value)")


def unknown_format(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")


@pytest.mark.parametrize(
    "damage", [garbage, half, stump, empty, scratched, misnamed, foreign, unknown_format]
)
@pytest.mark.parametrize("call", CALLS)
def test_a_damaged_file_is_named_and_left_as_it_is(
    store: SqliteStore, path: Path, damage: Callable[[Path], None], call: str
) -> None:
    damage(path)
    before = path.read_bytes()
    with pytest.raises(CorruptRecordError, match=str(path)):
        CALLS[call](store)
    assert path.read_bytes() == before


@pytest.mark.xfail(strict=True, reason="SQLite itself takes an empty file for an empty database")
def test_sqlite_alone_notices_an_empty_file(store: SqliteStore, path: Path) -> None:
    empty(path)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.Error):
        connection.execute("SELECT * FROM sqlite_schema").fetchall()


@pytest.mark.parametrize("call", CALLS)
def test_a_newer_format_is_refused(store: SqliteStore, path: Path, call: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="needs a newer hero-kernel"):
        CALLS[call](store)
    assert path.read_bytes() == before


def test_records_that_are_no_text_are_left_out(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO record VALUES (1, 'bad', CAST(x'ff' AS TEXT))")
    assert store.records(1) == {"key": "old"}
    with pytest.raises(CorruptRecordError, match="bad"):
        store.get(1, "bad")


@pytest.mark.parametrize(
    ("value", "said"), [(b"caf\xc3\xa9 \xff", "not UTF-8 at byte 6"), (7, "holds a int")]
)
def test_a_record_that_is_no_text_is_named(
    store: SqliteStore, path: Path, value: Any, said: str
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # A TEXT column would turn a number into text; a blob it keeps.
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, 'value TEXT', 'value') "
            "WHERE name = 'record'"
        )
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE record SET value = ?", (value,))
    with pytest.raises(CorruptRecordError, match=f"key {said}|key is {said}"):
        store.get(1, "key")
    with pytest.raises(CorruptRecordError):
        store.update(1, "key", lambda _old: "new")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT value FROM record").fetchone() == (value,)


@pytest.mark.parametrize("call", CALLS)
def test_a_link_in_the_files_place_is_not_followed(path: Path, call: str) -> None:
    victim = path.parent / "victim"
    SqliteStore(victim).put(1, "key", "theirs")
    before = victim.read_bytes()
    path.symlink_to(victim)
    with pytest.raises(StoreError, match="symbolic link"):
        CALLS[call](SqliteStore(path))
    assert victim.read_bytes() == before


def test_a_link_to_nowhere_makes_nothing_there(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")
    with pytest.raises(StoreError, match="symbolic link"):
        SqliteStore(path).put(1, "key", "text")
    assert files(path.parent) == ["hero.db"]


def test_a_folder_in_the_files_place_is_named(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match=f"{path} is not a file"):
        SqliteStore(path).get(1, "key")


def test_a_home_that_is_a_file_is_named(path: Path) -> None:
    path.write_text("")
    for call in (CALLS["get"], CALLS["put"]):
        with pytest.raises(StoreError, match=f"{path}/hero.db cannot be used: not a directory"):
            call(SqliteStore(path / "hero.db"))


@pytest.mark.parametrize("locked", ["file and folder", "folder"])
def test_a_read_only_home_is_read_and_not_written(open_folder: Path, locked: str) -> None:
    path = open_folder / "hero.db"
    SqliteStore(path).put(1, "key", "old")
    (open_folder / "hero.db-journal").unlink()
    path.chmod(0o444 if locked == "file and folder" else 0o666)
    open_folder.chmod(0o555)

    def look() -> None:
        store = SqliteStore(path)
        assert store.get(1, "key") == "old"
        assert store.scan(1) == ["key"]
        store.watch(1)
        for call in WRITES:
            with pytest.raises(ReadOnlyStoreError, match=str(path)):
                CALLS[call](store)

    as_nobody(look)
    assert SqliteStore(path).get(1, "key") == "old"


def test_an_unwritable_home_is_named(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    path = open_folder / "home" / "hero.db"

    def look() -> None:
        store = SqliteStore(path)
        assert store.get(1, "key") is None
        with pytest.raises(ReadOnlyStoreError, match=str(path)):
            store.put(1, "key", "text")

    as_nobody(look)


def test_an_unreadable_file_is_named(open_folder: Path) -> None:
    path = open_folder / "hero.db"
    SqliteStore(path).put(1, "key", "text")
    path.chmod(0)

    def look() -> None:
        with pytest.raises(StoreError, match=f"{path} cannot be used: permission denied"):
            SqliteStore(path).get(1, "key")

    as_nobody(look)


def test_a_full_quota_harms_nothing(store: SqliteStore, path: Path) -> None:
    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 8192, hard))
        for call in (store.put, store.create):
            with pytest.raises(StorageFullError, match=str(path)):
                call(1, "large", "x" * 100_000)
        with pytest.raises(StorageFullError, match=str(path)):
            store.update(1, "key", lambda _old: "x" * 100_000)
        assert store.get(1, "key") == "old"
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        store.put(1, "large", "x" * 100_000)

    assert code_of(forked(fill)) == 0
    assert store.scan(1) == ["key", "large"]


def test_no_room_to_make_the_file(path: Path) -> None:
    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        with pytest.raises(StorageFullError, match=str(path)):
            SqliteStore(path).put(1, "key", "text")

    assert code_of(forked(fill)) == 0
    assert files(path.parent) == []


FILLER = """
import sys
from pathlib import Path
from hero_kernel.errors import StorageFullError
from hero_kernel.stores.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]) / "hero.db")
store.put(1, "key", "old")
filler = Path(sys.argv[1]) / "filler"
with filler.open("wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError:
        pass
for number in range(2):
    try:
        store.put(1, str(number), "x" * 50_000)
    except StorageFullError:
        print("full")
assert store.get(1, "key") == "old"
filler.unlink()
store.put(1, "key", "new")
print(store.get(1, "key"))
"""


def test_a_full_disk_harms_nothing(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    mount = 'mount -t tmpfs -o size=512k none "$0" || exit 77; exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", mount, str(tmp_path)]
    ended = subprocess.run(
        [*command, sys.executable, "-c", FILLER, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(Path(hero_kernel.__file__).parents[1])},
        capture_output=True,
        check=False,
    )
    if ended.returncode == 77 or b"unshare" in ended.stderr:
        pytest.skip("no file system may be mounted here")
    assert ended.stdout.split() == [b"full", b"full", b"new"], ended.stderr


def test_a_lock_that_is_never_freed_is_named(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "WAIT_S", 0.2)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        for call in CALLS.values():
            started = time.monotonic()
            with pytest.raises(StoreUnavailableError, match=str(path)):
                call(store)
            assert 0.2 < time.monotonic() - started < 1
    assert store.get(1, "key") == "old"


def test_nothing_stays_open(store: SqliteStore) -> None:
    def handles() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    before = handles()
    for _ in range(20):
        for call in CALLS.values():
            call(store)
    assert handles() == before


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore(Path("hero.db"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.put(1, "key", "text")
    assert store.address == str(tmp_path / "hero.db")
    assert (tmp_path / "hero.db").exists()


def test_a_home_without_an_address_is_a_file(tmp_path: Path) -> None:
    store = store_for(tmp_path)
    assert store.address == str(tmp_path / "hero.db")
    assert files(tmp_path) == []


def test_importing_the_stores_imports_no_redis() -> None:
    code = "import sys, hero_kernel.stores; sys.exit('redis' in sys.modules)"
    root = str(Path(hero_kernel.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, check=True)
