"""A context's secret, and everything it protects, on both engines."""

from __future__ import annotations

import json
from hashlib import md5
from typing import TYPE_CHECKING

import pytest

from hero_kernel.errors import (
    ContextNotFoundError,
    DatabaseError,
    DBKeyError,
    KeyringMissingError,
    KeyringTamperedError,
    LegacyCiphertextError,
    NotInteractiveError,
    SecretError,
    SecretRequiredError,
    ValueTamperedError,
    WrongSecretError,
)
from hero_kernel.secret import MASK, Secret
from hero_kernel.stores import record

if TYPE_CHECKING:
    from pathlib import Path

    from rooms import Place

    from hero_kernel import Context, Session, Workspace

PASS = "correct horse battery"
MARKER = b"find-me-"


def protected(place: Place, *, encrypt: bool = False) -> Context:
    return place.open().context_new("prod", 1, secret=PASS, encrypt=encrypt)


def traces(place: Place) -> list[str]:
    """Where the marker stands in clear: in any file, also where it was deleted, and in records."""
    files = (path for path in place.home.rglob("*") if path.is_file())
    found = [str(path) for path in files if MARKER in path.read_bytes()]
    return found + [
        str(key) for key, text in place.records().items() if MARKER in str(text).encode()
    ]


def fill(session: Session, *, secret: bool) -> None:
    """One value of every kind that can be sealed."""
    hide = Secret if secret else str
    session.env_set("E", hide("find-me-env"))
    session.params_set({"p": hide("find-me-param")})
    session.context.params_set({"p": hide("find-me-context-param")})
    session.db_get().set("k", hide("find-me-db"))
    session.db_config_get().set("k", hide("find-me-config-db"))
    context = session.context
    context.hero_config_set(
        "mail", "one", "user: me\npassword: find-me-yaml\n", secrets=["password"]
    )


def check_filled(session: Session) -> None:
    context = session.context
    assert session.env_get("E") == "find-me-env"
    assert session.params["p"] == "find-me-param"
    assert context.params["p"] == "find-me-context-param"
    for db, value in (
        (session.db_get(), "find-me-db"),
        (context.db_get("config"), "find-me-config-db"),
    ):
        found = db.get("k")
        assert (found.reveal() if isinstance(found, Secret) else found) == value
    assert context.hero_config_load("mail", "one")["password"] == Secret("find-me-yaml")


@pytest.mark.parametrize("encrypt", [False, True])
def test_nothing_sealed_stands_in_clear_and_all_of_it_comes_back(
    place: Place, *, encrypt: bool
) -> None:
    session = protected(place, encrypt=encrypt).session_new("one")
    fill(session, secret=not encrypt)
    assert traces(place) == []
    check_filled(session)
    other = place.open().context_get("prod")
    assert other.encrypt is encrypt
    for locked in (
        lambda: other.session_get("one").env_get("E"),
        lambda: other.session_get("one").params,
        lambda: other.params,
        lambda: other.db_get("config").get("k"),
        lambda: other.hero_config_load("mail", "one"),
    ):
        with pytest.raises(SecretRequiredError, match="is locked"):
            locked()
    other.secret_unlock(PASS)
    check_filled(other.session_get("one"))
    other.secret_lock()
    with pytest.raises(SecretRequiredError):
        other.session_get("one").env_get("E")


def test_what_is_locked_is_shown_as_such(place: Place) -> None:
    session = protected(place).session_new("one")
    session.env_update({"PLAIN": "1", "TOKEN": Secret("find-me-token")})
    shown = session.env_shown()
    assert {key: (one.text, one.state) for key, one in shown.items()} == {
        "PLAIN": ("1", ""), "TOKEN": (MASK, "secret"),
    }  # fmt: skip
    other = place.open().context_get("prod").session_get("one")
    assert other.env_shown()["TOKEN"].state == "locked"
    assert other.env_all(locked=False) == {"PLAIN": "1"}
    with pytest.raises(SecretRequiredError):
        other.env_all()
    assert other.filled(["{PLAIN} {other}"]) == ["1 {other}"]
    with pytest.raises(SecretRequiredError):
        other.filled(["{token}"])


