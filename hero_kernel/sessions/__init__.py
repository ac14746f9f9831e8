"""Sessions: places to run in, inside a context; what they hold survives the process."""

from hero_kernel.sessions.collection import (
    delete,
    establish,
    every,
    every_read,
    exists,
    forget,
    get,
    is_for_a_run,
    names_of,
    new,
    new_for_a_run,
)
from hero_kernel.sessions.record import (
    DOOMED,
    LATEST,
    PREFIX,
    SHORTEST_NAME,
    USED,
    SessionConfig,
    canonical,
    check_env,
    database,
)
from hero_kernel.sessions.renaming import check_free
from hero_kernel.sessions.session import Session

__all__ = [
    "DOOMED",
    "LATEST",
    "PREFIX",
    "SHORTEST_NAME",
    "USED",
    "Session",
    "SessionConfig",
    "canonical",
    "check_env",
    "check_free",
    "database",
    "delete",
    "establish",
    "every",
    "every_read",
    "exists",
    "forget",
    "get",
    "is_for_a_run",
    "names_of",
    "new",
    "new_for_a_run",
]
