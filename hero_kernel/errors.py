"""Every error raised on purpose.

HeroError
├── HeroscriptError        a text is not heroscript
├── ParamError             a parameter is missing, unknown or badly spelt (KeyError, ValueError)
├── OurTimeError           a text is not a time (ValueError)
├── PlaybookError          a playbook does not hold what was asked of it
├── BadNameError           a name that cannot become a key or a path
├── ChangedError           what is to be changed is not what it was taken for any more
├── StoreError             a store does not do what was asked
│   ├── StoreUnavailableError    nothing answers at the address
│   ├── StoreAuthError           the store refuses us
│   ├── UncertainResultError     the answer was lost: it may or may not have happened
│   ├── CorruptRecordError       a record or file cannot be read; it is left as it is
│   ├── StorageFullError         no room; what was stored is unharmed
│   ├── ReadOnlyStoreError       reading works, writing does not
│   └── ValueTooLargeError       a value is larger than can be kept; nothing was touched
├── ContextError
│   ├── ContextExistsError       an id or a name is taken
│   └── ContextNotFoundError
├── SessionError
│   ├── SessionExistsError
│   ├── SessionHeldError         others are on it, or one of them has taken it over
│   ├── SessionNotFoundError
│   └── BundleError              a file is no exported session
├── EnvKeyError            an environment variable is not set, or set already (KeyError)
├── DatabaseError
│   ├── DatabaseNotFoundError
│   └── DBKeyError               a key or id is not in a database (KeyError)
├── ConfigError            a config file is not what was asked for
│   ├── HeroConfigNotFoundError
│   └── CorruptConfigError       its text is not the YAML that is read here
├── ProjectError           a hero.toml, or a section of pyproject.toml, cannot be used
├── SecretError
│   ├── SecretRequiredError      the keys are locked, and nobody can be asked
│   ├── WrongSecretError         that is not the secret
│   ├── SecretChangedError       another process changed it; unlock again
│   ├── KeyringMissingError      encrypted values are there, the keys to them are not
│   ├── KeyringTamperedError     the keyring was changed or damaged
│   ├── ValueTamperedError       an encrypted value was changed, moved or damaged
│   ├── LegacyCiphertextError    a value in herolib's form, which is only read
│   └── UnsafePermissionsError   others may read or change a file that holds keys
├── LogError               a log line cannot be written as asked
├── SourceError            a path or an address cannot be read as a playbook
├── GitError               git does not do what was asked
│   └── GitAddressError          a text is no address of a repository (ValueError)
├── NotAllowedError        a playbook from elsewhere was not allowed to run
├── UndefinedError         what a ${…} stands for is not to be had (LookupError)
├── ActionError            an action cannot be carried out
│   └── UnknownActionError       no actor handles it
├── NotInteractiveError    a question would have to be asked and may not be
├── UsageError             a command was called wrongly
├── ExpectationError       what was to fail did not, or otherwise
├── RunError               a run ended with an action that failed
└── ReportError            a report does not have what was asked of it (LookupError)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable


class Located(Protocol):
    """What an error knows of the place it points at; see `heroscript.source.Place`."""

    @property
    def excerpt(self) -> tuple[str, ...]:
        """The line in question and a caret below the column; empty when there is none."""


class HeroError(Exception):
    """Says where, what, and what instead.

    Attributes:
        message: What is wrong, lower case, without a full stop.
        hint: What to do instead; may be empty.
        place: Where in a text, or None.
    """

    def __init__(self, message: str, *, hint: str = "", place: Located | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = place

    def __str__(self) -> str:
        """One line: place, message and hint."""
        where = f"{self.place}: " if self.place is not None else ""
        return f"{where}{self.message}" + (f"; {self.hint}" if self.hint else "")

    def lines(self) -> list[str]:
        """For a reader, line by line: the message, the line it points at, the hint."""
        where = f"{self.place}: " if self.place is not None else ""
        excerpt = self.place.excerpt if self.place is not None else ()
        return [f"{where}{self.message}", *excerpt, *([self.hint] if self.hint else [])]


class HeroscriptError(HeroError):
    """A text is not heroscript.

    Attributes:
        errors: Every fault found in the text, this one first.
    """

    def __init__(self, message: str, *, hint: str = "", place: Located | None = None) -> None:
        super().__init__(message, hint=hint, place=place)
        self.errors: tuple[HeroscriptError, ...] = (self,)


class ParamError(HeroError, KeyError, ValueError):
    """A parameter is missing, unknown, or its text does not spell a value of the type asked for."""

    __str__ = HeroError.__str__  # KeyError would quote the message


class OurTimeError(HeroError, ValueError):
    """A text is not a time, or the time lies beyond what can be kept."""


class PlaybookError(HeroError):
    """A playbook does not hold what was asked of it."""


class BadNameError(HeroError, ValueError):
    """A name that cannot become a key or a path."""


class ChangedError(HeroError):
    """What is to be changed is not what it was taken for any more; it is left as it is."""


class StoreError(HeroError):
    """A store does not do what was asked."""


class StoreUnavailableError(StoreError):
    """Nothing answers at the store's address."""