def test_a_secret_needs_a_context_with_a_secret(ws: Workspace) -> None:
    session = ws.context_new("plain").session_new("one")
    for refused in (
        lambda: session.env_set("T", Secret("value")),
        lambda: session.params_set({"t": Secret("value")}),
        lambda: session.db_get().set("t", Secret("value")),
        lambda: session.context.secret_encrypt("value"),
        lambda: session.context.priv_key_set("0" * 64),
        lambda: session.context.secrets.put("t", "value"),
    ):
        with pytest.raises(SecretRequiredError, match="has no secret"):
            refused()
    assert session.env_all() == {}
    assert "t" not in session.params


def test_a_value_that_looks_sealed_is_refused(ws: Workspace) -> None:
    session = ws.context_new("plain").session_new("one")
    with pytest.raises(SecretError, match="begins like an encrypted one"):
        session.env_set("T", "hero:v1:abc")


def test_the_wrong_secret(place: Place) -> None:
    protected(place)
    context = place.open().context_get("prod")
    for tries in range(1, 6):
        with pytest.raises(WrongSecretError, match=f"{tries} of 5"):
            context.secret_unlock("another")
    with pytest.raises(WrongSecretError, match="no more"):
        context.secret_unlock(PASS)
    again = place.open().context_get("prod")
    again.secret_unlock(f"  {PASS}\n")
    with pytest.raises(WrongSecretError):
        place.open().context_new("prod", secret="another")


def move_env(place: Place, change: object) -> None:
    """Let another program change the session's env as it stands in the record."""
    store = place.open().store
    key = "sessions:config:one"

    def step(text: str | None) -> str:
        fields = json.loads(text or "")
        change(fields["env"])
        return record.encode(fields)

    store.update(1, key, step)


def test_a_flipped_bit_and_a_moved_value(place: Place) -> None:
    context = protected(place)
    session, other = context.session_new("one"), context.session_new("two")
    session.env_update({"A": Secret("first value"), "B": Secret("second value")})
    other.env_set("A", Secret("of another session"))
    moved = json.loads(place.open().store.get(1, "sessions:config:two") or "")["env"]["A"]
    move_env(place, lambda env: env.update(A=env["B"]))
    with pytest.raises(ValueTamperedError, match="'A'"):
        session.env_get("A")
    move_env(place, lambda env: env.update(A=moved))
    with pytest.raises(ValueTamperedError):
        session.env_get("A")
    flipped = "A" if moved[20] != "A" else "B"
    move_env(place, lambda env: env.update(B=env["B"][:20] + flipped + env["B"][21:]))
    with pytest.raises((ValueTamperedError, KeyringTamperedError)):
        session.env_get("B")
    assert other.env_get("A") == "of another session"


def test_no_flipped_bit_makes_a_value_of_an_envelope(place: Place) -> None:
    """Nor in what stands before it and says that it is one."""
    context = protected(place)
    session = context.session_new("one")
    session.env_set("A", Secret("first value"))
    session.params_set({"A": Secret("second value")})
    context.hero_config_set("mail", "one", "a: third value\n", secrets=["a"])
    path = context.config_files().path("mail", "one")
    kept = session.config
    sealed, line = kept.env["A"], path.read_text()
    for at in range(len(sealed)):
        bit = 1 << at % 7
        wrong = f"{sealed[:at]}{chr(ord(sealed[at]) ^ bit)}{sealed[at + 1 :]}"
        move_env(place, lambda env, wrong=wrong: env.update(A=wrong))
        with pytest.raises((ValueTamperedError, KeyringTamperedError)):
            session.env_get("A")
    move_env(place, lambda env: env.update(A=sealed))
    assert session.env_get("A") == "first value"
    store = place.open().store
    text = store.get(1, "sessions:config:one") or ""
    store.put(1, "sessions:config:one", text.replace("'hero:v1:", "'hero:w1:"))
    with pytest.raises(ValueTamperedError):
        _ = session.params["A"]
    path.write_text(line.replace("hero:v1:", "hero:v3:"))
    with pytest.raises(ValueTamperedError):
        context.hero_config_load("mail", "one")
    for text in ("hero", "hero:v2:x", "xxxxxxxxSEUx", "iero:v1:plain text"):
        session.env_set("B", text)
        assert session.env_get("B") == text


