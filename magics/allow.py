"""`%hero allow`: which playbooks of others may run, and what waits to be read and allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel import allowed, fetched, git, sources
from hero_kernel.errors import HeroError
from magics.arguments import offers
from magics.display import Line, Table

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from hero_kernel.allowed import Foreign
    from magics.doorway import Door

LINES = 3
"""Of each file that waits, so many are shown."""

FILES = 10
"""Of each playbook that waits, so many files are shown; the rest are counted."""


class AllowVerbs:
    """What `%hero` does about playbooks of others, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    @property
    def _home(self) -> Path:
        return self.door.workspace.home

    def allow(self, given: Namespace) -> Table | Line:
        """Let what was refused run: exactly that, at that commit. Alone: show what waits."""
        if not given.what:
            return self._waiting()
        what = self.door.workspace.allow(given.what)
        return Line(
            f"{what} may run",
            (
                "another commit, or another text, is refused again",
                f"to take it back: %hero revoke {_short(what)}",
            ),
        )

    def revoke(self, given: Namespace) -> Line:
        """Take allowances back: one, or all of an address."""
        found = fetched.revoke(self._home, given.what)
        if not found:
            return Line(f"nothing called {given.what} was allowed")
        return Line(f"{', '.join(map(str, found))} may not run any more")

    def deny(self, given: Namespace) -> Line:
        """Let nothing of a repository run, whatever was allowed or will be asked."""
        origin = self.door.workspace.deny(given.origin)
        return Line(f"nothing of {origin} may run", (f"to take it back: %hero undeny {origin}",))

    def undeny(self, given: Namespace) -> Line:
        """Take a denial back; that allows nothing yet."""
        was = fetched.undeny(self._home, given.origin)
        return Line(f"{given.origin} {'is not denied any more' if was else 'was not denied'}")

    def _waiting(self) -> Table:
        """What was refused, as it would run; then what is allowed and denied."""
        rows = []
        for what in allowed.pending(self._home):
            rows += self._files(what)
        rows += [
            ("allowed", f"%hero revoke {_short(what)}", str(what), "", "")
            for what in allowed.allowed(self._home)
        ]
        rows += [
            ("denied", f"%hero undeny {origin}", origin, "", "")
            for origin in allowed.denied(self._home)
        ]
        return Table(
            ("", "to change it", "from", "file", "begins with"),
            tuple(rows),
            title="playbooks of others",
            note="" if rows else "nothing was refused, and nothing is allowed or denied",
        )

    def _files(self, what: Foreign) -> list[tuple[str, str, str, str, str]]:
        """The rows of a playbook that waits: a file each, where it lies, and its first lines."""
        workspace = self.door.workspace
        contexts = [workspace.context(), *workspace.contexts_list()]
        inside = git.address(what.origin, local=True).folder
        folders = dict.fromkeys(context.coderoot / inside for context in contexts)
        came, way = f"{what.origin}@{what.commit[:12]}", f"%hero allow {_short(what)}"
        for folder in folders:
            texts = _texts(what, folder)
            if texts is not None:
                break
        else:
            gone = "it is not there as it was refused: run the playbook again"
            return [("waits", way, came, ", ".join(what.names[:FILES]), gone)]
        rows = [
            ("waits", way, came, str(folder / name), "\n".join(text.strip().split("\n")[:LINES]))
            for name, text in texts[:FILES]
        ]
        left = len(texts) - FILES
        return rows + ([("waits", way, came, f"… {left} more", "")] if left > 0 else [])


def _texts(what: Foreign, folder: Path) -> list[tuple[str, str]] | None:
    """What would run, by its names; None when the clone has other texts now, or is gone."""
    try:
        found = [(name, text.text) for name in what.names for text in sources.read(folder / name)]
    except HeroError:
        return None
    is_same = allowed.foreign(what.origin, what.commit, found).digest == what.digest
    return found if is_same else None


def _short(what: Foreign) -> str:
    return what.digest[: allowed.SHORT]


def whatever_argument(parser: ArgumentParser) -> None:
    """Add `WHAT`, which may be left out."""
    what = parser.add_argument(
        "what", nargs="?", default="", metavar="WHAT", help="what the refusal said, or an address"
    )
    offers(what, "waiting")


def what_argument(parser: ArgumentParser) -> None:
    """Add `WHAT`."""
    what = parser.add_argument(
        "what", metavar="WHAT", help="as for allow, or an address: all of its"
    )
    offers(what, "allowed")


def origin_argument(parser: ArgumentParser) -> None:
    """Add `ORIGIN`."""
    parser.add_argument("origin", metavar="ORIGIN", help="a repository's address")


def denied_argument(parser: ArgumentParser) -> None:
    """Add `ORIGIN`, of one that is denied."""
    offers(parser.add_argument("origin", metavar="ORIGIN", help="as for deny"), "denied")
