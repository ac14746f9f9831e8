"""Every kind of value that a workspace keeps: how a user writes it, and reads it back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from rooms import Place

    from hero_kernel import Session

KILLS = int(os.environ.get("HERO_KILLS", "100"))
"""Kills in a run; more for a thorough one."""

SEED = int(os.environ.get("HERO_SEED", "11"))

PASS = "correct horse battery"

MUST_FAIL = pytest.mark.xfail(strict=True, reason="the obvious way loses, or the test is blunt")


@dataclass(frozen=True)
class Kind:
    """A kind of value: writing one under a name, and reading it."""

    write: Callable[[Session, str, str], object]
    read: Callable[[Session, str], str]


def revealed(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _write_config(session: Session, name: str, value: str) -> None:
    session.context.hero_config_set("demo", name, f"value: '{value}'\n")


def _write_sealed_config(session: Session, name: str, value: str) -> None:
    text = f"user: me\nvalue: '{value}'\n"
    session.context.hero_config_set("sealed", name, text, secrets=["value"])


PLAIN = {
    "env": Kind(
        lambda session, name, value: session.env_set(name, value),
        lambda session, name: session.env_get(name),
    ),
    "param": Kind(
        lambda session, name, value: session.params_set({name: value}),
        lambda session, name: session.params[name],
    ),
    "context param": Kind(
        lambda session, name, value: session.context.params_set({name: value}),
        lambda session, name: session.context.params[name],
    ),
    "database": Kind(
        lambda session, name, value: session.db_get().set(name, value),
        lambda session, name: str(session.db_get().get(name)),
    ),
    "config database": Kind(
        lambda session, name, value: session.db_config_get().set(name, value),
        lambda session, name: str(session.db_config_get().get(name)),
    ),
    "config file": Kind(
        _write_config,
        lambda session, name: session.context.hero_config_load("demo", name)["value"],
    ),
    "log": Kind(
        lambda session, name, value: session.logger().log(f"{name} {value}.", cat="demo"),
        lambda session, name: next(
            item.log.removeprefix(f"{name} ").removesuffix(".")
            for item in session.logger().search(log=f"{name} ")
        ),
    ),
}
"""What any context keeps."""

SEALED = {
    "env": Kind(
        lambda session, name, value: session.env_set(name, Secret(value)), PLAIN["env"].read
    ),
    "param": Kind(
        lambda session, name, value: session.params_set({name: Secret(value)}), PLAIN["param"].read
    ),
    "context param": Kind(
        lambda session, name, value: session.context.params_set({name: Secret(value)}),
        PLAIN["context param"].read,
    ),
    "database": Kind(
        lambda session, name, value: session.db_get().set(name, Secret(value)),
        lambda session, name: revealed(session.db_get().get(name)),
    ),
    "config database": Kind(
        lambda session, name, value: session.db_config_get().set(name, Secret(value)),
        lambda session, name: revealed(session.db_config_get().get(name)),
    ),
    "named secret": Kind(
        lambda session, name, value: session.context.secrets.put(name, value),
        lambda session, name: session.context.secrets.get(name).reveal(),
    ),
    "config file": Kind(
        _write_sealed_config,
        lambda session, name: revealed(session.context.hero_config_load("sealed", name)["value"]),
    ),
}
"""What a context with a secret keeps encrypted, be it encrypted as a whole or not."""


def session(place: Place, secret: str = "") -> Session:
    """The session `one` of the context `prod`, as another kernel finds it; unlocked, if said."""
    context = place.open().context_get("prod")
    if secret:
        context.secret_unlock(secret)
    return context.session_get("one")


def fill(
    one: Session, kinds: dict[str, Kind], value: Callable[[str], str], name: str = "k"
) -> None:
    for kind, way in kinds.items():
        way.write(one, name, value(kind))


def check(
    one: Session, kinds: dict[str, Kind], value: Callable[[str], str], name: str = "k"
) -> None:
    found = {kind: way.read(one, name) for kind, way in kinds.items()}
    assert found == {kind: value(kind) for kind in kinds}
