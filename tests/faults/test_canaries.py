"""A secret is looked for wherever it could have got to; nothing that leaks opens anything."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from hashlib import md5
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from faults.everything import PASS, SEALED, check, fill, session
from kernel.driving import Kernel
from redis_server import RedisServer, require_redis
from rooms import Place
from stores.children import code_of, forked

from hero_kernel import crypto
from hero_kernel.errors import HeroError, KeyringMissingError, SecretError, ValueTamperedError
from hero_kernel.stores.record import encode_pretty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def spelt(canary: str) -> list[bytes]:
    """The canary as it could stand somewhere, by other means than the redactor's own list."""
    raw = canary.encode()
    found = [raw, canary.encode("utf-16-le"), raw.hex().encode(), quote(canary, safe="").encode()]
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode()
        found.append(text[4 if before else 0 : -4].encode())
    return found


def seen(data: bytes, canaries: list[str]) -> bool:
    return any(form in data for canary in canaries for form in spelt(canary))


def leaks(folders: list[Path], canaries: list[str]) -> list[str]:
    """Every file below the folders that holds one of them in any spelling."""
    return [
        str(path)
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and seen(path.read_bytes(), canaries)
    ]


DEMO = """
import glob, logging, os, traceback
from contextlib import suppress
from pathlib import Path
from hero_kernel.secret import Secret
told = Path(os.environ["CANARIES"]).read_text().split()
passphrase, value, key = told
hide = Secret if MODE == "ours" else str
protected = {"secret": passphrase, "encrypt": True} if hide is Secret else {}
context = ws.context_new("prod", 1, **protected)
session = context.session_new("one")
ws.session_select(session)
session.env_set("TOKEN", hide(value))
session.params_set({"token": hide(value)})
context.params_set({"token": hide(value)})
session.db_get().update({"token": hide(value), "nested": [value] if hide is Secret else value})
context.db_config_get().set("token", hide(value))
if hide is Secret:
    context.secrets.put("token", value)
    context.priv_key_set(key)
    print(context.secret_encrypt(value))
context.hero_config_set("mail", "one", f"user: me\\npassword: {value}\\n",
                        **({"secrets": ["password"]} if hide is Secret else {}))
session.logger().log(f"the token is {value}, of {passphrase}")

@ws.action("t.leak")
def leak(session, *, token: str = "", fail: bool = False):
    print("printed", token)
    logging.getLogger("demo").warning("logged %s", token)
    session.progress(f"at {token}")
    if fail:
        raise RuntimeError(f"raised {token}")
    return {"returned": token, "deep": [token]}

for book in ("!!t.leak token:{TOKEN}", "!!t.leak token:{token} fail:1"):
    report = ws.play(book, session=session)
    if hide is Secret:
        print(ws.redactor.mask(str(report)), ws.redactor.mask(repr(report)))
for act in (
    lambda: context.secret_unlock(passphrase + " wrong"),
    lambda: context.secret_decrypt("hero:v1:" + "A" * 80),
    lambda: context.priv_key_set(key + "0"),
    lambda: session.db_get().export(ws.home / "export.jsonl"),
    lambda: context.hero_config_set("mail", "two", f"a: [{value}\\n", secrets=["a"]),
    lambda: session.env_get("TOKEM"),
):
    try:
        act()
    except Exception as error:
        if hide is Secret:
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            print(ws.redactor.mask("".join(shown.format())))
            print(error, repr(error))
if hide is Secret:
    print(context, session, context.secrets, context.secrets.info, context.config, session.config)
    print(session.env_shown(), session.params_shown(), session.db_get(), session.db_get().info())
    context.secret_rotate(passphrase[::-1], old=passphrase)
    session.rename("two")
    context.rename("production")
    context.secrets.encrypt_all(encrypt=False)
    context.secrets.encrypt_all(encrypt=True)
for path in glob.glob("/proc/[0-9]*/cmdline"):
    with suppress(OSError):
        assert value.encode() not in Path(path).read_bytes()
        assert passphrase.encode() not in Path(path).read_bytes()
"""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    require_redis()
    one = RedisServer("--appendonly", "yes", "--rdbcompression", "no")
    yield one
    one.stop()


