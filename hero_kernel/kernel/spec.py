"""The kernelspec, for a Jupyter in another environment than this one."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from shutil import copytree

from hero_kernel.errors import HeroError

NAME = "hero"
"""The kernel's name in `jupyter kernelspec list`."""

RESOURCES = Path(__file__).with_name("resources")
"""`kernel.json` and logos, as the wheel puts them into `share/jupyter/kernels/hero`."""


def install(*, user: bool = True, prefix: str | None = None) -> Path:
    """Write the kernelspec with this Python's path; the folder it is in.

    After `pip install` the kernel is there already, for the Jupyter of the same environment,
    whose own Python it then starts. This is for a Jupyter that lives elsewhere.

    Raises:
        HeroError: It cannot be written there.
    """
    from jupyter_client.kernelspec import KernelSpecManager  # noqa: PLC0415  # slow, and only here

    spec = json.loads((RESOURCES / "kernel.json").read_text(encoding="utf-8"))
    spec["argv"][0] = sys.executable
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / NAME
        copytree(RESOURCES, folder)
        (folder / "kernel.json").write_text(json.dumps(spec, indent=2), encoding="utf-8")
        manager = KernelSpecManager()
        user = user or not prefix
        try:
            return Path(manager.install_kernel_spec(str(folder), NAME, user=user, prefix=prefix))
        except OSError as error:
            raise HeroError(
                f"the kernelspec cannot be written: {error}", hint="choose a place with --prefix"
            ) from error
