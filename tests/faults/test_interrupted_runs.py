"""Playbooks that are interrupted and killed at any moment, and gone on with until they end."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from contextlib import nullcontext
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from faults.everything import KILLS, MUST_FAIL, SEED
from kernel.driving import Kernel
from stores.children import code_of, forked

from hero_kernel import Session
from hero_kernel.errors import SessionError

if TYPE_CHECKING:
    from pathlib import Path

    from rooms import Place

ACTIONS = 12


def no_journal(_: Session, __: object) -> SimpleNamespace:
    """The obvious way: a report at the end, and nothing until then."""
    nothing = lambda *_: None  # noqa: E731  # short
    return SimpleNamespace(run="", begins=nothing, ended=nothing, remove=nothing, close=nothing)


def go_on(place: Place, text: str, effects: Path) -> None:
    """Resume the text if there is something to resume; else begin."""
    ws = place.open()
    chance = random.Random(os.getpid())  # noqa: S311  # how long an action takes

    @ws.action("t.mark")
    def mark(*, n: int, of: int) -> None:
        """Leave a line, which is there whatever happens then."""
        time.sleep(chance.uniform(0, 0.004))
        with effects.open("ab", buffering=0) as file:
            file.write(b"%d\n" % n)
        time.sleep(chance.uniform(0, 0.002))

    session = ws.context_get("ctx").session_get("one")
    try:
        ws.play(text, session=session, resume=True)
    except SessionError:
        ws.play(text, session=session)


def check_order(marks: list[int], ends: list[int]) -> None:
    """Every action took effect, in order, and twice only the one that was being carried out.

    Args:
        marks: Every effect.
        ends: How many there were when a process ended.
    """
    assert marks[0] == 0
    for at, (before, after) in enumerate(pairwise(marks), 1):
        allowed = (before, before + 1) if at in ends else (before + 1,)
        assert after in allowed, (at, marks, ends)
    assert marks[-1] == ACTIONS - 1


@pytest.mark.parametrize("way", ["ours", pytest.param("naive", marks=MUST_FAIL)])
def test_nothing_is_left_out_and_only_the_one_that_ran_is_repeated(
    local: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311  # when to end it, and how
    if way == "naive":
        monkeypatch.setattr(Session, "run_journal", no_journal)
    local.open().context_new("ctx").session_new("one")
    ended = {signal.SIGKILL: 0, signal.SIGINT: 0}
    number = 0
    while sum(ended.values()) < KILLS // 2:
        number += 1
        effects = tmp_path / f"effects{number}"
        effects.touch()
        text = "".join(
            f"!!t.mark n:{n} of:{number}\n!!play.echo content:'{number} {n}'\n"
            for n in range(ACTIONS)
        )
        text += f"!!session.env_set key:ROUND{number} val:done"
        ends: list[int] = []
        for attempt in range(40):
            pid = forked(lambda text=text, effects=effects: go_on(local, text, effects))
            if attempt < 6:
                time.sleep(chance.uniform(0.01, 0.12))
                how = chance.choice(list(ended))
                os.kill(pid, how)
                ended[how] += 1
            code_of(pid)
            marks = [int(line) for line in effects.read_text().split()]
            if f"ROUND{number}" in local.open().context_get("ctx").session_get("one").env_all():
                break
            ends.append(len(marks))
        check_order(marks, ends)
    print(ended, f"{number} playbooks")
    assert min(ended.values()) > KILLS // 8
    runs = local.open().context_get("ctx").session_get("one").run_list(1000)
    assert any(run.killed for run in runs)
    assert any(run.ended == "interrupted" for run in runs)


MARKS = """
import time
from pathlib import Path
import hero_kernel as hero

@hero.action("t.mark")
def mark(*, n: int):
    time.sleep(0.02)
    with Path("effects").open("ab", buffering=0) as file:
        file.write(b"%d\\n" % n)
    time.sleep(0.02)
"""


def test_in_a_real_kernel(tmp_path: Path) -> None:
    """Cells, as a user types them; every report is there in the end."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)  # noqa: S311  # moments
    effects = tmp_path / "effects"
    body = "".join(f"!!t.mark n:{n}\n" for n in range(ACTIONS))
    ends: list[int] = []
    with Kernel(tmp_path, HERO_SESSION="cut_off") as kernel:
        kernel.ask(MARKS)
        line = "%%heroscript"
        for how in ("kill", "interrupt", "kill"):
            message = kernel.send(f"{line}\n{body}")
            done = ends[-1] if ends else 0
            while not effects.exists() or len(effects.read_text().split()) <= done:
                time.sleep(0.01)  # until it does something
            time.sleep(chance.uniform(0, 0.1))
            if how == "kill":
                kernel.kill()
                kernel.ask(MARKS)
            else:
                kernel.manager.interrupt_kernel()
                assert kernel.outcome(message).error["ename"] == "KeyboardInterrupt"
            ends.append(len(effects.read_text().split()))
            line = "%%heroscript --resume"
            assert kernel.ask("!!play.echo content:'usable'").startswith("✓ ok")
        kernel.ask(f"{line}\n{body}")
        refused = kernel.run(f"{line}\n{body}")
        assert refused.error["ename"] == "SessionError"
        assert "no unfinished run" in refused.traceback
        shown = kernel.ask("%heroscript --runs")
        assert [word in shown for word in ("killed", "interrupted", "ok")] == [True] * 3
        ended = json.loads(
            kernel.ask(
                "import json; print(json.dumps([one.ended for one in hero.session().run_list()"
                " if one.find('t.*')]))"
            )
        )
        assert ended == ["ok", "killed", "interrupted", "killed"]
    check_order([int(line) for line in effects.read_text().split()], ends)


def test_an_action_that_takes_no_notice_of_ctrl_c_is_done(
    local: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a handler finished in spite of it is not carried out again."""
    ws = local.open()
    session = ws.context_new("ctx").session_new("one")
    called: list[str] = []

    @ws.action("t.stubborn")
    def stubborn() -> None:
        with nullcontext():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                called.append("stubborn")

    @ws.action("t.stop")
    def stop() -> None:
        called.append("stop")
        signal.raise_signal(signal.SIGINT)

    text = "!!t.stubborn\n!!t.stop"
    assert ws.play(text, session=session).ended == "interrupted"
    monkeypatch.undo()
    ws.action("t.stop")(lambda: called.append("stopped"))
    assert ws.play(text, session=session, resume=True).ok
    assert called == ["stubborn", "stop", "stopped"]
