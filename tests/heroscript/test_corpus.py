"""The first implementation's own answers, over its public scripts, documents and edge cases.

They are kept outside the project; HERO_CORPUS names their folder.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hero_kernel.errors import HeroscriptError, ParamError
from hero_kernel.heroscript import (
    Action,
    Params,
    index,
    name_fix,
    name_fix_no_underscore,
    parse,
    render,
    replace_names,
)
from hero_kernel.times import OurTime

pytestmark = pytest.mark.skipif(
    "HERO_CORPUS" not in os.environ, reason="HERO_CORPUS does not name the corpus's folder"
)

EXCEPTIONS = {
    "scripts/0015": ("1", "2 actions"),
    "scripts/0017": ("41", "1 actions; 1 faults"),
    "scripts/0021": ("41", "1 actions; 1 faults"),
    "scripts/0037": ("9", "1 actions"),
    "scripts/0043": ("9", "1 actions"),
    "scripts/0076": ("14", "3 actions"),
    "scripts/0367": ("1", "4 actions"),
    "scripts/0372": ("1", "6 actions"),
    "scripts/0434": ("3", "3 actions"),
    "scripts/0489": ("9", "1 actions"),
    "scripts/0497": ("4", "1 actions"),
    "scripts/0499": ("4", "2 actions"),
    "scripts/0500": ("4", "3 actions"),
    "scripts/0509": ("1", "14 actions"),
    "documents/0005": ("1, 41", "18 actions; 1 faults"),
    "documents/0010": ("41", "13 actions; 4 faults"),
    "documents/0019": ("9", "4 actions"),
    "documents/0022": ("41", "11 actions; 12 faults"),
    "documents/0026": ("7", "2 actions; 5 faults"),
    "documents/0045": ("14", "3 actions"),
    "documents/0096": ("1, 41", "23 actions"),
    "documents/0103": ("41", "11 actions; 3 faults"),
    "documents/0104": ("1", "6 actions"),
    "documents/0109": ("9", "8 actions"),
    "documents/0120": ("41", "1 actions; 1 faults"),
    "documents/0168": ("1", "10 actions"),
    "documents/0192": ("41", "2 actions; 1 faults"),
    "documents/0253": ("15", "12 actions"),
    "documents/0254": ("15", "3 actions"),
    "documents/0265": ("3", "9 actions"),
    "documents/0268": ("9", "2 actions"),
    "args_dup_upper": ("23", "a.b Arg1"),
    "args_url": ("8", "a.b https:'//x.com/y'"),
    "val_empty_eol": ("15", "a.b x:''"),
    "val_empty_next_line": ("15", "a.b x:'' y:2"),
    "val_url_unquoted": ("8", "a.b url:'https://x.com/y' z:1"),
    "val_url_unquoted_eol": ("8", "a.b url:'https://x.com/y' z:1"),
    "val_json": ("1", "a.b x:'{\"a\":1}'"),
    "val_json_dq": ("1", "a.b x:'{\"a\":1}'"),
    "q_mixed_sq_in_dq": ("1", "a.b x:'it\\'s here' y:1"),
    "q_mixed_dq_in_sq": ("1", "a.b x:'say \"hi\" now' y:1"),
    "q_escaped_dq": ("1", "a.b x:'say \"hi\" now' y:1"),
    "q_missing_close": ("7", "1 faults"),
    "q_missing_close_multi": ("7", "c.d w:1; 1 faults"),
    "ml_space_before_quote": (
        "6",
        "a.b name:n text:'line one\\\\n  line two\\\\nline three' after:1",
    ),
    "ml_blank_lines": (
        "3",
        "a.b name:n text:'line one\\\\n\\\\n\\\\n  line two\\\\nline three' after:1",
    ),
    "ml_single_quotes_inside": (
        "2",
        "a.b name:n text:'it\\'s one\\\\n  line two\\\\nline three' after:1",
    ),
    "ml_bang_inside": (
        "4",
        "a.b name:n text:'line one\\\\n  !!not.action x:1\\\\nline three' after:1",
    ),
    "ml_unindented_inside": (
        "4",
        "a.b name:n text:'line one\\\\nline two\\\\n        line three' after:1",
    ),
    "ml_one_space_indent_inside": (
        "4",
        "a.b name:n text:'line one\\\\nline two\\\\n       line three' after:1",
    ),
    "ml_not_closed": ("7", "1 faults"),
    "ml_not_closed_more": ("7", "c.d x:1; 1 faults"),
    "ml_close_on_content_line": ("7", "a.b text:'line one\\\\nline two' after:1"),
    "ml_first_line_has_key": ("5", "a.b x:1 text:'line one' after:1"),
    "ml_on_action_line_2": ("5", "a.b x:1 text:'line one'"),
    "list_quoted_space_last": ("12", "a.b l:'a,b,\"c d\"' x:1"),
    "list_quoted_space_first": ("10", "a.b l:'\"a b\",c' x:1"),
    "list_quoted_comma": ("11", "a.b l:'\"a, b\",c' x:1"),
    "list_trailing_comma": ("14", "a.b l:a,b x:1"),
    "list_trailing_comma_eol": ("14", "a.b l:a,b"),
    "list_multiline_quoted": ("10", 'a.b l:\'"a a","b b"\' x:1'),
    "list_flag_leak": ("13", "a.b l:a,b title:'hello world'"),
    "cm_with_quote": ("9", "a.b x:1 y:2"),
    "cm_dash_slash": ("16", "a.b x:1"),
    "cm_html_multiline": ("17", "a.b x:1"),
    "cm_slash_in_value": ("8", "a.b x:'a//b' y:1"),
    "nbsp": ("43", "1 faults"),
    "bom": ("43", "a.b x:1"),
    "q_folded_url": ("8", "a.b desc:'see https://x.com for more' y:1"),
    "q_url_then_comment_with_quote": ("9", "a.b url:'https://x.com' y:2"),
    "q_escaped_backslash_end": ("18", "a.b x:'abc\\\\' y:1"),
    "val_starting_slash_slash": ("15", "a.b x:'' y:1"),
    "cm_line_with_url": ("9b", "a.b x:1 y:2"),
    "cm_trailing_with_url": ("9b", "a.b x:1 y:2"),
    "cm_three_slashes_param": ("9c", "a.b x:1"),
    "mixed_all": (
        "2, 3",
        (
            "mail.send urgent to:a@b.c,d@e.f subject:'Hello \\'World\\''"
            " body:'Dear,\\\\n\\\\nit\\'s me' prio:5"
        ),
    ),
}
"""Where we differ on purpose: the fault's number, and what we read instead."""

