"""A repository for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from git_repos import Author, ann_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def ann(tmp_path: Path) -> Author:
    return ann_of(tmp_path)
