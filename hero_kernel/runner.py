"""Carry a playbook out, action by action, into a report. Prints nothing."""

from __future__ import annotations

import contextvars
import io
import reprlib
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self, TextIO, TypeAlias

from hero_kernel import filling
from hero_kernel.actors import bind, written
from hero_kernel.errors import ActionError, HeroError, PlaybookError, did_you_mean
from hero_kernel.logs.entry import CATEGORY_WIDTH
from hero_kernel.playbook import Include, matcher, parsed
from hero_kernel.report import Changed, Failure, Report, Result, Skipped, Status, Written

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from hero_kernel.actors import Actors, Handler
    from hero_kernel.heroscript import Action, Source
    from hero_kernel.logs import Logger, LogType
    from hero_kernel.playbook import Playbook
    from hero_kernel.report import State
    from hero_kernel.runs import Journal
    from hero_kernel.sessions import Session
    from hero_kernel.sources import SourceText
    from hero_kernel.times import OurTime

MAX_SHOWN = 20_000
"""Characters of a result or an output that a report keeps."""

MAX_KEPT = 4_000_000
"""Characters of results and outputs that a whole report keeps; a row has room for a few always."""

PLANNED = 32
"""Actions that a journal is told of at once, before they begin."""

FEW = 500
"""Characters of a result or an output that a row keeps when the report is full."""

MAX_SCRIPTS = 1000
"""Actions that a run may have left for their text to be kept; of more, none is."""

MAX_DEPTH = 16
"""Files that may bring each other in, one inside the other."""


LOG_WAITS_S = 0.02
"""How long a line of an action that changed nothing may wait before it is logged."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is.

    Attributes:
        number: The action being carried out, from 1.
        total: As many as are known now; grows when files are brought in.
        action: `actor.name`.
        message: What its handler said last; may be empty.
        fraction: How far the handler is, from 0 to 1, or None.
    """

    number: int
    total: int
    action: str
    message: str = ""
    fraction: float | None = None


Watch: TypeAlias = "Callable[[Callable[[], Progress | None]], None]"
"""Is handed, before anything runs, what tells where the run is; None before the first action.

It is asked, rather than told, because most runs end before anybody looks.
"""


@dataclass(slots=True, eq=False)
class Underway:
    """A run that goes on, or has ended: what can be seen of it at any moment, from any thread.

    Only who began it changes it: `report` is set when it has ended.

    Attributes:
        session: Where.
        source: What the report calls the playbook.
        dry_run: Whether it carries out only what changes nothing.
        playbook: What is carried out; of a dry run, a copy with the same actions.
        progress: Tells where it is; None before the first action.
        outcomes: Tells how actions ended so far, in that order: each with its result.
        current: Tells which action is being carried out; None when none is.
        report: How it ended; None while it goes on, and of one that was broken off.
    """

    session: Session
    source: str
    dry_run: bool
    playbook: Playbook
    progress: Callable[[], Progress | None]
    outcomes: Callable[[], list[tuple[Action, Result]]]
    current: Callable[[], Action | None]
    report: Report | None = None


@dataclass(frozen=True)
class Earlier:
    """The run that another one goes on with.

    Attributes:
        run: Its name.
        done: What is done after it, by digest; passed over now, each as often as it was done.
        before: What is done after it, by digest, and in no row of this one.
    """

    run: str
    done: Counter[str]
    before: tuple[str, ...] = ()