class StoreAuthError(StoreError):
    """The store refuses us: password, user or permission."""


class UncertainResultError(StoreError):
    """The answer was lost on the way: the change may or may not have happened."""


class CorruptRecordError(StoreError):
    """A record or a store's file cannot be read; it is left as it is."""


class StorageFullError(StoreError):
    """There is no room; what was stored before is unharmed."""


class ReadOnlyStoreError(StoreError):
    """The store can be read but not written."""


class ValueTooLargeError(StoreError):
    """A value is larger than can be kept; told before anything is touched."""


class ContextError(HeroError):
    """A context is not what was asked for."""


class ContextExistsError(ContextError):
    """The id or the name belongs to another context, or the context must be new and is not."""


class ContextNotFoundError(ContextError, LookupError):
    """There is no such context."""


class SessionError(HeroError):
    """A session is not what was asked for."""


class SessionExistsError(SessionError):
    """The session must be new and is not."""


class SessionHeldError(SessionError):
    """Others are on the session, or one of them has taken it over."""


class BundleError(SessionError):
    """A file is no exported session, or one that is not to be trusted; nothing was made of it."""


class SessionNotFoundError(SessionError, LookupError):
    """There is no such session."""


class EnvKeyError(HeroError, KeyError):
    """An environment variable is not set, or is set once and for all."""

    __str__ = HeroError.__str__  # KeyError would quote the message


class DatabaseError(HeroError):
    """A database is not what was asked for."""


class DatabaseNotFoundError(DatabaseError, LookupError):
    """There is no such database."""


class DBKeyError(DatabaseError, KeyError):
    """A key or an id is not in the database."""

    __str__ = HeroError.__str__  # KeyError would quote the message


class ConfigError(HeroError):
    """A config file is not what was asked for."""


class HeroConfigNotFoundError(ConfigError, LookupError):
    """There is no such config file."""


class CorruptConfigError(ConfigError, ValueError):
    """A config file's text is not the YAML that is read here; it is left as it is."""


class ProjectError(HeroError):
    """A project's `hero.toml`, or its section of `pyproject.toml`, cannot be used."""


class SecretError(HeroError):
    """A secret, a key or an encrypted value is not what was asked for."""


class SecretRequiredError(SecretError):
    """The keys are locked, and nobody can be asked for the secret."""


class WrongSecretError(SecretError):
    """That is not the secret."""


class SecretChangedError(SecretError):
    """Another process has changed the secret; the keys here open nothing new."""


class KeyringMissingError(SecretError):
    """Encrypted values are there, the keyring that opens them is not."""


class KeyringTamperedError(SecretError):
    """The keyring's file was changed or damaged."""


class ValueTamperedError(SecretError):
    """An encrypted value was changed, moved or damaged."""


class LegacyCiphertextError(SecretError):
    """A value in herolib's form, which is read and imported, and never written."""


class UnsafePermissionsError(SecretError):
    """Others may read or change a file that holds keys."""


class LogError(HeroError):
    """A log line cannot be written as asked."""


class SourceError(HeroError):
    """A path or an address cannot be read as a playbook."""


class GitError(HeroError):
    """git does not do what was asked; the message has what it said, without credentials."""


class GitAddressError(GitError, ValueError):
    """A text is no address of a repository, or one that is not fetched from."""


class NotAllowedError(HeroError):
    """A playbook from elsewhere was not allowed to run."""


class UndefinedError(HeroError, LookupError):
    """What a `${…}` stands for is not to be had, or it is not written as one."""


class ActionError(HeroError):
    """An action cannot be carried out; handlers raise it for what the user can mend."""


class UnknownActionError(ActionError, LookupError):
    """No actor handles the action."""


class NotInteractiveError(HeroError):
    """A question would have to be asked, and may not be."""


class UsageError(HeroError):
    """A command was called wrongly."""


class ExpectationError(HeroError):
    """What was to fail did not, or failed with another error."""


class RunError(HeroError):
    """A run ended with an action that failed or was interrupted.

    Attributes:
        kinds: The classes of what its actions failed with, by their names.
    """

    kinds: tuple[str, ...] = ()


class ReportError(HeroError, LookupError):
    """A report does not have what was asked of it, or cannot be had in that form."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The hint for a name that is not among the known ones: the near misses, else a short list."""
    from difflib import get_close_matches  # noqa: PLC0415  # only for what went wrong

    known = sorted(known)
    near = get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if not known:
        return ""
    shown = known[:12]
    return f"there is {', '.join(shown)}" + (", …" if len(known) > len(shown) else "")
