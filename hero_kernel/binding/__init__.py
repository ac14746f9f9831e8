"""Binding: which context and session a notebook or a program is on, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.binding.project import Project
    from hero_kernel.binding.registry import Entry, slug
    from hero_kernel.binding.rules import (
        Bound,
        Evidence,
        Surroundings,
        What,
        context,
        ephemeral,
        follow,
        here,
        program,
        session,
    )
    from hero_kernel.binding.trusted import Kind, Trusted, batch_input, kind, notebook
    from hero_kernel.binding.users import filled

__all__ = [
    "Bound",
    "Entry",
    "Evidence",
    "Kind",
    "Project",
    "Surroundings",
    "Trusted",
    "What",
    "batch_input",
    "context",
    "ephemeral",
    "filled",
    "follow",
    "here",
    "kind",
    "notebook",
    "program",
    "session",
    "slug",
]

__getattr__ = found_in(
    __name__,
    {
        "project": ("Project",),
        "registry": ("Entry", "slug"),
        "rules": (
            "Bound",
            "Evidence",
            "Surroundings",
            "What",
            "context",
            "ephemeral",
            "follow",
            "here",
            "program",
            "session",
        ),
        "trusted": ("Kind", "Trusted", "batch_input", "kind", "notebook"),
        "users": ("filled",),
    },
)