def unchosen(playbook: Playbook, only: Sequence[str]) -> frozenset[int]:
    """The ids of the actions that none of the filters chooses; none is without filters.

    Args:
        playbook: Where to look; actions that are done do not count.
        only: Filters as in `Playbook.find`, but that a word without a dot is an actor as well
            as an action of `core`.

    Raises:
        PlaybookError: A filter chooses no action; with the near misses.
    """
    if not only:
        return frozenset()
    waiting = [action for action in playbook.actions if not action.done]
    chosen: set[int] = set()
    for one in only:
        items = [item.strip() for item in one.split(",") if item.strip()]
        actors = [f"{item}.*" for item in items if not {".", ":"} & set(item)]
        matches = matcher(",".join([*items, *actors])) if items else lambda _: False
        found = {action.id for action in waiting if matches(action)}
        if not found:
            names = {action.full_name for action in waiting}
            known = names | {action.actor for action in waiting}
            raise PlaybookError(
                f"no action that waits matches {one!r}",
                hint=did_you_mean(one, known if "." not in one else names),
            )
        chosen |= found
    return frozenset(action.id for action in waiting) - chosen


def digests(session: Session, playbook: Playbook, actors: Actors) -> list[str]:
    """What tells the actions of a playbook that are not done from others; see `Written`."""
    mask = session.context.host.redactor.mask
    return [
        written.digest(action, actors.find(action.full_name), mask)
        for action in playbook.actions
        if not action.done
    ]


def check(
    playbook: Playbook,
    actors: Actors,
    now: OurTime,
    *,
    strict: bool,
    unchosen: frozenset[int] = frozenset(),
) -> None:
    """Find what can be found wrong before anything runs: handlers, names and values.

    Args:
        playbook: What is to be carried out.
        actors: Who carries it out.
        now: What relative times are counted from.
        strict: Whether an action that nobody handles is an error.
        unchosen: The ids of actions that are not looked at.

    Raises:
        HeroError: The first fault; points at its place.
    """
    chosen = (action for action in playbook.actions if action.id not in unchosen)
    _check(chosen, actors, now, strict=strict)


def _check(actions: Iterable[Action], actors: Actors, now: OurTime, *, strict: bool) -> None:
    for action in actions:
        if action.done:
            continue
        handler = actors.find(action.full_name)
        if handler is not None:
            bind.check(handler.accepts, action, now)
        elif strict:
            raise actors.unknown(action)


def _may_define(actors: Actors, action: Action) -> bool:
    """Whether an action may set what later ones name."""
    handler = actors.find(action.full_name)
    return handler is not None and (not handler.harmless or handler.accepts.brings_in)


def run(
    session: Session,
    playbook: Playbook,
    actors: Actors,
    *,
    now: Callable[[], OurTime],
    source: str = "",
    keep_going: bool = False,
    dry_run: bool = False,
    strict: bool = False,
    watch: Watch | None = None,
    begun: Callable[[Underway], object] | None = None,
    variables: Mapping[str, object] | None = None,
    unchosen: frozenset[int] = frozenset(),
    earlier: Earlier | None = None,
    journal: Callable[[Report], Journal] | None = None,
) -> Report:
    """Carry out every action that is not done, in order; stop at the first failure.

    Changes the world through handlers, and marks what they finished as done. What a handler
    raises becomes its action's result; so does Ctrl-C, after which nothing more is started.
    What handlers add to the playbook is carried out too, in its place in the order.

    Args:
        session: Whose values fill `${env:X}` and `{NAME}`, and which handlers receive.
        playbook: What to carry out; files that are brought in are added to it.
        actors: Who carries it out.
        now: The clock.
        source: What the report calls the playbook.
        keep_going: Whether to go on after a failure.
        dry_run: Whether to carry out only what changes nothing anyway.
        strict: Whether an action that nobody handles is an error; else it stays pending.
        watch: Is handed, before anything runs, what tells where the run is.
        begun: Is handed, before anything runs, what there is to be seen of it.
        variables: What `${py:…}` in the playbook's own text sees; None refuses it.
        unchosen: The ids of actions that are neither checked nor carried out, and stay as they
            are; what a chosen one brings in is chosen with it.
        earlier: The run that this one goes on with.
        journal: Begins the journal, called before the first action that may change something.

    Raises:
        HeroError: From `check`, or for a reference that nothing can fill, before anything ran.
        PlaybookError: The playbook is being carried out already.
    """
    if dry_run:
        playbook = playbook.copy()  # files are brought in to look at, not to stay
    check(playbook, actors, now(), strict=strict, unchosen=unchosen)
    plan = filling.NO_PLAN
    if filling.may_refer(playbook.actions):
        chosen = [a for a in playbook.actions_sorted() if a.id not in unchosen]
        plan = filling.check(
            session,
            [action for action in chosen if actors.find(action.full_name)],
            lambda action: _may_define(actors, action),
            variables=variables,
            dry_run=dry_run,
        )
    started, before = now(), perf_counter()
    mask = session.context.host.redactor.mask
    work = _Run(
        session, playbook, actors, now, dry_run, strict, mask, plan, source, started, keep_going
    )
    work.unchosen, work.begin_journal = unchosen, None if dry_run else journal
    if earlier is not None:
        work.earlier, work.to_pass_over = earlier, earlier.done.copy()
    if watch is not None:
        watch(work.progress)
    if begun is not None:
        begun(
            Underway(session, source, dry_run, playbook, work.progress, work.outcomes, work.current)
        )
    with playbook.carried_out(), work.listening():
        try:
            work.carry_out_all()
        except KeyboardInterrupt:
            work.interrupted()
        finally:
            work.log_all()
    return work.report(duration_s=round(perf_counter() - before, 6))


