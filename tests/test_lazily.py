"""Packages whose names bring their modules: what type checkers see is what is found."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hero_kernel

CORE = Path(hero_kernel.__file__).parent

PACKAGES = sorted(
    file.parent.name
    for file in CORE.glob("*/__init__.py")
    if "found_in(" in file.read_text(encoding="utf-8")
)


def promised(package: str) -> dict[str, str]:
    """The names that a package imports for type checkers, each with its module."""
    tree = ast.parse((CORE / package / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (one for one in tree.body if isinstance(one, ast.If))
    imports = [one for one in block.body if isinstance(one, ast.ImportFrom)]
    return {name.name: str(one.module) for one in imports for name in one.names}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_found_where_type_checkers_see_it(package):
    room = import_module(f"hero_kernel.{package}")
    names = promised(package)
    assert names
    for name, module in names.items():
        assert getattr(room, name) is getattr(import_module(module), name)
    for name in getattr(room, "__all__", ()):
        assert hasattr(room, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_another_name_is_none(package):
    room = import_module(f"hero_kernel.{package}")
    with pytest.raises(AttributeError, match=f"'hero_kernel.{package}' has no attribute 'nothing'"):
        _ = room.nothing
    with pytest.raises(ImportError):
        exec(f"from hero_kernel.{package} import nothing")  # noqa: S102  # as a program would


def test_a_module_waits_until_a_name_of_it_is_asked_for():
    program = (
        "import sys, hero_kernel.git as git\n"
        "before = [name for name in sys.modules if name.startswith('hero_kernel.git.')]\n"
        "git.Address\n"
        "print(before, 'hero_kernel.git.addresses' in sys.modules, 'Address' in vars(git))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] True True"
