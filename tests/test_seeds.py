"""What the seeds say, sentence by sentence."""
# ruff: noqa: S108  # the seed's own path

from __future__ import annotations

import json
import re
import subprocess
from hashlib import md5
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hero_kernel as hero
from hero_kernel.errors import (
    ContextExistsError,
    NotAllowedError,
    NotInteractiveError,
    SecretRequiredError,
    SessionError,
    SessionExistsError,
    SourceError,
)
from hero_kernel.times import OurTime, now

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Session, Workspace


def raw(ws: Workspace, number: int, key: str) -> dict[str, object]:
    return dict(json.loads(ws.store.get(number, key) or "{}"))


def example(ws: Workspace) -> Session:
    """The seed's own example: a context, and a session in it."""
    context = ws.context_new(
        id=1, name="mycontext", coderoot="/tmp/code", interactive=True
    )  # S0:49-58
    return ws.session_new(context=context, name="mysession1", interactive=True)  # S0:60-65


# -- contexts


def test_everything_lives_in_a_context(ws: Workspace) -> None:
    """S0:3 "Everything … lives in a context": the default one is there without setup."""
    assert ws.session_new().context.guid == "0:default"
    assert ws.context().guid == "0:default"


def test_unique_name_and_id(ws: Workspace) -> None:
    """S0:3, S0:7-8 "each context has a unique name and ID"."""
    first = ws.context_new("a", 1)
    for name, number in (("b", 1), ("a", 2)):
        with pytest.raises(ContextExistsError):
            ws.context_new(name, number)
    assert ws.context_new("a", 1) == first
    fields = raw(ws, 1, "context:config")
    assert (fields["id"], fields["name"]) == (first.id, first.name) == (1, "a")


def test_multiple_sessions(ws: Workspace) -> None:
    """S0:3 "a context can have multiple sessions"."""
    context = ws.context_new("a")
    for name in ("one", "two", "three"):
        context.session_new(name)
    assert len(context.sessions_list()) == 3


def test_a_session_is_an_execution_environment(ws: Workspace) -> None:
    """S0:3 "each session represents a specific execution environment": nothing is shared."""
    context = ws.context_new("a")
    one, two = context.session_new("one"), context.session_new("two")
    one.env_set("K", "v")
    one.params_set({"p": "1"})
    one.playbook_add(text="!!a.b")
    assert two.env_all() == {}
    assert dict(two.params) == {}
    assert len(two.plbook.actions) == 0
    assert one.path != two.path


def test_code_root_and_parameters(place: Place) -> None:
    """S0:12-13 code root path, parameters: kept for the next process."""
    place.open().context_new("a", coderoot="/tmp/code", params="color:red")
    context = place.open().context_get("a")
    assert context.coderoot == Path("/tmp/code")
    assert context.params["color"] == "red"


# -- sessions


def test_unique_name_within_the_context(ws: Workspace) -> None:
    """S0:17-18."""
    a, b = ws.context_new("a"), ws.context_new("b")
    a.session_new("same").env_set("K", "v")
    assert b.session_new("same").env_all() == {}
    assert a.session_new("same").env_get("K") == "v"
    with pytest.raises(SessionExistsError):
        a.session_new("same", exist_ok=False)


def test_interactive_mode_control(place: Place) -> None:
    """S0:19."""
    place.open().session_new(name="one", interactive=False)
    assert place.open().session_get("one").interactive is False


def test_environment_variables(place: Place) -> None:
    """S0:20, S0:67-69 the example."""
    session = example(place.open())
    session.env_set("KEY", "value")
    assert session.env_get("KEY") == "value"
    other = place.open().context_get("mycontext").session_get("mysession1")
    assert other.env_get("KEY") == "value"
    other.env_delete("KEY")
    assert session.env_all() == {}


def test_start_and_end(place: Place) -> None:
    """S0:21, S2:8-9."""
    session = place.open().session_new(name="one")
    assert isinstance(session.start, OurTime)
    assert abs(int(session.start) - int(now())) <= 2
    assert session.end.empty()
    session.close()
    again = place.open().session_get("one")
    assert again.end >= again.start == session.start
    frozen = place.open().session_new(name="later", start="+1h")
    assert frozen.start == place.open().session_get("later").start


