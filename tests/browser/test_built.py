"""What is built of the front ends' part belongs to its sources.

The record is what is checked everywhere: it needs no Node, and a source or an output that was
changed alone does not fit it. That the builder makes the same of the same sources again is seen
where its packages are installed.
"""

from __future__ import annotations

import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2] / "magics" / "labextension"

SOURCES = (
    "package.json", "package-lock.json", "panels", "schema", "src", "style", "tsconfig.json",
    "tsconfig.panels.json",
)  # fmt: skip

OUTPUTS = ("built", "../panels/static")

RECORD = "built.sha256"


def record(project: Path) -> list[str]:
    """The lines of the record as they should be; `record.mjs` writes the same."""
    found = []
    for name in (*SOURCES, *OUTPUTS):
        place = project / name
        files = [place] if place.is_file() else [one for one in place.rglob("*") if one.is_file()]
        found += [(name + one.as_posix().removeprefix(place.as_posix()), one) for one in files]
    return [f"{sha256(one.read_bytes()).hexdigest()}  {name}" for name, one in sorted(found)]


def written(project: Path) -> list[str]:
    return (project / RECORD).read_text(encoding="utf-8").splitlines()


def test_what_is_built_belongs_to_its_sources():
    assert record(PROJECT) == written(PROJECT), "run: npm run build"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project, without the builder."""
    project = tmp_path / "labextension"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("node_modules", "lib"))
    shutil.copytree(PROJECT.parent / "panels" / "static", tmp_path / "panels" / "static")
    return project


@pytest.mark.parametrize(
    "change", ["src/cells.ts", "panels/link.ts", "built/package.json", "../panels/static/panel.js"]
)
def test_a_changed_byte_is_found(copy, change):
    assert record(copy) == written(copy)
    with (copy / change).open("ab") as file:
        file.write(b" ")
    assert record(copy) != written(copy)


def test_a_new_file_is_found(copy):
    (copy / "src" / "new.ts").write_text("")
    assert record(copy) != written(copy)


@pytest.mark.thorough
@pytest.mark.skipif(
    not ((PROJECT / "node_modules").is_dir() and shutil.which("node")),
    reason="the builder is not installed: npm ci in magics/labextension",
)
def test_the_builder_makes_the_same_again(copy):
    (copy / "node_modules").symlink_to(PROJECT / "node_modules")
    for name in ("extension", "panels"):
        done = subprocess.run(
            ["npm", "run", f"build:{name}"], cwd=copy, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def chunks(project: Path) -> dict[str, bytes]:
        """Our code as it is built; in other files are names of places on the disk."""
        static = project.parent / "panels" / "static"
        built = [*(project / "built").rglob("*.js"), *static.iterdir()]
        texts = {one.name: one.read_bytes() for one in built}
        ours = {name: text for name, text in texts.items() if b"hero-jupyter:cells" in text}
        return ours | {name: text for name, text in texts.items() if name.startswith("panel.")}

    assert len(chunks(copy)) == 3
    assert chunks(copy) == chunks(PROJECT)
