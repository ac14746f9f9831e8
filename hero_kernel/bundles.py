"""Bundle: a session in one file, without anything that is secret, to hand on or to attach.

A zip file of JSON. What is in it, and no more is taken: `manifest.json`, `session.json`, and where
there is something to tell `database.jsonl`, `runs.jsonl` and `logs/$hour.log`.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hero_kernel import files, runs, sealed, sessions, times
from hero_kernel.databases import jsonlines
from hero_kernel.errors import (
    BadNameError,
    BundleError,
    CorruptRecordError,
    DatabaseError,
    HeroError,
    HeroscriptError,
    OurTimeError,
    ParamError,
    ValueTooLargeError,
)
from hero_kernel.heroscript import Params
from hero_kernel.logs import is_file_name
from hero_kernel.report import Report
from hero_kernel.sessions import SessionConfig, canonical, database
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hero_kernel.contexts import Context
    from hero_kernel.databases import Database
    from hero_kernel.redaction import Redactor
    from hero_kernel.sessions import Session

FORMAT = "hero-kernel session"
"""What the manifest calls it."""

VERSION = 1
"""Of the format; it rises when a reader of the old one would misread the new one."""

MAX_BYTES = 256 * 2**20
"""Of the file: it is made, and its directory is read, in memory."""

MAX_CONTENT_BYTES = 1024 * 2**20
"""Of all that is in it, unpacked."""

MAX_LINE_BYTES = 100 * 2**20
"""Of one entry of the database: the largest value that is kept fits, with its quotes escaped."""

MAX_LOGS = 10_000
"""Files of the log, an hour each: more than a year."""

_MANIFEST, _SESSION, _DATABASE, _RUNS = (
    "manifest.json", "session.json", "database.jsonl", "runs.jsonl",
)  # fmt: skip
_LOGS = "logs/"

_MEMBER_BYTES = {
    _MANIFEST: 8 * 2**20,
    _SESSION: record.MAX_BYTES,
    _DATABASE: MAX_CONTENT_BYTES,
    _RUNS: 64 * 2**20,
}
_LOG_BYTES = 64 * 2**20

_END = b"PK\5\6\0\0\0\0"
"""The directory's end (APPNOTE.TXT 4.3.16), of an archive in one part."""

