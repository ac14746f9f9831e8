"""The head of a rollback journal: which transaction could still be undone, if any.

It is whole from before the first page of the database is written until the transaction is
committed: then SQLite zeroes it, or deletes the file (sqlite.org/fileformat2.html, section 3).
"""

from __future__ import annotations

import os
from contextlib import suppress

_MAGIC = bytes.fromhex("d9d505f920a163d7")
_NONCE = slice(12, 16)


def nonce_of(database: bytes, *, is_hot: bool) -> int:
    """The random number of the transaction that a database's journal is of; 0 without one.

    The journal is opened by its name, for another may be there every time. Closing it drops no
    lock: SQLite locks the database alone.

    Args:
        database: The database's path.
        is_hot: Whether only a transaction counts whose pages may be in the database already.
    """
    head = b""
    with suppress(OSError):
        journal = os.open(database + b"-journal", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            head = os.pread(journal, _NONCE.stop, 0)
        finally:
            os.close(journal)
    if len(head) < _NONCE.stop or (is_hot and not head.startswith(_MAGIC)):
        return 0
    return int.from_bytes(head[_NONCE], "big")
