"""A handler's signature is its parameter list: text becomes typed keywords."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import MappingProxyType, NoneType, SimpleNamespace, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from hero_kernel.errors import ActionError, HeroError, ParamError, did_you_mean
from hero_kernel.heroscript import Action, Params, name_fix
from hero_kernel.secret import Secret
from hero_kernel.times import OurTime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hero_kernel.errors import Located

Convert: TypeAlias = "Callable[[Params, str, OurTime], Any]"
"""From the parameters, a key in them and the time now to the value."""

_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Origin:
    """What stood in a parameter before it was filled.

    Attributes:
        written: The first reference in it, `${env:X}`; empty when there were only `{NAME}`.
        is_secret: Whether the text that it became must not be shown.
    """

    written: str
    is_secret: bool


AS_WRITTEN: Mapping[str, Origin] = MappingProxyType({})
"""Of parameters that were not filled."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action.

    Attributes:
        name: Its key.
        keyword: What the function calls it: `from_` for the key `from`.
        kind: Its type, for people.
        convert: How its text becomes a value.
        default: What it is when it is not given; `inspect.Parameter.empty` when it must be.
        flag: Whether it may be given as a bare word.
        choices: The texts it accepts, when they can be listed.
    """

    name: str
    keyword: str
    kind: str
    convert: Convert
    default: Any
    flag: bool = False
    choices: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether an action without it is refused."""
        return self.default is _REQUIRED


@dataclass(frozen=True, slots=True)
class Accepts:
    """What a handler accepts.

    Attributes:
        action: `actor.name`.
        parameters: By key.
        takes_session: Whether its first, positional parameter is the session.
        wants_action: The keyword that receives the action itself, or None.
        words: Whether bare words are accepted, and go to `*args`.
        any_key: Whether any other key is accepted, and goes to `**kwargs` as text.
        own: Names of the function's that `**kwargs` cannot carry: the session's, the action's.
        brings_in: Whether it says that it returns an `Include`: actions that may do anything.
        secrets: The keys whose text becomes a `Secret`, or a list of them.
    """

    action: str
    parameters: Mapping[str, Parameter]
    takes_session: bool
    wants_action: str | None
    words: bool
    any_key: bool
    own: frozenset[str] = frozenset()
    brings_in: bool = False
    secrets: frozenset[str] = frozenset()


def accepts(action: str, function: Callable[..., Any]) -> Accepts:
    """Read a handler's signature.

    Raises:
        ActionError: An annotation is of no type that text can become.
    """
    parameters: dict[str, Parameter] = {}
    takes_session = words = any_key = False
    wants_action = None
    own: set[str] = set()
    before_words: list[inspect.Parameter] = []
    signature = _signature(function)
    for number, one in enumerate(signature.parameters.values()):
        if one.kind is one.VAR_POSITIONAL:
            words = True
        elif one.kind is one.VAR_KEYWORD:
            any_key = True
        elif number == 0 and _is_session(function, one):
            takes_session = True
            own |= {one.name} if one.kind is not one.POSITIONAL_ONLY else set()
        elif (hint := _hint(action, function, one)) is Action:
            wants_action = one.name
            own.add(one.name)
        else:
            parameter = _parameter(action, one, hint)
            parameters[parameter.name] = parameter
            before_words += [one] if one.kind is not one.KEYWORD_ONLY else []
    _check_named(action, before_words, words=words)
    secrets = [key for key, one in parameters.items() if "secret" in one.kind and not one.choices]
    return Accepts(
        action, parameters, takes_session, wants_action, words, any_key, frozenset(own),
        brings_in="Include" in str(signature.return_annotation), secrets=frozenset(secrets),
    )  # fmt: skip


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if sys.version_info >= (3, 14):
        from annotationlib import Format  # noqa: PLC0415  # of that version

        # annotations are evaluated now; a name that only type checkers know fails none of them
        return inspect.signature(function, annotation_format=Format.FORWARDREF)
    return inspect.signature(function)


