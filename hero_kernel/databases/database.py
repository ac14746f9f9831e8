"""Database: keys and values in one SQLite file, which may be encrypted."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from hero_kernel.crypto import KID
from hero_kernel.databases import jsonlines, values
from hero_kernel.databases.values import SEALED, SECRET, Value
from hero_kernel.databases.views import VALUE, Items, Keys, Values, after_prefix, paged
from hero_kernel.errors import (
    CorruptRecordError,
    DatabaseError,
    DBKeyError,
    HeroError,
    SecretChangedError,
    SecretRequiredError,
    ValueTamperedError,
    did_you_mean,
)
from hero_kernel.secret import Secret
from hero_kernel.stores.bounds import check_key
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hero_kernel.crypto import Cipher
    from hero_kernel.databases.values import Stored
    from hero_kernel.stores.sqlite_file import Connection, Rows, Transaction

T = TypeVar("T")

APPLICATION_ID = int.from_bytes(b"hdbs")

FORMAT = 1

MAX_ID = 2**53 - 1
"""The highest id; every tool that reads JSON takes it for a whole number still."""

_SCHEMA = """
CREATE TABLE meta (
  name TEXT NOT NULL,
  encrypted INTEGER NOT NULL,
  fence BLOB,
  writes INTEGER NOT NULL DEFAULT 0,
  unpurged INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE entry (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT UNIQUE,
  kind TEXT,
  value
);
"""
# Finds at once the secrets in a database that is not encrypted, or that there are none. One that
# is encrypted does without: there every row is sealed.
_INDEX = "CREATE INDEX sealed ON entry (kind) WHERE kind IN ('sealed', 'secret');"

_IS_SEALED = "kind IN ('sealed', 'secret')"
_META = f"""
SELECT name, encrypted, fence,
  EXISTS (SELECT 1 FROM entry WHERE {_IS_SEALED}),
  EXISTS (SELECT 1 FROM entry WHERE {_IS_SEALED} AND kind = 'sealed')
FROM meta
"""  # noqa: S608 - made of constants
_GET = f"SELECT {VALUE} FROM entry WHERE key = ?"  # noqa: S608
_GET_BY_ID = f"SELECT {VALUE}, key FROM entry WHERE id = ?"  # noqa: S608
_ID_OF = "SELECT id FROM entry WHERE key = ?"
_INSERT = "INSERT INTO entry (id, key, kind, value) VALUES (?, ?, ?, ?)"
_REPLACE = "UPDATE entry SET kind = ?, value = ? WHERE id = ?"
_UPSERT = """
INSERT INTO entry (key, kind, value) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, value = excluded.value
"""
_LAST_ID = "SELECT max(ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'entry'), 0), 0)"

_MISSING: Any = object()
_NEAR = 500


class _UnreadyError(Exception):
    """The database turned out to be encrypted: ask for the keys before taking the lock."""


@dataclass(frozen=True)
class DatabaseInfo:
    """What can be told of a database without its keys.

    Attributes:
        name: What it is called.
        path: Its file.
        entries: How many values it holds, those without a key too.
        bytes: The size of its file.
        encrypted: Whether every value is sealed.
        writes: How many values were sealed with the present key.
    """

    name: str
    path: Path
    entries: int
    bytes: int
    encrypted: bool
    writes: int


class Database(MutableMapping[str, Value]):
    """A mapping from text to values, each with an id, made at the first write.

    Every call is one atomic step, durable when it returns, from any thread and process. Values
    come back as what they were: `str`, `bytes`, `int`, `float`, `bool`, `None`, `list`, `dict`
    and `Secret`; a subclass comes back as the type it is of. Keys are ordered by their bytes in
    UTF-8. An entry may have an id alone; it is in `ids()` and not among the keys.

    In an encrypted database every value is sealed; names of keys, sizes and times can be seen. A
    `Secret` is sealed in any. A sealed value is bound to the database's name and its key. That an
    older value of the same key was put back, or an entry taken out, is not noticed.

    Raises, from every method: the errors of a store; from those that touch a sealed value also
    those of a `Cipher`, and `SecretRequiredError` when there is none; BadNameError for a key that
    is longer than 512 bytes, holds a NUL or is not text.

    Args:
        path: The file; a link in its place is not followed.
        name: What it is called: sealed values are bound to it.
        cipher: Seals and opens; without one there are no secrets.
        encrypt: Whether it shall be encrypted: a new one is, and one that is not becomes so at
            the next write. Without it the file decides.
        on_secret: Told the text of every secret that is read or written, to be masked.
        make_folder: Makes the folder the file is in; by default with what is missing above it.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        cipher: Cipher | None = None,
        encrypt: bool = False,
        on_secret: Callable[[str], object] | None = None,
        make_folder: Callable[[], object] | None = None,
    ) -> None:
        # Where it is used: importing the package imports no sqlite3.
        from hero_kernel.stores.sqlite_file import Form, SqliteFile  # noqa: PLC0415

        self.name = name
        self.path = path
        self._cipher = cipher
        self._encrypt = encrypt
        self._is_sealed = encrypt
        self._on_secret = on_secret
        self._may_be_unpurged = encrypt
        self._file = SqliteFile(
            path,
            Form("a database", APPLICATION_ID, FORMAT, journal="persist", secure_delete=True),
            partial(_script, name, cipher if encrypt else None),
            keep=True,
            make_folder=make_folder,
        )
        self._rows = self._file.rows

    def __repr__(self) -> str:
        return f"Database({self.name!r}, {str(self.path)!r})"

    def close(self) -> None:
        """Let go of the file; a later call opens it anew."""
        self._file.close()

    # reading

    @overload  # type: ignore[override]
    def get(self, key: str | None = None, *, id: int | None = None) -> Value: ...
    @overload
    def get(self, key: str | None = None, default: T = ..., *, id: int | None = None) -> Any: ...
    def get(self, key: str | None = None, default: Any = _MISSING, *, id: int | None = None) -> Any:
        """The value of a key, or of an id; unlike a dict's `get` it raises without a default.

        Raises:
            DBKeyError: It is not there, and there is no default.
        """
        if id is None and key is not None:
            if default is _MISSING:
                return self[key]
            check_key(key)
            for row in self._rows(_GET, (key,)):
                return self.value_of(key, row)
            return default
        number = _one_of(key, id)
        for kind, value, encrypted, its_key in self._rows(_GET_BY_ID, (number,)):
            return self.value_of(_place(its_key, number), (kind, value, encrypted))
        if default is _MISSING:
            raise self._no_id(number)
        return default

    def __getitem__(self, key: str) -> Value:
        if type(key) is not str or not key.isascii():
            check_key(key)
        rows = self._rows(_GET, (key,))
        if not rows:
            raise self._no_key(key)
        kind, value, encrypted = rows[0]
        if kind is None and not encrypted:
            return value  # type: ignore[no-any-return]
        return self.value_of(key, rows[0])

    def value_of(self, key: str, row: tuple[Any, ...]) -> Value:
        """The value of a row's kind and value, beside whether the database is encrypted.

        Raises:
            ValueTamperedError: It is not sealed and ought to be, or does not belong there.
            CorruptRecordError: It cannot be read.
        """
        kind, value, encrypted = row
        where = _shown(key)
        if kind in (SEALED, SECRET):
            if not isinstance(value, bytes):
                raise self._tampered(where, "is no envelope")
            try:
                found = values.read(self._keys().open(self.name, key, value))
            except ValueError as error:
                if isinstance(error, HeroError):
                    raise
                raise self._tampered(where, "holds no value of ours") from None
            if isinstance(found, Secret):
                self._tell(found)
            elif kind == SECRET:
                raise self._tampered(where, "is not the secret it is said to be")
            return found
        if encrypted:
            raise self._tampered(where, "is not sealed, as all else in this encrypted database is")
        try:
            return values.decoded(kind, value)
        except ValueError as error:
            raise CorruptRecordError(
                f"{self.path}: {where} cannot be read: {error}",
                hint="it is left as it is; look at it with sqlite3, or delete it",
            ) from None

    def exists(self, key: str | None = None, *, id: int | None = None) -> bool:
        """Whether a key, or an id, is there."""
        if id is None and key is not None:
            check_key(key)
            return bool(self._rows("SELECT 1 FROM entry WHERE key = ?", (key,)))
        return bool(self._rows("SELECT 1 FROM entry WHERE id = ?", (_one_of(key, id),)))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self.exists(key)

    def __len__(self) -> int:
        return self.count("")

    def __iter__(self) -> Iterator[str]:
        return iter(Keys(self, ""))

    def __reversed__(self) -> Iterator[str]:
        return reversed(Keys(self, ""))

    def keys(self, prefix: str = "") -> Keys:
        """The keys that have the prefix, in order, found as they are asked for."""
        check_key(prefix)
        return Keys(self, prefix)

    def items(self, prefix: str = "") -> Items:
        """Keys and values, in the order of the keys, read a page at a time.

        Nothing is locked between two pages: what others change meanwhile shows, or does not. In a
        `transaction()` all is of one moment.
        """
        check_key(prefix)
        return Items(self, prefix)

    def values(self, prefix: str = "") -> Values:
        """The values, in the order of the keys; see `items`."""
        check_key(prefix)
        return Values(self, prefix)

    def ids(self) -> list[int]:
        """The ids of all entries, those without a key too, in order."""
        return [number for (number,) in self._rows("SELECT id FROM entry ORDER BY id")]

    def id_of(self, key: str) -> int:
        """The id of a key; it stays when the value changes.

        Raises:
            DBKeyError: There is no such key.
        """
        check_key(key)
        for (number,) in self._rows(_ID_OF, (key,)):
            return number  # type: ignore[no-any-return]
        raise self._no_key(key)

    def key_of(self, id: int) -> str | None:
        """The key of an id; None when it has none.

        Raises:
            DBKeyError: There is no such id.
        """
        for (key,) in self._rows("SELECT key FROM entry WHERE id = ?", (_one_of(None, id),)):
            return key  # type: ignore[no-any-return]
        raise self._no_id(id)

    def page(
        self, columns: str, prefix: str, after: str | None, count: int, *, descending: bool
    ) -> Rows:
        """Rows of the keys that have the prefix, after one of them; for the views.

        Args:
            columns: SQL of our own.
            prefix: "" for all keys.
            after: The last key of the page before.
            count: How many at most.
            descending: Whether the order is reversed.
        """
        bounds, parameters = ["key >= ?"], [prefix]
        if (end := after_prefix(prefix)) is not None:
            bounds.append("key < ?")
            parameters.append(end)
        if after is not None:
            bounds.append("key < ?" if descending else "key > ?")
            parameters.append(after)
        order = "DESC" if descending else "ASC"
        statement = (
            f"SELECT {columns} FROM entry WHERE {' AND '.join(bounds)} "  # noqa: S608 - ours
            f"ORDER BY key {order} LIMIT {count}"
        )
        return self._rows(statement, tuple(parameters))

    def count(self, prefix: str) -> int:
        """How many keys have the prefix."""
        end = after_prefix(prefix)
        bound, more = ("", ()) if end is None else (" AND key < ?", (end,))
        statement = f"SELECT count(*) FROM entry WHERE key >= ?{bound}"  # noqa: S608 - ours
        return sum(number for (number,) in self._rows(statement, (prefix, *more)))

    # writing

    def __setitem__(self, key: str, value: Value) -> None:
        self.set(key, value)

    def set(self, key: str | None = None, value: Any = _MISSING, *, id: int | None = None) -> int:
        """Write the value of a key, or of an id; its id.

        With neither, the value becomes an entry of its own, without a key. An id that was never
        given out is taken as it is.

        Raises:
            DatabaseError: The value is of no type that is kept; see `values.encoded`.
            ValueTooLargeError: It is larger than 64 MiB; nothing was touched.
        """
        if value is _MISSING:
            raise DatabaseError("there is no value to set", hint="give set(key, value)")
        if key is not None:
            check_key(key)
        number = None if key is not None and id is None else _one_of(key, id, may_lack=True)
        name = self._named(_place(key, number) if key is not None or number else "a value")
        ready = self._prepared(value, name)

        def work(connection: Connection) -> int:
            writer = _Writer(self, connection)
            run = self._file.run
            if key is not None:
                found, place = run(connection, _ID_OF, (key,)), key
            else:
                if number is None:
                    ((last,),) = run(connection, _LAST_ID)
                    return writer.insert(last + 1, None, value, ready)
                found = run(connection, "SELECT id, key FROM entry WHERE id = ?", (number,))
                place = _place(found[0][1] if found else None, number)
            if found:
                kind, stored = writer.row(place, value, ready)
                run(connection, _REPLACE, (kind, stored, found[0][0]))
                writer.finish()
                return found[0][0]  # type: ignore[no-any-return]
            return writer.insert(number, key, value, ready)

        return self._write(work, needs_keys=isinstance(value, Secret))

    def update(self, other: Any = (), /, **more: Any) -> None:  # type: ignore[override]
        """Write many values in one transaction: all of them, or none.

        Args:
            other: A mapping, or pairs of key and value, taken one by one.
            more: More of them.
        """
        if self._file.transaction_here() is None:
            with self.transaction():
                self._update(other, more)
            return
        self._sql("SAVEPOINT hero_update")
        try:
            self._update(other, more)
        except BaseException:
            self._sql("ROLLBACK TO hero_update")
            raise
        finally:
            self._sql("RELEASE hero_update")

    def _sql(self, statement: str) -> None:
        transaction = self._file.transaction_here()
        if transaction is not None and transaction.is_alive:
            transaction.run(statement)

    def _update(self, other: Any, more: dict[str, Any]) -> None:
        transaction = self._here()

        def work(connection: Connection) -> None:
            writer = _Writer(self, connection)
            for source in (other, more) if more else (other,):
                if isinstance(source, Mapping):
                    pairs: Iterable[Any] = source.items()
                elif hasattr(source, "keys"):
                    pairs = ((key, source[key]) for key in source.keys())  # noqa: SIM118 - asked for
                else:
                    pairs = source
                self._file.run_many(connection, _UPSERT, writer.rows(pairs))
            writer.finish()

        transaction.do(work)

    def transaction(self) -> Transaction[Database]:
        """A `with` block whose reads and writes in this database are one atomic step.

        An error in the block, Ctrl-C too, rolls all of it back. Others read the old values until
        its end, and wait to write. The keys of an encrypted database are asked for before.

        Raises:
            StoreError: A transaction is open here already, when the block is entered.
        """
        if self._cipher is not None and self.is_encrypted():
            self._is_sealed = True
            self._ask()
        return self._file.transaction(self)

    def change(self, key: str, fn: Callable[[Any], Value], default: Any = None) -> Value:
        """Replace a value by what `fn` makes of it, as one step; the new value."""
        with self._joined():
            new = fn(self.get(key, default))
            self.set(key, new)
        return new

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is set first where it is not there, as one step."""
        with self._joined():
            if not self.exists(key):
                self.set(key, default)
            return self[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Delete a key, as one step; the value it had."""
        check_key(key)
        if not self.exists(key):
            if default is _MISSING:
                raise self._no_key(key)
            return default
        with self._joined():
            value = self.get(key, default)
            if self.exists(key):
                self.delete(key)
            return value

    def popitem(self) -> tuple[str, Value]:
        """Delete the last key, as one step; the key and the value it had."""
        with self._joined():
            for key in reversed(self):
                return key, self.pop(key)
        raise DBKeyError(f"database {self.name} is empty")

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def delete(self, key: str | None = None, *, id: int | None = None) -> None:
        """Delete a key, or an id; its id is not given out again.

        Raises:
            DBKeyError: It is not there.
        """
        if id is None and key is not None:
            check_key(key)
            statement, what = "DELETE FROM entry WHERE key = ?", key
        else:
            statement, what = "DELETE FROM entry WHERE id = ?", _one_of(key, id)  # type: ignore[assignment]

        def work(connection: Connection) -> bool:
            self._file.run(connection, statement, (what,))
            return self._file.run(connection, "SELECT changes()") != [(0,)]

        if not self._file.write(work, absent=False):
            raise self._no_key(what) if isinstance(what, str) else self._no_id(what)

    def empty(self) -> None:
        """Delete every entry; the database stays, and no id is given out again."""

        def work(connection: Connection) -> bool:
            self._file.run(connection, "DELETE FROM entry")
            return True

        self._file.write(work, absent=True)

    clear = empty

    def destroy(self) -> None:
        """Delete the database itself, with its file; it is made anew at the next write."""

        def work(_connection: Connection) -> bool:
            # The journal first: one that is left would be played back into the next file.
            for suffix in ("-journal", "-wal", "-shm", ""):
                path = self.path.with_name(self.path.name + suffix)
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    raise DatabaseError(
                        f"{path} cannot be deleted: {error.strerror}",
                        hint="mend its folder's rights",
                    ) from None
            return True

        self._file.exclusively(work, absent=True)

    def exclusively(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns while nobody else reads or writes the file."""
        return self._file.exclusively(work)

    # the whole of it

    def info(self) -> DatabaseInfo:
        """What can be told of it without its keys."""
        rows = self._rows("SELECT encrypted, writes, (SELECT count(*) FROM entry) FROM meta")
        encrypted, writes, entries = rows[0] if rows else (self._encrypt, 0, 0)
        try:
            size = os.lstat(self.path).st_size
        except FileNotFoundError:
            size = 0
        return DatabaseInfo(self.name, self.path, entries, size, bool(encrypted), writes)

    def is_encrypted(self) -> bool:
        """Whether every value is sealed; of one that is not there yet, whether it will be."""
        rows = self._rows("SELECT encrypted FROM meta")
        return bool(rows[0][0]) if rows else self._encrypt

    def to_frame(self) -> Any:
        """A pandas DataFrame with the columns `key`, `id` and `value`; all entries, by id.

        Raises:
            DatabaseError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError:
            raise DatabaseError("pandas is not installed", hint="pip install pandas") from None
        rows = [(key, number, value) for number, key, value in self.entries()]
        return pandas.DataFrame(
            {
                "key": pandas.Series([key for key, _, _ in rows], dtype=object),
                "id": pandas.Series([number for _, number, _ in rows], dtype="int64"),
                # As they are: pandas would make numbers of booleans beside them.
                "value": pandas.Series([value for _, _, value in rows], dtype=object),
            }
        )

    def entries(self) -> Iterator[tuple[int, str | None, Value]]:
        """Id, key and value of every entry, in the order of ids, read a page at a time."""
        statement = f"SELECT id, key, {VALUE} FROM entry WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
        fetch = lambda after, count: self._rows(statement, (after, count))  # noqa: E731 - short
        for number, key, *row in paged(fetch, 0):
            yield number, key, self.value_of(_place(key, number), tuple(row))

    def export(self, path: Path, *, secrets: str = "refuse", decrypted: bool = False) -> int:
        """Write every entry as a line of JSON, the file whole or not at all; how many.

        A line holds `key` (null for an entry that has none), `id`, `type` and `value`; see
        `values.to_json`. The file has mode 0600.

        Args:
            path: The file; one that is there is replaced.
            secrets: What to do at a `Secret`, which is never written in the clear: "refuse" or
                "skip".
            decrypted: Whether the values of an encrypted database may be written in the clear.

        Raises:
            DatabaseError: It holds a secret, or is encrypted, and that was not asked for.
        """
        if self.is_encrypted() and not decrypted:
            raise DatabaseError(
                f"database {self.name} is encrypted, and an export is not",
                hint="pass decrypted=True to have its values written in the clear",
            )
        return jsonlines.write(self, path, secrets)

    def load(self, path: Path) -> int:
        """Read entries as `export` writes them, all or none; how many.

        A key that is there gets the new value and keeps its id. An id that is taken by another
        entry is not used again: such an entry gets the next one.

        Raises:
            DatabaseError: A line is not what `export` writes; the message names file and line.
        """
        with self._joined():
            return jsonlines.read(self, path)

    def put_entry(self, key: str | None, id: int | None, value: Value) -> int:
        """Write an entry in the open transaction, with its id where that is free; its id."""
        if key is not None and self.exists(key):
            return self.set(key, value)
        if id is None or self.exists(id=id):
            return self.set(key, value) if key is not None else self.set(value=value)
        if key is None:
            return self.set(id=id, value=value)
        check_key(key)
        number = _one_of(None, id)
        ready = self._prepared(value, self._named(key))
        return self._here().do(
            lambda connection: _Writer(self, connection).insert(number, key, value, ready)
        )

    def watch(self, *, interval_s: float = 0.1) -> Watch:
        """Yield after every change since this call, by anyone; several may be one yield.

        Blocks the calling thread meanwhile; `close()` ends it, from any thread.
        """
        from hero_kernel.stores.sqlite_file import SqliteFile  # noqa: PLC0415 - see __init__

        # A file of its own: data_version tells one connection what others have done.
        file = SqliteFile(self.path, self._file.form, str, keep=True)

        def token() -> object:
            version = file.locked_rows("PRAGMA data_version")
            return file.patiently(file.identity), file.openings, version

        token()
        return Watch(token, interval_s)

    # encryption

    def encrypt(self) -> int:
        """Seal every value, in one transaction, and leave nothing readable behind; how many.

        Asked again, it finishes what a killed process left: the old file's deleted parts.
        """
        self._ask()
        count = self._write(lambda connection: _Writer(self, connection).seal_all())
        self._purge()
        self._is_sealed = True
        return count

    def decrypt(self) -> int:
        """Keep every value in the clear but secrets, in one transaction; how many changed.

        Raises:
            DatabaseError: It was asked to be encrypted when it was opened.
        """
        if self._encrypt:
            raise DatabaseError(
                f"database {self.name} belongs to a context that encrypts",
                hint="turn that off for the context first",
            )
        self._ask()

        def work(connection: Connection) -> int:
            writer = _Writer(self, connection)
            if not writer.is_encrypted:
                return 0
            count = 0
            for number, key, *row in writer.entries("kind = 'sealed'"):
                value = self.value_of(_place(key, number), tuple(row))
                if isinstance(value, Secret):
                    kind, stored = SECRET, row[1]
                else:
                    kind, stored = values.encoded(value, self._named(_place(key, number)))  # type: ignore[assignment]
                self._file.run(connection, _REPLACE, (kind, stored, number))
                count += 1
            self._file.run(connection, "UPDATE meta SET encrypted = 0")
            self._file.run(connection, _INDEX)
            return count

        count = self._write(work)
        self._is_sealed = False
        return count

    def reseal(self) -> int:
        """Seal anew, in one transaction, what is not under the present key; how many.

        From then on writers seal with it. Nothing to do when that is so.
        """
        self._ask()

        def work(connection: Connection) -> int:
            active = self._keys().kid
            rows = self._file.run(connection, "SELECT fence FROM meta")
            if rows == [(None,)]:
                return 0
            count = _Writer(self, connection).reseal(self.name, active)
            if rows != [(active,)]:
                self._file.run(connection, "UPDATE meta SET fence = ?, writes = ?", (active, count))
            return count

        return self._file.write(work, absent=0)

    def kids(self) -> set[bytes]:
        """The names of all keys that it needs: those of its envelopes, and its fence."""
        statement = f"""
            SELECT DISTINCT substr(value, 5, 8) FROM entry WHERE {_IS_SEALED}
            UNION SELECT fence FROM meta WHERE fence IS NOT NULL
        """  # noqa: S608 - ours
        return {bytes(kid) for (kid,) in self._rows(statement) if isinstance(kid, bytes)}

    def is_bound_to(self, name: str) -> bool:
        """Whether what is sealed in its file is bound to a name."""
        return self._rows("SELECT name FROM meta") == [(name,)]

    def rebind(self, old: str) -> int:
        """Bind what is sealed to this database's name, after its file was renamed; how many.

        Done in one transaction; a second call finds nothing to do.

        Args:
            old: The name it had.

        Raises:
            ValueTamperedError: The values are bound to neither name.
        """

        def work(connection: Connection) -> int:
            ((name, _, fence, any_sealed, _),) = self._meta(connection)
            if name == self.name:
                return 0
            if name != old:
                raise self._moved(name)
            count = 0
            if any_sealed:
                if not self._is_sealed:
                    raise _UnreadyError
                kid = fence if self._keys().knows(fence) else self._keys().kid
                count = _Writer(self, connection, name=old).reseal(old, kid, every=True)
            self._file.run(
                connection, "UPDATE meta SET name = ?, writes = writes + ?", (self.name, count)
            )
            return count

        return self._write(work)

    # inside

    def _meta(self, connection: Connection) -> Rows:
        rows = self._file.run(connection, _META)
        if len(rows) != 1:
            raise self._file.corrupt("has lost its table meta")
        return rows

    def _keys(self) -> Cipher:
        if self._cipher is None:
            raise SecretRequiredError(
                f"database {self.name} needs the context's secret, and the context has none",
                hint="set one: %hero_secret set",
            )
        return self._cipher

    def _ask(self) -> None:
        """Have the keys unlocked now: nobody is asked for them under a lock."""
        _ = self._keys().kid

    def _tell(self, secret: Secret) -> None:
        if self._on_secret is not None:
            self._on_secret(secret.reveal())

    def _prepared(self, value: object, name: str) -> _Ready:
        """The value as it will be kept, made before anything is opened."""
        if isinstance(value, Secret) or self._is_sealed:
            return _Ready(None, values.spelt(value, name), name)
        return _Ready(values.encoded(value, name), None, name)

    def _write(self, work: Callable[[Connection], T], *, needs_keys: bool = False) -> T:
        """What `work` returns, its changes committed, the keys asked for before it has the lock."""
        if self._is_sealed or needs_keys:
            self._ask()
        try:
            result = self._file.write(work)
        except _UnreadyError:
            self._is_sealed = True
            self._ask()
            result = self._file.write(work)
        if self._may_be_unpurged:
            self._purge()
        return result

    def _purge(self) -> None:
        """Write the file anew if a conversion left values in the clear in its unused parts."""
        if self._file.transaction_here() is not None:
            return
        if self._rows("SELECT unpurged FROM meta") == [(1,)]:
            self._file.vacuum()
            self._file.write(
                lambda connection: self._file.run(connection, "UPDATE meta SET unpurged = 0")
            )
        self._may_be_unpurged = False

    def _here(self) -> Transaction[Any]:
        transaction = self._file.transaction_here()
        if transaction is None:
            raise DatabaseError("no transaction is open here", hint="use db.transaction()")
        return transaction

    def _joined(self) -> Any:
        """The open transaction, to go on in, or a new one."""
        return self.transaction() if self._file.transaction_here() is None else _OPEN_ALREADY

    def _named(self, place: str) -> str:
        return f"{self.name}: {_shown(place)}"

    def _no_key(self, key: str) -> HeroError:
        check_key(key)
        near = {row[0] for row in self.page("key", key[:1], None, _NEAR, descending=False)}
        near |= {row[0] for row in self.page("key", "", None, _NEAR, descending=False)}
        return DBKeyError(
            f"database {self.name} has no key {_shown(key)}", hint=did_you_mean(key, near)
        )

    def _no_id(self, number: int) -> HeroError:
        return DBKeyError(f"database {self.name} has no id {number}", hint="see ids()")

    def _tampered(self, where: str, what: str) -> HeroError:
        return ValueTamperedError(
            f"database {self.name}: {where} {what}",
            hint="it was changed from outside; restore it from a backup, or delete it",
        )

    def _moved(self, name: str) -> HeroError:
        return ValueTamperedError(
            f"{self.path} holds values that are bound to a database of the name {name!r}",
            hint="its file was copied or renamed; give it its old name, or use rename",
        )

    def __copy__(self) -> NoReturn:
        raise TypeError("a database is a file; export it, or copy its items")

    __deepcopy__ = __reduce__ = __copy__  # type: ignore[assignment]


@dataclass(frozen=True)
class _Ready:
    """A value on its way: as a row in the clear, or as what goes into an envelope."""

    row: tuple[str | None, Stored] | None
    spelt: bytes | None
    name: str


class _Writer:
    """Writes in one transaction, by what the file says in it: encrypted or not, and the fence.

    The fence is the name of the key that everybody seals with in this database. Whoever changes
    the key changes it in the transaction that seals everything anew, so that a writer with old
    keys cannot leave a value behind that the new ones do not open.
    """

    def __init__(self, database: Database, connection: Connection, *, name: str = "") -> None:
        self._database = database
        self._connection = connection
        self._sealed = 0
        self._kid: bytes | None = None
        ((self._name, encrypted, self._fence, self._any_sealed, is_mixed),) = database._meta(
            connection
        )
        self._own_name = name or database.name
        self.is_encrypted = bool(encrypted)
        if is_mixed and not encrypted:
            raise ValueTamperedError(
                f"database {database.name} says it is not encrypted, and holds encrypted values",
                hint="it was changed from outside; restore it from a backup",
            )
        if encrypted and not database._is_sealed:
            if database._file.transaction_here() is None:
                raise _UnreadyError
            database._is_sealed = True
        if database._encrypt and not encrypted:
            self.seal_all()

    def row(self, place: str, value: object, ready: _Ready) -> tuple[str | None, Stored]:
        """The kind and value of a row."""
        if not self.is_encrypted and not isinstance(value, Secret):
            return ready.row or values.encoded(value, ready.name)
        spelt = ready.spelt or values.spelt(value, ready.name)
        if isinstance(value, Secret):
            self._database._tell(value)
        return SEALED if self.is_encrypted else SECRET, self._envelope(place, spelt)

    def insert(self, number: int | None, key: str | None, value: object, ready: _Ready) -> int:
        """A new entry; its id, the next one when none is given."""
        place = _place(key, number)
        kind, stored = self.row(place, value, ready)
        run = self._database._file.run
        run(self._connection, _INSERT, (number, key, kind, stored))
        self.finish()
        if number is not None:
            return number
        ((number,),) = run(self._connection, "SELECT last_insert_rowid()")
        return number  # type: ignore[no-any-return]

    def rows(self, pairs: Iterable[tuple[str, object]]) -> Iterator[tuple[object, ...]]:
        """The rows of keys and values, one by one."""
        encoded, spelt = values.encoded, values.spelt
        name = self._database.name
        if not self.is_encrypted:
            for key, value in pairs:
                if type(key) is not str or not key.isascii() or "\0" in key or len(key) > _SHORT:
                    check_key(key)
                if type(value) is str and len(value) < _SHORT_VALUE and value.isascii():
                    yield key, None, value
                elif isinstance(value, Secret):
                    yield (key, *self.row(key, value, _Ready(None, None, f"{name}: {key!r}")))
                else:
                    yield (key, *encoded(value, f"{name}: {key!r}"))
            return
        kid, name = self._fenced(), self._own_name
        seal = self._database._keys().seal
        for key, value in pairs:
            if type(key) is not str or not key.isascii() or "\0" in key or len(key) > _SHORT:
                check_key(key)
            if type(value) is str and len(value) < _SHORT_VALUE and value.isascii():
                plain = values.TEXT + value.encode()
            else:
                plain = spelt(value, f"{name}: {key!r}")
                if isinstance(value, Secret):
                    self._database._tell(value)
            yield key, SEALED, seal(name, key, plain, kid)
            self._sealed += 1

    def _envelope(self, place: str, spelt: bytes) -> bytes:
        kid = self._kid
        if kid is None:
            kid = self._kid = self._fenced()
        self._sealed += 1
        return self._database._keys().seal(self._own_name, place, spelt, kid)

    def _fenced(self) -> bytes:
        """The key to seal with, which everybody in this database uses."""
        database = self._database
        cipher = database._keys()
        active = cipher.kid
        if self._name != self._own_name:
            if self._any_sealed:
                raise database._moved(self._name)
            self._run("UPDATE meta SET name = ?", (self._own_name,))
        if active == self._fence:
            return active
        if self._fence is None or not self._any_sealed:
            # Nothing is bound to the old one: it may be gone before this writer came.
            self._run("UPDATE meta SET fence = ?, writes = 0", (active,))
            return active
        if not cipher.knows(self._fence):
            raise SecretChangedError(
                f"database {database.name} was sealed with keys that are not here",
                hint="unlock again: %hero_secret unlock",
            )
        return bytes(self._fence)

    def finish(self) -> None:
        """Count what was sealed: a key is good for 2**32 values of a database."""
        if self._sealed:
            self._run("UPDATE meta SET writes = writes + ?", (self._sealed,))
            self._sealed = 0

    def seal_all(self) -> int:
        """Seal what is in the clear; the database is an encrypted one then."""
        if self.is_encrypted:
            return 0
        self.is_encrypted = True
        database, count = self._database, 0
        kid = self._kid = self._fenced()
        for number, key, kind, value, _ in self.entries("kind IS NOT 'sealed'"):
            place = _place(key, number)
            stored = value
            if kind != SECRET:
                found = database.value_of(place, (kind, value, 0))
                stored = self._envelope(place, values.spelt(found, database._named(place)))
            self._run(_REPLACE, (SEALED, stored, number))
            count += 1
        self._run("DROP INDEX IF EXISTS sealed")
        self._run("UPDATE meta SET encrypted = 1, unpurged = 1, fence = ?", (kid,))
        self.finish()
        database._is_sealed = database._may_be_unpurged = True
        return count

    def reseal(self, old_name: str, kid: bytes, *, every: bool = False) -> int:
        """Seal anew under a key and the database's name, what is not under it or all of it."""
        database, count = self._database, 0
        cipher = database._keys()
        for number, key, _, envelope, _ in self.entries(_IS_SEALED):
            if not isinstance(envelope, bytes):
                raise database._tampered(_shown(_place(key, number)), "is no envelope")
            if every or envelope[KID] != kid:
                place = _place(key, number)
                plain = cipher.open(old_name, place, envelope)
                anew = cipher.seal(database.name, place, plain, kid)
                self._run("UPDATE entry SET value = ? WHERE id = ?", (anew, number))
                count += 1
        return count

    def entries(self, condition: str) -> Iterator[tuple[Any, ...]]:
        """Id, key, kind, value and 1 of the rows that meet a condition of ours."""
        statement = f"""
            SELECT id, key, {VALUE} FROM entry WHERE id > ? AND {condition} ORDER BY id LIMIT ?
        """  # noqa: S608 - ours
        return paged(lambda after, count: self._run(statement, (after, count)), 0)

    def _run(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows:
        return self._database._file.run(self._connection, statement, parameters)


def _script(name: str, cipher: Cipher | None) -> str:
    """What fills a new file; with a cipher it is an encrypted database."""
    fence = f"X'{cipher.kid.hex()}'" if cipher is not None else "NULL"
    row = f"CAST(X'{name.encode().hex()}' AS TEXT), {cipher is not None:d}, {fence}"
    index = "" if cipher is not None else _INDEX
    return f"{_SCHEMA} {index} INSERT INTO meta (name, encrypted, fence) VALUES ({row});"  # noqa: S608 - hex


class _OpenAlready:
    """Stands for the transaction around it."""

    def __enter__(self) -> None:
        """Go on in it."""

    def __exit__(self, *_: object) -> None:
        """Leave its end to whoever began it."""


_OPEN_ALREADY = _OpenAlready()
_SHORT = 128
_SHORT_VALUE = 1024 * 1024


def _place(key: str | None, number: int | None) -> str:
    """Where a value stands, for its envelope: its key, else its id after a NUL."""
    return key if key is not None else f"\0{number}"


def _shown(place: str) -> str:
    return f"id {place[1:]}" if place.startswith("\0") else f"{place!r:.80}"


def _one_of(key: str | None, number: int | None, *, may_lack: bool = False) -> Any:
    """The id, which is asked for alone; with `may_lack` None as well.

    Raises:
        DatabaseError: A key as well, or neither, or no whole number from 1 to `MAX_ID`.
    """
    if key is not None:
        raise DatabaseError("a key and an id were given", hint="give one of them")
    if number is None and may_lack:
        return None
    if type(number) is not int or not 1 <= number <= MAX_ID:
        what = "neither a key nor an id was given" if number is None else f"{number!r:.60} is no id"
        raise DatabaseError(what, hint=f"an id is a whole number from 1 to {MAX_ID}")
    return number