def test_session_parameters(place: Place) -> None:
    """S0:22, S2:7."""
    session = place.open().session_new(name="one", params="x:1")
    session.env_set("K", "v")
    assert place.open().session_get("one").params.get("x") == "1"


# -- where it is kept


def test_the_records(ws: Workspace) -> None:
    """S0:28-32 the database is the context's id; two keys."""
    example(ws)
    assert set(ws.store.scan(1)) >= {"context:config", "sessions:config:mysession1"}
    assert raw(ws, 1, "context:config") == {
        "id": 1, "name": "mycontext", "params": "", "coderoot": "/tmp/code", "interactive": True,
        "secret": "", "priv_key": "", "db_path": "", "encrypt": False,
    }  # fmt: skip
    session = raw(ws, 1, "sessions:config:mysession1")
    assert list(session)[:4] == ["name", "start", "description", "params"]
    assert session["name"] == "mysession1"


def test_no_cross_talk(ws: Workspace) -> None:
    """S0:30 interleaved saves; each database has its own."""
    for _ in range(3):
        for name in ("default", "one", "two"):
            ws.context_new(name).params_set({"mine": name})
    for number, name in ((0, "default"), (1, "one"), (2, "two")):
        assert raw(ws, number, "context:config")["params"] == f"mine:{name}"


def test_the_folders(place: Place) -> None:
    """S0:90-94 `context/$context` and the session's below it."""
    session = example(place.open())
    assert session.context.path == place.home / "context" / "mycontext"
    assert session.path == place.home / "context" / "mycontext" / "mysession1"
    assert session.path.is_dir()


def test_the_tree_of_the_whole_example(place: Place) -> None:
    """S0:36-43, S0:90-103 where everything lies after the example."""
    session = example(place.open_at())
    session.context.hero_config_set("category", "name", "content")
    session.db_get().set("a", "b")
    session.db_config_get().set("a", "b")
    session.logger().log(log="My log message")
    home = place.home
    files = sorted(p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file())
    assert [f for f in files if not f.startswith("hero.db") and not f.endswith("-journal")] == [
        "context/mycontext/category__name.yaml",
        "context/mycontext/mysession1/logs/2025-01-02 03.log",
        "db/1/config.db",
        "db/1/session_mysession1.db",
    ]
    modes = {p.stat().st_mode & 0o777 for p in home.rglob("*") if p.is_file()}
    assert modes == {0o600}


def test_the_example(ws: Workspace) -> None:
    """S0:49-65, S2:10."""
    session = example(ws)
    assert session.guid == "1:mycontext:mysession1"
    assert session.interactive
    config = session.context.config
    assert (config.id, config.name, config.coderoot, config.interactive) == (
        1, "mycontext", "/tmp/code", True,
    )  # fmt: skip
    context = ws.context_new("mycontext")
    assert ws.session_new(context=context, name="mysession1").context is context


# -- playbooks


def test_session_attributes(ws: Workspace) -> None:
    """S2:4-10 the fields of a session."""
    session = ws.session_new()
    assert session.interactive is True
    assert isinstance(session.plbook, hero.Playbook)
    assert isinstance(session.params, hero.Params)


def test_arguments_of_session_new(ws: Workspace, tmp_path: Path) -> None:
    """S2:15-20 context, session, context_name, session_name, interactive, coderoot."""
    context = ws.context_new("a")
    session = ws.session_new(context=context)
    assert session.context is context
    assert ws.session_new(session=session, playbook_text="!!play.echo") is session
    with pytest.raises(SessionError):
        ws.session_new(session=session, context=context)
    assert ws.session_new(context_name="b", session_name="one").guid == "2:b:one"
    named = [ws.session_new().name for _ in range(2)]
    assert named[0] != named[1]
    assert re.fullmatch(r"\d{4}(_\d\d){5}(_\d+)?", named[0])
    assert ws.session_new(coderoot=tmp_path).context.coderoot == tmp_path


def test_get_and_execute_in_the_current_context(ws: Workspace, tmp_path: Path) -> None:
    """S2:21-23 a path or a text: got, and executed."""
    ws.context_select(ws.context_new("here"))
    for kind in (".md", ".hero", ".heroscript"):
        (tmp_path / f"script{kind}").write_text(f"!!session.env_set key:{kind[1:]} val:b")
    session = ws.session_new(playbook_path=tmp_path, playbook_text="!!session.env_set key:t val:b")
    assert session.context.name == "here"
    assert session.env_all() == {"md": "b", "hero": "b", "heroscript": "b", "t": "b"}
    with pytest.raises(SourceError):
        ws.session_new(playbook_path=tmp_path / "missing")