@dataclass(slots=True, eq=False, repr=False)
class _Run:
    """What one run knows while it goes on."""

    session: Session
    playbook: Playbook
    actors: Actors
    now: Callable[[], OurTime]
    dry_run: bool
    strict: bool
    mask: Callable[[str], str]
    plan: filling.Plan
    source: str
    started: OurTime
    keep_going: bool
    unchosen: frozenset[int] = frozenset()
    earlier: Earlier | None = None
    to_pass_over: Counter[str] | None = None
    begin_journal: Callable[[Report], Journal] | None = None
    results: list[Result] = field(default_factory=list)
    note: str = ""
    _may_fill: bool = True  # whether anything in what is left could be filled
    _journal: Journal | None = None
    _journaled: int = 0  # so many results were handed to the journal
    _places: dict[int, str] = field(default_factory=dict)  # of actions that the journal knows
    _digests: dict[int, str] = field(default_factory=dict)
    _queue: list[Action] = field(default_factory=list)  # still to be begun, the next one last
    _actions: list[Action] = field(default_factory=list)  # behind the results, in their order
    _adders: set[int] = field(default_factory=set)  # actions that added others
    _seen_to: list[Action] = field(default_factory=list)  # done by the handlers of others
    _is_telling: bool = False  # an action ended that may have changed something, and is not told
    _is_unlogged: bool = False
    _logger: Logger | None = None
    _unlogged: list[tuple[str, str, LogType, OurTime]] = field(default_factory=list)
    _unlogged_since: float = 0.0
    _begun: set[int] = field(default_factory=set)
    _chains: dict[int, tuple[Path, ...]] = field(default_factory=dict)
    _labels: dict[Path, str] = field(default_factory=dict)  # what a file is called in a chain
    _included: set[Path] | None = None  # files whose actions are here; asked at the first include
    _room: int = MAX_KEPT
    _current: Action | None = None
    _said: tuple[str, float | None] = ("", None)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Pass on what handlers say of their progress, while this run goes on.

        What changes the session meanwhile is the action at work.
        """
        session = self.session
        before = session.on_progress, session.by
        session.on_progress = self._hear
        try:
            yield
        finally:
            session.on_progress, session.by = before

    def carry_out_all(self) -> None:
        """Carry out one action after the other; order them anew when the playbook changed."""
        queue: list[Action] = []
        version = -1
        while True:
            if self.playbook.version != version:
                if self._actions:  # the last one added some
                    self._adders.add(self._actions[-1].id)
                version = self.playbook.version
                self._queue = queue = self._left()
                self._may_fill = filling.may_fill(queue)
            if not queue:
                return
            action = queue.pop()
            if action.done:  # an earlier handler saw to it
                self._seen_to.append(action)
                continue
            if (self.unchosen or self.to_pass_over) and self._pass_over(action):
                continue
            self._carry_out(action)
            if self.results[-1].status is _FAILED and not self.keep_going:
                return

    def _left(self) -> list[Action]:
        """What is still to be begun, the next one last."""
        left = [a for a in self.playbook.actions_sorted() if not a.done and a.id not in self._begun]
        left.reverse()
        return left

    def _pass_over(self, action: Action) -> bool:
        """Give the action a row if others were chosen, or if an earlier run has done it."""
        if action.id in self.unchosen:
            message = "not chosen"
        elif self.to_pass_over and self.to_pass_over[self._digest(action)] > 0:
            self.to_pass_over[self._digest(action)] -= 1
            message = f"done in run {self.earlier.run if self.earlier else ''}"
            action.done = action.done or not self.dry_run
        else:
            return False
        self._begun.add(action.id)
        self._actions.append(action)
        self.results.append(_row(action, Status.SKIPPED, message=message))
        return True

    def interrupted(self) -> None:
        """Give Ctrl-C a row: the action it ended, or the one that it kept from beginning."""
        if len(self._actions) > len(self.results):  # it came between the handler and its row
            self.results.append(_row(self._actions[-1], Status.INTERRUPTED))
        if self.results and self.results[-1].status is Status.INTERRUPTED:
            return
        for action in reversed(self._left()):
            if not self._pass_over(action):
                self._begun.add(action.id)
                self._actions.append(action)
                self.results.append(_row(action, Status.INTERRUPTED, message="before it began"))
                return

    def report(self, duration_s: float) -> Report:
        """The report, with a row also for each action that was not reached."""
        for action in reversed(self._left()):
            if not self._pass_over(action):
                self._actions.append(action)
                self.results.append(_row(action, Status.SKIPPED))
        ok = not any(result.status in _WRONG for result in self.results)
        if self.dry_run or (self._journal is None and ok):
            return self._report(tuple(self.results), duration_s)
        done = [self._digest(action) for action in self._seen_to]
        if ok and not self.unchosen:
            both = zip(self._actions, self.results, strict=True)
            done += [self._digest(a) for a, result in both if self._state(a, result) == "done"]
            return self._report(tuple(self.results), duration_s, done)
        rows = [
            (action, result, self._state(action, result))
            for action, result in zip(self._actions, self.results, strict=True)
        ]
        few = sum(state == "left" for _, _, state in rows) <= MAX_SCRIPTS
        written_down = tuple(self._written_down(*row, with_script=few) for row in rows)
        return self._report(written_down, duration_s, done)

    def _report(
        self, results: tuple[Result, ...], duration_s: float, done: Iterable[str] = ()
    ) -> Report:
        earlier = self.earlier
        return Report(
            results=results,
            context=self.session.context.name,
            session=self.session.name,
            started=str(self.started),
            duration_s=duration_s,
            source=self.source,
            dry_run=self.dry_run,
            run="" if self._journal is None else self._journal.run,
            note=self.note,
            keep_going=self.keep_going,
            after=earlier.run if earlier else "",
            digests=(*(earlier.before if earlier else ()), *done),
        )

    def _written_down(
        self, action: Action, result: Result, state: State, *, with_script: bool
    ) -> Result:
        """A row that says what another run needs to go on after it."""
        script = ""
        if with_script and state == "left":
            script = written.script(action, self.actors.find(action.full_name), self.mask)
        return replace(result, written=Written(self._digest(action), state, script))

    def _state(self, action: Action, result: Result) -> State:
        if action.id in self.unchosen:
            return "passed"
        if result.status in _WRONG or action.id not in self._begun:
            return "left"
        return "" if result.status is Status.PENDING or action.id in self._adders else "done"

    def _digest(self, action: Action) -> str:
        found = self._digests.get(action.id)
        if found is None:
            handler = self.actors.find(action.full_name)
            found = self._digests[action.id] = written.digest(action, handler, self.mask)
        return found

    def _carry_out(self, action: Action) -> None:
        """Add the action's row, and mark it when it is done; raises only KeyboardInterrupt."""
        self._begun.add(action.id)
        self._actions.append(action)
        handler = self.actors.find(action.full_name)
        harmless = handler is not None and handler.harmless
        if self._unlogged and (not harmless or action.actor == "log"):
            self.log_all()  # it may look at the log, or leave lines there itself
        if self.begin_journal is not None and (not harmless or self._is_telling):
            self._tell(None if harmless or handler is None else action)
        try:
            result = self._result(action, handler)
        except KeyboardInterrupt:
            self.results.append(_row(action, _INTERRUPTED))
            raise
        if result.status in _DONE and not self.dry_run:
            action.done = True
            action.result = result.value
        self.results.append(result)
        self._is_telling = self._is_telling or not harmless
        self._log(action, result, harmless=harmless)
        if result.status is _INTERRUPTED:
            raise KeyboardInterrupt

    def _tell(self, action: Action | None) -> None:
        """Write into the journal how actions ended since, and which one begins now.

        How an action ended waits until then: that is a moment, and one write an action instead
        of two. One that changes nothing is not told of when it begins, but it may take long.
        """
        try:
            journal = self._journal
            if journal is None:
                if action is None or self.begin_journal is None:
                    return
                journal = self._journal = self.begin_journal(self._report((), 0.0))
            if action is not None and action.id not in self._places:
                self._plan(journal, [action, *self._queue[: -PLANNED - 1 : -1]])
            ended = len(self.results)
            for number in range(self._journaled, ended):
                one, result = self._actions[number], self.results[number]
                if one.id not in self._places:
                    self._plan(journal, [one])
                journal.ended(one.id, self._state(one, result), result)
            self._journaled, self._is_telling = ended, False
            journal.begins(None if action is None else action.id)
        except (HeroError, FileNotFoundError) as error:
            self._no_journal(error)

    def _plan(self, journal: Journal, actions: Iterable[Action]) -> None:
        """Tell the journal of actions, before it is told how they begin and end."""
        planned = []
        for one in actions:
            if one.id not in self._places:
                place = self._places[one.id] = one.where
                planned.append((one.id, one.full_name, place, self._digest(one)))
        journal.plans(planned)

    def _no_journal(self, error: HeroError | FileNotFoundError) -> None:
        """Go on without: a journal that cannot be written stops no run."""
        self.begin_journal = None
        self._add_note(f"it could not be resumed if it were killed: {error}")

    def _log(self, action: Action, result: Result, *, harmless: bool) -> None:
        """Leave a line in the session's log.

        Lines of actions that change nothing wait, for a moment, while more such actions follow.
        """
        if self.dry_run or action.actor == "log":  # which found it or wrote it there
            return
        status = result.status
        kind: LogType = "error" if status in _WRONG else "stdout"
        began, moment = perf_counter(), self.now()
        if not self._unlogged:
            self._unlogged_since = began
        self._unlogged.append((_told(result), action.actor[:CATEGORY_WIDTH], kind, moment))
        if not harmless or status is not _OK or began - self._unlogged_since > LOG_WAITS_S:
            self.log_all()

    def log_all(self) -> None:
        """Write the lines that wait; a log that cannot be written stops no run."""
        entries, self._unlogged = self._unlogged, []
        if not entries or self._is_unlogged:
            return
        try:
            if self._logger is None:
                self._logger = self.session.logger()
            if len(entries) == 1:
                self._logger.log(*entries[0])
            else:
                self._logger.log_all(entries)
        except HeroError as error:
            self._is_unlogged = True
            self._add_note(f"this run is not logged: {error}")

    def _add_note(self, note: str) -> None:
        self.note = f"{self.note}\n{note}" if self.note else note

    def _result(self, action: Action, handler: Handler | None) -> Result:
        if handler is None:
            return _row(action, Status.PENDING, message="no actor handles it")
        reads = filling.reads(self.session, action) if self.dry_run else ""
        if self.dry_run and not (handler.harmless and filling.can_be_tried(action, self.plan)):
            message = f"would run; {reads}" if reads else "would run"
            return _row(action, Status.PENDING, message=message)
        self._current, self._said = action, _NOTHING
        where = self._places.get(action.id) or action.where
        name = action.full_name
        self.session.by = f"{where} !!{name}"
        output = Output(self._share())
        failure: Failure | None = None
        value: object = None
        began = perf_counter()
        try:
            with output:
                value = self._called(handler, action)
            status, value = self._outcome(action, value)
        except KeyboardInterrupt:
            status = _INTERRUPTED
        except BaseException as error:  # noqa: BLE001  # foreign code: what it raises is the result
            status, failure = _FAILED, _failure(error, action, self.mask)
        seconds = round(perf_counter() - began, 6)
        message = "" if value is None else self.mask(_shown(value, self._share()))
        printed = self.mask(text) if (text := output.text()) else ""
        self._room -= len(message) + len(printed)
        kept = value if failure is None else None
        if reads:
            message = f"{reads}; {message}" if message else reads
        return Result(name, status, seconds, message, printed, where, failure, kept, None, action)

    def _share(self) -> int:
        """How many characters a result or an output may have."""
        room = self._room
        return MAX_SHOWN if room >= MAX_SHOWN else max(room, FEW)

    def _called(self, handler: Handler, action: Action) -> object:
        accepted, params, origins = handler.accepts, action.params, bind.AS_WRITTEN
        if self._may_fill:
            params, origins = filling.fill(self.session, action, self.plan)
        words, keywords = bind.checked_arguments(accepted, action, params, self.now(), origins)
        if accepted.takes_session:
            value = handler.function(self.session, *words, **keywords)
        else:
            value = handler.function(*words, **keywords)
        return _awaited(value) if hasattr(type(value), "__await__") else value

    def _outcome(self, action: Action, value: object) -> tuple[Status, object]:
        if isinstance(value, Changed):
            return Status.CHANGED, value.value
        if isinstance(value, Skipped):
            return Status.SKIPPED, value.reason
        if isinstance(value, Include):
            if value.fetch is None:
                return self._bring_in(action, value.texts, once=value.once)
            if self.dry_run:
                return Status.PENDING, "would fetch"
            return self._bring_in(action, value.fetch(), once=value.once)
        return _OK, value

    def _bring_in(
        self, action: Action, texts: tuple[SourceText, ...], *, once: bool
    ) -> tuple[Status, object]:
        """Add the actions of the texts next after the action that asked for them.

        All of them or, when one text is at fault, none.
        """
        chain = self._chains.get(action.id) or self._first(action.source)
        if self._included is None:
            sources = {id(one.source): one.source for one in self.playbook.actions}
            self._included = {path for one in sources.values() for path in _origin(one)}
        new: list[Action] = []
        chains: list[tuple[Path, ...]] = []
        paths: set[Path] = set()
        for text in texts:
            path = text.path.resolve()
            if text.origin is not None:
                self._labels[path] = text.origin.label(text.path)
            self._check_chain(chain, path)
            if once and (path in self._included or path in paths):
                continue
            paths.add(path)
            actions = parsed(text)
            new += actions
            chains += [(*chain, path)] * len(actions)
        if texts and not paths:
            return Status.SKIPPED, "already included"
        _check(new, self.actors, self.now(), strict=self.strict)
        self._plan_for(new)
        self.playbook.add(actions=new, prio=action.priority, after=action)
        self._included |= paths
        self._chains |= {one.id: chain for one, chain in zip(new, chains, strict=True)}
        files = ", ".join(text.path.name for text in texts[:3])
        what = "1 action" if len(new) == 1 else f"{len(new)} actions"
        return Status.OK, f"{what} from {files or 'an empty folder'}"

    def _plan_for(self, new: list[Action]) -> None:
        """Check what the new actions refer to; they come next, unless priorities say otherwise."""
        if not filling.may_refer(new):
            return
        left_out = self.dry_run and any(row.status is Status.PENDING for row in self.results)
        plan = filling.check(
            self.session,
            [action for action in new if self.actors.find(action.full_name)],
            lambda action: _may_define(self.actors, action),
            settled=not (self.playbook.has_priorities or left_out),
            dry_run=self.dry_run,
        )
        self.plan = replace(self.plan, waiting=self.plan.waiting | plan.waiting)

    def _first(self, source: Source | None) -> tuple[Path, ...]:
        """The chain of a text that nobody brought in."""
        chain = _origin(source)
        if chain and source is not None and source.origin is not None:
            self._labels[chain[0]] = source.origin.label(Path(source.name))
        return chain

    def _check_chain(self, chain: tuple[Path, ...], path: Path) -> None:
        if path in chain:
            links = (self._labels.get(one, str(one)) for one in (*chain, path))
            raise ActionError(
                "these bring each other in: " + " → ".join(links),
                hint="take one of them out of the circle",
            )
        if len(chain) >= MAX_DEPTH:
            raise ActionError(
                f"more than {MAX_DEPTH} files bring each other in, the last {path}",
                hint="let one file include the others",
            )

    def _hear(self, message: str, fraction: float | None) -> None:
        self._said = message, fraction

    def outcomes(self) -> list[tuple[Action, Result]]:
        """How actions ended so far; from any thread."""
        results = self.results
        return list(zip(self._actions[: len(results)], results.copy(), strict=False))

    def current(self) -> Action | None:
        """What is being carried out; from any thread."""
        action, ended = self._current, len(self.results)
        return action if len(self._actions) > ended and self._actions[-1] is action else None

    def progress(self) -> Progress | None:
        """Where the run is; from any thread, and None before the first action."""
        action = self._current
        if action is None:
            return None
        total = len(self.playbook)
        said, fraction = self._said
        number = min(len(self.results) + 1, total)
        return Progress(number, total, action.full_name, self.mask(said), fraction)


