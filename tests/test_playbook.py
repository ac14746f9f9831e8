"""Playbooks: found by name, put in order."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from hero_kernel import Playbook, heroscript
from hero_kernel.errors import HeroscriptError, PlaybookError, SourceError
from hero_kernel.heroscript import Action

BOOK = """
//first
!!core.user people
!!circle aaa
!!person.delete cid:1
!!person.define name:x
!!my_actor.do_it x:2
!person.define name:y
!!git.clone url:z
"""


def names(actions: list[Action]) -> list[str]:
    return [action.full_name for action in actions]


def numbers(actions: list[Action]) -> list[int]:
    return [action.id for action in actions]


@pytest.mark.parametrize(
    ("filter", "ids"),
    [
        ("", [1, 2]),  # no dot: the actor core; an empty part: any
        ("*", [1, 2]),
        ("*.*", [1, 2, 3, 4, 5, 6, 7]),
        (".", [1, 2, 3, 4, 5, 6, 7]),
        ("person.*", [3, 4, 6]),
        ("person:*", [3, 4, 6]),
        ("person.", [3, 4, 6]),
        (".define", [4, 6]),
        ("*.define", [4, 6]),
        ("x.y.define", []),
        ("person.y.define", [4, 6]),  # before the first dot, after the last
        ("circle", [2]),
        ("core.circle", [2]),
        ("PERSON.Define", [4, 6]),
        ("person.def*", [4, 6]),
        ("p?rson.de?ete", [3]),
        ("person.de[lx]ete", [3]),
        ("person.de[^l]*", [4, 6]),
        ("[^p]*.*", [1, 2, 5, 7]),
        ("Person.D*", []),  # globs are byte for byte
        ("person.[a-z]*", []),  # without ranges
        ("git.clone,person.delete", [3, 7]),  # document order, whatever the filter's
        (" git.clone , person.delete ,", [3, 7]),
        (",person.delete", [3]),  # an empty item says nothing
        ("person.*,*.define,.", [1, 2, 3, 4, 5, 6, 7]),  # each once
        ("my-actor.do_it", []),  # filters are compared as they are
        ("my_actor.do_it", [5]),
        ("nothing.*", []),
        ("person.[", []),
    ],
)
def test_find(filter: str, ids: list[int]) -> None:
    assert numbers(Playbook.from_text(BOOK).find(filter)) == ids


def test_find_without_a_filter_finds_everything_not_done() -> None:
    book = Playbook.from_text(BOOK)
    book.actions[0].done = True
    assert numbers(book.find()) == [2, 3, 4, 5, 6, 7]
    assert numbers(book.find(include_done=True)) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(book.find("", include_done=True)) == [1, 2]


def test_exists_once_max_once_get() -> None:
    book = Playbook.from_text(BOOK)
    assert book.exists("person.*")
    assert not book.exists("nobody.*")
    assert book.exists_once("git.*")
    assert not book.exists_once("person.*")
    assert book.max_once("git.*")
    assert not book.max_once("nobody.*")
    assert book.get("git.*").full_name == "git.clone"
    assert book.ensure_once("git.*").full_name == "git.clone"


def test_errors_of_get_say_which_and_where() -> None:
    book = Playbook.from_text(BOOK, name="cell")
    with pytest.raises(PlaybookError, match=r"person.delete \(cell:5:1\), person.define"):
        book.get("person.*")
    with pytest.raises(PlaybookError, match=r"no action matches .*; did you mean git.clone\?"):
        book.get("git.clnoe")
    with pytest.raises(PlaybookError, match="match 'person"):
        book.max_once("person.*")


def test_ensure_processed_and_empty_check_name_what_is_left() -> None:
    book = Playbook.from_text("!!a.b\n!!c.d", name="cell")
    book.actions[0].done = True
    book.ensure_processed("a.*")
    with pytest.raises(PlaybookError, match=r"not done yet: c.d \(cell:2:1\)"):
        book.ensure_processed("c.*")
    with pytest.raises(PlaybookError, match=r"not done yet: c.d \(cell:2:1\)"):
        book.empty_check()
    book.actions[1].done = True
    book.empty_check()


def test_a_long_list_of_what_is_left_is_cut() -> None:
    book = Playbook.from_text("!!a.b\n" * 1000)
    with pytest.raises(PlaybookError, match="and 990 more"):
        book.empty_check()


def test_params_get_merges_and_the_later_wins() -> None:
    book = Playbook.from_text("!!a.b x:1 y:1\n!!a.c y:2 z:3\n!!d.e x:9")
    assert dict(book.params_get("a.*")) == {"x": "1", "y": "2", "z": "3"}


def test_unmatched_is_99_and_numbers_have_no_upper_limit() -> None:
    book = Playbook.from_text("!!a.b\n!!c.d\n!!e.f\n!!g.h")
    book.priorities_add({100: "a.*", 50: "c.*", 5000: "e.*"})
    assert names(book.actions_sorted()) == ["c.d", "g.h", "a.b", "e.f"]


def test_lower_first_then_script_order_and_the_first_filter_given_wins() -> None:
    book = Playbook.from_text("!!a.x\n!!b.x\n!!a.y\n!!b.y")
    book.priorities_add({10: "b.*"})
    book.priorities_add({5: "a.y, b.*"})  # b.* was given before and keeps its number
    assert names(book.actions_sorted()) == ["a.y", "b.x", "b.y", "a.x"]
    book.priorities_add({1: ",, "})
    assert names(book.actions_sorted()) == ["a.y", "b.x", "b.y", "a.x"]


def test_the_lowest_matching_number_counts() -> None:
    book = Playbook.from_text("!!a.x\n!!a.y")
    book.priorities_add({20: "a.*", 30: "a.x"})
    assert names(book.actions_sorted()) == ["a.x", "a.y"]
    book.priorities_add({10: "a.y"})
    assert names(book.actions_sorted()) == ["a.y", "a.x"]


def test_prio_of_an_addition_orders_it() -> None:
    book = Playbook.from_text("!!a.a")
    book.add("!!b.b", prio=1)
    book.add("!!c.c", prio=1)
    assert names(book.actions_sorted()) == ["b.b", "c.c", "a.a"]
    assert names(list(book.actions)) == ["a.a", "b.b", "c.c"]


def test_filtersort_works_again_and_again() -> None:
    """Row 30: upstream's second call returned nothing."""
    book = Playbook.from_text("!!a.x\n!!b.x")
    assert names(book.filtersort({1: "b.*"})) == ["b.x", "a.x"]
    assert names(book.filtersort({1: "b.*"})) == ["b.x", "a.x"]
    book.add("!!b.y")
    assert names(book.filtersort({1: "b.*"})) == ["b.x", "b.y", "a.x"]
    assert [action.priority for action in book.actions] == [99, 1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda book: book.priorities_add({-1: "a.*"}),
        lambda book: book.filtersort({-1: "a.*"}),
        lambda book: book.add("!!a.b", prio=-1),
    ],
)
def test_a_negative_priority_is_refused(wrong: object) -> None:
    with pytest.raises(PlaybookError, match="negative"):
        wrong(Playbook())  # type: ignore[operator]


