"""Secrets on the command line: asked for or handed over, never an argument, never printed."""

from __future__ import annotations

import pytest
from commands.terminals import Terminal

from hero_kernel.secret import MASK

CANARY = "canary-7f3a-passphrase"
TOKEN = "canary-b019-token"


@pytest.fixture
def secret(hk):
    """A context with a secret in a file, which the environment names, and a token in it."""
    file = hk.folder / "secret"
    file.write_text(f"{CANARY}\n")
    file.chmod(0o600)
    token = hk.folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    hk("secret", "new", "--file", str(file))
    hk("secret", "set", "api", "--file", str(token), HERO_SECRET_FILE=str(file))
    return str(file)


def test_from_a_file_and_from_a_variable(hk, secret):
    assert [row[0] for row in hk("secret", "list", "--json").json["rows"]] == ["api"]
    hk("secret", "set", "other", "--env", "OTHER", OTHER=TOKEN, HERO_SECRET_FILE=secret)
    assert "that is the secret" in hk("secret", "check", HERO_SECRET=CANARY).out
    assert "that is not the secret" in hk.refused(
        "secret", "check", HERO_SECRET="another one", status=1
    )


def test_never_an_argument(hk, secret):
    for words in (
        ("secret", "set", "api", TOKEN),
        ("secret", "set", f"api={TOKEN}"),
        ("secret", "new", CANARY),
        ("env", "set", "--secret", f"TOKEN={TOKEN}"),
        ("param", "set", f"token:{TOKEN}", "--secret"),
        ("db", "set", "token", TOKEN, "--secret"),
    ):
        for options in ((), ("--json",)):
            answer = hk(*options, *words, status=2)
            assert TOKEN not in answer.out + answer.err
            assert CANARY not in answer.out + answer.err
            assert "is not written on" in answer.out + answer.err


def test_nobody_to_ask_is_an_error_at_once(hk, secret):
    said = hk.refused("secret", "set", "other", status=1)
    assert "HERO_SECRET_FILE" in said
    said = hk.refused("env", "set", "--secret", "A", status=1, HERO_SECRET_FILE=secret)
    assert "hero-kernel env load FILE --secret" in said


def test_values_are_masked_wherever_they_are_seen(hk, secret):
    file = hk.folder / "token.env"
    file.write_text(f"TOKEN={TOKEN}\n")
    environ = {"HERO_SECRET_FILE": secret}
    hk("env", "load", str(file), "--secret", **environ)
    for words in (
        ("env",),
        ("env", "get", "TOKEN"),
        ("env", "get", "TOKEN", "--json"),
        ("--unlock", "env"),
        ("--unlock", "--json", "env"),
    ):
        answer = hk(*words, **environ)
        assert MASK in answer.out
        assert TOKEN not in answer.out + answer.err
    assert TOKEN not in hk("env", "get", "TOKEN", tty=True, **environ).out


def test_unlock_asks_before_a_run(hk, secret):
    (hk.folder / "set.hero").write_text("!!session.env_set key:A val:1\n")
    said = hk.refused("run", "set.hero", "-s", "intro", "--unlock", status=1)
    assert "HERO_SECRET_FILE" in said
    assert hk.session().env_all() == {}
    with Terminal(hk.folder, "run", "set.hero", "-s", "intro", "--unlock") as one:
        one.wait_for("Secret of context default: ")
        one.type(CANARY)
        assert one.end() == 0, one.seen
    assert hk.session().env_all() == {"A": "1"}


def test_asked_for_at_a_terminal_and_not_shown(hk):
    with Terminal(hk.folder, "secret", "new") as one:
        one.wait_for("secret string: ")
        one.type(CANARY)
        one.wait_for("again:")
        one.type(CANARY)
        assert one.end() == 0, one.seen
        assert "has a secret" in one.seen
        assert CANARY not in one.seen
    with Terminal(hk.folder, "secret", "set", "api") as one:
        one.wait_for("Secret of context default: ")
        one.type(CANARY)
        one.wait_for("api")
        one.type(TOKEN)
        assert one.end() == 0, one.seen
        assert TOKEN not in one.seen
    with Terminal(hk.folder, "secret", "check") as one:
        one.wait_for("Secret of context default: ")
        one.interrupt()
        assert one.end() == 130, one.seen
        assert "Traceback" not in one.seen
