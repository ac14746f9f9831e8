"""What herolib calls `base`: contexts and sessions."""

from hero_kernel.functions import (
    context,
    context_delete,
    context_get,
    context_new,
    context_select,
    contexts_list,
    session_new,
)

__all__ = [
    "context",
    "context_delete",
    "context_get",
    "context_new",
    "context_select",
    "contexts_list",
    "session_new",
]
