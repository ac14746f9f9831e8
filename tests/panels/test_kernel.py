"""Panels of a real kernel: what each front end is given, how panels end, and what never leaves."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from time import monotonic, sleep

import pytest
from kernel.driving import PATIENCE_S, Kernel, Outcome

VIEW = "application/vnd.jupyter.widget-view+json"

GITHUB = frozenset(["div", "table", "thead", "tbody", "tr", "th", "td"])
"""What GitHub's sanitiser lets stand of what we use; it takes `style` away with what is in it."""


class Page(HTMLParser):
    """What is read of HTML where styles and classes are taken away."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.words = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in {*GITHUB, "style"}, tag
        assert {name for name, _ in attrs} <= {"class"}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def run(kernel, code, cell_id="", **options) -> Outcome:
    """A cell as a front end runs it that names its cells so."""
    content = {
        "code": code, "silent": False, "store_history": True, "user_expressions": {},
        "allow_stdin": options.pop("allow_stdin", True), "stop_on_error": True,
    }  # fmt: skip
    message = kernel.client.session.msg("execute_request", content)
    message["metadata"] = {"cellId": cell_id, **options} if cell_id else {}
    kernel.client.shell_channel.send(message)
    return kernel.outcome(message["header"]["msg_id"])


def comms(outcome, kind):
    return [content for _, got, content in outcome.messages if got == kind]


def shown(outcome):
    assert outcome.ok, outcome.text
    (one,) = outcome.outputs
    return one["data"]


def widgets(kernel):
    """How many panels the kernel keeps."""
    kernel.ask("from ipywidgets.widgets.widget import _instances")
    return int(kernel.ask("[type(one).__name__ for one in _instances.values()].count('Panel')"))


def watchers(kernel):
    names = "[one.name for one in __import__('threading').enumerate()]"
    return int(kernel.ask(f"{names}.count('hero panels')"))


class Front:
    """A front end that talks with the panel of an outcome."""

    def __init__(self, kernel, outcome):
        self.kernel = kernel
        (opened,) = [one for one in comms(outcome, "comm_open") if "views" in one["data"]["state"]]
        self.id, self.state = opened["comm_id"], opened["data"]["state"]

    def say(self, message):
        client = self.kernel.client
        content = {"comm_id": self.id, "data": {"method": "custom", "content": message}}
        client.shell_channel.send(client.session.msg("comm_msg", content))

    def hear(self, key, patience_s=PATIENCE_S):
        """The next message that has a key."""
        until = monotonic() + patience_s
        while True:
            got = self.kernel.client.get_iopub_msg(timeout=until - monotonic())
            content = got["content"]
            if got["msg_type"] == "comm_msg" and content["comm_id"] == self.id:
                said = content["data"].get("content", {})
                if key in said:
                    return said

    def news(self, code):
        """What is told after a change that a cell makes."""
        self.kernel.send(code)
        said = json.dumps(self.hear("views"), ensure_ascii=False)
        self.kernel.ask("pass")
        return said

    def ask(self, name, /, **given):
        self.say({"ask": "a.1", "view": "env", "name": name, "given": given})
        return self.hear("answer")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    with Kernel(tmp_path_factory.mktemp("panels"), HERO_SESSION="panels") as one:
        one.ask("%hero_env set CITY=Ghent 'HOSTILE=<img src=x onerror=alert(1)>'")
        yield one


def test_what_draws_panels_is_sent_once(kernel):
    def opened(cell):
        outcome = run(kernel, "%hero_panel env", cell)
        return [one["data"]["state"] for one in comms(outcome, "comm_open")]

    kernel.ask("get_ipython()._hero_extension.door.panels.close()")
    script, panel = opened("8fd1a0de-3a2c-4d5d-bd4d-000000000001")
    assert len(script["js"]) > 50_000  # the control: it is large
    assert ".hero-panel" in script["css"]
    (again,) = opened("8fd1a0de-3a2c-4d5d-bd4d-000000000002")
    assert len(json.dumps(again)) < 5000
    assert again["script"] == panel["script"]
    classes = "len({type(one) for one in _instances.values() if type(one).__name__ == 'Panel'})"
    assert widgets(kernel) >= 2
    assert kernel.ask(classes) == "1"
    kernel.ask("import ipywidgets\nipywidgets.Widget.close_all()")
    assert len(opened("8fd1a0de-3a2c-4d5d-bd4d-000000000003")) == 2  # it went with the others


def test_jupyter_is_given_html_in_whose_place_the_panel_comes(kernel):
    outcome = run(kernel, "%hero_panel env", "8fd1a0de-3a2c-4d5d-bd4d-9b7d0b6b3c11")
    data = shown(outcome)
    assert set(data) == {"text/html", "text/plain"}  # what is saved, and nothing that could fail
    place = Front(kernel, outcome).state["place"]
    assert f'class="hero-place {place} ' in data["text/html"]
    assert len(place) > 20
    words = Page(data["text/html"]).words
    assert "Ghent" in words
    assert "<img src=x onerror=alert(1)>" in words
    assert "Ghent" in data["text/plain"]


@pytest.mark.parametrize("cell_id", ["", "vscode-notebook-cell:/home/ann/a.ipynb#W0sZmlsZQ"])
def test_others_are_given_a_widget_with_html_beside_it(kernel, cell_id):
    data = shown(run(kernel, "%hero_panel env", cell_id))
    assert set(data) == {VIEW, "text/html", "text/plain"}
    assert "hero-place" not in data["text/html"]
    assert "Ghent" in Page(data["text/html"]).words
    assert "Ghent" in data["text/plain"]


def test_a_panel_is_one_widget_without_a_layout_of_its_own(kernel):
    outcome = run(kernel, "%hero_panel env")
    (opened,) = comms(outcome, "comm_open")
    assert opened["data"]["state"]["layout"] is None


@pytest.mark.parametrize(
    ("before", "line", "options"),
    [
        ("", "%hero_panel env", {"allow_stdin": False}),  # nbclient, nbconvert, Jupyter Book
        ("PAPERMILL_INPUT_PATH = 'x'", "%hero_panel env", {}),
        ("", "%hero_panel env --static", {}),
        ("%env HERO_PANELS=static", "%hero_panel env", {}),
        ("%hero_context --docs", "%hero_panel env", {}),
    ],
    ids=["nobody answers", "papermill", "--static", "HERO_PANELS", "docs"],
)
def test_where_nobody_looks_there_are_tables_alone(kernel, before, line, options):
    kernel.ask(before)
    try:
        outcome = run(kernel, line, **options)
    finally:
        kernel.ask(
            "import os; os.environ.pop('HERO_PANELS', 0); globals().pop('PAPERMILL_INPUT_PATH', 0)"
        )
        kernel.ask("%hero_context --no-docs")
    data = shown(outcome)
    assert not any("widget" in key for key in data)
    assert "hero-place" not in data["text/html"]
    assert "Ghent" in data["text/plain"]
    assert not comms(outcome, "comm_open")


def test_by_hand_a_panel_lives_where_nobody_answers(kernel):
    assert VIEW in shown(run(kernel, "%hero_panel env --live", allow_stdin=False))
    kernel.ask("import os; os.environ['HERO_PANELS'] = 'live'")
    try:
        assert VIEW in shown(run(kernel, "%hero_panel env", allow_stdin=False))
        assert VIEW not in shown(run(kernel, "%hero_panel env --static", allow_stdin=False))
    finally:
        kernel.ask("del os.environ['HERO_PANELS']")


def test_docs_mode_is_the_same_twice(kernel):
    kernel.ask("%hero_context --docs")
    try:
        one, two = (shown(run(kernel, "%hero_panel env")) for _ in range(2))
    finally:
        kernel.ask("%hero_context --no-docs")
    assert one == two


def test_a_cell_that_runs_again_closes_its_panel(kernel):
    kernel.ask("import ipywidgets; ipywidgets.Widget.close_all()")
    for _ in range(100):
        outcome = run(kernel, "%hero_panel env", "cell-1")
    assert comms(outcome, "comm_close")
    run(kernel, "%hero_panel env", "cell-2")
    assert widgets(kernel) == 2
    run(kernel, "'nothing'", "cell-1")
    assert widgets(kernel) == 1
    run(kernel, "1", "cell-3", deletedCells=["cell-2"])
    assert widgets(kernel) == 0
    run(
        kernel,
        "for _ in range(3): display(get_ipython().run_line_magic('hero_panel', 'env'))",
        "c4",
    )
    assert widgets(kernel) == 3  # of one execution: all are seen
    run(kernel, "%hero_panel env\n1/0", "c4")  # it failed, and its output is gone all the same
    assert widgets(kernel) == 3
    run(kernel, "display(get_ipython().run_line_magic('hero_panel', 'env'))\n1/0", "c4")
    assert widgets(kernel) == 1


def test_panels_end_with_their_widgets_and_outlive_the_variables(kernel):
    front = Front(kernel, run(kernel, "%hero_panel env", "cell-5"))
    kernel.ask("%reset -f")
    front.say({"look": "a.1"})
    assert front.hear("looked") == {"looked": "a.1"}
    assert "Bruges" in front.news("%hero_env set CITY=Bruges")
    kernel.ask("%hero_env set CITY=Ghent")
    kernel.ask("import ipywidgets; ipywidgets.Widget.close_all()")
    assert widgets(kernel) == 0
    assert shown(run(kernel, "%hero_panel env", "cell-5"))


def test_two_front_ends_on_one_panel_are_both_told(kernel):
    """Both hear every message; answers have names of their own."""
    outcome = run(kernel, "%hero_panel env", "cell-6")
    one, other = Front(kernel, outcome), Front(kernel, outcome)
    one.say({"look": "one.1"})
    other.say({"look": "two.1"})
    assert other.hear("looked") == {"looked": "one.1"}
    assert other.hear("looked") == {"looked": "two.1"}
    assert "MORE" in other.news("%hero_env set MORE=1")


def test_a_change_from_elsewhere_comes_within_a_second(kernel):
    front = Front(kernel, run(kernel, "%hero_panel env", "cell-7"))
    front.say({"look": "a.1"})
    front.hear("looked")
    with Kernel(kernel.folder, HERO_SESSION="other") as second:
        second.ask("import hero_kernel as hero; s = hero.context_get().session_get('panels')")
        sent = second.send("s.env_set('AFAR', '1')")
        front.say({"look": "a.2"})
        begin = monotonic()
        assert "AFAR" in json.dumps(front.hear("views"))
        assert monotonic() - begin < 2
        second.outcome(sent)


def test_a_known_secret_is_masked_in_every_message(tmp_path):
    canary = "hunter2-s3cr%et/k&y"
    with Kernel(tmp_path, HERO_SESSION="masked") as kernel:
        kernel.ask(
            f"v = bytes(b ^ 1 for b in {bytes(b ^ 1 for b in canary.encode())!r}).decode()\n"
            "import hero_kernel; hero_kernel.workspace().redactor.add(v, 'canary')"
        )
        kernel.ask("hero_kernel.session().env_set('LEAK', f'https://{v}@host')")
        outcome = run(kernel, "%hero_panel env", "cell-1")
        front = Front(kernel, outcome)
        opened = json.dumps(front.state, ensure_ascii=False)
        news = front.news("hero_kernel.session().env_set('LEAK2', f'again {v}')")
    for text in (json.dumps(shown(outcome), ensure_ascii=False), opened, news):
        assert canary not in text
    assert "••••••" in opened
    assert "••••••" in news


def test_an_interrupt_reaches_the_cell_and_the_panel_goes_on(kernel):
    front = Front(kernel, run(kernel, "%hero_panel env", "cell-8"))
    front.say({"look": "a.1"})
    front.hear("looked")
    sent = kernel.send("import time\nprint('on', flush=True)\ntime.sleep(20)")
    kernel.wait_for(sent, "stream")
    kernel.manager.interrupt_kernel()
    outcome = kernel.outcome(sent)
    assert outcome.error["ename"] == "KeyboardInterrupt"
    assert watchers(kernel) == 1
    assert front.ask("none")["error"]["type"] == "UsageError"


def test_unloading_closes_the_panels_and_loading_begins_anew(kernel):
    front = Front(kernel, run(kernel, "%hero_panel env", "cell-9"))
    outcome = run(kernel, "%unload_ext magics")
    assert front.id in [one["comm_id"] for one in comms(outcome, "comm_close")]
    kernel.ask("import time; time.sleep(0.6)")
    assert watchers(kernel) == 0
    kernel.ask("%load_ext magics")
    assert Front(kernel, run(kernel, "%hero_panel env", "cell-9")).ask("none")["error"]


def test_a_panel_of_another_kernel_is_found_again(kernel):
    client = kernel.client

    def open_with(data):
        message = client.session.msg(
            "comm_open", {"comm_id": f"c{monotonic()}", "target_name": "hero.panel", "data": data}
        )
        client.shell_channel.send(message)
        until = monotonic() + 10
        while True:
            got = client.get_iopub_msg(timeout=until - monotonic())
            if got["content"].get("comm_id") == message["content"]["comm_id"]:
                return got["msg_type"], got["content"]["data"]

    spec = {"kind": "env", "context": "default", "session": "panels"}
    kind, data = open_with({"parts": [{"key": "env", "kind": "env", "spec": spec}]})
    assert kind == "comm_msg"
    assert data["views"]["env"]["title"].endswith("panels")
    gone = {"key": "e", "kind": "env", "spec": {**spec, "session": "nowhere"}}
    _, data = open_with({"parts": [gone]})
    assert "nowhere" in data["views"]["e"]["error"]["message"]
    assert data["views"]["e"]["spec"] == gone["spec"]  # kept, to be found when it is there
    for wrong in ({}, {"parts": 1}, {"parts": ["env"]}, {"parts": [{"key": "env"}]},
                  {"parts": [{"key": 1, "kind": "env", "spec": {}}]}):  # fmt: skip
        kind, _ = open_with(wrong)
        assert kind == "comm_close"
    _, data = open_with({"parts": [{"key": "k", "kind": "../env", "spec": {"kind": "../env"}}]})
    assert data["views"]["k"]["error"]["type"] == "UsageError"


def test_a_kernel_with_panels_ends_quietly(tmp_path):
    class Heard(Kernel):
        def start(self):
            with (tmp_path / "stderr").open("wb") as stderr:
                self.manager.start_kernel(env=self.env, cwd=str(self.cwd), stderr=stderr)
            self._connect()

    kernel = Heard(tmp_path, HERO_SESSION="quiet")
    front = Front(kernel, run(kernel, "%hero_panel env", "cell-1"))
    front.say({"look": "a.1"})
    front.hear("looked")
    sleep(0.3)
    begin = monotonic()
    kernel.end()
    assert monotonic() - begin < 5
    assert "Traceback" not in (tmp_path / "stderr").read_text()


def test_loading_the_extension_loads_no_widgets(tmp_path):
    with Kernel(tmp_path) as kernel:
        kernel.ask("%hero")
        loaded = kernel.ask(
            "import sys; [m for m in ('ipywidgets', 'anywidget', 'magics.panels.panel',"
            " 'magics.panels.watching') if m in sys.modules]"
        )
    assert loaded == "[]"
