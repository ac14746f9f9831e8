"""What a front end says is heard by the subshell that it names, also after our own words."""

from __future__ import annotations

import pytest

from magics.comms import beside_cells


def test_ipykernel_s_own_choice_is_the_shell_that_spoke_last():
    comm = pytest.importorskip("ipykernel.comm.comm").BaseComm(target_name="x", primary=False)
    if not hasattr(comm, "_reply_subshell_for"):
        pytest.skip("this ipykernel sends everything to the shell that is named")
    comm._reply_subshell_id = None  # the main one, where a cell runs
    assert comm._reply_subshell_for({}, "sub") is None
    beside_cells(comm)
    assert comm._reply_subshell_for({}, "sub") == "sub"


def test_a_comm_that_chooses_nothing_is_left_alone():
    comm = type("Comm", (), {})()
    beside_cells(comm)
    beside_cells(None)
    assert vars(comm) == {}
