"""Config files to test with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from config_files.places import Here, Keys, config_files

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel.config_files import ConfigFiles


@pytest.fixture
def here(tmp_path: Path) -> Here:
    keys, heard = Keys(), []
    return Here(config_files(tmp_path / "hero", cipher=keys, on_secret=heard.append), keys, heard)


@pytest.fixture
def configs(here: Here) -> ConfigFiles:
    return here.configs
