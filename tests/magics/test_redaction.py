"""What an IPython without a kernel shows and keeps of a known value, and how messages are cut."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.session import Session

import hero_kernel
from hero_kernel import default
from hero_kernel.redaction import WITHHELD, Redactor
from hero_kernel.secret import MASK
from magics import choke, records, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "hunter2-s3cret"
VALUE = f"bytes({[byte ^ 1 for byte in CANARY.encode()]})"
DEFINE = f"v = bytes(byte ^ 1 for byte in {VALUE}).decode()"
REGISTER = "import hero_kernel; hero_kernel.workspace().redactor.add(v)"


@pytest.fixture
def redactor() -> Redactor:
    one = Redactor()
    one.add(CANARY)
    return one


@pytest.fixture
def knowing(notebook):
    """A shell whose workspace knows the value."""
    notebook.ask(DEFINE)
    notebook.ask(REGISTER)
    return notebook


@pytest.mark.parametrize(
    "code",
    [
        "print(v)",
        "print(v, end='')",
        "import sys; _ = sys.stderr.write(v)",
        "for c in v: print(c, end='', flush=True)",
        "import sys; sys.stdout.writelines([v[:5], v[5:]])",
        "%env CANARY2=2\nprint([v])",
        "get_ipython().run_cell('print(1)'); print(v)",
    ],
)
def test_what_python_prints_in_a_cell_is_masked(code, knowing):
    printed = knowing.run(code).printed
    assert CANARY not in printed
    assert MASK in printed


def test_it_is_masked_from_the_cell_on_that_makes_it_known(notebook):
    assert notebook.run(f"{DEFINE}\n{REGISTER}\nprint(v)").printed == f"{MASK}\n"


def test_the_streams_are_python_s_again_after_the_cell(knowing):
    out, err = sys.stdout, sys.stderr
    knowing.run("print(v, end='hun')\n1 / 0")
    assert (sys.stdout, sys.stderr) == (out, err)
    assert knowing.run("print('x hun', end='')").printed == "x hun"
    assert knowing.ask("v") == CANARY


def history(shell) -> list[tuple[str, ...]]:
    shell.history_manager.writeout_cache()
    with sqlite3.connect(shell.history_manager.hist_file) as db:
        rows = db.execute("SELECT source, source_raw FROM history").fetchall()
        rows += db.execute("SELECT output FROM output_history").fetchall()
    db.close()
    return rows


def test_history_has_known_values_masked_and_memory_has_them(knowing):
    knowing.shell.history_manager.db_log_output = True
    knowing.ask(f"{CANARY!r} + ' kept'")
    rows = str(history(knowing.shell))
    assert CANARY not in rows
    assert f"{MASK}' + ' kept'" in rows
    assert f"'{MASK} kept'" in rows  # its output
    assert CANARY in knowing.ask("_i")
    assert CANARY in knowing.ask("In[-3]")


def test_cells_that_wait_to_be_written_are_masked_too(notebook):
    notebook.shell.history_manager.db_cache_size = 100
    notebook.ask(DEFINE)
    notebook.ask(f"_ = {CANARY!r}  # waits")
    notebook.ask(REGISTER)
    rows = str(history(notebook.shell))
    assert "waits" in rows
    assert CANARY not in rows


def test_history_that_cannot_be_masked_is_not_written(knowing, monkeypatch):
    monkeypatch.setattr(Redactor, "mask_data", broken)
    knowing.ask(f"_ = {CANARY!r}")
    assert CANARY not in str(history(knowing.shell))
    assert WITHHELD in str(history(knowing.shell))


def test_only_a_history_of_our_own_making_changes_its_mode(notebook):
    path = Path(notebook.shell.history_manager.hist_file)
    assert path.stat().st_mode & 0o777 == 0o600
    shell = notebook.shell
    shell.run_line_magic("unload_ext", "magics")
    path.chmod(0o644)
    shell.history_manager.session_number = 2
    shell.run_line_magic("load_ext", "magics")
    assert path.stat().st_mode & 0o777 == 0o644


def test_without_a_history_there_is_nothing_to_do(notebook):
    notebook.shell.run_line_magic("unload_ext", "magics")
    manager, notebook.shell.history_manager = notebook.shell.history_manager, None
    try:
        notebook.shell.run_line_magic("load_ext", "magics")
        notebook.shell.events.trigger("pre_execute")
        hero_kernel.workspace().redactor.add(CANARY)
        notebook.shell.events.trigger("post_execute")
        notebook.shell.run_line_magic("unload_ext", "magics")
    finally:
        notebook.shell.history_manager = manager
        notebook.shell.run_line_magic("load_ext", "magics")


def changed(shell) -> tuple[Any, ...]:
    return (
        "_writeout_input_cache" in vars(shell.history_manager),
        "_writeout_output_cache" in vars(shell.history_manager),
        "log_write" in vars(shell.logger),
        logging.getLogRecordFactory() is not logging.LogRecord,
        len(logging.lastResort.filters),
        len(shell.events.callbacks["pre_execute"]),
        len(shell.events.callbacks["post_execute"]),
    )


def test_unloading_takes_everything_back(notebook):
    shell = notebook.shell
    shell.run_line_magic("unload_ext", "magics")
    before = changed(shell)
    *others, pre, post = before
    assert others == [False, False, False, False, 0]
    shell.run_line_magic("load_ext", "magics")
    assert changed(shell) == (*others, pre + 1, post + 1)
    notebook.ask(DEFINE)
    notebook.ask(REGISTER)
    for _ in range(3):
        assert changed(shell) == (True, True, True, True, 1, pre + 2, post + 2)
        shell.run_line_magic("load_ext", "magics")
    shell.run_line_magic("unload_ext", "magics")
    assert changed(shell) == before
    assert notebook.run("print(v)").printed == f"{CANARY}\n"
    shell.run_line_magic("load_ext", "magics")
    assert notebook.run("print(v)").printed == f"{MASK}\n"


def test_unloading_before_any_value_is_known_ends_the_watch(notebook):
    notebook.ask(DEFINE)
    notebook.shell.run_line_magic("unload_ext", "magics")
    hero_kernel.workspace().redactor.add(CANARY)
    assert notebook.run("print(v)").printed == f"{CANARY}\n"


def test_the_workspaces_of_a_process_know_the_same_values(tmp_path, monkeypatch):
    monkeypatch.setattr(default, "_workspace", None)
    monkeypatch.setenv("HERO_HOME", str(tmp_path))
    alone = hero_kernel.open_workspace(home=tmp_path / "a", default=False)
    first = hero_kernel.workspace().redactor
    assert alone.redactor is not first
    assert hero_kernel.open_workspace(home=tmp_path / "b", default=False).redactor is first
    assert hero_kernel.open_workspace(home=tmp_path / "c").redactor is first
    assert hero_kernel.workspace().redactor is first


SCRIPT = f"""
{DEFINE}
LOAD
print("printed", v)
["shown", v]
raise ValueError(v)
exit
"""


@pytest.mark.parametrize("guarded", [True, False])
def test_a_terminal(guarded, tmp_path):
    load = f"%load_ext magics\n{REGISTER}" if guarded else "pass"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
        input=SCRIPT.replace("LOAD", load),
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"IPYTHONDIR": str(tmp_path), "HERO_HOME": str(tmp_path / "hero")},
    )
    seen = done.stdout + done.stderr
    expected = MASK if guarded else CANARY
    for text in (f"printed {expected}", f"['shown', '{expected}']", f"ValueError: {expected}"):
        assert text in seen
    assert guarded == (CANARY not in seen)


class Wire:
    """A socket that keeps what is sent, and has nobody who could send something later."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sent: list[dict[str, Any]] = []

    def send_multipart(self, parts: list[bytes], **_: Any) -> None:
        _, parts = self.session.feed_identities(parts)
        self.sent.append(self.session.deserialize(parts))

    def take(self) -> list[tuple[str, Any]]:
        taken = [(one["msg_type"], one["content"]) for one in self.sent]
        self.sent.clear()
        return [(kind, one.get("text", one)) for kind, one in taken]


