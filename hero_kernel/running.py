"""Running: the runs of one workspace: what goes on, what ran last, and how that is gone on with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hero_kernel import heroscript, runner, runs
from hero_kernel.errors import HeroError, SessionError
from hero_kernel.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel.actors import Actors
    from hero_kernel.report import Report
    from hero_kernel.runner import Watch
    from hero_kernel.sessions import Session
    from hero_kernel.times import OurTime


@dataclass(frozen=True, slots=True)
class LastRun:
    """A run, and what it takes to carry out again what it left."""

    session: Session
    playbook: Playbook
    unchosen: frozenset[int]
    options: dict[str, Any]
    report: Report


class Running:
    """The runs of one workspace.

    Attributes:
        underway: The run that goes on, or the last one that did, a dry run too; None before one.
        is_running: Whether it goes on.
        last: The last one that was no dry run and carried anything out; None before there is one.
    """

    def __init__(self) -> None:
        self.underway: runner.Underway | None = None
        self.is_running = False
        self.last: LastRun | None = None

    def run(
        self,
        session: Session,
        playbook: Playbook,
        actors: Actors,
        *,
        source: str,
        keep_going: bool,
        dry_run: bool,
        strict: bool,
        watch: Watch | None,
        only: str | Sequence[str],
        resume: bool,
        variables: Mapping[str, object] | None,
        now: Callable[[], OurTime],
    ) -> Report:
        """Carry a playbook out in a session, and keep the report there: see `Workspace.run`."""
        unchosen = runner.unchosen(playbook, (only,) if isinstance(only, str) else only)
        earlier = None
        if resume:  # what is wrong with an action is told first
            runner.check(playbook, actors, now(), strict=strict, unchosen=unchosen)
            earlier = self._resumed(session, playbook, actors)
        options: dict[str, Any] = {"source": source, "keep_going": keep_going, "strict": strict}
        options["variables"] = variables
        return self._run(
            session,
            playbook,
            actors,
            unchosen,
            earlier,
            dry_run=dry_run,
            watch=watch,
            options=options,
            now=now,
        )

    def retry(
        self,
        session: Session,
        actors: Actors,
        *,
        dry_run: bool,
        watch: Watch | None,
        now: Callable[[], OurTime],
    ) -> Report:
        """Carry out again what the last run in a session left: see `Workspace.retry`."""
        last = self.last
        if last is None or last.session != session:
            last = _from_kept(session)
        report = last.report
        if not report.left:
            raise SessionError(
                f"the last run in session {session.name} left nothing to carry out again",
                hint="%heroscript --runs lists the runs",
            )
        before = tuple(runs.done_before(report).elements())
        earlier = runner.Earlier(report.run, Counter(), before)
        return self._run(
            session,
            last.playbook,
            actors,
            last.unchosen,
            earlier,
            dry_run=dry_run,
            watch=watch,
            options=last.options,
            now=now,
        )

    def _run(
        self,
        session: Session,
        playbook: Playbook,
        actors: Actors,
        unchosen: frozenset[int],
        earlier: runner.Earlier | None,
        *,
        dry_run: bool,
        watch: Watch | None,
        options: dict[str, Any],
        now: Callable[[], OurTime],
    ) -> Report:
        """As `run`; remembers the run, so that it can be retried with the same options."""
        journals: list[runs.Journal] = []
        around = self.underway, self.is_running

        def begun(run: runner.Underway) -> None:
            self.underway, self.is_running = run, True

        def journal(head: Report) -> runs.Journal:
            journals.append(session.run_journal(head))
            return journals[-1]

        try:
            report = runner.run(
                session,
                playbook,
                actors,
                now=now,
                dry_run=dry_run,
                watch=watch,
                begun=begun,
                unchosen=unchosen,
                earlier=earlier,
                journal=journal,
                **options,
            )
            if not dry_run and report.results:
                report = _kept(session, report)
                self.last = LastRun(session, playbook, unchosen, options, report)
                for one in journals:
                    one.remove()
            if self.underway is not None:
                self.underway.report = report
        finally:
            if around[1]:  # a handler has run another playbook
                self.underway, self.is_running = around
            else:
                self.is_running = False
            for one in journals:  # after a second Ctrl-C they stay, in the place of the report
                one.close()
        return report

    def _resumed(self, session: Session, playbook: Playbook, actors: Actors) -> runner.Earlier:
        digests = runner.digests(session, playbook, actors)
        found = session.run_unfinished(digests)
        if found is None:
            raise SessionError(
                f"session {session.name} has no unfinished run of these actions",
                hint="leave resume out to carry out all of them",
            )
        return runner.Earlier(found.run, runs.done_before(found))


def _kept(session: Session, report: Report) -> Report:
    """The report as it is kept; with a note where it is not: it must be seen all the same."""
    try:
        return session.keep_run(report)
    except HeroError as error:
        note = f"this run is not kept: {error}"
        note = f"{report.note}\n{note}" if report.note else note
        return replace(report, run="", note=note)


def _from_kept(session: Session) -> LastRun:
    """The session's last run as it is kept, with a playbook of what it left.

    Raises:
        SessionError: There is none, or it does not say all that was left.
    """
    report = session.run_get()
    untold = next((one for one in report.left if not (one.written and one.written.script)), None)
    if report.killed or untold is not None:
        why = "it was killed" if report.killed else f"{untold and untold.action} is kept without"
        raise SessionError(
            f"what run {report.run} left is not known here: {why}",
            hint="carry out its cell or file again with --resume",
        )
    playbook = Playbook()
    for one in report.left:
        name, _, line = one.place.rpartition(":")[0].rpartition(":")
        script = one.written.script if one.written is not None else ""
        first_line = int(line) if line.isdecimal() else 1
        playbook.add(actions=heroscript.parse(script, name=name, first_line=first_line))
    options = {"source": report.source, "keep_going": report.keep_going, "strict": True}
    return LastRun(session, playbook, frozenset(), options, report)
