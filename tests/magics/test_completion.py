"""Tab, as somebody types at a prompt of IPython's."""

from __future__ import annotations

import os
import shlex
import socket
import sys
from enum import Enum
from pathlib import Path
from threading import Thread
from time import monotonic, perf_counter
from typing import Literal

import pytest
from IPython.core.completer import IPCompleter
from IPython.terminal.ptutils import IPythonPTCompleter
from prompt_toolkit.document import Document
from typing_cells import tab, tab_at

import hero_kernel as hero
from hero_kernel import default, heroscript
from hero_kernel.databases import Database
from magics.completion import names
from magics.completion.words import all_quoted, quoted, words


@pytest.fixture
def no_python(monkeypatch):
    """Python is not completed here: whoever asks for it fails the test."""

    def asked(self, *_args, **_options):
        raise AssertionError("Python was completed")

    monkeypatch.setattr(IPCompleter, "_complete", asked)
    monkeypatch.setattr(IPCompleter, "_jedi_matches", asked)


@pytest.fixture
def kept(notebook):
    """A notebook whose session and context hold something of every kind."""
    for cell in (
        "%hero_env set WHO=world WHERE='the moon'",
        "%hero_param set tone:calm tempo:slow",
        "%hero_param set --shared region:eu",
        "%hero_db set first 1\n%hero_db set 'second key' 2",
        "%hero_db set -d stock apples 3",
        "%%hero_config mail smtp\nhost: x",
        "%%hero_config mail imap\nhost: x",
        "%%hero_config web proxy\nhost: x",
        "%hero_session new other\n%hero_session use notes",
        "!!play.echo content:'a run'",
    ):
        notebook.ask(cell)
    workspace = hero.workspace()
    workspace.kdf_log2_n = 14
    workspace.context_new("demo").session_new("demo_one")
    notebook.ask("%hero_context use default -s notes")
    secrets = workspace.context().secrets
    secrets.set("correct horse battery")
    secrets.put("TOKEN", "canary-4711")
    secrets.lock()
    (notebook.folder / "plays").mkdir()
    (notebook.folder / "plays" / "two words.hero").write_text("!!play.echo\n")
    (notebook.folder / "plays" / "one.hero").write_text("!!play.echo\n")
    return notebook


class Colour(Enum):
    RED = 1
    GREEN = 2


@pytest.fixture
def paint(notebook):
    """An action of the user's own, with every type whose values are known."""

    @hero.action("paint.wall")
    def wall(
        session,
        *,
        where: Path,
        how: Literal["thin", "very thick"],
        colour: Colour = Colour.RED,
        dry: bool = False,
        context: str = "",
    ) -> str:
        """Paint a wall."""
        return ""

    yield notebook
    del wall


# -- magics


MAGICS = (
    ("%hero_env s|", ["show", "set"]),
    ("%hero_env |", ["show", "list", "set", "get", "unset", "load", "reset"]),
    ("x = %hero_env ge|", ["get"]),
    ("if True:\n    %hero_env ge|", ["get"]),
    ("%hero_env set --o|", ["--once"]),
    ("%hero_env set A=1 --once --|", ["--secret"]),
    ("%hero_env get W|", ["WHERE", "WHO"]),
    ("%hero_env set W|", ["WHERE=", "WHO="]),
    ("%hero_env set --secret W|", ["WHERE", "WHO"]),
    ("%hero_env set WHO=w|", []),
    ("%hero_env unset WHO W|", ["WHERE", "WHO"]),
    ("%hero_param get t|", ["tone", "tempo"]),
    ("%hero_param set to|", ["tone:"]),
    ("%hero_param get --shared |", ["region"]),
    ("%hero_context use d|", ["default", "demo"]),
    ("%hero_context d|", ["default", "demo"]),
    ("%hero_context use demo --session d|", ["demo_one"]),
    ("%hero_context use -s |", ["notes", "other"]),
    ("%hero_session use o|", ["other"]),
    ("%hero_session new o|", []),
    ("%hero_session set |", ["name=", "description=", "interactive=yes", "interactive=no"]),
    ("%hero_session set interactive=n|", ["interactive=no"]),
    ("%hero_db get |", ["first", "'second key'", "--database", "--out"]),
    ("%hero_db get 'sec|", ["'second key'"]),
    ('%hero_db get "sec|', ['"second key"']),
    ("%hero_db get 'sec|'", ["'second key"]),
    ("%hero_db get -d s|", ["secrets", "session_notes", "stock"]),
    ("%hero_db get --database=st|", ["--database=stock"]),
    ("%hero_db get -d stock a|", ["apples"]),
    ("%hero_db drop st|", ["stock"]),
    ("%%hero_db f|\ntext", ["first"]),
    ("%hero_config get |", ["mail", "web"]),
    ("%hero_config get mail |", ["imap", "smtp"]),
    ("%%hero_config mail s|\ntext", ["smtp"]),
    ("%hero_secret get T|", ["TOKEN"]),
    ("%hero_secret encrypt |", ["on", "off"]),
    ("%hero_help play.e|", ["play.echo"]),
    ("%hero_help !!play.e|", ["!!play.echo"]),
    ("%hero_help hero_e|", []),
    ("%hero_help %hero_e|", ["%hero_env"]),
    ("%%heroscript --dr|\n!!play.echo", ["--dry-run"]),
    ("%heroscript -f plays/o|", ["plays/one.hero"]),
    ("%heroscript -f plays/t|", ["'plays/two words.hero'"]),
    ("%heroscript -f pl|", ["plays/"]),
    ("%hero_e|", ["%hero_env"]),
    ("%%hero|", ["%%hero_config", "%%hero_db", "%%heroscript"]),
    ("%hero_env nothing |", []),
    ("%hero_log search --cat |", []),
    ("%%hero_db key\nhero|", []),
)