_END_BYTES = 22
_END_OF_64 = b"PK\6\7"
_ENTRY_BYTES = 46 + 64
"""Of the directory for one member: its head (APPNOTE.TXT 4.3.12), and a name of ours."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a bundle does not hold, since it is secret, kept encrypted, or holds a known secret.

    Attributes:
        env: Names of variables.
        params: Names of parameters.
        database: Keys of the session's database; `id N` for an entry without one.
    """

    env: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    database: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.env) + len(self.params) + len(self.database)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: The file.
        env: How many variables.
        params: How many parameters.
        entries: How many entries of the database.
        runs: How many runs.
        logs: How many files of the log.
        left_out: What was not.
    """

    path: Path
    env: int
    params: int
    entries: int
    runs: int
    logs: int
    left_out: LeftOut


@dataclass(frozen=True, slots=True)
class Imported:
    """What was made of a bundle.

    Attributes:
        session: The session.
        entries: How many entries its database has.
        left_out: What must be set again, if it is needed.
    """

    session: Session
    entries: int
    left_out: LeftOut


def export(session: Session, path: Path, *, log: bool = False, runs: bool = False) -> Exported:
    """Write a session into a file; the same session gives the same bytes.

    Nothing is opened: what is encrypted is left out and named, secret or not, and so is a value
    that holds a secret known to this process. Other texts are written as they are shown, masked.

    Args:
        session: Which.
        path: The file; one that is there is replaced.
        log: Also its log.
        runs: Also the reports of its runs.

    Raises:
        BundleError: There is no folder for it, or it is larger than what `load` takes.
        StoreError: The file cannot be written.
    """
    if not path.parent.is_dir():
        raise BundleError(f"there is no folder {path.parent}", hint="make it first")
    config = session.load().config
    context = session.context
    redactor = context.host.redactor
    kept_params = Params.from_text(config.params)
    env, no_env = _parted(config.env, redactor)
    params, no_params = _parted(kept_params, redactor)
    args = [arg for arg in kept_params.args if redactor.mask(arg) == arg]
    fields = {
        "name": config.name,
        "start": config.start,
        "end": config.end,
        "description": redactor.mask(config.description),
        "interactive": config.interactive,
        "params": Params(params, args=args).heroscript(),
        "env": env,
    }
    packed = _Packed()
    packed.add(_SESSION, [_json(fields)])
    no_keys: list[str] = []
    databases, own = context.dbcollection(), database(session.name)
    if databases.exists(own):
        packed.add(_DATABASE, _entries(databases.get(own), redactor, no_keys))
    folder = context.path / session.name
    if runs:
        packed.add(_RUNS, _reports(folder, redactor))
    if log:
        for file in sorted((folder / "logs").glob("*.log")):
            if is_file_name(file.name) and not file.is_symlink():
                packed.add(_LOGS + file.name, [redactor.mask_bytes(file.read_bytes())])
    left_out = LeftOut(tuple(no_env), tuple(no_params), tuple(no_keys))
    said = {"env": left_out.env, "params": left_out.params, "database": left_out.database}
    manifest = {"format": FORMAT, "version": VERSION, "left_out": said}
    packed.add(_MANIFEST, [_json(manifest)])
    files.write(path, packed.data())
    counts = packed.counts
    logs = sum(name.startswith(_LOGS) for name in counts)
    return Exported(
        path,
        len(env),
        len(params) + len(args),
        counts.get(_DATABASE, 0),
        counts.get(_RUNS, 0),
        logs,
        left_out,
    )


def _parted(values: Mapping[str, str], redactor: Redactor) -> tuple[dict[str, str], list[str]]:
    """The values that may be told, and the names of the others."""
    told, left = {}, []
    for key, value in values.items():
        if sealed.is_sealed(value) or redactor.mask(value) != value or redactor.mask(key) != key:
            left.append(redactor.mask(key))
        else:
            told[key] = value
    return told, left


def _entries(own: Database, redactor: Redactor, left: list[str]) -> Iterator[bytes]:
    for number, key, value, is_sealed in own.entries_unopened():
        named = f"id {number}" if key is None else redactor.mask(key)
        if is_sealed or named not in (key, f"id {number}") or _holds_secret(value, redactor):
            left.append(named)
        else:
            yield jsonlines.line_of(number, key, value).encode()


def _holds_secret(value: Any, redactor: Redactor) -> bool:
    if isinstance(value, bytes):
        return redactor.mask_bytes(value) != value
    return redactor.mask_data(value) is not value and redactor.mask_data(value) != value


def _reports(folder: Path, redactor: Redactor) -> Iterator[bytes]:
    for report in runs.every(folder):
        with suppress(CorruptRecordError):  # a number in it was masked
            document = redactor.mask_data(report.to_dict())
            yield _json(Report.from_dict(document).to_dict())


def _json(data: Any) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"


class _Packed:
    """A zip file in the making: in memory, so that the file is written whole or not at all."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)
        self._bytes = 0
        self.counts: dict[str, int] = {}

    def add(self, name: str, pieces: Any) -> None:
        """Write a member, piece by piece.

        Raises:
            BundleError: It would be too large to be read again.
        """
        info = zipfile.ZipInfo(name)  # its time is 1980: the same content, the same bytes
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3
        info.external_attr = 0o600 << 16
        limit = _MEMBER_BYTES.get(name, _LOG_BYTES)
        size = count = 0
        with self._zip.open(info, "w") as file:
            for piece in pieces:
                size, count = size + len(piece), count + 1
                too_long = name == _DATABASE and len(piece) > MAX_LINE_BYTES
                if too_long or size > limit or self._bytes + size > MAX_CONTENT_BYTES:
                    raise _too_large(name)
                file.write(piece)
        self._bytes += size
        self.counts[name] = count
        if self._file.tell() > MAX_BYTES or len(self.counts) > MAX_LOGS:
            raise _too_large(name)

    def data(self) -> bytes:
        """The whole file."""
        self._zip.close()
        return self._file.getvalue()


def _too_large(name: str) -> BundleError:
    return BundleError(
        f"the session is too large for one file: {name}",
        hint="leave out its log and runs, or export its database with %hero_db export",
    )


@dataclass(frozen=True)
class _Contents:
    """What a bundle says, read and checked; the database is read later, into its draft."""

    config: SessionConfig
    env: dict[str, str]
    left_out: LeftOut
    reports: list[Report] = field(default_factory=list)
    logs: dict[str, bytes] = field(default_factory=dict)


