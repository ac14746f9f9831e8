"""What keeps values under keys, each behind the same few methods, each used as its manual says."""

from __future__ import annotations

import os
import shelve
import sqlite3
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hero_kernel.databases import Databases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import ModuleType

    import redis

    from hero_kernel.crypto import Cipher


class Hero:
    """A database of ours; durable at every write."""

    def __init__(self, folder: Path, cipher: Cipher | None = None) -> None:
        self._db = Databases(folder, folder / "db", cipher=cipher, encrypt=bool(cipher)).get("x")
        self.get = self._db.__getitem__
        self.set = self._db.__setitem__
        self.update = self._db.update
        self.delete = self._db.__delitem__
        self.path = self._db.path

    def keys(self) -> Iterable[str]:
        return self._db.keys()

    def items(self, prefix: str = "") -> Iterable[tuple[str, Any]]:
        return self._db.items(prefix)

    def close(self) -> None:
        self._db.close()


_ORDERED = "SELECT key, value FROM entry WHERE key >= ? AND key < ? ORDER BY key"
_UPSERT = "INSERT INTO entry VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


class Sqlite:
    """SQLite as Python brings it, on one connection that is kept; durable at every write."""

    def __init__(self, folder: Path, journal: str = "PERSIST") -> None:
        self.path = folder / "x.db"
        self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=60)
        self._connection.execute(f"PRAGMA journal_mode = {journal}")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS entry (key TEXT PRIMARY KEY, value)")
        self._execute = self._connection.execute

    def get(self, key: str) -> Any:
        return self._execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()[0]

    def set(self, key: str, value: Any) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._execute(_UPSERT, (key, value))
        self._execute("COMMIT")

    def update(self, data: dict[str, Any]) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._connection.executemany(_UPSERT, data.items())
        self._execute("COMMIT")

    def set_together(self, pairs: list[tuple[str, Any]]) -> None:
        """Several in one transaction, as they would be in the best of groups."""
        self._execute("BEGIN IMMEDIATE")
        for pair in pairs:
            self._execute(_UPSERT, pair)
        self._execute("COMMIT")

    def delete(self, key: str) -> None:
        self._execute("BEGIN IMMEDIATE")
        self._execute("DELETE FROM entry WHERE key = ?", (key,))
        self._execute("COMMIT")

    def keys(self) -> Iterable[str]:
        return (key for (key,) in self._execute("SELECT key FROM entry ORDER BY key"))

    def items(self, prefix: str = "") -> Iterable[tuple[str, Any]]:
        return self._execute(_ORDERED, (prefix, prefix + "\U0010ffff"))

    def close(self) -> None:
        self._connection.close()


