"""The kernelspec, for a Jupyter in another environment than this one, or for one context."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING

from hero_kernel.errors import BadNameError, HeroError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "hero"
"""The kernel's name in `jupyter kernelspec list`."""

RESOURCES = Path(__file__).with_name("resources")
"""`kernel.json` and logos, as the wheel puts them into `share/jupyter/kernels/hero`."""

_NAME = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
"""What Jupyter allows a kernel to be called; it is a folder and a part of addresses."""


def install(
    *,
    user: bool = True,
    prefix: str | None = None,
    name: str = NAME,
    display_name: str = "",
    env: Mapping[str, str] | None = None,
) -> Path:
    """Write the kernelspec with this Python's path; the folder it is in.

    After `pip install` the kernel is there already, for the Jupyter of the same environment,
    whose own Python it then starts. This is for a Jupyter that lives elsewhere, and for kernels
    that are bound by their environment.

    Args:
        user: For this user.
        prefix: Below this folder instead.
        name: Of the folder, and in `jupyter kernelspec list`; one that is there is replaced.
        display_name: In the launcher; default: the Hero kernel's.
        env: Variables that the kernel is started with; everybody who may read the spec sees them.

    Raises:
        BadNameError: Jupyter allows no such name.
        HeroError: It cannot be written there.
    """
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415  # slow, and only here

    if not _NAME.fullmatch(name) or name.strip(".") == "":
        raise BadNameError(
            f"a kernel cannot be named {name!r}", hint="use letters, digits, - _ and dots"
        )
    spec = json.loads((RESOURCES / "kernel.json").read_text(encoding="utf-8"))
    spec["argv"][0] = sys.executable
    if display_name:
        spec["display_name"] = display_name
    if env:
        spec["env"] = dict(env)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / NAME
        copytree(RESOURCES, folder)
        text = json.dumps(spec, indent=2, ensure_ascii=False)
        (folder / "kernel.json").write_text(text, encoding="utf-8")
        manager = KernelSpecManager()
        user = user or not prefix
        try:
            return Path(manager.install_kernel_spec(str(folder), name, user=user, prefix=prefix))
        except OSError as error:
            raise HeroError(
                f"the kernelspec cannot be written: {error}", hint="choose a place with --prefix"
            ) from error