def test_ids_never_come_twice_and_order_is_stable() -> None:
    book = Playbook()
    for number in range(20):
        book.add(f"!!a.n{number}\n!!b.n{number}")
    assert numbers(list(book.actions)) == list(range(1, 41))
    first = book.actions_sorted()
    assert first == book.actions_sorted() == list(book.actions)


def test_adding_after_an_action() -> None:
    book = Playbook.from_text("!!a.a\n!!z.z")
    book.add("!!b.b\n!!c.c", after=book.actions[0])
    assert names(list(book.actions)) == ["a.a", "b.b", "c.c", "z.z"]
    with pytest.raises(PlaybookError, match="not in this playbook"):
        book.add("!!d.d", after=Action("a.a"))


def test_a_fault_adds_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.hero").write_text("!!a.b")
    book = Playbook()
    with pytest.raises(HeroscriptError):
        book.add("!!a.b 'x", path=tmp_path / "good.hero")
    with pytest.raises(SourceError):
        book.add("!!a.b", path=tmp_path / "missing")
    assert len(book) == 0


def test_from_path_reads_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "b.hero").write_text("!!b.b")
    (tmp_path / "a.md").write_text("# Words\n\n!!a.a\n")
    assert names(list(Playbook.from_path(tmp_path).actions)) == ["a.a", "b.b"]
    (action,) = Playbook.from_path(str(tmp_path / "b.hero")).actions
    assert str(action.place) == f"{tmp_path / 'b.hero'}:1:1"


def test_lazy_finds_actions_and_tells_faults_later() -> None:
    book = Playbook.from_text("!!a.b x:1\n!!c.d x:'open", lazy=True)
    assert names(book.find("a.*")) == ["a.b"]
    with pytest.raises(HeroscriptError):
        _ = book.actions[1].params


def test_heroscript_is_in_order_and_can_be_read_again() -> None:
    book = Playbook.from_text(BOOK)
    book.priorities_add({1: "git.*"})
    again = Playbook.from_text(book.heroscript())
    assert list(again.actions) == book.actions_sorted()
    assert "//" in book.heroscript()  # row 25: comments are written


def test_done_actions_are_shown_on_request() -> None:
    book = Playbook.from_text("!!a.b x:1\n!!c.d")
    book.actions[0].done = True
    assert "a.b" not in book.heroscript()
    assert "a.b" in book.heroscript(show_done=True)


