"""Which session a notebook is on: who names it, when it is asked, and that it is told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import median
from time import perf_counter

import hero_kernel as hero


def why(notebook):
    """What `%hero --why` says, by its first word; the last line is the one to paste."""
    lines = notebook.run("%hero --why").said.split("\n")
    assert lines[-1].startswith("%hero_context ")
    return dict(line.split(": ", 1) for line in lines[1:-1]) | {"paste": lines[-1]}


def test_nothing_is_bound_before_it_is_used(unbound):
    unbound.ask("x = 1")
    unbound.run("!ls")
    assert hero.workspace().selected_session is None
    assert not (unbound.folder / "hero").exists()


def test_nothing_names_it(unbound):
    told = why(unbound)
    assert told["context"].startswith("the default context")
    assert told["session"].startswith("this run alone, since a console is no notebook")
    assert told["project"].startswith("no hero.toml")
    assert told["records"].endswith("hero.db")
    assert "session run_2" in (line := unbound.run("%hero").said)
    assert "(ephemeral;" in line


def test_the_environment_names_it(unbound, monkeypatch):
    monkeypatch.setenv("HERO_CONTEXT", "workshop")
    monkeypatch.setenv("HERO_SESSION", "morning")
    assert "context workshop ▸ session morning (new;" in unbound.run("%hero").said
    assert why(unbound)["context"] == "HERO_CONTEXT in the environment"
    assert why(unbound)["session"] == "HERO_SESSION in the environment"


def test_variables_come_before_the_environment(unbound, monkeypatch):
    monkeypatch.setenv("HERO_CONTEXT", "workshop")
    monkeypatch.setenv("HERO_SESSION", "morning")
    unbound.ask("hero_context = 'evening'; hero_session = 'late'")
    assert "context evening ▸ session late" in unbound.run("%hero").said
    assert why(unbound)["session"] == "the variable hero_session"


def test_a_variable_that_is_no_name_is_told(unbound):
    unbound.ask("hero_session = 7")
    assert "hero_session is int" in unbound.refused("%hero", "SessionError")
    unbound.ask("hero_session = 'seven'")
    assert "session seven" in unbound.run("%hero").said


def test_the_notebook_s_path_names_it(unbound, monkeypatch):
    (unbound.folder / "lesson.ipynb").write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(unbound.folder / "lesson.ipynb"))
    assert "session lesson (new;" in unbound.run("%hero").said
    told = why(unbound)["session"]
    assert "lesson.ipynb" in told
    assert "JPY_SESSION_NAME" in told


def test_vs_code_names_it_in_the_cell_s_id(unbound):
    cell_id = f"vscode-notebook-cell:{unbound.folder}/in_code.ipynb#W0sZmlsZQ%3D%3D"
    assert "session in_code (new;" in unbound.run("%hero", cell_id=cell_id).said
    assert "VS Code" in why(unbound)["session"]


def test_vs_code_names_it_in_a_variable_that_comes_late(unbound):
    unbound.ask("x = 1")
    unbound.shell.user_ns["__vsc_ipynb_file__"] = str(unbound.folder / "late.ipynb")
    assert "session late (new;" in unbound.run("%hero").said


def test_a_magic_names_it(notebook):
    notebook.ask("%hero_context workshop --new -s morning")
    told = why(notebook)
    assert told["context"] == "chosen by hand"
    assert told["session"] == "chosen by hand"
    assert told["paste"] == "%hero_context workshop -s morning"


def test_python_has_the_notebook_s_session(unbound, monkeypatch):
    (unbound.folder / "lesson.ipynb").write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(unbound.folder / "lesson.ipynb"))
    assert unbound.ask("import hero_kernel as hero\nhero.session().name") == "lesson"
    assert "session lesson (new;" in unbound.run("%hero").said


def test_python_s_session_is_exported_at_the_first_magic(notebook, session):
    session.env_set("FROM_PYTHON", "1")
    notebook.ask("import hero_kernel as hero; hero.session()")
    notebook.ask("%hero")
    assert os.environ["FROM_PYTHON"] == "1"


def test_a_session_selected_in_python_is_the_magics_too(notebook):
    notebook.ask("%hero_env set HERE=1")
    notebook.ask("import hero_kernel as hero\nhero.session_select(hero.session_new(name='chosen'))")
    assert "session chosen (selected;" in notebook.run("%hero").said
    assert "HERE" not in os.environ
    assert notebook.ask("%hero_session notes") is not None
    assert os.environ["HERE"] == "1"


def test_why_after_a_session_of_another_context_is_selected(notebook, monkeypatch):
    monkeypatch.setenv("HERO_CONTEXT", "named")
    assert why(notebook)["context"] == "HERO_CONTEXT in the environment"
    notebook.ask("%hero_session other")
    assert why(notebook)["context"] == "HERO_CONTEXT in the environment"
    notebook.ask(
        "import hero_kernel as hero\n"
        "_ = hero.session_select(hero.session_new(hero.context_new('far'), 'away'))"
    )
    told = why(notebook)
    assert (told["context"], told["session"]) == ("chosen by hand", "chosen by hand")
    assert told["context passed over"] == "named, from HERO_CONTEXT in the environment"


def test_creating_a_session_in_python_does_not_move_the_notebook(notebook):
    notebook.ask("%hero")
    notebook.ask("import hero_kernel as hero\nhero.session_new(name='other')")
    assert "session notes" in notebook.run("%hero").said


def test_the_same_line_twice_says_the_same(notebook):
    notebook.ask("%hero_context workshop --new -s morning")
    first = notebook.run("%hero_context workshop -s morning").said
    assert notebook.run("%hero_context workshop -s morning").said == first


def test_another_workspace_is_taken_up(notebook, tmp_path):
    notebook.ask("%hero_env set HERE=1")
    hero.open_workspace(home=tmp_path / "second")
    assert "session notes (new; 0 env" in notebook.run("%hero").said
    assert "HERE" not in os.environ
    assert Path(tmp_path / "second" / "hero.db").exists()


def test_a_folder_that_was_removed_stops_nothing(unbound, monkeypatch):
    gone = unbound.folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "context default" in unbound.run("%hero").said
    monkeypatch.chdir(unbound.folder)


def write(path, *ids, hero=None):
    cells = [{"cell_type": "code", "id": one, "source": ""} for one in ids]
    metadata = {} if hero is None else {"hero": hero}
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))
    return path


CELL = "0b31a2e4-11f2-4a8e-9d3c-0f3c1f7f0a11"


def test_the_line_to_paste_is_always_there(unbound, monkeypatch):
    monkeypatch.setenv("HERO_CONTEXT", "workshop")
    monkeypatch.setenv("HERO_SESSION", "morning")
    assert unbound.run("%hero_context").said.split("\n")[-1] == (
        "%hero_context workshop -s morning"
    )
    line = unbound.run("%hero_context").said.split("\n")[-1]
    assert "session morning (resumed;" in unbound.run(line).said
    assert "\n" not in unbound.run("%hero").said


def test_what_is_to_be_known_is_told_once(unbound):
    first = unbound.run("%%heroscript\n!!play.echo content:'x'")
    assert len(first.shown) >= 2
    line = first.shown[0]["data"]
    assert "a console is no notebook" in line["text/plain"]
    assert line["text/plain"].endswith("%hero_context default -s NAME")
    assert "a console is no notebook" in line["text/html"]
    assert len(unbound.run("%%heroscript\n!!play.echo content:'x'").bundle) >= 2
    assert "\n" not in unbound.run("%hero").said


def test_the_line_itself_tells_it_when_it_is_the_first_use(unbound):
    first = unbound.run("%hero")
    assert first.shown == []
    line, notice = first.said.split("\n")
    assert "(ephemeral;" in line
    assert "a console is no notebook" in notice
    assert "\n" not in unbound.run("%hero").said


def test_a_session_for_this_run_by_hand(notebook):
    first = notebook.run("%hero_context --ephemeral").said
    assert "context default ▸ session run_2" in first
    assert "(ephemeral;" in first
    assert notebook.run("%hero_context --ephemeral").said != first  # another one
    assert "context workshop ▸ session run_2" in (
        notebook.run("%hero_context workshop --new --ephemeral").said
    )
    assert "--ephemeral and --session" in notebook.refused("%hero_context --ephemeral -s x")
    assert "session notes" in notebook.run("%hero_context default -s notes").said


def test_a_session_for_this_run_is_kept_by_giving_it_a_name(unbound):
    unbound.ask("%hero_env set HERE=1")
    unbound.ask("%hero_session set name=kept_one")
    assert "session kept_one (kept; 1 env" in unbound.run("%hero").said
    assert not hero.session().config.ephemeral


def test_the_user_in_the_line_of_a_lesson(unbound, monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    assert "context class_ann ▸ session work_ann (new;" in (
        unbound.run("%hero_context class_{user} --new -s work_{user}").said
    )
    assert "context ann ▸ " in unbound.run("%hero_context use ann --new").said


def test_why_tells_what_did_not_decide(unbound, monkeypatch):
    (unbound.folder / "hero.toml").write_text("context = 'project'\nsession = 'ours'\n")
    path = write(unbound.folder / "lesson.ipynb", CELL, hero={"session": "document"})
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    monkeypatch.setenv("HERO_SESSION", "environ")
    monkeypatch.setenv("JUPYTERHUB_USER", "ann")
    lines = unbound.run("%hero --why").said.split("\n")
    assert lines[1:-4] == [
        f"context: the project file {unbound.folder}/hero.toml",
        "context passed over: ann, from JUPYTERHUB_USER in the environment",
        "session: HERO_SESSION in the environment",
        f"session passed over: document, from metadata.hero.session of {path}",
        f"session passed over: ours, from the project file {unbound.folder}/hero.toml",
        f"project: {unbound.folder}/hero.toml",
    ]


def test_why_after_a_choice_by_hand_tells_what_was_overruled(notebook):
    notebook.ask("%hero_context workshop --new -s morning")
    (notebook.folder / "hero.toml").write_text("contxt = 1")
    told = notebook.run("%hero --why").said
    assert "session: chosen by hand" in told
    assert "session passed over: notes, from HERO_SESSION in the environment" in told
    assert "unknown key contxt" in told  # and stops nothing


def test_why_tells_the_traps(unbound, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(unbound.folder / "gone.ipynb"))
    told = why(unbound)
    assert told["front end"].startswith("JPY_SESSION_NAME ignored: it names no file")
    assert told["session"].startswith("this run alone")


def test_why_tells_what_is_remembered(unbound, monkeypatch):
    path = write(unbound.folder / "lesson.ipynb", CELL, CELL[::-1])
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    told = why(unbound)["notebook"]
    assert told.startswith(f"{path} (")
    assert told.endswith("2 cells known)")


def test_a_broken_file_is_told_by_why_and_stops_nothing(unbound, monkeypatch):
    path = unbound.folder / "lesson.ipynb"
    path.write_text("{ half a notebo")
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert "session lesson (new;" in unbound.run("%hero").said
    lines = unbound.run("%hero --why").said.split("\n")
    assert f"notebook: {path} is not looked into: it is no notebook" in lines


def test_a_broken_project_file_is_one_clear_line(unbound):
    (unbound.folder / "hero.toml").write_text("sesion = 'x'\n")
    for line in ("%hero", "%hero_env", "%%heroscript\n!!play.echo content:'x'"):
        told = unbound.refused(line, "ProjectError")
        assert "unknown key sesion" in told
        assert "did you mean session?" in told
    (unbound.folder / "hero.toml").write_text("session = 'x01'\n")
    assert "session x01 (new;" in unbound.run("%hero").said


def test_a_renamed_and_a_copied_notebook_say_so(unbound, monkeypatch):
    path = write(unbound.folder / "lesson.ipynb", CELL)
    copy = write(unbound.folder / "copy.ipynb", CELL)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    unbound.ask("%hero_env set HERE=1")

    again(unbound, monkeypatch, copy)
    line, notice = unbound.run("%hero").said.split("\n")
    assert "session copy (copied;" in line
    assert notice == f"copied from {path}; to share its session: %hero_context default -s lesson"
    assert "session lesson (resumed; 1 env" in unbound.run(notice.partition("session: ")[2]).said

    path.unlink()
    moved = write(unbound.folder / "moved.ipynb", CELL)
    again(unbound, monkeypatch, moved)
    line, notice = unbound.run("%hero").said.split("\n")
    assert "session lesson (renamed; 1 env" in line
    assert notice == f"renamed from {path}"
    assert f"session: the notebook {moved}, from JPY_SESSION_NAME; renamed from {path}" in (
        unbound.run("%hero --why").said
    )


def again(notebook, monkeypatch, path):
    """A new kernel, for another notebook."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    hero.open_workspace()


