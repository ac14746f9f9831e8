"""A known value leaves a real kernel by no way; a stock kernel leaks it by every one of them."""

from __future__ import annotations

import base64
import json
import sqlite3
import stat
import subprocess
import sys
from queue import Empty
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from kernel.driving import PATIENCE_S, Kernel

from hero_kernel.redaction import WITHHELD
from hero_kernel.redaction.spellings import spellings
from hero_kernel.secret import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CANARY = "hunter2-s3cr%et/k&y"
USER = base64.b64encode(f"user:{CANARY}".encode()).decode()

DEFINE = f"""
import base64, logging, os, subprocess, sys, threading, time
from IPython import get_ipython
from IPython.display import HTML, JSON, display
v = bytes({[byte ^ 1 for byte in CANARY.encode()]})
v = bytes(byte ^ 1 for byte in v).decode()
shell = get_ipython()
os.environ["CANARY"] = v
"""
REGISTER = "import hero_kernel\nhero_kernel.workspace().redactor.add(v, 'canary')"


class Notebook(Kernel):
    """A kernel as users have it: ipykernel watches no descriptors for a test's process."""

    def start(self) -> None:
        self.env.pop("PYTEST_CURRENT_TEST", None)
        super().start()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A Hero kernel that knows the value."""
    with Notebook(tmp_path_factory.mktemp("guarded"), HERO_SESSION="guarded") as one:
        one.ask(DEFINE)
        one.ask(REGISTER)
        yield one


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A stock kernel with the same value."""
    with Notebook(tmp_path_factory.mktemp("leaky"), name="python3") as one:
        one.ask(DEFINE)
        yield one


def leaks(told: Any) -> bool:
    """Whether any spelling is in what a kernel told."""
    text = json.dumps(told, ensure_ascii=False, default=str)
    return any(json.dumps(one, ensure_ascii=False)[1:-1] in text for one in spellings(CANARY))


def told(kernel: Kernel, request: str, channel: str = "shell") -> list[dict[str, Any]]:
    """Every message that answers a request, on every channel."""
    got, until = [], monotonic() + PATIENCE_S
    ask = {"shell": kernel.client.get_shell_msg, "control": kernel.client.get_control_msg}[channel]
    while True:
        message = kernel.client.get_iopub_msg(timeout=until - monotonic())
        if message["parent_header"].get("msg_id") == request:
            got.append(message)
            if message["content"].get("execution_state") == "idle":
                break
    while True:
        message = ask(timeout=until - monotonic())
        if message["parent_header"].get("msg_id") == request:
            return [*got, message]


def cell(code: str, **options: Any) -> Callable[[Kernel], list[dict[str, Any]]]:
    return lambda kernel: told(kernel, kernel.send(code, **options))


def after(first: str, then: str) -> Callable[[Kernel], list[dict[str, Any]]]:
    """A cell after another, in whichever kernel and order the tests run."""

    def both(kernel: Kernel) -> list[dict[str, Any]]:
        return [*told(kernel, kernel.send(first)), *told(kernel, kernel.send(then))]

    return both


def question(kernel: Kernel) -> list[dict[str, Any]]:
    request = kernel.send("answer = input(v)", allow_stdin=True)
    asked = kernel.client.get_stdin_msg(timeout=PATIENCE_S)
    kernel.client.input("yes")
    return [asked, *told(kernel, request)]


def inspected_by_the_debugger(kernel: Kernel) -> list[dict[str, Any]]:
    content = {"type": "request", "seq": 1, "command": "inspectVariables", "arguments": {}}
    message = kernel.client.session.msg("debug_request", content)
    kernel.client.control_channel.send(message)
    return told(kernel, message["header"]["msg_id"], "control")


def history(kernel: Kernel) -> list[dict[str, Any]]:
    kernel.run(f"_ = {CANARY!r}")
    return told(kernel, kernel.client.history(hist_access_type="range", session=0, raw=True))


def completed(kernel: Kernel) -> list[dict[str, Any]]:
    kernel.run("table = {v: 1}")
    return told(kernel, kernel.client.complete("table['"))


