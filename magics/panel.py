"""`%hero_panel`: what is kept, in a panel that shows it as it is now, and changes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hero_kernel.errors import UsageError
from magics.arguments import Command, Verb, offers
from magics.panels import display, views
from magics.panels.display import Panels

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.doorway import Door


class PanelVerbs:
    """What `%hero_panel` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Panels:
        """Show what is kept, in a panel: one kind after the other, or all of them in tabs.

        A panel shows it as it is now, and changes it: what another notebook or a command changes
        appears by itself. What the notebook's file keeps is tables, which need no kernel to be
        read. Where nobody looks, as in nbconvert and papermill, tables are all there is; `--live`
        and `--static` say otherwise, and HERO_PANELS=live or =static for every panel.
        """
        how = display.decided(given.how, os.environ)
        self._refuse_unseen(given.how)
        self.door.session()
        kinds = [kind for kind in given.kinds if kind != "all"]
        if len(kinds) < len(given.kinds) or not kinds:
            kinds = [*kinds, *views.KINDS]
        return Panels(tuple(views.named(self.door, kind) for kind in dict.fromkeys(kinds)), how)

    def _refuse_unseen(self, how: str) -> None:
        if how != "live":
            return
        if not hasattr(self.door.shell, "kernel"):
            raise UsageError("a terminal shows no panel", hint="leave out --live")
        if self.door.docs:
            raise UsageError("docs mode shows no panel", hint="%hero_context --no-docs ends it")


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
    offers(kinds, "", "all", *views.KINDS)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--live", dest="how", action="store_const", const="live", help="a widget")
    how.add_argument(
        "--static", dest="how", action="store_const", const="static", help="tables alone"
    )
    parser.set_defaults(how="")
