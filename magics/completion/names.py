"""Names: what is kept in the workspace and may be typed, looked up without making anything.

Nothing is bound, created, unlocked or asked for: what is not there yet has no names.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from hero_kernel import Params, allowed
from hero_kernel.secrets import DATABASE
from hero_kernel.sessions import database, names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hero_kernel import Context, Session, Workspace

    Given: TypeAlias = "Mapping[str, str]"

T = TypeVar("T")

MOST = 1000
"""Names that are offered at once, and keys that are read of a database."""

ENTRIES = 5000
"""Entries of a folder that are looked at."""

RUNS = 50
"""Kept runs that are offered: the newest."""

PATIENCE_S = 0.5
"""How long a look-up is waited for: a store that is away takes seconds to say so."""


class Names:
    """Looks names up by their kind, for one shell.

    Args:
        workspace: Gives the workspace; a HeroError of it means that there is none.
        helped: Gives what `%hero_help` explains.
    """

    def __init__(self, workspace: Callable[[], Workspace], helped: Callable[[], list[str]]) -> None:
        self.workspace = workspace
        self.helped = helped
        self._late: Thread | None = None

    def of(self, kind: str, prefix: str, given: Given) -> list[str]:
        """The names of a kind that begin with a text, as many as are offered.

        Args:
            kind: One of `KINDS`; another has no names.
            prefix: What is typed already.
            given: Names that stand on the line, by kind: the database whose keys are asked for;
                and its options, `--shared`.
        """
        look = KINDS.get(kind)
        if look is None:
            return []
        found: list[str] = []
        found = self.within(lambda: self._found(look, prefix, given), found)
        return list(dict.fromkeys(found))

    def _found(self, look: Look, prefix: str, given: Given) -> list[str]:
        found = look(self, prefix, given)
        return list(islice((name for name in found if name.startswith(prefix)), MOST))

    def within(self, look: Callable[[], T], otherwise: T) -> T:
        """What a look-up finds; the other when it fails, or takes too long.

        It is done in a thread, which cannot be stopped: until a late one has ended, its store
        being away, nothing is looked up any more.
        """
        if self._late is not None and self._late.is_alive():
            return otherwise
        found: list[T] = []

        def work() -> None:
            with suppress(Exception):  # whatever is wrong with it, a magic tells it
                found.append(look())

        thread = Thread(target=work, name="hero names", daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        self._late = thread if thread.is_alive() else None
        return found[0] if found else otherwise

    @property
    def session(self) -> Session | None:
        """The session that the notebook is bound to already."""
        return self.workspace().selected_session

    def context(self, given: Given) -> Context | None:
        """The context that the line names, else the one of the notebook's session."""
        named = given.get("context")
        if named:
            there = self.workspace().contexts_list()
            return next((one for one in there if named in (one.name, str(one.id))), None)
        return None if self.session is None else self.session.context


def _contexts(here: Names, _: str, __: Given) -> Iterator[str]:
    return (one.name for one in here.workspace().contexts_list())


def _sessions(here: Names, prefix: str, given: Given) -> Iterator[str]:
    where = here.context(given)
    return iter(() if where is None else names_of(where, prefix))


def _env(here: Names, _: str, __: Given) -> Iterator[str]:
    return iter(() if here.session is None else sorted(here.session.config.env))


def _params(here: Names, _: str, given: Given) -> Iterator[str]:
    session = here.session
    if session is None:
        return iter(())
    whose = session.context if "--shared" in given else session
    return iter(Params.from_text(whose.config.params))


def _secrets(here: Names, prefix: str, given: Given) -> Iterator[str]:
    return _keys_of(here.context(given), DATABASE, prefix)


def _databases(here: Names, _: str, given: Given) -> Iterator[str]:
    where = here.context(given)
    return iter(()) if where is None else iter(where.dbcollection().list())


def _keys(here: Names, prefix: str, given: Given) -> Iterator[str]:
    session = here.session
    if session is None:
        return iter(())
    return _keys_of(session.context, given.get("database") or database(session.name), prefix)


def _categories(here: Names, _: str, given: Given) -> Iterator[str]:
    where = here.context(given)
    found = [] if where is None else where.config_files().list()
    return (category for category, _ in found)


def _configs(here: Names, _: str, given: Given) -> Iterator[str]:
    where, category = here.context(given), given.get("category")
    found = [] if where is None or not category else where.config_files().list(category)
    return (name for _, name in found)


def _runs(here: Names, _: str, __: Given) -> Iterator[str]:
    return iter([] if here.session is None else here.session.run_names()[: -RUNS - 1 : -1])


def _actions(here: Names, _: str, __: Given) -> Iterator[str]:
    return iter(here.workspace().actors.names())


def _help(here: Names, prefix: str, given: Given) -> Iterator[str]:
    if "help" in given:
        return iter(())
    bangs = prefix[: len(prefix) - len(prefix.lstrip("!"))]
    actions = (bangs + name for name in here.workspace().actors.names())
    return iter([*here.helped(), *actions])


def _waiting(here: Names, _: str, __: Given) -> Iterator[str]:
    return _digests(allowed.pending(here.workspace().home))


def _allowed(here: Names, _: str, __: Given) -> Iterator[str]:
    return _digests(allowed.allowed(here.workspace().home))


def _denied(here: Names, _: str, __: Given) -> Iterator[str]:
    return iter(allowed.denied(here.workspace().home))


def _paths(_: Names, prefix: str, __: Given) -> Iterator[str]:
    return paths(prefix)


def _folders(_: Names, prefix: str, __: Given) -> Iterator[str]:
    return (path for path in paths(prefix) if path.endswith("/"))


Look: TypeAlias = "Callable[[Names, str, Given], Iterator[str]]"

KINDS: Mapping[str, Look] = {
    "action": _actions,
    "allowed": _allowed,
    "category": _categories,
    "config": _configs,
    "context": _contexts,
    "database": _databases,
    "denied": _denied,
    "env": _env,
    "folder": _folders,
    "help": _help,
    "key": _keys,
    "param": _params,
    "path": _paths,
    "run": _runs,
    "secret": _secrets,
    "session": _sessions,
    "waiting": _waiting,
}
"""The kinds of names."""


def _keys_of(context: Context | None, name: str, prefix: str) -> Iterator[str]:
    """The keys of a database that have the prefix, one page of them; its file is let go."""
    if context is None or not (collection := context.dbcollection()).exists(name):
        return iter(())
    here = collection.get(name)
    try:
        return iter([key for (key,) in here.page("key", prefix, None, MOST, descending=False)])
    finally:
        here.close()


def paths(prefix: str) -> Iterator[str]:
    """Files and folders that a text may go on to, as it would be written; folders end in `/`.

    Hidden ones only where the last part begins with a dot. Of a large folder a part is read.
    """
    folder, slash, begun = prefix.rpartition("/")
    place = Path(f"{folder}{slash}" or ".").expanduser()
    found = []
    with suppress(OSError), os.scandir(place) as entries:
        for entry in islice(entries, ENTRIES):
            name = entry.name
            if name.startswith(begun) and name.startswith(".") == begun.startswith("."):
                end = "/" if _is_folder(entry) else ""
                found.append(f"{folder}{slash}{name}{end}")
    return iter(sorted(name for name in found if name.isprintable()))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _digests(of: tuple[allowed.Foreign, ...] | list[allowed.Foreign]) -> Iterator[str]:
    return (one.digest[: allowed.SHORT] for one in of)
