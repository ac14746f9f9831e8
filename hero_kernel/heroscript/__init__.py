"""The language: text to actions, and back."""

from __future__ import annotations

from hero_kernel.heroscript.action import Action, Kind
from hero_kernel.heroscript.names import name_fix, name_fix_no_underscore
from hero_kernel.heroscript.params import Params, key_fix
from hero_kernel.heroscript.parse import index, parse
from hero_kernel.heroscript.references import Reference, escaped, references
from hero_kernel.heroscript.render import render
from hero_kernel.heroscript.replace import names_in, replace_names, replace_text, to_map
from hero_kernel.heroscript.source import Place, Source

__all__ = [
    "Action",
    "Kind",
    "Params",
    "Place",
    "Reference",
    "Source",
    "escaped",
    "index",
    "key_fix",
    "name_fix",
    "name_fix_no_underscore",
    "names_in",
    "parse",
    "references",
    "render",
    "replace_names",
    "replace_text",
    "to_map",
]
