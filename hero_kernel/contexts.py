"""Context: a named workspace with an id, kept in the store's database of that number."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from hero_kernel import claims, files, keyring, names, provenance, sealed
from hero_kernel.databases import Databases
from hero_kernel.errors import (
    ContextError,
    ContextExistsError,
    ContextNotFoundError,
    CorruptRecordError,
    SecretError,
    StoreError,
    did_you_mean,
)
from hero_kernel.kept import Kept, Sealer, defaults, notes_in, with_notes
from hero_kernel.secret import Secret
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import EllipsisType

    from redis import Redis

    from hero_kernel.config_files import ConfigFiles
    from hero_kernel.config_files.text import Expansion
    from hero_kernel.databases import Database
    from hero_kernel.host import Host
    from hero_kernel.provenance import Source
    from hero_kernel.secrets import Secrets
    from hero_kernel.sessions import Session
    from hero_kernel.stores.base import Store

KEY = "context:config"
"""The record's key, the same in every database; herolib's."""

DEFAULT = "default"
"""The name of context 0, which exists without being made."""


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """The record at `context:config`: herolib's nine fields in its order, then unknown ones.

    Attributes:
        id: The database number.
        name: Unique, and the name of the context's folder.
        params: Parameter text, as in an action.
        coderoot: Where code is checked out; empty for the default.
        interactive: Whether questions may be asked.
        secret: 32 hex characters, or empty.
        priv_key: An encrypted key, or empty.
        db_path: Where databases are kept; empty for the default.
        encrypt: Whether values are encrypted.
        params_from: Where the parameters came from; see `provenance`.
        secrets_from: Where the named secrets came from.
        extra: Fields of other programs or versions, kept as they are.
    """

    id: int
    name: str = DEFAULT
    params: str = ""
    coderoot: str = ""
    interactive: bool = False
    secret: str = field(default="", repr=False)
    priv_key: str = field(default="", repr=False)
    db_path: str = ""
    encrypt: bool = False
    params_from: str = field(default="", repr=False)
    secrets_from: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, text: str, where: str) -> ContextConfig:
        """Read the record.

        Raises:
            CorruptRecordError: It cannot be read, or has no id.
        """
        found = record.decode(text, where, _DEFAULTS)
        if found["id"] < 0:
            raise CorruptRecordError(f"{where} has no id", hint="mend or delete it")
        known = {name: found.pop(name) for name in _DEFAULTS}
        known |= notes_in(found, "params_from", "secrets_from")
        return cls(**known, extra=MappingProxyType(found))

    @property
    def is_importing(self) -> bool:
        """Whether what herolib's secret opens is still to be brought in."""
        return _IMPORTING in self.extra

    def text(self) -> str:
        """The record as it is written."""
        known = {name: getattr(self, name) for name in _DEFAULTS}
        notes = {"params_from": self.params_from, "secrets_from": self.secrets_from}
        return record.encode_pretty(known | with_notes(self.extra, notes))


_DEFAULTS = defaults(ContextConfig.__dataclass_fields__, id=-1)


