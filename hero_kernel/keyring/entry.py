"""Entry: secrets handed to a process that nobody sits at."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from hero_kernel.crypto import MAX_PASSPHRASE, Key
from hero_kernel.errors import BadNameError, SecretError, UnsafePermissionsError
from hero_kernel.names import canonical
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from pathlib import Path

FD = "HERO_SECRET_FD"
"""The number of an open descriptor; its first line is the passphrase."""

FILE = "HERO_SECRET_FILE"
"""The path of a file that only its owner may read; it holds the passphrase, and nothing else."""

PLAIN = "HERO_SECRET"
"""The passphrase itself. Weak: every process that is started inherits it, and on Linux it stays
in /proc/$pid/environ whatever the process does."""

_NOT_NAMES = frozenset({"FD", "FILE"})


def read_passphrase(environ: MutableMapping[str, str]) -> Secret | None:
    """The passphrase that the environment hands over, or None; asks nobody.

    The first of `HERO_SECRET_FD`, `HERO_SECRET_FILE` and `HERO_SECRET` that is set and not empty.
    A descriptor gives its line once: it is closed, and its variable taken out of the environment,
    since the same number may be another file's later. Waits for the line when the descriptor is
    a pipe.

    Raises:
        SecretError: The descriptor or the file cannot be read, holds nothing, more than a
            passphrase, or no UTF-8.
        UnsafePermissionsError: Others may read or change the file, or it is somebody else's.
    """
    number, path = environ.pop(FD, ""), environ.get(FILE, "")
    plain = Secret(environ.get(PLAIN, ""))
    del environ  # so that a traceback with locals does not show it
    if number:
        return _text(_first_line(number), f"descriptor {number} ({FD})")
    if path:
        return _read(path, f"{path} ({FILE})")
    return plain or None


def read_named(environ: Mapping[str, str], name: str) -> Secret | None:
    """The secret of that name for a run without a reader, or None.

    `HERO_SECRET_$NAME`, in capitals, with `_` for everything that is no letter or digit; for
    tests and CI, as weak as `HERO_SECRET`.

    Raises:
        BadNameError: The name does not fit, or means the passphrase's own variables.
    """
    plain = environ.get(variable(name), "")
    return Secret(plain) if plain else None


def variable(name: str) -> str:
    """The environment variable that holds the secret of that name.

    Raises:
        BadNameError: As `read_named`.
    """
    capitals = canonical(name, "secret", dots=False).upper()
    if capitals in _NOT_NAMES:
        raise BadNameError(
            f"a secret cannot be named {name!r}: HERO_SECRET_{capitals} is the passphrase's",
            hint="choose another name",
        )
    return f"{PLAIN}_{capitals}"


def read_secret_file(path: Path) -> Secret:
    """The secret in a file that only its owner may read, and nothing else in it.

    Raises:
        SecretError: The file cannot be read, holds nothing, more than a passphrase, or no UTF-8.
        UnsafePermissionsError: Others may read or change it, or it is somebody else's.
    """
    return _read(str(path), str(path))


def _first_line(number: str) -> Key:
    if not (number.isascii() and number.isdecimal()):
        raise SecretError(f"{FD} is not a number", hint="give an open descriptor, as in 3<file")
    descriptor = int(number)
    line = Key()
    try:
        # One by one: what comes after the line is not ours.
        while len(line) <= MAX_PASSPHRASE and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
            line = Key(line + byte)
        if descriptor > 2:  # noqa: PLR2004 - standard input, output and error stay open
            os.close(descriptor)
    except (OSError, OverflowError):
        raise SecretError(
            f"descriptor {number} ({FD}) cannot be read", hint="is it open, and for reading?"
        ) from None
    return line


def _read(path: str, where: str) -> Secret:
    # A link is followed: whoever sets the variable chooses the path, and orchestrators link.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", "") or str(error)).lower()
        raise SecretError(f"{where} cannot be read: {reason}") from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise SecretError(f"{where} is not a file", hint=f"set {FD} for a pipe")
        if hasattr(os, "geteuid"):
            _check_owner_only(path, found, os.geteuid())
        data = Key(os.read(descriptor, MAX_PASSPHRASE + 3))
    finally:
        os.close(descriptor)
    return _text(data, where)


def _check_owner_only(path: str, found: os.stat_result, me: int) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in (me, 0):
        raise UnsafePermissionsError(
            f"{path} belongs to user {found.st_uid}", hint=f"chown {me} {path}"
        )
    if mode & 0o077:
        raise UnsafePermissionsError(
            f"{path} may be used by others (mode {mode:04o})", hint=f"chmod 600 {path}"
        )


def _text(data: Key, where: str) -> Secret:
    line = Key(data.removesuffix(b"\n").removesuffix(b"\r"))
    if not line:
        raise SecretError(f"{where} holds no secret")
    if len(line) > MAX_PASSPHRASE:
        raise SecretError(f"{where} holds more than {MAX_PASSPHRASE} bytes", hint="is it the one?")
    try:
        return Secret(line.decode())
    except UnicodeDecodeError:
        raise SecretError(f"{where} is not UTF-8", hint="write it as UTF-8") from None
