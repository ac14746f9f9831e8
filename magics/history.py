"""History: what IPython keeps of cells is written without the values that must not be seen."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hero_kernel.redaction import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.history import HistoryManager
    from IPython.core.logger import Logger

    from hero_kernel.redaction import Redactor


@contextmanager
def masked(manager: HistoryManager, redactor: Redactor) -> Iterator[None]:
    """Mask cells and outputs on their way to `history.sqlite`, those that wait for it too.

    What the shell keeps in memory, `In` and `_i`, stays what the user typed. The two methods are
    IPython's own, since 5.0: they are called with the lock held under which nothing is added.
    """
    write_inputs = manager._writeout_input_cache  # noqa: SLF001  # said above
    write_outputs = manager._writeout_output_cache  # noqa: SLF001  # said above

    def inputs(connection: Any) -> None:
        manager.db_input_cache = [
            (line, _masked(redactor, source), _masked(redactor, raw))
            for line, source, raw in manager.db_input_cache
        ]
        write_inputs(connection)

    def outputs(connection: Any) -> None:
        manager.db_output_cache = [
            (line, _masked(redactor, text)) for line, text in manager.db_output_cache
        ]
        write_outputs(connection)

    with (
        _in_place_of(manager, "_writeout_input_cache", inputs),
        _in_place_of(manager, "_writeout_output_cache", outputs),
    ):
        yield


@contextmanager
def masked_log(logger: Logger, redactor: Redactor) -> Iterator[None]:
    """Mask what `%logstart` writes into its file."""
    write = logger.log_write

    def log_write(data: str, kind: str = "input") -> None:
        write(_masked(redactor, data), kind)

    with _in_place_of(logger, "log_write", log_write):
        yield


@contextmanager
def _in_place_of(thing: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Let an object have another method; if somebody replaces it meanwhile, that is left alone."""
    before = vars(thing).get(name)
    setattr(thing, name, function)
    try:
        yield
    finally:
        if vars(thing).get(name) == function:
            delattr(thing, name)
            if before is not None:
                setattr(thing, name, before)


def _masked(redactor: Redactor, text: Any) -> Any:
    try:
        return redactor.mask_data(text)
    except Exception:  # noqa: BLE001  # whatever it is, nothing must get out
        return WITHHELD