def test_renaming_keeps_what_is_sealed(place: Place) -> None:
    context = protected(place, encrypt=True)
    session = context.session_new("one")
    fill(session, secret=False)
    session.rename("two")
    check_filled(session)
    context.rename("production")
    again = place.open().context_get("production")
    again.secret_unlock(PASS)
    check_filled(again.session_get("two"))
    assert "session_one" not in again.dbcollection().list()
    assert traces(place) == []


@pytest.mark.parametrize("new", [None, "another secret"])
def test_rotation(place: Place, new: str | None) -> None:
    context = protected(place)
    session = context.session_new("one")
    fill(session, secret=True)
    before = context.config.secret
    living = place.open().context_get("prod")
    living.secret_unlock(PASS)
    rotated = context.secrets.rotate(new, old=PASS)
    assert (rotated.values, rotated.retired) == (6, 1)
    check_filled(session)
    assert (context.config.secret == before) is (new is None)
    assert context.secrets.info.generations == 1
    again = place.open().context_get("prod")
    again.secret_unlock(new or PASS)
    check_filled(again.session_get("one"))
    if new is None:
        check_filled(living.session_get("one"))
        return
    with pytest.raises(SecretError):
        living.session_get("one").env_set("E", Secret("written with the old key"))
    living.secret_unlock(new)
    check_filled(living.session_get("one"))
    with pytest.raises(WrongSecretError):
        place.open().context_get("prod").secret_unlock(PASS)


def test_rewrapping_leaves_the_values(place: Place) -> None:
    context = protected(place)
    session = context.session_new("one")
    session.env_set("E", Secret("find-me-env"))
    stored = place.records()[1, "sessions:config:one"]
    context.secrets.rotate("another secret", old=PASS, rewrap=True)
    assert place.records()[1, "sessions:config:one"] == stored
    assert session.env_get("E") == "find-me-env"


def test_encrypting_a_context_that_has_values(place: Place) -> None:
    context = place.open().context_new("prod", 1)
    session = context.session_new("one", params="p:find-me-param")
    session.env_set("E", "find-me-env")
    session.db_get().set("k", "find-me-db")
    assert len(traces(place)) >= 2
    place.open().context_new("prod", secret=PASS, encrypt=True)
    assert traces(place) == []
    context.secret_unlock(PASS)
    assert session.env_get("E") == "find-me-env"
    assert session.params["p"] == "find-me-param"
    assert session.db_get().get("k") == "find-me-db"
    session.env_set("F", "find-me-later")
    assert traces(place) == []
    context.secrets.encrypt_all(encrypt=False)
    assert place.open().context_get("prod").session_get("one").env_get("F") == "find-me-later"


def test_encrypting_that_was_interrupted_is_finished(place: Place) -> None:
    context = protected(place)
    session = context.session_new("one", params="p:find-me-param")
    session.env_set("E", "find-me-env")
    session.db_get().set("k", "find-me-db")
    context.secrets._keys.set_encrypts(True)  # as far as a killed kernel came
    assert traces(place)
    place.open().context_new("prod", secret=PASS, encrypt=True)
    assert traces(place) == []


def test_another_program_cannot_turn_encryption_off(place: Place) -> None:
    context = protected(place, encrypt=True)
    store = place.open().store
    fields = json.loads(store.get(1, "context:config") or "")
    fields.update(encrypt=False, secret="")
    store.put(1, "context:config", record.encode_pretty(fields))
    again = place.open().context_get("prod")
    assert again.encrypt
    again.secret_unlock(PASS)
    again.session_new("one").db_get().set("k", "find-me-db")
    again.session_get("one").env_set("E", "find-me-env")
    assert traces(place) == []
    assert (context.config.encrypt, context.config.secret != "") == (True, True)


