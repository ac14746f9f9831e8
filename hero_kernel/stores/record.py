"""A record's text and its fields: JSON, strictly read, written as herolib writes it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from hero_kernel.errors import CorruptRecordError

MAX_BYTES = 8 * 2**20
"""A record larger than this is not one of ours; parsing it would block a cell for seconds."""


def decode(text: str, where: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """Read a record: the known fields in their order, absent ones by default, then the others.

    Args:
        text: The record.
        where: Key and address, for the message.
        defaults: Known fields; a value of another type than the default's is a fault.

    Raises:
        CorruptRecordError: Not a JSON object, a field twice, or a field of the wrong type.
    """

    def refuse(fault: str) -> NoReturn:
        raise CorruptRecordError(
            f"{where} cannot be read: {fault}", hint="it is left as it is; mend or delete it"
        )

    if len(text) > MAX_BYTES:
        refuse(f"it has {len(text)} characters")
    try:
        found = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        refuse(f"{error.msg} at character {error.pos}")
    except (RecursionError, ValueError) as error:
        refuse(str(error))
    if not isinstance(found, dict):
        refuse("it is not a JSON object")
    for name, default in defaults.items():
        if name in found and type(found[name]) is not type(default):
            refuse(f"field {name} should be {_JSON_NAMES[type(default)]}")
    known = {name: found.get(name, default) for name, default in defaults.items()}
    return known | {name: value for name, value in found.items() if name not in known}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} in it")


# Made once: either takes longer to make than to read or write a short record.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def encode(fields: dict[str, Any]) -> str:
    """The compact form, as herolib's `json.encode` writes sessions."""
    return _ENCODER.encode(fields)


def encode_pretty(fields: dict[str, Any]) -> str:
    """The indented form, as herolib's `json.encode_pretty` (cJSON_Print) writes contexts.

    Tabs indent, and a tab follows the colon.
    """
    return json.dumps(fields, indent="\t", separators=(",", ":\t"), ensure_ascii=False)


_JSON_NAMES = {str: "a text", bool: "true or false", int: "a whole number", dict: "an object"}
