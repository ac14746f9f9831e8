"""Interrupts: a cell that Ctrl-C ends before it begins, or after it has ended, is answered too.

ipykernel answers nothing then, and the front end waits for ever. The first bare cell of heroscript
brings the actors in before it begins, which takes long enough for somebody to press the keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magics.completion.hooks import before

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def answered(kernel: Any) -> AbstractContextManager[None]:
    """As long as the block lasts, let a kernel answer to every cell."""

    async def execute(method: Any, *args: Any, **options: Any) -> Any:
        try:
            return await method(*args, **options)
        except KeyboardInterrupt:
            said = {"ename": "KeyboardInterrupt", "evalue": "", "traceback": ["KeyboardInterrupt"]}
            kernel.send_response(kernel.iopub_socket, "error", said)
            return {"status": "error", "execution_count": kernel.shell.execution_count, **said}

    return before(kernel, "do_execute", execute)
