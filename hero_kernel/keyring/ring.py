"""Ring: the keyring of one context, locked or unlocked."""

from __future__ import annotations

import os
import stat
import time
import weakref
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

from hero_kernel import crypto, files, times
from hero_kernel.crypto import KID, LOG2_N, Kdf, Subkey
from hero_kernel.errors import (
    KeyringMissingError,
    KeyringTamperedError,
    SecretChangedError,
    SecretError,
    SecretRequiredError,
    StoreError,
    UnsafePermissionsError,
    WrongSecretError,
)
from hero_kernel.keyring import document
from hero_kernel.keyring.document import MAX_BYTES, Document
from hero_kernel.keyring.hardening import harden
from hero_kernel.keyring.locks import Locks
from hero_kernel.stores.interrupts import deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path
    from typing import Any, TypeAlias

    from hero_kernel.crypto import Key, MasterKeys
    from hero_kernel.secret import Secret
    from hero_kernel.times import OurTime

FILE_NAME = "keyring.json"
COPY_NAME = "keyring.json.prev"
"""The last good copy: written after every change, so it holds the newest key as well.

The revision before would lack it, and open to the passphrase before."""

DAMAGED_NAME = "keyring.json.damaged"
"""Where `restore_previous` puts what it replaces."""

TRIES = 5
"""Wrong passphrases in a row, after which no more are tried."""

IDLE_S = 8 * 3600.0
"""A working day; keys that were not used for so long are forgotten."""

_SUBKEYS = 1024  # derived again in 20 µs when there are more
# Those the system has; not blocking, for a pipe in the file's place.
_READ = sum(getattr(os, f"O_{n}", 0) for n in ("NOFOLLOW", "NONBLOCK", "CLOEXEC", "BINARY"))
_OTHERS, _OTHERS_WRITE = 0o077, 0o022


def elapsed() -> float:
    """Seconds since some moment, asleep or awake: a closed lid is idle time."""
    return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()


_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))

_Stamp: TypeAlias = "tuple[int, int, int, int]"


@dataclass(frozen=True)
class Info:
    """What may be shown of a keyring; nothing of it is secret.

    Attributes:
        created: When the keyring was made.
        changed: When its passphrase was set last.
        age_s: Seconds since then.
        kdf: The function that stretches the passphrase.
        kid: The first 8 hex digits of the name of the key in use.
        generations: How many data keys are kept.
        rev: How often the keyring was changed.
    """

    created: OurTime
    changed: OurTime
    age_s: int
    kdf: str
    kid: str
    generations: int
    rev: int


