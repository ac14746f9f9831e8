"""Databases and config files in a real kernel: kept over a kill, shown as a table, masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kernel.driving import PATIENCE_S, Kernel

from hero_kernel.databases import Database
from magics.display import MIME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CANARY = "hunter2-s3cret"
SECRET = f"""
import hero_kernel as hero
from hero_kernel.secret import Secret
ws = hero.workspace(); ws.kdf_log2_n = 14; session = ws.session()
value = bytes(byte ^ 1 for byte in bytes({[byte ^ 1 for byte in CANARY.encode()]})).decode()
session.context.secret_set('correct horse battery')
session.db_get()['token'] = Secret(value)
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    with Kernel(tmp_path, HERO_SESSION="kept") as one:
        yield one


def test_what_was_kept_is_there_after_a_kill(kernel):
    kernel.ask("%hero_db set numbers '[1, 2.5, null]' --json")
    kernel.ask("%%hero_db page\n<b>two\nlines</b>\n")
    kernel.ask("%%hero_config mail main\nhost: example.org\nport: 25\n")
    kernel.kill()
    assert kernel.ask("%hero_db get numbers") == "[1, 2.5, None]"
    assert kernel.ask("x = %hero_db get page\nprint(x)") == "<b>two\nlines</b>"
    assert kernel.ask("%hero_config load mail main") == "{'host': 'example.org', 'port': 25}"
    assert kernel.ask("%hero_config get mail main") == "host: example.org\nport: 25"
    path = kernel.folder / "hero/db/0/session_kept.db"
    assert Database(path, "session_kept")["numbers"] == [1, 2.5, None]


def test_a_table_is_one_output_in_three_forms(kernel):
    kernel.ask("%hero_db set k '<script>alert(1)</script>'")
    outcome = kernel.run("%hero_db")
    (output,) = outcome.outputs
    assert output["output_type"] == "execute_result"
    assert set(output["data"]) == {"text/plain", "text/html", MIME}
    assert outcome.data(MIME)["rows"] == [["k", "str", "<script>alert(1)</script>"]]
    assert "<script" not in outcome.data("text/html")
    error = kernel.run("%hero_db get kk").error
    assert error["ename"] == "DBKeyError"
    assert len(error["traceback"]) == 2


def test_a_secret_is_in_no_output_and_no_file(kernel):
    kernel.ask(SECRET)
    shown = [
        kernel.run(line).text
        for line in (
            "%hero_db",
            "%hero_db get token",
            "%hero_db find token --values",
            "print(session.db_get()['token'].reveal())",
            "%hero_db export out.jsonl",
        )
    ]
    request = kernel.send("%hero_db set other --secret")
    asked = kernel.client.get_stdin_msg(timeout=PATIENCE_S)
    assert asked["content"] == {"prompt": "Value of other: ", "password": True}
    kernel.client.input(CANARY[::-1])
    shown.append(kernel.outcome(request).text)
    assert "other is kept in database session_kept" in shown[-1]
    shown.append(kernel.ask("%hero_db get other -o found\nprint(found.reveal())"))
    assert shown[-1] == "••••••"
    failed = kernel.run("%hero_db set more --secret", allow_stdin=False)
    assert failed.error["ename"] == "SecretRequiredError"
    assert CANARY not in "".join(shown)
    assert CANARY[::-1] not in "".join(shown)
    assert "••••••" in shown[0]
    assert "••••••" in shown[3]
    for path in kernel.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert CANARY.encode() not in content, path
            assert CANARY[::-1].encode() not in content, path
