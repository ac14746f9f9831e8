"""The panel of a database: any number of keys, looked at, searched and edited."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from hero_kernel.actors.builtin.db import database
from hero_kernel.databases import jsonlines
from hero_kernel.databases.positions import MAX_TEXT
from hero_kernel.errors import (
    DatabaseError,
    DatabaseNotFoundError,
    DBKeyError,
    SecretRequiredError,
    UsageError,
)
from hero_kernel.secret import Secret
from hero_kernel.secrets import DATABASE as NAMED_SECRETS
from magics.display import Table
from magics.panels.entry import FIRST, MOST, Reader, typed
from magics.panels.view import Followed, magic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from hero_kernel import Context, Session
    from hero_kernel.databases import Database, Glance, Positions, Value
    from magics.doorway import Door

    Json = dict[str, Any]
    Which = tuple[Path, str, bool]

ROWS = 40
"""Entries that come with the panel; the others are asked for."""

STILL = 20
"""Entries that stay when the notebook is saved."""

PAGE = 200
"""Entries that may be asked for at once."""

PIECE_S = 0.045
"""How long a search goes on before it answers: what else is asked waits for no more."""

MAX_FILE = 10 * 1024 * 1024
"""Bytes of a file that comes or goes through the browser."""

_PART = 512 * 1024
_NAME = 200


class Keys:
    """A database that panels show, which is open once for them, and the positions of its keys.

    Args:
        database: Which.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._lock = Lock()
        self._positions: dict[str, Positions] = {}

    def positions(self, prefix: str) -> Positions:
        """The positions of those that have a prefix; of the last prefixes they are kept."""
        with self._lock:
            found = self._positions.pop(prefix, None) or self.database.positions(prefix)
            self._positions[prefix] = found
            while len(self._positions) > _PREFIXES:
                del self._positions[next(iter(self._positions))]
            return found