@pytest.mark.usefixtures("no_python")
def test_magic_lines(kept):
    found = {marked: tab(kept.shell, marked).texts for marked, _ in MAGICS}
    assert found == dict(MAGICS)


def test_runs_are_offered(kept):
    (run,) = hero.session().run_names()
    assert tab(kept.shell, "%heroscript --show 2|").texts == [run]


def test_python_variables_are_none_of_our_business(notebook):
    assert tab(notebook.shell, "hero_context = 1; prin|").texts == ["print"]
    assert "%%html" in tab(notebook.shell, "%%htm|").texts
    assert tab(notebook.shell, "%%bash\n!!git.clo|").texts == []
    notebook.shell.run_cell("hero_number = 12")
    assert tab(notebook.shell, "hero_num|").texts == ["hero_number"]


def test_options_of_a_verb_that_nobody_annotated(notebook):
    """Others add verbs and options: what the metavar says is enough."""
    from magics.arguments import Command, Verb  # noqa: PLC0415  # only here
    from magics.completion.offers import Offers  # noqa: PLC0415  # only here

    def setup(parser):
        parser.add_argument("--to", metavar="FILE")
        parser.add_argument("--of", metavar="CONTEXT")
        parser.add_argument("mode", choices=("fast", "slow"))

    command = Command("%hero_new", "new", {"do": Verb(lambda _: None, setup)})
    workspace = hero.workspace
    looked = names.Names(workspace, list)
    offers = Offers(list, lambda: {"hero_new": command}, lambda: workspace().actors, looked)

    def offered(line):
        return [one.text for one in offers.at(line, len(line)).offers]

    hero.context_new("demo")
    assert offered("%hero_new do --") == ["--to", "--of"]
    assert offered("%hero_new do --of d") == ["demo"]
    assert offered("%hero_new do f") == ["fast"]
    assert offered("%hero_new do --to bi") == ["bin/"]


# -- actions


