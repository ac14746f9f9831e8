"""What herolib calls `base`: contexts and sessions."""

from hero_kernel.workspaces import context as context
from hero_kernel.workspaces import context_delete as context_delete
from hero_kernel.workspaces import context_get as context_get
from hero_kernel.workspaces import context_new as context_new
from hero_kernel.workspaces import context_select as context_select
from hero_kernel.workspaces import contexts_list as contexts_list
from hero_kernel.workspaces import session_new as session_new