SLOWLY = "for letter in v:\n    print(letter, end='', flush=True)\n    time.sleep(0.01)"
VERBOSE = "%xmode Verbose\ndef f(password):\n    return 1 / 0\nf(v)"

COMM = "from comm import create_comm; c = create_comm('t', data={'state': {'value': v}})"

CHANNELS = {
    "print": cell("print(v)"),
    "stderr": cell("print(v, file=sys.stderr)"),
    "repr": cell("v"),
    "nested dict": cell("{'a': [{'b': (v,)}]}"),
    "HTML": cell("HTML('<b title=\"' + v + '\">x</b>')"),
    "JSON": cell("JSON({'a': [v], v: 1})"),
    "display": cell("display({'text/plain': 'x', 'text/markdown': v}, raw=True)"),
    "metadata": cell("display('x', metadata={'title': v})"),
    "exception": cell("raise ValueError(v)"),
    "its source line": cell(f"1 / 0, {CANARY!r}"),
    "verbose traceback": cell(VERBOSE),
    "%tb": after("raise ValueError(v)", "%tb"),
    "logging": cell("logging.getLogger('x').warning('at %r', v)"),
    "a subprocess": cell("!echo $CANARY"),
    "a subprocess by itself": cell("_ = subprocess.run(['printenv', 'CANARY']); time.sleep(0.3)"),
    "os.write": cell("_ = os.write(1, v.encode() + b'\\n'); time.sleep(0.3)"),
    "a thread": cell("t = threading.Thread(target=print, args=[v]); t.start(); t.join()"),
    "a thread's end": cell(
        "def bad():\n    raise ValueError(v)\nt = threading.Thread(target=bad); t.start(); t.join()"
    ),
    "a fork": cell(
        "sys.stdout.flush()\nif os.fork() == 0:\n    print(v, flush=True)\n    os._exit(0)\n"
        "_ = os.wait(); time.sleep(0.3)"
    ),
    "base64": cell("base64.b64encode(('user:' + v).encode())"),
    "update_display": cell("h = display('x', display_id=True); h.update(v)"),
    "%env": cell("%env CANARY"),
    "%whos": cell("whos_canary = v\n%whos str"),
    "%history": cell(f"_ = {CANARY!r}\n%history -n"),
    "object?": cell("v?"),
    "%pinfo2": cell(f"def g():\n    return {CANARY!r}\ng??"),
    "the cell's echo": cell(f"_ = {CANARY!r}"),
    "%page": cell("%page v"),
    "split print": cell("print(v[:5], end='', flush=True); print(v[5:], flush=True)"),
    "letter by letter": cell(SLOWLY),
    "carriage return": cell("print('0%\\r' + v + '\\r100%', end='')"),
    "beside other streams": cell(
        "print(v[:9], end='', flush=True)\nprint('e', file=sys.stderr, flush=True)\n"
        "print(v, flush=True)"
    ),
    "comm": cell(COMM),
    "comm update": after(COMM, "c.send({'method': 'update', 'state': {'value': v}})"),
    "next input": cell("shell.set_next_input(v)"),
    "user_expressions": cell("pass", user_expressions={"x": "v", "y": "[v]"}),
    "a failing expression": cell("pass", user_expressions={"x": "{}[v]"}),
    "silent": cell("print(v)", silent=True),
    "question": question,
    "history": history,
    "completion": completed,
    "inspection": lambda kernel: told(kernel, kernel.client.inspect("v", 1, detail_level=1)),
    "the debugger": inspected_by_the_debugger,
}


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
def test_the_value_leaves_by_no_channel(channel, guarded):
    messages = channel(guarded)
    assert not leaks(messages), messages
    assert MASK in json.dumps(messages, ensure_ascii=False, default=str), messages


SPLIT = {"split print", "letter by letter"}


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=CHANNELS)
def test_control_a_stock_kernel_leaks_it_by_every_channel(channel, leaky, request):
    messages = channel(leaky)
    if request.node.callspec.id in SPLIT:  # each message has a part, and a reader sees the whole
        parts = [one["content"]["text"] for one in messages if one["msg_type"] == "stream"]
        messages = "".join(parts)
    assert leaks(messages), messages