class PatientWire(Wire):
    """One with a thread, that waits until it is told to go on."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.later: list[Any] = []
        self.thread = threading.current_thread()
        self.io_loop = SimpleNamespace(call_later=lambda _, *call: self.later.append(call))

    def schedule(self, call: Any) -> None:
        call()

    def go_on(self) -> None:
        calls, self.later = self.later, []
        for call, *given in calls:
            call(*given)


@pytest.fixture
def session(redactor) -> Iterator[Session]:
    one = Session(key=b"key")
    with choke.choked(one, redactor):
        yield one


def say(session: Session, wire: Wire, text: str, name: str = "stdout", cell: str = "1") -> None:
    session.send(wire, "stream", {"name": name, "text": text}, parent={"msg_id": cell})


def test_a_message_is_masked_and_the_sender_s_is_not_changed(session):
    wire = Wire(session)
    content = {"data": {"text/plain": CANARY, CANARY: 1}, "metadata": {"a": CANARY}}
    message = session.msg("display_data", content, parent={"msg_id": "1"})
    session.send(wire, message, buffers=[CANARY.encode()])
    assert content["data"][CANARY] == 1
    assert CANARY not in json.dumps(wire.sent[0]["content"])
    assert bytes(wire.sent[0]["buffers"][0]) == CANARY.encode()  # out of scope
    session.send(wire, "comm_msg", {"comm_id": CANARY, "data": CANARY}, metadata={"x": CANARY})
    assert wire.sent[1]["content"] == {"comm_id": CANARY, "data": MASK}
    assert wire.sent[1]["metadata"] == {"x": MASK}


def test_where_nobody_can_wait_nothing_is_kept_back(session):
    wire = Wire(session)
    say(session, wire, "a hun")
    say(session, wire, "ter2-s3cret b")
    assert wire.take() == [("stream", "a hun"), ("stream", f"{MASK} b")]


def test_what_is_kept_back_comes_before_what_follows_it(session):
    wire = PatientWire(session)
    say(session, wire, "a hunter")
    say(session, wire, "b hun", cell="2")
    assert wire.take() == [("stream", "a "), ("stream", "b ")]
    say(session, wire, "err", name="stderr")
    assert wire.take() == [("stream", "hunter"), ("stream", "err")]
    say(session, wire, "2-s3cret hunt")
    session.send(wire, "display_data", {"data": {}}, parent={"msg_id": "1"})
    assert wire.take() == [
        ("stream", f"{MASK} "),
        ("stream", "hunt"),
        ("display_data", {"data": {}}),
    ]
    session.send(wire, "status", {"execution_state": "idle"}, parent={"msg_id": "2"})
    assert [kind for kind, _ in wire.take()] == ["stream", "status"]


def test_in_a_pause_what_is_short_is_sent_on(session, monkeypatch):
    wire = PatientWire(session)
    clock = [100.0]
    monkeypatch.setattr(choke, "monotonic", lambda: clock[0])
    say(session, wire, "hun")
    assert len(wire.later) == 1
    clock[0] += 0.3
    say(session, wire, "hun", name="stderr", cell="2")
    clock[0] += 0.3
    wire.go_on()
    assert wire.take() == [("stream", "hun")]
    assert len(wire.later) == 1  # for the younger one
    clock[0] += 0.5
    wire.go_on()
    assert wire.take() == [("stream", "hun")]
    assert wire.later == []
    say(session, wire, "ter2")  # most of the value: it waits for the end of the cell
    clock[0] += 1
    wire.go_on()
    assert wire.take() == []
    assert wire.later == []
    session.send(wire, "status", {"execution_state": "idle"}, parent={"msg_id": "1"})
    assert wire.take()[0] == ("stream", "ter2")


def test_only_so_many_streams_are_remembered(session):
    wire = PatientWire(session)
    for number in range(choke.STREAMS + 1):
        say(session, wire, "hun", cell=str(number))
    assert wire.take() == [("stream", "hun")]


def broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError(CANARY)


@pytest.mark.parametrize("name", ["feed", "flush", "pause"])
def test_a_stream_that_fails_is_withheld_and_the_next_is_not(name, session, redactor, monkeypatch):
    wire = PatientWire(session)
    with monkeypatch.context() as patched:
        patched.setattr(type(redactor.stream()), name, broken)
        say(session, wire, "hun")
        wire.go_on()
        session.send(wire, "status", {"execution_state": "idle"}, parent={"msg_id": "1"})
    texts = "".join(text for kind, text in wire.take() if kind == "stream")
    assert texts in {f"{WITHHELD}\n", "hun"}
    say(session, wire, f"{CANARY}\n")
    assert wire.take() == [("stream", f"{MASK}\n")]


def test_a_message_that_cannot_be_masked_keeps_its_form_only(session, monkeypatch):
    wire = Wire(session)
    monkeypatch.setattr(Redactor, "mask_data", broken)
    content = {
        "status": "error", "ename": "E", "evalue": CANARY, "traceback": [CANARY, CANARY],
        "execution_count": 5, CANARY: 1, "payload": [{"source": "page", "start": 0}],
    }  # fmt: skip
    session.send(wire, "execute_reply", content, metadata={"x": CANARY})
    assert wire.sent[0]["content"] == {
        "status": "error", "ename": WITHHELD, "evalue": WITHHELD,
        "traceback": [WITHHELD, WITHHELD], "execution_count": 5,
        "payload": [{"source": WITHHELD, "start": 0}],
    }  # fmt: skip
    assert wire.sent[0]["metadata"] == {}


def test_what_a_kernel_asks_itself_is_left_alone(session):
    wire = Wire(session)
    session.send(wire, "execute_request", {"code": CANARY})
    session.send(wire, "input_request", {"prompt": CANARY, "password": False})
    assert [one["content"].get("code", one["content"].get("prompt")) for one in wire.sent] == [
        CANARY,
        MASK,
    ]


def test_a_session_is_given_back_as_it_was_even_to_who_wrapped_it(redactor):
    session = Session(key=b"key")
    before = session.send
    with choke.choked(session, redactor):
        assert session.send != before
    assert "send" not in vars(session)
    with choke.choked(session, redactor):
        inner = session.send
        session.send = wrapper = partial(inner)
    assert session.send is wrapper
    wire = Wire(session)
    session.send(wire, "comm_msg", {"comm_id": "1", "data": CANARY})
    assert wire.take() == [("comm_msg", {"comm_id": "1", "data": CANARY})]


def test_a_forked_child_does_not_wait(session, monkeypatch):
    wire = PatientWire(session)
    say(session, wire, "hun")
    wire.take()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    session.pid = -1  # as ipykernel does before it sends a stream
    say(session, wire, "hun", cell="2")
    say(session, wire, "ter2-s3cret!", cell="2")
    assert wire.take() == [("stream", "hun"), ("stream", f"{MASK}!")]


def test_a_tap_masks_what_a_descriptor_is_given_and_gives_it_back(tmp_path, redactor):
    with (tmp_path / "terminal").open("wb") as file:
        before = os.fstat(file.fileno())
        tap = terminal.Tap(file.fileno(), redactor)
        os.write(file.fileno(), b"\xff one " + CANARY.encode()[:6])
        os.write(file.fileno(), CANARY.encode()[6:] + b" \xc3")
        os.write(file.fileno(), b"\xa9 hunter")
        subprocess.run(["echo", "", CANARY], stdout=file, check=True)
        tap.close()
        assert os.path.samestat(os.fstat(file.fileno()), before)
        os.write(file.fileno(), b"after")
        tap.close()
    written = (tmp_path / "terminal").read_bytes()
    assert written == b"\xff one %s \xc3\xa9 hunter %s\nafter" % (MASK.encode(), MASK.encode())


def test_a_tap_whose_descriptor_was_closed_leaves_its_successor_alone(tmp_path, redactor):
    with (tmp_path / "terminal").open("wb") as file, (tmp_path / "other").open("wb") as other:
        tap = terminal.Tap(file.fileno(), redactor)
        os.dup2(other.fileno(), file.fileno())
        tap.close()
        assert os.path.samestat(os.fstat(file.fileno()), os.fstat(other.fileno()))


def test_a_tap_that_fails_withholds(tmp_path, redactor, monkeypatch):
    with (tmp_path / "terminal").open("wb") as file:
        monkeypatch.setattr(type(redactor.stream()), "feed", broken)
        tap = terminal.Tap(file.fileno(), redactor)
        os.write(file.fileno(), CANARY.encode())
        tap.close()
    assert CANARY.encode() not in (tmp_path / "terminal").read_bytes()
    assert WITHHELD.encode() in (tmp_path / "terminal").read_bytes()


def test_records_are_masked_for_any_handler_and_fields_at_the_root_s(redactor, caplog, tmp_path):
    own = logging.FileHandler(tmp_path / "log")
    logger = logging.getLogger("of.redaction")
    logger.addHandler(own)
    with records.masked(redactor):
        logger.warning("at %s", CANARY, extra={"user": CANARY})
        try:
            raise ValueError(CANARY)  # noqa: TRY301  # it is caught to have a traceback
        except ValueError:
            logger.exception("failed")
    logger.removeHandler(own)
    own.close()
    assert (tmp_path / "log").read_text(encoding="utf-8").count(MASK) == 2
    assert CANARY not in (tmp_path / "log").read_text(encoding="utf-8")
    assert caplog.records[0].user == MASK
    assert CANARY not in caplog.text
    logger.warning(CANARY)
    assert caplog.records[-1].message == CANARY


def test_a_record_that_cannot_be_masked_is_withheld(redactor, caplog, monkeypatch):
    monkeypatch.setattr(Redactor, "mask", broken)
    with records.masked(redactor):
        logging.getLogger("of.redaction").warning("at %s", CANARY)
    assert caplog.messages == [WITHHELD]