def test_a_lost_record_is_told_and_not_made_anew(place: Place) -> None:
    protected(place, encrypt=True)
    ws = place.open()
    ws.context_new("default", secret=PASS, encrypt=True)
    for number in (0, 1):
        ws.store.delete(number, "context:config")
    for one in (0, 1, "default"):
        with pytest.raises(ContextNotFoundError, match="its keyring is still in"):
            place.open().context_get(one)
    assert place.open().context_new("other").id == 2
    again = place.open().context_new("prod", 1)
    assert again.encrypt
    assert again.config.encrypt


def test_a_lost_keyring_is_told_and_not_made_anew(place: Place) -> None:
    session = protected(place, encrypt=True).session_new("one")
    fill(session, secret=False)
    folder = place.home / "db" / "1"
    for file in folder.glob("keyring.json*"):
        file.unlink()
    again = place.open().context_get("prod").session_get("one")
    for broken in (lambda: again.env_get("E"), lambda: again.db_get().get("k")):
        with pytest.raises(KeyringMissingError):
            broken()
    for anew in (
        lambda: again.context.secret_set(PASS),
        lambda: again.env_set("N", Secret("another")),
    ):
        with pytest.raises(KeyringMissingError):
            anew()
    assert not list(folder.glob("keyring.json"))


