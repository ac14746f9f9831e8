"""Database: keys and values in one SQLite file, which may be encrypted."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

from hero_kernel.databases import glances, jsonlines, values
from hero_kernel.databases.changes import Change, packed, unpacked
from hero_kernel.databases.positions import Positions
from hero_kernel.databases.sealing import Sealing, place_of, shown
from hero_kernel.databases.values import SEALED, SECRET, Value
from hero_kernel.databases.views import VALUE, Items, Keys, Values, after_prefix, paged
from hero_kernel.databases.writer import (
    APPLICATION_ID,
    FORMAT,
    IS_SEALED,
    Ready,
    UnreadyError,
    Writer,
    script,
)
from hero_kernel.errors import (
    DatabaseError,
    DBKeyError,
    HeroError,
    did_you_mean,
)
from hero_kernel.secret import Secret
from hero_kernel.stores.bounds import check_key
from hero_kernel.stores.group import MAX_CHANGE_BYTES
from hero_kernel.stores.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from hero_kernel.crypto import Cipher
    from hero_kernel.databases.glances import Glance
    from hero_kernel.stores.sqlite_file import Connection, Rows, SqliteFile, Transaction

T = TypeVar("T")

MAX_ID = 2**53 - 1
"""The highest id; every tool that reads JSON takes it for a whole number still."""

_GET = f"SELECT {VALUE} FROM entry WHERE key = ?"  # noqa: S608
_GET_BY_ID = f"SELECT {VALUE}, key FROM entry WHERE id = ?"  # noqa: S608
_ID_OF = "SELECT id FROM entry WHERE key = ?"
_COUNT = "SELECT (SELECT count(*) FROM entry) - (SELECT count(*) FROM entry WHERE key IS NULL)"
_VERSION = "SELECT data_version, total_changes() FROM pragma_data_version"
_MISSING: Any = object()
_NEAR = 500


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
        self._cipher = cipher
        self._sealing = Sealing(name, path, cipher, on_secret)
        self.value_of = self._sealing.value_of
        self._encrypt = encrypt
        # Seen so far; the file decides in every transaction.
        self._is_sealed = encrypt
        self._may_be_unpurged = encrypt
        self._file = SqliteFile(
            path,
            Form("a database", APPLICATION_ID, FORMAT, journal="persist", secure_delete=True),
            partial(_script, self._sealing, encrypt=encrypt),
            keep=True,
            take=partial(_take, self._sealing),
            make_folder=make_folder,
        )
        self.path = self._file.path
        self._rows = self._file.rows

    def __repr__(self) -> str:
        return f"Database({self.name!r}, {str(self.path)!r})"

    def close(self) -> None:
        """Let go of the file; a later call opens it anew."""
        self._file.close()

    @overload
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
            return self.value_of(place_of(its_key, number), (kind, value, encrypted))
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
        # One bound a side: of two SQLite would go by the first, and look at all up to the other.
        low, above, end = prefix, "key >= ?", after_prefix(prefix)
        if after is not None and descending:
            end = after if end is None else min(after, end)
        elif after is not None and after >= prefix:
            low, above = after, "key > ?"
        bounds, parameters = [above], [low]
        if end is not None:
            bounds.append("key < ?")
            parameters.append(end)
        order = "DESC" if descending else "ASC"
        statement = (
            f"SELECT {columns} FROM entry WHERE {' AND '.join(bounds)} "  # noqa: S608 - ours
            f"ORDER BY key {order} LIMIT {count}"
        )
        return self._rows(statement, tuple(parameters))

    def unkeyed(self) -> int:
        """How many entries have no key."""
        rows = self._rows("SELECT count(*) FROM entry WHERE key IS NULL")
        return sum(number for (number,) in rows)

    def count(self, prefix: str) -> int:
        """How many keys have the prefix."""
        if not prefix:  # half the time: SQLite counts whole trees by their pages
            return sum(number for (number,) in self._rows(_COUNT))
        end = after_prefix(prefix)
        bound, more = ("", ()) if end is None else (" AND key < ?", (end,))
        statement = f"SELECT count(*) FROM entry WHERE key >= ?{bound}"  # noqa: S608 - ours
        return sum(number for (number,) in self._rows(statement, (prefix, *more)))

    def positions(self, prefix: str = "") -> Positions:
        """The keys that have the prefix, by their position; for lists that are shown in parts."""
        check_key(prefix)
        return Positions(self, prefix)

    def glance(
        self, key: str | None = None, *, id: int | None = None, head: int = 0
    ) -> Glance | None:
        """An entry, read without the whole of a large value; None when it is not there.

        Nothing is opened, and nobody is asked for a secret.

        Args:
            key: Its key, or else
            id: Its id.
            head: How many bytes of the value are read at most.
        """
        if id is None and key is not None:
            check_key(key)
            found = self.glances("key = ?", (key,), head)
        else:
            found = self.glances("id = ?", (_one_of(key, id),), head)
        return found[0] if found else None

    def glances(self, where: str, parameters: tuple[object, ...], head: int) -> list[Glance]:
        """Entries of one moment, each read as by `glance`.

        Args:
            where: SQL of our own: what follows WHERE.
            parameters: What stands for the question marks in it.
            head: How many bytes of each value are read at most.
        """
        statement = f"SELECT {glances.COLUMNS} FROM entry WHERE {where}"  # noqa: S608 - ours
        file = self._file

        def work(connection: Connection) -> list[Glance]:
            rows = file.run(connection, statement, parameters)
            return [glances.glance(file, connection, row, head) for row in rows]

        return file.read(work, absent=[])

    def opened(self, glance: Glance) -> Value:
        """The value of an entry that was read whole; raises as `get`.

        Raises:
            ValueError: It is not whole.
        """
        if not glance.is_whole:
            raise ValueError("the value was not read whole")
        return self.value_of(place_of(glance.key, glance.id), glance.row)

    def select(self, statement: str, parameters: tuple[object, ...]) -> Rows:
        """What a statement of our own finds; for `positions`."""
        return self._rows(statement, parameters)

    def version(self) -> str:
        """A text that is another one after every change, by anyone; 20 µs."""
        identity = self._file.patiently(self._file.identity)
        rows = self._file.locked_rows(_VERSION)
        numbers = (*(identity or ()), self._file.openings, *(rows[0] if rows else ()))
        return ".".join(map(str, numbers))

    def __setitem__(self, key: str, value: Value) -> None:
        check_key(key)  # None would mean an entry without one
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
        is_new = key is None and number is None
        ready = self._prepared(value, "a value" if is_new else place_of(key, number))
        return self._write(
            lambda writer: writer.set(key, number, value, ready),
            needs_keys=isinstance(value, Secret),
            change=None if key is None else lambda: self._change(key, value, ready),
        )

    def update(self, other: Any = (), /, **more: Any) -> None:
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
        def work(writer: Writer) -> int:
            for source in (other, more) if more else (other,):
                if isinstance(source, Mapping):
                    pairs: Iterable[Any] = source.items()
                elif hasattr(source, "keys"):
                    pairs = ((key, source[key]) for key in source.keys())  # noqa: SIM118 - asked for
                else:
                    pairs = source
                writer.update(pairs)
            return 0

        self._write(work)

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
        check_key(key)
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
            statement, what = "DELETE FROM entry WHERE id = ?", _one_of(key, id)

        def work(connection: Connection) -> int:
            self._file.run(connection, statement, (what,))
            return self._file.run(connection, "SELECT changes()")[0][0]  # type: ignore[no-any-return]

        def change() -> bytes | None:
            return packed(Change(what)) if isinstance(what, str) else None

        if not self._file.hand(work, change, absent=0):
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
        self._file.remove()

    def move(self, path: Path) -> None:
        """Give its file another name, which must be free; see `rebind`.

        Raises:
            FileExistsError: Something of that name is there.
        """
        self._file.move(path)

    def copy(self, path: Path) -> None:
        """Write a copy of one moment into a file, empty until then; it is bound to the same name.

        See `rebind`. Deleted entries are not in it.
        """
        self._file.copy(path)

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
        for number, key, *row in self._by_id(f"id, key, {VALUE}"):
            yield number, key, self.value_of(place_of(key, number), tuple(row))

    def entries_unopened(self) -> Iterator[tuple[int, str | None, Value, bool]]:
        """As `entries`, but nothing is opened: None for a sealed value, and whether it is one."""
        for number, key, is_sealed, *row in self._by_id(f"id, key, {IS_SEALED}, {VALUE}"):
            value = None if is_sealed else self.value_of(place_of(key, number), tuple(row))
            yield number, key, value, bool(is_sealed)

    def _by_id(self, columns: str) -> Iterator[tuple[Any, ...]]:
        statement = f"SELECT {columns} FROM entry WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
        return paged(lambda after, count: self._rows(statement, (after, count)), 0)

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

    def load_lines(self, file: jsonlines.Lines, name: str) -> int:
        """As `load`, from what hands out lines; `name` is what messages call it."""
        with self._joined():
            return jsonlines.read_lines(self, file, name)

    def put_entry(self, key: str | None, id: int | None, value: Value) -> int:
        """Write an entry in the open transaction, with its id where that is free; its id."""
        if key is not None and self.exists(key):
            return self.set(key, value)
        is_taken = id is None or self.exists(id=id)
        if key is None:
            is_its_own = not is_taken or (id is not None and self.key_of(id) is None)
            return self.set(id=id if is_its_own else None, value=value)
        if is_taken:
            return self.set(key, value)
        check_key(key)
        number, ready = _one_of(None, id), self._prepared(value, key)
        return self._write(lambda writer: writer.insert(key, number, value, ready))

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

    def encrypt(self) -> int:
        """Seal every value, in one transaction, and leave nothing readable behind; how many.

        Asked again, it finishes what a killed process left: the old file's deleted parts.
        """
        self._ask()
        count = self._write(lambda writer: writer.seal_all())
        self._may_be_unpurged = True
        self._purge()
        return count

    def decrypt(self) -> int:
        """Keep every value in the clear but secrets, in one transaction; how many.

        Raises:
            DatabaseError: Its context encrypts every database.
        """
        if self._encrypt:
            raise DatabaseError(
                f"database {self.name} belongs to a context that encrypts",
                hint="turn that off for the context first",
            )
        self._ask()
        count = self._write(lambda writer: writer.open_all())
        self._is_sealed = False
        return count

    def reseal(self) -> int:
        """Seal anew, in one transaction, what is not under the present key; how many.

        From then on everybody seals with it. It takes the lock of a writer in any case: whoever
        began with the old key is waited for, so that no key is out of sight of `kids` after it.
        """
        if not self.kids() and self._cipher is None:
            return 0
        self._ask()
        return self._file.write(
            lambda connection: self._writer(connection, is_ready=True).reseal(
                self._sealing.keys.kid
            ),
            absent=0,
        )

    def kids(self) -> frozenset[bytes]:
        """The names of all keys that it needs: those of its envelopes, and its fence."""
        statement = f"""
            SELECT DISTINCT substr(value, 5, 8) FROM entry WHERE {IS_SEALED}
            UNION SELECT fence FROM meta WHERE fence IS NOT NULL
        """  # noqa: S608 - ours
        rows = self._rows(statement)
        return frozenset(kid for (kid,) in rows if isinstance(kid, bytes))

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
            writer = self._writer(connection, is_ready=True, bound_to=old)
            if writer.name == self.name:
                return 0
            if writer.name != old:
                raise self._sealing.moved(writer.name)
            return writer.rebind()

        if self.kids():
            self._ask()
        return self._file.write(work, absent=0)

    def _writer(
        self, connection: Connection, *, is_ready: bool = False, bound_to: str = ""
    ) -> Writer:
        is_inside = self._file.transaction_here() is not None
        return Writer(
            self._file,
            self._sealing,
            connection,
            encrypt=self._encrypt and not bound_to,
            is_ready=is_ready or is_inside or self._is_sealed,
            bound_to=bound_to,
        )

    def _write(
        self,
        work: Callable[[Writer], int],
        *,
        needs_keys: bool = False,
        change: Callable[[], bytes | None] | None = None,
    ) -> int:
        """What `work` returns, its changes committed, the keys asked for before it has the lock.

        With a change, which is the same as `_take` understands it, perhaps by another writer.
        """

        def attempt(connection: Connection) -> int:
            writer = self._writer(connection)
            result = work(writer)
            self._is_sealed |= writer.is_encrypted
            self._may_be_unpurged |= writer.was_converted
            return result

        def written() -> int:
            return self._file.hand(attempt, change) if change else self._file.write(attempt)

        if self._is_sealed or needs_keys:
            self._ask()
        try:
            result = written()
        except UnreadyError:
            self._is_sealed = True
            self._ask()
            result = written()
        if self._may_be_unpurged:
            self._purge()
        return result

    def _change(self, key: str, value: object, ready: Ready) -> bytes | None:
        """The value of a key as it is handed over, sealed where that is known to be asked for."""
        row = ready.row
        if row is None:
            if ready.spelt is None or len(ready.spelt) > MAX_CHANGE_BYTES:
                return None
            keys = self._sealing.keys
            if isinstance(value, Secret):
                self._sealing.tell(value)
            kind = SEALED if self._is_sealed else SECRET
            row = kind, keys.seal(self.name, key, ready.spelt, keys.kid)
        elif isinstance(row[1], str | bytes) and len(row[1]) > MAX_CHANGE_BYTES:
            return None
        return packed(Change(key, row))

    def _ask(self) -> None:
        self._sealing.ask()

    def _prepared(self, value: object, place: str) -> Ready:
        """The value as it will be kept, made before anything is opened."""
        name = self._sealing.named(place)
        if isinstance(value, Secret) or self._is_sealed:
            return Ready(name, spelt=values.spelt(value, name))
        return Ready(name, row=values.encoded(value, name))

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

    def _joined(self) -> Any:
        """The open transaction, to go on in, or a new one."""
        return self.transaction() if self._file.transaction_here() is None else _OPEN_ALREADY

    def _no_key(self, key: str) -> HeroError:
        check_key(key)
        near = {row[0] for row in self.page("key", key[:1], None, _NEAR, descending=False)}
        near |= {row[0] for row in self.page("key", "", None, _NEAR, descending=False)}
        return DBKeyError(
            f"database {self.name} has no key {shown(key)}", hint=did_you_mean(key, near)
        )

    def _no_id(self, number: int) -> HeroError:
        return DBKeyError(f"database {self.name} has no id {number}", hint="see ids()")

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a database is a file; export it, or copy its items")


def _take(
    sealing: Sealing, file: SqliteFile, connection: Connection, changes: Iterator[bytes]
) -> Iterator[int]:
    """Make what others have handed over; see `SqliteFile`."""
    writer = Writer(file, sealing, connection)
    for change in changes:
        yield writer.make(unpacked(change))
    writer.finish()


def _script(sealing: Sealing, *, encrypt: bool) -> str:
    return script(sealing.name, sealing.keys.kid if encrypt else None)


class _OpenAlready:
    """Stands for the transaction around it."""

    def __enter__(self) -> None:
        """Go on in it."""

    def __exit__(self, *_: object) -> None:
        """Leave its end to whoever began it."""


_OPEN_ALREADY = _OpenAlready()


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