class Context(Kept[ContextConfig]):
    """A context in the store; what it answers is read there, so another kernel's change shows.

    Attributes:
        id: The database number its records are in.
        name: Unique among contexts; the name of its folder. Follows another kernel's rename at
            the next `load` or `path`.
    """

    def __init__(self, host: Host, context_id: int, name: str) -> None:
        self.host = host
        self.id = context_id
        self.name = name

    def __repr__(self) -> str:
        return f"<Context {self.guid}>"

    def __eq__(self, other: object) -> bool:
        """By id: a context may have been renamed since."""
        return isinstance(other, Context) and self.id == other.id and self.host is other.host

    def __hash__(self) -> int:
        return hash(self.id)

    @property
    def guid(self) -> str:
        """`id:name`."""
        return f"{self.id}:{self.name}"

    @property
    def _host(self) -> Host:
        return self.host

    @property
    def _place(self) -> tuple[Store, int, str]:
        return self.host.store, self.id, KEY

    def _read(self, text: str) -> ContextConfig:
        return ContextConfig.read(text, _where(self.host, self.id))

    def _lost(self) -> ContextNotFoundError:
        return ContextNotFoundError(
            f"context {self.guid} is no longer in {self.host.store.address}",
            hint="it was deleted or the store was emptied; create it again with context_new",
        )

    @property
    def path(self) -> Path:
        """`HERO_HOME/context/$name`; not created by asking.

        Raises:
            ContextNotFoundError: The context was deleted.
        """
        return _folder(self.host, self.load().name)

    @property
    def coderoot(self) -> Path:
        """Where code is checked out: as configured, else the workspace's; `~` expanded."""
        configured = self.config.coderoot
        return Path(configured).expanduser() if configured else self.host.coderoot

    @property
    def encrypt(self) -> bool:
        """Whether every value is kept encrypted; the keyring decides, the record only tells."""
        return self.secrets.encrypts

    @property
    def secrets(self) -> Secrets:
        """The context's secret, and what it protects."""
        return self.host.secrets(self)

    @property
    def _secrets(self) -> Sealer:
        return self.secrets

    def _sealed_at(self, _: ContextConfig, what: str) -> str:
        return f"context {what}"

    def _mapped(
        self, config: ContextConfig, change: Callable[[str, str, str], str]
    ) -> ContextConfig:
        key = config.priv_key
        if sealed.is_sealed(key):
            key = change(self._sealed_at(config, _PRIV_KEY), _PRIV_KEY, key)
        return replace(self._mapped_params(config, change), priv_key=key)

    @property
    def keys_path(self) -> Path:
        """`HERO_HOME/db/$id`, where the keyring is; not created by asking."""
        return _keys(self.host, self.id)

    @property
    def db_path(self) -> Path:
        """Where databases are: as configured, else `HERO_HOME/db/$id`; not created by asking."""
        configured = self.config.db_path
        return Path(configured).expanduser() if configured else self.keys_path

    def dbcollection(self) -> Databases:
        """The context's databases."""
        folder, home = self.db_path, self.host.home
        return Databases(
            home if folder.is_relative_to(home) else folder,
            folder,
            cipher=self.secrets,
            encrypt=self.encrypt,
            on_secret=self.secrets.hide,
        )

    def db_get(self, name: str) -> Database:
        """A database of the context; it is made at the first write.

        Raises:
            BadNameError: The name cannot name a database.
        """
        return self.dbcollection().get(name)

    def db_config_get(self) -> Database:
        """The database `config`, which every session of the context shares."""
        return self.db_get("config")

    def config_files(self) -> ConfigFiles:
        """The context's config files."""
        from hero_kernel.config_files import ConfigFiles  # noqa: PLC0415  # many runs use none

        return ConfigFiles(
            self.host.home,
            self.path,
            home=Path.home(),
            cipher=self.secrets,
            on_secret=self.secrets.hide,
        )

    def hero_config_set(
        self,
        category: str,
        name: str,
        content: str,
        *,
        expand: Expansion = "shell",
        secrets: Sequence[str] = (),
        was: str | EllipsisType | None = ...,
        check: Callable[[str], object] | None = None,
    ) -> Path:
        """Write a config file; see `ConfigFiles.set`."""
        return self.config_files().set(
            category, name, content, expand=expand, secrets=secrets, was=was, check=check
        )

    def hero_config_get(self, category: str, name: str) -> str:
        """A config file's text, as it is in the file.

        Raises:
            HeroConfigNotFoundError: There is none.
        """
        return self.config_files().get(category, name)

    def hero_config_load(self, category: str, name: str) -> Any:
        """A config file's YAML as data; see `ConfigFiles.load`."""
        return self.config_files().load(category, name)

    def hero_config_exists(self, category: str, name: str) -> bool:
        """Whether there is such a config file."""
        return self.config_files().exists(category, name)

    def hero_config_delete(
        self, category: str, name: str, *, was: str | EllipsisType = ...
    ) -> bool:
        """Delete a config file; whether it was there. See `ConfigFiles.delete`."""
        return self.config_files().delete(category, name, was=was)

    @overload
    def hero_config_list(self) -> list[tuple[str, str]]: ...
    @overload
    def hero_config_list(self, category: str) -> list[str]: ...
    def hero_config_list(self, category: str | None = None) -> list[tuple[str, str]] | list[str]:
        """Category and name of every config file; of one category, the names. Sorted."""
        found = self.config_files().list(category)
        return found if category is None else [name for _, name in found]

    def secret_set(self, secret: str | Secret, *, encrypt: bool | None = None) -> None:
        """Give the context its secret; see `Secrets.set`."""
        self.secrets.set(secret, encrypt=encrypt)

    def secret_get(self) -> str:
        """The record's `secret`: 32 hex characters that tell the right secret from a wrong one.

        Asks for a secret when there is none, if questions may be asked.

        Raises:
            NotInteractiveError: There is none, and nobody may be asked.
        """
        if not self.config.secret:
            self.secret_configure()
        return self.config.secret

    def secret_configure(self) -> None:
        """Ask for the secret, twice when it is new, and unlock.

        Raises:
            NotInteractiveError: Nobody may be asked.
        """
        self.secrets.configure()

    def secret_check(self, secret: str | Secret) -> bool:
        """Whether that is the secret; costs half a second, as every guess does."""
        return self.secrets.check(secret)

    def secret_unlock(self, secret: str | Secret | None = None) -> None:
        """Unlock what is encrypted, in this process; see `Secrets.unlock`."""
        self.secrets.unlock(secret)

    def secret_lock(self) -> None:
        """Forget the keys, in this process."""
        self.secrets.lock()

    def secret_rotate(
        self, new: str | Secret | None = None, *, old: str | Secret | None = None
    ) -> None:
        """Change the keys of everything that is encrypted; see `Secrets.rotate`."""
        self.secrets.rotate(new, old=old)

    def secret_encrypt(self, text: str) -> str:
        """The text, encrypted; it may be kept anywhere in the context.

        Raises:
            SecretRequiredError: The context has no secret, or is locked.
        """
        return self.secrets.encrypt(text)

    def secret_decrypt(self, text: str) -> str:
        """What `secret_encrypt` was given; masked wherever it is shown from now on.

        Raises:
            SecretError: It cannot be opened, or is no encrypted text.
        """
        return self.secrets.decrypt(text)

    def priv_key_set(self, key_hex: str | Secret) -> None:
        """Keep a private key, encrypted.

        Raises:
            SecretError: It is not 64 hex digits, or the context has no secret or is locked.
        """
        key = key_hex if isinstance(key_hex, Secret) else Secret(key_hex)
        if not _KEY_HEX.fullmatch(key.reveal()):
            raise SecretError("that is no private key", hint="give 64 hex digits")
        self.keep_priv_key(key)

    def keep_priv_key(self, key: Secret) -> None:
        """As `priv_key_set`, for a key of another program's making."""
        with self._sealing([key]) as seal:
            self._update(
                lambda old: replace(
                    old, priv_key=seal(old, _PRIV_KEY, {_PRIV_KEY: key}, {})[_PRIV_KEY]
                )
            )

    def priv_key_get(self) -> Secret:
        """The private key.

        Raises:
            SecretError: There is none, or it cannot be opened.
        """
        config = self.config
        if not config.priv_key:
            raise SecretError(
                f"context {self.name} keeps no private key", hint="set it with priv_key_set"
            )
        if not sealed.is_sealed(config.priv_key):
            return Secret(self.secret_decrypt(config.priv_key))
        return Secret(self._opened(config, _PRIV_KEY, {_PRIV_KEY: config.priv_key})[_PRIV_KEY])

    def redis(self) -> Redis:
        """A client on the context's own database of the Redis server that keeps the records.

        Raises:
            StoreError: Records are kept in SQLite.
        """
        client: Callable[[int], Redis] | None = getattr(self.host.store, "client", None)
        if client is None:
            raise StoreError(
                f"records are kept in {self.host.store.address}, not in Redis",
                hint="set HERO_REDIS_URL",
            )
        return client(self.id)

    def configure(
        self,
        *,
        coderoot: str | None = None,
        interactive: bool | None = None,
        db_path: str | None = None,
    ) -> None:
        """Change what is given, in one step."""
        given = {
            "coderoot": _absolute(coderoot),
            "interactive": interactive,
            "db_path": _absolute(db_path),
        }
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        self._update(lambda old: replace(old, **changes))

    def mirror(self, *, secret: str, encrypt: bool) -> None:
        """Let the record say what the keyring says; `Secrets` calls it."""

        def change(old: ContextConfig) -> ContextConfig:
            rest = {key: value for key, value in old.extra.items() if key != _IMPORTING}
            return replace(old, secret=secret, encrypt=encrypt, extra=rest)

        self._update(change)

    def note_secret(self, name: str, *, is_kept: bool, by: str) -> None:
        """Note who has set or deleted a named secret, and when; `Secrets` calls it."""
        before = {} if is_kept else {name: _NAMED}
        after = {name: _NAMED} if is_kept else {}

        def change(old: ContextConfig) -> ContextConfig:
            notes = provenance.noted(old.secrets_from, before, after, self._change(by))
            return replace(old, secrets_from=notes)

        self._update(change)

    def secret_sources(self, names: Sequence[str]) -> dict[str, Source]:
        """What is noted of named secrets; `Secrets` calls it."""
        return self._sources(self.config.secrets_from, dict.fromkeys(names, _NAMED))

    def begin_import(self) -> None:
        """Mark the record, so that herolib's secret stays in it until everything is brought in."""
        self._update(lambda old: replace(old, extra={**old.extra, _IMPORTING: True}))

    def load(self) -> Context:
        """Read the name again, and finish what a killed rename left undone.

        Raises:
            ContextNotFoundError: The context was deleted.
            CorruptRecordError: Its record cannot be read, or its name cannot be a folder's.
        """
        config = self.config
        self.name = _folder_name(config, self.id)
        with suppress(SecretError):  # a damaged keyring is told where it is needed
            self.secrets.mirror(config)
        _settle(self, config)
        return self

    def rename(self, name: str) -> Context:
        """Give the context another name, in its record and on its folder; this object follows.

        Killed half-way, the next `load` or `context_get` moves the folder.

        Raises:
            BadNameError: The name cannot name a context.
            ContextError: It is the default context.
            ContextExistsError: Another context has the name, or left a folder of that name.
        """
        new = names.canonical(name, "context")
        if new == self.load().name:
            return self
        files.check_inside(self.host.home, self.path.parent)
        if self.id == 0:
            raise ContextError("the default context keeps its name", hint="create another one")
        if new == DEFAULT:
            raise ContextExistsError(
                f"{DEFAULT!r} is the name of context 0", hint="choose another name"
            )
        with claims.alone(self.host.store):
            _refuse_taken(self.host, new, but=self.id)
            if files.is_left_over(_folder(self.host, new)):
                raise ContextExistsError(
                    f"{_folder(self.host, new)} is there already, of a context that was deleted",
                    hint="move it away, or choose another name",
                )
            self._update(lambda old: replace(old, name=new, extra={**old.extra, _MOVING: old.name}))
        return self.load()

    def session_new(self, name: str = "", **options: Any) -> Session:
        """Create or resume a session here; see `hero_kernel.session_new`."""
        return self.host.session_new(context=self, name=name, **options)

    def session_get(self, name: str = "") -> Session:
        """The session of that name; without one, the latest; see `sessions.get`."""
        return self.host.session_get(name, context=self)

    def session_latest(self) -> Session:
        """The session created or resumed last; a new one when there is none."""
        return self.host.session_get(context=self)

    def sessions_list(self) -> list[Session]:
        """The context's sessions, by name."""
        return self.host.sessions_list(context=self)

    def session_exists(self, name: str) -> bool:
        """Whether there is a session of that name."""
        return self.host.session_exists(name, context=self)

    def session_delete(self, name: str, *, files: bool = False, db: bool = False) -> None:
        """Delete a session; see `sessions.delete`."""
        self.host.session_delete(name, context=self, files=files, db=db)


