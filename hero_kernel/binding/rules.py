"""Rules: who names the context and the session, in order; the first one decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from hero_kernel import contexts, sessions
from hero_kernel.binding import ipynb, project, users
from hero_kernel.errors import BadNameError, SessionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hero_kernel.binding import registry
    from hero_kernel.binding.ipynb import Ipynb
    from hero_kernel.binding.project import Project
    from hero_kernel.binding.trusted import Kind
    from hero_kernel.contexts import Context
    from hero_kernel.host import Host
    from hero_kernel.sessions import Session

What: TypeAlias = Literal["context", "session"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a binding can be read from.

    Attributes:
        environ: Environment variables: `HERO_CONTEXT`, `HERO_SESSION`, `JUPYTERHUB_USER`.
        variables: The notebook's variables: `hero_context`, `hero_session`.
        notebook: The notebook's file, where the front end can be trusted to know it.
        notebook_why: Who said so.
        passed_over: What else the front end said, and why it did not count.
        kind: Who asks.
        folder: Where the program runs; project files are looked for from there upward when there
            is no notebook.
        cell_id: The running cell's, as the front end sends it.
        machine: The machine's name.
        batch_input: The notebook that a batch run says it runs: only what it says itself counts.
    """

    environ: Mapping[str, str]
    variables: Mapping[str, object]
    notebook: Path | None = None
    notebook_why: str = ""
    passed_over: tuple[str, ...] = ()
    kind: Kind = "program"
    folder: Path | None = None
    cell_id: str = ""
    machine: str = ""
    batch_input: Path | None = None


def program(environ: Mapping[str, str]) -> Surroundings:
    """The surroundings of a program without IPython: the environment, and where it runs."""
    return Surroundings(environ, {}, folder=here())


def here() -> Path | None:
    """The folder the process is in; None when it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return None


class Named(NamedTuple):
    """A name, and who gives it."""

    name: str
    why: str


class Evidence:
    """The surroundings, and what files say; each file is read when it is asked for, and once.

    Attributes:
        around: The surroundings.
    """

    def __init__(self, around: Surroundings, home: Path) -> None:
        self.around = around
        self._home = home

    @property
    def path(self) -> Path | None:
        """The notebook whose own words count: the trusted one, else the one that papermill runs."""
        return self.around.notebook or self.around.batch_input

    @cached_property
    def document(self) -> Ipynb:
        """What the notebook's file says."""
        return ipynb.Ipynb() if self.path is None else ipynb.read(self.path)

    @cached_property
    def projects(self) -> tuple[Project, ...]:
        """The project's file and the user's own, as far as there are any; the former goes first.

        Raises:
            ProjectError: One cannot be used.
        """
        notebook = self.around.notebook
        is_here = notebook is not None and notebook.parent.is_dir()
        folder = notebook.parent if notebook is not None and is_here else self.around.folder
        near = None if folder is None else project.above(folder)
        own = project.at(self._home / project.FILE)
        return tuple({one.file: one for one in (near, own) if one is not None}.values())

    @property
    def docs(self) -> bool | None:
        """Whether output is to be the same every time; None when no project file says so.

        Raises:
            ProjectError: One cannot be used.
        """
        return next((one.docs for one in self.projects if one.docs is not None), None)

    def named(self, what: What) -> Iterator[Named]:
        """Everything that names a context or a session, in order; the first is the one.

        Raises:
            SessionError: A variable is no text.
            ProjectError: A project file cannot be used.
            BadNameError: A name holds `{user}`, and nobody is logged in.
        """
        for name, why in self._said(what):
            if name:
                yield Named(users.filled(name, self.around.environ), why)

    def _said(self, what: What) -> Iterator[tuple[str, str]]:
        around = self.around
        variable, environment = f"hero_{what}", f"HERO_{what.upper()}"
        value = around.variables.get(variable)
        if value is not None and not isinstance(value, str):
            raise SessionError(
                f"the variable {variable} is {type(value).__name__}", hint="make it a name, a str"
            )
        yield value or "", f"the variable {variable}"
        yield around.environ.get(environment, "").strip(), f"{environment} in the environment"
        written = self.document.hero.get(what)
        yield (
            written.strip() if isinstance(written, str) else "",
            f"metadata.hero.{what} of {self.path}",
        )
        for one in self.projects:
            yield getattr(one, what), f"the project file {one}"
        user = around.environ.get(users.HUB, "")
        if what == "context" and user:
            yield users.safe(user), f"{users.HUB} in the environment"


@dataclass(frozen=True, slots=True)
class Bound:
    """A session, and how it was arrived at.

    Attributes:
        session: The session.
        how: "new", "resumed", "renamed", "copied" or "ephemeral".
        context_why: What named the context.
        session_why: What named the session.
        notice: What the user should be told at the first use; may be empty.
        notebook: The notebook that the session is bound to by its path.
        docs: Whether output is to be the same every time, as the project says.
    """

    session: Session
    how: str
    context_why: str
    session_why: str
    notice: str = ""
    notebook: Path | None = None
    docs: bool | None = None

    @property
    def is_new(self) -> bool:
        """Whether it was created just now."""
        return self.how in ("new", "copied", "ephemeral")


