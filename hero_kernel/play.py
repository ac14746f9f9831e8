"""What herolib calls `play`: sessions that carry playbooks out."""

from hero_kernel.workspaces import session_new

__all__ = ["session_new"]
