"""Secrets that are handed to a process that nobody sits at."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hero_kernel
from hero_kernel.errors import BadNameError, SecretError, UnsafePermissionsError
from hero_kernel.keyring import read_named, read_passphrase
from hero_kernel.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.touch(0o600)
    return path


def from_file(path: Path) -> Secret | None:
    return read_passphrase({"HERO_SECRET_FILE": str(path)})


def piped(data: bytes) -> str:
    out, into = os.pipe()
    os.write(into, data)
    os.close(into)
    return str(out)


def descriptors() -> int:
    opened = Path("/proc/self/fd")
    return len(list(opened.iterdir())) if opened.is_dir() else 0


@pytest.fixture(autouse=True)
def _no_descriptor_leaks() -> Iterator[None]:
    before = descriptors()
    yield
    assert descriptors() == before


def test_nothing_handed_over_is_none() -> None:
    empty = {"HERO_SECRET_FD": "", "HERO_SECRET_FILE": "", "HERO_SECRET": ""}
    assert read_passphrase({}) is None
    assert read_passphrase(empty) is None


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"p\xc3\xa9ss", "péss"),
        (b"pass\n", "pass"),
        (b"pass\r\n", "pass"),
        (b" pass \n", " pass "),
        (b"pass\n\n", "pass\n"),
        (b"x" * 4096 + b"\n", "x" * 4096),
    ],
)
def test_a_file_is_the_passphrase_but_for_one_line_end(
    file: Path, content: bytes, secret: str
) -> None:
    file.write_bytes(content)
    assert from_file(file) == Secret(secret)
    assert from_file(file) == Secret(secret)  # again, after an idle lock


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "no secret"), (b"\n", "no secret"), (b"x" * 5000, "4096 bytes"), (b"\xff", "UTF-8")],
)
def test_a_file_that_holds_no_passphrase_is_told(file: Path, content: bytes, says: str) -> None:
    file.write_bytes(content)
    with pytest.raises(SecretError, match=says):
        from_file(file)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_may_use_is_refused_with_the_remedy(file: Path, mode: int) -> None:
    file.write_text("pass")
    file.chmod(mode)
    with pytest.raises(UnsafePermissionsError) as told:
        from_file(file)
    assert told.value.hint == f"chmod 600 {file}"
    file.chmod(0o400)
    assert from_file(file) == Secret("pass")


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_somebody_elses_file_is_refused(file: Path) -> None:
    file.write_text("pass")
    os.chown(file, 65534, -1)
    with pytest.raises(UnsafePermissionsError, match="belongs to user 65534; chown 0"):
        from_file(file)


def test_what_is_no_file_is_told(tmp_path: Path, file: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none", Path("/dev/null"), "a\0b"):
        with pytest.raises(SecretError, match="HERO_SECRET_FILE"):
            from_file(path)
    file.write_text("pass")
    (tmp_path / "link").symlink_to(file)  # as orchestrators mount them
    assert from_file(tmp_path / "link") == Secret("pass")


def test_a_descriptor_gives_its_first_line_once() -> None:
    environ = {"HERO_SECRET_FD": piped(b"pass\nmore"), "HERO_SECRET": "weak"}
    number = int(environ["HERO_SECRET_FD"])
    assert read_passphrase(environ) == Secret("pass")
    assert "HERO_SECRET_FD" not in environ
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    assert read_passphrase(environ) == Secret("weak")


@pytest.mark.parametrize("number", ["x", "-1", "\u0661", "3.0", "999999", str(2**70)])
def test_a_descriptor_that_is_none_is_told(number: str) -> None:
    with pytest.raises(SecretError, match="HERO_SECRET_FD"):
        read_passphrase({"HERO_SECRET_FD": number})


def test_an_empty_or_endless_descriptor_is_told() -> None:
    with pytest.raises(SecretError, match="no secret"):
        read_passphrase({"HERO_SECRET_FD": piped(b"")})
    with pytest.raises(SecretError, match="4096 bytes"):
        read_passphrase({"HERO_SECRET_FD": piped(b"x" * 5000)})


def test_a_shell_hands_over_a_descriptor(tmp_path: Path) -> None:
    code = (
        "import os; from hero_kernel.keyring import read_passphrase;"
        "print(read_passphrase(os.environ).reveal())"
    )
    done = subprocess.run(
        ["sh", "-c", f'printf "from a pipe\\n" | HERO_SECRET_FD=0 {sys.executable} -c "{code}"'],
        env=os.environ | {"PYTHONPATH": str(Path(hero_kernel.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "from a pipe\n"


def test_the_safer_way_goes_first(file: Path) -> None:
    file.write_text("file")
    environ = {"HERO_SECRET_FILE": str(file), "HERO_SECRET": "weak"}
    assert read_passphrase(environ) == Secret("file")
    environ["HERO_SECRET_FD"] = piped(b"descriptor")
    assert read_passphrase(environ) == Secret("descriptor")
    assert read_passphrase({"HERO_SECRET": "weak"}) == Secret("weak")


def test_what_fails_is_told_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(SecretError):
        read_passphrase({"HERO_SECRET_FILE": str(tmp_path / "none"), "HERO_SECRET": "weak"})


def test_a_traceback_with_locals_shows_none_of_it(file: Path) -> None:
    file.write_bytes(b"canary-of-the-file\xff")
    attempts = [
        {"HERO_SECRET_FILE": str(file), "HERO_SECRET": "canary-of-the-environment"},
        {"HERO_SECRET_FD": piped(b"canary-of-the-pipe\xff"), "HERO_SECRET": "canary"},
    ]
    for attempt in range(2):
        try:
            read_passphrase(attempts[attempt])
            pytest.fail("it did not raise")
        except SecretError as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
        ours = [frame for frame in told.stack if "hero_kernel" in frame.filename]
        shown = "".join(f"{frame.locals}" for frame in ours)
        assert "HERO_SECRET" in shown
        assert "canary" not in shown


def test_named_secrets_for_a_run_without_a_reader() -> None:
    environ = {
        "HERO_SECRET_DB_PASSWORD": "canary",
        "HERO_SECRET_EMPTY": "",
        "HERO_SECRET_FD": "3",
        "HERO_SECRET_FILE": "/x",
    }
    for name in ("db_password", "DB-Password", "db.password", "db password"):
        assert read_named(environ, name) == Secret("canary")
    assert read_named(environ, "empty") is None
    assert read_named(environ, "other") is None
    for name in ("fd", "FILE", "file", "", "a/b", "é", "..", "x" * 64):
        with pytest.raises(BadNameError):
            read_named(environ, name)