ACTIONS = (
    ("!!g|", ["git.", "gittools."]),
    ("!!pl|", ["play.echo", "play.include", "play.run"]),
    ("!!git.cl|", ["git.clone"]),
    ("!!GIT.cl|", ["git.clone"]),
    ("!!git.cl|one url:x", ["git.clone"]),
    ("%%heroscript\n!git.cl|", ["git.clone"]),
    ("%%heroscript\n!!git.clone url:x\n!!!!play.r|", ["play.run"]),
    ("x = 1\n!!git.cl|", ["git.clone"]),
    ("for x in y:\n    !!git.cl|", ["git.clone"]),
    ("%%time\n!!git.cl|", ["git.clone"]),
    ("!!git.clone l|", ["light:"]),
    ("!!git.clone |", ["url:", "coderoot:", "sshkey:", "light:", "recursive:", "timeout:"]),
    ("!!git.clone url:x light |", ["coderoot:", "sshkey:", "recursive:", "timeout:"]),
    ("!!git.clone |url:x", ["coderoot:", "sshkey:", "light:", "recursive:", "timeout:"]),
    ("!!git.clone u|\n    url:x", []),
    ("!!git.clone u|\n!!git.clone url:x", ["url:"]),
    ("!!git.clone ur|l:x", ["url:"]),
    ("!!git.clone ur|:x", ["url"]),
    ("!!git.clone\n    u|", ["url:"]),
    ("!!git.clone light:true\n    // why\n    u|", ["url:"]),
    ("!!git.clone\n    url:'a\n    b'\n    l|", ["light:"]),
    ("  %%heroscript\n  !!git.clone\n    u|", ["url:"]),
    ("%%heroscript\n    !!git.clone\n      u|", ["url:"]),
    ("x = 1\n!!git.clone\n    u|", ["url:"]),
    ("for x in y:\n    !!git.clone\n        u|", ["url:"]),
    ("!!git.clone light:|", ["true", "false"]),
    ("!!git.clone light: t|", ["true"]),
    ("!!git.clone light:'t|", ["'true'"]),
    ("!!git.repo_action action:BR|", ["branch_create", "branch_switch"]),
    ("!!paint.wall how:|", ["thin", "'very thick'"]),
    ("!!paint.wall how:'very|", ["'very thick'"]),
    ("!!paint.wall how:'very|'", ["'very thick"]),
    ('!!paint.wall how:"very t|', ['"very thick"']),
    ("!!paint.wall how:'very thick'|", ["'very thick'"]),
    ("!!paint.wall colour:g|", ["green"]),
    ("!!paint.wall dry:f|", ["false"]),
    ("!!paint.wall where:plays/|", ["plays/one.hero", "'plays/two words.hero'"]),
    ("!!paint.wall context:de|", ["default", "demo"]),
    ("!!paint.wall |", ["where:", "how:", "colour:", "dry:", "context:"]),
    ("!!session.env_set key:W|", ["WHERE", "WHO"]),
    ("!!db.get key:|", ["first", "'second key'"]),
    ("!!db.get db:stock key:|", ["apples"]),
    ("!!config.get category:mail name:|", ["imap", "smtp"]),
    ("!!secret.delete name:|", ["TOKEN"]),
    ("!!play.echo content:'hi {W|", ["{WHERE}", "{WHO}"]),
    ("!!play.echo content:'hi {WHO|}'", ["{WHO"]),
    ("!!play.echo content:{|", ["{WHERE}", "{WHO}"]),
    ("!!play.echo content:${|", ["${env:", "${param:", "${secret:", "${py:"]),
    ("!!play.echo content:'${se|", ["${secret:"]),
    ("!!play.echo content:'a ${env:WHO} ${env:WHE|", ["${env:WHERE}"]),
    ("!!play.echo content:${param:t|", ["${param:tone}", "${param:tempo}"]),
    ("!!play.echo content:${secret:|", ["${secret:TOKEN}"]),
    ("!!play.echo content:'\n    a block\n    ${secret:|", ["${secret:TOKEN}"]),
    ("!!play.echo content:$${env:|", []),
    ("!!play.echo content:${bash:|", []),
    # nothing to offer, and none of Python's business
    ("!!xyz|", []),
    ("!!nobody.here |", None),
    ("!!nobody.here key:|", []),
    ("!!git.nothing u|", []),
    ("!!git.clone // u|", []),
    ("// u|\n!!git.clone", []),
    ("!!git.clone url:x <!-- l|", []),
    ("!!git.clone url:x|", []),
    ("!!git.clone\nu|", []),
    ("%%heroscript\nSome prose, pri|", []),
    ("%%heroscript\npri|\n!!git.clone", []),
    ("!!git.clone url:'abc\n    l|", []),
    # others' words
    ("!!ls |", None),
    ("!!ls -l /tm|", None),
    ("!!/bin/l|", None),
    ("!!script.sh x|", None),
    ("text = '''\n!!git.clone u|\n'''", None),
    ('"""a"""\n"""\n%hero_env s|"""', None),
    ("'''a'''; '''b'''\n!!git.clone u|", ["url:"]),
    ("x = '!!git.clone u|'", None),
    ("y = 5 # !!git.clone u|", None),
    ("!!git.clone url:x\n\nx = pri|", []),
)
"""None: it is not ours, and Python is completed."""