_PRIV_KEY = "priv_key"

_NAMED = ""
"""What a note of a named secret is checked against: its values are not looked at for that."""

_KEY_HEX = re.compile("[0-9a-fA-F]{64}")

_IMPORTING = "importing"
"""A field that stands in a record while what herolib's secret opens is being brought in."""

_MOVING = "renamed_from"
"""A field that stands in a record while its folder waits to be moved."""


def new(
    host: Host,
    name: str = "",
    context_id: int | None = None,
    *,
    exist_ok: bool = True,
    reset: bool = False,
    **given: Any,
) -> Context:
    """Create a context, or resume the one of that name or id.

    Args:
        host: What the context stands on.
        name: Default: `default`, or with an id the name of the context that has it.
        context_id: Default: the one the name has, 0 for `default`, else the lowest free from 1.
        exist_ok: Whether resuming is allowed.
        reset: Settings and parameters start over; sessions stay.
        given: Fields of the record to write, also when resuming; None leaves one as it is.

    Raises:
        BadNameError: The name cannot name a context.
        ContextExistsError: The id has another name, the name has another id, or it exists and
            may not.
    """
    for path in ("coderoot", "db_path"):
        given[path] = _absolute(given.get(path))
    given = {key: value for key, value in given.items() if value is not None}
    found = _find(host, name, context_id)
    if found is None:
        wanted = names.canonical(name or DEFAULT, "context")
        with claims.alone(host.store):
            found = _find(host, name, context_id)
            if found is None:
                return _create(host, wanted, context_id, given).load()
    if not exist_ok:
        raise ContextExistsError(
            f"context {found.guid} exists", hint="leave out exist_ok=False to resume it"
        )
    if reset:
        fresh = ContextConfig(id=found.id, name=found.name)
        stays = ("secret", "priv_key", "db_path", "encrypt", "secrets_from")

        def start_over(old: ContextConfig) -> ContextConfig:
            return replace(fresh, **{name: getattr(old, name) for name in stays}, **given)

        found._update(start_over)  # noqa: SLF001  # same room
    elif given:
        found._update(lambda old: replace(old, **given))  # noqa: SLF001  # same room
    return found.load()


