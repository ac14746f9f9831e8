"""Door: one shell and the default workspace, and what binds the two."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from IPython.core.error import StdinNotImplementedError

import hero_kernel
from hero_kernel import default, front_end
from hero_kernel.cells import Cell
from hero_kernel.errors import HeroError, NotInteractiveError, SecretError
from hero_kernel.front_end import FrontEnd
from hero_kernel.redaction import Redactor
from hero_kernel.redaction.spellings import SHORTEST

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from hero_kernel import Session, Workspace
    from hero_kernel.binding import Surroundings
    from hero_kernel.binding.trusted import Kind
    from hero_kernel.ownership import Hold
    from hero_kernel.report.steady import Steady
    from magics.holding import Holding
    from magics.live import Ticker
    from magics.panels.shown import Shown
    from magics.panels.watching import Watching


class Door:
    """One shell and the default workspace.

    Attributes:
        shell: IPython's.
        how: How the notebook came to its session: "new", "resumed", "renamed", "copied",
            "ephemeral", "reset", or "selected" by Python.
        notice: What the user is still to be told about that; empty when there is nothing.
        raw_cell: The cell that runs, as the user wrote it.
        redactor: Knows the values that the shell must not show.
        docs_asked: What `%hero_context --docs` or `--no-docs` said last; None when neither did.
        on_bound: Called when the notebook was bound to a session, on whatever thread.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.how = ""
        self.notice = ""
        self.raw_cell = ""
        self.redactor = _redactor()
        self.docs_asked: bool | None = None
        self.on_bound: Callable[[], object] | None = None
        self._ticker: Ticker | None = None
        self._holding: Holding | None = None
        self._watching: Watching | None = None
        self._panels: Shown | None = None
        self._cell_id = ""
        self._cell: Cell | None = None
        self._depth = 0
        self._bound: Session | None = None
        self._file = ""
        self._facts: tuple[object, ...] = ()
        self._before: FrontEnd | None = None
        self._exported: dict[str, str | None] = {}
        self._exporting = RLock()  # panels export from threads of their own
        self._folder = _here()
        self._project_docs: bool | None = None

    @property
    def workspace(self) -> Workspace:
        """The default workspace; it asks here what the notebook is bound to, and for secrets."""
        return hero_kernel.workspace()

    @property
    def ticker(self) -> Ticker:
        """Shows where long runs are."""
        if self._ticker is None:
            from magics.live import Ticker  # noqa: PLC0415  # it brings every room along

            self._ticker = Ticker()
        return self._ticker

    @property
    def holding(self) -> Holding:
        """Says that this shell is on its session, and hears of others that are."""
        if self._holding is None:
            from magics.holding import Holding  # noqa: PLC0415  # as `ticker`

            self._holding = Holding(self)
        return self._holding

    @property
    def watching(self) -> Watching:
        """Tells the panels of this shell what has changed."""
        if self._watching is None:
            from magics.panels.watching import Watching  # noqa: PLC0415  # as `ticker`

            self._watching = Watching()
        return self._watching

    @property
    def panels(self) -> Shown:
        """The panels that the cells of this shell show."""
        if self._panels is None:
            from magics.panels.shown import Shown  # noqa: PLC0415  # as `ticker`

            self._panels = Shown()
            self.workspace.cells.held_by(self._panels)
        return self._panels

    @property
    def is_live(self) -> bool:
        """Whether a widget may live here: in a kernel, seen by somebody, not in docs mode."""
        return hasattr(self.shell, "kernel") and not self.docs and self._kind() != "batch"

    @property
    def hold(self) -> Hold | None:
        """The lease on the session, while it is this process's."""
        return self.holding.hold

    def shared(self) -> tuple[str, ...]:
        """Who else is on the session, in lines; none when nobody is."""
        return self.holding.shared()

    def open(self) -> None:
        """Let the default workspace look here; nothing is built for it."""
        self._before = front_end.replace(
            FrontEnd(self.surroundings, self.ask, self.cell, self.redactor)
        )

    def session(self, *, tell: bool = True) -> Session:
        """The session the notebook is bound to; bound now if it was not.

        Args:
            tell: Whether to show what the user should know about a new binding; else it is left
                in `notice`.

        Raises:
            SessionHeldError: Another kernel has taken it over.
        """
        _ = self.docs  # a setting that cannot be read is told by every magic
        workspace = self.workspace
        found = workspace.session()
        if found is not self._bound:  # the first use, or Python has bound or selected it meanwhile
            bound = workspace.bound
            self.bind(found, "selected" if bound is None else bound.how)
            self.notice = "" if bound is None else bound.notice
        elif self._said() != self._facts:
            workspace.follow()
            self.how = self.how if workspace.bound is None else workspace.bound.how
            self._remember()
        self.holding.check()
        if self.notice and tell:
            notice, self.notice = self.notice, ""
            self.tell(notice)
        return found

    @property
    def docs(self) -> bool:
        """Whether what is shown must be the same at the next execution: docs mode.

        Raises:
            UsageError: `HERO_DOCS` is neither yes nor no.
        """
        if self.docs_asked is None and not self._project_docs and "HERO_DOCS" not in os.environ:
            return False
        from magics import docs  # noqa: PLC0415  # seldom

        return docs.decided(self.docs_asked, os.environ, self._project_docs)[0]

    @property
    def docs_why(self) -> str:
        """How things are shown, in words, and who said so."""
        from magics import docs  # noqa: PLC0415  # as `ticker`

        is_on, why = docs.decided(self.docs_asked, os.environ, self._project_docs)
        how = "the same at every execution, in docs mode" if is_on else "as things are"
        return f"{how}, said by {why}" if why else how

    def shown(self, thing: Any) -> dict[str, Any] | None:
        """A thing of ours as front ends show it, steady in docs mode; None for a foreign one."""
        from magics import docs  # noqa: PLC0415  # as `ticker`

        is_docs = False
        with suppress(HeroError):  # a setting or a store: the magic that made the thing says it
            is_docs = self.docs
            thing = docs.steady(thing, self._steady()) if is_docs else thing
        return docs.bundle(thing, docs=is_docs)

    def show_steady(self, error: BaseException) -> None:
        """In docs mode, make an error's own words steady."""
        with suppress(HeroError):  # as `shown`
            if self.docs:
                from magics import docs  # noqa: PLC0415  # seldom

                docs.steady_error(error, self._steady())

    def _steady(self) -> Steady:
        from magics import docs  # noqa: PLC0415  # seldom

        workspace = self.workspace
        notebook = self.surroundings().notebook
        folder = self._folder if notebook is None else notebook.parent
        return docs.steady_for(workspace.home, workspace.selected_session, folder)

    def bind(self, session: Session, how: str, *, takeover: bool = False) -> None:
        """Take a session for the notebook's: remember how, hold it, and export its variables."""
        self.export(session)  # first: a store that is away leaves it unbound
        self.holding.take(session, takeover=takeover)
        self._bound, self.how, self.notice = session, how, ""
        self._remember()
        with suppress(HeroError):  # a file that cannot be read is told where it would decide
            self._project_docs = self.workspace.evidence().docs
        if self.on_bound is not None:
            self.on_bound()

    def _remember(self) -> None:
        """Keep what was said about the notebook's file, to see when it changes."""
        bound = self.workspace.bound
        self._file = "" if bound is None or bound.notebook is None else str(bound.notebook)
        self._facts = self._said()

    def tell(self, text: str) -> None:
        """Show a line in a display of its own; in docs mode, nothing: it is about this moment."""
        if self.docs:
            return
        from magics.display import Line  # noqa: PLC0415  # as `ticker`

        line = Line(text)
        self.shell.display_pub.publish({"text/plain": repr(line), "text/html": line._repr_html_()})

    def _said(self) -> tuple[object, ...]:
        """What tells that the notebook may be another file by now; asked at every use."""
        named = self.shell.user_ns.get("__vsc_ipynb_file__")
        cell_id = self._cell_id
        return (
            named if isinstance(named, str) else "",
            os.environ.get("JPY_SESSION_NAME"),
            cell_id.partition("#")[0] if cell_id.startswith(_ADDRESS) else "",
            bool(self._file) and os.path.exists(self._file),  # noqa: PTH110  # a third of the time
        )

    def release(self) -> None:
        """Give the process back its variables if the session they came from was deleted."""
        if self.workspace.selected_session is None:
            self.workspace.session_release(ends=False)
            self._bound = None
            self.unexport()

    def before_cell(self, info: ExecutionInfo) -> None:
        """Remember which cell runs: some front ends name the notebook in its id."""
        self._depth += 1
        if self._depth == 1:  # %%capture and others run a cell within the cell
            self.raw_cell = str(info.raw_cell or "")
            self._cell_id = str(getattr(info, "cell_id", "") or "")
            self._cell = None
            workspace = default.built()
            if workspace is not None and workspace.cells:  # the cell may be one of them again
                workspace.cells.deleted(self._deleted(info))
        if _SECRETS.search(self.raw_cell):
            from magics.secret import in_cell  # noqa: PLC0415  # as `ticker`

            with suppress(HeroError):  # of wrong settings, which the magic will tell
                for text in in_cell(self.raw_cell):  # before the cell is put into the history
                    self.hide(text)

    def after_cell(self, result: ExecutionResult) -> None:
        """The cell has ended; one that failed half-way takes nothing back."""
        workspace = default.built() if self._depth == 1 and result.success else None
        if workspace is not None and workspace.cells:
            cell = self.cell()
            if cell is not None:
                workspace.cells.ended(cell)
        self._depth = max(0, self._depth - 1)  # the cell that loaded us ends without a beginning
        if self._bound is None and not self._depth:
            self._hold_python_s()

    def _hold_python_s(self) -> None:
        """Hold the session that Python was given before any magic was used, if there is one."""
        workspace = default.built()
        session = None if workspace is None else workspace.selected_session
        if session is not None:
            with suppress(HeroError):
                self.holding.take(session)

    def leave(self) -> None:
        """Give back the lease, at the end; the session ends if nobody else is on it."""
        if self._watching is not None:
            self._watching.stop()
        if self._holding is not None:
            self._holding.leave()

    def cell(self) -> Cell | None:
        """The cell that runs; None between cells."""
        if not self._depth:
            return None
        if self._cell is None:
            self._cell = Cell(self._cell_id, self.raw_cell, f"In[{cell_number(self.shell)}]")
        return self._cell

    def by(self, what: str) -> str:
        """What the sources of values call a magic's change: `In[3] %hero_env set`."""
        cell = self.cell()
        return f"{cell.name} {what}" if cell else what

    def hides(self, name: str) -> bool:
        """Whether the process has another value of a variable than the session."""
        has = os.environ.get(name)
        if name not in self._exported:
            return has is not None
        return self._exported[name] not in (None, has)

    def _deleted(self, info: ExecutionInfo) -> list[str]:
        """The ids of cells that were deleted since the last one ran, where the front end tells.

        ipykernel hands the metadata on from 7.3; before, they are in the request.
        """
        told = getattr(info, "cell_meta", None)
        if told is None:
            request = getattr(self.shell, "parent_header", None)
            told = request.get("metadata") if isinstance(request, dict) else None
        found = told.get("deletedCells") if isinstance(told, dict) else None
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []

    def close(self) -> None:
        """Leave the process as it was found."""
        self.leave()
        if self._ticker is not None:
            self._ticker.stop()
        if self._panels is not None:
            self._panels.close()
        self.unexport()
        here = front_end.here()
        if here is not None and here.prompt == self.ask:
            front_end.replace(self._before)

    def ask(self, question: str) -> str:
        """Ask the user something; the answer is neither shown nor kept by the front end.

        Raises:
            NotInteractiveError: The front end takes no questions, or the user declined to answer.
        """
        from hero_kernel.workspaces import terminal_prompt  # noqa: PLC0415  # as `ticker`

        kernel = getattr(self.shell, "kernel", None)
        ask = terminal_prompt if kernel is None else kernel.getpass
        hint = "set HERO_SECRET_FILE"
        try:
            return str(ask(question))
        except StdinNotImplementedError:
            raise NotInteractiveError("nobody can be asked here", hint=hint) from None
        except EOFError:
            raise NotInteractiveError("nobody answered", hint=hint) from None

    def hide(self, text: str) -> None:
        """Mask a text from now on; one that is too short for it is left."""
        if len(text.strip()) >= SHORTEST:
            self.workspace.redactor.add(text)

    def say(self, thing: object) -> None:
        """Show something at once, in a line, while a magic goes on."""
        sys.stdout.write(f"{thing}\n")
        sys.stdout.flush()

    def _kind(self) -> Kind:
        """Who asks."""
        from hero_kernel import binding  # noqa: PLC0415  # as `ticker`

        kernel = getattr(self.shell, "kernel", None)
        return binding.kind(
            self.shell.user_ns,
            self._cell_id,
            in_kernel=kernel is not None,
            takes_questions=bool(getattr(kernel, "_allow_stdin", True)),  # of the running cell
        )

    def surroundings(self) -> Surroundings:
        """What the shell, its front end and the environment say about the notebook."""
        import platform  # noqa: PLC0415  # as `ticker`

        from hero_kernel import binding  # noqa: PLC0415  # as `ticker`

        variables, cell_id, environ = self.shell.user_ns, self._cell_id, os.environ
        kind = self._kind()
        folder = binding.here()
        place = folder or Path(os.devnull)  # a folder that was removed holds no notebook
        is_batch = kind == "batch"
        found = binding.notebook(variables, environ, cell_id, place, is_batch=is_batch)
        return binding.Surroundings(
            environ,
            variables,
            notebook=found.path,
            notebook_why=found.why,
            passed_over=found.passed_over,
            kind=kind,
            folder=folder,
            cell_id=cell_id,
            machine=platform.node(),
            batch_input=binding.batch_input(variables, place) if is_batch else None,
        )

    def export(self, session: Session) -> None:
        """Make the session's variables the process's, and give back what another one's hid.

        Nobody is asked for anything: what is locked is left out, and so is what is damaged.
        """
        try:
            env = session.env_all(locked=False)
        except SecretError:
            env = {}
            for key, shown in session.env_shown().items():
                with suppress(SecretError):
                    env |= {} if shown.state == "locked" else {key: session.env_get(key)}
        with self._exporting:
            self.unexport(but=env)
            for key, value in env.items():
                before = os.environ.get(key)
                with suppress(ValueError):  # a NUL or half a surrogate pair: the session's alone
                    os.environ[key] = value
                    self._exported.setdefault(key, before)

    def unexport(self, *, but: Container[str] = ()) -> None:
        """Give the process back the variables that the session's had hidden."""
        with self._exporting:
            for key in [key for key in self._exported if key not in but]:
                before = self._exported.pop(key)
                if before is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = before


def _redactor() -> Redactor:
    """The default workspace's; a new one where none is built, which it takes over then."""
    workspace = default.built()
    return Redactor() if workspace is None else workspace.redactor


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed, and no notebook is in it
        return Path(os.devnull)


_SECRETS = re.compile("hero_(secret|env|param|db)")

_ADDRESS = "vscode-notebook-cell:"
"""How the cell ids begin that name the notebook."""


def cell_number(shell: InteractiveShell) -> int:
    """The number the front end shows beside the cell that runs.

    `execution_count` is already the next cell's in some versions of IPython; the history has
    one input more than there were cells before, in all of them.
    """
    history = shell.history_manager
    return shell.execution_count if history is None else len(history.input_hist_parsed) - 1