GETTER_EXCEPTIONS = {
    # a clock of twelve hours, an error for garbage
    "get_timestamp": ("29", "not H, H:MM, HAM or H:MMPM"),
    # rates the right way round, negatives, an error for text without a number
    "get_currencyamount": ("31, 32", "EUR, a sign, or no number"),
    # a range check
    "get_list_i8": ("33", "beyond -128 to 127"),
    "get_list_i16": ("33", "beyond -32768 to 32767"),
    "get_list_i64": ("33", "beyond 64 bits, or empty"),
    # an exponent without digits is garbage, '0' is now
    "get_float": ("strict", "1e"),
    "get_percentage": ("strict", "1e"),
    "get_list_f64": ("strict", "1e"),
    "get_time": ("documented, but refused there", "0"),
}
DIFFERENT = {
    "get_timestamp": 68,
    "get_currencyamount": 34,
    "get_list_i8": 5,
    "get_list_i16": 2,
    "get_list_i64": 2,
    "get_float": 1,
    "get_percentage": 1,
    "get_list_f64": 1,
    "get_time": 1,
}
"""How many inputs of each getter we read differently, all for the reason given above."""


def corpus() -> Path:
    return Path(os.environ["HERO_CORPUS"])


def rows(name: str) -> list[dict[str, Any]]:
    with (corpus() / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def as_data(action: Action) -> dict[str, Any]:
    return {
        "actor": action.actor,
        "name": action.name,
        "type": str(action.kind),
        "comments": action.comments,
        "params": dict(action.params),
        "args": list(action.params.args),
    }


def outcome(actions: list[Action], faults: list[HeroscriptError], *, short: bool) -> str:
    text = " ".join(f"{action.full_name} {action.params.heroscript()}" for action in actions)
    parts = [f"{len(actions)} actions" if short else text, f"{len(faults)} faults" * bool(faults)]
    return "; ".join(part for part in parts if part)


@pytest.mark.parametrize("name", ["scripts.jsonl", "documents.jsonl", "edge_cases.jsonl"])
def test_every_text_reads_as_it_did(name: str) -> None:
    differing = {}
    for row in rows(name):
        if "input" in row:
            key, text = row["name"], row["input"]
        else:
            key = row["file"].partition("_")[0]
            text = (corpus() / row["file"]).read_bytes().decode()
        faults: list[HeroscriptError] = []
        actions = parse(text, on_error=faults.append)
        expected = [
            {part: action[part] for part in ("actor", "name", "type", "comments", "params", "args")}
            for action in row["actions"]
        ]
        refused = row["error"] if "input" in row else row["upstream_error"]
        if list(map(as_data, actions)) != expected or bool(refused) != bool(faults):
            differing[key] = outcome(actions, faults, short="file" in row)

        assert parse(render(actions)) == actions
        if not faults:
            assert index(text) == actions
    assert differing == {
        key: result
        for key, (_, result) in EXCEPTIONS.items()
        if key.partition("/")[0] == name.removesuffix(".jsonl")
        or ("/" not in key and name[0] == "e")
    }


def test_names() -> None:
    for row in rows("vectors_extra.jsonl"):
        if row["kind"] == "name_fix":
            assert name_fix(row["input"]) == row["name_fix"]
            assert name_fix_no_underscore(row["input"]) == row["no_underscore"]


def test_replacement() -> None:
    for row in rows("vectors_extra.jsonl"):
        if row["kind"] == "replace":
            assert replace_names(row["value"], row["env"]) == row["result"]


def read(getter: str, text: str) -> Any:
    params = Params({"k": text})
    try:
        if getter.startswith("get_time("):
            return params.get_time("k", now=OurTime(1_700_000_000)).unix
        found = getattr(params, getter)("k")
    except ParamError:
        return ParamError
    if getter == "get_timestamp":
        return found.total_seconds()
    if getter == "get_currencyamount":
        return [found.currency, found.value, found.usd_rate]
    return found


def test_getters() -> None:
    different: dict[str, int] = {}
    for row in rows("vectors_extra.jsonl"):
        if row["kind"] != "getter":
            continue
        expected = ParamError if row["error"] else row["result"]
        if read(row["getter"], row["value"]) != expected:
            getter = row["getter"].partition("(")[0]
            different[getter] = different.get(getter, 0) + 1
    assert different == DIFFERENT
    assert different.keys() == GETTER_EXCEPTIONS.keys()
