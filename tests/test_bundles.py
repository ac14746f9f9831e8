"""Bundles: a session goes out without its secrets and comes in whole, or not at all."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hero_kernel import bundles, crypto
from hero_kernel.errors import (
    BadNameError,
    BundleError,
    HeroError,
    SecretError,
    SessionExistsError,
    StoreError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Session, Workspace

PASS = "correct horse battery"
CANARY = "hunter2-canary"


def filled(ws: Workspace, name: str = "one") -> Session:
    session = ws.session_new(name=name, description="a lesson", interactive=False)
    session.env_update({"A": "1", "B": "two\nlines, 'quotes' and ünïcode ✓"})
    session.params_set({"color": "red", "path": "some/x y"})
    db = session.db_get()
    db["text"] = "value"
    db["bytes"] = b"\x00\xff"
    db["data"] = {"any": [1, 2.5, None, True, float("inf")]}
    db.set(value="without a key")
    ws.play("!!play.echo content:'hello'", session=session)
    session.logger().log("a line of log")
    return session


def contents(session: Session) -> object:
    config = session.config
    fields = (config.description, config.start, config.end, config.interactive)
    return (fields, session.env_all(), dict(session.params), list(session.db_get().entries()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "files"
    made.mkdir()
    return made


def test_what_goes_out_comes_in(place: Place, folder: Path, tmp_path: Path) -> None:
    session = filled(place.open())
    session.close()
    path = folder / "one.zip"
    made = session.export(path, log=True, runs=True)
    assert (made.env, made.params, made.entries, made.runs, made.logs) == (2, 2, 4, 1, 1)
    assert len(made.left_out) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    elsewhere = type(place)(tmp_path / "elsewhere").open()
    got = elsewhere.session_import(path)
    assert got.entries == 4
    assert contents(got.session) == contents(session)
    assert got.session.run_get().results[0].output == session.run_get().results[0].output
    assert "a line of log" in [item.log for item in got.session.logger().search()]
    assert place.open().session_import(path, "Two").session.name == "two"


def test_log_and_runs_only_when_asked(local: Place, folder: Path) -> None:
    ws = local.open()
    made = filled(ws).export(folder / "one.zip")
    assert (made.runs, made.logs) == (0, 0)
    with zipfile.ZipFile(made.path) as archive:
        assert archive.namelist() == ["session.json", "database.jsonl", "manifest.json"]
    got = ws.session_import(made.path, "two").session
    assert got.run_names() == []


def test_the_same_session_gives_the_same_bytes(local: Place, folder: Path) -> None:
    session = filled(local.open())
    for name in ("a.zip", "b.zip"):
        session.export(folder / name, log=True, runs=True)
    assert (folder / "a.zip").read_bytes() == (folder / "b.zip").read_bytes()


def test_a_session_without_anything(local: Place, folder: Path) -> None:
    ws = local.open()
    ws.session_new(name="one").export(folder / "one.zip", log=True, runs=True)
    got = ws.session_import(folder / "one.zip", "two").session
    assert got.env_all() == {}
    assert ws.context().dbcollection().list() == []


@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("locked", [False, True])
def test_nothing_secret_goes_out_and_all_of_it_is_named(
    place: Place, folder: Path, *, encrypt: bool, locked: bool
) -> None:
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=encrypt)
    session = context.session_new("one")
    session.env_update({"TOKEN": Secret(CANARY), "PLAIN": "x1"})
    session.params_set({"pin": Secret(CANARY + "p"), "tone": "calm"})
    db = session.db_get()
    db["token"] = Secret(CANARY + "d")
    db["open"] = "y1"
    db.set(value=Secret(CANARY + "i"))
    if not locked:  # a value that holds a known secret is one, also in clear
        db["derived"] = f"Bearer {CANARY}d"
        db["deep"] = {"header": [f"Bearer {CANARY}d"]}
        db["blob"] = f"Bearer {CANARY}d".encode()
        session.description = f"uses {CANARY}"
        session.logger().log(f"token is {CANARY}")
    else:
        session = place.open().context_get("prod").session_get("one")
    made = session.export(folder / "one.zip", log=True, runs=True)
    with zipfile.ZipFile(made.path) as archive:
        texts = [archive.read(name) for name in archive.namelist()]
    assert not [text for text in texts if CANARY.encode() in text]
    assert not [text for text in texts if crypto.TEXT_PREFIX.encode() in text]
    derived = () if locked else ("derived", "deep", "blob")
    assert "TOKEN" in made.left_out.env
    assert "pin" in made.left_out.params
    assert {"token", "id 3", *derived} <= set(made.left_out.database)
    assert ("PLAIN" in made.left_out.env) is encrypt
    got = place.open().session_import(made.path, context="default")
    assert got.left_out == made.left_out
    assert got.session.env_all() == ({} if encrypt else {"PLAIN": "x1"})
    assert dict(got.session.db_get()) == ({} if encrypt else {"open": "y1"})


def test_into_a_context_that_encrypts(place: Place, folder: Path) -> None:
    session = filled(place.open())
    session.export(folder / "one.zip")
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=True)
    got = context.host.session_import(folder / "one.zip", context=context).session  # type: ignore[attr-defined]
    assert contents(got) == contents(session)
    assert all(text.startswith(crypto.TEXT_PREFIX) for text in got.config.env.values())
    assert {shown.state for shown in got.params_shown().values()} == {"encrypted"}
    assert got.db_get().is_encrypted()
    before = place.tree(), place.records()
    with pytest.raises(SecretError):  # locked: nothing is made
        place.open().session_import(folder / "one.zip", "two", context="prod")
    assert (place.tree(), place.records()) == before


def test_a_name_that_is_taken_or_none(local: Place, folder: Path) -> None:
    ws = local.open()
    filled(ws).export(folder / "one.zip")
    before = local.tree()
    with pytest.raises(SessionExistsError, match="choose another name"):
        ws.session_import(folder / "one.zip")
    with pytest.raises(BadNameError):
        ws.session_import(folder / "one.zip", "../up")
    assert local.tree() == before


def test_a_file_that_is_there_is_replaced_and_a_folder_that_is_not_is_told(
    local: Place, folder: Path
) -> None:
    session = filled(local.open())
    (folder / "one.zip").write_text("old")
    session.export(folder / "one.zip")
    assert zipfile.is_zipfile(folder / "one.zip")
    with pytest.raises(BundleError, match="there is no folder"):
        session.export(folder / "nowhere" / "one.zip")
    with pytest.raises(StoreError):
        session.export(folder)


def test_what_cannot_be_read_again_is_not_written(
    local: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = filled(local.open())
    session.db_get()["large"] = os.urandom(60_000).hex()
    for name, value in (
        ("MAX_BYTES", 50_000), ("MAX_CONTENT_BYTES", 100_000), ("MAX_LINE_BYTES", 100_000),
        ("MAX_LOGS", 1),
    ):  # fmt: skip
        with monkeypatch.context() as patched:
            patched.setattr(bundles, name, value)
            with pytest.raises(BundleError, match="too large"):
                session.export(folder / "one.zip")
    assert list(folder.iterdir()) == []


# -- hostile files

SESSION = {
    "name": "evil", "start": "2025-01-01", "end": "", "description": "", "interactive": True,
    "params": "a:1", "env": {"K": "v"},
}  # fmt: skip
MANIFEST: dict[str, Any] = {
    "format": bundles.FORMAT,
    "version": bundles.VERSION,
    "left_out": {"env": [], "params": [], "database": []},
}
ENTRY = {"key": "k", "id": 1, "type": "str", "value": "v"}


def packed(*members: tuple[Any, Any], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            data = content if isinstance(content, bytes | str) else json.dumps(content)
            archive.writestr(name, data)
    return file.getvalue()


def bundle(*more: tuple[Any, Any], manifest: Any = MANIFEST, session: Any = SESSION) -> bytes:
    return packed(("manifest.json", manifest), ("session.json", session), *more)


def encrypted() -> bytes:
    data = bytearray(bundle())
    for sign, place in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        data[data.index(sign) + place] |= 1
    return bytes(data)


def two_names() -> bytes:
    """The head of the first member says another name than the directory."""
    return bundle().replace(b"manifest.json", b"manifest.jsoN", 1)


def sixty_four() -> bytes:
    data = bundle()
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(data), 1)
    return data[:-22] + locator + data[-22:]


def many_entries() -> bytes:
    data = bytearray(bundle())
    data[-22 + 12 : -22 + 16] = (2**31).to_bytes(4, "little")
    return bytes(data)


def liar() -> bytes:
    """A member whose heads say that it is small."""
    data = bundle(("runs.jsonl", b"0" * (bundles._MEMBER_BYTES["runs.jsonl"] + 1)))
    size = struct.pack("<I", bundles._MEMBER_BYTES["runs.jsonl"] + 1)
    assert data.count(size) == 2
    return data.replace(size, struct.pack("<I", 100))


def session(**fields: Any) -> bytes:
    return bundle(session=SESSION | fields)


def manifest(**fields: Any) -> bytes:
    return bundle(manifest=MANIFEST | fields)


def database(text: Any) -> bytes:
    return bundle(("database.jsonl", text))


HOSTILE = {
    "empty": b"",
    "no zip": b"not a zip file at all" * 10,
    "cut off": bundle()[:-30],
    "cut off in the middle": bundle()[:60] + bundle()[-60:],
    "a comment": bundle()[:-2] + b"\x04\0evil",
    "a zip64 locator": sixty_four(),
    "a directory of gigabytes": many_entries(),
    "encrypted": encrypted(),
    "another packing": packed(("manifest.json", MANIFEST), compression=zipfile.ZIP_BZIP2),
    "two names for one": two_names(),
    "damaged inside": bundle()[:45] + b"\xff" * 8 + bundle()[53:],
    "a traversal": bundle(("../../evil.txt", "x")),
    "an absolute path": bundle(("/etc/evil", "x")),
    "a traversal below the logs": bundle(("logs/../../evil.log", "x")),
    "a folder of the logs": bundle(("logs/", "")),
    "a deeper log": bundle(("logs/a/2025-01-01 10.log", "x")),
    "a log on Windows": bundle(("logs\\2025-01-01 10.log", "x")),
    "a log that is none": bundle(("logs/evil.sh", "x")),
    "a drive": bundle(("C:evil", "x")),
    "an unknown member": bundle(("more.json", "{}")),
    "no manifest": packed(("session.json", SESSION)),
    "no session": packed(("manifest.json", MANIFEST)),
    "a bomb of the session": session(description="x" * (9 * 2**20)),
    "a bomb of the manifest": bundle(manifest="[" * (9 * 2**20)),
    "a bomb that lies": liar(),
    "another format": manifest(format="other"),
    "a newer version": manifest(version=2),
    "a version that is none": manifest(version="1"),
    "an unknown field of the manifest": manifest(more=1),
    "names that are none": manifest(left_out={"env": [1], "params": [], "database": []}),
    "no list of names": manifest(left_out={"env": "x", "params": [], "database": []}),
    "left_out that is none": manifest(left_out=[]),
    "a manifest that is no object": bundle(manifest=[]),
    "a manifest that is no JSON": bundle(manifest="{"),
    "nesting without end": bundle(manifest="[" * 100_000),
    "no UTF-8": bundle(session=b"\xff\xfe"),
    "a field twice": bundle(session='{"name":"evil","name":"good"}'),
    "NaN": bundle(session='{"interactive":NaN}'),
    "an unknown field": session(uid="x"),
    "a field that marks records": session(renamed_to="victim"),
    "a name that is a path": session(name="../../evil"),
    "no name": session(name=""),
    "a reserved name": session(name="latest"),
    "a name that is no text": session(name=7),
    "a start that is none": session(start="soon"),
    "a start to come": session(start="+1h"),
    "an end that is none": session(end="2025-13-77"),
    "params that are none": session(params="a:'"),
    "a sealed param": session(params=f"a:'{crypto.TEXT_PREFIX}x'"),
    "env that is none": session(env=[]),
    "a value that is no text": session(env={"K": 1}),
    "a sealed value": session(env={"K": f"{crypto.TEXT_PREFIX}x"}),
    "a name of a variable": session(env={"K=1": "x"}),
    "half a character": bundle(session=json.dumps(SESSION | {"description": "\ud800"})),
    "a database that is none": database("x"),
    "an entry that is none": database([ENTRY]),
    "an entry of no type": database(ENTRY | {"type": "secret"}),
    "an entry of a lying type": database(ENTRY | {"type": "int"}),
    "an id that is none": database(ENTRY | {"id": -1}),
    "a key that is none": database(ENTRY | {"key": ["x"]}),
    "a key that is too long": database(ENTRY | {"key": "x" * 600}),
    "a key with a NUL": database(ENTRY | {"key": "a\0b"}),
    "the second entry": database(json.dumps(ENTRY) + "\n{"),
    "a run that is none": bundle(("runs.jsonl", "{}")),
    "a run that is no JSON": bundle(("runs.jsonl", "x\n")),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_makes_nothing(local: Place, folder: Path, data: bytes) -> None:
    ws = local.open()
    ws.session_new(name="victim").db_get()["key"] = "value"
    (folder / "evil.zip").write_bytes(data)
    before, records = local.tree(), local.records()
    with pytest.raises(BundleError) as raised:
        ws.session_import(folder / "evil.zip")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400
    assert (local.tree(), local.records()) == (before, records)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["files", "home"]


def test_its_harmless_twin_comes_in(local: Place, folder: Path) -> None:
    """Negative control of the hostile ones."""
    data = bundle(
        ("database.jsonl", json.dumps(ENTRY)), ("runs.jsonl", ""), ("logs/2025-01-01 10.log", "")
    )
    (folder / "good.zip").write_bytes(data)
    got = local.open().session_import(folder / "good.zip")
    assert got.session.name == "evil"
    assert got.session.env_all() == {"K": "v"}
    assert dict(got.session.db_get()) == {"k": "v"}


def test_two_of_a_name(local: Place, folder: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        data = bundle(("session.json", SESSION))
    (folder / "evil.zip").write_bytes(data)
    with pytest.raises(BundleError, match="twice"):
        local.open().session_import(folder / "evil.zip")


def test_what_is_no_file(local: Place, folder: Path) -> None:
    ws = local.open()
    os.mkfifo(folder / "pipe")
    for path in (folder, folder / "gone.zip", folder / "pipe", Path("/dev/zero")):
        with pytest.raises(BundleError, match="there is no file"):
            ws.session_import(path)
    with (folder / "huge.zip").open("wb") as file:
        file.truncate(bundles.MAX_BYTES + 1)
    with pytest.raises(BundleError, match="too large"):
        ws.session_import(folder / "huge.zip")


def test_a_bomb_is_given_up_early(
    local: Place, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the lines of a database: each is bounded, and all of them together."""
    line = json.dumps(ENTRY | {"value": "x" * 2**20}).encode() + b"\n"
    monkeypatch.setitem(bundles._MEMBER_BYTES, "database.jsonl", 5 * 2**20)
    (folder / "evil.zip").write_bytes(database(line * 4))
    local.open().session_import(folder / "evil.zip", "not_yet")
    monkeypatch.setattr(bundles, "MAX_LINE_BYTES", 2**20)
    with pytest.raises(BundleError, match="a line of"):
        local.open().session_import(folder / "evil.zip")
    monkeypatch.undo()
    monkeypatch.setattr(bundles, "MAX_CONTENT_BYTES", 3 * 2**20)
    with pytest.raises(BundleError, match="too large"):
        local.open().session_import(folder / "evil.zip")
    assert [path.name for path in local.home.glob("db/0/.*")] == []


def test_any_byte_may_be_another(local: Place, folder: Path) -> None:
    """A changed file is refused, or what comes in is what it says; never anything else."""
    seed = random.randrange(10**6)  # noqa: S311 - places to change
    print("seed", seed)
    lot = random.Random(seed)  # noqa: S311 - moments and places
    ws = local.open()
    sound = filled(ws).export(folder / "one.zip", log=True, runs=True).path.read_bytes()
    before = local.tree()
    refused = 0
    for number in range(150):
        data = bytearray(sound)
        for _ in range(lot.choice([1, 1, 1, 5])):
            data[lot.randrange(len(data))] = lot.randrange(256)
        if lot.random() < 0.2:
            del data[lot.randrange(len(data)) :]
        (folder / "changed.zip").write_bytes(data)
        try:
            ws.session_import(folder / "changed.zip", f"copy_{number}")
        except HeroError as error:
            assert isinstance(error, BundleError), error  # noqa: PT017
            refused += 1
        else:
            ws.session_delete(f"copy_{number}", files=True, db=True)
        assert local.tree() == before
    assert refused > 100
