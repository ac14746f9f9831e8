"""`hero-kernel install`: kernels in the launcher, for this Python, or for one context."""

from __future__ import annotations

import json
import sys

from kernel.driving import Kernel


def test_a_kernel_for_a_context(hk):
    hk("contexts", "new", "Shop", "-s", "till")
    said = hk("install", "-c", "shop", "-s", "till", "--env", "A=two words").out
    folder = hk.folder / "data" / "kernels" / "hero-shop"
    assert said == f"the kernel hero-shop is in {folder}\n"
    spec = json.loads((folder / "kernel.json").read_text())
    assert spec["argv"][0] == sys.executable
    assert spec["display_name"] == "Hero (shop)"
    assert spec["env"] == {"A": "two words", "HERO_CONTEXT": "shop", "HERO_SESSION": "till"}
    assert (folder / "logo-svg.svg").is_file()


def test_its_notebooks_are_in_the_context(hk, monkeypatch):
    hk("install", "-c", "shop", "-s", "till", "--display-name", "Till", "--name", "till")
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(hk.folder / "data"))
    with Kernel(hk.folder, name="till") as kernel:
        assert "context shop ▸ session till" in kernel.ask("%hero")


def test_below_a_prefix(hk):
    hk("install", "--prefix", str(hk.folder / "env"))
    folder = hk.folder / "env" / "share" / "jupyter" / "kernels" / "hero"
    spec = json.loads((folder / "kernel.json").read_text())
    assert spec["display_name"] == "Hero"
    assert "env" not in spec
    assert (
        hk("install", "--prefix", str(hk.folder / "env"), "--json")
        .json["line"]
        .endswith(str(folder))
    )


def test_what_is_not_written(hk):
    said = hk.refused("install", "--name", "x", "--env", "HERO_SECRET_TOKEN=abcdef")
    assert "abcdef" not in said
    assert "HERO_SECRET_FILE" in said
    hk("install", "--name", "x", "--env", "HERO_SECRET_FILE=/run/secret")
    for name in ("../x", "a b", "..", "ä"):
        assert "cannot be named" in hk.refused("install", "--name", name, status=1)
    assert "--name" in hk.refused("install", "--env", "A=1")
    there = sorted(one.name for one in (hk.folder / "data" / "kernels").iterdir())
    assert there == ["x"]