def _is_session(function: Callable[..., Any], first: inspect.Parameter) -> bool:
    """Whether the first parameter is for the session: by its name, or for want of a text's type."""
    if first.kind is first.KEYWORD_ONLY:
        return False
    if first.name == "session" or first.annotation is first.empty:
        return True
    try:
        hint = _without_none(_hint("", function, first))
    except ActionError:  # a name that exists only for type checkers, as Session's often does
        return True
    return hint in (Any, object) or (hint is not Action and _conversion(hint)[0] is None)


def _check_named(action: str, positional: list[inspect.Parameter], *, words: bool) -> None:
    """Refuse parameters that could not be given by their names."""
    for one in positional:
        if words or one.kind is one.POSITIONAL_ONLY:
            raise ActionError(
                f"{action}: parameter {one.name} cannot be given by its name",
                hint="put it behind a * or behind the *words",
            )


def arguments(
    accepted: Accepts, action: Action, params: Params, now: OurTime
) -> tuple[list[str], dict[str, Any]]:
    """What the handler is called with after the session: bare words, and keywords by type.

    Raises:
        ParamError: A parameter is missing, unknown or badly spelt; points at its place.
    """
    check_names(accepted, action, params)
    return checked_arguments(accepted, action, params, now)


def checked_arguments(
    accepted: Accepts,
    action: Action,
    params: Params,
    now: OurTime,
    origins: Mapping[str, Origin] = AS_WRITTEN,
) -> tuple[list[str], dict[str, Any]]:
    """As `arguments`, for parameters whose names `check` has seen to.

    Args:
        accepted: What the handler accepts.
        action: Whose parameters they are.
        params: They, filled.
        now: What relative times are counted from.
        origins: What stood in those that were filled, by key.

    Raises:
        ParamError: A value is badly spelt; it points at its place, or at the reference that it
            was filled from, and does not show a secret.
    """
    words = list(params.args)
    keywords: dict[str, Any] = {}
    texts = params.get_map()  # a dict of its own; a look at it costs less than at Params
    for key, parameter in accepted.parameters.items():
        if key in texts:
            if parameter.convert is _text:
                keywords[parameter.keyword] = texts[key]
                continue
            try:
                keywords[parameter.keyword] = _converted(accepted, action, params, parameter, now)
                continue
            except ParamError as error:
                if key not in origins:
                    raise
                fault = _misfilled(error, action, parameter, origins[key])
            raise fault  # out here, so that it drags no error along that shows a secret
        if parameter.flag and key in _words(params):
            keywords[parameter.keyword] = True
            words = [word for word in words if word.lower() != key]
    if accepted.any_key:
        keywords |= {k: text for k, text in texts.items() if k not in accepted.parameters}
    if accepted.wants_action:
        keywords[accepted.wants_action] = action
    return (words if accepted.words else []), keywords


def check(accepted: Accepts, action: Action, now: OurTime) -> None:
    """Find what is wrong with an action's parameters before anything runs.

    A value with a `{NAME}` or a `${env:X}` in it is not converted yet: it is not filled.

    Raises:
        ParamError: As `arguments`.
    """
    params = action.params
    check_names(accepted, action, params)
    texts = params.get_map()
    for key, parameter in accepted.parameters.items():
        if parameter.convert is not _text and "{" not in texts.get(key, "{"):
            _converted(accepted, action, params, parameter, now)


def check_names(accepted: Accepts, action: Action, params: Params) -> None:
    """Check that every parameter is known and every required one is there.

    Raises:
        ParamError: One is not; points at it, or at the action it is missing from.
    """
    known, texts = accepted.parameters, params.get_map()
    if accepted.own or not (accepted.any_key or texts.keys() <= known.keys()):
        for key in texts:
            if key in accepted.own or not (accepted.any_key or key in known):
                raise ParamError(
                    f"{accepted.action} takes no {key}",
                    hint=_takes(accepted, key),
                    place=params.key_place(key) or action.place,
                )
    if not accepted.words:
        for number, word in enumerate(params.args):
            if not (word.lower() in known and known[word.lower()].flag):
                raise ParamError(
                    f"{accepted.action} takes no bare word {word}",
                    hint=f"write key:value; {_takes(accepted, word)}",
                    place=_arg_place(action, number),
                )
    for key, parameter in known.items():
        if (
            parameter.required
            and key not in texts
            and not (parameter.flag and key in _words(params))
        ):
            raise ParamError(
                f"{accepted.action} needs {key}", hint=_takes(accepted), place=action.place
            )


