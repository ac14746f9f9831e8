"""Docs mode: what is shown is the same at every execution; what is kept is not touched."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from time import sleep

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hero_kernel as hero
from hero_kernel.report import MIME
from hero_kernel.report.steady import Steady, is_of_time
from magics.display import Line, Table
from magics.docs import decided, steady

DURATION = re.compile(r"\d (ms|s|min)\b")


@pytest.fixture
def docs(notebook, monkeypatch):
    """The notebook, in docs mode."""
    monkeypatch.setenv("HERO_DOCS", "1")
    return notebook


def forms(notebook, value) -> dict[str, object]:
    """What a front end is sent when a cell ends with the value."""
    return notebook.shell.display_formatter.format(value)[0]


class TestReports:
    CELL = "!!play.echo content:'x'\n!!session.env_delete key:NO"

    def test_it_is_the_same_twice(self, docs):
        """But for the number of the cell, which is the same when a notebook is run anew."""
        first, second = (docs.run(f"%%heroscript\n{self.CELL}").bundle for _ in range(2))
        shown = [json.dumps(one).replace("In[2]", "In[1]") for one in (first, second)]
        assert shown[0] == shown[1]
        assert DURATION.search(first["text/plain"]) is None
        assert DURATION.search(re.sub("<style>.*</style>", "", first["text/html"])) is None
        assert (first[MIME]["run"], first[MIME]["started"], first[MIME]["duration_s"]) == (
            "",
            "",
            0,
        )

    def test_without_it_it_is_not(self, notebook):
        bundle = notebook.run(self.CELL).bundle
        assert DURATION.search(bundle["text/plain"])
        assert bundle[MIME]["run"]

    def test_a_long_run_shows_no_progress(self, docs):
        @hero.action("slow.nap")
        def nap():
            sleep(0.7)

        assert len(docs.run("!!slow.nap").shown) == 1

    def test_what_is_kept_and_given_out_has_its_times(self, docs, session):
        docs.run("%%heroscript -o report\n!!play.echo")
        report = docs.shell.user_ns["report"]
        assert report.duration_s > 0
        assert report.run
        assert session.run_get().started
        assert "timed" not in forms(docs, report)["text/plain"]
        assert DURATION.search(forms(docs, report)["text/plain"]) is None
        assert DURATION.search(str(report))
        assert forms(docs, docs.ask("%heroscript --show"))[MIME]["run"] == ""

    def test_tracebacks_are_left_out(self, docs):
        @hero.action("trouble.make")
        def make():
            print(object())
            raise ValueError(f"no {object()} here")

        bundle = docs.run("!!trouble.make").bundle
        assert "no <object object at 0x…> here" in bundle["text/plain"]
        assert "ValueError" in bundle["text/plain"]
        assert "Traceback" not in json.dumps(bundle)
        assert __file__ not in json.dumps(bundle)
        assert not re.search("0x[0-9a-f]{6}", json.dumps(bundle))


class TestPlaces:
    def test_folders_have_names(self, docs, session, monkeypatch):
        root = docs.folder / "checkouts"
        session.context.configure(coderoot=str(root))
        monkeypatch.setenv("HOME", "/home/somebody")
        wanted = {
            docs.folder / "hero" / "x": "HERO_HOME/x",
            root / "x": "CODEROOT/x",
            docs.folder / "playbooks" / "x.hero": "playbooks/x.hero",
            docs.folder: ".",
            Path("/home/somebody/x"): "~/x",
            Path("/home/somebodyelse/x"): "/home/somebodyelse/x",
            Path(tempfile.gettempdir()) / "tmpab12_xyz" / "x": "TMPDIR/x",
        }
        for path, word in wanted.items():
            bundle = docs.run(f"!!play.echo content:'at {path}, file://{path}.'").bundle
            for text in (bundle["text/plain"], bundle["text/html"], json.dumps(bundle[MIME])):
                assert f"at {word}, file://{word}." in text, text

    def test_an_error_tells_them_too(self, docs):
        cell = docs.run("%heroscript -f nowhere/play.hero")
        text = "\n".join(cell.traceback)
        assert text == "SourceError: there is no file or folder nowhere/play.hero\ncheck the path"
        assert str(docs.folder) not in str(cell.error)
        (docs.folder / "wrong.hero").write_text("!!play.ecko\n")
        cell = docs.run("%heroscript -f wrong.hero")
        assert cell.traceback[0] == "UnknownActionError: wrong.hero:1:1: no actor handles play.ecko"
        assert str(docs.folder) not in str(cell.error)

    def test_what_a_magic_returns_is_what_it_is(self, docs, session):
        path = docs.ask("%hero_log path")
        assert path == session.logger().path
        assert forms(docs, path)["text/plain"].startswith("PosixPath('HERO_HOME/context/default/")
        assert docs.ask("%hero_config path") == str(session.context.path)

    def test_tables_and_lines(self, docs, session):
        session.context.hero_config_set("a", "b", "c: 1\n")
        shown = forms(docs, docs.ask("%hero_config"))
        assert "HERO_HOME/context/default/a__b.yaml" in shown["text/plain"]
        assert str(docs.folder) not in json.dumps(shown)
        session.logger().log("damp")
        table = docs.ask("%hero_log")
        assert table.columns[0] == "time (UTC)"
        shown = forms(docs, table)
        assert shown["application/vnd.hero.table+json"]["columns"] == ["category", "", "message"]
        assert not re.search(r"\d\d:\d\d", shown["text/plain"])
        assert "damp" in shown["text/plain"]
        assert "…" in forms(docs, docs.ask("%hero_session end"))["text/plain"]

    def test_numbers_of_contexts_depend_on_what_else_is_in_a_home(self, docs):
        docs.ask("%hero_context other --new")
        docs.ask("%hero_context mine --new -s work")
        for line in ("%hero_env", "%hero_session list", "%hero_session reset --yes", "%hero --why"):
            assert "2:" not in forms(docs, docs.ask(line))["text/plain"]
        assert "id" not in forms(docs, docs.ask("%hero_context list"))["text/plain"].split()
        assert docs.ask("%hero_env").title == "session 2:mine:work"

    def test_a_session_of_the_time_has_no_name(self, unbound, monkeypatch):
        monkeypatch.setenv("HERO_DOCS", "yes")
        bundle = unbound.run("!!play.echo").bundle
        assert bundle[MIME]["session"] == "unnamed"
        name = hero.session().name
        assert is_of_time(name)
        assert name not in json.dumps(bundle)
        assert name not in json.dumps(forms(unbound, unbound.ask("%hero --why")))


class TestHowItIsAskedFor:
    def test_by_the_line(self, notebook):
        line = notebook.ask("%hero_context --docs")
        assert forms(notebook, line)["text/plain"] == "hero ▸ context default ▸ session notes"
        assert "resumed" in repr(line) or "new" in repr(line)
        why = "shown: the same at every execution, in docs mode, said by %hero_context --docs"
        assert why in forms(notebook, notebook.ask("%hero --why"))["text/plain"].split("\n")
        line = notebook.ask("%hero_context default -s notes --no-docs")
        assert "env" in forms(notebook, line)["text/plain"]
        assert "shown: as things are, said by %hero_context --no-docs" in repr(
            notebook.ask("%hero --why")
        )

    def test_the_line_is_above_the_environment(self, docs):
        assert "env" not in forms(docs, docs.ask("%hero"))["text/plain"]
        docs.ask("%hero_context --no-docs")
        assert "env" in forms(docs, docs.ask("%hero"))["text/plain"]

    def test_a_variable_that_says_neither_is_told_and_nothing_runs(
        self, notebook, session, monkeypatch
    ):
        monkeypatch.setenv("HERO_DOCS", "perhaps")
        for cell in ("%hero", "%hero_env", "!!session.env_set key:A val:1", "%hero_log"):
            text = notebook.refused(cell)
            assert text == "UsageError: HERO_DOCS=perhaps is neither yes nor no\nset HERO_DOCS=1"
        assert session.env_all() == {}
        table = Table(("a",), (("b",),))
        assert forms(notebook, table)["text/plain"] == "a\nb"
        assert notebook.ask("1 + 1") == 2

    def test_by_the_project(self, unbound):
        (unbound.folder / "hero.toml").write_text("docs = true\nsession = 'guide'\n")
        shown = unbound.run("!!play.echo content:x").text
        assert DURATION.search(shown) is None
        line = forms(unbound, unbound.ask("%hero"))["text/plain"]
        assert line == "hero ▸ context default ▸ session guide"
        assert "said by the project's configuration" in repr(unbound.ask("%hero --why"))
        unbound.ask("%hero_context -s other --no-docs")
        assert DURATION.search(unbound.run("!!play.echo content:x").text)

    def test_a_notice_is_left_out(self, unbound, monkeypatch):
        """Where nothing names the session, the line that tells how would have a time in it."""
        monkeypatch.setenv("HERO_DOCS", "1")
        shown = unbound.run("!!play.echo content:x").shown
        assert len(shown) == 1
        assert "%hero_context" not in json.dumps(shown)

    def test_what_the_environment_says(self):
        for text in ("1", "yes", "TRUE", " on "):
            assert decided(None, {"HERO_DOCS": text}) == (True, "HERO_DOCS in the environment")
        for text in ("0", "no", "False", "off"):
            assert decided(None, {"HERO_DOCS": text}) == (False, "HERO_DOCS in the environment")
        for environ in ({}, {"HERO_DOCS": ""}):
            assert decided(None, environ) == (False, "")
        assert decided(None, {"HERO_DOCS": "0"}, project=True)[0] is False
        assert decided(None, {}, project=True) == (True, "the project's configuration")
        assert decided(False, {"HERO_DOCS": "1"}) == (False, "%hero_context --no-docs")

    def test_unloaded_nothing_is_left(self, docs):
        docs.shell.run_line_magic("unload_ext", "magics")
        table = Table(("time (UTC)",), (("12:00",),))
        assert "12:00" in forms(docs, table)["text/plain"]
        assert forms(docs, Path("/x"))["text/plain"] == "PosixPath('/x')"
        docs.shell.run_line_magic("load_ext", "magics")

    def test_what_is_not_ours_is_left(self, docs):
        text = f"{docs.folder} 2026-01-02 03:04:05"
        assert forms(docs, text) == {"text/plain": repr(text)}
        assert steady(text, Steady({}, {})) is text


def test_a_bound_line_loses_what_it_says_of_the_last_time():
    line = Line("session 3:a:b", ("pid 12 since 2026-01-02 03:04",), volatile=" (2 min ago)")
    assert repr(line) == "session 3:a:b (2 min ago)\npid 12 since 2026-01-02 03:04"
    assert repr(steady(line, Steady({}, {}))) == "session a:b\npid … since …"


A = Steady(
    {"/home/ann/hero": "HERO_HOME", "/home/ann": "~", "/srv/nb": ""},
    {"2026_01_02_03_04_05": "unnamed"},
)
B = Steady(
    {"/data/h": "HERO_HOME", "/Users/bob": "~", "/Users/bob/work": ""},
    {"run_2027_01_02_03_04_05_x": "unnamed"},
)
WORDS = {
    "HERO": ("/home/ann/hero", "/data/h"),
    "HOME": ("/home/ann", "/Users/bob"),
    "HERE": ("/srv/nb", "/Users/bob/work"),
    "NAME": ("2026_01_02_03_04_05", "run_2027_01_02_03_04_05_x"),
    "DB": ("session_2026_01_02_03_04_05.db", "session_run_2027_01_02_03_04_05_x.db"),
    "AT": ("0x7f0011223344", "0x10aabbccdd"),
}  # fmt: skip
GLUE = (" ", "/x", "/x/y.hero:1:2", ":", ", ", "'", " file://", "(", ")", "\n", ".")


@given(st.lists(st.one_of(st.sampled_from(sorted(WORDS)), st.sampled_from(GLUE)), max_size=12))
def test_two_machines_say_the_same(parts):
    said = []
    for machine, how in enumerate((A, B)):
        # a folder or an address begins where a word does
        text = "".join(f" {WORDS[part][machine]}" if part in WORDS else part for part in parts)
        said.append(how.text(text))
        assert how.text(said[-1]) == said[-1]
        assert not any(folder in said[-1] for folder in how.folders)
    assert said[0] == said[1]
