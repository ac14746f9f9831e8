"""Databases: the collection of one context, a folder with a file for each."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hero_kernel import files, names
from hero_kernel.errors import (
    BadNameError,
    DatabaseError,
    DatabaseNotFoundError,
    HeroError,
    StoreError,
    did_you_mean,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hero_kernel.crypto import Cipher
    from hero_kernel.databases.database import Database
    from hero_kernel.databases.dbfs import ImportReport

CONFIG = "config"
"""The database that a context has for itself."""

SESSION_PREFIX = "session_"
"""Before a session's name in the name of its database; herolib's."""

_SUFFIX = ".db"


class Databases:
    """The databases of a context; folders of herolib may stand beside their files.

    Args:
        root: The home; nothing is written outside of it through a link.
        folder: The collection's folder, below the root or, by the context's choice, elsewhere.
        cipher: Seals and opens what is secret; None while the context has no secret.
        encrypt: Whether every database shall be encrypted.
        on_secret: Told the text of every secret that is read or written, to be masked.
    """

    def __init__(
        self,
        root: Path,
        folder: Path,
        *,
        cipher: Cipher | None = None,
        encrypt: bool = False,
        on_secret: Callable[[str], object] | None = None,
    ) -> None:
        self.root = root
        self.folder = folder
        self._cipher = cipher
        self._encrypt = encrypt
        self._on_secret = on_secret

    def __repr__(self) -> str:
        return f"Databases({str(self.folder)!r})"

    def get(self, name: str) -> Database:
        """The database of that name; its file is made at the first write.

        Raises:
            BadNameError: It cannot be a database's name.
            StoreError: A link leads the folder out of the root.
        """
        return self._named(canonical(name))

    def _named(self, name: str, *, encrypt: bool = False, path: Path | None = None) -> Database:
        from hero_kernel.databases.database import Database  # noqa: PLC0415  # many runs use none

        if self.folder.is_symlink() or self.folder.exists():
            self._make_folder()  # nothing is made: that a link leads out is told before any use
        return Database(
            path or self.folder / f"{name}{_SUFFIX}",
            name,
            cipher=self._cipher,
            encrypt=self._encrypt or encrypt,
            on_secret=self._on_secret,
            make_folder=self._make_folder,
        )

    def _make_folder(self) -> None:
        if self.folder.is_relative_to(self.root):
            files.folder(self.root, *self.folder.relative_to(self.root).parts)
        else:
            files.folder(self.folder)

    def list(self) -> list[str]:
        """The names of the databases that are there, sorted."""
        try:
            found = list(os.scandir(self.folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(
                f"{self.folder} cannot be read: {(error.strerror or str(error)).lower()}",
                hint="mend its place and rights",
            ) from None
        names_ = (entry.name.removesuffix(_SUFFIX) for entry in found if _is_file(entry))
        return sorted(name for name in names_ if _is_canonical(name))

    def exists(self, name: str) -> bool:
        """Whether there is a database of that name."""
        path = self.folder / f"{canonical(name)}{_SUFFIX}"
        return path.is_file() and not path.is_symlink()

    def delete(self, name: str) -> None:
        """Delete a database with its file.

        Raises:
            DatabaseNotFoundError: There is none of that name.
        """
        self._found(name).destroy()

    def rename(self, old: str, new: str) -> Database:
        """Give a database another name; what is sealed in it is bound to that.

        Killed half-way, the same call finishes it: the file is moved first, then its sealed
        values are bound anew.

        Raises:
            DatabaseNotFoundError: There is none of the old name.
            DatabaseError: There is one of the new name.
        """
        before, after = canonical(old), canonical(new)
        if before == after:
            return self._found(old)
        source, target = self._named(before), self._named(after)
        if self.exists(before):
            try:
                source.move(target.path)
            except FileExistsError:
                raise DatabaseError(
                    f"there is a database {after} already", hint="delete it, or take another name"
                ) from None
        elif not (self.exists(after) and target.is_bound_to(before)):
            self._found(old)
        target.rebind(before)
        return target

    def draft(self, name: str, *, of: str = "") -> Database:
        """A database in a file that nobody finds, to be given the name's by `move` or destroyed.

        Args:
            name: What it will be called; its sealed values are bound to that.
            of: The database that it is a copy of, from one moment; default: it is empty.

        Raises:
            DatabaseNotFoundError: There is none to copy.
            SecretError: What is sealed in that one cannot be opened; nothing is left.
        """
        source = self._found(of) if of else None
        made = self._named(canonical(name))
        self._make_folder()
        import tempfile  # noqa: PLC0415  # it brings compression along

        try:
            handle, path = tempfile.mkstemp(
                prefix=f".{made.path.name}.", suffix=files.DRAFT, dir=self.folder
            )
        except OSError as error:
            raise files.explained(error, made.path) from None
        os.close(handle)
        if source is None:
            Path(path).unlink()
        draft = self._named(canonical(name), path=Path(path))
        try:
            if source is not None:
                source.copy(draft.path)
                draft.rebind(source.name)
        except BaseException:
            with suppress(HeroError):  # it is empty, perhaps, which no database is
                draft.destroy()
            Path(path).unlink(missing_ok=True)
            raise
        return draft

    def _found(self, name: str) -> Database:
        if self.exists(name):
            return self.get(name)
        raise DatabaseNotFoundError(
            f"there is no database {canonical(name)}", hint=did_you_mean(name, self.list())
        )

    def kids(self) -> frozenset[bytes]:
        """The names of all keys that the databases need; others may be dropped."""
        return frozenset().union(*(self._named(name).kids() for name in self.list()))

    def reseal(self) -> int:
        """Seal every value anew that is not under the present key, database by database."""
        return sum(self._named(name).reseal() for name in self.list())

    def import_dbfs(
        self,
        folder: Path | None = None,
        *,
        decrypt: Callable[[str], bytes] | None = None,
        overwrite: bool = False,
    ) -> ImportReport:
        """Copy herolib's databases into ours; the folder is left as it is.

        Each database is copied in one transaction. What cannot be read is told in the report and
        the rest is copied. A database that was encrypted is encrypted here.

        Args:
            folder: A collection of herolib's, or one database of it; this collection's own folder
                by default, where herolib's stand beside ours.
            decrypt: From the base64 text of an encrypted value to its bytes, raising a HeroError
                for a wrong secret; see `crypto`.
            overwrite: Whether a key that is here already gets herolib's value.

        Raises:
            DatabaseError: The folder cannot be read.
        """
        from hero_kernel.databases import dbfs  # noqa: PLC0415  # herolib's databases are few

        return dbfs.copy(
            self.folder if folder is None else Path(folder),
            lambda name, *, encrypt: self._named(canonical(name), encrypt=encrypt),
            decrypt=decrypt,
            overwrite=overwrite,
            has_keys=self._cipher is not None,
        )


def canonical(name: str) -> str:
    """The name of a database as its file has it.

    Raises:
        BadNameError: It cannot be a file's name.
    """
    folded = names.folded(name)
    if folded == CONFIG and name.isascii():
        return CONFIG
    if folded.startswith(SESSION_PREFIX) and name.isascii():
        # As long as a session's name may be, and the prefix.
        rest = names.canonical(folded.removeprefix(SESSION_PREFIX), "session")
        return SESSION_PREFIX + rest
    return names.canonical(name, "database")


def _is_canonical(name: str) -> bool:
    try:
        return canonical(name) == name
    except BadNameError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.name.endswith(_SUFFIX) and stat.S_ISREG(
            entry.stat(follow_symlinks=False).st_mode
        )
    except OSError:
        return False
