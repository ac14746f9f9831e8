"""Sessions: variables, opening among many, listing, and changes that are made elsewhere."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks import raw
from benchmarks.measuring import OURS, Goal
from benchmarks.test_stores import gets
from redis_server import RedisServer, require_redis

import hero_kernel as hero
from hero_kernel.binding import registry
from hero_kernel.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel import Session, Workspace

BY_HAND = "sqlite3 and json"
"""What somebody would write without us: read the record, change it, write it, in one step."""

PANEL = Path(__file__).with_name("panel_that_looks.py")


@pytest.fixture
def opened() -> Iterator[Callable[..., Workspace]]:
    """Opens workspaces that are closed at the end."""
    found: list[Workspace] = []

    def open_(home: Path, redis_url: str = "") -> Workspace:
        found.append(hero.open_workspace(home=home, redis_url=redis_url, default=False))
        return found[-1]

    yield open_
    for one in found:
        one.store.close()


@pytest.fixture
def server() -> Iterator[RedisServer]:
    require_redis()
    one = RedisServer("--appendonly", "yes", "--appendfsync", "everysec")
    yield one
    one.stop()


def filled(workspace: Workspace, count: int) -> Session:
    session = workspace.session_new(name=f"with_{count}")
    session.env_update({f"NAME_{n}": f"value {n} of some length" for n in range(count)})
    return session


def sets(session: Session, count: int) -> Callable[[], None]:
    """Set a variable so often, each time to another value of one length."""
    done = 10**6

    def work() -> None:
        nonlocal done
        for _ in range(count):
            done += 1
            session.env_set("NAME_3", f"value {done}")
        assert session.env_get("NAME_3") == f"value {done}"

    return work


def writes(put: Callable[[str, str], object], text: str, count: int) -> Callable[[], None]:
    """Write a text so often, each time another one of one length."""
    done = 10**6

    def work() -> None:
        nonlocal done
        for _ in range(count):
            done += 1
            put("sessions:config:notes", f"{done}{text}")

    return work


def changes(bare: raw.Sqlite, count: int) -> Callable[[], None]:
    """Set a variable of a record so often, as `sets`."""
    done = 10**6

    def work() -> None:
        nonlocal done
        for _ in range(count):
            done += 1
            bare.change("sessions:config:notes", "env", "NAME_3", f"value {done}")

    return work


@pytest.mark.parametrize("variables", [10, 200])
def test_variables_in_sqlite(figures, tmp_path, opened, variables):
    session = filled(opened(tmp_path), variables)
    text = session.config.text()
    count = figures.size(50)
    bare = {
        f"sqlite3, {journal}": raw.Sqlite(tmp_path / f"{journal}.db", journal)
        for journal in ("PERSIST", "DELETE")
    }
    by_hand = raw.Sqlite(tmp_path / "by_hand.db", "PERSIST")
    by_hand.put("sessions:config:notes", text)
    why = "what it takes in memory is most of what 1.3 x leaves where the disk is quick"
    figures.compare(
        f"env_set, one of {variables} variables, on SQLite",
        {
            OURS: sets(session, count),
            **{who: writes(one.put, text, count) for who, one in bare.items()},
            BY_HAND: changes(by_hand, count),
        },
        Goal("sqlite3, PERSIST", at_most=1.3, why=why),
        Goal(BY_HAND, at_most=1.3, why=why),
        rounds=15,
        per=count,
        note=f"they write the same record of {len(text):,} characters as durably",
    )
    in_memory = opened(tmp_path / "in_memory")
    in_memory.store = MemoryStore()
    figures.compare(
        f"env_set, one of {variables} variables, in memory",
        {OURS: sets(filled(in_memory, variables), figures.size(1000))},
        per=figures.size(1000),
        note="what it takes beside a store: checks, the note of who set it, the record as text",
    )
    time.sleep(0.1)
    count = figures.size(2000)
    first = session.env_get("NAME_3")

    def check(_who: str, found: str) -> None:
        assert found == first

    figures.compare(
        f"env_get, one of {variables} variables, on SQLite, nothing changed elsewhere",
        {OURS: gets(lambda: session.env_get("NAME_3"), count)},
        Goal(at_most=5e-6),
        per=count,
        check=check,
    )


@pytest.mark.parametrize("variables", [10, 200])
def test_variables_in_redis(figures, tmp_path, opened, server, variables):
    session = filled(opened(tmp_path, server.url), variables)
    text = session.config.text()
    bare = raw.Redis(server.socket)
    count = figures.size(300)
    figures.compare(
        f"env_set, one of {variables} variables, on Redis",
        {OURS: sets(session, count), "redis-py": writes(bare.put, text, count)},
        per=count,
        note="ours reads, changes and writes the record; redis-py writes it",
    )
    bare.put("sessions:config:notes", text)
    count = figures.size(1000)
    figures.compare(
        f"env_get, one of {variables} variables, on Redis",
        {
            OURS: gets(lambda: session.env_get("NAME_3"), count),
            "redis-py": gets(lambda: bare.get("sessions:config:notes"), count),
        },
        per=count,
        note="redis-py gets the record and leaves it at that",
    )


def notebook(folder: Path, number: int) -> registry.Notebook:
    return registry.Notebook(folder / f"nb_{number}.ipynb", None, "here", None)


def among(workspace: Workspace, folder: Path, count: int) -> None:
    """Have so many sessions, each a notebook's with ten variables."""
    env = {f"NAME_{n}": f"value {n} of some length" for n in range(10)}
    context = workspace.context()
    for number in range(count):
        session, _ = registry.claim(context, notebook(folder, number), workspace.now())
        session.env_update(env)