@pytest.mark.parametrize("engine", ["sqlite", "redis"])
@pytest.mark.parametrize("mode", ["ours", "naive"])
def test_no_canary_is_anywhere(
    tmp_path: Path,
    engine: str,
    mode: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A whole demo; the same in a context without a secret leaves it all over the place."""
    server = request.getfixturevalue("server") if engine == "redis" else None
    place = Place(tmp_path / "home", server.url if server else "")
    canaries = [f"Canary/{token_hex(12)}%é", f"Finch+{token_hex(12)}", token_hex(32)]
    (tmp_path / "told").write_text(" ".join(canaries))
    monkeypatch.setenv("CANARIES", str(tmp_path / "told"))
    child = place.start(f"MODE = {mode!r}\n{DEMO}")
    printed, complaint = child.communicate(timeout=60)
    assert child.returncode == 0, complaint
    folders = [place.home]
    if server:
        with server.client() as client:
            client.save()
        folders.append(server.folder)
    canaries.append(canaries[0][::-1])
    found = leaks(folders, canaries)
    if mode == "naive":
        places = " ".join(found)
        assert "session_one.db" in places
        assert "mail__one.yaml" in places
        assert "logs" in places
        assert ("dump.rdb" if server else "hero.db") in places
        return
    assert found == []
    # A plain Python process has no choke point: what the demo logs itself is not ours to mask.
    complaint = re.sub("logged .*", "", complaint)
    assert not seen((printed + complaint).encode(), canaries), printed + complaint


CELLS = [
    """
import hero_kernel as hero, pathlib
told = pathlib.Path('{told}').read_text().split()
context = hero.context_new('prod', secret=told[0])
session = hero.session_new(context=context, name='one')
hero.workspace().session_select(session)
""",
    "session.env_set('TOKEN', hero.Secret(told[1]))\nsession.logger().log(told[1])",
    "print(told)\ntold",
    "%hero_env",
    "%hero_secret",
    "!!play.echo content:{{TOKEN}}",
    "raise ValueError(told[1])",
    "%xmode Verbose\nraise ValueError(told[0])",
    "!echo $(cat {told})",
    "session.run_list(), session.logger().search()",
]


def test_a_real_kernel_leaves_no_canary(tmp_path: Path) -> None:
    canaries = [f"Canary{token_hex(12)}", f"Finch{token_hex(12)}"]
    told = tmp_path / "told"
    told.write_text(" ".join(canaries))
    folder = tmp_path / "user"
    folder.mkdir()
    shown = []
    with Kernel(folder, HERO_HOME=str(folder / "hero")) as kernel:
        for cell in CELLS:
            outcome = kernel.run(cell.format(told=told))
            shown.append([message for _, _, message in outcome.messages])
            shown.append([outcome.reply])
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                assert not seen(path.read_bytes(), canaries)
        kernel.end()
    text = json.dumps(shown, default=str, ensure_ascii=False)
    assert "prod" in text
    assert "••••••" in text
    assert not seen(text.encode(), canaries)
    assert leaks([folder], canaries) == []
    assert leaks([tmp_path], canaries) == [str(told)]  # the sweep finds what is there


# -- what leaked opens nothing


def attack(texts: list[str], ring: str, places: list[tuple[str, str]]) -> set[str]:
    """What a dump's own words open: each as a key, on every envelope, at every place."""
    words = {w for text in texts for w in re.findall(r"[0-9A-Za-z_+/=-]{16,}", text)}
    keys = {crypto.Key(w.encode()) for w in words if len(w) == 32}
    for word in words:
        with suppress(ValueError):
            keys.add(crypto.Key(bytes.fromhex(word)))
        with suppress(ValueError):
            keys.add(crypto.Key(base64.urlsafe_b64decode(word)))
    keys |= {crypto.Key(md5(key, usedforsecurity=False).hexdigest().encode()) for key in set(keys)}
    keys |= {crypto.Key(key * 2) for key in set(keys) if len(key) == 16}
    envelopes = [
        crypto.from_text(text)
        for text in {m for text in texts for m in re.findall(r"hero:v1:[\w=-]+", text)}
    ]
    found = set()
    for key in (key for key in keys if len(key) == 32):
        for envelope in envelopes:
            kid = envelope[crypto.KID]
            for db, name in places:
                with suppress(SecretError):
                    plain = crypto.Subkey(key, kid, ring, db).open(name, envelope)
                    found.add(plain.decode(errors="replace"))
        for word in words:
            with suppress(HeroError, ValueError):
                plain = crypto.legacy_decrypt(key.decode("ascii"), word)
                found.add(plain.decode(errors="replace"))
    return found


def test_a_dump_of_the_records_opens_nothing(place: Place) -> None:
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=True, priv_key_hex="ab" * 32)
    one = context.session_new("one")
    fill(one, SEALED, lambda _: "find-me")
    texts = [str(text) for text in place.records().values()]
    uid = one.config.uid
    ring = json.loads((place.home / "db" / "1" / "keyring.json").read_text())
    ring_id = next(v for k, v in ring.items() if k in ("id", "ctx", "ring", "context", "uuid"))
    places = [
        (f"session {uid} env", "k"), (f"session {uid} params", "k"), ("context params", "k"),
        ("context priv_key", "priv_key"),
    ]  # fmt: skip
    assert sum("hero:v1:" in text for text in texts) >= 2
    assert not [plain for plain in attack(texts, ring_id, places) if "find-me" in plain]
    assert not [plain for plain in attack(texts, ring_id, places) if "ab" * 32 in plain]


