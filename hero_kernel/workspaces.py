"""Workspace: the one place where settings become concrete parts, and where they work together."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from hero_kernel import (
    binding,
    contexts,
    crypto,
    git,
    heroscript,
    ownership,
    sessions,
    settings,
    times,
)
from hero_kernel.actors import Actors, mark
from hero_kernel.binding import Evidence, Surroundings
from hero_kernel.errors import (
    HeroError,
    NotInteractiveError,
    RunError,
    SecretError,
    SessionError,
)
from hero_kernel.keyring import Keyring
from hero_kernel.playbook import Playbook
from hero_kernel.redaction import Redactor
from hero_kernel.running import Running
from hero_kernel.secrets import Secrets
from hero_kernel.stores import store_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence
    from pathlib import Path

    from hero_kernel.allowed import Foreign
    from hero_kernel.binding import Bound
    from hero_kernel.bundles import Exported, Imported
    from hero_kernel.cells import Cells
    from hero_kernel.contexts import Context
    from hero_kernel.git.command import OnProgress
    from hero_kernel.ownership import Hold, State
    from hero_kernel.report import Report
    from hero_kernel.runner import Watch
    from hero_kernel.secret import Secret
    from hero_kernel.sessions import Session
    from hero_kernel.settings import Settings
    from hero_kernel.sources import SourceText
    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime

    Function = TypeVar("Function", bound=Callable[..., Any])


def terminal_prompt(question: str) -> str:
    """Ask at the terminal, hidden.

    Raises:
        NotInteractiveError: There is none.
    """
    if not (sys.stdin and sys.stdin.isatty()):
        raise NotInteractiveError("nobody can be asked here", hint="set HERO_SECRET_FILE")
    from getpass import getpass  # noqa: PLC0415  # seldom asked

    return getpass(question)


class Workspace:
    """Contexts and sessions in one store and one home folder, and the actors that serve them.

    Opens nothing until it is asked for something.

    Attributes:
        store: Where records are kept.
        home: Where files are kept.
        coderoot: Where code is checked out when a context names no place.
        actors: Who carries actions out.
        now: The clock.
        surroundings: What names the current context and session, asked at the first need.
        redactor: Knows the values that must not be seen, and masks them.
        prompt: Asks a question, without showing the answer while it is typed.
        environ: The environment variables that hand over a secret, or keep git off the network.
        kdf_log2_n: What a new secret costs to try: scrypt's N, as a power of two.
        context_why: What named the current context.
        bound: How the current session was arrived at; None when it was chosen by hand.
        held: The lease that says that this process is on a session; None without one.
        running: What runs, and what ran last.
    """

    def __init__(
        self,
        *,
        store: Store,
        home: Path,
        coderoot: Path,
        actors: Actors,
        now: Callable[[], OurTime] = times.now,
        surroundings: Callable[[], Surroundings] = lambda: Surroundings({}, {}),
        redactor: Redactor | None = None,
        prompt: Callable[[str], str] = terminal_prompt,
        environ: MutableMapping[str, str] | None = None,
    ) -> None:
        self.store = store
        self.home = home
        self.coderoot = coderoot
        self.actors = actors
        self.now = now
        self.surroundings = surroundings
        self.redactor = redactor or Redactor()
        self.prompt = prompt
        self.environ = {} if environ is None else environ
        self.kdf_log2_n = crypto.LOG2_N
        self._secrets: dict[int, Secrets] = {}
        self.bound: Bound | None = None
        self.held: Hold | None = None
        self._context: Context | None = None
        self.context_why = "chosen by hand"
        self._session: Session | None = None
        self.running = Running()

    def __repr__(self) -> str:
        return f"<Workspace in {self.home}, records in {self.store.address}>"

    @property
    def cells(self) -> Cells:
        """Which cell of a notebook runs, and what cells have defined; as the actors know it."""
        return self.actors.cells

    def play(
        self,
        /,
        text: str,
        *,
        session: Session | None = None,
        name: str = "<text>",
        first_line: int = 1,
        **options: Any,
    ) -> Report:
        """Parse a text and carry it out in a session: the whole way of a cell.

        Args:
            text: Heroscript.
            session: Default: the current one.
            name: What places in errors call the text.
            first_line: The number of the text's first line where the user sees it.
            options: As for `run`; actions that nobody handles are an error.

        Raises:
            HeroError: The text is not heroscript, or an action cannot be carried out as it
                stands; nothing ran.
        """
        playbook = Playbook(heroscript.parse(text, name=name, first_line=first_line))
        return self.run(session or self.session(), playbook, source=name, strict=True, **options)

    def run(
        self,
        session: Session,
        playbook: Playbook,
        *,
        source: str = "",
        keep_going: bool = False,
        dry_run: bool = False,
        strict: bool = False,
        watch: Watch | None = None,
        only: str | Sequence[str] = (),
        resume: bool = False,
        variables: Mapping[str, object] | None = None,
    ) -> Report:
        """Carry a playbook out in a session and keep the report in its folder.

        While it goes on, a journal in that folder tells what was done, for the case that the
        process is killed; only for a run that may change something.

        Args:
            session: Where.
            playbook: What is done in it is marked so.
            source: What the report calls the playbook.
            keep_going: Whether to go on after a failure.
            dry_run: Whether to carry out only what changes nothing anyway; not kept.
            strict: Whether an action that nobody handles is an error; else it stays pending.
            watch: Is handed, before anything runs, what tells where the run is.
            only: Filters that choose the actions to carry out, as in `Playbook.find`, but that a
                word without a dot is an actor as well as an action of `core`; each must choose
                one. What a chosen action brings in is chosen with it; the others stay not done.
            resume: Whether to pass over what the last unfinished run of this playbook in this
                session has done: one that failed, was interrupted or was killed. Actions are
                known by what they say, not by where they stand. One that brought in others is
                carried out again, so that they are there.
            variables: What `${py:…}` in the playbook's own text sees. It is evaluated as Python:
                give them only for a text that their owner wrote. None, the default, refuses it.

        Raises:
            HeroError: An action cannot be carried out as it stands; nothing ran.
            PlaybookError: A filter chooses no action; nothing ran.
            SessionError: There is no run to resume; nothing ran.
        """
        return self.running.run(
            session,
            playbook,
            self.actors,
            source=source,
            keep_going=keep_going,
            dry_run=dry_run,
            strict=strict,
            watch=watch,
            only=only,
            resume=resume,
            variables=variables,
            now=self.now,
        )

    def retry(
        self,
        session: Session | None = None,
        *,
        dry_run: bool = False,
        watch: Watch | None = None,
    ) -> Report:
        """Carry out again what the last run in a session left: failed, interrupted, not reached.

        In order, and with that run's options. A run of this process is gone on with as it is in
        memory; one of another process by what is kept of it.

        Args:
            session: Default: the current one.
            dry_run: Whether to carry out only what changes nothing anyway; not kept.
            watch: Is handed, before anything runs, what tells where the run is.

        Raises:
            HeroError: An action cannot be carried out as it stands; nothing ran.
            SessionError: Nothing is left, or what is kept of the run is not enough; nothing ran.
        """
        return self.running.retry(
            session or self.session(),
            self.actors,
            dry_run=dry_run,
            watch=watch,
            now=self.now,
        )

    @property
    def last_run(self) -> Report | None:
        """The last run in this process; before there is one, the current session's last kept one.

        None when there is neither; asking creates nothing, nor makes a session current. A dry
        run does not count.
        """
        if self.running.last is not None:
            return self.running.last.report
        kept = self._session.run_list(1) if self._session is not None else []
        return kept[0] if kept else None

    def context_new(
        self,
        name: str = "",
        id: int | None = None,
        *,
        coderoot: str | Path | None = None,
        interactive: bool | None = None,
        params: str | None = None,
        secret: str | Secret | None = None,
        encrypt: bool | None = None,
        priv_key_hex: str | Secret | None = None,
        db_path: str | Path | None = None,
        exist_ok: bool = True,
        reset: bool = False,
    ) -> Context:
        """Create a context, or resume the one of that name or id; see `context_select`.

        Args:
            name: Unique; default `default`.
            id: The number of its database; default: the name's, else the lowest free from 1.
            coderoot: Where code is checked out.
            interactive: Whether questions may be asked; false for a new context.
            params: Parameter text; when resuming it replaces the kept ones.
            secret: What protects its secrets; default: none, or with `encrypt` the one of
                `HERO_SECRET_FILE` and its like, else it is asked for.
            encrypt: Whether every value is kept encrypted; it needs a secret.
            priv_key_hex: A private key to keep, 64 hex digits; it needs a secret.
            db_path: Where databases are kept; default `HERO_HOME/db/$id`.
            exist_ok: Whether resuming is allowed.
            reset: Settings and parameters start over; sessions and the secret stay.

        Raises:
            BadNameError: The name cannot name a context.
            ContextError: The id is beyond what the store holds.
            ContextExistsError: The id has another name, the name another id, or it may not exist.
            HeroscriptError: `params` do not parse.
            SecretRequiredError: A secret is needed, and is not to be had; nothing is created.
            WrongSecretError: The context has another one.
        """
        wanted = None if params is None else heroscript.Params.from_text(params)
        protect = secret is not None or encrypt is not None or priv_key_hex is not None
        was_there = not protect or contexts.exists(
            self, name or contexts.DEFAULT if id is None else id
        )
        made = contexts.new(
            self,
            name,
            id,
            exist_ok=exist_ok,
            reset=reset,
            coderoot=None if coderoot is None else str(coderoot),
            interactive=interactive,
            db_path=None if db_path is None else str(db_path),
        )
        if protect:
            try:
                made.secrets.prepare(secret, encrypt=encrypt)
            except SecretError:
                if not was_there:  # it would be there without what it was asked to have
                    self.context_delete(made)
                raise
        if wanted is not None:
            made.params_replace(wanted)
        if priv_key_hex is not None:
            made.priv_key_set(priv_key_hex)
        return made

    def context_get(self, id_or_name: int | str = contexts.DEFAULT) -> Context:
        """The context with that id or name; `default` exists always.

        Raises:
            ContextNotFoundError: There is none.
        """
        return contexts.get(self, id_or_name)

    def context_exists(self, id_or_name: int | str) -> bool:
        """Whether there is a context with that id or name."""
        return contexts.exists(self, id_or_name)

    def context_select(self, context: Context | int | str) -> Context:
        """Make a context the current one."""
        found = self._given(context)
        if found != self._context:
            self._session = self.bound = None
        self._context, self.context_why = found, "chosen by hand"
        return found

    def context(self) -> Context:
        """The current context: the one selected, else the one the surroundings name."""
        if self._context is None:
            self._context, self.context_why = binding.context(self, self.evidence())
        return self._context

    def evidence(self) -> Evidence:
        """What names the current context and session, as it is now."""
        return Evidence(self.surroundings(), self.home)

    def contexts_list(self) -> list[Context]:
        """Every context, by id."""
        return contexts.every(self)

    def context_rename(self, context: Context | int | str, name: str) -> Context:
        """Give a context another name; see `Context.rename`."""
        return self._given(context).rename(name)

    def context_delete(
        self,
        context: Context | int | str,
        *,
        files: bool = False,
        db: bool = False,
        force: bool = False,
    ) -> None:
        """Delete a context and its sessions from the store.

        Args:
            context: Which.
            files: Also its folder.
            db: Also its databases.
            force: Also when it is the default context.

        Raises:
            ContextError: It is the default context, and not forced.
            ContextNotFoundError: There is none.
        """
        found = self._given(context)
        contexts.delete(self, found, with_files=files, with_db=db, force=force)
        self._secrets.pop(found.id, None)
        if found == self._context:
            self._context = self._session = self.bound = None

    def _given(self, context: Context | int | str | None) -> Context:
        if context is None:
            return self.context()
        return context if isinstance(context, contexts.Context) else self.context_get(context)

    def secrets(self, context: Context) -> Secrets:
        """The context's secret, and what it protects; unlocked for every object of the context."""
        found = self._secrets.get(context.id)
        if found is None:
            keys = Keyring(
                context.keys_path, root=self.home, context=context.name, log2_n=self.kdf_log2_n
            )
            found = self._secrets[context.id] = Secrets(
                context,
                keys,
                environ=self.environ,
                ask=self.ask,
                redactor=self.redactor,
            )
        return found

    def ask(self, question: str) -> str:
        """Ask something; the answer is not shown while it is typed.

        Raises:
            NotInteractiveError: The current session asks no questions, or nobody is there.
        """
        if self._session is not None and not self._session.interactive:
            raise NotInteractiveError(
                f"session {self._session.name} asks no questions",
                hint="allow it with %hero_session set interactive=yes",
            )
        return self.prompt(question)

    def fetch(
        self,
        url: str,
        *,
        context: Context | int | str | None = None,
        path: str = "",
        pull: bool = False,
        reset: bool = False,
        branch: str = "",
        on_progress: OnProgress | None = None,
    ) -> tuple[SourceText, ...]:
        """The scripts at a git address, cloned below the code root if they are not there.

        Args:
            url: Of a repository, or of a file or folder in it.
            context: Whose code root; default: the current context's.
            path: A file or folder, from where the address points to.
            pull: Fetch what is new there.
            reset: The same, and throw away what was changed in the clone.
            branch: A branch, tag or commit instead of the address's.
            on_progress: Is told what goes on, and how far it is, from 0 to 1.

        Raises:
            GitError: The address is none, or git cannot fetch it.
            NotAllowedError: They were not allowed to run as they are now; see `allow`.
            SourceError: There is no script at the path.
        """
        from hero_kernel import fetched  # noqa: PLC0415  # what others wrote is fetched seldom

        return fetched.fetch(
            url,
            home=self.home,
            coderoot=self._given(context).coderoot,
            using=git.calling(self.environ, on_progress=on_progress),
            path=path,
            pull=pull,
            reset=reset,
            branch=branch,
            local=True,
        )

    def git_path(
        self,
        url: str,
        *,
        context: Context | int | str | None = None,
        coderoot: str | Path | None = None,
        pull: bool = False,
        reset: bool = False,
        branch: str = "",
    ) -> Path:
        """What an address means on this disk: a clone, or a file or folder in it.

        Args:
            url: Of a repository, or of a file or folder in it.
            context: Whose code root; default: the current context's.
            coderoot: Where the clone lies, instead.
            pull: Fetch what is new there.
            reset: The same, and throw away what was changed in the clone.
            branch: A branch, tag or commit instead of the address's.

        Raises:
            GitError: The address is none, git cannot fetch it, or it has nothing at the path.
        """
        root = self._given(context).coderoot if coderoot is None else settings.expanded(coderoot)
        found = git.checkout(
            git.address(url, local=True),
            root,
            using=git.calling(self.environ),
            pull=pull,
            reset=reset,
            branch=branch,
        )
        return found.inner

    def allow(self, asked: str) -> Foreign:
        """Let a playbook of others run that was refused: its address, or the digest it was told by.

        Good for what was seen then: another commit or another text is refused again.

        Raises:
            NotAllowedError: Nothing like it was refused, several things were, or it is denied.
        """
        from hero_kernel import fetched  # noqa: PLC0415  # as above

        return fetched.allow(self.home, asked)

    def deny(self, url: str) -> str:
        """Let nothing of a repository run, whatever was allowed; its address in one spelling.

        Raises:
            GitAddressError: It is no address.
        """
        from hero_kernel import fetched  # noqa: PLC0415  # as above

        return fetched.deny(self.home, url)

    def undeny(self, url: str) -> bool:
        """Take a denial back, which allows nothing yet; whether there was one.

        Raises:
            GitAddressError: It is no address.
        """
        from hero_kernel import fetched  # noqa: PLC0415  # as above

        return fetched.undeny(self.home, url)

    def revoke(self, asked: str) -> tuple[Foreign, ...]:
        """Take allowances back: by digest, or all of an address; which ones."""
        from hero_kernel import fetched  # noqa: PLC0415  # as above

        return fetched.revoke(self.home, asked)

    def session_new(
        self,
        context: Context | int | str | None = None,
        name: str = "",
        *,
        session: Session | None = None,
        context_name: str = "",
        session_name: str = "",
        interactive: bool | None = None,
        coderoot: str | Path | None = None,
        start: str = "",
        description: str | None = None,
        params: str | None = None,
        playbook_url: str = "",
        playbook_path: str | Path = "",
        playbook_text: str = "",
        playbook_priorities: Mapping[int, str] | None = None,
        git_pull: bool = False,
        git_reset: bool = False,
        exist_ok: bool = True,
        reset: bool = False,
    ) -> Session:
        """Create a session, or resume the one of that name; see `session_select`.

        Playbooks that are given are parsed and carried out: first the path's, then the address's,
        then the text; actions that nobody handles stay pending in `plbook`.

        Args:
            context: Where; default: the current context.
            name: Unique in the context; default: the time, `YYYY_MM_DD_HH_MM_SS`.
            session: A session to go on in, instead of context and name.
            context_name: The context by name; created when it is not there.
            session_name: Another word for `name`.
            interactive: Whether questions may be asked; true for a new session.
            coderoot: Where code is checked out; kept in the context.
            start: When it starts, a time or relative like `+1h`; default now.
            description: For people.
            params: Parameter text; when resuming it replaces the kept ones.
            playbook_url: A git address of heroscript; cloned below the context's code root.
            playbook_path: A file or folder of heroscript.
            playbook_text: Heroscript.
            playbook_priorities: Which actions come first: number → filter.
            git_pull: Whether a clone that is there fetches what is new.
            git_reset: Whether what was changed in the clone is thrown away.
            exist_ok: Whether resuming is allowed.
            reset: Everything kept in the record starts over.

        Raises:
            BadNameError: A name cannot name anything.
            HeroError: A playbook cannot be had, was not allowed to run, or cannot be carried out
                as it stands; nothing of it ran.
            RunError: An action of it failed.
            SessionError: The arguments contradict each other.
            SessionExistsError: The session exists and may not.
        """
        name = _one_of("name", name, "session_name", session_name)
        if session is not None and (context is not None or context_name or name):
            raise SessionError(
                "a session is given, and a context or a name too", hint="give one or the other"
            )
        queued = Playbook()
        if playbook_path or playbook_text:  # read before anything is created
            queued.add(playbook_text, path=playbook_path, name="playbook_text")
        if session is None:
            where = self._context_of(context, context_name)
        else:
            session.save()
            where, name = session.context, session.name
        made = sessions.new(
            where,
            name,
            interactive=interactive,
            start=start,
            description=description,
            params=params,
            exist_ok=exist_ok,
            reset=reset,
        )
        session = made if session is None else session
        if coderoot is not None:
            session.context.configure(coderoot=str(coderoot))
        session.playbook_priorities_add(playbook_priorities or {})
        if playbook_url:  # only now: the context says where it is cloned
            session.playbook_add(url=playbook_url, git_pull=git_pull, git_reset=git_reset)
        if queued.actions:
            session.plbook.add(actions=queued.actions)
        if playbook_url or queued.actions:
            _check_ok(session.run(source=playbook_url or str(playbook_path) or "playbook_text"))
        return session

    def _context_of(self, context: Context | int | str | None, context_name: str) -> Context:
        if context is not None and context_name:
            raise SessionError("context and context_name are given", hint="give one of them")
        if context_name:
            return contexts.new(self, context_name)
        return self._given(context)

    def session_get(self, name: str = "", *, context: Context | int | str | None = None) -> Session:
        """The session of that name; without one the latest, or a new one when there is none.

        Raises:
            SessionNotFoundError: There is none of that name.
        """
        return sessions.get(self._given(context), name)

    def session_exists(self, name: str, *, context: Context | int | str | None = None) -> bool:
        """Whether there is a session of that name."""
        return sessions.exists(self._given(context), name)

    def session_select(self, session: Session | str) -> Session:
        """Make a session the current one, and its context too."""
        found = session if isinstance(session, sessions.Session) else self.session_get(session)
        if found.context != self._context:
            self.context_why = "chosen by hand"
        self._context, self._session, self.bound = found.context, found, None
        return found

    @property
    def selected_context(self) -> Context | None:
        """The current context if there is one yet; asking creates none."""
        return self._context

    @property
    def selected_session(self) -> Session | None:
        """The current session if there is one yet; asking creates none."""
        return self._session

    def session(self) -> Session:
        """The current session: the one selected, else the one the surroundings name.

        Created when it is not there; with nothing to name it, it is one for this run alone.
        """
        if self._session is None:
            evidence = self.evidence()
            if self._context is None:
                self._context, self.context_why = binding.context(self, evidence)
            self.bound = binding.session(self._context, self.context_why, evidence)
            self._session = self.bound.session
        return self._session

    def follow(self) -> None:
        """Take note that the front end says another file is the notebook; the session stays."""
        if self.bound is not None:
            self.bound = binding.follow(self.bound, self.surroundings())

    def sessions_list(self, *, context: Context | int | str | None = None) -> list[Session]:
        """The sessions of a context, by name."""
        return sessions.every(self._given(context))

    def session_delete(
        self,
        name: str,
        *,
        context: Context | int | str | None = None,
        files: bool = False,
        db: bool = False,
    ) -> None:
        """Delete a session's record.

        Args:
            name: Which.
            context: Where; default: the current context.
            files: Also its folder.
            db: Also its database.

        Raises:
            SessionNotFoundError: There is none of that name.
        """
        where = self._given(context)
        sessions.delete(where, name, with_files=files, with_db=db)
        current = self._session
        if (
            current is not None
            and current.context == where
            and not where.session_exists(current.name)
        ):
            self._session = self.bound = None

    def session_hold(
        self, session: Session, label: str, *, kernel: str = "", takeover: bool = False
    ) -> Hold:
        """Say that this process is on a session, until another is held or `session_release`.

        Others on it are told. The lease is kept fresh by a thread.

        Args:
            session: Which.
            label: What people know this process by: the notebook's path, or "console".
            kernel: The kernel's id.
            takeover: Whether the others are told to leave; they refuse to go on until they are
                bound again.

        Raises:
            SessionNotFoundError: It was deleted or renamed.
        """
        taken = ownership.Hold(session, label, kernel=kernel, takeover=takeover)
        before, self.held = self.held, taken
        if before is not None:
            before.leave(ends=False)
        return taken

    def session_release(self, *, ends: bool = True) -> None:
        """Say that this process is not on its session any more.

        One that was made for one run goes, if there is nothing in it.

        Args:
            ends: Whether the session's end is recorded, unless others are on it.
        """
        held, self.held = self.held, None
        if held is not None:
            held.leave(ends=ends)
            with suppress(HeroError):
                ownership.forget_if_bare(held.session)

    def session_fork(self, session: Session | str, name: str = "") -> Session:
        """Copy a session: its variables, its parameters and its database; not its log and runs.

        Values that are encrypted are so in the copy, bound to their new place; its description
        tells where it is from.

        Args:
            session: Which; it stays as it is.
            name: What the copy is called; default `$name_fork`, with `_2` and so on.

        Raises:
            BadNameError: The name cannot name a session.
            SecretError: Something is encrypted, and the secret is not to be had; nothing is made.
            SessionExistsError: The name is taken.
        """
        found = session if isinstance(session, sessions.Session) else self.session_get(session)
        from hero_kernel import forks  # noqa: PLC0415  # as above

        return forks.fork(found, name)

    def session_export(
        self, session: Session | str, path: str | Path, *, log: bool = False, runs: bool = False
    ) -> Exported:
        """Write a session into one file, without anything that is secret; see `bundles.export`.

        Args:
            session: Which.
            path: The file; one that is there is replaced.
            log: Also its log.
            runs: Also the reports of its runs.

        Raises:
            BundleError: It is larger than what is imported again.
            StoreError: The file cannot be written.
        """
        found = session if isinstance(session, sessions.Session) else self.session_get(session)
        from hero_kernel import bundles  # noqa: PLC0415  # packing is needed seldom

        return bundles.export(found, settings.expanded(path), log=log, runs=runs)

    def session_import(
        self, path: str | Path, name: str = "", *, context: Context | int | str | None = None
    ) -> Imported:
        """Make a session of an exported one; what secrets it had must be set again.

        Args:
            path: The file.
            name: What it is called here; default: as it was.
            context: Where; default: the current context.

        Raises:
            BundleError: The file is no exported session; nothing is made.
            SecretError: The context encrypts everything, and its secret is not to be had.
            SessionExistsError: The name is taken.
        """
        from hero_kernel import bundles  # noqa: PLC0415  # as above

        return bundles.load(self._given(context), settings.expanded(path), name)

    def sessions_states(self, *, context: Context | int | str | None = None) -> list[State]:
        """The sessions of a context, by name, with who is on each and when it ended."""
        return ownership.states(self._given(context))

    def sessions_stale(
        self, older: str = ownership.OLDER, *, context: Context | int | str | None = None
    ) -> list[State]:
        """The sessions that `sessions_prune` would delete; arguments and errors as there."""
        return self.sessions_prune(older, context=context, dry_run=True)

    def sessions_prune(
        self,
        older: str = ownership.OLDER,
        *,
        context: Context | int | str | None = None,
        dry_run: bool = False,
    ) -> list[State]:
        """Delete sessions that nobody needs, with their folders and databases; which ones.

        That is: nobody is on it, and it was made for one run or not touched for so long; never
        the current one, nor the one that the context created or resumed last.

        Args:
            older: How long ago, as `30d`, `12h` or `1w`.
            context: Where; default: the current context.
            dry_run: Whether nothing is deleted.

        Raises:
            SessionError: `older` is no time that has passed.
        """
        return ownership.prune(self._given(context), older, but=self._session, dry_run=dry_run)

    def action(self, name: str, *, harmless: bool = False) -> Callable[[Function], Function]:
        """A decorator: let a function carry out the action; the one before it is replaced.

        A cell of a notebook that runs again without it takes it back.

        Args:
            name: `actor.name`.
            harmless: Whether it changes nothing, so that a dry run may carry it out.

        Raises:
            ActionError: The name names no action, or the function's types are none that text
                can become.
        """
        marked = mark(name, harmless=harmless)

        def decorate(function: Function) -> Function:
            self.actors.add(name, marked(function))
            return function

        return decorate


def _check_ok(report: Report) -> None:
    if report.ok:
        return
    first = report.failed[0]
    failure = first.failure
    raise RunError(
        f"{first.action} {first.status}" + (f": {failure.message}" if failure else ""),
        hint=(failure.hint if failure else "") or "the session is there; its run_get() has it all",
    )


def _one_of(first_name: str, first: str, second_name: str, second: str) -> str:
    if first and second and first != second:
        raise SessionError(f"{first_name} and {second_name} differ", hint="give one of them")
    return first or second


def build(given: Settings, actors: Actors, redactor: Redactor | None = None) -> Workspace:
    """The workspace that settings describe."""
    return Workspace(
        store=store_for(given.home, given.redis_url),
        home=given.home,
        coderoot=given.coderoot,
        actors=actors,
        surroundings=lambda: binding.program(os.environ),
        redactor=redactor,
        environ=os.environ,
    )
