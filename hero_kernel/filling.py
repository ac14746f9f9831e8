"""Filling: values from elsewhere take the place of `${env:X}` and its like, and of `{NAME}`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from hero_kernel import heroscript, keyring, sealed
from hero_kernel.actors.bind import AS_WRITTEN, Origin
from hero_kernel.errors import HeroError, UndefinedError, did_you_mean
from hero_kernel.heroscript import Params, Reference, key_fix, name_fix
from hero_kernel.heroscript.references import Slip, pieces
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hero_kernel.errors import Located
    from hero_kernel.heroscript import Action
    from hero_kernel.sessions import Session, SessionConfig

Pieces: TypeAlias = "tuple[str | Reference | Slip, ...]"

Spot: TypeAlias = "tuple[int, str, tuple[int, int]]"
"""Where an expression stands: its action's `id()`, the parameter, and the span in its value."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is found out before a run.

    Attributes:
        expressions: What each Python expression is.
        waiting: The `id()` of actions with references that an earlier action may define.
    """

    expressions: Mapping[Spot, str | Secret] = field(default_factory=dict)
    waiting: frozenset[int] = frozenset()


MAX_SAID = 240
"""Characters of what Python says of an error."""

NO_PLAN = Plan()
"""For a run in which nothing refers to anything."""


class Filled(NamedTuple):
    """An action's parameters as its handler gets them.

    Attributes:
        params: The action's own where there was nothing to fill.
        origins: What stood in those that were filled, by key.
    """

    params: Params
    origins: Mapping[str, Origin] = AS_WRITTEN


class _Use(NamedTuple):
    """A reference, and where it stands."""

    action: Action
    key: str
    one: Reference

    @property
    def place(self) -> Located | None:
        return self.action.params.place_of(self.key, self.one.written)

    @property
    def spot(self) -> Spot:
        return id(self.action), self.key, self.one.span

    def error(self, message: str, hint: str) -> UndefinedError:
        return UndefinedError(f"{self.one}{message}", hint=hint, place=self.place)


class _Values(NamedTuple):
    """What the record of a session has of variables and parameters."""

    env: Mapping[str, str]
    params: Mapping[str, str]

    def get(self, one: Reference) -> str | None:
        if one.kind == "env":
            return self.env.get(one.name)
        return self.params.get(key_fix(one.name), None)


def may_refer(actions: Iterable[Action]) -> bool:
    """Whether any of their texts could hold a reference: a look at each text, not at each value."""
    return _any_has(actions, "${", r"\\u{")  # an escape may spell one


def may_fill(actions: Iterable[Action]) -> bool:
    """Whether any of them could hold a reference or a `{NAME}`; as `may_refer`."""
    return _any_has(actions, "{")


def _any_has(actions: Iterable[Action], *pieces: str) -> bool:
    seen: object = None
    for action in actions:
        source = action.source
        if source is None:
            texts: Iterable[str] = action.params.values()
        elif source is not seen:
            seen, texts = source, (source.text,)
        else:
            continue
        if any(piece in text for text in texts for piece in pieces):
            return True
    return False


def check(
    session: Session,
    actions: Iterable[Action],
    may_define: Callable[[Action], bool],
    *,
    settled: bool = True,
    variables: Mapping[str, object] | None = None,
    dry_run: bool = False,
) -> Plan:
    """Find references that nothing can fill, before anything runs; evaluate the Python among them.

    What is encrypted is opened, so that it is now that the context's secret is asked for. The
    Python is evaluated last, when everything else was found right.

    Args:
        session: Whose variables, parameters and secrets they name.
        actions: In the order of carrying out; those that are done are passed over.
        may_define: Whether an action may define what later ones name.
        settled: Whether nothing before these actions may.
        variables: What Python sees; None refuses it, and text from a file holds none.
        dry_run: Whether nothing is opened or evaluated; Python names are only looked up.

    Raises:
        UndefinedError: A reference names nothing, is malformed, or its Python fails; points at it.
        SecretError: A value is encrypted and cannot be opened.
    """
    config = session.config
    python: list[_Use] = []
    encrypted: list[_Use] = []
    waiting: set[int] = set()
    for action in actions:
        if action.done:
            continue
        for use in _uses(action, _read(action)):
            if use.one.kind == "py":
                if variables is None or not _is_own(action):
                    raise _no_python(use)
                python.append(use)
            elif not settled:
                waiting.add(id(action))
            else:
                encrypted += [use] if _is_encrypted(session, config, use) else []
        settled = settled and not may_define(action)
    if not dry_run:
        _open(session, encrypted)
    found = {use.spot: _evaluated(session, use, variables or {}, dry_run=dry_run) for use in python}
    return Plan({} if dry_run else found, frozenset(waiting))


def fill(session: Session, action: Action, plan: Plan) -> Filled:
    """The parameters with what they name in its place; the action keeps its own.

    What is put in is not looked at again. Secrets are masked from now on, wherever they show up.

    Raises:
        UndefinedError: A reference names nothing, or is malformed; points at it.
        SecretError: A value is encrypted and cannot be opened.
    """
    params = action.params
    read = _read(action)
    if not read:
        return Filled(params)
    uses = list(_uses(action, read))
    plain = (part for parts in read.values() for part in parts if isinstance(part, str))
    values = _values(session, (use.one for use in uses), plain)
    mask = session.context.host.redactor.mask
    texts: dict[str, str] = {}
    origins: dict[str, Origin] = {}
    for key, parts in read.items():
        filled: list[str] = []
        first, is_secret = "", False
        for part in parts:
            if isinstance(part, Reference):
                value = _value(session, _Use(action, key, part), values, plan)
                first = first or part.written
                is_secret = is_secret or isinstance(value, Secret)
                filled.append(value.reveal() if isinstance(value, Secret) else value)
            elif isinstance(part, str):
                filled.append(heroscript.replace_names(part, values.env))
        text = "".join(filled)
        if text != params[key]:
            texts[key] = text
            origins[key] = Origin(first, is_secret or mask(text) != text)
    return Filled(params.with_params(texts), origins) if texts else Filled(params)


def reads(session: Session, action: Action) -> str:
    """What filling an action reads, for people: `reads env X, secret TOKEN`; empty for nothing."""
    known = {name_fix(name): name for name in session.config.env}
    found: dict[str, None] = {}
    for parts in _read(action).values():
        for part in parts:
            if isinstance(part, Reference):
                found[f"{part.kind} {part.shown_name}"] = None
            elif isinstance(part, str):
                names = sorted(heroscript.names_in([part]) & known.keys())
                found |= dict.fromkeys(f"env {known[name]}" for name in names)
    return "reads " + ", ".join(found) if found else ""


def can_be_tried(action: Action, plan: Plan) -> bool:
    """Whether a dry run may fill the action: it opens no secret, and evaluates nothing."""
    kinds = {one.kind for value in action.params.values() for one in heroscript.references(value)}
    return id(action) not in plan.waiting and not kinds & {"py", "secret"}


def _read(action: Action) -> dict[str, Pieces]:
    """The values that may have something to fill, taken apart; mostly there is none."""
    values = action.params.get_map()  # a dict of its own; a look at it costs less than at Params
    return {key: pieces(value) for key, value in values.items() if "{" in value}


def _uses(action: Action, read: Mapping[str, Pieces]) -> Iterator[_Use]:
    """The references in an action's values, which were taken apart.

    Raises:
        UndefinedError: One is malformed.
    """
    for key, parts in read.items():
        for part in parts:
            if isinstance(part, Slip):
                place = action.params.place_of(key, part.written)
                raise UndefinedError(part.message, hint=part.hint, place=place)
            if isinstance(part, Reference):
                yield _Use(action, key, part)


def _is_encrypted(session: Session, config: SessionConfig, use: _Use) -> bool:
    """Whether what a reference names, which must be there, has to be opened.

    Raises:
        UndefinedError: It is not there.
    """
    name = use.one.name
    if use.one.kind == "secret":
        with _pointing_at(use):
            if session.context.secrets.exists(name):
                return True
    else:
        known = _Values(config.env, _params(session, config) if use.one.kind == "param" else {})
        if (found := known.get(use.one)) is not None:
            return sealed.is_sealed(found)
    raise _undefined(session, use)


def _open(session: Session, uses: Iterable[_Use]) -> None:
    """Open what references name, though it is read again when it is put in."""
    for use in uses:
        with _pointing_at(use):
            if use.one.kind == "secret":
                _secret(session, use.one.name)
            else:
                _values(session, [use.one])


def _params(session: Session, config: SessionConfig) -> Params:
    """The parameters as they are kept."""
    return Params.from_text(config.params, name=f"params of {session.guid}")


def _values(session: Session, named: Iterable[Reference], plain: Iterable[str] = ()) -> _Values:
    """What references and each `{NAME}` in plain texts name in the record, from one reading."""
    named = list(named)
    env = {one.name for one in named if one.kind == "env"}
    params = {key_fix(one.name) for one in named if one.kind == "param"}
    alike = heroscript.names_in(plain)
    if not (env or params or alike):
        return _Values({}, {})
    return _Values(*session.values_of(env, alike=alike, params=params))


def _value(session: Session, use: _Use, values: _Values, plan: Plan) -> str | Secret:
    if use.one.kind == "py":
        if use.spot not in plan.expressions:
            raise _no_python(use)
        return plan.expressions[use.spot]
    if use.one.kind == "secret":
        with _pointing_at(use):
            if session.context.secrets.exists(use.one.name):
                return _secret(session, use.one.name)
    elif (found := values.get(use.one)) is not None:
        return found
    raise _undefined(session, use)


def _secret(session: Session, name: str) -> Secret:
    secrets = session.context.secrets
    value = secrets.get(name)
    secrets.hide(value.reveal())
    return value


@contextmanager
def _pointing_at(use: _Use) -> Iterator[None]:
    """Let an error from below point at the reference."""
    try:
        yield
    except HeroError as error:
        error.place = error.place or use.place
        raise


def _undefined(session: Session, use: _Use) -> UndefinedError:
    context, name = session.context, use.one.name
    config = session.config
    known: Iterable[str]
    if use.one.kind == "env":
        known = config.env
        what = f"session {session.name} has no variable {name}"
        mend = f"set it with %hero_env set {name}=…"
    elif use.one.kind == "param":
        name = key_fix(name)
        known = _params(session, config)
        what = f"session {session.name} has no parameter {name}"
        mend = f"set it with !!core.params_session_set {name}:…"
    else:
        known = context.secrets.names()
        what = f"context {context.name} keeps no secret {name}"
        variable = keyring.variable(name)
        mend = f"set it with %hero_secret set {name}, or {variable} where nobody can be asked"
    known = list(known)
    near = [other for other in known if name_fix(other) == name_fix(name)]
    guess = f"did you mean {near[0]}?" if near else did_you_mean(name, known)
    return use.error(f": {what}", f"{guess} or {mend}" if guess.startswith("did") else mend)


def _is_own(action: Action) -> bool:
    """Whether it was typed in where the variables are: it was read from no file or address."""
    source = action.source
    return source is not None and source.origin is None and not Path(source.name).is_absolute()


def _no_python(use: _Use) -> UndefinedError:
    return use.error(
        " is Python, which is evaluated only in a cell's own text",
        "begin the cell with %%heroscript --py; $${py:…} is the text itself",
    )


def _evaluated(
    session: Session, use: _Use, variables: Mapping[str, object], *, dry_run: bool
) -> str | Secret:
    from hero_kernel import expressions  # noqa: PLC0415  # Python's own parser; few runs need it

    try:
        if dry_run:
            expressions.check_names(use.one.name, variables)
            return ""
        value = expressions.evaluated(use.one.name, variables)
    except UndefinedError as error:
        message, hint = session.context.host.redactor.mask(error.message), error.hint
        message = message if len(message) <= MAX_SAID else message[:MAX_SAID] + "…"
    else:
        if isinstance(value, Secret):
            session.context.secrets.hide(value.reveal())
        return value
    raise use.error(f": {message}", hint)
