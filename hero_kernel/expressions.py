"""Expressions: Python in a cell of heroscript, to the text that it stands for."""

from __future__ import annotations

import ast
import builtins
import os
from datetime import date
from numbers import Number
from typing import TYPE_CHECKING

from hero_kernel.errors import UndefinedError, did_you_mean
from hero_kernel.heroscript import Params
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping


def evaluated(expression: str, variables: Mapping[str, object]) -> str | Secret:
    """What an expression is, as the text that `Params` give such a value.

    Args:
        expression: As it is written; over several lines it needs no brackets of its own.
        variables: What it sees. It sets none: `:=` works on a copy.

    Raises:
        UndefinedError: It raised something, or is nothing that a parameter can hold; the message
            begins with the error's class, is one line, and may hold what is secret.
    """
    try:
        code = compile(_code(expression), "<expression>", "eval", dont_inherit=True)
        # Python that stands in the user's own cell, under the --py that they wrote there, and that
        # sees what their other cells see: it is one more cell of theirs.
        return _text(eval(code, dict(variables)))  # noqa: S307
    except (Exception, SystemExit) as error:  # noqa: BLE001  # it may raise anything
        raise _told(error, variables) from None


def check_names(expression: str, variables: Mapping[str, object]) -> None:
    """Find what is wrong with an expression without evaluating it.

    Raises:
        UndefinedError: It is no Python, or has a name that is not there.
    """
    try:
        tree = ast.parse(_code(expression), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _told(error, variables) from None
    nodes = list(ast.walk(tree))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {name.id for name in names if not isinstance(name.ctx, ast.Load)}
    for name in names:
        if name.id not in own and name.id not in variables and not hasattr(builtins, name.id):
            missing = NameError(f"name {name.id!r} is not defined", name=name.id)
            raise _told(missing, variables)


def _code(expression: str) -> str:
    code = expression.strip()
    return f"({code}\n)" if "\n" in code else code


def _text(value: object) -> str | Secret:
    if isinstance(value, Secret):
        return value
    if isinstance(value, list | tuple):
        texts = [_text(item) for item in value]
        if any(isinstance(text, Secret) for text in texts):
            raise TypeError("a secret stands alone, in no list")
        return Params({"value": texts})["value"]
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str | Number | date):
        what = "None" if value is None else type(value).__name__
        raise TypeError(f"{what} is no value of a parameter; make it a text or a number")
    return Params({"value": value})["value"]


def _told(error: BaseException, variables: Mapping[str, object]) -> UndefinedError:
    try:
        said = str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception as other:  # noqa: BLE001  # a foreign one, which may raise anything
        said = f"it cannot be shown: {type(other).__name__}"
    said = " ".join(said.split())
    hint = ""
    if isinstance(error, NameError) and error.name:
        near = did_you_mean(error.name, (name for name in variables if name[:1] != "_"))
        hint = near if near.startswith("did") else ""
    return UndefinedError(type(error).__name__ + (f": {said}" if said else ""), hint=hint)