def context(host: Host, evidence: Evidence) -> tuple[Context, str]:
    """The context that is named, created when it is not there, and who named it.

    Raises:
        BadNameError: The name cannot name a context.
        HeroError: As `Evidence.named`.
    """
    first = next(evidence.named("context"), None)
    if first is None:
        return contexts.get(host, 0), "the default context, since nothing names another"
    try:
        return contexts.new(host, first.name), first.why
    except BadNameError as error:
        raise _told(error, first) from None


def session(where: Context, why: str, evidence: Evidence) -> Bound:
    """The session in a context that is named, created when it is not there.

    Without a name it is the notebook's own, and without a notebook, and for a batch run, one for
    this run alone.

    Args:
        where: The context.
        why: Who named it.
        evidence: What is known.

    Raises:
        BadNameError: The name cannot name a session.
        HeroError: As `Evidence.named`.
    """
    around, docs = evidence.around, evidence.docs
    first = next(evidence.named("session"), None)
    if first is not None:
        is_new = not sessions.exists(where, first.name)
        try:
            found = sessions.new(where, first.name)
        except BadNameError as error:
            raise _told(error, first) from None
        return Bound(found, "new" if is_new else "resumed", why, first.why, docs=docs)
    if around.notebook is None or around.kind == "batch":
        found = ephemeral(where, around)
        notice = f"{_ALONE[around.kind]} {found.name} for this run alone; {_naming(where)}"
        return Bound(found, "ephemeral", why, _ALONE_SINCE[around.kind], notice, docs=docs)
    from hero_kernel.binding import registry  # noqa: PLC0415  # a program is no notebook

    notebook = registry.met(around.notebook, where.coderoot, around.machine, around.cell_id)
    found, match = registry.claim(where, notebook, where.host.now())
    told = _told_of(match, notebook, found)
    session_why = f"the notebook {notebook.path}, from {around.notebook_why}"
    if told:
        session_why += f"; {told}"
    notice = told if match.how in ("renamed", "copied") else ""
    return Bound(found, match.how, why, session_why, notice, notebook.path, docs)


def ephemeral(where: Context, around: Surroundings) -> Session:
    """A new session for one run: kept for its log, and resumed only by its name."""
    run = around.batch_input
    if run is None:
        return sessions.new_for_a_run(where)
    from hero_kernel.binding import registry  # noqa: PLC0415  # as above

    return sessions.new_for_a_run(where, notebook=registry.text(run))


def follow(bound: Bound, around: Surroundings) -> Bound:
    """The binding of a kernel whose front end says where the notebook is now.

    The session stays. When the file it was is gone, the notebook was renamed: the registry gets
    the new path.
    """
    if bound.notebook is None or around.notebook is None or around.notebook == bound.notebook:
        return bound
    from hero_kernel.binding import registry  # noqa: PLC0415  # as above

    where = bound.session.context
    notebook = registry.met(around.notebook, where.coderoot, around.machine, around.cell_id)
    if not registry.moved(bound.session, notebook, where.host.now()):
        return bound
    told = f"renamed from {bound.notebook} while the kernel ran"
    why = f"the notebook {notebook.path}, from {around.notebook_why}; {told}"
    return replace(bound, how="renamed", session_why=why, notebook=notebook.path, notice="")


_ALONE = {
    "batch": "a batch run has a session of its own,",
    "console": "a console is no notebook: it has a session of its own,",
    "notebook": "the front end does not tell this notebook's file: it has a session of its own,",
    "program": "a program has a session of its own,",
}

_ALONE_SINCE = {
    "batch": "this run alone, since a batch run resumes only a session that is named",
    "console": "this run alone, since a console is no notebook and nothing names a session",
    "notebook": "this run alone, since nobody knows the notebook's file or names a session",
    "program": "this run alone, since nothing names a session",
}


def _naming(where: Context) -> str:
    return f"to name one: %hero_context {where.name} -s NAME"


def _told_of(match: registry.Found, notebook: registry.Notebook, session: Session) -> str:
    """What a match has to say; empty when the file is where it was."""
    entry = match.entry
    if entry is None or entry.path in ("", notebook.name):
        return ""
    on = "" if entry.machine in ("", notebook.machine) else f" on {entry.machine}"
    if match.how == "copied":
        share = f"%hero_context {session.context.name} -s {entry.session}"
        return f"copied from {entry.path}{on}; to share its session: {share}"
    return f"{'renamed from' if match.how == 'renamed' else 'known as'} {entry.path}{on}"


def _told(error: BadNameError, given: Named) -> BadNameError:
    return BadNameError(f"{error.message}, from {given.why}", hint=error.hint)