@pytest.mark.parametrize("engine", ["SQLite", "Redis"])
def test_among_many_sessions(figures, tmp_path, opened, request, engine):
    """What it costs to come to one of them, by the number of them; and to look at all."""
    works: dict[str, dict[int, Callable[[], object]]] = {}
    sizes = [1, figures.size(100), figures.size(1000, 20)]
    for size in sizes:
        home, url = tmp_path / str(size), ""
        if engine == "Redis":
            one = RedisServer()
            request.addfinalizer(one.stop)
            url = one.url
        workspace = opened(home, url)
        among(workspace, home, size)
        context = workspace.context()

        def resume(workspace: Workspace = workspace, size: int = size) -> None:
            assert workspace.session_new(name=f"nb_{size - 1}").name == f"nb_{size - 1}"

        def bind(context: hero.Context = context, home: Path = home, size: int = size) -> None:
            _, how = registry.claim(context, notebook(home, size - 1), context.host.now())
            assert how.how == "resumed"

        def first(context: hero.Context = context, home: Path = home) -> None:
            found = registry.find(context, notebook(home, 10**6))
            assert found.how == "new"

        def listing(context: hero.Context = context, size: int = size) -> None:
            assert len(context.sessions_list()) == size

        def states(workspace: Workspace = workspace, size: int = size) -> None:
            assert len(workspace.sessions_states()) == size

        for name, work in {
            "resuming a session by its name": resume,
            "binding a notebook again": bind,
            "finding that a notebook has no session": first,
            "sessions_list": listing,
            "sessions_states": states,
        }.items():
            works.setdefault(name, {})[size] = work
    for name, by_size in works.items():
        who = {size: f"among {size:,}" for size in by_size} | {max(by_size): OURS}
        figure = figures.compare(
            f"{name}, on {engine}",
            {who[size]: work for size, work in by_size.items()},
            note=f"ours is among {max(by_size):,}",
        )
        figures.grown(f"{name}, on {engine}", {size: figure.samples[who[size]] for size in by_size})


def test_opening_a_workspace_and_its_first_session(figures, tmp_path, opened):
    """What a kernel waits for at its first use, everything imported: home, context, session."""
    opened(tmp_path).session_new(name="notes")

    def open_() -> None:
        workspace = hero.open_workspace(home=tmp_path, redis_url="", default=False)
        assert workspace.session_new(name="notes").name == "notes"
        workspace.store.close()

    figures.compare("opening a workspace and resuming a session", {OURS: open_}, rounds=30)


@contextmanager
def looking(home: Path, url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A notebook in another process, with an env panel that somebody looks at."""
    root = Path(__file__).parents[2]
    env = {"HERO_HOME": str(home), "HERO_REDIS_URL": url, "PYTHONPATH": str(root)}
    env |= {"HERO_SESSION": "notes", "IPYTHONDIR": str(home / "ipython")}
    child = subprocess.Popen(
        [sys.executable, str(PANEL), *arguments],
        env=os.environ | env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.stdin.close()
        child.stdout.read()
        child.stdout.close()
        assert child.wait(20) == 0


@pytest.mark.parametrize("engine", ["SQLite", "Redis"])
def test_a_change_elsewhere(figures, tmp_path, opened, request, engine):
    """A panel hears of a variable that another process sets; and what looking costs, idle."""
    url = request.getfixturevalue("server").url if engine == "Redis" else ""
    session = filled(opened(tmp_path, url), 50)
    session.rename("notes")
    taken = []
    with looking(tmp_path, url) as child:
        for number in range(figures.rounds(10)):
            time.sleep(0.31 + 0.037 * number)  # at another moment of its round each time
            begin = time.monotonic()
            session.env_set("NAME_3", f"other {number}")
            told = child.stdout.readline()
            assert told.startswith("told "), told
            taken.append(float(told.split()[1]) - begin)
            child.stdin.write("looks\n")
            child.stdin.flush()
    figures.add(
        f"a panel hears of a change elsewhere, on {engine}", {OURS: taken}, Goal(at_most=1.0)
    )
    seconds = "1" if figures.quick else "6"
    with looking(tmp_path, url, seconds) as child:
        told = child.stdout.readline()
        assert told.startswith("used "), told
    figures.add(
        f"a panel that looks for changes, idle, on {engine}: share of a core",
        {OURS: [float(told.split()[1])]},
        Goal(at_most=0.5),
        unit="%",
    )


def test_what_a_session_takes(figures, tmp_path, opened):
    """A thousand sessions of ten variables each, open at once: in memory and on the disk."""
    count = figures.size(1000, 50)
    workspace = opened(tmp_path)
    empty = filled(workspace, 10)
    before = (tmp_path / "hero.db").stat().st_size
    env = empty.config.env
    for number in range(count):
        workspace.session_new(name=f"session_{number}").env_update(env)
    on_disk = ((tmp_path / "hero.db").stat().st_size - before) / count
    record = len(workspace.session_get("session_0").config.text())
    time.sleep(0.1)
    gc.collect()
    tracemalloc.start()
    held = [workspace.session_get(f"session_{number}") for number in range(count)]
    assert all(one.env_get("NAME_3") for one in held)
    gc.collect()
    in_memory = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    figures.add("memory of an open session that was read", {OURS: [in_memory]}, unit="B")
    figures.add("a session on the disk", {OURS: [on_disk], "its record": [record]}, unit="B")
