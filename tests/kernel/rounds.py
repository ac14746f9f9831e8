"""A round trip of a cell, timed as a front end waits for it."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.blocking import BlockingKernelClient


def round_trip_s(client: BlockingKernelClient, code: str) -> float:
    """Seconds until both the reply and the idle status are there."""
    begin = perf_counter()
    message = client.execute(code)
    reply = client.get_shell_msg(timeout=20)
    while True:
        answer = client.get_iopub_msg(timeout=20)
        ours = answer["parent_header"].get("msg_id") == message
        if ours and answer["content"].get("execution_state") == "idle":
            break
    elapsed = perf_counter() - begin
    assert reply["content"]["status"] == "ok"
    return elapsed