class Keyring:
    """The keys of one context: a `crypto.Cipher` while it is unlocked.

    Made, it opens nothing. Unlocked, it holds the keys in this object alone: it is neither
    pickled nor copied, a forked child's is locked, and so is one that was not used for `idle_s`.
    It follows what other processes do to the file: a new data key silently, a new passphrase by
    forgetting its keys and `SecretChangedError`.

    Several threads may use it.

    Attributes:
        path: The keyring's file.

    Args:
        folder: `~/hero/db/$id`; the file in it is `keyring.json`.
        root: The folder that is not left through links.
        context: The context's name, for messages.
        clock: Seconds that pass, for `idle_s`.
        now: The time, for the file.
        idle_s: Seconds without use, after which the keys are forgotten.
        log2_n: scrypt's cost for new passphrases; files below it are read down to 15, and with a
            lower cost here, which tests give, down to that.
    """

    def __init__(
        self,
        folder: Path,
        *,
        root: Path,
        context: str,
        clock: Callable[[], float] = elapsed,
        now: Callable[[], OurTime] = times.now,
        idle_s: float = IDLE_S,
        log2_n: int = LOG2_N,
    ) -> None:
        self.path = folder / FILE_NAME
        self._path = str(self.path)
        self._folder = folder
        self._root = root
        self._context = context
        self._clock = clock
        self._now = now
        self._idle_s = idle_s
        self._log2_n = log2_n
        self._locks = Locks(folder)
        self._unlocked: _Unlocked | None = None
        self._used = 0.0
        self._tries = 0
        self._watches_forks = False
        self._seen: tuple[_Stamp, Document] | None = None

    def __repr__(self) -> str:
        return f"<keys: {'unlocked' if self.is_unlocked else 'locked'}>"

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a keyring is not pickled or copied")

    def exists(self) -> bool:
        """Whether there is a keyring; one that is damaged or a link counts."""
        return os.path.lexists(self.path)

    @property
    def is_unlocked(self) -> bool:
        """Whether the keys are here; asking does not count as use, and forgets idle ones."""
        if self._clock() - self._used > self._idle_s:
            self._unlocked = None
        return self._unlocked is not None

    @property
    def verifier(self) -> str:
        """32 hex digits for `context:config`'s `secret`; read from the file, locked or not.

        Raises:
            SecretError: The keyring is missing, damaged or not safe.
        """
        return self._looked().verifier

    @property
    def encrypts(self) -> bool:
        """Whether every value of the context is to be kept encrypted; no, without a keyring.

        Read from the file, locked or not: whoever can write elsewhere cannot turn it off.

        Raises:
            SecretError: The keyring is damaged or not safe.
        """
        return self.exists() and self._looked().encrypts

    def set_encrypts(self, encrypts: bool) -> None:
        """Say whether every value is to be kept encrypted from now on.

        Raises:
            SecretRequiredError: The keyring is locked.
            SecretError: It was changed, is missing or damaged.
        """
        self._live()
        with self._alone():
            unlocked = self._followed()
            if unlocked.document.encrypts != encrypts:
                plan = replace(unlocked.document, encrypts=encrypts)
                self._commit(plan, unlocked.master, unlocked.deks)

    def info(self) -> Info:
        """What may be shown; read from the file, locked or not.

        Raises:
            SecretError: The keyring is missing, damaged or not safe.
        """
        found = self._looked()
        return Info(
            created=found.created,
            changed=found.changed,
            age_s=max(0, self._now().unix - found.changed.unix),
            kdf=found.kdf.name,
            kid=found.active.hex()[:8],
            generations=len(found.keys),
            rev=found.rev,
        )

    def create(self, passphrase: Secret, *, encrypts: bool = False) -> None:
        """Make the keyring, with one data key, and unlock it; durable when this returns.

        The folder is made, or made the owner's alone.

        Raises:
            KeyringMissingError: There was one, and only its copy is left.
            SecretError: There is one, or the passphrase is empty.
            StoreError: The folder cannot be written.
        """
        self._refuse_existing()
        kdf = Kdf.new(self._log2_n)
        master = crypto.master_keys(passphrase, kdf)
        folder = files.folder(self._root, *self._folder.relative_to(self._root).parts)
        with suppress(OSError):
            folder.chmod(0o700)
        deks = {crypto.new_kid(): crypto.new_key()}
        moment = self._now()
        with self._alone():
            self._refuse_existing()
            first = Document(
                id=os.urandom(16).hex(),
                rev=0,
                created=moment,
                changed=moment,
                kdf=kdf,
                verifier=master.verifier,
                encrypts=encrypts,
                active=next(iter(deks)),
                keys={},
            )
            self._commit(first, master, deks)

    def unlock(self, passphrase: Secret) -> None:
        """Read the keys; takes half a second. Hardens the process: see `harden`.

        Raises:
            WrongSecretError: It is another; after `TRIES` in a row nothing is tried any more,
                until `lock` or a new process.
            KeyringMissingError: There is none.
            KeyringTamperedError: It was changed or damaged.
            UnsafePermissionsError: Others may read or change it.
        """
        found, stamp = self._read()
        master = self._verified(found, passphrase)
        self._remember(_Unlocked(found, stamp, master, self._opened(found, master)))
        self._mend_copy(found)

    def lock(self) -> None:
        """Forget the keys, and the wrong tries."""
        self._unlocked = None
        self._tries = 0

    def check(self, passphrase: Secret) -> bool:
        """Whether that is the passphrase; a wrong one counts as a try, as in `unlock`.

        Raises:
            WrongSecretError: There were too many tries; nothing was looked at.
            SecretError: As `unlock`.
        """
        return self._tried(self._read()[0], passphrase) is not None

    def rotate(self, old: Secret, new: Secret | None = None) -> None:
        """Seal with a new data key from now on; with a new passphrase, that opens the keyring.

        One atomic replacement of the file: whenever this process is killed, exactly one of the
        passphrases opens, and every value that was sealed before. Waits for writers (`writing`).
        What was sealed before keeps its key, until it is sealed anew and `retire` is called.
        Leaves the keyring unlocked.

        Raises:
            WrongSecretError: `old` is another.
            SecretChangedError: Another process changed the secret meanwhile.
            SecretError: As `unlock`.
        """
        self._change(old, new, fresh_key=True)

    def rewrap(self, old: Secret, new: Secret) -> None:
        """Change the passphrase alone; the data keys stay.

        Raises:
            SecretError: As `rotate`.
        """
        self._change(old, new, fresh_key=False)

    def upgrade(self, passphrase: Secret) -> bool:
        """Stretch the same passphrase as new ones are, if it was less; whether it was.

        Raises:
            SecretError: As `rotate`.
        """
        found, _ = self._read()
        if found.kdf.name == "scrypt" and found.kdf.costs["log2_n"] >= self._log2_n:
            self._verified(found, passphrase)
            return False
        self._change(passphrase, passphrase, fresh_key=False)
        return True

    def retire(self, in_use: Callable[[], Collection[bytes]]) -> frozenset[bytes]:
        """Drop the old data keys that nothing is sealed with; what was sealed with them is lost.

        Args:
            in_use: Says which keys values are still sealed with; asked once, while nobody is in
                `writing`, so that no writer can come between its answer and the deletion. Writers
                wait for it.

        Returns:
            The names of the dropped keys.

        Raises:
            SecretRequiredError: The keyring is locked.
            SecretError: It was changed, is missing or damaged.
        """
        self._live()
        with self._alone():
            unlocked = self._followed()
            used = {unlocked.document.active, *in_use()}
            dropped = frozenset(unlocked.deks) - used
            if dropped:
                kept = {kid: dek for kid, dek in unlocked.deks.items() if kid not in dropped}
                self._commit(unlocked.document, unlocked.master, kept)
            return dropped

    @contextmanager
    def writing(self) -> Iterator[bytes]:
        """While values are sealed and written: nobody changes the keys meanwhile.

        Yields the name of the key to seal with. May be nested.

        Raises:
            SecretError: As `kid`.
            StoreError: The folder is read-only, or somebody changed the keys for very long.
        """
        self._live()
        self._watch_forks()
        with self._locks.shared():
            yield self.kid

    def restore_previous(self) -> None:
        """Put the last good copy in the place of a keyring that is missing or damaged, and lock.

        The damaged file is kept beside it.

        Raises:
            KeyringMissingError: There is no copy.
            KeyringTamperedError: The copy is damaged too.
            SecretError: The keyring is not damaged.
        """
        if not self._folder.is_dir():
            raise self._missing()
        with self._alone():
            try:
                self._read()
            except (KeyringMissingError, KeyringTamperedError):
                pass
            else:
                raise SecretError(
                    f"the keyring of context {self._context!r} is whole", hint="unlock it"
                )
            copy, _ = self._read(COPY_NAME)
            try:
                self.path.replace(self._folder / DAMAGED_NAME)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise StoreError(
                    f"{self.path} cannot be moved: {error.strerror}", hint="move it away"
                ) from None
            files.write(self.path, copy.encoded())
            self.lock()

    @property
    def kid(self) -> bytes:
        """The name of the key to seal with now; looks whether the file has changed.

        Raises:
            SecretRequiredError: The keyring is locked.
            SecretChangedError: Another process changed the passphrase; the keys are forgotten.
            KeyringMissingError: The file is gone: what is sealed now would be lost.
            KeyringTamperedError: It was changed or damaged.
            UnsafePermissionsError: Others may read or change it.
        """
        return self._followed().document.active

    def knows(self, kid: bytes) -> bool:
        """Whether the key of that name is here; looks at the file again when it is unknown.

        Raises:
            SecretError: As `kid`.
        """
        return kid in self._live().deks or kid in self._reloaded(self._live()).deks

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        """The envelope of a value for that place, under the key of that name.

        Raises:
            SecretRequiredError: The keyring is locked.
            KeyringTamperedError: It has no such key; or as `kid`.
        """
        unlocked = self._live()
        subkey = unlocked.subkeys.get((kid, db)) or self._needed(unlocked, db, kid)
        return subkey.seal(key, plain)

    def sealer(self, db: str, kid: bytes) -> Callable[[str, bytes], bytes]:
        """What seals many values of a database, each as `seal`, whatever becomes of the keys.

        Raises:
            SecretError: As `seal`.
        """
        return self._needed(self._live(), db, kid).seal

    def _needed(self, unlocked: _Unlocked, db: str, kid: bytes) -> Subkey:
        subkey = self._derived(unlocked, db, kid)
        if subkey is None:
            raise KeyringTamperedError(
                f"the keyring of context {self._context!r} lacks the key {kid.hex()}",
                hint="an older one was put back; put back the newest",
            )
        return subkey

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        """The value in an envelope.

        Raises:
            SecretRequiredError: The keyring is locked.
            LegacyCiphertextError: It has herolib's form.
            ValueTamperedError: It was changed, moved or damaged, or is no envelope.
        """
        unlocked = self._live()
        subkey = unlocked.subkeys.get((envelope[KID], db)) or self._derived(
            unlocked, db, crypto.kid_of(db, key, envelope)
        )
        if subkey is None:
            raise crypto.tampered(db, key)
        return subkey.open(key, envelope)

    def seal_text(self, db: str, key: str, text: str) -> str:
        """A text's envelope as text, `hero:v1:…`, under the key in use.

        Raises:
            SecretError: As `kid`.
        """
        plain = text.encode("utf-8", "surrogatepass")
        return crypto.to_text(self.seal(db, key, plain, self.kid))

    def open_text(self, db: str, key: str, text: str) -> str:
        """The text in what `seal_text` made.

        Raises:
            SecretError: As `open`.
        """
        plain = self.open(db, key, crypto.from_text(text, db, key))
        try:
            return plain.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise crypto.tampered(db, key) from None

    def _derived(self, unlocked: _Unlocked, db: str, kid: bytes) -> Subkey | None:
        if kid not in unlocked.deks:
            unlocked = self._reloaded(unlocked)
        dek = unlocked.deks.get(kid)
        if dek is None:
            return None
        subkey = Subkey(dek, kid, unlocked.document.id, db)
        if len(unlocked.subkeys) >= _SUBKEYS:
            unlocked.subkeys.clear()
        unlocked.subkeys[kid, db] = subkey
        return subkey

    def _live(self) -> _Unlocked:
        """The keys, used now."""
        unlocked, now = self._unlocked, self._clock()
        if unlocked is None or now - self._used > self._idle_s:
            self._unlocked = None
            raise self._required() if self.exists() else self._missing()
        self._used = now
        return unlocked

    def _followed(self) -> _Unlocked:
        """The keys as the file has them now."""
        unlocked = self._live()
        try:
            is_new = _stamp(os.lstat(self._path)) != unlocked.stamp
        except FileNotFoundError:
            raise self._missing() from None
        except OSError as error:
            raise self._refused(self.path, error) from None
        return self._reloaded(unlocked) if is_new else unlocked

    def _reloaded(self, unlocked: _Unlocked) -> _Unlocked:
        known = unlocked.document
        found, stamp = self._read()
        if found.id != known.id:
            self.lock()
            raise self._tampered("another keyring was put in its place")
        if not found.opens_as(known):
            self.lock()
            raise self._changed(found)
        if found.rev < known.rev:
            self.lock()
            raise self._tampered(f"revision {found.rev} was put back after {known.rev}")
        fresh = _Unlocked(found, stamp, unlocked.master, self._opened(found, unlocked.master))
        if self._unlocked is not None:  # else it was locked meanwhile, by another thread
            self._unlocked = fresh
        return fresh

    def _opened(self, found: Document, master: MasterKeys) -> dict[bytes, Key]:
        try:
            return found.unwrapped(master)
        except KeyringTamperedError as error:
            self._unlocked = None
            raise self._tampered(error.message) from None

    def _change(self, old: Secret, new: Secret | None, *, fresh_key: bool) -> None:
        found, _ = self._read()
        master = self._verified(found, old)
        kdf, changed = found.kdf, found.changed
        after = master
        if new is not None:
            kdf, changed = Kdf.new(self._log2_n), self._now()
            after = crypto.master_keys(new, kdf)
        with self._alone():
            present, _ = self._read()
            if not present.opens_as(found):
                self.lock()
                raise self._changed(present)
            deks = self._opened(present, master)
            active = present.active
            if fresh_key:
                active = crypto.new_kid()
                deks[active] = crypto.new_key()
            plan = replace(
                present, kdf=kdf, changed=changed, verifier=after.verifier, active=active
            )
            self._commit(plan, after, deks)

    def _commit(self, plan: Document, master: MasterKeys, deks: dict[bytes, Key]) -> None:
        """Write the next revision, with these keys, and use it."""
        wrapped = {kid: crypto.wrap(master.kek, dek, plan.id, kid) for kid, dek in deks.items()}
        written = replace(plan, rev=plan.rev + 1, keys=wrapped).signed(master)
        with deferred():
            files.write(self.path, written.encoded())
            self._remember(_Unlocked(written, _stamp(os.lstat(self.path)), master, deks))
            with suppress(StoreError):  # it is done; the next unlock mends the copy
                files.write(self._folder / COPY_NAME, written.encoded())

    def _mend_copy(self, found: Document) -> None:
        """Write the copy again when a killed process could not."""
        with suppress(SecretError, StoreError):
            if self._copy_is(found):
                return
            with self._alone():
                if self._read()[0] == found:
                    files.write(self._folder / COPY_NAME, found.encoded())

    def _copy_is(self, found: Document) -> bool:
        try:
            return self._read(COPY_NAME)[0] == found
        except SecretError:
            return False

    def _looked(self) -> Document:
        """What the file says, read again only when it has changed."""
        try:
            stamp = _stamp(os.lstat(self._path))
        except FileNotFoundError:
            raise self._missing() from None
        except OSError as error:
            raise self._refused(self.path, error) from None
        if self._seen is None or self._seen[0] != stamp:
            found, stamp = self._read()
            self._seen = stamp, found
        return self._seen[1]

    def _read(self, name: str = FILE_NAME) -> tuple[Document, _Stamp]:
        path = self._folder / name
        if not self._folder.resolve().is_relative_to(self._root.resolve()):
            raise StoreError(f"{self._folder} leads out of {self._root}", hint="remove the link")
        try:
            descriptor = os.open(path, os.O_RDONLY | _READ)
        except FileNotFoundError:
            raise self._missing() from None
        except OSError as error:
            raise self._refused(path, error) from None
        try:
            found = os.fstat(descriptor)
            self._check_safe(path, found)
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(data) > MAX_BYTES:
            raise self._tampered(f"{path} is too large for a keyring")
        try:
            least = min(15, self._log2_n)
            return document.read(data, str(path), least_log2_n=least), _stamp(found)
        except KeyringTamperedError as error:
            if error.hint:
                raise
            raise self._tampered(error.message) from None

    def _check_safe(self, path: Path, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise self._tampered(f"{path} is not a file")
        if not hasattr(os, "geteuid"):
            return
        me = os.geteuid()
        above = os.stat(self._folder)  # noqa: PTH116 - as the other
        for place, owned, others in ((path, found, _OTHERS), (self._folder, above, _OTHERS_WRITE)):
            mode = stat.S_IMODE(owned.st_mode)
            if owned.st_uid != me:
                raise UnsafePermissionsError(
                    f"{place} belongs to user {owned.st_uid}", hint=f"chown {me} {place}"
                )
            if mode & others:
                needed = "600" if place is path else "700"
                raise UnsafePermissionsError(
                    f"{place} may be used by others (mode {mode:04o})",
                    hint=f"chmod {needed} {place}",
                )

    def _refuse_existing(self) -> None:
        if self.exists():
            raise SecretError(
                f"context {self._context!r} has a secret already", hint="rotate it to change it"
            )
        if os.path.lexists(self._folder / COPY_NAME):
            raise self._missing()

    def _verified(self, found: Document, passphrase: Secret) -> MasterKeys:
        master = self._tried(found, passphrase)
        if master is None:
            raise WrongSecretError(
                f"that is not the secret of context {self._context!r} "
                f"({self._tries} of {TRIES} tries)"
            )
        return master

    def _tried(self, found: Document, passphrase: Secret) -> MasterKeys | None:
        if self._tries >= TRIES:
            raise WrongSecretError(
                f"no more secrets are tried for context {self._context!r}",
                hint="lock it, or restart the kernel, and then try the right one",
            )
        master = crypto.master_keys(passphrase, found.kdf)
        if not crypto.same(found.verifier, master.verifier):
            self._tries += 1
            return None
        self._tries = 0
        return master

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._watch_forks()
        with self._locks.alone():
            yield

    def _remember(self, unlocked: _Unlocked) -> None:
        self._watch_forks()
        harden()
        self._used = self._clock()
        self._unlocked = unlocked

    def _watch_forks(self) -> None:
        if self._watches_forks or not hasattr(os, "register_at_fork"):
            return
        self._watches_forks = True
        own = weakref.ref(self)

        def forget() -> None:
            if (ring := own()) is not None:
                ring.lock()
                ring._locks.forget()  # noqa: SLF001 - its own

        os.register_at_fork(after_in_child=forget)

    def _required(self) -> SecretRequiredError:
        return SecretRequiredError(
            f"context {self._context!r} is locked",
            hint="%hero_secret unlock, or set HERO_SECRET_FILE to a file with its secret",
        )

    def _missing(self) -> KeyringMissingError:
        hint = f"put {FILE_NAME} back from a backup; without it nothing encrypted can be read"
        if os.path.lexists(self._folder / COPY_NAME):
            hint = f"its last good copy is {COPY_NAME} beside it; restore it"
        return KeyringMissingError(
            f"context {self._context!r} has no keyring at {self.path}", hint=hint
        )

    def _changed(self, found: Document) -> SecretChangedError:
        when = found.changed.datetime.astimezone().strftime("%Y-%m-%d %H:%M")
        return SecretChangedError(
            f"the secret of context {self._context!r} was changed at {when}", hint="unlock again"
        )

    def _tampered(self, message: str) -> KeyringTamperedError:
        hint = f"put {FILE_NAME} back from a backup"
        if os.path.lexists(self._folder / COPY_NAME):
            hint = f"its last good copy is {COPY_NAME} beside it; restore it"
        return KeyringTamperedError(f"context {self._context!r}: {message}", hint=hint)

    def _refused(self, path: Path, error: OSError) -> SecretError:
        if isinstance(error, PermissionError):
            return UnsafePermissionsError(f"{path} may not be read", hint="it must be yours")
        if path.is_symlink():
            return self._tampered(f"{path} is a link, which is not followed")
        return self._tampered(f"{path} cannot be read: {error.strerror}")


class _Unlocked:
    """The keys in memory; shows nothing of them."""

    __slots__ = ("deks", "document", "master", "stamp", "subkeys")

    def __init__(
        self, document: Document, stamp: _Stamp, master: MasterKeys, deks: dict[bytes, Key]
    ) -> None:
        self.document = document
        self.stamp = stamp
        self.master = master
        self.deks = deks
        self.subkeys: dict[tuple[bytes, str], Subkey] = {}


def _stamp(found: os.stat_result) -> _Stamp:
    """What tells one version of the file from another; each is a new file."""
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size
