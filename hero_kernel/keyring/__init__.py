"""Keyring: the keys of a context, in a file that its passphrase opens.

A keyring is a `crypto.Cipher`. Places of values, as (db, key): in a database, its name and the
key; in a config file, `config:` and its name, and the path in it; a text that belongs nowhere, two
empty names, and then it opens anywhere in its context.

What is not promised: code in the same process can always get the keys, and so can root. Key
names, sizes and times are visible. An older value of the same place, and a deleted one, are not
noticed. Without passphrase and keyring nobody recovers anything. Python cannot wipe memory:
forgotten keys may stay in it, or in swap, for a while. On Windows others are kept out by the
folder's rights alone, and writers do not wait for each other: change the secret there while no
other kernel runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.lazily import found_in

if TYPE_CHECKING:
    from hero_kernel.keyring.entry import read_named as read_named
    from hero_kernel.keyring.entry import read_passphrase as read_passphrase
    from hero_kernel.keyring.entry import read_secret_file as read_secret_file
    from hero_kernel.keyring.entry import variable as variable
    from hero_kernel.keyring.hardening import harden as harden
    from hero_kernel.keyring.ring import FILE_NAME as FILE_NAME
    from hero_kernel.keyring.ring import TRIES as TRIES
    from hero_kernel.keyring.ring import Info as Info
    from hero_kernel.keyring.ring import Keyring as Keyring

__getattr__ = found_in(
    __name__,
    {
        "entry": ("read_named", "read_passphrase", "read_secret_file", "variable"),
        "hardening": ("harden",),
        "ring": ("FILE_NAME", "TRIES", "Info", "Keyring"),
    },
)
