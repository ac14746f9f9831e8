"""Whether what hero-kernel needs is installed, and new enough."""

from __future__ import annotations

import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, requires, version
from shutil import which
from typing import TYPE_CHECKING

from hero_kernel.commands.doctor.finding import OK, PROBLEM, WARNING, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

    from hero_kernel.commands.doctor.finding import Place


GIT = (2, 23)
"""The first git with `git switch`."""


def packages(_: Place) -> Iterator[Finding]:
    """Every library that hero-kernel needs: there, and not below what it asks for."""
    from packaging.requirements import Requirement  # noqa: PLC0415  # ipykernel brings it along

    try:
        wanted = [Requirement(text) for text in requires("hero-kernel") or ()]
    except PackageNotFoundError:
        yield Finding(
            PROBLEM, "hero-kernel is not installed in this Python", "pip install hero-kernel"
        )
        return
    fine = []
    for one in wanted:
        if one.marker is not None and not one.marker.evaluate({"extra": ""}):
            continue
        finding = _package(one)
        if finding.state == OK:
            fine.append(finding.what)
        else:
            yield finding
    yield Finding(OK, f"Python {platform.python_version()}, {', '.join(fine)}")
    yield from _extra(wanted)


def _package(wanted: Requirement) -> Finding:
    cure = f"pip install '{wanted.name}{wanted.specifier}'"
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return Finding(PROBLEM, f"{wanted.name} is not installed", cure)
    if not wanted.specifier.contains(found, prereleases=True):
        needed = f"hero-kernel needs {wanted.specifier}"
        return Finding(PROBLEM, f"{wanted.name} is {found}, and {needed}", cure)
    return Finding(OK, f"{wanted.name} {found}")


def _extra(wanted: list[Requirement]) -> Iterator[Finding]:
    """What running notebooks from the command line takes besides."""
    for one in wanted:
        is_for_all = one.marker is None or one.marker.evaluate({"extra": ""})
        if is_for_all or one.marker is None or not one.marker.evaluate({"extra": "run"}):
            continue
        finding = _package(one)
        if finding.state != OK:
            yield Finding(
                WARNING,
                f"{finding.what}: hero-kernel run takes no notebooks",
                "pip install 'hero-kernel[run]'",
            )


def git(_: Place) -> Iterator[Finding]:
    """Whether git is there, for playbooks and code of others."""
    program = which("git")
    if program is None:
        yield Finding(
            WARNING, "git is not installed: no playbook or code is fetched", "install git"
        )
        return
    try:
        done = subprocess.run(  # noqa: S603  # found on PATH, as git of ours is
            [program, "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(WARNING, f"{program} does not work: {error}", "install git anew")
        return
    said = done.stdout.strip()
    number = re.search(r"(\d+)\.(\d+)", said)
    if number is not None and (int(number[1]), int(number[2])) < GIT:
        yield Finding(
            WARNING, f"{program} is {said}, too old to switch branches", "install git 2.23 or later"
        )
    else:
        yield Finding(OK, f"{said}, {program}")