def test_herolibs_dump_opens_everything() -> None:
    """The attack has teeth: in upstream's form, the field is the key."""
    stored = md5(b"mysecret", usedforsecurity=False).hexdigest()
    fields = {"id": 1, "name": "old", "secret": stored, "priv_key": "otCug1PorEuKYLAjsMpYqQwA"}
    assert "data" in attack([encode_pretty(fields)], "", [])
    kid = crypto.new_kid()
    sealed = crypto.Subkey(crypto.Key(stored.encode()), kid, "ring", "db").seal("key", b"find-me")
    found = attack([stored, crypto.to_text(sealed)], "ring", [("db", "key")])
    assert "find-me" in found


def rewrite(place: Place, **changes: object) -> None:
    store = place.open().store
    fields = json.loads(store.get(1, "context:config") or "")
    store.put(1, "context:config", encode_pretty({**fields, **changes}))


def unmark(place: Place) -> None:
    for path in (place.home / "db" / "1").glob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE meta SET encrypted = 0")
            connection.commit()


def edit_keyring(place: Place) -> None:
    path = place.home / "db" / "1" / "keyring.json"
    text, count = re.subn(r'"encrypts":\s*true', '"encrypts": false', path.read_text())
    assert count == 1
    path.write_text(text)


def lose_keyring(place: Place) -> None:
    for path in (place.home / "db" / "1").glob("keyring.json*"):
        path.unlink()


DOWNGRADES: dict[str, Callable[[Place], object]] = {
    "record says no": lambda place: rewrite(place, encrypt=False),
    "record has no secret": lambda place: rewrite(place, encrypt=False, secret=""),
    "record has herolib's secret": lambda place: rewrite(place, encrypt=False, secret="0" * 32),
    "record gone": lambda place: place.open().store.delete(1, "context:config"),
    "marks taken away": unmark,
    "keyring says no": edit_keyring,
    "keyring gone": lose_keyring,
    "everything at once": lambda place: (rewrite(place, encrypt=False, secret=""), unmark(place)),
}