def outputs(kernel: Kernel, code: str) -> list[tuple[str, str]]:
    """What a cell shows, in order; texts of one stream that follow each other are one."""
    shown: list[tuple[str, str]] = []
    for one in kernel.run(code).outputs:
        kind = one.get("name", one["output_type"])
        text = one["text"] if "text" in one else one.get("data", {}).get("text/plain", "")
        if shown and shown[-1][0] == kind in ("stdout", "stderr"):
            text = shown.pop()[1] + text
        shown.append((kind, text))
    return shown


def test_what_is_shown_keeps_its_order(guarded):
    code = (
        "print('a hunter', end=''); sys.stdout.flush(); display(1)\n"
        "print('b hunter', end=''); sys.stdout.flush(); print('c', file=sys.stderr, flush=True)\n"
        "print('d hunter', end=''); sys.stdout.flush()\n2"
    )
    assert outputs(guarded, code) == [
        ("stdout", "a hunter"),
        ("display_data", "1"),
        ("stdout", "b hunter"),
        ("stderr", "c\n"),
        ("stdout", "d hunter"),
        ("execute_result", "2"),
    ]
    assert outputs(guarded, "print('hunter', end='')\n1 / 0")[0] == ("stdout", "hunter")
    assert outputs(guarded, "print('x hunter2-s3cr', end='')") == [("stdout", "x hunter2-s3cr")]


def test_a_short_beginning_of_the_value_is_not_kept_back_for_long(guarded):
    request = guarded.send("print('hun', end='', flush=True); time.sleep(1.5); print('t')")
    begin = monotonic()
    assert guarded.wait_for(request, "stream")["text"] == "hun"
    assert monotonic() - begin < 1.2
    assert guarded.outcome(request).text == "t\n"


def test_a_thread_goes_on_printing_after_its_cell(guarded):
    request = guarded.send(
        "def late():\n    time.sleep(0.3)\n    print('late', v, end=' hun')\n"
        "threading.Thread(target=late).start()"
    )
    texts = ""
    until = monotonic() + 5
    while "hun" not in texts:
        got = guarded.client.get_iopub_msg(timeout=until - monotonic())
        if got["msg_type"] == "stream" and got["parent_header"]["msg_id"] == request:
            texts += got["content"]["text"]
    assert texts == f"late {MASK} hun"
    with pytest.raises(Empty):
        guarded.client.get_shell_msg(timeout=0.1) and guarded.client.get_shell_msg(timeout=0.1)


def test_python_itself_keeps_the_value(guarded):
    assert guarded.ask(f"v == {CANARY!r} == In[-1].split('==')[1].strip()[1:-1]") == "True"
    assert guarded.ask("len(v), _i.count('•')") == f"({len(CANARY)}, 0)"


def test_words_of_the_protocol_may_be_values(tmp_path):
    with Kernel(tmp_path, HERO_SESSION="words") as kernel:
        kernel.ask("import hero_kernel")
        kernel.ask(
            "for word in ('status', 'error', 'text/plain', 'data', 'stdout', 'idle', '1234'):\n"
            "    hero_kernel.workspace().redactor.add(word)"
        )
        assert kernel.ask("print('a status:', 1234)") == f"a {MASK}: {MASK}"
        failed = kernel.run("raise ValueError('idle error')")
        assert failed.reply["status"] == "error"
        assert failed.error["evalue"] == f"{MASK} {MASK}"
        assert kernel.run("{'data': 1}").data("text/plain") == f"{{'{MASK}': 1}}"


BREAK = """
from hero_kernel.redaction import Redactor, Stream
kept = Redactor.mask_data, Redactor.mask, Stream.feed
def broken(*_, **__):
    raise RuntimeError(v)
Redactor.mask_data = Redactor.mask = Stream.feed = broken
"""
MEND = "Redactor.mask_data, Redactor.mask, Stream.feed = kept"


