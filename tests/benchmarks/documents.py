"""The same seeded actions as heroscript, YAML, JSON and TOML, for measuring."""

from __future__ import annotations

import json
import random

WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "réseau",
    "日本語",
    "customer",
    "invoice",
    "report",
    "monthly",
    "the",
    "of",
    "and",
    "for",
    "with",
    "network",
    "storage",
    "cluster",
    "gateway",
    "naïve",
    "Größe",
    "node",
    "farm",
    "certified",
    "daily",
    "backup",
]
ACTORS = ("git", "book", "site", "doctree", "mail", "vm", "zdb", "person", "tmux", "bizmodel")
NAMES = ("define", "clone", "add", "configure", "export", "scan", "generate", "delete", "page")
KEYS = [
    "name",
    "title",
    "url",
    "path",
    "description",
    "port",
    "reset",
    "host",
    "label",
    "position",
    "department",
    "cost",
    "email",
    "branch",
    "src",
    "href",
    "password",
    "template",
]

Item = dict[str, object]
"""An action: actor, name, params, args, comments."""


def make(count: int, seed: int = 42) -> list[Item]:
    """Actions with about five parameters each, in the shapes scripts have.

    Of the values a good half are bare words, numbers and paths, most others quoted text and
    URLs, some lists; one action in twenty has a text over several lines, one in twenty bare
    words, one in ten a comment before it, one in fifty a comment within.
    """
    rng = random.Random(seed)  # noqa: S311 - the same every time is what is wanted
    return [_item(rng, number) for number in range(count)]


def _item(rng: random.Random, number: int) -> Item:
    keys = rng.sample(KEYS, rng.choice((3, 4, 5, 5, 5, 6, 7)))
    params = {key: _value(rng, number) for key in keys}
    if rng.random() < 0.05:
        params["text"] = "\n".join(_words(rng, rng.randint(3, 7)) for _ in range(rng.randint(2, 4)))
    return {
        "actor": rng.choice(ACTORS),
        "name": rng.choice(NAMES),
        "params": params,
        "args": rng.sample(("force", "quiet", "dry_run"), 1) if rng.random() < 0.05 else [],
        "comments": _words(rng, 5) if rng.random() < 0.1 else "",
        "remark": rng.random() < 0.02,
        "lines": rng.random() < 0.5 or "text" in params,
    }


def _value(rng: random.Random, number: int) -> str:
    shape = rng.random()
    if shape < 0.3:
        return f"{rng.choice(WORDS[12:16])}_{number}"
    if shape < 0.45:
        return str(rng.randint(0, 100_000))
    if shape < 0.55:
        return f"/var/lib/{rng.choice(KEYS)}/{number}"
    if shape < 0.85:
        return _words(rng, rng.randint(2, 5))
    if shape < 0.95:
        return f"https://example.com/{rng.choice(KEYS)}/{number}"
    return ",".join(rng.sample(KEYS, 3))


def _words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(count))


def as_heroscript(items: list[Item]) -> str:
    """The actions as somebody would write them, half of them a parameter a line."""
    return "\n".join(_action_text(item) for item in items)


def _action_text(item: Item) -> str:
    head = f"!!{item['actor']}.{item['name']}"
    comments = f"// {item['comments']}\n" if item["comments"] else ""
    words = [
        *item["args"],
        *(f"{key}:{_spelt(key, value)}" for key, value in item["params"].items()),
    ]
    if item["remark"]:
        words[-1] += " // checked"
        return comments + head + "\n    " + "\n    ".join(words) + "\n"
    if item["lines"]:
        return comments + head + "\n    " + "\n    ".join(words) + "\n"
    return comments + " ".join([head, *words]) + "\n"


def _spelt(key: str, value: str) -> str:
    if key == "text":
        return "'\n        " + value.replace("\n", "\n        ") + "\n        '"
    return f"'{value}'" if " " in value or ":" in value else value


def as_yaml(items: list[Item]) -> str:
    """The same actions as a list of mappings, every value a string."""
    return "".join(_entry(item) for item in items)


def _entry(item: Item) -> str:
    lines = [
        f"- actor: {item['actor']}",
        f"  name: {item['name']}",
        f"  comments: '{item['comments']}'",
    ]
    lines.append("  args: [" + ", ".join(item["args"]) + "]")
    lines.append("  params:")
    for key, value in item["params"].items():
        if "\n" in value:
            lines += [f"    {key}: |-", *(f"      {line}" for line in value.split("\n"))]
        else:
            lines.append(f"    {key}: '{value}'")
    return "\n".join(lines) + "\n"


def as_data(items: list[Item]) -> list[dict[str, object]]:
    """What a reader of any of the documents finds, as plain data."""
    return [{field: item[field] for field in FIELDS} for item in items]


FIELDS = ("actor", "name", "comments", "args", "params")


def as_json(items: list[Item]) -> str:
    """The same actions as a list of objects, indented as a program would write them."""
    return json.dumps(as_data(items), ensure_ascii=False, indent=1)


def as_toml(items: list[Item]) -> str:
    """The same actions as an array of tables, `action`."""
    return "\n".join(_table(item) for item in items)


def _table(item: Item) -> str:
    top = [f"{field} = {_toml(item[field])}" for field in FIELDS[:-1]]
    params = [f"{key} = {_toml(value)}" for key, value in item["params"].items()]
    return "\n".join(["[[action]]", *top, "[action.params]", *params]) + "\n"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # of texts and lists of them both write the same
