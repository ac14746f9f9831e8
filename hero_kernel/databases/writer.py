"""Writer: one transaction's changes, by what the file says in it: encrypted or not, and the fence.

The fence is the name of the key that everybody seals with in a database. Whoever changes the key
changes it in the transaction that seals everything anew, so that a writer with old keys cannot
leave a value behind that the new ones do not open.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from hero_kernel.crypto import KID
from hero_kernel.databases import values
from hero_kernel.databases.sealing import place_of
from hero_kernel.databases.values import SEALED, SECRET
from hero_kernel.databases.views import VALUE, paged
from hero_kernel.errors import SecretChangedError, ValueTamperedError
from hero_kernel.secret import Secret
from hero_kernel.stores.bounds import check_key
from hero_kernel.stores.group import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hero_kernel.databases.changes import Change
    from hero_kernel.databases.sealing import Sealing
    from hero_kernel.databases.values import Stored
    from hero_kernel.stores.sqlite_file import Connection, Rows, SqliteFile

Seal: TypeAlias = "Callable[[str, bytes], bytes]"

APPLICATION_ID = int.from_bytes(b"hdbs")

FORMAT = 1

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

IS_SEALED = "kind IN ('sealed', 'secret')"
_META = f"""
SELECT name, encrypted, fence,
  EXISTS (SELECT 1 FROM entry WHERE {IS_SEALED}),
  EXISTS (SELECT 1 FROM entry WHERE {IS_SEALED} AND kind = 'sealed')
