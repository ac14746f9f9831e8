"""Which session a notebook is on, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hero_kernel import binding, names, times
from hero_kernel.binding import Surroundings
from hero_kernel.errors import (
    BadNameError,
    ContextError,
    HeroError,
    ProjectError,
    SessionError,
)

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Workspace
    from hero_kernel.binding import Bound


def bound(
    place: Place,
    environ: dict[str, str] | None = None,
    variables: dict[str, Any] | None = None,
    notebook: Path | None = None,
) -> Workspace:
    """A kernel in those surroundings, its session asked for."""
    workspace = place.open()
    around = Surroundings(environ or {}, variables or {}, notebook, "the front end")
    workspace.surroundings = lambda: around
    workspace.session()
    return workspace


def why(workspace: Workspace) -> tuple[str, str, str, bool]:
    assert workspace.bound
    found = workspace.bound
    return found.session.guid, found.context_why, found.session_why, found.is_new


def test_with_nothing_it_is_for_this_run_alone_in_the_default_context(local: Place) -> None:
    workspace = bound(local)
    guid, context_why, session_why, is_new = why(workspace)
    assert guid.startswith("0:default:run_2")
    assert "default context" in context_why
    assert "this run alone" in session_why
    assert is_new
    assert workspace.session() is workspace.session()
    assert workspace.selected_session is workspace.session()


def test_nothing_is_created_before_it_is_asked_for(local: Place) -> None:
    workspace = local.open()
    assert workspace.selected_session is None
    assert workspace.bound is None
    assert local.records() == {}


def test_the_environment(local: Place) -> None:
    environ = {"HERO_CONTEXT": " Demo ", "HERO_SESSION": "intro"}
    assert why(bound(local, environ)) == (
        "1:demo:intro", "HERO_CONTEXT in the environment", "HERO_SESSION in the environment", True,
    )  # fmt: skip
    assert why(bound(local, environ))[3] is False


def test_variables_come_before_the_environment(local: Place) -> None:
    environ = {"HERO_CONTEXT": "env_c", "HERO_SESSION": "env_s"}
    variables = {"hero_context": "var_c", "hero_session": "var_s"}
    assert why(bound(local, environ, variables))[:3] == (
        "1:var_c:var_s", "the variable hero_context", "the variable hero_session",
    )  # fmt: skip
    assert why(bound(local, environ, {"hero_session": "var_s"}))[0] == "2:env_c:var_s"
    assert why(bound(local, environ, {"hero_context": "", "hero_session": None}))[0] == (
        "2:env_c:env_s"
    )


def test_a_variable_that_is_no_name(local: Place) -> None:
    with pytest.raises(SessionError, match="the variable hero_context is int"):
        bound(local, variables={"hero_context": 1})
    with pytest.raises(BadNameError):
        bound(local, {"HERO_SESSION": "../../x"})
    assert local.tree() == {}


def test_the_notebooks_path_names_the_session(local: Place, tmp_path: Path) -> None:
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    notebook = tmp_path / "repo" / "lessons" / "01 Intro.ipynb"
    workspace = bound(local, notebook=notebook)
    guid, _, session_why, is_new = why(workspace)
    assert guid == "0:default:lessons_01_intro"
    assert session_why == f"the notebook {notebook}, from the front end"
    assert is_new
    workspace.session().env_set("K", "v")
    again = bound(local, notebook=notebook)  # the kernel is restarted
    assert why(again)[0] == guid
    assert not why(again)[3]
    assert again.session().env_get("K") == "v"
    assert again.session().config.notebook == str(notebook)


def test_a_named_session_comes_before_the_path(local: Place, tmp_path: Path) -> None:
    workspace = bound(local, {"HERO_SESSION": "named"}, notebook=tmp_path / "a.ipynb")
    assert workspace.session().name == "named"


def test_two_notebooks_of_one_name_have_two_sessions(local: Place, tmp_path: Path) -> None:
    first, second, third = (tmp_path / d / "intro.ipynb" for d in "abc")
    guids = [why(bound(local, notebook=n))[0] for n in (first, second, third)]
    assert guids[0] == "0:default:intro"
    assert len(set(guids)) == 3
    assert all(guid.startswith("0:default:intro_") for guid in guids[1:])
    assert [why(bound(local, notebook=n))[0] for n in (first, second, third)] == guids


def test_a_session_made_by_hand_is_taken_up(local: Place, tmp_path: Path) -> None:
    local.open().session_new(name="intro").env_set("K", "v")
    workspace = bound(local, notebook=tmp_path / "intro.ipynb")
    assert workspace.session().env_get("K") == "v"


def test_slugs(tmp_path: Path) -> None:
    root = tmp_path / "code"
    (root / "github" / "me" / "repo" / ".git").mkdir(parents=True)
    cases = {
        root / "x" / "nb.ipynb": "x_nb",  # below the code root
        root / "github/me/repo/docs/01_a.b-c.ipynb": "docs_01_a_b_c",  # below its repository
        tmp_path / "elsewhere" / "Über uns.ipynb": "ber_uns",
        tmp_path / "a.ipynb": "notebook_a",
        tmp_path / "latest.ipynb": "notebook_latest",
        tmp_path / "config.ipynb": "notebook_config",
        tmp_path / "con.ipynb": "notebook_con",
    }
    for notebook, slug in cases.items():
        assert binding.slug(notebook, root) == slug
    assert binding.slug(tmp_path / "漢字.ipynb", root).startswith("notebook_")
    assert binding.slug(tmp_path / "漢字.ipynb", root) != binding.slug(tmp_path / "字.ipynb", root)


@example("\ud800")  # no file has it; a front end may send it
@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=80))
def test_every_notebook_has_a_good_slug(name: str) -> None:
    if name in (".", ".."):
        return
    slug = binding.slug(Path("/nowhere/at/all") / f"{name}.ipynb", Path("/code"))
    assert names.canonical(slug, "session", shortest=3, dots=False) == slug
    assert len(slug) + 9 <= names.MAX_LENGTH


# -- the order


@dataclass
class World:
    """A notebook with everything that may name its context and session."""

    place: Place
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def notebook(self) -> Path:
        return self.folder / "project" / "nb" / "intro.ipynb"

    def bind(self, **more: Any) -> Bound:
        around = Surroundings(
            self.environ, self.variables, **{"notebook": self.notebook, "folder": None} | more
        )
        workspace = self.place.open()
        workspace.surroundings = lambda: around
        workspace.session()
        assert workspace.bound
        return workspace.bound

    def write(self, hero: object) -> None:
        self.notebook.write_text(json.dumps({"cells": [], "metadata": {"hero": hero}}))


@pytest.fixture
def world(local: Place, tmp_path: Path) -> World:
    world = World(local, tmp_path)
    world.notebook.parent.mkdir(parents=True)
    world.write({})
    return world


def test_each_source_in_its_turn(world: World) -> None:
    """Each one that is added comes before those that were there, and says that it was it."""
    assert world.bind().context_why.startswith("the default context")
    sources = [
        ("JUPYTERHUB_USER in the environment", lambda: world.environ.update(JUPYTERHUB_USER="ann")),
        (f"the project file {world.place.home}/hero.toml", lambda: write(
            world.place.home / "hero.toml", "context = 'users_own'\nsession = 'users_own'")),
        (f"the project file {world.folder}/hero.toml", lambda: write(
            world.folder / "hero.toml", "context = 'outer'\nsession = 'outer'")),
        (f"the project file {world.folder}/project/pyproject.toml [tool.hero]", lambda: write(
            world.folder / "project/pyproject.toml",
            "[tool.hero]\ncontext = 'inner'\nsession = 'inner'")),
        (f"metadata.hero.context of {world.notebook}", lambda: world.write(
            {"context": "document", "session": "document"})),
        ("HERO_CONTEXT in the environment", lambda: world.environ.update(
            HERO_CONTEXT="environ", HERO_SESSION="environ")),
        ("the variable hero_context", lambda: world.variables.update(
            hero_context="variable", hero_session="variable")),
    ]  # fmt: skip
    names = ["ann", "users_own", "outer", "inner", "document", "environ", "variable"]
    for (told, add), name in zip(sources, names, strict=True):
        add()
        bound = world.bind()
        assert bound.session.context.name == name
        assert bound.context_why == told
        if name != "ann":
            assert bound.session.name == name
            assert bound.session_why == told.replace("context", "session").replace(
                "HERO_CONTEXT", "HERO_SESSION"
            )
        assert bound.how == "new"
        assert world.bind().how == "resumed"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_project_file_fills_what_the_nearer_one_leaves_open(world: World) -> None:
    write(world.place.home / "hero.toml", "context = 'mine'\nsession = 'mine'\ndocs = true")
    write(world.folder / "hero.toml", "context = 'outer'")
    write(world.folder / "project" / "hero.toml", "session = 'inner'")  # hides the outer one
    bound = world.bind()
    assert (bound.session.context.name, bound.session.name, bound.docs) == ("mine", "inner", True)
    write(world.folder / "project" / "hero.toml", "docs = false")
    assert world.bind().docs is False


def test_project_files_are_found_from_the_folder_when_there_is_no_notebook(world: World) -> None:
    write(world.folder / "hero.toml", "context = 'outer'\nsession = 'outer'")
    folder = world.notebook.parent
    for notebook in (None, Path("/on/the/front/ends/machine/intro.ipynb")):
        bound = world.bind(notebook=notebook, folder=folder)
        assert bound.session.guid == "1:outer:outer"
    assert world.bind(notebook=None, folder=None).how == "ephemeral"


def test_a_broken_project_file_is_told_and_nothing_is_made(world: World) -> None:
    write(world.folder / "hero.toml", "contxt = 'x'")
    with pytest.raises(ProjectError, match="unknown key contxt; did you mean context"):
        world.bind()
    assert world.place.records() == {}


@pytest.mark.parametrize("hero", [{"context": 7, "session": ["x"]}, "text", None, {"context": ""}])
def test_metadata_that_is_anothers_is_passed_over(world: World, hero: object) -> None:
    world.write(hero)
    assert world.bind().session.guid == "0:default:intro"


def test_metadata_counts_for_a_trusted_notebook_only(world: World) -> None:
    world.write({"context": "document", "session": "document"})
    bound = world.bind(notebook=None, folder=world.notebook.parent)
    assert bound.session.context.name == "default"


def test_a_bad_name_says_where_it_stands(world: World) -> None:
    world.write({"session": "../../x"})
    with pytest.raises(BadNameError, match=r"metadata\.hero\.session of .*intro\.ipynb"):
        world.bind()
    world.environ["HERO_CONTEXT"] = "a/b"
    with pytest.raises(BadNameError, match="HERO_CONTEXT in the environment"):
        world.bind()


def test_each_student_has_a_context(world: World) -> None:
    guids = set()
    for user in ("ann", "Ann", "ann.b", "ann-b", "ann_b", "1234567", "default", "józef"):
        world.environ["JUPYTERHUB_USER"] = user
        bound = world.bind()
        assert bound.context_why == "JUPYTERHUB_USER in the environment"
        guids.add(bound.session.context.guid)
        assert world.bind().session.context.guid in guids
    assert len(guids) == 8
    assert "0:default" not in guids


def test_the_user_in_a_name(world: World) -> None:
    world.environ |= {"JUPYTERHUB_USER": "ann", "HERO_CONTEXT": "class_{user}"}
    write(world.folder / "hero.toml", "session = '{user}_work'")
    assert world.bind().session.guid == "1:class_ann:ann_work"


# -- for this run alone


def ephemeral_ones(world: World) -> list[str]:
    sessions = world.place.open().context_get().sessions_list()
    return [one.name for one in sessions if one.config.ephemeral]


@pytest.mark.parametrize(
    ("kind", "notebook", "told"),
    [
        ("batch", True, "a batch run has a session of its own"),
        ("batch", False, "a batch run has a session of its own"),
        ("console", False, "a console is no notebook"),
        ("notebook", False, "does not tell this notebook's file"),
        ("program", False, "a program has a session of its own"),
    ],
)
def test_what_no_notebook_is_known_of_has_a_session_for_this_run(
    world: World, kind: str, notebook: bool, told: str
) -> None:
    interactive = world.bind().session
    more = {} if notebook else {"notebook": None}
    names = set()
    for _ in range(3):
        bound = world.bind(kind=kind, **more)
        assert bound.how == "ephemeral"
        assert bound.session.name.startswith("run_2")
        assert bound.session.config.ephemeral
        assert told in bound.notice
        assert bound.notice.endswith("%hero_context default -s NAME")
        assert "\n" not in bound.notice
        names.add(bound.session.name)
    assert len(names) == 3
    assert sorted(names) == ephemeral_ones(world)
    assert world.bind().session.guid == interactive.guid  # nobody has touched it
    assert interactive.context.session_latest().name == interactive.name


def test_a_batch_run_resumes_a_session_that_is_named(world: World) -> None:
    world.bind().session.env_set("K", "v")
    for name in (
        lambda: world.variables.update(hero_session="intro"),
        lambda: (world.variables.clear(), world.environ.update(HERO_SESSION="intro")),
        lambda: (world.environ.clear(), write(world.folder / "hero.toml", "session = 'intro'")),
        lambda: ((world.folder / "hero.toml").unlink(), world.write({"session": "intro"})),
    ):
        name()
        bound = world.bind(
            kind="batch",
            notebook=None,
            batch_input=world.notebook,
            folder=world.notebook.parent,
        )
        assert (bound.session.name, bound.how) == ("intro", "resumed")
        assert bound.session.env_get("K") == "v"
    assert ephemeral_ones(world) == []


def test_papermills_input_is_noted_and_no_key(world: World) -> None:
    one, two = (
        world.bind(kind="batch", notebook=None, batch_input=world.notebook) for _ in range(2)
    )
    assert one.session.name != two.session.name
    assert one.session.config.notebook == str(world.notebook)
    assert world.bind().session.name == "intro"


def test_the_latest_session_is_never_one_for_a_run(world: World) -> None:
    run = world.bind(kind="batch").session
    context = run.context
    latest = context.session_latest()
    assert latest.name != run.name  # it was the only one, and another is made
    context.host.store.delete(0, "sessions:config:latest")
    assert context.session_latest().name == latest.name


def test_a_session_for_a_run_is_kept_by_giving_it_a_name(world: World) -> None:
    run = world.bind(kind="batch").session
    run.env_set("K", "v")
    run.rename("kept")
    assert not run.config.ephemeral
    assert run.context.session_latest().name == "kept"
    assert run.env_get("K") == "v"


# -- while the kernel runs


def test_a_notebook_renamed_while_the_kernel_runs_keeps_its_session(world: World) -> None:
    workspace = world.place.open()
    around = Surroundings({}, {}, world.notebook, "VS Code", machine="desk")
    workspace.surroundings = lambda: around
    session = workspace.session()
    new = world.notebook.rename(world.notebook.with_name("lesson.ipynb"))
    workspace.surroundings = lambda: replace(around, notebook=new)
    workspace.follow()
    assert workspace.session() is session
    assert workspace.bound
    assert workspace.bound.how == "renamed"
    assert f"renamed from {world.notebook} while the kernel ran" in workspace.bound.session_why
    assert session.config.notebook == str(new)
    assert bound(world.place, notebook=new).session().name == session.name


def test_a_second_notebook_on_one_kernel_does_not_take_the_session(world: World) -> None:
    workspace = world.place.open()
    around = Surroundings({}, {}, world.notebook, "VS Code")
    workspace.surroundings = lambda: around
    session = workspace.session()
    other = world.notebook.with_name("other.ipynb")
    other.write_text("{}")
    workspace.surroundings = lambda: replace(around, notebook=other)
    workspace.follow()
    assert session.config.notebook == str(world.notebook)
    assert bound(world.place, notebook=other).session().name == "other"


# -- chosen by hand


def test_a_chosen_context_and_session(local: Place) -> None:
    workspace = bound(local, {"HERO_CONTEXT": "env_c", "HERO_SESSION": "env_s"})
    other = workspace.session_new(workspace.context_new("hand"), "made")
    assert workspace.session().guid == "1:env_c:env_s"  # creating does not choose
    assert workspace.session_select(other) is other
    assert workspace.session() is other
    assert workspace.context().name == "hand"
    assert workspace.bound is None
    workspace.context_select("env_c")
    workspace.session()
    assert why(workspace)[:2] == ("1:env_c:env_s", "chosen by hand")
    assert workspace.session_select("env_s").context.name == "env_c"


def test_deleting_the_current_session_leaves_none_current(local: Place) -> None:
    workspace = bound(local, {"HERO_SESSION": "one"})
    workspace.session().env_set("K", "v")
    workspace.session_delete("one")
    assert workspace.selected_session is None
    assert workspace.session().env_all() == {}
    workspace.session_new(name="two")
    workspace.session_delete("two")
    assert workspace.selected_session is not None


def test_a_damaged_record_is_said(local: Place) -> None:
    local.open().store.put(0, "sessions:config:one", "{")
    local.open().context_get(0)
    with pytest.raises(HeroError, match="cannot be read"):
        bound(local, {"HERO_SESSION": "one"})


def test_the_clock_is_the_workspaces(local: Place) -> None:
    workspace = local.open_at(times.new("2001-02-03 04:05:06"))
    assert workspace.session().name.startswith("run_2001_02_03_04_05_06_")


def test_a_store_that_is_full_is_no_surprise(local: Place) -> None:
    with pytest.raises(ContextError):
        local.open().context_get(-1)
