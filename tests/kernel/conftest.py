"""A Hero kernel for the tests that leave it as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernel.driving import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One a module, on a session of its own: tests tell their variables apart by name."""
    with Kernel(tmp_path_factory.mktemp("shared"), HERO_SESSION="shared") as one:
        yield one


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """ipykernel's own kernel, without the extension."""
    folder = tmp_path_factory.mktemp("stock")
    with Kernel(folder, name="python3", HERO_SESSION="stock") as one:
        yield one
