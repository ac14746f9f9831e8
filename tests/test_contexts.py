"""Contexts: created, resumed, found, renamed and deleted, on both engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_names import HOSTILE

from hero_kernel import claims, contexts, files
from hero_kernel.claims import LOCK
from hero_kernel.contexts import KEY
from hero_kernel.errors import (
    BadNameError,
    ContextError,
    ContextExistsError,
    ContextNotFoundError,
    CorruptRecordError,
    HeroscriptError,
    StoreError,
)

if TYPE_CHECKING:
    from rooms import Place

    from hero_kernel import Workspace

FIELDS = [
    "id", "name", "params", "coderoot", "interactive", "secret", "priv_key", "db_path", "encrypt",
]  # fmt: skip


def written(fields: dict[str, object]) -> str:
    """A record as herolib writes it: cJSON_Print, tabs."""
    return json.dumps(fields, indent="\t", separators=(",", ":\t"), ensure_ascii=False)


def upstream(number: int, name: str, **more: object) -> str:
    fields = dict.fromkeys(FIELDS, "") | {"interactive": False, "encrypt": False}
    return written(fields | {"id": number, "name": name} | more)


def strictly_read(text: str) -> dict[str, object]:
    """What herolib's decoder would make of it; fails where a byte differs from its encoder's."""
    fields = json.loads(text)
    assert list(fields)[: len(FIELDS)] == FIELDS
    assert written(fields) == text
    return dict(fields)


# -- creating and resuming


def test_the_default_context_is_there_without_being_made(ws: Workspace) -> None:
    assert ws.context().guid == "0:default"
    assert ws.context_get().guid == ws.context_get(0).guid == ws.context_get("default").guid


def test_ids_are_the_lowest_free_from_1(ws: Workspace) -> None:
    assert [ws.context_new(name).id for name in ("a", "b", "c")] == [1, 2, 3]
    ws.context_delete("b")
    assert ws.context_new("d").id == 2
    assert ws.context_new("far", 7).id == 7
    assert ws.context_new("e").id == 4


def test_a_database_with_foreign_records_is_not_free(ws: Workspace) -> None:
    ws.store.put(1, "context:mail", "another program's")
    assert ws.context_new("a").id == 2


def test_the_same_again_resumes_and_updates_what_is_given(ws: Workspace) -> None:
    first = ws.context_new("a", 1, coderoot="/srv/x", params="color:red")
    again = ws.context_new("a", 1, interactive=True)
    assert again == first
    assert (again.config.coderoot, again.interactive) == ("/srv/x", True)
    assert ws.context_new(id=1) == first
    assert ws.context_new("A") == first


def test_clashes_of_id_and_name(ws: Workspace) -> None:
    ws.context_new("a", 1)
    ws.context_new("c", 3)
    for name, number in (("b", 1), ("a", 2), ("a", 3), ("c", 1)):
        with pytest.raises(ContextExistsError) as caught:
            ws.context_new(name, number)
        assert caught.value.hint
    with pytest.raises(ContextExistsError):
        ws.context_new("a", exist_ok=False)
    assert [c.guid for c in ws.contexts_list()] == ["1:a", "3:c"]


def test_id_0_and_the_name_default_belong_to_each_other(ws: Workspace) -> None:
    for name, number in (("a", 0), ("default", 4), ("", 4)):
        with pytest.raises(ContextExistsError, match="belong"):
            ws.context_new(name, number)
    assert ws.context_new("default", 0).id == 0


def test_reset_starts_over_and_keeps_sessions(ws: Workspace) -> None:
    context = ws.context_new("a", coderoot="/x", params="p:1", interactive=True)
    context.session_new("kept").env_set("K", "v")
    context = ws.context_new("a", reset=True)
    assert (context.config.coderoot, context.config.params, context.interactive) == ("", "", False)
    assert context.session_get("kept").env_get("K") == "v"


def test_params_that_do_not_parse_create_nothing(ws: Workspace) -> None:
    with pytest.raises(HeroscriptError):
        ws.context_new("a", params="x:'open")
    assert ws.contexts_list() == []


def test_ids_beyond_the_store(place: Place) -> None:
    ws = place.open()
    for number in (-1, 2**31, 10**30, True):
        with pytest.raises(ContextError):
            ws.context_new("a", number)
    if place.redis_url:
        with pytest.raises(ContextError, match="databases"):
            ws.context_new("a", 16)
        for number in range(1, 16):
            ws.context_new(f"c{number}")
        with pytest.raises(ContextError, match="taken"):
            ws.context_new("one_more")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_create_nothing(local: Place, name: str) -> None:
    ws = local.open()
    if name:
        with pytest.raises(BadNameError):
            ws.context_new(name)
        with pytest.raises((BadNameError, ContextNotFoundError)):
            ws.context_get(name)
        assert not ws.context_exists(name)
    assert local.tree() == {}
    assert local.records() == {}


# -- finding


def test_get_exists_and_list(ws: Workspace) -> None:
    ws.context_new("alpha", 2)
    ws.context_new("beta", 1)
    assert [c.guid for c in ws.contexts_list()] == ["1:beta", "2:alpha"]
    assert ws.context_get("alpha") == ws.context_get(2) == ws.context_get("2")
    assert ws.context_get(" Alpha ") == ws.context_get("alpha")
    for known in ("alpha", "Alpha", 2, "2", "default", 0):
        assert ws.context_exists(known)
    for unknown in ("gamma", 3, "3", "../x", "", -1):
        assert not ws.context_exists(unknown)
    with pytest.raises(ContextNotFoundError, match=r"did you mean alpha\?"):
        ws.context_get("alpah")
    with pytest.raises(ContextNotFoundError, match="no context with id 9"):
        ws.context_get(9)


def test_selecting(ws: Workspace) -> None:
    ws.context_new("a", 1)
    assert ws.context().id == 0
    assert ws.context_select(1) == ws.context()
    assert ws.context_select("default").id == ws.context().id == 0
    with pytest.raises(ContextNotFoundError):
        ws.context_select("b")
    assert ws.context().id == 0


def test_upstreams_records_are_read(ws: Workspace) -> None:
    ws.store.put(0, KEY, upstream(0, "default"))
    ws.store.put(1, KEY, upstream(1, "mycontext", coderoot="/srv/code", interactive=True))
    ws.store.put(
        2, KEY, upstream(2, "vault", params="color:red descr:'two words'", secret="0f" * 16)
    )
    ws.store.put(3, KEY, written({"id": 3, "name": "newstyle", "coderoot": "/srv/code3"}))
    ws.store.put(4, KEY, upstream(4, "My-Work", params='q:"x" path:/srv/é'))
    assert [c.guid for c in ws.contexts_list()] == [
        "0:default", "1:mycontext", "2:vault", "3:newstyle", "4:My-Work",
    ]  # fmt: skip
    assert ws.context_get(1).interactive
    assert dict(ws.context_get("vault").params) == {"color": "red", "descr": "two words"}
    assert ws.context_get(3).coderoot == Path("/srv/code3")
    assert ws.context_new("my_work") == ws.context_get("My-Work") == ws.context_get(4)
    assert ws.context_get(4).path.name == "My-Work"
    assert ws.context_get(4).params["path"] == "/srv/é"


def test_reading_upstreams_records_does_not_rewrite_them(ws: Workspace) -> None:
    text = written({"id": 3, "name": "newstyle", "params": "", "coderoot": "", "later": [1, None]})
    ws.store.put(3, KEY, text)
    context = ws.context_get("newstyle")
    _ = context.config, context.params, context.coderoot, context.path, ws.contexts_list()
    ws.context_new("newstyle")
    assert ws.store.get(3, KEY) == text
    context.interactive = True
    fields = strictly_read(ws.store.get(3, KEY) or "")
    assert fields["later"] == [1, None]
    assert fields["interactive"] is True


def test_our_records_are_upstreams_byte_for_byte(ws: Workspace) -> None:
    ws.context_new("mycontext", 1, coderoot="/srv/é", interactive=True)
    assert ws.store.get(1, KEY) == upstream(1, "mycontext", coderoot="/srv/é", interactive=True)
    strictly_read(ws.store.get(1, KEY) or "")


def test_two_contexts_named_default(ws: Workspace) -> None:
    ws.store.put(3, KEY, upstream(3, "default"))
    assert ws.context().id == 0
    ws.store.put(5, KEY, upstream(5, "default"))
    assert contexts.labels(ws.contexts_list()) == ["default", "default@3", "default@5"]
    assert ws.context_get("default").id == 0
    assert ws.context_get("default@3").id == 3
    assert ws.context_exists("default@5")
    assert ws.context_new("default", 3).id == 3
    assert ws.context_get("default@3").rename("other").guid == "3:other"
    assert ws.context_get("other").id == 3


def test_two_contexts_of_one_name_share_no_deletion(ws: Workspace) -> None:
    for number in (3, 4):
        ws.store.put(number, KEY, upstream(number, "twin"))
    assert ws.context_get("twin").id == 3
    with pytest.raises(ContextError, match="shares the folder"):
        ws.context_delete("twin@4", files=True)
    ws.context_delete("twin@4")
    assert ws.context_get("twin").id == 3


CORRUPT = [
    "", "{", '{"id":1', "[]", "null", "1", '"x"', '{"id":"1","name":"a"}', '{"id":1.0,"name":"a"}',
    '{"id":true,"name":"a"}', '{"id":NaN,"name":"a"}', '{"id":1,"name":"a","x":Infinity}',
    '{"id":1,"id":2,"name":"a"}', '{"name":"a"}', '{"id":-1,"name":"a"}', '\ufeff{"id":1}',
    '{"id":1,"name":7}', '{"id":1,"name":"a","interactive":"yes"}', '{"id":1,"name":"a"} x',
    '{"id":1,"name":"a","encrypt":null}', "[" * 100_000, '{"id":1,"name":"../../x"}',
    '{"id":1,"name":""}', '{"id":1,"name":"a/b"}', '{"id":1,"name":"\\u0000"}',
    '{"id":1,"name":"a","pad":"' + "x" * 9_000_000 + '"}', '{"id":' + "9" * 5000 + "}",
]  # fmt: skip


@pytest.mark.parametrize("text", CORRUPT, ids=range(len(CORRUPT)))
def test_a_corrupt_record_is_said_and_left(place: Place, text: str) -> None:
    ws = place.open()
    ws.store.put(1, KEY, text)
    ws.context_new("good", 2)
    for use in (
        lambda: ws.context_get(1),
        lambda: ws.context_new(id=1),
        lambda: ws.context_new("a", 1),
        lambda: ws.context_select("1"),
    ):
        with pytest.raises((CorruptRecordError, ContextExistsError)):
            use()
    with pytest.raises(CorruptRecordError, match=r"context:config of context 1 |context 1 is c"):
        ws.context_get(1)
    assert ws.store.get(1, KEY) == text
    assert [c.guid for c in ws.contexts_list()] == ["2:good"]
    assert ws.context_new("next").id == 3
    assert not (place.home / "context").exists()


# -- settings


def test_settings_are_kept_and_seen_by_another_kernel(place: Place) -> None:
    context = place.open().context_new("a")
    other = place.open().context_get("a")
    context.interactive = True
    context.configure(coderoot="~/elsewhere")
    assert context.params_set({"color": "red", "text": "two words"})["text"] == "two words"
    assert other.interactive
    assert other.coderoot == Path("~/elsewhere").expanduser()
    assert dict(other.params) == {"color": "red", "text": "two words"}
    assert dict(other.params_delete("color")) == {"text": "two words"}
    assert dict(context.params) == {"text": "two words"}
    context.configure()
    assert context.interactive


def test_params_that_do_not_parse_are_said_with_their_home(ws: Workspace) -> None:
    ws.store.put(1, KEY, upstream(1, "weird", params="a:1 \\ b:2"))
    context = ws.context_get("weird")
    for use in (lambda: context.params, lambda: context.params_set({"c": "3"})):
        with pytest.raises(HeroscriptError, match="params of 1:weird:1:5"):
            use()
    assert context.interactive is False
    ws.context_new("weird", params="a:1")
    assert dict(context.params) == {"a": "1"}


def test_coderoot_is_the_workspaces_unless_it_is_configured(ws: Workspace) -> None:
    context = ws.context_new("a")
    assert context.coderoot == ws.coderoot
    context.configure(coderoot="/srv/code")
    assert context.coderoot == Path("/srv/code")


def test_path_is_below_the_home_and_not_created(place: Place) -> None:
    context = place.open().context_new("a")
    assert context.path == place.home / "context" / "a"
    assert not context.path.exists()


def test_interleaved_contexts_keep_apart(place: Place) -> None:
    a, b = place.open(), place.open()
    for round_ in range(5):
        for ws, other in ((a, b), (b, a)):
            for number, name in ((0, "default"), (1, "one"), (2, "two")):
                context = ws.context_new(name)
                context.params_set({f"k{number}": f"{number}.{round_}"})
                assert other.context_get(number).params[f"k{number}"] == f"{number}.{round_}"
    for number in range(3):
        fields = strictly_read(a.store.get(number, KEY) or "")
        assert fields["id"] == number
        assert fields["params"].startswith(f"k{number}:")  # type: ignore[attr-defined]


def test_equality_and_repr(ws: Workspace) -> None:
    context = ws.context_new("a")
    assert repr(context) == "<Context 1:a>"
    assert context == ws.context_get("a")
    assert len({context, ws.context_get("a")}) == 1
    assert context != "a"


# -- deleting and renaming


def test_deleting_takes_records_and_on_request_files(place: Place) -> None:
    ws = place.open()
    context = ws.context_new("a")
    session = context.session_new("one")
    (session.path / "file").touch()
    ws.store.put(1, "context:mail", "another program's")
    (place.home / "db" / "1").mkdir(parents=True)
    ws.context_delete(context)
    assert place.records() == {(1, "context:mail"): "another program's"}
    assert (place.home / "context" / "a" / "one" / "file").exists()
    ws.store.delete(1, "context:mail")
    again = ws.context_new("a", 1)
    assert again.sessions_list() == []
    ws.context_delete("a", files=True, db=True)
    assert list((place.home / "context").iterdir()) == []
    assert list((place.home / "db").iterdir()) == []
    with pytest.raises(ContextNotFoundError, match="no longer"):
        _ = context.config
    with pytest.raises(ContextNotFoundError):
        context.save()
    with pytest.raises(ContextNotFoundError):
        context.session_new("two")


def test_the_default_context_goes_only_by_force(ws: Workspace) -> None:
    ws.context().session_new("one")
    with pytest.raises(ContextError, match="by accident"):
        ws.context_delete("default")
    ws.context_delete("default", force=True)
    assert ws.contexts_list() == []


def test_deleting_the_current_one_leaves_none_current(ws: Workspace) -> None:
    ws.context_select(ws.context_new("a"))
    ws.context_delete("a")
    assert ws.context().guid == "0:default"


def test_renaming_moves_the_folder_and_keeps_everything(place: Place) -> None:
    ws = place.open()
    context = ws.context_new("old", params="color:red")
    session = context.session_new("one")
    session.env_set("K", "v")
    (session.path / "file").write_text("x")
    elsewhere = place.open().context_get("old")
    assert context.rename("New Name").guid == "1:new_name"
    assert (place.home / "context/new_name/one/file").read_text() == "x"
    assert not (place.home / "context/old").exists()
    assert ws.context_get("new_name").session_get("one").env_get("K") == "v"
    with pytest.raises(ContextNotFoundError):
        ws.context_get("old")
    strictly_read(ws.store.get(1, KEY) or "")
    # the other kernel follows, and makes no second folder
    assert elsewhere.session_get("one").path == place.home / "context/new_name/one"
    assert elsewhere.name == "new_name"
    assert not (place.home / "context/old").exists()


def test_renaming_to_what_is_taken_changes_nothing(place: Place) -> None:
    ws = place.open()
    a, b = ws.context_new("a"), ws.context_new("b")
    before = place.records()
    for name in ("b", "B", "default"):
        with pytest.raises((ContextExistsError, ContextError)):
            a.rename(name)
    with pytest.raises(BadNameError):
        a.rename("../x")
    with pytest.raises(ContextError, match="keeps its name"):
        ws.context().rename("c")
    assert a.rename("a") is a
    ws.context_delete("default", force=True)
    assert place.records() == before
    _ = b.session_new("one").path
    ws.context_delete("b")
    with pytest.raises(ContextExistsError, match="of a context that was deleted"):
        a.rename("b")


class Killed(BaseException):
    """What the test raises where a kernel is killed."""


def test_killed_before_the_folder_moves(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = place.open()
    context = ws.context_new("old")
    (context.session_new("one").path / "file").touch()

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(files, "move", killed)
    with pytest.raises(Killed):
        context.rename("new")
    monkeypatch.undo()
    found = place.open().context_get("new")
    assert (found.path / "one" / "file").exists()
    assert not (place.home / "context/old").exists()
    assert "renamed_from" not in (ws.store.get(1, KEY) or "")


def test_killed_after_the_folder_moved(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ws = place.open()
    context = ws.context_new("old")
    _ = context.session_new("one").path
    move = files.move

    def killed(*paths: Path) -> None:
        move(*paths)
        raise Killed

    monkeypatch.setattr(files, "move", killed)
    with pytest.raises(Killed):
        context.rename("new")
    monkeypatch.undo()
    other = place.open()
    other.context_new("old").session_new("another")  # a new one of the old name keeps its folder
    assert (other.context_get("new").path / "one").exists()
    assert "renamed_from" not in (ws.store.get(1, KEY) or "")


# -- many at once


def test_many_processes_get_distinct_ids(place: Place) -> None:
    count = 1 if place.redis_url else 4  # a server has 16 databases
    code = f"for i in range({count}): print(ws.context_new(f'c{{sys.argv[1]}}_{{i}}').id)"
    printed = place.run_all(code, 8)
    ids = sorted(int(one) for lines in printed for one in lines.split())
    assert ids == list(range(1, 8 * count + 1))


def test_many_processes_that_create_one_name_get_one_context(place: Place) -> None:
    code = "for i in range(4): print(ws.context_new(f'same{i}').guid)"
    printed = place.run_all(code, 8)
    assert len(set(printed)) == 1
    assert len(place.open().contexts_list()) == 4


def test_a_dead_process_does_not_hold_the_lock(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "_DEAD_S", 0.2)
    ws = place.open()
    ws.store.put(0, LOCK, "a process that was killed")
    assert ws.context_new("a").guid == "1:a"
    assert ws.store.get(0, LOCK) is None


def test_an_error_lets_go_of_the_lock(ws: Workspace) -> None:
    with pytest.raises(ContextExistsError):
        ws.context_new("a", 0)
    assert ws.store.get(0, LOCK) is None


def test_a_hostile_link_is_not_followed(local: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    ws = local.open()
    context = ws.context_new("a")
    (local.home / "context").mkdir()
    (local.home / "context" / "a").symlink_to(outside)
    with pytest.raises(StoreError, match="leads out"):
        _ = context.session_new("one").path
    ws.context_delete("a", files=True)
    assert (outside / "kept").exists()
    assert list((local.home / "context").iterdir()) == []


def test_a_relative_code_root_does_not_wander(
    ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    context = ws.context_new("a", coderoot="code")
    assert context.config.coderoot == str(tmp_path / "code")
    context.configure(coderoot="other")
    assert context.config.coderoot == str(tmp_path / "other")
    context.configure(coderoot="~/code")
    assert context.config.coderoot == "~/code"
