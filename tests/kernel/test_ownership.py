"""Two real kernels on one session: each is told of the other, and no write of either is lost."""

from __future__ import annotations

import json
import os
import signal
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from kernel.driving import Kernel
from rooms import Place

from hero_kernel import leases

if TYPE_CHECKING:
    from pathlib import Path

    from redis_server import RedisServer

    from hero_kernel import Session
    from hero_kernel.ownership import State

PAST_LOOK_S = 1.05
"""After this a kernel that is used looks whether it was told something."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "hero")


@pytest.fixture
def session(place: Place) -> Session:
    """As another program sees it."""
    return place.open().session_new(name="both")


def state(place: Place, name: str = "both") -> State:
    return next(one for one in place.open().sessions_states() if one.session.name == name)


def notebook(folder: Path, name: str) -> str:
    path = folder / f"{name}.ipynb"
    path.write_text("{}")
    return str(path)


def pair(folder: Path, **environ: str) -> tuple[Kernel, Kernel]:
    """Two kernels, each of a notebook of its own, on one session."""
    left, right = (
        Kernel(
            folder,
            **({"HERO_SESSION": "both", "JPY_SESSION_NAME": notebook(folder, name)} | environ),
        )
        for name in ("left", "right")
    )
    return left, right


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
def test_they_are_told_of_each_other_and_both_stay_correct(
    tmp_path: Path, request: pytest.FixtureRequest, engine: str
) -> None:
    environ = {}
    if engine == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        environ["HERO_REDIS_URL"] = server.url
    left, right = pair(tmp_path, **environ)
    with left, right:
        assert "\n" not in left.ask("%hero")
        line, shared, ways = right.ask("%hero").split("\n")
        assert "session both" in line
        assert shared.startswith(
            f"shared with {tmp_path}/left.ipynb (pid {left.pid} on {os.uname().nodename}, since "
        )
        assert "--fork" in ways
        assert "--takeover" in ways
        sleep(PAST_LOOK_S)
        outcome = left.run("!!play.echo content:'x'")
        first = outcome.outputs[0]
        assert first["output_type"] == "display_data"
        assert f"now shared with {tmp_path}/right.ipynb" in first["data"]["text/plain"]
        assert "stream" not in [one["output_type"] for one in outcome.outputs]
        sleep(PAST_LOOK_S)
        assert "shared" not in left.ask("%hero_env")  # said once

        cells = {
            one: [
                one.send(f"!!session.env_set key:{name}{number} val:{number}")
                for number in range(15)
            ]
            for one, name in ((left, "LEFT"), (right, "RIGHT"))
        }
        for one, messages in cells.items():
            for message in messages:
                assert one.outcome(message).ok
        left.ask("import json, hero_kernel as hero")
        expected = {f"{name}{number}" for name in ("LEFT", "RIGHT") for number in range(15)}
        assert set(json.loads(left.ask("print(json.dumps(hero.session().env_all()))"))) == expected
        assert right.ask("import hero_kernel as hero; len(hero.session().env_all())") == "30"


def test_killed_taken_over_forked_restarted_and_ended(
    tmp_path: Path, place: Place, session: Session
) -> None:
    left, right = pair(tmp_path)
    with left, right:
        left.ask("%hero_env set KEPT=1")
        right.ask("%hero")
        right.ask("%hero_session use both --takeover")
        sleep(PAST_LOOK_S)
        outcome = left.run("!!play.echo content:'x'")
        assert outcome.error["ename"] == "SessionHeldError"
        assert f"taken over by {tmp_path}/right.ipynb" in outcome.traceback
        assert len(outcome.traceback.split("\n")) == 2
        assert left.ask("6 * 7") == "42"
        assert "session both_fork (forked; 1 env" in left.ask("%hero_session use both --fork")
        left.ask("%hero_env set OWN=1")
        assert session.env_all() == {"KEPT": "1"}
        assert [one.pid for one in state(place).holders] == [right.pid]

        right.restart()
        assert state(place).kind == "open"  # let go of, and not ended
        assert not session.config.end
        assert "resumed" in right.ask("%hero")
        assert state(place).kind == "live"

        left.manager.signal_kernel(signal.SIGKILL)
        left.manager.provisioner.process.wait()
        killed = state(place, "both_fork")
        assert killed.kind == "killed"
        assert killed.end
        right.end()
    ended = state(place)
    assert ended.kind == "ended"
    assert session.config.end
    assert place.open().store.scan(0, leases.PREFIX) == []


def test_only_the_last_one_to_go_ends_it(tmp_path: Path, place: Place, session: Session) -> None:
    left, right = pair(tmp_path)
    with left, right:
        left.ask("%hero")
        right.ask("import hero_kernel as hero; _ = hero.session()")  # Python is a use as well
        assert len(state(place).holders) == 2
        left.end()
        assert [one.pid for one in state(place).holders] == [right.pid]
        assert not session.config.end
        right.end()
    assert session.config.end


def test_a_terminated_kernel_is_a_killed_one(
    tmp_path: Path, place: Place, session: Session
) -> None:
    with Kernel(tmp_path, HERO_SESSION="both") as one:
        one.ask("%hero")
        one.manager.signal_kernel(signal.SIGTERM)
        one.manager.provisioner.process.wait()
        assert state(place).kind == "killed"
    assert session.config.is_killed


def test_the_stock_kernel_with_the_extension_holds_and_ends_too(
    tmp_path: Path, place: Place, session: Session
) -> None:
    with Kernel(tmp_path, name="python3", HERO_SESSION="both") as one:
        one.ask("%load_ext magics")
        one.ask("%hero")
        (holder,) = state(place).holders
        assert holder.pid == one.pid
        assert holder.label == f"a kernel in {tmp_path}"
        assert holder.kernel
        one.end()
    assert session.config.end
    assert place.open().store.scan(0, leases.PREFIX) == []


def test_a_python_notebook_without_a_session_holds_none(tmp_path: Path, place: Place) -> None:
    with Kernel(tmp_path) as one:
        names = "[one.name for one in __import__('threading').enumerate()]"
        assert "hero heartbeat" not in one.ask(names)
        assert not place.home.exists()


def test_children_of_a_notebook_do_not_end_its_session(
    tmp_path: Path, place: Place, session: Session
) -> None:
    """A fork that ends in order runs what is to be run at the end of a process."""
    fork = """
import os, warnings
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    try:
        get_ipython()._hero_extension.door.leave()
    finally:
        os._exit(0)
os.waitpid(child, 0)[1]
"""
    with Kernel(tmp_path, HERO_SESSION="both") as one:
        one.ask("%hero")
        assert one.ask(fork) == "0"
        assert state(place).kind == "live"
        assert not session.config.end


def test_a_store_that_is_away_delays_no_end(tmp_path: Path) -> None:
    from redis_server import RedisServer, require_redis  # noqa: PLC0415 - one of its own

    require_redis()
    server = RedisServer()
    try:
        with Kernel(tmp_path, HERO_REDIS_URL=server.url, HERO_SESSION="both") as one:
            one.ask("%hero")
            server.kill()
            assert one.ask("6 * 7") == "42"
            begin = monotonic()
            one.end()
            assert monotonic() - begin < 4
    finally:
        server.stop()
