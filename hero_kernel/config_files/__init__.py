"""Config files: what a context keeps for people to read and edit, each by category and name."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hero_kernel.config_files import folder as folders
from hero_kernel.config_files.file_names import (
    SUFFIX,
    check_category,
    refuse_other_case,
    split,
    stem,
)
from hero_kernel.config_files.sealing import Sealing, sealed_with, still_clear
from hero_kernel.config_files.text import decoded, encoded, prepared
from hero_kernel.errors import (
    ChangedError,
    ConfigError,
    CorruptConfigError,
    HeroConfigNotFoundError,
    HeroError,
    StoreError,
    ValueTooLargeError,
    did_you_mean,
)

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from types import EllipsisType

    from hero_kernel.config_files.document import Data, Document
    from hero_kernel.config_files.folder import Folder
    from hero_kernel.config_files.text import Expansion
    from hero_kernel.crypto import Cipher

MAX_BYTES = 16 * 2**20
"""The size of a config file of any kind; YAML is read up to `document.MAX_BYTES`."""

OLD_SUFFIX = ".hero"
"""Of the files in a folder by category, as herolib wrote them for a few hours in August 2025."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    Attributes:
        imported: Category and name of each file that was written.
        skipped: Each file that was not, and why.
    """

    imported: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[Path, str], ...]


class Listed(NamedTuple):
    """A config file, as a list of them tells.

    Attributes:
        category: What kind of file it is.
        name: What it is called.
        size: Bytes.
        changed_ns: When it was written last, in nanoseconds since 1970 UTC.
    """

    category: str
    name: str
    size: int
    changed_ns: int


def _unheard(_text: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """A context's config files: `$category__$name.yaml` in its folder, of mode 0600.

    A category and a name hold letters a-z of either case, digits, `.`, `_` and `-`, begin with a
    letter or a digit, and have 63 characters at most. Case is kept, but no file is made that
    differs from another in case only: on some disks they would be one. A category holds no `__`
    and does not end in `_`, so that the file's name tells it from the name.

    A value in a file may be sealed: `hero:v1:…` stands for it, bound to the file and to the
    value's path in it, which is its keys with dots between them (`smtp.password`,
    `servers.0.token`; see `document.join`). Moved elsewhere it does not open. That an older value
    of the same path was put back, or one was taken out, is not noticed.

    Every change is one step: whoever reads finds the old file or the new one, and another process
    that wants to change something waits. The first writing makes the folder. All that is asked
    for by category and name raises BadNameError when there can be no such file, and StoreError
    when the disk does not do what was asked or a link leads out of the root.

    Attributes:
        root: What no link is followed out of: `HERO_HOME`.
        folder: The context's folder, below the root.
        home: The user's home folder, which `~` and `{HOME}` become.
        cipher: Seals and opens values; None when the context has no secret.
        on_secret: Told every value that is sealed or opened, so that it can be masked elsewhere.
    """

    root: Path
    folder: Path
    home: Path
    cipher: Cipher | None = None
    on_secret: Callable[[str], None] = _unheard

    def path(self, category: str, name: str) -> Path:
        """Where the file is, or would be."""
        return self.folder / (stem(category, name) + SUFFIX)

    def set(
        self,
        category: str,
        name: str,
        content: str,
        *,
        expand: Expansion = "shell",
        secrets: str | Sequence[str] = (),
        was: str | EllipsisType | None = ...,
        check: Callable[[str], object] | None = None,
    ) -> Path:
        """Write a file; its path.

        Args:
            category: What kind of file it is.
            name: What it is called.
            content: Any text, not necessarily YAML. No line end is added.
            expand: What is done to the text first; see `text.prepared`.
            secrets: Path of a value that is sealed before anything is written, or several; the
                text must be YAML then.
            was: The text it takes the place of, None where there is to be no file yet; not given,
                whatever is there.
            check: Told the text as it will stand there; what it raises keeps it from being
                written.

        Raises:
            ChangedError: Another text is there; it stays.
            ConfigError: The content is no text, or has no such value.
            CorruptConfigError: Values are to be sealed, and it is not the YAML that is read here.
            ValueTooLargeError: It is larger than `MAX_BYTES`.
            SecretError: Values are to be sealed, and cannot be.
        """
        path = self.path(category, name)
        _bounded(encoded(content, path.name), path.name)  # before it is worked on
        text = prepared(content, expand, self.home)
        raw = _bounded(encoded(text, path.name), path.name)
        if not secrets:
            if check is not None:
                check(text)
            return self._write(path, lambda: raw, was)
        document = _parse(raw, path.name, excerpt=False)
        clear = still_clear(document, [secrets] if isinstance(secrets, str) else secrets)
        sealing = self._sealing(path)
        sealing.unlock()

        def sealed() -> bytes:
            made = sealing.sealed(document, clear).raw
            if check is not None:
                check(made.decode())
            return made

        return self._write(path, sealed, was)

    def get(self, category: str, name: str) -> str:
        """The file's text as it stands there; sealed values stay sealed.

        Raises:
            HeroConfigNotFoundError: There is no such file.
            CorruptConfigError: It is not UTF-8, or larger than `MAX_BYTES`.
        """
        path = self.path(category, name)
        return decoded(self._read(path), str(path))

    def set_data(self, category: str, name: str, data: Data) -> Path:
        """Write data as YAML, every Secret in it sealed; `load` gives the same back.

        Nothing is expanded.

        Args:
            category: What kind of file it is.
            name: What it is called.
            data: Texts, numbers, booleans, None, Secrets, lists of such, and dicts by text.

        Raises:
            ConfigError: A value would not come back as what it is.
            SecretError: There is a Secret in it, and it cannot be sealed.
        """
        from hero_kernel.config_files import document  # noqa: PLC0415 - not all need YAML

        path = self.path(category, name)
        sealing = self._sealing(path)
        if document.has_secrets(data, path.name):
            sealing.unlock()
        return self._write(path, lambda: document.dump(data, sealing.seal, path.name))

    def load(self, category: str, name: str) -> Data:
        """The file's data, typed as `document` says; a sealed value becomes a Secret.

        Raises:
            HeroConfigNotFoundError: There is no such file.
            CorruptConfigError: It is not the YAML that is read here; says where.
            SecretError: A value is sealed, and cannot be opened.
        """
        path = self.path(category, name)
        return _parse(self._read(path), str(path)).data(self._sealing(path).open)

    def exists(self, category: str, name: str) -> bool:
        """Whether there is such a file."""
        path = self.path(category, name)
        with self._opened() as folder:
            return folder is not None and folder.has(path.name)

    def delete(self, category: str, name: str, *, was: str | EllipsisType = ...) -> bool:
        """Delete a file; whether it was there.

        Args:
            category: What kind of file it is.
            name: What it is called.
            was: The text that is in it; not given, whatever is there.

        Raises:
            ChangedError: Another text is there; it stays.
        """
        path = self.path(category, name)
        try:
            with folders.alone(self.root, self.folder) as folder:
                if was is not ... and folder.has(path.name):
                    _check_was(folder, path, was)
                return folder.delete(path.name)
        except FileNotFoundError:
            return False

    def list(self, category: str | None = None) -> builtins.list[tuple[str, str]]:
        """Category and name of every file, sorted; of one category when it is given.

        Files in the folder that cannot be asked for by category and name are left out.
        """
        if category is not None:
            check_category(category)
        with self._opened() as folder:
            found = [] if folder is None else _named(folder)
        return sorted(one for one in found if category in (None, one[0]))

    def listing(self) -> builtins.list[Listed]:
        """Every file with its size and the time of its last change, in the order of `list`."""
        with self._opened() as folder:
            if folder is None:
                return []
            files = [(split(name), folder.found(name)) for name in folder.names()]
        return sorted(Listed(*one, *found) for one, found in files if one and found)

    def seal(self, category: str, name: str, *paths: str) -> int:
        """Seal values in a file and leave all else as it is; how many were not sealed before.

        The clear text may live on in backups, and in parts of the disk not yet used again.

        Args:
            category: What kind of file it is.
            name: What it is called.
            paths: Where the values are; an empty path is the whole file, when it is one value.

        Raises:
            HeroConfigNotFoundError: There is no such file.
            CorruptConfigError: It is not the YAML that is read here.
            ConfigError: There is no value at a path; nothing is sealed then.
            SecretError: It cannot be sealed.
        """
        path = self.path(category, name)
        sealing = self._sealing(path)
        sealing.unlock()

        def sealed(document: Document) -> tuple[Document, int]:
            clear = still_clear(document, paths)
            return sealing.sealed(document, clear), len(clear)

        return self._change(path, sealed)

    def reseal(self) -> int:
        """Seal anew every value that another key than the present one sealed; how many.

        A file is one step; run again after a kill, it goes on. A file that it cannot deal with is
        left as it is, and the first such error is raised when the others are done.

        Raises:
            CorruptConfigError: A file with sealed values is not the YAML that is read here.
            SecretError: A value cannot be opened or sealed.
        """
        count, errors = 0, []
        for category, name in self.list():
            path = self.path(category, name)
            sealing = self._sealing(path)
            try:
                if sealed_with(self._read(path)):
                    sealing.unlock()
                    count += self._change(path, sealing.resealed)
            except HeroConfigNotFoundError:
                continue  # deleted meanwhile
            except HeroError as error:
                errors.append(error)
        if errors:
            raise errors[0]
        return count

    def kids(self) -> builtins.set[bytes]:
        """The names of the keys that values are sealed with.

        Whatever looks like a sealed value counts, also in a comment and in a file that cannot be
        parsed: someone may want it back. Who is sealing a value at that moment is waited for.
        """
        try:
            with folders.alone(self.root, self.folder) as folder:
                paths = [self.path(*one) for one in _named(folder)]
                return {kid for path in paths for kid in sealed_with(self._content(folder, path))}
        except FileNotFoundError:
            return set()

    def import_hero(self, *categories: str, overwrite: bool = False) -> Imported:
        """Copy the files of herolib's short-lived layout, `$category/$name.hero`, as they are.

        The old files stay, and nothing but this reads them.

        Args:
            categories: Folders to look in. None means every folder, also those of sessions, in
                which `.hero` files may be playbooks.
            overwrite: Whether a config file that is there already is replaced.
        """
        done: builtins.list[tuple[str, str]] = []
        skipped: builtins.list[tuple[Path, str]] = []
        with self._opened() as folder:
            inside = folder.names() if folder is not None else []
        for category in map(check_category, categories) if categories else inside:
            for file in self._old_files(category):
                name = file.removesuffix(OLD_SUFFIX)
                try:
                    self._import(category, name, overwrite=overwrite)
                    done.append((category, name))
                except (HeroError, FileNotFoundError) as error:
                    skipped.append((self.folder / category / file, str(error)))
        return Imported(tuple(done), tuple(skipped))

    def _old_files(self, category: str) -> Iterable[str]:
        try:
            with folders.opened(self.root, self.folder / category) as old:
                return [file for file in old.names() if file.endswith(OLD_SUFFIX)]
        except (StoreError, FileNotFoundError):
            return ()  # a file, or a link that leads elsewhere

    def _import(self, category: str, name: str, *, overwrite: bool) -> None:
        path = self.path(category, name)
        if not overwrite and self.exists(category, name):
            raise ConfigError(f"there is {path.name} already", hint="overwrite=True replaces it")
        with folders.opened(self.root, self.folder / category) as old:
            raw = _bounded(old.read(name + OLD_SUFFIX, MAX_BYTES), name + OLD_SUFFIX)
        self._write(path, lambda: raw)

    def _sealing(self, path: Path) -> Sealing:
        return Sealing(path.stem, self.cipher, self.on_secret)

    @contextmanager
    def _opened(self) -> Iterator[Folder | None]:
        """The folder, None when nothing was written yet."""
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(folders.opened(self.root, self.folder))
            except FileNotFoundError:
                folder = None
            yield folder

    def _read(self, path: Path) -> bytes:
        with self._opened() as folder:
            return self._content(folder, path)

    def _content(self, folder: Folder | None, path: Path) -> bytes:
        try:
            raw = folder.read(path.name, MAX_BYTES) if folder is not None else None
        except FileNotFoundError:
            raw = None
        if raw is None:
            known = ["__".join(one) for one in self.list()]
            raise HeroConfigNotFoundError(
                f"there is no config file {path}",
                hint=did_you_mean(path.stem, known) or "make it with hero_config_set",
            )
        if len(raw) > MAX_BYTES:
            raise CorruptConfigError(
                f"{path} is larger than {MAX_BYTES >> 20} MiB", hint="split it"
            )
        return raw

    def _write(
        self, path: Path, content: Callable[[], bytes], was: str | EllipsisType | None = ...
    ) -> Path:
        """Write what is made while nobody else changes the folder; the path.

        Values are sealed in there: whoever seals anew what an old key sealed finds them written.
        """
        try:
            with folders.alone(self.root, self.folder, create=True) as folder:
                refuse_other_case(path.name, folder.names())
                if was is not ...:
                    _check_was(folder, path, was)
                folder.write(path.name, content())
        except FileNotFoundError as error:
            raise StoreError(f"{self.folder} was removed meanwhile", hint="try again") from error
        return path

    def _change(self, path: Path, change: Callable[[Document], tuple[Document, int]]) -> int:
        """Change what is in a file while nobody else does; the number the change gave."""
        self._read(path)  # without a file there is perhaps no folder either
        with folders.alone(self.root, self.folder) as folder:
            new, count = change(_parse(self._content(folder, path), str(path)))
            if count:
                folder.write(path.name, new.raw)
        return count


def _named(folder: Folder) -> list[tuple[str, str]]:
    """Category and name of every config file in the folder."""
    found = [split(name) for name in folder.names() if folder.has(name)]
    return [one for one in found if one is not None]


def _check_was(folder: Folder, path: Path, was: str | None) -> None:
    try:
        there: bytes | None = folder.read(path.name, MAX_BYTES)
    except FileNotFoundError:
        there = None
    if there == (None if was is None else was.encode()):
        return
    how = "deleted" if there is None else "made" if was is None else "changed"
    raise ChangedError(
        f"{path.name} was {how} meanwhile", hint="look at what is there now, and try again"
    )


def _bounded(raw: bytes, name: str) -> bytes:
    if len(raw) > MAX_BYTES:
        raise ValueTooLargeError(
            f"{name} is larger than {MAX_BYTES >> 20} MiB", hint="split it, or keep it elsewhere"
        )
    return raw


def _parse(raw: bytes, name: str, *, excerpt: bool = True) -> Document:
    from hero_kernel.config_files.document import parse  # noqa: PLC0415 - not all need YAML

    return parse(raw, name, excerpt=excerpt)
