"""Secrets of a context: its own, from the first day to the last, and the named ones it keeps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hero_kernel import crypto, files, keyring, sealed, sessions
from hero_kernel.errors import (
    CorruptRecordError,
    DatabaseError,
    DBKeyError,
    KeyringMissingError,
    LegacyCiphertextError,
    NotInteractiveError,
    SecretError,
    SecretRequiredError,
    WrongSecretError,
    did_you_mean,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from hero_kernel.contexts import Context, ContextConfig
    from hero_kernel.databases import Database
    from hero_kernel.keyring import Keyring
    from hero_kernel.provenance import Source
    from hero_kernel.redaction import Redactor

DATABASE = "secrets"
"""The database of named secrets."""

PROMPT = "Please enter your hero secret string:"
"""herolib's words."""

ASK_TIMES = 3
"""How often a wrong answer at the prompt is asked again."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a change of keys has done.

    Attributes:
        values: How many values were encrypted anew.
        retired: How many keys nothing is encrypted with any more, and which are gone.
    """

    values: int
    retired: int


class Secrets:
    """What a context's secret is for: seals and opens its values, and keeps named secrets.

    It is the `Cipher` that databases, config files and records are handed. Locked, it unlocks
    itself at the first need: by `HERO_SECRET_FD`, `HERO_SECRET_FILE` or `HERO_SECRET`, else by
    asking, where the context and the session are interactive.
    """

    def __init__(
        self,
        context: Context,
        keys: Keyring,
        *,
        environ: MutableMapping[str, str],
        ask: Callable[[str], str],
        redactor: Redactor,
    ) -> None:
        self._context = context
        self._keys = keys
        self._environ = environ
        self._ask = ask
        self._redactor = redactor

    def __repr__(self) -> str:
        state = "locked" if self.is_locked else "unlocked"
        return f"<Secrets of {self._context.guid}: {state if self.is_set else 'none'}>"

    @property
    def is_set(self) -> bool:
        """Whether the context has a secret."""
        return self._keys.exists()

    @property
    def is_legacy(self) -> bool:
        """Whether it has one of herolib's, which opens what herolib encrypted, and must go."""
        return not self.is_set and self._context.config.secret != ""

    @property
    def is_locked(self) -> bool:
        """Whether opening a value would need the secret first."""
        return not self._keys.is_unlocked

    @property
    def encrypts(self) -> bool:
        """Whether every value of the context is kept encrypted; the keyring says so.

        Where there is none, a record that says so is believed: nothing is written in the clear
        because a keyring was lost, or herolib's secret is not brought in yet.
        """
        return self._keys.encrypts if self.is_set else self._context.config.encrypt

    @property
    def info(self) -> keyring.Info:
        """What may be told of the keys.

        Raises:
            KeyringMissingError: There are none.
        """
        return self._keys.info()

    def hide(self, text: str) -> None:
        """Mask a text from now on, wherever it would be shown."""
        self._redactor.add(text)

    def marked(self, text: str) -> str | Secret:
        """The text, as a `Secret` where it holds one that is masked."""
        return text if self._redactor.mask(text) == text else Secret(text)

    @property
    def kid(self) -> bytes:
        """See `Cipher`; unlocks first."""
        self.ready()
        return self._keys.kid

    def knows(self, kid: bytes) -> bool:
        """See `Cipher`; unlocks first."""
        self.ready()
        return self._keys.knows(kid)

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        """See `Cipher`; unlocks first."""
        self.ready()
        return self._keys.seal(db, key, plain, kid)

    def sealer(self, db: str, kid: bytes) -> Callable[[str, bytes], bytes]:
        """See `Cipher`; unlocks first."""
        self.ready()
        return self._keys.sealer(db, kid)

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        """See `Cipher`; unlocks first."""
        if not self.is_set:
            raise KeyringMissingError(
                f"{key} of {db} is encrypted, and context {self._context.name} has no keyring",
                hint=f"put {self._keys.path} back from a backup; nothing else opens it",
            )
        self.ready()
        return self._keys.open(db, key, envelope)

    def writing(self) -> AbstractContextManager[bytes]:
        """While sealed values are written: the key's name, which is not retired meanwhile."""
        self.ready()
        return self._keys.writing()

    def ready(self, *, interactive: bool = False) -> None:
        """Make sure that values can be sealed and opened: unlock if it is locked.

        Args:
            interactive: Whether to ask although the context is not interactive.

        Raises:
            SecretError: As `require` and `unlock`.
        """
        if self._keys.is_unlocked:
            return
        self.require("be encrypted")
        self.unlock(interactive=interactive)

    def require(self, what: str) -> None:
        """Raise where the context has no secret; looked at before anybody is asked for one.

        Args:
            what: What nothing can then do, as in "be encrypted".

        Raises:
            SecretRequiredError: It has none, or one in herolib's form.
            KeyringMissingError: It has encrypted values, and no keyring.
        """
        if not self.is_set:
            raise self._none(what)

    def check_new(self) -> None:
        """Raise where the context cannot be given its first secret.

        Raises:
            SecretError: It has one, or one in herolib's form.
            KeyringMissingError: It has encrypted values, and no keyring.
        """
        if self.is_set:
            raise SecretError(
                f"context {self._context.name} has a secret",
                hint="change it with %hero_secret rotate --new, or context.secret_rotate(…)",
            )
        self._refuse_lost()
        if self.is_legacy:
            raise self._none("be set")

    def _refuse_lost(self) -> None:
        """Raise KeyringMissingError where a new keyring would bury what an old one sealed."""
        if self._kids():
            raise KeyringMissingError(
                f"context {self._context.name} has encrypted values, and no keyring",
                hint=f"put {self._keys.path} back from a backup; nothing else opens them",
            )

    def _none(self, what: str) -> SecretError:
        name = self._context.name
        try:
            self._refuse_lost()
        except KeyringMissingError as error:
            return error
        if self.is_legacy:
            return SecretRequiredError(
                f"context {name} has a secret in herolib's form, with which nothing can {what}",
                hint="bring it in with %hero_secret import, or context.secrets.import_legacy()",
            )
        return SecretRequiredError(
            f"context {name} has no secret, so nothing can {what}",
            hint="give it one with %hero_secret new, or context.secret_set(…)",
        )

    def set(self, secret: str | Secret, *, encrypt: bool | None = None) -> None:
        """Give the context its secret, and unlock; the same one again changes nothing.

        Args:
            secret: Blanks around it do not count.
            encrypt: Whether every value is kept encrypted from now on, those that are there too.

        Raises:
            SecretError: It has another one, or one in herolib's form.
            WrongSecretError: It has another one; nothing is changed.
        """
        given = self._hidden(secret)
        if self.is_set:
            self._keys.unlock(given)
        else:
            self.check_new()
            self._keys.create(given)
        if encrypt or (encrypt is not None and self.encrypts):
            self.encrypt_all(encrypt=encrypt)
        self.mirror(self._context.config)

    def generate(self, path: Path, *, encrypt: bool | None = None) -> None:
        """Make up the context's secret, one that nobody can guess or remember, and unlock.

        Args:
            path: A new file for it, which gets mode 0600; `HERO_SECRET_FILE` may name it.
            encrypt: As for `set`.

        Raises:
            SecretError: As `check_new`, or the file is there already.
            StoreError: The file cannot be written.
        """
        self.check_new()
        made = crypto.generate()
        files.write_new(path, made.reveal().encode() + b"\n")
        try:
            self.set(made, encrypt=encrypt)
        except BaseException:
            if not self.is_set:
                path.unlink()
            raise

    def prepare(
        self,
        secret: str | Secret | None = None,
        *,
        encrypt: bool | None = None,
        interactive: bool = False,
    ) -> None:
        """Make sure that there is a secret, as `set`; without one given, find or ask for it.

        Args:
            secret: Default: as for `unlock`.
            encrypt: As for `set`.
            interactive: Whether to ask although the context is not interactive.

        Raises:
            SecretRequiredError: None is given, and nobody can be asked.
        """
        given = secret if secret is not None else keyring.read_passphrase(self._environ)
        if given is not None:
            self.set(given, encrypt=encrypt)
            return
        if not self.is_set:
            try:
                self.configure(interactive=interactive)
            except NotInteractiveError as error:
                raise SecretRequiredError(
                    f"context {self._context.name} has no secret, and {error.message}",
                    hint="give secret=…, or set HERO_SECRET_FILE",
                ) from error
        if encrypt or (encrypt is not None and self.encrypts):
            self.encrypt_all(encrypt=encrypt)

    def encrypt_all(self, *, encrypt: bool) -> None:
        """Keep every value encrypted from now on, or no more; those that are there are converted.

        Secrets stay encrypted. Interrupted, the next call goes on. Once they are encrypted, none
        of these values can be read in a file of ours; what Redis has on its disk, it rewrites.
        """
        self.ready()
        self._keys.set_encrypts(encrypt)
        for database in self._databases():
            if database.name != DATABASE:
                database.encrypt() if encrypt else database.decrypt()
        for one in self._records():
            one.convert(encrypt=encrypt)
        if encrypt:
            self._context.host.store.purge()
        self.mirror(self._context.config)

    def configure(self, *, interactive: bool = False) -> None:
        """Ask for the secret: twice for a new one, else to unlock.

        Args:
            interactive: Whether to ask although the context is not interactive.

        Raises:
            NotInteractiveError: Nobody may be asked.
            SecretError: As `check_new`; or the two differ, or it is empty.
        """
        if self.is_set:
            self.unlock(interactive=interactive)
            return
        self.check_new()
        self._check_may_ask(interactive=interactive)
        self.set(self.asked_twice(PROMPT))

    def asked_twice(self, prompt: str) -> Secret:
        """A new secret from the keyboard.

        Raises:
            NotInteractiveError: Nobody can be asked.
            SecretError: The two answers differ.
        """
        first = self._hidden(self._ask(f"{prompt} "))
        if first != self._hidden(self._ask("The same again: ")):
            raise SecretError("the two are not the same", hint="nothing was changed; try again")
        return first

    def asked(self, question: str) -> Secret:
        """A secret from the keyboard, though the context be not interactive: a command asks.

        Raises:
            NotInteractiveError: Nobody can be asked.
            SecretError: Nothing was answered.
        """
        answer = self._hidden(self._ask(question))
        if not answer:
            raise SecretError("nothing was entered", hint="nothing was changed; try again")
        return answer

    def asked_for(self, name: str, *, otherwise: str) -> Secret:
        """A value from the keyboard, for a variable, a parameter or a named secret.

        Args:
            name: What the value is called.
            otherwise: What to do where nobody can be asked.

        Raises:
            SecretRequiredError: Nobody can be asked.
            SecretError: Nothing was answered.
        """
        try:
            return self.asked(f"Value of {name}: ")
        except NotInteractiveError as error:
            raise SecretRequiredError(
                f"the value of {name} is needed, and {error.message}", hint=otherwise
            ) from error

    def unlock(self, secret: str | Secret | None = None, *, interactive: bool = False) -> None:
        """Unlock what is encrypted, in this process, until it ends or `lock` is called.

        Args:
            secret: Default: `HERO_SECRET_FD`, `HERO_SECRET_FILE`, `HERO_SECRET`, else asked for.
            interactive: Whether to ask although the context is not interactive.

        Raises:
            SecretRequiredError: None is given, and nobody can be asked.
            WrongSecretError: It is another one.
        """
        self.require("be unlocked")
        given = secret if secret is not None else keyring.read_passphrase(self._environ)
        if given is not None:
            self._keys.unlock(self._hidden(given))
        else:
            self._unlock_by_asking(interactive=interactive)
        self.mirror(self._context.config)

    def _unlock_by_asking(self, *, interactive: bool) -> None:
        name = self._context.name
        for left in reversed(range(ASK_TIMES)):
            try:
                self._check_may_ask(interactive=interactive)
                answer = self._hidden(self._ask(f"Secret of context {name}: "))
            except NotInteractiveError as error:
                raise SecretRequiredError(
                    f"context {name} is locked, and "
                    + error.message.replace(f"context {name} ", "it "),
                    hint="run %hero_secret unlock, or set HERO_SECRET_FILE",
                ) from error
            try:
                self._keys.unlock(answer)
            except WrongSecretError:
                if not left:
                    raise
            else:
                return

    def _check_may_ask(self, *, interactive: bool) -> None:
        if not interactive and not self._context.interactive:
            raise NotInteractiveError(
                f"context {self._context.name} asks no questions",
                hint="%hero_secret asks; or set HERO_SECRET_FILE, or interactive=True",
            )

    def lock(self) -> None:
        """Forget the keys, in this process."""
        self._keys.lock()

    def restore(self) -> None:
        """Put the keyring's last good copy in its place, and lock; the damaged one stays beside it.

        Raises:
            SecretError: The keyring is not damaged, or there is no sound copy.
        """
        self._keys.restore_previous()

    def check(self, secret: str | Secret) -> bool:
        """Whether that is the secret; costs half a second, as every guess does.

        Raises:
            SecretRequiredError: The context has none.
        """
        given = self._hidden(secret)
        if self.is_legacy:
            return crypto.is_legacy_secret_of(self._context.config.secret, given)
        self.require("be checked")
        return self._keys.check(given)

    def rotate(
        self,
        new: str | Secret | None = None,
        *,
        old: str | Secret | None = None,
        rewrap: bool = False,
    ) -> Rotated:
        """Change the keys: everything that is encrypted is encrypted anew with a new one.

        Other kernels go on with the new key, or are told to unlock again when the secret changed.
        Killed half-way, every value can still be read, and `resume` goes on. What was leaked
        stays leaked: change the credentials themselves, too.

        Args:
            new: A new secret; default: the same one.
            old: The present secret; default: as for `unlock`.
            rewrap: Only the secret changes; the values are left as they are.

        Raises:
            SecretRequiredError: The context has none, or the present one is not to be had.
            WrongSecretError: The present one is another.
        """
        self.require("be rotated")
        present = old if old is not None else keyring.read_passphrase(self._environ)
        if present is None:
            self._check_may_ask(interactive=False)
            present = self._ask(f"Secret of context {self._context.name}: ")
        hidden = self._hidden(present)
        if rewrap:
            if new is None:
                raise SecretError("the new secret is missing", hint="rewrapping changes only it")
            self._keys.rewrap(hidden, self._hidden(new))
            self.mirror(self._context.config)
            return Rotated(0, 0)
        self._keys.rotate(hidden, None if new is None else self._hidden(new))
        return self.resume()

    def resume(self) -> Rotated:
        """Finish a change of keys that was interrupted; nothing to do is no error."""
        self.ready()
        kid = self._keys.kid
        values = sum(database.reseal() for database in self._databases())
        values += self._context.config_files().reseal()
        values += sum(one.reseal(kid) for one in self._records())
        retired = self._keys.retire(self._kids)
        self.mirror(self._context.config)
        return Rotated(values, len(retired))

    def upgrade(self, secret: str | Secret | None = None) -> None:
        """Protect the keys by today's key derivation; the values are left as they are."""
        given = secret if secret is not None else keyring.read_passphrase(self._environ)
        if given is None:
            self._check_may_ask(interactive=False)
            given = self._ask(f"Secret of context {self._context.name}: ")
        self._keys.upgrade(self._hidden(given))
        self.mirror(self._context.config)

    def check_legacy(self) -> None:
        """Raise where there is nothing for `import_legacy` to do.

        Raises:
            SecretError: The context has no secret in herolib's form.
        """
        legacy = self._context.config.secret
        if not legacy or (self.is_set and legacy == self._keys.verifier):
            raise SecretError(
                f"context {self._context.name} has no secret in herolib's form",
                hint="there is nothing to do" if legacy else "give it one with %hero_secret new",
            )

    def import_legacy(self, secret: str | Secret, new: str | Secret | None = None) -> int:
        """Turn herolib's secret into one of ours, and encrypt anew what herolib encrypted.

        herolib's was readable in the record by everybody who could read the store: `new` should
        be another one. Killed half-way, the next call goes on.

        Args:
            secret: The one herolib was given.
            new: The one from now on; default: the same.

        Returns:
            How many values of herolib's databases were brought in.

        Raises:
            SecretError: The context has no such secret.
            WrongSecretError: It is another one.
            DatabaseError: The context's `db_path` is not there; nothing is changed.
        """
        self.check_legacy()
        config = self._context.config
        given = self._hidden(secret)
        legacy = config.secret
        if not crypto.is_legacy_secret_of(legacy, given):
            raise WrongSecretError(f"that is not the secret of context {self._context.name}")
        wanted = given if new is None else self._hidden(new)
        folder = self._context.db_path
        if config.db_path and not folder.is_dir():
            # Passed over, what is in it could never be opened again: herolib's secret goes.
            raise DatabaseError(
                f"{folder}, where the context's databases are said to be, is not there",
                hint="say where they are: context.configure(db_path=…)",
            )
        self._context.begin_import()
        if self.is_set:
            self._keys.unlock(wanted)
        else:
            self._refuse_lost()
            self._keys.create(wanted, encrypts=config.encrypt)
        report = self._context.dbcollection().import_dbfs(
            decrypt=lambda text: crypto.legacy_decrypt(legacy, text)
        )
        self._mirror(config)
        return report.imported

    def encrypt(self, text: str) -> str:
        """The text, encrypted; it is bound to the context, and to no place in it."""
        with self.writing() as kid:
            return sealed.seal(self, kid, "", "", Secret(text))

    def decrypt(self, text: str) -> str:
        """What `encrypt` was given, or herolib's; masked wherever it is shown from now on.

        Raises:
            LegacyCiphertextError: It has herolib's form, and the context's secret has not.
            SecretError: It cannot be opened.
        """
        if sealed.is_sealed(text):
            value = sealed.opened(self, "", "", text)
            found = value.reveal() if isinstance(value, Secret) else value
        elif self.is_legacy:
            plain = crypto.legacy_decrypt(self._context.config.secret, text)
            found = plain.decode("utf-8", "surrogateescape")
        else:
            raise LegacyCiphertextError(
                f"that is not encrypted by context {self._context.name}",
                hint=f"such a text begins with {crypto.TEXT_PREFIX}",
            )
        self.hide(found)
        return found

    def put(self, name: str, value: str | Secret, *, by: str = "") -> None:
        """Keep a named secret; the one before is replaced.

        Args:
            name: Its name.
            value: Its value.
            by: What sets it, for `sources`; default: the cell or action at it.

        Raises:
            BadNameError: `get` would take the name for no name.
            SecretRequiredError: The context has no secret, or is locked.
        """
        keyring.variable(name)
        self._named().set(name, self._hidden(value))
        self._context.note_secret(name, is_kept=True, by=by)

    def get(self, name: str) -> Secret:
        """A named secret: `HERO_SECRET_<NAME>` of the environment, else the one that is kept.

        Raises:
            DBKeyError: There is none.
            SecretError: It cannot be opened.
        """
        given = keyring.read_named(self._environ, name)
        if given is not None:
            return self._hidden(given)
        database = self._named()
        if not database.exists(name):
            raise DBKeyError(
                f"context {self._context.name} keeps no secret {name!r}",
                hint=did_you_mean(name, self.names())
                or f"set it with %hero_secret set {name}, or {keyring.variable(name)}",
            )
        value = database.get(name)
        return value if isinstance(value, Secret) else self._hidden(str(value))

    def exists(self, name: str) -> bool:
        """Whether `get` finds a named secret; looked at while locked, too.

        Raises:
            BadNameError: The name cannot be a secret's.
        """
        return keyring.read_named(self._environ, name) is not None or self._named().exists(name)

    def delete(self, name: str) -> None:
        """Delete a named secret.

        Raises:
            DBKeyError: There is none.
        """
        self._named().delete(name)
        self._context.note_secret(name, is_kept=False, by="")

    def names(self) -> list[str]:
        """The names of the kept secrets, sorted; read while locked, too."""
        return list(self._named().keys())

    def sources(self) -> dict[str, Source]:
        """Where each kept secret came from, and when, by name; read while locked, too."""
        return self._context.secret_sources(self.names())

    def _named(self) -> Database:
        return self._context.db_get(DATABASE)

    def mirror(self, config: ContextConfig) -> None:
        """Let the record say what the keyring says; it may be another program's doing, or ours.

        A private key that herolib encrypted is encrypted anew first: the key to it goes. While an
        import is not done, herolib's secret stays, for what is still to be brought in.
        """
        if self.is_set and not config.is_importing:
            self._mirror(config)

    def _mirror(self, config: ContextConfig) -> None:
        verifier, encrypts = self._keys.verifier, self.encrypts
        if (config.secret, config.encrypt) == (verifier, encrypts):
            return
        is_legacy = config.priv_key != "" and not sealed.is_sealed(config.priv_key)
        if is_legacy:
            if self.is_locked:
                return
            plain = crypto.legacy_decrypt(config.secret, config.priv_key)
            self._context.keep_priv_key(Secret(plain.decode("utf-8", "surrogateescape")))
        self._context.mirror(secret=verifier, encrypt=encrypts)

    def _hidden(self, secret: str | Secret) -> Secret:
        given = secret if isinstance(secret, Secret) else Secret(secret)
        self.hide(given.reveal())
        return given

    def _databases(self) -> Iterator[Database]:
        collection = self._context.dbcollection()
        return (collection.get(name) for name in collection.list())

    def _records(self) -> Iterator[Context | sessions.Session]:
        yield self._context
        for session in sessions.every(self._context):
            with suppress(CorruptRecordError):
                _ = session.config
                yield session

    def _kids(self) -> frozenset[bytes]:
        found = set(self._context.config_files().kids())
        for database in self._databases():
            found |= database.kids()
        for one in self._records():
            found |= one.kids()
        return frozenset(found)