def _absolute(path: str | None) -> str | None:
    """The path from the root or from `~`: a kernel may change its folder."""
    return str(Path.cwd() / path) if path and not path.startswith("~") else path


def _create(host: Host, name: str, context_id: int | None, given: Mapping[str, Any]) -> Context:
    """Write a new record; only while it is claimed, for the name was found to be free."""
    if name == DEFAULT:
        free = 0 if context_id is None else context_id
    else:
        free = _free_id(host) if context_id is None else context_id
    if (free == 0) != (name == DEFAULT):
        raise ContextExistsError(
            f"id 0 and the name {DEFAULT!r} belong to each other",
            hint="choose another id or another name, or leave out the id",
        )
    config = ContextConfig(id=free, name=name, **given)
    if not host.store.create(free, KEY, config.text()):  # another program, without our lock
        raise ContextExistsError(f"context id {free} was taken just now", hint="try again")
    return Context(host, free, name)


def _find(host: Host, name: str, context_id: int | None) -> Context | None:
    """The context that answers to both, None when neither is taken.

    Raises:
        ContextExistsError: Only one of them is taken, or each by another context.
    """
    wanted = names.folded(name)
    if context_id is not None:
        text = host.store.get(context_id, KEY)
        if text is not None:
            config = ContextConfig.read(text, _where(host, context_id))
            if wanted not in ("", names.folded(config.name)):
                raise ContextExistsError(
                    f"context id {context_id} is {config.name!r}, not {name!r}",
                    hint="choose another id, or leave it out",
                )
            return Context(host, context_id, _folder_name(config, context_id))
        if context_id != 0:
            _refuse_taken(host, wanted or DEFAULT, but=context_id)
        return None
    if wanted in ("", DEFAULT):
        return _find(host, DEFAULT, 0)
    return next(_called(host, wanted), None)


