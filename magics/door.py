"""Door: one shell and the default workspace, and what binds the two."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from IPython.core.error import StdinNotImplementedError

import hero_kernel
from hero_kernel.errors import HeroError, NotInteractiveError, SecretError
from hero_kernel.redaction.spellings import SHORTEST

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

    from hero_kernel import Session, Workspace
    from hero_kernel.binding import Surroundings
    from hero_kernel.report.steady import Steady
    from magics.live import Ticker


class Door:
    """One shell and the default workspace.

    Attributes:
        shell: IPython's.
        how: How the notebook came to its session: "new", "resumed", "reset", or "selected" by
            Python.
        raw_cell: The cell that runs, as the user wrote it.
        docs_asked: What `%hero_context --docs` or `--no-docs` said last; None when neither did.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.how = ""
        self.raw_cell = ""
        self.docs_asked: bool | None = None
        self._ticker: Ticker | None = None
        self._cell_id = ""
        self._depth = 0
        self._bound: Session | None = None
        self._others: tuple[Callable[[], Surroundings], Callable[[str], str]] | None = None
        self._exported: dict[str, str | None] = {}
        self._folder = _here()

    @property
    def workspace(self) -> Workspace:
        """The default workspace; it asks here what the notebook is bound to, and for secrets."""
        workspace = hero_kernel.workspace()
        if workspace.surroundings != self.surroundings:
            self._others = workspace.surroundings, workspace.prompt
            workspace.surroundings, workspace.prompt = self.surroundings, self.ask
        return workspace

    @property
    def ticker(self) -> Ticker:
        """Shows where long runs are."""
        if self._ticker is None:
            from magics.live import Ticker  # noqa: PLC0415  # it brings every room along

            self._ticker = Ticker()
        return self._ticker

    def session(self) -> Session:
        """The session the notebook is bound to; bound now if it was not."""
        _ = self.docs  # a setting that cannot be read is told by every magic
        workspace = self.workspace
        found = workspace.session()
        if found is not self._bound:  # the first use, or Python has bound or selected it meanwhile
            bound = workspace.bound
            self.bind(found, "selected" if bound is None else "new" if bound.is_new else "resumed")
        return found

    @property
    def docs(self) -> bool:
        """Whether what is shown must be the same at the next execution: docs mode.

        Raises:
            UsageError: `HERO_DOCS` is neither yes nor no.
        """
        if self.docs_asked is None and "HERO_DOCS" not in os.environ:
            return False
        from magics import docs  # noqa: PLC0415  # seldom

        return docs.decided(self.docs_asked, os.environ)[0]

    @property
    def docs_why(self) -> str:
        """How things are shown, in words, and who said so."""
        from magics import docs  # noqa: PLC0415  # as `ticker`

        is_on, why = docs.decided(self.docs_asked, os.environ)
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

    def bind(self, session: Session, how: str) -> None:
        """Take a session for the notebook's: remember how, and export its variables."""
        self.export(session)  # first: a store that is away leaves it unbound
        self._bound, self.how = session, how

    def release(self) -> None:
        """Give the process back its variables if the session they came from was deleted."""
        if self.workspace.selected_session is None:
            self.unexport()

    def before_cell(self, info: ExecutionInfo) -> None:
        """Remember which cell runs: some front ends name the notebook in its id.

        Here, and not at loading, the workspace is told whom to ask: wrong settings, which let none
        be built, are told by the first magic and stop neither the extension nor Python.
        """
        self._depth += 1
        if self._depth == 1:  # %%capture and others run a cell within the cell
            self.raw_cell = str(info.raw_cell or "")
            self._cell_id = str(getattr(info, "cell_id", "") or "")
        with suppress(HeroError):
            _ = self.workspace
            if _SECRETS.search(self.raw_cell):
                from magics.secret import in_cell  # noqa: PLC0415  # as `ticker`

                for text in in_cell(self.raw_cell):  # before the cell is put into the history
                    self.hide(text)

    def after_cell(self, _: ExecutionResult) -> None:
        """The cell has ended."""
        self._depth = max(0, self._depth - 1)  # the cell that loaded us ends without a beginning

    def close(self) -> None:
        """Leave the process as it was found."""
        if self._ticker is not None:
            self._ticker.stop()
        self.unexport()
        if self._others is not None:
            with suppress(HeroError):
                workspace = hero_kernel.workspace()
                if workspace.surroundings == self.surroundings:
                    workspace.surroundings = self._others[0]
                if workspace.prompt == self.ask:
                    workspace.prompt = self._others[1]

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

    def surroundings(self) -> Surroundings:
        """What the shell, its front end and the environment say about the notebook."""
        from hero_kernel.binding import Surroundings  # noqa: PLC0415  # as `ticker`

        variables = self.shell.user_ns
        notebook, why = notebook_path(variables, os.environ, self._cell_id, _here())
        return Surroundings(os.environ, variables, notebook, why)

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
        self.unexport(but=env)
        for key, value in env.items():
            before = os.environ.get(key)
            with suppress(ValueError):  # a NUL or half a surrogate pair: the session's alone
                os.environ[key] = value
                self._exported.setdefault(key, before)

    def unexport(self, *, but: Container[str] = ()) -> None:
        """Give the process back the variables that the session's had hidden."""
        for key in [key for key in self._exported if key not in but]:
            before = self._exported.pop(key)
            if before is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = before


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed, and no notebook is in it
        return Path(os.devnull)


_SECRETS = re.compile("hero_(secret|env|param|db)")
_UUID = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def notebook_path(
    variables: Mapping[str, Any], environ: Mapping[str, str], cell_id: str, cwd: Path
) -> tuple[Path | None, str]:
    """The notebook's file and who named it, where the front end can be trusted to know.

    `JPY_SESSION_NAME` is no path by promise: it is absolute only for a named session, a folder
    for an empty name, and from VS Code it carries a new UUID at every connection. It counts only
    when a notebook of that name exists.
    """
    named = variables.get("__vsc_ipynb_file__")
    if isinstance(named, str) and Path(named).is_absolute():
        return Path(named), "VS Code"
    if cell_id.startswith("vscode-notebook-cell:"):
        path = Path(unquote(urlsplit(cell_id).path))
        if path.is_absolute() and path.suffix == ".ipynb":
            return path, "VS Code's cell id"
    session_name = environ.get("JPY_SESSION_NAME", "")
    path = Path(session_name)
    if path.suffix == ".ipynb" and "-jvsc-" not in path.name and not _UUID.search(path.stem):
        path = path if path.is_absolute() else cwd / path.name
        if path.is_file():
            return path, "JPY_SESSION_NAME"
    return None, ""
