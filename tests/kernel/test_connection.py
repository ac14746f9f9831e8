"""What a front end is told of the notebook, by a real kernel, over the protocol."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from kernel.driving import PATIENCE_S, Kernel

from magics.connection import TARGET

if TYPE_CHECKING:
    from pathlib import Path

VALUE = "canary-3f9a77c1d2"


class Front:
    """A front end that looks at one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.subshell = ""

    def ask(self, **data: Any) -> dict[str, Any]:
        """The answer to a request; what is told unasked is passed over."""
        return self.answer(self.send(data), PATIENCE_S)

    def send(self, data: Any) -> str:
        client = self.kernel.client
        message = client.session.msg("comm_msg", {"comm_id": TARGET, "data": data})
        if self.subshell:
            message["header"]["subshell_id"] = self.subshell
        client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def answer(self, message: str, patience_s: float) -> dict[str, Any]:
        until = monotonic() + patience_s
        while True:
            got = self.kernel.client.get_iopub_msg(timeout=until - monotonic())
            is_ours = got["parent_header"].get("msg_id") == message
            if is_ours and got["msg_type"] == "comm_msg":
                return got["content"]["data"]

    def told(self, code: str) -> list[dict[str, Any]]:
        """What is told unasked while a cell runs."""
        done = self.kernel.run(code)
        assert done.ok, done.text
        return [one["data"] for _, kind, one in done.messages if kind == "comm_msg"]

    def open_subshell(self) -> bool:
        """Let messages be answered beside a cell, as JupyterLab does; whether the kernel can."""
        client = self.kernel.client
        info = client.session.msg("kernel_info_request")
        client.shell_channel.send(info)
        features = client.get_shell_msg(timeout=PATIENCE_S)["content"].get("supported_features", [])
        if "kernel subshells" not in features:
            return False
        client.control_channel.send(client.session.msg("create_subshell_request"))
        self.subshell = client.get_control_msg(timeout=PATIENCE_S)["content"]["subshell_id"]
        return True

    def is_there(self) -> bool:
        """Whether the kernel has the comm."""
        client = self.kernel.client
        client.shell_channel.send(client.session.msg("comm_info_request", {"target_name": TARGET}))
        comms = None
        while comms is None:  # a kernel that was slow to start has been asked more than once
            comms = client.get_shell_msg(timeout=PATIENCE_S)["content"].get("comms")
        assert comms in ({}, {TARGET: {"target_name": TARGET}})
        return bool(comms)


@pytest.fixture
def kernel(tmp_path: Path):
    with Kernel(tmp_path) as one:
        yield one


def under(node: dict[str, Any], label: str) -> dict[str, Any]:
    """The child of that name."""
    return next(one for one in node.get("children", ()) if one["label"] == label)


def bound(tree: dict[str, Any]) -> dict[str, Any]:
    """The session that the notebook is bound to."""
    context = next(one for one in tree["nodes"] if one.get("current"))
    return next(one for one in context["children"] if one.get("current"))


def cells(nodes: list[dict[str, Any]]) -> list[str]:
    """The cells of all nodes, from top to bottom."""
    found = []
    for one in nodes:
        found += [one["cell"]] if "cell" in one else []
        found += cells(one.get("children", []))
    return found


def test_looking_binds_and_makes_nothing(kernel, tmp_path):
    front = Front(kernel)
    assert front.is_there()
    state = front.ask(kind="request_state", id=7)
    assert state | {"actors": []} == {
        "kind": "state", "id": 7, "bound": False, "context": "", "context_id": None, "session": "",
        "how": "", "docs": False, "secrets": "none", "actors": [],
        "panel": "%hero_panel",
    }  # fmt: skip
    tree = front.ask(kind="request_tree", id="t")
    assert (tree["kind"], tree["id"], tree["nodes"], tree["more"]) == ("tree", "t", [], 0)
    assert not [path for path in (tmp_path / "hero").rglob("*") if path.is_file()]
    assert kernel.ask("import hero_kernel as hero; hero.default.built().selected_session") == ""


def test_the_state_is_told_when_it_is_another_one_and_only_then(kernel):
    front = Front(kernel)
    kernel.ask("1")
    assert front.told("%hero_context early --new -s bird") == []  # nobody has asked yet
    assert front.ask(kind="request_state")["session"] == "bird"

    (state,) = front.told("%hero_context new shop -s till")
    assert (state["context"], state["session"], state["how"]) == ("shop", "till", "new")
    assert (state["bound"], state["secrets"]) == (True, "none")
    assert front.told("x = 1") == []
    assert front.told("%hero_env set CITY=Aleppo") == []
    (state,) = front.told("%hero_session set name=counter")
    assert state["session"] == "counter"
    (state,) = front.told(
        "import hero_kernel as hero\n_ = hero.session_select('till2') "
        "if hero.session_new(session_name='till2') else None"
    )
    assert state["session"] == "till2"
    (state,) = front.told("@hero.action('greet.hello')\ndef hello(session): ...")
    assert "greet" in state["actors"]
    assert front.told("%hero_context --docs")[0]["docs"] is True


