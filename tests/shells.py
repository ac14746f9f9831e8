"""A real IPython shell in this process, with a home of its own and the extension loaded."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython.core.interactiveshell import InteractiveShell

from hero_kernel import default

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


@contextmanager
def loaded(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[InteractiveShell] = InteractiveShell,
    **environ: str,
) -> Iterator[InteractiveShell]:
    """The shell, until the extension is unloaded; the folder is where it is."""
    for key in list(os.environ):
        if key.startswith(("HERO_", "JPY_")):
            monkeypatch.delenv(key)
    own = {"HERO_HOME": str(folder / "hero"), "IPYTHONDIR": str(folder / "ipython")}
    for key, value in (own | environ).items():
        monkeypatch.setenv(key, value)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(default, "_workspace", None)
    main = sys.modules["__main__"]
    shell = kind()
    try:
        shell.run_line_magic("load_ext", "magics")
        yield shell
        shell.run_line_magic("unload_ext", "magics")
    finally:
        sys.modules["__main__"] = main
        atexit.unregister(shell.atexit_operations)
        history = shell.history_manager
        shell.atexit_operations()
        history.db.close()
