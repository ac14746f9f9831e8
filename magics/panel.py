"""`%hero_panel`: what is kept, in a panel that shows it as it is now, and changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hero_kernel.actors.builtin.db import database
from hero_kernel.errors import UsageError
from magics.arguments import Command, Verb, offers
from magics.panels import views
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
        """Show a panel: context, session, env, db, config, secrets, log, playbook, or all."""
        session = self.door.session()
        if given.name or given.database:
            return Panels((self._of_database(session, given),))
        kinds = views.KINDS if given.kind == "all" else (given.kind,)
        return Panels(tuple(views.named(self.door, kind) for kind in kinds))

    def _of_database(self, session: Session, given: Namespace) -> View:
        if given.kind != "db" or (given.name and given.database):
            raise UsageError(
                f"{given.name or given.database} is no part of panel {given.kind}",
                hint="a database has one: %hero_panel db NAME",
            )
        from magics.panels import db  # noqa: PLC0415  # as views load theirs

        name = database(session, given.name or given.database).name
        return db.View(self.door, name=name)


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
    parser.add_argument(
        "name", nargs="?", default="", metavar="DB", help="after db; default: the session's own"
    )
    parser.add_argument("-d", "--database", default="", metavar="DB", help="the same")
