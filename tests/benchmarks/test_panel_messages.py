"""What a panel costs a kernel and its connection, against widgets of ipywidgets; no browser."""

from __future__ import annotations

import json
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.measuring import OURS, Goal
from kernel.driving import PATIENCE_S, Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

VBOX = "ipywidgets.VBox([ipywidgets.Label(f'name {n}: value {n}') for n in range(20)])"
SHOWN = {
    OURS: "%hero_panel session",
    "VBox of 20 labels": VBOX,
    "ipywidgets.HTML": "ipywidgets.HTML('x')",
    "pass": "pass",
}

BEGIN = "import gc, tracemalloc\ntracemalloc.start()"
KEPT = "gc.collect()\ntracemalloc.get_traced_memory()[0]"


@dataclass(frozen=True)
class Shown:
    """What a cell came to.

    Attributes:
        took_s: Seconds until its reply and its idle status were both there.
        messages: How many it has published.
        size: Their bytes.
    """

    took_s: float
    messages: int
    size: int


def show(kernel: Kernel, code: str, cell: str) -> Shown:
    """Run a cell as JupyterLab does, which says which one it is: a panel leaves with its output."""
    client = kernel.client
    content = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {},
        "allow_stdin": False, "stop_on_error": True,
    }  # fmt: skip
    request = client.session.msg("execute_request", content)
    request["metadata"] = {"cellId": cell}
    begin = perf_counter()
    client.shell_channel.send(request)
    published = []
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE_S)
        if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
            continue
        published.append(message)
        if message["content"].get("execution_state") == "idle":
            break
    reply = client.get_shell_msg(timeout=PATIENCE_S)
    took_s = perf_counter() - begin
    assert reply["content"]["status"] == "ok", reply["content"]
    kinds = {message["msg_type"] for message in published}
    assert ({"comm_open", "execute_result"} <= kinds) is (code != "pass")
    return Shown(took_s, len(published), sum(map(_size, published)))


def _size(message: dict[str, Any]) -> int:
    parts = (message[part] for part in ("header", "parent_header", "metadata", "content"))
    text = sum(len(json.dumps(part, default=str).encode()) for part in parts)
    return text + sum(len(one) for one in message["buffers"])


@pytest.fixture
def kernel(tmp_path) -> Iterator[Kernel]:
    with Kernel(tmp_path, HERO_SESSION="panels") as one:
        one.ask("import ipywidgets")
        for n in range(20):
            one.ask(f"%hero_env set NAME{n}=value{n}")
        yield one


def test_a_session(figures, kernel):
    taken: dict[str, list[Shown]] = {name: [] for name in SHOWN}
    names = list(SHOWN)
    for number in range(figures.rounds(60) + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            one = show(kernel, SHOWN[name], f"cell-{names.index(name)}")
            if number:
                taken[name].append(one)
    limit = "one bare widget, measured here too, takes almost all of that"
    figures.add(
        "a session, round trip of its cell",
        {name: [one.took_s for one in its] for name, its in taken.items()},
        Goal("VBox of 20 labels", at_most=0.3, why=limit),
        note="after the first",
    )
    for what, unit in (("messages", ""), ("size", "B")):
        samples = {name: [float(getattr(one, what)) for one in its] for name, its in taken.items()}
        goal = Goal("VBox of 20 labels", at_most=0.3)
        figures.add(f"a session, {what} of its cell", samples, goal, unit=unit)


def test_memory(figures, kernel):
    count = figures.size(50)
    kept = {}
    for name, code in list(SHOWN.items())[:2]:
        show(kernel, code, "warm")
        kernel.ask(BEGIN)
        before = int(kernel.ask(KEPT))
        for n in range(count):
            show(kernel, code, f"cell-{n}-{len(name)}")
        kept[name] = [(int(kernel.ask(KEPT)) - before) / count]
        kernel.ask("tracemalloc.stop()")
    figures.add("memory of the kernel a session's panel", kept, unit="B")