def test_a_rename_in_vs_code_is_followed_from_cell_to_cell(unbound):
    def cell(name, number):
        return f"vscode-notebook-cell:{unbound.folder}/{name}#X{number}sZmlsZQ%3D%3D"

    path = write(unbound.folder / "one.ipynb", CELL)
    assert "session one (new;" in unbound.run("%hero", cell_id=cell("one.ipynb", 1)).said
    new = path.rename(unbound.folder / "two.ipynb")
    unbound.run("%hero_env set HERE=1", cell_id=cell("two.ipynb", 1))
    told = unbound.run("%hero --why", cell_id=cell("two.ipynb", 2)).said
    assert "renamed from" in told
    assert hero.session().name == "one"
    assert hero.session().config.notebook == str(new)


def test_no_object_among_the_variables_breaks_it(unbound):
    class Odd:
        def __eq__(self, other):
            raise ValueError

        __hash__ = None

    unbound.shell.user_ns["__vsc_ipynb_file__"] = Odd()
    unbound.ask("%hero")
    unbound.ask("%hero")


def test_switching_is_quick_and_changes_nothing(notebook):
    notebook.ask("%hero_context workshop --new -s morning")
    notebook.ask("%hero_context workshop -s evening")
    notebook.ask("%hero_env set HERE=1")
    started = hero.session().config
    taken = []
    for turn in range(20):
        line = f"%hero_context workshop -s {('morning', 'evening')[turn % 2]}"
        begin = perf_counter()
        notebook.ask(line)
        taken.append(perf_counter() - begin)
    assert median(taken) < 0.05
    assert hero.session().config == started
    assert len(hero.context_get("workshop").sessions_list()) == 2


def test_a_cell_pays_nothing_for_looking_where_it_is(notebook):
    """Whether the notebook has moved is asked at every use: a few microseconds."""
    notebook.ask("%hero")
    door = notebook.shell._hero_extension.door
    taken = []
    for _ in range(7):
        begin = perf_counter()
        for _ in range(1000):
            door._said()
        taken.append((perf_counter() - begin) / 1000)
    assert min(taken) < 20e-6, taken
