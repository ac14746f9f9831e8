"""Values that are sealed in a config file, each bound to where it stands."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest
import yaml
from config_files.places import config_files
from keyrings import PASSPHRASE, created, keyring

from hero_kernel import crypto
from hero_kernel.errors import (
    ConfigError,
    CorruptConfigError,
    HeroConfigNotFoundError,
    KeyringMissingError,
    SecretError,
    SecretRequiredError,
    ValueTamperedError,
)
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from config_files.places import Here, Keys

    from hero_kernel.config_files import ConfigFiles

CANARY = "c4n4ry-Zo\u00eb-0777"

TEXT = """\
# the account, do not touch
smtp:
    host:   smtp.example.org   # with three blanks
    password: c4n4ry-Zoë-0777  # of the account
    "quoted": 'c4n4ry-Zoë-0777'
servers:
- {name: one, token: c4n4ry-Zoë-0777, port: 1}
- name: two
  key: |
    c4n4ry-Zoë-0777
    and more

# the end
a.b: c4n4ry-Zoë-0777
last: >-
  c4n4ry-Zoë-0777
"""
PATHS = {
    "smtp.password": CANARY,
    "smtp.quoted": CANARY,
    "servers.0.token": CANARY,
    "servers.1.key": f"{CANARY}\nand more\n",
    r"a\.b": CANARY,
    "last": CANARY,
}


def lookup(data: object, path: str) -> object:
    for key in re.split(r"(?<!\\)\.", path):
        data = data[int(key) if isinstance(data, list) else key.replace("\\.", ".")]
    return data


def on_disk(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


def test_sealing_in_place_changes_nothing_else(here: Here) -> None:
    configs = here.configs
    configs.set("mail", "default", TEXT)
    assert configs.seal("mail", "default", *PATHS) == len(PATHS)
    text = configs.get("mail", "default")
    assert "c4n4ry" not in text
    assert text.count("hero:v1:") == len(PATHS)
    line = re.compile(r"c4n4ry-Zoë-0777(\n    and more)?|\|\n +(?=c4n)|>-\n +(?=c4n)")
    assert re.sub(r"hero:v1:[\w=-]+", "", text) == line.sub("", TEXT).rstrip("\n")
    data = configs.load("mail", "default")
    for path, value in PATHS.items():
        assert lookup(data, path) == Secret(value)
    assert data["smtp"]["host"] == "smtp.example.org"
    assert data["servers"][0] == {"name": "one", "token": Secret(CANARY), "port": 1}
    assert "c4n4ry" not in repr(data)
    # any other reader still understands the file
    assert yaml.safe_load(text)["servers"][0]["token"].startswith("hero:v1:")


def test_sealing_again_does_nothing(configs: ConfigFiles) -> None:
    configs.set("a", "b", "x: 1\ny: 2")
    assert configs.seal("a", "b", "x", "x") == 1
    before = configs.get("a", "b")
    assert configs.seal("a", "b", "x") == 0
    assert configs.get("a", "b") == before
    assert configs.seal("a", "b", "x", "y") == 1
    assert configs.load("a", "b") == {"x": Secret("1"), "y": Secret("2")}


def test_a_secret_can_be_written_sealed_from_the_start(here: Here) -> None:
    here.configs.set("a", "b", TEXT, secrets=list(PATHS))
    assert b"c4n4ry" not in on_disk(here.configs.root)
    assert lookup(here.configs.load("a", "b"), "smtp.password") == Secret(CANARY)


def test_a_file_may_be_one_value(configs: ConfigFiles) -> None:
    configs.set("a", "b", CANARY)
    configs.seal("a", "b", "")
    assert configs.get("a", "b").startswith("hero:v1:")
    assert configs.load("a", "b") == Secret(CANARY)


def test_secrets_in_data_are_sealed(here: Here) -> None:
    more = [Secret(""), {"x.y": Secret("é\n")}]
    data = {"user": "ada", "password": Secret(CANARY), "more": more}
    here.configs.set_data("a", "b", data)
    assert b"c4n4ry" not in on_disk(here.configs.root)
    assert here.configs.load("a", "b") == data
    here.configs.set_data("a", "b", Secret("all"))
    assert here.configs.load("a", "b") == Secret("all")


def test_what_is_sealed_or_opened_is_told(here: Here) -> None:
    here.configs.set("a", "b", "x: one\ny: two")
    here.configs.get("a", "b")
    here.configs.load("a", "b")
    assert here.heard == []
    here.configs.seal("a", "b", "x")
    assert here.heard == ["one"]
    here.configs.load("a", "b")
    here.configs.set_data("a", "c", [Secret("three")])
    assert here.heard == ["one", "one", "three"]


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("smtp.passwort", "did you mean smtp.password"),
        ("smtp", "no value 'smtp'"),
        ("servers.2.token", "no value"),
        ("a.b", "no value"),
        ("empty", "empty in .* is empty"),
        ("nothing", "is empty"),
    ],
)
def test_only_values_are_sealed(here: Here, path: str, fault: str) -> None:
    here.configs.set("a", "b", TEXT + "empty:\nnothing: null\n")
    before = here.configs.get("a", "b")
    with pytest.raises(ConfigError, match=fault):
        here.configs.seal("a", "b", "smtp.password", path)
    assert here.configs.get("a", "b") == before
    with pytest.raises(ConfigError, match=fault):
        here.configs.set("a", "c", before, secrets=[path])
    assert not here.configs.exists("a", "c")
    assert here.heard == []


@pytest.mark.parametrize("text", ["password: 'c4n4ry", "password: *c4n4ry", "password: !c4n4ry x"])
def test_the_error_about_a_text_with_secrets_shows_none_of_it(
    configs: ConfigFiles, text: str
) -> None:
    with pytest.raises(CorruptConfigError) as raised:
        configs.set("a", "b", text, secrets=["password"])
    assert "c4n4ry" not in str(raised.value.lines())
    assert raised.value.place
    assert not configs.exists("a", "b")


def test_a_value_opens_only_where_it_was_sealed(here: Here) -> None:
    configs = here.configs
    configs.set("a", "b", "x: one\ny: two\nz: [three]", secrets=["x", "y", "z.0"])
    text = configs.get("a", "b")
    one, two, three = re.findall(r"hero:v1:[\w=-]+", text)
    here.plant(text.encode(), "a", "other")
    with pytest.raises(ValueTamperedError, match="'x' in 'config:a__other'"):
        configs.load("a", "other")
    for moved in (
        f"x: {two}", f"y: {one}", f"z: {three}", f"z: [0, {three}]", f"x: [{one}]", f"{{X: {one}}}",
    ):  # fmt: skip
        here.plant(moved.encode())
        with pytest.raises(ValueTamperedError, match="was changed, moved or damaged"):
            configs.load("a", "b")
    here.plant(f"k: 1\nx: '{one}'".encode())
    assert configs.load("a", "b") == {"k": 1, "x": Secret("one")}


def test_a_dot_in_a_key_makes_another_path(here: Here) -> None:
    here.configs.set("a", "b", "{x.y: one, x: {y: two}}", secrets=[r"x\.y"])
    sealed = here.configs.load("a", "b")
    assert sealed == {"x.y": Secret("one"), "x": {"y": "two"}}
    envelope = re.findall(r"hero:v1:[\w=-]+", here.configs.get("a", "b"))[0]
    here.plant(f"x: {{y: {envelope}}}".encode())
    with pytest.raises(ValueTamperedError):
        here.configs.load("a", "b")


def test_every_flipped_bit_and_every_prefix_is_noticed(here: Here) -> None:
    here.configs.set("a", "b", "x: one", secrets=["x"])
    envelope = crypto.from_text(here.configs.get("a", "b").removeprefix("x: "))
    flipped = [
        envelope[: bit // 8] + bytes([envelope[bit // 8] ^ 1 << bit % 8]) + envelope[bit // 8 + 1 :]
        for bit in range(len(envelope) * 8)
    ]
    for wrong in [*flipped, *(envelope[:end] for end in range(len(envelope)))]:
        here.plant(f"x: '{crypto.to_text(wrong)}'".encode())
        with pytest.raises(SecretError):
            here.configs.load("a", "b")
    for text in ("hero:v1:", "hero:v1:!", "hero:v1:SEUx", "hero:v1:é"):
        here.plant(f"x: '{text}'".encode())
        with pytest.raises(ValueTamperedError):
            here.configs.load("a", "b")


def test_without_keys_nothing_is_sealed_or_opened(here: Here) -> None:
    here.configs.set("a", "b", "x: one\ny: 2", secrets=["x"])
    bare = replace(here.configs, cipher=None)
    with pytest.raises(KeyringMissingError, match="x in a__b is sealed"):
        bare.load("a", "b")
    for sealing in (
        lambda: bare.seal("a", "b", "y"),
        lambda: bare.set("a", "b", "y: 1", secrets=["y"]),
        lambda: bare.set_data("a", "b", [Secret("x")]),
    ):
        with pytest.raises(SecretRequiredError, match="a context with a secret"):
            sealing()
    assert bare.get("a", "b") == here.configs.get("a", "b")
    assert bare.kids() == {here.keys.kid}


def test_after_a_rotation_all_is_sealed_anew(here: Here) -> None:
    configs, old = here.configs, here.keys.kid
    configs.set("mail", "default", TEXT, secrets=list(PATHS))
    configs.set("mail", "clear", "x: 1")
    configs.set("code", "script", "!!git.clone url:'x'")
    before = configs.load("mail", "default")
    layout = re.sub(r"hero:v1:[\w=-]+", "…", configs.get("mail", "default"))
    assert configs.reseal() == 0
    here.keys.rotate()
    assert configs.kids() == {old}
    configs.set("mail", "new", "x: 1", secrets=["x"])
    assert configs.kids() == {old, here.keys.kid}
    assert configs.reseal() == len(PATHS)
    assert configs.kids() == {here.keys.kid}
    assert configs.reseal() == 0
    del here.keys.deks[old]
    assert configs.load("mail", "default") == before
    assert re.sub(r"hero:v1:[\w=-]+", "…", configs.get("mail", "default")) == layout


def test_a_damaged_file_keeps_its_key_and_holds_up_no_other(here: Here) -> None:
    configs, old = here.configs, here.keys.kid
    for name in ("broken", "fine"):
        configs.set("a", name, "x: one", secrets=["x"])
    sealed = configs.get("a", "broken").encode()
    here.plant(sealed + b"\nx: [", "a", "broken")
    configs.set("a", "note", "# it was " + configs.get("a", "fine"))
    here.keys.rotate()
    with pytest.raises(CorruptConfigError, match="a__broken"):
        configs.reseal()
    assert configs.kids() == {old, here.keys.kid}
    assert configs.load("a", "fine") == {"x": Secret("one")}
    configs.delete("a", "note")
    configs.delete("a", "broken")
    assert configs.reseal() == 0
    assert configs.kids() == {here.keys.kid}


@dataclass
class Asking:
    """A cipher that is locked, and whose user does something else before giving the secret."""

    keys: Keys
    first: Callable[[], object]

    @property
    def kid(self) -> bytes:
        self.first()
        return self.keys.kid

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        return self.keys.seal(db, key, plain, kid)

    def open(self, db: str, key: str, envelope: bytes) -> bytes:
        return self.keys.open(db, key, envelope)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "sealing",
    [
        lambda configs: configs.set("a", "b", "x: one", secrets=["x"]),
        lambda configs: configs.set_data("a", "b", [Secret("one")]),
        lambda configs: configs.seal("a", "b", "y"),
        lambda configs: configs.reseal(),
    ],
)
def test_nobody_waits_while_the_secret_is_asked_for(
    here: Here, sealing: Callable[[ConfigFiles], object]
) -> None:
    here.configs.set("a", "b", "x: one\ny: two", secrets=["x"])
    here.keys.rotate()
    asked = []

    def first() -> None:
        if not asked:
            asked.append(True)
            here.configs.set("a", "other", "x: 1")  # hangs while the folder is held

    sealing(replace(here.configs, cipher=Asking(here.keys, first)))
    assert asked


@dataclass
class Slow:
    """A cipher that takes its time to seal."""

    keys: Keys
    begun: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def kid(self) -> bytes:
        return self.keys.kid

    def seal(self, db: str, key: str, plain: bytes, kid: bytes) -> bytes:
        self.begun.set()
        assert self.go_on.wait(5)
        return self.keys.seal(db, key, plain, kid)


def test_a_key_that_is_being_sealed_with_is_in_use(here: Here) -> None:
    """Or it would be dropped between the sealing and the writing of a new file."""
    here.configs.set("a", "b", "")
    old, slow = here.keys.kid, Slow(here.keys)
    writing = replace(here.configs, cipher=slow)
    with ThreadPoolExecutor(2) as pool:
        written = pool.submit(writing.set, "a", "new", "x: one", secrets=["x"])
        assert slow.begun.wait(5)
        here.keys.rotate()
        in_use = pool.submit(here.configs.kids)
        with pytest.raises(TimeoutError):
            in_use.result(0.05)
        slow.go_on.set()
        written.result(5)
        assert in_use.result(5) == {old}


def test_a_file_deleted_meanwhile_is_passed_over(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.configs.set("a", "b", "x: one", secrets=["x"])
    monkeypatch.setattr(type(here.configs), "list", lambda _: [("a", "b"), ("a", "gone")])
    assert here.configs.kids() == {here.keys.kid}
    assert here.configs.reseal() == 0


def test_with_a_real_keyring(tmp_path: Path) -> None:
    home = tmp_path / "hero"
    ring = created(home)
    configs = config_files(home, cipher=ring)
    configs.set("a", "b", f"x: {CANARY}", secrets=["x"])
    assert configs.load("a", "b") == {"x": Secret(CANARY)}
    assert b"c4n4ry" not in on_disk(home)

    locked = config_files(home, cipher=keyring(home))
    with pytest.raises(SecretRequiredError):
        locked.load("a", "b")
    with pytest.raises(SecretRequiredError):
        locked.set("a", "c", "x: 1", secrets=["x"])
    assert locked.list() == [("a", "b")]

    old = ring.kid
    ring.rotate(PASSPHRASE, Secret("another battery staple"))
    assert ring.kid != old
    assert configs.reseal() == 1
    assert configs.kids() == {ring.kid}
    assert ring.retire(configs.kids) == {old}
    assert configs.load("a", "b") == {"x": Secret(CANARY)}


def test_missing_files_are_not_sealed(configs: ConfigFiles) -> None:
    with pytest.raises(HeroConfigNotFoundError):
        configs.seal("a", "b", "x")