class View(Followed):
    """A database: the session's own, whichever that is, or another one of its context.

    Args:
        door: The notebook's.
        session: Shows this one's, whichever the notebook's is.
        name: Which database; "" for the session's own.
        context: Shows one of this context, whichever session the notebook is on.
        given: Shows this one, which is no context's.
    """

    kind = "db"

    def __init__(
        self,
        door: Door,
        session: Session | None = None,
        *,
        name: str = "",
        context: Context | None = None,
        given: Database | None = None,
    ) -> None:
        super().__init__(door, session)
        self._name = name
        self._context = context
        self._given = given
        self._lock = Lock()
        self._kept: Keys | None = None
        self._which: Which | None = None
        self._others: MutableMapping[Which, Keys] = {}
        if door.panels is not None:
            self._others = door.panels.databases
        self._key = os.urandom(16)  # what is shown of a value does not tell it
        self._deleted: tuple[Database, Glance, Value] | None = None
        self._export = ""
        self._upload: list[str] = []

    @classmethod
    def of(cls, door: Door, value: Any) -> Self:
        """The view of a database, wherever it is."""
        for context in door.workspace.contexts_list():
            if (
                context.db_path == value.path.parent
                and context.db_get(value.name).path == value.path
            ):
                return cls(door, name=value.name, context=context)
        return cls(door, given=value)

    @classmethod
    def rebuilt(cls, door: Door, spec: Mapping[str, Any]) -> Self:
        """The view of the database that a spec names.

        Raises:
            HeroError: Its context or session is not there any more.
            UsageError: The spec names none.
        """
        name, session = spec.get("database"), spec.get("session")
        if not isinstance(name, str):
            raise UsageError("the database is no context's", hint="run the cell again")
        context = spec.get("context")
        if not isinstance(context, str) or not isinstance(session, str | None):
            raise UsageError("the panel does not say which context it shows")
        if session is None:
            return cls(door, name=name, context=door.workspace.context_get(context))
        return cls(door, door.workspace.session_get(session, context=context), name=name)

    @property
    def spec(self) -> Json:
        """The names of the context, the session it follows if it does, and the database."""
        if self._given is not None:
            return {"kind": self.kind}
        if self._context is not None:
            return {"kind": self.kind, "context": self._context.name, "database": self._name}
        return {**super().spec, "database": self._name}

    @property
    def title(self) -> str:
        """The names of the database and its context."""
        return self._titled(self._found())

    def _titled(self, here: Database) -> str:
        context = self._its_context()
        of = "" if context is None else f" of context {context.guid}"
        return f"database {here.name}{of}" + (" (encrypted)" if here.is_encrypted() else "")

    def mark(self) -> object:
        """The database's version, whether its values can be opened, and the collection's time."""
        here = self._found()
        try:
            collection = os.stat(here.path.parent).st_mtime_ns  # noqa: PTH116  # as cheap as it gets
        except OSError:
            collection = 0
        return str(here.path), here.version(), self._is_locked(), collection

    def state(self) -> Json:
        """What the first rows need: `version` is another one after every change."""
        keys, context = self._keys(), self._its_context()
        here = keys.database
        return {
            "name": here.name,
            "of": "" if context is None else context.guid,
            "databases": self._names(here),
            "encrypted": here.is_encrypted(),
            "locked": self._is_locked(),
            "version": f"{here.path.name} {here.version()} {self._is_locked()}",
            "total": keys.positions("").count(),
            "unkeyed": here.unkeyed(),
            "rows": self._first(keys, ROWS),
        }

    def still(self) -> Sequence[Table]:
        """The first entries."""
        keys = self._keys()
        here = keys.database
        rows = self._first(keys, STILL)
        total = keys.positions("").count()
        table = Table(
            ("key", "type", "value"),
            tuple((row["key"], row["type"], row["text"] or row["state"]) for row in rows),
            title=self._titled(here),
            note="" if total else "it is empty",
            total=total if len(rows) < total else 0,
        )
        return [table]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Rows by position and by id, a search, a value and its parts, changes, files, lines."""
        return {
            "page": self._page,
            "rows": self._rows,
            "search": self._search,
            "value": self._value,
            "parts": self._parts,
            "open": self._open,
            "set": self._set,
            "rename": self._rename,
            "delete": self._delete,
            "undo": self._undo,
            "download": self._download,
            "downloaded": self._downloaded,
            "upload": self._uploaded,
            "ask_secret": self._ask_secret,
            "ask_unlock": self._ask_unlock,
            "ask_export": self._ask_export,
            "ask_load": self._ask_load,
        }

    def _found(self) -> Database:
        """The database."""
        return self._keys().database

    def _keys(self) -> Keys:
        """The database with its keys, the same as long as it is the same: its file stays open."""
        with self._lock:
            found, context = self._looked_up(), self._its_context()
            # a context that encrypts from now on must not be written to as before
            which = found.path, found.name, context is not None and context.encrypt
            if self._kept is None or self._which != which:
                kept = Keys(found)
                if self._given is None:  # else it is not known what opens its values
                    kept = self._others.setdefault(which, kept)
                self._which, self._kept = which, kept
            return self._kept

    def _looked_up(self) -> Database:
        if self._given is not None:
            return self._given
        if self._context is None:
            return database(self.session(), self._name)
        collection = self._context.dbcollection()
        if self._name == NAMED_SECRETS:
            raise DatabaseError(
                f"database {NAMED_SECRETS} holds the named secrets",
                hint="use %hero_secret for them",
            )
        if not collection.exists(self._name):
            raise DatabaseNotFoundError(
                f"context {self._context.name} has no database {self._name}",
                hint="it shows again when there is one",
            )
        return collection.get(self._name)

    def _its_context(self) -> Context | None:
        if self._given is not None:
            return None
        return self._context or self.session().context

    def _is_locked(self) -> bool:
        context = self._its_context()
        return context is not None and (not context.secrets.is_set or context.secrets.is_locked)

    def _names(self, here: Database) -> list[str]:
        """The databases that may be chosen instead."""
        context = self._its_context()
        if context is None:
            return [here.name]
        return sorted({*context.dbcollection().list(), here.name} - {NAMED_SECRETS})

    def _reader(self, here: Database) -> Reader:
        return Reader(here, self.door.workspace.redactor, self._is_locked())

    def _first(self, keys: Keys, count: int) -> list[Json]:
        reader = self._reader(keys.database)
        return [reader.row(one) for one in keys.positions("").page(0, count, head=reader.head)]

    def _page(
        self, *, at: int, count: int, prefix: str = "", near: int | None = None, was: int = 0
    ) -> Json:
        """Entries from a position on; where an entry has moved, from as much before or after.

        Args:
            at: The position.
            count: How many.
            prefix: Of the keys that count.
            near: The id of the entry that shall stay where it is seen.
            was: The position it had.
        """
        keys, given = self._keys(), _text(prefix, "the prefix", MAX_TEXT)
        here = keys.database
        at, count = _whole(at, "at"), min(_whole(count, "count"), PAGE)
        positions, reader = keys.positions(given), self._reader(here)
        if near is not None:
            entry = here.glance(id=_whole(near, "near", 1))
            if entry is not None and entry.key is not None and entry.key.startswith(given):
                at = max(0, at + positions.before(entry.key) - _whole(was, "was"))
        found = positions.page(at, count, head=reader.head)
        return {
            "at": at,
            "total": positions.count(),
            "rows": [reader.row(one) for one in found],
        }

    def _rows(self, *, ids: list[int]) -> list[Json]:
        """Entries by their ids, in that order; one that is gone is left out."""
        if not isinstance(ids, list) or len(ids) > PAGE:
            raise UsageError(f"ids are no list of at most {PAGE}")
        here = self._found()
        reader = self._reader(here)
        found = (here.glance(id=_whole(one, "an id", 1), head=reader.head) for one in ids)
        return [reader.row(one) for one in found if one is not None]

    def _search(
        self, *, text: str, at: int = 0, case: bool = False, values: bool = False, most: int = 0
    ) -> Json:
        """Look for a text, a piece of the database at a time: `at` is where to go on."""
        wanted = _text(text, "the text", MAX_TEXT)
        if not wanted:
            raise UsageError("there is nothing to look for")
        until_s = monotonic() + PIECE_S
        keys = self._keys().positions("")
        found = keys.search(
            wanted,
            _whole(at, "at"),
            ignore_case=not _flag(case, "case"),
            values=_flag(values, "values"),
            most=min(_whole(most, "most"), _HITS),
            until=lambda: monotonic() > until_s,
        )
        return {"ids": list(found.ids), "count": found.count, "at": found.at}

    def _value(self, *, id: int, more: bool = False) -> Json | None:
        """An entry's value, or as much of it as fits; `stamp` tells it from any later one."""
        here = self._found()
        one = here.glance(id=_whole(id, "the id", 1), head=MOST)
        if one is None:  # deleted meanwhile
            return None
        shown = MOST if _flag(more, "more") else FIRST
        return {**self._reader(here).opened(one, shown), "stamp": self._stamp(one)}

    def _parts(self, *, id: int, path: list[int], start: int = 0) -> Json:
        """Parts of a list or dict; see `Reader.children`."""
        if not isinstance(path, list):
            raise UsageError("the path is no list")
        here = self._found()
        one = self._entry(here, id)
        if not one.is_whole or (one.kind == "sealed" and self._is_locked()):
            raise UsageError("the value cannot be opened any more", hint="look at it again")
        steps = [_whole(step, "a step") for step in path]
        return self._reader(here).children(one, steps, _whole(start, "start"))

    def _entry(self, here: Database, id: int) -> Glance:
        found = here.glance(id=_whole(id, "the id", 1), head=MOST)
        if found is None:
            raise DBKeyError("the entry is not there any more", hint="it was deleted meanwhile")
        return found

    def _stamp(self, one: Glance) -> str:
        """What differs when the entry has changed, also if only as to its type.

        Of a value that is larger than `MOST` its size and its beginning count.
        """
        kind, value, _ = one.row
        data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
        head = repr((one.id, one.key, kind, one.kind, one.size)).encode("utf-8", "surrogatepass")
        return blake2b(head + data, key=self._key, digest_size=16).hexdigest()

    def _open(self, *, name: str) -> None:
        """Show another database of the context."""
        if self._given is not None:
            raise UsageError("the database is no context's, which had others")
        before, self._name = self._name, _text(name, "the name", _NAME)
        try:
            self._found()
        except BaseException:
            self._name = before
            raise

    @contextmanager
    def _changing(self) -> Iterator[Database]:
        """One step, in which nothing else changes; nobody is asked for the secret in it."""
        here = self._found()
        if here.is_encrypted() and self._is_locked():
            raise self._locked(here)
        with here.transaction():
            yield here

    def _locked(self, here: Database) -> SecretRequiredError:
        return SecretRequiredError(
            f"database {here.name} holds encrypted values, and its context is locked",
            hint="unlock it: %hero_secret unlock",
        )

    def _unchanged(self, here: Database, id: int, was: str) -> Glance:
        one = self._entry(here, id)
        if self._stamp(one) != was:
            name = self._reader(here).row(one)["key"]
            raise DBKeyError(f"{name} was changed meanwhile", hint="nothing was done; look again")
        return one

    def _set(
        self, *, kind: str, text: str, key: str = "", id: int | None = None, was: str = ""
    ) -> Json:
        """Write a new key, or an entry that is there by its id, if it is what it was."""
        value = typed(_text(kind, "the type", _NAME), _text(text, "the value", MOST))
        new = _text(key, "the key", MAX_TEXT)
        with self._changing() as here:
            if id is not None:
                one = self._unchanged(here, id, was)
                if one.key is not None:
                    new = one.key
                else:
                    return {"id": here.set(id=one.id, value=value)}
            elif here.exists(new):
                raise DBKeyError(
                    f"database {here.name} has that key", hint="open it, or take another name"
                )
            return {"id": here.set(new, value)}

    def _rename(self, *, id: int, key: str, was: str) -> Json:
        """Give an entry another key; its id stays."""
        new = _text(key, "the key", MAX_TEXT)
        with self._changing() as here:
            one = self._unchanged(here, id, was)
            if one.kind == "secret" and self._is_locked():
                raise self._locked(here)
            if one.key is None or here.exists(new):
                raise DBKeyError(
                    f"database {here.name} has that key", hint="nothing was done; take another name"
                )
            value = here.get(one.key)
            here.delete(one.key)
            return {"id": here.put_entry(new, one.id, value)}

    def _delete(self, *, id: int, was: str) -> Json:
        """Delete an entry; `undo` tells whether it can be brought back."""
        with self._changing() as here:
            one = self._unchanged(here, id, was)
            row = self._reader(here).row(one)
            can_undo = one.is_whole and not row["state"] and one.key is not None
            kept = here.opened(one) if can_undo else None
            here.delete(id=one.id)
        self._deleted = (here, one, kept) if can_undo else None
        return {"key": row["key"], "undo": can_undo}

    def _undo(self) -> Json:
        """Bring back what was deleted last."""
        if self._deleted is None:
            raise UsageError("there is nothing to bring back")
        deleted, one, value = self._deleted
        with self._changing() as here:
            if here.path != deleted.path:
                raise UsageError("another database is shown", hint=f"choose {deleted.name}")
            if one.key is None or here.exists(one.key):
                raise DBKeyError("the key was set anew meanwhile", hint="nothing was done")
            number = here.put_entry(one.key, one.id, value)
        self._deleted = None
        return {"id": number}

    def _download(self, *, decrypted: bool = False) -> Json:
        """Make an export that comes through the browser; see `_downloaded`."""
        here = self._found()
        is_encrypted, may_be_clear = here.is_encrypted(), _flag(decrypted, "decrypted")
        if is_encrypted and not may_be_clear:
            raise UsageError(
                f"database {here.name} is encrypted, and an export is not",
                hint="say that its values may be written in the clear",
            )
        if is_encrypted and self._is_locked():
            raise self._locked(here)
        lines, size, left = [], 0, 0
        for number, key, value in _in_the_clear(here, is_encrypted=is_encrypted):
            if value is _SECRET:
                left += 1
                continue
            lines.append(jsonlines.line_of(number, key, value))
            size += len(lines[-1].encode())
            if size > MAX_FILE:
                raise DatabaseError(
                    f"database {here.name} is larger than {MAX_FILE // 1024**2} MiB as a file",
                    hint="export it to a file on the kernel's machine",
                )
        text = "".join(lines)
        if self.door.workspace.redactor.mask(text) != text:
            raise DatabaseError(
                f"database {here.name} holds known secrets in values that are no secrets",
                hint="export it to a file on the kernel's machine",
            )
        self._export = text
        return {"chars": len(text), "count": len(lines), "left": left}

    def _downloaded(self, *, at: int) -> str:
        """A part of the export that was made; it is forgotten after the last."""
        start, text = _whole(at, "at"), self._export
        if start + _PART >= len(text):
            self._export = ""
        return text[start : start + _PART]

    def _uploaded(self, *, name: str, at: int, text: str, last: bool) -> Json | None:
        """A part of a file of lines, in their order; with the last one, load it, all or nothing."""
        if _whole(at, "at") == 0:
            self._upload = []
        part, done = _text(text, "the part", 2 * _PART), sum(map(len, self._upload))
        if at != done or done + len(part) > MAX_FILE:
            self._upload = []
            raise UsageError(
                f"the file is larger than {MAX_FILE // 1024**2} MiB, or a part of it is missing",
                hint="load it from a file on the kernel's machine",
            )
        self._upload.append(part)
        if not _flag(last, "last"):
            return None
        whole, self._upload = "".join(self._upload).encode(), []
        here = self._found()
        if self._is_locked() and here.is_encrypted():
            raise self._locked(here)
        return {"count": here.load_lines(io.BytesIO(whole), _text(name, "the name", _NAME))}

    def _ask_secret(self, *, key: str = "", id: int | None = None) -> str:
        here = self._found()
        wanted = _text(key, "the key", MAX_TEXT)
        if id is not None:
            wanted = self._entry(here, id).key or ""
        # In one word: what stands apart after --secret is taken for one, and hidden from then on.
        return self._line("set", "--secret", f"--database={here.name}", "--", wanted)

    def _ask_unlock(self) -> str:
        self._line()  # the line is about the notebook's context
        return magic("hero_secret", "unlock")

    def _ask_export(self, *, path: str, decrypted: bool = False) -> str:
        extra = ["--decrypted"] if _flag(decrypted, "decrypted") else []
        return self._line("export", *extra, "-d", self._found().name, "--", _path(path))

    def _ask_load(self, *, path: str) -> str:
        return self._line("load", "-d", self._found().name, "--", _path(path))

    def _line(self, *words: str) -> str:
        """A line of `%hero_db`, which is about the notebook's own context."""
        context, session = self._its_context(), self.door.workspace.selected_session
        if context is None or session is None or session.context.name != context.name:
            raise UsageError(
                "the notebook is in another context than this database",
                hint=f"run %hero_context use {context.name}" if context else "do it in Python",
            )
        return magic("hero_db", *words)


_PREFIXES = 8
_HITS = 1000
_SECRET: Any = object()


def _in_the_clear(here: Database, *, is_encrypted: bool) -> Iterator[tuple[int, str | None, Any]]:
    """Every entry, with `_SECRET` for what does not get out."""
    if is_encrypted:
        for number, key, value in here.entries():
            yield number, key, _SECRET if isinstance(value, Secret) else value
    else:
        for number, key, value, is_sealed in here.entries_unopened():
            yield number, key, _SECRET if is_sealed else value


def _text(value: object, what: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise UsageError(f"{what} is no text of at most {most} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{what} holds half a character") from None
    return value


def _path(value: object) -> str:
    path = _text(value, "the path", 4096)
    if not path.strip():
        raise UsageError("there is no path", hint="write where the file is")
    return path


def _whole(value: object, what: str, least: int = 0) -> int:
    if type(value) is not int or not least <= value < 2**53:
        raise UsageError(f"{what} is no whole number from {least} on")
    return value


def _flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{what} is neither true nor false")
    return value