@pytest.mark.usefixtures("paint")
def test_actions(kept, monkeypatch):
    asked = []
    monkeypatch.setattr(IPCompleter, "_complete", lambda *_, **__: asked.append(1) or {})

    def offered(marked):
        asked.clear()
        texts = tab(kept.shell, marked).texts
        return None if asked else texts

    assert {marked: offered(marked) for marked, _ in ACTIONS} == dict(ACTIONS)


def test_required_parameters_come_first(paint):
    assert tab(paint.shell, "!!paint.wall |").texts[:2] == ["where:", "how:"]


def test_what_is_put_in_means_what_was_offered(kept):
    for name in ("it's", 'say "hi"', "both ' and \"", "back\\slash", "a,b", "x:y", "//x"):
        kept.shell.run_line_magic("hero_db", f"set {shlex.quote(name)} 1")
        for quote in ("", "'", '"'):
            cell = f"!!db.get key:{quote}{name[:1] if not quote else ''}"
            meant = [
                heroscript.parse(put)[0].params["key"]
                for put in tab_at(kept.shell, cell, len(cell)).cells
            ]
            assert name in meant, (name, quote, meant)
            line = f"%hero_db get {quote}"
            put = tab_at(kept.shell, line, len(line)).cells
            assert name in [shlex.split(one)[-1] for one in put if "--" not in one], (name, quote)


def test_the_last_line_of_a_shell_that_knows_only_lines(kept):
    """`shell.complete` is what ipykernel asks without its newer way, and other programs."""
    assert kept.shell.complete("", "%hero_env ge", 12) == ("ge", ["get"])
    assert kept.shell.complete("", "!!git.clone ur", 14) == ("ur", ["url:"])
    assert kept.shell.complete("!!git.cl") == ("git.cl", ["git.clone"])
    with pytest.warns(PendingDeprecationWarning):  # IPython's, of its own
        ours = [kept.shell.complete("prin"), kept.shell.complete("", "%tim", 4)]
    kept.shell.run_line_magic("unload_ext", "magics")
    with pytest.warns(PendingDeprecationWarning):
        assert ours == [kept.shell.complete("prin"), kept.shell.complete("", "%tim", 4)]
    assert "%time" in ours[1][1]
    kept.shell.run_line_magic("load_ext", "magics")


def test_the_prompt_of_a_terminal_shows_them(kept):
    """As prompt_toolkit asks, which a terminal's IPython reads keys with."""
    completer = IPythonPTCompleter(shell=kept.shell)

    def shown(cell):
        document = Document(cell, len(cell))
        return [(one.text, one.start_position) for one in completer.get_completions(document, None)]

    kept.shell.min_elide = 30
    assert shown("!!git.cl") == [("git.clone", -6)]
    assert shown("!!git.clone\n    ur") == [("url:", -2)]
    assert shown("%hero_db get 'sec") == [("'second key'", -4)]


# -- nothing is made, and nothing hangs


def everything(shell):
    """Press Tab at one cursor of every kind."""
    for marked in (
        "%hero_env get |", "%hero_param get |", "%hero_context use |", "%hero_session use |",
        "%hero_db get |", "%hero_db get -d |", "%hero_config get |", "%hero_secret get |",
        "%heroscript --show |", "%hero allow |", "%hero_help |", "!!|", "!!git.clone |",
        "!!db.get key:|", "!!secret.delete name:|", "!!play.echo content:${secret:|",
        "!!play.echo content:{|", "%hero_session us |", "%hero_context usee -|",
    ):  # fmt: skip
        yield marked, tab(shell, marked).texts


def test_tab_creates_and_binds_nothing(unbound):
    found = dict(everything(unbound.shell))
    assert hero.workspace().selected_session is None
    assert not (unbound.folder / "hero").exists()
    assert found["%hero_env get |"] == []
    assert found["!!db.get key:|"] == []
    assert "url:" in found["!!git.clone |"]


def test_tab_changes_no_record_and_unlocks_nothing(kept, monkeypatch):
    workspace = hero.workspace()
    monkeypatch.setattr(workspace, "prompt", lambda _: pytest.fail("it asked"))

    def state():
        store = workspace.store
        return {(n, key): store.get(n, key) for n in store.numbers() for key in store.scan(n)}

    before = state()
    found = dict(everything(kept.shell))
    assert found["%hero_secret get |"] == ["TOKEN"]
    assert "canary" not in repr(found)
    assert workspace.context().secrets.is_locked
    assert state() == before