@pytest.mark.parametrize(
    "name", ["print", "repr", "HTML", "exception", "logging", "user_expressions", "completion",
             "inspection", "comm", "%page", "question", "the debugger", "a subprocess by itself"],
)  # fmt: skip
def test_a_redactor_that_fails_lets_nothing_out(name, guarded):
    guarded.run(BREAK)
    try:
        messages = CHANNELS[name](guarded)
        assert not leaks(messages), messages
        assert "RuntimeError" not in str(messages)
        assert WITHHELD in str(messages)
    finally:
        guarded.run(MEND)
    assert guarded.ask("print('alive', v)") == f"alive {MASK}"


class Overheard(Kernel):
    """A kernel whose process's own output is kept, as a server's terminal would show it."""

    def start(self) -> None:
        self.env.pop("PYTEST_CURRENT_TEST", None)
        self.heard = self.folder / "heard"
        with self.heard.open("ab") as file:
            self.manager.start_kernel(env=self.env, cwd=str(self.cwd), stdout=file, stderr=file)
        self._connect()


TERMINAL = [
    "_ = os.write(1, b'one ' + v.encode() + b'\\n')",
    "_ = os.write(2, b'two ' + v.encode() + b'\\n')",
    "_ = subprocess.run('echo three $CANARY', shell=True)",
    "_ = subprocess.run('echo four $CANARY', shell=True, stdout=sys.stdout)",
    "print('five', v, file=sys.__stderr__, flush=True)",
    "shell.kernel.log.error('six %s', v)",
    "import ctypes; _ = ctypes.CDLL(None).write(1, b'seven ' + v.encode() + b'\\n', 26)",
    "print('eight', v, file=sys.stdout)",
]


def overheard(kernel: Overheard) -> str:
    for code in TERMINAL:
        assert kernel.run(code).ok
    sleep(0.5)
    kernel.end()
    return kernel.heard.read_text(encoding="utf-8")


def test_the_server_s_terminal_shows_masks(tmp_path):
    with Overheard(tmp_path, HERO_SESSION="overheard") as kernel:
        kernel.ask(DEFINE)
        kernel.ask(REGISTER)
        text = overheard(kernel)
    for word in ("one", "two", "three", "four", "five", "six", "seven"):
        assert f"{word} {MASK}" in text
    assert not any(one in text for one in spellings(CANARY))


def test_control_a_stock_kernel_shows_the_value_to_the_server_s_terminal(tmp_path):
    with Overheard(tmp_path, name="python3") as kernel:
        kernel.ask(DEFINE)
        text = overheard(kernel)
    for word in ("one", "two", "three", "four", "five", "six", "seven"):
        assert f"{word} {CANARY}" in text


def kept_cells(folder: Path) -> str:
    found = list((folder / "ipython").rglob("history.sqlite"))
    assert len(found) == 1
    with sqlite3.connect(found[0]) as db:
        rows = list(db.execute("SELECT source, source_raw FROM history"))
    db.close()
    return str(rows)


@pytest.mark.parametrize("name", ["hero", "python3"])
def test_history_has_no_known_value_and_is_private(name, tmp_path):
    with Kernel(tmp_path, name=name) as kernel:
        kernel.ask(DEFINE)
        if name == "hero":
            kernel.ask(REGISTER)
        kernel.ask(f"_ = {CANARY!r}; _ = 'kept'")
        kernel.ask("shell.history_manager.writeout_cache()")
        kernel.end()
    cells = kept_cells(tmp_path)
    assert "kept" in cells
    assert (CANARY in cells) == (name == "python3")
    [file] = (tmp_path / "ipython").rglob("history.sqlite")
    assert bool(stat.S_IMODE(file.stat().st_mode) & 0o077) == (name == "python3")


STATE = """
import gc, logging, sys, threading
session = get_ipython().kernel.session
history = get_ipython().history_manager
def state():
    return (
        "send" in vars(session), "_writeout_input_cache" in vars(history),
        "log_write" in vars(get_ipython().logger), logging.getLogRecordFactory(),
        sum(thread.name == "hero terminal" for thread in threading.enumerate()),
        len(logging.lastResort.filters), sorted(map(len, get_ipython().events.callbacks.values())),
    )
"""


