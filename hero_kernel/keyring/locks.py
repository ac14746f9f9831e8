"""Locks: writers of sealed values together, or alone whoever changes the keys."""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from hero_kernel.errors import (
    KeyringMissingError,
    ReadOnlyStoreError,
    SecretError,
    StoreError,
    StoreUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there, which `keyring` says
    _SHARED = _ALONE = _AT_ONCE = 0
else:
    _SHARED, _ALONE, _AT_ONCE = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_NB

LOCK = ".keyring.lock"
"""Held by writers, shared, and by whoever changes the keys, alone."""

GATE = ".keyring.gate"
"""Passed on the way to the lock: who waits to be alone closes it, so that no writer comes after.

Without it, writers that overlap without end would keep the keys from ever being changed.
"""

WAIT_S = 30.0
"""How long a call waits for a lock altogether."""

_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Locks:
    """The locks of a keyring's folder, by flock; a killed process holds none.

    Waiting is done in Python, so that Ctrl-C is heard.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = threading.local()
        self._open: set[int] = set()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Among other writers, while nobody changes the keys; may be nested.

        Raises:
            StoreError: The folder is gone or read-only, or the lock was held for `WAIT_S`.
        """
        with ExitStack() as stack:
            if not self._is_held():
                with self._locked(GATE, _SHARED):
                    stack.enter_context(self._locked(LOCK, _SHARED))
            stack.enter_context(self._counted())
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else writes or changes the keys.

        Raises:
            SecretError: This thread is inside another block of these locks, and would wait for
                itself.
            StoreError: As `shared`.
        """
        if self._is_held():
            raise SecretError(
                "the secret cannot be changed while values are written",
                hint="change it before or after",
            )
        with self._locked(GATE, _ALONE), self._locked(LOCK, _ALONE), self._counted():
            yield

    def forget(self) -> None:
        """In a forked child: the parent's locks are not the child's."""
        self._held = threading.local()
        while self._open:
            with suppress(OSError):
                os.close(self._open.pop())

    def _is_held(self) -> bool:
        return getattr(self._held, "depth", 0) > 0

    @contextmanager
    def _counted(self) -> Iterator[None]:
        held = self._held
        held.depth = getattr(held, "depth", 0) + 1
        try:
            yield
        finally:
            held.depth -= 1

    @contextmanager
    def _locked(self, name: str, kind: int) -> Iterator[None]:
        descriptor = self._opened(name)
        self._open.add(descriptor)
        try:
            self._wait(descriptor, kind)
            yield
        finally:
            if descriptor in self._open:  # else a fork came between, and this is the child
                self._open.discard(descriptor)
                os.close(descriptor)  # unlocks

    def _opened(self, name: str) -> int:
        path = self._folder / name
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            raise KeyringMissingError(
                f"{self._folder} is not there", hint="put it back from a backup"
            ) from None
        except OSError as error:
            if error.errno in _REFUSED:
                raise ReadOnlyStoreError(
                    f"{path} may not be written",
                    hint="change its permissions, or set HERO_HOME",
                ) from None
            raise StoreError(f"{path}: {error.strerror}", hint="move it away") from None

    def _wait(self, descriptor: int, kind: int) -> None:
        if not kind:
            return
        limit = time.monotonic() + WAIT_S
        while True:
            try:
                fcntl.flock(descriptor, kind | _AT_ONCE)
            except BlockingIOError:
                pass
            except OSError as error:
                raise StoreError(
                    f"{self._folder} cannot be locked: {error.strerror}",
                    hint="its disk must know locks; set HERO_HOME to another",
                ) from None
            else:
                return
            if time.monotonic() > limit:
                break
            time.sleep(os.urandom(1)[0] * 8e-6)  # up to 2 ms, so that those who wait are spread
        raise StoreUnavailableError(
            f"the keyring in {self._folder} was locked for {WAIT_S:.0f} s by another process",
            hint="end what holds it, then try again",
        )
