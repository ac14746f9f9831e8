"""Guard: values that must not be seen do not leave the shell, by any way it has."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell

    from hero_kernel.redaction import Redactor


class Guard:
    """Puts a redactor into every way out of one shell, once there is a value to mask.

    Until then nothing is changed in the shell, and nothing costs anything.
    """

    def __init__(self, shell: InteractiveShell, redactor: Redactor) -> None:
        self._shell = shell
        self._redactor = redactor
        self._installed = ExitStack()
        self._depth = 0

    def register(self) -> None:
        """Begin to watch."""
        events = self._shell.events
        events.register("pre_execute", self._before)
        events.register("post_execute", self._after)
        history = self._shell.history_manager
        if history is not None:
            _make_private(history)
            if len(history.input_hist_raw) > 1:  # it is a cell that loads the extension
                self._depth = 1
        self._redactor.when_filled(self._install)

    def unregister(self) -> None:
        """Leave the shell as it was found."""
        with suppress(ValueError):  # the user may have taken it back himself
            self._shell.events.unregister("pre_execute", self._before)
            self._shell.events.unregister("post_execute", self._after)
        self._redactor.cancel(self._install)
        self._installed.close()

    def _before(self) -> None:
        self._depth += 1

    def _after(self) -> None:
        self._depth = max(0, self._depth - 1)

    def _install(self) -> None:
        """Called when the first value is known, before anybody can print it."""
        from magics import history, records, terminal  # noqa: PLC0415  # only with a secret
        from magics.choke import choked  # noqa: PLC0415  # as above

        shell, redactor = self._shell, self._redactor
        enter = self._installed.enter_context
        session = getattr(getattr(shell, "kernel", None), "session", None)
        if session is not None:
            enter(choked(session, redactor))
            enter(terminal.tapped(redactor))
        else:
            enter(terminal.masked_while_a_cell_runs(shell, redactor, self._depth))
        if shell.history_manager is not None:
            enter(history.masked(shell.history_manager, redactor))
        enter(history.masked_log(shell.logger, redactor))
        enter(records.masked(redactor))


def _make_private(manager: HistoryManager) -> None:
    """Take a history that this shell has just created from the eyes of others: mode 0600.

    An older one keeps the mode that its owner has seen, and may have chosen.
    """
    if manager.enabled and manager.session_number == 1:
        with suppress(OSError):  # it is in memory
            Path(manager.hist_file).chmod(0o600)