_NOTHING: tuple[str, float | None] = ("", None)

# Python looks a member up by its name each time
_OK, _FAILED, _INTERRUPTED = Status.OK, Status.FAILED, Status.INTERRUPTED

_DONE = frozenset([Status.OK, Status.CHANGED, Status.SKIPPED])

_WRONG = frozenset([Status.FAILED, Status.INTERRUPTED])


class Output(io.TextIOBase):
    """Where a handler prints to: keeps the beginning, and says how much it left out.

    As a context manager it stands in for stdout and stderr; contextlib's redirections do the
    same and take a fifth of a quick action's time.
    """

    __slots__ = ("_before", "_left_out", "_parts", "_room")

    encoding = "utf-8"  # programs that draw ask

    def __init__(self, room: int = MAX_SHOWN) -> None:
        # without super's, which does nothing: one is made for each action
        self._parts: list[str] = []
        self._room = room
        self._left_out = 0
        self._before: tuple[TextIO, TextIO]

    def __enter__(self) -> Self:
        self._before = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = self
        return self

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._before

    def writable(self) -> bool:
        """True: `print` asks."""
        return True

    def write(self, text: str) -> int:
        """Take the text in; what does not fit is only counted."""
        kept = text[: self._room]
        if kept:
            self._parts.append(kept)
        self._room -= len(kept)
        self._left_out += len(text) - len(kept)
        return len(text)

    def text(self) -> str:
        """What was printed."""
        if not self._parts:
            return ""
        text = _clean("".join(self._parts))
        return text + (f"\n… {self._left_out} characters more" if self._left_out else "")


