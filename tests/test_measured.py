"""The page of figures in the README: made of what a run wrote, and of nothing else."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from typing import TYPE_CHECKING

import pytest
from benchmarks import page, table
from benchmarks.machine import PACKAGES, facts
from benchmarks.measuring import OURS, Figure, Goal

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = {
    "date": "2026-01-31",
    "processor": "A Processor",
    "cores": "2",
    "memory": "16777216 kB",
    "load": "9.9 9.9 9.9",
    "system": "Linux 6.1",
    "python": "CPython 3.13.1",
    "sqlite": "3.45.0",
    "append and fdatasync": "208 µs",
    "hero-kernel": "0.1.0",
    "redis": "8.1.0",
}


def ran(*figures: Figure, quick: bool = False, **missing: str) -> dict:
    """What a run of these wrote, as a file has it."""
    return json.loads(json.dumps(table.as_data(MACHINE, figures, missing, quick=quick)))


def figure(
    work: str, samples: dict, *goals: Goal, unit: str = "s", room: str = "logs", note=""
) -> Figure:
    return Figure(room, work, unit, samples, goals, note)


def rows(*figures: Figure, **missing: str) -> list[list[str]]:
    """The rows of the first table."""
    made = table.page(table.summary(ran(*figures, **missing)))
    lines = made.partition("| area |")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.split(" | ")] for line in lines[2:]]


def row(*cells: str) -> list[str]:
    return [f"| {cells[0]}".strip(), *cells[1:-1], f"{cells[-1]} |"]


# What stands in the README


def test_the_readme_has_the_page_of_what_is_kept() -> None:
    kept = json.loads(page.MEASURED.read_bytes())
    readme = page.README.read_text(encoding="utf-8")
    assert page.replaced(readme, table.page(kept)) == readme
    assert (
        readme.index("## Measured") < readme.index(page.BEGIN) < readme.index("## For developers")
    )


def test_the_readme_says_how_to_measure() -> None:
    section = page.README.read_text(encoding="utf-8").partition("## Measured")[2]
    section = section.partition(page.BEGIN)[0]
    assert "\n    pytest -m benchmark tests/benchmarks\n" in section
    assert "tests/benchmarks/page.py" in section
    assert (page.HERE / "page.py").is_file()


def test_what_is_kept_says_nothing_about_whose_machine_it_is() -> None:
    kept = page.MEASURED.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|tmp|work|Users|usr)/", kept)
    assert set(json.loads(kept)["machine"]) <= {*facts(), *MACHINE, *PACKAGES}


# Rows


def test_a_goal_that_is_met_has_a_row() -> None:
    fast = figure("a line", {OURS: [1e-6, 2e-6], "peer": [6e-6, 12e-6]}, Goal("peer", faster=5))
    assert rows(fast) == [
        row("logs", "a line", "1.5 µs", "peer 9 µs", "6 x as fast", "≥ 5 x", "yes")
    ]
    assert "Not reached" not in table.page(table.summary(ran(fast)))


def test_a_goal_that_is_not_met_says_why() -> None:
    slow = figure(
        "a line", {OURS: [2.0], "peer": [1.0]}, Goal("peer", at_most=1.5, why="two locks"),
        note="of 20",
    )  # fmt: skip
    made = table.page(table.summary(ran(slow)))
    assert rows(slow) == [
        row("logs", "a line (of 20)", "2 s", "peer 1 s", "2 x", "≤ 1.5 x", "**no**")
    ]
    assert "\n0 of 1 goals are met.\n" in made
    assert (
        "\nNot reached:\n\n- logs, a line (of 20), against peer: 2 x, not ≤ 1.5 x: two locks.\n"
        in (f"{made}\n")
    )


def test_what_is_missed_by_little_does_not_look_met() -> None:
    near = figure("a line", {OURS: [1.0], "peer": [1.996]}, Goal("peer", faster=2))
    assert rows(near)[0][4:] == ["1.996 x as fast", "≥ 2 x", "**no** |"]


def test_goals_in_a_unit_of_their_own() -> None:
    alone = [
        figure("start", {OURS: [0.025]}, Goal(at_most=0.040)),
        figure("growth: it", {OURS: [1.2]}, Goal(at_most=1.05), unit="exponent"),
        figure("idle", {OURS: [0.3]}, Goal(at_most=0.5), unit="%"),
        figure("memory", {OURS: [600], "json": [1024]}, Goal("json", at_most=0.9), unit="B"),
        figure("smaller", {OURS: [512], "json": [1024]}, Goal("json", faster=2), unit="B"),
        figure("other", {OURS: [1.0], "lazy": [2.0]}, Goal(at_most=3, of="lazy")),
    ]
    assert rows(*alone) == [
        row("logs", "start", "25 ms", "-", "-", "≤ 40 ms", "yes"),
        row("", "growth: it", "1.2", "-", "-", "≤ 1.05", "**no**"),
        row("", "idle", "0.3 %", "-", "-", "≤ 0.5 %", "yes"),
        row("", "memory", "600 B", "json 1 KiB", "0.586 x", "≤ 0.9 x", "yes"),
        row("", "smaller", "512 B", "json 1 KiB", "2 x less", "≥ 2 x", "yes"),
        row("", "other, lazy", "2 s", "-", "-", "≤ 3 s", "yes"),
    ]


def test_an_area_and_a_work_are_said_once() -> None:
    two = figure(
        "a line", {OURS: [1], "a": [3], "b": [4]}, Goal("a", faster=2), Goal("b", faster=2)
    )
    more = figure("a page", {OURS: [1]}, Goal(at_most=1))
    cells = figure("a line", {OURS: [1]}, Goal(at_most=1), room="cells")
    assert [one[:2] for one in rows(two, more, cells)] == [
        ["| cells", "a line"],
        ["| logs", "a line"],
        ["|", ""],
        ["|", "a page"],
    ]


def test_other_figures_are_folded() -> None:
    one = figure("a line", {OURS: [1], "a": [3], "limit": [0.5]}, Goal("a", faster=2))
    two = figure("a look", {OURS: [1]})
    made = table.page(table.summary(ran(one, two)))
    assert [line[1][:4] for line in rows(one, two)] == ["a li"]
    folded = made.partition("<details>\n<summary>Figures without a goal</summary>\n\n")[2]
    assert folded.splitlines()[2:] == [
        "| logs | a line | 1 s | limit 500 ms | 2 x |",
        "|  | a look | 1 s | - | - |",
        "",
        "</details>",
    ]


def test_who_was_missing_is_named() -> None:
    made = table.page(table.summary(ran(figure("x", {OURS: [1]}), lark="not installed")))
    assert "\nLeft out: lark (not installed).\n" in made


def test_nothing_in_a_name_is_markup() -> None:
    odd = figure("<b>a|b</b>\n*c*", {OURS: [1], "x_`y`": [2]}, Goal("x_`y`", faster=1))
    made = table.page(table.summary(ran(odd)))
    assert "| &lt;b&gt;a\\|b&lt;/b&gt; \\*c\\* | 1 s | x\\_\\`y\\` 2 s |" in made


def test_the_machine_is_one_line() -> None:
    made = table.page(table.summary(ran(figure("x", {OURS: [1]}))))
    assert made.splitlines()[0] == (
        "Measured on 2026-01-31: A Processor, 2 cores, 16 GiB of memory, Linux 6.1, "
        "CPython 3.13.1, SQLite 3.45.0, an append with fdatasync in 208 µs, redis 8.1.0."
    )


# Runs


def test_runs_are_joined_and_the_later_figure_holds() -> None:
    first = ran(figure("a", {OURS: [1]}), figure("b", {OURS: [2]}), lark="gone")
    second = ran(figure("b", {OURS: [3]}), figure("c", {OURS: [4]}, room="cells"))
    second["machine"] = {"cores": "9"}
    joined = table.summary(first, second)
    assert [(one["work"], one["sides"][OURS]["median"]) for one in joined["figures"]] == [
        ("c", 4),
        ("a", 1),
        ("b", 3),
    ]
    assert joined["machine"] == {"cores": "9"}
    assert joined["missing"] == {"lark": "gone"}


def test_what_is_kept_is_short() -> None:
    run = ran(figure("a", {OURS: [1.0, 4.0, 2.0], "p": [2.0, 4.0, 8.0]}))
    assert table.summary(run)["figures"] == [
        {
            "room": "logs",
            "work": "a",
            "unit": "s",
            "note": "",
            "goals": [],
            "sides": {
                OURS: {"median": 2, "least": 1, "most": 4},
                "p": {"median": 4, "least": 2, "most": 8, "ours": 0.5},
            },
        }
    ]


# The command


@pytest.fixture
def readme(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(f"# It\n\n{page.BEGIN}\n\nold\n\n{page.END}\n\n## More\n", encoding="utf-8")
    return path


def written(path: Path, data: object) -> str:
    path.write_text(json.dumps(data), encoding="utf-8")
    return str(path)


def test_the_command_writes_both(tmp_path: Path, readme: Path, capsys) -> None:
    run = ran(figure("a", {OURS: [1]}, Goal(at_most=1)))
    file, kept = written(tmp_path / "run.json", run), tmp_path / "measured.json"
    assert page.main([file], readme=readme, measured=kept) == 0
    assert capsys.readouterr().out == "1 figures are in README.md and measured.json\n"
    told = json.loads(kept.read_bytes())
    assert told == table.summary(run)
    text = readme.read_text(encoding="utf-8")
    assert text == f"# It\n\n{page.BEGIN}\n\n{table.page(told)}\n\n{page.END}\n\n## More\n"
    assert page.main([file], readme=readme, measured=kept) == 0
    assert readme.read_text(encoding="utf-8") == text


def test_what_is_wrong_is_one_line_and_changes_nothing(
    tmp_path: Path, readme: Path, capsys
) -> None:
    before, kept = readme.read_bytes(), tmp_path / "measured.json"
    run = ran(figure("a", {OURS: [1]}))
    quick = {**deepcopy(run), "quick": True}
    good = written(tmp_path / "good.json", run)
    wrong = {
        written(tmp_path / "quick.json", quick): "a quick run has no figures for a page",
        written(tmp_path / "other.json", {"quick": False}): "KeyError",
        written(tmp_path / "list.json", []): "TypeError",
        str(tmp_path / "absent.json"): "No such file",
        str(readme): "JSONDecodeError",
    }
    for file, said in wrong.items():
        assert page.main([good, file], readme=readme, measured=kept) == 1
        out = capsys.readouterr().out
        assert said in out
        assert out.count("\n") == 1
    assert page.main([], readme=readme, measured=kept) == 2
    assert capsys.readouterr().out.startswith("usage: page.py FILE...")
    readme.write_text("no marks", encoding="utf-8")
    assert page.main([good], readme=readme, measured=kept) == 1
    assert "has not one" in capsys.readouterr().out
    readme.write_bytes(before)
    assert not kept.exists()