def _called(host: Host, name: str) -> Iterator[Context]:
    """The contexts of that name, in any spelling of it, by id."""
    for context_id, config in _readable(host):
        if names.folded(config.name) == name:
            yield Context(host, context_id, _folder_name(config, context_id))


def _refuse_taken(host: Host, name: str, *, but: int) -> None:
    taken = next((one for one in _called(host, name) if one.id != but), None)
    if taken is not None:
        raise ContextExistsError(
            f"context {name!r} has id {taken.id}", hint="choose another name, or leave out the id"
        )


def _free_id(host: Host) -> int:
    # A database with foreign records is not free, nor a number whose keyring waits for its record.
    taken = set(host.store.numbers())
    free = next(n for n in count(1) if n not in taken and not has_keyring(host, n))
    if free >= host.store.limit():
        raise ContextError(
            f"all {host.store.limit()} context ids of {host.store.address} are taken",
            hint="delete a context, or raise `databases` in redis.conf",
        )
    return free


def get(host: Host, id_or_name: int | str) -> Context:
    """The context with that id or name; `default` (0) is made when it is not there.

    A name that two contexts have (herolib wrote such) means the lower id, and `default` id 0;
    the other is `name@id`.

    Raises:
        ContextNotFoundError: There is none.
        CorruptRecordError: There is none of that name, but one whose record cannot be read.
    """
    if isinstance(id_or_name, str) and id_or_name.isdecimal() and id_or_name.isascii():
        id_or_name = int(id_or_name)
    by = _by_id if isinstance(id_or_name, int) else _by_name
    return by(host, id_or_name).load()  # type: ignore[arg-type]  # told apart one line above