def _origin(source: Source | None) -> tuple[Path, ...]:
    """The file that a text was read from, if it was."""
    path = Path(source.name) if source is not None else Path()
    return (path.resolve(),) if path.is_absolute() else ()


def _awaited(awaitable: Awaitable[Any]) -> object:
    """Its result, from an event loop of its own: a notebook's thread has one already.

    Ctrl-C cancels it and waits for it to end.
    """
    import asyncio  # noqa: PLC0415  # slow to import, and few handlers are async

    task: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[Any]]] = []
    ended: list[tuple[object, BaseException | None]] = []

    async def main() -> object:
        task.append((asyncio.get_running_loop(), asyncio.ensure_future(awaitable)))
        return await task[0][1]

    done = threading.Event()  # Thread.join forgets the thread when Ctrl-C ends it (bpo-45274)

    def work() -> None:
        try:
            ended.append((asyncio.run(main()), None))
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits
            ended.append((None, error))
        finally:
            done.set()

    threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True).start()
    try:
        done.wait()
    except KeyboardInterrupt:
        if task:
            loop, running = task[0]
            with suppress(RuntimeError):  # it ended meanwhile
                loop.call_soon_threadsafe(running.cancel)
        done.wait(_CANCEL_S)
        raise
    value, error = ended[0]
    if error is not None:
        raise error
    return value