def _takes(accepted: Accepts, near: str = "") -> str:
    if not accepted.parameters:
        return "it takes no parameters"
    listed = ", ".join(accepted.parameters)
    guess = did_you_mean(near, accepted.parameters) if near else ""
    return f"it takes {listed}" + (f"; {guess}" if guess.startswith("did") else "")


def _words(params: Params) -> list[str]:
    return [word.lower() for word in params.args]


def _converted(
    accepted: Accepts, action: Action, params: Params, parameter: Parameter, now: OurTime
) -> Any:
    try:
        return parameter.convert(params, parameter.name, now)
    except ParamError as error:
        place = error.place or _place(action, parameter.name)
        raise ParamError(
            f"{accepted.action} {error.message}", hint=error.hint, place=place
        ) from error
    except HeroError as error:
        raise ParamError(
            f"{accepted.action} {parameter.name}: {error.message}",
            hint=error.hint,
            place=_place(action, parameter.name),
        ) from error


def _misfilled(
    error: ParamError, action: Action, parameter: Parameter, origin: Origin
) -> ParamError:
    """The fault of a text that the script does not have: it tells where the text came from."""
    message, hint = error.message, error.hint
    if origin.is_secret:  # the error may show the text, or half of it, which no mask would know
        message = f"{action.full_name} parameter {parameter.name} is a secret that does not fit"
        is_one = " or " not in parameter.kind and parameter.kind not in ("text", "parameters")
        hint = f"it takes {'a ' if is_one else ''}{parameter.kind}"
    if origin.written:
        message += f", filled from {origin.written}"
    place = action.params.place_of(parameter.name, origin.written)
    return ParamError(message, hint=hint, place=place)


def _place(action: Action, key: str) -> Located | None:
    return action.params.place(key) if key in action.params else action.place


def _arg_place(action: Action, number: int) -> Located | None:
    return action.params.arg_place(number) if number < len(action.params.args) else action.place


def _hint(action: str, function: Callable[..., Any], one: inspect.Parameter) -> Any:
    """A parameter's type; alone, since the others' names may exist only for type checkers."""
    if one.annotation is one.empty:
        return type(one.default) if type(one.default) in (int, float, bool) else str
    holder = SimpleNamespace(__annotations__={one.name: one.annotation})
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(holder, globalns=namespace)[one.name]
    except Exception as error:  # evaluating a foreign annotation may raise anything
        raise ActionError(
            f"{action}: the annotation of parameter {one.name} cannot be read: {error}",
            hint="its type must be importable when the handler is defined",
        ) from error


def _parameter(action: str, one: inspect.Parameter, hint: Any) -> Parameter:
    hint = _without_none(hint)
    convert, kind = _conversion(hint)
    if convert is None:
        raise ActionError(
            f"{action}: parameter {one.name} is annotated {kind}, which text cannot become",
            hint="use str, int, float, bool, Path, list[str], datetime, Secret, Enum or Literal",
        )
    choices: tuple[str, ...] = ()
    if get_origin(hint) is Literal:
        choices = tuple(str(value) for value in get_args(hint))
    elif inspect.isclass(hint) and issubclass(hint, Enum):
        choices = tuple(member.name.lower() for member in hint)
    elif hint is bool:
        choices = ("true", "false")
    # a keyword of Python is spelt with a final _
    key = name_fix(one.name.rstrip("_"))
    return Parameter(key, one.name, kind, convert, one.default, hint is bool, choices)


def _without_none(hint: Any) -> Any:
    """`X | None` accepts the text of X; None is only ever a default."""
    if get_origin(hint) in (Union, UnionType):
        rest = [one for one in get_args(hint) if one is not NoneType]
        if len(rest) == 1:
            return rest[0]
    return hint


