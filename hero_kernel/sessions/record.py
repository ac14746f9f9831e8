"""Record: what the store keeps of a session, and under which names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hero_kernel import names, times
from hero_kernel.errors import BadNameError, CorruptRecordError
from hero_kernel.heroscript import Params
from hero_kernel.kept import defaults, notes_in, with_notes
from hero_kernel.secret import Secret
from hero_kernel.stores import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hero_kernel.contexts import Context
    from hero_kernel.times import OurTime

PREFIX = "sessions:config:"
"""A session's record is at this and its name; herolib's."""

ENV, PARAMS = "env", "params"
"""What sealed values of a record are of."""

LATEST = "sessions:config:latest"
"""The bare name of the session created or resumed last; so no session may be called `latest`."""

SHORTEST_NAME = 3
"""herolib's rule."""

TO = "renamed_to"
"""A field of a session's record that holds still: only its renaming is still to be done."""

KILLED = "killed"
"""A field that repeats the end when nobody recorded it; of a session with another end it is old."""

DOOMED = "doomed"
"""A field that stands in a record while it is looked whether anybody is on the session still; who
comes takes it away, and so does any other change: then the session stays."""

USED = "used"
"""A field with the day of the last resuming, which tells what may be pruned."""

FROM = "renamed_from"
"""A field that stands in the new record until the old one is gone and the folder moved."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The record of a session: herolib's four fields in its order, then ours, then unknown ones.

    Attributes:
        name: Unique in the context.
        start: When it was created, `YYYY-MM-DD HH:mm:ss` UTC; herolib leaves out the seconds.
        description: For people.
        params: Parameter text, as in an action.
        interactive: Whether questions may be asked.
        end: When it was closed; empty while it is open.
        env: Its environment variables.
        notebook: The file of the notebook that it is bound to by its path; empty when it was
            named by hand.
        seen: How that notebook was met last; see `binding.registry`.
        ephemeral: Whether it was made for one run, and is not resumed unless it is named.
        uid: What encrypted values of it are bound to, through renames; empty before the first.
        env_from: Where the variables came from; see `provenance`.
        params_from: Where the parameters came from.
        extra: Fields of other programs or versions, kept as they are.
    """

    name: str
    start: str = ""
    description: str = ""
    params: str = ""
    interactive: bool = True
    end: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    notebook: str = ""
    uid: str = ""
    seen: Mapping[str, Any] = field(default_factory=dict, repr=False)
    ephemeral: bool = False
    env_from: str = field(default="", repr=False)
    params_from: str = field(default="", repr=False)
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, text: str, where: str) -> SessionConfig:
        """Read the record.

        Raises:
            CorruptRecordError: It cannot be read.
        """
        found = record.decode(text, where, _DEFAULTS)
        known = {name: found.pop(name) for name in _DEFAULTS}
        known["params"] = _recovered(known["params"])
        if not all(isinstance(value, str) for value in known["env"].values()):
            raise CorruptRecordError(
                f"{where} cannot be read: a value in env is no text", hint="mend or delete it"
            )
        known |= notes_in(found, "env_from", "params_from")
        for name in ("env", "seen"):
            known[name] = MappingProxyType(known[name])  # one record is handed to many
        return cls(**known, extra=MappingProxyType(found))

    @property
    def is_killed(self) -> bool:
        """Whether its end is no end that was recorded, but when its last holder was heard of."""
        return bool(self.end) and self.extra.get(KILLED) == self.end

    @property
    def used(self) -> str:
        """The day it was resumed last, `YYYY-MM-DD` UTC; empty when not after its first day."""
        day = self.extra.get(USED)
        return day if isinstance(day, str) else ""

    def text(self) -> str:
        """The record as it is written."""
        known = {name: getattr(self, name) for name in _DEFAULTS}
        for name in ("uid", "seen", "ephemeral"):
            if not known[name]:
                del known[name]
        mappings = {name: dict(known[name]) for name in ("env", "seen") if name in known}
        notes = {"env_from": self.env_from, "params_from": self.params_from}
        return record.encode(known | mappings | with_notes(self.extra, notes))


_DEFAULTS = defaults(SessionConfig.__dataclass_fields__, name="", env={}, seen={})

_DUMPED_PARAMS = re.compile(r"\S*Params\{")
_DUMPED_PAIR = re.compile(r"key: '([^'\n]*)'\s*\n\s*value: '([^'\n]*)'")


def _recovered(params: str) -> str:
    """The parameters in a record that herolib garbled by dumping its own struct."""
    if not _DUMPED_PARAMS.match(params):
        return params
    return Params(dict(_DUMPED_PAIR.findall(params))).heroscript()


def canonical(name: str) -> str:
    """A session's name as it is kept.

    Raises:
        BadNameError: It is shorter than three characters, reserved, or holds a character that
            cannot be kept.
    """
    return names.canonical(name, "session", shortest=SHORTEST_NAME, dots=False)


def database(name: str) -> str:
    """What the database of the session of that name is called; herolib's."""
    return f"session_{name}"


def where(context: Context, name: str) -> str:
    """Where a session's record is, for messages."""
    return f"{PREFIX}{name} of context {context.id} in {context.host.store.address}"


def dated(config: SessionConfig, now: OurTime) -> SessionConfig:
    """A start like `+1h`, which herolib reads anew each time, resolved once."""
    if not config.start or config.start.lstrip()[:1] in "+-":
        return replace(config, start=str(times.new(config.start, now=now)))
    return config


def resumed(config: SessionConfig, now: OurTime) -> SessionConfig:
    """The record of a session that is gone on with: it has no end any more."""
    found, today = dated(config, now), now.day()
    extra = found.extra
    if today not in (config.used, found.start[: len(today)]):  # once a day, for the cost of a write
        extra = {**extra, USED: today}
    return replace(found, end="", extra=extra)


def check_env(key: str, value: str | Secret) -> None:
    """Raise BadNameError for what cannot name a variable, TypeError for a value that is no text."""
    if not isinstance(value, str | Secret):
        raise TypeError(f"the value of {key} is {type(value).__name__}; give a str")
    if not key or "=" in key or not key.isprintable() or " " in key:
        raise BadNameError(
            f"environment variable {key!r} cannot be set",
            hint="a name has at least one character, and no blank, no = and no control character",
        )