def play_git(session: Session) -> list[str]:
    """S2:34-43 as a module would be written."""
    found = []
    for action in session.plbook.find(filter="gittools.*"):
        found.append(action.params.get_default("repo", ""))
        action.done = True
    return found


def test_a_module_of_ones_own(ws: Workspace, tmp_path: Path) -> None:
    """S2:25-43."""
    session = ws.session_new(coderoot=tmp_path, interactive=True)
    session.playbook_add(text="!!gittools.clone repo:one\n!!book.define name:b\n!!gittools.pull")
    assert play_git(session) == ["one", ""]
    assert session.plbook.find(filter="gittools.*") == []
    session.plbook.get("book.*").done = True
    session.plbook.empty_check()


def test_playbook_add_heroscript_and_priorities(ws: Workspace, tmp_path: Path) -> None:
    """S2:52-65."""
    (tmp_path / "a.hero").write_text("!!from.path")
    session = ws.session_new()
    session.playbook_add(path=tmp_path / "a.hero")
    session.playbook_add(text="!!from.text", prio=1)
    assert [a.full_name for a in hero.Playbook.from_text(session.heroscript()).actions] == [
        "from.text", "from.path",
    ]  # fmt: skip
    with pytest.raises(SessionError):
        session.playbook_add()
    session.playbook_add(text="!!book.define\n!!git.clone")
    for _ in range(2):  # more than once, and before more is added
        session.playbook_priorities_add({10: "git.*", 20: "book.*, from.path"})
    session.playbook_add(text="!!git.pull")
    assert [a.full_name for a in session.plbook.actions_sorted()] == [
        "from.text", "git.clone", "git.pull", "from.path", "book.define",
    ]  # fmt: skip


def test_running_the_sessions_playbook(ws: Workspace) -> None:
    """S2:5 "how heroscripts are executed"."""
    session = ws.session_new()
    session.playbook_add(text="!!session.env_set key:A val:1")
    assert session.env_all() == {}  # only queued
    report = session.run()
    assert report.ok
    assert session.env_get("A") == "1"
    assert all(action.done for action in session.plbook.actions)


def test_a_playbook_from_git(ws: Workspace, tmp_path: Path) -> None:
    """S0:12, S2:20-21, S2:52 a repository is cloned below the code root, allowed and executed."""
    url = repository(tmp_path / "remote", {"play.hero": "!!session.env_set key:a val:b"})
    with pytest.raises(NotAllowedError) as refused:
        ws.session_new(name="one", coderoot=tmp_path / "code", playbook_url=url)
    assert url in refused.value.message
    assert "%hero allow" in refused.value.hint
    assert ws.session_get("one").env_all() == {}
    ws.allow(url)
    session = ws.session_new(name="one", coderoot=tmp_path / "code", playbook_url=url)
    assert session.env_get("a") == "b"
    assert list((tmp_path / "code").rglob("play.hero"))
    queued = ws.session_new(name="two").playbook_add(url=url)
    assert [action.full_name for action in queued] == ["session.env_set"]
    assert ws.session_get("two").env_all() == {}


def repository(folder: Path, files: dict[str, str]) -> str:
    """A bare repository with the files in it; its address."""
    work = folder / "work"
    work.mkdir(parents=True)
    for name, text in files.items():
        (work / name).write_text(text)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(work)]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    bare = folder / "acc" / "repo.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(work), str(bare)], check=True)
    return f"file://{bare}"


# -- databases


