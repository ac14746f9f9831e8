"""The panel of a report: its rows by pages, and what is behind them."""

from __future__ import annotations

import json

import pytest

import hero_kernel as hero
from hero_kernel.errors import ActionError, HeroError, SessionError, UsageError
from hero_kernel.report import MIME, Report, Result, Status
from hero_kernel.secret import MASK
from magics.panels import reports, views

CELL = """//the first
!!t.say content:'a <b>b</b>' bare
!!t.fail n:1
!!t.say content:c"""


@pytest.fixture(autouse=True)
def acts(door):
    @hero.action("t.say")
    def say(*words: str, content: str, token: hero.Secret | None = None) -> str:
        print("printed", content)
        return f"said {content}"

    @hero.action("t.fail")
    def fail(*, n: int) -> None:
        raise ValueError(f"no {n}\nreally")


@pytest.fixture
def report(notebook):
    notebook.run(CELL)
    return hero.last_run


@pytest.fixture
def view(door, report):
    return views.of(door, report)


class TestRows:
    def test_the_first_page(self, view):
        state = view.state()
        assert view.title == "run of In[2]"
        assert state["head"]["summary"].startswith("1 ok, 1 failed, 1 skipped")
        rows = state["page"]["rows"]
        assert [(row["n"], row["status"], row["action"]) for row in rows] == [
            (0, "ok", "t.say"),
            (1, "failed", "t.fail"),
            (2, "skipped", "t.say"),
        ]
        assert rows[0]["said"] == "said a <b>b</b>"
        assert rows[1]["said"] == "no 1 …"
        assert state["page"]["counts"] == {"ok": 1, "failed": 1, "skipped": 1}

    def test_some_of_them(self, view):
        page = view.asks["page"]
        assert [row["n"] for row in page(status="failed")["rows"]] == [1]
        assert [row["n"] for row in page(text="SAY")["rows"]] == [0, 2]
        assert [row["n"] for row in page(text="really")["rows"]] == [1]
        assert page(text="nowhere")["found"] == 0
        for wrong in ({"status": "fine"}, {"start": -1}, {"start": "0"}, {"text": 3}):
            with pytest.raises(UsageError):
                page(**wrong)

    def test_ten_thousand_come_by_pages(self, door):
        results = [Result(f"t.n{n}", Status.OK, 0.1, "x" * 500, "y" * 5000) for n in range(10_000)]
        results[9_000] = Result("t.bad", Status.INTERRUPTED)
        view = views.of(door, Report(tuple(results)))
        assert len(json.dumps(view.state())) < 100_000
        last = view.asks["page"](start=9_950)
        assert [row["action"] for row in last["rows"]] == [f"t.n{n}" for n in range(9_950, 10_000)]
        assert view.asks["page"](status="failed")["rows"][0]["action"] == "t.bad"

    def test_what_is_behind_one(self, view):
        details = view.asks["row"](n=0)
        assert details["params"] == [["", "bare"], ["content", "a <b>b</b>"]]
        assert details["comments"] == "the first"
        assert details["texts"] == {
            "result": "said a <b>b</b>",
            "output": "printed a <b>b</b>",
        }
        failed = view.asks["row"](n=1)["texts"]
        assert failed["error"] == "ValueError: no 1\nreally"
        assert "in fail" in failed["traceback"]
        assert "!!t.fail" in failed["excerpt"]
        for wrong in (3, -1, "0", None, True):
            with pytest.raises(UsageError):
                view.asks["row"](n=wrong)

    def test_a_long_output_comes_whole_when_asked(self, door):
        view = views.of(door, Report((Result("t.t", Status.OK, 0.0, "", "z" * 9000),)))
        details = view.asks["row"](n=0)
        assert details["long"]
        assert len(details["texts"]["output"]) == reports.MAX_OUTPUT
        assert details["params"] is None  # nobody knows
        whole = view.asks["row"](n=0, whole=True)
        assert not whole["long"]
        assert len(whole["texts"]["output"]) == 9000

    def test_as_text(self, view, report):
        assert view.asks["text"]() == str(report)


def test_what_a_handler_takes_as_a_secret_is_masked(notebook, door):
    notebook.run("!!t.say content:x token:canary-77aa55ee")
    view = views.of(door, hero.last_run)
    details = view.asks["row"](n=0)
    assert ["token", MASK] in details["params"]
    assert "canary" not in json.dumps([view.state(), details])


class TestKept:
    def test_found_again_by_its_name(self, door, view, report):
        again = views.rebuilt(door, json.loads(json.dumps(view.spec)))
        assert again.state() == view.state()
        assert again.asks["row"](n=1)["params"] == [["n", "1"]]  # as it is written down
        assert again.asks["row"](n=0)["params"] is None

    def test_one_that_was_not_kept(self, notebook, door):
        notebook.run(f"%%heroscript --dry-run -o dry\n{CELL}")
        view = views.of(door, notebook.shell.user_ns["dry"])
        assert view.title == "dry run of In[2]"
        with pytest.raises(UsageError, match="this report was not kept"):
            views.rebuilt(door, view.spec)

    @pytest.mark.parametrize("run", ["nosuch", "../x", 3, None])
    def test_one_that_is_not_there(self, door, view, run):
        with pytest.raises(HeroError):
            views.rebuilt(door, {**view.spec, "run": run})
        with pytest.raises((SessionError, HeroError)):
            views.rebuilt(door, {**view.spec, "session": "nosuch"})


def test_its_static_form_is_the_report_s_own(notebook, view, report):
    format_ = notebook.shell.display_formatter.format
    bundle = format_(report)[0]
    assert bundle["text/html"].startswith('<div class="hero-report ')
    assert bundle[MIME]["results"][1]["status"] == "failed"
    assert "✗ failed" in bundle["text/plain"]
    assert view.still() == [report]


def test_a_cell_of_actions_shows_plain_html(notebook):
    """A panel for every cell would cost each of them more than its actions do."""
    bundle = notebook.run("!!play.echo content:x").bundle
    assert set(bundle) == {"text/plain", "text/html", MIME}


def test_a_report_that_failed_with_an_error_of_ours(notebook, door):
    @hero.action("t.ours")
    def ours() -> None:
        raise ActionError("not so", hint="but so")

    notebook.run("!!t.ours")
    view = views.of(door, hero.last_run)
    assert view.state()["page"]["rows"][0]["hint"] == "but so"
    assert view.asks["row"](n=0)["texts"]["hint"] == "but so"
