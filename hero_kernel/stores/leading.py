"""The leader's side of a group commit: others' changes in one's own transaction; see `group`."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hero_kernel.errors import HeroError
from hero_kernel.stores.faults import BusyError
from hero_kernel.stores.group import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hero_kernel.stores.faults import Faults
    from hero_kernel.stores.group import Offer, Queue
    from hero_kernel.stores.kept import Connection

_HANDED = struct.Struct("=Qq")
"""A token and an answer, as the table `handed` has them."""

_HANDED_TABLE = "CREATE TABLE IF NOT EXISTS handed (one INTEGER PRIMARY KEY, answers BLOB)"


@dataclass
class Group:
    """The changes of others in a transaction, and what they are told when it is committed.

    Attributes:
        queue: Where they wait.
        offers: What they have handed over.
        answers: What became of each.
        has_made_table: Whether the file had no place for answers until now.
    """

    queue: Queue
    offers: list[Offer] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    has_made_table: bool = False

    def tell(self) -> None:
        """Tell each its answer."""
        with suppress(OSError, ValueError):
            answers = list(zip(self.offers, self.answers, strict=True))
            self.queue.tell(answers, crowd=len(answers) + 1)

    def fail(self, *, will_try_again: bool) -> None:
        """Have them wait on, or go on alone: they look themselves whether it was committed."""
        if will_try_again:
            with suppress(OSError, ValueError):
                self.queue.release(self.offers)
                self.queue.tell([], crowd=1)
        else:
            self.answers = [ALONE] * len(self.offers)
            self.tell()

    def news(self) -> list[tuple[bytes, bool]]:
        """The changes that were made, and whether each has changed anything."""
        pairs = zip(self.offers, self.answers, strict=True)
        return [(offer.change, answer > 0) for offer, answer in pairs if answer != ALONE]


def led(
    connection: Connection,
    queue: Queue,
    take: Callable[[Iterator[bytes]], Iterator[int]],
    faults: Faults,
) -> Group | None:
    """Make the changes of those who wait, in the open transaction; None when nobody does.

    Raises:
        OSError: The queue cannot be used.
        ValueError: The same.
        BusyError: It is to be tried again.
    """
    offers = queue.gather()
    if offers is None:
        return None
    group = Group(queue)
    try:
        group.answers.extend(take(_changes(connection, group, offers, faults)))
        answers = zip(group.offers, group.answers, strict=True)
        made = [_HANDED.pack(one.token, answer) for one, answer in answers if answer != ALONE]
        if made:
            group.has_made_table = _keep(connection, b"".join(made), faults)
    except BusyError:
        group.fail(will_try_again=True)
        raise
    except (HeroError, sqlite3.Error, OSError, ValueError) as error:
        group.fail(will_try_again=False)  # whoever is to blame, this one tries alone, too
        raise BusyError from error
    except BaseException:
        group.fail(will_try_again=False)
        raise
    return group


def _changes(
    connection: Connection, group: Group, offers: Iterator[Offer], faults: Faults
) -> Iterator[bytes]:
    """The changes to be made, as they come; an offer of one that is made already is told."""
    known: dict[int, int] | None = None
    for offer in offers:
        known = handed(connection, faults) if known is None else known
        if offer.token in known:
            group.queue.tell([(offer, known[offer.token])])
        else:
            group.offers.append(offer)
            yield offer.change


def made_already(connection: Connection, asked: Queue, faults: Faults) -> int | None:
    """The answer to what was asked, if a leader has committed it."""
    answer = asked.answer()
    if answer in (None, ALONE):
        answer = handed(connection, faults).get(asked.token)
    return answer


def handed(connection: Connection, faults: Faults) -> dict[int, int]:
    """The answers of the last group that was committed, by the tokens of its changes."""
    try:
        rows = connection.execute("SELECT answers FROM handed").fetchall()
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # there is no such table yet
            return {}
        raise faults.explanation(error) from None
    answers = rows[0][0] if rows else b""
    if not isinstance(answers, bytes) or len(answers) % _HANDED.size:
        return {}
    return dict(_HANDED.iter_unpack(answers))


def _keep(connection: Connection, answers: bytes, faults: Faults) -> bool:
    """Write the answers, with what they are told about; whether a table was made for them."""
    statement = "REPLACE INTO handed VALUES (1, ?)"
    try:
        connection.execute(statement, (answers,)).fetchall()
    except sqlite3.OperationalError:  # one that was made before there were groups
        try:
            connection.execute(_HANDED_TABLE).fetchall()
            connection.execute(statement, (answers,)).fetchall()
        except sqlite3.Error as error:
            raise faults.explanation(error) from None
        return True
    return False
