"""Repositories of git: their addresses, their clones below a code root, and what is done there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.git.addresses import Address, address, without_credentials
    from hero_kernel.git.clones import Checkout, Clone, alone, checkout
    from hero_kernel.git.command import TIMEOUT_S, Git, calling, run

__all__ = [
    "TIMEOUT_S",
    "Address",
    "Checkout",
    "Clone",
    "Git",
    "address",
    "alone",
    "calling",
    "checkout",
    "run",
    "without_credentials",
]

__getattr__ = found_in(
    __name__,
    {
        "addresses": ("Address", "address", "without_credentials"),
        "clones": ("Checkout", "Clone", "alone", "checkout"),
        "command": ("TIMEOUT_S", "Git", "calling", "run"),
    },
)