def test_the_tree_has_names_and_lines_and_no_value(kernel):
    front = Front(kernel)
    kernel.ask("%hero_context new shop -s till")
    kernel.ask("%hero_session new other")
    kernel.ask("%hero_context shop -s till")
    kernel.ask(f"%hero_env set CITY={VALUE}")
    kernel.ask(f"%hero_param set rate:{VALUE}")
    kernel.ask(f"%hero_db set hours {VALUE}")
    kernel.ask(f"%hero_db set -d stock tea {VALUE}")
    kernel.ask(f"%%hero_config mail smtp\nhost: {VALUE}")
    kernel.ask(
        "import hero_kernel as hero\n"
        f"hero.session().playbook_add(text=\"!!play.echo content:'{VALUE}'\")"
    )
    tree = front.ask(kind="request_tree")
    assert VALUE not in str(tree)
    assert [one["label"] for one in tree["nodes"]] == ["shop"]
    shop = tree["nodes"][0]
    assert [one["label"] for one in shop["children"]] == ["till", "other"]
    assert shop["children"][0]["detail"] == "this notebook, latest"
    assert shop["children"][1]["detail"] == "open"
    assert shop["children"][1]["switch"] == "%hero_context shop -s other"
    till = bound(tree)
    assert under(under(till, "variables"), "CITY")["cell"] == "%hero_env get CITY"
    assert under(under(till, "parameters"), "rate")["cell"] == "%hero_param get rate"
    databases = under(till, "databases")
    assert [one["label"] for one in databases["children"]] == ["session_till", "stock"]
    assert under(databases["children"][0], "hours")["cell"] == "%hero_db get hours"
    assert under(databases["children"][1], "tea")["cell"] == "%hero_db get -d stock tea"
    assert databases["children"][1]["detail"] == "1 key"
    (file,) = under(till, "config files")["children"]
    assert (file["label"], file["cell"]) == ("mail smtp", "%hero_config get mail smtp")
    assert under(till, "playbook")["detail"] == "1 waiting"
    assert under(under(till, "playbook"), "play.echo")["cell"] == "%hero_help '!!play.echo'"
    for cell in cells(tree["nodes"]):
        kernel.ask(cell)


HOSTILE = (
    "a'b", 'a"b', "a\\", "$HOME", "{CITY}", "`id`", "$(id)", "a;b", "a|b", "a&b", "a?", "?a", "??",
    "%hero", "!!ls", "#a", "<b>x</b>", "<script>alert(1)</script>", "&lt;", "a>b", "*", "~", "é",
    "名前", "\u202eevil", "-x", "-d", "--why", "--expect-error", "-h", "--help", "--", "list",
    "a,b", "a:b", "%%heroscript", "x" * 300,
)  # fmt: skip


def test_hostile_names_are_quoted_and_their_lines_do_what_they_say(kernel):
    front = Front(kernel)
    kernel.ask("%hero_context new list -s help")
    names = [name for name in HOSTILE if name.isprintable()]
    kernel.ask(
        "import hero_kernel as hero\n"
        f"names = {names!r}\n"
        "hero.session().env_update({name: f'value {n}' for n, name in enumerate(names)})\n"
        f"hero.session().db_get().update({{name: n for n, name in enumerate({HOSTILE!r})}})\n"
        "hero.session().db_get()['two\\nlines'] = 0\n"
    )
    tree = front.ask(kind="request_tree")
    found = {
        one["label"]: one.get("cell", "") for one in under(bound(tree), "variables")["children"]
    }
    assert set(found) == set(names)
    for number, name in enumerate(names):
        if name in ("-h", "--help", "--", "--expect-error"):
            assert found[name] == ""
        else:
            assert kernel.ask(found[name]) == f"'value {number}'", name
    keys = under(bound(tree), "databases")["children"][0]["children"]
    lines = {one["label"]: one.get("cell", "") for one in keys}
    assert lines["two\nlines"] == ""
    for number, name in enumerate(HOSTILE):
        if lines[name]:
            assert kernel.ask(lines[name]) == str(number), name
    node = tree["nodes"][0]
    assert node["cell"] == "%hero_context use list"  # the verb of the same name does otherwise
    assert "context list" in kernel.ask(node["children"][0]["switch"])


def test_long_lists_come_by_pages(kernel):
    front = Front(kernel)
    kernel.ask("%hero_context new shop -s till")
    kernel.ask(
        "import hero_kernel as hero\n"
        "hero.session().env_update({f'K{n:04}': 'x' for n in range(450)})\n"
        "hero.session().db_get().update({f'k{n:05}': n for n in range(3000)})\n"
        "_ = [hero.session_new(session_name=f's{n:03}') for n in range(230)]\n"
        "hero.session_select('till')\n"
    )
    tree = front.ask(kind="request_tree")
    env, context = under(bound(tree), "variables"), tree["nodes"][0]
    assert (len(env["children"]), env["more"], env["detail"]) == (200, 250, "450")
    assert (len(context["children"]), context["more"]) == (200, 31)
    database = under(bound(tree), "databases")["children"][0]
    assert (database["detail"], database["more"]) == ("3,000 keys", 2800)
    tree = front.ask(kind="request_tree", shown={env["id"]: 400, database["id"]: 5000})
    assert under(bound(tree), "variables")["more"] == 50
    assert "more" not in under(bound(tree), "databases")["children"][0]


