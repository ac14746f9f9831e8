"""Running: what `hero-kernel run` does with what it was given."""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hero_kernel
from hero_kernel.commands.shell import FAILED, INTERRUPTED
from hero_kernel.errors import HeroError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hero_kernel import Playbook, Session, Workspace
    from hero_kernel.commands.given import Given
    from hero_kernel.runner import Watch

STDIN = "-"
"""What stands for standard input."""

_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)


def run(
    path: str,
    pairs: Sequence[str],
    given: Given,
    *,
    dry_run: bool = False,
    keep_going: bool = False,
    only: Sequence[str] = (),
    resume: bool = False,
    pull: bool = False,
    branch: str = "",
    out: Path | None = None,
) -> int:
    """Carry out what a path holds, and show the report; the options are the command's.

    Returns:
        The exit status.

    Raises:
        HeroError: It cannot be carried out as it stands.
    """
    is_part = bool(only) or resume
    _refuse(path, pairs, given, dry_run=dry_run, part=is_part, git=pull or bool(branch), out=out)
    for variable, value in (("HERO_CONTEXT", given.context), ("HERO_SESSION", given.session)):
        if value:
            os.environ[variable] = value  # a notebook's kernel reads it too
    if path.endswith(".ipynb"):
        return _notebook(Path(path).expanduser().absolute(), given, out, keep_going=keep_going)
    replace = dict(_pair(word) for word in pairs)
    workspace = hero_kernel.workspace()
    playbook, source = _read(workspace, path, replace, pull=pull, branch=branch)
    session = workspace.session()  # only now: what cannot be read makes none
    if given.unlock:
        session.context.secrets.ready(interactive=True)
    return _script(
        workspace,
        session,
        playbook,
        given,
        source=source,
        keep_going=keep_going,
        dry_run=dry_run,
        only=only,
        resume=resume,
    )


def _refuse(
    path: str,
    pairs: Sequence[str],
    given: Given,
    *,
    dry_run: bool,
    part: bool,
    git: bool,
    out: Path | None,
) -> None:
    """Tell options that mean nothing for what the path is.

    Raises:
        UsageError: There is one.
    """
    is_notebook, is_fetched = path.endswith(".ipynb"), _is_fetched(path)
    for is_wrong, message, hint in (
        (
            is_notebook and is_fetched,
            "a notebook of others is not run from its address",
            "clone it, read it, and run the file",
        ),
        (
            is_notebook and dry_run,
            "a notebook is Python too and cannot be tried without running it",
            "--dry-run is for scripts, and for cells of heroscript",
        ),
        (
            is_notebook and part,
            "--only and --resume are for scripts",
            "a cell of the notebook takes them: %%heroscript --resume",
        ),
        (
            is_notebook and bool(pairs),
            "NAME=VALUE is for scripts",
            "papermill -p gives a notebook its parameters",
        ),
        (
            is_notebook and given.unlock,
            "--unlock is for scripts: a notebook's kernel is another process",
            "set HERO_SECRET_FILE",
        ),
        (
            not is_notebook and out is not None,
            "--out is for notebooks",
            "a script's report is kept in its session",
        ),
        (
            git and not is_fetched,
            "--pull and --branch are for git addresses",
            f"{path} is taken for a path",
        ),
    ):
        if is_wrong:
            raise UsageError(message, hint=hint)


def _is_fetched(path: str) -> bool:
    return "://" in path or path.startswith("git@")


def _pair(word: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(word)
    if found is None:
        raise UsageError(
            f"{word} is not NAME=VALUE", hint="run takes one path; what follows it fills in {NAME}"
        )
    return found[1], found[2]


def _read(
    workspace: Workspace,
    path: str,
    replace: dict[str, str],
    *,
    pull: bool,
    branch: str,
) -> tuple[Playbook, str]:
    """The playbook, and what its report calls it."""
    playbook = hero_kernel.Playbook()
    if path == STDIN:
        playbook.add(_input(), name="<stdin>", replace=replace)
        return playbook, "<stdin>"
    if _is_fetched(path):
        texts = workspace.fetch(path, pull=pull, branch=branch)
        playbook.add(texts=texts, replace=replace)
        return playbook, path
    file = Path(path).expanduser().absolute()
    playbook.add(path=file, replace=replace)
    return playbook, str(file)


def _input() -> str:
    if sys.stdin is None:
        raise SourceError("standard input is closed", hint="name a file")
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise SourceError(
            f"standard input is not UTF-8 text: byte {error.start} cannot be read",
            hint="give it as UTF-8",
        ) from None


def _script(
    workspace: Workspace,
    session: Session,
    playbook: Playbook,
    given: Given,
    *,
    source: str,
    **options: Any,
) -> int:
    from hero_kernel.commands import show  # noqa: PLC0415  # after what may be refused
    from hero_kernel.report import Status  # noqa: PLC0415  # as above

    watch: Watch | None = None
    with ExitStack() as line:
        if show.is_terminal(sys.stderr) and not given.as_json:
            from hero_kernel.commands.terminal import progress  # noqa: PLC0415  # rich

            shown, workspace.prompt = line.enter_context(progress(workspace.prompt))
            watch = shown.watch
        workspace.session_hold(session, source)  # nobody takes the session for one that is free
        line.callback(workspace.session_release)
        report = workspace.run(
            session, playbook, source=source, strict=True, watch=watch, **options
        )
    show.answer(report, as_json=given.as_json, redactor=workspace.redactor)
    if any(result.status is Status.INTERRUPTED for result in report.results):
        return INTERRUPTED
    return 0 if report.ok else FAILED


def _notebook(path: Path, given: Given, out: Path | None, *, keep_going: bool) -> int:
    try:
        from hero_kernel.kernel.notebook import execute  # noqa: PLC0415  # needs the extra `run`
    except ImportError as error:
        raise HeroError(
            f"{error.name} is not installed", hint="pip install 'hero-kernel[run]'"
        ) from error
    executed = execute(path, keep_going=keep_going)
    if out is not None:
        executed.write(out)
    from hero_kernel.commands import show  # noqa: PLC0415  # as in `_script`

    said = show.Document(executed.to_dict()) if given.as_json else str(executed)
    show.answer(said, as_json=given.as_json)
    if executed.interrupted:
        return 128 + executed.interrupted
    return 0 if executed.ok else FAILED
