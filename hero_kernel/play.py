"""What herolib calls `play`: sessions that carry playbooks out."""

from hero_kernel.workspaces import session_new as session_new