@pytest.mark.parametrize("how", DOWNGRADES)
def test_nobody_can_turn_encryption_off(place: Place, how: str) -> None:
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=True)
    fill(context.session_new("one"), SEALED, lambda kind: f"old {kind}", "old")
    DOWNGRADES[how](place)
    naive = json.loads(place.open().store.get(1, "context:config") or '{"encrypt": false}')
    if "record" in how:
        assert not naive["encrypt"]  # whoever believes the record writes in the clear
    told = 0
    for name in ("one", "two"):
        for attempt in ("locked", "unlocked"):
            try:
                again = place.open().context_new("prod", 1)
                if attempt == "unlocked":
                    again.secret_unlock(PASS)
                one = again.session_new(name)
            except HeroError:
                told += 1
                continue
            for act in (
                lambda one=one: one.env_set("n", "find-me"),
                lambda one=one: one.params_set({"n": "find-me"}),
                lambda one=one: one.context.params_set({"n": "find-me"}),
                lambda one=one: one.db_get().set("n", "find-me"),
                lambda one=one: one.db_config_get().set("n", "find-me"),
            ):
                try:
                    act()
                except HeroError:
                    told += 1
    assert told > 0  # while locked at the least
    assert leaks([place.home], ["find-me"]) == []
    assert "find-me" not in str(place.records())
    if "gone" not in how and "keyring" not in how:
        check(session(place, PASS), SEALED, lambda kind: f"old {kind}", "old")


def test_a_lost_keyring_is_never_made_anew(place: Place) -> None:
    context = place.open().context_new("prod", 1, secret=PASS, encrypt=True)
    fill(context.session_new("one"), SEALED, lambda kind: f"old {kind}", "old")
    lose_keyring(place)
    again = place.open().context_get("prod")
    for act in (
        lambda: again.secret_set(PASS),
        lambda: again.session_get("one").env_get("old"),
        lambda: again.session_get("one").db_get().get("old"),
    ):
        with pytest.raises(KeyringMissingError):
            act()
    assert not list(place.home.rglob("keyring.json"))


# -- backup


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="hero-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("as_user", [0, 65534])
@pytest.mark.parametrize("number", [1, 7])
def test_a_backup_opens_elsewhere(
    tmp_path: Path, open_folder: Path, as_user: int, number: int
) -> None:
    """In another home, for another user, under another id."""
    if as_user and os.geteuid():
        pytest.skip("only root can become another user")
    place = Place(tmp_path / "home")
    one = place.open().context_new("prod", 1, secret=PASS, encrypt=True).session_new("one")
    fill(one, SEALED, lambda kind: f"old {kind}")
    other = Place(open_folder / "user" / "home")
    shutil.copytree(place.home, other.home)
    shutil.rmtree(place.home)
    if number != 1:
        store = other.open().store
        for key in store.scan(1):
            text = store.get(1, key) or ""
            if key == "context:config":
                text = encode_pretty({**json.loads(text), "id": number})
            store.put(number, key, text)
            store.delete(1, key)
        (other.home / "db" / "1").rename(other.home / "db" / str(number))
    if as_user:
        other.home.parent.chmod(0o755)
        for path in [other.home, *other.home.rglob("*")]:
            os.chown(path, as_user, as_user)

    def look() -> None:
        if as_user:
            os.setgid(as_user)
            os.setuid(as_user)
        mine = session(other, PASS)
        assert mine.context.id == number
        check(mine, SEALED, lambda kind: f"old {kind}")
        fill(mine, SEALED, lambda kind: f"new {kind}", "new")
        mine.context.secret_rotate("another secret", old=PASS)
        check(session(other, "another secret"), SEALED, lambda kind: f"new {kind}", "new")

    assert code_of(forked(look)) == 0


def test_values_of_another_context_do_not_open(place: Place) -> None:
    """Nor with the same secret: each context has a keyring of its own."""
    ws = place.open()
    for number, name in ((1, "prod"), (2, "other")):
        fill(
            ws.context_new(name, number, secret=PASS).session_new("one"),
            SEALED,
            lambda kind, name=name: f"{kind} of {name}",
        )
    for path in (place.home / "db" / "2").glob("*.db"):
        shutil.copy(path, place.home / "db" / "1" / path.name)
    (yaml,) = (place.home / "context" / "other").rglob("sealed__k.yaml")
    (mine,) = (place.home / "context" / "prod").rglob("sealed__k.yaml")
    shutil.copy(yaml, mine)
    one = session(place, PASS)
    for kind in ("database", "config database", "named secret", "config file"):
        with pytest.raises(SecretError) as caught:
            SEALED[kind].read(one, "k")
        assert isinstance(caught.value, ValueTamperedError | SecretError)