class SealedSqlite(Sqlite):
    """The same, each value sealed for its key by the bare cipher of `cryptography`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._cipher = AESGCM(AESGCM.generate_key(256))

    def get(self, key: str) -> str:
        envelope = super().get(key)
        return self._cipher.decrypt(envelope[:12], envelope[12:], key.encode()).decode()

    def set(self, key: str, value: Any) -> None:
        super().set(key, self._sealed(key, value))

    def update(self, data: dict[str, Any]) -> None:
        self._execute("BEGIN IMMEDIATE")
        rows = ((key, self._sealed(key, value)) for key, value in data.items())
        self._connection.executemany(_UPSERT, rows)
        self._execute("COMMIT")

    def _sealed(self, key: str, value: str) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, value.encode(), key.encode())


class DiskCache:
    """diskcache as it is set up by itself: a write survives a killed process, not a power cut."""

    def __init__(self, folder: Path, diskcache: ModuleType) -> None:
        self.path = folder / "cache"
        self._cache = diskcache.Cache(self.path)
        self.get = self._cache.__getitem__
        self.set = self._cache.__setitem__
        self.delete = self._cache.__delitem__

    def update(self, data: dict[str, Any]) -> None:
        with self._cache.transact():
            for key, value in data.items():
                self._cache[key] = value

    def keys(self) -> Iterable[str]:
        return self._cache.iterkeys()

    def items(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        cache = self._cache
        return ((key, cache[key]) for key in cache.iterkeys() if key.startswith(prefix))

    def close(self) -> None:
        self._cache.close()


class SqliteDict:
    """sqlitedict that commits every write; it does not wait for the disk."""

    def __init__(self, folder: Path, sqlitedict: ModuleType) -> None:
        self.path = folder / "dict.db"
        self._dict = sqlitedict.SqliteDict(self.path, autocommit=True, outer_stack=False)
        self.get = self._dict.__getitem__
        self.delete = self._dict.__delitem__
        self.update = self._dict.update

    def set(self, key: str, value: Any) -> None:
        self._dict[key] = value
        self._dict.commit(blocking=True)

    def keys(self) -> Iterable[str]:
        return self._dict.iterkeys()

    def items(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        return (pair for pair in self._dict.iteritems() if pair[0].startswith(prefix))

    def close(self) -> None:
        self._dict.close()


class Shelve:
    """shelve over whatever dbm this Python has; nothing is on the disk before `sync`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "shelf"
        self._shelf = shelve.open(str(self.path))  # noqa: S301, SIM115 - our own values
        self.get = self._shelf.__getitem__
        self.set = self._shelf.__setitem__
        self.delete = self._shelf.__delitem__
        self.update = self._shelf.update

    def keys(self) -> Iterable[str]:
        return iter(self._shelf)

    def items(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        return ((key, self._shelf[key]) for key in self._shelf if key.startswith(prefix))

    def close(self) -> None:
        self._shelf.close()


class Files:
    """A file a key in 256 folders, written beside it, synced and renamed; the folder is not."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "files"
        for number in range(256):
            (self.path / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        self._root = f"{self.path}/"

    def _at(self, key: str) -> str:
        return f"{self._root}{sum(key.encode()) & 255:02x}/{key}"

    def get(self, key: str) -> str:
        with open(self._at(key), encoding="utf-8") as file:  # noqa: PTH123 - as fast as it goes
            return file.read()

    def set(self, key: str, value: str) -> None:
        self._write(key, value, sync=True)

    def _write(self, key: str, value: str, *, sync: bool) -> None:
        path = self._at(key)
        draft = f"{path}.new"
        with open(draft, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write(value)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.rename(draft, path)  # noqa: PTH104

    def update(self, data: dict[str, str]) -> None:
        for key, value in data.items():
            self._write(key, value, sync=False)

    def delete(self, key: str) -> None:
        os.unlink(self._at(key))  # noqa: PTH108

    def keys(self) -> Iterator[str]:
        return (entry.name for inner in os.scandir(self._root) for entry in os.scandir(inner.path))

    def items(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        return ((key, self.get(key)) for key in self.keys() if key.startswith(prefix))

    def close(self) -> None:
        """Nothing is held open."""


class Redis:
    """redis-py over a unix socket, to a server that syncs its log at every write."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self.set = client.set
        self.delete = client.delete

    def get(self, key: str) -> str:
        return self._client.get(key).decode()

    def update(self, data: dict[str, Any]) -> None:
        pairs = list(data.items())
        for at in range(0, len(pairs), 1000):
            self._client.mset(dict(pairs[at : at + 1000]))

    def keys(self) -> Iterator[str]:
        return (key.decode() for key in self._client.scan_iter(count=1000))

    def items(self, prefix: str = "") -> Iterator[tuple[str, str]]:
        keys: list[bytes] = []
        for key in self._client.scan_iter(match=f"{prefix}*", count=1000):
            keys.append(key)
            if len(keys) == 1000:
                yield from self._values(keys)
                keys = []
        yield from self._values(keys)

    def _values(self, keys: list[bytes]) -> Iterator[tuple[str, str]]:
        found = self._client.mget(keys) if keys else []
        return ((key.decode(), one.decode()) for key, one in zip(keys, found, strict=True))

    def forget(self) -> None:
        """Delete all there is."""
        self._client.flushall()

    def close(self) -> None:
        self._client.close()


def bytes_on_disk(path: Path) -> int:
    """What a file or a folder takes of the disk, whole blocks."""
    inside = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return sum(one.stat().st_blocks * 512 for one in inside if one.is_file())