def _by_id(host: Host, context_id: int) -> Context:
    text = host.store.get(context_id, KEY)
    if text is not None:
        config = ContextConfig.read(text, _where(host, context_id))
        return Context(host, context_id, _folder_name(config, context_id))
    if has_keyring(host, context_id):  # made anew without being asked, it would not be encrypted
        raise ContextNotFoundError(
            f"the record of context {context_id} is gone from {host.store.address}, its keyring "
            f"is still in {_keys(host, context_id)}",
            hint=f"restore the records, or make it again: context_new(id={context_id}, name=…)",
        )
    if context_id == 0:
        return new(host)
    raise ContextNotFoundError(f"there is no context with id {context_id}", hint=_known(host))


def _by_name(host: Host, name: str) -> Context:
    base, _, number = name.rpartition("@")
    if base and number.isdecimal() and number.isascii():
        context = _by_id(host, int(number))
        if names.folded(base) == names.folded(context.name):
            return context
    wanted = names.folded(name)
    if wanted == DEFAULT:
        return _by_id(host, 0)
    damaged: list[CorruptRecordError] = []
    for context_id, config in _readable(host, damaged):
        if names.folded(config.name) == wanted:
            return Context(host, context_id, _folder_name(config, context_id))
    wanted = names.canonical(name, "context")
    if damaged:
        raise damaged[0]
    raise ContextNotFoundError(f"there is no context {wanted!r}", hint=_known(host, wanted))


