"""Repositories of git: their addresses, their clones below a code root, and what is done there."""

from __future__ import annotations

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
