"""Config files as a user writes, reads, lists and deletes them."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from config_files.places import USER, config_files

from hero_kernel.errors import (
    BadNameError,
    ChangedError,
    ConfigError,
    CorruptConfigError,
    HeroConfigNotFoundError,
    HeroError,
    StoreError,
    ValueTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config_files.places import Here

    from hero_kernel.config_files import ConfigFiles


def tree(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_the_example_of_the_documentation(configs: ConfigFiles, tmp_path: Path) -> None:
    path = configs.set("category", "name", "content")
    assert path == tmp_path / "hero/context/my/category__name.yaml"
    assert path.read_bytes() == b"content"
    assert configs.get("category", "name") == "content"


def test_a_file_comes_back_as_it_was_written(configs: ConfigFiles) -> None:
    assert not configs.exists("mail", "default")
    configs.set("mail", "default", "server: a\n\n# more\n")
    assert configs.exists("mail", "default")
    assert configs.get("mail", "default") == "server: a\n\n# more"
    configs.set("mail", "default", "!!git.clone url:'x'")
    assert configs.get("mail", "default") == "!!git.clone url:'x'"


def test_a_foreign_file_is_given_byte_for_byte(here: Here) -> None:
    here.plant("\ufeffa:\t1\r\nb: ü\r~ {HOME}\u2028".encode())
    assert here.configs.get("a", "b") == "\ufeffa:\t1\r\nb: ü\r~ {HOME}\u2028"


def test_deleting_says_whether_it_was_there(configs: ConfigFiles) -> None:
    assert not configs.delete("a", "b")
    configs.set("a", "b", "")
    assert configs.delete("a", "b")
    assert not configs.delete("a", "b")
    assert not configs.exists("a", "b")


def test_reading_makes_no_folder(configs: ConfigFiles, tmp_path: Path) -> None:
    configs.exists("a", "b")
    configs.delete("a", "b")
    configs.list()
    configs.kids()
    configs.reseal()
    configs.import_hero()
    for read in (configs.get, configs.load, configs.seal):
        with pytest.raises(HeroConfigNotFoundError, match=r"no config file .*a__b.yaml"):
            read("a", "b")
    assert tree(tmp_path) == []


def test_a_missing_file_hints_at_the_near_one(configs: ConfigFiles) -> None:
    configs.set("mail", "default", "x")
    with pytest.raises(HeroConfigNotFoundError, match="did you mean mail__default"):
        configs.get("mail", "defualt")


def test_the_list_is_by_category(here: Here) -> None:
    configs = here.configs
    for category, name in (("b", "x"), ("a", "y"), ("a", "x__z"), ("a", "x")):
        configs.set(category, name, "same name elsewhere")
    here.plant(b"", "", "no_category")
    here.plant(b"", "c_", "d")
    (here.folder / "notes.yaml").touch()
    (here.folder / "d__folder.yaml").mkdir()
    (here.folder / "d__link.yaml").symlink_to("a__x.yaml")
    assert configs.list() == [("a", "x"), ("a", "x__z"), ("a", "y"), ("b", "x")]
    assert configs.list("b") == [("b", "x")]
    assert configs.list("c") == []


BAD = [
    "", ".", "..", "../../etc", "/etc/passwd", "a/b", "a\\b", "a\x00b", "a\nb", "a\n", "a ", " a",
    "-rf", ".hidden", "_a", "a.", "con", "CON", "nul.txt", "lpt1", "a" * 64, "a" * 300, "~",
    "~root", "a*", "a?", "a:b", "\xe9", "\u0430", "a\u200bb", "a\u202eb", "\uff41", "a\u0301",
    "a.tmp", "a.YAML", "a.db", "{HOME}", "$HOME", "$(touch x)", "\u0661", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_name_is_refused_and_makes_nothing(
    configs: ConfigFiles, tmp_path: Path, bad: str
) -> None:
    for category, name in ((bad, "name"), ("category", bad)):
        for ask in (configs.path, configs.get, configs.load, configs.exists, configs.delete):
            with pytest.raises(BadNameError):
                ask(category, name)
        with pytest.raises(BadNameError):
            configs.set(category, name, "x")
        with pytest.raises(BadNameError):
            configs.set_data(category, name, {})
        with pytest.raises(BadNameError):
            configs.seal(category, name, "x")
    with pytest.raises(BadNameError):
        configs.list(bad)
    with pytest.raises(BadNameError):
        configs.import_hero(bad)
    assert tree(tmp_path) == []


def test_two_files_never_share_a_path(configs: ConfigFiles) -> None:
    """`a__b` with `c` and `a` with `b__c` would be one file; so would `a_`, `b` and `a`, `_b`."""
    for category in ("a__b", "a_"):
        with pytest.raises(BadNameError, match="stands between"):
            configs.set(category, "c", "x")
    configs.set("a", "b__c", "x")
    assert configs.list() == [("a", "b__c")]


def test_case_is_kept_and_two_files_do_not_differ_in_it_alone(configs: ConfigFiles) -> None:
    configs.set("Mail", "Default", "x")
    assert configs.list() == [("Mail", "Default")]
    with pytest.raises(BadNameError, match=r"there is Mail__Default.yaml"):
        configs.set("mail", "default", "y")
    configs.set("Mail", "Default", "z")
    assert configs.get("Mail", "Default") == "z"


def test_names_that_records_reserve_are_free_here(configs: ConfigFiles) -> None:
    for name in ("config", "latest", "keyring", "v1.2-rc_3", "console", "a" * 63):
        configs.set(name, name, name)
        assert configs.get(name, name) == name


def test_what_is_no_text_is_refused(configs: ConfigFiles, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a dict, not a text"):
        configs.set("a", "b", {"c": 1})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"character 1 .* surrogate"):
        configs.set("a", "b", "x\ud800")
    assert tree(tmp_path) == []


def test_a_text_that_is_too_large_is_not_begun(configs: ConfigFiles, here: Here) -> None:
    configs.set("a", "b", "old")
    with pytest.raises(ValueTooLargeError, match="larger than 16 MiB"):
        configs.set("a", "b", "x" * (16 * 2**20 + 1))
    assert configs.get("a", "b") == "old"
    here.plant(b"x" * (16 * 2**20 + 1))
    with pytest.raises(CorruptConfigError, match="larger than 16 MiB"):
        configs.get("a", "b")


MAIL = (
    "\n        # mail settings\n        server: smtp.example.org\n        store: ~/mail\n"
    "        cache: {HOME}/cache\n        \tnested:\ttabbed\n"
    "        not_expanded: $HOME ${HOME2} %USERPROFILE%\n    "
)
MAIL_WRITTEN = (
    "\n# mail settings\nserver: smtp.example.org\nstore: /home/hero/mail\n"
    "cache: /home/hero/cache\n    nested:    tabbed\n"
    "not_expanded: $HOME ${HOME2} %USERPROFILE%\n"
)


UPSTREAM = [
    (MAIL, MAIL_WRITTEN),
    ("\n  a\n    b\n  c\n", "\na\n  b\nc"),
    ("\ta\tb\n\t\tc", "a    b\n    c"),
    ("x\n y\n", "x\n y"),
    ("", ""),
    ("one", "one"),
    ("~/x", "/home/hero/x"),
    ("{HOME}/x", "/home/hero/x"),
    ("a~b", "a/home/herob"),
    ("$HOME/x", "$HOME/x"),
    ("${HOME}/x", "$/home/hero/x"),
    ("{home}/x", "{home}/x"),
    ("a\r\n  b\rc", "a\n  b\nc"),
    ("  a\n \t \n  b\n\n", "a\n\nb\n"),
]


@pytest.mark.parametrize(("given", "written"), UPSTREAM)
def test_herolib_vectors_byte_for_byte(configs: ConfigFiles, given: str, written: str) -> None:
    path = configs.set("mail", "default", given, expand="upstream")
    assert path.read_bytes().decode() == written


def test_a_shell_differs_from_herolib_in_three_things_only(configs: ConfigFiles) -> None:
    differing = []
    for given, written in UPSTREAM:
        if configs.set("a", "b", given).read_bytes().decode() != written:
            differing.append(given)
    assert differing == [MAIL, "a~b", "$HOME/x", "${HOME}/x"]
    configs.set("mail", "default", MAIL)
    assert configs.get("mail", "default") == MAIL_WRITTEN.replace("$HOME", "/home/hero")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("~", "H"),
        ("~/x", "H/x"),
        ("a: ~/x\n~/y", "a: H/x\nH/y"),
        ("PATH=~/a:~/b,~/c", "PATH=H/a:H/b,H/c"),
        ("'~/x' \"~\"", "'H/x' \"H\""),
        ("a: ~\n", "a: H"),
        ("a~b ~b b~ a/~/b ~~ \\~/x [~/x]", ""),
        ("$HOME/x ${HOME}/x {HOME}/x", "H/x H/x H/x"),
        ("$HOMER ${HOMER} {HOMER} $HOME2 $HOME_ {home} $home", ""),
        ("$PATH ${EVIL} $(id) `id` %HOME% $HERO_SECRET", ""),
    ],
)  # fmt: skip
def test_expansion_as_a_shell_does_it(
    configs: ConfigFiles, given: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIL", "../../x")
    monkeypatch.setenv("HERO_SECRET", "canary")
    configs.set("a", "b", given)
    assert configs.get("a", "b") == (re.sub(r"\bH\b", str(USER), written) or given)


def test_expansion_happens_once(tmp_path: Path) -> None:
    home = Path("/h/{HOME}/~/$HOME/\\1")
    configs = config_files(tmp_path, home=home)
    configs.set("a", "b", "~/x {HOME}")
    assert configs.get("a", "b") == f"{home}/x {home}"


def test_without_expansion_the_text_is_written_as_it_is(configs: ConfigFiles) -> None:
    text = "  ~/x:\t{HOME}\r\n"
    configs.set("a", "b", text, expand=False)
    assert configs.get("a", "b") == text


def test_an_unknown_expansion_is_refused(configs: ConfigFiles) -> None:
    with pytest.raises(ConfigError, match="it is 'shell', 'upstream' or False"):
        configs.set("a", "b", "x", expand="bash")  # type: ignore[arg-type]


@pytest.fixture(params=[0, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield int(request.param)
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_files_and_folders_are_private_under_any_umask(configs: ConfigFiles) -> None:
    path = configs.set("a", "b", "x")
    path.chmod(0o644)
    configs.set("a", "b", "y")
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, *list(path.parents)[:3])]
    assert modes == [0o600, 0o700, 0o700, 0o700]


def test_the_old_layout_is_imported_once_and_left_alone(here: Here) -> None:
    configs = here.configs
    for path, content in {
        "mail/default.hero": b"server: ~/x\n",
        "mail/taken.hero": b"new",
        "mail/notes.txt": b"",
        "mail/bad name.hero": b"",
        "db/main.hero": b"!!db.open",
        "a__b/c.hero": b"",
    }.items():
        file = here.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (here.folder / "mail/link.hero").symlink_to("/etc/passwd")
    (here.folder / "out").symlink_to("/etc")
    configs.set("mail", "taken", "old")
    before = tree(here.folder / "mail")
    done = configs.import_hero("mail")
    assert done.imported == (("mail", "default"),)
    reasons = {path.name: why for path, why in done.skipped}
    assert set(reasons) == {"bad name.hero", "link.hero", "taken.hero"}
    assert "already" in reasons["taken.hero"]
    assert configs.get("mail", "default") == "server: ~/x\n"
    assert configs.import_hero(overwrite=True).imported == (
        ("db", "main"), ("mail", "default"), ("mail", "taken"),
    )  # fmt: skip
    assert configs.get("mail", "taken") == "new"
    assert tree(here.folder / "mail") == before


def test_every_error_is_ours(here: Here) -> None:
    (here.folder / "a__b.yaml").mkdir(parents=True)
    os.mkfifo(here.folder / "a__pipe.yaml")
    for name in ("b", "pipe"):
        for ask in (here.configs.get, here.configs.load):
            with pytest.raises(HeroError):
                ask("a", name)
    with pytest.raises(StoreError):
        here.configs.set("a", "b", "x")
    assert [path.name for path in here.folder.iterdir() if path.name.startswith(".")] == []


def test_a_change_that_says_what_it_is_based_on(configs: ConfigFiles) -> None:
    configs.set("app", "mail", "a: 1", was=None)
    with pytest.raises(ChangedError, match=r"app__mail\.yaml was made meanwhile"):
        configs.set("app", "mail", "a: 2", was=None)
    configs.set("app", "mail", "a: 2", was="a: 1")
    for change in (
        lambda: configs.set("app", "mail", "a: 3", was="a: 1"),
        lambda: configs.delete("app", "mail", was="a: 1"),
    ):
        with pytest.raises(ChangedError, match="was changed meanwhile"):
            change()
    assert configs.get("app", "mail") == "a: 2"
    assert configs.delete("app", "mail", was="a: 2")
    assert not configs.delete("app", "mail", was="a: 2")
    with pytest.raises(ChangedError, match="was deleted meanwhile"):
        configs.set("app", "mail", "a: 3", was="a: 2")
    assert configs.list() == []


def test_a_listing_with_sizes_and_times(configs: ConfigFiles) -> None:
    assert configs.listing() == []
    configs.set("b", "two", "1234")
    configs.set("a", "one", "12")
    (configs.folder / "readme.txt").write_text("not ours")
    (configs.folder / "a__link.yaml").symlink_to(configs.path("a", "one"))
    first, second = configs.listing()
    assert (first.category, first.name, first.size) == ("a", "one", 2)
    assert (second.category, second.name, second.size) == ("b", "two", 4)
    assert first.changed_ns == configs.path("a", "one").stat().st_mtime_ns