def _known(host: Host, near: str = "") -> str:
    there = did_you_mean(near, [config.name for _, config in _readable(host)])
    return there or "create it with context_new"


def every(host: Host) -> list[Context]:
    """Every context whose record can be read, and its name be a folder's, by id."""
    return [
        Context(host, number, config.name)
        for number, config in _readable(host)
        if names.is_safe_folder(config.name)
    ]


def exists(host: Host, id_or_name: int | str) -> bool:
    """Whether `get` finds a context; the default one exists always."""
    there = every(host)
    wanted = names.folded(str(id_or_name))
    known = {one for context in there for one in (str(context.id), names.folded(context.name))}
    return wanted in {"0", DEFAULT} | known | {names.folded(label) for label in labels(there)}


def labels(contexts: list[Context]) -> list[str]:
    """What to call each of them: the name, `name@id` where an earlier one has it."""
    seen: set[str] = set()
    found = []
    for context in contexts:
        found.append(f"{context.name}@{context.id}" if context.name in seen else context.name)
        seen.add(context.name)
    return found


def delete(host: Host, context: Context, *, with_files: bool, with_db: bool, force: bool) -> None:
    """Delete the record and every session's; other programs' keys in the database stay.

    Raises:
        ContextError: It is the default context, and not forced.
    """
    if context.id == 0 and not force:
        raise ContextError("the default context is not deleted by accident", hint="force=True")
    folder = context.path
    shared = with_files and any(c.name == context.name and c != context for c in every(host))
    if shared:
        raise ContextError(
            f"another context is called {context.name} too, and shares the folder {folder}",
            hint="rename one of them, or delete without files",
        )
    store = host.store
    for key in store.scan(context.id, "sessions:"):
        store.delete(context.id, key)
    store.delete(context.id, KEY)
    if with_files:
        files.remove(host.home, folder)
    if with_db:
        files.remove(host.home, _keys(host, context.id))


def _readable(
    host: Host, damaged: list[CorruptRecordError] | None = None
) -> Iterator[tuple[int, ContextConfig]]:
    for context_id in host.store.numbers():
        try:
            text = host.store.get(context_id, KEY)
            if text is not None:
                yield context_id, ContextConfig.read(text, _where(host, context_id))
        except CorruptRecordError as error:
            if damaged is not None:
                damaged.append(error)


def _folder_name(config: ContextConfig, context_id: int) -> str:
    if not names.is_safe_folder(config.name):
        raise CorruptRecordError(
            f"context {context_id} is called {config.name!r}, which cannot be a folder",
            hint="rename it where it was made",
        )
    return config.name


def _settle(context: Context, config: ContextConfig) -> None:
    """Move the folder of a renamed context, then forget the old name."""
    old = config.extra.get(_MOVING)
    if not isinstance(old, str):
        return
    host = context.host
    shared = any(other.id != context.id for other in _called(host, names.folded(old)))
    if names.is_safe_folder(old) and not shared:
        files.move(host.home, _folder(host, old), _folder(host, context.name))
    context._update(  # noqa: SLF001  # same room
        lambda c: replace(c, extra={k: v for k, v in c.extra.items() if k != _MOVING})
    )


def has_keyring(host: Host, context_id: int) -> bool:
    """Whether there are keys of a context with that id, be its record there or not."""
    return os.path.lexists(_keys(host, context_id) / keyring.FILE_NAME)


def _keys(host: Host, context_id: int) -> Path:
    return host.home / "db" / str(context_id)


def _folder(host: Host, name: str) -> Path:
    return host.home / "context" / name


def _where(host: Host, context_id: int) -> str:
    return f"{KEY} of context {context_id} in {host.store.address}"