def test_a_store_that_does_not_answer_is_waited_for_once(unbound, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("HERO_REDIS_URL", f"redis://127.0.0.1:{port}")
        monkeypatch.setattr(default, "_workspace", None)
        begin = monotonic()
        assert tab(unbound.shell, "%hero_context use d|").texts == []
        first_s = monotonic() - begin
        begin = monotonic()
        for _ in range(5):
            assert tab(unbound.shell, "%hero_context use d|").texts == []
            assert tab(unbound.shell, "!!git.clone u|").texts == ["url:"]
        assert first_s < names.PATIENCE_S + 2
        assert monotonic() - begin < 0.5, "every Tab waited anew"


def test_wrong_settings_take_only_what_needs_the_workspace(unbound, monkeypatch):
    monkeypatch.setenv("HERO_REDIS_URL", "nonsense://")
    monkeypatch.setattr(default, "_workspace", None)
    assert tab(unbound.shell, "%hero_env s|").texts == ["show", "set"]
    assert "--coderoot" in tab(unbound.shell, "%hero_context use |").texts
    assert tab(unbound.shell, "!!git.cl|").texts == []


def test_a_damaged_record_takes_only_its_own_names(kept):
    workspace = hero.workspace()
    workspace.store.put(0, "sessions:config:notes", "{ no json")
    assert tab(kept.shell, "%hero_env get |").texts == []
    assert tab(kept.shell, "%hero_session use n|").texts == ["notes"]


def test_no_more_than_a_page_of_keys_is_read(kept, monkeypatch):
    database = hero.session().db_get()
    database.update({f"key{n:05}": n for n in range(5000)})
    asked = []
    page = Database.page

    def counted(self, columns, prefix, after, count, *, descending):
        rows = page(self, columns, prefix, after, count, descending=descending)
        asked.append((columns, prefix, len(rows)))
        return rows

    monkeypatch.setattr(Database, "page", counted)
    assert tab(kept.shell, "%hero_db get key0499|").texts == [f"key0499{n}" for n in range(10)]
    assert len(tab(kept.shell, "%hero_db get k|").texts) == names.MOST
    assert asked == [("key", "key0499", 10), ("key", "k", names.MOST)]


def test_no_more_than_a_part_of_a_large_folder_is_read(notebook, monkeypatch):
    large = notebook.folder / "large"
    large.mkdir()
    for number in range(40):
        (large / f"{number:02}.hero").touch()
    monkeypatch.setattr(names, "ENTRIES", 30)
    assert len(tab(notebook.shell, "%heroscript -f large/|").texts) == 30


# -- what is put into IPython


def test_python_goes_to_ipython_untouched(notebook):
    shell = notebook.shell
    cells = ("impor|", "x = 'a'.upp|", "prin|", "%tim|", "%%hero|\n", "import o|")
    ours = [sorted(tab(shell, one).texts) for one in cells if "hero" not in one]
    shell.run_line_magic("unload_ext", "magics")
    assert ours == [sorted(tab(shell, one).texts) for one in cells if "hero" not in one]
    assert ours[2] == ["print"]
    shell.run_line_magic("load_ext", "magics")


def test_our_part_of_a_tab_in_python_is_small(notebook):
    hooks = notebook.shell._hero_extension.hooks
    cell = "import os\n" + "value = os.path.join('a', 'b')\n" * 200 + "val"
    begin = perf_counter()
    for _ in range(1000):
        assert hooks.found(cell, len(cell)) is None
    assert (perf_counter() - begin) / 1000 < 0.0002


def test_unloading_leaves_the_methods_as_they_were(notebook):
    shell = notebook.shell

    def own():
        things = shell.Completer, shell.input_transformer_manager
        return [key for one in things for key in vars(one) if key.startswith(("comp", "check"))]

    assert sorted(own()) == ["check_complete", "complete", "completions"]
    shell.run_line_magic("unload_ext", "magics")
    assert own() == []
    assert "get" not in tab(shell, "%hero_env ge|").texts
    shell.run_line_magic("load_ext", "magics")
    assert tab(shell, "%hero_env ge|").texts == ["get"]


def test_whoever_wraps_us_keeps_working(notebook):
    shell = notebook.shell
    inner = shell.Completer.completions
    shell.Completer.completions = lambda text, offset: inner(text, offset)  # noqa: PLW0108  # a wrap
    shell.run_line_magic("unload_ext", "magics")
    assert "get" not in tab(shell, "%hero_env ge|").texts
    assert tab(shell, "prin|").texts == ["print"]
    del shell.Completer.completions
    shell.run_line_magic("load_ext", "magics")


# -- at every cursor

CELLS = (
    "!!git.clone url:'https://example.com/x' light:true // why\n    timeout:5",
    "%%heroscript --dry-run -o report\n// a comment\n!!play.echo content:'hi {WHO} ${env:WHERE}'\n",
    (
        "%%heroscript\nprose\n\n!!play.echo\n    content:'\n        a block\n"
        '        ${secret:TOKEN}\n        \'\n!!git.clone url:"x y" light\n'
        "![image](x)\n```\n!x\n```\n"
    ),
    "x = 1\nfor y in z:\n    !!session.env_set key:WHO val:'x'\n    print(y)\n%hero_env get WHO\n",
    "value = %hero_db get 'second key' -d stock\n'''\n!!git.clone u\n'''",
    "%%hero_config mail smtp --raw\nhost: !!x {a\n",
    "%hero_context use demo --session='demo_one' \"half",
    "!!git.repo_action action:commit message:'it\\'s' name:a,b , 'c d' <!-- x --> :odd 'q' #no",
    "  !!play.echo\n\tcontent:'tab'\n    é:ü 🚀",
    "!!\n!!!\n!!!!!\n!! git.clone x\n!!.x\n!!a.b.c\n",
    "%hero_env set ?\n!!git.clone?\n%%heroscript",
)


def fault(cell: str) -> str:
    """What is wrong with the parameters of the last action of a text."""
    faults = []
    heroscript.parse(cell, on_error=faults.append)
    return faults[-1].message if faults else ""


def test_at_every_cursor(kept):
    for cell in CELLS:
        at_every_cursor(kept.shell._hero_extension.hooks, cell)


def at_every_cursor(hooks, cell):
    offers, inspection = hooks._offers, hooks._inspection
    for cursor in range(len(cell) + 1):
        found = offers.at(cell, cursor)  # below what keeps errors from the user
        explained = inspection.at(cell, cursor, cursor % 2)
        assert explained is None or set(explained.bundle()) == {"text/plain", "text/markdown"}
        if found is None:
            continue
        assert 0 <= found.begin <= cursor
        for offer in found.offers:
            put = cell[: found.begin] + offer.text
            line = put.rpartition("\n")[2].lstrip()
            if "%hero" in line:
                assert words(line)
                if not words(cell[:cursor].rpartition("\n")[2])[-1:][0].quote:
                    shlex.split(line)
            elif fault(cell[:cursor]) == "":
                assert fault(put) == "", (put, cursor)
    for cursor in (-5, len(cell) + 5):
        hooks.found(cell, cursor)
        hooks.explained(cell, cursor)


def test_words_are_read_as_shlex_reads_them():
    for line in (
        "a b", "'a b' c", '"a \\" b" c', "a\\ b", "a'b c'd", "", "  x  ", "é 🚀", "--x='y z'",
        "'' \"\"", 'a"b\\c"',
    ):  # fmt: skip
        assert [word.text for word in words(line)] == shlex.split(line), line
    for text in ("a", "a b", "it's", 'a"b', "", "$x", "a\\b"):
        for quote in ("", "'", '"'):
            assert shlex.split(quoted(text, quote)) == [text]
            assert all_quoted([text, "a"], quote) == [quoted(text, quote), quoted("a", quote)]


def test_tab_from_many_threads_at_once(kept):
    """As from the threads of subshells."""
    found = []

    def press():
        found.append(tab(kept.shell, "!!git.clone u|").texts)

    threads = [Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["url:"]] * 8


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")
def test_an_odd_folder_is_listed(notebook):
    os.mkfifo(notebook.folder / "pipe")
    (notebook.folder / "dangling").symlink_to("nowhere")
    (notebook.folder / "new\nline").touch()
    (notebook.folder / ".hidden").touch()
    found = tab(notebook.shell, "%heroscript -f |").texts
    assert {"pipe", "dangling", "bin/"} <= set(found)
    assert not [one for one in found if "\n" in one or one.startswith(".")]
    assert tab(notebook.shell, "%heroscript -f .h|").texts == [".hidden"]
    assert tab(notebook.shell, "%heroscript -f nowhere/|").texts == []