def _conversion(hint: Any) -> tuple[Convert | None, str]:
    simple: dict[Any, tuple[Convert, str]] = {
        str: (_text, "text"),
        Any: (_text, "text"),
        object: (_text, "text"),
        int: (_integer, "whole number"),
        float: (lambda p, key, _: p.get_float(key), "number"),
        bool: (lambda p, key, _: p.get_bool(key), "true or false"),
        Path: (_path, "path"),
        datetime: (lambda p, key, now: p.get_time(key, now=now).datetime, "time"),
        OurTime: (lambda p, key, now: p.get_time(key, now=now), "time"),
        Secret: (lambda p, key, _: Secret(p[key]), "secret"),
        Params: (lambda p, key, _: p.get_params(key), "parameters"),
        list: (lambda p, key, _: p.get_list(key), "list"),
    }
    origin, inner = get_origin(hint), get_args(hint)
    if hint in simple:
        return simple[hint]
    if origin is tuple and inner[1:] != (...,):
        return _fixed(inner)
    if origin in (list, tuple):
        return _list(origin, inner[0])
    if origin is Literal:
        return _choice({str(value): value for value in inner}, " or ".join(map(str, inner)))
    if inspect.isclass(hint) and issubclass(hint, Enum):
        names = {member.name.lower(): member for member in hint}
        values = {str(member.value): member for member in hint}
        return _choice(values | names, " or ".join(names))
    return None, getattr(hint, "__name__", str(hint))


def _list(origin: Any, item: Any) -> tuple[Convert | None, str]:
    convert, kind = _conversion(item)
    if convert is None:
        return None, f"list of {kind}"

    def items(params: Params, key: str, now: OurTime) -> Any:
        return origin(_item(convert, params, key, text, now) for text in params.get_list(key))

    return items, f"list of {kind}s"


def _fixed(hints: tuple[Any, ...]) -> tuple[Convert | None, str]:
    """A tuple of so many items, each of its own type."""
    conversions = [_conversion(hint) for hint in hints]
    converts = [convert for convert, _ in conversions if convert is not None]
    kind = ", ".join(kind for _, kind in conversions)
    if len(converts) < len(hints):
        return None, f"tuple of {kind}"

    def items(params: Params, key: str, now: OurTime) -> Any:
        texts = params.get_list(key)
        if len(texts) != len(converts):
            raise _bad(params, key, f"{kind}, and has {len(texts)} items")
        both = zip(converts, texts, strict=True)
        return tuple(_item(convert, params, key, text, now) for convert, text in both)

    return items, kind


def _item(convert: Convert, params: Params, key: str, text: str, now: OurTime) -> Any:
    """One item of a list; its fault points at the list."""
    try:
        return convert(Params({key: text}), key, now)
    except ParamError as error:
        raise ParamError(error.message, hint=error.hint, place=params.place(key)) from error


def _text(params: Params, key: str, _: OurTime) -> str:
    return params[key]


def _integer(params: Params, key: str, _: OurTime) -> int:
    text = params[key].strip()
    digits = text.lstrip("+-")
    if digits.replace("_", "").isdecimal() and digits.isascii():
        try:
            return int(text)
        except ValueError:  # `1__0`, or more digits than Python converts
            pass
    raise _bad(params, key, "a whole number")


def _bad(params: Params, key: str, accepted: str) -> ParamError:
    """The error in the words of `Params`' own getters."""
    text = params[key]
    shown = repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
    return ParamError(
        f"parameter {key} is {shown}", hint=f"it takes {accepted}", place=params.place(key)
    )


_SHOWN = 40
"""Characters of a value in an error."""


def _path(params: Params, key: str, _: OurTime) -> Path:
    try:
        return Path(params[key]).expanduser()
    except RuntimeError as error:  # `~nobody`
        raise _bad(params, key, "a path, and there is no such user") from error


def _choice(values: Mapping[str, Any], kind: str) -> tuple[Convert, str]:
    folded = {text.casefold(): value for text, value in values.items()}

    def choose(params: Params, key: str, _: OurTime) -> Any:
        text = params[key].strip().casefold()
        if text in folded:
            return folded[text]
        raise _bad(params, key, kind)

    return choose, kind
