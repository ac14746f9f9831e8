"""`%hero_panel`: what is kept, in a panel that shows it as it is now, and changes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hero_kernel.actors.builtin.db import database
from hero_kernel.errors import UsageError
from magics.arguments import Command, Verb, offers
from magics.panels import display, views
from magics.panels.display import Panels

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Session
    from magics.doorway import Door
    from magics.panels.view import View


class PanelVerbs:
    """What `%hero_panel` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Panels:
        """Show what is kept, in a panel: one kind after the other, or all of them in tabs.

        A panel shows it as it is now, and changes it: what another notebook or a command changes
        appears by itself. What the notebook's file keeps is tables, which need no kernel to be
        read. Where nobody looks, as in nbconvert and papermill, tables are all there is; `--live`
        and `--static` say otherwise, and HERO_PANELS=live or =static for every panel. `db NAME`
        is another database of the context than the session's own.
        """
        how = display.decided(given.how, os.environ)
        self._refuse_unseen(given.how)
        session = self.door.session()
        words = given.kinds or ["all"]
        if given.database:
            at = words.index("db") + 1 if "db" in words else 0
            words = [*words[:at], given.database, *words[at:]] if at else ["db", given.database]
        shown: dict[str, View] = {}
        for before, word in zip(["", *words], words, strict=False):
            if word == "all":
                found = [views.named(self.door, kind) for kind in views.KINDS]
            elif before == "db" and word not in views.KINDS:
                shown.pop("db", None)
                found = [_of_database(self.door, session, word)]
            else:
                found = [views.named(self.door, word)]
            shown |= {view.key: view for view in found}
        return Panels(tuple(shown.values()), how)

    def _refuse_unseen(self, how: str) -> None:
        if how != "live":
            return
        if not hasattr(self.door.shell, "kernel"):
            raise UsageError("a terminal shows no panel", hint="leave out --live")
        if self.door.docs:
            raise UsageError("docs mode shows no panel", hint="%hero_context --no-docs ends it")


def _of_database(door: Door, session: Session, name: str) -> View:
    from magics.panels import db  # noqa: PLC0415  # as views load theirs

    view = db.View(door, name=database(session, name).name)
    view.key = f"db {name}"
    return view


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = PanelVerbs(door)
    return Command(
        "%hero_panel",
        "what is kept, in a panel",
        {"show": Verb(verbs.show, _show_arguments)},
        otherwise="show",
    )


def _show_arguments(parser: ArgumentParser) -> None:
    kinds = parser.add_argument(
        "kinds", nargs="*", metavar="PANEL", help=f"all, or one of {', '.join(views.KINDS)}"
    )
    offers(kinds, "database", "all", *views.KINDS)
    parser.add_argument("-d", "--database", default="", metavar="DB", help="with db: which")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--live", dest="how", action="store_const", const="live", help="a widget")
    how.add_argument(
        "--static", dest="how", action="store_const", const="static", help="tables alone"
    )
    parser.set_defaults(how="")
