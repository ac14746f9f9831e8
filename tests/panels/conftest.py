"""A notebook in this process, and what its panels are made of."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

# by its file: the package that is tested is called `magics`, too
_SHELLS = importlib.util.spec_from_file_location(
    "shells_of_magics", Path(__file__).parents[1] / "magics" / "conftest.py"
)
_shells = importlib.util.module_from_spec(_SHELLS)
sys.modules["shells_of_magics"] = _shells
_SHELLS.loader.exec_module(_shells)

notebook = _shells.notebook


@pytest.fixture
def door(notebook):
    """The notebook's, bound to its session."""
    notebook.ask("%hero")
    return notebook.shell._hero_extension.door
