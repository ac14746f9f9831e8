"""The memory of a process with keys, and the user's other processes."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import tempfile
from pathlib import Path

import pytest
from keyrings import PASSPHRASE, keyring
from stores.children import code_of, forked

from hero_kernel.keyring import harden, hardening

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux closes memory, others do not")
NOBODY = 65534


def become_nobody() -> None:
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    # Changing the user closes the memory as well; a program that is started opens it again.
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)


@linux
@pytest.mark.parametrize("unlocks", [True, False], ids=["unlocked", "control"])
def test_another_process_of_the_user_reads_no_memory(unlocks: bool) -> None:
    with tempfile.TemporaryDirectory() as root:
        keyring(Path(root)).create(PASSPHRASE)  # loads what nobody may not be able to read
    ready_out, ready_in = os.pipe()
    done_out, done_in = os.pipe()

    def holder() -> None:
        os.close(done_in)
        become_nobody()
        if unlocks:
            with tempfile.TemporaryDirectory() as root:
                keyring(Path(root)).create(PASSPHRASE)
        os.write(ready_in, b"!")
        os.read(done_out, 1)

    def reader() -> None:
        become_nobody()
        for name in ("mem", "environ", "maps"):
            if unlocks:
                with pytest.raises(PermissionError):
                    os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
            else:
                os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY))

    pid = forked(holder)
    os.close(ready_in)
    try:
        assert os.read(ready_out, 1) == b"!"
        assert code_of(forked(reader)) == 0
    finally:
        os.close(done_in)
        assert code_of(pid) == 0
        for handle in (ready_out, done_out):
            os.close(handle)


@linux
def test_there_is_no_core_and_once_more_changes_nothing() -> None:
    def child() -> None:
        assert harden()
        assert harden()
        assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0

    assert code_of(forked(child)) == 0


def test_elsewhere_it_does_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardening.sys, "platform", "darwin")
    monkeypatch.setitem(sys.modules, "resource", None)
    assert harden() is False
    monkeypatch.setattr(hardening.sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert harden() is False