def test_hashkey_is_of_what_is_said() -> None:
    book = Playbook.from_text("!!a.b x:1 y:2\n!!c.d")
    assert len(book.hashkey()) == 40
    same = Playbook.from_text("//note\n!!a.b y:2 x:1\n!!c.d")
    same.actions[0].done = True
    same.priorities_add({1: "c.*"})
    assert same.hashkey() == book.hashkey()
    assert Playbook.from_text("!!c.d\n!!a.b x:1 y:2").hashkey() != book.hashkey()


def test_a_copy_shares_actions_and_nothing_else() -> None:
    book = Playbook.from_text("!!a.b\n!!c.d")
    book.priorities_add({1: "c.*"})
    twin = book.copy()
    twin.add("!!e.f")
    twin.priorities_add({0: "e.*"})
    assert names(book.actions_sorted()) == ["c.d", "a.b"]
    assert names(twin.actions_sorted()) == ["e.f", "c.d", "a.b"]
    assert twin.actions[0] is book.actions[0]


def test_the_version_rises_with_every_change() -> None:
    book = Playbook()
    seen = [book.version]
    for change in (
        lambda: book.add("!!a.b"),
        lambda: book.priorities_add({1: "a.*"}),
        lambda: book.filtersort({1: "a.*"}),
    ):
        change()
        seen.append(book.version)
    assert seen == sorted(set(seen))


def test_sorting_ten_thousand_is_quick() -> None:
    book = Playbook.from_text("\n".join(f"!!a{n % 50}.b x:{n}" for n in range(10_000)))
    book.priorities_add({n: f"a{n}.*,b{n}.[^x]*" for n in range(50)})
    began = time.perf_counter()
    book.actions_sorted()
    assert time.perf_counter() - began < 0.5


def test_repr() -> None:
    assert repr(Playbook.from_text("!!a.b")) == "<Playbook of 1 actions, 0 done>"


CORPUS = os.environ.get("HERO_CORPUS", "")
VECTORS = Path(CORPUS) / "vectors_extra.jsonl"


def vectors(kind: str) -> list[dict[str, object]]:
    lines = VECTORS.read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["kind"] == kind]


@pytest.mark.skipif(not CORPUS, reason="HERO_CORPUS names no folder with herolib's vectors")
class TestUpstream:
    """What herolib itself answered.

    Ours differs in five named ways: an unmatched action has 99 and not 50, numbers above 49 are
    no error and numbers below 0 are one, a second filtersort gives an order, and an empty item
    between commas says nothing.
    """

    def book(self) -> Playbook:
        return Playbook.from_text(str(vectors("book")[0]["text"]))

    def test_find(self) -> None:
        found = vectors("find")
        assert len(found) > 50
        for one in found:
            filter = str(one["filter"])
            if any(not item.strip() for item in filter.split(",")) and "," in filter:
                continue  # an empty item is "any action of core" upstream, and nothing here
            assert numbers(self.book().find(filter)) == one["ids"], filter

    def test_find_done(self) -> None:
        for one in vectors("find_done"):
            book = self.book()
            for action in book.actions:
                action.done = action.id in one["done"]  # type: ignore[operator]
            filter = str(one["filter"])
            assert numbers(book.find(filter)) == one["ids"]
            assert numbers(book.find(filter, include_done=True)) == one["ids_include_done"]

    def test_filtersort(self) -> None:
        for one in vectors("filtersort"):
            priorities = {int(k): v for k, v in one["priorities"].items()}  # type: ignore[attr-defined]
            if one["error"] is not None:
                assert max(priorities) > 49
                self.book().filtersort(priorities)
                continue
            if any(not i.strip() for f in priorities.values() for i in f.split(",")):
                continue
            if min(priorities, default=0) < 0:
                with pytest.raises(PlaybookError):
                    self.book().filtersort(priorities)
                continue
            ordered = self.book().filtersort(priorities)
            wanted = [(i, 99 if p == 50 else p) for i, p in one["order"]]  # type: ignore[attr-defined]
            assert [(a.id, a.priority) for a in ordered] == wanted, one

    def test_replace(self) -> None:
        for one in vectors("replace"):
            found = heroscript.replace_names(str(one["value"]), one["env"])  # type: ignore[arg-type]
            assert found == one["result"], one


def test_an_action_is_taken_out_and_put_back() -> None:
    book = Playbook.from_text("!!a.a\n!!a.b\n!!a.c")
    second = book.actions[1]
    second.priority = 5
    version = book.version
    removed = book.remove(second)
    assert names(book.find()) == ["a.a", "a.c"]
    assert book.version > version
    with pytest.raises(PlaybookError, match="is not in this playbook"):
        book.remove(second)
    book.put_back(removed)
    assert names(book.find()) == ["a.a", "a.b", "a.c"]
    assert second.priority == 5
    assert second.id == 4  # a number is not given twice
    first = book.remove(book.actions[0])
    book.put_back(first)
    assert names(book.find()) == ["a.a", "a.b", "a.c"]
    with book.carried_out(), pytest.raises(PlaybookError, match="is being carried out"):
        book.remove(second)