def load(context: Context, path: Path, name: str = "") -> Imported:
    """Make a session of a bundle; nothing is made where anything is wrong with it.

    The file may be hostile: it is bounded before it is read and while it is unpacked, nothing of
    it names a path, and what is not known is refused.

    Args:
        context: Where.
        path: The file.
        name: What the session is called here; default: as it was.

    Raises:
        BadNameError: The name cannot name a session.
        BundleError: The file is no bundle.
        SecretError: The context encrypts everything, and its secret is not to be had.
        SessionExistsError: The name is taken, or a deleted session left data under it.
    """
    wanted = canonical(name) if name else ""
    secrets = context.secrets  # as in a fork, no key of the draft's is retired before its time
    with _opened(path) as members, secrets.writing() if secrets.encrypts else nullcontext():
        found = _read(members, context, wanted)
        new = found.config.name
        sessions.check_free(context, new)
        draft, entries = None, 0
        try:
            if _DATABASE in members.sizes:
                draft = context.dbcollection().draft(database(new))
                with members.open(_DATABASE) as lines:
                    entries = _filled(draft, lines)
            made = sessions.establish(
                context, found.config, env=found.env, params={}, by="imported", draft=draft
            )
        finally:
            if draft is not None:
                draft.destroy()
    try:
        _write_files(made, found)
    except BaseException:
        context.session_delete(new, files=True, db=True)
        raise
    return Imported(made, entries, found.left_out)


def _filled(draft: Database, lines: _Bounded) -> int:
    """Write a bundle's entries into a database; how many. One without entries makes no file."""
    try:
        return draft.load_lines(lines, _DATABASE)
    except (DatabaseError, ValueTooLargeError) as error:
        raise _refused(error.message) from None


def _write_files(made: Session, found: _Contents) -> None:
    if found.reports:
        runs.restore(made.path, found.reports)
    if found.logs:
        context = made.context
        folder = files.folder(context.host.home, "context", context.name, made.name, "logs")
        for name, data in found.logs.items():
            files.write(folder / name, data)


def _refused(what: str, hint: str = "nothing was made of it") -> BundleError:
    return BundleError(f"this is no exported session: {what}", hint=hint)


class _Members:
    """The members of a bundle, all of them ours."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = MAX_CONTENT_BYTES
        self.sizes: dict[str, int] = {}
        for info in archive.infolist():
            self._check(info)
            self.sizes[info.filename] = info.file_size

    def _check(self, info: zipfile.ZipInfo) -> None:
        name = info.filename
        is_log = name.startswith(_LOGS) and is_file_name(name.removeprefix(_LOGS))
        if not (name in _MEMBER_BYTES or is_log) or info.orig_filename != name:
            raise _refused(f"it holds {info.orig_filename!r:.80}")
        if name in self.sizes:
            raise _refused(f"it holds {name} twice")
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise _refused(f"{name} is encrypted, or packed in another way than ours")
        if info.file_size > self.limit(name):
            raise _refused(f"{name} is too large")

    @staticmethod
    def limit(name: str) -> int:
        """The most bytes a member may have."""
        return _MEMBER_BYTES.get(name, _LOG_BYTES)

    @contextmanager
    def open(self, name: str) -> Iterator[_Bounded]:
        """Read a member, no further than it and all together may go."""
        with self._archive.open(name) as file:
            bounded = _Bounded(file, name, min(self.limit(name), self._left))
            yield bounded
            self._left -= bounded.bytes

    def text(self, name: str) -> str:
        """A member's text.

        Raises:
            BundleError: It is not there, too large, or no text.
        """
        try:
            return self.data(name).decode()
        except UnicodeDecodeError as error:
            raise _refused(f"{name} is not UTF-8 at byte {error.start}") from None

    def data(self, name: str) -> bytes:
        """A member's bytes; as `text`."""
        if name not in self.sizes:
            raise _refused(f"it has no {name}")
        with self.open(name) as file:
            return file.rest()


class _Bounded:
    """A member as it is unpacked, no further than it may go, whatever its head says of its size."""

    def __init__(self, file: Any, name: str, limit: int) -> None:
        self._file, self._name, self._limit = file, name, limit
        self.bytes = 0

    def readline(self, size: int, /) -> bytes:
        """The next line.

        Raises:
            BundleError: It, or all up to it, is too large.
        """
        line: bytes = self._file.readline(min(size, MAX_LINE_BYTES + 1))
        if len(line) > MAX_LINE_BYTES:
            raise _refused(f"a line of {self._name} is too large")
        return self._counted(line)

    def rest(self) -> bytes:
        """All that is left; as `readline`."""
        return self._counted(self._file.read(self._limit + 1))

    def _counted(self, data: bytes) -> bytes:
        self.bytes += len(data)
        if self.bytes > self._limit:
            raise _refused(f"{self._name} is too large")
        return data


