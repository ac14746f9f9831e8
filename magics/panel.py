"""`%hero_panel`: what is kept, in a panel that shows it as it is now, and changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magics.arguments import Command, Verb, offers
from magics.panels import views
from magics.panels.display import Panels

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from magics.doorway import Door


class PanelVerbs:
    """What `%hero_panel` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    def show(self, given: Namespace) -> Panels:
        """Show a panel: context, session, env, db, config, secrets, log, playbook, or all."""
        self.door.session()
        kinds = views.KINDS if given.kind == "all" else (given.kind,)
        return Panels(tuple(views.named(self.door, kind) for kind in kinds))


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
    kind = parser.add_argument("kind", nargs="?", default="all", metavar="PANEL")
    offers(kind, "", "all", *views.KINDS)
