"""The shop window: what `import hero_kernel` promises."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from pathlib import Path

import pytest

import hero_kernel as hero
from hero_kernel import Context, Playbook, Session, errors
from hero_kernel.databases import Database, Databases
from hero_kernel.errors import HeroError
from hero_kernel.logs import Logger


def test_all_is_complete_and_sorted() -> None:
    """What type checkers see, what `__all__` names and what is found when asked are the same."""
    tree = ast.parse(Path(hero.__file__).read_text(encoding="utf-8"))
    typed = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hero_kernel.")
        for alias in node.names
    }
    assert {name.rpartition(".")[2] for name in typed} == set(hero.__all__)
    for name in typed:
        room, _, thing = name.rpartition(".")
        assert getattr(import_module(room), thing) is getattr(hero, thing)
    assert list(hero.__all__) == sorted(hero.__all__)
    assert set(hero.__all__) <= set(dir(hero))


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'sesion'"):
        _ = hero.sesion


@pytest.mark.parametrize("name", hero.__all__)
def test_every_public_name_is_described(name: str) -> None:
    thing = getattr(hero, name)
    assert (inspect.getdoc(thing) or "").strip()
    for key, member in vars(thing).items() if inspect.isclass(thing) else ():
        if not key.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            doc = member.fget.__doc__ if isinstance(member, property) else member.__doc__
            assert doc, f"{name}.{key}"


def test_every_error_is_a_hero_error_and_stands_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    for name, thing in vars(errors).items():
        if inspect.isclass(thing) and issubclass(thing, HeroError):
            assert name in drawn
            assert thing.__doc__


def parameters(function: object) -> dict[str, object]:
    """Names and defaults; `...` for what must be given."""
    signature = inspect.signature(function)  # type: ignore[arg-type]
    empty = inspect.Parameter.empty
    return {
        name: ... if one.default is empty else one.default
        for name, one in signature.parameters.items()
        if name != "self"
    }


SEEDS = [
    (hero.context_new, "name id coderoot interactive params exist_ok reset"),
    (hero.context_new, "secret encrypt priv_key_hex db_path"),
    (hero.context_get, "id_or_name"),
    (hero.context_select, "context"),
    (hero.context_delete, "context files db force"),
    (hero.session_new, "context name interactive start description params exist_ok reset"),
    (hero.session_new, "session context_name session_name coderoot playbook_path playbook_text"),
    (hero.session_get, "name context"),
    (Session.env_set, "key value"),
    (Session.env_get, "key default"),
    (Session.env_set_once, "key value"),
    (Session.env_delete, "key"),
    (hero.session_new, "playbook_url playbook_priorities git_pull git_reset"),
    (Session.playbook_add, "path text prio url git_url git_pull git_reset git_branch replace"),
    (Context.hero_config_set, "category name content"),
    (Context.hero_config_get, "category name"),
    (Database.get, "key default id"),
    (Database.set, "key value id"),
    (Logger.log, "log cat logtype timestamp"),
    (Logger.search, "timestamp_from timestamp_to cat log logtype maxitems ignore_case"),
    (hero.git_path, "url coderoot pull reset branch"),
    (Session.playbook_priorities_add, "prios"),
    (Session.heroscript, "show_done"),
    (Playbook.find, "filter include_done"),
    (hero.Params.get_default, "key default"),
]


@pytest.mark.parametrize(("verb", "names"), SEEDS)
def test_the_verbs_of_the_seeds_take_what_they_should(verb: object, names: str) -> None:
    assert set(names.split()) <= set(parameters(verb))


def test_defaults_of_the_seeds() -> None:
    assert parameters(Session.playbook_add)["prio"] == 99
    assert parameters(Session.playbook_add)["path"] == ""
    assert parameters(Session.playbook_add)["text"] == ""
    assert parameters(Session.heroscript)["show_done"] is False
    assert list(parameters(hero.context_new))[:2] == ["name", "id"]
    assert list(parameters(hero.session_new))[:2] == ["context", "name"]


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (Context, "id name guid path coderoot params interactive encrypt save load rename"),
        (Context, "redis db_get db_config_get dbcollection secret_set secret_get secret_configure"),
        (Context, "secret_encrypt secret_decrypt secret_check priv_key_set priv_key_get"),
        (Context, "hero_config_set hero_config_get hero_config_exists hero_config_delete"),
        (Context, "hero_config_list hero_config_load"),
        (Session, "db_get db_config_get logger error env_set_once playbook_add"),
        (Database, "get set exists delete keys ids items empty destroy encrypt decrypt"),
        (Database, "is_encrypted transaction update to_frame export load"),
        (Databases, "list exists delete get rename import_dbfs"),
        (Context, "session_new session_get session_latest sessions_list session_delete"),
        (Session, "name plbook interactive params start end context guid path close check"),
        (Session, "save load env_all params_set run heroscript rename"),
        (Playbook, "from_text from_path actions find get exists exists_once ensure_once max_once"),
        (Playbook, "ensure_processed params_get empty_check heroscript hashkey filtersort names"),
    ],
)
def test_the_nouns_of_the_seeds_have_their_members(owner: type, names: str) -> None:
    made = inspect.getsource(owner.__init__)
    for name in names.split():
        assert hasattr(owner, name) or f"self.{name} = " in made, name


def test_the_seeds_imports() -> None:
    """S0:50, S2:26-27: what herolib's modules are called."""
    from hero_kernel import base, gittools, play  # noqa: PLC0415  # as a user writes it

    assert base.context_new is hero.context_new
    assert base.session_new is play.session_new is hero.session_new
    assert gittools.path is hero.git_path