def test_nothing_is_changed_without_a_value_and_all_is_taken_back(tmp_path):
    with Notebook(tmp_path, name="python3") as kernel:
        kernel.ask(DEFINE + STATE + "before = state()")
        for _ in range(3):
            kernel.ask("%load_ext magics")
        loaded = "state()[:-1] == before[:-1]"
        assert kernel.ask(loaded) == "True"
        kernel.ask("%reload_ext magics")
        kernel.ask(REGISTER)
        assert kernel.ask("print(v)") == MASK
        assert kernel.ask("state()[:3], state()[4:6]") == "((True, True, True), (2, 1))"
        kernel.ask("print(v[:9], end='')\n%unload_ext magics")
        assert kernel.ask("state() == before, session.send.__func__ is type(session).send") == (
            "(True, True)"
        )
        assert kernel.ask("print(v)") == CANARY
        assert kernel.ask("_ = os.write(1, b'x'); time.sleep(0.3)") == "x"
        kernel.ask("%load_ext magics\nprint(v, flush=True)\n1")
        assert kernel.ask("print(v)") == MASK


def test_the_extension_alone_masks_in_the_cell_that_loads_it(tmp_path):
    with Kernel(tmp_path, name="python3") as kernel:
        kernel.ask(DEFINE)
        assert kernel.ask(f"%load_ext magics\n{REGISTER}\nprint(v)") == MASK


def test_a_workspace_that_is_opened_later_knows_the_value_too(guarded):
    shown = guarded.ask(
        "again = hero_kernel.open_workspace(home='elsewhere')\n"
        "print(v, again.redactor.names(), hero_kernel.workspace() is again)"
    )
    assert shown == f"{MASK} ('canary',) True"


def test_log_files_are_masked(guarded, tmp_path):
    file = tmp_path / "log"
    guarded.ask(
        f"handler = logging.FileHandler({str(file)!r})\nlogger = logging.getLogger('later')\n"
        "logger.addHandler(handler)\n"
        "try:\n    raise ValueError(v)\nexcept ValueError:\n    logger.exception('with %s', v)\n"
        f"get_ipython().run_line_magic('logstart', {str(tmp_path / 'cells')!r})\n"
    )
    guarded.run(f"_ = {CANARY!r}")
    guarded.run("%logstop")
    text = file.read_text(encoding="utf-8")
    assert f"with {MASK}" in text
    assert f"ValueError: {MASK}" in text
    assert not leaks(text)
    cells = (tmp_path / "cells").read_text(encoding="utf-8")
    assert f"_ = '{MASK}'" in cells
    assert not leaks(cells)


def test_a_kernel_that_crashes_says_so(tmp_path):
    with Overheard(tmp_path) as kernel:
        kernel.ask(DEFINE)
        kernel.ask(REGISTER)
        kernel.send("_ = os.write(2, b'last words\\n'); time.sleep(0.3); os._exit(3)")
        kernel.manager.provisioner.process.wait(10)
        assert "last words" in kernel.heard.read_text(encoding="utf-8")


def test_a_subprocess_that_outlives_the_kernel_is_not_waited_for(tmp_path):
    with Overheard(tmp_path) as kernel:
        kernel.ask(DEFINE)
        kernel.ask(REGISTER)
        pid = int(kernel.ask("p = subprocess.Popen(['sleep', '20'], stdout=sys.stdout); p.pid"))
        begin = monotonic()
        kernel.end()
        assert monotonic() - begin < 10
    subprocess.run(["kill", str(pid)], check=False, stderr=subprocess.DEVNULL)


def test_without_a_secret_nothing_of_it_is_loaded():
    program = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell()\nshell.run_line_magic('load_ext', 'magics')\n"
        "print([m for m in sys.modules if m.startswith(('magics.choke', 'magics.terminal', "
        "'magics.records'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
