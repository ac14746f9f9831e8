"""Repositories of git: their addresses, their clones below a code root, and what is done there."""

from __future__ import annotations

from hero_kernel.git.address import Address, address, without_credentials
from hero_kernel.git.checkout import Checkout, Clone, checkout
from hero_kernel.git.command import Git, run

__all__ = [
    "Address",
    "Checkout",
    "Clone",
    "Git",
    "address",
    "checkout",
    "run",
    "without_credentials",
]
