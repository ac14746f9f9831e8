"""Puts what benchmarks measured into the README: `page.py FILE...`, each written by a run.

Several files are joined; a figure of a later one replaces the same of an earlier one. What the page
is made of is kept in `measured.json`, and a test holds the two together.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks import table  # noqa: E402 - found through the path above

README = HERE.parents[1] / "README.md"
MEASURED = HERE / "measured.json"

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"


def replaced(readme: str, section: str) -> str:
    """The README with that between the marks.

    Raises:
        ValueError: A mark is not there, or twice.
    """
    if (
        readme.count(BEGIN) != 1
        or readme.count(END) != 1
        or readme.index(BEGIN) > readme.index(END)
    ):
        raise ValueError(f"the README has not one {BEGIN} before one {END}")
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{section}\n\n{END}{rest.partition(END)[2]}"


def main(arguments: list[str], *, readme: Path = README, measured: Path = MEASURED) -> int:
    """The exit code; nothing is written when something is wrong."""
    if not arguments:
        print("usage: page.py FILE...; a file is what `pytest --figures FILE` wrote")
        return 2
    try:
        data = table.summary(*(json.loads(Path(one).read_bytes()) for one in arguments))
        text = replaced(readme.read_text(encoding="utf-8"), table.page(data))
    except (OSError, ValueError, LookupError, TypeError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    measured.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    readme.write_text(text, encoding="utf-8")
    print(f"{len(data['figures'])} figures are in {readme.name} and {measured.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