def test_databases(place: Place) -> None:
    """S0:10, S0:23, S0:36-38, S0:75-80, S2:72-80."""
    session = example(place.open())
    db = session.db_get()
    first = db.set("key", "value")
    assert (db.get("key"), db.get(id=first), db.exists("key")) == ("value", "value", True)
    assert (list(db.keys()), db.ids()) == (["key"], [first])
    other = session.context.session_new("other")
    assert not other.db_get().exists("key")
    config_db = session.db_config_get()
    config_db.set("shared", {"a": [1, None, True]})
    assert other.db_config_get().get("shared") == {"a": [1, None, True]}
    assert session.context.db_config_get()["shared"] == {"a": [1, None, True]}
    elsewhere = session.context.host.context_new("two").session_new("one")
    assert not elsewhere.db_config_get().exists("shared")
    assert session.context.dbcollection().list() == ["config", "session_mysession1"]
    assert config_db.path == place.home / "db" / "1" / "config.db"
    db.delete("key")
    assert not place.open().context_get(1).session_get("mysession1").db_get().exists("key")


# -- config files


def test_config_files(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """S0:11, S0:40-45, S0:71-73."""
    monkeypatch.setenv("HOME", str(tmp_path))
    context = example(place.open()).context
    context.hero_config_set("category", "name", "content")
    assert context.hero_config_get("category", "name") == "content"
    file = place.home / "context" / "mycontext" / "category__name.yaml"
    assert file.read_text() == "content"
    context.hero_config_set("other", "name", "mail: ~/mail\ncache: {HOME}/cache\nkeep: a~b")
    assert context.hero_config_get("other", "name") == (
        f"mail: {tmp_path}/mail\ncache: {tmp_path}/cache\nkeep: a~b"
    )
    assert context.hero_config_list() == [("category", "name"), ("other", "name")]
    assert context.hero_config_list("category") == ["name"]
    assert place.open().context_get(1).hero_config_exists("category", "name")
    context.hero_config_delete("category", "name")
    assert not file.exists()


# -- secrets


def test_secrets(place: Place) -> None:
    """S0:9, S0:82-86 the secret is an MD5 hash that is worth nothing, values are encrypted."""
    ws = place.open()
    context = ws.context_new("mycontext", 1, secret="mysecret", encrypt=True)
    kept = raw(ws, 1, "context:config")["secret"]
    assert re.fullmatch("[0-9a-f]{32}", str(kept))
    assert kept != md5(b"mysecret", usedforsecurity=False).hexdigest()
    assert (context.secret_check("mysecret"), context.secret_check("other")) == (True, False)
    assert context.secret_decrypt(context.secret_encrypt("s3cr3t é")) == "s3cr3t é"
    session = context.session_new("one", params="kept:marker_params")
    session.env_set("KEY", "marker_env")
    session.db_get().set("a", "marker_db")
    session.db_config_get().set("a", "marker_config")
    everything = [*place.tree().values(), *(str(r).encode() for r in place.records().values())]
    assert not [data for data in everything if b"marker_" in data]
    assert not [data for data in everything if b"mysecret" in data]
    again = place.open().context_get(1)
    with pytest.raises(SecretRequiredError):
        again.session_get("one").env_get("KEY")
    again.secret_unlock("mysecret")
    assert again.session_get("one").env_get("KEY") == "marker_env"
    assert again.session_get("one").params["kept"] == "marker_params"
    assert again.session_get("one").db_get()["a"] == "marker_db"


def test_the_secret_is_asked_for(place: Place) -> None:
    """S0:19, S0:86 interactive secret configuration; not interactive, nobody is asked."""
    ws = place.open()
    asked: list[str] = []
    ws.prompt = lambda question: asked.append(question) or "a long secret"
    quiet = ws.context_new("quiet", interactive=False)
    with pytest.raises(NotInteractiveError):
        quiet.secret_configure()
    assert asked == []
    ws.context_new("asks", interactive=True).secret_configure()
    assert asked[0] == "Please enter your hero secret string: "
    assert ws.context_get("asks").secret_check("a long secret")


# -- logging


def test_logging(place: Place) -> None:
    """S0:24, S0:96-105 a log of its own."""
    ws = place.open_at()
    session = example(ws)
    session.logger().log(log="My log message")
    lines = (session.path / "logs" / "2025-01-02 03.log").read_text().splitlines()
    assert "  " + " " * 10 + " - My log message" in lines
    session.logger().log("Failed to connect", cat="db", logtype="error")
    found = session.logger().search(log="failed")
    assert [(item.cat, item.logtype, item.log) for item in found] == [
        ("db", "error", "Failed to connect")
    ]
    other = session.context.session_new("other")
    assert other.logger().search() == []
    assert session.logger() is session.logger()