def test_named_secrets(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = protected(place).secrets
    secrets.put("github", "find-me-token")
    assert secrets.get("github") == Secret("find-me-token")
    assert secrets.names() == ["github"]
    assert traces(place) == []
    with pytest.raises(DBKeyError, match="github"):
        secrets.get("githup")
    assert place.open().context_get("prod").secrets.names() == ["github"]
    monkeypatch.setenv("HERO_SECRET_GITHUB", "from outside")
    assert secrets.get("github") == Secret("from outside")
    secrets.delete("github")
    assert secrets.names() == []


def test_the_private_key(place: Place) -> None:
    key = "ab" * 32
    context = place.open().context_new("prod", 1, secret=PASS, priv_key_hex=key)
    assert context.priv_key_get() == Secret(key)
    assert key not in str(place.records())
    with pytest.raises(SecretError, match="64 hex"):
        context.priv_key_set("abc")
    context.secrets.rotate("another secret", old=PASS)
    assert context.priv_key_get() == Secret(key)


def test_herolibs_databases_that_are_elsewhere_are_not_passed_over(
    place: Place, legacy: Context, tmp_path: Path
) -> None:
    """A home that came from another machine: the record says where they were there."""
    legacy.configure(db_path=str(tmp_path / "there"))
    before = place.records()
    with pytest.raises(DatabaseError, match=f"{tmp_path}/there.* is not there"):
        legacy.secrets.import_legacy("mysecret", "a better one")
    assert place.records() == before
    assert not legacy.secrets.is_set
    vault = tmp_path / "here" / "vault"
    (vault / "0" / "0").mkdir(parents=True)
    (vault / ".meta").write_text('{"encrypted":true,"name":"vault","withkeys":true}')
    (vault / "0" / "0" / "1").write_text("otCug1PorEuKYLAjsMpYqQwA")
    (vault / "token").symlink_to("0/0/1")
    legacy.configure(db_path=str(tmp_path / "here"))
    assert legacy.secrets.import_legacy("mysecret", "a better one") == 1
    assert legacy.db_get("vault").get("token") == "data"


@pytest.fixture
def legacy(place: Place) -> Context:
    """A context as herolib leaves it; its key is 'data' encrypted with its secret 'mysecret'."""
    stored = md5(b"mysecret", usedforsecurity=False).hexdigest()
    fields = {
        "id": 1, "name": "old", "params": "", "coderoot": "", "interactive": False,
        "secret": stored, "priv_key": "otCug1PorEuKYLAjsMpYqQwA", "db_path": "", "encrypt": True,
    }  # fmt: skip
    place.open().store.put(1, "context:config", record.encode_pretty(fields))
    return place.open().context_get(1)


def test_herolibs_secret_is_read(legacy: Context) -> None:
    assert legacy.secret_decrypt("otCug1PorEuKYLAjsMpYqQwA") == "data"
    assert legacy.secret_check("mysecret")
    assert not legacy.secret_check("other")
    with pytest.raises(SecretRequiredError, match="herolib"):
        legacy.secret_encrypt("new")


def test_herolibs_secret_is_brought_in(place: Place, legacy: Context) -> None:
    with pytest.raises(WrongSecretError):
        legacy.secrets.import_legacy("other")
    legacy.secrets.import_legacy("mysecret", "a better one")
    assert legacy.priv_key_get() == Secret("data")
    assert legacy.encrypt
    again = place.open().context_get("old")
    again.secret_unlock("a better one")
    assert again.priv_key_get() == Secret("data")
    assert md5(b"mysecret", usedforsecurity=False).hexdigest() not in str(place.records())
    with pytest.raises(LegacyCiphertextError):
        again.secret_decrypt("otCug1PorEuKYLAjsMpYqQwA")


def test_herolibs_encrypted_databases_are_brought_in_with_it(place: Place, legacy: Context) -> None:
    folder = place.home / "db" / "1" / "vault"
    (folder / "0" / "0").mkdir(parents=True)
    (folder / ".meta").write_text('{"encrypted":true,"name":"vault","withkeys":true}')
    (folder / "0" / "0" / "1").write_text("otCug1PorEuKYLAjsMpYqQwA")  # 'data' by 'mysecret'
    (folder / "token").symlink_to("0/0/1")
    assert legacy.secrets.import_legacy("mysecret", "a better one") == 1
    again = place.open().context_get("old")
    with pytest.raises(SecretRequiredError):
        again.db_get("vault").get("token")
    again.secret_unlock("a better one")
    assert again.db_get("vault").get("token") == "data"
    assert again.db_get("vault").is_encrypted()


def test_who_may_be_asked(place: Place, tmp_path: Path) -> None:
    protected(place)
    ws = place.open()
    asked: list[str] = []
    answers = iter(["wrong", PASS])
    ws.prompt = lambda question: asked.append(question) or next(answers)
    context = ws.context_get("prod")
    with pytest.raises(SecretRequiredError, match="asks no questions"):
        context.secret_unlock()
    assert asked == []
    context.interactive = True
    ws.session_select(ws.session_new(context, "quiet", interactive=False))
    with pytest.raises(SecretRequiredError):
        context.secret_unlock()
    ws.session_select(ws.session_new(context, "asks"))
    context.session_new("asks").env_set("T", Secret("at the first need"))
    assert len(asked) == 2
    file = tmp_path / "secret"
    file.write_text(f"{PASS}\n")
    file.chmod(0o600)
    headless = place.open()
    headless.environ = {"HERO_SECRET_FILE": str(file)}
    assert headless.context_get("prod").session_get("asks").env_get("T") == "at the first need"


def test_encryption_without_a_secret_creates_nothing(place: Place) -> None:
    with pytest.raises(SecretRequiredError):
        place.open().context_new("prod", encrypt=True)
    assert not place.open().context_exists("prod")


def test_the_prompt_may_be_refused(ws: Workspace) -> None:
    def refuse(_: str) -> str:
        raise NotInteractiveError("no one is there")

    ws.prompt = refuse
    with pytest.raises(SecretRequiredError, match="no one is there"):
        ws.context_new("prod", encrypt=True, interactive=True)


def test_a_damaged_keyring_leaves_what_is_plain(place: Place) -> None:
    session = protected(place).session_new("one")
    session.env_update({"PLAIN": "1", "TOKEN": Secret("find-me-token")})
    keys = place.home / "db" / "1" / "keyring.json"
    keys.write_bytes(keys.read_bytes().replace(b'"rev": 1', b'"rev": 2'))
    context = place.open().context_get("prod")
    assert context.session_get("one").env_get("PLAIN") == "1"
    with pytest.raises(KeyringTamperedError, match=r"keyring\.json"):
        context.secret_unlock(PASS)


def test_a_damaged_value_that_stops_a_rotation_is_named(place: Place) -> None:
    context = protected(place)
    session = context.session_new("one")
    session.env_set("A", Secret("first value"))
    move_env(place, lambda env: env.update(A="hero:v1:damaged"))
    with pytest.raises(ValueTamperedError, match="the value of 'A' in 'session"):
        context.secrets.rotate(old=PASS)
    session.env_delete("A")
    assert context.secrets.resume().retired == 1