FROM meta
"""  # noqa: S608 - made of constants
_INSERT = "INSERT INTO entry (id, key, kind, value) VALUES (?, ?, ?, ?)"
_REPLACE = "UPDATE entry SET kind = ?, value = ? WHERE id = ?"
_UPSERT = """
INSERT INTO entry (key, kind, value) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET kind = excluded.kind, value = excluded.value
"""
# A parameter less than of `_UPSERT`, a third of the time.
_UPSERT_KIND = """
INSERT INTO entry (key, kind, value) VALUES (?, {kind}, ?)
ON CONFLICT (key) DO UPDATE SET kind = {kind}, value = excluded.value
"""
_UPSERT_CLEAR = _UPSERT_KIND.format(kind="NULL")
_UPSERT_SEALED = _UPSERT_KIND.format(kind=f"'{SEALED}'")
_LAST_ID = "SELECT ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'entry'), 0)"

_SHORT = 128
_SHORT_VALUE = 1024 * 1024


class UnreadyError(Exception):
    """The database turned out to be encrypted: ask for the keys before taking the lock."""


_PIECE = 512
_DictItems = type({}.items())  # type: ignore[var-annotated]


def _plain_pieces(pairs: Iterator[Any], left: list[Any]) -> Iterator[list[Any]]:
    """Pieces of pairs that are rows as they are; the first that is not goes to `left`.

    Looked through by the piece, half the time that a check a pair takes.
    """
    while piece := list(itertools.islice(pairs, _PIECE)):
        keys, texts = zip(*piece, strict=True)
        if set(map(type, keys)) != {str} or set(map(type, texts)) != {str}:
            break
        names = "".join(keys)
        if not names.isascii() or "\0" in names or max(map(len, keys)) > _SHORT:
            break
        if not all(map(str.isascii, texts)) or max(map(len, texts)) >= _SHORT_VALUE:
            break
        yield piece
    left.extend(piece)


@dataclass(frozen=True)
class Ready:
    """A value on its way: as a row in the clear, or as what goes into an envelope.

    Attributes:
        name: Where it goes, for messages.
        row: Kind and value in the clear, when that is known already.
        spelt: What goes into an envelope, when that is known already.
    """

    name: str
    row: tuple[str | None, Stored] | None = None
    spelt: bytes | None = None


def script(name: str, kid: bytes | None) -> str:
    """What fills a new file; with the name of a key it is an encrypted database."""
    fence = f"X'{kid.hex()}'" if kid is not None else "NULL"
    row = f"CAST(X'{name.encode().hex()}' AS TEXT), {kid is not None:d}, {fence}"
    index = _INDEX if kid is None else ""
    return f"{_SCHEMA} {index} INSERT INTO meta (name, encrypted, fence) VALUES ({row});"  # noqa: S608 - in hex


class Writer:
    """Writes into one database in one transaction.

    Args:
        file: The database's file.
        sealing: Its envelopes.
        connection: Where the transaction is.
        encrypt: Whether it shall be encrypted; it becomes so here.
        is_ready: Whether the keys may be asked for; else UnreadyError where they are needed.
        bound_to: The name that values are bound to, if not to the database's own yet.

    Raises:
        ValueTamperedError: It says it is not encrypted, and holds what only an encrypted one does.

    Attributes:
        is_encrypted: Whether it is.
        was_converted: Whether it became so here.
    """

    def __init__(
        self,
        file: SqliteFile,
        sealing: Sealing,
        connection: Connection,
        *,
        encrypt: bool = False,
        is_ready: bool = True,
        bound_to: str = "",
    ) -> None:
        self._file = file
        self._sealing = sealing
        self._connection = connection
        self._bound_to = bound_to or sealing.name
        self._sealed = 0
        self._kid: bytes | None = None
        rows = self._run(_META)
        if len(rows) != 1:
            raise file.corrupt("has lost its table meta")
        ((self.name, encrypted, self.fence, self.any_sealed, is_mixed),) = rows
        self.is_encrypted = bool(encrypted)
        self.was_converted = False
        if is_mixed and not encrypted:
            raise ValueTamperedError(
                f"database {sealing.name} says it is not encrypted, and holds encrypted values",
                hint="it was changed from outside; restore it from a backup",
            )
        if (encrypted or encrypt) and not is_ready:
            raise UnreadyError
        if encrypt and not encrypted:
            self.seal_all()

    def set(self, key: str | None, number: int | None, value: object, ready: Ready) -> int:
        """Write an entry, by its key, its id or, without both, as a new one; its id."""
        if key is not None:
            found = self._run("SELECT id, key FROM entry WHERE key = ?", (key,))
        else:
            found = self._run("SELECT id, key FROM entry WHERE id = ?", (number,))
        if not found:
            return self.insert(key, number, value, ready)
        ((number, key),) = found
        self._run(_REPLACE, (*self._row(place_of(key, number), value, ready), number))
        self.finish()
        return number

    def insert(self, key: str | None, number: int | None, value: object, ready: Ready) -> int:
        """Write a new entry; its id, the next one when none is given."""
        if key is None and number is None:
            ((last,),) = self._run(_LAST_ID)
            number = last + 1  # known before, for the value is bound to it
        kind, stored = self._row(place_of(key, number), value, ready)
        self._run(_INSERT, (number, key, kind, stored))
        self.finish()
        if number is None:
            ((number,),) = self._run("SELECT last_insert_rowid()")
        return number

    def make(self, change: Change) -> int:
        """Make what another writer has handed over, sealed already where it must be.

        The id of the key, of one that is deleted 1 or, if it was not there, 0. `ALONE` when it is
        not as it has to be now: the database has become encrypted, or the key another one.
        """
        if change.row is None:
            self._run("DELETE FROM entry WHERE key = ?", (change.key,))
            return self._run("SELECT changes()")[0][0]  # type: ignore[no-any-return]
        kind, value = change.row
        if (kind == SEALED) != self.is_encrypted:
            return ALONE
        if kind in (SEALED, SECRET):
            is_fenced = isinstance(value, bytes) and value[KID] == self.fence
            if not is_fenced or self.name != self._bound_to:
                return ALONE
            self._sealed += 1
        found = self._run("SELECT id FROM entry WHERE key = ?", (change.key,))
        if found:
            self._run(_REPLACE, (kind, value, found[0][0]))
            return found[0][0]  # type: ignore[no-any-return]
        self._run(_INSERT, (None, change.key, kind, value))
        return self._run("SELECT last_insert_rowid()")[0][0]  # type: ignore[no-any-return]

    def _row(self, place: str, value: object, ready: Ready) -> tuple[str | None, Stored]:
        is_secret = isinstance(value, Secret)
        if not self.is_encrypted and not is_secret:
            return ready.row or values.encoded(value, ready.name)
        spelt = ready.spelt or values.spelt(value, ready.name)
        if isinstance(value, Secret):
            self._sealing.tell(value)
        return SEALED if self.is_encrypted else SECRET, self._envelope(place, spelt)

    def update(self, pairs: Iterable[Any]) -> None:
        """Write keys and values, taken one by one."""
        if self.is_encrypted:
            self._run_many(_UPSERT_SEALED, self._sealed_rows(pairs))
        else:
            rest, left, other = iter(pairs), list[Any](), list[tuple[object, ...]]()
            if isinstance(pairs, _DictItems):  # in memory as it is, so that a piece costs none
                pieces = _plain_pieces(rest, left)
                self._run_many(_UPSERT_CLEAR, itertools.chain.from_iterable(pieces))
                rest = itertools.chain(left, rest)
            self._run_many(_UPSERT_CLEAR, self._clear_rows(rest, other))
            if other:
                self._run_many(_UPSERT, itertools.chain(other, self._rows(rest)))
        self.finish()

    def _run_many(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        self._file.run_many(self._connection, statement, rows)

    def _clear_rows(
        self, pairs: Iterator[Any], other: list[tuple[object, ...]]
    ) -> Iterator[tuple[object, ...]]:
        """Keys and values up to the first that is of a kind; that row goes to `other`."""
        for key, value in pairs:
            if type(key) is not str or not key.isascii() or "\0" in key or len(key) > _SHORT:
                check_key(key)
            if type(value) is str and len(value) < _SHORT_VALUE and value.isascii():
                yield key, value
                continue
            kind, stored = self._kept(key, value)
            if kind is not None:
                other.append((key, kind, stored))
                return
            yield key, stored

    def _rows(self, pairs: Iterable[Any]) -> Iterator[tuple[object, ...]]:
        for key, value in pairs:
            check_key(key)
            yield (key, *self._kept(key, value))

    def _kept(self, key: str, value: object) -> tuple[str | None, Stored]:
        return self._row(key, value, Ready(f"{self._sealing.name}: {key!r}"))

    def _sealed_rows(self, pairs: Iterable[Any]) -> Iterator[tuple[object, ...]]:
        seal = self._sealing.keys.sealer(self._sealing.name, self._fenced())
        rest, left = iter(pairs), list[Any]()
        pieces = _plain_pieces(rest, left) if isinstance(pairs, _DictItems) else iter(())
        return itertools.chain(
            itertools.chain.from_iterable(self._sealed_piece(piece, seal) for piece in pieces),
            self._sealed_one_by_one(itertools.chain(left, rest), seal),
        )

    def _sealed_piece(self, piece: list[Any], seal: Seal) -> Iterator[tuple[object, ...]]:
        keys, texts = zip(*piece, strict=True)
        self._sealed += len(piece)
        spelt = [values.TEXT + text.encode() for text in texts]
        return zip(keys, map(seal, keys, spelt), strict=True)

    def _sealed_one_by_one(self, pairs: Iterable[Any], seal: Seal) -> Iterator[tuple[object, ...]]:
        name, spelt = self._sealing.name, values.spelt
        for key, value in pairs:
            if type(key) is not str or not key.isascii() or "\0" in key or len(key) > _SHORT:
                check_key(key)
            if type(value) is str and len(value) < _SHORT_VALUE and value.isascii():
                plain = values.TEXT + value.encode()
            else:
                plain = spelt(value, f"{name}: {key!r}")
                if isinstance(value, Secret):
                    self._sealing.tell(value)
            self._sealed += 1
            yield key, seal(key, plain)

    def _envelope(self, place: str, spelt: bytes) -> bytes:
        kid = self._fenced()
        self._sealed += 1
        return self._sealing.keys.seal(self._sealing.name, place, spelt, kid)

    def _fenced(self) -> bytes:
        """The name of the key to seal with, which everybody in this database uses."""
        if self._kid is None:
            self._kid = self._found_fence()
        return self._kid

    def _found_fence(self) -> bytes:
        cipher = self._sealing.keys
        # Looked up under the lock: whoever rotates takes it after the new key is there.
        active = cipher.kid
        if self.name != self._bound_to:
            if self.any_sealed:
                raise self._sealing.moved(self.name)
            self._run("UPDATE meta SET name = ?", (self._bound_to,))
        if active == self.fence:
            return active
        if self.fence is None or not self.any_sealed:
            # Nothing is sealed with the old one, which may be gone by now.
            self._run("UPDATE meta SET fence = ?, writes = 0", (active,))
            return active
        if not cipher.knows(self.fence):
            raise SecretChangedError(
                f"database {self._sealing.name} is sealed with a key that is not here",
                hint="unlock again: %hero_secret unlock",
            )
        return bytes(self.fence)

    def finish(self) -> None:
        """Count what was sealed: a key is good for 2**32 values of a database."""
        if self._sealed:
            self._run("UPDATE meta SET writes = writes + ?", (self._sealed,))
            self._sealed = 0

    def seal_all(self) -> int:
        """Seal what is in the clear; the database is an encrypted one then. How many."""
        if self.is_encrypted:
            return 0
        sealing, count = self._sealing, 0
        kid = self._fenced()
        for number, key, kind, value, _ in self._entries("kind IS NOT 'sealed'"):
            place, envelope = place_of(key, number), value
            if kind != SECRET:
                found = sealing.value_of(place, (kind, value, 0))
                envelope = self._envelope(place, values.spelt(found, sealing.named(place)))
            self._run(_REPLACE, (SEALED, envelope, number))
            count += 1
        self._run("DROP INDEX IF EXISTS sealed")
        self._run("UPDATE meta SET encrypted = 1, unpurged = 1, fence = ?", (kid,))
        self.finish()
        self.is_encrypted = self.was_converted = True
        return count

    def open_all(self) -> int:
        """Keep every value in the clear but secrets; how many are."""
        if not self.is_encrypted:
            return 0
        count = 0
        for number, key, *row in self._entries("TRUE"):
            place = place_of(key, number)
            value = self._sealing.value_of(place, tuple(row))
            if isinstance(value, Secret):
                self._run("UPDATE entry SET kind = ? WHERE id = ?", (SECRET, number))
                continue
            self._run(_REPLACE, (*values.encoded(value, self._sealing.named(place)), number))
            count += 1
        self._run("UPDATE meta SET encrypted = 0")
        self._run(_INDEX)
        self.is_encrypted = False
        return count

    def reseal(self, kid: bytes) -> int:
        """Seal with a key what is sealed with another, and make it the fence; how many."""
        count = self._reseal(self._sealing.name, kid, every=False)
        if self.fence is not None and self.fence != kid:
            self._run("UPDATE meta SET fence = ?, writes = ?", (kid, count))
        return count

    def rebind(self) -> int:
        """Seal anew, bound to the database's name, what is bound to another; how many."""
        count = self._reseal(self._bound_to, self._fenced(), every=True) if self.any_sealed else 0
        statement = "UPDATE meta SET name = ?, writes = writes + ?"
        self._run(statement, (self._sealing.name, count))
        return count

    def _reseal(self, bound_to: str, kid: bytes, *, every: bool) -> int:
        cipher, count = self._sealing.keys, 0
        seal = cipher.sealer(self._sealing.name, kid)
        for number, key, _, envelope, _ in self._entries(IS_SEALED):
            place = place_of(key, number)
            if not isinstance(envelope, bytes):
                raise self._sealing.tampered(place, "is no envelope")
            if every or envelope[KID] != kid:
                plain = cipher.open(bound_to, place, envelope)
                self._run("UPDATE entry SET value = ? WHERE id = ?", (seal(place, plain), number))
                count += 1
        return count

    def _entries(self, condition: str) -> Iterator[tuple[Any, ...]]:
        """Id, key, kind, value and whether all is sealed, of rows that meet a condition of ours."""
        statement = f"""
            SELECT id, key, {VALUE} FROM entry WHERE id > ? AND {condition} ORDER BY id LIMIT ?
        """  # noqa: S608 - ours
        return paged(lambda after, count: self._run(statement, (after, count)), 0)

    def _run(self, statement: str, parameters: tuple[object, ...] = ()) -> Rows:
        return self._file.run(self._connection, statement, parameters)
