"""The Jupyter protocol, as a test suite of Jupyter's own asks for it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from shutil import rmtree

import jupyter_kernel_test
from kernel.driving import environment

REPORTED = "%%heroscript\n!!play.echo content:'hello, world'"


class TestHeroKernel(jupyter_kernel_test.KernelTests):
    """What every Jupyter kernel must answer, and the forms our own outputs have."""

    kernel_name = "hero"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('trouble', file=sys.stderr)"
    completion_samples = (
        {"text": "zi", "matches": {"zip"}},
        {"text": "%hero_cont", "matches": {"%hero_context"}},
        {"text": "%%herosc", "matches": {"%%heroscript"}},
        {"text": "%hero_param ge", "matches": {"get"}},
        {"text": "%hero_param get t", "matches": {"tone"}},
        {"text": "%%heroscript --dry", "matches": {"--dry-run"}},
        {"text": "!!git.cl", "matches": {"git.clone"}},
        {"text": "!!git.clone\n    ur", "matches": {"url:"}},
        {"text": "%%heroscript\n!!git.clone light:", "matches": {"true", "false"}},
        {"text": "!!play.echo content:${par", "matches": {"${param:"}},
        {"text": "!!nothing_like_it", "matches": set()},
    )
    complete_code_samples = (
        "1",
        "print('hello')",
        "%hero",
        "!ls -l",
        "!!ls -l",
        "%%heroscript\n!!play.echo content:'x'\n\n",
        "!!play.echo",
        "!!play.echo content:'x'\n\n",
        "await one()",
    )
    incomplete_code_samples = (
        "def f():",
        "%%heroscript\n!!play.echo content:'x'",
        "!!play.echo content:'x",
        "!!play.echo\n    content:'x'",
    )
    invalid_code_samples = ("x = = 1", "import = 7q")
    code_page_something = "zip?"
    code_generate_error = "raise ValueError('no')"
    code_execute_result = (
        {"code": "6 * 7", "result": "42"},
        {"code": "%hero_param get tone", "result": "'calm'"},
        {"code": "r = 'rest'; r", "result": "'rest'"},
    )
    code_display_data = (
        {"code": REPORTED, "mime": "text/plain"},
        {"code": REPORTED, "mime": "text/html"},
        {"code": REPORTED, "mime": "application/vnd.hero.report+json"},
        {"code": "!!play.echo content:'bare'", "mime": "text/html"},
    )
    code_history_pattern = "6 ?*"
    # not "range": ipykernel answers 0 for the running session, the suite expects its number
    supported_history_operations = ("tail", "search")
    code_inspect_sample = "%hero_context"
    code_clear_output = "from IPython.display import clear_output; clear_output()"

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="hero-protocol-"))
        env = environment(cls.folder, HERO_SESSION="protocol")
        cls.km, cls.kc = jupyter_kernel_test.start_new_kernel(kernel_name="hero", env=env)
        cls.kc.execute_interactive("%hero_param set tone:calm", timeout=jupyter_kernel_test.TIMEOUT)

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        cls.km.context.destroy()
        rmtree(cls.folder)

    def test_a_failed_action_is_one_report_and_one_error(self):
        self.flush_channels()
        reply, outputs = self.execute_helper("!!session.env_delete key:NOT_THERE")
        assert reply["content"]["status"] == "error"
        assert reply["content"]["ename"] == "RunError"
        assert [one["msg_type"] for one in outputs] == ["display_data", "error"]

    def test_inspection_of_our_own_words(self):
        for code, told in (
            ("!!git.clone", "!!git.clone url:…"),
            ("!!git.clone url:x light", "light: true or false"),
            ("%%heroscript\n!!play.echo", "!!play.echo"),
            ("%hero_param set", "KEY:VALUE"),
            ("!!play.echo content:${param:tone", "calm"),
        ):
            self.flush_channels()
            self.kc.inspect(code)
            reply = self.kc.get_shell_msg(timeout=jupyter_kernel_test.TIMEOUT)
            assert reply["content"]["found"], code
            assert told in reply["content"]["data"]["text/plain"], code

    def test_an_interrupted_action_stops_and_the_next_cell_runs(self):
        self.flush_channels()
        self.execute_helper(
            "import time\nfrom hero_kernel import action\n"
            "@action('slow.wait')\n"
            "def wait(session):\n    print('waiting')\n    time.sleep(60)"
        )
        self.flush_channels()
        message = self.kc.execute("!!slow.wait")
        time.sleep(0.5)
        self.km.interrupt_kernel()
        while True:
            reply = self.kc.get_shell_msg(timeout=jupyter_kernel_test.TIMEOUT)
            if reply["parent_header"]["msg_id"] == message:
                break
        assert reply["content"]["status"] == "error"
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        self.flush_channels()
        reply, outputs = self.execute_helper("!!play.echo content:'still here'")
        assert reply["content"]["status"] == "ok"
        assert "still here" in outputs[-1]["content"]["data"]["text/plain"]

    def test_a_silent_cell_leaves_no_trace(self):
        self.flush_channels()
        before = self.execute_helper("1")[0]["content"]["execution_count"]
        reply, outputs = self.execute_helper("x = 1", silent=True, store_history=False)
        assert reply["content"]["status"] == "ok"
        assert outputs == []
        assert self.execute_helper("1")[0]["content"]["execution_count"] == before + 1
