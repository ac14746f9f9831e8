"""Which session a notebook is on, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero_kernel import binding, names, times
from hero_kernel.binding import Surroundings
from hero_kernel.errors import BadNameError, ContextError, HeroError, SessionError

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Workspace


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


@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=80))
def test_every_notebook_has_a_good_slug(name: str) -> None:
    if name in (".", ".."):
        return
    slug = binding.slug(Path("/nowhere/at/all") / f"{name}.ipynb", Path("/code"))
    assert names.canonical(slug, "session", shortest=3, dots=False) == slug
    assert len(slug) + 9 <= names.MAX_LENGTH


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