@pytest.mark.parametrize(
    "data",
    [
        {}, None, [], "request_state", {"kind": None}, {"kind": ["request_tree"]},
        {"kind": "drop_everything"}, {"kind": "request_tree", "shown": 3},
        {"kind": "request_tree", "shown": {"contexts": -1}},
        {"kind": "request_tree", "shown": {"contexts": 10**9}},
        {"kind": "request_tree", "shown": {"contexts": True}},
        {"kind": "request_state<script>" * 100},
    ],
)  # fmt: skip
def test_a_bad_request_gets_an_error(shared_front, data):
    answer = shared_front.answer(shared_front.send(data), PATIENCE_S)
    assert (answer["kind"], bool(answer["error"])) == ("error", True)
    assert len(answer["error"]) < 120
    assert "Traceback" not in str(answer)


@pytest.fixture(scope="module")
def shared_front(tmp_path_factory):
    with Kernel(tmp_path_factory.mktemp("shared")) as one:
        yield Front(one)


def test_it_is_answered_while_a_cell_runs(kernel):
    front = Front(kernel)
    kernel.ask("%hero_context new shop -s till")
    if not front.open_subshell():
        pytest.skip("this ipykernel has no subshells")
    front.ask(kind="request_tree")
    assert front.told("%hero_session new other")  # what was sent last was not sent by that thread
    kernel.ask("%hero_session till")
    running = kernel.send("import time; time.sleep(3)")
    kernel.wait_for(running, "execute_input")
    begin = monotonic()
    assert front.answer(front.send({"kind": "request_state"}), 2)["session"] == "till"
    assert bound(front.answer(front.send({"kind": "request_tree"}), 2))["label"] == "till"
    assert monotonic() - begin < 2
    assert kernel.outcome(running).ok


def test_a_change_by_another_program_is_told_within_a_second(kernel, tmp_path):
    front = Front(kernel)
    kernel.ask("%hero_context new shop -s till")
    front.ask(kind="request_tree")
    sleep(0.6)
    with Kernel(tmp_path) as other:
        other.ask("%hero_context shop -s till")
        begin = monotonic()
        other.ask("%hero_env set CITY=Aleppo")
        while True:
            got = kernel.client.get_iopub_msg(timeout=PATIENCE_S)
            if got["msg_type"] == "comm_msg" and got["content"]["data"] == {"kind": "changed"}:
                break
        assert monotonic() - begin < 3
        tree = front.ask(kind="request_tree")
        assert under(bound(tree), "variables")["detail"] == "1"
        assert bound(tree)["detail"].startswith("this notebook, on it: a kernel in ")


def test_another_notebook_on_the_session_is_called_by_its_name(kernel, tmp_path):
    front = Front(kernel)
    kernel.ask("%hero_context new shop -s till")
    path = tmp_path / "a long way down" / "hours.ipynb"
    path.parent.mkdir()
    path.write_text("{}")
    with Kernel(tmp_path, cwd=path.parent, JPY_SESSION_NAME=str(path)) as other:
        other.ask("%hero_context shop -s till")
        tree = front.ask(kind="request_tree")
        assert "on it: hours.ipynb (pid " in bound(tree)["detail"]


def test_a_store_that_is_away_is_one_line(tmp_path):
    with Kernel(tmp_path, HERO_REDIS_URL="redis://127.0.0.1:1") as kernel:
        front = Front(kernel)
        assert front.ask(kind="request_state")["bound"] is False
        answer = front.ask(kind="request_tree")
        assert answer["kind"] == "error"
        assert "127.0.0.1:1" in answer["error"] + answer["hint"]


def test_it_comes_and_goes_with_the_extension(kernel, tmp_path):
    front = Front(kernel)
    kernel.ask("%hero_context new shop -s till")
    assert front.ask(kind="request_state")["session"] == "till"

    def kinds(code: str) -> list[str]:
        done = kernel.run(code)
        assert done.ok, done.text
        return [kind for _, kind, _ in done.messages if kind.startswith("comm_")]

    assert kinds("%unload_ext magics") == ["comm_close"]
    assert not front.is_there()
    assert kinds("%load_ext magics") == ["comm_open"]
    assert front.ask(kind="request_state")["session"] == "till"
    assert kinds("%reload_ext magics") == ["comm_close", "comm_open"]
    client = kernel.client  # a page closes it; the others still look
    client.shell_channel.send(client.session.msg("comm_close", {"comm_id": TARGET, "data": {}}))
    assert front.ask(kind="request_state")["session"] == "till"
    assert front.told("%hero_context shop -s till2")[0]["session"] == "till2"
    kernel.restart()
    assert front.is_there()

    with Kernel(tmp_path, name="python3") as other:
        front = Front(other)
        assert not front.is_there()  # negative control: it is the extension's
        done = other.run("%load_ext magics")
        assert [kind for _, kind, _ in done.messages if kind == "comm_open"]
        assert front.ask(kind="request_state")["bound"] is False