@contextmanager
def _opened(path: Path) -> Iterator[_Members]:
    """The members of a bundle; whatever is wrong with the file is one error of ours."""
    try:
        if not path.is_file():
            raise BundleError(f"there is no file {path}", hint="check its name")
        if path.stat().st_size > MAX_BYTES:
            raise _refused("it is too large")
        with path.open("rb") as file:
            _check_end(file)
            with zipfile.ZipFile(file) as archive:
                yield _Members(archive)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError,
    ) as error:  # fmt: skip
        if isinstance(error, HeroError):
            raise
        raise _refused(str(error).lower()) from None
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}",
            hint="check its path and rights",
        ) from None


def _check_end(file: Any) -> None:
    """Refuse a file whose directory is not what ours have, before it is read into memory.

    `zipfile` makes an object of every entry that the directory has, be it millions.
    """
    size = file.seek(0, io.SEEK_END)
    start = max(0, size - _END_BYTES - 20)
    file.seek(start)
    tail: bytes = file.read()
    end = tail[-_END_BYTES:]
    length = int.from_bytes(end[12:16], "little")
    if size < _END_BYTES or not end.startswith(_END) or end[20:] != b"\0\0":
        raise _refused("it is no zip file, or a changed one")
    if tail.startswith(_END_OF_64) or length > (MAX_LOGS + len(_MEMBER_BYTES)) * _ENTRY_BYTES:
        raise _refused("it holds too many files")


def _read(members: _Members, context: Context, name: str) -> _Contents:
    left_out = _manifest(members)
    config, env = _session(members, context, name)
    reports = []
    if _RUNS in members.sizes:
        reports = [_report(line) for line in members.data(_RUNS).splitlines()]
    logs = {
        one.removeprefix(_LOGS): members.data(one) for one in members.sizes if one.startswith(_LOGS)
    }
    return _Contents(config, env, left_out, reports, logs)


def _manifest(members: _Members) -> LeftOut:
    found = _object(members, _MANIFEST, {"format": "", "version": 0, "left_out": {}})
    if found["format"] != FORMAT:
        raise _refused(f"its format is {found['format']!r:.60}")
    if found["version"] != VERSION:
        raise _refused(
            f"it has version {found['version']}, this hero-kernel reads {VERSION}",
            hint="import it with the version that wrote it",
        )
    said = found["left_out"]
    if set(said) != {"env", "params", "database"} or not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names)
        for names in said.values()
    ):
        raise _refused(f"left_out in {_MANIFEST} holds no names")
    return LeftOut(tuple(said["env"]), tuple(said["params"]), tuple(said["database"]))


_FIELDS = {
    "name": "", "start": "", "end": "", "description": "", "interactive": True, "params": "",
    "env": {},
}  # fmt: skip


def _session(
    members: _Members, context: Context, name: str
) -> tuple[SessionConfig, dict[str, str]]:
    found = _object(members, _SESSION, _FIELDS)
    env = found.pop("env")
    try:
        if not all(isinstance(value, str) for value in env.values()):
            raise _refused("a value in env is no text")
        for key, value in env.items():
            sessions.check_env(key, value)
        params = Params.from_text(found["params"], name="params")
        for moment in ("start", "end"):
            if found[moment] and found[moment][0] in "+-":
                raise _refused(f"{moment} is no time")
            found[moment] = str(times.new(found[moment])) if found[moment] else ""
        found["name"] = name or canonical(found["name"])
    except (BadNameError, HeroscriptError, OurTimeError, ParamError) as error:
        raise _refused(error.message) from None
    if any(sealed.is_sealed(value) for value in (*env.values(), *params.values())):
        raise _refused("an encrypted value is in it, which opens nowhere else")
    found["start"] = found["start"] or str(context.host.now())
    found["extra"] = {sessions.USED: context.host.now().day()}  # or it might be pruned as it comes
    return SessionConfig(**found), env


def _object(members: _Members, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A member's JSON object, which has these fields and no others."""
    text = members.text(name)
    try:
        found = record.decode(text, name, fields)
        json.dumps(found, ensure_ascii=False).encode()
    except CorruptRecordError as error:
        raise _refused(error.message) from None
    except UnicodeEncodeError:
        raise _refused(f"{name} holds half a character") from None
    unknown = found.keys() - fields.keys()
    if unknown:
        raise _refused(f"{name} has a field {min(unknown)!r:.60}")
    return found


def _report(line: bytes) -> Report:
    try:
        report = Report.from_dict(json.loads(line))
        json.dumps(report.to_dict(), ensure_ascii=False, allow_nan=False).encode()
    except (CorruptRecordError, ValueError, RecursionError, TypeError) as error:
        raise _refused(f"a run of {_RUNS}: {error!s:.80}") from None
    if not runs.is_name(report.run):
        raise _refused(f"a run of {_RUNS} is called {report.run!r:.60}")
    return report