_CANCEL_S = 2.0
"""How long a cancelled handler may take to clean up before the cell ends without it."""


def _row(action: Action, status: Status, duration_s: float = 0.0, **said: Any) -> Result:
    return Result(action.full_name, status, duration_s, place=action.where, given=action, **said)


def _told(result: Result) -> str:
    """A row as the log tells it: what, how it ended, what came of it, what it printed."""
    failure = result.failure
    said = f"{failure.message}; {failure.hint}".rstrip("; ") if failure else result.message
    told = f"{result.action} {result.status}"
    if said:
        told = f"{told}: {said}"
    return f"{told}\n{result.output}" if result.output else told


def _failure(error: BaseException, action: Action, mask: Callable[[str], str]) -> Failure:
    kind = type(error).__name__
    if isinstance(error, HeroError):
        place = error.place or action.place
        return Failure(
            kind,
            mask(_cut(str(error.message), MAX_SHOWN)),
            mask(_cut(str(error.hint), MAX_SHOWN)),
            tuple(map(mask, place.excerpt)) if place else (),
        )
    import traceback  # noqa: PLC0415  # it reads source files, and few runs fail

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__]
    return Failure(
        kind,
        mask(_said(error, str)) or "no message",
        excerpt=tuple(map(mask, action.place.excerpt)) if action.place else (),
        traceback=mask(_cut("".join(traceback.format_list(own[-20:])), MAX_SHOWN)),
    )


def _shown(value: object, room: int = MAX_SHOWN) -> str:
    """A result as text; bounded, whatever it is."""
    if value is None:
        return ""
    if type(value) is str:
        return _cut(value, room)
    plain = isinstance(value, str | Path | bool | int | float)
    return _said(value, str if plain else _REPR.repr, room)


def _said(value: object, speak: Callable[[Any], str], room: int = MAX_SHOWN) -> str:
    """What a foreign object says of itself, if it does."""
    try:
        return _cut(speak(value), room)
    except Exception as error:  # noqa: BLE001  # it may raise anything
        return f"<{type(value).__name__} that cannot be shown: {type(error).__name__}>"


def _cut(text: str, room: int) -> str:
    left = len(text) - room
    if left > 0:
        text = f"{text[:room]}\n… {left} characters more"
    return text if text.isascii() else _clean(text)


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 500
_REPR.maxlist = _REPR.maxdict = _REPR.maxtuple = _REPR.maxset = 50


def _clean(text: str) -> str:
    """The text without halves of surrogate pairs, which no message and no file can carry."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
